/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The 440FX between 640 KiB and 1 MiB: PAM, SMRAM, and when it changes its name. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plugin_test.h"

#define ROM_LENGTH 0x20000u

static struct fake *fake;
static struct fake_instance *chipset;

static uint32_t config_in(uint32_t offset, uint32_t size)
{
	fake_out(fake, 0xcf8, 4, 0x80000000u | (offset & 0xfc));
	return fake_in(fake, 0xcfc + (offset & 3), size);
}

static void config_out(uint32_t offset, uint32_t value)
{
	fake_out(fake, 0xcf8, 4, 0x80000000u | (offset & 0xfc));
	fake_out(fake, 0xcfc + (offset & 3), 1, value);
}

static uint8_t peek(uint32_t address)
{
	uint8_t value = 0;
	fake_read(fake, address, &value, 1);
	return value;
}

static void poke(uint32_t address, uint8_t value)
{
	fake_write(fake, address, &value, 1);
}

/* A ROM of 128 KiB full of 5A, below the chipset. */
static void setup(const char *identity)
{
	char name[] = "/tmp/vmm-pam-XXXXXX";
	uint8_t bytes[4096];
	int fd = mkstemp(name);
	memset(bytes, 0x5a, sizeof(bytes));
	for (uint32_t i = 0; i < ROM_LENGTH; i += sizeof(bytes))
		ck_assert_int_eq(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
	fake = fake_new();
	fake_set(fake, "boot", "rom", name);
	if (identity != NULL)
		fake_set(fake, "pci0", "identity", identity);
	chipset = fake_add(fake, "chipset-i440", "pci0");
	fake_add(fake, "firmware-bios", "fw0");
	unlink(name);
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
}

/* Where each field of the PAM registers lies, and what it is in charge of. */
static const struct {
	uint32_t reg, shift, start, length;
} segments[] = {
	{ 0x59, 4, 0xf0000, 0x10000 },
	{ 0x5a, 0, 0xc0000, 0x4000 },
	{ 0x5a, 4, 0xc4000, 0x4000 },
	{ 0x5b, 0, 0xc8000, 0x4000 },
	{ 0x5b, 4, 0xcc000, 0x4000 },
	{ 0x5c, 0, 0xd0000, 0x4000 },
	{ 0x5c, 4, 0xd4000, 0x4000 },
	{ 0x5d, 0, 0xd8000, 0x4000 },
	{ 0x5d, 4, 0xdc000, 0x4000 },
	{ 0x5e, 0, 0xe0000, 0x4000 },
	{ 0x5e, 4, 0xe4000, 0x4000 },
	{ 0x5f, 0, 0xe8000, 0x4000 },
	{ 0x5f, 4, 0xec000, 0x4000 },
};
#define SEGMENTS (sizeof(segments) / sizeof(segments[0]))

START_TEST(each_segment)
{
	setup("440fx");
	for (size_t i = 0; i < SEGMENTS; i++) {
		uint32_t first = segments[i].start, last = first + segments[i].length - 1;
		uint8_t pci = first >= 0xe0000 ? 0x5a : 0xff;
		ck_assert_uint_eq(peek(first), pci);
		ck_assert_uint_eq(peek(last), pci);
		poke(first, 0x11);
		ck_assert_uint_eq(peek(first), pci);
		/* Writes only: the ROM is read, the RAM behind it written. */
		config_out(segments[i].reg, 2u << segments[i].shift);
		poke(first, 0x22);
		poke(last, 0x33);
		ck_assert_uint_eq(peek(first), pci);
		ck_assert_uint_eq(peek(last), pci);
		/* Reads only. */
		config_out(segments[i].reg, 1u << segments[i].shift);
		ck_assert_uint_eq(peek(first), 0x22);
		ck_assert_uint_eq(peek(last), 0x33);
		poke(first, 0x44);
		ck_assert_uint_eq(peek(first), 0x22);
		/* Both. */
		config_out(segments[i].reg, 3u << segments[i].shift);
		poke(first, 0x55);
		ck_assert_uint_eq(peek(first), 0x55);
		/* The neighbours do not mind. */
		for (size_t k = 0; k < SEGMENTS; k++) {
			if (k != i)
				ck_assert_uint_eq(peek(segments[k].start), segments[k].start >= 0xe0000 ? 0x5a : 0xff);
		}
		ck_assert(fake_round_trip(chipset));
		config_out(segments[i].reg, 0);
		ck_assert_uint_eq(peek(first), pci);
	}
	fake_free(fake);
}
END_TEST

START_TEST(smram)
{
	setup(NULL);
	ck_assert_uint_eq(peek(0xa0000), 0xff);
	/* Without G_SMRAME nothing opens. */
	config_out(0x72, 0x42);
	ck_assert_uint_eq(peek(0xa0000), 0xff);
	config_out(0x72, 0x4a);
	poke(0xa0000, 0x12);
	poke(0xbffff, 0x34);
	ck_assert_uint_eq(peek(0xa0000), 0x12);
	/* Locking closes it, for good. */
	config_out(0x72, 0x5a);
	ck_assert_uint_eq(config_in(0x72, 1), 0x1a);
	ck_assert_uint_eq(peek(0xa0000), 0xff);
	config_out(0x72, 0x4a);
	ck_assert_uint_eq(config_in(0x72, 1), 0x1a);
	ck_assert_uint_eq(peek(0xbffff), 0xff);
	ck_assert(fake_round_trip(chipset));
	fake_reset(fake, VMM_RESET_HARD);
	config_out(0x72, 0x4a);
	ck_assert_uint_eq(peek(0xbffff), 0x34);
	fake_free(fake);
}
END_TEST

/* SMIACT# opens SMRAM for as long as it is there. */
START_TEST(smiact)
{
	struct vmm_port_side side;
	setup(NULL);
	config_out(0x72, 0x4a);
	poke(0xa8000, 0x77);
	config_out(0x72, 0x0a);
	ck_assert_uint_eq(peek(0xa8000), 0xff);
	ck_assert_int_eq(fake_side(chipset, "interrupt", &side), 0);
	const struct vmm_interrupt_upper *upper = side.table;
	upper->smiact(side.self, 1);
	ck_assert_uint_eq(peek(0xa8000), 0x77);
	ck_assert(fake_round_trip(chipset));
	ck_assert_uint_eq(peek(0xa8000), 0x77);
	upper->smiact(side.self, 0);
	ck_assert_uint_eq(peek(0xa8000), 0xff);
	fake_free(fake);
}
END_TEST

START_TEST(identity)
{
	setup(NULL);
	ck_assert_uint_eq(config_in(0x00, 4), 0x12378086);
	ck_assert_uint_eq(config_in(0x2c, 4), 0x11001af4);
	config_out(0x59, 0x30);
	ck_assert_uint_eq(config_in(0x00, 4), 0x12378086);
	config_out(0x59, 0x10);
	ck_assert_uint_eq(config_in(0x00, 4), 0x71908086);
	ck_assert_uint_eq(config_in(0x2c, 4), 0x197615ad);
	ck_assert(fake_round_trip(chipset));
	ck_assert_uint_eq(config_in(0x00, 4), 0x71908086);
	fake_reset(fake, VMM_RESET_HARD);
	ck_assert_uint_eq(config_in(0x00, 4), 0x12378086);
	fake_free(fake);
	setup("440fx");
	config_out(0x59, 0x30);
	config_out(0x59, 0x10);
	ck_assert_uint_eq(config_in(0x00, 4), 0x12378086);
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("440FX memory map", each_segment, smram, smiact, identity)
