/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The guest clock: nanoseconds that stop while the machine is stopped.
 *
 * In host mode it is CLOCK_MONOTONIC less an offset.  In instruction mode somebody (the engine) says what time
 * it is, by a function that counts.
 */
#ifndef VMM_EVENT_CLOCK_H
#define VMM_EVENT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_FROZEN_NO UINT64_MAX

struct guest_clock {
	uint64_t base;       /* atomic: host time at guest time 0, while running */
	uint64_t frozen;     /* atomic: the guest time, while stopped; else CLOCK_FROZEN_NO */
	int64_t real_offset; /* CLOCK_REAL less guest time, ns */
	/* Instruction mode: the time, or NULL.  Any thread. */
	uint64_t (*count)(void *self);
	void *count_self;
};

/* Stopped at guest time 0.  `real_start`: the wall clock's ns since 1970 at guest time 0. */
void clock_init(struct guest_clock *clock, int64_t real_start);
uint64_t clock_host_now(void);
int64_t clock_real_now(void);
/* Any thread. */
uint64_t clock_now(const struct guest_clock *clock);
/* Start and stop; while no virtual CPU runs. */
void clock_start(struct guest_clock *clock);
void clock_stop(struct guest_clock *clock);
/* Set the time of a stopped clock (loading a state). */
void clock_set(struct guest_clock *clock, uint64_t now);
/* Host time at which guest time will be `guest`; UINT64_MAX while stopped or in instruction mode. */
uint64_t clock_host_deadline(const struct guest_clock *clock, uint64_t guest);

#endif
