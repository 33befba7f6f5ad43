/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* LZ compression of a text and back: matches by a hash table; literals and matches behind tokens, as LZ4 has them. */
#include <string.h>
#include "bench.h"

#define SIZE 65536u
#define HASH 4096u

static unsigned char text[SIZE], packed[SIZE * 2], unpacked[SIZE];

static int lz_begin(void)
{
	static const char *const syllables[] = { "the ", "of", " and", "ing", "tion", " is", "re", "con", "ver", "al ",
		"mod", "est", "in", " to ", "un", "\n" };
	uint32_t state = 7, at = 0;

	while (at < SIZE) {
		if (at > 256 && !(random_next(&state) % 4)) {
			/* Something that was there before. */
			uint32_t from = random_next(&state) % (at - 64), length = 8 + random_next(&state) % 32;
			for (; length && at < SIZE; length--)
				text[at++] = text[from++];
		}
		for (const char *p = syllables[random_next(&state) % 16]; *p && at < SIZE; p++)
			text[at++] = (unsigned char)*p;
	}
	return 0;
}

static unsigned char *put_length(unsigned char *out, uint32_t length)
{
	for (; length >= 255; length -= 255)
		*out++ = 255;
	*out++ = (unsigned char)length;
	return out;
}

/* A token of two nibbles (15: more follows), literals, then the distance of a match of at least 4; none at the end. */
static unsigned char *put(
	unsigned char *out, const unsigned char *from, uint32_t literals, uint32_t distance, uint32_t match)
{
	uint32_t more = match ? match - 4 : 0;

	*out++ = (unsigned char)((literals < 15 ? literals : 15) << 4 | (more < 15 ? more : 15));
	if (literals >= 15)
		out = put_length(out, literals - 15);
	memcpy(out, from, literals);
	out += literals;
	if (!match)
		return out;
	*out++ = (unsigned char)distance;
	*out++ = (unsigned char)(distance >> 8);
	return more >= 15 ? put_length(out, more - 15) : out;
}

static uint32_t pack(void)
{
	static uint32_t last[HASH];
	unsigned char *out = packed;
	uint32_t anchor = 0, at = 1;

	memset(last, 0, sizeof(last));
	while (at + 4 <= SIZE) {
		uint32_t word, other, length = 4;
		memcpy(&word, text + at, 4);
		uint32_t *slot = last + (word * 2654435761u >> 20) % HASH, from = *slot;
		*slot = at;
		memcpy(&other, text + from, 4);
		if (other != word || at - from > 65535) {
			at++;
			continue;
		}
		while (at + length < SIZE && text[from + length] == text[at + length])
			length++;
		out = put(out, text + anchor, at - anchor, at - from, length);
		at += length;
		anchor = at;
	}
	return (uint32_t)(put(out, text + anchor, SIZE - anchor, 0, 0) - packed);
}

static uint32_t get_length(const unsigned char **in, uint32_t length)
{
	if (length == 15)
		do
			length += **in;
		while (*(*in)++ == 255);
	return length;
}

static uint32_t unpack(uint32_t size)
{
	const unsigned char *in = packed, *end = packed + size;
	unsigned char *out = unpacked;

	while (in < end) {
		uint32_t token = *in++, literals = get_length(&in, token >> 4);
		memcpy(out, in, literals);
		in += literals;
		out += literals;
		if (in == end)
			break;
		uint32_t distance = in[0] | (uint32_t)in[1] << 8;
		in += 2;
		/* By bytes: it may overlap. */
		for (uint32_t length = get_length(&in, token & 15) + 4; length; length--, out++)
			*out = out[-(int)distance];
	}
	return (uint32_t)(out - unpacked);
}

static uint64_t lz_round(void)
{
	uint64_t hash = MIX_START;
	uint32_t size = pack();

	memset(unpacked, 0, sizeof(unpacked));
	if (unpack(size) != SIZE || memcmp(text, unpacked, SIZE))
		return 0;
	for (uint32_t i = 0; i < size; i += 16)
		hash = mix(hash, packed[i]);
	return mix(hash, size);
}

const struct program lz_program = { "lz", "compute", UINT64_C(0x318b0d18191f0102), lz_begin, lz_round, 0 };
