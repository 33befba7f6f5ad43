/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What x87, MMX and SSE have in common: the FXSAVE image.  For x87*.c and vector*.c only.
 */
#ifndef VMM_CPU_FPU_H
#define VMM_CPU_FPU_H

#include <stddef.h>
#include <string.h>

#include "vmm/cpu/insn.h"

#define FSW_EXCEPTIONS 0x3fu
#define FSW_ES         0x80u
#define FSW_BUSY       0x8000u
#define FSW_TOP_SHIFT  11
#define FCW_MASKS      0x3fu
/* Writable bits of the control word; bit 6 reads as one. */
#define FCW_WRITABLE      0x1f3fu
#define FCW_FIXED         0x40u
#define MXCSR_FLAGS       0x3fu
#define MXCSR_MASKS_SHIFT 7
#define MXCSR_MASKS       (0x3fu << MXCSR_MASKS_SHIFT)
/* What the host's MXCSR is given of the guest's: no flags, and no bit that would fault, whatever state was loaded. */
#define MXCSR_NATIVE  0xffc0u
#define MXCSR_DEFAULT 0x1f80u
#define MXCSR_FTZ     0x8000u

static inline unsigned fpu_top(const struct cpu_fxsave *fx)
{
	return fx->fsw >> FSW_TOP_SHIFT & 7u;
}

/* Change TOP, keeping the physical registers: the image is ordered from the top of stack. */
static inline void fpu_top_set(struct cpu_fxsave *fx, unsigned top)
{
	unsigned by = (top - fpu_top(fx)) & 7u;
	if (by) {
		uint8_t st[8][16];
		memcpy(st, fx->st, sizeof(st));
		for (unsigned i = 0; i < 8; i++)
			memcpy(fx->st[i], st[(i + by) & 7u], 16);
	}
	fx->fsw = (uint16_t)((fx->fsw & ~(7u << FSW_TOP_SHIFT)) | top << FSW_TOP_SHIFT);
}

/* The error summary and busy bits follow from flags and masks. */
static inline void fpu_summarize(struct cpu_fxsave *fx)
{
	fx->fsw &= (uint16_t) ~(FSW_ES | FSW_BUSY);
	if (fx->fsw & ~fx->fcw & FSW_EXCEPTIONS)
		fx->fsw |= FSW_ES | FSW_BUSY;
}

/* Before a waiting x87 instruction or an MMX one: deliver a pending exception.  *ignored (may be NULL) is set if
 * the pending exception is ignored (IGNNE#) and the instruction is to be executed nevertheless. */
int fpu_check_pending(struct cpu *cpu, bool *ignored);
/* The pending exceptions may have gone, and FERR# with them. */
void fpu_ferr_update(struct cpu *cpu);
/* FNINIT */
void fpu_init(struct cpu_fxsave *fx);
/* FLDCW and the like: take over a control word. */
void fpu_control_set(struct cpu_fxsave *fx, uint16_t fcw);
/* Bits that MXCSR may have in this CPU's model. */
uint32_t fpu_mxcsr_mask(const struct cpu *cpu);

/* The image as FXSAVE and XSAVE write it, and the x87 part of one taken over. */
void fpu_image_get(const struct cpu *cpu, const struct insn *insn, struct cpu_fxsave *image);
void fpu_image_set(struct cpu *cpu, const struct insn *insn, const struct cpu_fxsave *image);

/* How an x87 instruction that computes or moves data accesses what lies outside of the unit; false for all others.  For
 * a translator. */
struct x87_form {
	unsigned memory; /* bytes of the operand, 0 for registers */
	bool store, compares /* sets the flags: FCOMI */, conditional /* reads them: FCMOV */;
};
bool x87_form(const struct insn *insn, struct x87_form *form);

/* x87_control.c: instructions that only move state; chosen by x87_select().  NULL if `insn` is none of them. */
insn_execute *x87_control_select(const struct insn *insn);

/* vector_state.c: EMMS, FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, CLFLUSH, fences, MASKMOV.  The same. */
insn_execute *vector_state_select(const struct cpu *cpu, const struct insn *insn);
/* MASKMOVQ and MASKMOVDQU: the bytes of `data` whose byte in `mask` has its top bit set, to DS:rDI. */
int vector_masked_store(struct cpu *cpu, const struct insn *insn, const uint8_t *data, const uint8_t *mask, unsigned n);
/* vector_implicit.c: instructions that imply XMM0 or general registers as operands.  The same. */
insn_execute *vector_implicit_select(struct cpu *cpu, struct insn *insn);
/* Checks before SSE and MMX instructions. */
int vector_check_sse(struct cpu *cpu);
int vector_check_mmx(struct cpu *cpu);
/* The state change that any MMX instruction but EMMS makes: TOP = 0, all registers in use. */
static inline void vector_mmx_enter(struct cpu_fxsave *fx)
{
	fpu_top_set(fx, 0);
	fx->ftw = 0xff;
}

#endif
