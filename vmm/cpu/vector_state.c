/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Vector instructions outside the table: whole state (FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, EMMS), masked stores,
 * cache lines and fences.
 */
#include "vmm/cpu/fpu.h"

#include "vmm/cpu/feature.h"
#include "vmm/cpu/xsave.h"

uint32_t fpu_mxcsr_mask(const struct cpu *cpu)
{
	/* DAZ came with SSE2 */
	return cpu->model->features_1_edx & CPU_FEATURE_SSE2 ? 0xffff : 0xffbf;
}

static int vector_emms(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	if (vector_check_mmx(cpu))
		return CPU_FAULT;
	fpu_top_set(&cpu->fx, 0);
	cpu->fx.ftw = 0;
	return CPU_OK;
}

static int vector_load_mxcsr(struct cpu *cpu, const struct insn *insn)
{
	uint32_t mxcsr;
	if (vector_check_sse(cpu) || cpu_read(cpu, insn->segment, insn_offset(cpu, insn), &mxcsr, 4))
		return CPU_FAULT;
	if (mxcsr & ~fpu_mxcsr_mask(cpu))
		return cpu_raise_error(cpu, CPU_GP, 0);
	cpu->fx.mxcsr = mxcsr;
	return CPU_OK;
}

static int vector_store_mxcsr(struct cpu *cpu, const struct insn *insn)
{
	if (vector_check_sse(cpu))
		return CPU_FAULT;
	return cpu_write(cpu, insn->segment, insn_offset(cpu, insn), &cpu->fx.mxcsr, 4);
}

/* ---- FXSAVE, FXRSTOR ---- */

#define IMAGE_MXCSR 24
#define IMAGE_ST    32
#define IMAGE_XMM   160

static int image_check(struct cpu *cpu, const struct insn *insn, uint64_t *offset)
{
	*offset = insn_offset(cpu, insn);
	if (cpu->cr0 & (CPU_CR0_EM | CPU_CR0_TS))
		return cpu_raise(cpu, CPU_NM);
	if (cpu_linear(cpu, insn->segment, *offset) & 15)
		return cpu_raise_error(cpu, CPU_GP, 0);
	return CPU_OK;
}

static unsigned xmm_bytes(const struct insn *insn)
{
	return insn->code64 ? 256 : 128;
}

void fpu_image_get(const struct cpu *cpu, const struct insn *insn, struct cpu_fxsave *image)
{
	memcpy(image, &cpu->fx, sizeof(*image));
	image->reserved0 = 0;
	image->mxcsr_mask = fpu_mxcsr_mask(cpu);
	if (!(insn->rex & 8)) { /* 32-bit pointers and selectors, in a field with a reserved half */
		image->fip &= 0xffffffffffff;
		image->fdp &= 0xffffffffffff;
	}
	for (unsigned i = 0; i < 8; i++)
		memset(image->st[i] + 10, 0, 6);
}

void fpu_image_set(struct cpu *cpu, const struct insn *insn, const struct cpu_fxsave *image)
{
	struct cpu_fxsave *fx = &cpu->fx;
	uint64_t mask = insn->rex & 8 ? UINT64_MAX : 0xffffffffffff;

	fx->fsw = image->fsw;
	fx->ftw = image->ftw;
	fx->fop = image->fop & 0x7ff;
	fx->fip = image->fip & mask;
	fx->fdp = image->fdp & mask;
	for (unsigned i = 0; i < 8; i++)
		memcpy(fx->st[i], image->st[i], 10);
	fpu_control_set(fx, image->fcw);
	fpu_ferr_update(cpu);
}

static int vector_fxsave(struct cpu *cpu, const struct insn *insn)
{
	uint64_t offset;
	struct cpu_fxsave image;
	unsigned segment = insn->segment;
	if (image_check(cpu, insn, &offset) || cpu_probe_write(cpu, segment, offset, 512))
		return CPU_FAULT;
	fpu_image_get(cpu, insn, &image);
	if (cpu->cr4 & CPU_CR4_OSFXSR)
		return cpu_write(cpu, segment, offset, &image, IMAGE_XMM + xmm_bytes(insn));
	/* without OSFXSR there is no MXCSR and no XMM register to save */
	if (cpu_write(cpu, segment, offset, &image, IMAGE_MXCSR))
		return CPU_FAULT;
	return cpu_write(cpu, segment, offset + IMAGE_ST, image.st, sizeof(image.st));
}

static int vector_fxrstor(struct cpu *cpu, const struct insn *insn)
{
	uint64_t offset;
	struct cpu_fxsave image;
	if (image_check(cpu, insn, &offset) || cpu_read(cpu, insn->segment, offset, &image, 512))
		return CPU_FAULT;
	bool sse = cpu->cr4 & CPU_CR4_OSFXSR;
	if (sse && image.mxcsr & ~fpu_mxcsr_mask(cpu))
		return cpu_raise_error(cpu, CPU_GP, 0);
	fpu_image_set(cpu, insn, &image);
	if (sse) {
		cpu->fx.mxcsr = image.mxcsr;
		memcpy(cpu->fx.xmm, image.xmm, xmm_bytes(insn));
	}
	return CPU_OK;
}

