/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The drive as ATA sees it (T13/1410D, chapter 8), its tray and the disc in it.
 */
#include "cd.h"

uint32_t cd_present(const struct cd *cd)
{
	return !cd->tray_open && !cd->unusable && cd->medium.info.length != 0;
}

uint32_t cd_blocks(const struct cd *cd)
{
	uint64_t blocks = (cd->medium.info.length + BLOCK - 1) / BLOCK;
	if (!cd_present(cd))
		return 0;
	return blocks > INT32_MAX ? INT32_MAX : (uint32_t)blocks;
}

uint32_t cd_is_dvd(const struct cd *cd)
{
	return cd_blocks(cd) > CD_BLOCKS;
}

void cd_changed(void *self)
{
	struct cd *cd = self;
	uint32_t there = cd->medium.info.length != 0;
	cd->unusable = cd->medium.info.block_size > BLOCK;
	if (there && cd->unusable)
		vmm_kit_log(cd->host, VMM_LOG_WARNING,
			"the medium has blocks of %u bytes, and a CD's have 2048: taken as no medium",
			cd->medium.info.block_size);
	if (there) {
		/* A disc that the host puts in closes the tray. */
		cd->tray_open = 0;
		cd->attentions |= ATTENTION_CHANGED;
		cd->events |= EVENT_NEW_MEDIA;
		if (cd->locked && cd->medium.lower != NULL && VMM_HAS(cd->medium.lower, lock))
			cd->medium.lower->lock(cd->medium.lower_self, 1);
	} else {
		/* The host does not wait for the guest's leave, but tells it. */
		cd->attentions |= ATTENTION_CHANGED;
		cd->events = (cd->events & ~EVENT_NEW_MEDIA) | EVENT_REMOVAL | (cd->locked ? EVENT_EJECT_REQUEST : 0);
	}
}

void cd_eject(struct cd *cd)
{
	uint32_t there = cd_present(cd);
	if (cd->tray_open)
		return;
	cd->tray_open = 1;
	cd->events &= ~EVENT_NEW_MEDIA;
	if (!there)
		return;
	cd->events |= EVENT_REMOVAL;
	if (VMM_HAS(cd->medium.lower, eject))
		cd->medium.lower->eject(cd->medium.lower_self);
}

void cd_load_tray(struct cd *cd)
{
	if (!cd->tray_open)
		return;
	cd->tray_open = 0;
	if (!cd_present(cd))
		return;
	cd->attentions |= ATTENTION_CHANGED;
	cd->events = (cd->events & ~EVENT_REMOVAL) | EVENT_NEW_MEDIA;
}

void cd_lock(struct cd *cd, uint8_t locked)
{
	uint8_t before = cd->locked;
	cd->locked = locked;
	if (before != locked && VMM_HAS(cd->medium.lower, lock))
		cd->medium.lower->lock(cd->medium.lower_self, locked);
}

void cd_defaults(struct cd *cd, uint32_t power)
{
	cd->kind = IDLE;
	cd->dma_mode = 0;
	cd->sleeping = 0;
	cd->power = 0xff;
	cd->sense = SENSE_NONE;
	cd->attentions = ATTENTION_RESET;
	mode_defaults(cd);
	cd_lock(cd, 0);
	if (!power)
		return;
	cd->events = 0;
	cd->tray_open = 0;
}

