/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * CPU models and the CPUID instruction (SDM vol. 2A, CPUID).
 *
 * What a model announces is what the engine executes: every feature word is and-ed with a mask of what exists,
 * so a model can be written down as the real part was.  A new instruction set adds its bit to a mask.
 *
 * Family, model and stepping are of late, well-behaved steppings, so that guests that know errata do not go out
 * of their way.  All models say GenuineIntel: guests poke at AMD's model-specific registers unasked, but ask
 * CPUID first for Intel's.
 */
#include "vmm/cpu/model.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>

#include "vmm/cpu/apic.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/feature.h"
#include "vmm/cpu/mode.h"
#include "vmm/cpu/xsave.h"

/* What the engine can execute. */
#define ENGINE_1_EDX \
	(CPU_FEATURE_FPU | CPU_FEATURE_VME | CPU_FEATURE_DE | CPU_FEATURE_PSE | CPU_FEATURE_TSC | CPU_FEATURE_MSR | \
		CPU_FEATURE_PAE | CPU_FEATURE_MCE | CPU_FEATURE_CX8 | CPU_FEATURE_APIC | CPU_FEATURE_SEP | \
		CPU_FEATURE_MTRR | CPU_FEATURE_PGE | CPU_FEATURE_MCA | CPU_FEATURE_CMOV | CPU_FEATURE_PAT | \
		CPU_FEATURE_PSE36 | CPU_FEATURE_CLFSH | CPU_FEATURE_MMX | CPU_FEATURE_FXSR | CPU_FEATURE_SSE | \
		CPU_FEATURE_SSE2)
#define ENGINE_1_ECX \
	(CPU_FEATURE_CX16 | CPU_FEATURE_PCID | CPU_FEATURE_X2APIC | CPU_FEATURE_TSC_DEADLINE | \
		CPU_FEATURE_HYPERVISOR | VECTOR_1_ECX | SCALAR_1_ECX)
#define ENGINE_7_EBX \
	(CPU_FEATURE_FSGSBASE | CPU_FEATURE_TSC_ADJUST | CPU_FEATURE_SMEP | CPU_FEATURE_ERMS | CPU_FEATURE_INVPCID | \
		CPU_FEATURE_SMAP | VECTOR_7_EBX | SCALAR_7_EBX)
#define ENGINE_7_ECX (CPU_FEATURE_UMIP | CPU_FEATURE_RDPID | VECTOR_7_ECX)
#define ENGINE_7_EDX (CPU_FEATURE_SPEC_CTRL | CPU_FEATURE_ARCH_CAPABILITIES)
#define ENGINE_EXT_EDX \
	(CPU_FEATURE_SYSCALL | CPU_FEATURE_NX | CPU_FEATURE_PDPE1GB | CPU_FEATURE_RDTSCP | CPU_FEATURE_LM)
#define ENGINE_EXT_ECX (CPU_FEATURE_LAHF64 | BIT(LZCNT))
#define ENGINE_XSAVE   (BIT(XSAVEOPT) | BIT(XSAVEC) | BIT(XGETBV1))

/* Instruction sets beyond SSE2, which run natively: a model can have of them what the host has. */
#define BIT(name) (1u << (FEATURE_##name & 31))
#define VECTOR_1_ECX \
	(BIT(SSE3) | BIT(PCLMULQDQ) | BIT(SSSE3) | BIT(FMA) | BIT(SSE4_1) | BIT(SSE4_2) | BIT(AES) | BIT(AVX) | \
		BIT(F16C))
#define VECTOR_7_EBX  (BIT(AVX2) | VECTOR_AVX512 | BIT(SHA))
#define VECTOR_AVX512 (BIT(AVX512F) | BIT(AVX512DQ) | BIT(AVX512_IFMA) | BIT(AVX512CD) | BIT(AVX512BW) | BIT(AVX512VL))
#define VECTOR_7_ECX  (VECTOR_7_ECX_AVX512 | BIT(GFNI) | BIT(VAES) | BIT(VPCLMULQDQ))
#define VECTOR_7_ECX_AVX512 \
	(BIT(AVX512_VBMI) | BIT(AVX512_VBMI2) | BIT(AVX512_VNNI) | BIT(AVX512_BITALG) | BIT(AVX512_VPOPCNTDQ))
