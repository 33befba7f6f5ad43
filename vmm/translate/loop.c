/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Superblocks that are loops: what is looked up before the loop for many rounds of it.
 *
 * An access through registers that a round moves by constants only, or not at all, is in the same page round after
 * round, until the constants have added up.  Such accesses have no check.  Before the loop t2_enter() looks each group
 * of them up, finds out for how many rounds all stay in their pages, and says what a register is then (cpu->t1.limit);
 * a comparison at the end of a round leads back to it.  Where a group cannot be looked up, rounds with checks follow:
 * the superblock is there twice.
 *
 * What is looked up is good until the loop is left: whatever changes mappings asks for notice (a poll at the end of
 * each round), or is done by T0 for an instruction of the loop, which t1_slow() leaves if anything was flushed.
 */
#include "vmm/cpu/mode.h"
#include "vmm/translate/t1.h"

#define SPAN_MAX       256  /* of a group in a round */
#define STRIDE_MAX     256  /* more than that leaves the page too soon */
#define HOISTED        12u  /* groups; T1_GROUPS are all that there are */
#define TABLE_MAX      2048 /* of a table whose index is bounded */
#define ROUNDS_MIN     8    /* fewer are not worth the look */
#define ROUNDS_CHECKED 64   /* before the next one, where one was in vain */

#define STATE(member) rm_state(offsetof(struct cpu, member))

/* ---- before the loop ---- */

__attribute__((target("general-regs-only"))) static bool group_enter(
	struct cpu *cpu, const struct t2_loop *loop, const struct t2_group *group, uint64_t *slot, uint64_t *rounds)
{
	uint64_t mask = loop->width == 8 ? UINT64_MAX : UINT32_MAX, linear = 0, first, last, room;
	struct cpu_tlb *tlb = cpu->tlb;
	const struct tlb_entry *entry;

	if (group->base != T1_NO_BASE)
		linear += cpu->gpr[group->base] & mask;
	if (group->index != T1_NO_BASE)
		linear += (cpu->gpr[group->index] & mask) << group->scale;
	linear += (uint64_t)(int64_t)group->low;
	first = linear & mask;
	last = first + (uint64_t)(group->high - group->low) - 1;
	if ((first ^ last) >> 12 || (first + (uint64_t)(int64_t)group->align_at) & group->align)
		return false;
	entry = group->write ? tlb->write[loop->kind] : tlb->read[loop->kind];
	entry += (first >> 12) % TLB_SIZE;
	if (entry->tag != (first & ~0xfffull) && !t1_refill(cpu, first, T1_REFILL(1, group->write, loop->kind)))
		return false;
	/* code adds what the registers are, which is not cut to 32 bits */
	*slot = entry->addend + (first - linear);
	if (group->folded)
		*slot += cpu->gpr[group->base];
	if (group->shift)
		room = (0xfff - (last & 0xfff)) >> group->shift;
	else if (group->stride > 0)
		room = (0xfff - (last & 0xfff)) / (uint64_t)group->stride;
	else if (group->stride < 0)
		room = (first & 0xfff) / (uint64_t)-group->stride;
	else
		return true;
	if (room + 1 < *rounds)
		*rounds = room + 1;
	return true;
}

/* 32-bit addresses are added up as 64-bit ones, so that registers may not come round.  False: one has. */
__attribute__((target("general-regs-only"))) static bool register_enter(
	const struct cpu *cpu, const struct t2_register *reg, uint64_t *rounds)
{
	int64_t value = (int64_t)cpu->gpr[reg->number], low, high, most;

	if (value >> 32)
		return false;
	low = value + reg->low;
	high = UINT32_MAX - (value + reg->high);
	if (low < 0 || high < 0)
		return false;
	if (!reg->step)
		return true;
	most = (reg->step > 0 ? high / reg->step : low / -reg->step) + 1;
	if ((uint64_t)most < *rounds)
		*rounds = (uint64_t)most;
	return true;
}

__attribute__((target("general-regs-only"))) static bool loop_enter(
	struct cpu *cpu, const struct t2_loop *loop, uint64_t *rounds)
{
	for (unsigned i = 0; i < loop->count; i++)
		if (!group_enter(cpu, loop, &loop->groups[i], &cpu->t1.group[i], rounds))
			return false;
	for (unsigned i = 0; i < loop->registers_count; i++)
		if (!register_enter(cpu, &loop->registers[i], rounds))
			return false;
	return true;
}

