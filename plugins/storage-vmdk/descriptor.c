/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Reading and changing the descriptor's text.
 */
#include "descriptor.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A line: its text without blanks at both ends, and where it stops. */
struct line {
	const char *text;
	uint32_t length; /* of text */
	uint32_t at, end;
};

static uint32_t blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\v' || c == '\f';
}

/* The line at *at; 0: the text is over.  Lines end in LF, CR LF or, from old Macs, CR. */
static uint32_t line_next(const struct descriptor *descriptor, uint32_t *at, struct line *line)
{
	const char *text = descriptor->text;
	uint32_t from = *at, to = from;
	if (from >= descriptor->length)
		return 0;
	while (to < descriptor->length && text[to] != '\n' && text[to] != '\r')
		to++;
	uint32_t end = to;
	if (end < descriptor->length)
		end += text[end] == '\r' && end + 1 < descriptor->length && text[end + 1] == '\n' ? 2 : 1;
	line->at = from;
	line->end = end;
	while (from < to && blank(text[from]))
		from++;
	while (to > from && blank(text[to - 1]))
		to--;
	line->text = text + from;
	line->length = to - from;
	*at = end;
	return 1;
}

uint32_t descriptor_is(const void *data, uint64_t length)
{
	static const char *const marks[] = { "# Disk DescriptorFile", "# Disk Descriptor File" };
	const char *text = data;
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		length -= 3;
	}
	/* The mark is the first line, but for empty ones and, from other programs, comments. */
	while (length > 0) {
		while (length > 0 && blank(*text)) {
			text++;
			length--;
		}
		for (uint32_t i = 0; i < 2; i++) {
			size_t size = strlen(marks[i]);
			if (length >= size && strncasecmp(text, marks[i], size) == 0)
				return 1;
		}
		if (length == 0 || *text != '#')
			return 0;
		while (length > 0 && *text != '\n' && *text != '\r') {
			/* Nothing that a text would hold: do not go through a binary file. */
			if ((unsigned char)*text < 0x20 && *text != '\t')
				return 0;
			text++;
			length--;
		}
	}
	return 0;
}

int32_t descriptor_copy(struct descriptor *descriptor, const void *text, uint64_t length)
{
	length = strnlen(text, length);
	if (length > DESCRIPTOR_MAXIMUM)
		return -EFBIG;
	descriptor->text = malloc(length + 1);
	if (descriptor->text == NULL)
		return -ENOMEM;
	memcpy(descriptor->text, text, length);
	descriptor->text[length] = '\0';
	descriptor->length = (uint32_t)length;
	return 0;
}

void descriptor_free(struct descriptor *descriptor)
{
	free(descriptor->text);
	descriptor->text = NULL;
	descriptor->length = 0;
}

/* Is it an assignment?  *key_length of its text are the key; *value is where its value begins. */
static uint32_t line_split(const struct line *line, uint32_t *key_length, uint32_t *value, uint32_t *value_length)
{
	const char *sign = line->length > 0 && line->text[0] != '#' ? memchr(line->text, '=', line->length) : NULL;
	if (sign == NULL)
		return 0;
	uint32_t key = (uint32_t)(sign - line->text), from = key + 1, to = line->length;
	while (key > 0 && blank(line->text[key - 1]))
		key--;
	while (from < to && blank(line->text[from]))
		from++;
	if (from < to && line->text[from] == '"') {
		from++;
		const char *quote = memchr(line->text + from, '"', to - from);
		if (quote != NULL)
			to = (uint32_t)(quote - line->text);
	}
	*key_length = key;
	*value = from;
	*value_length = to - from;
	return key > 0;
}

/* The first line that gives `key` a value, from *at on. */
static uint32_t find(const struct descriptor *descriptor, const char *key, uint32_t *at, struct line *line,
	uint32_t *value, uint32_t *value_length)
{
	size_t length = strlen(key);
	uint32_t key_length;
	while (line_next(descriptor, at, line)) {
		if (line_split(line, &key_length, value, value_length) && key_length == length &&
			strncasecmp(line->text, key, length) == 0)
			return 1;
	}
	return 0;
}

