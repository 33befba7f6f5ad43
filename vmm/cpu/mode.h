/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What is derived from the architectural state for speed, and the events that derive it anew.
 */
#ifndef VMM_CPU_MODE_H
#define VMM_CPU_MODE_H

#include "vmm/cpu/cpu.h"

/* The mode word: what decoding and execution rights depend on (upper half of struct cpu's
 * `context`).  CR0.TS, EM and the like are not in it: the interpreter's handlers look at them when they run. */
#define MODE_CODE32  (1u << 0)
#define MODE_CODE64  (1u << 1)
#define MODE_STACK32 (1u << 2)
#define MODE_PE      (1u << 3)
#define MODE_VM      (1u << 4)
#define MODE_CPL(c)  ((uint32_t)(c) << 5)
/* Which arrays of the software TLB are in use (enum tlb_kind), and whether ES, SS and DS are all of 4 GiB from 0 (or it
 * is 64-bit code): for a translator. */
#define MODE_KIND_SHIFT 7u
#define MODE_KIND_MASK  3u
#define MODE_FLAT       (1u << 9)
/* What the limit of CS is, if it is one of the usual ones and this is not 64-bit code.  With any other, no two blocks
 * may be linked without a look at it. */
#define MODE_LIMIT_64K (1u << 10)
#define MODE_LIMIT_4G  (1u << 11)
#define MODE_LIMITS    (MODE_CODE64 | MODE_LIMIT_64K | MODE_LIMIT_4G)

/* After any change: all of it. */
void cpu_mode_update(struct cpu *cpu);
/* After a change of one segment register. */
void cpu_segment_update(struct cpu *cpu, unsigned segment);
/* After a change of CPL, EFLAGS.AC, CR0.AM or DR7. */
void cpu_tlb_select(struct cpu *cpu);
/* Change RFLAGS where `mask` says, arithmetic flags included. */
void cpu_rflags_write(struct cpu *cpu, uint64_t flags, uint64_t mask);

static inline bool cpu_protected(const struct cpu *cpu)
{
	return cpu->cr0 & CPU_CR0_PE && !(cpu->rflags & CPU_FLAG_VM);
}
static inline bool cpu_v86(const struct cpu *cpu)
{
	return (cpu->rflags & CPU_FLAG_VM) != 0;
}
static inline bool cpu_code64(const struct cpu *cpu)
{
	return cpu->context >> 32 & MODE_CODE64;
}
/* Is it an address that 4-level (or with CR4.LA57, 5-level) paging can translate?  (SDM vol. 1, 3.3.7.1) */
static inline bool cpu_canonical(const struct cpu *cpu, uint64_t linear)
{
	unsigned unused = cpu->cr4 & CPU_CR4_LA57 ? 7 : 16;

	return (uint64_t)((int64_t)(linear << unused) >> unused) == linear;
}
static inline unsigned cpu_iopl(const struct cpu *cpu)
{
	return cpu->rflags >> 12 & 3;
}

#endif
