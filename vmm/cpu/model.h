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

/* CPUID.1 and 0x80000001 feature words, for quick tests by the decoder and the control registers. */
struct cpu_model {
	char name[32];
	char vendor[13];
	char brand[49];
	uint8_t family, model, stepping; /* effective values, extended fields folded in */
	uint32_t features_1_edx, features_1_ecx;
	uint32_t features_7_ebx, features_7_ecx, features_7_edx;
	uint32_t features_ext_edx, features_ext_ecx; /* 0x80000001 */
	uint32_t leaf_max, leaf_ext_max;
	uint8_t physical_bits, linear_bits;
	uint32_t cache_line; /* bytes */
};

/* Find a model by name; NULL name: the default.  "host" is this host's features as far as the engine can
 * execute them.  0, or -ENOENT for an unknown name.  *model is filled in. */
int cpu_model_find(const char *name, struct cpu_model *model);
/* Names for messages and completion, NULL-terminated. */
const char *const *cpu_model_names(void);

/* CPUID with EAX = leaf, ECX = subleaf, on this CPU as it is now (APIC ID, OSXSAVE, APIC enable bits). */
void cpu_cpuid(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

#endif
