/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Operands and instructions across two pages, at CPL 3.  A hot loop moves an operand by a byte each turn until it reaches
 * into a page that is not there, or cannot be written: #PF with the right CR2, error code and EIP, and nothing has
 * happened.  Upwards, the second page is bad, and the operand's last byte is its first; downwards, the other way round.
 */
#include "common.inc"
#include "catch.inc"
#include "paging.inc"

#define FIRST RAM
#define SECOND (RAM + 0x1000)
#define MIDDLE (WINDOW + 0x1000)
#define READS 0
#define WRITES 2
#define CHANGES 4	/* reads and writes: which of them a page that is not there stops is not said */

	/* `before' and `code' have the operand of `size' bytes at ESI, EBP and ESP, and may change all but ESI and EDI. */
	.macro	CROSS name:req, kind:req, size:req, code:req, before=NOT_BEFORE
	.text	1
7:	mov	esi, [first]
1:	mov	eax, 0x11111111
	mov	ecx, 0x22222222
	mov	edx, 0x33333333
	mov	ebx, 0x44444444
	mov	ebp, esi
	mov	esp, esi
	mov	edi, [probe]
	mov	edi, [edi]
	\before
8:	\code
9:	add	esi, [step]
	jmp	1b
	.text	0
	mov	dword ptr [operand_size], \size
	mov	dword ptr [operand_kind], \kind
	mov	dword ptr [entry], offset 7b
	mov	dword ptr [there], offset 8b
	call	crossings
	IS	"\name", 0
	.endm
	.macro	NOT_BEFORE
	.endm
	.macro	ABOVE_4
	lea	esp, [esi + 4]
	.endm
	.macro	ABOVE_2
	lea	esp, [esi + 2]
	.endm
	.macro	SAFE_STACK
	mov	esp, offset stack_end
	.endm
	.macro	EQUAL	/* to what is there: then it is stored anew */
	mov	eax, 0x5a5a5a5a
	.endm
	.macro	CODE_LOAD
	mov	ebx, [esi]
	.endm
	.macro	CODE_STORE
	mov	[esi], ebx
	.endm
	.macro	CODE_STORE_2
	mov	[esi], bx
	.endm
	.macro	CODE_STORE_IMMEDIATE
	mov	dword ptr [esi], 0x12345678
	.endm
	.macro	CODE_ADD
	add	[esi], ebx
	.endm
	.macro	CODE_ADC_LOAD
	adc	ebx, [esi]
	.endm
	.macro	CODE_NEG
	neg	dword ptr [esi]
	.endm
	.macro	CODE_SHL
	shl	dword ptr [esi], 3
	.endm
	.macro	CODE_XCHG
	xchg	[esi], ebx
	.endm
	.macro	CODE_XADD
	lock xadd [esi], ebx
	.endm
	.macro	CODE_CMPXCHG
	cmpxchg	[esi], ebx
	.endm
	.macro	CODE_CMPXCHG8B
	lock cmpxchg8b [esi]
	.endm
	.macro	CODE_BTS
	bts	dword ptr [esi], 5
	.endm
	.macro	CODE_PUSH
	push	ebx
	.endm
	.macro	CODE_PUSH_2
	push	bx
	.endm
	.macro	CODE_PUSH_IMMEDIATE
	push	0x77
	.endm
	.macro	CODE_PUSH_MEMORY
	push	dword ptr [esi]
	.endm
	.macro	CODE_PUSHF
	pushfd
	.endm
	.macro	CODE_POP
	pop	ebx
	.endm
	.macro	CODE_POP_ESP
	pop	esp
	.endm
	.macro	CODE_POP_MEMORY
	pop	dword ptr [esi]
	.endm
	.macro	CODE_LEAVE
	leave
	.endm
	.macro	CODE_ENTER
	enter	0, 0
	.endm
	.macro	CODE_CALL
	call	9f
	.endm
	.macro	CODE_CALL_INDIRECT
	call	ebx
	.endm
	.macro	TO_NEXT
	lea	esp, [esi + 4]
	mov	ebx, offset 9f
	.endm
	.macro	CODE_DIV	/* 3333333311111111h by 5A5A5A5Ah, or by more: no overflow */
	div	dword ptr [esi]
	.endm
	.macro	CODE_IMUL
	imul	ebx, [esi], 3
	.endm
	.macro	CODE_CMOV
	cmovnz	ebx, [esi]
	.endm
	.macro	CODE_MOVZX
	movzx	ebx, word ptr [esi]
	.endm
	.macro	CODE_FILD
	fild	qword ptr [esi]
	.endm
	.macro	DROP	/* what FILD has pushed the last time */
	emms
	.endm
	.macro	CODE_MOVDQU
	movdqu	xmm1, [esi]
	.endm
	.macro	CODE_MOVDQU_STORE
	movdqu	[esi], xmm0
	.endm

	.text	1
	.balign	4
