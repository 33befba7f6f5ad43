/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * XGETBV, XSETBV; XSAVE, XSAVEOPT, XSAVEC, XSAVES, XRSTOR, XRSTORS (SDM vol. 1, chapter 13).
 *
 * The layout is Intel's, whatever the host's.  A component is in use if it differs from its initial state; changes
 * since the last XRSTOR are not tracked, which the manual leaves to the implementation.  IA32_XSS is zero.
 */
#include "vmm/cpu/xsave.h"

#include "vmm/cpu/decode_table.h"
#include "vmm/cpu/feature.h"
#include "vmm/cpu/fpu.h"
#include "vmm/cpu/scalar_extension.h"

#define HEADER       512u
#define EXTENDED     576u
#define COMPONENTS   8u
#define COMPACTED    ((uint64_t)1 << 63)
#define OFFSET_MXCSR 24u
#define OFFSET_ST    32u
#define OFFSET_XMM   160u

/* Where a component is in the standard form, how long it is there, and where in struct cpu. */
static const struct {
	uint16_t offset, size, state;
	uint16_t used32; /* bytes of it that are accessed outside of 64-bit mode */
} components[COMPONENTS] = {
	[2] = { 576, 256, offsetof(struct cpu_vector, ymm_high), 128 },
	[5] = { 1088, 64, offsetof(struct cpu_vector, k), 64 },
	[6] = { 1152, 512, offsetof(struct cpu_vector, zmm_high), 256 },
	[7] = { 1664, 1024, offsetof(struct cpu_vector, zmm), 0 },
};

uint64_t xcr0_allowed(const struct cpu_model *model)
{
	uint64_t allowed = XCR0_X87 | XCR0_SSE;

	if (model_has(model, FEATURE_AVX))
		allowed |= XCR0_AVX;
	if (model_has(model, FEATURE_AVX512F))
		allowed |= XCR0_AVX512;
	return allowed;
}

static bool xcr0_possible(const struct cpu *cpu, uint64_t value)
{
	if (value & ~xcr0_allowed(cpu->model) || !(value & XCR0_X87))
		return false;
	if (value & XCR0_AVX && !(value & XCR0_SSE))
		return false;
	/* all of AVX-512 or nothing, and with AVX */
	return !(value & XCR0_AVX512) || ((value & XCR0_AVX512) == XCR0_AVX512 && value & XCR0_AVX);
}

/* Bytes of an area in the standard, or the compacted form, with these components. */
static uint32_t area_size(uint64_t bits, bool compacted)
{
	uint32_t size = EXTENDED;

	for (unsigned i = 2; i < COMPONENTS; i++) {
		if (!(bits >> i & 1))
			continue;
		if (compacted)
			size += components[i].size;
		else if (size < components[i].offset + (uint32_t)components[i].size)
			size = components[i].offset + components[i].size;
	}
	return size;
}

void xsave_cpuid(const struct cpu *cpu, uint32_t subleaf, uint32_t out[4])
{
	uint64_t allowed = xcr0_allowed(cpu->model);

	if (!model_has(cpu->model, FEATURE_XSAVE))
		return;
	if (subleaf == 0) {
		out[0] = (uint32_t)allowed;
		out[1] = area_size(cpu->xcr0, false);
		out[2] = area_size(allowed, false);
	} else if (subleaf == 1) {
		out[0] = cpu->model->features_xsave_eax;
		if (model_has(cpu->model, FEATURE_XSAVEC))
			out[1] = area_size(cpu->xcr0, true);
	} else if (subleaf < COMPONENTS && allowed >> subleaf & 1) {
		out[0] = components[subleaf].size;
		out[1] = components[subleaf].offset;
	}
}

/* ---- which components are in use (13.6) ---- */

static bool all_zero(const void *bytes, unsigned size)
{
	const uint8_t *at = bytes;

	return !size || (!*at && !memcmp(at, at + 1, size - 1));
}

static bool x87_initial(const struct cpu_fxsave *fx)
{
	if (fx->fcw != 0x37f || fx->fsw || fx->ftw || fx->fop || fx->fip || fx->fdp)
		return false;
	for (unsigned i = 0; i < 8; i++)
		if (!all_zero(fx->st[i], 10))
			return false;
	return true;
}

static unsigned component_bytes(unsigned i, bool code64)
{
	return code64 ? components[i].size : components[i].used32;
}

static unsigned xmm_bytes(bool code64)
{
	return code64 ? 256 : 128;
}

