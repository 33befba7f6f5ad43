/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The same end for every test of a plugin.
 */
#ifndef PLUGIN_TEST_H
#define PLUGIN_TEST_H

#include <check.h>
#include <stdlib.h>

#include "fake_host.h"

#define PLUGIN_TEST_MAIN(NAME, ...) \
	int main(void) \
	{ \
		const TTest *const tests[] = { __VA_ARGS__ }; \
		Suite *suite = suite_create(NAME); \
		TCase *tcase = tcase_create(NAME); \
		tcase_set_timeout(tcase, 60); \
		for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) \
			tcase_add_test(tcase, tests[i]); \
		suite_add_tcase(suite, tcase); \
		SRunner *runner = srunner_create(suite); \
		srunner_run_all(runner, CK_NORMAL); \
		int failed = srunner_ntests_failed(runner); \
		srunner_free(runner); \
		return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE; \
	}

/* Random accesses to a range of ports, time passing in between: nothing may break, and the state must survive. */
static inline void drive_ports(
	struct fake *fake, struct fake_instance *instance, uint32_t first, uint32_t last, uint32_t rounds)
{
	uint32_t seed = 12345;
	for (uint32_t i = 0; i < rounds; i++) {
		seed = seed * 1664525u + 1013904223u;
		uint32_t port = first + (seed >> 8) % (last - first + 1);
		uint32_t size = 1u << (seed >> 4) % 3;
		seed = seed * 1664525u + 1013904223u;
		if ((seed >> 30) != 0)
			fake_out(fake, port, size, seed >> 3);
		else
			fake_in(fake, port, size);
		if ((seed & 0xf00) == 0)
			fake_advance(fake, seed >> 8);
		if ((seed & 0xff000) == 0)
			ck_assert(fake_round_trip(instance));
		fake_poll(fake, 0);
	}
	ck_assert(fake_round_trip(instance));
}

#endif
