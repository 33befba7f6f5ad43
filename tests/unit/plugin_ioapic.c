/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "plugin_test.h"

#define BASE  UINT64_C(0xfec00000)
#define MASK  0x10000u
#define LEVEL 0x8000u
#define RIRR  0x4000u

static struct fake *fake;
static struct fake_instance *ioapic;

static void setup(const char *version)
{
	fake = fake_new();
	fake_set(fake, "ioapic0", "version", version);
	ioapic = fake_add(fake, "ioapic-82093", "ioapic0");
	fake_reset(fake, VMM_RESET_POWER);
}

static void put(uint32_t index, uint32_t value)
{
	fake_write(fake, BASE, &index, 4);
	fake_write(fake, BASE + 0x10, &value, 4);
}

static uint32_t get(uint32_t index)
{
	uint32_t value;
	fake_write(fake, BASE, &index, 4);
	fake_read(fake, BASE + 0x10, &value, 4);
	return value;
}

static void eoi(uint32_t vector)
{
	fake->controllers[0]->eoi(fake->controller_selves[0], vector);
}

START_TEST(registers)
{
	setup("0x20");
	ck_assert_uint_eq(get(1), 0x00170020);
	put(0, 0xffffffff);
	ck_assert_uint_eq(get(0), 0x0f000000);
	ck_assert_uint_eq(get(2), 0x0f000000);
	for (uint32_t pin = 0; pin < 24; pin++)
		ck_assert_uint_eq(get(0x10 + pin * 2), MASK);
	put(0x10, 0xffffffff);
	ck_assert_uint_eq(get(0x10), 0x1afff); /* delivery status and remote IRR are read-only */
	put(0x11, 0xffffffff);
	ck_assert_uint_eq(get(0x11), 0xff000000);
	put(0x40, 0xffffffff); /* past the last */
	ck_assert_uint_eq(get(0x40), 0);
	ck_assert(fake_round_trip(ioapic));
	fake_free(fake);
	setup("0x11");
	ck_assert_uint_eq(get(1), 0x00170011);
	fake_free(fake);
}
END_TEST

START_TEST(edges)
{
	setup("0x20");
	put(0x11 + 4 * 2, 0x05000000);
	put(0x10 + 4 * 2, 0x0931); /* lowest priority, logical, vector 31 */
	fake_line(fake, 4, 1);
	ck_assert_uint_eq(fake->message_count, 1);
	ck_assert_uint_eq(fake->message_address, 0xfee05004);
	ck_assert_uint_eq(fake->message_data, 0x4131);
	fake_line(fake, 4, 0);
	ck_assert_uint_eq(fake->message_count, 1);
	/* At a masked pin an edge is lost. */
	put(0x10 + 4 * 2, 0x0931 | MASK);
	fake_line(fake, 4, 1);
	put(0x10 + 4 * 2, 0x0931);
	ck_assert_uint_eq(fake->message_count, 1);
	/* IRQ0 comes in at pin 2; line 2 does not exist. */
	put(0x10 + 2 * 2, 0x30);
	fake_line(fake, 0, 1);
	ck_assert_uint_eq(fake->message_count, 2);
	ck_assert_uint_eq(fake->message_data, 0x4030);
	fake_line(fake, 2, 1);
	ck_assert_uint_eq(fake->message_count, 2);
	fake_free(fake);
}
END_TEST

START_TEST(levels)
{
	setup("0x20");
	put(0x10 + 10 * 2, 0x41 | LEVEL);
	fake_line(fake, 10, 1);
	ck_assert_uint_eq(fake->message_count, 1);
	ck_assert_uint_eq(fake->message_data, 0xc041);
	ck_assert_uint_eq(get(0x10 + 10 * 2), 0x41 | LEVEL | RIRR);
	ck_assert(fake_round_trip(ioapic));
	eoi(0x42);
	ck_assert_uint_eq(fake->message_count, 1);
	eoi(0x41); /* still high: sent again */
	ck_assert_uint_eq(fake->message_count, 2);
	fake_line(fake, 10, 0);
	eoi(0x41);
	ck_assert_uint_eq(fake->message_count, 2);
	ck_assert_uint_eq(get(0x10 + 10 * 2), 0x41 | LEVEL);
	/* A level at a masked pin is sent when it is unmasked. */
	put(0x10 + 10 * 2, 0x41 | LEVEL | MASK);
	fake_line(fake, 10, 1);
	ck_assert_uint_eq(fake->message_count, 2);
	put(0x10 + 10 * 2, 0x41 | LEVEL);
	ck_assert_uint_eq(fake->message_count, 3);
	/* The EOI register, and the old way: edge for a moment. */
	fake_line(fake, 10, 0);
	uint32_t vector = 0x41;
	fake_write(fake, BASE + 0x40, &vector, 4);
	ck_assert_uint_eq(get(0x10 + 10 * 2) & RIRR, 0);
	fake_line(fake, 10, 1);
	fake_line(fake, 10, 0);
	ck_assert_uint_eq(get(0x10 + 10 * 2) & RIRR, RIRR);
	put(0x10 + 10 * 2, 0x41 | MASK);
	put(0x10 + 10 * 2, 0x41 | LEVEL);
	ck_assert_uint_eq(get(0x10 + 10 * 2) & RIRR, 0);
	fake_free(fake);
}
END_TEST

START_TEST(random_driving)
{
	setup("0x20");
	uint32_t seed = 3;
	for (uint32_t i = 0; i < 20000; i++) {
		seed = seed * 1664525u + 1013904223u;
		put(seed >> 24, seed * 31);
		fake_line(fake, (seed >> 8) % 24, seed >> 16 & 1);
		eoi(seed >> 5 & 0xff);
		if (i % 500 == 0)
			ck_assert(fake_round_trip(ioapic));
	}
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("ioapic-82093", registers, edges, levels, random_driving)
