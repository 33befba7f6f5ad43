/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The generator: case `index` of `seed` is always the same case.
 */
#include "tests/cpu/generate.h"

#include <string.h>

static const char *const class_names[CLASSES + 1] = { "alu", "shift", "multiply", "bit", "move", "stack", "string",
	"branch", "decimal", "misc", "x87", "vector", "decode", "sse", "scalar", "vex", "evex", "gather", "xsave",
	"long", NULL };

const char *generate_class_name(unsigned number)
{
	return class_names[number];
}

int generate_class_number(const char *name)
{
	for (int i = 0; class_names[i]; i++)
		if (!strcmp(class_names[i], name))
			return i;
	return -1;
}

unsigned generate_row_class(unsigned row)
{
	return oracle_rows[row].class;
}

void generate_template(uint64_t seed, uint8_t *region)
{
	struct random r = random_start(seed, ~(uint64_t)0);
	for (unsigned i = 0; i < REGION_PAGES * 4096; i += 16)
		random_value(&r, region + i);
}

struct builder {
	struct random r;
	struct oracle_case *c;
	const struct row *row;
	uint16_t pinned; /* registers whose value must stay */
	bool operand16, address16;
	uint32_t target; /* offset that the memory operand shall have */
	unsigned target_size;
};

static void put8(struct builder *b, unsigned value)
{
	b->c->bytes[b->c->length++] = (uint8_t)value;
}

static void put16(struct builder *b, unsigned value)
{
	put8(b, value);
	put8(b, value >> 8);
}

static void put32(struct builder *b, uint32_t value)
{
	put16(b, value);
	put16(b, value >> 16);
}

/* An offset for an operand of this size: mostly well inside, sometimes across a page or out of what exists. */
uint32_t generate_target(struct random *r, unsigned size)
{
	unsigned what = random_below(r, 32);
	if (what < 20)
		return 0x4000 + random_below(r, 0x2000 - size);
	if (what < 24)
		return 0x5000 - random_below(r, size + 1); /* across two good pages */
	if (what == 24)
		return 0x6000 - random_below(r, size + 1); /* into the read-only one */
	if (what == 25)
		return 0x6000 + random_below(r, 0x1000 - size);
	if (what == 26)
		return 0x7000 - random_below(r, size + 1); /* into nothing */
	if (what == 27)
		return 0x10000 - random_below(r, 2 * size + 1); /* across the limit */
	if (what == 28)
		return 0x4000 - random_below(r, size + 1);
	if (what == 29)
		return random_below(r, 0x1000);
	if (what == 30)
		return random_below(r, 0x10000);
	return random_below(r, 4) ? 0x4000 + random_below(r, 0x2000 - size) : (uint32_t)random_next(r);
}

uint32_t generate_align(struct random *r, uint32_t target, unsigned size)
{
	if (size >= 16 && random_below(r, 8))
		return target & ~15u;
	if (size > 1 && random_below(r, 2))
		return target & ~((size > 8 ? 8 : size) - 1u);
	return target;
}

/* ---- addressing ---- */

static bool may_set(const struct builder *b, unsigned reg)
{
	return !(b->pinned >> reg & 1);
}

static void address16_put(struct builder *b, unsigned reg)
{
	static const int8_t bases[8] = { 3, 3, 5, 5, -1, -1, 5, 3 }, indexes[8] = { 6, 7, 6, 7, 6, 7, -1, -1 };
	struct random *r = &b->r;
	uint64_t *gpr = b->c->gpr;
	unsigned rm = random_below(r, 8), mod = random_below(r, 3);
	if (rm == 6 && mod == 0) {
		put8(b, reg << 3 | 6);
		put16(b, b->target);
		return;
	}
	unsigned base = bases[rm] < 0 ? 0 : (unsigned)gpr[bases[rm]];
	unsigned index = indexes[rm] < 0 ? 0 : (unsigned)gpr[indexes[rm]];
	unsigned disp = mod == 1 ? (unsigned)(int8_t)random_next(r) : 0;
	if (mod != 2) {
		int adjust = bases[rm] >= 0 ? bases[rm] : indexes[rm];
		if (may_set(b, (unsigned)adjust)) {
			unsigned other = bases[rm] >= 0 ? index : 0;
			gpr[adjust] = (gpr[adjust] & 0xffff0000) | ((b->target - disp - other) & 0xffff);
		} else {
			mod = 2;
		}
	}
	if (mod == 2)
		disp = b->target - base - index;
	put8(b, mod << 6 | reg << 3 | rm);
	if (mod == 1)
		put8(b, disp);
	else if (mod == 2)
		put16(b, disp);
}

