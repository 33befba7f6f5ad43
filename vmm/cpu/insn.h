/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A decoded instruction, and what a handler of one may call.
 *
 * decode.c parses prefixes, opcode, ModRM, SIB, displacement and immediates; then the opcode's family sets
 * `execute`.  x87_select() and vector_select() do so for x87 and for MMX/SSE; they see a fully parsed insn
 * and return NULL where the encoding is undefined (#UD).
 */
#ifndef VMM_CPU_INSN_H
#define VMM_CPU_INSN_H

#include "vmm/cpu/cpu.h"

struct insn;

#define CPU_OK    0
#define CPU_FAULT 1 /* cpu->exception is filled in; RIP, registers and memory are as before the instruction */
#define CPU_END   2 /* done, and the block must end here: control moved, or state changed that blocks key on */

#define CPU_REPEAT 3 /* a string instruction was interrupted between two iterations: it has not retired */

typedef int insn_execute(struct cpu *cpu, const struct insn *insn);

struct insn {
	insn_execute *execute;
	union {
		const void *thunk; /* for the handler's use, set when it is selected */
		uintptr_t extra;
	};
	int64_t displacement;     /* RIP-relative: the next instruction's address is in it */
	uint64_t immediate;       /* sign-extended where the encoding is; far pointers: the offset */
	uint16_t immediate2;      /* far pointers: the selector; ENTER: the nesting level */
	uint16_t opcode;          /* map << 8 | byte: map 0 one-byte, 1 = 0F, 2 = 0F38, 3 = 0F3A; EVEX also 5, 6 */
	uint8_t length;           /* in bytes, prefixes included */
	uint8_t modrm;            /* the byte itself, if there is one */
	uint8_t mod;              /* 3: register operand; memory otherwise */
	uint8_t reg, rm;          /* with REX.R and REX.B; EVEX: with R', and X as bit 4 of rm */
	uint8_t base, index;      /* register numbers; INSN_NONE where absent (INSN_RIP: RIP-relative) */
	uint8_t scale;            /* shift count */
	uint8_t segment;          /* effective segment of the memory operand: override or default */
	uint8_t segment_override; /* CPU_ES.. or INSN_NONE: as it was encoded */
	uint8_t operand_size;     /* 2, 4 or 8, by mode and prefixes; byte forms of an opcode ignore it */
	uint8_t address_size;     /* 2, 4 or 8 */
	uint8_t rex;              /* the REX byte, 0 if none */
	uint8_t rep;              /* 0, 0xf2 or 0xf3: the last of the two that was given */
	bool prefix66, lock;
	bool code64; /* decoded in 64-bit mode */
	/* VEX and EVEX give their bits as the prefixes they stand for too: rex (W, R, X, B), prefix66 and rep (pp). */
	uint8_t vex;           /* INSN_VEX, INSN_EVEX, or 0 */
	uint8_t vvvv;          /* the register in vvvv, with EVEX.V'; 0 where unused, as the bits are inverted */
	uint8_t vector_length; /* 0: 128 bits (or scalar), 1: 256, 2: 512, 3 */
	uint8_t evex;          /* the last byte of EVEX as it is: aaa 0-2, V' 3, b 4, L'L 5-6, z 7 */
	uint8_t sib;           /* the byte itself, if there is one: VSIB has registers there */
	bool displacement8;    /* the displacement was given as one byte: EVEX scales it */
	/* What insn_offset() wants: gpr[] indices (16 where absent) and how far to shift ~0 for the mask. */
	uint8_t ea_base, ea_index, ea_shift;
};

#define INSN_NONE 0xff
#define INSN_RIP  0xfe
#define INSN_VEX  1
#define INSN_EVEX 2

/* Handlers for x87 (D8..DF, 9B) and for MMX, SSE and SSE2 (map 1, prefixes 66, F2 and F3 as given; EMMS,
 * FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, CLFLUSH, fences, MOVNTI, PAUSE excluded).  NULL: undefined here, or not
 * in the CPU's model.  May set insn->thunk. */
insn_execute *x87_select(struct cpu *cpu, struct insn *insn);
insn_execute *vector_select(struct cpu *cpu, struct insn *insn);
/* Everything that is encoded with VEX or EVEX.  insn->vex tells which. */
insn_execute *vex_select(struct cpu *cpu, struct insn *insn);

/* Raise an exception; always returns CPU_FAULT.  `error` only where the vector has one. */
int cpu_raise(struct cpu *cpu, unsigned vector);
int cpu_raise_error(struct cpu *cpu, unsigned vector, uint32_t error);

/* Offset of the memory operand within its segment, truncated to the address size. */
uint64_t insn_offset(const struct cpu *cpu, const struct insn *insn);

/*
 * Data accesses with segmentation, alignment check (#AC) and paging at the current privilege.  size 1..512;
 * they may cross pages, and fault before anything is changed.  Return CPU_OK or CPU_FAULT; a write may also
 * set cpu->block_end.
 */
int cpu_read(struct cpu *cpu, unsigned segment, uint64_t offset, void *data, unsigned size);
int cpu_write(struct cpu *cpu, unsigned segment, uint64_t offset, const void *data, unsigned size);
/* Check that a write of this size would succeed, with every side effect of the check (accessed and dirty
 * bits), and without writing. */
int cpu_probe_write(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size);
/* The linear address of an operand, for handlers that check alignment; no access check. */
uint64_t cpu_linear(const struct cpu *cpu, unsigned segment, uint64_t offset);

/* RFLAGS in full, and setting the six arithmetic flags (other bits of `flags` are ignored). */
uint64_t cpu_rflags(const struct cpu *cpu);
void cpu_arithmetic_set(struct cpu *cpu, uint32_t flags);

#endif
