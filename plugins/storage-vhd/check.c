/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Check and repair: footers, header, BAT, bitmaps.
 */
#include "vhd.h"

#define PIECE (1u << 20)

struct check {
	struct vhd *vhd;
	struct vmm_block_report *report;
	uint8_t *data;
	uint32_t is_mending;
};

#define FOUND(CHECK, ...) ((CHECK)->report->found((CHECK)->report, __VA_ARGS__))

static int32_t footers_check(struct check *check)
{
	struct vhd *vhd = check->vhd;
	uint32_t wanted = 0;
	if (vhd->is_footer_bad)
		wanted |= FOUND(check, VMM_BLOCK_DAMAGE, 1, "it is written anew",
			"the footer at the end is missing or its checksum is wrong");
	else if (vhd->is_footer_old)
		wanted |= FOUND(check, VMM_BLOCK_NOTE, 1, "one of 512 bytes is written",
			"the footer has 511 bytes, as programs before 2004 wrote it");
	if (vhd->is_copy_bad)
		wanted |= FOUND(check, VMM_BLOCK_DAMAGE, 1, "it is written anew",
			"the copy of the footer at the beginning is missing or its checksum is wrong");
	else if (vhd->is_different)
		wanted |= FOUND(check, VMM_BLOCK_DAMAGE, 1, "the copy is made like the footer",
			"the footer and its copy at the beginning differ");
	if (!wanted)
		return 0;
	int32_t status = footers_write(vhd);
	if (status >= 0)
		vhd->is_footer_bad = vhd->is_footer_old = vhd->is_copy_bad = vhd->is_different = 0;
	return status;
}

static int32_t header_check(struct check *check)
{
	struct vhd *vhd = check->vhd;
	if (!vhd->is_header_bad ||
		!FOUND(check, VMM_BLOCK_DAMAGE, 1, "it is computed anew",
			"the checksum of the dynamic disk header is wrong"))
		return 0;
	header_seal(vhd->header);
	int32_t status = vmm_block_file_write(vhd->file, vhd->header, VMM_BLOCK_SECTOR, vhd->header_offset);
	if (status >= 0)
		status = vmm_block_file_sync(vhd->file);
	vhd->is_header_bad = status < 0;
	return status;
}

/* Entries that name what is no block. */
static void entries_check(struct check *check)
{
	struct vhd *vhd = check->vhd;
	for (uint32_t i = 0; i < vhd->entries; i++) {
		if (vhd->bat[i] == BAT_ABSENT || block_offset(vhd, i) + slot_size(vhd) <= vhd->end)
			continue;
		if (!FOUND(check, VMM_BLOCK_DAMAGE, 1,
			    "the entry is emptied: its part of the disk then reads as if never written",
			    "block %u is said to be at %llu, behind the end of the file", i,
			    (unsigned long long)block_offset(vhd, i)))
			continue;
		bat_set(vhd, i, BAT_ABSENT);
		check->is_mending = 1;
	}
}

/* A block that shares room with something else gets room of its own, with what is there now. */
static int32_t block_part(struct check *check, uint32_t block)
{
	struct vhd *vhd = check->vhd;
	uint64_t slot;
	/* Only at the end: where the gaps are is not certain yet. */
	vhd->slots_are_known = 1;
	vhd->slot_count = 0;
	int32_t status = slot_take(vhd, &slot);
	for (uint64_t done = 0; done < slot_size(vhd) && status >= 0; done += PIECE) {
		uint64_t part = smaller(slot_size(vhd) - done, PIECE);
		status = vmm_block_file_read(vhd->file, check->data, part, block_offset(vhd, block) + done);
		if (status >= 0)
			status = vmm_block_file_write(vhd->file, check->data, part, slot + done);
	}
	vhd->slots_are_known = 0;
	if (status < 0)
		return status;
	bitmap_forget(vhd, block);
	bat_set(vhd, block, (uint32_t)(slot / VMM_BLOCK_SECTOR));
	return 0;
}

/* The image's own tables come first: a block that is over one is none. */
static int32_t tables_check(struct check *check)
{
	struct vhd *vhd = check->vhd;
	struct used *list;
	uint32_t count;
	uint32_t tables = 0;
	int32_t status = used_list(vhd, &list, &count);
	if (status < 0)
		return status;
	for (uint32_t i = 0; i < count; i++) {
		if (list[i].block != BAT_ABSENT)
			continue;
		if (tables != 0 && list[i].start < list[tables - 1].end)
			FOUND(check, VMM_BLOCK_DAMAGE, 0, NULL, "two tables overlap at %llu",
				(unsigned long long)list[i].start);
		list[tables++] = list[i];
	}
	for (uint32_t i = 0; i < vhd->entries; i++) {
		uint64_t start = block_offset(vhd, i);
		uint32_t is_over = 0;
		if (vhd->bat[i] == BAT_ABSENT)
			continue;
		for (uint32_t k = 0; k < tables; k++)
			is_over |= start < list[k].end && list[k].start < start + slot_size(vhd);
		if (!is_over ||
			!FOUND(check, VMM_BLOCK_DAMAGE, 1,
				"the entry is emptied: its part of the disk then reads as if never written",
				"block %u is said to be at %llu, where a table is", i, (unsigned long long)start))
			continue;
		bat_set(vhd, i, BAT_ABSENT);
		check->is_mending = 1;
	}
	free(list);
	return 0;
}

