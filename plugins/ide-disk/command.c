/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The commands (chapter 8), and the addresses in their registers (6.15).
 */
#include "disk.h"

/* The geometry that BIOSes expect: 16 heads of 63 sectors, up to 16,383 cylinders. */
void disk_geometry(struct disk *disk)
{
	uint64_t cylinders;
	disk->heads = disk->set_heads != 0 ? disk->set_heads : 16;
	disk->per_track = disk->set_sectors != 0 ? disk->set_sectors : 63;
	cylinders = disk->sectors / ((uint64_t)disk->heads * disk->per_track);
	if (disk->set_cylinders != 0 && disk->set_cylinders < cylinders)
		cylinders = disk->set_cylinders;
	disk->cylinders = cylinders > 16383 ? 16383 : (uint32_t)cylinders;
}

static void translation_default(struct disk *disk)
{
	disk->now_cylinders = disk->cylinders;
	disk->now_heads = disk->heads;
	disk->now_per_track = disk->per_track;
}

void disk_defaults(struct disk *disk, uint32_t kind)
{
	disk->kind = IDLE;
	disk->sleeping = 0;
	disk->previous = 0;
	disk->power = POWER_ACTIVE;
	if (kind != VMM_ATA_RESET_HARD && disk->keep)
		return;
	/* What SET FEATURES 66h or a soft reset would keep goes with a hardware reset (9.2, 9.3). */
	translation_default(disk);
	disk->multiple = 0;
	disk->write_cache = disk->look_ahead = 1;
	if (kind != VMM_ATA_RESET_HARD)
		return;
	disk->keep = 0;
	disk->dma_mode = 0;
	disk->maximum = disk->sectors;
	disk->standby = 0;
	disk->smart = 1;
}

int32_t disk_address(const struct disk *disk, uint32_t ext, uint64_t *lba)
{
	const struct vmm_ata *ata = &disk->ata;
	uint64_t low = ata->low[0] | (uint64_t)ata->mid[0] << 8 | (uint64_t)ata->high[0] << 16;
	if (ext) {
		*lba = low | (uint64_t)ata->low[1] << 24 | (uint64_t)ata->mid[1] << 32 | (uint64_t)ata->high[1] << 40;
		return 0;
	}
	if ((ata->device & VMM_ATA_LBA) != 0) {
		*lba = low | (uint64_t)(ata->device & 15) << 24;
		return 0;
	}
	uint32_t cylinder = (uint32_t)(low >> 8);
	uint32_t head = ata->device & 15;
	if (ata->low[0] == 0 || ata->low[0] > disk->now_per_track || head >= disk->now_heads ||
		cylinder >= disk->now_cylinders)
		return -1;
	*lba = ((uint64_t)cylinder * disk->now_heads + head) * disk->now_per_track + ata->low[0] - 1;
	return 0;
}

void disk_address_put(struct disk *disk, uint64_t lba)
{
	struct vmm_ata *ata = &disk->ata;
	if (disk->chs && disk->now_per_track != 0 && disk->now_heads != 0) {
		uint64_t track = lba / disk->now_per_track;
		uint64_t cylinder = track / disk->now_heads;
		ata->low[0] = (uint8_t)(lba % disk->now_per_track + 1);
		ata->mid[0] = (uint8_t)cylinder;
		ata->high[0] = (uint8_t)(cylinder >> 8);
		ata->device = (uint8_t)((ata->device & 0xf0) | (track % disk->now_heads));
		return;
	}
	ata->low[0] = (uint8_t)lba;
	ata->mid[0] = (uint8_t)(lba >> 8);
	ata->high[0] = (uint8_t)(lba >> 16);
	if (disk->ext) {
		ata->low[1] = (uint8_t)(lba >> 24);
		ata->mid[1] = (uint8_t)(lba >> 32);
		ata->high[1] = (uint8_t)(lba >> 40);
	} else {
		ata->device = (uint8_t)((ata->device & 0xf0) | (lba >> 24 & 15));
	}
}

static void abort_command(struct disk *disk)
{
	vmm_ata_end(&disk->ata, VMM_ATA_ABRT);
}

/* INITIALIZE DEVICE PARAMETERS (ATA-5, 8.16). */
static void parameters(struct disk *disk)
{
	uint32_t heads = (disk->ata.device & 15u) + 1;
	uint32_t per_track = disk->ata.count[0];
	uint64_t cylinders = per_track != 0 ? disk->sectors / (heads * per_track) : 0;
	if (cylinders == 0) {
		abort_command(disk);
		return;
	}
	disk->now_heads = heads;
	disk->now_per_track = per_track;
	disk->now_cylinders = cylinders > 65535 ? 65535 : (uint32_t)cylinders;
	vmm_ata_end(&disk->ata, 0);
}

