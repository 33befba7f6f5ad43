/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * How translated code finds its next block: links, the jump table, and what makes them void.
 */
#include <errno.h>

#include "vmm/cpu/mode.h"
#include "vmm/cpu/paging.h"
#include "vmm/translate/t1.h"

static uint64_t stamp(uint64_t epoch, uint64_t context)
{
	return epoch << 44 ^ context;
}

bool t1_stamps_set(struct cpu *cpu)
{
	/* twenty bits of the epoch are in a stamp: before they come round, all must be forgotten */
	if ((cpu->tlb->space ^ cpu->t1.epoch) >> 18 || (cpu->tlb->epoch_kernel ^ cpu->t1.epoch_kernel) >> 18) {
		cpu->t1.epoch = cpu->tlb->space;
		cpu->t1.epoch_kernel = cpu->tlb->epoch_kernel;
		blocks_reset(cpu);
		return false;
	}
	cpu->t1.stamp = stamp(cpu->tlb->space, cpu->context);
	cpu->t1.stamp_kernel = stamp(cpu->tlb->epoch_kernel, cpu->context) ^ 1ull << 63;
	return true;
}

/* May a page's blocks be found by their virtual addresses as long as the stamp is what it is now?  The kernel's
 * outlives changes of the address space, so only what does so too may have it. */
static bool stamp_for(struct cpu *cpu, uint64_t linear, uint64_t context, uint64_t *value)
{
	const struct tlb_page *page;
	uint64_t physical;

	*value = cpu->t1.stamp;
	if (context >> 32 & MODE_CPL(3))
		return true;
	*value = cpu->t1.stamp_kernel;
	if (!(cpu->cr4 & CPU_CR4_PGE))
		return true;
	page = tlb_lookup(cpu->tlb, linear);
	/* code runs from there, but what the TLB knew of it another page may have driven out */
	if (!page && paging_translate(cpu, linear, ACCESS_EXEC, &physical) == CPU_OK)
		page = tlb_lookup(cpu->tlb, linear);
	return page && page->flags & PAGE_GLOBAL;
}

