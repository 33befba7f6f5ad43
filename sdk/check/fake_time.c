/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.timer/1, vmm.event/1 and vmm.task/1.
 */
#include "fake_host.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define TASK_STACK (256u << 10)

/* Time. */

static vmm_time clock_at(struct fake *fake, uint32_t clock)
{
	return clock == VMM_CLOCK_REAL ? fake->now + fake->real_offset : fake->now;
}

static vmm_time timer_now(void *context, uint32_t clock)
{
	return clock_at(fake_enter_any(context, __func__), clock);
}

static int32_t timer_create_(void *context, uint32_t clock, void (*callback)(void *self, uint64_t token), void *self,
	uint64_t token, vmm_handle *timer)
{
	struct fake *fake = fake_enter(context, __func__);
	if (fake_fails(fake))
		return -ENOMEM;
	if (callback == NULL || (clock != VMM_CLOCK_GUEST && clock != VMM_CLOCK_HOST))
		return -EINVAL;
	for (uint32_t i = 0; i < FAKE_TIMERS; i++) {
		if (fake->timers[i].used)
			continue;
		fake->timers[i] = (struct fake_timer){ context, 1, clock, callback, self, token, VMM_TIME_NEVER };
		*timer = fake_handle(FAKE_TIMER, i);
		return 0;
	}
	return -ENOMEM;
}

static void timer_destroy(void *context, vmm_handle timer)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_TIMER, timer, __func__);
	if (index < 0)
		return;
	fake->timers[index].used = 0;
}

static void timer_arm(void *context, vmm_handle timer, vmm_time deadline)
{
	struct fake *fake = fake_enter_any(context, __func__);
	int32_t index = fake_index(context, FAKE_TIMER, timer, __func__);
	if (index < 0)
		return;
	pthread_mutex_lock(&fake->mutex);
	fake->timers[index].deadline = deadline;
	pthread_mutex_unlock(&fake->mutex);
}

const struct vmm_timer_service fake_timer_service = {
	.struct_size = sizeof(struct vmm_timer_service),
	.now = timer_now,
	.create = timer_create_,
	.destroy = timer_destroy,
	.arm = timer_arm,
};

static struct fake_timer *first_timer(struct fake *fake, vmm_time until)
{
	struct fake_timer *first = NULL;
	for (uint32_t i = 0; i < FAKE_TIMERS; i++) {
		struct fake_timer *timer = &fake->timers[i];
		if (timer->used && timer->deadline != VMM_TIME_NEVER && timer->deadline <= until &&
			(first == NULL || timer->deadline < first->deadline))
			first = timer;
	}
	return first;
}

void fake_run_timers(struct fake *fake)
{
	struct fake_timer *timer;
	while ((timer = first_timer(fake, fake->now)) != NULL) {
		timer->deadline = VMM_TIME_NEVER;
		timer->callback(timer->self, timer->token);
	}
}

void fake_advance(struct fake *fake, vmm_time nanoseconds)
{
	vmm_time end = fake->now + nanoseconds;
	struct fake_timer *timer;
	while ((timer = first_timer(fake, end)) != NULL) {
		if (timer->deadline > fake->now)
			fake->now = timer->deadline;
		timer->deadline = VMM_TIME_NEVER;
		timer->callback(timer->self, timer->token);
	}
	fake->now = end;
}

void fake_skip(struct fake *fake, vmm_time nanoseconds)
{
	fake->now += nanoseconds;
}

/* Events. */

static int32_t event_watch(void *context, int32_t fd, uint32_t events,
	void (*callback)(void *self, uint64_t token, uint32_t events), void *self, uint64_t token, vmm_handle *watch)
{
	struct fake *fake = fake_enter(context, __func__);
	if (fake_fails(fake))
		return -ENOMEM;
	for (uint32_t i = 0; i < FAKE_WATCHES; i++) {
		if (fake->watches[i].used)
			continue;
		fake->watches[i] = (struct fake_watch){ context, 1, events, fd, callback, self, token };
		*watch = fake_handle(FAKE_WATCH, i);
		return 0;
	}
	return -ENOMEM;
}

static int32_t event_modify(void *context, vmm_handle watch, uint32_t events)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_WATCH, watch, __func__);
	if (index < 0)
		return -EINVAL;
	fake->watches[index].events = events;
	return 0;
}

static void event_unwatch(void *context, vmm_handle watch)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_WATCH, watch, __func__);
	if (index < 0)
		return;
	fake->watches[index].used = 0;
}

