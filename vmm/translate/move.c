/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Moves, exchanges, conversions, LEA, and the stack.  None of them touches flags.
 */
#include "vmm/cpu/mode.h"
#include "vmm/translate/t1.h"

static bool plain_high(const struct insn *insn, unsigned reg)
{
	return !insn->rex && reg >= 4;
}

/* MOV and XCHG of bytes between registers, or with memory whose address is in R10. */
static void byte_move(struct t1_translation *t, unsigned opcode)
{
	const struct insn *insn = t->insn;
	bool loads = opcode != 0x88;

	if (insn->mod == 3 && !insn->rex) {
		emit_op(&t->e, opcode, 1, insn->reg, rm_register(insn->rm), EMIT_HIGH, 0);
		return;
	}
	bool high = plain_high(insn, insn->reg);
	unsigned a = high ? insn->reg - 4u : t1_in(t, insn->reg, HOST_R11);
	struct host_rm rm = insn->mod == 3 ? rm_register(t1_in(t, insn->rm, HOST_R10)) : t1_memory(t);

	if (high)
		t1_bytes_swap(t, a);
	emit_op(&t->e, opcode, 1, a, rm, EMIT_BYTE_REG | EMIT_BYTE_RM, 0);
	if (high)
		t1_bytes_swap(t, a);
	else if (loads)
		t1_commit(t, insn->reg, a);
	if (insn->mod == 3 && opcode != 0x8a)
		t1_commit(t, insn->rm, rm.base);
}

static void move_store(struct t1_translation *t, unsigned size)
{
	const struct insn *insn = t->insn;

	if (insn->mod != 3) {
		t1_operand(t, size, true);
		if (size == 1)
			byte_move(t, 0x88);
		else
			emit_store(&t->e, size, t1_memory(t), t1_in(t, insn->reg, HOST_R11));
	} else if (size == 1) {
		byte_move(t, 0x88);
	} else {
		unsigned a = t1_in(t, insn->reg, HOST_R11), b = t1_out(insn->rm, HOST_R10);

		if (size == 2 && b == HOST_R10)
			b = t1_in(t, insn->rm, HOST_R10);
		emit_rm(&t->e, 0x89, size, a, rm_register(b));
		t1_commit(t, insn->rm, b);
	}
}

static void move_load(struct t1_translation *t, unsigned size)
{
	const struct insn *insn = t->insn;

	if (insn->mod != 3)
		t1_operand(t, size, false);
	if (size == 1) {
		byte_move(t, 0x8a);
		return;
	}
	struct host_rm rm = insn->mod != 3 ? t1_memory(t) : rm_register(t1_in(t, insn->rm, HOST_R10));
	unsigned a = size == 2 ? t1_in(t, insn->reg, HOST_R11) : t1_out(insn->reg, HOST_R11);

	emit_rm(&t->e, 0x8b, size, a, rm);
	t1_commit(t, insn->reg, a);
}

static void move_immediate(struct t1_translation *t, unsigned size)
{
	const struct insn *insn = t->insn;
	unsigned length = t1_immediate_length(size), opcode = size == 1 ? 0xc6 : 0xc7;

	if (insn->mod != 3) {
		t1_operand(t, size, true);
		emit_op(&t->e, opcode, size, 0, t1_memory(t), 0, length);
	} else if (size == 1 && !insn->rex) {
		emit_op(&t->e, opcode, 1, 0, rm_register(insn->rm), EMIT_HIGH, length);
	} else {
		unsigned b = size < 4 ? t1_in(t, insn->rm, HOST_R10) : t1_out(insn->rm, HOST_R10);

		emit_op(&t->e, opcode, size, 0, rm_register(b), EMIT_BYTE_RM, length);
		emit_immediate(&t->e, insn->immediate, length);
		t1_commit(t, insn->rm, b);
		return;
	}
	emit_immediate(&t->e, insn->immediate, length);
}

/* B0 to BF */
static void register_immediate(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned guest = (insn->opcode & 7u) | (insn->rex & 1u) << 3, size = insn->opcode & 8 ? insn->operand_size : 1;

	if (size == 1 && !insn->rex) {
		emit_op(&t->e, 0xc6, 1, 0, rm_register(guest), EMIT_HIGH, 1);
		emit8(&t->e, (unsigned)insn->immediate);
		return;
	}
	unsigned host = size < 4 ? t1_in(t, guest, HOST_R10) : t1_out(guest, HOST_R10);
	if (size >= 4) {
		emit_constant(&t->e, host, size == 4 ? (uint32_t)insn->immediate : insn->immediate);
	} else {
		emit_op(&t->e, size == 1 ? 0xc6 : 0xc7, size, 0, rm_register(host), EMIT_BYTE_RM, size);
		emit_immediate(&t->e, insn->immediate, size);
	}
	t1_commit(t, guest, host);
}

