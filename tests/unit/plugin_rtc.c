/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The real-time clock, against the MC146818A's datasheet.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin_test.h"

#define MS     UINT64_C(1000000)
#define SECOND (1000 * MS)

enum { SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM, WEEKDAY, DAY, MONTH, YEAR, A, B, C, D };
#define CENTURY 0x32

static struct fake *fake;
static struct fake_instance *rtc;

static uint8_t get(uint32_t index)
{
	fake_out(fake, 0x70, 1, index);
	return (uint8_t)fake_in(fake, 0x71, 1);
}

static void set(uint32_t index, uint32_t value)
{
	fake_out(fake, 0x70, 1, index);
	fake_out(fake, 0x71, 1, value);
}

static void setup(const char *base)
{
	fake = fake_new();
	if (base != NULL)
		fake_set(fake, "rtc0", "base", base);
	rtc = fake_add(fake, "rtc-mc146818", "rtc0");
	fake_reset(fake, VMM_RESET_POWER);
}

/* In BCD: 0x20231114, 0x221320. */
static void check_time(uint32_t date, uint32_t clock)
{
	ck_assert_uint_eq((uint32_t)get(CENTURY) << 24 | (uint32_t)get(YEAR) << 16 | get(MONTH) << 8 | get(DAY), date);
	ck_assert_uint_eq((uint32_t)get(HOURS) << 16 | get(MINUTES) << 8 | get(SECONDS), clock);
}

static void check_after(const char *base, uint64_t seconds, uint32_t date, uint32_t clock, uint32_t weekday)
{
	setup(base);
	fake_advance(fake, seconds * SECOND);
	check_time(date, clock);
	ck_assert_uint_eq(get(WEEKDAY), weekday);
	fake_free(fake);
}

START_TEST(time_formats)
{
	setup(NULL); /* the fake host's: Tuesday 2023-11-14, 22:13:20 UTC */
	ck_assert_uint_eq(get(B), 0x02);
	check_time(0x20231114, 0x221320);
	ck_assert_uint_eq(get(WEEKDAY), 3);
	set(B, 0x06);
	ck_assert_uint_eq(get(HOURS), 22);
	ck_assert_uint_eq(get(MINUTES), 13);
	ck_assert_uint_eq(get(SECONDS), 20);
	ck_assert_uint_eq(get(YEAR), 23);
	set(B, 0x04);
	ck_assert_uint_eq(get(HOURS), 0x8a);
	set(B, 0x00);
	ck_assert_uint_eq(get(HOURS), 0x90);
	fake_advance(fake, 2 * 3600 * SECOND);
	ck_assert_uint_eq(get(HOURS), 0x12); /* 12 AM */
	fake_advance(fake, 12 * 3600 * SECOND);
	ck_assert_uint_eq(get(HOURS), 0x92); /* 12 PM */
	ck_assert(fake_round_trip(rtc));
	fake_free(fake);
}
END_TEST

START_TEST(rollovers)
{
	check_after("1999-12-31T23:59:58", 2, 0x20000101, 0x000000, 7);
	check_after("2000-02-28T23:59:59", 1, 0x20000229, 0x000000, 3);
	check_after("2000-02-29T23:59:59", 1, 0x20000301, 0x000000, 4);
	check_after("2023-02-28T23:59:59", 1, 0x20230301, 0x000000, 4);
	check_after("2024-02-28T23:59:59", 1, 0x20240229, 0x000000, 5);
	check_after("2100-02-28T23:59:59", 1, 0x21000301, 0x000000, 2);
	check_after("1985-10-26 01:20:00", 60, 0x19851026, 0x012100, 7);
	check_after("2023-04-30", 86400, 0x20230501, 0x000000, 2);
	check_after("1970-01-01", 0, 0x19700101, 0x000000, 5);
	check_after("1999-12-31T00:00:00", 86400 * 366, 0x20001231, 0x000000, 1);
}
END_TEST

START_TEST(base_setting)
{
	setenv("TZ", "XYZ-2", 1);
	tzset();
	setup("localtime");
	check_time(0x20231115, 0x001320);
	fake_free(fake);
	setup("utc");
	check_time(0x20231114, 0x221320);
	fake_free(fake);
	static const char *const bad[] = { "2023-02-29", "2023-13-01", "tomorrow", "2023-01-01T24:00:00", "2023-01-01x",
		"9999-01-01" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fake = fake_new();
		fake_set(fake, "rtc0", "base", bad[i]);
		struct fake_instance *instance = fake_create(fake, "rtc-mc146818", "rtc0");
		ck_assert_int_lt(fake_init(instance), 0);
		ck_assert_ptr_nonnull(strstr(fake->cause, bad[i]));
		fake_free(fake);
	}
}
END_TEST

