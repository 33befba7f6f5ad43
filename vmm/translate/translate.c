/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * One decoded block to host code.
 *
 * Exact blocks begin with two checks: that the page's version is the one it was made from, and that all of its
 * instructions may run.  What can leave in between does so through stubs behind the block, which tell the fixed code
 * where.
 */
#include <errno.h>

#include "vmm/cpu/decode.h"
#include "vmm/cpu/mode.h"
#include "vmm/translate/lockstep.h"
#include "vmm/translate/t1.h"

void *t1_data(struct t1_translation *t, size_t size)
{
	struct t1 *t1 = t->t1;
	void *data = t1->data + t1->data_used;

	size = (size + 15) & ~(size_t)15;
	if (t1->data_size - t1->data_used < size) {
		t->failed = true;
		return NULL;
	}
	t1->data_used += size;
	memset(data, 0, size);
	return data;
}

void t1_leave_slow(struct t1_translation *t, const struct t1_site *site)
{
	emit_rm(&t->e, 0x8d, 8, HOST_R10, rm_near(site));
	emit_jump_to(&t->e, t->t1->slow);
}

/* Have T0 do the instruction. */
static void call_interpreter(struct t1_translation *t)
{
	struct t1_site *site = t1_site(t);

	if (!site)
		return;
	t1_flags_spill(t, t->needed[t->number]);
	t1_leave_slow(t, site);
	/* t1_slow() leaves the flags in both places. */
	t->host = t->memory = t->image = true;
	t->recipe.kind = 0;
}

/* Forget what a half-made translation of one instruction has written. */
struct mark {
	uint8_t *at;
	unsigned stub_count;
	bool host, memory, image;
	struct t1_recipe recipe;
	uint8_t level;
	bool x87;
	unsigned access_count, reach_count;
};

static struct mark mark_take(const struct t1_translation *t)
{
	return (struct mark){ t->e.at, t->stub_count, t->host, t->memory, t->image, t->recipe, t->level, t->x87,
		t->access_count, t->reach_count };
}

static void mark_return(struct t1_translation *t, const struct mark *mark)
{
	t->e.at = mark->at;
	t->stub_count = mark->stub_count;
	t->host = mark->host;
	t->memory = mark->memory;
	t->image = mark->image;
	t->recipe = mark->recipe;
	t->level = mark->level;
	t->x87 = mark->x87;
	t->access_count = mark->access_count;
	t->reach_count = mark->reach_count;
}

static void instruction(struct t1_translation *t)
{
	const struct t1_effect effect = *t1_effect_now(t);
	struct mark mark = mark_take(t);
	bool done = false, control = t1_is_control(t->insn);

	t->site = NULL;
	t->headed = 0;
	t1_group_begin(t);
	if (effect.native && !(t->t1->lockstep && lockstep_leaves(t))) {
		if (effect.reads || (effect.touches && LIVE_ANY(t->live) & ~effect.sets))
			t1_flags_require(t);
		if (control)
			done = t1_control(t);
		else
			done = t1_scalar(t) || t1_repeat(t) || t1_system(t) || t1_vector(t) || t1_x87(t) ||
				(!t->insn->vex && (t1_integer(t) || t1_move(t) || t1_stack(t)));
	}
	if (!done) {
		for (; t->headed; t->headed &= (uint16_t)(t->headed - 1))
			t->groups[__builtin_ctz(t->headed)].open = false;
		mark_return(t, &mark);
		call_interpreter(t);
	}
	if (t->site && t->headed) {
		/* T0 has not looked up what the others rely on */
		t1_stub(t, NULL, T1_STUB_RESUME, t->site);
	} else if (t->site) {
		t->site->resume = emit_here(&t->e);
		t->site->vector_kept = t->level != T1_LIVE_NONE;
		t->site->x87_kept = t->x87;
	}
	t1_registers_note(t, done);
}

static void prologue(struct t1_translation *t, uint8_t **stale, uint8_t **budget)
{
	const struct block *block = t->block;

	if (!t->t1->exact)
		return;
	emit_constant(&t->e, HOST_R10, (uintptr_t)block->version_at);
	emit_group1(&t->e, 7, 4, rm_memory(HOST_R10, 0), block->version);
	*stale = emit_jcc(&t->e, CC_NZ);
	emit_op(&t->e, 0x83, 8, 5, rm_state(offsetof(struct cpu, t1.left)), 0, 1);
	emit8(&t->e, block->count);
	*budget = emit_jcc(&t->e, CC_L);
}

