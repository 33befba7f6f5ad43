/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm.state/1, vmm.machine/1, vmm.power/1, vmm.random/1, vmm.firmware/1, vmm.firmware-list/1 and vmm.control/1. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/plugin/host.h"

static void service_put_u64(void *context, const char *name, uint64_t value)
{
	struct instance *instance = context;

	if (instance->writer)
		state_put_u64(instance->writer, name, value);
}

static void service_put_bytes(void *context, const char *name, const void *data, uint64_t length)
{
	struct instance *instance = context;

	if (instance->writer)
		state_put_bytes(instance->writer, name, data, length);
}

static uint32_t service_has(void *context, const char *name)
{
	struct instance *instance = context;

	return instance->reader && state_has(instance->reader, name);
}

static int32_t service_get_u64(void *context, const char *name, uint64_t *value)
{
	struct instance *instance = context;

	if (!instance->reader)
		return -EPROTO;
	state_get_u64(instance->reader, name, value);
	return state_reader_error(instance->reader) ? -EPROTO : 0;
}

static int32_t service_get_bytes(void *context, const char *name, void *data, uint64_t length)
{
	struct instance *instance = context;

	if (!instance->reader)
		return -EPROTO;
	state_get_bytes(instance->reader, name, data, length);
	return state_reader_error(instance->reader) ? -EPROTO : 0;
}

static int64_t service_length(void *context, const char *name)
{
	struct instance *instance = context;

	return instance->reader ? state_length(instance->reader, name) : -ENOENT;
}

const struct vmm_state_service service_state = {
	.struct_size = sizeof(service_state),
	.put_u64 = service_put_u64,
	.put_bytes = service_put_bytes,
	.has = service_has,
	.get_u64 = service_get_u64,
	.get_bytes = service_get_bytes,
	.length = service_length,
};

static int32_t machine_info(void *context, struct vmm_machine_info *info)
{
	struct instance *instance = context;
	const struct plugin_machine *machine = &instance->env->machine;
	struct vmm_machine_info filled = { .struct_size = sizeof(filled) };
	uint32_t size = info->struct_size < sizeof(filled) ? info->struct_size : sizeof(filled);

	machine->info(machine->self, &filled);
	filled.struct_size = size;
	memcpy(info, &filled, size);
	return 0;
}

static int32_t machine_get_string(
	void *context, const char *section, const char *key, uint32_t index, char *text, uint32_t size)
{
	struct instance *instance = context;
	const struct plugin_machine *machine = &instance->env->machine;
	const char *value = machine->setting(machine->self, section, key, index);

	if (!value)
		return -ENOENT;
	size_t length = strlen(value);

	if (length >= size)
		return -EOVERFLOW;
	memcpy(text, value, length + 1);
	return (int32_t)length;
}

static uint32_t machine_has_plugin(void *context, const char *id)
{
	struct instance *instance = context;
	const struct plugin_machine *machine = &instance->env->machine;

	return machine->has_plugin(machine->self, id);
}

const struct vmm_machine_service service_machine = {
	.struct_size = sizeof(service_machine),
	.info = machine_info,
	.get_string = machine_get_string,
	.has_plugin = machine_has_plugin,
};

static void power_request(void *context, uint32_t what)
{
	struct instance *instance = context;
	const struct plugin_machine *machine = &instance->env->machine;

	machine->power(machine->self, what);
}

static void power_exit(void *context, int32_t status)
{
	struct instance *instance = context;
	const struct plugin_machine *machine = &instance->env->machine;

	machine->exit(machine->self, status);
}

static void power_a20(void *context, uint32_t enabled)
{
	struct instance *instance = context;
	const struct plugin_machine *machine = &instance->env->machine;

	machine->a20(machine->self, instance, enabled != 0);
}

static void power_cpu_init(void *context)
{
	struct instance *instance = context;
	const struct plugin_machine *machine = &instance->env->machine;

	machine->cpu_init(machine->self);
}

static int32_t power_watch_button(
	void *context, void (*callback)(void *self, uint64_t token), void *self, uint64_t token)
{
	struct instance *instance = context;
	struct power_button *button = malloc(sizeof(*button));

	if (!button)
		return -ENOMEM;
	*button = (struct power_button){ instance->env->buttons, instance, callback, self, token };
	instance->env->buttons = button;
	return 0;
}

