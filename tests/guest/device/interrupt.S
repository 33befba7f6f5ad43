/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The two 8259A, mostly by their poll command, which shows what would be acknowledged; the chipset's ELCR; the I/O APIC and
 * the local APIC.  The APICs' vectors are those of IRQ 13 to 15, which the 8259A have masked.
 */
#include "common.inc"

#define APIC 0xfee00000
#define IOAPIC 0xfec00000
#define HPET 0xfed00000

	/* The PIT makes an edge on IRQ 0 after 100 us. */
	.macro	EDGE
	OUTB	0x43, 0x30
	OUTB	0x40, 120
	OUTB	0x40, 0
	DELAY	300
	.endm
	/* The keyboard controller makes one on IRQ 1, whose byte is then read away. */
	.macro	EDGE_1
	OUTB	0x64, 0xd2
	DELAY	100
	OUTB	0x60, 0x77
	DELAY	1000
	.endm
	.macro	POLL
	OUTB	0x20, 0x0c
	INB	0x20
	.endm
	.macro	IRR
	OUTB	0x20, 0x0a
	INB	0x20
	.endm
	.macro	ISR
	OUTB	0x20, 0x0b
	INB	0x20
	.endm
	.macro	EOI command=0x20
	OUTB	0x20, \command
	.endm
	/* An I/O APIC register into EAX; and a value into it. */
	.macro	REDIRECTION index:req
	mov	dword ptr [IOAPIC], \index
	mov	eax, [IOAPIC + 0x10]
	.endm
	.macro	REDIRECT index:req, value:req
	mov	dword ptr [IOAPIC], \index
	mov	dword ptr [IOAPIC + 0x10], \value
	.endm
	.macro	NAP microseconds:req
	push	eax
	mov	eax, \microseconds
	call	nap
	pop	eax
	.endm

apic_hook:
	mov	dword ptr [APIC + 0xb0], 0
	ret
level_hook:	/* What the device asserts must go before the EOI, or it comes again. */
	mov	dword ptr [HPET + 0x20], 4
	mov	dword ptr [APIC + 0xb0], 0
	ret

nap:	/* EAX microseconds, while some interrupt ticks */
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

main:
	/* The keyboard controller: interrupts on, the devices off. */
	OUTB	0x64, 0x60
	DELAY	100
	OUTB	0x60, 0x35
	DELAY	1000
	INB	0x60
	cli

/* ---- 8259A */
	OUTB	0x21, 0xfc
	INB	0x21
	IS	"IMR can be read", 0xfc
	EDGE
	IRR
	BITS	"IRR: input 0", 3, 1
	ISR
	IS	"ISR: nothing in service", 0
	POLL
	IS	"poll: input 0", 0x80
	ISR
	IS	"ISR: input 0 in service", 1
	IRR
	BITS	"IRR: the edge is used up", 1, 0
	EDGE_1
	POLL
	BITS	"a lower priority waits", 0x80, 0
	EOI
	ISR
	IS	"EOI: out of service", 0
	POLL
	IS	"then the lower priority comes", 0x81
	EOI	0x60
	ISR
	IS	"specific EOI of another changes nothing", 2
	EOI	0x61
	ISR
	IS	"specific EOI", 0
	INB	0x60
	/* Special mask mode: what is masked does not block while in service. */
	EDGE
	POLL
	EDGE_1
	OUTB	0x21, 0xfd
	OUTB	0x20, 0x68
	POLL
	IS	"special mask mode: input 1 above input 0 in service", 0x81
	OUTB	0x20, 0x48
	EOI	0x61
	EOI	0x60
	INB	0x60
	OUTB	0x21, 0xfc
	/* Priorities: input 0 the lowest. */
	OUTB	0x20, 0xc0
	EDGE
	EDGE_1
	POLL
	IS	"set priority: input 1 first", 0x81
	EOI
	POLL
	IS	"set priority: input 0 last", 0x80
	EOI
	INB	0x60
	OUTB	0x20, 0xc7
	/* Rotation on EOI: after its service, input 0 is the lowest. */
	EDGE
	POLL
	EOI	0xa0
	EDGE
	EDGE_1
	POLL
	IS	"rotate on EOI: input 1 first", 0x81
	EOI
	POLL
	EOI
	INB	0x60
	OUTB	0x20, 0xc7
	/* A masked edge is remembered. */
	OUTB	0x21, 0xff
	EDGE
	POLL
	BITS	"masked: nothing", 0x80, 0
	OUTB	0x21, 0xfe
	POLL
	IS	"unmasked: it is still there", 0x80
	EOI
	/* Through the slave: the clock on its input 0 is the master's input 2. */
	OUTB	0x21, 0xfb
	OUTB	0xa1, 0xfe
	OUTB	0x70, 0x0a
	OUTB	0x71, 0x26
	OUTB	0x70, 0x0b
	OUTB	0x71, 0x42
	OUTB	0x70, 0x0c
	INB	0x71
	DELAY	3000
	POLL
	IS	"slave: the master's input 2", 0x82
	OUTB	0xa0, 0x0c
	INB	0xa0
	IS	"slave: its input 0", 0x80
	OUTB	0xa0, 0x20
	EOI
	OUTB	0x70, 0x0b
	OUTB	0x71, 0x02
	OUTB	0x70, 0x0c
	INB	0x71
	/* Automatic EOI: ICW4. */
	OUTB	0x20, 0x11
	OUTB	0x21, 0x20
	OUTB	0x21, 0x04
	OUTB	0x21, 0x03
	OUTB	0x21, 0xfe
	EDGE
	POLL
	IS	"automatic EOI: poll", 0x80
	ISR
	IS	"automatic EOI: never in service", 0
	call	pic_ours
	OUTB	0x21, 0xff
	OUTB	0xa1, 0xff
	/* ELCR: inputs 0, 1, 2, 8 and 13 are edges for ever. */
	INB	0x4d0
	mov	ebx, eax
	INB	0x4d1
	mov	ecx, eax
	OUTB	0x4d0, 0xff
	OUTB	0x4d1, 0xff
	INB	0x4d0
	IS	"ELCR: first", 0xf8
	INB	0x4d1
	IS	"ELCR: second", 0xde
	OUTB	0x4d0, bl
	OUTB	0x4d1, cl
	sti

