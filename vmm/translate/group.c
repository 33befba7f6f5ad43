/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Checks that accesses share.
 *
 * A block is translated twice.  The first time notes its accesses through registers and a constant.  Those through the
 * same values of registers that lie close together are a group: the second time, the first of them looks the whole
 * piece up and leaves its host address in struct cpu, and the others find it there.  If the piece is in two pages, the
 * block goes on in code without groups; if it is not in the TLB, or its last access may not be made, T0 does the first,
 * and another block begins behind it.  In lockstep, where a block is run to its end, the address is 0 then, and each
 * looks for itself.
 *
 * The address is good for as long as the block runs: whatever changes mappings ends it, or waits for a poll.
 */
#include "vmm/cpu/decode.h"
#include "vmm/cpu/mode.h"
#include "vmm/translate/t1.h"

#define SPAN_MAX 256 /* a larger piece is in two pages too often */
#define BIT(r)   (1u << (r))

static bool in_slot(unsigned reg)
{
	return reg < 16 && t1_host(reg) == T1_SLOT;
}

/* Will its code leave R10 alone, but for an access that is grouped, and go nowhere else in between? */
static bool address_kept(const struct t1_translation *t)
{
	const struct insn *insn = t->insn;
	unsigned opcode = insn->opcode, digit = insn->modrm >> 3 & 7;

	const struct t1_effect effect = *t1_effect_now(t);

	/* flags that are nowhere to be found for sure may take it to C */
	if (insn->vex ||
		(!t->host && !t->image && (effect.reads || (effect.touches && LIVE_ANY(t->live) & ~effect.sets))))
		return false;
	switch (opcode) {
	case 0x50 ... 0x5f:
	case 0x68:
	case 0x6a:
	case 0x98:
	case 0x99:
	case 0xa8:
	case 0xa9: return true;
	case 0x70 ... 0x7f:
	case 0x180 ... 0x18f: return t->number + 1u < t->block->count; /* another way out leads from the last */
	case 0xb0 ... 0xbf: return !in_slot((opcode & 7u) | (insn->rex & 1u) << 3);
	case 0x8d: return !in_slot(insn->ea_base) && insn->operand_size != 2;
	case 0xf6:
	case 0xf7:
		if (digit > 3)
			return false;
		break;
	case 0xfe:
	case 0xff:
		if (digit > 1)
			return false;
		break;
	case 0x69:
	case 0x6b:
	case 0x80 ... 0x85:
	case 0x88 ... 0x8b:
	case 0xc0:
	case 0xc1:
	case 0xc6:
	case 0xc7:
	case 0xd0:
	case 0xd1:
	case 0x1af:
	case 0x1b6:
	case 0x1b7:
	case 0x1be:
	case 0x1bf: break;
	default:
		if (opcode >= 0x40 || (opcode & 7) >= 6)
			return false;
		if ((opcode & 7) >= 4)
			return true;
		break;
	}
	return insn->mod != 3 || !in_slot(insn->rm);
}

void t1_group_begin(struct t1_translation *t)
{
	t->keeps = address_kept(t);
	if (!t->keeps)
		t->held = T1_NO_GROUP;
}

bool t1_group_fits(const struct t1_group *group, const struct t1_reach *reach, int64_t span)
{
	int64_t low = reach->at < group->low ? reach->at : group->low;
	int64_t end = reach->at + reach->size, high = end > group->high ? end : group->high;

	return group->base == reach->base && group->index == reach->index && group->scale == reach->scale &&
		high - low <= span;
}

/* A group of reads may become one of writes if nothing leads away between: what is not written may be read-only. */
static bool admits(const struct t1_group *group, const struct t1_reach *reach)
{
	return !group->hoisted && group->version == reach->version && t1_group_fits(group, reach, SPAN_MAX) &&
		(group->write || !reach->write || group->exits == reach->exits);
}

void t1_group_join(struct t1_group *group, const struct t1_reach *reach)
{
	int64_t end = reach->at + reach->size;

	if (reach->at < group->low)
		group->low = reach->at;
	if (end > group->high)
		group->high = end;
	group->write |= reach->write;
	group->count++;
}

