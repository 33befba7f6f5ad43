/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * String instructions: a fault in the middle leaves the registers where it came, and the instruction goes on from there
 * when the page has come; both directions, overlapping operands, and interrupts in the middle.
 */
#include "common.inc"
#include "catch.inc"
#include "paging.inc"

#define APIC 0xfee00000
#define MIDDLE (WINDOW + 0x1000)
#define SOURCE (RAM + 0x10000)

/* #PF brings the page that is missing: the hook counts, and keeps ESI, EDI and ECX. */
arrive:	inc	dword ptr [arrivals]
	mov	eax, [ebp + 4]
	mov	[arrived_esi], eax
	mov	eax, [ebp]
	mov	[arrived_edi], eax
	mov	eax, [ebp + 24]
	mov	[arrived_ecx], eax
	mov	eax, [ebp + HOOK_EIP]
	mov	[arrived_eip], eax
	mov	eax, cr2
	mov	[arrived_cr2], eax
	sub	eax, WINDOW
	shr	eax, 12
	lea	edx, [eax + 1]
	shl	edx, 12
	add	edx, RAM - 0x1000 + 3
	mov	[WINDOW_A + eax * 4], edx
	ret
	.text	1
	.balign	4
arrivals: .long	0
arrived_esi: .long 0
arrived_edi: .long 0
arrived_ecx: .long 0
arrived_eip: .long 0
arrived_cr2: .long 0
ticks:	.long	0
	.text	0

/* Nothing is mapped in the window. */
drop:	push	eax
	push	ecx
	xor	ecx, ecx
1:	mov	dword ptr [WINDOW_A + ecx * 4], 0
	inc	ecx
	cmp	ecx, 16
	jb	1b
	SPACE	SPACE_A
	mov	dword ptr [arrivals], 0
	pop	ecx
	pop	eax
	ret

	/* `code' at EIP 8, run 30 times with the page behind or before MIDDLE missing; EBX counts where the hook and the
	 * registers at the end are as told. */
	.macro	RESTARTS name:req, code:req, prepare:req, esi:req, edi:req, ecx:req, end_esi:req, end_edi:req, page=1
	xor	ebx, ebx
	mov	edx, 30
1:	call	drop
	mov	dword ptr [WINDOW_A + 4 * (1 - \page)], RAM + 0x1000 * (1 - \page) + 3
	\prepare
8:	\code
	cld
	push	ecx
	add	esi, \end_esi
	add	edi, \end_edi
	sub	esi, MIDDLE
	sub	edi, MIDDLE
	or	esi, edi
	or	esi, ecx
	pop	ecx
	jnz	9f
	cmp	dword ptr [arrivals], 1
	jne	9f
	cmp	dword ptr [arrived_esi], \esi
	jne	9f
	cmp	dword ptr [arrived_edi], \edi
	jne	9f
	cmp	dword ptr [arrived_ecx], \ecx
	jne	9f
	cmp	dword ptr [arrived_eip], offset 8b
	jne	9f
	inc	ebx
9:	dec	edx
	jnz	1b
	mov	eax, ebx
	IS	"\name", 30
	.endm
	.macro	START esi:req, edi:req, ecx:req
	mov	esi, \esi
	mov	edi, \edi
	mov	ecx, \ecx
	mov	eax, 0x61616161
	.endm
	.macro	FORWARD_STORE
	START	MIDDLE, (MIDDLE - 400), 200
	.endm
	.macro	FORWARD_LOAD
	START	(MIDDLE - 400), MIDDLE, 200
	.endm
	.macro	ODD_STORE	/* the hundredth, of four bytes, lies across */
	START	MIDDLE, (MIDDLE - 398), 200
	.endm
	.macro	DOWN_STORE
	START	MIDDLE, (MIDDLE + 396), 200
	std
	.endm
	.macro	DOWN_ODD
	START	MIDDLE, (MIDDLE + 394), 200
	std
	.endm
	.macro	CODE_STOSD
	rep stosd
	.endm
	.macro	CODE_STOSB
	rep stosb
	.endm
	.macro	CODE_LODSD
	rep lodsd
	.endm
	.macro	CODE_SCASB
	repne scasb
	.endm
	.macro	SCAN
	START	MIDDLE, (MIDDLE - 400), 800
	mov	al, 1
	.endm

