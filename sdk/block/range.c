/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Locks on ranges of bytes: few at a time, so that a list will do.
 */
#include "kit.h"

void range_set_init(struct range_set *set)
{
	pthread_mutex_init(&set->mutex, NULL);
	pthread_cond_init(&set->changed, NULL);
	set->ranges = NULL;
	set->last = &set->ranges;
	set->waiting = 0;
}

void range_set_destroy(struct range_set *set)
{
	pthread_cond_destroy(&set->changed);
	pthread_mutex_destroy(&set->mutex);
}

/* Must it wait for one that was asked for earlier? */
static bool range_blocked(const struct range_set *set, const struct range *range)
{
	for (const struct range *other = set->ranges; other != range; other = other->next) {
		if (other->first < range->end && range->first < other->end && (other->exclusive || range->exclusive))
			return true;
	}
	return false;
}

static void range_add(struct range_set *set, struct range *range, uint64_t first, uint64_t end, bool exclusive)
{
	*range = (struct range){ .before = set->last, .first = first, .end = end, .exclusive = exclusive };
	*set->last = range;
	set->last = &range->next;
}

static void range_remove(struct range_set *set, struct range *range)
{
	*range->before = range->next;
	if (range->next != NULL)
		range->next->before = range->before;
	else
		set->last = range->before;
}

void range_lock(struct range_set *set, struct range *range, uint64_t first, uint64_t end, bool exclusive)
{
	pthread_mutex_lock(&set->mutex);
	range_add(set, range, first, end, exclusive);
	while (range_blocked(set, range)) {
		set->waiting++;
		pthread_cond_wait(&set->changed, &set->mutex);
		set->waiting--;
	}
	range->granted = true;
	pthread_mutex_unlock(&set->mutex);
}

bool range_try(struct range_set *set, struct range *range, uint64_t first, uint64_t end, bool exclusive)
{
	pthread_mutex_lock(&set->mutex);
	range_add(set, range, first, end, exclusive);
	range->granted = !range_blocked(set, range);
	if (!range->granted)
		range_remove(set, range);
	pthread_mutex_unlock(&set->mutex);
	return range->granted;
}

void range_unlock(struct range_set *set, struct range *range)
{
	pthread_mutex_lock(&set->mutex);
	range_remove(set, range);
	if (set->waiting != 0)
		pthread_cond_broadcast(&set->changed);
	pthread_mutex_unlock(&set->mutex);
}