first:	.long	0
step:	.long	0
probe:	.long	0
operand_size: .long 0
operand_kind: .long 0
entry:	.long	0
there:	.long	0
direction: .long 0
	.fill	64, 4
stack_end: .long 0, 0
	.text	0

	/* EAX must be EBX, or a bit of EDX is set. */
	.macro	WANT at:req, bit:req
	cmp	[\at], ebx
	je	8f
	or	edx, \bit
8:
	.endm
crossings: /* EAX = what is wrong; bit 12: where the page cannot be written, bit 13: downwards */
	xor	ebp, ebp
	mov	[direction], ebp
	mov	dword ptr [first], MIDDLE - 0x60
	mov	dword ptr [step], 1
	mov	dword ptr [probe], MIDDLE - 4
	mov	dword ptr [WINDOW_A], FIRST + 7
	mov	dword ptr [WINDOW_A + 4], 0
	mov	edi, MIDDLE + 1
	sub	edi, [operand_size]	/* where it faults, and: */
	mov	ecx, MIDDLE		/* CR2 */
	call	crossing
	mov	dword ptr [WINDOW_A + 4], SECOND + 5
	call	crossing_read_only
	mov	dword ptr [direction], 0x2000
	mov	dword ptr [first], MIDDLE + 0x60
	mov	dword ptr [step], -1
	mov	dword ptr [probe], MIDDLE
	mov	dword ptr [WINDOW_A], 0
	mov	dword ptr [WINDOW_A + 4], SECOND + 7
	mov	edi, MIDDLE - 1
	mov	ecx, MIDDLE - 1
	call	crossing
	mov	dword ptr [WINDOW_A], FIRST + 5
	call	crossing_read_only
	mov	eax, ebp
	ret
crossing_read_only:
	cmp	dword ptr [operand_kind], READS
	je	1f
	or	dword ptr [direction], 0x1000
	call	crossing
	and	dword ptr [direction], ~0x1000
1:	ret
crossing:
	pushad
	SPACE	SPACE_A
	push	edi
	push	ecx
	mov	edi, FIRST
	mov	ecx, 0x800
	mov	eax, 0x5a5a5a5a
	rep stosd
	pop	ecx
	pop	edi
	mov	eax, [entry]
	mov	edx, offset stack_end
	call	user
	mov	[caught_vector], eax
	xor	edx, edx
	mov	ebx, 14
	WANT	caught_vector, 1
	mov	ebx, ecx
	WANT	caught_cr2, 2
	mov	ebx, [operand_kind]
	and	ebx, 2
	or	ebx, 4
	test	dword ptr [direction], 0x1000
	jz	1f
	mov	ebx, 7
	jmp	2f
1:	cmp	dword ptr [operand_kind], CHANGES
	jne	2f
	mov	ebx, [caught_error]
	and	ebx, 2
	or	ebx, 4
2:	WANT	caught_error, 4
	mov	ebx, [there]
	WANT	caught_eip, 8
	mov	ebx, edi
	WANT	caught_esi, 0x10
	/* Memory is as it was before; the page that could not be used, too. */
	mov	eax, [probe]
	and	eax, 0x1fff
	mov	ebx, [caught_edi]
	WANT	(FIRST+eax), 0x20
	mov	ebx, 0x33333333
	WANT	caught_edx, 0x40
	/* The stack pointer: at the operand, behind it, or on a stack of its own. */
	mov	eax, [caught_esp]
	cmp	eax, edi
	je	1f
	sub	eax, 4
	cmp	eax, edi
	je	1f
	add	eax, 2
	cmp	eax, edi
	je	1f
	cmp	dword ptr [caught_esp], offset stack_end
	je	1f
	or	edx, 0x80
1:	mov	ebx, edi
	WANT	caught_ebp, 0x100
	test	edx, edx
	jz	1f
	or	edx, [direction]
	or	[esp + 8], edx	/* EBP */
1:	popad
	ret

