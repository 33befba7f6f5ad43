/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "ide_bench.h"

#define BLOCK 2048u
#define DISC  (UINT64_C(400) * BLOCK + 512) /* the last block is a part of one */

static struct bench bench;
static uint8_t data[128 * 2352];

static void setup(uint32_t with_disc)
{
	struct fake *fake = fake_new();
	bench.drive = fake_create(fake, "ide-cd", "cd0");
	ck_assert_int_eq(fake_init(bench.drive), 0);
	bench_medium_init(&bench, DISC, VMM_STORAGE_READONLY);
	bench_init(&bench, fake, 0);
	if (with_disc)
		bench_join_medium(&bench);
	fake_reset(fake, VMM_RESET_POWER);
	bench_firmware(&bench);
	fake_start(fake);
}

/* Send a packet; what STATUS then is, once everything that can go by itself has gone. */
static uint8_t packet_send(const uint8_t *packet, uint32_t limit, uint32_t dma)
{
	bench_out(&bench, 6, 0xa0);
	bench_out(&bench, 1, (uint8_t)dma);
	bench_out(&bench, 4, (uint8_t)limit);
	bench_out(&bench, 5, (uint8_t)(limit >> 8));
	bench_out(&bench, 7, 0xa0);
	ck_assert_uint_eq(bench_status(&bench), 0x58);
	ck_assert_uint_eq(bench_in(&bench, 2), 1);
	ck_assert_uint_eq(bench.fake->line_level[14], 0);
	bench_write(&bench, packet, 12);
	bench_run(&bench);
	return bench_status(&bench);
}

/* A whole command by PIO; how many bytes came, or -1 after an error. */
static int32_t command(const uint8_t *packet, uint32_t limit)
{
	uint32_t length = 0;
	uint8_t status = packet_send(packet, limit, 0);
	while ((status & DRQ) != 0) {
		uint32_t block = bench_in(&bench, 4) | (uint32_t)bench_in(&bench, 5) << 8;
		ck_assert_uint_eq(bench_in(&bench, 2), 2);
		ck_assert_uint_le(block, limit == 0 ? 0xfffe : limit);
		bench_expect_interrupt(&bench);
		bench_read(&bench, data + length, block);
		length += block;
		bench_run(&bench);
		status = bench_status(&bench);
	}
	ck_assert_uint_eq(bench_in(&bench, 2), 3);
	bench_expect_interrupt(&bench);
	ck_assert_uint_eq(status & BSY, 0);
	return (status & ERR) != 0 ? -1 : (int32_t)length;
}

#define COMMAND(...) command((const uint8_t[12]){ __VA_ARGS__ }, 0xfffe)

static uint32_t sense(void)
{
	ck_assert_int_eq(COMMAND(0x03, 0, 0, 0, 18), 18);
	ck_assert_uint_eq(data[0] & 0x7f, 0x70);
	return (uint32_t)data[2] << 16 | (uint32_t)data[12] << 8 | data[13];
}

/* A command that must fail so. */
#define REFUSED(SENSE, ...) \
	do { \
		ck_assert_int_eq(COMMAND(__VA_ARGS__), -1); \
		ck_assert_uint_eq(bench_in(&bench, 1) >> 4, (SENSE) >> 16); \
		ck_assert_uint_eq(sense(), (SENSE)); \
	} while (0)

static void attention_clear(void)
{
	REFUSED(0x062900, 0x00);
}

START_TEST(identifies)
{
	setup(0);
	/* The signature, and the refusal that tells it from a disk. */
	ck_assert_uint_eq(bench_status(&bench), 0);
	ck_assert_uint_eq(bench_in(&bench, 4), 0x14);
	ck_assert_uint_eq(bench_in(&bench, 5), 0xeb);
	bench_out(&bench, 4, 0);
	bench_out(&bench, 7, 0xec);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x51);
	ck_assert_uint_eq(bench_in(&bench, 4), 0x14);
	bench_out(&bench, 7, 0xa1);
	bench_expect_interrupt(&bench);
	bench_read(&bench, data, 512);
	ck_assert_uint_eq(data[0] | data[1] << 8, 0x85c0);
	ck_assert_uint_eq(bench_status(&bench), 0x50);
	ck_assert_uint_eq(bench.fake->line_level[14], 0);
	/* INQUIRY leaves the unit attention; the others tell it once. */
	ck_assert_int_eq(COMMAND(0x12, 0, 0, 0, 36), 36);
	ck_assert_uint_eq(data[0], 5);
	ck_assert_uint_eq(data[1], 0x80);
	ck_assert_mem_eq(data + 8, "VMM     vmm ide-cd", 18);
	ck_assert_int_eq(COMMAND(0x12, 0, 0, 0, 5), 5);
	attention_clear();
	REFUSED(0x023a00, 0x00);
	REFUSED(0x023a00, 0x25);
	REFUSED(0x052000, 0xa4);
	REFUSED(0x052000, 0xff);
	ck_assert_uint_eq(sense(), 0);
	/* DEVICE RESET. */
	bench_out(&bench, 7, 0xa0);
	bench_out(&bench, 7, 0x08);
	ck_assert_uint_eq(bench_status(&bench), 0);
	ck_assert_uint_eq(bench_in(&bench, 5), 0xeb);
	bench_free(&bench);
}
END_TEST

