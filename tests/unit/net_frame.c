/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What the kit does to frames, against a plain second implementation.
 */
#include <errno.h>
#include <string.h>

#include <vmm/kit/net.h>

#include "plugin_test.h"

#define ROUNDS 4000

static uint32_t seed;

static uint32_t chance(uint32_t limit)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)(seed >> 4) * limit) >> 28);
}

/* The reference: byte by byte, as the RFCs say it. */

static uint16_t plain_sum(const uint8_t *data, size_t length)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < length; i++) {
		sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)sum;
}

static uint32_t plain_get(const uint8_t *at, uint32_t bytes)
{
	uint32_t value = 0;
	while (bytes-- > 0)
		value = value << 8 | *at++;
	return value;
}

static void plain_put(uint8_t *at, uint32_t bytes, uint32_t value)
{
	for (; bytes > 0; bytes--, value >>= 8)
		at[bytes - 1] = (uint8_t)value;
}

/* A frame that is made by hand, and what it says of itself. */
struct made {
	uint8_t bytes[VMM_NET_FRAME_MAXIMUM];
	uint32_t length, ip, transport, payload;
	uint32_t ip6, udp, flags;
};

static uint16_t transport_sum(const struct made *made, const uint8_t *frame, uint32_t length)
{
	static uint8_t text[VMM_NET_FRAME_MAXIMUM + 64];
	uint32_t at = made->ip6 ? 32 : 8;
	memcpy(text, frame + made->ip + (made->ip6 ? 8 : 12), at);
	plain_put(text + at, 4, length - made->transport);
	plain_put(text + at + 4, 4, made->udp ? 17 : 6);
	memcpy(text + at + 8, frame + made->transport, length - made->transport);
	return plain_sum(text, at + 8 + length - made->transport);
}

static void make(struct made *made, uint32_t ip6, uint32_t udp, uint32_t tags, uint32_t options, uint32_t payload)
{
	uint8_t *bytes = made->bytes;
	for (uint32_t i = 0; i < 220; i++)
		bytes[i] = (uint8_t)chance(256);
	made->ip6 = ip6;
	made->udp = udp;
	for (uint32_t i = 0; i < tags; i++)
		plain_put(bytes + 12 + 4 * i, 2, i + 1 < tags ? 0x88a8 : 0x8100);
	made->ip = 14 + 4 * tags;
	plain_put(bytes + made->ip - 2, 2, ip6 ? 0x86dd : 0x0800);
	uint8_t *ip = bytes + made->ip;
	uint32_t words = ip6 ? 10 : 5 + options % 11;
	ip[0] = (uint8_t)(ip6 ? 0x60 : 0x40 | words);
	ip[ip6 ? 6 : 9] = udp ? 17 : 6;
	if (!ip6)
		plain_put(ip + 6, 2, 0x4000);
	made->transport = made->ip + words * 4;
	words = udp ? 2 : 5 + options / 11 % 11;
	if (!udp)
		bytes[made->transport + 12] = (uint8_t)(words << 4);
	made->payload = made->transport + words * 4;
	made->length = made->payload + payload;
	for (uint32_t i = 0; i < payload; i++)
		bytes[made->payload + i] = (uint8_t)chance(256);
}

/* Describe it, in random pieces. */
static void describe(const struct made *made, struct vmm_net_frame *frame, struct vmm_net_segment *segments,
	uint32_t segmentation, uint32_t segment_size)
{
	uint32_t at = made->payload + chance(made->length - made->payload + 1);
	uint32_t count = 1;
	segments[0] = (struct vmm_net_segment){ made->bytes, at };
	while (at < made->length && count < VMM_NET_SEGMENTS) {
		uint32_t piece = count + 1 == VMM_NET_SEGMENTS ? made->length - at : chance(made->length - at + 1);
		segments[count++] = (struct vmm_net_segment){ made->bytes + at, piece };
		at += piece;
	}
	segments[count - 1].length += made->length - at;
	*frame = (struct vmm_net_frame){
		.struct_size = sizeof(*frame),
		.flags = VMM_NET_NEEDS_CHECKSUM,
		.length = made->length,
		.segments = segments,
		.segment_count = count,
		.segmentation = segmentation,
		.segment_size = segment_size,
		.header_length = segmentation != 0 ? made->payload : 0,
		.checksum_start = made->transport,
		.checksum_offset = made->udp ? 6 : 16,
	};
}

