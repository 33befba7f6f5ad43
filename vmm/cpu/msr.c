/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * RDMSR, WRMSR, RDTSC, RDPMC, CPUID.
 */
#include "vmm/cpu/apic.h"
#include "vmm/cpu/model.h"
#include "vmm/cpu/operand.h"
#include "vmm/cpu/system.h"

#define MSR_TSC               0x10
#define MSR_PLATFORM_ID       0x17
#define MSR_APIC_BASE         0x1b
#define MSR_TSC_ADJUST        0x3b
#define MSR_MICROCODE_UPDATE  0x79
#define MSR_MICROCODE         0x8b
#define MSR_PERFCTR0          0xc1
#define MSR_MTRRCAP           0xfe
#define MSR_SPEC_CTRL         0x48
#define MSR_PRED_CMD          0x49
#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_SYSENTER_CS       0x174
#define MSR_SYSENTER_ESP      0x175
#define MSR_SYSENTER_EIP      0x176
#define MSR_MCG_CAP           0x179
#define MSR_MCG_STATUS        0x17a
#define MSR_EVNTSEL0          0x186
#define MSR_MISC_ENABLE       0x1a0
#define MSR_DEBUGCTL          0x1d9
#define MSR_MTRR_PHYSICAL     0x200
#define MSR_MTRR_FIX64K       0x250
#define MSR_MTRR_FIX16K       0x258
#define MSR_MTRR_FIX4K        0x268
#define MSR_PAT               0x277
#define MSR_MTRR_DEFAULT      0x2ff
#define MSR_TSC_DEADLINE      0x6e0
#define MSR_X2APIC            0x800
#define MSR_EFER              0xc0000080
#define MSR_STAR              0xc0000081
#define MSR_LSTAR             0xc0000082
#define MSR_CSTAR             0xc0000083
#define MSR_FMASK             0xc0000084
#define MSR_FS_BASE           0xc0000100
#define MSR_GS_BASE           0xc0000101
#define MSR_KERNEL_GS_BASE    0xc0000102
#define MSR_TSC_AUX           0xc0000103

#define MTRR_RANGES 8u

static bool has_edx(const struct cpu *cpu, unsigned bit)
{
	return cpu->model->features_1_edx >> bit & 1;
}

static bool is_p6(const struct cpu *cpu)
{
	return cpu->model->family == 6 && memcmp(cpu->model->vendor, "GenuineIntel", 12) == 0;
}

/* Of the Pentium 4 and the P6 from the Pentium M on (SDM vol. 4, table 2-2: 06_0DH). */
static bool has_misc_enable(const struct cpu *cpu)
{
	return cpu->model->family > 6 || (cpu->model->family == 6 && cpu->model->model >= 0xd);
}

/* The Pentium's local APIC cannot be moved (SDM vol. 4, table 2-2: 06_01H). */
static bool has_apic_base(const struct cpu *cpu)
{
	return cpu->apic && cpu->model->family >= 6;
}

/* The index of a fixed-range MTRR, or -1. */
static int mtrr_fixed_index(uint32_t msr)
{
	if (msr == MSR_MTRR_FIX64K)
		return 0;
	if (msr == MSR_MTRR_FIX16K || msr == MSR_MTRR_FIX16K + 1)
		return 1 + (int)(msr - MSR_MTRR_FIX16K);
	if (msr >= MSR_MTRR_FIX4K && msr < MSR_MTRR_FIX4K + 8)
		return 3 + (int)(msr - MSR_MTRR_FIX4K);
	return -1;
}

static bool memory_type_valid(uint8_t type, bool is_pat)
{
	return type == 0 || type == 1 || (type >= 4 && type <= 6) || (is_pat && type == 7);
}

static bool memory_types_valid(uint64_t value, bool is_pat)
{
	for (unsigned i = 0; i < 64; i += 8)
		if (!memory_type_valid((uint8_t)(value >> i), is_pat))
			return false;
	return true;
}

