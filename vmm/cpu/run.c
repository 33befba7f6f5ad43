/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The run loop: events at instruction boundaries, then blocks.
 */
#include "vmm/cpu/access.h"
#include "vmm/cpu/apic.h"
#include "vmm/cpu/block.h"
#include "vmm/cpu/debug.h"
#include "vmm/cpu/debugger.h"
#include "vmm/cpu/exception.h"
#include "vmm/cpu/flags.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/sample.h"
#include "vmm/cpu/segment.h"
#include "vmm/cpu/smm.h"
#include "vmm/cpu/statistics.h"
#include "vmm/cpu/trace.h"
#include "vmm/cpu/translator.h"

#define REQUEST_APIC_STATE (CPU_REQUEST_APIC | CPU_REQUEST_TIMER)

enum outcome { OUTCOME_ON, OUTCOME_REQUEST, OUTCOME_HALT, OUTCOME_SHUTDOWN, OUTCOME_DEBUG };

static uint32_t requests(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->request, __ATOMIC_ACQUIRE);
}

static bool extint_open(const struct cpu *cpu)
{
	return !cpu->apic || apic_extint_open(cpu->apic);
}

/* What would be delivered now: the local APIC's vector, else the 8259's.  -1: nothing. */
static int interrupt_take(struct cpu *cpu)
{
	if (cpu->apic && apic_pending(cpu->apic) >= 0)
		return apic_acknowledge(cpu->apic);
	if (requests(cpu) & CPU_REQUEST_INTR && extint_open(cpu))
		return cpu->bus.acknowledge(cpu->bus.self);
	return -1;
}

static void sipi_take(struct cpu *cpu)
{
	uint8_t vector = __atomic_load_n(&cpu->sipi_vector, __ATOMIC_RELAXED);

	if (!cpu->wait_sipi)
		return; /* ignored unless INIT came before */
	cpu->wait_sipi = false;
	segment_load_real(cpu, CPU_CS, (uint16_t)(vector << 8));
	cpu->rip = 0;
}

/* Requests that change the CPU's surroundings, before anything is delivered. */
static void requests_apply(struct cpu *cpu, uint32_t taken)
{
	cpu_request_clear(cpu, taken);
	if (taken & CPU_REQUEST_A20) {
		if (!cpu->in_smm)
			cpu->a20_mask = __atomic_load_n(&cpu->a20_mask_next, __ATOMIC_ACQUIRE);
		tlb_flush(cpu, true);
	}
	if (taken & CPU_REQUEST_CODE && cpu->translator)
		cpu->translator->changed(cpu);
	if (taken & CPU_REQUEST_FLUSH) {
		tlb_flush_direct(cpu);
		blocks_layout_changed(cpu);
	}
	if (taken & REQUEST_APIC_STATE && cpu->apic)
		apic_update(cpu->apic);
	if (taken & CPU_REQUEST_SAMPLE)
		sample_take(cpu, cpu->rip, cpu->context, NULL);
	if (taken & CPU_REQUEST_INIT)
		cpu_reset(cpu, true);
	if (taken & CPU_REQUEST_SIPI)
		sipi_take(cpu);
}

/* What waits until RSM, latched. */
static uint32_t requests_held(const struct cpu *cpu)
{
	return cpu->in_smm ? CPU_REQUEST_SMI | CPU_REQUEST_INIT : 0;
}

/* Requests that are not interrupts.  An SMI waits out the shadow of STI and MOV SS, as it may (SDM vol. 2B, STI), and
 * goes before INIT. */