#define VECTOR_7_1_EAX BIT(AVX512_BF16)
/* Those that the interpreter does itself. */
#define SCALAR_1_ECX (BIT(MOVBE) | BIT(POPCNT) | BIT(XSAVE) | BIT(RDRAND))
#define SCALAR_7_EBX (BIT(BMI1) | BIT(BMI2) | BIT(RDSEED) | BIT(ADX) | BIT(CLFLUSHOPT) | BIT(CLWB))

/* The levels of the x86-64 psABI. */
#define ECX_V1     (CPU_FEATURE_HYPERVISOR | CPU_FEATURE_X2APIC | CPU_FEATURE_TSC_DEADLINE)
#define ECX_V2     (ECX_V1 | BIT(SSE3) | BIT(SSSE3) | BIT(SSE4_1) | BIT(SSE4_2) | BIT(POPCNT) | CPU_FEATURE_CX16)
#define ECX_V3     (ECX_V2 | BIT(FMA) | BIT(MOVBE) | BIT(XSAVE) | BIT(AVX) | BIT(F16C))
#define EBX_V3     (BIT(BMI1) | BIT(AVX2) | BIT(BMI2))
#define EBX_V4     (EBX_V3 | BIT(AVX512F) | BIT(AVX512DQ) | BIT(AVX512CD) | BIT(AVX512BW) | BIT(AVX512VL))
#define EXT_EDX_V1 (CPU_FEATURE_SYSCALL | CPU_FEATURE_NX | CPU_FEATURE_RDTSCP | CPU_FEATURE_LM)
#define EXT_ECX_V2 CPU_FEATURE_LAHF64
#define EXT_ECX_V3 (EXT_ECX_V2 | BIT(LZCNT))
#define LEVEL(level) \
	.name = "x86-64-v" #level, .vendor = "GenuineIntel", .brand = "vmm virtual CPU, x86-64-v" #level, .family = 6, \
	.model = 15, .stepping = 11, .features_1_edx = EDX_PENTIUM4, .features_ext_edx = EXT_EDX_V1, .leaf_max = 0x15, \
	.leaf_ext_max = 0x80000008, .physical_bits = 40, .linear_bits = 48, .cache_line = 64

#define EDX_486 (CPU_FEATURE_FPU | CPU_FEATURE_VME)
#define EDX_PENTIUM \
	(EDX_486 | CPU_FEATURE_DE | CPU_FEATURE_PSE | CPU_FEATURE_TSC | CPU_FEATURE_MSR | CPU_FEATURE_MCE | \
		CPU_FEATURE_CX8 | CPU_FEATURE_APIC)
#define EDX_PENTIUM3 \
	(EDX_PENTIUM | CPU_FEATURE_PAE | CPU_FEATURE_SEP | CPU_FEATURE_MTRR | CPU_FEATURE_PGE | CPU_FEATURE_MCA | \
		CPU_FEATURE_CMOV | CPU_FEATURE_PAT | CPU_FEATURE_PSE36 | CPU_FEATURE_MMX | CPU_FEATURE_FXSR | \
		CPU_FEATURE_SSE)
#define EDX_PENTIUM4 (EDX_PENTIUM3 | CPU_FEATURE_CLFSH | CPU_FEATURE_SSE2)

/* IA32_ARCH_CAPABILITIES: a guest's privileged data is out of reach of its user code's speculation, since both
 * go through a software MMU and no address of one ever stands in for the other's.  What a guest can do about its
 * branches (retpolines, thunks for returns) does nothing for translated code, whose branches are others, so it is told
 * that it need not: IBRS_ALL, BHI_NO, ITS_NO. */
#define ARCH_CAPABILITIES \
	(1ull << 62 /* ITS_NO */ | 1u << 0 /* RDCL_NO: Meltdown, L1TF */ | 1u << 1 /* IBRS_ALL */ | \
		1u << 3 /* no L1 flush on VM entry */ | 1u << 4 /* SSB_NO */ | 1u << 5 /* MDS_NO */ | \
		1u << 6 /* no machine check on page size change */ | 1u << 8 /* TAA_NO */ | 1u << 13 | 1u << 14 | \
		1u << 15 /* no MMIO stale data */ | 1u << 20 /* BHI_NO */ | 1u << 24 /* PBRSB_NO */ | \
		1u << 26 /* GDS_NO */ | 1u << 27 /* RFDS_NO */)

