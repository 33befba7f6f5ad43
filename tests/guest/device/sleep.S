/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Suspend to RAM and back: the sleep type is the first number of the DSDT's \_S3, and the BIOS goes on at the FACS's waking
 * vector in real mode (ACPI, "waking").  The test presses the power button.
 */
#include "common.inc"

#define SIGNATURE(a, b, c, d) ((a) | (b) << 8 | (c) << 16 | (d) << 24)
#define KEPT 0x2000000

	.code16
	.balign	16
wake:	/* CS is the vector's paragraph, IP the rest */
	.byte	0xea
	.word	1f, 0
1:	xor	ax, ax
	mov	ds, ax
	mov	byte ptr [woken], 1
	jmp	loaded
	.code32

main:
	cmp	byte ptr [woken], 0
	jne	awake
	/* RSDP, RSDT, FADT, FACS. */
	mov	esi, 0xe0000
1:	add	esi, 16
	cmp	dword ptr [esi], SIGNATURE('R', 'S', 'D', ' ')
	jne	1b
	mov	ebx, [esi + 16]
	add	ebx, 36
2:	mov	esi, [ebx]
	add	ebx, 4
	cmp	dword ptr [esi], SIGNATURE('F', 'A', 'C', 'P')
	jne	2b
	mov	edi, [esi + 36]
	mov	dword ptr [edi + 12], offset wake
	mov	dword ptr [edi + 24], 0
	mov	dword ptr [edi + 28], 0
	mov	edi, [esi + 40]
	mov	ecx, [edi + 4]
	sub	ecx, 8
1:	cmp	dword ptr [edi], SIGNATURE('_', 'S', '3', '_')
	je	2f
	inc	edi
	loop	1b
2:	mov	eax, [edi]
	IS	"DSDT: S3 is there", SIGNATURE('_', 'S', '3', '_')
	/* A package (12), its length in 1 to 4 bytes, its count; then the number itself, or 0A and the number. */
	movzx	eax, byte ptr [edi + 5]
	shr	eax, 6
	add	edi, eax
	movzx	ebx, byte ptr [edi + 7]
	cmp	bl, 0x0a
	jne	3f
	mov	bl, [edi + 8]
3:	mov	dword ptr [KEPT], 0x89abcdef
	OUTB	0xb2, 0xf1
	DELAY	1000
	/* Clear what would wake it at once, and let the button do it. */
	mov	edx, [pm_base]
	mov	eax, 0xffff
	out	dx, ax
	add	edx, 2
	mov	eax, 0x100
	out	dx, ax
	SAY	"HOST wake"
	DELAY	10000
	add	edx, 2
	mov	eax, ebx
	shl	eax, 10
	or	eax, 0x2001
	cli
	out	dx, ax
	DELAY	1000000
	SAY	"sleep: FAIL it does not"
	ret

awake:
	movzx	eax, byte ptr [woken]
	IS	"S3: the BIOS went on at the waking vector", 1
	mov	eax, [KEPT]
	IS	"S3: RAM is kept", 0x89abcdef
	mov	eax, [pm_base]
	BETWEEN	"S3: the power management registers are back", 0x100, 0xffc0
	mov	edx, [pm_base]
	xor	eax, eax
	in	ax, dx
	BITS	"S3: WAK_STS", 0x8000, 0x8000
	mov	eax, 0x8000
	out	dx, ax
	in	ax, dx
	BITS	"S3: WAK_STS is cleared by writing 1", 0x8000, 0
	ret

	.text	1
woken:	.byte	0
