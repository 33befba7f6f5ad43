/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Long actions: how far they are, and Ctrl-C. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command/disk.h"
#include "vmm/event/clock.h"

#define AGAIN_NS 200000000u

/* The one thing that a signal handler can do. */
static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

bool disk_interrupted(void)
{
	return interrupted;
}

void disk_progress_begin(struct disk_progress *progress, const char *what)
{
	struct sigaction action = { .sa_handler = interrupt };

	*progress = (struct disk_progress){ .what = what, .terminal = isatty(STDERR_FILENO), .percent = -1 };
	interrupted = 0;
	/* The second one ends us the hard way. */
	action.sa_flags = (int)SA_RESETHAND;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool disk_progress(struct disk_progress *progress, uint64_t done, uint64_t of)
{
	uint64_t now;
	int percent;

	if (!progress->terminal || !of)
		return interrupted;
	now = clock_host_now();
	percent = (int)((double)done * 100 / (double)of);
	if (percent == progress->percent || now - progress->last < AGAIN_NS)
		return interrupted;
	progress->percent = percent;
	progress->last = now;
	progress->shown = true;
	fprintf(stderr, "\r%s: %d %%", progress->what, percent);
	return interrupted;
}

void disk_progress_end(struct disk_progress *progress)
{
	if (progress->shown)
		fprintf(stderr, "\r\033[K");
	progress->shown = false;
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}
