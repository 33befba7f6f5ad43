/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Both tiers side by side: T0 runs a block, all of that is undone, T1 runs it, and what came of it is compared.
 *
 * T0's outcome is what the guest goes on with.  What cannot be done twice - ports, devices, the time, writes to pages
 * that hold code - is run by T0 alone.
 */
#ifndef VMM_TRANSLATE_LOCKSTEP_H
#define VMM_TRANSLATE_LOCKSTEP_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/cpu/block.h"

/* Why something was not compared, or not all of a block. */
enum lockstep_reason {
	LOCKSTEP_INSTRUCTION,  /* ports, time, random numbers, control registers, far transfers */
	LOCKSTEP_DEVICE,       /* an access to a device or a hole */
	LOCKSTEP_TRACKED,      /* a write to a page that holds code, or is not to be written at all */
	LOCKSTEP_PAGES,        /* a write to more pages than the journal takes */
	LOCKSTEP_LOST,         /* the interpreter has done something that cannot be undone */
	LOCKSTEP_UNTRANSLATED, /* T1 makes no code of such blocks */
	LOCKSTEP_DECLINED,     /* T1 has left its first instruction to the interpreter */
	LOCKSTEP_OFTEN,        /* the block has been compared so often that one run in some is enough */
	LOCKSTEP_BUDGET,       /* less instructions than the block has were to be run */
	LOCKSTEP_REASONS,
};

struct lockstep_statistics {
	uint64_t blocks, instructions, differences;
	uint64_t not_compared[LOCKSTEP_REASONS];
};
const char *lockstep_reason_name(enum lockstep_reason reason);

struct lockstep_config {
	/* Between the two nobody else may write to the guest's memory.  May be NULL. */
	void (*hold)(void *self);
	void (*release)(void *self);
	/* A difference was found: some lines. */
	void (*report)(void *self, const char *text);
	void *self;
};

/* Give a CPU both tiers in lockstep; `cache` as for T1 alone.  0, -ENOMEM, or why the host lets nobody make code. */
int translator_lockstep_create(struct cpu *cpu, size_t cache, const struct lockstep_config *config);
void translator_lockstep_statistics(const struct cpu *cpu, struct lockstep_statistics *statistics);

/* ---- among its parts ---- */

struct t1_translation;

/* What translation found out about a block. */
struct lockstep_block {
	unsigned cut; /* the first instruction that cannot be done twice, or how many there are */
	/* Arithmetic flags that T1 has right before each instruction, and behind the last; and where it leads, if
	 * taken. */
	uint16_t before[BLOCK_INSNS + 1], taken[BLOCK_INSNS];
	/* Those that have surely been overwritten before each. */
	uint16_t set[BLOCK_INSNS + 1];
	/* Those that the manual leaves undefined there. */
	uint16_t undefined[BLOCK_INSNS + 1];
	bool vector; /* x87, vector registers or their state may change */
	uint32_t runs;
	bool told; /* a difference has been reported */
};
/* Would T1's code of the instruction store flags that the manual leaves undefined?  Then T0 is to be called, where the
 * comparison ends. */
bool lockstep_leaves(const struct t1_translation *t);
/* NULL: no room. */
struct lockstep_block *lockstep_note(struct t1_translation *t);

/* What a tier made of a block. */
struct lockstep_outcome {
	const struct cpu *cpu; /* its state; `instructions` is how many there have been */
	int status;
};
/* What differs, as lines, or 0 for nothing.  Returns how many bytes.  flags: the arithmetic ones to compare; vector:
 * x87 and vector registers, too. */
size_t lockstep_compare(const struct lockstep_outcome *t0, const struct lockstep_outcome *t1, uint32_t flags,
	bool vector, char *text, size_t size);
/* The same of a page of memory: what T0 left there, and T1. */
size_t lockstep_compare_page(const uint8_t *t0, const uint8_t *t1, const char *where, char *text, size_t size);
/* The block, in a line. */
size_t lockstep_block_text(const struct cpu *cpu, const struct block *block, char *text, size_t size);

#endif
