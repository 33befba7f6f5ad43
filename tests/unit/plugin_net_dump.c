/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * net-dump between a card and a network that both belong to the test: what passes is in the file, and only that.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net_guest.h"
#include "net_peer.h"

#define FILE_MAXIMUM (8u << 20)

static struct fake *fake;
static struct fake_instance *dump;
static struct guest guest;
static struct net_peer peer;
static char folder[32], path[48];
static uint8_t file[FILE_MAXIMUM];

static void prepare(void)
{
	snprintf(folder, sizeof(folder), "/tmp/vmm-dump-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/net.pcap", folder);
	fake = fake_new();
	fake_set(fake, "dump0", "file", path);
	fake->real_offset = UINT64_C(1700000000123456789);
}

static void begin(uint64_t capabilities)
{
	dump = fake_add(fake, "net-dump", "dump0");
	guest_join(&guest, fake, dump);
	memset(&peer, 0, sizeof(peer));
	net_peer_join(&peer, dump, capabilities);
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
}

static void finish(void)
{
	guest_drop_all(&guest);
	net_peer_clear(&peer);
	fake_free(fake);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

/* As the core does: work that is under way is waited for. */
static void stop(void)
{
	while (fake_poll(fake, 0) > 0)
		continue;
	fake_stop(fake);
}

static uint32_t le32(const uint8_t *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof(value));
	return value;
}

/* Read it; returns its length after a look at its header. */
static uint32_t file_read(uint32_t snaplen)
{
	FILE *stream = fopen(path, "r");
	ck_assert_ptr_nonnull(stream);
	uint32_t length = (uint32_t)fread(file, 1, sizeof(file), stream);
	fclose(stream);
	ck_assert_uint_ge(length, 24);
	ck_assert_uint_eq(le32(file), 0xa1b23c4d);
	ck_assert_mem_eq(file + 4, "\2\0\4\0\0\0\0\0\0\0\0\0", 12);
	ck_assert_uint_eq(le32(file + 16), snaplen);
	ck_assert_uint_eq(le32(file + 20), 1);
	return length;
}

/* One record at *at, which moves on. */
static const uint8_t *record(uint32_t *at, uint32_t length, uint64_t *time, uint32_t *caught, uint32_t *whole)
{
	const uint8_t *head = file + *at;
	ck_assert_uint_le(*at + 16, length);
	*time = le32(head) * UINT64_C(1000000000) + le32(head + 4);
	ck_assert_uint_lt(le32(head + 4), 1000000000);
	*caught = le32(head + 8);
	*whole = le32(head + 12);
	*at += 16 + *caught;
	ck_assert_uint_le(*at, length);
	return head + 16;
}

static void frame_make(uint8_t *frame, uint32_t length, uint32_t number)
{
	for (uint32_t i = 0; i < length; i++)
		frame[i] = (uint8_t)(i * 3 + number);
	guest_put(frame + 12, 2, 0x88b5);
}

static void info(char *reply, uint32_t size)
{
	memset(reply, 0, size);
	ck_assert_int_eq(fake_command(dump, "info", "{}", reply, size), 0);
}

START_TEST(both_ways_are_in_the_file)
{
	uint8_t frame[1500];
	prepare();
	begin(0);
	for (uint32_t i = 0; i < 100; i++) {
		frame_make(frame, 60 + i * 10, i);
		if (i % 2 == 0)
			ck_assert_uint_eq(guest_send(&guest, frame, 60 + i * 10), 1);
		else
			ck_assert_uint_eq(net_peer_pass(&peer, frame, 60 + i * 10, 0), 1);
		fake_advance(fake, 1500000000);
		fake_poll(fake, 0);
	}
	ck_assert_uint_eq(peer.count, 50);
	ck_assert_uint_eq(guest.count, 50);
	stop();
	uint32_t length = file_read(65550);
	uint32_t at = 24;
	for (uint32_t i = 0; i < 100; i++) {
		uint64_t time;
		uint32_t caught, whole;
		const uint8_t *data = record(&at, length, &time, &caught, &whole);
		frame_make(frame, 60 + i * 10, i);
		ck_assert_uint_eq(whole, 60 + i * 10);
		ck_assert_uint_eq(caught, whole);
		ck_assert_mem_eq(data, frame, whole);
		ck_assert_uint_eq(time, UINT64_C(1700000000123456789) + i * UINT64_C(1500000000));
	}
	ck_assert_uint_eq(at, length);
	/* Going on adds to it. */
	fake_start(fake);
	ck_assert_uint_eq(guest_send(&guest, frame, 60), 1);
	stop();
	ck_assert_uint_eq(file_read(65550), length + 76);
	finish();
}
END_TEST

