/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The PIIX4's power management registers as ACPI has them: the timer's overflow and the power button, with the SCI.  It
 * ends by switching off by APM.
 */
#include "common.inc"

#define TMR 0x0001
#define BUTTON 0x0100

	/* Registers of the event block and the control behind it. */
	.macro	PM index:req
	mov	edx, [pm_base]
	add	edx, \index
	xor	eax, eax
	in	ax, dx
	.endm
	.macro	PM_SET index:req, value:req
	mov	edx, [pm_base]
	add	edx, \index
	mov	eax, \value
	out	dx, ax
	.endm

sci:	/* a level: what asserts it is taken away, and remembered */
	PM	0
	or	[events], ax
	mov	edx, [pm_base]
	out	dx, ax
	ret

nap:	/* EAX tens of milliseconds by the PIT */
	push	ecx
	mov	ecx, [irq_count]
	add	eax, ecx
1:	hlt
	cmp	[irq_count], eax
	jb	1b
	pop	ecx
	ret

main:
	OUTB	0x43, 0x34
	OUTB	0x40, (11932 & 255)
	OUTB	0x40, (11932 >> 8)
	UNMASK	0
	HOOK	9, sci
	/* ACPI on. */
	OUTB	0xb2, 0xf1
	DELAY	1000
	PM	4
	BITS	"SCI_EN", 1, 1
	INB	0x4d1		/* IRQ 9 is a level */
	or	al, 2
	OUTB	0x4d1, al
	PM_SET	2, 0
	PM_SET	0, 0xffff
	PM	0
	IS	"status: all cleared by writing ones", 0

/* ---- The timer's top bit changes each 2.34 s. */
	UNMASK	9
	PM_SET	2, TMR
	IRQ_CLEAR 9
	mov	eax, 240
	call	nap
	mov	eax, [irq_count + 9 * 4]
	BETWEEN	"SCI of the timer", 1, 2
	movzx	eax, word ptr [events]
	BITS	"TMR_STS", TMR, TMR
	PM_SET	2, 0
	IRQ_CLEAR 9
	mov	eax, 240
	call	nap
	mov	eax, [irq_count + 9 * 4]
	IS	"no SCI when it is off", 0
	PM	0
	BITS	"TMR_STS all the same", TMR, TMR
	/* Enabling what is pending interrupts at once. */
	PM_SET	2, TMR
	IRQ_WAIT 9
	IS	"SCI of what is pending", 1
	PM_SET	2, 0
	PM	0
	BITS	"TMR_STS is cleared", TMR, 0

/* ---- The power button */
	mov	word ptr [events], 0
	PM_SET	2, BUTTON
	PM	2
	BITS	"enable register", 0xffff, BUTTON
	IRQ_CLEAR 9
	SAY	"HOST button"
	mov	ecx, 1000
1:	mov	eax, 1
	call	nap
	cmp	dword ptr [irq_count + 9 * 4], 0
	loope	1b
	mov	eax, [irq_count + 9 * 4]
	IS	"SCI of the button", 1
	movzx	eax, word ptr [events]
	BITS	"PWRBTN_STS", BUTTON, BUTTON
	PM	0
	BITS	"PWRBTN_STS is cleared", BUTTON, 0
	/* ACPI off again. */
	PM_SET	2, 0
	OUTB	0xb2, 0xf0
	DELAY	1000
	PM	4
	BITS	"SCI_EN off", 1, 0
	MASK	9
	MASK	0

/* ---- Off by APM 1.2: SET POWER STATE of all devices to off */
	mov	eax, 0x5301
	xor	ebx, ebx
	BIOS	0x15
	CLEAR	"APM: connect"
	mov	eax, 0x530e
	xor	ebx, ebx
	mov	ecx, 0x0102
	BIOS	0x15
	CLEAR	"APM: driver version"
	mov	esi, offset end_text
	call	puts
	mov	eax, [failures]
	call	put_hex
	call	put_line
	DELAY	10000
	mov	eax, 0x5307
	mov	ebx, 1
	mov	ecx, 3
	BIOS	0x15
	SAY	"APM: FAIL still on"
	ret

	.text	1
	.balign	4
events:	.word	0
