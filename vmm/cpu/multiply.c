/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * MUL, IMUL, DIV, IDIV.
 */
#include "vmm/cpu/operand.h"

/* CF and OF say that the upper half has something to say.  The others are undefined; hosts have SF and PF of the lower
 * half, `low` as sign-extended, and clear ZF and AF. */
static void flags_set_product(struct cpu *cpu, bool overflow, int64_t low)
{
	cpu_arithmetic_set(cpu,
		(overflow ? CPU_FLAG_CF | CPU_FLAG_OF : 0) | (low < 0 ? CPU_FLAG_SF : 0) |
			(__builtin_parity((unsigned)low & 0xff) ? 0 : CPU_FLAG_PF));
}

static int mul8(struct cpu *cpu, const struct insn *insn)
{
	bool is_signed = (insn->modrm >> 3 & 7) == 5;
	uint8_t a = (uint8_t)cpu->gpr[CPU_RAX], b;
	uint16_t product;

	if (rm_read8(cpu, insn, &b) != CPU_OK)
		return CPU_FAULT;
	product = is_signed ? (uint16_t)((int8_t)a * (int8_t)b) : (uint16_t)(a * b);
	reg_set16(cpu, insn, CPU_RAX, product);
	flags_set_product(cpu, is_signed ? (int16_t)product != (int8_t)product : product > 0xff, (int8_t)product);
	return CPU_OK;
}

static int mul16(struct cpu *cpu, const struct insn *insn)
{
	bool is_signed = (insn->modrm >> 3 & 7) == 5;
	uint16_t a = (uint16_t)cpu->gpr[CPU_RAX], b;
	uint32_t product;

	if (rm_read16(cpu, insn, &b) != CPU_OK)
		return CPU_FAULT;
	product = is_signed ? (uint32_t)((int16_t)a * (int16_t)b) : (uint32_t)a * b;
	reg_set16(cpu, insn, CPU_RAX, (uint16_t)product);
	reg_set16(cpu, insn, CPU_RDX, (uint16_t)(product >> 16));
	flags_set_product(cpu, is_signed ? (int32_t)product != (int16_t)product : product > 0xffff, (int16_t)product);
	return CPU_OK;
}

static int mul32(struct cpu *cpu, const struct insn *insn)
{
	bool is_signed = (insn->modrm >> 3 & 7) == 5;
	uint32_t a = (uint32_t)cpu->gpr[CPU_RAX], b;
	uint64_t product;

	if (rm_read32(cpu, insn, &b) != CPU_OK)
		return CPU_FAULT;
	product = is_signed ? (uint64_t)((int64_t)(int32_t)a * (int32_t)b) : (uint64_t)a * b;
	reg_set32(cpu, insn, CPU_RAX, (uint32_t)product);
	reg_set32(cpu, insn, CPU_RDX, (uint32_t)(product >> 32));
	flags_set_product(
		cpu, is_signed ? (int64_t)product != (int32_t)product : product > 0xffffffff, (int32_t)product);
	return CPU_OK;
}

static int mul64(struct cpu *cpu, const struct insn *insn)
{
	bool is_signed = (insn->modrm >> 3 & 7) == 5;
	uint64_t a = cpu->gpr[CPU_RAX], b;
	unsigned __int128 product;

	if (rm_read64(cpu, insn, &b) != CPU_OK)
		return CPU_FAULT;
	product = is_signed ? (unsigned __int128)((__int128)(int64_t)a * (int64_t)b) : (unsigned __int128)a * b;
	cpu->gpr[CPU_RAX] = (uint64_t)product;
	cpu->gpr[CPU_RDX] = (uint64_t)(product >> 64);
	flags_set_product(cpu,
		is_signed ? (__int128)product != (int64_t)(uint64_t)product : (uint64_t)(product >> 64) != 0,
		(int64_t)product);
	return CPU_OK;
}

static int imul_two64(struct cpu *cpu, const struct insn *insn)
{
	__int128 product;
	uint64_t a;

	if (rm_read64(cpu, insn, &a) != CPU_OK)
		return CPU_FAULT;
	product = (__int128)(int64_t)a * (int64_t)(insn->opcode < 0x100 ? insn->immediate : cpu->gpr[insn->reg]);
	cpu->gpr[insn->reg] = (uint64_t)product;
	flags_set_product(cpu, product != (int64_t)(uint64_t)product, (int64_t)product);
	return CPU_OK;
}

/* IMUL r, r/m[, imm] */
static int imul_two(struct cpu *cpu, const struct insn *insn)
{
	uint64_t value;
	int64_t a, b, product;

	if (insn->operand_size == 2) {
		uint16_t value16;

		if (rm_read16(cpu, insn, &value16) != CPU_OK)
			return CPU_FAULT;
		a = (int16_t)value16;
		b = insn->opcode < 0x100 ? (int16_t)insn->immediate : (int16_t)cpu->gpr[insn->reg];
		product = a * b;
		value = (uint16_t)product;
		flags_set_product(cpu, product != (int16_t)product, (int16_t)product);
	} else {
		uint32_t value32;

		if (rm_read32(cpu, insn, &value32) != CPU_OK)
			return CPU_FAULT;
		a = (int32_t)value32;
		b = insn->opcode < 0x100 ? (int32_t)insn->immediate : (int32_t)cpu->gpr[insn->reg];
		product = a * b;
		value = (uint32_t)product;
		flags_set_product(cpu, product != (int32_t)product, (int32_t)product);
	}
	reg_set(cpu, insn->reg, insn->operand_size, value);
	return CPU_OK;
}

