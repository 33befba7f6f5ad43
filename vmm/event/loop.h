/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A machine's event loop: file descriptors, deferred calls, timers and the results of workers, all called
 * under the machine lock on the thread that runs the loop.
 */
#ifndef VMM_EVENT_LOOP_H
#define VMM_EVENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/event/clock.h"
#include "vmm/event/lock.h"
#include "vmm/event/timer.h"

#define LOOP_READ   1u
#define LOOP_WRITE  2u
#define LOOP_HANGUP 4u

struct event_loop;

typedef void loop_ready(void *self, uint64_t token, uint32_t events);
typedef void loop_call(void *self, uint64_t token);

/* `lock` outlives the loop.  0 or a negative errno. */
int loop_new(struct machine_lock *lock, struct event_loop **loop);
/* No worker of this loop may be under way: loop_workers_wait() first. */
void loop_free(struct event_loop *loop);

/* Run until loop_quit().  Called without the machine lock. */
void loop_run(struct event_loop *loop);
/* Any thread. */
void loop_quit(struct event_loop *loop);
/* Have the loop look again (timers, deferred calls, `idle`).  Any thread. */
void loop_wake(struct event_loop *loop);
/* Called after each round without the machine lock: the place for what must not hold it (power transitions). */
void loop_idle(struct event_loop *loop, void (*idle)(void *self), void *self);

/* Timer sets that the loop drives.  The guest's is driven only where its clock runs by the host's. */
struct timer_set *loop_host_timers(struct event_loop *loop);
void loop_guest_timers(struct event_loop *loop, struct timer_set *set, const struct guest_clock *clock);

/* Call back while fd is ready (level-triggered).  These three take the machine lock.  *watch is a handle. */
int loop_watch(struct event_loop *loop, int fd, uint32_t events, loop_ready *callback, void *self, uint64_t token,
	uint64_t *watch);
int loop_watch_modify(struct event_loop *loop, uint64_t watch, uint32_t events);
void loop_unwatch(struct event_loop *loop, uint64_t watch);

/* Call once, soon; calls keep their order.  Any thread.  `owner` names whose call it is, for loop_cancel(),
 * which drops what waits (under the machine lock).  0 or -ENOMEM. */
int loop_defer(struct event_loop *loop, const void *owner, loop_call *callback, void *self, uint64_t token);
void loop_cancel(struct event_loop *loop, const void *owner);
/* Deferred calls are somebody else's to run (clock = instructions): the loop only calls `wake` when some wait. */
void loop_deferred_elsewhere(struct event_loop *loop, void (*wake)(void *self), void *self);
/* Run the calls that are waiting now.  Under the machine lock; returns how many. */
unsigned loop_deferred_run(struct event_loop *loop);

/* Run work on a worker thread, then done on the loop.  Any thread.  0 or -ENOMEM. */
int loop_work(struct event_loop *loop, const void *owner, int32_t (*work)(void *self, uint64_t token),
	void (*done)(void *self, uint64_t token, int32_t status), void *self, uint64_t token);
/* Wait until none of the owner's work (NULL: anybody's) is under way, its `done` included.  Called with the
 * machine lock, on any thread: runs deferred calls meanwhile. */
void loop_workers_wait(struct event_loop *loop, const void *owner);

#endif
