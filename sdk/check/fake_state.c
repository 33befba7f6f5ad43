/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.state/1: saved state, kept as a list of fields.
 */
#include "fake_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_field *fake_state_field(struct fake_state *state, const char *name)
{
	for (uint32_t i = 0; i < state->count; i++) {
		const char *other = state->fields[i].name;
		uint32_t k = 0;
		/* A fuzzer would keep books on each strcmp. */
		while (name[k] != '\0' && name[k] == other[k])
			k++;
		if (name[k] == other[k])
			return &state->fields[i];
	}
	return NULL;
}

static struct fake_field *new_field(void *context, const char *name)
{
	struct fake_instance *instance = context;
	struct fake_state *state = instance->state;
	static struct fake_field nowhere;
	fake_enter(context, "state.put");
	if (state == NULL || !instance->saving) {
		fake_fault(instance, "state.put was called outside save()");
		return &nowhere;
	}
	if (strlen(name) == 0 || strlen(name) > 63 || fake_state_field(state, name) != NULL) {
		fake_fault(instance, "field name `%s` is empty, too long or used twice", name);
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
	if (((struct fake_instance *)context)->state == NULL)
		return;
	field->is_bytes = 1;
	field->length = length;
	field->bytes = malloc(length + 1);
	memcpy(field->bytes, data, length);
}

static struct fake_field *old_field(void *context, const char *name, uint32_t is_bytes)
{
	struct fake_instance *instance = context;
	fake_enter(context, "state.get");
	if (instance->state == NULL || instance->saving) {
		fake_fault(instance, "state.get was called outside load()");
		return NULL;
	}
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
	return instance->state != NULL && fake_state_field(instance->state, name) != NULL;
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
		if (instance->state != NULL)
			instance->state->status = -EPROTO;
		return -EPROTO;
	}
	memcpy(data, field->bytes, length);
	return 0;
}

static int64_t state_length(void *context, const char *name)
{
	struct fake_instance *instance = context;
	struct fake_field *field = instance->state != NULL ? fake_state_field(instance->state, name) : NULL;
	return field != NULL && field->is_bytes ? (int64_t)field->length : -ENOENT;
}

const struct vmm_state_service fake_state_service = {
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
	instance->saving = 1;
	state->version = instance->descriptor->state_version;
	if (instance->instance.ops->save != NULL) {
		int32_t status = instance->instance.ops->save(instance->instance.self);
		if (state->status == 0)
			state->status = status;
	}
	instance->saving = 0;
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

int32_t fake_state_compare(const struct fake_state *a, const struct fake_state *b, char *text, uint32_t size)
{
	if (a->status != 0 || b->status != 0) {
		snprintf(text, size, "save returned %d, %d", a->status, b->status);
		return 0;
	}
	for (uint32_t i = 0; i < a->count && i < b->count; i++) {
		const struct fake_field *x = &a->fields[i];
		const struct fake_field *y = &b->fields[i];
		if (strcmp(x->name, y->name) != 0 || x->is_bytes != y->is_bytes) {
			snprintf(text, size, "field number %u is %s in one and %s in the other", i, x->name, y->name);
			return 0;
		}
		if (x->value != y->value || x->length != y->length) {
			snprintf(text, size, "field %s differs: %s%#llx, %#llx", x->name, x->is_bytes ? "length " : "",
				(unsigned long long)(x->is_bytes ? x->length : x->value),
				(unsigned long long)(y->is_bytes ? y->length : y->value));
			return 0;
		}
		if (x->length == 0 || memcmp(x->bytes, y->bytes, x->length) == 0)
			continue;
		for (uint64_t k = 0; k < x->length; k++) {
			if (x->bytes[k] == y->bytes[k])
				continue;
			snprintf(text, size, "field %s differs: byte %llu is %#x, %#x", x->name, (unsigned long long)k,
				x->bytes[k], y->bytes[k]);
			return 0;
		}
	}
	if (a->count != b->count) {
		snprintf(text, size, "one has %u fields, the other %u", a->count, b->count);
		return 0;
	}
	return -1;
}

uint32_t fake_state_equal(const struct fake_state *a, const struct fake_state *b)
{
	char text[256];
	if (fake_state_compare(a, b, text, sizeof(text)) < 0)
		return 1;
	fprintf(stderr, "%s\n", text);
	return 0;
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
		if (instance->instance.ops->reset != NULL)
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
