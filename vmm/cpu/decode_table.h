/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The opcode maps: what follows the opcode, and whose it is.
 */
#ifndef VMM_CPU_DECODE_TABLE_H
#define VMM_CPU_DECODE_TABLE_H

#include "vmm/cpu/insn.h"

#define OP_MODRM  (1u << 0)
#define OP_IMM8   (1u << 1) /* sign-extended */
#define OP_IMM16  (1u << 2) /* zero-extended */
#define OP_IMMZ   (1u << 3) /* 16 or 32 bits by operand size, sign-extended */
#define OP_IMMV   (1u << 4) /* by operand size, up to 64 bits */
#define OP_MOFFS  (1u << 5) /* an offset of the address size */
#define OP_FAR    (1u << 6) /* offset by operand size, then selector */
#define OP_ENTER  (1u << 7) /* 16 bits, then 8 */
#define OP_PREFIX (1u << 8)
#define OP_REGS   (1u << 9)  /* ModRM.mod is ignored: MOV to and from CR and DR */
#define OP_TEST   (1u << 10) /* F6 and F7: an immediate for /0 and /1 */
#define OP_END    (1u << 11) /* ends a block */
/* In 64-bit mode (SDM vol. 2A, 2.2.1.2 and 2.2.1.7; vol. 2D, A.2.1) */
#define OP_DEFAULT64 (1u << 12) /* the operand size is 64 bits, or 16 with 66h */
#define OP_FORCE64   (1u << 13) /* the operand size is 64 bits whatever is before it */
#define OP_INVALID64 (1u << 14) /* undefined there */

typedef insn_execute *insn_select(struct cpu *cpu, struct insn *insn);

struct opcode {
	uint16_t flags;
	insn_select *select; /* NULL: undefined */
};

extern const struct opcode opcode_map0[256], opcode_map1[256];

/* The families.  Each sees a fully parsed instruction and returns its handler, or NULL for #UD. */
insn_select alu_select, test_select, unary_select, shift_select, double_shift_select, multiply_select, decimal_select;
insn_select move_select, exchange_select, cmpxchg_select, condition_select, bit_select, string_select, stack_select;
insn_select frame_select, control_select, far_select, flag_select, io_select, segment_select, system_select;
insn_select control_register_select, descriptor_select, msr_select, misc_select, smm_select, syscall_select;

#endif
