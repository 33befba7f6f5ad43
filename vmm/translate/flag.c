/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Where the guest's arithmetic flags are.
 *
 * An instruction that sets flags leaves them in the host's own, where the next one that wants them finds them.  Checks
 * of the software MMU overwrite those, so flags that still matter then are saved in struct cpu as they are
 * (FLAGS_IMAGE).
 */
#include "vmm/translate/t1.h"

#define IMAGE_AT offsetof(struct cpu, flags_source1)

bool t1_flags_spills(const struct t1_translation *t, uint32_t live)
{
	return t->host && !t->memory && LIVE_ANY(live);
}

#define STATE(member) rm_state(offsetof(struct cpu, member))

static void recipe_store(struct t1_translation *t, struct host_rm to, unsigned guest, int32_t moved)
{
	unsigned host = t1_in(t, guest, HOST_R11);

	if (moved) {
		emit_rm(&t->e, 0x8d, 8, HOST_R11, rm_memory(host, -moved));
		host = HOST_R11;
	}
	emit_store(&t->e, 8, to, host);
}

/* Saving them would take longer, and they are not known to be wanted. */
static void recipe_emit(struct t1_translation *t)
{
	const struct t1_recipe *recipe = &t->recipe;
	unsigned kind = recipe->kind & ~3u;
	bool operands = kind == FLAGS_RAW_TEST || kind == FLAGS_RAW_CMP;

	recipe_store(t, operands ? STATE(flags_source1) : STATE(flags_result), recipe->a, recipe->moved);
	if (recipe->b != T1_NO_BASE)
		recipe_store(t, STATE(flags_source2), recipe->b, 0);
	else if (operands || kind == FLAGS_RAW_ADD || kind == FLAGS_RAW_SUB)
		emit_store_immediate(&t->e, 8, STATE(flags_source2), (uint32_t)recipe->immediate);
	emit_store_immediate(&t->e, 4, STATE(flags_op), recipe->kind);
	t->memory = true;
	t->image = false;
}

void t1_flags_spill(struct t1_translation *t, uint32_t live)
{
	if (t1_flags_spills(t, live) && !LIVE_KNOWN(live) && t->recipe.kind) {
		recipe_emit(t);
	} else if (t1_flags_spills(t, live)) {
		emit8(&t->e, 0x9c); /* pushfq */
		emit_rm(&t->e, 0x8f, 4, 0, rm_state(IMAGE_AT));
		if (!t->image)
			emit_store_immediate(&t->e, 4, rm_state(offsetof(struct cpu, flags_op)), FLAGS_IMAGE);
		t->memory = t->image = true;
	}
	t->host = false;
}

/* ---- recipes ---- */

static unsigned byte_size(const struct insn *insn)
{
	return insn->opcode & 1 ? insn->operand_size : 1;
}

static struct t1_recipe recipe(unsigned kind, unsigned size, unsigned a, unsigned b, uint64_t immediate)
{
	return (struct t1_recipe){ .kind = (uint8_t)(kind | (unsigned)__builtin_ctz(size)),
		.a = (uint8_t)a,
		.b = (uint8_t)b,
		.immediate = (int32_t)immediate };
}

/* AH and its like are not the lowest byte of a register. */
static bool is_plain(const struct insn *insn, unsigned size, unsigned reg)
{
	return size > 1 || insn->rex || reg < 4;
}

/* Of ADD, OR, AND, SUB, XOR and CMP with a result in a register; T1_NO_BASE: the source is a constant, or in memory. */
static struct t1_recipe arithmetic(
	unsigned operation, unsigned size, unsigned to, unsigned from, bool constant, uint64_t immediate)
{
	const struct t1_recipe none = { 0 };
	bool known = constant || (from != T1_NO_BASE && from != to);

	switch (operation) {
	case 0: return known ? recipe(FLAGS_RAW_ADD, size, to, from, immediate) : none;
	case 1:
	case 4:
	case 6: return recipe(FLAGS_RAW_LOGIC, size, to, T1_NO_BASE, 0);
	case 5: return known ? recipe(FLAGS_RAW_SUB, size, to, from, immediate) : none;
	case 7: return constant || from != T1_NO_BASE ? recipe(FLAGS_RAW_CMP, size, to, from, immediate) : none;
	default: return none;
	}
}

static struct t1_recipe recipe_of(const struct insn *insn)
{
	const struct t1_recipe none = { 0 };
	unsigned opcode = insn->opcode, size = byte_size(insn), digit = insn->modrm >> 3 & 7, from;

