/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* From sections to instances: which plugin, which settings. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/port-storage.h>

#include "vmm/machine/parts.h"

int machine_fail(struct config_error *error, const struct config_section *section, const struct config_key *key,
	const char *format, ...)
{
	const char *file = NULL;
	unsigned line = 0;
	char text[768];
	va_list arguments;

	if (key && key->count) {
		file = key->values[0].file ? key->values[0].file : "--set";
		line = key->values[0].line;
	} else if (section) {
		file = section->file ? section->file : "--set";
		line = section->line;
	}
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return config_fail(error, file, line, "%s", text);
}

/* Put the place of a section before a message that has none. */
static int error_place(
	struct config_error *error, const struct config_section *section, const struct config_key *key, int status)
{
	struct config_error inner = *error;

	machine_fail(error, section, key, "%s", inner.text);
	return status;
}

struct member *member_find(const struct machine *machine, const char *name)
{
	for (struct member *member = machine->members; member; member = member->next)
		if (!strcmp(member->instance->name, name))
			return member;
	return NULL;
}

void member_free(struct machine *machine, struct member *member)
{
	for (struct member **link = &machine->members; *link; link = &(*link)->next) {
		if (*link != member)
			continue;
		*link = member->next;
		if (machine->members_last == &member->next)
			machine->members_last = link;
		break;
	}
	for (unsigned i = 0; i < machine->a20_count; i++)
		if (machine->a20[i].instance == member->instance)
			machine->a20[i] = machine->a20[--machine->a20_count];
	for (struct command **link = &machine->commands; *link;) {
		struct command *command = *link;

		if (command->instance != member->instance) {
			link = &command->next;
			continue;
		}
		*link = command->next;
		free(command->name);
		free(command);
	}
	instance_free(member->instance);
	free(member->prefix);
	free(member);
}

int member_new(struct machine *machine, const char *name, const char *plugin_id, struct config_section *section,
	const char *prefix, struct member **result, struct config_error *error)
{
	const struct plugin *plugin;
	struct member *member;
	int status = registry_find(machine->registry, plugin_id, &plugin, error);

	if (status)
		return status;
	if (plugin->descriptor.flags & VMM_PLUGIN_SINGLE)
		for (member = machine->members; member; member = member->next)
			if (member->instance->plugin == plugin)
				return config_fail(error, NULL, 0,
					"a machine has at most one %s, and [%s] is one already: remove one of the two",
					plugin_short_id(plugin->descriptor.id), member->instance->name);
	member = calloc(1, sizeof(*member));
	if (!member)
		goto no_memory;
	member->section = section;
	member->prefix = strdup(prefix);
	if (!member->prefix || instance_new(&machine->env, plugin, name, &member->instance))
		goto no_memory;
	member->instance->machine_data = member;
	*machine->members_last = member;
	machine->members_last = &member->next;
	*result = member;
	return 0;
no_memory:
	if (member)
		free(member->prefix);
	free(member);
	config_fail(error, NULL, 0, "out of memory");
	return -ENOMEM;
}

/* The port whose own key, or whose private instance's key, `name` is: *rest is what follows "PORT.", or NULL. */
static const struct vmm_port_row *key_port(const struct plugin *plugin, const char *name, const char **rest)
{
	for (uint32_t i = 0; i < plugin->descriptor.port_count; i++) {
		const struct vmm_port_row *row = &plugin->ports[i];
		size_t length = strlen(row->key);

		if ((row->flags & (VMM_PORT_BUS | VMM_PORT_CHILD | VMM_PORT_CORE)) || strncmp(name, row->key, length))
			continue;
		if (!name[length] || name[length] == '.') {
			*rest = name[length] ? name + length + 1 : NULL;
			return row;
		}
	}
	return NULL;
}

static bool plugin_has_child(const struct plugin *plugin)
{
	for (uint32_t i = 0; i < plugin->descriptor.port_count; i++)
		if (plugin->ports[i].flags & VMM_PORT_CHILD)
			return true;
	return false;
}