START_TEST(reads_by_pio)
{
	setup(1);
	attention_clear();
	ck_assert_int_eq(COMMAND(0x00), 0);
	ck_assert_int_eq(COMMAND(0x25), 8);
	ck_assert_mem_eq(data, "\0\0\1\x90\0\0\x08\0", 8);
	ck_assert_int_eq(COMMAND(0x28, 0, 0, 0, 0, 5, 0, 0, 3), 3 * (int32_t)BLOCK);
	ck_assert_mem_eq(data, bench.medium.bytes + 5 * BLOCK, 3 * BLOCK);
	/* Odd limits, small ones, and none; more than the buffer. */
	static const uint32_t limits[] = { 0, 2047, 2048, 100, 7, 0xffff };
	for (uint32_t i = 0; i < 6; i++) {
		memset(data, 0, 2 * BLOCK);
		const uint8_t packet[12] = { 0xa8, 0, 0, 0, 0, 8, 0, 0, 0, 2 };
		ck_assert_int_eq(command(packet, limits[i]), 2 * (int32_t)BLOCK);
		ck_assert_mem_eq(data, bench.medium.bytes + 8 * BLOCK, 2 * BLOCK);
	}
	ck_assert_int_eq(COMMAND(0x28, 0, 0, 0, 0, 100, 0, 0, 100), 100 * (int32_t)BLOCK);
	ck_assert_mem_eq(data, bench.medium.bytes + 100 * BLOCK, 100 * BLOCK);
	ck_assert_int_eq(COMMAND(0x08, 0, 0, 9, 1), (int32_t)BLOCK);
	ck_assert_mem_eq(data, bench.medium.bytes + 9 * BLOCK, BLOCK);
	/* The last block ends in zeros, and after it there is nothing. */
	ck_assert_int_eq(COMMAND(0x28, 0, 0, 0, 1, 0x90, 0, 0, 1), (int32_t)BLOCK);
	ck_assert_mem_eq(data, bench.medium.bytes + 400 * BLOCK, 512);
	for (uint32_t i = 512; i < BLOCK; i++)
		ck_assert_uint_eq(data[i], 0);
	REFUSED(0x052100, 0x28, 0, 0, 0, 1, 0x90, 0, 0, 2);
	REFUSED(0x052100, 0x2b, 0, 0, 0, 1, 0x91);
	bench.medium.bad = 21 * BLOCK + 3;
	ck_assert_int_eq(COMMAND(0x28, 0, 0, 0, 0, 20, 0, 0, 4), -1);
	ck_assert_uint_eq(sense(), 0x031100);
	ck_assert_uint_eq(data[0], 0xf0);
	ck_assert_uint_eq(data[6], 21);
	bench_free(&bench);
}
END_TEST

START_TEST(reads_by_dma)
{
	setup(1);
	attention_clear();
	const uint8_t packet[12] = { 0x28, 0, 0, 0, 0, 30, 0, 0, 16 };
	bench_master(&bench, 16 * BLOCK, 8);
	ck_assert_uint_eq(packet_send(packet, 0, 1), 0x50);
	ck_assert_uint_eq(bench_in(&bench, 2), 3);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 2, 1), 0x64);
	bench_expect_interrupt(&bench);
	fake_read(bench.fake, MEMORY, data, 16 * BLOCK);
	ck_assert_mem_eq(data, bench.medium.bytes + 30 * BLOCK, 16 * BLOCK);
	/* Small replies go the same way. */
	const uint8_t inquiry[12] = { 0x12, 0, 0, 0, 36 };
	bench_master(&bench, 36, 8);
	ck_assert_uint_eq(packet_send(inquiry, 0, 1), 0x50);
	bench_expect_interrupt(&bench);
	fake_read(bench.fake, MEMORY, data, 36);
	ck_assert_mem_eq(data + 8, "VMM ", 4);
	bench_free(&bench);
}
END_TEST

