/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Cases for the decoder: any opcode, any prefixes, any ModRM, defined or not.
 *
 * How long such an instruction is shows in where the INT3s behind it trap.  Registers point into the region, so that
 * most memory operands exist.  Left out is what the host has and the models do not, what reaches outside of the
 * world that both sides share, and what must not be done to the child process.
 */
#include "tests/cpu/generate.h"

#include <string.h>

static bool in_list(unsigned opcode, const uint8_t *ranges, unsigned count)
{
	for (unsigned i = 0; i < count; i += 2)
		if (opcode >= ranges[i] && opcode <= ranges[i + 1])
			return true;
	return false;
}

static bool has_modrm(unsigned map, unsigned opcode)
{
	static const uint8_t one[] = { 0x62, 0x63, 0x69, 0x69, 0x6b, 0x6b, 0x80, 0x8f, 0xc0, 0xc1, 0xc4, 0xc7, 0xd0,
		0xd3, 0xd8, 0xdf, 0xf6, 0xf7, 0xfe, 0xff };
	static const uint8_t two_without[] = { 0x04, 0x0c, 0x30, 0x3f, 0x77, 0x77, 0x80, 0x8f, 0xa0, 0xa2, 0xa8, 0xaa,
		0xc8, 0xcf };
	if (map)
		return !in_list(opcode, two_without, sizeof(two_without));
	return opcode < 0x40 ? (opcode & 7) < 4 : in_list(opcode, one, sizeof(one));
}

static bool one_byte_excluded(unsigned opcode, unsigned modrm)
{
	static const uint8_t ranges[] = {
		0x07, 0x07, 0x17, 0x17, 0x1f, 0x1f, 0x8e, 0x8e,             /* segment loads */
		0x0f, 0x0f, 0x26, 0x26, 0x2e, 0x2e, 0x36, 0x36, 0x3e, 0x3e, /* prefixes */
		0x64, 0x67, 0xf0, 0xf0, 0xf2, 0xf3,                         /* more of them */
		0x06, 0x06, 0x0e, 0x0e, 0x16, 0x16, 0x1e, 0x1e, 0x60, 0x61, /* tested elsewhere, with their masks */
		0x70, 0x7f, 0xe0, 0xe3, 0xe8, 0xe9, 0xeb, 0xeb,             /* jumps into other cases */
		0x9a, 0x9a, 0x9d, 0x9d, 0xc2, 0xc5, 0xca, 0xcf, 0xea, 0xea, /* far transfers, POPF, LES, LDS, INT n */
		0xc0, 0xc1, 0xd0, 0xd3, 0xf1, 0xf1, 0xa6, 0xa7,             /* shifts: masks; ICEBP; CMPS */
		0xd8, 0xdf,                                                 /* x87: has a class of its own */
	};
	if (in_list(opcode, ranges, sizeof(ranges)))
		return true;
	if (opcode == 0x62 || opcode == 0x63)
		return true; /* BOUND, EVEX; ARPL, which AMD reads before it asks for writing */
	if (opcode == 0x8f)
		return (modrm & 0x38) != 0; /* AMD: XOP */
	if (opcode == 0xff)                 /* indirect transfers */
		return (modrm >> 3 & 7) >= 2 && (modrm >> 3 & 7) <= 5 && (modrm < 0xc0 || !(modrm >> 3 & 1));
	return false;
}

