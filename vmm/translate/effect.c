/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What instructions do with the arithmetic flags, and which flags matter where.
 *
 * A flag that is overwritten before anything reads it is dead.  Dead flags are not kept: an interrupt or a fault that
 * pushes RFLAGS there pushes something older for them.
 */
#include "vmm/cpu/decode.h"
#include "vmm/cpu/feature.h"
#include "vmm/cpu/model.h"
#include "vmm/cpu/paging.h"
#include "vmm/translate/t1.h"

#define CF  CPU_FLAG_CF
#define PF  CPU_FLAG_PF
#define AF  CPU_FLAG_AF
#define ZF  CPU_FLAG_ZF
#define SF  CPU_FLAG_SF
#define OF  CPU_FLAG_OF
#define ALL CPU_FLAGS_ARITHMETIC

static const uint32_t condition_flags[8] = { OF, CF, ZF, CF | ZF, SF, PF, SF | OF, ZF | SF | OF };

static struct t1_effect native(uint32_t reads, uint32_t sets)
{
	return (struct t1_effect){ .native = true, .reads = reads, .sets = sets, .touches = sets != 0 };
}

/* T0 does it; it may read and change all. */
static struct t1_effect foreign(void)
{
	return (struct t1_effect){ .reads = ALL, .touches = true };
}

/* T0 does it, and leaves the flags alone. */
static struct t1_effect foreign_quiet(void)
{
	return (struct t1_effect){ 0 };
}

static struct t1_effect may_change(void)
{
	return (struct t1_effect){ .native = true, .touches = true };
}

static struct t1_effect shift_effect(const struct insn *insn)
{
	unsigned opcode = insn->opcode, digit = insn->modrm >> 3 & 7;
	bool rotate = digit < 4, through = digit == 2 || digit == 3;
	unsigned count = opcode >= 0xd0 ? 1
					: (unsigned)insn->immediate & (insn->operand_size == 8 && opcode & 1 ? 63 : 31);

	if (opcode == 0xd2 || opcode == 0xd3) {
		struct t1_effect effect = may_change();

		effect.reads = through ? CF : 0;
		return effect;
	}
	if (!count)
		return native(0, 0);
	if (through)
		return native(CF, CF | OF);
	return native(0, rotate ? CF | OF : ALL);
}

static struct t1_effect alu_effect(unsigned operation)
{
	return native(operation == 2 || operation == 3 ? CF : 0, ALL);
}

static struct t1_effect unary_effect(const struct insn *insn)
{
	switch (insn->modrm >> 3 & 7) {
	case 2: return native(0, 0); /* NOT */
	default: return native(0, ALL);
	}
}

static struct t1_effect effect_map0(const struct insn *insn)
{
	unsigned opcode = insn->opcode;

	if (opcode < 0x40 && (opcode & 7) < 6)
		return alu_effect(opcode >> 3);
	switch (opcode) {
	case 0x40 ... 0x4f: return native(0, ALL & ~CF);
	case 0x06:
	case 0x0e:
	case 0x16:
	case 0x1e:
	case 0x50 ... 0x5f:
	case 0x68:
	case 0x6a:
	case 0x86 ... 0x8b:
	case 0x8d:
	case 0x90 ... 0x99:
	case 0xa0 ... 0xa3:
	case 0xb0 ... 0xbf:
	case 0xc2:
	case 0xc3:
	case 0xc6:
	case 0xc7:
	case 0xc9:
	case 0xe2:
	case 0xe3:
	case 0xe8:
	case 0xe9:
	case 0xeb: return native(0, 0);
	case 0x63: return insn->code64 ? native(0, 0) : foreign();
	case 0x69:
	case 0x6b: return native(0, ALL);
	case 0x70 ... 0x7f: return native(condition_flags[opcode >> 1 & 7], 0);
	case 0x80 ... 0x83: return alu_effect(insn->modrm >> 3 & 7);
	case 0x84:
	case 0x85:
	case 0xa8:
	case 0xa9: return native(0, ALL);
	case 0x9f: return native(ALL & ~OF, 0);
	case 0x9e: return native(0, ALL & ~OF);
	case 0xc0:
	case 0xc1:
	case 0xd0 ... 0xd3: return shift_effect(insn);
	case 0xe0:
	case 0xe1: return native(ZF, 0);
	case 0xf5: return native(CF, CF);
	case 0xf8:
	case 0xf9: return native(0, CF);
	case 0xf6:
	case 0xf7: return unary_effect(insn);
	case 0xfe: return native(0, ALL & ~CF);
	case 0xff:
		switch (insn->modrm >> 3 & 7) {
		case 0:
		case 1: return native(0, ALL & ~CF);
		case 2:
		case 4:
		case 6: return native(0, 0);
		default: return foreign_quiet();
		}
	/* what T0 does without a look at the flags */
	case 0x07:
	case 0x17:
	case 0x1f:
	case 0x60:
	case 0x61:
	case 0x8c:
	case 0x8e:
	case 0x8f:
	case 0x9b:
	case 0xa4:
	case 0xa5:
	case 0xaa ... 0xad:
	case 0xc8:
	case 0xd7:
	case 0xd8:
	case 0xd9:
	case 0xdc ... 0xde:
	case 0xe4 ... 0xe7:
	case 0xec ... 0xef:
	case 0xfa ... 0xfd: return foreign_quiet();
	default: return foreign();
	}
}

