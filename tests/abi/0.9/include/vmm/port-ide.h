/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.ide/1: an ATA or ATAPI drive on its cable (ATA/ATAPI-6, T13/1410D; chapters 6, 7 and 9).
 *
 * Upper: a channel of an IDE controller, with the bus master engine.  Lower: one drive, which keeps its own task file
 * and obeys commands.  The link's address is (channel << 8) | unit; unit 0 is device 0 (master).  As on the cable,
 * writes of registers reach both drives and each looks at the DEV bit itself; the controller asks the selected one
 * when the host reads, and answers itself for one that is not there (9.16.1: device 0 answers for device 1 with
 * status 0).
 */
#ifndef VMM_PORT_IDE_H
#define VMM_PORT_IDE_H

#include <vmm/port.h>

#define VMM_PORT_IDE "vmm.port.ide/1"

/* Registers, as `reg`; the names of reading and of writing. */
#define VMM_IDE_ERROR    1 /* write: FEATURES */
#define VMM_IDE_FEATURES 1
#define VMM_IDE_COUNT    2 /* SECTOR COUNT, ATAPI: INTERRUPT REASON */
#define VMM_IDE_LBA_LOW  3
#define VMM_IDE_LBA_MID  4 /* ATAPI: BYTE COUNT LOW */
#define VMM_IDE_LBA_HIGH 5 /* ATAPI: BYTE COUNT HIGH */
#define VMM_IDE_DEVICE   6
#define VMM_IDE_STATUS   7 /* write: COMMAND */
#define VMM_IDE_COMMAND  7
#define VMM_IDE_CONTROL  8 /* write: DEVICE CONTROL (nIEN, SRST, HOB); read: ALTERNATE STATUS */

/* Called by the drive.  [machine] */
struct vmm_ide_upper {
	uint32_t struct_size;
	uint32_t reserved;
	/* INTRQ as this drive drives it: nIEN and the DEV bit are the drive's business (it drives only if selected). */
	void (*intrq)(void *self, uint32_t level);
	/* DMARQ: the drive has data to give or room to take it.  While it is up and the bus master runs, the
	 * controller calls `dma` from the event loop, never within this call. */
	void (*dmarq)(void *self, uint32_t level);
	/* Within the drive's `dma` only: move up to `length` bytes to or from memory by the PRD table.  Returns how
	 * many were moved: fewer when the table ends (the rest is then not asked for again) or -EIO (the
	 * controller was stopped, mastering is off, the direction is wrong). */
	int32_t (*to_memory)(void *self, const void *data, uint32_t length);
	int32_t (*from_memory)(void *self, void *data, uint32_t length);
	/* The controller's place as SeaBIOS writes it in bootorder: "/pci@i0cf8/ide@1,1".  The length, or
	 * -EOVERFLOW. */
	int32_t (*path)(void *self, char *text, uint32_t size);
};

/* Called by the controller.  [machine] */
struct vmm_ide_lower {
	uint32_t struct_size;
	uint32_t reserved;
	/* A register, 8 bits.  Reading VMM_IDE_STATUS ends a pending interrupt. */
	uint32_t (*read)(void *self, uint32_t reg);
	void (*write)(void *self, uint32_t reg, uint32_t value);
	/* The DATA register: a run of words (the host's string instructions come as one call where they can), `length`
	 * bytes, even.  Reads past what the drive has to give return zeros; writes past what it takes are lost. */
	void (*data_read)(void *self, void *data, uint32_t length);
	void (*data_write)(void *self, const void *data, uint32_t length);
	/* DMACK: DMARQ is up and the bus master runs.  Call to_memory or from_memory as far as there is data or
	 * room.  May be NULL: the drive has no DMA. */
	void (*dma)(void *self);
	/* RESET- on the cable. */
	void (*reset)(void *self);
	/* The other drive of the cable has come or gone (DASP-, PDIAG-).  May be NULL. */
	void (*neighbour)(void *self, uint32_t present);
};

#endif
