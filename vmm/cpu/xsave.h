/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * XCR0 and the XSAVE area.
 */
#ifndef VMM_CPU_XSAVE_H
#define VMM_CPU_XSAVE_H

#include "vmm/cpu/insn.h"

struct cpu_model;

/* State components in XCR0 (SDM vol. 1, 13.1). */
#define XCR0_X87    0x01u
#define XCR0_SSE    0x02u
#define XCR0_AVX    0x04u
#define XCR0_OPMASK 0x20u
#define XCR0_ZMM_HI 0x40u
#define XCR0_ZMM_16 0x80u
#define XCR0_AVX512 (XCR0_OPMASK | XCR0_ZMM_HI | XCR0_ZMM_16)

/* Bits that XCR0 may have. */
uint64_t xcr0_allowed(const struct cpu_model *model);
/* CPUID leaf 0xd. */
void xsave_cpuid(const struct cpu *cpu, uint32_t subleaf, uint32_t out[4]);

/* XGETBV and XSETBV (0F 01 D0, D1); NULL: none of them. */
insn_execute *xcr_select(const struct cpu *cpu, const struct insn *insn);
/* XSAVE, XRSTOR, XSAVEOPT (0F AE /4 to /6 with memory). */
insn_execute *xsave_select(const struct cpu *cpu, const struct insn *insn);
/* 0F C7: XRSTORS, XSAVEC, XSAVES, RDRAND, RDSEED here, else what cmpxchg_select() says. */
insn_execute *group9_select(struct cpu *cpu, struct insn *insn);

#endif
