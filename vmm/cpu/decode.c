/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <string.h>

#include "vmm/cpu/decode.h"
#include "vmm/cpu/decode_table.h"
#include "vmm/cpu/mode.h"

struct cursor {
	const uint8_t *bytes;
	unsigned at, available;
	bool dry; /* ran out */
};

static uint64_t take(struct cursor *cursor, unsigned size)
{
	uint64_t value = 0;

	if (cursor->at + size > cursor->available) {
		cursor->dry = true;
		cursor->at = cursor->available;
		return 0;
	}
	memcpy(&value, cursor->bytes + cursor->at, size);
	cursor->at += size;
	return value;
}

static int64_t take_signed(struct cursor *cursor, unsigned size)
{
	uint64_t value = take(cursor, size);

	switch (size) {
	case 1: return (int8_t)value;
	case 2: return (int16_t)value;
	case 4: return (int32_t)value;
	default: return (int64_t)value;
	}
}

static int undefined_execute(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	return cpu_raise(cpu, CPU_UD);
}

/* Memory operand with 16-bit addressing (SDM vol. 2A, table 2-1). */
static void address16(struct cursor *cursor, struct insn *insn)
{
	static const uint8_t base[8] = { CPU_RBX, CPU_RBX, CPU_RBP, CPU_RBP, CPU_RSI, CPU_RDI, CPU_RBP, CPU_RBX };
	static const uint8_t index[8] = { CPU_RSI, CPU_RDI, CPU_RSI, CPU_RDI, INSN_NONE, INSN_NONE, INSN_NONE,
		INSN_NONE };
	unsigned rm = insn->modrm & 7;

	if (insn->mod == 0 && rm == 6) {
		insn->displacement = take_signed(cursor, 2);
		return;
	}
	insn->base = base[rm];
	insn->index = index[rm];
	insn->displacement8 = insn->mod == 1;
	if (insn->mod)
		insn->displacement = take_signed(cursor, insn->mod == 1 ? 1 : 2);
}

static void address32(struct cursor *cursor, struct insn *insn)
{
	unsigned rm = insn->modrm & 7;
	unsigned high_base = insn->rex & 1 ? 8 : 0, high_index = insn->rex & 2 ? 8 : 0;

	if (rm == 4) {
		uint8_t sib = insn->sib = (uint8_t)take(cursor, 1);
		unsigned index = (sib >> 3 & 7) + high_index;

		insn->scale = sib >> 6;
		if (index != 4)
			insn->index = (uint8_t)index;
		else
			insn->scale = 0;
		rm = sib & 7;
		if (rm == 5 && insn->mod == 0) {
			insn->displacement = take_signed(cursor, 4);
			return;
		}
	} else if (rm == 5 && insn->mod == 0) {
		insn->displacement = take_signed(cursor, 4);
		if (insn->code64)
			insn->base = INSN_RIP;
		return;
	}
	insn->base = (uint8_t)(rm + high_base);
	insn->displacement8 = insn->mod == 1;
	if (insn->mod)
		insn->displacement = take_signed(cursor, insn->mod == 1 ? 1 : 4);
}

static void modrm_decode(struct cursor *cursor, struct insn *insn, unsigned flags)
{
	insn->modrm = (uint8_t)take(cursor, 1);
	insn->mod = flags & OP_REGS ? 3 : insn->modrm >> 6;
	insn->reg |= (insn->modrm >> 3 & 7) | (insn->rex & 4 ? 8 : 0);
	insn->rm = (insn->modrm & 7) | (insn->rex & 1 ? 8 : 0);
	if (insn->vex == INSN_EVEX && insn->rex & 2)
		insn->rm |= 16;
	if (insn->mod == 3)
		return;
	if (insn->address_size == 2)
		address16(cursor, insn);
	else
		address32(cursor, insn);
	if (insn->segment_override == INSN_NONE && (insn->base == CPU_RSP || insn->base == CPU_RBP))
		insn->segment = CPU_SS;
}

static void immediate_decode(struct cursor *cursor, struct insn *insn, unsigned flags)
{
	unsigned z = insn->operand_size == 2 ? 2 : 4;

	if (flags & OP_IMM8)
		insn->immediate = (uint64_t)take_signed(cursor, 1);
	else if (flags & OP_IMM16)
		insn->immediate = take(cursor, 2);
	else if (flags & OP_IMMZ)
		insn->immediate = (uint64_t)take_signed(cursor, z);
	else if (flags & OP_IMMV)
		insn->immediate = take(cursor, insn->operand_size);
	else if (flags & OP_MOFFS)
		insn->displacement = (int64_t)take(cursor, insn->address_size);
	if (flags & OP_FAR) {
		insn->immediate = take(cursor, z);
		insn->immediate2 = (uint16_t)take(cursor, 2);
	}
	if (flags & OP_ENTER) {
		insn->immediate = take(cursor, 2);
		insn->immediate2 = (uint16_t)take(cursor, 1);
	}
	if (flags & OP_TEST && (insn->modrm >> 3 & 7) < 2)
		insn->immediate = (uint64_t)take_signed(cursor, insn->opcode & 1 ? z : 1);
}

