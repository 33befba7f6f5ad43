/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The cache of decoded blocks (docs/engine.md, "Blocks").
 */
#ifndef VMM_CPU_BLOCK_H
#define VMM_CPU_BLOCK_H

#include <stddef.h>

#include "vmm/cpu/insn.h"

#define BLOCK_INSNS 32u

struct block {
	/* The key. */
	uint64_t physical, rip, context;
	/* Where the bytes' version stands, and what it was when they were decoded. */
	const uint32_t *version_at;
	uint32_t version;
	uint16_t count;  /* of instructions */
	uint16_t length; /* in bytes */
	uint64_t layout; /* of struct cpu_blocks: version_at is good while they are equal */
	struct block *chain;
	/* Where control went from here within the page. */
	struct {
		uint64_t rip;
		struct block *block;
	} link[2];
	const uint8_t *bytes; /* as decoded */
	/* A translator's. */
	const void *code, *code_old; /* what was made last, and before that */
	struct block *page_chain;    /* blocks with code whose pages' versions have one hash */
	uint32_t code_version;       /* the version it was made from */
	uint32_t stale_at;           /* behind the start of its code: the stub that says it must not run */
	const uint64_t *addresses;   /* of its instructions, if it is a superblock, whose path is not straight */
	void *check;                 /* what a check knows of it (lockstep.h of vmm/translate) */
	uint32_t code_size;          /* in bytes */
	uint8_t heat, discards;
	bool listed; /* in a page_chain */
	/* An instruction that crosses into another page is a block of its own. */
	bool crosses;
	const uint32_t *version2_at;
	uint32_t version2;
	uint64_t physical2;
	uint32_t code_version2;
	struct t1_exit *guard; /* a translator's: has the second page moved? */
	struct block *plain;   /* a translator's: the same block, for code without groups */
	bool is_plain;         /* it is one of those */
	struct block *whole;   /* it only stands in a page_chain for another, which lies in that page too */
	struct insn insns[];
};

struct block_jump {
	uint64_t rip, context, epoch;
	struct block *block;
};

#define BLOCK_JUMPS 4096u

struct cpu_blocks {
	struct block_jump jumps[BLOCK_JUMPS]; /* by virtual IP; void when the TLB's epoch moves on */
	struct block *table[32768];
	uint8_t *arena;
	uint64_t used, size;
	unsigned insns_max; /* in a block */
	uint64_t layout;
	struct block *scratch; /* for what must not be cached */
	/* Counters (statistics.h). */
	uint64_t decoded, resets, full, discarded;
	uint64_t interpreted; /* blocks that T0 has run where there is a translator */
};

struct cpu_blocks *blocks_create(void); /* NULL: out of memory */
/* Have room for so many bytes of decoded instructions, and forget all that there are.  0 or -ENOMEM. */
int blocks_resize(struct cpu *cpu, size_t size);
void blocks_destroy(struct cpu_blocks *blocks);
/* Forget all blocks. */
void blocks_reset(struct cpu *cpu);
/* The memory layout changed: look every page up again before a block of it is used. */
void blocks_layout_changed(struct cpu *cpu);

/* The block at RIP, decoded now if need be.  NULL: an exception was raised. */
struct block *block_find(struct cpu *cpu);
/* The same, by way of `previous`, the block that has just run, if it can be (run.c). */
struct block *block_next(struct cpu *cpu, struct block *previous);

/* Do they lie in one page, physical and virtual, in the same mode? */
static inline bool block_page_shared(const struct block *a, const struct block *b)
{
	uint64_t base = (uint32_t)a->context;

	return a->context == b->context && !((a->physical ^ b->physical) >> 12) &&
		!(((a->rip + base) ^ (b->rip + base)) >> 12);
}

/* May it be entered by a link or jump entry, as far as its bytes go? */
static inline bool block_current(const struct cpu_blocks *blocks, const struct block *block)
{
	return block->layout == blocks->layout &&
		__atomic_load_n(block->version_at, __ATOMIC_ACQUIRE) == block->version && !block->crosses;
}

#endif
