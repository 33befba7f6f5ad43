/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Making a disk longer or shorter.
 *
 * The descriptor says how long the disk is.  When it becomes longer the extents do first, and when it becomes shorter
 * the descriptor does: so at any instant the extents have all that the descriptor says.
 */
#include "create.h"
#include "sparse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct extent *last_extent(struct vmdk *vmdk)
{
	return &vmdk->extents[vmdk->extent_count - 1];
}

static uint32_t is_split(const struct vmm_block_image *image)
{
	return strcasecmp(image->variant, "twoGbMaxExtentSparse") == 0 ||
		strcasecmp(image->variant, "twoGbMaxExtentFlat") == 0;
}

/* The line of an extent in the descriptor. */
static int32_t line_find(struct vmdk *vmdk, uint32_t number, struct descriptor_extent *line)
{
	char why[160];
	uint32_t at = 0;
	for (uint32_t i = 0; i <= number; i++) {
		if (descriptor_extent(&vmdk->descriptor, &at, line, why) <= 0)
			return -EINVAL;
	}
	return 0;
}

/* The cylinders follow; heads and sectors a guest may have noted somewhere. */
static int32_t geometry_update(struct vmdk *vmdk, uint64_t length)
{
	uint64_t heads, sectors;
	char text[24];
	if (!descriptor_number(&vmdk->descriptor, "ddb.geometry.heads", 10, &heads) ||
		!descriptor_number(&vmdk->descriptor, "ddb.geometry.sectors", 10, &sectors) || heads == 0 ||
		heads > 255 || sectors == 0 || sectors > 63)
		return 0;
	struct geometry geometry = { .heads = (uint32_t)heads, .sectors = (uint32_t)sectors };
	geometry_fit(length / SECTOR, &geometry);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)geometry.cylinders);
	return descriptor_set(&vmdk->descriptor, "ddb.geometry.cylinders", text, 1);
}

/* Have the descriptor say what the extents in memory say. */
static int32_t descriptor_update(struct vmdk *vmdk, uint64_t length)
{
	struct descriptor_extent *line = malloc(sizeof(*line));
	if (line == NULL)
		return -ENOMEM;
	int32_t status = 0;
	/* One that was the last may have become longer, too. */
	for (uint32_t i = 0; status == 0 && i < vmdk->extent_count; i++) {
		status = line_find(vmdk, i, line);
		if (status == 0 && line->sectors != vmdk->extents[i].length / SECTOR)
			status = descriptor_put_sectors(&vmdk->descriptor, line, vmdk->extents[i].length / SECTOR);
	}
	/* Lines of extents that are no more. */
	while (status == 0 && line_find(vmdk, vmdk->extent_count, line) == 0)
		status = descriptor_put(&vmdk->descriptor, line->at, line->end, NULL);
	free(line);
	if (status == 0)
		status = geometry_update(vmdk, length);
	return status == 0 ? store_save(vmdk) : status;
}

static int32_t flat_resize(struct extent *extent, uint64_t length)
{
	struct vmm_block_file_info info;
	struct vmm_block_file *file = extent->part->file;
	uint64_t end = extent->offset + extent->length, to = extent->offset + length;
	int32_t status = vmm_block_file_info(file, &info);
	if (status < 0)
		return status;
	/* What is behind it in the file is no part of the disk, but would become one. */
	if (length > extent->length && info.length > end)
		status = vmm_block_file_zero(file, (to < info.length ? to : info.length) - end, end);
	if (status == 0 && length > extent->length && info.length < to)
		status = vmm_block_file_truncate(file, to);
	/* Other extents may be behind it. */
	if (status == 0 && length < extent->length && info.length == end)
		status = vmm_block_file_truncate(file, to);
	return status == 0 ? vmm_block_file_sync(file) : status;
}

static int32_t extent_resize(struct extent *extent, uint64_t length)
{
	int32_t status = 0;
	if (extent->kind == EXTENT_FLAT)
		status = flat_resize(extent, length);
	/* A shortening that was cut short behind the descriptor: what it had still to give up is not to come back. */
	else if (extent->kind == EXTENT_SPARSE && length > extent->length &&
		extent->sparse->capacity > extent->length / SECTOR)
		status = sparse_resize(extent->sparse, extent->length / SECTOR);
	if (status == 0 && extent->kind == EXTENT_SPARSE)
		status = sparse_resize(extent->sparse, length / SECTOR);
	if (status == 0)
		extent->length = length;
	return status;
}