static const struct cpu_model models[] = {
	{ .name = "host",
		.vendor = "GenuineIntel",
		.brand = "vmm virtual CPU",
		.family = 6,
		.model = 15,
		.stepping = 11,
		.features_1_edx = ~0u,
		.features_1_ecx = ~0u,
		.features_7_ebx = ~0u,
		.features_7_ecx = ~0u,
		.features_7_edx = ~0u,
		.features_ext_edx = ~0u,
		.features_ext_ecx = ~0u,
		.features_7_1_eax = ~0u,
		.features_xsave_eax = ~0u,
		.leaf_max = 0x15,
		.leaf_ext_max = 0x80000008,
		.physical_bits = 40,
		.linear_bits = 48,
		.cache_line = 64 },
	{ .name = "486", /* DX4: the first with CPUID */
		.vendor = "GenuineIntel",
		.family = 4,
		.model = 8,
		.stepping = 0,
		.features_1_edx = EDX_486,
		.leaf_max = 1,
		.physical_bits = 32,
		.linear_bits = 32,
		.cache_line = 16 },
	{ .name = "pentium",
		.vendor = "GenuineIntel",
		.family = 5,
		.model = 2,
		.stepping = 12,
		.features_1_edx = EDX_PENTIUM,
		.leaf_max = 1,
		.physical_bits = 32,
		.linear_bits = 32,
		.cache_line = 32 },
	{ .name = "pentium3", /* Coppermine */
		.vendor = "GenuineIntel",
		.family = 6,
		.model = 8,
		.stepping = 10,
		.features_1_edx = EDX_PENTIUM3,
		.features_1_ecx = CPU_FEATURE_HYPERVISOR,
		.leaf_max = 2,
		.physical_bits = 36,
		.linear_bits = 32,
		.cache_line = 32 },
	{ .name = "pentium4", /* Northwood */
		.vendor = "GenuineIntel",
		.brand = "Intel(R) Pentium(R) 4 CPU 2.60GHz",
		.family = 15,
		.model = 2,
		.stepping = 9,
		.features_1_edx = EDX_PENTIUM4,
		.features_1_ecx = CPU_FEATURE_HYPERVISOR,
		.leaf_max = 2,
		.leaf_ext_max = 0x80000004,
		.physical_bits = 36,
		.linear_bits = 32,
		.cache_line = 64 },
	{ .name = "core2",
		.vendor = "GenuineIntel",
		.brand = "Intel(R) Core(TM)2 Duo CPU     E6750  @ 2.66GHz",
		.family = 6,
		.model = 15,
		.stepping = 11,
		.features_1_edx = EDX_PENTIUM4,
		.features_1_ecx = CPU_FEATURE_HYPERVISOR | CPU_FEATURE_CX16 | BIT(SSE3) | BIT(SSSE3),
		.features_ext_edx = CPU_FEATURE_SYSCALL | CPU_FEATURE_NX | CPU_FEATURE_LM,
		.features_ext_ecx = CPU_FEATURE_LAHF64,
		.leaf_max = 10,
		.leaf_ext_max = 0x80000008,
		.physical_bits = 36,
		.linear_bits = 48,
		.cache_line = 64 },
	{ LEVEL(1), .features_1_ecx = ECX_V1 },
	{ LEVEL(2), .features_1_ecx = ECX_V2, .features_ext_ecx = EXT_ECX_V2 },
	{ LEVEL(3), .features_1_ecx = ECX_V3, .features_7_ebx = EBX_V3, .features_ext_ecx = EXT_ECX_V3,
		.features_xsave_eax = ENGINE_XSAVE },
	{ LEVEL(4), .features_1_ecx = ECX_V3, .features_7_ebx = EBX_V4, .features_ext_ecx = EXT_ECX_V3,
		.features_xsave_eax = ENGINE_XSAVE },
};
#define MODELS (sizeof(models) / sizeof(models[0]))

static const char *const names[] = { "host", "486", "pentium", "pentium3", "pentium4", "core2", "x86-64-v1",
	"x86-64-v2", "x86-64-v3", "x86-64-v4", NULL };

const char *const *cpu_model_names(void)
{
	return names;
}

