/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Cases in 64-bit code: prefixes, operands and what instructions need to find.  How a memory operand is encoded is in
 * generate_address.c.
 */
#include "tests/cpu/generate_long.h"

#include <string.h>

bool generate_host_is_intel(void)
{
	return __builtin_cpu_is("intel");
}

/*
 * What AMD does otherwise in 64-bit mode:
 *
 * - near branches with 66 have 16-bit operands and cut RIP (APM vol. 3, "Near branches in 64-bit mode"); Intel
 *   ignores the prefix (SDM vol. 2A, JMP and CALL), and the generator gives branches none;
 * - far pointers in memory stay m16:32 with REX.W (APM vol. 3, CALL far and JMP far); Intel's become m16:64;
 * - MOVSXD with 66 reads 32 bits (APM vol. 3, MOVSXD), Intel's 16 (SDM vol. 2B, MOVSXD);
 * - what must be canonical is the effective address, too, not only the linear one: found out on an EPYC, for FS and GS
 *   with a base; Intel's manual speaks of the linear address (SDM vol. 1, 3.3.7.1);
 * - CALL pushes before it finds that its target is not canonical (Intel: SDM vol. 2A, CALL, operation);
 * - IRET finds that, and whether it is within 4 GiB for 32-bit code, before it looks at SS (Intel: SDM vol. 2A,
 *   IRET, operation);
 * - a far return to an inner level's selector, or a null one, looks at the stack behind its parameters, with its
 *   alignment, before it raises #GP;
 * - POP to a segment register reads all of the operand, and checks the alignment of that; Intel's read 16 bits (as
 *   PUSH writes them, SDM vol. 2B, PUSH);
 * - SYSCALL and SYSENTER in the other's mode: never generated, since they are system calls.
 *
 * What both do otherwise than the manual says is not generated at all: a far CALL between 64-bit and compatibility mode
 * pushes as the mode does that it leads to, with as many bits of RSP and with or without SS's base, where SDM vol. 2A,
 * CALL, loads CS after it has pushed.
 */
bool generate_vendor_differs(unsigned map, unsigned opcode, unsigned modrm, bool prefix66, bool rex_w)
{
	unsigned digit = modrm >> 3 & 7;
	if (generate_host_is_intel())
		return false;
	if (map) {
		bool far_pointer = opcode == 0xb2 || opcode == 0xb4 || opcode == 0xb5;
		return (opcode >= 0x80 && opcode <= 0x8f && prefix66) || (far_pointer && rex_w);
	}
	if (opcode == 0x63)
		return prefix66 && !rex_w;
	if (opcode == 0xff)
		return ((digit == 2 || digit == 4) && prefix66) || ((digit == 3 || digit == 5) && rex_w);
	return prefix66 && (opcode == 0xe8 || opcode == 0xe9 || opcode == 0xc2 || opcode == 0xc3);
}

static uint64_t random_integer64(struct random *r)
{
	static const uint64_t special[] = { 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0xffffffff80000000,
		0xffffffff7fffffff, 0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000001, 0xfffffffffffffffe,
		0x00007fffffffffff, 0x0000800000000000, 0xffff800000000000, 0xffff7fffffffffff };
	uint64_t v = random_next(r);
	switch (v & 7) {
	case 0: return special[(v >> 8) % (sizeof(special) / sizeof(special[0]))];
	case 1: return (uint64_t)1 << (v >> 8 & 63);
	case 2:
	case 3: return (uint64_t)(int32_t)random_integer(r);
	case 4: return random_integer(r);
	default: return random_next(r);
	}
}

void generate_state_long(struct random *r, struct oracle_case *c)
{
	static const uint64_t bases[] = { OTHER_OFFSET, HIGH_DELTA + OTHER_OFFSET, REGION_BASE + 0x4800,
		HIGH_DELTA + REGION_BASE + 0x4000, (uint64_t)-0x100000 };
	for (unsigned i = 0; i < 16; i++)
		c->gpr[i] = random_integer64(r);
	c->high = random_below(r, 2);
	c->fs_base = bases[random_below(r, 5)];
	c->gs_base = bases[random_below(r, 5)];
	for (unsigned i = 8; i < 16; i++)
		random_value(r, c->fx.xmm[i]);
}

