/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * IDENTIFY DEVICE (8.15).
 */
#include "disk.h"

static void pair(uint16_t *words, uint32_t first, uint32_t value)
{
	words[first] = (uint16_t)value;
	words[first + 1] = (uint16_t)(value >> 16);
}

void disk_identify(struct disk *disk)
{
	uint16_t words[256] = { 0 };
	uint64_t current = (uint64_t)disk->now_cylinders * disk->now_heads * disk->now_per_track;
	uint32_t trim = vmm_medium_can(&disk->medium, VMM_STORAGE_CAN_DISCARD) &&
		!vmm_medium_can(&disk->medium, VMM_STORAGE_READONLY);
	uint32_t physical = 0;
	words[0] = 0x0040; /* not removable */
	words[1] = (uint16_t)disk->cylinders;
	words[3] = (uint16_t)disk->heads;
	words[6] = (uint16_t)disk->per_track;
	vmm_ata_text(words + 10, 10, disk->serial);
	words[20] = 3; /* a dual-ported buffer with read look-ahead */
	words[21] = BUFFER / SECTOR;
	vmm_ata_text(words + 23, 4, "0.9");
	vmm_ata_text(words + 27, 20, disk->model);
	words[47] = 0x8000 | MULTIPLE;
	words[48] = 1;      /* 32-bit I/O at the host (ATA-1) */
	words[49] = 0x2f00; /* standby timer as standardised, IORDY and its switch, LBA, DMA */
	words[50] = 0x4000;
	words[51] = words[52] = 0x0200; /* PIO mode 2 by default */
	words[53] = 7;
	words[54] = (uint16_t)disk->now_cylinders;
	words[55] = (uint16_t)disk->now_heads;
	words[56] = (uint16_t)disk->now_per_track;
	pair(words, 57, (uint32_t)(current > LBA28 ? LBA28 : current));
	words[59] = disk->multiple != 0 ? 0x0100 | disk->multiple : 0;
	pair(words, 60, (uint32_t)(disk->maximum > LBA28 ? LBA28 : disk->maximum));
	words[63] = 7;
	if (disk->dma_mode >> 3 == 4)
		words[63] |= (uint16_t)(0x100u << (disk->dma_mode & 7));
	words[64] = 3;                                       /* PIO 3 and 4 */
	words[65] = words[66] = words[67] = words[68] = 120; /* ns a cycle */
	words[69] = trim && vmm_medium_can(&disk->medium, VMM_STORAGE_DISCARD_ZEROES) ? 0x4020 : 0;
	/* ATA-1 to ATA/ATAPI-6; trim is later, and drivers look for it from ATA/ATAPI-7 on only. */
	words[80] = trim ? 0x00fe : 0x007e;
	words[81] = 0x0016; /* T13/1410D */
	words[82] = 0x7469; /* NOP, buffers, HPA, look-ahead, cache, power, SMART */
	words[83] = 0x7400; /* flush, flush EXT, 48-bit addresses */
	words[84] = 0x4041; /* FUA, SMART's error log */
	words[85] = (uint16_t)(0x7408 | (disk->smart ? 1 : 0) | (disk->write_cache ? 0x20 : 0) |
		(disk->look_ahead ? 0x40 : 0));
	words[86] = 0x3400;
	words[87] = 0x4041;
	words[88] = 0x003f;
	if (disk->dma_mode >> 3 == 8)
		words[88] |= (uint16_t)(0x100u << (disk->dma_mode & 7));
	/* Passed, told by DEV, 80 wires. */
	words[93] = disk->ata.unit == 0 ? 0x600b : 0x6b00;
	for (uint32_t i = 0; i < 4; i++)
		words[100 + i] = (uint16_t)(disk->maximum >> (i * 16));
	while (physical < 7 && (SECTOR << (physical + 1)) <= disk->medium.info.physical_block)
		physical++;
	words[106] = (uint16_t)(physical != 0 ? 0x6000 | physical : 0x4000);
	if (trim) {
		words[105] = TRIM_BLOCKS;
		words[169] = 1;
	}
	words[217] = 1; /* does not turn */
	vmm_ata_identify(disk->buffer, words);
	disk_give(disk);
}
