/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * One counter of an 8254 (Intel 231164-005, September 1993), computed from time.
 *
 * Time is counted in ticks of the input clock since the guest's clock began.  Nothing runs between accesses: a
 * counter knows at which tick its counting element was loaded, and all else follows.
 */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdint.h>

#define PIT_HZ       UINT64_C(1193182)
#define PIT_NEVER    INT64_MAX
#define PIT_TICK_MAX (INT64_MAX / 4)

/* Control word: which bytes are transferred. */
enum { ACCESS_LATCH = 0, ACCESS_LOW = 1, ACCESS_HIGH = 2, ACCESS_BOTH = 3 };

struct counter {
	uint8_t mode; /* 0 to 5 */
	uint8_t bcd;
	uint8_t access; /* ACCESS_*, never LATCH */
	uint8_t gate;
	uint8_t armed;      /* a count was written since the control word */
	uint8_t triggered;  /* modes 1 and 5: the gate has risen */
	uint8_t frozen;     /* the gate, or half a count, holds the counting element at `elapsed` */
	uint8_t write_high; /* ACCESS_BOTH: the next byte written is the high one */
	uint8_t read_high;  /* and the next one read */
	uint8_t write_low;  /* the low byte that was written */
	uint8_t latched;    /* bytes of `latch` that are still to be read: 0, 1, 2 */
	uint8_t has_status; /* `status` is to be read first */
	uint8_t status;
	uint16_t latch;
	uint32_t count;      /* 1..65536 (10000 in BCD): what the counting element was loaded with */
	uint32_t next_count; /* modes 2 and 3: taken over at tick `next_at`; others: at the next trigger */
	int64_t start;       /* the tick at which the counting element was loaded */
	int64_t next_at;     /* PIT_NEVER: nothing waits */
	int64_t elapsed;     /* while frozen */
};

/* Nanoseconds to ticks, rounded down; and the first nanosecond of a tick. */
int64_t counter_ticks(uint64_t nanoseconds);
uint64_t counter_time(int64_t tick);

void counter_reset(struct counter *counter, uint32_t gate);
void counter_control(struct counter *counter, int64_t now, uint8_t control);
void counter_write(struct counter *counter, int64_t now, uint8_t value);
uint8_t counter_read(struct counter *counter, int64_t now);
void counter_latch_count(struct counter *counter, int64_t now);
void counter_latch_status(struct counter *counter, int64_t now);
void counter_gate(struct counter *counter, int64_t now, uint32_t level);
uint32_t counter_out(struct counter *counter, int64_t now);
/* The first tick after `now` at which OUT rises, and how many ticks later it does so again (0: not by itself). */
int64_t counter_edge(struct counter *counter, int64_t now, int64_t *period);

#endif
