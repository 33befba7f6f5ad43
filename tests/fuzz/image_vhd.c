/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* What the target for images does to a VHD file before it is used: checksums, which no input would have right. */
#include "plugins/storage-vhd/vhd.h"
#include "tests/fuzz/image.h"

static uint32_t make(uint8_t *data, size_t length, uint32_t choice)
{
	uint8_t *footer = data + length - FOOTER_SIZE;
	if (choice & 1)
		memcpy(footer, "conectix", 8);
	if (choice & 2)
		footer_seal(footer);
	if (choice & 4) {
		memcpy(data, "conectix", 8);
		footer_seal(data);
	}
	if ((choice & 8) && length >= FOOTER_SIZE + HEADER_SIZE) {
		memcpy(data + FOOTER_SIZE, "cxsparse", 8);
		header_seal(data + FOOTER_SIZE);
	}
	fuzz_put(FUZZ_IMAGE, data, length, 0);
	return 1;
}

const struct fuzz_traits fuzz_traits = { .whole = UINT64_MAX, .make = make };