uint32_t descriptor_get(const struct descriptor *descriptor, const char *key, char *value, uint32_t size)
{
	struct line line;
	uint32_t at = 0, from, length;
	value[0] = '\0';
	if (!find(descriptor, key, &at, &line, &from, &length) || length >= size)
		return 0;
	memcpy(value, line.text + from, length);
	value[length] = '\0';
	return 1;
}

uint32_t descriptor_count(const struct descriptor *descriptor, const char *key)
{
	struct line line;
	uint32_t at = 0, from, length, count = 0;
	while (find(descriptor, key, &at, &line, &from, &length))
		count++;
	return count;
}

/* Digits and nothing else; without overflow. */
static uint32_t number(const char *text, uint32_t base, uint64_t *value)
{
	uint64_t result = 0;
	if (*text == '\0')
		return 0;
	if (base == 16 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	for (; *text != '\0'; text++) {
		uint32_t digit = 99;
		if (*text >= '0' && *text <= '9')
			digit = (uint32_t)(*text - '0');
		else if (isalpha((unsigned char)*text))
			digit = (uint32_t)(tolower((unsigned char)*text) - 'a') + 10;
		if (digit >= base || __builtin_mul_overflow(result, base, &result) ||
			__builtin_add_overflow(result, digit, &result))
			return 0;
	}
	*value = result;
	return 1;
}

uint32_t descriptor_number(const struct descriptor *descriptor, const char *key, uint32_t base, uint64_t *value)
{
	char text[32];
	return descriptor_get(descriptor, key, text, sizeof(text)) && number(text, base, value);
}

static void encoding_of(const struct descriptor *descriptor, char encoding[64])
{
	if (!descriptor_get(descriptor, "encoding", encoding, 64))
		encoding[0] = '\0';
}

uint32_t descriptor_path(const struct descriptor *descriptor, const char *key, char *value, uint32_t size)
{
	char text[DESCRIPTOR_NAME], encoding[64];
	encoding_of(descriptor, encoding);
	return descriptor_get(descriptor, key, text, sizeof(text)) && text[0] != '\0' &&
		encoding_decode(encoding, text, value, size) == 0;
}

/* Have `with` (`length` bytes of it) in the place of the bytes at .. end. */
static int32_t splice(struct descriptor *descriptor, uint32_t at, uint32_t end, const char *with, uint32_t length)
{
	uint32_t rest = descriptor->length - end;
	uint64_t whole = (uint64_t)at + length + rest;
	if (whole > DESCRIPTOR_MAXIMUM)
		return -EFBIG;
	char *text = malloc(whole + 1);
	if (text == NULL)
		return -ENOMEM;
	memcpy(text, descriptor->text, at);
	memcpy(text + at, with, length);
	memcpy(text + at + length, descriptor->text + end, rest);
	text[whole] = '\0';
	free(descriptor->text);
	descriptor->text = text;
	descriptor->length = (uint32_t)whole;
	return 0;
}

/* Where the first line stops, which tells how lines end here. */
static const char *line_end(const struct descriptor *descriptor)
{
	const char *end = strpbrk(descriptor->text, "\r\n");
	if (end == NULL || *end == '\n')
		return "\n";
	return end[1] == '\n' ? "\r\n" : "\r";
}

static uint32_t is_extent(const struct line *line)
{
	static const char *const words[] = { "RW", "RDONLY", "NOACCESS" };
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t length = (uint32_t)strlen(words[i]);
		if (line->length > length && strncasecmp(line->text, words[i], length) == 0 &&
			(line->text[length] == ' ' || line->text[length] == '\t'))
			return 1;
	}
	return 0;
}

