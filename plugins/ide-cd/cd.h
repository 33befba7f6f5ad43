/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * An ATAPI CD and DVD drive (SFF-8020i; MMC-3, T10/1363-D; SPC-2, T10/1236-D).
 */
#ifndef CD_H
#define CD_H

#include <vmm/kit/ata.h>
#include <vmm/kit/medium.h>
#include <vmm/kit/plugin.h>

#define BLOCK     2048u
#define BUFFER    (128u << 10)
#define PACKET    12u
#define CD_BLOCKS (UINT64_C(900) * 1024 * 1024 / BLOCK) /* what is bigger is a DVD */
#define MODE_SIZE 64u                                   /* of the pages that are kept */

/* What the drive is busy with. */
enum { IDLE, TAKE_PACKET, GIVE, READ, PARAMETERS, IDENTIFY, KINDS };

/* Sense: key << 16 | code << 8 | qualifier (SPC-2, 7.20). */
#define SENSE_NONE         0u
#define SENSE_NO_MEDIUM    0x023a00u
#define SENSE_TRAY_OPEN    0x023a02u
#define SENSE_READ_ERROR   0x031100u
#define SENSE_LIST_LENGTH  0x051a00u
#define SENSE_OPCODE       0x052000u
#define SENSE_ADDRESS      0x052100u
#define SENSE_FIELD        0x052400u
#define SENSE_PARAMETER    0x052600u
#define SENSE_INCOMPATIBLE 0x053002u
#define SENSE_NO_SAVING    0x053900u
#define SENSE_LOCKED       0x055302u
#define SENSE_TRACK_MODE   0x056400u
#define SENSE_CHANGED      0x062800u
#define SENSE_RESET        0x062900u

/* Unit attentions that are due, most urgent first. */
#define ATTENTION_RESET   1u
#define ATTENTION_CHANGED 2u

/* Media events that are due (MMC-3, 6.6.2): 1 << code. */
#define EVENT_EJECT_REQUEST (1u << 1)
#define EVENT_NEW_MEDIA     (1u << 2)
#define EVENT_REMOVAL       (1u << 3)
#define EVENTS              0x0eu

struct cd {
	const struct vmm_host *host;
	struct vmm_ata ata;
	struct vmm_medium medium;
	uint8_t *buffer; /* BUFFER bytes, then the packet */
	char model[VMM_ATA_MODEL], serial[VMM_ATA_SERIAL];
	uint8_t unusable; /* the medium's blocks are too big */

	uint8_t dma_mode, sleeping, power;
	uint32_t sense;
	uint32_t sense_address; /* of a block that cannot be read; valid with SENSE_READ_ERROR */
	uint32_t attentions, events;
	uint8_t tray_open, locked;
	uint8_t recovery[8], audio[16]; /* mode pages 01 and 0E */

	/* The command under way. */
	uint8_t kind, dma;
	uint8_t packet[PACKET];
	uint8_t raw;         /* READ CD: what of a sector is wanted */
	uint32_t byte_limit; /* of a DRQ block */
	uint32_t held, sent; /* bytes in the buffer, and how many of them have been moved */
	uint32_t block;      /* size of the present DRQ block */
	uint32_t lba, left;  /* blocks */
	uint32_t pieces;     /* blocks that are being read into the buffer */
};

static inline uint32_t get16(const uint8_t *data)
{
	return (uint32_t)data[0] << 8 | data[1];
}

static inline uint32_t get32(const uint8_t *data)
{
	return get16(data) << 16 | get16(data + 2);
}

static inline void put16(uint8_t *data, uint32_t value)
{
	data[0] = (uint8_t)(value >> 8);
	data[1] = (uint8_t)value;
}

static inline void put32(uint8_t *data, uint32_t value)
{
	put16(data, value >> 16);
	put16(data + 2, value);
}

/* drive.c: the ATA side, and the medium */
extern const struct vmm_ata_ops cd_ata_ops;
uint32_t cd_present(const struct cd *cd);
uint32_t cd_blocks(const struct cd *cd);
uint32_t cd_is_dvd(const struct cd *cd);
void cd_changed(void *self);
void cd_eject(struct cd *cd);
void cd_load_tray(struct cd *cd);
void cd_lock(struct cd *cd, uint8_t locked);
void cd_defaults(struct cd *cd, uint32_t power);

/* transfer.c: data between the medium, the buffer and the host */
void cd_packet(struct cd *cd);
void cd_good(struct cd *cd);
void cd_check(struct cd *cd, uint32_t sense);
/* Give `length` bytes from the buffer's start, but no more than the host has room for. */
void cd_give(struct cd *cd, uint32_t length, uint32_t room);
void cd_take(struct cd *cd, uint32_t length);
void cd_read(struct cd *cd, uint32_t lba, uint32_t count, uint8_t raw);
void cd_moved(void *self);
void cd_dma(void *self);
void cd_ended(void *self, int32_t status);

/* sector.c: raw sectors */
#define RAW_USER 0x10
/* Bytes of a mode 1 sector for READ CD's flags; -1 if they make no sense. */
int32_t sector_size(uint8_t raw);
void sector_build(uint8_t *sectors, uint32_t lba, uint32_t count, uint8_t raw);
void sector_address(uint8_t *data, uint32_t lba, uint32_t msf);

/* packet.c, disc.c, mode.c: commands */
void packet_execute(struct cd *cd);
void disc_toc(struct cd *cd);
void disc_header(struct cd *cd);
void disc_subchannel(struct cd *cd);
void disc_information(struct cd *cd);
void disc_track_information(struct cd *cd);
void disc_dvd_structure(struct cd *cd);
void disc_configuration(struct cd *cd);
void mode_sense(struct cd *cd, uint32_t ten);
void mode_select(struct cd *cd, uint32_t ten);
void mode_parameters(struct cd *cd);
void mode_defaults(struct cd *cd);

#endif
