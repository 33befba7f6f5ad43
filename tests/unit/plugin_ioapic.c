/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The I/O APIC, against the 82093AA's datasheet (290566-001).
 */
#include <string.h>

#include "plugin_test.h"

#define BASE       UINT64_C(0xfec00000)
#define MASK       0x10000u
#define LEVEL      0x8000u
#define IRR        0x4000u
#define ENTRY(pin) (0x10u + 2 * (pin))

static struct fake *fake;
static struct fake_instance *ioapic;
static uint64_t base;

static void setup(const char *version)
{
	fake = fake_new();
	base = BASE;
	if (version != NULL)
		fake_set(fake, "ioapic0", "version", version);
	ioapic = fake_add(fake, "ioapic-82093", "ioapic0");
	fake_reset(fake, VMM_RESET_POWER);
}

static void write_window(uint64_t offset, uint32_t value)
{
	fake_write(fake, base + offset, &value, 4);
}

static uint32_t read_window(uint64_t offset)
{
	uint32_t value;
	fake_read(fake, base + offset, &value, 4);
	return value;
}

static uint32_t get(uint32_t index)
{
	write_window(0, index);
	return read_window(0x10);
}

static void set(uint32_t index, uint32_t value)
{
	write_window(0, index);
	write_window(0x10, value);
}

static void end(uint32_t vector)
{
	fake->controllers[0]->eoi(fake->controller_selves[0], vector);
}

START_TEST(registers)
{
	setup(NULL);
	ck_assert_uint_eq(get(1), 0x00170020);
	set(1, 0);
	ck_assert_uint_eq(get(1), 0x00170020);
	set(0, 0xffffffff);
	ck_assert_uint_eq(get(0), 0x0f000000);
	ck_assert_uint_eq(get(2), 0x0f000000);
	ck_assert_uint_eq(read_window(0), 2);
	for (uint32_t pin = 0; pin < 24; pin++) {
		ck_assert_uint_eq(get(ENTRY(pin)), MASK);
		ck_assert_uint_eq(get(ENTRY(pin) + 1), 0);
		set(ENTRY(pin), 0xffffffff); /* delivery status and remote IRR cannot be written */
		set(ENTRY(pin) + 1, 0xffffffff);
		ck_assert_uint_eq(get(ENTRY(pin)), 0x1afff);
		ck_assert_uint_eq(get(ENTRY(pin) + 1), 0xff000000);
	}
	ck_assert_uint_eq(get(0x40), 0); /* there is no pin 24 */
	ck_assert_uint_eq(get(0x0f), 0);
	ck_assert(fake_round_trip(ioapic));
	fake_reset(fake, VMM_RESET_HARD);
	ck_assert_uint_eq(get(ENTRY(7)), MASK);
	ck_assert_uint_eq(fake->message_count, 0);
	fake_free(fake);
}
END_TEST

START_TEST(parameters)
{
	setup("0x11");
	ck_assert_uint_eq(get(1), 0x00170011);
	fake_free(fake);
	fake = fake_new();
	fake_set(fake, "ioapic0", "base", "0xfec01000");
	fake_add(fake, "ioapic-82093", "ioapic0");
	fake_reset(fake, VMM_RESET_POWER);
	base = 0xfec01000;
	ck_assert_uint_eq(get(1), 0x00170020);
	fake_free(fake);
}
END_TEST

START_TEST(edges)
{
	setup(NULL);
	set(ENTRY(4) + 1, 0x05000000);
	set(ENTRY(4), 0x34);
	fake_line(fake, 4, 1);
	ck_assert_uint_eq(fake->message_count, 1);
	ck_assert_uint_eq(fake->message_address, 0xfee05000);
	ck_assert_uint_eq(fake->message_data, 0x4034);
	ck_assert_uint_eq(get(ENTRY(4)), 0x34); /* no remote IRR */
	end(0x34);
	fake_line(fake, 4, 0);
	ck_assert_uint_eq(fake->message_count, 1);
	fake_line(fake, 4, 1);
	ck_assert_uint_eq(fake->message_count, 2);
	fake_line(fake, 4, 0);
	/* At a masked pin an edge is lost. */
	set(ENTRY(4), MASK | 0x34);
	fake_line(fake, 4, 1);
	set(ENTRY(4), 0x34);
	ck_assert_uint_eq(fake->message_count, 2);
	fake_line(fake, 4, 0);
	fake_line(fake, 4, 1);
	ck_assert_uint_eq(fake->message_count, 3);
	/* NMI, SMI, INIT and ExtINT go as they are. */
	for (uint32_t mode = 0; mode < 8; mode++) {
		fake_line(fake, 4, 0);
		set(ENTRY(4), mode << 8 | 0x34);
		fake_line(fake, 4, 1);
		ck_assert_uint_eq(fake->message_data, 0x4034 | mode << 8);
	}
	fake_free(fake);
}
END_TEST

START_TEST(irq0_is_at_pin_2)
{
	setup(NULL);
	set(ENTRY(0), 0x30);
	set(ENTRY(2), 0x32);
	fake_line(fake, 0, 1);
	ck_assert_uint_eq(fake->message_count, 1);
	ck_assert_uint_eq(fake->message_data, 0x4032);
	fake_line(fake, 2, 1); /* the cascade is nobody's line */
	ck_assert_uint_eq(fake->message_count, 1);
	for (uint32_t pin = 1; pin < 24; pin++) {
		if (pin == 2)
			continue;
		set(ENTRY(pin), 0x40 + pin);
		fake_line(fake, pin, 1);
		ck_assert_uint_eq(fake->message_data, 0x4040 + pin);
	}
	fake_free(fake);
}
END_TEST

