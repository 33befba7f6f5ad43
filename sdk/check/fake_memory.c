/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.memory/1 and vmm.region/1.
 */
#include "fake_host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct fake_region *region_at(struct fake *fake, uint64_t address)
{
	struct fake_region *best = NULL;
	for (uint32_t i = 0; i < FAKE_REGIONS; i++) {
		struct fake_region *region = &fake->regions[i];
		if (!region->used || !region->mapped || address - region->address >= region->desc.length)
			continue;
		if (region->priority < 0 && address < FAKE_RAM)
			continue;
		if (best == NULL || region->priority >= best->priority)
			best = region;
	}
	return best;
}

/* Where a byte is kept; NULL: in a device, or nowhere. */
static uint8_t *byte_at(struct fake *fake, uint64_t address, struct fake_region **device)
{
	struct fake_region *region = region_at(fake, address);
	*device = NULL;
	if (region == NULL)
		return address < FAKE_RAM ? fake->ram + address : NULL;
	uint64_t offset = address - region->address;
	if (region->desc.type == VMM_REGION_ALIAS) {
		if (region->desc.target == 0)
			return region->desc.target_offset + offset < FAKE_RAM
				? fake->ram + region->desc.target_offset + offset
				: NULL;
		offset += region->desc.target_offset;
		region = &fake->regions[(region->desc.target & 0xffff) - 1];
	}
	if (region->bytes != NULL)
		return region->bytes + offset;
	*device = region;
	return NULL;
}

/* The region that keeps a byte's memory, through aliases; offset is changed to be in it. */
static struct fake_region *kept_in(struct fake *fake, struct fake_region *region, uint64_t *offset)
{
	if (region == NULL || region->desc.type != VMM_REGION_ALIAS || region->desc.target == 0)
		return region;
	*offset += region->desc.target_offset;
	return &fake->regions[(region->desc.target & 0xffff) - 1];
}

/* Writes reach RAM, and system RAM through an alias, unless they were made read-only. */
static uint32_t takes_writes(const struct fake_region *shown, const struct fake_region *kept)
{
	if (shown == NULL)
		return 1;
	if (shown->readonly || kept->readonly)
		return 0;
	return kept->desc.type == VMM_REGION_RAM || kept->desc.type == VMM_REGION_ALIAS;
}

static void dirty_mark(struct fake_region *region, uint64_t offset, uint64_t length)
{
	for (uint64_t page = offset >> 12; region->dirty != NULL && length > 0 && page <= (offset + length - 1) >> 12;
		page++)
		region->dirty[page] = 1;
}

static void ram_written(struct fake *fake, const uint8_t *at, uint64_t length)
{
	uint64_t first = (uint64_t)(at - fake->ram);
	for (uint64_t i = first >> 16; length > 0 && i <= (first + length - 1) >> 16; i++)
		fake->written[i] = 1;
}

void fake_ram_copy(struct fake *to, const struct fake *from)
{
	for (uint64_t i = 0; i < FAKE_RAM >> 16; i++) {
		if (!to->written[i] && !from->written[i])
			continue;
		memcpy(to->ram + (i << 16), from->ram + (i << 16), 1 << 16);
		to->written[i] = 1;
	}
}

/* How much from here on is RAM (1) or nothing (0) in one piece, with no region over it; else -1. */
static int32_t plain(struct fake *fake, uint64_t address, uint64_t length)
{
	if (length == 0 || address + length < address || (address < FAKE_RAM && length > FAKE_RAM - address))
		return -1;
	for (uint32_t i = 0; i < FAKE_REGIONS; i++) {
		const struct fake_region *region = &fake->regions[i];
		if (region->used && region->mapped && region->address < address + length &&
			address < region->address + region->desc.length)
			return -1;
	}
	return address < FAKE_RAM;
}

/* Would the host pass an access of this length to the device in one piece? */
static uint32_t is_access(const struct fake_region *device, uint64_t length)
{
	uint32_t most = device->desc.size_maximum != 0 ? device->desc.size_maximum : 4;
	return length <= most && (length & (length - 1)) == 0;
}

void fake_read(struct fake *fake, uint64_t address, void *data, uint64_t length)
{
	uint8_t *bytes = data;
	struct fake_region *device;
	uint64_t value = UINT64_MAX;
	int32_t kind = plain(fake, address, length);
	if (kind == 1)
		memcpy(data, fake->ram + address, length);
	else if (kind == 0)
		memset(data, 0xff, length);
	if (kind >= 0)
		return;
	if (byte_at(fake, address, &device) == NULL && device != NULL && is_access(device, length)) {
		device->desc.ops->read(
			device->desc.self, device->desc.token, address - device->address, (uint32_t)length, &value);
		memcpy(data, &value, length);
		return;
	}
	for (uint64_t i = 0; i < length; i++) {
		uint8_t *at = byte_at(fake, address + i, &device);
		bytes[i] = at != NULL ? *at : 0xff;
	}
}

