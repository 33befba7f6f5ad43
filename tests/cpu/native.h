/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Between the native side's C code and its stubs.
 */
#ifndef TESTS_CPU_NATIVE_H
#define TESTS_CPU_NATIVE_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/cpu/case.h"
#include "tests/cpu/native_vector.h"

/* At STATE_BASE in the child; the stubs know these offsets. */
struct native_state {
	uint64_t gpr[16];      /* 0 */
	uint64_t eflags;       /* 128 */
	uint64_t host_stack;   /* 136 */
	uint64_t rip, cs, ss;  /* 144, 152, 160 */
	uint32_t data, other;  /* 168, 172: selectors */
	uint64_t mxcsr;        /* 176: the host's */
	uint64_t fs_base;      /* 184 */
	uint64_t gs_base;      /* 192 */
	uint64_t host_fs;      /* 200 */
	uint32_t components;   /* 208: of the XSAVE area; 0: FXSAVE only */
	uint32_t selectors[6]; /* 212 */
	uint32_t reserved[5];
	struct cpu_fxsave fx;         /* 256 */
	uint8_t extended[4096 - 768]; /* the rest of an XSAVE area */
};
_Static_assert(offsetof(struct native_state, fx) == 256, "known to the stubs");

#define STATE ((struct native_state *)(uintptr_t)STATE_BASE)

/* native_stub.c: what is copied to STUB_BASE.  Both begins are called; `resume` is where signal handlers return to. */
extern const uint8_t oracle_stub_begin[], oracle_stub_begin64[], oracle_stub_exit[], oracle_stub_exit64[],
	oracle_stub_resume[], oracle_stub_end[];
/* The signal handler where 64-bit code may have changed FS: puts it right and goes to native_signal(). */
void oracle_signal_entry(int number, siginfo_t *info, void *context);
/* native.c */
void native_signal(int number, siginfo_t *info, void *context);

#endif
