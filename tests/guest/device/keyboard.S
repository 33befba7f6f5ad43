/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The keyboard controller, the keyboard in its three scan code sets, and the mouse, after IBM's Personal System/2 Hardware
 * Interface Technical Reference.  The test presses keys and moves the mouse when it is asked to.
 */
#include "common.inc"

	/* A command for the controller, and one with a byte of data. */
	.macro	CONTROLLER command:req
	call	can_send
	OUTB	0x64, \command
	.endm
	.macro	DATA value:req
	call	can_send
	OUTB	0x60, \value
	.endm
	.macro	SET command:req, value:req
	CONTROLLER \command
	DATA	\value
	.endm
	.macro	MOUSE value:req
	CONTROLLER 0xd4
	DATA	\value
	.endm
	/* The next byte must be this one. */
	.macro	GET name:req, want:req
	call	get
	IS	"\name", \want
	.endm
	/* As many bytes as are given come, and no more. */
	.macro	BYTES name:req, bytes:vararg
	.text	1
8:	.byte	\bytes
7:
	.text	0
	mov	esi, offset 8b
	mov	ecx, offset 7b - 8b
	call	gather
	call	compare
	IS	"\name", 0
	.endm

can_send:	/* wait until the controller has taken what was sent */
	push	eax
	push	ecx
	mov	ecx, 100000
1:	in	al, 0x64
	test	al, 2
	loopnz	1b
	pop	ecx
	pop	eax
	ret

get:	/* EAX = the next byte, [from] = the status before it was read; -1 after a second */
	push	ebx
	call	pm_now
	mov	ebx, eax
1:	xor	eax, eax
	in	al, 0x64
	test	al, 1
	jnz	2f
	mov	eax, ebx
	call	pm_since
	cmp	eax, 3579545
	jb	1b
	or	eax, -1
	jmp	3f
2:	mov	[from], al
	in	al, 0x60
3:	pop	ebx
	ret

gather:	/* ECX bytes, each within three seconds; and those that come in the next 50 ms */
	push	ebx
	push	ecx
	mov	edx, ecx
	xor	ecx, ecx
1:	mov	ebx, 3
2:	call	get
	test	eax, eax
	jns	3f
	dec	ebx
	jnz	2b
	jmp	4f
3:	mov	[gathered + ecx], al
	inc	ecx
	cmp	ecx, edx
	jb	1b
	DELAY	50000
	in	al, 0x64
	test	al, 1
	jz	4f
	call	get
	mov	[gathered + ecx], al
	inc	ecx
4:	mov	[gathered_count], ecx
	pop	ecx
	pop	ebx
	ret

compare:	/* ECX bytes at ESI against what was gathered: EAX = 0, or what came (from the last byte up) */
	cmp	ecx, [gathered_count]
	jne	1f
	mov	edi, offset gathered
	repe cmpsb
	mov	eax, 0
	je	2f
1:	mov	eax, [gathered]
	bswap	eax
	or	eax, 1
2:	ret

flush:
	push	eax
1:	in	al, 0x64
	test	al, 1
	jz	2f
	in	al, 0x60
	DELAY	1000
	jmp	1b
2:	pop	eax
	ret

main:
	CONTROLLER 0xad
	CONTROLLER 0xa7
	call	flush