START_TEST(setting_the_time)
{
	setup(NULL);
	fake_advance(fake, 300 * MS);
	set(B, 0x92); /* SET clears UIE */
	ck_assert_uint_eq(get(B), 0x82);
	fake_advance(fake, 5 * SECOND);
	ck_assert_uint_eq(get(SECONDS), 0x20); /* it stands still */
	ck_assert_uint_eq(get(A) & 0x80, 0);
	static const uint8_t values[][2] = { { CENTURY, 0x19 }, { YEAR, 0x99 }, { MONTH, 0x12 }, { DAY, 0x31 },
		{ HOURS, 0x23 }, { MINUTES, 0x59 }, { SECONDS, 0x58 }, { WEEKDAY, 6 } };
	for (size_t i = 0; i < 8; i++)
		set(values[i][0], values[i][1]);
	ck_assert(fake_round_trip(rtc));
	set(B, 0x02);
	check_time(0x19991231, 0x235958);
	fake_advance(fake, 2 * SECOND);
	check_time(0x20000101, 0x000000);
	ck_assert_uint_eq(get(WEEKDAY), 7);
	/* In twelve hours and binary. */
	set(B, 0x84);
	set(HOURS, 0x8b);
	set(MINUTES, 59);
	set(SECONDS, 59);
	set(DAY, 28);
	set(MONTH, 2);
	set(YEAR, 23);
	set(CENTURY, 20);
	set(B, 0x04);
	fake_advance(fake, SECOND);
	ck_assert_uint_eq(get(HOURS), 12);
	ck_assert_uint_eq(get(DAY), 1);
	ck_assert_uint_eq(get(MONTH), 3);
	/* A single register while it runs, and a weekday that is the user's own. */
	set(MINUTES, 30);
	ck_assert_uint_eq(get(MINUTES), 30);
	set(WEEKDAY, 2);
	fake_advance(fake, 24 * 3600 * SECOND);
	ck_assert_uint_eq(get(WEEKDAY), 3);
	ck_assert(fake_round_trip(rtc));
	fake_free(fake);
}
END_TEST

START_TEST(update_in_progress)
{
	setup(NULL);
	ck_assert_uint_eq(get(A), 0x26);
	fake_advance(fake, 997 * MS);
	ck_assert_uint_eq(get(A), 0x26);
	ck_assert_uint_eq(get(SECONDS), 0x20);
	fake_advance(fake, 1 * MS); /* 244 us and 1984 us before the change */
	ck_assert_uint_eq(get(A), 0xa6);
	ck_assert_uint_eq(get(SECONDS), 0x20);
	fake_advance(fake, 2 * MS);
	ck_assert_uint_eq(get(A), 0x26);
	ck_assert_uint_eq(get(SECONDS), 0x21);
	set(A, 0xa6); /* UIP is read-only */
	ck_assert_uint_eq(get(A), 0x26);
	/* The divider held in reset: the first update comes half a second after it goes on. */
	set(A, 0x76);
	fake_advance(fake, 3 * SECOND);
	ck_assert_uint_eq(get(SECONDS), 0x21);
	set(A, 0x26);
	fake_advance(fake, 499 * MS);
	ck_assert_uint_eq(get(SECONDS), 0x21);
	fake_advance(fake, 1 * MS);
	ck_assert_uint_eq(get(SECONDS), 0x22);
	fake_free(fake);
}
END_TEST

START_TEST(update_ended)
{
	setup(NULL);
	set(A, 0x20); /* no periodic flag */
	get(C);
	fake_advance(fake, SECOND);
	ck_assert_uint_eq(get(C), 0x10); /* the flag comes without its enable */
	ck_assert_uint_eq(fake->line_edges[8], 0);
	ck_assert_uint_eq(get(C), 0);
	set(B, 0x12);
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t edges = fake->line_edges[8];
		fake_advance(fake, 999 * MS);
		ck_assert_uint_eq(fake->line_level[8], 0);
		fake_advance(fake, 1 * MS);
		ck_assert_uint_eq(fake->line_level[8], 1);
		ck_assert_uint_eq(fake->line_edges[8], edges + 1);
		ck_assert(fake_round_trip(rtc));
		ck_assert_uint_eq(get(C), 0x90);
		ck_assert_uint_eq(fake->line_level[8], 0);
	}
	/* A flag that waits raises the line as soon as it is enabled. */
	set(B, 0x02);
	fake_advance(fake, SECOND);
	ck_assert_uint_eq(fake->line_level[8], 0);
	set(B, 0x12);
	ck_assert_uint_eq(fake->line_level[8], 1);
	set(B, 0x02);
	ck_assert_uint_eq(fake->line_level[8], 0);
	fake_free(fake);
}
END_TEST

START_TEST(periodic)
{
	static const uint32_t rates[][2] = { { 1, 256 }, { 2, 128 }, { 3, 8192 }, { 4, 4096 }, { 5, 2048 }, { 6, 1024 },
		{ 7, 512 }, { 8, 256 }, { 9, 128 }, { 10, 64 }, { 11, 32 }, { 12, 16 }, { 13, 8 }, { 14, 4 }, { 15, 2 },
		{ 0, 0 } };
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		uint32_t count = 0;
		setup(NULL);
		set(A, 0x20 | rates[i][0]);
		get(C);
		set(B, 0x42);
		for (uint32_t step = 0; step < 40000; step++) {
			fake_advance(fake, 25000);
			if (fake->line_level[8]) {
				ck_assert_uint_eq(get(C) & 0xc0, 0xc0);
				ck_assert_uint_eq(fake->line_level[8], 0);
				count++;
			}
		}
		ck_assert_msg(count == rates[i][1], "rate %u: %u a second", rates[i][0], count);
		fake_free(fake);
	}
}
END_TEST

