/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/cpu/access.h"
#include "vmm/cpu/debug.h"
#include "vmm/cpu/journal.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/paging.h"

/* 64-bit mode: no limit, no type, and of the bases only those of FS and GS (SDM vol. 3A, 3.2.4 and 5.3.1). */
static int segment_check_64(struct cpu *cpu, const struct cpu_segment *segment, bool stack, uint64_t offset,
	unsigned size, uint64_t *linear)
{
	bool has_base = segment == &cpu->segment[CPU_FS] || segment == &cpu->segment[CPU_GS];

	*linear = (has_base ? segment->base : 0) + offset;
	if (unlikely(!cpu_canonical(cpu, *linear) || !cpu_canonical(cpu, *linear + size - 1)))
		return cpu_raise_error(cpu, stack ? CPU_SSF : CPU_GP, 0);
	return CPU_OK;
}

static bool segment_permits(const struct cpu *cpu, const struct cpu_segment *segment, bool write)
{
	unsigned type = CPU_SEGMENT_TYPE(segment->attributes);

	/* Real and virtual-8086 mode have no types: CS can be written. */
	if (!(cpu->cr0 & CPU_CR0_PE) || cpu->rflags & CPU_FLAG_VM)
		return true;
	if (!(segment->attributes & CPU_SEGMENT_P)) /* null selector */
		return false;
	if (type & 8)
		return !write && type & 2;
	return !write || type & 2;
}

int segment_check(struct cpu *cpu, const struct cpu_segment *segment, bool stack, uint64_t offset, unsigned size,
	bool write, uint64_t *linear)
{
	uint64_t last = offset + size - 1;

	if (cpu_code64(cpu))
		return segment_check_64(cpu, segment, stack, offset, size, linear);
	if (!segment_permits(cpu, segment, write))
		goto fault;
	if ((CPU_SEGMENT_TYPE(segment->attributes) & 0xc) == 4) {
		uint64_t top = segment->attributes & CPU_SEGMENT_DB ? 0xffffffff : 0xffff;

		if (offset <= segment->limit || last > top)
			goto fault;
	} else if (last > segment->limit && (segment->limit != 0xffffffff || offset > segment->limit)) {
		/* Past 4 GiB a flat segment wraps (SDM vol. 3A, 5.3 leaves it open). */
		goto fault;
	}
	*linear = (segment->base + offset) & cpu->linear_mask;
	return CPU_OK;
fault:
	return cpu_raise_error(cpu, stack ? CPU_SSF : CPU_GP, 0);
}

uint64_t cpu_linear(const struct cpu *cpu, unsigned segment, uint64_t offset)
{
	return (cpu->fast[segment].base + offset) & cpu->linear_mask;
}

uint64_t insn_offset(const struct cpu *cpu, const struct insn *insn)
{
	return ea(cpu, insn);
}

/* What an operand of this size must be aligned to (SDM vol. 3A, table 6-7).  Vectors are not checked: that of 16
 * bytes raises #GP, if it must be aligned at all. */
static unsigned alignment_of(unsigned size)
{
	switch (size) {
	case 2:
	case 4:
	case 8: return size;
	case 6: return 4;  /* pseudo-descriptor */
	case 10: return 8; /* double extended-precision and packed decimal numbers */
	case 14:
	case 14 + 80: return 2; /* x87 environment and state, with 16-bit operands */
	case 28:
	case 28 + 80: return 4;
	default: return 1;
	}
}

int access_alignment(struct cpu *cpu, uint64_t linear, unsigned size)
{
	if (cpu->cpl != 3 || !(cpu->rflags & CPU_FLAG_AC) || !(cpu->cr0 & CPU_CR0_AM))
		return CPU_OK;
	if (linear & (alignment_of(size) - 1))
		return cpu_raise_error(cpu, CPU_AC, 0);
	return CPU_OK;
}

static enum tlb_kind kind_of(unsigned access)
{
	if (access & ACCESS_USER)
		return TLB_USER;
	return access & ACCESS_SMAP ? TLB_KERNEL_SMAP : TLB_KERNEL;
}

/* Where an operand goes on that begins in the page before: legacy and compatibility mode have 32 bits of linear address
 * and wrap at 4 GiB.  A system table far above is reached from there, too, and does not. */
static uint64_t range_wrap(const struct cpu *cpu, uint64_t linear)
{
	return linear == 1ull << 32 && !cpu_code64(cpu) ? 0 : linear;
}

/* Translate every page of a range, before anything is read or written. */
static int range_translate(
	struct cpu *cpu, uint64_t linear, unsigned size, unsigned access, uint64_t physical[2], unsigned *first)
{
	unsigned room = CPU_PAGE_SIZE - (linear & 0xfff);

