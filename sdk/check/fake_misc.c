/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.power/1, vmm.random/1, vmm.firmware/1, vmm.control/1, and what an instance holds.
 */
#include "fake_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Power and chance. */

static void power_request(void *context, uint32_t what)
{
	struct fake *fake = fake_enter_any(context, __func__);
	if (what >= VMM_POWER_RESET && what <= VMM_POWER_PAUSE && what != VMM_POWER_WAKE)
		fake->requests[what]++;
	else
		fake_fault(context, "power.request was called for %u", what);
}

static void power_exit(void *context, int32_t status)
{
	struct fake *fake = fake_enter_any(context, __func__);
	fake->exited++;
	fake->exit_status = status;
}

static void power_a20(void *context, uint32_t enabled)
{
	struct fake *fake = fake_enter(context, __func__);
	fake->a20[(struct fake_instance *)context - fake->instances] = enabled;
}

static void power_cpu_init(void *context)
{
	fake_enter(context, __func__)->cpu_init_count++;
}

static int32_t power_watch(void *context, void (*callback)(void *self, uint64_t token), void *self, uint64_t token)
{
	if (fake_fails(fake_enter(context, __func__)))
		return -ENOMEM;
	struct fake_instance *instance = context;
	(void)token;
	instance->button = callback;
	instance->button_self = self;
	return 0;
}

const struct vmm_power_service fake_power_service = {
	.struct_size = sizeof(struct vmm_power_service),
	.request = power_request,
	.exit = power_exit,
	.a20 = power_a20,
	.cpu_init = power_cpu_init,
	.watch_button = power_watch,
};

void fake_button(struct fake *fake)
{
	for (uint32_t i = 0; i < fake->instance_count; i++) {
		if (fake->instances[i].button != NULL)
			fake->instances[i].button(fake->instances[i].button_self, 0);
	}
}

static void random_fill(void *context, void *data, uint64_t length)
{
	struct fake *fake = fake_enter(context, __func__);
	uint8_t *bytes = data;
	for (uint64_t i = 0; i < length; i++) {
		fake->random_state = fake->random_state * 1103515245u + 12345u;
		bytes[i] = (uint8_t)(fake->random_state >> 16);
	}
}

const struct vmm_random_service fake_random_service = {
	.struct_size = sizeof(struct vmm_random_service),
	.fill = random_fill,
};

/* Files for the firmware. */

static struct fake_file *file_of(struct fake *fake, uint32_t type, const char *name)
{
	for (uint32_t i = 0; i < FAKE_FILES; i++) {
		struct fake_file *file = &fake->files[i];
		if (file->used && file->type == type && strcmp(file->name, name) == 0)
			return file;
	}
	return NULL;
}

static int32_t file_fill(struct fake_file *file, const void *data, uint64_t length)
{
	uint8_t *copy = malloc(length + 1);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, data, length);
	free(file->data);
	file->data = copy;
	file->length = length;
	return 0;
}

static int32_t firmware_add(void *context, uint32_t type, const char *name, const void *data, uint64_t length)
{
	struct fake *fake = fake_enter(context, __func__);
	if (fake_fails(fake))
		return -ENOMEM;
	if (type < VMM_FIRMWARE_FILE || type > VMM_FIRMWARE_BOOT || name == NULL || strlen(name) > 63)
		return -EINVAL;
	for (uint32_t i = 0; i < FAKE_FILES; i++) {
		struct fake_file *file = &fake->files[i];
		if (file->used)
			continue;
		*file = (struct fake_file){ .owner = context, .used = 1, .type = type };
		snprintf(file->name, sizeof(file->name), "%s", name);
		return file_fill(file, data, length);
	}
	return -ENOMEM;
}

static int32_t firmware_update(void *context, uint32_t type, const char *name, const void *data, uint64_t length)
{
	struct fake_file *file = file_of(fake_enter(context, __func__), type, name);
	return file != NULL && file->owner == context ? file_fill(file, data, length) : -ENOENT;
}

const struct vmm_firmware_service fake_firmware_service = {
	.struct_size = sizeof(struct vmm_firmware_service),
	.add = firmware_add,
	.update = firmware_update,
};

static struct fake_file *file_at(struct fake *fake, uint32_t type, uint32_t index)
{
	for (uint32_t i = 0; i < FAKE_FILES; i++) {
		if (fake->files[i].used && fake->files[i].type == type && index-- == 0)
			return &fake->files[i];
	}
	return NULL;
}

static int32_t list_entry(void *context, uint32_t type, uint32_t index, char *name, uint32_t size, uint64_t *length)
{
	struct fake_file *file = file_at(fake_enter(context, __func__), type, index);
	if (file == NULL)
		return -ENOENT;
	snprintf(name, size, "%s", file->name);
	*length = file->length;
	return 0;
}

static int32_t list_read(void *context, uint32_t type, uint32_t index, uint64_t offset, void *data, uint64_t length)
{
	struct fake_file *file = file_at(fake_enter(context, __func__), type, index);
	if (file == NULL || offset > file->length || length > file->length - offset)
		return -EINVAL;
	memcpy(data, file->data + offset, length);
	return 0;
}

