/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Registers and memory operands.
 */
#include "vmm/cpu/mode.h"
#include "vmm/translate/t1.h"

unsigned t1_host(unsigned guest)
{
	static const uint8_t map[16] = { HOST_RAX, HOST_RCX, HOST_RDX, HOST_RBX, HOST_R9, HOST_RBP, HOST_RSI, HOST_RDI,
		HOST_R8, T1_SLOT, T1_SLOT, T1_SLOT, 12, 13, 14, 15 };

	return map[guest];
}

static struct host_rm slot(unsigned guest)
{
	return rm_state(offsetof(struct cpu, gpr) + guest * 8);
}

unsigned t1_in(struct t1_translation *t, unsigned guest, unsigned scratch)
{
	unsigned host = t1_host(guest);

	if (host != T1_SLOT)
		return host;
	emit_load(&t->e, 8, scratch, slot(guest));
	return scratch;
}

unsigned t1_out(unsigned guest, unsigned scratch)
{
	unsigned host = t1_host(guest);

	return host != T1_SLOT ? host : scratch;
}

void t1_commit(struct t1_translation *t, unsigned guest, unsigned host)
{
	if (t1_host(guest) == T1_SLOT)
		emit_store(&t->e, 8, slot(guest), host);
}

struct t1_site *t1_site_make(struct t1_translation *t)
{
	struct t1_site *site = t1_data(t, sizeof(*site));

	if (!site)
		return NULL;
	site->insn = t->insn;
	site->rip = t->rip;
	site->next = t->next;
	site->block = t->block;
	site->behind = t->block->count - t->number;
	return site;
}

struct t1_site *t1_site(struct t1_translation *t)
{
	if (!t->site)
		t->site = t1_site_make(t);
	return t->site;
}

void t1_stub(struct t1_translation *t, uint8_t *distance, enum t1_stub_kind kind, void *subject)
{
	if (t->stub_count == T1_STUBS || !subject) {
		t->failed = true;
		return;
	}
	t->stubs[t->stub_count++] = (struct t1_stub){ distance, kind, subject };
}

void t1_miss(struct t1_translation *t, unsigned cc)
{
	t1_stub(t, emit_jcc(&t->e, cc), T1_STUB_SITE, t1_site(t));
}

void t1_effective(struct t1_translation *t, unsigned reg)
{
	const struct insn *insn = t->insn;
	unsigned base = HOST_NONE, index = HOST_NONE, size = insn->address_size == 8 ? 8 : 4;
	int64_t displacement = insn->displacement;

	if (insn->ea_base < 16)
		base = t1_in(t, insn->ea_base, HOST_R10);
	if (insn->ea_index < 16)
		index = t1_in(t, insn->ea_index, HOST_R11);
	if (base == HOST_NONE && index == HOST_NONE)
		emit_constant(&t->e, reg, (uint64_t)displacement & (~0ull >> insn->ea_shift));
	else if (displacement == 0 && index == HOST_NONE)
		emit_move(&t->e, size, reg, base);
	else
		emit_rm(&t->e, 0x8d, size, reg, rm_indexed(base, index, insn->scale, (int32_t)displacement));
	if (insn->address_size == 2 && base != HOST_NONE)
		emit_rm(&t->e, 0x1b7, 4, reg, rm_register(reg));
	else if (size == 4 && displacement == 0 && index == HOST_NONE && base == reg)
		emit_rm(&t->e, 0x89, 4, reg, rm_register(reg)); /* only cuts it to 32 bits */
}

