/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <string.h>

#include "plugin_test.h"

#define BASE   UINT64_C(0xfed00000)
#define SECOND UINT64_C(1000000000)

static struct fake *fake;
static struct fake_instance *hpet;

static void setup(const char *timers)
{
	fake = fake_new();
	if (timers != NULL)
		fake_set(fake, "hpet0", "timers", timers);
	hpet = fake_add(fake, "hpet", "hpet0");
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
	fake_advance(fake, 12345);
}

static void teardown(void)
{
	ck_assert(fake_round_trip(hpet));
	ck_assert_msg(fake->fault_count == 0, "%s", fake->fault);
	fake_stop(fake);
	fake_free(fake);
}

static uint64_t get(uint32_t offset)
{
	uint64_t value;
	fake_read(fake, BASE + offset, &value, 8);
	return value;
}

static void set(uint32_t offset, uint64_t value)
{
	fake_write(fake, BASE + offset, &value, 8);
}

static uint32_t get32(uint32_t offset)
{
	uint32_t value;
	fake_read(fake, BASE + offset, &value, 4);
	return value;
}

static void set32(uint32_t offset, uint32_t value)
{
	fake_write(fake, BASE + offset, &value, 4);
}

START_TEST(registers)
{
	setup("5");
	ck_assert_uint_eq(get32(0), 0x8086a401);
	ck_assert_uint_eq(get32(4), 10000000);
	ck_assert_uint_eq(get(0x100), UINT64_C(0x00f0000000000030));
	ck_assert_uint_eq(get(0x108), UINT64_MAX);
	ck_assert_uint_eq(get(0x180), UINT64_C(0x00f0000000000030));
	ck_assert_uint_eq(get(0x1a0), 0);
	set(0x1a8, 5);
	ck_assert_uint_eq(get(0x1a8), 0);
	/* The counter stands until it is enabled, and may be set. */
	ck_assert_uint_eq(get(0xf0), 0);
	set32(0xf4, 7);
	set32(0xf0, 1000);
	set(0x10, 1);
	fake_advance(fake, 1000);
	ck_assert_uint_eq(get(0xf0), (UINT64_C(7) << 32) + 1100);
	ck_assert_uint_eq(get32(0xf4), 7);
	set(0x10, 0);
	fake_advance(fake, 1000);
	ck_assert_uint_eq(get(0xf0), (UINT64_C(7) << 32) + 1100);
	/* The table: its sum is 0, and the block's id is the register's. */
	uint32_t found = 0;
	for (uint32_t i = 0; i < FAKE_FILES; i++) {
		const struct fake_file *file = &fake->files[i];
		if (!file->used || file->type != VMM_FIRMWARE_ACPI)
			continue;
		uint8_t sum = 0;
		for (uint64_t k = 0; k < file->length; k++)
			sum = (uint8_t)(sum + file->data[k]);
		ck_assert_uint_eq(sum, 0);
		ck_assert_uint_eq(file->length, 56);
		ck_assert_int_eq(memcmp(file->data + 36, "\x01\xa4\x86\x80", 4), 0);
		found++;
	}
	ck_assert_uint_eq(found, 1);
	teardown();
}
END_TEST

START_TEST(one_shot)
{
	setup(NULL);
	set(0x120, 20u << 9 | 4);
	set(0x10, 1);
	set(0x128, get(0xf0) + 100);
	fake_advance(fake, 999);
	ck_assert_uint_eq(fake->line_edges[20], 0);
	fake_advance(fake, 1);
	ck_assert_uint_eq(fake->line_edges[20], 1);
	ck_assert_uint_eq(get(0x20), 0);
	fake_advance(fake, 100 * SECOND);
	ck_assert_uint_eq(fake->line_edges[20], 1);
	/* Not enabled, or routed where it cannot go: no interrupt. */
	set(0x120, 20u << 9);
	set(0x128, get(0xf0) + 100);
	fake_advance(fake, SECOND);
	set(0x120, 5u << 9 | 4);
	set(0x128, get(0xf0) + 100);
	fake_advance(fake, SECOND);
	ck_assert_uint_eq(fake->line_edges[20], 1);
	ck_assert_uint_eq(fake->line_edges[5], 0);
	/* In the past: not before the counter has gone round; with 32 bits that is 43 seconds. */
	set(0x120, 20u << 9 | 4 | 0x100);
	set(0x128, (get(0xf0) - 1000) & UINT32_MAX);
	fake_advance(fake, 42 * SECOND);
	ck_assert_uint_eq(fake->line_edges[20], 1);
	fake_advance(fake, SECOND);
	ck_assert_uint_eq(fake->line_edges[20], 2);
	fake_advance(fake, 43 * SECOND);
	ck_assert_uint_eq(fake->line_edges[20], 3);
	teardown();
}
END_TEST

