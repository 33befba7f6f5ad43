/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What a check must know of a block: which instruction cannot be done twice, and which flags T1 keeps where.
 */
#include "vmm/cpu/decode.h"
#include "vmm/translate/lockstep.h"
#include "vmm/translate/t1.h"

static unsigned digit(const struct insn *insn)
{
	return insn->modrm >> 3 & 7;
}

/* Group 7: tables can be read and loaded again, SWAPGS, STAC, CLAC and XGETBV too. */
static bool group7_repeatable(const struct insn *insn)
{
	if (insn->mod != 3)
		return digit(insn) < 5;
	return insn->modrm == 0xca || insn->modrm == 0xcb || insn->modrm == 0xd0 || insn->modrm == 0xf8;
}

/* May it be run, undone and run again?  What depends on the time, talks to somebody outside, or drops translations may
 * not.  Accesses to memory are looked at when they are made. */
static bool repeatable(const struct insn *insn)
{
	if (insn->vex)
		return true;
	switch (insn->opcode) {
	case 0x6c ... 0x6f: /* INS, OUTS */
	case 0x9a:          /* far CALL */
	case 0xca ... 0xcf: /* far RET, INT n, IRET */
	case 0xe4 ... 0xe7: /* IN, OUT */
	case 0xea:          /* far JMP */
	case 0xec ... 0xef:
	case 0xf1:                /* INT1 */
	case 0xf4:                /* HLT */
	case 0x108 ... 0x109:     /* INVD, WBINVD */
	case 0x121 ... 0x123:     /* control and debug registers */
	case 0x130 ... 0x133:     /* MSRs, TSC */
	case 0x1aa:               /* RSM */
	case 0x282: return false; /* INVPCID */
	case 0x120: return insn->reg != 8;
	case 0xff: return digit(insn) != 3 && digit(insn) != 5;
	case 0x101: return group7_repeatable(insn);
	case 0x1c7: return insn->mod != 3 || digit(insn) < 6; /* RDRAND, RDSEED */
	default: return true;
	}
}

/* Does it leave the state alone that FXSAVE and XSAVE save?  Of instructions that are not common the answer is no. */
static bool integer_only(const struct insn *insn)
{
	if (insn->vex)
		return false;
	switch (insn->opcode) {
	case 0x9b:
	case 0xd8 ... 0xdf: return false;
	case 0x00 ... 0x9a:
	case 0x9c ... 0xd7:
	case 0xe0 ... 0xff:
	case 0x10d:
	case 0x11f:
	case 0x140 ... 0x14f:
	case 0x180 ... 0x1a5:
	case 0x1a8 ... 0x1ad:
	case 0x1af ... 0x1c1:
	case 0x1c8 ... 0x1cf: return true;
	default: return false;
	}
}

/* Flags that the manual leaves undefined, and processors make differently. */
static uint32_t undefined_flags(const struct insn *insn)
{
	if (insn->vex)
		return 0;
	switch (insn->opcode) {
	case 0xc0:
	case 0xc1: return (insn->immediate & 63) == 1 ? CPU_FLAG_AF : CPU_FLAG_AF | CPU_FLAG_OF;
	case 0xd2:
	case 0xd3:
	case 0x1a4:
	case 0x1a5:
	case 0x1ac:
	case 0x1ad: return CPU_FLAG_AF | CPU_FLAG_OF;
	case 0x1bc:
	case 0x1bd: return CPU_FLAGS_ARITHMETIC & ~CPU_FLAG_ZF; /* LZCNT and TZCNT have CF besides */
	case 0xf6:
	case 0xf7: return digit(insn) >= 6 ? CPU_FLAGS_ARITHMETIC : 0; /* DIV, IDIV */
	default: return 0;
	}
}

static bool stores_flags(const struct insn *insn)
{
	return !insn->vex && (insn->opcode == 0x9c || insn->opcode == 0x9f);
}

static bool is_jcc(const struct insn *insn)
{
	return !insn->vex && ((insn->opcode & 0xfff0) == 0x70 || (insn->opcode & 0xfff0) == 0x180);
}

bool lockstep_leaves(const struct t1_translation *t)
{
	uint32_t undefined = 0;

	if (!stores_flags(t->insn))
		return false;
	for (unsigned i = 0; i < t->number; i++) {
		undefined = (undefined & ~t->effects[i].sets) | undefined_flags(&t->block->insns[i]);
	}
	return undefined;
}

struct lockstep_block *lockstep_note(struct t1_translation *t)
{
	const struct block *block = t->block;
	struct lockstep_block *note = t1_data(t, sizeof(*note));
	unsigned last = block->count - 1u;
	const struct insn *insn = &block->insns[last];
	uint64_t next = block->rip + block->length;

	if (!note)
		return NULL;
	note->cut = block->count;
	for (unsigned i = 0; i < block->count; i++) {
		uint32_t sets = t->effects[i].sets;

		if (note->cut == block->count &&
			(!repeatable(&block->insns[i]) || (note->undefined[i] && stores_flags(&block->insns[i]))))
			note->cut = i;
		note->before[i] = (uint16_t)t->needed[i];
		note->taken[i] = (uint16_t)t->aside_live[i];
		note->vector |= !integer_only(&block->insns[i]);
		note->undefined[i + 1] = (uint16_t)((note->undefined[i] & ~sets) | undefined_flags(&block->insns[i]));
		note->set[i + 1] = note->set[i] | (uint16_t)sets;
	}
	/* A conditional jump keeps for each way what that way wants. */
	note->before[block->count] = note->taken[last] = (uint16_t)t->live_out;
	if (is_jcc(insn)) {
		note->before[block->count] = (uint16_t)t1_live_at(t, next);
		note->taken[last] = (uint16_t)t1_live_at(t, t1_target(insn, next));
	}
	return note;
}
