/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Delivery of interrupts and exceptions (SDM vol. 3A, chapter 6).
 */
#ifndef VMM_CPU_EXCEPTION_H
#define VMM_CPU_EXCEPTION_H

#include "vmm/cpu/cpu.h"

enum interrupt_kind {
	INTERRUPT_EXTERNAL, /* hardware interrupts and NMI */
	INTERRUPT_FAULT,    /* exceptions: EXT is set for what goes wrong on their way */
	INTERRUPT_SOFTWARE, /* INT n: gate DPL counts, and IOPL in virtual-8086 mode */
	INTERRUPT_BREAK,    /* INT3, INTO: gate DPL counts */
	INTERRUPT_ICEBP,    /* INT1 */
};

/* Enter the handler of a vector once, to return to `back`.  Sets next_rip.  CPU_FAULT: something went wrong on
 * the way and nothing has changed. */
int interrupt_enter(
	struct cpu *cpu, unsigned vector, enum interrupt_kind kind, uint64_t back, bool has_error, uint32_t error);

/* Deliver with all that may follow: double and triple fault.  `back` is RIP.  False: shutdown. */
bool interrupt_deliver(struct cpu *cpu, unsigned vector, enum interrupt_kind kind);
/* Deliver cpu->exception. */
bool exception_deliver(struct cpu *cpu);
/* Deliver the traps in pending_db. */
bool trap_deliver(struct cpu *cpu);

/* SS:RSP for a privilege level from the TSS. */
int tss_stack(struct cpu *cpu, unsigned cpl, uint16_t *ss, uint64_t *rsp);

void trace_interrupt(struct cpu *cpu, unsigned vector, const char *what, bool has_error, uint32_t error);

/* The same in IA-32e mode, where every gate leads to 64-bit code (interrupt_long.c). */
int interrupt_enter_long(
	struct cpu *cpu, unsigned vector, bool software, bool is_fault, uint64_t back, bool has_error, uint32_t error);
/* A stack pointer out of the 64-bit TSS: of a privilege level, or of the interrupt stack table if `ist` is not 0. */
int tss_stack_long(struct cpu *cpu, unsigned cpl, unsigned ist, uint64_t *rsp);
struct descriptor;
/* Through a 64-bit call gate. */
int far_gate_long(struct cpu *cpu, struct descriptor *gate, bool is_call);

#endif
