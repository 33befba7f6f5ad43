/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Native one-instruction thunks: the host executes the guest's x87, MMX and SSE instructions itself, with
 * operands that the interpreter has fetched.  See thunk.c for how.
 */
#ifndef VMM_CPU_THUNK_H
#define VMM_CPU_THUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/cpu/cpu.h"

/* What an operand is, on the host. */
enum thunk_class {
	THUNK_NONE,   /* no operand: for ModRM.reg, `digit` is put there; for ModRM.rm, `digit` is all of ModRM */
	THUNK_XMM,    /* 16 bytes */
	THUNK_MMX,    /* 8 bytes */
	THUNK_GPR,    /* 8 bytes */
	THUNK_MEMORY, /* ModRM.rm only: whatever size the instruction accesses */
};

#define THUNK_IMMEDIATE 0x01 /* an 8-bit immediate follows */
#define THUNK_MXCSR     0x02 /* run under control->mxcsr, report in control->mxcsr_out */
#define THUNK_RFLAGS    0x04 /* report RFLAGS in control->rflags */
#define THUNK_WIDE      0x08 /* REX.W */
#define THUNK_STORE_REG 0x10 /* the operand in ModRM.reg is written */
#define THUNK_STORE_RM  0x20 /* the operand in ModRM.rm is written, if it is a register */
#define THUNK_X87       0x40 /* an x87 instruction: a thunk_x87 */

/* An instruction with its register numbers abstracted away.  Also the key of the cache, as eight bytes. */
struct thunk_shape {
	uint8_t prefix; /* mandatory prefix: 0, 0x66, 0xf2 or 0xf3 */
	uint8_t map;    /* as in insn.opcode */
	uint8_t opcode;
	uint8_t immediate;
	uint8_t digit;
	uint8_t reg : 4, rm : 4; /* enum thunk_class */
	uint8_t flags;
	uint8_t zero;
};

struct thunk_control {
	uint32_t mxcsr;
	uint32_t mxcsr_out;
	uint64_t rflags;
};

/* `reg` and `rm` are read, `reg_out` (may be `reg`) and, for THUNK_STORE_RM, `rm` are written.  No alignment is
 * needed but where the instruction itself wants it for THUNK_MEMORY. */
typedef void thunk_vector(const void *reg, void *rm, void *reg_out, struct thunk_control *control);
/* Loads all of the x87 state from the image, executes, saves it there.  `memory`: the operand's bytes.  With
 * THUNK_RFLAGS the instruction sees and changes the arithmetic flags in *rflags. */
typedef void thunk_x87(struct cpu_fxsave *image, void *memory, uint64_t *rflags);

/* A cache of thunks, for all CPUs of a machine. */
struct cpu_thunks *thunks_create(void); /* NULL: out of memory, or no executable memory */
struct cpu_thunks *thunks_ref(struct cpu_thunks *thunks);
void thunks_unref(struct cpu_thunks *thunks); /* destroys it with the last reference; takes NULL */

/* The code for an instruction, made at first use.  NULL if there is no room.  Any thread. */
const void *thunk_find(struct cpu_thunks *thunks, const struct thunk_shape *shape);

/* The same through a CPU, which gets a cache of its own if it has none. */
const void *cpu_thunk(struct cpu *cpu, const struct thunk_shape *shape);

#endif
