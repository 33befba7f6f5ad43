/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Instances, settings, links and saved state.
 */
#include "fake_host.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The host table. */

static void host_log(void *context, uint32_t level, const char *text)
{
	struct fake_instance *instance = context;
	(void)level;
	snprintf(instance->fake->log, sizeof(instance->fake->log), "%s", text);
}

static void host_fail(void *context, const char *cause, const char *remedy)
{
	struct fake_instance *instance = context;
	snprintf(instance->fake->cause, sizeof(instance->fake->cause), "%s", cause);
	snprintf(instance->fake->remedy, sizeof(instance->fake->remedy), "%s", remedy);
}

/* Settings. */

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
	*value = strtoll(text, NULL, 0);
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
	(void)context;
	(void)key;
	(void)mac;
	return -ENOENT;
}

static int32_t param_is_set(void *context, const char *key)
{
	struct fake_instance *instance = context;
	return setting(instance->fake, instance->name, key, 0) != NULL;
}

static const struct vmm_param_service param_service = {
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

static const struct vmm_machine_service machine_service = {
	.struct_size = sizeof(struct vmm_machine_service),
	.info = machine_info,
	.get_string = machine_string,
	.has_plugin = machine_has,
};

/* Saved state. */

struct fake_field *fake_state_field(struct fake_state *state, const char *name)
{
	for (uint32_t i = 0; i < state->count; i++) {
		if (strcmp(state->fields[i].name, name) == 0)
			return &state->fields[i];
	}
	return NULL;
}

static struct fake_field *new_field(void *context, const char *name)
{
	struct fake_instance *instance = context;
	struct fake_state *state = instance->state;
	if (state == NULL)
		abort(); /* outside save() */
	if (strlen(name) == 0 || strlen(name) > 63 || fake_state_field(state, name) != NULL) {
		fprintf(stderr, "bad or double field name %s\n", name);
		state->status = -EINVAL;
	}
	if (state->count == state->space) {
		state->space = state->space * 2 + 16;
		state->fields = realloc(state->fields, state->space * sizeof(*state->fields));
	}
	struct fake_field *field = &state->fields[state->count++];
	memset(field, 0, sizeof(*field));
	snprintf(field->name, sizeof(field->name), "%s", name);
	return field;
}

static void state_put_u64(void *context, const char *name, uint64_t value)
{
	new_field(context, name)->value = value;
}

static void state_put_bytes(void *context, const char *name, const void *data, uint64_t length)
{
	struct fake_field *field = new_field(context, name);
	field->is_bytes = 1;
	field->length = length;
	field->bytes = malloc(length + 1);
	memcpy(field->bytes, data, length);
}

static struct fake_field *old_field(void *context, const char *name, uint32_t is_bytes)
{
	struct fake_instance *instance = context;
	struct fake_field *field = fake_state_field(instance->state, name);
	if (field == NULL || field->is_bytes != is_bytes) {
		instance->state->status = -EPROTO;
		return NULL;
	}
	field->read = 1;
	return field;
}

static uint32_t state_has(void *context, const char *name)
{
	struct fake_instance *instance = context;
	return fake_state_field(instance->state, name) != NULL;
}

static int32_t state_get_u64(void *context, const char *name, uint64_t *value)
{
	struct fake_field *field = old_field(context, name, 0);
	if (field == NULL)
		return -EPROTO;
	*value = field->value;
	return 0;
}

static int32_t state_get_bytes(void *context, const char *name, void *data, uint64_t length)
{
	struct fake_instance *instance = context;
	struct fake_field *field = old_field(context, name, 1);
	if (field == NULL || field->length != length) {
		instance->state->status = -EPROTO;
		return -EPROTO;
	}
	memcpy(data, field->bytes, length);
	return 0;
}

static int64_t state_length(void *context, const char *name)
{
	struct fake_instance *instance = context;
	struct fake_field *field = fake_state_field(instance->state, name);
	return field != NULL && field->is_bytes ? (int64_t)field->length : -ENOENT;
}

static const struct vmm_state_service state_service = {
	.struct_size = sizeof(struct vmm_state_service),
	.put_u64 = state_put_u64,
	.put_bytes = state_put_bytes,
	.has = state_has,
	.get_u64 = state_get_u64,
	.get_bytes = state_get_bytes,
	.length = state_length,
};

struct fake_state *fake_save(struct fake_instance *instance)
{
	struct fake_state *state = calloc(1, sizeof(*state));
	instance->state = state;
	state->version = instance->descriptor->state_version;
	if (instance->instance.ops->save != NULL) {
		int32_t status = instance->instance.ops->save(instance->instance.self);
		if (state->status == 0)
			state->status = status;
	}
	instance->state = NULL;
	return state;
}

int32_t fake_load(struct fake_instance *instance, struct fake_state *state)
{
	int32_t status = 0;
	instance->state = state;
	state->status = 0;
	for (uint32_t i = 0; i < state->count; i++)
		state->fields[i].read = 0;
	if (instance->instance.ops->load != NULL)
		status = instance->instance.ops->load(instance->instance.self, state->version);
	instance->state = NULL;
	if (status < 0)
		return status;
	for (uint32_t i = 0; i < state->count; i++) {
		if (!state->fields[i].read) {
			fprintf(stderr, "field %s was not read\n", state->fields[i].name);
			return -EPROTO;
		}
	}
	return state->status;
}

uint32_t fake_state_equal(const struct fake_state *a, const struct fake_state *b)
{
	if (a->count != b->count || a->status != 0 || b->status != 0)
		return 0;
	for (uint32_t i = 0; i < a->count; i++) {
		const struct fake_field *x = &a->fields[i];
		const struct fake_field *y = &b->fields[i];
		if (strcmp(x->name, y->name) != 0 || x->is_bytes != y->is_bytes || x->value != y->value ||
			x->length != y->length || (x->length > 0 && memcmp(x->bytes, y->bytes, x->length) != 0)) {
			fprintf(stderr, "field %s differs: %llx, %llx\n", x->name, (unsigned long long)x->value,
				(unsigned long long)y->value);
			return 0;
		}
	}
	return 1;
}

void fake_state_free(struct fake_state *state)
{
	for (uint32_t i = 0; i < state->count; i++)
		free(state->fields[i].bytes);
	free(state->fields);
	free(state);
}

uint32_t fake_round_trip(struct fake_instance *instance)
{
	struct fake *fake = instance->fake;
	struct fake_source sources[FAKE_SOURCES];
	uint32_t equal = 0;
	struct fake_state *first = fake_save(instance);
	struct fake_state *again = fake_save(instance);
	if (fake_state_equal(first, again)) { /* save changes nothing */
		memcpy(sources, fake->sources, sizeof(sources));
		instance->instance.ops->reset(instance->instance.self, VMM_RESET_POWER);
		memcpy(fake->sources, sources, sizeof(sources)); /* the host's own business */
		int32_t status = fake_load(instance, first);
		if (status < 0)
			fprintf(stderr, "load: %d %s\n", status, fake->cause);
		struct fake_state *second = fake_save(instance);
		equal = status >= 0 && fake_state_equal(first, second);
		fake_state_free(second);
	}
	fake_state_free(again);
	fake_state_free(first);
	return equal;
}

/* Instances. */

static const void *host_service(void *context, const char *id)
{
	(void)context;
	if (strcmp(id, VMM_SERVICE_PARAM) == 0)
		return &param_service;
	if (strcmp(id, VMM_SERVICE_MACHINE) == 0)
		return &machine_service;
	if (strcmp(id, VMM_SERVICE_STATE) == 0)
		return &state_service;
	return fake_machine_service(id);
}

struct fake *fake_new(void)
{
	struct fake *fake = calloc(1, sizeof(*fake));
	fake->ram = calloc(1, FAKE_RAM);
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
	for (uint32_t i = 0; i < FAKE_REGIONS; i++)
		free(fake->regions[i].bytes);
	free(fake->ram);
	free(fake);
}

void fake_set(struct fake *fake, const char *section, const char *key, const char *value)
{
	struct fake_setting *entry = &fake->settings[fake->setting_count++];
	snprintf(entry->section, sizeof(entry->section), "%s", section);
	snprintf(entry->key, sizeof(entry->key), "%s", key);
	snprintf(entry->value, sizeof(entry->value), "%s", value);
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
	struct fake_instance *instance = &fake->instances[fake->instance_count];
	instance->file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct vmm_plugin *table = instance->file != NULL ? dlsym(instance->file, "vmm_plugin") : NULL;
	if (table == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return NULL;
	}
	const struct vmm_factory *factory = NULL;
	for (uint32_t i = 0; factory == NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		factory = table->get_factory(kinds[i]);
	if (factory == NULL)
		return NULL;
	fake->instance_count++;
	instance->fake = fake;
	snprintf(instance->name, sizeof(instance->name), "%s", name);
	instance->descriptor = factory->descriptors[0];
	instance->host = (struct vmm_host){
		.struct_size = sizeof(struct vmm_host),
		.context = instance,
		.instance = instance->name,
		.log = host_log,
		.fail = host_fail,
		.get_service = host_service,
	};
	if (factory->create(0, &instance->host, &instance->instance) < 0)
		abort();
	return instance;
}

int32_t fake_init(struct fake_instance *instance)
{
	const struct vmm_instance_ops *ops = instance->instance.ops;
	return ops->init != NULL ? ops->init(instance->instance.self) : 0;
}

int32_t fake_side(struct fake_instance *instance, const char *key, struct vmm_port_side *side)
{
	memset(side, 0, sizeof(*side));
	side->struct_size = sizeof(*side);
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
		if ((row->flags & VMM_PORT_CORE) == 0 || fake_side(instance, row->key, &side) < 0)
			continue;
		const struct vmm_port_side core = {
			.struct_size = sizeof(core),
			.table = &fake_interrupt_lower,
			.self = fake,
		};
		fake->controllers[fake->controller_count] = side.table;
		fake->controller_selves[fake->controller_count++] = side.self;
		if (fake_join_sides(fake, &side, &core, row->interfaces, 0) == NULL)
			abort();
	}
	return instance;
}

/* Links. */

struct fake_link *fake_join_sides(struct fake *fake, const struct vmm_port_side *upper,
	const struct vmm_port_side *lower, const char *interface, uint64_t address)
{
	struct fake_link *link = NULL;
	uint32_t id;
	for (id = 0; id < FAKE_LINKS && link == NULL; id++) {
		if (!fake->links[id].used)
			link = &fake->links[id];
	}
	if (link == NULL)
		return NULL;
	memset(link, 0, sizeof(*link));
	link->upper_side = *upper;
	link->lower_side = *lower;
	link->upper = (struct vmm_link){ .struct_size = sizeof(struct vmm_link),
		.id = id,
		.interface = interface,
		.peer_name = "peer",
		.address = address };
	link->lower = link->upper;
	void *upper_self = upper->self;
	void *lower_self = lower->self;
	if (upper->ops != NULL && upper->ops->prepare != NULL &&
		upper->ops->prepare(upper->port_self, &link->upper, &upper_self) < 0)
		return NULL;
	if (lower->ops != NULL && lower->ops->prepare != NULL &&
		lower->ops->prepare(lower->port_self, &link->lower, &lower_self) < 0) {
		if (upper->ops != NULL)
			upper->ops->detached(upper->port_self, &link->upper);
		return NULL;
	}
	link->used = 1;
	link->upper.peer = lower->table;
	link->upper.peer_self = lower_self;
	link->lower.peer = upper->table;
	link->lower.peer_self = upper_self;
	if (upper->ops != NULL)
		upper->ops->attached(upper->port_self, &link->upper);
	if (lower->ops != NULL)
		lower->ops->attached(lower->port_self, &link->lower);
	return link;
}

struct fake_link *fake_join(struct fake_instance *upper, const char *upper_key, struct fake_instance *lower,
	const char *lower_key, const char *interface, uint64_t address)
{
	struct vmm_port_side above;
	struct vmm_port_side below;
	if (fake_side(upper, upper_key, &above) < 0 || fake_side(lower, lower_key, &below) < 0)
		return NULL;
	return fake_join_sides(upper->fake, &above, &below, interface, address);
}

void fake_part(struct fake *fake, struct fake_link *link)
{
	const struct vmm_port_ops *upper = link->upper_side.ops;
	const struct vmm_port_ops *lower = link->lower_side.ops;
	(void)fake;
	if (upper != NULL && upper->closing != NULL)
		upper->closing(link->upper_side.port_self, &link->upper);
	if (lower != NULL && lower->closing != NULL)
		lower->closing(link->lower_side.port_self, &link->lower);
	if (upper != NULL)
		upper->detached(link->upper_side.port_self, &link->upper);
	if (lower != NULL)
		lower->detached(link->lower_side.port_self, &link->lower);
	link->used = 0;
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
