/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * All ways to reset, one after the other: those after which the BIOS goes on where CMOS 0F and 40:67 say, as a program for
 * the 80286 left protected mode; and those that boot again.  CMOS 52 counts them.
 */
#include "common.inc"

	.macro	CMOS index:req
	OUTB	0x70, \index
	INB	0x71
	.endm
	.macro	CMOS_SET index:req, value:req
	OUTB	0x70, \index
	OUTB	0x71, \value
	.endm
	/* The next phase; how the BIOS is to go on; and what must not be lost. */
	.macro	PREPARE phase:req, shutdown:req
	CMOS_SET 0x52, \phase
	CMOS_SET 0x0f, \shutdown
	OUTB	0x70, 0
	mov	word ptr [0x467], offset returned
	mov	word ptr [0x469], 0
	mov	byte ptr [came_back], 0
	OUTB	0x3ff, 0x5a
	.endm

	.code16
returned:
	xor	ax, ax
	mov	ds, ax
	mov	byte ptr [came_back], 1
	jmp	loaded
	.code32

stay:	DELAY	2000000
	SAY	"reset: FAIL still running"
	jmp	finish

main:
	movzx	ebx, byte ptr [came_back]
	CMOS	0x52
	cmp	al, 1
	je	after_keyboard
	cmp	al, 2
	je	after_keyboard_5
	cmp	al, 3
	je	after_port_92
	cmp	al, 4
	je	after_triple
	cmp	al, 5
	je	after_cf9
	cmp	al, 6
	je	after_keys

	mov	eax, ebx
	IS	"power-on: the guest is fresh", 0
	/* RAM above 1 MiB and the serial port's scratch register are not touched by a reset of the processor. */
	mov	dword ptr [0x300000], 0x76543210
	PREPARE	1, 0x0a
	OUTB	0x64, 0xfe
	jmp	stay
after_keyboard:
	mov	eax, ebx
	IS	"port 64, CMOS 0A: came back", 1
	CMOS	0x0f
	IS	"port 64, CMOS 0A: CMOS 0F is used up", 0
	mov	eax, [0x300000]
	IS	"port 64, CMOS 0A: RAM is kept", 0x76543210
	INB	0x3ff
	IS	"port 64, CMOS 0A: devices are kept", 0x5a
	PREPARE	2, 0x05
	OUTB	0x64, 0xfe
	jmp	stay
after_keyboard_5:
	mov	eax, ebx
	IS	"port 64, CMOS 05: came back", 1
	PREPARE	3, 0x0a
	INB	0x92
	or	al, 1
	OUTB	0x92, al
	jmp	stay
after_port_92:
	mov	eax, ebx
	IS	"port 92, CMOS 0A: came back", 1
	INB	0x3ff
	IS	"port 92, CMOS 0A: devices are kept", 0x5a
	PREPARE	4, 0x0a
	lidt	[nothing]
	int	3
	jmp	stay
after_triple:
	mov	eax, ebx
	IS	"triple fault, CMOS 0A: came back", 1
	INB	0x3ff
	IS	"triple fault, CMOS 0A: devices are kept", 0x5a
	PREPARE	5, 0x00
	OUTB	0xcf9, 0x02
	OUTB	0xcf9, 0x06
	jmp	stay
after_cf9:
	mov	eax, ebx
	IS	"port CF9: boots again", 0
	INB	0x3ff
	IS	"port CF9: devices are reset", 0
	PREPARE	6, 0x00
	SAY	"HOST keys ctrl-alt-delete"
	xor	eax, eax
	BIOS	0x16
	jmp	stay
after_keys:
	mov	eax, ebx
	IS	"Ctrl-Alt-Del: boots again", 0
	CMOS_SET 0x52, 0
	ret

	.text	1
	.balign	4
nothing: .word	0
	.long	0
came_back: .byte 0
