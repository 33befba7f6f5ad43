/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The precision flag of an element whose overflow or underflow is unmasked.
 *
 * Masked, such a result becomes infinity or a denormal and is inexact by that.  Unmasked, the flag tells whether the
 * result is inexact with an exponent of any size (SDM vol. 1, 4.9.1.6).  So the element is computed again, with
 * operands whose exponents were moved to where nothing can overflow: rounding sees the same bits.
 */
#include "vmm/cpu/fpu.h"

#include "vmm/cpu/vector_table.h"

#define FLAG_OVERFLOW  0x08u
#define FLAG_UNDERFLOW 0x10u
#define FLAG_PRECISION 0x20u
#define MXCSR_DAZ      0x40u

enum { OPCODE_ADD = 0x58, OPCODE_CONVERT = 0x5a, OPCODE_SUBTRACT = 0x5c };
enum { OPCODE_ADD_PAIRS = 0x7c, OPCODE_SUBTRACT_PAIRS = 0x7d, OPCODE_ADDSUB = 0xd0 };

/* A number with its exponent at one: for products, quotients and conversions. */
static uint64_t element_center(uint64_t value, unsigned size, bool denormals)
{
	unsigned fraction_bits = size == 8 ? 52 : 23, exponent_bits = size == 8 ? 11 : 8;
	uint64_t hidden = (uint64_t)1 << fraction_bits, all = ((uint64_t)1 << exponent_bits) - 1;
	uint64_t fraction = value & (hidden - 1), exponent = value >> fraction_bits & all;
	if (exponent == all || (exponent == 0 && (!fraction || !denormals)))
		return value;
	if (exponent == 0)
		while (!(fraction & hidden))
			fraction <<= 1;
	return (value >> (8 * size - 1)) << (8 * size - 1) | (all >> 1) << fraction_bits | (fraction & (hidden - 1));
}

/* A number quartered, unless it is so small that it does not matter: for sums that overflow. */
static uint64_t element_quarter(uint64_t value, unsigned size)
{
	unsigned fraction_bits = size == 8 ? 52 : 23, exponent_bits = size == 8 ? 11 : 8;
	uint64_t all = ((uint64_t)1 << exponent_bits) - 1, exponent = value >> fraction_bits & all;
	return exponent == all || exponent <= 2 ? value : value - ((uint64_t)2 << fraction_bits);
}

static uint32_t element_flags(thunk_vector *thunk, uint32_t mxcsr, const uint8_t *a, uint8_t *b, uint8_t *result)
{
	struct thunk_control control = { .mxcsr = mxcsr };
	thunk(a, b, result, &control);
	return control.mxcsr_out & MXCSR_FLAGS;
}

uint32_t vector_precision(const struct vector_row *row, thunk_vector *thunk, uint32_t mxcsr, uint32_t unmasked,
	const void *reg, const void *rm)
{
	if (row->map == 3) /* DPPS, DPPD: as the masked run says */
		return FLAG_PRECISION;
	bool convert = row->opcode == OPCODE_CONVERT;
	bool pairs = row->opcode == OPCODE_ADD_PAIRS || row->opcode == OPCODE_SUBTRACT_PAIRS;
	bool add = pairs || row->opcode == OPCODE_ADD || row->opcode == OPCODE_SUBTRACT || row->opcode == OPCODE_ADDSUB;
	unsigned size = convert || row->flags & VECTOR_DOUBLE ? 8 : 4;
	unsigned count = row->flags & VECTOR_SCALAR ? 1 : 16 / size;
	uint64_t one = size == 8 ? 0x3ff0000000000000 : 0x3f800000;
	uint32_t precision = 0;
	for (unsigned i = 0; i < count; i++) {
		uint8_t a[16] __attribute__((aligned(16))), b[16] __attribute__((aligned(16)));
		uint8_t result[16] __attribute__((aligned(16)));
		uint64_t x = 0, y = 0;
		for (unsigned j = 0; j < 16; j += size) { /* exact: 1 + 1, 1 * 1, 1 / 1 */
			memcpy(a + j, &one, size);
			memcpy(b + j, &one, size);
		}
		uint8_t *first = a + i * size, *second = b + i * size;
		if (pairs) { /* both operands are neighbours in one register */
			unsigned half = count / 2;
			const uint8_t *source = i < half ? reg : rm;
			first = a;
			second = a + size;
			memcpy(a, source + i % half * 2 * size, 2 * size);
		} else {
			memcpy(first, (const uint8_t *)reg + i * size, size);
			memcpy(second, (const uint8_t *)rm + i * size, size);
		}
		uint32_t flags = element_flags(thunk, mxcsr, a, b, result);
		if (flags & unmasked & (FLAG_OVERFLOW | FLAG_UNDERFLOW)) {
			memcpy(&x, first, size);
			memcpy(&y, second, size);
			x = add ? element_quarter(x, size) : element_center(x, size, !(mxcsr & MXCSR_DAZ));
			y = add ? element_quarter(y, size) : element_center(y, size, !(mxcsr & MXCSR_DAZ));
			memcpy(first, &x, size);
			memcpy(second, &y, size);
			flags = element_flags(thunk, mxcsr, a, b, result);
		}
		precision |= flags & FLAG_PRECISION;
	}
	return precision;
}
