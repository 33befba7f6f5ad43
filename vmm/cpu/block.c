/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/cpu/access.h"
#include "vmm/cpu/block.h"
#include "vmm/cpu/decode.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/paging.h"
#include "vmm/cpu/statistics.h"
#include "vmm/cpu/translator.h"

#define ARENA_SIZE (5u << 20)

static size_t block_size(unsigned count, unsigned bytes)
{
	return (sizeof(struct block) + count * sizeof(struct insn) + bytes + 15) & ~(size_t)15;
}

struct cpu_blocks *blocks_create(void)
{
	struct cpu_blocks *blocks = calloc(1, sizeof(*blocks));

	if (!blocks)
		return NULL;
	blocks->size = ARENA_SIZE;
	blocks->arena = malloc(ARENA_SIZE);
	blocks->scratch = malloc(block_size(1, DECODE_MAX));
	blocks->layout = 1;
	blocks->insns_max = BLOCK_INSNS;
	if (!blocks->arena || !blocks->scratch) {
		blocks_destroy(blocks);
		return NULL;
	}
	return blocks;
}

void blocks_destroy(struct cpu_blocks *blocks)
{
	if (!blocks)
		return;
	free(blocks->arena);
	free(blocks->scratch);
	free(blocks);
}

void blocks_reset(struct cpu *cpu)
{
	struct cpu_blocks *blocks = cpu->blocks;

	memset(blocks->jumps, 0, sizeof(blocks->jumps));
	memset(blocks->table, 0, sizeof(blocks->table));
	counter_set(&blocks->used, 0);
	counter_add(&blocks->resets, 1);
	cpu->attention = true;
	if (cpu->translator)
		cpu->translator->forget(cpu);
}

int blocks_resize(struct cpu *cpu, size_t size)
{
	struct cpu_blocks *blocks = cpu->blocks;
	uint8_t *arena = malloc(size);

	if (!arena)
		return -ENOMEM;
	free(blocks->arena);
	blocks->arena = arena;
	blocks->size = size;
	blocks_reset(cpu);
	return 0;
}

void blocks_layout_changed(struct cpu *cpu)
{
	cpu->blocks->layout++;
	cpu->attention = true;
	/* Translated code knows nothing of layouts. */
	if (cpu->translator)
		blocks_reset(cpu);
}

static struct block **bucket(struct cpu_blocks *blocks, uint64_t physical, uint64_t rip, uint64_t context)
{
	uint64_t hash = physical * 0x9e3779b97f4a7c15ull ^ rip * 0xc2b2ae3d27d4eb4full ^
		context * 0x165667b19e3779f9ull;

	return &blocks->table[hash >> 49];
}

/* Code bytes of one page, from `physical` on. */
struct source {
	struct cpu_page page;
	uint64_t physical;
	uint32_t version;
	unsigned available;
	const uint8_t *bytes;
	uint8_t buffer[DECODE_MAX];
};

static void source_refresh(struct cpu *cpu, struct source *source)
{
	unsigned size = source->available;

	if (source->page.host) {
		source->bytes = source->page.host + (source->physical & 0xfff);
		return;
	}
	if (size > DECODE_MAX)
		size = DECODE_MAX;
	physical_read(cpu, source->physical, source->buffer, size);
	source->bytes = source->buffer;
	source->available = size;
}

static int source_open(struct cpu *cpu, uint64_t linear, struct source *source)
{
	unsigned access = ACCESS_EXEC | (cpu->cpl == 3 ? ACCESS_USER : 0);

	if (paging_translate(cpu, linear & cpu->linear_mask, access, &source->physical) != CPU_OK)
		return CPU_FAULT;
	physical_page(cpu, source->physical, &source->page);
	source->available = CPU_PAGE_SIZE - (source->physical & 0xfff);
	return CPU_OK;
}

/* Say that these bytes are code, and see to it that this CPU's own writes to them are noticed. */
static void source_announce(struct cpu *cpu, struct source *source, unsigned length)
{
	const uint32_t *at = source->page.code_version;
	uint32_t before;

	if (!at)
		return;
	/* Another thread's write may take the mark back while we make it; it raises the version last. */
	do {
		before = __atomic_load_n(at, __ATOMIC_ACQUIRE);
		cpu->bus.code(cpu->bus.self, source->physical, length);
		if (source->page.writable)
			tlb_flush_writes(cpu);
		source->version = __atomic_load_n(at, __ATOMIC_ACQUIRE);
	} while (source->version != before);
}

/* Bytes of the code segment from RIP on, or none. */
static uint64_t limit_room(const struct cpu *cpu, uint64_t rip)
{
	uint64_t limit = cpu->segment[CPU_CS].limit;

	if (cpu_code64(cpu)) {
		/* Up to the end of the canonical half.  The upper one ends with the address space. */
		unsigned bits = cpu->cr4 & CPU_CR4_LA57 ? 56 : 47;

		if (!cpu_canonical(cpu, rip))
			return 0;
		return rip >> bits ? 0 - rip : (1ull << bits) - rip;
	}
	return rip <= limit ? limit - rip + 1 : 0;
}

