/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Arithmetic, logic, shifts, bits: the guest's instruction with other registers and a checked address.
 */
#include "vmm/translate/t1.h"

enum destination { TO_NONE, TO_RM, TO_REG, TO_BOTH };

/* Byte operands without REX are AL to BL and AH to BH, which keep their numbers. */
static bool plain_bytes(const struct insn *insn, unsigned size)
{
	return size == 1 && !insn->rex;
}

/* The flags that the instruction needs to find in the host's. */
static void flags_before(struct t1_translation *t)
{
	const struct t1_effect effect = *t1_effect_now(t);

	if (effect.reads || effect.touches)
		t1_flags_fetch(t, effect.reads | (effect.touches ? LIVE_ANY(t->live) & ~effect.sets : 0));
}

static void flags_after(struct t1_translation *t)
{
	if (t1_effect_now(t)->touches)
		t1_flags_set(t);
}

static unsigned lock_flag(const struct insn *insn)
{
	return insn->lock ? EMIT_LOCK : 0;
}

/* An instruction with the operands ModRM.reg and ModRM.rm, and maybe an 8-bit immediate. */
static void two_operands(
	struct t1_translation *t, unsigned opcode, unsigned size, enum destination to, unsigned flags, int immediate)
{
	const struct insn *insn = t->insn;
	bool byte = size == 1, high = plain_bytes(insn, size) && insn->reg >= 4;
	unsigned reg = insn->reg, rm = insn->rm, length = immediate >= 0 ? 1 : 0;

	if (insn->mod == 3 && plain_bytes(insn, size)) {
		flags_before(t);
		emit_op(&t->e, opcode, 1, reg, rm_register(rm), flags | EMIT_HIGH, length);
	} else if (insn->mod == 3) {
		unsigned a = t1_in(t, reg, HOST_R11), b = t1_in(t, rm, HOST_R10);

		flags_before(t);
		emit_op(&t->e, opcode, size, a, rm_register(b), flags | (byte ? EMIT_BYTE_REG | EMIT_BYTE_RM : 0),
			length);
		if (immediate >= 0)
			emit8(&t->e, (unsigned)immediate);
		if (to == TO_REG || to == TO_BOTH)
			t1_commit(t, reg, a);
		if (to == TO_RM || to == TO_BOTH)
			t1_commit(t, rm, b);
		flags_after(t);
		return;
	} else {
		t1_operand(t, size, to == TO_RM || to == TO_BOTH);
		unsigned a = high ? reg - 4 : t1_in(t, reg, HOST_R11);

		flags_before(t);
		if (high)
			t1_bytes_swap(t, a);
		emit_op(&t->e, opcode, size, a, t1_memory(t), flags | lock_flag(insn) | (byte ? EMIT_BYTE_REG : 0),
			length);
		if (immediate >= 0)
			emit8(&t->e, (unsigned)immediate);
		if (high)
			t1_bytes_swap(t, a);
		if (to == TO_REG || to == TO_BOTH)
			t1_commit(t, reg, a);
		flags_after(t);
		return;
	}
	if (immediate >= 0)
		emit8(&t->e, (unsigned)immediate);
	flags_after(t);
}

/* An instruction with the operand ModRM.rm, a digit, and an immediate of `length` bytes. */
static void one_operand(struct t1_translation *t, unsigned opcode, unsigned size, unsigned digit, bool write,
	uint64_t value, unsigned length)
{
	const struct insn *insn = t->insn;
	bool byte = size == 1;

	if (insn->mod == 3 && plain_bytes(insn, size)) {
		flags_before(t);
		emit_op(&t->e, opcode, 1, digit, rm_register(insn->rm), EMIT_HIGH, length);
		emit_immediate(&t->e, value, length);
	} else if (insn->mod == 3) {
		unsigned b = t1_in(t, insn->rm, HOST_R10);

		flags_before(t);
		emit_op(&t->e, opcode, size, digit, rm_register(b), byte ? EMIT_BYTE_RM : 0, length);
		emit_immediate(&t->e, value, length);
		if (write)
			t1_commit(t, insn->rm, b);
	} else {
		t1_operand(t, size, write);
		flags_before(t);
		emit_op(&t->e, opcode, size, digit, t1_memory(t), lock_flag(insn), length);
		emit_immediate(&t->e, value, length);
	}
	flags_after(t);
}

