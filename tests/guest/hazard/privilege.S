/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What may be done to a page changes under hot code: user and supervisor, CR0.WP, SMEP, SMAP with STAC and CLAC, alignment
 * checks.  And MMIO: one read and one write for each instruction.
 */
#include "common.inc"
#include "catch.inc"
#include "paging.inc"

#define CODE RAM
#define DATA (RAM + 0x2000)
#define USER_STACK 0x78000
#define IOAPIC 0xfec00000

	.text	1
	/* 20 turns of a read and a write at ESI; code at WINDOW, data at WINDOW + 2000h. */
touch:	mov	esi, WINDOW + 0x2000
	mov	ecx, 20
1:	mov	eax, [esi + 4]
touch_write:
	inc	dword ptr [esi]
	dec	ecx
	jnz	1b
	int	STOP
touch_end:
	.text	0
	/* Run it at a CPL; EBX counts what was wanted: vector, and for #PF the error code and where. */
	.macro	RUN how:req, vector:req, error=0, at=0
	mov	edx, USER_STACK
	mov	eax, WINDOW
	call	\how
	cmp	eax, \vector
	jne	9f
	.if	\vector == 14
	cmp	dword ptr [caught_error], \error
	jne	9f
	cmp	dword ptr [caught_eip], \at
	jne	9f
	.endif
	inc	ebx
9:
	.endm
	.macro	ENTRY index:req, entry:req
	MAP	WINDOW_A, \index, \entry
	.endm
#define WRITE_AT (WINDOW+TOUCH_WRITE)
#define READ_AT (WINDOW+10)

main:
	cli
	call	catch_init
	call	paging_init
	.set	TOUCH_WRITE, 13
	PLACE	touch, touch_end, CODE
	mov	eax, offset touch_write - touch
	IS	"the layout", TOUCH_WRITE

/* ---- User and supervisor pages, at CPL 0 and 3 in turn */
	xor	ebx, ebx
	mov	edi, 20
1:	ENTRY	0, (CODE+7)
	ENTRY	2, (DATA+7)
	RUN	try, STOP
	RUN	user, STOP
	ENTRY	0, (CODE+3)
	RUN	try, STOP
	RUN	user, 14, 5, WINDOW
	ENTRY	0, (CODE+7)
	ENTRY	2, (DATA+3)
	RUN	try, STOP
	RUN	user, 14, 5, READ_AT
	ENTRY	2, (DATA+5)
	RUN	user, 14, 7, WRITE_AT
	RUN	try, STOP		/* CR0.WP is clear */
	dec	edi
	jnz	1b
	mov	eax, ebx
	IS	"user and supervisor", 160

/* ---- CR0.WP, without any flush */
	xor	ebx, ebx
	mov	edi, 20
	ENTRY	2, (DATA+5)
1:	RUN	try, STOP
	mov	eax, cr0
	or	eax, 0x10000
	mov	cr0, eax
	RUN	try, 14, 3, WRITE_AT
	mov	eax, cr0
	and	eax, ~0x10000
	mov	cr0, eax
	RUN	try, STOP
	dec	edi
	jnz	1b
	mov	eax, ebx
	IS	"CR0.WP", 60

/* ---- SMEP: user pages are not run at CPL 0 */
	xor	ebx, ebx
	mov	edi, 20
	ENTRY	0, (CODE+7)
	ENTRY	2, (DATA+7)
1:	RUN	try, STOP
	/* Our own code is in user pages; they become the supervisor's first. */
	call	supervisor
	mov	eax, cr4
	or	eax, 0x100000
	mov	cr4, eax
	RUN	try, 14, 0x11, WINDOW
	RUN	user, STOP
	mov	eax, cr4
	and	eax, ~0x100000
	mov	cr4, eax
	RUN	try, STOP
	dec	edi
	jnz	1b
	mov	eax, ebx
	IS	"SMEP", 80

/* ---- SMAP: nor touched, but with AC */
	ENTRY	0, (CODE+3)
	ENTRY	2, (DATA+7)
	xor	ebx, ebx
	mov	edi, 20
1:	RUN	try, STOP
	mov	eax, cr4
	or	eax, 0x200000
	mov	cr4, eax
	RUN	try, 14, 1, READ_AT
	mov	eax, offset with_ac
	call	try
	cmp	eax, STOP
	jne	2f
	cmp	dword ptr [caught_edx], 2
	jne	2f
	inc	ebx
2:	RUN	try, 14, 1, READ_AT
	mov	eax, offset closed
	call	try
	cmp	eax, 14
	jne	2f
	cmp	dword ptr [caught_ecx], 5
	jne	2f
	cmp	dword ptr [caught_eip], offset closed_at
	jne	2f
	inc	ebx
2:	mov	eax, cr4
	and	eax, ~0x200000
	mov	cr4, eax
	dec	edi
	jnz	1b
	mov	eax, ebx
	IS	"SMAP, STAC and CLAC", 100

/* ---- Alignment checks at CPL 3, by EFLAGS.AC and CR0.AM, in a loop that was hot without */
	ENTRY	0, (CODE+7)
	ENTRY	2, (DATA+7)
	mov	eax, cr0
	or	eax, 0x40000
	mov	cr0, eax
	/* its code must be the user's again */
	mov	eax, offset aligned
	shr	eax, 12
	or	dword ptr [LOW_A + eax * 4], 4
	or	dword ptr [LOW_A + eax * 4 + 4], 4
	or	dword ptr [LOW_A + (USER_STACK >> 12) * 4 - 4], 4
	SPACE	SPACE_A
	xor	ebx, ebx
	mov	edi, 20
