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
	const void *jump;           /* where R10 leads to the entry for an indirect branch's target */
	uint8_t level;              /* T1_LIVE_*: what vector state is wanted in host registers */
	bool vector_kept, x87_kept; /* behind it, code relies on that state being in host registers */
	uint16_t heads;  /* groups whose first access is the instruction's: they have no address if T0 does it */
	uint32_t behind; /* instructions of the block that have not retired before it, itself included */
};

/* Where a page of code lies, as far as blocks are found by their virtual addresses.  All that lead into it from
 * elsewhere share one, so that after a change of the address space one look at the page tables serves them all. */
struct t1_page {
	uint64_t stamp; /* first; what cpu->t1.stamp must be for the page to be there now */
	uint64_t linear, physical, context;
	struct t1_page *chain;
};
#define T1_PAGES 8192u
#define T1_NEVER UINT64_MAX /* a stamp */

/* A way out of a block to a known address. */
struct t1_exit {
	const struct t1_page *page; /* for exits to another page: where `code` is right if it is there */
	const void *code;           /* where it leads then */
	uint64_t rip;
	struct block *block; /* whose exit it is */
	uint8_t *distance;   /* of the jump that is patched, in the writable mapping; NULL: to another page */
	/* If it is counted (superblock.c): the code that does it, in the writable mapping. */
	uint8_t *counter;
	int32_t left; /* until it is worth a superblock */
	uint8_t attempts;
	bool taken; /* it leads to one */
	bool plain; /* it leads to code without groups, since a group of this block is in two pages */
};

/* How translated code comes back to t1_run(). */
enum t1_leave {
	T1_LINK,   /* at cpu->t1.exit, whose target is not known yet */
	T1_POLL,   /* there too: a request is waiting */
	T1_STALE,  /* at the start of the block cpu->t1.block: its bytes may have changed */
	T1_BUDGET, /* at the start of it: more instructions than may run */
	T1_HOT,    /* at cpu->t1.exit, a loop's, which has been counted often enough */
	T1_SITE,   /* t1_slow() has decided; the status is in cpu->t1.status */
};

/* How much of the vector registers is the guest's own: XMM, YMM, or all of AVX-512.  VEX-encoded instructions clear the
 * upper parts of registers, so where there is AVX-512 they need all, but not its permission.  It is loaded by the first
 * instruction that needs it, and goes back to struct cpu when translated code is left. */
enum { T1_LIVE_NONE, T1_LIVE_SSE, T1_LIVE_AVX, T1_LIVE_AVX_WIDE, T1_LIVE_AVX512, T1_LIVES, T1_LIVE_X87 = T1_LIVES };

/* ---- superblocks (superblock.c, loop.c) ---- */

#define T2_INSNS  96u
#define T2_BLOCKS 16u

/* The blocks that one round of a loop leads through, and how many instructions of each. */
struct t2_path {
	struct {
		const struct block *block;
		unsigned instructions;
	} steps[T2_BLOCKS];
	unsigned count;
};

/* A loop that the interpreter runs, to see where it leads. */
struct t2_recorder {
	struct t1_exit *exit; /* the jump back; NULL: none */
	struct t2_path path, last;
	uint64_t instructions; /* when the last block of the path began */
	unsigned rounds, same; /* `same`: how many of the last ones went the same way */
};

/* Accesses of a loop that are looked up for many rounds at once. */
struct t2_group {
	uint8_t base, index, scale; /* guest registers, or T1_NO_BASE */
	bool write, folded;
	uint8_t align, shift; /* of `aligned_at'; of a stride that is a power of 2, or 0 */
	int32_t low, high;    /* from what the registers lead to when a round begins */
	int32_t align_at;     /* from low */
	int64_t stride;       /* from round to round */
};

/* A register of theirs. */
struct t2_register {
	uint8_t number;
	int32_t low, high; /* how far it moves within a round */
	int64_t step;      /* and by all of it */
};

