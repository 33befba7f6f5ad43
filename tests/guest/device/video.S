/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The VGA by its BIOS, VBE 3.0, and by its registers.  After each HOST line the test looks at the picture, and then sends
 * a byte on COM1.
 */
#include "common.inc"

#define INFO BUFFER		/* VbeInfoBlock, 512 bytes */
#define MODE (BUFFER + 0x200)	/* ModeInfoBlock, 256 bytes */
#define LINES 700

	/* Ask for a look, and wait for the answer. */
	.macro	LOOK words:req
	SAY	"HOST \words"
	call	answered
	.endm
	/* A VBE function must succeed: AX = 004F. */
	.macro	VBE name:req, function:req
	mov	eax, \function
	BIOS	0x10
	BITS	"\name", 0xffff, 0x004f
	.endm

answered:
	push	eax
1:	INB	0x3fd
	test	al, 1
	jz	1b
	INB	0x3f8
	pop	eax
	ret

main:
/* ---- VBE: what there is */
	mov	dword ptr [INFO], 0x32454256	/* VBE2 */
	mov	word ptr [real_es], (INFO >> 4)
	xor	edi, edi
	VBE	"4F00", 0x4f00
	mov	eax, [INFO]
	IS	"4F00: VESA", 0x41534556
	movzx	eax, word ptr [INFO + 4]
	BETWEEN	"4F00: version", 0x200, 0x300
	movzx	eax, word ptr [INFO + 18]
	IS	"4F00: memory in 64 KiB is that of the BAR", (MEMORY / 65536)
	movzx	esi, word ptr [INFO + 16]
	shl	esi, 4
	movzx	eax, word ptr [INFO + 14]
	add	esi, eax
	/* All modes: each one's information, and the one that we want. */
	mov	word ptr [real_es], (MODE >> 4)
	xor	edx, edx
	xor	ebp, ebp
1:	movzx	ecx, word ptr [esi]
	cmp	cx, 0xffff
	je	4f
	inc	ebp
	xor	edi, edi
	mov	eax, 0x4f01
	BIOS	0x10
	cmp	ax, 0x004f
	jne	2f
	cmp	dword ptr [MODE + 18], 800 | 600 << 16
	jne	3f
	cmp	byte ptr [MODE + 25], 32
	jne	3f
	mov	[wanted], ecx
	jmp	3f
2:	inc	edx
3:	add	esi, 2
	jmp	1b
4:	mov	eax, ebp
	BETWEEN	"4F00: modes", 10, 200
	mov	eax, edx
	IS	"4F01: for each of them", 0
	mov	ecx, [wanted]
	mov	eax, ecx
	BETWEEN	"4F01: 800 x 600 x 32 is among them", 0x100, 0x1ff
	xor	edi, edi
	VBE	"4F01", 0x4f01
	movzx	eax, word ptr [MODE]
	BITS	"4F01: colour, graphics, linear", 0x99, 0x99
	movzx	eax, word ptr [MODE + 16]
	IS	"4F01: bytes a line", 3200
	movzx	eax, byte ptr [MODE + 27]
	IS	"4F01: direct colour", 6
	mov	eax, [MODE + 31]
	IS	"4F01: red and green masks", 0x08081008
	mov	ecx, 0x80001010			/* the VGA is at 00:02.0 */
	call	pci_read
	and	eax, ~15
	mov	ebx, [MODE + 40]
	IS	"4F01: linear buffer is base address 0", ebx
	mov	word ptr [real_es], 0

/* ---- VBE: a mode, and each of its pixels */
	mov	ebx, [wanted]
	or	ebx, 0x4000
	VBE	"4F02", 0x4f02
	VBE	"4F03", 0x4f03
	movzx	eax, bx
	and	eax, 0x1ff
	IS	"4F03: the mode that was set", [wanted]
	mov	edi, [MODE + 40]
	xor	edx, edx
1:	xor	ecx, ecx
2:	mov	eax, ecx
	xor	eax, edx
	and	eax, 255
	mov	ah, dl
	mov	ebx, ecx
	and	ebx, 255
	shl	ebx, 16
	or	eax, ebx
	stosd
	inc	ecx
	cmp	ecx, 800
	jb	2b
	inc	edx
	cmp	edx, LINES
	jb	1b
	LOOK	"vbe 0"
	xor	ebx, ebx
	xor	ecx, ecx
	mov	edx, 37
	VBE	"4F07: display start", 0x4f07
	LOOK	"vbe 37"
	mov	ebx, 1
	VBE	"4F07: what it is", 0x4f07
	movzx	eax, dx
	IS	"4F07: line", 37
	mov	ebx, 1
	VBE	"4F06: what it is", 0x4f06
	movzx	eax, bx
	IS	"4F06: bytes a line", 3200
	mov	ebx, 0
	mov	ecx, 1024
	VBE	"4F06: lines of 1024 pixels", 0x4f06
	movzx	eax, bx
	IS	"4F06: 4096 bytes", 4096
	/* The protected-mode interface, if it is offered: its table is in the ROM. */
	mov	eax, 0x4f0a
	xor	ebx, ebx
	BIOS	0x10
	mov	ecx, eax
	movzx	eax, word ptr [real_es]
	shl	eax, 4
	movzx	edi, di
	add	eax, edi
	cmp	cx, 0x004f
	je	1f
	mov	eax, 0xc0000
1:	BETWEEN	"4F0A: in the ROM, or refused", 0xc0000, 0xfffff

/* ---- Mode 13: 320 x 200 with 256 colours, and a palette of 6 bits */
	mov	eax, 0x0013
	BIOS	0x10
	OUTB	0x3c8, 0
	xor	ecx, ecx
