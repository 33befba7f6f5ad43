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
	if (insn->mod)
		insn->displacement = take_signed(cursor, insn->mod == 1 ? 1 : 2);
}

static void address32(struct cursor *cursor, struct insn *insn)
{
	unsigned rm = insn->modrm & 7;
	unsigned high_base = insn->rex & 1 ? 8 : 0, high_index = insn->rex & 2 ? 8 : 0;

	if (rm == 4) {
		uint8_t sib = (uint8_t)take(cursor, 1);
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
	if (insn->mod)
		insn->displacement = take_signed(cursor, insn->mod == 1 ? 1 : 4);
}

static void modrm_decode(struct cursor *cursor, struct insn *insn, unsigned flags)
{
	insn->modrm = (uint8_t)take(cursor, 1);
	insn->mod = flags & OP_REGS ? 3 : insn->modrm >> 6;
	insn->reg = (insn->modrm >> 3 & 7) | (insn->rex & 4 ? 8 : 0);
	insn->rm = (insn->modrm & 7) | (insn->rex & 1 ? 8 : 0);
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

static bool prefix_take(struct insn *insn, uint8_t byte, bool code32)
{
	switch (byte) {
	case 0x26: insn->segment_override = CPU_ES; return true;
	case 0x2e: insn->segment_override = CPU_CS; return true;
	case 0x36: insn->segment_override = CPU_SS; return true;
	case 0x3e: insn->segment_override = CPU_DS; return true;
	case 0x64: insn->segment_override = CPU_FS; return true;
	case 0x65: insn->segment_override = CPU_GS; return true;
	case 0x66:
		insn->operand_size = code32 ? 2 : 4;
		insn->prefix66 = true;
		return true;
	case 0x67: insn->address_size = code32 ? 2 : 4; return true;
	case 0xf0: insn->lock = true; return true;
	case 0xf2:
	case 0xf3: insn->rep = byte; return true;
	default: return false;
	}
}

static void opcode_decode(struct cpu *cpu, struct cursor *cursor, struct insn *insn)
{
	static const struct opcode undefined = { OP_END, NULL };
	static const struct opcode map2 = { OP_MODRM, vector_select }, map3 = { OP_MODRM | OP_IMM8, vector_select };
	const struct opcode *opcode = &undefined;
	bool code32 = cpu->context >> 32 & MODE_CODE32;
	uint8_t byte;

	do
		byte = (uint8_t)take(cursor, 1);
	while (!cursor->dry && cursor->at <= DECODE_MAX && prefix_take(insn, byte, code32));
	insn->opcode = byte;
	if (byte != 0x0f) {
		opcode = &opcode_map0[byte];
	} else {
		byte = (uint8_t)take(cursor, 1);
		insn->opcode = 0x100 | byte;
		if (byte == 0x38 || byte == 0x3a) {
			insn->opcode = (uint16_t)((byte == 0x38 ? 0x200 : 0x300) | take(cursor, 1));
			opcode = byte == 0x38 ? &map2 : &map3;
		} else {
			opcode = &opcode_map1[byte];
		}
	}
	if (cursor->dry)
		return;
	insn->segment = insn->segment_override != INSN_NONE ? insn->segment_override : CPU_DS;
	if (opcode->flags & OP_MODRM)
		modrm_decode(cursor, insn, opcode->flags);
	immediate_decode(cursor, insn, opcode->flags);
	if (cursor->dry)
		return;
	insn->ea_base = insn->base == INSN_NONE ? 16 : insn->base;
	insn->ea_index = insn->index == INSN_NONE ? 16 : insn->index;
	insn->ea_shift = (uint8_t)(64 - 8 * insn->address_size);
	insn->length = (uint8_t)cursor->at;
	if (opcode->select && (!insn->lock || lock_legal(insn)))
		insn->execute = opcode->select(cpu, insn);
	if (!insn->execute)
		insn->execute = undefined_execute;
}

int insn_decode(struct cpu *cpu, const uint8_t *bytes, unsigned available, struct insn *insn)
{
	struct cursor cursor = { .bytes = bytes, .available = available < DECODE_MAX ? available : DECODE_MAX };
	bool code32 = cpu->context >> 32 & MODE_CODE32;

	memset(insn, 0, sizeof(*insn));
	insn->mod = 3;
	insn->base = insn->index = insn->segment_override = INSN_NONE;
	insn->operand_size = insn->address_size = code32 ? 4 : 2;
	opcode_decode(cpu, &cursor, insn);
	if (cursor.dry)
		return available < DECODE_MAX ? DECODE_SHORT : DECODE_LONG;
	return insn->length;
}

bool insn_ends_block(const struct insn *insn)
{
	if (insn->execute == undefined_execute)
		return true;
	switch (insn->opcode >> 8) {
	case 0:
		if (insn->opcode == 0xff)
			return (insn->modrm >> 3 & 7) >= 2 && (insn->modrm >> 3 & 7) <= 5;
		return opcode_map0[insn->opcode & 0xff].flags & OP_END;
	case 1: return opcode_map1[insn->opcode & 0xff].flags & OP_END;
	default: return false;
	}
}
