/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A hosted sparse extent whose header says wrongly where one of its two grain directories is: it is looked at by the
 * other, and gets a new one.
 */
#include "sparse.h"

#include <errno.h>
#include <stdlib.h>

uint32_t directory_lost(struct sparse *sparse)
{
	struct header *header = &sparse->header, single = *header;
	uint64_t redundant = header->rgdOffset;
	char why[256];
	const char *remedy;
	if ((sparse->vmdk->image->flags & VMM_BLOCK_LENIENT) == 0 || (header->flags & FLAG_REDUNDANT) == 0 ||
		(header->flags & FLAG_COMPRESSED) != 0)
		return 0;
	single.flags &= ~FLAG_REDUNDANT;
	single.rgdOffset = 0;
	uint32_t lost = DIRECTORY_REDUNDANT;
	if (header_check(&single, sparse->length, why, &remedy) < 0) {
		single.gdOffset = redundant;
		lost = DIRECTORY_FIRST;
		if (redundant == GD_AT_END || header_check(&single, sparse->length, why, &remedy) < 0)
			return 0;
	}
	*header = single;
	return lost;
}

/* A copy of each table, at its new place. */
static int32_t tables_copy(struct sparse *sparse)
{
	int32_t status = 0;
	for (uint32_t i = 0; i < sparse->tables && status == 0; i++) {
		struct page *page = NULL;
		if (sparse->rgd[i] == 0)
			continue;
		/* By the good one alone. */
		uint32_t place = sparse->rgd[i];
		sparse->rgd[i] = 0;
		status = table_page(sparse, i, &page);
		sparse->rgd[i] = place;
		if (status == 0)
			status = vmm_block_file_write(sparse->part->file, page->entries,
				(uint64_t)sparse->table_sectors * SECTOR, (uint64_t)place * SECTOR);
	}
	return status;
}

int32_t directory_remake(struct sparse *sparse)
{
	uint64_t all = (uint64_t)sparse->tables * sparse->table_sectors, at, place;
	uint64_t size = ((uint64_t)sparse->tables * 4 + SECTOR - 1) / SECTOR;
	int32_t status = space_append(sparse, all, &at);
	if (status == 0)
		status = space_append(sparse, size, &place);
	if (status < 0)
		return status;
	sparse->rgd = calloc(sparse->tables, sizeof(*sparse->rgd));
	if (sparse->rgd == NULL)
		return -ENOMEM;
	/* Those that cannot be read stay for the check of the directories. */
	for (uint32_t i = 0; i < sparse->tables; i++) {
		struct page *page;
		if (sparse->gd[i] != 0 && table_page(sparse, i, &page) == 0)
			sparse->rgd[i] = (uint32_t)(at + (uint64_t)i * sparse->table_sectors);
	}
	sparse->header.rgdOffset = place;
	sparse->header.flags |= FLAG_REDUNDANT;
	status = vmm_block_file_zero(sparse->part->file, all * SECTOR, at * SECTOR);
	if (status == 0)
		status = tables_copy(sparse);
	if (status == 0)
		status = directories_write(sparse);
	return status == 0 ? vmm_block_file_sync(sparse->part->file) : status;
}
