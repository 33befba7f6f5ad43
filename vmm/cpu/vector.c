/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * MMX and SSE instructions, run natively by thunks as vector_table.c describes them.  Instructions that move state
 * or are irregular are in vector_state.c.
 *
 * SIMD floating-point exceptions trap the instruction itself, so natively it runs with all of them masked and the
 * flags clear, and what an unmasked run would have done is told from the flags that come out (SDM vol. 1, 11.5.2
 * and 11.5.3): an unmasked exception leaves the destination alone and raises #XM; one found before the computation
 * (invalid, denormal operand, division by zero) hides those of the results.  Underflow is special: masked, it is
 * reported for tiny and inexact results, unmasked for all tiny ones, so a denormal result is looked for.
 */
#include "vmm/cpu/fpu.h"

#include "vmm/cpu/feature.h"
#include "vmm/cpu/scalar_extension.h"
#include "vmm/cpu/thunk.h"
#include "vmm/cpu/vector_table.h"

#define PRE_COMPUTATION 0x07u
#define FLAG_OVERFLOW   0x08u
#define FLAG_UNDERFLOW  0x10u
#define FLAG_PRECISION  0x20u

int vector_check_sse(struct cpu *cpu)
{
	if (cpu->cr0 & CPU_CR0_EM || !(cpu->cr4 & CPU_CR4_OSFXSR))
		return cpu_raise(cpu, CPU_UD);
	if (cpu->cr0 & CPU_CR0_TS)
		return cpu_raise(cpu, CPU_NM);
	return CPU_OK;
}

int vector_check_mmx(struct cpu *cpu)
{
	if (cpu->cr0 & CPU_CR0_EM)
		return cpu_raise(cpu, CPU_UD);
	if (cpu->cr0 & CPU_CR0_TS)
		return cpu_raise(cpu, CPU_NM);
	return fpu_check_pending(cpu, NULL);
}

/* Where MM register i is in the image, for the TOP of now. */
static uint8_t *mmx_register(struct cpu_fxsave *fx, unsigned i)
{
	return fx->st[(i - fpu_top(fx)) & 7];
}

static void mmx_write(struct cpu_fxsave *fx, unsigned i, const void *value)
{
	uint8_t *mm = mmx_register(fx, i);
	memcpy(mm, value, 8);
	mm[8] = mm[9] = 0xff;
}

struct operands {
	/* Values of MMX operands, results that may not be wanted, and memory operands. */
	uint8_t memory[64] __attribute__((aligned(64)));
	uint8_t scratch[16] __attribute__((aligned(16)));
	uint64_t mmx_reg, mmx_rm;
	const void *reg;
	void *rm, *out;
};

static bool uses_mmx(const struct insn *insn, const struct vector_row *row)
{
	if (row->flags & VECTOR_MMX_QUIET && insn->mod != 3)
		return false;
	return row->reg == THUNK_MMX || row->rm == THUNK_MMX;
}

static int check_available(struct cpu *cpu, const struct insn *insn, const struct vector_row *row)
{
	if (row->reg == THUNK_XMM || row->rm == THUNK_XMM) {
		if (vector_check_sse(cpu))
			return CPU_FAULT;
		return uses_mmx(insn, row) ? fpu_check_pending(cpu, NULL) : CPU_OK;
	}
	return vector_check_mmx(cpu);
}

unsigned vector_memory_size(const struct insn *insn, const struct vector_row *row)
{
	bool extract = row->map == 3 && row->opcode == 0x17; /* EXTRACTPS: a float, whatever REX.W says */
	return row->rm == THUNK_GPR && insn->rex & 8 && row->size == 4 && !extract ? 8 : row->size;
}

/* Check alignment; fetch a source. */
static int memory_prepare(struct cpu *cpu, const struct insn *insn, const struct vector_row *row, struct operands *o)
{
	uint64_t offset = insn_offset(cpu, insn);
	unsigned size = vector_memory_size(insn, row);
	if (row->flags & VECTOR_ALIGNED && cpu_linear(cpu, insn->segment, offset) & (size - 1u))
		return cpu_raise_error(cpu, CPU_GP, 0);
	return row->flags & VECTOR_STORE ? CPU_OK : cpu_read(cpu, insn->segment, offset, o->memory, size);
}

static int operands_prepare(struct cpu *cpu, const struct insn *insn, const struct vector_row *row, struct operands *o)
{
	struct cpu_fxsave *fx = &cpu->fx;
	switch (row->reg) {
	case THUNK_XMM: o->reg = o->out = fx->xmm[insn->reg & 15]; break;
	case THUNK_MMX:
		memcpy(&o->mmx_reg, mmx_register(fx, insn->reg & 7), 8);
		o->reg = o->out = &o->mmx_reg;
		break;
	case THUNK_GPR: o->reg = o->out = &cpu->gpr[insn->reg & 15]; break;
	default: o->reg = o->out = NULL;
	}
	if (insn->mod != 3) {
		o->rm = o->memory;
		return memory_prepare(cpu, insn, row, o);
	}
	switch (row->rm) {
	case THUNK_XMM: o->rm = fx->xmm[insn->rm & 15]; break;
	case THUNK_MMX:
		memcpy(&o->mmx_rm, mmx_register(fx, insn->rm & 7), 8);
		o->rm = &o->mmx_rm;
		break;
	default: o->rm = &cpu->gpr[insn->rm & 15];
	}
	return CPU_OK;
}

