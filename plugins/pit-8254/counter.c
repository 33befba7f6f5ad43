/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "counter.h"

int64_t counter_ticks(uint64_t nanoseconds)
{
	return (int64_t)((unsigned __int128)nanoseconds * PIT_HZ / 1000000000u);
}

uint64_t counter_time(int64_t tick)
{
	return (uint64_t)(((unsigned __int128)tick * 1000000000u + PIT_HZ - 1) / PIT_HZ);
}

void counter_reset(struct counter *counter, uint32_t gate)
{
	*counter = (struct counter){
		.access = ACCESS_BOTH, .gate = (uint8_t)gate, .count = 65536, .next_at = PIT_NEVER
	};
}

static uint32_t periodic(const struct counter *counter)
{
	return counter->mode == 2 || counter->mode == 3;
}

/* Ticks since the counting element was loaded. */
static int64_t elapsed(const struct counter *counter, int64_t now)
{
	if (counter->frozen)
		return counter->elapsed;
	return now > counter->start ? now - counter->start : 0;
}

/* Mode 3 is high for the first (N + 1) / 2 ticks of a cycle. */
static int64_t high_part(uint32_t count)
{
	return (count + 1) / 2;
}

/* Take over a count that was to be loaded at the end of a (half) cycle. */
static void settle(struct counter *counter, int64_t now)
{
	if (counter->next_at == PIT_NEVER || now < counter->next_at)
		return;
	uint32_t was_high = 0;
	if (counter->mode == 3) {
		int64_t phase = (counter->next_at - counter->start) % counter->count;
		was_high = phase != 0; /* the half that ends at next_at is the high one */
	}
	counter->count = counter->next_count;
	counter->start = counter->next_at - (was_high ? high_part(counter->count) : 0);
	counter->next_at = PIT_NEVER;
}

static uint32_t running(const struct counter *counter)
{
	if (!counter->armed)
		return 0;
	if (counter->mode == 1 || counter->mode == 5)
		return counter->triggered;
	return 1;
}

uint32_t counter_out(struct counter *counter, int64_t now)
{
	settle(counter, now);
	int64_t ticks = elapsed(counter, now);
	int64_t count = counter->count;
	/* Before the first count OUT is low in mode 0 and high in all others. */
	if (!running(counter))
		return counter->mode != 0;
	switch (counter->mode) {
	case 0:
	case 1: return ticks >= count;
	case 2: return counter->gate == 0 || ticks % count != count - 1;
	case 3: return counter->gate == 0 || ticks % count < high_part(counter->count);
	default: return ticks != count;
	}
}

/* The counting element as it would be read: 16 bits, binary or BCD. */
static uint16_t value(struct counter *counter, int64_t now)
{
	settle(counter, now);
	int64_t ticks = elapsed(counter, now);
	int64_t count = counter->count;
	int64_t modulus = counter->bcd ? 10000 : 65536;
	int64_t result;
	if (!running(counter)) {
		result = count % modulus;
	} else if (counter->mode == 2) {
		result = count - ticks % count;
	} else if (counter->mode == 3) {
		/* Counts by two, from an even number, once in each half. */
		int64_t phase = ticks % count;
		int64_t high = high_part(counter->count);
		result = (count & ~INT64_C(1)) - 2 * (phase < high ? phase : phase - high);
	} else {
		/* The others go on through 0 to FFFF or 9999. */
		result = (count - ticks) % modulus;
		if (result < 0)
			result += modulus;
	}
	result %= modulus;
	if (counter->bcd)
		result = result % 10 | result / 10 % 10 << 4 | result / 100 % 10 << 8 | result / 1000 % 10 << 12;
	return (uint16_t)result;
}

void counter_control(struct counter *counter, int64_t now, uint8_t control)
{
	static const uint8_t modes[8] = { 0, 1, 2, 3, 4, 5, 2, 3 }; /* 6 and 7 are 2 and 3 again */
	counter->count = (uint32_t)value(counter, now);
	if (counter->bcd)
		counter->count = (counter->count & 15) + (counter->count >> 4 & 15) * 10 +
			(counter->count >> 8 & 15) * 100 + (counter->count >> 12) * 1000;
	if (counter->count == 0)
		counter->count = counter->bcd ? 10000 : 65536;
	counter->mode = modes[control >> 1 & 7];
	counter->bcd = control & 1;
	if (counter->bcd && counter->count > 10000)
		counter->count = 10000;
	counter->access = control >> 4 & 3;
	counter->armed = counter->triggered = counter->frozen = 0;
	counter->write_high = counter->read_high = 0;
	counter->latched = counter->has_status = 0;
	counter->next_at = PIT_NEVER;
	counter->start = now;
	counter->elapsed = 0;
}

/* Load the counting element on the next clock. */
static void load(struct counter *counter, int64_t now, uint32_t count)
{
	counter->count = count;
	counter->start = now + 1;
	counter->elapsed = 0;
	counter->next_at = PIT_NEVER;
	/* A low gate keeps modes 0, 2, 3 and 4 from counting. */
	counter->frozen = counter->gate == 0 && counter->mode != 1 && counter->mode != 5;
}

