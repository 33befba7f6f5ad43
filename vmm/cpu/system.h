/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#ifndef VMM_CPU_SYSTEM_H
#define VMM_CPU_SYSTEM_H

#include "vmm/cpu/cpu.h"

/* Writes to control registers with all checks (SDM vol. 3A, 2.5).  CPU_FAULT: #GP. */
int cr0_write(struct cpu *cpu, uint64_t value);
int cr3_write(struct cpu *cpu, uint64_t value);
int cr4_write(struct cpu *cpu, uint64_t value);
/* CR0 as it is kept, and whether its bits go together. */
uint64_t cr0_settled(uint64_t value);
bool cr0_possible(uint64_t value);
/* CR4 bits that the model has. */
uint64_t cr4_allowed(const struct cpu *cpu);

/* SWAPGS and RDTSCP, in the group of 0F01. */
struct insn;
int swapgs(struct cpu *cpu, const struct insn *insn);
int rdtscp(struct cpu *cpu, const struct insn *insn);

#endif