struct taker {
	const struct made *made;
	const struct vmm_net_frame *frame;
	uint64_t capabilities;
	uint32_t count, payload, stop;
};

static uint8_t expected[VMM_NET_FRAME_MAXIMUM], got[VMM_NET_FRAME_MAXIMUM];

/* The frame that must come now. */
static uint32_t expect_piece(const struct taker *taker)
{
	const struct made *made = taker->made;
	uint32_t left = made->length - made->payload - taker->payload;
	uint32_t size = left < taker->frame->segment_size ? left : taker->frame->segment_size;
	uint8_t *ip = expected + made->ip;
	uint8_t *transport = expected + made->transport;
	uint32_t length = made->payload + size;
	memcpy(expected, made->bytes, made->payload);
	memcpy(expected + made->payload, made->bytes + made->payload + taker->payload, size);
	if (made->ip6) {
		plain_put(ip + 4, 2, length - made->transport);
	} else {
		plain_put(ip + 2, 2, length - made->ip);
		plain_put(ip + 4, 2, plain_get(ip + 4, 2) + taker->count);
		plain_put(ip + 10, 2, 0);
		plain_put(ip + 10, 2, ~(uint32_t)plain_sum(ip, made->transport - made->ip) & 0xffff);
	}
	if (made->udp) {
		plain_put(transport + 4, 2, length - made->transport);
	} else {
		plain_put(transport + 4, 4, plain_get(transport + 4, 4) + taker->payload);
		if (size < left)
			transport[13] &= 0xf6;
		if (taker->count > 0 && (taker->frame->segmentation & VMM_NET_SEGMENT_ECN) != 0)
			transport[13] &= 0x7f;
	}
	uint8_t *at = transport + taker->frame->checksum_offset;
	plain_put(at, 2, 0);
	uint32_t sum = ~(uint32_t)transport_sum(made, expected, length) & 0xffff;
	plain_put(at, 2, sum == 0 ? 0xffff : sum);
	return length;
}

static int32_t take_piece(void *self, const struct vmm_net_frame *frame)
{
	struct taker *taker = self;
	ck_assert_int_eq(vmm_net_check(frame), 0);
	ck_assert_uint_eq(frame->segmentation, 0);
	uint32_t length = expect_piece(taker);
	ck_assert_uint_eq(frame->length, length);
	ck_assert_uint_eq(vmm_net_copy(frame, 0, got, sizeof(got)), length);
	ck_assert_uint_eq(frame->flags & VMM_NET_NEEDS_CHECKSUM,
		(taker->capabilities & VMM_NET_CHECKSUM) != 0 ? VMM_NET_NEEDS_CHECKSUM : 0);
	if ((frame->flags & VMM_NET_NEEDS_CHECKSUM) != 0) {
		/* As whoever takes it would do. */
		uint8_t *start = got + frame->checksum_start;
		uint32_t sum = ~(uint32_t)plain_sum(start, length - frame->checksum_start) & 0xffff;
		plain_put(start + frame->checksum_offset, 2, sum == 0 ? 0xffff : sum);
	}
	ck_assert_mem_eq(got, expected, length);
	taker->payload += length - taker->made->payload;
	return ++taker->count == taker->stop ? -ENOSPC : 0;
}

static struct made made;
static uint8_t room[VMM_NET_ROOM];

