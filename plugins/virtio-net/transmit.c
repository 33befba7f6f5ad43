/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Frames from the driver to the network. */
#include "card.h"

#include <string.h>

#define VISIT 256u /* frames that are sent before others have their turn */

static uint16_t big16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

uint32_t flow_hash(const uint8_t *bytes, uint64_t length)
{
	uint64_t at = 14, addresses, ports;
	uint32_t hash = 0, size, protocol;
	uint16_t type = length >= 18 ? big16(bytes + 12) : 0;

	if (type == 0x8100) {
		type = big16(bytes + 16);
		at = 18;
	}
	if (type == 0x0800 && length >= at + 20) {
		addresses = at + 12;
		size = 4;
		/* ports are in the first fragment only */
		protocol = (big16(bytes + at + 6) & 0x3fff) == 0 ? bytes[at + 9] : 0;
		ports = at + (bytes[at] & 15) * 4u;
	} else if (type == 0x86dd && length >= at + 40) {
		addresses = at + 8;
		size = 16;
		protocol = bytes[at + 6];
		ports = at + 40;
	} else {
		return 0;
	}
	for (uint32_t i = 0; i < size; i++)
		hash = hash * 31 + (uint32_t)(bytes[addresses + i] ^ bytes[addresses + size + i]);
	if ((protocol == 6 || protocol == 17) && length >= ports + 4)
		hash = hash * 31 + (uint32_t)(big16(bytes + ports) ^ big16(bytes + ports + 2));
	return hash ^ hash >> 8 ^ hash >> 16;
}

static void unmap(struct card *card, struct outgoing *out)
{
	const struct vmm_pci *pci = &card->virtio.pci;

	for (uint32_t i = 0; i < out->map_count; i++)
		pci->bus->dma_unmap(pci->bus_self, out->maps[i], 0);
	out->map_count = 0;
}

/* Map the frame behind the header where it lies.  Its number of segments; 0: it cannot be. */
static uint32_t frame_map(struct card *card, const struct vmm_virtio_chain *chain, struct outgoing *out)
{
	const struct vmm_pci *pci = &card->virtio.pci;
	uint64_t skip = sizeof(struct header);

	out->map_count = 0;
	for (uint32_t i = 0; i < chain->out_count; i++) {
		uint64_t address = chain->pieces[i].address, left = chain->pieces[i].length;

		if (left <= skip) {
			skip -= left;
			continue;
		}
		address += skip;
		left -= skip;
		skip = 0;
		while (left > 0) {
			uint64_t length = left;
			void *pointer;

			if (out->map_count == VMM_NET_SEGMENTS ||
				pci->bus->dma_map(pci->bus_self, address, &length, VMM_DIRECTION_FROM_GUEST,
					&out->maps[out->map_count], &pointer) < 0) {
				unmap(card, out);
				return 0;
			}
			out->segments[out->map_count++] = (struct vmm_net_segment){ .data = pointer, .length = length };
			address += length;
			left -= length;
		}
	}
	return out->map_count;
}

/* One piece of memory for all of it: `room` of `length` bytes. */
static uint32_t frame_copy(
	struct card *card, const struct vmm_virtio_chain *chain, struct outgoing *out, uint8_t *room, uint64_t length)
{
	out->map_count = 0;
	out->segments[0] = (struct vmm_net_segment){ .data = room, .length = length };
	return vmm_virtio_copy_out(&card->virtio, chain, sizeof(struct header), room, length) == length;
}

/* What the header asks for; the lengths of the packet's own headers are looked up, for the driver's are only a hint. */
static void frame_describe(struct vmm_net_frame *frame, const struct header *header)
{
	uint8_t byte = 0;

	if ((header->flags & HDR_NEEDS_CSUM) != 0) {
		frame->flags |= VMM_NET_NEEDS_CHECKSUM;
		frame->checksum_start = header->csum_start;
		frame->checksum_offset = header->csum_offset;
	}
	switch (header->gso_type & (uint8_t)~GSO_ECN) {
	case GSO_NONE: return;
	case GSO_TCPV4: frame->segmentation = VMM_NET_SEGMENT_TCP4; break;
	case GSO_TCPV6: frame->segmentation = VMM_NET_SEGMENT_TCP6; break;
	case GSO_UDP_L4: frame->segmentation = VMM_NET_SEGMENT_UDP; break;
	default: frame->segmentation = ~0u; return; /* none that there is: the check finds it */
	}
	frame->segment_size = header->gso_size;
	if (frame->segmentation == VMM_NET_SEGMENT_UDP) {
		frame->header_length = header->csum_start + 8u;
		return;
	}
	vmm_net_copy(frame, header->csum_start + UINT64_C(12), &byte, 1);
	frame->header_length = header->csum_start + (byte >> 4) * 4u;
	if ((header->gso_type & GSO_ECN) != 0)
		frame->segmentation |= VMM_NET_SEGMENT_ECN;
}

