/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* A virtual CPU's registers by the numbers of vmm.cpu/1. */
#include <errno.h>
#include <string.h>
#include <vmm/draft/cpu.h>

#include "vmm/cpu/apic.h"
#include "vmm/cpu/fpu.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/system.h"
#include "vmm/cpu/xsave.h"
#include "vmm/machine/parts.h"

/* The x87's tag word as FNSTENV has it: two bits a physical register. */
static uint16_t tag_full(const struct cpu_fxsave *fx)
{
	uint16_t tags = 0;

	for (unsigned physical = 0; physical < 8; physical++) {
		const uint8_t *st = fx->st[(physical - fpu_top(fx)) & 7];
		uint64_t fraction;
		uint16_t exponent;
		unsigned tag = 3;

		memcpy(&fraction, st, 8);
		memcpy(&exponent, st + 8, 2);
		exponent &= 0x7fff;
		if (fx->ftw >> physical & 1)
			tag = !exponent && !fraction ? 1 : exponent == 0x7fff || !exponent || !(fraction >> 63) ? 2 : 0;
		tags |= (uint16_t)(tag << (2 * physical));
	}
	return tags;
}

static void tag_full_set(struct cpu_fxsave *fx, uint64_t tags)
{
	fx->ftw = 0;
	for (unsigned physical = 0; physical < 8; physical++)
		if ((tags >> (2 * physical) & 3) != 3)
			fx->ftw |= (uint8_t)(1u << physical);
}

/* FCW and its kin, in the order of their numbers. */
static uint64_t x87_get(const struct cpu *cpu, unsigned which)
{
	const struct cpu_fxsave *fx = &cpu->fx;
	bool wide = cpu_code64(cpu);

	switch (which) {
	case 0: return fx->fcw;
	case 1: return fx->fsw;
	case 2: return tag_full(fx);
	case 3: return wide ? 0 : fx->fip >> 32 & 0xffff;
	case 4: return wide ? fx->fip : (uint32_t)fx->fip;
	case 5: return wide ? 0 : fx->fdp >> 32 & 0xffff;
	case 6: return wide ? fx->fdp : (uint32_t)fx->fdp;
	default: return fx->fop;
	}
}

static int x87_set(struct cpu *cpu, unsigned which, uint64_t value)
{
	struct cpu_fxsave *fx = &cpu->fx;

	switch (which) {
	case 0: fpu_control_set(fx, (uint16_t)value); return 0;
	case 1: fx->fsw = (uint16_t)value; return 0;
	case 2: tag_full_set(fx, value); return 0;
	case 3: fx->fip = (uint32_t)fx->fip | (value & 0xffff) << 32; return 0;
	case 4: fx->fip = cpu_code64(cpu) ? value : (fx->fip & ~0xffffffffull) | (uint32_t)value; return 0;
	case 5: fx->fdp = (uint32_t)fx->fdp | (value & 0xffff) << 32; return 0;
	case 6: fx->fdp = cpu_code64(cpu) ? value : (fx->fdp & ~0xffffffffull) | (uint32_t)value; return 0;
	default: fx->fop = value & 0x7ff; return 0;
	}
}

/* Registers of eight bytes. */
static int number_get(const struct cpu *cpu, uint32_t number, uint64_t *value)
{
	if (number < 16)
		*value = cpu->gpr[number];
	else if (number >= VMM_CPU_ES && number < VMM_CPU_ES + CPU_SEGMENTS)
		*value = cpu->segment[number - VMM_CPU_ES].selector;
	else if (number >= VMM_CPU_ES_BASE && number < VMM_CPU_ES_BASE + CPU_SEGMENTS)
		*value = cpu->segment[number - VMM_CPU_ES_BASE].base;
	else if (number >= VMM_CPU_FCW && number < VMM_CPU_FCW + 8)
		*value = x87_get(cpu, number - VMM_CPU_FCW);
	else
		switch (number) {
		case VMM_CPU_RIP: *value = cpu->rip; break;
		case VMM_CPU_RFLAGS: *value = cpu_rflags(cpu); break;
		case VMM_CPU_CR0: *value = cpu->cr0; break;
		case VMM_CPU_CR2: *value = cpu->cr2; break;
		case VMM_CPU_CR3: *value = cpu->cr3; break;
		case VMM_CPU_CR4: *value = cpu->cr4; break;
		case VMM_CPU_CR8: *value = cpu->apic ? apic_tpr_read(cpu->apic) : 0; break;
		case VMM_CPU_EFER: *value = cpu->efer; break;
		case VMM_CPU_CODE_WIDTH:
			*value = cpu_code64(cpu) ? 64 : cpu->segment[CPU_CS].attributes & CPU_SEGMENT_DB ? 32 : 16;
			break;
		case VMM_CPU_CPL: *value = cpu->cpl; break;
		case VMM_CPU_MXCSR: *value = cpu->fx.mxcsr; break;
		default: return -ENOENT;
		}
	return 0;
}

