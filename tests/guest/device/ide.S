/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A disk and a CD drive by PIO, after ATA/ATAPI-6: with interrupts and by polling; and the disk by DMA.  Each 32-bit word of the disk's sectors
 * from 64 to 2047, and of 10000040, is its number (sector x 128 + i); so it is on the disc (block x 512 + i).
 */
#include "common.inc"

#define DISK 0x1f0
#define DISK_CONTROL 0x3f6
#define CD 0x170
#define CD_CONTROL 0x376
#define FAR 0x10000040
#define PIECES (BUFFER2 + 0x8000)

hook14:	/* Reading the status ends the interrupt. */
	mov	edx, DISK + 7
	in	al, dx
	ret
hook15:
	mov	edx, CD + 7
	in	al, dx
	ret

	.macro	REGISTER number:req, value:req
	OUTB	(DISK + \number), \value
	.endm
	/* A read or write of `count' sectors from `lba' on. */
	.macro	ACCESS command:req, lba:req, count:req
	REGISTER 2, \count
	REGISTER 3, (\lba & 255)
	REGISTER 4, (\lba >> 8 & 255)
	REGISTER 5, (\lba >> 16 & 255)
	REGISTER 6, (0xe0 | \lba >> 24)
	IRQ_CLEAR 14
	REGISTER 7, \command
	.endm
	/* The same with 48 bits. */
	.macro	ACCESS48 command:req, lba:req, count:req
	REGISTER 2, (\count >> 8)
	REGISTER 3, (\lba >> 24 & 255)
	REGISTER 4, 0
	REGISTER 5, 0
	REGISTER 2, (\count & 255)
	REGISTER 3, (\lba & 255)
	REGISTER 4, (\lba >> 8 & 255)
	REGISTER 5, (\lba >> 16 & 255)
	REGISTER 6, 0xe0
	IRQ_CLEAR 14
	REGISTER 7, \command
	.endm
	/* A register of the bus master. */
	.macro	MASTER index:req, value:req
	push	ebx
	mov	ebx, [master]
	lea	ebx, [ebx + \index]
	OUTB	ebx, \value
	pop	ebx
	.endm
	/* How many words of a buffer are not what they should be, into EAX. */
	.macro	WRONG buffer:req, first:req, words:req
	mov	esi, \buffer
	mov	eax, \first
	mov	ecx, \words
	call	wrong
	.endm

ready:	/* EAX = status once BSY is clear; 80 after four seconds. */
	push	ebx
	push	edx
	call	pm_now
	mov	ebx, eax
1:	mov	edx, [control]
	xor	eax, eax
	in	al, dx
	test	al, 0x80
	jz	2f
	mov	eax, ebx
	call	pm_since
	cmp	eax, 14318180
	jb	1b
	mov	eax, 0x80
2:	pop	edx
	pop	ebx
	ret

words:	/* Read ECX words into EDI, by the data register. */
	push	edx
	mov	edx, [data]
	rep insw
	pop	edx
	ret
words_out:
	push	edx
	mov	edx, [data]
	rep outsw
	pop	edx
	ret

wrong:	/* ESI, first EAX, ECX words */
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

read_irq:	/* ECX blocks of EDX words into EDI; an interrupt before each.  EAX = blocks that came with one. */
	push	ebx
	xor	ebx, ebx
1:	IRQ_WAIT 14
	IRQ_CLEAR 14
	cmp	eax, 1
	jne	2f
	inc	ebx
2:	call	ready
	test	al, 8
	jz	3f
	push	ecx
	mov	ecx, edx
	call	words
	pop	ecx
	loop	1b
3:	mov	eax, ebx
	pop	ebx
	ret

write_irq:	/* ECX blocks of EDX words from ESI; DRQ without an interrupt for the first, and one after each. */
	push	ebx
	xor	ebx, ebx
