/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* `vmm config dump`: the machine as it would be made, as an INI file that makes the same machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/machine/parts.h"

struct dump {
	void (*line)(void *self, const char *text);
	void *self;
};

static void dump_value(const struct dump *dump, const char *prefix, const char *key, const char *value)
{
	char *text = NULL;

	if (asprintf(&text, "%s%s = %s", prefix, key, value) < 0)
		return;
	dump->line(dump->self, text);
	free(text);
}

static void dump_setting(
	const struct dump *dump, const char *prefix, const struct vmm_param *param, const struct setting *setting)
{
	char text[64];

	switch (param->type) {
	case VMM_PARAM_BOOL: dump_value(dump, prefix, param->key, setting->number ? "yes" : "no"); break;
	case VMM_PARAM_INT:
	case VMM_PARAM_SIZE:
		snprintf(text, sizeof(text), "%lld", (long long)setting->number);
		dump_value(dump, prefix, param->key, text);
		break;
	default:
		for (uint32_t i = 0; i < setting->count; i++)
			dump_value(dump, prefix, param->key, setting->texts[i]);
		break;
	}
}

static void dump_settings(
	const struct dump *dump, const char *prefix, const struct instance *instance, const char *without)
{
	for (uint32_t i = 0; i < instance->plugin->descriptor.param_count; i++)
		if (instance->settings[i].present && (!without || strcmp(instance->plugin->params[i].key, without)))
			dump_setting(dump, prefix, &instance->plugin->params[i], &instance->settings[i]);
}

static void dump_place(const struct machine *machine, const struct dump *dump, const struct member *member)
{
	for (const struct join *join = machine->joins; join; join = join->next) {
		char *text = NULL;

		if (join->member != member || !(join->row->flags & VMM_PORT_CHILD) || !join->peer)
			continue;
		if (asprintf(&text, "@%s", join->peer->instance->name) < 0)
			return;
		dump_value(dump, "", join->row->key, text);
		free(text);
		if (join->peer_row->address_kind == VMM_ADDRESS_NONE)
			continue;
		text = address_text(join->peer_row->address_kind, join->address);
		if (text)
			dump_value(dump, "", "address", text);
		free(text);
	}
}

static const char *setting_first(const struct instance *instance, const char *key)
{
	for (uint32_t i = 0; i < instance->plugin->descriptor.param_count; i++)
		if (!strcmp(instance->plugin->params[i].key, key))
			return instance->settings[i].count ? instance->settings[i].texts[0] : NULL;
	return NULL;
}

/* PORT = PLUGIN, or, for storage, PORT = PATH and PORT.plugin = PLUGIN. */
static void dump_private(const struct dump *dump, const struct member *member, const struct join *join)
{
	const struct instance *instance = join->peer->instance;
	const char *plugin = plugin_short_id(instance->plugin->descriptor.id);
	const char *path = port_takes_path(join->row) ? setting_first(instance, "path") : NULL;

	dump_value(dump, member->prefix, join->row->key, path ? path : plugin);
	if (path)
		dump_value(dump, join->peer->prefix, "plugin", plugin);
	dump_settings(dump, join->peer->prefix, instance, path ? "path" : NULL);
}

static void dump_member(const struct machine *machine, const struct dump *dump, const struct member *member)
{
	for (const struct join *join = machine->joins; join; join = join->next) {
		char *prefix = NULL;

		if (join->member != member || !join->peer || (join->row->flags & VMM_PORT_CHILD))
			continue;
		if (join->peer->parent != member) {
			if (asprintf(&prefix, "@%s", join->peer->instance->name) < 0)
				return;
			dump_value(dump, member->prefix, join->row->key, prefix);
			free(prefix);
			continue;
		}
		dump_private(dump, member, join);
		dump_member(machine, dump, join->peer);
	}
}

void machine_dump(struct machine *machine, void (*line)(void *self, const char *text), void *self)
{
	struct dump dump = { line, self };
	char heading[128];

	for (unsigned i = 0; i < CORE_SECTIONS; i++) {
		snprintf(heading, sizeof(heading), "[%s]", core_sections[i].descriptor.id);
		line(self, heading);
		/* The base is in the dump already. */
		for (uint32_t j = 0; j < core_sections[i].descriptor.param_count; j++) {
			const struct vmm_param *param = &core_sections[i].params[j];

			if (i == CORE_MACHINE && !strcmp(param->key, "base"))
				line(self, "base = none");
			else if (machine->core[i]->settings[j].present)
				dump_setting(&dump, "", param, &machine->core[i]->settings[j]);
		}
	}
	for (const struct member *member = machine->members; member; member = member->next) {
		if (member->parent)
			continue;
		snprintf(heading, sizeof(heading), "[%s]", member->instance->name);
		line(self, "");
		line(self, heading);
		dump_value(&dump, "", "plugin", plugin_short_id(member->instance->plugin->descriptor.id));
		dump_settings(&dump, "", member->instance, NULL);
		dump_place(machine, &dump, member);
		dump_member(machine, &dump, member);
	}
}