static void address32_put(struct builder *b, unsigned reg)
{
	struct random *r = &b->r;
	uint64_t *gpr = b->c->gpr;
	unsigned mod = random_below(r, 3), rm = random_below(r, 8);
	int base = (int)rm, index = -1;
	unsigned scale = 0, sib = 0;
	if (rm == 4) {
		sib = random_below(r, 256);
		scale = sib >> 6;
		index = (sib >> 3 & 7) == 4 ? -1 : (int)(sib >> 3 & 7);
		base = (int)(sib & 7);
	}
	if (base == 5 && mod == 0)
		base = -1;
	if (mod != 2 && base >= 0 && (!may_set(b, (unsigned)base) || base == index))
		mod = 2;
	uint32_t scaled = index >= 0 ? (uint32_t)gpr[index] << scale : 0;
	uint32_t disp = 0;
	if (base < 0) {
		disp = b->target - scaled;
	} else if (mod == 2) {
		disp = b->target - (uint32_t)gpr[base] - scaled;
	} else {
		disp = mod == 1 ? (uint32_t)(int8_t)random_next(r) : 0;
		gpr[base] = b->target - disp - scaled;
	}
	put8(b, mod << 6 | reg << 3 | rm);
	if (rm == 4)
		put8(b, sib);
	if (base < 0 || mod == 2)
		put32(b, disp);
	else if (mod == 1)
		put8(b, disp);
}

static void modrm_put(struct builder *b)
{
	struct random *r = &b->r;
	unsigned reg = b->row->digit >= 0 ? (unsigned)b->row->digit : random_below(r, 8);
	if (b->row->form >= FORM_F8) {
		put8(b, b->row->form == FORM_F8 ? 0xf8 : 0xf9);
		return;
	}
	bool memory = b->row->form == FORM_MEMORY || (b->row->form == FORM_MODRM && random_below(r, 5) < 3);
	if (b->row->special == SPECIAL_BIT) {
		/* a bit offset is signed, and reaches far */
		if (memory)
			b->c->gpr[reg] = random_below(r, 4096) - 2048;
		b->pinned |= (uint16_t)(1u << reg);
	}
	if (!memory)
		put8(b, 0xc0 | reg << 3 | random_below(r, 8));
	else if (b->address16)
		address16_put(b, reg);
	else
		address32_put(b, reg);
}

/* ---- state ---- */

void generate_state(struct random *r, struct oracle_case *c)
{
	for (unsigned i = 0; i < 8; i++)
		c->gpr[i] = random_integer(r);
	c->eflags = 0x202 | ((uint32_t)random_next(r) & 0x8d5);
	if (!random_below(r, 4))
		c->eflags |= 0x400;
	if (!random_below(r, 8))
		c->eflags |= 0x200000;
	if (!random_below(r, 32))
		c->eflags |= 0x40000; /* alignment checks */
	if (!random_below(r, 32) && !c->code16)
		c->eflags |= 0x100; /* single step; in 16-bit code it would be over before the instruction */

	struct cpu_fxsave *fx = &c->fx;
	memset(fx, 0, sizeof(*fx));
	unsigned unmask = random_below(r, 4) ? 0 : (unsigned)random_next(r) & 0x3f;
	fx->fcw = (uint16_t)(0x40 | (0x3f & ~unmask) | ((unsigned)random_next(r) & 0x1f00));
	if (random_below(r, 2))
		fx->fcw |= 0x300;
	fx->fsw = (uint16_t)(random_next(r) & 0x7f00);
	if (!random_below(r, 4))
		fx->fsw |= (uint16_t)(random_next(r) & 0x7f);
	if (random_below(r, 8) && fx->fsw & ~fx->fcw & 0x3f) /* pending: not too often */
		fx->fsw &= (uint16_t)(0xff00 | fx->fcw);
	if (fx->fsw & ~fx->fcw & 0x3f)
		fx->fsw |= 0x8080;
	unsigned tags = random_below(r, 8);
	fx->ftw = tags < 5 ? 0xff : tags == 5 ? 0 : (uint8_t)random_next(r);
	unmask = random_below(r, 4) ? 0 : (unsigned)random_next(r) & 0x3f;
	fx->mxcsr = 0x1f80 & ~(unmask << 7);
	if (random_below(r, 2))
		fx->mxcsr |= (uint32_t)random_next(r) & 0xe07f;
	for (unsigned i = 0; i < 8; i++)
		random_extended(r, fx->st[i]);
	for (unsigned i = 0; i < 8; i++)
		random_value(r, fx->xmm[i]);
}