static int unknown_key(
	const struct member *member, const struct config_key *key, const char *name, struct config_error *error)
{
	const struct plugin *plugin = member->instance->plugin;
	const char *names[512];
	size_t count = 0;
	const char *near;

	for (uint32_t i = 0; i < plugin->descriptor.param_count; i++)
		names[count++] = plugin->params[i].key;
	for (uint32_t i = 0; i < plugin->descriptor.port_count && count < 510; i++)
		if (!(plugin->ports[i].flags & (VMM_PORT_BUS | VMM_PORT_CORE)))
			names[count++] = plugin->ports[i].key;
	if (plugin_has_child(plugin))
		names[count++] = "address";
	near = config_nearest(name, names, count);
	if (near)
		return machine_fail(error, member->section, key, "%s has no key \"%s\": did you mean \"%s\"?",
			plugin_short_id(plugin->descriptor.id), name, near);
	return machine_fail(error, member->section, key, "%s has no key \"%s\": vmm plugin info %s lists those it has",
		plugin_short_id(plugin->descriptor.id), name, plugin_short_id(plugin->descriptor.id));
}

/* A key that gives a port's private instance its settings, where there is no such instance. */
static int stray_key(const struct member *member, const struct config_key *key, const struct vmm_port_row *row,
	struct config_error *error)
{
	return machine_fail(error, member->section, key,
		"\"%s\" has no effect: port \"%s\" is not filled by a plugin here", key->name, row->key);
}

static bool port_private(const struct member *member, const struct vmm_port_row *row)
{
	char name[1024];
	const struct config_key *key;

	snprintf(name, sizeof(name), "%s%s", member->prefix, row->key);
	key = config_key(member->section, name);
	return key && key->count && key->values[0].text[0] && key->values[0].text[0] != '@';
}

bool port_takes_path(const struct vmm_port_row *row)
{
	return row->role == VMM_ROLE_UPPER && strstr(row->interfaces, VMM_PORT_STORAGE) != NULL;
}

int member_provider(struct machine *machine, const struct vmm_port_row *row, const struct config_key *key,
	const struct config_key *named, const char **plugin_id, struct config_error *error)
{
	const struct plugin *plugin;
	char *path;
	int status;

	*plugin_id = named && named->count ? named->values[0].text : key->values[0].text;
	if (!port_takes_path(row) || (named && named->count))
		return 0;
	path = config_path(key->values[0].text, key->values[0].file);
	if (!path)
		return config_fail(error, NULL, 0, "out of memory");
	status = registry_probe(machine->registry, path, &plugin, error);
	free(path);
	if (!status)
		*plugin_id = plugin->descriptor.id;
	return status;
}

/* A storage port's value is its provider's path. */
static int member_path(struct member *member, struct config_error *error)
{
	const struct config_key *key;
	char name[1024];
	int status;

	if (!member->parent || !port_takes_path(member->parent_row))
		return 0;
	snprintf(name, sizeof(name), "%.*s", (int)strlen(member->prefix) - 1, member->prefix);
	key = config_key(member->section, name);
	status = setting_set(member->instance, key, "path", error);
	if (status == -ENOENT)
		return machine_fail(error, member->section, key, "%s takes no path: join it as @SECTION instead",
			plugin_short_id(member->instance->plugin->descriptor.id));
	return status;
}