/* ---- The controller */
	CONTROLLER 0xaa
	GET	"self test", 0x55
	CONTROLLER 0xad
	CONTROLLER 0xa7
	call	flush
	CONTROLLER 0xab
	GET	"test of the keyboard's wires", 0
	CONTROLLER 0xa9
	GET	"test of the mouse's wires", 0
	SET	0x60, 0x70
	CONTROLLER 0x20
	GET	"command byte", 0x70
	INB	0x64
	BITS	"system flag off", 4, 0
	SET	0x60, 0x74
	call	can_send
	INB	0x64
	BITS	"system flag on", 4, 4
	CONTROLLER 0xa8
	CONTROLLER 0x20
	GET	"A8 lets the mouse speak", 0x54
	CONTROLLER 0xa7
	CONTROLLER 0x20
	GET	"A7 silences it", 0x74
	CONTROLLER 0xae
	CONTROLLER 0x20
	GET	"AE lets the keyboard speak", 0x64
	CONTROLLER 0xad
	CONTROLLER 0x20
	GET	"AD silences it", 0x74
	INB	0x64
	BITS	"status: the last was a command", 8, 8
	SET	0x60, 0x74
	call	can_send
	INB	0x64
	BITS	"status: the last was data", 8, 0
	CONTROLLER 0xd0
	call	get
	BITS	"output port: no reset, A20 on", 3, 3
	/* A20 by the output port: with it off, 1 MiB is 0. */
	mov	dword ptr [0x600], 0x11111111
	mov	dword ptr [0x100600], 0x22222222
	mov	eax, [0x600]
	IS	"A20 on: two places", 0x11111111
	/* It is on as long as either port 92 or the controller wants it (PIIX4, A20M#). */
	OUTB	0x92, 0
	mov	eax, [0x100600]
	IS	"port 92 alone does not switch A20 off", 0x22222222
	SET	0xd1, 0xdd
	call	can_send
	mov	eax, [0x100600]
	IS	"D1: A20 off", 0x11111111
	CONTROLLER 0xd0
	call	get
	BITS	"output port: A20 off", 3, 1
	OUTB	0x92, 2
	mov	eax, [0x100600]
	IS	"port 92 alone switches A20 on", 0x22222222
	OUTB	0x92, 0
	mov	eax, [0x100600]
	IS	"port 92 off again", 0x11111111
	SET	0xd1, 0xdf
	call	can_send
	mov	eax, [0x100600]
	IS	"D1: A20 on", 0x22222222
	/* Bytes as if from the devices, with their interrupts. */
	SET	0x60, 0x77
	UNMASK	1
	UNMASK	12
	IRQ_CLEAR 1
	IRQ_CLEAR 12
	SET	0xd2, 0x5a
	IRQ_WAIT 1
	IS	"D2: IRQ 1", 1
	GET	"D2: byte", 0x5a
	movzx	eax, byte ptr [from]
	BITS	"D2: from the keyboard", 0x21, 1
	SET	0xd3, 0xa5
	IRQ_WAIT 12
	IS	"D3: IRQ 12", 1
	GET	"D3: byte", 0xa5
	movzx	eax, byte ptr [from]
	BITS	"D3: from the mouse", 0x21, 0x21
	mov	eax, [irq_count + 4]
	IS	"D3: no IRQ 1", 1
	MASK	12

/* ---- The keyboard, not translated */
	SET	0x60, 0x25
	IRQ_CLEAR 1
	DATA	0xff
	GET	"keyboard reset: ACK", 0xfa
	GET	"keyboard reset: self test", 0xaa
	mov	eax, [irq_count + 4]
	IS	"keyboard reset: IRQ 1 for each byte", 2
	DATA	0xee
	GET	"echo", 0xee
	DATA	0xf2
	GET	"keyboard id: ACK", 0xfa
	GET	"keyboard id: AB", 0xab
	GET	"keyboard id: 83", 0x83
	DATA	0xfe
	GET	"resend", 0x83
	DATA	0xed
	GET	"LEDs: ACK", 0xfa
	DATA	0x07
	GET	"LEDs: ACK of the byte", 0xfa
	DATA	0xf3
	GET	"typematic rate: ACK", 0xfa
	DATA	0x20
	GET	"typematic rate: ACK of the byte", 0xfa
	DATA	0xe5
	GET	"no such command: resend", 0xfe
	DATA	0xf0
	GET	"scan set: ACK", 0xfa
	DATA	0x00
	GET	"scan set: ACK of 0", 0xfa
	GET	"scan set: 2", 0x02
	DATA	0xf4
	GET	"enable: ACK", 0xfa
	SAY	"HOST keys a"
	BYTES	"set 2: A", 0x1c, 0xf0, 0x1c
	SAY	"HOST keys up"
	BYTES	"set 2: up", 0xe0, 0x75, 0xe0, 0xf0, 0x75
	SAY	"HOST keys pause"
	BYTES	"set 2: pause", 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77
	SAY	"HOST keys shift-ret"
	BYTES	"set 2: shift and return", 0x12, 0x5a, 0xf0, 0x5a, 0xf0, 0x12
	DATA	0xf0
	GET	"scan set 1: ACK", 0xfa
	DATA	0x01
	GET	"scan set 1: ACK of 1", 0xfa
	SAY	"HOST keys a"
	BYTES	"set 1: A", 0x1e, 0x9e
	SAY	"HOST keys up"
	BYTES	"set 1: up", 0xe0, 0x48, 0xe0, 0xc8
	DATA	0xf0
	GET	"scan set 3: ACK", 0xfa
	DATA	0x03
	GET	"scan set 3: ACK of 3", 0xfa
	DATA	0xf0
	call	get
	DATA	0x00
	call	get
	GET	"scan set is 3", 0x03
	DATA	0xf8
	GET	"set 3: all make and break", 0xfa
	SAY	"HOST keys up"
	BYTES	"set 3: up", 0x63, 0xf0, 0x63
	DATA	0xf9
	GET	"set 3: all make only", 0xfa
	SAY	"HOST keys a"
	BYTES	"set 3: A is only made", 0x1c
	DATA	0xf6
	GET	"defaults: ACK", 0xfa
	DATA	0xf0
	call	get
	DATA	0x02
	call	get
	DATA	0xf5
	GET	"disable: ACK", 0xfa
	SAY	"HOST keys b"
	call	get
	IS	"disabled: no key", -1
	DATA	0xf4
	GET	"enable again: ACK", 0xfa
	/* The clock line is held: the key waits. */
	SET	0x60, 0x34
	SAY	"HOST keys c"
	call	get
	IS	"clock held: no key", -1
	SET	0x60, 0x25
	BYTES	"clock free: the key", 0x21, 0xf0, 0x21
	/* Translated, as the BIOS has it. */
	SET	0x60, 0x65
	SAY	"HOST keys a"
	BYTES	"translated: A", 0x1e, 0x9e
	SAY	"HOST keys delete"
	BYTES	"translated: delete", 0xe0, 0x53, 0xe0, 0xd3
	SAY	"HOST keys f12"
	BYTES	"translated: F12", 0x58, 0xd8
	DATA	0xf2
	BYTES	"translated: keyboard id", 0xfa, 0xab, 0x41
	MASK	1