/* ---- what instructions need to find ---- */

static bool wide(const struct long_builder *b)
{
	return b->rex & 8;
}

/* What is reached by a jump: mostly nothing, near or far, or what no address can be. */
static uint64_t jump_target(struct long_builder *b)
{
	static const uint64_t odd[] = { 0x800000000000, 0xffff7fffffffffff, 0x8000000000000000, 0x7fffffffffff,
		0xffff800000000000, 0xffffffffffffffff, 0x123430010000, 0x00010000ffffffff };
	struct random *r = &b->r;
	if (!random_below(r, 4))
		return odd[random_below(r, 8)];
	return CODE_BASE + (random_below(r, 2) ? HIGH_DELTA : 0) + 0x4000 + random_below(r, 0x4000);
}

/* The address of an offset in the region, at one of the two places where it is. */
static uint64_t region_address(struct long_builder *b, uint32_t offset)
{
	return REGION_BASE + (random_below(&b->r, 2) ? HIGH_DELTA : 0) + (uint64_t)offset;
}

/* An offset; without segment limits, the wild ones must not lead to the native side's own pages. */
static uint32_t target_choose(struct random *r, unsigned size)
{
	return generate_target(r, size) & (CODE_BASE - REGION_BASE - 1);
}

static void stack_place(struct long_builder *b, unsigned reg)
{
	uint32_t target = target_choose(&b->r, 16) & (random_below(&b->r, 2) ? ~7u : ~0u);
	b->c->gpr[reg] = random_below(&b->r, 32) ? region_address(b, target) : generate_odd_address(&b->r);
	b->pinned |= (uint16_t)(1u << reg);
}

/* A stack whose contents are known, at a good place, as the value on it must be ours. */
static uint32_t stack_known(struct long_builder *b)
{
	uint32_t offset = 0x4010 + random_below(&b->r, 0x1ef0);
	b->c->gpr[4] = region_address(b, offset);
	b->pinned |= 1u << 4;
	return offset;
}

static uint32_t stack_aligned(struct long_builder *b)
{
	uint32_t offset = stack_known(b);
	b->c->gpr[4] -= offset & 7;
	return offset & ~7u;
}

static void string_prepare(struct long_builder *b)
{
	uint64_t *gpr = b->c->gpr;
	for (unsigned i = 6; i < 8; i++) {
		gpr[i] = region_address(b, target_choose(&b->r, 64));
		if (b->address32) /* the upper half is not looked at */
			gpr[i] = (gpr[i] & 0xffffffff) - (gpr[i] > 0xffffffff ? (uint32_t)HIGH_DELTA : 0);
	}
	if (!random_below(&b->r, 4))
		gpr[7] = gpr[6] + random_below(&b->r, 16) - 8;
	if (!random_below(&b->r, 64) && !b->address32 && (!b->override || generate_host_is_intel()))
		gpr[6 + random_below(&b->r, 2)] = generate_odd_address(&b->r);
	gpr[1] = random_below(&b->r, random_below(&b->r, 4) ? 8 : 70);
	for (unsigned i = 0; b->address32 && i < 3; i++) {
		static const uint8_t registers[3] = { 1, 6, 7 };
		if (random_below(&b->r, 2))
			gpr[registers[i]] |= random_next(&b->r) << 32;
	}
	b->pinned |= 1u << 1 | 1u << 6 | 1u << 7;
}