void fake_write(struct fake *fake, uint64_t address, const void *data, uint64_t length)
{
	const uint8_t *bytes = data;
	struct fake_region *device;
	uint64_t value = 0;
	int32_t kind = plain(fake, address, length);
	if (kind == 1) {
		memcpy(fake->ram + address, data, length);
		ram_written(fake, fake->ram + address, length);
	}
	if (kind >= 0)
		return;
	if (byte_at(fake, address, &device) == NULL && device != NULL && is_access(device, length)) {
		memcpy(&value, data, length);
		device->desc.ops->write(
			device->desc.self, device->desc.token, address - device->address, (uint32_t)length, value);
		return;
	}
	for (uint64_t i = 0; i < length; i++) {
		struct fake_region *region = region_at(fake, address + i);
		uint64_t offset = region != NULL ? address + i - region->address : 0;
		uint8_t *at = byte_at(fake, address + i, &device);
		struct fake_region *kept = kept_in(fake, region, &offset);
		if (at == NULL || !takes_writes(region, kept))
			continue;
		*at = bytes[i];
		if (kept != NULL)
			dirty_mark(kept, offset, 1);
		if (at >= fake->ram && at < fake->ram + FAKE_RAM)
			ram_written(fake, at, 1);
	}
}

static uint32_t own_region(struct fake *fake, uint64_t address, const struct fake_instance *instance)
{
	struct fake_region *device;
	return byte_at(fake, address, &device) == NULL && device != NULL && device->owner == instance;
}

static int32_t memory_read(void *context, uint64_t address, void *data, uint64_t length)
{
	struct fake *fake = fake_enter_any(context, __func__);
	/* A device that reaches itself is already on the call stack: nothing happens. */
	if (own_region(fake, address, context))
		memset(data, 0xff, length);
	else
		fake_read(fake, address, data, length);
	return 0;
}

static int32_t memory_write(void *context, uint64_t address, const void *data, uint64_t length)
{
	struct fake *fake = fake_enter_any(context, __func__);
	if (!own_region(fake, address, context))
		fake_write(fake, address, data, length);
	return 0;
}

static int32_t memory_map(
	void *context, uint64_t address, uint64_t *length, uint32_t direction, vmm_handle *map, void **pointer)
{
	struct fake *fake = fake_enter_any(context, __func__);
	(void)direction;
	if (address >= FAKE_RAM || *length == 0 || fake_fails(fake))
		return -ENOMEM;
	/* A map may come back shorter: always so here beyond a page, so that nobody forgets it. */
	if (*length > 4096 - address % 4096)
		*length = 4096 - address % 4096;
	for (uint32_t i = 0; i < FAKE_MAPS; i++) {
		if (fake->maps[i].used)
			continue;
		fake->maps[i] = (struct fake_map){ context, 1, address, *length };
		*map = fake_handle(FAKE_MAP, i);
		*pointer = fake->ram + address;
		ram_written(fake, fake->ram + address, *length);
		return 0;
	}
	return -ENOMEM;
}

static void memory_unmap(void *context, vmm_handle map, uint64_t written)
{
	struct fake *fake = fake_enter_any(context, __func__);
	int32_t index = fake_index(context, FAKE_MAP, map, __func__);
	if (index < 0)
		return;
	if (written > fake->maps[index].length)
		fake_fault(context, "memory.unmap: %llu bytes written to a map of %llu", (unsigned long long)written,
			(unsigned long long)fake->maps[index].length);
	fake->maps[index].used = 0;
}

const struct vmm_memory_service fake_memory_service = {
	.struct_size = sizeof(struct vmm_memory_service),
	.read = memory_read,
	.write = memory_write,
	.map = memory_map,
	.unmap = memory_unmap,
};

