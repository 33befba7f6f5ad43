/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The guest's physical address space: regions with priorities, laid flat into a view.
 *
 * Regions are made, mapped and destroyed under the machine lock.  Accesses may come from any thread: the view is
 * looked up under a small lock of its own, RAM is copied under none, and a device is called under the machine
 * lock.
 */
#ifndef VMM_MEMORY_SPACE_H
#define VMM_MEMORY_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/event/lock.h"

#define MEMORY_PAGE_SHIFT 12
#define MEMORY_PAGE_SIZE  (1u << MEMORY_PAGE_SHIFT)
#define MEMORY_LENGTH_MAX (UINT64_C(1) << 46) /* of one RAM or ROM region */

struct memory_space;
struct memory_region;

enum memory_type { MEMORY_RAM = 1, MEMORY_ROM, MEMORY_MMIO, MEMORY_ALIAS };

#define MEMORY_POSTED 1u /* flags */
#define MEMORY_DIRTY  2u

/* Whose device code is on the call stack: DMA that comes back to it is dropped. */
struct memory_owner {
	unsigned busy;
};

struct memory_desc {
	enum memory_type type;
	uint32_t flags;
	unsigned size_minimum, size_maximum; /* access sizes of read and write: powers of 2, at most 8 */
	uint64_t length;
	int32_t (*read)(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value);
	int32_t (*write)(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value);
	void *self;
	uint64_t token;
	struct memory_region *target; /* ALIAS; NULL: the system's RAM at target_offset */
	uint64_t target_offset;
	struct memory_owner *owner; /* may be NULL */
	const char *name;           /* copied */
};

int memory_space_new(struct machine_lock *lock, struct memory_space **space);
/* All regions must have been destroyed. */
void memory_space_free(struct memory_space *space);
/* Called whenever direct pages that were handed out may be wrong now: a new view, or tracking began.  Any thread. */
void memory_space_watch(struct memory_space *space, void (*flush)(void *self), void *self);

/* Called when the version of a page of code (struct memory_page) was raised.  Any thread. */
void memory_space_watch_code(
	struct memory_space *space, void (*changed)(void *self, const uint32_t *version), void *self);

/* 0, -EINVAL, -ENOMEM.  Under the machine lock, as are the following. */
int memory_region_new(struct memory_space *space, const struct memory_desc *desc, struct memory_region **region);
void memory_region_free(struct memory_region *region);
int memory_region_map(struct memory_region *region, uint64_t address, int priority);
void memory_region_unmap(struct memory_region *region);
int memory_region_set_readonly(struct memory_region *region, bool readonly);
void memory_begin(struct memory_space *space);
int memory_commit(struct memory_space *space); /* -ENOMEM: the old view stays */
/* The bytes of a RAM or ROM region, from the device's side.  -EINVAL: outside. */
int memory_region_write(struct memory_region *region, uint64_t offset, const void *data, uint64_t length);
int memory_region_read(struct memory_region *region, uint64_t offset, void *data, uint64_t length);
int memory_region_dirty(struct memory_region *region, uint64_t offset, uint64_t length, uint64_t *bits, uint64_t words);
const char *memory_region_name(const struct memory_region *region);
enum memory_type memory_region_type(const struct memory_region *region);
uint64_t memory_region_length(const struct memory_region *region);
/* Host memory of a RAM or ROM region; whoever writes there calls memory_region_touch. */
uint8_t *memory_region_host(struct memory_region *region);
void memory_region_touch(struct memory_region *region, uint64_t offset, uint64_t length);

/* Accesses, from any thread.  0, or MEMORY_CODE_CHANGED, or -EAGAIN for a device's memory without the lock and
 * without MEMORY_MAY_LOCK. */
#define MEMORY_DMA          1u /* flags: by a device; dropped where its target is on the call stack */
#define MEMORY_MAY_LOCK     2u /* take the machine lock where needed (virtual CPUs) */
#define MEMORY_CODE_CHANGED 1
int memory_read(struct memory_space *space, uint64_t address, void *data, uint64_t length, unsigned flags);
int memory_write(struct memory_space *space, uint64_t address, const void *data, uint64_t length, unsigned flags);

/* What a virtual CPU may do with a page directly (vmm/cpu/bus.h says what these mean). */
struct memory_page {
	uint8_t *host;
	bool writable;
	const uint32_t *code_version;
};
void memory_page(struct memory_space *space, uint64_t address, struct memory_page *page);
/* Bytes of one page were decoded. */
void memory_code(struct memory_space *space, uint64_t address, unsigned length);

/* Longer transfers (sdk/include/vmm/memory.h). */
struct memory_map {
	struct memory_space *space;
	struct memory_region *region; /* direct: where, and where in it */
	uint64_t offset;
	void *bounce; /* else: a copy */
	uint64_t address, length;
	bool to_guest;
};
int memory_map(struct memory_space *space, uint64_t address, uint64_t length, bool to_guest, struct memory_map *map,
	void **pointer);
void memory_unmap(struct memory_map *map, uint64_t written);

/* One range of the view, for `vmm status` and logs.  false past the end.  Under the machine lock. */
struct memory_range_info {
	uint64_t first, last;
	const char *name;
	enum memory_type type;
	bool readonly;
};
bool memory_view_range(struct memory_space *space, unsigned index, struct memory_range_info *info);

#endif
