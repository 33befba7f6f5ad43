/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The instructions that the oracle tests.  `undefined` is what SDM vol. 2 calls undefined; where a flag is defined
 * on AMD only or on Intel only it is masked, too.
 */
#include "tests/cpu/rows.h"

#define ARITHMETIC (CF | PF | AF | ZF | SF | OF)
#define ALU(op, undefined, name) \
	{ CLASS_ALU, 0, (op), (op) + 3, -1, FORM_MODRM, IMM_NONE, 0, undefined, name }, \
		{ CLASS_ALU, 0, (op) + 4, (op) + 4, -1, FORM_NONE, IMM_8, 0, undefined, name }, \
	{ \
		CLASS_ALU, 0, (op) + 5, (op) + 5, -1, FORM_NONE, IMM_Z, 0, undefined, name \
	}

const struct row oracle_rows[] = {
	/* clang-format off */
	ALU(0x00, 0, "add"), ALU(0x08, AF, "or"), ALU(0x10, 0, "adc"), ALU(0x18, 0, "sbb"),
	ALU(0x20, AF, "and"), ALU(0x28, 0, "sub"), ALU(0x30, AF, "xor"), ALU(0x38, 0, "cmp"),
	{ CLASS_ALU, 0, 0x80, 0x80, -1, FORM_MODRM, IMM_8, 0, AF, "group 1" },
	{ CLASS_ALU, 0, 0x81, 0x81, -1, FORM_MODRM, IMM_Z, 0, AF, "group 1" },
	{ CLASS_ALU, 0, 0x82, 0x83, -1, FORM_MODRM, IMM_8, 0, AF, "group 1" },
	{ CLASS_ALU, 0, 0x84, 0x85, -1, FORM_MODRM, 0, 0, AF, "test" },
	{ CLASS_ALU, 0, 0xa8, 0xa8, -1, FORM_NONE, IMM_8, 0, AF, "test" },
	{ CLASS_ALU, 0, 0xa9, 0xa9, -1, FORM_NONE, IMM_Z, 0, AF, "test" },
	{ CLASS_ALU, 0, 0xf6, 0xf6, 0, FORM_MODRM, IMM_8, 0, AF, "test" },
	{ CLASS_ALU, 0, 0xf6, 0xf6, 1, FORM_MODRM, IMM_8, 0, AF, "test" },
	{ CLASS_ALU, 0, 0xf7, 0xf7, 0, FORM_MODRM, IMM_Z, 0, AF, "test" },
	{ CLASS_ALU, 0, 0xf7, 0xf7, 1, FORM_MODRM, IMM_Z, 0, AF, "test" },
	{ CLASS_ALU, 0, 0xf6, 0xf7, 2, FORM_MODRM, 0, 0, 0, "not" },
	{ CLASS_ALU, 0, 0xf6, 0xf7, 3, FORM_MODRM, 0, 0, 0, "neg" },
	{ CLASS_ALU, 0, 0xfe, 0xff, 0, FORM_MODRM, 0, 0, 0, "inc" },
	{ CLASS_ALU, 0, 0xfe, 0xff, 1, FORM_MODRM, 0, 0, 0, "dec" },
	{ CLASS_ALU, 0, 0x40, 0x4f, -1, FORM_NONE, 0, 0, 0, "inc, dec" },
	{ CLASS_ALU, 1, 0xb0, 0xb1, -1, FORM_MODRM, 0, 0, 0, "cmpxchg" },
	{ CLASS_ALU, 1, 0xc0, 0xc1, -1, FORM_MODRM, 0, 0, 0, "xadd" },
	{ CLASS_ALU, 1, 0xc7, 0xc7, 1, FORM_MEMORY, 0, 0, 0, "cmpxchg8b" },

	{ CLASS_SHIFT, 0, 0xc0, 0xc1, -1, FORM_MODRM, IMM_8, 0, UNDEFINED_SHIFT, "shift" },
	{ CLASS_SHIFT, 0, 0xd0, 0xd3, -1, FORM_MODRM, 0, 0, UNDEFINED_SHIFT, "shift" },
	{ CLASS_SHIFT, 1, 0xa4, 0xa4, -1, FORM_MODRM, IMM_8, SPECIAL_COUNT, UNDEFINED_DOUBLE_SHIFT, "shld" },
	{ CLASS_SHIFT, 1, 0xa5, 0xa5, -1, FORM_MODRM, 0, SPECIAL_COUNT, UNDEFINED_DOUBLE_SHIFT, "shld" },
	{ CLASS_SHIFT, 1, 0xac, 0xac, -1, FORM_MODRM, IMM_8, SPECIAL_COUNT, UNDEFINED_DOUBLE_SHIFT, "shrd" },
	{ CLASS_SHIFT, 1, 0xad, 0xad, -1, FORM_MODRM, 0, SPECIAL_COUNT, UNDEFINED_DOUBLE_SHIFT, "shrd" },

	{ CLASS_MULTIPLY, 0, 0xf6, 0xf7, 4, FORM_MODRM, 0, 0, SF | ZF | AF | PF, "mul" },
	{ CLASS_MULTIPLY, 0, 0xf6, 0xf7, 5, FORM_MODRM, 0, 0, SF | ZF | AF | PF, "imul" },
	{ CLASS_MULTIPLY, 0, 0xf6, 0xf7, 6, FORM_MODRM, 0, 0, ARITHMETIC, "div" },
	{ CLASS_MULTIPLY, 0, 0xf6, 0xf7, 7, FORM_MODRM, 0, 0, ARITHMETIC, "idiv" },
	{ CLASS_MULTIPLY, 0, 0x69, 0x69, -1, FORM_MODRM, IMM_Z, 0, SF | ZF | AF | PF, "imul" },
	{ CLASS_MULTIPLY, 0, 0x6b, 0x6b, -1, FORM_MODRM, IMM_8, 0, SF | ZF | AF | PF, "imul" },
	{ CLASS_MULTIPLY, 1, 0xaf, 0xaf, -1, FORM_MODRM, 0, 0, SF | ZF | AF | PF, "imul" },

	{ CLASS_BIT, 1, 0xa3, 0xa3, -1, FORM_MODRM, 0, SPECIAL_BIT, OF | SF | AF | PF, "bt" },
	{ CLASS_BIT, 1, 0xab, 0xab, -1, FORM_MODRM, 0, SPECIAL_BIT, OF | SF | AF | PF, "bts" },
	{ CLASS_BIT, 1, 0xb3, 0xb3, -1, FORM_MODRM, 0, SPECIAL_BIT, OF | SF | AF | PF, "btr" },
	{ CLASS_BIT, 1, 0xbb, 0xbb, -1, FORM_MODRM, 0, SPECIAL_BIT, OF | SF | AF | PF, "btc" },
	{ CLASS_BIT, 1, 0xba, 0xba, -1, FORM_MODRM, IMM_8, 0, OF | SF | AF | PF, "bt group" },
	{ CLASS_BIT, 1, 0xbc, 0xbd, -1, FORM_MODRM, 0, 0, CF | OF | SF | AF | PF, "bsf, bsr" },
	{ CLASS_BIT, 1, 0xc8, 0xcf, -1, FORM_NONE, 0, SPECIAL_NO66, 0, "bswap" },
	{ CLASS_BIT, 1, 0x90, 0x9f, -1, FORM_MODRM, 0, 0, 0, "setcc" },

	{ CLASS_MOVE, 0, 0x86, 0x8b, -1, FORM_MODRM, 0, 0, 0, "xchg, mov" },
	{ CLASS_MOVE, 0, 0x8d, 0x8d, -1, FORM_MEMORY, 0, 0, 0, "lea" },
	{ CLASS_MOVE, 0, 0x8c, 0x8c, -1, FORM_MODRM, 0, 0, 0, "mov from segment register" },
	{ CLASS_MOVE, 0, 0x90, 0x97, -1, FORM_NONE, 0, 0, 0, "xchg" },
	{ CLASS_MOVE, 0, 0x98, 0x99, -1, FORM_NONE, 0, 0, 0, "cbw, cwd" },
	{ CLASS_MOVE, 0, 0xa0, 0xa3, -1, FORM_NONE, IMM_ADDRESS, 0, 0, "mov moffs" },
	{ CLASS_MOVE, 0, 0xb0, 0xb7, -1, FORM_NONE, IMM_8, 0, 0, "mov" },
	{ CLASS_MOVE, 0, 0xb8, 0xbf, -1, FORM_NONE, IMM_Z, 0, 0, "mov" },
	{ CLASS_MOVE, 0, 0xc6, 0xc6, 0, FORM_MODRM, IMM_8, 0, 0, "mov" },
	{ CLASS_MOVE, 0, 0xc7, 0xc7, 0, FORM_MODRM, IMM_Z, 0, 0, "mov" },
	{ CLASS_MOVE, 0, 0xd7, 0xd7, -1, FORM_NONE, 0, SPECIAL_XLAT, 0, "xlat" },
	{ CLASS_MOVE, 1, 0x40, 0x4f, -1, FORM_MODRM, 0, 0, 0, "cmovcc" },
	{ CLASS_MOVE, 1, 0xb6, 0xb7, -1, FORM_MODRM, 0, 0, 0, "movzx" },
	{ CLASS_MOVE, 1, 0xbe, 0xbf, -1, FORM_MODRM, 0, 0, 0, "movsx" },
	{ CLASS_MOVE, 1, 0xc3, 0xc3, -1, FORM_MODRM, 0, SPECIAL_NO66, 0, "movnti" },

	{ CLASS_STACK, 0, 0x50, 0x5f, -1, FORM_NONE, 0, SPECIAL_STACK, 0, "push, pop" },
	{ CLASS_STACK, 0, 0x60, 0x61, -1, FORM_NONE, 0, SPECIAL_STACK, 0, "pusha, popa" },
	{ CLASS_STACK, 0, 0x68, 0x68, -1, FORM_NONE, IMM_Z, SPECIAL_STACK, 0, "push" },
	{ CLASS_STACK, 0, 0x6a, 0x6a, -1, FORM_NONE, IMM_8, SPECIAL_STACK, 0, "push" },
	{ CLASS_STACK, 0, 0x8f, 0x8f, 0, FORM_MODRM, 0, SPECIAL_STACK, 0, "pop" },
	{ CLASS_STACK, 0, 0xff, 0xff, 6, FORM_MODRM, 0, SPECIAL_STACK, 0, "push" },
	{ CLASS_STACK, 0, 0x9c, 0x9c, -1, FORM_NONE, 0, SPECIAL_STACK, 0, "pushf" },
	{ CLASS_STACK, 0, 0x9d, 0x9d, -1, FORM_NONE, 0, SPECIAL_POPF, 0, "popf" },
	{ CLASS_STACK, 0, 0xc8, 0xc8, -1, FORM_NONE, IMM_ENTER, SPECIAL_FRAME, 0, "enter" },
	{ CLASS_STACK, 0, 0xc9, 0xc9, -1, FORM_NONE, 0, SPECIAL_FRAME, 0, "leave" },
	{ CLASS_STACK, 0, 0x06, 0x06, -1, FORM_NONE, 0, SPECIAL_STACK, 0, "push es" },
	{ CLASS_STACK, 0, 0x16, 0x16, -1, FORM_NONE, 0, SPECIAL_STACK, 0, "push ss" },
	{ CLASS_STACK, 0, 0x1e, 0x1e, -1, FORM_NONE, 0, SPECIAL_STACK, 0, "push ds" },
	{ CLASS_STACK, 1, 0xa8, 0xa8, -1, FORM_NONE, 0, SPECIAL_STACK, 0, "push gs" },

	{ CLASS_STRING, 0, 0xa4, 0xa7, -1, FORM_NONE, 0, SPECIAL_STRING, 0, "movs, cmps" },
	{ CLASS_STRING, 0, 0xaa, 0xaf, -1, FORM_NONE, 0, SPECIAL_STRING, 0, "stos, lods, scas" },

	{ CLASS_BRANCH, 0, 0x70, 0x7f, -1, FORM_NONE, IMM_REL8, 0, 0, "jcc" },
	{ CLASS_BRANCH, 0, 0xe0, 0xe3, -1, FORM_NONE, IMM_REL8, 0, 0, "loop, jcxz" },
	{ CLASS_BRANCH, 0, 0xeb, 0xeb, -1, FORM_NONE, IMM_REL8, 0, 0, "jmp" },
	{ CLASS_BRANCH, 0, 0xe8, 0xe8, -1, FORM_NONE, IMM_RELZ, SPECIAL_STACK, 0, "call" },
	{ CLASS_BRANCH, 0, 0xe9, 0xe9, -1, FORM_NONE, IMM_RELZ, 0, 0, "jmp" },
	{ CLASS_BRANCH, 1, 0x80, 0x8f, -1, FORM_NONE, IMM_RELZ, 0, 0, "jcc" },
	{ CLASS_BRANCH, 0, 0xff, 0xff, 2, FORM_MODRM, 0, SPECIAL_TARGET, 0, "call" },
	{ CLASS_BRANCH, 0, 0xff, 0xff, 4, FORM_MODRM, 0, SPECIAL_TARGET, 0, "jmp" },
	{ CLASS_BRANCH, 0, 0xc2, 0xc2, -1, FORM_NONE, IMM_16, SPECIAL_RETURN, 0, "ret" },
	{ CLASS_BRANCH, 0, 0xc3, 0xc3, -1, FORM_NONE, 0, SPECIAL_RETURN, 0, "ret" },

	{ CLASS_DECIMAL, 0, 0x27, 0x27, -1, FORM_NONE, 0, 0, OF, "daa" },
	{ CLASS_DECIMAL, 0, 0x2f, 0x2f, -1, FORM_NONE, 0, 0, OF, "das" },
	{ CLASS_DECIMAL, 0, 0x37, 0x37, -1, FORM_NONE, 0, 0, OF | SF | ZF | PF, "aaa" },
	{ CLASS_DECIMAL, 0, 0x3f, 0x3f, -1, FORM_NONE, 0, 0, OF | SF | ZF | PF, "aas" },
	{ CLASS_DECIMAL, 0, 0xd4, 0xd4, -1, FORM_NONE, IMM_8, 0, OF | AF | CF, "aam" },
	{ CLASS_DECIMAL, 0, 0xd5, 0xd5, -1, FORM_NONE, IMM_8, 0, OF | AF | CF, "aad" },

	{ CLASS_MISC, 0, 0x9e, 0x9f, -1, FORM_NONE, 0, 0, 0, "sahf, lahf" },
	{ CLASS_MISC, 0, 0xf5, 0xf5, -1, FORM_NONE, 0, 0, 0, "cmc" },
	{ CLASS_MISC, 0, 0xf8, 0xf9, -1, FORM_NONE, 0, 0, 0, "clc, stc" },
	{ CLASS_MISC, 0, 0xfc, 0xfd, -1, FORM_NONE, 0, 0, 0, "cld, std" },
	{ CLASS_MISC, 0, 0xd6, 0xd6, -1, FORM_NONE, 0, 0, 0, "salc" },
	{ CLASS_MISC, 0, 0x62, 0x62, -1, FORM_MEMORY, 0, SPECIAL_BOUND, 0, "bound" },
	{ CLASS_MISC, 0, 0xcc, 0xcc, -1, FORM_NONE, 0, 0, 0, "int3" },
	{ CLASS_MISC, 0, 0xce, 0xce, -1, FORM_NONE, 0, 0, 0, "into" },
	{ CLASS_MISC, 0, 0xf4, 0xf4, -1, FORM_NONE, 0, 0, 0, "hlt" },
	{ CLASS_MISC, 0, 0xfa, 0xfb, -1, FORM_NONE, 0, 0, 0, "cli, sti" },
	{ CLASS_MISC, 0, 0xe4, 0xe7, -1, FORM_NONE, IMM_8, 0, 0, "in, out" },
	{ CLASS_MISC, 0, 0xec, 0xef, -1, FORM_NONE, 0, 0, 0, "in, out" },
	{ CLASS_MISC, 1, 0x06, 0x06, -1, FORM_NONE, 0, 0, 0, "clts" },
	{ CLASS_MISC, 1, 0x0b, 0x0b, -1, FORM_NONE, 0, 0, 0, "ud2" },
	{ CLASS_MISC, 1, 0x18, 0x18, 0, FORM_MEMORY, 0, 0, 0, "prefetch" },
	{ CLASS_MISC, 1, 0x1f, 0x1f, 0, FORM_MODRM, 0, 0, 0, "nop" },
	{ CLASS_MISC, 0, 0x9b, 0x9b, -1, FORM_NONE, 0, SPECIAL_X87, 0, "fwait" },

	{ CLASS_X87, 0, 0xd8, 0xdf, -1, FORM_MODRM, 0, SPECIAL_X87, 0, "x87" },
	{ CLASS_X87, 0, 0xd8, 0xdf, -1, FORM_REGISTER, 0, SPECIAL_X87, 0, "x87" },
	{ CLASS_X87, 0, 0xd9, 0xd9, -1, FORM_MODRM, 0, SPECIAL_X87, 0, "x87" },

	{ CLASS_VECTOR, 1, 0x10, 0x17, -1, FORM_MODRM, 0, SPECIAL_VECTOR, 0, "sse move" },
	{ CLASS_VECTOR, 1, 0x28, 0x2f, -1, FORM_MODRM, 0, SPECIAL_VECTOR, 0, "sse" },
	{ CLASS_VECTOR, 1, 0x50, 0x6f, -1, FORM_MODRM, 0, SPECIAL_VECTOR, 0, "sse" },
	{ CLASS_VECTOR, 1, 0x58, 0x5f, -1, FORM_MODRM, 0, SPECIAL_VECTOR, 0, "sse" },
	{ CLASS_VECTOR, 1, 0x70, 0x73, -1, FORM_MODRM, IMM_8, SPECIAL_VECTOR, 0, "sse" },
	{ CLASS_VECTOR, 1, 0x74, 0x76, -1, FORM_MODRM, 0, SPECIAL_VECTOR, 0, "sse" },
	{ CLASS_VECTOR, 1, 0x77, 0x77, -1, FORM_NONE, 0, SPECIAL_VECTOR, 0, "emms" },
	{ CLASS_VECTOR, 1, 0x7e, 0x7f, -1, FORM_MODRM, 0, SPECIAL_VECTOR, 0, "sse" },
	{ CLASS_VECTOR, 1, 0xc2, 0xc2, -1, FORM_MODRM, IMM_8, SPECIAL_VECTOR, 0, "cmp" },
	{ CLASS_VECTOR, 1, 0xc4, 0xc6, -1, FORM_MODRM, IMM_8, SPECIAL_VECTOR, 0, "sse" },
	{ CLASS_VECTOR, 1, 0xd1, 0xfe, -1, FORM_MODRM, 0, SPECIAL_VECTOR, 0, "sse" },
	{ CLASS_VECTOR, 1, 0xf7, 0xf7, -1, FORM_REGISTER, 0, SPECIAL_STRING, 0, "maskmov" },
	{ CLASS_VECTOR, 1, 0xae, 0xae, 0, FORM_MEMORY, 0, SPECIAL_FXSAVE, 0, "fxsave" },
	{ CLASS_VECTOR, 1, 0xae, 0xae, 1, FORM_MEMORY, 0, SPECIAL_FXRSTOR, 0, "fxrstor" },
	{ CLASS_VECTOR, 1, 0xae, 0xae, 2, FORM_MEMORY, 0, SPECIAL_MXCSR, 0, "ldmxcsr" },
	{ CLASS_VECTOR, 1, 0xae, 0xae, 3, FORM_MEMORY, 0, SPECIAL_MXCSR, 0, "stmxcsr" },
	{ CLASS_VECTOR, 1, 0xae, 0xae, 5, FORM_REGISTER, 0, SPECIAL_NO66, 0, "lfence" },
	{ CLASS_VECTOR, 1, 0xae, 0xae, 6, FORM_REGISTER, 0, SPECIAL_NO66, 0, "mfence" },
	{ CLASS_VECTOR, 1, 0xae, 0xae, 7, FORM_REGISTER, 0, SPECIAL_NO66, 0, "sfence" },
	{ CLASS_VECTOR, 1, 0xae, 0xae, 7, FORM_MEMORY, 0, SPECIAL_NO66, 0, "clflush" },

	{ CLASS_DECODE, 0, 0x00, 0xff, -1, FORM_NONE, 0, 0, ARITHMETIC, "one-byte opcode" },
	{ CLASS_DECODE, 1, 0x00, 0xff, -1, FORM_NONE, 0, 0, ARITHMETIC, "two-byte opcode" },
	/* clang-format on */
};

const unsigned oracle_row_count = sizeof(oracle_rows) / sizeof(oracle_rows[0]);
