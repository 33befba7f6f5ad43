/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A guest for tests of network modes: a card that keeps what it is given, and just enough of ARP, IP, UDP and TCP to
 * talk to a router.  It trusts nothing: every checksum that comes is looked at.
 */
#ifndef NET_GUEST_H
#define NET_GUEST_H

#include <string.h>

#include <vmm/kit/net.h>

#include "plugin_test.h"

#define GUEST_FRAMES 4096
#define GUEST_TCP    6
#define GUEST_UDP    17

struct guest_frame {
	uint8_t *data;
	uint32_t length, flags;
};

struct guest_address {
	uint8_t bytes[16];
	uint32_t length; /* 4 or 16 */
};

struct guest {
	struct fake *fake;
	struct fake_instance *net;
	const struct vmm_net_lower *lower;
	void *lower_self;
	uint8_t mac[6], router_mac[6];
	struct guest_address own;
	uint32_t room, within, writables, changes;
	struct guest_frame frames[GUEST_FRAMES];
	uint32_t first, count;
};

static inline void guest_put(uint8_t *at, uint32_t bytes, uint32_t value)
{
	for (; bytes > 0; bytes--, value >>= 8)
		at[bytes - 1] = (uint8_t)value;
}

static inline uint32_t guest_get(const uint8_t *at, uint32_t bytes)
{
	uint32_t value = 0;
	while (bytes-- > 0)
		value = value << 8 | *at++;
	return value;
}

/* The card. */

static inline uint32_t guest_receive(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct guest *guest = self;
	uint32_t done = 0;
	ck_assert_uint_eq(guest->within, 0);
	for (; done < count && guest->room > 0 && guest->count < GUEST_FRAMES; done++, guest->room--) {
		const uint8_t *at = (const uint8_t *)frames + (uint64_t)stride * done;
		const struct vmm_net_frame *frame = (const struct vmm_net_frame *)(const void *)at;
		struct guest_frame *kept = &guest->frames[(guest->first + guest->count++) % GUEST_FRAMES];
		ck_assert_int_eq(vmm_net_check(frame), 0);
		ck_assert_uint_eq(frame->segmentation, 0);
		kept->length = (uint32_t)frame->length;
		kept->flags = frame->flags;
		kept->data = malloc(kept->length);
		ck_assert_uint_eq(vmm_net_copy(frame, 0, kept->data, kept->length), kept->length);
	}
	return done;
}

static inline void guest_writable(void *self)
{
	struct guest *guest = self;
	ck_assert_uint_eq(guest->within, 0);
	guest->writables++;
}

static inline void guest_changed(void *self)
{
	struct guest *guest = self;
	ck_assert_uint_eq(guest->within, 0);
	guest->changes++;
}

static const struct vmm_net_upper guest_upper = {
	.struct_size = sizeof(struct vmm_net_upper),
	.receive = guest_receive,
	.writable = guest_writable,
	.changed = guest_changed,
};

/* Join it to the port `card`. */
static inline struct fake_link *guest_join(struct guest *guest, struct fake *fake, struct fake_instance *net)
{
	struct vmm_port_side side;
	const struct vmm_port_side upper = { .struct_size = sizeof(upper), .table = &guest_upper, .self = guest };
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
	memset(guest, 0, sizeof(*guest));
	memcpy(guest->mac, mac, 6);
	guest->fake = fake;
	guest->net = net;
	guest->room = UINT32_MAX;
	ck_assert_int_eq(fake_side(net, "card", &side), 0);
	guest->lower = side.table;
	guest->lower_self = side.self;
	struct fake_link *link = fake_join_sides(fake, &upper, &side, VMM_PORT_NET, 0);
	ck_assert_ptr_nonnull(link);
	return link;
}

static inline uint32_t guest_send_frame(struct guest *guest, const struct vmm_net_frame *frame)
{
	guest->within = 1;
	uint32_t taken = guest->lower->send(guest->lower_self, frame, sizeof(*frame), 1);
	guest->within = 0;
	return taken;
}

static inline uint32_t guest_send(struct guest *guest, const void *data, uint32_t length)
{
	/* In two pieces, so that nobody counts on one. */
	const uint32_t first = length > 15 ? 15 : length;
	const struct vmm_net_segment segments[2] = { { data, first },
		{ (const uint8_t *)data + first, length - first } };
	const struct vmm_net_frame frame = {
		.struct_size = sizeof(frame), .length = length, .segments = segments, .segment_count = 2
	};
	return guest_send_frame(guest, &frame);
}

