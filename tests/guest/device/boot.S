/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * INT 13 on what the guest was booted from: a disk (DISK), a diskette (FLOPPY), or a CD by El Torito without emulation
 * (CD), as a diskette (CD_FLOPPY) or as a disk (CD_DISK).  But for CD, each 32-bit word from sector 64 on is its number.
 */
#include "common.inc"

	/* INT 13 with AX; BX is the buffer, DL the drive. */
	.macro	INT13 function:req
	mov	eax, \function
	mov	dl, [drive]
	BIOS	0x13
	.endm
	.macro	AH name:req, want:req
	push	eax
	movzx	eax, ah
	IS	"\name", \want
	pop	eax
	.endm
	.macro	WRONG buffer:req, first:req, words:req
	mov	esi, \buffer
	mov	eax, \first
	mov	ecx, \words
	call	wrong
	.endm
	/* A packet for the extensions: blocks, from LBA, to the buffer. */
	.macro	PACKET blocks:req, lba:req
	mov	dword ptr [packet], 0x10 | \blocks << 16
	mov	dword ptr [packet + 4], (BUFFER >> 4) << 16
	mov	dword ptr [packet + 8], \lba
	mov	dword ptr [packet + 12], 0
	mov	esi, offset packet
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

chs:	/* CX and DH for LBA EAX, by the geometry that was told */
	push	eax
	push	ebx
	xor	edx, edx
	movzx	ebx, byte ptr [sectors]
	div	ebx
	lea	ecx, [edx + 1]
	xor	edx, edx
	movzx	ebx, byte ptr [heads]
	div	ebx
	mov	ch, al
	shl	ah, 6
	or	cl, ah
	mov	dh, dl
	pop	ebx
	pop	eax
	ret

main:
	mov	word ptr [real_es], 0
	movzx	eax, byte ptr [drive]
#if defined(CD)
	BETWEEN	"booted from a CD's number", 0xe0, 0xef
#elif defined(FLOPPY) || defined(CD_FLOPPY)
	IS	"booted from drive 00", 0
#else
	IS	"booted from drive 80", 0x80
#endif
	INT13	0
	CLEAR	"AH=00: reset"
	AH	"AH=00: status", 0

#ifndef CD
/* ---- Geometry, and reading by it */
	xor	edi, edi
	INT13	0x0800
	CLEAR	"AH=08: geometry"
	mov	eax, ecx
	and	eax, 63
	mov	[sectors], al
	movzx	eax, ch
	movzx	ebx, cl
	and	ebx, 0xc0
	shl	ebx, 2
	or	eax, ebx
	inc	eax
	mov	[cylinders], eax
	movzx	eax, dh
	inc	eax
	mov	[heads], al
	mov	eax, [cylinders]
#if defined(FLOPPY) || defined(CD_FLOPPY)
	IS	"AH=08: cylinders", 80
	movzx	eax, byte ptr [heads]
	IS	"AH=08: heads", 2
	movzx	eax, byte ptr [sectors]
	IS	"AH=08: sectors", 18
#elif defined(CD_DISK)
	BETWEEN	"AH=08: cylinders", 3, 4	/* the last one may be kept for diagnostics */
	movzx	eax, byte ptr [heads]
	IS	"AH=08: heads", 16
	movzx	eax, byte ptr [sectors]
	IS	"AH=08: sectors", 63
#else
	BETWEEN	"AH=08: cylinders", 128, 131
	movzx	eax, byte ptr [heads]
	IS	"AH=08: heads", 16
	movzx	eax, byte ptr [sectors]
	IS	"AH=08: sectors", 63
#endif
	mov	eax, 100
	call	chs
	mov	word ptr [real_es], (BUFFER >> 4)
	xor	ebx, ebx
	INT13	0x0203
	CLEAR	"AH=02: read by CHS"
	BITS	"AH=02: sectors", 0xff, 3
	WRONG	BUFFER, 12800, 384
	IS	"AH=02: data", 0
	mov	eax, 1500
	call	chs
	xor	ebx, ebx
	INT13	0x0201
	WRONG	BUFFER, 192000, 128
	IS	"AH=02: data further in", 0
	/* Sector 0 of a track does not exist. */
	mov	ecx, 0
	mov	dh, 0
	xor	ebx, ebx
	INT13	0x0201
	CARRY	"AH=02: no sector 0"
	AH	"AH=02: no sector 0: status", 1
#if defined(DISK) || defined(FLOPPY)
	mov	edi, BUFFER
	mov	eax, 0x33000000
	mov	ecx, 128