static void transfer_mode(struct disk *disk)
{
	uint8_t mode = disk->ata.count[0];
	uint8_t number = mode & 7;
	if (mode <= 1 || (mode >> 3 == 1 && number <= 4)) {
		/* PIO, its default or a mode of flow control: no difference here. */
	} else if ((mode >> 3 == 4 && number <= 2) || (mode >> 3 == 8 && number <= 5)) {
		disk->dma_mode = mode;
	} else {
		abort_command(disk);
		return;
	}
	vmm_ata_end(&disk->ata, 0);
}

/* SET FEATURES (8.46). */
static void features(struct disk *disk)
{
	switch (disk->ata.features[0]) {
	case 0x02: disk->write_cache = 1; break;
	case 0x82:
		disk->write_cache = 0;
		/* What is cached is written first. */
		disk_flush(disk);
		return;
	case 0x03: transfer_mode(disk); return;
	case 0xaa: disk->look_ahead = 1; break;
	case 0x55: disk->look_ahead = 0; break;
	case 0x66: disk->keep = 1; break;
	case 0xcc: disk->keep = 0; break;
	default: abort_command(disk); return;
	}
	vmm_ata_end(&disk->ata, 0);
}

static void multiple(struct disk *disk)
{
	uint8_t count = disk->ata.count[0];
	if (count > MULTIPLE || (count & (count - 1)) != 0) {
		abort_command(disk);
		return;
	}
	disk->multiple = count;
	vmm_ata_end(&disk->ata, 0);
}

/* READ NATIVE MAX ADDRESS and SET MAX ADDRESS, also EXT (8.32, 8.47); what is set lasts until the next reset. */
static void native_maximum(struct disk *disk, uint32_t ext)
{
	uint64_t last = disk->sectors - 1;
	disk->ext = ext != 0;
	disk->chs = !ext && (disk->ata.device & VMM_ATA_LBA) == 0;
	if (disk->sectors == 0) {
		abort_command(disk);
		return;
	}
	if (!ext && last > LBA28 - 1)
		last = LBA28 - 1;
	if (disk->chs) {
		uint64_t most = (uint64_t)disk->now_cylinders * disk->now_heads * disk->now_per_track;
		if (most != 0 && last > most - 1)
			last = most - 1;
	}
	disk_address_put(disk, last);
	vmm_ata_end(&disk->ata, 0);
}

static void maximum_set(struct disk *disk, uint32_t ext, uint8_t previous)
{
	uint64_t last;
	disk->ext = ext != 0;
	disk->chs = !ext && (disk->ata.device & VMM_ATA_LBA) == 0;
	if (previous != (ext ? 0x27 : 0xf8) || (!ext && disk->ata.features[0] != 0) || (disk->ata.count[0] & 1) != 0) {
		abort_command(disk);
		return;
	}
	if (disk_address(disk, ext, &last) < 0 || last >= disk->sectors) {
		vmm_ata_end(&disk->ata, VMM_ATA_IDNF);
		return;
	}
	/* The greatest address that 28 bits can have stands for all of a bigger disk. */
	disk->maximum = !ext && last == LBA28 - 1 ? disk->sectors : last + 1;
	vmm_ata_end(&disk->ata, 0);
}

static void power(struct disk *disk, uint8_t mode)
{
	disk->power = mode;
	vmm_ata_end(&disk->ata, 0);
}

static void seek(struct disk *disk)
{
	uint64_t lba;
	disk->chs = (disk->ata.device & VMM_ATA_LBA) == 0;
	disk->ext = 0;
	if (disk_address(disk, 0, &lba) < 0 || lba >= disk->maximum)
		vmm_ata_end(&disk->ata, VMM_ATA_IDNF);
	else
		vmm_ata_end(&disk->ata, 0);
}

static void read_multiple(struct disk *disk, uint8_t kind, uint32_t ext)
{
	if (disk->multiple == 0)
		abort_command(disk);
	else
		disk_transfer(disk, kind, ext, disk->multiple);
}