static int div_any(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->opcode & 1 ? insn->operand_size : 1;
	uint64_t a, b, quotient, remainder;

	if (rm_read(cpu, insn, size, &b) != CPU_OK)
		return CPU_FAULT;
	if (!b)
		return cpu_raise(cpu, CPU_DE);
	if (size == 1)
		a = (uint16_t)cpu->gpr[CPU_RAX];
	else
		a = reg_get(cpu, CPU_RDX, size) << (8 * size) | reg_get(cpu, CPU_RAX, size);
	quotient = a / b;
	remainder = a % b;
	if (quotient >> (8 * size))
		return cpu_raise(cpu, CPU_DE);
	if (size == 1) {
		reg_set16(cpu, insn, CPU_RAX, (uint16_t)(remainder << 8 | quotient));
	} else {
		reg_set(cpu, CPU_RAX, size, quotient);
		reg_set(cpu, CPU_RDX, size, remainder);
	}
	return CPU_OK;
}

static int idiv_any(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->opcode & 1 ? insn->operand_size : 1;
	uint64_t raw;
	int64_t a, b, quotient, remainder, limit = 1ll << (8 * size - 1);

	if (rm_read(cpu, insn, size, &raw) != CPU_OK)
		return CPU_FAULT;
	b = size == 1 ? (int8_t)raw : size == 2 ? (int16_t)raw : (int32_t)raw;
	if (size == 1)
		a = (int16_t)cpu->gpr[CPU_RAX];
	else
		a = (int64_t)(reg_get(cpu, CPU_RDX, size) << (8 * size) | reg_get(cpu, CPU_RAX, size));
	if (size == 2)
		a = (int32_t)a;
	if (!b || (b == -1 && a == INT64_MIN))
		return cpu_raise(cpu, CPU_DE);
	quotient = a / b;
	remainder = a % b;
	if (quotient >= limit || quotient < -limit)
		return cpu_raise(cpu, CPU_DE);
	if (size == 1) {
		reg_set16(cpu, insn, CPU_RAX, (uint16_t)((remainder & 0xff) << 8 | (quotient & 0xff)));
	} else {
		reg_set(cpu, CPU_RAX, size, (uint64_t)quotient);
		reg_set(cpu, CPU_RDX, size, (uint64_t)remainder);
	}
	return CPU_OK;
}

static int div64(struct cpu *cpu, const struct insn *insn)
{
	unsigned __int128 a = (unsigned __int128)cpu->gpr[CPU_RDX] << 64 | cpu->gpr[CPU_RAX];
	uint64_t b;

	if (rm_read64(cpu, insn, &b) != CPU_OK)
		return CPU_FAULT;
	/* The quotient fits in 64 bits just if the upper half is less than the divisor. */
	if (cpu->gpr[CPU_RDX] >= b)
		return cpu_raise(cpu, CPU_DE);
	cpu->gpr[CPU_RAX] = (uint64_t)(a / b);
	cpu->gpr[CPU_RDX] = (uint64_t)(a % b);
	return CPU_OK;
}

static int idiv64(struct cpu *cpu, const struct insn *insn)
{
	unsigned __int128 raw = (unsigned __int128)cpu->gpr[CPU_RDX] << 64 | cpu->gpr[CPU_RAX];
	__int128 a = (__int128)raw, quotient;
	uint64_t b;

	if (rm_read64(cpu, insn, &b) != CPU_OK)
		return CPU_FAULT;
	if (!b || (b == UINT64_MAX && raw == (unsigned __int128)1 << 127))
		return cpu_raise(cpu, CPU_DE);
	quotient = a / (int64_t)b;
	if (quotient != (int64_t)quotient)
		return cpu_raise(cpu, CPU_DE);
	cpu->gpr[CPU_RDX] = (uint64_t)(a % (int64_t)b);
	cpu->gpr[CPU_RAX] = (uint64_t)quotient;
	return CPU_OK;
}

insn_execute *multiply_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	if (insn->opcode != 0xf6 && insn->opcode != 0xf7)
		return insn->operand_size == 8 ? imul_two64 : imul_two;
	switch (insn->modrm >> 3 & 7) {
	case 4:
	case 5: return !(insn->opcode & 1) ? mul8 : by_size(insn, mul16, mul32, mul64);
	case 6: return insn->opcode & 1 && insn->operand_size == 8 ? div64 : div_any;
	case 7: return insn->opcode & 1 && insn->operand_size == 8 ? idiv64 : idiv_any;
	default: return NULL;
	}
}
