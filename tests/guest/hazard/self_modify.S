/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Code that changes itself while it is hot, 32-bit.  The loops have one store that nearly always goes to data, and every
 * sixteenth time to the immediate of an ADD that they sum with: from 160 down to 1, the sum is 16 * (160 + 144 + ... + 16)
 * = 14080 if every ADD is of the last value stored.
 */
#include "common.inc"
#include "catch.inc"

#define SUM 14080
#define PAGES 0x200000	/* a fresh page for each: those with many changes may be treated in another way */
#define DATA 0x1f0000
	.set	page, PAGES

	/* `store' writes ECX (CL at least) to [ESI], and may change EBX and EDX.  The ADD is behind `between'. */
	.macro	SUMMING name:req, store:req, between=nop
	.text	1
	.balign	64
7:	xor	eax, eax
	mov	ecx, 160
	mov	edi, DATA
1:	mov	esi, edi
	test	cl, 15
	cmovz	esi, ebp
	\store
	\between
2:	.byte	0x05
	.long	0
	dec	ecx
	jnz	1b
	ret
8:	.set	place, 2b + 1 - 7b
	.text	0
	PLACE	7b, 8b, page
	lea	ebp, [page + place]
	mov	eax, page
	call	eax
	IS	"\name", SUM
	.set	page, page + 0x1000
	.endm

	.macro	STORE_BYTE
	mov	[esi], cl
	.endm
	.macro	STORE_LONG
	mov	[esi], ecx
	.endm
	.macro	STORE_WIDE	/* from three bytes before */
	mov	ebx, [esi - 3]
	mov	edx, ecx
	shl	edx, 24
	and	ebx, 0xffffff
	or	ebx, edx
	mov	[esi - 3], ebx
	.endm
	.macro	STORE_PUSH
	mov	edx, esp
	lea	esp, [esi + 4]
	push	ecx
	mov	esp, edx
	.endm
	.macro	STORE_XCHG
	mov	ebx, ecx
	xchg	[esi], ebx
	.endm
	.macro	STORE_XADD
	mov	ebx, ecx
	sub	ebx, [esi]
	lock xadd [esi], ebx
	.endm
	.macro	STORE_CMPXCHG
	push	eax
	mov	eax, [esi]
	lock cmpxchg [esi], ecx
	pop	eax
	.endm
	.macro	STORE_CMPXCHG8B
	push	eax
	push	ecx
	push	ecx
	mov	eax, [esi]
	mov	edx, [esi + 4]
	pop	ebx
	mov	ecx, edx
	lock cmpxchg8b [esi]
	pop	ecx
	pop	eax
	.endm
	.macro	STORE_LOCK_ADD
	mov	ebx, ecx
	sub	ebx, [esi]
	lock add [esi], ebx
	.endm
	.macro	STORE_INC
	mov	byte ptr [esi], cl
	inc	byte ptr [esi]
	dec	byte ptr [esi]
	.endm
	.macro	STORE_BTS	/* clear it, and set bits 4 to 7 as they are in CL */
	mov	byte ptr [esi], 0
	.irp	bit, 4, 5, 6, 7
	bt	ecx, \bit
	jnc	3f
	bts	dword ptr [esi], \bit
3:
	.endr
	.endm
	.macro	STORE_SETCC
	mov	byte ptr [esi], 0
	cmp	ecx, 0
	setnz	byte ptr [esi]		/* 1, and then the rest */
	lea	ebx, [ecx - 1]
	add	[esi], bl
	.endm
	.macro	STORE_STOS
	push	edi
	push	eax
	push	ecx
	mov	edi, esi
	mov	eax, ecx
	mov	ecx, 1
	rep stosb
	pop	ecx
	pop	eax
	pop	edi
	.endm
	.macro	STORE_STOSD
	push	edi
	push	eax
	mov	edi, esi
	mov	eax, ecx
	stosd
	pop	eax
	pop	edi
	.endm
	.macro	STORE_MOVS
	push	edi
	push	ecx
	mov	edi, esi
	mov	esi, esp
	mov	ecx, 4
	rep movsb
	pop	ecx
	pop	edi
	.endm
	.macro	STORE_MOVS_DOWN
	push	edi
	push	ecx
	lea	edi, [esi + 3]
	lea	esi, [esp + 3]
	mov	ecx, 4
	std
	rep movsb
	cld
	pop	ecx
	pop	edi
	.endm
	.macro	STORE_POP
	push	ecx
	pop	dword ptr [esi]
	.endm
	.macro	STORE_MOFFS
	mov	bl, cl
	test	cl, 15
	jnz	3f
	mov	edx, eax
	mov	eax, ecx
	.byte	0xa2
	.long	page + (2f + 1 - 7b)
	mov	eax, edx
3:
	.endm
	.macro	STORE_FIST
	push	ecx
	fild	dword ptr [esp]
	fistp	dword ptr [esi]
	pop	ecx
	.endm
	.macro	STORE_MOVD
	movd	xmm0, ecx
	movd	dword ptr [esi], xmm0
	.endm
	.macro	NO_BETWEEN
	.endm
	.macro	BLOCK_BETWEEN
	jmp	3f
	hlt
3:
	.endm
	.macro	CALL_BETWEEN
	call	3f
	jmp	4f
3:	ret
4:
	.endm
	.macro	LINE_BETWEEN	/* the ADD begins a 64-byte line, whose predecessor holds data there */
	jmp	2f
	.balign	64
	.endm
	.macro	FAR_BETWEEN	/* it is in another page */
	jmp	2f
	.fill	4096
	.endm

