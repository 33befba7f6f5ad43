/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The saved-state stream: one self-describing format for suspend, snapshot and migration (docs/state.md).
 *
 * A stream is a header, then sections {instance, plugin, version, length} of typed, named fields, each
 * section with a checksum, then an end mark.  Writers and readers work in memory, one section at a time;
 * errors stick, so that a sequence of puts or gets is checked once, at its end.
 */
#ifndef VMM_STATE_STATE_H
#define VMM_STATE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state_writer;
struct state_reader;

#define STATE_NAME_MAX 63

/* A writer that gathers the stream in memory.  NULL: out of memory. */
struct state_writer *state_writer_new(void);
void state_writer_free(struct state_writer *writer);
/* Begin and end a section.  Sections do not nest; a field outside a section is an error (-EINVAL, sticky). */
void state_section_begin(struct state_writer *writer, const char *instance, const char *plugin, uint32_t version);
void state_section_end(struct state_writer *writer);
/* Fields.  A name may occur once in a section; names are 1..STATE_NAME_MAX characters. */
void state_put_u64(struct state_writer *writer, const char *name, uint64_t value);
void state_put_i64(struct state_writer *writer, const char *name, int64_t value);
void state_put_bool(struct state_writer *writer, const char *name, bool value);
void state_put_bytes(struct state_writer *writer, const char *name, const void *data, size_t length);
void state_put_string(struct state_writer *writer, const char *name, const char *text);
/* The first error since the writer was made (-ENOMEM, -EINVAL, -EEXIST), or 0. */
int state_writer_error(const struct state_writer *writer);
/* End the stream and lend its bytes, valid until the writer is freed.  0 or the sticky error. */
int state_writer_finish(struct state_writer *writer, const void **data, size_t *length);

/* Read a stream from memory, which must stay valid.  -EINVAL: no such stream or damaged; -EOPNOTSUPP: of a
 * newer format.  `reason` (may be NULL) gets a sentence for the user, in static or reader-owned memory. */
int state_reader_new(const void *data, size_t length, struct state_reader **reader, const char **reason);
void state_reader_free(struct state_reader *reader);
/* Go to an instance's section.  -ENOENT: there is none. */
int state_section_open(struct state_reader *reader, const char *instance, const char **plugin, uint32_t *version);
/* Leave the section.  -EPROTO with the field's name in state_reader_field() if a field in it was not read
 * (an unknown field), else the first error of the gets. */
int state_section_close(struct state_reader *reader);
/* Fields, in any order.  A missing field or one of another type is -ENOENT or -EPROTO, sticky until the
 * section is closed; state_has() asks first.  bytes: the length must be exact. */
bool state_has(struct state_reader *reader, const char *name);
void state_get_u64(struct state_reader *reader, const char *name, uint64_t *value);
void state_get_i64(struct state_reader *reader, const char *name, int64_t *value);
void state_get_bool(struct state_reader *reader, const char *name, bool *value);
void state_get_bytes(struct state_reader *reader, const char *name, void *data, size_t length);
/* Length of a bytes or string field, or -ENOENT. */
int64_t state_length(struct state_reader *reader, const char *name);
/* Copies at most size - 1 characters and ends them; a longer string is -EOVERFLOW. */
void state_get_string(struct state_reader *reader, const char *name, char *text, size_t size);
int state_reader_error(const struct state_reader *reader);
const char *state_reader_field(const struct state_reader *reader);

#endif
