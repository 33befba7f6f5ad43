/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Instances and the host table.
 */
#include "fake_host.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Rules. */

void fake_fault(struct fake_instance *instance, const char *format, ...)
{
	struct fake *fake = instance->fake;
	va_list arguments;
	if (fake->fault_count++ > 0)
		return;
	va_start(arguments, format);
	vsnprintf(fake->fault, sizeof(fake->fault), format, arguments);
	va_end(arguments);
}

struct fake *fake_enter(void *context, const char *call)
{
	struct fake_instance *instance = context;
	if (!pthread_equal(pthread_self(), instance->fake->thread))
		fake_fault(instance, "%s, which is [machine], was called from another thread", call);
	return fake_enter_any(context, call);
}

struct fake *fake_enter_any(void *context, const char *call)
{
	struct fake_instance *instance = context;
	if (instance->creating)
		fake_fault(instance, "%s was called within create, which may call nothing of the host", call);
	return instance->fake;
}

uint32_t fake_fails(struct fake *fake)
{
	uint64_t call = fake->calls++;
	return call >= fake->fail_first && call < fake->fail_to;
}

vmm_handle fake_handle(enum fake_kind kind, uint32_t index)
{
	return (vmm_handle)kind << 16 | (index + 1);
}

int32_t fake_index(void *context, enum fake_kind kind, vmm_handle handle, const char *call)
{
	struct fake_instance *instance = context;
	struct fake *fake = instance->fake;
	uint64_t index = (handle & 0xffff) - 1;
	const struct fake_instance *owner = NULL;
	if (handle >> 16 != kind) {
		fake_fault(instance, "%s was given %#llx, which is no handle of that kind", call,
			(unsigned long long)handle);
		return -1;
	}
	if (kind == FAKE_CLAIM && index < FAKE_CLAIMS && fake->claims[index].used)
		owner = fake->claims[index].owner;
	else if (kind == FAKE_REGION && index < FAKE_REGIONS && fake->regions[index].used)
		owner = fake->regions[index].owner;
	else if (kind == FAKE_TIMER && index < FAKE_TIMERS && fake->timers[index].used)
		owner = fake->timers[index].owner;
	else if (kind == FAKE_SOURCE && index < FAKE_SOURCES && fake->sources[index].used)
		owner = fake->sources[index].owner;
	else if (kind == FAKE_WATCH && index < FAKE_WATCHES && fake->watches[index].used)
		owner = fake->watches[index].owner;
	else if (kind == FAKE_MAP && index < FAKE_MAPS && fake->maps[index].used)
		owner = fake->maps[index].owner;
	if (owner == NULL) {
		fake_fault(instance, "%s was given %#llx, which is not in use", call, (unsigned long long)handle);
		return -1;
	}
	return (int32_t)index;
}

/* The host table. */

static void host_log(void *context, uint32_t level, const char *text)
{
	struct fake_instance *instance = context;
	fake_enter_any(context, "host.log");
	if (text == NULL || level < VMM_LOG_ERROR || level > VMM_LOG_TRACE) {
		fake_fault(instance, "host.log was called without a text or at level %u", level);
		return;
	}
	snprintf(instance->fake->log, sizeof(instance->fake->log), "%s", text);
}

static void host_fail(void *context, const char *cause, const char *remedy)
{
	struct fake_instance *instance = context;
	fake_enter(context, "host.fail");
	if (cause == NULL || remedy == NULL) {
		fake_fault(instance, "host.fail was called without a text");
		return;
	}
	snprintf(instance->fake->cause, sizeof(instance->fake->cause), "%s", cause);
	snprintf(instance->fake->remedy, sizeof(instance->fake->remedy), "%s", remedy);
}

/* Instances. */