START_TEST(levels)
{
	setup(NULL);
	set(ENTRY(16) + 1, 0x03000000);
	set(ENTRY(16), LEVEL | 0x2000 | 0x800 | 0x100 | 0x51); /* active low, logical, lowest priority */
	fake_line(fake, 16, 1);
	ck_assert_uint_eq(fake->message_count, 1);
	ck_assert_uint_eq(fake->message_address, 0xfee03004);
	ck_assert_uint_eq(fake->message_data, 0xc151);
	ck_assert_uint_eq(get(ENTRY(16)) & IRR, IRR);
	ck_assert(fake_round_trip(ioapic));
	end(0x50); /* another's */
	ck_assert_uint_eq(get(ENTRY(16)) & IRR, IRR);
	fake_line(fake, 16, 0);
	fake_line(fake, 16, 1); /* waits for the EOI */
	ck_assert_uint_eq(fake->message_count, 1);
	end(0x51); /* still high: again */
	ck_assert_uint_eq(fake->message_count, 2);
	ck_assert_uint_eq(get(ENTRY(16)) & IRR, IRR);
	fake_line(fake, 16, 0);
	ck_assert_uint_eq(get(ENTRY(16)) & IRR, IRR);
	end(0x51);
	ck_assert_uint_eq(fake->message_count, 2);
	ck_assert_uint_eq(get(ENTRY(16)) & IRR, 0);
	fake_line(fake, 16, 1);
	ck_assert_uint_eq(fake->message_count, 3);
	fake_free(fake);
}
END_TEST

START_TEST(masked_levels)
{
	setup(NULL);
	set(ENTRY(17), LEVEL | MASK | 0x61);
	fake_line(fake, 17, 1);
	ck_assert_uint_eq(fake->message_count, 0);
	set(ENTRY(17), LEVEL | 0x61); /* a level is not lost */
	ck_assert_uint_eq(fake->message_count, 1);
	/* Masking while in service, as Linux does: the EOI ends it, unmasking sends it. */
	set(ENTRY(17), LEVEL | MASK | 0x61);
	ck_assert_uint_eq(get(ENTRY(17)) & IRR, IRR);
	end(0x61);
	ck_assert_uint_eq(get(ENTRY(17)) & IRR, 0);
	ck_assert_uint_eq(fake->message_count, 1);
	set(ENTRY(17), LEVEL | 0x61);
	ck_assert_uint_eq(fake->message_count, 2);
	/* Software's way to end it by hand: edge for a moment. */
	set(ENTRY(17), MASK | 0x61);
	ck_assert_uint_eq(get(ENTRY(17)) & IRR, 0);
	set(ENTRY(17), LEVEL | 0x61);
	ck_assert_uint_eq(fake->message_count, 3);
	fake_free(fake);
}
END_TEST

START_TEST(shared_vector_and_eoi_register)
{
	setup(NULL);
	set(ENTRY(18), LEVEL | 0x71);
	set(ENTRY(19), LEVEL | 0x71);
	fake_line(fake, 18, 1);
	fake_line(fake, 19, 1);
	ck_assert_uint_eq(fake->message_count, 2);
	fake_line(fake, 18, 0);
	write_window(0x40, 0x71);
	ck_assert_uint_eq(fake->message_count, 3);
	ck_assert_uint_eq(get(ENTRY(18)) & IRR, 0);
	ck_assert_uint_eq(get(ENTRY(19)) & IRR, IRR);
	fake_free(fake);
	setup("0x11"); /* the 82093AA has no such register */
	set(ENTRY(18), LEVEL | 0x71);
	fake_line(fake, 18, 1);
	write_window(0x40, 0x71);
	ck_assert_uint_eq(fake->message_count, 1);
	ck_assert_uint_eq(get(ENTRY(18)) & IRR, IRR);
	fake_free(fake);
}
END_TEST

START_TEST(random_use)
{
	uint32_t seed = 4711;
	setup(NULL);
	for (uint32_t i = 0; i < 100000; i++) {
		seed = seed * 1664525u + 1013904223u;
		switch (seed >> 29) {
		case 0: fake_line(fake, (seed >> 8) % 24, seed >> 20 & 1); break;
		case 1: end(seed >> 8 & 0xff); break;
		case 2: write_window((seed >> 8 & 0xffc), seed); break;
		case 3: read_window(seed >> 8 & 0xffc); break;
		case 4: get(seed >> 8 & 0xff); break;
		default: set(ENTRY((seed >> 8) % 48), seed ^ seed >> 13); break;
		}
		/* An edge-triggered pin never waits for an EOI. */
		uint32_t low = get(ENTRY((seed >> 3) % 24));
		ck_assert((low & IRR) == 0 || (low & LEVEL) != 0);
		if (i % 1000 == 0)
			ck_assert(fake_round_trip(ioapic));
	}
	ck_assert_uint_gt(fake->message_count, 0);
	ck_assert(fake_round_trip(ioapic));
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("ioapic", registers, parameters, edges, irq0_is_at_pin_2, levels, masked_levels,
	shared_vector_and_eoi_register, random_use)
