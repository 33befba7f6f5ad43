/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * SSE and x87 in hot code: CR0.TS, CR0.EM and CR4.OSFXSR changed under it, misaligned operands, unmasked exceptions, rounding
 * and flushing by MXCSR, state that lives through interrupts, faults and device accesses, deferred x87 errors.
 */
#include "common.inc"
#include "catch.inc"

#define APIC 0xfee00000
#define DATA 0x1f0000

	.text	1
	.balign	16
ones:	.long	1, 2, 3, 4
singles: .float	1.5, 2.5, -1.5, -2.5
fives:	.float	5, 5, 5, 5
zeros:	.long	0, 0, 0, 0
tiny:	.long	0x00000001, 0x00000001, 0x00000001, 0x00000001	/* denormal */
small:	.long	0x00800000, 0x00800000, 0x00800000, 0x00800000	/* the smallest normal */
half:	.float	0.5, 0.5, 0.5, 0.5
three:	.double	3
mxcsr:	.long	0
not_available: .long 0
ticks:	.long	0
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
	.macro	MXCSR value:req
	mov	dword ptr [mxcsr], \value
	ldmxcsr	[mxcsr]
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

	/* 50 turns, XMM0 += 1, 2, 3, 4 */
sum:	mov	ecx, 50
1:
sum_at:	paddd	xmm0, [ones]
	dec	ecx
	jnz	1b
	ret
x87_sum:
	mov	ecx, 50
1:
x87_at:	fadd	qword ptr [three]
	dec	ecx
	jnz	1b
	ret
wait_loop:
	mov	ecx, 50
1:
wait_at: fwait
	dec	ecx
	jnz	1b
	int	STOP

main:
	cli
	call	catch_init
	CR4	0x600, 0	/* OSFXSR, OSXMMEXCPT */
	CR0	0x22, 4		/* NE, MP */
	fninit
	MXCSR	0x1f80
	call	modes
	call	alignment
	call	exceptions
	call	rounding
	call	state
	call	deferred
	call	compares
	ret

/* ---- TS: #NM once, by the first that comes, whose hook clears it; EM and OSFXSR: #UD */
modes:
	mov	dword ptr [hooks + 4 * 7], offset on_nm
	pxor	xmm0, xmm0
	mov	esi, 40
1:	call	sum
	CR0	8, 0
	call	sum
	dec	esi
	jnz	1b
	FOUND	"SSE: TS under a hot loop", not_available, 40
	movd	eax, xmm0
	IS	"SSE: the sum", 4000
	psrldq	xmm0, 12
	movd	eax, xmm0
	IS	"SSE: the last sum", 16000
	mov	dword ptr [not_available], 0
	fldz
	mov	esi, 40
1:	call	x87_sum
	CR0	8, 0
	call	x87_sum
	dec	esi
	jnz	1b
	fistp	dword ptr [DATA]
	FOUND	"x87: TS under a hot loop", not_available, 40
	FOUND	"x87: the sum", DATA, 12000
	mov	dword ptr [hooks + 4 * 7], 0
	xor	ebx, ebx
	mov	esi, 20
1:	call	sum
	CR0	4, 0
	mov	eax, offset sum
	call	try
	CAUGHT	6, sum_at
	mov	eax, offset x87_sum
	call	try
	CAUGHT	7, x87_at
	CR0	0, 4
	call	sum
	CR4	0, 0x200
	mov	eax, offset sum
	call	try
	CAUGHT	6, sum_at
	CR4	0x200, 0
	call	sum
	/* FWAIT heeds TS with MP alone. */
	mov	eax, offset wait_loop
	call	try
	cmp	eax, STOP
	jne	2f
	inc	ebx
2:	CR0	8, 0
	mov	eax, offset wait_loop
	call	try
	CAUGHT	7, wait_at
	CR0	0, 2
	mov	eax, offset wait_loop
	call	try
	cmp	eax, STOP
	jne	2f
	inc	ebx
2:	CR0	2, 8
	dec	esi
	jnz	1b
	mov	eax, ebx
	IS	"EM, OSFXSR, MP", 120
	ret

/* ---- Aligned operands: the pointer goes up by 16, and then by one */
	.macro	ALIGNED name:req, code:req
	.text	1
7:	mov	esi, DATA
	mov	ecx, 40
1:	movaps	xmm1, [singles]
	movaps	xmm2, xmm1
8:	\code
	add	esi, 16
	dec	ecx
	cmp	ecx, 10
	jne	1b
	inc	esi
	jmp	1b
	.text	0
	xor	ebx, ebx
	mov	edi, 20
