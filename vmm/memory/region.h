/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Inside vmm/memory: a region and the view. */
#ifndef VMM_MEMORY_REGION_H
#define VMM_MEMORY_REGION_H

#include "vmm/memory/space.h"

/* One state byte a page (docs/engine.md). */
#define PAGE_CODE    1u /* holds bytes that were decoded: `lines` says which */
#define PAGE_TRACKED 2u /* not written since its dirty bit was fetched */

struct memory_region {
	struct memory_space *space;
	struct memory_desc desc;
	char *name;
	bool mapped, readonly;
	uint64_t address;
	int priority;
	uint64_t order;             /* of mapping */
	struct memory_region *next; /* mapped regions */

	/* RAM and ROM.  One array element a page; the arrays are mapped, so that untouched ones cost nothing. */
	uint8_t *host;
	uint64_t pages;
	uint8_t *state;    /* atomic */
	uint32_t *version; /* atomic: code_version of struct cpu_page */
	uint64_t *lines;   /* atomic: 64-byte lines that hold decoded bytes */
};

/* A piece of the view: [first, last] shows `region` (never an alias) from `offset` on. */
struct memory_range {
	uint64_t first, last;
	struct memory_region *region;
	struct memory_region *writer; /* whose ops take writes to a read-only range */
	uint64_t offset;
	bool readonly;
};

struct memory_view {
	unsigned count;
	struct memory_range ranges[];
};

struct memory_space {
	struct machine_lock *lock;
	pthread_mutex_t view_mutex; /* a leaf: of `view` */
	struct memory_view *view;
	struct memory_region *mapped;
	struct memory_region *freed; /* that the present view may still show */
	unsigned depth;              /* of begin */
	bool changed;
	uint64_t order;
	unsigned regions;
	void (*flush)(void *self);
	void *flush_self;
	void (*code)(void *self, const uint32_t *version);
	void *code_self;
};

/* Build the view anew from the mapped regions (view.c). */
struct memory_view *memory_view_build(struct memory_space *space);
/* The range at an address: true and *range, or false and the hole's last address in range->last. */
bool memory_view_find(struct memory_space *space, uint64_t address, struct memory_range *range);
int memory_pages_new(struct memory_region *region);
void memory_pages_free(struct memory_region *region);
/* Bytes were written: code and dirty tracking.  True if decoded bytes changed. */
bool memory_pages_touch(struct memory_region *region, uint64_t offset, uint64_t length);
void memory_space_flush(struct memory_space *space);

#endif