struct t2_loop {
	uint8_t count, width, kind; /* of groups; of addresses, in bytes; enum tlb_kind */
	uint8_t registers_count;
	uint8_t control; /* a register that moves, if one is to be compared with cpu->t1.limit */
	int64_t step;    /* by so much a round */
	uint32_t retry;  /* rounds with checks until it is looked up again */
	struct t2_register registers[16];
	struct t2_group groups[];
};

#define T1_JUMPS 16384u

/* By virtual IP. */
struct t1_jump {
	uint64_t rip;
	const struct t1_page *page;
	const void *code;
	uint64_t reserved; /* 32 bytes: eight times an address without its two lowest bits */
};

/* Of an address, in the table: targets are seldom closer than four bytes. */
static inline unsigned t1_jump_index(uint64_t rip)
{
	return (unsigned)(rip >> 2) % T1_JUMPS;
}

/* Its second place, for what has been driven out of the first. */
static inline unsigned t1_jump_second(uint64_t rip)
{
	return T1_JUMPS + (unsigned)((rip ^ (uint32_t)rip >> 10) >> 2) % T1_JUMPS;
}

/* What lies behind struct cpu and its TLB, in reach of GS. */
struct t1_tables {
	struct t1_jump jumps[2 * T1_JUMPS];
};

struct t1 {
	struct cpu_translator translator; /* first */
	uint8_t *code, *writable;         /* the two mappings of the code cache */
	bool fsgsbase, xsave, bmi2, adx, movbe, crc32;
	bool exact;         /* blocks look at their page's version and count (translate.h) */
	unsigned hot, hot2; /* hot2: how often a loop goes round before it becomes a superblock; 0: it does not */
	struct t2_recorder recorder;
	struct block *pages[CPU_CODE_CHANGED]; /* blocks that have code, by cpu_code_hash(); not for exact ones */
	struct t1_page *page_table[T1_PAGES];  /* by linear address */
	struct t1_page nowhere, alone;         /* never there; lockstep's */
	struct lockstep *lockstep;             /* NULL: blocks run by themselves (lockstep.h) */
	uint8_t *data;                         /* sites and exits: right behind `code` */
	size_t code_size, code_used, code_fixed, data_size, data_used;
	struct t1_tables *tables;
	/* Fixed code. */
	int (*enter)(struct cpu *cpu, const void *code);
	const void *slow, *link, *poll, *stale, *budget, *vector, *refill, *loop_hot, *loop_enter, *flags, *tsc, *jump;
	const void *vector_load[T1_LIVES], *vector_store[T1_LIVES], *x87_load, *x87_store;
	struct t1_statistics statistics;
};

static inline struct t1 *t1_of(const struct cpu *cpu)
{
	return (struct t1 *)(void *)cpu->translator;
}

/* ---- translating one block ---- */

enum t1_stub_kind {
	T1_STUB_SITE,
	T1_STUB_LINK,
	T1_STUB_POLL,
	T1_STUB_HOT,
	T1_STUB_FLAGS,
	T1_STUB_JUMP,
	T1_STUB_RESUME,
	T1_STUB_VECTOR,
	T1_STUB_MISS,
	T1_STUB_GROUP
};

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
#define T1_ACCESSES                  (T2_INSNS * 2u)

/* From what the flags can be made again that are in the host's: operands of the instruction that set them, while they
 * are still in registers. */
struct t1_recipe {
	uint8_t kind;      /* FLAGS_RAW_*, with the size; 0: none */
	uint8_t a, b;      /* guest registers; `b' may be T1_NO_BASE */
	int32_t immediate; /* then */
	int32_t moved;     /* what `a' has moved since, if it is RSP */
};

/* A conditional jump in the middle of a block: where it is taken. */
struct t1_aside {
	uint8_t *distance;
	uint64_t rip, target;
	unsigned number;
	uint32_t live;
	bool host, memory, image;
	struct t1_recipe recipe;
};

