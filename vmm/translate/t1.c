/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Running translated code: the code cache, and what is done in C when a block leads out of it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* syscall */
#endif
#include "vmm/translate/translate.h"

#include <asm/prctl.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/cpu/access.h"
#include "vmm/cpu/debugger.h"
#include "vmm/cpu/fpu.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/sample.h"
#include "vmm/translate/t1.h"

#define DISCARDS_MAX 16u /* translations of a block whose page keeps changing */

/* ---- the thread's GS ---- */

/* Several CPUs may run on one thread, and one on several, so each entry makes sure. */
static void gs_set(const struct t1 *t1, struct cpu *cpu)
{
	struct cpu *now;

	if (!t1->fsgsbase) {
		syscall(SYS_arch_prctl, ARCH_SET_GS, cpu);
		return;
	}
	__asm__ volatile("rdgsbase %0" : "=r"(now));
	if (now != cpu)
		__asm__ volatile("wrgsbase %0" : : "r"(cpu) : "memory");
}

/* ---- flags and counters, between T0's and T1's form ---- */

/* The lowest bytes of it, sign-extended. */
static int64_t operand_of(uint64_t value, unsigned op)
{
	unsigned shift = 64 - (8u << (op & 3));

	return (int64_t)(value << shift) >> shift;
}

/* What recipes leave (flag.c), as T0 has it. */
static void flags_raw_home(struct cpu *cpu)
{
	unsigned op = cpu->flags_op;
	int64_t result = operand_of(cpu->flags_result, op), a = operand_of(cpu->flags_source1, op);
	int64_t b = operand_of(cpu->flags_source2, op);

	switch (op & ~3u) {
	case FLAGS_RAW_LOGIC: flags_set_logic(cpu, result); break;
	case FLAGS_RAW_TEST: flags_set_logic(cpu, a & b); break;
	case FLAGS_RAW_CMP: flags_set(cpu, FLAGS_SUB, operand_of((uint64_t)a - (uint64_t)b, op), a, b); break;
	case FLAGS_RAW_SUB: flags_set(cpu, FLAGS_SUB, result, operand_of((uint64_t)result + (uint64_t)b, op), b); break;
	case FLAGS_RAW_NEG: flags_set(cpu, FLAGS_SUB, result, 0, operand_of(-(uint64_t)result, op)); break;
	case FLAGS_RAW_COUNT: flags_set_misc(cpu, result, result == 8 << (op & 3) ? CPU_FLAG_CF : 0); break;
	default: flags_set(cpu, FLAGS_ADD, result, operand_of((uint64_t)result - (uint64_t)b, op), b); break;
	}
}

static void flags_home(struct cpu *cpu)
{
	if (cpu->flags_op == FLAGS_IMAGE)
		cpu_arithmetic_set(cpu, (uint32_t)cpu->flags_source1);
	else if (cpu->flags_op >= FLAGS_RAW_LOGIC)
		flags_raw_home(cpu);
}

static void flags_image(struct cpu *cpu)
{
	uint32_t image = flags_compute(cpu);

	/* IF as any thread of ours has it */
	cpu->flags_source1 = image | CPU_FLAG_FIXED | CPU_FLAG_IF;
	cpu->flags_op = FLAGS_IMAGE;
}

static void instructions_set(struct cpu *cpu, uint64_t behind)
{
	if (t1_of(cpu)->exact)
		cpu->instructions = cpu->budget_end - (uint64_t)cpu->t1.left - behind;
	else
		cpu->instructions++; /* the last one is another */
}

/* May instructions of that level run natively: allowed at all, and with no exception that traps? */
static bool vector_allowed(const struct cpu *cpu, unsigned level)
{
	const uint64_t avx = 6, avx512 = 0xe6;
	uint64_t needed = level == T1_LIVE_AVX512 ? avx512 : avx;

	if (cpu->cr0 & (CPU_CR0_TS | CPU_CR0_EM) || !(cpu->cr4 & CPU_CR4_OSFXSR) ||
		(cpu->fx.mxcsr & MXCSR_MASKS) != MXCSR_MASKS || cpu->fx.mxcsr & ~0xffffu)
		return false;
	return level == T1_LIVE_SSE || (cpu->cr4 & CPU_CR4_OSXSAVE && (cpu->xcr0 & needed) == needed);
}

/* The same for x87 instructions: none pending, none to come. */
static bool x87_allowed(const struct cpu *cpu)
{
	return !(cpu->cr0 & (CPU_CR0_TS | CPU_CR0_EM)) && (cpu->fx.fcw & FCW_MASKS) == FCW_MASKS &&
		!(cpu->fx.fsw & FSW_ES);
}

