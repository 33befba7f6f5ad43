/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Pointer chasing: a list whose nodes, a cache line each, lie in random order; in the first cache and far beyond it. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include "bench.h"

#define SMALL      256
#define LARGE      131072
#define SMALL_LAPS 1000

struct node {
	struct node *next;
	uint32_t number;
} __attribute__((aligned(64)));

static struct node *nodes;

static int make(uint32_t count)
{
	uint32_t state = 6;
	static uint32_t order[LARGE];

	/* Pages of 4 KiB, whatever the kernel's policy. */
	nodes = mmap(NULL, count * sizeof(*nodes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (nodes == MAP_FAILED)
		return -errno;
	madvise(nodes, count * sizeof(*nodes), MADV_NOHUGEPAGE);
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	for (uint32_t i = count - 1; i > 0; i--) {
		uint32_t other = random_next(&state) % (i + 1), number = order[i];
		order[i] = order[other];
		order[other] = number;
	}
	for (uint32_t i = 0; i < count; i++) {
		nodes[order[i]].next = nodes + order[(i + 1) % count];
		nodes[order[i]].number = i;
	}
	return 0;
}

static int small_begin(void)
{
	return make(SMALL);
}

static int large_begin(void)
{
	return make(LARGE);
}

/* Whole laps: a round ends where it began. */
static uint64_t chase(uint32_t steps)
{
	const struct node *node = nodes;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < steps; i++) {
		sum += node->number;
		node = node->next;
	}
	return (uint64_t)sum << 32 | (uint32_t)(node - nodes);
}

static uint64_t small_round(void)
{
	return chase(SMALL * SMALL_LAPS);
}

static uint64_t large_round(void)
{
	return chase(LARGE);
}

const struct program chase_l1_program = { "chase-l1", "compute", UINT64_C(32640000) << 32, small_begin, small_round,
	0 };
const struct program chase_program = { "chase", "compute", UINT64_C(4294901760) << 32, large_begin, large_round, 0 };
