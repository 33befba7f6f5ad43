/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * XCHG, XADD, CMPXCHG, CMPXCHG8B; NOP and PAUSE, which are encoded as XCHG.
 */
#include "vmm/cpu/model.h"
#include "vmm/cpu/operand.h"

static int nop(struct cpu *cpu, const struct insn *insn)
{
	(void)cpu;
	(void)insn;
	return CPU_OK;
}

#define EXCHANGE(bits) \
	/* XCHG with memory locks with or without the prefix. */ \
	static int xchg##bits(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##bits##_t value = reg_get##bits(cpu, insn, insn->reg), old; \
		struct rmw rmw; \
		if (insn->mod == 3) { \
			old = reg_get##bits(cpu, insn, insn->rm); \
			reg_set##bits(cpu, insn, insn->rm, value); \
		} else { \
			if (rmw_begin##bits(cpu, insn, &rmw, &old) != CPU_OK) \
				return CPU_FAULT; \
			while (!rmw_end_locked##bits(cpu, &rmw, &old, value)) \
				; \
		} \
		reg_set##bits(cpu, insn, insn->reg, old); \
		return CPU_OK; \
	} \
	static int xadd##bits(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##bits##_t value = reg_get##bits(cpu, insn, insn->reg), old, sum; \
		struct rmw rmw; \
		if (insn->mod == 3) { \
			old = reg_get##bits(cpu, insn, insn->rm); \
			sum = (uint##bits##_t)(old + value); \
			reg_set##bits(cpu, insn, insn->reg, old); \
			reg_set##bits(cpu, insn, insn->rm, sum); \
		} else { \
			if (rmw_begin##bits(cpu, insn, &rmw, &old) != CPU_OK) \
				return CPU_FAULT; \
			do \
				sum = (uint##bits##_t)(old + value); \
			while (!rmw_end_locked##bits(cpu, &rmw, &old, sum)); \
			reg_set##bits(cpu, insn, insn->reg, old); \
		} \
		flags_set(cpu, FLAGS_ADD, (int##bits##_t)sum, (int##bits##_t)old, (int##bits##_t)value); \
		return CPU_OK; \
	} \
	static int cmpxchg##bits(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##bits##_t value = reg_get##bits(cpu, insn, insn->reg), old; \
		uint##bits##_t expect = reg_get##bits(cpu, insn, CPU_RAX); \
		struct rmw rmw; \
		if (insn->mod == 3) { \
			old = reg_get##bits(cpu, insn, insn->rm); \
			if (old == expect) \
				reg_set##bits(cpu, insn, insn->rm, value); \
		} else { \
			if (rmw_begin##bits(cpu, insn, &rmw, &old) != CPU_OK) \
				return CPU_FAULT; \
			/* What was there is written back where it differs. */ \
			while (!rmw_end_locked##bits(cpu, &rmw, &old, old == expect ? value : old)) \
				; \
		} \
		flags_set(cpu, FLAGS_SUB, (int##bits##_t)(expect - old), (int##bits##_t)expect, (int##bits##_t)old); \
		if (old != expect) \
			reg_set##bits(cpu, insn, CPU_RAX, old); \
		return CPU_OK; \
	}

EXCHANGE(8)
EXCHANGE(16)
EXCHANGE(32)

static int cmpxchg8b(struct cpu *cpu, const struct insn *insn)
{
	uint64_t expect = (uint64_t)(uint32_t)cpu->gpr[CPU_RDX] << 32 | (uint32_t)cpu->gpr[CPU_RAX];
	uint64_t value = (uint64_t)(uint32_t)cpu->gpr[CPU_RCX] << 32 | (uint32_t)cpu->gpr[CPU_RBX], old;
	struct rmw rmw;

	if (rmw_begin64(cpu, insn, &rmw, &old) != CPU_OK)
		return CPU_FAULT;
	while (!rmw_end_locked64(cpu, &rmw, &old, old == expect ? value : old))
		;
	flags_settle(cpu);
	if (old == expect) {
		cpu->rflags |= CPU_FLAG_ZF;
	} else {
		cpu->rflags &= ~(uint64_t)CPU_FLAG_ZF;
		cpu->gpr[CPU_RAX] = (uint32_t)old;
		cpu->gpr[CPU_RDX] = old >> 32;
	}
	return CPU_OK;
}

insn_execute *exchange_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	if (insn->opcode == 0x90 && !(insn->rex & 1))
		return nop; /* F3: PAUSE */
	if (insn->opcode == 0x86)
		return xchg8;
	if (insn->opcode >= 0x90) {
		insn->mod = 3;
		insn->reg = CPU_RAX;
		insn->rm = (insn->opcode & 7) | (insn->rex & 1 ? 8 : 0);
	}
	return by_size(insn, xchg16, xchg32, NULL);
}

insn_execute *cmpxchg_select(struct cpu *cpu, struct insn *insn)
{
	switch (insn->opcode & 0xff) {
	case 0xb0: return cmpxchg8;
	case 0xb1: return by_size(insn, cmpxchg16, cmpxchg32, NULL);
	case 0xc0: return xadd8;
	case 0xc1: return by_size(insn, xadd16, xadd32, NULL);
	default:
		/* Group 9: CMPXCHG8B only; RDRAND and RDSEED come with models that have them. */
		if ((insn->modrm >> 3 & 7) != 1 || insn->mod == 3 || !(cpu->model->features_1_edx & (1u << 8)))
			return NULL;
		return cmpxchg8b;
	}
}
