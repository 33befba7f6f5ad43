/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The block translator, T1 (docs/engine.md): what its parts share.
 *
 * Guest registers live in host registers while translated code runs: all in the one of the same name, but RSP, which is
 * in R9, and R9 to R11, which stay in struct cpu.  R10 and R11 are scratch, GS leads to struct cpu, RSP is the host's.
 */
#ifndef VMM_TRANSLATE_T1_H
#define VMM_TRANSLATE_T1_H

#include "vmm/cpu/block.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/flags.h"
#include "vmm/cpu/tlb.h"
#include "vmm/cpu/translator.h"
#include "vmm/translate/emit.h"
#include "vmm/translate/statistics.h"

/* One guest instruction that may leave translated code: T0 runs it there. */
struct t1_site {
	const struct insn *insn; /* NULL: only the flags are wanted in memory as FLAGS_IMAGE */
	uint64_t rip, next;
	struct block *block;
	const void *resume;
	uint8_t level;   /* T1_LIVE_*: what vector state is wanted in host registers */
	uint32_t behind; /* instructions of the block that have not retired before it, itself included */
};

/* A way out of a block to a known address. */
struct t1_exit {
	uint64_t stamp;   /* what cpu->t1.stamp must be for `code` to be right; for exits to another page */
	const void *code; /* where it leads then */
	uint64_t rip;
	struct block *block; /* whose exit it is */
	uint8_t *distance;   /* of the jump that is patched, in the writable mapping; NULL: to another page */
};

/* How translated code comes back to t1_run(). */
enum t1_leave {
	T1_LINK,   /* at cpu->t1.exit, whose target is not known yet */
	T1_POLL,   /* there too: a request is waiting */
	T1_STALE,  /* at the start of the block cpu->t1.block: its bytes may have changed */
	T1_BUDGET, /* at the start of it: more instructions than may run */
	T1_SITE,   /* t1_slow() has decided; the status is in cpu->t1.status */
};

/* How much of the vector registers is the guest's own: XMM, YMM, or all of AVX-512.  VEX-encoded instructions clear the
 * upper parts of registers, so where there is AVX-512 they need all, but not its permission.  It is loaded by the first
 * instruction that needs it, and goes back to struct cpu when translated code is left. */
enum { T1_LIVE_NONE, T1_LIVE_SSE, T1_LIVE_AVX, T1_LIVE_AVX_WIDE, T1_LIVE_AVX512, T1_LIVES, T1_LIVE_X87 = T1_LIVES };

#define T1_JUMPS 4096u

/* By virtual IP. */
struct t1_jump {
	uint64_t rip, stamp;
	const void *code;
	uint64_t reserved; /* 32 bytes: indices are shifted */
};

/* What lies behind struct cpu and its TLB, in reach of GS. */
struct t1_tables {
	struct t1_jump jumps[T1_JUMPS];
};

struct t1 {
	struct cpu_translator translator; /* first */
	uint8_t *code, *writable;         /* the two mappings of the code cache */
	bool fsgsbase, xsave;
	unsigned hot;
	uint8_t *data; /* sites and exits: right behind `code` */
	size_t code_size, code_used, code_fixed, data_size, data_used;
	struct t1_tables *tables;
	/* Fixed code. */
	int (*enter)(struct cpu *cpu, const void *code);
	const void *slow, *link, *poll, *stale, *budget, *vector, *refill;
	const void *vector_load[T1_LIVES], *vector_store[T1_LIVES], *x87_load, *x87_store;
	struct t1_statistics statistics;
};

/* ---- translating one block ---- */

enum t1_stub_kind { T1_STUB_SITE, T1_STUB_LINK, T1_STUB_POLL, T1_STUB_VECTOR, T1_STUB_MISS };

struct t1_stub {
	uint8_t *distance; /* of the jump that leads to it */
	enum t1_stub_kind kind;
	void *subject; /* the site or exit */
};