static uint32_t requests_take(struct cpu *cpu)
{
	const uint32_t surroundings = CPU_REQUEST_A20 | CPU_REQUEST_FLUSH | CPU_REQUEST_CODE | REQUEST_APIC_STATE |
		CPU_REQUEST_SAMPLE;

	for (;;) {
		uint32_t now = requests(cpu) & ~requests_held(cpu), apply = now & surroundings;
		bool smi = now & CPU_REQUEST_SMI && !cpu->wait_sipi && !cpu->interrupt_shadow;

		if (!smi)
			apply = now & (surroundings | CPU_REQUEST_INIT | CPU_REQUEST_SIPI);
		if (apply)
			requests_apply(cpu, apply);
		if (smi) {
			cpu_request_clear(cpu, CPU_REQUEST_SMI);
			smm_enter(cpu);
			continue; /* SMIACT# has changed what lies where */
		}
		if (!(apply & CPU_REQUEST_SIPI && now & CPU_REQUEST_SMI))
			return now;
	}
}

/* A virtual interrupt is pending, and virtual interrupts are on: the monitor is to deliver it (SDM vol. 3B, 20.3.2 and
 * 20.4).  Instructions that would make it so fault themselves; IRET and a task switch to such a program do not. */
static bool virtual_interrupt(const struct cpu *cpu)
{
	if (likely((~cpu->rflags & (CPU_FLAG_VIF | CPU_FLAG_VIP)) != 0) || cpu->cpl != 3 || cpu_iopl(cpu) == 3)
		return false;
	return cpu->cr4 & (cpu_v86(cpu) ? CPU_CR4_VME : CPU_CR4_PVI);
}

/* Between two instructions (SDM vol. 3A, table 6-2). */
static enum outcome events(struct cpu *cpu)
{
	uint32_t now;
	int vector;

	cpu->attention = false;
	now = requests_take(cpu);
	if (now & CPU_REQUEST_EXIT) {
		cpu_request_clear(cpu, CPU_REQUEST_EXIT);
		cpu->attention = true;
		return OUTCOME_REQUEST;
	}
	if (cpu->wait_sipi)
		return OUTCOME_HALT;
	if (cpu->shutdown && (!(now & CPU_REQUEST_NMI) || cpu->nmi_blocked))
		return OUTCOME_HALT;
	cpu->shutdown = false;
	if (cpu->frozen && __atomic_load_n(&cpu->ignne, __ATOMIC_ACQUIRE))
		cpu->frozen = false;
	if (cpu->pending_db && !cpu->shadow_ss) {
		cpu->halted = cpu->frozen = false;
		if (!trap_deliver(cpu))
			return OUTCOME_SHUTDOWN;
	}
	if (now & CPU_REQUEST_NMI && !cpu->nmi_blocked && !cpu->shadow_ss) {
		cpu_request_clear(cpu, CPU_REQUEST_NMI);
		cpu->nmi_blocked = true;
		cpu->halted = cpu->frozen = false;
		if (!interrupt_deliver(cpu, CPU_NMI, INTERRUPT_EXTERNAL))
			return OUTCOME_SHUTDOWN;
	} else if (cpu->rflags & CPU_FLAG_IF && !cpu->interrupt_shadow && !(debugger_stepping(cpu) && !cpu->halted)) {
		vector = interrupt_take(cpu);
		if (vector >= 0) {
			cpu->halted = cpu->frozen = false;
			if (!interrupt_deliver(cpu, (unsigned)vector, INTERRUPT_EXTERNAL))
				return OUTCOME_SHUTDOWN;
		}
	}
	if (virtual_interrupt(cpu)) {
		cpu->halted = cpu->frozen = false;
		cpu_raise_error(cpu, CPU_GP, 0);
		return exception_deliver(cpu) ? OUTCOME_ON : OUTCOME_SHUTDOWN;
	}
	if (!cpu->halted && !cpu->frozen)
		return OUTCOME_ON;
	/* HLT in the shadow of STI: the shadow ended with it. */
	if (cpu->interrupt_shadow) {
		cpu->interrupt_shadow = cpu->shadow_ss = false;
		return events(cpu);
	}
	return OUTCOME_HALT;
}

/* Requests that can do nothing as things stand; what changes that sets `attention`. */
static uint32_t requests_ignored(const struct cpu *cpu)
{
	uint32_t ignored = requests_held(cpu);

	if (!(cpu->rflags & CPU_FLAG_IF) || !extint_open(cpu))
		ignored |= CPU_REQUEST_INTR;
	if (cpu->nmi_blocked)
		ignored |= CPU_REQUEST_NMI;
	return ignored;
}