static void stack_place(struct builder *b, unsigned reg, unsigned size)
{
	uint32_t target = generate_target(&b->r, size);
	if (random_below(&b->r, 2))
		target &= ~3u;
	if (b->c->code16)
		target = (target & 0xffff) | (b->c->gpr[reg] & 0xffff0000);
	b->c->gpr[reg] = target;
	b->pinned |= (uint16_t)(1u << reg);
}

void generate_patch(struct oracle_case *c, uint32_t offset, const void *data, unsigned size)
{
	c->patch_offset = offset & 0xffff;
	c->patch_length = size;
	memcpy(c->patch, data, size);
}

/* Somewhere behind the code that is mapped: what jumps there faults there. */
static uint32_t jump_target(struct builder *b)
{
	return (b->c->code16 ? 0 : CODE_BASE) + 0x4000 + random_below(&b->r, 0x4000);
}

static void string_prepare(struct builder *b)
{
	uint64_t *gpr = b->c->gpr;
	uint32_t mask = b->address16 ? 0xffff : 0xffffffff;
	gpr[6] = (gpr[6] & ~mask) | (generate_target(&b->r, 64) & mask);
	gpr[7] = (gpr[7] & ~mask) |
		((random_below(&b->r, 4) ? generate_target(&b->r, 64) : gpr[6] + random_below(&b->r, 16) - 8) & mask);
	gpr[1] = (gpr[1] & ~mask) | random_below(&b->r, random_below(&b->r, 4) ? 8 : 70);
	b->pinned |= 1u << 1 | 1u << 6 | 1u << 7;
}

