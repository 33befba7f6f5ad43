/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * AVX and SSE in 64-bit mode: upper halves, XCR0, CR0.TS and CR4.OSXSAVE changed under hot code, operands that are not
 * aligned or lie across pages, all sixteen registers through interrupts and faults, code changed by wide stores.
 */
#include "common.inc"
#include "catch.inc"
#include "long.inc"

#define APIC 0xfee00000
#define DATA 0x1f0000

	.macro	LONG name:req, function:req, want:req
	mov	eax, offset \function
	call	long
	IS	"\name", \want
	.endm
	.macro	CAUGHT vector:req, at:req
	cmp	eax, \vector
	jne	9f
	cmp	dword ptr [caught64_rip], offset \at
	jne	9f
	inc	ebx
9:
	.endm
	.macro	XCR0 value:req
	xor	ecx, ecx
	xor	edx, edx
	mov	eax, \value
	xsetbv
	.endm

	.text	1
	.balign	32
ones:	.quad	1, 2, 3, 4
ticks:	.long	0
	.text	0

main:
	cli
	call	catch_init
	call	long_init
	LONG	"sums in YMM", sums, 8000
	LONG	"upper halves", halves, 0
	LONG	"XCR0, OSXSAVE and TS under a hot loop", modes, 80
	LONG	"alignment", alignment, 80
	LONG	"loads across pages", crossing, 60
	LONG	"registers through interrupts and faults", state, 0
	mov	eax, [ticks]
	BETWEEN	"there were interrupts", 20, 1000000000
	LONG	"code changed by wide stores", wide, 1480
	ret

	.code64
on:	mov	rax, cr4
	or	eax, 0x40600
	mov	cr4, rax
	XCR0	7
	ret

	/* 20 turns, YMM9 += 1, 2, 3, 4 */
sum:	mov	ecx, 20
1:
sum_at:	vpaddq	ymm9, ymm9, [ones]
	dec	ecx
	jnz	1b
	ret
sums:	call	on
	vpxor	xmm9, xmm9, xmm9
	mov	esi, 100
1:	call	sum
	dec	esi
	jnz	1b
	vextracti128 xmm1, ymm9, 1
	vpextrq	rax, xmm1, 1
	vzeroall
	ret

/* Legacy SSE keeps the upper half of its destination, VEX.128 clears it, VZEROUPPER does for all. */
halves:	call	on
	xor	ebx, ebx
	mov	ecx, 500
1:	vmovdqu	ymm3, [ones]
	vmovdqu	ymm12, [ones]
	vmovdqu	ymm13, [ones]
	vmovdqu	ymm14, [ones]
	paddq	xmm3, xmm12
	movdqu	xmm12, [ones + 16]
	vpaddq	xmm13, xmm13, xmm13
	mov	eax, 5
	vmovd	xmm14, eax
	vmovdqu	[DATA], ymm3
	vmovdqu	[DATA + 32], ymm12
	vmovdqu	[DATA + 64], ymm13
	vmovdqu	[DATA + 96], ymm14
	vzeroupper
	vmovdqu	[DATA + 128], ymm3
	mov	edi, offset wanted
	mov	esi, DATA
	mov	edx, 20
2:	mov	rax, [rsi]
	xor	rax, [rdi]
	or	rbx, rax
	add	rsi, 8
	add	rdi, 8
	dec	edx
	jnz	2b
	dec	ecx
	jnz	1b
	mov	eax, ebx
	ret
	.text	1
	.balign	8
wanted:	.quad	2, 4, 3, 4,  3, 4, 3, 4,  2, 4, 0, 0,  5, 0, 0, 0,  2, 4, 0, 0
	.text	0

/* 20 times four changes: #UD without AVX in XCR0, or OSXSAVE; #NM by TS; and it still runs */
modes:	call	on
	vpxor	xmm9, xmm9, xmm9
	xor	ebx, ebx
	mov	esi, 20
1:	call	sum
	XCR0	3
	mov	eax, offset sum
	call	try64
	CAUGHT	6, sum_at
	XCR0	7
	call	sum
	mov	rax, cr4
	and	eax, ~0x40000
	mov	cr4, rax
	mov	eax, offset sum
	call	try64
	CAUGHT	6, sum_at
	mov	rax, cr4
	or	eax, 0x40000
	mov	cr4, rax
	mov	rax, cr0
	or	eax, 8
	mov	cr0, rax
	mov	eax, offset sum
	call	try64
	CAUGHT	7, sum_at
	clts
	call	sum
	vmovq	rax, xmm9
	mov	edx, 21
	sub	edx, esi
	imul	edx, edx, 60
	cmp	eax, edx
	jne	2f
	inc	ebx
2:	dec	esi
	jnz	1b
	mov	eax, ebx
	ret

/* What must be aligned faults with nothing done, what need not does not. */
	.macro	ALIGNED code:req, step:req
	.text	1
7:	mov	esi, DATA
	mov	ecx, 40
1:	vmovdqu	ymm1, [ones]
8:	\code
	add	esi, \step
	dec	ecx
	cmp	ecx, 10
	jne	1b
	add	esi, \step / 2
	jmp	1b
	.text	0
	mov	eax, offset 7b
	call	try64
	vpcmpeqd ymm1, ymm1, [ones]
	vpmovmskb edx, ymm1
	cmp	edx, -1
	jne	9f
	cmp	dword ptr [caught64_rcx], 10
	jne	9f
	CAUGHT	13, 8b
	.endm
unaligned:
	mov	ecx, 100
	mov	esi, DATA + 1
