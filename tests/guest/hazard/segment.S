/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Segments whose limits and bases change under hot code, 32-bit; limits of the code segment; a stack that grows past its
 * limit; FS and GS.  Faults must be the instruction's own, with nothing done.
 */
#include "common.inc"
#include "catch.inc"

#define DATA 0x1f0000
#define CODE 0x90000	/* below 1 MiB: limits in bytes */
#define LIMITED 0x88		/* a code segment of our own, behind TEST3 */

	/* EAX is the vector; want another, its error code and where; and what ECX then was. */
	.macro	AT name:req, vector:req, address:req
	IS	"\name: vector", \vector
	FOUND	"\name: error code", caught_error, 0
	FOUND	"\name: where", caught_eip, \address
	.endm

main:
	cli
	call	catch_init
	mov	edi, DATA
	mov	eax, 0x01010101
	mov	ecx, 0x1000
	rep stosd
	call	data
	call	expand_down
	call	stack
	call	bases
	call	code
	ret

/* ---- The same loop by DS with limits of 64, 128 ... bytes: it must run up to the limit each time, and fault there */
	.text	1
reads:	mov	ds, edx
	xor	esi, esi
	xor	eax, eax
reads_1:
	add	eax, [esi]
	inc	esi
	jmp	reads_1
writes:	mov	ds, edx
	xor	esi, esi
writes_1:
	mov	word ptr [esi], 0x101
	add	esi, 2
	jmp	writes_1
adds:	mov	es, edx
	xor	esi, esi
	mov	ecx, 1
adds_1:
	add	es:[esi], ecx
	sub	dword ptr es:[esi], 1
	add	esi, 4
	jmp	adds_1
	.text	0
	/* EDX = selector, EDI = size; count in EBX runs that ended as they should at ECX. */
	.macro	RUN code:req, at:req, last:req
	push	ecx
	mov	eax, offset \code
	call	try
	pop	ecx
	cmp	eax, 13
	jne	9f
	cmp	dword ptr [caught_error], 0
	jne	9f
	cmp	dword ptr [caught_eip], offset \at
	jne	9f
	mov	eax, [caught_esi]
	add	eax, \last
	cmp	eax, edi
	jne	9f
	inc	ebx
9:
	.endm
data:
	xor	ebx, ebx
	mov	edi, 64
	mov	edx, TEST0
1:	DESCRIPTOR TEST0, DATA, 0, 0x93, 4
	lea	eax, [edi - 1]
	mov	[GDT2 + TEST0], ax
	RUN	reads, reads_1, 3
	RUN	writes, writes_1, 0
	RUN	adds, adds_1, 0
	mov	edx, DATA32		/* and flat, up to a page that ends it: */
	mov	ds, edx
	mov	es, edx
	mov	edx, TEST0
	add	edi, 64
	cmp	edi, 64 * 32
	jbe	1b
	mov	eax, ebx
	IS	"limits under hot loops", 96
	/* What is read only, or null, under the loop that wrote. */
	DESCRIPTOR TEST0, DATA, 0xfff, 0x91, 4
	xor	edi, edi
	xor	ebx, ebx
	RUN	writes, writes_1, 0
	RUN	adds, adds_1, 0
	mov	eax, ebx
	IS	"read only under hot loops", 2
	xor	ebx, ebx
	xor	edx, edx
	RUN	writes, writes_1, 0
	mov	edi, 3
	RUN	reads, reads_1, 3
	mov	eax, ebx
	IS	"null under hot loops", 2
	ret

/* ---- Expand-down: offsets above the limit are in it, up to FFFF or FFFFFFFF */
	.text	1
down:	mov	es, edx
	mov	esi, 0x2000
down_1:
	mov	ecx, es:[esi]
	sub	esi, 4
	jmp	down_1
up:	mov	es, edx
	mov	esi, 0xf000
up_1:	inc	dword ptr es:[esi]
	add	esi, 2
	jmp	up_1
	.text	0
expand_down:
	xor	ebx, ebx
	mov	edx, TEST1
	mov	edi, 0xfff
