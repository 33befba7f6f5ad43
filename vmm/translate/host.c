/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What the host has that translated code can use.
 */
#include <cpuid.h>
#include <sys/auxv.h>

#include "vmm/translate/t1.h"

#define HWCAP2_FSGSBASE_BIT 2u

void t1_host_find(struct t1 *t1)
{
	unsigned a, b, c, d;

	t1->bmi2 = __builtin_cpu_supports("bmi2");
	t1->fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE_BIT;
	if (__get_cpuid(1, &a, &b, &c, &d)) {
		t1->xsave = c & bit_OSXSAVE;
		t1->movbe = c & bit_MOVBE;
		t1->crc32 = c & bit_SSE4_2;
	}
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
		t1->adx = b & bit_ADX;
}
