/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Cases for SSE3 and later, VEX, EVEX, and the later instructions on general registers.
 *
 * A vector instruction is a row of the engine's tables with random operands; one in eight has a bit of its prefix
 * changed, so that what is undefined shows, too.
 */
#include <cpuid.h>
#include <string.h>

#include "tests/cpu/generate_long.h"
#include "tests/cpu/native_vector.h"
#include "vmm/cpu/feature.h"
#include "vmm/cpu/vector_table.h"
#include "vmm/cpu/vex_table.h"

static void put(struct oracle_case *c, unsigned value)
{
	c->bytes[c->length++] = (uint8_t)value;
}

/* ---- state ---- */

static void vector_fill(struct random *r, unsigned kind, uint8_t *bytes, unsigned size)
{
	for (unsigned i = 0; i < size; i += 8) {
		uint64_t v[2] = { random_next(r), 0 };
		switch (kind) {
		case 0: v[0] = random_float(r, 8, 23) | random_float(r, 8, 23) << 32; break;
		case 1: v[0] = random_float(r, 11, 52); break;
		case 2: v[0] = random_integer(r) | (uint64_t)random_integer(r) << 32; break;
		case 3:
			v[0] = random_float(r, 5, 10) | random_float(r, 5, 10) << 16 | random_float(r, 5, 10) << 32 |
				random_float(r, 5, 10) << 48;
			break;
		default: break;
		}
		memcpy(bytes + i, v, 8);
	}
}

/* Vectors, most of them of one kind, and masks that leave something out, or little, or nothing. */
static void state_fill(struct random *r, struct oracle_case *c)
{
	unsigned kind = random_below(r, 6);

	generate_state(r, c);
	if (c->code64)
		generate_state_long(r, c);
	for (unsigned i = 0; i < (c->code64 ? 16 : 8); i++) {
		unsigned this = random_below(r, 8) ? kind : random_below(r, 6);
		vector_fill(r, this, c->fx.xmm[i], 16);
		vector_fill(r, this, c->extended.ymm_high[i], 16);
		vector_fill(r, this, c->extended.zmm_high[i], 32);
		if (c->code64)
			vector_fill(r, this, c->extended.zmm[i], 64);
		uint64_t mask = random_next(r);
		switch (random_below(r, 6)) {
		case 0: mask = UINT64_MAX; break;
		case 1: mask = 0; break;
		case 2: mask &= random_next(r) & random_next(r); break;
		case 3: mask |= random_next(r) | random_next(r); break;
		default: break;
		}
		c->extended.k[i & 7] = mask;
	}
	c->patch_length = 64;
	vector_fill(r, random_below(r, 8) ? kind : random_below(r, 6), c->patch, 64);
}

/* ---- operands ---- */

/* What prefixes say about memory operands. */
struct place {
	bool address16, address32; /* the latter in 64-bit code */
	uint8_t override;
	unsigned rex; /* X and B */
	uint16_t pinned;
	const struct row *row;
};

static void memory_put64(
	struct random *r, struct oracle_case *c, const struct place *place, unsigned reg, uint32_t target)
{
	struct long_builder b = { .r = *r,
		.c = c,
		.row = place->row,
		.pinned = place->pinned,
		.address32 = place->address32,
		.override = place->override,
		.rex = (uint8_t)place->rex,
		.target = target };
	generate_offset(&b);
	generate_address(&b, reg);
	*r = b.r;
}

/* A memory operand at about the target, with ModRM.reg as given. */
static void memory_put(
	struct random *r, struct oracle_case *c, const struct place *place, unsigned reg, uint32_t target)
{
	unsigned base = random_below(r, 8),
		 disp = random_below(r, 3) ? random_below(r, 5) - 2 : (unsigned)random_next(r);

