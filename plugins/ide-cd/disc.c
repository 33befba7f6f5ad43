/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What the drive tells of the disc: one session, one data track (MMC-3, chapter 6).
 */
#include "cd.h"

#define LEAD_OUT    0xaa
#define DATA_TRACK  0x14 /* ADR 1: a position; control: data */
#define PROFILE_CD  0x0008
#define PROFILE_DVD 0x0010

static uint32_t toc_entry(uint8_t *data, uint8_t track, uint32_t lba, uint32_t msf)
{
	data[0] = 0;
	data[1] = DATA_TRACK;
	data[2] = track;
	data[3] = 0;
	sector_address(data + 4, lba, msf);
	return 8;
}

/* An entry of the lead-in: always in minutes, seconds and frames. */
static uint32_t lead_in_entry(uint8_t *data, uint8_t point, uint8_t minute, uint8_t second, uint8_t frame)
{
	const uint8_t entry[11] = { 1, DATA_TRACK, 0, point, 0, 0, 0, 0, minute, second, frame };
	memcpy(data, entry, sizeof(entry));
	return sizeof(entry);
}

void disc_toc(struct cd *cd)
{
	uint8_t *data = cd->buffer;
	uint32_t msf = cd->packet[1] & 2;
	uint32_t format = cd->packet[2] & 15;
	uint8_t first = cd->packet[6];
	uint32_t length = 4;
	uint8_t address[4];
	if (format == 0)
		format = cd->packet[9] >> 6; /* where 8020i has it */
	memset(data, 0, 4);
	data[2] = data[3] = 1;
	switch (format) {
	case 0:
		if (first > 1 && first != LEAD_OUT) {
			cd_check(cd, SENSE_FIELD);
			return;
		}
		if (first <= 1)
			length += toc_entry(data + length, 1, 0, msf);
		length += toc_entry(data + length, LEAD_OUT, cd_blocks(cd), msf);
		break;
	case 1: /* sessions: the last one's first track */ length += toc_entry(data + length, 1, 0, msf); break;
	case 2:
		sector_address(address, cd_blocks(cd), 1);
		length += lead_in_entry(data + length, 0xa0, 1, 0, 0);
		length += lead_in_entry(data + length, 0xa1, 1, 0, 0);
		length += lead_in_entry(data + length, 0xa2, address[1], address[2], address[3]);
		length += lead_in_entry(data + length, 1, 0, 2, 0);
		break;
	default: cd_check(cd, SENSE_FIELD); return;
	}
	put16(data, length - 2);
	cd_give(cd, length, get16(cd->packet + 7));
}

void disc_header(struct cd *cd)
{
	uint32_t lba = get32(cd->packet + 2);
	if (lba >= cd_blocks(cd)) {
		cd_check(cd, SENSE_ADDRESS);
		return;
	}
	memset(cd->buffer, 0, 8);
	cd->buffer[0] = 1;
	sector_address(cd->buffer + 4, lba, cd->packet[1] & 2);
	cd_give(cd, 8, get16(cd->packet + 7));
}

void disc_subchannel(struct cd *cd)
{
	uint8_t *data = cd->buffer;
	uint32_t msf = cd->packet[1] & 2;
	uint32_t length = 4;
	memset(data, 0, 24);
	data[1] = 0x15; /* no audio being played */
	if ((cd->packet[2] & 0x40) != 0) {
		data[4] = cd->packet[3];
		switch (cd->packet[3]) {
		case 1:
			data[5] = DATA_TRACK;
			data[6] = data[7] = 1;
			sector_address(data + 8, 0, msf);
			sector_address(data + 12, 0, 0);
			length = 16;
			break;
		case 2: /* the catalogue number, and */
		case 3: /* the track's code: there are none */
			if (cd->packet[3] == 3) {
				data[5] = DATA_TRACK;
				data[6] = 1;
			}
			length = 24;
			break;
		default: cd_check(cd, SENSE_FIELD); return;
		}
	}
	put16(data + 2, length - 4);
	cd_give(cd, length, get16(cd->packet + 7));
}

void disc_information(struct cd *cd)
{
	uint8_t *data = cd->buffer;
	memset(data, 0, 34);
	put16(data, 32);
	data[2] = 0x0e; /* the last session is complete, the disc finished, not erasable */
	data[3] = data[4] = data[5] = data[6] = 1;
	data[7] = 0x20; /* for unrestricted use */
	data[8] = 0x00; /* CD-ROM */
	memset(data + 16, 0xff, 8);
	cd_give(cd, 34, get16(cd->packet + 7));
}