static uint64_t in_use(const struct cpu *cpu, bool code64)
{
	uint64_t bits = 0;

	if (!x87_initial(&cpu->fx))
		bits |= XCR0_X87;
	if (!all_zero(cpu->fx.xmm, xmm_bytes(code64)))
		bits |= XCR0_SSE;
	for (unsigned i = 2; i < COMPONENTS; i++)
		if (!all_zero((const uint8_t *)&cpu->vector + components[i].state, component_bytes(i, code64)))
			bits |= (uint64_t)1 << i;
	return bits;
}

/* ---- XCR0 ---- */

static int xgetbv(struct cpu *cpu, const struct insn *insn)
{
	uint32_t number = (uint32_t)cpu->gpr[CPU_RCX];
	uint64_t value = cpu->xcr0;

	if (!(cpu->cr4 & CPU_CR4_OSXSAVE))
		return cpu_raise(cpu, CPU_UD);
	if (number > (model_has(cpu->model, FEATURE_XGETBV1) ? 1u : 0u))
		return cpu_raise_error(cpu, CPU_GP, 0);
	if (number == 1)
		value &= in_use(cpu, insn->code64);
	cpu->gpr[CPU_RAX] = (uint32_t)value;
	cpu->gpr[CPU_RDX] = value >> 32;
	return CPU_OK;
}

static int xsetbv(struct cpu *cpu, const struct insn *insn)
{
	uint64_t value = cpu->gpr[CPU_RDX] << 32 | (uint32_t)cpu->gpr[CPU_RAX];

	(void)insn;
	if (!(cpu->cr4 & CPU_CR4_OSXSAVE))
		return cpu_raise(cpu, CPU_UD);
	if (cpu->cpl || (uint32_t)cpu->gpr[CPU_RCX] || !xcr0_possible(cpu, value))
		return cpu_raise_error(cpu, CPU_GP, 0);
	cpu->xcr0 = value;
	return CPU_END;
}

insn_execute *xcr_select(const struct cpu *cpu, const struct insn *insn)
{
	if (!model_has(cpu->model, FEATURE_XSAVE) || insn->rep || insn->prefix66)
		return NULL;
	return insn->modrm == 0xd0 ? xgetbv : insn->modrm == 0xd1 ? xsetbv : NULL;
}

/* ---- areas ---- */

static int area_check(struct cpu *cpu, const struct insn *insn, uint64_t *offset, uint64_t *bits)
{
	*offset = insn_offset(cpu, insn);
	*bits = 0;
	if (!(cpu->cr4 & CPU_CR4_OSXSAVE))
		return cpu_raise(cpu, CPU_UD);
	if (cpu->cr0 & CPU_CR0_TS)
		return cpu_raise(cpu, CPU_NM);
	if (cpu_linear(cpu, insn->segment, *offset) & 63)
		return cpu_raise_error(cpu, CPU_GP, 0);
	*bits = (cpu->gpr[CPU_RDX] << 32 | (uint32_t)cpu->gpr[CPU_RAX]) & cpu->xcr0;
	return CPU_OK;
}

/* What is written, in pieces, so that all of it can be checked before anything is. */
struct pieces {
	unsigned count;
	struct {
		uint32_t offset, size;
		const void *data;
	} piece[4 + COMPONENTS];
};

static void piece_add(struct pieces *p, uint32_t offset, const void *data, uint32_t size)
{
	if (!size)
		return;
	p->piece[p->count].offset = offset;
	p->piece[p->count].data = data;
	p->piece[p->count++].size = size;
}

/* An access of any size: cpu_read() and its kin take 512 bytes. */
static int pieces_write(struct cpu *cpu, const struct insn *insn, uint64_t offset, const struct pieces *p, bool probe)
{
	for (unsigned i = 0; i < p->count; i++)
		for (uint32_t at = 0; at < p->piece[i].size; at += 512) {
			uint32_t size = p->piece[i].size - at < 512 ? p->piece[i].size - at : 512;
			uint64_t to = offset + p->piece[i].offset + at;
			if (probe ? cpu_probe_write(cpu, insn->segment, to, size)
				  : cpu_write(cpu, insn->segment, to, (const uint8_t *)p->piece[i].data + at, size))
				return CPU_FAULT;
		}
	return CPU_OK;
}

static int area_read(struct cpu *cpu, const struct insn *insn, uint64_t offset, void *data, uint32_t size)
{
	for (uint32_t at = 0; at < size; at += 512) {
		uint32_t part = size - at < 512 ? size - at : 512;
		if (cpu_read(cpu, insn->segment, offset + at, (uint8_t *)data + at, part))
			return CPU_FAULT;
	}
	return CPU_OK;
}

