/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Settings: INI text checked against a plugin's parameter table, and vmm.param/1, which hands them over. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <vmm/param.h>

#include "vmm/plugin/host.h"
#include "vmm/config/value.h"

static void setting_clear(struct setting *setting)
{
	for (uint32_t i = 0; i < setting->count; i++)
		free(setting->texts[i]);
	free(setting->texts);
	*setting = (struct setting){ 0 };
}

void settings_free(struct instance *instance)
{
	for (uint32_t i = 0; i < instance->plugin->descriptor.param_count; i++)
		setting_clear(&instance->settings[i]);
}

static int setting_text_add(struct setting *setting, char *text)
{
	char **texts = text ? realloc(setting->texts, (setting->count + 1) * sizeof(char *)) : NULL;

	if (!texts) {
		free(text);
		return -ENOMEM;
	}
	setting->texts = texts;
	texts[setting->count++] = text;
	return 0;
}

/* Parse one value into a setting.  0, -ENOMEM, or -EINVAL with what would be right in `wanted`. */
static int setting_parse(
	struct setting *setting, const struct vmm_param *param, const char *text, const char *file, char wanted[256])
{
	bool range = param->minimum || param->maximum;
	size_t length = strlen(text);

	switch (param->type) {
	case VMM_PARAM_BOOL:
		if (value_bool(text, &setting->number))
			break;
		snprintf(wanted, 256, "yes or no");
		return -EINVAL;
	case VMM_PARAM_INT:
	case VMM_PARAM_SIZE:
		if ((param->type == VMM_PARAM_INT ? value_int(text, &setting->number)
						  : value_size(text, &setting->number)) &&
			(!range || (setting->number >= param->minimum && setting->number <= param->maximum)))
			break;
		if (range)
			snprintf(wanted, 256, "%s from %lld to %lld",
				param->type == VMM_PARAM_INT ? "a number" : "a size in bytes (or with K, M, G, T)",
				(long long)param->minimum, (long long)param->maximum);
		else
			snprintf(wanted, 256, "%s",
				param->type == VMM_PARAM_INT ? "a number" : "a size in bytes (or with K, M, G, T)");
		return -EINVAL;
	case VMM_PARAM_MAC:
		if (value_mac(text, setting->mac))
			break;
		snprintf(wanted, 256, "a unicast MAC address such as 00:50:56:00:00:01");
		return -EINVAL;
	case VMM_PARAM_CHOICE:
		if (value_choice(text, param->choices, &setting->number))
			break;
		snprintf(wanted, 256, "one of %s", param->choices);
		return -EINVAL;
	case VMM_PARAM_PATH:
		if (length)
			return setting_text_add(setting, config_path(text, file));
		snprintf(wanted, 256, "a path");
		return -EINVAL;
	default:
		if (!param->maximum || ((int64_t)length >= param->minimum && (int64_t)length <= param->maximum))
			break;
		snprintf(wanted, 256, "a text of %lld to %lld bytes", (long long)param->minimum,
			(long long)param->maximum);
		return -EINVAL;
	}
	return setting_text_add(setting, strdup(text));
}

static int setting_row(const struct instance *instance, const char *key)
{
	for (uint32_t i = 0; i < instance->plugin->descriptor.param_count; i++)
		if (!strcmp(instance->plugin->params[i].key, key))
			return (int)i;
	return -1;
}

int setting_set(struct instance *instance, const struct config_key *key, const char *name, struct config_error *error)
{
	int row = setting_row(instance, name);

	if (row < 0)
		return -ENOENT;
	const struct vmm_param *param = &instance->plugin->params[row];
	struct setting *setting = &instance->settings[row];

	if (key->count > 1 && param->type != VMM_PARAM_LIST)
		return config_fail(error, key->values[1].file, key->values[1].line,
			"\"%s\" is set a second time (first in line %u): only one value is allowed", key->name,
			key->values[0].line);
	setting_clear(setting);
	setting->set = setting->present = true;
	for (unsigned i = 0; i < key->count; i++) {
		const struct config_value *value = &key->values[i];
		char wanted[256] = "";
		int status = setting_parse(setting, param, value->text, value->file, wanted);

		if (status == -EINVAL)
			return config_fail(error, value->file ? value->file : "--set", value->line,
				"%s = %s: must be %s", key->name, value->text, wanted);
		if (status)
			return status;
	}
	return 0;
}

