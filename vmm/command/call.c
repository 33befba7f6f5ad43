/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm call NAME METHOD: any method of a machine's control socket, those of its plugins among them. */
#include <stdlib.h>
#include <string.h>

#include "vmm/command/command.h"

/* true, 7, "text" and [1, 2] are what JSON makes of them, everything else is text. */
static json_t *call_value(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	return value ? value : json_string(text);
}

/* NULL after a message. */
static json_t *call_words(int argc, char **argv)
{
	json_t *params = json_object();

	for (int i = 0; i < argc; i++) {
		const char *equals = strchr(argv[i], '=');
		char *key = equals && equals != argv[i] ? strndup(argv[i], (size_t)(equals - argv[i])) : NULL;

		/* It refuses what is not UTF-8, too. */
		if (!key || json_object_set_new(params, key, call_value(equals + 1))) {
			command_usage("call", "\"%s\" is not KEY=VALUE", argv[i]);
			free(key);
			json_decref(params);
			return NULL;
		}
		free(key);
	}
	return params;
}

int command_call_method(int argc, char **argv)
{
	json_t *params, *result = NULL;
	json_error_t error;
	int status;

	if (argc < 2)
		return command_usage("call", "it takes NAME METHOD [KEY=VALUE... | JSON]");
	if (argc == 3 && argv[2][0] == '{') {
		params = json_loads(argv[2], 0, &error);
		if (!params)
			return command_usage("call", "this is not JSON at character %d: %s", error.column, error.text);
	} else {
		params = call_words(argc - 2, argv + 2);
		if (!params)
			return STATUS_USAGE;
	}
	status = command_call(argv[0], argv[1], params, &result);
	if (status)
		return status;
	command_json(result);
	return STATUS_DONE;
}
