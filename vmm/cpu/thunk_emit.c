/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Writing a thunk's code: see thunk.c for what it does.
 */
#include "vmm/cpu/thunk_emit.h"

#include <stddef.h>

#include "vmm/cpu/insn.h"

struct emitter {
	uint8_t *at;
};

static void emit(struct emitter *e, unsigned count, uint64_t bytes)
{
	/* bytes in memory order: the first is the most significant of the count given */
	for (unsigned i = count; i--;)
		*e->at++ = (uint8_t)(bytes >> (8 * i));
}

static void emit_instruction(struct emitter *e, const struct thunk_shape *shape)
{
	uint8_t rex = 0;
	uint8_t reg = shape->reg == THUNK_NONE ? shape->digit : 0;
	uint8_t modrm;
	switch (shape->rm) {
	case THUNK_NONE: modrm = shape->digit; break;
	case THUNK_MEMORY:
		modrm = (uint8_t)(reg << 3 | 6); /* [rsi] */
		break;
	case THUNK_GPR:
		modrm = (uint8_t)(0xc0 | reg << 3); /* r8 */
		rex |= 0x41;
		break;
	default: modrm = (uint8_t)(0xc0 | reg << 3 | 1);
	}
	if (shape->flags & THUNK_WIDE)
		rex |= 0x48;
	if (shape->prefix)
		emit(e, 1, shape->prefix);
	if (rex)
		emit(e, 1, rex);
	if (shape->map)
		emit(e, 1, 0x0f);
	if (shape->map == 2)
		emit(e, 1, 0x38);
	if (shape->map == 3)
		emit(e, 1, 0x3a);
	emit(e, 1, shape->opcode);
	emit(e, 1, modrm);
	if (shape->flags & THUNK_IMMEDIATE)
		emit(e, 1, shape->immediate);
}

static void emit_x87(struct emitter *e, const struct thunk_shape *shape)
{
	emit(e, 4, 0x4883ec08); /* sub $8, %rsp */
	emit(e, 4, 0x0fae1c24); /* stmxcsr (%rsp) */
	emit(e, 4, 0xd97c2404); /* fnstcw 4(%rsp) */
	emit(e, 4, 0x480fae0f); /* fxrstor64 (%rdi) */
	if (shape->flags & THUNK_RFLAGS)
		emit(e, 3, 0xff329d); /* pushq (%rdx); popfq */
	emit_instruction(e, shape);
	if (shape->flags & THUNK_RFLAGS)
		emit(e, 3, 0x9c8f02); /* pushfq; popq (%rdx) */
	emit(e, 4, 0x480fae07);       /* fxsave64 (%rdi) */
	emit(e, 2, 0xdbe3);           /* fninit: also drops a pending exception */
	emit(e, 4, 0xd96c2404);       /* fldcw 4(%rsp) */
	emit(e, 4, 0x0fae1424);       /* ldmxcsr (%rsp) */
	emit(e, 5, 0x4883c408c3);     /* add $8, %rsp; ret */
}

static void emit_vector(struct emitter *e, const struct thunk_shape *shape)
{
	if (shape->reg == THUNK_XMM)
		emit(e, 3, 0x0f1007); /* movups (%rdi), %xmm0 */
	else if (shape->reg == THUNK_MMX)
		emit(e, 3, 0x0f6f07); /* movq (%rdi), %mm0 */
	else if (shape->reg == THUNK_GPR)
		emit(e, 3, 0x488b07); /* mov (%rdi), %rax */
	if (shape->rm == THUNK_XMM)
		emit(e, 3, 0x0f100e); /* movups (%rsi), %xmm1 */
	else if (shape->rm == THUNK_MMX)
		emit(e, 3, 0x0f6f0e); /* movq (%rsi), %mm1 */
	else if (shape->rm == THUNK_GPR)
		emit(e, 3, 0x4c8b06); /* mov (%rsi), %r8 */
	if (shape->flags & THUNK_MXCSR) {
		emit(e, 4, 0x4883ec08); /* sub $8, %rsp */
		emit(e, 4, 0x0fae1c24); /* stmxcsr (%rsp) */
		emit(e, 3, 0x0fae11);   /* ldmxcsr (%rcx) */
	}
	emit_instruction(e, shape);
	if (shape->flags & THUNK_RFLAGS)
		emit(e, 4, 0x9c8f4108); /* pushfq; popq 8(%rcx) */
	if (shape->flags & THUNK_MXCSR) {
		emit(e, 4, 0x0fae5904); /* stmxcsr 4(%rcx) */
		emit(e, 4, 0x0fae1424); /* ldmxcsr (%rsp) */
		emit(e, 4, 0x4883c408); /* add $8, %rsp */
	}
	if (shape->flags & THUNK_STORE_REG) {
		if (shape->reg == THUNK_XMM)
			emit(e, 3, 0x0f1102); /* movups %xmm0, (%rdx) */
		else if (shape->reg == THUNK_MMX)
			emit(e, 3, 0x0f7f02); /* movq %mm0, (%rdx) */
		else if (shape->reg == THUNK_GPR)
			emit(e, 3, 0x488902); /* mov %rax, (%rdx) */
	}
	if (shape->flags & THUNK_STORE_RM) {
		if (shape->rm == THUNK_XMM)
			emit(e, 3, 0x0f110e); /* movups %xmm1, (%rsi) */
		else if (shape->rm == THUNK_MMX)
			emit(e, 3, 0x0f7f0e); /* movq %mm1, (%rsi) */
		else if (shape->rm == THUNK_GPR)
			emit(e, 3, 0x4c8906); /* mov %r8, (%rsi) */
	}
	if (shape->reg == THUNK_MMX || shape->rm == THUNK_MMX)
		emit(e, 2, 0x0f77); /* emms: C code wants an empty x87 stack */
	emit(e, 1, 0xc3);
}

