/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Verbs that see and drive a guest with no display: screenshot, keys, mouse. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command/command.h"

static int text_print(const char *name, const char *display)
{
	json_t *params = json_object(), *result = NULL, *lines, *line;
	size_t index;
	int status;

	if (display)
		json_object_set_new(params, "display", json_string(display));
	status = command_call(name, "screenshot", params, &result);
	if (status)
		return status;
	lines = json_object_get(result, "text");
	if (!json_is_array(lines)) {
		json_decref(result);
		return command_failed(
			"the screen of %s is in a graphics mode: take a picture (vmm screenshot %s FILE.png)", name,
			name);
	}
	json_array_foreach(lines, index, line) puts(json_string_value(line));
	json_decref(result);
	return STATUS_DONE;
}

static int picture_take(const char *name, const char *display, const char *file)
{
	char *here = getcwd(NULL, 0), *path = NULL;
	json_t *params, *result = NULL;
	int status;

	if (file[0] == '/')
		path = strdup(file);
	else if (!here || asprintf(&path, "%s/%s", here, file) < 0)
		path = NULL;
	free(here);
	if (!path)
		return command_failed("the folder that \"%s\" is in cannot be found: %s", file, strerror(errno));
	params = json_pack("{s:s}", "path", path);
	free(path);
	if (display)
		json_object_set_new(params, "display", json_string(display));
	status = command_call(name, "screenshot", params, &result);
	json_decref(result);
	return status;
}

int command_screenshot(int argc, char **argv)
{
	const char *words[2], *display = NULL;
	bool text = false, missing = false;
	int count = 0;

	for (int i = 0; i < argc; i++) {
		const char *value = command_option(argc, argv, &i, "--display", &missing);

		if (missing)
			return command_usage("screenshot", "--display needs an instance");
		if (value)
			display = value;
		else if (!strcmp(argv[i], "--text"))
			text = true;
		else if (argv[i][0] == '-' || count == 2)
			return command_usage("screenshot", "\"%s\" is not expected here", argv[i]);
		else
			words[count++] = argv[i];
	}
	if (count != (text ? 1 : 2))
		return command_usage("screenshot", "it takes NAME and FILE.png, or NAME and --text");
	return text ? text_print(words[0], display) : picture_take(words[0], display, words[1]);
}

int command_keys(int argc, char **argv)
{
	json_t *keys, *result = NULL;
	bool missing = false;
	int status;

	if (argc < 2 || argv[0][0] == '-')
		return command_usage("keys", "it takes NAME and KEY... or --text STRING, in the order to be typed");
	keys = json_array();
	for (int i = 1; i < argc; i++) {
		const char *text = command_option(argc, argv, &i, "--text", &missing);

		if (missing) {
			json_decref(keys);
			return command_usage("keys", "--text needs a STRING");
		}
		json_array_append_new(keys, text ? json_pack("{s:s}", "text", text) : json_string(argv[i]));
	}
	status = command_call(argv[0], "keys", json_pack("{s:o}", "keys", keys), &result);
	json_decref(result);
	return status;
}

static int mouse_send(const char *name, long dx, long dy, long dz, long buttons)
{
	json_t *result = NULL;
	int status = command_call(name, "mouse",
		json_pack("{s:i, s:i, s:i, s:i}", "dx", (int)dx, "dy", (int)dy, "dz", (int)dz, "buttons", (int)buttons),
		&result);

	json_decref(result);
	return status;
}

static bool mouse_number(const char *word, long *number)
{
	char *end;

	*number = strtol(word, &end, 10);
	return *word && !*end && *number >= -32768 && *number <= 32767;
}

int command_mouse(int argc, char **argv)
{
	static const char *const buttons[] = { "left", "right", "middle" };
	long first = 0, second = 0;

	if (argc == 4 && !strcmp(argv[1], "move") && mouse_number(argv[2], &first) && mouse_number(argv[3], &second))
		return mouse_send(argv[0], first, second, 0, 0);
	if (argc == 3 && !strcmp(argv[1], "wheel") && mouse_number(argv[2], &first))
		return mouse_send(argv[0], 0, 0, first, 0);
	for (unsigned i = 0; i < 3 && argc == 3 && !strcmp(argv[1], "click"); i++) {
		if (strcmp(argv[2], buttons[i]))
			continue;
		int status = mouse_send(argv[0], 0, 0, 0, 1L << i);

		return status ? status : mouse_send(argv[0], 0, 0, 0, 0);
	}
	return command_usage("mouse", "it takes NAME and move DX DY, click left|right|middle, or wheel N");
}
