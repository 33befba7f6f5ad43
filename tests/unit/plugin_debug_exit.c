/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <string.h>

#include "plugin_test.h"

static struct fake *fake;

START_TEST(exits)
{
	fake = fake_new();
	fake_add(fake, "debug-exit", "exit0");
	fake_start(fake);
	ck_assert_uint_eq(fake->exited, 0);
	fake_out(fake, 0xf4, 1, 0);
	ck_assert_uint_eq(fake->exited, 1);
	ck_assert_int_eq(fake->exit_status, 1);
	fake_out(fake, 0xf4, 1, 0x10);
	ck_assert_int_eq(fake->exit_status, 0x21);
	fake_out(fake, 0xf4, 2, 0x21);
	ck_assert_int_eq(fake->exit_status, 0x43);
	fake_out(fake, 0xf4, 4, 0x7f);
	ck_assert_int_eq(fake->exit_status, 0xff);
	ck_assert_uint_eq(fake->exited, 4); /* each access once, whatever its size */
	fake_out(fake, 0xf4, 4, 0xffffffff);
	ck_assert_int_eq(fake->exit_status, 0xff);
	fake_out(fake, 0xf7, 1, 3);
	ck_assert_int_eq(fake->exit_status, 7);
	ck_assert_uint_eq(fake->exited, 6);
	fake_out(fake, 0xf8, 1, 3);
	fake_out(fake, 0xf3, 1, 3);
	ck_assert_uint_eq(fake->exited, 6);
	fake_free(fake);
}
END_TEST

START_TEST(reads_nothing)
{
	fake = fake_new();
	fake_add(fake, "debug-exit", "exit0");
	for (uint32_t size = 1; size <= 4; size *= 2)
		ck_assert_uint_eq(fake_in(fake, 0xf4, size), 0);
	ck_assert_uint_eq(fake->exited, 0);
	fake_free(fake);
}
END_TEST

START_TEST(port_setting)
{
	fake = fake_new();
	fake_set(fake, "exit0", "port", "0x501");
	struct fake_instance *device = fake_add(fake, "debug-exit", "exit0");
	fake_out(fake, 0xf4, 1, 5);
	ck_assert_uint_eq(fake->exited, 0);
	fake_out(fake, 0x501, 1, 5);
	ck_assert_int_eq(fake->exit_status, 11);
	/* A second one at the same ports is told why it cannot be. */
	fake_set(fake, "exit1", "port", "0x504");
	struct fake_instance *second = fake_create(fake, "debug-exit", "exit1");
	ck_assert_int_lt(fake_init(second), 0);
	ck_assert_ptr_nonnull(strstr(fake->cause, "0x504"));
	ck_assert_str_ne(fake->remedy, "");
	fake_destroy(second);
	fake_destroy(device);
	fake_out(fake, 0x501, 1, 6); /* the ports are free again */
	ck_assert_int_eq(fake->exit_status, 11);
	fake_free(fake);
}
END_TEST

START_TEST(random_use)
{
	uint32_t seed = 99;
	fake = fake_new();
	struct fake_instance *device = fake_add(fake, "debug-exit", "exit0");
	for (uint32_t i = 0; i < 10000; i++) {
		seed = seed * 1664525u + 1013904223u;
		uint32_t before = fake->exited;
		fake_out(fake, 0xf4 + (seed >> 8 & 3), 1u << (seed >> 16) % 3, seed >> 3);
		ck_assert_uint_gt(fake->exited, before);
		ck_assert_uint_eq((uint32_t)fake->exit_status & ~0xfeu, 1); /* never 0: odd, eight bits */
	}
	struct fake_state *first = fake_save(device);
	ck_assert_int_eq(fake_load(device, first), 0);
	struct fake_state *second = fake_save(device);
	ck_assert(fake_state_equal(first, second));
	fake_state_free(first);
	fake_state_free(second);
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("debug-exit", exits, reads_nothing, port_setting, random_use)