/* Both ways to write with DMA, and the mode must have been chosen (8.50). */
static void command(void *self, uint8_t code)
{
	struct disk *disk = self;
	uint8_t previous = disk->previous;
	disk->kind = IDLE;
	disk->previous = code;
	if (disk->sleeping) {
		vmm_ata_quiet(&disk->ata, VMM_ATA_DRDY | VMM_ATA_DSC);
		return; /* only a reset wakes it (9.10) */
	}
	disk->fua = code == 0x3d || code == 0xce;
	switch (code) {
	case 0x20:
	case 0x21:
		disk->power = POWER_ACTIVE;
		disk_transfer(disk, READ_PIO, 0, 1);
		break;
	case 0x24:
		disk->power = POWER_ACTIVE;
		disk_transfer(disk, READ_PIO, 1, 1);
		break;
	case 0xc4:
		disk->power = POWER_ACTIVE;
		read_multiple(disk, READ_PIO, 0);
		break;
	case 0x29:
		disk->power = POWER_ACTIVE;
		read_multiple(disk, READ_PIO, 1);
		break;
	case 0x30:
	case 0x31:
		disk->power = POWER_ACTIVE;
		disk_transfer(disk, WRITE_PIO, 0, 1);
		break;
	case 0x34:
		disk->power = POWER_ACTIVE;
		disk_transfer(disk, WRITE_PIO, 1, 1);
		break;
	case 0xc5:
		disk->power = POWER_ACTIVE;
		read_multiple(disk, WRITE_PIO, 0);
		break;
	case 0x39:
	case 0xce:
		disk->power = POWER_ACTIVE;
		read_multiple(disk, WRITE_PIO, 1);
		break;
	case 0xc8:
	case 0xc9:
		disk->power = POWER_ACTIVE;
		disk_transfer(disk, READ_DMA, 0, 1);
		break;
	case 0x25:
		disk->power = POWER_ACTIVE;
		disk_transfer(disk, READ_DMA, 1, 1);
		break;
	case 0xca:
	case 0xcb:
		disk->power = POWER_ACTIVE;
		disk_transfer(disk, WRITE_DMA, 0, 1);
		break;
	case 0x35:
	case 0x3d:
		disk->power = POWER_ACTIVE;
		disk_transfer(disk, WRITE_DMA, 1, 1);
		break;
	case 0x40:
	case 0x41:
		disk->power = POWER_ACTIVE;
		disk_transfer(disk, VERIFY, 0, 1);
		break;
	case 0x42:
		disk->power = POWER_ACTIVE;
		disk_transfer(disk, VERIFY, 1, 1);
		break;
	case 0x06: disk_trim(disk); break;
	case 0x91: parameters(disk); break;
	case 0xc6: multiple(disk); break;
	case 0xec: disk_identify(disk); break;
	case 0xef: features(disk); break;
	case 0xe7:
	case 0xea: disk_flush(disk); break;
	case 0xf8: native_maximum(disk, 0); break;
	case 0x27: native_maximum(disk, 1); break;
	case 0xf9: maximum_set(disk, 0, previous); break;
	case 0x37: maximum_set(disk, 1, previous); break;
	case 0xb0: disk_smart(disk); break;
	case 0xe4:
		memcpy(disk->buffer, disk->buffer + BUFFER, SECTOR);
		disk_give(disk);
		break;
	case 0xe8:
		disk->kind = WRITE_BUFFER;
		vmm_ata_data(&disk->ata, VMM_ATA_OUT, 0, SECTOR, 0);
		break;
	case 0xe0:
	case 0x94: power(disk, POWER_STANDBY); break;
	case 0xe1:
	case 0x95: power(disk, POWER_IDLE); break;
	case 0xe2:
	case 0x96:
		disk->standby = disk->ata.count[0];
		power(disk, POWER_STANDBY);
		break;
	case 0xe3:
	case 0x97:
		disk->standby = disk->ata.count[0];
		power(disk, POWER_IDLE);
		break;
	case 0xe5:
	case 0x98:
		disk->ata.count[0] = disk->power;
		vmm_ata_end(&disk->ata, 0);
		break;
	case 0xe6:
	case 0x99:
		disk->sleeping = 1;
		power(disk, POWER_STANDBY);
		break;
	default:
		if (code >> 4 == 1) /* RECALIBRATE, 10h to 1Fh */
			vmm_ata_end(&disk->ata, 0);
		else if (code >> 4 == 7) /* SEEK, 70h to 7Fh */
			seek(disk);
		else
			abort_command(disk); /* NOP too (8.26) */
		break;
	}
}

static void reset(void *self, uint32_t kind)
{
	struct disk *disk = self;
	vmm_medium_abandon(&disk->medium);
	disk->kind = IDLE;
	if (kind != VMM_ATA_RESET_DEVICE)
		disk_defaults(disk, kind);
}

static uint32_t busy(void *self)
{
	struct disk *disk = self;
	return vmm_medium_busy(&disk->medium);
}

const struct vmm_ata_ops disk_ata_ops = {
	.command = command,
	.moved = disk_moved,
	.dma = disk_dma,
	.reset = reset,
	.busy = busy,
};
