/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Sector bitmaps of a differencing disk in memory: a bounded number of them.  What is dirty stays until it is written.
 */
#include "vhd.h"

#define BITMAP_BYTES   (16u << 20)
#define BITMAP_MINIMUM 16u

int32_t bitmap_init(struct vhd *vhd)
{
	vhd->bitmap_maximum = (uint32_t)larger(BITMAP_BYTES / vhd->bitmap_size, BITMAP_MINIMUM);
	vhd->bucket_count = 64;
	while (vhd->bucket_count < vhd->bitmap_maximum && vhd->bucket_count < vhd->entries)
		vhd->bucket_count *= 2;
	vhd->buckets = calloc(vhd->bucket_count, sizeof(struct bitmap *));
	return vhd->buckets == NULL ? -ENOMEM : 0;
}

static struct bitmap **bucket_of(const struct vhd *vhd, uint32_t block)
{
	return &vhd->buckets[block & (vhd->bucket_count - 1)];
}

static void order_remove(struct vhd *vhd, struct bitmap *bitmap)
{
	if (bitmap->newer != NULL)
		bitmap->newer->older = bitmap->older;
	else
		vhd->newest = bitmap->older;
	if (bitmap->older != NULL)
		bitmap->older->newer = bitmap->newer;
	else
		vhd->oldest = bitmap->newer;
}

static void order_add(struct vhd *vhd, struct bitmap *bitmap)
{
	bitmap->newer = NULL;
	bitmap->older = vhd->newest;
	if (vhd->newest != NULL)
		vhd->newest->newer = bitmap;
	else
		vhd->oldest = bitmap;
	vhd->newest = bitmap;
}

static void bitmap_drop(struct vhd *vhd, struct bitmap *bitmap)
{
	struct bitmap **at = bucket_of(vhd, bitmap->block);
	while (*at != bitmap)
		at = &(*at)->hash_next;
	*at = bitmap->hash_next;
	order_remove(vhd, bitmap);
	vhd->bitmap_count--;
	if (bitmap->is_dirty)
		vhd->bitmap_dirty--;
	free(bitmap);
}

void bitmap_free(struct vhd *vhd)
{
	while (vhd->newest != NULL)
		bitmap_drop(vhd, vhd->newest);
	free(vhd->buckets);
	vhd->buckets = NULL;
}

static struct bitmap *bitmap_find(const struct vhd *vhd, uint32_t block)
{
	struct bitmap *bitmap = vhd->buckets == NULL ? NULL : *bucket_of(vhd, block);
	while (bitmap != NULL && bitmap->block != block)
		bitmap = bitmap->hash_next;
	return bitmap;
}

void bitmap_forget(struct vhd *vhd, uint32_t block)
{
	struct bitmap *bitmap = bitmap_find(vhd, block);
	if (bitmap != NULL)
		bitmap_drop(vhd, bitmap);
}

static struct bitmap *bitmap_add(struct vhd *vhd, uint32_t block)
{
	struct bitmap *old = vhd->oldest;
	while (vhd->bitmap_count >= vhd->bitmap_maximum && old != NULL) {
		struct bitmap *next = old->newer;
		if (!old->is_dirty)
			bitmap_drop(vhd, old);
		old = next;
	}
	struct bitmap *bitmap = calloc(1, sizeof(*bitmap) + vhd->bitmap_size);
	if (bitmap == NULL)
		return NULL;
	bitmap->block = block;
	bitmap->hash_next = *bucket_of(vhd, block);
	*bucket_of(vhd, block) = bitmap;
	order_add(vhd, bitmap);
	vhd->bitmap_count++;
	return bitmap;
}

int32_t bitmap_get(struct vhd *vhd, uint32_t block, struct bitmap **result)
{
	struct bitmap *bitmap = bitmap_find(vhd, block);
	if (bitmap != NULL) {
		if (bitmap != vhd->newest) {
			order_remove(vhd, bitmap);
			order_add(vhd, bitmap);
		}
		*result = bitmap;
		return 0;
	}
	bitmap = bitmap_add(vhd, block);
	if (bitmap == NULL)
		return -ENOMEM;
	int32_t status = vmm_block_file_read(vhd->file, bitmap->bits, vhd->bitmap_size, block_offset(vhd, block));
	if (status < 0) {
		bitmap_drop(vhd, bitmap);
		return status;
	}
	*result = bitmap;
	return 0;
}

/* That of a block that was just given room: all clear. */
int32_t bitmap_new(struct vhd *vhd, uint32_t block, struct bitmap **result)
{
	bitmap_forget(vhd, block);
	struct bitmap *bitmap = bitmap_add(vhd, block);
	if (bitmap == NULL)
		return -ENOMEM;
	bitmap->is_fresh = 1;
	bitmap->is_dirty = 1;
	vhd->bitmap_dirty++;
	*result = bitmap;
	return 0;
}

uint32_t bitmap_bit(const uint8_t *bits, uint32_t sector)
{
	return (bits[sector / 8] >> (7 - sector % 8)) & 1;
}

uint32_t bitmap_run(const uint8_t *bits, uint32_t sector, uint32_t end)
{
	uint32_t value = bitmap_bit(bits, sector);
	uint8_t whole = value ? 0xff : 0;
	while (sector < end && bitmap_bit(bits, sector) == value) {
		if (sector % 8 == 0 && end - sector >= 8 && bits[sector / 8] == whole)
			sector += 8;
		else
			sector++;
	}
	return sector;
}

void bitmap_set(struct vhd *vhd, struct bitmap *bitmap, uint32_t sector, uint32_t end, uint32_t value)
{
	uint32_t is_changed = 0;
	for (; sector < end; sector++) {
		if (bitmap_bit(bitmap->bits, sector) == value)
			continue;
		bitmap->bits[sector / 8] ^= (uint8_t)(0x80 >> sector % 8);
		is_changed = 1;
	}
	if (is_changed && !bitmap->is_dirty) {
		bitmap->is_dirty = 1;
		vhd->bitmap_dirty++;
	}
}

int32_t bitmap_write(struct vhd *vhd, uint32_t is_fresh)
{
	struct bitmap **list = NULL;
	uint32_t count = 0;
	int32_t status = 0;
	/* Dirty ones stay, and only mutators change them; but map moves others about in the list. */
	pthread_mutex_lock(&vhd->mutex);
	if (vhd->bitmap_dirty != 0) {
		list = malloc(vhd->bitmap_dirty * sizeof(struct bitmap *));
		if (list == NULL)
			status = -ENOMEM;
	}
	for (struct bitmap *bitmap = vhd->oldest; list != NULL && bitmap != NULL; bitmap = bitmap->newer) {
		if (bitmap->is_dirty && bitmap->is_fresh == is_fresh)
			list[count++] = bitmap;
	}
	pthread_mutex_unlock(&vhd->mutex);
	for (uint32_t i = 0; i < count && status >= 0; i++)
		status = vmm_block_file_write(
			vhd->file, list[i]->bits, vhd->bitmap_size, block_offset(vhd, list[i]->block));
	free(list);
	return status;
}

void bitmap_clean(struct vhd *vhd, uint32_t is_fresh)
{
	pthread_mutex_lock(&vhd->mutex);
	for (struct bitmap *bitmap = vhd->oldest; bitmap != NULL; bitmap = bitmap->newer) {
		if (!bitmap->is_dirty || bitmap->is_fresh != is_fresh)
			continue;
		bitmap->is_dirty = 0;
		bitmap->is_fresh = 0;
		vhd->bitmap_dirty--;
	}
	pthread_mutex_unlock(&vhd->mutex);
}
