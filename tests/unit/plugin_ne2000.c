/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The card, driven as a driver does. */
#include "net_bench.h"

#define TX_PAGE 0x40u
#define START   0x46u
#define STOP    0x60u

static uint8_t frame[2048], other[2048];
static const uint8_t station[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

static uint32_t get(uint32_t offset)
{
	return fake_in(bench.fake, BENCH_PORTS + offset, 1);
}

static void set(uint32_t offset, uint32_t value)
{
	fake_out(bench.fake, BENCH_PORTS + offset, 1, value);
}

static uint32_t get_at(uint32_t page, uint32_t offset)
{
	set(0, page << 6 | 0x22);
	uint32_t value = get(offset);
	set(0, 0x22);
	return value;
}

static void remote(uint32_t command, uint32_t address, uint32_t length)
{
	set(0x08, address & 0xff);
	set(0x09, address >> 8);
	set(0x0a, length & 0xff);
	set(0x0b, length >> 8);
	set(0x00, command | 2);
}

static void remote_get(uint32_t address, void *data, uint32_t length)
{
	uint8_t *bytes = data;
	remote(0x08, address, length);
	for (uint32_t i = 0; i < length; i += 2) {
		uint32_t word = fake_in(bench.fake, BENCH_PORTS + 0x10, 2);
		bytes[i] = (uint8_t)word;
		if (i + 1 < length)
			bytes[i + 1] = (uint8_t)(word >> 8);
	}
	ck_assert_uint_eq(get(7) & 0x40, 0x40);
	set(7, 0x40);
}

static void remote_put(uint32_t address, const void *data, uint32_t length)
{
	const uint8_t *bytes = data;
	remote(0x10, address, length);
	for (uint32_t i = 0; i < length; i += 2)
		fake_out(bench.fake, BENCH_PORTS + 0x10, 2,
			bytes[i] | (i + 1 < length ? (uint32_t)bytes[i + 1] << 8 : 0));
	ck_assert_uint_eq(get(7) & 0x40, 0x40);
	set(7, 0x40);
}

/* As National's application note 874 has it. */
static void setup(void)
{
	bench_init(fake_new(), "ne2000", 0);
	get(0x1f);
	set(0x1f, 0);
	ck_assert_uint_eq(get(0), 0x21);
	ck_assert_uint_eq(get(7) & 0x80, 0x80);
	set(0x0e, 0x49);
	set(0x0c, 0x04);
	set(0x0d, 0x02);
	set(0x01, START);
	set(0x02, STOP);
	set(0x03, START);
	set(0x07, 0xff);
	set(0x0f, 0x3f);
	set(0x00, 0x61);
	for (uint32_t i = 0; i < 6; i++)
		set(1 + i, station[i]);
	set(0x07, START + 1);
	set(0x00, 0x22);
	set(0x0d, 0x00);
	ck_assert_uint_eq(get(7), 0);
}

START_TEST(identity)
{
	uint8_t prom[32];
	setup();
	ck_assert_uint_eq(bench_config(0, 4), 0x802910ec);
	ck_assert_uint_eq(bench_config(8, 4) >> 8, 0x020000);
	ck_assert_uint_eq(bench_config(0x10, 4), BENCH_PORTS | 1);
	ck_assert_uint_eq(get(0x0a) | get(0x0b) << 8, 0x4350);
	ck_assert_uint_eq(get_at(3, 0x0e) | get_at(3, 0x0f) << 8, 0x8029);
	remote_get(0, prom, 32);
	ck_assert_mem_eq(prom, "\x00\x00\x0c\x0c\x29\x29", 6);
	ck_assert_mem_eq(prom + 28, "WWWW", 4);
	/* A byte at a time: each takes a word. */
	remote(0x08, 0, 12);
	for (uint32_t i = 0; i < 6; i++)
		ck_assert_uint_eq(get(0x10), prom[i * 2]);
	ck_assert_uint_eq(get(7), 0x40);
	/* In byte mode it does not. */
	set(0x0e, 0x48);
	remote(0x08, 0, 12);
	for (uint32_t i = 0; i < 12; i++)
		ck_assert_uint_eq(get(0x10), prom[i]);
	ck_assert_uint_eq(get_at(2, 0x0e), 0xc8);
	/* The link. */
	ck_assert_uint_eq(get_at(3, 3), 0);
	net_peer_cable(bench.card, 0);
	ck_assert_uint_eq(get_at(3, 3), 4);
	bench_free();
}
END_TEST

START_TEST(memory)
{
	setup();
	for (uint32_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 5 + (i >> 8));
	remote_put(0x4000, frame, 2048);
	remote_get(0x4000, other, 2048);
	ck_assert_mem_eq(other, frame, 2048);
	/* 32 bits at once; PROM and what is not there take nothing. */
	remote(0x08, 0x4004, 4);
	ck_assert_uint_eq(fake_in(bench.fake, BENCH_PORTS + 0x10, 4),
		frame[4] | (uint32_t)frame[5] << 8 | (uint32_t)frame[6] << 16 | (uint32_t)frame[7] << 24);
	set(7, 0x40);
	remote_put(0, frame, 32);
	remote_put(0x8000, frame, 32);
	remote_get(0x8000, other, 32);
	ck_assert_uint_eq(other[0], 0xff);
	remote_get(0, other, 32);
	ck_assert_mem_eq(other + 28, "WWWW", 4);
	/* Around the ring; and a length of 0 is done at once. */
	remote_put(START * 256, frame, 256);
	remote_put(STOP * 256 - 256, frame + 256, 256);
	remote_get(STOP * 256 - 256, other, 512);
	ck_assert_mem_eq(other, frame + 256, 256);
	ck_assert_mem_eq(other + 256, frame, 256);
	remote(0x08, 0x4000, 0);
	ck_assert_uint_eq(get(7), 0x40);
	bench_free();
}
END_TEST

START_TEST(transmits)
{
	const struct plain_packet packet = { 4, 6, 1000, 0 };
	setup();
	uint32_t length = packet_make(frame, &packet, 5);
	remote_put(TX_PAGE * 256, frame, length);
	set(4, TX_PAGE);
	set(5, length & 0xff);
	set(6, length >> 8);
	set(0, 0x26);
	ck_assert_uint_eq(bench.peer.count, 1);
	ck_assert_uint_eq(bench.peer.frames[0].length, length);
	ck_assert_mem_eq(bench.peer.frames[0].data, frame, length);
	ck_assert_uint_eq(get(0), 0x22);
	ck_assert_uint_eq(get(4), 1);
	ck_assert_uint_eq(get(7), 2);
	ck_assert_uint_eq(bench.bus.intx, 1);
	set(7, 2);
	ck_assert_uint_eq(bench.bus.intx, 0);
	/* The network takes none: TXP stays, in the saved state too. */
	bench.peer.room = 0;
	set(0, 0x26);
	ck_assert_uint_eq(get(0), 0x26);
	ck_assert_uint_eq(get(7), 0);
	bench_reload();
	ck_assert_uint_eq(get(0), 0x26);
	bench.peer.room = 10;
	fake_poll(bench.fake, 0);
	ck_assert_uint_eq(bench.peer.count, 2);
	ck_assert_mem_eq(bench.peer.frames[1].data, frame, length);
	ck_assert_uint_eq(get(0), 0x22);
	/* Its own check sequence; loopback; no carrier. */
	set(0x0d, 1);
	set(0, 0x26);
	ck_assert_uint_eq(bench.peer.frames[2].length, length - 4);
	set(0x0d, 2);
	set(0, 0x26);
	ck_assert_uint_eq(bench.peer.count, 3);
	ck_assert_uint_eq(get(4), 1);
	set(0x0d, 0);
	net_peer_cable(bench.card, 0);
	set(0, 0x26);
	ck_assert_uint_eq(get(4), 0x11);
	/* Stopped it sends nothing; pages outside, and any length. */
	set(0, 0x21);
	set(0, 0x25);
	ck_assert_uint_eq(get(0), 0x21);
	set(0, 0x22);
	set(4, 0xff);
	set(5, 0xff);
	set(6, 0xff);
	set(0, 0x26);
	ck_assert_uint_eq(get(0), 0x22);
	bench_free();
}
END_TEST

/* The packet that the driver reads next: its header at `page`; `length` without the check sequence. */
static uint32_t packet_get(uint32_t page, uint32_t *next)
{
	uint8_t header[4];
	remote_get(page * 256, header, 4);
	ck_assert_uint_eq(header[0] & 1, 1);
	*next = header[1];
	uint32_t length = header[2] | (uint32_t)header[3] << 8;
	ck_assert_uint_le(length, sizeof(other));
	uint32_t at = page * 256 + 4;
	remote_get(at, other, length);
	return length - 4;
}

START_TEST(receives)
{
	static const uint32_t lengths[] = { 14, 60, 61, 247, 248, 249, 1514 };
	uint32_t page = START + 1;
	uint32_t count = 0;
	setup();
	for (uint32_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 11 + (i >> 8));
	memcpy(frame, station, 6);
	/* Several times around. */
	for (uint32_t i = 0; i < 70; i++) {
		uint32_t length = lengths[i % VMM_KIT_COUNT(lengths)];
		uint32_t padded = length < 60 ? 60 : length;
		uint32_t next;
		frame[13] = (uint8_t)i;
		ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, length, 0), 1);
		ck_assert_uint_eq(get(7), 1);
		ck_assert_uint_eq(bench.bus.intx, 1);
		set(7, 1);
		ck_assert_uint_eq(packet_get(page, &next), padded);
		ck_assert_mem_eq(other, frame, length);
		uint32_t crc = plain_crc(other, padded);
		ck_assert_mem_eq(other + padded, &crc, 4);
		uint32_t pages = (padded + 8 + 255) / 256;
		ck_assert_uint_eq(next, page + pages < STOP ? page + pages : page + pages - (STOP - START));
		ck_assert_uint_eq(get_at(1, 7), next);
		page = next;
		/* As Linux does it: a page before, even before the first. */
		set(3, page - 1);
		count++;
	}
	ck_assert_uint_eq(count, 70);
	bench_free();
}
END_TEST

