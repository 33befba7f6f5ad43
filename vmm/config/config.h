/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * INI files as an ordered tree of sections, keys and values, each with the file and line it came from.
 *
 * The grammar is docs/config.md's.  What keys mean is not known here: machine/ checks them against descriptors.
 */
#ifndef VMM_CONFIG_CONFIG_H
#define VMM_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_FILE_MAX (1u << 20) /* bytes of a file */
#define CONFIG_LINE_MAX 4096u
#define CONFIG_NAME_MAX 63u /* characters of a section's name */

/* One line for the user: file, line, cause, remedy. */
struct config_error {
	char text[1024];
};
/* Put a message there, in the form FILE:LINE: TEXT (line 0: FILE: TEXT; file NULL: TEXT).  Returns -EINVAL. */
int config_fail(struct config_error *error, const char *file, unsigned line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

struct config_value {
	char *text;
	const char *file; /* the config's */
	unsigned line;    /* 0: --set */
};

struct config_key {
	char *name;
	struct config_value *values; /* more than one: the key was repeated in one file */
	unsigned count;
	bool used; /* somebody has read it */
};

struct config_section {
	char *name;
	const char *file;
	unsigned line;
	struct config_key *keys;
	unsigned count;
};

struct config {
	struct config_section **sections; /* each stays where it is */
	unsigned count;
	char **files; /* names that values point to */
	unsigned file_count;
};

int config_new(struct config **config);
void config_free(struct config *config);

/* Read a file and merge it over what is there, by key: a key of the file replaces the whole of what an earlier file
 * said.  0, or a negative errno with *error filled in. */
int config_read(struct config *config, const char *path, struct config_error *error);
/* SECTION.KEY=VALUE, from the command line: replaces. */
int config_set(struct config *config, const char *assignment, struct config_error *error);

struct config_section *config_section(const struct config *config, const char *name);
/* NULL: not there. */
struct config_key *config_key(const struct config_section *section, const char *name);
/* The first value of a key as text, or NULL; marks it used. */
const char *config_text(const struct config *config, const char *section, const char *key);
/* Replace or add a value. */
int config_put(struct config *config, const char *section, const char *key, const char *value, const char *file,
	unsigned line);

/* Take away the keys of a section that begin with `prefix`. */
void config_drop(struct config *config, const char *section, const char *prefix);

/* Of `count` words the one nearest to `word` by spelling, if it is near enough to be meant; else NULL. */
const char *config_nearest(const char *word, const char *const *words, size_t count);

/* A name made absolute: relative to the folder of `file` (NULL: the current one).  malloc'ed; NULL: no memory. */
char *config_path(const char *name, const char *file);

#endif
