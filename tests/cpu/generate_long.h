/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A 64-bit case in the making.
 */
#ifndef TESTS_CPU_GENERATE_LONG_H
#define TESTS_CPU_GENERATE_LONG_H

#include "tests/cpu/generate.h"

struct long_builder {
	struct random r;
	struct oracle_case *c;
	const struct row *row;
	uint16_t pinned; /* registers whose value must stay */
	bool prefix66, operand16, address32;
	uint8_t override; /* FS or GS, or 0 */
	uint8_t rex;
	uint32_t target; /* offset in the region that the memory operand shall have */
	uint64_t offset; /* within its segment: what the encoding must come to */
};

/* generate_address.c */

/* An address that is not canonical, or next to where that begins. */
uint64_t generate_odd_address(struct random *r);
/* Choose where the target is accessed. */
void generate_offset(struct long_builder *b);
/* ModRM, SIB and displacement of a memory operand, with the registers that they take. */
void generate_address(struct long_builder *b, unsigned reg);

#endif
