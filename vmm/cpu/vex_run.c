/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Running VEX- and EVEX-encoded instructions: operands into a frame, the thunk, results out of it.
 *
 * Elements of a memory operand that the mask leaves out are not accessed, so neither do they fault (SDM vol. 2A,
 * 2.7.7 and the exception types of 2.8), but for instructions that read all of their source (VEX_WHOLE).
 *
 * SIMD floating-point exceptions are told from the flags of a masked run: see vector.c.
 */
#include "vmm/cpu/fpu.h"
#include "vmm/cpu/vex.h"

#define EVEX_AAA 0x07u
#define EVEX_B   0x10u

#define PRE_COMPUTATION 0x07u
#define FLAG_OVERFLOW   0x08u
#define FLAG_UNDERFLOW  0x10u
#define FLAG_PRECISION  0x20u

/* ---- registers ---- */

static unsigned frame_width(const struct insn *insn)
{
	return insn->vex == INSN_EVEX ? 64 : 32;
}

static void operand_get(const struct cpu *cpu, const struct insn *insn, unsigned class, unsigned number, uint8_t *slot)
{
	switch (class) {
	case THUNK_XMM: vector_get(cpu, number, slot, frame_width(insn)); break;
	case THUNK_GPR: memcpy(slot, &cpu->gpr[number & 15], 8); break;
	case THUNK_MASK: memcpy(slot, &cpu->vector.k[number & 7], 8); break;
	default: break;
	}
}

static void operand_set(struct cpu *cpu, const struct insn *insn, unsigned class, unsigned number, const uint8_t *slot)
{
	switch (class) {
	case THUNK_XMM: vector_set(cpu, number, slot, frame_width(insn)); break;
	case THUNK_GPR: memcpy(&cpu->gpr[number & 15], slot, 8); break;
	case THUNK_MASK: memcpy(&cpu->vector.k[number & 7], slot, 8); break;
	default: break;
	}
}

/* ---- memory ---- */

/* How a memory operand is divided. */
struct parts {
	uint64_t offset, mask; /* of the segment; a bit for each part that is accessed */
	unsigned size, part;   /* bytes in all, bytes of a part */
	bool whole;
};

static uint64_t low_bits(unsigned count)
{
	return count < 64 ? ((uint64_t)1 << count) - 1 : UINT64_MAX;
}

/* The sign bits of a vector of masks. */
static uint64_t sign_mask(const uint8_t *vector, unsigned element, unsigned count)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i < count; i++)
		mask |= (uint64_t)(vector[i * element + element - 1] >> 7) << i;
	return mask;
}

static void parts_find(const struct cpu *cpu, const struct insn *insn, const struct vex_row *row,
	const struct thunk_frame *frame, struct parts *p)
{
	unsigned count;
	uint64_t mask;

	p->offset = insn_offset(cpu, insn);
	p->part = p->size = vex_memory_size(insn, row);
	p->whole = true;
	p->mask = 1;
	if (row->flags & VEX_MASK_VECTOR) {
		count = p->size / row->element;
		mask = sign_mask(frame->vvvv, row->element, count);
	} else if (insn->evex & EVEX_AAA && (row->flags & VEX_STORE || !(row->flags & VEX_WHOLE))) {
		bool part = row->memory < VEX_FULL && !(row->flags & (VEX_SCALAR | VEX_REPEATED)); /* of a vector */
		count = part ? p->size / row->element : vex_elements(insn, row);
		mask = frame->mask & low_bits(count);
	} else {
		return;
	}
	if (row->flags & VEX_PACKED) {
		p->size = p->part = (unsigned)__builtin_popcountll(mask) * row->element;
		p->whole = p->size != 0;
		p->mask = p->whole;
		return;
	}
	p->part = p->size / count;
	if (insn->evex & EVEX_B)
		p->part = p->size;
	else if (row->flags & VEX_REPEATED)
		p->part = row->element;
	unsigned parts = p->size / p->part;
	p->mask = 0;
	for (; mask; mask >>= parts) {
		p->mask |= mask & low_bits(parts);
		if (parts == 64)
			break;
	}
	p->whole = p->mask == low_bits(parts);
}

/* The next run of parts that are accessed, from part `*at` on: its length, 0 at the end. */
static unsigned parts_next(const struct parts *p, unsigned *at)
{
	unsigned count = p->size / p->part, length = 0;

	while (*at < count && !(p->mask >> *at & 1))
		++*at;
	while (*at + length < count && p->mask >> (*at + length) & 1)
		length++;
	return length;
}

static int memory_read(struct cpu *cpu, const struct insn *insn, const struct parts *p, uint8_t *data)
{
	if (p->whole)
		return cpu_read(cpu, insn->segment, p->offset, data, p->size);
	if (!p->mask)
		return CPU_OK;
	for (unsigned at = 0, length; (length = parts_next(p, &at)); at += length)
		if (cpu_read(cpu, insn->segment, p->offset + at * p->part, data + at * p->part, length * p->part))
			return CPU_FAULT;
	return CPU_OK;
}