static void accumulator(struct t1_translation *t, unsigned opcode, unsigned digit, unsigned size)
{
	flags_before(t);
	emit_op(&t->e, size == 1 ? opcode & ~1u : opcode, size, digit, rm_register(HOST_RAX), 0,
		t1_immediate_length(size));
	emit_immediate(&t->e, t->insn->immediate, t1_immediate_length(size));
	flags_after(t);
}

static void arithmetic(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned opcode = insn->opcode, size = opcode & 1 ? insn->operand_size : 1;

	switch (opcode & 7) {
	case 0:
	case 1: two_operands(t, opcode, size, opcode >> 3 == 7 ? TO_NONE : TO_RM, 0, -1); break;
	case 2:
	case 3: two_operands(t, opcode, size, opcode >> 3 == 7 ? TO_NONE : TO_REG, 0, -1); break;
	default: accumulator(t, 0x81, opcode >> 3, size); break;
	}
}

static void group1(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = insn->opcode & 1 ? insn->operand_size : 1, digit = insn->modrm >> 3 & 7;
	bool small = size > 1 && (int64_t)insn->immediate == (int8_t)insn->immediate;

	one_operand(t,
		size == 1       ? 0x80
			: small ? 0x83
				: 0x81,
		size, digit, digit != 7, insn->immediate, size == 1 || small ? 1 : t1_immediate_length(size));
}

static void increment(struct t1_translation *t)
{
	unsigned guest = t->insn->opcode & 7, size = t->insn->operand_size, host = t1_in(t, guest, HOST_R10);

	flags_before(t);
	emit_rm(&t->e, 0xff, size, t->insn->opcode >> 3 & 1, rm_register(host));
	t1_commit(t, guest, host);
	flags_after(t);
}

/* DIV and IDIV would trap on the host: what might is T0's. */
static bool divide(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = insn->operand_size, digit = insn->modrm >> 3 & 7, divisor = HOST_R10;

	if (!(insn->opcode & 1) || size == 2)
		return false;
	if (insn->mod == 3) {
		t1_flags_spill(t, t->needed[t->number]);
		divisor = t1_in(t, insn->rm, HOST_R10);
	} else {
		t1_operand(t, size, false);
		emit_load(&t->e, size, HOST_R10, t1_memory(t));
	}
	if (digit == 6) { /* the quotient fits if the upper half is below the divisor */
		emit_rm(&t->e, 0x3b, size, HOST_RDX, rm_register(divisor));
		t1_miss(t, CC_AE);
	} else { /* a dividend that is one sign-extended half, and neither 0 nor -1 for a divisor */
		emit_move(&t->e, size, HOST_R11, HOST_RAX);
		emit_op(&t->e, 0xc1, size, 7, rm_register(HOST_R11), 0, 1);
		emit8(&t->e, size * 8 - 1);
		emit_rm(&t->e, 0x3b, size, HOST_R11, rm_register(HOST_RDX));
		t1_miss(t, CC_NZ);
		emit_rm(&t->e, 0x8d, size, HOST_R11, rm_memory(divisor, 1));
		emit_op(&t->e, 0x83, size, 7, rm_register(HOST_R11), 0, 1);
		emit8(&t->e, 1);
		t1_miss(t, CC_BE);
	}
	emit_rm(&t->e, 0xf7, size, digit, rm_register(divisor));
	t1_flags_set(t);
	return true;
}