main:
	cli
	call	catch_init
	call	paging_init
	mov	dword ptr [hooks + 4 * 14], offset arrive
	RESTARTS "STOSD up", CODE_STOSD, FORWARD_STORE, MIDDLE, MIDDLE, 100, 0, -400
	RESTARTS "STOSD up, across", CODE_STOSD, ODD_STORE, MIDDLE, (MIDDLE-2), 101, 0, -402
	RESTARTS "STOSD down", CODE_STOSD, DOWN_STORE, MIDDLE, (MIDDLE-4), 100, 0, 404, 0
	RESTARTS "STOSD down, across", CODE_STOSD, DOWN_ODD, MIDDLE, (MIDDLE-2), 101, 0, 406, 0
	RESTARTS "LODSD up", CODE_LODSD, FORWARD_LOAD, MIDDLE, MIDDLE, 100, -400, 0
	/* The window has only 61h now, and from MIDDLE + 402 on zeros. */
	call	moves
	call	compares
	call	overlaps
	call	interrupted
	ret

/* ---- MOVS whose source ends first, and whose destination does; and both */
moves:
	xor	ebx, ebx
	mov	edx, 30
1:	call	drop
	mov	esi, MIDDLE - 256
	mov	edi, MIDDLE + 0x1000 - 512
	mov	ecx, 1024
	push	edx
	rep movsb
	pop	edx
	/* Pages 0 and 1 at once, 1 again as the source: there; 2 at the end of the destination. */
	cmp	dword ptr [arrivals], 3
	jne	2f
	cmp	dword ptr [arrived_cr2], WINDOW + 0x2000
	jne	2f
	cmp	dword ptr [arrived_ecx], 512
	jne	2f
	cmp	dword ptr [arrived_esi], MIDDLE + 256
	jne	2f
	cmp	dword ptr [arrived_edi], WINDOW + 0x2000
	jne	2f
	cmp	edi, WINDOW + 0x2000 + 512
	jne	2f
	inc	ebx
2:	dec	edx
	jnz	1b
	mov	eax, ebx
	IS	"MOVSB", 30
	ret

/* ---- CMPS and SCAS: flags are those of the last pair, through faults; the difference is behind a page that is missing */
compares:
	mov	edi, RAM
	mov	ecx, 0x4000 / 4
	mov	eax, 0x07070707
	rep stosd
	mov	byte ptr [RAM + 0x1800], 6
	xor	ebx, ebx
	mov	edx, 30
1:	call	drop
	mov	esi, WINDOW + 0x800
	mov	edi, WINDOW + 0x2800	/* the source is 6 at the 4097th, before the destination */
	mov	ecx, 0x17ff
	mov	byte ptr [RAM + 0x3fff], 7
	repe cmpsb
	jae	2f
	je	2f
	cmp	ecx, 0x17ff - 0x1001
	jne	2f
	cmp	esi, WINDOW + 0x1801
	jne	2f
	cmp	edi, WINDOW + 0x3801
	jne	2f
	cmp	dword ptr [arrivals], 4
	jne	2f
	call	drop
	mov	edi, WINDOW + 0x800
	mov	ecx, 0x3000
	mov	al, 6
	repne scasb
	jne	2f
	cmp	ecx, 0x3000 - 0x1001
	jne	2f
	cmp	edi, WINDOW + 0x1801
	jne	2f
	inc	ebx
2:	/* With a count of zero flags stay. */
	xor	ecx, ecx
	stc
	repe cmpsb
	sbb	ecx, 0
	cmp	ecx, -1
	je	3f
	dec	ebx