uint32_t cpu_heeded(const struct cpu *cpu)
{
	return ~requests_ignored(cpu);
}

bool cpu_quiet(const struct cpu *cpu)
{
	if (requests(cpu) & cpu_heeded(cpu) || cpu->pending_db || cpu->interrupt_shadow || cpu->slow || cpu->halted ||
		cpu->frozen || cpu->shutdown || cpu->wait_sipi || cpu->debugger)
		return false;
	if (cpu->rflags & CPU_FLAG_IF && cpu->apic && apic_pending(cpu->apic) >= 0)
		return false;
	return !virtual_interrupt(cpu);
}

bool cpu_wakes(struct cpu *cpu)
{
	uint32_t now = requests(cpu) & ~requests_held(cpu);

	if (now & (CPU_REQUEST_INIT | CPU_REQUEST_EXIT))
		return true;
	if (cpu->wait_sipi)
		return now & CPU_REQUEST_SIPI;
	if (cpu->shutdown)
		return now & CPU_REQUEST_SMI || (now & CPU_REQUEST_NMI && !cpu->nmi_blocked);
	if (cpu->frozen && __atomic_load_n(&cpu->ignne, __ATOMIC_ACQUIRE))
		return true;
	if ((!cpu->halted && !cpu->frozen) || cpu->pending_db || now & CPU_REQUEST_SMI ||
		(now & CPU_REQUEST_NMI && !cpu->nmi_blocked))
		return true;
	if (now & REQUEST_APIC_STATE && cpu->apic)
		apic_update(cpu->apic);
	if (!(cpu->rflags & CPU_FLAG_IF))
		return false;
	if (cpu->apic && apic_pending(cpu->apic) >= 0)
		return true;
	return now & CPU_REQUEST_INTR && extint_open(cpu);
}

/* Run the first `limit` instructions of a block, as far as they go. */
static inline int block_run(struct cpu *cpu, const struct block *block, unsigned limit)
{
	const struct insn *insn = block->insns, *end = insn + limit;
	uint64_t rip = cpu->rip, mask = cpu->ip_mask, count = cpu->instructions;

	do {
		uint64_t next = (rip + insn->length) & mask;
		int status;

		cpu->rip = rip;
		cpu->next_rip = next;
		cpu->instructions = count;
		status = insn->execute(cpu, insn);
		if (unlikely(status != CPU_OK)) {
			if (status == CPU_END) {
				cpu->rip = cpu->next_rip;
				cpu->instructions = count + 1;
			}
			return status;
		}
		rip = next;
		count++;
	} while (++insn < end && likely(!cpu->block_end));
	cpu->rip = rip;
	cpu->instructions = count;
	return CPU_OK;
}

/* An exception, or what is raised like one. */
static enum outcome fault_apply(struct cpu *cpu)
{
	switch (cpu->exception.vector) {
	case CPU_FREEZE: cpu->frozen = cpu->attention = true; return OUTCOME_ON;
	case CPU_SHUTDOWN: return OUTCOME_SHUTDOWN;
	default: return exception_deliver(cpu) ? OUTCOME_ON : OUTCOME_SHUTDOWN;
	}
}

/* What follows an instruction or block that did not simply succeed. */
static enum outcome status_apply(struct cpu *cpu, int status)
{
	switch (status) {
	case CPU_FAULT:
		/* What the instruction did before it faulted will be done, and trapped, again. */
		cpu->pending_db = 0;
		return fault_apply(cpu);
	case CPU_REPEAT:
		/* Taken between two iterations, an interrupt pushes RF (SDM vol. 3B, 17.3.1.1). */
		cpu->rflags |= CPU_FLAG_RF;
		return OUTCOME_ON;
	default: return OUTCOME_ON;
	}
}

static void block_end_apply(struct cpu *cpu)
{
	if (cpu->block_end) {
		cpu->block_end = false;
		if (cpu->pending_db)
			cpu->attention = true;
	}
}

