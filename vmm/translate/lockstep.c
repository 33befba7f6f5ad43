/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/translate/lockstep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmm/cpu/access.h"
#include "vmm/cpu/decode.h"
#include "vmm/cpu/journal.h"
#include "vmm/cpu/mode.h"
#include "vmm/translate/t1.h"
#include "vmm/translate/translate.h"

#define REPORTS_MAX 20u /* differences that are told; all are counted */
#define REPORT_SIZE 8192u

/* A boot spends its time in few loops: after so many runs of a block, one in so many is compared.  The latter is a
 * prime, not to go along with what the guest does. */
#define RUNS_ALL   16384u
#define RUNS_EVERY 61u

/* Everything that an instruction can change; behind it are the translator's state, requests and what a CPU is made of.
 */
#define STATE_SIZE offsetof(struct cpu, t1)

struct lockstep {
	struct lockstep_config config;
	struct lockstep_statistics statistics;
	void (*destroy)(struct cpu *cpu); /* T1's */
	struct cpu_journal journal;
	struct cpu before, outcome; /* as far as STATE_SIZE */
	unsigned told;
	struct t1_exit stop;
	const void *stop_code;
	/* Flags that were dead behind the last block, and where that was: T1 gets them wrong from now on. */
	uint32_t dead;
	uint64_t dead_rip, dead_instructions;
	uint8_t pages[JOURNAL_PAGES][CPU_PAGE_SIZE]; /* as T1 left them */
};

static struct lockstep *lockstep_of(const struct cpu *cpu)
{
	return ((const struct t1 *)(const void *)cpu->translator)->lockstep;
}

const char *lockstep_reason_name(enum lockstep_reason reason)
{
	static const char *const names[LOCKSTEP_REASONS] = {
		[LOCKSTEP_INSTRUCTION] = "instructions that cannot be done twice",
		[LOCKSTEP_DEVICE] = "accesses to devices",
		[LOCKSTEP_TRACKED] = "writes to code pages and ROM",
		[LOCKSTEP_PAGES] = "writes to many pages",
		[LOCKSTEP_LOST] = "not to be undone",
		[LOCKSTEP_UNTRANSLATED] = "without code of T1",
		[LOCKSTEP_DECLINED] = "left to T0 by T1",
		[LOCKSTEP_OFTEN] = "of blocks compared often",
		[LOCKSTEP_BUDGET] = "cut short by the end of a slice",
	};

	return names[reason];
}

static void leave_out(struct lockstep *lockstep, enum lockstep_reason reason)
{
	lockstep->statistics.not_compared[reason]++;
}

/* vector: with what FXSAVE and XSAVE save. */
static void state_copy(struct cpu *to, const struct cpu *from, bool vector)
{
	const size_t begin = offsetof(struct cpu, fx), end = offsetof(struct cpu, interrupt_shadow);

	if (vector) {
		memcpy(to, from, STATE_SIZE);
		return;
	}
	memcpy(to, from, begin);
	memcpy((uint8_t *)to + end, (const uint8_t *)from + end, STATE_SIZE - end);
}

static int cut_execute(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	return cpu_raise(cpu, CPU_CUT);
}

static bool was_cut(const struct cpu *cpu, int status)
{
	return status == CPU_FAULT && cpu->exception.vector == CPU_CUT;
}

/* One instruction, by T0. */
static int step(struct cpu *cpu, const struct insn *insn)
{
	uint64_t next = (cpu->rip + insn->length) & cpu->ip_mask;
	int status;

	cpu->next_rip = next;
	status = insn->execute(cpu, insn);
	if (status != CPU_OK && status != CPU_END)
		return status;
	cpu->rip = status == CPU_END ? cpu->next_rip : next;
	cpu->instructions++;
	return status;
}

/* The first `limit` instructions of a block by T0, which goes on behind those behind which T1 does. */
static int interpret(struct cpu *cpu, const struct block *block, unsigned limit)
{
	int status = CPU_OK;

	for (unsigned i = 0; i < limit; i++) {
		const struct insn *insn = &block->insns[i];
		struct t1_site site = { .insn = insn, .behind = block->count - i };
		uint64_t next = (cpu->rip + insn->length) & cpu->ip_mask;

		status = step(cpu, insn);
		if (unlikely(cpu->attention) && (status == CPU_OK || (status == CPU_END && cpu->rip == next)))
			status = t1_interrupt_flag_changed(cpu, &site, status);
		if (status != CPU_OK || cpu->block_end)
			break;
	}
	return status;
}

