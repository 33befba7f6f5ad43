/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#ifndef VMM_CPU_TRACE_H
#define VMM_CPU_TRACE_H

#include "vmm/cpu/insn.h"

/* Log the instruction about to run; `bytes` may be NULL. */
void trace_instruction(struct cpu *cpu, const uint8_t *bytes, const struct insn *insn);

/* CPU_TRACE_MMU: a page fault, or a flush of the TLB. */
void trace_page_fault(struct cpu *cpu, uint64_t linear, uint32_t error);
void trace_flush(struct cpu *cpu, bool global);

/* CPU_TRACE_INT: in and out of system management mode. */
void trace_smm(struct cpu *cpu, const char *what, uint64_t rip);

#endif