static bool exchange(struct t1_translation *t, unsigned size)
{
	const struct insn *insn = t->insn;

	if (insn->mod != 3)
		t1_operand(t, size, true);
	if (size == 1) {
		byte_move(t, 0x86);
		return true;
	}
	unsigned a = t1_in(t, insn->reg, HOST_R11);
	if (insn->mod != 3) {
		emit_rm(&t->e, 0x87, size, a, t1_memory(t));
		t1_commit(t, insn->reg, a);
		return true;
	}
	unsigned b = t1_in(t, insn->rm, HOST_R10);
	emit_rm(&t->e, 0x87, size, a, rm_register(b));
	t1_commit(t, insn->reg, a);
	t1_commit(t, insn->rm, b);
	return true;
}

/* MOVZX, MOVSX; MOVSXD.  `from`: bytes of the source. */
static bool extend(struct t1_translation *t, unsigned from)
{
	const struct insn *insn = t->insn;
	unsigned size = insn->operand_size, a = t1_out(insn->reg, HOST_R11), flags = 0;
	struct host_rm rm;

	if (insn->mod != 3) {
		t1_operand(t, from, false);
		rm = t1_memory(t);
	} else if (from == 1 && plain_high(insn, insn->rm)) {
		if (a >= 8)
			return false;
		rm = rm_register(insn->rm);
		flags = EMIT_HIGH;
	} else {
		rm = rm_register(t1_in(t, insn->rm, HOST_R10));
		flags = from == 1 ? EMIT_BYTE_RM : 0;
	}
	if (size == 2)
		a = t1_in(t, insn->reg, HOST_R11);
	emit_op(&t->e, insn->opcode, size, a, rm, flags, 0);
	t1_commit(t, insn->reg, a);
	return true;
}

static void load_address(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = insn->operand_size, a = t1_out(insn->reg, HOST_R11);

	if (size == 2) {
		t1_effective(t, HOST_R10);
		a = t1_in(t, insn->reg, HOST_R11);
		emit_rm(&t->e, 0x89, 2, HOST_R10, rm_register(a));
	} else {
		t1_effective(t, a);
		if (size == 4 && insn->address_size == 8)
			emit_rm(&t->e, 0x89, 4, a, rm_register(a));
	}
	t1_commit(t, insn->reg, a);
}

static void offset_move(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	bool store = insn->opcode & 2;
	unsigned size = insn->opcode & 1 ? insn->operand_size : 1;

	t1_operand(t, size, store);
	emit_rm(&t->e, (store ? 0x88u : 0x8au) | (size > 1), size, HOST_RAX, t1_memory(t));
}

static void byte_swap(struct t1_translation *t, unsigned guest)
{
	unsigned host = t1_in(t, guest, HOST_R10);

	if (t->insn->operand_size == 8 || host >= 8)
		emit8(&t->e, 0x40 | (t->insn->operand_size == 8 ? 8 : 0) | host >> 3);
	emit8(&t->e, 0x0f);
	emit8(&t->e, 0xc8 | (host & 7));
	t1_commit(t, guest, host);
}

bool t1_move(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = insn->operand_size, group = insn->modrm >> 3 & 7;

	switch (insn->opcode) {
	case 0x63:
		if (size == 2)
			return false;
		if (size == 4) {
			move_load(t, 4);
			return true;
		}
		return extend(t, 4);
	case 0x86: return exchange(t, 1);
	case 0x87:
	case 0x91 ... 0x97: return exchange(t, size);
	case 0x90: return insn->rep == 0xf3 || !(insn->rex & 1) ? true : exchange(t, size);
	case 0x88: move_store(t, 1); return true;
	case 0x89: move_store(t, size); return true;
	case 0x8a: move_load(t, 1); return true;
	case 0x8b: move_load(t, size); return true;
	case 0x8d: load_address(t); return true;
	case 0x98:
	case 0x99:
		if (size != 4)
			emit8(&t->e, size == 8 ? 0x48 : 0x66);
		emit8(&t->e, insn->opcode);
		return true;
	case 0xa0 ... 0xa3: offset_move(t); return true;
	case 0xb0 ... 0xbf: register_immediate(t); return true;
	case 0xc6:
		if (group)
			return false;
		move_immediate(t, 1);
		return true;
	case 0xc7:
		if (group)
			return false;
		move_immediate(t, size);
		return true;
	case 0x10d:
	case 0x118 ... 0x11f: return true; /* hints */
	case 0x1b6:
	case 0x1be: return extend(t, 1);
	case 0x1b7:
	case 0x1bf: return extend(t, 2);
	case 0x1c3: move_store(t, size == 8 ? 8 : 4); return true; /* MOVNTI has no 16-bit form */
	case 0x1c8 ... 0x1cf:
		if (size == 2)
			return false;
		byte_swap(t, (insn->opcode & 7u) | (insn->rex & 1u) << 3);
		return true;
	default: return false;
	}
}