3:	dec	edx
	jnz	1b
	mov	eax, ebx
	IS	"CMPSB and SCASB", 30
	ret

/* ---- Overlap: up by one copies the first byte everywhere, down by one is a move; by four bytes at a distance of one */
overlaps:
	xor	ebx, ebx
	mov	edx, 60
1:	mov	edi, SOURCE
	xor	eax, eax
2:	stosb
	inc	eax
	test	al, al
	jnz	2b
	mov	esi, SOURCE
	mov	edi, SOURCE + 1
	mov	ecx, 255
	rep movsb
	mov	edi, SOURCE
	mov	ecx, 256
	mov	al, 0
	repe scasb
	jne	3f
	mov	edi, SOURCE
	xor	eax, eax
2:	stosb
	inc	eax
	test	al, al
	jnz	2b
	mov	esi, SOURCE + 254
	mov	edi, SOURCE + 255
	mov	ecx, 255
	std
	rep movsb
	cld
	mov	esi, SOURCE + 1
	xor	eax, eax
	mov	ecx, 255
2:	cmp	[esi], al
	jne	3f
	inc	esi
	inc	eax
	loop	2b
	/* 0 1 2 3 4 5 6 7 8, by dwords: 0 0 1 2 3 3 6 7 8 */
	mov	dword ptr [SOURCE], 0x03020100
	mov	dword ptr [SOURCE + 4], 0x07060504
	mov	dword ptr [SOURCE + 8], 8
	mov	esi, SOURCE
	mov	edi, SOURCE + 1
	mov	ecx, 2
	rep movsd
	cmp	dword ptr [SOURCE], 0x02010000
	jne	3f
	cmp	dword ptr [SOURCE + 4], 0x06050303
	jne	3f
	cmp	dword ptr [SOURCE + 8], 0x00000007
	jne	3f
	inc	ebx
3:	dec	edx
	jnz	1b
	mov	eax, ebx
	IS	"overlaps", 60
	ret

/* ---- Interrupts in the middle: what is done is done once */
interrupted:
	mov	eax, offset tick
	mov	[GATES + 8 * 0x2e], ax
	mov	dword ptr [APIC + 0xf0], 0x1ff
	mov	dword ptr [APIC + 0x3e0], 0xb
	mov	dword ptr [APIC + 0x320], 0x2002e
	mov	dword ptr [APIC + 0x380], 10000
	sti
	xor	ebx, ebx
	mov	edx, 200
1:	mov	edi, SOURCE
	mov	ecx, 0x10000
	mov	eax, edx
	rep stosb
	mov	esi, SOURCE
	mov	edi, SOURCE + 0x20000
	mov	ecx, 0x10000
	rep movsb
	mov	byte ptr [SOURCE + 0x10000], 0
	mov	byte ptr [SOURCE + 0x30000], 1
	mov	esi, SOURCE
	mov	edi, SOURCE + 0x20000
	mov	ecx, 0x20000
	repe cmpsb
	jae	2f
	cmp	esi, SOURCE + 0x10001
	jne	2f
	mov	edi, SOURCE + 0x1ffff
	mov	esi, SOURCE + 0xffff
	mov	ecx, 0x10000
	std
	rep movsb
	cld
	mov	edi, SOURCE + 0x10000
	mov	al, dl
	mov	ecx, 0x10000
	repe scasb
	jne	2f
	inc	ebx
2:	dec	edx
	jnz	1b
	cli
	mov	dword ptr [APIC + 0x320], 0x1002e
	mov	eax, ebx
	IS	"with interrupts", 200
	mov	eax, [ticks]
	BETWEEN	"they come in the middle, in time", 100, 1000000000
	ret
tick:	push	eax
	inc	dword ptr [ticks]
	mov	dword ptr [APIC + 0xb0], 0
	xor	eax, eax
	pop	eax
	iretd
