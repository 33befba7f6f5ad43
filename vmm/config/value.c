/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/config/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool value_bool(const char *text, int64_t *value)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]))
			continue;
		*value = i & 1;
		return true;
	}
	return false;
}

static bool value_number(const char *text, int64_t *value, char **end)
{
	const char *digits = text + (*text == '-');
	bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');

	if (!isdigit((unsigned char)digits[0]))
		return false;
	errno = 0;
	*value = strtoll(text, end, hex ? 16 : 10);
	return !errno && *end > digits + (hex ? 2 : 0);
}

bool value_int(const char *text, int64_t *value)
{
	char *end;

	return value_number(text, value, &end) && !*end;
}

bool value_size(const char *text, int64_t *value)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	unsigned shift = 0;

	if (!value_number(text, value, &end) || *value < 0)
		return false;
	if (*end) {
		unit = strchr(units, toupper((unsigned char)*end));
		if (!unit || end[1])
			return false;
		shift = 10 * (unsigned)(unit - units + 1);
	}
	if (*value > INT64_MAX >> shift)
		return false;
	*value <<= shift;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool value_mac(const char *text, uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++) {
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0 || text[2] != (i < 5 ? ':' : 0))
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
		text += 3;
	}
	return !(mac[0] & 1);
}

bool value_choice(const char *text, const char *choices, int64_t *value)
{
	size_t length = strlen(text);

	for (int64_t i = 0;; i++) {
		size_t word = strcspn(choices, "|");

		if (word == length && !strncmp(choices, text, word)) {
			*value = i;
			return true;
		}
		if (!choices[word])
			return false;
		choices += word + 1;
	}
}

bool value_uuid(const char *text, uint8_t uuid[16])
{
	for (unsigned i = 0; i < 16; i++) {
		int high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return false;
		high = hex_digit(text[0]);
		low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0)
			return false;
		uuid[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return !*text;
}
