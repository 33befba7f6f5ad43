/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A network for tests of cards: it keeps the frames that are sent to it and takes as many as it is told to.
 */
#ifndef NET_PEER_H
#define NET_PEER_H

#include <string.h>

#include <vmm/kit/net.h>

#include "plugin_test.h"

#define NET_PEER_FRAMES 512

struct net_peer_frame {
	struct vmm_net_frame frame; /* its segments are not to be looked at */
	uint8_t *data;
	uint32_t length;
};

struct net_peer {
	struct fake *fake;
	struct vmm_net_info info;
	uint32_t room; /* how many frames more it takes */
	struct net_peer_frame frames[NET_PEER_FRAMES];
	uint32_t count, sends, readables, wants_calls;
	struct vmm_net_wants wants;
	struct vmm_net_address addresses[VMM_NET_ADDRESSES];
	const struct vmm_net_upper *upper;
	void *upper_self;
	struct fake_link *link;
};

static inline int32_t net_peer_info(void *self, struct vmm_net_info *info)
{
	*info = ((struct net_peer *)self)->info;
	return 0;
}

static inline uint32_t net_peer_send(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct net_peer *peer = self;
	uint32_t done = 0;
	peer->sends++;
	for (; done < count && peer->room > 0 && peer->count < NET_PEER_FRAMES; done++, peer->room--) {
		const uint8_t *at = (const uint8_t *)frames + (uint64_t)stride * done;
		struct net_peer_frame *kept = &peer->frames[peer->count++];
		kept->frame = *(const struct vmm_net_frame *)(const void *)at;
		ck_assert_int_eq(vmm_net_check(&kept->frame), 0);
		kept->length = (uint32_t)kept->frame.length;
		kept->data = malloc(kept->length);
		ck_assert_uint_eq(vmm_net_copy(&kept->frame, 0, kept->data, kept->length), kept->length);
	}
	return done;
}

static inline void net_peer_readable(void *self)
{
	((struct net_peer *)self)->readables++;
}

static inline void net_peer_wants(void *self, const struct vmm_net_wants *wants)
{
	struct net_peer *peer = self;
	peer->wants = *wants;
	peer->wants_calls++;
	memcpy(peer->addresses, wants->addresses, wants->address_count * sizeof(peer->addresses[0]));
}

static const struct vmm_net_lower net_peer_lower = {
	.struct_size = sizeof(struct vmm_net_lower),
	.info = net_peer_info,
	.send = net_peer_send,
	.readable = net_peer_readable,
	.wants = net_peer_wants,
};

static inline void net_peer_join(struct net_peer *peer, struct fake_instance *instance, uint64_t capabilities)
{
	struct vmm_port_side upper;
	struct vmm_port_side lower = { .struct_size = sizeof(lower), .table = &net_peer_lower, .self = peer };
	peer->fake = instance->fake;
	peer->info = (struct vmm_net_info){ .struct_size = sizeof(peer->info),
		.link = 1,
		.capabilities = capabilities,
		.mtu = 1500,
		.megabits = 1000 };
	peer->room = UINT32_MAX;
	ck_assert_int_eq(fake_side(instance, "backend", &upper), 0);
	peer->upper = upper.table;
	peer->link = fake_join_sides(instance->fake, &upper, &lower, VMM_PORT_NET, 0);
	ck_assert_ptr_nonnull(peer->link);
	peer->upper_self = peer->link->lower.peer_self;
}

static inline void net_peer_clear(struct net_peer *peer)
{
	for (uint32_t i = 0; i < peer->count; i++)
		free(peer->frames[i].data);
	peer->count = peer->sends = 0;
}

/* Pass one frame up; was it taken? */
static inline uint32_t net_peer_pass(struct net_peer *peer, const void *data, uint32_t length, uint32_t flags)
{
	/* In two pieces, so that nobody counts on one. */
	const uint32_t first = length > 13 ? 13 : length;
	const struct vmm_net_segment segments[2] = { { data, first },
		{ (const uint8_t *)data + first, length - first } };
	const struct vmm_net_frame frame = {
		.struct_size = sizeof(frame), .flags = flags, .length = length, .segments = segments, .segment_count = 2
	};
	return peer->upper->receive(peer->upper_self, &frame, sizeof(frame), 1);
}

/* Pull the cable, or plug it in. */
static inline void net_peer_cable(struct fake_instance *instance, uint32_t up)
{
	char reply[64];
	ck_assert_int_eq(
		fake_command(instance, "link", up ? "{\"up\": true}" : "{\"up\":false}", reply, sizeof(reply)), 0);
	ck_assert_str_eq(reply, up ? "{\"up\": true}" : "{\"up\": false}");
}

#endif
