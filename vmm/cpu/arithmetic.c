/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * ADD, OR, ADC, SBB, AND, SUB, XOR, CMP: opcodes 00 to 3F and 80 to 83.
 */
#include "vmm/cpu/operand.h"

#define SIGNED(bits, value) ((int64_t)(int##bits##_t)(value))

#define OPERATIONS(bits) \
	static inline uint##bits##_t add##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b) \
	{ \
		uint##bits##_t r = (uint##bits##_t)(a + b); \
		flags_set(cpu, FLAGS_ADD, SIGNED(bits, r), SIGNED(bits, a), SIGNED(bits, b)); \
		return r; \
	} \
	static inline uint##bits##_t adc##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b) \
	{ \
		bool carry = flags_cf(cpu); \
		uint##bits##_t r = (uint##bits##_t)(a + b + carry); \
		flags_set(cpu, carry ? FLAGS_ADC : FLAGS_ADD, SIGNED(bits, r), SIGNED(bits, a), SIGNED(bits, b)); \
		return r; \
	} \
	static inline uint##bits##_t sub##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b) \
	{ \
		uint##bits##_t r = (uint##bits##_t)(a - b); \
		flags_set(cpu, FLAGS_SUB, SIGNED(bits, r), SIGNED(bits, a), SIGNED(bits, b)); \
		return r; \
	} \
	static inline uint##bits##_t cmp##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b) \
	{ \
		return sub##bits(cpu, a, b); \
	} \
	static inline uint##bits##_t sbb##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b) \
	{ \
		bool carry = flags_cf(cpu); \
		uint##bits##_t r = (uint##bits##_t)(a - b - carry); \
		flags_set(cpu, carry ? FLAGS_SBB : FLAGS_SUB, SIGNED(bits, r), SIGNED(bits, a), SIGNED(bits, b)); \
		return r; \
	} \
	static inline uint##bits##_t and##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b) \
	{ \
		uint##bits##_t r = a & b; \
		flags_set_logic(cpu, SIGNED(bits, r)); \
		return r; \
	} \
	static inline uint##bits##_t or ##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b) \
	{ \
		uint##bits##_t r = a | b; \
		flags_set_logic(cpu, SIGNED(bits, r)); \
		return r; \
	} \
	static inline uint##bits##_t xor ##bits(struct cpu *cpu, uint##bits##_t a, uint##bits##_t b) \
	{ \
		uint##bits##_t r = a ^ b; \
		flags_set_logic(cpu, SIGNED(bits, r)); \
		return r; \
	}

/* Handlers of one operation at one size; suffixes: destination, source (g reg field, r r/m register, m memory, i
 * immediate, a accumulator); k: LOCK.  `store` is 0 for CMP. */
