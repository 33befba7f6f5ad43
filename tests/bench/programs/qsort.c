/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The C library's qsort on words, with calls of a function that compares. */
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define COUNT 8192

static uint32_t unsorted[COUNT], sorted[COUNT];

static int qsort_begin(void)
{
	uint32_t state = 4;

	for (int i = 0; i < COUNT; i++)
		unsorted[i] = random_next(&state);
	return 0;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static uint64_t qsort_round(void)
{
	uint64_t hash = MIX_START;

	memcpy(sorted, unsorted, sizeof(sorted));
	qsort(sorted, COUNT, sizeof(sorted[0]), compare);
	for (int i = 0; i < COUNT; i++)
		hash = mix(hash, sorted[i]);
	return hash;
}

const struct program qsort_program = { "qsort", "compute", UINT64_C(0xcd563ebfc490a50d), qsort_begin, qsort_round, 0 };
