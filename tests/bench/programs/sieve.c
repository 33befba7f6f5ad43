/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Eratosthenes' sieve, a byte for each number. */
#include <string.h>
#include "bench.h"

#define LIMIT 400000u

static unsigned char composite[LIMIT];

static uint64_t sieve_round(void)
{
	uint32_t primes = 0;

	memset(composite, 0, sizeof(composite));
	for (uint32_t i = 2; i < LIMIT; i++) {
		if (composite[i])
			continue;
		primes++;
		if (i < LIMIT / i)
			for (uint32_t n = i * i; n < LIMIT; n += i)
				composite[n] = 1;
	}
	return primes;
}

const struct program sieve_program = { "sieve", "compute", 33860, 0, sieve_round, 0 };
