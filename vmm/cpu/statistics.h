/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What a CPU counts of its own work: written by its thread only, read by any.
 */
#ifndef VMM_CPU_STATISTICS_H
#define VMM_CPU_STATISTICS_H

#include <stdint.h>

struct cpu;

static inline void counter_set(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}
static inline void counter_add(uint64_t *counter, uint64_t count)
{
	counter_set(counter, *counter + count);
}
static inline uint64_t counter_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Told of each counter by its group and name; the texts live as long as the call. */
typedef void statistics_each(void *self, const char *group, const char *name, uint64_t value);

/* A counter of a structure's, for tables of them. */
struct statistics_row {
	const char *group, *name;
	uint32_t offset;
};
void statistics_table(
	const struct statistics_row *rows, unsigned count, const void *base, statistics_each *each, void *self);

/* How often the cache of decoded blocks has been emptied, and with it all that was made of it.  Any thread. */
uint64_t cpu_blocks_emptied(const struct cpu *cpu);
/* All of a CPU's, its translator's first.  Any thread. */
void cpu_statistics(const struct cpu *cpu, statistics_each *each, void *self);

#endif
