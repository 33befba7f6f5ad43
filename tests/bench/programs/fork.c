/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Processes made, ended and waited for. */
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

#define FORKS 8

static uint64_t fork_round(void)
{
	uint64_t sum = 0;

	for (int i = 1; i <= FORKS; i++) {
		int status = 0;
		pid_t child = fork();
		if (!child)
			_exit(i);
		if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status))
			sum += (uint64_t)WEXITSTATUS(status);
	}
	return sum;
}

const struct program fork_program = { "fork", "kernel", FORKS *(FORKS + 1) / 2, 0, fork_round, 0 };