/* ---- I/O APIC and local APIC */
	HOOK	13, level_hook
	HOOK	14, apic_hook
	HOOK	15, apic_hook
	mov	eax, [APIC + 0x30]
	BITS	"APIC: version", 0xf0, 0x10
	mov	dword ptr [APIC + 0xf0], 0x1ff
	mov	dword ptr [APIC + 0x80], 0
	mov	ebx, [APIC + 0x20]
	REDIRECTION 1
	BITS	"I/O APIC: 24 inputs", 0xff0000, 0x170000
	REDIRECT 0x15, ebx
	REDIRECTION 0x15
	and	eax, 0xff000000
	IS	"I/O APIC: destination", ebx
	REDIRECT 0x14, 0x2f
	OUTB	0x43, 0x34
	OUTB	0x40, (11932 & 255)
	OUTB	0x40, (11932 >> 8)
	IRQ_CLEAR 15
	NAP	200000
	mov	eax, [irq_count + 15 * 4]
	BETWEEN	"I/O APIC: the PIT on input 2 at 100 Hz", 19, 22
	REDIRECT 0x14, 0x1002f
	IRQ_CLEAR 15
	DELAY	30000
	mov	eax, [irq_count + 15 * 4]
	IS	"I/O APIC: masked", 0
	/* To oneself. */
	IRQ_CLEAR 14
	mov	dword ptr [APIC + 0x300], 0x4402e
	mov	eax, [irq_count + 14 * 4]
	IS	"APIC: interrupt to oneself", 1
	/* The task priority holds it back. */
	mov	dword ptr [APIC + 0x80], 0x20
	mov	dword ptr [APIC + 0x300], 0x4402e
	mov	eax, [irq_count + 14 * 4]
	IS	"APIC: held back by the task priority", 1
	mov	eax, [APIC + 0x210]
	BITS	"APIC: IRR", 0x4000, 0x4000
	mov	dword ptr [APIC + 0x80], 0
	mov	eax, [irq_count + 14 * 4]
	IS	"APIC: let through", 2
	/* The timer: how far it counts in 10 ms is a period of 10 ms. */
	mov	dword ptr [APIC + 0x3e0], 3
	mov	dword ptr [APIC + 0x320], 0x1002e
	mov	dword ptr [APIC + 0x380], -1
	DELAY	10000
	mov	ebx, [APIC + 0x390]
	not	ebx
	mov	eax, ebx
	BETWEEN	"APIC: timer counts", 1000, 100000000
	IRQ_CLEAR 14
	mov	dword ptr [APIC + 0x320], 0x2002e
	mov	[APIC + 0x380], ebx
	NAP	200000
	mov	eax, [irq_count + 14 * 4]
	BETWEEN	"APIC: periodic timer at 100 Hz", 19, 22
	mov	dword ptr [APIC + 0x320], 0x0002e
	IRQ_CLEAR 14
	mov	[APIC + 0x380], ebx
	DELAY	35000
	mov	eax, [irq_count + 14 * 4]
	IS	"APIC: one shot", 1
	mov	dword ptr [APIC + 0x320], 0x1002e
	/* A level: HPET timer 2 on input 23. */
	mov	ebx, [APIC + 0x20]
	REDIRECT (0x10 + 23 * 2 + 1), ebx
	REDIRECT (0x10 + 23 * 2), 0x802d
	IRQ_CLEAR 13
	mov	dword ptr [HPET + 0x10], 1
	mov	dword ptr [HPET + 0x140], 0x06 | 23 << 9
	mov	eax, [HPET + 0xf0]
	add	eax, 100000
	mov	[HPET + 0x148], eax
	mov	eax, [HPET + 0xf4]
	mov	[HPET + 0x14c], eax
	DELAY	20000
	mov	eax, [irq_count + 13 * 4]
	IS	"I/O APIC: one interrupt of a level that is taken away", 1
	REDIRECTION (0x10 + 23 * 2)
	BITS	"I/O APIC: remote IRR is off after the EOI", 0x4000, 0
	/* The same, without taking it away: it comes again after each EOI, here four times. */
	HOOK	13, stubborn_hook
	IRQ_CLEAR 13
	mov	eax, [HPET + 0xf0]
	add	eax, 100000
	mov	[HPET + 0x148], eax
	DELAY	20000
	mov	eax, [irq_count + 13 * 4]
	IS	"I/O APIC: a level that stays comes again", 4
	mov	dword ptr [HPET + 0x140], 0
	ret

stubborn_hook:
	cmp	dword ptr [irq_count + 13 * 4], 3
	jb	1f
	mov	dword ptr [HPET + 0x20], 4
1:	mov	dword ptr [APIC + 0xb0], 0
	ret
