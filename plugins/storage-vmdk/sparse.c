/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Opening a sparse extent by its magic, and finding grains.
 */
#include "sparse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COWD_MAGIC     UINT32_C(0x44574f43) /* "COWD" */
#define TABLES_MOST    (UINT32_C(16) << 20)
#define SESPARSE_MAGIC UINT64_C(0x00000000cafebabe)

int32_t sparse_new(struct vmdk *vmdk, struct part *part, struct sparse **result)
{
	struct vmm_block_file_info info;
	int32_t status = vmm_block_file_info(part->file, &info);
	if (status < 0)
		return status;
	struct sparse *sparse = calloc(1, sizeof(*sparse));
	if (sparse == NULL)
		return -ENOMEM;
	sparse->vmdk = vmdk;
	sparse->part = part;
	sparse->length = info.length;
	pthread_mutex_init(&sparse->lock, NULL);
	*result = sparse;
	return 0;
}

void sparse_free(struct sparse *sparse)
{
	if (sparse == NULL)
		return;
	table_forget(sparse);
	free(sparse->pages);
	free(sparse->gd);
	free(sparse->rgd);
	runs_free(&sparse->free);
	runs_free(&sparse->freed);
	cache_free(sparse->cache);
	pthread_mutex_destroy(&sparse->lock);
	free(sparse);
}

/* Of capacity, grain, gtes, entry_size: what follows from them, and memory for the tables. */
int32_t sparse_shape(struct sparse *sparse, char why[256])
{
	sparse->grain_bytes = sparse->grain * SECTOR;
	sparse->grains = sparse->capacity / sparse->grain + (sparse->capacity % sparse->grain != 0);
	sparse->table_sectors = (sparse->gtes * sparse->entry_size + SECTOR - 1) / SECTOR;
	uint64_t tables = sparse->grains / sparse->gtes + (sparse->grains % sparse->gtes != 0);
	/* The callers have seen that so many entries are in the file, which may be one great hole. */
	if (tables > TABLES_MOST) {
		snprintf(why, 256, "has %llu grain tables, too many for vmm", (unsigned long long)tables);
		return -EFBIG;
	}
	sparse->tables = (uint32_t)tables;
	uint32_t size = sparse->table_sectors * SECTOR;
	sparse->clean_maximum = PAGES_BYTES / size > 16 ? PAGES_BYTES / size : 16;
	sparse->dirty_maximum = DIRTY_BYTES / size > 16 ? DIRTY_BYTES / size : 16;
	sparse->pages = calloc(tables, sizeof(*sparse->pages));
	sparse->gd = calloc(tables, sizeof(*sparse->gd));
	if (sparse->pages == NULL || sparse->gd == NULL) {
		snprintf(why, 256, "needs more memory for its tables than there is");
		return -ENOMEM;
	}
	return 0;
}

static int32_t directory_read(struct sparse *sparse, uint64_t sector, uint32_t *directory)
{
	uint64_t size = (uint64_t)sparse->tables * 4;
	int32_t status = vmm_block_file_read_exact(sparse->part->file, directory, size, sector * SECTOR);
	for (uint32_t i = 0; i < sparse->tables; i++)
		directory[i] = vmm_block_le32(directory + i);
	return status;
}

/* Is there a whole table? */
static uint32_t table_is_inside(const struct sparse *sparse, uint32_t sector)
{
	uint64_t sectors = sparse->length / SECTOR;
	return sector < sectors && sparse->table_sectors <= sectors - sector;
}

/* How many entries of a directory name no place in the file. */
static uint32_t directory_bad(const struct sparse *sparse, const uint32_t *directory)
{
	uint32_t bad = 0;
	for (uint32_t i = 0; i < sparse->tables; i++)
		bad += directory[i] != 0 && !table_is_inside(sparse, directory[i]);
	return bad;
}

static int32_t directories_read(struct sparse *sparse, char why[256])
{
	const struct header *header = &sparse->header;
	int32_t status = directory_read(sparse, header->gdOffset, sparse->gd);
	if (status == 0 && (header->flags & FLAG_REDUNDANT) != 0 && header->rgdOffset != 0 &&
		header->rgdOffset != header->gdOffset) {
		sparse->rgd = calloc(sparse->tables, sizeof(*sparse->rgd));
		status = sparse->rgd == NULL ? -ENOMEM : directory_read(sparse, header->rgdOffset, sparse->rgd);
	}
	if (status < 0)
		snprintf(why, 256, "has a grain directory that cannot be read (%s)", strerror(-status));
	return status;
}

