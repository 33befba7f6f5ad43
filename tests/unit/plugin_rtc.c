/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <string.h>

#include "plugin_test.h"

#define SECOND UINT64_C(1000000000)

static struct fake *fake;
static struct fake_instance *rtc;

static void setup(const char *base)
{
	fake = fake_new();
	if (base != NULL)
		fake_set(fake, "rtc0", "base", base);
	rtc = fake_add(fake, "rtc-mc146818", "rtc0");
	fake_reset(fake, VMM_RESET_POWER);
}

static uint32_t get(uint32_t index)
{
	fake_out(fake, 0x70, 1, index);
	return fake_in(fake, 0x71, 1);
}

static void put(uint32_t index, uint32_t value)
{
	fake_out(fake, 0x70, 1, index);
	fake_out(fake, 0x71, 1, value);
}

/* hhmmss as it is shown. */
static uint32_t time_of_day(void)
{
	return get(4) << 16 | get(2) << 8 | get(0);
}

static uint32_t date(void)
{
	return get(0x32) << 24 | get(9) << 16 | get(8) << 8 | get(7);
}

START_TEST(time_and_date)
{
	setup(NULL); /* the fake host begins at 1700000000: 2023-11-14 22:13:20, a Tuesday */
	ck_assert_uint_eq(date(), 0x20231114);
	ck_assert_uint_eq(time_of_day(), 0x221320);
	ck_assert_uint_eq(get(6), 3);
	fake_advance(fake, 40 * SECOND);
	ck_assert_uint_eq(time_of_day(), 0x221400);
	put(0x0b, 0x06); /* binary */
	ck_assert_uint_eq(time_of_day(), 22 << 16 | 14 << 8);
	put(0x0b, 0x00); /* BCD, 12 hours */
	ck_assert_uint_eq(time_of_day(), 0x901400);
	fake_advance(fake, 106 * 60 * SECOND);
	ck_assert_uint_eq(time_of_day(), 0x120000); /* midnight is 12 AM */
	ck_assert_uint_eq(get(7), 0x15);
	ck_assert_uint_eq(get(0x0d), 0x80);
	ck_assert(fake_round_trip(rtc));
	fake_free(fake);
}
END_TEST

START_TEST(bases)
{
	setup("1999-12-31T23:59:58");
	ck_assert_uint_eq(date(), 0x19991231);
	ck_assert_uint_eq(time_of_day(), 0x235958);
	ck_assert_uint_eq(get(6), 6); /* a Friday */
	fake_advance(fake, 2 * SECOND);
	ck_assert_uint_eq(date(), 0x20000101);
	ck_assert_uint_eq(time_of_day(), 0);
	fake_advance(fake, 59 * 86400 * SECOND);
	ck_assert_uint_eq(date(), 0x20000229);
	fake_free(fake);
	static const char *const bad[] = { "tomorrow", "2023-02-29", "2023-13-01", "2023-01-01T25:00:00",
		"2023-01-01x" };
	for (uint32_t i = 0; i < 5; i++) {
		fake = fake_new();
		fake_set(fake, "rtc0", "base", bad[i]);
		rtc = fake_create(fake, "rtc-mc146818", "rtc0");
		ck_assert_msg(fake_init(rtc) < 0, "%s", bad[i]);
		ck_assert(strstr(fake->cause, bad[i]) != NULL);
		fake_free(fake);
	}
}
END_TEST

START_TEST(setting)
{
	setup("2020-01-01");
	/* As Linux does it: SET, divider reset, values, SET off, divider on; the first update after half a second. */
	put(0x0b, 0x82);
	put(0x0a, 0x76);
	fake_advance(fake, 10 * SECOND);
	ck_assert_uint_eq(time_of_day(), 0);
	static const uint8_t values[][2] = { { 9, 0x24 }, { 8, 0x02 }, { 7, 0x28 }, { 4, 0x23 }, { 2, 0x59 },
		{ 0, 0x59 }, { 0x32, 0x20 } };
	for (uint32_t i = 0; i < 7; i++)
		put(values[i][0], values[i][1]);
	ck_assert(fake_round_trip(rtc));
	put(0x0b, 0x02);
	put(0x0a, 0x26);
	ck_assert_uint_eq(time_of_day(), 0x235959);
	fake_advance(fake, SECOND * 4 / 10);
	ck_assert_uint_eq(time_of_day(), 0x235959);
	fake_advance(fake, SECOND * 2 / 10);
	ck_assert_uint_eq(time_of_day(), 0);
	ck_assert_uint_eq(date(), 0x20240229);
	/* A register alone, with the clock running. */
	put(4, 0x12);
	ck_assert_uint_eq(time_of_day(), 0x120000);
	put(6, 1);
	ck_assert_uint_eq(get(6), 1);
	fake_advance(fake, 86400 * SECOND);
	ck_assert_uint_eq(get(6), 2);
	fake_free(fake);
}
END_TEST

