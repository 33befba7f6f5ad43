/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Processes that hand a byte on through pipes: a pair to and fro, and a ring of eight, each with some memory of its own
 * to look at when its turn comes.
 */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

#define TRIPS  100
#define RING   8
#define LAPS   25
#define MEMORY 16384

static int into, out_of;
static pid_t children[RING];
static unsigned char memory[MEMORY];

static unsigned int look(void)
{
	unsigned int sum = 0;

	for (int i = 0; i < MEMORY; i += 64)
		sum += memory[i]++;
	return sum;
}

static void hand_on(int in, int out, int work)
{
	unsigned char byte;

	while (read(in, &byte, 1) == 1) {
		if (work && look() % 256)
			break;
		byte++;
		if (write(out, &byte, 1) != 1)
			break;
	}
	_exit(0);
}

/* So many processes, one behind the other, besides this one. */
static int make(int count, int work)
{
	int ends[2], in;

	if (pipe(ends))
		return -errno;
	into = ends[1];
	for (int i = 0; i < count; i++) {
		in = ends[0];
		if (pipe(ends))
			return -errno;
		pid_t child = children[i] = fork();
		if (child < 0)
			return -errno;
		if (!child) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(into);
			hand_on(in, ends[1], work);
		}
		close(in);
		close(ends[1]);
	}
	out_of = ends[0];
	return 0;
}

/* Begun by closing the first pipe, which ends one after the other. */
static void stop(void)
{
	close(into);
	for (int i = 0; i < RING && children[i]; i++)
		waitpid(children[i], NULL, 0);
	close(out_of);
}

static uint64_t send_round(int count, int work)
{
	unsigned char byte = 0;

	for (int i = 0; i < count; i++)
		if ((work && look() % 256) || write(into, &byte, 1) != 1 || read(out_of, &byte, 1) != 1)
			return 256;
	return byte;
}

static int pipe_begin(void)
{
	return make(1, 0);
}

static uint64_t pipe_round(void)
{
	return send_round(TRIPS, 0);
}

static int switches_begin(void)
{
	return make(RING - 1, 1);
}

static uint64_t switches_round(void)
{
	return send_round(LAPS, 1);
}

const struct program pipe_program = { "pipe", "kernel", TRIPS, pipe_begin, pipe_round, stop };
const struct program switches_program = { "switches", "kernel", LAPS *(RING - 1), switches_begin, switches_round,
	stop };
