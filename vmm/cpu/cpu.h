/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * One virtual CPU: its architectural state and how the engine drives it.
 *
 * A struct cpu belongs to the thread that runs it.  Only `request` (through cpu_request), `sipi_vector`,
 * `a20_mask_next` and the posted interrupts of the local APIC may be touched from other threads.
 * Register numbers, names and layouts are those of Intel's Software Developer's Manual (SDM).
 */
#ifndef VMM_CPU_CPU_H
#define VMM_CPU_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/cpu/bus.h"

enum { CPU_RAX, CPU_RCX, CPU_RDX, CPU_RBX, CPU_RSP, CPU_RBP, CPU_RSI, CPU_RDI }; /* then r8 to r15 */

enum { CPU_ES, CPU_CS, CPU_SS, CPU_DS, CPU_FS, CPU_GS, CPU_SEGMENTS };

/* RFLAGS */
#define CPU_FLAG_CF          (1u << 0)
#define CPU_FLAG_FIXED       (1u << 1)
#define CPU_FLAG_PF          (1u << 2)
#define CPU_FLAG_AF          (1u << 4)
#define CPU_FLAG_ZF          (1u << 6)
#define CPU_FLAG_SF          (1u << 7)
#define CPU_FLAG_TF          (1u << 8)
#define CPU_FLAG_IF          (1u << 9)
#define CPU_FLAG_DF          (1u << 10)
#define CPU_FLAG_OF          (1u << 11)
#define CPU_FLAG_IOPL        (3u << 12)
#define CPU_FLAG_NT          (1u << 14)
#define CPU_FLAG_RF          (1u << 16)
#define CPU_FLAG_VM          (1u << 17)
#define CPU_FLAG_AC          (1u << 18)
#define CPU_FLAG_VIF         (1u << 19)
#define CPU_FLAG_VIP         (1u << 20)
#define CPU_FLAG_ID          (1u << 21)
#define CPU_FLAGS_ARITHMETIC (CPU_FLAG_CF | CPU_FLAG_PF | CPU_FLAG_AF | CPU_FLAG_ZF | CPU_FLAG_SF | CPU_FLAG_OF)

/* Control registers */
#define CPU_CR0_PE         (1u << 0)
#define CPU_CR0_MP         (1u << 1)
#define CPU_CR0_EM         (1u << 2)
#define CPU_CR0_TS         (1u << 3)
#define CPU_CR0_ET         (1u << 4)
#define CPU_CR0_NE         (1u << 5)
#define CPU_CR0_WP         (1u << 16)
#define CPU_CR0_AM         (1u << 18)
#define CPU_CR0_NW         (1u << 29)
#define CPU_CR0_CD         (1u << 30)
#define CPU_CR0_PG         (1u << 31)
#define CPU_CR4_VME        (1u << 0)
#define CPU_CR4_PVI        (1u << 1)
#define CPU_CR4_TSD        (1u << 2)
#define CPU_CR4_DE         (1u << 3)
#define CPU_CR4_PSE        (1u << 4)
#define CPU_CR4_PAE        (1u << 5)
#define CPU_CR4_MCE        (1u << 6)
#define CPU_CR4_PGE        (1u << 7)
#define CPU_CR4_PCE        (1u << 8)
#define CPU_CR4_OSFXSR     (1u << 9)
#define CPU_CR4_OSXMMEXCPT (1u << 10)
#define CPU_CR4_UMIP       (1u << 11)
#define CPU_CR4_LA57       (1u << 12)
#define CPU_CR4_FSGSBASE   (1u << 16)
#define CPU_CR4_PCIDE      (1u << 17)
#define CPU_CR4_OSXSAVE    (1u << 18)
#define CPU_CR4_SMEP       (1u << 20)
#define CPU_CR4_SMAP       (1u << 21)
#define CPU_CR4_PKE        (1u << 22)
#define CPU_CR3_NOFLUSH    (1ull << 63)
#define CPU_EFER_SCE       (1u << 0)
#define CPU_EFER_LME       (1u << 8)
#define CPU_EFER_LMA       (1u << 10)
#define CPU_EFER_NXE       (1u << 11)

/* Exception vectors */
enum {
	CPU_DE = 0,
	CPU_DB = 1,
	CPU_NMI = 2,
	CPU_BP = 3,
	CPU_OF = 4,
	CPU_BR = 5,
	CPU_UD = 6,
	CPU_NM = 7,
	CPU_DF = 8,
	CPU_TS = 10,
	CPU_NP = 11,
	CPU_SSF = 12,
	CPU_GP = 13,
	CPU_PF = 14,
	CPU_MF = 16,
	CPU_AC = 17,
	CPU_MC = 18,
	CPU_XM = 19,
	/* No vectors, but raised like them: what else becomes of an instruction. */
	CPU_CUT = 0xfd,      /* it cannot be done twice, as it would have to be (journal.h) */
	CPU_FREEZE = 0xfe,   /* it waits for an interrupt (cpu->frozen) */
	CPU_SHUTDOWN = 0xff, /* as after a triple fault */
};