/* ---- masked stores ---- */

/* MASKMOVQ and MASKMOVDQU: the bytes of ModRM.reg whose mask byte in ModRM.rm has its top bit set, to DS:rDI. */
int vector_masked_store(struct cpu *cpu, const struct insn *insn, const uint8_t *data, const uint8_t *mask, unsigned n)
{
	unsigned segment = insn->segment_override == INSN_NONE ? CPU_DS : insn->segment_override;
	uint64_t width = insn->address_size == 8 ? UINT64_MAX : insn->address_size == 4 ? 0xffffffff : 0xffff;
	uint64_t offset = cpu->gpr[CPU_RDI] & width;
	/* all faults first: a byte of the mask that is clear makes no access, so neither does it fault */
	for (unsigned i = 0; i < n; i++)
		if (mask[i] & 0x80 && cpu_probe_write(cpu, segment, (offset + i) & width, 1))
			return CPU_FAULT;
	for (unsigned i = 0; i < n; i++)
		if (mask[i] & 0x80 && cpu_write(cpu, segment, (offset + i) & width, &data[i], 1))
			return CPU_FAULT;
	return CPU_OK;
}

static int vector_maskmovq(struct cpu *cpu, const struct insn *insn)
{
	if (vector_check_mmx(cpu))
		return CPU_FAULT;
	struct cpu_fxsave *fx = &cpu->fx;
	unsigned top = fpu_top(fx);
	if (vector_masked_store(cpu, insn, fx->st[(insn->reg - top) & 7], fx->st[(insn->rm - top) & 7], 8))
		return CPU_FAULT;
	vector_mmx_enter(fx);
	return CPU_OK;
}

static int vector_maskmovdqu(struct cpu *cpu, const struct insn *insn)
{
	if (vector_check_sse(cpu))
		return CPU_FAULT;
	return vector_masked_store(cpu, insn, cpu->fx.xmm[insn->reg & 15], cpu->fx.xmm[insn->rm & 15], 16);
}

/* ---- cache lines, fences ---- */

static int vector_clflush(struct cpu *cpu, const struct insn *insn)
{
	uint8_t byte; /* faults like a load of a byte; guest memory is always coherent */
	return cpu_read(cpu, insn->segment, insn_offset(cpu, insn), &byte, 1);
}

static int vector_fence(struct cpu *cpu, const struct insn *insn)
{
	(void)cpu;
	(void)insn;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return CPU_OK;
}

static insn_execute *group15_select(const struct cpu *cpu, const struct insn *insn)
{
	uint32_t features = cpu->model->features_1_edx;
	bool memory = insn->mod != 3;
	if (memory && insn->prefix66 && !insn->rep && (insn->reg & 7) >= 6) /* CLWB, CLFLUSHOPT */
		return model_has(cpu->model, insn->reg & 1 ? FEATURE_CLFLUSHOPT : FEATURE_CLWB) ? vector_clflush : NULL;
	if (insn->rep || insn->prefix66)
		return NULL;
	if (memory && (insn->reg & 7) >= 4 && (insn->reg & 7) <= 6)
		return xsave_select(cpu, insn);
	switch (insn->reg & 7) {
	case 0: return memory && features & CPU_FEATURE_FXSR ? vector_fxsave : NULL;
	case 1: return memory && features & CPU_FEATURE_FXSR ? vector_fxrstor : NULL;
	case 2: return memory && features & CPU_FEATURE_SSE ? vector_load_mxcsr : NULL;
	case 3: return memory && features & CPU_FEATURE_SSE ? vector_store_mxcsr : NULL;
	case 5: return !memory && features & CPU_FEATURE_SSE2 ? vector_fence : NULL; /* LFENCE */
	case 6: return !memory && features & CPU_FEATURE_SSE2 ? vector_fence : NULL; /* MFENCE */
	case 7:
		if (memory)
			return features & CPU_FEATURE_CLFSH ? vector_clflush : NULL;
		return features & CPU_FEATURE_SSE ? vector_fence : NULL; /* SFENCE */
	default: return NULL;
	}
}

insn_execute *vector_state_select(const struct cpu *cpu, const struct insn *insn)
{
	uint32_t features = cpu->model->features_1_edx;
	switch (insn->opcode) {
	case 0x177: return features & CPU_FEATURE_MMX && !insn->rep && !insn->prefix66 ? vector_emms : NULL;
	case 0x1ae: return group15_select(cpu, insn);
	case 0x1f7:
		if (insn->mod != 3 || insn->rep)
			return NULL;
		if (insn->prefix66)
			return features & CPU_FEATURE_SSE2 ? vector_maskmovdqu : NULL;
		return features & CPU_FEATURE_SSE ? vector_maskmovq : NULL;
	default: return NULL;
	}
}
