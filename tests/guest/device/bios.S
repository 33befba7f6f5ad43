/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What the BIOS offers: the 32-bit service directory with the PCI BIOS behind it (PCI BIOS 2.1), APM 1.2 from real mode
 * and from protected mode, its four ways to tell how much memory there is, and the A20 gate.
 */
#include "common.inc"

#define PCI_SERVICE 0x49435024	/* $PCI */

	/* A call of the PCI BIOS from here; EAX, EBX, ECX, EDX, EDI as it wants them. */
	.macro	PCI
	push	cs
	call	[pci_entry]
	.endm
	/* AH of EAX. */
	.macro	AH name:req, want:req
	push	eax
	movzx	eax, ah
	IS	"\name", \want
	pop	eax
	.endm

find:	/* ESI = the first paragraph of E0000 to FFFFF that begins with EAX; 0 if there is none */
	mov	esi, 0xe0000
1:	cmp	[esi], eax
	je	2f
	add	esi, 16
	cmp	esi, 0x100000
	jb	1b
	xor	esi, esi
2:	ret

sum:	/* EAX = sum of ECX bytes from ESI on, modulo 256 */
	push	ecx
	push	esi
	xor	eax, eax
1:	add	al, [esi]
	inc	esi
	loop	1b
	pop	esi
	pop	ecx
	ret

descriptor:	/* a descriptor at EDI: base EAX, limit 64 KiB, flags ECX (access, and D in bit 14) */
	mov	word ptr [edi], 0xffff
	mov	[edi + 2], ax
	shr	eax, 16
	mov	[edi + 4], al
	mov	[edi + 5], cx
	mov	[edi + 7], ah
	ret

main:
/* ---- BIOS32 service directory */
	mov	eax, 0x5f32335f		/* _32_ */
	call	find
	mov	eax, esi
	BETWEEN	"BIOS32: directory", 0xe0000, 0xffff0
	movzx	ecx, byte ptr [esi + 9]
	shl	ecx, 4
	mov	eax, ecx
	BETWEEN	"BIOS32: length", 16, 4080
	call	sum
	IS	"BIOS32: checksum", 0
	mov	eax, [esi + 4]
	mov	[bios32_entry], eax
	BETWEEN	"BIOS32: entry is in the BIOS", 0xe0000, 0xfffff
	mov	eax, PCI_SERVICE
	xor	ebx, ebx
	push	cs
	call	[bios32_entry]
	BITS	"BIOS32: $PCI is there", 0xff, 0
	add	edx, ebx
	mov	[pci_entry], edx
	mov	eax, ebx
	BETWEEN	"BIOS32: $PCI: base", 0xc0000, 0xfffff
	mov	eax, 0x78787878
	xor	ebx, ebx
	push	cs
	call	[bios32_entry]
	BITS	"BIOS32: no such service", 0xff, 0x80

/* ---- PCI BIOS, in protected mode */
	mov	eax, 0xb101
	PCI
	CLEAR	"PCI BIOS: present"
	BITS	"PCI BIOS: status and mechanism 1", 0xff01, 1
	mov	eax, edx
	IS	"PCI BIOS: signature", 0x20494350
	movzx	eax, bx
	IS	"PCI BIOS: version", 0x0210
	mov	eax, 0xb102
	mov	ecx, 0x7190
	mov	edx, 0x8086
	xor	esi, esi
	PCI
	CLEAR	"PCI BIOS: host bridge is 8086:7190"
	movzx	eax, bx
	IS	"PCI BIOS: host bridge is 00:00.0", 0
	mov	eax, 0xb102
	mov	ecx, 0x7190
	mov	edx, 0x8086
	mov	esi, 1
	PCI
	AH	"PCI BIOS: there is no second", 0x86
	mov	eax, 0xb103
	mov	ecx, 0x010180
	xor	esi, esi
	PCI
	CLEAR	"PCI BIOS: class of an IDE controller"
	movzx	eax, bx
	IS	"PCI BIOS: IDE controller is 00:01.1", 9
	mov	eax, 0xb103
	mov	ecx, 0x030000
	xor	esi, esi
	PCI
	CLEAR	"PCI BIOS: class of a VGA"
	mov	eax, 0xb108
	xor	ebx, ebx
	mov	edi, 2
	PCI
	movzx	eax, cl
	IS	"PCI BIOS: read a byte", 0x90
	mov	eax, 0xb109
	xor	ebx, ebx
	mov	edi, 2
	PCI
	movzx	eax, cx
	IS	"PCI BIOS: read a word", 0x7190
	mov	eax, 0xb10a
	xor	ebx, ebx
	xor	edi, edi
	PCI
	mov	eax, ecx
	IS	"PCI BIOS: read a dword", 0x71908086
	/* The host bridge's latency timer keeps bits 3 to 7. */
	mov	eax, 0xb108
	xor	ebx, ebx
	mov	edi, 0x0d
	PCI
	push	ecx
	mov	eax, 0xb10b
	xor	ebx, ebx
	mov	ecx, 0xa8
	PCI
	CLEAR	"PCI BIOS: write a byte"
	mov	eax, 0xb108
	xor	ebx, ebx
	PCI
	movzx	eax, cl
	IS	"PCI BIOS: the byte is written", 0xa8
	pop	ecx
	mov	eax, 0xb10b
	xor	ebx, ebx
	PCI
	mov	eax, 0xb1ff
	PCI
	AH	"PCI BIOS: no such function", 0x81
	/* The same by INT 1A. */
	mov	eax, 0xb102
	mov	ecx, 0x7190
	mov	edx, 0x8086
	xor	esi, esi
	BIOS	0x1a
	CLEAR	"INT 1A: host bridge"
	AH	"INT 1A: status", 0
	/* The routing table for all slots: it tells how long it is. */
	mov	word ptr [BUFFER], 0x1000
	mov	word ptr [BUFFER + 2], 0x10
	mov	word ptr [BUFFER + 4], (BUFFER >> 4)
	mov	eax, 0xb10e
	xor	ebx, ebx
	xor	edi, edi
	mov	word ptr [real_es], (BUFFER >> 4)
	mov	word ptr [real_ds], 0xf000
	BIOS	0x1a
	mov	word ptr [real_ds], 0
	mov	word ptr [real_es], 0
	AH	"INT 1A: interrupt routing", 0
	movzx	eax, word ptr [BUFFER]
	BETWEEN	"INT 1A: interrupt routing: length", 16, 512

