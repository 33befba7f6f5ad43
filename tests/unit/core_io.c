/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* I/O ports and their claims; and the memory view against a model that looks at each place by itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_fixture.h"
#include "vmm/memory/io.h"
#include "vmm/memory/region.h"

static struct machine_lock lock;
static struct io_space *io;
static char calls[1024];
static struct io_claim *released;

static int32_t port_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	size_t length = strlen(calls);

	(void)self;
	ck_assert(lock_held(&lock));
	snprintf(calls + length, sizeof(calls) - length, "%cr%u/%u ", (char)token, offset, size);
	*value = 0x11111111u * (uint32_t)(token & 15);
	if (released) {
		io_claim_free(released);
		released = NULL;
	}
	return 0;
}

static int32_t port_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	size_t length = strlen(calls);

	(void)self;
	snprintf(calls + length, sizeof(calls) - length, "%cw%u/%u=%x ", (char)token, offset, size, value);
	if (released) {
		io_claim_free(released);
		released = NULL;
	}
	return 0;
}

static struct memory_owner owner;

static int claim_try(char name, uint32_t port, uint32_t count, uint32_t sizes, int priority, struct io_claim **claim)
{
	const char *holder = NULL;
	struct io_desc desc = { port, count, sizes, priority, port_read, port_write, NULL, (uint64_t)name, &owner,
		"holder" };
	int status = io_claim_new(io, &desc, claim, &holder);

	if (status == -EBUSY)
		ck_assert_str_eq(holder, "holder");
	return status;
}

static struct io_claim *claim_make(char name, uint32_t port, uint32_t count, uint32_t sizes, int priority)
{
	struct io_claim *claim = NULL;

	ck_assert_int_eq(claim_try(name, port, count, sizes, priority, &claim), 0);
	ck_assert_uint_eq(io_claim_count(claim), count);
	return claim;
}

static void ck_read(uint16_t port, unsigned size, uint32_t value, const char *wanted)
{
	calls[0] = 0;
	ck_assert_uint_eq(io_space_read(io, port, size), value);
	ck_assert_str_eq(calls, wanted);
}

static void ck_write(uint16_t port, unsigned size, uint32_t value, const char *wanted)
{
	calls[0] = 0;
	io_space_write(io, port, size, value);
	ck_assert_str_eq(calls, wanted);
}

static void begin(void)
{
	lock_init(&lock);
	ck_assert_int_eq(io_space_new(&lock, &io), 0);
}

static void end(void)
{
	ck_assert_uint_eq(owner.busy, 0);
	ck_assert(!lock_held(&lock));
	io_space_free(io);
	lock_destroy(&lock);
}

START_TEST(claims)
{
	struct io_claim *a, *b, *other;

	ck_read(0x100, 4, UINT32_MAX, "");
	ck_read(0x100, 1, 0xff, "");
	ck_write(0x100, 4, 1, "");
	ck_assert_int_eq(claim_try('x', 0x100, 0, 1, 0, &other), -EINVAL);
	ck_assert_int_eq(claim_try('x', 0x10000, 1, 1, 0, &other), -EINVAL);
	ck_assert_int_eq(claim_try('x', 0xffff, 2, 1, 0, &other), -EINVAL);
	ck_assert_int_eq(claim_try('x', 0xffff, UINT32_MAX, 1, 0, &other), -EINVAL);
	ck_assert_int_eq(claim_try('x', 0x100, 1, 8, 0, &other), -EINVAL);
	a = claim_make('a', 0x100, 4, 7, 0);
	ck_assert_int_eq(claim_try('x', 0x103, 1, 7, 0, &other), -EBUSY);
	ck_assert_int_eq(claim_try('x', 0xff, 2, 7, 0, &other), -EBUSY);
	b = claim_make('b', 0x104, 4, 1, 0);
	ck_read(0x100, 4, 0x11111111, "ar0/4 ");
	ck_read(0x102, 2, 0x1111, "ar2/2 ");
	/* A claim of bytes gets bytes. */
	ck_read(0x104, 4, 0x22222222, "br0/1 br1/1 br2/1 br3/1 ");
	ck_write(0x104, 2, 0xabcd, "bw0/1=cd bw1/1=ab ");
	/* Across two claims, and over the edge of one. */
	ck_write(0x102, 4, 0x44332211, "aw2/2=2211 bw0/1=33 bw1/1=44 ");
	ck_read(0xff, 4, 0x111111ff, "ar0/2 ar2/1 ");
	ck_read(0x106, 4, 0xffff2222, "br2/1 br3/1 ");
	/* A priority hides, and shows again when it goes. */
	other = claim_make('c', 0x101, 1, 1, 1);
	ck_read(0x101, 1, 0x33, "cr0/1 ");
	ck_read(0x100, 1, 0x11, "ar0/1 ");
	io_claim_enable(other, false);
	ck_read(0x101, 1, 0x11, "ar1/1 ");
	io_claim_enable(other, true);
	ck_read(0x101, 1, 0x33, "cr0/1 ");
	io_claim_free(other);
	ck_read(0x101, 1, 0x11, "ar1/1 ");
	/* Moving: the old place is free, the new one taken; of equals the last moved wins. */
	ck_assert_int_eq(io_claim_move(a, 0xfffe), -EINVAL);
	ck_assert_int_eq(io_claim_move(a, 0x10000), -EINVAL);
	ck_assert_int_eq(io_claim_move(a, 0x200), 0);
	ck_read(0x100, 1, 0xff, "");
	ck_read(0x203, 1, 0x11, "ar3/1 ");
	ck_assert_int_eq(io_claim_move(b, 0x202), 0);
	ck_read(0x203, 1, 0x22, "br1/1 ");
	ck_assert_int_eq(io_claim_move(b, 0x300), 0);
	ck_read(0x203, 1, 0x11, "ar3/1 ");
	/* Disabled, its ports can be claimed by another. */
	io_claim_enable(a, false);
	other = claim_make('d', 0x200, 4, 4, 0);
	ck_read(0x200, 4, 0x44444444, "dr0/4 ");
	ck_read(0x200, 1, 0xff, "");
	io_claim_free(other);
	io_claim_free(a);
	io_claim_free(b);
	io_claim_free(NULL);
}
END_TEST