/* What a wire would show; and the network is given what the guest gave. */
START_TEST(segmentation_is_undone)
{
	static uint8_t frame[14 + 40 + 5000];
	const struct guest_address to = { { 10, 0, 0, 1 }, 4 };
	uint32_t caught, whole, at = 24, total = 0;
	prepare();
	begin(VMM_NET_CHECKSUM | VMM_NET_TCP4);
	guest.own = (struct guest_address){ { 10, 0, 0, 2 }, 4 };
	frame_make(frame, sizeof(frame), 1);
	frame[46] = 0x50;
	guest_head(&guest, frame, &to, GUEST_TCP, 20 + 5000);
	const struct vmm_net_segment segment = { frame, sizeof(frame) };
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
	ck_assert_uint_eq(peer.count, 1);
	ck_assert_uint_eq(peer.frames[0].frame.segmentation, VMM_NET_SEGMENT_TCP4);
	ck_assert_uint_eq(peer.frames[0].length, sizeof(frame));
	stop();
	uint32_t length = file_read(65550);
	while (at < length) {
		uint64_t time;
		const uint8_t *data = record(&at, length, &time, &caught, &whole);
		struct guest_frame kept = { (uint8_t *)(uintptr_t)data, whole, 0 };
		struct guest_address from;
		uint32_t size;
		ck_assert_ptr_nonnull(guest_packet(&guest, &kept, GUEST_TCP, &from, &size));
		ck_assert_mem_eq(data + 54, frame + 54 + total, 1000);
		total += size - 20;
	}
	ck_assert_uint_eq(total, 5000);
	finish();
}
END_TEST

START_TEST(refused_frames_come_once)
{
	uint8_t frame[100];
	prepare();
	begin(0);
	frame_make(frame, 100, 1);
	peer.room = 0;
	guest.room = 0;
	ck_assert_uint_eq(guest_send(&guest, frame, 100), 0);
	ck_assert_uint_eq(net_peer_pass(&peer, frame, 100, 0), 0);
	peer.upper->writable(peer.upper_self);
	ck_assert_uint_eq(guest.writables, 1);
	guest.lower->readable(guest.lower_self);
	ck_assert_uint_eq(peer.readables, 1);
	peer.room = guest.room = 10;
	ck_assert_uint_eq(guest_send(&guest, frame, 100), 1);
	ck_assert_uint_eq(net_peer_pass(&peer, frame, 100, 0), 1);
	stop();
	ck_assert_uint_eq(file_read(65550), 24 + 2 * 116);
	finish();
}
END_TEST

START_TEST(files_end_at_their_limit)
{
	uint8_t frame[1000];
	char reply[512];
	prepare();
	fake_set(fake, "dump0", "limit", "10000");
	fake_set(fake, "dump0", "snaplen", "200");
	begin(0);
	frame_make(frame, 1000, 1);
	for (uint32_t i = 0; i < 100; i++)
		ck_assert_uint_eq(guest_send(&guest, frame, 1000), 1);
	ck_assert_uint_eq(peer.count, 100);
	info(reply, sizeof(reply));
	ck_assert_ptr_nonnull(
		strstr(reply, "\"bytes\":9960,\"frames\":46,\"dropped\":54,\"full\":true,\"error\":null"));
	stop();
	uint32_t length = file_read(200);
	ck_assert_uint_eq(length, 9960);
	uint64_t time;
	uint32_t at = 24, caught, whole;
	const uint8_t *data = record(&at, length, &time, &caught, &whole);
	ck_assert_uint_eq(caught, 200);
	ck_assert_uint_eq(whole, 1000);
	ck_assert_mem_eq(data, frame, 200);
	finish();
}
END_TEST

