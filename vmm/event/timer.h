/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Timers on one clock: a heap of deadlines.
 *
 * Timers are made, destroyed and run under the machine lock; they are armed from any thread.  Whoever drives the
 * set (the event loop, or the engine in instruction mode) is told by `changed` when the earliest deadline
 * has come nearer.
 */
#ifndef VMM_EVENT_TIMER_H
#define VMM_EVENT_TIMER_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define TIMER_NEVER UINT64_MAX

struct timer_set;

struct timer {
	struct timer_set *set;
	void (*callback)(void *self, uint64_t token);
	void *self;
	uint64_t token;
	uint64_t deadline; /* TIMER_NEVER: not armed */
	uint64_t order;    /* of arming: equal deadlines run in the order they were armed */
	size_t position;   /* in the heap, while armed */
};

struct timer_set {
	pthread_mutex_t mutex; /* a leaf: nothing is called under it */
	struct timer **heap;
	size_t count, capacity, reserved; /* reserved: one place for each timer that exists */
	uint64_t order;
	void (*changed)(void *self); /* any thread */
	void *changed_self;
};

int timer_set_init(struct timer_set *set);
void timer_set_destroy(struct timer_set *set);
/* 0 or -ENOMEM.  A timer that exists can always be armed. */
int timer_init(struct timer *timer, struct timer_set *set, void (*callback)(void *self, uint64_t token), void *self,
	uint64_t token);
void timer_destroy(struct timer *timer);
void timer_arm(struct timer *timer, uint64_t deadline);
uint64_t timer_deadline(struct timer_set *set);
/* Call what has expired at `now`, each once, in the order of deadlines; returns how many.  A timer that a
 * callback arms for the past runs the next time. */
unsigned timer_set_run(struct timer_set *set, uint64_t now);

#endif
