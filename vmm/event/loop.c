/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/event/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "vmm/event/handle.h"
#include "vmm/event/worker.h"

#define LOOP_BATCH 32
/* epoll data of the loop's own descriptors; handles of watches are never this small in their high half and 0
 * in their low half. */
#define LOOP_DATA_WAKE  (UINT64_C(1) << 32)
#define LOOP_DATA_TIMER (UINT64_C(2) << 32)

struct deferred {
	struct deferred *next;
	const void *owner;
	loop_call *callback;
	struct worker_job *job; /* a worker's result, instead of a callback */
	void *self;
	uint64_t token;
};

struct watch {
	int fd;
	uint32_t events;
	loop_ready *callback;
	void *self;
	uint64_t token;
};

struct event_loop {
	struct machine_lock *lock;
	int epoll, wake, timer;
	bool quit;              /* atomic */
	pthread_t thread;       /* that runs it, while `runs` */
	bool runs;              /* atomic */
	uint64_t timer_set_for; /* what the timerfd is set to */
	struct handle_table watches;
	struct timer_set host_timers;
	struct timer_set *guest_timers;
	const struct guest_clock *clock;
	void (*idle)(void *self);
	void *idle_self;
	void (*elsewhere)(void *self); /* deferred calls are run by another */
	void *elsewhere_self;

	pthread_mutex_t mutex; /* of what follows; a leaf */
	pthread_cond_t settled;
	struct deferred *first, **last;
	struct worker_pool *workers;
	struct work_count {
		const void *owner;
		unsigned count;
	} * working;
	unsigned working_count, working_capacity;
};

void loop_wake(struct event_loop *loop)
{
	uint64_t one = 1;
	ssize_t ignored = write(loop->wake, &one, sizeof(one)); /* full means that a wake is waiting already */

	(void)ignored;
}

static void loop_timers_changed(void *self)
{
	struct event_loop *loop = self;

	/* The loop looks at its timers before it sleeps anyway. */
	if (!__atomic_load_n(&loop->runs, __ATOMIC_ACQUIRE) || !pthread_equal(loop->thread, pthread_self()))
		loop_wake(loop);
}

static int loop_add_own(struct event_loop *loop, int fd, uint64_t data)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = data };

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static void loop_work_finished(struct worker_job *job);

int loop_new(struct machine_lock *lock, struct event_loop **result)
{
	struct event_loop *loop = calloc(1, sizeof(*loop));
	int error;

	if (!loop)
		return -ENOMEM;
	loop->lock = lock;
	loop->last = &loop->first;
	loop->timer_set_for = TIMER_NEVER;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	pthread_mutex_init(&loop->mutex, NULL);
	pthread_cond_init(&loop->settled, NULL);
	timer_set_init(&loop->host_timers);
	loop->host_timers.changed = loop_timers_changed;
	loop->host_timers.changed_self = loop;
	if (loop->epoll < 0 || loop->wake < 0 || loop->timer < 0) {
		error = -errno;
		goto fail;
	}
	error = loop_add_own(loop, loop->wake, LOOP_DATA_WAKE);
	if (!error)
		error = loop_add_own(loop, loop->timer, LOOP_DATA_TIMER);
	if (!error)
		error = worker_pool_new(loop_work_finished, &loop->workers);
	if (error)
		goto fail;
	*result = loop;
	return 0;
fail:
	loop_free(loop);
	return error;
}

void loop_free(struct event_loop *loop)
{
	uint32_t cursor = 0;
	void *watch;

	if (!loop)
		return;
	worker_pool_free(loop->workers);
	while ((watch = handle_next(&loop->watches, &cursor, NULL)))
		free(watch);
	handle_table_free(&loop->watches);
	while (loop->first) {
		struct deferred *next = loop->first->next;

		free(loop->first->job);
		free(loop->first);
		loop->first = next;
	}
	free(loop->working);
	timer_set_destroy(&loop->host_timers);
	pthread_cond_destroy(&loop->settled);
	pthread_mutex_destroy(&loop->mutex);
	if (loop->epoll >= 0)
		close(loop->epoll);
	if (loop->wake >= 0)
		close(loop->wake);
	if (loop->timer >= 0)
		close(loop->timer);
	free(loop);
}

