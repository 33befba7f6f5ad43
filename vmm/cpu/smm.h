/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * System management mode (SDM vol. 3C, chapter 34).
 */
#ifndef VMM_CPU_SMM_H
#define VMM_CPU_SMM_H

#include "vmm/cpu/cpu.h"

#define SMM_BASE 0x30000u /* SMBASE after RESET# */

/* Between two instructions: enter the SMI handler. */
void smm_enter(struct cpu *cpu);

/* An I/O instruction is about to access its port: what its restart would need. */
void smm_io(struct cpu *cpu);
/* Was an I/O instruction the last thing this CPU did? */
bool smm_io_last(const struct cpu *cpu);

/* The upper end of the state save map: 512 bytes up to SMBASE + FFFF. */
struct smm_map {
	uint8_t bytes[512];
};
/* smm_long.c: the map of processors with 64-bit mode.  load: false, and the CPU is as it was, for a state that cannot
 * be. */
void smm_map_save_long(struct cpu *cpu, struct smm_map *map);
bool smm_map_load_long(struct cpu *cpu, const struct smm_map *map);
/* What both maps bring back the same way; flags after the control registers and segments. */
void smm_debug_load(struct cpu *cpu, uint32_t dr6, uint32_t dr7, uint32_t pending);
void smm_flags_load(struct cpu *cpu, uint32_t flags);

#endif
