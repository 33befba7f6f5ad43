/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Recursion: Takeuchi's function and Fibonacci numbers. */
#include "bench.h"

static volatile int start = 18;

static __attribute__((noinline)) int takeuchi(int x, int y, int z)
{
	return y >= x ? z : takeuchi(takeuchi(x - 1, y, z), takeuchi(y - 1, z, x), takeuchi(z - 1, x, y));
}

static __attribute__((noinline)) uint32_t fibonacci(int n)
{
	return n < 2 ? (uint32_t)n : fibonacci(n - 1) + fibonacci(n - 2);
}

static uint64_t recursion_round(void)
{
	int x = start;

	return (uint64_t)takeuchi(x, x - 6, x - 12) << 32 | fibonacci(x + 6);
}

const struct program recursion_program = { "recursion", "compute", UINT64_C(7) << 32 | 46368, 0, recursion_round, 0 };
