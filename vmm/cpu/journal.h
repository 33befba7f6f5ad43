/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A journal of writes to memory, so that a stretch of guest code can be undone and run again
 * (vmm/translate/lockstep.c).
 *
 * While cpu->journal is set, every page is noted, and kept as it was, before its first write: the write entries of the
 * TLB have been dropped before, so that this write takes the slow path.  Accesses that cannot be done twice - to
 * devices, to pages that hold code - are refused: they raise CPU_CUT, and nothing of the instruction has been done.
 */
#ifndef VMM_CPU_JOURNAL_H
#define VMM_CPU_JOURNAL_H

#include "vmm/cpu/cpu.h"

#define JOURNAL_PAGES 48u

struct cpu_journal {
	bool lost; /* something was done that cannot be undone */
	/* What has been undone is being done again, and wants to write to a page that it did not write to before. */
	bool strayed;
	uint64_t stray; /* there */
	unsigned count;
	uint8_t *host[JOURNAL_PAGES];
	bool undone; /* what is noted now must stay as it is */
	/* What the page was, and, once that has been put back, what it is to be. */
	uint8_t before[JOURNAL_PAGES][CPU_PAGE_SIZE] __attribute__((aligned(64)));
	uint8_t after[JOURNAL_PAGES][CPU_PAGE_SIZE];
	/* Why the last access was refused. */
	enum { JOURNAL_DEVICE, JOURNAL_TRACKED, JOURNAL_FULL, JOURNAL_REFUSALS } refusal;
};

/* The page at this host address is going to be written to.  False: there are too many. */
bool journal_note(struct cpu_journal *journal, uint8_t *page);
/* An access to a part of a page that is going to take the slow path: CPU_OK, or CPU_FAULT for one that cannot be done
 * twice. */
int journal_access(struct cpu *cpu, uint64_t physical, bool write);
/* The entry of a page table, `at` bytes into the page, gets more bits.  They stay when all else is undone: the TLB
 * keeps what it has. */
void journal_mark(struct cpu_journal *journal, uint8_t *page, unsigned at, unsigned size, uint64_t old, uint64_t bits);

void journal_begin(struct cpu *cpu, struct cpu_journal *journal);
/* Keep what has been written as `after`, and put back what was before. */
void journal_undo(struct cpu_journal *journal);

#endif
