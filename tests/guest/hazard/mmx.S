/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * MMX in hot code, on the registers that are the x87's: CR0.TS, CR0.EM and pending x87 errors come under it, x87 and SSE
 * instructions stand between, and so do interrupts, faults and device accesses; results become addresses.
 */
#include "common.inc"
#include "catch.inc"

#define APIC 0xfee00000
#define DATA 0x1f0000

	.text	1
	.balign	16
ones:	.long	1, 0
halves:	.word	1, 2, 3, 4
factors: .long	0x10001, 0
control: .word	0x37f, 0x37b	/* division by zero masked, and not */
not_available: .long 0
ticks:	.long	0
ten:	.fill	10
	.text	0

	.macro	CR0 set:req, clear:req
	mov	eax, cr0
	and	eax, ~(\clear)
	or	eax, \set
	mov	cr0, eax
	.endm
	.macro	CR4 set:req, clear:req
	mov	eax, cr4
	and	eax, ~(\clear)
	or	eax, \set
	mov	cr4, eax
	.endm
	/* EBX counts where the vector was, and the instruction. */
	.macro	CAUGHT vector:req, at:req
	cmp	eax, \vector
	jne	9f
	cmp	dword ptr [caught_eip], offset \at
	jne	9f
	inc	ebx
9:
	.endm

tick:	push	eax
	inc	dword ptr [ticks]
	mov	dword ptr [APIC + 0xb0], 0
	pop	eax
	iretd
on_nm:	clts
	inc	dword ptr [not_available]
	ret

	/* 50 turns, MM0 += 1 */
sum:	mov	ecx, 50
1:
sum_at:	paddd	mm0, [ones]
	dec	ecx
	jnz	1b
	ret
empty:	mov	ecx, 50
1:
empty_at: emms
	dec	ecx
	jnz	1b
	ret

main:
	cli
	call	catch_init
	CR4	0x600, 0	/* OSFXSR, OSXMMEXCPT */
	CR0	0x22, 4		/* NE, MP */
	fninit
	call	modes
	call	pending
	call	aliases
	call	conversions
	call	addresses
	call	state
	emms
	ret

/* ---- TS: #NM once, by the first that comes, whose hook clears it; EM: #UD; without OSFXSR all is well */
modes:
	mov	dword ptr [hooks + 4 * 7], offset on_nm
	pxor	mm0, mm0
	mov	esi, 40
1:	call	sum
	CR0	8, 0
	call	sum
	dec	esi
	jnz	1b
	FOUND	"MMX: TS under a hot loop", not_available, 40
	movd	eax, mm0
	IS	"MMX: the sum", 4000
	mov	dword ptr [not_available], 0
	mov	esi, 40
1:	call	empty
	CR0	8, 0
	call	empty
	dec	esi
	jnz	1b
	FOUND	"EMMS: TS under a hot loop", not_available, 40
	mov	dword ptr [hooks + 4 * 7], 0
	xor	ebx, ebx
	mov	esi, 20
1:	call	sum
	CR0	4, 0
	mov	eax, offset sum
	call	try
	CAUGHT	6, sum_at
	mov	eax, offset empty
	call	try
	CAUGHT	6, empty_at
	CR0	8, 0		/* EM comes first */
	mov	eax, offset sum
	call	try
	CAUGHT	6, sum_at
	CR0	0, 12
	dec	esi
	jnz	1b
	mov	eax, ebx
	IS	"MMX: EM", 60
	pxor	mm0, mm0
	CR4	0, 0x200
	mov	esi, 20
1:	call	sum
	dec	esi
	jnz	1b
	CR4	0x200, 0
	movd	eax, mm0
	IS	"MMX without OSFXSR", 1000
	emms
	ret

/* ---- A division by zero, masked; in the eleventh turn from the end it no longer is, and the next MMX instruction says so.
 * FNSTSW does not wait. */
	.macro	PENDING name:req, code:req
	.text	1
7:	mov	ecx, 40
1:	fninit
	fld1
	fldz
	fdivr	st, st(1)
	cmp	ecx, 10
	jne	2f
	fldcw	[control + 2]
2:	fnstsw	ax
	mov	edx, ecx
