/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A network that takes some frames and sends some, and a card.
 */
#include "fake_peer.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 4

/* Touch all bytes, and see that a frame says of itself what is true and what its taker has allowed. */
static void frame_look(
	struct fake_peer *peer, const struct vmm_net_frame *frame, uint64_t capabilities, const char *call)
{
	const char *key = peer->row->key;
	uint64_t length = 0;
	uint64_t needs = 0;
	for (uint32_t i = 0; i < frame->segment_count && i < VMM_NET_SEGMENTS; i++) {
		const volatile uint8_t *bytes = frame->segments[i].data;
		for (uint64_t k = 0; k < frame->segments[i].length; k++)
			(void)bytes[k];
		length += frame->segments[i].length;
	}
	if (frame->segment_count < 1 || frame->segment_count > VMM_NET_SEGMENTS || length != frame->length ||
		length < 14 || length > VMM_NET_FRAME_MAXIMUM)
		fake_fault(peer->instance, "port %s: %s of %u segments, %llu bytes, which say %llu", key, call,
			frame->segment_count, (unsigned long long)length, (unsigned long long)frame->length);
	switch (frame->segmentation & ~VMM_NET_SEGMENT_ECN) {
	case VMM_NET_SEGMENT_NONE: break;
	case VMM_NET_SEGMENT_TCP4: needs = VMM_NET_CHECKSUM | VMM_NET_TCP4; break;
	case VMM_NET_SEGMENT_TCP6: needs = VMM_NET_CHECKSUM | VMM_NET_TCP6; break;
	case VMM_NET_SEGMENT_UDP: needs = VMM_NET_CHECKSUM | VMM_NET_UDP; break;
	default: fake_fault(peer->instance, "port %s: %s with segmentation %u", key, call, frame->segmentation);
	}
	if (frame->segmentation != 0 && (frame->segment_size == 0 || frame->header_length > frame->segments[0].length))
		fake_fault(peer->instance, "port %s: %s with segments of %u behind %u bytes", key, call,
			frame->segment_size, frame->header_length);
	if ((frame->segmentation & VMM_NET_SEGMENT_ECN) != 0)
		needs |= VMM_NET_ECN;
	if ((frame->flags & VMM_NET_NEEDS_CHECKSUM) != 0) {
		needs |= VMM_NET_CHECKSUM;
		if ((uint64_t)frame->checksum_start + frame->checksum_offset + 2 > length)
			fake_fault(peer->instance, "port %s: %s with its checksum outside", key, call);
	}
	if ((needs & ~capabilities) != 0)
		fake_fault(peer->instance, "port %s: %s of a frame that needs %#llx, with %#llx allowed", key, call,
			(unsigned long long)needs, (unsigned long long)capabilities);
}

static uint32_t frames_take(struct fake_peer *peer, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count,
	uint64_t capabilities, const char *call)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *at = (const uint8_t *)frames + (uint64_t)stride * i;
		frame_look(peer, (const struct vmm_net_frame *)(const void *)at, capabilities, call);
	}
	return chance_below(peer->chance, 4) != 0 ? count : (uint32_t)chance_below(peer->chance, count + 1u);
}

/* The network. */

static int32_t lower_info(void *self, struct vmm_net_info *info)
{
	struct fake_peer *peer = self;
	info->link = !peer->link_down;
	info->capabilities = peer->capabilities;
	info->mtu = 1500;
	info->megabits = 1000;
	return 0;
}

static uint32_t lower_send(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct fake_peer *peer = self;
	uint32_t taken = frames_take(peer, frames, stride, count, peer->capabilities, "send");
	if (peer->link_down)
		return count;
	if (taken < count)
		peer->owed = 1;
	return taken;
}

static void lower_readable(void *self)
{
	(void)self;
}

static void lower_wants(void *self, const struct vmm_net_wants *wants)
{
	struct fake_peer *peer = self;
	for (uint32_t i = 0; i < wants->address_count; i++) {
		const volatile uint8_t *bytes = wants->addresses[i].bytes;
		(void)bytes[5];
	}
	peer->wanted = wants->capabilities;
}

const struct vmm_net_lower fake_peer_net_lower = {
	.struct_size = sizeof(struct vmm_net_lower),
	.info = lower_info,
	.send = lower_send,
	.readable = lower_readable,
	.wants = lower_wants,
};

/* The card. */

static uint32_t upper_receive(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	struct fake_peer *peer = self;
	fake_peer_up_check(peer, "receive");
	uint32_t taken = frames_take(peer, frames, stride, count, peer->capabilities, "receive");
	if (taken < count)
		peer->again = 1;
	return taken;
}

static void upper_writable(void *self)
{
	fake_peer_up_check(self, "writable");
}

static void upper_changed(void *self)
{
	fake_peer_up_check(self, "changed");
}

const struct vmm_net_upper fake_peer_net_upper = {
	.struct_size = sizeof(struct vmm_net_upper),
	.receive = upper_receive,
	.writable = upper_writable,
	.changed = upper_changed,
};

