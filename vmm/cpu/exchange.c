/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * XCHG, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B; RDPID; NOP and PAUSE, which are encoded as XCHG.
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
EXCHANGE(64)

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

static bool exchange128(uint8_t *host, uint64_t old[2], const uint64_t value[2])
{
	bool done;

	__asm__ volatile("lock cmpxchg16b %1"
			 : "=@ccz"(done), "+m"(*(unsigned __int128 *)(void *)host), "+a"(old[0]), "+d"(old[1])
			 : "b"(value[0]), "c"(value[1])
			 : "memory");
	return done;
}

static int cmpxchg16b(struct cpu *cpu, const struct insn *insn)
{
	uint64_t expect[2] = { cpu->gpr[CPU_RAX], cpu->gpr[CPU_RDX] },
		 value[2] = { cpu->gpr[CPU_RBX], cpu->gpr[CPU_RCX] };
	uint64_t offset = ea(cpu, insn), old[2];
	struct rmw rmw;
	bool equal;

	if (cpu_linear(cpu, insn->segment, offset) & 15)
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (access_rmw(cpu, insn->segment, offset, 16, &rmw, old) != CPU_OK)
		return CPU_FAULT;
	do
		equal = old[0] == expect[0] && old[1] == expect[1];
	while (rmw.host && !exchange128(rmw.host, old, equal ? value : old));
	if (!rmw.host)
		access_rmw_end(cpu, &rmw, equal ? value : old, 16);
	flags_settle(cpu);
	if (equal) {
		cpu->rflags |= CPU_FLAG_ZF;
	} else {
		cpu->rflags &= ~(uint64_t)CPU_FLAG_ZF;
		cpu->gpr[CPU_RAX] = old[0];
		cpu->gpr[CPU_RDX] = old[1];
	}
	return CPU_OK;
}

static int rdpid(struct cpu *cpu, const struct insn *insn)
{
	cpu->gpr[insn->rm] = (uint32_t)cpu->tsc_aux;
	return CPU_OK;
}

insn_execute *exchange_select(struct cpu *cpu, struct insn *insn)
{
	(void)cpu;
	if (insn->opcode == 0x90 && (insn->rep == 0xf3 || !(insn->rex & 1)))
		return nop; /* F3: PAUSE, on Intel's processors whatever REX.B says */
	if (insn->opcode == 0x86)
		return xchg8;
	if (insn->opcode >= 0x90) {
		insn->mod = 3;
		insn->reg = CPU_RAX;
		insn->rm = (insn->opcode & 7) | (insn->rex & 1 ? 8 : 0);
	}
	return by_size(insn, xchg16, xchg32, xchg64);
}

insn_execute *cmpxchg_select(struct cpu *cpu, struct insn *insn)
{
	switch (insn->opcode & 0xff) {
	case 0xb0: return cmpxchg8;
	case 0xb1: return by_size(insn, cmpxchg16, cmpxchg32, cmpxchg64);
	case 0xc0: return xadd8;
	case 0xc1: return by_size(insn, xadd16, xadd32, xadd64);
	default:
		/* Group 9 */
		if (insn->mod == 3) {
			if ((insn->modrm >> 3 & 7) == 7 && insn->rep == 0xf3 &&
				cpu->model->features_7_ecx & CPU_FEATURE_RDPID)
				return rdpid;
			return NULL;
		}
		if ((insn->modrm >> 3 & 7) != 1)
			return NULL;
		if (insn->operand_size == 8)
			return cpu->model->features_1_ecx & CPU_FEATURE_CX16 ? cmpxchg16b : NULL;
		return cpu->model->features_1_edx & CPU_FEATURE_CX8 ? cmpxchg8b : NULL;
	}
}