/* Translations that T0 has dropped or made may not be those that T1 would find. */
struct translations {
	uint32_t generation, global_generation;
	uint64_t epoch;
};

static struct translations translations_take(const struct cpu *cpu)
{
	return (struct translations){ cpu->tlb->generation, cpu->tlb->global_generation, cpu->tlb->epoch };
}

static bool translations_same(const struct cpu *cpu, const struct translations *was)
{
	return cpu->tlb->generation == was->generation && cpu->tlb->global_generation == was->global_generation &&
		cpu->tlb->epoch == was->epoch;
}

/* Flags that T1 must have right behind as many instructions of the block. */
static uint32_t flags_kept(
	const struct lockstep *lockstep, const struct cpu *cpu, const struct block *block, int status)
{
	const struct lockstep_block *note = block->check;
	unsigned ran = (unsigned)(cpu->instructions - lockstep->before.instructions);
	uint64_t next = block->rip;
	uint32_t kept;

	if (ran > block->count)
		return 0;
	for (unsigned i = 0; i < ran; i++)
		next += block->insns[i].length;
	if (status == CPU_END && ran && cpu->rip != (next & cpu->ip_mask))
		kept = note->taken[ran - 1];
	else
		kept = note->before[ran];
	/* a jump to the next instruction */
	if (status == CPU_END && ran && insn_may_fall_through(&block->insns[ran - 1]))
		kept &= note->taken[ran - 1];
	return kept & ~(lockstep->dead & ~note->set[ran]);
}

static uint32_t flags_compared(
	const struct lockstep *lockstep, const struct cpu *cpu, const struct block *block, int status)
{
	const struct lockstep_block *note = block->check;
	unsigned ran = (unsigned)(cpu->instructions - lockstep->before.instructions);

	return flags_kept(lockstep, cpu, block, status) & ~(uint32_t)note->undefined[ran <= block->count ? ran : 0];
}

static void tell(struct lockstep *lockstep, const struct cpu *cpu, const struct block *block, const char *what)
{
	char text[REPORT_SIZE + 1024];
	size_t used;

	struct lockstep_block *note = block->check;

	lockstep->statistics.differences++;
	/* one of a loop says it all */
	if (note->told || lockstep->told == REPORTS_MAX || !lockstep->config.report)
		return;
	note->told = true;
	lockstep->told++;
	used = (size_t)snprintf(text, sizeof(text), "lockstep: difference %llu, ",
		(unsigned long long)lockstep->statistics.differences);
	used += lockstep_block_text(cpu, block, text + used, sizeof(text) - used);
	snprintf(text + used, sizeof(text) - used, "%s", what);
	lockstep->config.report(lockstep->config.self, text);
	if (lockstep->told == REPORTS_MAX)
		lockstep->config.report(lockstep->config.self, "lockstep: further differences are only counted\n");
}

/* Its addresses, if a translation of it can be found. */
static void page_name(const struct cpu *cpu, const uint8_t *host, char *text, size_t size)
{
	for (unsigned i = 0; i < TLB_DEEP; i++) {
		const struct tlb_page *page = &cpu->tlb->deep[i];

		if (page->host == host && tlb_is_good(cpu->tlb, page)) {
			snprintf(text, size, "at %llx (physical %llx)", (unsigned long long)page->linear,
				(unsigned long long)page->physical);
			return;
		}
	}
	snprintf(text, size, "of a page");
}

/* What T1 left in memory against what T0 did, and T0's put there.  Lines as for registers. */
static size_t memory_settle(struct lockstep *lockstep, const struct cpu *cpu, uint8_t (*t0)[CPU_PAGE_SIZE],
	uint8_t (*t1)[CPU_PAGE_SIZE], char *text, size_t size)
{
	struct cpu_journal *journal = &lockstep->journal;
	size_t used = 0;
	char where[64];

	for (unsigned i = 0; i < journal->count; i++) {
		const uint8_t *ours = t0 ? t0[i] : journal->host[i], *theirs = t1 ? t1[i] : journal->host[i];

		if (memcmp(ours, theirs, CPU_PAGE_SIZE) == 0)
			continue;
		page_name(cpu, journal->host[i], where, sizeof(where));
		used += lockstep_compare_page(ours, theirs, where, text + used, size - used);
		if (t0)
			memcpy(journal->host[i], t0[i], CPU_PAGE_SIZE);
	}
	return used;
}

static bool retires(int status)
{
	return status == CPU_OK || status == CPU_END;
}

