/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * VEX-encoded instructions outside the table: VZEROUPPER, VZEROALL, VLDMXCSR, VSTMXCSR, VMASKMOVDQU.
 */
#include "vmm/cpu/feature.h"
#include "vmm/cpu/fpu.h"
#include "vmm/cpu/vex.h"

static unsigned registers(const struct insn *insn)
{
	return insn->code64 ? 16 : 8;
}

/* Bits above 128 of the registers that the mode can name, or all of their bits. */
static int vex_zero(struct cpu *cpu, const struct insn *insn)
{
	if (vex_check(cpu, false))
		return CPU_FAULT;
	for (unsigned i = 0; i < registers(insn); i++) {
		memset(cpu->vector.ymm_high[i], 0, sizeof(cpu->vector.ymm_high[i]));
		memset(cpu->vector.zmm_high[i], 0, sizeof(cpu->vector.zmm_high[i]));
		if (insn->vector_length)
			memset(cpu->fx.xmm[i], 0, sizeof(cpu->fx.xmm[i]));
	}
	return CPU_OK;
}

static int vex_load_mxcsr(struct cpu *cpu, const struct insn *insn)
{
	uint32_t mxcsr;

	if (vex_check(cpu, false) || cpu_read(cpu, insn->segment, insn_offset(cpu, insn), &mxcsr, 4))
		return CPU_FAULT;
	if (mxcsr & ~fpu_mxcsr_mask(cpu))
		return cpu_raise_error(cpu, CPU_GP, 0);
	cpu->fx.mxcsr = mxcsr;
	return CPU_OK;
}

static int vex_store_mxcsr(struct cpu *cpu, const struct insn *insn)
{
	if (vex_check(cpu, false))
		return CPU_FAULT;
	return cpu_write(cpu, insn->segment, insn_offset(cpu, insn), &cpu->fx.mxcsr, 4);
}

static int vex_maskmovdqu(struct cpu *cpu, const struct insn *insn)
{
	if (vex_check(cpu, false))
		return CPU_FAULT;
	return vector_masked_store(cpu, insn, cpu->fx.xmm[insn->reg & 15], cpu->fx.xmm[insn->rm & 15], 16);
}

insn_execute *vex_state_select(const struct cpu *cpu, const struct insn *insn)
{
	if (insn->vex != INSN_VEX || insn->vvvv || insn->rep || !model_has(cpu->model, FEATURE_AVX))
		return NULL;
	switch (insn->opcode) {
	case 0x177: return insn->prefix66 ? NULL : vex_zero;
	case 0x1ae:
		if (insn->mod == 3 || insn->prefix66 || insn->vector_length)
			return NULL;
		switch (insn->modrm >> 3 & 7) {
		case 2: return vex_load_mxcsr;
		case 3: return vex_store_mxcsr;
		default: return NULL;
		}
	case 0x1f7: return insn->mod == 3 && insn->prefix66 && !insn->vector_length ? vex_maskmovdqu : NULL;
	default: return NULL;
	}
}
