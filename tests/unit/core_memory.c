/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The guest's physical address space. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_fixture.h"
#include "vmm/memory/region.h"
#include "vmm/memory/space.h"

#define PAGE MEMORY_PAGE_SIZE

static struct machine_lock lock;
static struct memory_space *space;
static unsigned flushes;

static void flush_count(void *self)
{
	(void)self;
	flushes++;
}

static void begin(void)
{
	ck_assert_int_eq(lock_init(&lock), 0);
	lock_acquire(&lock);
	ck_assert_int_eq(memory_space_new(&lock, &space), 0);
	memory_space_watch(space, flush_count, NULL);
}

static void end(void)
{
	ck_assert_uint_eq(space->regions, 0);
	memory_space_free(space);
	lock_release(&lock);
	lock_destroy(&lock);
}

/* A device that keeps its bytes, and a list of what was done to it: "r0/4 w8/2 ". */
struct device {
	uint8_t bytes[PAGE];
	char calls[512];
	struct memory_owner owner;
	int32_t (*nested)(struct device *device);
	bool fails;
};

static int32_t device_read(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value)
{
	struct device *device = self;
	size_t length = strlen(device->calls);

	ck_assert(lock_held(&lock));
	ck_assert_uint_eq(token, 77);
	snprintf(device->calls + length, sizeof(device->calls) - length, "r%u/%u ", (unsigned)offset, size);
	if (device->nested)
		return device->nested(device);
	memcpy(value, device->bytes + offset, size);
	return device->fails ? -EIO : 0;
}

static int32_t device_write(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value)
{
	struct device *device = self;
	size_t length = strlen(device->calls);

	ck_assert(lock_held(&lock));
	ck_assert_uint_eq(token, 77);
	snprintf(device->calls + length, sizeof(device->calls) - length, "w%u/%u ", (unsigned)offset, size);
	memcpy(device->bytes + offset, &value, size);
	return 0;
}

static struct memory_region *region_make(enum memory_type type, uint64_t length, uint32_t flags)
{
	struct memory_desc desc = { .type = type, .length = length, .flags = flags, .name = "test" };
	struct memory_region *region = NULL;

	ck_assert_int_eq(memory_region_new(space, &desc, &region), 0);
	return region;
}

static struct memory_region *alias_make(struct memory_region *target, uint64_t offset, uint64_t length)
{
	struct memory_desc desc = {
		.type = MEMORY_ALIAS, .length = length, .target = target, .target_offset = offset, .name = "alias"
	};
	struct memory_region *region = NULL;

	ck_assert_int_eq(memory_region_new(space, &desc, &region), 0);
	return region;
}

static struct memory_region *device_make(struct device *device, unsigned minimum, unsigned maximum)
{
	struct memory_desc desc = { .type = MEMORY_MMIO,
		.length = sizeof(device->bytes),
		.size_minimum = minimum,
		.size_maximum = maximum,
		.read = device_read,
		.write = device_write,
		.self = device,
		.token = 77,
		.owner = &device->owner,
		.name = "device" };
	struct memory_region *region = NULL;

	ck_assert_int_eq(memory_region_new(space, &desc, &region), 0);
	return region;
}

static uint8_t byte_at(uint64_t address)
{
	uint8_t byte = 0x77;

	ck_assert_int_eq(memory_read(space, address, &byte, 1, 0), 0);
	return byte;
}

static void byte_put(uint64_t address, uint8_t byte)
{
	ck_assert_int_ge(memory_write(space, address, &byte, 1, 0), 0);
}

