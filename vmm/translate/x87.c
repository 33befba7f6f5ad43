/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * x87 instructions and EMMS, on the host's own unit, which has the guest's state while translated code uses it.
 *
 * That is so only while the guest masks all exceptions and none is pending (t1_vector_enter()); FIP, FDP and FOP stay
 * what they were when the state was loaded then.  What moves the whole state or the environment is T0's.
 */
#include "vmm/cpu/fpu.h"
#include "vmm/translate/t1.h"

/* Instructions that T0 lists apart, and that run natively, too. */
enum control {
	CONTROL_NONE,
	CONTROL_LOAD,
	CONTROL_STORE,
	CONTROL_STATUS,
	CONTROL_STATUS_AX,
	CONTROL_WAIT,
	CONTROL_EMMS
};

static enum control control_kind(const struct insn *insn)
{
	unsigned digit = insn->reg & 7;

	if (insn->vex || insn->lock)
		return CONTROL_NONE;
	switch (insn->opcode) {
	case 0x9b: return CONTROL_WAIT;
	case 0xd9:
		if (insn->mod == 3)
			return CONTROL_NONE;
		return digit == 5 ? CONTROL_LOAD : digit == 7 ? CONTROL_STORE : CONTROL_NONE;
	case 0xdd: return insn->mod != 3 && digit == 7 ? CONTROL_STATUS : CONTROL_NONE;
	case 0x177: return CONTROL_EMMS;
	case 0xdf: return insn->mod == 3 && insn->modrm == 0xe0 ? CONTROL_STATUS_AX : CONTROL_NONE;
	default: return CONTROL_NONE;
	}
}

uint32_t t1_x87_written(const struct insn *insn)
{
	enum control kind = control_kind(insn);
	struct x87_form form;

	if (kind == CONTROL_STATUS_AX)
		return 1u << CPU_RAX;
	return kind != CONTROL_NONE || (!insn->vex && x87_form(insn, &form)) ? 0 : T1_ANY_REGISTER;
}

bool t1_x87_effect(const struct t1 *t1, const struct insn *insn, struct t1_effect *effect)
{
	struct x87_form form;

	if (!t1->xsave)
		return false;
	*effect = (struct t1_effect){ .native = true };
	if (control_kind(insn) != CONTROL_NONE)
		return true;
	if (insn->vex || !x87_form(insn, &form))
		return false;
	if (form.compares) {
		effect->touches = true;
		effect->sets = CPU_FLAGS_ARITHMETIC;
	}
	if (form.conditional)
		effect->reads = CPU_FLAG_CF | CPU_FLAG_ZF | CPU_FLAG_PF;
	return true;
}

static void memory_form(struct t1_translation *t, unsigned size, bool store)
{
	t1_operand(t, size, store);
	t1_memory_exact(t);
	emit_rm(&t->e, t->insn->opcode, 4, t->insn->reg & 7, t1_memory(t));
}

static void control(struct t1_translation *t, enum control kind)
{
	switch (kind) {
	case CONTROL_LOAD: /* one that unmasks an exception is T0's */
		t1_operand(t, 2, false);
		t1_memory_exact(t);
		emit_rm(&t->e, 0x1b7, 4, HOST_R11, t1_memory(t));
		emit_op(&t->e, 0xf7, 4, 2, rm_register(HOST_R11), 0, 0); /* not */
		emit_op(&t->e, 0xf7, 4, 0, rm_register(HOST_R11), 0, 4); /* test */
		emit32(&t->e, FCW_MASKS);
		t1_miss(t, CC_NZ);
		emit_rm(&t->e, 0xd9, 4, 5, t1_memory(t));
		break;
	case CONTROL_STORE:
	case CONTROL_STATUS: memory_form(t, 2, true); break;
	case CONTROL_STATUS_AX:
		emit8(&t->e, 0xdf);
		emit8(&t->e, 0xe0);
		break;
	case CONTROL_EMMS:
		emit8(&t->e, 0x0f);
		emit8(&t->e, 0x77);
		break;
	default: break; /* WAIT: there is nothing to wait for */
	}
}

bool t1_x87(struct t1_translation *t)
{
	enum control kind = control_kind(t->insn);
	struct x87_form form;

	if (!t->t1->xsave)
		return false;
	if (kind == CONTROL_NONE && (t->insn->vex || !x87_form(t->insn, &form)))
		return false;
	t1_level_require(t, T1_LIVE_X87);
	if (kind != CONTROL_NONE) {
		control(t, kind);
	} else if (form.memory) {
		memory_form(t, form.memory, form.store);
	} else {
		if (form.conditional)
			t1_flags_fetch(t, CPU_FLAGS_ARITHMETIC);
		emit8(&t->e, t->insn->opcode & 0xff);
		emit8(&t->e, t->insn->modrm);
		if (form.compares)
			t1_flags_set(t);
	}
	return true;
}

/* ---- loading and storing the state ---- */

#define STATE(member) rm_state(offsetof(struct cpu, member))

static void copy(struct emit *e, unsigned size, size_t to, size_t from)
{
	emit_load(e, size, HOST_RAX, rm_state(from));
	emit_store(e, size, rm_state(to), HOST_RAX);
}

/* XSAVE or XRSTOR of the x87 state alone, in the 64-bit form. */
static void state_move(struct emit *e, unsigned digit)
{
	emit_constant(e, HOST_RAX, 1);
	emit_constant(e, HOST_RDX, 0);
	emit_rm(e, 0x1ae, 8, digit, STATE(fx));
}

void t1_x87_fixed(struct t1 *t1, struct emit *e)
{
	t1->x87_load = emit_here(e);
	copy(e, 8, offsetof(struct cpu, t1.fip), offsetof(struct cpu, fx.fip));
	copy(e, 8, offsetof(struct cpu, t1.fdp), offsetof(struct cpu, fx.fdp));
	copy(e, 2, offsetof(struct cpu, t1.fop), offsetof(struct cpu, fx.fop));
	emit_store_immediate(e, 8, STATE(xsave_header), 1);
	state_move(e, 5);
	emit_op(e, 0xc6, 1, 0, STATE(t1.x87), 0, 1);
	emit8(e, 1);
	emit8(e, 0xc3);
	t1->x87_store = emit_here(e);
	state_move(e, 4);
	copy(e, 8, offsetof(struct cpu, fx.fip), offsetof(struct cpu, t1.fip));
	copy(e, 8, offsetof(struct cpu, fx.fdp), offsetof(struct cpu, t1.fdp));
	copy(e, 2, offsetof(struct cpu, fx.fop), offsetof(struct cpu, t1.fop));
	emit8(e, 0xdb); /* fninit, for the host's code */
	emit8(e, 0xe3);
	emit_op(e, 0xc6, 1, 0, STATE(t1.x87), 0, 1);
	emit8(e, 0);
	emit8(e, 0xc3);
}