/* An extent that is written needs directories that are right; one that is read can do with either. */
static void directories_check(struct sparse *sparse)
{
	struct vmm_block_image *image = sparse->vmdk->image;
	uint32_t bad = directory_bad(sparse, sparse->gd);
	if (sparse->rgd != NULL)
		bad += directory_bad(sparse, sparse->rgd);
	/* Check is to mend it. */
	if (bad == 0 || (image->flags & VMM_BLOCK_LENIENT) != 0)
		return;
	sparse->is_writable = 0;
	image->is_readonly = 1;
	image->readonly_why = "its grain directory is damaged: vmm disk repair mends it";
	for (uint32_t i = 0; i < sparse->tables; i++) {
		if (sparse->gd[i] != 0 && !table_is_inside(sparse, sparse->gd[i]) && sparse->rgd != NULL &&
			table_is_inside(sparse, sparse->rgd[i]))
			sparse->gd[i] = sparse->rgd[i];
	}
}

static void front_reach(struct sparse *sparse, uint64_t sector, uint64_t size)
{
	if (sector + size <= sparse->header.overHead && sector + size > sparse->front)
		sparse->front = sector + size;
}

/* Where headers and tables before the first grain stop: a table entry that leads there is wrong, and a write that went
 * by it would destroy them. */
static void front_find(struct sparse *sparse)
{
	const struct header *header = &sparse->header;
	uint64_t size = ((uint64_t)sparse->tables * 4 + SECTOR - 1) / SECTOR;
	sparse->front = 1;
	/* It says too much, or nothing. */
	if (header->overHead > sparse->length / SECTOR)
		return;
	if (header->descriptorOffset != 0)
		front_reach(sparse, header->descriptorOffset, header->descriptorSize);
	front_reach(sparse, header->gdOffset, size);
	if (sparse->rgd != NULL)
		front_reach(sparse, header->rgdOffset, size);
	for (uint32_t i = 0; i < sparse->tables; i++) {
		front_reach(sparse, sparse->gd[i], sparse->table_sectors);
		if (sparse->rgd != NULL)
			front_reach(sparse, sparse->rgd[i], sparse->table_sectors);
	}
}

static void end_find(struct sparse *sparse)
{
	uint64_t sectors = (sparse->length + SECTOR - 1) / SECTOR;
	/* A last grain that is cut short, of a file whose grains do not begin at multiples, may reach further. */
	uint64_t spare = sectors % sparse->grain != 0 ? 2 * sparse->grain - 1 : 0;
	sparse->end = (sectors + spare) / sparse->grain * sparse->grain;
}

/* A stream that says wrongly where its directory is may still be gone through, marker by marker. */
static uint32_t can_scan(const struct sparse *sparse)
{
	struct header header = sparse->header;
	char why[256];
	const char *remedy;
	header.gdOffset = GD_AT_END;
	header.rgdOffset = 0;
	return (sparse->vmdk->image->flags & VMM_BLOCK_LENIENT) != 0 && (header.flags & FLAG_MARKERS) != 0 &&
		header_check(&header, sparse->length, why, &remedy) == 0;
}

static int32_t scan(struct sparse *sparse, char why[256])
{
	free(sparse->pages);
	free(sparse->gd);
	sparse->pages = NULL;
	sparse->gd = NULL;
	sparse->header.gdOffset = GD_AT_END;
	return stream_scan(sparse, why);
}

static void shape_take(struct sparse *sparse)
{
	const struct header *header = &sparse->header;
	sparse->kind = (header->flags & FLAG_COMPRESSED) != 0 ? SPARSE_STREAM : SPARSE_HOSTED;
	sparse->capacity = header->capacity;
	sparse->grain = header->grainSize;
	sparse->gtes = header->numGTEsPerGT;
	sparse->entry_size = 4;
}

static int32_t hosted_open(struct sparse *sparse, uint32_t is_writable, char why[256], const char **remedy)
{
	struct vmm_block_image *image = sparse->vmdk->image;
	struct header *header = &sparse->header;
	int32_t status = header_check(header, sparse->length, why, remedy);
	if (status < 0 && !can_scan(sparse)) {
		sparse->lost = directory_lost(sparse);
		if (sparse->lost == 0)
			return status;
		status = 0;
	}
	shape_take(sparse);
	if (status == 0 && header->gdOffset == GD_AT_END)
		status = stream_footer(sparse, why, remedy);
	if (status == 0)
		status = sparse_shape(sparse, why);
	if (status == 0)
		status = directories_read(sparse, why);
	if (sparse->kind == SPARSE_STREAM && (status < 0 || directory_bad(sparse, sparse->gd) > 0) && can_scan(sparse))
		return scan(sparse, why);
	if (status < 0)
		return status;
	sparse->is_writable = is_writable && sparse->kind == SPARSE_HOSTED;
	sparse->is_marked = header->uncleanShutdown != 0;
	sparse->was_unclean = sparse->is_marked;
	directories_check(sparse);
	if (sparse->kind == SPARSE_HOSTED)
		front_find(sparse);
	end_find(sparse);
	sparse->keeps_mark = sparse->was_unclean && (image->flags & VMM_BLOCK_LENIENT) != 0;
	if (sparse->was_unclean && sparse->is_writable && !sparse->keeps_mark)
		status = sparse_recover(sparse, why);
	return status;
}

