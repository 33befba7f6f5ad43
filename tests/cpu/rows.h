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
	CLASS_SSE,    /* SSE3 and later, not VEX: generate_vector.c, like those that follow */
	CLASS_SCALAR, /* BMI and the like */
	CLASS_VEX,
	CLASS_EVEX,
	CLASS_GATHER,
	CLASS_XSAVE,
	CLASS_LONG, /* what only 64-bit mode has */
	CLASSES
};

enum row_form { FORM_NONE, FORM_MODRM, FORM_REGISTER, FORM_MEMORY, FORM_F8, FORM_F9 /* that byte */ };
enum row_immediate { IMM_NONE, IMM_8, IMM_Z, IMM_16, IMM_ENTER, IMM_ADDRESS, IMM_REL8, IMM_RELZ, IMM_FAR };

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
	SPECIAL_EXCHANGE, /* CMPXCHG8B, CMPXCHG16B */
	SPECIAL_COUNTER,  /* RDTSCP, RDPID */
	SPECIAL_BASE,     /* RDFSBASE and its kin */
	SPECIAL_IRET,
	SPECIAL_RETF,
	SPECIAL_FAR,      /* far pointer in memory */
	SPECIAL_SELECTOR, /* in the r/m operand */
	SPECIAL_POP,      /* a selector */
	SPECIAL_POINTER,  /* LSS and its kin */
	SPECIAL_INT,      /* INT n, but none that the host's kernel answers */
	SPECIAL_VEX,      /* a row of CLASS_SCALAR that is encoded with VEX; row.last is the prefix it stands for */
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

#define NOT_LONG 0x40000 /* in `undefined`: the bytes are something else in 64-bit mode */

extern const struct row oracle_rows[];
extern const unsigned oracle_row_count;

#endif