/* R10: from an offset to a linear address. */
static void segment_apply(struct t1_translation *t, unsigned segment, unsigned size, bool write)
{
	size_t fast = offsetof(struct cpu, fast) + segment * sizeof(struct cpu_fast_segment);
	size_t end = write ? offsetof(struct cpu_fast_segment, write_end) : offsetof(struct cpu_fast_segment, read_end);

	if (t->insn->code64) {
		if (segment >= CPU_FS)
			emit_rm(&t->e, 0x03, 8, HOST_R10, rm_state(fast + offsetof(struct cpu_fast_segment, base)));
		return;
	}
	if (t->flat && segment < CPU_FS && segment != CPU_CS)
		return;
	emit_rm(&t->e, 0x8d, 8, HOST_R11, rm_memory(HOST_R10, (int32_t)size));
	emit_rm(&t->e, 0x3b, 8, HOST_R11, rm_state(fast + end));
	t1_miss(t, CC_A);
	emit_rm(&t->e, 0x03, 4, HOST_R10, rm_state(fast + offsetof(struct cpu_fast_segment, base)));
}

static const struct tlb_entry *tlb_array(const struct t1_translation *t, bool write)
{
	uint32_t kind = (uint32_t)(t->block->context >> 32) >> MODE_KIND_SHIFT & MODE_KIND_MASK;

	return write ? t->cpu->tlb->write[kind] : t->cpu->tlb->read[kind];
}

static size_t tlb_array_at(const struct t1_translation *t, bool write)
{
	return (size_t)((const uint8_t *)tlb_array(t, write) - (const uint8_t *)t->cpu);
}

uint8_t *t1_check(struct t1_translation *t, unsigned size, bool write)
{
	t->held = T1_NO_GROUP;
	size_t at = tlb_array_at(t, write);

	if (t->t1->bmi2) {
		static const uint8_t rorx[6] = { 0xc4, 0x43, 0x7b, 0xf0, 0xda, 12 - 4 }; /* r11d, r10d, 8 */

		memcpy(t->e.at, rorx, sizeof(rorx));
		t->e.at += sizeof(rorx);
	} else {
		emit_move(&t->e, 4, HOST_R11, HOST_R10);
		emit_op(&t->e, 0xc1, 4, 5, rm_register(HOST_R11), 0, 1); /* shr */
		emit8(&t->e, 12 - 4);
	}
	emit_group1(&t->e, 4, 4, rm_register(HOST_R11), (TLB_SIZE - 1) * sizeof(struct tlb_entry)); /* and */
	emit_rm(&t->e, 0x2b, 8, HOST_R10, rm_state_at(HOST_R11, at + offsetof(struct tlb_entry, tag)));
	emit_group1(&t->e, 7, 8, rm_register(HOST_R10), CPU_PAGE_SIZE - size); /* cmp */
	return emit_jcc(&t->e, CC_A);
}

void t1_host_add(struct t1_translation *t, bool write)
{
	size_t at = tlb_array_at(t, write);

	emit_rm(&t->e, 0x03, 8, HOST_R10, rm_state_at(HOST_R11, at + offsetof(struct tlb_entry, tag)));
	emit_rm(&t->e, 0x03, 8, HOST_R10, rm_state_at(HOST_R11, at + offsetof(struct tlb_entry, addend)));
}

void t1_addend_load(struct t1_translation *t, bool write)
{
	size_t at = tlb_array_at(t, write);

	emit_load(&t->e, 8, HOST_R11, rm_state_at(HOST_R11, at + offsetof(struct tlb_entry, addend)));
}

struct t1_access *t1_access(struct t1_translation *t, unsigned size, bool write)
{
	uint32_t kind = (uint32_t)(t->block->context >> 32) >> MODE_KIND_SHIFT & MODE_KIND_MASK;
	struct t1_access *access;

	if (t->access_count == T1_ACCESSES) {
		t->failed = true;
		return NULL;
	}
	access = &t->accesses[t->access_count++];
	*access = (struct t1_access){ .site = t1_site(t),
		.tags = tlb_array_at(t, write) + offsetof(struct tlb_entry, tag),
		.what = T1_REFILL(size, write, kind) };
	return access;
}

/* R10: a linear address in the page that `size` bytes of it are in, for sure; R11: its index. */
static void check(struct t1_translation *t, unsigned size, bool write)
{
	struct t1_access *access = t1_access(t, size, write);

	if (!access)
		return;
	access->retry = emit_here(&t->e);
	t1_stub(t, t1_check(t, size, write), T1_STUB_MISS, access);
}