static void special_prepare(struct builder *b)
{
	struct random *r = &b->r;
	uint32_t value[4];
	switch (b->row->special) {
	case SPECIAL_STRING: string_prepare(b); break;
	case SPECIAL_FRAME:
		stack_place(b, 5, 16);
		stack_place(b, 4, 16);
		break;
	case SPECIAL_STACK: stack_place(b, 4, 16); break;
	case SPECIAL_POPF:
		stack_place(b, 4, 4);
		/* no single-step, no alignment checks, no nested task: the value must come from the patch */
		b->c->gpr[4] = (b->c->gpr[4] & (b->c->code16 ? 0xffff0000 : 0)) |
			(random_below(r, 8) ? 0x4000 + random_below(r, 0x1ff8) : 0x7000 + random_below(r, 0x7000));
		value[0] = (uint32_t)random_next(r) & ~0x44100u;
		generate_patch(b->c, (uint32_t)b->c->gpr[4], value, 4);
		break;
	case SPECIAL_RETURN:
		stack_place(b, 4, 4);
		/* not to anywhere in the code segment: other cases are there */
		if (b->c->code16 || (b->c->gpr[4] >= 0x5fc0 && b->c->gpr[4] < 0x7000))
			b->c->gpr[4] = (b->c->gpr[4] & 0xffff0000) | (0x4000 + random_below(r, 0x1ff0));
		value[0] = jump_target(b);
		generate_patch(b->c, (uint32_t)b->c->gpr[4], value, 4);
		break;
	case SPECIAL_TARGET:
		for (unsigned i = 0; i < 8; i++)
			b->c->gpr[i] = jump_target(b);
		stack_place(b, 4, 4);
		if (b->c->code16) /* JMP SP: not into other cases */
			b->c->gpr[4] = 0x4000 + random_below(r, 0x1ff0);
		/* not through a pointer that the patch cannot reach: it might lead into another case */
		if (b->c->code16 || (b->target >= 0x5fc0 && b->target < 0x7000))
			b->target = 0x4000 + random_below(r, 0x1fd0);
		/* also where an override takes it */
		value[0] = value[1] = value[2] = value[3] = jump_target(b);
		generate_patch(b->c, b->target, value, 16);
		memcpy(b->c->patch + 16, value, 16);
		b->c->patch_length = 32;
		break;
	case SPECIAL_IRET:
	case SPECIAL_RETF: {
		uint8_t frame[12];
		unsigned size = generate_pointer(r, b->c, b->operand16 ? 2 : 4, true, true, frame);
		stack_place(b, 4, 4);
		b->c->gpr[4] = (b->c->gpr[4] & (b->c->code16 ? 0xffff0000 : 0)) | (0x4000 + random_below(r, 0x1ff0));
		generate_patch(b->c, (uint32_t)b->c->gpr[4], frame, size);
		break;
	}
	case SPECIAL_POP: {
		uint32_t selector = generate_selector(r);
		stack_place(b, 4, 4);
		if (!generate_host_is_intel()) /* how much is read */
			b->c->gpr[4] = (b->c->gpr[4] & (b->c->code16 ? 0xffff0000 : 0)) |
				(0x4000 + (random_below(r, 0x1ff0) & ~3u));
		generate_patch(b->c, (uint32_t)b->c->gpr[4], &selector, 4);
		break;
	}
	case SPECIAL_FAR:
	case SPECIAL_POINTER: {
		bool far = b->row->special == SPECIAL_FAR;
		uint8_t pointer[OTHER_OFFSET + 8] = { 0 };
		stack_place(b, 4, 8);
		if (far)
			b->target = 0x4000 + random_below(r, 0x1fd0);
		generate_pointer(r, b->c, b->operand16 ? 2 : 4, far, false, pointer);
		memcpy(pointer + OTHER_OFFSET, pointer, 8); /* for an override */
		generate_patch(b->c, b->target, pointer, sizeof(pointer));
		break;
	}
	case SPECIAL_XLAT: {
		uint32_t mask = b->address16 ? 0xffff : 0xffffffff;
		b->c->gpr[3] = (b->c->gpr[3] & ~mask) | ((b->target - (b->c->gpr[0] & 0xff)) & mask);
		break;
	}
	case SPECIAL_BOUND:
		value[0] = random_integer(r);
		value[1] = random_integer(r);
		generate_patch(b->c, b->target, value, 8);
		break;
	case SPECIAL_COUNT:
		b->pinned |= 1u << 1;
		b->c->gpr[1] = (b->c->gpr[1] & ~31u) | random_below(r, b->operand16 ? 17 : 32);
		break;
	case SPECIAL_MXCSR:
		value[0] = (uint32_t)random_next(r) & (random_below(r, 8) ? 0xffffu : 0xffffffffu);
		value[0] &= ~0x20000u; /* AMD: misaligned SSE */
		value[1] = value[2] = value[3] = 0;
		generate_patch(b->c, b->target, value, 16);
		memcpy(b->c->patch + OTHER_OFFSET, value, 4); /* for an override */
		b->c->patch_length = OTHER_OFFSET + 4;
		break;
	default: break;
	}
}

void generate_operand(struct random *r, const struct row *row, unsigned opcode, struct oracle_case *c, uint32_t target)
{
	uint8_t data[32];
	switch (row->special) {
	case SPECIAL_X87:
		random_memory(r, opcode, data);
		generate_patch(c, target, data, 16);
		break;
	case SPECIAL_VECTOR:
		random_value(r, data);
		random_value(r, data + 16);
		generate_patch(c, target, data, 32);
		break;
	case SPECIAL_SELECTOR: {
		uint16_t selectors[OTHER_OFFSET / 2 + 1];
		selectors[0] = selectors[OTHER_OFFSET / 2] = generate_selector(r);
		generate_patch(c, target, selectors, sizeof(selectors));
		break;
	}
	case SPECIAL_FXRSTOR: {
		uint32_t mxcsr[6] = { (uint32_t)random_next(r) & (random_below(r, 8) ? 0xffffu : ~0x20000u) };
		mxcsr[4] = mxcsr[0]; /* for an override */
		generate_patch(c, target + 24, mxcsr, 24);
		break;
	}
	default: break;
	}
}

