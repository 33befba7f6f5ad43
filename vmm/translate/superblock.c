/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Superblocks, T2: from a loop that goes round often, the path that it takes.
 *
 * T1 counts a block's jumps backwards within its page.  When one has been made often, the interpreter runs the loop for
 * some rounds, and what it ran is noted.  If rounds go the same way, the instructions of one become a block of its own,
 * whose jumps lead out of the path where the loop would leave it; loop.c looks up before the loop what it can.  Only
 * the jump back that was counted leads there, so that T1's code of the loop is still there for all others.
 */
#include <errno.h>
#include <limits.h>

#include "vmm/cpu/decode.h"
#include "vmm/cpu/mode.h"
#include "vmm/translate/t1.h"

#define ROUNDS_SAME 40u  /* the same way, one after the other: what is shorter does not pay */
#define ROUNDS_MAX  200u /* that are looked at */
#define ATTEMPTS    6u

/* ---- counting ---- */

#define COUNTER_LENGTH 13 /* SUB dword [RIP + d], 1 and JS */

void t2_count(struct t1_translation *t, struct t1_exit *exit)
{
	if (!t->t1->hot2 || t->t1->lockstep || t2_is_super(t->block))
		return;
	exit->left = (int32_t)t->t1->hot2;
	exit->counter = t->e.at;
	emit_op(&t->e, 0x83, 4, 5, rm_near(&exit->left), 0, 1); /* sub */
	emit8(&t->e, 1);
	t1_stub(t, emit_jcc(&t->e, CC_S), T1_STUB_HOT, exit);
}

/* Nothing is to be counted any more: instructions that do nothing (SDM vol. 2B, NOP, table 4-12). */
static void counter_remove(const struct t1_exit *exit)
{
	static const uint8_t nop7[] = { 0x0f, 0x1f, 0x80, 0, 0, 0, 0 }, nop6[] = { 0x66, 0x0f, 0x1f, 0x44, 0, 0 };

	_Static_assert(sizeof(nop7) + sizeof(nop6) == COUNTER_LENGTH, "they take the counter's place");
	memcpy(exit->counter, nop7, sizeof(nop7));
	memcpy(exit->counter + sizeof(nop7), nop6, sizeof(nop6));
}

/* Another time, if it is not too often. */
static void put_off(const struct t1 *t1, struct t1_exit *exit)
{
	if (++exit->attempts >= ATTEMPTS)
		counter_remove(exit);
	else
		exit->left = (int32_t)t1->hot2 << exit->attempts;
}

void t2_hot(struct t1 *t1, struct t1_exit *exit)
{
	struct t2_recorder *recorder = &t1->recorder;

	exit->left = INT32_MAX;
	if (exit->taken) /* it leads to a superblock already */
		return;
	recorder->exit = exit;
	recorder->path.count = recorder->last.count = 0;
	recorder->rounds = recorder->same = 0;
	counter_add(&t1->statistics.recordings, 1);
}

/* ---- making one ---- */

/* May it be in a path? */
static bool suits(const struct cpu *cpu, const struct insn *insn)
{
	struct t1_effect effect;

	if (!t1_effect(cpu, insn).native || t1_system_effect(insn, &effect) || t1_repeat_effect(insn, &effect))
		return false;
	if (t1_is_control(insn))
		return t1_is_conditional(insn) || insn->opcode == 0xe9 || insn->opcode == 0xeb;
	return !insn_ends_block(insn);
}

static struct block *block_make(struct t1 *t1, const struct block *head, unsigned count)
{
	size_t insns = sizeof(struct block) + count * sizeof(struct insn);
	size_t size = (insns + count * sizeof(uint64_t) + 15) & ~(size_t)15;
	struct block *block = (void *)(t1->data + t1->data_used);

	if (t1->data_size - t1->data_used < size)
		return NULL;
	t1->data_used += size;
	memset(block, 0, size);
	block->physical = head->physical;
	block->rip = head->rip;
	block->context = head->context;
	block->version_at = head->version_at;
	block->version = head->version;
	block->layout = head->layout;
	block->bytes = head->bytes;
	block->count = (uint16_t)count;
	block->addresses = (const uint64_t *)(const void *)((const uint8_t *)block + insns);
	return block;
}

