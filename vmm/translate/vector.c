/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * MMX, SSE, AVX and AVX-512: the guest's own instruction, on the guest's own registers.
 *
 * All that needs a look at MXCSR's masks is done when the registers are loaded (t1_vector_enter()): with all exceptions
 * masked no instruction traps.  MMX registers are the x87's, and loaded with them; EMMS is in x87.c.  What has no row
 * in T0's tables is T0's.
 */
#include "vmm/cpu/decode.h"
#include "vmm/cpu/feature.h"
#include "vmm/cpu/model.h"
#include "vmm/cpu/thunk.h"
#include "vmm/cpu/vector_table.h"
#include "vmm/cpu/vex.h"
#include "vmm/translate/t1.h"

/* What the tables of T0 say, in one form. */
struct shape {
	unsigned opcode, prefix, memory, level; /* memory: bytes of the operand */
	unsigned reg, rm;                       /* enum thunk_class */
	uint8_t immediate_mask;                 /* bit 7 of a register's number means nothing outside 64-bit mode */
	bool store, compare, aligned, immediate, wide, mmx, string;
};

static bool row_has(const struct vector_row *row, unsigned class)
{
	return row->reg == class || row->rm == class;
}

static bool shape_legacy(const struct insn *insn, struct shape *s)
{
	const struct vector_row *row = vector_row_of(insn);
	bool string = false;

	if (insn->vex)
		return false;
	if (!row) {
		if (!vector_is_implicit(insn, &string))
			return false;
		*s = (struct shape){ .opcode = insn->opcode,
			.prefix = insn->rep      ? insn->rep
				: insn->prefix66 ? 0x66u
						 : 0,
			.memory = 16,
			.level = T1_LIVE_SSE,
			.reg = THUNK_XMM,
			.rm = THUNK_XMM,
			.compare = string,
			.string = string,
			.aligned = !string,
			.immediate = string,
			.immediate_mask = 0xff,
			.wide = string && insn->rex & 8 };
		return true;
	}
	/* Hosts differ in whether CVTPI2PS and CVTPI2PD of a memory operand change the x87's state (Intel's: the
	 * first). */
	if (row->reg == THUNK_XMM && row->rm == THUNK_MMX && insn->mod != 3)
		return false;
	*s = (struct shape){ .opcode = (unsigned)row->map << 8 | row->native,
		.prefix = row->prefix,
		.memory = vector_memory_size(insn, row),
		.level = row_has(row, THUNK_XMM) ? T1_LIVE_SSE : T1_LIVE_NONE,
		.reg = row->reg,
		.rm = row->rm,
		.mmx = row_has(row, THUNK_MMX),
		.store = row->flags & VECTOR_STORE,
		.compare = row->flags & VECTOR_COMPARE,
		.aligned = row->flags & VECTOR_ALIGNED,
		.immediate = row->flags & VECTOR_IMMEDIATE,
		.immediate_mask = 0xff,
		.wide = insn->rex & 8 && row_has(row, THUNK_GPR) };
	return true;
}

static bool is_zero_upper(const struct insn *insn)
{
	return insn->vex == INSN_VEX && insn->opcode == 0x177 && insn->code64 && !insn_is_undefined(insn);
}

static bool shape_vex(const struct insn *insn, struct shape *s)
{
	const struct vex_row *row = insn->vex ? vex_row_of(insn) : NULL;
	bool gpr, mask;

	if (!row)
		return false;
	gpr = row->reg == THUNK_GPR || row->rm == THUNK_GPR;
	mask = row->reg == THUNK_MASK || row->rm == THUNK_MASK;
	*s = (struct shape){ .opcode = insn->opcode,
		.prefix = row->prefix,
		.memory = vex_memory_size(insn, row),
		.level = insn->vex == INSN_EVEX || mask ? T1_LIVE_AVX512 : T1_LIVE_AVX,
		.reg = row->reg,
		.rm = row->rm,
		.store = row->flags & VEX_STORE,
		.compare = row->flags & (VEX_COMPARE | VEX_STRING),
		.string = row->flags & VEX_STRING,
		.aligned = row->flags & VEX_ALIGNED,
		.immediate = row->flags & VEX_IMMEDIATE || row->is4,
		.immediate_mask = row->is4 && !insn->code64 ? 0x7f : 0xff,
		.wide = gpr ? vex_wide(insn) : insn->rex & 8 };
	if (insn->opcode == 0x12b)
		s->opcode = 0x129; /* non-temporal stores are just that */
	if (insn->opcode == 0x1e7)
		s->opcode = 0x17f;
	return true;
}

