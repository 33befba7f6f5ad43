/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What instructions do to general registers: which they may change, which they move by a constant, and what they leave
 * small.  group.c and loop.c follow addresses by it.
 */
#include "vmm/cpu/decode.h"
#include "vmm/translate/t1.h"

#define ANY       T1_ANY_REGISTER
#define MOVED_MAX 4096 /* what is moved further may be anywhere */
#define BIT(r)    (1u << (r))
#define STACK_BIT BIT(CPU_RSP)

/* A byte register is the low or the high byte of one. */
static uint32_t byte_bits(const struct insn *insn, unsigned reg)
{
	return insn->rex ? BIT(reg) : BIT(reg) | BIT(reg & 3);
}

static uint32_t reg_bits(const struct insn *insn, bool byte)
{
	return byte ? byte_bits(insn, insn->reg) : BIT(insn->reg);
}

static uint32_t rm_bits(const struct insn *insn, bool byte)
{
	if (insn->mod != 3)
		return 0;
	return byte ? byte_bits(insn, insn->rm) : BIT(insn->rm);
}

static uint32_t alu_bits(const struct insn *insn)
{
	bool byte = !(insn->opcode & 1);

	if (insn->opcode >= 0x38) /* CMP */
		return 0;
	switch (insn->opcode >> 1 & 3) {
	case 0: return rm_bits(insn, byte);
	case 1: return reg_bits(insn, byte);
	default: return BIT(CPU_RAX);
	}
}

static uint32_t map0_bits(const struct insn *insn)
{
	unsigned opcode = insn->opcode, digit = insn->modrm >> 3 & 7;
	unsigned low = (opcode & 7u) | (insn->rex & 1u) << 3;
	bool byte = !(opcode & 1);

	if (opcode < 0x40 && (opcode & 7) < 6)
		return alu_bits(insn);
	switch (opcode) {
	case 0x40 ... 0x4f: return BIT(opcode & 7);
	case 0x58 ... 0x5f: return BIT(low);
	case 0x06:
	case 0x0e:
	case 0x16:
	case 0x1e:
	case 0x50 ... 0x57:
	case 0x68:
	case 0x6a:
	case 0x70 ... 0x7f:
	case 0x84:
	case 0x85:
	case 0x90:
	case 0xa2:
	case 0xa3:
	case 0xa8:
	case 0xa9:
	case 0x9c: /* PUSHF, POPF, CLI, STI, CLD, STD */
	case 0x9d:
	case 0xfa ... 0xfd: return opcode == 0x90 && insn->rex & 1 ? ANY : 0;
	case 0x63:
	case 0x69:
	case 0x6b:
	case 0x8d: return BIT(insn->reg);
	case 0x80 ... 0x83: return digit == 7 ? 0 : rm_bits(insn, byte);
	case 0x86:
	case 0x87: return reg_bits(insn, byte) | rm_bits(insn, byte);
	case 0x88:
	case 0x89: return rm_bits(insn, byte);
	case 0x8a:
	case 0x8b: return reg_bits(insn, byte);
	case 0x91 ... 0x97: return BIT(CPU_RAX) | BIT(low);
	case 0x98:
	case 0xa0:
	case 0xa1: return BIT(CPU_RAX);
	case 0x99: return BIT(CPU_RDX);
	case 0xb0 ... 0xb7: return byte_bits(insn, low);
	case 0xb8 ... 0xbf: return BIT(low);
	case 0x8c: return rm_bits(insn, false);
	case 0xa4:
	case 0xa5: return BIT(CPU_RCX) | BIT(CPU_RSI) | BIT(CPU_RDI);
	case 0xaa:
	case 0xab:
	case 0xae:
	case 0xaf: return BIT(CPU_RCX) | BIT(CPU_RDI);
	case 0xac:
	case 0xad: return BIT(CPU_RAX) | BIT(CPU_RSI);
	case 0xc0:
	case 0xc1:
	case 0xd0 ... 0xd3: return rm_bits(insn, byte);
	case 0xc6:
	case 0xc7: return rm_bits(insn, byte);
	case 0xc9: return BIT(CPU_RBP) | STACK_BIT;
	case 0xf6:
	case 0xf7:
		if (digit < 2)
			return 0;
		return digit < 4 ? rm_bits(insn, byte) : BIT(CPU_RAX) | BIT(CPU_RDX);
	case 0xfe: return rm_bits(insn, true);
	case 0xff: return digit < 2 ? rm_bits(insn, false) : digit == 6 ? 0 : ANY;
	default: return ANY;
	}
}

static uint32_t map1_bits(const struct insn *insn)
{
	switch (insn->opcode & 0xff) {
	case 0x01: /* SWAPGS, STAC, CLAC */
	case 0x0d:
	case 0x18 ... 0x1f:
	case 0x80 ... 0x8f:
	case 0xa0: /* PUSH FS, PUSH GS */
	case 0xa8:
	case 0xa3: return 0;
	case 0x40 ... 0x4f:
	case 0xaf:
	case 0xb6:
	case 0xb7:
	case 0xbe:
	case 0xbf: return BIT(insn->reg);
	case 0x20: return BIT(insn->rm);
	case 0x90 ... 0x9f: return rm_bits(insn, true);
	case 0xab:
	case 0xb3:
	case 0xbb:
	case 0xa4:
	case 0xa5:
	case 0xac:
	case 0xad: return rm_bits(insn, false);
	case 0xc7: return BIT(CPU_RAX) | BIT(CPU_RDX); /* CMPXCHG8B, CMPXCHG16B */
	case 0xc8 ... 0xcf: return BIT((insn->opcode & 7u) | (insn->rex & 1u) << 3);
	default: return ANY;
	}
}