START_TEST(update_in_progress)
{
	setup("2020-01-01");
	uint64_t begin = 0;
	uint64_t length = 0;
	uint32_t before = get(0);
	while (get(0) == before) {
		if ((get(0x0a) & 0x80) != 0)
			length += 10000;
		else
			begin = fake->now;
		fake_advance(fake, 10000);
	}
	ck_assert_uint_ge(length, 2200000);
	ck_assert_uint_le(length, 2260000);
	ck_assert_uint_ge(fake->now - begin, 244000);
	ck_assert_uint_eq(get(0x0a), 0x26);
	fake_free(fake);
}
END_TEST

START_TEST(update_and_alarm)
{
	setup("2020-01-01T10:00:00");
	put(0x0b, 0x12);
	fake_advance(fake, SECOND);
	ck_assert_uint_eq(fake->line_level[8], 1);
	fake_advance(fake, 5 * SECOND);
	ck_assert_uint_eq(get(0x0c) & 0xb0, 0x90);
	ck_assert_uint_eq(fake->line_level[8], 0);
	ck_assert_uint_eq(get(0x0c), 0);
	uint32_t edges = fake->line_edges[8];
	for (uint32_t i = 0; i < 10; i++) {
		fake_advance(fake, SECOND);
		get(0x0c);
	}
	ck_assert_uint_eq(fake->line_edges[8], edges + 10);
	put(0x0b, 0x22);
	put(5, 0x10);
	put(3, 0x01);
	put(1, 0x30);
	get(0x0c);
	edges = fake->line_edges[8];
	ck_assert(fake_round_trip(rtc));
	while (fake->line_edges[8] == edges && fake->now < 3600 * SECOND)
		fake_advance(fake, SECOND);
	ck_assert_uint_eq(time_of_day() & 0xffff00, 0x100100);
	ck_assert_uint_ge(get(0), 0x30);
	ck_assert_uint_le(get(0), 0x31);
	ck_assert_uint_eq(get(0x0c) & 0xa0, 0xa0);
	/* Any minute, second 0. */
	put(5, 0xff);
	put(3, 0xff);
	put(1, 0x00);
	edges = fake->line_edges[8];
	for (uint32_t i = 0; i < 600; i++) {
		fake_advance(fake, SECOND);
		get(0x0c);
	}
	ck_assert_uint_eq(fake->line_edges[8], edges + 10);
	fake_free(fake);
}
END_TEST

START_TEST(periodic)
{
	static const struct {
		uint32_t rate, hertz;
	} rates[] = { { 1, 256 }, { 2, 128 }, { 3, 8192 }, { 6, 1024 }, { 15, 2 } };
	for (uint32_t i = 0; i < 5; i++) {
		setup("2020-01-01");
		put(0x0a, 0x20 | rates[i].rate);
		put(0x0b, 0x42);
		uint32_t edges = fake->line_edges[8];
		for (uint64_t step = 0; step < 20000; step++) {
			fake_advance(fake, 4 * SECOND / 20000);
			if (fake->line_level[8])
				ck_assert_uint_eq(get(0x0c) & 0xc0, 0xc0);
		}
		uint32_t count = fake->line_edges[8] - edges;
		uint32_t expected = rates[i].hertz * 4 < 20000 ? rates[i].hertz * 4 : 20000;
		ck_assert_msg(count + 2 >= expected && count <= expected, "rate %u: %u", rates[i].rate, count);
		fake_free(fake);
	}
}
END_TEST

START_TEST(memory_and_reset)
{
	setup("2020-01-01");
	for (uint32_t i = 0x0e; i < 0x80; i++) {
		if (i != 0x32)
			put(i | 0x80, i ^ 0x5a);
	}
	ck_assert(fake_round_trip(rtc));
	fake_reset(fake, VMM_RESET_HARD);
	for (uint32_t i = 0x0e; i < 0x80; i++) {
		if (i != 0x32)
			ck_assert_uint_eq(get(i), i ^ 0x5a);
	}
	put(0x0b, 0x72);
	fake_reset(fake, VMM_RESET_HARD);
	ck_assert_uint_eq(get(0x0b), 0x02);
	ck_assert_uint_eq(date(), 0x20200101);
	fake_free(fake);
}
END_TEST

START_TEST(random_driving)
{
	setup(NULL);
	drive_ports(fake, rtc, 0x70, 0x71, 40000);
	uint32_t seed = 9;
	for (uint32_t i = 0; i < 40000; i++) {
		seed = seed * 1664525u + 1013904223u;
		put(seed >> 24 & 15, seed >> 8 & 0xff);
		get(seed >> 20 & 15);
		fake_advance(fake, seed & 0xfffffff);
		if (i % 1000 == 0)
			ck_assert(fake_round_trip(rtc));
	}
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("rtc-mc146818", time_and_date, bases, setting, update_in_progress, update_and_alarm, periodic,
	memory_and_reset, random_driving)