static int memory_probe(struct cpu *cpu, const struct insn *insn, const struct vex_row *row, const struct parts *p)
{
	if ((p->whole || row->flags & VEX_WHOLE) && cpu_probe_write(cpu, insn->segment, p->offset, p->size))
		return CPU_FAULT;
	if (p->whole)
		return CPU_OK;
	for (unsigned at = 0, length; p->mask && (length = parts_next(p, &at)); at += length)
		if (cpu_probe_write(cpu, insn->segment, p->offset + at * p->part, length * p->part))
			return CPU_FAULT;
	return CPU_OK;
}

static int memory_write(
	struct cpu *cpu, const struct insn *insn, const struct vex_row *row, const struct parts *p, const uint8_t *data)
{
	if (p->whole)
		return cpu_write(cpu, insn->segment, p->offset, data, p->size);
	if (memory_probe(cpu, insn, row, p))
		return CPU_FAULT;
	for (unsigned at = 0, length; p->mask && (length = parts_next(p, &at)); at += length)
		if (cpu_write(cpu, insn->segment, p->offset + at * p->part, data + at * p->part, length * p->part))
			return CPU_FAULT;
	return CPU_OK;
}

/* With a mask that selects nothing there is no access, and no alignment to check. */
static int alignment_check(struct cpu *cpu, const struct insn *insn, const struct vex_row *row, uint64_t mask)
{
	if (row->flags & VEX_ALIGNED && mask &&
		cpu_linear(cpu, insn->segment, insn_offset(cpu, insn)) & (vex_memory_size(insn, row) - 1u))
		return cpu_raise_error(cpu, CPU_GP, 0);
	return CPU_OK;
}

/* ---- frames ---- */

static bool needs_avx512(const struct insn *insn, const struct vex_row *row)
{
	return insn->vex == INSN_EVEX || row->reg == THUNK_MASK || row->rm == THUNK_MASK;
}

static int frame_prepare(struct cpu *cpu, const struct insn *insn, const struct vex_row *row, struct thunk_frame *frame)
{
	struct parts parts;

	if (vex_check(cpu, needs_avx512(insn, row)))
		return CPU_FAULT;
	operand_get(cpu, insn, row->reg, insn->reg, frame->reg);
	operand_get(cpu, insn, row->vvvv, insn->vvvv, frame->vvvv);
	if (row->is4)
		operand_get(cpu, insn, row->is4, insn->immediate >> 4 & (insn->code64 ? 15 : 7), frame->is4);
	frame->mask = insn->evex & EVEX_AAA ? cpu->vector.k[insn->evex & EVEX_AAA] : UINT64_MAX;
	if (row->flags & VEX_STRING) {
		uint64_t mask = vex_wide(insn) ? UINT64_MAX : UINT32_MAX;
		frame->rax = cpu->gpr[CPU_RAX] & mask;
		frame->rdx = cpu->gpr[CPU_RDX] & mask;
		frame->rcx = cpu->gpr[CPU_RCX];
	}
	if (insn->mod == 3) {
		operand_get(cpu, insn, row->rm, insn->rm, frame->rm);
		return CPU_OK;
	}
	parts_find(cpu, insn, row, frame, &parts);
	if (alignment_check(cpu, insn, row, parts.mask))
		return CPU_FAULT;
	if (row->flags & VEX_STORE)
		return CPU_OK;
	return memory_read(cpu, insn, &parts, frame->rm);
}

static int frame_commit(
	struct cpu *cpu, const struct insn *insn, const struct vex_row *row, const struct thunk_frame *frame)
{
	struct parts parts;

	if (row->flags & (VEX_COMPARE | VEX_STRING))
		cpu_arithmetic_set(cpu, (uint32_t)frame->rflags);
	if (row->flags & VEX_STRING) {
		if (insn->opcode & 1) /* PCMPxSTRI */
			cpu->gpr[CPU_RCX] = frame->rcx;
		else
			vector_set(cpu, 0, frame->is4, 16);
	} else if (row->flags & VEX_STORE_VVVV) {
		operand_set(cpu, insn, row->vvvv, insn->vvvv, frame->vvvv);
	} else if (row->flags & VEX_STORE) {
		if (insn->mod != 3) {
			parts_find(cpu, insn, row, frame, &parts);
			return memory_write(cpu, insn, row, &parts, frame->rm);
		}
		operand_set(cpu, insn, row->rm, insn->rm, frame->rm);
	} else if (!(row->flags & VEX_COMPARE)) {
		operand_set(cpu, insn, row->reg, insn->reg, frame->reg);
	}
	return CPU_OK;
}

int vex_run(struct cpu *cpu, const struct insn *insn)
{
	const struct vex_row *row = vex_row(insn);
	struct thunk_frame frame;

	if (frame_prepare(cpu, insn, row, &frame))
		return CPU_FAULT;
	/* for embedded rounding: no exception is reported, and denormals are as MXCSR says */
	frame.mxcsr = (cpu->fx.mxcsr & MXCSR_NATIVE) | MXCSR_MASKS;
	((thunk_framed *)insn->thunk)(&frame);
	return frame_commit(cpu, insn, row, &frame);
}