1:	push	edi
	mov	edi, DATA
	mov	ecx, 256
	mov	eax, 0x3f800000
	rep stosd
	pop	edi
	mov	eax, offset 7b
	call	try
	cmp	dword ptr [caught_ecx], 10
	jne	2f
	cmp	dword ptr [caught_error], 0
	jne	2f
	CAUGHT	13, 8b
	/* XMM1 as before */
	pcmpeqd	xmm1, xmm2
	pmovmskb eax, xmm1
	cmp	eax, 0xffff
	je	2f
	dec	ebx
2:	dec	edi
	jnz	1b
	mov	eax, ebx
	IS	"\name", 20
	.endm
alignment:
	ALIGNED	"MOVAPS", "movaps xmm1, [esi]"
	ALIGNED	"MOVAPS to memory", "movaps [esi], xmm3"
	ALIGNED	"MOVDQA", "movdqa xmm1, [esi]"
	ALIGNED	"ADDPS", "addps xmm1, [esi]"
	ALIGNED	"PXOR", "pxor xmm1, [esi]"
	ALIGNED	"MOVNTDQ", "movntdq [esi], xmm3"
	ret

/* ---- Unmasked: division by zero comes in the eleventh turn from the end; #XM, or #UD without OSXMMEXCPT */
divides:
	mov	ecx, 40
	movaps	xmm1, [fives]
1:	movaps	xmm0, [fives]
	cmp	ecx, 10
	jne	divides_at
	pxor	xmm1, xmm1
divides_at:
	divps	xmm0, xmm1
	dec	ecx
	jnz	1b
	int	STOP
exceptions:
	xor	ebx, ebx
	mov	edi, 20
1:	MXCSR	0x1f80
	mov	eax, offset divides
	call	try
	stmxcsr	[mxcsr]
	cmp	eax, STOP
	jne	2f
	cmp	dword ptr [mxcsr], 0x1f84	/* ZE alone: 5 / 5 is exact */
	jne	2f
	inc	ebx
2:	MXCSR	0x1d80
	mov	eax, offset divides
	call	try
	CAUGHT	19, divides_at
	cmp	dword ptr [caught_ecx], 10
	jne	2f
	stmxcsr	[mxcsr]
	cmp	dword ptr [mxcsr], 0x1d84
	jne	2f
	/* what it would have written is as before */
	pcmpeqd	xmm0, [fives]
	pmovmskb eax, xmm0
	cmp	eax, 0xffff
	jne	2f
	inc	ebx
2:	CR4	0, 0x400
	MXCSR	0x1d80
	mov	eax, offset divides
	call	try
	CAUGHT	6, divides_at
	CR4	0x400, 0
	MXCSR	0x1f80
	dec	edi
	jnz	1b
	mov	eax, ebx
	IS	"division by zero, masked and not", 80
	ret

/* ---- Rounding: 1.5, 2.5, -1.5, -2.5 to integers by each mode: nearest 2 2 -2 -2, down 1 2 -2 -3, up 2 3 -1 -2, to zero
 * 1 2 -1 -2; the sums, with weights 1, 10, 100, 1000, are -2178, -3179, -2068, -2079 */
convert:
	mov	ecx, 10
1:	cvtps2dq xmm0, [singles]
	dec	ecx
	jnz	1b
	movdqa	[DATA], xmm0
	mov	eax, [DATA]
	imul	edx, [DATA + 4], 10
	add	eax, edx
	imul	edx, [DATA + 8], 100
	add	eax, edx
	imul	edx, [DATA + 12], 1000
	add	eax, edx
	ret
rounding:
	xor	ebx, ebx
	mov	edi, 20
1:	.irp	mode, 0x1f80, 0x3f80, 0x5f80, 0x7f80
	MXCSR	\mode
	call	convert
	add	ebx, eax
	.endr
	MXCSR	0x3f80
	call	convert
	cmp	eax, -3179
	je	2f
	inc	ebx
2:	dec	edi
	jnz	1b
	mov	eax, ebx
	IS	"rounding", (20*(-2178-3179-2068-2079))
	/* Half the smallest number is denormal, or with FTZ zero; a denormal number plus itself is twice it, or with DAZ 0. */
	xor	ebx, ebx
	mov	edi, 20
1:	.irp	mode, 0x1f80, 0x9f80, 0x1fc0
	MXCSR	\mode
	call	denormals
	.endr
	dec	edi
	jnz	1b
	MXCSR	0x1f80
	mov	eax, ebx	/* 400000h + 2; 0 + 0; 400000h + 0 */
	IS	"denormals", (20*0x800002)
	ret
denormals:
	mov	ecx, 10
