/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/command/command.h"
#include "vmm/command/profile.h"
#include "vmm/event/file.h"

void tally_init(struct profile_tally *tally, const struct symbols *symbols)
{
	*tally = (struct profile_tally){ .symbols = symbols, .functions = json_object(), .stacks = json_object() };
}

void tally_free(struct profile_tally *tally)
{
	json_decref(tally->functions);
	json_decref(tally->stacks);
}

static void count_add(json_t *counts, const char *name, json_int_t ticks)
{
	json_object_set_new(counts, name, json_integer(json_integer_value(json_object_get(counts, name)) + ticks));
}

/* A function's name, else the address: user code's with the address space, for each program has its own at it. */
static void place_print(FILE *to, const struct profile_tally *tally, json_t *sample, const char *address)
{
	const char *name = NULL;

	if (json_integer_value(json_object_get(sample, "bits")) != 16)
		name = symbols_find(tally->symbols, strtoull(address, NULL, 16));
	if (name)
		fputs(name, to);
	else if (json_is_true(json_object_get(sample, "user")))
		fprintf(to, "%s@%s", address, json_string_value(json_object_get(sample, "cr3")));
	else
		fputs(address, to);
}

static void sample_add(struct profile_tally *tally, json_t *sample)
{
	json_int_t ticks = json_integer_value(json_object_get(sample, "ticks"));
	const char *who = json_is_true(json_object_get(sample, "user")) ? "user" : "kernel";
	json_t *at = json_object_get(sample, "at");
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return;
	tally->ran += (uint64_t)ticks;
	if (who[0] == 'u')
		tally->user += (uint64_t)ticks;
	fprintf(stream, "%-6s  ", who);
	place_print(stream, tally, sample, json_string_value(json_array_get(at, 0)));
	if (!fflush(stream))
		count_add(tally->functions, text, ticks);
	rewind(stream);
	fputs(who, stream);
	for (size_t i = json_array_size(at); i-- > 0;) {
		fputc(';', stream);
		place_print(stream, tally, sample, json_string_value(json_array_get(at, i)));
	}
	fputc(0, stream);
	if (!fclose(stream))
		count_add(tally->stacks, text, ticks);
	free(text);
}

void tally_add(struct profile_tally *tally, json_t *answer)
{
	json_t *sample;
	size_t index;

	tally->idle += (uint64_t)json_integer_value(json_object_get(answer, "idle"));
	tally->lost += (uint64_t)json_integer_value(json_object_get(answer, "lost"));
	json_array_foreach(json_object_get(answer, "samples"), index, sample) sample_add(tally, sample);
}

/* ---- the map for perf ---- */

int map_name(const char *path, const struct symbols *symbols)
{
	FILE *from = fopen(path, "re"), *to;
	char *text = NULL, *line = NULL;
	size_t size = 0, capacity = 0;
	int status = 0;

	if (!from)
		return command_failed("%s: %s", path, strerror(errno));
	to = open_memstream(&text, &size);
	while (to && getline(&line, &capacity, from) > 0) {
		unsigned long long start, length, address;
		unsigned bits;
		const char *name = NULL;
		char who;

		if (sscanf(line, "%llx %llx guest:%c%u:%llx", &start, &length, &who, &bits, &address) == 5 &&
			bits != 16)
			name = symbols_find(symbols, address);
		if (name)
			fprintf(to, "%llx %llx guest:%s\n", start, length, name);
		else
			fputs(line, to);
	}
	free(line);
	fclose(from);
	if (!to || fclose(to))
		status = -ENOMEM;
	if (!status)
		status = file_replace(path, text, size);
	free(text);
	return status ? command_failed("%s: %s", path, strerror(-status)) : STATUS_DONE;
}

int cache_emptied(const char *machine, uint64_t *count)
{
	json_t *answer = NULL, *cpu;
	size_t index;
	int status = command_call(machine, "status", json_pack("{s:b}", "engine", 1), &answer);

	*count = 0;
	json_array_foreach(json_object_get(json_object_get(answer, "engine"), "cpus"), index,
		cpu) *count += (uint64_t)json_integer_value(json_object_get(json_object_get(cpu, "translator"),
		"cache_emptied"));
	json_decref(answer);
	return status;
}