static bool group3(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = insn->opcode & 1 ? insn->operand_size : 1, digit = insn->modrm >> 3 & 7;

	switch (digit) {
	case 0:
	case 1: one_operand(t, insn->opcode, size, 0, false, insn->immediate, t1_immediate_length(size)); return true;
	case 2:
	case 3: one_operand(t, insn->opcode, size, digit, true, 0, 0); return true;
	case 4:
	case 5: one_operand(t, insn->opcode, size, digit, false, 0, 0); return true;
	default: return divide(t);
	}
}

/* IMUL with an immediate of the operand's size, which does not read its destination. */
static void multiply_immediate(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = insn->operand_size, length = t1_immediate_length(size), a = t1_out(insn->reg, HOST_R11);
	struct host_rm rm;

	if (insn->mod != 3)
		t1_operand(t, size, false);
	rm = insn->mod != 3 ? t1_memory(t) : rm_register(t1_in(t, insn->rm, HOST_R10));
	if (size == 2)
		a = t1_in(t, insn->reg, HOST_R11);
	emit_op(&t->e, 0x69, size, a, rm, 0, length);
	emit_immediate(&t->e, insn->immediate, length);
	t1_commit(t, insn->reg, a);
	flags_after(t);
}

static void shift(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = insn->opcode & 1 ? insn->operand_size : 1;

	one_operand(t, insn->opcode, size, insn->modrm >> 3 & 7, true, insn->immediate, insn->opcode < 0xd0 ? 1 : 0);
}

static void condition(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned cc = insn->opcode & 15;

	if ((insn->opcode & 0xf0) == 0x90) { /* SETcc */
		if (insn->mod != 3) {
			t1_operand(t, 1, true);
			cc = t1_condition(t, cc);
			emit_rm(&t->e, 0x190 | cc, 4, 0, t1_memory(t));
		} else if (!insn->rex) {
			cc = t1_condition(t, cc);
			emit_op(&t->e, 0x190 | cc, 1, 0, rm_register(insn->rm), EMIT_HIGH, 0);
		} else {
			unsigned b = t1_in(t, insn->rm, HOST_R10);

			cc = t1_condition(t, cc);
			emit_op(&t->e, 0x190 | cc, 1, 0, rm_register(b), EMIT_BYTE_RM, 0);
			t1_commit(t, insn->rm, b);
		}
		return;
	}
	if (insn->mod != 3) /* CMOVcc reads memory in any case */
		t1_operand(t, insn->operand_size, false);
	unsigned a = t1_in(t, insn->reg, HOST_R11);
	struct host_rm rm = insn->mod != 3 ? t1_memory(t) : rm_register(t1_in(t, insn->rm, HOST_R10));

	cc = t1_condition(t, cc);
	emit_rm(&t->e, 0x140 | cc, insn->operand_size, a, rm);
	t1_commit(t, insn->reg, a);
}

static bool integer_map1(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned opcode = insn->opcode, size = insn->operand_size, low = opcode & 0xff;
	unsigned repeat = insn->rep == 0xf3 ? EMIT_F3 : 0;

	switch (low) {
	case 0x40 ... 0x4f:
	case 0x90 ... 0x9f: condition(t); return true;
	case 0xa3: two_operands(t, opcode, size, TO_NONE, 0, -1); return true;
	case 0xab:
	case 0xb3:
	case 0xbb: two_operands(t, opcode, size, TO_RM, 0, -1); return true;
	case 0xba:
		one_operand(t, opcode, size, insn->modrm >> 3 & 7, (insn->modrm >> 3 & 7) != 4, insn->immediate, 1);
		return true;
	case 0xa4:
	case 0xac: two_operands(t, opcode, size, TO_RM, 0, (uint8_t)insn->immediate); return true;
	case 0xa5:
	case 0xad: two_operands(t, opcode, size, TO_RM, 0, -1); return true;
	case 0xaf: two_operands(t, opcode, size, TO_REG, 0, -1); return true;
	case 0xb8:
	case 0xbc:
	case 0xbd: two_operands(t, opcode, size, TO_REG, repeat, -1); return true;
	case 0xb0:
		/* AH would have to change places with AL, which is compared */
		if (insn->mod != 3 && !insn->rex && insn->reg == 4)
			return false;
		two_operands(t, opcode, 1, TO_RM, 0, -1);
		return true;
	case 0xb1: two_operands(t, opcode, size, TO_RM, 0, -1); return true;
	case 0xc0: two_operands(t, opcode, 1, TO_BOTH, 0, -1); return true;
	case 0xc1: two_operands(t, opcode, size, TO_BOTH, 0, -1); return true;
	default: return false;
	}
}

