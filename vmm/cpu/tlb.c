/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <stdlib.h>

#include "vmm/cpu/statistics.h"
#include "vmm/cpu/tlb.h"
#include "vmm/cpu/translator.h"
#include "vmm/cpu/trace.h"

static void array_clear(struct tlb_entry *array)
{
	for (unsigned i = 0; i < TLB_SIZE; i++) {
		array[i].tag = (uint64_t)(i ^ 1) << 12;
		array[i].addend = 0;
	}
}

void tlb_init(struct cpu_tlb *tlb)
{
	for (unsigned kind = 0; kind < TLB_KINDS; kind++) {
		array_clear(tlb->read[kind]);
		array_clear(tlb->write[kind]);
	}
	array_clear(tlb->empty);
	tlb->generation = tlb->global_generation = 1;
	tlb->direct[0] = tlb->direct[1] = 1;
	tlb->epoch = tlb->space = tlb->epoch_kernel = 1;
}

static void index_clear(struct tlb_entry (*arrays)[TLB_SIZE], unsigned i)
{
	for (unsigned kind = 0; kind < TLB_KINDS; kind++)
		arrays[kind][i].tag = (uint64_t)(i ^ 1) << 12;
}

/* What was filled for pages that are global, or not. */
static void touched_flush(struct cpu_tlb *tlb, bool write, bool global)
{
	struct tlb_entry(*arrays)[TLB_SIZE] = write ? tlb->write : tlb->read;
	struct tlb_touched *touched = &tlb->touched[write][global];

	if (touched->count > TLB_TOUCHED) {
		for (unsigned kind = 0; kind < TLB_KINDS; kind++)
			array_clear(arrays[kind]);
	} else {
		for (unsigned n = 0; n < touched->count; n++)
			index_clear(arrays, touched->indices[n]);
	}
	touched->count = 0;
}

static void arrays_flush(struct cpu_tlb *tlb, bool write)
{
	touched_flush(tlb, write, false);
	touched_flush(tlb, write, true);
}

/* Host pages may have changed: 0 stays what never matches. */
static void direct_next(struct cpu_tlb *tlb, bool write)
{
	if (++tlb->direct[write])
		return;
	for (unsigned i = 0; i < TLB_DEEP; i++)
		tlb->deep[i].direct[write] = 0;
	tlb->direct[write] = 1;
}

void tlb_flush_writes(struct cpu *cpu)
{
	counter_add(&cpu->tlb->statistics.flushes_writes, 1);
	direct_next(cpu->tlb, true);
	arrays_flush(cpu->tlb, true);
}

void tlb_empty_writes(struct cpu_tlb *tlb)
{
	arrays_flush(tlb, true);
}

static void arrays_flush_all(struct cpu_tlb *tlb)
{
	arrays_flush(tlb, false);
	arrays_flush(tlb, true);
}

void tlb_flush_direct(struct cpu *cpu)
{
	counter_add(&cpu->tlb->statistics.flushes_direct, 1);
	direct_next(cpu->tlb, false);
	direct_next(cpu->tlb, true);
	arrays_flush_all(cpu->tlb);
}

void tlb_flush(struct cpu *cpu, bool global)
{
	struct cpu_tlb *tlb = cpu->tlb;

	if (cpu->trace & CPU_TRACE_MMU)
		trace_flush(cpu, global);
	counter_add(global ? &tlb->statistics.flushes_all : &tlb->statistics.flushes_local, 1);
	for (unsigned write = 0; write < 2; write++) {
		touched_flush(tlb, write, false);
		if (global)
			touched_flush(tlb, write, true);
	}
	tlb->epoch++;
	tlb->space++;
	if (global || !(cpu->cr4 & CPU_CR4_PGE))
		tlb->epoch_kernel++;
	cpu->attention = true;
	/* Generations start at 1 and 0 never matches; after 2^32 flushes old entries must really go. */
	if (++tlb->generation == 0 || (global && tlb->global_generation == UINT32_MAX)) {
		for (unsigned i = 0; i < TLB_DEEP; i++)
			tlb->deep[i].generation = 0;
		tlb->generation = tlb->global_generation = 1;
	}
	if (global) {
		tlb->global_generation++;
		for (unsigned i = 0; i < 64; i++)
			tlb->code[i] = 0;
		for (unsigned i = 0; i < TLB_REGIONS / 64; i++)
			tlb->large[i] = tlb->code_regions[i] = 0;
		for (unsigned i = 0; i < 8; i++)
			tlb->huge[i] = 0;
	}
}