/* The oldest frame that has come, or NULL; valid until the next call. */
static inline const struct guest_frame *guest_next(struct guest *guest)
{
	static struct guest_frame frame;
	free(frame.data);
	frame.data = NULL;
	if (guest->count == 0)
		return NULL;
	frame = guest->frames[guest->first];
	guest->first = (guest->first + 1) % GUEST_FRAMES;
	guest->count--;
	return &frame;
}

static inline void guest_drop_all(struct guest *guest)
{
	while (guest_next(guest) != NULL)
		continue;
}

/* A turn of the loop; a little time passes. */
static inline void guest_turn(struct guest *guest)
{
	if (fake_poll(guest->fake, 1) == 0)
		fake_advance(guest->fake, UINT64_C(5000000));
	else
		fake_advance(guest->fake, UINT64_C(100000));
}

/* Internet. */

static inline uint32_t guest_pseudo(
	const struct guest_address *from, const struct guest_address *to, uint32_t protocol, uint32_t length)
{
	uint8_t tail[8] = { 0 };
	guest_put(tail, 4, length);
	tail[7] = (uint8_t)protocol;
	return vmm_net_sum(vmm_net_sum(vmm_net_sum(0, from->bytes, from->length), to->bytes, to->length), tail, 8);
}

/* Ethernet and IP before `length` bytes of `protocol`; returns how long they are. */
static inline uint32_t guest_head(
	struct guest *guest, uint8_t *frame, const struct guest_address *to, uint32_t protocol, uint32_t length)
{
	uint32_t ip6 = to->length == 16;
	uint8_t *ip = frame + 14;
	memcpy(frame, guest->router_mac, 6);
	memcpy(frame + 6, guest->mac, 6);
	guest_put(frame + 12, 2, ip6 ? 0x86dd : 0x0800);
	if (ip6) {
		memset(ip, 0, 40);
		ip[0] = 0x60;
		guest_put(ip + 4, 2, length);
		ip[6] = (uint8_t)protocol;
		ip[7] = 255;
		memcpy(ip + 8, guest->own.bytes, 16);
		memcpy(ip + 24, to->bytes, 16);
		return 54;
	}
	memset(ip, 0, 20);
	ip[0] = 0x45;
	guest_put(ip + 2, 2, 20 + length);
	ip[8] = 64;
	ip[9] = (uint8_t)protocol;
	memcpy(ip + 12, guest->own.bytes, 4);
	memcpy(ip + 16, to->bytes, 4);
	uint16_t sum = vmm_net_sum_fold(vmm_net_sum(0, ip, 20));
	memcpy(ip + 10, &sum, 2);
	return 34;
}

/* Finish the checksum at `offset` of what is behind the head, and send. */
static inline uint32_t guest_send_ip(struct guest *guest, uint8_t *frame, const struct guest_address *to,
	uint32_t protocol, uint32_t length, uint32_t offset)
{
	uint32_t head = guest_head(guest, frame, to, protocol, length);
	guest_put(frame + head + offset, 2, 0);
	uint32_t sum = guest_pseudo(&guest->own, to, protocol, length);
	uint16_t folded = vmm_net_sum_fold(vmm_net_sum(sum, frame + head, length));
	memcpy(frame + head + offset, &folded, 2);
	return guest_send(guest, frame, head + length);
}

static inline uint32_t guest_send_udp(struct guest *guest, const struct guest_address *to, uint32_t from_port,
	uint32_t to_port, const void *data, uint32_t length)
{
	static uint8_t frame[70000];
	uint8_t *udp = frame + (to->length == 16 ? 54 : 34);
	guest_put(udp, 2, from_port);
	guest_put(udp + 2, 2, to_port);
	guest_put(udp + 4, 2, 8 + length);
	memcpy(udp + 8, data, length);
	return guest_send_ip(guest, frame, to, GUEST_UDP, 8 + length, 6);
}