START_TEST(tells_of_the_disc)
{
	setup(1);
	attention_clear();
	ck_assert_int_eq(COMMAND(0x43, 2, 0, 0, 0, 0, 0, 0, 255), 20);
	ck_assert_mem_eq(data, "\0\x12\1\1\0\x14\1\0\0\0\2\0\0\x14\xaa\0\0\0\7\x1a", 20);
	ck_assert_int_eq(COMMAND(0x43, 0, 0, 0, 0, 0, 0xaa, 0, 255), 12);
	ck_assert_mem_eq(data + 4, "\0\x14\xaa\0\0\0\1\x91", 8);
	ck_assert_int_eq(COMMAND(0x43, 0, 1, 0, 0, 0, 0, 0, 255), 12);
	ck_assert_int_eq(COMMAND(0x43, 0, 2, 0, 0, 0, 0, 0, 255), 48);
	ck_assert_uint_eq(data[4 + 3], 0xa0);
	REFUSED(0x052400, 0x43, 0, 0, 0, 0, 0, 2, 0, 255);
	REFUSED(0x052400, 0x43, 0, 7, 0, 0, 0, 0, 0, 255);
	ck_assert_int_eq(COMMAND(0x44, 0, 0, 0, 0, 3, 0, 0, 8), 8);
	ck_assert_mem_eq(data, "\1\0\0\0\0\0\0\3", 8);
	ck_assert_int_eq(COMMAND(0x42, 0, 0x40, 1, 0, 0, 0, 0, 255), 16);
	ck_assert_uint_eq(data[1], 0x15);
	ck_assert_int_eq(COMMAND(0x51, 0, 0, 0, 0, 0, 0, 0, 255), 34);
	ck_assert_int_eq(COMMAND(0x52, 1, 0, 0, 0, 1, 0, 0, 255), 36);
	ck_assert_int_eq(COMMAND(0x46, 0, 0, 0, 0, 0, 0, 1, 0), 80);
	ck_assert_uint_eq(data[3], 76);
	ck_assert_uint_eq(data[7], 8);
	ck_assert_int_eq(COMMAND(0x46, 2, 0, 0x1e, 0, 0, 0, 1, 0), 16);
	ck_assert_mem_eq(data + 8, "\0\x1e\1\4", 4);
	REFUSED(0x053002, 0xad, 0, 0, 0, 0, 0, 0, 0, 0, 255);
	/* A big one is a DVD; nothing of it is read here. */
	bench.medium.info.length = UINT64_C(1) << 30;
	bench.medium.upper->media_changed(bench.medium.upper_self);
	REFUSED(0x062800, 0x00);
	ck_assert_int_eq(COMMAND(0x46, 2, 0, 0, 0, 0, 0, 1, 0), 20);
	ck_assert_mem_eq(data + 6, "\0\x10", 2);
	ck_assert_int_eq(COMMAND(0xad, 0, 0, 0, 0, 0, 0, 0, 0x10, 0), 2052);
	ck_assert_mem_eq(data, "\x08\x02\0\0\1", 5);
	ck_assert_mem_eq(data + 12, "\0\x0a\xff\xff", 4);
	bench_free(&bench);
}
END_TEST

/* Products in GF(2^8), to check the codes in another way than they are made. */
static uint8_t product(uint8_t a, uint8_t b)
{
	uint8_t sum = 0;
	for (; b != 0; b >>= 1, a = (uint8_t)(a << 1 ^ ((a & 0x80) != 0 ? 0x1d : 0)))
		sum ^= (b & 1) != 0 ? a : 0;
	return sum;
}

static void code_check(const uint8_t *sector, const uint32_t *at, uint32_t length)
{
	uint8_t plain = 0;
	uint8_t weighted = 0;
	uint8_t power = 1;
	for (uint32_t i = length; i-- > 0;) {
		plain ^= sector[at[i]];
		weighted ^= product(sector[at[i]], power);
		power = product(power, 2);
	}
	ck_assert_uint_eq(plain, 0);
	ck_assert_uint_eq(weighted, 0);
}

