/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.param/1 and vmm.machine/1: settings.
 */
#include "fake_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *setting(struct fake *fake, const char *section, const char *key, uint32_t index)
{
	for (uint32_t i = 0; i < fake->setting_count; i++) {
		struct fake_setting *entry = &fake->settings[i];
		if (strcmp(entry->section, section) == 0 && strcmp(entry->key, key) == 0 && index-- == 0)
			return entry->value;
	}
	return NULL;
}

static const struct vmm_param *param_row(const struct fake_instance *instance, const char *key)
{
	const struct vmm_descriptor *descriptor = instance->descriptor;
	for (uint32_t i = 0; i < descriptor->param_count; i++) {
		const struct vmm_param *row = &descriptor->params[i];
		if (strcmp(row->key, key) == 0)
			return row;
	}
	return NULL;
}

static const char *param_text(struct fake_instance *instance, const char *key)
{
	const struct vmm_param *row = param_row(instance, key);
	if (row == NULL)
		return NULL;
	const char *text = setting(instance->fake, instance->name, key, 0);
	return text != NULL ? text : row->default_value;
}

static int32_t param_bool(void *context, const char *key, uint32_t *value)
{
	const char *text = param_text(context, key);
	if (text == NULL)
		return -ENOENT;
	*value = strcmp(text, "yes") == 0 || strcmp(text, "on") == 0 || strcmp(text, "1") == 0;
	return 0;
}

static int32_t param_int(void *context, const char *key, int64_t *value)
{
	const char *text = param_text(context, key);
	if (text == NULL)
		return -ENOENT;
	char *end;
	*value = strtoll(text, &end, 0);
	/* Sizes have a power of 1024 as their unit. */
	static const char units[] = "KMGT";
	const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
	if (unit != NULL)
		*value *= INT64_C(1) << ((unit - units + 1) * 10);
	return 0;
}

static int32_t copy(const char *from, char *text, uint32_t size)
{
	if (from == NULL)
		return -ENOENT;
	if (strlen(from) >= size)
		return -EOVERFLOW;
	memcpy(text, from, strlen(from) + 1);
	return (int32_t)strlen(from);
}

static int32_t param_string(void *context, const char *key, uint32_t index, char *text, uint32_t size)
{
	struct fake_instance *instance = context;
	const struct vmm_param *row = param_row(instance, key);
	if (row != NULL && row->type == VMM_PARAM_LIST)
		return copy(setting(instance->fake, instance->name, key, index), text, size);
	return copy(param_text(context, key), text, size);
}

static int32_t param_choice(void *context, const char *key, uint32_t *index)
{
	const char *text = param_text(context, key);
	const struct vmm_param *row = param_row(context, key);
	if (text == NULL)
		return -ENOENT;
	*index = 0;
	for (const char *at = row->choices; *at != '\0'; *index += 1) {
		size_t length = strcspn(at, "|");
		if (strlen(text) == length && memcmp(at, text, length) == 0)
			return 0;
		at += length + (at[length] == '|');
	}
	return -EINVAL;
}

static int32_t param_count(void *context, const char *key, uint32_t *count)
{
	struct fake_instance *instance = context;
	for (*count = 0; setting(instance->fake, instance->name, key, *count) != NULL;)
		*count += 1;
	return 0;
}

static int32_t param_mac(void *context, const char *key, uint8_t mac[6])
{
	struct fake_instance *instance = context;
	const char *text = setting(instance->fake, instance->name, key, 0);
	unsigned int bytes[6];
	if (text == NULL)
		return -ENOENT;
	if (sscanf(text, "%x:%x:%x:%x:%x:%x", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4], &bytes[5]) != 6)
		return -EINVAL;
	for (uint32_t i = 0; i < 6; i++)
		mac[i] = (uint8_t)bytes[i];
	return 0;
}

static int32_t param_is_set(void *context, const char *key)
{
	struct fake_instance *instance = context;
	return setting(instance->fake, instance->name, key, 0) != NULL;
}

const struct vmm_param_service fake_param_service = {
	.struct_size = sizeof(struct vmm_param_service),
	.get_bool = param_bool,
	.get_int = param_int,
	.get_string = param_string,
	.get_choice = param_choice,
	.get_count = param_count,
	.get_mac = param_mac,
	.is_set = param_is_set,
};

/* The machine as a whole. */

static int32_t machine_info(void *context, struct vmm_machine_info *info)
{
	struct fake_instance *instance = context;
	*info = instance->fake->info;
	return 0;
}

static int32_t machine_string(
	void *context, const char *section, const char *key, uint32_t index, char *text, uint32_t size)
{
	struct fake_instance *instance = context;
	return copy(setting(instance->fake, section, key, index), text, size);
}

static uint32_t machine_has(void *context, const char *id)
{
	struct fake_instance *instance = context;
	struct fake *fake = instance->fake;
	for (uint32_t i = 0; i < fake->instance_count; i++) {
		if (fake->instances[i].descriptor != NULL && strcmp(fake->instances[i].descriptor->id, id) == 0)
			return 1;
	}
	return 0;
}

const struct vmm_machine_service fake_machine_service = {
	.struct_size = sizeof(struct vmm_machine_service),
	.info = machine_info,
	.get_string = machine_string,
	.has_plugin = machine_has,
};