main:
	cli
	call	catch_init
	mov	eax, cr4
	or	eax, 0x200
	mov	cr4, eax
	fninit
	call	paging_init
	CROSS	"load", READS, 4, CODE_LOAD
	CROSS	"store", WRITES, 4, CODE_STORE
	CROSS	"store of a word", WRITES, 2, CODE_STORE_2
	CROSS	"store of an immediate", WRITES, 4, CODE_STORE_IMMEDIATE
	CROSS	"ADD to memory", CHANGES, 4, CODE_ADD
	CROSS	"ADC from memory", READS, 4, CODE_ADC_LOAD
	CROSS	"NEG", CHANGES, 4, CODE_NEG
	CROSS	"SHL", CHANGES, 4, CODE_SHL
	CROSS	"XCHG", CHANGES, 4, CODE_XCHG
	CROSS	"LOCK XADD", CHANGES, 4, CODE_XADD
	CROSS	"CMPXCHG, unequal", CHANGES, 4, CODE_CMPXCHG
	CROSS	"CMPXCHG, equal", CHANGES, 4, CODE_CMPXCHG, EQUAL
	CROSS	"LOCK CMPXCHG8B", CHANGES, 8, CODE_CMPXCHG8B
	CROSS	"BTS", CHANGES, 4, CODE_BTS
	CROSS	"PUSH", WRITES, 4, CODE_PUSH, ABOVE_4
	CROSS	"PUSH of a word", WRITES, 2, CODE_PUSH_2, ABOVE_2
	CROSS	"PUSH of an immediate", WRITES, 4, CODE_PUSH_IMMEDIATE, ABOVE_4
	CROSS	"PUSH from memory", READS, 4, CODE_PUSH_MEMORY, SAFE_STACK
	CROSS	"PUSHF", WRITES, 4, CODE_PUSHF, ABOVE_4
	CROSS	"POP", READS, 4, CODE_POP
	CROSS	"POP of the stack pointer", READS, 4, CODE_POP_ESP
	CROSS	"POP to memory", WRITES, 4, CODE_POP_MEMORY, SAFE_STACK
	CROSS	"LEAVE", READS, 4, CODE_LEAVE, SAFE_STACK
	CROSS	"ENTER", WRITES, 4, CODE_ENTER, ABOVE_4
	CROSS	"CALL", WRITES, 4, CODE_CALL, ABOVE_4
	CROSS	"CALL by register", WRITES, 4, CODE_CALL_INDIRECT, TO_NEXT
	CROSS	"DIV", READS, 4, CODE_DIV
	CROSS	"IMUL", READS, 4, CODE_IMUL
	CROSS	"CMOV", READS, 4, CODE_CMOV
	CROSS	"MOVZX", READS, 2, CODE_MOVZX
	CROSS	"FILD", READS, 8, CODE_FILD, DROP
	CROSS	"MOVDQU", READS, 16, CODE_MOVDQU
	CROSS	"MOVDQU to memory", WRITES, 16, CODE_MOVDQU_STORE
	call	fetches
	ret

/* ---- Instructions across pages: ADD EAX, imm32 with 1 to 4 bytes in the first page, in a loop of ten turns, with two
 * pages in turn for the second; and without any, when it must fault where it begins. */
	.text	1
turns:	add	eax, 0x01020304
turns_imm:
	dec	ecx
	jz	1f
	jmp	ebp
1:	int	STOP
turns_end:
	.text	0
fetches:
	mov	ebx, 1
	xor	edi, edi	/* what is wrong */
1:	mov	ecx, 20
2:	push	ecx
	mov	dword ptr [WINDOW_A], FIRST + 7
	mov	dword ptr [WINDOW_A + 4], SECOND + 0x1007
	SPACE	SPACE_A
	mov	dl, 5
	call	fetch_place
	mov	dword ptr [WINDOW_A + 4], SECOND + 7
	SPACE	SPACE_A
	mov	dl, 1
	call	fetch_place
	call	fetch_run
	mov	edx, [caught_eax]
	mov	dword ptr [WINDOW_A + 4], SECOND + 0x1007
	SPACE	SPACE_A
	call	fetch_run
	xchg	edx, [caught_eax]
	sub	edx, [caught_eax]
	/* The highest byte is always in the second page: 1 or 5. */
	sar	edx, 24
	cmp	edx, 40
	je	3f
	inc	edi
3:	/* change it there: 7 */
	mov	dl, 7
	call	fetch_place
	call	fetch_run
	mov	eax, [caught_eax]
	shr	eax, 24
	cmp	eax, 70
	je	3f
	inc	edi
3:	mov	dword ptr [WINDOW_A + 4], 0
	SPACE	SPACE_A
	call	fetch_run
	cmp	dword ptr [caught_vector], 14
	jne	4f
	cmp	dword ptr [caught_cr2], MIDDLE
	jne	4f
	cmp	dword ptr [caught_error], 4
	jne	4f
	cmp	dword ptr [caught_ecx], 10
	jne	4f
	mov	eax, MIDDLE
	sub	eax, ebx
	cmp	eax, [caught_eip]
	je	5f
4:	inc	edi
5:	pop	ecx
	dec	ecx
	jnz	2b
	inc	ebx
	cmp	ebx, 5
	jb	1b
	mov	eax, edi
	IS	"instructions across pages", 0
	ret
fetch_place: /* with EBX bytes in the first page, and DL for the highest byte */
	push	edi
	mov	[turns_imm - 1], dl
	mov	esi, offset turns
	mov	edi, MIDDLE
	sub	edi, ebx
	mov	ecx, offset turns_end - turns
	rep movsb
	pop	edi
	ret
fetch_run:
	push	edx
	push	ebx
	mov	eax, offset 1f
	mov	edx, offset stack_end
	mov	ebp, MIDDLE
	sub	ebp, ebx
	call	user
	pop	ebx
	pop	edx
	mov	[caught_vector], eax
	ret
1:	xor	eax, eax
	mov	ecx, 10
	jmp	ebp