/* Write back what is not written in place. */
static int operands_commit(struct cpu *cpu, const struct insn *insn, const struct vector_row *row, struct operands *o)
{
	bool store = row->flags & VECTOR_STORE;
	if (store && insn->mod != 3 &&
		cpu_write(cpu, insn->segment, insn_offset(cpu, insn), o->memory, vector_memory_size(insn, row)))
		return CPU_FAULT;
	if (!uses_mmx(insn, row))
		return CPU_OK;
	vector_mmx_enter(&cpu->fx);
	if (store) {
		if (insn->mod == 3 && row->rm == THUNK_MMX)
			mmx_write(&cpu->fx, insn->rm & 7, &o->mmx_rm);
	} else if (row->reg == THUNK_MMX) {
		mmx_write(&cpu->fx, insn->reg & 7, &o->mmx_reg);
	}
	return CPU_OK;
}

static int vector_run(struct cpu *cpu, const struct insn *insn)
{
	const struct vector_row *row = vector_row(insn->immediate2);
	struct thunk_control control;
	struct operands o;
	if (check_available(cpu, insn, row) || operands_prepare(cpu, insn, row, &o))
		return CPU_FAULT;
	((thunk_vector *)insn->thunk)(o.reg, o.rm, o.out, &control);
	if (row->flags & VECTOR_COMPARE) /* PTEST */
		cpu_arithmetic_set(cpu, (uint32_t)control.rflags);
	return operands_commit(cpu, insn, row, &o);
}

/* ---- plain 16-byte moves to and from memory: too common for a thunk ---- */

static int vector_load(struct cpu *cpu, const struct insn *insn)
{
	uint64_t offset = insn_offset(cpu, insn);
	if (vector_check_sse(cpu))
		return CPU_FAULT;
	if (vector_row(insn->immediate2)->flags & VECTOR_ALIGNED && cpu_linear(cpu, insn->segment, offset) & 15)
		return cpu_raise_error(cpu, CPU_GP, 0);
	return cpu_read(cpu, insn->segment, offset, cpu->fx.xmm[insn->reg & 15], 16);
}

static int vector_store(struct cpu *cpu, const struct insn *insn)
{
	uint64_t offset = insn_offset(cpu, insn);
	if (vector_check_sse(cpu))
		return CPU_FAULT;
	if (vector_row(insn->immediate2)->flags & VECTOR_ALIGNED && cpu_linear(cpu, insn->segment, offset) & 15)
		return cpu_raise_error(cpu, CPU_GP, 0);
	return cpu_write(cpu, insn->segment, offset, cpu->fx.xmm[insn->reg & 15], 16);
}

static insn_execute *move_select(const struct insn *insn, const struct vector_row *row)
{
	if (insn->mod == 3 || row->map != 1 || row->size != 16 || row->reg != THUNK_XMM)
		return NULL;
	switch (row->native) {
	case 0x10: /* MOVUPS, MOVUPD */
	case 0x28: /* MOVAPS, MOVAPD */
	case 0x6f: /* MOVDQA, MOVDQU */ return vector_load;
	case 0x11:
	case 0x29:
	case 0x7f: return vector_store; /* the same, and the non-temporal ones */
	default: return NULL;
	}
}

/* ---- instructions that may raise SIMD exceptions ---- */

static bool result_tiny(const struct vector_row *row, const uint8_t *result)
{
	unsigned size = row->flags & VECTOR_DOUBLE ? 8 : 4;
	/* CVTPD2PS clears the upper half: zeros are not tiny */
	unsigned count = row->flags & VECTOR_SCALAR ? 1 : 16 / size;
	for (unsigned i = 0; i < count; i++) {
		uint64_t value = 0;
		memcpy(&value, result + i * size, size);
		value <<= 64 - 8 * size + 1; /* without its sign */
		unsigned exponent_bits = size == 8 ? 11 : 8;
		if (value && !(value >> (64 - exponent_bits)))
			return true;
	}
	return false;
}

