/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Refcounts, and finding free clusters by them.
 *
 * A refcount block that does not exist yet counts a stretch of clusters that are all free: it takes the first one that
 * is asked for itself.  A refcount table that has become too short moves to the end of the file.
 */
#include "qcow2.h"

#define LOADS_MAXIMUM \
	16u /* refcount blocks looked through for one allocation, before it goes to the end of the file \
	     */

uint64_t refcount_load(const uint8_t *block, uint32_t order, uint64_t index)
{
	switch (order) {
	case 0: return (block[index / 8] >> (index % 8)) & 1;
	case 1: return (block[index / 4] >> (index % 4 * 2)) & 3;
	case 2: return (block[index / 2] >> (index % 2 * 4)) & 15;
	case 3: return block[index];
	case 4: return vmm_block_be16(block + index * 2);
	case 5: return vmm_block_be32(block + index * 4);
	default: return vmm_block_be64(block + index * 8);
	}
}

void refcount_store(uint8_t *block, uint32_t order, uint64_t index, uint64_t value)
{
	uint32_t shift;
	switch (order) {
	case 0:
		shift = index % 8;
		block[index / 8] = (uint8_t)((block[index / 8] & ~(1u << shift)) | (uint32_t)value << shift);
		break;
	case 1:
		shift = index % 4 * 2;
		block[index / 4] = (uint8_t)((block[index / 4] & ~(3u << shift)) | (uint32_t)value << shift);
		break;
	case 2:
		shift = index % 2 * 4;
		block[index / 2] = (uint8_t)((block[index / 2] & ~(15u << shift)) | (uint32_t)value << shift);
		break;
	case 3: block[index] = (uint8_t)value; break;
	case 4: vmm_block_put_be16(block + index * 2, (uint16_t)value); break;
	case 5: vmm_block_put_be32(block + index * 4, (uint32_t)value); break;
	default: vmm_block_put_be64(block + index * 8, value); break;
	}
}

static uint64_t block_of(const struct qcow2 *q, uint64_t cluster)
{
	return cluster >> q->block_bits;
}

static uint64_t index_of(const struct qcow2 *q, uint64_t cluster)
{
	return cluster & ((UINT64_C(1) << q->block_bits) - 1);
}

void refcount_entry_set(struct qcow2 *q, uint64_t block, uint64_t offset)
{
	q->refcounts[block] = offset;
	if (offset != 0)
		guard_add(q, offset);
	if (q->refcount_dirty_to == 0) {
		q->refcount_dirty_from = block;
		q->refcount_dirty_to = block + 1;
		return;
	}
	q->refcount_dirty_from = smaller(q->refcount_dirty_from, block);
	q->refcount_dirty_to = larger(q->refcount_dirty_to, block + 1);
}

/* The block that counts a cluster; NULL: there is none. */
static int32_t block_find(struct qcow2 *q, uint64_t cluster, struct table **table)
{
	uint64_t block = block_of(q, cluster);
	*table = NULL;
	if (block >= q->refcount_entries || q->refcounts[block] == 0)
		return 0;
	return cache_get(q, q->refcounts[block], TABLE_REFCOUNT, table);
}

int32_t refcount_get(struct qcow2 *q, uint64_t cluster, uint64_t *value)
{
	struct table *table;
	int32_t status = block_find(q, cluster, &table);
	*value = status >= 0 && table != NULL ? refcount_load(table->data, q->refcount_order, index_of(q, cluster)) : 0;
	return status;
}

static void count_put(struct qcow2 *q, struct table *table, uint64_t cluster, uint64_t value)
{
	uint64_t index = index_of(q, cluster);
	refcount_store(table->data, q->refcount_order, index, value);
	cache_dirty(q, table, (uint32_t)((index << q->refcount_order) / 8),
		q->refcount_order < 3 ? 1 : 1u << (q->refcount_order - 3));
	if (value == 0 && cluster < q->free_from)
		q->free_from = cluster;
}

/* Make the block that counts `at` and have it there. */
static int32_t block_make(struct qcow2 *q, uint64_t block, uint64_t at, struct table **table)
{
	const char *owner = overlap_check(q, at << q->cluster_bits, q->cluster_size);
	uint32_t was;
	if (owner != NULL)
		return damaged(q, "cluster %llu is counted as free, but belongs to %s", (unsigned long long)at, owner);
	int32_t status = cache_new(q, at << q->cluster_bits, TABLE_REFCOUNT, table);
	if (status < 0)
		return status;
	refcount_entry_set(q, block, at << q->cluster_bits);
	q->file_clusters = larger(q->file_clusters, at + 1);
	if (q->counts != NULL)
		counts_add(q->counts, at, COUNT_REFCOUNT_BLOCK, &was);
	return 0;
}

