/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What tests of the core share: a private folder, files in it, plugins compiled there, and in-tree plugins.
 */
#ifndef CORE_FIXTURE_H
#define CORE_FIXTURE_H

#include <check.h>
#include <stddef.h>

/* A folder for this run; false if it cannot be had.  fixture_end() removes it. */
int fixture_begin(void);
void fixture_end(void);

/* A name in the folder.  The text lives until sixteen others were asked for. */
const char *fixture_path(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Write a file there; return its path. */
const char *fixture_write(const char *name, const void *data, size_t length);
const char *fixture_text(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The whole of a file, ended by a NUL; malloc'ed.  NULL: it cannot be read. */
char *fixture_read(const char *path, size_t *length);

/* Compile a plugin NAME.so in a folder of the fixture's folder; 0 or the compiler's status. */
int fixture_compile(const char *folder, const char *name, const char *source);
/* $VMM_PLUGIN_PATH, or the build tree's plugins, after `first` (may be NULL).  malloc'ed. */
char *fixture_plugins(const char *first);
/* A char plugin "com.acme.test-log" that appends what it is sent to `file`. */
extern const char fixture_log_plugin[];

/* A message is one line, and says so much. */
#define ck_assert_line(TEXT) ck_assert_msg((TEXT)[0] && !strchr((TEXT), '\n'), "not one line: \"%s\"", (TEXT))
#define ck_assert_says(TEXT, WORDS) \
	ck_assert_msg(strstr((TEXT), (WORDS)) != NULL, "\"%s\" does not say \"%s\"", (TEXT), (WORDS))

/* Run a suite in the fixture's folder; main()'s status. */
int fixture_run(Suite *suite);

#endif
