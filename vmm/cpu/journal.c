/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/cpu/journal.h"

#include <string.h>

#include "vmm/cpu/insn.h"
#include "vmm/cpu/paging.h"

static int page_index(const struct cpu_journal *journal, const uint8_t *page)
{
	for (unsigned i = 0; i < journal->count; i++)
		if (journal->host[i] == page)
			return (int)i;
	return -1;
}

static bool page_add(struct cpu_journal *journal, uint8_t *page)
{
	unsigned i = journal->count;

	if (i >= JOURNAL_PAGES)
		return false;
	journal->host[i] = page;
	memcpy(journal->before[i], page, CPU_PAGE_SIZE);
	if (journal->undone)
		memcpy(journal->after[i], page, CPU_PAGE_SIZE);
	journal->count++;
	return true;
}

bool journal_note(struct cpu_journal *journal, uint8_t *page)
{
	return page_index(journal, page) >= 0 || page_add(journal, page);
}

static int refuse(struct cpu *cpu, int why)
{
	cpu->journal->refusal = why;
	return cpu_raise(cpu, CPU_CUT);
}

int journal_access(struct cpu *cpu, uint64_t physical, bool write)
{
	struct cpu_page page;

	physical_page(cpu, physical, &page);
	if (!page.host)
		return refuse(cpu, JOURNAL_DEVICE);
	if (!write)
		return CPU_OK;
	if (!page.writable)
		return refuse(cpu, JOURNAL_TRACKED);
	return journal_note(cpu->journal, page.host) ? CPU_OK : refuse(cpu, JOURNAL_FULL);
}

/* False: the entry is not what it was, so what the walk found will not be there again. */
static bool entry_or(uint8_t *at, unsigned size, uint64_t old, uint64_t bits)
{
	uint64_t now = 0;

	memcpy(&now, at, size);
	if ((now | bits) != (old | bits))
		return false;
	now |= bits;
	memcpy(at, &now, size);
	return true;
}

void journal_mark(struct cpu_journal *journal, uint8_t *page, unsigned at, unsigned size, uint64_t old, uint64_t bits)
{
	int i = page_index(journal, page);

	if (i < 0)
		return;
	if (!entry_or(journal->before[i] + at, size, old, bits) ||
		(journal->undone && !entry_or(journal->after[i] + at, size, old, bits)))
		journal->lost = true;
}

void journal_begin(struct cpu *cpu, struct cpu_journal *journal)
{
	journal->lost = journal->undone = journal->strayed = false;
	journal->count = 0;
	cpu->journal = journal;
}

void journal_undo(struct cpu_journal *journal)
{
	for (unsigned i = 0; i < journal->count; i++) {
		memcpy(journal->after[i], journal->host[i], CPU_PAGE_SIZE);
		memcpy(journal->host[i], journal->before[i], CPU_PAGE_SIZE);
	}
	journal->undone = true;
}
