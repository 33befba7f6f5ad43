/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* What `vmm profile` makes of the machine's answers. */
#ifndef VMM_COMMAND_PROFILE_H
#define VMM_COMMAND_PROFILE_H

#include <jansson.h>
#include <stdint.h>

#include "vmm/command/symbols.h"

struct profile_tally {
	const struct symbols *symbols;
	json_t *functions, *stacks;     /* ticks by name; by callers and function, the outermost first */
	uint64_t ran, user, idle, lost; /* ticks; user: of those that ran */
};

void tally_init(struct profile_tally *tally, const struct symbols *symbols);
/* Add an answer to "profile" with "do": "read". */
void tally_add(struct profile_tally *tally, json_t *answer);
void tally_free(struct profile_tally *tally);

/* Put functions' names into a map for perf, where they are known. */
int map_name(const char *path, const struct symbols *symbols);
/* How often the machine's code caches have been emptied. */
int cache_emptied(const char *machine, uint64_t *count);

#endif
