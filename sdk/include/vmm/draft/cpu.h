/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.cpu/1 (draft): the virtual CPUs as a debugger sees them: stop, look, change, go on.
 *
 * Its breakpoints are in nobody's memory and in no debug register, so that the guest cannot tell.  While the CPUs stand
 * still for a debugger guest time stands still too, and devices go on answering the host.  Registers and memory may be
 * read and written only then: -EBUSY otherwise.
 */
#ifndef VMM_DRAFT_CPU_H
#define VMM_DRAFT_CPU_H

#include <vmm/base.h>

#define VMM_SERVICE_CPU "vmm.cpu/1"

/* Registers.  Sizes in bytes stand behind them; values are little-endian, and a buffer of another size is -EINVAL. */
#define VMM_CPU_RAX        0   /* 8: and up to R15 = 15, in the order of Intel's numbers (RCX is 1, RSP 4) */
#define VMM_CPU_RIP        16  /* 8 */
#define VMM_CPU_RFLAGS     17  /* 8 */
#define VMM_CPU_ES         18  /* 8: the selector; CS, SS, DS, FS, GS follow */
#define VMM_CPU_ES_BASE    24  /* 8: the base; CS, SS, DS, FS, GS follow */
#define VMM_CPU_CR0        30  /* 8 */
#define VMM_CPU_CR2        31  /* 8 */
#define VMM_CPU_CR3        32  /* 8 */
#define VMM_CPU_CR4        33  /* 8 */
#define VMM_CPU_CR8        34  /* 8 */
#define VMM_CPU_EFER       35  /* 8 */
#define VMM_CPU_CODE_WIDTH 36  /* 8, read-only: 16, 32 or 64, of the code that CS leads to */
#define VMM_CPU_CPL        37  /* 8, read-only */
#define VMM_CPU_ST0        48  /* 10: and up to ST7 = 55, from the top of the stack */
#define VMM_CPU_FCW        56  /* 8: FCW, FSW, FTW (full), FCS, FIP, FDS, FDP, FOP, as FNSTENV has them */
#define VMM_CPU_MXCSR      64  /* 8 */
#define VMM_CPU_XMM0       128 /* 16: and up to XMM31 = 159 where the CPU has so many; -ENOENT beyond */
#define VMM_CPU_YMM0       160 /* 32: the same */
#define VMM_CPU_ZMM0       192 /* 64: the same */
#define VMM_CPU_K0         224 /* 8: the opmasks, to 231 */

/* Address spaces */
#define VMM_CPU_LINEAR   0 /* as the CPU translates it now; for 16- and 32-bit code segment bases are not added */
#define VMM_CPU_PHYSICAL 1

/* Kinds of breakpoints and watchpoints */
#define VMM_CPU_POINT_EXEC   0 /* before the instruction at the address; length 1 */
#define VMM_CPU_POINT_WRITE  1 /* after an instruction that writes there; length 1 and up */
#define VMM_CPU_POINT_READ   2
#define VMM_CPU_POINT_ACCESS 3

/* Why it stands still */
#define VMM_CPU_STOP_ASKED  0 /* stop() */
#define VMM_CPU_STOP_STEP   1
#define VMM_CPU_STOP_EXEC   2
#define VMM_CPU_STOP_WRITE  3 /* a watchpoint of that kind; address: of the access */
#define VMM_CPU_STOP_READ   4
#define VMM_CPU_STOP_ACCESS 5

struct vmm_cpu_stop {
	uint32_t struct_size;
	uint32_t cpu;    /* the one that stopped; all stand still */
	uint32_t reason; /* VMM_CPU_STOP_* */
	uint32_t reserved;
	uint64_t address;
};

/* All [machine]. */
struct vmm_cpu_service {
	uint32_t struct_size;
	uint32_t reserved;
	uint32_t (*count)(void *context);
	/* Be told when the CPUs have stopped: on the event loop, with the machine lock.  One watcher a machine: -EBUSY
	 * for a second; a NULL callback ends it, removes its points and lets the CPUs go. */
	int32_t (*watch)(void *context, void (*stopped)(void *self, uint64_t token, const struct vmm_cpu_stop *stop),
		void *self, uint64_t token);
	/* Have the CPUs stand still, soon; the watcher hears of it, also if they do already. */
	int32_t (*stop)(void *context);
	/* Let them go on: all, or with `step` only `cpu`, for one instruction, during which it takes no interrupt. */
	int32_t (*resume)(void *context, uint32_t cpu, uint32_t step);
	/* -ENOENT: there is no such register; -EINVAL: its size is another, or the value is not possible (a control
	 * register's reserved bits). */
	int32_t (*get_register)(void *context, uint32_t cpu, uint32_t number, void *value, uint32_t size);
	int32_t (*set_register)(void *context, uint32_t cpu, uint32_t number, const void *value, uint32_t size);
	/* -EFAULT: something of it is not mapped.  Nothing is marked or faults, and devices are not asked: they read as
	 * zeros.  Writes go to RAM only, write-protected or not. */
	int32_t (*read)(void *context, uint32_t cpu, uint32_t space, uint64_t address, void *data, uint64_t length);
	int32_t (*write)(
		void *context, uint32_t cpu, uint32_t space, uint64_t address, const void *data, uint64_t length);
	/* Add (or remove) a point, on all CPUs, by linear address.  While they run too.  -ENOSPC: too many. */
	int32_t (*point)(void *context, uint32_t kind, uint64_t address, uint64_t length, uint32_t add);
};

#endif
