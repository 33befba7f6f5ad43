/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * seSparse, the deltas of VMFS 6.  There is no specification; what is here is known from other readers.  Read only.
 *
 * The constant header says where everything is, in sectors.  A second header has what changes: if its journal has not
 * been applied the tables are not true, and the extent is refused.
 */
#include "sparse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SE_VERSION         UINT64_C(0x200000001)
#define SE_VOLATILE_MAGIC  UINT64_C(0x00000000cafecafe)
#define SE_GRAIN           8u  /* sectors */
#define SE_TABLE           64u /* sectors */
#define SE_GTES            4096u
#define AT_VERSION         8
#define AT_CAPACITY        16
#define AT_GRAIN           24
#define AT_TABLE           32
#define AT_FLAGS           40
#define AT_VOLATILE        80
#define AT_DIRECTORY       128
#define AT_TABLES          144
#define AT_GRAINS          192
#define VOLATILE_AT_REPLAY 24

struct place {
	uint64_t offset, size;
};

/* Inside the file?  Grains may be missing at its end. */
static int32_t place_get(const struct sparse *sparse, const uint8_t *at, struct place *place)
{
	uint64_t sectors = sparse->length / SECTOR;
	place->offset = vmm_block_le64(at);
	place->size = vmm_block_le64(at + 8);
	return place->offset > 0 && place->offset < sectors && place->size <= sectors - place->offset;
}

static int32_t journal_check(struct sparse *sparse, const uint8_t *sector, char why[256], const char **remedy)
{
	uint8_t changing[SECTOR];
	struct place place;
	if (!place_get(sparse, sector + AT_VOLATILE, &place) || place.size == 0 ||
		vmm_block_file_read_exact(sparse->part->file, changing, SECTOR, place.offset * SECTOR) < 0 ||
		vmm_block_le64(changing) != SE_VOLATILE_MAGIC) {
		snprintf(why, 256, "is a seSparse extent without its second header");
		return -EINVAL;
	}
	if (vmm_block_le64(changing + VOLATILE_AT_REPLAY) != 0) {
		snprintf(why, 256, "is a seSparse extent that was not closed: its journal is to be replayed");
		*remedy = "start and stop the machine on an ESXi host, which replays it, and copy the disk then";
		return -EOPNOTSUPP;
	}
	return 0;
}

/* The top bits of a directory's entry say that there is a table, its low ones which. */
static int32_t directory_read(
	struct sparse *sparse, const struct place *directory, const struct place *tables, char why[256])
{
	uint64_t size = (uint64_t)sparse->tables * 8;
	uint8_t *entries = malloc(size);
	if (entries == NULL)
		return -ENOMEM;
	int32_t status = vmm_block_file_read_exact(sparse->part->file, entries, size, directory->offset * SECTOR);
	for (uint32_t i = 0; status == 0 && i < sparse->tables; i++) {
		uint64_t entry = vmm_block_le64(entries + (size_t)i * 8);
		if (entry == 0)
			continue;
		uint64_t sector = tables->offset + (entry & 0xffffffff) * SE_TABLE;
		if (entry >> 32 != 0x10000000 || (entry & 0xffffffff) >= tables->size / SE_TABLE || sector > UINT32_MAX)
			status = -EINVAL;
		else
			sparse->gd[i] = (uint32_t)sector;
	}
	free(entries);
	if (status < 0)
		snprintf(why, 256, "is a seSparse extent with a damaged grain directory");
	return status;
}

int32_t sesparse_open(struct sparse *sparse, const uint8_t sector[SECTOR], char why[256], const char **remedy)
{
	struct place directory, tables;
	sparse->kind = SPARSE_SE;
	sparse->capacity = vmm_block_le64(sector + AT_CAPACITY);
	sparse->grain = vmm_block_le64(sector + AT_GRAIN);
	sparse->gtes = SE_GTES;
	sparse->entry_size = 8;
	if (vmm_block_le64(sector + AT_VERSION) != SE_VERSION || sparse->grain != SE_GRAIN ||
		vmm_block_le64(sector + AT_TABLE) != SE_TABLE || vmm_block_le64(sector + AT_FLAGS) != 0) {
		snprintf(why, 256,
			"is a seSparse extent of a kind that vmm does not know (version %llx, grains of %llu)",
			(unsigned long long)vmm_block_le64(sector + AT_VERSION), (unsigned long long)sparse->grain);
		*remedy = "clone it to a thin disk on the ESXi host (vmkfstools -i SOURCE -d thin TARGET)";
		return -EOPNOTSUPP;
	}
	if (sparse->capacity == 0 || sparse->capacity > VMM_BLOCK_LENGTH_MAXIMUM / SECTOR) {
		snprintf(why, 256, "has a capacity of %llu sectors", (unsigned long long)sparse->capacity);
		return -EINVAL;
	}
	int32_t status = journal_check(sparse, sector, why, remedy);
	if (status < 0)
		return status;
	uint64_t grains = (sparse->capacity + SE_GRAIN - 1) / SE_GRAIN;
	sparse->grains_at = vmm_block_le64(sector + AT_GRAINS);
	if (!place_get(sparse, sector + AT_DIRECTORY, &directory) || !place_get(sparse, sector + AT_TABLES, &tables) ||
		(grains + SE_GTES - 1) / SE_GTES > directory.size * (SECTOR / 8) || sparse->grains_at == 0 ||
		sparse->grains_at > UINT64_MAX / SECTOR / 4) {
		snprintf(why, 256, "is a seSparse extent whose tables are not in the file");
		return -EINVAL;
	}
	status = sparse_shape(sparse, why);
	return status < 0 ? status : directory_read(sparse, &directory, &tables, why);
}

uint32_t sesparse_entry(const struct sparse *sparse, uint64_t entry, uint64_t *sector)
{
	switch (entry >> 60) {
	case 0: return entry == 0 ? GRAIN_ABSENT : GRAIN_BAD;
	case 1: return GRAIN_ZERO; /* unmapped by the guest */
	case 2: return GRAIN_ZERO;
	case 3: break;
	default: return GRAIN_BAD;
	}
	/* The low 12 bits of a grain's number are stored above the other 48. */
	uint64_t number = ((entry & UINT64_C(0x0fff000000000000)) >> 48) |
		((entry & UINT64_C(0x0000ffffffffffff)) << 12);
	if (number > (UINT64_MAX / SECTOR / 4) / SE_GRAIN)
		return GRAIN_BAD;
	*sector = sparse->grains_at + number * SE_GRAIN;
	return *sector < (sparse->length + SECTOR - 1) / SECTOR ? GRAIN_DATA : GRAIN_BAD;
}
