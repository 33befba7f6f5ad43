/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Frames into the receive ring.
 */
#include "pcnet.h"

#include <zlib.h>

#define FCS      4u
#define SHORTEST 60u
#define LONGEST  16384u
#define PATIENCE 8u /* looks at a full ring before a frame is missed */

/* The flags of what has matched; 0: the frame is not for this station. */
static uint32_t address_match(const struct pcnet *pcnet, const uint8_t *frame)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const uint16_t *csr = pcnet->csr;
	uint32_t mode = csr[15];
	uint32_t match = 0;
	uint8_t own[6];
	for (uint32_t i = 0; i < 6; i++)
		own[i] = (uint8_t)(csr[12 + i / 2] >> (i & 1) * 8);
	if (memcmp(frame, own, 6) == 0 && (mode & MODE_DRCVPA) == 0)
		match |= MD_PAM;
	if (memcmp(frame, broadcast, 6) == 0) {
		if ((mode & MODE_DRCVBC) == 0)
			match |= MD_BAM;
	} else if ((frame[0] & 1) != 0) {
		/* The upper six bits of the address's CRC choose one of 64. */
		uint32_t hash = ~(uint32_t)crc32(0, frame, 6) >> 26;
		if ((csr[8 + hash / 16] >> hash % 16 & 1) != 0)
			match |= MD_LAFM;
	}
	return match == 0 && (mode & MODE_PROM) != 0 ? MD_STP : match;
}

/* The descriptors that a frame of this length takes; 0: there are too few. */
static uint32_t ring_room(struct pcnet *pcnet, uint32_t length)
{
	uint32_t ring = ring_length(pcnet, 0);
	uint32_t room = 0;
	if (ring == 0 || pcnet->rx_index >= ring)
		return 0;
	for (uint32_t count = 0; count < ring && count < RING_MAX;) {
		struct descriptor descriptor;
		if (descriptor_read(pcnet, 0, (pcnet->rx_index + count) % ring, &descriptor) < 0 ||
			(descriptor.flags & MD_OWN) == 0)
			return 0;
		count++;
		room += descriptor.length;
		if (room >= length)
			return count;
	}
	return 0;
}

/* `match` goes into the last one's flags of 32-bit structures. */
static int32_t frame_put(struct pcnet *pcnet, uint32_t length, uint32_t count, uint32_t match)
{
	const struct vmm_pci *pci = &pcnet->pci;
	uint32_t epoch = pcnet->epoch;
	uint32_t ring = ring_length(pcnet, 0);
	uint32_t done = 0;
	uint32_t wide = pcnet->bcr[20] & BCR20_SSIZE32;
	for (uint32_t i = 0; i < count; i++) {
		struct descriptor descriptor;
		if (descriptor_read(pcnet, 0, pcnet->rx_index, &descriptor) < 0)
			return -EIO;
		uint32_t piece = descriptor.length < length - done ? descriptor.length : length - done;
		if (pci->bus->dma_write(pci->bus_self, descriptor.address, pcnet->buffer + done, piece) < 0 ||
			epoch != pcnet->epoch)
			return -EIO;
		done += piece;
		descriptor.flags = (i == 0 ? MD_STP : 0) | (i + 1 == count ? MD_ENP : 0);
		if (wide && i + 1 == count)
			descriptor.flags |= match & (MD_PAM | MD_LAFM | MD_BAM);
		if (descriptor_write(pcnet, 0, &descriptor, i + 1 == count ? length & 0xfff : 0) < 0 ||
			epoch != pcnet->epoch)
			return -EIO;
		pcnet->rx_index = (uint16_t)((pcnet->rx_index + 1u) % ring);
	}
	return 0;
}

/* Padding and check sequence; or, with ASTRP_RCV, both away from a frame that says how long it is. */
static uint32_t frame_finish(struct pcnet *pcnet, uint32_t length)
{
	uint8_t *frame = pcnet->buffer;
	uint32_t said = (uint32_t)frame[12] << 8 | frame[13];
	if ((pcnet->csr[4] & CSR4_ASTRP_RCV) != 0 && said < 46 && 14 + said <= length)
		return 14 + said;
	if (length < SHORTEST)
		memset(frame + length, 0, SHORTEST - length);
	if (length < SHORTEST)
		length = SHORTEST;
	uint32_t crc = (uint32_t)crc32(0, frame, length);
	for (uint32_t i = 0; i < FCS; i++)
		frame[length + i] = (uint8_t)(crc >> (i * 8));
	return length + FCS;
}

static uint32_t frame_miss(struct pcnet *pcnet)
{
	/* The next looks are counted where they are made. */
	if (pcnet->misses == 0)
		pcnet->misses = 1;
	poll_soon(pcnet);
	if (pcnet->misses < PATIENCE)
		return 0;
	pcnet->misses = 0;
	/* CSR112 counts, and MFCO tells of its overflow. */
	if (++pcnet->csr[112] == 0)
		pcnet->csr[4] |= CSR4_MFCO;
	interrupt_raise(pcnet, CSR0_MISS);
	return 1;
}

uint32_t receive_frame(void *self, const struct vmm_net_frame *frame)
{
	struct pcnet *pcnet = self;
	if ((pcnet->csr[0] & CSR0_RXON) == 0 || !vmm_pci_bus_master(&pcnet->pci) || pcnet->pci.bus == NULL ||
		frame->length > LONGEST)
		return 1;
	if (csr_is_suspended(pcnet))
		return 0;
	/* When it comes from the transmitter it is there already. */
	if (frame->segments[0].data != pcnet->buffer)
		vmm_net_copy(frame, 0, pcnet->buffer, frame->length);
	uint32_t match = address_match(pcnet, pcnet->buffer);
	if (match == 0)
		return 1;
	uint32_t length = frame_finish(pcnet, (uint32_t)frame->length);
	uint32_t epoch = pcnet->epoch;
	uint32_t count = ring_room(pcnet, length);
	if (epoch != pcnet->epoch)
		return 1;
	if (count == 0)
		return frame_miss(pcnet);
	pcnet->misses = 0;
	if (frame_put(pcnet, length, count, match) >= 0)
		interrupt_raise(pcnet, CSR0_RINT);
	return 1;
}
