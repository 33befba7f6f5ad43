/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The saved-state stream. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core_fixture.h"
#include "vmm/state/format.h"
#include "vmm/state/state.h"

/* A stream with two sections and all types; the writer owns it. */
static struct state_writer *stream_make(const uint8_t **data, size_t *length)
{
	struct state_writer *writer = state_writer_new();

	ck_assert_ptr_nonnull(writer);
	state_section_begin(writer, "one", "org.vmm.test", 3);
	state_put_u64(writer, "large", UINT64_MAX);
	state_put_u64(writer, "small", 0);
	state_put_i64(writer, "below", INT64_MIN);
	state_put_bool(writer, "yes", true);
	state_put_bool(writer, "no", false);
	state_put_bytes(writer, "bytes", "a\0b", 3);
	state_put_bytes(writer, "nothing", NULL, 0);
	state_put_string(writer, "text", "hello");
	state_put_string(writer, "empty", "");
	state_section_end(writer);
	state_section_begin(writer, "two", "com.acme.other", 1);
	state_put_u64(writer, "large", 7);
	state_section_end(writer);
	ck_assert_int_eq(state_writer_error(writer), 0);
	ck_assert_int_eq(state_writer_finish(writer, (const void **)data, length), 0);
	return writer;
}

static void section_read(struct state_reader *reader)
{
	const char *plugin = NULL;
	uint32_t version = 0;
	uint64_t number = 1;
	int64_t below = 0;
	bool yes = false, no = true;
	char bytes[4] = "", text[8] = "";

	ck_assert_int_eq(state_section_open(reader, "one", &plugin, &version), 0);
	ck_assert_str_eq(plugin, "org.vmm.test");
	ck_assert_uint_eq(version, 3);
	/* In another order than they were written. */
	state_get_string(reader, "text", text, sizeof(text));
	ck_assert_str_eq(text, "hello");
	state_get_string(reader, "empty", text, 1);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(state_length(reader, "bytes"), 3);
	state_get_bytes(reader, "bytes", bytes, 3);
	ck_assert_mem_eq(bytes, "a\0b", 3);
	ck_assert_int_eq(state_length(reader, "nothing"), 0);
	state_get_bytes(reader, "nothing", NULL, 0);
	state_get_bool(reader, "no", &no);
	state_get_bool(reader, "yes", &yes);
	ck_assert(yes && !no);
	state_get_i64(reader, "below", &below);
	ck_assert_int_eq(below, INT64_MIN);
	state_get_u64(reader, "small", &number);
	ck_assert_uint_eq(number, 0);
	state_get_u64(reader, "large", &number);
	ck_assert_uint_eq(number, UINT64_MAX);
	ck_assert_int_eq(state_reader_error(reader), 0);
	ck_assert_int_eq(state_section_close(reader), 0);
}

START_TEST(round_trip)
{
	const uint8_t *data;
	size_t length;
	struct state_writer *writer = stream_make(&data, &length);
	struct state_reader *reader;
	const char *plugin;
	uint64_t value = 0;

	ck_assert_int_eq(state_reader_new(data, length, &reader, NULL), 0);
	/* Sections in any order, and again. */
	ck_assert_int_eq(state_section_open(reader, "two", &plugin, NULL), 0);
	ck_assert_str_eq(plugin, "com.acme.other");
	state_get_u64(reader, "large", &value);
	ck_assert_uint_eq(value, 7);
	ck_assert_int_eq(state_section_close(reader), 0);
	section_read(reader);
	section_read(reader);
	ck_assert_int_eq(state_section_open(reader, "three", NULL, NULL), -ENOENT);
	ck_assert(!state_has(reader, "large"));
	state_reader_free(reader);
	state_writer_free(writer);
}
END_TEST