/* ---- APM in real mode */
	mov	eax, 0x5300
	xor	ebx, ebx
	BIOS	0x15
	CLEAR	"APM: there"
	BITS	"APM: version 1.2", 0xffff, 0x0102
	movzx	eax, bx
	IS	"APM: PM", 0x504d
	mov	eax, ecx
	BITS	"APM: 16-bit and 32-bit interfaces", 3, 3
	mov	eax, 0x5301
	xor	ebx, ebx
	BIOS	0x15
	CLEAR	"APM: connect in real mode"
	mov	eax, 0x530e
	xor	ebx, ebx
	mov	ecx, 0x0102
	BIOS	0x15
	CLEAR	"APM: driver version"
	BITS	"APM: version of the connection", 0xffff, 0x0102
	mov	eax, 0x530a
	mov	ebx, 1
	BIOS	0x15
	CLEAR	"APM: power status"
	movzx	eax, bh
	IS	"APM: on line", 1
	mov	eax, 0x530b
	BIOS	0x15
	CARRY	"APM: no event"
	AH	"APM: no event: code", 0x80
	mov	eax, 0x5304
	xor	ebx, ebx
	BIOS	0x15
	CLEAR	"APM: disconnect"

/* ---- APM in protected mode */
	mov	eax, 0x5303
	xor	ebx, ebx
	BIOS	0x15
	CLEAR	"APM: connect in 32 bits"
	mov	[apm_entry], ebx
	mov	word ptr [apm_entry + 4], SPARE
	push	edx
	push	ecx
	movzx	eax, ax
	shl	eax, 4
	mov	edi, offset gdt + SPARE
	mov	ecx, 0x409b
	call	descriptor
	pop	eax
	movzx	eax, ax
	shl	eax, 4
	mov	edi, offset gdt + SPARE + 8
	mov	ecx, 0x009b
	call	descriptor
	pop	eax
	movzx	eax, ax
	shl	eax, 4
	mov	edi, offset gdt + SPARE + 16
	mov	ecx, 0x4093
	call	descriptor
	mov	eax, 0x530e
	xor	ebx, ebx
	mov	ecx, 0x0102
	call	fword ptr [apm_entry]
	CLEAR	"APM in 32 bits: driver version"
	BITS	"APM in 32 bits: version of the connection", 0xffff, 0x0102
	mov	eax, 0x530a
	mov	ebx, 1
	call	fword ptr [apm_entry]
	CLEAR	"APM in 32 bits: power status"
	movzx	eax, bh
	IS	"APM in 32 bits: on line", 1
	mov	eax, 0x530b
	call	fword ptr [apm_entry]
	CARRY	"APM in 32 bits: no event"
	AH	"APM in 32 bits: no event: code", 0x80
	/* It sleeps until the next interrupt, which is the PIT's. */
	UNMASK	0
	IRQ_CLEAR 0
	mov	eax, 0x5305
	call	fword ptr [apm_entry]
	CLEAR	"APM in 32 bits: CPU idle"
	mov	eax, [irq_count]
	BETWEEN	"APM in 32 bits: CPU idle ends with an interrupt", 1, 10
	MASK	0
	mov	eax, 0x53f0
	xor	ebx, ebx
	call	fword ptr [apm_entry]
	CARRY	"APM in 32 bits: no such function"
	mov	eax, 0x5304
	xor	ebx, ebx
	call	fword ptr [apm_entry]
	CLEAR	"APM in 32 bits: disconnect"