START_TEST(alarms)
{
	setup(NULL);
	set(A, 0x20); /* no periodic flag */
	set(HOURS_ALARM, 0x22);
	set(MINUTES_ALARM, 0x14);
	set(SECONDS_ALARM, 0x00);
	get(C);
	set(B, 0x22);
	fake_advance(fake, 39 * SECOND + 999 * MS);
	ck_assert_uint_eq(fake->line_level[8], 0);
	fake_advance(fake, 1 * MS);
	ck_assert_uint_eq(fake->line_level[8], 1);
	ck_assert_uint_eq(get(C), 0xb0);
	fake_advance(fake, 24 * 3600 * SECOND - 1 * MS);
	ck_assert_uint_eq(fake->line_level[8], 0);
	fake_advance(fake, 1 * MS); /* the next day */
	ck_assert_uint_eq(fake->line_level[8], 1);
	get(C);
	/* C0 to FF match always: every minute at 30 seconds, then every second. */
	set(HOURS_ALARM, 0xc0);
	set(MINUTES_ALARM, 0xff);
	set(SECONDS_ALARM, 0x30);
	for (uint32_t i = 0; i < 3; i++) {
		fake_advance(fake, (i == 0 ? 30 : 60) * SECOND - 1);
		ck_assert_uint_eq(fake->line_level[8], 0);
		fake_advance(fake, 1);
		ck_assert_uint_eq(fake->line_level[8], 1);
		ck_assert_uint_eq(get(C), 0xb0);
	}
	ck_assert(fake_round_trip(rtc));
	set(SECONDS_ALARM, 0xff);
	for (uint32_t i = 0; i < 3; i++) {
		fake_advance(fake, SECOND);
		ck_assert_uint_eq(get(C), 0xb0);
	}
	set(SECONDS_ALARM, 0x75); /* there is no such second */
	fake_advance(fake, 48 * 3600 * SECOND);
	ck_assert_uint_eq(get(C), 0x10);
	/* Half past one in the afternoon, by the twelve-hour clock. */
	set(B, 0x24);
	set(HOURS_ALARM, 0x81);
	set(MINUTES_ALARM, 30);
	set(SECONDS_ALARM, 0);
	for (uint32_t i = 0; i < 24 * 60 && !fake->line_level[8]; i++)
		fake_advance(fake, 60 * SECOND);
	ck_assert_uint_eq(fake->line_level[8], 1);
	ck_assert_uint_eq(get(HOURS), 0x81);
	ck_assert_uint_eq(get(MINUTES), 30);
	fake_free(fake);
}
END_TEST

START_TEST(memory_and_resets)
{
	setup(NULL);
	for (uint32_t i = 0x0e; i < 0x80; i++) {
		if (i != CENTURY)
			set(i, i ^ 0x5a);
	}
	set(0x80 | 0x40, 0x77); /* bit 7 is the NMI mask, not address */
	ck_assert_uint_eq(get(0x40), 0x77);
	set(0x40, 0x40 ^ 0x5a);
	set(C, 0xff);
	set(D, 0x00);
	ck_assert_uint_eq(get(C), 0);
	ck_assert_uint_eq(get(D), 0x80); /* valid, and read-only */
	ck_assert_uint_eq(fake_in(fake, 0x70, 1), 0xff);
	set(B, 0x7e);
	fake_advance(fake, 10 * SECOND);
	ck_assert_uint_eq(fake->line_level[8], 1);
	fake_reset(fake, VMM_RESET_HARD);
	ck_assert_uint_eq(fake->line_level[8], 0);
	ck_assert_uint_eq(get(B), 0x06); /* the format stays, the enables go */
	ck_assert_uint_eq(get(C), 0);
	ck_assert_uint_eq(get(SECONDS), 30);
	for (uint32_t i = 0x0e; i < 0x80; i++) {
		if (i != CENTURY)
			ck_assert_uint_eq(get(i), i ^ 0x5a);
	}
	ck_assert(fake_round_trip(rtc));
	fake_free(fake);
}
END_TEST

START_TEST(busy_host)
{
	/* Flags are right however late the timers run. */
	setup(NULL);
	set(B, 0x72);
	set(SECONDS_ALARM, 0x30);
	set(MINUTES_ALARM, 0xff);
	set(HOURS_ALARM, 0xff);
	get(C);
	fake_skip(fake, 100 * SECOND);
	ck_assert_uint_eq(get(C), 0xf0);
	fake_run_timers(fake);
	check_time(0x20231114, 0x221500);
	fake_free(fake);
}
END_TEST

START_TEST(random_use)
{
	setup(NULL);
	drive_ports(fake, rtc, 0x70, 0x71, 100000);
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("rtc", time_formats, rollovers, base_setting, setting_the_time, update_in_progress, update_ended,
	periodic, alarms, memory_and_resets, busy_host, random_use)