#define FORMS(op, bits, store) \
	static int op##bits##_rg(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##bits##_t r = op##bits( \
			cpu, reg_get##bits(cpu, insn, insn->rm), reg_get##bits(cpu, insn, insn->reg)); \
		if (store) \
			reg_set##bits(cpu, insn, insn->rm, r); \
		return CPU_OK; \
	} \
	static int op##bits##_gr(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##bits##_t r = op##bits( \
			cpu, reg_get##bits(cpu, insn, insn->reg), reg_get##bits(cpu, insn, insn->rm)); \
		if (store) \
			reg_set##bits(cpu, insn, insn->reg, r); \
		return CPU_OK; \
	} \
	static int op##bits##_gm(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##bits##_t b, r; \
		if (unlikely(mem_read##bits(cpu, insn->segment, ea(cpu, insn), &b) != CPU_OK)) \
			return CPU_FAULT; \
		r = op##bits(cpu, reg_get##bits(cpu, insn, insn->reg), b); \
		if (store) \
			reg_set##bits(cpu, insn, insn->reg, r); \
		return CPU_OK; \
	} \
	static inline int op##bits##_memory(struct cpu *cpu, const struct insn *insn, uint##bits##_t b) \
	{ \
		struct rmw rmw; \
		uint##bits##_t a, r; \
		if (!store) { \
			if (unlikely(mem_read##bits(cpu, insn->segment, ea(cpu, insn), &a) != CPU_OK)) \
				return CPU_FAULT; \
			op##bits(cpu, a, b); \
			return CPU_OK; \
		} \
		if (unlikely(rmw_begin##bits(cpu, insn, &rmw, &a) != CPU_OK)) \
			return CPU_FAULT; \
		r = op##bits(cpu, a, b); \
		rmw_end##bits(cpu, &rmw, r); \
		return CPU_OK; \
	} \
	static int op##bits##_mg(struct cpu *cpu, const struct insn *insn) \
	{ \
		return op##bits##_memory(cpu, insn, reg_get##bits(cpu, insn, insn->reg)); \
	} \
	static int op##bits##_mi(struct cpu *cpu, const struct insn *insn) \
	{ \
		return op##bits##_memory(cpu, insn, (uint##bits##_t)insn->immediate); \
	} \
	static int op##bits##_ri(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##bits##_t r = op##bits(cpu, reg_get##bits(cpu, insn, insn->rm), (uint##bits##_t)insn->immediate); \
		if (store) \
			reg_set##bits(cpu, insn, insn->rm, r); \
		return CPU_OK; \
	} \
	static int op##bits##_ai(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##bits##_t r = op##bits(cpu, reg_get##bits(cpu, insn, CPU_RAX), (uint##bits##_t)insn->immediate); \
		if (store) \
			reg_set##bits(cpu, insn, CPU_RAX, r); \
		return CPU_OK; \
	} \
	static int op##bits##_mk(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##bits##_t a, r, \
			b = insn->opcode >= 0x80 ? (uint##bits##_t)insn->immediate \
						 : reg_get##bits(cpu, insn, insn->reg); \
		struct rmw rmw; \
		if (rmw_begin##bits(cpu, insn, &rmw, &a) != CPU_OK) \
			return CPU_FAULT; \
		flags_settle(cpu); \
		do { \
			cpu->flags_op = FLAGS_VALID; \
			r = op##bits(cpu, a, b); \
		} while (!rmw_end_locked##bits(cpu, &rmw, &a, r)); \
		return CPU_OK; \
	}

struct alu_forms {
	insn_execute *rg, *gr, *gm, *mg, *mi, *ri, *ai, *mk;
};

#define TABLE(op, bits) \
	{ \
		op##bits##_rg, op##bits##_gr, op##bits##_gm, op##bits##_mg, op##bits##_mi, op##bits##_ri, \
			op##bits##_ai, op##bits##_mk \
	}
#define SIZES(op, store) \
	FORMS(op, 8, store) \
	FORMS(op, 16, store) \
	FORMS(op, 32, store) \
	FORMS(op, 64, store)

OPERATIONS(8)
OPERATIONS(16)
OPERATIONS(32)
OPERATIONS(64)
SIZES(add, 1)
SIZES(or, 1)
SIZES(adc, 1)
SIZES(sbb, 1)
SIZES(and, 1)
SIZES(sub, 1)
SIZES(xor, 1)
SIZES(cmp, 0)

#define ROW(op) \
	{ \
		TABLE(op, 8), TABLE(op, 16), TABLE(op, 32), TABLE(op, 64) \
	}
static const struct alu_forms alu_table[8][4] = { ROW(add), ROW(or), ROW(adc), ROW(sbb), ROW(and), ROW(sub), ROW(xor),
	ROW(cmp) };

insn_execute *alu_select(struct cpu *cpu, struct insn *insn)
{
	bool group = insn->opcode >= 0x80, memory = insn->mod != 3;
	unsigned op = group ? insn->modrm >> 3 & 7 : insn->opcode >> 3;
	unsigned size = !(insn->opcode & 1) ? 0 : insn->operand_size == 2 ? 1 : insn->operand_size == 4 ? 2 : 3;
	const struct alu_forms *forms = &alu_table[op][size];

	(void)cpu;
	if (insn->lock)
		return forms->mk;
	if (group)
		return memory ? forms->mi : forms->ri;
	switch (insn->opcode & 7) {
	case 0:
	case 1: return memory ? forms->mg : forms->rg;
	case 2:
	case 3: return memory ? forms->gm : forms->gr;
	default: return forms->ai;
	}
}

#define TEST(bits) \
	static int test##bits##_rg(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##bits##_t a; \
		if (unlikely(rm_read##bits(cpu, insn, &a) != CPU_OK)) \
			return CPU_FAULT; \
		and##bits(cpu, a, reg_get##bits(cpu, insn, insn->reg)); \
		return CPU_OK; \
	} \
	static int test##bits##_ai(struct cpu *cpu, const struct insn *insn) \
	{ \
		and##bits(cpu, reg_get##bits(cpu, insn, CPU_RAX), (uint##bits##_t)insn->immediate); \
		return CPU_OK; \
	}
TEST(8)
TEST(16)
TEST(32)
TEST(64)

insn_execute *test_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	switch (insn->opcode) {
	case 0x84: return test8_rg;
	case 0x85: return by_size(insn, test16_rg, test32_rg, test64_rg);
	case 0xa8: return test8_ai;
	default: return by_size(insn, test16_ai, test32_ai, test64_ai);
	}
}