/* What is in a frame of this protocol for us; NULL if it is something else.  *from: who sent it. */
static inline const uint8_t *guest_packet(struct guest *guest, const struct guest_frame *frame, uint32_t protocol,
	struct guest_address *from, uint32_t *length)
{
	const uint8_t *ip = frame->data + 14;
	struct guest_address to;
	uint32_t type = guest_get(frame->data + 12, 2), size;
	if (type == 0x0800) {
		size = (ip[0] & 15u) * 4;
		ck_assert_uint_eq(vmm_net_sum_fold(vmm_net_sum(0, ip, size)), 0);
		*length = guest_get(ip + 2, 2) - size;
		from->length = to.length = 4;
		memcpy(from->bytes, ip + 12, 4);
		memcpy(to.bytes, ip + 16, 4);
		if (ip[9] != protocol)
			return NULL;
	} else if (type == 0x86dd) {
		size = 40;
		*length = guest_get(ip + 4, 2);
		from->length = to.length = 16;
		memcpy(from->bytes, ip + 8, 16);
		memcpy(to.bytes, ip + 24, 16);
		if (ip[6] != protocol)
			return NULL;
	} else {
		return NULL;
	}
	(void)guest;
	ck_assert_uint_le(14 + size + *length, frame->length);
	const uint8_t *data = ip + size;
	if (protocol != GUEST_UDP || guest_get(data + 6, 2) != 0) {
		uint32_t sum = guest_pseudo(from, &to, protocol, *length);
		ck_assert_uint_eq(vmm_net_sum_fold(vmm_net_sum(sum, data, *length)), 0);
	}
	return data;
}

/* Answers ARP and neighbour solicitations for our address; was it one? */
static inline uint32_t guest_resolve(struct guest *guest, const struct guest_frame *frame)
{
	const uint8_t *data = frame->data;
	if (guest_get(data + 12, 2) == 0x0806) {
		uint8_t reply[42];
		if (guest_get(data + 20, 2) != 1 || memcmp(data + 38, guest->own.bytes, 4) != 0)
			return 1;
		memcpy(reply, data, 42);
		memcpy(reply, data + 6, 6);
		memcpy(reply + 6, guest->mac, 6);
		guest_put(reply + 20, 2, 2);
		memcpy(reply + 22, guest->mac, 6);
		memcpy(reply + 28, guest->own.bytes, 4);
		memcpy(reply + 32, data + 22, 10);
		guest_send(guest, reply, 42);
		return 1;
	}
	if (guest_get(data + 12, 2) == 0x86dd && data[20] == 58 && data[54] == 135 && guest->own.length == 16) {
		static uint8_t reply[86];
		struct guest_address to = { .length = 16 };
		memcpy(to.bytes, data + 22, 16);
		uint8_t *na = reply + 54;
		memset(na, 0, 32);
		na[0] = 136;
		na[4] = 0x60;
		memcpy(na + 8, guest->own.bytes, 16);
		na[24] = 2;
		na[25] = 1;
		memcpy(na + 26, guest->mac, 6);
		guest_send_ip(guest, reply, &to, 58, 32, 2);
		return 1;
	}
	return 0;
}

/* Ask for the MAC address of an IPv4 neighbour; was there an answer? */
static inline uint32_t guest_find_router(struct guest *guest, const struct guest_address *router)
{
	uint8_t frame[42];
	memset(frame, 0xff, 6);
	memcpy(frame + 6, guest->mac, 6);
	guest_put(frame + 12, 2, 0x0806);
	guest_put(frame + 14, 4, 0x00010800);
	guest_put(frame + 18, 4, 0x06040001);
	memcpy(frame + 22, guest->mac, 6);
	memcpy(frame + 28, guest->own.bytes, 4);
	memset(frame + 32, 0, 6);
	memcpy(frame + 38, router->bytes, 4);
	guest_send(guest, frame, 42);
	for (uint32_t i = 0; i < 100; i++) {
		const struct guest_frame *got;
		guest_turn(guest);
		while ((got = guest_next(guest)) != NULL) {
			const uint8_t *data = got->data;
			if (guest_get(data + 12, 2) == 0x0806 && guest_get(data + 20, 2) == 2 &&
				memcmp(data + 28, router->bytes, 4) == 0) {
				memcpy(guest->router_mac, data + 22, 6);
				return 1;
			}
		}
	}
	return 0;
}

#endif