/* An access that may miss the first level of the TLB. */
struct t1_access {
	struct t1_site *site;
	const void *retry; /* the lookup, with the linear address in R10 */
	size_t tags;       /* where the tags of the array begin, from the state's start */
	uint32_t what;     /* T1_REFILL() */
};
#define T1_REFILL(size, write, kind) ((uint32_t)(size) | (write ? 1u : 0u) << 16 | (uint32_t)(kind) << 17)
#define T1_ACCESSES                  (BLOCK_INSNS * 2u)

/* A conditional jump in the middle of a block: where it is taken. */
struct t1_aside {
	uint8_t *distance;
	uint64_t rip, target;
	unsigned number;
	uint32_t live;
	bool host, memory, image;
};

#define T1_STUBS 256u

struct t1_translation {
	struct t1 *t1;
	struct cpu *cpu;
	struct block *block;
	struct emit e;
	const struct insn *insn;
	unsigned number;
	uint64_t rip, next;
	struct t1_site *site; /* of this instruction, if it has one */
	/* Where the guest's arithmetic flags are right: in the host's, in struct cpu; there as FLAGS_IMAGE for sure. */
	bool host, memory, image;
	uint32_t live;                    /* those that matter behind this instruction */
	uint32_t needed[BLOCK_INSNS];     /* those that matter before each */
	uint32_t aside_live[BLOCK_INSNS]; /* those that matter where a jump in the middle leads */
	uint32_t live_out;                /* those that matter behind the last, as far as this can be told */
	struct t1_access accesses[T1_ACCESSES];
	unsigned access_count;
	struct t1_aside asides[BLOCK_INSNS];
	unsigned aside_count;
	bool flat, failed, left; /* left: control has gone elsewhere */
	uint8_t level;           /* vector state that is in host registers for sure */
	bool x87;                /* and the x87's is */
	struct t1_stub stubs[T1_STUBS];
	unsigned stub_count;
};

/* What an instruction does with the six arithmetic flags. */
struct t1_effect {
	bool native;    /* T1 has code for it; else T0 is called */
	uint32_t reads; /* needs them */
	uint32_t sets;  /* certainly overwrites them */
	bool touches;   /* may change some */
};
struct t1_effect t1_effect(const struct cpu *cpu, const struct insn *insn); /* the CPU has a translator */
/* Fills in needed[] and live_out. */
void t1_liveness(struct t1_translation *t);
/* Flags that matter at an address of the block's page, as far as its bytes tell without a look elsewhere. */
uint32_t t1_live_at(struct t1_translation *t, uint64_t rip);

/* Flags.  Before host flags are overwritten by something that is not the guest's: */
void t1_flags_spill(struct t1_translation *t, uint32_t live);
/* Before anything is in R10 and R11: flags will be fetched, and what is in memory may be in T0's form. */
void t1_flags_require(struct t1_translation *t);
/* Have those that `mask` names in the host's flags. */
void t1_flags_fetch(struct t1_translation *t, uint32_t mask);
/* Host flags are the guest's, and newer than memory. */
void t1_flags_set(struct t1_translation *t);
/* A condition of the guest's as one of the host's flags at this point; changes other host flags. */
unsigned t1_condition(struct t1_translation *t, unsigned cc);

