/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "tests/fuzz/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "vmm/state/format.h"

static void put_le(uint8_t *to, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

/* One section at `start`; where it ends, or 0. */
static size_t section_repair(uint8_t *data, size_t length, size_t start)
{
	size_t at = start + 4;

	for (unsigned text = 0; text < 2; text++) {
		if (at >= length)
			return 0;
		at += 1u + data[at];
	}
	at += 4;
	if (at + 8 > length)
		return 0;
	uint64_t body = state_load_le(data + at, 8);

	at += 8;
	if (at > length || length - at < STATE_CRC_SIZE || body > length - at - STATE_CRC_SIZE)
		return 0;
	at += body;
	put_le(data + at, crc32_z(0, data + start, at - start), STATE_CRC_SIZE);
	return at + STATE_CRC_SIZE;
}

size_t stream_repair(uint8_t *data, size_t length)
{
	size_t at = STATE_HEADER_SIZE;

	if (length < STATE_HEADER_SIZE)
		return length;
	memcpy(data, STATE_MAGIC, 8);
	put_le(data + 8, STATE_FORMAT, 8);
	while (at && at + 4 <= length) {
		uint64_t mark = state_load_le(data + at, 4);

		if (mark == STATE_MARK_END)
			return at + 4;
		at = mark == STATE_MARK_SECTION ? section_repair(data, length, at) : 0;
	}
	return length;
}

/* Say which field of a good stream has the byte at `offset`. */
static void field_name(const uint8_t *data, size_t offset)
{
	size_t at = STATE_HEADER_SIZE;

	while (state_load_le(data + at, 4) == STATE_MARK_SECTION) {
		size_t field = at + 4, end;

		field += 1u + data[field];
		field += 1u + data[field];
		end = field + 12 + state_load_le(data + field + 4, 8);
		for (field += 12; field < end;) {
			unsigned type = data[field], name = data[field + 1];
			size_t value = field + 2 + name, length = type == STATE_TYPE_BOOL ? 1 : 8;

			if (type == STATE_TYPE_BYTES || type == STATE_TYPE_STRING)
				length += state_load_le(data + value, 8);
			if (offset < value + length) {
				fprintf(stderr, "field %.*s, byte %zu of its value", (int)name, data + field + 2,
					offset < value ? 0 : offset - value);
				return;
			}
			field = value + length;
		}
		at = end + STATE_CRC_SIZE;
	}
	fprintf(stderr, "byte %zu", offset);
}

void stream_compare(const uint8_t *one, size_t one_length, const uint8_t *two, size_t two_length, const char *when)
{
	size_t at = 0;

	if (one_length == two_length && !memcmp(one, two, one_length))
		return;
	while (at < one_length && at < two_length && one[at] == two[at])
		at++;
	fprintf(stderr, "%s: ", when);
	field_name(one, at);
	fprintf(stderr, ": %#x, %#x\n", one[at], two[at]);
	abort();
}