START_TEST(last_port)
{
	struct io_claim *top = claim_make('a', 0xfffc, 4, 7, 0), *bottom = claim_make('b', 0, 2, 7, 0);

	ck_read(0xfffc, 4, 0x11111111, "ar0/4 ");
	ck_write(0xffff, 4, 0x44332211, "aw3/1=11 bw0/2=3322 ");
	ck_write(0xfffe, 4, 0x44332211, "aw2/2=2211 bw0/2=4433 ");
	ck_read(0xffff, 2, 0x2211, "ar3/1 br0/1 ");
	io_claim_free(top);
	io_claim_free(bottom);
}
END_TEST

/* A device may give its claim up in a call to it. */
START_TEST(released_in_call)
{
	released = claim_make('a', 0x100, 1, 1, 0);
	ck_read(0x100, 4, 0xffffff11, "ar0/1 ");
	released = claim_make('a', 0x100, 1, 1, 0);
	ck_write(0x100, 2, 1, "aw0/1=1 ");
	ck_write(0x100, 2, 1, "");
}
END_TEST

/* Many claims at random, against one look at each port. */
START_TEST(random_claims)
{
	struct {
		struct io_claim *claim;
		uint32_t port, count, order;
		int priority;
		char name;
		bool on;
	} all[40] = { 0 };
	uint32_t order = 0;

	srand(4711);
	for (unsigned round = 0; round < 2000; round++) {
		unsigned i = (unsigned)rand() % 40;

		if (!all[i].claim) {
			all[i].port = (uint32_t)rand() % 56;
			all[i].count = 1 + (uint32_t)rand() % 8;
			all[i].priority = rand() % 4;
			all[i].name = (char)('A' + i);
			if (claim_try(all[i].name, all[i].port, all[i].count, 7, all[i].priority, &all[i].claim))
				all[i].claim = NULL;
			all[i].order = ++order;
			all[i].on = true;
		} else if (round % 3 == 0) {
			io_claim_free(all[i].claim);
			all[i].claim = NULL;
		} else if (round % 3 == 1) {
			uint32_t port = (uint32_t)rand() % 56;

			if (port != all[i].port)
				all[i].order = ++order;
			ck_assert_int_eq(io_claim_move(all[i].claim, port), 0);
			all[i].port = port;
		} else {
			all[i].on = !all[i].on;
			io_claim_enable(all[i].claim, all[i].on);
		}
		for (uint32_t port = 0; port < 64; port++) {
			char wanted[32] = "";
			int best = -1;

			for (int j = 0; j < 40; j++)
				if (all[j].claim && all[j].on && port >= all[j].port &&
					port < all[j].port + all[j].count &&
					(best < 0 || all[j].priority > all[best].priority ||
						(all[j].priority == all[best].priority &&
							all[j].order > all[best].order)))
					best = j;
			if (best >= 0)
				snprintf(wanted, sizeof(wanted), "%cw%u/1=0 ", all[best].name, port - all[best].port);
			ck_write((uint16_t)port, 1, 0, wanted);
		}
	}
	for (unsigned i = 0; i < 40; i++)
		io_claim_free(all[i].claim);
}
END_TEST

/* The memory view against a model. */

#define PAGES 48u
#define STEP  512u

static int32_t mmio_read(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value)
{
	(void)self;
	(void)token;
	(void)offset;
	(void)size;
	*value = 0;
	return 0;
}

static int32_t mmio_write(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value)
{
	(void)self;
	(void)token;
	(void)offset;
	(void)size;
	(void)value;
	return 0;
}