struct timer_set *loop_host_timers(struct event_loop *loop)
{
	return &loop->host_timers;
}

void loop_guest_timers(struct event_loop *loop, struct timer_set *set, const struct guest_clock *clock)
{
	loop->guest_timers = set;
	loop->clock = clock;
	set->changed = loop_timers_changed;
	set->changed_self = loop;
}

void loop_idle(struct event_loop *loop, void (*idle)(void *self), void *self)
{
	loop->idle = idle;
	loop->idle_self = self;
}

void loop_quit(struct event_loop *loop)
{
	__atomic_store_n(&loop->quit, true, __ATOMIC_RELEASE);
	loop_wake(loop);
}

void loop_deferred_elsewhere(struct event_loop *loop, void (*wake)(void *self), void *self)
{
	loop->elsewhere_self = self;
	loop->elsewhere = wake;
}

static uint32_t loop_to_epoll(uint32_t events)
{
	return (events & LOOP_READ ? EPOLLIN : 0u) | (events & LOOP_WRITE ? EPOLLOUT : 0u);
}

static int watch_add(struct event_loop *loop, int fd, uint32_t events, loop_ready *callback, void *self, uint64_t token,
	uint64_t *handle)
{
	struct watch *watch = malloc(sizeof(*watch));
	struct epoll_event event = { .events = loop_to_epoll(events) };
	int error;

	if (!watch)
		return -ENOMEM;
	*watch = (struct watch){ fd, events, callback, self, token };
	*handle = handle_add(&loop->watches, watch);
	event.data.u64 = *handle;
	if (!*handle) {
		free(watch);
		return -ENOMEM;
	}
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event)) {
		error = -errno;
		handle_remove(&loop->watches, *handle);
		free(watch);
		return error;
	}
	return 0;
}

int loop_watch(struct event_loop *loop, int fd, uint32_t events, loop_ready *callback, void *self, uint64_t token,
	uint64_t *handle)
{
	lock_acquire(loop->lock);
	int status = watch_add(loop, fd, events, callback, self, token, handle);

	lock_release(loop->lock);
	return status;
}

int loop_watch_modify(struct event_loop *loop, uint64_t handle, uint32_t events)
{
	struct epoll_event event = { .events = loop_to_epoll(events), .data.u64 = handle };
	int status = 0;

	lock_acquire(loop->lock);
	struct watch *watch = handle_get(&loop->watches, handle);

	if (!watch) {
		status = -ENOENT;
	} else if (watch->events != events) {
		watch->events = events;
		if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event))
			status = -errno;
	}
	lock_release(loop->lock);
	return status;
}

void loop_unwatch(struct event_loop *loop, uint64_t handle)
{
	lock_acquire(loop->lock);
	struct watch *watch = handle_remove(&loop->watches, handle);

	if (watch)
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	free(watch);
	lock_release(loop->lock);
}

static void loop_append(struct event_loop *loop, struct deferred *call)
{
	call->next = NULL;
	pthread_mutex_lock(&loop->mutex);
	*loop->last = call;
	loop->last = &call->next;
	pthread_cond_broadcast(&loop->settled);
	pthread_mutex_unlock(&loop->mutex);
	loop_wake(loop);
}

int loop_defer(struct event_loop *loop, const void *owner, loop_call *callback, void *self, uint64_t token)
{
	struct deferred *call = malloc(sizeof(*call));

	if (!call)
		return -ENOMEM;
	*call = (struct deferred){ .owner = owner, .callback = callback, .self = self, .token = token };
	loop_append(loop, call);
	return 0;
}

