/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* A machine's settings: its file over its base machine's, and what the command line sets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/machine/parts.h"

/* Base machines lie in $VMM_MACHINE_PATH, then the user's and the system's folders. */
static char *base_path(const char *base, const char *file, struct config_error *error)
{
	const char *own = getenv("VMM_MACHINE_PATH"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	char *path = NULL, *list = NULL;

	if (strchr(base, '/'))
		return config_path(base, file);
	if (asprintf(&list, "%s:%s%s:%s", own ? own : "",
		    data && data[0] == '/' ? data
			    : home         ? home
					   : "/nonexistent",
		    data && data[0] == '/' ? "/vmm/machines" : "/.local/share/vmm/machines", VMM_MACHINE_DIR) < 0)
		return NULL;
	for (const char *at = list; *at;) {
		size_t length = strcspn(at, ":");

		free(path);
		if (asprintf(&path, "%.*s/%s.ini", (int)length, at, base) < 0)
			path = NULL;
		if (path && length && !access(path, R_OK))
			break;
		at += length + (at[length] == ':');
		if (!*at) {
			free(path);
			path = NULL;
			config_fail(error, NULL, 0,
				"there is no base machine \"%s\" in %s: base = pc is the usual one, none for none",
				base, list);
		}
	}
	free(list);
	return path;
}

/* What names the machine if it does not itself: its file, less folder and ending. */
static int default_name(struct config *config, const char *file)
{
	const char *start = strrchr(file, '/');
	char name[MACHINE_NAME_MAX + 1];
	size_t length;

	start = start ? start + 1 : file;
	length = strcspn(start, ".");
	if (!length)
		length = strlen(start);
	if (length > MACHINE_NAME_MAX)
		length = MACHINE_NAME_MAX;
	for (size_t i = 0; i < length; i++)
		name[i] = (unsigned char)start[i] <= ' ' || start[i] == 127 ? '-' : start[i];
	name[length] = 0;
	return config_put(config, "machine", "name", name, NULL, 0);
}

int machine_config_add(struct config *config, const char *name, struct config_error *error)
{
	char *path = base_path(name, NULL, error);
	int status = path ? config_read(config, path, error) : -ENOENT;

	free(path);
	return status;
}

int machine_config(const char *file, const char *const *sets, unsigned set_count, struct config **result,
	struct config_error *error)
{
	struct config *config = NULL, *probe = NULL;
	const char *base;
	char *path = NULL;
	int status = config_new(&config);

	if (!status)
		status = config_new(&probe);
	if (status) {
		config_fail(error, NULL, 0, "out of memory");
		goto fail;
	}
	/* Once to see which base it names, then over it. */
	status = config_read(probe, file, error);
	for (unsigned i = 0; i < set_count && !status; i++)
		status = config_set(probe, sets[i], error);
	if (status)
		goto fail;
	base = config_text(probe, "machine", "base");
	if (!base)
		base = "pc";
	if (strcmp(base, "none") != 0) {
		const struct config_key *key = config_key(config_section(probe, "machine"), "base");
		struct config_error inner = { "out of memory" };

		path = base_path(base, key ? key->values[0].file : file, &inner);
		if (!path) {
			status = machine_fail(error, config_section(probe, "machine"), key, "%s", inner.text);
			goto fail;
		}
		status = config_read(config, path, error);
	}
	if (!status)
		status = default_name(config, file);
	if (!status)
		status = config_read(config, file, error);
	for (unsigned i = 0; i < set_count && !status; i++)
		status = config_set(config, sets[i], error);
	if (status)
		goto fail;
	config_free(probe);
	free(path);
	*result = config;
	return 0;
fail:
	config_free(config);
	config_free(probe);
	free(path);
	return status;
}
