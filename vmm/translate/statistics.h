/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What T1 counts, always in C: translated code knows nothing of it.
 */
#ifndef VMM_TRANSLATE_STATISTICS_H
#define VMM_TRANSLATE_STATISTICS_H

#include "vmm/cpu/insn.h"
#include "vmm/cpu/statistics.h"

/* Instructions that T0 has done for translated code, by opcode: a hash table. */
#define T1_OPCODES 1024u
struct t1_opcode {
	uint64_t key; /* 0: empty */
	uint64_t count;
};

struct t1_statistics {
	uint64_t blocks, code_bytes, links, discards;
	uint64_t code_used, data_used;
	uint64_t resets, full;                                  /* of the code cache: all, those for want of room */
	uint64_t runs;                                          /* entries from the run loop */
	uint64_t recordings, superblocks, looked_up, not_found; /* of T2 (loop.c) */
	/* Why translated code was left for C. */
	uint64_t slow, missed, flags, link, poll, hot, stale, budget, left, elsewhere, vector, x87, refused;
	uint64_t reloaded; /* vector state, after C in the middle of a block */
	uint64_t opcodes_lost;
	struct t1_opcode opcodes[T1_OPCODES];
};

/* T0 does this one for translated code. */
void t1_count_opcode(struct t1_statistics *statistics, const struct insn *insn);
/* The most frequent ones, as text and count. */
void t1_opcodes_top(
	const struct t1_statistics *statistics, unsigned count, const char *group, statistics_each *each, void *self);
#define T1_OPCODE_TEXT 32u
void t1_opcode_text(const struct insn *insn, char text[static T1_OPCODE_TEXT]);
/* struct cpu_translator's. */
void t1_statistics(const struct cpu *cpu, statistics_each *each, void *self);

#endif