void loop_cancel(struct event_loop *loop, const void *owner)
{
	pthread_mutex_lock(&loop->mutex);
	for (struct deferred **link = &loop->first; *link;) {
		struct deferred *call = *link;

		if (call->owner != owner || call->job) {
			link = &call->next;
			continue;
		}
		*link = call->next;
		if (loop->last == &call->next)
			loop->last = link;
		free(call);
	}
	pthread_mutex_unlock(&loop->mutex);
}

static void loop_working_add(struct event_loop *loop, const void *owner, int change)
{
	for (unsigned i = 0; i < loop->working_count; i++) {
		if (loop->working[i].owner != owner)
			continue;
		loop->working[i].count += (unsigned)change;
		if (!loop->working[i].count)
			loop->working[i] = loop->working[--loop->working_count];
		return;
	}
	loop->working[loop->working_count++] = (struct work_count){ owner, 1 };
}

static struct deferred *loop_take(struct event_loop *loop)
{
	pthread_mutex_lock(&loop->mutex);
	struct deferred *call = loop->first;

	if (call) {
		loop->first = call->next;
		if (!loop->first)
			loop->last = &loop->first;
	}
	pthread_mutex_unlock(&loop->mutex);
	return call;
}

static void loop_deferred_call(struct event_loop *loop, struct deferred *call)
{
	struct worker_job *job = call->job;

	if (!job) {
		call->callback(call->self, call->token);
		free(call);
		return;
	}
	job->done(job->self, job->token, job->status);
	pthread_mutex_lock(&loop->mutex);
	loop_working_add(loop, job->owner, -1);
	pthread_cond_broadcast(&loop->settled);
	pthread_mutex_unlock(&loop->mutex);
	free(job);
	free(call);
}

unsigned loop_deferred_run(struct event_loop *loop)
{
	/* What is deferred meanwhile waits for the next round, so that a call which defers itself starves nobody. */
	unsigned waiting = 0, ran = 0;

	pthread_mutex_lock(&loop->mutex);
	for (struct deferred *call = loop->first; call; call = call->next)
		waiting++;
	pthread_mutex_unlock(&loop->mutex);
	while (ran < waiting) {
		struct deferred *call = loop_take(loop);

		if (!call)
			break;
		loop_deferred_call(loop, call);
		ran++;
	}
	return ran;
}

static void loop_work_finished(struct worker_job *job)
{
	/* The deferred call was made with the job, so that nothing can fail here. */
	struct deferred *call = job->call;

	loop_append(job->pool_user, call);
}

int loop_work(struct event_loop *loop, const void *owner, int32_t (*work)(void *self, uint64_t token),
	void (*done)(void *self, uint64_t token, int32_t status), void *self, uint64_t token)
{
	struct worker_job *job = malloc(sizeof(*job));
	struct deferred *call = malloc(sizeof(*call));
	int error = -ENOMEM;

	if (!job || !call)
		goto fail;
	*call = (struct deferred){ .owner = owner, .job = job };
	*job = (struct worker_job){ .owner = owner,
		.work = work,
		.done = done,
		.self = self,
		.token = token,
		.pool_user = loop,
		.call = call };
	pthread_mutex_lock(&loop->mutex);
	if (loop->working_count == loop->working_capacity) {
		unsigned capacity = loop->working_capacity ? loop->working_capacity * 2 : 8;
		struct work_count *working = realloc(loop->working, capacity * sizeof(*working));

		if (!working) {
			pthread_mutex_unlock(&loop->mutex);
			goto fail;
		}
		loop->working = working;
		loop->working_capacity = capacity;
	}
	loop_working_add(loop, owner, 1);
	pthread_mutex_unlock(&loop->mutex);
	error = worker_submit(loop->workers, job);
	if (!error)
		return 0;
	pthread_mutex_lock(&loop->mutex);
	loop_working_add(loop, owner, -1);
	pthread_mutex_unlock(&loop->mutex);
fail:
	free(job);
	free(call);
	return error;
}

static bool loop_is_working(struct event_loop *loop, const void *owner)
{
	for (unsigned i = 0; i < loop->working_count; i++)
		if (!owner || loop->working[i].owner == owner)
			return true;
	return false;
}

