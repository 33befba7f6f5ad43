/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The table of what handles name, and giving back what an instance leaves behind. */
#include <errno.h>
#include <stdlib.h>

#include "vmm/plugin/host.h"

uint64_t resource_add(struct instance *owner, const struct resource *resource)
{
	struct plugin_env *env = owner->env;
	struct resource *kept = malloc(sizeof(*kept));
	uint64_t handle = 0;

	if (!kept)
		return 0;
	*kept = *resource;
	kept->owner = owner;
	pthread_mutex_lock(&env->handle_mutex);
	handle = handle_add(&env->handles, kept);
	pthread_mutex_unlock(&env->handle_mutex);
	if (!handle)
		free(kept);
	return handle;
}

struct resource *resource_get(struct plugin_env *env, uint64_t handle, enum resource_type type)
{
	pthread_mutex_lock(&env->handle_mutex);
	struct resource *resource = handle_get(&env->handles, handle);

	pthread_mutex_unlock(&env->handle_mutex);
	return resource && resource->type == type ? resource : NULL;
}

struct resource *resource_take(struct plugin_env *env, uint64_t handle, enum resource_type type)
{
	pthread_mutex_lock(&env->handle_mutex);
	struct resource *resource = handle_get(&env->handles, handle);

	if (resource && resource->type == type)
		handle_remove(&env->handles, handle);
	else
		resource = NULL;
	pthread_mutex_unlock(&env->handle_mutex);
	return resource;
}

static void resource_release(struct plugin_env *env, struct resource *resource)
{
	switch (resource->type) {
	case RESOURCE_REGION: memory_region_free(resource->region); break;
	case RESOURCE_CLAIM: io_claim_free(resource->claim); break;
	case RESOURCE_IRQ: irq_source_free(resource->source); break;
	case RESOURCE_TIMER: timer_destroy(&resource->timer); break;
	case RESOURCE_WATCH: loop_unwatch(env->loop, resource->watch); break;
	case RESOURCE_MAP: memory_unmap(&resource->map, 0); break;
	}
	free(resource);
}

void resources_release(struct instance *owner)
{
	struct plugin_env *env = owner->env;
	/* Aliases before what they show: the later made goes first. */
	for (;;) {
		struct resource *last = NULL, *resource;
		uint32_t cursor = 0;
		uint64_t handle, last_handle = 0;

		pthread_mutex_lock(&env->handle_mutex);
		while ((resource = handle_next(&env->handles, &cursor, &handle))) {
			if (resource->owner == owner) {
				last = resource;
				last_handle = handle;
			}
		}
		if (last)
			handle_remove(&env->handles, last_handle);
		pthread_mutex_unlock(&env->handle_mutex);
		if (!last)
			return;
		resource_release(env, last);
	}
}