#define CPU_CODE_CHANGED 1024u /* hashes of code pages */

/* A segment register with its descriptor cache. */
struct cpu_segment {
	uint16_t selector;
	/* Descriptor bits 40..55 as they lie in the descriptor's second word, shifted down by 8: type 0-3,
	 * S 4, DPL 5-6, P 7, AVL 12, L 13, D/B 14, G 15. */
	uint16_t attributes;
	uint32_t limit; /* in bytes, granularity applied */
	uint64_t base;
};
#define CPU_SEGMENT_TYPE(a) ((a)&0xfu)
#define CPU_SEGMENT_S       (1u << 4)
#define CPU_SEGMENT_DPL(a)  (((a) >> 5) & 3u)
#define CPU_SEGMENT_P       (1u << 7)
#define CPU_SEGMENT_L       (1u << 13)
#define CPU_SEGMENT_DB      (1u << 14)
#define CPU_SEGMENT_G       (1u << 15)

/* The FXSAVE image (SDM vol. 1, 10.5.1), which grows to the XSAVE area with AVX. */
struct cpu_fxsave {
	uint16_t fcw, fsw;
	uint8_t ftw, reserved0; /* abridged tag word: 1 = not empty */
	uint16_t fop;
	uint64_t fip; /* 32-bit form: offset in the low, selector in the high half */
	uint64_t fdp;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16]; /* relative to the top of stack; MMX registers are physical: mm(i) = st[(i - top) & 7] */
	uint8_t xmm[16][16];
	uint8_t reserved1[96];
} __attribute__((aligned(64)));

/* What AVX and AVX-512 add, in the layout of their parts of the XSAVE area (SDM vol. 1, 13.5). */
struct cpu_vector {
	uint8_t ymm_high[16][16]; /* of YMM0 to YMM15 */
	uint8_t zmm_high[16][32]; /* of ZMM0 to ZMM15 */
	uint8_t zmm[16][64];      /* ZMM16 to ZMM31 */
	uint64_t k[8];
};

/* An exception on its way.  Handlers fill it in with cpu_raise() and return CPU_FAULT. */
struct cpu_exception {
	uint8_t vector;
	bool has_error;
	uint32_t error;
	uint64_t cr2; /* #PF only */
	uint64_t dr6; /* #DB only: bits to be set in DR6 */
};

struct cpu_apic;
struct cpu_debugger; /* debugger.h */
struct tlb_entry;
struct cpu_model;
struct cpu_blocks;     /* decoded-block cache (block.c) */
struct cpu_tlb;        /* software TLB (tlb.h) */
struct cpu_journal;    /* journal.h */
struct cpu_translator; /* translator.h */
struct cpu_thunks;     /* native one-instruction thunks (thunk.h); shared by all CPUs of a machine */
struct state_writer;   /* vmm/state */
struct state_reader;

struct cpu {
	/* Architectural state. */
	uint64_t gpr[17]; /* the last is always zero: what an absent base or index register reads as */
	uint64_t rip;     /* of the instruction that runs, while one runs; else of the next */
	/* RFLAGS.  The six arithmetic flags are valid here only while flags_op is FLAGS_VALID; cpu_rflags()
	 * and cpu_rflags_set() in flags.h hide that. */
	uint64_t rflags;
	uint64_t flags_result, flags_source1, flags_source2;
	uint32_t flags_op;
	uint8_t cpl;

	struct cpu_segment segment[CPU_SEGMENTS];
	struct cpu_segment ldtr, tr;
	struct {
		uint64_t base;
		uint32_t limit;
	} gdtr, idtr;
	uint64_t cr0, cr2, cr3, cr4, efer, xcr0;
	uint64_t dr[8];
	uint64_t pdpte[4]; /* PAE: loaded by MOV to CR3, as the SDM says, not at each walk */

	/* MSRs that have no other home. */
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base, tsc_aux, pat, misc_enable, debugctl;
	uint64_t mtrr_physical[16], mtrr_fixed[11], mtrr_default;
	uint64_t mcg_status, microcode_revision, spec_ctrl;
	int64_t tsc_offset; /* TSC = time() scaled to tsc_hz, plus this (WRMSR to the TSC, TSC_ADJUST) */
	uint64_t tsc_adjust;