void loop_workers_wait(struct event_loop *loop, const void *owner)
{
	for (;;) {
		loop_deferred_run(loop);
		pthread_mutex_lock(&loop->mutex);
		bool working = loop_is_working(loop, owner);

		while (working && !loop->first) {
			pthread_cond_wait(&loop->settled, &loop->mutex);
			working = loop_is_working(loop, owner);
		}
		pthread_mutex_unlock(&loop->mutex);
		if (!working)
			return;
	}
}

static bool loop_has_deferred(struct event_loop *loop)
{
	pthread_mutex_lock(&loop->mutex);
	bool has = loop->first != NULL;

	pthread_mutex_unlock(&loop->mutex);
	return has;
}

/* Set the timerfd to the nearest deadline of both clocks. */
static void loop_timer_set(struct event_loop *loop)
{
	uint64_t deadline = timer_deadline(&loop->host_timers);
	struct itimerspec spec = { 0 };

	if (loop->guest_timers) {
		uint64_t guest = clock_host_deadline(loop->clock, timer_deadline(loop->guest_timers));

		if (guest < deadline)
			deadline = guest;
	}
	if (deadline == loop->timer_set_for)
		return;
	loop->timer_set_for = deadline;
	if (deadline != TIMER_NEVER) {
		spec.it_value.tv_sec = (time_t)(deadline / 1000000000u);
		spec.it_value.tv_nsec = (long)(deadline % 1000000000u);
		if (!deadline)
			spec.it_value.tv_nsec = 1; /* 0 would disarm it */
	}
	timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void loop_timers_run(struct event_loop *loop)
{
	timer_set_run(&loop->host_timers, clock_host_now());
	/* A stopped machine's timers wait, even those in the past. */
	if (loop->guest_timers && clock_host_deadline(loop->clock, 0) != UINT64_MAX)
		timer_set_run(loop->guest_timers, clock_now(loop->clock));
}

static void loop_dispatch(struct event_loop *loop, const struct epoll_event *event)
{
	uint64_t drained;
	ssize_t ignored;

	if (event->data.u64 == LOOP_DATA_WAKE || event->data.u64 == LOOP_DATA_TIMER) {
		int fd = event->data.u64 == LOOP_DATA_WAKE ? loop->wake : loop->timer;

		ignored = read(fd, &drained, sizeof(drained));
		(void)ignored;
		if (fd == loop->timer)
			loop->timer_set_for = TIMER_NEVER;
		return;
	}
	/* A callback earlier in this batch may have ended this watch: then its handle finds nothing. */
	const struct watch *watch = handle_get(&loop->watches, event->data.u64);

	if (!watch)
		return;
	uint32_t events = (event->events & EPOLLIN ? LOOP_READ : 0u) | (event->events & EPOLLOUT ? LOOP_WRITE : 0u) |
		(event->events & (EPOLLHUP | EPOLLERR) ? LOOP_HANGUP : 0u);

	watch->callback(watch->self, watch->token, events);
}

void loop_run(struct event_loop *loop)
{
	loop->thread = pthread_self();
	__atomic_store_n(&loop->runs, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&loop->quit, __ATOMIC_ACQUIRE)) {
		struct epoll_event events[LOOP_BATCH];

		loop_timer_set(loop);
		int count = epoll_wait(loop->epoll, events, LOOP_BATCH, -1);

		lock_acquire(loop->lock);
		for (int i = 0; i < count; i++)
			loop_dispatch(loop, &events[i]);
		loop_timers_run(loop);
		if (!loop->elsewhere)
			loop_deferred_run(loop);
		lock_release(loop->lock);
		if (loop->elsewhere && loop_has_deferred(loop))
			loop->elsewhere(loop->elsewhere_self);
		if (loop->idle)
			loop->idle(loop->idle_self);
	}
	loop->quit = false;
	__atomic_store_n(&loop->runs, false, __ATOMIC_RELEASE);
}