START_TEST(waits)
{
	uint32_t next;
	setup();
	memcpy(frame, station, 6);
	/* 25 pages are free, and one must stay so: four of six. */
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 1514, 0), 1);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 1514, 0), 0);
	/* A driver that has left frames there is told again, and what waits is offered again. */
	ck_assert_uint_eq(get(7), 1);
	uint32_t calls = bench.peer.readables;
	set(7, 1);
	ck_assert_uint_eq(bench.peer.readables, calls + 1);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 1514, 0), 0);
	ck_assert_uint_eq(get(7), 1);
	ck_assert_uint_eq(packet_get(START + 1, &next), 1514);
	set(3, next - 1);
	ck_assert_uint_eq(bench.peer.readables, calls + 2);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 1514, 0), 1);
	/* "Send packet" reads the one at BNRY, and moves BNRY. */
	set(3, next);
	set(0, 0x1a);
	for (uint32_t i = 0; i < 1518; i += 2)
		fake_in(bench.fake, BENCH_PORTS + 0x10, 2);
	ck_assert_uint_eq(get(7) & 0x40, 0x40);
	ck_assert_uint_eq(get(3), next + 6);
	bench_free();
}
END_TEST

static uint32_t is_received(const uint8_t *to)
{
	memcpy(frame, to, 6);
	set(7, 0xff);
	ck_assert_uint_eq(net_peer_pass(&bench.peer, frame, 60, 0), 1);
	uint32_t received = get(7) & 1;
	set(3, get_at(1, 7) - 1);
	return received;
}

