/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Target: the saved-state stream, as it is, and with its checksums made to fit (first byte). */
#include "vmm/state/state.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/input.h"
#include "tests/fuzz/stream.h"

static const char *const names[] = { "a", "b", "text", "bytes", "large", "" };

static void field_read(struct state_reader *reader, const char *name, unsigned how)
{
	uint64_t number = 0;
	int64_t below = 0, length = state_length(reader, name);
	bool yes = false;
	char text[8];

	if (!state_has(reader, name) && length >= 0)
		abort();
	switch (how % 6) {
	case 0: state_get_u64(reader, name, &number); break;
	case 1: state_get_i64(reader, name, &below); break;
	case 2: state_get_bool(reader, name, &yes); break;
	case 3: state_get_string(reader, name, text, sizeof(text)); break;
	case 4: state_get_bytes(reader, name, text, sizeof(text)); break;
	default:
		if (length >= 0) {
			/* To the byte, so that an overrun shows. */
			uint8_t *bytes = malloc(length ? (size_t)length : 1);

			state_get_bytes(reader, name, bytes, (size_t)length);
			free(bytes);
		}
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state_reader *reader = NULL;
	const char *reason = NULL, *plugin;
	uint32_t version;
	unsigned how = size ? data[0] : 0;
	size_t length = size ? size - 1 : 0;
	uint8_t *stream = malloc(length ? length : 1);

	memcpy(stream, data + (size ? 1 : 0), length);
	if (how & 1)
		length = stream_repair(stream, length);
	if (state_reader_new(stream, length, &reader, &reason)) {
		if (!reason)
			abort();
		free(stream);
		return 0;
	}
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (state_section_open(reader, names[i], &plugin, &version))
			continue;
		for (unsigned k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			field_read(reader, names[k], (how >> 1) + k);
		int error = state_reader_error(reader), closed = state_section_close(reader);

		if (error && closed != error)
			abort();
		if (strlen(state_reader_field(reader)) > STATE_NAME_MAX)
			abort();
	}
	state_reader_free(reader);
	free(stream);
	return 0;
}
