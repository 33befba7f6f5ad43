/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm profile NAME: where a guest spends its time. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "vmm/command/command.h"
#include "vmm/command/profile.h"
#include "vmm/event/clock.h"

#define TOP_MAX 30u /* functions that are printed */

struct profile_options {
	const char *name, *symbols, *folded, *output;
	uint64_t seconds, hz, depth, slide;
	bool json, perf_map;
};

static bool number_parse(const char *text, unsigned base, uint64_t low, uint64_t high, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, (int)base);
	return !errno && end != text && !*end && text[0] != '-' && *value >= low && *value <= high;
}

/* 1: it was an option with a value, 0: it was not, or a status. */
static int option_parse(int argc, char **argv, int *i, struct profile_options *options)
{
	const struct {
		const char *name, **text;
		uint64_t *number, low, high;
		unsigned base;
	} known[] = {
		{ "--seconds", NULL, &options->seconds, 1, 86400, 10 },
		{ "--hz", NULL, &options->hz, 1, 10000, 10 },
		{ "--depth", NULL, &options->depth, 1, 64, 10 },
		{ "--slide", NULL, &options->slide, 0, UINT64_MAX, 16 },
		{ "--symbols", &options->symbols, NULL, 0, 0, 0 },
		{ "--folded", &options->folded, NULL, 0, 0, 0 },
		{ "--output", &options->output, NULL, 0, 0, 0 },
	};

	for (size_t n = 0; n < sizeof(known) / sizeof(known[0]); n++) {
		bool missing = false;
		const char *value = command_option(argc, argv, i, known[n].name, &missing);

		if (missing)
			return -command_usage("profile", "%s needs a value", known[n].name);
		if (!value)
			continue;
		if (known[n].text)
			*known[n].text = value;
		else if (!number_parse(value, known[n].base, known[n].low, known[n].high, known[n].number))
			return -(known[n].base == 16
					? command_usage("profile", "%s takes a hexadecimal number", known[n].name)
					: command_usage("profile", "%s takes a number from %llu to %llu", known[n].name,
						  (unsigned long long)known[n].low, (unsigned long long)known[n].high));
		return 1;
	}
	return 0;
}

static int profile_parse(int argc, char **argv, struct profile_options *options)
{
	for (int i = 0; i < argc; i++) {
		int status = option_parse(argc, argv, &i, options);

		if (status < 0)
			return -status;
		if (status)
			continue;
		if (!strcmp(argv[i], "--json"))
			options->json = true;
		else if (!strcmp(argv[i], "--perf-map"))
			options->perf_map = true;
		else if (argv[i][0] == '-' || options->name)
			return command_usage("profile", "\"%s\" is not expected here", argv[i]);
		else
			options->name = argv[i];
	}
	if (!options->name)
		return command_usage("profile", "which NAME?");
	if (options->perf_map && (options->folded || options->json || options->hz || options->depth))
		return command_usage("profile", "--perf-map goes with --seconds, --output, --symbols and --slide only");
	if (options->output && !options->perf_map)
		return command_usage("profile", "--output is where --perf-map writes to");
	if (options->slide && !options->symbols)
		return command_usage("profile", "--slide moves what --symbols says");
	return STATUS_DONE;
}

/* ---- printing ---- */

struct row {
	const char *name;
	uint64_t ticks;
};

static int row_compare(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	if (left->ticks != right->ticks)
		return left->ticks < right->ticks ? 1 : -1;
	return strcmp(left->name, right->name);
}

/* The keys of an object of counts, the largest first; malloc'ed. */
static struct row *rows_sort(json_t *counts, size_t *count)
{
	struct row *rows = calloc(json_object_size(counts) + 1, sizeof(*rows));
	const char *name;
	json_t *value;

	*count = 0;
	json_object_foreach(counts, name, value)
	{
		if (rows)
			rows[(*count)++] = (struct row){ name, (uint64_t)json_integer_value(value) };
	}
	if (rows)
		qsort(rows, *count, sizeof(*rows), row_compare);
	return rows;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void top_print(const struct profile_tally *tally)
{
	uint64_t all = tally->ran + tally->idle + tally->lost;
	size_t count;
	struct row *rows = rows_sort(tally->functions, &count);

	printf("%llu samples: running %.1f%% (kernel %.1f%%, user %.1f%%), asleep %.1f%%", (unsigned long long)all,
		percent(tally->ran, all), percent(tally->ran - tally->user, all), percent(tally->user, all),
		percent(tally->idle, all));
	if (tally->lost)
		printf(", lost %.1f%%", percent(tally->lost, all));
	printf("\n");
	for (size_t i = 0; i < count && i < TOP_MAX; i++)
		printf("%6.2f%% %9llu  %s\n", percent(rows[i].ticks, tally->ran), (unsigned long long)rows[i].ticks,
			rows[i].name);
	free(rows);
}

static void top_json(const struct profile_tally *tally)
{
	json_t *functions = json_array();
	size_t count;
	struct row *rows = rows_sort(tally->functions, &count);

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			functions, json_pack("{s:s, s:I}", "name", rows[i].name, "samples", (json_int_t)rows[i].ticks));
	free(rows);
	command_json(json_pack("{s:I, s:I, s:I, s:I, s:o}", "running", (json_int_t)tally->ran, "user",
		(json_int_t)tally->user, "idle", (json_int_t)tally->idle, "lost", (json_int_t)tally->lost, "functions",
		functions));
}

