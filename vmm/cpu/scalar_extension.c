/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Later instructions on general registers: BMI1, BMI2, ADX, MOVBE, CRC32, LZCNT, TZCNT, RDRAND, RDSEED.
 *
 * In C: they are simple, and need not be the host's.
 */
#include "vmm/cpu/scalar_extension.h"

#include "vmm/cpu/feature.h"
#include "vmm/cpu/operand.h"
#include "vmm/cpu/vex.h"

/* ---- VEX-encoded: BMI1, BMI2 ---- */

static unsigned vex_size(const struct insn *insn)
{
	return vex_wide(insn) ? 8 : 4;
}

/* SF and ZF by the result, CF as given, OF clear; AF and PF are undefined, and kept clear. */
static void flags_result(struct cpu *cpu, uint64_t result, unsigned size, bool carry)
{
	uint32_t flags = carry ? CPU_FLAG_CF : 0;

	if (!result)
		flags |= CPU_FLAG_ZF;
	if (result >> (8 * size - 1))
		flags |= CPU_FLAG_SF;
	cpu_arithmetic_set(cpu, flags);
}

static int andn(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = vex_size(insn);
	uint64_t source;

	if (rm_read(cpu, insn, size, &source))
		return CPU_FAULT;
	uint64_t result = ~reg_get(cpu, insn->vvvv, size) & source;
	reg_set(cpu, insn->reg, size, result);
	flags_result(cpu, result, size, false);
	return CPU_OK;
}

/* BLSR, BLSMSK, BLSI */
static int lowest_bit(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = vex_size(insn), operation = insn->modrm >> 3 & 7;
	uint64_t source, result;

	if (rm_read(cpu, insn, size, &source))
		return CPU_FAULT;
	bool carry = operation == 3 ? source != 0 : source == 0;
	switch (operation) {
	case 1: result = source & (source - 1); break;
	case 2: result = source ^ (source - 1); break;
	default: result = source & (0 - source);
	}
	result &= ~0ull >> (64 - 8 * size);
	reg_set(cpu, insn->vvvv, size, result);
	flags_result(cpu, result, size, carry);
	return CPU_OK;
}

static int bextr(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = vex_size(insn);
	uint64_t source, control = reg_get(cpu, insn->vvvv, size);

	if (rm_read(cpu, insn, size, &source))
		return CPU_FAULT;
	unsigned start = control & 0xff, length = control >> 8 & 0xff;
	uint64_t result = start < 64 ? source >> start : 0;
	if (length < 64)
		result &= ((uint64_t)1 << length) - 1;
	reg_set(cpu, insn->reg, size, result);
	cpu_arithmetic_set(cpu, result ? 0 : CPU_FLAG_ZF); /* SF is undefined */
	return CPU_OK;
}

static int bzhi(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = vex_size(insn), from = reg_get(cpu, insn->vvvv, size) & 0xff;
	uint64_t source;

	if (rm_read(cpu, insn, size, &source))
		return CPU_FAULT;
	uint64_t result = from < 8 * size ? source & (((uint64_t)1 << from) - 1) : source;
	reg_set(cpu, insn->reg, size, result);
	flags_result(cpu, result, size, from > 8 * size - 1);
	return CPU_OK;
}

static int pdep(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = vex_size(insn);
	uint64_t mask, source = reg_get(cpu, insn->vvvv, size), result = 0;

	if (rm_read(cpu, insn, size, &mask))
		return CPU_FAULT;
	for (; mask; mask &= mask - 1, source >>= 1)
		if (source & 1)
			result |= mask & (0 - mask);
	reg_set(cpu, insn->reg, size, result);
	return CPU_OK;
}

static int pext(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = vex_size(insn), to = 0;
	uint64_t mask, source = reg_get(cpu, insn->vvvv, size), result = 0;

	if (rm_read(cpu, insn, size, &mask))
		return CPU_FAULT;
	for (; mask; mask &= mask - 1, to++)
		if (source & mask & (0 - mask))
			result |= (uint64_t)1 << to;
	reg_set(cpu, insn->reg, size, result);
	return CPU_OK;
}

static int mulx(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = vex_size(insn);
	uint64_t source;

	if (rm_read(cpu, insn, size, &source))
		return CPU_FAULT;
	unsigned __int128 product = (unsigned __int128)reg_get(cpu, CPU_RDX, size) * source;
	reg_set(cpu, insn->vvvv, size, (uint64_t)product);
	reg_set(cpu, insn->reg, size, (uint64_t)(product >> (8 * size))); /* both the same: the high half */
	return CPU_OK;
}

static int rorx(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = vex_size(insn), count = insn->immediate & (8 * size - 1);
	uint64_t source;

	if (rm_read(cpu, insn, size, &source))
		return CPU_FAULT;
	reg_set(cpu, insn->reg, size, count ? source >> count | source << (8 * size - count) : source);
	return CPU_OK;
}

/* SARX, SHLX, SHRX */
static int shift_extended(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = vex_size(insn), count = reg_get(cpu, insn->vvvv, size) & (8 * size - 1);
	uint64_t source, result;

	if (rm_read(cpu, insn, size, &source))
		return CPU_FAULT;
	if (insn->prefix66)
		result = source << count;
	else if (insn->rep == 0xf2)
		result = source >> count;
	else
		result = (uint64_t)((size == 4 ? (int64_t)(int32_t)source : (int64_t)source) >> count);
	reg_set(cpu, insn->reg, size, result);
	return CPU_OK;
}

