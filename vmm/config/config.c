/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/config/config.h"
#include "vmm/config/merge.h"

#include <errno.h>
#include <stdint.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int config_fail(struct config_error *error, const char *file, unsigned line, const char *format, ...)
{
	va_list arguments;
	size_t length = 0;

	if (!error)
		return -EINVAL;
	error->text[0] = 0;
	if (file && line)
		snprintf(error->text, sizeof(error->text), "%s:%u: ", file, line);
	else if (file)
		snprintf(error->text, sizeof(error->text), "%s: ", file);
	length = strlen(error->text);
	va_start(arguments, format);
	vsnprintf(error->text + length, sizeof(error->text) - length, format, arguments);
	va_end(arguments);
	/* What a file says may contain anything; a message is one line. */
	for (char *c = error->text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	return -EINVAL;
}

int config_new(struct config **config)
{
	*config = calloc(1, sizeof(**config));
	return *config ? 0 : -ENOMEM;
}

static void key_clear(struct config_key *key)
{
	for (unsigned i = 0; i < key->count; i++)
		free(key->values[i].text);
	free(key->values);
	key->values = NULL;
	key->count = 0;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	for (unsigned i = 0; i < config->count; i++) {
		struct config_section *section = config->sections[i];

		for (unsigned j = 0; j < section->count; j++) {
			key_clear(&section->keys[j]);
			free(section->keys[j].name);
		}
		free(section->keys);
		free(section->name);
		free(section);
	}
	for (unsigned i = 0; i < config->file_count; i++)
		free(config->files[i]);
	free(config->files);
	free(config->sections);
	free(config);
}

struct config_section *config_section(const struct config *config, const char *name)
{
	for (unsigned i = 0; i < config->count; i++)
		if (!strcmp(config->sections[i]->name, name))
			return config->sections[i];
	return NULL;
}

struct config_key *config_key(const struct config_section *section, const char *name)
{
	for (unsigned i = 0; section && i < section->count; i++)
		if (!strcmp(section->keys[i].name, name))
			return &section->keys[i];
	return NULL;
}

const char *config_text(const struct config *config, const char *section, const char *name)
{
	struct config_key *key = config_key(config_section(config, section), name);

	if (!key || !key->count)
		return NULL;
	key->used = true;
	return key->values[0].text;
}

static struct config_section *section_add(struct config *config, const char *name, const char *file, unsigned line)
{
	struct config_section *section = config_section(config, name);
	struct config_section **sections;

	if (section)
		return section;
	sections = realloc(config->sections, (config->count + 1) * sizeof(struct config_section *));
	if (!sections)
		return NULL;
	config->sections = sections;
	section = calloc(1, sizeof(*section));
	if (!section)
		return NULL;
	*section = (struct config_section){ .name = strdup(name), .file = file, .line = line };
	if (!section->name) {
		free(section);
		return NULL;
	}
	sections[config->count++] = section;
	return section;
}

static struct config_key *key_add(struct config_section *section, const char *name)
{
	struct config_key *key = config_key(section, name);

	if (key)
		return key;
	key = realloc(section->keys, (section->count + 1) * sizeof(*key));
	if (!key)
		return NULL;
	section->keys = key;
	key += section->count;
	*key = (struct config_key){ .name = strdup(name) };
	if (!key->name)
		return NULL;
	section->count++;
	return key;
}

static int value_add(struct config_key *key, const char *text, const char *file, unsigned line)
{
	struct config_value *values = realloc(key->values, (key->count + 1) * sizeof(*values));

	if (!values)
		return -ENOMEM;
	key->values = values;
	values[key->count] = (struct config_value){ strdup(text), file, line };
	if (!values[key->count].text)
		return -ENOMEM;
	key->count++;
	return 0;
}

static const char *file_add(struct config *config, const char *file)
{
	for (unsigned i = 0; i < config->file_count; i++)
		if (!strcmp(config->files[i], file))
			return config->files[i];
	char **files = realloc(config->files, (config->file_count + 1) * sizeof(*files));

	if (!files)
		return NULL;
	config->files = files;
	files[config->file_count] = strdup(file);
	return files[config->file_count] ? files[config->file_count++] : NULL;
}

/* Add a value; the first of a file replaces what came before it. */
int config_add(struct config *config, const char *section_name, const char *key_name, const char *value,
	const char *file, unsigned line, bool replace)
{
	const char *kept = file ? file_add(config, file) : NULL;
	struct config_section *section = section_add(config, section_name, kept, line);
	struct config_key *key = section ? key_add(section, key_name) : NULL;

	if (!key || (file && !kept))
		return -ENOMEM;
	if (replace)
		key_clear(key);
	return value_add(key, value, kept, line);
}

int config_section_add(struct config *config, const char *name, const char *file, unsigned line)
{
	const char *kept = file_add(config, file);

	return kept && section_add(config, name, kept, line) ? 0 : -ENOMEM;
}

int config_put(
	struct config *config, const char *section, const char *key, const char *value, const char *file, unsigned line)
{
	return config_add(config, section, key, value, file, line, true);
}

void config_drop(struct config *config, const char *name, const char *prefix)
{
	struct config_section *section = config_section(config, name);
	unsigned kept = 0;

	for (unsigned i = 0; section && i < section->count; i++) {
		struct config_key *key = &section->keys[i];

		if (strncmp(key->name, prefix, strlen(prefix)) != 0) {
			section->keys[kept++] = *key;
			continue;
		}
		key_clear(key);
		free(key->name);
	}
	if (section)
		section->count = kept;
}

/* Damerau's distance, bounded: small words, so the plain table will do. */
static size_t spelling_distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t row[3][66];

	if (la > 64 || lb > 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[la % 3][lb];
}

const char *config_nearest(const char *word, const char *const *words, size_t count)
{
	const char *best = NULL;
	size_t best_distance = strlen(word) / 3 + 2;

	for (size_t i = 0; i < count; i++) {
		size_t distance = spelling_distance(word, words[i]);

		if (distance < best_distance) {
			best_distance = distance;
			best = words[i];
		}
	}
	return best;
}

char *config_path(const char *name, const char *file)
{
	char *path = NULL, *folder = NULL;

	if (name[0] == '/')
		return strdup(name);
	if (file && strchr(file, '/')) {
		folder = strndup(file, (size_t)(strrchr(file, '/') - file));
		if (!folder)
			return NULL;
	}
	if (folder && (folder[0] == '/' || !folder[0])) {
		if (asprintf(&path, "%s/%s", folder, name) < 0)
			path = NULL;
	} else {
		char *here = getcwd(NULL, 0);

		if (here && asprintf(&path, "%s/%s%s%s", here, folder ? folder : "", folder ? "/" : "", name) < 0)
			path = NULL;
		free(here);
	}
	free(folder);
	return path;
}