static struct t1_effect effect_map1(const struct cpu *cpu, const struct insn *insn)
{
	unsigned opcode = insn->opcode & 0xff;

	switch (opcode) {
	case 0x0d:
	case 0xa0:
	case 0xa8:
	case 0x18 ... 0x1f: return native(0, 0);
	case 0x40 ... 0x4f: return native(condition_flags[opcode >> 1 & 7], 0);
	case 0x80 ... 0x8f: return native(condition_flags[opcode >> 1 & 7], 0);
	case 0x90 ... 0x9f: return native(condition_flags[opcode >> 1 & 7], 0);
	case 0xa3:
	case 0xab:
	case 0xb3:
	case 0xbb: return insn->mod == 3 ? native(0, CF) : foreign();
	case 0xba: return native(0, CF);
	case 0xa4:
	case 0xac: {
		unsigned count = (unsigned)insn->immediate & (insn->operand_size == 8 ? 63 : 31);

		if (count > insn->operand_size * 8u)
			return foreign(); /* undefined */
		return count ? native(0, ALL) : native(0, 0);
	}
	case 0xa5:
	case 0xad: return insn->operand_size == 2 ? foreign() : may_change();
	case 0xaf: return native(0, ALL);
	case 0xb0:
	case 0xb1:
	case 0xc0:
	case 0xc1: return native(0, ALL);
	case 0xb6:
	case 0xb7:
	case 0xbe:
	case 0xbf:
	case 0xc3:
	case 0xc8 ... 0xcf: return native(0, 0);
	case 0xbc:
	case 0xbd:
		/* TZCNT and LZCNT, where the model has them */
		if (insn->rep == 0xf3 && !model_has(cpu->model, opcode == 0xbc ? FEATURE_BMI1 : FEATURE_LZCNT))
			return foreign();
		return native(0, ALL);
	case 0xb8: return insn->rep == 0xf3 ? native(0, ALL) : foreign();
	case 0x10 ... 0x17:
	case 0x28 ... 0x2d:
	case 0x50 ... 0x7f:
	case 0xa1:
	case 0xa2:
	case 0xa9:
	case 0xae:
	case 0xc2:
	case 0xc4 ... 0xc6:
	case 0xd0 ... 0xff:
	case 0x20 ... 0x23:
	case 0x30 ... 0x33: return foreign_quiet();
	case 0x2e:
	case 0x2f: return (struct t1_effect){ .sets = ALL, .touches = true };
	default: return foreign();
	}
}

/* MOVBE, CRC32, ADCX and ADOX, which T0 has whether the host does or not. */
static struct t1_effect effect_map2(const struct t1 *t1, const struct insn *insn)
{
	bool crc = insn->rep == 0xf2;

	switch (insn->opcode) {
	case 0x2f0:
	case 0x2f1: return (crc ? t1->crc32 : t1->movbe) ? native(0, 0) : foreign_quiet();
	case 0x2f6:
		if (!t1->adx)
			return foreign();
		return insn->rep ? native(OF, OF) : native(CF, CF);
	default: return foreign();
	}
}