	c->patch_offset = target & 0xffff;
	c->target = target;
	if (c->code64) {
		memory_put64(r, c, place, reg, target);
		return;
	}
	if (place->address16) { /* [BX], [DI], [SI] + disp8, or disp16 */
		static const uint8_t registers[4] = { 6, 7, 5, 3 };
		unsigned which = 4 + random_below(r, 4);
		if (which == 6) {
			put(c, reg << 3 | 6);
			put(c, target);
			put(c, target >> 8);
			return;
		}
		c->gpr[registers[which - 4]] = (target - (unsigned)(int8_t)disp) & 0xffff;
		put(c, 0x40 | reg << 3 | which);
		put(c, disp);
		return;
	}
	if (base == 5 && random_below(r, 2)) { /* absolute */
		put(c, reg << 3 | 5);
		for (unsigned i = 0; i < 32; i += 8)
			put(c, target >> i);
		return;
	}
	unsigned mod = base == 5 ? 1 + random_below(r, 2) : random_below(r, 3);
	disp = mod == 0 ? 0 : mod == 1 ? (unsigned)(int8_t)disp : disp;
	c->gpr[base] = target - disp;
	put(c, mod << 6 | reg << 3 | base);
	if (base == 4)
		put(c, 0x24);
	for (unsigned i = 0; i < (mod == 1 ? 8 : mod == 2 ? 32 : 0); i += 8)
		put(c, disp >> i);
}

static uint32_t target_choose(struct random *r, unsigned size, const struct oracle_case *c, const struct place *place)
{
	uint32_t target = generate_target(r, size ? size : 1);

	if (size && !(size & (size - 1)) && random_below(r, 4) >= (size >= 16 ? 1 : 2))
		target &= ~(size - 1u);
	if (c->code64) /* not to the native side's own pages */
		return target & (CODE_BASE - REGION_BASE - 1);
	if (place->address16) {
		target &= 0xffff;
		if (target > 0x10000 - 0x80) /* no operand wraps around */
			target = 0x4000;
	}
	return target;
}

/* Prefixes that any instruction may have. */
static struct place prefixes_put(struct random *r, const struct row *row, struct oracle_case *c)
{
	static const uint8_t overrides[4] = { 0x26, 0x36, 0x3e, 0x65 };
	struct place place = { .address16 = c->code16, .row = row };

	if (!random_below(r, 8)) {
		place.override = c->code64 ? (uint8_t)(0x64 + random_below(r, 2)) : overrides[random_below(r, 4)];
		put(c, place.override);
	}
	if (!random_below(r, 8)) {
		put(c, 0x67);
		place.address16 = !c->code64 && !c->code16;
		place.address32 = true;
	}
	return place;
}

static void modrm_put(
	struct random *r, struct oracle_case *c, const struct place *place, int digit, unsigned size, bool memory)
{
	unsigned reg = digit >= 0 ? (unsigned)digit : random_below(r, 8);

	if (memory)
		memory_put(r, c, place, reg, target_choose(r, size, c, place));
	else
		put(c, 0xc0 | reg << 3 | random_below(r, 8));
}

/* REX, in 64-bit code, now and then. */
static unsigned rex_put(struct random *r, struct oracle_case *c, struct place *place)
{
	unsigned rex = c->code64 && random_below(r, 4) ? random_below(r, 16) : 0;

	if (rex)
		put(c, 0x40 | rex);
	place->rex = rex & 3;
	return rex;
}

/* ---- legacy encodings ---- */

