/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * One page at several addresses, and several pages at one address, all hot; 32-bit paging.
 */
#include "common.inc"
#include "catch.inc"
#include "paging.inc"

#define CODE_1 RAM		/* physical */
#define CODE_2 (RAM + 0x1000)
#define CODE_3 (RAM + 0x2000)
#define DATA (RAM + 0x8000)

	/* Add what the function at EBP returns to EBX, 20 times. */
	.macro	HOT
	call	hot
	.endm
	.macro	CODE at:req, value:req
	PLACE	answer, answer_end, \at
	mov	dword ptr [\at + answer_value - answer], \value
	.endm

	.text	1
	/* A function with its own page's jumps and calls: EAX = value, + 0 for the caller's CF. */
answer:
	call	1f
answer_back:
	jmp	2f
1:	pop	eax
	push	eax
	mov	edx, eax
	ret
2:	.byte	0xb8
answer_value:
	.long	0
	jmp	3f
	.fill	8
3:	ret
answer_end:
	/* Where it runs, by its return address, which must be that of this mapping. */
where:
	call	1f
where_back:
1:	pop	eax
	ret
where_end:
	.text	0
hot:	push	ecx
	mov	ecx, 20
1:	call	ebp
	add	ebx, eax
	loop	1b
	pop	ecx
	ret

main:
	cli
	call	catch_init
	call	paging_init

/* ---- One page at two addresses */
	PLACE	where, where_end, CODE_1
	MAP	WINDOW_A, 0, CODE_1 + 3
	MAP	WINDOW_A, 5, CODE_1 + 3
	xor	ebx, ebx
	xor	edi, edi
	mov	esi, 500
1:	mov	ebp, WINDOW
	call	ebp
	cmp	eax, WINDOW + (where_back - where)
	je	2f
	inc	ebx
2:	mov	ebp, WINDOW + 0x5000
	call	ebp
	cmp	eax, WINDOW + 0x5000 + (where_back - where)
	je	2f
	inc	edi
2:	dec	esi
	jnz	1b
	mov	eax, ebx
	IS	"one page at two addresses: the first", 0
	mov	eax, edi
	IS	"one page at two addresses: the second", 0

/* ---- It is changed at one, and runs at the other: 30 times, by turns */
	CODE	CODE_1, 1
	xor	ebx, ebx
	mov	ecx, 30
	mov	edx, WINDOW
	mov	esi, WINDOW + 0x5000
1:	mov	[esi + answer_value - answer], ecx
	mov	ebp, edx
	push	edx
	HOT
	pop	edx
	xchg	edx, esi
	loop	1b
	mov	eax, ebx
	IS	"changed at another address", (20*465)
	/* ... where it has been written a lot before it was code. */
	xor	ebx, ebx
	mov	edi, 15
2:	lea	ecx, [edi * 4 + CODE_3 + 3]
	mov	dword ptr [WINDOW_A + 4 * 7], CODE_3 + 3
	mov	dword ptr [WINDOW_A + 4 * 8], CODE_3 + 3
	invlpg	[WINDOW + 0x7000]
	invlpg	[WINDOW + 0x8000]
	mov	ecx, 100
1:	mov	[WINDOW + 0x8000 + answer_value - answer], ecx
	loop	1b
	push	edi
	CODE	(WINDOW+0x8000), 3
	pop	edi
	mov	ebp, WINDOW + 0x7000
	HOT
	mov	[WINDOW + 0x8000 + answer_value - answer], edi
	HOT
	dec	edi
	jnz	2b
	mov	eax, ebx
	IS	"written elsewhere before it was code", (20*(15*3+120))

/* ---- Another page at that address: by its entry and INVLPG */
	CODE	CODE_1, 5
	CODE	CODE_2, 70
	xor	ebx, ebx
	mov	ebp, WINDOW
	mov	ecx, 50
1:	MAP	WINDOW_A, 0, CODE_1 + 3
	HOT
	MAP	WINDOW_A, 0, CODE_2 + 3
	HOT
	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"another page, by INVLPG", (50*20*75)
	/* ... a page of data, whose reads and writes are hot. */
	mov	dword ptr [DATA], 1
	mov	dword ptr [DATA + 0x1000], 10
	mov	ecx, 50