static bool live_allowed(const struct cpu *cpu)
{
	return (!cpu->t1.live_was || vector_allowed(cpu, cpu->t1.live_was)) && (!cpu->t1.x87_was || x87_allowed(cpu));
}

/* Returns 0: go on at cpu->t1.resume, with as many vector registers as cpu->t1.live_was says. */
int t1_vector_enter(struct cpu *cpu, const struct t1_site *site)
{
	struct t1_statistics *counts = &t1_of(cpu)->statistics;

	cpu->t1.resume = site->resume;
	if (site->level == T1_LIVE_X87 ? x87_allowed(cpu) : vector_allowed(cpu, site->level)) {
		if (site->level == T1_LIVE_X87)
			cpu->t1.x87_was = 1;
		else
			cpu->t1.live_was = site->level;
		counter_add(site->level == T1_LIVE_X87 ? &counts->x87 : &counts->vector, 1);
		return 0;
	}
	counter_add(&counts->refused, 1);
	/* T0 knows what to do. */
	flags_home(cpu);
	cpu->rip = site->rip;
	instructions_set(cpu, site->behind);
	cpu->t1.interpret = true;
	cpu->t1.status = CPU_OK;
	return 1;
}

/* What raised attention for a change of IF is no reason to leave if nothing is waiting.  The next instruction of the
 * block comes before any look at interrupts, which is all that STI's shadow asks for. */
int t1_interrupt_flag_changed(struct cpu *cpu, const struct t1_site *site, int status)
{
	unsigned opcode = site->insn->opcode;

	if (site->insn->vex || (opcode != 0xfa && opcode != 0xfb && opcode != 0x9d) || cpu->tlb_read == cpu->tlb->empty)
		return status;
	bool shadow = cpu->interrupt_shadow;
	if (opcode == 0xfb && site->behind > 1)
		cpu->interrupt_shadow = false;
	if (!cpu_quiet(cpu)) {
		cpu->interrupt_shadow = shadow;
		return status;
	}
	cpu->attention = false;
	cpu->t1.heeded = cpu_heeded(cpu);
	return CPU_OK;
}

/* Nothing is to be looked at before the next instruction; what attention was raised for is no more. */
static bool attention_settled(struct cpu *cpu)
{
	if (!cpu->attention)
		return true;
	if (!cpu_quiet(cpu) || cpu->tlb_read == cpu->tlb->empty || !t1_stamps_set(cpu))
		return false;
	cpu->attention = false;
	cpu->t1.heeded = cpu_heeded(cpu);
	return true;
}

/* Behind an instruction that has led elsewhere, maybe to another mode: is there code to go on with, and nothing to be
 * done before? */
static bool elsewhere(struct t1 *t1, struct cpu *cpu)
{
	const struct t1_jump *jump = &t1->tables->jumps[t1_jump_index(cpu->rip)];
	bool kernel;

	if (jump->rip != cpu->rip)
		jump = &t1->tables->jumps[t1_jump_second(cpu->rip)];
	if (t1->exact || cpu->block_end || cpu->t1.interpret || cpu->debugger || jump->rip != cpu->rip)
		return false;
	if (!attention_settled(cpu) || cpu->tlb_read == cpu->tlb->empty || !t1_stamps_set(cpu))
		return false;
	kernel = !(cpu->context >> 32 & MODE_CPL(3));
	if (jump->page->stamp != (kernel ? cpu->t1.stamp_kernel : cpu->t1.stamp))
		return false;
	cpu->t1.heeded = cpu_heeded(cpu);
	if (__atomic_load_n(&cpu->request, __ATOMIC_RELAXED) & cpu->t1.heeded)
		return false;
	cpu->rflags &= ~(uint64_t)CPU_FLAG_RF;
	cpu->t1.resume = jump->code;
	cpu->t1.live_was = T1_LIVE_NONE;
	cpu->t1.x87_was = 0;
	flags_image(cpu);
	counter_add(&t1->statistics.elsewhere, 1);
	return true;
}