/* The block at RIP, by way of the block that has just run if it can be. */
struct block *block_next(struct cpu *cpu, struct block *previous)
{
	struct cpu_blocks *blocks = cpu->blocks;
	uint64_t rip = cpu->rip, resets = blocks->resets;
	const struct block_jump *jump;
	struct block *block;
	unsigned slot;

	/* Links know nothing of odd limits. */
	if (!(cpu->context >> 32 & MODE_LIMITS))
		previous = NULL;
	if (previous && previous->context == cpu->context) {
		if (previous->link[0].rip == rip && (block = previous->link[0].block) && block_current(blocks, block))
			return block;
		if (previous->link[1].rip == rip && (block = previous->link[1].block) && block_current(blocks, block))
			return block;
	}
	jump = &blocks->jumps[(rip ^ rip >> 12) % BLOCK_JUMPS];
	if (jump->rip == rip && jump->epoch == cpu->tlb->epoch && jump->context == cpu->context && jump->block &&
		block_current(blocks, jump->block)) {
		block = jump->block;
	} else {
		block = block_find(cpu);
		if (!block || blocks->resets != resets)
			return block;
	}
	if (previous && !block->crosses && block_page_shared(previous, block)) {
		slot = rip == previous->rip + previous->length ? 0 : 1;
		previous->link[slot].rip = rip;
		previous->link[slot].block = block;
	}
	return block;
}

/* CPU_REQUEST_SAMPLE, behind a block of the interpreter's: the time was spent in it, whether it ran to its end or not.
 */
static void sample_block(struct cpu *cpu, const struct block *block)
{
	bool whole = cpu->rip - block->rip >= block->length;

	sample_take(cpu, block->rip, block->context, whole ? &block->insns[block->count - 1] : NULL);
}

/* One instruction, with everything that can stand before and behind it. */
static enum outcome run_slow(struct cpu *cpu)
{
	bool shadow = cpu->shadow_ss, single_step = cpu->rflags & CPU_FLAG_TF;
	const struct block *block;
	uint32_t hits;
	int status;

	cpu->interrupt_shadow = cpu->shadow_ss = false;
	cpu->attention = true;
	if (!(cpu->rflags & CPU_FLAG_RF) && !shadow) {
		hits = debug_code(cpu, (cpu->fast[CPU_CS].base + cpu->rip) & cpu->linear_mask);
		if (hits) {
			cpu_raise(cpu, CPU_DB);
			cpu->exception.dr6 = hits;
			return exception_deliver(cpu) ? OUTCOME_ON : OUTCOME_SHUTDOWN;
		}
	}
	block = block_next(cpu, NULL);
	if (!block)
		return exception_deliver(cpu) ? OUTCOME_ON : OUTCOME_SHUTDOWN;
	if (unlikely(cpu->debugger) && !debugger_limit(cpu, block, 1)) {
		cpu->debugger->reason = DEBUGGER_BREAKPOINT;
		return OUTCOME_DEBUG;
	}
	if (cpu->trace & CPU_TRACE_EXEC)
		trace_instruction(cpu, block->bytes, &block->insns[0]);
	cpu->rflags &= ~(uint64_t)CPU_FLAG_RF;
	status = block_run(cpu, block, 1);
	if (single_step && status != CPU_FAULT) {
		unsigned opcode = block->insns[0].opcode;

		/* INT and its like end single-stepping on their way in, SYSCALL does where IA32_FMASK says so. */
		if (!(opcode >= 0xcc && opcode <= 0xce) && opcode != 0xf1 && opcode != 0x105)
			cpu->pending_db |= DR6_BS;
		else if (cpu->rflags & CPU_FLAG_TF)
			cpu->pending_db |= DR6_BS;
	}
	block_end_apply(cpu);
	return status_apply(cpu, status);
}

static enum outcome run_blocks(struct cpu *cpu)
{
	uint32_t heeded = cpu_heeded(cpu);
	struct block *previous = NULL;