/* The worker does not come round: frames are missing from the file, but not from the network. */
START_TEST(nobody_waits_for_the_file)
{
	static uint8_t frame[60000];
	char reply[512], expected[64];
	prepare();
	begin(0);
	frame_make(frame, sizeof(frame), 1);
	for (uint32_t i = 0; i < 100; i++) {
		ck_assert_uint_eq(guest_send(&guest, frame, sizeof(frame)), 1);
		net_peer_clear(&peer);
	}
	info(reply, sizeof(reply));
	ck_assert_ptr_null(strstr(reply, "\"dropped\":0"));
	stop();
	uint32_t length = file_read(65550);
	snprintf(expected, sizeof(expected), "\"bytes\":%u,\"frames\":%u,", length, (length - 24) / 60016);
	ck_assert_ptr_nonnull(strstr(reply, expected));
	finish();
}
END_TEST

START_TEST(a_full_disk_ends_it)
{
	const struct rlimit limit = { 5000, 5000 };
	uint8_t frame[1000];
	char reply[512];
	prepare();
	begin(0);
	frame_make(frame, 1000, 1);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (uint32_t i = 0; i < 20; i++) {
		ck_assert_uint_eq(guest_send(&guest, frame, 1000), 1);
		fake_poll(fake, 0);
	}
	ck_assert_uint_eq(peer.count, 20);
	info(reply, sizeof(reply));
	ck_assert_ptr_nonnull(strstr(reply, "\"error\":\"File too large\""));
	ck_assert_ptr_nonnull(strstr(fake->log, "ends here"));
	stop();
	finish();
}
END_TEST

START_TEST(files_that_do_not_fit_are_refused)
{
	static const char *const names[] = { "/dev/null", "/nowhere/at/all", "/tmp" };
	for (uint32_t i = 0; i < 3; i++) {
		fake = fake_new();
		fake_set(fake, "dump0", "file", names[i]);
		dump = fake_create(fake, "net-dump", "dump0");
		ck_assert_ptr_nonnull(dump);
		ck_assert_int_lt(fake_init(dump), 0);
		ck_assert_ptr_nonnull(strstr(fake->cause, names[i]));
		ck_assert_uint_gt(strlen(fake->remedy), 0);
		fake_free(fake);
	}
}
END_TEST

/* The network may be swapped for another, or be missing. */
START_TEST(networks_come_and_go)
{
	static struct net_peer other;
	struct vmm_net_info seen = { .struct_size = sizeof(seen) };
	const struct vmm_net_address address = { .bytes = { 1, 2, 3, 4, 5, 6 } };
	const struct vmm_net_wants wants = {
		.struct_size = sizeof(wants), .flags = VMM_NET_BROADCAST, .addresses = &address, .address_count = 1
	};
	uint8_t frame[100];
	prepare();
	begin(VMM_NET_CHECKSUM);
	frame_make(frame, 100, 1);
	fake_poll(fake, 0);
	uint32_t changes = guest.changes;
	guest.lower->wants(guest.lower_self, &wants);
	ck_assert_uint_eq(peer.wants.address_count, 1);
	peer.room = 0;
	ck_assert_uint_eq(guest_send(&guest, frame, 100), 0);
	fake_part(fake, peer.link);
	fake_poll(fake, 0);
	ck_assert_uint_eq(guest.changes, changes + 1);
	ck_assert_uint_eq(guest.writables, 1);
	ck_assert_int_eq(guest.lower->info(guest.lower_self, &seen), 0);
	ck_assert_uint_eq(seen.link, 0);
	ck_assert_uint_eq(guest_send(&guest, frame, 100), 1);
	net_peer_join(&other, dump, VMM_NET_CHECKSUM | VMM_NET_UDP);
	ck_assert_mem_eq(other.addresses[0].bytes, address.bytes, 6);
	fake_poll(fake, 0);
	ck_assert_uint_eq(guest.changes, changes + 2);
	ck_assert_int_eq(guest.lower->info(guest.lower_self, &seen), 0);
	ck_assert_uint_eq(seen.link, 1);
	ck_assert_uint_eq(seen.capabilities, VMM_NET_CHECKSUM | VMM_NET_UDP);
	ck_assert_uint_eq(guest_send(&guest, frame, 100), 1);
	ck_assert_uint_eq(other.count, 1);
	net_peer_clear(&other);
	stop();
	ck_assert(fake_round_trip(dump));
	finish();
}
END_TEST

PLUGIN_TEST_MAIN("net-dump", both_ways_are_in_the_file, segmentation_is_undone, refused_frames_come_once,
	files_end_at_their_limit, nobody_waits_for_the_file, a_full_disk_ends_it, files_that_do_not_fit_are_refused,
	networks_come_and_go)
