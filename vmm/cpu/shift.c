/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Shifts and rotates: C0, C1, D0 to D3; SHLD and SHRD.
 *
 * OF is defined for a count of 1 only; for larger counts the formulas are what hosts do: as if the last step were
 * the only one.
 */
#include "vmm/cpu/operand.h"

static inline uint32_t cf_of(bool carry, bool overflow)
{
	return (carry ? CPU_FLAG_CF : 0) | (overflow ? CPU_FLAG_OF : 0);
}

/* Rotates change CF and OF only. */
static inline void flags_set_rotate(struct cpu *cpu, bool carry, bool overflow)
{
	flags_settle(cpu);
	cpu->rflags = (cpu->rflags & ~(uint64_t)(CPU_FLAG_CF | CPU_FLAG_OF)) | cf_of(carry, overflow);
}

/* Counts come masked and are not zero. */
#define SHIFTS(bits) \
	static inline uint##bits##_t shl##bits(struct cpu *cpu, uint##bits##_t a, unsigned n) \
	{ \
		uint##bits##_t r = n < bits ? (uint##bits##_t)(a << n) : 0; \
		bool carry = n <= bits && a >> (bits - n) & 1; \
		flags_set_misc(cpu, (int##bits##_t)r, cf_of(carry, carry ^ r >> (bits - 1))); \
		return r; \
	} \
	static inline uint##bits##_t shr##bits(struct cpu *cpu, uint##bits##_t a, unsigned n) \
	{ \
		uint##bits##_t r = n < bits ? (uint##bits##_t)(a >> n) : 0; \
		bool carry = n <= bits && a >> (n - 1) & 1; \
		flags_set_misc(cpu, (int##bits##_t)r, cf_of(carry, (r ^ r << 1) >> (bits - 1) & 1)); \
		return r; \
	} \
	static inline uint##bits##_t sar##bits(struct cpu *cpu, uint##bits##_t a, unsigned n) \
	{ \
		int##bits##_t s = (int##bits##_t)a; \
		uint##bits##_t r = (uint##bits##_t)(s >> (n < bits ? n : bits - 1)); \
		flags_set_misc(cpu, (int##bits##_t)r, cf_of(s >> (n <= bits ? n - 1 : bits - 1) & 1, false)); \
		return r; \
	} \
	static inline uint##bits##_t rol##bits(struct cpu *cpu, uint##bits##_t a, unsigned n) \
	{ \
		unsigned k = n % bits; \
		uint##bits##_t r = k ? (uint##bits##_t)(a << k | a >> (bits - k)) : a; \
		flags_set_rotate(cpu, r & 1, (r ^ r >> (bits - 1)) & 1); \
		return r; \
	} \
	static inline uint##bits##_t ror##bits(struct cpu *cpu, uint##bits##_t a, unsigned n) \
	{ \
		unsigned k = n % bits; \
		uint##bits##_t r = k ? (uint##bits##_t)(a >> k | a << (bits - k)) : a; \
		flags_set_rotate(cpu, r >> (bits - 1), (r ^ r << 1) >> (bits - 1) & 1); \
		return r; \
	} \
	static inline uint##bits##_t rcl##bits(struct cpu *cpu, uint##bits##_t a, unsigned n) \
	{ \
		uint##bits##_t r = a; \
		bool carry = flags_cf(cpu); \
		for (unsigned k = n % (bits + 1); k; k--) { \
			bool out = r >> (bits - 1); \
			r = (uint##bits##_t)(r << 1 | carry); \
			carry = out; \
		} \
		flags_set_rotate(cpu, carry, carry ^ r >> (bits - 1)); \
		return r; \
	} \
	static inline uint##bits##_t rcr##bits(struct cpu *cpu, uint##bits##_t a, unsigned n) \
	{ \
		uint##bits##_t r = a; \
		bool carry = flags_cf(cpu); \
		for (unsigned k = n % (bits + 1); k; k--) { \
			bool out = r & 1; \
			r = (uint##bits##_t)(r >> 1 | (uint##bits##_t)carry << (bits - 1)); \
			carry = out; \
		} \
		flags_set_rotate(cpu, carry, (r ^ r << 1) >> (bits - 1) & 1); \
		return r; \
	} \
	SHIFT_FORMS(shl, bits) \
	SHIFT_FORMS(shr, bits) \
	SHIFT_FORMS(sar, bits) \
	SHIFT_FORMS(rol, bits) \
	SHIFT_FORMS(ror, bits) \
	SHIFT_FORMS(rcl, bits) \
	SHIFT_FORMS(rcr, bits)

#define SHIFT_FORMS(op, bits) \
	static inline int op##bits##_any(struct cpu *cpu, const struct insn *insn, unsigned count) \
	{ \
		unsigned n = count & (bits == 64 ? 63 : 31); \
		uint##bits##_t a; \
		if (insn->mod == 3) { \
			a = reg_get##bits(cpu, insn, insn->rm); \
			reg_set##bits(cpu, insn, insn->rm, n ? op##bits(cpu, a, n) : a); \
		} else { \
			struct rmw rmw; \
			if (unlikely(rmw_begin##bits(cpu, insn, &rmw, &a) != CPU_OK)) \
				return CPU_FAULT; \
			rmw_end##bits(cpu, &rmw, n ? op##bits(cpu, a, n) : a); \
		} \
		return CPU_OK; \
	} \
	static int op##bits##_i(struct cpu *cpu, const struct insn *insn) \
	{ \
		return op##bits##_any(cpu, insn, (unsigned)insn->immediate); \
	} \
	static int op##bits##_c(struct cpu *cpu, const struct insn *insn) \
	{ \
		return op##bits##_any(cpu, insn, (unsigned)cpu->gpr[CPU_RCX]); \
	}

SHIFTS(8)
SHIFTS(16)
SHIFTS(32)
SHIFTS(64)

insn_execute *shift_select(struct cpu *cpu, struct insn *insn)
{
#define ROW(op) \
	{ \
		op##8_i, op##16_i, op##32_i, op##64_i, op##8_c, op##16_c, op##32_c, op##64_c \
	}
	static insn_execute *const table[8][8] = { ROW(rol), ROW(ror), ROW(rcl), ROW(rcr), ROW(shl), ROW(shr), ROW(shl),
		ROW(sar) };
#undef ROW
	unsigned size = !(insn->opcode & 1) ? 0 : insn->operand_size == 2 ? 1 : insn->operand_size == 4 ? 2 : 3;
	bool by_cl = insn->opcode == 0xd2 || insn->opcode == 0xd3;

	(void)cpu;
	if (insn->opcode == 0xd0 || insn->opcode == 0xd1)
		insn->immediate = 1;
	return table[insn->modrm >> 3 & 7][size + (by_cl ? 4 : 0)];
}

/* The double shift of 16 bits takes counts up to 31.  Over 16 all is undefined; the host goes on shifting in the
 * source from its beginning, and clears CF. */
static uint64_t double_shift(struct cpu *cpu, uint64_t a, uint64_t b, unsigned n, unsigned size, bool left)
{
	uint64_t r;
	bool carry, overflow;

	if (size == 2) {
		uint64_t wide = left ? a << 32 | b << 16 | b : b << 32 | b << 16 | a;

		if (left) {
			carry = n <= 16 && wide >> (48 - n) & 1;
			r = wide << n >> 32 & 0xffff;
		} else {
			carry = n <= 16 && wide >> (n - 1) & 1;
			r = wide >> n & 0xffff;
		}
		overflow = left ? (r >> 15 & 1) ^ carry : (r ^ r << 1) >> 15 & 1;
		flags_set_misc(cpu, (int16_t)r, cf_of(carry, overflow));
	} else if (size == 4) {
		uint64_t wide = left ? a << 32 | b : b << 32 | a;

		r = (uint32_t)(left ? wide << n >> 32 : wide >> n);
		carry = left ? a >> (32 - n) & 1 : a >> (n - 1) & 1;
		overflow = left ? (r >> 31) ^ carry : (r ^ r << 1) >> 31 & 1;
		flags_set_misc(cpu, (int32_t)r, cf_of(carry, overflow));
	} else {
		r = left ? a << n | b >> (64 - n) : a >> n | b << (64 - n);
		carry = left ? a >> (64 - n) & 1 : a >> (n - 1) & 1;
		overflow = left ? (r >> 63) ^ carry : (r ^ r << 1) >> 63;
		flags_set_misc(cpu, (int64_t)r, cf_of(carry, overflow));
	}
	return r;
}

static int double_shift_execute(struct cpu *cpu, const struct insn *insn)
{
	unsigned size = insn->operand_size;
	unsigned n = (insn->opcode & 1 ? (unsigned)cpu->gpr[CPU_RCX] : (unsigned)insn->immediate) &
		(size == 8 ? 63 : 31);
	bool left = insn->opcode < 0x1a8;
	uint64_t a = 0, b = reg_get(cpu, insn->reg, size);
	struct rmw rmw;

	if (insn->mod == 3)
		a = reg_get(cpu, insn->rm, size);
	else if (access_rmw(cpu, insn->segment, ea(cpu, insn), size, &rmw, &a) != CPU_OK)
		return CPU_FAULT;
	if (n)
		a = double_shift(cpu, a, b, n, size, left);
	if (insn->mod == 3)
		reg_set(cpu, insn->rm, size, a);
	else if (rmw.host)
		memcpy(rmw.host, &a, size);
	else
		access_rmw_end(cpu, &rmw, &a, size);
	return CPU_OK;
}

insn_execute *double_shift_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	(void)insn;
	return double_shift_execute;
}