static int32_t event_defer(void *context, void (*callback)(void *self, uint64_t token), void *self, uint64_t token)
{
	struct fake *fake = fake_enter_any(context, __func__);
	int32_t status = -ENOMEM;
	pthread_mutex_lock(&fake->mutex);
	if (fake->deferred_count < FAKE_DEFERRED && !fake_fails(fake)) {
		fake->deferred[fake->deferred_count++] = (struct fake_deferred){ context, callback, self, token };
		status = 0;
	}
	pthread_mutex_unlock(&fake->mutex);
	return status;
}

const struct vmm_event_service fake_event_service = {
	.struct_size = sizeof(struct vmm_event_service),
	.watch = event_watch,
	.modify = event_modify,
	.unwatch = event_unwatch,
	.defer = event_defer,
};

/* Work runs on a thread of its own, so that a wrong call from there is seen, but one at a time, so that runs repeat. */
static void *task_thread(void *argument)
{
	struct fake_task *task = argument;
	task->status = task->work(task->self, task->token);
	return NULL;
}

static int32_t task_run(void *context, int32_t (*work)(void *self, uint64_t token),
	void (*done)(void *self, uint64_t token, int32_t status), void *self, uint64_t token)
{
	struct fake *fake = fake_enter_any(context, __func__);
	int32_t status = -ENOMEM;
	pthread_mutex_lock(&fake->mutex);
	if (fake->task_count < FAKE_TASKS && !fake_fails(fake)) {
		fake->tasks[fake->task_count++] = (struct fake_task){ context, work, done, self, token, 0 };
		status = 0;
	}
	pthread_mutex_unlock(&fake->mutex);
	return status;
}

const struct vmm_task_service fake_task_service = {
	.struct_size = sizeof(struct vmm_task_service),
	.run = task_run,
};

static uint32_t run_tasks(struct fake *fake)
{
	uint32_t count = 0;
	while (fake->task_count > 0 && count < 1000) {
		struct fake_task task = fake->tasks[0];
		pthread_t thread;
		pthread_attr_t attributes;
		pthread_mutex_lock(&fake->mutex);
		fake->task_count--;
		memmove(fake->tasks, fake->tasks + 1, fake->task_count * sizeof(task));
		pthread_mutex_unlock(&fake->mutex);
		/* A small stack: the sanitizers mark all of it, each time. */
		pthread_attr_init(&attributes);
		pthread_attr_setstacksize(&attributes, TASK_STACK);
		if (pthread_create(&thread, &attributes, task_thread, &task) == 0)
			pthread_join(thread, NULL);
		else
			task.status = -EAGAIN;
		pthread_attr_destroy(&attributes);
		if (task.done != NULL)
			task.done(task.self, task.token, task.status);
		count++;
	}
	return count;
}

static uint32_t run_deferred(struct fake *fake)
{
	uint32_t count = 0;
	while (fake->deferred_count > 0 && count < 1000) {
		pthread_mutex_lock(&fake->mutex);
		struct fake_deferred call = fake->deferred[0];
		fake->deferred_count--;
		memmove(fake->deferred, fake->deferred + 1, fake->deferred_count * sizeof(call));
		pthread_mutex_unlock(&fake->mutex);
		call.callback(call.self, call.token);
		count++;
	}
	return count;
}

uint32_t fake_poll(struct fake *fake, int milliseconds)
{
	struct pollfd fds[FAKE_WATCHES];
	uint32_t map[FAKE_WATCHES];
	uint32_t used = 0;
	uint32_t count = run_tasks(fake) + run_deferred(fake) + fake_cpu_run(fake);
	fake_lines_update(fake);
	for (uint32_t i = 0; i < FAKE_WATCHES; i++) {
		struct fake_watch *watch = &fake->watches[i];
		if (!watch->used)
			continue;
		fds[used] = (struct pollfd){ .fd = watch->fd };
		fds[used].events = (short)(((watch->events & VMM_EVENT_READ) != 0 ? POLLIN : 0) |
			((watch->events & VMM_EVENT_WRITE) != 0 ? POLLOUT : 0));
		map[used++] = i;
	}
	if (poll(fds, used, count > 0 ? 0 : milliseconds) <= 0)
		return count;
	for (uint32_t i = 0; i < used; i++) {
		struct fake_watch *watch = &fake->watches[map[i]];
		uint32_t events = ((fds[i].revents & POLLIN) != 0 ? VMM_EVENT_READ : 0) |
			((fds[i].revents & POLLOUT) != 0 ? VMM_EVENT_WRITE : 0) |
			((fds[i].revents & (POLLHUP | POLLERR)) != 0 ? VMM_EVENT_HANGUP : 0);
		if (events == 0 || !watch->used)
			continue;
		watch->callback(watch->self, watch->token, events);
		count++;
	}
	return count + run_deferred(fake);
}