/* ---- The mouse */
	SET	0x60, 0x57
	UNMASK	12
	MOUSE	0xff
	GET	"mouse reset: ACK", 0xfa
	movzx	eax, byte ptr [from]
	BITS	"mouse reset: from the mouse", 0x21, 0x21
	GET	"mouse reset: self test", 0xaa
	GET	"mouse reset: id", 0x00
	MOUSE	0xe9
	BYTES	"mouse status: disabled, 1:1, 4 per mm, 100 a second", 0xfa, 0x00, 0x02, 0x64
	.irp	rate, 200, 100, 80
	MOUSE	0xf3
	call	get
	MOUSE	\rate
	call	get
	.endr
	MOUSE	0xf2
	BYTES	"wheel after 200, 100, 80", 0xfa, 0x03
	.irp	rate, 200, 200, 80
	MOUSE	0xf3
	call	get
	MOUSE	\rate
	call	get
	.endr
	MOUSE	0xf2
	BYTES	"five buttons after 200, 200, 80", 0xfa, 0x04
	MOUSE	0xf6
	GET	"mouse defaults: ACK", 0xfa
	MOUSE	0xe8
	GET	"mouse resolution: ACK", 0xfa
	MOUSE	0x03
	GET	"mouse resolution: ACK of 3", 0xfa
	MOUSE	0xe7
	GET	"mouse scaling: ACK", 0xfa
	MOUSE	0xe9
	BYTES	"mouse status: 2:1, 8 per mm", 0xfa, 0x10, 0x03, 0x64
	MOUSE	0xe6
	call	get
	MOUSE	0xf0
	GET	"remote mode: ACK", 0xfa
	SAY	"HOST mouse 5 -3"
	call	get
	IS	"remote mode: nothing by itself", -1
	MOUSE	0xeb
	BYTES	"remote mode: data when asked", 0xfa, 0x08, 5, 3, 0
	MOUSE	0xea
	GET	"stream mode: ACK", 0xfa
	MOUSE	0xf4
	GET	"mouse enable: ACK", 0xfa
	IRQ_CLEAR 12
	SAY	"HOST mouse -5 3"
	BYTES	"mouse moves left and down", 0x38, 0xfb, 0xfd, 0
	mov	eax, [irq_count + 48]
	IS	"mouse: IRQ 12 for each byte", 4
	SAY	"HOST mouse 0 0 1"
	BYTES	"left button", 0x09, 0, 0, 0
	SAY	"HOST mouse 0 0 0"
	BYTES	"left button up", 0x08, 0, 0, 0
	MOUSE	0xee
	GET	"wrap mode: ACK", 0xfa
	MOUSE	0x55
	GET	"wrap mode: echo", 0x55
	MOUSE	0xec
	GET	"wrap mode: end", 0xfa
	MOUSE	0xf5
	GET	"mouse disable: ACK", 0xfa
	ret

	.text	1
	.balign	4
gathered_count: .long 0
gathered: .fill	32, 1, 0
from:	.byte	0