/* Of the instruction sets that run natively, those that this host has, operating system included. */
static void host_features(struct cpu_model *host)
{
	uint32_t eax, ebx, ecx, edx, xcr0 = 0;

	memset(host, 0, sizeof(*host));
	if (__get_cpuid(1, &eax, &ebx, &ecx, &edx))
		host->features_1_ecx = ecx;
	if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
		host->features_7_ebx = ebx;
		host->features_7_ecx = ecx;
		if (eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx))
			host->features_7_1_eax = eax;
	}
	if (host->features_1_ecx & CPU_FEATURE_OSXSAVE)
		__asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(edx) : "c"(0));
	if ((xcr0 & 6) != 6) {
		host->features_1_ecx &= ~(BIT(AVX) | BIT(FMA) | BIT(F16C));
		host->features_7_ebx &= ~BIT(AVX2);
		host->features_7_ecx &= ~(BIT(VAES) | BIT(VPCLMULQDQ));
	}
	/* thunks move opmasks of 64 bits */
	if ((xcr0 & 0xe6) != 0xe6 || !(host->features_7_ebx & BIT(AVX512BW))) {
		host->features_7_ebx &= ~VECTOR_AVX512;
		host->features_7_ecx &= ~VECTOR_7_ECX_AVX512;
		host->features_7_1_eax &= ~VECTOR_7_1_EAX;
	}
}

static void features_limit(struct cpu_model *model)
{
	model->features_1_edx &= ENGINE_1_EDX;
	model->features_1_ecx &= ENGINE_1_ECX;
	model->features_7_ebx &= ENGINE_7_EBX;
	model->features_7_ecx &= ENGINE_7_ECX;
	model->features_7_edx &= ENGINE_7_EDX;
	model->features_ext_edx &= ENGINE_EXT_EDX;
	model->features_ext_ecx &= ENGINE_EXT_ECX;
	model->features_7_1_eax &= VECTOR_7_1_EAX;
	model->features_xsave_eax &= ENGINE_XSAVE;
}

/* What must run natively and cannot here; with `drop`, the model does without. */
static bool host_limit(struct cpu_model *model, bool drop)
{
	struct cpu_model host;

	host_features(&host);
	host.features_1_ecx |= ~VECTOR_1_ECX;
	host.features_7_ebx |= ~VECTOR_7_EBX;
	if (drop) {
		model->features_1_ecx &= host.features_1_ecx;
		model->features_7_ebx &= host.features_7_ebx;
		model->features_7_ecx &= host.features_7_ecx;
		model->features_7_1_eax &= host.features_7_1_eax;
		return false;
	}
	return model->features_1_ecx & ~host.features_1_ecx || model->features_7_ebx & ~host.features_7_ebx ||
		model->features_7_ecx & ~host.features_7_ecx || model->features_7_1_eax & ~host.features_7_1_eax;
}

static const struct cpu_model *model_named(const char *name)
{
	for (unsigned i = 0; i < MODELS; i++)
		if (!strcmp(name, models[i].name))
			return &models[i];
	return NULL;
}

int cpu_model_find(const char *name, struct cpu_model *model)
{
	const struct cpu_model *found = model_named(name ? name : "host");

	if (!found)
		return -ENOENT;
	*model = *found;
	features_limit(model);
	return host_limit(model, found == models) ? -EOPNOTSUPP : 0;
}

const char *cpu_model_lacks(const char *name)
{
	static const struct {
		uint8_t feature;
		const char *name;
	} sets[] = { { FEATURE_SSE3, "SSE3" }, { FEATURE_SSSE3, "SSSE3" }, { FEATURE_SSE4_1, "SSE4.1" },
		{ FEATURE_SSE4_2, "SSE4.2" }, { FEATURE_AVX, "AVX" }, { FEATURE_F16C, "F16C" }, { FEATURE_FMA, "FMA" },
		{ FEATURE_AVX2, "AVX2" }, { FEATURE_AVX512F, "AVX512F" }, { FEATURE_AVX512BW, "AVX512BW" },
		{ FEATURE_AVX512CD, "AVX512CD" }, { FEATURE_AVX512DQ, "AVX512DQ" }, { FEATURE_AVX512VL, "AVX512VL" } };
	const struct cpu_model *model = model_named(name);
	struct cpu_model host;

	host_features(&host);
	for (unsigned i = 0; model && i < sizeof(sets) / sizeof(sets[0]); i++)
		if (model_has(model, sets[i].feature) && !model_has(&host, sets[i].feature))
			return sets[i].name;
	return NULL;
}

uint64_t cpu_model_arch_capabilities(const struct cpu_model *model)
{
	return model->features_7_edx & CPU_FEATURE_ARCH_CAPABILITIES ? ARCH_CAPABILITIES : 0;
}