static bool sse_build(struct random *r, const struct row *row, struct oracle_case *c)
{
	static const uint16_t implicit[] = { 0x210, 0x214, 0x215, 0x2cb, 0x360, 0x361, 0x362, 0x363 };
	unsigned map, opcode, prefix = 0x66, size = 16, flags = 0, count = 0;
	int digit = -1;

	while (vector_row(count))
		count++;
	if (!random_below(r, 8)) {
		unsigned which = random_below(r, 8);
		map = implicit[which] >> 8;
		opcode = implicit[which] & 0xff;
		if (which == 3)
			prefix = 0;
		flags = which > 3 ? VECTOR_IMMEDIATE : 0;
	} else {
		const struct vector_row *vector;
		do
			vector = vector_row(random_below(r, count));
		while (vector->feature < FEATURE_SSE3);
		map = vector->map;
		opcode = vector->opcode;
		prefix = vector->prefix;
		size = vector->size;
		flags = vector->flags;
		digit = vector->digit == 0xff ? -1 : vector->digit;
	}
	bool memory = flags & VECTOR_MEMORY_ONLY || (!(flags & VECTOR_REGISTER_ONLY) && random_below(r, 5) < 3);
	if (!random_below(r, 64))
		memory = !memory;
	state_fill(r, c);
	if (map == 3 && opcode >= 0x60 && opcode <= 0x63) { /* lengths that matter */
		c->gpr[0] = random_below(r, 40) - 20;
		c->gpr[2] = random_below(r, 40) - 20;
	}
	struct place place = prefixes_put(r, row, c);
	/* AMD's SHA instructions take operands at any address, Intel's do not (SDM vol. 2, type 4) */
	bool sha = (map == 2 && opcode >= 0xc8 && opcode <= 0xcd) || (map == 3 && opcode == 0xcc);
	if (prefix)
		put(c, prefix);
	rex_put(r, c, &place);
	put(c, 0x0f);
	if (map > 1)
		put(c, map == 2 ? 0x38 : 0x3a);
	put(c, opcode);
	if (sha && memory)
		memory_put(r, c, &place, random_below(r, 8), target_choose(r, 16, c, &place) & ~15u);
	else
		modrm_put(r, c, &place, digit, size, memory);
	if (flags & VECTOR_IMMEDIATE)
		put(c, (unsigned)random_next(r));
	return true;
}

/* ---- VEX and EVEX ---- */

static unsigned prefix_bits(unsigned prefix)
{
	return prefix == 0x66 ? 1 : prefix == 0xf3 ? 2 : prefix == 0xf2 ? 3 : 0;
}

/* The fields of both prefixes, as bits are in them. */
struct fields {
	unsigned map, pp, w, length, vvvv, aaa, z, b;
	unsigned rex, r2; /* R, X and B; R' */
};

static void vex_put(struct random *r, struct oracle_case *c, const struct fields *f)
{
	if (f->map == 1 && !f->w && !(f->rex & 3) && random_below(r, 2)) {
		put(c, 0xc5);
		put(c, (f->rex & 4 ? 0 : 0x80) | (~f->vvvv & 15) << 3 | (f->length & 1) << 2 | f->pp);
		return;
	}
	put(c, 0xc4);
	/* B is not looked at outside of 64-bit mode */
	put(c, ((~f->rex & 7) << 5 ^ (c->code64 || random_below(r, 4) ? 0 : 0x20)) | f->map);
	put(c, f->w << 7 | (~f->vvvv & 15) << 3 | (f->length & 1) << 2 | f->pp);
}

static void evex_put(struct oracle_case *c, const struct fields *f)
{
	put(c, 0x62);
	put(c, (~f->rex & 7) << 5 | (~f->r2 & 1) << 4 | f->map);
	put(c, f->w << 7 | (~f->vvvv & 15) << 3 | 4 | f->pp);
	put(c, f->z << 7 | f->length << 5 | f->b << 4 | (~f->vvvv >> 4 & 1) << 3 | f->aaa);
}

/* Change something.  0 to 2: nothing that makes another instruction of one on general registers. */
static void fields_spoil(struct random *r, struct fields *f, bool evex, bool scalar)
{
	/* numbers of registers that may not exist, in 64-bit code */
	if (f->rex && !random_below(r, 4)) {
		f->rex = random_below(r, 8);
		f->r2 = evex ? random_below(r, 2) : 0;
		f->vvvv |= evex ? random_below(r, 2) << 4 : 0;
		return;
	}
	switch (random_below(r, evex ? 8 : scalar ? 3 : 5)) {
	case 0: f->w ^= 1; break;
	case 1: f->length = random_below(r, evex ? 4 : 2); break;
	case 2: f->vvvv = random_below(r, 8); break;
	case 3: f->pp = random_below(r, 4); break;
	case 4: f->map = 1 + random_below(r, 3); break;
	case 5: f->aaa = random_below(r, 8); break;
	case 6: f->z ^= 1; break;
	default: f->b ^= 1; break;
	}
}

