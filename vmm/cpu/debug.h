/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Debug registers (SDM vol. 3B, chapter 17).
 */
#ifndef VMM_CPU_DEBUG_H
#define VMM_CPU_DEBUG_H

#include "vmm/cpu/cpu.h"

#define DR6_BD    (1u << 13)
#define DR6_BS    (1u << 14)
#define DR6_BT    (1u << 15)
#define DR6_FIXED 0xffff0ff0u
#define DR7_GD    (1u << 13)
#define DR7_FIXED 0x400u

/* Any breakpoint of that kind enabled? */
bool debug_data_armed(const struct cpu *cpu);
bool debug_code_armed(const struct cpu *cpu);

/* DR6 bits of the instruction breakpoints at this linear address. */
uint32_t debug_code(const struct cpu *cpu, uint64_t linear);
/* A data access or port access was made: note the breakpoints it hits, to trap after the instruction. */
void debug_data(struct cpu *cpu, uint64_t linear, unsigned size, bool write);
void debug_port(struct cpu *cpu, uint16_t port, unsigned size);

#endif
