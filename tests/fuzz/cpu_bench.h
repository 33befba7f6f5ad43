/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* A virtual CPU with a little RAM and ports that answer. */
#ifndef FUZZ_CPU_BENCH_H
#define FUZZ_CPU_BENCH_H

#include "vmm/cpu/cpu.h"

#define BENCH_PAGES 64u
#define BENCH_RAM   (BENCH_PAGES * CPU_PAGE_SIZE)
#define BENCH_CODE  0x6000u

enum bench_mode { BENCH_REAL, BENCH_RING0, BENCH_RING3, BENCH_CODE16, BENCH_V86, BENCH_LONG, BENCH_MODES };

struct cpu_bench {
	struct cpu *cpu;
	uint8_t ram[BENCH_RAM];
	uint32_t version[BENCH_PAGES];
	bool code[BENCH_PAGES];
	uint64_t clock;
	uint32_t answer; /* what ports and devices read as, another each time */
	int vector;
};

/* In its power-on state. */
struct cpu_bench *cpu_bench_new(bool apic);
void cpu_bench_free(struct cpu_bench *bench);
/* To the beginning of the code in this mode, with tables as a small system has them. */
void cpu_bench_enter(struct cpu_bench *bench, enum bench_mode mode);
/* Identity paging. */
void cpu_bench_page(struct cpu_bench *bench);
/* What the bench itself has of another one; also lets the CPU forget what it knew of its memory. */
void cpu_bench_copy(struct cpu_bench *to, const struct cpu_bench *from);

#endif