/* false: no such MSR. */
static bool mtrr_access(struct cpu *cpu, uint32_t msr, uint64_t *value, bool write)
{
	uint64_t reserved = ~((1ull << cpu->model->physical_bits) - 1);
	int fixed = mtrr_fixed_index(msr);
	uint64_t *home;

	if (!has_edx(cpu, 12))
		return false;
	if (msr == MSR_MTRRCAP) {
		*value = 0x500 | MTRR_RANGES; /* fixed ranges, write combining */
		return !write;
	}
	if (msr == MSR_MTRR_DEFAULT) {
		home = &cpu->mtrr_default;
		if (write && (*value & ~0xcffull || !memory_type_valid((uint8_t)*value, false)))
			return false;
	} else if (fixed >= 0) {
		home = &cpu->mtrr_fixed[fixed];
		if (write && !memory_types_valid(*value, false))
			return false;
	} else if (msr >= MSR_MTRR_PHYSICAL && msr < MSR_MTRR_PHYSICAL + 2 * MTRR_RANGES) {
		home = &cpu->mtrr_physical[msr - MSR_MTRR_PHYSICAL];
		if (write && *value & (reserved | (msr & 1 ? 0x7ff : 0xf00)))
			return false;
		if (write && !(msr & 1) && !memory_type_valid((uint8_t)*value, false))
			return false;
	} else {
		return false;
	}
	if (write)
		*home = *value;
	else
		*value = *home;
	return true;
}

/* Machine check: four banks that never have anything to report. */
static bool mce_read(const struct cpu *cpu, uint32_t msr, uint64_t *value)
{
	*value = 0;
	if (msr < 2)
		return has_edx(cpu, 7); /* P5_MC_ADDR, P5_MC_TYPE */
	if (!has_edx(cpu, 14))
		return false;
	if (msr == MSR_MCG_CAP)
		*value = 4;
	else if (msr == MSR_MCG_STATUS)
		*value = cpu->mcg_status;
	else
		return msr >= 0x400 && msr < 0x410;
	return true;
}

static bool mce_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
	if (msr < 2)
		return has_edx(cpu, 7);
	if (!has_edx(cpu, 14))
		return false;
	if (msr == MSR_MCG_STATUS) {
		cpu->mcg_status = value & 7;
		return true;
	}
	/* Controls take ones or zeros; status registers only zero. */
	if (msr >= 0x400 && msr < 0x410)
		return (msr & 3) == 0 || value == 0;
	return false;
}

static bool has_lm(const struct cpu *cpu)
{
	return cpu->model->features_ext_edx & CPU_FEATURE_LM;
}

/* Where an MSR of Intel 64 that holds a plain value has it; NULL: it is none. */
static uint64_t *long_home(struct cpu *cpu, uint32_t msr)
{
	switch (msr) {
	case MSR_STAR: return &cpu->star;
	case MSR_LSTAR: return &cpu->lstar;
	case MSR_CSTAR: return &cpu->cstar;
	case MSR_FMASK: return &cpu->sfmask;
	case MSR_FS_BASE: return &cpu->segment[CPU_FS].base;
	case MSR_GS_BASE: return &cpu->segment[CPU_GS].base;
	case MSR_KERNEL_GS_BASE: return &cpu->kernel_gs_base;
	default: return NULL;
	}
}

static bool long_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
	if (msr == MSR_FMASK ? value >> 32 != 0 : msr != MSR_STAR && !cpu_canonical(cpu, value))
		return false;
	*long_home(cpu, msr) = value;
	if (msr == MSR_FS_BASE || msr == MSR_GS_BASE)
		cpu_segment_update(cpu, msr == MSR_FS_BASE ? CPU_FS : CPU_GS);
	return true;
}

