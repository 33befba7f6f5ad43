/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * BOUND, XLAT; prefetches, hints and long NOPs.
 */
#include "vmm/cpu/model.h"
#include "vmm/cpu/operand.h"

static int bound(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_size;
	uint64_t low, high, where = ea(cpu, insn);
	int64_t index, lower, upper;

	if (mem_read(cpu, insn->segment, where, size, &low) != CPU_OK ||
		mem_read(cpu, insn->segment, (where + size) & (~0ull >> insn->ea_shift), size, &high) != CPU_OK)
		return CPU_FAULT;
	if (size == 2) {
		index = (int16_t)cpu->gpr[insn->reg];
		lower = (int16_t)low;
		upper = (int16_t)high;
	} else {
		index = (int32_t)cpu->gpr[insn->reg];
		lower = (int32_t)low;
		upper = (int32_t)high;
	}
	return index < lower || index > upper ? cpu_raise(cpu, CPU_BR) : CPU_OK;
}

static int xlat(struct cpu *cpu, const struct insn *insn)
{
	uint64_t offset = (cpu->gpr[CPU_RBX] + (uint8_t)cpu->gpr[CPU_RAX]) & (~0ull >> insn->ea_shift);
	uint8_t value;

	if (mem_read8(cpu, insn->segment, offset, &value) != CPU_OK)
		return CPU_FAULT;
	reg_set8(cpu, insn, CPU_RAX, value);
	return CPU_OK;
}

/* Prefetches and hint NOPs touch no memory, whatever their operand. */
static int hint(struct cpu *cpu, const struct insn *insn)
{
	(void)cpu;
	(void)insn;
	return CPU_OK;
}

/* RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE: ModRM.reg 0 to 3 */
static int segment_base(struct cpu *cpu, const struct insn *insn)
{
	unsigned digit = insn->modrm >> 3 & 7, segment = digit & 1 ? CPU_GS : CPU_FS;
	uint64_t value;

	if (!(cpu->cr4 & CPU_CR4_FSGSBASE))
		return cpu_raise(cpu, CPU_UD);
	if (digit < 2) {
		reg_set(cpu, insn->rm, insn->operand_size == 8 ? 8 : 4, cpu->segment[segment].base);
		return CPU_OK;
	}
	value = insn->operand_size == 8 ? cpu->gpr[insn->rm] : (uint32_t)cpu->gpr[insn->rm];
	if (!cpu_canonical(cpu, value))
		return cpu_raise_error(cpu, CPU_GP, 0);
	cpu->segment[segment].base = value;
	cpu_segment_update(cpu, segment);
	return CPU_OK;
}

insn_execute *misc_select(struct cpu *cpu, struct insn *insn)
{
	switch (insn->opcode) {
	case 0x62: return insn->mod != 3 && !insn->code64 ? bound : NULL;
	case 0xd7: return xlat;
	case 0x1ae:
		if (insn->code64 && insn->rep == 0xf3 && !insn->prefix66 && insn->mod == 3 &&
			(insn->modrm >> 3 & 7) < 4 && cpu->model->features_7_ebx & CPU_FEATURE_FSGSBASE)
			return segment_base;
		return vector_select(cpu, insn);
	case 0x10d: /* PREFETCHW, 3DNow's PREFETCH */
		/* Intel 64 processors without it take it for a NOP, and 64-bit systems use it unasked. */
		if (insn->mod == 3 || !(cpu->model->features_ext_edx & CPU_FEATURE_LM))
			return NULL;
		return hint;
	default: return cpu->model->family >= 6 ? hint : NULL;
	}
}
