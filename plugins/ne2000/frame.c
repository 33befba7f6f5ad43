/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Frames from the transmit pages, and into the ring of receive pages (DP8390D, 6.0).
 */
#include <zlib.h>

#include "ne2000.h"

#define FCS      4u
#define HEADER   4u
#define SHORTEST 60u
#define LONGEST  1600u

void transmit_run(void *self)
{
	struct ne2000 *ne2000 = self;
	uint32_t length = ne2000->tbcr;
	if ((ne2000->cr & (CR_TXP | CR_STP)) != CR_TXP)
		return;
	if (length > sizeof(ne2000->buffer))
		length = sizeof(ne2000->buffer);
	/* TCR.CRC: the frame brings its own check sequence. */
	uint32_t sent = (ne2000->tcr & TCR_CRC) != 0 && length > 18 ? length - FCS : length;
	for (uint32_t i = 0; i < sent; i++)
		ne2000->buffer[i] = memory_get(ne2000, (ne2000->tpsr * PAGE + i) & 0xffff);
	const struct vmm_net_segment segment = { ne2000->buffer, sent };
	const struct vmm_net_frame frame = {
		.struct_size = sizeof(frame), .length = sent, .segments = &segment, .segment_count = 1
	};
	/* In loopback it goes to the FIFO and no further. */
	if (sent >= 14 && (ne2000->tcr & TCR_LB) == 0 &&
		vmm_net_card_send(&ne2000->card, &frame, sizeof(frame), 1) == 0)
		return;
	ne2000->tsr = TSR_PTX;
	if (ne2000->card.info.link == 0 && (ne2000->tcr & TCR_LB) == 0)
		ne2000->tsr |= TSR_CRS;
	ne2000->cr &= (uint8_t)~CR_TXP;
	interrupt_raise(ne2000, ISR_PTX);
}

/* The six highest bits of the address's CRC, whose first bit is the highest (DP8390D, 10.0, MAR0 to MAR7). */
static uint32_t hash_of(const uint8_t *address)
{
	uint32_t crc = ~(uint32_t)crc32(0, address, 6);
	uint32_t hash = 0;
	for (uint32_t i = 0; i < 6; i++)
		hash = hash << 1 | (crc >> i & 1);
	return hash;
}

static uint32_t is_wanted(const struct ne2000 *ne2000, const uint8_t *frame)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	if ((frame[0] & 1) == 0)
		return (ne2000->rcr & RCR_PRO) != 0 || memcmp(frame, ne2000->par, 6) == 0;
	if (memcmp(frame, broadcast, 6) == 0)
		return (ne2000->rcr & RCR_AB) != 0;
	uint32_t hash = hash_of(frame);
	return (ne2000->rcr & RCR_AM) != 0 && (ne2000->mar[hash / 8] >> hash % 8 & 1) != 0;
}

/* Pages from CURR to BNRY; equal, all are free.  Drivers keep BNRY a page behind what they read next, and so may write
 * the page before the first. */
static uint32_t ring_room(const struct ne2000 *ne2000)
{
	uint32_t count = (uint32_t)ne2000->pstop - ne2000->pstart;
	/* The chip only looks whether it comes to that page: elsewhere it holds nothing back. */
	if (ne2000->bnry + 1u < ne2000->pstart || ne2000->bnry > ne2000->pstop)
		return count;
	uint32_t room = ne2000->bnry >= ne2000->curr ? (uint32_t)ne2000->bnry - ne2000->curr
						     : count + ne2000->bnry - ne2000->curr;
	return room == 0 ? count : room;
}

static void ring_put(struct ne2000 *ne2000, uint32_t *at, const uint8_t *data, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		memory_set(ne2000, *at, data[i]);
		if (++*at == ne2000->pstop * PAGE)
			*at = ne2000->pstart * PAGE;
	}
}

static uint32_t frame_store(struct ne2000 *ne2000, uint32_t length)
{
	uint32_t pages = (HEADER + length + FCS + PAGE - 1) / PAGE;
	uint32_t count = (uint32_t)ne2000->pstop - ne2000->pstart;
	uint32_t at = ne2000->curr * PAGE;
	if (pages >= ring_room(ne2000)) {
		/* A driver may leave frames in the ring and wait for the next one's interrupt. */
		interrupt_raise(ne2000, ISR_PRX);
		return 0;
	}
	uint32_t next = ne2000->curr + pages;
	if (next >= ne2000->pstop)
		next -= count;
	uint32_t crc = (uint32_t)crc32(0, ne2000->buffer, length);
	ne2000->rsr = RSR_PRX | ((ne2000->buffer[0] & 1) != 0 ? RSR_PHY : 0);
	/* The count is the frame's with its check sequence. */
	const uint8_t header[HEADER] = { ne2000->rsr, (uint8_t)next, (uint8_t)(length + FCS),
		(uint8_t)((length + FCS) >> 8) };
	const uint8_t tail[FCS] = { (uint8_t)crc, (uint8_t)(crc >> 8), (uint8_t)(crc >> 16), (uint8_t)(crc >> 24) };
	ring_put(ne2000, &at, header, HEADER);
	ring_put(ne2000, &at, ne2000->buffer, length);
	ring_put(ne2000, &at, tail, FCS);
	ne2000->curr = (uint8_t)next;
	interrupt_raise(ne2000, ISR_PRX);
	return 1;
}

uint32_t receive_frame(void *self, const struct vmm_net_frame *frame)
{
	struct ne2000 *ne2000 = self;
	uint32_t length = frame->length < SHORTEST ? SHORTEST : (uint32_t)frame->length;
	/* A ring that is none, or that CURR is not in, takes nothing. */
	if ((ne2000->cr & CR_STP) != 0 || (ne2000->tcr & TCR_LB) != 0 || (ne2000->rcr & RCR_MON) != 0 ||
		frame->length > LONGEST || ne2000->pstart >= ne2000->pstop || ne2000->curr < ne2000->pstart ||
		ne2000->curr >= ne2000->pstop)
		return 1;
	memset(ne2000->buffer, 0, SHORTEST);
	vmm_net_copy(frame, 0, ne2000->buffer, frame->length);
	return !is_wanted(ne2000, ne2000->buffer) || frame_store(ne2000, length);
}
