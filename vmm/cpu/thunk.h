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
	THUNK_XMM,    /* 16 bytes; in a frame, all of a vector register */
	THUNK_MMX,    /* 8 bytes */
	THUNK_GPR,    /* 8 bytes */
	THUNK_MEMORY, /* ModRM.rm only: whatever size the instruction accesses */
	THUNK_MASK,   /* in a frame: an opmask register, 8 bytes */
};

#define THUNK_IMMEDIATE  0x001 /* an 8-bit immediate follows */
#define THUNK_MXCSR      0x002 /* run under control->mxcsr, report in control->mxcsr_out */
#define THUNK_RFLAGS     0x004 /* report RFLAGS in control->rflags */
#define THUNK_WIDE       0x008 /* REX.W, VEX.W */
#define THUNK_STORE_REG  0x010 /* the operand in ModRM.reg is written */
#define THUNK_STORE_RM   0x020 /* the operand in ModRM.rm is written, if it is a register */
#define THUNK_X87        0x040 /* an x87 instruction: a thunk_x87 */
#define THUNK_FRAME      0x080 /* a thunk_framed */
#define THUNK_STORE_VVVV 0x100 /* frames: the operand in vvvv is written */
#define THUNK_STORE_XMM0 0x200 /* frames: XMM0 is, into `is4` */
#define THUNK_STRING     0x400 /* frames: RAX and RDX are read, RCX is written */

/* An instruction with its register numbers abstracted away.  Also the key of the cache, as sixteen bytes. */
struct thunk_shape {
	uint8_t prefix; /* mandatory prefix: 0, 0x66, 0xf2 or 0xf3 */
	uint8_t map;    /* as in insn.opcode */
	uint8_t opcode;
	uint8_t immediate;
	uint8_t digit;
	uint8_t reg, rm; /* enum thunk_class */
	/* Frames only. */
	uint8_t vvvv, is4;     /* enum thunk_class; is4 without VEX: XMM0, which some instructions imply */
	uint8_t vex;           /* as in struct insn */
	uint8_t vector_length; /* as in struct insn */
	uint8_t evex;          /* z, b; aaa as 0 or 1 */
	uint16_t flags;
	uint16_t zero;
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

/* What a frame thunk reads and writes.  Operands that are not vectors lie in the lowest eight bytes. */
struct thunk_frame {
	uint8_t reg[64], vvvv[64];
	uint8_t rm[64]; /* a memory operand, too */
	uint8_t is4[64];
	uint64_t mask; /* what EVEX.aaa selects */
	uint64_t rflags;
	uint32_t mxcsr, mxcsr_out;
	uint64_t rax, rdx, rcx;
} __attribute__((aligned(64)));
typedef void thunk_framed(struct thunk_frame *frame);

/* A cache of thunks, for all CPUs of a machine. */
struct cpu_thunks *thunks_create(void); /* NULL: out of memory, or no executable memory */
struct cpu_thunks *thunks_ref(struct cpu_thunks *thunks);
void thunks_unref(struct cpu_thunks *thunks); /* destroys it with the last reference; takes NULL */

/* The code for an instruction, made at first use.  NULL if there is no room.  Any thread. */
const void *thunk_find(struct cpu_thunks *thunks, const struct thunk_shape *shape);

/* The same through a CPU, which gets a cache of its own if it has none. */
const void *cpu_thunk(struct cpu *cpu, const struct thunk_shape *shape);

#endif