/* Where an access goes: guest registers, or T1_NO_BASE, and a constant. */
struct t1_place {
	uint8_t base, index, scale, segment;
	int64_t displacement;
};
#define T1_NO_BASE 16u

/* An access whose check may be shared (group.c). */
struct t1_reach {
	uint8_t base, index, scale;
	uint8_t width; /* of addresses */
	uint8_t exits; /* jumps out of the block before it */
	uint8_t group;
	uint16_t size;
	bool write, head;
	uint8_t align;    /* its address must be a multiple of one more; 0: of nothing, or a superblock has made sure */
	bool byte;        /* it is one, though `size' may be more */
	bool bounded;     /* by what is known of the index, which is not in `index' but in `size' */
	uint64_t version; /* of the registers' values in the block */
	int32_t displacement;
	int32_t moved; /* from the group's start */
	int64_t at;    /* from what the registers were before they were moved by constants */
	struct t1_access *access;
	const void *back;     /* where R10 leads to the group's start, or is its linear address */
	struct t1_site *site; /* the head's */
	uint64_t rip;
	uint16_t behind; /* instructions that have not retired before it */
};
#define T1_NO_GROUP 0xffu
#define T1_REACHES  (T2_INSNS * 2u)

/* Accesses that share a check. */
struct t1_group {
	uint8_t base, index, scale, exits;
	bool write, open; /* open: its first access is behind us */
	bool hoisted;     /* looked up before the loop */
	bool folded;      /* with the base, which stays as it is */
	uint8_t align;    /* what is at `align_at` is checked to be so aligned, then, too */
	int64_t align_at;
	uint32_t count;
	uint64_t version;
	int64_t low, high; /* first byte, and that behind the last */
};
#define T1_GROUPS 16u

#define LIVE_ANY(live)   ((live)&0xffffu)
#define LIVE_KNOWN(live) ((live) >> 16)

/* What an instruction does with the six arithmetic flags. */
struct t1_effect {
	bool native;    /* T1 has code for it; else T0 is called */
	uint32_t reads; /* needs them */
	uint32_t sets;  /* certainly overwrites them */
	bool touches;   /* may change some */
};
#define T1_STUBS 512u

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
	struct t1_recipe recipe;
	uint32_t live; /* those that matter behind this instruction */
	struct t1_effect effects[T2_INSNS];
	uint32_t needed[T2_INSNS];     /* those that matter before each */
	uint32_t aside_live[T2_INSNS]; /* those that matter where a jump in the middle leads */
	uint32_t live_out;             /* those that matter behind the last, as far as this can be told */
	struct t1_access accesses[T1_ACCESSES];
	unsigned access_count;
	struct t1_reach reaches[T1_REACHES];
	struct t1_group groups[T1_GROUPS];
	unsigned reach_count, group_count, hoisted_count; /* groups that are hoisted come first */
	uint8_t level_wanted;                             /* before a loop */
	bool x87_wanted;
	const void *loop_enter, *loop_body; /* where a round begins, with and without a look at its groups */
	uint8_t *loop_refused;              /* the jump when they cannot be looked up */
	struct t2_loop *loop;               /* NULL: it has no such groups */
	bool checked;                       /* the third translation, for rounds when they cannot be */
	uint16_t bounds[16];   /* the largest values that registers may have by what the path did to them; 0: any */
	uint16_t headed;       /* groups that begin with this instruction */
	bool grouped;          /* the second time, with groups */
	uint8_t align;         /* what the memory operand is still to be checked for */
	uint8_t held;          /* R10 is the address of that group, if it is not 0 */
	bool keeps;            /* it will still be behind this instruction */
	uint32_t versions[16]; /* of the guest registers' values, so far */
	int64_t moved[16];     /* by constants since then */
	int64_t moved_low[16], moved_high[16]; /* and at most */
	int32_t displacement;                  /* of the memory operand from R10, or if it is `indexed' from these */
	bool indexed;
	uint8_t base, index, scale;
	struct t1_aside asides[T2_INSNS];
	unsigned aside_count;
	bool flat, failed, left; /* left: control has gone elsewhere */
	uint8_t level;           /* vector state that is in host registers for sure */
	bool x87;                /* and the x87's is */
	struct t1_stub stubs[T1_STUBS];
	unsigned stub_count;
};

