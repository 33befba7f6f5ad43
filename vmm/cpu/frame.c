/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * ENTER and LEAVE.
 */
#include "vmm/cpu/operand.h"
#include "vmm/cpu/segment.h"

static int enter(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_size, level = insn->immediate2 & 31;
	struct stack stack;
	uint64_t frame, rbp = cpu->gpr[CPU_RBP], value;

	stack_current(cpu, &stack);
	stack.sp = (stack.sp - size) & stack.mask;
	if (cpu_write(cpu, CPU_SS, stack.sp, &rbp, size) != CPU_OK)
		return CPU_FAULT;
	frame = stack.sp;
	if (level) {
		for (unsigned i = 1; i < level; i++) {
			rbp = (rbp & ~stack.mask) | ((rbp - size) & stack.mask);
			if (mem_read(cpu, CPU_SS, rbp & stack.mask, size, &value) != CPU_OK)
				return CPU_FAULT;
			stack.sp = (stack.sp - size) & stack.mask;
			if (cpu_write(cpu, CPU_SS, stack.sp, &value, size) != CPU_OK)
				return CPU_FAULT;
		}
		stack.sp = (stack.sp - size) & stack.mask;
		value = (cpu->gpr[CPU_RSP] & ~stack.mask) | frame;
		if (cpu_write(cpu, CPU_SS, stack.sp, &value, size) != CPU_OK)
			return CPU_FAULT;
	}
	stack.sp = (stack.sp - insn->immediate) & stack.mask;
	/* The final stack pointer must be writable (SDM vol. 2A, ENTER). */
	if (cpu_probe_write(cpu, CPU_SS, stack.sp, size) != CPU_OK)
		return CPU_FAULT;
	if (size == 2)
		reg_set16(cpu, insn, CPU_RBP, (uint16_t)frame);
	else if (size == 8)
		cpu->gpr[CPU_RBP] = frame;
	else
		cpu->gpr[CPU_RBP] = (cpu->gpr[CPU_RSP] & ~stack.mask & 0xffffffff) | frame;
	stack_commit(cpu, &stack);
	return CPU_OK;
}

static int leave(struct cpu *cpu, const struct insn *insn)
{
	uint64_t rsp = cpu->gpr[CPU_RBP] & cpu->stack_mask, value;

	if (mem_read(cpu, CPU_SS, rsp, insn->operand_size, &value) != CPU_OK)
		return CPU_FAULT;
	rsp_set(cpu, rsp + insn->operand_size);
	reg_set(cpu, CPU_RBP, insn->operand_size, value);
	return CPU_OK;
}

static int leave32(struct cpu *cpu, const struct insn *insn)
{
	uint64_t rsp = cpu->gpr[CPU_RBP] & cpu->stack_mask;
	uint32_t value;

	(void)insn;
	if (unlikely(mem_read32(cpu, CPU_SS, rsp, &value) != CPU_OK))
		return CPU_FAULT;
	rsp_set(cpu, rsp + 4);
	cpu->gpr[CPU_RBP] = value;
	return CPU_OK;
}

static int leave64(struct cpu *cpu, const struct insn *insn)
{
	uint64_t rsp = cpu->gpr[CPU_RBP], value;

	(void)insn;
	if (unlikely(mem_read64(cpu, CPU_SS, rsp, &value) != CPU_OK))
		return CPU_FAULT;
	cpu->gpr[CPU_RSP] = rsp + 8;
	cpu->gpr[CPU_RBP] = value;
	return CPU_OK;
}

insn_execute *frame_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	if (insn->opcode == 0xc8)
		return enter;
	return by_size(insn, leave, leave32, leave64);
}
