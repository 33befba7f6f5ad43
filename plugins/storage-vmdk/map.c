/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Where the disk's bytes are, across its extents, and room for those that are nowhere.
 */
#include "sparse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int32_t vmdk_map(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *result)
{
	const struct vmdk *vmdk = vmdk_of(image);
	const struct extent *extent = extent_at(vmdk, offset);
	uint64_t in = offset - extent->start;
	int32_t status = 0;
	memset(result, 0, sizeof(*result));
	result->length = length < extent->length - in ? length : extent->length - in;
	switch (extent->kind) {
	case EXTENT_FLAT:
		result->kind = VMM_BLOCK_DATA;
		result->file = extent->part->file;
		result->offset = extent->offset + in;
		break;
	case EXTENT_SPARSE:
		/* Only of a damaged disk the tables may be too small. */
		if (in >= extent->sparse->capacity * SECTOR)
			return -EIO;
		if (result->length > extent->sparse->capacity * SECTOR - in)
			result->length = extent->sparse->capacity * SECTOR - in;
		status = sparse_map(extent->sparse, in, result->length, result);
		break;
	case EXTENT_ZERO: result->kind = VMM_BLOCK_ZERO; break;
	default: return -EIO;
	}
	/* So a write comes to allocate, which refuses it. */
	if (extent->access != ACCESS_WRITE && (image->flags & VMM_BLOCK_READONLY) == 0)
		result->flags |= VMM_BLOCK_SHARED;
	return status;
}

/* The sparse extent that a change goes to, and how much of the change. */
static int32_t change_begin(
	struct vmdk *vmdk, uint64_t offset, uint64_t *length, struct extent **extent, struct sparse **sparse)
{
	*extent = extent_at(vmdk, offset);
	*sparse = (*extent)->sparse;
	if ((*extent)->access != ACCESS_WRITE || *sparse == NULL || !(*sparse)->is_writable)
		return -EROFS;
	space_survey(*sparse);
	uint64_t left = (*extent)->length - (offset - (*extent)->start);
	if (*length > left)
		*length = left;
	return 0;
}

/* Tables in memory have a limit, whether the guest flushes or not. */
static int32_t dirty_limit(struct vmm_block_image *image, const struct sparse *sparse)
{
	return sparse->dirty.count < sparse->dirty_maximum ? 0 : vmdk_sync(image);
}

/*
 * A grain of which only a part is the kit's unit, since the extent does not begin at a multiple of it.  All of it is
 * filled with what is to be seen there, and is in the table before the kit writes into it as into any other.
 */
int32_t grain_materialise(
	struct vmm_block_image *image, const struct extent *extent, struct sparse *sparse, uint64_t grain)
{
	uint64_t start = grain * sparse->grain_bytes, sector, got, entry;
	uint64_t length = extent->length - start < sparse->grain_bytes ? extent->length - start : sparse->grain_bytes;
	int32_t status = table_get(sparse, grain, &entry);
	if (status < 0 || table_kind(sparse, entry, &sector) == GRAIN_DATA)
		return status;
	uint8_t *data = malloc(length);
	if (data == NULL)
		return -ENOMEM;
	status = vmm_block_read(image, extent->start + start, length, data);
	if (status == 0)
		status = space_take(sparse, 1, &sector, &got);
	if (status < 0)
		goto out;
	status = vmm_block_file_zero(sparse->part->file, sparse->grain_bytes, sector * SECTOR);
	if (status == 0)
		status = vmm_block_file_write(sparse->part->file, data, length, sector * SECTOR);
	if (status == 0)
		status = table_set(sparse, grain, (uint32_t)sector);
	if (status < 0)
		space_give(sparse, sector, 1);
out:
	free(data);
	return status;
}

int32_t vmdk_allocate(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *result)
{
	struct extent *extent;
	struct sparse *sparse;
	uint64_t sector, got;
	int32_t status = change_begin(vmdk_of(image), offset, &length, &extent, &sparse);
	if (status == 0)
		status = dirty_limit(image, sparse);
	if (status < 0)
		return status;
	uint64_t from = offset - extent->start, grain = from / sparse->grain_bytes, in = from % sparse->grain_bytes;
	memset(result, 0, sizeof(*result));
	if (image->unit < sparse->grain_bytes) {
		status = grain_materialise(image, extent, sparse, grain);
		return status < 0 ? status : sparse_map(sparse, from, length, result);
	}
	uint64_t want = (in + length + sparse->grain_bytes - 1) / sparse->grain_bytes;
	status = space_take(sparse, want, &sector, &got);
	if (status < 0)
		return status;
	result->kind = VMM_BLOCK_DATA;
	result->file = sparse->part->file;
	result->offset = sector * SECTOR + in;
	result->length = length < got * sparse->grain_bytes - in ? length : got * sparse->grain_bytes - in;
	result->token = sector;
	return 0;
}

/* A grain's place in the table; what it was before is given up. */
static int32_t entry_replace(struct sparse *sparse, uint64_t grain, uint32_t entry)
{
	uint64_t old, sector;
	int32_t status = table_get(sparse, grain, &old);
	if (status == 0 && old != entry)
		status = table_set(sparse, grain, entry);
	if (status == 0 && old != entry && table_kind(sparse, old, &sector) == GRAIN_DATA)
		(void)space_retire(sparse, sector, 1);
	return status;
}

int32_t vmdk_commit(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *allocated)
{
	struct extent *extent;
	struct sparse *sparse;
	int32_t status = change_begin(vmdk_of(image), offset, &length, &extent, &sparse);
	if (status < 0 || image->unit < sparse->grain_bytes)
		return status;
	uint64_t from = offset - extent->start, grain = from / sparse->grain_bytes;
	uint64_t last = (from + length - 1) / sparse->grain_bytes;
	for (uint64_t i = grain; i <= last && status == 0; i++)
		status = entry_replace(sparse, i, (uint32_t)(allocated->token + (i - grain) * sparse->grain));
	return status;
}