8:	\code
	emms
	dec	ecx
	jnz	1b
	int	STOP
	.text	0
	xor	ebx, ebx
	mov	esi, 20
1:	mov	eax, offset 7b
	call	try
	CAUGHT	16, 8b
	cmp	dword ptr [caught_edx], 10
	jne	2f
	mov	eax, [caught_eax]
	and	eax, 0xb884	/* the summary, ZE, and TOP is 6 */
	cmp	eax, 0xb084
	jne	2f
	inc	ebx
2:	fninit
	dec	esi
	jnz	1b
	mov	eax, ebx
	IS	"\name", 40
	.endm
pending:
	PENDING	"pending error at PADDW", "paddw mm0, mm1"
	PENDING	"pending error at MOVQ to memory", "movq [ten], mm1"
	PENDING	"pending error at MOVD", "movd edi, mm1"
	PENDING	"pending error at CVTPI2PS", "cvtpi2ps xmm0, mm1"
	PENDING	"pending error at EMMS", "emms"
	ret

/* ---- Registers are the x87's: MM7 and MM6 are what was pushed first, then TOP is 0, no register is empty, and what has
 * been written is no number. */
mantissas:
	mov	ecx, 1000
1:	fninit
	fldpi
	fld1
	movq	mm0, mm7
	psrlq	mm0, 32
	movd	edx, mm0
	add	ebx, edx	/* C90FDAA2h */
	movq	[DATA], mm6
	add	ebx, [DATA + 4]	/* 80000000h */
	fnstsw	ax
	and	eax, 0x3800
	add	edi, eax	/* 0 */
	fstp	tbyte ptr [ten]	/* MM0, and TOP is 1 */
	movzx	edx, word ptr [ten + 8]
	cmp	edx, 0xffff
	jne	2f
	cmp	dword ptr [ten], 0xc90fdaa2
	jne	2f
	fnstsw	ax
	and	eax, 0x3841	/* and no stack fault */
	cmp	eax, 0x800
	jne	2f
	inc	edi
2:	dec	ecx
	jnz	1b
	int	STOP
	/* FTW: after a read nothing is empty; after EMMS all is, so that FXAM and a push find so */
tags:	mov	ecx, 1000
1:	fninit
	fldpi
	movd	edx, mm7
	fxam			/* ST0 is MM0 */
	fnstsw	ax
	and	eax, 0x4500
	cmp	eax, 0x4100	/* empty */
	je	2f
	inc	ebx
2:	emms
	fxam
	fnstsw	ax
	and	eax, 0x7d00
	cmp	eax, 0x4100
	jne	2f
	inc	edi
2:	fldpi
	fld1
	faddp
	fistp	dword ptr [DATA]
	cmp	dword ptr [DATA], 4
	jne	2f
	inc	edi
2:	fnstsw	ax
	test	eax, 0x41
	jnz	2f
	inc	edi
2:	dec	ecx
	jnz	1b
	int	STOP
aliases:
	xor	ebx, ebx
	xor	edi, edi
	mov	eax, offset mantissas
	call	try
	mov	eax, [caught_ebx]
	IS	"mantissas", ((0x490fdaa2*1000)&0xffffffff)
	FOUND	"TOP and what was written", caught_edi, 1000
	xor	ebx, ebx
	xor	edi, edi
	mov	eax, offset tags
	call	try
	FOUND	"tags after MMX", caught_ebx, 1000
	FOUND	"tags after EMMS", caught_edi, 3000
	ret

/* ---- Between MMX and SSE registers, with TS set in each turn */
conversions:
	mov	dword ptr [hooks + 4 * 7], offset on_nm
	mov	dword ptr [not_available], 0
	xor	ebx, ebx
	pxor	mm5, mm5
	mov	esi, 200