/* ---- frames ---- */

#define FRAME(field) ((uint32_t)offsetof(struct thunk_frame, field))

/* Host registers for the operands: reg, vvvv, rm, is4 in this order. */
enum { SLOT_REG, SLOT_VVVV, SLOT_RM, SLOT_IS4 };

static unsigned slot_register(const struct thunk_shape *shape, unsigned slot, unsigned class)
{
	if (class == THUNK_GPR)
		return 8 + slot;
	if (class == THUNK_MASK)
		return 2 + slot; /* k1 is EVEX.aaa */
	return slot == SLOT_IS4 && !shape->vex ? 0 : 1 + slot;
}

/* An instruction's ModRM and displacement for `register, offset(%rdi)`. */
static void emit_frame_operand(struct emitter *e, unsigned reg, uint32_t offset)
{
	emit(e, 1, 0x87 | (reg & 7) << 3);
	emit(e, 4, __builtin_bswap32(offset));
}

/* Load or store the operand of a slot. */
static void emit_slot(struct emitter *e, const struct thunk_shape *shape, unsigned slot, unsigned class, bool store)
{
	unsigned reg = slot_register(shape, slot, class);

	switch (class) {
	case THUNK_GPR: emit(e, 2, store ? 0x4c89 : 0x4c8b); break;          /* mov */
	case THUNK_MASK: emit(e, 4, store ? 0xc4e1f891 : 0xc4e1f890); break; /* kmovq */
	case THUNK_XMM:
		if (shape->vex == INSN_EVEX)
			emit(e, 4, 0x62f17c48); /* vmovups, 64 bytes */
		else if (shape->vex)
			emit(e, 2, 0xc5fc); /* vmovups, 32 bytes */
		else
			emit(e, 1, 0x0f); /* movups */
		emit(e, 1, store ? 0x11 : 0x10);
		break;
	default: return;
	}
	emit_frame_operand(e, reg, slot * 64);
}

static unsigned vex_prefix_bits(unsigned prefix)
{
	return prefix == 0x66 ? 1 : prefix == 0xf3 ? 2 : prefix == 0xf2 ? 3 : 0;
}

static void emit_frame_opcode(struct emitter *e, const struct thunk_shape *shape)
{
	bool wide = shape->flags & THUNK_WIDE;
	unsigned vvvv = shape->vvvv ? slot_register(shape, SLOT_VVVV, shape->vvvv) : 0;
	unsigned high = (shape->reg == THUNK_GPR ? 0x80u : 0) | (shape->rm == THUNK_GPR ? 0x20u : 0); /* R, B */

	if (shape->vex) {
		emit(e, 1, shape->vex == INSN_EVEX ? 0x62 : 0xc4);
		emit(e, 1, ((shape->vex == INSN_EVEX ? 0xf0 : 0xe0) ^ high) | shape->map);
		unsigned second = (wide ? 0x80u : 0) | (~vvvv & 15) << 3 | vex_prefix_bits(shape->prefix);
		if (shape->vex == INSN_EVEX) {
			emit(e, 1, second | 4);
			emit(e, 1, (shape->evex & 0x97u) | 8 | (unsigned)shape->vector_length << 5);
		} else {
			emit(e, 1, second | (unsigned)(shape->vector_length & 1) << 2);
		}
	} else {
		unsigned rex = (wide ? 0x48u : 0) | (high & 0x80 ? 0x44u : 0) | (high & 0x20 ? 0x41u : 0);
		if (shape->prefix)
			emit(e, 1, shape->prefix);
		if (rex)
			emit(e, 1, rex);
		emit(e, 1, 0x0f);
		if (shape->map >= 2)
			emit(e, 1, shape->map == 2 ? 0x38 : 0x3a);
	}
	emit(e, 1, shape->opcode);
}

