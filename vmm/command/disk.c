/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm disk ACTION ... */
#include "vmm/command/disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/config/value.h"

/* Which options an action takes. */
#define TAKES_FORMAT 1u  /* --format, --option */
#define TAKES_SOURCE 2u  /* --source-format */
#define TAKES_PARENT 4u  /* --parent, --parent-format */
#define TAKES_MEND   8u  /* --yes, --dry */
#define TAKES_BENCH  16u /* --write, --count, ... */
#define TAKES_UNSAFE 32u
#define TAKES_SHRINK 64u
#define TAKES_SINCE  128u
#define TAKES_BEGIN  256u
#define TAKES_LIVE   512u /* --machine */

static const struct {
	const char *name;
	unsigned least, most; /* names */
	unsigned takes;
	int (*run)(struct disk_host *host, const struct disk_words *words);
	const char *usage;
} actions[] = {
	{ "create", 1, 2, TAKES_FORMAT | TAKES_PARENT, disk_create,
		"create FILE SIZE [--format NAME[:VARIANT]] [--parent FILE] [--option KEY=VALUE]..." },
	{ "info", 1, 1, TAKES_SOURCE, disk_info, "info FILE" },
	{ "check", 1, 1, TAKES_SOURCE, disk_check, "check FILE" },
	{ "repair", 1, 1, TAKES_SOURCE | TAKES_MEND, disk_repair, "repair FILE [--dry | --yes]" },
	{ "convert", 2, 2, TAKES_FORMAT | TAKES_SOURCE, disk_convert,
		"convert FILE TARGET [--format NAME[:VARIANT]] [--source-format NAME] [--option "
		"KEY=VALUE]..." },
	{ "resize", 2, 2, TAKES_SOURCE | TAKES_SHRINK, disk_resize, "resize FILE SIZE|+SIZE|-SIZE [--shrink]" },
	{ "compact", 1, 1, TAKES_SOURCE, disk_compact, "compact FILE" },
	{ "rebase", 1, 1, TAKES_SOURCE | TAKES_PARENT | TAKES_UNSAFE, disk_rebase,
		"rebase FILE --parent FILE|none [--parent-format NAME] [--unsafe]" },
	{ "map", 1, 1, TAKES_SOURCE | TAKES_SINCE | TAKES_LIVE, disk_map,
		"map FILE [--changed-since MARK [--machine NAME]]" },
	{ "mark", 1, 1, TAKES_SOURCE | TAKES_BEGIN | TAKES_LIVE, disk_mark, "mark FILE [--begin] [--machine NAME]" },
	{ "backup", 2, 2, TAKES_FORMAT | TAKES_SOURCE | TAKES_PARENT | TAKES_SINCE | TAKES_BEGIN | TAKES_LIVE,
		disk_backup,
		"backup FILE TARGET [--begin] [--changed-since MARK --parent FILE] [--format NAME[:VARIANT]] "
		"[--option KEY=VALUE]... [--machine NAME]" },
	{ "commit", 1, 1, TAKES_SOURCE, disk_commit, "commit FILE" },
	{ "discard", 1, 1, 0, disk_discard, "discard FILE" },
	{ "compare", 2, 2, TAKES_SOURCE, disk_compare, "compare FILE FILE" },
	{ "snapshot", 2, 2, TAKES_FORMAT | TAKES_SOURCE, disk_snapshot, "snapshot FILE CHILD" },
	{ "bench", 1, 1, TAKES_SOURCE | TAKES_BENCH, disk_bench,
		"bench FILE [--write] [--count N] [--size BYTES] [--step BYTES] [--depth N] [--random] [--cache "
		"MODE]" },
	{ "formats", 0, 0, 0, disk_formats, "formats" },
};
#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

/* The host. */

static void host_log(void *context, uint32_t level, const char *text)
{
	(void)context;
	if (level <= VMM_LOG_WARNING)
		fprintf(stderr, "vmm: %s\n", text);
}

static void host_fail(void *context, const char *cause, const char *remedy)
{
	struct disk_host *host = context;

	snprintf(host->cause, sizeof(host->cause), "%s", cause);
	snprintf(host->remedy, sizeof(host->remedy), "%s", remedy ? remedy : "");
}

static int32_t host_image_open(
	void *context, const char *format, const char *path, uint32_t flags, struct vmm_image *image)
{
	struct disk_host *host = context;

	return image_open_for(host->registry, &host->host, format, path, flags, image);
}

static const void *host_service(void *context, const char *id)
{
	static const struct vmm_image_service images = { .struct_size = sizeof(images), .open = host_image_open };

	(void)context;
	return strcmp(id, VMM_SERVICE_IMAGE) ? NULL : &images;
}

