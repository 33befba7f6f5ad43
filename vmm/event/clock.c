/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/event/clock.h"

#include <string.h>
#include <time.h>

#define NS_PER_S 1000000000ull

static uint64_t clock_read(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_host_now(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

int64_t clock_real_now(void)
{
	return (int64_t)clock_read(CLOCK_REALTIME);
}

void clock_init(struct guest_clock *clock, int64_t real_start)
{
	memset(clock, 0, sizeof(*clock));
	clock->real_offset = real_start;
}

uint64_t clock_now(const struct guest_clock *clock)
{
	if (clock->count)
		return clock->count(clock->count_self);
	uint64_t frozen = __atomic_load_n(&clock->frozen, __ATOMIC_ACQUIRE);

	if (frozen != CLOCK_FROZEN_NO)
		return frozen;
	return clock_host_now() - __atomic_load_n(&clock->base, __ATOMIC_RELAXED);
}

void clock_start(struct guest_clock *clock)
{
	if (clock->frozen == CLOCK_FROZEN_NO)
		return;
	__atomic_store_n(&clock->base, clock_host_now() - clock->frozen, __ATOMIC_RELAXED);
	__atomic_store_n(&clock->frozen, CLOCK_FROZEN_NO, __ATOMIC_RELEASE);
}

void clock_stop(struct guest_clock *clock)
{
	if (clock->frozen == CLOCK_FROZEN_NO)
		__atomic_store_n(&clock->frozen, clock_now(clock), __ATOMIC_RELEASE);
}

void clock_set(struct guest_clock *clock, uint64_t now)
{
	__atomic_store_n(&clock->frozen, now, __ATOMIC_RELEASE);
}

uint64_t clock_host_deadline(const struct guest_clock *clock, uint64_t guest)
{
	if (clock->count || guest == UINT64_MAX || __atomic_load_n(&clock->frozen, __ATOMIC_ACQUIRE) != CLOCK_FROZEN_NO)
		return UINT64_MAX;
	uint64_t base = __atomic_load_n(&clock->base, __ATOMIC_RELAXED);

	return guest > UINT64_MAX - 1 - base ? UINT64_MAX - 1 : guest + base;
}
