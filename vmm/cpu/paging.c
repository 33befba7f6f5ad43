/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <string.h>

#include "vmm/cpu/apic.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/journal.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/model.h"
#include "vmm/cpu/paging.h"
#include "vmm/cpu/statistics.h"
#include "vmm/cpu/trace.h"

#define PTE_P  (1ull << 0)
#define PTE_RW (1ull << 1)
#define PTE_US (1ull << 2)
#define PTE_A  (1ull << 5)
#define PTE_D  (1ull << 6)
#define PTE_PS (1ull << 7)
#define PTE_G  (1ull << 8)
#define PTE_NX (1ull << 63)

static bool apic_covers(const struct cpu *cpu, uint64_t physical)
{
	return cpu->apic && apic_page(cpu->apic) == (physical & ~0xfffull);
}

void physical_page(struct cpu *cpu, uint64_t physical, struct cpu_page *page)
{
	memset(page, 0, sizeof(*page));
	if (!apic_covers(cpu, physical))
		cpu->bus.page(cpu->bus.self, physical & ~0xfffull, page);
}

void physical_read(struct cpu *cpu, uint64_t physical, void *data, unsigned size)
{
	struct cpu_page page;

	if (apic_covers(cpu, physical)) {
		/* Registers are 32 bits wide on 16-byte lines; anything else reads what overlaps. */
		uint32_t value = apic_mmio_read(cpu->apic, physical & 0xffc);
		uint8_t bytes[64] = { 0 };

		memcpy(bytes, &value, 4);
		memcpy(data, bytes + (physical & 3), size <= 32 ? size : 32);
		return;
	}
	cpu->bus.page(cpu->bus.self, physical & ~0xfffull, &page);
	if (page.host)
		memcpy(data, page.host + (physical & 0xfff), size);
	else
		for (unsigned done = 0; done < size; done += 64)
			cpu->bus.read(cpu->bus.self, physical + done, (uint8_t *)data + done,
				size - done < 64 ? size - done : 64);
}

void physical_write(struct cpu *cpu, uint64_t physical, const void *data, unsigned size)
{
	struct cpu_page page;

	/* Who writes without a check that the access can be repeated: nobody as yet. */
	if (cpu->journal && journal_access(cpu, physical, true) != CPU_OK)
		cpu->journal->lost = true;
	if (apic_covers(cpu, physical)) {
		uint32_t value = 0;

		if (physical & 3 || size < 4)
			return;
		memcpy(&value, data, 4);
		apic_mmio_write(cpu->apic, physical & 0xfff, value);
		cpu->attention = cpu->block_end = true;
		return;
	}
	cpu->bus.page(cpu->bus.self, physical & ~0xfffull, &page);
	if (page.host && page.writable) {
		memcpy(page.host + (physical & 0xfff), data, size);
		return;
	}
	/* What a device answers with an interrupt is delivered after this instruction, not some later one. */
	if (!page.host)
		cpu->block_end = true;
	for (unsigned done = 0; done < size; done += 64) {
		unsigned part = size - done < 64 ? size - done : 64;

		if (cpu->bus.write(cpu->bus.self, physical + done, (const uint8_t *)data + done, part) ==
			CPU_BUS_CODE_CHANGED)
			cpu->block_end = true;
	}
}

