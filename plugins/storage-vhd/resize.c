/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Another length.  The footers tell it, so they change when what they promise is on the disk.
 */
#include "vhd.h"

static int32_t fixed_resize(struct vhd *vhd, uint64_t length)
{
	uint64_t old = vhd->image->length;
	uint64_t old_end = vhd->end;
	int32_t status = 0;
	footer_length_set(vhd->footer, length);
	/* Shrinking: the new footer's place is the disk's until the old one says that it is not. */
	if (length < old)
		status = footers_write(vhd);
	vhd->end = length;
	/* Growing: the old footer is where data are, once the new one is there. */
	if (status >= 0)
		status = footers_write(vhd);
	if (status >= 0 && length > old)
		status = vmm_block_file_zero(vhd->file, smaller(length, old_end + FOOTER_SIZE) - old, old);
	if (status >= 0 && length < old)
		status = vmm_block_file_truncate(vhd->file, length + FOOTER_SIZE);
	return status < 0 ? status : vmm_block_file_sync(vhd->file);
}

/* What is behind the end in the last block is not to be seen when the disk is longer again. */
static int32_t tail_clear(struct vhd *vhd, uint64_t length)
{
	uint32_t block = (uint32_t)(length >> vhd->block_bits);
	uint64_t inside = length & (vhd->block_size - 1);
	struct bitmap *bitmap;
	if (inside == 0 || block >= vhd->entries || vhd->bat[block] == BAT_ABSENT)
		return 0;
	if (vhd->disk_type == DISK_DYNAMIC)
		return vmm_block_file_zero(
			vhd->file, vhd->block_size - inside, block_offset(vhd, block) + vhd->bitmap_size + inside);
	int32_t status = bitmap_get(vhd, block, &bitmap);
	if (status >= 0)
		bitmap_set(vhd, bitmap, (uint32_t)(inside / VMM_BLOCK_SECTOR), vhd->sectors, 0);
	return status;
}

/* A longer BAT, behind the last block. */
static int32_t table_move(struct vhd *vhd)
{
	uint64_t length = sectors_up((uint64_t)vhd->entries * 4);
	uint8_t *data = malloc(length);
	if (data == NULL)
		return -ENOMEM;
	for (uint64_t i = 0; i < length / 4; i++)
		vmm_block_put_be32(data + i * 4, vhd->bat[i]);
	uint64_t place = vhd->end;
	int32_t status = vmm_block_file_write(vhd->file, vhd->footer, FOOTER_SIZE, place + length);
	if (status >= 0)
		vhd->end = place + length;
	if (status >= 0)
		status = vmm_block_file_write(vhd->file, data, length, place);
	if (status >= 0)
		status = vmm_block_file_sync(vhd->file);
	free(data);
	if (status < 0)
		return status;
	vhd->table_offset = place;
	vhd->max_entries = vhd->entries;
	vmm_block_put_be64(vhd->header + AT_TABLE_OFFSET, place);
	vmm_block_put_be32(vhd->header + AT_MAX_ENTRIES, vhd->max_entries);
	header_seal(vhd->header);
	/* These fields and the checksum are in its first sector. */
	status = vmm_block_file_write(vhd->file, vhd->header, VMM_BLOCK_SECTOR, vhd->header_offset);
	return status < 0 ? status : vmm_block_file_sync(vhd->file);
}

static int32_t entries_add(struct vhd *vhd, uint32_t entries)
{
	uint64_t padded = sectors_up((uint64_t)entries * 4) / 4;
	uint64_t sectors = padded / (VMM_BLOCK_SECTOR / 4);
	uint32_t *bat = malloc((padded + 1) * 4);
	uint8_t *dirty = calloc(sectors + 1, 1);
	uint32_t old = vhd->entries;
	if (bat == NULL || dirty == NULL) {
		free(bat);
		free(dirty);
		return -ENOMEM;
	}
	memset(bat, 0xff, (padded + 1) * 4);
	memcpy(bat, vhd->bat, (size_t)old * 4);
	free(vhd->bat);
	free(vhd->bat_dirty);
	vhd->bat = bat;
	vhd->bat_dirty = dirty;
	vhd->entries = entries;
	if (entries > vhd->max_entries)
		return table_move(vhd);
	/* There is room in the table, with who knows what. */
	memset(dirty + old / (VMM_BLOCK_SECTOR / 4), 1, sectors - old / (VMM_BLOCK_SECTOR / 4));
	vhd->bat_is_dirty = 1;
	return 0;
}

static int32_t grow(struct vhd *vhd, uint64_t length)
{
	uint64_t entries = (length + vhd->block_size - 1) >> vhd->block_bits;
	/* What sync has to write goes to the old table. */
	int32_t status = vhd_sync(vhd->image);
	if (entries * 4 > BAT_MAXIMUM)
		return -EFBIG;
	if (status >= 0)
		status = tail_clear(vhd, vhd->image->length);
	if (status >= 0 && entries > vhd->entries)
		status = entries_add(vhd, (uint32_t)entries);
	if (status >= 0)
		status = vhd_sync(vhd->image);
	if (status < 0)
		return status;
	vhd->slots_are_known = 0;
	footer_length_set(vhd->footer, length);
	return footers_write(vhd);
}

static int32_t shrink(struct vhd *vhd, uint64_t length)
{
	uint32_t entries = (uint32_t)((length + vhd->block_size - 1) >> vhd->block_bits);
	int32_t status = vhd_sync(vhd->image);
	/* Until the disk is shorter all of it is to be seen. */
	if (status >= 0) {
		footer_length_set(vhd->footer, length);
		status = footers_write(vhd);
	}
	if (status >= 0)
		status = tail_clear(vhd, length);
	for (uint32_t i = entries; i < vhd->entries && status >= 0; i++) {
		if (vhd->bat[i] != BAT_ABSENT)
			status = block_drop(vhd, i);
	}
	if (status >= 0)
		status = vhd_sync(vhd->image);
	if (status >= 0)
		vhd->entries = entries;
	vhd->slots_are_known = 0;
	return status;
}

int32_t vhd_resize(struct vmm_block_image *image, uint64_t length)
{
	struct vhd *vhd = vhd_of(image);
	int32_t status;
	if (length > LENGTH_LIMIT)
		return vmm_block_fail(image->host, -EFBIG, "use a smaller size, or convert it to another format",
			"%.3000s cannot have %llu bytes: a VHD has at most 2040 GiB", image->path,
			(unsigned long long)length);
	if (vhd->disk_type == DISK_FIXED)
		status = fixed_resize(vhd, length);
	else
		status = length > image->length ? grow(vhd, length) : shrink(vhd, length);
	if (status >= 0)
		image->length = length;
	return status;
}