START_TEST(writer_errors)
{
	const void *data;
	size_t length;
	char name[STATE_NAME_MAX + 2];

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = 0;
	for (unsigned i = 0; i < 10; i++) {
		struct state_writer *writer = state_writer_new();
		int wanted = -EINVAL;

		if (i)
			state_section_begin(writer, "x", "y", 1);
		switch (i) {
		case 0: state_put_u64(writer, "early", 1); break;
		case 1:
			state_put_u64(writer, "twice", 1);
			state_put_string(writer, "twice", "x");
			wanted = -EEXIST;
			break;
		case 2: state_put_bool(writer, "", true); break;
		case 3: state_put_bool(writer, name, true); break;
		case 4: state_section_begin(writer, "z", "y", 1); break;
		case 5:
			state_section_end(writer);
			state_section_end(writer);
			break;
		case 6: break; /* not ended */
		case 7:
			state_section_end(writer);
			state_put_i64(writer, "late", 1);
			break;
		case 8:
			state_section_end(writer);
			ck_assert_int_eq(state_writer_finish(writer, &data, &length), 0);
			state_section_begin(writer, "z", "y", 1);
			break;
		case 9:
			name[STATE_NAME_MAX] = 0;
			state_put_bool(writer, name, true);
			state_section_end(writer);
			wanted = 0;
			break;
		}
		/* An error sticks. */
		if (i < 4)
			state_put_u64(writer, "fine", 1);
		ck_assert_msg(state_writer_finish(writer, &data, &length) == wanted, "case %u: %d", i,
			state_writer_error(writer));
		ck_assert_int_eq(state_writer_error(writer), wanted);
		state_writer_free(writer);
	}
}
END_TEST

static struct state_reader *one_open(const uint8_t *data, size_t length)
{
	struct state_reader *reader;

	ck_assert_int_eq(state_reader_new(data, length, &reader, NULL), 0);
	ck_assert_int_eq(state_section_open(reader, "one", NULL, NULL), 0);
	return reader;
}

START_TEST(reader_errors)
{
	const uint8_t *data;
	size_t length;
	struct state_writer *writer = stream_make(&data, &length);
	struct state_reader *reader = one_open(data, length);
	char text[8];
	uint64_t value = 42;
	bool flag = false;

	/* A field that nobody reads. */
	ck_assert_int_eq(state_section_close(reader), -EPROTO);
	ck_assert_str_eq(state_reader_field(reader), "large");
	/* A field that is not there: its value stays, and the first error sticks. */
	ck_assert_int_eq(state_section_open(reader, "one", NULL, NULL), 0);
	ck_assert_int_eq(state_reader_error(reader), 0);
	state_get_u64(reader, "missing", &value);
	ck_assert_uint_eq(value, 42);
	ck_assert_int_eq(state_reader_error(reader), -ENOENT);
	ck_assert_str_eq(state_reader_field(reader), "missing");
	state_get_u64(reader, "text", &value);
	ck_assert_int_eq(state_section_close(reader), -ENOENT);
	ck_assert_str_eq(state_reader_field(reader), "missing");
	/* Of another type. */
	static const char *const names[] = { "large", "below", "yes", "bytes", "text" };

	for (unsigned have = 0; have < 5; have++)
		for (unsigned want = 0; want < 5; want++) {
			int64_t signed_value;

			if (have == want)
				continue;
			state_section_open(reader, "one", NULL, NULL);
			switch (want) {
			case 0: state_get_u64(reader, names[have], &value); break;
			case 1: state_get_i64(reader, names[have], &signed_value); break;
			case 2: state_get_bool(reader, names[have], &flag); break;
			case 3: state_get_bytes(reader, names[have], text, 3); break;
			case 4: state_get_string(reader, names[have], text, 8); break;
			}
			ck_assert_int_eq(state_reader_error(reader), -EPROTO);
			ck_assert_str_eq(state_reader_field(reader), names[have]);
		}
	ck_assert_uint_eq(value, 42);
	/* Of another length. */
	state_section_open(reader, "one", NULL, NULL);
	state_get_bytes(reader, "bytes", text, 2);
	ck_assert_int_eq(state_reader_error(reader), -EPROTO);
	state_section_open(reader, "one", NULL, NULL);
	state_get_string(reader, "text", text, 5);
	ck_assert_int_eq(state_reader_error(reader), -EOVERFLOW);
	state_section_open(reader, "one", NULL, NULL);
	state_get_string(reader, "text", text, 6);
	ck_assert_int_eq(state_reader_error(reader), 0);
	ck_assert_int_eq(state_length(reader, "large"), -ENOENT);
	ck_assert_int_eq(state_length(reader, "missing"), -ENOENT);
	ck_assert(state_has(reader, "large") && !state_has(reader, "larg"));
	state_reader_free(reader);
	state_writer_free(writer);
}
END_TEST