/* Behind which line a new key goes: the last of the disk database or, for others, the last key before the extents. */
static uint32_t place(const struct descriptor *descriptor, uint32_t ddb)
{
	struct line line;
	uint32_t at = 0, key, value, length, found = 0, is_found = 0;
	while (line_next(descriptor, &at, &line)) {
		uint32_t is_ddb = line.length >= 4 &&
			(strncasecmp(line.text, "ddb.", 4) == 0 || strncasecmp(line.text, "#DDB", 4) == 0);
		if (!ddb && is_extent(&line))
			break;
		if (ddb ? is_ddb : line_split(&line, &key, &value, &length) && !is_ddb) {
			found = line.end;
			is_found = 1;
		} else if (!ddb && !is_found && line.length > 0) {
			found = line.end; /* the mark */
		}
	}
	return ddb && !is_found ? descriptor->length : found;
}

int32_t descriptor_set(struct descriptor *descriptor, const char *key, const char *value, uint32_t quoted)
{
	struct line line;
	uint32_t at = 0, from, length;
	if (find(descriptor, key, &at, &line, &from, &length)) {
		if (value == NULL)
			return splice(descriptor, line.at, line.end, "", 0);
		from += (uint32_t)(line.text - descriptor->text);
		return splice(descriptor, from, from + length, value, (uint32_t)strlen(value));
	}
	if (value == NULL)
		return 0;
	uint32_t ddb = strncasecmp(key, "ddb.", 4) == 0;
	at = place(descriptor, ddb);
	uint32_t unended = at > 0 && descriptor->text[at - 1] != '\n' && descriptor->text[at - 1] != '\r';
	const char *end = line_end(descriptor), *quote = quoted ? "\"" : "";
	char *text = NULL;
	int size = asprintf(
		&text, "%s%s%s%s%s%s%s", unended ? end : "", key, ddb ? " = " : "=", quote, value, quote, end);
	if (size < 0)
		return -ENOMEM;
	int32_t status = splice(descriptor, at, at, text, (uint32_t)size);
	free(text);
	return status;
}

int32_t descriptor_set_path(struct descriptor *descriptor, const char *key, const char *value)
{
	char text[DESCRIPTOR_NAME], encoding[64];
	if (value == NULL)
		return descriptor_set(descriptor, key, NULL, 1);
	/* There is no way to write these. */
	if (strpbrk(value, "\"\r\n") != NULL)
		return -EILSEQ;
	encoding_of(descriptor, encoding);
	int32_t status = encoding_encode(encoding, value, text, sizeof(text));
	return status < 0 ? status : descriptor_set(descriptor, key, text, 1);
}

/* The next word of a line, in quotes or not; *at is moved behind it.  0: there is none. */
static uint32_t word(const struct line *line, uint32_t *at, char *result, uint32_t size)
{
	uint32_t from = *at, to;
	while (from < line->length && blank(line->text[from]))
		from++;
	if (from >= line->length)
		return 0;
	uint32_t quoted = line->text[from] == '"';
	from += quoted;
	for (to = from; to < line->length; to++) {
		if (quoted ? line->text[to] == '"' : blank(line->text[to]))
			break;
	}
	if ((quoted && to == line->length) || to - from >= size)
		return 0;
	memcpy(result, line->text + from, to - from);
	result[to - from] = '\0';
	*at = to + quoted;
	return 1;
}

static uint32_t type_of(const char *name)
{
	static const struct {
		const char *name;
		uint32_t type;
	} types[] = { { "FLAT", TYPE_FLAT }, { "VMFS", TYPE_FLAT }, { "SPARSE", TYPE_SPARSE },
		{ "VMFSSPARSE", TYPE_SPARSE }, { "SESPARSE", TYPE_SPARSE }, { "ZERO", TYPE_ZERO },
		{ "VMFSRDM", TYPE_DEVICE }, { "VMFSRAW", TYPE_DEVICE } };
	for (uint32_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcasecmp(types[i].name, name) == 0)
			return types[i].type;
	}
	return 0;
}

