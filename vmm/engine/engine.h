/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The engine: one thread a virtual CPU, and all that reaches a CPU from outside.
 */
#ifndef VMM_ENGINE_ENGINE_H
#define VMM_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/cpu/cpu.h"
#include "vmm/cpu/statistics.h"
#include "vmm/engine/irq.h"
#include "vmm/event/clock.h"
#include "vmm/event/loop.h"
#include "vmm/memory/io.h"
#include "vmm/memory/space.h"

#define ENGINE_CPUS_MAX 1u /* until stores to code pages are shot down on other CPUs */

struct engine;

struct engine_config {
	struct machine_lock *lock;
	struct event_loop *loop;
	struct guest_clock *clock;
	struct timer_set *timers; /* on the guest clock */
	struct memory_space *memory;
	struct io_space *io;
	struct irq_lines *lines;
	unsigned cpu_count;
	const char *cpu_model; /* NULL: the default */
	uint64_t tsc_hz;       /* 0: the default */
	bool apic;
	bool mitigations; /* have guests take their own measures against speculation */
	bool translate;   /* with the block translator, T1; else the interpreter only */
	bool superblocks; /* and with T2 */
	bool lockstep;    /* both, one against the other */
	size_t cache;     /* bytes for translated code of each CPU */
	unsigned hot;     /* runs in the interpreter before a block is translated, to 255 */
	/* clock = instructions: guest time is counted, and the one virtual CPU's thread runs the timers. */
	bool count_instructions;
	uint64_t seed; /* of the guest's random numbers in that mode */
	/* A CPU has shut down (triple fault); on its thread, without the lock.  It stands still until INIT, NMI, SMI or
	 * a reset. */
	void (*shutdown)(void *self, unsigned cpu);
	/* SMIACT#: the first CPU enters system management mode, or the last one leaves it; FERR# of the boot processor.
	 * Machine lock.  May be NULL. */
	void (*smiact)(void *self, bool level);
	void (*ferr)(void *self, bool level);
	/* A CPU has stopped for a debugger (vmm/cpu/debugger.h); on its thread, without the lock.  All of them stand
	 * still until the next engine_pause() and engine_start().  May be NULL. */
	void (*debug)(void *self, unsigned cpu);
	void (*trace)(void *self, const char *text);
	/* The tiers do not agree; on the CPU's thread, with the lock. */
	void (*difference)(void *self, const char *text);
	void *self;
};

/* Makes the CPUs, stopped, in their power-on state.  0, -ENOMEM, -EINVAL (unknown model), -ENOTSUP. */
int engine_new(const struct engine_config *config, struct engine **engine);
void engine_free(struct engine *engine);

/* Let the CPUs run, and have them all out of guest code.  Without the machine lock, from one thread at a time. */
int engine_start(struct engine *engine);
void engine_pause(struct engine *engine);
/* Have the CPUs stand still until the next engine_pause() and engine_start(): one that asks for it itself, by an access
 * to a device, goes no further than that instruction.  Any thread. */
void engine_stand(struct engine *engine);
/* While paused. */
void engine_reset(struct engine *engine);
int engine_save(struct engine *engine, struct state_writer *writer);
int engine_load(struct engine *engine, struct state_reader *reader);
void engine_trace_set(struct engine *engine, uint32_t trace);

/* Any thread. */
void engine_intr(struct engine *engine, bool level);
void engine_message(struct engine *engine, uint64_t address, uint32_t data);
void engine_nmi(struct engine *engine);
void engine_smi(struct engine *engine);
void engine_ignne(struct engine *engine, bool level);
void engine_init(struct engine *engine);
void engine_a20(struct engine *engine, bool enabled);
void engine_flush(struct engine *engine);
void engine_random(struct engine *engine, void *data, uint64_t length);
uint64_t engine_instructions(const struct engine *engine);
/* Does it count them?  Translated code does under clock = instructions only. */
bool engine_counts(const struct engine *engine);
/* Time spent halted, in host ns, of all CPUs. */
uint64_t engine_idle(const struct engine *engine);
unsigned engine_count(const struct engine *engine); /* of CPUs */
/* What a CPU has counted; and the fastest tier in use. */
void engine_statistics(const struct engine *engine, unsigned cpu, statistics_each *each, void *self);
const char *engine_tier(const struct engine *engine);
/* The loop has something for the CPU's thread to run (clock = instructions). */
void engine_wake(struct engine *engine);
/* What `lockstep` has found so far: one line, and how many differences.  Without the machine lock, while paused. */
uint64_t engine_lockstep(const struct engine *engine, char *text, size_t size);
/* A CPU, for a debugger; only while paused. */
struct cpu *engine_cpu(struct engine *engine, unsigned index);

#endif