/* Is it a path that leads from each instruction to the next, and from the last to the first? */
static bool is_closed(const struct cpu *cpu, const struct block *block)
{
	for (unsigned i = 0; i < block->count; i++) {
		const struct insn *insn = &block->insns[i];
		uint64_t next = (block->addresses[i] + insn->length) & cpu->ip_mask;
		uint64_t to = block->addresses[i + 1u < block->count ? i + 1u : 0];
		bool jumps = t1_is_conditional(insn) || insn->opcode == 0xe9 || insn->opcode == 0xeb;
		bool always = jumps && !t1_is_conditional(insn);

		if (!suits(cpu, insn) || (to != next && !(jumps && to == t1_target(insn, next))) ||
			(always && to != t1_target(insn, next)))
			return false;
	}
	return true;
}

/* The block of a path, or NULL: it cannot be one. */
static struct block *path_block(struct t1 *t1, const struct cpu *cpu, const struct t2_path *path)
{
	const struct block *head = path->steps[0].block;
	unsigned count = 0, at = 0;
	struct block *block;
	uint64_t *addresses;

	for (unsigned i = 0; i < path->count; i++)
		count += path->steps[i].instructions;
	if (count > T2_INSNS || !(block = block_make(t1, head, count)))
		return NULL;
	addresses = (uint64_t *)(void *)((uint8_t *)block + sizeof(*block) + count * sizeof(struct insn));
	for (unsigned i = 0; i < path->count; i++) {
		const struct block *from = path->steps[i].block;
		uint64_t rip = from->rip;

		if (from->version != head->version || from->version_at != head->version_at)
			return NULL;
		for (unsigned j = 0; j < path->steps[i].instructions; j++) {
			block->insns[at] = from->insns[j];
			addresses[at++] = rip;
			rip = (rip + from->insns[j].length) & cpu->ip_mask;
		}
	}
	return is_closed(cpu, block) ? block : NULL;
}

/* Make the superblock, and have the jump back lead to it. */
static void loop_make(struct t1 *t1, struct cpu *cpu, struct t1_exit *exit, const struct t2_path *path)
{
	struct emit e = { .execute = t1->code - t1->writable };
	size_t data_used = t1->data_used;
	struct block *block = path_block(t1, cpu, path);

	if (!block || __atomic_load_n(block->version_at, __ATOMIC_ACQUIRE) != block->version ||
		t1_translate(t1, cpu, block)) {
		/* where there was no room the next block will say so */
		t1->data_used = data_used;
		counter_remove(exit);
		return;
	}
	t1_block_list(t1, block); /* it is in one page */
	exit->taken = true;
	emit_aim(&e, exit->distance, block->code);
	counter_add(&t1->statistics.superblocks, 1);
}

/* ---- recording ---- */

/* The loop was left: another time. */
static bool strayed(struct t1 *t1)
{
	struct t1_exit *exit = t1->recorder.exit;

	t1->recorder.exit = NULL;
	put_off(t1, exit);
	return false;
}

static bool path_equal(const struct t2_path *a, const struct t2_path *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++)
		if (a->steps[i].block != b->steps[i].block || a->steps[i].instructions != b->steps[i].instructions)
			return false;
	return true;
}

/* It is where it began.  Is there to be another round? */
static bool round_ended(struct t1 *t1, struct cpu *cpu)
{
	struct t2_recorder *recorder = &t1->recorder;
	struct t1_exit *exit = recorder->exit;

	recorder->same = path_equal(&recorder->path, &recorder->last) ? recorder->same + 1 : 0;
	recorder->last = recorder->path;
	recorder->path.count = 0;
	recorder->rounds++;
	if (recorder->same < ROUNDS_SAME && recorder->rounds < ROUNDS_MAX)
		return true;
	recorder->exit = NULL;
	if (recorder->same >= ROUNDS_SAME)
		loop_make(t1, cpu, exit, &recorder->last);
	else
		counter_remove(exit);
	return false;
}

bool t2_record(struct t1 *t1, struct cpu *cpu, const struct block *block)
{
	struct t2_recorder *recorder = &t1->recorder;
	struct t2_path *path = &recorder->path;
	const struct t1_exit *exit = recorder->exit;

	if (block->crosses || !block_page_shared(block, exit->block))
		return strayed(t1);
	if (path->count) {
		uint64_t ran = cpu->instructions - recorder->instructions;

		if (ran == 0 || ran > path->steps[path->count - 1].block->count)
			return strayed(t1);
		path->steps[path->count - 1].instructions = (unsigned)ran;
		if (block->rip == exit->rip && !round_ended(t1, cpu))
			return false;
	} else if (block->rip != exit->rip) {
		return strayed(t1);
	}
	if (path->count == T2_BLOCKS)
		return strayed(t1);
	path->steps[path->count++].block = block;
	recorder->instructions = cpu->instructions;
	return true;
}
