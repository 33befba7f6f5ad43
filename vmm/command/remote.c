/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Verbs that talk to a running machine. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command/command.h"
#include "vmm/control/control.h"

char *command_socket(const char *machine)
{
	char *folder = control_folder(false), *path = NULL;
	const char *name = strrchr(machine, '/');
	size_t length;

	if (!folder)
		return NULL;
	name = name ? name + 1 : machine;
	length = strlen(name);
	if (length > 4 && !strcmp(name + length - 4, ".ini"))
		length -= 4;
	if (asprintf(&path, "%s/%.*s.sock", folder, (int)length, name) < 0)
		path = NULL;
	free(folder);
	return path;
}

int command_call(const char *machine, const char *method, json_t *params, json_t **result)
{
	char *path = command_socket(machine), text[1024];
	int fd = path ? control_connect(path) : -ENOENT;
	int status;

	free(path);
	if (fd < 0) {
		json_decref(params);
		return command_failed("no machine called \"%s\" runs: vmm list shows those that do", machine);
	}
	status = control_call(fd, method, params, result, text, sizeof(text));
	close(fd);
	if (status == -EREMOTEIO)
		return command_failed("%s", text);
	if (status)
		return command_failed("machine \"%s\" does not answer: %s", machine, strerror(-status));
	return STATUS_DONE;
}

int command_simple(const char *verb, int argc, char **argv)
{
	const char *method = verb, *name = NULL;
	json_t *result = NULL;
	int status;

	for (int i = 0; i < argc; i++) {
		if (!strcmp(verb, "stop") && !strcmp(argv[i], "--button"))
			method = "button";
		else if (argv[i][0] == '-')
			return command_usage(verb, "there is no option \"%s\"", argv[i]);
		else if (name)
			return command_usage(verb, "one NAME is enough");
		else
			name = argv[i];
	}
	if (!name)
		return command_usage(verb, "which NAME?");
	status = command_call(name, method, NULL, &result);
	json_decref(result);
	return status;
}

/* INSTANCE[.PORT]; the instances that ports have for themselves have dots in their names. */
static json_t *attach_words(const char *word)
{
	const char *dot = strrchr(word, '.');

	if (!dot || dot == word || !dot[1])
		return json_pack("{s:s}", "instance", word);
	return json_pack("{s:s%, s:s}", "instance", word, (int)(dot - word), "port", dot + 1);
}

int command_attach(int argc, char **argv)
{
	json_t *params, *settings, *result = NULL;
	char *folder = getcwd(NULL, 0);
	int status;

	if (argc < 3) {
		free(folder);
		return command_usage("attach", "it takes NAME INSTANCE[.PORT] PLUGIN|PATH|@INSTANCE [KEY=VALUE]...");
	}
	settings = json_array();
	for (int i = 3; i < argc; i++)
		json_array_append_new(settings, json_string(argv[i]));
	params = attach_words(argv[1]);
	json_object_set_new(params, "value", json_string(argv[2]));
	json_object_set_new(params, "settings", settings);
	if (folder)
		json_object_set_new(params, "folder", json_string(folder));
	free(folder);
	status = command_call(argv[0], "attach", params, &result);
	json_decref(result);
	return status;
}

int command_detach(int argc, char **argv)
{
	json_t *result = NULL;
	int status;

	if (argc != 2)
		return command_usage("detach", "it takes NAME INSTANCE[.PORT]");
	status = command_call(argv[0], "detach", attach_words(argv[1]), &result);
	json_decref(result);
	return status;
}

int command_trace(int argc, char **argv)
{
	json_t *result = NULL;
	int status;

	if (argc != 2)
		return command_usage("trace", "it takes NAME and what to trace: exec, int, mmu, io or off");
	status = command_call(argv[0], "trace", json_pack("{s:s}", "what", argv[1]), &result);
	json_decref(result);
	return status;
}

static json_t *machine_row(const char *folder, const char *file)
{
	char *path, text[256];
	json_t *result = NULL, *row = NULL;
	int fd;

	if (asprintf(&path, "%s/%s", folder, file) < 0)
		return NULL;
	fd = control_connect(path);
	free(path);
	if (fd < 0)
		return NULL;
	if (!control_call(fd, "status", NULL, &result, text, sizeof(text)))
		row = json_pack("{s:O, s:O, s:O}", "name", json_object_get(result, "name"), "state",
			json_object_get(result, "state"), "pid", json_object_get(result, "pid"));
	close(fd);
	json_decref(result);
	return row;
}

int command_list(int argc, char **argv)
{
	char *folder = control_folder(false);
	DIR *directory = folder ? opendir(folder) : NULL;
	json_t *machines = json_array(), *machine;
	struct dirent *entry;
	bool json = false;
	size_t index;
	int status = STATUS_DONE;

	for (int i = 0; i < argc && !status; i++) {
		if (strcmp(argv[i], "--json") != 0)
			status = command_usage("list", "\"%s\" is not expected here", argv[i]);
		json = true;
	}
	while (!status && directory && (entry = readdir(directory))) {
		size_t length = strlen(entry->d_name);
		json_t *row = NULL;

		if (length > 5 && !strcmp(entry->d_name + length - 5, ".sock"))
			row = machine_row(folder, entry->d_name);
		if (row)
			json_array_append_new(machines, row);
	}
	if (directory)
		closedir(directory);
	free(folder);
	if (!status && json) {
		command_json(json_pack("{s:O}", "machines", machines));
	} else if (!status) {
		json_array_foreach(machines, index, machine)
			printf("%-24s %-8s pid %lld\n", json_string_value(json_object_get(machine, "name")),
				json_string_value(json_object_get(machine, "state")),
				(long long)json_integer_value(json_object_get(machine, "pid")));
	}
	json_decref(machines);
	return status;
}