1:	movaps	xmm0, [small]
	mulps	xmm0, [half]
	movaps	xmm1, [tiny]
	addps	xmm1, [tiny]
	dec	ecx
	jnz	1b
	movd	eax, xmm0
	add	ebx, eax
	movd	eax, xmm1
	add	ebx, eax
	ret

/* ---- State in all registers, through interrupts, ports, MMIO, faults and output; x87 keeps a sum too */
state:
	mov	eax, offset tick
	mov	[GATES + 8 * 0x2e], ax
	mov	dword ptr [APIC + 0xf0], 0x1ff
	mov	dword ptr [APIC + 0x3e0], 0xb
	mov	dword ptr [APIC + 0x320], 0x2002e
	mov	dword ptr [APIC + 0x380], 700
	mov	dword ptr [hooks + 4 * 6], offset skip_ud
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	pxor	xmm\n, xmm\n
	.endr
	fldz
	fld1
	sti
	mov	ecx, 3000
1:	paddd	xmm0, [ones]
	movdqa	xmm7, xmm0
	in	al, 0x61
	paddd	xmm1, [ones]
	paddd	xmm2, xmm1
	fadd	st(1), st
	mov	eax, [APIC + 0x390]
	paddd	xmm3, [ones]
	ud2
	psubd	xmm4, [ones]
	cvtsi2sd xmm6, ecx
	addsd	xmm5, xmm6
	dec	ecx
	jnz	1b
	cli
	mov	dword ptr [APIC + 0x320], 0x1002e
	mov	dword ptr [hooks + 4 * 6], 0
	fstp	st(0)
	fistp	dword ptr [DATA]
	FOUND	"x87 state", DATA, 3000
	movd	eax, xmm0
	IS	"XMM0", 3000
	movd	eax, xmm7
	IS	"XMM7", 3000
	psrldq	xmm1, 4
	movd	eax, xmm1
	IS	"XMM1", 6000
	movd	eax, xmm2
	IS	"XMM2", (3000*3001/2)
	psrldq	xmm3, 8
	movd	eax, xmm3
	IS	"XMM3", 9000
	movd	eax, xmm4
	IS	"XMM4", -3000
	cvtsd2si eax, xmm5
	IS	"XMM5", (3000*3001/2)
	mov	eax, [ticks]
	BETWEEN	"there were interrupts", 20, 1000000000
	ret
skip_ud:
	add	dword ptr [ebp + HOOK_EIP], 2
	ret

/* ---- x87: an unmasked error comes at the next waiting instruction, in a loop that was hot without; not at FNSTSW */
x87_divides:
	fld1
	mov	ecx, 40
1:	fld1
	cmp	ecx, 10
	jne	2f
	fstp	st(0)
	fldz
2:	fdivr	st, st(1)
x87_next:
	mov	edx, ecx
	fnstsw	ax
x87_waits:
	fstp	st(0)
	dec	ecx
	jnz	1b
	int	STOP
	.text	1
	.balign	4
x87_control: .long 0x37b
environment: .fill 7, 4
	.text	0
deferred:
	xor	ebx, ebx
	mov	edi, 20
1:	fninit
	fldcw	[x87_control]
	mov	eax, offset x87_divides
	call	try
	CAUGHT	16, x87_waits
	cmp	dword ptr [caught_edx], 10
	jne	2f
	mov	eax, [caught_eax]
	and	eax, 0x84	/* the summary, and ZE */
	cmp	eax, 0x84
	jne	2f
	fnstenv	[environment]
	cmp	dword ptr [environment + 12], offset x87_next - 2
	jne	2f
	inc	ebx
2:	fninit
	dec	edi
	jnz	1b
	mov	eax, ebx
	IS	"x87: an error at the next instruction", 40
	ret

/* ---- Flags of UCOMISS and COMISD: below, equal, above and unordered, 1000 times; kept through a store and a call */
	.text	1
	.balign	16
numbers: .float	1, 2, 3
	.long	0x7fc00000
	.text	0
store:	mov	[DATA], edx
	ret
compares:
	xor	ebx, ebx
	xor	esi, esi
	mov	ecx, 4000
	movss	xmm1, [numbers + 4]
1:	mov	edx, ecx
	and	edx, 3
	movss	xmm0, [numbers + edx * 4]
	ucomiss	xmm0, xmm1
	mov	[DATA + edx * 4], ecx
	call	store
	setb	al		/* 1: below or unordered */
	jp	2f
	jne	3f
	add	esi, 10
	jmp	3f
2:	add	esi, 1000
3:	movzx	eax, al
	add	ebx, eax
	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"UCOMISS: CF", 2000
	mov	eax, esi
	IS	"UCOMISS: ZF and PF", (1000*1010)
	ret
