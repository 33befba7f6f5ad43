/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The shortest system call. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>
#include "bench.h"

#define CALLS 4000

static long parent;

static int getppid_begin(void)
{
	parent = getppid();
	return 0;
}

static uint64_t getppid_round(void)
{
	uint64_t right = 0;

	for (int i = 0; i < CALLS; i++)
		right += syscall(SYS_getppid) == parent;
	return right;
}

const struct program getppid_program = { "getppid", "kernel", CALLS, getppid_begin, getppid_round, 0 };
