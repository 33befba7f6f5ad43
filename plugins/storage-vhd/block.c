/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Where the bytes of a disk are, and room for more.
 *
 * A dynamic disk's unit is the block.  A differencing disk's is the sector: a block is given room with all its bits
 * clear, which shows the parent as before, and then bits are set as data come.
 */
#include "vhd.h"

static uint32_t meets(uint64_t a, uint64_t a_length, uint64_t b, uint64_t b_length)
{
	return a < b + b_length && b < a + a_length;
}

/* A block that the BAT names: is it in the file, and no table? */
static int32_t block_judge(struct vhd *vhd, uint32_t block)
{
	uint64_t offset = block_offset(vhd, block);
	uint64_t size = slot_size(vhd);
	if (offset + size <= vhd->end && !meets(offset, size, 0, FOOTER_SIZE) &&
		!meets(offset, size, vhd->header_offset, HEADER_SIZE) &&
		!meets(offset, size, vhd->table_offset, (uint64_t)vhd->entries * 4))
		return 0;
	return vhd_damaged(vhd, "block %u is said to be at %llu, %s", block, (unsigned long long)offset,
		offset + size > vhd->end ? "behind the end of the file" : "where a table is");
}

static uint32_t block_of(const struct vhd *vhd, uint64_t offset)
{
	return (uint32_t)(offset >> vhd->block_bits);
}

static uint32_t sector_of(const struct vhd *vhd, uint64_t offset)
{
	return (uint32_t)(offset & (vhd->block_size - 1)) / VMM_BLOCK_SECTOR;
}

/* How far from `offset` on the BAT names nothing. */
static uint64_t gap_end(const struct vhd *vhd, uint64_t offset, uint64_t end)
{
	uint32_t block = block_of(vhd, offset);
	while (block < vhd->entries && vhd->bat[block] == BAT_ABSENT && (uint64_t)block << vhd->block_bits < end)
		block++;
	return smaller(end, (uint64_t)block << vhd->block_bits);
}

static void data_extent(
	const struct vhd *vhd, uint64_t offset, uint64_t length, uint64_t slot, struct vmm_block_extent *extent)
{
	uint64_t inside = offset & (vhd->block_size - 1);
	*extent = (struct vmm_block_extent){
		.kind = VMM_BLOCK_DATA,
		.file = vhd->file,
		.offset = slot + vhd->bitmap_size + inside,
		.length = smaller(length, vhd->block_size - inside),
		.token = slot,
	};
}

static int32_t differencing_map(struct vhd *vhd, uint64_t offset, uint64_t length, struct vmm_block_extent *extent)
{
	uint32_t block = block_of(vhd, offset);
	uint32_t first = sector_of(vhd, offset);
	struct bitmap *bitmap;
	data_extent(vhd, offset, length, block_offset(vhd, block), extent);
	uint32_t last = first + (uint32_t)(extent->length / VMM_BLOCK_SECTOR);
	int32_t status = bitmap_get(vhd, block, &bitmap);
	if (status < 0)
		return status;
	uint32_t end = bitmap_run(bitmap->bits, first, last);
	extent->length = (uint64_t)(end - first) * VMM_BLOCK_SECTOR;
	if (!bitmap_bit(bitmap->bits, first))
		extent->kind = VMM_BLOCK_ABSENT;
	return 0;
}

int32_t vhd_map(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent)
{
	struct vhd *vhd = vhd_of(image);
	if (vhd->disk_type == DISK_FIXED) {
		*extent = (struct vmm_block_extent){ VMM_BLOCK_DATA, 0, vhd->file, offset, length, 0 };
		return 0;
	}
	uint32_t block = block_of(vhd, offset);
	if (vhd->bat[block] == BAT_ABSENT) {
		*extent = (struct vmm_block_extent){ .kind = VMM_BLOCK_ABSENT };
		extent->length = gap_end(vhd, offset, offset + length) - offset;
		return 0;
	}
	int32_t status = block_judge(vhd, block);
	if (status < 0)
		return status;
	if (vhd->disk_type == DISK_DYNAMIC) {
		/* The bits of a dynamic disk only say what was ever written: the rest of the block has zeros. */
		data_extent(vhd, offset, length, block_offset(vhd, block), extent);
		return 0;
	}
	pthread_mutex_lock(&vhd->mutex);
	status = differencing_map(vhd, offset, length, extent);
	pthread_mutex_unlock(&vhd->mutex);
	return status;
}

void bat_set(struct vhd *vhd, uint32_t block, uint32_t sector)
{
	vhd->bat[block] = sector;
	vhd->bat_dirty[block / (VMM_BLOCK_SECTOR / 4)] = 1;
	vhd->bat_is_dirty = 1;
}

static int32_t make_room(struct vhd *vhd)
{
	if (vhd->bitmap_dirty <= vhd->bitmap_maximum / 2 && vhd->freed_count < 65536)
		return 0;
	return vhd_sync(vhd->image);
}

