/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What a debugger on the host sees and does: breakpoints, watchpoints and single steps that the guest knows nothing of.
 *
 * Its breakpoints change no guest memory and no debug register.  All of it belongs to the CPU's thread, or to whoever
 * has the CPU stand still.
 */
#ifndef VMM_CPU_DEBUGGER_H
#define VMM_CPU_DEBUGGER_H

#include "vmm/cpu/block.h"

#define DEBUGGER_POINTS 256u

enum debugger_kind { DEBUGGER_EXEC, DEBUGGER_WRITE, DEBUGGER_READ, DEBUGGER_ACCESS };

enum debugger_reason {
	DEBUGGER_NONE,
	DEBUGGER_STEPPED,     /* the instruction that was asked for has run */
	DEBUGGER_BREAKPOINT,  /* RIP is at a breakpoint, whose instruction has not run */
	DEBUGGER_WATCH_WRITE, /* the instruction before RIP accessed watched memory */
	DEBUGGER_WATCH_READ,
	DEBUGGER_WATCH_ACCESS,
};

struct cpu_debugger {
	struct {
		uint64_t address, length; /* linear */
		enum debugger_kind kind;
	} points[DEBUGGER_POINTS];
	unsigned count, code_count;
	bool step;
	/* `instructions` and RIP when it was resumed: what stands there runs, breakpoint or not. */
	uint64_t resumed, resumed_rip;
	enum debugger_reason reason;
	uint64_t address; /* of a watchpoint's access */
};

/* Set or remove a breakpoint (length 1) or watchpoint.  0, -ENOMEM, -ENOSPC (too many), -EINVAL, or -ENOENT. */
int debugger_point(struct cpu *cpu, enum debugger_kind kind, uint64_t linear, uint64_t length, bool add);
/* Before the CPU goes on: to the next stop, or over one instruction, during which it takes no interrupt. */
int debugger_resume(struct cpu *cpu, bool step);
/* Memory as the CPU sees it at a linear address, without marking or faulting; false where nothing is mapped.  Devices
 * are not asked: they read as zeros.  A write reaches RAM only, write-protected or not. */
bool debugger_memory(struct cpu *cpu, uint64_t linear, void *data, uint64_t length, bool write);
/* The same by physical address. */
void debugger_physical(struct cpu *cpu, uint64_t physical, void *data, uint64_t length, bool write);

/* In the run loop. */
/* How many of the block's first `limit` instructions may run before a breakpoint. */
unsigned debugger_limit(const struct cpu *cpu, const struct block *block, unsigned limit);
/* A data access was made. */
void debugger_data(struct cpu *cpu, uint64_t linear, unsigned size, bool write);

static inline bool debugger_stepping(const struct cpu *cpu)
{
	return cpu->debugger && cpu->debugger->step;
}
static inline bool debugger_stopped(const struct cpu *cpu)
{
	return cpu->debugger && cpu->debugger->reason != DEBUGGER_NONE;
}
static inline bool debugger_watches(const struct cpu *cpu)
{
	return cpu->debugger && cpu->debugger->count > cpu->debugger->code_count;
}

#endif
