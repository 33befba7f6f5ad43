/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The 8254, the MC146818 and the HPET: what they count, and the rates of their interrupts, against each other and against
 * the ACPI timer.
 */
#include "common.inc"

#define HPET 0xfed00000
#define HZ 3579545

	/* A CMOS register into EAX; and a value into it. */
	.macro	CMOS index:req
	OUTB	0x70, \index
	INB	0x71
	.endm
	.macro	CMOS_SET index:req, value:req
	OUTB	0x70, \index
	OUTB	0x71, \value
	.endm
	.macro	PIT_COUNT counter:req, count:req
	OUTB	(0x40 + \counter), (\count & 255)
	OUTB	(0x40 + \counter), (\count >> 8)
	.endm

rtc_hook:	/* Register C says why, and reading it ends the interrupt (MC146818, "interrupts"). */
	mov	al, 0x0c
	out	0x70, al
	in	al, 0x71
	or	[rtc_reasons], al
	ret

nap:	/* EAX microseconds by the ACPI timer, while some interrupt ticks */
	pushad
	mov	edx, 3665
	mul	edx
	shrd	eax, edx, 10
	mov	ecx, eax
	call	pm_now
	mov	ebx, eax
1:	hlt
	mov	eax, ebx
	call	pm_since
	cmp	eax, ecx
	jb	1b
	popad
	ret
	.macro	NAP microseconds:req
	push	eax
	mov	eax, \microseconds
	call	nap
	pop	eax
	.endm
	/* Let the PIT tick at 100 Hz, so that one can nap. */
	.macro	TICK
	OUTB	0x43, 0x34
	PIT_COUNT 0, 11932
	UNMASK	0
	.endm

main:
	HOOK	8, rtc_hook

/* ---- 8254 */
	/* Mode 2 at 100 Hz, and at the same time the RTC at 1024 Hz. */
	OUTB	0x43, 0x34
	PIT_COUNT 0, 11932
	CMOS_SET 0x0a, 0x26
	CMOS_SET 0x0b, 0x42
	CMOS	0x0c
	UNMASK	0
	UNMASK	8
	IRQ_CLEAR 0
	IRQ_CLEAR 8
	mov	byte ptr [rtc_reasons], 0
	NAP	1000000
	mov	ebx, [irq_count]
	mov	ecx, [irq_count + 32]
	MASK	0
	MASK	8
	mov	eax, ebx
	BETWEEN	"PIT at 100 Hz", 98, 102
	mov	eax, ecx
	BETWEEN	"RTC at 1024 Hz", 1004, 1044
	/* The one against the other: RTC x 100 / PIT. */
	imul	eax, ecx, 100
	xor	edx, edx
	div	ebx
	BETWEEN	"RTC against PIT", 1000, 1048
	movzx	eax, byte ptr [rtc_reasons]
	BITS	"RTC flags IRQF and PF", 0xc0, 0xc0

	/* Mode 2 counts down by one: 20 ms are 23864 counts. */
	OUTB	0x43, 0x34
	PIT_COUNT 0, 0
	DELAY	1000
	call	pit_latched
	mov	ebx, eax
	DELAY	20000
	call	pit_latched
	sub	ebx, eax
	movzx	eax, bx
	BETWEEN	"PIT mode 2 counts 1193182 a second", 23600, 25000
	/* Mode 3 counts by two. */
	OUTB	0x43, 0x36
	PIT_COUNT 0, 0
	DELAY	1000
	call	pit_latched
	mov	ebx, eax
	BITS	"PIT mode 3 counts even numbers", 1, 0
	DELAY	10000
	call	pit_latched
	sub	ebx, eax
	movzx	eax, bx
	BETWEEN	"PIT mode 3 counts by two", 23600, 25000
	/* Read-back (8254, "read-back command"): status and count of counter 0. */
	OUTB	0x43, 0x36
	OUTB	0x43, 0xe2
	INB	0x40
	BITS	"PIT null count before the load", 0x7f, 0x76
	PIT_COUNT 0, 1000
	DELAY	2000
	OUTB	0x43, 0xe2
	INB	0x40
	BITS	"PIT status after the load", 0x7f, 0x36
	/* Mode 0: one interrupt at the terminal count, and no more. */
	OUTB	0x43, 0x30
	UNMASK	0
	DELAY	1000
	IRQ_CLEAR 0
	PIT_COUNT 0, 11932
	DELAY	8000
	mov	eax, [irq_count]
	IS	"PIT mode 0 is quiet before its count", 0
	DELAY	4000
	mov	eax, [irq_count]
	IS	"PIT mode 0 at its count", 1
	DELAY	70000
	mov	eax, [irq_count]
	IS	"PIT mode 0 only once", 1
	MASK	0
	/* Counter 2: its gate and output are bits 0 and 5 of port 61. */
	INB	0x61
	and	al, 0xfc
	OUTB	0x61, al
	OUTB	0x43, 0xb0
	PIT_COUNT 2, 2000
	DELAY	5000
	INB	0x61
	BITS	"PIT counter 2 waits for its gate", 0x20, 0
	or	al, 1
	OUTB	0x61, al
	DELAY	5000
	INB	0x61
	BITS	"PIT counter 2 puts out", 0x20, 0x20
	/* Mode 1: a pulse of 10 ms, started by the gate. */
	and	al, 0xfc
	OUTB	0x61, al
	OUTB	0x43, 0xb2
	PIT_COUNT 2, 11932
	INB	0x61
	BITS	"PIT mode 1 starts high", 0x20, 0x20
	or	al, 1
	OUTB	0x61, al
	call	pm_now
	mov	ebx, eax
	DELAY	100
	INB	0x61
	BITS	"PIT mode 1 is low in its pulse", 0x20, 0
