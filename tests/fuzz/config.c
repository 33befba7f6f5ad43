/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Target: INI files, and the values in them. */
#include "vmm/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/input.h"
#include "vmm/config/value.h"

static void values_parse(const char *text)
{
	int64_t number = 0;
	uint8_t bytes[16];
	char *path;

	value_bool(text, &number);
	value_int(text, &number);
	value_size(text, &number);
	value_choice(text, "yes|no|auto", &number);
	value_choice("auto", text, &number);
	value_mac(text, bytes);
	value_uuid(text, bytes);
	path = config_path(text, "/a/b.ini");
	if (!path || path[0] != '/')
		abort();
	free(path);
}

static void config_look(struct config *config)
{
	static const char *const words[] = { "memory", "media", "backend", "plugin", "bus", "address", "machine" };

	for (unsigned i = 0; i < config->count; i++) {
		struct config_section *section = config->sections[i];

		if (config_section(config, section->name) != section)
			abort(); /* a name occurs once */
		config_nearest(section->name, words, sizeof(words) / sizeof(words[0]));
		for (unsigned k = 0; k < section->count; k++) {
			struct config_key *key = &section->keys[k];

			config_nearest(key->name, words, sizeof(words) / sizeof(words[0]));
			for (unsigned v = 0; v < key->count; v++)
				values_parse(key->values[v].text);
			config_text(config, section->name, key->name);
		}
	}
}

/* Each line as --set has it. */
static void config_sets(struct config *config, const uint8_t *data, size_t size)
{
	struct config_error error;
	char *text = malloc(size + 1), *line, *rest = text;

	memcpy(text, data, size);
	text[size] = 0;
	for (unsigned i = 0; i < 20 && (line = strsep(&rest, "\n")); i++)
		config_set(config, line, &error);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config;
	struct config_error error = { "" };
	char path[64];
	int fd = memfd_create("fuzz.ini", MFD_CLOEXEC), status;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || config_new(&config))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* Twice: the second is merged over the first. */
	for (unsigned i = 0; i < 2; i++) {
		status = config_read(config, path, &error);
		/* One line for the user. */
		if (status && (!error.text[0] || strchr(error.text, '\n')))
			abort();
		config_look(config);
	}
	config_sets(config, data, size);
	config_look(config);
	if (config->count)
		config_drop(config, config->sections[0]->name, "b");
	config_look(config);
	config_free(config);
	close(fd);
	return 0;
}
