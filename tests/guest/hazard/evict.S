/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * More hot code than there is room for: 64,000 functions in chains of 500, each of which calls the next, so that what they
 * return to has gone by then; more indirect jumps than any table has entries; and the same after a page in the middle has
 * been changed.
 */
#include "common.inc"
#include "catch.inc"

#define CODE 0x400000	/* 32 bytes for each: ADD EAX, n; CALL the next; INC EBX; RET */
#define COUNT 64000
#define DEPTH 500

main:
	cli
	call	catch_init
	mov	edi, CODE
	xor	ecx, ecx
1:	mov	byte ptr [edi], 0x05
	mov	[edi + 1], ecx
	mov	byte ptr [edi + 5], 0xe8
	mov	dword ptr [edi + 6], 32 - 10
	mov	byte ptr [edi + 10], 0x43
	mov	byte ptr [edi + 11], 0xc3
	inc	ecx
	mov	eax, ecx
	xor	edx, edx
	mov	ebp, DEPTH
	div	ebp
	test	edx, edx
	jnz	2f
	mov	byte ptr [edi + 5], 0xc3	/* the last of a chain */
2:	add	edi, 32
	cmp	ecx, COUNT
	jb	1b
	/* 3 passes of 5 runs of each chain: 15 * (0 + ... + 63999), mod 2^32, and 15 * 64000 * 499 / 500 returns */
	call	passes
	IS	"functions in chains", ((15*(COUNT*(COUNT-1)/2))&0xffffffff)
	mov	eax, ebx
	IS	"returns", (15*(COUNT-COUNT/DEPTH))
	/* Each function alone, by an indirect jump, four times, in steps of 7, which meet all. */
	mov	ecx, COUNT
	xor	esi, esi
	xor	ebp, ebp
1:	mov	edi, esi
	shl	edi, 5
	add	edi, CODE + 11
	mov	edx, 4
2:	mov	eax, offset 3f
	push	eax
	jmp	edi			/* RET */
3:	inc	ebp
	dec	edx
	jnz	2b
	add	esi, 7
	cmp	esi, COUNT
	jb	4f
	sub	esi, COUNT
4:	dec	ecx
	jnz	1b
	mov	eax, ebp
	IS	"indirect jumps", (4*COUNT)
	/* Change every hundredth: 1,000,000 more. */
	mov	edi, CODE
	mov	ecx, COUNT / 100
1:	add	dword ptr [edi + 1], 1000000
	add	edi, 3200
	loop	1b
	call	passes
	IS	"changed functions in chains", ((15*(COUNT*(COUNT-1)/2+640*1000000))&0xffffffff)
	ret

passes:	xor	eax, eax
	xor	ebx, ebx
	mov	esi, 3
1:	mov	edi, CODE
	mov	ecx, COUNT / DEPTH
2:	mov	edx, 5
3:	call	edi
	dec	edx
	jnz	3b
	add	edi, 32 * DEPTH
	loop	2b
	dec	esi
	jnz	1b
	ret
