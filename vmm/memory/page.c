/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/memory/region.h"

static void *pages_map(uint64_t length)
{
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void pages_unmap(void *memory, uint64_t length)
{
	if (memory)
		munmap(memory, length);
}

int memory_pages_new(struct memory_region *region)
{
	uint64_t length = region->desc.length;

	region->pages = length >> MEMORY_PAGE_SHIFT;
	region->host = pages_map(length);
	region->state = pages_map(region->pages);
	region->version = pages_map(region->pages * sizeof(uint32_t));
	region->lines = pages_map(region->pages * sizeof(uint64_t));
	if (!region->host || !region->state || !region->version || !region->lines) {
		memory_pages_free(region);
		return -ENOMEM;
	}
	/* Small regions would waste a huge page each. */
	if (length >= (UINT64_C(4) << 20))
		madvise(region->host, length, MADV_HUGEPAGE);
	return 0;
}

void memory_pages_free(struct memory_region *region)
{
	pages_unmap(region->host, region->desc.length);
	pages_unmap(region->state, region->pages);
	pages_unmap(region->version, region->pages * sizeof(uint32_t));
	pages_unmap(region->lines, region->pages * sizeof(uint64_t));
	region->host = NULL;
	region->state = NULL;
	region->version = NULL;
	region->lines = NULL;
}

/* Lines of 64 bytes that [first, last] of one page touches. */
static uint64_t lines_of(unsigned first, unsigned last)
{
	return (UINT64_MAX << (first >> 6)) & (UINT64_MAX >> (63 - (last >> 6)));
}

static bool page_touch(struct memory_region *region, uint64_t page, uint64_t lines)
{
	uint8_t state = __atomic_load_n(&region->state[page], __ATOMIC_ACQUIRE);
	bool code = false;

	if (state & PAGE_TRACKED)
		__atomic_fetch_and(&region->state[page], (uint8_t)~PAGE_TRACKED, __ATOMIC_RELEASE);
	if ((state & PAGE_CODE) && (__atomic_load_n(&region->lines[page], __ATOMIC_ACQUIRE) & lines)) {
		/* All blocks of the page end here: those of other lines are decoded again, which is rare. */
		__atomic_store_n(&region->lines[page], 0, __ATOMIC_RELEASE);
		__atomic_fetch_and(&region->state[page], (uint8_t)~PAGE_CODE, __ATOMIC_RELEASE);
		__atomic_fetch_add(&region->version[page], 1, __ATOMIC_ACQ_REL);
		if (region->space->code)
			region->space->code(region->space->code_self, &region->version[page]);
		code = true;
	}
	return code;
}

bool memory_pages_touch(struct memory_region *region, uint64_t offset, uint64_t length)
{
	bool code = false;

	if (!length)
		return false;
	/* The bytes were written before this: whoever decodes marks first, then reads, so that one of the two
	 * sees the other. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	uint64_t end = offset + length - 1;

	for (uint64_t page = offset >> MEMORY_PAGE_SHIFT; page <= end >> MEMORY_PAGE_SHIFT; page++) {
		uint64_t start = page << MEMORY_PAGE_SHIFT;

		if (!__atomic_load_n(&region->state[page], __ATOMIC_RELAXED))
			continue;
		unsigned first = offset > start ? (unsigned)(offset - start) : 0;
		unsigned last = end - start < MEMORY_PAGE_SIZE ? (unsigned)(end - start) : MEMORY_PAGE_SIZE - 1;

		code |= page_touch(region, page, lines_of(first, last));
	}
	return code;
}

void memory_region_touch(struct memory_region *region, uint64_t offset, uint64_t length)
{
	memory_pages_touch(region, offset, length);
}

void memory_page(struct memory_space *space, uint64_t address, struct memory_page *page)
{
	struct memory_range range;

	page->host = NULL;
	page->writable = false;
	page->code_version = NULL;
	/* A range that ends or begins within the page cannot be given away whole. */
	if (!memory_view_find(space, address, &range) || !range.region->host ||
		range.last - address < MEMORY_PAGE_SIZE - 1)
		return;
	uint64_t offset = range.offset + (address - range.first);

	if (offset & (MEMORY_PAGE_SIZE - 1))
		return;
	uint64_t index = offset >> MEMORY_PAGE_SHIFT;

	page->host = range.region->host + offset;
	page->code_version = &range.region->version[index];
	page->writable = !range.readonly && !__atomic_load_n(&range.region->state[index], __ATOMIC_ACQUIRE);
}

void memory_code(struct memory_space *space, uint64_t address, unsigned length)
{
	struct memory_range range;

	if (!length || !memory_view_find(space, address, &range) || !range.region->host)
		return;
	uint64_t offset = range.offset + (address - range.first);
	uint64_t page = offset >> MEMORY_PAGE_SHIFT;
	unsigned first = (unsigned)(offset & (MEMORY_PAGE_SIZE - 1));
	unsigned last = first + length - 1 < MEMORY_PAGE_SIZE ? first + length - 1 : MEMORY_PAGE_SIZE - 1;

	__atomic_fetch_or(&range.region->lines[page], lines_of(first, last), __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&range.region->state[page], (uint8_t)PAGE_CODE, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

int memory_region_dirty(struct memory_region *region, uint64_t offset, uint64_t length, uint64_t *bits, uint64_t words)
{
	bool tracked = false;

	if (!region->host || !(region->desc.flags & MEMORY_DIRTY) || (offset & (MEMORY_PAGE_SIZE - 1)) ||
		offset > region->desc.length || length > region->desc.length - offset ||
		(length + MEMORY_PAGE_SIZE - 1) >> MEMORY_PAGE_SHIFT > words * 64)
		return -EINVAL;
	memset(bits, 0, words * sizeof(*bits));
	uint64_t first = offset >> MEMORY_PAGE_SHIFT;
	uint64_t count = (length + MEMORY_PAGE_SIZE - 1) >> MEMORY_PAGE_SHIFT;

	for (uint64_t i = 0; i < count; i++) {
		if (__atomic_load_n(&region->state[first + i], __ATOMIC_ACQUIRE) & PAGE_TRACKED)
			continue;
		bits[i / 64] |= UINT64_C(1) << (i % 64);
		__atomic_fetch_or(&region->state[first + i], (uint8_t)PAGE_TRACKED, __ATOMIC_SEQ_CST);
		tracked = true;
	}
	if (tracked)
		memory_space_flush(region->space);
	return 0;
}