static int number_set(struct cpu *cpu, uint32_t number, uint64_t value)
{
	const uint64_t flags = CPU_FLAGS_ARITHMETIC | CPU_FLAG_TF | CPU_FLAG_IF | CPU_FLAG_DF | CPU_FLAG_IOPL |
		CPU_FLAG_NT | CPU_FLAG_RF | CPU_FLAG_AC | CPU_FLAG_VIF | CPU_FLAG_VIP | CPU_FLAG_ID;

	if (number < 16) {
		cpu->gpr[number] = value;
		return 0;
	}
	if (number >= VMM_CPU_ES_BASE && number < VMM_CPU_ES_BASE + CPU_SEGMENTS) {
		cpu->segment[number - VMM_CPU_ES_BASE].base = value;
		cpu_mode_update(cpu);
		return 0;
	}
	if (number >= VMM_CPU_FCW && number < VMM_CPU_FCW + 8)
		return x87_set(cpu, number - VMM_CPU_FCW, value);
	switch (number) {
	case VMM_CPU_RIP: cpu->rip = value & cpu->ip_mask; return 0;
	case VMM_CPU_RFLAGS: cpu_rflags_write(cpu, value, flags); return 0;
	/* As MOV to them would, but for what only code can do. */
	case VMM_CPU_CR0: return (value ^ cpu->cr0) >> 31 & 1 || cr0_write(cpu, value) != CPU_OK ? -EINVAL : 0;
	case VMM_CPU_CR2: cpu->cr2 = value; return 0;
	case VMM_CPU_CR3: return cr3_write(cpu, value) != CPU_OK ? -EINVAL : 0;
	case VMM_CPU_CR4: return cr4_write(cpu, value) != CPU_OK ? -EINVAL : 0;
	case VMM_CPU_CR8:
		if (value >> 4 || !cpu->apic)
			return -EINVAL;
		apic_tpr_write(cpu->apic, value);
		return 0;
	case VMM_CPU_MXCSR:
		if (value & ~(uint64_t)fpu_mxcsr_mask(cpu))
			return -EINVAL;
		cpu->fx.mxcsr = (uint32_t)value;
		return 0;
	default: return -ENOENT; /* selectors come with descriptors, which only the guest's code can load */
	}
}

/* Vector registers and opmasks: where their parts are, lowest first. */
struct parts {
	uint8_t *at[3];
	unsigned size[3], count;
};

static void part_add(struct parts *parts, void *at, unsigned size)
{
	parts->at[parts->count] = at;
	parts->size[parts->count++] = size;
}

/* -ENOENT: the CPU does not have it. */
static int vector_parts(struct cpu *cpu, uint32_t number, struct parts *parts)
{
	bool avx = xcr0_allowed(cpu->model) & XCR0_AVX, avx512 = xcr0_allowed(cpu->model) & XCR0_AVX512;
	unsigned which = number % 32, bytes = number < VMM_CPU_YMM0 ? 16 : number < VMM_CPU_ZMM0 ? 32 : 64;

	parts->count = 0;
	if (number >= VMM_CPU_K0) {
		if (!avx512 || number >= VMM_CPU_K0 + 8)
			return -ENOENT;
		part_add(parts, &cpu->vector.k[number - VMM_CPU_K0], 8);
		return 0;
	}
	if ((which >= 16 || bytes == 64) ? !avx512 : bytes == 32 && !avx)
		return -ENOENT;
	if (which >= 16) {
		part_add(parts, cpu->vector.zmm[which - 16], bytes);
		return 0;
	}
	part_add(parts, cpu->fx.xmm[which], 16);
	if (bytes >= 32)
		part_add(parts, cpu->vector.ymm_high[which], 16);
	if (bytes == 64)
		part_add(parts, cpu->vector.zmm_high[which], 32);
	return 0;
}

static int parts_copy(const struct parts *parts, void *value, uint32_t size, bool write)
{
	uint8_t *bytes = value;
	unsigned whole = 0;

	for (unsigned i = 0; i < parts->count; i++)
		whole += parts->size[i];
	if (size != whole)
		return -EINVAL;
	for (unsigned i = 0; i < parts->count; bytes += parts->size[i++])
		memcpy(write ? parts->at[i] : bytes, write ? bytes : parts->at[i], parts->size[i]);
	return 0;
}

int debug_register(struct cpu *cpu, uint32_t number, void *value, uint32_t size, bool write)
{
	struct parts parts = { .count = 0 };
	uint64_t word = 0;
	int status;

	if (number >= VMM_CPU_ST0 && number < VMM_CPU_ST0 + 8) {
		part_add(&parts, cpu->fx.st[number - VMM_CPU_ST0], 10);
		return parts_copy(&parts, value, size, write);
	}
	if (number >= VMM_CPU_XMM0) {
		status = vector_parts(cpu, number, &parts);
		return status ? status : parts_copy(&parts, value, size, write);
	}
	status = number_get(cpu, number, &word);
	if (status)
		return status;
	if (size != 8)
		return -EINVAL;
	if (!write) {
		memcpy(value, &word, 8);
		return 0;
	}
	memcpy(&word, value, 8);
	return number_set(cpu, number, word);
}
