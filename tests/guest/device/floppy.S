/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A diskette of 1.44 MB without DMA and with it, after the 82077AA's data sheet.  Each 32-bit word of the disk is its
 * number.  Drive 1 has a write-protected disk.
 */
#include "common.inc"

#define DOR 0x3f2
#define MSR 0x3f4
#define FIFO 0x3f5
#define DIR 0x3f7

	.macro	WRONG buffer:req, first:req, words:req
	mov	esi, \buffer
	mov	eax, \first
	mov	ecx, \words
	call	wrong
	.endm
	/* A command of so many bytes (and its result, of so many, into `result'). */
	.macro	COMMAND label:req, results:req
	mov	esi, offset \label
	mov	ecx, offset \label\()_end - \label
	call	command
	mov	ecx, \results
	call	results
	.endm
	.macro	BYTES label:req, bytes:vararg
	.text	1
\label:	.byte	\bytes
\label\()_end:
	.text	0
	.endm
	.macro	RESULT index:req
	movzx	eax, byte ptr [result + \index]
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

request:	/* EAX = MSR once RQM is set, or after four seconds. */
	push	ebx
	call	pm_now
	mov	ebx, eax
1:	INB	MSR
	test	al, 0x80
	jnz	2f
	mov	eax, ebx
	call	pm_since
	cmp	eax, 14318180
	jb	1b
	INB	MSR
2:	pop	ebx
	ret

command:	/* ECX bytes at ESI */
	cld
1:	call	request
	and	al, 0xc0
	cmp	al, 0x80
	jne	2f
	lodsb
	OUTB	FIFO, al
	loop	1b
2:	ret

results:	/* ECX bytes into `result'; EAX = how many there were */
	push	edi
	mov	edi, offset result
	mov	dword ptr [edi], -1
	mov	[edi + 4], dword ptr -1
	xor	edx, edx
	jecxz	2f
1:	call	request
	and	al, 0xe0
	cmp	al, 0xc0
	jne	2f
	INB	FIFO
	stosb
	inc	edx
	loop	1b
2:	mov	eax, edx
	pop	edi
	ret

	/* The execution phase without DMA: bytes as long as MSR says so; EAX = how many. */
data_in:	/* into EDI */
	push	ecx
	xor	ecx, ecx
1:	call	request
	and	al, 0xe0
	cmp	al, 0xe0
	jne	2f
	INB	FIFO
	stosb
	inc	ecx
	jmp	1b
2:	mov	eax, ecx
	pop	ecx
	ret
data_out:	/* from ESI */
	push	ecx
	xor	ecx, ecx
1:	call	request
	and	al, 0xe0
	cmp	al, 0xa0
	jne	2f
	lodsb
	OUTB	FIFO, al
	inc	ecx
	jmp	1b
2:	mov	eax, ecx
	pop	ecx
	ret

dma:	/* Channel 2: AL = mode, ECX bytes from or to BUFFER2 */
	OUTB	0x0a, 6
	OUTB	0x0b, al
	OUTB	0x0c, 0
	OUTB	0x04, (BUFFER2 & 255)
	OUTB	0x04, (BUFFER2 >> 8 & 255)
	OUTB	0x81, (BUFFER2 >> 16)
	dec	ecx
	OUTB	0x05, cl
	OUTB	0x05, ch
	OUTB	0x0a, 2
	ret

	BYTES	sense, 0x08
	BYTES	version, 0x10
	BYTES	lock, 0x94
	BYTES	unlock, 0x14
	BYTES	bad, 0x1f
	BYTES	specify_pio, 0x03, 0xdf, 0x03
	BYTES	specify_dma, 0x03, 0xdf, 0x02
	BYTES	configure, 0x13, 0, 0x07, 0
	BYTES	configure_seek, 0x13, 0, 0x47, 0
	BYTES	dumpreg, 0x0e
	BYTES	status, 0x04, 0
	BYTES	status_1, 0x04, 1
	BYTES	recalibrate, 0x07, 0
	BYTES	recalibrate_1, 0x07, 1
	BYTES	seek_10, 0x0f, 0, 10
	BYTES	seek_10_side_1, 0x0f, 4, 10
	BYTES	relative, 0xcf, 0, 3
	BYTES	read_id, 0x4a, 0
	BYTES	read_3, 0x46, 0, 10, 0, 3, 2, 5, 0x1b, 0xff
	BYTES	write_7, 0x45, 0, 10, 0, 7, 2, 7, 0x1b, 0xff
	BYTES	read_7, 0x46, 0, 10, 0, 6, 2, 8, 0x1b, 0xff
	BYTES	read_30, 0x46, 0, 10, 0, 30, 2, 30, 0x1b, 0xff
	BYTES	read_wrong_cylinder, 0x46, 0, 11, 0, 1, 2, 1, 0x1b, 0xff
	BYTES	read_both_sides, 0xc6, 0, 10, 0, 17, 2, 18, 0x1b, 0xff
	BYTES	read_implied, 0x46, 0, 40, 0, 1, 2, 18, 0x1b, 0xff
	BYTES	format, 0x4d, 4, 2, 18, 0x54, 0xf6
	BYTES	read_formatted, 0x46, 4, 10, 1, 1, 2, 18, 0x1b, 0xff
	BYTES	write_1, 0x45, 1, 0, 0, 1, 2, 1, 0x1b, 0xff
	BYTES	verify_3, 0x56, 0, 10, 0, 3, 2, 5, 0x1b, 0xff

