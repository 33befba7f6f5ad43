/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * INC, DEC, NOT, NEG and the rest of groups 3, 4 and 5: opcodes 40 to 4F, F6, F7, FE, FF.
 */
#include "vmm/cpu/operand.h"

#define UNARY(bits) \
	static inline uint##bits##_t inc##bits(struct cpu *cpu, uint##bits##_t a) \
	{ \
		uint##bits##_t r = (uint##bits##_t)(a + 1); \
		uint32_t misc = flags_cf(cpu) | ((a ^ r) & CPU_FLAG_AF); \
		if (r == (uint##bits##_t)1 << (bits - 1)) \
			misc |= CPU_FLAG_OF; \
		flags_set_misc(cpu, (int##bits##_t)r, misc); \
		return r; \
	} \
	static inline uint##bits##_t dec##bits(struct cpu *cpu, uint##bits##_t a) \
	{ \
		uint##bits##_t r = (uint##bits##_t)(a - 1); \
		uint32_t misc = flags_cf(cpu) | ((a ^ r) & CPU_FLAG_AF); \
		if (a == (uint##bits##_t)1 << (bits - 1)) \
			misc |= CPU_FLAG_OF; \
		flags_set_misc(cpu, (int##bits##_t)r, misc); \
		return r; \
	} \
	static inline uint##bits##_t neg##bits(struct cpu *cpu, uint##bits##_t a) \
	{ \
		uint##bits##_t r = (uint##bits##_t)(0 - a); \
		flags_set(cpu, FLAGS_SUB, (int##bits##_t)r, 0, (int##bits##_t)a); \
		return r; \
	} \
	static inline uint##bits##_t not ##bits(struct cpu * cpu, uint##bits##_t a) \
	{ \
		(void)cpu; \
		return (uint##bits##_t) ~a; \
	} \
	UNARY_FORM(inc, bits) \
	UNARY_FORM(dec, bits) \
	UNARY_FORM(neg, bits) \
	UNARY_FORM(not, bits) \
	static int test##bits##_i(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##bits##_t a; \
		if (unlikely(rm_read##bits(cpu, insn, &a) != CPU_OK)) \
			return CPU_FAULT; \
		flags_set_logic(cpu, (int##bits##_t)(a & (uint##bits##_t)insn->immediate)); \
		return CPU_OK; \
	}

#define UNARY_FORM(op, bits) \
	static int op##bits##_r(struct cpu *cpu, const struct insn *insn) \
	{ \
		reg_set##bits(cpu, insn, insn->rm, op##bits(cpu, reg_get##bits(cpu, insn, insn->rm))); \
		return CPU_OK; \
	} \
	static int op##bits##_m(struct cpu *cpu, const struct insn *insn) \
	{ \
		struct rmw rmw; \
		uint##bits##_t a; \
		if (unlikely(rmw_begin##bits(cpu, insn, &rmw, &a) != CPU_OK)) \
			return CPU_FAULT; \
		if (!insn->lock) { \
			rmw_end##bits(cpu, &rmw, op##bits(cpu, a)); \
			return CPU_OK; \
		} \
		flags_settle(cpu); \
		for (;;) { \
			uint64_t before = cpu->rflags; \
			uint##bits##_t r = op##bits(cpu, a); \
			if (rmw_end_locked##bits(cpu, &rmw, &a, r)) \
				return CPU_OK; \
			cpu->rflags = before; \
			cpu->flags_op = FLAGS_VALID; \
		} \
	}

UNARY(8)
UNARY(16)
UNARY(32)
UNARY(64)

#define CHOOSE(op) \
	(insn->mod == 3 ? (byte ? op##8_r : by_size(insn, op##16_r, op##32_r, op##64_r)) \
			: (byte ? op##8_m : by_size(insn, op##16_m, op##32_m, op##64_m)))

insn_execute *unary_select(struct cpu *cpu, struct insn *insn)
{
	unsigned reg = insn->modrm >> 3 & 7;
	bool byte = !(insn->opcode & 1);

	if (insn->opcode < 0x50) {
		bool decrement = insn->opcode >= 0x48;

		byte = false;
		insn->mod = 3;
		insn->rm = insn->opcode & 7;
		return decrement ? CHOOSE(dec) : CHOOSE(inc);
	}
	if (insn->opcode >= 0xfe) {
		switch (reg) {
		case 0: return CHOOSE(inc);
		case 1: return CHOOSE(dec);
		case 2:
		case 4: return byte ? NULL : control_select(cpu, insn);
		case 3:
		case 5: return byte ? NULL : far_select(cpu, insn);
		case 6: return byte ? NULL : stack_select(cpu, insn);
		default: return NULL;
		}
	}
	switch (reg) {
	case 0:
	case 1: return byte ? test8_i : by_size(insn, test16_i, test32_i, test64_i);
	case 2: return CHOOSE(not );
	case 3: return CHOOSE(neg);
	default: return multiply_select(cpu, insn);
	}
}