/* Set bits in a table entry that must still be what the walk saw.  False: it changed; walk again. */
static bool entry_mark(struct cpu *cpu, uint64_t at, unsigned size, uint64_t old, uint64_t bits)
{
	struct cpu_page page;
	uint64_t now = old | bits;

	if (now == old)
		return true;
	physical_page(cpu, at, &page);
	if (page.host && page.writable) {
		void *host = page.host + (at & 0xfff);

		if (cpu->journal)
			journal_mark(cpu->journal, page.host, at & 0xfff, size, old, bits);
		if (size == 8)
			return __atomic_compare_exchange_n(
				(uint64_t *)host, &old, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		uint32_t old32 = (uint32_t)old;
		return __atomic_compare_exchange_n(
			(uint32_t *)host, &old32, (uint32_t)now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
	physical_write(cpu, at, &now, size);
	return true;
}

static int page_fault(struct cpu *cpu, uint64_t linear, unsigned access, uint32_t error)
{
	if (access & ACCESS_WRITE)
		error |= 2;
	if (access & ACCESS_USER)
		error |= 4;
	/* The I/D flag exists only where a fetch can differ from a read. */
	if (access & ACCESS_EXEC && ((cpu->cr4 & CPU_CR4_PAE && cpu->efer & CPU_EFER_NXE) || cpu->cr4 & CPU_CR4_SMEP))
		error |= 16;
	if (cpu->trace & CPU_TRACE_MMU)
		trace_page_fault(cpu, linear, error);
	cpu_raise_error(cpu, CPU_PF, error);
	cpu->exception.cr2 = linear;
	return CPU_FAULT;
}

struct walk {
	uint64_t at[5], entry[5];
	unsigned depth, size;
	uint64_t physical;
	uint32_t flags;
};

/* Follow one more table.  0: go on or done; else the error code of the page fault, plus 1 << 31. */
#define WALK_FAULT (1u << 31)

static uint32_t walk_step(struct cpu *cpu, struct walk *walk, uint64_t at, uint64_t reserved)
{
	uint64_t entry = 0;

	at &= cpu->a20_mask;
	physical_read(cpu, at, &entry, walk->size);
	if (!(entry & PTE_P))
		return WALK_FAULT;
	if (entry & reserved)
		return WALK_FAULT | 9;
	walk->at[walk->depth] = at;
	walk->entry[walk->depth++] = entry;
	if (!(entry & PTE_RW))
		walk->flags &= ~PAGE_WRITABLE;
	if (!(entry & PTE_US))
		walk->flags &= ~PAGE_USER;
	if (entry & PTE_NX)
		walk->flags |= PAGE_NX;
	return 0;
}

static uint32_t walk_32bit(struct cpu *cpu, struct walk *walk, uint64_t linear)
{
	uint64_t physical_mask = (1ull << (cpu->model->physical_bits < 40 ? cpu->model->physical_bits : 40)) - 1;
	uint64_t entry;
	uint32_t error;

	walk->size = 4;
	error = walk_step(cpu, walk, (cpu->cr3 & 0xfffff000) + (linear >> 22 & 0x3ff) * 4, 0);
	if (error)
		return error;
	entry = walk->entry[0];
	if (entry & PTE_PS && cpu->cr4 & CPU_CR4_PSE) {
		/* PSE-36: bits 13..20 are address bits 32..39 (SDM vol. 3A, 4.3). */
		uint64_t high = (entry & 0x1fe000) << 19;

		if (entry & (1u << 21) || high & ~physical_mask)
			return WALK_FAULT | 9;
		walk->flags |= PAGE_LARGE;
		walk->physical = high | (entry & 0xffc00000) | (linear & 0x3ff000);
		return 0;
	}
	error = walk_step(cpu, walk, (entry & 0xfffff000) + (linear >> 12 & 0x3ff) * 4, 0);
	walk->physical = walk->entry[1] & 0xfffff000;
	return error;
}

static uint32_t walk_pae(struct cpu *cpu, struct walk *walk, uint64_t linear)
{
	uint64_t physical_mask = (1ull << cpu->model->physical_bits) - 1;
	uint64_t reserved = ~physical_mask & 0x7fffffffffffffffull, address = physical_mask & ~0xfffull;
	uint64_t pdpte = cpu->pdpte[linear >> 30 & 3], entry;
	uint32_t error;

	/* PAE paging reserves bits 62:MAXPHYADDR, and XD too where it is off (SDM vol. 3A, 4.4.2). */
	if (!(cpu->efer & CPU_EFER_NXE))
		reserved |= PTE_NX;
	walk->size = 8;
	if (!(pdpte & PTE_P))
		return WALK_FAULT;
	error = walk_step(cpu, walk, (pdpte & address) + (linear >> 21 & 0x1ff) * 8, reserved);
	if (error)
		return error;
	entry = walk->entry[0];
	if (entry & PTE_PS) {
		if (entry & 0x1fe000)
			return WALK_FAULT | 9;
		walk->flags |= PAGE_LARGE;
		walk->physical = (entry & address & ~0x1fffffull) | (linear & 0x1ff000);
		return 0;
	}
	error = walk_step(cpu, walk, (entry & address) + (linear >> 12 & 0x1ff) * 8, reserved);
	walk->physical = walk->entry[1] & address;
	return error;
}

/* 4-level and 5-level paging (SDM vol. 3A, 4.5). */
static uint32_t walk_long(struct cpu *cpu, struct walk *walk, uint64_t linear)
{
	uint64_t physical_mask = (1ull << cpu->model->physical_bits) - 1;
	/* Bits 51:MAXPHYADDR; 62:52 are the guest's own, or its protection keys. */
	uint64_t reserved = ~physical_mask & 0xfffffffffffffull, address = physical_mask & ~0xfffull;
	uint64_t table = cpu->cr3 & address;
	bool huge = cpu->model->features_ext_edx & CPU_FEATURE_PDPE1GB;

	if (!(cpu->efer & CPU_EFER_NXE))
		reserved |= PTE_NX;
	walk->size = 8;
	for (unsigned shift = cpu->cr4 & CPU_CR4_LA57 ? 48 : 39;; shift -= 9) {
		bool leaf_possible = shift == 21 || (shift == 30 && huge);
		uint64_t entry;
		uint32_t error = walk_step(cpu, walk, table + (linear >> shift & 0x1ff) * 8,
			reserved | (shift > 12 && !leaf_possible ? PTE_PS : 0));

		if (error)
			return error;
		entry = walk->entry[walk->depth - 1];
		if (shift == 12 || entry & PTE_PS) {
			uint64_t inside = (1ull << shift) - 1;

			if (shift > 12) {
				/* Bit 12 is the PAT bit. */
				if (entry & inside & ~0x1fffull)
					return WALK_FAULT | 9;
				walk->flags |= shift == 30 ? PAGE_HUGE : PAGE_LARGE;
			}
			walk->physical = (entry & address & ~inside) | (linear & inside & ~0xfffull);
			return 0;
		}
		table = entry & address;
	}
}

static uint32_t walk_any(struct cpu *cpu, struct walk *walk, uint64_t linear)
{
	if (cpu->efer & CPU_EFER_LMA)
		return walk_long(cpu, walk, linear);
	return cpu->cr4 & CPU_CR4_PAE ? walk_pae(cpu, walk, linear) : walk_32bit(cpu, walk, linear);
}

bool paging_peek(struct cpu *cpu, uint64_t linear, uint64_t *physical)
{
	struct walk walk = { .flags = 0 };

	if (cpu->cr0 & CPU_CR0_PG) {
		if (cpu->efer & CPU_EFER_LMA && !cpu_canonical(cpu, linear))
			return false;
		if (walk_any(cpu, &walk, linear))
			return false;
		linear = walk.physical | (linear & 0xfff);
	}
	*physical = linear & cpu->a20_mask;
	return true;
}

static int paging_walk(struct cpu *cpu, uint64_t linear, unsigned access, struct tlb_page *page)
{
	for (;;) {
		struct walk walk = { .flags = PAGE_WRITABLE | PAGE_USER };
		uint32_t error = walk_any(cpu, &walk, linear);
		uint64_t leaf;
		bool again = false;

		if (error)
			return page_fault(cpu, linear, access, error & ~WALK_FAULT);
		if (!paging_allowed(cpu, walk.flags, access))
			return page_fault(cpu, linear, access, 1);
		/* Only a translation that is used marks its entries. */
		for (unsigned i = 0; i < walk.depth && !again; i++) {
			uint64_t bits = PTE_A;

			if (i + 1 == walk.depth && access & ACCESS_WRITE)
				bits |= PTE_D;
			again = !entry_mark(cpu, walk.at[i], walk.size, walk.entry[i], bits);
			walk.entry[i] |= bits;
		}
		if (again)
			continue;
		leaf = walk.entry[walk.depth - 1];
		page->linear = linear & ~0xfffull;
		page->physical = walk.physical & cpu->a20_mask;
		page->flags = walk.flags;
		if (leaf & PTE_D)
			page->flags |= PAGE_DIRTY;
		if (leaf & PTE_G && cpu->cr4 & CPU_CR4_PGE)
			page->flags |= PAGE_GLOBAL;
		return CPU_OK;
	}
}

int paging_translate(struct cpu *cpu, uint64_t linear, unsigned access, uint64_t *physical)
{
	const struct tlb_page *hit;
	struct tlb_page page;

	hit = tlb_lookup(cpu->tlb, linear);
	if (!(cpu->cr0 & CPU_CR0_PG)) {
		*physical = linear & cpu->a20_mask;
		/* for the host's pages, which translated code looks for there */
		if (!hit) {
			page = (struct tlb_page){ .linear = linear & ~0xfffull,
				.physical = *physical & ~0xfffull,
				.flags = PAGE_WRITABLE | PAGE_USER | PAGE_DIRTY };
			tlb_fill_deep(cpu, &page);
		}
		return CPU_OK;
	}
	/* A refusal from the TLB walks again: the tables may have been relaxed since (SDM vol. 3A, 4.10.4.3). */
	if (hit && paging_allowed(cpu, hit->flags, access) && (!(access & ACCESS_WRITE) || hit->flags & PAGE_DIRTY)) {
		*physical = hit->physical | (linear & 0xfff);
		return CPU_OK;
	}
	if (paging_walk(cpu, linear, access, &page) != CPU_OK) {
		if (hit)
			tlb_flush_page(cpu, linear);
		return CPU_FAULT;
	}
	if (hit && hit->physical != page.physical)
		tlb_flush_page(cpu, linear);
	counter_add(&cpu->tlb->statistics.walks, 1);
	tlb_fill_deep(cpu, &page);
	*physical = page.physical | (linear & 0xfff);
	return CPU_OK;
}

unsigned paging_access(const struct cpu *cpu)
{
	if (cpu->cpl == 3)
		return ACCESS_USER;
	return cpu->cr4 & CPU_CR4_SMAP && !(cpu->rflags & CPU_FLAG_AC) ? ACCESS_SMAP : 0;
}

unsigned paging_access_system(const struct cpu *cpu)
{
	return cpu->cr4 & CPU_CR4_SMAP ? ACCESS_SMAP : 0;
}

bool paging_load_pdptes(struct cpu *cpu, uint64_t cr3, uint64_t pdpte[4])
{
	uint64_t reserved = ~((1ull << cpu->model->physical_bits) - 1) | 0x1e6;
	uint64_t at = cr3 & 0xffffffe0u & cpu->a20_mask;

	for (unsigned i = 0; i < 4; i++) {
		physical_read(cpu, at + 8 * i, &pdpte[i], 8);
		if (pdpte[i] & PTE_P && pdpte[i] & reserved)
			return false;
	}
	return true;
}