/* Its shape, if it has one and can run natively. */
static bool shape_find(const struct t1 *t1, const struct insn *insn, struct shape *s)
{
	return (shape_legacy(insn, s) || shape_vex(insn, s)) && (!s->mmx || t1->xsave);
}

bool t1_vector_effect(const struct t1 *t1, const struct insn *insn, struct t1_effect *effect)
{
	struct shape s;

	if (is_zero_upper(insn)) {
		*effect = (struct t1_effect){ .native = true };
		return true;
	}
	if (!shape_find(t1, insn, &s))
		return false;
	*effect = (struct t1_effect){
		.native = true, .touches = s.compare, .sets = s.compare ? CPU_FLAGS_ARITHMETIC : 0
	};
	return true;
}

uint32_t t1_vector_written(const struct insn *insn)
{
	uint32_t mask = 0;
	struct shape s;

	if (is_zero_upper(insn))
		return 0;
	if (!shape_legacy(insn, &s) && !shape_vex(insn, &s))
		return T1_ANY_REGISTER;
	/* a source counts, too */
	if (s.reg == THUNK_GPR)
		mask |= 1u << (insn->reg & 15);
	if (s.rm == THUNK_GPR && insn->mod == 3)
		mask |= 1u << (insn->rm & 15);
	if (s.string)
		mask |= 1u << CPU_RCX;
	return mask;
}

/* ---- encoding ---- */

static unsigned prefix_bits(unsigned prefix)
{
	return prefix == 0x66 ? 1 : prefix == 0xf3 ? 2 : prefix == 0xf2 ? 3 : 0;
}

static void legacy_emit(struct t1_translation *t, const struct shape *s, unsigned reg, struct host_rm rm)
{
	unsigned flags = s->prefix == 0x66 ? EMIT_66 : s->prefix == 0xf3 ? EMIT_F3 : s->prefix == 0xf2 ? EMIT_F2 : 0;

	emit_op(&t->e, s->opcode, s->wide ? 8 : 4, reg, rm, flags, s->immediate ? 1 : 0);
}

static void vex_emit(struct t1_translation *t, const struct shape *s, unsigned reg, unsigned rm, bool memory)
{
	struct emit *e = &t->e;
	const struct insn *insn = t->insn;
	unsigned map = s->opcode >> 8, l = insn->vector_length, pp = prefix_bits(s->prefix);

	if (insn->vex == INSN_VEX) {
		emit8(e, 0xc4);
		emit8(e, (reg & 8 ? 0 : 0x80) | 0x40 | (rm & 8 ? 0 : 0x20) | map);
		emit8(e, (s->wide ? 0x80 : 0) | (~insn->vvvv & 15u) << 3 | (l & 1) << 2 | pp);
	} else {
		emit8(e, 0x62);
		emit8(e,
			(reg & 8 ? 0 : 0x80u) | (!memory && rm & 16 ? 0 : 0x40u) | (rm & 8 ? 0 : 0x20u) |
				(reg & 16 ? 0 : 0x10u) | map);
		emit8(e, (s->wide ? 0x80 : 0) | (~insn->vvvv & 15u) << 3 | 4 | pp);
		emit8(e, (insn->evex & 0xf7u) | (insn->vvvv & 16 ? 0 : 8));
	}
	emit8(e, s->opcode & 0xff);
	emit8(e, (memory ? 0u : 0xc0u) | (reg & 7) << 3 | (rm & 7));
}

void t1_level_require(struct t1_translation *t, unsigned level)
{
	bool x87 = level == T1_LIVE_X87;
	struct t1_site *site;

	if (x87 ? t->x87 : t->level >= level)
		return;
	site = t1_site_make(t);
	if (!site)
		return;
	site->level = (uint8_t)level;
	t1_flags_spill(t, t->needed[t->number]);
	emit_op(&t->e, 0x80, 1, 7, rm_state(x87 ? offsetof(struct cpu, t1.x87) : offsetof(struct cpu, t1.live)), 0, 1);
	emit8(&t->e, x87 ? 1 : level);
	t1_stub(t, emit_jcc(&t->e, CC_B), T1_STUB_VECTOR, site);
	site->resume = emit_here(&t->e);
	if (x87)
		t->x87 = true;
	else
		t->level = (uint8_t)level;
}