static void immediate_put(struct builder *b)
{
	struct random *r = &b->r;
	switch (b->row->immediate) {
	case IMM_8:
		if (b->row->special == SPECIAL_COUNT)
			put8(b, ((unsigned)random_next(r) & 0xe0) | random_below(r, b->operand16 ? 17 : 32));
		else
			put8(b, random_below(r, 2) ? random_below(r, 40) : (unsigned)random_next(r));
		break;
	case IMM_16: put16(b, random_below(r, 64)); break;
	case IMM_Z:
		if (b->operand16)
			put16(b, random_integer(r));
		else
			put32(b, random_integer(r));
		break;
	case IMM_ENTER:
		put16(b, random_below(r, 4) ? random_below(r, 64) : random_below(r, 0x2000));
		put8(b, random_below(r, 4) ? 0 : random_below(r, 40));
		break;
	case IMM_ADDRESS:
		if (b->address16)
			put16(b, b->target);
		else
			put32(b, b->target);
		break;
	case IMM_FAR: {
		unsigned size = generate_pointer(
			r, b->c, b->operand16 ? 2 : 4, true, false, b->c->bytes + b->c->length);
		b->c->length = (uint8_t)(b->c->length + size);
		break;
	}
	case IMM_REL8: put8(b, 8 + random_below(r, 20)); break; /* INT3s, behind the way out */
	case IMM_RELZ:
		if (b->operand16)
			put16(b, 8 + random_below(r, 20));
		else
			put32(b, 8 + random_below(r, 20));
		break;
	default: break;
	}
}

bool generate_excluded(const struct row *row, unsigned opcode, unsigned mandatory, const uint8_t *modrm)
{
	if (row->special == SPECIAL_X87 && row->form != FORM_NONE && *modrm < 0xc0)
		return (*modrm >> 3 & 7) == 1 && (opcode == 0xdb || opcode == 0xdd || opcode == 0xdf); /* FISTTP */
	if (row->special != SPECIAL_VECTOR)
		return false;
	bool rep = mandatory == 0xf2 || mandatory == 0xf3;
	switch (opcode) {
	case 0x12:
	case 0x16:
	case 0x2b:
	case 0xf0: return rep; /* SSE3; SSE4a */
	case 0x7c:
	case 0x7d:
	case 0xd0: return mandatory != 0;
	default: return false;
	}
}

static unsigned operand_bytes(const struct builder *b, unsigned opcode)
{
	switch (b->row->special) {
	case SPECIAL_X87: return opcode == 0xdd ? 108 : opcode == 0xdb || opcode == 0xdf ? 10 : opcode == 0xd9 ? 28 : 4;
	case SPECIAL_VECTOR: return 16;
	case SPECIAL_FXSAVE:
	case SPECIAL_FXRSTOR: return 512;
	case SPECIAL_BOUND: return b->operand16 ? 4 : 8;
	default: return b->operand16 ? 2 : 4;
	}
}