/* Half of the dividends shall have a quotient that fits. */
static void divide_prepare(struct long_builder *b)
{
	uint64_t *gpr = b->c->gpr;
	b->pinned |= 1u << 0 | 1u << 2;
	if (random_below(&b->r, 2))
		return;
	if (b->row->digit == 7)
		gpr[2] = (uint64_t)((int64_t)gpr[0] >> 63);
	else
		gpr[2] = 0;
	if (!random_below(&b->r, 4))
		gpr[2] ^= random_below(&b->r, 256);
}

static void exchange_prepare(struct long_builder *b)
{
	uint64_t *gpr = b->c->gpr, value[2] = { random_next(&b->r), random_next(&b->r) };
	if (random_below(&b->r, 4))
		b->target &= ~15u;
	b->pinned |= 1u << 0 | 1u << 2;
	if (!wide(b)) {
		gpr[0] = (gpr[0] & ~0xffffffffull) | (uint32_t)value[0];
		gpr[2] = (gpr[2] & ~0xffffffffull) | value[0] >> 32;
	} else {
		gpr[0] = value[0];
		gpr[2] = value[1];
	}
	if (!random_below(&b->r, 3))
		gpr[random_below(&b->r, 2) * 2] ^= 1u << random_below(&b->r, 32);
	if (random_below(&b->r, 8))
		generate_patch(b->c, b->target, value, 16);
}

static unsigned far_size(const struct long_builder *b)
{
	return wide(b) ? 8 : b->prefix66 ? 2 : 4;
}

/* A far pointer or an interrupt's frame on the stack: to code that is not there, in 64-bit or compatibility mode. */
static void return_prepare(struct long_builder *b, unsigned words)
{
	static const uint16_t codes[] = { USER_CODE64, USER_CODE64, USER_CODE32, LDT_SELECTOR(LDT_CODE32), USER_DATA, 0,
		0x30, 0x7b };
	static const uint16_t stacks[] = { USER_DATA, USER_DATA, USER_DATA, LDT_SELECTOR(LDT_STACK32), USER_CODE64, 0,
		0x28, 0x7b };
	struct random *r = &b->r;
	unsigned size = far_size(b);
	uint64_t frame[5] = { jump_target(b), codes[random_below(r, random_below(r, 4) ? 4 : 8)],
		((uint32_t)random_next(r) & ~0x44100u), region_address(b, 0x4000 + random_below(r, 0x1000)),
		stacks[random_below(r, random_below(r, 4) ? 4 : 8)] };
	uint8_t data[40];
	uint32_t offset = stack_known(b);
	if (size == 2) /* not into other cases */
		frame[0] = (uint32_t)frame[0] | 0x4000;
	if (frame[0] >> 32 && !generate_host_is_intel())
		frame[4] = USER_DATA;
	if ((frame[1] & 3) < 3 && !generate_host_is_intel())
		b->c->eflags &= ~0x40000u;
	for (unsigned i = 0; i < words; i++)
		memcpy(data + i * size, &frame[i], size);
	generate_patch(b->c, offset, data, words * size);
}

static void far_prepare(struct long_builder *b)
{
	static const uint16_t codes[] = { USER_CODE64, USER_CODE64, USER_CODE32, LDT_SELECTOR(LDT_CODE32), USER_DATA, 0,
		0x7b, 0x30 };
	uint64_t target = jump_target(b);
	bool call = b->row->digit == 3;
	uint16_t selector = codes[call ? random_below(&b->r, 2) : random_below(&b->r, random_below(&b->r, 4) ? 4 : 8)];
	uint8_t data[16] = { 0 };
	stack_place(b, 4);
	b->target = 0x4000 + random_below(&b->r, 0x1f00);
	memcpy(data, &target, 8);
	memcpy(data + far_size(b), &selector, 2);
	generate_patch(b->c, b->target, data, 16);
}

static void target_prepare(struct long_builder *b)
{
	uint64_t target = jump_target(b);
	for (unsigned i = 0; i < 16; i++)
		b->c->gpr[i] = jump_target(b);
	if (b->row->digit == 2 && !generate_host_is_intel())
		stack_aligned(b);
	else
		stack_place(b, 4);
	b->target = 0x4000 + random_below(&b->r, 0x1fd0); /* the pointer must be ours */
	generate_patch(b->c, b->target, &target, 8);
}

