/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/event/timer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int timer_set_init(struct timer_set *set)
{
	memset(set, 0, sizeof(*set));
	return -pthread_mutex_init(&set->mutex, NULL);
}

void timer_set_destroy(struct timer_set *set)
{
	pthread_mutex_destroy(&set->mutex);
	free(set->heap);
}

static bool timer_before(const struct timer *a, const struct timer *b)
{
	return a->deadline != b->deadline ? a->deadline < b->deadline : a->order < b->order;
}

static void heap_place(struct timer_set *set, size_t position, struct timer *timer)
{
	set->heap[position] = timer;
	timer->position = position;
}

static void heap_up(struct timer_set *set, size_t position, struct timer *timer)
{
	while (position > 0) {
		size_t parent = (position - 1) / 2;

		if (!timer_before(timer, set->heap[parent]))
			break;
		heap_place(set, position, set->heap[parent]);
		position = parent;
	}
	heap_place(set, position, timer);
}

static void heap_down(struct timer_set *set, size_t position, struct timer *timer)
{
	for (;;) {
		size_t child = position * 2 + 1;

		if (child >= set->count)
			break;
		if (child + 1 < set->count && timer_before(set->heap[child + 1], set->heap[child]))
			child++;
		if (!timer_before(set->heap[child], timer))
			break;
		heap_place(set, position, set->heap[child]);
		position = child;
	}
	heap_place(set, position, timer);
}

static void heap_remove(struct timer_set *set, struct timer *timer)
{
	struct timer *last = set->heap[--set->count];
	size_t position = timer->position;

	timer->deadline = TIMER_NEVER;
	if (last == timer)
		return;
	if (position > 0 && timer_before(last, set->heap[(position - 1) / 2]))
		heap_up(set, position, last);
	else
		heap_down(set, position, last);
}

int timer_init(struct timer *timer, struct timer_set *set, void (*callback)(void *self, uint64_t token), void *self,
	uint64_t token)
{
	int error = 0;

	*timer = (struct timer){
		.set = set, .callback = callback, .self = self, .token = token, .deadline = TIMER_NEVER
	};
	pthread_mutex_lock(&set->mutex);
	if (set->reserved == set->capacity) {
		size_t capacity = set->capacity ? set->capacity * 2 : 32;
		struct timer **heap = realloc(set->heap, capacity * sizeof(struct timer *));

		if (heap) {
			set->heap = heap;
			set->capacity = capacity;
		} else {
			error = -ENOMEM;
		}
	}
	if (!error)
		set->reserved++;
	pthread_mutex_unlock(&set->mutex);
	return error;
}

void timer_destroy(struct timer *timer)
{
	struct timer_set *set = timer->set;

	pthread_mutex_lock(&set->mutex);
	if (timer->deadline != TIMER_NEVER)
		heap_remove(set, timer);
	set->reserved--;
	pthread_mutex_unlock(&set->mutex);
}

void timer_arm(struct timer *timer, uint64_t deadline)
{
	struct timer_set *set = timer->set;
	bool nearer = false;

	pthread_mutex_lock(&set->mutex);
	uint64_t before = set->count ? set->heap[0]->deadline : TIMER_NEVER;

	if (timer->deadline != TIMER_NEVER)
		heap_remove(set, timer);
	if (deadline != TIMER_NEVER) {
		timer->deadline = deadline;
		timer->order = set->order++;
		heap_up(set, set->count++, timer);
		nearer = deadline < before;
	}
	pthread_mutex_unlock(&set->mutex);
	if (nearer && set->changed)
		set->changed(set->changed_self);
}

uint64_t timer_deadline(struct timer_set *set)
{
	pthread_mutex_lock(&set->mutex);
	uint64_t deadline = set->count ? set->heap[0]->deadline : TIMER_NEVER;

	pthread_mutex_unlock(&set->mutex);
	return deadline;
}

/* The first that has expired, of those that were armed before `limit`; NULL: none. */
static struct timer *timer_expired(const struct timer_set *set, uint64_t now, uint64_t limit)
{
	struct timer *best = NULL;

	if (!set->count || set->heap[0]->deadline > now)
		return NULL;
	if (set->heap[0]->order < limit)
		return set->heap[0];
	/* One that was armed for the past meanwhile is in front, which is rare: it must not hide the others. */
	for (size_t i = 0; i < set->count; i++)
		if (set->heap[i]->deadline <= now && set->heap[i]->order < limit &&
			(!best || timer_before(set->heap[i], best)))
			best = set->heap[i];
	return best;
}

unsigned timer_set_run(struct timer_set *set, uint64_t now)
{
	unsigned ran = 0;

	pthread_mutex_lock(&set->mutex);
	uint64_t limit = set->order; /* what is armed from here on waits for the next call */

	struct timer *timer;

	while ((timer = timer_expired(set, now, limit))) {
		heap_remove(set, timer);
		pthread_mutex_unlock(&set->mutex);
		timer->callback(timer->self, timer->token);
		ran++;
		pthread_mutex_lock(&set->mutex);
	}
	pthread_mutex_unlock(&set->mutex);
	return ran;
}