static void block_stub(struct t1_translation *t, uint8_t *distance, const void *target)
{
	if (distance)
		emit_aim_here(&t->e, distance);
	emit_constant(&t->e, HOST_R10, (uintptr_t)t->block);
	emit_jump_to(&t->e, target);
}

/* Fill the TLB from its second level and look again; else T0 does the instruction. */
static void miss_stub(struct t1_translation *t, const struct t1_access *access)
{
	struct emit *e = &t->e;

	emit_rm(e, 0x03, 8, HOST_R10, rm_state_at(HOST_R11, access->tags));
	emit_constant(e, HOST_R11, access->what);
	emit_call(e, t->t1->refill);
	emit_jcc_to(e, CC_NZ, access->retry);
	t1_leave_slow(t, access->site);
}

/* A routine may help, and then it goes on there; else it is C's. */
static void help_stub(struct t1_translation *t, const struct t1_site *site, const void *routine, const void *resume)
{
	emit_call(&t->e, routine);
	emit_jcc_to(&t->e, CC_Z, resume);
	t1_leave_slow(t, site);
}

static void stubs(struct t1_translation *t)
{
	const struct t1 *t1 = t->t1;

	for (unsigned i = 0; i < t->stub_count; i++) {
		const struct t1_stub *stub = &t->stubs[i];
		const void *const targets[] = { [T1_STUB_SITE] = t1->slow,
			[T1_STUB_LINK] = t1->link,
			[T1_STUB_POLL] = t1->poll,
			[T1_STUB_HOT] = t1->loop_hot,
			[T1_STUB_VECTOR] = t1->vector };
		const uint8_t *here = emit_here(&t->e);

		if (stub->kind == T1_STUB_RESUME) {
			struct t1_site *site = stub->subject;

			site->resume = here;
			t1_leave_next(t, site);
			continue;
		}
		emit_aim(&t->e, stub->distance, here);
		/* one stub for all jumps to the same subject */
		for (unsigned j = i + 1; j < t->stub_count; j++) {
			if (t->stubs[j].subject != stub->subject || t->stubs[j].kind != stub->kind)
				continue;
			emit_aim(&t->e, t->stubs[j].distance, here);
			t->stubs[j] = t->stubs[--t->stub_count];
			j--;
		}
		if (stub->kind == T1_STUB_MISS) {
			miss_stub(t, stub->subject);
			continue;
		}
		if (stub->kind == T1_STUB_GROUP) {
			t1_group_stub(t, stub->subject);
			continue;
		}
		if (stub->kind == T1_STUB_JUMP) {
			/* the target may be in the other half of the table */
			help_stub(t, stub->subject, t1->jump, ((const struct t1_site *)stub->subject)->jump);
			continue;
		}
		if (stub->kind == T1_STUB_FLAGS) {
			help_stub(t, stub->subject, t1->flags, ((const struct t1_site *)stub->subject)->resume);
			continue;
		}
		emit_rm(&t->e, 0x8d, 8, HOST_R10, rm_near(stub->subject));
		emit_jump_to(&t->e, targets[stub->kind]);
	}
}

/* Flags that matter behind the block. */
static uint32_t live_out(struct t1_translation *t)
{
	if (t2_is_super(t->block))
		return t1_live_at(t, t->block->rip);

	const struct insn *last = &t->block->insns[t->block->count - 1];
	uint64_t next = t->block->rip + t->block->length;
	uint64_t target = t1_target(last, next);

	if (!t1_is_control(last))
		return insn_ends_block(last) ? CPU_FLAGS_ARITHMETIC : t1_live_at(t, next);
	switch (last->opcode) {
	case 0xc2:
	case 0xc3:
	case 0xff: return CPU_FLAGS_ARITHMETIC;
	case 0xe8:
	case 0xe9:
	case 0xeb: return t1_live_at(t, target);
	default: return t1_live_at(t, target) | t1_live_at(t, next);
	}
}