/* The selector, wherever it is taken from.  AMD leaves the base of FS and GS alone where it is null. */
static void selector_prepare(struct long_builder *b, unsigned modrm)
{
	uint16_t selector = generate_selector(&b->r);
	if (!(selector & ~3u) && !generate_host_is_intel() && !b->row->map && (modrm >> 3 & 7) >= 4)
		selector = USER_DATA;
	if (modrm >= 0xc0)
		memcpy(&b->c->gpr[(modrm & 7) | (b->rex & 1) << 3], &selector, 2);
	else
		generate_patch(b->c, b->target, &selector, 2);
}

/* LSS, LFS, LGS */
static void pointer_prepare(struct long_builder *b)
{
	uint64_t offset = random_integer64(&b->r);
	uint16_t selector = generate_selector(&b->r);
	uint8_t data[16] = { 0 };
	if (!(selector & ~3u) && !generate_host_is_intel())
		selector = USER_DATA;
	memcpy(data, &offset, 8);
	memcpy(data + far_size(b), &selector, 2);
	generate_patch(b->c, b->target, data, 16);
}

/* LOOP and JRCXZ: counts at which they turn, in 32 or 64 bits. */
static void loop_prepare(struct long_builder *b)
{
	b->c->gpr[1] = random_below(&b->r, 3);
	if (random_below(&b->r, 2))
		b->c->gpr[1] |= random_next(&b->r) << 32;
}

static void special_prepare(struct long_builder *b)
{
	struct random *r = &b->r;
	uint64_t value = random_next(r);
	uint32_t mxcsr = (uint32_t)value & (random_below(r, 8) ? 0xffffu : ~0x20000u);
	switch (b->row->special) {
	case SPECIAL_STRING: string_prepare(b); break;
	case SPECIAL_FRAME:
		stack_place(b, 5);
		stack_place(b, 4);
		break;
	case SPECIAL_STACK: stack_place(b, 4); break;
	case SPECIAL_POPF:
		/* no single-step, no alignment checks, no nested task */
		value &= ~0x44100ull;
		generate_patch(b->c, stack_known(b), &value, 8);
		break;
	case SPECIAL_RETURN:
		value = jump_target(b);
		generate_patch(b->c, stack_known(b), &value, 8);
		break;
	case SPECIAL_TARGET: target_prepare(b); break;
	case SPECIAL_EXCHANGE: exchange_prepare(b); break;
	case SPECIAL_COUNT:
		b->pinned |= 1u << 1;
		b->c->gpr[1] = (value & ~63ull) | random_below(r, b->operand16 ? 17 : wide(b) ? 64 : 32);
		break;
	case SPECIAL_MXCSR: generate_patch(b->c, b->target, &mxcsr, 4); break;
	case SPECIAL_IRET: return_prepare(b, 5); break;
	case SPECIAL_RETF: return_prepare(b, 2); break;
	case SPECIAL_FAR: far_prepare(b); break;
	case SPECIAL_POINTER: pointer_prepare(b); break;
	case SPECIAL_POP:
		value = (value & ~0xffffull) | generate_selector(r);
		if (!(value & 0xfffc) && !generate_host_is_intel())
			value = USER_DATA;
		generate_patch(b->c, stack_aligned(b), &value, 8);
		break;
	default: break;
	}
	if (b->row->class == CLASS_MULTIPLY && b->row->digit >= 6)
		divide_prepare(b);
}

/* ---- the instruction ---- */

static void put(struct long_builder *b, unsigned size, uint64_t value)
{
	memcpy(b->c->bytes + b->c->length, &value, size);
	b->c->length = (uint8_t)(b->c->length + size);
}