static bool vex_build(struct random *r, const struct row *case_row, struct oracle_case *c, bool evex)
{
	const struct vex_row *row = evex ? &evex_rows[random_below(r, evex_row_count)]
					 : &vex_rows[random_below(r, vex_row_count)];
	bool memory = row->flags & VEX_MEMORY_ONLY || (!(row->flags & VEX_REGISTER_ONLY) && random_below(r, 5) < 3);
	struct fields f = { .map = row->opcode >> 8, .pp = prefix_bits(row->prefix) };
	bool vvvv = row->vvvv && !(row->flags & VEX_REGISTER_VVVV && memory);
	unsigned opcode = row->opcode & 0xff;

	f.w = row->w == VEX_W_ANY ? random_below(r, 2) : row->w;
	do
		f.length = random_below(r, 3);
	while (!(row->lengths >> f.length & 1));
	f.vvvv = vvvv ? random_below(r, c->code64 && row->vvvv != THUNK_MASK ? 16 : 8) : 0;
	if (c->code64) {
		f.rex = random_below(r, 8);
		if (evex && row->reg == THUNK_XMM)
			f.r2 = random_below(r, 2);
		if (evex && vvvv)
			f.vvvv |= random_below(r, 2) << 4;
		if (row->reg == THUNK_MASK)
			f.rex &= 3;
	}
	if (evex) {
		f.aaa = row->flags & VEX_MASK && random_below(r, 3) ? random_below(r, 8) : 0;
		f.z = f.aaa && row->flags & VEX_ZERO && !(memory && row->flags & VEX_STORE) && random_below(r, 2);
		f.b = row->flags & (memory ? VEX_BROADCAST : VEX_ROUNDING) && !random_below(r, 3);
		if (f.b && !memory)
			f.length = random_below(r, 4);
	}
	if (!random_below(r, 8))
		fields_spoil(r, &f, evex, false);
	/* VPERMQ and VPERMPD with W clear are undefined, but AMD's are not */
	if (f.map == 3 && opcode < 2)
		f.w = 1;
	if (!random_below(r, 32))
		memory = !memory;
	unsigned vector = 16u << (f.length & 3);
	unsigned size = f.b ? 4u << f.w : row->memory < VEX_FULL ? row->memory : vector >> (row->memory - VEX_FULL);
	state_fill(r, c);
	if (row->flags & VEX_STRING) {
		f.w &= c->code64; /* outside of 64-bit mode Intel ignores it, AMD does not */
		c->gpr[0] = random_below(r, 40) - 20;
		c->gpr[2] = random_below(r, 40) - 20;
	}
	struct place place = prefixes_put(r, case_row, c);
	place.rex = f.rex & 3;
	if (evex)
		evex_put(c, &f);
	else
		vex_put(r, c, &f);
	put(c, opcode);
	modrm_put(r, c, &place, row->digit == 0xff ? -1 : row->digit, size, memory);
	bool immediate = f.map == 3 ||
		(f.map == 1 &&
			((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6)));
	if (immediate)
		put(c, (unsigned)random_next(r));
	return c->length <= 15;
}

/* ---- gathers ---- */