/* Code segments that are neither 4 GiB nor a whole 64 KiB have limits to check at each branch. */
static bool block_fit(const struct block *block)
{
	uint32_t mode = (uint32_t)(block->context >> 32);

	return mode & (MODE_CODE64 | MODE_LIMIT_4G) || (mode & MODE_LIMIT_64K && !(mode & MODE_CODE32));
}

/* From the block's start to its last stub. */
static int pass(struct t1_translation *t, uint8_t *start)
{
	struct block *block = t->block;
	uint8_t *stale = NULL, *budget = NULL;

	t->e.at = start;
	prologue(t, &stale, &budget);
	t->next = block->rip;
	t->held = T1_NO_GROUP;
	if (block->crosses)
		block->guard = t1_guard(t);
	if (t2_is_super(block))
		t2_begin(t);
	for (unsigned i = 0; i < block->count; i++) {
		t->number = i;
		t->insn = &block->insns[i];
		t->rip = t2_is_super(block) ? block->addresses[i] : t->next;
		t->next = (t->rip + t->insn->length) & t->cpu->ip_mask;
		t->live = i + 1 < block->count ? t->needed[i + 1] : t->live_out;
		instruction(t);
		if (t->failed)
			return -ENOSPC;
	}
	if (t2_is_super(block)) {
		t2_back(t);
	} else if (!t->left) {
		t1_flags_spill(t, t->live_out);
		t1_leave_to(t, t->next);
	}
	t1_asides(t);
	if (!t->checked) {
		block->stale_at = (uint32_t)(t->e.at - start);
		block_stub(t, stale, t->t1->stale);
	}
	if (t->t1->exact)
		block_stub(t, budget, t->t1->budget);
	stubs(t);
	return t->failed ? -ENOSPC : 0;
}

/* For the second time, knowing what accesses there are. */
static void again(struct t1_translation *t, size_t data_used)
{
	t->t1->data_used = data_used;
	t->host = t->image = t->left = t->x87 = false;
	t->recipe.kind = 0;
	t->memory = t->grouped = true;
	t->level = T1_LIVE_NONE;
	t->stub_count = t->access_count = t->aside_count = t->reach_count = 0;
	memset(t->moved, 0, sizeof(t->moved));
	memset(t->moved_low, 0, sizeof(t->moved_low));
	memset(t->moved_high, 0, sizeof(t->moved_high));
	memset(t->versions, 0, sizeof(t->versions));
	memset(t->bounds, 0, sizeof(t->bounds));
}

int t1_translate(struct t1 *t1, struct cpu *cpu, struct block *block)
{
	struct t1_translation t = { .t1 = t1, .cpu = cpu, .block = block, .memory = true };
	uint8_t *start = t1->writable + t1->code_used;
	size_t data_used = t1->data_used;
	int error;

	if (!block_fit(block))
		return -EAGAIN;
	/* a block's worst case, and its stubs */
	if (t1->code_size - t1->code_used <
		((block->count + 4u) * EMIT_ROOM + T1_STUBS * 128) * (t2_is_super(block) ? 2 : 1))
		return -ENOSPC;
	t.e.execute = t1->code - t1->writable;
	t.flat = block->context >> 32 & MODE_FLAT;
	t.live_out = live_out(&t);
	/* The look at what follows may have raised nothing, but asks for notice of changes from now on. */
	t1_liveness(&t);
	error = pass(&t, start);
	if (!error && t2_is_super(block))
		t2_hoist(&t);
	if (!error && !block->is_plain && !block->crosses && (t1_groups_make(&t) || t2_is_super(block))) {
		again(&t, data_used);
		error = pass(&t, start);
		if (!error && t.loop) {
			t.checked = true;
			t.hoisted_count = 0;
			for (unsigned i = 0; i < t.reach_count; i++)
				t.reaches[i].group = T1_NO_GROUP;
			t1_groups_make(&t);
			again(&t, t1->data_used);
			error = pass(&t, t.e.at);
		}
	}
	if (error)
		return error;
	if (t1->lockstep && !(block->check = lockstep_note(&t)))
		return -ENOSPC;
	block->code = t1->code + t1->code_used;
	block->code_version = block->version;
	block->code_version2 = block->version2;
	t1->code_used = ((size_t)(t.e.at - t1->writable) + 15) & ~(size_t)15;
	t1_count_block(t1, block, (size_t)(t.e.at - start));
	return 0;
}