static bool msr_read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
	bool sep = has_edx(cpu, 11);

	*value = 0;
	switch (msr) {
	case MSR_TSC: *value = cpu_tsc(cpu); return has_edx(cpu, 4);
	case MSR_TSC_ADJUST: *value = cpu->tsc_adjust; return cpu->model->features_7_ebx >> 1 & 1;
	case MSR_PLATFORM_ID: return cpu->model->family >= 6;
	case MSR_APIC_BASE:
		if (!has_apic_base(cpu))
			return false;
		*value = apic_base_read(cpu->apic);
		return true;
	case MSR_MICROCODE: *value = cpu->microcode_revision; return cpu->model->family >= 6;
	case MSR_ARCH_CAPABILITIES:
		*value = cpu_model_arch_capabilities(cpu->model);
		return cpu->model->features_7_edx & CPU_FEATURE_ARCH_CAPABILITIES;
	case MSR_SPEC_CTRL: *value = cpu->spec_ctrl; return cpu->model->features_7_edx & CPU_FEATURE_SPEC_CTRL;
	case MSR_SYSENTER_CS: *value = cpu->sysenter_cs; return sep;
	case MSR_SYSENTER_ESP: *value = cpu->sysenter_esp; return sep;
	case MSR_SYSENTER_EIP: *value = cpu->sysenter_eip; return sep;
	case MSR_MISC_ENABLE: *value = cpu->misc_enable; return has_misc_enable(cpu);
	case MSR_DEBUGCTL: *value = cpu->debugctl; return cpu->model->family >= 6;
	case MSR_PAT: *value = cpu->pat; return has_edx(cpu, 16);
	case MSR_EFER:
		*value = cpu->efer;
		return cpu->model->features_ext_edx & (CPU_FEATURE_NX | CPU_FEATURE_LM | CPU_FEATURE_SYSCALL);
	case MSR_TSC_AUX: *value = cpu->tsc_aux; return cpu->model->features_ext_edx & CPU_FEATURE_RDTSCP;
	case MSR_PERFCTR0:
	case MSR_PERFCTR0 + 1:
	case MSR_EVNTSEL0:
	case MSR_EVNTSEL0 + 1: return is_p6(cpu);
	default: break;
	}
	if (msr == MSR_TSC_DEADLINE || (msr >= MSR_X2APIC && msr < MSR_X2APIC + 0x40))
		return cpu->apic && apic_msr_read(cpu->apic, msr, value) == 0;
	if (has_lm(cpu) && long_home(cpu, msr)) {
		*value = *long_home(cpu, msr);
		return true;
	}
	return mtrr_access(cpu, msr, value, false) || mce_read(cpu, msr, value);
}

static bool efer_write(struct cpu *cpu, uint64_t value)
{
	uint64_t allowed = 0;

	if (cpu->model->features_ext_edx & CPU_FEATURE_NX)
		allowed |= CPU_EFER_NXE;
	if (cpu->model->features_ext_edx & CPU_FEATURE_SYSCALL)
		allowed |= CPU_EFER_SCE;
	if (has_lm(cpu))
		allowed |= CPU_EFER_LME | CPU_EFER_LMA;
	if (!allowed || value & ~allowed)
		return false;
	if ((cpu->efer ^ value) & CPU_EFER_LME && cpu->cr0 & CPU_CR0_PG)
		return false;
	/* LMA only shows what is. */
	value = (value & ~(uint64_t)CPU_EFER_LMA) | (cpu->efer & CPU_EFER_LMA);
	if ((cpu->efer ^ value) & CPU_EFER_NXE)
		tlb_flush(cpu, true);
	cpu->efer = value;
	return true;
}

static bool msr_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
	bool sep = has_edx(cpu, 11);
	int64_t by;

	switch (msr) {
	case MSR_TSC:
		by = (int64_t)(value - cpu_tsc(cpu));
		cpu->tsc_offset += by;
		cpu->tsc_adjust += (uint64_t)by;
		return has_edx(cpu, 4);
	case MSR_TSC_ADJUST:
		if (!(cpu->model->features_7_ebx >> 1 & 1))
			return false;
		cpu->tsc_offset += (int64_t)(value - cpu->tsc_adjust);
		cpu->tsc_adjust = value;
		return true;
	case MSR_APIC_BASE:
		if (!has_apic_base(cpu) || apic_base_write(cpu->apic, value) != 0)
			return false;
		tlb_flush(cpu, true); /* the register page moved */
		return true;
	case MSR_MICROCODE_UPDATE:
		/* An update that is not for this processor: no effect. */
		return cpu->model->family >= 6;
	case MSR_MICROCODE:
		/* Cleared by software before CPUID brings the revision (SDM vol. 3A, 9.11.7); ours is 0 unless set. */
		return cpu->model->family >= 6;
	case MSR_SPEC_CTRL: /* IBRS, STIBP, which may be written wherever IBRS is, and BHI_DIS_S */
		if (!(cpu->model->features_7_edx & CPU_FEATURE_SPEC_CTRL) || value & ~0x403ull)
			return false;
		cpu->spec_ctrl = value;
		return true;
	case MSR_PRED_CMD: /* IBPB: there is nothing to be forgotten */
		return cpu->model->features_7_edx & CPU_FEATURE_SPEC_CTRL && !(value & ~1ull);
	case MSR_SYSENTER_CS: cpu->sysenter_cs = value; return sep;
	case MSR_SYSENTER_ESP:
	case MSR_SYSENTER_EIP:
		if (!sep || !cpu_canonical(cpu, value))
			return false;
		*(msr == MSR_SYSENTER_ESP ? &cpu->sysenter_esp : &cpu->sysenter_eip) = value;
		return true;
	case MSR_TSC_AUX:
		if (!(cpu->model->features_ext_edx & CPU_FEATURE_RDTSCP) || value >> 32)
			return false;
		cpu->tsc_aux = value;
		return true;
	case MSR_MISC_ENABLE: cpu->misc_enable = value; return has_misc_enable(cpu);
	case MSR_DEBUGCTL:
		if (cpu->model->family < 6 || value & ~0x3ull)
			return false;
		cpu->debugctl = value;
		return true;
	case MSR_PAT:
		if (!has_edx(cpu, 16) || !memory_types_valid(value, true))
			return false;
		cpu->pat = value;
		return true;
	case MSR_EFER: return efer_write(cpu, value);
	case MSR_PERFCTR0:
	case MSR_PERFCTR0 + 1:
	case MSR_EVNTSEL0:
	case MSR_EVNTSEL0 + 1: return is_p6(cpu);
	default: break;
	}
	if (msr == MSR_TSC_DEADLINE || (msr >= MSR_X2APIC && msr < MSR_X2APIC + 0x40)) {
		cpu->attention = true;
		return cpu->apic && apic_msr_write(cpu->apic, msr, value) == 0;
	}
	if (has_lm(cpu) && long_home(cpu, msr))
		return long_write(cpu, msr, value);
	return mtrr_access(cpu, msr, &value, true) || mce_write(cpu, msr, value);
}