/* The source is a byte or as wide as the operand, the sum has 32 bits. */
static bool checksum(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned size = insn->opcode & 1 ? insn->operand_size : 1, a;
	struct host_rm rm;

	if (insn->mod == 3 && plain_bytes(insn, size) && insn->rm >= 4)
		return false; /* AH and its like */
	if (insn->mod != 3) {
		t1_operand(t, size, false);
		t1_memory_exact(t);
		rm = rm_memory(HOST_R10, 0);
	} else {
		rm = rm_register(t1_in(t, insn->rm, HOST_R10));
	}
	a = t1_in(t, insn->reg, HOST_R11);
	emit_op(&t->e, insn->opcode, size, a, rm, EMIT_F2 | (size == 1 ? EMIT_BYTE_RM : 0), 0);
	t1_commit(t, insn->reg, a);
	return true;
}

static bool integer_map2(struct t1_translation *t)
{
	const struct insn *insn = t->insn;

	switch (insn->opcode) {
	case 0x2f0:
	case 0x2f1:
		if (insn->rep == 0xf2)
			return checksum(t);
		two_operands(t, insn->opcode, insn->operand_size, insn->opcode & 1 ? TO_RM : TO_REG, 0, -1);
		return true;
	case 0x2f6: /* ADCX, ADOX */
		two_operands(t, insn->opcode, insn->rex & 8 ? 8 : 4, TO_REG, insn->rep ? EMIT_F3 : EMIT_66, -1);
		return true;
	default: return false;
	}
}

bool t1_integer(struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned opcode = insn->opcode, size = insn->operand_size;

	if (opcode >> 8 == 1)
		return integer_map1(t);
	if (opcode >> 8)
		return integer_map2(t);
	if (opcode < 0x40 && (opcode & 7) < 6) {
		arithmetic(t);
		return true;
	}
	switch (opcode) {
	case 0x40 ... 0x4f: increment(t); return true;
	case 0x69: multiply_immediate(t); return true;
	case 0x6b: two_operands(t, opcode, size, TO_REG, 0, (uint8_t)insn->immediate); return true;
	case 0x80 ... 0x83: group1(t); return true;
	case 0x84: two_operands(t, opcode, 1, TO_NONE, 0, -1); return true;
	case 0x85: two_operands(t, opcode, size, TO_NONE, 0, -1); return true;
	case 0xa8: accumulator(t, 0xf7, 0, 1); return true;
	case 0xa9: accumulator(t, 0xf7, 0, size); return true;
	case 0xc0:
	case 0xc1:
	case 0xd0 ... 0xd3: shift(t); return true;
	case 0xf5:
	case 0xf8:
	case 0xf9:
		flags_before(t);
		emit8(&t->e, opcode);
		flags_after(t);
		return true;
	case 0x9e: /* SAHF, with AH where it is */
		flags_before(t);
		emit8(&t->e, opcode);
		flags_after(t);
		return true;
	case 0x9f:
		flags_before(t);
		emit8(&t->e, opcode);
		return true;
	case 0xf6:
	case 0xf7: return group3(t);
	case 0xfe: one_operand(t, opcode, 1, insn->modrm >> 3 & 7, true, 0, 0); return true;
	case 0xff:
		if ((insn->modrm >> 3 & 7) > 1)
			return false;
		one_operand(t, opcode, size, insn->modrm >> 3 & 7, true, 0, 0);
		return true;
	default: return false;
	}
}
