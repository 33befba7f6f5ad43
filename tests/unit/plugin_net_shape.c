/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * net-shape between a card and a network of the test's, with a clock moved by hand.
 */
#include <errno.h>
#include <stdio.h>

#include "net_guest.h"
#include "net_peer.h"

#define MS UINT64_C(1000000)

static struct fake *fake;
static struct fake_instance *shape;
static struct guest guest;
static struct net_peer peer;
static uint8_t frame[1250];

static void prepare(void)
{
	fake = fake_new();
	memset(frame, 0, sizeof(frame));
	guest_put(frame + 12, 2, 0x88b5);
}

static void begin(void)
{
	shape = fake_add(fake, "net-shape", "shape0");
	guest_join(&guest, fake, shape);
	memset(&peer, 0, sizeof(peer));
	net_peer_join(&peer, shape, VMM_NET_CHECKSUM | VMM_NET_TCP4);
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
	fake_poll(fake, 0);
}

static void finish(void)
{
	fake_stop(fake);
	guest_drop_all(&guest);
	net_peer_clear(&peer);
	fake_free(fake);
}

static uint32_t send_number(uint32_t number)
{
	guest_put(frame + 14, 4, number);
	return guest_send(&guest, frame, sizeof(frame));
}

static uint32_t number_at(uint32_t index)
{
	return guest_get(peer.frames[index].data + 14, 4);
}

static int32_t call(const char *method, const char *params, char *reply, uint32_t size)
{
	memset(reply, 0, size);
	int32_t status = fake_command(shape, method, params, reply, size);
	ck_assert_uint_lt(strlen(reply), size);
	return status;
}

START_TEST(without_settings_it_is_a_wire)
{
	prepare();
	begin();
	for (uint32_t i = 0; i < 200; i++) {
		ck_assert_uint_eq(send_number(i), 1);
		ck_assert_uint_eq(net_peer_pass(&peer, frame, 60, 0), 1);
	}
	ck_assert_uint_eq(peer.count, 200);
	ck_assert_uint_eq(guest.count, 200);
	finish();
}
END_TEST

START_TEST(latency_delays)
{
	prepare();
	fake_set(fake, "shape0", "latency", "20ms");
	fake_set(fake, "shape0", "latency_down", "1.5");
	begin();
	ck_assert_uint_eq(send_number(1), 1);
	ck_assert_uint_eq(net_peer_pass(&peer, frame, 60, 0), 1);
	fake_advance(fake, 1500000 - 1);
	ck_assert_uint_eq(guest.count, 0);
	fake_advance(fake, 1);
	ck_assert_uint_eq(guest.count, 1);
	fake_advance(fake, 20 * MS - 1500001);
	ck_assert_uint_eq(peer.count, 0);
	fake_advance(fake, 1);
	ck_assert_uint_eq(peer.count, 1);
	/* Many may be on their way: latency is no limit. */
	for (uint32_t i = 0; i < 500; i++) {
		ck_assert_uint_eq(send_number(i), 1);
		fake_advance(fake, MS / 100);
	}
	ck_assert_uint_eq(peer.count, 1);
	fake_advance(fake, 20 * MS);
	ck_assert_uint_eq(peer.count, 501);
	finish();
}
END_TEST

/* 1250 bytes are 10,000 bits: 10 ms at 1 Mbit/s. */
START_TEST(bandwidth_is_kept)
{
	prepare();
	fake_set(fake, "shape0", "bandwidth_up", "1M");
	fake_set(fake, "shape0", "latency_up", "5ms");
	begin();
	for (uint32_t i = 0; i < 10; i++)
		ck_assert_uint_eq(send_number(i), 1);
	fake_advance(fake, 15 * MS - 1);
	for (uint32_t i = 0; i < 10; i++) {
		ck_assert_uint_eq(peer.count, i);
		fake_advance(fake, 1);
		ck_assert_uint_eq(peer.count, i + 1);
		ck_assert_uint_eq(number_at(i), i);
		fake_advance(fake, 10 * MS - 1);
	}
	/* The other way there is no limit. */
	ck_assert_uint_eq(net_peer_pass(&peer, frame, 1250, 0), 1);
	ck_assert_uint_eq(guest.count, 1);
	finish();
}
END_TEST