/* 1: the frame is in `out`; 2: it is there, and nothing more may be until it is sent; 0: it is no frame. */
static uint32_t frame_make(
	struct card *card, const struct vmm_virtio_chain *chain, struct vmm_net_frame *frame, struct outgoing *out)
{
	struct header header;
	uint64_t length = chain->out_length - sizeof(header);
	uint32_t count = 0, only = 1;

	if (vmm_virtio_copy_out(&card->virtio, chain, 0, &header, sizeof(header)) != sizeof(header) || length < 14 ||
		length > VMM_NET_FRAME_MAXIMUM)
		return 0;
	if (length <= SMALL)
		count = frame_copy(card, chain, out, out->small, length);
	else
		count = frame_map(card, chain, out);
	*frame = (struct vmm_net_frame){
		.struct_size = sizeof(*frame), .length = length, .segments = out->segments, .segment_count = count
	};
	if (count != 0)
		frame_describe(frame, &header);
	if (count == 0 || (count > 1 && frame->segmentation != 0 && out->segments[0].length < frame->header_length)) {
		/* headers in pieces, or too many pieces */
		unmap(card, out);
		frame->segment_count = frame_copy(card, chain, out, card->large, length);
		if (frame->segment_count == 0)
			return 0;
		only = 2;
		if (count == 0)
			frame_describe(frame, &header);
	}
	return only;
}

static void flow_note(struct card *card, uint32_t pair, const struct vmm_net_frame *frame)
{
	if (card->active > 1)
		card->steering[flow_hash(frame->segments[0].data, frame->segments[0].length) % STEERING] = (uint8_t)
			pair;
}

/* Send what is there, up to a batch.  How many chains that were; *blocked: the network takes no more. */
static uint32_t batch_send(struct card *card, uint32_t pair, uint32_t *blocked)
{
	struct vmm_virtqueue *queue = &card->virtio.queues[2 * pair + 1];
	uint32_t chains = 0, frames = 0, taken, place[BATCH];

	while (chains < BATCH && vmm_virtqueue_peek(queue, chains, &card->chain) == 1) {
		struct outgoing *out = &card->out[chains];
		uint32_t made;

		out->map_count = 0;
		out->head = card->chain.head;
		made = card->chain.out_length > sizeof(struct header)
			? frame_make(card, &card->chain, &card->frames[frames], out)
			: 0;
		if (made != 0) {
			flow_note(card, pair, &card->frames[frames]);
			place[frames++] = chains;
		}
		chains++;
		if (made == 2)
			break;
	}
	taken = frames == 0 ? 0
			    : vmm_net_card_send(&card->net, card->frames, (uint32_t)sizeof(card->frames[0]), frames);
	for (uint32_t i = 0; i < chains; i++)
		unmap(card, &card->out[i]);
	*blocked = taken < frames;
	if (taken < frames)
		chains = place[taken];
	vmm_virtqueue_take(queue, chains);
	for (uint32_t i = 0; i < chains; i++)
		vmm_virtqueue_push(queue, card->out[i].head, 0);
	vmm_virtqueue_publish(queue);
	return chains;
}

static void go_on(void *self, uint64_t token)
{
	struct card *card = self;

	card->deferred &= ~(1u << token);
	transmit(card, (uint32_t)token);
}

void transmit(struct card *card, uint32_t pair)
{
	struct vmm_virtqueue *queue = &card->virtio.queues[2 * pair + 1];
	uint32_t done = 0;

	if (!card->running || pair >= card->active || ((card->blocked | card->deferred) >> pair & 1) != 0)
		return;
	vmm_virtqueue_listen(queue, 0);
	for (;;) {
		uint32_t blocked, count = batch_send(card, pair, &blocked);

		done += count;
		if (blocked) {
			card->blocked |= 1u << pair;
			return;
		}
		if (done >= VISIT) {
			card->deferred |= 1u << pair;
			card->event->defer(card->host->context, go_on, card, pair);
			return;
		}
		if (count != 0)
			continue;
		vmm_virtqueue_listen(queue, 1);
		/* what came in between was not notified of */
		if (vmm_virtqueue_peek(queue, 0, &card->chain) != 1)
			return;
		vmm_virtqueue_listen(queue, 0);
	}
}
