/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The view: what the guest sees at each address, with priorities and aliases resolved. */
#include <stdlib.h>
#include <string.h>

#include "vmm/memory/region.h"

static int compare_addresses(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool region_covers(const struct memory_region *region, uint64_t address)
{
	return address >= region->address && address - region->address < region->desc.length;
}

static struct memory_region *region_at(const struct memory_space *space, uint64_t address)
{
	struct memory_region *best = NULL;

	for (struct memory_region *region = space->mapped; region; region = region->next) {
		if (!region_covers(region, address))
			continue;
		if (!best || region->priority > best->priority ||
			(region->priority == best->priority && region->order > best->order))
			best = region;
	}
	return best;
}

/* The system's RAM at an address: the lowest RAM there is. */
static struct memory_region *ram_at(const struct memory_space *space, uint64_t address)
{
	struct memory_region *best = NULL;

	for (struct memory_region *region = space->mapped; region; region = region->next)
		if (region->desc.type == MEMORY_RAM && region_covers(region, address) &&
			(!best || region->priority < best->priority))
			best = region;
	return best;
}

/* What is shown at [first, last], which lies within one region and, through an alias, within one target. */
static bool range_resolve(const struct memory_space *space, uint64_t first, struct memory_range *range)
{
	struct memory_region *region = region_at(space, first);

	if (!region)
		return false;
	range->writer = region;
	range->readonly = region->readonly;
	if (region->desc.type != MEMORY_ALIAS) {
		range->region = region;
		range->offset = first - region->address;
		return true;
	}
	uint64_t address = region->desc.target_offset + (first - region->address);

	if (region->desc.target) {
		range->region = region->desc.target;
		range->offset = address;
	} else {
		range->region = ram_at(space, address);
		if (!range->region)
			return false;
		range->offset = address - range->region->address;
	}
	range->readonly |= range->region->readonly;
	if (!region->desc.write)
		range->writer = range->region;
	return true;
}

static bool range_continues(const struct memory_range *a, const struct memory_range *b)
{
	return a->last + 1 == b->first && a->region == b->region && a->writer == b->writer &&
		a->readonly == b->readonly && a->offset + (b->first - a->first) == b->offset;
}

/* An edge of system RAM, seen through an alias; the alias's own address if it is not within. */
static uint64_t alias_edge(const struct memory_region *alias, uint64_t ram)
{
	uint64_t offset = ram - alias->desc.target_offset;

	return ram > alias->desc.target_offset && offset < alias->desc.length ? alias->address + offset
									      : alias->address;
}

struct memory_view *memory_view_build(struct memory_space *space)
{
	unsigned count = 0, aliases = 0, edges = 0;
	uint64_t *edge = NULL;
	struct memory_view *view = NULL;

	for (struct memory_region *region = space->mapped; region; region = region->next) {
		count++;
		aliases += region->desc.type == MEMORY_ALIAS && !region->desc.target;
	}
	/* Each region has two edges, and an alias of system RAM two more for each region that may begin and end there.
	 */
	size_t most = 2 * (size_t)count * (aliases + 1) + 1;

	view = malloc(sizeof(*view) + most * sizeof(view->ranges[0]));
	edge = malloc(most * sizeof(*edge));
	if (!view || !edge) {
		free(view);
		free(edge);
		return NULL;
	}
	for (struct memory_region *region = space->mapped; region; region = region->next) {
		edge[edges++] = region->address;
		if (region->address + region->desc.length)
			edge[edges++] = region->address + region->desc.length;
		if (region->desc.type != MEMORY_ALIAS || region->desc.target)
			continue;
		for (struct memory_region *ram = space->mapped; ram; ram = ram->next) {
			if (ram->desc.type != MEMORY_RAM)
				continue;
			edge[edges++] = alias_edge(region, ram->address);
			edge[edges++] = alias_edge(region, ram->address + ram->desc.length);
		}
	}
	qsort(edge, edges, sizeof(*edge), compare_addresses);
	view->count = 0;
	for (unsigned i = 0; i < edges; i++) {
		if (i && edge[i] == edge[i - 1])
			continue;
		unsigned next = i + 1;

		while (next < edges && edge[next] == edge[i])
			next++;
		struct memory_range range = { .first = edge[i], .last = next < edges ? edge[next] - 1 : UINT64_MAX };

		if (!range_resolve(space, range.first, &range))
			continue;
		/* An alias may run past the end of the RAM that it shows. */
		uint64_t left = range.region->desc.length - range.offset;

		if (range.last - range.first >= left)
			range.last = range.first + left - 1;
		if (view->count && range_continues(&view->ranges[view->count - 1], &range))
			view->ranges[view->count - 1].last = range.last;
		else
			view->ranges[view->count++] = range;
	}
	free(edge);
	return view;
}

bool memory_view_find(struct memory_space *space, uint64_t address, struct memory_range *range)
{
	bool found = false;

	pthread_mutex_lock(&space->view_mutex);
	const struct memory_view *view = space->view;
	unsigned low = 0, high = view->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (view->ranges[middle].last < address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < view->count && view->ranges[low].first <= address) {
		*range = view->ranges[low];
		found = true;
	} else {
		range->last = low < view->count ? view->ranges[low].first - 1 : UINT64_MAX;
	}
	pthread_mutex_unlock(&space->view_mutex);
	return found;
}

bool memory_view_range(struct memory_space *space, unsigned index, struct memory_range_info *info)
{
	const struct memory_view *view = space->view;

	if (index >= view->count)
		return false;
	const struct memory_range *range = &view->ranges[index];

	*info = (struct memory_range_info){ range->first, range->last, range->region->name, range->region->desc.type,
		range->readonly };
	return true;
}
