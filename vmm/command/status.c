/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm status NAME */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vmm/command/command.h"

struct status_options {
	const char *name;
	bool json, engine;
	double watch; /* seconds; 0: once */
};

static void head_print(json_t *status)
{
	printf("%s: %s, pid %lld\n", json_string_value(json_object_get(status, "name")),
		json_string_value(json_object_get(status, "state")),
		(long long)json_integer_value(json_object_get(status, "pid")));
	printf("guest time %.3f s, ", (double)json_integer_value(json_object_get(status, "time_ns")) / 1e9);
	if (json_object_get(status, "instructions"))
		printf("%lld instructions, ", (long long)json_integer_value(json_object_get(status, "instructions")));
	printf("idle %.3f s, %lld KiB resident at most\n",
		(double)json_integer_value(json_object_get(status, "idle_ns")) / 1e9,
		(long long)json_integer_value(json_object_get(status, "resident_kib")));
}

static void instances_print(json_t *status)
{
	json_t *instances = json_object_get(status, "instances"), *instance;
	size_t index;

	json_array_foreach(instances, index, instance)
	{
		const char *key;
		json_t *peer;

		printf("  %-20s %s", json_string_value(json_object_get(instance, "name")),
			json_string_value(json_object_get(instance, "plugin")));
		json_object_foreach(json_object_get(instance, "ports"), key, peer)
			printf("  %s=%s", key, json_string_value(peer));
		putchar('\n');
	}
}

/* A group's counters, in words; beside each, if there is an earlier state, how much it grew a second. */
static void group_print(json_t *group, json_t *before, double seconds)
{
	const char *name;
	json_t *value;

	json_object_foreach(group, name, value)
	{
		long long now = json_integer_value(value), was = json_integer_value(json_object_get(before, name));

		printf("  ");
		for (const char *c = name; *c; c++)
			putchar(*c == '_' ? ' ' : *c);
		printf("%*s %15lld", (int)(strlen(name) < 30 ? 30 - strlen(name) : 0), "", now);
		if (before)
			printf(" %13.0f/s", (double)(now - was) / seconds);
		putchar('\n');
	}
}

static void engine_print(json_t *engine, json_t *before, double seconds)
{
	json_t *cpus = json_object_get(engine, "cpus"), *cpu, *group;
	size_t index;

	printf("tier %s\n", json_string_value(json_object_get(engine, "tier")));
	json_array_foreach(cpus, index, cpu)
	{
		const char *name;

		if (json_array_size(cpus) > 1)
			printf("CPU %zu\n", index);
		json_object_foreach(cpu, name, group)
		{
			printf("%s\n", name);
			group_print(group,
				json_object_get(json_array_get(json_object_get(before, "cpus"), index), name), seconds);
		}
	}
}

static void status_print(const struct status_options *options, json_t *status, json_t *before)
{
	double seconds = (double)(json_integer_value(json_object_get(status, "host_ns")) -
				 json_integer_value(json_object_get(before, "host_ns"))) /
		1e9;

	if (options->json) {
		json_dumpf(status, stdout, JSON_INDENT(2));
		putchar('\n');
		return;
	}
	head_print(status);
	if (options->engine)
		engine_print(json_object_get(status, "engine"), json_object_get(before, "engine"), seconds);
	else
		instances_print(status);
}

static bool seconds_parse(const char *text, double *seconds)
{
	char *end;

	errno = 0;
	*seconds = strtod(text, &end);
	return !errno && end != text && !*end && *seconds >= 0.1 && *seconds <= 86400;
}

static int status_parse(int argc, char **argv, struct status_options *options)
{
	for (int i = 0; i < argc; i++) {
		bool missing = false;
		const char *value = command_option(argc, argv, &i, "--watch", &missing);

		if (missing)
			return command_usage("status", "--watch needs a value");
		if (value) {
			if (!seconds_parse(value, &options->watch))
				return command_usage("status", "--watch takes seconds, from 0.1 to 86400");
		} else if (!strcmp(argv[i], "--json"))
			options->json = true;
		else if (!strcmp(argv[i], "--engine"))
			options->engine = true;
		else if (argv[i][0] == '-' || options->name)
			return command_usage("status", "\"%s\" is not expected here", argv[i]);
		else
			options->name = argv[i];
	}
	return options->name ? STATUS_DONE : command_usage("status", "which NAME?");
}

int command_status(int argc, char **argv)
{
	struct status_options options = { .name = NULL };
	json_t *result = NULL, *before = NULL;
	int status = status_parse(argc, argv, &options);

	while (!status) {
		struct timespec pause = { (time_t)options.watch,
			(long)((options.watch - (double)(time_t)options.watch) * 1e9) };

		status = command_call(
			options.name, "status", options.engine ? json_pack("{s:b}", "engine", 1) : NULL, &result);
		if (status)
			break;
		status_print(&options, result, before);
		json_decref(before);
		before = result;
		if (options.watch == 0)
			break;
		putchar('\n');
		fflush(stdout);
		nanosleep(&pause, NULL);
	}
	json_decref(before);
	return status;
}
