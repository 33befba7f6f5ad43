/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What can be done to a frame in software: checksums, and cutting it into several.
 */
#include <vmm/kit/net.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define ETHERNET_HEADER 14u
#define VLAN_TAG        4u
#define VLAN_TAGS       2u
#define TYPE_IP4        0x0800u
#define TYPE_IP6        0x86ddu
#define TYPE_VLAN       0x8100u
#define TYPE_VLAN_OUTER 0x88a8u
#define IP6_HEADER      40u
#define PROTOCOL_TCP    6u
#define PROTOCOL_UDP    17u
#define UDP_HEADER      8u
#define TCP_CHECKSUM    16u
#define UDP_CHECKSUM    6u
#define TCP_FIN         0x01u
#define TCP_PSH         0x08u
#define TCP_CWR         0x80u
#define HEADERS_MAXIMUM (ETHERNET_HEADER + VLAN_TAGS * VLAN_TAG + 60u + 60u)

/* Where the headers are in a frame that is to be cut.  They may lie in memory that the guest goes on writing to: they
 * are looked at once, and after that only this is believed. */
struct layout {
	uint32_t ip, transport, payload;
	bool ip6, udp;
};

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* Never 0 for something that was not, so that sums may be folded at any time. */
static uint32_t fold(uint64_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)sum;
}

/* In the host's order: a sum of words with swapped bytes is the sum with swapped bytes (RFC 1071, 2B). */
uint32_t vmm_net_sum(uint32_t sum, const void *data, uint64_t length)
{
	const uint8_t *at = data;
	uint64_t total = 0;
	uint32_t word;
	uint16_t half;
	while (length >= sizeof(word)) {
		/* As many as cannot overflow the total. */
		uint64_t count = length / sizeof(word) < (1u << 30) ? length / sizeof(word) : 1u << 30;
		for (uint64_t i = 0; i < count; i++) {
			memcpy(&word, at + i * sizeof(word), sizeof(word));
			total += word;
		}
		at += count * sizeof(word);
		length -= count * sizeof(word);
		total = fold(total);
	}
	if (length >= sizeof(half)) {
		memcpy(&half, at, sizeof(half));
		total += half;
		at += sizeof(half);
		length -= sizeof(half);
	}
	if (length > 0) {
		half = 0;
		memcpy(&half, at, 1);
		total += half;
	}
	return fold(total + sum);
}

uint16_t vmm_net_sum_fold(uint32_t sum)
{
	return (uint16_t)~fold(sum);
}

uint64_t vmm_net_copy(const struct vmm_net_frame *frame, uint64_t offset, void *data, uint64_t length)
{
	uint8_t *to = data;
	uint64_t done = 0;
	for (uint32_t i = 0; i < frame->segment_count && done < length; i++) {
		const struct vmm_net_segment *segment = &frame->segments[i];
		if (offset >= segment->length) {
			offset -= segment->length;
			continue;
		}
		uint64_t piece = segment->length - offset;
		if (piece > length - done)
			piece = length - done;
		memcpy(to + done, (const uint8_t *)segment->data + offset, piece);
		done += piece;
		offset = 0;
	}
	return done;
}

/* Checks. */

static int32_t check_segments(const struct vmm_net_frame *frame)
{
	uint64_t left = frame->length;
	if (frame->segments == NULL || frame->segment_count == 0 || frame->segment_count > VMM_NET_SEGMENTS)
		return -EINVAL;
	for (uint32_t i = 0; i < frame->segment_count; i++) {
		const struct vmm_net_segment *segment = &frame->segments[i];
		if (segment->length > left || (segment->data == NULL && segment->length > 0))
			return -EINVAL;
		left -= segment->length;
	}
	return left == 0 ? 0 : -EINVAL;
}