/* ---- whole vectors to and from memory ---- */

int vex_load(struct cpu *cpu, const struct insn *insn)
{
	const struct vex_row *row = vex_row(insn);
	unsigned size = 16u << insn->vector_length;
	uint8_t data[64];

	if (vex_check(cpu, insn->vex == INSN_EVEX) || alignment_check(cpu, insn, row, 1) ||
		cpu_read(cpu, insn->segment, insn_offset(cpu, insn), data, size))
		return CPU_FAULT;
	vector_set(cpu, insn->reg, data, size);
	return CPU_OK;
}

int vex_store(struct cpu *cpu, const struct insn *insn)
{
	const struct vex_row *row = vex_row(insn);
	unsigned size = 16u << insn->vector_length;
	uint8_t data[64];

	if (vex_check(cpu, insn->vex == INSN_EVEX) || alignment_check(cpu, insn, row, 1))
		return CPU_FAULT;
	vector_get(cpu, insn->reg, data, size);
	return cpu_write(cpu, insn->segment, insn_offset(cpu, insn), data, size);
}

/* ---- instructions that may raise SIMD exceptions ---- */

/* Is there a denormal among the results? */
static bool result_tiny(const struct insn *insn, const struct vex_row *row, const struct thunk_frame *frame)
{
	bool half = insn->opcode == 0x31d; /* VCVTPS2PH */
	unsigned size = row->flags & VEX_DOUBLE ? 8 : half ? 2 : 4, exponent_bits = size == 8 ? 11 : half ? 5 : 8;
	unsigned count = row->flags & VEX_SCALAR ? 1 : (16u << insn->vector_length) / row->element;
	const uint8_t *result = row->flags & VEX_STORE ? frame->rm : frame->reg;

	for (unsigned i = 0; i < count; i++) {
		uint64_t value = 0;
		if (!(frame->mask >> i & 1))
			continue;
		memcpy(&value, result + i * size, size);
		value <<= 64 - 8 * size + 1; /* without its sign */
		if (value && !(value >> (64 - exponent_bits)))
			return true;
	}
	return false;
}

/* Merge the flags of a masked run into MXCSR.  True: an exception is to be raised. */
static bool flags_merge(struct cpu *cpu, const struct insn *insn, const struct vex_row *row,
	const struct thunk_frame *before, const struct thunk_frame *after)
{
	uint32_t raised = after->mxcsr_out & MXCSR_FLAGS;
	uint32_t unmasked = ~(cpu->fx.mxcsr >> MXCSR_MASKS_SHIFT) & MXCSR_FLAGS;

	if (row->flags & VEX_TINY && unmasked & FLAG_UNDERFLOW && result_tiny(insn, row, after))
		raised |= FLAG_UNDERFLOW;
	if (raised & unmasked & PRE_COMPUTATION)
		raised &= PRE_COMPUTATION;
	else if (row->flags & VEX_TINY && raised & unmasked & (FLAG_OVERFLOW | FLAG_UNDERFLOW) &&
		raised & FLAG_PRECISION)
		raised = (raised & ~FLAG_PRECISION) | vex_precision(cpu, insn, before, unmasked);
	cpu->fx.mxcsr |= raised;
	return raised & unmasked;
}

int vex_run_exceptions(struct cpu *cpu, const struct insn *insn)
{
	const struct vex_row *row = vex_row(insn);
	struct thunk_frame frame, before;
	struct parts parts;
	bool masked = (cpu->fx.mxcsr & MXCSR_MASKS) == MXCSR_MASKS;

	if (frame_prepare(cpu, insn, row, &frame))
		return CPU_FAULT;
	/* a store faults before it is computed what to store, and then has changed nothing */
	if (row->flags & VEX_STORE && insn->mod != 3) {
		parts_find(cpu, insn, row, &frame, &parts);
		if (memory_probe(cpu, insn, row, &parts))
			return CPU_FAULT;
	}
	frame.mxcsr = (cpu->fx.mxcsr & MXCSR_NATIVE) | MXCSR_MASKS;
	/* flush to zero is in force only while underflow is masked, but for VRCP14 and VRSQRT14, which raise nothing */
	if ((row->opcode & 0xffc) != 0x24c && !(cpu->fx.mxcsr >> MXCSR_MASKS_SHIFT & FLAG_UNDERFLOW))
		frame.mxcsr &= ~MXCSR_FTZ;
	if (!masked)
		before = frame;
	((thunk_framed *)insn->thunk)(&frame);
	if (masked)
		cpu->fx.mxcsr |= frame.mxcsr_out & MXCSR_FLAGS;
	else if (flags_merge(cpu, insn, row, &before, &frame))
		return cpu_raise(cpu, cpu->cr4 & CPU_CR4_OSXMMEXCPT ? CPU_XM : CPU_UD);
	return frame_commit(cpu, insn, row, &frame);
}
