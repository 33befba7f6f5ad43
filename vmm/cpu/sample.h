/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Where the guest is, when somebody asks with CPU_REQUEST_SAMPLE.
 *
 * A request is seen at the next poll, so the code that ran until there is what a sample names: a CPU that is at a RET
 * has spent its time in the function that returns, not in the one that it returns to.
 */
#ifndef VMM_CPU_SAMPLE_H
#define VMM_CPU_SAMPLE_H

#include "vmm/cpu/cpu.h"

struct insn;

#define SAMPLE_FRAMES 64u

struct cpu_sample {
	uint64_t cr3;                    /* without its flags */
	uint8_t bits;                    /* of the code: 16, 32, 64 */
	bool user;                       /* at privilege level 3 */
	uint8_t count;                   /* of addresses */
	uint64_t address[SAMPLE_FRAMES]; /* linear: of what runs, then those that its callers go on at */
};

static inline bool sample_wanted(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->request, __ATOMIC_RELAXED) & CPU_REQUEST_SAMPLE;
}

/* Take the request, and tell the bus that code at `rip` of that context was running.  `last`: the instruction that is
 * to run (RIP is `rip`) or was the last to (RIP is not); NULL: not known.  Own thread, between instructions. */
void sample_take(struct cpu *cpu, uint64_t rip, uint64_t context, const struct insn *last);

#endif
