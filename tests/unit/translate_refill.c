/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What the translator's refill takes from the second level of the TLB: host pages that somebody has named, for as long
 * as they are good, and with the page's rights.
 */
#include "tests/unit/cpu_fixture.h"
#include "vmm/cpu/tlb.h"
#include "vmm/translate/t1.h"

#define LINEAR 0x7654321000u

static uint8_t host[4096];

/* A translation as whoever walked the tables leaves it: nothing in it about host pages means anything. */
static void page_enter(uint32_t flags)
{
	struct cpu_tlb *tlb = fixture.cpu->tlb;
	struct tlb_page page = { .linear = LINEAR,
		.physical = 0x20000,
		.flags = flags,
		.direct = { tlb->direct[0], tlb->direct[1] },
		.host = (uint8_t *)0x1000 };

	tlb_fill_deep(fixture.cpu, &page);
}

static uint64_t refill(unsigned offset, unsigned size, bool write, enum tlb_kind kind)
{
	return t1_refill(fixture.cpu, LINEAR + offset, T1_REFILL(size, write, kind));
}

START_TEST(wants_a_host_page)
{
	page_enter(PAGE_WRITABLE | PAGE_USER | PAGE_DIRTY);
	ck_assert(!refill(0, 8, false, TLB_KERNEL));
	ck_assert(!refill(0, 8, true, TLB_KERNEL));
	tlb_note_host(fixture.cpu, LINEAR, host, true);
	ck_assert(refill(8, 8, false, TLB_KERNEL));
	ck_assert(refill(8, 8, true, TLB_USER));
	const struct cpu_tlb *tlb = fixture.cpu->tlb;
	const unsigned i = (LINEAR >> 12) % TLB_SIZE;
	ck_assert_uint_eq(tlb->read[TLB_KERNEL][i].tag, LINEAR);
	ck_assert_uint_eq(tlb->read[TLB_KERNEL][i].addend, (uintptr_t)host - LINEAR);
	ck_assert_uint_eq(tlb->write[TLB_USER][i].addend, (uintptr_t)host - LINEAR);
	/* the next translation of the page starts anew */
	page_enter(PAGE_WRITABLE | PAGE_USER | PAGE_DIRTY);
	ck_assert(!refill(0, 8, false, TLB_KERNEL));
}
END_TEST

START_TEST(heeds_flushes)
{
	page_enter(PAGE_WRITABLE | PAGE_USER | PAGE_DIRTY);
	tlb_note_host(fixture.cpu, LINEAR, host, true);
	tlb_flush_writes(fixture.cpu);
	ck_assert(refill(0, 4, false, TLB_KERNEL));
	ck_assert(!refill(0, 4, true, TLB_KERNEL));
	tlb_note_host(fixture.cpu, LINEAR, host, false); /* as of a page that holds code */
	ck_assert(!refill(0, 4, true, TLB_KERNEL));
	tlb_flush_direct(fixture.cpu);
	ck_assert(!refill(0, 4, false, TLB_KERNEL));
	tlb_note_host(fixture.cpu, LINEAR, host, true);
	ck_assert(refill(0, 4, true, TLB_KERNEL));
	tlb_flush_page(fixture.cpu, LINEAR);
	ck_assert(!refill(0, 4, false, TLB_KERNEL));
}
END_TEST

START_TEST(heeds_rights)
{
	static const struct {
		uint32_t flags;
		enum tlb_kind kind;
		bool read, write;
	} rows[] = {
		{ PAGE_WRITABLE | PAGE_USER | PAGE_DIRTY, TLB_USER, true, true },
		{ PAGE_WRITABLE | PAGE_USER, TLB_USER, true, false }, /* the walk sets the dirty bit */
		{ PAGE_USER | PAGE_DIRTY, TLB_USER, true, false },
		{ PAGE_WRITABLE | PAGE_DIRTY, TLB_USER, false, false },
		{ PAGE_WRITABLE | PAGE_DIRTY, TLB_KERNEL, true, true },
		{ PAGE_DIRTY, TLB_KERNEL, true, false }, /* CR0.WP */
		{ PAGE_WRITABLE | PAGE_USER | PAGE_DIRTY, TLB_KERNEL_SMAP, false, false },
		{ PAGE_WRITABLE | PAGE_DIRTY, TLB_KERNEL_SMAP, true, true },
	};

	fixture.cpu->cr0 |= CPU_CR0_WP;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		page_enter(rows[i].flags);
		tlb_note_host(fixture.cpu, LINEAR, host, true);
		ck_assert_msg(!!refill(0, 1, false, rows[i].kind) == rows[i].read, "row %u, read", i);
		ck_assert_msg(!!refill(0, 1, true, rows[i].kind) == rows[i].write, "row %u, write", i);
	}
}
END_TEST

