/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A second serial port, after the PC16550D's data sheet: its loopback, FIFO, interrupts and the time that a character takes.
 * What it sends goes to a file.
 */
#include "common.inc"

#define PORT 0x2f8
#define TEXT_LENGTH 21

	.macro	PUT index:req, value:req
	OUTB	(PORT + \index), \value
	.endm
	.macro	TAKE index:req
	INB	(PORT + \index)
	.endm

main:
/* ---- Registers */
	movzx	eax, word ptr [0x402]
	IS	"the BIOS has found it", PORT
	PUT	7, 0x5a
	TAKE	7
	IS	"scratch register", 0x5a
	PUT	3, 0x83
	PUT	0, 0x34
	PUT	1, 0x12
	TAKE	0
	IS	"divisor, low", 0x34
	TAKE	1
	IS	"divisor, high", 0x12
	PUT	0, 12		/* 9600 */
	PUT	1, 0
	PUT	3, 0x03
	PUT	1, 0xff
	TAKE	1
	IS	"IER: four bits", 0x0f
	PUT	1, 0
	PUT	2, 0x07
	TAKE	2
	IS	"IIR: FIFOs, nothing pending", 0xc1
	PUT	2, 0
	TAKE	2
	IS	"IIR: no FIFOs", 0x01
	PUT	4, 0xff
	TAKE	4
	IS	"MCR: five bits", 0x1f
	TAKE	5
	IS	"LSR: transmitter empty", 0x60

/* ---- Loopback */
	PUT	4, 0x10
	TAKE	6
	TAKE	6
	IS	"loopback: no lines", 0
	.irp	pair, 0x0120, 0x0210, 0x0440, 0x0880
	mov	ebx, \pair
	mov	al, bh
	or	al, 0x10
	PUT	4, al
	TAKE	6
	and	eax, 0xf0
	movzx	ebx, bl
	xor	eax, ebx
	or	[lines], eax
	.endr
	mov	eax, [lines]
	IS	"loopback: DTR, RTS, OUT1, OUT2 are DSR, CTS, RI, DCD", 0
	PUT	4, 0x10
	TAKE	6
	TAKE	6
	PUT	4, 0x12
	TAKE	6
	IS	"MSR: CTS has changed", 0x11
	TAKE	6
	IS	"MSR: reading clears that", 0x10
	PUT	4, 0x14
	TAKE	6
	PUT	4, 0x10
	TAKE	6
	BITS	"MSR: trailing edge of RI", 0x0c, 0x04
	/* A character of 10 bits at 9600 baud takes 1.04 ms. */
	call	pm_now
	mov	ebx, eax
	PUT	0, 0xa5
1:	TAKE	5
	test	al, 1
	jnz	2f
	mov	eax, ebx
	call	pm_since
	cmp	eax, 3579545
	jb	1b
2:	TAKE	5
	BITS	"loopback: data ready", 1, 1
	TAKE	0
	IS	"loopback: the character", 0xa5
	TAKE	5
	BITS	"loopback: no more", 1, 0
	/* Without FIFO a second one overruns the first. */
	PUT	0, 0x11
	DELAY	3000
	PUT	0, 0x22
	DELAY	3000
	TAKE	5
	BITS	"overrun", 3, 3
	TAKE	5
	BITS	"overrun: reading clears it", 3, 1
	TAKE	0
	IS	"overrun: the new character", 0x22
	/* Seven bits. */
	PUT	3, 0x02
	PUT	0, 0xff
	DELAY	3000
	TAKE	0
	IS	"seven bits", 0x7f
	PUT	3, 0x03
	/* A break. */
	PUT	3, 0x43
	DELAY	3000
	PUT	3, 0x03
	DELAY	3000
	TAKE	5
	BITS	"break: BI, FE, DR", 0x19, 0x19
	TAKE	0
	IS	"break: a zero", 0
	/* The FIFO, with a trigger at 14. */
	PUT	2, 0xc7
	PUT	1, 0x05
	TAKE	2
	xor	ecx, ecx
1:	lea	eax, [ecx + 0x40]
	PUT	0, al
	DELAY	1500
	inc	ecx
	cmp	ecx, 13
	jb	1b
	TAKE	2
	BITS	"FIFO: 13 characters are below the trigger", 0x0f, 0x01
	DELAY	8000
	TAKE	2
	BITS	"FIFO: timeout after four character times", 0x0f, 0x0c
	PUT	0, 0x4d
	DELAY	1500
	TAKE	2
	BITS	"FIFO: 14 characters", 0x0f, 0x04
	xor	ecx, ecx
	xor	edx, edx
1:	TAKE	5
	test	al, 1
	jz	2f
	TAKE	0
	lea	ebx, [ecx + 0x40]
	xor	eax, ebx
	or	edx, eax
	inc	ecx
	jmp	1b
2:	mov	eax, ecx
	IS	"FIFO: count", 14
	mov	eax, edx
	IS	"FIFO: order", 0
	PUT	1, 0

/* ---- Interrupts, which OUT2 lets through */
	PUT	2, 0
	PUT	4, 0x0b
	TAKE	6
	UNMASK	3
	IRQ_CLEAR 3
	PUT	1, 0x02
	IRQ_WAIT 3
	IS	"IRQ 3: transmitter empty", 1
	TAKE	2
	IS	"IIR: transmitter empty", 0x02
	TAKE	2
	IS	"IIR: reading clears that", 0x01
	mov	esi, offset text
	mov	edi, 0
1:	lodsb
	test	al, al
	jz	2f
	IRQ_CLEAR 3
	PUT	0, al
	IRQ_WAIT 3
	add	edi, eax
	TAKE	2
	jmp	1b
2:	mov	eax, edi
	IS	"IRQ 3: for each character", TEXT_LENGTH
	PUT	1, 0
	MASK	3
	TAKE	5
	DELAY	10000
	ret

	.text	1
	.balign	4
lines:	.long	0
text:	.ascii	"Sent with interrupts\n"
	.byte	0
