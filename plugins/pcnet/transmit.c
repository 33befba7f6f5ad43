/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Frames out of the transmit ring.  A frame's descriptors are given back together, once the network has taken it.
 */
#include "pcnet.h"

#define LONGEST 16384u
#define BUDGET  64u /* descriptors in one go, before others have their turn */

static int32_t buffer_read(struct pcnet *pcnet, const struct descriptor *descriptor, uint32_t length)
{
	const struct vmm_pci *pci = &pcnet->pci;
	if (length + descriptor->length > LONGEST)
		return 0; /* no frame is that long: the rest is left out */
	return pci->bus->dma_read(pci->bus_self, descriptor->address, pcnet->buffer + length, descriptor->length);
}

/* 0: taken, or swallowed; -EAGAIN. */
static int32_t frame_send(struct pcnet *pcnet, uint32_t length, uint32_t add_fcs)
{
	uint32_t mode = pcnet->csr[15];
	/* The frame brings its own check sequence. */
	if ((mode & MODE_DXMTFCS) != 0 && !add_fcs && length > 18)
		length -= 4;
	const struct vmm_net_segment segment = { pcnet->buffer, length };
	const struct vmm_net_frame frame = {
		.struct_size = sizeof(frame), .length = length, .segments = &segment, .segment_count = 1
	};
	if (length < 14)
		return 0;
	if ((mode & MODE_LOOP) != 0) {
		receive_frame(pcnet, &frame);
		return 0;
	}
	return vmm_net_card_send(&pcnet->card, &frame, sizeof(frame), 1) == 0 ? -EAGAIN : 0;
}

/* Give back the descriptors from tx_index up to `end`. */
static int32_t frame_return(struct pcnet *pcnet, uint32_t count, uint32_t epoch)
{
	uint32_t ring = ring_length(pcnet, 1);
	uint32_t no_link = pcnet->card.info.link == 0 && (pcnet->csr[15] & (MODE_DLNKTST | MODE_LOOP)) == 0;
	uint32_t interrupt = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct descriptor descriptor;
		uint32_t status = 0;
		if (descriptor_read(pcnet, 1, pcnet->tx_index, &descriptor) < 0 || epoch != pcnet->epoch)
			return -EIO;
		uint32_t asked = (descriptor.flags & MD_LTINT) != 0;
		/* OWN, ERR, MORE, ONE, DEF */
		descriptor.flags &= UINT32_C(0x23ff0000);
		if (i + 1 == count) {
			/* CSR5: an interrupt only where it is asked for, or none for what went well. */
			interrupt = (pcnet->csr[5] & CSR5_LTINTEN) != 0 ? asked : 1;
			if ((pcnet->csr[5] & CSR5_TOKINTD) != 0)
				interrupt = 0;
			if (no_link) {
				status = TMD_LCAR;
				descriptor.flags |= MD_ERR;
				interrupt = 1;
			}
		}
		if (descriptor_write(pcnet, 1, &descriptor, status) < 0 || epoch != pcnet->epoch)
			return -EIO;
		pcnet->tx_index = (uint16_t)((pcnet->tx_index + 1u) % ring);
	}
	if (interrupt)
		interrupt_raise(pcnet, CSR0_TINT);
	return 0;
}

/* How many descriptors the next frame had; negative: there is none. */
static int32_t frame_next(struct pcnet *pcnet)
{
	uint32_t epoch = pcnet->epoch;
	uint32_t ring = ring_length(pcnet, 1);
	uint32_t length = 0;
	uint32_t add_fcs = 0;
	if (ring == 0 || pcnet->tx_index >= ring)
		return -EINVAL;
	for (uint32_t count = 0; count < ring && count < RING_MAX;) {
		struct descriptor descriptor;
		uint32_t index = (pcnet->tx_index + count) % ring;
		if (descriptor_read(pcnet, 1, index, &descriptor) < 0 || epoch != pcnet->epoch)
			return -EIO;
		/* A part may be still to come: it waits. */
		if ((descriptor.flags & MD_OWN) == 0)
			return -ENOENT;
		count++;
		/* One that begins nothing is skipped. */
		if (count == 1 && (descriptor.flags & MD_STP) == 0)
			return frame_return(pcnet, 1, epoch) < 0 ? -EIO : 1;
		if (count == 1)
			add_fcs = descriptor.flags & MD_ADD_FCS;
		if (buffer_read(pcnet, &descriptor, length) < 0 || epoch != pcnet->epoch)
			return -EIO;
		if (length + descriptor.length <= LONGEST)
			length += descriptor.length;
		if ((descriptor.flags & MD_ENP) == 0)
			continue;
		int32_t status = frame_send(pcnet, length, add_fcs);
		if (status < 0 || epoch != pcnet->epoch)
			return status < 0 ? status : -EIO;
		return frame_return(pcnet, count, epoch) < 0 ? -EIO : (int32_t)count;
	}
	/* A whole ring without an end. */
	return frame_return(pcnet, 1, epoch) < 0 ? -EIO : 1;
}

static void transmit_more(void *self, uint64_t token)
{
	struct pcnet *pcnet = self;
	(void)token;
	pcnet->kicked = 0;
	if (pcnet->running)
		transmit_run(pcnet);
}

/* A ring in memory that does not take OWN away would never end: from one word of the driver's, or look of our own, to
 * the next no more is done than a ring has. */
void transmit_kick(struct pcnet *pcnet)
{
	if (pcnet->sending)
		return;
	pcnet->credit = RING_MAX;
	transmit_run(pcnet);
}

void transmit_run(struct pcnet *pcnet)
{
	uint32_t done = 0;
	if (pcnet->sending)
		return;
	pcnet->sending = 1;
	while ((pcnet->csr[0] & CSR0_TXON) != 0 && !csr_is_suspended(pcnet) && pcnet->pci.bus != NULL) {
		if (done >= BUDGET) {
			if (!pcnet->kicked)
				pcnet->kicked = pcnet->event->defer(pcnet->host->context, transmit_more, pcnet, 0) >= 0;
			break;
		}
		int32_t count = pcnet->credit > 0 ? frame_next(pcnet) : -EAGAIN;
		if (count < 0)
			break;
		done += (uint32_t)count;
		pcnet->credit -= (uint32_t)count < pcnet->credit ? (uint32_t)count : pcnet->credit;
	}
	pcnet->sending = 0;
}
