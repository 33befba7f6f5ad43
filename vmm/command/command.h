/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The `vmm` command: one file a verb.
 */
#ifndef VMM_COMMAND_COMMAND_H
#define VMM_COMMAND_COMMAND_H

#include <jansson.h>
#include <stdbool.h>

#include "vmm/config/config.h"
#include "vmm/plugin/registry.h"

#define STATUS_DONE   0
#define STATUS_FAILED 1
#define STATUS_USAGE  2
#define STATUS_DIFFER 4 /* --check lockstep found a difference */

/* Verbs get the words after them and return the exit status. */
int command_run(int argc, char **argv);
int command_plugin(int argc, char **argv);
int command_config(int argc, char **argv);
int command_list(int argc, char **argv);
int command_disk(int argc, char **argv);
int command_status(int argc, char **argv);
int command_simple(const char *verb, int argc, char **argv); /* pause, resume, reset, stop */
int command_attach(int argc, char **argv);
int command_detach(int argc, char **argv);
int command_call_method(int argc, char **argv);
int command_profile(int argc, char **argv);
int command_trace(int argc, char **argv);
int command_screenshot(int argc, char **argv);
int command_keys(int argc, char **argv);
int command_mouse(int argc, char **argv);

/* "vmm: TEXT" on standard error; STATUS_FAILED. */
int command_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, with a hint at the verb's usage; STATUS_USAGE. */
int command_usage(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The registry of this user's plugins; NULL after a message. */
struct plugin_registry *command_registry(void);
/* Print a JSON value on standard output; takes the reference. */
void command_json(json_t *value);
/* The path of a machine's control socket, by its name, or a file whose machine's default name it gives; malloc'ed. */
char *command_socket(const char *machine);
/* Call a machine by its name, UUID or file: STATUS_DONE and *result, or a status after a message. */
int command_call(const char *machine, const char *method, json_t *params, json_t **result);
/* The value of option `name` at argv[*index] ("--name VALUE" or "--name=VALUE"); NULL: another option. */
const char *command_option(int argc, char **argv, int *index, const char *name, bool *missing);
/* --trace's words, parted by commas; false: one is unknown. */
bool command_trace_words(const char *words, unsigned *cpu, bool *io);

#endif
