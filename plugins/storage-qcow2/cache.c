/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * L2 tables and refcount blocks in memory: a bounded number, of which the least recently used goes first.  What is
 * dirty stays until sync has it on the disk.
 */
#include "qcow2.h"

#define CACHE_BYTES   (32u << 20)
#define CACHE_MINIMUM 16u
#define SECTOR_MASK   511u
#define WRITE_GRAIN   4096u /* a page: the host need not read before it writes */

int32_t cache_init(struct cache *cache, uint32_t cluster_size)
{
	cache->maximum = (uint32_t)larger(CACHE_BYTES / cluster_size, CACHE_MINIMUM);
	cache->bucket_count = 64;
	while (cache->bucket_count < cache->maximum)
		cache->bucket_count *= 2;
	cache->buckets = calloc(cache->bucket_count, sizeof(struct table *));
	return cache->buckets == NULL ? -ENOMEM : 0;
}

static struct table **bucket_of(const struct cache *cache, uint64_t offset)
{
	uint64_t hash = (offset >> 9) * UINT64_C(0x9e3779b97f4a7c15);
	return &cache->buckets[(hash >> 32) & (cache->bucket_count - 1)];
}

static void order_remove(struct cache *cache, struct table *table)
{
	if (table->newer != NULL)
		table->newer->older = table->older;
	else
		cache->newest = table->older;
	if (table->older != NULL)
		table->older->newer = table->newer;
	else
		cache->oldest = table->newer;
}

static void order_add(struct cache *cache, struct table *table)
{
	table->newer = NULL;
	table->older = cache->newest;
	if (cache->newest != NULL)
		cache->newest->newer = table;
	else
		cache->oldest = table;
	cache->newest = table;
}

static void table_drop(struct cache *cache, struct table *table)
{
	struct table **at = bucket_of(cache, table->offset);
	while (*at != table)
		at = &(*at)->hash_next;
	*at = table->hash_next;
	order_remove(cache, table);
	cache->count--;
	if (table->dirty_to != 0)
		cache->dirty--;
	free(table->data);
	free(table);
}

void cache_free(struct cache *cache)
{
	while (cache->newest != NULL)
		table_drop(cache, cache->newest);
	free(cache->buckets);
	cache->buckets = NULL;
}

static struct table *table_find(const struct cache *cache, uint64_t offset)
{
	struct table *table = cache->buckets == NULL ? NULL : *bucket_of(cache, offset);
	while (table != NULL && table->offset != offset)
		table = table->hash_next;
	return table;
}

void cache_forget(struct qcow2 *q, uint64_t offset)
{
	struct table *table = table_find(&q->cache, offset);
	if (table != NULL)
		table_drop(&q->cache, table);
}

static struct table *table_add(struct qcow2 *q, uint64_t offset, uint32_t kind)
{
	struct cache *cache = &q->cache;
	struct table *old = cache->oldest;
	while (cache->count >= cache->maximum && old != NULL) {
		struct table *next = old->newer;
		if (old->dirty_to == 0)
			table_drop(cache, old);
		old = next;
	}
	struct table *table = calloc(1, sizeof(*table));
	if (table == NULL)
		return NULL;
	table->data = aligned_alloc(4096, larger(q->cluster_size, 4096));
	if (table->data == NULL) {
		free(table);
		return NULL;
	}
	table->offset = offset;
	table->kind = kind;
	struct table **bucket = bucket_of(cache, offset);
	table->hash_next = *bucket;
	*bucket = table;
	order_add(cache, table);
	cache->count++;
	return table;
}

int32_t cache_get(struct qcow2 *q, uint64_t offset, uint32_t kind, struct table **result)
{
	struct table *table = table_find(&q->cache, offset);
	if (table != NULL && table->kind != kind)
		return damaged(
			q, "the cluster at %llu is both an L2 table and a refcount block", (unsigned long long)offset);
	if (table != NULL) {
		if (table != q->cache.newest) {
			order_remove(&q->cache, table);
			order_add(&q->cache, table);
		}
		*result = table;
		return 0;
	}
	if ((offset & (q->cluster_size - 1)) != 0 || !in_file(q, offset, q->cluster_size))
		return damaged(q, "%s at %llu is %s", kind == TABLE_L2 ? "an L2 table" : "a refcount block",
			(unsigned long long)offset,
			(offset & (q->cluster_size - 1)) != 0 ? "misaligned" : "behind the end of the file");
	table = table_add(q, offset, kind);
	if (table == NULL)
		return -ENOMEM;
	int32_t status = vmm_block_file_read(q->file, table->data, q->cluster_size, offset);
	if (status < 0) {
		table_drop(&q->cache, table);
		return status;
	}
	*result = table;
	return 0;
}

/* A table of zeros in room that was just allocated. */
int32_t cache_new(struct qcow2 *q, uint64_t offset, uint32_t kind, struct table **result)
{
	cache_forget(q, offset);
	struct table *table = table_add(q, offset, kind);
	if (table == NULL)
		return -ENOMEM;
	memset(table->data, 0, q->cluster_size);
	table->is_fresh = 1;
	cache_dirty(q, table, 0, q->cluster_size);
	*result = table;
	return 0;
}

void cache_dirty(struct qcow2 *q, struct table *table, uint32_t from, uint32_t length)
{
	uint32_t grain = q->cluster_size < WRITE_GRAIN ? q->cluster_size : WRITE_GRAIN;
	uint32_t to = (from + length + grain - 1) & ~(grain - 1);
	from &= ~(grain - 1);
	if (table->dirty_to == 0) {
		q->cache.dirty++;
		table->dirty_from = from;
		table->dirty_to = to;
		return;
	}
	if (from < table->dirty_from)
		table->dirty_from = from;
	if (to > table->dirty_to)
		table->dirty_to = to;
}

int32_t cache_write(struct qcow2 *q, cache_filter wanted, uint32_t *written)
{
	/* Dirty tables stay, and only mutators change them; but map moves tables about in the list. */
	struct table **list = NULL;
	uint32_t count = 0;
	int32_t status = 0;
	pthread_mutex_lock(&q->mutex);
	if (q->cache.dirty != 0) {
		list = malloc(q->cache.dirty * sizeof(struct table *));
		if (list == NULL)
			status = -ENOMEM;
	}
	for (struct table *table = q->cache.oldest; list != NULL && table != NULL; table = table->newer) {
		if (table->dirty_to != 0 && wanted(table))
			list[count++] = table;
	}
	pthread_mutex_unlock(&q->mutex);
	for (uint32_t i = 0; i < count && status >= 0; i++)
		status = vmm_block_file_write(q->file, list[i]->data + list[i]->dirty_from,
			list[i]->dirty_to - list[i]->dirty_from, list[i]->offset + list[i]->dirty_from);
	free(list);
	*written |= count != 0;
	return status < 0 ? status : 0;
}

void cache_clean(struct qcow2 *q, cache_filter wanted)
{
	pthread_mutex_lock(&q->mutex);
	for (struct table *table = q->cache.oldest; table != NULL; table = table->newer) {
		if (table->dirty_to == 0 || !wanted(table))
			continue;
		table->dirty_from = table->dirty_to = 0;
		table->is_fresh = 0;
		q->cache.dirty--;
	}
	pthread_mutex_unlock(&q->mutex);
}

int32_t cache_make_room(struct qcow2 *q)
{
	if (q->cache.dirty <= q->cache.maximum / 2 && q->freed_count < 65536)
		return 0;
	return qcow2_sync(q->image);
}