1:	call	ready
	test	al, 8
	jz	3f
	push	ecx
	mov	ecx, edx
	call	words_out
	pop	ecx
	IRQ_WAIT 14
	IRQ_CLEAR 14
	cmp	eax, 1
	jne	2f
	inc	ebx
2:	loop	1b
3:	mov	eax, ebx
	pop	ebx
	ret

dma_prepare:	/* two pieces of EAX bytes: BUFFER + 100 and BUFFER + 2000 */
	mov	dword ptr [PIECES], BUFFER + 0x100
	mov	[PIECES + 4], eax
	mov	dword ptr [PIECES + 8], BUFFER + 0x2000
	or	eax, 0x80000000
	mov	[PIECES + 12], eax
	mov	edi, BUFFER
	xor	eax, eax
	mov	ecx, 0x1000
	rep stosd
dma_start:
	mov	edx, [master]
	add	edx, 4
	mov	eax, PIECES
	out	dx, eax
	MASTER	2, 0x06
	ret
dma_end:	/* EAX = the bus master's status, and it is stopped */
	mov	edx, [master]
	add	edx, 2
	xor	eax, eax
	in	al, dx
	push	eax
	MASTER	0, 0
	pop	eax
	ret

main:
	HOOK	14, hook14
	HOOK	15, hook15
	UNMASK	14
	UNMASK	15
	mov	dword ptr [control], DISK_CONTROL
	mov	dword ptr [data], DISK
	OUTB	DISK_CONTROL, 0

/* ---- Reset and who is there */
	REGISTER 6, 0xb0
	DELAY	1
	INB	DISK_CONTROL
	IS	"no device 1: status 0", 0
	REGISTER 7, 0xec
	DELAY	1000
	INB	DISK + 7
	IS	"no device 1: commands are not taken", 0
	REGISTER 6, 0xa0
	OUTB	DISK_CONTROL, 0x06
	DELAY	10
	INB	DISK_CONTROL
	BITS	"SRST: BSY", 0x80, 0x80
	OUTB	DISK_CONTROL, 0x02
	DELAY	2000
	call	ready
	IS	"SRST: status", 0x50
	INB	DISK + 1
	IS	"SRST: diagnostic code", 1
	INB	DISK + 2
	IS	"SRST: sector count", 1
	INB	DISK + 3
	IS	"SRST: LBA low", 1
	INB	DISK + 4
	IS	"SRST: LBA mid", 0
	INB	DISK + 5
	IS	"SRST: LBA high", 0
	INB	DISK + 6
	BITS	"SRST: device 0", 0x1f, 0
	OUTB	DISK_CONTROL, 0
	IRQ_CLEAR 14
	REGISTER 7, 0x90
	IRQ_WAIT 14
	IS	"EXECUTE DEVICE DIAGNOSTIC: interrupt", 1
	INB	DISK + 1
	IS	"EXECUTE DEVICE DIAGNOSTIC: code", 1

/* ---- IDENTIFY DEVICE */
	REGISTER 6, 0xa0
	IRQ_CLEAR 14
	REGISTER 7, 0xec
	mov	edi, BUFFER
	mov	ecx, 1
	mov	edx, 256
	call	read_irq
	IS	"IDENTIFY: interrupt", 1
	call	ready
	IS	"IDENTIFY: status", 0x50
	movzx	eax, word ptr [BUFFER]
	BITS	"IDENTIFY: ATA device", 0x8000, 0
	movzx	eax, word ptr [BUFFER + 49 * 2]
	BITS	"IDENTIFY: LBA and DMA", 0x300, 0x300
	mov	eax, [BUFFER + 60 * 2]
	IS	"IDENTIFY: 28-bit sectors", 0x0fffffff
	mov	eax, [BUFFER + 100 * 2]
	IS	"IDENTIFY: 48-bit sectors", SECTORS
	movzx	eax, word ptr [BUFFER + 83 * 2]
	BITS	"IDENTIFY: 48-bit commands", 0xc400, 0x4400
	movzx	eax, word ptr [BUFFER + 47 * 2]
	BITS	"IDENTIFY: multiple says 80", 0xff00, 0x8000
	mov	esi, BUFFER
	mov	ecx, 512
	xor	eax, eax