	struct cpu_fxsave fx;
	uint64_t xsave_header[8]; /* a translator's, for XRSTOR of the image before it */
	struct cpu_vector vector;

	/* Between instructions. */
	bool interrupt_shadow; /* after STI or MOV SS: no interrupt before the next instruction has ended */
	bool shadow_ss;        /* the shadow is of MOV/POP SS, which holds #DB and NMI off too */
	bool nmi_blocked;
	bool halted;    /* HLT; ended by an interrupt, NMI, INIT, SMI */
	bool shutdown;  /* after a triple fault; ended by NMI, INIT, SMI */
	bool wait_sipi; /* an application processor after INIT */
	bool frozen;    /* before a waiting x87 instruction, after FERR#; ended as HLT is, and by IGNNE# */
	bool ferr;      /* FERR# is asserted */
	bool ignne;     /* IGNNE# is; atomic */
	bool in_smm;
	uint32_t smbase;
	struct {
		uint64_t instructions; /* when it ran */
		uint64_t rip, rcx, rsi, rdi;
	} io;                  /* the last I/O instruction, before it or its iteration: for SMM's I/O restart */
	uint64_t instructions; /* retired since reset; interrupted and repeated string steps as in docs/engine.md */

	/* The run in progress. */
	uint64_t budget_end; /* cpu_run() returns when instructions reaches this */
	struct cpu_exception exception;
	uint64_t pending_db; /* DR6 bits of traps to be taken after this instruction */
	bool block_end;      /* leave the running block after this instruction */
	uint64_t next_rip;   /* where RIP goes when the running instruction succeeds; jumps change it */

	/* Derived from the architectural state by cpu_mode_update() and its kin (mode.h); never saved. */
	struct cpu_fast_segment {
		uint64_t base, read_end, write_end; /* an access that ends at or below *_end needs no other check */
	} fast[CPU_SEGMENTS];
	uint64_t linear_mask;                         /* width of linear addresses */
	uint64_t ip_mask;                             /* width of the instruction pointer */
	uint64_t stack_mask;                          /* width of the stack pointer, by SS.B */
	uint32_t code_limit;                          /* CS limit that the block links in use were made under */
	uint64_t context;                             /* block key: mode word << 32 | CS base */
	const struct tlb_entry *tlb_read, *tlb_write; /* of the current privilege, or the empty array */
	bool yield;                                   /* cpu_run() is to return: a string instruction took long */
	bool attention;                               /* own thread: look at events before the next block */
	bool slow;                                    /* one instruction at a time: TF, breakpoints, shadow, trace */

	/* The translator's, while its code runs: t1.h of vmm/translate. */
	struct {
		int64_t left;                 /* instructions until budget_end */
		uint64_t stamp, stamp_kernel; /* of this address space and mode; of the kernel's part of it */
		uint64_t epoch, epoch_kernel; /* of the TLB when stamps began */
		uint64_t scratch;
		uint64_t group[16]; /* host addresses of pieces that several accesses of the block use, or 0 */
		uint64_t limit; /* what a register of a superblock's must not become before its groups are looked up */
		struct cpu *self;
		const void *resume;
		struct t1_exit *exit;
		struct block *block;
		uint8_t live;         /* vector state in host registers: T1_LIVE_* */
		uint8_t x87, x87_was; /* the same of the x87 registers: 1 or 0 */
		uint16_t fop;         /* with FIP and FDP: what the guest's were when they were loaded */
		uint64_t fip, fdp;
		uint8_t live_was; /* when t1_slow() was called */
		bool interpret;   /* the interpreter must run what is at RIP */
		bool missed;      /* t1_refill() has said no: t1_slow() comes next, and counts it */
		uint32_t mxcsr;   /* the host's */
		uint32_t heeded;  /* requests that end translated code */
		uint32_t poll;    /* not 0: a request was made; atomic */
		int status;
	} t1;

	/* Requests from other threads. */
	uint32_t request; /* CPU_REQUEST_*, atomic */
	uint64_t code_changed[CPU_CODE_CHANGED /
		64];        /* a bit for the hash of each page whose version was raised; atomic */
	uint32_t irr_waits; /* not 0: the local APIC's IRR is not empty.  The own thread's */
	uint8_t sipi_vector;
	uint8_t sample_depth;             /* how many addresses CPU_REQUEST_SAMPLE wants; atomic */
	uint64_t a20_mask, a20_mask_next; /* and-masks on physical addresses; all ones in SMM, and the pin's */

