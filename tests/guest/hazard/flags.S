/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Where flags live: across memory accesses, block ends, calls, returns, indirect jumps, interrupts and faults.  Most is
 * done by sums of many words, whose results are products: N times K in 96 bits, with K = 123456787F4A7C159E3779B9h, and the
 * carries out of bit 95, which are N * K / 2^96.
 */
#include "common.inc"
#include "catch.inc"

#define N 200000
#define K0 0x9e3779b9
#define K1 0x7f4a7c15
#define K2 0x12345678
/* N * K */
#define P0 0xcc37d340
#define P1 0x0f2cf916
#define P2 0x38e33a76
#define CARRIES 14222

#define DATA 0x1f0000
#define PAGES 0x200000
#define APIC 0xfee00000
	.set	page, PAGES

	/* N turns of three additions with something in between that must keep CF; `turn' ends in a jump to 1b. */
	.macro	PRODUCT name:req, first:req, second:req, third:req, turn=TURN_DEC
	.text	1
7:	push	ecx
	mov	ecx, N
	mov	edi, DATA
	xor	eax, eax
	xor	ebx, ebx
	xor	edx, edx
	xor	ebp, ebp
1:	add	eax, K0
	\first
	adc	ebx, K1
	\second
	adc	edx, K2
	\third
	adc	ebp, 0
	\turn
	pop	ecx
	ret
	.text	0
	mov	esi, offset 7b
	call	esi
	call	product
	IS	"\name", 0
	.endm
	.macro	TURN_DEC
	dec	ecx
	jnz	1b
	.endm
	.macro	TURN_LOOP
	loop	1b
	.endm
	.macro	TURN_JECXZ
	lea	ecx, [ecx - 1]
	jecxz	2f
	jmp	1b
2:
	.endm
	.macro	TURN_LOOPNE
	or	ecx, ecx
	loopne	1b
	.endm
	.macro	VIA_NOTHING
	.endm
	.macro	VIA_STORE
	mov	[edi], ebx
	.endm
	.macro	VIA_LOAD
	mov	esi, [edi + 4]
	.endm
	.macro	VIA_STACK
	push	ebx
	push	dword ptr [edi]
	pop	esi
	pop	ebx
	.endm
	.macro	VIA_CALL
	call	leaf
	.endm
	.macro	VIA_CALL_INDIRECT
	call	[leaf_address]
	.endm
	.macro	VIA_JUMP
	jmp	3f
	hlt
3:
	.endm
	.macro	VIA_JUMP_INDIRECT
	mov	esi, offset 3f
	jmp	esi
	hlt
3:
	.endm
	.macro	VIA_JUMP_TWO
	jc	3f
	nop
3:
	.endm
	.macro	VIA_RETURN
	push	offset 3f
	ret
	hlt
3:
	.endm
	.macro	VIA_RETURN_FAR
	push	cs
	push	offset 3f
	retf
	hlt
3:
	.endm
	.macro	VIA_RETURN_INTERRUPT
	pushfd
	push	cs
	push	offset 3f
	iretd
	hlt
3:
	.endm
	.macro	VIA_PUSHF
	pushfd
	cmp	ecx, 0
	popfd
	.endm
	.macro	VIA_LAHF
	mov	esi, eax
	lahf
	cmp	ecx, 0
	sahf
	mov	eax, esi
	.endm
	.macro	VIA_SETC
	setc	byte ptr [edi]
	cmp	ecx, 0
	cmp	byte ptr [edi], 1	/* CF if it was clear */
	cmc
	.endm
	.macro	VIA_SBB
	sbb	esi, esi
	cmp	ecx, 0
	add	esi, 1		/* -1 + 1 */
	.endm
	.macro	VIA_RCL
	mov	esi, 0
	rcl	esi, 1
	test	ecx, ecx
	shr	esi, 1
	.endm
	.macro	VIA_INC
	inc	dword ptr [edi]
	dec	esi
	.endm
	.macro	VIA_SHIFT_BY_0
	push	ecx
	mov	cl, 0
	shl	esi, cl
	ror	dword ptr [edi], cl
	rcr	esi, cl
	shld	[edi], esi, cl
	mov	cl, 32
	sar	esi, cl
	shl	esi, 0
	pop	ecx
	.endm
	.macro	VIA_PORT
	mov	esi, eax
	in	al, 0x61
	mov	eax, esi
	.endm
	.macro	VIA_SOFTWARE_INTERRUPT
	int	0x2f
	.endm
	.macro	VIA_BMI
	bswap	esi
	movzx	esi, cl
	not	esi
	xchg	esi, [edi]
	lea	esi, [esi + esi]
	cmovc	esi, [edi]
	.endm

