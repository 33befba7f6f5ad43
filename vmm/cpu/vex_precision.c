/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The precision flag of elements whose overflow or underflow is unmasked, for VEX and EVEX: as vector_precision.c
 * does it, element by element, with operands whose exponents were moved to where nothing can overflow.
 */
#include "vmm/cpu/fpu.h"
#include "vmm/cpu/vex.h"

#define FLAG_OVERFLOW  0x08u
#define FLAG_UNDERFLOW 0x10u
#define FLAG_PRECISION 0x20u
#define MXCSR_DAZ      0x40u
#define EVEX_B         0x10u

enum kind { KIND_ADD, KIND_PAIRS, KIND_MULTIPLY, KIND_CONVERT, KIND_FUSED, KIND_SCALE, KIND_OTHER };

static enum kind row_kind(const struct vex_row *row)
{
	switch (row->opcode) {
	case 0x158:
	case 0x15c:
	case 0x1d0: return KIND_ADD;
	case 0x17c:
	case 0x17d: return KIND_PAIRS;
	case 0x159:
	case 0x15e: return KIND_MULTIPLY;
	case 0x15a:
	case 0x31d: return KIND_CONVERT;
	case 0x22c:
	case 0x22d: return KIND_SCALE;
	default:
		/* VDPPS, VDPPD: as the masked run says */
		return row->opcode >= 0x296 && row->opcode <= 0x2bf ? KIND_FUSED : KIND_OTHER;
	}
}

struct format {
	unsigned size, fraction_bits;
	uint64_t hidden, all, bias;
};

static struct format format_of(unsigned size)
{
	struct format f = { .size = size, .fraction_bits = size == 8 ? 52 : 23, .all = size == 8 ? 0x7ff : 0xff };

	f.hidden = (uint64_t)1 << f.fraction_bits;
	f.bias = f.all >> 1;
	return f;
}

/* Normalise: true for a finite number but zero; its exponent (unbiased), and the number with an exponent of zero. */
static bool element_split(const struct format *f, uint64_t value, bool denormals, int *exponent, uint64_t *mantissa)
{
	uint64_t fraction = value & (f->hidden - 1), e = value >> f->fraction_bits & f->all;

	if (e == f->all || (!e && (!fraction || !denormals)))
		return false;
	*exponent = (int)e;
	if (!e) {
		*exponent = 1;
		for (; !(fraction & f->hidden); fraction <<= 1)
			--*exponent;
	}
	*exponent -= (int)f->bias;
	*mantissa = (value >> (8 * f->size - 1)) << (8 * f->size - 1) | f->bias << f->fraction_bits |
		(fraction & (f->hidden - 1));
	return true;
}

static uint64_t element_center(const struct format *f, uint64_t value, bool denormals)
{
	int exponent;

	element_split(f, value, denormals, &exponent, &value);
	return value;
}

/* A number quartered, unless it is so small that it does not matter: for sums that overflow. */
static uint64_t element_quarter(const struct format *f, uint64_t value)
{
	uint64_t exponent = value >> f->fraction_bits & f->all;

	return exponent == f->all || exponent <= 2 ? value : value - ((uint64_t)2 << f->fraction_bits);
}

/* Factors x and y, and z to be added: the product about one, and z in the same proportion to it.  A term that is too
 * small to be reached by rounding is made just small: what counts is that it is there. */
static void fused_center(const struct format *f, bool denormals, uint64_t *x, uint64_t *y, uint64_t *z)
{
	int ex, ey, ez, limit = (int)f->bias - 27;
	uint64_t mx, my, mz;

	if (!element_split(f, *x, denormals, &ex, &mx) || !element_split(f, *y, denormals, &ey, &my))
		return;
	*x = mx;
	*y = my;
	if (!element_split(f, *z, denormals, &ez, &mz))
		return;
	ez -= ex + ey;
	if (ez > limit)
		ez = limit;
	if (ez < -limit)
		ez = -limit;
	*z = mz + ((uint64_t)(int64_t)ez << f->fraction_bits);
}

static uint32_t element_flags(thunk_framed *thunk, struct thunk_frame *frame)
{
	struct thunk_frame copy = *frame;

	thunk(&copy);
	return copy.mxcsr_out & MXCSR_FLAGS;
}