int member_keys(struct machine *machine, struct member *member, struct config_error *error)
{
	size_t prefix = strlen(member->prefix);
	int status = member_path(member, error);

	(void)machine;
	if (status)
		return status;
	for (unsigned i = 0; i < member->section->count; i++) {
		struct config_key *key = &member->section->keys[i];
		const char *name = key->name + prefix, *rest;
		const struct vmm_port_row *row;

		if (strncmp(key->name, member->prefix, prefix) || !strcmp(name, "plugin"))
			continue;
		if (!strcmp(name, "path") && member->parent && port_takes_path(member->parent_row))
			return machine_fail(error, member->section, key,
				"\"%s\" is said already by \"%.*s\": remove this line", key->name, (int)(prefix - 1),
				key->name);
		status = setting_set(member->instance, key, name, error);
		if (!status)
			continue;
		if (status != -ENOENT)
			return status;
		if (!prefix && (!strcmp(name, "bus") || !strcmp(name, "address")) &&
			plugin_has_child(member->instance->plugin))
			continue;
		row = key_port(member->instance->plugin, name, &rest);
		if (!row)
			return unknown_key(member, key, name, error);
		if (rest && !port_private(member, row))
			return stray_key(member, key, row, error);
	}
	status = settings_default(member->instance, error);
	if (!status)
		status = settings_check(member->instance, error);
	return status ? error_place(error, member->section, NULL, status) : 0;
}

/* Fill the ports of a member with private instances, and theirs with theirs. */
static int member_private(struct machine *machine, struct member *member, unsigned depth, struct config_error *error)
{
	const struct plugin *plugin = member->instance->plugin;

	for (uint32_t i = 0; i < plugin->descriptor.port_count; i++) {
		const struct vmm_port_row *row = &plugin->ports[i];
		struct config_key *key, *named;
		struct member *child;
		const char *plugin_id;
		char name[512], prefix[512], plugin_key[600];
		int status;

		if ((row->flags & (VMM_PORT_BUS | VMM_PORT_CHILD | VMM_PORT_CORE)) || !port_private(member, row))
			continue;
		snprintf(name, sizeof(name), "%s.%s", member->instance->name, row->key);
		snprintf(prefix, sizeof(prefix), "%s%s", member->prefix, row->key);
		key = config_key(member->section, prefix);
		if (key->count > 1)
			return machine_fail(error, member->section, key, "\"%s\" is set a second time (in line %u)",
				prefix, key->values[1].line);
		if (depth > 8)
			return machine_fail(error, member->section, key, "ports are nested too deep here");
		snprintf(plugin_key, sizeof(plugin_key), "%s.plugin", prefix);
		named = config_key(member->section, plugin_key);
		strncat(prefix, ".", sizeof(prefix) - strlen(prefix) - 1);
		status = member_provider(machine, row, key, named, &plugin_id, error);
		if (!status)
			status = member_new(machine, name, plugin_id, member->section, prefix, &child, error);
		if (status)
			return error_place(error, member->section, named ? named : key, status);
		child->parent = member;
		child->parent_row = row;
		status = member_private(machine, child, depth + 1, error);
		if (status)
			return status;
	}
	return 0;
}

static int section_member(struct machine *machine, struct config_section *section, struct config_error *error)
{
	struct config_key *key = config_key(section, "plugin");
	struct member *member;
	int status;

	if (core_section_name(section->name))
		return 0;
	if (!key || !key->count || !key->values[0].text[0])
		return machine_fail(error, section, NULL,
			"[%s] names no plugin: add a line plugin = NAME (vmm plugin list)", section->name);
	if (key->count > 1)
		return machine_fail(
			error, section, key, "\"plugin\" is set a second time (in line %u)", key->values[1].line);
	if (!strcmp(key->values[0].text, "none"))
		return 0;
	status = member_new(machine, section->name, key->values[0].text, section, "", &member, error);
	if (status)
		return error_place(error, section, key, status);
	return member_private(machine, member, 0, error);
}

int machine_assemble(struct machine *machine, struct config_error *error)
{
	struct config *config = machine->config;
	int status = 0;

	for (unsigned i = 0; i < config->count && !status; i++)
		status = section_member(machine, config->sections[i], error);
	for (struct member *member = machine->members; member && !status; member = member->next)
		status = member_keys(machine, member, error);
	if (!status)
		status = joins_plan(machine, error);
	/* Nothing has been started up to here: all that the files say has been checked. */
	for (struct member *member = machine->members; member && !status; member = member->next) {
		status = instance_create(member->instance, error);
		if (status)
			error_place(error, member->section, NULL, status);
	}
	if (!status)
		status = joins_make(machine, error);
	return status;
}
