/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm config check | dump FILE */
#include <stdio.h>
#include <string.h>

#include "vmm/command/command.h"
#include "vmm/machine/machine.h"

static void dump_line(void *self, const char *text)
{
	json_t *lines = self;

	if (lines)
		json_array_append_new(lines, json_string(text));
	else
		puts(text);
}

static int config_verb(bool dump, bool json, const char *file, const char *const *sets, unsigned set_count)
{
	struct plugin_registry *registry = command_registry();
	struct config_error error = { "" };
	struct config *config = NULL;
	struct machine *machine = NULL;
	int status = STATUS_DONE;

	if (!registry)
		return STATUS_FAILED;
	if (machine_config(file, sets, set_count, &config, &error) ||
		machine_new(config, registry, NULL, &machine, &error))
		status = command_failed("%s", error.text);
	else if (dump && json) {
		json_t *lines = json_array();

		machine_dump(machine, dump_line, lines);
		command_json(json_pack("{s:s, s:o}", "name", machine_name(machine), "lines", lines));
	} else if (dump) {
		machine_dump(machine, dump_line, NULL);
	}
	machine_free(machine);
	config_free(config);
	registry_free(registry);
	return status;
}

int command_config(int argc, char **argv)
{
	const char *file = NULL, *sets[64];
	unsigned set_count = 0;
	bool json = false, dump;

	if (argc < 1 || (strcmp(argv[0], "check") != 0 && strcmp(argv[0], "dump") != 0))
		return command_usage("config", "check FILE or dump FILE?");
	dump = !strcmp(argv[0], "dump");
	for (int i = 1; i < argc; i++) {
		bool missing = false;
		const char *value = command_option(argc, argv, &i, "--set", &missing);

		if (missing || (value && set_count == 64))
			return command_usage(
				"config", missing ? "--set needs SECTION.KEY=VALUE" : "more than 64 --set");
		if (value)
			sets[set_count++] = value;
		else if (!strcmp(argv[i], "--json"))
			json = true;
		else if (argv[i][0] == '-' || file)
			return command_usage("config", "\"%s\" is not expected here", argv[i]);
		else
			file = argv[i];
	}
	if (!file)
		return command_usage("config", "which FILE?");
	return config_verb(dump, json, file, sets, set_count);
}