static const char *extent_parse(
	const struct descriptor *descriptor, const struct line *line, struct descriptor_extent *extent)
{
	char text[DESCRIPTOR_NAME], encoding[64];
	uint32_t at = 0;
	if (!word(line, &at, text, sizeof(text)))
		return "it is empty";
	extent->access = strcasecmp(text, "RW") == 0 ? ACCESS_WRITE
		: strcasecmp(text, "RDONLY") == 0    ? ACCESS_READONLY
						     : ACCESS_NONE;
	if (!word(line, &at, text, 32) || !number(text, 10, &extent->sectors))
		return "its length is no number";
	if (extent->sectors == 0 || extent->sectors > VMM_BLOCK_LENGTH_MAXIMUM / VMM_BLOCK_SECTOR)
		return "its length is out of range";
	if (!word(line, &at, extent->type_name, sizeof(extent->type_name)))
		return "it has no type";
	extent->type = type_of(extent->type_name);
	if (extent->type == 0)
		return "its type is unknown";
	if (extent->type == TYPE_ZERO)
		return NULL;
	if (!word(line, &at, text, sizeof(text)) || text[0] == '\0')
		return extent->access == ACCESS_NONE ? NULL : "it names no file";
	encoding_of(descriptor, encoding);
	if (encoding_decode(encoding, text, extent->name, sizeof(extent->name)) < 0)
		return "the name of its file is too long";
	if (!word(line, &at, text, 32))
		return NULL;
	if (!number(text, 10, &extent->offset) || extent->offset > VMM_BLOCK_LENGTH_MAXIMUM / VMM_BLOCK_SECTOR)
		return "its offset is no number, or out of range";
	if (extent->offset != 0 && strcasecmp(extent->type_name, "FLAT") != 0 && extent->type != TYPE_DEVICE)
		return "only FLAT extents have an offset";
	return NULL;
}

int32_t descriptor_extent(
	const struct descriptor *descriptor, uint32_t *at, struct descriptor_extent *extent, char why[160])
{
	struct line line;
	do {
		if (!line_next(descriptor, at, &line))
			return 0;
	} while (!is_extent(&line));
	memset(extent, 0, sizeof(*extent));
	extent->at = line.at;
	extent->end = line.end;
	const char *cause = extent_parse(descriptor, &line, extent);
	if (cause == NULL)
		return 1;
	snprintf(why, 160, "the extent line \"%.*s\" is malformed: %s", line.length < 80 ? (int)line.length : 80,
		line.text, cause);
	return -EINVAL;
}

int32_t descriptor_put(struct descriptor *descriptor, uint32_t at, uint32_t end, const char *line)
{
	if (line == NULL)
		return splice(descriptor, at, end, "", 0);
	char *text = NULL;
	uint32_t unended = at > 0 && descriptor->text[at - 1] != '\n' && descriptor->text[at - 1] != '\r';
	int size = asprintf(&text, "%s%s%s", unended ? line_end(descriptor) : "", line, line_end(descriptor));
	if (size < 0)
		return -ENOMEM;
	int32_t status = splice(descriptor, at, end, text, (uint32_t)size);
	free(text);
	return status;
}

int32_t descriptor_put_sectors(struct descriptor *descriptor, const struct descriptor_extent *extent, uint64_t sectors)
{
	char text[24];
	uint32_t at = extent->at, end;
	/* The second word. */
	while (at < extent->end && blank(descriptor->text[at]))
		at++;
	while (at < extent->end && !blank(descriptor->text[at]))
		at++;
	while (at < extent->end && blank(descriptor->text[at]))
		at++;
	for (end = at; end < extent->end && !blank(descriptor->text[end]); end++)
		;
	int size = snprintf(text, sizeof(text), "%llu", (unsigned long long)sectors);
	return splice(descriptor, at, end, text, (uint32_t)size);
}
