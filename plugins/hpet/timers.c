/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The main counter and the comparators.  A periodic comparator goes on from match to match, so that it does not drift
 * however late the host is.
 */
#include "hpet.h"

static uint64_t width(const struct comparator *comparator)
{
	return (comparator->conf & TN_32) != 0 ? UINT32_MAX : UINT64_MAX;
}

static uint64_t guest_now(const struct hpet *hpet)
{
	return hpet->timer->now(hpet->host->context, VMM_CLOCK_GUEST);
}

uint64_t counter_read(const struct hpet *hpet)
{
	if ((hpet->conf & CONF_ENABLE) == 0)
		return hpet->counter;
	return hpet->counter + (guest_now(hpet) - hpet->since) / TICK;
}

/* When the counter will be `ticks` further than at `since`. */
static vmm_time when(const struct hpet *hpet, uint64_t target)
{
	uint64_t ticks = target - hpet->counter;
	if (ticks > (VMM_TIME_NEVER - 1 - hpet->since) / TICK)
		return VMM_TIME_NEVER;
	return hpet->since + ticks * TICK;
}

void comparator_resume(struct comparator *comparator)
{
	struct hpet *hpet = comparator->hpet;
	vmm_time at = (hpet->conf & CONF_ENABLE) != 0 ? when(hpet, comparator->next) : VMM_TIME_NEVER;
	hpet->timer->arm(hpet->host->context, comparator->timer, at);
}

void comparator_plan(struct comparator *comparator)
{
	uint64_t now = counter_read(comparator->hpet);
	/* Equal now: that is a match. */
	comparator->next = now + ((comparator->compare - now) & width(comparator));
	comparator_resume(comparator);
}

/* Asserted while its status bit is set, for levels (2.3.6). */
void comparator_line(struct comparator *comparator)
{
	struct hpet *hpet = comparator->hpet;
	uint32_t level = comparator->raised && (comparator->conf & TN_ENABLE) != 0 && (hpet->conf & CONF_ENABLE) != 0;
	hpet->irq->set(hpet->host->context, comparator->source, level);
}

static void match(struct comparator *comparator)
{
	struct hpet *hpet = comparator->hpet;
	if ((comparator->conf & TN_LEVEL) != 0) {
		comparator->raised = 1;
		comparator_line(comparator);
	} else if ((comparator->conf & TN_ENABLE) != 0) {
		hpet->irq->pulse(hpet->host->context, comparator->source);
	}
}

void comparator_due(void *self, uint64_t token)
{
	struct hpet *hpet = self;
	struct comparator *comparator = &hpet->comparators[token];
	uint64_t now = counter_read(hpet);
	uint64_t mask = width(comparator);
	if ((hpet->conf & CONF_ENABLE) == 0)
		return;
	/* `next` may lie beyond a wrap of the counter: the difference says whether it has been reached. */
	if ((int64_t)(now - comparator->next) < 0) {
		comparator_resume(comparator);
		return;
	}
	uint64_t step = mask == UINT32_MAX ? UINT64_C(1) << 32 : 0;
	if ((comparator->conf & TN_PERIODIC) != 0) {
		step = comparator->period & mask;
		/* Those that the host was too late for count as one. */
		if (step != 0)
			step *= (now - comparator->next) / step + 1;
		comparator->compare = (comparator->compare + step) & mask;
	} else if (step != 0) {
		step *= (now - comparator->next) / step + 1;
	}
	match(comparator);
	/* A one-shot of 64 bits, or a period of 0, comes again when the counter has gone round: never. */
	if (step == 0) {
		hpet->timer->arm(hpet->host->context, comparator->timer, VMM_TIME_NEVER);
		return;
	}
	comparator->next += step;
	comparator_resume(comparator);
}

/* The comparator register is written (2.3.9): in periodic mode it is the period, and with Tn_VAL_SET the first match
 * too. */
void comparator_compare(struct comparator *comparator, uint64_t value)
{
	value &= width(comparator);
	if ((comparator->conf & TN_PERIODIC) != 0)
		comparator->period = value;
	if ((comparator->conf & TN_PERIODIC) == 0 || (comparator->conf & TN_SET) != 0) {
		comparator->compare = value;
		comparator->conf &= ~TN_SET;
		comparator_plan(comparator);
	}
}

/* Where each goes: by its own routing field, or the legacy one: timer 0 to IRQ0, timer 1 to IRQ8, which the 8254 and
 * the clock then lose (2.3.5, LEG_RT_CNF). */
void comparators_route(struct hpet *hpet)
{
	void *context = hpet->host->context;
	uint32_t legacy = (hpet->conf & (CONF_LEGACY | CONF_ENABLE)) == (CONF_LEGACY | CONF_ENABLE);
	for (uint32_t i = 0; i < hpet->count; i++) {
		struct comparator *comparator = &hpet->comparators[i];
		uint32_t line = (comparator->conf & TN_ROUTE) >> 9;
		uint32_t takes = legacy && i < 2;
		if (takes)
			line = i == 0 ? 0 : 8;
		else if ((ROUTES >> line & 1) == 0)
			line = VMM_IRQ_NONE;
		if (hpet->can_take && !takes)
			hpet->irq->take(context, comparator->source, 0);
		hpet->irq->route(context, comparator->source, line);
		if (hpet->can_take && takes)
			hpet->irq->take(context, comparator->source, 1);
	}
}

void hpet_enable(struct hpet *hpet, uint32_t conf)
{
	uint32_t changed = hpet->conf ^ conf;
	if ((changed & CONF_ENABLE) != 0) {
		hpet->counter = counter_read(hpet);
		hpet->since = guest_now(hpet);
	}
	hpet->conf = conf;
	comparators_route(hpet);
	for (uint32_t i = 0; i < hpet->count && (changed & CONF_ENABLE) != 0; i++) {
		struct comparator *comparator = &hpet->comparators[i];
		if ((conf & CONF_ENABLE) != 0)
			comparator_plan(comparator);
		else
			comparator_resume(comparator);
		comparator_line(comparator);
	}
}

uint32_t hpet_id(const struct hpet *hpet)
{
	/* Vendor, legacy routing, 64-bit counter, comparators less one, revision (2.3.4). */
	return UINT32_C(0x8086) << 16 | (hpet->can_take ? 1u << 15 : 0) | 1u << 13 | (hpet->count - 1) << 8 | 1;
}