const struct vmm_firmware_list_service fake_firmware_list_service = {
	.struct_size = sizeof(struct vmm_firmware_list_service),
	.entry = list_entry,
	.read = list_read,
};

/* Commands. */

static int32_t control_add(void *context, const char *name,
	int32_t (*handler)(void *self, uint64_t token, const char *params, char *reply, uint32_t reply_size),
	void *self, uint64_t token)
{
	struct fake *fake = fake_enter(context, __func__);
	if (fake_fails(fake))
		return -ENOMEM;
	if (name == NULL || handler == NULL)
		return -EINVAL;
	for (uint32_t i = 0; i < FAKE_COMMANDS; i++) {
		struct fake_command *command = &fake->commands[i];
		if (command->owner != NULL)
			continue;
		*command = (struct fake_command){ .owner = context, .handler = handler, .self = self, .token = token };
		snprintf(command->name, sizeof(command->name), "%s", name);
		return 0;
	}
	return -ENOMEM;
}

int32_t fake_command(
	struct fake_instance *instance, const char *name, const char *params, char *reply, uint32_t reply_size)
{
	for (uint32_t i = 0; i < FAKE_COMMANDS; i++) {
		const struct fake_command *command = &instance->fake->commands[i];
		if (command->owner == instance && strcmp(command->name, name) == 0)
			return command->handler(command->self, command->token, params, reply, reply_size);
	}
	return -ENOENT;
}

static int32_t control_event(void *context, const char *name, const char *json)
{
	struct fake *fake = fake_enter_any(context, __func__);
	if (name == NULL || json == NULL)
		return -EINVAL;
	pthread_mutex_lock(&fake->mutex);
	snprintf(fake->event, sizeof(fake->event), "%s", name);
	snprintf(fake->event_data, sizeof(fake->event_data), "%s", json);
	fake->event_count++;
	pthread_mutex_unlock(&fake->mutex);
	return 0;
}

const struct vmm_control_service fake_control_service = {
	.struct_size = sizeof(struct vmm_control_service),
	.add = control_add,
	.event = control_event,
};

/* What an instance holds, and what becomes of it once it is gone. */

uint32_t fake_held(struct fake_instance *instance, char *text, uint32_t size)
{
	static const char *const names[] = { "I/O claims", "regions", "timers", "watches", "maps" };
	struct fake *fake = instance->fake;
	uint32_t counts[5] = { 0 };
	uint32_t total = 0;
	for (uint32_t i = 0; i < FAKE_CLAIMS; i++)
		counts[0] += fake->claims[i].used && fake->claims[i].owner == instance;
	for (uint32_t i = 0; i < FAKE_REGIONS; i++)
		counts[1] += fake->regions[i].used && fake->regions[i].owner == instance;
	for (uint32_t i = 0; i < FAKE_TIMERS; i++)
		counts[2] += fake->timers[i].used && fake->timers[i].owner == instance;
	for (uint32_t i = 0; i < FAKE_WATCHES; i++)
		counts[3] += fake->watches[i].used && fake->watches[i].owner == instance;
	for (uint32_t i = 0; i < FAKE_MAPS; i++)
		counts[4] += fake->maps[i].used && fake->maps[i].owner == instance;
	text[0] = '\0';
	for (uint32_t i = 0; i < 5; i++) {
		if (counts[i] == 0)
			continue;
		size_t used = strlen(text);
		snprintf(text + used, size - used, "%s%u %s", used > 0 ? ", " : "", counts[i], names[i]);
		total += counts[i];
	}
	return total;
}

void fake_release(struct fake_instance *instance)
{
	struct fake *fake = instance->fake;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < fake->deferred_count; i++) {
		if (fake->deferred[i].owner != instance)
			fake->deferred[kept++] = fake->deferred[i];
	}
	fake->deferred_count = kept;
	for (uint32_t i = 0; i < FAKE_COMMANDS; i++) {
		if (fake->commands[i].owner == instance)
			fake->commands[i].owner = NULL;
	}
	for (uint32_t i = 0; i < FAKE_TIMERS; i++)
		fake->timers[i].used &= fake->timers[i].owner != instance;
	for (uint32_t i = 0; i < FAKE_CLAIMS; i++)
		fake->claims[i].used &= fake->claims[i].owner != instance;
	for (uint32_t i = 0; i < FAKE_WATCHES; i++)
		fake->watches[i].used &= fake->watches[i].owner != instance;
	for (uint32_t i = 0; i < FAKE_MAPS; i++)
		fake->maps[i].used &= fake->maps[i].owner != instance;
	for (uint32_t i = 0; i < FAKE_SOURCES; i++)
		fake->sources[i].used &= fake->sources[i].owner != instance;
	for (uint32_t i = 0; i < FAKE_REGIONS; i++) {
		struct fake_region *region = &fake->regions[i];
		if (!region->used || region->owner != instance)
			continue;
		free(region->bytes);
		free(region->dirty);
		memset(region, 0, sizeof(*region));
	}
	for (uint32_t i = 0; i < FAKE_FILES; i++) {
		struct fake_file *file = &fake->files[i];
		if (!file->used || file->owner != instance)
			continue;
		free(file->data);
		memset(file, 0, sizeof(*file));
	}
	instance->button = NULL;
}