1:	mov	eax, ecx
	shr	eax, 2
	OUTB	0x3c9, al
	xor	eax, 63
	OUTB	0x3c9, al
	mov	eax, ecx
	and	eax, 63
	OUTB	0x3c9, al
	inc	ecx
	cmp	ecx, 256
	jb	1b
	OUTB	0x3c7, 100
	INB	0x3c9
	IS	"DAC: red of 100", 25
	INB	0x3c9
	IS	"DAC: green of 100", 38
	INB	0x3c9
	IS	"DAC: blue of 100", 36
	INB	0x3c7
	BITS	"DAC: in read mode", 3, 3
	mov	edi, 0xa0000
	xor	edx, edx
1:	xor	ecx, ecx
2:	lea	eax, [ecx + edx * 2]
	stosb
	inc	ecx
	cmp	ecx, 320
	jb	2b
	inc	edx
	cmp	edx, 200
	jb	1b
	LOOK	"mode13"
	/* The pixel mask. */
	OUTB	0x3c6, 0x0f
	INB	0x3c6
	IS	"DAC: pixel mask", 0x0f
	LOOK	"mode13-masked"
	OUTB	0x3c6, 0xff

/* ---- Mode 12: planes, the map mask, and the four write modes */
	mov	eax, 0x0012
	BIOS	0x10
	mov	edi, 0xa0000
	xor	ecx, ecx
1:	mov	eax, ecx
	and	eax, 15
	mov	ah, al
	mov	al, 2
	OUTW	0x3c4, ax
	lea	edi, [ecx + 0xa0000]
	mov	edx, 480
2:	mov	byte ptr [edi], 0xff
	add	edi, 80
	dec	edx
	jnz	2b
	inc	ecx
	cmp	ecx, 80
	jb	1b
	OUTW	0x3c4, 0x0f02
	LOOK	"mode12"
	/* Write mode 0: set/reset, colour 5 through bit mask 3C. */
	OUTW	0x3ce, 0x0500
	OUTW	0x3ce, 0x0f01
	OUTW	0x3ce, 0x3c08
	mov	al, [0xa0000 + 10]	/* load the latches */
	mov	byte ptr [0xa0000 + 10], 0
	/* Write mode 2: colour 9 through bit mask 0F. */
	OUTW	0x3ce, 0x0001
	OUTW	0x3ce, 0x0205
	OUTW	0x3ce, 0x0f08
	mov	al, [0xa0000 + 11]
	mov	byte ptr [0xa0000 + 11], 9
	/* Write mode 1: the latches of column 10 go to column 12. */
	OUTW	0x3ce, 0x0105
	mov	al, [0xa0000 + 10]
	mov	byte ptr [0xa0000 + 12], 0
	/* Write mode 3: set/reset 6 where rotated data and bit mask are set. */
	OUTW	0x3ce, 0x0305
	OUTW	0x3ce, 0x0600
	OUTW	0x3ce, 0xff08
	OUTW	0x3ce, 0x0403
	mov	al, [0xa0000 + 13]
	mov	byte ptr [0xa0000 + 13], 0x0f	/* rotated by 4: F0 */
	OUTW	0x3ce, 0x0003
	/* Read mode 1: colour compare with 5. */
	OUTW	0x3ce, 0x0805
	OUTW	0x3ce, 0x0502
	OUTW	0x3ce, 0x0f07
	movzx	eax, byte ptr [0xa0000 + 10]
	IS	"read mode 1: where colour 5 is", 0x3c
	/* Read mode 0 of each plane: column 11 had colour 11 and has 9 at the right. */
	OUTW	0x3ce, 0x0005
	OUTW	0x3ce, 0x0104
	movzx	eax, byte ptr [0xa0000 + 11]
	IS	"read mode 0: plane 1", 0xf0
	OUTW	0x3ce, 0x0304
	movzx	eax, byte ptr [0xa0000 + 11]
	IS	"read mode 0: plane 3", 0xff
	LOOK	"mode12-written"

/* ---- Mode 3: text */
	mov	eax, 0x0003
	BIOS	0x10
	mov	esi, offset text
	mov	edi, 0xb8000 + 2 * (80 * 5 + 10)
	mov	ah, 0x1f
1:	lodsb
	test	al, al
	jz	2f
	stosw
	jmp	1b
2:	mov	eax, 0x0200		/* the cursor */
	xor	ebx, ebx
	mov	edx, 0x0c11
	BIOS	0x10
	OUTB	0x3d4, 0x0e
	INB	0x3d5
	mov	ebx, eax
	OUTB	0x3d4, 0x0f
	INB	0x3d5
	mov	ah, bl
	IS	"CRTC: cursor at line 12, column 17", (12 * 80 + 17)
	movzx	eax, byte ptr [0x449]
	IS	"mode 3 in the BIOS data area", 3
	LOOK	"text"
	/* The retrace comes 70 times a second. */
	call	retrace
	call	pm_now
	mov	ebx, eax
	mov	ecx, 10
1:	call	retrace
	loop	1b
	mov	eax, ebx
	call	pm_since
	BETWEEN	"ten retraces of 70 Hz", 480000, 545000
	ret

retrace:	/* wait for the beginning of a vertical retrace, at most for a second */
	push	ebx
	call	pm_now
	mov	ebx, eax
1:	INB	0x3da
	test	al, 8
	jz	2f
	mov	eax, ebx
	call	pm_since
	cmp	eax, 3579545
	jb	1b
2:	INB	0x3da
	test	al, 8
	jnz	3f
	mov	eax, ebx
	call	pm_since
	cmp	eax, 3579545
	jb	2b
3:	pop	ebx
	ret

	.text	1
	.balign	4
wanted:	.long	0
text:	.asciz	"Written by a guest"