1:	add	al, [esi]
	inc	esi
	loop	1b
	IS	"IDENTIFY: checksum", 0

/* ---- READ and WRITE SECTORS */
	ACCESS	0x20, 100, 4
	mov	edi, BUFFER
	mov	ecx, 4
	mov	edx, 256
	call	read_irq
	IS	"READ SECTORS: an interrupt for each", 4
	call	ready
	IS	"READ SECTORS: status", 0x50
	WRONG	BUFFER, 12800, 512
	IS	"READ SECTORS: data", 0
	mov	eax, [irq_count + 14 * 4]
	IS	"READ SECTORS: no interrupt at the end", 0
	/* 100 = cylinder 0, head 1, sector 38 */
	REGISTER 2, 1
	REGISTER 3, 38
	REGISTER 4, 0
	REGISTER 5, 0
	REGISTER 6, 0xa1
	IRQ_CLEAR 14
	REGISTER 7, 0x20
	mov	edi, BUFFER
	mov	ecx, 1
	call	read_irq
	WRONG	BUFFER, 12800, 128
	IS	"READ SECTORS: by cylinder, head, sector", 0
	/* nIEN: no interrupt, but BSY and DRQ. */
	OUTB	DISK_CONTROL, 2
	ACCESS	0x20, 200, 2
	call	ready
	IS	"polling: DRQ", 0x58
	DELAY	2000
	mov	edi, BUFFER
	mov	ecx, 256
	call	words
	call	ready
	IS	"polling: DRQ again", 0x58
	mov	ecx, 256
	call	words
	call	ready
	IS	"polling: the end", 0x50
	WRONG	BUFFER, 25600, 256
	IS	"polling: data", 0
	mov	eax, [irq_count + 14 * 4]
	IS	"polling: no interrupts", 0
	INB	DISK + 7
	OUTB	DISK_CONTROL, 0
	/* Write three, turned round, and read them. */
	mov	edi, BUFFER2
	mov	eax, 0x5a000000
	mov	ecx, 384
1:	stosd
	inc	eax
	loop	1b
	ACCESS	0x30, 300, 3
	mov	esi, BUFFER2
	mov	ecx, 3
	mov	edx, 256
	call	write_irq
	IS	"WRITE SECTORS: an interrupt after each", 3
	call	ready
	IS	"WRITE SECTORS: status", 0x50
	ACCESS	0x20, 299, 5
	mov	edi, BUFFER
	mov	ecx, 5
	call	read_irq
	WRONG	BUFFER, 38272, 128
	IS	"WRITE SECTORS: the one before is as it was", 0
	WRONG	BUFFER + 512, 0x5a000000, 384
	IS	"WRITE SECTORS: data", 0
	WRONG	BUFFER + 2048, 38784, 128
	IS	"WRITE SECTORS: the one after is as it was", 0
	/* A count of 0 is 256. */
	ACCESS	0x20, 400, 0
	mov	edi, BUFFER
	mov	ecx, 256
	call	read_irq
	IS	"READ SECTORS: 0 means 256", 256
	ACCESS	0x40, 500, 20
	IRQ_WAIT 14
	IS	"READ VERIFY: interrupt", 1
	call	ready
	IS	"READ VERIFY: status", 0x50