/* Is another extent behind this one in its file? */
static uint32_t is_last_of_file(const struct vmdk *vmdk, const struct extent *extent)
{
	for (uint32_t i = 0; i < vmdk->extent_count; i++) {
		const struct extent *other = &vmdk->extents[i];
		if (other != extent && other->kind == EXTENT_FLAT && other->part == extent->part &&
			other->offset > extent->offset)
			return 0;
	}
	return 1;
}

/* The file of one more extent of a split disk, made and opened. */
static int32_t extent_make(struct vmdk *vmdk, const char *path, struct extent *extent)
{
	struct vmm_block_image *image = vmdk->image;
	const struct extent *last = last_extent(vmdk);
	struct vmm_block_file *file;
	char why[256];
	const char *remedy;
	int32_t status = extent->kind == EXTENT_SPARSE
		? sparse_new_file(path, extent->length / SECTOR, &last->sparse->header)
		: flat_new(path, extent->length / SECTOR);
	if (status < 0)
		return vmm_block_fail(image->host, status, "remove the file if it is in the way, or make room",
			"the new extent %s cannot be made: %s", path, strerror(-status));
	status = vmm_block_open_part(image, path, &file);
	if (status == 0) {
		status = part_add(vmdk, file, path, 1, 0, &extent->part);
		if (status < 0)
			vmm_block_file_close(file);
	}
	if (status == 0 && extent->kind == EXTENT_SPARSE)
		status = sparse_open(vmdk, extent->part, 1, why, &remedy, &extent->sparse);
	if (status == 0) {
		extent->name = strdup(name_base(path));
		status = extent->name == NULL ? -ENOMEM : 0;
	}
	if (status < 0)
		(void)vmm_block_unlink(path);
	return status;
}

/* Its line, behind that of the last one. */
static int32_t line_append(struct vmdk *vmdk, const struct extent *extent)
{
	struct descriptor_extent *last = malloc(sizeof(*last));
	char *line = NULL;
	uint32_t is_sparse = extent->kind == EXTENT_SPARSE;
	int size = asprintf(&line, "RW %llu %s \"%s\"%s", (unsigned long long)(extent->length / SECTOR),
		is_sparse ? "SPARSE" : "FLAT", extent->name, is_sparse ? "" : " 0");
	int32_t status = last == NULL || size < 0 ? -ENOMEM : line_find(vmdk, vmdk->extent_count - 1, last);
	if (status == 0)
		status = descriptor_put(&vmdk->descriptor, last->end, last->end, line);
	if (size >= 0)
		free(line);
	free(last);
	return status;
}

static int32_t extent_append(struct vmdk *vmdk, uint64_t length)
{
	const struct extent *last = last_extent(vmdk);
	struct extent extent = {
		.kind = last->kind, .access = ACCESS_WRITE, .start = last->start + last->length, .length = length
	};
	char suffix[24], path[DESCRIPTOR_NAME];
	struct extent *extents = realloc(vmdk->extents, (vmdk->extent_count + 1) * sizeof(*extents));
	if (extents == NULL)
		return -ENOMEM;
	vmdk->extents = extents;
	snprintf(suffix, sizeof(suffix), "-%c%03u", extent.kind == EXTENT_SPARSE ? 's' : 'f', vmdk->extent_count + 1);
	int32_t status = name_make(vmdk->image->path, suffix, path, sizeof(path));
	if (status == 0)
		status = extent_make(vmdk, path, &extent);
	if (status == 0)
		status = line_append(vmdk, &extent);
	if (status == 0) {
		vmdk->extents[vmdk->extent_count++] = extent;
		return 0;
	}
	/* Its part goes with the image. */
	if (extent.name != NULL)
		(void)vmm_block_unlink(path);
	sparse_free(extent.sparse);
	free(extent.name);
	return status;
}

/* A child's new part is zeros, even where its parent is longer than the child was. */
static int32_t growth_hide(struct vmm_block_image *image, uint64_t from, uint64_t to)
{
	uint64_t end = image->parent_image != NULL ? image->parent_image->length : from;
	/* A part of a grain was dealt with before. */
	uint64_t unit = image->unit != 0 ? image->unit : SECTOR;
	from = (from + unit - 1) / unit * unit;
	end = (end + unit - 1) / unit * unit;
	if (end > to)
		end = to;
	return from < end ? vmdk_zero(image, from, end - from, 1) : 0;
}