struct t1_effect t1_effect(const struct cpu *cpu, const struct insn *insn); /* the CPU has a translator */
/* Of the instruction that is being translated. */
static inline const struct t1_effect *t1_effect_now(const struct t1_translation *t)
{
	return &t->effects[t->number];
}
/* Fills in effects[], needed[] and live_out. */
void t1_liveness(struct t1_translation *t);
/* Flags that matter at an address of the block's page, as far as its bytes tell without a look elsewhere. */
uint32_t t1_live_at(struct t1_translation *t, uint64_t rip);

/* Flags.  Before host flags are overwritten by something that is not the guest's; R11 is lost: */
void t1_flags_spill(struct t1_translation *t, uint32_t live);
/* Would that write something? */
bool t1_flags_spills(const struct t1_translation *t, uint32_t live);
/* Before anything is in R10 and R11: flags will be fetched, and what is in memory may be in T0's form. */
void t1_flags_require(struct t1_translation *t);
/* Have those that `mask` names in the host's flags. */
void t1_flags_fetch(struct t1_translation *t, uint32_t mask);
/* Host flags are the guest's, and newer than memory. */
void t1_flags_set(struct t1_translation *t);
/* Behind an instruction: from what can its flags be made again?  changed: registers that it may have written. */
void t1_recipe_note(struct t1_translation *t, bool native, uint32_t changed, int64_t stack_moved);
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
/* t1_memory(): the memory operand, checked for `size` bytes.  It may be addressed by R10, R11 and the instruction's own
 * registers, but R11 is free if ModRM.reg names a register that is not in a host register. */
void t1_operand(struct t1_translation *t, unsigned size, bool write);
/* One that must be aligned to its size, which t->align says has still to be checked: size - 1, or 0. */
void t1_operand_aligned(struct t1_translation *t, unsigned size, bool write);
/* The same for an address that is in R10 as an offset in `segment`; R10 is the host address then. */
void t1_lookup(struct t1_translation *t, unsigned segment, unsigned size, bool write);
/* t1_memory() for a guest register (or T1_NO_BASE) plus a constant; from R10 alone. */
void t1_reach(
	struct t1_translation *t, unsigned base, int64_t displacement, unsigned segment, unsigned size, bool write);
/* If it is one of a group that shares a check; it is noted for the second translation.  exact: by R10 alone. */
bool t1_reach_grouped(struct t1_translation *t, const struct t1_place *place, unsigned size, bool write, bool exact);
/* Is an offset there a linear address as it is? */
bool t1_segment_flat(const struct t1_translation *t, unsigned segment);
struct host_rm t1_memory(const struct t1_translation *t);
/* Have R10 be its address, and R11 free. */
void t1_memory_exact(struct t1_translation *t);
/* R10, a linear address, becomes an offset in a page that is in the TLB with `size` bytes behind it, and R11 its index;
 * else the jump is taken whose distance is returned. */
