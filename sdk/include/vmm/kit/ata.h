/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Device kit: the drive's end of an IDE cable (ATA/ATAPI-6, T13/1410D): task file, resets, data register, interrupt.
 *
 * The kit keeps the registers and moves the data of a command between the host and the drive's buffer; the drive obeys
 * the commands.  All functions [machine].
 */
#ifndef VMM_KIT_ATA_H
#define VMM_KIT_ATA_H

#include <vmm/kit/host.h>
#include <vmm/port-ide.h>
#include <vmm/port.h>

/* STATUS. */
#define VMM_ATA_BSY  0x80
#define VMM_ATA_DRDY 0x40
#define VMM_ATA_DF   0x20
#define VMM_ATA_DSC  0x10
#define VMM_ATA_DRQ  0x08
#define VMM_ATA_ERR  0x01 /* ATAPI: CHK */
/* ERROR. */
#define VMM_ATA_UNC  0x40
#define VMM_ATA_IDNF 0x10
#define VMM_ATA_ABRT 0x04
/* DEVICE. */
#define VMM_ATA_LBA 0x40
#define VMM_ATA_DEV 0x10
/* DEVICE CONTROL. */
#define VMM_ATA_HOB  0x80
#define VMM_ATA_SRST 0x04
#define VMM_ATA_NIEN 0x02

/* What the data register does. */
#define VMM_ATA_NONE 0
#define VMM_ATA_IN   1 /* from drive to host */
#define VMM_ATA_OUT  2

#define VMM_ATA_RESET_SOFT   1 /* SRST */
#define VMM_ATA_RESET_HARD   2 /* RESET-, power-on */
#define VMM_ATA_RESET_DEVICE 3 /* the command DEVICE RESET; EXECUTE DEVICE DIAGNOSTIC */

struct vmm_ata_ops {
	/* A command; the drive is busy now, and answers with one of vmm_ata_end, _data, _dma and _quiet. */
	void (*command)(void *self, uint8_t command);
	/* The host has read, or filled, all that vmm_ata_data offered; the drive is busy again. */
	void (*moved)(void *self);
	/* DMACK: vmm_ata_dma has raised DMARQ, and the bus master runs. */
	void (*dma)(void *self);
	/* Drop what is under way.  While busy() then says so, the reset is not over: vmm_ata_settle ends it. */
	void (*reset)(void *self, uint32_t kind);
	uint32_t (*busy)(void *self);
};

struct vmm_ata {
	const struct vmm_host *host;
	const char *prefix; /* of the names of saved fields, "ata." at first; static lifetime */
	const struct vmm_ata_ops *ops;
	void *self;
	const struct vmm_ide_upper *upper; /* NULL while not on a cable */
	void *upper_self;
	uint32_t channel, unit, link;
	uint8_t *buffer; /* the drive's */
	uint32_t buffer_size;
	uint8_t packet; /* an ATAPI drive */
	uint8_t listed; /* as a boot device */
	/* The task file; of most registers [1] is what was written before (6.20). */
	uint8_t features[2], count[2], low[2], mid[2], high[2];
	uint8_t device, status, error, control;
	uint8_t pending;   /* an interrupt */
	uint8_t resetting; /* the kind of reset that is not over yet */
	uint8_t transfer;  /* VMM_ATA_NONE, IN, OUT */
	uint8_t intrq, dmarq;
	uint32_t position, limit; /* of the data register in the buffer */
};

void vmm_ata_init(struct vmm_ata *ata, const struct vmm_host *host, const struct vmm_ata_ops *ops, void *self,
	uint8_t *buffer, uint32_t size);
/* The command has ended: DRDY and DSC, and with an error ERR. */
void vmm_ata_end(struct vmm_ata *ata, uint8_t error);
/* The same with any status. */
void vmm_ata_end_status(struct vmm_ata *ata, uint8_t status, uint8_t error);
/* The same without an interrupt, as after the last block of data in PIO. */
void vmm_ata_quiet(struct vmm_ata *ata, uint8_t status);
/* Offer the host `length` bytes of the buffer at `at` through the data register. */
void vmm_ata_data(struct vmm_ata *ata, uint8_t direction, uint32_t at, uint32_t length, uint32_t interrupt);
/* Ask for DMA. */
void vmm_ata_dma(struct vmm_ata *ata);
/* Within ops->dma: move bytes at `position` up to `limit`; returns whether it has got there.  If not the drive waits
 * for the host to set the bus master up again. */
uint32_t vmm_ata_dma_move(struct vmm_ata *ata, uint8_t direction);
/* Offer the buffer to vmm_ata_dma_move. */
void vmm_ata_dma_data(struct vmm_ata *ata, uint32_t at, uint32_t length);
void vmm_ata_busy(struct vmm_ata *ata);
/* The machine's reset. */
void vmm_ata_reset(struct vmm_ata *ata);
/* What busy() was busy with has come to its end. */
void vmm_ata_settle(struct vmm_ata *ata);
/* Add the drive to the firmware's boot devices, as "disk" or "cd". */
void vmm_ata_list(struct vmm_ata *ata, const char *kind);
int32_t vmm_ata_save(struct vmm_ata *ata);
int32_t vmm_ata_load(struct vmm_ata *ata);
void vmm_ata_get_port(struct vmm_ata *ata, struct vmm_port_side *side);
/* The settings `model` and `serial`, which is made of the machine and the instance's name if it is unset. */
#define VMM_ATA_MODEL  41
#define VMM_ATA_SERIAL 21
int32_t vmm_ata_names(const struct vmm_host *host, char model[VMM_ATA_MODEL], char serial[VMM_ATA_SERIAL]);
/* Put text into IDENTIFY words: padded with spaces, the first character in the high byte. */
void vmm_ata_text(uint16_t *words, uint32_t count, const char *text);
/* Words in the order of the data register, with the checksum in word 255 (8.15.61). */
void vmm_ata_identify(uint8_t *data, const uint16_t words[256]);

#endif
