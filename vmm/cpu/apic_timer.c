/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The local APIC's timer (SDM vol. 3A, 10.5.4).
 *
 * Nothing counts: the current count is the initial one less the bus cycles since it was written, at 1 GHz (as
 * CPUID leaves 0x15 and 0x40000010 say) over the divide configuration.  The bus is asked for a call at the next
 * expiry.  A periodic timer whose owner was away for several periods has one interrupt pending, no more, and
 * keeps its phase.
 */
#include "vmm/cpu/apic_state.h"

/* log2 of the divisor */
static unsigned divide_shift(const struct cpu_apic *apic)
{
	unsigned code = (apic->timer_divide & 3u) | (apic->timer_divide >> 1 & 4u);
	return (code + 1) & 7u;
}

static uint64_t now(const struct cpu_apic *apic)
{
	const struct cpu_bus *bus = &apic->cpu->bus;
	return bus->time ? bus->time(bus->self) : 0;
}

static uint64_t period(const struct cpu_apic *apic)
{
	return (uint64_t)apic->timer_initial << divide_shift(apic);
}

void apic_timer_arm(struct cpu_apic *apic)
{
	const struct cpu_bus *bus = &apic->cpu->bus;
	if (bus->timer)
		bus->timer(bus->self, apic->timer_next);
}

void apic_timer_stop(struct cpu_apic *apic)
{
	bool armed = apic->timer_next != UINT64_MAX;
	apic->timer_next = UINT64_MAX;
	if (armed)
		apic_timer_arm(apic);
}

void apic_timer_initial_write(struct cpu_apic *apic, uint32_t value)
{
	if (LVT_TIMER_MODE(apic->lvt[LVT_TIMER]) == TIMER_DEADLINE)
		return; /* ignored in that mode */
	apic->timer_initial = value;
	apic->timer_start = now(apic);
	apic->timer_next = value ? apic->timer_start + period(apic) : UINT64_MAX;
	apic_timer_arm(apic);
}

uint32_t apic_timer_current(const struct cpu_apic *apic)
{
	unsigned mode = LVT_TIMER_MODE(apic->lvt[LVT_TIMER]);
	if (!apic->timer_initial || mode == TIMER_DEADLINE)
		return 0;
	uint64_t elapsed = (now(apic) - apic->timer_start) >> divide_shift(apic);
	if (mode == TIMER_PERIODIC)
		return apic->timer_initial - (uint32_t)(elapsed % apic->timer_initial);
	return elapsed >= apic->timer_initial ? 0 : apic->timer_initial - (uint32_t)elapsed;
}

void apic_timer_divide_write(struct cpu_apic *apic, uint32_t value)
{
	/* A running count goes on from where it is, at the new pace. */
	uint32_t current = apic_timer_current(apic);
	bool running = apic->timer_next != UINT64_MAX;
	apic->timer_divide = value & 0xb;
	if (LVT_TIMER_MODE(apic->lvt[LVT_TIMER]) == TIMER_DEADLINE || !apic->timer_initial || !running)
		return;
	unsigned shift = divide_shift(apic);
	uint64_t time = now(apic);
	/* timer_start may lie before the clock's zero: unsigned arithmetic wraps, differences stay right */
	apic->timer_start = time - ((uint64_t)(apic->timer_initial - current) << shift);
	apic->timer_next = time + ((uint64_t)current << shift);
	apic_timer_arm(apic);
}

void apic_timer_lvt_changed(struct cpu_apic *apic, uint32_t old)
{
	unsigned mode = LVT_TIMER_MODE(apic->lvt[LVT_TIMER]), before = LVT_TIMER_MODE(old);
	if (mode == before)
		return;
	if (mode == TIMER_DEADLINE || before == TIMER_DEADLINE) {
		/* SDM 10.5.4.1: going to or from deadline mode disarms */
		apic->timer_initial = 0;
		apic->tsc_deadline = 0;
		apic_timer_stop(apic);
	} else if (mode == TIMER_PERIODIC && apic->timer_initial && apic->timer_next == UINT64_MAX) {
		/* an expired one-shot count starts over */
		apic_timer_initial_write(apic, apic->timer_initial);
	}
}

uint64_t apic_timer_deadline_read(const struct cpu_apic *apic)
{
	return LVT_TIMER_MODE(apic->lvt[LVT_TIMER]) == TIMER_DEADLINE ? apic->tsc_deadline : 0;
}

/* Guest time at which the TSC reaches the deadline. */
static uint64_t deadline_time(const struct cpu_apic *apic)
{
	uint64_t tsc = cpu_tsc(apic->cpu), hz = apic->cpu->tsc_hz ? apic->cpu->tsc_hz : 1000000000;
	uint64_t time = now(apic);
	if (tsc >= apic->tsc_deadline)
		return time;
	unsigned __int128 wait = ((unsigned __int128)(apic->tsc_deadline - tsc) * 1000000000 + hz - 1) / hz;
	return wait > UINT64_MAX / 2 ? UINT64_MAX - 1 : time + (uint64_t)wait;
}

void apic_timer_deadline_write(struct cpu_apic *apic, uint64_t value)
{
	if (LVT_TIMER_MODE(apic->lvt[LVT_TIMER]) != TIMER_DEADLINE)
		return; /* SDM: the write is ignored */
	apic->tsc_deadline = value;
	apic->timer_next = value ? deadline_time(apic) : UINT64_MAX;
	apic_timer_arm(apic);
	apic_timer_update(apic); /* it may lie in the past */
}

void apic_timer_update(struct cpu_apic *apic)
{
	if (apic->timer_next == UINT64_MAX)
		return;
	uint64_t time = now(apic);
	if (time < apic->timer_next)
		return;
	switch (LVT_TIMER_MODE(apic->lvt[LVT_TIMER])) {
	case TIMER_PERIODIC: {
		uint64_t step = period(apic);
		apic->timer_next += ((time - apic->timer_next) / step + 1) * step;
		break;
	}
	case TIMER_DEADLINE:
		if (cpu_tsc(apic->cpu) < apic->tsc_deadline) { /* the guest set its TSC back */
			apic->timer_next = deadline_time(apic);
			apic_timer_arm(apic);
			return;
		}
		apic->tsc_deadline = 0;
		apic->timer_next = UINT64_MAX;
		break;
	default: apic->timer_next = UINT64_MAX;
	}
	apic_lvt_deliver(apic, LVT_TIMER);
	apic_timer_arm(apic);
}