1:	INB	0x61
	test	al, 0x20
	jz	1b
	mov	eax, ebx
	call	pm_since
	BETWEEN	"PIT mode 1 pulse of 10 ms", 35000, 37500
	/* Port 61's refresh bit toggles every 15 us. */
	call	pm_now
	mov	ebx, eax
	INB	0x61
	mov	edx, eax
	xor	ecx, ecx
1:	INB	0x61
	xor	edx, eax
	shr	edx, 4
	and	edx, 1
	add	ecx, edx
	mov	edx, eax
	mov	eax, ebx
	call	pm_since
	cmp	eax, HZ / 100
	jb	1b
	mov	eax, ecx
	BETWEEN	"refresh bit toggles in 10 ms", 600, 730

/* ---- MC146818 */
	TICK
	CMOS	0x0d
	BITS	"RTC says that RAM and time are valid", 0x80, 0x80
	/* 8192 Hz and 2 Hz (rate F). */
	CMOS_SET 0x0a, 0x23
	CMOS_SET 0x0b, 0x42
	CMOS	0x0c
	UNMASK	8
	IRQ_CLEAR 8
	NAP	250000
	mov	eax, [irq_count + 32]
	BETWEEN	"RTC at 8192 Hz, a quarter of a second", 1990, 2100
	CMOS_SET 0x0a, 0x2f
	CMOS	0x0c
	IRQ_CLEAR 8
	NAP	2000000
	mov	eax, [irq_count + 32]
	BETWEEN	"RTC at 2 Hz, two seconds", 3, 5
	CMOS_SET 0x0a, 0x20
	CMOS	0x0c
	IRQ_CLEAR 8
	NAP	100000
	mov	eax, [irq_count + 32]
	IS	"RTC at rate 0", 0
	/* The update-ended interrupt comes once a second. */
	CMOS_SET 0x0a, 0x26
	CMOS_SET 0x0b, 0x12
	CMOS	0x0c
	IRQ_CLEAR 8
	mov	byte ptr [rtc_reasons], 0
	call	rtc_wait
	IS	"RTC update-ended interrupt", 1
	call	pm_now
	mov	ebx, eax
	IRQ_CLEAR 8
	call	rtc_wait
	mov	eax, ebx
	call	pm_since
	BETWEEN	"RTC second against the ACPI timer", 3543000, 3616000
	movzx	eax, byte ptr [rtc_reasons]
	BITS	"RTC flag UF", 0x90, 0x90
	/* An alarm in the next second only, then one in every second. */
	CMOS	0x00
	add	al, 1
	daa
	cmp	al, 0x60
	jb	1f
	xor	al, al