1:	vmovdqu	[rsi], ymm1
	vpaddq	ymm2, ymm1, [rsi]
	vmovups	xmm3, [rsi + 3]
	inc	esi
	dec	ecx
	jnz	1b
	ud2
alignment:
	call	on
	xor	ebx, ebx
	mov	ebp, 20
alignment_again:
	ALIGNED	"vmovaps ymm1, [rsi]", 32
	ALIGNED	"vmovdqa [rsi], ymm1", 32
	ALIGNED	"movaps xmm1, [rsi]", 16
	vmovdqu	ymm1, [ones]
	mov	eax, offset unaligned
	call	try64
	cmp	eax, 6
	jne	2f
	cmp	dword ptr [caught64_rcx], 0
	jne	2f
	inc	ebx
2:	dec	ebp
	jnz	alignment_again
	mov	eax, ebx
	ret

/* 32 and 16 bytes that move up to a page which is not there. */
	.macro	CROSSES code:req, size:req, error:req
	.text	1
7:	mov	rsi, WINDOW64 + 0xf80
1:	vmovdqu	ymm1, [ones]
	mov	rdx, [rdi]
8:	\code
	inc	rsi
	jmp	1b
	.text	0
	mov	rdi, WINDOW64 + 0xff8
	mov	eax, offset 7b
	call	try64
	mov	rcx, WINDOW64 + 0x1001 - \size
	cmp	[caught64_rsi], rcx
	jne	9f
	mov	rcx, WINDOW64 + 0x1000
	cmp	[caught64_cr2], rcx
	jne	9f
	cmp	dword ptr [caught64_error], \error
	jne	9f
	mov	rcx, [rdi]
	cmp	[caught64_rdx], rcx
	jne	9f
	CAUGHT	14, 8b
	.endm
crossing:
	call	on
	mov	dword ptr [TABLE_A + 4], 0
	MAP64	TABLE_A, 0, RAM64 + 7
	MAP64	TABLE_A, 1, 0
	xor	ebx, ebx
	mov	ebp, 20
crossing_again:
	CROSSES	"vmovdqu ymm1, [rsi]", 32, 0
	CROSSES	"vmovups [rsi], ymm1", 32, 2
	CROSSES	"movdqu [rsi], xmm1", 16, 2
	dec	ebp
	jnz	crossing_again
	mov	eax, ebx
	ret

/* YMM0 to YMM15 each count with 1, 2, 3, 4; EAX = what is wrong */
tick64:	push	rax
	inc	dword ptr [ticks]
	mov	eax, APIC
	mov	dword ptr [rax + 0xb0], 0
	pop	rax
	iretq
skip_ud: /* over UD2, with nothing changed */
	add	qword ptr [rsp], 2
	iretq
state:	call	on
	mov	eax, offset tick64
	mov	[GATES64 + 16 * 0x2e], ax
	mov	ax, [GATES64 + 16 * 6]
	mov	[saved64], ax
	mov	eax, offset skip_ud
	mov	[GATES64 + 16 * 6], ax
	mov	eax, APIC
	mov	dword ptr [rax + 0xf0], 0x1ff
	mov	dword ptr [rax + 0x3e0], 0xb
	mov	dword ptr [rax + 0x320], 0x2002e
	mov	dword ptr [rax + 0x380], 700
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vpxor	xmm\n, xmm\n, xmm\n
	.endr
	sti
	mov	ecx, 2000
1:	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vpaddq	ymm\n, ymm\n, [ones]
	.if	\n == 3
	in	al, 0x61
	.elseif	\n == 7
	ud2
	.elseif	\n == 12
	mov	eax, APIC
	mov	eax, [rax + 0x390]
	.endif
	.endr
	dec	ecx
	jnz	1b
	cli
	mov	eax, APIC
	mov	dword ptr [rax + 0x320], 0x1002e
	mov	ax, [saved64]
	mov	[GATES64 + 16 * 6], ax
	xor	ebx, ebx
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vmovdqu	[DATA], ymm\n
	.irp	i, 1, 2, 3, 4
	cmp	qword ptr [DATA + 8 * \i - 8], 2000 * \i
	je	2f
	inc	ebx
2:
	.endr
	.endr
	mov	eax, ebx
	ret

/* The immediate of an ADD, in 160 turns: every sixteenth time it becomes 160, 144 ... 16 by a store of 32 bytes before it,
 * and 4 by one of 16 bytes behind it, for the 15 turns that follow: 880 + 150 * 4. */
	.text	1
	.balign	64
wide_code:
	xor	eax, eax
	mov	ecx, 160
1:	mov	rsi, rdi
	mov	edx, 0
	test	cl, 15
	cmovz	rsi, rbp
	cmovz	edx, ecx
	vmovdqu	ymm1, [rbp]
	vpinsrd	xmm2, xmm1, edx, 0
	vinserti128 ymm1, ymm1, xmm2, 0
	vmovdqu	[rsi], ymm1
	.byte	0x05
wide_imm:
	.long	0
	test	cl, 15
	jnz	2f
	movdqu	xmm3, [rbp]
	pinsrd	xmm3, [rdi + 64], 0
	movdqu	[rbp], xmm3
2:	jmp	3f
3:	dec	ecx
	jnz	1b
	ret
wide_end:
	.text	0
wide:	call	on
	mov	esi, offset wide_code
	mov	edi, RAM64 + 0x4000
	mov	ecx, offset wide_end - wide_code
	rep movsb
	mov	edi, DATA
	mov	dword ptr [DATA + 64], 4
	mov	ebp, offset wide_imm - wide_code
	add	ebp, RAM64 + 0x4000
	mov	eax, RAM64 + 0x4000
	call	rax
	ret
	.code32
