/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The tables that a guest looks for in memory: ACPI (1.0 and 2.0), $PIR, MP and SMBIOS; their checksums, lengths and pointers.
 * It ends by switching the power off as the FADT and the DSDT say.
 */
#include "common.inc"

#define SIGNATURE(a, b, c, d) ((a) | (b) << 8 | (c) << 16 | (d) << 24)

	.macro	SUM name:req
	call	sum
	IS	"\name", 0
	.endm
	/* ESI is a table: its checksum and its length. */
	.macro	TABLE name:req, low:req
	mov	eax, [esi + 4]
	BETWEEN	"\name: length", \low, 65536
	mov	ecx, eax
	SUM	"\name: checksum"
	.endm

sum:	/* EAX = sum of ECX bytes from ESI on, modulo 256; -1 if that cannot be */
	push	ecx
	push	esi
	or	eax, -1
	cmp	ecx, 65536
	ja	2f
	jecxz	2f
	xor	eax, eax
1:	add	al, [esi]
	inc	esi
	loop	1b
2:	pop	esi
	pop	ecx
	ret

find:	/* ESI = the first paragraph of E0000 to FFFFF that begins with EAX; 0 if there is none */
	mov	esi, 0xe0000
1:	cmp	[esi], eax
	je	2f
	add	esi, 16
	cmp	esi, 0x100000
	jb	1b
	xor	esi, esi
2:	ret

find_table:	/* ESI = the table with signature EAX that the RSDT has; 0 if none */
	push	ebx
	push	ecx
	mov	ebx, [rsdt]
	mov	ecx, [ebx + 4]
	sub	ecx, 36
	shr	ecx, 2
	add	ebx, 36
1:	mov	esi, [ebx]
	cmp	[esi], eax
	je	2f
	add	ebx, 4
	loop	1b
	xor	esi, esi
2:	pop	ecx
	pop	ebx
	ret

main:
/* ---- RSDP, RSDT and XSDT */
	mov	esi, 0xe0000
1:	cmp	dword ptr [esi], SIGNATURE('R', 'S', 'D', ' ')
	jne	2f
	cmp	dword ptr [esi + 4], SIGNATURE('P', 'T', 'R', ' ')
	je	3f
2:	add	esi, 16
	cmp	esi, 0x100000
	jb	1b
3:	mov	eax, esi
	BETWEEN	"RSDP: found", 0xe0000, 0xffff0
	mov	ecx, 20
	SUM	"RSDP: checksum"
	movzx	eax, byte ptr [esi + 15]
	IS	"RSDP: revision", 2
	mov	ecx, [esi + 20]
	SUM	"RSDP: extended checksum"
	mov	eax, [esi + 28]
	IS	"RSDP: XSDT is below 4 GiB", 0
	mov	eax, [esi + 24]
	mov	[xsdt], eax
	mov	eax, [esi + 16]
	mov	[rsdt], eax
	BETWEEN	"RSDP: RSDT is in RAM", 0x1000, (64 << 20)
	mov	esi, eax
	mov	eax, [esi]
	IS	"RSDT: signature", SIGNATURE('R', 'S', 'D', 'T')
	TABLE	"RSDT", 40
	mov	esi, [xsdt]
	mov	eax, [esi]
	IS	"XSDT: signature", SIGNATURE('X', 'S', 'D', 'T')
	TABLE	"XSDT", 44
	/* Both have the same tables, each with a right checksum. */
	mov	eax, [esi + 4]
	sub	eax, 36
	shr	eax, 3
	mov	ebx, [rsdt]
	mov	ecx, [ebx + 4]
	sub	ecx, 36
	shr	ecx, 2
	IS	"XSDT: as many tables as the RSDT", ecx
	xor	edx, edx
	xor	edi, edi
1:	mov	eax, [ebx + 36 + edi * 4]
	cmp	[esi + 36 + edi * 8], eax
	jne	2f
	cmp	dword ptr [esi + 40 + edi * 8], 0
	je	3f
2:	inc	edx
3:	push	esi
	push	ecx
	mov	esi, eax
	mov	ecx, [esi + 4]
	call	sum
	pop	ecx
	pop	esi
	test	eax, eax
	jz	4f
	inc	edx
4:	inc	edi
	loop	1b
	mov	eax, edx
	IS	"XSDT: the same tables, with right checksums", 0