int32_t refcount_table_move(struct qcow2 *q, uint64_t cluster)
{
	/* Behind everything, so that all of it is free; then its own blocks, then the table. */
	uint64_t start = larger(cluster, q->file_clusters);
	uint64_t per_cluster = q->cluster_size / 8;
	uint64_t clusters = 1;
	uint64_t blocks = 0;
	for (uint32_t is_stable = 0; !is_stable;) {
		uint64_t last = start + blocks + clusters - 1;
		uint64_t missing = 0;
		for (uint64_t i = block_of(q, start); i <= block_of(q, last); i++)
			missing += i >= q->refcount_entries || q->refcounts[i] == 0;
		uint64_t wanted = larger(block_of(q, last) + 1, q->refcount_entries);
		if (block_of(q, cluster) >= q->refcount_entries)
			wanted = larger(wanted, q->refcount_entries + q->refcount_entries / 2);
		wanted = smaller(wanted, larger(REFCOUNT_TABLE_MAXIMUM / 8, block_of(q, last) + 1));
		uint64_t needed = (wanted + per_cluster - 1) / per_cluster;
		if (needed * q->cluster_size > REFCOUNT_TABLE_MAXIMUM)
			return -EFBIG;
		is_stable = missing <= blocks && needed <= clusters;
		blocks = larger(blocks, missing);
		clusters = larger(clusters, needed);
	}
	uint64_t end = start + blocks + clusters;
	if (end > (UINT64_C(1) << (56 - q->cluster_bits)))
		return -EFBIG;
	uint64_t entries = clusters * per_cluster;
	uint64_t *table = calloc(entries, sizeof(uint64_t));
	if (table == NULL)
		return -ENOMEM;
	memcpy(table, q->refcounts, q->refcount_entries * sizeof(uint64_t));
	uint64_t old_offset = q->refcount_offset;
	uint64_t old_clusters = q->refcount_clusters;
	free(q->refcounts);
	q->refcounts = table;
	q->refcount_entries = entries;
	q->refcount_offset = (start + blocks) << q->cluster_bits;
	q->refcount_clusters = (uint32_t)clusters;
	q->refcount_moved = 1;
	q->file_clusters = end;
	int32_t status = 0;
	uint64_t at = start;
	for (uint64_t i = block_of(q, start); i <= block_of(q, end - 1) && status >= 0; i++) {
		struct table *block;
		if (table[i] == 0)
			status = block_make(q, i, at++, &block);
	}
	for (uint64_t i = start; i < end && status >= 0; i++) {
		struct table *block;
		uint32_t was;
		if (i >= at && i < start + blocks)
			continue; /* one block less than was reckoned with */
		status = block_find(q, i, &block);
		if (status >= 0)
			count_put(q, block, i, 1);
		if (status >= 0 && q->counts != NULL && i >= start + blocks)
			status = counts_add(q->counts, i, COUNT_REFCOUNT_TABLE, &was);
	}
	refcount_entry_set(q, block_of(q, start), table[block_of(q, start)]);
	if (status >= 0 && old_clusters != 0)
		status = clusters_free(q, old_offset, old_clusters);
	return status;
}

int32_t refcount_set(struct qcow2 *q, uint64_t cluster, uint64_t value)
{
	struct table *table;
	int32_t status = block_find(q, cluster, &table);
	if (status >= 0 && table == NULL && value == 0)
		return 0;
	if (status >= 0 && table == NULL) {
		/* What it counts may be in use: it goes to the end. */
		uint64_t at = q->file_clusters;
		if (block_of(q, cluster) >= q->refcount_entries || block_of(q, at) >= q->refcount_entries) {
			status = refcount_table_move(q, larger(cluster, at));
			at = q->file_clusters;
			if (status >= 0)
				status = block_find(q, cluster, &table);
		}
		if (status >= 0 && table == NULL) {
			status = block_make(q, block_of(q, cluster), at, &table);
			if (status >= 0)
				status = refcount_set(q, at, 1);
			if (status >= 0)
				status = block_find(q, cluster, &table);
		}
	}
	if (status >= 0)
		count_put(q, table, cluster, value);
	return status;
}

static uint32_t is_free(const struct qcow2 *q, const struct table *table, uint64_t cluster)
{
	return refcount_load(table->data, q->refcount_order, index_of(q, cluster)) == 0 &&
		(q->counts == NULL || counts_get(q->counts, cluster) == 0);
}

/* The first free cluster in the block that counts `cluster`, from there on; *end: how far it was looked. */
static int32_t block_search(
	struct qcow2 *q, uint64_t cluster, uint64_t want, uint64_t *found, uint64_t *count, uint64_t *end)
{
	struct table *table;
	uint64_t stop = (block_of(q, cluster) + 1) << q->block_bits;
	*count = 0;
	*end = stop;
	int32_t status = block_find(q, cluster, &table);
	if (status < 0)
		return status;
	if (table == NULL) {
		/* Where the file already had something all may not be as the missing block says. */
		if (cluster < q->found_clusters || (q->counts != NULL && cluster < q->file_clusters)) {
			*end = smaller(stop, larger(q->found_clusters, cluster + 1));
			return 0;
		}
		status = block_make(q, block_of(q, cluster), cluster, &table);
		if (status < 0)
			return status;
		count_put(q, table, cluster, 1);
		cluster++;
	}
	while (cluster < stop && !is_free(q, table, cluster))
		cluster++;
	*found = cluster;
	while (cluster < stop && *count < want && is_free(q, table, cluster)) {
		++*count;
		cluster++;
	}
	*end = cluster;
	return 0;
}

