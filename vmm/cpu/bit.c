/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * BT, BTS, BTR, BTC, BSF, BSR, POPCNT.
 */
#include "vmm/cpu/model.h"
#include "vmm/cpu/operand.h"
#include "vmm/cpu/scalar_extension.h"

enum { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

static uint64_t bit_change(unsigned operation, uint64_t value, uint64_t bit)
{
	switch (operation) {
	case BIT_SET: return value | bit;
	case BIT_RESET: return value & ~bit;
	case BIT_COMPLEMENT: return value ^ bit;
	default: return value;
	}
}

/* Only CF changes; the other flags are undefined, and hosts keep them. */
static void carry_set(struct cpu *cpu, bool carry)
{
	flags_settle(cpu);
	cpu->rflags = (cpu->rflags & ~(uint64_t)CPU_FLAG_CF) | (carry ? CPU_FLAG_CF : 0);
}

static int bit_register(struct cpu *cpu, const struct insn *insn, unsigned operation, uint64_t index)
{
	unsigned size = insn->operand_size;
	uint64_t value = reg_get(cpu, insn->rm, size), bit = 1ull << (index & (8 * size - 1));

	carry_set(cpu, value & bit);
	if (operation != BIT_TEST)
		reg_set(cpu, insn->rm, size, bit_change(operation, value, bit));
	return CPU_OK;
}

static bool bit_write(struct cpu *cpu, const struct rmw *rmw, unsigned size, uint64_t *old, uint64_t value)
{
	uint16_t old16 = (uint16_t)*old;
	uint32_t old32 = (uint32_t)*old;
	bool done;

	if (size == 8) {
		done = rmw_end_locked64(cpu, rmw, old, value);
	} else if (size == 2) {
		done = rmw_end_locked16(cpu, rmw, &old16, (uint16_t)value);
		*old = old16;
	} else {
		done = rmw_end_locked32(cpu, rmw, &old32, (uint32_t)value);
		*old = old32;
	}
	return done;
}

static int bit_execute(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_size, operation;
	uint64_t index, offset, value = 0, bit;
	struct rmw rmw;

	if ((insn->opcode & 0xff) == 0xba) {
		operation = insn->modrm >> 3 & 3;
		index = insn->immediate & (8 * size - 1);
	} else {
		operation = (insn->opcode & 0xff) >> 3 & 3;
		index = cpu->gpr[insn->reg];
	}
	if (insn->mod == 3)
		return bit_register(cpu, insn, operation, index);
	/* A register index reaches memory beyond the operand, both ways. */
	offset = ea(cpu, insn);
	if ((insn->opcode & 0xff) != 0xba) {
		int64_t where = size == 2 ? (int16_t)index : size == 4 ? (int32_t)index : (int64_t)index;

		offset += (uint64_t)((where >> (size == 2 ? 4 : size == 4 ? 5 : 6)) * (int64_t)size);
		offset &= ~0ull >> insn->ea_shift;
	}
	bit = 1ull << (index & (8 * size - 1));
	if (operation == BIT_TEST) {
		if (mem_read(cpu, insn->segment, offset, size, &value) != CPU_OK)
			return CPU_FAULT;
	} else {
		if (access_rmw(cpu, insn->segment, offset, size, &rmw, &value) != CPU_OK)
			return CPU_FAULT;
		while (!bit_write(cpu, &rmw, size, &value, bit_change(operation, value, bit)))
			;
	}
	carry_set(cpu, value & bit);
	return CPU_OK;
}

/* With a zero source the destination is undefined; AMD documents, and Intel does, that it stays. */
static int bit_scan(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_size;
	uint64_t value;

	if (rm_read(cpu, insn, size, &value) != CPU_OK)
		return CPU_FAULT;
	flags_settle(cpu);
	cpu->rflags &= ~(uint64_t)CPU_FLAG_ZF;
	if (!value)
		cpu->rflags |= CPU_FLAG_ZF;
	else if (insn->opcode & 1)
		reg_set(cpu, insn->reg, size, 63 - (unsigned)__builtin_clzll(value));
	else
		reg_set(cpu, insn->reg, size, (unsigned)__builtin_ctzll(value));
	return CPU_OK;
}

static int popcnt(struct cpu *cpu, const struct insn *insn)
{
	uint64_t value;

	if (rm_read(cpu, insn, insn->operand_size, &value) != CPU_OK)
		return CPU_FAULT;
	reg_set(cpu, insn->reg, insn->operand_size, (unsigned)__builtin_popcountll(value));
	cpu_arithmetic_set(cpu, value ? 0 : CPU_FLAG_ZF);
	return CPU_OK;
}

insn_execute *bit_select(struct cpu *cpu, struct insn *insn)
{
	switch (insn->opcode & 0xff) {
	case 0xb8: return insn->rep == 0xf3 && cpu->model->features_1_ecx & (1u << 23) ? popcnt : NULL;
	case 0xba: return (insn->modrm >> 3 & 7) < 4 ? NULL : bit_execute;
	case 0xbc:
	case 0xbd: {
		insn_execute *count = count_zeros_select(cpu, insn);

		return count ? count : bit_scan;
	}
	default: return bit_execute;
	}
}