/* General registers that the instruction may change, but for what pushes and pops do to RSP. */
static uint32_t written(const struct insn *insn)
{
	uint32_t mask = t1_scalar_written(insn);

	if (mask == ANY)
		mask = t1_vector_written(insn);
	if (mask == ANY)
		mask = t1_x87_written(insn);
	if (mask != ANY || insn->vex)
		return mask;
	switch (insn->opcode >> 8) {
	case 0: return map0_bits(insn);
	case 1: return map1_bits(insn);
	case 2:
		switch (insn->opcode) {
		case 0x2f0: /* MOVBE, CRC32 */
		case 0x2f1: return insn->opcode & 1 && insn->rep != 0xf2 ? 0 : BIT(insn->reg);
		case 0x2f6: return BIT(insn->reg);
		default: return ANY;
		}
	default: return ANY;
	}
}

/* A register that it moves by a constant, which `mask` loses then; ANY: none. */
static unsigned moved_reg(const struct insn *insn, uint32_t *mask, int64_t *by)
{
	unsigned opcode = insn->opcode, digit = insn->modrm >> 3 & 7, reg = ANY;
	unsigned width = insn->code64 ? 8 : 4;
	int64_t immediate = (int64_t)insn->immediate;

	if (insn->vex || (opcode >> 8 && opcode != 0x1a0 && opcode != 0x1a8))
		return ANY;
	switch (opcode) {
	case 0x06:
	case 0x0e:
	case 0x16:
	case 0x1e:
	case 0x1a0:
	case 0x1a8:
	case 0x50 ... 0x57:
	case 0x68:
	case 0x6a:
	case 0x9c: *by = -(int64_t)insn->operand_size; return CPU_RSP;
	case 0x58 ... 0x5f:
	case 0x9d: *by = insn->operand_size; return CPU_RSP;
	default: break;
	}
	if (opcode == 0xff && digit == 6) {
		*by = -(int64_t)insn->operand_size;
		return CPU_RSP;
	}
	if (insn->operand_size != width)
		return ANY;
	switch (opcode) {
	case 0x05:
	case 0x2d:
		reg = CPU_RAX;
		*by = opcode == 0x05 ? immediate : -immediate;
		break;
	case 0x40 ... 0x4f:
		reg = opcode & 7;
		*by = opcode & 8 ? -1 : 1;
		break;
	case 0x81:
	case 0x83:
		if (insn->mod == 3 && (digit == 0 || digit == 5))
			reg = insn->rm;
		*by = digit ? -immediate : immediate;
		break;
	case 0x8d:
		if (insn->reg == insn->ea_base && insn->ea_index >= 16 && insn->address_size == width)
			reg = insn->reg;
		*by = insn->displacement;
		break;
	case 0xff:
		if (insn->mod == 3 && digit < 2)
			reg = insn->rm;
		*by = digit ? -1 : 1;
		break;
	default: break;
	}
	if (reg != ANY)
		*mask &= ~BIT(reg);
	return reg;
}

/* Registers that the instruction leaves small, for tables in superblocks: MOVZX of a byte, AND with a small constant.
 */
static void bounds_note(struct t1_translation *t, uint32_t changed)
{
	const struct insn *insn = t->insn;
	unsigned reg = ANY, bound = 0;

	if (!insn->vex && insn->opcode == 0x1b6) {
		reg = insn->reg;
		bound = 0xff;
	} else if (!insn->vex && (insn->opcode == 0x81 || insn->opcode == 0x83) && (insn->modrm >> 3 & 7) == 4 &&
		insn->mod == 3 && insn->immediate <= 0x3ff) {
		reg = insn->rm;
		bound = (unsigned)insn->immediate;
	}
	for (unsigned i = 0; i < 16; i++)
		if (changed >> i & 1)
			t->bounds[i] = 0;
	/* 16-bit operations leave the rest as it is */
	if (reg != ANY && insn->operand_size > 2)
		t->bounds[reg] = (uint16_t)bound;
}

void t1_registers_note(struct t1_translation *t, bool native)
{
	if (!native || !t->keeps)
		t->held = T1_NO_GROUP;

	uint32_t mask = native ? written(t->insn) : ANY;
	int64_t by = 0;
	unsigned reg = native ? moved_reg(t->insn, &mask, &by) : ANY;

	if (reg != ANY) {
		t->moved[reg] += by;
		if (t->moved[reg] < t->moved_low[reg])
			t->moved_low[reg] = t->moved[reg];
		if (t->moved[reg] > t->moved_high[reg])
			t->moved_high[reg] = t->moved[reg];
		/* far away may be anywhere */
		if (t->moved[reg] < -MOVED_MAX || t->moved[reg] > MOVED_MAX)
			mask |= BIT(reg);
	}
	for (unsigned i = 0; i < 16; i++) {
		if (mask >> i & 1) {
			t->versions[i]++;
			t->moved[i] = 0;
		}
	}
	if (reg != ANY && reg != CPU_RSP)
		mask |= BIT(reg);
	t1_recipe_note(t, native, mask, reg == CPU_RSP ? by : 0);
	if (reg != ANY)
		mask |= BIT(reg);
	bounds_note(t, mask);
}
