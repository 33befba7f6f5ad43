/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Requests for `vmm profile`: the sampler, and a map of translated code for perf(1). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command/serve.h"
#include "vmm/cpu/mode.h"
#include "vmm/engine/profile.h"
#include "vmm/event/file.h"
#include "vmm/machine/parts.h"

#define READ_MAX 512u /* samples an answer: it must stay well below what a client may leave unread */

/* ---- the sampler ---- */

static bool number_param(json_t *params, const char *key, json_int_t absent, json_int_t low, json_int_t high,
	json_int_t *value, struct control_error *error)
{
	const json_t *given = json_object_get(params, key);

	*value = given ? json_integer_value(given) : absent;
	if ((!given || json_is_integer(given)) && *value >= low && *value <= high)
		return true;
	control_fail(error, CONTROL_INVALID_PARAMS, "\"%s\" is a number from %lld to %lld", key, (long long)low,
		(long long)high);
	return false;
}

static json_t *profile_begin(struct engine *engine, json_t *params, struct control_error *error)
{
	json_int_t hz, depth, seconds;
	int status;

	if (!number_param(params, "hz", 997, 1, PROFILE_HZ_MAX, &hz, error) ||
		!number_param(params, "depth", 1, 1, SAMPLE_FRAMES, &depth, error) ||
		!number_param(params, "seconds", 10, 1, 86400, &seconds, error))
		return NULL;
	status = profile_start(engine, (unsigned)hz, (unsigned)depth, (uint64_t)seconds * 1000000000u);
	if (status == -EBUSY)
		return control_fail(error, CONTROL_FAILED, "the machine is being profiled already: wait for its end");
	if (status)
		return control_fail(error, CONTROL_FAILED, "%s", strerror(-status));
	return json_object();
}

static json_t *sample_json(const struct profile_sample *sample)
{
	json_t *addresses = json_array();
	char text[32];

	for (unsigned i = 0; i < sample->at.count; i++) {
		snprintf(text, sizeof(text), "%llx", (unsigned long long)sample->at.address[i]);
		json_array_append_new(addresses, json_string(text));
	}
	snprintf(text, sizeof(text), "%llx", (unsigned long long)sample->at.cr3);
	return json_pack("{s:i, s:I, s:b, s:i, s:s, s:o}", "cpu", (int)sample->cpu, "ticks", (json_int_t)sample->ticks,
		"user", sample->at.user, "bits", (int)sample->at.bits, "cr3", text, "at", addresses);
}

static json_t *profile_take(struct engine *engine, struct control_error *error)
{
	struct profile_sample *samples = calloc(READ_MAX, sizeof(*samples));
	struct profile_counts counts;
	int count = samples ? profile_read(engine, samples, READ_MAX, &counts) : -ENOMEM;
	json_t *list;

	if (count < 0) {
		free(samples);
		return control_fail(error, CONTROL_FAILED, "%s",
			count == -ENOENT ? "the machine is not being profiled" : strerror(-count));
	}
	list = json_array();
	for (int i = 0; i < count; i++)
		json_array_append_new(list, sample_json(&samples[i]));
	free(samples);
	return json_pack("{s:b, s:b, s:I, s:I, s:I, s:o}", "running", counts.running, "more", count == READ_MAX, "idle",
		(json_int_t)counts.idle, "lost", (json_int_t)counts.lost, "cache_emptied", (json_int_t)counts.emptied,
		"samples", list);
}

json_t *serve_profile(struct machine *machine, json_t *params, struct control_error *error)
{
	const char *what = json_string_value(json_object_get(params, "do"));
	struct engine *engine = machine_engine(machine);

	if (what && !strcmp(what, "start"))
		return profile_begin(engine, params, error);
	if (what && !strcmp(what, "read"))
		return profile_take(engine, error);
	if (what && !strcmp(what, "stop")) {
		profile_stop(engine);
		return json_object();
	}
	return control_fail(error, CONTROL_INVALID_PARAMS, "\"do\" must be start, read or stop");
}

/* ---- the map ---- */

struct map {
	FILE *file; /* in memory */
	unsigned entries;
};

/* As perf reads them: START SIZE NAME, in hexadecimal; tools/perf/Documentation/jit-interface.txt of Linux. */
static void map_entry(void *self, const void *code, size_t size, const struct block *block)
{
	struct map *map = self;
	uint32_t mode = block ? (uint32_t)(block->context >> 32) : 0;

	map->entries++;
	if (!block)
		fprintf(map->file, "%llx %zx vmm:translator\n", (unsigned long long)(uintptr_t)code, size);
	else
		fprintf(map->file, "%llx %zx guest:%c%u:%llx\n", (unsigned long long)(uintptr_t)code, size,
			(mode & MODE_CPL(3)) == MODE_CPL(3) ? 'u' : 'k',
			mode & MODE_CODE64           ? 64u
				: mode & MODE_CODE32 ? 32u
						     : 16u,
			(unsigned long long)(block->rip + (uint32_t)block->context));
}

/* The CPUs stand still while the cache is walked, but not while the file is written. */
static int map_take(struct machine *machine, struct map *map)
{
	struct engine *engine = machine_engine(machine);
	bool runs = machine_state(machine) == MACHINE_RUNNING && !machine->sleeping && !machine->debug.standing;

	if (runs)
		engine_pause(engine);
	profile_code(engine, map_entry, map);
	return runs ? engine_start(engine) : 0;
}

json_t *serve_perf_map(struct machine *machine, json_t *params, struct control_error *error)
{
	const char *path = json_string_value(json_object_get(params, "path"));
	struct map map = { .entries = 0 };
	char own[64], *text = NULL;
	size_t size = 0;
	int status;

	if (path && path[0] != '/')
		return control_fail(error, CONTROL_INVALID_PARAMS, "\"path\" must be absolute");
	if (!path) {
		snprintf(own, sizeof(own), "/tmp/perf-%d.map", (int)getpid());
		path = own;
	}
	map.file = open_memstream(&text, &size);
	if (!map.file)
		return control_fail(error, CONTROL_FAILED, "%s", strerror(errno));
	status = map_take(machine, &map);
	if (fclose(map.file) && !status)
		status = -errno;
	if (!status && !map.entries) {
		free(text);
		return control_fail(error, CONTROL_FAILED,
			"the machine runs on the interpreter, which makes no code: see --tier of vmm run");
	}
	if (!status)
		status = file_replace(path, text, size);
	free(text);
	if (status)
		return control_fail(error, CONTROL_FAILED, "%s: %s", path, strerror(-status));
	return json_pack("{s:s, s:i}", "path", path, "entries", (int)map.entries);
}
