/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/cpu/flags.h"
#include "vmm/cpu/insn.h"

uint32_t flags_compute(const struct cpu *cpu)
{
	uint32_t flags = 0;

	if (cpu->flags_op == FLAGS_VALID)
		return cpu->rflags & CPU_FLAGS_ARITHMETIC;
	if (flags_cf(cpu))
		flags |= CPU_FLAG_CF;
	if (flags_of(cpu))
		flags |= CPU_FLAG_OF;
	if (flags_zf(cpu))
		flags |= CPU_FLAG_ZF;
	if (flags_sf(cpu))
		flags |= CPU_FLAG_SF;
	if (flags_pf(cpu))
		flags |= CPU_FLAG_PF;
	if (cpu->flags_op == FLAGS_MISC)
		flags |= cpu->flags_source1 & CPU_FLAG_AF;
	else if (cpu->flags_op != FLAGS_LOGIC)
		flags |= (cpu->flags_source1 ^ cpu->flags_source2 ^ cpu->flags_result) & CPU_FLAG_AF;
	return flags;
}

uint64_t cpu_rflags(const struct cpu *cpu)
{
	return (cpu->rflags & ~(uint64_t)CPU_FLAGS_ARITHMETIC) | flags_compute(cpu) | CPU_FLAG_FIXED;
}

void cpu_arithmetic_set(struct cpu *cpu, uint32_t flags)
{
	cpu->rflags = (cpu->rflags & ~(uint64_t)CPU_FLAGS_ARITHMETIC) | (flags & CPU_FLAGS_ARITHMETIC);
	cpu->flags_op = FLAGS_VALID;
}