static const void *host_service(void *context, const char *id)
{
	static const struct {
		const char *id;
		const void *table;
	} services[] = {
		{ VMM_SERVICE_PARAM, &fake_param_service },
		{ VMM_SERVICE_MACHINE, &fake_machine_service },
		{ VMM_SERVICE_STATE, &fake_state_service },
		{ VMM_SERVICE_IO, &fake_io_service },
		{ VMM_SERVICE_MEMORY, &fake_memory_service },
		{ VMM_SERVICE_REGION, &fake_region_service },
		{ VMM_SERVICE_IRQ, &fake_irq_service },
		{ VMM_SERVICE_TIMER, &fake_timer_service },
		{ VMM_SERVICE_EVENT, &fake_event_service },
		{ VMM_SERVICE_TASK, &fake_task_service },
		{ VMM_SERVICE_POWER, &fake_power_service },
		{ VMM_SERVICE_RANDOM, &fake_random_service },
		{ VMM_SERVICE_FIRMWARE, &fake_firmware_service },
		{ VMM_SERVICE_FIRMWARE_LIST, &fake_firmware_list_service },
		{ VMM_SERVICE_CONTROL, &fake_control_service },
		{ VMM_SERVICE_CPU, &fake_cpu_service },
	};
	struct fake *fake = fake_enter_any(context, "host.get_service");
	if (fake->hidden != NULL && strcmp(fake->hidden, id) == 0)
		return NULL;
	for (uint32_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (strcmp(services[i].id, id) == 0)
			return services[i].table;
	}
	return NULL;
}