/* T1 has left before T0 did, as it may to look for interrupts: T0 again, as far. */
static int interpret_again(struct lockstep *lockstep, struct cpu *cpu, const struct block *block, unsigned ran)
{
	struct cpu_journal *journal = &lockstep->journal;
	const struct lockstep_block *note = block->check;

	state_copy(&lockstep->outcome, cpu, note->vector);
	for (unsigned i = 0; i < journal->count; i++) {
		memcpy(lockstep->pages[i], journal->host[i], CPU_PAGE_SIZE);
		memcpy(journal->host[i], journal->before[i], CPU_PAGE_SIZE);
	}
	state_copy(cpu, &lockstep->before, note->vector);
	return interpret(cpu, block, ran);
}

/* The block by T1, from where T0 began.  Leaves T0's outcome, and returns its status. */
static int translated(struct lockstep *lockstep, struct cpu *cpu, struct block *block, int status)
{
	const struct lockstep_block *note = block->check;
	struct lockstep_outcome t0 = { &lockstep->outcome, status }, t1 = { cpu, 0 };
	insn_execute *execute = NULL;
	uint64_t start = lockstep->before.instructions;
	char what[REPORT_SIZE];
	size_t used;

	state_copy(&lockstep->outcome, cpu, note->vector);
	lockstep->stop.rip = cpu->rip;
	state_copy(cpu, &lockstep->before, note->vector);
	if (lockstep->dead)
		cpu_arithmetic_set(cpu, (uint32_t)cpu_rflags(cpu) ^ lockstep->dead);
	cpu->t1.heeded = 0;
	if (note->cut < block->count) {
		execute = block->insns[note->cut].execute;
		block->insns[note->cut].execute = cut_execute;
	}
	t1.status = t1_run_block(cpu, block, &lockstep->stop, lockstep->stop_code);
	if (execute)
		block->insns[note->cut].execute = execute;
	cpu->t1.interpret = false;

	const bool faulted = t1.status == CPU_FAULT && cpu->exception.vector != CPU_CUT;
	uint64_t ran = cpu->instructions - start, wanted = lockstep->outcome.instructions - start;

	if (retires(t1.status) && (ran < wanted || (ran == wanted && !retires(status)))) {
		if (!ran)
			leave_out(lockstep, LOCKSTEP_DECLINED);
		t0.status = interpret_again(lockstep, cpu, block, (unsigned)ran);
		t0.cpu = cpu;
		t1.cpu = &lockstep->outcome;
		used = lockstep_compare(
			&t0, &t1, flags_compared(lockstep, cpu, block, t0.status), note->vector, what, sizeof(what));
		used += memory_settle(lockstep, cpu, NULL, lockstep->pages, what + used, sizeof(what) - used);
	} else {
		used = lockstep_compare(
			&t0, &t1, flags_compared(lockstep, t0.cpu, block, status), note->vector, what, sizeof(what));
		used += memory_settle(lockstep, cpu, lockstep->journal.after, NULL, what + used, sizeof(what) - used);
		state_copy(cpu, &lockstep->outcome, note->vector);
	}
	/* what faults, as a store that is not aligned, was looked up and not made */
	if (lockstep->journal.strayed && !faulted)
		used += (size_t)snprintf(what + used, sizeof(what) - used,
			"  T1 writes to a page that T0 does not write to, at %llx\n",
			(unsigned long long)lockstep->journal.stray);
	if (used)
		tell(lockstep, &lockstep->before, block, what);
	lockstep->statistics.blocks++;
	lockstep->statistics.instructions += cpu->instructions - start;
	return t0.status;
}

