/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Frames from the network to the driver. */
#include "card.h"

#include <string.h>

/* The pair on which the flow was sent, so that one processor does both. */
static uint32_t pair_of(const struct card *card, const struct vmm_net_frame *frame)
{
	uint8_t bytes[96];
	uint32_t pair;

	if (card->active < 2)
		return 0;
	pair = card->steering[flow_hash(bytes, vmm_net_copy(frame, 0, bytes, sizeof(bytes))) % STEERING];
	return pair < card->active ? pair : 0;
}

static uint32_t vlan_wanted(const struct card *card, const struct vmm_net_frame *frame)
{
	uint8_t tag[4];

	if (!vmm_virtio_has(&card->virtio, F_CTRL_VLAN) || card->filter.promiscuous ||
		vmm_net_copy(frame, 12, tag, 4) != 4 || tag[0] != 0x81 || tag[1] != 0)
		return 1;
	uint32_t number = (uint32_t)(tag[2] & 15) << 8 | tag[3];
	return card->filter.vlans[number / 8] >> (number % 8) & 1;
}

static void header_make(const struct card *card, const struct vmm_net_frame *frame, struct header *header)
{
	memset(header, 0, sizeof(*header));
	if ((frame->flags & VMM_NET_NEEDS_CHECKSUM) != 0) {
		header->flags = HDR_NEEDS_CSUM;
		header->csum_start = (uint16_t)frame->checksum_start;
		header->csum_offset = (uint16_t)frame->checksum_offset;
	} else if ((frame->flags & VMM_NET_CHECKSUM_RIGHT) != 0 && (card->offloads & F_GUEST_CSUM) != 0) {
		header->flags = HDR_DATA_VALID;
	}
	switch (frame->segmentation & ~VMM_NET_SEGMENT_ECN) {
	case VMM_NET_SEGMENT_TCP4: header->gso_type = GSO_TCPV4; break;
	case VMM_NET_SEGMENT_TCP6: header->gso_type = GSO_TCPV6; break;
	default: return;
	}
	if ((frame->segmentation & VMM_NET_SEGMENT_ECN) != 0)
		header->gso_type |= GSO_ECN;
	header->gso_size = (uint16_t)frame->segment_size;
	header->hdr_len = (uint16_t)frame->header_length;
}

/* From byte `from` of the frame on to a chain, behind `offset` bytes of it.  How many bytes there was room for. */
static uint64_t chain_fill(struct card *card, const struct vmm_virtio_chain *chain, uint64_t offset,
	const struct vmm_net_frame *frame, uint64_t from)
{
	uint64_t done = 0;

	for (uint32_t i = 0; i < frame->segment_count; i++) {
		const struct vmm_net_segment *segment = &frame->segments[i];
		uint64_t copied;

		if (from >= segment->length) {
			from -= segment->length;
			continue;
		}
		copied = vmm_virtio_copy_in(&card->virtio, chain, offset + done, (const uint8_t *)segment->data + from,
			segment->length - from);
		done += copied;
		if (copied < segment->length - from)
			break;
		from = 0;
	}
	return done;
}

/* Put the frame into as many buffers as it takes.  Their number; 0: there are not enough; ~0: it does not fit. */
static uint32_t frame_put(struct card *card, struct vmm_virtqueue *queue, const struct vmm_net_frame *frame,
	uint32_t heads[MERGE_LIMIT], uint32_t lengths[MERGE_LIMIT])
{
	uint32_t merge = vmm_virtio_has(&card->virtio, F_MRG_RXBUF), count = 0;
	uint64_t done = 0;
	struct header header;

	header_make(card, frame, &header);
	while (done < frame->length || count == 0) {
		struct vmm_virtio_chain *chain = count == 0 ? &card->first : &card->chain;
		uint64_t offset = count == 0 ? sizeof(header) : 0, put;

		if (count == MERGE_LIMIT || (count == 1 && !merge))
			return ~0u;
		if (vmm_virtqueue_peek(queue, count, chain) != 1)
			return 0;
		if (chain->in_length < offset)
			return ~0u;
		put = chain_fill(card, chain, offset, frame, done);
		heads[count] = chain->head;
		lengths[count] = (uint32_t)(offset + put);
		done += put;
		count++;
	}
	header.num_buffers = (uint16_t)count;
	vmm_virtio_copy_in(&card->virtio, &card->first, 0, &header, sizeof(header));
	return count;
}

uint32_t receive(void *self, const struct vmm_net_frame *frame)
{
	struct card *card = self;
	struct vmm_virtqueue *queue;
	uint32_t heads[MERGE_LIMIT], lengths[MERGE_LIMIT], count;

	if (!vmm_virtio_running(&card->virtio) || !vlan_wanted(card, frame))
		return 1;
	queue = &card->virtio.queues[2 * pair_of(card, frame)];
	if (!queue->enabled)
		return 1;
	count = frame_put(card, queue, frame, heads, lengths);
	if (count == 0) {
		vmm_virtqueue_listen(queue, 1);
		/* they may have come just now */
		count = frame_put(card, queue, frame, heads, lengths);
		if (count == 0) {
			card->starved = 1;
			return !vmm_virtio_running(&card->virtio);
		}
	}
	if (card->starved) {
		card->starved = 0;
		vmm_virtqueue_listen(queue, 0);
	}
	if (count == ~0u) {
		card->oversized++;
		return 1;
	}
	vmm_virtqueue_take(queue, count);
	for (uint32_t i = 0; i < count; i++)
		vmm_virtqueue_push(queue, heads[i], lengths[i]);
	vmm_virtqueue_publish(queue);
	return 1;
}
