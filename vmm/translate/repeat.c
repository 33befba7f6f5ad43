/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * STOS, MOVS, LODS and SCAS, upwards.
 *
 * A repeated one runs as the host's own if each of its ranges lies in one page that is in the TLB: then nothing can
 * fault in the middle, and it is short enough not to look for interrupts.  Two pages of the guest's may be one of
 * memory; their host addresses overlap just so, and the host goes element by element as the guest would.
 */
#include "vmm/translate/t1.h"

#define SCRATCH rm_state(offsetof(struct cpu, t1.scratch))

static bool copies(const struct insn *insn)
{
	return (insn->opcode & 0xfe) == 0xa4;
}

static bool scans(const struct insn *insn)
{
	return (insn->opcode & 0xfe) == 0xae;
}

static bool is_string(const struct insn *insn)
{
	if (insn->vex || insn->address_size != (insn->code64 ? 8 : 4))
		return false;
	switch (insn->opcode) {
	case 0xa4:
	case 0xa5: return insn->segment < CPU_FS && (insn->code64 || insn->segment != CPU_CS);
	case 0xaa:
	case 0xab: return true;
	case 0xae:
	case 0xaf: return !insn->rep;
	case 0xac:
	case 0xad: return !insn->rep && insn->segment < CPU_FS && (insn->code64 || insn->segment != CPU_CS);
	default: return false;
	}
}

bool t1_repeat_effect(const struct insn *insn, struct t1_effect *effect)
{
	if (!is_string(insn))
		return false;
	*effect = (struct t1_effect){ .native = true };
	if (scans(insn)) {
		effect->sets = CPU_FLAGS_ARITHMETIC;
		effect->touches = true;
	}
	return true;
}

static unsigned element(const struct insn *insn)
{
	return insn->opcode & 1 ? insn->operand_size : 1;
}

static unsigned width(const struct t1_translation *t)
{
	return t->insn->code64 ? 8 : 4;
}

/* A register and the count's bytes. */
static struct host_rm behind(unsigned reg, unsigned size)
{
	return rm_indexed(reg, HOST_RCX, (unsigned)__builtin_ctz(size), 0);
}

/* R10: the host address of the element at a register. */
static void lookup(struct t1_translation *t, unsigned reg, unsigned segment, bool write)
{
	emit_move(&t->e, width(t), HOST_R10, reg);
	t1_lookup(t, segment, element(t->insn), write);
}

/* All that many elements must lie in the page of the first. */
static void range_check(struct t1_translation *t, unsigned reg)
{
	emit_move(&t->e, 4, HOST_R10, reg);
	emit_group1(&t->e, 4, 4, rm_register(HOST_R10), CPU_PAGE_SIZE - 1); /* and */
	emit_rm(&t->e, 0x8d, 4, HOST_R10, behind(HOST_R10, element(t->insn)));
	emit_group1(&t->e, 7, 4, rm_register(HOST_R10), CPU_PAGE_SIZE); /* cmp */
	t1_miss(t, CC_A);
}

/* The host's instruction, with the prefix if `repeat`. */
static void string_emit(struct t1_translation *t, bool repeat)
{
	unsigned size = element(t->insn);

	if (size == 2)
		emit8(&t->e, 0x66);
	if (repeat)
		emit8(&t->e, 0xf3);
	if (size == 8)
		emit8(&t->e, 0x48);
	emit8(&t->e, t->insn->opcode);
}

static void repeated(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = element(insn), wide = width(t);
	uint8_t *none;

	emit_rm(&t->e, 0x85, wide, HOST_RCX, rm_register(HOST_RCX)); /* test */
	none = emit_jcc(&t->e, CC_Z);
	emit_group1(&t->e, 7, wide, rm_register(HOST_RCX), CPU_PAGE_SIZE / size); /* cmp */
	t1_miss(t, CC_A);
	range_check(t, HOST_RDI);
	if (copies(insn)) {
		range_check(t, HOST_RSI);
		lookup(t, HOST_RSI, insn->segment, false);
		emit_store(&t->e, 8, SCRATCH, HOST_R10);
	}
	lookup(t, HOST_RDI, CPU_ES, true);
	/* Nothing can fail from here on. */
	if (wide == 4)
		emit_rm(&t->e, 0x89, 4, HOST_RCX, rm_register(HOST_RCX)); /* clears the upper half */
	if (copies(insn)) {
		emit_rm(&t->e, 0x8d, wide, HOST_R11, behind(HOST_RSI, size));
		emit_load(&t->e, 8, HOST_RSI, SCRATCH);
		emit_store(&t->e, 8, SCRATCH, HOST_R11);
	}
	emit_rm(&t->e, 0x8d, wide, HOST_R11, behind(HOST_RDI, size));
	emit_move(&t->e, 8, HOST_RDI, HOST_R10);
	string_emit(t, true);
	emit_move(&t->e, 8, HOST_RDI, HOST_R11);
	if (copies(insn))
		emit_load(&t->e, 8, HOST_RSI, SCRATCH);
	emit_aim_here(&t->e, none);
}

static void step(struct t1_translation *t, unsigned reg)
{
	emit_rm(&t->e, 0x8d, width(t), reg, rm_memory(reg, (int32_t)element(t->insn)));
}

static void single(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = element(insn);

	if (copies(insn)) {
		lookup(t, HOST_RSI, insn->segment, false);
		emit_rm(&t->e, size == 1 ? 0x1b6 : 0x8b, size == 1 ? 4 : size, HOST_R11,
			rm_memory(HOST_R10, 0)); /* MOVZX, MOV */
		emit_store(&t->e, 8, SCRATCH, HOST_R11);
		lookup(t, HOST_RDI, CPU_ES, true);
		emit_load(&t->e, 8, HOST_R11, SCRATCH);
		emit_store(&t->e, size, rm_memory(HOST_R10, 0), HOST_R11);
		step(t, HOST_RSI);
		step(t, HOST_RDI);
	} else if (scans(insn)) {
		lookup(t, HOST_RDI, CPU_ES, false);
		emit_rm(&t->e, size == 1 ? 0x3a : 0x3b, size, HOST_RAX, rm_memory(HOST_R10, 0)); /* cmp */
		step(t, HOST_RDI);
		t1_flags_set(t);
	} else if ((insn->opcode & 0xfe) == 0xaa) {
		lookup(t, HOST_RDI, CPU_ES, true);
		emit_store(&t->e, size, rm_memory(HOST_R10, 0), HOST_RAX);
		step(t, HOST_RDI);
	} else {
		lookup(t, HOST_RSI, insn->segment, false);
		emit_rm(&t->e, size == 1 ? 0x8a : 0x8b, size, HOST_RAX, rm_memory(HOST_R10, 0));
		step(t, HOST_RSI);
	}
}

bool t1_repeat(struct t1_translation *t)
{
	if (!is_string(t->insn) || !t->flat)
		return false;
	t1_flags_spill(t, t->needed[t->number]);
	emit_op(&t->e, 0xf7, 4, 0, rm_state(offsetof(struct cpu, rflags)), 0, 4); /* test */
	emit32(&t->e, CPU_FLAG_DF);
	t1_miss(t, CC_NZ);
	if (t->insn->rep)
		repeated(t);
	else
		single(t);
	return true;
}
