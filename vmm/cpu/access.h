/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Data accesses: the fast paths that handlers inline, and the slow ones behind them.
 *
 * A fast path is one compare for the segment and one for the TLB.  Whatever needs more - other segment types,
 * pages without direct memory, page crossing, alignment checks, data breakpoints - misses one of the two.
 */
#ifndef VMM_CPU_ACCESS_H
#define VMM_CPU_ACCESS_H

#include <string.h>

#include "vmm/cpu/cpu.h"
#include "vmm/cpu/insn.h"
#include "vmm/cpu/tlb.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* A read-modify-write operand between its two halves: checked for writing, read once, written once. */
struct rmw {
	uint8_t *host; /* direct memory, or NULL */
	uint64_t physical[2];
	unsigned first; /* bytes in the first page */
};

/* Segment checks for an access through any descriptor.  `stack`: violations are #SS, else #GP. */
int segment_check(struct cpu *cpu, const struct cpu_segment *segment, bool stack, uint64_t offset, unsigned size,
	bool write, uint64_t *linear);

/* The alignment check of an operand: #AC, if it is on. */
int access_alignment(struct cpu *cpu, uint64_t linear, unsigned size);

/* Accesses by linear address with the rights that `access` (ACCESS_*, paging.h) says. */
int access_linear_read(struct cpu *cpu, uint64_t linear, void *data, unsigned size, unsigned access);
int access_linear_write(struct cpu *cpu, uint64_t linear, const void *data, unsigned size, unsigned access);
/* Implicit supervisor accesses to descriptor tables and TSSs. */
int access_system_read(struct cpu *cpu, uint64_t linear, void *data, unsigned size);
int access_system_write(struct cpu *cpu, uint64_t linear, const void *data, unsigned size);
int access_system_probe(struct cpu *cpu, uint64_t linear, unsigned size, bool write);

int access_rmw(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size, struct rmw *rmw, void *data);
void access_rmw_end(struct cpu *cpu, const struct rmw *rmw, const void *data, unsigned size);

/* The host address of [offset, offset + size) if the first level of the TLB has it, else NULL. */
uint8_t *access_host(struct cpu *cpu, unsigned segment, uint64_t offset, unsigned size, bool write);

static inline uint8_t *tlb_read_hit(const struct cpu *cpu, uint64_t linear, unsigned size)
{
	const struct tlb_entry *entry = &cpu->tlb_read[(linear >> 12) % TLB_SIZE];
	uint64_t delta = linear - entry->tag;

	return likely(delta <= CPU_PAGE_SIZE - size) ? (uint8_t *)(entry->addend + linear) : NULL;
}

static inline uint8_t *tlb_write_hit(const struct cpu *cpu, uint64_t linear, unsigned size)
{
	const struct tlb_entry *entry = &cpu->tlb_write[(linear >> 12) % TLB_SIZE];
	uint64_t delta = linear - entry->tag;

	return likely(delta <= CPU_PAGE_SIZE - size) ? (uint8_t *)(entry->addend + linear) : NULL;
}

#define ACCESS_TEMPLATE(bits) \
	static inline int mem_read##bits(struct cpu *cpu, unsigned segment, uint64_t offset, uint##bits##_t *value) \
	{ \
		const struct cpu_fast_segment *fast = &cpu->fast[segment]; \
\
		if (likely(offset + bits / 8 <= fast->read_end)) { \
			const uint8_t *host = tlb_read_hit(cpu, (fast->base + offset) & cpu->linear_mask, bits / 8); \
\
			if (likely(host)) { \
				memcpy(value, host, bits / 8); \
				return CPU_OK; \
			} \
		} \
		return cpu_read(cpu, segment, offset, value, bits / 8); \
	} \
	static inline int mem_write##bits(struct cpu *cpu, unsigned segment, uint64_t offset, uint##bits##_t value) \
	{ \
		const struct cpu_fast_segment *fast = &cpu->fast[segment]; \
\
		if (likely(offset + bits / 8 <= fast->write_end)) { \
			uint8_t *host = tlb_write_hit(cpu, (fast->base + offset) & cpu->linear_mask, bits / 8); \
\
			if (likely(host)) { \
				memcpy(host, &value, bits / 8); \
				return CPU_OK; \
			} \
		} \
		return cpu_write(cpu, segment, offset, &value, bits / 8); \
	} \
	static inline int rmw_begin##bits( \
		struct cpu *cpu, const struct insn *insn, struct rmw *rmw, uint##bits##_t *value) \
	{ \
		uint64_t offset = ea(cpu, insn); \
		const struct cpu_fast_segment *fast = &cpu->fast[insn->segment]; \
\
		if (likely(offset + bits / 8 <= fast->write_end)) { \
			rmw->host = tlb_write_hit(cpu, (fast->base + offset) & cpu->linear_mask, bits / 8); \
			if (likely(rmw->host)) { \
				memcpy(value, rmw->host, bits / 8); \
				return CPU_OK; \
			} \
		} \
		return access_rmw(cpu, insn->segment, offset, bits / 8, rmw, value); \
	} \
	static inline void rmw_end##bits(struct cpu *cpu, const struct rmw *rmw, uint##bits##_t value) \
	{ \
		if (likely(rmw->host)) \
			memcpy(rmw->host, &value, bits / 8); \
		else \
			access_rmw_end(cpu, rmw, &value, bits / 8); \
	} \
	/* The second half of a locked operation: true if `old` was still there.  Memory without a direct page \
	 * belongs to this thread for the time of the access. */ \
	static inline bool rmw_end_locked##bits( \
		struct cpu *cpu, const struct rmw *rmw, uint##bits##_t *old, uint##bits##_t value) \
	{ \
		if (likely(rmw->host)) \
			return host_exchange##bits(rmw->host, old, value); \
		access_rmw_end(cpu, rmw, &value, bits / 8); \
		return true; \
	}

/* Effective offset of the memory operand. */
static inline uint64_t ea(const struct cpu *cpu, const struct insn *insn)
{
	uint64_t offset = cpu->gpr[insn->ea_base] + (cpu->gpr[insn->ea_index] << insn->scale);

	return (offset + (uint64_t)insn->displacement) & (~0ull >> insn->ea_shift);
}

/* Guest operands may be misaligned, and alias anything. */
typedef uint8_t host_uint8 __attribute__((may_alias));
typedef uint16_t host_uint16 __attribute__((may_alias, aligned(1)));
typedef uint32_t host_uint32 __attribute__((may_alias, aligned(1)));
typedef uint64_t host_uint64 __attribute__((may_alias, aligned(1)));

/* In assembly, since the operand may be misaligned, which C's atomics may not. */
#define HOST_EXCHANGE(bits) \
	static inline bool host_exchange##bits(uint8_t *host, uint##bits##_t *old, uint##bits##_t value) \
	{ \
		bool done; \
		__asm__ volatile("lock cmpxchg %3, %1" \
				 : "+a"(*old), "+m"(*(host_uint##bits *)host), "=@ccz"(done) \
				 : "r"(value) \
				 : "memory"); \
		return done; \
	}
HOST_EXCHANGE(8)
HOST_EXCHANGE(16)
HOST_EXCHANGE(32)
HOST_EXCHANGE(64)
#undef HOST_EXCHANGE

ACCESS_TEMPLATE(8)
ACCESS_TEMPLATE(16)
ACCESS_TEMPLATE(32)
ACCESS_TEMPLATE(64)
#undef ACCESS_TEMPLATE

#endif
