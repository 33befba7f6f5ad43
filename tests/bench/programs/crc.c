/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* CRC-32 (ISO 3309), a table of 256 words and a byte at a time. */
#include "bench.h"

static uint32_t table[256];
static unsigned char data[262144];

static int crc_begin(void)
{
	uint32_t state = 1;

	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
		table[i] = c;
	}
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)random_next(&state);
	return 0;
}

static uint64_t crc_round(void)
{
	uint32_t crc = ~0u;

	for (uint32_t i = 0; i < sizeof(data); i++)
		crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
	return ~crc;
}

const struct program crc_program = { "crc", "compute", 0x7a2a4572, crc_begin, crc_round, 0 };