static void new_count(struct counter *counter, int64_t now, uint16_t written)
{
	uint32_t count = written;
	if (counter->bcd)
		count = (count & 15) + (count >> 4 & 15) * 10 + (count >> 8 & 15) * 100 + (count >> 12) * 1000;
	if (count == 0)
		count = counter->bcd ? 10000 : 65536;
	/* A digit above 9 cannot give more than the counter holds. */
	if (counter->bcd && count > 10000)
		count = 10000;
	if (periodic(counter) && counter->armed && counter->gate != 0) {
		/* The cycle under way is finished first; in mode 3 the half cycle. */
		settle(counter, now);
		int64_t ticks = elapsed(counter, now);
		int64_t phase = ticks % counter->count;
		int64_t left = counter->count - phase;
		if (counter->mode == 3 && phase < high_part(counter->count))
			left = high_part(counter->count) - phase;
		/* A square wave of one tick has no low half. */
		counter->next_count = count;
		counter->next_at = (now > counter->start ? now : counter->start) + left;
	} else if (counter->mode == 1 || counter->mode == 5) {
		counter->next_count = count;
		if (!counter->armed)
			counter->count = count;
	} else {
		load(counter, now, count);
	}
	counter->armed = 1;
}

void counter_write(struct counter *counter, int64_t now, uint8_t byte)
{
	switch (counter->access) {
	case ACCESS_LOW: new_count(counter, now, byte); break;
	case ACCESS_HIGH: new_count(counter, now, (uint16_t)(byte << 8)); break;
	default:
		if (!counter->write_high) {
			counter->write_low = byte;
			counter->write_high = 1;
			/* In mode 0 the first byte stops the counting, and OUT goes low. */
			if (counter->mode == 0) {
				counter->elapsed = 0;
				counter->frozen = 1;
				counter->armed = 0;
			}
			break;
		}
		counter->write_high = 0;
		new_count(counter, now, (uint16_t)(byte << 8 | counter->write_low));
		break;
	}
}

void counter_latch_count(struct counter *counter, int64_t now)
{
	/* A second latch command before the first was read does nothing. */
	if (counter->latched != 0)
		return;
	counter->latch = value(counter, now);
	counter->latched = counter->access == ACCESS_BOTH ? 2 : 1;
}

void counter_latch_status(struct counter *counter, int64_t now)
{
	if (counter->has_status)
		return;
	settle(counter, now);
	/* Null count: what was written has not reached the counting element. */
	uint32_t null = !counter->armed || counter->next_at != PIT_NEVER || now < counter->start;
	if ((counter->mode == 1 || counter->mode == 5) && counter->armed)
		null = !counter->triggered || counter->next_count != counter->count;
	counter->status = (uint8_t)(counter_out(counter, now) << 7 | null << 6 | counter->access << 4 |
		counter->mode << 1 | counter->bcd);
	counter->has_status = 1;
}

uint8_t counter_read(struct counter *counter, int64_t now)
{
	if (counter->has_status) {
		counter->has_status = 0;
		return counter->status;
	}
	uint16_t word = counter->latched != 0 ? counter->latch : value(counter, now);
	uint32_t high = counter->access == ACCESS_HIGH;
	if (counter->access == ACCESS_BOTH) {
		high = counter->read_high;
		counter->read_high = !counter->read_high;
	}
	if (counter->latched != 0)
		counter->latched--;
	return (uint8_t)(high ? word >> 8 : word);
}

void counter_gate(struct counter *counter, int64_t now, uint32_t level)
{
	settle(counter, now);
	if (counter->gate == level)
		return;
	if (!level) {
		/* Modes 1 and 5 look at the rising edge only. */
		if (counter->armed && counter->mode != 1 && counter->mode != 5) {
			counter->elapsed = elapsed(counter, now);
			counter->frozen = 1;
		}
		counter->gate = 0;
		return;
	}
	counter->gate = 1;
	if (!counter->armed)
		return;
	switch (counter->mode) {
	case 1:
	case 5:
		counter->triggered = 1;
		load(counter, now, counter->next_count);
		break;
	case 2:
	case 3: /* starts a new cycle, with the newest count */
		load(counter, now, counter->next_at != PIT_NEVER ? counter->next_count : counter->count);
		break;
	default:
		counter->start = now - counter->elapsed;
		counter->frozen = 0;
		break;
	}
}

int64_t counter_edge(struct counter *counter, int64_t now, int64_t *period)
{
	*period = 0;
	settle(counter, now);
	if (!running(counter) || counter->frozen)
		return PIT_NEVER;
	int64_t count = counter->count;
	int64_t at;
	switch (counter->mode) {
	case 0:
	case 1: at = counter->start + count; break;
	case 2:
	case 3: {
		int64_t cycles = elapsed(counter, now) / count + 1;
		at = counter->start + cycles * count;
		if (counter->next_at != PIT_NEVER && at > counter->next_at) {
			/* Only in mode 3: the new count begins with its low half. */
			at = counter->next_at + (int64_t)counter->next_count - high_part(counter->next_count);
			count = counter->next_count;
		}
		/* After a count that waits has been taken over, ask again. */
		if (counter->next_at == PIT_NEVER)
			*period = count;
		break;
	}
	default: at = counter->start + count + 1; break;
	}
	return at > now ? at : PIT_NEVER;
}
