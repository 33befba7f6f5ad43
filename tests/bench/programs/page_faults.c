/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Page faults: memory is mapped, every page of 4 KiB written for the first time, and given back. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include "bench.h"

#define PAGES 512
#define PAGE  4096

static uint64_t page_faults_round(void)
{
	uint64_t fresh = 0;
	unsigned char *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 0;
	/* It may lack huge pages. */
	madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE);
	for (int i = 0; i < PAGES; i++)
		memory[i * PAGE + i] = (unsigned char)(i | 1);
	for (int i = 0; i < PAGES; i++)
		fresh += memory[i * PAGE + i] == (unsigned char)(i | 1) && !memory[i * PAGE + PAGE - 1 - i];
	return munmap(memory, PAGES * PAGE) ? 0 : fresh;
}

const struct program page_faults_program = { "page-faults", "kernel", PAGES, 0, page_faults_round, 0 };
