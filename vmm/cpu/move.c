/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * MOV, MOVZX, MOVSX, LEA, BSWAP, MOVNTI, CBW and CWD.
 */
#include "vmm/cpu/model.h"
#include "vmm/cpu/operand.h"

#define MOVES(bits) \
	static int mov##bits##_rg(struct cpu *cpu, const struct insn *insn) \
	{ \
		reg_set##bits(cpu, insn, insn->rm, reg_get##bits(cpu, insn, insn->reg)); \
		return CPU_OK; \
	} \
	static int mov##bits##_mg(struct cpu *cpu, const struct insn *insn) \
	{ \
		return mem_write##bits(cpu, insn->segment, ea(cpu, insn), reg_get##bits(cpu, insn, insn->reg)); \
	} \
	static int mov##bits##_gr(struct cpu *cpu, const struct insn *insn) \
	{ \
		reg_set##bits(cpu, insn, insn->reg, reg_get##bits(cpu, insn, insn->rm)); \
		return CPU_OK; \
	} \
	static int mov##bits##_gm(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##bits##_t value; \
		if (unlikely(mem_read##bits(cpu, insn->segment, ea(cpu, insn), &value) != CPU_OK)) \
			return CPU_FAULT; \
		reg_set##bits(cpu, insn, insn->reg, value); \
		return CPU_OK; \
	} \
	static int mov##bits##_ri(struct cpu *cpu, const struct insn *insn) \
	{ \
		reg_set##bits(cpu, insn, insn->rm, (uint##bits##_t)insn->immediate); \
		return CPU_OK; \
	} \
	static int mov##bits##_mi(struct cpu *cpu, const struct insn *insn) \
	{ \
		return mem_write##bits(cpu, insn->segment, ea(cpu, insn), (uint##bits##_t)insn->immediate); \
	} \
	static int mov##bits##_ao(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##bits##_t value; \
		if (mem_read##bits(cpu, insn->segment, (uint64_t)insn->displacement, &value) != CPU_OK) \
			return CPU_FAULT; \
		reg_set##bits(cpu, insn, CPU_RAX, value); \
		return CPU_OK; \
	} \
	static int mov##bits##_oa(struct cpu *cpu, const struct insn *insn) \
	{ \
		return mem_write##bits( \
			cpu, insn->segment, (uint64_t)insn->displacement, reg_get##bits(cpu, insn, CPU_RAX)); \
	}

MOVES(8)
MOVES(16)
MOVES(32)
MOVES(64)

/* Extensions: to, from. */
#define EXTEND(name, to, from, type) \
	static int name##to##_##from(struct cpu *cpu, const struct insn *insn) \
	{ \
		uint##from##_t value; \
		if (unlikely(rm_read##from(cpu, insn, &value) != CPU_OK)) \
			return CPU_FAULT; \
		reg_set##to(cpu, insn, insn->reg, (uint##to##_t)(type)value); \
		return CPU_OK; \
	}
EXTEND(movzx, 16, 8, uint8_t)
EXTEND(movzx, 32, 8, uint8_t)
EXTEND(movzx, 64, 8, uint8_t)
EXTEND(movzx, 16, 16, uint16_t)
EXTEND(movzx, 32, 16, uint16_t)
EXTEND(movzx, 64, 16, uint16_t)
EXTEND(movsx, 16, 8, int8_t)
EXTEND(movsx, 32, 8, int8_t)
EXTEND(movsx, 64, 8, int8_t)
EXTEND(movsx, 16, 16, int16_t)
EXTEND(movsx, 32, 16, int16_t)
EXTEND(movsx, 64, 16, int16_t)
EXTEND(movzx, 32, 32, uint32_t) /* MOVSXD without REX.W */
EXTEND(movsx, 64, 32, int32_t)

static int lea16(struct cpu *cpu, const struct insn *insn)
{
	reg_set16(cpu, insn, insn->reg, (uint16_t)ea(cpu, insn));
	return CPU_OK;
}

static int lea32(struct cpu *cpu, const struct insn *insn)
{
	reg_set32(cpu, insn, insn->reg, (uint32_t)ea(cpu, insn));
	return CPU_OK;
}

static int lea64(struct cpu *cpu, const struct insn *insn)
{
	reg_set64(cpu, insn, insn->reg, ea(cpu, insn));
	return CPU_OK;
}

static int bswap(struct cpu *cpu, const struct insn *insn)
{
	/* Undefined for 16 bits; processors clear the register's low half. */
	if (insn->operand_size == 2)
		reg_set16(cpu, insn, insn->rm, 0);
	else if (insn->operand_size == 8)
		cpu->gpr[insn->rm] = __builtin_bswap64(cpu->gpr[insn->rm]);
	else
		reg_set32(cpu, insn, insn->rm, __builtin_bswap32((uint32_t)cpu->gpr[insn->rm]));
	return CPU_OK;
}

/* CBW, CWDE, CDQE; CWD, CDQ, CQO */
static int cbw(struct cpu *cpu, const struct insn *insn)
{
	if (insn->operand_size == 2)
		reg_set16(cpu, insn, CPU_RAX, (uint16_t)(int8_t)cpu->gpr[CPU_RAX]);
	else if (insn->operand_size == 8)
		cpu->gpr[CPU_RAX] = (uint64_t)(int32_t)cpu->gpr[CPU_RAX];
	else
		reg_set32(cpu, insn, CPU_RAX, (uint32_t)(int16_t)cpu->gpr[CPU_RAX]);
	return CPU_OK;
}

static int cwd(struct cpu *cpu, const struct insn *insn)
{
	if (insn->operand_size == 2)
		reg_set16(cpu, insn, CPU_RDX, (int16_t)cpu->gpr[CPU_RAX] < 0 ? 0xffff : 0);
	else if (insn->operand_size == 8)
		cpu->gpr[CPU_RDX] = (uint64_t)((int64_t)cpu->gpr[CPU_RAX] >> 63);
	else
		reg_set32(cpu, insn, CPU_RDX, (int32_t)cpu->gpr[CPU_RAX] < 0 ? 0xffffffff : 0);
	return CPU_OK;
}

static insn_execute *move_select_map1(struct cpu *cpu, struct insn *insn)
{
	switch (insn->opcode & 0xff) {
	case 0xb6: return by_size(insn, movzx16_8, movzx32_8, movzx64_8);
	case 0xb7: return by_size(insn, movzx16_16, movzx32_16, movzx64_16);
	case 0xbe: return by_size(insn, movsx16_8, movsx32_8, movsx64_8);
	case 0xbf: return by_size(insn, movsx16_16, movsx32_16, movsx64_16);
	case 0xc3: /* MOVNTI */
		if (insn->mod == 3 || insn->rep || insn->prefix66 || !(cpu->model->features_1_edx & (1u << 26)))
			return NULL;
		return insn->operand_size == 8 ? mov64_mg : mov32_mg;
	default: /* BSWAP, from the 486 on */ insn->rm = (insn->opcode & 7) | (insn->rex & 1 ? 8 : 0); return bswap;
	}
}

insn_execute *move_select(struct cpu *cpu, struct insn *insn)
{
	bool memory = insn->mod != 3;

	if (insn->opcode >= 0x100)
		return move_select_map1(cpu, insn);
	switch (insn->opcode) {
	case 0x88: return memory ? mov8_mg : mov8_rg;
	case 0x89:
		return memory ? by_size(insn, mov16_mg, mov32_mg, mov64_mg)
			      : by_size(insn, mov16_rg, mov32_rg, mov64_rg);
	case 0x63: return by_size(insn, movzx16_16, movzx32_32, movsx64_32); /* MOVSXD */
	case 0x8a: return memory ? mov8_gm : mov8_gr;
	case 0x8b:
		return memory ? by_size(insn, mov16_gm, mov32_gm, mov64_gm)
			      : by_size(insn, mov16_gr, mov32_gr, mov64_gr);
	case 0x8d: return memory ? by_size(insn, lea16, lea32, lea64) : NULL;
	case 0x98: return cbw;
	case 0x99: return cwd;
	case 0xa0: return mov8_ao;
	case 0xa1: return by_size(insn, mov16_ao, mov32_ao, mov64_ao);
	case 0xa2: return mov8_oa;
	case 0xa3: return by_size(insn, mov16_oa, mov32_oa, mov64_oa);
	case 0xc6:
		if (insn->modrm >> 3 & 7)
			return NULL;
		return memory ? mov8_mi : mov8_ri;
	case 0xc7:
		if (insn->modrm >> 3 & 7)
			return NULL;
		return memory ? by_size(insn, mov16_mi, mov32_mi, mov64_mi)
			      : by_size(insn, mov16_ri, mov32_ri, mov64_ri);
	default:
		insn->rm = (insn->opcode & 7) | (insn->rex & 1 ? 8 : 0);
		return insn->opcode < 0xb8 ? mov8_ri : by_size(insn, mov16_ri, mov32_ri, mov64_ri);
	}
}
