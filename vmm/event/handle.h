/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Handles: 64-bit names for things that a table keeps.  A handle that was given back is never valid again,
 * so that a stale one from a plugin finds nothing.  Not locked: each table belongs to whoever owns it.
 */
#ifndef VMM_EVENT_HANDLE_H
#define VMM_EVENT_HANDLE_H

#include <stddef.h>
#include <stdint.h>

struct handle_slot {
	void *object;
	uint32_t generation;
	uint32_t next_free; /* slot index + 1, while free */
};

struct handle_table {
	struct handle_slot *slots;
	uint32_t count, capacity, free; /* free: slot index + 1 */
};

/* Name an object.  0: out of memory. */
uint64_t handle_add(struct handle_table *table, void *object);
/* The object, or NULL for a handle that is not valid. */
void *handle_get(const struct handle_table *table, uint64_t handle);
/* Give the handle up; returns the object, or NULL. */
void *handle_remove(struct handle_table *table, uint64_t handle);
/* Go through all: start with *cursor = 0; NULL at the end. */
void *handle_next(const struct handle_table *table, uint32_t *cursor, uint64_t *handle);
void handle_table_free(struct handle_table *table);

#endif
