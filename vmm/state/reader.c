/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "vmm/state/format.h"
#include "vmm/state/state.h"

struct section {
	char instance[256], plugin[256];
	uint32_t version;
	const uint8_t *body;
	size_t length;
};

struct field {
	const char *name; /* not ended */
	uint8_t name_length, type;
	bool read;
	const uint8_t *value;
	uint64_t length;
};

struct state_reader {
	struct section *sections;
	unsigned section_count;
	struct field *fields; /* of the open section */
	unsigned field_count;
	int error;
	char field[STATE_NAME_MAX + 1];
};

/* Bytes that are still to be read. */
struct span {
	const uint8_t *at;
	size_t left;
};

static bool span_take(struct span *span, size_t length, const uint8_t **bytes)
{
	if (length > span->left)
		return false;
	*bytes = span->at;
	span->at += length;
	span->left -= length;
	return true;
}

static bool span_number(struct span *span, unsigned size, uint64_t *value)
{
	const uint8_t *bytes;

	if (!span_take(span, size, &bytes))
		return false;
	*value = state_load_le(bytes, size);
	return true;
}

static bool span_text(struct span *span, char text[256])
{
	const uint8_t *bytes;
	uint64_t length;

	if (!span_number(span, 1, &length) || !span_take(span, length, &bytes))
		return false;
	memcpy(text, bytes, length);
	text[length] = 0;
	return true;
}

static bool span_section(struct span *span, struct section *section)
{
	const uint8_t *start = span->at - 4; /* the mark */
	uint64_t version, length, crc;

	if (!span_text(span, section->instance) || !span_text(span, section->plugin) ||
		!span_number(span, 4, &version) || !span_number(span, 8, &length) ||
		!span_take(span, length, &section->body))
		return false;
	section->version = (uint32_t)version;
	section->length = length;
	uint32_t sum = (uint32_t)crc32_z(0, start, (size_t)(span->at - start));

	return span_number(span, STATE_CRC_SIZE, &crc) && crc == sum;
}

static int reader_sections(struct state_reader *reader, struct span span, const char **reason)
{
	uint64_t mark;

	for (;;) {
		if (!span_number(&span, 4, &mark)) {
			*reason = "the saved state is cut short";
			return -EINVAL;
		}
		if (mark == STATE_MARK_END)
			return 0;
		struct section *sections = realloc(
			reader->sections, (reader->section_count + 1) * sizeof(*reader->sections));

		if (!sections) {
			*reason = "out of memory";
			return -ENOMEM;
		}
		reader->sections = sections;
		if (mark != STATE_MARK_SECTION || !span_section(&span, &sections[reader->section_count])) {
			*reason = "the saved state is damaged (a section's checksum does not fit)";
			return -EINVAL;
		}
		reader->section_count++;
	}
}

int state_reader_new(const void *data, size_t length, struct state_reader **result, const char **reason)
{
	struct span span = { data, length };
	const uint8_t *magic;
	uint64_t format, flags;
	const char *why = NULL;
	struct state_reader *reader = NULL;
	int error = -EINVAL;

	if (!span_take(&span, 8, &magic) || memcmp(magic, STATE_MAGIC, 8) || !span_number(&span, 4, &format) ||
		!span_number(&span, 4, &flags)) {
		why = "this is not a saved state of vmm";
		goto fail;
	}
	if (format != STATE_FORMAT || flags) {
		why = "the saved state was written by a newer vmm";
		error = -EOPNOTSUPP;
		goto fail;
	}
	reader = calloc(1, sizeof(*reader));
	if (!reader) {
		why = "out of memory";
		error = -ENOMEM;
		goto fail;
	}
	error = reader_sections(reader, span, &why);
	if (error)
		goto fail;
	*result = reader;
	return 0;
fail:
	state_reader_free(reader);
	if (reason)
		*reason = why;
	return error;
}

void state_reader_free(struct state_reader *reader)
{
	if (!reader)
		return;
	free(reader->sections);
	free(reader->fields);
	free(reader);
}

static bool span_field(struct span *span, struct field *field)
{
	uint64_t type, length;
	const uint8_t *name;

	if (!span_number(span, 1, &type) || !span_number(span, 1, &length) || !length || length > STATE_NAME_MAX ||
		!span_take(span, length, &name))
		return false;
	*field = (struct field){ .name = (const char *)name, .name_length = (uint8_t)length, .type = (uint8_t)type };
	switch (type) {
	case STATE_TYPE_U64:
	case STATE_TYPE_I64: field->length = 8; break;
	case STATE_TYPE_BOOL: field->length = 1; break;
	case STATE_TYPE_BYTES:
	case STATE_TYPE_STRING:
		if (!span_number(span, 8, &field->length))
			return false;
		break;
	default: return false;
	}
	return span_take(span, field->length, &field->value);
}

