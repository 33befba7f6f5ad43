/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The packet commands (MMC-3, chapter 6; SPC-2, chapter 7): which there are, and what is checked before each.
 */
#include "cd.h"

#define NEEDS_MEDIUM 1u
#define NO_ATTENTION 2u /* works, and leaves the unit attention standing (MMC-3, 6.1.3) */
#define KEEPS_SENSE  4u

static void test_unit_ready(struct cd *cd)
{
	cd_good(cd);
}

static void request_sense(struct cd *cd)
{
	uint8_t *data = cd->buffer;
	if (cd->sense == SENSE_NONE && cd->attentions != 0) {
		cd->sense = (cd->attentions & ATTENTION_RESET) != 0 ? SENSE_RESET : SENSE_CHANGED;
		cd->attentions &= (cd->attentions & ATTENTION_RESET) != 0 ? ~ATTENTION_RESET : ~ATTENTION_CHANGED;
	}
	memset(data, 0, 18);
	data[0] = 0x70;
	if (cd->sense == SENSE_READ_ERROR) {
		data[0] |= 0x80;
		put32(data + 3, cd->sense_address);
	}
	data[2] = (uint8_t)(cd->sense >> 16);
	data[7] = 10;
	data[12] = (uint8_t)(cd->sense >> 8);
	data[13] = (uint8_t)cd->sense;
	cd->sense = SENSE_NONE;
	cd_give(cd, 18, cd->packet[4]);
}

static void inquiry(struct cd *cd)
{
	uint8_t *data = cd->buffer;
	/* Vital product data: the list of pages, and the serial number (SPC-2, 8.4). */
	memset(data, 0, 64);
	data[0] = 5;
	if ((cd->packet[1] & 1) != 0) {
		size_t length = strlen(cd->serial);
		data[1] = cd->packet[2];
		if (cd->packet[2] == 0x00) {
			data[3] = 2;
			data[5] = 0x80;
			cd_give(cd, 6, cd->packet[4]);
		} else if (cd->packet[2] == 0x80) {
			data[3] = (uint8_t)length;
			memcpy(data + 4, cd->serial, length);
			cd_give(cd, 4 + (uint32_t)length, cd->packet[4]);
		} else {
			cd_check(cd, SENSE_FIELD);
		}
		return;
	}
	if (cd->packet[2] != 0) {
		cd_check(cd, SENSE_FIELD);
		return;
	}
	data[1] = 0x80; /* removable */
	data[3] = 0x21; /* ATAPI version 2, response format 1 (8020i, 9.8.6) */
	data[4] = 31;
	memset(data + 8, ' ', 28);
	memcpy(data + 8, "VMM", 3);
	size_t length = strlen(cd->model);
	memcpy(data + 16, cd->model, length < 16 ? length : 16);
	memcpy(data + 32, "0.9", 3);
	cd_give(cd, 36, cd->packet[4]);
}

static void start_stop(struct cd *cd)
{
	uint8_t what = cd->packet[4] & 3;
	/* Power conditions need no work. */
	if ((cd->packet[4] >> 4) != 0) {
		cd_good(cd);
		return;
	}
	if (what == 2) {
		if (cd->locked) {
			cd_check(cd, SENSE_LOCKED);
			return;
		}
		cd_eject(cd);
	} else if (what == 3) {
		cd_load_tray(cd);
	}
	cd_good(cd);
}

static void prevent_allow(struct cd *cd)
{
	/* The persistent kind (bit 1) asks for ejection by request only; both lock the door. */
	cd_lock(cd, (cd->packet[4] & 3) != 0);
	cd_good(cd);
}

static void read_capacity(struct cd *cd)
{
	put32(cd->buffer, cd_blocks(cd) - 1);
	put32(cd->buffer + 4, BLOCK);
	cd_give(cd, 8, 8);
}

static void read_6(struct cd *cd)
{
	uint32_t count = cd->packet[4] != 0 ? cd->packet[4] : 256;
	cd_read(cd, get32(cd->packet) & 0x1fffff, count, RAW_USER);
}

static void read_10(struct cd *cd)
{
	cd_read(cd, get32(cd->packet + 2), get16(cd->packet + 7), RAW_USER);
}

static void read_12(struct cd *cd)
{
	cd_read(cd, get32(cd->packet + 2), get32(cd->packet + 6), RAW_USER);
}

/* READ CD and READ CD MSF: the only track has sectors of mode 1. */
static void read_raw(struct cd *cd, uint32_t lba, uint32_t count)
{
	uint32_t type = cd->packet[1] >> 2 & 7;
	uint8_t raw = cd->packet[9];
	/* Mode 1 has no subheader: what is asked of it comes to nothing. */
	raw &= (uint8_t)~0x40;
	if (sector_size(raw) < 0 || (cd->packet[10] & 7) != 0)
		cd_check(cd, SENSE_FIELD);
	else if (type != 0 && type != 2)
		cd_check(cd, SENSE_TRACK_MODE);
	else
		cd_read(cd, lba, count, raw);
}

static void read_cd(struct cd *cd)
{
	read_raw(cd, get32(cd->packet + 2), get32(cd->packet + 5) & 0xffffff);
}

static uint32_t frames(const uint8_t *msf)
{
	return (msf[0] * 60u + msf[1]) * 75u + msf[2];
}

static void read_cd_msf(struct cd *cd)
{
	uint32_t first = frames(cd->packet + 3);
	uint32_t end = frames(cd->packet + 6);
	if (first < 150 || end < first)
		cd_check(cd, SENSE_ADDRESS);
	else
		read_raw(cd, first - 150, end - first);
}