/* ---- CPUID ---- */

/* Bits of an APIC ID below the package: all CPUs are cores of one package where the model has leaf 4. */
static unsigned package_shift(const struct cpu *cpu)
{
	unsigned shift = 0;
	if (cpu->model->leaf_max >= 4)
		while (1u << shift < cpu->count && shift < 8)
			shift++;
	return shift;
}

static bool has_apic(const struct cpu *cpu)
{
	return cpu->apic && apic_base_read(cpu->apic) & 1u << 11;
}

static void leaf_features(const struct cpu *cpu, uint32_t out[4])
{
	const struct cpu_model *m = cpu->model;
	unsigned family = m->family > 15 ? 15 : m->family;
	out[0] = m->stepping | (m->model & 15u) << 4 | family << 8 | (uint32_t)(m->family - family) << 20;
	if (m->family == 6 || m->family >= 15)
		out[0] |= (m->model & 0xf0u) << 12;
	out[1] = cpu->index << 24;
	if (m->features_1_edx & CPU_FEATURE_CLFSH)
		out[1] |= m->cache_line / 8 << 8;
	out[2] = m->features_1_ecx;
	out[3] = m->features_1_edx;
	if (m->features_1_ecx & CPU_FEATURE_XSAVE && cpu->cr4 & CPU_CR4_OSXSAVE)
		out[2] |= CPU_FEATURE_OSXSAVE;
	unsigned shift = package_shift(cpu);
	if (shift) {
		out[1] |= 1u << shift << 16;
		out[3] |= CPU_FEATURE_HT;
	}
	if (!has_apic(cpu)) {
		/* SDM vol. 3A, 10.4.3: the bit follows IA32_APIC_BASE[11] */
		out[3] &= ~CPU_FEATURE_APIC;
		out[2] &= ~(CPU_FEATURE_X2APIC | CPU_FEATURE_TSC_DEADLINE);
	}
}

/* Leaf 2: one-byte descriptors of the caches, for guests that do not ask leaf 4. */
static void leaf_descriptors(const struct cpu *cpu, uint32_t out[4])
{
	switch (cpu->model->family << 8 | cpu->model->model) {
	case 0x608: /* TLBs; L1 16 KiB, L2 256 KiB */
		out[0] = 0x03020101;
		out[3] = 0x0c040882;
		break;
	case 0xf02: /* TLBs; trace cache, L1 8 KiB, L2 512 KiB */
		out[0] = 0x665b5001;
		out[3] = 0x007b7040;
		break;
	default: /* TLBs; L1 32 KiB, L2 4 MiB */
		out[0] = 0x05b0b101;
		out[1] = 0x005657f0;
		out[3] = 0x2cb43049;
	}
}

static void leaf_caches(const struct cpu *cpu, uint32_t subleaf, uint32_t out[4])
{
	static const struct {
		uint8_t type, level, ways;
		uint16_t sets;
	} caches[] = { { 1, 1, 8, 64 }, { 2, 1, 8, 64 }, { 3, 2, 16, 4096 } };
	if (subleaf >= sizeof(caches) / sizeof(caches[0]))
		return;
	out[0] = caches[subleaf].type | caches[subleaf].level << 5 | 1u << 8;
	out[0] |= ((1u << package_shift(cpu)) - 1) << 26;
	out[1] = (caches[subleaf].ways - 1u) << 22 | 63;
	out[2] = caches[subleaf].sets - 1u;
}

static void leaf_topology(const struct cpu *cpu, uint32_t subleaf, uint32_t out[4])
{
	out[2] = subleaf & 0xff;
	out[3] = cpu->index;
	if (subleaf == 0) { /* threads: one a core */
		out[1] = 1;
		out[2] |= 1u << 8;
	} else if (subleaf == 1) { /* cores */
		out[0] = package_shift(cpu);
		out[1] = cpu->count;
		out[2] |= 2u << 8;
	}
}

/*
 * Leaf 0x15: TSC frequency as a ratio to the "crystal", which guests take for the local APIC timer's input too:
 * 1 GHz here.  Linux multiplies the crystal's kHz by the numerator in 32 bits; a frequency whose ratio does not
 * fit is left out, and the guest measures.
 */
