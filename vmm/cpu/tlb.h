/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The software TLB (docs/engine.md, "Software MMU").
 *
 * First level: per access kind a read and a write array of {page tag, host address}, where one compare covers
 * tag and page crossing.  Only pages with direct host memory are in them; the write arrays hold only pages
 * that may be written without telling anybody.  Second level: translations with their permissions, which
 * survive a non-global flush if they are global and serve device pages and instruction fetch too.  It has several ways,
 * as two pages in use that had but one place between them would be walked for at every access.
 */
#ifndef VMM_CPU_TLB_H
#define VMM_CPU_TLB_H

#include <stddef.h>

#include "vmm/cpu/cpu.h"

#define TLB_SIZE    1024u
#define TLB_SETS    1024u
#define TLB_WAYS    4u
#define TLB_DEEP    (TLB_SETS * TLB_WAYS)
#define TLB_TOUCHED 512u

enum tlb_kind {
	TLB_USER,
	TLB_KERNEL,      /* supervisor, user pages allowed */
	TLB_KERNEL_SMAP, /* supervisor, user pages refused */
	TLB_KINDS,
};

struct tlb_entry {
	uint64_t tag;     /* linear address of the page; an empty entry has that of a page of another index */
	uintptr_t addend; /* from an address of the page to the host's */
};

#define PAGE_WRITABLE (1u << 0)
#define PAGE_USER     (1u << 1)
#define PAGE_NX       (1u << 2)
#define PAGE_GLOBAL   (1u << 3)
#define PAGE_DIRTY    (1u << 4)
#define PAGE_LARGE    (1u << 5) /* 2 MiB, 4 MiB */
#define PAGE_HUGE     (1u << 6) /* 1 GiB */

struct tlb_page {
	uint64_t linear, physical; /* of the page */
	uint32_t flags;            /* PAGE_* */
	uint32_t generation; /* good while it is struct cpu_tlb's generation or global_generation; never 0 there */
	uint32_t direct[2];  /* `host` is good for reading, writing while these are struct cpu_tlb's */
	uint8_t *host;
};

#define TLB_REGIONS 16384u

struct cpu_tlb {
	struct tlb_entry read[TLB_KINDS][TLB_SIZE], write[TLB_KINDS][TLB_SIZE];
	struct tlb_entry empty[TLB_SIZE]; /* sends every access to the slow path */
	uint64_t tags[TLB_DEEP];          /* `linear` of those below: sets, way by way */
	struct tlb_page deep[TLB_DEEP];
	unsigned victim; /* the way that is next to go */
	uint32_t generation, global_generation;
	uint32_t direct[2]; /* generations of host pages: for reading, for writing; never 0 */
	/* Indices filled since the last flush: of reads, of writes; for pages that are not global, that are. */
	struct tlb_touched {
		unsigned count; /* more than there is room for: any */
		uint16_t indices[TLB_TOUCHED];
	} touched[2][2];
	uint64_t space;        /* counts flushes of all that is not global: those of single pages are not among them */
	uint64_t epoch_kernel; /* counts those that global entries do not survive */
	uint64_t epoch;        /* counts every flush of anything: virtual block links of another epoch are void */
	uint64_t code[64]; /* pages (hashed) whose blocks are found by virtual address since the last flush of all */
	uint64_t code_regions[TLB_REGIONS / 64]; /* the same for 4 MiB regions */
	uint64_t large[TLB_REGIONS / 64];        /* 4 MiB regions (hashed) that may hold entries of large pages */
	uint64_t huge[8];                        /* 1 GiB regions (hashed) that may hold entries of huge pages */
	struct {
		uint64_t walks, refills, refills_failed;
		uint64_t flushes_all, flushes_local, flushes_page, flushes_direct, flushes_writes;
	} statistics; /* counters (statistics.h) */
};

/* In zeroed memory. */
void tlb_init(struct cpu_tlb *tlb);

/* Everything, or everything that is not global. */
void tlb_flush(struct cpu *cpu, bool global);
/* INVLPG */
void tlb_flush_page(struct cpu *cpu, uint64_t linear);
/* Host pages may have changed or lost their writability: empty the first level. */
void tlb_flush_direct(struct cpu *cpu);
void tlb_flush_writes(struct cpu *cpu);
/* Have the next write to each page take the slow path, or the second level. */
void tlb_empty_writes(struct cpu_tlb *tlb);

/* Remember the host page of a translation that is in the second level. */
void tlb_note_host(struct cpu *cpu, uint64_t linear, uint8_t *host, bool writable);
/* Enter a page into the first level. */
static inline void tlb_fill(
	struct cpu_tlb *tlb, enum tlb_kind kind, bool write, uint64_t linear, uint8_t *host, bool global)
{
	struct tlb_touched *touched = &tlb->touched[write][global];

	unsigned i = (linear >> 12) % TLB_SIZE;
	struct tlb_entry *entry = write ? &tlb->write[kind][i] : &tlb->read[kind][i];

	entry->tag = linear & ~0xfffull;
	entry->addend = (uintptr_t)host - entry->tag;
	if (touched->count < TLB_TOUCHED)
		touched->indices[touched->count] = (uint16_t)i;
	if (touched->count <= TLB_TOUCHED)
		touched->count++;
}
void tlb_fill_deep(struct cpu *cpu, const struct tlb_page *page);

static inline unsigned tlb_region(uint64_t linear)
{
	return (unsigned)((linear >> 22) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % TLB_REGIONS;
}

/* Blocks of that page are going to be found by their virtual address as long as the epoch is the same. */
static inline void tlb_note_code(struct cpu_tlb *tlb, uint64_t linear)
{
	unsigned region = tlb_region(linear);

	tlb->code[linear >> 18 & 63] |= 1ull << (linear >> 12 & 63);
	tlb->code_regions[region / 64] |= 1ull << (region % 64);
}

/* Where a page's set begins.  The 1,024 pages of 4 MiB have one each; what lies the same way in other 4 MiB does not
 * meet in it. */
static inline unsigned tlb_set(uint64_t linear)
{
	uint64_t page = linear >> 12;

	return (unsigned)(page ^ page >> 10 ^ page >> 20) % TLB_SETS * TLB_WAYS;
}

/* The second level's entry of this page, good or not. */
static inline struct tlb_page *tlb_find(struct cpu_tlb *tlb, uint64_t linear)
{
	unsigned set = tlb_set(linear);

	for (unsigned i = set; i < set + TLB_WAYS; i++)
		if (tlb->tags[i] == (linear & ~0xfffull))
			return &tlb->deep[i];
	return NULL;
}

static inline bool tlb_is_good(const struct cpu_tlb *tlb, const struct tlb_page *page)
{
	return page->generation == (page->flags & PAGE_GLOBAL ? tlb->global_generation : tlb->generation);
}

static inline const struct tlb_page *tlb_lookup(struct cpu_tlb *tlb, uint64_t linear)
{
	const struct tlb_page *page = tlb_find(tlb, linear);

	return page && tlb_is_good(tlb, page) ? page : NULL;
}

#endif