/* A block of a differencing disk, with no sector of its own yet. */
static int32_t block_add(struct vhd *vhd, uint32_t block)
{
	struct bitmap *bitmap;
	uint64_t slot;
	int32_t status = slot_take(vhd, &slot);
	if (status < 0)
		return status;
	status = bitmap_new(vhd, block, &bitmap);
	if (status < 0) {
		slot_return(vhd, slot);
		return status;
	}
	bat_set(vhd, block, (uint32_t)(slot / VMM_BLOCK_SECTOR));
	return 0;
}

int32_t vhd_allocate(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent)
{
	struct vhd *vhd = vhd_of(image);
	uint32_t block = block_of(vhd, offset);
	uint64_t slot;
	int32_t status = make_room(vhd);
	if (status < 0)
		return status;
	if (vhd->bat[block] != BAT_ABSENT) {
		status = block_judge(vhd, block);
		slot = block_offset(vhd, block);
	} else if (vhd->disk_type == DISK_DIFFERENCING) {
		status = block_add(vhd, block);
		slot = block_offset(vhd, block);
	} else {
		status = slot_take(vhd, &slot);
	}
	if (status < 0)
		return status;
	data_extent(vhd, offset, length, slot, extent);
	return 0;
}

static int32_t bits_set(struct vhd *vhd, uint64_t offset, uint64_t length)
{
	struct bitmap *bitmap;
	int32_t status = bitmap_get(vhd, block_of(vhd, offset), &bitmap);
	if (status < 0)
		return status;
	uint32_t first = sector_of(vhd, offset);
	bitmap_set(vhd, bitmap, first, first + (uint32_t)(length / VMM_BLOCK_SECTOR), 1);
	return 0;
}

int32_t vhd_commit(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent)
{
	struct vhd *vhd = vhd_of(image);
	uint32_t block = block_of(vhd, offset);
	if (vhd->disk_type == DISK_DIFFERENCING)
		return bits_set(vhd, offset, length);
	if (vhd->bat[block] != BAT_ABSENT)
		return 0;
	uint8_t *bits = malloc(vhd->bitmap_size);
	if (bits == NULL)
		return -ENOMEM;
	/* Who minds the bits is to find all of the block's data. */
	memset(bits, 0xff, vhd->bitmap_size);
	int32_t status = vmm_block_file_write(vhd->file, bits, vhd->bitmap_size, extent->token);
	free(bits);
	if (status >= 0)
		bat_set(vhd, block, (uint32_t)(extent->token / VMM_BLOCK_SECTOR));
	return status;
}

void vhd_abandon(struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent)
{
	struct vhd *vhd = vhd_of(image);
	(void)length;
	/* A differencing disk's block stays, with its bits clear. */
	if (vhd->disk_type == DISK_DYNAMIC && vhd->bat[block_of(vhd, offset)] == BAT_ABSENT)
		slot_return(vhd, extent->token);
}

int32_t block_drop(struct vhd *vhd, uint32_t block)
{
	/* Where a damaged entry leads may be anything. */
	int32_t status = block_judge(vhd, block) < 0 ? 0 : slot_free(vhd, block_offset(vhd, block));
	if (status < 0)
		return status;
	pthread_mutex_lock(&vhd->mutex);
	bitmap_forget(vhd, block);
	pthread_mutex_unlock(&vhd->mutex);
	bat_set(vhd, block, BAT_ABSENT);
	return 0;
}

/* A part of one block. */
static int32_t block_zero(struct vhd *vhd, uint64_t offset, uint64_t length, uint32_t discard)
{
	struct vmm_block_image *image = vhd->image;
	uint32_t block = block_of(vhd, offset);
	uint32_t is_dynamic = vhd->disk_type == DISK_DYNAMIC;
	int32_t status = 0;
	if (vhd->bat[block] == BAT_ABSENT) {
		/* It is zeros, if nothing can be seen through it. */
		if (is_dynamic || image->parent_image == NULL || image->parent_image->length <= offset)
			return is_dynamic || (image->flags & VMM_BLOCK_LONELY) == 0 ? 0 : -EOPNOTSUPP;
		status = block_add(vhd, block);
	} else {
		status = block_judge(vhd, block);
	}
	if (status < 0)
		return status;
	if (is_dynamic && discard)
		return block_drop(vhd, block);
	uint64_t at = block_offset(vhd, block) + vhd->bitmap_size + (offset & (vhd->block_size - 1));
	status = vmm_block_file_zero(vhd->file, length, at);
	if (status >= 0 && !is_dynamic)
		status = bits_set(vhd, offset, length);
	return status;
}

int32_t vhd_zero(struct vmm_block_image *image, uint64_t offset, uint64_t length, uint32_t discard)
{
	struct vhd *vhd = vhd_of(image);
	int32_t status = 0;
	while (length > 0 && status >= 0) {
		uint64_t piece = smaller(length, vhd->block_size - (offset & (vhd->block_size - 1)));
		status = make_room(vhd);
		if (status >= 0)
			status = block_zero(vhd, offset, piece, discard);
		offset += piece;
		length -= piece;
	}
	return status;
}