/* Merge the flags of a masked run into MXCSR.  True: an exception is to be raised. */
static bool flags_merge(struct cpu *cpu, const struct insn *insn, const struct vector_row *row,
	const struct operands *o, const struct thunk_control *control)
{
	uint32_t raised = control->mxcsr_out & MXCSR_FLAGS;
	uint32_t unmasked = ~(cpu->fx.mxcsr >> MXCSR_MASKS_SHIFT) & MXCSR_FLAGS;
	if (row->flags & VECTOR_TINY && unmasked & FLAG_UNDERFLOW && result_tiny(row, o->scratch))
		raised |= FLAG_UNDERFLOW;
	if (raised & unmasked & PRE_COMPUTATION)
		raised &= PRE_COMPUTATION;
	else if (row->flags & VECTOR_TINY && raised & unmasked & (FLAG_OVERFLOW | FLAG_UNDERFLOW) &&
		raised & FLAG_PRECISION)
		raised = (raised & ~FLAG_PRECISION) |
			vector_precision(row, (thunk_vector *)insn->thunk, control->mxcsr, unmasked, o->reg, o->rm);
	cpu->fx.mxcsr |= raised;
	return raised & unmasked;
}

static int vector_run_exceptions(struct cpu *cpu, const struct insn *insn)
{
	const struct vector_row *row = vector_row(insn->immediate2);
	struct operands o;
	if (check_available(cpu, insn, row) || operands_prepare(cpu, insn, row, &o))
		return CPU_FAULT;
	struct thunk_control control = { .mxcsr = (cpu->fx.mxcsr & MXCSR_NATIVE) | MXCSR_MASKS };
	thunk_vector *thunk = (thunk_vector *)insn->thunk;
	if ((cpu->fx.mxcsr & MXCSR_MASKS) == MXCSR_MASKS) {
		thunk(o.reg, o.rm, o.out, &control);
		cpu->fx.mxcsr |= control.mxcsr_out & MXCSR_FLAGS;
	} else {
		/* flush to zero is in force only while underflow is masked */
		if (!(cpu->fx.mxcsr >> MXCSR_MASKS_SHIFT & FLAG_UNDERFLOW))
			control.mxcsr &= ~MXCSR_FTZ;
		thunk(o.reg, o.rm, o.scratch, &control);
		if (flags_merge(cpu, insn, row, &o, &control))
			return cpu_raise(cpu, cpu->cr4 & CPU_CR4_OSXMMEXCPT ? CPU_XM : CPU_UD);
		if (!(row->flags & VECTOR_COMPARE))
			memcpy(o.out, o.scratch, row->reg == THUNK_XMM ? 16 : 8);
	}
	if (row->flags & VECTOR_COMPARE)
		cpu_arithmetic_set(cpu, (uint32_t)control.rflags);
	return operands_commit(cpu, insn, row, &o);
}

/* ---- selection ---- */

static bool row_available(const struct cpu *cpu, const struct insn *insn, const struct vector_row *row)
{
	if (!model_has(cpu->model, row->feature))
		return false;
	return !(row->flags & (insn->mod == 3 ? VECTOR_MEMORY_ONLY : VECTOR_REGISTER_ONLY));
}

insn_execute *vector_select(struct cpu *cpu, struct insn *insn)
{
	if (insn->lock)
		return NULL;
	insn_execute *state = vector_state_select(cpu, insn);
	if (state)
		return state;
	if (insn->opcode >= 0x200) {
		state = scalar_extension_select(cpu, insn);
		if (!state)
			state = vector_implicit_select(cpu, insn);
		if (state)
			return state;
	}
	const struct vector_row *row = vector_row_find(insn);
	if (!row || !row_available(cpu, insn, row))
		return NULL;
	insn->immediate2 = (uint16_t)vector_row_number(row);
	insn_execute *move = move_select(insn, row);
	if (move)
		return move;

	struct thunk_shape shape = {
		.prefix = row->prefix,
		.map = row->map,
		.opcode = row->native,
		.digit = row->digit == 0xff ? 0 : row->digit,
		.reg = row->reg & 15u,
		.rm = (insn->mod == 3 ? row->rm : THUNK_MEMORY) & 15u,
	};
	if (row->flags & VECTOR_IMMEDIATE) {
		shape.flags |= THUNK_IMMEDIATE;
		shape.immediate = (uint8_t)insn->immediate;
	}
	if (row->flags & VECTOR_EXCEPTIONS)
		shape.flags |= THUNK_MXCSR;
	if (row->flags & VECTOR_COMPARE)
		shape.flags |= THUNK_RFLAGS;
	else
		shape.flags |= row->flags & VECTOR_STORE ? THUNK_STORE_RM : THUNK_STORE_REG;
	if (insn->rex & 8 && (row->reg == THUNK_GPR || row->rm == THUNK_GPR))
		shape.flags |= THUNK_WIDE;
	insn->thunk = cpu_thunk(cpu, &shape);
	if (!insn->thunk)
		return NULL;
	return row->flags & VECTOR_EXCEPTIONS ? vector_run_exceptions : vector_run;
}

const struct vector_row *vector_row_of(const struct insn *insn)
{
	if (insn->execute != vector_run && insn->execute != vector_run_exceptions && insn->execute != vector_load &&
		insn->execute != vector_store)
		return NULL;
	return vector_row(insn->immediate2);
}