START_TEST(frames_are_cut)
{
	for (seed = 1; seed <= ROUNDS; seed += 1) {
		struct vmm_net_segment segments[VMM_NET_SEGMENTS];
		struct vmm_net_frame frame;
		struct taker taker = { .made = &made, .frame = &frame };
		uint32_t before = seed;
		uint32_t ip6 = chance(2);
		uint32_t udp = chance(3) == 0;
		uint32_t kind = udp ? VMM_NET_SEGMENT_UDP : ip6 ? VMM_NET_SEGMENT_TCP6 : VMM_NET_SEGMENT_TCP4;
		make(&made, ip6, udp, chance(3), chance(2) != 0 ? chance(121) : 0,
			chance(chance(4) == 0 ? 65000 : 9000));
		if (!udp && chance(2) != 0)
			kind |= VMM_NET_SEGMENT_ECN;
		describe(&made, &frame, segments, kind, 1 + chance(chance(2) != 0 ? 1460 : 30000));
		taker.capabilities = chance(2) != 0 ? VMM_NET_CHECKSUM : 0;
		/* What the other kinds can do is no help. */
		if (taker.capabilities != 0)
			taker.capabilities |= udp ? VMM_NET_TCP4 | VMM_NET_TCP6 : VMM_NET_UDP | VMM_NET_ECN;
		ck_assert_int_eq(vmm_net_check(&frame), 0);
		ck_assert_int_eq(vmm_net_finish(&frame, taker.capabilities, room, take_piece, &taker), 0);
		ck_assert_uint_eq(taker.payload, made.length - made.payload);
		uint32_t size = taker.payload > 0 ? (taker.payload - 1) / frame.segment_size + 1 : 1;
		ck_assert_uint_eq(taker.count, size);
		seed = before;
	}
}
END_TEST

static int32_t take_same(void *self, const struct vmm_net_frame *frame)
{
	ck_assert_ptr_eq(frame, self);
	return 7;
}

START_TEST(what_a_peer_takes_is_left_alone)
{
	static const uint32_t kinds[] = { VMM_NET_SEGMENT_NONE, VMM_NET_SEGMENT_TCP4, VMM_NET_SEGMENT_TCP6,
		VMM_NET_SEGMENT_UDP, VMM_NET_SEGMENT_TCP4 | VMM_NET_SEGMENT_ECN };
	static const uint64_t wanted[] = { VMM_NET_CHECKSUM, VMM_NET_CHECKSUM | VMM_NET_TCP4,
		VMM_NET_CHECKSUM | VMM_NET_TCP6, VMM_NET_CHECKSUM | VMM_NET_UDP,
		VMM_NET_CHECKSUM | VMM_NET_TCP4 | VMM_NET_ECN };
	for (uint32_t i = 0; i < VMM_KIT_COUNT(kinds); i++) {
		struct vmm_net_segment segments[VMM_NET_SEGMENTS];
		struct vmm_net_frame frame;
		struct taker taker = { .made = &made, .frame = &frame, .stop = 2 };
		seed = i;
		make(&made, kinds[i] == VMM_NET_SEGMENT_TCP6, kinds[i] == VMM_NET_SEGMENT_UDP, 0, 0, 5000);
		describe(&made, &frame, segments, kinds[i], 1000);
		ck_assert_int_eq(vmm_net_finish(&frame, wanted[i], room, take_same, &frame), 7);
		if (kinds[i] == VMM_NET_SEGMENT_NONE)
			continue;
		/* With less, it is cut, and cutting ends where the taker says so. */
		taker.capabilities = kinds[i] == kinds[4] ? VMM_NET_CHECKSUM | VMM_NET_TCP4 : VMM_NET_CHECKSUM;
		ck_assert_int_eq(vmm_net_finish(&frame, taker.capabilities, room, take_piece, &taker), -ENOSPC);
		ck_assert_uint_eq(taker.count, 2);
	}
}
END_TEST

static int32_t take_checksum(void *self, const struct vmm_net_frame *frame)
{
	uint64_t *count = self;
	*count += 1;
	ck_assert_uint_eq(frame->flags, VMM_NET_CHECKSUM_RIGHT);
	ck_assert_uint_eq(frame->length, made.length);
	vmm_net_copy(frame, 0, got, sizeof(got));
	ck_assert_mem_eq(got, expected, made.length);
	return 0;
}

