/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * From the second level of the TLB to the first, for translated code.  It runs with the guest's vector registers in the
 * host's: nothing here may use one, nor call anything.
 */
#include "vmm/cpu/journal.h"
#include "vmm/cpu/paging.h"
#include "vmm/cpu/statistics.h"
#include "vmm/translate/t1.h"

__attribute__((target("general-regs-only"))) static bool refill(struct cpu *cpu, uint64_t linear, uint64_t what)
{
	static const uint8_t accesses[TLB_KINDS] = { [TLB_USER] = ACCESS_USER, [TLB_KERNEL_SMAP] = ACCESS_SMAP };
	struct cpu_tlb *tlb = cpu->tlb;
	const struct tlb_page *page = tlb_lookup(tlb, linear);
	unsigned size = what & 0xffff, write = what >> 16 & 1, kind = (unsigned)(what >> 17) & 3;
	unsigned access = accesses[kind] | (write ? ACCESS_WRITE : ACCESS_READ);

	if (!page || (linear & 0xfff) + size > CPU_PAGE_SIZE || page->direct[write] != tlb->direct[write])
		return false;
	if (!paging_allowed(cpu, page->flags, access) || (write && !(page->flags & PAGE_DIRTY)))
		return false;
	if (write && cpu->journal) {
		struct cpu_journal *journal = cpu->journal;
		unsigned i = 0;

		while (i < journal->count && journal->host[i] != page->host)
			i++;
		if (i == journal->count) {
			journal->strayed = true;
			journal->stray = linear;
			return false;
		}
	}
	tlb_fill(tlb, (enum tlb_kind)kind, write, linear, page->host, page->flags & PAGE_GLOBAL);
	return true;
}

__attribute__((target("general-regs-only"))) uint64_t t1_refill(struct cpu *cpu, uint64_t linear, uint64_t what)
{
	bool done = refill(cpu, linear, what);

	cpu->t1.missed = !done;
	counter_add(done ? &cpu->tlb->statistics.refills : &cpu->tlb->statistics.refills_failed, 1);
	return done;
}
