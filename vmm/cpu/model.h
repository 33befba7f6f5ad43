/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * CPU models: what CPUID shows, which is what executes (docs/engine.md).
 */
#ifndef VMM_CPU_MODEL_H
#define VMM_CPU_MODEL_H

#include <stdbool.h>
#include <stdint.h>

struct cpu;

/* Feature bits: CPUID.1:EDX */
#define CPU_FEATURE_FPU   (1u << 0)
#define CPU_FEATURE_VME   (1u << 1)
#define CPU_FEATURE_DE    (1u << 2)
#define CPU_FEATURE_PSE   (1u << 3)
#define CPU_FEATURE_TSC   (1u << 4)
#define CPU_FEATURE_MSR   (1u << 5)
#define CPU_FEATURE_PAE   (1u << 6)
#define CPU_FEATURE_MCE   (1u << 7)
#define CPU_FEATURE_CX8   (1u << 8)
#define CPU_FEATURE_APIC  (1u << 9)
#define CPU_FEATURE_SEP   (1u << 11)
#define CPU_FEATURE_MTRR  (1u << 12)
#define CPU_FEATURE_PGE   (1u << 13)
#define CPU_FEATURE_MCA   (1u << 14)
#define CPU_FEATURE_CMOV  (1u << 15)
#define CPU_FEATURE_PAT   (1u << 16)
#define CPU_FEATURE_PSE36 (1u << 17)
#define CPU_FEATURE_CLFSH (1u << 19)
#define CPU_FEATURE_MMX   (1u << 23)
#define CPU_FEATURE_FXSR  (1u << 24)
#define CPU_FEATURE_SSE   (1u << 25)
#define CPU_FEATURE_SSE2  (1u << 26)
#define CPU_FEATURE_HT    (1u << 28)
/* CPUID.1:ECX */
#define CPU_FEATURE_SSE3         (1u << 0)
#define CPU_FEATURE_CX16         (1u << 13)
#define CPU_FEATURE_PCID         (1u << 17)
#define CPU_FEATURE_X2APIC       (1u << 21)
#define CPU_FEATURE_TSC_DEADLINE (1u << 24)
#define CPU_FEATURE_XSAVE        (1u << 26)
#define CPU_FEATURE_OSXSAVE      (1u << 27)
#define CPU_FEATURE_HYPERVISOR   (1u << 31)
/* CPUID.7:EBX */
#define CPU_FEATURE_FSGSBASE   (1u << 0)
#define CPU_FEATURE_TSC_ADJUST (1u << 1)
#define CPU_FEATURE_SMEP       (1u << 7)
#define CPU_FEATURE_ERMS       (1u << 9)
#define CPU_FEATURE_INVPCID    (1u << 10)
#define CPU_FEATURE_SMAP       (1u << 20)
/* CPUID.7:ECX */
#define CPU_FEATURE_UMIP  (1u << 2)
#define CPU_FEATURE_LA57  (1u << 16)
#define CPU_FEATURE_RDPID (1u << 22)
/* CPUID.7:EDX */
#define CPU_FEATURE_BHI_CTRL          (1u << 4) /* leaf 7, 2 */
#define CPU_FEATURE_SPEC_CTRL         (1u << 26)
#define CPU_FEATURE_ARCH_CAPABILITIES (1u << 29)
/* CPUID.80000001:ECX */
#define CPU_FEATURE_LAHF64 (1u << 0)
/* CPUID.80000001:EDX */
#define CPU_FEATURE_SYSCALL (1u << 11)
#define CPU_FEATURE_NX      (1u << 20)
#define CPU_FEATURE_PDPE1GB (1u << 26)
#define CPU_FEATURE_RDTSCP  (1u << 27)
#define CPU_FEATURE_LM      (1u << 29)

/* CPUID.1 and 0x80000001 feature words, for quick tests by the decoder and the control registers. */
struct cpu_model {
	char name[32];
	char vendor[13];
	char brand[49];
	uint8_t family, model, stepping; /* effective values, extended fields folded in */
	uint32_t features_1_edx, features_1_ecx;
	uint32_t features_7_ebx, features_7_ecx, features_7_edx;
	uint32_t features_ext_edx, features_ext_ecx;   /* 0x80000001 */
	uint32_t features_7_1_eax, features_xsave_eax; /* 7.1, 0xd.1 */
	uint32_t leaf_max, leaf_ext_max;
	uint8_t physical_bits, linear_bits;
	uint32_t cache_line; /* bytes */
};

/* Find a model by name; NULL name: the default.  "host" is this host's features as far as the engine can
 * execute them.  0, -ENOENT for an unknown name, or -EOPNOTSUPP: the model has an instruction set that must run
 * natively (feature.h) and this host has not.  *model is filled in. */
int cpu_model_find(const char *name, struct cpu_model *model);
/* Of such a model: the first instruction set that is missing here, or NULL. */
const char *cpu_model_lacks(const char *name);
/* Names for messages and completion, NULL-terminated. */
const char *const *cpu_model_names(void);

/* IA32_ARCH_CAPABILITIES (MSR 0x10a); 0 where CPUID.7:EDX does not announce it. */
uint64_t cpu_model_arch_capabilities(const struct cpu_model *model);

/* CPUID with EAX = leaf, ECX = subleaf, on this CPU as it is now (APIC ID, OSXSAVE, APIC enable bits). */
void cpu_cpuid(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

#endif
