/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * An ATA-6 disk (T13/1410D).
 */
#ifndef DISK_H
#define DISK_H

#include <vmm/kit/ata.h>
#include <vmm/kit/medium.h>
#include <vmm/kit/plugin.h>

#define SECTOR      512u
#define BUFFER      (128u << 10)
#define IN_BUFFER   (BUFFER / SECTOR)
#define MULTIPLE    16u /* greatest block of READ MULTIPLE */
#define TRIM_BLOCKS 8u  /* greatest DATA SET MANAGEMENT, in sectors of ranges */
#define LBA28       UINT64_C(0x0fffffff)

/* What the drive is busy with; also what the bytes in the buffer are. */
enum {
	IDLE,
	READ_PIO,
	WRITE_PIO,
	READ_DMA,
	WRITE_DMA,
	VERIFY,
	FLUSH,
	TRIM,
	GIVE,         /* a sector of the drive's own: IDENTIFY DEVICE, READ BUFFER, SMART */
	WRITE_BUFFER, /* a sector for the drive's own buffer */
	KINDS
};

/* What CHECK POWER MODE tells (8.6). */
#define POWER_STANDBY 0x00
#define POWER_IDLE    0x80
#define POWER_ACTIVE  0xff

struct disk {
	const struct vmm_host *host;
	struct vmm_ata ata;
	struct vmm_medium medium;
	uint8_t *buffer; /* BUFFER bytes, then the sector of READ BUFFER */
	char model[VMM_ATA_MODEL], serial[VMM_ATA_SERIAL];
	uint64_t sectors; /* native */
	uint32_t set_cylinders, set_heads, set_sectors;
	uint32_t cylinders, heads, per_track; /* the geometry that it is delivered with */
	uint8_t warned;

	/* Settings of the host's, until the next reset. */
	uint32_t now_cylinders, now_heads, now_per_track; /* INITIALIZE DEVICE PARAMETERS */
	uint64_t maximum;                                 /* SET MAX: sectors, at most `sectors` */
	uint8_t multiple;                                 /* SET MULTIPLE MODE: sectors a block, 0 off */
	uint8_t write_cache, look_ahead, smart, keep;     /* keep: over a soft reset */
	uint8_t dma_mode;                                 /* as SET FEATURES has it: 0x20 + n, 0x40 + n; 0: none */
	uint8_t power, sleeping;
	uint8_t previous; /* command: SET MAX must follow READ NATIVE MAX */
	uint32_t standby; /* the timer's last setting */

	/* The command under way. */
	uint8_t kind, ext, chs, fua;
	uint64_t lba;  /* of the buffer's first sector */
	uint32_t left; /* sectors from there to the command's end */
	uint32_t held; /* sectors that the buffer is to hold */
	uint32_t used; /* of them, moved by the host */
	uint32_t block;
	uint32_t range; /* of TRIM */
};

/* disk.c */
uint64_t disk_bytes_used(const struct disk *disk);

/* command.c */
extern const struct vmm_ata_ops disk_ata_ops;
void disk_defaults(struct disk *disk, uint32_t kind);
void disk_geometry(struct disk *disk);
/* The sector address in the registers; -1 if there is no such place. */
int32_t disk_address(const struct disk *disk, uint32_t ext, uint64_t *lba);
void disk_address_put(struct disk *disk, uint64_t lba);

/* transfer.c */
void disk_transfer(struct disk *disk, uint8_t kind, uint32_t ext, uint32_t block);
void disk_give(struct disk *disk);
void disk_flush(struct disk *disk);
void disk_trim(struct disk *disk);
void disk_moved(void *self);
void disk_dma(void *self);
void disk_ended(void *self, int32_t status);

/* identify.c */
void disk_identify(struct disk *disk);

/* smart.c */
void disk_smart(struct disk *disk);

#endif