main:
	cli
	call	catch_init
	mov	eax, cr4
	or	eax, 0x200	/* OSFXSR */
	mov	cr4, eax
	fninit
	SUMMING	"next instruction", STORE_BYTE
	SUMMING	"next instruction, directly", STORE_LONG, NO_BETWEEN
	SUMMING	"by three bytes before it", STORE_WIDE
	SUMMING	"by PUSH", STORE_PUSH
	SUMMING	"by XCHG", STORE_XCHG
	SUMMING	"by LOCK XADD", STORE_XADD
	SUMMING	"by LOCK CMPXCHG", STORE_CMPXCHG
	SUMMING	"by LOCK CMPXCHG8B", STORE_CMPXCHG8B
	SUMMING	"by LOCK ADD", STORE_LOCK_ADD
	SUMMING	"by INC and DEC", STORE_INC
	SUMMING	"by BTS", STORE_BTS
	SUMMING	"by SETcc", STORE_SETCC
	SUMMING	"by REP STOSB", STORE_STOS
	SUMMING	"by STOSD", STORE_STOSD
	SUMMING	"by REP MOVSB", STORE_MOVS
	SUMMING	"by REP MOVSB downwards", STORE_MOVS_DOWN
	SUMMING	"by POP", STORE_POP
	SUMMING	"by MOV to an offset", STORE_MOFFS
	SUMMING	"by FISTP", STORE_FIST
	SUMMING	"by MOVD", STORE_MOVD
	SUMMING	"next block", STORE_BYTE, BLOCK_BETWEEN
	SUMMING	"behind a call", STORE_BYTE, CALL_BETWEEN
	SUMMING	"across the line that it begins", STORE_WIDE, LINE_BETWEEN
	SUMMING	"next block, by PUSH", STORE_PUSH, BLOCK_BETWEEN
	SUMMING	"next block, by REP MOVSB", STORE_MOVS, BLOCK_BETWEEN
	SUMMING	"another page", STORE_BYTE, FAR_BETWEEN
	.set	page, page + 0x1000
	SUMMING	"another page, by PUSH", STORE_PUSH, FAR_BETWEEN
	.set	page, page + 0x1000
	SUMMING	"another page, by LOCK XADD", STORE_XADD, FAR_BETWEEN
	.set	page, page + 0x1000
	SUMMING	"another page, by REP STOSB", STORE_STOS, FAR_BETWEEN
	.set	page, page + 0x1000

/* ---- A page with data and code: 100,000 stores beside the code, in other lines and in its own */
	PLACE	mixed, mixed_end, page
	mov	ebp, page
	mov	ecx, 100000
	call	ebp
	IS	"data beside code: the sum", 100000
	FOUND	"data beside code: in another line", (page+0x800), 100000
	FOUND	"data beside code: in its line", (page+mixed_own-mixed), 100000
	.set	page, page + 0x1000

/* ---- Many changes of one function: 500 times another immediate, called 1, 2, 3 ... 8 times in between */
	PLACE	constant, constant_end, page
	xor	ebx, ebx
	xor	edi, edi
	mov	ecx, 500
1:	mov	[page + 1], ecx
	mov	edx, ecx
	and	edx, 7
	inc	edx
2:	mov	eax, page
	call	eax
	cmp	eax, ecx
	je	3f
	inc	edi
3:	add	ebx, eax
	dec	edx
	jnz	2b
	loop	1b
	mov	eax, edi
	IS	"500 changes: none is missed", 0
	.set	page, page + 0x1000

/* ---- Code that is written over by other code: whole functions by REP MOVSB, and a call that writes over its callee */
	xor	ebx, ebx
	mov	ebp, page
	mov	edx, 12
1:	PLACE	constant, constant_end, page
	mov	dword ptr [page + 1], 3
	call	ten_times
	PLACE	other, other_end, page
	call	ten_times
	dec	edx
	jnz	1b
	mov	eax, ebx
	IS	"functions that take turns", (12*10*(3+100))
	.set	page, page + 0x1000

/* ---- A return address pushed over the next instruction's immediate: CALL is the writer */
	PLACE	called, called_end, page
	lea	ebp, [page + called_add + 1 - called]
	mov	eax, page
	call	eax
	/* 150 * 7 + 10 times the address */
	imul	ecx, ebp, 10
	add	ecx, 150 * 7 - 10 * (called_add + 1 - called_back)
	IS	"by CALL", ecx
	.set	page, page + 0x1000
	ret

ten_times:
	mov	ecx, 10
1:	call	ebp
	add	ebx, eax
	loop	1b
	ret

	.text	1
mixed:
	xor	eax, eax
1:	inc	dword ptr [ebp + 0x800]
	jmp	2f
	.balign	4
mixed_own: .long 0
2:	inc	dword ptr [ebp + mixed_own - mixed]
	inc	eax
	dec	ecx
	jnz	1b
	ret
mixed_end:
constant:
	mov	eax, 0
	ret
constant_end:
other:
	push	100
	pop	eax
	ret
other_end:
	/* 160 turns; the ADD's immediate is the return address in every sixteenth, and 7 again in all others. */
called:
	xor	eax, eax
	mov	ecx, 160
	mov	edi, DATA
1:	mov	esi, edi
	test	cl, 15
	cmovz	esi, ebp
	mov	edx, esp
	lea	esp, [esi + 4]
	call	2f
called_back:
	jmp	3f
2:	mov	esp, edx
called_add:
	.byte	0x05
	.long	7
	test	cl, 15
	jnz	3f
	mov	dword ptr [ebp], 7
3:	dec	ecx
	jnz	1b
	ret
called_end:
	.text	0
