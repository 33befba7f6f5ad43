/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Selecting what is encoded with VEX and EVEX: which encodings are defined (SDM vol. 2A, 2.3 and 2.7), and the thunk
 * that executes one.
 */
#include "vmm/cpu/vex.h"

#include <stddef.h>

#include "vmm/cpu/feature.h"

#define EVEX_AAA 0x07u
#define EVEX_B   0x10u
#define EVEX_Z   0x80u

int vex_check(struct cpu *cpu, bool avx512)
{
	uint64_t needed = XCR0_SSE | XCR0_AVX | (avx512 ? XCR0_AVX512 : 0);

	if (!(cpu->cr4 & CPU_CR4_OSXSAVE) || (cpu->xcr0 & needed) != needed)
		return cpu_raise(cpu, CPU_UD);
	if (cpu->cr0 & CPU_CR0_TS)
		return cpu_raise(cpu, CPU_NM);
	return CPU_OK;
}

/* ---- rows ---- */

#define EVEX_FIRST 0x8000u /* row numbers of EVEX rows begin here */

const struct vex_row *vex_row(const struct insn *insn)
{
	unsigned number = insn->immediate2;

	return number < EVEX_FIRST ? &vex_rows[number] : &evex_rows[number - EVEX_FIRST];
}

static bool row_uses_gpr(const struct vex_row *row)
{
	return row->reg == THUNK_GPR || row->rm == THUNK_GPR;
}

/* Has the row a general register, and its W=1 is undefined outside of 64-bit mode, not ignored?  VPEXTRQ and VPINSRQ
 * become VPEXTRD and VPINSRD there (SDM vol. 2C, PEXTRD). */
static bool row_strict(const struct insn *insn, const struct vex_row *row)
{
	if (insn->vex == INSN_EVEX)
		return row->opcode == 0x27a || row->opcode == 0x27b; /* VPBROADCASTB, VPBROADCASTW */
	return (row->reg == THUNK_MASK || row->rm == THUNK_MASK) && row->prefix != 0xf2;
}

static bool row_matches(const struct insn *insn, const struct vex_row *row)
{
	unsigned prefix = insn->rep ? insn->rep : insn->prefix66 ? 0x66 : 0;
	unsigned w = (insn->rex & 8) != 0;

	/* with a general register, W is its size, which is 32 bits outside of 64-bit mode */
	if (row_uses_gpr(row) && !insn->code64) {
		bool strict = row_strict(insn, row);
		if (strict && w)
			return false;
		w = 0;
	}
	if (row->prefix != prefix || (row->digit != 0xff && row->digit != (insn->modrm >> 3 & 7)))
		return false;
	if (row->w != VEX_W_ANY && row->w != w)
		return false;
	if (row->flags & (insn->mod == 3 ? VEX_MEMORY_ONLY : VEX_REGISTER_ONLY))
		return false;
	/* with EVEX.b and registers, L'L is the rounding mode, and the length is 512 bits */
	if (insn->mod == 3 && insn->vex == INSN_EVEX && insn->evex & EVEX_B)
		return row->lengths & 4;
	return row->lengths >> insn->vector_length & 1;
}

static const struct vex_row *row_find(struct insn *insn)
{
	bool evex = insn->vex == INSN_EVEX;
	const struct vex_row *rows = evex ? evex_rows : vex_rows;
	unsigned count = evex ? evex_row_count : vex_row_count, low = 0, high = count;

	while (low < high) { /* the first row of the opcode */
		unsigned middle = (low + high) / 2;

		if (rows[middle].opcode < insn->opcode)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < count && rows[low].opcode == insn->opcode; low++) {
		if (!row_matches(insn, &rows[low]))
			continue;
		insn->immediate2 = (uint16_t)(low + (evex ? EVEX_FIRST : 0));
		return &rows[low];
	}
	return NULL;
}

static bool row_available(const struct cpu *cpu, const struct insn *insn, const struct vex_row *row)
{
	const struct cpu_model *model = cpu->model;

	if (!model_has(model, row->feature))
		return false;
	if (insn->vex == INSN_VEX)
		return model_has(model, FEATURE_AVX);
	/* shorter vectors are an extension, but for what has no other length */
	bool rounding = insn->mod == 3 && insn->evex & EVEX_B;
	bool shorter = insn->vector_length < 2 && !rounding && !(row->flags & VEX_SCALAR) &&
		(row->flags & VEX_MASK || row->lengths != 1);
	return model_has(model, FEATURE_AVX512F) && (!shorter || model_has(model, FEATURE_AVX512VL));
}

/* Bits of EVEX that the instruction does not allow. */
static bool evex_legal(const struct insn *insn, const struct vex_row *row)
{
	bool memory = insn->mod != 3;

	if (insn->evex & EVEX_B && !(row->flags & (memory ? VEX_BROADCAST : VEX_ROUNDING)))
		return false;
	if (insn->evex & EVEX_AAA && !(row->flags & VEX_MASK))
		return false;
	if (!(insn->evex & EVEX_Z))
		return true;
	return insn->evex & EVEX_AAA && row->flags & VEX_ZERO && !(memory && row->flags & VEX_STORE);
}

/* ---- sizes ---- */

unsigned vex_memory_size(const struct insn *insn, const struct vex_row *row)
{
	unsigned vector = 16u << insn->vector_length;

	if (insn->vex == INSN_EVEX && insn->evex & EVEX_B)
		return insn->rex & 8 ? 8 : 4;
	return row->memory < VEX_FULL ? row->memory : vector >> (row->memory - VEX_FULL);
}

