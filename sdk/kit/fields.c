/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <vmm/kit/fields.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/state.h>

#define NAME_SIZE 64

static uint64_t element_get(const uint8_t *at, uint32_t size)
{
	uint8_t byte;
	uint16_t word;
	uint32_t dword;
	uint64_t qword;
	switch (size) {
	case 1: memcpy(&byte, at, 1); return byte;
	case 2: memcpy(&word, at, 2); return word;
	case 4: memcpy(&dword, at, 4); return dword;
	default: memcpy(&qword, at, 8); return qword;
	}
}

static void element_set(uint8_t *at, uint32_t size, uint64_t value)
{
	uint8_t byte = (uint8_t)value;
	uint16_t word = (uint16_t)value;
	uint32_t dword = (uint32_t)value;
	switch (size) {
	case 1: memcpy(at, &byte, 1); break;
	case 2: memcpy(at, &word, 2); break;
	case 4: memcpy(at, &dword, 4); break;
	default: memcpy(at, &value, 8); break;
	}
}

static uint64_t limit(const struct vmm_field *field)
{
	if (field->maximum != 0)
		return field->maximum;
	return field->size >= 8 ? UINT64_MAX : (UINT64_C(1) << (field->size * 8)) - 1;
}

int32_t vmm_fields_save(const struct vmm_host *host, const char *prefix, const void *object,
	const struct vmm_field *fields, uint32_t count)
{
	const struct vmm_state_service *state = vmm_kit_service(host, VMM_SERVICE_STATE);
	if (state == NULL)
		return -ENOTSUP;
	for (uint32_t i = 0; i < count; i++) {
		const struct vmm_field *field = &fields[i];
		const uint8_t *at = (const uint8_t *)object + field->offset;
		char name[NAME_SIZE];
		snprintf(name, sizeof(name), "%s%s", prefix, field->name);
		if (!field->is_array) {
			state->put_u64(host->context, name, element_get(at, field->size));
			continue;
		}
		size_t length = (size_t)field->size * field->count;
		uint8_t *bytes = malloc(length);
		if (bytes == NULL)
			return -ENOMEM;
		for (size_t n = 0; n < length; n++) {
			uint64_t value = element_get(at + n / field->size * field->size, field->size);
			bytes[n] = (uint8_t)(value >> (n % field->size * 8));
		}
		state->put_bytes(host->context, name, bytes, length);
		free(bytes);
	}
	return 0;
}

static int32_t load_array(const struct vmm_host *host, const struct vmm_state_service *state, const char *name,
	uint8_t *at, const struct vmm_field *field)
{
	size_t length = (size_t)field->size * field->count;
	uint8_t *bytes = malloc(length);
	if (bytes == NULL)
		return -ENOMEM;
	int32_t status = state->get_bytes(host->context, name, bytes, length);
	for (uint32_t i = 0; status >= 0 && i < field->count; i++) {
		uint64_t value = 0;
		for (uint32_t n = field->size; n-- > 0;)
			value = value << 8 | bytes[(size_t)i * field->size + n];
		if (value > limit(field)) {
			status = vmm_kit_fail(host, -EINVAL, "the saved state is damaged; start the machine afresh",
				"saved field %s[%u] is out of range", name, i);
			break;
		}
		element_set(at + (size_t)i * field->size, field->size, value);
	}
	free(bytes);
	return status < 0 ? status : 0;
}

int32_t vmm_fields_load(
	const struct vmm_host *host, const char *prefix, void *object, const struct vmm_field *fields, uint32_t count)
{
	const struct vmm_state_service *state = vmm_kit_service(host, VMM_SERVICE_STATE);
	if (state == NULL)
		return -ENOTSUP;
	for (uint32_t i = 0; i < count; i++) {
		const struct vmm_field *field = &fields[i];
		uint8_t *at = (uint8_t *)object + field->offset;
		char name[NAME_SIZE];
		snprintf(name, sizeof(name), "%s%s", prefix, field->name);
		if (field->is_array) {
			int32_t status = load_array(host, state, name, at, field);
			if (status < 0)
				return status;
			continue;
		}
		uint64_t value = 0;
		int32_t status = state->get_u64(host->context, name, &value);
		if (status < 0)
			return status;
		if (value > limit(field))
			return vmm_kit_fail(host, -EINVAL, "the saved state is damaged; start the machine afresh",
				"saved field %s is out of range", name);
		element_set(at, field->size, value);
	}
	return 0;
}
