/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The benchmark's init: runs programs one after the other, as bench=NAME:ROUNDS,... on the kernel's command line says,
 * or as lines "NAME ROUNDS" on standard input ask.  Each says BEGIN and END; DONE tells that it has ended.  As the
 * first process it switches the machine off at the end ("off", or the end of input).
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

static void run(const char *name, uint64_t rounds)
{
	const struct program *program = program_find(name);
	int status = 0;

	if (!program) {
		say("FAIL %s there is no such program", name);
		say("DONE %s", name);
		return;
	}
	pid_t child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(program_run(program, rounds));
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		say("FAIL %s %s", name, strerror(errno));
	else if (WIFSIGNALED(status))
		say("FAIL %s %s", name, strsignal(WTERMSIG(status)));
	say("DONE %s", name);
}

/* The list after bench= in text, which is cut up; NULL if there is none. */
static char *asked(char *text)
{
	char *rest;

	for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
		if (!strncmp(word, "bench=", 6))
			return word + 6;
	return NULL;
}

static void run_list(char *list)
{
	char *rest;

	for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		char *colon = strchr(word, ':');
		if (colon)
			*colon = 0;
		run(word, colon ? strtoull(colon + 1, NULL, 0) : 1);
	}
}

int serve(const char *folder)
{
	static char text[4096];
	bool first = getpid() == 1;
	FILE *file = first ? fopen("/proc/cmdline", "r") : NULL;
	char *list = file && fgets(text, sizeof(text), file) ? asked(text) : NULL;

	if (file)
		fclose(file);
	if (chdir(folder)) {
		say("FAIL serve %s: %s", folder, strerror(errno));
		return 1;
	}
	say("SERVING");
	if (list) {
		run_list(list);
	} else {
		char name[32];
		uint64_t rounds;
		while (fgets(text, sizeof(text), stdin) && strcmp(text, "off\n")) {
			if (sscanf(text, "%31s %" SCNu64, name, &rounds) == 2)
				run(name, rounds);
			else
				say("FAIL serve NAME ROUNDS is wanted");
		}
	}
	say("OFF");
	if (first)
		reboot(RB_POWER_OFF);
	return 0;
}