main:
	cli
	call	catch_init
	mov	dword ptr [GATES + 8 * 0x2f], CODE32 << 16
	mov	eax, offset clobber
	mov	[GATES + 8 * 0x2f], ax
	mov	[GATES + 8 * 0x2e], ax
	mov	eax, offset tick
	mov	[GATES + 8 * 0x2e], ax
#ifdef SUMS
	call	all
	/* All again, with an interrupt every few hundred instructions. */
	mov	dword ptr [APIC + 0xf0], 0x1ff
	mov	dword ptr [APIC + 0x3e0], 0xb
	mov	dword ptr [APIC + 0x320], 0x2002e
	mov	dword ptr [APIC + 0x380], 300
	mov	ebp, offset storm_text
	sti
	call	all
	cli
	mov	dword ptr [APIC + 0x320], 0x1002e
	mov	eax, [ticks]
	BETWEEN	"there were interrupts", 10000, 1000000000
	call	counts
#else
	call	halves
	call	patched
	call	faults
#endif
	ret

tick:	push	eax
	inc	dword ptr [ticks]
	mov	dword ptr [APIC + 0xb0], 0
	xor	eax, eax
	pop	eax
	iretd
clobber:
	push	eax
	mov	al, 0x41
	add	al, 0x40
	pop	eax
	iretd
leaf:	lea	esi, [esi + 1]
	mov	[edi + 8], esi
	ret
product: /* how many of the four are wrong, into EAX; none in all loops: zero */
	xor	ecx, ecx
	cmp	eax, P0
	setne	cl
	cmp	ebx, P1
	setne	ch
	mov	eax, ecx
	cmp	edx, P2
	setne	cl
	cmp	ebp, CARRIES
	setne	ch
	or	eax, ecx
	ret

#ifdef SUMS
all:
	PRODUCT	"ADC at once", VIA_NOTHING, VIA_NOTHING, VIA_NOTHING
	PRODUCT	"across memory accesses", VIA_STORE, VIA_LOAD, VIA_STACK
	PRODUCT	"across calls", VIA_CALL, VIA_CALL_INDIRECT, VIA_CALL
	PRODUCT	"across jumps", VIA_JUMP, VIA_JUMP_INDIRECT, VIA_JUMP_TWO
	PRODUCT	"across returns", VIA_RETURN, VIA_RETURN_FAR, VIA_RETURN_INTERRUPT
	PRODUCT	"LOOP", VIA_STORE, VIA_CALL, VIA_JUMP, TURN_LOOP
	PRODUCT	"JECXZ", VIA_LOAD, VIA_JUMP_INDIRECT, VIA_STORE, TURN_JECXZ
	PRODUCT	"LOOPNE", VIA_LOAD, VIA_STORE, VIA_STORE, TURN_LOOPNE
	PRODUCT	"PUSHF, LAHF, SETC", VIA_PUSHF, VIA_LAHF, VIA_SETC
	PRODUCT	"SBB, RCL, INC", VIA_SBB, VIA_RCL, VIA_INC
	PRODUCT	"shifts by nothing", VIA_SHIFT_BY_0, VIA_STORE, VIA_SHIFT_BY_0
	PRODUCT	"software interrupts", VIA_SOFTWARE_INTERRUPT, VIA_PORT, VIA_NOTHING
	PRODUCT	"CMOV and moves", VIA_BMI, VIA_SETC, VIA_BMI

/* ---- 96 bits in a circle, 96 * 1000 times */
	mov	eax, K0
	mov	ebx, K1
	mov	edx, K2
	mov	ecx, 96000
	mov	edi, DATA