static uint64_t *huge_word(struct cpu_tlb *tlb, uint64_t linear)
{
	return &tlb->huge[linear >> 36 & 7];
}

static uint64_t huge_bit(uint64_t linear)
{
	return 1ull << (linear >> 30 & 63);
}

void tlb_flush_page(struct cpu *cpu, uint64_t linear)
{
	struct cpu_tlb *tlb = cpu->tlb;
	unsigned region = tlb_region(linear);
	struct tlb_page *page = tlb_find(tlb, linear);
	unsigned i = (linear >> 12) % TLB_SIZE;
	bool large = tlb->large[region / 64] >> (region % 64) & 1;

	if (*huge_word(tlb, linear) & huge_bit(linear)) {
		/* Such a page is entered 4 KiB at a time, too many to look for.  Guests drop one hardly ever. */
		tlb_flush(cpu, true);
		return;
	}
	counter_add(&tlb->statistics.flushes_page, 1);
	/* Where blocks are found by their address, the run loop is to look again; a large page may be any of its
	 * region. */
	if (large && tlb->code_regions[region / 64] >> (region % 64) & 1) {
		cpu->attention = true;
		tlb->epoch++;
		tlb->space++;
		tlb->epoch_kernel++;
	} else if (tlb->code[linear >> 18 & 63] >> (linear >> 12 & 63) & 1) {
		cpu->attention = true;
		tlb->epoch++;
		if (cpu->translator)
			cpu->translator->dropped(cpu, linear & ~0xfffull);
	}
	if (large) {
		/* A large page is entered 4 KiB at a time: all of them go. */
		for (unsigned n = 0; n < TLB_DEEP; n++)
			if (!((tlb->tags[n] ^ linear) >> 22))
				tlb->deep[n].generation = 0;
		arrays_flush_all(tlb);
		/* The bit stays: it may stand for another region, too. */
		return;
	}
	if (page)
		page->generation = 0;
	index_clear(tlb->read, i);
	index_clear(tlb->write, i);
}

void tlb_note_host(struct cpu *cpu, uint64_t linear, uint8_t *host, bool writable)
{
	struct cpu_tlb *tlb = cpu->tlb;
	struct tlb_page *page = tlb_find(tlb, linear);

	if (!page)
		return;
	page->host = host;
	page->direct[0] = tlb->direct[0];
	page->direct[1] = writable ? tlb->direct[1] : 0;
}

/* Where a page goes that is not there yet: in place of one that is no good, or of the next in turn. */
static struct tlb_page *entry_new(struct cpu_tlb *tlb, uint64_t linear)
{
	unsigned set = tlb_set(linear), way = 0;

	while (way < TLB_WAYS && tlb_is_good(tlb, &tlb->deep[set + way]))
		way++;
	if (way == TLB_WAYS)
		way = tlb->victim++ % TLB_WAYS;
	tlb->tags[set + way] = linear;
	return &tlb->deep[set + way];
}

void tlb_fill_deep(struct cpu *cpu, const struct tlb_page *page)
{
	struct cpu_tlb *tlb = cpu->tlb;
	struct tlb_page *entry = tlb_find(tlb, page->linear);

	if (!entry)
		entry = entry_new(tlb, page->linear);
	*entry = *page;
	/* whoever walked the tables knows nothing of host pages */
	entry->direct[0] = entry->direct[1] = 0;
	entry->generation = page->flags & PAGE_GLOBAL ? tlb->global_generation : tlb->generation;
	if (page->flags & PAGE_HUGE)
		*huge_word(tlb, page->linear) |= huge_bit(page->linear);
	if (page->flags & PAGE_LARGE) {
		unsigned region = tlb_region(page->linear);

		tlb->large[region / 64] |= 1ull << (region % 64);
	}
}