/* ---- MULTIPLE */
	REGISTER 2, 3
	IRQ_CLEAR 14
	REGISTER 7, 0xc6
	IRQ_WAIT 14
	call	ready
	BITS	"SET MULTIPLE 3: error", 0x89, 0x01
	INB	DISK + 1
	IS	"SET MULTIPLE 3: aborted", 4
	REGISTER 2, 8
	IRQ_CLEAR 14
	REGISTER 7, 0xc6
	IRQ_WAIT 14
	call	ready
	IS	"SET MULTIPLE 8: status", 0x50
	ACCESS	0xc4, 100, 20
	mov	edi, BUFFER
	mov	ecx, 2
	mov	edx, 8 * 256
	call	read_irq
	mov	ebx, eax
	mov	ecx, 1
	mov	edx, 4 * 256
	call	read_irq
	add	eax, ebx
	IS	"READ MULTIPLE: an interrupt for each block", 3
	call	ready
	IS	"READ MULTIPLE: status", 0x50
	WRONG	BUFFER, 12800, (20 * 128)
	IS	"READ MULTIPLE: data", 0
	ACCESS	0xc5, 700, 16
	mov	esi, BUFFER
	mov	ecx, 2
	mov	edx, 8 * 256
	call	write_irq
	IS	"WRITE MULTIPLE: an interrupt after each block", 2
	ACCESS	0xc4, 700, 16
	mov	edi, BUFFER2
	mov	ecx, 2
	call	read_irq
	WRONG	BUFFER2, 12800, (16 * 128)
	IS	"WRITE MULTIPLE: data", 0

/* ---- 48 bits */
	REGISTER 2, 0x12
	REGISTER 2, 0x34
	INB	DISK + 2
	IS	"HOB clear: most recent", 0x34
	OUTB	DISK_CONTROL, 0x80
	INB	DISK + 2
	IS	"HOB set: previous", 0x12
	REGISTER 3, 1
	INB	DISK + 2
	IS	"HOB is cleared by a write", 0x34
	ACCESS48 0x24, FAR, 1
	mov	edi, BUFFER
	mov	ecx, 1
	mov	edx, 256
	call	read_irq
	IS	"READ SECTORS EXT: interrupt", 1
	WRONG	BUFFER, 0x2000, 128
	IS	"READ SECTORS EXT: data", 0
	ACCESS48 0x34, (FAR + 1), 1
	mov	esi, BUFFER2
	mov	ecx, 1
	call	write_irq
	IS	"WRITE SECTORS EXT: interrupt", 1
	ACCESS48 0x29, FAR, 2
	mov	edi, BUFFER
	mov	ecx, 1
	mov	edx, 512
	call	read_irq
	IS	"READ MULTIPLE EXT: interrupt", 1
	WRONG	BUFFER + 512, 12800, 128
	IS	"WRITE SECTORS EXT: data", 0
	ACCESS	0x20, 0x41, 1
	mov	edi, BUFFER
	mov	ecx, 1
	mov	edx, 256
	call	read_irq
	WRONG	BUFFER, 0x2080, 128
	IS	"WRITE SECTORS EXT: not where 28 bits would be", 0
	ACCESS48 0x27, 0, 0
	IRQ_WAIT 14
	INB	DISK + 3
	IS	"READ NATIVE MAX EXT: low byte", ((SECTORS - 1) & 255)
	OUTB	DISK_CONTROL, 0x80
	INB	DISK + 3
	OUTB	DISK_CONTROL, 0
	IS	"READ NATIVE MAX EXT: byte 3", ((SECTORS - 1) >> 24)

