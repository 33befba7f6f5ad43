/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A file of undoable changes for the target for images: the header, what it says of its parent, the beginning of its
 * table, and of its units; between them it has holes, which make it longer than any input.
 */
#include <string.h>

#include "tests/fuzz/image.h"

enum { HEAD = 64, NAMES = 64, NAME = 512, FORMAT = 4608, TABLE = 8192, UNIT = 65536, ENTRIES = 256 };

static uint32_t make(uint8_t *data, size_t length, uint32_t choice)
{
	static const uint8_t zeros[512];
	const uint8_t *table = data + HEAD + NAMES;
	uint64_t end = TABLE + UNIT * (uint64_t)(choice >> 4);
	if (choice & 1) {
		memcpy(data, "VMM DELT", 8);
		vmm_block_put_le32(data + 8, 1);
		vmm_block_put_le32(data + 12, UNIT);
		vmm_block_put_le64(data + 24, TABLE);
	}
	/* A length that is short enough for its table to be there. */
	if (choice & 2) {
		vmm_block_put_le64(data + 16, (1 + vmm_block_le64(data + 16) % (ENTRIES * 128)) * 512);
		vmm_block_put_le64(data + 32, UNIT);
	}
	fuzz_put(FUZZ_IMAGE, data, HEAD, 0);
	fuzz_put(FUZZ_IMAGE, data + HEAD, NAMES / 2, NAME);
	fuzz_put(FUZZ_IMAGE, data + HEAD + NAMES / 2, NAMES / 2, FORMAT);
	/* Entries of a byte each mostly name units that are there. */
	for (uint32_t i = 0; i < ENTRIES && (choice & 4); i++) {
		uint8_t entry[4] = { table[i] % 32 };
		if (table[i] == 0xff)
			memset(entry, 0xff, 4);
		fuzz_put(FUZZ_IMAGE, entry, 4, TABLE + 4 * i);
	}
	if (!(choice & 4))
		fuzz_put(FUZZ_IMAGE, table, ENTRIES, TABLE);
	length -= HEAD + NAMES + ENTRIES;
	fuzz_put(FUZZ_IMAGE, table + ENTRIES, length, UNIT);
	if (end > UNIT + length)
		fuzz_put(FUZZ_IMAGE, zeros, sizeof(zeros), end - sizeof(zeros));
	return 1;
}

const struct fuzz_traits fuzz_traits = { .flags = FUZZ_STRICT, .whole = UINT64_MAX, .make = make };
