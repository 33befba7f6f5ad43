/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* What the target for images does to a qcow2 file before it is used. */
#include "plugins/storage-qcow2/qcow2.h"
#include "tests/fuzz/image.h"

static uint32_t make(uint8_t *data, size_t length, uint32_t choice)
{
	vmm_block_put_be32(data, QCOW2_MAGIC);
	if (choice & 1)
		vmm_block_put_be32(data + AT_VERSION, 2 + (choice >> 1) % 2);
	/* Small clusters mostly: the input is small, too. */
	if (choice & 4)
		vmm_block_put_be32(data + AT_CLUSTER_BITS, 9);
	/* An external data file would be any file of this host's. */
	if (vmm_block_be32(data + AT_VERSION) == 3)
		data[AT_INCOMPATIBLE + 7] &= (uint8_t)~INCOMPATIBLE_DATA_FILE;
	fuzz_put(FUZZ_IMAGE, data, length, 0);
	return 1;
}

const struct fuzz_traits fuzz_traits = { .whole = UINT64_MAX, .make = make };
