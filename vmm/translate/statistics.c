/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/translate/statistics.h"

#include <stdio.h>
#include <stdlib.h>

#include "vmm/translate/t1.h"
#include "vmm/translate/translate.h"

#define OPCODES_TOP 15u

/* ---- instructions by opcode ---- */

/* Opcodes where ModRM's reg field says which instruction it is (SDM vol. 2D, table A-6). */
static bool opcode_is_group(const struct insn *insn)
{
	if (insn->vex)
		return insn->opcode == 0x1ae || insn->opcode == 0x2f3 ||
			(insn->opcode >= 0x171 && insn->opcode <= 0x173);
	switch (insn->opcode) {
	case 0x80 ... 0x83:
	case 0x8f:
	case 0xc0:
	case 0xc1:
	case 0xc6:
	case 0xc7:
	case 0xd0 ... 0xd3:
	case 0xd8 ... 0xdf:
	case 0xf6:
	case 0xf7:
	case 0xfe:
	case 0xff:
	case 0x100:
	case 0x101:
	case 0x118:
	case 0x171 ... 0x173:
	case 0x1ae:
	case 0x1ba:
	case 0x1c7: return true;
	default: return false;
	}
}

/* Never 0.  Bits: opcode 0-15, reg 16-18, it counts 19, prefix 66 20, F2 or F3 21-22, VEX or EVEX 23-24. */
static uint64_t opcode_key(const struct insn *insn)
{
	uint64_t key = insn->opcode | 1ull << 32;

	if (opcode_is_group(insn))
		key |= 1u << 19 | (insn->modrm >> 3 & 7u) << 16;
	/* as a size, 66h makes no other instruction of it */
	if (insn->opcode >= 0x110 && insn->prefix66)
		key |= 1u << 20;
	if (insn->rep)
		key |= (insn->rep == 0xf2 ? 1u : 2u) << 21;
	return key | (uint64_t)insn->vex << 23;
}

static void key_text(uint64_t key, char text[static T1_OPCODE_TEXT])
{
	static const char *const coded[] = { "", "vex ", "evex ", "" }, *const prefixes[] = { "", "f2 ", "f3 ", "" };
	static const char *const maps[] = { "", "0f ", "0f38 ", "0f3a " };
	unsigned map = (unsigned)(key >> 8) & 0xff;
	char other[12], reg[4] = "";

	snprintf(other, sizeof(other), "map%u ", map);
	if (key >> 19 & 1)
		snprintf(reg, sizeof(reg), " /%u", (unsigned)(key >> 16) & 7);
	snprintf(text, T1_OPCODE_TEXT, "%s%s%s%s%02x%s", coded[key >> 23 & 3], key >> 20 & 1 ? "66 " : "",
		prefixes[key >> 21 & 3], map < 4 ? maps[map] : other, (unsigned)key & 0xff, reg);
}

void t1_opcode_text(const struct insn *insn, char text[static T1_OPCODE_TEXT])
{
	key_text(opcode_key(insn), text);
}

void t1_count_opcode(struct t1_statistics *statistics, const struct insn *insn)
{
	uint64_t key = opcode_key(insn);
	unsigned at = (unsigned)(key * 0x9e3779b97f4a7c15ull >> 54) % T1_OPCODES;

	for (unsigned tries = 0; tries < 16; tries++, at = (at + 1) % T1_OPCODES) {
		struct t1_opcode *entry = &statistics->opcodes[at];

		if (!entry->key)
			counter_set(&entry->key, key);
		if (entry->key == key) {
			counter_add(&entry->count, 1);
			return;
		}
	}
	counter_add(&statistics->opcodes_lost, 1);
}

static int opcode_compare(const void *a, const void *b)
{
	const struct t1_opcode *left = a, *right = b;

	return (left->count < right->count) - (left->count > right->count);
}

void t1_opcodes_top(
	const struct t1_statistics *statistics, unsigned count, const char *group, statistics_each *each, void *self)
{
	struct t1_opcode *opcodes = malloc(sizeof(statistics->opcodes));
	unsigned used = 0;

	if (!opcodes)
		return;
	for (unsigned i = 0; i < T1_OPCODES; i++) {
		opcodes[used].key = counter_read(&statistics->opcodes[i].key);
		opcodes[used].count = counter_read(&statistics->opcodes[i].count);
		if (opcodes[used].key && opcodes[used].count)
			used++;
	}
	qsort(opcodes, used, sizeof(*opcodes), opcode_compare);
	for (unsigned i = 0; i < used && i < count; i++) {
		char text[T1_OPCODE_TEXT];

		key_text(opcodes[i].key, text);
		each(self, group, text, opcodes[i].count);
	}
	free(opcodes);
}