1:	stosd
	inc	eax
	loop	1b
	mov	eax, 1600
	call	chs
	xor	ebx, ebx
	INT13	0x0301
	CLEAR	"AH=03: write"
	mov	eax, 1599
	call	chs
	xor	ebx, ebx
	INT13	0x0201
	WRONG	BUFFER, 204672, 128
	IS	"AH=03: the one before is as it was", 0
	mov	eax, 1600
	call	chs
	xor	ebx, ebx
	INT13	0x0201
	WRONG	BUFFER, 0x33000000, 128
	IS	"AH=03: data", 0
	mov	eax, 100
	call	chs
	xor	ebx, ebx
	INT13	0x0403
	CLEAR	"AH=04: verify"
#else
	mov	eax, 100
	call	chs
	xor	ebx, ebx
	INT13	0x0301
	CARRY	"AH=03: cannot be written"
#endif
	INT13	0x1500
	CLEAR	"AH=15: type"
#if defined(FLOPPY)
	AH	"AH=15: a diskette", 1
#endif
#if defined(DISK)
	AH	"AH=15: a disk", 3
#endif
#endif

#if defined(DISK) || defined(CD)
/* ---- Extensions */
	mov	ebx, 0x55aa
	INT13	0x4100
	CLEAR	"AH=41: extensions"
	movzx	eax, bx
	IS	"AH=41: AA55", 0xaa55
	mov	eax, ecx
	BITS	"AH=41: packets", 1, 1
	mov	word ptr [parameters], 26
	mov	esi, offset parameters
	INT13	0x4800
	CLEAR	"AH=48: parameters"
	movzx	eax, word ptr [parameters + 24]
#ifdef CD
	IS	"AH=48: block length", 2048
	PACKET	1, 16
	INT13	0x4200
	CLEAR	"AH=42: read"
	mov	eax, [BUFFER + 1]
	IS	"AH=42: ISO 9660 on the disc", 0x30304443
#else
	IS	"AH=48: block length", 512
	mov	eax, [parameters + 16]
	IS	"AH=48: sectors", (64 << 11)
	PACKET	5, 1000
	INT13	0x4200
	CLEAR	"AH=42: read"
	WRONG	BUFFER, 128000, 640
	IS	"AH=42: data", 0
	PACKET	2, 2000
	INT13	0x4300
	CLEAR	"AH=43: write"
	PACKET	4, 1999
	INT13	0x4200
	WRONG	BUFFER, 255872, 128
	IS	"AH=43: the one before is as it was", 0
	WRONG	(BUFFER + 512), 128000, 256
	IS	"AH=43: data", 0
	WRONG	(BUFFER + 1536), 256256, 128
	IS	"AH=43: the one after is as it was", 0
	PACKET	1, (64 << 11)
	INT13	0x4200
	CARRY	"AH=42: beyond the end"
	PACKET	3, 10
	INT13	0x4400
	CLEAR	"AH=44: verify"
#endif
#endif

#if defined(CD) || defined(CD_FLOPPY) || defined(CD_DISK)
/* ---- El Torito */
	mov	esi, offset specification
	INT13	0x4b01
	CLEAR	"AH=4B: El Torito"
	movzx	eax, byte ptr [specification]
	IS	"AH=4B: size of the packet", 0x13
	movzx	eax, byte ptr [specification + 1]
#if defined(CD)
	BITS	"AH=4B: no emulation", 15, 0
#elif defined(CD_FLOPPY)
	BITS	"AH=4B: a diskette of 1.44 MB", 15, 2
#else
	BITS	"AH=4B: a disk", 15, 4
#endif
	movzx	ebx, byte ptr [drive]
	movzx	eax, byte ptr [specification + 2]
	IS	"AH=4B: drive", ebx
#endif
#ifdef CD_FLOPPY
	/* Without emulation it is no longer there. */
	mov	esi, offset specification
	INT13	0x4b00
	CLEAR	"AH=4B: end of the emulation"
#endif
	mov	word ptr [real_es], 0
	BIOS	0x11
#if defined(FLOPPY) || defined(CD_FLOPPY)
	BITS	"INT 11: there is a diskette drive", 1, 1
#endif
	BITS	"INT 11: there is a mathematics processor", 2, 2
	ret

	.text	1
	.balign	4
cylinders: .long 0
heads:	.byte	0
sectors: .byte	0
	.balign	4
packet:	.fill	16, 1, 0
parameters: .fill 32, 1, 0
specification: .fill 20, 1, 0
