/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * SETcc and CMOVcc.
 */
#include "vmm/cpu/model.h"
#include "vmm/cpu/operand.h"

static int setcc(struct cpu *cpu, const struct insn *insn)
{
	return rm_write8(cpu, insn, flags_condition(cpu, insn->opcode & 15));
}

static int cmov16(struct cpu *cpu, const struct insn *insn)
{
	uint16_t value;

	/* The source is read, and may fault, whatever the condition. */
	if (rm_read16(cpu, insn, &value) != CPU_OK)
		return CPU_FAULT;
	if (flags_condition(cpu, insn->opcode & 15))
		reg_set16(cpu, insn, insn->reg, value);
	return CPU_OK;
}

static int cmov32(struct cpu *cpu, const struct insn *insn)
{
	uint32_t value;

	if (rm_read32(cpu, insn, &value) != CPU_OK)
		return CPU_FAULT;
	reg_set32(cpu, insn, insn->reg,
		flags_condition(cpu, insn->opcode & 15) ? value : reg_get32(cpu, insn, insn->reg));
	return CPU_OK;
}

static int cmov64(struct cpu *cpu, const struct insn *insn)
{
	uint64_t value;

	if (rm_read64(cpu, insn, &value) != CPU_OK)
		return CPU_FAULT;
	if (flags_condition(cpu, insn->opcode & 15))
		cpu->gpr[insn->reg] = value;
	return CPU_OK;
}

insn_execute *condition_select(struct cpu *cpu, struct insn *insn)
{
	if ((insn->opcode & 0xf0) == 0x90)
		return setcc;
	if (!(cpu->model->features_1_edx & (1u << 15)))
		return NULL;
	return by_size(insn, cmov16, cmov32, cmov64);
}