1:	OUTB	0x70, 0x01
	OUTB	0x71, al
	CMOS_SET 0x03, 0xff
	CMOS_SET 0x05, 0xff
	CMOS_SET 0x0b, 0x22
	CMOS	0x0c
	IRQ_CLEAR 8
	mov	byte ptr [rtc_reasons], 0
	call	rtc_wait
	IS	"RTC alarm", 1
	movzx	eax, byte ptr [rtc_reasons]
	BITS	"RTC flag AF", 0xa0, 0xa0
	CMOS	0x01
	mov	ebx, eax
	CMOS	0x00
	IS	"RTC alarm is in its second", ebx
	IRQ_CLEAR 8
	NAP	2200000
	mov	eax, [irq_count + 32]
	IS	"RTC alarm is only once a minute", 0
	CMOS_SET 0x01, 0xff
	IRQ_CLEAR 8
	NAP	3000000
	mov	eax, [irq_count + 32]
	BETWEEN	"RTC alarm with three don't-cares", 3, 4
	MASK	8
	CMOS_SET 0x0b, 0x02
	/* UIP is set 244 us before the update; then there is time to read. */
	mov	eax, HZ
	call	rtc_uip
	IS	"RTC UIP is seen", 0x80
	CMOS	0x00
	mov	ebx, eax
1:	CMOS	0x0a
	test	al, 0x80
	jnz	1b
	CMOS	0x00
	sub	eax, ebx
	and	eax, 15
	cmp	eax, 10		/* from x9 to y0 */
	BITS	"RTC time changes in the update", 1, 1
	/* SET stops the updates. */
	CMOS_SET 0x0b, 0x82
	CMOS	0x00
	mov	ebx, eax
	mov	eax, HZ / 10
	call	rtc_uip
	IS	"RTC has no updates while SET", 0
	NAP	1200000
	CMOS	0x00
	IS	"RTC stands while SET", ebx
	/* A time that is set goes on from there: in BCD and in binary, 12 hours and 24. */
	CMOS_SET 0x00, 0x58
	CMOS_SET 0x02, 0x59
	CMOS_SET 0x04, 0x23
	CMOS_SET 0x07, 0x28
	CMOS_SET 0x08, 0x02
	CMOS_SET 0x09, 0x24
	CMOS_SET 0x0b, 0x02
	NAP	2300000
	CMOS	0x00
	BETWEEN	"RTC seconds after midnight", 0, 2
	CMOS	0x04
	IS	"RTC hour after midnight", 0
	CMOS	0x07
	IS	"RTC leap day", 0x29
	CMOS	0x08
	IS	"RTC month of the leap day", 0x02
	/* With another format all ten bytes are written anew (MC146818, register B). */
	.macro	TIME hour, date, month, year, century
	CMOS_SET 0x00, 0
	CMOS_SET 0x02, 0
	CMOS_SET 0x04, \hour
	CMOS_SET 0x06, 1
	CMOS_SET 0x07, \date
	CMOS_SET 0x08, \month
	CMOS_SET 0x09, \year
	CMOS_SET 0x32, \century
	.endm
	CMOS_SET 0x0b, 0x86
	TIME	17, 31, 12, 25, 20
	CMOS_SET 0x0b, 0x06
	CMOS	0x04
	IS	"RTC binary hour", 17
	CMOS	0x07
	IS	"RTC binary day", 31
	CMOS_SET 0x0b, 0x80
	TIME	0x92, 0x31, 0x12, 0x25, 0x20
	CMOS_SET 0x0b, 0x00
	CMOS	0x04
	IS	"RTC hour 12 PM", 0x92
	CMOS_SET 0x0b, 0x02
	/* RAM. */
	CMOS_SET 0x50, 0xa5
	CMOS_SET 0x51, 0x5a
	CMOS	0x50
	IS	"CMOS RAM keeps a byte", 0xa5