/* May LOCK stand before it?  (SDM vol. 2A, LOCK) */
static bool lock_legal(const struct insn *insn)
{
	unsigned op = insn->opcode & 0xff, reg = insn->modrm >> 3 & 7;

	if (insn->mod == 3)
		return false;
	switch (insn->opcode >> 8) {
	case 0:
		if (op < 0x38)
			return (op & 7) < 2;
		switch (op) {
		case 0x80:
		case 0x81:
		case 0x82:
		case 0x83: return reg != 7;
		case 0x86:
		case 0x87: return true;
		case 0xf6:
		case 0xf7: return reg == 2 || reg == 3;
		case 0xfe:
		case 0xff: return reg < 2;
		default: return false;
		}
	case 1:
		switch (op) {
		case 0xab:
		case 0xb3:
		case 0xbb:
		case 0xb0:
		case 0xb1:
		case 0xc0:
		case 0xc1: return true;
		case 0xba: return reg > 4;
		case 0xc7: return reg == 1;
		default: return false;
		}
	default: return false;
	}
}

static bool prefix_take(struct insn *insn, uint8_t byte, uint32_t mode)
{
	bool code64 = mode & MODE_CODE64, code32 = mode & MODE_CODE32;

	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		/* ES, CS, SS, DS; in 64-bit mode they say nothing. */
		if (!code64)
			insn->segment_override = byte >> 3 & 3;
		break;
	case 0x64: insn->segment_override = CPU_FS; break;
	case 0x65: insn->segment_override = CPU_GS; break;
	case 0x66:
		insn->operand_size = code32 || code64 ? 2 : 4;
		insn->prefix66 = true;
		break;
	case 0x67: insn->address_size = code64 || !code32 ? 4 : 2; break;
	case 0xf0: insn->lock = true; break;
	case 0xf2:
	case 0xf3: insn->rep = byte; break;
	default:
		if (!code64 || (byte & 0xf0) != 0x40)
			return false;
		insn->rex = byte;
		return true;
	}
	insn->rex = 0; /* REX counts only right before the opcode */
	return true;
}

/* Does this byte begin VEX or EVEX, or is it LES, LDS or BOUND?  (SDM vol. 2A, 2.3.5, 2.7.1) */
static bool vex_begins(const struct cursor *cursor, uint8_t byte, uint32_t mode)
{
	if (byte != 0xc4 && byte != 0xc5 && byte != 0x62)
		return false;
	if (mode & MODE_CODE64)
		return true;
	return mode & MODE_PE && !(mode & MODE_VM) && cursor->at < cursor->available &&
		cursor->bytes[cursor->at] >= 0xc0;
}

/* The rest of the prefix, up to the opcode.  False: it is not one. */
static bool vex_take(struct cursor *cursor, struct insn *insn, uint8_t byte)
{
	static const uint8_t rep[4] = { 0, 0, 0xf3, 0xf2 };
	bool possible = !insn->rex && !insn->rep && !insn->prefix66 && !insn->lock;
	/* Bit 7 first: R, X, B, as they are in the first byte behind C4 and 62. */
	uint8_t first = (uint8_t)take(cursor, 1), second, map = 1;

	if (byte == 0xc5) {
		second = first & 0x7f;
		first |= 0x60;
	} else {
		map = first & (byte == 0xc4 ? 31 : 7);
		second = (uint8_t)take(cursor, 1);
	}
	insn->vex = byte == 0x62 ? INSN_EVEX : INSN_VEX;
	insn->vvvv = ~second >> 3 & 15;
	insn->vector_length = second >> 2 & 1;
	if (byte == 0x62) {
		insn->evex = (uint8_t)take(cursor, 1);
		insn->vector_length = insn->evex >> 5 & 3;
		if (!(insn->evex & 8))
			insn->vvvv |= 16;
		if (!(first & 16))
			insn->reg = 16;
		possible = possible && !(first & 8) && second & 4;
	}
	/* Outside 64-bit mode there are eight registers, whatever the bits say. */
	insn->rex = 0x40 | (second >> 4 & 8);
	if (insn->code64) {
		insn->rex |= ~first >> 5 & 7;
	} else {
		insn->vvvv &= 7;
		insn->reg = 0;
	}
	insn->prefix66 = (second & 3) == 1;
	insn->rep = rep[second & 3];
	insn->operand_size = insn->rex & 8 ? 8 : 4;
	insn->opcode = (uint16_t)(map << 8 | take(cursor, 1));
	return possible && (map < 4 ? map != 0 : insn->vex == INSN_EVEX && (map == 5 || map == 6));
}

/* What follows a VEX opcode, and who knows it. */
static void vex_opcode(const struct insn *insn, struct opcode *opcode)
{
	opcode->select = vex_select;
	switch (insn->opcode >> 8) {
	case 1: opcode->flags = opcode_map1[insn->opcode & 0xff].flags & (OP_MODRM | OP_IMM8); break;
	case 3: opcode->flags = OP_MODRM | OP_IMM8; break;
	default: opcode->flags = OP_MODRM;
	}
}

