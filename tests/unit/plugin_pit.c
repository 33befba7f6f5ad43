/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "plugin_test.h"

#define HZ     UINT64_C(1193182)
#define SECOND UINT64_C(1000000000)

static struct fake *fake;
static struct fake_instance *pit;

static void setup(const char *missed)
{
	fake = fake_new();
	fake_set(fake, "pit0", "missed-ticks", missed);
	pit = fake_add(fake, "pit-8254", "pit0");
	fake_reset(fake, VMM_RESET_POWER);
	fake_advance(fake, 12345678);
}

/* To the first moment of the tick that is `ticks` after the present one. */
static void tick(uint64_t ticks)
{
	uint64_t now = (uint64_t)((unsigned __int128)fake->now * HZ / SECOND) + ticks;
	fake_advance(fake, (vmm_time)(((unsigned __int128)now * SECOND + HZ - 1) / HZ) - fake->now);
}

static void program(uint32_t counter, uint32_t mode, uint32_t count)
{
	fake_out(fake, 0x43, 1, counter << 6 | 0x30 | mode << 1);
	fake_out(fake, 0x40 + counter, 1, count & 0xff);
	fake_out(fake, 0x40 + counter, 1, count >> 8);
}

static uint32_t counter(uint32_t number)
{
	fake_out(fake, 0x43, 1, number << 6);
	uint32_t low = fake_in(fake, 0x40 + number, 1);
	return low | fake_in(fake, 0x40 + number, 1) << 8;
}

static uint32_t status(uint32_t number)
{
	fake_out(fake, 0x43, 1, 0xe0 | 2u << number);
	return fake_in(fake, 0x40 + number, 1);
}

static uint32_t out2(void)
{
	return fake_in(fake, 0x61, 1) >> 5 & 1;
}

START_TEST(rate)
{
	setup("drop");
	program(0, 2, 11932);
	uint32_t before = fake->line_edges[0];
	fake_advance(fake, 10 * SECOND);
	/* 10 s at 1193182 Hz: 11931820 / 11932 = 999.98 */
	ck_assert_uint_eq(fake->line_edges[0] - before, 999);
	program(0, 3, 0);
	before = fake->line_edges[0];
	fake_advance(fake, 100 * SECOND);
	ck_assert_uint_eq(fake->line_edges[0] - before, 1820);
	ck_assert(fake_round_trip(pit));
	fake_free(fake);
}
END_TEST

START_TEST(one_shot)
{
	setup("drop");
	program(0, 0, 1000);
	ck_assert_uint_eq(fake->line_level[0], 0);
	tick(1000);
	ck_assert_uint_eq(fake->line_level[0], 0);
	ck_assert_uint_eq(counter(0), 1);
	tick(1);
	ck_assert_uint_eq(fake->line_level[0], 1);
	ck_assert_uint_eq(counter(0), 0);
	tick(1);
	ck_assert_uint_eq(counter(0), 0xffff);
	uint32_t edges = fake->line_edges[0];
	fake_advance(fake, SECOND);
	ck_assert_uint_eq(fake->line_edges[0], edges);
	/* Mode 4 strobes once, one tick later; the count alone starts it again. */
	program(0, 4, 500);
	edges = fake->line_edges[0];
	tick(501);
	ck_assert_uint_eq(fake->line_edges[0], edges);
	tick(1);
	ck_assert_uint_eq(fake->line_edges[0], edges + 1);
	fake_out(fake, 0x40, 1, 100);
	fake_out(fake, 0x40, 1, 0);
	tick(200);
	ck_assert_uint_eq(fake->line_edges[0], edges + 2);
	ck_assert(fake_round_trip(pit));
	fake_free(fake);
}
END_TEST

START_TEST(counter_two_and_gate)
{
	setup("drop");
	fake_out(fake, 0x61, 1, 0x00);
	program(2, 0, 100);
	ck_assert_uint_eq(out2(), 0);
	tick(1000);
	ck_assert_uint_eq(counter(2), 100); /* the gate is low */
	fake_out(fake, 0x61, 1, 0x01);
	tick(50);
	ck_assert_uint_eq(counter(2), 50);
	fake_out(fake, 0x61, 1, 0x00);
	tick(50);
	ck_assert_uint_eq(counter(2), 50);
	fake_out(fake, 0x61, 1, 0x01);
	tick(50);
	ck_assert_uint_eq(out2(), 1);
	/* Mode 1: nothing until the gate rises, then low for N. */
	program(2, 1, 40);
	tick(100);
	ck_assert_uint_eq(out2(), 1);
	fake_out(fake, 0x61, 1, 0x00);
	fake_out(fake, 0x61, 1, 0x03);
	tick(2);
	ck_assert_uint_eq(out2(), 0);
	tick(38);
	ck_assert_uint_eq(out2(), 0);
	tick(1);
	ck_assert_uint_eq(out2(), 1);
	ck_assert_uint_eq(fake_in(fake, 0x61, 1) & 0x0f, 0x03);
	/* Mode 5: a strobe of one tick. */
	program(2, 5, 10);
	fake_out(fake, 0x61, 1, 0x00);
	fake_out(fake, 0x61, 1, 0x01);
	tick(10);
	ck_assert_uint_eq(out2(), 1);
	tick(1);
	ck_assert_uint_eq(out2(), 0);
	tick(1);
	ck_assert_uint_eq(out2(), 1);
	fake_free(fake);
}
END_TEST