/* ---- what happens ---- */

void t1_count_block(struct t1 *t1, struct block *block, size_t size)
{
	block->code_size = (uint32_t)size;
	counter_add(&t1->statistics.blocks, 1);
	counter_add(&t1->statistics.code_bytes, size);
	counter_set(&t1->statistics.code_used, t1->code_used);
	counter_set(&t1->statistics.data_used, t1->data_used);
}

void t1_count_emptied(struct t1 *t1)
{
	counter_add(&t1->statistics.resets, 1);
	counter_set(&t1->statistics.code_used, t1->code_used);
	counter_set(&t1->statistics.data_used, t1->data_used);
}

/* T0 does an instruction: since there is no code for it, or since its access missed the TLB. */
void t1_count_slow(struct t1_statistics *statistics, struct cpu *cpu, const struct insn *insn)
{
	if (cpu->t1.missed) {
		cpu->t1.missed = false;
		counter_add(&statistics->missed, 1);
		return;
	}
	counter_add(&statistics->slow, 1);
	t1_count_opcode(statistics, insn);
}

void t1_count_leave(struct t1_statistics *statistics, enum t1_leave why)
{
	uint64_t *const counters[] = { [T1_LINK] = &statistics->link,
		[T1_POLL] = &statistics->poll,
		[T1_STALE] = &statistics->stale,
		[T1_BUDGET] = &statistics->budget,
		[T1_HOT] = &statistics->hot,
		[T1_SITE] = &statistics->left };

	counter_add(counters[why], 1);
}

/* ---- what there is ---- */

void translator_t1_code(const struct cpu *cpu, translator_each *each, void *self)
{
	const struct t1 *t1 = (const struct t1 *)(const void *)cpu->translator;
	const struct cpu_blocks *blocks = cpu->blocks;

	if (!t1)
		return;
	each(self, t1->code, t1->code_fixed, NULL);
	for (size_t i = 0; i < sizeof(blocks->table) / sizeof(blocks->table[0]); i++)
		for (const struct block *block = blocks->table[i]; block; block = block->chain)
			if (block->code)
				each(self, block->code, block->code_size, block);
}

/* ---- all of it ---- */

void t1_statistics(const struct cpu *cpu, statistics_each *each, void *self)
{
#define ROW(group, name, member) \
	{ \
		group, name, offsetof(struct t1_statistics, member) \
	}
	static const struct statistics_row rows[] = {
		ROW("translator", "code_bytes_used", code_used),
		ROW("translator", "data_bytes_used", data_used),
		ROW("translator", "cache_emptied", resets),
		ROW("translator", "cache_emptied_when_full", full),
		ROW("translator", "blocks_translated", blocks),
		ROW("translator", "bytes_translated", code_bytes),
		ROW("translator", "blocks_discarded", discards),
		ROW("translator", "links_made", links),
		ROW("translator", "runs", runs),
		ROW("exits", "interpreted", slow),
		ROW("exits", "tlb_misses", missed),
		ROW("exits", "links_wanted", link),
		ROW("exits", "requests", poll),
		ROW("exits", "stale_blocks", stale),
		ROW("exits", "budget", budget),
		ROW("exits", "flags_wanted", flags),
		ROW("exits", "blocks_left_by_those", left),
		ROW("exits", "gone_on_elsewhere", elsewhere),
		ROW("exits", "hot_loops", hot),
		ROW("exits", "vector_loads", vector),
		ROW("exits", "x87_loads", x87),
		ROW("exits", "loads_refused", refused),
		ROW("exits", "reloads_after_c", reloaded),
		ROW("superblocks", "recordings", recordings),
		ROW("superblocks", "made", superblocks),
		ROW("superblocks", "look_ups", looked_up),
		ROW("superblocks", "look_ups_in_vain", not_found),
	};
#undef ROW
	const struct t1 *t1 = (const struct t1 *)(const void *)cpu->translator;

	each(self, "translator", "code_bytes", t1->code_size);
	each(self, "translator", "data_bytes", t1->data_size);
	statistics_table(rows, sizeof(rows) / sizeof(rows[0]), &t1->statistics, each, self);
	t1_opcodes_top(&t1->statistics, OPCODES_TOP, "interpreted", each, self);
}