	for (;;) {
		uint64_t left = cpu->budget_end - cpu->instructions;
		struct block *block;
		unsigned limit;
		int status;

		if (unlikely(!left))
			return OUTCOME_ON;
		block = block_next(cpu, previous);
		if (unlikely(!block))
			return exception_deliver(cpu) ? OUTCOME_ON : OUTCOME_SHUTDOWN;
		if (cpu->translator && (!block->crosses || cpu->translator->crosses)) {
			cpu->t1.heeded = heeded;
			cpu->rflags &= ~(uint64_t)CPU_FLAG_RF;
			status = cpu->translator->run(cpu, block, &previous);
			/* IF may have changed without a word */
			heeded = cpu->t1.heeded;
			if (status == TRANSLATOR_AGAIN)
				continue;
			if (status != TRANSLATOR_NOTHING)
				goto ran;
		}
		limit = likely(block->count <= left) ? block->count : (unsigned)left;
		if (unlikely(cpu->debugger)) {
			limit = debugger_limit(cpu, block, limit);
			if (!limit) {
				cpu->debugger->reason = DEBUGGER_BREAKPOINT;
				return OUTCOME_DEBUG;
			}
		}
		cpu->rflags &= ~(uint64_t)CPU_FLAG_RF;
		if (cpu->translator)
			counter_add(&cpu->blocks->interpreted, 1);
		status = block_run(cpu, block, limit);
		/* A scratch block is overwritten by the next. */
		previous = block->crosses ? NULL : block;
	ran:
		if (unlikely(cpu->block_end))
			block_end_apply(cpu);
		if (unlikely(status == CPU_FAULT || status == CPU_REPEAT))
			return status_apply(cpu, status);
		if (unlikely(cpu->attention || __atomic_load_n(&cpu->request, __ATOMIC_RELAXED) & heeded)) {
			if (previous && sample_wanted(cpu))
				sample_block(cpu, previous);
			return OUTCOME_ON;
		}
	}
}

enum cpu_exit cpu_run(struct cpu *cpu, uint64_t budget)
{
	cpu->budget_end = budget > UINT64_MAX - cpu->instructions ? UINT64_MAX : cpu->instructions + budget;
	cpu_mode_update(cpu); /* whoever ran us may have changed registers */
	for (;;) {
		enum outcome outcome;

		/* What is pending then is delivered by the next run. */
		if (cpu->instructions >= cpu->budget_end && !cpu->halted && !cpu->frozen && !cpu->shutdown &&
			!cpu->wait_sipi)
			return CPU_EXIT_BUDGET;
		outcome = events(cpu);
		if (outcome == OUTCOME_ON) {
			if (cpu->instructions >= cpu->budget_end)
				return CPU_EXIT_BUDGET;
			if (cpu->slow || cpu->interrupt_shadow)
				outcome = run_slow(cpu);
			else
				outcome = run_blocks(cpu);
			if (debugger_stepping(cpu) && cpu->debugger->reason == DEBUGGER_NONE)
				cpu->debugger->reason = DEBUGGER_STEPPED;
		}
		if (unlikely(debugger_stopped(cpu)) && outcome == OUTCOME_ON)
			outcome = OUTCOME_DEBUG;
		if (unlikely(cpu->yield) && outcome == OUTCOME_ON) {
			cpu->yield = false;
			return CPU_EXIT_BUDGET;
		}
		switch (outcome) {
		case OUTCOME_ON: break;
		case OUTCOME_REQUEST: return CPU_EXIT_REQUEST;
		case OUTCOME_HALT: return CPU_EXIT_HALT;
		case OUTCOME_DEBUG: return CPU_EXIT_DEBUG;
		case OUTCOME_SHUTDOWN:
			cpu->shutdown = cpu->attention = true;
			/* What it was about to do is done with. */
			cpu->pending_db = 0;
			cpu->halted = cpu->frozen = cpu->interrupt_shadow = cpu->shadow_ss = false;
			return CPU_EXIT_SHUTDOWN;
		}
	}
}