const struct vmm_power_service service_power = {
	.struct_size = sizeof(service_power),
	.request = power_request,
	.exit = power_exit,
	.a20 = power_a20,
	.cpu_init = power_cpu_init,
	.watch_button = power_watch_button,
};

static void random_fill(void *context, void *data, uint64_t length)
{
	struct instance *instance = context;
	const struct plugin_machine *machine = &instance->env->machine;

	machine->random(machine->self, data, length);
}

const struct vmm_random_service service_random = { .struct_size = sizeof(service_random), .fill = random_fill };

static int entry_fill(struct firmware_entry *entry, const void *data, uint64_t length)
{
	void *copy = malloc(length ? length : 1);

	if (!copy)
		return -ENOMEM;
	if (length)
		memcpy(copy, data, length);
	free(entry->data);
	entry->data = copy;
	entry->length = length;
	return 0;
}

static int32_t firmware_add(void *context, uint32_t type, const char *name, const void *data, uint64_t length)
{
	struct instance *instance = context;
	struct plugin_env *env = instance->env;
	struct firmware_entry *entry;

	if (type < VMM_FIRMWARE_FILE || type > VMM_FIRMWARE_BOOT || !name)
		return -EINVAL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->owner = instance;
	entry->type = type;
	entry->name = strdup(name);
	if (!entry->name || entry_fill(entry, data, length)) {
		free(entry->name);
		free(entry);
		return -ENOMEM;
	}
	*env->firmware_last = entry;
	env->firmware_last = &entry->next;
	return 0;
}

static int32_t firmware_update(void *context, uint32_t type, const char *name, const void *data, uint64_t length)
{
	struct instance *instance = context;

	for (struct firmware_entry *entry = instance->env->firmware; entry; entry = entry->next)
		if (entry->owner == instance && entry->type == type && !strcmp(entry->name, name))
			return entry_fill(entry, data, length);
	return -ENOENT;
}

const struct vmm_firmware_service service_firmware = {
	.struct_size = sizeof(service_firmware),
	.add = firmware_add,
	.update = firmware_update,
};

static struct firmware_entry *firmware_find(const struct plugin_env *env, uint32_t type, uint32_t index)
{
	for (struct firmware_entry *entry = env->firmware; entry; entry = entry->next)
		if (entry->type == type && !index--)
			return entry;
	return NULL;
}

static int32_t firmware_entry(void *context, uint32_t type, uint32_t index, char *name, uint32_t size, uint64_t *length)
{
	struct instance *instance = context;
	const struct firmware_entry *entry = firmware_find(instance->env, type, index);

	if (!entry)
		return -ENOENT;
	if (strlen(entry->name) >= size)
		return -EOVERFLOW;
	strcpy(name, entry->name);
	*length = entry->length;
	return 0;
}

static int32_t firmware_read(void *context, uint32_t type, uint32_t index, uint64_t offset, void *data, uint64_t length)
{
	struct instance *instance = context;
	const struct firmware_entry *entry = firmware_find(instance->env, type, index);

	if (!entry || offset > entry->length || length > entry->length - offset)
		return -EINVAL;
	memcpy(data, (const char *)entry->data + offset, length);
	return 0;
}

const struct vmm_firmware_list_service service_firmware_list = {
	.struct_size = sizeof(service_firmware_list),
	.entry = firmware_entry,
	.read = firmware_read,
};

static int32_t control_add(void *context, const char *name,
	int32_t (*handler)(void *self, uint64_t token, const char *params, char *reply, uint32_t reply_size),
	void *self, uint64_t token)
{
	struct instance *instance = context;
	const struct plugin_machine *machine = &instance->env->machine;

	return handler ? machine->control_add(machine->self, instance, name, handler, self, token) : -EINVAL;
}

static int32_t control_event(void *context, const char *name, const char *json)
{
	struct instance *instance = context;
	const struct plugin_machine *machine = &instance->env->machine;

	return machine->control_event(machine->self, instance, name, json);
}

const struct vmm_control_service service_control = {
	.struct_size = sizeof(service_control),
	.add = control_add,
	.event = control_event,
};
