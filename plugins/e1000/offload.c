/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What transmit descriptors ask for beyond sending (3.3.4 to 3.5): checksums, segmentation, a VLAN tag.
 */
#include "e1000.h"

#define POPTS_IXSM 1u
#define POPTS_TXSM 2u

static uint32_t word(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static void word_put(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Put a sum of [start, end) at `at`, all of which must be in the buffer.  What lies there counts, too. */
static int32_t sum_put(struct e1000 *e1000, uint64_t length, uint32_t head, uint32_t start, uint32_t at, uint32_t end)
{
	if (end >= length)
		end = (uint32_t)length - 1;
	if (start > end || at + 2 > length)
		return 0; /* it cannot be put; the frame goes as it is */
	if (end >= head || at + 2 > head)
		return -EAGAIN;
	uint16_t sum = vmm_net_sum_fold(vmm_net_sum(0, e1000->buffer + start, end + 1 - start));
	memcpy(e1000->buffer + at, &sum, sizeof(sum));
	return 0;
}

/* A sum up to the frame's end may be left to the network; others are put here. */
static int32_t sum_leave(
	struct e1000 *e1000, struct vmm_net_frame *frame, uint32_t head, uint32_t start, uint32_t at, uint32_t end)
{
	if ((end != 0 && end + 1 != frame->length) || at < start || start < 14)
		return sum_put(e1000, frame->length, head, start, at, end != 0 ? end : UINT32_MAX);
	if (start >= frame->length || (uint64_t)at + 2 > frame->length)
		return 0;
	frame->flags |= VMM_NET_NEEDS_CHECKSUM;
	frame->checksum_start = start;
	frame->checksum_offset = at - start;
	return 0;
}

static int32_t checksum_apply(
	struct e1000 *e1000, const struct transmit *transmit, struct vmm_net_frame *frame, uint32_t head)
{
	const struct context *context = &e1000->checksum;
	int32_t status = 0;
	if (transmit->ic)
		return sum_leave(e1000, frame, head, transmit->css, transmit->cso, 0);
	if ((transmit->popts & POPTS_IXSM) != 0)
		status = sum_put(e1000, frame->length, head, context->ipcss, context->ipcso,
			context->ipcse != 0 ? context->ipcse : UINT32_MAX);
	if (status >= 0 && (transmit->popts & POPTS_TXSM) != 0)
		status = sum_leave(e1000, frame, head, context->tucss, context->tucso, context->tucse);
	return status;
}

/* The headers as they would be of one great packet; the rest is for whoever cuts it.  Software has left the lengths 0,
 * and out of the pseudo header's sum (3.5.6). */
static int32_t segmentation_apply(struct e1000 *e1000, struct vmm_net_frame *frame)
{
	const struct context *context = &e1000->segmentation;
	uint8_t *ip = e1000->buffer + context->ipcss;
	uint8_t *transport = e1000->buffer + context->tucss;
	uint32_t is_tcp = context->tucmd & TUCMD_TCP;
	uint32_t is_ip4 = context->tucmd & TUCMD_IP;
	uint64_t header = context->hdrlen;
	if (header > frame->length || context->mss == 0 || context->ipcss < 14 || context->ipcss + 20u > header ||
		context->tucss < context->ipcss + 20u || context->tucss + 8u > header ||
		context->tucso < context->tucss || context->tucso + 2u > header)
		return -EINVAL;
	uint64_t size = frame->length - context->tucss;
	uint64_t total = frame->length - context->ipcss;
	if (is_ip4) {
		word_put(ip + 2, total < 0xffff ? (uint32_t)total : 0xffff);
		word_put(ip + 10, 0);
		uint16_t sum = vmm_net_sum_fold(vmm_net_sum(0, ip, context->tucss - context->ipcss));
		memcpy(ip + 10, &sum, sizeof(sum));
	} else {
		word_put(ip + 4, total - 40 < 0xffff ? (uint32_t)total - 40 : 0xffff);
	}
	if (!is_tcp)
		word_put(transport + 4, size < 0xffff ? (uint32_t)size : 0xffff);
	uint8_t *at = e1000->buffer + context->tucso;
	uint32_t pseudo = word(at) + (uint32_t)(size & 0xffff) + (uint32_t)(size >> 16);
	pseudo = (pseudo & 0xffff) + (pseudo >> 16);
	word_put(at, (pseudo & 0xffff) + (pseudo >> 16));
	frame->flags |= VMM_NET_NEEDS_CHECKSUM;
	frame->checksum_start = context->tucss;
	frame->checksum_offset = context->tucso - context->tucss;
	/* A single one needs no cutting. */
	if (frame->length - header <= context->mss)
		return 0;
	frame->segmentation = !is_tcp ? VMM_NET_SEGMENT_UDP : is_ip4 ? VMM_NET_SEGMENT_TCP4 : VMM_NET_SEGMENT_TCP6;
	if (is_tcp && context->tucss + 14u <= header && (transport[13] & 0x80) != 0)
		frame->segmentation |= VMM_NET_SEGMENT_ECN;
	frame->segment_size = context->mss;
	frame->header_length = (uint32_t)header;
	return 0;
}

int32_t offload_apply(struct e1000 *e1000, const struct transmit *transmit, struct vmm_net_frame *frame, uint32_t *head)
{
	int32_t status = transmit->tse ? segmentation_apply(e1000, frame)
				       : checksum_apply(e1000, transmit, frame, *head);
	if (status < 0 || !transmit->vle || (register_get(e1000, CTRL) & CTRL_VME) == 0)
		return status;
	/* The tag goes behind the addresses, and all else moves. */
	uint8_t *tag = e1000->buffer + 12;
	memmove(tag + 4, tag, *head - 12);
	word_put(tag, register_get(e1000, VET) & 0xffff);
	word_put(tag + 2, transmit->tag);
	*head += 4;
	frame->length += 4;
	if (frame->segmentation != VMM_NET_SEGMENT_NONE)
		frame->header_length += 4;
	if ((frame->flags & VMM_NET_NEEDS_CHECKSUM) != 0)
		frame->checksum_start += 4;
	return 0;
}
