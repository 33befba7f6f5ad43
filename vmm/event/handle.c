/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/event/handle.h"

#include <stdlib.h>
#include <string.h>

static uint64_t handle_make(uint32_t slot, uint32_t generation)
{
	return (uint64_t)generation << 32 | (slot + 1);
}

uint64_t handle_add(struct handle_table *table, void *object)
{
	uint32_t slot;

	if (table->free) {
		slot = table->free - 1;
		table->free = table->slots[slot].next_free;
	} else {
		if (table->count == table->capacity) {
			uint32_t capacity = table->capacity ? table->capacity * 2 : 16;
			struct handle_slot *slots = realloc(table->slots, capacity * sizeof(*slots));

			if (!slots)
				return 0;
			memset(slots + table->capacity, 0, (capacity - table->capacity) * sizeof(*slots));
			table->slots = slots;
			table->capacity = capacity;
		}
		slot = table->count++;
	}
	table->slots[slot].object = object;
	return handle_make(slot, table->slots[slot].generation);
}

static struct handle_slot *handle_slot(const struct handle_table *table, uint64_t handle)
{
	uint32_t slot = (uint32_t)handle;

	if (slot == 0 || slot > table->count)
		return NULL;
	struct handle_slot *found = &table->slots[slot - 1];

	return found->object && found->generation == handle >> 32 ? found : NULL;
}

void *handle_get(const struct handle_table *table, uint64_t handle)
{
	struct handle_slot *slot = handle_slot(table, handle);

	return slot ? slot->object : NULL;
}

void *handle_remove(struct handle_table *table, uint64_t handle)
{
	struct handle_slot *slot = handle_slot(table, handle);

	if (!slot)
		return NULL;
	void *object = slot->object;

	slot->object = NULL;
	slot->generation++;
	slot->next_free = table->free;
	table->free = (uint32_t)(slot - table->slots) + 1;
	return object;
}

void *handle_next(const struct handle_table *table, uint32_t *cursor, uint64_t *handle)
{
	while (*cursor < table->count) {
		uint32_t slot = (*cursor)++;

		if (!table->slots[slot].object)
			continue;
		if (handle)
			*handle = handle_make(slot, table->slots[slot].generation);
		return table->slots[slot].object;
	}
	return NULL;
}

void handle_table_free(struct handle_table *table)
{
	free(table->slots);
	memset(table, 0, sizeof(*table));
}
