/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Strings: words of a text are cut out, turned round, counted in a hash table, searched, printed and read as numbers.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define TEXT  16384
#define SLOTS 1024

static char text[TEXT + 1], word[SLOTS][16];
static uint32_t count[SLOTS];

static int strings_begin(void)
{
	uint32_t state = 5, at = 0;

	while (at < TEXT) {
		/* The short ones come again. */
		for (uint32_t length = 1 + random_next(&state) % 7; length && at < TEXT; length--)
			text[at++] = "etaoinshrdlu"[random_next(&state) % (length > 4 ? 12 : 4)];
		if (at < TEXT)
			text[at++] = random_next(&state) % 9 ? ' ' : '\n';
	}
	return 0;
}

/* Where the word is or may be put. */
static uint32_t find(const char *name)
{
	uint32_t hash = 5381;

	for (const char *p = name; *p; p++)
		hash = hash * 33 + (unsigned char)*p;
	for (hash %= SLOTS; *word[hash] && strcmp(word[hash], name); hash = (hash + 1) % SLOTS)
		;
	return hash;
}

static uint64_t strings_round(void)
{
	static char copy[TEXT + 1];
	uint64_t hash = MIX_START;
	uint32_t words = 0;
	char *rest, line[64];

	memset(word, 0, sizeof(word));
	memset(count, 0, sizeof(count));
	strcpy(copy, text);
	for (char *p = strtok_r(copy, " \n", &rest); p; p = strtok_r(NULL, " \n", &rest)) {
		size_t length = strlen(p);
		for (size_t i = 0; i < length / 2; i++) {
			char c = p[i];
			p[i] = p[length - 1 - i];
			p[length - 1 - i] = c;
		}
		for (size_t i = 0; i < length; i++)
			p[i] = (char)toupper((unsigned char)p[i]);
		uint32_t slot = find(p);
		/* Beyond this it would be too full. */
		if (!count[slot] && words == SLOTS * 3 / 4)
			continue;
		words += !count[slot]++;
		memcpy(word[slot], p, length + 1);
	}
	for (uint32_t i = 0; i < SLOTS; i++) {
		if (!count[i])
			continue;
		snprintf(line, sizeof(line), "%.15s=%u;", word[i], count[i] * 1000003u);
		hash = mix(hash, strtoul(strchr(line, '=') + 1, NULL, 10) + strlen(line));
	}
	for (const char *p = text; (p = strstr(p, "et")); p++)
		hash = mix(hash, (uint64_t)(p - text));
	for (const char *p = text; (p = memchr(p, '\n', (size_t)(text + TEXT - p))); p++)
		hash = mix(hash, (uint64_t)(p - text));
	return mix(hash, words);
}

const struct program strings_program = { "strings", "compute", UINT64_C(0xd8add06e336e3d96), strings_begin,
	strings_round, 0 };