struct t1_effect t1_effect(const struct cpu *cpu, const struct insn *insn)
{
	if (insn_is_undefined(insn))
		return foreign();
	const struct t1 *t1 = (const struct t1 *)(const void *)cpu->translator;
	struct t1_effect effect;
	if (t1_scalar_effect(insn, &effect) || t1_repeat_effect(insn, &effect) || t1_system_effect(insn, &effect) ||
		t1_vector_effect(t1, insn, &effect) || t1_x87_effect(t1, insn, &effect))
		return effect;
	if (insn->vex)
		return foreign();
	switch (insn->opcode >> 8) {
	case 0: return effect_map0(insn);
	case 1: return effect_map1(cpu, insn);
	case 2: return effect_map2(t1, insn);
	default: return foreign();
	}
}

static uint32_t needed_before(const struct t1_effect *effect, uint32_t live)
{
	uint32_t known = 0, kept = LIVE_ANY(live) & ~effect->sets;

	/* T0 makes them itself; and to change some is to fetch the others */
	if (effect->native)
		known = effect->reads | (effect->touches ? kept : 0);
	return effect->reads | known << 16 | (live & ~(effect->sets | effect->sets << 16));
}

#define LOOK_AHEAD 20u /* instructions */

/* Decode on from there, until all flags are known to be overwritten or one is read. */
uint32_t t1_live_at(struct t1_translation *t, uint64_t rip)
{
	struct cpu *cpu = t->cpu;
	struct block *block = t->block;
	uint64_t base = (uint32_t)block->context;
	uint32_t open = ALL, reads = 0, known = 0;
	struct cpu_page page;
	struct insn insn;

	if (((rip + base) ^ (block->rip + base)) >> 12)
		return ALL;
	uint64_t physical = (block->physical & ~0xfffull) | ((rip + base) & 0xfff);
	physical_page(cpu, physical, &page);
	if (!page.host || !page.code_version)
		return ALL;
	unsigned room = CPU_PAGE_SIZE - (unsigned)(physical & 0xfff), at = 0;
	uint8_t bytes[LOOK_AHEAD * DECODE_MAX];

	if (room > sizeof(bytes))
		room = sizeof(bytes);
	memcpy(bytes, page.host + (physical & 0xfff), room);
	for (unsigned i = 0; i < LOOK_AHEAD && open & ~reads && at < room; i++) {
		int length = insn_decode(cpu, bytes + at, room - at, rip + at, &insn);

		if (length <= 0)
			break;
		struct t1_effect effect = t1_effect(cpu, &insn);
		reads |= effect.reads & open;
		if (effect.native)
			known |= effect.reads & open;
		open &= ~effect.sets;
		at += (unsigned)length;
		if (insn_ends_block(&insn))
			break;
	}
	/* Whatever these bytes are changed to must be noticed from now on; what they have become meanwhile, too. */
	if (at) {
		cpu->bus.code(cpu->bus.self, physical, at);
		if (memcmp(bytes, page.host + (physical & 0xfff), at) != 0)
			return ALL;
	}
	return reads | known << 16 | open;
}

void t1_liveness(struct t1_translation *t)
{
	uint32_t live = t->live_out;

	const struct block *block = t->block;
	uint64_t next = block->rip + block->length;

	for (unsigned i = block->count; i-- > 0;) {
		const struct insn *insn = &block->insns[i];
		struct t1_effect effect = t1_effect(t->cpu, insn);

		t->effects[i] = effect;
		if (t2_is_super(block)) {
			next = (block->addresses[i] + insn->length) & t->cpu->ip_mask;
			if (t1_is_conditional(insn)) {
				bool jumps = block->addresses[i + 1u < block->count ? i + 1u : 0] != next;

				t->aside_live[i] = t1_live_at(t, jumps ? next : t1_target(insn, next));
				live |= t->aside_live[i];
			}
		} else if (i + 1 < block->count && insn_may_fall_through(insn)) {
			t->aside_live[i] = t1_live_at(t, t1_target(insn, next));
			live |= t->aside_live[i];
		}
		live = needed_before(&effect, live);
		t->needed[i] = live;
		next -= insn->length;
	}
}