	*first = size < room ? size : room;
	if (paging_translate(cpu, linear, access, &physical[0]) != CPU_OK)
		return CPU_FAULT;
	if (size > room)
		return paging_translate(cpu, range_wrap(cpu, linear + room), access, &physical[1]);
	return CPU_OK;
}

/* Somebody keeps a journal: may the access be made, and what it overwrites noted? */
static int range_journal(struct cpu *cpu, const uint64_t physical[2], unsigned size, unsigned first, unsigned access)
{
	if (likely(!cpu->journal))
		return CPU_OK;
	if (journal_access(cpu, physical[0], access & ACCESS_WRITE) != CPU_OK)
		return CPU_FAULT;
	return first < size ? journal_access(cpu, physical[1], access & ACCESS_WRITE) : CPU_OK;
}

static void direct_fill(struct cpu *cpu, uint64_t linear, uint64_t physical, unsigned access)
{
	const struct tlb_page *deep;
	struct cpu_page page;
	bool global;

	physical_page(cpu, physical, &page);
	if (!page.host)
		return;
	tlb_note_host(cpu, linear, page.host, page.writable);
	deep = tlb_lookup(cpu->tlb, linear);
	global = deep && deep->flags & PAGE_GLOBAL;
	if (access & ACCESS_WRITE) {
		if (page.writable)
			tlb_fill(cpu->tlb, kind_of(access), true, linear, page.host, global);
	} else {
		tlb_fill(cpu->tlb, kind_of(access), false, linear, page.host, global);
	}
}

/* The host address of all of it, if the first level of the TLB has the page. */
static uint8_t *linear_host(const struct cpu *cpu, uint64_t linear, unsigned size, unsigned access)
{
	const struct cpu_tlb *tlb = cpu->tlb;
	enum tlb_kind kind = kind_of(access);
	const struct tlb_entry *array = access & ACCESS_WRITE ? tlb->write[kind] : tlb->read[kind];
	const struct tlb_entry *entry = &array[(linear >> 12) % TLB_SIZE];
	uint64_t delta = linear - entry->tag;

	if (size > CPU_PAGE_SIZE || delta > CPU_PAGE_SIZE - size)
		return NULL;
	return (uint8_t *)(entry->addend + linear);
}

int access_linear_read(struct cpu *cpu, uint64_t linear, void *data, unsigned size, unsigned access)
{
	const uint8_t *host = linear_host(cpu, linear, size, access);
	uint64_t physical[2];
	unsigned first;

	if (likely(host)) {
		memcpy(data, host, size);
		return CPU_OK;
	}

	if (range_translate(cpu, linear, size, access, physical, &first) != CPU_OK ||
		range_journal(cpu, physical, size, first, access) != CPU_OK)
		return CPU_FAULT;
	direct_fill(cpu, linear, physical[0], access);
	physical_read(cpu, physical[0], data, first);
	if (first < size)
		physical_read(cpu, physical[1], (uint8_t *)data + first, size - first);
	return CPU_OK;
}

int access_linear_write(struct cpu *cpu, uint64_t linear, const void *data, unsigned size, unsigned access)
{
	uint64_t physical[2];
	uint8_t *host;
	unsigned first;

	access |= ACCESS_WRITE;
	host = linear_host(cpu, linear, size, access);
	if (likely(host)) {
		memcpy(host, data, size);
		return CPU_OK;
	}
	if (range_translate(cpu, linear, size, access, physical, &first) != CPU_OK ||
		range_journal(cpu, physical, size, first, access) != CPU_OK)
		return CPU_FAULT;
	direct_fill(cpu, linear, physical[0], access);
	physical_write(cpu, physical[0], data, first);
	if (first < size)
		physical_write(cpu, physical[1], (const uint8_t *)data + first, size - first);
	return CPU_OK;
}

/* Tables may lie anywhere in IA-32e mode, whatever the width of the code that runs. */
static int system_linear(struct cpu *cpu, uint64_t *linear, unsigned size)
{
	if (!(cpu->efer & CPU_EFER_LMA)) {
		*linear &= UINT32_MAX;
		return CPU_OK;
	}
	if (unlikely(!cpu_canonical(cpu, *linear) || !cpu_canonical(cpu, *linear + size - 1)))
		return cpu_raise_error(cpu, CPU_GP, 0);
	return CPU_OK;
}

int access_system_read(struct cpu *cpu, uint64_t linear, void *data, unsigned size)
{
	if (system_linear(cpu, &linear, size) != CPU_OK)
		return CPU_FAULT;
	return access_linear_read(cpu, linear, data, size, paging_access_system(cpu));
}