START_TEST(stays_in_the_page)
{
	page_enter(PAGE_WRITABLE | PAGE_USER | PAGE_DIRTY);
	tlb_note_host(fixture.cpu, LINEAR, host, true);
	ck_assert(refill(4096 - 64, 64, false, TLB_USER));
	ck_assert(!refill(4096 - 63, 64, false, TLB_USER));
	ck_assert(!refill(4095, 2, true, TLB_USER));
	ck_assert(!t1_refill(fixture.cpu, LINEAR + 4096, T1_REFILL(1, false, TLB_USER)));
}
END_TEST

/* A stack and a buffer at whatever distance: neither may cost the other its entry each time. */
START_TEST(keeps_pages_that_share_a_set)
{
	for (unsigned shift = 13; shift < 47; shift++) {
		struct cpu_tlb *tlb = fixture.cpu->tlb;
		uint64_t linear[TLB_WAYS];

		tlb_flush(fixture.cpu, true);
		for (unsigned i = 0; i < TLB_WAYS; i++) {
			struct tlb_page page = { .linear = LINEAR ^ (uint64_t)i << shift,
				.flags = PAGE_WRITABLE | PAGE_DIRTY | PAGE_GLOBAL };

			linear[i] = page.linear;
			tlb_fill_deep(fixture.cpu, &page);
			/* twice: in the same place */
			tlb_fill_deep(fixture.cpu, &page);
			tlb_note_host(fixture.cpu, page.linear, host, true);
		}
		for (unsigned i = 0; i < TLB_WAYS; i++) {
			ck_assert_ptr_nonnull(tlb_lookup(tlb, linear[i]));
			ck_assert(t1_refill(fixture.cpu, linear[i], T1_REFILL(8, true, TLB_KERNEL)));
		}
		tlb_flush_page(fixture.cpu, linear[1]);
		ck_assert_ptr_null(tlb_lookup(tlb, linear[1]));
		for (unsigned i = 2; i < TLB_WAYS; i++)
			ck_assert_ptr_nonnull(tlb_lookup(tlb, linear[i]));
		tlb_flush(fixture.cpu, false);
		ck_assert_ptr_nonnull(tlb_lookup(tlb, linear[0]));
		tlb_flush(fixture.cpu, true);
		ck_assert_ptr_null(tlb_lookup(tlb, linear[0]));
	}
}
END_TEST

/* One INVLPG drops all of a large page, which is entered 4 KiB at a time, and nothing else. */
START_TEST(drops_all_of_a_large_page)
{
	struct cpu_tlb *tlb = fixture.cpu->tlb;
	const uint64_t first = LINEAR & ~UINT64_C(0x3fffff);
	struct tlb_page page = { .linear = first + 0x400000, .flags = PAGE_WRITABLE | PAGE_DIRTY };

	tlb_fill_deep(fixture.cpu, &page);
	page.flags |= PAGE_LARGE;
	for (page.linear = first; page.linear < first + 0x400000; page.linear += 4096)
		tlb_fill_deep(fixture.cpu, &page);
	for (uint64_t at = first; at < first + 0x400000; at += 4096)
		ck_assert_ptr_nonnull(tlb_lookup(tlb, at));
	tlb_flush_page(fixture.cpu, LINEAR);
	for (uint64_t at = first; at < first + 0x400000; at += 4096)
		ck_assert_ptr_null(tlb_lookup(tlb, at));
	ck_assert_ptr_nonnull(tlb_lookup(tlb, first + 0x400000));
}
END_TEST

SUITE("refill", keeps_pages_that_share_a_set, drops_all_of_a_large_page, wants_a_host_page, heeds_flushes, heeds_rights,
	stays_in_the_page)
