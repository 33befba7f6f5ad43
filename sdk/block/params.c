/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Parameters of a control method: the members of a JSON object that are texts, numbers, true or false.  The host has
 * seen to it that it is JSON; anything else is taken for an object without members.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"

static const char *space_skip(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* Behind a string, whose first quote is at `at`; NULL: it does not end. */
static const char *string_skip(const char *at)
{
	for (at++; *at != 0 && *at != '"'; at++) {
		if (*at == '\\' && at[1] != 0)
			at++;
	}
	return *at == '"' ? at + 1 : NULL;
}

/* Behind any value. */
static const char *value_skip(const char *at)
{
	uint32_t depth = 0;
	while (at != NULL && *at != 0) {
		if (*at == '"') {
			at = string_skip(at);
			continue;
		}
		if (depth == 0 && (*at == ',' || *at == '}' || *at == ']'))
			return at;
		depth += *at == '{' || *at == '[';
		depth -= *at == '}' || *at == ']';
		at++;
	}
	return NULL;
}

/* The value of a member; NULL: there is none. */
static const char *member_find(const char *json, const char *key)
{
	const char *at = space_skip(json);
	if (*at != '{')
		return NULL;
	for (at = space_skip(at + 1); at != NULL && *at == '"';) {
		const char *name = at + 1, *end = string_skip(at);
		at = end != NULL ? space_skip(end) : NULL;
		if (at == NULL || *at != ':')
			return NULL;
		at = space_skip(at + 1);
		if ((size_t)(end - 1 - name) == strlen(key) && strncmp(name, key, strlen(key)) == 0)
			return at;
		at = value_skip(at);
		if (at != NULL && *at == ',')
			at = space_skip(at + 1);
	}
	return NULL;
}

/* \uXXXX of what JSON cannot have otherwise: control characters. */
static bool escape_take(const char **at, char *byte)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *letter = strchr(letters, (*at)[1]);
	if ((*at)[1] != 0 && letter != NULL) {
		*byte = bytes[letter - letters];
		*at += 2;
		return true;
	}
	if ((*at)[1] != 'u' || (*at)[2] != '0' || (*at)[3] != '0' || !isxdigit((unsigned char)(*at)[4]) ||
		!isxdigit((unsigned char)(*at)[5]))
		return false;
	const char digits[] = { (*at)[4], (*at)[5], 0 };
	*byte = (char)strtoul(digits, NULL, 16);
	*at += 6;
	return *byte > 0;
}

bool params_text(const char *json, const char *key, char *text, size_t size)
{
	const char *at = member_find(json, key);
	size_t length = 0;
	if (at == NULL || *at != '"')
		return false;
	for (at++; *at != '"';) {
		char byte = *at;
		if (byte == 0 || length + 1 >= size)
			return false;
		if (byte == '\\') {
			if (!escape_take(&at, &byte))
				return false;
		} else {
			at++;
		}
		text[length++] = byte;
	}
	text[length] = 0;
	return true;
}

bool params_number(const char *json, const char *key, uint64_t *number)
{
	const char *at = member_find(json, key);
	if (at == NULL || !isdigit((unsigned char)*at))
		return false;
	*number = strtoull(at, NULL, 10);
	return true;
}

bool params_true(const char *json, const char *key)
{
	const char *at = member_find(json, key);
	return at != NULL && strncmp(at, "true", 4) == 0;
}
