/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * BMI1 and BMI2: VEX-encoded instructions on general registers (SDM vol. 2A, 2.6.16, type 13).
 */
#include "vmm/cpu/decode.h"
#include "vmm/cpu/vex.h"
#include "vmm/translate/t1.h"

static bool is_scalar(const struct insn *insn)
{
	if (insn->vex != INSN_VEX || insn_is_undefined(insn))
		return false;
	switch (insn->opcode) {
	case 0x2f2: /* ANDN */
	case 0x2f3: /* BLSR, BLSMSK, BLSI */
	case 0x2f5: /* BZHI, PEXT, PDEP */
	case 0x2f6: /* MULX */
	case 0x2f7: /* BEXTR, SHLX, SARX, SHRX */
	case 0x3f0: /* RORX */ return true;
	default: return false;
	}
}

/* Those without a prefix set flags: all, or leave AF and PF undefined. */
static bool sets_flags(const struct insn *insn)
{
	return !insn->prefix66 && !insn->rep;
}

bool t1_scalar_effect(const struct insn *insn, struct t1_effect *effect)
{
	if (!is_scalar(insn))
		return false;
	*effect = (struct t1_effect){ .native = true };
	if (sets_flags(insn)) {
		effect->touches = true;
		effect->sets = CPU_FLAGS_ARITHMETIC;
	}
	return true;
}

uint32_t t1_scalar_written(const struct insn *insn)
{
	if (!is_scalar(insn))
		return T1_ANY_REGISTER;
	switch (insn->opcode) {
	case 0x2f3: return 1u << insn->vvvv;
	case 0x2f6: return 1u << insn->reg | 1u << insn->vvvv;
	default: return 1u << insn->reg;
	}
}

static void encode(struct t1_translation *t, unsigned reg, unsigned vvvv, unsigned rm, bool memory)
{
	const struct insn *insn = t->insn;
	struct emit *e = &t->e;
	unsigned pp = insn->rep == 0xf3 ? 2 : insn->rep == 0xf2 ? 3 : insn->prefix66 ? 1 : 0;

	emit8(e, 0xc4);
	emit8(e, (reg & 8 ? 0 : 0x80) | 0x40 | (rm & 8 ? 0 : 0x20) | insn->opcode >> 8);
	emit8(e, (vex_wide(insn) ? 0x80 : 0) | (~vvvv & 15u) << 3 | pp);
	emit8(e, insn->opcode & 0xff);
	emit8(e, (memory ? 0u : 0xc0u) | (reg & 7) << 3 | (rm & 7));
}

bool t1_scalar(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	bool memory = insn->mod != 3, group = insn->opcode == 0x2f3, multiply = insn->opcode == 0x2f6;
	bool rotate = insn->opcode == 0x3f0;
	unsigned reg = insn->reg, vvvv = insn->vvvv, rm = HOST_R10;

	if (!is_scalar(insn))
		return false;
	/* one scratch register for both results */
	if (multiply && t1_host(insn->reg) == T1_SLOT && t1_host(insn->vvvv) == T1_SLOT)
		return false;
	if (memory) {
		t1_operand(t, vex_wide(insn) ? 8 : 4, false);
		t1_memory_exact(t);
	} else {
		rm = t1_in(t, insn->rm, HOST_R10);
	}
	/* A result may share R11 with a source: that is read before. */
	if (group || multiply)
		vvvv = t1_out(insn->vvvv, HOST_R11);
	else if (!rotate)
		vvvv = t1_in(t, insn->vvvv, HOST_R11);
	if (!group)
		reg = t1_out(insn->reg, HOST_R11);
	encode(t, reg, vvvv, rm, memory);
	if (rotate)
		emit8(&t->e, (unsigned)insn->immediate);
	if (group || multiply)
		t1_commit(t, insn->vvvv, vvvv);
	if (!group)
		t1_commit(t, insn->reg, reg);
	if (sets_flags(insn))
		t1_flags_set(t);
	return true;
}
