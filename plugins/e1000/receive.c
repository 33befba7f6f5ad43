/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Frames into the receive ring (3.2).
 */
#include "e1000.h"

#include <zlib.h>

#define FCS         4u
#define LONGEST     1522u  /* with its check sequence, without RCTL.LPE (13.4.22) */
#define LONGEST_LPE 16384u /* 13.4.22 */
#define SHORTEST    60u

/* A frame on its way into descriptors. */
struct cursor {
	struct e1000 *e1000;
	uint32_t epoch, index, size; /* of the ring, of a buffer */
	uint64_t address;            /* where the next byte goes, 0: nowhere */
	uint32_t filled;             /* of the present buffer */
	uint16_t sum, special;
	uint8_t status, errors;
};

static uint32_t buffer_size(uint32_t rctl)
{
	uint32_t code = rctl >> 16 & 3;
	if ((rctl & RCTL_BSEX) != 0 && code != 0)
		return 32768u >> code;
	return 2048u >> code;
}

static uint32_t ring_space(const struct e1000 *e1000)
{
	uint32_t count = ring_count(e1000, RDBAL);
	uint32_t head = register_get(e1000, RDH);
	uint32_t tail = register_get(e1000, RDT);
	if (head >= count || tail >= count)
		return 0;
	return (tail + count - head) % count;
}

static int32_t descriptor_begin(struct cursor *cursor)
{
	struct e1000 *e1000 = cursor->e1000;
	const struct vmm_pci *pci = &e1000->pci;
	uint8_t bytes[8];
	if (pci->bus == NULL ||
		pci->bus->dma_read(pci->bus_self, ring_at(e1000, RDBAL, cursor->index), bytes, sizeof(bytes)) < 0)
		return -EIO;
	cursor->address = 0;
	for (uint32_t i = 8; i-- > 0;)
		cursor->address = cursor->address << 8 | bytes[i];
	cursor->filled = 0;
	return 0;
}

/* Give the descriptor back, and RDH on. */
static int32_t descriptor_end(struct cursor *cursor, uint32_t last)
{
	struct e1000 *e1000 = cursor->e1000;
	const struct vmm_pci *pci = &e1000->pci;
	uint32_t status = last ? cursor->status | RX_EOP | RX_DD : RX_DD;
	const uint8_t bytes[8] = { (uint8_t)cursor->filled, (uint8_t)(cursor->filled >> 8), (uint8_t)cursor->sum,
		(uint8_t)(cursor->sum >> 8), (uint8_t)status, last ? cursor->errors : 0,
		last ? (uint8_t)cursor->special : 0, last ? (uint8_t)(cursor->special >> 8) : 0 };
	if (pci->bus == NULL || cursor->epoch != e1000->epoch ||
		pci->bus->dma_write(pci->bus_self, ring_at(e1000, RDBAL, cursor->index) + 8, bytes, sizeof(bytes)) < 0)
		return -EIO;
	uint32_t count = ring_count(e1000, RDBAL);
	if (cursor->epoch != e1000->epoch || count == 0)
		return -EIO;
	cursor->index = (cursor->index + 1) % count;
	*register_at(e1000, RDH) = cursor->index;
	return 0;
}

static int32_t bytes_put(struct cursor *cursor, const uint8_t *data, uint32_t length)
{
	const struct vmm_pci *pci = &cursor->e1000->pci;
	while (length > 0) {
		if (cursor->filled == cursor->size && (descriptor_end(cursor, 0) < 0 || descriptor_begin(cursor) < 0))
			return -EIO;
		uint32_t piece = cursor->size - cursor->filled;
		if (piece > length)
			piece = length;
		/* A buffer at 0 is none (3.2.4). */
		if (cursor->address != 0 &&
			(pci->bus == NULL ||
				pci->bus->dma_write(pci->bus_self, cursor->address + cursor->filled, data, piece) < 0 ||
				cursor->epoch != cursor->e1000->epoch))
			return -EIO;
		cursor->filled += piece;
		data += piece;
		length -= piece;
	}
	return 0;
}