static int raise_limit(struct cpu *cpu)
{
	return cpu_raise_error(cpu, CPU_GP, 0);
}

/* Is a cached block still what memory says?  If only the page's version moved, take the new one. */
static bool block_verify(struct cpu *cpu, struct block *block, struct source *source)
{
	struct cpu_blocks *blocks = cpu->blocks;
	unsigned first = block->length;

	if (block->length > limit_room(cpu, block->rip))
		return false;
	if (block->crosses) {
		struct source second;

		first = CPU_PAGE_SIZE - (block->physical & 0xfff);
		/* A fault here is the fetch's own, and decoding anew raises it. */
		if (source_open(cpu, (cpu->fast[CPU_CS].base + block->rip + first), &second) != CPU_OK ||
			second.physical != block->physical2 || !second.page.code_version || !second.page.host)
			return false;
		if (second.page.code_version != block->version2_at ||
			__atomic_load_n(block->version2_at, __ATOMIC_ACQUIRE) != block->version2) {
			source_announce(cpu, &second, block->length - first);
			if (memcmp(block->bytes + first, second.page.host, block->length - first) != 0)
				return false;
			block->version2_at = second.page.code_version;
			block->version2 = second.version;
		}
	}
	if (block->layout == blocks->layout && __atomic_load_n(block->version_at, __ATOMIC_ACQUIRE) == block->version)
		return true;
	if (!source->page.code_version || !source->page.host)
		return false;
	source_announce(cpu, source, first);
	if (memcmp(block->bytes, source->page.host + (block->physical & 0xfff), first) != 0)
		return false;
	block->version_at = source->page.code_version;
	block->version = source->version;
	block->layout = blocks->layout;
	return true;
}

static void block_init(struct cpu *cpu, struct block *block, const struct source *source)
{
	memset(block, 0, sizeof(*block));
	block->physical = source->physical;
	block->rip = cpu->rip;
	block->context = cpu->context;
	block->layout = cpu->blocks->layout;
	block->version_at = source->page.code_version;
	block->version = source->version;
}

/* One instruction that lies in two pages, or where nothing may be cached: into the scratch block, unless both
 * pages can be watched. */
static struct block *block_single(struct cpu *cpu, struct source *source, unsigned available)
{
	struct cpu_blocks *blocks = cpu->blocks;
	struct block *block = blocks->scratch;
	struct source second = { .available = 0 };
	uint8_t bytes[2 * DECODE_MAX];
	uint64_t room = limit_room(cpu, cpu->rip);
	unsigned have = available < DECODE_MAX ? available : DECODE_MAX;
	bool crosses = false;
	int length;

	source_refresh(cpu, source);
	memcpy(bytes, source->bytes, have);
	length = insn_decode(cpu, bytes, have, cpu->rip, &block->insns[0]);
	if (length == DECODE_SHORT) {
		if (have >= room)
			goto beyond;
		if (source_open(cpu, cpu->fast[CPU_CS].base + cpu->rip + have, &second) != CPU_OK)
			return NULL;
		if (second.available > DECODE_MAX)
			second.available = DECODE_MAX;
		if (second.available > room - have)
			second.available = (unsigned)(room - have);
		source_announce(cpu, source, have);
		source_announce(cpu, &second, second.available);
		source_refresh(cpu, &second);
		source_refresh(cpu, source);
		memcpy(bytes, source->bytes, have);
		memcpy(bytes + have, second.bytes, second.available);
		length = insn_decode(cpu, bytes, have + second.available, cpu->rip, &block->insns[0]);
		if (length == DECODE_SHORT)
			goto beyond;
		crosses = true;
	}
	if (length == DECODE_LONG)
		goto beyond; /* over 15 bytes is #GP(0) too */
	if (crosses && source->page.code_version && source->page.host && second.page.code_version && second.page.host &&
		blocks->used + block_size(1, DECODE_MAX) <= blocks->size) {
		struct block **head = bucket(blocks, source->physical, cpu->rip, cpu->context);
		struct insn insn = block->insns[0];
		uint8_t *copy;

		block = (struct block *)(void *)(blocks->arena + blocks->used);
		counter_add(&blocks->used, block_size(1, DECODE_MAX));
		block_init(cpu, block, source);
		block->insns[0] = insn;
		copy = (uint8_t *)&block->insns[1];
		memcpy(copy, bytes, (unsigned)length);
		block->bytes = copy;
		block->crosses = true;
		block->physical2 = second.physical;
		block->version2_at = second.page.code_version;
		block->version2 = second.version;
		block->chain = *head;
		*head = block;
	} else {
		struct insn insn = block->insns[0];

		block_init(cpu, block, source);
		block->insns[0] = insn;
		block->crosses = true; /* never entered but through block_find() */
	}
	block->count = 1;
	block->length = (uint16_t)length;
	return block;
beyond:
	raise_limit(cpu);
	return NULL;
}