__attribute__((target("general-regs-only"))) uint64_t t2_enter(struct cpu *cpu, struct t2_loop *loop)
{
	struct t1_statistics *counts = &t1_of(cpu)->statistics;
	uint64_t rounds = UINT64_MAX;

	counter_add(&counts->looked_up, 1);
	if (!loop_enter(cpu, loop, &rounds) || rounds < ROUNDS_MIN) {
		counter_add(&counts->not_found, 1);
		cpu->t1.missed = false;
		loop->retry = ROUNDS_CHECKED;
		return 0;
	}
	if (loop->control != T1_NO_BASE) {
		cpu->t1.limit = cpu->gpr[loop->control] + rounds * (uint64_t)loop->step;
		if (loop->width == 4)
			cpu->t1.limit &= UINT32_MAX;
	}
	return 1;
}

/* ---- which accesses ---- */

/* Has it changed by constants only? */
static bool is_steady(const struct t1_translation *t, unsigned reg)
{
	return reg == T1_NO_BASE || t->versions[reg] == 0;
}

/* Can its alignment be checked before the loop, with that of the group's others? */
static void align(struct t1_group *group, struct t1_reach *reach, int64_t stride)
{
	if (!reach->align || stride & reach->align)
		return;
	if (!group->align) {
		group->align = reach->align;
		group->align_at = reach->at;
	}
	if (reach->align <= group->align && !((reach->at - group->align_at) & reach->align))
		reach->align = 0;
}

/* It is the same for all of the path. */
static bool is_constant(const struct t1_translation *t, unsigned reg)
{
	return reg != T1_NO_BASE && t->versions[reg] == 0 && t->moved_low[reg] == 0 && t->moved_high[reg] == 0;
}

void t2_hoist(struct t1_translation *t)
{
	t->level_wanted = t->level;
	t->x87_wanted = t->x87;
	for (unsigned i = 0; i < t->reach_count; i++) {
		struct t1_reach *reach = &t->reaches[i];
		int64_t stride = t1_moved(t, reach->base) + t1_moved(t, reach->index) * (1 << reach->scale);
		int64_t span = reach->bounded ? TABLE_MAX : SPAN_MAX;
		unsigned found = 0;

		if (!is_steady(t, reach->base) || !is_steady(t, reach->index) || stride > STRIDE_MAX ||
			stride < -STRIDE_MAX || reach->at - SPAN_MAX != (int32_t)(reach->at - SPAN_MAX) ||
			reach->size > span || (reach->bounded && stride))
			continue;
		while (found < t->hoisted_count && !t1_group_fits(&t->groups[found], reach, span))
			found++;
		if (found == t->hoisted_count) {
			if (found == HOISTED)
				continue;
			t->groups[t->hoisted_count++] = (struct t1_group){ .base = reach->base,
				.index = reach->index,
				.scale = reach->scale,
				.low = reach->at,
				.high = reach->at,
				.folded = is_constant(t, reach->base),
				.hoisted = true };
		}
		t1_group_join(&t->groups[found], reach);
		align(&t->groups[found], reach, stride);
		reach->group = (uint8_t)found;
	}
}

/* ---- code ---- */

/* A register that tells the rounds: one that an access moves with. */
static unsigned control(const struct t1_translation *t)
{
	for (unsigned i = 0; i < t->hoisted_count; i++) {
		const struct t1_group *group = &t->groups[i];

		if (t1_moved(t, group->base))
			return group->base;
		if (t1_moved(t, group->index))
			return group->index;
	}
	return T1_NO_BASE;
}

static struct t2_loop *loop_describe(struct t1_translation *t)
{
	struct t2_loop *loop = t1_data(t, sizeof(*loop) + t->hoisted_count * sizeof(loop->groups[0]));

	if (!loop)
		return NULL;
	loop->count = (uint8_t)t->hoisted_count;
	loop->width = t->block->insns[0].code64 ? 8 : 4;
	loop->kind = (uint8_t)((uint32_t)(t->block->context >> 32) >> MODE_KIND_SHIFT & MODE_KIND_MASK);
	loop->control = T1_NO_BASE;
	for (unsigned i = 0; i < t->hoisted_count; i++) {
		const struct t1_group *group = &t->groups[i];

		loop->groups[i] = (struct t2_group){ .base = group->base,
			.index = group->index,
			.scale = group->scale,
			.write = group->write,
			.folded = group->folded,
			.align = group->align,
			.align_at = (int32_t)(group->align_at - group->low),
			.low = (int32_t)group->low,
			.high = (int32_t)group->high };
	}
	return loop;
}

