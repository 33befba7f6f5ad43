/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Compacting: clusters of zeros are given up, what is at the end of the file moves into gaps before, and the file ends
 * behind the last cluster that is in use.
 *
 * Data and L2 tables that only the disk itself has are moved, refcount blocks and table, and the L1 table; what
 * snapshots have stays, and compressed clusters.
 */
#include "qcow2.h"

struct compact {
	struct qcow2 *q;
	struct vmm_block_report *report;
	uint8_t *data;
	uint64_t border; /* the first cluster that would be free if there were no gaps */
};

static int32_t used_count(struct qcow2 *q, uint64_t *used, uint64_t *end)
{
	*used = *end = 0;
	for (uint64_t i = 0; i < q->refcount_entries; i++) {
		struct table *table;
		if (q->refcounts[i] == 0)
			continue;
		int32_t status = cache_get(q, q->refcounts[i], TABLE_REFCOUNT, &table);
		if (status < 0)
			return status;
		for (uint64_t k = 0; k < UINT64_C(1) << q->block_bits; k++) {
			if (refcount_load(table->data, q->refcount_order, k) == 0)
				continue;
			++*used;
			*end = (i << q->block_bits) + k + 1;
		}
	}
	return 0;
}

/* A free cluster before the border.  -ENOSPC: there is none. */
static int32_t gap_take(struct compact *compact, uint64_t *host)
{
	struct qcow2 *q = compact->q;
	uint64_t got;
	uint64_t before = q->file_clusters;
	int32_t status = clusters_allocate(q, 1, host, &got);
	if (status < 0)
		return status;
	if (*host >> q->cluster_bits < compact->border)
		return 0;
	clusters_return(q, *host, 1);
	if (q->file_clusters == (*host >> q->cluster_bits) + 1)
		q->file_clusters = before;
	return -ENOSPC;
}

static int32_t entry_compact(struct compact *compact, struct table *table, uint32_t index, uint64_t guest)
{
	struct qcow2 *q = compact->q;
	uint64_t entry = l2_entry(q, table, index);
	uint64_t offset = entry & ENTRY_OFFSET;
	uint64_t host;
	if ((entry & ENTRY_COMPRESSED) != 0 || offset == 0 || (entry & ENTRY_COPIED) == 0 || q->is_external)
		return 0;
	/* Room that is kept for zeros is not needed. */
	if ((entry & ENTRY_ZERO) != 0)
		return qcow2_zero(q->image, guest, smaller(q->cluster_size, q->image->length - guest), 1);
	int32_t status = vmm_block_file_read(q->file, compact->data, q->cluster_size, offset);
	if (status < 0)
		return status;
	if (!q->is_extended && (q->version > 2 || q->image->parent[0] == '\0') &&
		vmm_block_is_zero(compact->data, q->cluster_size))
		return qcow2_zero(q->image, guest, smaller(q->cluster_size, q->image->length - guest), 1);
	if (offset >> q->cluster_bits < compact->border)
		return 0;
	status = gap_take(compact, &host);
	if (status == -ENOSPC)
		return 0;
	if (status >= 0)
		status = vmm_block_file_write(q->file, compact->data, q->cluster_size, host);
	if (status >= 0)
		status = l2_find(q, guest, &table);
	if (status < 0)
		return status;
	l2_set(q, table, index, host | ENTRY_COPIED, q->is_extended ? l2_bitmap(table, index) : 0);
	return clusters_free(q, offset, 1);
}

static int32_t l2_compact(struct compact *compact, uint32_t l1_index)
{
	struct qcow2 *q = compact->q;
	struct table *table;
	uint32_t is_empty = 1;
	uint64_t guest = (uint64_t)l1_index << (q->cluster_bits + q->l2_bits);
	int32_t status = 0;
	for (uint32_t i = 0;
		i < q->l2_entries && status >= 0 && guest + ((uint64_t)i << q->cluster_bits) < q->image->length; i++) {
		status = cache_make_room(q);
		if (status >= 0)
			status = l2_find(q, guest, &table);
		if (status >= 0)
			status = entry_compact(compact, table, i, guest + ((uint64_t)i << q->cluster_bits));
	}
	if (status >= 0)
		status = l2_find(q, guest, &table);
	for (uint32_t i = 0; status >= 0 && i < q->cluster_size / 8 && is_empty; i++)
		is_empty = vmm_block_be64(table->data + (size_t)i * 8) == 0;
	if (status < 0 || (!is_empty && table->offset >> q->cluster_bits < compact->border))
		return status;
	uint64_t offset = table->offset;
	uint64_t host;
	if (is_empty) {
		l1_set(q, l1_index, 0);
		return clusters_free(q, offset, 1);
	}
	status = gap_take(compact, &host);
	if (status == -ENOSPC)
		return 0;
	struct table *moved;
	if (status >= 0)
		status = cache_new(q, host, TABLE_L2, &moved);
	if (status >= 0)
		status = cache_get(q, offset, TABLE_L2, &table);
	if (status < 0)
		return status;
	memcpy(moved->data, table->data, q->cluster_size);
	l1_set(q, l1_index, host | ENTRY_COPIED);
	return clusters_free(q, offset, 1);
}