/* ---- Memory */
	BIOS	0x12
	movzx	eax, ax
	mov	[conventional], eax
	BETWEEN	"INT 12: conventional memory", 600, 640
	movzx	ebx, word ptr [0x413]
	IS	"INT 12: as the BIOS data area says", ebx
	/* E820: sorted or not, find what begins at 0 and at 1 MiB, and see that nothing overlaps. */
	xor	ebx, ebx
	mov	dword ptr [entries], 0
1:	mov	eax, 0xe820
	mov	edx, 0x534d4150
	mov	ecx, 24
	mov	word ptr [real_es], (BUFFER >> 4)
	mov	edi, [entries]
	imul	edi, edi, 24
	BIOS	0x15
	jc	2f
	cmp	eax, 0x534d4150
	jne	2f
	mov	edi, [entries]
	imul	edi, edi, 24
	add	edi, BUFFER
	inc	dword ptr [entries]
	cmp	dword ptr [edi + 4], 0
	jne	3f
	cmp	dword ptr [edi + 16], 1
	jne	3f
	mov	eax, [edi]
	mov	edx, [edi + 8]
	test	eax, eax
	jnz	4f
	mov	[low_memory], edx
4:	cmp	eax, 0x100000
	jne	3f
	mov	[high_memory], edx
3:	test	ebx, ebx
	jnz	1b
2:	mov	word ptr [real_es], 0
	mov	eax, [entries]
	BETWEEN	"E820: entries", 3, 32
	mov	ebx, [conventional]
	shl	ebx, 10
	mov	eax, [low_memory]
	IS	"E820: conventional memory as INT 12 says", ebx
	mov	eax, [high_memory]
	BETWEEN	"E820: memory above 1 MiB", (62 << 20), (63 << 20)
	call	overlaps
	IS	"E820: no two overlap", 0
	mov	eax, 0xe801
	BIOS	0x15
	CLEAR	"E801"
	BITS	"E801: 15 MiB below 16 MiB", 0xffff, 0x3c00
	movzx	eax, ax
	movzx	ebx, bx
	shl	ebx, 16
	add	ebx, (15 << 20)
	mov	eax, [high_memory]
	and	eax, 0xffff0000
	IS	"E801: as E820 says", ebx
	mov	eax, [real_edx]
	movzx	eax, dx
	shl	eax, 16
	add	eax, (15 << 20)
	IS	"E801: DX is as BX", ebx
	mov	eax, 0x8800
	BIOS	0x15
	CLEAR	"INT 15/88"
	movzx	eax, ax
	mov	ebx, [high_memory]
	shr	ebx, 10
	IS	"INT 15/88: as E820 says", ebx

/* ---- A20: the keyboard controller lets go, so that the BIOS has it alone */
	mov	dword ptr [0x600], 0x11111111
	mov	dword ptr [0x100600], 0x22222222
	mov	eax, 0x2403
	BIOS	0x15
	CLEAR	"A20: what is supported"
	mov	eax, ebx
	BITS	"A20: port 92 is", 2, 2
	mov	eax, 0x2401
	BIOS	0x15
	CLEAR	"A20: on"
	mov	al, 0xd1
	out	0x64, al
	DELAY	100
	mov	al, 0xdd
	out	0x60, al
	DELAY	100
	mov	eax, [0x100600]
	IS	"A20: is on", 0x22222222
	mov	eax, 0x2402
	BIOS	0x15
	BITS	"A20: told to be on", 0xff, 1
	mov	eax, 0x2400
	BIOS	0x15
	CLEAR	"A20: off"
	mov	eax, [0x100600]
	IS	"A20: is off", 0x11111111
	mov	eax, 0x2402
	BIOS	0x15
	BITS	"A20: told to be off", 0xff, 0
	mov	eax, 0x2401
	BIOS	0x15
	mov	eax, [0x100600]
	IS	"A20: is on again", 0x22222222
	ret

overlaps:	/* EAX = pairs of E820 entries below 4 GiB that overlap */
	xor	eax, eax
	mov	ecx, [entries]
	mov	esi, BUFFER
1:	push	ecx
	mov	edi, esi
2:	dec	ecx
	jz	3f
	add	edi, 24
	cmp	dword ptr [esi + 4], 0
	jne	2b
	cmp	dword ptr [edi + 4], 0
	jne	2b
	mov	edx, [esi]
	add	edx, [esi + 8]
	dec	edx
	cmp	edx, [edi]
	jb	2b
	mov	edx, [edi]
	add	edx, [edi + 8]
	dec	edx
	cmp	edx, [esi]
	jb	2b
	inc	eax
	jmp	2b
3:	pop	ecx
	add	esi, 24
	loop	1b
	ret

	.text	1
	.balign	4
bios32_entry: .long 0
pci_entry: .long 0
apm_entry: .long 0, 0
conventional: .long 0
entries: .long	0
low_memory: .long 0
high_memory: .long 0
