/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Mode pages (MMC-3, 5.5; SFF-8020i, 9.8.9): 01 error recovery, 0D CD device, 0E audio control, 2A capabilities.
 */
#include "cd.h"

#define CURRENT    0
#define CHANGEABLE 1
#define SAVED      3
#define ALL_PAGES  0x3f

static const uint8_t recovery_default[8] = { 0x01, 6, 0x00, 5 };
static const uint8_t recovery_mask[8] = { 0x01, 6, 0xff, 0xff };
/* An inactivity timer of 250 ms, 60 seconds a minute, 75 frames a second. */
static const uint8_t device_default[8] = { 0x0d, 6, 0, 1, 0, 60, 0, 75 };
static const uint8_t device_mask[8] = { 0x0d, 6 };
/* Play ends at once, both ports at full volume. */
static const uint8_t audio_default[16] = { 0x0e, 14, 4, 0, 0, 0, 0, 0, 1, 0xff, 2, 0xff };
static const uint8_t audio_mask[16] = { 0x0e, 14, 6, 0, 0, 0, 0, 0, 0x0f, 0xff, 0x0f, 0xff };

void mode_defaults(struct cd *cd)
{
	memcpy(cd->recovery, recovery_default, sizeof(cd->recovery));
	memcpy(cd->audio, audio_default, sizeof(cd->audio));
}

static uint32_t capabilities(const struct cd *cd, uint8_t *data, uint32_t control)
{
	memset(data, 0, 20);
	data[0] = 0x2a;
	data[1] = 18;
	if (control == CHANGEABLE)
		return 20;
	data[2] = 0x1f; /* reads CD-R, CD-RW, by method 2, DVD-ROM, DVD-R */
	data[4] = 0x70; /* modes 2 form 1 and 2, many sessions */
	data[5] = 0x00;
	data[6] = (uint8_t)(0x29 | (cd->locked ? 2 : 0)); /* a tray that ejects and locks */
	put16(data + 8, 5540);                            /* kB/s */
	put16(data + 10, 256);
	put16(data + 12, BUFFER >> 10);
	put16(data + 14, 5540);
	return 20;
}

static uint32_t page_put(const struct cd *cd, uint8_t *data, uint32_t page, uint32_t control)
{
	switch (page) {
	case 0x01:
		memcpy(data,
			control == CURRENT              ? cd->recovery
				: control == CHANGEABLE ? recovery_mask
							: recovery_default,
			8);
		return 8;
	case 0x0d: memcpy(data, control == CHANGEABLE ? device_mask : device_default, 8); return 8;
	case 0x0e:
		memcpy(data, control == CURRENT ? cd->audio : control == CHANGEABLE ? audio_mask : audio_default, 16);
		return 16;
	case 0x2a: return capabilities(cd, data, control);
	default: return 0;
	}
}

static uint8_t medium_type(const struct cd *cd)
{
	if (cd->tray_open)
		return 0x71;
	return cd_present(cd) ? 0x01 : 0x70;
}

void mode_sense(struct cd *cd, uint32_t ten)
{
	static const uint8_t pages[] = { 0x01, 0x0d, 0x0e, 0x2a };
	uint8_t *data = cd->buffer;
	uint32_t page = cd->packet[2] & 0x3f;
	uint32_t control = cd->packet[2] >> 6;
	uint32_t header = ten ? 8 : 4;
	uint32_t length = header;
	if (control == SAVED) {
		cd_check(cd, SENSE_NO_SAVING);
		return;
	}
	memset(data, 0, header);
	for (uint32_t i = 0; i < VMM_KIT_COUNT(pages); i++) {
		if (page == pages[i] || page == ALL_PAGES)
			length += page_put(cd, data + length, pages[i], control);
	}
	if (length == header) {
		cd_check(cd, SENSE_FIELD);
		return;
	}
	if (ten) {
		put16(data, length - 2);
		data[2] = medium_type(cd);
		cd_give(cd, length, get16(cd->packet + 7));
	} else {
		data[0] = (uint8_t)(length - 1);
		data[1] = medium_type(cd);
		cd_give(cd, length, cd->packet[4]);
	}
}

void mode_select(struct cd *cd, uint32_t ten)
{
	/* Pages as the standard has them, and none to be saved. */
	if ((cd->packet[1] & 0x10) == 0 || (cd->packet[1] & 1) != 0)
		cd_check(cd, SENSE_FIELD);
	else
		cd_take(cd, ten ? get16(cd->packet + 7) : cd->packet[4]);
}

/* One page of the list; its length, or 0 after a complaint. */
static uint32_t page_take(struct cd *cd, const uint8_t *data, uint32_t left)
{
	const uint8_t *mask;
	uint8_t *page = NULL;
	uint32_t length = left >= 2 ? data[1] + 2u : 0;
	if (length == 0 || length > left) {
		cd_check(cd, SENSE_LIST_LENGTH);
		return 0;
	}
	switch (data[0] & 0x3f) {
	case 0x01:
		page = cd->recovery;
		mask = recovery_mask;
		break;
	case 0x0d: return length; /* there is nothing to be changed in these two, */
	case 0x2a: return length; /* and drivers write back what they have read */
	case 0x0e:
		page = cd->audio;
		mask = audio_mask;
		break;
	default: cd_check(cd, SENSE_PARAMETER); return 0;
	}
	if (length != page[1] + 2u) {
		cd_check(cd, SENSE_PARAMETER);
		return 0;
	}
	for (uint32_t i = 2; i < length; i++)
		page[i] = (uint8_t)((page[i] & ~mask[i]) | (data[i] & mask[i]));
	return length;
}

/* The list has come. */
void mode_parameters(struct cd *cd)
{
	uint32_t header = cd->packet[0] == 0x55 ? 8 : 4;
	uint32_t at = header;
	if (cd->held < header) {
		cd_check(cd, SENSE_LIST_LENGTH);
		return;
	}
	/* Block descriptors say nothing that could be otherwise. */
	at += header == 8 ? get16(cd->buffer + 6) : cd->buffer[3];
	if (at > cd->held) {
		cd_check(cd, SENSE_LIST_LENGTH);
		return;
	}
	while (at < cd->held) {
		uint32_t length = page_take(cd, cd->buffer + at, cd->held - at);
		if (length == 0)
			return;
		at += length;
	}
	cd_good(cd);
}
