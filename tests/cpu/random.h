/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Random numbers, with a liking for the values at which arithmetic goes wrong.
 */
#ifndef TESTS_CPU_RANDOM_H
#define TESTS_CPU_RANDOM_H

#include <stdint.h>
#include <string.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *r) /* splitmix64 */
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline struct random random_start(uint64_t seed, uint64_t index)
{
	struct random r = { seed * 0xd1342543de82ef95u + index };
	r.state = random_next(&r) ^ index << 32;
	return r;
}

static inline unsigned random_below(struct random *r, unsigned limit)
{
	return (unsigned)((random_next(r) >> 32) * limit >> 32);
}

static inline uint32_t random_integer(struct random *r)
{
	static const uint32_t special[] = { 0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000,
		0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0xffff8000, 0xffffff80, 9, 0x99, 0x9a };
	uint64_t v = random_next(r);
	switch (v & 7) {
	case 0:
	case 1: return special[(v >> 8) % (sizeof(special) / sizeof(special[0]))];
	case 2: return (uint32_t)(v >> 32) & 0xff;
	case 3: return 1u << (v >> 32 & 31);
	default: return (uint32_t)(v >> 32);
	}
}

/* An IEEE number of this many exponent and fraction bits. */
static inline uint64_t random_float(struct random *r, unsigned exponent_bits, unsigned fraction_bits)
{
	uint64_t v = random_next(r), all = ((uint64_t)1 << exponent_bits) - 1, bias = all >> 1;
	uint64_t fraction = random_next(r) & (((uint64_t)1 << fraction_bits) - 1), exponent;
	switch (v & 15) {
	case 0:
		exponent = 0;
		fraction = 0;
		break;
	case 1: exponent = 0; break; /* denormal */
	case 2:
		exponent = all;
		fraction = 0;
		break;
	case 3: exponent = all; break; /* NaN */
	case 4: exponent = 1 + (v >> 8 & 3); break;
	case 5: exponent = all - 1 - (v >> 8 & 3); break;
	case 6:
		exponent = bias;
		fraction = 0;
		break;
	case 7:
		exponent = bias + (v >> 8) % fraction_bits;
		fraction &= ~(uint64_t)0 << fraction_bits / 2;
		break;
	case 8:
	case 9: exponent = v >> 8 & all; break;
	default: exponent = bias - 8 + (v >> 8) % 40; break; /* near one, and around 2^31 */
	}
	return ((v >> 63) << exponent_bits | exponent) << fraction_bits | fraction;
}

static inline void random_extended(struct random *r, uint8_t *st)
{
	uint64_t v = random_next(r), mantissa = random_next(r) | (uint64_t)1 << 63;
	uint16_t exponent;
	switch (v & 15) {
	case 0:
		exponent = 0;
		mantissa = 0;
		break;
	case 1:
		exponent = 0;
		mantissa >>= 1 + (v >> 16 & 15);
		break;
	case 2:
		exponent = 0x7fff;
		mantissa = (uint64_t)1 << 63;
		break;
	case 3: exponent = 0x7fff; break;
	case 4:
		exponent = (uint16_t)(v >> 16 & 0x7fff);
		mantissa &= ~((uint64_t)1 << 63);
		break;               /* unsupported */
	case 5: exponent = 0; break; /* pseudo-denormal */
	case 6: exponent = 0x7ffe; break;
	case 7: exponent = 1; break;
	case 8: exponent = (uint16_t)(v >> 16 & 0x7fff); break;
	case 9:
		exponent = 0x3fff;
		mantissa = (uint64_t)1 << 63;
		break;
	case 10:
		exponent = (uint16_t)(0x3fff + (v >> 16) % 66);
		mantissa &= ~(uint64_t)0 << (v >> 32 & 63);
		break;
	default: exponent = (uint16_t)(0x3fff - 4 + (v >> 16) % 20); break;
	}
	exponent |= (uint16_t)(v >> 63 << 15);
	memset(st, 0, 16);
	memcpy(st, &mantissa, 8);
	memcpy(st + 8, &exponent, 2);
}

/* Sixteen bytes: floats, doubles, integers, anything. */
static inline void random_value(struct random *r, uint8_t *bytes)
{
	unsigned kind = random_below(r, 4);
	for (unsigned i = 0; i < 16; i += kind == 1 ? 8 : 4) {
		uint64_t v = kind == 0 ? random_float(r, 8, 23)
			: kind == 1    ? random_float(r, 11, 52)
			: kind == 2    ? random_integer(r)
				       : random_next(r);
		memcpy(bytes + i, &v, kind == 1 ? 8 : 4);
	}
}

/* A memory operand for an x87 instruction. */
static inline void random_memory(struct random *r, unsigned opcode, uint8_t *bytes)
{
	uint64_t v;
	random_value(r, bytes);
	switch (opcode) {
	case 0xd8:
	case 0xd9:
		v = random_float(r, 8, 23);
		memcpy(bytes, &v, 4);
		break;
	case 0xdc:
	case 0xdd:
		v = random_float(r, 11, 52);
		memcpy(bytes, &v, 8);
		break;
	case 0xdb:
	case 0xdf:
		if (random_below(r, 2))
			random_extended(r, bytes);
		else /* decimal digits */
			for (unsigned i = 0; i < 10; i++)
				bytes[i] = (uint8_t)(random_below(r, 10) << 4 | random_below(r, 10));
		break;
	default: break;
	}
}

#endif
