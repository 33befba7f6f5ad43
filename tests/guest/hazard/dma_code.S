/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A disk writes over code that is hot, by bus master DMA and by REP INSW.  The test has put a sector for each number n at
 * sector 128 + n: MOV EAX, n; TEST EAX, EAX; JZ to its start; RET; that of 0 thus waits for another.
 */
#include "common.inc"
#include "catch.inc"

#define CODE 0x200000
#define PRD 0x90000

	.text	1
	.balign	4
bus_master: .long 0
	.text	0

disk_init:
	mov	ecx, 0x80000920
	call	pci_read
	and	eax, 0xfff0
	mov	[bus_master], eax
	mov	ecx, 0x80000904
	call	pci_read
	or	eax, 5
	call	pci_write
	ret

/* ECX: the number; EDI: where to; a command in AL. */
disk_command:
	push	eax
	mov	edx, 0x1f6
	mov	al, 0xe0
	out	dx, al
	mov	edx, 0x1f2
	mov	al, 1
	out	dx, al
	inc	edx
	lea	eax, [ecx + 128]
	out	dx, al
	inc	edx
	mov	al, ah
	out	dx, al
	inc	edx
	mov	al, 0
	out	dx, al
	pop	eax
	mov	edx, 0x1f7
	out	dx, al
	ret
dma_start:
	pushad
	mov	[PRD], edi
	mov	dword ptr [PRD + 4], 0x80000200
	mov	edx, [bus_master]
	mov	al, 8
	out	dx, al
	add	edx, 2
	mov	al, 6
	out	dx, al
	add	edx, 2
	mov	eax, PRD
	out	dx, eax
	mov	al, 0xc8
	call	disk_command
	mov	edx, [bus_master]
	mov	al, 9
	out	dx, al
	popad
	ret
dma_wait:
	pushad
	mov	edx, [bus_master]
	add	edx, 2
1:	in	al, dx
	test	al, 4
	jz	1b
	test	al, 1
	jnz	1b
	sub	edx, 2
	mov	al, 0
	out	dx, al
	mov	edx, 0x1f7
	in	al, dx
	popad
	ret
pio:
	pushad
	mov	al, 0x20
	call	disk_command
1:	in	al, dx
	and	al, 0x88
	cmp	al, 8
	jne	1b
	mov	edx, 0x1f0
	mov	ecx, 256
	rep insw
	popad
	ret

main:
	cli
	call	disk_init
	mov	edi, CODE
	xor	ebx, ebx
	mov	ecx, 40
1:	call	dma_start
	call	dma_wait
	call	hot
	loop	1b
	mov	eax, ebx
	IS	"DMA over a function", (20*820)
	mov	edi, CODE + 0x1000
	xor	ebx, ebx
	mov	ecx, 40
1:	call	pio
	call	hot
	loop	1b
	mov	eax, ebx
	IS	"REP INSW over a function", (20*820)
	/* At an odd address, into lines of which only the last byte is code. */
	xor	ebx, ebx
	mov	ecx, 40
1:	mov	edi, CODE + 0x2001
	call	pio
	call	hot
	loop	1b
	mov	eax, ebx
	IS	"REP INSW at an odd address", (20*820)
	/* A loop that waits for its own change. */
	xor	ebx, ebx
	mov	edx, 12
	lea	edi, [CODE + 0x3000]
2:	xor	ecx, ecx
	call	pio
	mov	ecx, edx
	call	dma_start
	call	edi
	add	ebx, eax
	call	dma_wait
	dec	edx
	jnz	2b
	mov	eax, ebx
	IS	"a loop that DMA ends", 78
	ret
hot:	push	ecx
	mov	ecx, 20
1:	call	edi
	add	ebx, eax
	loop	1b
	pop	ecx
	ret