struct fake *fake_new(void)
{
	struct fake *fake = calloc(1, sizeof(*fake));
	/* Only what is touched costs anything, and behind it is a page that nobody may touch. */
	fake->ram = mmap(
		NULL, FAKE_RAM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (fake->ram == MAP_FAILED || mprotect(fake->ram + FAKE_RAM, 4096, PROT_NONE) != 0)
		abort();
	fake->thread = pthread_self();
	pthread_mutex_init(&fake->mutex, NULL);
	fake->random_state = 1;
	fake->real_offset = UINT64_C(1700000000) * 1000000000u;
	fake->info = (struct vmm_machine_info){
		.struct_size = sizeof(fake->info),
		.cpu_count = 1,
		.ram_below_4g = FAKE_RAM,
		.has_local_apic = 1,
	};
	return fake;
}

void fake_destroy(struct fake_instance *instance)
{
	if (instance->descriptor == NULL)
		return;
	instance->instance.ops->destroy(instance->instance.self);
	fake_release(instance);
	instance->descriptor = NULL;
	/* The file stays loaded, as in vmm: nothing is ever dlclosed. */
}

void fake_free(struct fake *fake)
{
	for (uint32_t i = 0; i < FAKE_LINKS; i++) {
		if (fake->links[i].used)
			fake_part(fake, &fake->links[i]);
	}
	for (uint32_t i = fake->instance_count; i-- > 0;)
		fake_destroy(&fake->instances[i]);
	for (uint32_t i = 0; i < FAKE_REGIONS; i++) {
		free(fake->regions[i].bytes);
		free(fake->regions[i].dirty);
	}
	pthread_mutex_destroy(&fake->mutex);
	munmap(fake->ram, FAKE_RAM + 4096);
	free(fake);
}

void fake_set(struct fake *fake, const char *section, const char *key, const char *value)
{
	struct fake_setting *entry = &fake->settings[fake->setting_count++];
	snprintf(entry->section, sizeof(entry->section), "%s", section);
	snprintf(entry->key, sizeof(entry->key), "%s", key);
	snprintf(entry->value, sizeof(entry->value), "%s", value);
}

struct fake_instance *fake_make(struct fake *fake, const struct vmm_factory *factory, uint32_t index, const char *name)
{
	if (fake->instance_count == FAKE_INSTANCES)
		return NULL;
	struct fake_instance *instance = &fake->instances[fake->instance_count++];
	instance->fake = fake;
	snprintf(instance->name, sizeof(instance->name), "%s", name);
	instance->factory = factory;
	instance->descriptor = factory->descriptors[index];
	instance->host = (struct vmm_host){
		.struct_size = sizeof(struct vmm_host),
		.context = instance,
		.instance = instance->name,
		.log = host_log,
		.fail = host_fail,
		.get_service = host_service,
	};
	instance->instance.struct_size = sizeof(instance->instance);
	instance->creating = 1;
	int32_t status = factory->create(index, &instance->host, &instance->instance);
	instance->creating = 0;
	if (status < 0) {
		fake->instance_count--;
		memset(instance, 0, sizeof(*instance));
		return NULL;
	}
	return instance;
}

struct fake_instance *fake_create(struct fake *fake, const char *plugin, const char *name)
{
	static const char *const kinds[] = { VMM_KIND_DEVICE, VMM_KIND_CHAR, VMM_KIND_STORAGE, VMM_KIND_NET };
	char path[1024];
	const char *folder = getenv("VMM_TEST_PLUGINS");
	if (folder != NULL)
		snprintf(path, sizeof(path), "%s/%s.so", folder, plugin);
	else
		snprintf(path, sizeof(path), "plugins/%s/.libs/%s.so", plugin, plugin);
	struct fake_instance *instance;
	void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct vmm_plugin *table = file != NULL ? dlsym(file, "vmm_plugin") : NULL;
	if (table == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return NULL;
	}
	const struct vmm_factory *factory = NULL;
	for (uint32_t i = 0; factory == NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		factory = table->get_factory(kinds[i]);
	if (factory == NULL)
		return NULL;
	instance = fake_make(fake, factory, 0, name);
	if (instance == NULL)
		abort();
	return instance;
}

int32_t fake_init(struct fake_instance *instance)
{
	const struct vmm_instance_ops *ops = instance->instance.ops;
	instance->initing = 1;
	int32_t status = ops->init != NULL ? ops->init(instance->instance.self) : 0;
	instance->initing = 0;
	return status;
}

int32_t fake_side(struct fake_instance *instance, const char *key, struct vmm_port_side *side)
{
	memset(side, 0, sizeof(*side));
	side->struct_size = sizeof(*side);
	if (instance->instance.ops->get_port == NULL)
		return -ENOENT;
	return instance->instance.ops->get_port(instance->instance.self, key, side);
}

struct fake_instance *fake_add(struct fake *fake, const char *plugin, const char *name)
{
	struct fake_instance *instance = fake_create(fake, plugin, name);
	if (instance == NULL)
		abort();
	int32_t status = fake_init(instance);
	if (status < 0) {
		fprintf(stderr, "%s: %d: %s\n", plugin, status, fake->cause);
		abort();
	}
	for (uint32_t i = 0; i < instance->descriptor->port_count; i++) {
		const struct vmm_port_row *row = &instance->descriptor->ports[i];
		struct vmm_port_side side;
		if (!fake_core_row(row) || fake_side(instance, row->key, &side) < 0)
			continue;
		if (fake_join_core(instance, row, &side) == NULL)
			abort();
	}
	return instance;
}

void fake_copy(struct fake *to, const struct fake *from)
{
	fake_ram_copy(to, from);
	to->now = from->now;
	to->real_offset = from->real_offset;
	to->random_state = from->random_state;
	for (uint32_t i = 0; i < FAKE_SOURCES; i++) {
		to->sources[i].level = from->sources[i].level;
		to->sources[i].line = from->sources[i].line;
		to->sources[i].taking = from->sources[i].taking;
	}
	memcpy(to->line_level, from->line_level, sizeof(to->line_level));
	memcpy(to->line_trigger, from->line_trigger, sizeof(to->line_trigger));
	for (uint32_t i = 0; i < FAKE_REGIONS; i++) {
		if (to->regions[i].bytes != NULL && from->regions[i].bytes != NULL)
			memcpy(to->regions[i].bytes, from->regions[i].bytes, to->regions[i].desc.length);
	}
}

void fake_reset(struct fake *fake, uint32_t kind)
{
	for (uint32_t i = 0; i < fake->instance_count; i++) {
		struct fake_instance *instance = &fake->instances[i];
		if (instance->descriptor != NULL && instance->instance.ops->reset != NULL)
			instance->instance.ops->reset(instance->instance.self, kind);
	}
}

void fake_start(struct fake *fake)
{
	for (uint32_t i = 0; i < fake->instance_count; i++) {
		struct fake_instance *instance = &fake->instances[i];
		if (instance->descriptor != NULL && instance->instance.ops->start != NULL)
			instance->instance.ops->start(instance->instance.self);
	}
}

void fake_stop(struct fake *fake)
{
	for (uint32_t i = 0; i < fake->instance_count; i++) {
		struct fake_instance *instance = &fake->instances[i];
		if (instance->descriptor != NULL && instance->instance.ops->stop != NULL)
			instance->instance.ops->stop(instance->instance.self);
	}
}