static void one(struct t1_translation *t, const struct shape *s)
{
	const struct insn *insn = t->insn;
	bool memory = insn->mod != 3;
	/* There are eight MMX registers, whatever REX says. */
	unsigned reg = s->reg == THUNK_MMX ? insn->reg & 7u : insn->reg, guest_reg = reg;
	unsigned rm = s->rm == THUNK_MMX ? insn->rm & 7u : insn->rm, guest_rm = rm;
	struct host_rm operand = rm_memory(HOST_R10, 0);

	if (memory) {
		if (s->aligned && s->memory > 1)
			t1_operand_aligned(t, s->memory, s->store);
		else
			t1_operand(t, s->memory, s->store);
		if (insn->vex || t->align)
			t1_memory_exact(t);
		if (t->align) {
			t1_flags_spill(t, t->needed[t->number]);
			emit_op(&t->e, 0xf6, 1, 0, rm_register(HOST_R10), EMIT_BYTE_RM, 1); /* test */
			emit8(&t->e, t->align);
			t1_miss(t, CC_NZ);
		}
		operand = t1_memory(t);
		rm = HOST_R10;
	} else if (s->rm == THUNK_GPR) {
		rm = t1_in(t, rm & 15, HOST_R10);
		operand = rm_register(rm);
	} else {
		operand = rm_register(rm);
	}
	if (s->reg == THUNK_GPR)
		reg = t1_in(t, reg & 15, HOST_R11);
	if (insn->vex)
		vex_emit(t, s, reg, rm, memory);
	else
		legacy_emit(t, s, reg, operand);
	if (s->immediate)
		emit8(&t->e, (unsigned)insn->immediate & s->immediate_mask);
	if (s->reg == THUNK_GPR && !s->store)
		t1_commit(t, guest_reg & 15, reg);
	if (s->rm == THUNK_GPR && s->store && !memory)
		t1_commit(t, guest_rm & 15, rm);
	if (s->compare)
		t1_flags_set(t);
}

static unsigned avx_level(const struct t1_translation *t)
{
	return model_has(t->cpu->model, FEATURE_AVX512F) ? T1_LIVE_AVX_WIDE : T1_LIVE_AVX;
}

bool t1_vector(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	struct shape s;

	if (is_zero_upper(insn)) {
		t1_level_require(t, avx_level(t));
		emit8(&t->e, 0xc5);
		emit8(&t->e, insn->vector_length ? 0xfc : 0xf8);
		emit8(&t->e, 0x77);
		return true;
	}
	if (!shape_find(t->t1, insn, &s))
		return false;
	if (s.mmx)
		t1_level_require(t, T1_LIVE_X87);
	t1_level_require(t, s.level == T1_LIVE_AVX ? avx_level(t) : s.level);
	one(t, &s);
	return true;
}

/* ---- loading and storing the registers ---- */

/* VEX and EVEX moves to or from [R11 + displacement]. */
static void vex_move(struct emit *e, unsigned map, unsigned pp, unsigned opcode, bool l256, bool w, unsigned reg,
	unsigned vvvv, int32_t displacement)
{
	emit8(e, 0xc4);
	emit8(e, (reg & 8 ? 0 : 0x80) | 0x40 | 0 /* R11 */ | map);
	emit8(e, (w ? 0x80u : 0) | (~vvvv & 15) << 3 | (l256 ? 4u : 0) | pp);
	emit8(e, opcode);
	emit8(e, 0x80 | (reg & 7) << 3 | (HOST_R11 & 7));
	emit32(e, (uint32_t)displacement);
}

static void evex_move(
	struct emit *e, unsigned map, unsigned pp, unsigned opcode, unsigned reg, unsigned vvvv, int32_t displacement)
{
	emit8(e, 0x62);
	emit8(e, (reg & 8 ? 0 : 0x80u) | 0x40 | 0 | (reg & 16 ? 0 : 0x10u) | map);
	emit8(e, 0x80u | (~vvvv & 15) << 3 | 4 | pp);
	emit8(e, 0x40u | (vvvv & 16 ? 0 : 8));
	emit8(e, opcode);
	emit8(e, 0x80 | (reg & 7) << 3 | (HOST_R11 & 7));
	emit32(e, (uint32_t)displacement);
}

#define AT(member) ((int32_t)offsetof(struct cpu, member))

/* R11 gets the address of the state: RDGSBASE may not be there, so by LEA from what the CPU knows of itself. */
static void state_address(struct emit *e)
{
	emit_load(e, 8, HOST_R11, rm_state(offsetof(struct cpu, t1.self)));
}