int32_t sparse_open(struct vmdk *vmdk, struct part *part, uint32_t is_writable, char why[256], const char **remedy,
	struct sparse **result)
{
	struct sparse *sparse;
	*result = NULL;
	*remedy = "take the disk from a backup; what can still be read vmm disk check FILE tells";
	int32_t status = sparse_new(vmdk, part, &sparse);
	if (status < 0) {
		snprintf(why, 256, "cannot be opened (%s)", strerror(-status));
		return status;
	}
	status = vmm_block_file_read_exact(part->file, sparse->sector, SECTOR, 0);
	if (status < 0) {
		snprintf(why, 256, "is too short for a sparse extent");
		if (status != -ENODATA)
			snprintf(why, 256, "cannot be read (%s)", strerror(-status));
		status = -EINVAL;
	} else if (header_decode(sparse->sector, &sparse->header)) {
		status = hosted_open(sparse, is_writable, why, remedy);
	} else if (vmm_block_le32(sparse->sector) == COWD_MAGIC) {
		status = cowd_open(sparse, sparse->sector, why, remedy);
	} else if (vmm_block_le64(sparse->sector) == SESPARSE_MAGIC) {
		status = sesparse_open(sparse, sparse->sector, why, remedy);
	} else {
		snprintf(why, 256, "is no sparse extent: it begins with %08x", vmm_block_le32(sparse->sector));
		status = -EINVAL;
	}
	if (status < 0)
		sparse_free(sparse);
	else
		*result = sparse;
	return status;
}

/* How far grains of one kind, and adjacent in the file, reach: *run grows by whole grains up to `length`. */
static int32_t run_extend(
	struct sparse *sparse, uint64_t grain, uint32_t kind, uint64_t sector, uint64_t length, uint64_t *run)
{
	/* Long enough for any request, and short enough not to read all tables for a single answer. */
	uint32_t pages_left = 4;
	for (uint64_t n = 1; *run < length;) {
		struct page *page;
		uint32_t number = (uint32_t)((grain + n) / sparse->gtes), i = (uint32_t)((grain + n) % sparse->gtes);
		if (i == 0 && --pages_left == 0)
			return 0;
		int32_t status = table_page(sparse, number, &page);
		if (status < 0)
			return status;
		for (; i < sparse->gtes && *run < length; i++, n++) {
			uint64_t where;
			if (table_kind(sparse, table_value(sparse, page, i), &where) != kind)
				return 0;
			if (kind == GRAIN_DATA && sparse->kind != SPARSE_STREAM && where != sector + n * sparse->grain)
				return 0;
			*run += sparse->grain_bytes;
		}
	}
	return 0;
}

int32_t sparse_map(struct sparse *sparse, uint64_t offset, uint64_t length, struct vmm_block_extent *extent)
{
	uint64_t grain = offset / sparse->grain_bytes, in = offset % sparse->grain_bytes, sector = 0;
	uint64_t run = sparse->grain_bytes - in;
	struct page *page;
	uint32_t kind = GRAIN_BAD;
	pthread_mutex_lock(&sparse->lock);
	int32_t status = table_page(sparse, (uint32_t)(grain / sparse->gtes), &page);
	if (status == 0) {
		kind = table_kind(sparse, table_value(sparse, page, (uint32_t)(grain % sparse->gtes)), &sector);
		/* A table that cannot be read, further on, is for the request that needs it to say. */
		if (run < length && kind != GRAIN_BAD)
			(void)run_extend(sparse, grain, kind, sector, length, &run);
	}
	pthread_mutex_unlock(&sparse->lock);
	if (status < 0)
		return status;
	extent->length = run < length ? run : length;
	switch (kind) {
	case GRAIN_ABSENT: extent->kind = VMM_BLOCK_ABSENT; break;
	case GRAIN_ZERO: extent->kind = VMM_BLOCK_ZERO; break;
	case GRAIN_DATA:
		extent->kind = sparse->kind == SPARSE_STREAM ? VMM_BLOCK_PACKED : VMM_BLOCK_DATA;
		extent->file = sparse->part->file;
		extent->offset = sector * SECTOR + in;
		break;
	default: return -EIO;
	}
	return 0;
}