/* ---- the stack ---- */

static void stack_move(struct t1_translation *t, int distance)
{
	emit_rm(&t->e, 0x8d, t1_stack_width(t), HOST_R9, rm_memory(HOST_R9, distance));
}

/* Where a push will write. */
static void push_lookup(struct t1_translation *t, unsigned size)
{
	t1_reach(t, CPU_RSP, -(int)size, CPU_SS, size, true);
}

static void pop_lookup(struct t1_translation *t, unsigned size)
{
	t1_reach(t, CPU_RSP, 0, CPU_SS, size, false);
}

static void push_register(struct t1_translation *t, unsigned guest, unsigned size)
{
	push_lookup(t, size);
	emit_store(&t->e, size, t1_memory(t), t1_in(t, guest, HOST_R11));
	stack_move(t, -(int)size);
}

static void pop_register(struct t1_translation *t, unsigned guest, unsigned size)
{
	pop_lookup(t, size);
	unsigned a = size == 2 ? t1_in(t, guest, HOST_R11) : t1_out(guest, HOST_R11);
	/* POP of the stack pointer overwrites the incremented one */
	stack_move(t, (int)size);
	emit_load(&t->e, size, a, t1_memory(t));
	t1_commit(t, guest, a);
}

static void push_segment(struct t1_translation *t, unsigned size)
{
	unsigned segment = t->insn->opcode >> 3 & 7; /* 06 ES, 0E CS, 16 SS, 1E DS, A0 FS, A8 GS */

	push_lookup(t, size);
	emit_rm(&t->e, 0x1b7, 4, HOST_R11, /* movzx */
		rm_state(offsetof(struct cpu, segment) + segment * sizeof(struct cpu_segment) +
			offsetof(struct cpu_segment, selector)));
	emit_store(&t->e, size, t1_memory(t), HOST_R11);
	stack_move(t, -(int)size);
}

static void push_immediate(struct t1_translation *t, unsigned size)
{
	push_lookup(t, size);
	emit_op(&t->e, 0xc7, size, 0, t1_memory(t), 0, t1_immediate_length(size));
	emit_immediate(&t->e, t->insn->immediate, t1_immediate_length(size));
	stack_move(t, -(int)size);
}

static void push_operand(struct t1_translation *t, unsigned size)
{
	const size_t scratch = offsetof(struct cpu, t1.scratch);

	t1_operand(t, size, false);
	emit_load(&t->e, size, HOST_R11, t1_memory(t));
	emit_store(&t->e, 8, rm_state(scratch), HOST_R11);
	push_lookup(t, size);
	emit_load(&t->e, 8, HOST_R11, rm_state(scratch));
	emit_store(&t->e, size, t1_memory(t), HOST_R11);
	stack_move(t, -(int)size);
}

static void leave(struct t1_translation *t, unsigned size)
{
	t1_reach(t, CPU_RBP, 0, CPU_SS, size, false);
	emit_rm(&t->e, 0x8d, t1_stack_width(t), HOST_R9, rm_memory(HOST_RBP, (int)size));
	emit_load(&t->e, size, HOST_RBP, t1_memory(t));
}

bool t1_stack(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = insn->operand_size, guest = (insn->opcode & 7u) | (insn->rex & 1u) << 3;

	if (!t1_stack_flat(t))
		return false;
	switch (insn->opcode) {
	case 0x06:
	case 0x0e:
	case 0x16:
	case 0x1e:
	case 0x1a0:
	case 0x1a8: push_segment(t, size); return true;
	case 0x50 ... 0x57: push_register(t, guest, size); return true;
	case 0x58 ... 0x5f: pop_register(t, guest, size); return true;
	case 0x68:
	case 0x6a: push_immediate(t, size); return true;
	case 0xc9:
		if (size == 2)
			return false;
		leave(t, size);
		return true;
	case 0xff:
		if ((insn->modrm >> 3 & 7) != 6)
			return false;
		if (insn->mod == 3)
			push_register(t, insn->rm, size);
		else
			push_operand(t, size);
		return true;
	default: return false;
	}
}