static bool covers(const struct memory_region *region, uint64_t address)
{
	return region && region->mapped && address >= region->address &&
		address - region->address < region->desc.length;
}

/* What one place shows, by the rules: the highest there, the latest of equals; an alias of RAM shows the lowest RAM. */
static bool model_at(struct memory_region *const all[], unsigned count, uint64_t address, struct memory_range *range)
{
	struct memory_region *best = NULL, *ram = NULL;

	for (unsigned i = 0; i < count; i++)
		if (covers(all[i], address) &&
			(!best || all[i]->priority > best->priority ||
				(all[i]->priority == best->priority && all[i]->order > best->order)))
			best = all[i];
	if (!best)
		return false;
	range->readonly = best->readonly;
	range->region = best;
	range->offset = address - best->address;
	if (best->desc.type != MEMORY_ALIAS)
		return true;
	range->offset += best->desc.target_offset;
	range->region = best->desc.target;
	if (!range->region) {
		for (unsigned i = 0; i < count; i++)
			if (all[i] && all[i]->desc.type == MEMORY_RAM && covers(all[i], range->offset) &&
				(!ram || all[i]->priority < ram->priority))
				ram = all[i];
		if (!ram)
			return false;
		range->region = ram;
		range->offset -= ram->address;
	}
	range->readonly |= range->region->readonly;
	return true;
}

static void ck_view(struct memory_space *space, struct memory_region *const all[], unsigned count)
{
	struct memory_range_info info;
	uint64_t next = 0;

	for (uint64_t address = 0; address < PAGES * MEMORY_PAGE_SIZE; address += STEP)
		for (unsigned edge = 0; edge < 2; edge++) {
			uint64_t at = address + edge * (STEP - 1);
			struct memory_range is = { 0 }, wanted = { 0 };
			bool found = memory_view_find(space, at, &is);

			ck_assert_msg(found == model_at(all, count, at, &wanted), "%#llx", (unsigned long long)at);
			if (!found)
				continue;
			ck_assert_ptr_eq(is.region, wanted.region);
			ck_assert_uint_eq(is.offset + (at - is.first), wanted.offset);
			ck_assert_int_eq(is.readonly, wanted.readonly);
		}
	/* In order, and apart from each other. */
	for (unsigned i = 0; memory_view_range(space, i, &info); i++) {
		ck_assert(info.first >= next && info.last >= info.first);
		next = info.last + 1;
	}
}

START_TEST(random_regions)
{
	for (unsigned seed = 1; seed <= 150; seed++) {
		struct memory_region *all[14] = { 0 };
		struct memory_space *space;

		srand(seed);
		lock_acquire(&lock);
		ck_assert_int_eq(memory_space_new(&lock, &space), 0);
		for (unsigned i = 0; i < 14; i++) {
			struct memory_desc desc = { .type = (enum memory_type)(1 + rand() % 4),
				.length = (1 + (uint64_t)rand() % 12) * MEMORY_PAGE_SIZE,
				.read = NULL,
				.name = "random" };

			if (desc.type == MEMORY_MMIO) {
				desc.length = (1 + (uint64_t)rand() % 40) * STEP;
				desc.read = mmio_read;
				desc.write = mmio_write;
			} else if (desc.type == MEMORY_ALIAS) {
				desc.target = i && rand() % 2 ? all[(unsigned)rand() % i] : NULL;
				if (desc.target &&
					(desc.target->desc.type == MEMORY_ALIAS ||
						desc.target->desc.type == MEMORY_MMIO ||
						desc.target->desc.length < desc.length))
					desc.target = NULL;
				desc.target_offset = desc.target ? 0 : (uint64_t)rand() % PAGES * MEMORY_PAGE_SIZE;
			}
			ck_assert_int_eq(memory_region_new(space, &desc, &all[i]), 0);
		}
		for (unsigned step = 0; step < 40; step++) {
			unsigned i = (unsigned)rand() % 14;
			uint64_t page = (uint64_t)rand() % PAGES * MEMORY_PAGE_SIZE;

			if (rand() % 4 == 0)
				memory_region_unmap(all[i]);
			else if (rand() % 5 == 0 && all[i]->desc.type != MEMORY_MMIO)
				memory_region_set_readonly(all[i], rand() % 2);
			else
				/* All of one priority but RAM, so that the lowest RAM is one. */
				memory_region_map(
					all[i], page, all[i]->desc.type == MEMORY_RAM ? (int)i - 7 : rand() % 3);
			ck_view(space, all, 14);
		}
		for (unsigned i = 14; i-- > 0;)
			memory_region_free(all[i]);
		memory_space_free(space);
		lock_release(&lock);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_io");
	TCase *cases = tcase_create("io");

	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_test(cases, claims);
	tcase_add_test(cases, last_port);
	tcase_add_test(cases, released_in_call);
	tcase_add_test(cases, random_claims);
	tcase_add_test(cases, random_regions);
	suite_add_tcase(suite, cases);
	return fixture_run(suite);
}