static unsigned block_decode(struct cpu *cpu, struct block *block, const uint8_t *bytes, unsigned available)
{
	unsigned at = 0;

	block->count = 0;
	while (block->count < cpu->blocks->insns_max && at < available) {
		struct insn *insn = &block->insns[block->count];
		int length = insn_decode(cpu, bytes + at, available - at, cpu->rip + at, insn);

		if (length <= 0)
			break; /* that one faults, or is a block of its own, when control gets there */
		block->count++;
		at += (unsigned)length;
		if (insn_ends_block(insn) && !(cpu->translator && insn_may_fall_through(insn)))
			break;
	}
	return at;
}

static struct block *block_make(struct cpu *cpu, struct source *source)
{
	struct cpu_blocks *blocks = cpu->blocks;
	uint64_t room = limit_room(cpu, cpu->rip);
	unsigned available = source->available < room ? source->available : (unsigned)room;
	struct block *block, **head;
	uint8_t bytes[BLOCK_INSNS * DECODE_MAX], *copy;
	unsigned length;

	if (!available) {
		raise_limit(cpu);
		return NULL;
	}
	counter_add(&blocks->decoded, 1);
	if (!source->page.host || !source->page.code_version)
		return block_single(cpu, source, available);
	if (blocks->used + 2 * block_size(BLOCK_INSNS, BLOCK_INSNS * DECODE_MAX) > blocks->size) {
		counter_add(&blocks->full, 1);
		blocks_reset(cpu);
	}
	block = (struct block *)(void *)(blocks->arena + blocks->used);
	source_refresh(cpu, source);
	if (available > sizeof(bytes))
		available = sizeof(bytes);
	do {
		memcpy(bytes, source->bytes, available);
		block_init(cpu, block, source);
		length = block_decode(cpu, block, bytes, available);
		if (!block->count)
			return block_single(cpu, source, available);
		/* Bytes count from when they are announced: they must still be what was decoded. */
		source_announce(cpu, source, length);
	} while (memcmp(bytes, source->bytes, length) != 0);
	copy = (uint8_t *)&block->insns[block->count];
	memcpy(copy, bytes, length);
	block->version = source->version;
	block->version_at = source->page.code_version;
	block->length = (uint16_t)length;
	block->bytes = copy;
	counter_add(&blocks->used, block_size(block->count, length));
	head = bucket(blocks, block->physical, block->rip, block->context);
	block->chain = *head;
	*head = block;
	return block;
}

/* The block that was here before the TLB was flushed, if the page still is. */
static struct block *block_again(struct cpu *cpu, struct block_jump *jump)
{
	struct block *block = jump->block;
	unsigned access = ACCESS_EXEC | (cpu->cpl == 3 ? ACCESS_USER : 0);
	uint64_t physical;

	if (!block || jump->rip != cpu->rip || jump->context != cpu->context || !block_current(cpu->blocks, block) ||
		block->length > limit_room(cpu, cpu->rip))
		return NULL;
	/* a fault is the fetch's own, and will be raised anew */
	if (paging_translate(cpu, (cpu->fast[CPU_CS].base + cpu->rip) & cpu->linear_mask, access, &physical) !=
			CPU_OK ||
		physical != block->physical)
		return NULL;
	jump->epoch = cpu->tlb->epoch;
	tlb_note_code(cpu->tlb, cpu->fast[CPU_CS].base + cpu->rip);
	return block;
}

struct block *block_find(struct cpu *cpu)
{
	struct cpu_blocks *blocks = cpu->blocks;
	struct block_jump *jump = &blocks->jumps[(cpu->rip ^ cpu->rip >> 12) % BLOCK_JUMPS];
	struct block **link, *block;
	struct source source = { .available = 0 };

	block = block_again(cpu, jump);
	if (block)
		return block;
	if (!limit_room(cpu, cpu->rip)) {
		raise_limit(cpu);
		return NULL;
	}
	if (source_open(cpu, cpu->fast[CPU_CS].base + cpu->rip, &source) != CPU_OK)
		return NULL;
	link = bucket(blocks, source.physical, cpu->rip, cpu->context);
	while ((block = *link) != NULL) {
		if (block->physical == source.physical && block->rip == cpu->rip && block->context == cpu->context) {
			if (block_verify(cpu, block, &source))
				break;
			/* Stale, or of another limit.  Its memory comes back with the next reset. */
			*link = block->chain;
			block->layout = 0;
			counter_add(&cpu->blocks->discarded, 1);
			continue;
		}
		link = &block->chain;
	}
	if (!block)
		block = block_make(cpu, &source);
	if (!block || block->crosses)
		return block;
	tlb_note_code(cpu->tlb, cpu->fast[CPU_CS].base + cpu->rip);
	jump->rip = cpu->rip;
	jump->context = cpu->context;
	jump->epoch = cpu->tlb->epoch;
	jump->block = block;
	return block;
}
