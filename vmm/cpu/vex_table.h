/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * One row for each VEX- or EVEX-encoded vector instruction: all that vex.c and vex_run.c need to run it natively.
 */
#ifndef VMM_CPU_VEX_TABLE_H
#define VMM_CPU_VEX_TABLE_H

#include <stdint.h>

#include "vmm/cpu/insn.h"
#include "vmm/cpu/thunk.h"

#define VEX_IMMEDIATE     0x000001u /* an 8-bit immediate */
#define VEX_STORE         0x000002u /* the operand in ModRM.rm is written; else that in ModRM.reg */
#define VEX_STORE_VVVV    0x000004u /* the operand in vvvv is */
#define VEX_COMPARE       0x000008u /* none is, RFLAGS are */
#define VEX_STRING        0x000010u /* PCMPxSTRx: RAX and RDX are read, RCX or XMM0 and RFLAGS written */
#define VEX_MEMORY_ONLY   0x000020u
#define VEX_REGISTER_ONLY 0x000040u
#define VEX_ALIGNED       0x000080u /* a memory operand must be aligned to its size */
#define VEX_EXCEPTIONS    0x000100u /* depends on MXCSR and may raise SIMD exceptions */
#define VEX_TINY          0x000200u /* can underflow */
#define VEX_DOUBLE        0x000400u /* the result's elements are doubles; else floats */
#define VEX_SCALAR        0x000800u /* the result is the lowest element only; the vector length says nothing */
#define VEX_MASK          0x001000u /* EVEX: may have an opmask */
#define VEX_ZERO          0x002000u /* with zeroing, unless memory is written */
#define VEX_BROADCAST     0x004000u /* a memory operand may be one element (EVEX.b) */
#define VEX_ROUNDING      0x008000u /* the register form may suppress exceptions (EVEX.b): {er} or {sae} */
#define VEX_WHOLE         0x010000u /* a memory operand may fault whatever the mask: SDM types E4NF and the like */
#define VEX_REPEATED      0x020000u /* a memory source is repeated to fill the destination */
#define VEX_PACKED        0x040000u /* a memory operand has the elements that the mask selects, packed */
#define VEX_MASK_VECTOR   0x080000u /* sign bits of the elements in vvvv are a mask */
#define VEX_REGISTER_VVVV 0x100000u /* vvvv is an operand in the register form only */

#define VEX_W_ANY 2

/* Memory operands as long as the vector, or a part of it; other sizes are given as they are. */
enum { VEX_FULL = 0x80, VEX_HALF, VEX_QUARTER, VEX_EIGHTH };

struct vex_row {
	uint16_t opcode;            /* as in struct insn */
	uint8_t prefix;             /* pp: 0, 0x66, 0xf3, 0xf2 */
	uint8_t digit;              /* ModRM.reg, or 0xff: an operand */
	uint8_t w;                  /* 0, 1, VEX_W_ANY */
	uint8_t lengths;            /* one bit for each vector length */
	uint8_t reg, vvvv, rm, is4; /* enum thunk_class; rm: of the register form */
	uint8_t memory;             /* size of the memory operand */
	uint8_t element;            /* bytes for each bit of the mask; also of the result, for exceptions */
	uint32_t flags;
	uint8_t feature;
};

extern const struct vex_row vex_rows[], evex_rows[];
extern const unsigned vex_row_count, evex_row_count;

#endif