/* Returns 0: go on at cpu->t1.resume. */
int t1_slow(struct cpu *cpu, const struct t1_site *site)
{
	struct t1_statistics *counts = &t1_of(cpu)->statistics;
	const struct insn *insn = site->insn;
	uint64_t flushes = cpu->tlb->epoch;
	uint32_t direct[2] = { cpu->tlb->direct[0], cpu->tlb->direct[1] }, waiting;
	int status;

	cpu->t1.resume = site->resume;
	flags_home(cpu);
	if (!insn) {
		counter_add(&counts->flags, 1);
		flags_image(cpu);
		return 0;
	}
	t1_count_slow(counts, cpu, insn);
	cpu->rip = site->rip;
	cpu->next_rip = site->next;
	instructions_set(cpu, site->behind);
	for (unsigned heads = site->heads; heads; heads &= heads - 1)
		cpu->t1.group[__builtin_ctz(heads)] = 0;
	if (unlikely(sample_wanted(cpu)))
		sample_take(cpu, site->rip, site->block->context, insn);
	status = insn->execute(cpu, insn);
	if (unlikely(cpu->attention) && (status == CPU_OK || (status == CPU_END && cpu->next_rip == site->next)))
		status = t1_interrupt_flag_changed(cpu, site, status);
	/* What a device asks for is done at once; samples are taken at polls. */
	waiting = __atomic_load_n(&cpu->request, __ATOMIC_RELAXED) & cpu->t1.heeded & ~CPU_REQUEST_SAMPLE;
	if (likely(status == CPU_OK && !cpu->block_end && !cpu->attention && !waiting &&
		    cpu->context == site->block->context) &&
		live_allowed(cpu) &&
		/* a loop goes on using what it has looked up */
		!(t2_is_super(site->block) &&
			(flushes != cpu->tlb->epoch || direct[0] != cpu->tlb->direct[0] ||
				direct[1] != cpu->tlb->direct[1]))) {
		if (!site->vector_kept)
			cpu->t1.live_was = T1_LIVE_NONE;
		if (!site->x87_kept)
			cpu->t1.x87_was = 0;
		if (cpu->t1.live_was || cpu->t1.x87_was)
			counter_add(&counts->reloaded, 1);
		flags_image(cpu);
		if (!t1_of(cpu)->exact)
			cpu->instructions++;
		return 0;
	}
	if (status == CPU_OK || status == CPU_END) {
		cpu->rip = status == CPU_END ? cpu->next_rip : site->next;
		cpu->instructions++;
		if (elsewhere(t1_of(cpu), cpu))
			return 0;
	}
	cpu->t1.status = status;
	return 1;
}

/* ---- blocks ---- */

/* 0: the block has code. */
static int block_prepare(struct t1 *t1, struct cpu *cpu, struct block *block)
{
	int error;

	/* what may not be cached has but one version, or none */
	if (block->crosses && (t1->exact || !block->version2_at))
		return TRANSLATOR_NOTHING;
	if (block->code && block->code_version == block->version &&
		(!block->crosses || block->code_version2 == block->version2))
		return 0;
	t1_block_discard(t1, block);
	if (block->heat < t1->hot) {
		block->heat++;
		return TRANSLATOR_NOTHING;
	}
	if (block->discards >= DISCARDS_MAX)
		return TRANSLATOR_NOTHING;
	error = t1_translate(t1, cpu, block);
	if (!error)
		error = t1_block_list(t1, block);
	if (error == -ENOSPC) {
		counter_add(&t1->statistics.full, 1);
		blocks_reset(cpu);
		return TRANSLATOR_AGAIN;
	}
	if (error) {
		block->discards = DISCARDS_MAX;
		return TRANSLATOR_NOTHING;
	}
	if (block->code_old) /* links still lead there */
		t1_jump_patch(t1, block->code_old, block->code);
	return 0;
}

/* The same block, for code without groups; NULL: no room. */
static struct block *block_plain(struct t1 *t1, struct block *block)
{
	size_t size = (sizeof(*block) + block->count * sizeof(block->insns[0]) + 15) & ~(size_t)15;
	struct block *plain = block->plain;

	if (plain && plain->version == block->version && plain->version_at == block->version_at)
		return plain;
	if (t1->data_size - t1->data_used < size)
		return NULL;
	plain = (void *)(t1->data + t1->data_used);
	t1->data_used += size;
	memcpy(plain, block, sizeof(*block) + block->count * sizeof(block->insns[0]));
	plain->code = plain->code_old = NULL;
	plain->chain = plain->page_chain = plain->plain = NULL;
	plain->listed = false;
	plain->heat = (uint8_t)t1->hot;
	plain->discards = 0;
	plain->is_plain = true;
	block->plain = plain;
	return plain;
}

/* Translated code leaves for requests made from now on, and at its first poll for those that wait and are heeded. */
static void poll_clear(struct cpu *cpu)
{
	if (!__atomic_load_n(&cpu->t1.poll, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&cpu->t1.poll, 0, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&cpu->request, __ATOMIC_SEQ_CST) & cpu->t1.heeded)
		__atomic_store_n(&cpu->t1.poll, 1, __ATOMIC_RELAXED);
}

