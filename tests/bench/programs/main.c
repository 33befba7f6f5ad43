/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The programs of the benchmark, in one: list | NAME ROUNDS | serve FOLDER */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"

static const struct program *const programs[] = {
	&integer_program,
	&recursion_program,
	&sieve_program,
	&crc_program,
	&sha256_program,
	&matmul_double_program,
	&matmul_float_program,
	&qsort_program,
	&strings_program,
	&chase_l1_program,
	&chase_program,
	&bytecode_program,
	&lz_program,
	&getppid_program,
	&fork_program,
	&page_faults_program,
	&pipe_program,
	&switches_program,
	&mmap_program,
	&dd_program,
};
#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

const struct program *program_find(const char *name)
{
	for (size_t i = 0; i < PROGRAMS; i++)
		if (!strcmp(programs[i]->name, name))
			return programs[i];
	return NULL;
}

void say(const char *format, ...)
{
	char line[200];
	va_list list;

	va_start(list, format);
	int length = vsnprintf(line, sizeof(line) - 1, format, list);
	va_end(list);
	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	for (int done = 0; done < length;) {
		ssize_t n = write(1, line + done, (size_t)(length - done));
		if (n < 0 && errno != EINTR)
			_exit(3);
		done += n > 0 ? (int)n : 0;
	}
}

int program_run(const struct program *program, uint64_t rounds)
{
	uint64_t result = program->expected;
	int error = program->begin ? program->begin() : 0;

	if (error) {
		say("FAIL %s %s", program->name, strerror(-error));
		return 1;
	}
	say("BEGIN %s %" PRIu64, program->name, rounds);
	for (uint64_t i = 0; i < rounds && result == program->expected; i++)
		result = program->round();
	if (result == program->expected)
		say("END %s %016" PRIx64, program->name, result);
	else
		say("FAIL %s %016" PRIx64 " instead of %016" PRIx64, program->name, result, program->expected);
	if (program->end)
		program->end();
	return result != program->expected;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "list")) {
		for (size_t i = 0; i < PROGRAMS; i++)
			say("%s %s", programs[i]->name, programs[i]->group);
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc == 3 && program_find(argv[1]))
		return program_run(program_find(argv[1]), strtoull(argv[2], NULL, 0));
	say("usage: %s list | NAME ROUNDS | serve FOLDER", argv[0]);
	return 2;
}