static void opcode_take(struct cursor *cursor, struct insn *insn, uint32_t mode, struct opcode *opcode)
{
	static const struct opcode map2 = { OP_MODRM, vector_select }, map3 = { OP_MODRM | OP_IMM8, vector_select };
	static const struct opcode invpcid = { OP_MODRM, system_select };
	uint8_t byte;

	do
		byte = (uint8_t)take(cursor, 1);
	while (!cursor->dry && cursor->at <= DECODE_MAX && prefix_take(insn, byte, mode));
	if (vex_begins(cursor, byte, mode)) {
		if (vex_take(cursor, insn, byte))
			vex_opcode(insn, opcode);
		return;
	}
	if (insn->rex & 8)
		insn->operand_size = 8;
	insn->opcode = byte;
	if (byte != 0x0f) {
		*opcode = opcode_map0[byte];
		return;
	}
	byte = (uint8_t)take(cursor, 1);
	insn->opcode = 0x100 | byte;
	if (byte == 0x38 || byte == 0x3a) {
		insn->opcode = (uint16_t)((byte == 0x38 ? 0x200 : 0x300) | take(cursor, 1));
		*opcode = insn->opcode == 0x282 ? invpcid : byte == 0x38 ? map2 : map3;
	} else {
		*opcode = opcode_map1[byte];
	}
}

/* The operand size of 64-bit mode, where it is not what the prefixes say. */
static void operand_size_64(struct insn *insn, unsigned flags)
{
	unsigned group = insn->modrm >> 3 & 7;

	if (insn->opcode == 0xff)
		flags |= group == 2 || group == 4 ? OP_FORCE64 : group == 6 ? OP_DEFAULT64 : 0;
	if (flags & OP_FORCE64 || (flags & OP_DEFAULT64 && insn->operand_size == 4))
		insn->operand_size = 8;
}

static void opcode_decode(struct cpu *cpu, struct cursor *cursor, uint64_t rip, struct insn *insn)
{
	struct opcode opcode = { OP_END, NULL };

	opcode_take(cursor, insn, (uint32_t)(cpu->context >> 32), &opcode);
	if (cursor->dry)
		return;
	insn->segment = insn->segment_override != INSN_NONE ? insn->segment_override : CPU_DS;
	if (opcode.flags & OP_MODRM)
		modrm_decode(cursor, insn, opcode.flags);
	if (insn->code64)
		operand_size_64(insn, opcode.flags);
	immediate_decode(cursor, insn, opcode.flags);
	if (cursor->dry)
		return;
	if (insn->base == INSN_RIP)
		insn->displacement += (int64_t)(rip + cursor->at);
	insn->ea_base = insn->base >= INSN_RIP ? 16 : insn->base;
	insn->ea_index = insn->index == INSN_NONE ? 16 : insn->index;
	insn->ea_shift = (uint8_t)(64 - 8 * insn->address_size);
	insn->length = (uint8_t)cursor->at;
	if (opcode.select && !(insn->code64 && opcode.flags & OP_INVALID64) && (!insn->lock || lock_legal(insn)))
		insn->execute = opcode.select(cpu, insn);
	if (!insn->execute)
		insn->execute = undefined_execute;
}

int insn_decode(struct cpu *cpu, const uint8_t *bytes, unsigned available, uint64_t rip, struct insn *insn)
{
	struct cursor cursor = { .bytes = bytes, .available = available < DECODE_MAX ? available : DECODE_MAX };
	uint32_t mode = (uint32_t)(cpu->context >> 32);

	memset(insn, 0, sizeof(*insn));
	insn->mod = 3;
	insn->base = insn->index = insn->segment_override = INSN_NONE;
	insn->operand_size = insn->address_size = mode & (MODE_CODE32 | MODE_CODE64) ? 4 : 2;
	if (mode & MODE_CODE64) {
		insn->code64 = true;
		insn->address_size = 8;
	}
	opcode_decode(cpu, &cursor, rip, insn);
	if (cursor.dry)
		return available < DECODE_MAX ? DECODE_SHORT : DECODE_LONG;
	return insn->length;
}

bool insn_is_undefined(const struct insn *insn)
{
	return insn->execute == undefined_execute;
}

bool insn_may_fall_through(const struct insn *insn)
{
	bool jcc = (insn->opcode & 0xfff0) == 0x70 || (insn->opcode & 0xfff0) == 0x180;

	return jcc && (int64_t)insn->immediate >= 0 && !insn->vex;
}

bool insn_ends_block(const struct insn *insn)
{
	if (insn->execute == undefined_execute)
		return true;
	if (insn->vex)
		return false;
	switch (insn->opcode >> 8) {
	case 0:
		if (insn->opcode == 0xff)
			return (insn->modrm >> 3 & 7) >= 2 && (insn->modrm >> 3 & 7) <= 5;
		return opcode_map0[insn->opcode & 0xff].flags & OP_END;
	case 1: return opcode_map1[insn->opcode & 0xff].flags & OP_END;
	default: return false;
	}
}
