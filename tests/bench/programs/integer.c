/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Integer loops: shifts and rotations, multiplication, division, unpredictable branches. */
#include "bench.h"

static volatile uint32_t seed = 12345;

static uint32_t greatest_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t c = a % b;
		a = b;
		b = c;
	}
	return a;
}

static uint64_t integer_round(void)
{
	uint32_t state = seed, x = state;
	uint64_t hash = MIX_START;

	for (int i = 0; i < 200000; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		x += x << 7 | x >> 25;
	}
	hash = mix(hash, x);
	for (int i = 0; i < 100000; i++)
		hash = mix(hash, hash >> 29) + (uint32_t)i;
	/* How many steps numbers take to 1 by halving, or tripling and adding one. */
	for (uint32_t start = 1; start < 1200; start++) {
		uint32_t n = start, steps = 0;
		for (; n != 1; steps++)
			n = n & 1 ? 3 * n + 1 : n / 2;
		hash = mix(hash, steps);
	}
	for (int i = 0; i < 2000; i++) {
		uint32_t a = random_next(&state);
		hash = mix(hash, greatest_divisor(a, random_next(&state) | 1));
	}
	return hash;
}

const struct program integer_program = { "integer", "compute", UINT64_C(0x0913fab7753b2f93), 0, integer_round, 0 };