/* Operands that give an exact result with one another: 1 + 1, 1 * 1, 1 / 1, 1 * 1 + 1. */
static void frame_fill(struct thunk_frame *frame, const struct format *f)
{
	uint64_t one = f->bias << f->fraction_bits;

	for (unsigned at = 0; at < 64; at += f->size) {
		memcpy(frame->reg + at, &one, f->size);
		memcpy(frame->vvvv + at, &one, f->size);
		memcpy(frame->rm + at, &one, f->size);
	}
}

/* Which of the three operands are factors and which is added: by the order in the opcode, 132, 213 or 231. */
static void fused_adjust(const struct vex_row *row, const struct format *f, bool denormals, uint8_t *at[3])
{
	static const uint8_t orders[3][3] = { { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 } };
	const uint8_t *order = orders[(row->opcode >> 4 & 15) - 9];
	uint64_t value[3] = { 0 };

	for (unsigned i = 0; i < 3; i++)
		memcpy(&value[i], at[order[i]], f->size);
	fused_center(f, denormals, &value[0], &value[1], &value[2]);
	for (unsigned i = 0; i < 3; i++)
		memcpy(at[order[i]], &value[i], f->size);
}

static void element_adjust(
	const struct vex_row *row, enum kind kind, const struct format *f, bool denormals, uint8_t *at[3])
{
	if (kind == KIND_FUSED) {
		fused_adjust(row, f, denormals, at);
		return;
	}
	for (unsigned i = 0; i < 3; i++) {
		uint64_t value = 0;
		memcpy(&value, at[i], f->size);
		value = kind == KIND_ADD || kind == KIND_PAIRS ? element_quarter(f, value)
							       : element_center(f, value, denormals);
		memcpy(at[i], &value, f->size);
	}
}

uint32_t vex_precision(struct cpu *cpu, const struct insn *insn, const struct thunk_frame *operands, uint32_t unmasked)
{
	const struct vex_row *row = vex_row(insn);
	enum kind kind = row_kind(row);
	bool to_double = row->flags & VEX_DOUBLE || row->opcode == 0x15a;
	struct format f = format_of(to_double ? 8 : 4);
	unsigned count = row->flags & VEX_SCALAR ? 1 : (16u << insn->vector_length) / f.size;
	bool repeated = insn->mod != 3 && insn->vex == INSN_EVEX && insn->evex & EVEX_B;
	thunk_framed *thunk = kind == KIND_OTHER ? NULL : (thunk_framed *)vex_thunk(cpu, insn, row, true);
	uint32_t precision = thunk ? 0 : FLAG_PRECISION;

	for (unsigned i = 0; i < count && thunk; i++) {
		struct thunk_frame frame = { .mxcsr = operands->mxcsr };
		/* odd and even elements are treated differently by some; pairs are of one operand */
		unsigned at = (i & 1) * f.size, from = i * f.size;
		uint8_t *places[3] = { frame.reg + at, frame.vvvv + at, frame.rm + at };
		if (!(operands->mask >> i & 1))
			continue;
		frame_fill(&frame, &f);
		if (kind == KIND_PAIRS) {
			const uint8_t *source = i & 1 ? operands->rm : operands->vvvv;
			memcpy(frame.rm, source + (i & ~1u) * f.size, 2 * f.size);
			places[0] = frame.reg;
			places[1] = frame.rm;
			places[2] = frame.rm + f.size;
		} else {
			memcpy(places[0], operands->reg + from, f.size);
			memcpy(places[1], operands->vvvv + from, f.size);
			memcpy(places[2], operands->rm + (repeated ? 0 : from), f.size);
		}
		uint32_t flags = element_flags(thunk, &frame);
		if (flags & unmasked & (FLAG_OVERFLOW | FLAG_UNDERFLOW)) {
			if (kind == KIND_SCALE) /* with an exponent of any size it is exact */
				continue;
			element_adjust(row, kind, &f, !(operands->mxcsr & MXCSR_DAZ), places);
			flags = element_flags(thunk, &frame);
		}
		precision |= flags & FLAG_PRECISION;
	}
	return precision;
}