int settings_default(struct instance *instance, struct config_error *error)
{
	for (uint32_t i = 0; i < instance->plugin->descriptor.param_count; i++) {
		const struct vmm_param *param = &instance->plugin->params[i];
		struct setting *setting = &instance->settings[i];
		char wanted[256] = "";
		int status;

		if (setting->present || !param->default_value)
			continue;
		setting->present = true;
		if (param->type == VMM_PARAM_LIST && !param->default_value[0])
			continue;
		status = setting_parse(setting, param, param->default_value, "/", wanted);
		if (status == -EINVAL)
			return config_fail(error, NULL, 0,
				"plugin %s is broken (its default %s = %s must be %s): rebuild it",
				instance->plugin->descriptor.id, param->key, param->default_value, wanted);
		if (status)
			return status;
	}
	return 0;
}

int settings_check(struct instance *instance, struct config_error *error)
{
	for (uint32_t i = 0; i < instance->plugin->descriptor.param_count; i++) {
		const struct vmm_param *param = &instance->plugin->params[i];

		if ((param->flags & VMM_PARAM_REQUIRED) && !instance->settings[i].present)
			return config_fail(error, NULL, 0, "[%s]: \"%s\" must be set (%s)", instance->name, param->key,
				param->help);
	}
	return 0;
}

char *setting_text(const struct instance *instance, unsigned row, uint32_t index)
{
	const struct setting *setting = &instance->settings[row];

	return setting->present && index < setting->count ? strdup(setting->texts[index]) : NULL;
}

/* The present setting of a key whose type is one of `types` (a mask of 1 << type). */
static int param_find(struct instance *instance, const char *key, unsigned types, struct setting **setting)
{
	int row = setting_row(instance, key);

	if (row < 0)
		return -ENOENT;
	if (!(types >> instance->plugin->params[row].type & 1))
		return -EINVAL;
	*setting = &instance->settings[row];
	return (*setting)->present ? 0 : -ENOENT;
}

static int32_t param_get_bool(void *context, const char *key, uint32_t *value)
{
	struct setting *setting;
	int status = param_find(context, key, 1u << VMM_PARAM_BOOL, &setting);

	if (!status)
		*value = setting->number != 0;
	return status;
}

static int32_t param_get_int(void *context, const char *key, int64_t *value)
{
	struct setting *setting;
	int status = param_find(context, key, 1u << VMM_PARAM_INT | 1u << VMM_PARAM_SIZE, &setting);

	if (!status)
		*value = setting->number;
	return status;
}

static int32_t param_get_string(void *context, const char *key, uint32_t index, char *text, uint32_t size)
{
	struct setting *setting;
	int status = param_find(context, key,
		1u << VMM_PARAM_STRING | 1u << VMM_PARAM_PATH | 1u << VMM_PARAM_CHOICE | 1u << VMM_PARAM_LIST,
		&setting);

	if (status)
		return status;
	if (index >= setting->count)
		return -ENOENT;
	size_t length = strlen(setting->texts[index]);

	if (length >= size)
		return -EOVERFLOW;
	memcpy(text, setting->texts[index], length + 1);
	return (int32_t)length;
}

static int32_t param_get_choice(void *context, const char *key, uint32_t *index)
{
	struct setting *setting;
	int status = param_find(context, key, 1u << VMM_PARAM_CHOICE, &setting);

	if (!status)
		*index = (uint32_t)setting->number;
	return status;
}

static int32_t param_get_count(void *context, const char *key, uint32_t *count)
{
	struct setting *setting = NULL;
	int status = param_find(context, key, 1u << VMM_PARAM_LIST, &setting);

	if (status && !setting)
		return status;
	*count = status ? 0 : setting->count;
	return 0;
}

static int32_t param_get_mac(void *context, const char *key, uint8_t mac[6])
{
	struct setting *setting;
	int status = param_find(context, key, 1u << VMM_PARAM_MAC, &setting);

	if (!status)
		memcpy(mac, setting->mac, 6);
	return status;
}

static int32_t param_is_set(void *context, const char *key)
{
	const struct instance *instance = context;
	int row = setting_row(instance, key);

	return row < 0 ? -ENOENT : instance->settings[row].set;
}

const struct vmm_param_service service_param = {
	.struct_size = sizeof(service_param),
	.get_bool = param_get_bool,
	.get_int = param_get_int,
	.get_string = param_get_string,
	.get_choice = param_get_choice,
	.get_count = param_get_count,
	.get_mac = param_get_mac,
	.is_set = param_is_set,
};