1:	MAP	WINDOW_A, 9, DATA + 3
	call	increments
	MAP	WINDOW_A, 9, DATA + 0x1003
	call	increments
	loop	1b
	FOUND	"another page of data: the first", DATA, 1001
	FOUND	"another page of data: the second", (DATA+0x1000), 1010
	/* ... which has gone between. */
	xor	ebx, ebx
	mov	ecx, 20
1:	MAP	WINDOW_A, 0, CODE_1 + 3
	HOT
	MAP	WINDOW_A, 0, 0
	mov	eax, offset hot
	push	ecx
	call	try
	pop	ecx
	cmp	eax, 14
	jne	2f
	cmp	dword ptr [caught_eip], WINDOW
	jne	2f
	cmp	dword ptr [caught_cr2], WINDOW
	jne	2f
	cmp	dword ptr [caught_error], 0
	jne	2f
	inc	ebx
2:	loop	1b
	mov	eax, ebx
	IS	"a page that is gone", (20*(20*5+1))

/* ---- Two address spaces with other code at the same address */
	mov	eax, 0
	call	spaces
	IS	"two address spaces", (60*20*75)
	mov	eax, 1
	call	spaces
	IS	"two address spaces, switched in the middle", (60*20*75)
	mov	eax, cr4
	or	eax, 0x80
	mov	cr4, eax
	mov	eax, 0
	call	spaces
	IS	"two address spaces, CR4.PGE", (60*20*75)
	mov	eax, 1
	call	spaces
	IS	"two address spaces, CR4.PGE, switched in the middle", (60*20*75)
	/* The kernel is global, as it usually is. */
	xor	ecx, ecx
1:	or	dword ptr [LOW_A + ecx * 4], GLOBAL
	or	dword ptr [LOW_B + ecx * 4], GLOBAL
	inc	ecx
	cmp	ecx, 512
	jb	1b
	mov	eax, cr4
	xor	eax, 0x80
	mov	cr4, eax
	xor	eax, 0x80
	mov	cr4, eax
	mov	eax, 0
	call	spaces
	IS	"two address spaces, global kernel", (60*20*75)
	mov	eax, 1
	call	spaces
	IS	"two address spaces, global kernel, switched in the middle", (60*20*75)
	call	users
	IS	"two address spaces, at CPL 3", (60*20*75)
	call	returning
	IS	"a return to another address space", (60*75)
	call	gone_global
	IS	"a global page by CR4.PGE off and on", (20*20*75)
	call	large
	IS	"another large page, by INVLPG elsewhere in it", (30*20*75)
	/* No paging at all: another page at the same address again. */
	MAP	WINDOW_A, 11, WINDOW + 3
	CODE	(WINDOW+0xb000), 300
	CODE	CODE_1, 5
	MAP	WINDOW_A, 0, CODE_1 + 3
	mov	ebp, WINDOW
	xor	ebx, ebx
	mov	ecx, 20
1:	HOT
	mov	eax, cr0
	and	eax, 0x7fffffff
	mov	cr0, eax
	jmp	2f
2:	HOT
	mov	eax, cr0
	or	eax, 0x80000000
	mov	cr0, eax
	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"with and without paging", (20*20*305)
	ret

increments:
	push	ecx
	mov	ecx, 20
1:	inc	dword ptr [WINDOW + 0x9000]
	loop	1b
	pop	ecx
	ret

/* EBX = EAX = 60 * (20 * 5 + 20 * 70); EAX = 1: a switch between each two calls. */
spaces:
	push	eax
	CODE	CODE_1, 5
	CODE	CODE_2, 70
	mov	dword ptr [WINDOW_A], CODE_1 + 3
	mov	dword ptr [WINDOW_B], CODE_2 + 3
	SPACE	SPACE_A
	xor	ebx, ebx
	mov	ebp, WINDOW
	mov	ecx, 60
	pop	edx
	test	edx, edx
	jnz	2f
1:	SPACE	SPACE_A
	HOT
	SPACE	SPACE_B
	HOT
	loop	1b
	SPACE	SPACE_A
	mov	eax, ebx
	ret