START_TEST(reads_raw)
{
	static uint8_t first[2352];
	uint32_t at[45];
	setup(1);
	attention_clear();
	ck_assert_int_eq(COMMAND(0xbe, 0, 0, 0, 0, 16, 0, 0, 40, 0xf8), 40 * 2352);
	memcpy(first, data, 2352);
	for (uint32_t i = 0; i < 40; i++)
		ck_assert_mem_eq(data + i * 2352 + 16, bench.medium.bytes + (16 + i) * BLOCK, BLOCK);
	ck_assert_mem_eq(first, "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\2\x16\1", 16);
	/* Every code word of P and Q. */
	for (uint32_t k = 0; k < 86; k++) {
		for (uint32_t i = 0; i < 26; i++)
			at[i] = 12 + k + i * 86;
		code_check(first, at, 26);
	}
	for (uint32_t k = 0; k < 52; k++) {
		for (uint32_t i = 0; i < 43; i++)
			at[i] = 12 + (k / 2 * 86 + k % 2 + i * 88) % 2236;
		at[43] = 2248 + k;
		at[44] = 2248 + 52 + k;
		code_check(first, at, 45);
	}
	ck_assert_int_eq(COMMAND(0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0x10), 2 * (int32_t)BLOCK);
	ck_assert_mem_eq(data, bench.medium.bytes + 16 * BLOCK, 2 * BLOCK);
	ck_assert_int_eq(COMMAND(0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0x20), 8);
	ck_assert_mem_eq(data, "\0\2\x16\1\0\2\x17\1", 8);
	ck_assert_int_eq(COMMAND(0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0), 0);
	ck_assert_int_eq(COMMAND(0xb9, 0, 0, 0, 2, 16, 0, 2, 17, 0x10), (int32_t)BLOCK);
	ck_assert_mem_eq(data, bench.medium.bytes + 16 * BLOCK, BLOCK);
	REFUSED(0x052400, 0xbe, 0, 0, 0, 0, 16, 0, 0, 2, 0x90);
	REFUSED(0x056400, 0xbe, 4, 0, 0, 0, 16, 0, 0, 2, 0x10);
	bench_free(&bench);
}
END_TEST