int access_system_write(struct cpu *cpu, uint64_t linear, const void *data, unsigned size)
{
	if (system_linear(cpu, &linear, size) != CPU_OK)
		return CPU_FAULT;
	return access_linear_write(cpu, linear, data, size, paging_access_system(cpu));
}

int access_system_probe(struct cpu *cpu, uint64_t linear, unsigned size, bool write)
{
	uint64_t physical[2];
	unsigned first;

	if (system_linear(cpu, &linear, size) != CPU_OK)
		return CPU_FAULT;
	return range_translate(
		cpu, linear, size, paging_access_system(cpu) | (write ? ACCESS_WRITE : ACCESS_READ), physical, &first);
}

static int segment_linear(
	struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size, bool write, uint64_t *linear)
{
	if (segment_check(cpu, &cpu->segment[segment], segment == CPU_SS, offset, size, write, linear) != CPU_OK)
		return CPU_FAULT;
	return access_alignment(cpu, *linear, size);
}

int cpu_read(struct cpu *cpu, unsigned segment, uint64_t offset, void *data, unsigned size)
{
	const uint8_t *host = access_host(cpu, segment, offset, size, false);
	uint64_t linear;

	if (likely(host)) {
		memcpy(data, host, size);
		return CPU_OK;
	}

	if (segment_linear(cpu, segment, offset, size, false, &linear) != CPU_OK)
		return CPU_FAULT;
	if (access_linear_read(cpu, linear, data, size, paging_access(cpu)) != CPU_OK)
		return CPU_FAULT;
	debug_data(cpu, linear, size, false);
	return CPU_OK;
}

int cpu_write(struct cpu *cpu, unsigned segment, uint64_t offset, const void *data, unsigned size)
{
	uint8_t *host = access_host(cpu, segment, offset, size, true);
	uint64_t linear;

	if (likely(host)) {
		memcpy(host, data, size);
		return CPU_OK;
	}

	if (segment_linear(cpu, segment, offset, size, true, &linear) != CPU_OK)
		return CPU_FAULT;
	if (access_linear_write(cpu, linear, data, size, paging_access(cpu)) != CPU_OK)
		return CPU_FAULT;
	debug_data(cpu, linear, size, true);
	return CPU_OK;
}

int cpu_probe_write(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size)
{
	uint64_t linear, physical[2];
	unsigned first;

	if (access_host(cpu, segment, offset, size, true))
		return CPU_OK;
	if (segment_linear(cpu, segment, offset, size, true, &linear) != CPU_OK)
		return CPU_FAULT;
	return range_translate(cpu, linear, size, paging_access(cpu) | ACCESS_WRITE, physical, &first);
}

int access_rmw(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size, struct rmw *rmw, void *data)
{
	unsigned access = paging_access(cpu) | ACCESS_WRITE;
	struct cpu_page page;
	uint64_t linear;

	rmw->host = NULL;
	if (segment_linear(cpu, segment, offset, size, true, &linear) != CPU_OK)
		return CPU_FAULT;
	if (range_translate(cpu, linear, size, access, rmw->physical, &rmw->first) != CPU_OK ||
		range_journal(cpu, rmw->physical, size, rmw->first, access) != CPU_OK)
		return CPU_FAULT;
	direct_fill(cpu, linear, rmw->physical[0], access);
	physical_page(cpu, rmw->physical[0], &page);
	if (rmw->first == size && page.host && page.writable) {
		rmw->host = page.host + (rmw->physical[0] & 0xfff);
		memcpy(data, rmw->host, size);
	} else {
		physical_read(cpu, rmw->physical[0], data, rmw->first);
		if (rmw->first < size)
			physical_read(cpu, rmw->physical[1], (uint8_t *)data + rmw->first, size - rmw->first);
	}
	/* A watchpoint of the debugger's can be for reads alone. */
	debug_data(cpu, linear, size, false);
	debug_data(cpu, linear, size, true);
	return CPU_OK;
}

void access_rmw_end(struct cpu *cpu, const struct rmw *rmw, const void *data, unsigned size)
{
	physical_write(cpu, rmw->physical[0], data, rmw->first);
	if (rmw->first < size)
		physical_write(cpu, rmw->physical[1], (const uint8_t *)data + rmw->first, size - rmw->first);
}

uint8_t *access_host(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size, bool write)
{
	const struct cpu_fast_segment *fast = &cpu->fast[segment];
	uint64_t linear = (fast->base + offset) & cpu->linear_mask;

	if (offset + size > (write ? fast->write_end : fast->read_end))
		return NULL;
	return write ? tlb_write_hit(cpu, linear, size) : tlb_read_hit(cpu, linear, size);
}