static void edx_eax_set(struct cpu *cpu, uint64_t value)
{
	cpu->gpr[CPU_RAX] = (uint32_t)value;
	cpu->gpr[CPU_RDX] = value >> 32;
}

static int rdmsr(struct cpu *cpu, const struct insn *insn)
{
	uint64_t value;

	(void)insn;
	if (cpu->cpl || !msr_read(cpu, (uint32_t)cpu->gpr[CPU_RCX], &value))
		return cpu_raise_error(cpu, CPU_GP, 0);
	edx_eax_set(cpu, value);
	return CPU_END;
}

static int wrmsr(struct cpu *cpu, const struct insn *insn)
{
	uint64_t value = (uint64_t)(uint32_t)cpu->gpr[CPU_RDX] << 32 | (uint32_t)cpu->gpr[CPU_RAX];

	(void)insn;
	if (cpu->cpl || !msr_write(cpu, (uint32_t)cpu->gpr[CPU_RCX], value))
		return cpu_raise_error(cpu, CPU_GP, 0);
	return CPU_END;
}

static int rdtsc(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	if (cpu->cr4 & CPU_CR4_TSD && cpu->cpl)
		return cpu_raise_error(cpu, CPU_GP, 0);
	edx_eax_set(cpu, cpu_tsc(cpu));
	return CPU_OK;
}

int rdtscp(struct cpu *cpu, const struct insn *insn)
{
	if (rdtsc(cpu, insn) != CPU_OK)
		return CPU_FAULT;
	cpu->gpr[CPU_RCX] = (uint32_t)cpu->tsc_aux;
	return CPU_OK;
}

static int rdpmc(struct cpu *cpu, const struct insn *insn)
{
	(void)insn;
	if ((cpu->cpl && !(cpu->cr4 & CPU_CR4_PCE)) || (uint32_t)cpu->gpr[CPU_RCX] > 1)
		return cpu_raise_error(cpu, CPU_GP, 0);
	edx_eax_set(cpu, 0);
	return CPU_OK;
}

static int cpuid(struct cpu *cpu, const struct insn *insn)
{
	uint32_t out[4];

	(void)insn;
	cpu_cpuid(cpu, (uint32_t)cpu->gpr[CPU_RAX], (uint32_t)cpu->gpr[CPU_RCX], out);
	cpu->gpr[CPU_RAX] = out[0];
	cpu->gpr[CPU_RBX] = out[1];
	cpu->gpr[CPU_RCX] = out[2];
	cpu->gpr[CPU_RDX] = out[3];
	return CPU_OK;
}

insn_execute *msr_select(struct cpu *cpu, struct insn *insn)
{
	switch (insn->opcode) {
	case 0x130: return has_edx(cpu, 5) ? wrmsr : NULL;
	case 0x131: return has_edx(cpu, 4) ? rdtsc : NULL;
	case 0x132: return has_edx(cpu, 5) ? rdmsr : NULL;
	case 0x133: return is_p6(cpu) ? rdpmc : NULL;
	default: return cpuid;
	}
}
