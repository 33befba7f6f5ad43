/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What the run loop knows of a translator: it may run a block, and those it leads to, instead of the interpreter.
 */
#ifndef VMM_CPU_TRANSLATOR_H
#define VMM_CPU_TRANSLATOR_H

#include <stdbool.h>

#include "vmm/cpu/cpu.h"
#include "vmm/cpu/statistics.h"

struct block;

#define TRANSLATOR_NOTHING (-1) /* it has run nothing: the interpreter is to */
#define TRANSLATOR_AGAIN   (-2) /* look the block at RIP up anew */

struct cpu_translator {
	bool crosses; /* it takes instructions that lie in two pages, too */
	/* Run from the start of the block at RIP.  What instruction handlers return (insn.h), for the last instruction
	 * that ran, or one of the above.  *previous: the last block, if it is known. */
	int (*run)(struct cpu *cpu, struct block *block, struct block **previous);
	/* Code pages have changed: cpu->code_changed says which, and is cleared. */
	void (*changed)(struct cpu *cpu);
	/* What is known of the page at this linear address is void: its translation may have changed. */
	void (*dropped)(struct cpu *cpu, uint64_t linear);
	/* All blocks have been forgotten. */
	void (*forget)(struct cpu *cpu);
	void (*destroy)(struct cpu *cpu);
	/* What it has counted.  Any thread. */
	void (*statistics)(const struct cpu *cpu, statistics_each *each, void *self);
};

/* Requests that would do something as things stand (run.c). */
uint32_t cpu_heeded(const struct cpu *cpu);
/* There is nothing to be done between two instructions, and what `attention` may have been raised for is no more. */
bool cpu_quiet(const struct cpu *cpu);

/* Room behind struct cpu that a translator may address from it. */
#define TRANSLATOR_ROOM (1088u << 10)
void *translator_room(struct cpu *cpu);

#endif