static int32_t find_ip(const uint8_t *head, uint32_t length, struct layout *layout, uint32_t *type)
{
	uint32_t at = ETHERNET_HEADER - 2;
	for (uint32_t tags = 0;; tags++, at += VLAN_TAG) {
		if (at + 2 > length)
			return -EINVAL;
		*type = get16(head + at);
		if (*type != TYPE_VLAN && *type != TYPE_VLAN_OUTER)
			break;
		if (tags == VLAN_TAGS)
			return -EINVAL;
	}
	layout->ip = at + 2;
	return 0;
}

static int32_t find_transport(
	const uint8_t *head, uint32_t length, struct layout *layout, uint32_t type, uint32_t *protocol)
{
	const uint8_t *ip = head + layout->ip;
	uint32_t left = length - layout->ip;
	if (type == TYPE_IP4) {
		uint32_t size = left > 0 ? (ip[0] & 15u) * 4 : 0;
		if (size < 20 || size > left || ip[0] >> 4 != 4)
			return -EINVAL;
		/* A fragment has no whole header behind it. */
		if ((get16(ip + 6) & 0x3fff) != 0)
			return -EINVAL;
		*protocol = ip[9];
		layout->transport = layout->ip + size;
		layout->ip6 = false;
		return 0;
	}
	if (type != TYPE_IP6 || left < IP6_HEADER || ip[0] >> 4 != 6)
		return -EINVAL;
	/* Extension headers are other protocols, and refused as such. */
	*protocol = ip[6];
	layout->transport = layout->ip + IP6_HEADER;
	layout->ip6 = true;
	return 0;
}

/* The headers of a frame that is to be cut must be there, and be what the frame says. */
static int32_t find_layout(const struct vmm_net_frame *frame, struct layout *layout)
{
	const uint8_t *head = frame->segments[0].data;
	uint32_t length = frame->header_length;
	uint32_t kind = frame->segmentation & ~VMM_NET_SEGMENT_ECN;
	uint32_t type, protocol, checksum, size;
	if (length > HEADERS_MAXIMUM || length > frame->segments[0].length)
		return -EINVAL;
	if (find_ip(head, length, layout, &type) < 0 || find_transport(head, length, layout, type, &protocol) < 0)
		return -EINVAL;
	layout->udp = kind == VMM_NET_SEGMENT_UDP;
	if (protocol != (layout->udp ? PROTOCOL_UDP : PROTOCOL_TCP) || (kind == VMM_NET_SEGMENT_TCP4 && layout->ip6) ||
		(kind == VMM_NET_SEGMENT_TCP6 && !layout->ip6))
		return -EINVAL;
	uint32_t left = length - layout->transport;
	if (layout->udp) {
		size = UDP_HEADER;
		checksum = UDP_CHECKSUM;
	} else {
		size = left > 12 ? (uint32_t)(head[layout->transport + 12] >> 4) * 4 : 0;
		checksum = TCP_CHECKSUM;
	}
	if (size != left || size < (layout->udp ? UDP_HEADER : 20))
		return -EINVAL;
	layout->payload = length;
	if (frame->checksum_start != layout->transport || frame->checksum_offset != checksum)
		return -EINVAL;
	/* Each piece must have a length that its IP header can say. */
	uint64_t piece = frame->length - length;
	if (piece > frame->segment_size)
		piece = frame->segment_size;
	return length - (layout->ip6 ? layout->transport : layout->ip) + piece <= 0xffff ? 0 : -EINVAL;
}

static int32_t check_segmentation(const struct vmm_net_frame *frame, struct layout *layout)
{
	switch (frame->segmentation) {
	case VMM_NET_SEGMENT_TCP4:
	case VMM_NET_SEGMENT_TCP6:
	case VMM_NET_SEGMENT_UDP:
	case VMM_NET_SEGMENT_TCP4 | VMM_NET_SEGMENT_ECN:
	case VMM_NET_SEGMENT_TCP6 | VMM_NET_SEGMENT_ECN: break;
	default: return -EINVAL;
	}
	if (frame->segment_size == 0 || (frame->flags & VMM_NET_NEEDS_CHECKSUM) == 0)
		return -EINVAL;
	return find_layout(frame, layout);
}

