/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * One TCP connection of the test's guest (net_guest.h), over a wire that may lose what the peer sends.
 */
#ifndef NET_TCP_H
#define NET_TCP_H

#include "net_guest.h"

#define TCP_FIN 1u
#define TCP_SYN 2u
#define TCP_RST 4u
#define TCP_ACK 16u

struct tcp {
	struct guest *guest;
	struct guest_address peer;
	uint32_t port, peer_port;
	uint32_t mss;                                  /* that we tell; 0: what fits in 1500 bytes */
	uint32_t offload;                              /* bytes that may be sent in one frame, 0: a segment a frame */
	uint32_t next, acknowledged, window, expected; /* sequence numbers: ours, what the peer has, what comes next */
	uint32_t open, closed, reset, frames_large, longest; /* longest: of the segments that came */
	const uint8_t *out;                                  /* what is to be sent */
	uint32_t out_length, sent, in_length, in_size;
	uint8_t *in;
};

/* What fits behind the headers in 1500 bytes. */
static inline uint32_t tcp_segment(const struct tcp *tcp)
{
	if (tcp->mss > 0)
		return tcp->mss;
	return tcp->peer.length == 16 ? 1440 : 1460;
}

static inline void tcp_send(struct tcp *tcp, uint32_t flags, const uint8_t *data, uint32_t length)
{
	static uint8_t frame[70000];
	struct guest *guest = tcp->guest;
	uint32_t head = tcp->peer.length == 16 ? 54 : 34;
	uint8_t *at = frame + head;
	uint32_t size = (flags & TCP_SYN) != 0 ? 24 : 20;
	memset(at, 0, size);
	guest_put(at, 2, tcp->port);
	guest_put(at + 2, 2, tcp->peer_port);
	guest_put(at + 4, 4, tcp->next);
	if ((flags & TCP_ACK) != 0)
		guest_put(at + 8, 4, tcp->expected);
	at[12] = (uint8_t)(size << 2);
	at[13] = (uint8_t)flags;
	guest_put(at + 14, 2, 60000);
	if ((flags & TCP_SYN) != 0)
		guest_put(at + 20, 4, 0x02040000 | tcp_segment(tcp));
	if (length > 0)
		memcpy(at + size, data, length);
	tcp->next += length + ((flags & (TCP_SYN | TCP_FIN)) != 0);
	if (length <= tcp_segment(tcp)) {
		guest_send_ip(guest, frame, &tcp->peer, GUEST_TCP, size + length, 16);
		return;
	}
	tcp->frames_large++;
	guest_head(guest, frame, &tcp->peer, GUEST_TCP, size + length);
	uint16_t pseudo = (uint16_t)guest_pseudo(&guest->own, &tcp->peer, GUEST_TCP, size + length);
	memcpy(at + 16, &pseudo, 2);
	const struct vmm_net_segment segment = { frame, head + size + length };
	const struct vmm_net_frame large = {
		.struct_size = sizeof(large),
		.flags = VMM_NET_NEEDS_CHECKSUM,
		.length = segment.length,
		.segments = &segment,
		.segment_count = 1,
		.segmentation = tcp->peer.length == 16 ? VMM_NET_SEGMENT_TCP6 : VMM_NET_SEGMENT_TCP4,
		.segment_size = tcp_segment(tcp),
		.header_length = head + size,
		.checksum_start = head,
		.checksum_offset = 16,
	};
	guest_send_frame(guest, &large);
}

/* As much as the peer's window takes. */
static inline void tcp_push(struct tcp *tcp)
{
	while (tcp->open && tcp->sent < tcp->out_length) {
		uint32_t room = tcp->acknowledged + tcp->window - tcp->next;
		uint32_t most = tcp->offload > 0 ? tcp->offload : tcp_segment(tcp);
		uint32_t length = tcp->out_length - tcp->sent;
		if (length > most)
			length = most;
		if (room > 0x7fffffff || room == 0)
			return;
		if (length > room)
			length = room;
		tcp_send(tcp, TCP_ACK, tcp->out + tcp->sent, length);
		tcp->sent += length;
	}
}

static inline void tcp_take(struct tcp *tcp, const uint8_t *at, uint32_t length)
{
	uint32_t size = (uint32_t)(at[12] >> 4) * 4;
	uint32_t flags = at[13];
	uint32_t sequence = guest_get(at + 4, 4);
	ck_assert_uint_ge(length, size);
	length -= size;
	if (length > tcp->longest)
		tcp->longest = length;
	if ((flags & TCP_RST) != 0) {
		tcp->reset = 1;
		return;
	}
	if ((flags & TCP_SYN) != 0) {
		tcp->expected = sequence + 1;
		if ((flags & TCP_ACK) == 0)
			tcp_send(tcp, TCP_SYN | TCP_ACK, NULL, 0);
	} else if (sequence == tcp->expected) {
		ck_assert_uint_le(tcp->in_length + length, tcp->in_size);
		if (length > 0)
			memcpy(tcp->in + tcp->in_length, at + size, length);
		tcp->in_length += length;
		tcp->expected += length;
		if ((flags & TCP_FIN) != 0) {
			tcp->expected++;
			tcp->closed = 1;
		}
	}
	if ((flags & TCP_ACK) != 0) {
		tcp->open |= guest_get(at + 8, 4) == tcp->next || tcp->open;
		tcp->acknowledged = guest_get(at + 8, 4);
		tcp->window = guest_get(at + 14, 2);
	}
	if (length > 0 || (flags & TCP_FIN) != 0 || ((flags & TCP_SYN) != 0 && (flags & TCP_ACK) != 0))
		tcp_send(tcp, TCP_ACK, NULL, 0);
}

/* A turn of the loop, then all that has come; frames that are not of this connection are dropped. */
static inline void tcp_turn(struct tcp *tcp)
{
	const struct guest_frame *frame;
	struct guest_address from;
	uint32_t length;
	guest_turn(tcp->guest);
	while ((frame = guest_next(tcp->guest)) != NULL) {
		if (guest_resolve(tcp->guest, frame))
			continue;
		const uint8_t *at = guest_packet(tcp->guest, frame, GUEST_TCP, &from, &length);
		if (at == NULL || guest_get(at + 2, 2) != tcp->port)
			continue;
		if (tcp->peer_port == 0) {
			tcp->peer = from;
			tcp->peer_port = guest_get(at, 2);
		}
		if (guest_get(at, 2) == tcp->peer_port)
			tcp_take(tcp, at, length);
	}
	tcp_push(tcp);
}

static inline void tcp_init(struct tcp *tcp, struct guest *guest, uint32_t port)
{
	memset(tcp, 0, sizeof(*tcp));
	tcp->guest = guest;
	tcp->port = port;
	tcp->next = tcp->acknowledged = 1000;
}

static inline uint32_t tcp_connect(struct tcp *tcp, const struct guest_address *to, uint32_t port)
{
	tcp->peer = *to;
	tcp->peer_port = port;
	tcp_send(tcp, TCP_SYN, NULL, 0);
	for (uint32_t i = 0; i < 500 && !tcp->open && !tcp->reset; i++)
		tcp_turn(tcp);
	return tcp->open;
}

#endif