/* Without headers that anybody knows, too. */
START_TEST(checksums_are_put)
{
	for (seed = 1; seed <= ROUNDS; seed += 1) {
		struct vmm_net_segment segments[VMM_NET_SEGMENTS];
		struct vmm_net_frame frame;
		uint64_t count = 0;
		uint32_t before = seed;
		make(&made, 0, 1, 0, 0, chance(4) == 0 ? 0 : chance(3000));
		describe(&made, &frame, segments, VMM_NET_SEGMENT_NONE, 0);
		frame.flags |= VMM_NET_CHECKSUM_RIGHT;
		frame.checksum_start = 14 + chance(made.length - 16 + 1);
		frame.checksum_offset = chance(made.length - frame.checksum_start - 1);
		memcpy(expected, made.bytes, made.length);
		uint8_t *start = expected + frame.checksum_start;
		uint32_t sum = ~(uint32_t)plain_sum(start, made.length - frame.checksum_start) & 0xffff;
		plain_put(start + frame.checksum_offset, 2, sum == 0 ? 0xffff : sum);
		ck_assert_int_eq(vmm_net_finish(&frame, 0, room, take_checksum, &count), 0);
		ck_assert_uint_eq(count, 1);
		seed = before;
	}
}
END_TEST

START_TEST(sums_are_right)
{
	static uint8_t data[70000];
	for (seed = 1; seed <= 500; seed += 1) {
		uint32_t before = seed;
		uint32_t length = chance(chance(2) != 0 ? 70 : 60000);
		uint32_t cut = chance(length / 2 + 1) * 2;
		uint32_t from = chance(8);
		for (uint32_t i = 0; i < length; i++)
			data[from + i] = (uint8_t)(chance(4) == 0 ? 0xff : chance(256));
		uint32_t plain = plain_sum(data + from, length);
		uint32_t whole = vmm_net_sum(0, data + from, length);
		uint32_t parts = vmm_net_sum(0, data + from, cut) + vmm_net_sum(0, data + from + cut, length - cut);
		uint16_t want = __builtin_bswap16((uint16_t)~plain);
		ck_assert_uint_eq(vmm_net_sum_fold(whole), want);
		ck_assert_uint_eq(vmm_net_sum_fold(parts), want);
		ck_assert_uint_eq(vmm_net_sum_fold(vmm_net_sum(whole, NULL, 0)), want);
		seed = before;
	}
	ck_assert_uint_eq(vmm_net_sum_fold(vmm_net_sum(UINT32_MAX, "\xff\xff", 2)), 0);
	ck_assert_uint_eq(vmm_net_sum_fold(0), 0xffff);
}
END_TEST

START_TEST(copies_are_right)
{
	const struct vmm_net_segment segments[] = { { "abc", 3 }, { NULL, 0 }, { "defgh", 5 }, { "i", 1 } };
	const struct vmm_net_frame frame = { .segments = segments, .segment_count = 4, .length = 9 };
	for (uint32_t offset = 0; offset < 12; offset++) {
		for (uint32_t length = 0; length < 12; length++) {
			char text[16] = "";
			uint32_t left = offset < 9 ? 9 - offset : 0;
			uint32_t want = length < left ? length : left;
			ck_assert_uint_eq(vmm_net_copy(&frame, offset, text, length), want);
			ck_assert_int_eq(strncmp(text, &"abcdefghi"[offset < 9 ? offset : 9], want), 0);
			ck_assert_int_eq(text[want], 0);
		}
	}
}
END_TEST

/* One thing wrong at a time. */

static struct vmm_net_segment one[VMM_NET_SEGMENTS + 1];
static struct vmm_net_frame good;

static int32_t never(void *self, const struct vmm_net_frame *frame)
{
	(void)self;
	(void)frame;
	ck_abort_msg("a frame came out");
	return 0;
}

static void good_again(uint32_t ip6, uint32_t udp)
{
	seed = 9;
	make(&made, ip6, udp, 1, 0, 4000);
	describe(&made, &good, one,
		udp           ? VMM_NET_SEGMENT_UDP
			: ip6 ? VMM_NET_SEGMENT_TCP6
			      : VMM_NET_SEGMENT_TCP4,
		1400);
	ck_assert_int_eq(vmm_net_check(&good), 0);
}

static void refuse(int line)
{
	if (vmm_net_check(&good) != -EINVAL || vmm_net_finish(&good, 0, room, never, NULL) != -EINVAL)
		ck_abort_msg("line %d: it was taken", line);
	good_again(0, 0);
}
#define REFUSE(CHANGE) \
	do { \
		CHANGE; \
		refuse(__LINE__); \
	} while (0)