	if (insn->vex || insn->lock)
		return none;
	if (opcode < 0x40 && (opcode & 7) < 6) {
		if ((opcode & 7) >= 4)
			return arithmetic(opcode >> 3, size, CPU_RAX, T1_NO_BASE, true, insn->immediate);
		if (!is_plain(insn, size, insn->reg) || (insn->mod == 3 && !is_plain(insn, size, insn->rm)))
			return none;
		if (opcode & 2) {
			from = insn->mod == 3 ? insn->rm : T1_NO_BASE;
			return arithmetic(opcode >> 3, size, insn->reg, from, false, 0);
		}
		return insn->mod == 3 ? arithmetic(opcode >> 3, size, insn->rm, insn->reg, false, 0) : none;
	}
	switch (opcode) {
	case 0xa8:
	case 0xa9: return recipe(FLAGS_RAW_TEST, size, CPU_RAX, T1_NO_BASE, insn->immediate);
	case 0x80 ... 0x85:
	case 0xf6:
	case 0xf7: break;
	case 0x1bc:
	case 0x1bd:
		if (insn->rep != 0xf3) /* the others are BSF and BSR */
			return none;
		return recipe(FLAGS_RAW_COUNT, insn->operand_size, insn->reg, T1_NO_BASE, 0);
	default: return none;
	}
	if (insn->mod != 3 || !is_plain(insn, size, insn->rm))
		return none;
	if (opcode < 0x84)
		return arithmetic(digit, size, insn->rm, T1_NO_BASE, true, insn->immediate);
	if (opcode >= 0xf6 && digit == 3)
		return recipe(FLAGS_RAW_NEG, size, insn->rm, T1_NO_BASE, 0);
	if (opcode >= 0xf6)
		return digit < 2 ? recipe(FLAGS_RAW_TEST, size, insn->rm, T1_NO_BASE, insn->immediate) : none;
	if (!is_plain(insn, size, insn->reg))
		return none;
	if (insn->reg == insn->rm)
		return recipe(FLAGS_RAW_LOGIC, size, insn->rm, T1_NO_BASE, 0);
	return recipe(FLAGS_RAW_TEST, size, insn->rm, insn->reg, 0);
}

void t1_recipe_note(struct t1_translation *t, bool native, uint32_t changed, int64_t stack_moved)
{
	struct t1_recipe *now = &t->recipe;

	if (!native) {
		now->kind = 0;
		return;
	}
	if (t1_effect_now(t)->touches) {
		*now = recipe_of(t->insn);
		return;
	}
	if (!now->kind)
		return;
	if (changed >> now->a & 1 || (now->b != T1_NO_BASE && changed >> now->b & 1) ||
		(stack_moved && now->b == CPU_RSP))
		now->kind = 0;
	else if (now->a == CPU_RSP)
		now->moved += (int32_t)stack_moved;
}

void t1_flags_set(struct t1_translation *t)
{
	t->host = true;
	t->memory = false;
	t->recipe.kind = 0;
}

void t1_flags_require(struct t1_translation *t)
{
	struct t1_site *site;

	if (t->host || t->image)
		return;
	site = t1_site_make(t);
	if (!site)
		return;
	site->insn = NULL;
	emit_op(&t->e, 0x83, 4, 7, rm_state(offsetof(struct cpu, flags_op)), 0, 1);
	emit8(&t->e, FLAGS_IMAGE);
	t1_stub(t, emit_jcc(&t->e, CC_NZ), T1_STUB_FLAGS, site);
	site->resume = emit_here(&t->e);
	t->image = true;
}

void t1_flags_fetch(struct t1_translation *t, uint32_t mask)
{
	if (t->host || !mask)
		return;
	t1_flags_require(t);
	if (mask == CPU_FLAG_CF) {
		emit_op(&t->e, 0x1ba, 4, 4, rm_state(IMAGE_AT), 0, 1); /* bt */
		emit8(&t->e, 0);
		return;
	}
	emit_rm(&t->e, 0xff, 4, 6, rm_state(IMAGE_AT)); /* push */
	emit8(&t->e, 0x9d);                             /* popfq */
	t->host = true;
}

unsigned t1_condition(struct t1_translation *t, unsigned cc)
{
	static const uint32_t masks[6] = { CPU_FLAG_OF, CPU_FLAG_CF, CPU_FLAG_ZF, CPU_FLAG_CF | CPU_FLAG_ZF,
		CPU_FLAG_SF, CPU_FLAG_PF };

	if (t->host)
		return cc;
	if (cc >> 1 >= 6) {
		t1_flags_fetch(t, CPU_FLAGS_ARITHMETIC);
		return cc;
	}
	t1_flags_require(t);
	emit_op(&t->e, 0xf7, 4, 0, rm_state(IMAGE_AT), 0, 4); /* test */
	emit32(&t->e, masks[cc >> 1]);
	return cc & 1 ? CC_Z : CC_NZ;
}