static int folded_write(const char *path, const struct profile_tally *tally)
{
	FILE *file = fopen(path, "we");
	const char *stack;
	json_t *ticks;
	bool failed;

	if (!file)
		return command_failed("%s: %s", path, strerror(errno));
	json_object_foreach(tally->stacks, stack, ticks)
		fprintf(file, "%s %lld\n", stack, (long long)json_integer_value(ticks));
	if (tally->idle)
		fprintf(file, "asleep %llu\n", (unsigned long long)tally->idle);
	failed = ferror(file);
	if (fclose(file) || failed)
		return command_failed("%s: cannot be written", path);
	return STATUS_DONE;
}

/* ---- sampling ---- */

/* Take what has come; *running: more will. */
static int samples_take(const struct profile_options *options, struct profile_tally *tally, bool *running)
{
	bool more = true;

	while (more) {
		json_t *answer = NULL;
		int status = command_call(options->name, "profile", json_pack("{s:s}", "do", "read"), &answer);

		if (status)
			return status;
		*running = json_is_true(json_object_get(answer, "running"));
		more = json_is_true(json_object_get(answer, "more"));
		tally_add(tally, answer);
		json_decref(answer);
	}
	return STATUS_DONE;
}

/* Ctrl-C ends the profile, not its report. */
static int interrupt_open(void)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	if (sigprocmask(SIG_BLOCK, &mask, NULL))
		return -1;
	return signalfd(-1, &mask, SFD_CLOEXEC);
}

static bool interrupt_wait(int fd, int milliseconds)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, milliseconds) > 0;
}

static int profile_sample(const struct profile_options *options, struct profile_tally *tally)
{
	const uint64_t depth = options->depth ? options->depth : options->folded ? 32 : 1;
	json_t *answer = NULL;
	bool running = true;
	int fd, status;

	status = command_call(options->name, "profile",
		json_pack("{s:s, s:I, s:I, s:I}", "do", "start", "hz", (json_int_t)(options->hz ? options->hz : 997),
			"depth", (json_int_t)depth, "seconds", (json_int_t)options->seconds),
		&answer);
	json_decref(answer);
	if (status)
		return status;
	fd = interrupt_open();
	while (!status && running && !interrupt_wait(fd, 200))
		status = samples_take(options, tally, &running);
	if (!status)
		status = samples_take(options, tally, &running);
	answer = NULL;
	if (!status)
		status = command_call(options->name, "profile", json_pack("{s:s}", "do", "stop"), &answer);
	json_decref(answer);
	if (fd >= 0)
		close(fd);
	return status;
}

static int profile_report(const struct profile_options *options, const struct profile_tally *tally)
{
	int status = options->folded ? folded_write(options->folded, tally) : STATUS_DONE;

	if (options->json)
		top_json(tally);
	else
		top_print(tally);
	return status;
}

/* ---- the map for perf ---- */

static int perf_map_write(const struct profile_options *options, const struct symbols *symbols)
{
	json_t *answer = NULL, *path = NULL;
	uint64_t before = 0, after = 0;
	int fd, status;

	status = cache_emptied(options->name, &before);
	if (status)
		return status;
	if (options->seconds) {
		fd = interrupt_open();
		interrupt_wait(fd, (int)options->seconds * 1000);
		if (fd >= 0)
			close(fd);
	}
	if (options->output) {
		char *whole = options->output[0] == '/' ? NULL : getcwd(NULL, 0);

		path = whole ? json_sprintf("%s/%s", whole, options->output) : json_string(options->output);
		free(whole);
	}
	status = command_call(options->name, "perf-map", path ? json_pack("{s:o}", "path", path) : NULL, &answer);
	if (!status)
		status = cache_emptied(options->name, &after);
	if (!status && symbols)
		status = map_name(json_string_value(json_object_get(answer, "path")), symbols);
	if (!status)
		printf("%s: %lld pieces of code\n", json_string_value(json_object_get(answer, "path")),
			(long long)json_integer_value(json_object_get(answer, "entries")));
	if (!status && options->seconds && after != before)
		command_failed("the code cache was emptied %llu times meanwhile: code from before has no name, or a "
			       "wrong one; try again, or with more engine.cache",
			(unsigned long long)(after - before));
	json_decref(answer);
	return status;
}

static struct symbols *symbols_open(const struct profile_options *options, int *status)
{
	struct symbols *symbols = NULL;
	int error = symbols_read(options->symbols, options->slide, &symbols);

	if (error == -ENODATA)
		*status = command_failed("%s: no line of it is \"ADDRESS TYPE NAME\", as in System.map, /proc/kallsyms "
					 "or what nm prints",
			options->symbols);
	else if (error == -EACCES)
		*status = command_failed("%s: all addresses are zero or it cannot be read: the guest shows kallsyms to "
					 "its root only",
			options->symbols);
	else if (error)
		*status = command_failed("%s: %s", options->symbols, strerror(-error));
	return symbols;
}

int command_profile(int argc, char **argv)
{
	struct profile_options options = { .name = NULL };
	struct symbols *symbols = NULL;
	struct profile_tally tally = { .ran = 0 };
	int status = profile_parse(argc, argv, &options);

	if (!status && options.symbols)
		symbols = symbols_open(&options, &status);
	if (status)
		return status;
	if (options.perf_map) {
		status = perf_map_write(&options, symbols);
	} else {
		if (!options.seconds)
			options.seconds = 10;
		tally_init(&tally, symbols);
		status = profile_sample(&options, &tally);
		/* A machine that has ended meanwhile has said something before. */
		if (!status || tally.ran)
			status |= profile_report(&options, &tally);
		tally_free(&tally);
	}
	symbols_free(symbols);
	return status;
}
