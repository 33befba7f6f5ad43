/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Another capacity for a hosted sparse extent.
 *
 * Where the directories have no room for more tables they are written anew at the end of the file.  The header, one
 * sector, is what makes a change: before it is written the old tables are whole, afterwards the new ones.
 */
#include "sparse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int32_t arrays_grow(struct sparse *sparse, uint32_t tables)
{
	uint32_t old = sparse->tables;
	struct page **pages = realloc(sparse->pages, tables * sizeof(*pages));
	if (pages == NULL)
		return -ENOMEM;
	memset(pages + old, 0, (tables - old) * sizeof(*pages));
	sparse->pages = pages;
	for (uint32_t copy = 0; copy < 2; copy++) {
		uint32_t **directory = copy == 0 ? &sparse->gd : &sparse->rgd;
		if (*directory == NULL)
			continue;
		uint32_t *more = realloc(*directory, tables * sizeof(*more));
		if (more == NULL)
			return -ENOMEM;
		memset(more + old, 0, (tables - old) * sizeof(*more));
		*directory = more;
	}
	sparse->tables = tables;
	return 0;
}

/* New tables, all zeros, for those entries of the directory that have none. */
static int32_t tables_append(struct sparse *sparse, uint32_t *directory, uint32_t from)
{
	uint64_t sectors = (uint64_t)(sparse->tables - from) * sparse->table_sectors, sector;
	int32_t status = space_append(sparse, sectors, &sector);
	if (status == 0)
		status = vmm_block_file_zero(sparse->part->file, sectors * SECTOR, sector * SECTOR);
	for (uint32_t i = from; i < sparse->tables && status == 0; i++)
		directory[i] = (uint32_t)(sector + (uint64_t)(i - from) * sparse->table_sectors);
	return status;
}

static int32_t tables_more(struct sparse *sparse, struct header *header)
{
	uint32_t from = sparse->tables;
	uint64_t tables = header_tables(header), sector;
	if (tables > (UINT32_C(4) << 20))
		return -EFBIG;
	uint64_t old = ((uint64_t)from * 4 + SECTOR - 1) / SECTOR, size = (tables * 4 + SECTOR - 1) / SECTOR;
	int32_t status = arrays_grow(sparse, (uint32_t)tables);
	if (status == 0)
		status = tables_append(sparse, sparse->gd, from);
	if (status == 0 && sparse->rgd != NULL)
		status = tables_append(sparse, sparse->rgd, from);
	if (status == 0 && size > old) {
		status = space_append(sparse, size, &sector);
		header->gdOffset = sector;
		if (status == 0 && sparse->rgd != NULL) {
			status = space_append(sparse, size, &sector);
			header->rgdOffset = sector;
		}
	}
	return status;
}

/* Entries behind the last grain that there is, which other programs may have left. */
static int32_t entries_clear(struct sparse *sparse, uint64_t from)
{
	uint64_t end = (uint64_t)sparse->tables * sparse->gtes, entry, sector;
	int32_t status = 0;
	for (uint64_t i = from; i < end && status == 0; i++) {
		struct page *page;
		if (i % sparse->gtes == 0) {
			pthread_mutex_lock(&sparse->lock);
			status = table_page(sparse, (uint32_t)(i / sparse->gtes), &page);
			pthread_mutex_unlock(&sparse->lock);
			if (status == 0 && page == NULL) {
				i += sparse->gtes - 1;
				continue;
			}
		}
		if (status == 0)
			status = table_get(sparse, i, &entry);
		if (status < 0 || entry == 0)
			continue;
		status = table_set(sparse, i, 0);
		if (status == 0 && i < sparse->grains && table_kind(sparse, entry, &sector) == GRAIN_DATA)
			(void)space_retire(sparse, sector, 1);
	}
	return status;
}

/* What is behind the end of the disk in its last grain. */
static int32_t tail_clear(struct sparse *sparse, uint64_t capacity)
{
	uint64_t in = capacity % sparse->grain, entry, sector;
	if (in == 0 || capacity / sparse->grain >= sparse->grains)
		return 0;
	int32_t status = table_get(sparse, capacity / sparse->grain, &entry);
	if (status < 0 || table_kind(sparse, entry, &sector) != GRAIN_DATA)
		return status;
	return vmm_block_file_zero(sparse->part->file, (sparse->grain - in) * SECTOR, (sector + in) * SECTOR);
}

/* The header knows fewer tables now: the room of the others is free. */
static void tables_drop(struct sparse *sparse)
{
	uint32_t tables = (uint32_t)header_tables(&sparse->header);
	table_forget(sparse);
	sparse->tables = tables < sparse->tables ? tables : sparse->tables;
	sparse->is_surveyed = 0;
	runs_free(&sparse->free);
	space_survey(sparse);
}

static void capacity_set(struct sparse *sparse, uint64_t capacity)
{
	sparse->capacity = sparse->header.capacity = capacity;
	sparse->grains = capacity / sparse->grain + (capacity % sparse->grain != 0);
}

int32_t sparse_resize(struct sparse *sparse, uint64_t capacity)
{
	struct header header = sparse->header;
	uint64_t last = capacity / sparse->grain + (capacity % sparse->grain != 0);
	struct vmm_block_image *image = sparse->vmdk->image;
	uint32_t grows = capacity > sparse->capacity;
	header.capacity = capacity;
	space_survey(sparse);
	int32_t status = sparse->is_marked ? 0 : sparse_mark(sparse, 1);
	header.uncleanShutdown = 1;
	if (status == 0)
		status = tail_clear(sparse, grows ? sparse->capacity : capacity);
	if (status == 0)
		status = entries_clear(sparse, grows ? sparse->grains : last);
	if (status == 0)
		status = vmdk_sync(image);
	if (status == 0 && header_tables(&header) > sparse->tables)
		status = tables_more(sparse, &header);
	if (status < 0)
		return status;
	uint64_t gd = sparse->header.gdOffset, rgd = sparse->header.rgdOffset;
	sparse->header.gdOffset = header.gdOffset;
	sparse->header.rgdOffset = header.rgdOffset;
	status = directories_write(sparse);
	if (status == 0)
		status = vmm_block_file_sync(sparse->part->file);
	if (status < 0) {
		/* The old ones are where they were. */
		sparse->header.gdOffset = gd;
		sparse->header.rgdOffset = rgd;
		return status;
	}
	sparse->header.uncleanShutdown = 1;
	capacity_set(sparse, capacity);
	status = sparse_header_write(sparse);
	if (status == 0)
		status = vmm_block_file_sync(sparse->part->file);
	if (status == 0 && !grows)
		tables_drop(sparse);
	return status;
}
