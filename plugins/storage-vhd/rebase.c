/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Another parent, or none.
 *
 * A header does not fit into a sector, so that writing it in its place could be cut off in the middle: a new one is
 * written to the end of the file, the footers are pointed to it, and only then it goes to where everybody expects it.
 */
#include <stdio.h>

#include "vhd.h"

#define LOCATOR_ROOM (2 * 2 * PATH_BYTES)

/* Put a header to `offset`, where nothing is, and have the footers name it. */
static int32_t header_place(struct vhd *vhd, const uint8_t *header, uint64_t offset, uint32_t disk_type)
{
	int32_t status = vmm_block_file_write(vhd->file, header, HEADER_SIZE, offset);
	if (status >= 0)
		status = vmm_block_file_sync(vhd->file);
	if (status < 0)
		return status;
	vmm_block_put_be64(vhd->footer + AT_DATA_OFFSET, offset);
	vmm_block_put_be32(vhd->footer + AT_DISK_TYPE, disk_type);
	vhd->header_offset = offset;
	return footers_write(vhd);
}

static int32_t header_replace(struct vhd *vhd, const uint8_t *header, uint32_t disk_type)
{
	uint64_t place = vhd->header_offset;
	uint64_t away = vhd->end;
	vhd->end = away + HEADER_SIZE;
	int32_t status = header_place(vhd, header, away, disk_type);
	if (status >= 0)
		status = header_place(vhd, header, place, disk_type);
	if (status < 0)
		return status;
	memcpy(vhd->header, header, HEADER_SIZE);
	vhd->end = away;
	status = vmm_block_file_write(vhd->file, vhd->footer, FOOTER_SIZE, away);
	if (status >= 0)
		status = vmm_block_file_truncate(vhd->file, away + FOOTER_SIZE);
	return status < 0 ? status : vmm_block_file_sync(vhd->file);
}

/* Have all of a block in the block itself.  Sectors that are not are zeros in a dynamic disk. */
static int32_t block_fill(struct vhd *vhd, uint32_t block)
{
	struct bitmap *bitmap;
	int32_t status = bitmap_get(vhd, block, &bitmap);
	uint64_t data = block_offset(vhd, block) + vhd->bitmap_size;
	for (uint32_t at = 0; at < vhd->sectors && status >= 0;) {
		uint32_t end = bitmap_run(bitmap->bits, at, vhd->sectors);
		if (!bitmap_bit(bitmap->bits, at) && vhd->disk_type == DISK_DIFFERENCING)
			status = vmm_block_file_zero(vhd->file, (uint64_t)(end - at) * VMM_BLOCK_SECTOR,
				data + (uint64_t)at * VMM_BLOCK_SECTOR);
		if (status >= 0)
			bitmap_set(vhd, bitmap, at, end, 1);
		at = end;
	}
	return status;
}

static int32_t blocks_fill(struct vhd *vhd)
{
	int32_t status = 0;
	for (uint32_t i = 0; i < vhd->entries && status >= 0; i++) {
		if (vhd->bat[i] == BAT_ABSENT)
			continue;
		if (vhd->bitmap_dirty > vhd->bitmap_maximum / 2)
			status = vhd_sync(vhd->image);
		if (status >= 0)
			status = block_fill(vhd, i);
	}
	return status < 0 ? status : vhd_sync(vhd->image);
}

static int32_t parent_take(struct vhd *vhd, const char *parent, struct vmm_block_image *parent_image)
{
	struct vmm_block_image *image = vhd->image;
	uint8_t header[HEADER_SIZE];
	struct locators locators;
	uint64_t place = vhd->end;
	int32_t status = 0;
	memcpy(header, vhd->header, sizeof(header));
	status = parent_encode(header, image->path, parent, parent_image, place, &locators);
	if (status < 0)
		return vmm_block_fail(image->host, status, "use a shorter, relative name",
			"the name of the parent of %.3000s is too long", image->path);
	header_seal(header);
	/* A dynamic disk's blocks hide the parent's as a whole. */
	if (vhd->disk_type == DISK_DYNAMIC)
		status = blocks_fill(vhd);
	if (status >= 0)
		status = vmm_block_file_write(vhd->file, vhd->footer, FOOTER_SIZE, place + LOCATOR_ROOM);
	if (status >= 0) {
		vhd->end = place + LOCATOR_ROOM;
		status = locators_write(vhd->file, &locators, place);
	}
	if (status >= 0)
		status = header_replace(vhd, header, DISK_DIFFERENCING);
	if (status < 0)
		return status;
	vhd->disk_type = DISK_DIFFERENCING;
	image->unit = VMM_BLOCK_SECTOR;
	snprintf(image->parent, sizeof(image->parent), "%s", parent);
	snprintf(image->variant, sizeof(image->variant), "differencing");
	return 0;
}

static int32_t parent_leave(struct vhd *vhd)
{
	struct vmm_block_image *image = vhd->image;
	uint8_t header[HEADER_SIZE];
	if (vhd->disk_type != DISK_DIFFERENCING)
		return 0;
	int32_t status = blocks_fill(vhd);
	if (status < 0)
		return status;
	memcpy(header, vhd->header, sizeof(header));
	memset(header + AT_PARENT_UUID, 0, HEADER_SIZE - AT_PARENT_UUID);
	header_seal(header);
	status = header_replace(vhd, header, DISK_DYNAMIC);
	if (status < 0)
		return status;
	vhd->disk_type = DISK_DYNAMIC;
	image->unit = vhd->block_size;
	image->parent[0] = '\0';
	snprintf(image->variant, sizeof(image->variant), "dynamic");
	return 0;
}

int32_t vhd_rebase(struct vmm_block_image *image, const char *parent, const char *parent_format,
	struct vmm_block_image *parent_image)
{
	struct vhd *vhd = vhd_of(image);
	(void)parent_format; /* there is no place for it; a VHD's parent is a VHD */
	if (vhd->disk_type == DISK_FIXED && parent == NULL)
		return 0;
	if (vhd->disk_type == DISK_FIXED)
		return vmm_block_fail(image->host, -ENOTSUP, "convert it to a dynamic disk first",
			"%.3000s is a fixed disk, which has no parent", image->path);
	if (parent_image != NULL && parent_image->format != &vmm_vhd_format)
		return vmm_block_fail(image->host, -EINVAL, "convert the parent to VHD, or the child to another format",
			"%.2000s, which is to be the parent of %.2000s, is not a VHD", parent_image->path, image->path);
	int32_t status = vhd_sync(image);
	vhd->slots_are_known = 0;
	if (status < 0)
		return status;
	return parent == NULL ? parent_leave(vhd) : parent_take(vhd, parent, parent_image);
}