	/* What it is made of. */
	unsigned index; /* 0 is the bootstrap processor; also its initial APIC ID */
	unsigned count; /* CPUs in the machine */
	struct cpu_bus bus;
	const struct cpu_model *model;
	uint64_t tsc_hz;
	struct cpu_apic *apic; /* NULL: none */
	struct cpu_tlb *tlb;
	struct cpu_blocks *blocks;
	struct cpu_thunks *thunks;
	void *memory;                      /* where it lies */
	struct cpu_journal *journal;       /* of writes to memory, while somebody keeps one (journal.h) */
	struct cpu_translator *translator; /* NULL: there is the interpreter only */
	struct cpu_debugger *debugger;     /* NULL: nobody debugs it */
	uint32_t trace;                    /* CPU_TRACE_*; 0 costs nothing per instruction */
	void (*trace_log)(void *self, const char *text);
	void *trace_self;
};

#define CPU_TRACE_EXEC (1u << 0) /* every instruction */
#define CPU_TRACE_INT  (1u << 1) /* interrupts, exceptions, SMI and RSM */
#define CPU_TRACE_MMU  (1u << 2) /* page faults, TLB flushes */

enum cpu_exit {
	CPU_EXIT_REQUEST,  /* CPU_REQUEST_EXIT was set (and is cleared) */
	CPU_EXIT_BUDGET,   /* the instructions asked for have run, or part of a long string instruction */
	CPU_EXIT_HALT,     /* HLT, frozen, shut down, or waiting for SIPI: block until cpu_wakes() */
	CPU_EXIT_SHUTDOWN, /* triple fault, or RSM to an invalid state */
	CPU_EXIT_DEBUG,    /* cpu->debugger->reason says why */
};

/* What a CPU is made from. */
struct cpu_config {
	unsigned index, count;
	struct cpu_bus bus;
	const char *model;              /* name for cpu_model_find(); NULL: the default */
	uint64_t tsc_hz;                /* 0: 1 GHz */
	bool apic;                      /* has a local APIC */
	struct cpu_thunks *thunks;      /* shared by the machine's CPUs, each takes a reference; NULL: one of its own */
	unsigned physical_address_bits; /* 0: by model */
	bool mitigations;               /* do not say that the guest needs none (IA32_ARCH_CAPABILITIES) */
};

/* Make a CPU in its power-on state.  0, -ENOMEM, -EINVAL for an unknown model, or -EOPNOTSUPP
 * for one that needs more than this host has.  cpu_destroy takes NULL. */
int cpu_create(const struct cpu_config *config, struct cpu **cpu);
void cpu_destroy(struct cpu *cpu);

/* Power-on or RESET# state (init false), or after INIT (init true): SDM vol. 3A, table 9-1.  On the CPU's
 * own thread, or while it is not running. */
void cpu_reset(struct cpu *cpu, bool init);

/* Run guest code until something ends it, at most `budget` instructions. */
enum cpu_exit cpu_run(struct cpu *cpu, uint64_t budget);

/* Raise request bits, from any thread.  Waking a thread that sleeps on HLT is the caller's affair. */
static inline void cpu_request(struct cpu *cpu, uint32_t bits)
{
	__atomic_fetch_or(&cpu->request, bits, __ATOMIC_SEQ_CST);
	/* what translated code looks at */
	__atomic_store_n(&cpu->t1.poll, 1, __ATOMIC_SEQ_CST);
}
static inline void cpu_request_clear(struct cpu *cpu, uint32_t bits)
{
	__atomic_fetch_and(&cpu->request, ~bits, __ATOMIC_SEQ_CST);
}
/* The version at this address (struct cpu_page) was raised, on any thread: translated code of the page is to go. */
static inline unsigned cpu_code_hash(const uint32_t *version_at)
{
	return (unsigned)(((uintptr_t)version_at >> 2) * UINT64_C(0x9e3779b97f4a7c15) >> 32) % CPU_CODE_CHANGED;
}
static inline void cpu_code_changed(struct cpu *cpu, const uint32_t *version_at)
{
	unsigned hash = cpu_code_hash(version_at);

	__atomic_fetch_or(&cpu->code_changed[hash / 64], UINT64_C(1) << hash % 64, __ATOMIC_SEQ_CST);
	cpu_request(cpu, CPU_REQUEST_CODE);
}
/* True if a halted CPU would go on with the requests it has now (IF, NMI blocking considered).  Own thread. */
bool cpu_wakes(struct cpu *cpu);

/* The TSC as RDTSC would read it now, TSC_ADJUST included. */
uint64_t cpu_tsc(const struct cpu *cpu);

/* Save and load architectural state, local APIC included, at an instruction boundary.  0 or negative errno. */
int cpu_save(const struct cpu *cpu, struct state_writer *writer);
int cpu_load(struct cpu *cpu, struct state_reader *reader);

#endif
