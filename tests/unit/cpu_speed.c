/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * How many instructions a second: a tight loop and a loop with memory, calls and branches.
 */
#include <stdio.h>
#include <time.h>

#include "tests/unit/cpu_fixture.h"

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void measure(const char *name, uint64_t budget)
{
	double start = seconds();
	uint64_t before = fixture.cpu->instructions;

	run_for(budget);
	printf("%-10s %7.1f million instructions/s\n", name,
		(double)(fixture.cpu->instructions - before) / (seconds() - start) * 1e-6);
}

int main(void)
{
	fixture_setup();
	start_protected(0x10000, 0);
	paging_on(3);
	/* 1: add eax,ecx; xor edx,eax; dec ebx; jnz 1b; jmp 1b */
	CODE(0x10000, 0x01, 0xc8, 0x31, 0xc2, 0x4b, 0x75, 0xf9, 0xeb, 0xf7);
	measure("registers", 200000000);
	fixture_teardown();

	fixture_setup();
	start_protected(0x10000, 0);
	paging_on(3);
	/* 1: mov eax,[0x20000]; add eax,1; mov [0x20000],eax; cmp eax,[0x20004]; push eax; call f; pop eax;
	 * test eax,eax; jne 1b; jmp 1b; f: lea ecx,[eax*4+8]; shr ecx,3; ret */
	CODE(0x10000, 0xa1, 0x00, 0x00, 0x02, 0x00, 0x83, 0xc0, 0x01, 0xa3, 0x00, 0x00, 0x02, 0x00, 0x3b, 0x05, 0x04,
		0x00, 0x02, 0x00, 0x50, 0xe8, 0x07, 0x00, 0x00, 0x00, 0x58, 0x85, 0xc0, 0x75, 0xe2, 0xeb, 0xe0, 0x8d,
		0x0c, 0x85, 0x08, 0x00, 0x00, 0x00, 0xc1, 0xe9, 0x03, 0xc3);
	measure("mixed", 200000000);
	fixture_teardown();
	return 0;
}