static int32_t blocks_compact(struct compact *compact)
{
	struct qcow2 *q = compact->q;
	for (uint64_t i = 0; i < q->refcount_entries; i++) {
		struct table *moved;
		struct table *table;
		uint64_t host;
		uint64_t offset = q->refcounts[i];
		if (offset == 0 || offset >> q->cluster_bits < compact->border)
			continue;
		/* Two blocks at a time would not know of each other. */
		int32_t status = qcow2_sync(q->image);
		if (status >= 0)
			status = gap_take(compact, &host);
		if (status == -ENOSPC)
			return 0;
		if (status >= 0)
			status = cache_new(q, host, TABLE_REFCOUNT, &moved);
		if (status >= 0)
			status = cache_get(q, offset, TABLE_REFCOUNT, &table);
		if (status < 0)
			return status;
		memcpy(moved->data, table->data, q->cluster_size);
		refcount_entry_set(q, i, host);
		/* From now on changes go to the new one. */
		cache_forget(q, offset);
		status = clusters_free(q, offset, 1);
		if (status < 0)
			return status;
	}
	return 0;
}

/* Adjacent free clusters, all before `limit`; they are counted 1 then.  -ENOSPC: there are not that many. */
static int32_t run_take(struct qcow2 *q, uint64_t count, uint64_t limit, uint64_t *host)
{
	uint64_t found = 0;
	for (uint64_t i = 0; i < limit; i++) {
		uint64_t value;
		int32_t status = refcount_get(q, i, &value);
		if (status < 0)
			return status;
		/* Without a block it is not known to be free. */
		if (i >> q->block_bits >= q->refcount_entries || q->refcounts[i >> q->block_bits] == 0)
			value = 1;
		found = value == 0 ? found + 1 : 0;
		if (found < count)
			continue;
		*host = (i + 1 - count) << q->cluster_bits;
		for (uint64_t k = i + 1 - count; k <= i && status >= 0; k++)
			status = refcount_set(q, k, 1);
		return status;
	}
	return -ENOSPC;
}

static int32_t refcount_table_compact(struct qcow2 *q)
{
	uint64_t host;
	uint64_t old = q->refcount_offset;
	uint64_t clusters = q->refcount_clusters;
	int32_t status = run_take(q, clusters, old >> q->cluster_bits, &host);
	if (status < 0)
		return status == -ENOSPC ? 0 : status;
	q->refcount_offset = host;
	q->refcount_moved = 1;
	refcount_entry_set(q, 0, q->refcounts[0]);
	status = qcow2_sync(q->image);
	return status < 0 ? status : clusters_free(q, old, clusters);
}

static int32_t l1_compact(struct qcow2 *q)
{
	uint64_t host;
	uint64_t old = q->l1_offset;
	uint64_t clusters = clusters_of(q, (uint64_t)q->l1_size * 8);
	if (clusters == 0)
		return 0;
	int32_t status = run_take(q, clusters, old >> q->cluster_bits, &host);
	if (status < 0)
		return status == -ENOSPC ? 0 : status;
	/* All of it is on the disk before the header names it. */
	status = qcow2_sync(q->image);
	if (status < 0)
		return status;
	q->l1_offset = host;
	memset(q->l1_dirty, 1, q->l1_size / 64 + 1);
	q->l1_is_dirty = 1;
	status = qcow2_sync(q->image);
	if (status >= 0)
		status = header_write(q);
	return status < 0 ? status : clusters_free(q, old, clusters);
}

static int32_t pass(struct compact *compact)
{
	struct qcow2 *q = compact->q;
	uint64_t end;
	int32_t status = qcow2_sync(q->image);
	q->free_from = 0;
	q->pack_at = 0;
	if (status >= 0)
		status = used_count(q, &compact->border, &end);
	for (uint32_t i = 0; i < q->l1_size && status >= 0; i++) {
		if (compact->report->progress(compact->report, i, q->l1_size) != 0)
			status = -ECANCELED;
		else if ((q->l1[i] & ENTRY_OFFSET) != 0 && (q->l1[i] & ENTRY_COPIED) != 0)
			status = l2_compact(compact, i);
	}
	if (status >= 0)
		status = blocks_compact(compact);
	if (status >= 0)
		status = qcow2_sync(q->image);
	if (status >= 0)
		status = refcount_table_compact(q);
	if (status >= 0)
		status = l1_compact(q);
	/* Counting down what was freed is written by the next sync. */
	for (uint32_t i = 0; i < 2 && status >= 0; i++)
		status = qcow2_sync(q->image);
	return status;
}

int32_t qcow2_compact(struct vmm_block_image *image, struct vmm_block_report *report)
{
	struct qcow2 *q = qcow2_of(image);
	struct compact compact = { .q = q, .report = report };
	uint64_t used;
	uint64_t end;
	compact.data = aligned_alloc(4096, larger(q->cluster_size, 4096));
	if (compact.data == NULL)
		return -ENOMEM;
	/* What the first pass gives up is a gap for the second. */
	int32_t status = pass(&compact);
	if (status >= 0)
		status = pass(&compact);
	if (status >= 0)
		status = used_count(q, &used, &end);
	if (status >= 0 && end < q->file_clusters) {
		status = vmm_block_file_truncate(q->file, end << q->cluster_bits);
		q->file_clusters = q->found_clusters = end;
		q->free_from = 0;
	}
	free(compact.data);
	return status;
}