START_TEST(square_wave)
{
	setup("drop");
	fake_out(fake, 0x61, 1, 0x01);
	program(2, 3, 5); /* odd: high for 3, low for 2 */
	tick(1);
	static const uint8_t wave[] = { 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1 };
	static const uint8_t values[] = { 4, 2, 0, 4, 2, 4, 2, 0, 4, 2, 4 };
	for (uint32_t i = 0; i < sizeof(wave); i++) {
		ck_assert_uint_eq(out2(), wave[i]);
		ck_assert_uint_eq(counter(2), values[i]);
		tick(1);
	}
	program(2, 2, 4);
	tick(1);
	static const uint8_t pulse[] = { 1, 1, 1, 0, 1, 1, 1, 0 };
	for (uint32_t i = 0; i < sizeof(pulse); i++) {
		ck_assert_uint_eq(out2(), pulse[i]);
		ck_assert_uint_eq(counter(2), 4 - i % 4);
		tick(1);
	}
	/* A new count waits for the end of the cycle. */
	program(2, 2, 100);
	tick(51);
	fake_out(fake, 0x42, 1, 10);
	fake_out(fake, 0x42, 1, 0);
	ck_assert_uint_eq(counter(2), 50);
	ck_assert_uint_eq(status(2) & 0x40, 0x40); /* null count */
	tick(50);
	ck_assert_uint_eq(counter(2), 10);
	ck_assert_uint_eq(status(2) & 0x40, 0);
	ck_assert_uint_eq(status(2) & 0x3f, 0x34);
	tick(5);
	ck_assert_uint_eq(counter(2), 5);
	fake_free(fake);
}
END_TEST

START_TEST(latch_and_bcd)
{
	setup("drop");
	fake_out(fake, 0x61, 1, 0x01);
	fake_out(fake, 0x43, 1, 0xb1); /* counter 2, both bytes, mode 0, BCD */
	fake_out(fake, 0x42, 1, 0x00);
	fake_out(fake, 0x42, 1, 0x10); /* 1000 */
	tick(2);
	ck_assert_uint_eq(counter(2), 0x0999);
	/* A latched count stays until it is read, a second latch does nothing. */
	fake_out(fake, 0x43, 1, 0x80);
	tick(10);
	fake_out(fake, 0x43, 1, 0x80);
	ck_assert_uint_eq(fake_in(fake, 0x42, 1), 0x99);
	ck_assert_uint_eq(fake_in(fake, 0x42, 1), 0x09);
	/* Read-back of both: status first. */
	fake_out(fake, 0x43, 1, 0xc8);
	ck_assert_uint_eq(fake_in(fake, 0x42, 1) & 0x3f, 0x31);
	ck_assert_uint_eq(fake_in(fake, 0x42, 1), 0x89);
	ck_assert_uint_eq(fake_in(fake, 0x42, 1), 0x09);
	ck_assert_uint_eq(fake_in(fake, 0x43, 1), 0xff);
	/* The refresh bit toggles. */
	uint32_t first = fake_in(fake, 0x61, 1) & 0x10;
	tick(18);
	ck_assert_uint_ne(fake_in(fake, 0x61, 1) & 0x10, first);
	fake_free(fake);
}
END_TEST

START_TEST(missed_ticks)
{
	setup("drop");
	program(0, 2, 1193);
	fake_advance(fake, SECOND);
	uint32_t before = fake->line_edges[0];
	fake_skip(fake, SECOND / 2);
	fake_run_timers(fake);
	ck_assert_uint_eq(fake->line_edges[0] - before, 1);
	fake_free(fake);
	setup("catch-up");
	program(0, 2, 1193);
	before = fake->line_edges[0];
	fake_advance(fake, SECOND);
	fake_skip(fake, SECOND / 2);
	fake_run_timers(fake);
	ck_assert_uint_lt(fake->line_edges[0] - before, 1010);
	fake_advance(fake, SECOND * 3 / 2);
	/* 3 s at 1000.15 Hz */
	ck_assert_uint_ge(fake->line_edges[0] - before, 2995);
	ck_assert_uint_le(fake->line_edges[0] - before, 3001);
	/* But not more than two seconds' worth. */
	before = fake->line_edges[0];
	fake_skip(fake, 3600 * SECOND);
	fake_advance(fake, 10 * SECOND);
	ck_assert_uint_le(fake->line_edges[0] - before, 12100);
	ck_assert_uint_ge(fake->line_edges[0] - before, 11900);
	fake_free(fake);
}
END_TEST

START_TEST(random_driving)
{
	setup("catch-up");
	drive_ports(fake, pit, 0x40, 0x43, 30000);
	drive_ports(fake, pit, 0x40, 0x61, 30000);
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN(
	"pit-8254", rate, one_shot, counter_two_and_gate, square_wave, latch_and_bcd, missed_ticks, random_driving)
