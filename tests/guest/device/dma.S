/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The 8237A: copies from memory to memory, verify transfers, counting, autoinitialization, its status and its registers;
 * and the page registers.
 */
#include "common.inc"

	/* Channel 0 to 3: mode, address, count less one. */
	.macro	CHANNEL number:req, mode:req, address:req, count:req
	OUTB	0x0b, \mode
	OUTB	0x0c, 0
	OUTB	(\number * 2), (\address & 255)
	OUTB	(\number * 2), (\address >> 8 & 255)
	OUTB	(\number * 2 + 1), ((\count - 1) & 255)
	OUTB	(\number * 2 + 1), ((\count - 1) >> 8)
	.endm
	/* Its current address or count, port 0 to 7, into EAX. */
	.macro	CURRENT port:req
	OUTB	0x0c, 0
	INB	\port
	mov	ebx, eax
	INB	\port
	mov	ah, al
	mov	al, bl
	.endm
	.macro	WRONG buffer:req, first:req, words:req
	mov	esi, \buffer
	mov	eax, \first
	mov	ecx, \words
	call	wrong
	.endm

wrong:	/* ESI, first EAX, ECX words: EAX = how many are not as they should be */
	push	edx
	xor	edx, edx
1:	cmp	[esi], eax
	je	2f
	inc	edx
2:	add	esi, 4
	inc	eax
	loop	1b
	mov	eax, edx
	pop	edx
	ret

main:
	mov	edi, BUFFER
	xor	eax, eax
	mov	ecx, 0x4000
1:	stosd
	inc	eax
	loop	1b
	xor	eax, eax
	mov	ecx, 0x4000
	rep stosd

/* ---- Registers */
	.irp	port, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8a, 0x8b, 0x8f
	OUTB	\port, (\port ^ 0x5a)
	.endr
	xor	ecx, ecx
	.irp	port, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8a, 0x8b, 0x8f
	INB	\port
	xor	eax, \port ^ 0x5a
	or	ecx, eax
	.endr
	mov	eax, ecx
	IS	"page registers", 0
	OUTB	0x0d, 0			/* master clear */
	OUTB	0xda, 0
	OUTB	0xd6, 0xc0		/* channel 4 cascades */
	OUTB	0xd4, 0
	INB	0x08
	IS	"master clear: status", 0
	INB	0x0f
	BITS	"master clear: all masked", 15, 15
	CHANNEL	3, 0x43, 0x1234, 0x5679
	CURRENT	6
	IS	"current address", 0x1234
	CURRENT	7
	IS	"current count", 0x5678
	OUTB	0x0c, 0
	INB	6
	OUTB	0x0c, 0
	INB	6
	IS	"byte pointer is cleared", 0x34
	OUTB	0x0f, 0x05
	INB	0x0f
	BITS	"all masks at once", 15, 5
	OUTB	0x0a, 1
	INB	0x0f
	BITS	"one mask off", 15, 5
	OUTB	0x0a, 2
	INB	0x0f
	BITS	"another off", 15, 1
	OUTB	0x0e, 0
	INB	0x0f
	BITS	"clear mask register", 15, 0
	OUTB	0x0f, 0x0f

/* ---- Memory to memory: channel 0 reads, channel 1 writes */
	OUTB	0x87, (BUFFER >> 16)
	OUTB	0x83, (BUFFER2 >> 16)
	OUTB	0x08, 0x01
	CHANNEL	0, 0x88, 0x1000, 0x2000
	CHANNEL	1, 0x85, 0x4000, 0x2000
	OUTB	0x09, 0x04
	WRONG	(BUFFER2 + 0x4000), 0x400, 0x800
	IS	"memory to memory: data", 0
	mov	eax, [BUFFER2 + 0x3ffc]
	IS	"memory to memory: nothing before", 0
	mov	eax, [BUFFER2 + 0x6000]
	IS	"memory to memory: nothing behind", 0
	INB	0x08
	BITS	"memory to memory: terminal count of channel 1", 2, 2
	INB	0x08
	BITS	"status is cleared by reading", 15, 0
	INB	0x0d
	IS	"temporary register: the last byte", 0
	CURRENT	2
	IS	"memory to memory: address at the end", 0x6000
	CURRENT	3
	IS	"memory to memory: count at the end", 0xffff
	/* Channel 0 holds its address: the one byte fills a block. */
	mov	byte ptr [BUFFER + 0x777], 0xc3
	OUTB	0x08, 0x03
	CHANNEL	0, 0x88, 0x0777, 0x0100
	CHANNEL	1, 0x85, 0x7000, 0x0100
	OUTB	0x09, 0x04
	mov	edi, BUFFER2 + 0x7000
	mov	eax, 0xc3c3c3c3
	mov	ecx, 0x41
	repe scasd
	mov	eax, ecx
	IS	"address hold: filled", 0
	mov	eax, [BUFFER2 + 0x70fc]
	IS	"address hold: to the end", 0xc3c3c3c3
	INB	0x0d
	IS	"temporary register: C3", 0xc3
	OUTB	0x08, 0
	INB	0x08

/* ---- Verify: addresses and counts go on, nothing is moved */
	mov	dword ptr [BUFFER2 + 0x100], 0x12345678
	OUTB	0x83, (BUFFER2 >> 16)
	CHANNEL	1, 0x81, 0x0100, 0x40
	OUTB	0x09, 0x05
	CURRENT	2
	IS	"verify: address", 0x0140
	CURRENT	3
	IS	"verify: count", 0xffff
	INB	0x08
	BITS	"verify: terminal count", 2, 2
	mov	eax, [BUFFER2 + 0x100]
	IS	"verify: memory is as it was", 0x12345678
	/* Counting down. */
	CHANNEL	1, 0xa1, 0x0100, 0x40
	OUTB	0x09, 0x05
	CURRENT	2
	IS	"counting down: address", 0x00c0
	INB	0x08
	/* Autoinitialization: both are as they were set, and the mask stays off. */
	CHANNEL	1, 0x91, 0x0200, 0x80
	OUTB	0x0a, 0x01
	OUTB	0x09, 0x05
	CURRENT	2
	IS	"autoinitialization: address", 0x0200
	CURRENT	3
	IS	"autoinitialization: count", 0x007f
	INB	0x08
	BITS	"autoinitialization: terminal count", 2, 2
	INB	0x0f
	BITS	"autoinitialization: not masked", 2, 0
	CHANNEL	1, 0x81, 0x0200, 0x80
	OUTB	0x0a, 0x01
	OUTB	0x09, 0x05
	INB	0x0f
	BITS	"without: masked at terminal count", 2, 2
	INB	0x08
	/* A disabled controller does nothing (command bit 2). */
	OUTB	0x08, 0x04
	CHANNEL	1, 0x81, 0x0300, 0x80
	OUTB	0x09, 0x05
	CURRENT	2
	IS	"disabled: nothing moves", 0x0300
	OUTB	0x08, 0
	CURRENT	2
	IS	"enabled: the request is served", 0x0380
	INB	0x08

/* ---- The second controller counts words */
	OUTB	0xd6, 0x81	/* channel 5: block, verify */
	OUTB	0xd8, 0
	OUTB	0xc4, 0x00
	OUTB	0xc4, 0x20
	OUTB	0xc6, 0x0f
	OUTB	0xc6, 0x00
	OUTB	0xd2, 0x05
	OUTB	0xd8, 0
	INB	0xc4
	IS	"channel 5: address, low", 0x10
	INB	0xd0
	BITS	"channel 5: terminal count", 2, 2
	ret
