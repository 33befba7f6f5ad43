/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Registers and operands as instruction handlers see them.
 */
#ifndef VMM_CPU_OPERAND_H
#define VMM_CPU_OPERAND_H

#include "vmm/cpu/access.h"
#include "vmm/cpu/decode_table.h"
#include "vmm/cpu/flags.h"
#include "vmm/cpu/mode.h"

/* Without REX, byte registers 4 to 7 are AH, CH, DH, BH. */
static inline uint8_t *reg8_at(struct cpu *cpu, const struct insn *insn, unsigned reg)
{
	unsigned offset = insn->rex ? reg * 8 : (reg & 3) * 8 + (reg >> 2);

	return (uint8_t *)cpu->gpr + offset;
}
static inline uint8_t reg_get8(struct cpu *cpu, const struct insn *insn, unsigned reg)
{
	return *reg8_at(cpu, insn, reg);
}
static inline void reg_set8(struct cpu *cpu, const struct insn *insn, unsigned reg, uint8_t value)
{
	*reg8_at(cpu, insn, reg) = value;
}
static inline uint16_t reg_get16(struct cpu *cpu, const struct insn *insn, unsigned reg)
{
	(void)insn;
	return (uint16_t)cpu->gpr[reg];
}
static inline void reg_set16(struct cpu *cpu, const struct insn *insn, unsigned reg, uint16_t value)
{
	(void)insn;
	memcpy(&cpu->gpr[reg], &value, 2);
}
static inline uint32_t reg_get32(struct cpu *cpu, const struct insn *insn, unsigned reg)
{
	(void)insn;
	return (uint32_t)cpu->gpr[reg];
}
static inline void reg_set32(struct cpu *cpu, const struct insn *insn, unsigned reg, uint32_t value)
{
	(void)insn;
	cpu->gpr[reg] = value;
}
static inline uint64_t reg_get64(struct cpu *cpu, const struct insn *insn, unsigned reg)
{
	(void)insn;
	return cpu->gpr[reg];
}
static inline void reg_set64(struct cpu *cpu, const struct insn *insn, unsigned reg, uint64_t value)
{
	(void)insn;
	cpu->gpr[reg] = value;
}

/* Register by operand size, for code that is not hot. */
static inline uint64_t reg_get(const struct cpu *cpu, unsigned reg, unsigned size)
{
	return cpu->gpr[reg] & (~0ull >> (64 - 8 * size));
}
static inline void reg_set(struct cpu *cpu, unsigned reg, unsigned size, uint64_t value)
{
	if (size == 2)
		memcpy(&cpu->gpr[reg], &value, 2);
	else if (size == 1)
		memcpy(&cpu->gpr[reg], &value, 1);
	else
		cpu->gpr[reg] = size == 4 ? (uint32_t)value : value;
}

/* The r/m operand. */
#define OPERAND_TEMPLATE(bits) \
	static inline int rm_read##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t *value) \
	{ \
		if (insn->mod != 3) \
			return mem_read##bits(cpu, insn->segment, ea(cpu, insn), value); \
		*value = reg_get##bits(cpu, insn, insn->rm); \
		return CPU_OK; \
	} \
	static inline int rm_write##bits(struct cpu *cpu, const struct insn *insn, uint##bits##_t value) \
	{ \
		if (insn->mod != 3) \
			return mem_write##bits(cpu, insn->segment, ea(cpu, insn), value); \
		reg_set##bits(cpu, insn, insn->rm, value); \
		return CPU_OK; \
	}

OPERAND_TEMPLATE(8)
OPERAND_TEMPLATE(16)
OPERAND_TEMPLATE(32)
OPERAND_TEMPLATE(64)
#undef OPERAND_TEMPLATE

/* The same by size, for code that is not hot. */
static inline int mem_read(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size, uint64_t *value)
{
	*value = 0;
	return cpu_read(cpu, segment, offset, value, size);
}
static inline int rm_read(struct cpu *cpu, const struct insn *insn, unsigned size, uint64_t *value)
{
	if (insn->mod != 3)
		return mem_read(cpu, insn->segment, ea(cpu, insn), size, value);
	*value = size == 1 ? reg_get8(cpu, insn, insn->rm) : reg_get(cpu, insn->rm, size);
	return CPU_OK;
}
static inline int rm_write(struct cpu *cpu, const struct insn *insn, unsigned size, uint64_t value)
{
	if (insn->mod != 3)
		return cpu_write(cpu, insn->segment, ea(cpu, insn), &value, size);
	if (size == 1)
		reg_set8(cpu, insn, insn->rm, (uint8_t)value);
	else
		reg_set(cpu, insn->rm, size, value);
	return CPU_OK;
}

/* Choose among the handlers of one operation by operand size. */
static inline insn_execute *by_size(
	const struct insn *insn, insn_execute *size2, insn_execute *size4, insn_execute *size8)
{
	return insn->operand_size == 2 ? size2 : insn->operand_size == 4 ? size4 : size8;
}

/* The stack.  Pushing and popping move RSP only after the access succeeded. */
static inline void rsp_set(struct cpu *cpu, uint64_t value)
{
	cpu->gpr[CPU_RSP] = (cpu->gpr[CPU_RSP] & ~cpu->stack_mask) | (value & cpu->stack_mask);
}
static inline int push16(struct cpu *cpu, uint16_t value)
{
	uint64_t rsp = (cpu->gpr[CPU_RSP] - 2) & cpu->stack_mask;

	if (unlikely(mem_write16(cpu, CPU_SS, rsp, value) != CPU_OK))
		return CPU_FAULT;
	rsp_set(cpu, rsp);
	return CPU_OK;
}
static inline int push32(struct cpu *cpu, uint32_t value)
{
	uint64_t rsp = (cpu->gpr[CPU_RSP] - 4) & cpu->stack_mask;

	if (unlikely(mem_write32(cpu, CPU_SS, rsp, value) != CPU_OK))
		return CPU_FAULT;
	rsp_set(cpu, rsp);
	return CPU_OK;
}
static inline int push64(struct cpu *cpu, uint64_t value)
{
	/* Only 64-bit mode has it, where all of RSP is the stack pointer. */
	uint64_t rsp = cpu->gpr[CPU_RSP] - 8;

	if (unlikely(mem_write64(cpu, CPU_SS, rsp, value) != CPU_OK))
		return CPU_FAULT;
	cpu->gpr[CPU_RSP] = rsp;
	return CPU_OK;
}
static inline int push(struct cpu *cpu, unsigned size, uint64_t value)
{
	if (size == 8)
		return push64(cpu, value);
	return size == 2 ? push16(cpu, (uint16_t)value) : push32(cpu, (uint32_t)value);
}
/* Read the stack at a distance from its top. */
static inline int stack_read(struct cpu *cpu, unsigned distance, unsigned size, uint64_t *value)
{
	return mem_read(cpu, CPU_SS, (cpu->gpr[CPU_RSP] + distance) & cpu->stack_mask, size, value);
}

#endif
