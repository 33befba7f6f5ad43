/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The dynamic disk header and the block allocation table, read and judged.
 */
#include <stdarg.h>
#include <stdio.h>

#include "vhd.h"

#define COMPLAINTS_MAXIMUM 8u

static int32_t fail_damaged(struct vhd *vhd, const char *what)
{
	return vmm_block_fail(vhd->image->host, -EINVAL,
		"take the image from a backup; if it was being copied, copy it again",
		"%.3000s is not a sound VHD image: %s", vhd->image->path, what);
}

int32_t vhd_damaged(struct vhd *vhd, const char *format, ...)
{
	/* From any thread. */
	if (__atomic_fetch_add(&vhd->complaints, 1, __ATOMIC_RELAXED) < COMPLAINTS_MAXIMUM) {
		char text[256];
		int used = snprintf(
			text, sizeof(text), "%.100s is damaged (run `vmm disk repair`): ", vhd->image->path);
		va_list arguments;
		va_start(arguments, format);
		vsnprintf(text + used, sizeof(text) - (size_t)used, format, arguments);
		va_end(arguments);
		vhd->image->host->log(vhd->image->host->context, VMM_LOG_ERROR, text);
	}
	return -EIO;
}

void header_seal(uint8_t *header)
{
	vmm_block_put_be32(header + AT_HEADER_CHECKSUM, checksum(header, HEADER_SIZE, AT_HEADER_CHECKSUM));
}

static int32_t bat_read(struct vhd *vhd, uint64_t file_length)
{
	uint64_t padded = sectors_up((uint64_t)vhd->entries * 4) / 4;
	vhd->bat = calloc(padded + 1, 4);
	vhd->bat_dirty = calloc(padded / (VMM_BLOCK_SECTOR / 4) + 1, 1);
	if (vhd->bat == NULL || vhd->bat_dirty == NULL)
		return -ENOMEM;
	memset(vhd->bat, 0xff, padded * 4);
	uint64_t length = smaller(padded * 4, file_length - vhd->table_offset);
	int32_t status = vmm_block_file_read(vhd->file, vhd->bat, length, vhd->table_offset);
	if (status < 0)
		return status;
	for (uint64_t i = 0; i < padded; i++)
		vhd->bat[i] = vmm_block_be32(&vhd->bat[i]);
	/* What is behind the last entry may be anything: it is ours to write. */
	for (uint64_t i = vhd->entries; i < padded; i++)
		vhd->bat[i] = BAT_ABSENT;
	for (uint32_t i = 0; i < vhd->entries; i++) {
		if (vhd->bat[i] != BAT_ABSENT && block_offset(vhd, i) < file_length)
			vhd->end = larger(vhd->end, block_offset(vhd, i) + slot_size(vhd));
	}
	/* Then the footer cannot be where it was found. */
	if (vhd->end > file_length)
		vhd->footer_is_away = 1;
	return 0;
}

static int32_t fields_read(struct vhd *vhd)
{
	vhd->table_offset = vmm_block_be64(vhd->header + AT_TABLE_OFFSET);
	vhd->max_entries = vmm_block_be32(vhd->header + AT_MAX_ENTRIES);
	vhd->block_size = vmm_block_be32(vhd->header + AT_BLOCK_SIZE);
	if (vmm_block_be32(vhd->header + AT_HEADER_VERSION) >> 16 != 1)
		return fail_damaged(vhd, "its dynamic disk header has an unknown version");
	if (vhd->block_size < VMM_BLOCK_SECTOR || vhd->block_size > BLOCK_MAXIMUM ||
		(vhd->block_size & (vhd->block_size - 1)) != 0)
		return fail_damaged(vhd, "its block size is no power of 2 between 512 bytes and 1 GiB");
	vhd->block_bits = (uint32_t)__builtin_ctz(vhd->block_size);
	vhd->sectors = vhd->block_size / VMM_BLOCK_SECTOR;
	vhd->bitmap_size = (uint32_t)sectors_up((vhd->sectors + 7) / 8);
	uint64_t needed = (vhd->image->length + vhd->block_size - 1) >> vhd->block_bits;
	if (needed > vhd->max_entries)
		return fail_damaged(vhd, "its block allocation table is too short for its disk");
	if (needed * 4 > BAT_MAXIMUM)
		return fail_damaged(vhd, "its block allocation table is larger than 64 MiB");
	vhd->entries = (uint32_t)needed;
	uint64_t table_length = sectors_up(needed * 4);
	if (vhd->table_offset % VMM_BLOCK_SECTOR != 0 || vhd->table_offset < FOOTER_SIZE ||
		vhd->table_offset > vhd->end || table_length > vhd->end - vhd->table_offset)
		return fail_damaged(vhd, "its block allocation table is misaligned, or behind the end of the file");
	if (vhd->table_offset < vhd->header_offset + HEADER_SIZE &&
		vhd->header_offset < vhd->table_offset + table_length)
		return fail_damaged(vhd, "its block allocation table is where its header is");
	return 0;
}

int32_t header_read(struct vhd *vhd)
{
	struct vmm_block_file_info info;
	int32_t status = vmm_block_file_info(vhd->file, &info);
	if (status < 0)
		return status;
	vhd->header_offset = vmm_block_be64(vhd->footer + AT_DATA_OFFSET);
	if (vhd->header_offset < FOOTER_SIZE || vhd->header_offset % VMM_BLOCK_SECTOR != 0 || vhd->end < HEADER_SIZE ||
		vhd->header_offset > vhd->end - HEADER_SIZE)
		return fail_damaged(vhd, "its dynamic disk header is misaligned, or behind the end of the file");
	status = vmm_block_file_read(vhd->file, vhd->header, HEADER_SIZE, vhd->header_offset);
	if (status < 0)
		return status;
	if (memcmp(vhd->header, "cxsparse", 8) != 0)
		return fail_damaged(vhd, "its dynamic disk header is missing");
	vhd->is_header_bad = checksum(vhd->header, HEADER_SIZE, AT_HEADER_CHECKSUM) !=
		vmm_block_be32(vhd->header + AT_HEADER_CHECKSUM);
	if (vhd->is_header_bad && (vhd->image->flags & VMM_BLOCK_LENIENT) == 0)
		return vmm_block_fail(vhd->image->host, -EINVAL, "run `vmm disk repair` on it",
			"%.3000s is damaged: the checksum of its dynamic disk header is wrong", vhd->image->path);
	status = fields_read(vhd);
	return status < 0 ? status : bat_read(vhd, info.length);
}
