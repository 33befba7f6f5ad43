/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The parallel port: printing by the BIOS, by the registers with interrupt 7, and by the FIFO of an Extended Capabilities
 * Port; and what its registers keep.
 */
#include "common.inc"

#define PORT 0x378
#define ECP_FIFO 0x778
#define ECR 0x77a

main:
/* ---- By the BIOS */
	movzx	eax, word ptr [0x408]
	IS	"the BIOS has found it", PORT
	mov	eax, 0x0100
	xor	edx, edx
	BIOS	0x17
	movzx	eax, ah
	BITS	"INT 17/01: ready", 0xa9, 0x80
	mov	esi, offset by_bios
1:	movzx	eax, byte ptr [esi]
	inc	esi
	test	al, al
	jz	2f
	push	esi
	xor	edx, edx
	BIOS	0x17
	pop	esi
	mov	bl, ah
	and	bl, 1
	or	[timeouts], bl
	jmp	1b
2:	movzx	eax, byte ptr [timeouts]
	IS	"INT 17/00: no timeout", 0

/* ---- By the registers */
	OUTB	PORT, 0x55
	INB	PORT
	IS	"data register: 55", 0x55
	OUTB	PORT, 0xaa
	INB	PORT
	IS	"data register: AA", 0xaa
	INB	PORT + 1
	BITS	"status: selected, paper, no error, not busy", 0xf8, 0xd8
	OUTB	(PORT + 2), 0x0c
	INB	PORT + 2
	BITS	"control register", 0x1f, 0x0c
	UNMASK	7
	OUTB	(PORT + 2), 0x1c
	mov	esi, offset by_port
	xor	edi, edi
	xor	ebx, ebx
1:	lodsb
	test	al, al
	jz	2f
	inc	ebx
	IRQ_CLEAR 7
	OUTB	PORT, al
	OUTB	(PORT + 2), 0x1d
	DELAY	2
	OUTB	(PORT + 2), 0x1c
	IRQ_WAIT 7
	add	edi, eax
	jmp	1b
2:	mov	eax, edi
	IS	"an interrupt for each byte", ebx
	MASK	7
	OUTB	(PORT + 2), 0x0c

/* ---- The Extended Capabilities Port */
	OUTB	ECR, 0x34	/* mode 1, no service interrupts */
	INB	ECR
	BITS	"ECR: mode 1, FIFO empty", 0xe3, 0x21
	OUTB	(PORT + 2), 0x2c
	INB	PORT
	IS	"mode 1: an input reads the open cable", 0xff
	OUTB	(PORT + 2), 0x0c
	OUTB	ECR, 0xd4	/* the test mode */
	xor	ecx, ecx
1:	lea	eax, [ecx + 0x30]
	OUTB	ECP_FIFO, al
	inc	ecx
	INB	ECR
	test	al, 2
	jnz	2f
	cmp	ecx, 64
	jb	1b
2:	mov	eax, ecx
	IS	"test mode: 16 bytes fill it", 16
	xor	edx, edx
	xor	ecx, ecx
1:	INB	ECP_FIFO
	lea	ebx, [ecx + 0x30]
	cmp	eax, ebx
	je	3f
	inc	edx
3:	inc	ecx
	cmp	ecx, 16
	jb	1b
	mov	eax, edx
	IS	"test mode: they come back in order", 0
	INB	ECR
	BITS	"test mode: empty again", 3, 1
	OUTB	ECR, 0xf4
	INB	ECP_FIFO
	BITS	"configuration A: bytes", 0x70, 0x10
	INB	ECP_FIFO + 1
	BITS	"configuration B: interrupt 7", 0x38, 0x08
	OUTB	ECR, 0x34
	OUTB	ECR, 0x54	/* the FIFO of the standard port */
	mov	esi, offset by_fifo
1:	lodsb
	test	al, al
	jz	3f
2:	push	eax
	INB	ECR
	test	al, 2
	pop	eax
	jnz	2b
	OUTB	ECP_FIFO, al
	jmp	1b
3:	DELAY	1000
	call	pm_now
	mov	ebx, eax
4:	INB	ECR
	test	al, 1
	jnz	5f
	mov	eax, ebx
	call	pm_since
	cmp	eax, 3579545
	jb	4b
5:	INB	ECR
	BITS	"the FIFO empties itself", 3, 1
	OUTB	ECR, 0x34
	OUTB	ECR, 0x14
	ret

	.text	1
by_bios: .asciz "By the BIOS\n"
by_port: .asciz "By the registers\n"
by_fifo: .asciz "By the FIFO, which has room for sixteen bytes\n"
timeouts: .byte	0