int disk_host_init(struct disk_host *host)
{
	*host = (struct disk_host){ .host = {
					    .struct_size = sizeof(host->host),
					    .context = host,
					    .instance = "disk",
					    .log = host_log,
					    .fail = host_fail,
					    .get_service = host_service,
				    } };
	host->registry = command_registry();
	return host->registry ? STATUS_DONE : STATUS_FAILED;
}

void disk_host_end(struct disk_host *host)
{
	registry_free(host->registry);
}

int disk_failed(const struct disk_host *host, int32_t status, const char *what, const char *path)
{
	if (status == -ECANCELED)
		return command_failed("%s of %s was cancelled", what, path);
	if (!host->cause[0])
		return command_failed("%s of %s failed: %s", what, path, strerror(-status));
	return command_failed("%s%s%s", host->cause, host->remedy[0] ? ": " : "", host->remedy);
}

/* Images and their names. */

int disk_open(struct disk_host *host, const char *path, const char *format, uint32_t flags, struct vmm_image *image)
{
	int32_t status;

	host->cause[0] = 0;
	*image = (struct vmm_image){ .struct_size = sizeof(*image) };
	status = image_open_for(host->registry, &host->host, format, path, flags, image);
	return status ? disk_failed(host, status, "opening", path) : STATUS_DONE;
}

int disk_format(
	struct disk_host *host, const char *words, const char *path, const struct image_format **format, char **variant)
{
	struct config_error error = { "" };
	const char *colon = words ? strchr(words, ':') : NULL;
	char name[64];

	*variant = NULL;
	*format = NULL;
	if (words) {
		snprintf(name, sizeof(name), "%.*s", (int)(colon ? colon - words : (long)strlen(words)), words);
		if (image_format_find(host->registry, name, format, &error))
			return command_failed("%s", error.text);
		if (colon && !(*variant = strdup(colon + 1)))
			return command_failed("out of memory");
		return STATUS_DONE;
	}
	*format = image_format_suffix(host->registry, path);
	if (!*format && image_format_find(host->registry, "raw", format, &error))
		return command_failed("%s", error.text);
	return STATUS_DONE;
}

int disk_size(const char *text, const char *what, uint64_t *size)
{
	int64_t value;

	if (!value_size(text, &value) || value <= 0)
		return command_usage("disk", "%s is no %s: bytes, with K, M, G or T behind them", text, what);
	*size = (uint64_t)value;
	return STATUS_DONE;
}

int disk_number(const char *text, const char *what, uint64_t least, uint64_t most, uint64_t *number)
{
	int64_t value;

	if (!value_int(text, &value) || value < 0 || (uint64_t)value < least || (uint64_t)value > most)
		return command_usage("disk", "%s %s: a number from %llu to %llu is wanted", what, text,
			(unsigned long long)least, (unsigned long long)most);
	*number = (uint64_t)value;
	return STATUS_DONE;
}

char *disk_parent_name(const char *child, const char *parent)
{
	char *folder_name = strdup(child), *real = realpath(parent, NULL), *folder = NULL, *slash, *name = NULL;

	if (folder_name) {
		slash = strrchr(folder_name, '/');
		if (slash)
			slash[slash == folder_name] = 0;
		folder = realpath(slash ? folder_name : ".", NULL);
	}
	slash = real ? strrchr(real, '/') : NULL;
	if (folder && slash && !strncmp(folder, real, (size_t)(slash - real)) &&
		(strlen(folder) == (size_t)(slash - real) || slash == real))
		name = strdup(slash + 1);
	else
		name = strdup(real ? real : parent);
	free(folder_name);
	free(folder);
	free(real);
	return name;
}

const char *disk_bytes(uint64_t bytes, char text[32])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	unsigned unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(text, 32,
		unit && value < 10 && bytes % 1024 ? "%.2f %s"
			: unit && value < 100      ? "%.4g %s"
						   : "%.0f %s",
		value, units[unit]);
	return text;
}

struct vmm_image_info disk_info_of(const struct vmm_image *image, uint32_t depth)
{
	struct vmm_image_info info = { .struct_size = sizeof(info) };

	image->ops->info(image->self, depth, &info);
	return info;
}

/* Words. */

static int word_option(struct disk_words *words, const char *text)
{
	const char *equals = strchr(text, '=');
	char *key;

	if (!equals || equals == text)
		return command_usage("disk", "--option %s: KEY=VALUE is wanted", text);
	if (words->option_count == DISK_OPTIONS)
		return command_usage("disk", "too many options");
	key = strndup(text, (size_t)(equals - text));
	if (!key)
		return command_failed("out of memory");
	words->options[words->option_count++] = (struct vmm_image_option){ key, equals + 1 };
	return STATUS_DONE;
}

static void words_free(struct disk_words *words)
{
	for (unsigned i = 0; i < words->option_count; i++)
		free((void *)(uintptr_t)words->options[i].key);
}