main:
	UNMASK	6
/* ---- Reset */
	OUTB	DOR, 0x08
	DELAY	10
	INB	MSR
	BITS	"reset: not ready", 0x80, 0
	IRQ_CLEAR 6
	OUTB	DOR, 0x0c
	IRQ_WAIT 6
	IS	"reset: interrupt", 1
	call	request
	IS	"reset: ready for a command", 0x80
	COMMAND	sense, 2
	RESULT	0
	IS	"reset: drive 0 polled", 0xc0
	COMMAND	sense, 2
	RESULT	0
	IS	"reset: drive 1 polled", 0xc1
	COMMAND	sense, 2
	RESULT	0
	IS	"reset: drive 2 polled", 0xc2
	COMMAND	sense, 2
	RESULT	0
	IS	"reset: drive 3 polled", 0xc3
	COMMAND	sense, 1
	RESULT	0
	IS	"SENSE INTERRUPT without one", 0x80
	COMMAND	bad, 1
	RESULT	0
	IS	"no such command", 0x80
	COMMAND	version, 1
	RESULT	0
	IS	"VERSION: enhanced controller", 0x90
	COMMAND	lock, 1
	RESULT	0
	IS	"LOCK", 0x10
	COMMAND	unlock, 1
	RESULT	0
	IS	"UNLOCK", 0
	OUTB	DIR, 0	/* 500 kbit/s */
	OUTB	DOR, 0x1c	/* motor 0, drive 0, interrupts and DMA on, no reset */
	INB	DOR
	IS	"DOR can be read", 0x1c
	COMMAND	configure, 0
	COMMAND	specify_pio, 0
	COMMAND	dumpreg, 10
	IS	"DUMPREG: ten bytes", 10
	RESULT	4
	IS	"DUMPREG: step rate and head unload", 0xdf
	RESULT	5
	IS	"DUMPREG: head load and ND", 0x03
	RESULT	8
	IS	"DUMPREG: configuration", 0x07

/* ---- Seeks */
	IRQ_CLEAR 6
	COMMAND	recalibrate, 0
	IRQ_WAIT 6
	IS	"RECALIBRATE: interrupt", 1
	COMMAND	sense, 2
	RESULT	0
	IS	"RECALIBRATE: status 0", 0x20
	RESULT	1
	IS	"RECALIBRATE: cylinder", 0
	INB	MSR
	IS	"RECALIBRATE: idle", 0x80
	COMMAND	status, 1
	RESULT	0
	BITS	"SENSE DRIVE STATUS: track 0", 0x5f, 0x18
	IRQ_CLEAR 6
	COMMAND	seek_10, 0
	IRQ_WAIT 6
	IS	"SEEK: interrupt", 1
	COMMAND	sense, 2
	RESULT	0
	IS	"SEEK: status 0", 0x20
	RESULT	1
	IS	"SEEK: cylinder", 10
	COMMAND	status, 1
	RESULT	0
	BITS	"SENSE DRIVE STATUS: not at track 0", 0x10, 0
	INB	DIR
	BITS	"disk change line is off", 0x80, 0

/* ---- Without DMA */
	IRQ_CLEAR 6
	COMMAND	read_id, 0
	IRQ_WAIT 6
	IS	"READ ID: interrupt", 1
	mov	ecx, 7
	call	results
	RESULT	0
	IS	"READ ID: status 0", 0
	RESULT	3
	IS	"READ ID: cylinder", 10
	RESULT	6
	IS	"READ ID: size code", 2
	IRQ_CLEAR 6
	COMMAND	read_3, 0
	IRQ_WAIT 6
	BETWEEN	"READ DATA by PIO: interrupt for data", 1, 1536
	call	request
	IS	"READ DATA by PIO: RQM, DIO, NDM, CB", 0xf0
	mov	edi, BUFFER
	call	data_in
	IS	"READ DATA by PIO: bytes", 1536
	mov	ecx, 7
	call	results
	IS	"READ DATA by PIO: seven results", 7
	WRONG	BUFFER, (362 * 128), 384
	IS	"READ DATA by PIO: data", 0
	/* There is no terminal count without DMA, so that it ends with the end of the cylinder (section 5.1.1). */
	RESULT	0
	IS	"READ DATA by PIO: abnormal end", 0x40
	RESULT	1
	IS	"READ DATA by PIO: end of cylinder", 0x80
	mov	edi, BUFFER
	mov	eax, 0x7e000000
	mov	ecx, 128