START_TEST(bad_descriptions)
{
	struct memory_region *region, *ram = region_make(MEMORY_RAM, PAGE, 0), *alias = alias_make(ram, 0, PAGE);
	const struct memory_desc bad[] = {
		{ .type = MEMORY_RAM },
		{ .type = MEMORY_RAM, .length = 100 },
		{ .type = MEMORY_RAM, .length = MEMORY_LENGTH_MAX + PAGE },
		{ .type = 0, .length = PAGE },
		{ .type = 9, .length = PAGE },
		{ .type = MEMORY_MMIO, .length = 4 },
		{ .type = MEMORY_MMIO, .length = 4, .read = device_read },
		{ .type = MEMORY_MMIO, .length = 4, .read = device_read, .write = device_write, .size_maximum = 3 },
		{ .type = MEMORY_MMIO, .length = 4, .read = device_read, .write = device_write, .size_maximum = 16 },
		{ .type = MEMORY_MMIO,
			.length = 4,
			.read = device_read,
			.write = device_write,
			.size_minimum = 4,
			.size_maximum = 2 },
		{ .type = MEMORY_ALIAS, .length = PAGE, .target = alias },
		{ .type = MEMORY_ALIAS, .length = 2 * PAGE, .target = ram },
		{ .type = MEMORY_ALIAS, .length = PAGE, .target = ram, .target_offset = PAGE },
		{ .type = MEMORY_ALIAS, .length = PAGE, .target_offset = UINT64_MAX - 10 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(memory_region_new(space, &bad[i], &region) == -EINVAL, "description %zu was taken", i);
	ck_assert_int_eq(memory_region_map(ram, 100, 0), -EINVAL);
	ck_assert_int_eq(memory_region_map(ram, UINT64_MAX - 0xffe, 0), -EINVAL);
	ck_assert_int_eq(memory_region_map(ram, UINT64_MAX - 0xfff, 0), 0);
	memory_region_free(alias);
	memory_region_free(ram);
}
END_TEST

START_TEST(priorities)
{
	struct memory_region *low = region_make(MEMORY_RAM, 4 * PAGE, 0), *high = region_make(MEMORY_RAM, PAGE, 0);
	struct memory_range_info info;

	memset(memory_region_host(low), 1, 4 * PAGE);
	memset(memory_region_host(high), 2, PAGE);
	memory_region_map(low, 0, 0);
	memory_region_map(high, PAGE, 1);
	ck_assert_uint_eq(byte_at(PAGE - 1), 1);
	ck_assert_uint_eq(byte_at(PAGE), 2);
	ck_assert_uint_eq(byte_at(2 * PAGE - 1), 2);
	ck_assert_uint_eq(byte_at(2 * PAGE), 1);
	/* A hole reads as ones, and takes writes without effect. */
	ck_assert_uint_eq(byte_at(4 * PAGE), 0xff);
	byte_put(4 * PAGE, 3);
	ck_assert_uint_eq(byte_at(4 * PAGE), 0xff);
	/* Mapped anew, it moves; with a lower priority it is hidden. */
	memory_region_map(high, 2 * PAGE, 1);
	ck_assert_uint_eq(byte_at(PAGE), 1);
	ck_assert_uint_eq(byte_at(2 * PAGE), 2);
	memory_region_map(high, 2 * PAGE, -1);
	ck_assert_uint_eq(byte_at(2 * PAGE), 1);
	ck_assert(memory_view_range(space, 0, &info));
	ck_assert(info.first == 0 && info.last == 4 * PAGE - 1);
	ck_assert(!memory_view_range(space, 1, &info));
	/* Of equals the later one wins. */
	memory_region_map(high, 3 * PAGE, 0);
	ck_assert_uint_eq(byte_at(3 * PAGE), 2);
	memory_region_map(low, 0, 0);
	ck_assert_uint_eq(byte_at(3 * PAGE), 1);
	/* An access across three ranges. */
	uint8_t across[2 * PAGE];

	memory_region_map(high, PAGE, 1);
	memset(across, 0, sizeof(across));
	ck_assert_int_eq(memory_read(space, PAGE - 8, across, PAGE + 16, 0), 0);
	ck_assert(across[7] == 1 && across[8] == 2 && across[PAGE + 7] == 2 && across[PAGE + 8] == 1);
	memory_region_unmap(high);
	memory_region_unmap(high);
	ck_assert_uint_eq(byte_at(PAGE), 1);
	memory_region_free(low);
	ck_assert_uint_eq(byte_at(0), 0xff);
	memory_region_free(high);
}
END_TEST

START_TEST(aliases)
{
	struct memory_region *ram = region_make(MEMORY_RAM, 4 * PAGE, 0), *more = region_make(MEMORY_RAM, PAGE, 0);
	struct memory_region *part = alias_make(ram, PAGE, 2 * PAGE), *system = alias_make(NULL, 3 * PAGE, 4 * PAGE);
	struct memory_region *early = alias_make(NULL, 10 * PAGE, 8 * PAGE);

	memory_region_map(ram, 0, 0);
	memory_region_map(part, 0x100000, 0);
	byte_put(0x100000, 5);
	ck_assert_uint_eq(byte_at(PAGE), 5);
	byte_put(3 * PAGE - 1, 6);
	ck_assert_uint_eq(byte_at(0x100000 + 2 * PAGE - 1), 6);
	/* The system's RAM, also where something lies above it, and past its end. */
	memory_region_map(system, 0x200000, 0);
	byte_put(3 * PAGE, 7);
	ck_assert_uint_eq(byte_at(0x200000), 7);
	memory_region_map(more, 3 * PAGE, 9);
	ck_assert_uint_eq(byte_at(3 * PAGE), 0);
	ck_assert_uint_eq(byte_at(0x200000), 7);
	ck_assert_uint_eq(byte_at(0x200000 + PAGE), 0xff);
	memory_region_map(more, 4 * PAGE, 0);
	memory_region_host(more)[0] = 8;
	ck_assert_uint_eq(byte_at(0x200000 + PAGE), 8);
	ck_assert_uint_eq(byte_at(0x200000 + 2 * PAGE), 0xff);
	/* RAM that begins only within the alias. */
	memory_region_map(early, 0x300000, 0);
	memory_region_map(more, 12 * PAGE, 0);
	ck_assert_uint_eq(byte_at(0x300000), 0xff);
	ck_assert_uint_eq(byte_at(0x300000 + 2 * PAGE), 8);
	ck_assert_uint_eq(byte_at(0x300000 + 3 * PAGE), 0xff);
	/* A target that goes takes its aliases with it. */
	memory_region_free(ram);
	ck_assert_uint_eq(byte_at(0x100000), 0xff);
	ck_assert_uint_eq(byte_at(0x200000), 0xff);
	memory_region_free(part);
	memory_region_free(system);
	memory_region_free(early);
	memory_region_free(more);
}
END_TEST

START_TEST(readonly)
{
	struct memory_region *ram = region_make(MEMORY_RAM, PAGE, 0), *rom = region_make(MEMORY_ROM, PAGE, 0);
	struct memory_region *alias = alias_make(ram, 0, PAGE);
	struct device device = { .calls = "" };
	struct memory_region *mmio = device_make(&device, 1, 4);

	memory_region_map(ram, 0, 0);
	memory_region_map(rom, PAGE, 0);
	memory_region_map(alias, 2 * PAGE, 0);
	byte_put(PAGE, 1);
	ck_assert_uint_eq(byte_at(PAGE), 0);
	ck_assert_int_eq(memory_region_set_readonly(alias, true), 0);
	byte_put(2 * PAGE, 1);
	ck_assert_uint_eq(byte_at(0), 0);
	byte_put(0, 2);
	ck_assert_uint_eq(byte_at(2 * PAGE), 2);
	ck_assert_int_eq(memory_region_set_readonly(alias, false), 0);
	byte_put(2 * PAGE, 3);
	ck_assert_uint_eq(byte_at(0), 3);
	ck_assert_int_eq(memory_region_set_readonly(rom, false), 0);
	byte_put(PAGE, 4);
	ck_assert_uint_eq(byte_at(PAGE), 4);
	ck_assert_int_eq(memory_region_set_readonly(mmio, true), -EINVAL);
	/* The device's side writes in any case. */
	memory_region_set_readonly(rom, true);
	ck_assert_int_eq(memory_region_write(rom, 8, "x", 1), 0);
	ck_assert_uint_eq(byte_at(PAGE + 8), 'x');
	ck_assert_int_eq(memory_region_write(rom, PAGE, "x", 1), -EINVAL);
	ck_assert_int_eq(memory_region_write(rom, UINT64_MAX, "x", 2), -EINVAL);
	ck_assert_int_eq(memory_region_read(mmio, 0, &device, 1), -EINVAL);
	memory_region_free(mmio);
	memory_region_free(alias);
	memory_region_free(rom);
	memory_region_free(ram);
}
END_TEST

/* Writes to ROM that its device traps: the offset is the ROM's, and reads stay direct. */
START_TEST(trapped)
{
	static struct device device;
	struct memory_desc desc = { .type = MEMORY_ROM,
		.length = PAGE,
		.size_minimum = 2,
		.size_maximum = 2,
		.write = device_write,
		.self = &device,
		.token = 77,
		.name = "flash" };
	struct memory_region *rom = NULL;
	uint32_t value = 0x11223344;

	/* A write smaller than the smallest needs the rest from somewhere. */
	ck_assert_int_eq(memory_region_new(space, &desc, &rom), -EINVAL);
	desc.size_minimum = 1;
	ck_assert_int_eq(memory_region_new(space, &desc, &rom), 0);
	memory_region_map(rom, 0x8000, 0);
	memory_write(space, 0x8010, &value, 4, 0);
	ck_assert_str_eq(device.calls, "w16/2 w18/2 ");
	byte_put(0x8013, 1);
	ck_assert_str_eq(device.calls, "w16/2 w18/2 w19/1 ");
	ck_assert_uint_eq(byte_at(0x8010), 0);
	memory_region_free(rom);
}
END_TEST

START_TEST(atomic_changes)
{
	struct memory_region *a = region_make(MEMORY_RAM, PAGE, 0), *b = region_make(MEMORY_RAM, PAGE, 0);

	memory_region_host(a)[0] = 1;
	memory_region_host(b)[0] = 2;
	memory_region_map(a, 0, 0);
	flushes = 0;
	memory_begin(space);
	memory_begin(space);
	memory_region_unmap(a);
	memory_region_map(b, 0, 0);
	ck_assert_uint_eq(byte_at(0), 1);
	ck_assert_int_eq(memory_commit(space), 0);
	ck_assert_uint_eq(byte_at(0), 1);
	ck_assert_uint_eq(flushes, 0);
	ck_assert_int_eq(memory_commit(space), 0);
	ck_assert_uint_eq(byte_at(0), 2);
	ck_assert_uint_eq(flushes, 1);
	/* Nothing changed: nothing to tell. */
	memory_begin(space);
	memory_commit(space);
	ck_assert_uint_eq(flushes, 1);
	/* What is destroyed in between is shown until the commit. */
	memory_begin(space);
	memory_region_free(b);
	ck_assert_uint_eq(byte_at(0), 2);
	memory_region_map(a, 0, 0);
	memory_commit(space);
	ck_assert_uint_eq(byte_at(0), 1);
	memory_region_free(a);
}
END_TEST

static void ck_dispatch(
	unsigned minimum, unsigned maximum, bool write, uint64_t offset, unsigned length, const char *wanted)
{
	static struct device device;
	uint8_t data[16], before[PAGE];
	struct memory_region *region;

	memset(&device, 0, sizeof(device));
	for (unsigned i = 0; i < sizeof(device.bytes); i++)
		device.bytes[i] = (uint8_t)(i * 3 + 1);
	memcpy(before, device.bytes, sizeof(before));
	region = device_make(&device, minimum, maximum);
	memory_region_map(region, 0x10000, 0);
	memset(data, 0xee, sizeof(data));
	if (write) {
		ck_assert_int_eq(memory_write(space, 0x10000 + offset, data, length, 0), 0);
		memset(before + offset, 0xee, length);
		ck_assert_mem_eq(before, device.bytes, sizeof(before));
	} else {
		ck_assert_int_eq(memory_read(space, 0x10000 + offset, data, length, 0), 0);
		ck_assert_mem_eq(data, device.bytes + offset, length);
		ck_assert_uint_eq(data[length], 0xee);
	}
	ck_assert_str_eq(device.calls, wanted);
	memory_region_free(region);
}

START_TEST(dispatch)
{
	ck_dispatch(1, 4, false, 8, 4, "r8/4 ");
	ck_dispatch(1, 4, true, 8, 1, "w8/1 ");
	ck_dispatch(1, 4, false, 8, 8, "r8/4 r12/4 ");
	ck_dispatch(1, 8, false, 8, 8, "r8/8 ");
	ck_dispatch(1, 4, false, 9, 4, "r9/1 r10/2 r12/1 ");
	ck_dispatch(1, 4, true, 9, 4, "w9/1 w10/2 w12/1 ");
	ck_dispatch(1, 1, true, 8, 4, "w8/1 w9/1 w10/1 w11/1 ");
	ck_dispatch(1, 2, false, 8, 3, "r8/2 r10/1 ");
	/* Widened: one read for a read, one read and one write for a write. */
	ck_dispatch(4, 4, false, 9, 1, "r8/4 ");
	ck_dispatch(4, 4, false, 10, 2, "r8/4 ");
	ck_dispatch(4, 4, true, 9, 1, "r8/4 w8/4 ");
	ck_dispatch(4, 4, true, 10, 2, "r8/4 w8/4 ");
	ck_dispatch(8, 8, true, 4, 4, "r0/8 w0/8 ");
	ck_dispatch(2, 2, true, 8, 4, "w8/2 w10/2 ");
	ck_dispatch(0, 0, false, 8, 8, "r8/4 r12/4 ");
}
END_TEST

static int32_t nested_dma(struct device *device)
{
	uint32_t value = 0;

	(void)device;
	ck_assert_int_eq(memory_write(space, 0x10000, "abcd", 4, MEMORY_DMA), 0);
	ck_assert_int_eq(memory_read(space, 0x10004, &value, 4, MEMORY_DMA), 0);
	ck_assert_uint_eq(value, UINT32_MAX);
	return -EIO;
}

static void *without_lock(void *self)
{
	uint32_t value = 0;

	(void)self;
	for (unsigned flags = 0; flags < 2; flags++) {
		ck_assert_int_eq(memory_read(space, 0x10000, &value, 4, flags), -EAGAIN);
		ck_assert_int_eq(memory_write(space, 0x10000, &value, 4, flags), -EAGAIN);
		/* RAM can be had at any time. */
		ck_assert_int_eq(memory_write(space, 0, &value, 4, flags), 0);
		ck_assert_int_eq(memory_read(space, 0, &value, 4, flags), 0);
	}
	ck_assert_int_eq(memory_read(space, 0x10000, &value, 4, MEMORY_MAY_LOCK), 0);
	ck_assert(!lock_held(&lock));
	return NULL;
}

START_TEST(locks_and_owners)
{
	static struct device device;
	struct memory_region *region = device_make(&device, 1, 4), *ram = region_make(MEMORY_RAM, PAGE, 0);
	uint32_t value = 0;
	pthread_t thread;

	memory_region_map(region, 0x10000, 0);
	memory_region_map(ram, 0, 0);
	device.fails = true;
	ck_assert_int_eq(memory_read(space, 0x10000, &value, 4, 0), 0);
	ck_assert_uint_eq(value, UINT32_MAX);
	device.fails = false;
	device.calls[0] = 0;
	device.nested = nested_dma;
	ck_assert_int_eq(memory_read(space, 0x10008, &value, 4, 0), 0);
	ck_assert_str_eq(device.calls, "r8/4 ");
	ck_assert_uint_eq(device.bytes[0], 0);
	ck_assert_uint_eq(device.owner.busy, 0);
	device.nested = NULL;
	lock_release(&lock);
	pthread_create(&thread, NULL, without_lock, NULL);
	pthread_join(thread, NULL);
	lock_acquire(&lock);
	memory_region_free(region);
	memory_region_free(ram);
}
END_TEST

START_TEST(maps)
{
	static struct device device;
	struct memory_region *mmio = device_make(&device, 1, 4), *ram = region_make(MEMORY_RAM, 2 * PAGE, MEMORY_DIRTY);
	struct memory_region *rom = region_make(MEMORY_ROM, PAGE, 0);
	struct memory_map map;
	uint64_t bits[1];
	void *pointer;

	memory_region_map(ram, 0, 0);
	memory_region_map(rom, 2 * PAGE, 0);
	memory_region_map(mmio, 0x10000, 0);
	ck_assert_int_eq(memory_map(space, 0, 0, true, &map, &pointer), -EINVAL);
	/* RAM: the bytes themselves, as far as they go; what was written is dirty. */
	ck_assert_int_eq(memory_map(space, PAGE + 16, 3 * PAGE, true, &map, &pointer), 0);
	ck_assert_uint_eq(map.length, PAGE - 16);
	ck_assert_ptr_eq(pointer, memory_region_host(ram) + PAGE + 16);
	memory_region_dirty(ram, 0, 2 * PAGE, bits, 1);
	memory_region_dirty(ram, 0, 2 * PAGE, bits, 1);
	ck_assert_uint_eq(bits[0], 0);
	memset(pointer, 9, 4);
	memory_unmap(&map, 4);
	memory_region_dirty(ram, 0, 2 * PAGE, bits, 1);
	ck_assert_uint_eq(bits[0], 2);
	/* Read only: nothing is dirty. */
	ck_assert_int_eq(memory_map(space, 0, PAGE, false, &map, &pointer), 0);
	memory_unmap(&map, PAGE);
	memory_region_dirty(ram, 0, 2 * PAGE, bits, 1);
	ck_assert_uint_eq(bits[0], 0);
	/* ROM can be read in place, but is not written. */
	ck_assert_int_eq(memory_map(space, 2 * PAGE, 16, false, &map, &pointer), 0);
	ck_assert_ptr_eq(pointer, memory_region_host(rom));
	memory_unmap(&map, 16);
	ck_assert_int_eq(memory_map(space, 2 * PAGE, 16, true, &map, &pointer), 0);
	ck_assert_ptr_ne(pointer, memory_region_host(rom));
	memset(pointer, 1, 16);
	memory_unmap(&map, 16);
	ck_assert_uint_eq(byte_at(2 * PAGE), 0);
	/* A device's memory bounces: only what was said to be written is. */
	ck_assert_int_eq(memory_map(space, 0x10000, 16, true, &map, &pointer), 0);
	memset(pointer, 3, 16);
	ck_assert_uint_eq(device.bytes[0], 0);
	memory_unmap(&map, 8);
	ck_assert(device.bytes[7] == 3 && device.bytes[8] == 0);
	ck_assert_int_eq(memory_map(space, 0x10000, 16, false, &map, &pointer), 0);
	ck_assert_uint_eq(((uint8_t *)pointer)[7], 3);
	memory_unmap(&map, 16);
	ck_assert_int_eq(memory_map(space, 0x10000, 1 << 20, true, &map, &pointer), 0);
	ck_assert_uint_eq(map.length, 65536);
	memory_unmap(&map, 0);
	memory_region_free(mmio);
	memory_region_free(rom);
	memory_region_free(ram);
}
END_TEST

START_TEST(dirty)
{
	struct memory_region *ram = region_make(MEMORY_RAM, 130 * PAGE, MEMORY_DIRTY),
			     *plain = region_make(MEMORY_RAM, PAGE, 0);
	uint64_t bits[3];
	struct memory_page page;

	memory_region_map(ram, 0, 0);
	ck_assert_int_eq(memory_region_dirty(plain, 0, PAGE, bits, 3), -EINVAL);
	ck_assert_int_eq(memory_region_dirty(ram, 1, PAGE, bits, 3), -EINVAL);
	ck_assert_int_eq(memory_region_dirty(ram, 0, 131 * PAGE, bits, 3), -EINVAL);
	ck_assert_int_eq(memory_region_dirty(ram, 0, 130 * PAGE, bits, 2), -EINVAL);
	ck_assert_int_eq(memory_region_dirty(ram, 0, 130 * PAGE, bits, 3), 0);
	ck_assert(bits[0] == UINT64_MAX && bits[1] == UINT64_MAX && bits[2] == 3);
	memory_page(space, 0, &page);
	ck_assert_ptr_nonnull(page.host);
	ck_assert(!page.writable);
	flushes = 0;
	ck_assert_int_eq(memory_region_dirty(ram, 0, 130 * PAGE, bits, 3), 0);
	ck_assert(!bits[0] && !bits[1] && !bits[2]);
	ck_assert_uint_eq(flushes, 0);
	memory_write(space, 64 * PAGE - 2, "abcd", 4, 0);
	memory_page(space, 64 * PAGE, &page);
	ck_assert(page.writable);
	ck_assert_int_eq(memory_region_dirty(ram, 63 * PAGE, 2 * PAGE, bits, 3), 0);
	ck_assert_uint_eq(bits[0], 3);
	/* Tracking began anew: direct pages that were handed out are wrong now. */
	ck_assert_uint_eq(flushes, 1);
	memory_region_free(plain);
	memory_region_free(ram);
}
END_TEST

START_TEST(code)
{
	struct memory_region *ram = region_make(MEMORY_RAM, 2 * PAGE, 0);
	struct memory_page page;

	memory_region_map(ram, PAGE, 0);
	memory_page(space, PAGE, &page);
	ck_assert(page.host == memory_region_host(ram) && page.writable);
	uint32_t version = *page.code_version;

	memory_code(space, PAGE + 60, 8); /* lines 0 and 1 */
	memory_page(space, PAGE, &page);
	ck_assert(!page.writable);
	ck_assert_int_eq(memory_write(space, PAGE + 128, "x", 1, 0), 0);
	ck_assert_int_eq(memory_write(space, 2 * PAGE, "x", 1, 0), 0);
	ck_assert_uint_eq(*page.code_version, version);
	ck_assert_int_eq(memory_write(space, PAGE + 127, "x", 1, 0), MEMORY_CODE_CHANGED);
	ck_assert_uint_ne(*page.code_version, version);
	memory_page(space, PAGE, &page);
	ck_assert(page.writable);
	version = *page.code_version;
	ck_assert_int_eq(memory_write(space, PAGE + 127, "x", 1, 0), 0);
	/* By a write that begins before, by the device's side, and by touch. */
	memory_code(space, PAGE + 4000, 200); /* to the page's end at most */
	ck_assert_int_eq(memory_write(space, 2 * PAGE + 40, "x", 1, 0), 0);
	ck_assert_int_eq(memory_write(space, PAGE + 3967, "xy", 2, 0), MEMORY_CODE_CHANGED);
	memory_code(space, PAGE, 1);
	memory_region_write(ram, 63, "x", 1);
	ck_assert_uint_eq(*page.code_version, version + 2);
	memory_code(space, PAGE, 1);
	memory_region_touch(ram, 0, 2 * PAGE);
	ck_assert_uint_eq(*page.code_version, version + 3);
	/* Holes and devices have no pages to give. */
	memory_page(space, 0, &page);
	ck_assert_ptr_null(page.host);
	memory_code(space, 0, 4);
	memory_region_free(ram);
}
END_TEST

START_TEST(top_of_space)
{
	struct memory_region *top = region_make(MEMORY_RAM, PAGE, 0), *bottom = region_make(MEMORY_RAM, PAGE, 0);
	uint8_t two[2] = { 0 };

	memory_region_map(top, UINT64_MAX - (PAGE - 1), 0);
	memory_region_map(bottom, 0, 0);
	byte_put(UINT64_MAX, 1);
	byte_put(0, 2);
	ck_assert_int_eq(memory_read(space, UINT64_MAX, two, 2, 0), 0);
	ck_assert(two[0] == 1 && two[1] == 2);
	ck_assert_int_eq(memory_write(space, UINT64_MAX, "ab", 2, 0), 0);
	ck_assert(byte_at(UINT64_MAX) == 'a' && byte_at(0) == 'b');
	memory_region_free(top);
	ck_assert_int_eq(memory_read(space, UINT64_MAX, two, 2, 0), 0);
	ck_assert(two[0] == 0xff && two[1] == 'b');
	memory_region_free(bottom);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_memory");
	TCase *cases = tcase_create("memory");

	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_test(cases, bad_descriptions);
	tcase_add_test(cases, priorities);
	tcase_add_test(cases, aliases);
	tcase_add_test(cases, readonly);
	tcase_add_test(cases, trapped);
	tcase_add_test(cases, atomic_changes);
	tcase_add_test(cases, dispatch);
	tcase_add_test(cases, locks_and_owners);
	tcase_add_test(cases, maps);
	tcase_add_test(cases, dirty);
	tcase_add_test(cases, code);
	tcase_add_test(cases, top_of_space);
	suite_add_tcase(suite, cases);
	return fixture_run(suite);
}