START_TEST(filters)
{
	static const uint8_t stranger[6] = { 2, 1, 2, 3, 4, 5 };
	static const uint8_t group[6] = { 1, 0, 0x5e, 1, 2, 3 };
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	setup();
	ck_assert_uint_eq(is_received(station), 1);
	ck_assert_uint_eq(is_received(stranger), 0);
	ck_assert_uint_eq(is_received(all), 1);
	set(0x0c, 0);
	ck_assert_uint_eq(is_received(all), 0);
	set(0x0c, 0x10);
	ck_assert_uint_eq(is_received(stranger), 1);
	/* The polynomial of 802.3, highest bit first; the highest six bits. */
	uint32_t crc = UINT32_MAX;
	for (uint32_t i = 0; i < 48; i++) {
		uint32_t bit = (uint32_t)(group[i / 8] >> i % 8 & 1) ^ crc >> 31;
		crc = crc << 1 ^ (bit ? 0x04c11db7 : 0);
	}
	set(0x0c, 0x08);
	ck_assert_uint_eq(is_received(group), 0);
	set(0, 0x62);
	set(8 + (crc >> 29), 1u << (crc >> 26 & 7));
	set(0, 0x22);
	ck_assert_uint_eq(is_received(group), 1);
	set(0, 0x62);
	set(8 + (crc >> 29), ~(1u << (crc >> 26 & 7)) & 0xff);
	set(0, 0x22);
	ck_assert_uint_eq(is_received(group), 0);
	set(0x0c, 0x20);
	ck_assert_uint_eq(is_received(station), 0);
	bench_free();
}
END_TEST

START_TEST(hostile)
{
	setup();
	memcpy(frame, station, 6);
	/* Rings that are none, are elsewhere, or do not hold CURR and BNRY. */
	for (uint32_t i = 0; i < 4096; i++) {
		static const uint8_t pages[8] = { 0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xff };
		set(1, pages[i & 7]);
		set(2, pages[i >> 3 & 7]);
		set(3, pages[i >> 6 & 7]);
		set(0, 0x62);
		set(7, pages[i >> 9 & 7]);
		set(0, 0x22);
		net_peer_pass(&bench.peer, frame, 1514, 0);
		net_peer_pass(&bench.peer, frame, 60, 0);
	}
	drive_ports(bench.fake, bench.card, BENCH_PORTS, BENCH_PORTS + 31, 20000);
	bench_free();
}
END_TEST

PLUGIN_TEST_MAIN("ne2000", identity, memory, transmits, receives, waits, filters, hostile)
