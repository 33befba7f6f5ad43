/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Between the parts of the generator.
 */
#ifndef TESTS_CPU_GENERATE_H
#define TESTS_CPU_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/cpu/case.h"
#include "tests/cpu/random.h"
#include "tests/cpu/rows.h"

/* generate.c: registers, flags and floating point; the first eight of each. */
void generate_state(struct random *r, struct oracle_case *c);
/* An offset in the region for an operand of that many bytes, mostly well inside. */
uint32_t generate_target(struct random *r, unsigned size);
uint32_t generate_align(struct random *r, uint32_t target, unsigned size);
void generate_patch(struct oracle_case *c, uint32_t offset, const void *data, unsigned size);
/* Give the operand something that means something to floating point, in the format that it will be read in. */
void generate_operand(struct random *r, const struct row *row, unsigned opcode, struct oracle_case *c, uint32_t target);
/* generate_far.c: a selector that means the same on both sides; */
uint16_t generate_selector(struct random *r);
/* for 16- and 32-bit code, what far transfers and segment loads find.  Returns the bytes of it: a far
 * pointer, or with `flags` what IRET pops; with `code` its selector is mostly one of code. */
unsigned generate_pointer(struct random *r, struct oracle_case *c, unsigned size, bool code, bool flags, uint8_t *data);
/* What the host has and the models do not, or what has no business in the oracle. */
bool generate_excluded(const struct row *row, unsigned opcode, unsigned mandatory, const uint8_t *modrm);

/* generate_decode.c, generate_long.c, generate_vector.c: false if the case must not be. */
bool generate_decode(struct random *r, const struct row *row, unsigned width, struct oracle_case *c);
bool generate_long(struct random *r, unsigned row_number, struct oracle_case *c);
bool generate_vector(struct random *r, const struct row *row, unsigned width, struct oracle_case *c);
/* Registers, FS and GS for 64-bit code, behind generate_state(). */
void generate_state_long(struct random *r, struct oracle_case *c);
/* Is it something whose behaviour in 64-bit mode differs between Intel, whose the models are, and this host? */
bool generate_host_is_intel(void);
bool generate_vendor_differs(unsigned map, unsigned opcode, unsigned modrm, bool prefix66, bool rex_w);

#endif