/* From the start of a block that has code until something wants C.  The status of the last instruction. */
static int code_run(struct t1 *t1, struct cpu *cpu, const struct block *block)
{
	enum t1_leave why;

	poll_clear(cpu);
	why = (enum t1_leave)t1->enter(cpu, block->code);

	t1_count_leave(&t1->statistics, why);
	switch (why) {
	case T1_LINK: cpu->rip = cpu->t1.exit->rip; break;
	case T1_POLL:
		cpu->rip = cpu->t1.exit->rip;
		if (sample_wanted(cpu))
			sample_take(cpu, cpu->t1.exit->block->rip, cpu->t1.exit->block->context, NULL);
		cpu->t1.exit = NULL;
		break;
	case T1_HOT:
		cpu->rip = cpu->t1.exit->rip;
		t2_hot(t1, cpu->t1.exit);
		cpu->t1.exit = NULL;
		break;
	case T1_STALE:
		cpu->rip = cpu->t1.block->rip;
		t1_block_discard(t1, cpu->t1.block);
		break;
	case T1_BUDGET:
		cpu->rip = cpu->t1.block->rip;
		cpu->t1.left += cpu->t1.block->count;
		break;
	default: return cpu->t1.status;
	}
	flags_home(cpu);
	instructions_set(cpu, 0);
	return CPU_OK;
}

/* Nothing has happened that the run loop looks for between blocks. */
static bool goes_on(struct cpu *cpu, int status)
{
	return (status == CPU_OK || status == CPU_END) && attention_settled(cpu) && !cpu->block_end &&
		!cpu->t1.interpret && cpu->instructions < cpu->budget_end &&
		!(__atomic_load_n(&cpu->request, __ATOMIC_RELAXED) & cpu->t1.heeded);
}

static int blocks_run(struct t1 *t1, struct cpu *cpu, struct block *block)
{
	int status = TRANSLATOR_NOTHING, prepared;

	for (;;) {
		struct t1_exit *exit = cpu->t1.exit;
		const struct block *stale = cpu->t1.block;
		const struct t1_page *page;

		cpu->t1.exit = NULL;
		cpu->t1.block = NULL;
		if ((exit && exit->plain && exit->rip == block->rip && exit->block->context == block->context) ||
			(stale && stale->is_plain && stale->rip == block->rip && stale->context == block->context)) {
			struct block *plain = block_plain(t1, block);

			if (!plain) {
				counter_add(&t1->statistics.full, 1);
				blocks_reset(cpu);
				return status == TRANSLATOR_NOTHING ? TRANSLATOR_AGAIN : status;
			}
			block = plain;
		}
		prepared = block_prepare(t1, cpu, block);
		cpu->t1.left = (int64_t)(cpu->budget_end - cpu->instructions);
		/* What has run has run: the run loop finds its own way from here. */
		if (prepared || cpu->t1.left < block->count)
			return status == TRANSLATOR_NOTHING ? (prepared ? prepared : TRANSLATOR_NOTHING) : status;
		page = t1_page_enter(t1, cpu, block);
		/* an address that is good for this once is T0's, or the guard would send us here for ever */
		if (block->crosses && !t1_guard_set(t1, cpu, block))
			return status;
		if (exit)
			t1_exit_link(t1, exit, block, page);
		if (stale)
			t1_block_replace(t1, stale, block);
		if (page && !block->is_plain)
			t1_jump_enter(t1, block, page);
		cpu->rflags &= ~(uint64_t)CPU_FLAG_RF;
		status = code_run(t1, cpu, block);
		if (!goes_on(cpu, status) || t1->recorder.exit)
			return status;
		block = block_next(cpu, NULL);
		if (!block)
			return CPU_FAULT;
		if (cpu->attention) /* all was forgotten, maybe */
			return status;
	}
}

static int t1_run(struct cpu *cpu, struct block *block, struct block **previous)
{
	struct t1 *t1 = t1_of(cpu);
	uint64_t end = cpu->budget_end;
	int status;

	if (cpu->t1.interpret) {
		cpu->t1.interpret = false;
		return TRANSLATOR_NOTHING;
	}
	if (cpu->debugger || cpu->tlb_read == cpu->tlb->empty)
		return TRANSLATOR_NOTHING;
	if (!t1_stamps_set(cpu))
		return TRANSLATOR_AGAIN;
	if (t1->recorder.exit && t2_record(t1, cpu, block))
		return TRANSLATOR_NOTHING;
	gs_set(t1, cpu);
	counter_add(&t1->statistics.runs, 1);
	/* the counter is signed */
	if (cpu->budget_end - cpu->instructions > INT64_MAX / 2)
		cpu->budget_end = cpu->instructions + INT64_MAX / 2;
	status = blocks_run(t1, cpu, block);
	cpu->budget_end = end;
	if (status != TRANSLATOR_NOTHING)
		*previous = NULL;
	return status;
}