/* The 12 bytes of addresses, what is behind the tag if that is taken out, padding, and the check sequence. */
static int32_t frame_put(struct cursor *cursor, const uint8_t *frame, uint32_t length, uint32_t strip)
{
	static const uint8_t zeros[SHORTEST];
	uint32_t pad = length < SHORTEST ? SHORTEST - length : 0;
	int32_t status = descriptor_begin(cursor);
	if (status >= 0 && strip)
		status = bytes_put(cursor, frame, 12);
	if (status >= 0)
		status = bytes_put(cursor, frame + (strip ? 16 : 0), length - (strip ? 16 : 0));
	if (status >= 0)
		status = bytes_put(cursor, zeros, pad);
	if (status >= 0 && (register_get(cursor->e1000, RCTL) & RCTL_SECRC) == 0) {
		uint32_t crc = (uint32_t)crc32(crc32(0, frame, length), zeros, pad);
		const uint8_t bytes[FCS] = { (uint8_t)crc, (uint8_t)(crc >> 8), (uint8_t)(crc >> 16),
			(uint8_t)(crc >> 24) };
		status = bytes_put(cursor, bytes, FCS);
	}
	return status < 0 ? status : descriptor_end(cursor, 1);
}

/* The packet checksum: from PCSS to the end (3.2.9). */
static uint16_t packet_sum(const struct e1000 *e1000, const uint8_t *frame, uint32_t length)
{
	uint32_t start = register_get(e1000, RXCSUM) & 0xff;
	if (start >= length)
		return 0;
	uint16_t sum = (uint16_t)~vmm_net_sum_fold(vmm_net_sum(0, frame + start, length - start));
	return (uint16_t)(sum << 8 | sum >> 8);
}

/* RXDMT0: what is free has just fallen to the part of the ring that RCTL.RDMTS names (13.4.22). */
static uint32_t is_low(const struct e1000 *e1000, uint32_t before, uint32_t after)
{
	uint32_t limit = ring_count(e1000, RDBAL) >> (1 + (register_get(e1000, RCTL) >> 8 & 3));
	return before > limit && after <= limit;
}

static uint32_t frame_store(struct e1000 *e1000, const uint8_t *frame, uint32_t length, uint32_t flags)
{
	uint32_t rctl = register_get(e1000, RCTL);
	uint32_t limit = (rctl & RCTL_LPE) != 0 ? LONGEST_LPE : LONGEST;
	struct cursor cursor = { .e1000 = e1000, .epoch = e1000->epoch, .size = buffer_size(rctl) };
	uint32_t match = length >= 14 ? filter_match(e1000, frame, length) : FILTER_NO;
	if (match == FILTER_NO)
		return 1;
	if (length + FCS > limit) {
		count_add(e1000, ROC, 1);
		return 1;
	}
	uint32_t space = ring_space(e1000);
	uint32_t whole = (length < SHORTEST ? SHORTEST : length) + FCS;
	if (space < (whole + cursor.size - 1) / cursor.size) {
		count_add(e1000, RNBC, 1);
		return 0;
	}
	uint32_t strip = (register_get(e1000, CTRL) & CTRL_VME) != 0 && length >= 18 &&
		((uint32_t)frame[12] << 8 | frame[13]) == (register_get(e1000, VET) & 0xffff);
	if (strip) {
		cursor.status |= RX_VP;
		cursor.special = (uint16_t)((uint32_t)frame[14] << 8 | frame[15]);
	}
	if (match == FILTER_INEXACT)
		cursor.status |= RX_PIF;
	cursor.index = register_get(e1000, RDH);
	cursor.sum = packet_sum(e1000, frame, length);
	filter_checksums(e1000, frame, length, (flags & VMM_NET_CHECKSUM_RIGHT) != 0, &cursor.status, &cursor.errors);
	if (frame_put(&cursor, frame, length, strip) < 0)
		return 1;
	count_received(e1000, frame, length);
	if (is_low(e1000, space, ring_space(e1000)))
		interrupt_raise(e1000, ICR_RXDMT0);
	if (length + FCS <= (register_get(e1000, RSRPD) & 0xfff))
		interrupt_raise(e1000, ICR_SRPD);
	interrupt_received(e1000);
	return 1;
}

uint32_t receive_frame(void *self, const struct vmm_net_frame *frame)
{
	struct e1000 *e1000 = self;
	const uint8_t *data = frame->segments[0].data;
	if ((register_get(e1000, RCTL) & RCTL_EN) == 0 || !vmm_pci_bus_master(&e1000->pci) ||
		frame->length > LONGEST_LPE)
		return 1;
	if (frame->segment_count > 1) {
		vmm_net_copy(frame, 0, e1000->room, frame->length);
		data = e1000->room;
	}
	return frame_store(e1000, data, (uint32_t)frame->length, frame->flags);
}