1:	DESCRIPTOR TEST1, DATA, 0, 0x97, 4
	mov	[GDT2 + TEST1], di
	/* the last that succeeded is the first above the limit */
	push	edi
	and	edi, ~3
	RUN	down, down_1, 0
	pop	edi
	sub	edi, 0x80
	jns	1b
	mov	eax, ebx
	IS	"expand-down: the lower end", 32
	/* 16-bit: FFFF is the last. */
	DESCRIPTOR TEST1, DATA, 0xfff, 0x97, 0
	xor	ebx, ebx
	mov	edi, 0xfffe
	mov	ecx, 8
1:	RUN	up, up_1, 0
	loop	1b
	mov	eax, ebx
	IS	"expand-down: the upper end", 8
	ret

/* ---- A stack with a limit: pushes and calls fault with #SS and leave ESP; the exception's own frame needs room, so at
 * CPL 3, where it is on another stack */
	.text	1
pushes:	mov	ss, edx
	xor	ecx, ecx
	mov	esp, 0x1000
pushes_1:
	push	ecx
	inc	ecx
	jmp	pushes_1
calls:	mov	ss, edx
	xor	ecx, ecx
	mov	esp, 0x1000
calls_1:
	inc	ecx
	call	calls_1
pops:	mov	ss, edx
	xor	ecx, ecx
	mov	esp, 0x100
pops_1:	pop	eax
	inc	ecx
	jmp	pops_1
leaves:	mov	ss, edx
	mov	ecx, 100
	mov	eax, 0x100
leaves_1:
	mov	esp, 0x200
	mov	ebp, eax
	add	eax, 0x101
leaves_2:
	leave
	jmp	leaves_1
returns:
	mov	ss, edx
	mov	esp, 0x100
	xor	ecx, ecx
returns_1:
	inc	ecx
	mov	dword ptr ss:[esp], offset returns_1
returns_2:
	ret
	.text	0
	.macro	STACKED code:req, at:req, esp:req
	mov	eax, offset \code
	call	user
	cmp	eax, 12
	jne	9f
	cmp	dword ptr [caught_error], 0
	jne	9f
	cmp	dword ptr [caught_eip], offset \at
	jne	9f
	cmp	dword ptr [caught_esp], \esp
	jne	9f
	inc	ebx
9:
	.endm
stack:
	mov	edx, TEST2 + 3
	/* Flat at first, so that the loops are hot that way: they run into #GP or the end of their own accord. */
	xor	ebx, ebx
	mov	ecx, 10
1:	/* expand-down with 32-bit stack pointer, above FFh, 1FFh ... */
	DESCRIPTOR TEST2, DATA, 0, 0xf7, 4
	mov	eax, ecx
	shl	eax, 8
	dec	eax
	mov	[GDT2 + TEST2], ax
	lea	edi, [eax + 1]
	push	ecx
	STACKED	pushes, pushes_1, edi
	STACKED	calls, calls_1 + 1, edi
	DESCRIPTOR TEST2, DATA, 0, 0xf3, 4
	lea	eax, [edi + 0x7ff]
	mov	[GDT2 + TEST2], ax
	lea	edi, [eax + 1]
	STACKED	pops, pops_1, edi
	STACKED	leaves, leaves_2, 0x200
	pop	ecx
	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"stack limits", 40
	xor	ebx, ebx
	mov	ecx, 10
1:	push	ecx
	DESCRIPTOR TEST2, DATA, 0x7ff, 0xf3, 4
	mov	eax, offset returns	/* it climbs by 4 each time: the store faults, being first */
	call	user
	cmp	eax, 12
	jne	2f
	cmp	dword ptr [caught_esp], 0x800
	jne	2f
	cmp	dword ptr [caught_ecx], 449	/* (800h - 100h) / 4 + 1 */
	jne	2f
	inc	ebx
2:	pop	ecx
	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"returns up to the limit", 10
	ret

/* ---- FS and GS with bases that change under one loop */
bases:
	mov	edi, DATA
	xor	eax, eax
1:	stosd
	inc	eax
	cmp	eax, 0x1000
	jb	1b
	xor	ebx, ebx
	xor	ebp, ebp
	xor	edi, edi