/* ---- one block alone ---- */

int t1_prepare(struct cpu *cpu, struct block *block)
{
	if (cpu->debugger || cpu->tlb_read == cpu->tlb->empty)
		return TRANSLATOR_NOTHING;
	if (!t1_stamps_set(cpu))
		return TRANSLATOR_AGAIN;
	return block_prepare(t1_of(cpu), cpu, block);
}

int t1_run_block(struct cpu *cpu, const struct block *block, const struct t1_exit *stop, const void *code)
{
	struct t1 *t1 = t1_of(cpu);
	struct t1_jump *jump = &t1->tables->jumps[t1_jump_index(stop->rip)];
	uint64_t end = cpu->budget_end;
	int status;

	gs_set(t1, cpu);
	cpu->t1.left = INT64_MAX / 2;
	cpu->budget_end = cpu->instructions + INT64_MAX / 2;
	t1->alone.stamp = block->context >> 32 & MODE_CPL(3) ? cpu->t1.stamp : cpu->t1.stamp_kernel;
	*jump = (struct t1_jump){ .rip = stop->rip, .page = &t1->alone, .code = code };
	status = code_run(t1, cpu, block);
	jump->page = &t1->nowhere;
	cpu->t1.exit = NULL;
	cpu->budget_end = end;
	return status;
}

/* ---- life ---- */

static void t1_forget_all(struct cpu *cpu)
{
	struct t1 *t1 = t1_of(cpu);

	cpu->t1.block = NULL;
	t1->nowhere.stamp = T1_NEVER;
	for (unsigned i = 0; i < 2 * T1_JUMPS; i++)
		t1->tables->jumps[i].page = &t1->nowhere;
	memset(t1->page_table, 0, sizeof(t1->page_table));
	memset(t1->pages, 0, sizeof(t1->pages));
	t1->recorder.exit = NULL;
	t1->code_used = t1->code_fixed;
	t1->data_used = 0;
	t1_count_emptied(t1);
	cpu->t1.exit = NULL;
}

static void cache_unmap(struct t1 *t1)
{
	munmap(t1->code, t1->code_size + t1->data_size);
	munmap(t1->writable, t1->code_size);
}

static void t1_destroy(struct cpu *cpu)
{
	struct t1 *t1 = t1_of(cpu);

	if (!t1)
		return;
	cache_unmap(t1);
	free(t1);
	cpu->translator = NULL;
}

/* [code, executable][data] in one piece, so that code reaches its data, and the code once more, writable. */
static int cache_map(struct t1 *t1)
{
	uint8_t *room = mmap(NULL, t1->code_size + t1->data_size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int error;

	if (room == MAP_FAILED)
		return -ENOMEM;
	error = t1_cache_map(room, t1->code_size, &t1->writable);
	if (error) {
		munmap(room, t1->code_size + t1->data_size);
		return error;
	}
	t1->code = room;
	t1->data = room + t1->code_size;
	return 0;
}

int translator_t1_create(struct cpu *cpu, size_t cache, unsigned hot, unsigned hot2, bool exact)
{
	struct t1 *t1 = calloc(1, sizeof(*t1));
	int error;

	_Static_assert(sizeof(struct t1_tables) <= TRANSLATOR_ROOM, "the tables must be in reach");
	if (!t1)
		return -ENOMEM;
	if (cache < 1u << 20)
		cache = 1u << 20;
	t1->code_size = t1->data_size = cache & ~(size_t)0xffff;
	t1->hot = hot;
	if (!exact)
		t1->hot2 = hot2;
	t1->exact = exact;
	t1_host_find(t1);
	error = cache_map(t1);
	if (!error)
		error = blocks_resize(cpu, cache / 2 * 5);
	if (error) {
		if (t1->code)
			cache_unmap(t1);
		free(t1);
		return error;
	}
	t1->translator = (struct cpu_translator){ .crosses = !exact,
		.run = t1_run,
		.changed = t1_changed,
		.dropped = t1_dropped,
		.forget = t1_forget_all,
		.destroy = t1_destroy,
		.statistics = t1_statistics };
	t1->tables = translator_room(cpu);
	cpu->t1.self = cpu;
	t1_fixed(t1, cpu);
	cpu->translator = &t1->translator;
	blocks_reset(cpu);
	return 0;
}