1:	stosd
	inc	eax
	loop	1b
	IRQ_CLEAR 6
	COMMAND	write_7, 0
	call	request
	IS	"WRITE DATA by PIO: RQM, NDM, CB", 0xb0
	mov	esi, BUFFER
	call	data_out
	IS	"WRITE DATA by PIO: bytes", 512
	mov	ecx, 7
	call	results
	RESULT	1
	IS	"WRITE DATA by PIO: end of cylinder", 0x80
	mov	eax, [irq_count + 6 * 4]
	BETWEEN	"WRITE DATA by PIO: interrupts", 1, 513
	COMMAND	read_7, 0
	mov	edi, BUFFER
	call	data_in
	mov	ecx, 7
	call	results
	WRONG	BUFFER, (365 * 128), 128
	IS	"WRITE DATA by PIO: the one before is as it was", 0
	WRONG	(BUFFER + 512), 0x7e000000, 128
	IS	"WRITE DATA by PIO: data", 0
	WRONG	(BUFFER + 1024), (367 * 128), 128
	IS	"WRITE DATA by PIO: the one after is as it was", 0
	COMMAND	read_30, 7
	RESULT	0
	IS	"sector 30: abnormal end", 0x40
	RESULT	1
	IS	"sector 30: no data", 0x04
	COMMAND	read_wrong_cylinder, 7
	RESULT	1
	IS	"cylinder 11 in the ID: no data", 0x04
	RESULT	2
	IS	"cylinder 11 in the ID: wrong cylinder", 0x10

/* ---- With DMA: the same, with one interrupt and an end by terminal count */
	COMMAND	specify_dma, 0
	mov	al, 0x46
	mov	ecx, 1536
	call	dma
	IRQ_CLEAR 6
	COMMAND	read_3, 0
	IRQ_WAIT 6
	IS	"READ DATA by DMA: one interrupt", 1
	mov	ecx, 7
	call	results
	RESULT	0
	IS	"READ DATA by DMA: status 0", 0
	RESULT	1
	IS	"READ DATA by DMA: status 1", 0
	/* After sector 5 = EOT with TC (table 5-6): the next cylinder, sector 1. */
	RESULT	3
	IS	"READ DATA by DMA: cylinder after the end", 11
	RESULT	5
	IS	"READ DATA by DMA: sector after the end", 1
	WRONG	BUFFER2, (362 * 128), 384
	IS	"READ DATA by DMA: data", 0
	INB	0x08
	BITS	"READ DATA by DMA: terminal count of channel 2", 4, 4
	/* Stopped by TC before EOT. */
	mov	al, 0x46
	mov	ecx, 512
	call	dma
	IRQ_CLEAR 6
	COMMAND	read_3, 0
	IRQ_WAIT 6
	mov	ecx, 7
	call	results
	RESULT	0
	IS	"TC in mid-transfer: status 0", 0
	RESULT	5
	IS	"TC in mid-transfer: next sector", 4
	/* Multi-track goes on with side 1. */
	mov	al, 0x46
	mov	ecx, 2048
	call	dma
	IRQ_CLEAR 6
	COMMAND	read_both_sides, 0
	IRQ_WAIT 6
	mov	ecx, 7
	call	results
	RESULT	0
	IS	"multi-track: status 0, side 1", 4
	RESULT	4
	IS	"multi-track: head after the end", 1
	RESULT	5
	IS	"multi-track: sector after the end", 3
	WRONG	BUFFER2, (376 * 128), 512
	IS	"multi-track: data", 0
	/* VERIFY moves nothing. */
	mov	dword ptr [BUFFER2], 0
	IRQ_CLEAR 6
	COMMAND	verify_3, 0
	IRQ_WAIT 6
	mov	ecx, 7
	call	results
	RESULT	0
	BITS	"VERIFY", 0x87, 0
	mov	eax, [BUFFER2]
	IS	"VERIFY: nothing moved", 0
	/* A seek that the read implies (EIS). */
	COMMAND	configure_seek, 0
	mov	al, 0x46
	mov	ecx, (18 * 512)
	call	dma
	IRQ_CLEAR 6
	COMMAND	read_implied, 0
	IRQ_WAIT 6
	mov	ecx, 7
	call	results
	RESULT	0
	BITS	"implied seek: normal end", 0xd7, 0
	WRONG	BUFFER2, (1440 * 128), (18 * 128)
	IS	"implied seek: data", 0
	COMMAND	configure, 0
	IRQ_CLEAR 6
	COMMAND	seek_10, 0
	IRQ_WAIT 6
	COMMAND	sense, 2
	/* A relative seek, three in. */
	IRQ_CLEAR 6
	COMMAND	relative, 0
	IRQ_WAIT 6
	COMMAND	sense, 2
	RESULT	1
	IS	"RELATIVE SEEK: cylinder", 13
	IRQ_CLEAR 6
	COMMAND	seek_10_side_1, 0
	IRQ_WAIT 6
	COMMAND	sense, 2

