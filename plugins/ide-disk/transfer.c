/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Moving sectors: between the medium and the buffer in pieces, between the buffer and the host in blocks.
 */
#include "disk.h"

static void finish(struct disk *disk, uint8_t error)
{
	disk->kind = IDLE;
	vmm_ata_end(&disk->ata, error);
}

/* The registers tell which sector it was, and how it went (8.27.6). */
static void fail(struct disk *disk, int32_t status)
{
	uint8_t kind = disk->kind;
	if (kind == READ_PIO || kind == READ_DMA || kind == VERIFY) {
		disk_address_put(disk, disk->lba + disk->medium.done / SECTOR);
		finish(disk, VMM_ATA_UNC);
		return;
	}
	if (kind == WRITE_PIO || kind == WRITE_DMA)
		disk_address_put(disk, disk->lba + disk->medium.done / SECTOR);
	vmm_kit_log(disk->host, VMM_LOG_WARNING, "a %s failed: error %d",
		kind == FLUSH          ? "flush of the cache"
			: kind == TRIM ? "trim"
				       : "write",
		-status);
	disk->kind = IDLE;
	vmm_ata_end_status(&disk->ata, VMM_ATA_DRDY | VMM_ATA_DF | VMM_ATA_ERR, VMM_ATA_ABRT);
}

static void begin(struct disk *disk, uint32_t operation, uint32_t flags)
{
	uint64_t offset = operation == VMM_STORAGE_FLUSH ? 0 : disk->lba * SECTOR;
	uint64_t length = operation == VMM_STORAGE_FLUSH ? 0 : (uint64_t)disk->held * SECTOR;
	vmm_ata_busy(&disk->ata);
	int32_t status = vmm_medium_begin(&disk->medium, operation, flags, offset, length, 0);
	if (status < 0)
		fail(disk, status);
	else if (status > 0)
		disk_ended(disk, 0);
}

static uint32_t block_next(const struct disk *disk)
{
	uint32_t rest = disk->held - disk->used;
	return rest < disk->block ? rest : disk->block;
}

/* The next piece of the command: the buffer is empty. */
static void piece(struct disk *disk, uint32_t first)
{
	disk->held = disk->left < IN_BUFFER ? disk->left : IN_BUFFER;
	disk->used = 0;
	switch (disk->kind) {
	case WRITE_PIO: vmm_ata_data(&disk->ata, VMM_ATA_OUT, 0, block_next(disk) * SECTOR, !first); break;
	case WRITE_DMA:
		vmm_ata_dma_data(&disk->ata, 0, disk->held * SECTOR);
		vmm_ata_dma(&disk->ata);
		break;
	default: begin(disk, VMM_STORAGE_READ, 0); break;
	}
}

void disk_transfer(struct disk *disk, uint8_t kind, uint32_t ext, uint32_t block)
{
	struct vmm_ata *ata = &disk->ata;
	uint32_t writes = kind == WRITE_PIO || kind == WRITE_DMA;
	uint32_t count = ata->count[0];
	if (ext)
		count |= (uint32_t)ata->count[1] << 8;
	if (count == 0)
		count = ext ? 65536 : 256;
	disk->ext = ext != 0;
	disk->chs = !ext && (ata->device & VMM_ATA_LBA) == 0;
	if (disk->medium.info.length == 0 || (writes && vmm_medium_can(&disk->medium, VMM_STORAGE_READONLY))) {
		if (writes && !disk->warned)
			vmm_kit_log(disk->host, VMM_LOG_WARNING, "the guest writes to a read-only disk: refused");
		disk->warned = disk->warned || writes;
		finish(disk, VMM_ATA_ABRT);
		return;
	}
	if (disk_address(disk, ext, &disk->lba) < 0 || disk->lba >= disk->maximum) {
		finish(disk, VMM_ATA_IDNF);
		return;
	}
	if (count > disk->maximum - disk->lba) {
		/* The first sector that is not there. */
		disk_address_put(disk, disk->maximum);
		finish(disk, VMM_ATA_IDNF);
		return;
	}
	disk->kind = kind;
	disk->left = count;
	disk->block = block;
	piece(disk, 1);
}

/* The buffer has been moved to or from the host and the medium. */
static void advance(struct disk *disk)
{
	uint8_t kind = disk->kind;
	disk->lba += disk->held;
	disk->left -= disk->held;
	if (disk->left > 0) {
		piece(disk, 0);
		return;
	}
	/* The registers have the last sector's address (ATA-1 to -3 require it). */
	disk_address_put(disk, disk->lba - 1);
	disk->ata.count[0] = disk->ata.count[1] = 0;
	if (kind != READ_PIO) {
		finish(disk, 0);
		return;
	}
	disk->kind = IDLE;
	vmm_ata_quiet(&disk->ata, VMM_ATA_DRDY | VMM_ATA_DSC);
}

