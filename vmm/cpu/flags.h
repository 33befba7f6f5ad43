/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Lazy arithmetic flags.
 *
 * Instructions leave their operands and result in struct cpu, sign-extended to 64 bits, so that one rule per
 * kind of operation serves every operand size: sign extension keeps the unsigned order too.
 */
#ifndef VMM_CPU_FLAGS_H
#define VMM_CPU_FLAGS_H

#include "vmm/cpu/cpu.h"

enum {
	FLAGS_VALID, /* RFLAGS has them */
	FLAGS_ADD,   /* result = source1 + source2 */
	FLAGS_ADC,   /* result = source1 + source2 + 1 */
	FLAGS_SUB,   /* result = source1 - source2 */
	FLAGS_SBB,   /* result = source1 - source2 - 1 */
	FLAGS_LOGIC, /* CF, OF and AF are 0 */
	FLAGS_MISC,  /* source1 holds CF, OF and AF as in RFLAGS */
	FLAGS_IMAGE, /* source1 holds all six as in RFLAGS; a translator's, and never seen by handlers */
	/* The same: operands and results as registers had them, of which the lowest 1 << (op & 3) bytes matter. */
	FLAGS_RAW_LOGIC = 16, /* result */
	FLAGS_RAW_TEST = 20,  /* source1 & source2 */
	FLAGS_RAW_CMP = 24,   /* source1 - source2 */
	FLAGS_RAW_SUB = 28,   /* result, and source2 that was taken away */
	FLAGS_RAW_ADD = 32,   /* result, and source2 that was added */
	FLAGS_RAW_NEG = 36,   /* result */
	FLAGS_RAW_COUNT = 40, /* result of TZCNT or LZCNT */
};

/* All six, as in RFLAGS. */
uint32_t flags_compute(const struct cpu *cpu);

static inline bool flags_cf(const struct cpu *cpu)
{
	switch (cpu->flags_op) {
	case FLAGS_ADD: return cpu->flags_result < cpu->flags_source1;
	case FLAGS_ADC: return cpu->flags_result <= cpu->flags_source1;
	case FLAGS_SUB: return cpu->flags_source1 < cpu->flags_source2;
	case FLAGS_SBB: return cpu->flags_source1 <= cpu->flags_source2;
	case FLAGS_LOGIC: return false;
	case FLAGS_MISC: return cpu->flags_source1 & CPU_FLAG_CF;
	default: return cpu->rflags & CPU_FLAG_CF;
	}
}

static inline bool flags_of(const struct cpu *cpu)
{
	uint64_t a = cpu->flags_source1, b = cpu->flags_source2, r = cpu->flags_result;

	switch (cpu->flags_op) {
	case FLAGS_ADD:
	case FLAGS_ADC: return ((a ^ r) & (b ^ r)) >> 63;
	case FLAGS_SUB:
	case FLAGS_SBB: return ((a ^ b) & (a ^ r)) >> 63;
	case FLAGS_LOGIC: return false;
	case FLAGS_MISC: return (a & CPU_FLAG_OF) != 0;
	default: return (cpu->rflags & CPU_FLAG_OF) != 0;
	}
}

static inline bool flags_zf(const struct cpu *cpu)
{
	return cpu->flags_op == FLAGS_VALID ? (cpu->rflags & CPU_FLAG_ZF) != 0 : cpu->flags_result == 0;
}

static inline bool flags_sf(const struct cpu *cpu)
{
	return cpu->flags_op == FLAGS_VALID ? (cpu->rflags & CPU_FLAG_SF) != 0 : cpu->flags_result >> 63;
}

static inline bool flags_pf(const struct cpu *cpu)
{
	return cpu->flags_op == FLAGS_VALID ? (cpu->rflags & CPU_FLAG_PF) != 0
					    : !__builtin_parity((unsigned)cpu->flags_result & 0xff);
}

/* The condition of Jcc, SETcc, CMOVcc: low four bits of the opcode. */
static inline __attribute__((always_inline)) bool flags_condition(const struct cpu *cpu, unsigned cc)
{
	bool yes = false;

	switch (cc >> 1) {
	case 0: yes = flags_of(cpu); break;
	case 1: yes = flags_cf(cpu); break;
	case 2: yes = flags_zf(cpu); break;
	case 3:
		if (cpu->flags_op == FLAGS_SUB)
			yes = cpu->flags_source1 <= cpu->flags_source2;
		else
			yes = flags_cf(cpu) || flags_zf(cpu);
		break;
	case 4: yes = flags_sf(cpu); break;
	case 5: yes = flags_pf(cpu); break;
	case 6:
		if (cpu->flags_op == FLAGS_SUB)
			yes = (int64_t)cpu->flags_source1 < (int64_t)cpu->flags_source2;
		else
			yes = flags_sf(cpu) != flags_of(cpu);
		break;
	case 7:
		if (cpu->flags_op == FLAGS_SUB)
			yes = (int64_t)cpu->flags_source1 <= (int64_t)cpu->flags_source2;
		else
			yes = flags_zf(cpu) || flags_sf(cpu) != flags_of(cpu);
		break;
	}
	return yes ^ (cc & 1);
}

/* Results and operands come sign-extended. */
static inline void flags_set(struct cpu *cpu, uint32_t op, int64_t result, int64_t source1, int64_t source2)
{
	cpu->flags_op = op;
	cpu->flags_result = (uint64_t)result;
	cpu->flags_source1 = (uint64_t)source1;
	cpu->flags_source2 = (uint64_t)source2;
}

static inline void flags_set_logic(struct cpu *cpu, int64_t result)
{
	cpu->flags_op = FLAGS_LOGIC;
	cpu->flags_result = (uint64_t)result;
}

/* ZF, SF and PF from the result; CF, OF, AF as given. */
static inline void flags_set_misc(struct cpu *cpu, int64_t result, uint32_t carry_overflow_adjust)
{
	cpu->flags_op = FLAGS_MISC;
	cpu->flags_result = (uint64_t)result;
	cpu->flags_source1 = carry_overflow_adjust;
}

/* Bring the six flags home to RFLAGS. */
static inline void flags_settle(struct cpu *cpu)
{
	if (cpu->flags_op != FLAGS_VALID) {
		cpu->rflags = (cpu->rflags & ~(uint64_t)CPU_FLAGS_ARITHMETIC) | flags_compute(cpu);
		cpu->flags_op = FLAGS_VALID;
	}
}

#endif
