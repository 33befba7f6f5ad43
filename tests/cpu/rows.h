/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The oracle's table of instructions: what to generate, and what the manual leaves undefined.
 */
#ifndef TESTS_CPU_ROWS_H
#define TESTS_CPU_ROWS_H

#include <stdbool.h>
#include <stdint.h>

enum row_class {
	CLASS_ALU,
	CLASS_SHIFT,
	CLASS_MULTIPLY,
	CLASS_BIT,
	CLASS_MOVE,
	CLASS_STACK,
	CLASS_STRING,
	CLASS_BRANCH,
	CLASS_DECIMAL,
	CLASS_MISC,
	CLASS_X87,
	CLASS_VECTOR, /* MMX, SSE, SSE2 */
	CLASS_DECODE, /* any bytes: generate_decode.c */
	CLASSES
};

enum row_form { FORM_NONE, FORM_MODRM, FORM_REGISTER, FORM_MEMORY };
enum row_immediate { IMM_NONE, IMM_8, IMM_Z, IMM_16, IMM_ENTER, IMM_ADDRESS, IMM_REL8, IMM_RELZ };

enum row_special {
	SPECIAL_NONE,
	SPECIAL_STRING,
	SPECIAL_STACK,
	SPECIAL_POPF,
	SPECIAL_FRAME,  /* ENTER, LEAVE: EBP too */
	SPECIAL_TARGET, /* jumps to where the operand says */
	SPECIAL_RETURN, /* jumps to what is on the stack */
	SPECIAL_BIT,    /* bit offset in a register */
	SPECIAL_XLAT,
	SPECIAL_COUNT, /* a double shift: count within the operand */
	SPECIAL_X87,
	SPECIAL_VECTOR,
	SPECIAL_FXSAVE,
	SPECIAL_FXRSTOR,
	SPECIAL_MXCSR,
	SPECIAL_BOUND,
	SPECIAL_NO66,
};

#define CF 0x001
#define PF 0x004
#define AF 0x010
#define ZF 0x040
#define SF 0x080
#define OF 0x800
/* Undefined depending on the count: see compare.c. */
#define UNDEFINED_SHIFT        0x10000
#define UNDEFINED_DOUBLE_SHIFT 0x20000

struct row {
	uint8_t class, map, first, last;
	int8_t digit; /* ModRM.reg, or -1: any */
	uint8_t form, immediate, special;
	uint32_t undefined; /* flags */
	const char *name;
};

extern const struct row oracle_rows[];
extern const unsigned oracle_row_count;

struct random;
struct oracle_case;
/* Between generate.c and generate_decode.c. */
void generate_state(struct random *r, struct oracle_case *c);
bool generate_decode(struct random *r, const struct row *row, struct oracle_case *c);

#endif