/* 1: it was one with a value; 0: it is none; otherwise a negative status. */
static int word_valued(struct disk_words *words, unsigned takes, int argc, char **argv, int *at)
{
	const struct {
		const char *name;
		unsigned takes;
		const char **value;
	} valued[] = {
		{ "--format", TAKES_FORMAT, &words->format },
		{ "--source-format", TAKES_SOURCE, &words->source_format },
		{ "--parent", TAKES_PARENT, &words->parent },
		{ "--parent-format", TAKES_PARENT, &words->parent_format },
		{ "--count", TAKES_BENCH, &words->count },
		{ "--size", TAKES_BENCH, &words->size },
		{ "--step", TAKES_BENCH, &words->step },
		{ "--depth", TAKES_BENCH, &words->depth },
		{ "--cache", TAKES_BENCH, &words->cache },
		{ "--seed", TAKES_BENCH, &words->seed },
		{ "--changed-since", TAKES_SINCE, &words->since },
		{ "--machine", TAKES_LIVE, &words->machine },
	};
	bool missing = false;
	const char *value;

	for (size_t i = 0; i < sizeof(valued) / sizeof(valued[0]); i++) {
		value = takes & valued[i].takes ? command_option(argc, argv, at, valued[i].name, &missing) : NULL;
		if (missing)
			return -command_usage("disk", "%s wants a value", valued[i].name);
		if (!value)
			continue;
		*valued[i].value = value;
		return 1;
	}
	value = takes & TAKES_FORMAT ? command_option(argc, argv, at, "--option", &missing) : NULL;
	if (missing)
		return -command_usage("disk", "--option wants KEY=VALUE");
	return value ? (word_option(words, value) == STATUS_DONE ? 1 : -STATUS_USAGE) : 0;
}

static bool word_flag(struct disk_words *words, unsigned takes, const char *word)
{
	const struct {
		const char *name;
		unsigned takes;
		bool *flag;
	} flags[] = {
		{ "--json", ~0u, &words->json },
		{ "--begin", TAKES_BEGIN, &words->begin },
		{ "--yes", TAKES_MEND, &words->yes },
		{ "--dry", TAKES_MEND, &words->dry },
		{ "--unsafe", TAKES_UNSAFE, &words->unsafe_ },
		{ "--shrink", TAKES_SHRINK, &words->shrink },
		{ "--write", TAKES_BENCH, &words->write },
		{ "--random", TAKES_BENCH, &words->random },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(flags[i].name, word) != 0 || (flags[i].takes != ~0u && !(takes & flags[i].takes)))
			continue;
		*flags[i].flag = true;
		return true;
	}
	return false;
}

static int words_read(struct disk_words *words, unsigned takes, unsigned most, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		/* A size to shrink by looks like an option. */
		bool size = takes & TAKES_SHRINK && argv[i][0] == '-' && argv[i][1] >= '0' && argv[i][1] <= '9';
		int valued = size ? 0 : word_valued(words, takes, argc, argv, &i);

		if (valued < 0)
			return -valued;
		if (valued || (!size && word_flag(words, takes, argv[i])))
			continue;
		if (argv[i][0] == '-' && argv[i][1] && !size)
			return command_usage("disk", "%s takes no option \"%s\"", words->action, argv[i]);
		if (words->name_count == most)
			return command_usage("disk", "%s is not expected after %s", argv[i], words->action);
		words->names[words->name_count++] = argv[i];
	}
	return STATUS_DONE;
}

int command_disk(int argc, char **argv)
{
	struct disk_words words = { 0 };
	struct disk_host host;
	const char *names[ACTIONS], *near;
	size_t action = 0;
	int status;

	if (argc < 1)
		return command_usage("disk", "which action?");
	for (size_t i = 0; i < ACTIONS; i++)
		names[i] = actions[i].name;
	while (action < ACTIONS && strcmp(actions[action].name, argv[0]) != 0)
		action++;
	if (action == ACTIONS) {
		near = config_nearest(argv[0], names, ACTIONS);
		if (near)
			return command_usage("disk", "it has no \"%s\": did you mean \"%s\"?", argv[0], near);
		return command_usage("disk", "it has no \"%s\"", argv[0]);
	}
	words.action = argv[0];
	status = words_read(&words, actions[action].takes, actions[action].most, argc - 1, argv + 1);
	if (status == STATUS_DONE && words.name_count < actions[action].least)
		status = command_usage("disk", "vmm disk %s is what it wants", actions[action].usage);
	if (status == STATUS_DONE)
		status = disk_host_init(&host);
	if (status == STATUS_DONE) {
		status = actions[action].run(&host, &words);
		disk_host_end(&host);
	}
	words_free(&words);
	return status;
}
