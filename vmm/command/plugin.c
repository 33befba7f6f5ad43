/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm plugin list | info | check */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command/command.h"

static const char *const type_words[] = { "", "bool", "int", "size", "string", "path", "MAC", "choice", "list" };

static void list_bad(void *self, const char *path, const char *text)
{
	(void)self;
	(void)path;
	fprintf(stderr, "vmm: %s\n", text);
}

static const char *kind_word(const char *kind)
{
	/* "vmm.device/1" is a device. */
	static const char *const words[] = { "device", "char", "storage", "net", "display", "audio", "input", "engine",
		"control" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(kind, words[i]))
			return words[i];
	return kind;
}

static int plugin_list(struct plugin_registry *registry, bool json)
{
	json_t *list = json_array();
	const struct plugin *plugin;

	registry_load_all(registry, list_bad, NULL);
	for (unsigned i = 0; (plugin = registry_plugin(registry, i)); i++) {
		const struct vmm_descriptor *descriptor = &plugin->descriptor;

		if (json)
			json_array_append_new(list,
				json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", descriptor->id, "kind",
					kind_word(plugin->kind), "version", descriptor->version, "description",
					descriptor->description, "file", plugin->path));
		else
			printf("%-20s %-8s %s\n", plugin_short_id(descriptor->id), kind_word(plugin->kind),
				descriptor->description);
	}
	if (json)
		command_json(json_pack("{s:O}", "plugins", list));
	else if (!registry_plugin(registry, 0))
		printf("There is no plugin in %s.\n", registry_path(registry));
	json_decref(list);
	return STATUS_DONE;
}

static json_t *info_json(const struct plugin *plugin)
{
	const struct vmm_descriptor *descriptor = &plugin->descriptor;
	json_t *params = json_array(), *ports = json_array();

	for (uint32_t i = 0; i < descriptor->param_count; i++) {
		const struct vmm_param *param = &plugin->params[i];
		json_t *row = json_pack("{s:s, s:s, s:b, s:s?, s:s?, s:s}", "key", param->key, "type",
			type_words[param->type], "required", param->flags & VMM_PARAM_REQUIRED, "default",
			param->default_value, "choices", param->choices, "help", param->help);

		if (param->minimum || param->maximum) {
			json_object_set_new(row, "minimum", json_integer(param->minimum));
			json_object_set_new(row, "maximum", json_integer(param->maximum));
		}
		json_array_append_new(params, row);
	}
	for (uint32_t i = 0; i < descriptor->port_count; i++) {
		const struct vmm_port_row *row = &plugin->ports[i];

		json_array_append_new(ports,
			json_pack("{s:s, s:s, s:s, s:b, s:b, s:i, s:s}", "key", row->key, "interfaces", row->interfaces,
				"role", row->role == VMM_ROLE_UPPER ? "upper" : "lower", "required",
				row->flags & VMM_PORT_REQUIRED, "live", row->flags & VMM_PORT_LIVE, "maximum",
				row->maximum ? (int)row->maximum : 1, "help", row->help));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "id", descriptor->id, "name",
		descriptor->name, "version", descriptor->version, "licence", descriptor->licence, "description",
		descriptor->description, "kind", kind_word(plugin->kind), "file", plugin->path, "parameters", params,
		"ports", ports);
}

static void info_print(const struct plugin *plugin)
{
	const struct vmm_descriptor *descriptor = &plugin->descriptor;

	printf("%s - %s\n%s\n\nversion %s, %s, %s\n", plugin_short_id(descriptor->id), descriptor->name,
		descriptor->description, descriptor->version, descriptor->licence, plugin->path);
	if (descriptor->param_count)
		printf("\nParameters\n");
	for (uint32_t i = 0; i < descriptor->param_count; i++) {
		const struct vmm_param *param = &plugin->params[i];

		printf("  %s = %s", param->key, param->choices ? param->choices : type_words[param->type]);
		if (param->minimum || param->maximum)
			printf(" %lld..%lld", (long long)param->minimum, (long long)param->maximum);
		if (param->flags & VMM_PARAM_REQUIRED)
			printf(", required");
		else if (param->default_value)
			printf(", by default %s", param->default_value);
		printf("\n      %s\n", param->help);
	}
	if (descriptor->port_count)
		printf("\nPorts\n");
	for (uint32_t i = 0; i < descriptor->port_count; i++) {
		const struct vmm_port_row *row = &plugin->ports[i];

		printf("  %s: %s, %s side%s%s\n      %s\n", row->key, row->interfaces,
			row->role == VMM_ROLE_UPPER ? "upper" : "lower",
			row->flags & VMM_PORT_REQUIRED ? ", required" : "",
			row->flags & VMM_PORT_LIVE ? ", can change while the machine runs" : "", row->help);
	}
}

static int plugin_info(struct plugin_registry *registry, const char *name, bool json)
{
	struct config_error error = { "" };
	const struct plugin *plugin;

	if (registry_find(registry, name, &plugin, &error))
		return command_failed("%s", error.text);
	if (json)
		command_json(info_json(plugin));
	else
		info_print(plugin);
	return STATUS_DONE;
}

/* The check is a program of its own, so that a plugin which crashes takes nothing with it. */
static int plugin_check(int argc, char **argv)
{
	const char *program = getenv("VMM_PLUGIN_CHECK");
	char *words[16] = { "vmm-plugin-check" };

	if (argc > 14)
		return command_usage("plugin check", "too many words");
	for (int i = 0; i < argc; i++)
		words[i + 1] = argv[i];
	execvp(program ? program : VMM_BIN_DIR "/vmm-plugin-check", words);
	return command_failed("%s cannot be run: %s: install it with vmm's SDK, or name it with VMM_PLUGIN_CHECK",
		program ? program : VMM_BIN_DIR "/vmm-plugin-check", strerror(errno));
}

int command_plugin(int argc, char **argv)
{
	struct plugin_registry *registry;
	const char *name = NULL;
	bool json = false;
	int status;

	if (argc < 1)
		return command_usage("plugin", "list, info NAME or check FILE.so?");
	if (!strcmp(argv[0], "check"))
		return plugin_check(argc - 1, argv + 1);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (argv[i][0] == '-' || name)
			return command_usage("plugin", "\"%s\" is not expected here", argv[i]);
		else
			name = argv[i];
	}
	if (strcmp(argv[0], "list") != 0 && strcmp(argv[0], "info") != 0)
		return command_usage("plugin", "it has list, info and check, but no \"%s\"", argv[0]);
	if (!strcmp(argv[0], "info") != (name != NULL))
		return command_usage("plugin", name ? "list takes no NAME" : "info of which plugin?");
	registry = command_registry();
	if (!registry)
		return STATUS_FAILED;
	status = name ? plugin_info(registry, name, json) : plugin_list(registry, json);
	registry_free(registry);
	return status;
}