static void immediate_put(struct long_builder *b, unsigned opcode)
{
	struct random *r = &b->r;
	switch (b->row->immediate) {
	case IMM_8:
		if (b->row->special == SPECIAL_COUNT)
			put(b, 1, random_below(r, b->operand16 ? 17 : wide(b) ? 64 : 32));
		else
			put(b, 1, random_below(r, 2) ? random_below(r, 40) : random_next(r));
		break;
	case IMM_16: put(b, 2, random_below(r, 64)); break;
	case IMM_Z:
		if (!b->row->map && (opcode & 0xf8) == 0xb8 && wide(b))
			put(b, 8, random_integer64(r));
		else
			put(b, b->operand16 ? 2 : 4, random_integer(r));
		break;
	case IMM_ENTER:
		put(b, 2, random_below(r, 4) ? random_below(r, 64) : random_below(r, 0x2000));
		put(b, 1, random_below(r, 4) ? 0 : random_below(r, 40));
		break;
	case IMM_ADDRESS: put(b, b->address32 ? 4 : 8, b->offset); break;
	case IMM_REL8: put(b, 1, 22 + random_below(r, 14)); break; /* INT3s, behind the way out */
	case IMM_RELZ: put(b, 4, 22 + random_below(r, 12)); break;
	default: break;
	}
}

static unsigned operand_bytes(const struct long_builder *b, unsigned opcode)
{
	switch (b->row->special) {
	case SPECIAL_X87: return opcode == 0xdd ? 108 : opcode == 0xdb || opcode == 0xdf ? 10 : opcode == 0xd9 ? 28 : 4;
	case SPECIAL_EXCHANGE:
	case SPECIAL_VECTOR: return 16;
	case SPECIAL_FXSAVE:
	case SPECIAL_FXRSTOR: return 512;
	default: return wide(b) ? 8 : b->operand16 ? 2 : 4;
	}
}

/* Choose prefixes, and put them in any order. */
static void prefixes_choose(struct long_builder *b, uint8_t *prefixes, unsigned *count, unsigned *mandatory)
{
	static const uint8_t overrides[6] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
	static const uint8_t mandatories[4] = { 0, 0x66, 0xf3, 0xf2 };
	const struct row *row = b->row;
	struct random *r = &b->r;
	bool vector = row->special == SPECIAL_VECTOR || (row->class == CLASS_VECTOR && row->special == SPECIAL_STRING);
	unsigned n = 0;
	*mandatory = vector ? mandatories[random_below(r, 4)]
		: row->special == SPECIAL_BASE || (row->special == SPECIAL_COUNTER && row->form == FORM_REGISTER) ? 0xf3
														  : 0;
	if (!vector && row->special != SPECIAL_NO66 && !*mandatory && row->class != CLASS_VECTOR &&
		row->class != CLASS_BRANCH)
		b->prefix66 = !random_below(r, 4);
	b->address32 = !random_below(r, 6);
	if (!random_below(r, 6)) {
		prefixes[n++] = overrides[random_below(r, 6)];
		if (prefixes[n - 1] == 0x64 || prefixes[n - 1] == 0x65)
			b->override = prefixes[n - 1];
	}
	if (b->address32)
		prefixes[n++] = 0x67;
	if (b->prefix66)
		prefixes[n++] = 0x66;
	if (*mandatory)
		prefixes[n++] = (uint8_t)*mandatory;
	else if (row->class == CLASS_STRING && random_below(r, 2))
		prefixes[n++] = (uint8_t)(0xf2 + random_below(r, 2));
	if ((row->class == CLASS_ALU || row->special == SPECIAL_EXCHANGE) && !random_below(r, 16))
		prefixes[n++] = 0xf0;
	for (unsigned i = n; i > 1; i--) {
		unsigned other = random_below(r, i);
		uint8_t t = prefixes[i - 1];
		prefixes[i - 1] = prefixes[other];
		prefixes[other] = t;
	}
	*count = n;
	if (random_below(r, 3)) {
		b->rex = 0x40 | random_below(r, 16);
		if (random_below(r, 2))
			b->rex |= 8;
	}
	b->operand16 = b->prefix66 && !wide(b);
}