unsigned vex_elements(const struct insn *insn, const struct vex_row *row)
{
	return row->flags & VEX_SCALAR ? 1 : (16u << insn->vector_length) / row->element;
}

/* An 8-bit displacement counts in units of the operand (SDM vol. 2A, 2.7.5), packed operands in elements. */
static void displacement_scale(struct insn *insn, const struct vex_row *row)
{
	if (insn->vex == INSN_EVEX && insn->displacement8)
		insn->displacement *= row->flags & VEX_PACKED ? row->element : vex_memory_size(insn, row);
}

/* ---- thunks ---- */

const void *vex_thunk(struct cpu *cpu, const struct insn *insn, const struct vex_row *row, bool plain)
{
	bool memory = insn->mod != 3 && !plain, vvvv = row->vvvv && !(row->flags & VEX_REGISTER_VVVV && insn->mod != 3);
	struct thunk_shape shape = {
		.prefix = row->prefix,
		.map = insn->opcode >> 8,
		.opcode = insn->opcode & 0xff,
		.digit = row->digit == 0xff ? 0 : row->digit,
		.reg = row->reg,
		.rm = memory ? THUNK_MEMORY : row->rm,
		.vvvv = vvvv ? row->vvvv : THUNK_NONE,
		.is4 = row->is4,
		.vex = insn->vex,
		.vector_length = insn->vector_length,
		.flags = THUNK_FRAME,
	};

	if (shape.opcode == 0x2b && shape.map == 1)
		shape.opcode = 0x29; /* non-temporal stores are just that */
	if (shape.opcode == 0xe7 && shape.map == 1)
		shape.opcode = 0x7f;
	if (insn->vex == INSN_EVEX && !plain)
		shape.evex = (insn->evex & (EVEX_Z | EVEX_B)) | (insn->evex & EVEX_AAA ? 1 : 0);
	if (row->flags & VEX_IMMEDIATE) {
		shape.flags |= THUNK_IMMEDIATE;
		shape.immediate = (uint8_t)insn->immediate;
	}
	if (row_uses_gpr(row) ? vex_wide(insn) : insn->rex & 8)
		shape.flags |= THUNK_WIDE;
	if (row->flags & VEX_EXCEPTIONS)
		shape.flags |= THUNK_MXCSR;
	if (row->flags & (VEX_COMPARE | VEX_STRING))
		shape.flags |= THUNK_RFLAGS;
	if (row->flags & VEX_STRING)
		shape.flags |= THUNK_STRING | THUNK_STORE_XMM0;
	else if (row->flags & VEX_STORE)
		shape.flags |= memory ? 0 : THUNK_STORE_RM;
	else if (row->flags & VEX_STORE_VVVV)
		shape.flags |= THUNK_STORE_VVVV;
	else if (!(row->flags & VEX_COMPARE))
		shape.flags |= THUNK_STORE_REG;
	return cpu_thunk(cpu, &shape);
}

/* ---- selection ---- */

/* Plain moves of whole vectors are too common for a thunk. */
static insn_execute *move_select(const struct insn *insn)
{
	if (insn->mod == 3 || insn->evex & EVEX_AAA || insn->opcode >> 8 != 1)
		return NULL;
	switch (insn->opcode & 0xff) {
	case 0x10:
	case 0x11:
		if (insn->rep) /* VMOVSS, VMOVSD */
			return NULL;
		return insn->opcode & 1 ? vex_store : vex_load;
	case 0x28:
	case 0x6f: return vex_load;
	case 0x29:
	case 0x2b:
	case 0x7f:
	case 0xe7: return vex_store;
	default: return NULL;
	}
}

insn_execute *vex_select(struct cpu *cpu, struct insn *insn)
{
	insn_execute *other = vex_scalar_select(cpu, insn);

	if (!other)
		other = vex_state_select(cpu, insn);
	if (!other)
		other = vex_gather_select(cpu, insn);
	if (other)
		return other;
	const struct vex_row *row = row_find(insn);
	if (!row || !row_available(cpu, insn, row) || (insn->vex == INSN_EVEX && !evex_legal(insn, row)))
		return NULL;
	bool vvvv = row->vvvv && !(row->flags & VEX_REGISTER_VVVV && insn->mod != 3);
	if (insn->vvvv && !vvvv)
		return NULL;
	/* there are eight opmasks, and sixteen general registers */
	if ((row->reg == THUNK_GPR && insn->reg > 15) || (row->reg == THUNK_MASK && insn->reg > 7) ||
		(row->vvvv == THUNK_MASK && insn->vvvv > 7))
		return NULL;
	displacement_scale(insn, row);
	insn_execute *move = move_select(insn);
	if (move)
		return move;
	insn->thunk = vex_thunk(cpu, insn, row, false);
	if (!insn->thunk)
		return NULL;
	/* exceptions suppressed: nothing to be told from the flags */
	bool suppressed = insn->vex == INSN_EVEX && insn->mod == 3 && insn->evex & EVEX_B;
	return row->flags & VEX_EXCEPTIONS && !suppressed ? vex_run_exceptions : vex_run;
}

const struct vex_row *vex_row_of(const struct insn *insn)
{
	if (insn->execute != vex_run && insn->execute != vex_run_exceptions && insn->execute != vex_load &&
		insn->execute != vex_store)
		return NULL;
	return vex_row(insn);
}
