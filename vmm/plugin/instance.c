/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/plugin/copy.h"
#include "vmm/plugin/host.h"

int plugin_env_init(struct plugin_env *env)
{
	env->firmware_last = &env->firmware;
	return -pthread_mutex_init(&env->handle_mutex, NULL);
}

void plugin_env_destroy(struct plugin_env *env)
{
	handle_table_free(&env->handles);
	pthread_mutex_destroy(&env->handle_mutex);
}

static void host_log(void *context, uint32_t level, const char *text)
{
	struct instance *instance = context;
	const struct plugin_machine *machine = &instance->env->machine;

	machine->log(machine->self, instance->name, level, text);
}

static void host_fail(void *context, const char *cause, const char *remedy)
{
	struct instance *instance = context;

	snprintf(instance->cause, sizeof(instance->cause), "%s", cause ? cause : "");
	snprintf(instance->remedy, sizeof(instance->remedy), "%s", remedy ? remedy : "");
}

static const void *host_get_service(void *context, const char *id)
{
	(void)context;
	return service_find(id);
}

const void *service_find(const char *id)
{
	static const struct {
		const char *id;
		const void *table;
	} services[] = {
		{ VMM_SERVICE_PARAM, &service_param },
		{ VMM_SERVICE_MEMORY, &service_memory },
		{ VMM_SERVICE_REGION, &service_region },
		{ VMM_SERVICE_IO, &service_io },
		{ VMM_SERVICE_IRQ, &service_irq },
		{ VMM_SERVICE_TIMER, &service_timer },
		{ VMM_SERVICE_EVENT, &service_event },
		{ VMM_SERVICE_TASK, &service_task },
		{ VMM_SERVICE_STATE, &service_state },
		{ VMM_SERVICE_MACHINE, &service_machine },
		{ VMM_SERVICE_POWER, &service_power },
		{ VMM_SERVICE_RANDOM, &service_random },
		{ VMM_SERVICE_FIRMWARE, &service_firmware },
		{ VMM_SERVICE_FIRMWARE_LIST, &service_firmware_list },
		{ VMM_SERVICE_CONTROL, &service_control },
		{ VMM_SERVICE_CPU, &service_cpu },
		{ VMM_SERVICE_IMAGE, &service_image },
	};

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (!strcmp(services[i].id, id))
			return services[i].table;
	return NULL;
}

int instance_new(struct plugin_env *env, const struct plugin *plugin, const char *name, struct instance **result)
{
	struct instance *instance = calloc(1, sizeof(*instance));

	if (!instance)
		return -ENOMEM;
	instance->env = env;
	instance->plugin = plugin;
	instance->name = strdup(name);
	instance->settings = calloc(plugin->descriptor.param_count + 1, sizeof(*instance->settings));
	if (!instance->name || !instance->settings) {
		free(instance->name);
		free(instance->settings);
		free(instance);
		return -ENOMEM;
	}
	instance->host = (struct vmm_host){
		.struct_size = sizeof(instance->host),
		.context = instance,
		.instance = instance->name,
		.log = host_log,
		.fail = host_fail,
		.get_service = host_get_service,
	};
	*result = instance;
	return 0;
}

static void firmware_release(struct instance *instance)
{
	struct plugin_env *env = instance->env;

	for (struct firmware_entry **link = &env->firmware; *link;) {
		struct firmware_entry *entry = *link;

		if (entry->owner != instance) {
			link = &entry->next;
			continue;
		}
		*link = entry->next;
		if (env->firmware_last == &entry->next)
			env->firmware_last = link;
		free(entry->name);
		free(entry->data);
		free(entry);
	}
	for (struct power_button **link = &env->buttons; *link;) {
		struct power_button *button = *link;

		if (button->owner != instance) {
			link = &button->next;
			continue;
		}
		*link = button->next;
		free(button);
	}
}

void instance_free(struct instance *instance)
{
	if (!instance)
		return;
	/* Work that is under way holds on to the instance: let it end first. */
	if (instance->created) {
		loop_workers_wait(instance->env->loop, instance);
		if (instance->ops.destroy)
			instance->ops.destroy(instance->self);
	}
	loop_workers_wait(instance->env->loop, instance);
	loop_cancel(instance->env->loop, instance);
	resources_release(instance);
	firmware_release(instance);
	settings_free(instance);
	free(instance->settings);
	free(instance->name);
	free(instance);
}