static int32_t overlaps_check(struct check *check)
{
	struct vhd *vhd = check->vhd;
	struct used *list;
	uint32_t count;
	uint32_t other = BAT_ABSENT; /* the block that reaches to `end` */
	uint64_t end = 0;
	uint64_t unused = 0;
	int32_t status = used_list(vhd, &list, &count);
	if (status < 0)
		return status;
	for (uint32_t i = 0; i < count && status >= 0; i++) {
		const struct used *now = &list[i];
		if (now->start >= end) {
			unused += now->start - end;
		} else if (now->block != BAT_ABSENT && other != BAT_ABSENT &&
			FOUND(check, VMM_BLOCK_DAMAGE, 1, "each gets a copy of what is there now",
				"blocks %u and %u overlap at %llu", other, now->block,
				(unsigned long long)now->start)) {
			status = block_part(check, now->block);
			check->is_mending = 1;
			continue;
		}
		if (now->end > end) {
			end = now->end;
			other = now->block;
		}
	}
	free(list);
	if (vhd->end > end)
		unused += vhd->end - end;
	if (status >= 0 && unused >= slot_size(vhd))
		FOUND(check, VMM_BLOCK_NOTE, 0, NULL,
			"%llu bytes between blocks are not used: `vmm disk compact` gives them back",
			(unsigned long long)unused);
	return status;
}

/* Programs that mind the bits of dynamic disks do not see sectors whose bits are clear. */
static int32_t bits_check(struct check *check, uint32_t block)
{
	struct vhd *vhd = check->vhd;
	struct bitmap *bitmap;
	uint64_t data = block_offset(vhd, block) + vhd->bitmap_size;
	uint32_t hidden = 0;
	uint32_t clear = 0;
	int32_t status = bitmap_get(vhd, block, &bitmap);
	for (uint32_t at = 0; at < vhd->sectors && status >= 0;) {
		uint32_t end = bitmap_run(bitmap->bits, at, vhd->sectors);
		if (!bitmap_bit(bitmap->bits, at)) {
			end = (uint32_t)smaller(end, at + PIECE / VMM_BLOCK_SECTOR);
			uint64_t part = (uint64_t)(end - at) * VMM_BLOCK_SECTOR;
			status = vmm_block_file_read(
				vhd->file, check->data, part, data + (uint64_t)at * VMM_BLOCK_SECTOR);
			clear += end - at;
			hidden += status >= 0 && !vmm_block_is_zero(check->data, part);
		}
		at = end;
	}
	if (status < 0 || clear == 0)
		return status;
	if (!FOUND(check, hidden != 0 ? VMM_BLOCK_DAMAGE : VMM_BLOCK_NOTE, 1, "the bits are set",
		    "%u sectors of block %u, %s, are marked as never written, which a dynamic disk's should not be",
		    clear, block, hidden != 0 ? "with data" : "all zeros"))
		return 0;
	bitmap_set(vhd, bitmap, 0, vhd->sectors, 1);
	check->is_mending = 1;
	return 0;
}

static int32_t bitmaps_check(struct check *check)
{
	struct vhd *vhd = check->vhd;
	int32_t status = 0;
	for (uint32_t i = 0; i < vhd->entries && status >= 0; i++) {
		if (check->report->progress(check->report, i, vhd->entries) != 0)
			return -ECANCELED;
		if (vhd->bat[i] == BAT_ABSENT || block_offset(vhd, i) + slot_size(vhd) > vhd->end)
			continue;
		if (vhd->bitmap_dirty > vhd->bitmap_maximum / 2)
			status = vhd_sync(vhd->image);
		if (status >= 0)
			status = bits_check(check, i);
	}
	return status;
}

int32_t vhd_check(struct vmm_block_image *image, struct vmm_block_report *report)
{
	struct vhd *vhd = vhd_of(image);
	struct check check = { .vhd = vhd, .report = report };
	int32_t status = vhd_sync(image);
	if (status >= 0)
		status = footers_check(&check);
	if (status < 0 || vhd->disk_type == DISK_FIXED)
		return status;
	check.data = malloc(PIECE);
	if (check.data == NULL)
		return -ENOMEM;
	status = header_check(&check);
	if (status >= 0) {
		entries_check(&check);
		status = tables_check(&check);
	}
	if (status >= 0)
		status = overlaps_check(&check);
	if (status >= 0 && vhd->disk_type == DISK_DYNAMIC)
		status = bitmaps_check(&check);
	/* Also what was mended before it had to be given up. */
	if (check.is_mending) {
		int32_t synced = vhd_sync(image);
		status = status < 0 ? status : synced;
		vhd->slots_are_known = 0;
	}
	free(check.data);
	return status;
}