static void emit_frame_instruction(struct emitter *e, const struct thunk_shape *shape)
{
	unsigned reg = shape->reg ? slot_register(shape, SLOT_REG, shape->reg) : shape->digit;

	emit_frame_opcode(e, shape);
	if (shape->rm == THUNK_MEMORY)
		emit_frame_operand(e, reg, FRAME(rm));
	else
		emit(e, 1, 0xc0 | (reg & 7) << 3 | (slot_register(shape, SLOT_RM, shape->rm) & 7));
	if (shape->vex && shape->is4)
		emit(e, 1, slot_register(shape, SLOT_IS4, shape->is4) << 4);
	else if (shape->flags & THUNK_IMMEDIATE)
		emit(e, 1, shape->immediate);
}

static void emit_frame(struct emitter *e, const struct thunk_shape *shape)
{
	emit_slot(e, shape, SLOT_REG, shape->reg, false);
	emit_slot(e, shape, SLOT_VVVV, shape->vvvv, false);
	emit_slot(e, shape, SLOT_RM, shape->rm, false);
	emit_slot(e, shape, SLOT_IS4, shape->is4, false);
	if (shape->evex & 7) {
		emit(e, 4, 0xc4e1f890); /* kmovq mask(%rdi), %k1 */
		emit_frame_operand(e, 1, FRAME(mask));
	}
	if (shape->flags & THUNK_STRING) {
		emit(e, 2, 0x488b); /* mov rax(%rdi), %rax */
		emit_frame_operand(e, 0, FRAME(rax));
		emit(e, 2, 0x488b); /* mov rdx(%rdi), %rdx */
		emit_frame_operand(e, 2, FRAME(rdx));
	}
	if (shape->flags & THUNK_MXCSR) {
		emit(e, 4, 0x4883ec08); /* sub $8, %rsp */
		emit(e, 4, 0x0fae1c24); /* stmxcsr (%rsp) */
		emit(e, 2, 0x0fae);     /* ldmxcsr mxcsr(%rdi) */
		emit_frame_operand(e, 2, FRAME(mxcsr));
	}
	emit_frame_instruction(e, shape);
	if (shape->flags & THUNK_RFLAGS) {
		emit(e, 2, 0x9c8f); /* pushfq; popq rflags(%rdi) */
		emit(e, 1, 0x87);
		emit(e, 4, __builtin_bswap32(FRAME(rflags)));
	}
	if (shape->flags & THUNK_MXCSR) {
		emit(e, 2, 0x0fae); /* stmxcsr mxcsr_out(%rdi) */
		emit_frame_operand(e, 3, FRAME(mxcsr_out));
		emit(e, 4, 0x0fae1424); /* ldmxcsr (%rsp) */
		emit(e, 4, 0x4883c408); /* add $8, %rsp */
	}
	if (shape->flags & THUNK_STRING) {
		emit(e, 2, 0x4889); /* mov %rcx, rcx(%rdi) */
		emit_frame_operand(e, 1, FRAME(rcx));
	}
	if (shape->flags & THUNK_STORE_REG)
		emit_slot(e, shape, SLOT_REG, shape->reg, true);
	if (shape->flags & THUNK_STORE_VVVV)
		emit_slot(e, shape, SLOT_VVVV, shape->vvvv, true);
	if (shape->flags & THUNK_STORE_RM)
		emit_slot(e, shape, SLOT_RM, shape->rm, true);
	if (shape->flags & THUNK_STORE_XMM0) {
		emit(e, 2, 0x0f11); /* movups %xmm0, is4(%rdi) */
		emit_frame_operand(e, 0, FRAME(is4));
	}
	if (shape->vex)
		emit(e, 3, 0xc5f877); /* vzeroupper: C code wants clean upper halves */
	emit(e, 1, 0xc3);
}

unsigned thunk_emit(uint8_t *at, const struct thunk_shape *shape)
{
	struct emitter e = { at };

	if (shape->flags & THUNK_X87)
		emit_x87(&e, shape);
	else if (shape->flags & THUNK_FRAME)
		emit_frame(&e, shape);
	else
		emit_vector(&e, shape);
	return (unsigned)(e.at - at);
}
