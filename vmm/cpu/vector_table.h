/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * One row for each MMX and SSE instruction: all that vector.c needs to run it natively.
 */
#ifndef VMM_CPU_VECTOR_TABLE_H
#define VMM_CPU_VECTOR_TABLE_H

#include <stdint.h>

#include "vmm/cpu/insn.h"
#include "vmm/cpu/thunk.h"

#define VECTOR_IMMEDIATE     0x001 /* an 8-bit immediate */
#define VECTOR_STORE         0x002 /* the operand in ModRM.rm is written; else that in ModRM.reg */
#define VECTOR_COMPARE       0x004 /* no operand is written, RFLAGS are */
#define VECTOR_MEMORY_ONLY   0x008 /* register forms are undefined */
#define VECTOR_REGISTER_ONLY 0x010
#define VECTOR_ALIGNED       0x020 /* a memory operand must be aligned to its size */
#define VECTOR_EXCEPTIONS    0x040 /* depends on MXCSR and may raise SIMD exceptions */
#define VECTOR_TINY          0x080 /* can underflow: see vector.c */
#define VECTOR_DOUBLE        0x100 /* the result's elements are doubles; else floats */
#define VECTOR_SCALAR        0x200 /* the result is the lowest element only */
#define VECTOR_WRITE_ONLY    0x400 /* a register that is written is not read (a hint) */
#define VECTOR_MMX_QUIET     0x800 /* with a memory operand this is no MMX instruction: CVTPI2PD */

struct vector_row {
	uint8_t map, opcode;
	uint8_t prefix;  /* mandatory: 0, 0x66, 0xf2, 0xf3 */
	uint8_t digit;   /* ModRM.reg, or 0xff: an operand */
	uint8_t reg, rm; /* enum thunk_class; rm: of the register form */
	uint8_t size;    /* of the memory operand, in bytes */
	uint8_t native;  /* opcode to execute natively: an ordinary store for a non-temporal one */
	uint16_t flags;
	uint8_t feature; /* enum feature */
};

/* The row of an instruction, by map, opcode, prefix and ModRM, or NULL. */
const struct vector_row *vector_row_find(const struct insn *insn);
const struct vector_row *vector_row(unsigned number);
unsigned vector_row_number(const struct vector_row *row);

/* Its row, if that is how it is executed; and how long its memory operand is.  For a translator. */
const struct vector_row *vector_row_of(const struct insn *insn);
unsigned vector_memory_size(const struct insn *insn, const struct vector_row *row);
/* vector_implicit.c: one that implies XMM0, or a string comparison. */
bool vector_is_implicit(const struct insn *insn, bool *string);

/* vector_precision.c: the precision flag of an instruction that raised an unmasked overflow or underflow. */
uint32_t vector_precision(const struct vector_row *row, thunk_vector *thunk, uint32_t mxcsr, uint32_t unmasked,
	const void *reg, const void *rm);

#endif