bool t1_groups_make(struct t1_translation *t)
{
	bool any = false;

	t->group_count = t->hoisted_count;
	for (unsigned i = 0; i < t->reach_count; i++) {
		struct t1_reach *reach = &t->reaches[i];
		unsigned found = t->group_count;

		if (reach->group < t->hoisted_count)
			continue;
		reach->group = T1_NO_GROUP;
		if (reach->bounded)
			continue;
		/* the latest first: the others may be of longer ago */
		while (found > 0 && !admits(&t->groups[found - 1], reach))
			found--;
		if (found == 0) {
			if (t->group_count == T1_GROUPS)
				continue;
			t->groups[t->group_count] = (struct t1_group){ .base = reach->base,
				.index = reach->index,
				.scale = reach->scale,
				.version = reach->version,
				.exits = reach->exits,
				.low = reach->at,
				.high = reach->at };
			found = ++t->group_count;
		}
		reach->group = (uint8_t)(found - 1);
		t1_group_join(&t->groups[found - 1], reach);
		any |= t->groups[found - 1].count > 1;
	}
	return any;
}

/* The address of registers and a constant, into R10. */
static void address_emit(struct t1_translation *t, const struct t1_reach *reach, int64_t displacement)
{
	unsigned width = reach->width, base = HOST_NONE;

	if (reach->base == T1_NO_BASE && reach->index == T1_NO_BASE) {
		emit_constant(&t->e, HOST_R10, width == 8 ? (uint64_t)displacement : (uint32_t)displacement);
		return;
	}
	if (reach->base != T1_NO_BASE)
		base = t1_in(t, reach->base, HOST_R10);
	if (reach->index != T1_NO_BASE) {
		emit_rm(&t->e, 0x8d, width, HOST_R10,
			rm_indexed(base, t1_host(reach->index), reach->scale, (int32_t)displacement));
		return;
	}
	if (displacement)
		emit_rm(&t->e, 0x8d, width, HOST_R10, rm_memory(base, (int32_t)displacement));
	else
		emit_move(&t->e, width, HOST_R10, base);
}

static struct host_rm slot(const struct t1_reach *reach)
{
	return rm_state(offsetof(struct cpu, t1.group) + reach->group * 8u);
}

/* In a group of several, in the second translation: the address of the whole piece is in R10 behind it. */
static void grouped(struct t1_translation *t, struct t1_reach *reach)
{
	struct t1_group *group = &t->groups[reach->group];

	t1_flags_spill(t, t->needed[t->number]);
	reach->head = !group->open;
	reach->moved = (int32_t)(reach->at - group->low);
	if (reach->head) {
		group->open = true;
		address_emit(t, reach, reach->displacement - reach->moved);
		reach->back = emit_here(&t->e);
		t1_stub(t, t1_check(t, (unsigned)(group->high - group->low), group->write), T1_STUB_GROUP, reach);
		/* the address anew, so that what is looked up for the check is not on its way */
		t1_addend_load(t, group->write);
		address_emit(t, reach, reach->displacement - reach->moved);
		emit_rm(&t->e, 0x03, 8, HOST_R10, rm_register(HOST_R11));
		emit_store(&t->e, 8, slot(reach), HOST_R10);
		if (!t->t1->lockstep) {
			t->headed |= (uint16_t)BIT(reach->group);
			reach->site = t1_site(t);
			reach->rip = t->rip;
			reach->behind = (uint16_t)(t->block->count - t->number);
			reach->access = t1_access(t, (unsigned)(group->high - group->low), group->write);
		}
	} else if (!t->t1->lockstep) {
		if (t->held != reach->group)
			emit_load(&t->e, 8, HOST_R10, slot(reach));
	} else if (t->held == reach->group) {
		/* the address is there, if it is good; loading it would take its time */
		emit_op(&t->e, 0x83, 8, 7, slot(reach), 0, 1); /* cmp */
		emit8(&t->e, 0);
		t1_stub(t, emit_jcc(&t->e, CC_Z), T1_STUB_GROUP, reach);
	} else {
		emit_load(&t->e, 8, HOST_R10, slot(reach));
		emit_rm(&t->e, 0x85, 8, HOST_R10, rm_register(HOST_R10)); /* test */
		t1_stub(t, emit_jcc(&t->e, CC_Z), T1_STUB_GROUP, reach);
	}
	if (t->t1->lockstep) {
		reach->access = t1_access(t, reach->size, reach->write);
		if (reach->head && t1_site(t))
			t1_site(t)->heads |= (uint16_t)BIT(reach->group);
		reach->back = emit_here(&t->e);
	}
	t->displacement = reach->moved;
	t->indexed = false;
	/* a second access of this instruction may not rely on it otherwise */
	t->held = t->keeps ? reach->group : T1_NO_GROUP;
}

/* R10: the linear address of the piece less its tag, R11 its index.  In two pages: its block goes on without groups. In
 * one that neither level of the TLB has: T0 does this instruction. */
