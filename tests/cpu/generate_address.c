/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Memory operands of 64-bit code: an encoding is drawn, and registers are set so that it comes to the address.
 */
#include "tests/cpu/generate_long.h"

#include <string.h>

uint64_t generate_odd_address(struct random *r)
{
	static const uint64_t addresses[] = { 0x800000000000, 0x800000000000, 0xffff800000000000, 0x7fffffffffffffff,
		0x8000000000000000, 0 };
	uint64_t address = addresses[random_below(r, 6)];
	switch (random_below(r, 4)) {
	case 0: return address;
	case 1: return address - 0x1000 + random_below(r, 0x800);
	default: return address + random_below(r, 32) - 16;
	}
}

static uint64_t segment_base(const struct long_builder *b)
{
	return b->override == 0x64 ? b->c->fs_base : b->override == 0x65 ? b->c->gs_base : 0;
}

void generate_offset(struct long_builder *b)
{
	struct random *r = &b->r;
	uint64_t base = segment_base(b), linear = REGION_BASE + (uint64_t)b->target;
	/* With 32-bit addresses the base alone decides in which half of the world they are. */
	bool high = b->address32 ? base > 0xffffffff && base >> 63 == 0 : random_below(r, 2);
	b->offset = linear + (high ? HIGH_DELTA : 0) - base;
	bool ours = b->row->special == SPECIAL_TARGET ||
		b->row->special == SPECIAL_FAR; /* where it leads to is known */
	if (!b->address32 && !ours && !random_below(r, 32))
		b->offset = b->override && !generate_host_is_intel() ? random_next(r) >> 2 | 1ull << 62
								     : generate_odd_address(r);
	if (b->address32 && ours && b->offset >> 32) /* not reached from that base */
		b->override = 0;
	if (b->address32 && ours)
		b->offset = b->override ? b->offset : linear;
	if (b->address32)
		b->offset &= 0xffffffff;
}

struct encoding {
	unsigned mod, rm, sib;
	int base, index; /* -1: none */
	unsigned scale;
	bool rip;
};

static struct encoding encoding_draw(struct long_builder *b)
{
	struct random *r = &b->r;
	struct encoding e = { random_below(r, 3), random_below(r, 8), 0, -1, -1, 0, false };
	int high_base = b->rex & 1 ? 8 : 0, high_index = b->rex & 2 ? 8 : 0;
	if (e.rm == 4) {
		e.sib = random_below(r, 256);
		e.scale = e.sib >> 6;
		e.index = (int)(e.sib >> 3 & 7) + high_index;
		if (e.index == 4)
			e.index = -1;
		if ((e.sib & 7) != 5 || e.mod)
			e.base = (int)(e.sib & 7) + high_base;
	} else if (e.rm == 5 && !e.mod) {
		e.rip = true;
	} else {
		e.base = (int)e.rm + high_base;
	}
	return e;
}

static bool may_set(const struct long_builder *b, int reg)
{
	return reg >= 0 && !(b->pinned >> reg & 1);
}

/* Within the reach of what bits there are? */
static bool fits(const struct long_builder *b, uint64_t displacement, unsigned mod)
{
	if (mod == 1)
		return displacement == (uint64_t)(int8_t)displacement;
	return b->address32 || displacement == (uint64_t)(int32_t)displacement;
}

static uint64_t displacement_draw(struct random *r, unsigned mod)
{
	if (mod == 1)
		return (uint64_t)(int8_t)random_next(r);
	return random_below(r, 2) ? (uint64_t)(int32_t)random_integer(r) : (uint64_t)(int8_t)random_next(r);
}

/* Set a register to what is missing; 32-bit addresses do not look at its upper half. */
static void register_set(struct long_builder *b, int reg, uint64_t value)
{
	if (b->address32)
		value = (value & 0xffffffff) | (random_below(&b->r, 2) ? random_next(&b->r) << 32 : 0);
	b->c->gpr[reg] = value;
}

/* Find registers and a displacement.  False: this encoding cannot come to the offset. */
static bool encoding_solve(struct long_builder *b, const struct encoding *e, uint64_t *displacement)
{
	uint64_t *gpr = b->c->gpr;
	bool has_displacement = e->mod || e->base < 0;
	*displacement = has_displacement ? displacement_draw(&b->r, e->base < 0 ? 2 : e->mod) : 0;
	if (e->base >= 0 && e->base == e->index) {
		if (e->mod != 2)
			return false;
		if (may_set(b, e->base))
			register_set(b, e->base, b->offset / (1 + (1u << e->scale)));
	} else if (may_set(b, e->base)) {
		register_set(b, e->base, b->offset - *displacement - (e->index >= 0 ? gpr[e->index] << e->scale : 0));
	} else if (may_set(b, e->index)) {
		register_set(b, e->index, (b->offset - *displacement - (e->base >= 0 ? gpr[e->base] : 0)) >> e->scale);
	}
	uint64_t sum = (e->base >= 0 ? gpr[e->base] : 0) + (e->index >= 0 ? gpr[e->index] << e->scale : 0);
	uint64_t rest = b->offset - sum;
	if (!has_displacement) {
		*displacement = 0;
		return (b->address32 ? (uint32_t)rest : rest) == 0;
	}
	if (b->address32)
		rest = (uint64_t)(int32_t)rest;
	*displacement = rest;
	return fits(b, rest, e->base < 0 ? 2 : e->mod);
}

static bool rip_reaches(const struct long_builder *b)
{
	uint64_t distance = b->offset - CODE_BASE - (b->c->high ? HIGH_DELTA : 0);
	return b->address32 || (distance + 0x7fff0000) >> 32 == 0;
}

static void put(struct long_builder *b, unsigned size, uint64_t value)
{
	memcpy(b->c->bytes + b->c->length, &value, size);
	b->c->length = (uint8_t)(b->c->length + size);
}

/* When nothing else does: a register of its own. */
static struct encoding encoding_plain(struct long_builder *b)
{
	struct encoding e = { 2, 0, 0, -1, -1, 0, false };
	for (unsigned i = 0; i < 8; i++) {
		e.rm = i;
		e.base = (int)(i | (b->rex & 1) << 3);
		if (i != 4 && may_set(b, e.base))
			break;
	}
	return e;
}

void generate_address(struct long_builder *b, unsigned reg)
{
	struct encoding e = encoding_draw(b);
	uint64_t displacement = 0;
	for (unsigned tries = 0; e.rip ? !rip_reaches(b) : !encoding_solve(b, &e, &displacement); tries++)
		e = tries < 4 ? encoding_draw(b) : encoding_plain(b);
	put(b, 1, e.mod << 6 | reg << 3 | e.rm);
	if (e.rip) {
		b->c->rip_at = b->c->length;
		b->c->rip_target = b->offset;
		put(b, 4, 0);
		return;
	}
	if (e.rm == 4)
		put(b, 1, e.sib);
	if (e.mod == 1)
		put(b, 1, displacement);
	else if (e.mod == 2 || e.base < 0)
		put(b, 4, displacement);
}
