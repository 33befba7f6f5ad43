/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Compacting: blocks that show nothing are given up, the last ones move into the gaps that are left, and the file ends
 * behind the last that remains.
 */
#include "vhd.h"

#define PIECE   (1u << 20)
#define AT_ONCE 32u /* blocks that move between two syncs */

struct compact {
	struct vhd *vhd;
	struct vmm_block_report *report;
	uint8_t *data;
};

/* Does the block say nothing that is not so without it? */
static int32_t block_is_empty(struct compact *compact, uint32_t block)
{
	struct vhd *vhd = compact->vhd;
	struct bitmap *bitmap;
	uint64_t at = block_offset(vhd, block);
	if (vhd->disk_type == DISK_DIFFERENCING) {
		int32_t status = bitmap_get(vhd, block, &bitmap);
		return status < 0 ? status : (int32_t)vmm_block_is_zero(bitmap->bits, vhd->bitmap_size);
	}
	for (uint64_t done = 0; done < vhd->block_size;) {
		uint64_t part = smaller(vhd->block_size - done, PIECE);
		uint64_t same = part;
		uint32_t is_hole = 0;
		int32_t status = vmm_block_file_holes(vhd->file, at + vhd->bitmap_size + done, part, &same, &is_hole);
		part = status < 0 || same == 0 ? part : smaller(part, same);
		if (status < 0 || !is_hole) {
			status = vmm_block_file_read(vhd->file, compact->data, part, at + vhd->bitmap_size + done);
			if (status < 0)
				return status;
			if (!vmm_block_is_zero(compact->data, part))
				return 0;
		}
		done += part;
	}
	return 1;
}

static int32_t empty_drop(struct compact *compact)
{
	struct vhd *vhd = compact->vhd;
	for (uint32_t i = 0; i < vhd->entries; i++) {
		if (compact->report->progress(compact->report, i, 2 * (uint64_t)vhd->entries) != 0)
			return -ECANCELED;
		if (vhd->bat[i] == BAT_ABSENT)
			continue;
		int32_t status = block_is_empty(compact, i);
		if (status > 0)
			status = block_drop(vhd, i);
		if (status < 0)
			return status;
	}
	return vhd_sync(vhd->image);
}

static int32_t block_copy(struct compact *compact, uint64_t from, uint64_t to)
{
	struct vhd *vhd = compact->vhd;
	int32_t status = 0;
	for (uint64_t done = 0; done < slot_size(vhd) && status >= 0;) {
		uint64_t part = smaller(slot_size(vhd) - done, PIECE);
		uint64_t same = part;
		uint32_t is_hole = 0;
		if (vmm_block_file_holes(vhd->file, from + done, part, &same, &is_hole) >= 0 && same != 0)
			part = smaller(part, same);
		if (is_hole) {
			status = vmm_block_file_zero(vhd->file, part, to + done);
		} else {
			status = vmm_block_file_read(vhd->file, compact->data, part, from + done);
			if (status >= 0)
				status = vmm_block_file_write(vhd->file, compact->data, part, to + done);
		}
		done += part;
	}
	return status;
}

struct move {
	uint32_t block;
	uint64_t to;
};

/* Some blocks: all copies are on the disk before the BAT names one. */
static int32_t moves_do(struct compact *compact, const struct move *moves, uint32_t count)
{
	struct vhd *vhd = compact->vhd;
	int32_t status = 0;
	for (uint32_t i = 0; i < count && status >= 0; i++)
		status = block_copy(compact, block_offset(vhd, moves[i].block), moves[i].to);
	if (status >= 0)
		status = vmm_block_file_sync(vhd->file);
	for (uint32_t i = 0; i < count && status >= 0; i++) {
		status = slot_free(vhd, block_offset(vhd, moves[i].block));
		bat_set(vhd, moves[i].block, (uint32_t)(moves[i].to / VMM_BLOCK_SECTOR));
	}
	return status < 0 ? status : vhd_sync(vhd->image);
}

/* The highest block into the lowest gap, and so on. */
static int32_t highest_move(struct compact *compact)
{
	struct vhd *vhd = compact->vhd;
	struct used *list;
	struct move moves[AT_ONCE];
	uint32_t count;
	uint32_t pending = 0;
	int32_t status = slots_find(vhd);
	if (status >= 0)
		status = used_list(vhd, &list, &count);
	if (status < 0)
		return status;
	/* What the moved blocks leave is higher than all gaps that are left: not for this. */
	vhd->slots_are_closed = 1;
	for (uint32_t i = count; i-- > 0 && vhd->slot_count != 0 && status >= 0;) {
		if (compact->report->progress(compact->report, (uint64_t)count - i + count, 2 * (uint64_t)count + 1) !=
			0)
			status = -ECANCELED;
		if (list[i].block == BAT_ABSENT || list[i].end > vhd->end || status < 0)
			continue;
		uint64_t gap = vhd->slots[vhd->slot_count - 1];
		if (gap > list[i].start)
			break;
		vhd->slot_count--;
		moves[pending++] = (struct move){ list[i].block, gap };
		if (pending == AT_ONCE) {
			status = moves_do(compact, moves, pending);
			pending = 0;
		}
	}
	if (status >= 0 && pending != 0)
		status = moves_do(compact, moves, pending);
	vhd->slots_are_closed = vhd->slots_are_known = 0;
	free(list);
	return status;
}

static int32_t end_cut(struct vhd *vhd)
{
	struct used *list;
	uint32_t count;
	uint64_t end = 0;
	int32_t status = used_list(vhd, &list, &count);
	if (status < 0)
		return status;
	for (uint32_t i = 0; i < count; i++)
		end = larger(end, list[i].end);
	free(list);
	if (end >= vhd->end)
		return 0;
	uint64_t old = vhd->end;
	vhd->end = end;
	/* The old footer stays until the new one is there. */
	status = vmm_block_file_write(vhd->file, vhd->footer, FOOTER_SIZE, end);
	if (status >= 0)
		status = vmm_block_file_sync(vhd->file);
	if (status < 0) {
		vhd->end = old;
		return status;
	}
	status = vmm_block_file_truncate(vhd->file, end + FOOTER_SIZE);
	return status < 0 ? status : vmm_block_file_sync(vhd->file);
}

int32_t vhd_compact(struct vmm_block_image *image, struct vmm_block_report *report)
{
	struct vhd *vhd = vhd_of(image);
	struct compact compact = { .vhd = vhd, .report = report };
	if (vhd->disk_type == DISK_FIXED)
		return vmm_block_fail(image->host, -ENOTSUP, "convert it to a dynamic disk",
			"%.3000s is a fixed disk, which cannot be made smaller", image->path);
	compact.data = aligned_alloc(4096, PIECE);
	if (compact.data == NULL)
		return -ENOMEM;
	int32_t status = vhd_sync(image);
	if (status >= 0)
		status = empty_drop(&compact);
	if (status >= 0)
		status = highest_move(&compact);
	if (status >= 0)
		status = end_cut(vhd);
	vhd->slots_are_known = 0;
	free(compact.data);
	return status;
}