1:	shl	eax, 1
	mov	[edi], ecx
	rcl	ebx, 1
	call	leaf
	rcl	edx, 1
	adc	eax, 0
	loop	1b
	xor	eax, K0
	xor	ebx, K1
	xor	edx, K2
	or	eax, ebx
	or	eax, edx
	IS	"RCL in a circle", 0
/* ---- 256 bits, all ones, added 5000 times, each with a LOOP: the sum is -5000, the carries are 4999 */
	mov	edi, DATA
	xor	eax, eax
	mov	ecx, 16
	rep stosd
	mov	edx, 5000
	xor	ebp, ebp
	mov	ebx, -1
1:	mov	edi, DATA
	mov	ecx, 8
	clc
2:	adc	[edi], ebx
	lea	edi, [edi + 4]
	loop	2b
	adc	ebp, 0
	dec	edx
	jnz	1b
	mov	eax, [DATA]
	IS	"a loop of ADC: the lowest", -5000
	mov	eax, [DATA + 4]
	and	eax, [DATA + 28]
	IS	"a loop of ADC: the others", -1
	mov	eax, ebp
	IS	"a loop of ADC: carries", 4999
	ret

/* ---- Returned flags, of all kinds: parity of the bytes 0 to 255 by calls, 100 times; and overflow, by a jump table */
counts:
	xor	ebx, ebx
	xor	ebp, ebp
	mov	ecx, 25600
1:	mov	al, cl
	call	parity
	jnp	2f
	inc	ebx
2:	mov	al, cl
	mov	esi, [overflow_table]
	push	offset 3f
	jmp	esi
3:	jno	4f
	inc	ebp
4:	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"parity as a result", 12800
	mov	eax, ebp
	IS	"overflow as a result: AL + 1 at 7F", 100
	/* LOOPE goes on while bytes are equal, LOOPNE until one is. */
	mov	edi, DATA
	mov	ecx, 1000
	mov	al, 5
	rep stosb
	mov	byte ptr [DATA + 700], 6
	xor	ebx, ebx
	mov	edx, 200
5:	mov	ecx, 1000
	mov	edi, DATA
6:	cmp	byte ptr [edi], 5
	lea	edi, [edi + 1]
	loope	6b
	add	ebx, ecx
	mov	ecx, 1000
	mov	edi, DATA
6:	cmp	byte ptr [edi], 6
	lea	edi, [edi + 1]
	loopne	6b
	add	ebx, ecx
	dec	edx
	jnz	5b
	mov	eax, ebx
	IS	"LOOPE and LOOPNE", (200*(299+299))
	ret
#else
/* ---- Byte operands that are high halves: what CMPXCHG compares with is AL all the same */
halves:
	xor	ebx, ebx
	xor	ebp, ebp
	mov	ecx, 1000
1:	mov	byte ptr [DATA], 0x11
	mov	eax, 0x2211
	cmpxchg	[DATA], ah
	jne	2f
	inc	ebx
2:	cmp	byte ptr [DATA], 0x22
	jne	2f
	inc	ebx
2:	mov	eax, 0x2233
	lock cmpxchg [DATA], ah		/* 33 is not 22, which is loaded */
	je	2f
	cmp	eax, 0x2222
	jne	2f
	inc	ebx
2:	mov	byte ptr [DATA], 0x22
	mov	eax, 0x4433
	xadd	[DATA], ah
	cmp	eax, 0x2233
	jne	2f
	inc	ebp
2:	cmp	byte ptr [DATA], 0x66
	jne	2f
	inc	ebp
2:	mov	edx, 0x5500
	xchg	dh, [DATA]
	cmp	edx, 0x6600
	jne	2f
	inc	ebp
2:	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"CMPXCHG with AH", 3000
	mov	eax, ebp
	IS	"XADD with AH, XCHG with DH", 3000
	ret
#endif

parity:	add	al, 0
	ret
overflow:
	add	al, 1
	ret
	.text	1
	.balign	4
ticks:	.long	0
leaf_address: .long leaf
overflow_table: .long overflow
storm_text: .asciz "storm"

#ifndef SUMS
/* ---- What is stored makes an instruction of what overwrites flags that reads one: XOR EDX, EDX into SBB EDX, EDX.  CF is
 * set by then.  Every sixteenth of 160 times. */
	.macro	READER between:req
	xor	ebx, ebx
	mov	ecx, 160