START_TEST(levels)
{
	setup(NULL);
	set(0x140, 23u << 9 | 4 | 2);
	set(0x148, 500);
	set(0x10, 1);
	fake_advance(fake, 5000);
	ck_assert_uint_eq(fake->line_level[23], 1);
	ck_assert_uint_eq(get(0x20), 4);
	set(0x20, 3);
	ck_assert_uint_eq(fake->line_level[23], 1);
	ck_assert(fake_round_trip(hpet));
	set32(0x24, UINT32_MAX);
	ck_assert_uint_eq(get(0x20), 4);
	set(0x20, 4);
	ck_assert_uint_eq(fake->line_level[23], 0);
	ck_assert_uint_eq(get(0x20), 0);
	teardown();
}
END_TEST

START_TEST(periodic)
{
	setup(NULL);
	set(0x10, 1);
	/* As Linux does it: the first match with VAL_SET, then the period. */
	set32(0x100, 21u << 9 | 0x4 | 0x8 | 0x40 | 0x100);
	uint32_t first = get32(0xf0) + 99991;
	set32(0x108, first);
	set32(0x108, 99991);
	uint32_t edges = fake->line_edges[21];
	fake_advance(fake, 100 * SECOND);
	/* 10^10 ticks / 99991: no drift, and the counter's wrap is no matter. */
	ck_assert_uint_eq(fake->line_edges[21] - edges, 100009);
	ck_assert_uint_eq(get32(0x108), (uint32_t)(first + UINT64_C(100009) * 99991));
	/* A busy host: late ones count as one, and the grid stays. */
	edges = fake->line_edges[21];
	fake_skip(fake, SECOND);
	fake_run_timers(fake);
	ck_assert_uint_eq(fake->line_edges[21] - edges, 1);
	ck_assert_uint_eq((uint32_t)(get32(0x108) - first) % 99991,
		(uint32_t)((get32(0x108) - (uint64_t)first) & UINT32_MAX) % 99991);
	ck_assert_uint_le(get32(0x108) - get32(0xf0), 99991);
	/* Saved in the middle of a period. */
	ck_assert(fake_round_trip(hpet));
	edges = fake->line_edges[21];
	fake_advance(fake, SECOND);
	ck_assert_uint_ge(fake->line_edges[21] - edges, 1000);
	ck_assert_uint_le(fake->line_edges[21] - edges, 1001);
	/* A period of nothing. */
	set32(0x100, 21u << 9 | 0x4 | 0x8 | 0x40);
	set(0x108, 0);
	set(0x108, 0);
	fake_advance(fake, SECOND);
	teardown();
}
END_TEST

START_TEST(legacy)
{
	setup(NULL);
	struct fake_instance *pit = fake_add(fake, "pit-8254", "pit0");
	fake_reset(fake, VMM_RESET_POWER);
	fake_out(fake, 0x43, 1, 0x34);
	fake_out(fake, 0x40, 1, 0);
	fake_out(fake, 0x40, 1, 0x10);
	uint32_t edges = fake->line_edges[0];
	fake_advance(fake, SECOND);
	ck_assert_uint_ge(fake->line_edges[0] - edges, 290);
	/* Timer 0 has IRQ0 for itself, timer 1 IRQ8; the 8254 comes back afterwards. */
	set(0x10, 3);
	set(0x100, 0x4c);
	set(0x108, get(0xf0) + 10000000);
	set(0x108, 10000000);
	set(0x120, 4);
	set(0x128, get(0xf0) + 100);
	edges = fake->line_edges[0];
	fake_advance(fake, SECOND + 1000);
	ck_assert_uint_eq(fake->line_edges[0] - edges, 10);
	ck_assert_uint_eq(fake->line_edges[8], 1);
	ck_assert(fake_round_trip(hpet));
	ck_assert(fake_round_trip(pit));
	set(0x10, 1);
	edges = fake->line_edges[0];
	fake_advance(fake, SECOND);
	ck_assert_uint_ge(fake->line_edges[0] - edges, 290);
	teardown();
}
END_TEST

START_TEST(random_writes)
{
	setup("8");
	uint32_t seed = 4;
	for (uint32_t i = 0; i < 20000; i++) {
		seed = seed * 1664525u + 1013904223u;
		uint32_t offset = (seed >> 8) % 0x200 & ~7u;
		uint64_t value = (uint64_t)seed << (seed >> 27) ^ seed;
		if ((seed & 0x10000) != 0)
			set32(offset | (seed >> 3 & 4), (uint32_t)value);
		else
			set(offset, value);
		get(offset);
		if ((seed & 0x700) == 0)
			fake_advance(fake, seed >> 10);
		if (i % 1000 == 0)
			ck_assert(fake_round_trip(hpet));
	}
	teardown();
}
END_TEST

PLUGIN_TEST_MAIN("hpet", registers, one_shot, levels, periodic, legacy, random_writes)
