/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/memory/region.h"

int memory_space_new(struct machine_lock *lock, struct memory_space **result)
{
	struct memory_space *space = calloc(1, sizeof(*space));

	if (!space)
		return -ENOMEM;
	space->lock = lock;
	pthread_mutex_init(&space->view_mutex, NULL);
	space->view = memory_view_build(space);
	if (!space->view) {
		free(space);
		return -ENOMEM;
	}
	*result = space;
	return 0;
}

static void memory_freed_release(struct memory_space *space)
{
	while (space->freed) {
		struct memory_region *region = space->freed;

		space->freed = region->next;
		memory_pages_free(region);
		free(region->name);
		free(region);
	}
}

void memory_space_free(struct memory_space *space)
{
	if (!space)
		return;
	memory_freed_release(space);
	pthread_mutex_destroy(&space->view_mutex);
	free(space->view);
	free(space);
}

void memory_space_watch(struct memory_space *space, void (*flush)(void *self), void *self)
{
	space->flush = flush;
	space->flush_self = self;
}

void memory_space_watch_code(
	struct memory_space *space, void (*changed)(void *self, const uint32_t *version), void *self)
{
	space->code = changed;
	space->code_self = self;
}

void memory_space_flush(struct memory_space *space)
{
	if (space->flush)
		space->flush(space->flush_self);
}

static bool memory_size_ok(unsigned size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

static int memory_desc_check(const struct memory_desc *desc)
{
	if (!desc->length || desc->length > MEMORY_LENGTH_MAX)
		return -EINVAL;
	if (desc->type != MEMORY_MMIO && (desc->length & (MEMORY_PAGE_SIZE - 1)))
		return -EINVAL;
	switch (desc->type) {
	case MEMORY_MMIO:
		if (!desc->read || !desc->write)
			return -EINVAL;
		break;
	case MEMORY_ALIAS:
		if (desc->target_offset > UINT64_MAX - desc->length)
			return -EINVAL;
		if (desc->target &&
			(desc->target->desc.type == MEMORY_ALIAS ||
				desc->target_offset + desc->length > desc->target->desc.length))
			return -EINVAL;
		break;
	case MEMORY_RAM:
	case MEMORY_ROM: break;
	default: return -EINVAL;
	}
	return 0;
}

int memory_region_new(struct memory_space *space, const struct memory_desc *desc, struct memory_region **result)
{
	int error = memory_desc_check(desc);
	struct memory_region *region;

	if (error)
		return error;
	region = calloc(1, sizeof(*region));
	if (!region)
		return -ENOMEM;
	region->space = space;
	region->desc = *desc;
	region->readonly = desc->type == MEMORY_ROM;
	if (!region->desc.size_minimum)
		region->desc.size_minimum = 1;
	if (!region->desc.size_maximum)
		region->desc.size_maximum = 4;
	if (!memory_size_ok(region->desc.size_minimum) || !memory_size_ok(region->desc.size_maximum) ||
		region->desc.size_minimum > region->desc.size_maximum ||
		/* A smaller write would have to read the rest. */
		(desc->write && !desc->read && region->desc.size_minimum > 1)) {
		free(region);
		return -EINVAL;
	}
	region->name = strdup(desc->name ? desc->name : "");
	error = region->name ? 0 : -ENOMEM;
	if (!error && (desc->type == MEMORY_RAM || desc->type == MEMORY_ROM))
		error = memory_pages_new(region);
	if (error) {
		free(region->name);
		free(region);
		return error;
	}
	space->regions++;
	*result = region;
	return 0;
}

void memory_region_free(struct memory_region *region)
{
	if (!region)
		return;
	/* Aliases of it lose their target. */
	memory_begin(region->space);
	memory_region_unmap(region);
	for (struct memory_region *other = region->space->mapped, *next; other; other = next) {
		next = other->next;
		if (other->desc.type == MEMORY_ALIAS && other->desc.target == region)
			memory_region_unmap(other);
	}
	/* It goes when a view is published that does not show it, which may be at somebody's commit. */
	region->next = region->space->freed;
	region->space->freed = region;
	region->space->regions--;
	region->space->changed = true;
	memory_commit(region->space);
}

/* Publish a new view.  Accesses that began with the old one copy a range out of it, so it can go at once. */
static int memory_update(struct memory_space *space)
{
	if (space->depth) {
		space->changed = true;
		return 0;
	}
	struct memory_view *view = memory_view_build(space);

	if (!view)
		return -ENOMEM;
	pthread_mutex_lock(&space->view_mutex);
	struct memory_view *old = space->view;

	space->view = view;
	pthread_mutex_unlock(&space->view_mutex);
	free(old);
	space->changed = false;
	memory_space_flush(space);
	memory_freed_release(space);
	return 0;
}

void memory_begin(struct memory_space *space)
{
	space->depth++;
}

int memory_commit(struct memory_space *space)
{
	if (space->depth && --space->depth)
		return 0;
	return space->changed ? memory_update(space) : 0;
}

static void memory_unlink(struct memory_region *region)
{
	for (struct memory_region **link = &region->space->mapped; *link; link = &(*link)->next) {
		if (*link == region) {
			*link = region->next;
			break;
		}
	}
	region->mapped = false;
}

int memory_region_map(struct memory_region *region, uint64_t address, int priority)
{
	if (address > UINT64_MAX - (region->desc.length - 1))
		return -EINVAL;
	if (region->desc.type != MEMORY_MMIO && (address & (MEMORY_PAGE_SIZE - 1)))
		return -EINVAL;
	if (region->mapped)
		memory_unlink(region);
	region->mapped = true;
	region->address = address;
	region->priority = priority;
	region->order = ++region->space->order;
	region->next = region->space->mapped;
	region->space->mapped = region;
	return memory_update(region->space);
}

void memory_region_unmap(struct memory_region *region)
{
	if (!region->mapped)
		return;
	memory_unlink(region);
	memory_update(region->space);
}

int memory_region_set_readonly(struct memory_region *region, bool readonly)
{
	if (region->desc.type == MEMORY_MMIO)
		return -EINVAL;
	if (region->readonly == readonly)
		return 0;
	region->readonly = readonly;
	/* Also where it is not mapped itself: an alias may show it. */
	return memory_update(region->space);
}

static int memory_region_bounds(const struct memory_region *region, uint64_t offset, uint64_t length)
{
	return !region->host || offset > region->desc.length || length > region->desc.length - offset ? -EINVAL : 0;
}

int memory_region_write(struct memory_region *region, uint64_t offset, const void *data, uint64_t length)
{
	int error = memory_region_bounds(region, offset, length);

	if (error || !length)
		return error;
	memcpy(region->host + offset, data, length);
	memory_pages_touch(region, offset, length);
	return 0;
}

int memory_region_read(struct memory_region *region, uint64_t offset, void *data, uint64_t length)
{
	int error = memory_region_bounds(region, offset, length);

	if (!error && length)
		memcpy(data, region->host + offset, length);
	return error;
}

const char *memory_region_name(const struct memory_region *region)
{
	return region->name;
}

enum memory_type memory_region_type(const struct memory_region *region)
{
	return region->desc.type;
}

uint64_t memory_region_length(const struct memory_region *region)
{
	return region->desc.length;
}

uint8_t *memory_region_host(struct memory_region *region)
{
	return region->host;
}
