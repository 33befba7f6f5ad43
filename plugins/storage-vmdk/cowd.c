/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * "ESX Server Sparse Extent" of Virtual Disk Format 5.0: vmfsSparse, the redo logs of ESX.  Read only.
 */
#include "sparse.h"

#include <errno.h>
#include <stdio.h>

#define HEADER_SIZE 2048u
#define AT_VERSION  4
#define AT_CAPACITY 12 /* numSectors */
#define AT_GRAIN    16 /* grainSize */
#define AT_GD       20 /* gdOffset */
#define AT_GDES     24 /* numGDEntries */
#define COWD_GTES   4096u

int32_t cowd_open(struct sparse *sparse, const uint8_t sector[SECTOR], char why[256], const char **remedy)
{
	uint32_t version = vmm_block_le32(sector + AT_VERSION), gdes = vmm_block_le32(sector + AT_GDES);
	uint32_t gd = vmm_block_le32(sector + AT_GD);
	sparse->kind = SPARSE_COWD;
	sparse->capacity = vmm_block_le32(sector + AT_CAPACITY);
	sparse->grain = vmm_block_le32(sector + AT_GRAIN);
	sparse->gtes = COWD_GTES;
	sparse->entry_size = 4;
	if (version != 1) {
		snprintf(why, 256, "is a COWD extent of version %u, and vmm knows 1", version);
		*remedy = "convert it with the program that made it";
		return -EOPNOTSUPP;
	}
	if (sparse->capacity == 0 || sparse->grain == 0 || sparse->grain > GRAIN_MOST ||
		(sparse->grain & (sparse->grain - 1)) != 0) {
		snprintf(why, 256, "is a COWD extent with a capacity of %llu sectors in grains of %llu",
			(unsigned long long)sparse->capacity, (unsigned long long)sparse->grain);
		return -EINVAL;
	}
	uint64_t grains = (sparse->capacity + sparse->grain - 1) / sparse->grain;
	uint64_t tables = (grains + COWD_GTES - 1) / COWD_GTES, sectors = sparse->length / SECTOR;
	if (gd == 0 || gdes < tables || gd >= sectors || (tables * 4 + SECTOR - 1) / SECTOR > sectors - gd) {
		snprintf(why, 256,
			"is a COWD extent whose grain directory (%u entries at sector %u) is not in the file, "
			"or is too small",
			gdes, gd);
		return -EINVAL;
	}
	int32_t status = sparse_shape(sparse, why);
	if (status == 0) {
		status = vmm_block_file_read_exact(
			sparse->part->file, sparse->gd, (uint64_t)sparse->tables * 4, (uint64_t)gd * SECTOR);
		if (status < 0)
			snprintf(why, 256, "has a grain directory that cannot be read");
	}
	for (uint32_t i = 0; status == 0 && i < sparse->tables; i++)
		sparse->gd[i] = vmm_block_le32(sparse->gd + i);
	return status;
}