static void leaf_frequency(const struct cpu *cpu, uint32_t out[4])
{
	uint64_t crystal = 1000000000, a = cpu->tsc_hz, b = crystal;
	while (b) {
		uint64_t rest = a % b;
		a = b;
		b = rest;
	}
	if (!a || cpu->tsc_hz / a > 4294)
		return;
	out[0] = (uint32_t)(crystal / a);
	out[1] = (uint32_t)(cpu->tsc_hz / a);
	out[2] = (uint32_t)crystal;
}

static void leaf_brand(const struct cpu *cpu, unsigned part, uint32_t out[4])
{
	char text[48] = "";
	memcpy(text, cpu->model->brand, strlen(cpu->model->brand));
	memcpy(out, text + 16 * part, 16);
}

static void leaf_hypervisor(const struct cpu *cpu, uint32_t leaf, uint32_t out[4])
{
	if (leaf == 0x40000000) {
		out[0] = 0x40000010;
		memcpy(out + 1, "vmmvmmvmmvmm", 12);
	} else if (leaf == 0x40000010) { /* VMware's and KVM's convention: kHz */
		out[0] = (uint32_t)(cpu->tsc_hz / 1000);
		out[1] = 1000000;
	}
}

static void leaf_basic(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	const struct cpu_model *m = cpu->model;
	switch (leaf) {
	case 0:
		out[0] = m->leaf_max;
		memcpy(&out[1], m->vendor, 4);
		memcpy(&out[3], m->vendor + 4, 4);
		memcpy(&out[2], m->vendor + 8, 4);
		break;
	case 1: leaf_features(cpu, out); break;
	case 2: leaf_descriptors(cpu, out); break;
	case 4: leaf_caches(cpu, subleaf, out); break;
	case 6:
		out[0] = 1u << 2; /* ARAT: the APIC timer runs in every idle state */
		break;
	case 7:
		if (subleaf == 0) {
			out[1] = m->features_7_ebx;
			out[2] = m->features_7_ecx;
			out[3] = m->features_7_edx;
			out[0] = m->features_7_edx & CPU_FEATURE_SPEC_CTRL ? 2 : m->features_7_1_eax ? 1 : 0;
		} else if (subleaf == 1) {
			out[0] = m->features_7_1_eax;
		} else if (subleaf == 2 && m->features_7_edx & CPU_FEATURE_SPEC_CTRL) {
			out[3] = CPU_FEATURE_BHI_CTRL;
		}
		break;
	case 0xb:
		if (cpu->apic)
			leaf_topology(cpu, subleaf, out);
		break;
	case 0xd: xsave_cpuid(cpu, subleaf, out); break;
	case 0x15: leaf_frequency(cpu, out); break;
	default: break; /* reserved, or of a feature that no model has */
	}
}

static void leaf_extended(const struct cpu *cpu, uint32_t leaf, uint32_t out[4])
{
	const struct cpu_model *m = cpu->model;
	switch (leaf) {
	case 0x80000000: out[0] = m->leaf_ext_max; break;
	case 0x80000001:
		out[2] = m->features_ext_ecx;
		out[3] = m->features_ext_edx;
		/* Intel's show SYSCALL where it works (SDM vol. 2A, CPUID, table 3-8). */
		if (!cpu_code64(cpu))
			out[3] &= ~CPU_FEATURE_SYSCALL;
		break;
	case 0x80000002:
	case 0x80000003:
	case 0x80000004: leaf_brand(cpu, leaf - 0x80000002, out); break;
	case 0x80000006:
		out[2] = 4096u << 16 | 8u << 12 | m->cache_line; /* L2: 4 MiB, 16 ways */
		break;
	case 0x80000007:
		out[3] = 1u << 8; /* invariant TSC */
		break;
	case 0x80000008: out[0] = m->physical_bits | (uint32_t)m->linear_bits << 8; break;
	default: break;
	}
}

void cpu_cpuid(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	const struct cpu_model *m = cpu->model;
	memset(out, 0, 4 * sizeof(out[0]));
	if (leaf >> 16 == 0x4000 && m->features_1_ecx & CPU_FEATURE_HYPERVISOR) {
		leaf_hypervisor(cpu, leaf, out);
		return;
	}
	if (leaf >> 16 == 0x8000 && leaf <= m->leaf_ext_max) {
		leaf_extended(cpu, leaf, out);
		return;
	}
	/* Intel: any leaf beyond the last is the last basic one. */
	if (leaf > m->leaf_max)
		leaf = m->leaf_max;
	leaf_basic(cpu, leaf, subleaf, out);
}