static int32_t grow(struct vmdk *vmdk, uint64_t length)
{
	struct vmm_block_image *image = vmdk->image;
	struct extent *last = last_extent(vmdk);
	uint64_t old = image->length, left = length - old, most = SPLIT_SECTORS * SECTOR;
	int32_t status = 0;
	if (image->parent_image != NULL && image->parent_image->length > old && last->sparse != NULL &&
		last->length % last->sparse->grain_bytes != 0)
		status = grain_materialise(image, last, last->sparse, last->length / last->sparse->grain_bytes);
	uint64_t more = left;
	if (is_split(image))
		more = last->length >= most ? 0 : left < most - last->length ? left : most - last->length;
	if (status == 0 && more > 0)
		status = extent_resize(last, last->length + more);
	for (left -= more; left > 0 && status == 0; left -= more) {
		more = left < most ? left : most;
		/* The lines before have to be right for a new one. */
		status = extent_append(vmdk, more);
	}
	if (status < 0)
		return status;
	image->length = length;
	status = growth_hide(image, old, length);
	if (status == 0)
		status = vmdk_sync(image);
	return status == 0 ? descriptor_update(vmdk, length) : status;
}

static void part_drop(struct vmdk *vmdk, struct part *part)
{
	for (uint32_t i = 0; i < vmdk->part_count; i++) {
		if (vmdk->parts[i] == part) {
			vmdk->parts[i] = vmdk->parts[--vmdk->part_count];
			break;
		}
	}
	(void)vmm_block_unlink(part->path);
	vmm_block_file_close(part->file);
	free(part->path);
	free(part);
}

/* An extent that is no more, and its file if nothing else is in it. */
static void extent_drop(struct vmdk *vmdk)
{
	struct extent *extent = last_extent(vmdk);
	struct part *part = extent->part;
	vmdk->extent_count--;
	for (uint32_t i = 0; i < vmdk->extent_count; i++) {
		if (vmdk->extents[i].part == part)
			part = NULL;
	}
	sparse_free(extent->sparse);
	free(extent->name);
	free(extent->why);
	memset(extent, 0, sizeof(*extent));
	if (part != NULL && part->is_own)
		part_drop(vmdk, part);
}

static int32_t shrink(struct vmdk *vmdk, uint64_t length)
{
	struct vmm_block_image *image = vmdk->image;
	uint32_t all = vmdk->extent_count, keep = all;
	while (keep > 1 && vmdk->extents[keep - 1].start >= length)
		keep--;
	struct extent *last = &vmdk->extents[keep - 1];
	uint64_t rest = length - last->start, old = last->length;
	/* The descriptor first. */
	vmdk->extent_count = keep;
	last->length = rest;
	int32_t status = vmdk_sync(image);
	if (status == 0)
		status = descriptor_update(vmdk, length);
	last->length = old;
	vmdk->extent_count = all;
	if (status < 0)
		return status;
	image->length = length;
	while (vmdk->extent_count > keep)
		extent_drop(vmdk);
	return extent_resize(last, rest);
}

int32_t vmdk_resize(struct vmm_block_image *image, uint64_t length)
{
	struct vmdk *vmdk = vmdk_of(image);
	if (vmdk->is_bare || vmdk->is_stream)
		return vmm_block_fail(image->host, -EOPNOTSUPP, "convert it with vmm disk convert",
			"%s is a %s disk, which cannot be resized", image->path, image->variant);
	for (uint32_t i = 0; i < vmdk->extent_count; i++) {
		const struct extent *extent = &vmdk->extents[i];
		if (extent->start + extent->length < length && i + 1 < vmdk->extent_count)
			continue;
		if (extent->access != ACCESS_WRITE ||
			(extent->kind == EXTENT_FLAT && length > image->length && !is_last_of_file(vmdk, extent)))
			return vmm_block_fail(image->host, -EOPNOTSUPP, "convert it with vmm disk convert",
				"the extent %s of %s cannot get another length", extent->name, image->path);
	}
	if (length == image->length)
		return 0;
	int32_t status = length > image->length ? grow(vmdk, length) : shrink(vmdk, length);
	if (status < 0)
		return vmm_block_fail(image->host, status, "make room on the host, or look for the cause in its log",
			"%s cannot be resized: %s", image->path, strerror(-status));
	return 0;
}