uint8_t *t1_check(struct t1_translation *t, unsigned size, bool write);
/* Then R10 becomes the host address. */
void t1_host_add(struct t1_translation *t, bool write);
/* Or R11 becomes what is between guest and host addresses of the page. */
void t1_addend_load(struct t1_translation *t, bool write);
/* For T1_STUB_MISS; `retry` is the caller's to set. */
struct t1_access *t1_access(struct t1_translation *t, unsigned size, bool write);
/* Before an instruction. */
void t1_group_begin(struct t1_translation *t);
/* Behind an instruction: what it does to registers that accesses go through.  native: not called from T0. */
void t1_registers_note(struct t1_translation *t, bool native);
/* Between the two translations: is there a group? */
bool t1_groups_make(struct t1_translation *t);
/* Would it be no longer than `span' with that access?  Have it in there. */
bool t1_group_fits(const struct t1_group *group, const struct t1_reach *reach, int64_t span);
void t1_group_join(struct t1_group *group, const struct t1_reach *reach);
/* How far constants have moved a register so far. */
static inline int64_t t1_moved(const struct t1_translation *t, unsigned reg)
{
	return reg == T1_NO_BASE ? 0 : t->moved[reg];
}
void t1_group_stub(struct t1_translation *t, struct t1_reach *reach);
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
/* T0 does it, and goes on at the site's `resume'. */
void t1_leave_slow(struct t1_translation *t, const struct t1_site *site);
/* One more for the same instruction. */
struct t1_site *t1_site_make(struct t1_translation *t);
void t1_stub(struct t1_translation *t, uint8_t *distance, enum t1_stub_kind kind, void *subject);

/* Superblocks: the address of an instruction, where control goes from it in the path, and is it one at all? */
static inline bool t2_is_super(const struct block *block)
{
	return block->addresses != NULL;
}
static inline uint64_t t2_followed(const struct t1_translation *t)
{
	const struct block *block = t->block;

	return block->addresses[t->number + 1u < block->count ? t->number + 1u : 0];
}
/* A jump back that a superblock may be made of is counted. */
void t2_count(struct t1_translation *t, struct t1_exit *exit);
/* Between the two translations: which accesses can be looked up before the loop? */
void t2_hoist(struct t1_translation *t);
void t2_begin(struct t1_translation *t); /* before the first instruction */
void t2_back(struct t1_translation *t);  /* behind the last */
/* An access that is: no lookup.  exact: R10 must be its address, and R11 free. */
void t2_access(struct t1_translation *t, const struct t1_reach *reach, const struct t1_place *place, bool exact);
/* Running: a loop has become hot; the interpreter is to run a block, since a path is being recorded. */
void t2_hot(struct t1 *t1, struct t1_exit *exit);
/* Back to where a round begins. */
void t1_loop_close(struct t1_translation *t, const void *body);
bool t2_record(struct t1 *t1, struct cpu *cpu, const struct block *block);
/* Uses general registers only.  0: this round is T1's. */
uint64_t t2_enter(struct cpu *cpu, struct t2_loop *loop);

/* Each: code for the instruction, or false for T0 to do it. */
bool t1_integer(struct t1_translation *t);
bool t1_move(struct t1_translation *t);
bool t1_stack(struct t1_translation *t);
bool t1_vector(struct t1_translation *t);
bool t1_x87(struct t1_translation *t);
bool t1_scalar(struct t1_translation *t);
bool t1_scalar_effect(const struct insn *insn, struct t1_effect *effect);
/* General registers that it may write, a bit each; T1_ANY_REGISTER: it is none of these instructions. */
#define T1_ANY_REGISTER 0xffffu
uint32_t t1_scalar_written(const struct insn *insn);
uint32_t t1_vector_written(const struct insn *insn);
uint32_t t1_x87_written(const struct insn *insn);
bool t1_repeat(struct t1_translation *t);
bool t1_repeat_effect(const struct insn *insn, struct t1_effect *effect);
bool t1_system(struct t1_translation *t);
bool t1_system_effect(const struct insn *insn, struct t1_effect *effect);
bool t1_x87_effect(const struct t1 *t1, const struct insn *insn, struct t1_effect *effect);
/* What it does with flags, if t1_vector() has code for it. */
bool t1_vector_effect(const struct t1 *t1, const struct insn *insn, struct t1_effect *effect);
bool t1_control(struct t1_translation *t);
bool t1_is_control(const struct insn *insn);
bool t1_is_conditional(const struct insn *insn); /* Jcc */
/* Before an instruction that lies in two pages. */
struct t1_exit *t1_guard(struct t1_translation *t);
/* From the middle of a block on to code without groups, `behind' instructions of it unretired; to the next instruction,
 * behind one that T0 has done. */
