/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * PUSHF, POPF, SAHF, LAHF, CMC, CLC, STC, CLI, STI, CLD, STD.
 */
#include "vmm/cpu/operand.h"

static int pushf(struct cpu *cpu, const struct insn *insn)
{
	uint64_t image = cpu_rflags(cpu) & ~(uint64_t)(CPU_FLAG_VM | CPU_FLAG_RF);

	if (cpu_v86(cpu) && cpu_iopl(cpu) < 3) {
		if (!(cpu->cr4 & CPU_CR4_VME) || insn->operand_size != 2)
			return cpu_raise_error(cpu, CPU_GP, 0);
		image = (image | CPU_FLAG_IOPL) & ~(uint64_t)CPU_FLAG_IF;
		if (image & CPU_FLAG_VIF)
			image |= CPU_FLAG_IF;
	}
	return push(cpu, insn->operand_size, image);
}

static int popf(struct cpu *cpu, const struct insn *insn)
{
	uint64_t mask = CPU_FLAGS_ARITHMETIC | CPU_FLAG_TF | CPU_FLAG_DF | CPU_FLAG_NT, image, changed;
	unsigned size = insn->operand_size;

	if (size != 2)
		mask |= CPU_FLAG_AC | CPU_FLAG_ID;
	if (cpu_v86(cpu) && cpu_iopl(cpu) < 3 && (!(cpu->cr4 & CPU_CR4_VME) || size != 2))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (stack_read(cpu, 0, size, &image) != CPU_OK)
		return CPU_FAULT;
	if (cpu_v86(cpu) && cpu_iopl(cpu) < 3) {
		if (image & CPU_FLAG_TF || (image & CPU_FLAG_IF && cpu->rflags & CPU_FLAG_VIP))
			return cpu_raise_error(cpu, CPU_GP, 0);
		mask |= CPU_FLAG_VIF;
		image &= ~(uint64_t)CPU_FLAG_VIF;
		if (image & CPU_FLAG_IF)
			image |= CPU_FLAG_VIF;
	} else {
		if (cpu->cpl <= cpu_iopl(cpu))
			mask |= CPU_FLAG_IF;
		if (cpu->cpl == 0)
			mask |= CPU_FLAG_IOPL;
	}
	rsp_set(cpu, cpu->gpr[CPU_RSP] + size);
	cpu->rflags &= ~(uint64_t)CPU_FLAG_RF;
	changed = cpu->rflags;
	cpu_rflags_write(cpu, image, mask);
	changed ^= cpu->rflags;
	/* With the arithmetic flags alone a block goes on, as T1's does. */
	return changed & ~(uint64_t)CPU_FLAGS_ARITHMETIC ? CPU_END : CPU_OK;
}

static int sahf(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	flags_settle(cpu);
	cpu->rflags = (cpu->rflags & ~(uint64_t)0xd5) | (cpu->gpr[CPU_RAX] >> 8 & 0xd5);
	return CPU_OK;
}

static int lahf(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	((uint8_t *)cpu->gpr)[1] = (uint8_t)((flags_compute(cpu) & 0xd5) | CPU_FLAG_FIXED);
	return CPU_OK;
}

static int carry_execute(struct cpu *cpu, const struct insn *insn)
{
	flags_settle(cpu);
	if (insn->opcode == 0xf5)
		cpu->rflags ^= CPU_FLAG_CF;
	else if (insn->opcode == 0xf8)
		cpu->rflags &= ~(uint64_t)CPU_FLAG_CF;
	else
		cpu->rflags |= CPU_FLAG_CF;
	return CPU_OK;
}

static int direction_execute(struct cpu *cpu, const struct insn *insn)
{
	if (insn->opcode == 0xfd)
		cpu->rflags |= CPU_FLAG_DF;
	else
		cpu->rflags &= ~(uint64_t)CPU_FLAG_DF;
	return CPU_OK;
}

/* CLI and STI with the virtual interrupt flag: CR4.VME in virtual-8086 mode, CR4.PVI at CPL 3. */
static bool interrupt_is_virtual(const struct cpu *cpu)
{
	if (cpu_v86(cpu))
		return cpu->cr4 & CPU_CR4_VME;
	return cpu->cpl == 3 && cpu->cr4 & CPU_CR4_PVI;
}

static int cli(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	if (!(cpu->cr0 & CPU_CR0_PE) || cpu->cpl <= cpu_iopl(cpu))
		cpu->rflags &= ~(uint64_t)CPU_FLAG_IF;
	else if (interrupt_is_virtual(cpu))
		cpu->rflags &= ~(uint64_t)CPU_FLAG_VIF;
	else
		return cpu_raise_error(cpu, CPU_GP, 0);
	return CPU_OK;
}

static int sti(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	if (!(cpu->cr0 & CPU_CR0_PE) || cpu->cpl <= cpu_iopl(cpu)) {
		if (cpu->rflags & CPU_FLAG_IF)
			return CPU_OK;
		cpu->rflags |= CPU_FLAG_IF;
		cpu->interrupt_shadow = true;
		cpu->attention = true;
		return CPU_END;
	}
	if (!interrupt_is_virtual(cpu) || cpu->rflags & CPU_FLAG_VIP)
		return cpu_raise_error(cpu, CPU_GP, 0);
	cpu->rflags |= CPU_FLAG_VIF;
	return CPU_OK;
}

insn_execute *flag_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	switch (insn->opcode) {
	case 0x9c: return pushf;
	case 0x9d: return popf;
	case 0x9e: return sahf;
	case 0x9f: return lahf;
	case 0xf5:
	case 0xf8:
	case 0xf9: return carry_execute;
	case 0xfa: return cli;
	case 0xfb: return sti;
	default: return direction_execute;
	}
}