static int32_t region_create(void *context, const struct vmm_region_desc *desc, vmm_handle *region)
{
	struct fake *fake = fake_enter(context, __func__);
	if (fake_fails(fake))
		return -ENOMEM;
	if (desc->type < VMM_REGION_RAM || desc->type > VMM_REGION_ALIAS || desc->length == 0 ||
		(desc->type != VMM_REGION_MMIO && desc->length % 4096 != 0) ||
		(desc->type == VMM_REGION_MMIO && desc->ops == NULL))
		return -EINVAL;
	for (uint32_t i = 0; i < FAKE_REGIONS; i++) {
		struct fake_region *entry = &fake->regions[i];
		if (entry->used)
			continue;
		memset(entry, 0, sizeof(*entry));
		entry->owner = context;
		entry->used = 1;
		memcpy(&entry->desc, desc,
			desc->struct_size < sizeof(entry->desc) ? desc->struct_size : sizeof(entry->desc));
		if (desc->type == VMM_REGION_RAM || desc->type == VMM_REGION_ROM)
			entry->bytes = calloc(1, desc->length);
		if (desc->type == VMM_REGION_RAM && (desc->flags & VMM_REGION_DIRTY) != 0) {
			entry->dirty = malloc(desc->length >> 12);
			memset(entry->dirty, 1, desc->length >> 12);
		}
		*region = fake_handle(FAKE_REGION, i);
		return 0;
	}
	return -ENOMEM;
}

static void region_destroy(void *context, vmm_handle region)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_REGION, region, __func__);
	if (index < 0)
		return;
	struct fake_region *entry = &fake->regions[index];
	free(entry->bytes);
	free(entry->dirty);
	memset(entry, 0, sizeof(*entry));
}

static int32_t region_map(void *context, vmm_handle region, uint64_t address, int32_t priority)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_REGION, region, __func__);
	if (index < 0)
		return -EINVAL;
	struct fake_region *entry = &fake->regions[index];
	entry->mapped = 1;
	entry->address = address;
	entry->priority = priority;
	return 0;
}

static void region_unmap(void *context, vmm_handle region)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_REGION, region, __func__);
	if (index < 0)
		return;
	fake->regions[index].mapped = 0;
}

static void region_nothing(void *context)
{
	(void)context;
}

static int32_t region_readonly(void *context, vmm_handle region, uint32_t readonly)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_REGION, region, __func__);
	if (index < 0)
		return -EINVAL;
	fake->regions[index].readonly = readonly != 0;
	return 0;
}

static int32_t region_write(void *context, vmm_handle region, uint64_t offset, const void *data, uint64_t length)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_REGION, region, __func__);
	if (index < 0)
		return -EINVAL;
	struct fake_region *entry = &fake->regions[index];
	if (entry->bytes == NULL || offset > entry->desc.length || length > entry->desc.length - offset)
		return -EINVAL;
	memcpy(entry->bytes + offset, data, length);
	dirty_mark(entry, offset, length);
	return 0;
}

static int32_t region_read(void *context, vmm_handle region, uint64_t offset, void *data, uint64_t length)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_REGION, region, __func__);
	if (index < 0)
		return -EINVAL;
	struct fake_region *entry = &fake->regions[index];
	if (entry->bytes == NULL || offset > entry->desc.length || length > entry->desc.length - offset)
		return -EINVAL;
	memcpy(data, entry->bytes + offset, length);
	return 0;
}

static int32_t region_dirty(
	void *context, vmm_handle region, uint64_t offset, uint64_t length, uint64_t *bits, uint64_t words)
{
	struct fake *fake = fake_enter(context, __func__);
	int32_t index = fake_index(context, FAKE_REGION, region, __func__);
	if (index < 0)
		return -EINVAL;
	struct fake_region *entry = &fake->regions[index];
	if (entry->dirty == NULL || offset % 4096 != 0 || offset > entry->desc.length ||
		length > entry->desc.length - offset || (length + 4095) >> 12 > words * 64) {
		fake_fault(context, "region.dirty_fetch of %llu bytes at %#llx into %llu words",
			(unsigned long long)length, (unsigned long long)offset, (unsigned long long)words);
		return -EINVAL;
	}
	memset(bits, 0, words * 8);
	for (uint64_t i = 0; i < (length + 4095) >> 12; i++) {
		bits[i / 64] |= (uint64_t)entry->dirty[(offset >> 12) + i] << (i % 64);
		entry->dirty[(offset >> 12) + i] = 0;
	}
	return 0;
}

const struct vmm_region_service fake_region_service = {
	.struct_size = sizeof(struct vmm_region_service),
	.create = region_create,
	.destroy = region_destroy,
	.map = region_map,
	.unmap = region_unmap,
	.begin = region_nothing,
	.commit = region_nothing,
	.set_readonly = region_readonly,
	.write = region_write,
	.read = region_read,
	.dirty_fetch = region_dirty,
};
