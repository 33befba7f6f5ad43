/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The packet protocol (T13/1410D, 9.8 and 9.9): the packet, DRQ blocks or DMA, and the status.
 */
#include "cd.h"

/* Interrupt reason, in SECTOR COUNT. */
#define REASON_COMMAND 1
#define REASON_TO_HOST 2

void cd_packet(struct cd *cd)
{
	struct vmm_ata *ata = &cd->ata;
	uint32_t limit = ata->mid[0] | (uint32_t)ata->high[0] << 8;
	/* Overlap is not offered. */
	if ((ata->features[0] & 2) != 0) {
		vmm_ata_end(ata, VMM_ATA_ABRT);
		return;
	}
	cd->dma = ata->features[0] & 1;
	/* 0 and FFFFh mean as much as goes (9.8, 8.27.4). */
	cd->byte_limit = limit == 0 || limit == 0xffff ? 0xfffe : limit;
	cd->kind = TAKE_PACKET;
	ata->count[0] = REASON_COMMAND;
	vmm_ata_data(ata, VMM_ATA_OUT, BUFFER, PACKET, 0);
}

static void end(struct cd *cd)
{
	cd->kind = IDLE;
	cd->ata.count[0] = REASON_COMMAND | REASON_TO_HOST;
}

void cd_good(struct cd *cd)
{
	end(cd);
	vmm_ata_end(&cd->ata, 0);
}

void cd_check(struct cd *cd, uint32_t sense)
{
	end(cd);
	cd->sense = sense;
	/* The sense key stands in ERROR too (8.27.6). */
	vmm_ata_end(&cd->ata, (uint8_t)((sense >> 16 & 15) << 4 | VMM_ATA_ABRT));
}

/* A DRQ block, or a run of DMA, of what is in the buffer or fits there. */
static void block_offer(struct cd *cd)
{
	struct vmm_ata *ata = &cd->ata;
	uint32_t left = cd->held - cd->sent;
	uint32_t writes = cd->kind == PARAMETERS;
	ata->count[0] = writes ? 0 : REASON_TO_HOST;
	if (cd->dma) {
		vmm_ata_dma_data(ata, cd->sent, left);
		vmm_ata_dma(ata);
		return;
	}
	cd->block = left;
	/* All blocks but the last are even. */
	if (left > cd->byte_limit)
		cd->block = cd->byte_limit > 1 ? cd->byte_limit & ~1u : 2;
	if (cd->block > left)
		cd->block = left;
	ata->mid[0] = (uint8_t)cd->block;
	ata->high[0] = (uint8_t)(cd->block >> 8);
	vmm_ata_data(ata, writes ? VMM_ATA_OUT : VMM_ATA_IN, cd->sent, cd->block, 1);
}

void cd_give(struct cd *cd, uint32_t length, uint32_t room)
{
	cd->held = length < room ? length : room;
	cd->sent = 0;
	cd->kind = GIVE;
	if (cd->held == 0)
		cd_good(cd);
	else
		block_offer(cd);
}

void cd_take(struct cd *cd, uint32_t length)
{
	cd->held = length < BUFFER ? length : BUFFER;
	cd->sent = 0;
	cd->kind = PARAMETERS;
	memset(cd->buffer, 0, cd->held);
	if (cd->held == 0)
		cd_good(cd);
	else
		block_offer(cd);
}

/* Blocks have been read, or need not be. */
static void piece_ready(struct cd *cd)
{
	uint64_t length = (uint64_t)cd->pieces * BLOCK;
	/* The last block may be a part of one: zeros follow. */
	if ((cd->raw & RAW_USER) != 0 && cd->medium.length < length)
		memset(cd->buffer + cd->medium.length, 0, length - cd->medium.length);
	sector_build(cd->buffer, cd->lba, cd->pieces, cd->raw);
	cd->held = cd->pieces * (uint32_t)sector_size(cd->raw);
	cd->sent = 0;
	cd->lba += cd->pieces;
	cd->left -= cd->pieces;
	cd->pieces = 0;
	block_offer(cd);
}

static void read_fail(struct cd *cd)
{
	cd->sense_address = cd->lba + (uint32_t)(cd->medium.done / BLOCK);
	cd_check(cd, cd_present(cd) ? SENSE_READ_ERROR : SENSE_NO_MEDIUM);
}

static void piece_read(struct cd *cd)
{
	uint32_t size = (uint32_t)sector_size(cd->raw);
	uint32_t most = size > BLOCK ? BUFFER / size : BUFFER / BLOCK;
	uint64_t offset = (uint64_t)cd->lba * BLOCK;
	cd->pieces = cd->left < most ? cd->left : most;
	vmm_ata_busy(&cd->ata);
	if ((cd->raw & RAW_USER) == 0) {
		piece_ready(cd);
		return;
	}
	if (!cd_present(cd) || cd->lba >= cd_blocks(cd)) {
		cd_check(cd, SENSE_NO_MEDIUM);
		return;
	}
	uint64_t length = (uint64_t)cd->pieces * BLOCK;
	uint64_t there = (cd->medium.info.length & ~(uint64_t)(cd->medium.info.block_size - 1)) - offset;
	if (length > there)
		length = there;
	int32_t status = vmm_medium_begin(&cd->medium, VMM_STORAGE_READ, 0, offset, length, 0);
	if (status < 0)
		read_fail(cd);
	else if (status > 0)
		piece_ready(cd);
}

void cd_read(struct cd *cd, uint32_t lba, uint32_t count, uint8_t raw)
{
	uint32_t blocks = cd_blocks(cd);
	if (lba > blocks || count > blocks - lba || (lba == blocks && count == 0 && lba != 0)) {
		cd_check(cd, SENSE_ADDRESS);
		return;
	}
	if (count == 0 || sector_size(raw) <= 0) {
		cd_good(cd);
		return;
	}
	cd->kind = READ;
	cd->lba = lba;
	cd->left = count;
	cd->raw = raw;
	piece_read(cd);
}

/* The buffer is empty, or full. */
static void advance(struct cd *cd)
{
	vmm_ata_busy(&cd->ata);
	if (cd->kind == READ && cd->left > 0)
		piece_read(cd);
	else if (cd->kind == PARAMETERS)
		mode_parameters(cd);
	else
		cd_good(cd);
}

void cd_moved(void *self)
{
	struct cd *cd = self;
	if (cd->kind == TAKE_PACKET) {
		memcpy(cd->packet, cd->buffer + BUFFER, PACKET);
		packet_execute(cd);
		return;
	}
	if (cd->kind == IDENTIFY || cd->kind == IDLE) {
		cd->kind = IDLE;
		vmm_ata_quiet(&cd->ata, VMM_ATA_DRDY | VMM_ATA_DSC);
		return;
	}
	cd->sent += cd->block;
	if (cd->sent < cd->held)
		block_offer(cd);
	else
		advance(cd);
}

void cd_dma(void *self)
{
	struct cd *cd = self;
	uint32_t done = vmm_ata_dma_move(&cd->ata, cd->kind == PARAMETERS ? VMM_ATA_OUT : VMM_ATA_IN);
	cd->sent = cd->ata.position;
	if (done)
		advance(cd);
}

void cd_ended(void *self, int32_t status)
{
	struct cd *cd = self;
	if (cd->ata.resetting)
		vmm_ata_settle(&cd->ata);
	else if (cd->kind != READ)
		return; /* a damaged state */
	else if (status < 0)
		read_fail(cd);
	else
		piece_ready(cd);
}
