/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm.irq/1, vmm.timer/1, vmm.event/1 and vmm.task/1. */
#include <errno.h>
#include <stdlib.h>

#include "vmm/plugin/host.h"

static int32_t irq_open(void *context, uint32_t line, vmm_handle *source)
{
	struct instance *instance = context;
	struct resource resource = { .type = RESOURCE_IRQ };
	int status = irq_source_new(instance->env->lines, instance->name, line, &resource.source);

	if (status)
		return status;
	*source = resource_add(instance, &resource);
	if (*source)
		return 0;
	irq_source_free(resource.source);
	return -ENOMEM;
}

static struct irq_source *irq_get(void *context, vmm_handle source)
{
	struct instance *instance = context;
	struct resource *resource = resource_get(instance->env, source, RESOURCE_IRQ);

	return resource ? resource->source : NULL;
}

static void irq_set(void *context, vmm_handle handle, uint32_t level)
{
	struct irq_source *source = irq_get(context, handle);

	if (source)
		irq_source_set(source, level != 0);
}

static void irq_pulse(void *context, vmm_handle handle)
{
	struct irq_source *source = irq_get(context, handle);

	if (source)
		irq_source_pulse(source);
}

static int32_t irq_route(void *context, vmm_handle handle, uint32_t line)
{
	struct irq_source *source = irq_get(context, handle);

	return source ? irq_source_route(source, line) : -EINVAL;
}

static int32_t irq_take(void *context, vmm_handle handle, uint32_t taken)
{
	struct irq_source *source = irq_get(context, handle);

	return source ? irq_source_take(source, taken != 0) : -EINVAL;
}

static void irq_trigger(void *context, uint32_t line, uint32_t level_triggered)
{
	struct instance *instance = context;

	irq_line_trigger(instance->env->lines, line, level_triggered != 0);
}

static uint32_t irq_level(void *context, uint32_t line)
{
	struct instance *instance = context;

	return irq_line_level(instance->env->lines, line);
}

const struct vmm_irq_service service_irq = {
	.struct_size = sizeof(service_irq),
	.open = irq_open,
	.set = irq_set,
	.pulse = irq_pulse,
	.route = irq_route,
	.trigger = irq_trigger,
	.level = irq_level,
	.take = irq_take,
};

static vmm_time timer_now(void *context, uint32_t clock)
{
	struct instance *instance = context;

	switch (clock) {
	case VMM_CLOCK_HOST: return clock_host_now();
	case VMM_CLOCK_REAL:
		return (uint64_t)(instance->env->clock->real_offset + (int64_t)clock_now(instance->env->clock));
	default: return clock_now(instance->env->clock);
	}
}

static int32_t service_timer_create(void *context, uint32_t clock, void (*callback)(void *self, uint64_t token),
	void *self, uint64_t token, vmm_handle *timer)
{
	struct instance *instance = context;
	struct resource empty = { .type = RESOURCE_TIMER, .clock = clock }, *resource;
	uint64_t handle;
	int status;

	if ((clock != VMM_CLOCK_GUEST && clock != VMM_CLOCK_HOST) || !callback)
		return -EINVAL;
	handle = resource_add(instance, &empty);
	if (!handle)
		return -ENOMEM;
	/* The timer is made where it stays: the set keeps its address. */
	resource = resource_get(instance->env, handle, RESOURCE_TIMER);
	status = timer_init(&resource->timer,
		clock == VMM_CLOCK_GUEST ? instance->env->timers : loop_host_timers(instance->env->loop), callback,
		self, token);
	if (status) {
		free(resource_take(instance->env, handle, RESOURCE_TIMER));
		return status;
	}
	*timer = handle;
	return 0;
}

static void service_timer_destroy(void *context, vmm_handle timer)
{
	struct instance *instance = context;
	struct resource *resource = resource_take(instance->env, timer, RESOURCE_TIMER);

	if (!resource)
		return;
	timer_destroy(&resource->timer);
	free(resource);
}

static void service_timer_arm(void *context, vmm_handle timer, vmm_time deadline)
{
	struct instance *instance = context;
	struct resource *resource = resource_get(instance->env, timer, RESOURCE_TIMER);

	if (resource)
		timer_arm(&resource->timer, deadline);
}

const struct vmm_timer_service service_timer = {
	.struct_size = sizeof(service_timer),
	.now = timer_now,
	.create = service_timer_create,
	.destroy = service_timer_destroy,
	.arm = service_timer_arm,
};

static int32_t event_watch(void *context, int32_t fd, uint32_t events,
	void (*callback)(void *self, uint64_t token, uint32_t events), void *self, uint64_t token, vmm_handle *watch)
{
	struct instance *instance = context;
	struct resource resource = { .type = RESOURCE_WATCH };
	int status;

	if (fd < 0 || !callback)
		return -EINVAL;
	status = loop_watch(instance->env->loop, fd, events, callback, self, token, &resource.watch);
	if (status)
		return status;
	*watch = resource_add(instance, &resource);
	if (*watch)
		return 0;
	loop_unwatch(instance->env->loop, resource.watch);
	return -ENOMEM;
}

static int32_t event_modify(void *context, vmm_handle watch, uint32_t events)
{
	struct instance *instance = context;
	struct resource *resource = resource_get(instance->env, watch, RESOURCE_WATCH);

	return resource ? loop_watch_modify(instance->env->loop, resource->watch, events) : -EINVAL;
}

static void event_unwatch(void *context, vmm_handle watch)
{
	struct instance *instance = context;
	struct resource *resource = resource_take(instance->env, watch, RESOURCE_WATCH);

	if (!resource)
		return;
	loop_unwatch(instance->env->loop, resource->watch);
	free(resource);
}

static int32_t event_defer(void *context, void (*callback)(void *self, uint64_t token), void *self, uint64_t token)
{
	struct instance *instance = context;

	return callback ? loop_defer(instance->env->loop, instance, callback, self, token) : -EINVAL;
}

const struct vmm_event_service service_event = {
	.struct_size = sizeof(service_event),
	.watch = event_watch,
	.modify = event_modify,
	.unwatch = event_unwatch,
	.defer = event_defer,
};

static int32_t task_run(void *context, int32_t (*work)(void *self, uint64_t token),
	void (*done)(void *self, uint64_t token, int32_t status), void *self, uint64_t token)
{
	struct instance *instance = context;

	return work && done ? loop_work(instance->env->loop, instance, work, done, self, token) : -EINVAL;
}

const struct vmm_task_service service_task = { .struct_size = sizeof(service_task), .run = task_run };