insn_execute *vex_scalar_select(const struct cpu *cpu, const struct insn *insn)
{
	bool bmi1 = model_has(cpu->model, FEATURE_BMI1), bmi2 = model_has(cpu->model, FEATURE_BMI2);

	if (insn->vex != INSN_VEX || insn->vector_length)
		return NULL;
	switch (insn->opcode) {
	case 0x2f2: return bmi1 && !insn->rep && !insn->prefix66 ? andn : NULL;
	case 0x2f3:
		if (insn->rep || insn->prefix66 || !bmi1 || !(insn->modrm >> 3 & 7) || (insn->modrm >> 3 & 7) > 3)
			return NULL;
		return lowest_bit;
	case 0x2f5:
		if (insn->prefix66 || !bmi2)
			return NULL;
		return !insn->rep ? bzhi : insn->rep == 0xf2 ? pdep : pext;
	case 0x2f6: return bmi2 && insn->rep == 0xf2 ? mulx : NULL;
	case 0x2f7:
		if (!insn->rep && !insn->prefix66)
			return bmi1 ? bextr : NULL;
		return bmi2 ? shift_extended : NULL;
	case 0x3f0: return bmi2 && insn->rep == 0xf2 && !insn->vvvv ? rorx : NULL;
	default: return NULL;
	}
}

/* ---- legacy encodings ---- */

static uint64_t bytes_swap(uint64_t value, unsigned size)
{
	return __builtin_bswap64(value) >> (64 - 8 * size);
}

static int movbe_load(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_size;
	uint64_t value;

	if (rm_read(cpu, insn, size, &value))
		return CPU_FAULT;
	reg_set(cpu, insn->reg, size, bytes_swap(value, size));
	return CPU_OK;
}

static int movbe_store(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_size;

	return rm_write(cpu, insn, size, bytes_swap(reg_get(cpu, insn->reg, size), size));
}

/* The checksum of iSCSI: polynomial 11EDC6F41, bits reflected. */
static int crc32(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->opcode & 1 ? insn->operand_size : 1;
	uint32_t sum = (uint32_t)cpu->gpr[insn->reg];
	uint64_t value;

	if (rm_read(cpu, insn, size, &value))
		return CPU_FAULT;
	for (unsigned i = 0; i < size; i++) {
		sum ^= (uint8_t)(value >> (8 * i));
		for (unsigned bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78 : 0);
	}
	cpu->gpr[insn->reg] = sum;
	return CPU_OK;
}

/* ADCX and ADOX: one flag is carry, the others stay. */
static int add_carry(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->rex & 8 ? 8 : 4;
	uint64_t flag = insn->rep ? CPU_FLAG_OF : CPU_FLAG_CF, source;

	if (rm_read(cpu, insn, size, &source))
		return CPU_FAULT;
	flags_settle(cpu);
	unsigned __int128 sum = (unsigned __int128)reg_get(cpu, insn->reg, size) + source +
		(cpu->rflags & flag ? 1 : 0);
	reg_set(cpu, insn->reg, size, (uint64_t)sum);
	cpu->rflags = (cpu->rflags & ~flag) | (sum >> (8 * size) & 1 ? flag : 0);
	return CPU_OK;
}

insn_execute *scalar_extension_select(const struct cpu *cpu, const struct insn *insn)
{
	const struct cpu_model *model = cpu->model;

	switch (insn->opcode) {
	case 0x2f0:
	case 0x2f1:
		if (insn->rep == 0xf2)
			return model_has(model, FEATURE_SSE4_2) ? crc32 : NULL;
		if (insn->rep || insn->mod == 3 || !model_has(model, FEATURE_MOVBE))
			return NULL;
		return insn->opcode & 1 ? movbe_store : movbe_load;
	case 0x2f6:
		if (!model_has(model, FEATURE_ADX) || insn->rep == 0xf2 || (insn->rep != 0xf3) != insn->prefix66)
			return NULL;
		return add_carry;
	default: return NULL;
	}
}

static int count_zeros(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_size, count;
	uint64_t value;

	if (rm_read(cpu, insn, size, &value))
		return CPU_FAULT;
	if (!value)
		count = 8 * size;
	else if (insn->opcode & 1)
		count = (unsigned)__builtin_clzll(value) - (64 - 8 * size);
	else
		count = (unsigned)__builtin_ctzll(value);
	reg_set(cpu, insn->reg, size, count);
	cpu_arithmetic_set(cpu, (value ? 0 : CPU_FLAG_CF) | (count ? 0 : CPU_FLAG_ZF));
	return CPU_OK;
}

insn_execute *count_zeros_select(const struct cpu *cpu, const struct insn *insn)
{
	if (insn->rep != 0xf3)
		return NULL;
	return model_has(cpu->model, insn->opcode & 1 ? FEATURE_LZCNT : FEATURE_BMI1) ? count_zeros : NULL;
}

static int random_number(struct cpu *cpu, const struct insn *insn)
{
	uint64_t value = 0;

	cpu->bus.random(cpu->bus.self, &value, insn->operand_size);
	reg_set(cpu, insn->rm, insn->operand_size, value);
	cpu_arithmetic_set(cpu, CPU_FLAG_CF); /* there always is one */
	return CPU_OK;
}

insn_execute *random_select(const struct cpu *cpu, const struct insn *insn)
{
	unsigned digit = insn->modrm >> 3 & 7;

	if (insn->mod != 3 || insn->rep || digit < 6)
		return NULL;
	return model_has(cpu->model, digit == 6 ? FEATURE_RDRAND : FEATURE_RDSEED) ? random_number : NULL;
}