void t1_leave_plain(struct t1_translation *t, uint64_t rip, unsigned behind);
void t1_leave_next(struct t1_translation *t, const struct t1_site *site);
/* Jumps in the middle, taken. */
void t1_asides(struct t1_translation *t);
/* Where a relative branch leads to. */
uint64_t t1_target(const struct insn *insn, uint64_t next);
/* A way out to the address in R11 in a context that need not be the block's; `behind`: instructions of the block that
 * are counted and do not run. */
void t1_leave_indirect(struct t1_translation *t, unsigned behind);
/* A way out to `rip`. */
void t1_leave_to(struct t1_translation *t, uint64_t rip);

/* Code for a block: 0, -ENOSPC if the cache is full, -EAGAIN if this block cannot have any. */
int t1_translate(struct t1 *t1, struct cpu *cpu, struct block *block);

void *t1_data(struct t1_translation *t, size_t size);

/* ---- running ---- */

/* 0: the block has code; or TRANSLATOR_NOTHING, TRANSLATOR_AGAIN. */
int t1_prepare(struct cpu *cpu, struct block *block);
/* Run the code of one block, with the instructions counted, and follow no way out of it.  An indirect branch to
 * stop->rip goes to `code`, which leaves with that exit as T1_POLL does.  The status of the last instruction. */
int t1_run_block(struct cpu *cpu, const struct block *block, const struct t1_exit *stop, const void *code);
/* What raised attention for a change of IF is no reason to leave: CPU_OK.  Else the status as it was. */
int t1_interrupt_flag_changed(struct cpu *cpu, const struct t1_site *site, int status);
/* Fill in what the host has. */
void t1_host_find(struct t1 *t1);
/* Map memory for code at `code`, and once more where it can be written.  0 or a negative errno. */
int t1_cache_map(uint8_t *code, size_t size, uint8_t **writable);
/* Counting (statistics.c). */
void t1_count_block(struct t1 *t1, struct block *block, size_t size); /* it has been translated to so many bytes */
void t1_count_emptied(struct t1 *t1);
void t1_count_slow(struct t1_statistics *statistics, struct cpu *cpu, const struct insn *insn);
void t1_count_leave(struct t1_statistics *statistics, enum t1_leave why);

/* Links (link.c).  The stamps of what can be found by its address now; false: they would have come round, and all
 * blocks have been forgotten. */
bool t1_stamps_set(struct cpu *cpu);
const struct t1_page *t1_page_enter(struct t1 *t1, struct cpu *cpu, const struct block *block);
/* The same of the second page of a block that lies in two; false: there is none. */
bool t1_guard_set(struct t1 *t1, struct cpu *cpu, const struct block *block);
/* Was its code made from the bytes that are there now? */
static inline bool t1_code_current(const struct block *block)
{
	return block->code && block->code_version == __atomic_load_n(block->version_at, __ATOMIC_ACQUIRE) &&
		(!block->crosses || block->code_version2 == __atomic_load_n(block->version2_at, __ATOMIC_ACQUIRE));
}
void t1_jump_enter(struct t1 *t1, const struct block *block, const struct t1_page *page);
void t1_exit_link(struct t1 *t1, struct t1_exit *exit, const struct block *block, const struct t1_page *page);
/* Make the code at `from` a jump; nobody runs it. */
void t1_jump_patch(const struct t1 *t1, const void *from, const void *to);
void t1_block_discard(struct t1 *t1, struct block *block);
/* Be told when its pages change.  -ENOSPC */
int t1_block_list(struct t1 *t1, struct block *block);
void t1_block_replace(const struct t1 *t1, const struct block *old, const struct block *block);
/* Of struct cpu_translator. */
void t1_changed(struct cpu *cpu);
void t1_dropped(struct cpu *cpu, uint64_t linear);

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
