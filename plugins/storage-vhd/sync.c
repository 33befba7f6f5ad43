/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What changed in memory goes to the disk, in the order that vhd.h gives reasons for.
 */
#include "vhd.h"

#define SECTOR_ENTRIES  (VMM_BLOCK_SECTOR / 4)
#define SECTORS_AT_ONCE 64u

static int32_t bat_write(struct vhd *vhd)
{
	uint8_t buffer[SECTORS_AT_ONCE * VMM_BLOCK_SECTOR];
	uint32_t sectors = (vhd->entries + SECTOR_ENTRIES - 1) / SECTOR_ENTRIES;
	for (uint32_t i = 0; i < sectors;) {
		uint32_t count = 0;
		while (i + count < sectors && count < SECTORS_AT_ONCE && vhd->bat_dirty[i + count])
			count++;
		if (count == 0) {
			i++;
			continue;
		}
		for (uint32_t k = 0; k < count * SECTOR_ENTRIES; k++)
			vmm_block_put_be32(buffer + (size_t)k * 4, vhd->bat[i * SECTOR_ENTRIES + k]);
		int32_t status = vmm_block_file_write(vhd->file, buffer, (uint64_t)count * VMM_BLOCK_SECTOR,
			vhd->table_offset + (uint64_t)i * VMM_BLOCK_SECTOR);
		if (status < 0)
			return status;
		i += count;
	}
	return 0;
}

int32_t vhd_sync(struct vmm_block_image *image)
{
	struct vhd *vhd = vhd_of(image);
	int32_t status = 0;
	if (vhd->disk_type == DISK_FIXED)
		return vmm_block_file_sync(vhd->file);
	if (vhd->footer_is_away && (image->flags & VMM_BLOCK_READONLY) == 0) {
		status = vmm_block_file_write(vhd->file, vhd->footer, FOOTER_SIZE, vhd->end);
		vhd->footer_is_away = status < 0;
	}
	if (status >= 0)
		status = bitmap_write(vhd, 1);
	if (status >= 0)
		status = vmm_block_file_sync(vhd->file);
	if (status < 0)
		return status;
	bitmap_clean(vhd, 1);
	uint32_t is_more = vhd->bat_is_dirty || vhd->bitmap_dirty != 0;
	if (vhd->bat_is_dirty)
		status = bat_write(vhd);
	if (status >= 0)
		status = bitmap_write(vhd, 0);
	if (status >= 0 && is_more)
		status = vmm_block_file_sync(vhd->file);
	if (status < 0)
		return status;
	bitmap_clean(vhd, 0);
	if (vhd->bat_is_dirty)
		memset(vhd->bat_dirty, 0, (vhd->entries + SECTOR_ENTRIES - 1) / SECTOR_ENTRIES);
	vhd->bat_is_dirty = 0;
	slots_freed(vhd);
	return 0;
}

/* Each is one sector, and sound by itself. */
int32_t footers_write(struct vhd *vhd)
{
	footer_seal(vhd->footer);
	int32_t status = vmm_block_file_write(vhd->file, vhd->footer, FOOTER_SIZE, vhd->end);
	if (status >= 0)
		status = vmm_block_file_sync(vhd->file);
	if (status >= 0 && vhd->disk_type != DISK_FIXED) {
		status = vmm_block_file_write(vhd->file, vhd->footer, FOOTER_SIZE, 0);
		if (status >= 0)
			status = vmm_block_file_sync(vhd->file);
	}
	vhd->footer_is_away = status < 0;
	return status;
}
