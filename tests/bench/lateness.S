/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A ROM that measures when timer interrupts come: counter 0 of the 8254 in mode 0, 2 ms each time; the time-stamp counter
 * is read when it is loaded and in the handler.  It sends each difference, 8 bytes, on COM1 and ends at the debug port.
 * The machine has no local APIC: without a BIOS that lets no interrupt of the 8259 through (SDM vol. 3A, 10.4.7.1).
 */
	.code16
#ifndef COUNT
#define COUNT 2387 /* 2 ms at 1.193182 MHz */
#endif
	.globl _start
_start:
	cli
	cld
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7000, %sp
	/* The handler at vector 8; the 8259 as a BIOS sets it up, with IRQ0 alone. */
	movw	$handler, 0x20
	movw	%cs, 0x22
	movb	$0x11, %al
	outb	%al, $0x20
	movb	$0x08, %al
	outb	%al, $0x21
	movb	$0x04, %al
	outb	%al, $0x21
	movb	$0x01, %al
	outb	%al, $0x21
	movb	$0xfe, %al
	outb	%al, $0x21
	/* Eight bits a character: after reset it is five. */
	movw	$0x3fb, %dx
	movb	$0x03, %al
	outb	%al, %dx
	movw	$SAMPLES, %cx
next:
	pushw	%cx
	movb	$0, 0x500
	cli
	movb	$0x30, %al
	outb	%al, $0x43
	movb	$(COUNT & 0xff), %al
	outb	%al, $0x40
	movb	$(COUNT >> 8), %al
	outb	%al, $0x40
	rdtsc
	movl	%eax, 0x510
	movl	%edx, 0x514
wait:
	sti
	hlt
	cli
	cmpb	$0, 0x500
	je	wait
	movl	0x508, %eax
	movl	0x50c, %edx
	subl	0x510, %eax
	sbbl	0x514, %edx
	movl	%eax, 0x518
	movl	%edx, 0x51c
	movw	$0x518, %si
	movw	$8, %cx
send:
	movw	$0x3fd, %dx
1:	inb	%dx, %al
	testb	$0x20, %al
	jz	1b
	movw	$0x3f8, %dx
	lodsb
	outb	%al, %dx
	loop	send
	popw	%cx
	loop	next
	movw	$0xf4, %dx
	xorw	%ax, %ax
	outb	%al, %dx
	hlt
handler:
	pushl	%eax
	pushl	%edx
	rdtsc
	movl	%eax, 0x508
	movl	%edx, 0x50c
	movb	$1, 0x500
	movb	$0x20, %al
	outb	%al, $0x20
	popl	%edx
	popl	%eax
	iretw

	.org 0xfff0
	ljmpw	$0xf000, $_start
	.org 0x10000
