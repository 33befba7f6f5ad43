/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Between the files that execute VEX- and EVEX-encoded instructions.
 */
#ifndef VMM_CPU_VEX_H
#define VMM_CPU_VEX_H

#include <string.h>

#include "vmm/cpu/cpu.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/vex_table.h"
#include "vmm/cpu/xsave.h"

/* May AVX, or AVX-512 instructions run?  CPU_OK, or #UD or #NM is raised (SDM vol. 2A, 2.4, 2.8). */
int vex_check(struct cpu *cpu, bool avx512);

/* The lowest `size` bytes of a vector register; setting them clears what is above. */
static inline void vector_get(const struct cpu *cpu, unsigned number, void *value, unsigned size)
{
	uint8_t *to = value;

	if (number >= 16) {
		memcpy(to, cpu->vector.zmm[number - 16], size);
		return;
	}
	memcpy(to, cpu->fx.xmm[number], 16);
	if (size > 16)
		memcpy(to + 16, cpu->vector.ymm_high[number], 16);
	if (size > 32)
		memcpy(to + 32, cpu->vector.zmm_high[number], 32);
}

static inline void vector_set(struct cpu *cpu, unsigned number, const void *value, unsigned size)
{
	uint8_t all[64] = { 0 };

	memcpy(all, value, size);
	if (number >= 16) {
		memcpy(cpu->vector.zmm[number - 16], all, 64);
		return;
	}
	memcpy(cpu->fx.xmm[number], all, 16);
	memcpy(cpu->vector.ymm_high[number], all + 16, 16);
	memcpy(cpu->vector.zmm_high[number], all + 32, 32);
}

/* VEX.W where it is about the size of a general register: outside of 64-bit mode it says nothing. */
static inline bool vex_wide(const struct insn *insn)
{
	return insn->code64 && insn->rex & 8;
}

/* vex.c: the row of a selected instruction, and its thunk; `plain`: in the register form, without mask. */
const struct vex_row *vex_row(const struct insn *insn);
/* The same, or NULL for an instruction that is executed in another way.  For a translator. */
const struct vex_row *vex_row_of(const struct insn *insn);
const void *vex_thunk(struct cpu *cpu, const struct insn *insn, const struct vex_row *row, bool plain);
/* Bytes of the memory operand, broadcast considered. */
unsigned vex_memory_size(const struct insn *insn, const struct vex_row *row);
/* Bits of the mask that say something. */
unsigned vex_elements(const struct insn *insn, const struct vex_row *row);

/* vex_run.c */
insn_execute vex_run, vex_run_exceptions, vex_load, vex_store;

/* vex_precision.c: the precision flag of a masked run that found an unmasked overflow or underflow. */
uint32_t vex_precision(struct cpu *cpu, const struct insn *insn, const struct thunk_frame *operands, uint32_t unmasked);

/* Choose a handler, or return NULL where there is none.  vex_state.c: VZEROUPPER, VZEROALL, VLDMXCSR, VSTMXCSR,
 * VMASKMOVDQU; vex_gather.c: gathers and scatters; scalar_extension.c: BMI1 and BMI2. */
insn_execute *vex_state_select(const struct cpu *cpu, const struct insn *insn);
insn_execute *vex_gather_select(const struct cpu *cpu, struct insn *insn);
insn_execute *vex_scalar_select(const struct cpu *cpu, const struct insn *insn);

#endif