/* ---- HPET (IA-PC HPET 1.0a) */
	mov	eax, [HPET]
	BITS	"HPET vendor is Intel", 0xffff0000, 0x80860000
	BITS	"HPET counts 64 bits and replaces legacy interrupts", 0xa000, 0xa000
	shr	eax, 8
	and	eax, 31
	BETWEEN	"HPET has three timers", 2, 31
	mov	eax, [HPET + 4]
	BETWEEN	"HPET period", 1, 100000000
	mov	dword ptr [HPET + 0x10], 0
	mov	dword ptr [HPET + 0xf0], 0x1000
	mov	dword ptr [HPET + 0xf4], 0
	mov	eax, [HPET + 0xf0]
	DELAY	100
	mov	eax, [HPET + 0xf0]
	IS	"HPET stands while it is off", 0x1000
	mov	dword ptr [HPET + 0x10], 1
	mov	ebx, [HPET + 0xf0]
	DELAY	10000
	mov	eax, [HPET + 0xf0]
	sub	eax, ebx
	/* x period in femtoseconds / 10^9 = microseconds */
	mul	dword ptr [HPET + 4]
	mov	ecx, 1000000000
	div	ecx
	BETWEEN	"HPET against the ACPI timer", 9900, 10400
	/* Ticks of 10 ms = 10^13 fs / period. */
	mov	eax, 0x4e72a000		/* 10^13, low */
	mov	edx, 0x918
	div	dword ptr [HPET + 4]
	mov	[hpet_10ms], eax
	/* Legacy replacement: timer 0 on IRQ 0, timer 1 on IRQ 8; PIT and RTC are cut off. */
	CMOS	0x0c
	HOOK	8, hpet_hook
	mov	dword ptr [HPET + 0x10], 0
	mov	dword ptr [HPET + 0xf0], 0
	/* By halves: each write to the comparator takes a VAL_SET with it, and the second pair is the period (2.3.9.2.2). */
	mov	dword ptr [HPET + 0x100], 0x4c	/* periodic, set value, enabled */
	mov	eax, [hpet_10ms]
	mov	[HPET + 0x108], eax
	mov	dword ptr [HPET + 0x100], 0x4c
	mov	dword ptr [HPET + 0x10c], 0
	mov	[HPET + 0x108], eax
	mov	dword ptr [HPET + 0x10c], 0
	mov	dword ptr [HPET + 0x120], 0x04
	imul	ebx, eax, 5
	mov	[HPET + 0x128], ebx
	mov	dword ptr [HPET + 0x12c], 0
	mov	dword ptr [HPET + 0x140], 0
	OUTB	0x43, 0x34	/* the PIT at 1 kHz and the RTC at 1 kHz, which must not be heard */
	PIT_COUNT 0, 1193
	CMOS_SET 0x0b, 0x42
	UNMASK	0
	UNMASK	8
	DELAY	2000
	mov	dword ptr [HPET + 0x10], 3
	IRQ_CLEAR 0
	IRQ_CLEAR 8
	NAP	1000000
	mov	ebx, [irq_count]
	mov	ecx, [irq_count + 32]
	MASK	0
	MASK	8
	mov	eax, ebx
	BETWEEN	"HPET periodic at 100 Hz on IRQ 0", 98, 102
	mov	eax, ecx
	IS	"HPET one shot on IRQ 8", 1
	mov	dword ptr [HPET + 0x100], 0
	mov	dword ptr [HPET + 0x120], 0
	mov	dword ptr [HPET + 0x10], 1
	HOOK	8, rtc_hook
	CMOS	0x0c
	UNMASK	0
	IRQ_CLEAR 0
	NAP	100000
	mov	eax, [irq_count]
	MASK	0
	BETWEEN	"PIT is heard again after legacy replacement", 90, 110
	/* A level-triggered timer says so in the status register, and takes a 1 written. */
	mov	dword ptr [HPET + 0x140], 0x06 | 23 << 9
	mov	eax, [HPET + 0xf0]
	add	eax, [hpet_10ms]
	mov	[HPET + 0x148], eax
	mov	eax, [HPET + 0xf4]
	mov	[HPET + 0x14c], eax
	mov	eax, [HPET + 0x20]
	BITS	"HPET timer 2 has not fired", 4, 0
	DELAY	12000
	mov	eax, [HPET + 0x20]
	BITS	"HPET timer 2 has fired", 4, 4
	mov	dword ptr [HPET + 0x20], 4
	mov	eax, [HPET + 0x20]
	BITS	"HPET timer 2's status is cleared by writing 1", 4, 0
	ret

hpet_hook:
	ret

pit_latched:	/* EAX = counter 0 */
	push	ebx
	OUTB	0x43, 0
	INB	0x40
	mov	ebx, eax
	INB	0x40
	mov	ah, al
	mov	al, bl
	pop	ebx
	ret

rtc_wait:	/* EAX = interrupts of the RTC within 2 seconds */
	push	ecx
	mov	ecx, 200
1:	hlt
	mov	eax, [irq_count + 32]
	test	eax, eax
	jnz	2f
	loop	1b
2:	pop	ecx
	ret

rtc_uip:	/* EAX: ticks to wait for UIP; gives 80 or 0 */
	push	ebx
	push	ecx
	mov	ecx, eax
	imul	ecx, ecx, 11
	shr	ecx, 3
	call	pm_now
	mov	ebx, eax
1:	CMOS	0x0a
	and	eax, 0x80
	jnz	2f
	mov	eax, ebx
	call	pm_since
	cmp	eax, ecx
	jb	1b
	xor	eax, eax
2:	pop	ecx
	pop	ebx
	ret

	.text	1
	.balign	4
hpet_10ms: .long 0
rtc_reasons: .byte 0