int state_section_open(struct state_reader *reader, const char *instance, const char **plugin, uint32_t *version)
{
	struct section *section = NULL;

	for (unsigned i = 0; i < reader->section_count; i++)
		if (!strcmp(reader->sections[i].instance, instance))
			section = &reader->sections[i];
	free(reader->fields);
	reader->fields = NULL;
	reader->field_count = 0;
	reader->error = 0;
	reader->field[0] = 0;
	if (!section)
		return -ENOENT;
	struct span span = { section->body, section->length };

	while (span.left) {
		struct field *fields = realloc(reader->fields, (reader->field_count + 1) * sizeof(*fields));

		if (!fields)
			return -ENOMEM;
		reader->fields = fields;
		if (!span_field(&span, &fields[reader->field_count]))
			return -EINVAL;
		reader->field_count++;
	}
	if (plugin)
		*plugin = section->plugin;
	if (version)
		*version = section->version;
	return 0;
}

static void reader_fail(struct state_reader *reader, int error, const char *name, size_t length)
{
	if (reader->error)
		return;
	reader->error = error;
	snprintf(reader->field, sizeof(reader->field), "%.*s", (int)length, name);
}

int state_section_close(struct state_reader *reader)
{
	for (unsigned i = 0; i < reader->field_count; i++)
		if (!reader->fields[i].read)
			reader_fail(reader, -EPROTO, reader->fields[i].name, reader->fields[i].name_length);
	free(reader->fields);
	reader->fields = NULL;
	reader->field_count = 0;
	return reader->error;
}

static struct field *reader_find(struct state_reader *reader, const char *name)
{
	size_t length = strlen(name);

	for (unsigned i = 0; i < reader->field_count; i++)
		if (reader->fields[i].name_length == length && !memcmp(reader->fields[i].name, name, length))
			return &reader->fields[i];
	return NULL;
}

static const struct field *reader_get(struct state_reader *reader, const char *name, unsigned type)
{
	struct field *field = reader_find(reader, name);

	if (!field) {
		reader_fail(reader, -ENOENT, name, strlen(name));
		return NULL;
	}
	field->read = true;
	if (field->type != type) {
		reader_fail(reader, -EPROTO, name, strlen(name));
		return NULL;
	}
	return field;
}

bool state_has(struct state_reader *reader, const char *name)
{
	return reader_find(reader, name) != NULL;
}

void state_get_u64(struct state_reader *reader, const char *name, uint64_t *value)
{
	const struct field *field = reader_get(reader, name, STATE_TYPE_U64);

	if (field)
		*value = state_load_le(field->value, 8);
}

void state_get_i64(struct state_reader *reader, const char *name, int64_t *value)
{
	const struct field *field = reader_get(reader, name, STATE_TYPE_I64);

	if (field)
		*value = (int64_t)state_load_le(field->value, 8);
}

void state_get_bool(struct state_reader *reader, const char *name, bool *value)
{
	const struct field *field = reader_get(reader, name, STATE_TYPE_BOOL);

	if (field)
		*value = field->value[0] != 0;
}

void state_get_bytes(struct state_reader *reader, const char *name, void *data, size_t length)
{
	const struct field *field = reader_get(reader, name, STATE_TYPE_BYTES);

	if (!field)
		return;
	if (field->length != length) {
		reader_fail(reader, -EPROTO, name, strlen(name));
		return;
	}
	if (length)
		memcpy(data, field->value, length);
}

int64_t state_length(struct state_reader *reader, const char *name)
{
	const struct field *field = reader_find(reader, name);

	if (!field || (field->type != STATE_TYPE_BYTES && field->type != STATE_TYPE_STRING))
		return -ENOENT;
	return (int64_t)field->length;
}

void state_get_string(struct state_reader *reader, const char *name, char *text, size_t size)
{
	const struct field *field = reader_get(reader, name, STATE_TYPE_STRING);

	if (!field)
		return;
	if (field->length >= size) {
		reader_fail(reader, -EOVERFLOW, name, strlen(name));
		return;
	}
	memcpy(text, field->value, field->length);
	text[field->length] = 0;
}

int state_reader_error(const struct state_reader *reader)
{
	return reader->error;
}

const char *state_reader_field(const struct state_reader *reader)
{
	return reader->field;
}