/* Whoever sends more has to wait; nothing is lost, and the line is never idle. */
START_TEST(senders_wait)
{
	prepare();
	fake_set(fake, "shape0", "bandwidth", "1M");
	fake_set(fake, "shape0", "queue", "10000");
	begin();
	uint32_t sent = 0;
	uint32_t told = 0;
	uint32_t refused = 0;
	while (sent < 300) {
		if (send_number(sent)) {
			sent++;
			continue;
		}
		refused++;
		told = guest.writables;
		for (uint32_t i = 0; i < 1000 && guest.writables == told; i++)
			fake_advance(fake, MS);
		ck_assert_uint_eq(guest.writables, told + 1);
	}
	ck_assert_uint_gt(refused, 10);
	ck_assert_uint_lt(refused, 100);
	fake_advance(fake, 3000 * MS - fake->now - 1);
	ck_assert_uint_eq(peer.count, 299);
	fake_advance(fake, 1);
	ck_assert_uint_eq(peer.count, 300);
	for (uint32_t i = 0; i < 300; i++)
		ck_assert_uint_eq(number_at(i), i);
	/* From the network, too. */
	uint32_t passed = 0;
	while (net_peer_pass(&peer, frame, 1250, 0))
		passed++;
	ck_assert_uint_ge(passed, 8);
	ck_assert_uint_le(passed, 10);
	fake_advance(fake, 100 * MS);
	ck_assert_uint_eq(peer.readables, 1);
	ck_assert_uint_eq(guest.count, passed);
	finish();
}
END_TEST

static uint64_t lose(uint32_t seed, const char *loss, uint32_t *count)
{
	uint64_t which = 0;
	prepare();
	fake->random_state = seed;
	fake_set(fake, "shape0", "loss", loss);
	begin();
	for (uint32_t i = 0; i < 400; i++)
		ck_assert_uint_eq(send_number(i), 1);
	for (uint32_t i = 0; i < peer.count; i++)
		which = which * 31 + number_at(i);
	*count = peer.count;
	finish();
	return which;
}

START_TEST(loss_is_by_chance_and_repeats)
{
	uint32_t count, again;
	uint64_t first = lose(1, "50%", &count);
	ck_assert_uint_gt(count, 150);
	ck_assert_uint_lt(count, 250);
	ck_assert_uint_eq(lose(1, "50", &again), first);
	ck_assert_uint_ne(lose(2, "50%", &again), first);
	lose(1, "100%", &count);
	ck_assert_uint_eq(count, 0);
	lose(1, "0", &count);
	ck_assert_uint_eq(count, 400);
	lose(1, "2.5", &count);
	ck_assert_uint_gt(count, 370);
	ck_assert_uint_lt(count, 400);
}
END_TEST

START_TEST(jitter_spreads_and_keeps_the_order)
{
	uint32_t early = 0;
	prepare();
	fake_set(fake, "shape0", "latency", "10ms");
	fake_set(fake, "shape0", "jitter", "4ms");
	begin();
	for (uint32_t i = 0; i < 200; i++) {
		net_peer_clear(&peer);
		ck_assert_uint_eq(send_number(i), 1);
		fake_advance(fake, 6 * MS - 1);
		ck_assert_uint_eq(peer.count, 0);
		fake_advance(fake, 4 * MS);
		early += peer.count;
		fake_advance(fake, 4 * MS + 1);
		ck_assert_uint_eq(peer.count, 1);
	}
	ck_assert_uint_gt(early, 50);
	ck_assert_uint_lt(early, 150);
	net_peer_clear(&peer);
	for (uint32_t i = 0; i < 200; i++) {
		ck_assert_uint_eq(send_number(i), 1);
		fake_advance(fake, MS / 10);
	}
	fake_advance(fake, 20 * MS);
	ck_assert_uint_eq(peer.count, 200);
	for (uint32_t i = 0; i < 200; i++)
		ck_assert_uint_eq(number_at(i), i);
	finish();
}
END_TEST

START_TEST(settings_change_while_it_runs)
{
	char reply[1024];
	prepare();
	fake_set(fake, "shape0", "bandwidth", "1k");
	begin();
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_uint_eq(send_number(i), 1);
	fake_advance(fake, 1000 * MS);
	ck_assert_uint_eq(peer.count, 0);
	ck_assert_int_eq(call("set", "{\"bandwidth\": \"1M\", \"latency_up\": 7}", reply, sizeof(reply)), 0);
	ck_assert_ptr_nonnull(strstr(reply,
		"\"up\":{\"bandwidth\":1000000,\"latency\":7.0,\"jitter\":0.0,\"loss\":0.0,"
		"\"passed\":0,\"lost\":0,\"waiting\":3,"));
	ck_assert_ptr_nonnull(strstr(reply, "\"down\":{\"bandwidth\":1000000,\"latency\":0.0,"));
	/* What waits already goes at the new speed. */
	fake_advance(fake, 37 * MS);
	ck_assert_uint_eq(peer.count, 3);
	/* One mistake, and nothing changes. */
	ck_assert_int_eq(call("set", "{\"latency\": \"1s\", \"loss\": \"101%\"}", reply, sizeof(reply)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reply, "0 to 100%"));
	ck_assert_int_eq(call("set", "{\"delay\": \"1s\"}", reply, sizeof(reply)), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reply, "bandwidth, latency, jitter or loss"));
	ck_assert_int_eq(call("set", "{}", reply, sizeof(reply)), -EINVAL);
	ck_assert_int_eq(call("set", "[", reply, sizeof(reply)), -EINVAL);
	ck_assert_int_eq(call("set", "{\"loss\": null}", reply, sizeof(reply)), -EINVAL);
	ck_assert_int_eq(call("info", "{}", reply, sizeof(reply)), 0);
	ck_assert_ptr_nonnull(strstr(reply, "\"latency\":7.0"));
	ck_assert_int_eq(call("info", "{}", reply, 30), -ENOMEM);
	finish();
}
END_TEST