/* Registers and memory. */
#define T1_SLOT 0xffu /* not in a host register */
unsigned t1_host(unsigned guest);
/* The host register that holds it, `scratch` after a load if need be. */
unsigned t1_in(struct t1_translation *t, unsigned guest, unsigned scratch);
/* The host register to put it in, and storing that if it is not its place. */
unsigned t1_out(unsigned guest, unsigned scratch);
void t1_commit(struct t1_translation *t, unsigned guest, unsigned host);
/* R10: the host address of the memory operand, checked for `size` bytes; R11 is lost. */
void t1_operand(struct t1_translation *t, unsigned size, bool write);
/* The same for an address that is in R10 as an offset in `segment`. */
void t1_lookup(struct t1_translation *t, unsigned segment, unsigned size, bool write);
/* Immediates of 16 and 32 bits are as long as the operand, but never over 32. */
static inline unsigned t1_immediate_length(unsigned size)
{
	return size == 8 ? 4 : size;
}
/* XCHG AL, AH or its like, by which the high byte gets a number that goes with REX. */
void t1_bytes_swap(struct t1_translation *t, unsigned reg);
/* Is the stack pointer all of RSP or ESP, and the segment flat?  Its bytes then. */
bool t1_stack_flat(const struct t1_translation *t);
static inline unsigned t1_stack_width(const struct t1_translation *t)
{
	return t->insn->code64 ? 8 : 4;
}
/* The effective address, into `reg`. */
void t1_effective(struct t1_translation *t, unsigned reg);
/* Leave at the site if `cc` holds. */
void t1_miss(struct t1_translation *t, unsigned cc);
struct t1_site *t1_site(struct t1_translation *t);
/* One more for the same instruction. */
struct t1_site *t1_site_make(struct t1_translation *t);
void t1_stub(struct t1_translation *t, uint8_t *distance, enum t1_stub_kind kind, void *subject);

/* Each: code for the instruction, or false for T0 to do it. */
bool t1_integer(struct t1_translation *t);
bool t1_move(struct t1_translation *t);
bool t1_stack(struct t1_translation *t);
bool t1_vector(struct t1_translation *t);
bool t1_x87(struct t1_translation *t);
bool t1_scalar(struct t1_translation *t);
bool t1_scalar_effect(const struct insn *insn, struct t1_effect *effect);
bool t1_x87_effect(const struct t1 *t1, const struct insn *insn, struct t1_effect *effect);
/* What it does with flags, if t1_vector() has code for it. */
bool t1_vector_effect(const struct insn *insn, struct t1_effect *effect);
bool t1_control(struct t1_translation *t);
bool t1_is_control(const struct insn *insn);
/* Jumps in the middle, taken. */
void t1_asides(struct t1_translation *t);
/* Where a relative branch leads to. */
uint64_t t1_target(const struct insn *insn, uint64_t next);
/* A way out to `rip`. */
void t1_leave_to(struct t1_translation *t, uint64_t rip);

/* Code for a block: 0, -ENOSPC if the cache is full, -EAGAIN if this block cannot have any. */
int t1_translate(struct t1 *t1, struct cpu *cpu, struct block *block);
void *t1_data(struct t1_translation *t, size_t size);

/* ---- running ---- */

/* Map memory for code at `code`, and once more where it can be written.  0 or a negative errno. */
int t1_cache_map(uint8_t *code, size_t size, uint8_t **writable);
/* Counting (statistics.c). */
void t1_count_block(struct t1 *t1, struct block *block, size_t size); /* it has been translated to so many bytes */
void t1_count_emptied(struct t1 *t1);
void t1_count_slow(struct t1_statistics *statistics, struct cpu *cpu, const struct insn *insn);
void t1_count_leave(struct t1_statistics *statistics, enum t1_leave why);

void t1_fixed(struct t1 *t1, struct cpu *cpu); /* the fixed code, at the start of the cache */
int t1_slow(struct cpu *cpu, const struct t1_site *site);
/* Uses general registers only: the guest's vector registers may be in the host's.  Not 0: look again. */
uint64_t t1_refill(struct cpu *cpu, uint64_t linear, uint64_t what);
int t1_vector_enter(struct cpu *cpu, const struct t1_site *site);
void t1_vector_fixed(struct t1 *t1, struct emit *e);
void t1_x87_fixed(struct t1 *t1, struct emit *e);
/* Have state of that level in host registers: T1_LIVE_*. */
void t1_level_require(struct t1_translation *t, unsigned level);

#endif