/* ---- saving ---- */

enum { SAVE_PLAIN, SAVE_OPTIMIZED, SAVE_COMPACTED };

/* The data of the components in `bits`, MXCSR apart. */
static void pieces_collect(const struct cpu *cpu, const struct insn *insn, const struct cpu_fxsave *image,
	uint64_t bits, uint64_t compact, struct pieces *p)
{
	uint32_t next = EXTENDED;

	if (bits & XCR0_X87) {
		piece_add(p, 0, image, OFFSET_MXCSR);
		piece_add(p, OFFSET_ST, image->st, sizeof(image->st));
	}
	if (bits & XCR0_SSE)
		piece_add(p, OFFSET_XMM, image->xmm, xmm_bytes(insn->code64));
	for (unsigned i = 2; i < COMPONENTS; i++) {
		uint32_t offset = compact ? next : components[i].offset;
		if (bits >> i & 1)
			piece_add(p, offset, (const uint8_t *)&cpu->vector + components[i].state,
				component_bytes(i, insn->code64));
		if (compact >> i & 1)
			next += components[i].size;
	}
}

static int area_save(struct cpu *cpu, const struct insn *insn, unsigned how)
{
	uint64_t offset, requested, header[2], saved;
	struct cpu_fxsave image;
	struct pieces pieces = { 0 };

	if (area_check(cpu, insn, &offset, &requested))
		return CPU_FAULT;
	fpu_image_get(cpu, insn, &image);
	uint64_t used = in_use(cpu, insn->code64) & requested;
	if (how == SAVE_COMPACTED) {
		if (requested & XCR0_SSE && cpu->fx.mxcsr != MXCSR_DEFAULT)
			used |= XCR0_SSE;
		header[0] = used;
		header[1] = requested | COMPACTED;
		saved = used;
		if (used & XCR0_SSE)
			piece_add(&pieces, OFFSET_MXCSR, &image.mxcsr, 8);
		piece_add(&pieces, HEADER, header, 16);
	} else {
		if (area_read(cpu, insn, offset + HEADER, header, 8))
			return CPU_FAULT;
		header[0] = (header[0] & ~requested) | used;
		saved = how == SAVE_OPTIMIZED ? used : requested;
		if (requested & (XCR0_SSE | XCR0_AVX))
			piece_add(&pieces, OFFSET_MXCSR, &image.mxcsr, 8);
		piece_add(&pieces, HEADER, header, 8);
	}
	pieces_collect(cpu, insn, &image, saved, how == SAVE_COMPACTED ? header[1] : 0, &pieces);
	if (pieces_write(cpu, insn, offset, &pieces, true))
		return CPU_FAULT;
	return pieces_write(cpu, insn, offset, &pieces, false);
}

static int xsave(struct cpu *cpu, const struct insn *insn)
{
	return area_save(cpu, insn, SAVE_PLAIN);
}

static int xsaveopt(struct cpu *cpu, const struct insn *insn)
{
	return area_save(cpu, insn, SAVE_OPTIMIZED);
}

static int xsavec(struct cpu *cpu, const struct insn *insn)
{
	return area_save(cpu, insn, SAVE_COMPACTED);
}

static int supervisor_check(struct cpu *cpu)
{
	if (!(cpu->cr4 & CPU_CR4_OSXSAVE))
		return cpu_raise(cpu, CPU_UD);
	return cpu->cpl ? cpu_raise_error(cpu, CPU_GP, 0) : CPU_OK;
}

static int xsaves(struct cpu *cpu, const struct insn *insn)
{
	return supervisor_check(cpu) ? CPU_FAULT : area_save(cpu, insn, SAVE_COMPACTED);
}

/* ---- restoring ---- */

/* Is it a header that may be restored from (13.8, 13.12)? */
static bool header_legal(const struct cpu *cpu, const uint64_t header[8], bool supervisor)
{
	uint64_t present = header[0], compact = header[1];

	if (!(compact & COMPACTED)) {
		/* the standard form leaves what is behind these to software */
		return !supervisor && !(present & ~cpu->xcr0) && !compact && !header[2];
	}
	if (!model_has(cpu->model, FEATURE_XSAVEC))
		return false;
	compact &= ~COMPACTED;
	return !(compact & ~cpu->xcr0) && !(present & ~compact) && all_zero(header + 2, 48);
}