START_TEST(changes_discs)
{
	setup(1);
	attention_clear();
	ck_assert_int_eq(COMMAND(0x00), 0);
	/* The guest ejects: the tray is open, and says so. */
	ck_assert_int_eq(COMMAND(0x1b, 0, 0, 0, 2), 0);
	ck_assert_uint_eq(bench.medium.ejects, 1);
	REFUSED(0x023a02, 0x00);
	ck_assert_int_eq(COMMAND(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 8);
	ck_assert_mem_eq(data, "\0\6\4\x10\3\1\0\0", 8);
	ck_assert_int_eq(COMMAND(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 8);
	ck_assert_uint_eq(data[4], 0);
	ck_assert_int_eq(COMMAND(0x1b, 0, 0, 0, 3), 0);
	REFUSED(0x062800, 0x00);
	ck_assert_int_eq(COMMAND(0x00), 0);
	/* Locked. */
	ck_assert_int_eq(COMMAND(0x1e, 0, 0, 0, 1), 0);
	ck_assert_uint_eq(bench.medium.locked, 1);
	REFUSED(0x055302, 0x1b, 0, 0, 0, 2);
	/* The host takes it all the same, and puts another in. */
	fake_part(bench.fake, bench.medium.link);
	REFUSED(0x062800, 0x00);
	REFUSED(0x023a00, 0x00);
	static const uint8_t codes[] = { 2, 1, 3, 0 };
	for (uint32_t i = 1; i < 4; i++) {
		ck_assert_int_eq(COMMAND(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 8);
		ck_assert_uint_eq(data[4], codes[i]);
		ck_assert_uint_eq(data[5], 0);
	}
	bench_join_medium(&bench);
	ck_assert_int_eq(COMMAND(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 8);
	ck_assert_uint_eq(data[4], codes[0]);
	ck_assert_uint_eq(data[5], 2);
	REFUSED(0x062800, 0x28, 0, 0, 0, 0, 5, 0, 0, 3);
	ck_assert_int_eq(COMMAND(0x28, 0, 0, 0, 0, 5, 0, 0, 3), 3 * (int32_t)BLOCK);
	/* A reset is told before a change. */
	bench.medium.upper->media_changed(bench.medium.upper_self);
	fake_reset(bench.fake, VMM_RESET_HARD);
	bench_firmware(&bench);
	ck_assert_uint_eq(bench.medium.locked, 0);
	bench.medium.upper->media_changed(bench.medium.upper_self);
	REFUSED(0x062900, 0x00);
	REFUSED(0x062800, 0x00);
	ck_assert_int_eq(COMMAND(0x00), 0);
	/* It goes in the middle of a read. */
	const uint8_t packet[12] = { 0x28, 0, 0, 0, 0, 5, 0, 0, 1 };
	bench_out(&bench, 7, 0xa0);
	bench_write(&bench, packet, 12);
	ck_assert_uint_eq(bench_status(&bench) & BSY, BSY);
	fake_part(bench.fake, bench.medium.link);
	bench.medium.held = 0;
	ck_assert_uint_eq(bench_status(&bench) & ERR, ERR);
	bench_free(&bench);
}
END_TEST

START_TEST(modes)
{
	setup(1);
	attention_clear();
	ck_assert_int_eq(COMMAND(0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 255), 28);
	ck_assert_mem_eq(data, "\0\x1a\1", 3);
	ck_assert_uint_eq(data[8], 0x2a);
	ck_assert_int_eq(COMMAND(0x1a, 0, 0x3f, 0, 255), 4 + 8 + 8 + 16 + 20);
	REFUSED(0x053900, 0x5a, 0, 0xc1, 0, 0, 0, 0, 0, 255);
	REFUSED(0x052400, 0x5a, 0, 0x05, 0, 0, 0, 0, 0, 255);
	/* MODE SELECT of page 01. */
	uint8_t list[16] = { 0, 14, 0, 0, 0, 0, 0, 0, 0x01, 6, 0x20, 9 };
	const uint8_t select[12] = { 0x55, 0x10, 0, 0, 0, 0, 0, 0, 16 };
	ck_assert_uint_eq(packet_send(select, 0xfffe, 0), 0x58);
	ck_assert_uint_eq(bench_in(&bench, 2), 0);
	bench_expect_interrupt(&bench);
	bench_write(&bench, list, sizeof(list));
	ck_assert_uint_eq(bench_in(&bench, 7), 0x50);
	ck_assert_int_eq(COMMAND(0x5a, 0, 1, 0, 0, 0, 0, 0, 255), 16);
	ck_assert_mem_eq(data + 8, "\1\6\x20\x09", 4);
	/* A page that is longer than the list. */
	list[9] = 40;
	packet_send(select, 0xfffe, 0);
	bench_write(&bench, list, sizeof(list));
	ck_assert_uint_eq(bench_in(&bench, 7), 0x51);
	ck_assert_uint_eq(sense(), 0x051a00);
	bench_free(&bench);
}
END_TEST

START_TEST(survives_in_mid_transfer)
{
	setup(1);
	attention_clear();
	const uint8_t packet[12] = { 0x28, 0, 0, 0, 0, 50, 0, 0, 70 };
	ck_assert_uint_eq(packet_send(packet, 2048, 0), 0x58);
	bench_read(&bench, data, 1000);
	fake_stop(bench.fake);
	struct fake_state *state = fake_save(bench.drive);
	ck_assert(fake_round_trip(bench.drive));
	fake_reset(bench.fake, VMM_RESET_POWER);
	ck_assert_int_eq(fake_load(bench.drive, state), 0);
	bench_firmware(&bench);
	fake_start(bench.fake);
	for (uint32_t at = 1000; at < 70 * BLOCK; at += 2) {
		bench_run(&bench);
		bench_read(&bench, data + at, 2);
	}
	ck_assert_mem_eq(data, bench.medium.bytes + 50 * BLOCK, 70 * BLOCK);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x50);
	fake_state_free(state);
	for (uint32_t i = 0; i < 20; i++) {
		drive_ports(bench.fake, bench.controller, PRIMARY, PRIMARY + 7, 500);
		fake_out(bench.fake, CONTROL, 1, 4);
		fake_out(bench.fake, CONTROL, 1, 0);
		if (bench.medium.held)
			bench_complete(&bench, -ECANCELED);
		ck_assert_uint_eq(bench_status(&bench) & BSY, 0);
	}
	bench_free(&bench);
}
END_TEST

PLUGIN_TEST_MAIN("ide-cd", identifies, reads_by_pio, reads_by_dma, tells_of_the_disc, reads_raw, changes_discs, modes,
	survives_in_mid_transfer)