static int32_t check(const struct vmm_net_frame *frame, struct layout *layout)
{
	if (frame->struct_size < sizeof(*frame) || frame->length < ETHERNET_HEADER ||
		frame->length > VMM_NET_FRAME_MAXIMUM ||
		(frame->flags & ~(VMM_NET_NEEDS_CHECKSUM | VMM_NET_CHECKSUM_RIGHT)) != 0)
		return -EINVAL;
	if (check_segments(frame) < 0)
		return -EINVAL;
	if ((frame->flags & VMM_NET_NEEDS_CHECKSUM) != 0 &&
		(frame->checksum_start < ETHERNET_HEADER || frame->checksum_start > frame->length ||
			(uint64_t)frame->checksum_offset + 2 > frame->length - frame->checksum_start))
		return -EINVAL;
	return frame->segmentation == VMM_NET_SEGMENT_NONE ? 0 : check_segmentation(frame, layout);
}

int32_t vmm_net_check(const struct vmm_net_frame *frame)
{
	struct layout layout;
	return check(frame, &layout);
}

/* Finishing. */

uint64_t vmm_net_needs(const struct vmm_net_frame *frame)
{
	uint64_t capabilities = (frame->flags & VMM_NET_NEEDS_CHECKSUM) != 0 ? VMM_NET_CHECKSUM : 0;
	switch (frame->segmentation & ~VMM_NET_SEGMENT_ECN) {
	case VMM_NET_SEGMENT_TCP4: capabilities |= VMM_NET_TCP4; break;
	case VMM_NET_SEGMENT_TCP6: capabilities |= VMM_NET_TCP6; break;
	case VMM_NET_SEGMENT_UDP: capabilities |= VMM_NET_UDP; break;
	default: break;
	}
	if ((frame->segmentation & VMM_NET_SEGMENT_ECN) != 0)
		capabilities |= VMM_NET_ECN;
	return capabilities;
}

/* A sum of 0 is stored as its other form: for UDP, 0 means that there is none (RFC 768). */
static void store_sum(uint8_t *at, uint32_t sum)
{
	uint16_t value = vmm_net_sum_fold(sum);
	if (value == 0)
		value = 0xffff;
	memcpy(at, &value, sizeof(value));
}

/* What stands for the addresses in the transport's checksum (RFC 9293, 3.1; RFC 8200, 8.1). */
static uint32_t pseudo_sum(const uint8_t *ip, const struct layout *layout, uint32_t length)
{
	uint8_t tail[8] = { 0 };
	put32(tail, length);
	tail[7] = layout->udp ? PROTOCOL_UDP : PROTOCOL_TCP;
	uint32_t sum = layout->ip6 ? vmm_net_sum(0, ip + 8, 32) : vmm_net_sum(0, ip + 12, 8);
	return vmm_net_sum(sum, tail, sizeof(tail));
}

struct cut {
	const struct vmm_net_frame *frame;
	struct layout layout;
	uint64_t capabilities;
	uint8_t *room;
};

static void piece_tcp(const struct cut *cut, uint8_t *tcp, uint64_t offset, bool last)
{
	put32(tcp + 4, get32(tcp + 4) + (uint32_t)offset);
	if (!last)
		tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (offset > 0 && (cut->frame->segmentation & VMM_NET_SEGMENT_ECN) != 0)
		tcp[13] &= (uint8_t)~TCP_CWR;
}

