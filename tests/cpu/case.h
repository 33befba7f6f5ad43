/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The host-CPU oracle: one test case, its outcome, and the parts of the program.
 *
 * A case is one instruction with a state.  Both sides see the same world: a 64 KiB region of linear addresses, of
 * which a few pages are mapped, behind data segments that cover just that region; code in slots of its own; user
 * mode, paging on.  64-bit code has no such segments, and sees region and code twice: also far above 4 GiB, where
 * what is cut to 32 bits meets nothing.
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
/* The page behind the slots has another one behind it that does not exist. */
#define EDGE_OFFSET (BATCH * SLOT_BYTES)
#define CODE_BYTES  (EDGE_OFFSET + 4096u)
#define HIGH_DELTA  0x123440000000ull /* from region and code to where they are for 64-bit code, too */
#define STATE_BASE  0x30000000u
#define STUB_BASE   0x31000000u

/* Pages of the region that exist, one bit each, and those that are read-only. */
#define REGION_MAPPED   0x8071u
#define REGION_READONLY 0x0040u
#define REGION_WRITABLE (REGION_MAPPED & ~REGION_READONLY)

/* LDT selectors (RPL 3): the same on both sides. */
enum { LDT_CODE32, LDT_CODE16, LDT_DATA, LDT_STACK32, LDT_STACK16, LDT_OTHER, LDT_ENTRIES };
#define LDT_SELECTOR(entry) ((uint16_t)((entry)*8 + 7))
#define OTHER_OFFSET        0x10u /* GS and ES have their base there, to see that overrides work */

/* Selectors as Linux has them. */
#define USER_CODE32 0x23u
#define USER_DATA   0x2bu
#define USER_CODE64 0x33u

struct oracle_case {
	uint64_t gpr[16]; /* in 16- and 32-bit code eight, of 32 bits */
	uint32_t eflags;
	uint8_t bytes[24];
	uint8_t length;
	bool code16, code64; /* neither: 32-bit */
	bool high;           /* 64-bit code: it is at HIGH_DELTA */
	bool legacy;         /* the engine is not in IA-32e mode: natively that cannot be told */
	uint8_t edge;        /* not 0: the instruction starts that many bytes before a page that does not exist */
	uint8_t rip_at;      /* not 0: where in the bytes there is a RIP-relative displacement, */
	uint64_t rip_target; /* which shall lead there: it depends on the slot */
	uint64_t fs_base, gs_base;
	bool open_end;   /* nothing but INT3s behind the bytes, which may end within the instruction */
	uint16_t row;    /* in the generator's table */
	uint32_t target; /* offset of the memory operand, if there is one */
	uint32_t patch_offset, patch_length; /* bytes of the region that differ from the template */
	uint8_t patch[1024];
	struct cpu_fxsave fx;
	struct cpu_vector extended;
};

#define LINES_MAX 24u
struct outcome {
	uint64_t gpr[16], rip; /* rip: relative to the instruction */
	uint32_t eflags;
	int32_t vector; /* -1: none */
	uint32_t error;
	uint16_t cs, selectors[CPU_SEGMENTS]; /* but CS */
	uint64_t cr2, fs_base, gs_base;
	struct cpu_fxsave fx;
	struct cpu_vector extended;
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

/* The instruction's linear address. */
static inline uint64_t case_address(const struct oracle_case *c, unsigned number)
{
	uint64_t base = CODE_BASE + (c->high ? HIGH_DELTA : 0);
	return c->edge ? base + CODE_BYTES - c->edge : base + number * SLOT_BYTES + case_start(c);
}

/* The same as instruction pointer. */
static inline uint64_t case_rip(const struct oracle_case *c, unsigned number)
{
	return case_address(c, number) - (c->code16 ? CODE_BASE : 0);
}

/* Write a case: the instruction, the way out, INT3s.  `code`: CODE_BYTES of code; `exit_address`: where the way out
 * leads.  What has no slot of its own must be written right before it runs. */
void case_emit(const struct oracle_case *c, unsigned number, uint8_t *code, uint64_t exit_address);
/* Apply the case's patch, or undo it (`template` is the whole region). */
void case_patch(const struct oracle_case *c, uint8_t *region);
/* Record what differs from the template and put it right. */
void case_collect(struct outcome *o, uint8_t *region, const uint8_t *template);

/* generate.c: case number `index` of `seed`; -1 as class_number: of any class. */
void generate_template(uint64_t seed, uint8_t *region);
/* width: 16, 32 or 64, or 0: any. */
void generate_case(uint64_t seed, uint64_t index, int class_number, unsigned width, struct oracle_case *c);
bool generate_class_width(int class_number, unsigned width); /* is there such a case? */
int generate_class_number(const char *name);                 /* -1: no such class */
const char *generate_class_name(unsigned number);            /* NULL at the end */
unsigned generate_row_class(unsigned row);

/* compare.c: 0 if they agree; else `text` says where not. */
int compare_outcomes(const struct oracle_case *c, const struct outcome *native, const struct outcome *engine,
	char *text, unsigned size);

/* native.c: runs batches in a child.  Returns 0, or -ENOSYS with *reason where the host does not let us. */
struct native;
int native_create(struct native **native, const char **reason);
/* Does the host let us run 64-bit cases? */
bool native_has_long(void);
/* Where code slots jump to when they are through. */
uint64_t native_exit_address(bool code64);
void native_destroy(struct native *native);
struct oracle_case *native_cases(struct native *native);
uint8_t *native_template(struct native *native);
const struct outcome *native_outcomes(const struct native *native);
void native_start(struct native *native, unsigned count);
/* 0, or the number of the case in which the child died, plus one. */
unsigned native_finish(struct native *native);

/* engine.c: the same on a virtual CPU. */
struct engine;
struct engine *engine_create(const char *model, unsigned tier);
void engine_destroy(struct engine *engine);
void engine_run(struct engine *engine, const struct oracle_case *cases, unsigned count, const uint8_t *template,
	struct outcome *outcomes);

#endif
