/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Descriptors and segment registers (SDM vol. 3A, chapters 3 and 5).
 */
#ifndef VMM_CPU_SEGMENT_H
#define VMM_CPU_SEGMENT_H

#include "vmm/cpu/cpu.h"

/* System descriptor types */
enum {
	SYSTEM_UPPER = 0, /* IA-32e mode: the upper half of a 16-byte descriptor */
	SYSTEM_TSS16 = 1,
	SYSTEM_LDT = 2,
	SYSTEM_TSS16_BUSY = 3,
	SYSTEM_CALL16 = 4,
	SYSTEM_TASK = 5,
	SYSTEM_INT16 = 6,
	SYSTEM_TRAP16 = 7,
	SYSTEM_TSS32 = 9,
	SYSTEM_TSS32_BUSY = 11,
	SYSTEM_CALL32 = 12,
	SYSTEM_INT32 = 14,
	SYSTEM_TRAP32 = 15,
};

struct descriptor {
	uint64_t raw;
	uint64_t high;    /* descriptor_fetch_system() in IA-32e mode: the upper half; else 0 */
	uint64_t address; /* linear */
	uint16_t selector;
};

static inline unsigned descriptor_type(const struct descriptor *d)
{
	return d->raw >> 40 & 15;
}
static inline bool descriptor_is_segment(const struct descriptor *d)
{
	return d->raw >> 44 & 1;
}
static inline bool descriptor_is_code(const struct descriptor *d)
{
	return descriptor_is_segment(d) && descriptor_type(d) & 8;
}
static inline bool descriptor_is_conforming(const struct descriptor *d)
{
	return descriptor_type(d) & 4;
}
static inline unsigned descriptor_dpl(const struct descriptor *d)
{
	return d->raw >> 45 & 3;
}
static inline bool descriptor_present(const struct descriptor *d)
{
	return d->raw >> 47 & 1;
}
static inline bool descriptor_is_code64(const struct descriptor *d)
{
	return d->raw >> 53 & 1;
}
uint32_t descriptor_limit(const struct descriptor *d);

/* Raise an exception whose error code is a selector. */
int raise_selector(struct cpu *cpu, unsigned vector, uint16_t selector);

/* Read a descriptor.  A selector beyond its table raises `vector`. */
int descriptor_fetch(struct cpu *cpu, uint16_t selector, unsigned vector, struct descriptor *descriptor);
/* The same for system descriptors, which have 16 bytes in IA-32e mode (SDM vol. 3A, 3.5.2); raw is there already. */
int descriptor_extend(struct cpu *cpu, unsigned vector, struct descriptor *descriptor);
/* Is the selector within its table? */
bool descriptor_reachable(const struct cpu *cpu, uint16_t selector);
/* Set the accessed bit, if it is clear. */
int descriptor_mark(struct cpu *cpu, struct descriptor *descriptor);
/* Fill a segment register's cache from a descriptor. */
void segment_cache(struct cpu_segment *segment, uint16_t selector, const struct descriptor *descriptor);

/* Load a segment register other than CS as MOV and POP do, in any mode. */
int segment_load(struct cpu *cpu, unsigned segment, uint16_t selector);
/* As real and virtual-8086 mode do, CS too. */
void segment_load_real(struct cpu *cpu, unsigned segment, uint16_t selector);
void segment_load_null(struct cpu *cpu, unsigned segment, uint16_t selector);

/* SS without a segment, as 64-bit mode may have it. */
void segment_load_null_stack(struct cpu *cpu, uint16_t selector, unsigned cpl);

/* IA-32e mode: L and D together are reserved, in a descriptor that is to be loaded into CS. */
int segment_code_check(struct cpu *cpu, const struct descriptor *descriptor);
/* May control go to this offset in a code segment?  #GP(0): beyond its limit, or not canonical. */
int segment_target_check(struct cpu *cpu, const struct descriptor *code, uint64_t target);
/* Load CS (checked already) with CPL as its RPL. */
int segment_load_code(struct cpu *cpu, struct descriptor *descriptor, unsigned cpl);
void cpl_set(struct cpu *cpu, unsigned cpl);

/* Check a new SS for a privilege level: violations are `vector` (#TS or #GP), not present #SS. */
int segment_stack_check(
	struct cpu *cpu, uint16_t selector, unsigned cpl, unsigned vector, struct descriptor *descriptor);

/*
 * A stack that is being filled or emptied, before SS and RSP are committed.
 */
struct stack {
	struct cpu_segment ss;
	uint64_t sp, mask;
	bool wide; /* of 64-bit mode: SS does not matter */
	unsigned cpl;
	uint16_t error; /* of #SS: 0 for the current stack, else the new selector */
};
void stack_current(const struct cpu *cpu, struct stack *stack);
int stack_push(struct cpu *cpu, struct stack *stack, unsigned size, uint64_t value);
int stack_pop(struct cpu *cpu, struct stack *stack, unsigned size, uint64_t *value);
/* RSP from the stack, by its mask. */
void stack_commit(struct cpu *cpu, const struct stack *stack);

#endif
