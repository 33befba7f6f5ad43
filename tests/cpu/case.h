/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The host-CPU oracle: one test case, its outcome, and the parts of the program.
 *
 * A case is one instruction with a state.  Both sides see the same world: a 64 KiB region of linear addresses, of
 * which a few pages are mapped, behind data segments that cover just that region; code in slots of its own; user
 * mode, paging on.
 */
#ifndef TESTS_CPU_CASE_H
#define TESTS_CPU_CASE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/cpu/cpu.h"

/* Linear addresses, below 2 GiB on the host, too. */
#define REGION_BASE  0x10000000u
#define REGION_PAGES 16u
#define CODE_BASE    0x20000000u
#define SLOT_BYTES   64u
#define BATCH        128u
#define CODE_BYTES   (BATCH * SLOT_BYTES)
#define STATE_BASE   0x30000000u
#define STUB_BASE    0x31000000u

/* Pages of the region that exist, one bit each, and those that are read-only. */
#define REGION_MAPPED   0x8071u
#define REGION_READONLY 0x0040u
#define REGION_WRITABLE (REGION_MAPPED & ~REGION_READONLY)

/* LDT selectors (RPL 3): the same on both sides. */
enum { LDT_CODE32, LDT_CODE16, LDT_DATA, LDT_STACK32, LDT_STACK16, LDT_OTHER, LDT_ENTRIES };
#define LDT_SELECTOR(entry) ((uint16_t)((entry)*8 + 7))
#define OTHER_OFFSET        0x10u /* GS and ES have their base there, to see that overrides work */

struct oracle_case {
	uint32_t gpr[8], eflags;
	uint8_t bytes[16];
	uint8_t length;
	bool code16;
	uint16_t row;                        /* in the generator's table */
	uint32_t target;                     /* offset of the memory operand, if there is one */
	uint32_t patch_offset, patch_length; /* bytes of the region that differ from the template */
	uint8_t patch[64];
	struct cpu_fxsave fx;
};

#define LINES_MAX 20u
struct outcome {
	uint32_t gpr[8], eflags, eip; /* eip: relative to the instruction */
	int32_t vector;               /* -1: none */
	uint32_t error, cr2;
	struct cpu_fxsave fx;
	/* 64-byte lines of the region that changed, in order */
	uint32_t line_count;
	uint16_t lines[LINES_MAX];
	uint8_t data[LINES_MAX][64];
};

/* Offset in a slot at which the case's instruction starts: 16-bit code sets ESP first. */
static inline uint32_t case_start(const struct oracle_case *c)
{
	return c->code16 ? 6 : 0;
}

/* Write a case's slot: the instruction, the way out, INT3s.  `exit_address`: where the way out leads. */
void case_emit(const struct oracle_case *c, uint8_t slot[SLOT_BYTES], uint32_t exit_address);
/* Apply the case's patch, or undo it (`template` is the whole region). */
void case_patch(const struct oracle_case *c, uint8_t *region);
/* Record what differs from the template and put it right. */
void case_collect(struct outcome *o, uint8_t *region, const uint8_t *template);

/* generate.c: case number `index` of `seed`; -1 as class_number: of any class. */
void generate_template(uint64_t seed, uint8_t *region);
void generate_case(uint64_t seed, uint64_t index, int class_number, struct oracle_case *c);
int generate_class_number(const char *name);      /* -1: no such class */
const char *generate_class_name(unsigned number); /* NULL at the end */
unsigned generate_row_class(unsigned row);

/* compare.c: 0 if they agree; else `text` says where not. */
int compare_outcomes(const struct oracle_case *c, const struct outcome *native, const struct outcome *engine,
	char *text, unsigned size);

/* native.c: runs batches in a child.  Returns 0, or -ENOSYS with *reason where the host does not let us. */
struct native;
int native_create(struct native **native, const char **reason);
void native_destroy(struct native *native);
struct oracle_case *native_cases(struct native *native);
uint8_t *native_template(struct native *native);
const struct outcome *native_outcomes(const struct native *native);
void native_start(struct native *native, unsigned count);
/* 0, or the number of the case in which the child died, plus one. */
unsigned native_finish(struct native *native);

/* engine.c: the same on a virtual CPU. */
struct engine;
struct engine *engine_create(const char *model);
void engine_destroy(struct engine *engine);
void engine_run(struct engine *engine, const struct oracle_case *cases, unsigned count, const uint8_t *template,
	struct outcome *outcomes);

#endif