1:	mov	al, 0x19
	mov	edi, DATA
	test	cl, 15
	cmovz	edi, ebp
	cmp	ecx, 1000
	mov	[edi], al
	\between
8:	xor	edx, edx
	sub	ebx, edx
	mov	al, 0x31
	mov	[edi], al
	loop	1b
	ret
	.endm
reader_1: READER VIA_NOTHING
reader_1_end:
	.set	reader_1_at, 8b - reader_1
reader_2: READER VIA_JUMP
reader_2_end:
	.set	reader_2_at, 8b - reader_2
	.text	0
patched:
	PLACE	reader_1, reader_1_end, page
	lea	ebp, [page + reader_1_at]
	mov	eax, page
	call	eax
	mov	eax, ebx
	IS	"the next instruction becomes one that reads flags", 10
	.set	page, page + 0x1000
	PLACE	reader_2, reader_2_end, page
	lea	ebp, [page + reader_2_at]
	mov	eax, page
	call	eax
	mov	eax, ebx
	IS	"the next block becomes one that reads flags", 10
	.set	page, page + 0x1000
	ret

/* ---- The flags that a fault pushes are those before the instruction, whatever overwrites them behind it: 5 - 7 leaves CF,
 * AF and SF.  FS has a limit of FFFh; the loop is hot before it runs into that. */
	.macro	FAULTING name:req, instruction:req
	.text	1
7:	mov	esi, 0x800
1:	mov	eax, 5
	mov	ecx, 2
	xor	edx, edx
	cmp	eax, 7
8:	\instruction
	xor	eax, eax
	inc	esi
	jmp	1b
	.text	0
	mov	eax, offset 7b
	call	try
	IS	"\name: #GP", 13
	FOUND	"\name: where", caught_eip, (offset 8b)
	mov	eax, [caught_flags]
	BITS	"\name: flags", 0x8d5, 0x91
	.endm
	.macro	VIA_LOADS
	mov	edx, fs:[esi]
	.endm
	.macro	VIA_STORES
	mov	fs:[esi], edx
	.endm
	.macro	VIA_ADDS
	add	fs:[esi], edx
	.endm
	.macro	VIA_XORS
	xor	edx, fs:[esi]
	.endm
	.macro	VIA_SHIFTS
	shl	dword ptr fs:[esi], cl
	.endm
faults:
	DESCRIPTOR TEST0, DATA, 0xfff, 0x93, 4
	mov	eax, TEST0
	mov	fs, eax
	FAULTING "load", VIA_LOADS
	FAULTING "store", VIA_STORES
	FAULTING "ADD", VIA_ADDS
	FAULTING "XOR", VIA_XORS
	FAULTING "SHL", VIA_SHIFTS
	/* #DE: the flags before DIV. */
	.text	1
7:	mov	esi, 100
1:	mov	eax, 5
	xor	edx, edx
	cmp	eax, 7
8:	div	esi
	dec	esi
	jmp	1b
	.text	0
	mov	eax, offset 7b
	call	try
	IS	"DIV: #DE", 0
	FOUND	"DIV: where", caught_eip, (offset 8b)
	mov	eax, [caught_flags]
	BITS	"DIV: flags", 0x8d5, 0x91
	/* An interrupt that the instruction itself brings, to ourselves, has those behind it: the same. */
	mov	eax, offset look
	mov	[GATES + 8 * 0x2e], ax
	mov	dword ptr [APIC + 0xf0], 0x1ff
	xor	ebx, ebx
	xor	esi, esi
	mov	ecx, 100
	sti
1:	mov	edx, 5
	mov	eax, 0x4402e
	cmp	edx, 7
	mov	[APIC + 0x300], eax
	xor	edx, edx
	dec	ecx
	jnz	1b
	cli
	mov	eax, esi
	IS	"interrupts to ourselves", 100
	mov	eax, ebx
	IS	"interrupts: flags", 100
	ret
look:	inc	esi
	mov	edx, [esp + 8]
	and	edx, 0x8d5
	cmp	edx, 0x91
	jne	1f
	inc	ebx
1:	mov	dword ptr [APIC + 0xb0], 0
	iretd
#endif
