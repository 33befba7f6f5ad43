/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#ifndef BENCH_H
#define BENCH_H
#include <stddef.h>
#include <stdint.h>

/*
 * A benchmark: every round does the same work and comes to the same number, whatever the word size and however floats
 * are rounded.  begin and end, which are not timed, may be NULL.
 */
struct program {
	const char *name;
	const char *group;  /* compute or kernel */
	uint64_t expected;  /* by round */
	int (*begin)(void); /* 0 or a negative errno */
	uint64_t (*round)(void);
	void (*end)(void);
};

extern const struct program integer_program, recursion_program, sieve_program, crc_program, sha256_program;
extern const struct program matmul_double_program, matmul_float_program, qsort_program, strings_program;
extern const struct program chase_program, chase_l1_program, bytecode_program, lz_program;
extern const struct program getppid_program, fork_program, page_faults_program, pipe_program, switches_program;
extern const struct program mmap_program, dd_program;

/* NULL if there is none of that name. */
const struct program *program_find(const char *name);
/* Runs it, with marks on standard output; the exit status. */
int program_run(const struct program *program, uint64_t rounds);
/* One line on standard output, in one piece and at once. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What is asked for on the kernel's command line or else on standard input; folder is where files go. */
int serve(const char *folder);

/* Numerical Recipes' generator; the upper bits are the better ones. */
static inline uint32_t random_next(uint32_t *state)
{
	return (*state = *state * 1664525u + 1013904223u) >> 8;
}

/* FNV-1a, by words. */
#define MIX_START UINT64_C(0xcbf29ce484222325)
static inline uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x100000001b3);
}

#endif