START_TEST(mistakes_are_explained)
{
	static const char *const mistakes[][2] = { { "bandwidth", "999" }, { "bandwidth", "10m" },
		{ "bandwidth", "2000G" }, { "bandwidth", "" }, { "bandwidth", "99999999999999999999" },
		{ "latency_up", "61s" }, { "latency_up", "-1" }, { "latency_up", "1.s" }, { "latency_up", "1.1234567" },
		{ "jitter_down", "fast" }, { "loss", "100.1" }, { "loss", "1%%" } };
	for (uint32_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		fake = fake_new();
		fake_set(fake, "shape0", mistakes[i][0], mistakes[i][1]);
		shape = fake_create(fake, "net-shape", "shape0");
		ck_assert_ptr_nonnull(shape);
		if (fake_init(shape) != -EINVAL || strstr(fake->cause, mistakes[i][0]) == NULL)
			ck_abort_msg("%s = %s: %s", mistakes[i][0], mistakes[i][1], fake->cause);
		fake_free(fake);
	}
}
END_TEST

START_TEST(large_frames_are_cut)
{
	static uint8_t large_data[54 + 5000];
	const struct guest_address to = { { 10, 0, 0, 1 }, 4 };
	prepare();
	fake_set(fake, "shape0", "bandwidth", "8M");
	begin();
	guest.own = to;
	large_data[46] = 0x50;
	guest_head(&guest, large_data, &to, GUEST_TCP, 5020);
	const struct vmm_net_segment segment = { large_data, sizeof(large_data) };
	const struct vmm_net_frame large = {
		.struct_size = sizeof(large),
		.flags = VMM_NET_NEEDS_CHECKSUM,
		.length = segment.length,
		.segments = &segment,
		.segment_count = 1,
		.segmentation = VMM_NET_SEGMENT_TCP4,
		.segment_size = 1000,
		.header_length = 54,
		.checksum_start = 34,
		.checksum_offset = 16,
	};
	ck_assert_uint_eq(guest_send_frame(&guest, &large), 1);
	for (uint32_t i = 0; i < 5; i++) {
		ck_assert_uint_eq(peer.count, i);
		fake_advance(fake, 1054 * 1000);
	}
	ck_assert_uint_eq(peer.count, 5);
	ck_assert_uint_eq(peer.frames[4].length, 1054);
	ck_assert_uint_eq(peer.frames[4].frame.flags & VMM_NET_NEEDS_CHECKSUM, 0);
	finish();
}
END_TEST

START_TEST(full_takers_lose_nothing)
{
	prepare();
	fake_set(fake, "shape0", "latency", "1ms");
	begin();
	guest.room = 3;
	peer.room = 2;
	for (uint32_t i = 0; i < 10; i++) {
		ck_assert_uint_eq(send_number(i), 1);
		ck_assert_uint_eq(net_peer_pass(&peer, frame, 60 + i, 0), 1);
	}
	fake_advance(fake, 5 * MS);
	ck_assert_uint_eq(peer.count, 2);
	ck_assert_uint_eq(guest.count, 3);
	fake_advance(fake, 5 * MS);
	peer.room = guest.room = UINT32_MAX;
	peer.upper->writable(peer.upper_self);
	ck_assert_uint_eq(peer.count, 10);
	guest.within = 1;
	guest.lower->readable(guest.lower_self);
	guest.within = 0;
	fake_advance(fake, 0);
	ck_assert_uint_eq(guest.count, 10);
	/* Stopped, nothing moves; after a load what was on its way is gone. */
	ck_assert_uint_eq(send_number(99), 1);
	fake_stop(fake);
	fake_advance(fake, 50 * MS);
	ck_assert_uint_eq(peer.count, 10);
	fake_start(fake);
	fake_advance(fake, 0);
	ck_assert_uint_eq(peer.count, 11);
	ck_assert_uint_eq(send_number(99), 1);
	fake_stop(fake);
	ck_assert(fake_round_trip(shape));
	fake_start(fake);
	fake_advance(fake, 50 * MS);
	ck_assert_uint_eq(peer.count, 11);
	finish();
}
END_TEST

PLUGIN_TEST_MAIN("net-shape", without_settings_it_is_a_wire, latency_delays, bandwidth_is_kept, senders_wait,
	loss_is_by_chance_and_repeats, jitter_spreads_and_keeps_the_order, settings_change_while_it_runs,
	mistakes_are_explained, large_frames_are_cut, full_takers_lose_nothing)
