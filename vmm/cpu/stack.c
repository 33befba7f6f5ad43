/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * PUSH, POP, PUSHA, POPA.
 */
#include "vmm/cpu/operand.h"
#include "vmm/cpu/segment.h"

static int push_r32(struct cpu *cpu, const struct insn *insn)
{
	return push32(cpu, (uint32_t)cpu->gpr[insn->rm]);
}

static int push_r16(struct cpu *cpu, const struct insn *insn)
{
	return push16(cpu, (uint16_t)cpu->gpr[insn->rm]);
}

static int push_r64(struct cpu *cpu, const struct insn *insn)
{
	return push64(cpu, cpu->gpr[insn->rm]);
}

static int push_i(struct cpu *cpu, const struct insn *insn)
{
	return push(cpu, insn->operand_size, insn->immediate);
}

static int push_rm(struct cpu *cpu, const struct insn *insn)
{
	uint64_t value;

	if (rm_read(cpu, insn, insn->operand_size, &value) != CPU_OK)
		return CPU_FAULT;
	return push(cpu, insn->operand_size, value);
}

static int pop_r32(struct cpu *cpu, const struct insn *insn)
{
	uint64_t rsp = cpu->gpr[CPU_RSP] & cpu->stack_mask;
	uint32_t value;

	if (unlikely(mem_read32(cpu, CPU_SS, rsp, &value) != CPU_OK))
		return CPU_FAULT;
	rsp_set(cpu, rsp + 4);
	cpu->gpr[insn->rm] = value; /* POP ESP: the value wins */
	return CPU_OK;
}

static int pop_r16(struct cpu *cpu, const struct insn *insn)
{
	uint64_t rsp = cpu->gpr[CPU_RSP] & cpu->stack_mask;
	uint16_t value;

	if (unlikely(mem_read16(cpu, CPU_SS, rsp, &value) != CPU_OK))
		return CPU_FAULT;
	rsp_set(cpu, rsp + 2);
	reg_set16(cpu, insn, insn->rm, value);
	return CPU_OK;
}

static int pop_r64(struct cpu *cpu, const struct insn *insn)
{
	uint64_t rsp = cpu->gpr[CPU_RSP], value;

	if (unlikely(mem_read64(cpu, CPU_SS, rsp, &value) != CPU_OK))
		return CPU_FAULT;
	cpu->gpr[CPU_RSP] = rsp + 8;
	cpu->gpr[insn->rm] = value;
	return CPU_OK;
}

static int pop_rm(struct cpu *cpu, const struct insn *insn)
{
	uint64_t rsp = cpu->gpr[CPU_RSP], value;

	if (stack_read(cpu, 0, insn->operand_size, &value) != CPU_OK)
		return CPU_FAULT;
	/* An address that uses ESP sees it already incremented (SDM vol. 2B, POP). */
	rsp_set(cpu, rsp + insn->operand_size);
	if (insn->mod != 3 && rm_write(cpu, insn, insn->operand_size, value) != CPU_OK) {
		cpu->gpr[CPU_RSP] = rsp;
		return CPU_FAULT;
	}
	if (insn->mod == 3)
		reg_set(cpu, insn->rm, insn->operand_size, value);
	return CPU_OK;
}

static unsigned segment_of(const struct insn *insn)
{
	/* 06 0E 16 1E; 0FA0, 0FA8 */
	return insn->opcode < 0x100 ? insn->opcode >> 3 & 3 : insn->opcode < 0x1a8 ? CPU_FS : CPU_GS;
}

static int push_segment(struct cpu *cpu, const struct insn *insn)
{
	/* With 32 bits zero-extended; some Intel processors write only the low half of the slot. */
	return push(cpu, insn->operand_size, cpu->segment[segment_of(insn)].selector);
}

static int pop_segment(struct cpu *cpu, const struct insn *insn)
{
	unsigned segment = segment_of(insn);
	uint64_t rsp = cpu->gpr[CPU_RSP], old_mask = cpu->stack_mask;
	uint16_t selector;

	if (mem_read16(cpu, CPU_SS, rsp & cpu->stack_mask, &selector) != CPU_OK)
		return CPU_FAULT;
	if (segment_load(cpu, segment, selector) != CPU_OK)
		return CPU_FAULT;
	/* The pop was made with the old stack size. */
	cpu->gpr[CPU_RSP] = (rsp & ~old_mask) | ((rsp + insn->operand_size) & old_mask);
	if (segment == CPU_SS) {
		cpu->interrupt_shadow = cpu->shadow_ss = true;
		cpu->attention = true;
		return CPU_END;
	}
	return CPU_OK;
}

static int pusha(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_size;
	struct stack stack;

	stack_current(cpu, &stack);
	/* A fault leaves what was written before it, as on the host; RSP has not moved. */
	for (unsigned i = 0; i < 8; i++) {
		stack.sp = (stack.sp - size) & stack.mask;
		if (cpu_write(cpu, CPU_SS, stack.sp, &cpu->gpr[i], size) != CPU_OK)
			return CPU_FAULT;
	}
	stack_commit(cpu, &stack);
	return CPU_OK;
}

static int popa(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_size;
	uint64_t value;

	/* A fault leaves what was popped before it in place, as on the host; RSP has not moved, so that the
	 * instruction starts over. */
	for (unsigned i = 0; i < 8; i++) {
		if (stack_read(cpu, i * size, size, &value) != CPU_OK)
			return CPU_FAULT;
		if (7 - i != CPU_RSP)
			reg_set(cpu, 7 - i, size, value);
	}
	rsp_set(cpu, cpu->gpr[CPU_RSP] + 8 * size);
	return CPU_OK;
}

insn_execute *stack_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	switch (insn->opcode) {
	case 0x06:
	case 0x0e:
	case 0x16:
	case 0x1e:
	case 0x1a0:
	case 0x1a8: return push_segment;
	case 0x07:
	case 0x17:
	case 0x1f:
	case 0x1a1:
	case 0x1a9: return pop_segment;
	case 0x60: return pusha;
	case 0x61: return popa;
	case 0x68:
	case 0x6a: return push_i;
	case 0x8f: return insn->modrm >> 3 & 7 ? NULL : pop_rm;
	case 0xff: return push_rm;
	default:
		insn->rm = (insn->opcode & 7) | (insn->rex & 1 ? 8 : 0);
		if (insn->opcode < 0x58)
			return by_size(insn, push_r16, push_r32, push_r64);
		return by_size(insn, pop_r16, pop_r32, pop_r64);
	}
}