static void seek(struct cd *cd)
{
	if (get32(cd->packet + 2) >= cd_blocks(cd))
		cd_check(cd, SENSE_ADDRESS);
	else
		cd_good(cd);
}

/* Nothing changes with speed. */
static void set_speed(struct cd *cd)
{
	cd_good(cd);
}

static void mechanism_status(struct cd *cd)
{
	memset(cd->buffer, 0, 8);
	cd->buffer[1] = cd->tray_open ? 0x10 : 0;
	cd->buffer[5] = 1; /* slots; none has a table */
	cd_give(cd, 8, get16(cd->packet + 8));
}

/* GET EVENT STATUS NOTIFICATION, polled: media events only (MMC-3, 6.6). */
static void event_status(struct cd *cd)
{
	uint8_t *data = cd->buffer;
	if ((cd->packet[1] & 1) == 0) {
		cd_check(cd, SENSE_FIELD);
		return;
	}
	memset(data, 0, 8);
	data[3] = 0x10; /* classes there are: media */
	if ((cd->packet[4] & 0x10) == 0) {
		put16(data, 2);
		data[2] = 0x80; /* no class of those asked for */
		cd_give(cd, 4, get16(cd->packet + 7));
		return;
	}
	put16(data, 6);
	data[2] = 4;
	if ((cd->events & EVENT_EJECT_REQUEST) != 0)
		data[4] = 1;
	else if ((cd->events & EVENT_REMOVAL) != 0)
		data[4] = 3;
	else if ((cd->events & EVENT_NEW_MEDIA) != 0)
		data[4] = 2;
	data[5] = (uint8_t)((cd_present(cd) ? 2 : 0) | cd->tray_open);
	/* An event that the host has no room for is told again. */
	if (get16(cd->packet + 7) > 4 && data[4] != 0)
		cd->events &= ~(1u << data[4]);
	cd_give(cd, 8, get16(cd->packet + 7));
}

static void mode_sense_6(struct cd *cd)
{
	mode_sense(cd, 0);
}

static void mode_sense_10(struct cd *cd)
{
	mode_sense(cd, 1);
}

static void mode_select_6(struct cd *cd)
{
	mode_select(cd, 0);
}

static void mode_select_10(struct cd *cd)
{
	mode_select(cd, 1);
}

static const struct {
	uint8_t code, rules;
	void (*execute)(struct cd *cd);
} commands[] = {
	{ 0x00, NEEDS_MEDIUM, test_unit_ready },
	{ 0x03, NO_ATTENTION | KEEPS_SENSE, request_sense },
	{ 0x08, NEEDS_MEDIUM, read_6 },
	{ 0x12, NO_ATTENTION, inquiry },
	{ 0x15, 0, mode_select_6 },
	{ 0x1a, 0, mode_sense_6 },
	{ 0x1b, 0, start_stop },
	{ 0x1e, 0, prevent_allow },
	{ 0x25, NEEDS_MEDIUM, read_capacity },
	{ 0x28, NEEDS_MEDIUM, read_10 },
	{ 0x2b, NEEDS_MEDIUM, seek },
	{ 0x42, NEEDS_MEDIUM, disc_subchannel },
	{ 0x43, NEEDS_MEDIUM, disc_toc },
	{ 0x44, NEEDS_MEDIUM, disc_header },
	{ 0x46, NO_ATTENTION, disc_configuration },
	{ 0x4a, NO_ATTENTION, event_status },
	{ 0x51, NEEDS_MEDIUM, disc_information },
	{ 0x52, NEEDS_MEDIUM, disc_track_information },
	{ 0x55, 0, mode_select_10 },
	{ 0x5a, 0, mode_sense_10 },
	{ 0xa8, NEEDS_MEDIUM, read_12 },
	{ 0xad, NEEDS_MEDIUM, disc_dvd_structure },
	{ 0xb9, NEEDS_MEDIUM, read_cd_msf },
	{ 0xbb, 0, set_speed },
	{ 0xbd, 0, mechanism_status },
	{ 0xbe, NEEDS_MEDIUM, read_cd },
};

void packet_execute(struct cd *cd)
{
	uint32_t i = 0;
	while (i < VMM_KIT_COUNT(commands) && commands[i].code != cd->packet[0])
		i++;
	uint8_t rules = i < VMM_KIT_COUNT(commands) ? commands[i].rules : 0;
	if ((rules & KEEPS_SENSE) == 0)
		cd->sense = SENSE_NONE;
	if ((rules & NO_ATTENTION) == 0 && (cd->attentions & ATTENTION_RESET) != 0) {
		cd->attentions &= ~ATTENTION_RESET;
		cd_check(cd, SENSE_RESET);
	} else if ((rules & NO_ATTENTION) == 0 && (cd->attentions & ATTENTION_CHANGED) != 0) {
		cd->attentions &= ~ATTENTION_CHANGED;
		cd_check(cd, SENSE_CHANGED);
	} else if (i == VMM_KIT_COUNT(commands)) {
		cd_check(cd, SENSE_OPCODE);
	} else if ((rules & NEEDS_MEDIUM) != 0 && !cd_present(cd)) {
		cd_check(cd, cd->tray_open ? SENSE_TRAY_OPEN : SENSE_NO_MEDIUM);
	} else {
		commands[i].execute(cd);
	}
}