static bool two_byte_excluded(unsigned opcode, unsigned rep)
{
	static const uint8_t ranges[] = {
		0x00, 0x03, 0x05, 0x05, 0x07, 0x07,             /* descriptor tables, UMIP; SYSCALL */
		0x0d, 0x0f, 0x18, 0x1f,                         /* 3DNow! and hints: NOPs that models differ in */
		0x31, 0x31, 0x33, 0x35, 0x37, 0x3a,             /* counters, SYSENTER, further maps */
		0x78, 0x79, 0x7c, 0x7d, 0xd0, 0xd0, 0x80, 0x8f, /* SSE4a, SSE3; jumps */
		0xa0, 0xa2, 0xa8, 0xa9, 0xb2, 0xb2, 0xb4, 0xb5, /* FS, GS, far pointers, CPUID */
		0xa4, 0xa5, 0xac, 0xad, 0xa3, 0xa3, 0xab, 0xab, /* double shifts, bit strings */
		0xb3, 0xb3, 0xbb, 0xbb, 0xb8, 0xb8, 0xbc, 0xbd, /* POPCNT, TZCNT, LZCNT */
		0xae, 0xae, 0xc7, 0xc8, 0xc9, 0xcf, 0xf0, 0xf0, /* XSAVE, RDRAND, BSWAP of 16 bits, SSE3 */
		0x2a, 0x2a, 0x2c, 0x2d, 0xf7, 0xf7, 0xb9, 0xb9, 0x7a, 0x7b, 0x20,
		0x23, /* MMX transitions; undefined; LOCK MOV CR0 is CR8 on AMD */
	};
	if (in_list(opcode, ranges, sizeof(ranges)))
		return true;
	if (opcode == 0xff)
		return true; /* UD0: how long it is, is open */
	if (opcode == 0x12 || opcode == 0x16 || opcode == 0x2b)
		return rep != 0;
	return false;
}

/* Bytes that lead elsewhere in 64-bit mode: REX is put where it belongs, and VEX, EVEX, far pointers are others'. */
static bool long_excluded(unsigned map, unsigned opcode)
{
	static const uint8_t ranges[] = { 0x40, 0x4f, 0x62, 0x62, 0xc4, 0xc5 };
	return !map && in_list(opcode, ranges, sizeof(ranges));
}

bool generate_decode(struct random *r, const struct row *row, unsigned width, struct oracle_case *c)
{
	static const uint8_t prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x65, 0xf0, 0x66, 0x67 };
	unsigned opcode = random_below(r, 256), modrm = random_below(r, 256), rep = 0, rex = 0;
	bool prefix66 = false;
	memset(c, 0, sizeof(*c));
	c->code16 = width == 16;
	c->code64 = width == 64;
	c->legacy = width != 64 && random_below(r, 2);
	c->open_end = true;
	generate_state(r, c);
	if (c->code64)
		generate_state_long(r, c);
	if (row->map) /* compare.c tells vectors by their class */
		c->eflags &= ~0x40000u;
	for (unsigned i = 0; i < (c->code64 ? 16 : 8); i++) {
		c->gpr[i] = 0x4000 + random_below(r, 0x1000);
		if (c->code64)
			c->gpr[i] += REGION_BASE + (random_below(r, 2) ? HIGH_DELTA : 0);
	}
	c->gpr[1] = random_below(r, 16);

	unsigned count = random_below(r, 3) ? random_below(r, 3) : random_below(r, 13 - row->map);
	for (unsigned i = 0; i < count; i++) {
		uint8_t prefix = prefixes[random_below(r, sizeof(prefixes))];
		if (prefix == 0xf2 || prefix == 0xf3)
			rep = prefix;
		c->bytes[c->length++] = prefix;
		prefix66 |= prefix == 0x66;
		if (c->code64 && !random_below(r, 16)) /* out of place, most of the time */
			c->bytes[c->length++] = rex = (uint8_t)(0x40 | random_below(r, 16));
		else
			rex = 0;
	}
	if (c->code64 && !rex && random_below(r, 2))
		c->bytes[c->length++] = rex = (uint8_t)(0x40 | random_below(r, 16));
	if (row->map)
		c->bytes[c->length++] = 0x0f;
	c->bytes[c->length++] = (uint8_t)opcode;
	if (has_modrm(row->map, opcode))
		c->bytes[c->length++] = (uint8_t)modrm;
	if (!random_below(r, 32))
		c->edge = (uint8_t)(1 + random_below(r, c->length));
	if (c->code64 &&
		(long_excluded(row->map, opcode) ||
			generate_vendor_differs(row->map, opcode, modrm, prefix66, rex & 8)))
		return false;
	return row->map ? !two_byte_excluded(opcode, rep) : !one_byte_excluded(opcode, modrm);
}