void t1_lookup(struct t1_translation *t, unsigned segment, unsigned size, bool write)
{
	t->displacement = 0;
	t->indexed = false;
	t1_flags_spill(t, t->needed[t->number]);
	segment_apply(t, segment, size, write);
	check(t, size, write);
	t1_host_add(t, write);
}

/* May the operand be addressed by its own registers and what is between guest and host?  R11 is that then, so that no
 * register may have to be fetched to it. */
static bool direct_fit(const struct t1_translation *t)
{
	const struct insn *insn = t->insn;

	if (!t1_segment_flat(t, insn->segment) || insn->address_size != (insn->code64 ? 8 : 4))
		return false;
	/* vector registers have numbers to 31 */
	if (insn->ea_base >= 16 || (insn->reg < 16 && t1_host(insn->reg) == T1_SLOT))
		return false;
	return insn->ea_index >= 16 || t1_host(insn->ea_index) != T1_SLOT;
}

/* What is looked up is not on the way to the operand's address, as it is with t1_lookup(). */
static void direct(struct t1_translation *t, unsigned size, bool write)
{
	const struct insn *insn = t->insn;
	unsigned base = t1_host(insn->ea_base);

	t1_flags_spill(t, t->needed[t->number]);
	t1_effective(t, HOST_R10);
	check(t, size, write);
	t1_addend_load(t, write);
	t->indexed = true;
	t->index = HOST_R11;
	t->scale = 0;
	/* 32-bit addresses must be cut anew; bytes of a register are moved about before their access */
	if (insn->code64 && size > 1 && insn->ea_index >= 16 && base != T1_SLOT) {
		t->base = (uint8_t)base;
		t->displacement = (int32_t)insn->displacement;
		return;
	}
	t1_effective(t, HOST_R10);
	t->base = HOST_R10;
	t->displacement = 0;
}

static void operand(struct t1_translation *t, unsigned size, bool write)
{
	const struct insn *insn = t->insn;

	const struct t1_place place = { .base = insn->ea_base < 16 ? insn->ea_base : T1_NO_BASE,
		.index = insn->ea_index < 16 ? insn->ea_index : T1_NO_BASE,
		.scale = insn->scale,
		.segment = insn->segment,
		.displacement = insn->displacement };

	/* vector registers have numbers to 31 */
	bool exact = insn->reg < 16 && t1_host(insn->reg) == T1_SLOT;

	if (insn->address_size == (insn->code64 ? 8 : 4) && t1_reach_grouped(t, &place, size, write, exact))
		return;
	if (direct_fit(t)) {
		direct(t, size, write);
		return;
	}
	t1_effective(t, HOST_R10);
	t1_lookup(t, insn->segment, size, write);
}

void t1_operand(struct t1_translation *t, unsigned size, bool write)
{
	t->align = 0;
	operand(t, size, write);
}

void t1_operand_aligned(struct t1_translation *t, unsigned size, bool write)
{
	t->align = (uint8_t)(size - 1);
	operand(t, size, write);
}

struct host_rm t1_memory(const struct t1_translation *t)
{
	if (t->indexed)
		return rm_indexed(t->base, t->index, t->scale, t->displacement);
	return rm_memory(HOST_R10, t->displacement);
}

void t1_memory_exact(struct t1_translation *t)
{
	t->held = T1_NO_GROUP;
	if (t->indexed || t->displacement)
		emit_rm(&t->e, 0x8d, 8, HOST_R10, t1_memory(t));
	t->displacement = 0;
	t->indexed = false;
}

void t1_bytes_swap(struct t1_translation *t, unsigned reg)
{
	emit_op(&t->e, 0x86, 1, reg + 4, rm_register(reg), EMIT_HIGH, 0);
}

bool t1_stack_flat(const struct t1_translation *t)
{
	return t->insn->code64 || (t->flat && t->block->context >> 32 & MODE_STACK32);
}
