/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * From linear to physical addresses (SDM vol. 3A, chapter 4), and access to physical memory.
 */
#ifndef VMM_CPU_PAGING_H
#define VMM_CPU_PAGING_H

#include "vmm/cpu/cpu.h"
#include "vmm/cpu/tlb.h"

#define ACCESS_READ  0u
#define ACCESS_WRITE 1u /* also for read-modify-write, from the first read on */
#define ACCESS_EXEC  2u
#define ACCESS_USER  4u
#define ACCESS_SMAP  8u /* supervisor access that SMAP keeps from user pages */

/* The physical address of a linear one, A20 mask applied; sets accessed and dirty bits.  CPU_FAULT: #PF. */
int paging_translate(struct cpu *cpu, uint64_t linear, unsigned access, uint64_t *physical);

/* Do a page's rights (PAGE_*) allow the access? */
static inline bool paging_allowed(const struct cpu *cpu, uint32_t flags, unsigned access)
{
	if (access & ACCESS_EXEC && flags & PAGE_NX)
		return false;
	if (access & ACCESS_USER) {
		if (!(flags & PAGE_USER))
			return false;
		return !(access & ACCESS_WRITE) || flags & PAGE_WRITABLE;
	}
	if (flags & PAGE_USER) {
		if (access & ACCESS_EXEC && cpu->cr4 & CPU_CR4_SMEP)
			return false;
		if (!(access & ACCESS_EXEC) && access & ACCESS_SMAP)
			return false;
	}
	return !(access & ACCESS_WRITE) || flags & PAGE_WRITABLE || !(cpu->cr0 & CPU_CR0_WP);
}

/* The same for a debugger: marks nothing, raises nothing, heeds no rights.  False: nothing is mapped there. */
bool paging_peek(struct cpu *cpu, uint64_t linear, uint64_t *physical);

/* What a data access at the current privilege is (without ACCESS_WRITE). */
unsigned paging_access(const struct cpu *cpu);
/* The same for implicit accesses to descriptor tables and the TSS. */
unsigned paging_access_system(const struct cpu *cpu);

/* Load the PDPTE registers from CR3 as given.  False: reserved bits are set (#GP). */
bool paging_load_pdptes(struct cpu *cpu, uint64_t cr3, uint64_t pdpte[4]);

/* Physical accesses that do not cross a page; the A20 mask is applied already.  Intercept the local APIC.
 * physical_write sets block_end where code was changed. */
void physical_read(struct cpu *cpu, uint64_t physical, void *data, unsigned size);
void physical_write(struct cpu *cpu, uint64_t physical, const void *data, unsigned size);
/* The direct page, host NULL if there is none or the local APIC lies there. */
void physical_page(struct cpu *cpu, uint64_t physical, struct cpu_page *page);

#endif