int instance_failed(struct instance *instance, int status, const char *what, struct config_error *error)
{
	if (instance->cause[0])
		config_fail(error, NULL, 0, "[%s]: %s%s%s", instance->name, instance->cause,
			instance->remedy[0] ? ": " : "", instance->remedy);
	else
		config_fail(error, NULL, 0, "[%s]: %s failed: %s", instance->name, what, strerror(-status));
	instance->cause[0] = instance->remedy[0] = 0;
	return status;
}

int instance_create(struct instance *instance, struct config_error *error)
{
	struct vmm_instance made = { .struct_size = sizeof(made) };
	const struct vmm_factory *factory = &instance->plugin->factory;
	int status = factory->create(instance->plugin->index, &instance->host, &made);

	if (status)
		return instance_failed(instance, status, "creating it", error);
	COPY_STRUCT(&instance->ops, made.ops);
	instance->self = made.self;
	instance->created = true;
	status = instance->ops.init ? instance->ops.init(instance->self) : 0;
	if (status)
		return instance_failed(instance, status < 0 ? status : -EIO, "initialising it", error);
	instance->initialised = true;
	return 0;
}

int instance_start(struct instance *instance, struct config_error *error)
{
	int status = instance->ops.start ? instance->ops.start(instance->self) : 0;

	if (status)
		return instance_failed(instance, status < 0 ? status : -EIO, "starting it", error);
	instance->started = true;
	return 0;
}

void instance_stop(struct instance *instance)
{
	if (!instance->started)
		return;
	if (instance->ops.stop)
		instance->ops.stop(instance->self);
	loop_workers_wait(instance->env->loop, instance);
	instance->started = false;
}

void instance_reset(struct instance *instance, uint32_t kind)
{
	if (instance->initialised && instance->ops.reset)
		instance->ops.reset(instance->self, kind);
}

int instance_save(struct instance *instance, struct state_writer *writer, struct config_error *error)
{
	const struct vmm_descriptor *descriptor = &instance->plugin->descriptor;
	int status = 0;

	state_section_begin(writer, instance->name, descriptor->id, descriptor->state_version);
	instance->writer = writer;
	if (instance->ops.save)
		status = instance->ops.save(instance->self);
	instance->writer = NULL;
	state_section_end(writer);
	if (!status)
		status = state_writer_error(writer);
	return status ? instance_failed(instance, status, "saving it", error) : 0;
}

int instance_load(struct instance *instance, struct state_reader *reader, struct config_error *error)
{
	const struct vmm_descriptor *descriptor = &instance->plugin->descriptor;
	const char *plugin;
	uint32_t version;
	int status = state_section_open(reader, instance->name, &plugin, &version);

	if (status == -ENOENT) {
		config_fail(error, NULL, 0,
			"[%s]: the saved state knows no such instance: load it into the machine that it was saved from",
			instance->name);
		return status;
	}
	if (!status && !plugin_id_equal(plugin, descriptor->id)) {
		config_fail(error, NULL, 0, "[%s]: was saved by plugin %s, and is %s now: use the same plugin",
			instance->name, plugin, descriptor->id);
		return -EINVAL;
	}
	if (!status && version > descriptor->state_version) {
		config_fail(error, NULL, 0,
			"[%s]: the state was saved by a newer %s (state version %u, this one knows %u): update the "
			"plugin",
			instance->name, descriptor->id, version, descriptor->state_version);
		return -EOPNOTSUPP;
	}
	if (status)
		return instance_failed(instance, status, "reading its state", error);
	instance->reader = reader;
	status = instance->ops.load ? instance->ops.load(instance->self, version) : 0;
	instance->reader = NULL;
	int fields = state_section_close(reader);

	if (status)
		return instance_failed(instance, status < 0 ? status : -EIO, "loading its state", error);
	if (fields) {
		config_fail(error, NULL, 0,
			"[%s]: field \"%s\" of its saved state is missing, unknown or of another size: plugin %s is "
			"too "
			"old or the state is damaged",
			instance->name, state_reader_field(reader), descriptor->id);
		return fields;
	}
	return 0;
}