2:	mov	ecx, 60 * 20
1:	mov	edx, SPACE_B
	mov	eax, SPACE_A
	mov	cr3, eax
	call	ebp
	add	ebx, eax
	mov	edx, SPACE_B
	mov	cr3, edx
	mov	esi, WINDOW
	call	esi
	add	ebx, eax
	loop	1b
	SPACE	SPACE_A
	mov	eax, ebx
	ret

/* The same at CPL 3, where the code makes no changes itself: INT 30h comes back. */
users:
	CODE	CODE_1, 5
	CODE	CODE_2, 70
	mov	dword ptr [WINDOW_A], CODE_1 + 3 + USER
	mov	dword ptr [WINDOW_B], CODE_2 + 3 + USER
	xor	ebx, ebx
	mov	ecx, 60
1:	SPACE	SPACE_A
	call	3f
	SPACE	SPACE_B
	call	3f
	loop	1b
	SPACE	SPACE_A
	mov	eax, ebx
	ret
3:	mov	eax, offset 4f
	mov	edx, 0x78000
	push	ecx
	call	user
	pop	ecx
	cmp	eax, STOP
	jne	5f
	add	ebx, [caught_ebx]
5:	ret
4:	xor	ebx, ebx
	mov	ebp, WINDOW
	HOT
	int	STOP

/* A function at WINDOW that is called in one space and returns, by way of a switch in the kernel, to a function with
 * another caller in the other: EAX = the sum of what stands behind the call. */
	.text	1
caller:	.byte	0xe8
	.long	0		/* the distance of `switching' */
	.byte	0xb8
caller_value:
	.long	0
	ret
caller_end:
	.text	0
switching:
	mov	eax, cr3
	xor	eax, SPACE_A ^ SPACE_B
	mov	cr3, eax
	ret
returning:
	PLACE	caller, caller_end, CODE_1
	PLACE	caller, caller_end, CODE_2
	mov	eax, offset switching
	sub	eax, WINDOW + 5
	mov	[CODE_1 + 1], eax
	mov	[CODE_2 + 1], eax
	mov	dword ptr [CODE_1 + caller_value - caller], 5
	mov	dword ptr [CODE_2 + caller_value - caller], 70
	mov	dword ptr [WINDOW_A], CODE_1 + 3
	mov	dword ptr [WINDOW_B], CODE_2 + 3
	SPACE	SPACE_A
	xor	ebx, ebx
	mov	ebp, WINDOW
	mov	ecx, 120
1:	call	ebp		/* returns in the other space */
	add	ebx, eax
	loop	1b
	SPACE	SPACE_A
	mov	eax, ebx
	ret

/* 4 MiB pages at LARGE: EAX = 30 * 20 * (5 + 70) */
#define LARGE 0x1000000
large:	mov	eax, cr4
	or	al, 0x10
	mov	cr4, eax
	mov	dword ptr [SPACE_A + 4 * (LARGE >> 22)], 0x1400083
	invlpg	[LARGE]
	CODE	(LARGE+0x123000), 5
	mov	dword ptr [SPACE_A + 4 * (LARGE >> 22)], 0x1800083
	invlpg	[LARGE]
	CODE	(LARGE+0x123000), 70
	xor	ebx, ebx
	mov	ebp, LARGE + 0x123000
	mov	ecx, 30
1:	mov	dword ptr [SPACE_A + 4 * (LARGE >> 22)], 0x1400083
	invlpg	[LARGE + 0x3ff000]
	HOT
	mov	dword ptr [SPACE_A + 4 * (LARGE >> 22)], 0x1800083
	invlpg	[LARGE]
	HOT
	dec	ecx
	jnz	1b
	mov	eax, ebx
	ret

/* A global page stays what it was over CR3, or may do so; it must not over CR4.PGE. */
gone_global:
	CODE	CODE_1, 5
	CODE	CODE_2, 70
	xor	ebx, ebx
	mov	ebp, WINDOW
	mov	ecx, 20
1:	mov	dword ptr [WINDOW_A], CODE_1 + 3 + GLOBAL
	call	2f
	HOT
	mov	dword ptr [WINDOW_A], CODE_2 + 3 + GLOBAL
	call	2f
	HOT
	loop	1b
	mov	eax, ebx
	ret
2:	mov	eax, cr4
	xor	eax, 0x80
	mov	cr4, eax
	xor	eax, 0x80
	mov	cr4, eax
	ret