void vmdk_abandon(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *allocated)
{
	struct extent *extent;
	struct sparse *sparse;
	if (change_begin(vmdk_of(image), offset, &length, &extent, &sparse) < 0 || image->unit < sparse->grain_bytes)
		return;
	uint64_t from = offset - extent->start;
	uint64_t first = from / sparse->grain_bytes, last = (from + length - 1) / sparse->grain_bytes, entry;
	for (uint64_t i = last + 1; i-- > first;) {
		uint64_t sector = allocated->token + (i - first) * sparse->grain;
		/* Of a commit that failed half-way some are in use; and what cannot be read may be. */
		if (table_get(sparse, i, &entry) == 0 && entry != sector)
			space_give(sparse, sector, 1);
	}
}

/* Is there something below that an absent grain would show? */
static uint32_t has_parent(const struct vmm_block_image *image)
{
	return image->parent[0] != '\0';
}

/* Zeros in a whole grain of a child whose tables cannot say so: a grain that is a hole in the file. */
static int32_t grain_zero_new(struct sparse *sparse, uint64_t grain)
{
	uint64_t sector, got;
	int32_t status = space_take(sparse, 1, &sector, &got);
	if (status < 0)
		return status;
	status = vmm_block_file_zero(sparse->part->file, sparse->grain_bytes, sector * SECTOR);
	if (status == 0)
		status = table_set(sparse, grain, (uint32_t)sector);
	if (status < 0)
		space_give(sparse, sector, 1);
	return status;
}

/* `from` .. `to` of a grain, in bytes. */
static int32_t grain_zero(struct vmm_block_image *image, const struct extent *extent, struct sparse *sparse,
	uint64_t grain, uint64_t from, uint64_t to, uint32_t discard)
{
	uint64_t entry, sector, start = grain * sparse->grain_bytes;
	uint64_t end = extent->length - start < sparse->grain_bytes ? extent->length - start : sparse->grain_bytes;
	uint32_t is_whole = from == 0 && to >= end;
	uint32_t can_say = (sparse->header.flags & FLAG_ZERO_GRAIN) != 0;
	int32_t status = table_get(sparse, grain, &entry);
	if (status < 0)
		return status;
	uint32_t kind = table_kind(sparse, entry, &sector);
	if (kind == GRAIN_ZERO || (kind == GRAIN_ABSENT && !has_parent(image)))
		return 0;
	if (kind == GRAIN_BAD)
		return -EIO;
	if (kind == GRAIN_DATA && is_whole && discard && (can_say || !has_parent(image)))
		return entry_replace(sparse, grain, has_parent(image));
	if (kind == GRAIN_ABSENT && is_whole)
		return can_say ? table_set(sparse, grain, 1) : grain_zero_new(sparse, grain);
	if (kind == GRAIN_ABSENT) {
		status = grain_materialise(image, extent, sparse, grain);
		if (status == 0)
			status = table_get(sparse, grain, &entry);
		if (status < 0)
			return status;
		sector = entry;
	}
	return vmm_block_file_zero(sparse->part->file, to - from, sector * SECTOR + from);
}

/* As much of it as is alike: *part says how much. */
static int32_t sparse_zero(
	struct vmm_block_image *image, const struct extent *extent, uint64_t from, uint64_t *part, uint32_t discard)
{
	struct sparse *sparse = extent->sparse;
	struct vmm_block_extent run;
	uint64_t grain = from / sparse->grain_bytes, in = from % sparse->grain_bytes;
	space_survey(sparse);
	int32_t status = sparse_map(sparse, from, *part, &run);
	if (status == 0 && (run.kind == VMM_BLOCK_ZERO || (run.kind == VMM_BLOCK_ABSENT && !has_parent(image)))) {
		*part = run.length;
		return 0;
	}
	if (*part > sparse->grain_bytes - in)
		*part = sparse->grain_bytes - in;
	if (status == 0)
		status = dirty_limit(image, sparse);
	return status == 0 ? grain_zero(image, extent, sparse, grain, in, in + *part, discard) : status;
}

int32_t vmdk_zero(struct vmm_block_image *image, uint64_t offset, uint64_t length, uint32_t discard)
{
	int32_t status = 0;
	while (length > 0 && status == 0) {
		struct extent *extent = extent_at(vmdk_of(image), offset);
		uint64_t from = offset - extent->start, part = extent->length - from;
		part = length < part ? length : part;
		struct sparse *sparse = extent->sparse;
		if (extent->kind == EXTENT_ZERO) {
			/* They are. */
		} else if (extent->access != ACCESS_WRITE) {
			return -EROFS;
		} else if (extent->kind == EXTENT_FLAT) {
			status = vmm_block_file_zero(extent->part->file, part, extent->offset + from);
		} else if (sparse == NULL || !sparse->is_writable) {
			return -EROFS;
		} else {
			status = sparse_zero(image, extent, from, &part, discard);
		}
		offset += part;
		length -= part;
	}
	return status;
}

int32_t vmdk_unpack(struct vmm_block_image *image, uint64_t offset, uint64_t length, void *data)
{
	uint8_t *to = data;
	while (length > 0) {
		const struct extent *extent = extent_at(vmdk_of(image), offset);
		uint64_t in = offset - extent->start, part = extent->length - in;
		part = length < part ? length : part;
		if (extent->sparse == NULL || extent->sparse->kind != SPARSE_STREAM)
			return -EIO;
		int32_t status = stream_read(extent->sparse, in, part, to);
		if (status < 0)
			return status;
		offset += part;
		length -= part;
		to += part;
	}
	return 0;
}
