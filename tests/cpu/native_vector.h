/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * AVX and AVX-512 state of the host, in the host's XSAVE layout.
 */
#ifndef TESTS_CPU_NATIVE_VECTOR_H
#define TESTS_CPU_NATIVE_VECTOR_H

#include "vmm/cpu/cpu.h"

/* Read once: CPUID takes long in a virtual machine. */
struct native_layout {
	uint32_t components; /* of XCR0, that are loaded and compared; 0: the host has no XSAVE, only FXSAVE */
	uint32_t offset[8];  /* of each, in the standard form */
};

void native_layout_read(struct native_layout *layout);

/* Between an XSAVE area of the host and the state.  Components that are not in use are zero. */
void native_vector_put(const struct native_layout *layout, uint8_t *area, const struct cpu_vector *vector);
void native_vector_get(const struct native_layout *layout, const uint8_t *area, struct cpu_vector *vector);

#endif