/* ---- FADT, FACS and DSDT */
	mov	eax, SIGNATURE('F', 'A', 'C', 'P')
	call	find_table
	mov	eax, esi
	BETWEEN	"FADT: found", 0x1000, (64 << 20)
	mov	[fadt], esi
	TABLE	"FADT", 244
	movzx	eax, word ptr [esi + 46]
	IS	"FADT: SCI", 9
	mov	eax, [esi + 76]
	mov	ebx, [pm_base]
	add	ebx, 8
	IS	"FADT: timer is where the PIIX4 has it", ebx
	movzx	eax, byte ptr [esi + 91]
	IS	"FADT: timer block of 4 bytes", 4
	mov	eax, [esi + 56]
	sub	ebx, 8
	IS	"FADT: event block", ebx
	movzx	eax, byte ptr [esi + 88]
	IS	"FADT: event block of 4 bytes", 4
	mov	eax, [esi + 64]
	add	ebx, 4
	IS	"FADT: control block", ebx
	mov	eax, [esi + 148 + 4]
	mov	ebx, [esi + 56]
	IS	"FADT: extended event block is the same", ebx
	mov	eax, [esi + 208 + 4]
	mov	ebx, [esi + 76]
	IS	"FADT: extended timer block is the same", ebx
	mov	eax, [esi + 140]
	mov	ebx, [esi + 40]
	IS	"FADT: extended DSDT is the same", ebx
	mov	edi, [esi + 36]
	mov	eax, [edi]
	IS	"FACS: signature", SIGNATURE('F', 'A', 'C', 'S')
	mov	eax, edi
	BITS	"FACS: on 64 bytes", 63, 0
	mov	eax, [edi + 4]
	BETWEEN	"FACS: length", 64, 4096
	mov	esi, [esi + 40]
	mov	eax, [esi]
	IS	"DSDT: signature", SIGNATURE('D', 'S', 'D', 'T')
	TABLE	"DSDT", 100

/* ---- MADT and HPET */
	mov	eax, SIGNATURE('A', 'P', 'I', 'C')
	call	find_table
	mov	eax, esi
	BETWEEN	"MADT: found", 0x1000, (64 << 20)
	TABLE	"MADT", 44
	mov	eax, [esi + 36]
	IS	"MADT: local APIC", 0xfee00000
	mov	eax, [esi + 40]
	BITS	"MADT: there is a dual 8259", 1, 1
	mov	ebx, [esi + 4]
	add	ebx, esi
	add	esi, 44
1:	movzx	eax, byte ptr [esi]
	cmp	eax, 1
	ja	2f
	inc	dword ptr [madt_kinds + eax * 4]
	cmp	eax, 1
	jne	2f
	mov	eax, [esi + 4]
	mov	[ioapic], eax
2:	movzx	eax, byte ptr [esi + 1]
	cmp	eax, 2
	jb	3f
	add	esi, eax
	cmp	esi, ebx
	jb	1b
3:	mov	eax, esi
	IS	"MADT: its entries fill it", ebx
	mov	eax, [madt_kinds]
	IS	"MADT: one processor", 1
	mov	eax, [madt_kinds + 4]
	IS	"MADT: one I/O APIC", 1
	mov	eax, [ioapic]
	IS	"MADT: I/O APIC's address", 0xfec00000
	mov	dword ptr [eax], 1
	mov	eax, [eax + 0x10]
	BITS	"MADT: I/O APIC answers", 0xff0000, 0x170000
	mov	eax, SIGNATURE('H', 'P', 'E', 'T')
	call	find_table
	mov	eax, esi
	BETWEEN	"HPET: found", 0x1000, (64 << 20)
	TABLE	"HPET", 56
	mov	eax, [esi + 44]
	IS	"HPET: address", 0xfed00000
	mov	ebx, [eax]
	mov	eax, [esi + 36]
	IS	"HPET: id is that of the device", ebx

/* ---- $PIR */
	mov	eax, SIGNATURE('$', 'P', 'I', 'R')
	call	find
	mov	eax, esi
	BETWEEN	"$PIR: found", 0xe0000, 0xffff0
	movzx	eax, word ptr [esi + 4]
	IS	"$PIR: version 1.0", 0x0100
	movzx	eax, word ptr [esi + 6]
	BETWEEN	"$PIR: length", 48, 4096
	BITS	"$PIR: length is of whole entries", 15, 0
	mov	ecx, eax
	SUM	"$PIR: checksum"
	movzx	eax, word ptr [esi + 8]
	IS	"$PIR: router is 00:01.0", 0x0800
	mov	eax, [esi + 12]
	BITS	"$PIR: router is an Intel", 0xffff, 0x8086

