/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * SMART (8.55): a disk that is well.
 */
#include "disk.h"

/* Vendors' attributes, as all of them have them. */
static const struct {
	uint8_t id, flags, value, threshold, raw;
} attributes[] = {
	{ 1, 0x03, 100, 6, 0 },    /* read errors */
	{ 3, 0x03, 100, 0, 0 },    /* spin-up time */
	{ 4, 0x02, 100, 20, 1 },   /* starts and stops */
	{ 5, 0x03, 100, 36, 0 },   /* sectors reallocated */
	{ 9, 0x03, 100, 0, 1 },    /* hours of work */
	{ 12, 0x03, 100, 0, 1 },   /* power cycles */
	{ 194, 0x02, 69, 50, 31 }, /* degrees Celsius */
};

static void checksum(uint8_t *sector)
{
	uint8_t sum = 0;
	for (uint32_t i = 0; i < SECTOR - 1; i++)
		sum = (uint8_t)(sum + sector[i]);
	sector[SECTOR - 1] = (uint8_t)-sum;
}

static void values(uint8_t *sector)
{
	sector[0] = 1;
	for (uint32_t i = 0; i < VMM_KIT_COUNT(attributes); i++) {
		uint8_t *entry = sector + 2 + i * 12;
		entry[0] = attributes[i].id;
		entry[1] = attributes[i].flags;
		entry[3] = entry[4] = attributes[i].value;
		entry[5] = attributes[i].raw;
	}
	sector[362] = 0x02; /* off-line data collection: completed */
	sector[367] = 0x00; /* and not offered */
	sector[368] = 0x02; /* SMART data are saved by the drive itself */
	sector[370] = 0x01; /* an error log */
	checksum(sector);
}

static void thresholds(uint8_t *sector)
{
	sector[0] = 1;
	for (uint32_t i = 0; i < VMM_KIT_COUNT(attributes); i++) {
		sector[2 + i * 12] = attributes[i].id;
		sector[3 + i * 12] = attributes[i].threshold;
	}
	checksum(sector);
}

/* The logs: 0 their directory, 1 the summary of errors, 6 self-tests; all empty. */
static uint32_t log_read(uint8_t number, uint8_t *sector)
{
	switch (number) {
	case 0:
		sector[0] = 1;
		sector[2] = 1;
		sector[12] = 1;
		return 1;
	case 1:
	case 6:
		sector[0] = 1;
		checksum(sector);
		return 1;
	default: return 0;
	}
}

void disk_smart(struct disk *disk)
{
	struct vmm_ata *ata = &disk->ata;
	uint8_t feature = ata->features[0];
	if (ata->mid[0] != 0x4f || ata->high[0] != 0xc2 || (!disk->smart && feature != 0xd8)) {
		vmm_ata_end(ata, VMM_ATA_ABRT);
		return;
	}
	memset(disk->buffer, 0, SECTOR);
	switch (feature) {
	case 0xd0:
		values(disk->buffer);
		disk_give(disk);
		return;
	case 0xd1:
		thresholds(disk->buffer);
		disk_give(disk);
		return;
	case 0xd5:
		if (ata->count[0] == 1 && log_read(ata->low[0], disk->buffer))
			disk_give(disk);
		else
			vmm_ata_end(ata, VMM_ATA_ABRT);
		return;
	case 0xd2: /* autosave on or off */
	case 0xd3: /* save now */ vmm_ata_end(ata, 0); return;
	case 0xd8: disk->smart = 1; break;
	case 0xd9: disk->smart = 0; break;
	case 0xda: break; /* the registers say C24Fh: no threshold exceeded */
	default: vmm_ata_end(ata, VMM_ATA_ABRT); return;
	}
	vmm_ata_end(ata, 0);
}
