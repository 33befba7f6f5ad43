/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/translate/emit.h"

static unsigned rex_bits(unsigned size, unsigned reg, const struct host_rm *rm, unsigned flags)
{
	unsigned rex = size == 8 ? 0x48 : 0;

	if (reg & 8)
		rex |= 0x44;
	if (rm->kind != RM_NEAR && rm->base != HOST_NONE && rm->base & 8)
		rex |= 0x41;
	if (rm->kind != RM_REGISTER && rm->kind != RM_NEAR && rm->index != HOST_NONE && rm->index & 8)
		rex |= 0x42;
	if (flags & EMIT_HIGH)
		return rex;
	/* SPL and its kin */
	if (flags & EMIT_BYTE_REG && (reg & 12) == 4)
		rex |= 0x40;
	if (flags & EMIT_BYTE_RM && rm->kind == RM_REGISTER && (rm->base & 12) == 4)
		rex |= 0x40;
	return rex;
}

static void memory_emit(struct emit *e, unsigned reg, const struct host_rm *rm)
{
	bool has_base = rm->base != HOST_NONE, has_index = rm->index != HOST_NONE;
	int32_t displacement = rm->displacement;
	unsigned mod = 2;

	if (!has_base)
		mod = 0; /* with SIB, base 5 and mod 0: a 32-bit displacement alone */
	else if (displacement == 0 && (rm->base & 7) != 5)
		mod = 0;
	else if (displacement == (int8_t)displacement)
		mod = 1;
	if (has_base && !has_index && (rm->base & 7) != 4) {
		emit8(e, mod << 6 | (reg & 7) << 3 | (rm->base & 7));
	} else {
		emit8(e, mod << 6 | (reg & 7) << 3 | 4);
		emit8(e,
			(unsigned)rm->scale << 6 | (has_index ? rm->index & 7u : 4u) << 3 |
				(has_base ? rm->base & 7u : 5u));
	}
	if (mod == 2 || !has_base)
		emit32(e, (uint32_t)displacement);
	else if (mod == 1)
		emit8(e, (uint8_t)displacement);
}

void emit_op(struct emit *e, unsigned opcode, unsigned size, unsigned reg, struct host_rm rm, unsigned flags,
	unsigned immediate)
{
	unsigned map = opcode >> 8, rex = rex_bits(size, reg, &rm, flags);

	if (rm.kind == RM_STATE)
		emit8(e, 0x65);
	if (flags & EMIT_LOCK)
		emit8(e, 0xf0);
	if (size == 2 || flags & EMIT_66)
		emit8(e, 0x66);
	if (flags & EMIT_F3)
		emit8(e, 0xf3);
	if (flags & EMIT_F2)
		emit8(e, 0xf2);
	if (rex)
		emit8(e, rex);
	if (map)
		emit8(e, 0x0f);
	if (map > 1)
		emit8(e, map == 2 ? 0x38 : 0x3a);
	emit8(e, opcode & 0xff);
	if (rm.kind == RM_REGISTER) {
		emit8(e, 0xc0 | (reg & 7) << 3 | (rm.base & 7));
	} else if (rm.kind == RM_NEAR) {
		emit8(e, (reg & 7) << 3 | 5);
		emit32(e, (uint32_t)((const uint8_t *)rm.near - ((uint8_t *)emit_here(e) + 4 + immediate)));
	} else {
		memory_emit(e, reg, &rm);
	}
}

void emit_constant(struct emit *e, unsigned reg, uint64_t value)
{
	if (value <= UINT32_MAX) {
		if (reg & 8)
			emit8(e, 0x41);
		emit8(e, 0xb8 | (reg & 7));
		emit32(e, (uint32_t)value);
	} else if ((int64_t)value == (int32_t)value) {
		emit_store_immediate(e, 8, rm_register(reg), (uint32_t)value);
	} else {
		emit8(e, reg & 8 ? 0x49 : 0x48);
		emit8(e, 0xb8 | (reg & 7));
		emit64(e, value);
	}
}