/* Before the first instruction; the first time nothing is known yet. */
void t2_begin(struct t1_translation *t)
{
	t->number = 0;
	t->insn = &t->block->insns[0];
	t->rip = t->block->rip;
	t->next = t->rip + t->insn->length;
	if (t->checked) {
		/* it is the other one that leads here */
		t->level = t->level_wanted;
		t->x87 = t->x87_wanted;
		t->loop_body = emit_here(&t->e);
		emit_aim_here(&t->e, t->loop_refused);
		return;
	}
	t->loop = NULL;
	if (t->grouped) {
		if (t->level_wanted)
			t1_level_require(t, t->level_wanted);
		if (t->x87_wanted)
			t1_level_require(t, T1_LIVE_X87);
		if (t->hoisted_count)
			t->loop = loop_describe(t);
	}
	t->loop_enter = emit_here(&t->e);
	if (t->loop) {
		emit_rm(&t->e, 0x8d, 8, HOST_R10, rm_near(t->loop));
		emit_call(&t->e, t->t1->loop_enter);
		t->loop_refused = emit_jcc(&t->e, CC_Z);
	}
	t->loop_body = emit_here(&t->e);
}

static void register_set(const struct t1_translation *t, unsigned reg, uint32_t *known)
{
	struct t2_loop *loop = t->loop;

	if (reg == T1_NO_BASE || *known >> reg & 1)
		return;
	*known |= 1u << reg;
	loop->registers[loop->registers_count++] = (struct t2_register){ .number = (uint8_t)reg,
		.low = (int32_t)t->moved_low[reg],
		.high = (int32_t)t->moved_high[reg],
		.step = t->moved[reg] };
}

/* The registers have moved by now, so that strides are known. */
static void strides_set(struct t1_translation *t)
{
	struct t2_loop *loop = t->loop;
	uint32_t known = 0;

	for (unsigned i = 0; i < loop->count && loop->width == 4; i++) {
		register_set(t, loop->groups[i].base, &known);
		register_set(t, loop->groups[i].index, &known);
	}

	for (unsigned i = 0; i < loop->count; i++) {
		struct t2_group *group = &loop->groups[i];

		group->stride = t1_moved(t, group->base) + t1_moved(t, group->index) * (1 << group->scale);
		if (group->stride > 1 && !(group->stride & (group->stride - 1)))
			group->shift = (uint8_t)__builtin_ctzll((uint64_t)group->stride);
	}
	loop->control = (uint8_t)control(t);
	loop->step = t1_moved(t, loop->control);
}

void t2_back(struct t1_translation *t)
{
	t->rip = UINT64_MAX; /* wherever it leads is a way back */
	t1_flags_spill(t, t->live_out);
	if (t->checked) {
		emit_op(&t->e, 0x83, 4, 5, rm_near(&t->loop->retry), 0, 1); /* sub */
		emit8(&t->e, 1);
		emit_jcc_to(&t->e, CC_Z, t->loop_enter);
	} else if (t->loop) {
		unsigned width = t->loop->width;

		strides_set(t);
		if (t->loop->control != T1_NO_BASE) {
			unsigned host = t1_in(t, t->loop->control, HOST_R11);

			emit_rm(&t->e, 0x3b, width, host, STATE(t1.limit)); /* cmp */
			emit_jcc_to(&t->e, CC_Z, t->loop_enter);
		}
	}
	t1_loop_close(t, t->loop_body);
	t->left = true;
}

/* Half of it in R11 where that is free. */
void t2_access(struct t1_translation *t, const struct t1_reach *reach, const struct t1_place *place, bool exact)
{
	const struct t1_group *group = &t->groups[reach->group];
	struct host_rm slot = rm_state(offsetof(struct cpu, t1.group) + reach->group * 8u);
	unsigned base = place->base, index = place->index, scale = place->scale, host;

	/* what is known to leave R10 alone leaves flags alone, too, but for its own */
	if (!t->keeps)
		t1_flags_spill(t, t->needed[t->number]);
	t->align = reach->align;
	t->displacement = (int32_t)place->displacement;
	t->indexed = !exact;
	if (group->folded)
		base = T1_NO_BASE;
	if (base == T1_NO_BASE) {
		base = index;
		index = T1_NO_BASE;
	} else {
		scale = 0;
	}
	/* what is left is one register, or none, and maybe an index, which is in a host register */
	if (t->indexed && base != T1_NO_BASE && index == T1_NO_BASE && t1_host(base) != T1_SLOT && !reach->byte) {
		emit_load(&t->e, 8, HOST_R11, slot);
		t->base = HOST_R11;
		t->index = (uint8_t)t1_host(base);
		t->scale = (uint8_t)scale;
		return;
	}
	t->held = T1_NO_GROUP;
	t->indexed = false;
	emit_load(&t->e, 8, HOST_R10, slot);
	if (base != T1_NO_BASE) {
		host = t1_in(t, base, HOST_R11);
		emit_rm(&t->e, 0x8d, 8, HOST_R10, rm_indexed(HOST_R10, host, scale, 0));
	}
	if (index != T1_NO_BASE)
		emit_rm(&t->e, 0x8d, 8, HOST_R10, rm_indexed(HOST_R10, t1_host(index), place->scale, 0));
}
