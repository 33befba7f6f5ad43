/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "vmm/state/format.h"
#include "vmm/state/state.h"

struct state_writer {
	uint8_t *data;
	size_t length, capacity;
	int error;
	bool in_section, finished;
	size_t section;     /* offset of its mark */
	size_t body_length; /* offset of the length field */
};

static void writer_fail(struct state_writer *writer, int error)
{
	if (!writer->error)
		writer->error = error;
}

static void writer_append(struct state_writer *writer, const void *data, size_t length)
{
	if (writer->error)
		return;
	if (length > writer->capacity - writer->length) {
		size_t capacity = writer->capacity ? writer->capacity : 4096;

		while (capacity - writer->length < length && capacity <= SIZE_MAX / 2)
			capacity *= 2;
		uint8_t *grown = capacity - writer->length < length ? NULL : realloc(writer->data, capacity);

		if (!grown) {
			writer_fail(writer, -ENOMEM);
			return;
		}
		writer->data = grown;
		writer->capacity = capacity;
	}
	if (length)
		memcpy(writer->data + writer->length, data, length);
	writer->length += length;
}

static void writer_number(struct state_writer *writer, uint64_t value, unsigned size)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	writer_append(writer, bytes, size);
}

static void writer_name(struct state_writer *writer, const char *name)
{
	size_t length = strlen(name);

	if (length > 255) {
		writer_fail(writer, -EINVAL);
		return;
	}
	writer_number(writer, length, 1);
	writer_append(writer, name, length);
}

struct state_writer *state_writer_new(void)
{
	struct state_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return NULL;
	writer_append(writer, STATE_MAGIC, 8);
	writer_number(writer, STATE_FORMAT, 4);
	writer_number(writer, 0, 4);
	return writer;
}

void state_writer_free(struct state_writer *writer)
{
	if (!writer)
		return;
	free(writer->data);
	free(writer);
}

void state_section_begin(struct state_writer *writer, const char *instance, const char *plugin, uint32_t version)
{
	if (writer->in_section || writer->finished) {
		writer_fail(writer, -EINVAL);
		return;
	}
	writer->in_section = true;
	writer->section = writer->length;
	writer_number(writer, STATE_MARK_SECTION, 4);
	writer_name(writer, instance);
	writer_name(writer, plugin);
	writer_number(writer, version, 4);
	writer->body_length = writer->length;
	writer_number(writer, 0, 8);
}

void state_section_end(struct state_writer *writer)
{
	if (!writer->in_section) {
		writer_fail(writer, -EINVAL);
		return;
	}
	writer->in_section = false;
	if (writer->error)
		return;
	uint64_t body = writer->length - writer->body_length - 8;

	for (unsigned i = 0; i < 8; i++)
		writer->data[writer->body_length + i] = (uint8_t)(body >> (8 * i));
	uLong crc = crc32_z(0, writer->data + writer->section, writer->length - writer->section);

	writer_number(writer, crc, STATE_CRC_SIZE);
}

/* Is the name in the present section already?  Sections are small; a table would cost more than it saves. */
static bool writer_has(const struct state_writer *writer, const char *name, size_t name_length)
{
	const uint8_t *at = writer->data + writer->body_length + 8;
	const uint8_t *end = writer->data + writer->length;

	while (at < end) {
		unsigned type = at[0];
		size_t length = at[1];

		if (length == name_length && !memcmp(at + 2, name, length))
			return true;
		at += 2 + length;
		if (type == STATE_TYPE_BYTES || type == STATE_TYPE_STRING)
			at += 8 + state_load_le(at, 8);
		else
			at += type == STATE_TYPE_BOOL ? 1 : 8;
	}
	return false;
}

static void writer_field(struct state_writer *writer, const char *name, unsigned type)
{
	size_t length = strlen(name);

	if (!writer->in_section || !length || length > STATE_NAME_MAX) {
		writer_fail(writer, -EINVAL);
		return;
	}
	if (writer->error)
		return;
	if (writer_has(writer, name, length)) {
		writer_fail(writer, -EEXIST);
		return;
	}
	writer_number(writer, type, 1);
	writer_name(writer, name);
}

void state_put_u64(struct state_writer *writer, const char *name, uint64_t value)
{
	writer_field(writer, name, STATE_TYPE_U64);
	writer_number(writer, value, 8);
}

void state_put_i64(struct state_writer *writer, const char *name, int64_t value)
{
	writer_field(writer, name, STATE_TYPE_I64);
	writer_number(writer, (uint64_t)value, 8);
}

void state_put_bool(struct state_writer *writer, const char *name, bool value)
{
	writer_field(writer, name, STATE_TYPE_BOOL);
	writer_number(writer, value, 1);
}

void state_put_bytes(struct state_writer *writer, const char *name, const void *data, size_t length)
{
	writer_field(writer, name, STATE_TYPE_BYTES);
	writer_number(writer, length, 8);
	writer_append(writer, data, length);
}

void state_put_string(struct state_writer *writer, const char *name, const char *text)
{
	size_t length = strlen(text);

	writer_field(writer, name, STATE_TYPE_STRING);
	writer_number(writer, length, 8);
	writer_append(writer, text, length);
}

int state_writer_error(const struct state_writer *writer)
{
	return writer->error;
}

int state_writer_finish(struct state_writer *writer, const void **data, size_t *length)
{
	if (writer->in_section)
		writer_fail(writer, -EINVAL);
	if (!writer->finished)
		writer_number(writer, STATE_MARK_END, 4);
	writer->finished = true;
	*data = writer->data;
	*length = writer->length;
	return writer->error;
}