static const void *store_emit(struct emit *e, unsigned level)
{
	const void *start = emit_here(e);

	state_address(e);
	for (unsigned i = 0; i < 16; i++) {
		int32_t xmm = AT(fx.xmm) + (int32_t)i * 16;

		if (level == T1_LIVE_SSE)
			emit_op(e, 0x111, 4, i, rm_memory(HOST_R11, xmm), 0, 0);
		else
			vex_move(e, 1, 0, 0x11, false, false, i, 0, xmm);
	}
	for (unsigned i = 0; i < 16 && level >= T1_LIVE_AVX_WIDE; i++) /* VEXTRACTF64X4 */
	{
		evex_move(e, 3, 1, 0x1b, i, 0, AT(vector.zmm_high) + (int32_t)i * 32);
		emit8(e, 1);
	}
	for (unsigned i = 0; i < 16 && level >= T1_LIVE_AVX; i++) /* VEXTRACTF128 */
	{
		vex_move(e, 3, 1, 0x19, true, false, i, 0, AT(vector.ymm_high) + (int32_t)i * 16);
		emit8(e, 1);
	}
	for (unsigned i = 0; i < 16 && level >= T1_LIVE_AVX_WIDE; i++) /* VMOVUPD */
		evex_move(e, 1, 1, 0x11, 16 + i, 0, AT(vector.zmm) + (int32_t)i * 64);
	for (unsigned i = 0; i < 8 && level >= T1_LIVE_AVX_WIDE; i++) /* KMOVQ */
		vex_move(e, 1, 0, 0x91, false, true, i, 0, AT(vector.k) + (int32_t)i * 8);
	if (level >= T1_LIVE_AVX) {
		emit8(e, 0xc5); /* vzeroupper */
		emit8(e, 0xf8);
		emit8(e, 0x77);
	}
	emit_rm(e, 0x1ae, 4, 3, rm_memory(HOST_R11, AT(fx.mxcsr)));
	emit_rm(e, 0x1ae, 4, 2, rm_memory(HOST_R11, AT(t1.mxcsr)));
	emit8(e, 0xc3);
	return start;
}

static const void *load_emit(struct emit *e, unsigned level)
{
	const void *start = emit_here(e);

	state_address(e);
	for (unsigned i = 0; i < 16; i++) {
		int32_t xmm = AT(fx.xmm) + (int32_t)i * 16;

		if (level == T1_LIVE_SSE)
			emit_op(e, 0x110, 4, i, rm_memory(HOST_R11, xmm), 0, 0);
		else
			vex_move(e, 1, 0, 0x10, false, false, i, 0, xmm);
	}
	for (unsigned i = 0; i < 16 && level >= T1_LIVE_AVX; i++) /* VINSERTF128 */
	{
		vex_move(e, 3, 1, 0x18, true, false, i, i, AT(vector.ymm_high) + (int32_t)i * 16);
		emit8(e, 1);
	}
	for (unsigned i = 0; i < 16 && level >= T1_LIVE_AVX_WIDE; i++) /* VINSERTF64X4 */
	{
		evex_move(e, 3, 1, 0x1a, i, i, AT(vector.zmm_high) + (int32_t)i * 32);
		emit8(e, 1);
	}
	for (unsigned i = 0; i < 16 && level >= T1_LIVE_AVX_WIDE; i++) /* VMOVUPD */
		evex_move(e, 1, 1, 0x10, 16 + i, 0, AT(vector.zmm) + (int32_t)i * 64);
	for (unsigned i = 0; i < 8 && level >= T1_LIVE_AVX_WIDE; i++) /* KMOVQ */
		vex_move(e, 1, 0, 0x90, false, true, i, 0, AT(vector.k) + (int32_t)i * 8);
	emit_rm(e, 0x1ae, 4, 3, rm_memory(HOST_R11, AT(t1.mxcsr)));
	emit_rm(e, 0x1ae, 4, 2, rm_memory(HOST_R11, AT(fx.mxcsr)));
	emit8(e, 0xc3);
	return start;
}

void t1_vector_fixed(struct t1 *t1, struct emit *e)
{
	for (unsigned level = T1_LIVE_SSE; level < T1_LIVES; level++) {
		t1->vector_store[level] = store_emit(e, level);
		t1->vector_load[level] = load_emit(e, level);
	}
}