static void head_stub(struct t1_translation *t, const struct t1_reach *reach)
{
	const struct t1_group *group = &t->groups[reach->group];
	uint8_t *crosses;

	if (!reach->access)
		return;
	emit_rm(&t->e, 0x03, 8, HOST_R10, rm_state_at(HOST_R11, reach->access->tags));
	emit_rm(&t->e, 0x8d, 8, HOST_R11, rm_memory(HOST_R10, (int32_t)(group->high - group->low) - 1));
	emit_rm(&t->e, 0x33, 8, HOST_R11, rm_register(HOST_R10)); /* xor */
	emit_op(&t->e, 0xc1, 8, 5, rm_register(HOST_R11), 0, 1);  /* shr */
	emit8(&t->e, 12);
	crosses = emit_jcc(&t->e, CC_NZ);
	emit_constant(&t->e, HOST_R11, reach->access->what);
	emit_call(&t->e, t->t1->refill);
	emit_jcc_to(&t->e, CC_NZ, reach->back);
	t1_leave_slow(t, reach->site);
	emit_aim_here(&t->e, crosses);
	t1_leave_plain(t, reach->rip, reach->behind);
}

void t1_group_stub(struct t1_translation *t, struct t1_reach *reach)
{
	if (!t->t1->lockstep) {
		head_stub(t, reach);
		return;
	}
	if (reach->head)
		emit_store_immediate(&t->e, 8, slot(reach), 0);
	if (!reach->access)
		return;
	address_emit(t, reach, reach->displacement);
	reach->access->retry = emit_here(&t->e);
	t1_stub(t, t1_check(t, reach->size, reach->write), T1_STUB_MISS, reach->access);
	t1_host_add(t, reach->write);
	if (reach->moved)
		emit_rm(&t->e, 0x8d, 8, HOST_R10, rm_memory(HOST_R10, -reach->moved));
	emit_jump_to(&t->e, reach->back);
}

bool t1_segment_flat(const struct t1_translation *t, unsigned segment)
{
	if (t->insn->code64)
		return segment < CPU_FS;
	return t->flat && segment < CPU_FS && segment != CPU_CS;
}

/* What a register's value was made of: how often it has changed but by a constant. */
static uint32_t version(const struct t1_translation *t, unsigned reg)
{
	return reg == T1_NO_BASE ? 0 : t->versions[reg];
}

bool t1_reach_grouped(struct t1_translation *t, const struct t1_place *place, unsigned size, bool write, bool exact)
{
	int64_t lowest = place->displacement - SPAN_MAX; /* where its group may begin */
	bool bounded = false, byte = size == 1;
	struct t1_reach *reach;

	if (!t1_segment_flat(t, place->segment) || t->reach_count == T1_REACHES ||
		place->displacement != (int32_t)place->displacement || lowest != (int32_t)lowest ||
		in_slot(place->index))
		return false;
	reach = &t->reaches[t->reach_count++];
	if (t->grouped) {
		if (reach->group == T1_NO_GROUP)
			return false;
		if (t->groups[reach->group].hoisted) {
			t2_access(t, reach, place, exact);
			return true;
		}
		if (t->groups[reach->group].count < 2)
			return false;
		grouped(t, reach);
		return true;
	}
	if (t2_is_super(t->block) && place->index != T1_NO_BASE && t->bounds[place->index]) {
		bounded = true;
		size += (unsigned)t->bounds[place->index] << place->scale;
	}
	*reach = (struct t1_reach){ .base = place->base,
		.index = bounded ? T1_NO_BASE : place->index,
		.bounded = bounded,
		.align = t->align,
		.byte = byte,
		.scale = place->scale,
		.width = t->insn->code64 ? 8 : 4,
		.group = T1_NO_GROUP,
		.size = (uint16_t)size,
		.write = write,
		.version = (uint64_t)version(t, place->index) << 32 | version(t, place->base),
		.exits = (uint8_t)t->aside_count,
		.displacement = (int32_t)place->displacement,
		.at = place->displacement + t1_moved(t, place->base) +
			(bounded ? 0 : t1_moved(t, place->index) * (1 << place->scale)) };
	return false;
}

void t1_reach(
	struct t1_translation *t, unsigned base, int64_t displacement, unsigned segment, unsigned size, bool write)
{
	const struct t1_place place = {
		.base = (uint8_t)base, .index = T1_NO_BASE, .segment = (uint8_t)segment, .displacement = displacement
	};
	t->align = 0;
	struct t1_reach plain = { .base = (uint8_t)base, .index = T1_NO_BASE, .width = t->insn->code64 ? 8 : 4 };

	if (t1_reach_grouped(t, &place, size, write, true))
		return;
	address_emit(t, &plain, displacement);
	t1_lookup(t, segment, size, write);
}
