/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/cpu/statistics.h"

#include "vmm/cpu/block.h"
#include "vmm/cpu/tlb.h"
#include "vmm/cpu/translator.h"

void statistics_table(
	const struct statistics_row *rows, unsigned count, const void *base, statistics_each *each, void *self)
{
	for (unsigned i = 0; i < count; i++)
		each(self, rows[i].group, rows[i].name,
			counter_read((const uint64_t *)(const void *)((const uint8_t *)base + rows[i].offset)));
}

uint64_t cpu_blocks_emptied(const struct cpu *cpu)
{
	return counter_read(&cpu->blocks->resets);
}

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

void cpu_statistics(const struct cpu *cpu, statistics_each *each, void *self)
{
#define ROW(name, member) \
	{ \
		"interpreter", name, offsetof(struct cpu_blocks, member) \
	}
	static const struct statistics_row blocks[] = {
		ROW("blocks_decoded", decoded),
		ROW("blocks_run_beside_translator", interpreted),
		ROW("blocks_discarded", discarded),
		ROW("cache_bytes_used", used),
		ROW("cache_bytes", size),
		ROW("cache_emptied", resets),
		ROW("cache_emptied_when_full", full),
	};
#undef ROW
#define ROW(name, member) \
	{ \
		"tlb", name, offsetof(struct cpu_tlb, statistics.member) \
	}
	static const struct statistics_row tlb[] = {
		ROW("page_walks", walks),
		ROW("refills", refills),
		ROW("refills_failed", refills_failed),
		ROW("flushes_of_all", flushes_all),
		ROW("flushes_but_global", flushes_local),
		ROW("flushes_of_a_page", flushes_page),
		ROW("flushes_of_host_pages", flushes_direct),
		ROW("flushes_of_writable_pages", flushes_writes),
	};
#undef ROW

	if (cpu->translator)
		cpu->translator->statistics(cpu, each, self);
	statistics_table(blocks, COUNT(blocks), cpu->blocks, each, self);
	statistics_table(tlb, COUNT(tlb), cpu->tlb, each, self);
}