/* Everything is read before any of it is taken over. */
static int area_restore(struct cpu *cpu, const struct insn *insn, bool supervisor)
{
	uint64_t offset, requested, header[8];
	struct cpu_fxsave image;
	struct cpu_vector vector;
	uint32_t next = EXTENDED;

	if (area_check(cpu, insn, &offset, &requested) || area_read(cpu, insn, offset + HEADER, header, 64))
		return CPU_FAULT;
	if (!header_legal(cpu, header, supervisor))
		return cpu_raise_error(cpu, CPU_GP, 0);
	bool compact = header[1] & COMPACTED;
	uint64_t present = requested & header[0];
	/* the standard form has MXCSR even where the SSE component is not in use */
	bool mxcsr = compact ? present & XCR0_SSE : requested & (XCR0_SSE | XCR0_AVX);
	if (present & XCR0_X87 &&
		(area_read(cpu, insn, offset, &image, OFFSET_MXCSR) ||
			area_read(cpu, insn, offset + OFFSET_ST, image.st, sizeof(image.st))))
		return CPU_FAULT;
	if (mxcsr && area_read(cpu, insn, offset + OFFSET_MXCSR, &image.mxcsr, 4))
		return CPU_FAULT;
	if (present & XCR0_SSE && area_read(cpu, insn, offset + OFFSET_XMM, image.xmm, xmm_bytes(insn->code64)))
		return CPU_FAULT;
	for (unsigned i = 2; i < COMPONENTS; i++) {
		uint8_t *to = (uint8_t *)&vector + components[i].state;
		uint32_t at = compact ? next : components[i].offset;
		if (present >> i & 1 && area_read(cpu, insn, offset + at, to, component_bytes(i, insn->code64)))
			return CPU_FAULT;
		if (header[1] >> i & 1)
			next += components[i].size;
	}
	if (mxcsr && image.mxcsr & ~fpu_mxcsr_mask(cpu))
		return cpu_raise_error(cpu, CPU_GP, 0);

	if (requested & XCR0_X87) {
		if (!(present & XCR0_X87)) {
			memset(&image, 0, OFFSET_MXCSR);
			memset(image.st, 0, sizeof(image.st));
			image.fcw = 0x37f;
		}
		fpu_image_set(cpu, insn, &image);
	}
	if (mxcsr)
		cpu->fx.mxcsr = image.mxcsr;
	else if (requested & XCR0_SSE)
		cpu->fx.mxcsr = MXCSR_DEFAULT;
	if (present & XCR0_SSE)
		memcpy(cpu->fx.xmm, image.xmm, xmm_bytes(insn->code64));
	else if (requested & XCR0_SSE)
		memset(cpu->fx.xmm, 0, xmm_bytes(insn->code64));
	for (unsigned i = 2; i < COMPONENTS; i++) {
		uint8_t *to = (uint8_t *)&cpu->vector + components[i].state;
		if (present >> i & 1)
			memcpy(to, (const uint8_t *)&vector + components[i].state, component_bytes(i, insn->code64));
		else if (requested >> i & 1)
			memset(to, 0, component_bytes(i, insn->code64));
	}
	return CPU_OK;
}

static int xrstor(struct cpu *cpu, const struct insn *insn)
{
	return area_restore(cpu, insn, false);
}

static int xrstors(struct cpu *cpu, const struct insn *insn)
{
	return supervisor_check(cpu) ? CPU_FAULT : area_restore(cpu, insn, true);
}

/* ---- selection ---- */

insn_execute *xsave_select(const struct cpu *cpu, const struct insn *insn)
{
	if (insn->mod == 3 || insn->rep || insn->prefix66 || !model_has(cpu->model, FEATURE_XSAVE))
		return NULL;
	switch (insn->modrm >> 3 & 7) {
	case 4: return xsave;
	case 5: return xrstor;
	case 6: return model_has(cpu->model, FEATURE_XSAVEOPT) ? xsaveopt : NULL;
	default: return NULL;
	}
}

insn_execute *group9_select(struct cpu *cpu, struct insn *insn)
{
	const struct cpu_model *model = cpu->model;
	unsigned digit = insn->modrm >> 3 & 7;

	if (insn->mod == 3 && digit >= 6) {
		insn_execute *number = random_select(cpu, insn);
		if (number)
			return number;
	} else if (insn->mod != 3 && digit >= 3 && digit <= 5) {
		if (insn->rep || insn->prefix66 || !model_has(model, FEATURE_XSAVE))
			return NULL;
		if (digit == 4)
			return model_has(model, FEATURE_XSAVEC) ? xsavec : NULL;
		return !model_has(model, FEATURE_XSAVES) ? NULL : digit == 5 ? xsaves : xrstors;
	}
	return cmpxchg_select(cpu, insn);
}