/* A block by both.  The status of its last instruction. */
static int both(struct lockstep *lockstep, struct cpu *cpu, struct block *block)
{
	static const enum lockstep_reason reasons[JOURNAL_REFUSALS] = { [JOURNAL_DEVICE] = LOCKSTEP_DEVICE,
		[JOURNAL_TRACKED] = LOCKSTEP_TRACKED,
		[JOURNAL_FULL] = LOCKSTEP_PAGES };
	const struct lockstep_block *note = block->check;
	struct translations translations = translations_take(cpu);
	int status;

	if (cpu->rip != lockstep->dead_rip || cpu->instructions != lockstep->dead_instructions)
		lockstep->dead = 0;
	state_copy(&lockstep->before, cpu, note->vector);
	/* From now on it has entries of noted pages only; they serve T1, too. */
	tlb_empty_writes(cpu->tlb);
	journal_begin(cpu, &lockstep->journal);
	status = interpret(cpu, block, note->cut);
	if (lockstep->journal.lost) {
		leave_out(lockstep, LOCKSTEP_LOST);
		lockstep->dead = 0;
		cpu->journal = NULL;
		return status;
	}
	if (status == CPU_OK && !cpu->block_end && note->cut < block->count &&
		cpu->instructions - lockstep->before.instructions == note->cut)
		status = cpu_raise(cpu, CPU_CUT);
	journal_undo(&lockstep->journal);
	if (!translations_same(cpu, &translations))
		tlb_flush(cpu, true);
	status = translated(lockstep, cpu, block, status);
	cpu->journal = NULL;

	unsigned ran = (unsigned)(cpu->instructions - lockstep->before.instructions);

	lockstep->dead = CPU_FLAGS_ARITHMETIC & ~flags_kept(lockstep, cpu, block, status);
	lockstep->dead_rip = cpu->rip;
	lockstep->dead_instructions = cpu->instructions;
	if (was_cut(cpu, status)) {
		leave_out(lockstep, ran == note->cut ? LOCKSTEP_INSTRUCTION : reasons[lockstep->journal.refusal]);
		status = step(cpu, &block->insns[ran]);
	}
	return status;
}

static int lockstep_run(struct cpu *cpu, struct block *block, struct block **previous)
{
	struct lockstep *lockstep = lockstep_of(cpu);
	struct lockstep_block *note = block->check;
	int status;

	if (note && ++note->runs > RUNS_ALL && note->runs % RUNS_EVERY) {
		leave_out(lockstep, LOCKSTEP_OFTEN);
		return TRANSLATOR_NOTHING;
	}
	if (cpu->budget_end - cpu->instructions < block->count) {
		leave_out(lockstep, LOCKSTEP_BUDGET);
		return TRANSLATOR_NOTHING;
	}
	status = t1_prepare(cpu, block);
	if (status) {
		if (status == TRANSLATOR_NOTHING)
			leave_out(lockstep, LOCKSTEP_UNTRANSLATED);
		return status;
	}
	*previous = NULL;
	note = block->check;
	if (!note->cut) {
		leave_out(lockstep, LOCKSTEP_INSTRUCTION);
		status = step(cpu, &block->insns[0]);
	} else {
		if (lockstep->config.hold)
			lockstep->config.hold(lockstep->config.self);
		status = both(lockstep, cpu, block);
		if (lockstep->config.release)
			lockstep->config.release(lockstep->config.self);
	}
	cpu->t1.heeded = cpu_heeded(cpu);
	return status;
}

static void lockstep_destroy(struct cpu *cpu)
{
	struct lockstep *lockstep = lockstep_of(cpu);
	void (*destroy)(struct cpu *) = lockstep->destroy;

	free(lockstep);
	destroy(cpu);
}

/* Where an indirect branch leads that has found its target: out. */
static void stop_emit(struct lockstep *lockstep, struct t1 *t1)
{
	struct emit e = { .at = t1->writable + t1->code_used, .execute = t1->code - t1->writable };

	lockstep->stop_code = emit_here(&e);
	emit_constant(&e, HOST_R10, (uintptr_t)&lockstep->stop);
	emit_jump_to(&e, t1->poll);
	t1->code_fixed = t1->code_used = ((size_t)(e.at - t1->writable) + 63) & ~(size_t)63;
}

int translator_lockstep_create(struct cpu *cpu, size_t cache, const struct lockstep_config *config)
{
	struct lockstep *lockstep = aligned_alloc(64, sizeof(*lockstep));
	struct t1 *t1;
	int error;

	if (!lockstep)
		return -ENOMEM;
	memset(lockstep, 0, sizeof(*lockstep));
	lockstep->config = *config;
	/* What T1 would leave to T0 for being rare is to be checked, too. */
	error = translator_t1_create(cpu, cache, 0, 0, true);
	if (error) {
		free(lockstep);
		return error;
	}
	t1 = (struct t1 *)(void *)cpu->translator;
	t1->lockstep = lockstep;
	lockstep->destroy = t1->translator.destroy;
	t1->translator.run = lockstep_run;
	t1->translator.destroy = lockstep_destroy;
	stop_emit(lockstep, t1);
	return 0;
}

void translator_lockstep_statistics(const struct cpu *cpu, struct lockstep_statistics *statistics)
{
	*statistics = lockstep_of(cpu)->statistics;
}