static bool gather_build(struct random *r, struct oracle_case *c)
{
	bool evex = random_below(r, 2), scatter = evex && random_below(r, 2);
	struct fields f = { .map = 2, .pp = 1, .w = random_below(r, 2), .length = random_below(r, evex ? 3 : 2) };
	unsigned opcode = (scatter ? 0xa0 : 0x90) + random_below(r, 4), numbers = c->code64 ? 16 : 8;
	unsigned base = random_below(r, numbers), index = random_below(r, c->code64 && evex ? 32 : numbers);
	unsigned reg = random_below(r, c->code64 && evex ? 32 : numbers), scale = random_below(r, 4);
	bool wide = opcode & 1;
	uint8_t indexes[64];

	f.vvvv = evex ? index & 16 : random_below(r, numbers);
	f.rex = (reg & 8) >> 1 | (index & 8) >> 2 | base >> 3;
	f.r2 = reg >> 4;
	f.aaa = evex ? random_below(r, 8) : 0;
	state_fill(r, c);
	/* indexes that stay in the region, most of them on pages that exist */
	for (unsigned i = 0; i < 64; i += wide ? 8 : 4) {
		int64_t value = (int64_t)(random_below(r, 16) ? random_below(r, 0x400) : random_below(r, 0x4000)) -
			0x80;
		value >>= scale;
		memcpy(indexes + i, &value, wide ? 8 : 4);
	}
	if (index >= 16) {
		memcpy(c->extended.zmm[index - 16], indexes, 64);
	} else {
		memcpy(c->fx.xmm[index], indexes, 16);
		memcpy(c->extended.ymm_high[index], indexes + 16, 16);
		memcpy(c->extended.zmm_high[index], indexes + 32, 32);
	}
	c->gpr[base] = random_below(r, 8) ? 0x4000 + random_below(r, 0x1800) : generate_target(r, 4);
	c->patch_offset = c->gpr[base] & 0xffff;
	if (c->code64) {
		c->gpr[base] &= CODE_BASE - REGION_BASE - 1;
		c->gpr[base] += REGION_BASE + (random_below(r, 2) ? HIGH_DELTA : 0);
	}
	if (!random_below(r, 16)) {
		struct fields before = f;
		fields_spoil(r, &f, evex, false);
		if (c->code64) { /* other registers' addresses might be the native side's own */
			f.rex = before.rex;
			f.r2 = before.r2;
			f.vvvv = evex ? (f.vvvv & 15) | (before.vvvv & 16) : f.vvvv & 15;
		}
	}
	if (!random_below(r, 8) && !c->code64)
		put(c, 0x65);
	if (c->code64 && !random_below(r, 8)) {
		put(c, 0x67);
		c->gpr[base] &= 0xffffffff;
	}
	if (evex)
		evex_put(c, &f);
	else
		vex_put(r, c, &f);
	put(c, opcode);
	if (!random_below(r, 64)) {
		put(c, 0xc0 | (reg & 7) << 3 | random_below(r, 8));
		return true;
	}
	put(c, 0x40 | (reg & 7) << 3 | 4);
	put(c, scale << 6 | (index & 7) << 3 | (base & 7));
	put(c, random_below(r, 8) - 4);
	return true;
}

/* ---- XSAVE ---- */

/* Components up to AVX only: where the others are, is the host's affair. */
static bool xsave_build(struct random *r, const struct row *row, struct oracle_case *c)
{
	uint64_t header[8] = { random_below(r, 8) };

	state_fill(r, c);
	for (unsigned i = 0; i < 16; i++) { /* components that are not in use */
		if (c->gpr[7] & 1)
			memset(c->extended.ymm_high[i], 0, 16);
		if (c->gpr[7] & 2)
			memset(c->fx.xmm[i], 0, 16);
	}
	struct place place = prefixes_put(r, row, c);
	place.pinned = 1u << 0 | 1u << 2;
	rex_put(r, c, &place);
	put(c, 0x0f);
	put(c, row->first);
	uint32_t target = generate_target(r, 832) & (random_below(r, 8) ? ~63u : ~15u);
	if (c->code64)
		target &= CODE_BASE - REGION_BASE - 1;
	if (place.address16 && (target &= 0xffff) > 0x10000 - 0x400) /* do not wrap around */
		target = 0x4000;
	uint64_t bits = c->gpr[0] = random_below(r, 8) | (random_below(r, 4) ? 0 : 0x18);
	c->gpr[2] = 0;
	memory_put(r, c, &place, (unsigned)row->digit, target);
	if (c->gpr[0] != bits || c->gpr[2]) /* they say what is to be saved */
		return false;
	/* what there is to be restored, and mistakes in it */
	for (unsigned i = 0; i < 832; i += 16)
		random_value(r, c->patch + i);
	uint32_t mxcsr = (uint32_t)random_next(r) & (random_below(r, 16) ? 0xffffu : 0xfffdffffu);
	memcpy(c->patch + 24, &mxcsr, 4);
	if (!random_below(r, 4)) {
		header[1] = (uint64_t)1 << 63 | header[0] | random_below(r, 8);
		if (!random_below(r, 8))
			header[2 + random_below(r, 6)] = 1;
	}
	if (!random_below(r, 16))
		header[random_below(r, 3)] ^= (uint64_t)1 << (random_below(r, 2) ? random_below(r, 9) : 63);
	memcpy(c->patch + 512, header, 64);
	c->patch_length = 832;
	if (!c->code64 && (c->bytes[0] == 0x26 || c->bytes[0] == 0x65)) /* a segment that begins a bit further up */
		c->patch_offset = (c->patch_offset + OTHER_OFFSET) & 0xffff;
	return true;
}