static void prefixes_put(struct long_builder *b, const uint8_t *prefixes, unsigned count)
{
	unsigned stray = random_below(&b->r, 16); /* REX before one of them: it counts for nothing */
	for (unsigned i = 0; i < count; i++) {
		if (i == stray)
			put(b, 1, 0x40 | random_below(&b->r, 16));
		put(b, 1, prefixes[i]);
	}
	if (b->rex)
		put(b, 1, b->rex);
}

static void modrm_put(struct long_builder *b)
{
	struct random *r = &b->r;
	unsigned reg = b->row->digit >= 0 ? (unsigned)b->row->digit : random_below(r, 8);
	unsigned number = reg | (b->rex & 4) << 1;
	if (b->row->form >= FORM_F8) {
		put(b, 1, b->row->form == FORM_F8 ? 0xf8 : 0xf9);
		return;
	}
	bool memory = b->row->form == FORM_MEMORY || (b->row->form == FORM_MODRM && random_below(r, 5) < 3);
	if (b->row->special == SPECIAL_BIT) {
		/* a bit offset is signed, and reaches far */
		if (memory)
			b->c->gpr[number] = (uint64_t)(int64_t)((int)random_below(r, 4096) - 2048) &
				(b->operand16             ? 0xffff
						: wide(b) ? ~0ull
							  : 0xffffffff);
		if (memory && !wide(b) && random_below(r, 2))
			b->c->gpr[number] |= random_next(r) << 32;
		b->pinned |= (uint16_t)(1u << number);
	}
	if (!memory)
		put(b, 1, 0xc0 | reg << 3 | random_below(r, 8));
	else
		generate_address(b, reg);
}

bool generate_long(struct random *random, unsigned row_number, struct oracle_case *c)
{
	struct long_builder b = { .r = *random, .c = c, .row = &oracle_rows[row_number] };
	const struct row *row = b.row;
	struct random *r = &b.r;
	unsigned opcode = row->first + random_below(r, (unsigned)(row->last - row->first) + 1u), mandatory, count;
	uint8_t prefixes[8];
	memset(c, 0, sizeof(*c));
	c->code64 = true;
	generate_state(r, c);
	generate_state_long(r, c);
	prefixes_choose(&b, prefixes, &count, &mandatory);
	unsigned size = operand_bytes(&b, opcode);
	b.target = generate_align(r, target_choose(r, size), size);
	special_prepare(&b);
	generate_offset(&b);
	if (row->special == SPECIAL_XLAT)
		c->gpr[3] = b.offset - (c->gpr[0] & 0xff) + (b.address32 ? random_next(r) << 32 : 0);
	prefixes_put(&b, prefixes, count);
	if (row->map)
		put(&b, 1, 0x0f);
	put(&b, 1, opcode);
	uint8_t *modrm = c->bytes + c->length;
	if (row->form != FORM_NONE)
		modrm_put(&b);
	immediate_put(&b, opcode);
	generate_operand(r, row, opcode, c, b.target);
	if (row->special == SPECIAL_SELECTOR)
		selector_prepare(&b, *modrm);
	if (!row->map && (opcode & 0xfc) == 0xe0 && row->class == CLASS_BRANCH)
		loop_prepare(&b);
	if (!row->map && opcode == 0x8e) /* after MOV SS a step would end in the way out */
		c->eflags &= ~0x100u;
	c->target = b.target;
	if (!random_below(r, 32))
		c->edge = (uint8_t)(1 + random_below(r, c->length));
	*random = b.r;
	if (row->special == SPECIAL_INT && *modrm == 0x80)
		return false;
	return c->length <= 15 && !generate_excluded(row, opcode, mandatory, modrm) &&
		!generate_vendor_differs(row->map, opcode, *modrm, b.prefix66, wide(&b));
}