static bool case_build(struct builder *b, unsigned row_number, unsigned width)
{
	static const uint8_t overrides[4] = { 0x26, 0x36, 0x3e, 0x65 };
	static const uint8_t mandatories[4] = { 0, 0x66, 0xf3, 0xf2 };
	struct random *r = &b->r;
	struct oracle_case *c = b->c;
	memset(c, 0, sizeof(*c));
	c->row = (uint16_t)row_number;
	c->code16 = width == 16;
	c->legacy = random_below(r, 2);
	b->row = &oracle_rows[row_number];
	b->pinned = 0;
	const struct row *row = b->row;
	unsigned opcode = row->first + random_below(r, (unsigned)(row->last - row->first) + 1u), mandatory = 0;

	bool vector = row->special == SPECIAL_VECTOR;
	bool prefix66 = false, prefix67 = !random_below(r, 8);
	if (vector || (row->class == CLASS_VECTOR && row->special == SPECIAL_STRING))
		mandatory = mandatories[random_below(r, 4)];
	else if (row->special != SPECIAL_NO66 && row->class != CLASS_VECTOR)
		prefix66 = !random_below(r, 4);
	/* a jump with a cut instruction pointer ends anywhere */
	if (row->class == CLASS_BRANCH)
		prefix66 = false;
	b->operand16 = c->code16 != prefix66;
	b->address16 = c->code16 != prefix67;

	generate_state(r, c);
	unsigned size = operand_bytes(b, opcode);
	b->target = generate_align(r, generate_target(r, size), size);
	if (b->address16) {
		b->target &= 0xffff;
		/* AMD wraps the parts of a long operand at 64 KiB, one by one; Intel does not say */
		if (size > 8 && b->target > 0x10000 - OTHER_OFFSET - size)
			b->target = 0x4000;
	}
	special_prepare(b);

	if (!random_below(r, 8))
		put8(b, overrides[random_below(r, 4)]);
	if (prefix67)
		put8(b, 0x67);
	if (prefix66)
		put8(b, 0x66);
	if (mandatory)
		put8(b, mandatory);
	else if (row->special == SPECIAL_STRING && random_below(r, 2) && row->class == CLASS_STRING)
		put8(b, 0xf2 + random_below(r, 2));
	if (row->class == CLASS_ALU && !random_below(r, 16))
		put8(b, 0xf0);
	if (row->map)
		put8(b, 0x0f);
	put8(b, opcode);
	uint8_t *modrm = c->bytes + c->length;
	if (row->form != FORM_NONE)
		modrm_put(b);
	immediate_put(b);
	generate_operand(r, row, opcode, c, b->target);
	if (row->special == SPECIAL_SELECTOR && *modrm >= 0xc0)
		c->gpr[*modrm & 7] = (c->gpr[*modrm & 7] & 0xffff0000) | generate_selector(r);
	if (row->first == 0x17 || (row->first == 0x8e && row->digit == 2))
		c->eflags &= ~0x100u; /* the step would end in the way out */
	c->target = b->target;
	if (!random_below(r, 32))
		c->edge = (uint8_t)(1 + random_below(r, c->length));
	for (unsigned i = 0; i < 8; i++)
		c->gpr[i] = (uint32_t)c->gpr[i];
	return !generate_excluded(row, opcode, mandatory, modrm);
}

static unsigned choose_width(struct random *r)
{
	unsigned what = random_below(r, 8);
	return what < 4 ? 64 : what < 7 ? 32 : 16;
}

static bool row_has_width(const struct row *row, unsigned width)
{
	return width == 64 ? !(row->undefined & NOT_LONG) : row->class != CLASS_LONG;
}

bool generate_class_width(int class_number, unsigned width)
{
	if (class_number == CLASS_LONG)
		return width == 64 || width == 0;
	return width != 64 || class_number <= CLASS_DECODE; /* vectors behind it: see generate_case() */
}

void generate_case(uint64_t seed, uint64_t index, int class_number, unsigned only_width, struct oracle_case *c)
{
	struct builder b = { .r = random_start(seed, index), .c = c };
	for (;;) {
		unsigned width = only_width ? only_width : class_number == CLASS_LONG ? 64 : choose_width(&b.r);
		unsigned class = class_number >= 0 ? (unsigned)class_number
						   : random_below(&b.r, width == 64 ? CLASSES : CLASS_LONG);
		unsigned row = random_below(&b.r, oracle_row_count);
		bool good;
		while (oracle_rows[row].class != class || !row_has_width(&oracle_rows[row], width))
			row = (row + 1) % oracle_row_count;
		if (class == CLASS_DECODE)
			good = generate_decode(&b.r, &oracle_rows[row], width, c);
		else if (class > CLASS_DECODE && class < CLASS_LONG)
			good = generate_vector(&b.r, &oracle_rows[row], width, c);
		else
			good = width == 64 ? generate_long(&b.r, row, c) : case_build(&b, row, width);
		c->row = (uint16_t)row;
		/* Whether a step traps behind some of the elements, when another one faults, is open (SDM vol. 2C). */
		if (class == CLASS_GATHER)
			c->eflags &= ~0x100u;
		if (good)
			return;
	}
}