/* ---- Bus master DMA, with two pieces of memory */
	mov	ecx, 0x80000904
	call	pci_read
	or	eax, 5
	and	eax, 0xffff
	call	pci_write
	mov	ecx, 0x80000920
	call	pci_read
	and	eax, 0xfff0
	mov	[master], eax
	mov	eax, 1024
	call	dma_prepare
	MASTER	0, 0x08
	ACCESS	0xc8, 100, 4
	MASTER	0, 0x09
	IRQ_WAIT 14
	IS	"READ DMA: one interrupt", 1
	call	dma_end
	BITS	"READ DMA: interrupt, no error, not active", 7, 4
	call	ready
	IS	"READ DMA: status", 0x50
	WRONG	(BUFFER + 0x100), 12800, 256
	IS	"READ DMA: the first piece", 0
	WRONG	(BUFFER + 0x2000), 13056, 256
	IS	"READ DMA: the second piece", 0
	mov	eax, [BUFFER + 0x500]
	IS	"READ DMA: nothing behind the first", 0
	call	dma_start
	MASTER	0, 0x00
	ACCESS	0xca, 900, 4
	MASTER	0, 0x01
	IRQ_WAIT 14
	IS	"WRITE DMA: one interrupt", 1
	call	dma_end
	BITS	"WRITE DMA: interrupt, no error, not active", 7, 4
	ACCESS	0x20, 899, 6
	mov	edi, BUFFER2
	mov	ecx, 6
	mov	edx, 256
	call	read_irq
	WRONG	BUFFER2, (899 * 128), 128
	IS	"WRITE DMA: the one before is as it was", 0
	WRONG	(BUFFER2 + 512), 12800, 512
	IS	"WRITE DMA: data", 0
	WRONG	(BUFFER2 + 2560), (904 * 128), 128
	IS	"WRITE DMA: the one after is as it was", 0
	/* More memory than data: the controller stays active. */
	mov	eax, 4096
	call	dma_prepare
	MASTER	0, 0x08
	ACCESS	0xc8, 200, 4
	MASTER	0, 0x09
	IRQ_WAIT 14
	call	dma_end
	BITS	"READ DMA into more memory: interrupt and active", 7, 5
	WRONG	(BUFFER + 0x100), 25600, 512
	IS	"READ DMA into more memory: data", 0

/* ---- Errors and other commands */
	ACCESS48 0x24, SECTORS, 1
	IRQ_WAIT 14
	IS	"beyond the end: interrupt", 1
	call	ready
	BITS	"beyond the end: error without data", 0x89, 0x01
	INB	DISK + 1
	BITS	"beyond the end: not found", 0x10, 0x10
	IRQ_CLEAR 14
	REGISTER 7, 0xff
	IRQ_WAIT 14
	call	ready
	BITS	"no such command: error", 0x89, 0x01
	INB	DISK + 1
	IS	"no such command: aborted", 4
	IRQ_CLEAR 14
	REGISTER 7, 0xe7
	IRQ_WAIT 14
	IS	"FLUSH CACHE: interrupt", 1
	call	ready
	IS	"FLUSH CACHE: status", 0x50
	REGISTER 7, 0xe5
	DELAY	1
	call	ready
	INB	DISK + 2
	IS	"CHECK POWER MODE: active", 0xff
	IRQ_CLEAR 14
	REGISTER 7, 0xe0
	IRQ_WAIT 14
	IRQ_CLEAR 14
	REGISTER 7, 0xe5
	IRQ_WAIT 14
	INB	DISK + 2
	IS	"CHECK POWER MODE: standby", 0
	OUTB	DISK_CONTROL, 2
	IRQ_CLEAR 14
	REGISTER 7, 0xe7
	DELAY	20000
	mov	eax, [irq_count + 14 * 4]
	IS	"nIEN holds an interrupt back", 0
	OUTB	DISK_CONTROL, 0
	IRQ_WAIT 14
	IS	"nIEN lets it through", 1

#include "ide_cd.inc"

	.text	1
	.balign	4
control: .long	0
master:	.long	0
data:	.long	0
limit:	.long	0
bytes:	.long	0
bursts:	.long	0
odd:	.long	0
interrupts: .long 0
test_unit: .byte 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
inquiry: .byte	0x12, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0
read_three: .byte 0x28, 0, 0, 0, 0, 20, 0, 0, 3, 0, 0, 0
read_far: .byte 0x28, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0
request_sense: .byte 3, 0, 0, 0, 18, 0, 0, 0, 0, 0, 0, 0
capacity: .byte	0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