1:	DESCRIPTOR TEST0, DATA, 0xffff, 0x93, 4
	DESCRIPTOR TEST1, DATA, 0xffff, 0x93, 4
	lea	eax, [edi * 4]
	add	[GDT2 + TEST0 + 2], ax
	lea	eax, [edi * 8]
	add	[GDT2 + TEST1 + 2], ax
	mov	eax, TEST0
	mov	fs, eax
	mov	eax, TEST1
	mov	gs, eax
	mov	ecx, 10
2:	add	ebx, fs:[ecx * 4]
	add	ebp, gs:[16]
	dec	ecx
	jnz	2b
	inc	edi
	cmp	edi, 100
	jb	1b
	mov	eax, ebx	/* 10 times 0 + ... + 99, and 100 times 1 + ... + 10 */
	IS	"FS", (49500+5500)
	mov	eax, ebp	/* 10 times twice that, and 1000 times 4 */
	IS	"GS", (99000+4000)
	ret

/* ---- The limit of the code segment.  Four pieces of code on a page are hot without one, and run then up to a limit in the
 * page: JMP, Jcc, CALL fault themselves, RET and JMP by register too; running on faults behind. */
	.text	1
piece:	cmp	ecx, 1
	je	piece_out	/* running on here ends a block */
	dec	ecx
	cmp	edx, 1
	jb	piece_jcc
	je	piece_call
	cmp	edx, 3
	jb	piece_ret
	je	piece_register
	cmp	edx, 5
	jb	piece_jmp
	je	piece_jecxz
	jmp	piece_on
piece_jcc:
	or	eax, 1
	jnz	piece_far
piece_call:
	call	piece_far_call
	jmp	piece
piece_ret:
	lea	eax, [ebx + piece_far - piece]
	push	eax
piece_ret_1:
	ret
piece_register:
	lea	eax, [ebx + piece_far - piece]
piece_register_1:
	jmp	eax
piece_jmp:
	jmp	piece_far
piece_jecxz:
	mov	eax, ecx
	xor	ecx, ecx
	jecxz	piece_near
piece_out:
	ret
piece_on:
	cmp	ecx, 0
	jz	piece_far
	/* the limit */
piece_end:
	.set	piece_limit, piece_end - piece
	nop
	nop
	jmp	piece
piece_near:
	mov	ecx, eax
	jmp	piece
	.fill	160, 1, 0x90
piece_far:
	nop
	jmp	piece
piece_far_call:
	nop
	ret
piece_last:
	.text	0
	/* Run way EDX: without a limit 30 times, then with one. */
	.macro	WAY name:req, way:req, vector:req, address:req
	mov	ebx, CODE
	mov	ecx, 30
	mov	edx, \way
	call	ebx
	mov	eax, ecx
	IS	"\name: without a limit", 1
	mov	ecx, 30
	mov	edx, \way
	mov	eax, offset limited
	call	try
	IS	"\name: vector", \vector
	mov	eax, [caught_eip]
	sub	eax, CODE
	IS	"\name: where", \address
	FOUND	"\name: at once", caught_ecx, 29
	.endm
	.text	1
limited_pointer:
	.long	CODE
	.word	LIMITED
	.text	0
limited:
	jmp	fword ptr [limited_pointer]
code:
	PLACE	piece, piece_last, CODE
	lgdt	[gdt3_pointer]
	mov	dword ptr [GDT2 + LIMITED], 0
	mov	eax, CODE + piece_limit - 1
	mov	[GDT2 + LIMITED], ax
	shr	eax, 16
	and	eax, 15
	shl	eax, 16
	or	eax, 0x409b00
	mov	[GDT2 + LIMITED + 4], eax
	WAY	"Jcc", 0, 13, (piece_call-piece-6)
	WAY	"CALL", 1, 13, (piece_call-piece)
	WAY	"RET", 2, 13, (piece_ret_1-piece)
	WAY	"JMP by register", 3, 13, (piece_register_1-piece)
	WAY	"JMP", 4, 13, (piece_jmp-piece)
	WAY	"running on", 6, 13, (piece_end-piece)
	ret
	.text	1
gdt3_pointer: .word 0xff
	.long	GDT2
	.text	0
