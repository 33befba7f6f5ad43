/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Reading INI text with inih, under docs/config.md's exact grammar. */
#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/config/config.h"
#include "vmm/config/merge.h"

struct ini_input {
	FILE *file;
	const char *path;
	unsigned line;
	char section[CONFIG_NAME_MAX + 1]; /* the present one; inih's own copy has no room for long names */
	unsigned first_line;               /* of the present section, 0: none yet */
	struct config *config;
	struct config *seen; /* what this file has said so far */
	struct config_error *error;
	int status;
};

static bool name_valid(const char *name, size_t length, bool dots)
{
	if (!length || length > (dots ? CONFIG_LINE_MAX : CONFIG_NAME_MAX) || !isalpha((unsigned char)name[0]))
		return false;
	for (size_t i = 1; i < length; i++) {
		if (name[i] == '.' && dots && isalpha((unsigned char)name[i + 1]) && i + 1 < length)
			continue;
		if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
			return false;
	}
	return true;
}

static char *text_trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	*end = 0;
	return text;
}

static int line_fail(struct ini_input *input, const char *text)
{
	if (!input->status)
		input->status = config_fail(input->error, input->path, input->line, "%s", text);
	return input->status;
}

/* inih is lenient where the grammar is not: look at each line before it does. */
static int line_check(struct ini_input *input, const char *line)
{
	char copy[CONFIG_LINE_MAX + 1], *text, *equals;

	snprintf(copy, sizeof(copy), "%s", line);
	text = text_trim(copy);
	if (!*text || *text == '#' || *text == ';')
		return 0;
	if (*text == '[') {
		char *end = strchr(text, ']');

		if (!end || end[1] || !name_valid(text + 1, (size_t)(end - text - 1), false))
			return line_fail(input,
				"a section is written [NAME], where NAME begins with a letter and holds letters, "
				"digits, - and _ (63 at most)");
		*end = 0;
		if (config_section(input->seen, text + 1))
			return config_fail(input->error, input->path, input->line,
				"section [%s] is there a second time (first in line %u): merge the two", text + 1,
				config_section(input->seen, text + 1)->line);
		input->first_line = input->line;
		snprintf(input->section, sizeof(input->section), "%s", text + 1);
		if (config_section_add(input->seen, text + 1, input->path, input->line) ||
			config_section_add(input->config, text + 1, input->path, input->line))
			return -ENOMEM;
		return 0;
	}
	equals = strchr(text, '=');
	if (!equals)
		return line_fail(input,
			"this is neither a section ([NAME]), nor a setting (KEY = VALUE), nor a comment "
			"(# or ;)");
	*equals = 0;
	text = text_trim(text);
	if (!name_valid(text, strlen(text), true))
		return config_fail(input->error, input->path, input->line,
			"\"%s\" is not a key: a key is made of names (a letter, then letters, digits, - and _) "
			"joined by dots",
			text);
	if (!input->first_line)
		return line_fail(input, "a setting stands before the first section: put [machine] above it");
	return 0;
}

/* Not fgets(): it would hide NUL bytes in a last line that has no end. */
static char *input_line(char *text, int size, void *stream)
{
	struct ini_input *input = stream;
	size_t length = 0, ending;
	int c = 0;

	if (input->status)
		return NULL;
	while (length + 1 < (size_t)size && c != '\n' && (c = getc(input->file)) != EOF)
		text[length++] = (char)c;
	text[length] = 0;
	if (!length)
		return NULL;
	input->line++;
	ending = c != '\n' ? 0 : length > 1 && text[length - 2] == '\r' ? 2 : 1;
	if (memchr(text, 0, length)) {
		line_fail(input, "there is a NUL byte in this line; an INI file is plain text");
		return NULL;
	}
	if (length - ending > CONFIG_LINE_MAX) {
		line_fail(input, "this line is longer than 4096 bytes");
		return NULL;
	}
	int status = line_check(input, text);

	if (status) {
		input->status = status;
		return NULL;
	}
	/* inih would take "KEY : VALUE" where a colon comes before the sign; names have none, so this cannot be. */
	return text;
}

static int input_value(void *user, const char *cut, const char *name, const char *value)
{
	struct ini_input *input = user;
	const char *section = input->section;
	bool first = !config_key(config_section(input->seen, section), name);

	(void)cut;
	if (input->status)
		return 0;
	if (config_add(input->seen, section, name, value, input->path, input->line, false) ||
		config_add(input->config, section, name, value, input->path, input->line, first))
		input->status = -ENOMEM;
	return !input->status;
}

/* inih's switches are the process's; they are only ever set to these values, by whoever reads first. */
static void input_switches(void)
{
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_use_stack = false;
	ini_allow_realloc = false;
	ini_initial_alloc = CONFIG_LINE_MAX + 3;
	ini_max_line = CONFIG_LINE_MAX + 3;
	ini_stop_on_first_error = true;
}

int config_read(struct config *config, const char *path, struct config_error *error)
{
	struct ini_input input = { .path = path, .config = config, .error = error };
	struct stat status;
	int result;

	input.file = fopen(path, "re");
	if (!input.file) {
		result = -errno;
		config_fail(error, path, 0, "cannot be read: %s", strerror(-result));
		return result;
	}
	if (fstat(fileno(input.file), &status) || S_ISDIR(status.st_mode) || status.st_size > CONFIG_FILE_MAX) {
		fclose(input.file);
		return config_fail(error, path, 0, "is not an INI file (a folder, or larger than 1 MiB)");
	}
	result = config_new(&input.seen);
	if (!result) {
		input_switches();
		int line = ini_parse_stream(input_line, &input, input_value, &input);

		result = input.status;
		if (!result && line)
			result = config_fail(error, path, line > 0 ? (unsigned)line : 0, "cannot be understood");
	}
	if (result == -ENOMEM)
		config_fail(error, path, 0, "out of memory");
	config_free(input.seen);
	fclose(input.file);
	return result;
}

int config_set(struct config *config, const char *assignment, struct config_error *error)
{
	char *copy = strdup(assignment), *equals, *dot;
	int result = -ENOMEM;

	if (!copy)
		return config_fail(error, NULL, 0, "out of memory");
	equals = strchr(copy, '=');
	dot = strchr(copy, '.');
	if (!equals || !dot || dot > equals) {
		result = config_fail(error, "--set", 0, "\"%s\" is not SECTION.KEY=VALUE", assignment);
		goto out;
	}
	*equals = *dot = 0;
	char *section = text_trim(copy), *key = text_trim(dot + 1);

	if (!name_valid(section, strlen(section), false) || !name_valid(key, strlen(key), true))
		result = config_fail(error, "--set", 0, "\"%s\" is not SECTION.KEY=VALUE", assignment);
	else
		result = config_put(config, section, key, text_trim(equals + 1), NULL, 0);
	if (result == -ENOMEM)
		config_fail(error, NULL, 0, "out of memory");
out:
	free(copy);
	return result;
}