1:	movd	mm0, esi
	punpckldq mm0, mm0
	cvtpi2ps xmm0, mm0
	addps	xmm0, xmm0
	cvttps2pi mm1, xmm0	/* 2 ESI, twice */
	psrlq	mm1, 32
	movd	eax, mm1
	add	ebx, eax
	movq2dq	xmm1, mm0
	paddq	xmm1, xmm1
	CR0	8, 0
	movdq2q	mm2, xmm1
	pmuludq	mm2, [factors]	/* 2 ESI * 10001h */
	paddq	mm5, mm2
	pshufw	mm3, mm2, 0x4e
	pinsrw	mm3, esi, 1
	pextrw	eax, mm3, 1
	add	ebx, eax
	dec	esi
	jnz	1b
	mov	eax, ebx
	IS	"conversions", (3*200*201/2)
	movd	eax, mm5
	IS	"PMULUDQ", (200*201*0x10001)
	FOUND	"conversions: TS", not_available, 200
	mov	dword ptr [hooks + 4 * 7], 0
	emms
	ret

/* ---- What MMX puts into a general register is an address for what follows: ESI is DATA, and then it is not */
	.macro	ADDRESS name:req, value:req, code:req
	mov	edi, DATA
	mov	ecx, 0x400
	xor	eax, eax
1:	mov	[edi], eax
	add	edi, 4
	inc	eax
	dec	ecx
	jnz	1b
	mov	eax, \value
	movd	mm0, eax
	xor	ebx, ebx
	xor	edi, edi
	mov	ecx, 1000
	.balign	16
1:	xor	esi, esi
	mov	eax, [DATA + esi + 16]
	mov	eax, [esi + DATA + 16]
	add	eax, [esi + DATA + 24]
	add	ebx, eax
	\code
	add	edi, [esi + DATA + 16]
	add	edi, [esi + DATA + 24]
	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"\name: before", 10000
	mov	eax, edi
	.endm
addresses:
	ADDRESS	"MOVD", 64, "movd esi, mm0"
	IS	"MOVD: behind", (42*1000)
	ADDRESS	"PEXTRW", 128, "pextrw esi, mm0, 0"
	IS	"PEXTRW: behind", (74*1000)
	ADDRESS	"PMOVMSKB", 0x800000, "pmovmskb esi, mm0"
	IS	"PMOVMSKB: behind", (12*1000)
	emms
	ret

/* ---- State in all registers, through interrupts, ports, MMIO, faults and output; stores cross pages */
state:
	mov	eax, offset tick
	mov	[GATES + 8 * 0x2e], ax
	mov	dword ptr [APIC + 0xf0], 0x1ff
	mov	dword ptr [APIC + 0x3e0], 0xb
	mov	dword ptr [APIC + 0x320], 0x2002e
	mov	dword ptr [APIC + 0x380], 700
	mov	dword ptr [hooks + 4 * 6], offset skip_ud
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	pxor	mm\n, mm\n
	.endr
	pxor	xmm0, xmm0
	sti
	mov	ecx, 3000
1:	paddd	mm0, [ones]
	movq	mm7, mm0
	in	al, 0x61
	paddw	mm1, [halves]
	paddd	mm2, mm0
	mov	eax, [APIC + 0x390]
	paddd	mm3, [ones]
	ud2
	psubd	mm4, [ones]
	movq	[DATA + 0x1ffc], mm2
	movq2dq	xmm1, mm0
	paddd	xmm0, xmm1
	movd	mm5, [DATA + 0x1ffc]
	movntq	[DATA], mm3
	paddd	mm6, [DATA]
	dec	ecx
	jnz	1b
	cli
	mov	dword ptr [APIC + 0x320], 0x1002e
	mov	dword ptr [hooks + 4 * 6], 0
	movd	eax, mm0
	IS	"MM0", 3000
	pextrw	eax, mm1, 3
	IS	"MM1", 12000
	movd	eax, mm2
	IS	"MM2", (3000*3001/2)
	movd	eax, mm3
	IS	"MM3", 3000
	movd	eax, mm4
	IS	"MM4", -3000
	movd	eax, mm5
	IS	"MM5", (3000*3001/2)
	movd	eax, mm6
	IS	"MM6", (3000*3001/2)
	movd	eax, mm7
	IS	"MM7", 3000
	movd	eax, xmm0
	IS	"XMM0 beside", (3000*3001/2)
	fnstsw	ax
	and	eax, 0x3800
	IS	"TOP", 0
	mov	eax, [ticks]
	BETWEEN	"there were interrupts", 20, 1000000000
	ret
skip_ud:
	add	dword ptr [ebp + HOOK_EIP], 2
	ret