/* Refused, with a reason. */
static void ck_refused(const uint8_t *data, size_t length, int wanted, size_t where)
{
	/* A copy of the exact size, so that the address sanitizer sees a byte too much. */
	uint8_t *copy = malloc(length ? length : 1);
	struct state_reader *reader = NULL;
	const char *reason = NULL;

	if (length)
		memcpy(copy, data, length);
	int status = state_reader_new(copy, length, &reader, &reason);

	ck_assert_msg(status == wanted || (!wanted && status < 0), "%zu: %d instead of %d", where, status, wanted);
	ck_assert_ptr_null(reader);
	ck_assert_ptr_nonnull(reason);
	ck_assert_line(reason);
	free(copy);
}

START_TEST(damage)
{
	const uint8_t *data;
	size_t length;
	struct state_writer *writer = stream_make(&data, &length);
	uint8_t *copy = malloc(length);

	memcpy(copy, data, length);
	for (size_t at = 0; at < length; at++)
		for (unsigned value = 0; value < 256; value++) {
			if (data[at] == value)
				continue;
			copy[at] = (uint8_t)value;
			ck_refused(copy, length, 0, at);
			copy[at] = data[at];
		}
	free(copy);
	state_writer_free(writer);
}
END_TEST

START_TEST(truncation)
{
	const uint8_t *data;
	size_t length;
	struct state_writer *writer = stream_make(&data, &length);

	for (size_t cut = 0; cut < length; cut++)
		ck_refused(data, cut, -EINVAL, cut);
	state_writer_free(writer);
}
END_TEST

START_TEST(newer_format)
{
	const uint8_t *data;
	size_t length;
	struct state_writer *writer = stream_make(&data, &length);
	uint8_t *copy = malloc(length);

	memcpy(copy, data, length);
	copy[8] = STATE_FORMAT + 1;
	ck_refused(copy, length, -EOPNOTSUPP, 8);
	copy[8] = STATE_FORMAT;
	copy[12] = 1; /* flags that we do not know */
	ck_refused(copy, length, -EOPNOTSUPP, 12);
	copy[0] = 'v';
	ck_refused(copy, length, -EINVAL, 0);
	free(copy);
	state_writer_free(writer);
}
END_TEST

/* Many sections and fields, larger than the writer's first buffer. */
START_TEST(many)
{
	struct state_writer *writer = state_writer_new();
	struct state_reader *reader;
	const void *data;
	size_t length;
	uint8_t *big = malloc(100000), *back = malloc(100000);
	char name[32];

	for (unsigned i = 0; i < 100000; i++)
		big[i] = (uint8_t)(i * 7 + i / 251);
	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "instance%u", i);
		state_section_begin(writer, name, "x.y", i);
		for (unsigned j = 0; j < 50; j++) {
			snprintf(name, sizeof(name), "field%u", j);
			state_put_u64(writer, name, i * 1000 + j);
		}
		if (i % 10 == 0)
			state_put_bytes(writer, "big", big, 100000);
		state_section_end(writer);
	}
	ck_assert_int_eq(state_writer_finish(writer, &data, &length), 0);
	ck_assert_int_eq(state_reader_new(data, length, &reader, NULL), 0);
	for (unsigned i = 50; i-- > 0;) {
		uint32_t version;

		snprintf(name, sizeof(name), "instance%u", i);
		ck_assert_int_eq(state_section_open(reader, name, NULL, &version), 0);
		ck_assert_uint_eq(version, i);
		for (unsigned j = 0; j < 50; j++) {
			uint64_t value = 0;

			snprintf(name, sizeof(name), "field%u", j);
			state_get_u64(reader, name, &value);
			ck_assert_uint_eq(value, i * 1000 + j);
		}
		if (i % 10 == 0) {
			state_get_bytes(reader, "big", back, 100000);
			ck_assert_mem_eq(big, back, 100000);
		}
		ck_assert_int_eq(state_section_close(reader), 0);
	}
	state_reader_free(reader);
	state_writer_free(writer);
	free(big);
	free(back);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_state");
	TCase *cases = tcase_create("state");

	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, round_trip);
	tcase_add_test(cases, writer_errors);
	tcase_add_test(cases, reader_errors);
	tcase_add_test(cases, damage);
	tcase_add_test(cases, truncation);
	tcase_add_test(cases, newer_format);
	tcase_add_test(cases, many);
	suite_add_tcase(suite, cases);
	return fixture_run(suite);
}