static unsigned page_hash(uint64_t linear)
{
	return (unsigned)((linear >> 12) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % T1_PAGES;
}

/* The record of a page that code has just been found in, by its present address.  NULL: the address is good for this
 * once only, or there is no room. */
static const struct t1_page *page_enter(
	struct t1 *t1, struct cpu *cpu, uint64_t linear, uint64_t physical, uint64_t context)
{
	struct t1_page **head = &t1->page_table[page_hash(linear)], *page = *head;
	uint64_t value;

	if (!stamp_for(cpu, linear, context, &value))
		return NULL;
	while (page && (page->linear != linear || page->physical != physical || page->context != context))
		page = page->chain;
	if (!page) {
		if (t1->data_size - t1->data_used < sizeof(*page))
			return NULL;
		page = (void *)(t1->data + t1->data_used);
		t1->data_used += (sizeof(*page) + 15) & ~(size_t)15;
		*page = (struct t1_page){ .linear = linear, .physical = physical, .context = context, .chain = *head };
		*head = page;
	}
	page->stamp = value;
	return page;
}

static uint64_t block_linear(const struct cpu *cpu, const struct block *block)
{
	return (block->rip + (uint32_t)block->context) & cpu->linear_mask & ~0xfffull;
}

const struct t1_page *t1_page_enter(struct t1 *t1, struct cpu *cpu, const struct block *block)
{
	return page_enter(t1, cpu, block_linear(cpu, block), block->physical & ~0xfffull, block->context);
}

bool t1_guard_set(struct t1 *t1, struct cpu *cpu, const struct block *block)
{
	uint64_t first = block_linear(cpu, block), second = (first + CPU_PAGE_SIZE) & cpu->linear_mask;
	const struct t1_page *page = page_enter(t1, cpu, second, block->physical2 & ~0xfffull, block->context);

	block->guard->page = page ? page : &t1->nowhere;
	tlb_note_code(cpu->tlb, first);
	tlb_note_code(cpu->tlb, second);
	return page;
}

void t1_dropped(struct cpu *cpu, uint64_t linear)
{
	for (struct t1_page *page = t1_of(cpu)->page_table[page_hash(linear)]; page; page = page->chain)
		if (page->linear == linear)
			page->stamp = T1_NEVER;
}

void t1_jump_enter(struct t1 *t1, const struct block *block, const struct t1_page *page)
{
	struct t1_jump *jump = &t1->tables->jumps[t1_jump_index(block->rip)];

	if (jump->rip != block->rip && jump->page->stamp != T1_NEVER)
		t1->tables->jumps[t1_jump_second(jump->rip)] = *jump;
	jump->rip = block->rip;
	jump->page = page;
	jump->code = block->code;
}

/* Have a way out lead to a block's code. */
void t1_exit_link(struct t1 *t1, struct t1_exit *exit, const struct block *block, const struct t1_page *page)
{
	struct emit e = { .execute = t1->code - t1->writable };

	if (exit->rip != block->rip || exit->block->context != block->context || exit == block->guard)
		return;
	counter_add(&t1->statistics.links, 1);
	if (exit->distance) {
		if (block_page_shared(exit->block, block))
			emit_aim(&e, exit->distance, block->code);
	} else if (page) {
		exit->code = block->code;
		exit->page = page;
	}
}

void t1_jump_patch(const struct t1 *t1, const void *from, const void *to)
{
	struct emit e = { .at = t1->writable + ((const uint8_t *)from - t1->code), .execute = t1->code - t1->writable };

	emit_jump_to(&e, to);
}

/* Its bytes may have changed; or they have, and it has newer code than what has just been entered. */
void t1_block_discard(struct t1 *t1, struct block *block)
{
	if (!block->code || t1_code_current(block))
		return;
	block->code_old = block->code;
	block->code = NULL;
	if (!t1->exact)
		t1_jump_patch(t1, block->code_old, (const uint8_t *)block->code_old + block->stale_at);
	counter_add(&t1->statistics.discards, 1);
	if (block->discards < UINT8_MAX)
		block->discards++;
}

/* Nothing runs in translated code now, so that the first bytes of a block may become a jump. */
void t1_changed(struct cpu *cpu)
{
	struct t1 *t1 = t1_of(cpu);

	for (unsigned i = 0; i < CPU_CODE_CHANGED / 64; i++) {
		uint64_t bits = 0;

		if (__atomic_load_n(&cpu->code_changed[i], __ATOMIC_RELAXED))
			bits = __atomic_exchange_n(&cpu->code_changed[i], 0, __ATOMIC_SEQ_CST);
		for (; bits; bits &= bits - 1)
			for (struct block *block = t1->pages[i * 64 + (unsigned)__builtin_ctzll(bits)]; block;
				block = block->page_chain)
				t1_block_discard(t1, block->whole ? block->whole : block);
	}
}

static void list(struct t1 *t1, struct block *block)
{
	unsigned hash = cpu_code_hash(block->version_at);

	block->page_chain = t1->pages[hash];
	t1->pages[hash] = block;
	block->listed = true;
}

int t1_block_list(struct t1 *t1, struct block *block)
{
	struct block *second = (void *)(t1->data + t1->data_used);
	size_t size = (sizeof(*second) + 15) & ~(size_t)15;

	if (t1->exact || block->listed)
		return 0;
	if (block->crosses) {
		if (t1->data_size - t1->data_used < size)
			return -ENOSPC;
		t1->data_used += size;
		*second = (struct block){ .version_at = block->version2_at, .whole = block };
		list(t1, second);
	}
	list(t1, block);
	return 0;
}

/* What leads to a block whose bytes have changed is to lead to the one that is there now. */
void t1_block_replace(const struct t1 *t1, const struct block *old, const struct block *block)
{
	if (old != block && old->code_old && !old->code && old->physical == block->physical && old->rip == block->rip &&
		old->context == block->context)
		t1_jump_patch(t1, old->code_old, block->code);
}