static void store(struct disk *disk)
{
	begin(disk, VMM_STORAGE_WRITE, disk->fua || !disk->write_cache ? VMM_STORAGE_FUA : 0);
}

/* DATA SET MANAGEMENT: ranges of a 48-bit address and a 16-bit count, one after the other (ACS-2, 7.10). */
static void trim_next(struct disk *disk)
{
	uint32_t count = disk->held * (SECTOR / 8);
	vmm_ata_busy(&disk->ata);
	while (disk->range < count) {
		uint64_t entry = 0;
		for (uint32_t i = 0; i < 8; i++)
			entry |= (uint64_t)disk->buffer[disk->range * 8 + i] << (i * 8);
		uint64_t lba = entry & UINT64_C(0xffffffffffff);
		uint64_t sectors = entry >> 48;
		disk->range++;
		if (sectors == 0)
			continue;
		if (lba >= disk->maximum || sectors > disk->maximum - lba) {
			finish(disk, VMM_ATA_IDNF);
			return;
		}
		int32_t status = vmm_medium_begin(
			&disk->medium, VMM_STORAGE_DISCARD, 0, lba * SECTOR, sectors * SECTOR, 0);
		if (status < 0)
			fail(disk, status);
		if (status <= 0)
			return;
	}
	finish(disk, 0);
}

void disk_trim(struct disk *disk)
{
	struct vmm_ata *ata = &disk->ata;
	uint32_t count = ata->count[0] | (uint32_t)ata->count[1] << 8;
	if ((ata->features[0] & 1) == 0 || count == 0 || count > TRIM_BLOCKS ||
		!vmm_medium_can(&disk->medium, VMM_STORAGE_CAN_DISCARD) ||
		vmm_medium_can(&disk->medium, VMM_STORAGE_READONLY)) {
		finish(disk, VMM_ATA_ABRT);
		return;
	}
	disk->kind = TRIM;
	disk->held = count;
	disk->range = 0;
	vmm_ata_dma_data(ata, 0, count * SECTOR);
	vmm_ata_dma(ata);
}

void disk_flush(struct disk *disk)
{
	disk->kind = FLUSH;
	begin(disk, VMM_STORAGE_FLUSH, 0);
}

/* A sector of the drive's own, at the buffer's start. */
void disk_give(struct disk *disk)
{
	disk->kind = GIVE;
	vmm_ata_data(&disk->ata, VMM_ATA_IN, 0, SECTOR, 1);
}

/* The host has moved a block through the data register. */
void disk_moved(void *self)
{
	struct disk *disk = self;
	switch (disk->kind) {
	case READ_PIO:
		disk->used += block_next(disk);
		if (disk->used < disk->held)
			vmm_ata_data(&disk->ata, VMM_ATA_IN, disk->used * SECTOR, block_next(disk) * SECTOR, 1);
		else
			advance(disk);
		break;
	case WRITE_PIO:
		disk->used += block_next(disk);
		if (disk->used < disk->held)
			vmm_ata_data(&disk->ata, VMM_ATA_OUT, disk->used * SECTOR, block_next(disk) * SECTOR, 1);
		else
			store(disk);
		break;
	case WRITE_BUFFER:
		memcpy(disk->buffer + BUFFER, disk->buffer, SECTOR);
		finish(disk, 0);
		break;
	default:
		disk->kind = IDLE;
		vmm_ata_quiet(&disk->ata, VMM_ATA_DRDY | VMM_ATA_DSC);
		break;
	}
}

void disk_dma(void *self)
{
	struct disk *disk = self;
	if (!vmm_ata_dma_move(&disk->ata, disk->kind == READ_DMA ? VMM_ATA_IN : VMM_ATA_OUT))
		return;
	vmm_ata_busy(&disk->ata);
	switch (disk->kind) {
	case READ_DMA: advance(disk); break;
	case WRITE_DMA: store(disk); break;
	case TRIM: trim_next(disk); break;
	default: finish(disk, VMM_ATA_ABRT); break;
	}
}

/* The medium has done its part. */
void disk_ended(void *self, int32_t status)
{
	struct disk *disk = self;
	if (disk->ata.resetting) {
		vmm_ata_settle(&disk->ata);
		return;
	}
	if (status < 0) {
		fail(disk, status);
		return;
	}
	switch (disk->kind) {
	case READ_PIO: vmm_ata_data(&disk->ata, VMM_ATA_IN, 0, block_next(disk) * SECTOR, 1); break;
	case READ_DMA:
		vmm_ata_dma_data(&disk->ata, 0, disk->held * SECTOR);
		vmm_ata_dma(&disk->ata);
		break;
	case WRITE_PIO:
	case WRITE_DMA:
	case VERIFY: advance(disk); break;
	case TRIM: trim_next(disk); break;
	case FLUSH: finish(disk, 0); break;
	default: break; /* a damaged state */
	}
}