/* ---- MP */
	mov	eax, SIGNATURE('_', 'M', 'P', '_')
	call	find
	mov	eax, esi
	BETWEEN	"MP: found", 0xe0000, 0xffff0
	movzx	ecx, byte ptr [esi + 8]
	shl	ecx, 4
	SUM	"MP: checksum"
	movzx	eax, byte ptr [esi + 9]
	BETWEEN	"MP: revision 1.1 or 1.4", 1, 4
	mov	esi, [esi + 4]
	mov	eax, [esi]
	IS	"MP: configuration", SIGNATURE('P', 'C', 'M', 'P')
	movzx	ecx, word ptr [esi + 4]
	SUM	"MP: configuration's checksum"
	mov	eax, [esi + 36]
	IS	"MP: local APIC", 0xfee00000
	movzx	edx, word ptr [esi + 34]
	mov	ebx, esi
	add	ebx, ecx
	add	esi, 44
	xor	ecx, ecx
1:	cmp	esi, ebx
	jae	2f
	mov	eax, 8
	cmp	byte ptr [esi], 0
	jne	3f
	mov	eax, 20
3:	add	esi, eax
	inc	ecx
	jmp	1b
2:	mov	eax, esi
	IS	"MP: its entries fill it", ebx
	mov	eax, ecx
	IS	"MP: as many entries as it says", edx

/* ---- SMBIOS */
	mov	eax, SIGNATURE('_', 'S', 'M', '_')
	call	find
	mov	eax, esi
	BETWEEN	"SMBIOS: found", 0xe0000, 0xffff0
	movzx	ecx, byte ptr [esi + 5]
	SUM	"SMBIOS: checksum"
	mov	eax, [esi + 16]
	IS	"SMBIOS: _DMI", SIGNATURE('_', 'D', 'M', 'I')
	add	esi, 16
	mov	ecx, 15
	SUM	"SMBIOS: _DMI_ checksum"
	/* Walk the structures: BIOS, system, processor and memory must be there. */
	movzx	ecx, word ptr [esi + 12]
	mov	ebx, [esi + 8]
	movzx	edi, word ptr [esi + 6]
	add	edi, ebx
	xor	edx, edx
1:	movzx	eax, byte ptr [ebx]
	cmp	eax, 31
	ja	2f
	bts	edx, eax
2:	movzx	eax, byte ptr [ebx + 1]
	add	ebx, eax
3:	cmp	word ptr [ebx], 0
	je	4f
	inc	ebx
	cmp	ebx, edi
	jb	3b
4:	add	ebx, 2
	loop	1b
	mov	eax, ebx
	IS	"SMBIOS: the structures fill the table", edi
	mov	eax, edx
	BITS	"SMBIOS: types 0, 1, 3, 4, 16, 17, 19 and 127's end", 0x000b001b, 0x000b001b

/* ---- Power off: \_S5 of the DSDT says with which sleep type, as the first number of its package. */
	mov	esi, [fadt]
	mov	edi, [esi + 40]
	mov	ecx, [edi + 4]
	sub	ecx, 8
1:	cmp	dword ptr [edi], SIGNATURE('_', 'S', '5', '_')
	je	2f
	inc	edi
	loop	1b
2:	mov	eax, [edi]
	IS	"DSDT: \\_S5", SIGNATURE('_', 'S', '5', '_')
	movzx	eax, byte ptr [edi + 4]
	IS	"DSDT: \\_S5 is a package", 0x12
	/* Its length in 1 to 4 bytes, its count; then the number itself, or 0A and the number. */
	movzx	eax, byte ptr [edi + 5]
	shr	eax, 6
	add	edi, eax
	movzx	eax, byte ptr [edi + 7]
	cmp	al, 0x0a
	jne	3f
	mov	al, [edi + 8]
3:	mov	ebx, eax
	/* ACPI mode first, if there is a way to it: SCI_EN by the SMI command. */
	mov	edx, [esi + 48]
	test	edx, edx
	jz	5f
	mov	al, [esi + 52]
	out	dx, al
	DELAY	10000
5:	mov	edx, [esi + 64]
	in	ax, dx
	BITS	"ACPI mode: SCI_EN", 1, 1
	mov	esi, offset end_text
	call	puts
	mov	eax, [failures]
	call	put_hex
	call	put_line
	DELAY	10000
	shl	ebx, 10
	mov	eax, ebx
	or	ax, 0x2000
	out	dx, ax
	DELAY	1000000
	SAY	"power: FAIL still on"
	ret

	.text	1
	.balign	4
rsdt:	.long	0
xsdt:	.long	0
fadt:	.long	0
ioapic:	.long	0
madt_kinds: .long 0, 0
