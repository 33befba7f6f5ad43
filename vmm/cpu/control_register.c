/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * MOV to and from control and debug registers.
 */
#include "vmm/cpu/apic.h"
#include "vmm/cpu/debug.h"
#include "vmm/cpu/operand.h"
#include "vmm/cpu/system.h"

static int mov_from_cr(struct cpu *cpu, const struct insn *insn)
{
	uint64_t value;

	if (cpu->cpl)
		return cpu_raise_error(cpu, CPU_GP, 0);
	switch (insn->reg) {
	case 0: value = cpu->cr0; break;
	case 2: value = cpu->cr2; break;
	case 3: value = cpu->cr3; break;
	case 8: value = cpu->apic ? apic_tpr_read(cpu->apic) : 0; break;
	default: value = cpu->cr4; break;
	}
	cpu->gpr[insn->rm] = insn->code64 ? value : (uint32_t)value;
	return CPU_OK;
}

static int mov_to_cr(struct cpu *cpu, const struct insn *insn)
{
	uint64_t value = insn->code64 ? cpu->gpr[insn->rm] : (uint32_t)cpu->gpr[insn->rm];
	int status = CPU_OK;

	if (cpu->cpl)
		return cpu_raise_error(cpu, CPU_GP, 0);
	switch (insn->reg) {
	case 0: status = cr0_write(cpu, value); break;
	case 2: cpu->cr2 = value; break;
	case 3: status = cr3_write(cpu, value); break;
	case 8:
		if (value >> 4)
			return cpu_raise_error(cpu, CPU_GP, 0);
		if (cpu->apic)
			apic_tpr_write(cpu->apic, value);
		cpu->attention = true;
		break;
	default: status = cr4_write(cpu, value); break;
	}
	return status == CPU_OK ? CPU_END : CPU_FAULT;
}

static int debug_check(struct cpu *cpu, const struct insn *insn, unsigned *reg)
{
	*reg = insn->reg;
	if (*reg == 4 || *reg == 5) {
		if (cpu->cr4 & CPU_CR4_DE)
			return cpu_raise(cpu, CPU_UD);
		*reg += 2;
	}
	if (cpu->cpl)
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (cpu->dr[7] & DR7_GD) {
		cpu_raise(cpu, CPU_DB);
		cpu->exception.dr6 = DR6_BD;
		return CPU_FAULT;
	}
	return CPU_OK;
}

static int mov_from_dr(struct cpu *cpu, const struct insn *insn)
{
	unsigned reg;

	if (debug_check(cpu, insn, &reg) != CPU_OK)
		return CPU_FAULT;
	cpu->gpr[insn->rm] = insn->code64 ? cpu->dr[reg] : (uint32_t)cpu->dr[reg];
	return CPU_OK;
}

static int mov_to_dr(struct cpu *cpu, const struct insn *insn)
{
	uint64_t value = insn->code64 ? cpu->gpr[insn->rm] : (uint32_t)cpu->gpr[insn->rm];
	unsigned reg;

	if (debug_check(cpu, insn, &reg) != CPU_OK)
		return CPU_FAULT;
	if (reg >= 6 && value >> 32)
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (reg == 6)
		value = (value & 0xe00f) | DR6_FIXED;
	if (reg == 7)
		value = (value & 0xffff2bff) | DR7_FIXED;
	cpu->dr[reg] = value;
	cpu_tlb_select(cpu);
	return CPU_END;
}

insn_execute *control_register_select(struct cpu *cpu, struct insn *insn)
{
	bool known = insn->reg == 0 || insn->reg == 2 || insn->reg == 3 || insn->reg == 4 ||
		(insn->reg == 8 && insn->code64);

	(void)cpu;
	switch (insn->opcode) {
	case 0x120: return known ? mov_from_cr : NULL;
	case 0x122: return known ? mov_to_cr : NULL;
	case 0x121: return insn->reg < 8 ? mov_from_dr : NULL;
	default: return insn->reg < 8 ? mov_to_dr : NULL;
	}
}