void disc_track_information(struct cd *cd)
{
	uint8_t *data = cd->buffer;
	uint32_t kind = cd->packet[1] & 3;
	uint32_t number = get32(cd->packet + 2);
	uint32_t blocks = cd_blocks(cd);
	if (kind == 3 || (kind == 0 && number >= blocks) || (kind != 0 && number != 1)) {
		cd_check(cd, SENSE_FIELD);
		return;
	}
	memset(data, 0, 36);
	put16(data, 34);
	data[2] = data[3] = 1;
	data[5] = 4; /* a data track */
	data[6] = 1; /* mode 1 */
	put32(data + 24, blocks);
	cd_give(cd, 36, get16(cd->packet + 7));
}

void disc_dvd_structure(struct cd *cd)
{
	uint8_t *data = cd->buffer;
	uint32_t room = get16(cd->packet + 8);
	if (!cd_is_dvd(cd)) {
		cd_check(cd, SENSE_INCOMPATIBLE);
		return;
	}
	if (cd->packet[6] != 0) { /* layers: one */
		cd_check(cd, SENSE_FIELD);
		return;
	}
	memset(data, 0, 2052);
	switch (cd->packet[7]) {
	case 0: /* physical (table 190): DVD-ROM part version 1, 120 mm, one layer */
		put16(data, 2050);
		data[4] = 0x01;
		data[5] = 0x0f; /* no greatest rate given */
		data[6] = 0x01;
		put32(data + 8, 0x30000);
		put32(data + 12, 0x30000 + cd_blocks(cd) - 1);
		cd_give(cd, 2052, room);
		break;
	case 1: /* copyright: none */
		put16(data, 6);
		cd_give(cd, 8, room);
		break;
	default: cd_check(cd, SENSE_FIELD); break;
	}
}

/* Features (MMC-3, 5.3): code, version << 2 | persistent << 1 | current, data. */

static uint32_t feature(
	uint8_t *data, uint32_t code, uint8_t version, uint32_t persistent, uint32_t current, uint32_t length)
{
	put16(data, code);
	data[2] = (uint8_t)(version << 2 | (persistent ? 2 : 0) | (current ? 1 : 0));
	data[3] = (uint8_t)length;
	memset(data + 4, 0, length);
	return 4 + length;
}

static uint32_t feature_put(const struct cd *cd, uint8_t *data, uint32_t code)
{
	uint32_t present = cd_present(cd);
	uint32_t dvd = present && cd_is_dvd(cd);
	uint32_t length = 0;
	switch (code) {
	case 0x0000: /* profiles */
		length = feature(data, code, 0, 1, 1, 8);
		put16(data + 4, PROFILE_DVD);
		data[6] = dvd != 0;
		put16(data + 8, PROFILE_CD);
		data[10] = present && !dvd;
		break;
	case 0x0001: /* core: ATAPI */
		length = feature(data, code, 0, 1, 1, 4);
		put32(data + 4, 2);
		break;
	case 0x0002: /* morphing: media events are polled */ length = feature(data, code, 0, 1, 1, 4); break;
	case 0x0003: /* removable: a tray that locks and ejects */
		length = feature(data, code, 0, 1, 1, 4);
		data[4] = 0x29;
		break;
	case 0x0010: /* random reading */
		length = feature(data, code, 0, 0, present, 8);
		put32(data + 4, BLOCK);
		put16(data + 8, 1);
		break;
	case 0x001d: /* multi-read */ length = feature(data, code, 0, 0, present && !dvd, 0); break;
	case 0x001e: /* CD reading */ length = feature(data, code, 0, 0, present && !dvd, 4); break;
	case 0x001f: /* DVD reading */ length = feature(data, code, 0, 0, dvd, 0); break;
	case 0x0100: /* power management */ length = feature(data, code, 0, 1, 1, 0); break;
	case 0x0105: /* timeouts */ length = feature(data, code, 0, 1, 1, 0); break;
	default: break;
	}
	return length;
}

void disc_configuration(struct cd *cd)
{
	static const uint16_t codes[] = { 0x0000, 0x0001, 0x0002, 0x0003, 0x0010, 0x001d, 0x001e, 0x001f, 0x0100,
		0x0105 };
	uint8_t *data = cd->buffer;
	uint32_t kind = cd->packet[1] & 3;
	uint32_t first = get16(cd->packet + 2);
	uint32_t length = 8;
	if (kind == 3) {
		cd_check(cd, SENSE_FIELD);
		return;
	}
	for (uint32_t i = 0; i < VMM_KIT_COUNT(codes); i++) {
		if (kind == 2 ? codes[i] != first : codes[i] < first)
			continue;
		uint32_t size = feature_put(cd, data + length, codes[i]);
		/* Kind 1 asks for those that are current. */
		if (kind != 1 || (data[length + 2] & 1) != 0)
			length += size;
	}
	put32(data, length - 4);
	put16(data + 4, 0);
	put16(data + 6, !cd_present(cd) ? 0 : cd_is_dvd(cd) ? PROFILE_DVD : PROFILE_CD);
	cd_give(cd, length, get16(cd->packet + 7));
}