/* The headers of the piece that begins at `offset` of the payload; what is in the room has them from the frame. */
static void piece_headers(const struct cut *cut, uint64_t offset, uint32_t length, uint32_t number)
{
	const struct layout *layout = &cut->layout;
	uint8_t *ip = cut->room + layout->ip;
	uint8_t *transport = cut->room + layout->transport;
	uint32_t size = layout->payload - layout->transport + length;
	if (layout->ip6) {
		put16(ip + 4, size);
	} else {
		put16(ip + 2, layout->transport - layout->ip + size);
		put16(ip + 4, get16(ip + 4) + number);
		put16(ip + 10, 0);
		uint16_t sum = vmm_net_sum_fold(vmm_net_sum(0, ip, layout->transport - layout->ip));
		memcpy(ip + 10, &sum, sizeof(sum));
	}
	if (layout->udp)
		put16(transport + 4, size);
	else
		piece_tcp(cut, transport, offset, offset + length == cut->frame->length - layout->payload);
	uint8_t *checksum = transport + cut->frame->checksum_offset;
	uint16_t pseudo = (uint16_t)pseudo_sum(ip, layout, size);
	memcpy(checksum, &pseudo, sizeof(pseudo));
	if ((cut->capabilities & VMM_NET_CHECKSUM) == 0)
		store_sum(checksum, vmm_net_sum(0, transport, size));
}

static int32_t cut_pieces(
	const struct cut *cut, int32_t (*each)(void *self, const struct vmm_net_frame *frame), void *self)
{
	const struct layout *layout = &cut->layout;
	uint64_t total = cut->frame->length - layout->payload;
	uint64_t offset = 0;
	uint32_t number = 0;
	struct vmm_net_segment segment = { .data = cut->room };
	struct vmm_net_frame piece = {
		.struct_size = sizeof(piece),
		.flags = cut->frame->flags,
		.segments = &segment,
		.segment_count = 1,
		.checksum_start = cut->frame->checksum_start,
		.checksum_offset = cut->frame->checksum_offset,
	};
	if ((cut->capabilities & VMM_NET_CHECKSUM) == 0) {
		piece.flags &= ~VMM_NET_NEEDS_CHECKSUM;
		piece.checksum_start = piece.checksum_offset = 0;
	}
	do {
		uint64_t length = total - offset < cut->frame->segment_size ? total - offset : cut->frame->segment_size;
		vmm_net_copy(cut->frame, 0, cut->room, layout->payload);
		vmm_net_copy(cut->frame, layout->payload + offset, cut->room + layout->payload, length);
		piece_headers(cut, offset, (uint32_t)length, number++);
		piece.length = segment.length = layout->payload + length;
		int32_t status = each(self, &piece);
		if (status != 0)
			return status;
		offset += length;
	} while (offset < total);
	return 0;
}

static int32_t finish_checksum(const struct vmm_net_frame *frame, uint8_t *room,
	int32_t (*each)(void *self, const struct vmm_net_frame *frame), void *self)
{
	struct vmm_net_segment segment = { .data = room, .length = frame->length };
	struct vmm_net_frame whole = {
		.struct_size = sizeof(whole),
		.flags = frame->flags & ~VMM_NET_NEEDS_CHECKSUM,
		.length = frame->length,
		.segments = &segment,
		.segment_count = 1,
	};
	uint8_t *start = room + frame->checksum_start;
	vmm_net_copy(frame, 0, room, frame->length);
	store_sum(start + frame->checksum_offset, vmm_net_sum(0, start, frame->length - frame->checksum_start));
	return each(self, &whole);
}

int32_t vmm_net_finish(const struct vmm_net_frame *frame, uint64_t capabilities, uint8_t *room,
	int32_t (*each)(void *self, const struct vmm_net_frame *frame), void *self)
{
	struct cut cut = { .frame = frame, .capabilities = capabilities, .room = room };
	if (check(frame, &cut.layout) < 0)
		return -EINVAL;
	if ((vmm_net_needs(frame) & ~capabilities) == 0)
		return each(self, frame);
	if (frame->segmentation == VMM_NET_SEGMENT_NONE)
		return finish_checksum(frame, room, each, self);
	return cut_pieces(&cut, each, self);
}