/* ---- FORMAT TRACK, by PIO */
	COMMAND	specify_pio, 0
	COMMAND	format, 0
	mov	edi, BUFFER
	mov	ecx, 1
1:	mov	eax, 0x02000000 + 0x010a	/* N, R, H, C */
	mov	ah, 1
	mov	edx, ecx
	shl	edx, 16
	or	eax, edx
	stosd
	inc	ecx
	cmp	ecx, 18
	jbe	1b
	mov	esi, BUFFER
	call	data_out
	IS	"FORMAT TRACK: four bytes a sector", 72
	mov	ecx, 7
	call	results
	RESULT	0
	BITS	"FORMAT TRACK: normal end", 0xc0, 0
	COMMAND	specify_dma, 0
	mov	al, 0x46
	mov	ecx, (18 * 512)
	call	dma
	IRQ_CLEAR 6
	COMMAND	read_formatted, 0
	IRQ_WAIT 6
	mov	ecx, 7
	call	results
	RESULT	0
	IS	"FORMAT TRACK: it can be read", 4
	mov	edi, BUFFER2
	mov	eax, 0xf6f6f6f6
	mov	ecx, (18 * 128)
	repe scasd
	mov	eax, ecx
	IS	"FORMAT TRACK: filled with F6", 0

/* ---- Another disk, whose numbers are 40000000 higher; then none */
	INB	DIR
	BITS	"disk change line is still off", 0x80, 0
	SAY	"HOST change"
	mov	ecx, 1000
1:	DELAY	10000
	INB	DIR
	test	al, 0x80
	loopz	1b
	BITS	"changed: disk change line", 0x80, 0x80
	INB	DIR
	BITS	"changed: it stays on until a step", 0x80, 0x80
	IRQ_CLEAR 6
	COMMAND	recalibrate, 0
	IRQ_WAIT 6
	COMMAND	sense, 2
	IRQ_CLEAR 6
	COMMAND	seek_10, 0
	IRQ_WAIT 6
	COMMAND	sense, 2
	INB	DIR
	BITS	"changed: off after the step", 0x80, 0
	mov	al, 0x46
	mov	ecx, 1536
	call	dma
	IRQ_CLEAR 6
	COMMAND	read_3, 0
	IRQ_WAIT 6
	mov	ecx, 7
	call	results
	RESULT	0
	IS	"changed: read", 0
	WRONG	BUFFER2, (0x40000000 + 362 * 128), 384
	IS	"changed: data of the other disk", 0
	SAY	"HOST eject"
	mov	ecx, 1000
1:	DELAY	10000
	INB	DIR
	test	al, 0x80
	loopz	1b
	BITS	"ejected: disk change line", 0x80, 0x80
	IRQ_CLEAR 6
	COMMAND	recalibrate, 0
	IRQ_WAIT 6
	COMMAND	sense, 2
	IRQ_CLEAR 6
	COMMAND	seek_10, 0
	IRQ_WAIT 6
	COMMAND	sense, 2
	INB	DIR
	BITS	"ejected: it stays on", 0x80, 0x80
	mov	al, 0x46
	mov	ecx, 1536
	call	dma
	IRQ_CLEAR 6
	COMMAND	read_3, 0
	IRQ_WAIT 6
	mov	ecx, 7
	call	results
	RESULT	0
	BITS	"ejected: a read ends abnormally", 0xc0, 0x40

/* ---- A write-protected disk */
	OUTB	DOR, 0x2d
	IRQ_CLEAR 6
	COMMAND	recalibrate_1, 0
	IRQ_WAIT 6
	COMMAND	sense, 2
	RESULT	0
	IS	"drive 1: RECALIBRATE", 0x21
	COMMAND	status_1, 1
	RESULT	0
	BITS	"drive 1: write-protected", 0x43, 0x41
	mov	al, 0x4a
	mov	ecx, 512
	call	dma
	IRQ_CLEAR 6
	COMMAND	write_1, 0
	IRQ_WAIT 6
	mov	ecx, 7
	call	results
	RESULT	0
	IS	"drive 1: WRITE DATA ends abnormally", 0x41
	RESULT	1
	IS	"drive 1: not writable", 0x02
	OUTB	DOR, 0x0c
	ret

	.text	1
	.balign	4
result:	.fill	16, 1, 0
