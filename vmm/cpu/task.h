/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Task switches (SDM vol. 3A, chapter 7).
 */
#ifndef VMM_CPU_TASK_H
#define VMM_CPU_TASK_H

#include "vmm/cpu/segment.h"

enum task_reason { TASK_JUMP, TASK_CALL, TASK_IRET, TASK_INTERRUPT };

/* Switch to the task of a TSS descriptor that passed the checks of the instruction; `back` is the RIP saved for
 * the old task.  An error code, if there is one, is pushed on the new task's stack.  Sets next_rip. */
int task_switch(struct cpu *cpu, struct descriptor *tss, enum task_reason reason, uint64_t back, bool has_error,
	uint32_t error);
/* Through a task gate. */
int task_gate(struct cpu *cpu, const struct descriptor *gate, enum task_reason reason, uint64_t back, bool has_error,
	uint32_t error);

#endif