/* ---- general registers ---- */

static bool scalar_build(struct random *r, const struct row *row, struct oracle_case *c)
{
	bool memory = row->form == FORM_MEMORY || random_below(r, 2);
	bool prefix66 = row->special == SPECIAL_NONE && !random_below(r, 4);

	state_fill(r, c);
	if (random_below(r, 2)) /* counts, starts and lengths */
		c->gpr[random_below(r, 8)] = random_below(r, 40) | random_below(r, 40) << 8;
	struct place place = prefixes_put(r, row, c);
	if (row->special == SPECIAL_VEX) {
		struct fields f = { .map = row->map, .pp = prefix_bits(row->last), .w = random_below(r, 2) };
		f.vvvv = row->map == 3 ? 0 : random_below(r, c->code64 ? 16 : 8);
		f.rex = c->code64 ? random_below(r, 8) : 0;
		if (!random_below(r, 16))
			fields_spoil(r, &f, false, true);
		place.rex = f.rex & 3;
		vex_put(r, c, &f);
	} else {
		if (prefix66)
			put(c, 0x66);
		if (row->last)
			put(c, row->last);
		rex_put(r, c, &place);
		put(c, 0x0f);
		if (row->map > 1)
			put(c, 0x38);
	}
	put(c, row->first);
	modrm_put(r, c, &place, row->digit, 4, memory);
	if (row->immediate == IMM_8)
		put(c, (unsigned)random_next(r));
	return true;
}

/* The engine executes these itself, with or without the host. */
static bool host_has(unsigned class)
{
	static const uint32_t scalar = 1u << 3 | 1u << 8 | 1u << 19 | 1u << 23 |
		1u << 24;      /* BMI1, BMI2, ADX, CLFLUSHOPT, CLWB */
	static uint32_t known; /* of this program only: CPUID takes long */
	uint32_t eax, ebx, ecx, edx;

	if (!known) {
		struct native_layout layout;
		native_layout_read(&layout);
		known = 1;
		if (layout.components & 4 && __get_cpuid_count(0xd, 1, &eax, &ebx, &ecx, &edx) && (eax & 3) == 3)
			known |= 2;
		if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & scalar) == scalar)
			known |= 4;
	}
	return (class != CLASS_XSAVE || known & 2) && (class != CLASS_SCALAR || known & 4);
}

bool generate_vector(struct random *r, const struct row *row, unsigned width, struct oracle_case *c)
{
	memset(c, 0, sizeof(*c));
	c->code16 = width == 16;
	c->code64 = width == 64;
	if (!host_has(row->class)) {
		state_fill(r, c);
		put(c, 0x90);
		return true;
	}
	switch (row->class) {
	case CLASS_SSE: return sse_build(r, row, c);
	case CLASS_SCALAR: return scalar_build(r, row, c);
	case CLASS_VEX: return vex_build(r, row, c, false);
	case CLASS_EVEX: return vex_build(r, row, c, true);
	case CLASS_XSAVE: return xsave_build(r, row, c);
	default: return gather_build(r, c);
	}
}
