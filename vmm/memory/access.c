/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Accesses to the address space that are not direct. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/memory/region.h"

#define BOUNCE_MAX 65536u

/* The next piece of a device access: a power of two, aligned, at most what the device takes. */
static unsigned piece_size(const struct memory_desc *desc, uint64_t offset, uint64_t length)
{
	unsigned size = desc->size_maximum;

	while (size > 1 && (size > length || (offset & (size - 1))))
		size >>= 1;
	return size;
}

static uint64_t device_read(const struct memory_desc *desc, uint64_t offset, unsigned size)
{
	uint64_t value = 0;

	if (desc->read(desc->self, desc->token, offset, size, &value) < 0)
		return UINT64_MAX;
	return value;
}

/* A piece that is smaller than the device's smallest access touches the whole of that, once. */
static uint64_t piece_read(const struct memory_desc *desc, uint64_t offset, unsigned size)
{
	unsigned minimum = desc->size_minimum;

	if (size >= minimum)
		return device_read(desc, offset, size);
	return device_read(desc, offset & ~(uint64_t)(minimum - 1), minimum) >> (8 * (offset & (minimum - 1)));
}

static void piece_write(const struct memory_desc *desc, uint64_t offset, unsigned size, uint64_t value)
{
	unsigned minimum = desc->size_minimum;

	if (size < minimum) {
		uint64_t base = offset & ~(uint64_t)(minimum - 1);
		unsigned shift = 8 * (unsigned)(offset & (minimum - 1));
		uint64_t mask = ((UINT64_C(1) << (8 * size)) - 1) << shift;

		value = (device_read(desc, base, minimum) & ~mask) | ((value << shift) & mask);
		offset = base;
		size = minimum;
	}
	desc->write(desc->self, desc->token, offset, size, value);
}

static int device_access(struct memory_space *space, struct memory_region *region, uint64_t offset, uint8_t *data,
	uint64_t length, bool write, unsigned flags)
{
	const struct memory_desc *desc = &region->desc;

	if ((flags & MEMORY_DMA) && desc->owner && lock_held(space->lock) && desc->owner->busy) {
		if (!write)
			memset(data, 0xff, length);
		return 0;
	}
	if (!lock_held(space->lock) && !(flags & MEMORY_MAY_LOCK))
		return -EAGAIN;
	lock_acquire(space->lock);
	if (desc->owner)
		desc->owner->busy++;
	while (length) {
		unsigned size = piece_size(desc, offset, length);
		uint64_t value = 0;

		if (write) {
			memcpy(&value, data, size);
			piece_write(desc, offset, size, value);
		} else {
			value = piece_read(desc, offset, size);
			memcpy(data, &value, size);
		}
		offset += size;
		data += size;
		length -= size;
	}
	if (desc->owner)
		desc->owner->busy--;
	lock_release(space->lock);
	return 0;
}

/* Small aligned accesses must not be torn where another CPU watches. */
static void ram_copy(void *to, const void *from, uint64_t length, const void *guest)
{
	if (length <= 8 && !(length & (length - 1)) && !((uintptr_t)guest & (length - 1))) {
		switch (length) {
		case 1: *(volatile uint8_t *)to = *(const volatile uint8_t *)from; return;
		case 2: {
			uint16_t value;
			if (guest == to) {
				memcpy(&value, from, 2);
				__atomic_store_n((uint16_t *)to, value, __ATOMIC_RELEASE);
			} else {
				value = __atomic_load_n((const uint16_t *)from, __ATOMIC_ACQUIRE);
				memcpy(to, &value, 2);
			}
			return;
		}
		case 4: {
			uint32_t value;
			if (guest == to) {
				memcpy(&value, from, 4);
				__atomic_store_n((uint32_t *)to, value, __ATOMIC_RELEASE);
			} else {
				value = __atomic_load_n((const uint32_t *)from, __ATOMIC_ACQUIRE);
				memcpy(to, &value, 4);
			}
			return;
		}
		case 8: {
			uint64_t value;
			if (guest == to) {
				memcpy(&value, from, 8);
				__atomic_store_n((uint64_t *)to, value, __ATOMIC_RELEASE);
			} else {
				value = __atomic_load_n((const uint64_t *)from, __ATOMIC_ACQUIRE);
				memcpy(to, &value, 8);
			}
			return;
		}
		default: break;
		}
	}
	memcpy(to, from, length);
}

static int memory_access(
	struct memory_space *space, uint64_t address, uint8_t *data, uint64_t length, bool write, unsigned flags)
{
	int status = 0;

	while (length) {
		struct memory_range range;
		bool found = memory_view_find(space, address, &range);
		uint64_t here = range.last - address < length - 1 ? range.last - address + 1 : length;
		int error = 0;

		if (!found) {
			if (!write)
				memset(data, 0xff, here);
		} else {
			uint64_t offset = range.offset + (address - range.first);
			uint8_t *host = range.region->host ? range.region->host + offset : NULL;

			if (host && !write) {
				ram_copy(data, host, here, host);
			} else if (host && !range.readonly) {
				ram_copy(host, data, here, host);
				if (memory_pages_touch(range.region, offset, here))
					status = MEMORY_CODE_CHANGED;
			} else if (!host || range.writer->desc.write) {
				struct memory_region *target = host ? range.writer : range.region;
				uint64_t at = target == range.region ? offset : address - target->address;

				error = device_access(space, target, at, data, here, write, flags);
			}
		}
		if (error)
			return error;
		address += here;
		data += here;
		length -= here;
	}
	return status;
}

int memory_read(struct memory_space *space, uint64_t address, void *data, uint64_t length, unsigned flags)
{
	return memory_access(space, address, data, length, false, flags);
}

int memory_write(struct memory_space *space, uint64_t address, const void *data, uint64_t length, unsigned flags)
{
	/* A write only reads the data. */
	return memory_access(space, address, (uint8_t *)(uintptr_t)data, length, true, flags);
}

int memory_map(struct memory_space *space, uint64_t address, uint64_t length, bool to_guest, struct memory_map *map,
	void **pointer)
{
	struct memory_range range;

	if (!length)
		return -EINVAL;
	*map = (struct memory_map){ .space = space, .address = address, .to_guest = to_guest };
	if (memory_view_find(space, address, &range) && range.region->host && !(to_guest && range.readonly)) {
		uint64_t here = range.last - address < length - 1 ? range.last - address + 1 : length;

		map->region = range.region;
		map->offset = range.offset + (address - range.first);
		map->length = here;
		*pointer = range.region->host + map->offset;
		return 0;
	}
	map->length = length < BOUNCE_MAX ? length : BOUNCE_MAX;
	map->bounce = malloc(map->length);
	if (!map->bounce)
		return -ENOMEM;
	int error = memory_read(space, address, map->bounce, to_guest ? 0 : map->length, MEMORY_DMA);

	if (error < 0) {
		free(map->bounce);
		return error;
	}
	*pointer = map->bounce;
	return 0;
}

void memory_unmap(struct memory_map *map, uint64_t written)
{
	if (written > map->length)
		written = map->length;
	if (map->region) {
		if (map->to_guest)
			memory_pages_touch(map->region, map->offset, written);
		return;
	}
	if (map->to_guest)
		memory_write(map->space, map->address, map->bounce, written, MEMORY_DMA);
	free(map->bounce);
}