int32_t clusters_allocate(struct qcow2 *q, uint64_t want, uint64_t *host, uint64_t *got)
{
	uint64_t at = q->free_from;
	uint64_t found = 0;
	uint64_t count = 0;
	uint32_t is_appending = 0;
	for (uint32_t loads = 0; count == 0; loads++) {
		uint64_t end;
		int32_t status = 0;
		if (at >= (UINT64_C(1) << (56 - q->cluster_bits)))
			return -EFBIG;
		if (loads == LOADS_MAXIMUM && at < q->file_clusters) {
			q->free_from = at;
			at = q->file_clusters;
			is_appending = 1;
		}
		if (block_of(q, at) >= q->refcount_entries) {
			status = refcount_table_move(q, at);
			at = larger(at, q->file_clusters);
			if (status < 0)
				return status;
		}
		status = block_search(q, at, want, &found, &count, &end);
		if (status < 0)
			return status;
		at = end;
	}
	const char *owner = overlap_check(q, found << q->cluster_bits, count << q->cluster_bits);
	if (owner != NULL)
		return damaged(q, "clusters from %llu on are counted as free, but belong to %s",
			(unsigned long long)found, owner);
	struct table *table;
	int32_t status = block_find(q, found, &table);
	if (status < 0)
		return status;
	for (uint64_t i = 0; i < count; i++) {
		uint32_t was;
		count_put(q, table, found + i, 1);
		if (q->counts != NULL)
			counts_add(q->counts, found + i, COUNT_DATA, &was);
	}
	if (!is_appending)
		q->free_from = found + count;
	q->file_clusters = larger(q->file_clusters, found + count);
	*host = found << q->cluster_bits;
	*got = count;
	return 0;
}

/* As many as wanted, adjacent: at the end of the file. */
int32_t clusters_allocate_all(struct qcow2 *q, uint64_t want, uint64_t *host)
{
	uint64_t start;
	if (want == 1)
		return clusters_allocate(q, 1, host, &start);
	start = q->file_clusters;
	if (want > (UINT64_C(1) << (56 - q->cluster_bits)) - start)
		return -EFBIG;
	q->file_clusters = start + want;
	for (uint64_t i = start; i < start + want; i++) {
		int32_t status = refcount_set(q, i, 1);
		if (status < 0)
			return status;
	}
	*host = start << q->cluster_bits;
	return 0;
}

void clusters_return(struct qcow2 *q, uint64_t host, uint64_t count)
{
	/* Counts that cannot be read stay too high: waste, for check to find. */
	for (uint64_t i = host >> q->cluster_bits; count > 0; i++, count--) {
		uint64_t value;
		if (refcount_get(q, i, &value) >= 0 && value > 0)
			refcount_set(q, i, value - 1);
	}
}

int32_t clusters_free(struct qcow2 *q, uint64_t host, uint64_t count)
{
	uint64_t cluster = host >> q->cluster_bits;
	struct run *last = q->freed_count == 0 ? NULL : &q->freed[q->freed_count - 1];
	if (last != NULL && last->cluster + last->count == cluster) {
		last->count += count;
		return 0;
	}
	if (q->freed_count == q->freed_room) {
		uint32_t room = q->freed_room == 0 ? 64 : q->freed_room * 2;
		struct run *freed = reallocarray(q->freed, room, sizeof(*freed));
		if (freed == NULL)
			return -ENOMEM;
		q->freed = freed;
		q->freed_room = room;
	}
	q->freed[q->freed_count++] = (struct run){ cluster, count };
	return 0;
}

/* sync calls this, beside map, which uses the cache, too. */
void clusters_freed_apply(struct qcow2 *q)
{
	for (uint32_t i = 0; i < q->freed_count; i++) {
		uint64_t hole = q->freed[i].cluster;
		uint64_t end = hole + q->freed[i].count;
		for (uint64_t at = hole; at <= end; at++) {
			uint64_t value = 0;
			uint32_t is_gone = 0;
			pthread_mutex_lock(&q->mutex);
			if (at < end && refcount_get(q, at, &value) >= 0 && value > 0)
				is_gone = refcount_set(q, at, value - 1) >= 0 && value == 1;
			if (is_gone)
				cache_forget(q, at << q->cluster_bits);
			pthread_mutex_unlock(&q->mutex);
			if (is_gone)
				continue;
			/* What cannot be punched only takes room. */
			if (at > hole)
				vmm_block_file_zero(q->file, (at - hole) << q->cluster_bits, hole << q->cluster_bits);
			hole = at + 1;
		}
	}
	q->freed_count = 0;
}