/* IDENTIFY PACKET DEVICE (8.16). */
static void identify(struct cd *cd)
{
	uint16_t words[256] = { 0 };
	words[0] = 0x85c0; /* ATAPI, CD-ROM, removable, DRQ within 50 us, packets of 12 bytes */
	vmm_ata_text(words + 10, 10, cd->serial);
	vmm_ata_text(words + 23, 4, "0.9");
	vmm_ata_text(words + 27, 20, cd->model);
	words[48] = 1;
	words[49] = 0x0f00; /* IORDY and its switch, LBA, DMA */
	words[50] = 0x4000;
	words[51] = words[52] = 0x0200;
	words[53] = 6;
	words[63] = 7;
	if (cd->dma_mode >> 3 == 4)
		words[63] |= (uint16_t)(0x100u << (cd->dma_mode & 7));
	words[64] = 3;
	words[65] = words[66] = words[67] = words[68] = 120;
	words[71] = words[72] = 30; /* us to release and to clear BSY after PACKET */
	words[80] = 0x007e;
	words[81] = 0x0016;
	words[82] = 0x4218; /* NOP, DEVICE RESET, packet, power management */
	words[83] = words[84] = 0x4000;
	words[85] = 0x4218;
	words[87] = 0x4000;
	words[88] = 0x003f;
	if (cd->dma_mode >> 3 == 8)
		words[88] |= (uint16_t)(0x100u << (cd->dma_mode & 7));
	words[93] = cd->ata.unit == 0 ? 0x600b : 0x6b00;
	vmm_ata_identify(cd->buffer, words);
	cd->kind = IDENTIFY;
	vmm_ata_data(&cd->ata, VMM_ATA_IN, 0, 512, 1);
}

/* What tells an ATAPI drive from a disk is a refusal with the signature (8.15.6, 8.27). */
static void refuse_as_disk(struct cd *cd)
{
	struct vmm_ata *ata = &cd->ata;
	ata->count[0] = ata->low[0] = 1;
	ata->mid[0] = 0x14;
	ata->high[0] = 0xeb;
	ata->device &= VMM_ATA_DEV;
	vmm_ata_end(ata, VMM_ATA_ABRT);
}

static void features(struct cd *cd)
{
	uint8_t mode = cd->ata.count[0];
	uint8_t number = mode & 7;
	uint32_t pio = mode <= 1 || (mode >> 3 == 1 && number <= 4);
	uint32_t dma = (mode >> 3 == 4 && number <= 2) || (mode >> 3 == 8 && number <= 5);
	switch (cd->ata.features[0]) {
	case 0x03:
		if (!pio && !dma)
			break;
		if (dma)
			cd->dma_mode = mode;
		vmm_ata_end(&cd->ata, 0);
		return;
	case 0x66: /* keep settings over a soft reset, or not: they are kept anyhow */
	case 0xcc: vmm_ata_end(&cd->ata, 0); return;
	default: break;
	}
	vmm_ata_end(&cd->ata, VMM_ATA_ABRT);
}

static void power(struct cd *cd, uint8_t mode)
{
	cd->power = mode;
	vmm_ata_end(&cd->ata, 0);
}

static void command(void *self, uint8_t code)
{
	struct cd *cd = self;
	cd->kind = IDLE;
	if (cd->sleeping) {
		vmm_ata_quiet(&cd->ata, VMM_ATA_DRDY | VMM_ATA_DSC);
		return; /* only a reset wakes it */
	}
	switch (code) {
	case 0xa0:
		cd->power = 0xff;
		cd_packet(cd);
		break;
	case 0xa1: identify(cd); break;
	case 0x20:
	case 0xec: refuse_as_disk(cd); break;
	case 0xef: features(cd); break;
	case 0xe0:
	case 0xe2: power(cd, 0x00); break;
	case 0xe1:
	case 0xe3: power(cd, 0x80); break;
	case 0xe5:
		cd->ata.count[0] = cd->power;
		vmm_ata_end(&cd->ata, 0);
		break;
	case 0xe6:
		cd->sleeping = 1;
		power(cd, 0x00);
		break;
	default: vmm_ata_end(&cd->ata, VMM_ATA_ABRT); break;
	}
}

/* SRST and DEVICE RESET stop the command and leave the rest; a hardware reset is a unit attention (8020i, 2.6). */
static void reset(void *self, uint32_t kind)
{
	struct cd *cd = self;
	vmm_medium_abandon(&cd->medium);
	cd->kind = IDLE;
	cd->sleeping = 0;
	if (kind == VMM_ATA_RESET_HARD)
		cd_defaults(cd, 0);
}

static uint32_t busy(void *self)
{
	struct cd *cd = self;
	return vmm_medium_busy(&cd->medium);
}

const struct vmm_ata_ops cd_ata_ops = {
	.command = command,
	.moved = cd_moved,
	.dma = cd_dma,
	.reset = reset,
	.busy = busy,
};