/* Frames: mostly IPv4 with TCP or UDP, so that those who look inside find something. */

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t frame_fill(struct chance *chance, uint8_t *data, uint32_t length)
{
	static const uint8_t start[24] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 0, 0, 0,
		0, 0, 64, 6 };
	for (uint32_t i = 0; i < length; i++)
		data[i] = (uint8_t)(i < 60 ? chance_below(chance, 256) : i);
	if (chance_below(chance, 4) == 0)
		return 0;
	if (chance_below(chance, 2) != 0)
		memcpy(data, start, 14);
	else
		memset(data, 0xff, 6);
	memcpy(data + 12, start + 12, 12);
	put16(data + 16, length - 14);
	data[14 + 20 + 12] = 0x50;
	return 1;
}

static void frame_describe(struct chance *chance, struct vmm_net_frame *frame, uint64_t allowed)
{
	if ((allowed & VMM_NET_CHECKSUM) == 0 || chance_below(chance, 2) == 0)
		return;
	frame->flags |= VMM_NET_NEEDS_CHECKSUM;
	frame->checksum_start = 34;
	frame->checksum_offset = 16;
	if ((allowed & VMM_NET_TCP4) != 0 && chance_below(chance, 2) != 0) {
		frame->segmentation = VMM_NET_SEGMENT_TCP4;
		frame->segment_size = 200 + (uint32_t)chance_below(chance, 1300);
		frame->header_length = 54;
	}
}

static void frames_send(struct fake_peer *peer)
{
	struct chance *chance = peer->chance;
	struct vmm_net_frame frames[BATCH];
	struct vmm_net_segment segments[BATCH];
	uint8_t *data[BATCH];
	uint32_t count = 1 + (uint32_t)chance_below(chance, BATCH);
	uint64_t allowed = peer->wanted;
	if (peer->role == VMM_ROLE_UPPER) {
		const struct vmm_net_lower *lower = peer->table;
		struct vmm_net_info info = { .struct_size = sizeof(info) };
		allowed = lower->info(peer->self, &info) >= 0 ? info.capabilities : 0;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t length = 60 + (uint32_t)chance_below(chance, chance_below(chance, 8) == 0 ? 9000 : 1455);
		data[i] = malloc(length); /* to the byte, so that a sanitizer sees an overrun */
		uint32_t plain = frame_fill(chance, data[i], length);
		segments[i] = (struct vmm_net_segment){ data[i], length };
		frames[i] = (struct vmm_net_frame){
			.struct_size = sizeof(frames[i]), .length = length, .segments = &segments[i], .segment_count = 1
		};
		if (plain)
			frame_describe(chance, &frames[i], allowed);
	}
	uint32_t taken;
	if (peer->role == VMM_ROLE_UPPER) {
		const struct vmm_net_lower *lower = peer->table;
		taken = lower->send(peer->self, frames, sizeof(frames[0]), count);
	} else {
		const struct vmm_net_upper *upper = peer->table;
		taken = upper->receive(peer->self, frames, sizeof(frames[0]), count);
	}
	if (taken > count)
		fake_fault(peer->instance, "port %s: %u of %u frames were taken", peer->row->key, taken, count);
	for (uint32_t i = 0; i < count; i++)
		free(data[i]);
}

static uint64_t some_capabilities(struct chance *chance)
{
	uint64_t some = chance_below(chance, 32);
	return (some & VMM_NET_CHECKSUM) != 0 ? some : 0;
}

static void lower_act(struct fake_peer *peer)
{
	const struct vmm_net_upper *upper = peer->table;
	struct chance *chance = peer->chance;
	switch (chance_below(chance, 12)) {
	case 0:
		peer->link_down = !peer->link_down;
		upper->changed(peer->self);
		break;
	case 1:
		peer->capabilities = some_capabilities(chance);
		upper->changed(peer->self);
		break;
	case 2:
	case 3:
	case 4:
		if (!peer->owed)
			break;
		peer->owed = 0;
		upper->writable(peer->self);
		break;
	default: frames_send(peer); break;
	}
}

static void upper_act(struct fake_peer *peer)
{
	const struct vmm_net_lower *lower = peer->table;
	struct chance *chance = peer->chance;
	peer->calling++;
	switch (chance_below(chance, 8)) {
	case 0: {
		const struct vmm_net_address address = { .bytes = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 } };
		peer->capabilities = some_capabilities(chance);
		const struct vmm_net_wants wants = { .struct_size = sizeof(wants),
			.flags = (uint32_t)chance_below(chance, 16),
			.capabilities = peer->capabilities,
			.addresses = &address,
			.address_count = (uint32_t)chance_below(chance, 2) };
		lower->wants(peer->self, &wants);
		break;
	}
	case 1:
	case 2:
		if (peer->again)
			lower->readable(peer->self);
		peer->again = 0;
		break;
	default: frames_send(peer); break;
	}
	peer->calling--;
}

void fake_peer_net_act(struct fake_peer *peer)
{
	if (peer->role == VMM_ROLE_LOWER)
		lower_act(peer);
	else
		upper_act(peer);
}