1:	mov	eax, offset aligned
	mov	edx, USER_STACK
	call	user
	cmp	eax, 17
	jne	2f
	cmp	dword ptr [caught_error], 0
	jne	2f
	cmp	dword ptr [caught_ecx], 30
	jne	2f
	cmp	dword ptr [caught_eip], offset aligned_at
	jne	2f
	inc	ebx
2:	dec	edi
	jnz	1b
	mov	eax, ebx
	IS	"alignment checks", 20
	call	mmio
	ret

supervisor: /* all of the low 4 MiB, and the window's stay as they are */
	xor	ecx, ecx
1:	and	dword ptr [LOW_A + ecx * 4], ~4
	inc	ecx
	cmp	ecx, 1024
	jb	1b
	SPACE	SPACE_A
	ret
with_ac: /* CLAC and STAC in a loop; EDX = 2 */
	mov	ecx, 30
	mov	esi, WINDOW + 0x2000
1:	.byte	0x0f, 0x01, 0xcb	/* stac */
	mov	eax, [esi]
	mov	[esi], eax
	.byte	0x0f, 0x01, 0xca	/* clac */
	dec	ecx
	jnz	1b
	mov	edx, 2
	int	STOP
closed:	/* AC by POPF, clear from the fifth turn before the end on */
	mov	ecx, 30
	mov	esi, WINDOW + 0x2000
1:	pushfd
	or	dword ptr [esp], 0x40000
	cmp	ecx, 5
	jne	2f
	and	dword ptr [esp], ~0x40000
2:	popfd
closed_at:
	mov	eax, [esi]
	dec	ecx
	jnz	1b
	int	STOP
aligned:
	mov	esi, WINDOW + 0x2001
	mov	ecx, 60
1:	cmp	ecx, 30
	jne	2f
	pushfd
	or	dword ptr [esp], 0x40000
	popfd
2:
aligned_at:
	mov	eax, [esi]
	dec	ecx
	jnz	1b
	int	STOP

/* ---- A read-modify-write of MMIO reads once and writes once.  Writes that can be counted are those to the local APIC's
 * ICR: each sends an interrupt to ourselves. */
#define ICR 0xfee00300
mmio:
	mov	eax, offset tick
	mov	[GATES + 8 * 0x2e], ax
	mov	dword ptr [0xfee000f0], 0x1ff
	mov	dword ptr [ICR], 0x4402e
	sti
	nop
	nop
	mov	dword ptr [ticks], 0
	mov	ecx, 100
1:	or	dword ptr [ICR], 0x4402e
	nop
	dec	ecx
	jnz	1b
	FOUND	"OR to MMIO writes once", ticks, 100
	mov	dword ptr [ticks], 0
	mov	ecx, 100
	mov	esi, ICR
1:	mov	eax, 0x4402e
	xchg	[esi], eax
	nop
	dec	ecx
	jnz	1b
	FOUND	"XCHG to MMIO writes once", ticks, 100
	mov	dword ptr [ticks], 0
	mov	ecx, 100
	xor	edx, edx
1:	lock add dword ptr [esi], 0
	lock add dword ptr [esi], edx
	nop
	dec	ecx
	jnz	1b
	FOUND	"LOCK ADD to MMIO writes once", ticks, 200
	cli
	/* Ports where an extra access would show: the PIT's status and count, latched, come in turn; CMOS. */
	mov	ecx, 500
	xor	ebx, ebx
	mov	al, 0x36
	out	0x43, al
	mov	al, 0
	out	0x40, al
	out	0x40, al
1:	mov	al, 0xc2	/* read back: count and status of counter 0 */
	out	0x43, al
	in	al, 0x40	/* the status: 36h, or with the output high B6h */
	and	al, 0x3f
	cmp	al, 0x36
	jne	2f
	in	al, 0x40
	in	al, 0x40
	/* CMOS: an index and a value. */
	mov	al, 0x0e
	out	0x70, al
	mov	al, cl
	out	0x71, al
	mov	al, 0x0e
	out	0x70, al
	xor	eax, eax
	in	al, 0x71
	cmp	al, cl
	jne	2f
	inc	ebx
2:	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"ports in a hot loop", 500
	/* The I/O APIC: an index and a window, in one loop with memory at the same instructions. */
	mov	ecx, 300
	xor	ebx, ebx
	xor	edi, edi
1:	mov	esi, IOAPIC
	test	cl, 1
	jz	2f
	mov	esi, DATA
	mov	dword ptr [DATA + 0x10], 0x12345678
2:	mov	dword ptr [esi], 0x21
	mov	eax, ecx
	shl	eax, 24
	mov	[esi + 0x10], eax
	add	dword ptr [esi + 0x10], 0x1000000
	mov	edx, [esi + 0x10]
	sub	edx, eax
	cmp	edx, 0x1000000
	jne	3f
	inc	ebx
3:	dec	ecx
	jnz	1b
	mov	eax, ebx
	IS	"memory and MMIO by the same instructions", 300
	ret
tick:	inc	dword ptr [ticks]
	mov	dword ptr [0xfee000b0], 0
	iretd
	.text	1
	.balign	4
ticks:	.long	0
	.text	0