START_TEST(descriptions_are_checked)
{
	good_again(0, 0);
	REFUSE(good.struct_size = 8);
	REFUSE(good.flags |= 0x80);
	REFUSE(good.flags = 0);
	REFUSE(good.length = 13);
	REFUSE(good.length = VMM_NET_FRAME_MAXIMUM + 1);
	REFUSE(good.length++);
	REFUSE(good.length--);
	REFUSE(good.segment_count = 0);
	REFUSE(good.segment_count = VMM_NET_SEGMENTS + 1);
	REFUSE(good.segments = NULL);
	REFUSE(one[0].data = NULL);
	REFUSE(one[0].length = UINT64_MAX);
	REFUSE(one[good.segment_count - 1].length -= (uint64_t)1 << 63);
	REFUSE(good.segmentation = 4);
	REFUSE(good.segmentation = VMM_NET_SEGMENT_ECN);
	REFUSE(good.segmentation = VMM_NET_SEGMENT_UDP | VMM_NET_SEGMENT_ECN);
	REFUSE(good.segmentation = VMM_NET_SEGMENT_UDP);
	REFUSE(good.segmentation = VMM_NET_SEGMENT_TCP6);
	REFUSE(good.segment_size = 0);
	REFUSE(good.header_length = 0);
	REFUSE(good.header_length--);
	REFUSE(good.header_length++);
	REFUSE(good.header_length = UINT32_MAX);
	REFUSE(good.checksum_start++);
	REFUSE(good.checksum_start = UINT32_MAX);
	REFUSE(good.checksum_offset = 6);
	REFUSE(good.checksum_offset = UINT32_MAX);
	for (uint32_t i = 0; i < good.header_length; i++)
		REFUSE(good.header_length = i);
	good.segmentation = 0;
	good.checksum_start = 13;
	refuse(__LINE__);
	good.segmentation = 0;
	good.checksum_start = made.length - 1;
	good.checksum_offset = 0;
	refuse(__LINE__);
}
END_TEST

START_TEST(headers_are_checked)
{
	good_again(0, 0);
	REFUSE(plain_put(made.bytes + 16, 2, 0x0806));
	REFUSE(plain_put(made.bytes + 16, 2, 0x86dd));
	REFUSE(plain_put(made.bytes + 12, 2, 0x0800));
	REFUSE(made.bytes[made.ip] = 0x55);
	REFUSE(made.bytes[made.ip] = 0x44);
	REFUSE(made.bytes[made.ip] = 0x4f);
	REFUSE(made.bytes[made.ip + 9] = 17);
	REFUSE(plain_put(made.bytes + made.ip + 6, 2, 0x2000));
	REFUSE(plain_put(made.bytes + made.ip + 6, 2, 1));
	REFUSE(made.bytes[made.transport + 12] = 0x40);
	REFUSE(made.bytes[made.transport + 12] = 0x60);
	/* Extension headers: hop by hop, routing, fragment, destination options, authentication. */
	static const uint8_t extensions[] = { 0, 43, 44, 60, 51, 59 };
	for (uint32_t i = 0; i < sizeof(extensions); i++) {
		good_again(1, 0);
		REFUSE(made.bytes[made.ip + 6] = extensions[i]);
		good_again(1, 1);
		REFUSE(made.bytes[made.ip + 6] = extensions[i]);
	}
	good_again(1, 0);
	REFUSE(made.bytes[made.ip] = 0x40);
	/* Three tags are too many. */
	for (uint32_t i = 0; i < 3; i++)
		plain_put(made.bytes + 12 + 4 * i, 2, 0x8100);
	refuse(__LINE__);
	/* A piece that no IP header has room for. */
	make(&made, 0, 0, 0, 0, VMM_NET_FRAME_MAXIMUM - 14 - 40);
	describe(&made, &good, one, VMM_NET_SEGMENT_TCP4, 65495);
	ck_assert_int_eq(vmm_net_check(&good), 0);
	REFUSE(good.segment_size = 65496);
}
END_TEST

PLUGIN_TEST_MAIN("net_frame", frames_are_cut, what_a_peer_takes_is_left_alone, checksums_are_put, sums_are_right,
	copies_are_right, descriptions_are_checked, headers_are_checked)
