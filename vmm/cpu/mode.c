/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/cpu/debug.h"
#include "vmm/cpu/debugger.h"
#include "vmm/cpu/flags.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/tlb.h"

static void fast_update(struct cpu *cpu, unsigned i)
{
	const struct cpu_segment *segment = &cpu->segment[i];
	struct cpu_fast_segment *fast = &cpu->fast[i];
	unsigned type = CPU_SEGMENT_TYPE(segment->attributes);
	uint64_t end = (uint64_t)segment->limit + 1;

	if (cpu_code64(cpu)) {
		/* Neither limits nor types; what is not canonical misses the TLB. */
		fast->base = i == CPU_FS || i == CPU_GS ? segment->base : 0;
		fast->read_end = fast->write_end = UINT64_MAX;
		return;
	}
	fast->base = segment->base;
	fast->read_end = fast->write_end = 0;
	if ((type & 0xc) == 4)
		return; /* expand-down */
	if (!cpu_protected(cpu)) {
		fast->read_end = fast->write_end = end;
		return;
	}
	if (!(segment->attributes & CPU_SEGMENT_P))
		return;
	if (!(type & 8) || type & 2)
		fast->read_end = end;
	if (!(type & 8) && type & 2)
		fast->write_end = end;
}

static enum tlb_kind tlb_kind(const struct cpu *cpu)
{
	if (cpu->cpl == 3)
		return TLB_USER;
	return cpu->cr4 & CPU_CR4_SMAP && !(cpu->rflags & CPU_FLAG_AC) ? TLB_KERNEL_SMAP : TLB_KERNEL;
}

static bool segments_flat(const struct cpu *cpu)
{
	static const uint8_t flat[3] = { CPU_ES, CPU_SS, CPU_DS };

	for (unsigned i = 0; i < 3; i++)
		if (cpu->fast[flat[i]].base || cpu->fast[flat[i]].write_end <= UINT32_MAX)
			return false;
	return true;
}

/* The parts of the mode word that follow from what changes more often than the rest. */
static void context_refine(struct cpu *cpu)
{
	const uint32_t changes = MODE_KIND_MASK << MODE_KIND_SHIFT | MODE_FLAT;
	uint32_t mode = (uint32_t)(cpu->context >> 32) & ~changes;

	mode |= (uint32_t)tlb_kind(cpu) << MODE_KIND_SHIFT;
	if (mode & MODE_CODE64 || segments_flat(cpu))
		mode |= MODE_FLAT;
	cpu->context = (uint64_t)mode << 32 | (uint32_t)cpu->context;
}

static void context_update(struct cpu *cpu)
{
	uint32_t mode = MODE_CPL(cpu->cpl);

	if (cpu->efer & CPU_EFER_LMA && cpu->segment[CPU_CS].attributes & CPU_SEGMENT_L)
		mode |= MODE_CODE64;
	else if (cpu->segment[CPU_CS].attributes & CPU_SEGMENT_DB)
		mode |= MODE_CODE32;
	/* 64-bit code has the same stack whether SS came from SYSCALL or is the null selector of an interrupt */
	if (!(mode & MODE_CODE64) && cpu->segment[CPU_SS].attributes & CPU_SEGMENT_DB)
		mode |= MODE_STACK32;
	if (!(mode & MODE_CODE64) && cpu->segment[CPU_CS].limit == 0xffff)
		mode |= MODE_LIMIT_64K;
	if (!(mode & MODE_CODE64) && cpu->segment[CPU_CS].limit == UINT32_MAX)
		mode |= MODE_LIMIT_4G;
	if (cpu->cr0 & CPU_CR0_PE)
		mode |= MODE_PE;
	if (cpu->rflags & CPU_FLAG_VM)
		mode |= MODE_VM;
	cpu->context = (uint64_t)mode << 32;
	if (mode & MODE_CODE64) {
		cpu->stack_mask = cpu->linear_mask = cpu->ip_mask = UINT64_MAX;
		return;
	}
	cpu->stack_mask = mode & MODE_STACK32 ? 0xffffffff : 0xffff;
	cpu->linear_mask = 0xffffffff;
	cpu->ip_mask = 0xffffffff;
	cpu->context |= (uint32_t)cpu->segment[CPU_CS].base;
}

void cpu_segment_update(struct cpu *cpu, unsigned segment)
{
	bool was64 = cpu_code64(cpu);

	if (segment == CPU_CS || segment == CPU_SS)
		context_update(cpu);
	if (cpu_code64(cpu) != was64)
		for (unsigned i = 0; i < CPU_SEGMENTS; i++)
			fast_update(cpu, i);
	else
		fast_update(cpu, segment);
	context_refine(cpu);
	if (segment == CPU_CS) {
		uint32_t limit = cpu_code64(cpu) ? UINT32_MAX : cpu->segment[CPU_CS].limit;

		if (limit == cpu->code_limit)
			return;
		/* Blocks were decoded under the old limit, and links know nothing of limits. */
		cpu->code_limit = limit;
		cpu->tlb->epoch++;
		cpu->tlb->space++;
		cpu->tlb->epoch_kernel++;
		cpu->attention = true;
	}
}

void cpu_tlb_select(struct cpu *cpu)
{
	struct cpu_tlb *tlb = cpu->tlb;
	enum tlb_kind kind = tlb_kind(cpu);

	context_refine(cpu);
	cpu->tlb_read = tlb->read[kind];
	cpu->tlb_write = tlb->write[kind];
	if (debug_data_armed(cpu) || debugger_watches(cpu) ||
		(cpu->cpl == 3 && cpu->cr0 & CPU_CR0_AM && cpu->rflags & CPU_FLAG_AC))
		cpu->tlb_read = cpu->tlb_write = tlb->empty;
	cpu->slow = cpu->trace & CPU_TRACE_EXEC || debugger_stepping(cpu) || cpu->rflags & CPU_FLAG_TF ||
		debug_code_armed(cpu);
	cpu->attention = true;
}

void cpu_mode_update(struct cpu *cpu)
{
	cpu->gpr[16] = 0;
	for (unsigned i = 0; i < CPU_SEGMENTS; i++)
		cpu_segment_update(cpu, i);
	cpu_tlb_select(cpu);
}

void cpu_rflags_write(struct cpu *cpu, uint64_t flags, uint64_t mask)
{
	uint64_t old = cpu->rflags;

	if (mask & CPU_FLAGS_ARITHMETIC) {
		flags_settle(cpu);
		old = cpu->rflags;
	}
	cpu->rflags = (old & ~mask) | (flags & mask) | CPU_FLAG_FIXED;
	old ^= cpu->rflags;
	if (old & CPU_FLAG_VM)
		cpu_mode_update(cpu);
	if (old & (CPU_FLAG_TF | CPU_FLAG_AC))
		cpu_tlb_select(cpu);
	if (old & (CPU_FLAG_IF | CPU_FLAG_VIF | CPU_FLAG_VIP))
		cpu->attention = true;
}
