/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A VMDK for the target for images: the image, and a file beside it that its descriptor may name; the first two bytes
 * say how long the image is.
 */
#include "tests/fuzz/image.h"
#include "vmdk.h"

static uint32_t make(uint8_t *data, size_t length, uint32_t choice)
{
	size_t first = vmm_block_le16(data), rest = length - 2;
	(void)choice;
	first = first < rest ? first : rest;
	fuzz_put(FUZZ_IMAGE, data + 2, first, 0);
	fuzz_put(FUZZ_PART, data + 2 + first, rest - first, 0);
	return 1;
}

const struct fuzz_traits fuzz_traits = { .flags = FUZZ_PARENTS | FUZZ_STRICT, .whole = 1u << 20, .make = make };
