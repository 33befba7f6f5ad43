/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Another length.
 *
 * The header's size, and the place and size of the L1 table, are in one sector: they change at once.  What a longer
 * disk shows anew must be zeros: neither what is left of its last cluster, nor what a longer parent has there.
 */
#include "qcow2.h"

static int32_t snapshot_has_size(struct qcow2 *q, const struct snapshot *snapshot, void *self)
{
	(void)q;
	(void)self;
	return snapshot->disk_size == 0 ? -ENOTSUP : 0;
}

/* Have zeros from..to, within one cluster or of whole ones. */
static int32_t zeros_write(struct qcow2 *q, uint64_t from, uint64_t to)
{
	struct vmm_block_image *image = q->image;
	uint64_t mask = q->cluster_size - 1;
	uint64_t start = from & ~mask;
	uint8_t *data;
	struct vmm_block_extent extent;
	int32_t status;
	if (from == start && ((to & mask) == 0 || to == image->length)) {
		status = qcow2_zero(image, from, to - from, 1);
		if (status != -EOPNOTSUPP)
			return status;
	}
	data = aligned_alloc(4096, larger(q->cluster_size, 4096));
	if (data == NULL)
		return -ENOMEM;
	for (status = 0; start < to && status >= 0; start += q->cluster_size) {
		uint64_t end = smaller(start + q->cluster_size, image->length);
		memset(data, 0, q->cluster_size);
		/* What is before stays: through the kit, for it may be the parent's. */
		if (start < from)
			status = vmm_block_read(image, start, from - start, data);
		for (uint64_t at = start; at < end && status >= 0; at += extent.length) {
			status = qcow2_allocate(image, at, end - at, &extent);
			if (status >= 0)
				status = vmm_block_file_write(
					extent.file, data + (at - start), extent.length, extent.offset);
			if (status >= 0)
				status = qcow2_commit(image, at, extent.length, &extent);
		}
	}
	free(data);
	return status;
}

/* Have zeros in the last cluster from `from` on, where there may be what nobody sees now. */
static int32_t tail_zero(struct qcow2 *q, uint64_t from, uint64_t to)
{
	struct vmm_block_image *image = q->image;
	uint64_t parent = image->parent_image == NULL ? 0 : image->parent_image->length;
	while (from < to) {
		struct vmm_block_extent extent;
		int32_t status = qcow2_map(image, from, to - from, &extent);
		if (status < 0)
			return status;
		uint32_t is_own = extent.kind == VMM_BLOCK_DATA && extent.flags == 0;
		if (is_own)
			status = vmm_block_file_zero(extent.file, extent.length, extent.offset);
		else if (extent.kind == VMM_BLOCK_DATA || extent.kind == VMM_BLOCK_PACKED ||
			(extent.kind == VMM_BLOCK_ABSENT && parent > from))
			return zeros_write(q, from, to);
		if (status < 0)
			return status;
		from += extent.length;
	}
	return 0;
}

static int32_t l1_grow(struct qcow2 *q, uint64_t entries)
{
	uint64_t *l1 = calloc(entries, sizeof(uint64_t));
	uint8_t *dirty = calloc(entries / 64 + 1, 1);
	uint8_t *data = calloc(entries, 8);
	uint64_t host;
	int32_t status = l1 == NULL || dirty == NULL || data == NULL ? -ENOMEM : 0;
	if (status >= 0)
		status = clusters_allocate_all(q, clusters_of(q, entries * 8), &host);
	/* Nothing may be waiting for the old table. */
	if (status >= 0)
		status = qcow2_sync(q->image);
	for (uint64_t i = 0; i < q->l1_size && status >= 0; i++)
		vmm_block_put_be64(data + i * 8, l1[i] = q->l1[i]);
	if (status >= 0)
		status = vmm_block_file_write(q->file, data, entries * 8, host);
	if (status >= 0)
		status = vmm_block_file_sync(q->file);
	free(data);
	if (status < 0) {
		free(l1);
		free(dirty);
		return status;
	}
	uint64_t old = q->l1_offset;
	uint64_t old_clusters = q->l1_size == 0 ? 0 : clusters_of(q, (uint64_t)q->l1_size * 8);
	free(q->l1);
	free(q->l1_dirty);
	q->l1 = l1;
	q->l1_dirty = dirty;
	q->l1_size = (uint32_t)entries;
	q->l1_offset = host;
	status = header_write(q);
	if (status >= 0 && old_clusters != 0)
		status = clusters_free(q, old, old_clusters);
	return status;
}

/* Nothing is in the table from this entry on, up to the one behind the last. */
static uint32_t table_is_empty(const struct qcow2 *q, const struct table *table, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		if (l2_entry(q, table, i) != 0 || (q->is_extended && l2_bitmap(table, i) != 0))
			return 0;
	}
	return 1;
}

/* Give up what lies behind the end of the disk; nobody can see it. */
static int32_t clusters_drop(struct qcow2 *q, uint64_t at, uint64_t end)
{
	uint32_t bits = q->cluster_bits + q->l2_bits;
	int32_t status = 0;
	while (at < end && status >= 0) {
		uint64_t stop = smaller(end, ((at >> bits) + 1) << bits);
		uint32_t is_whole = (at & ((UINT64_C(1) << bits) - 1)) == 0;
		uint32_t first = (uint32_t)(at >> q->cluster_bits) & (q->l2_entries - 1);
		uint32_t count = (uint32_t)((stop - at + q->cluster_size - 1) >> q->cluster_bits);
		struct table *table;
		status = cache_make_room(q);
		if (status >= 0)
			status = l2_find(q, at, &table);
		if (status < 0 || table == NULL || (!is_whole && table_is_empty(q, table, first, first + count))) {
			at = stop;
			continue;
		}
		status = l2_own(q, at, &table);
		for (uint32_t i = first; i < first + count && status >= 0; i++) {
			status = entry_free(q, l2_entry(q, table, i));
			l2_set(q, table, i, 0, 0);
		}
		if (is_whole && status >= 0) {
			status = clusters_free(q, table->offset, 1);
			l1_set(q, (uint32_t)((stop - 1) >> bits), 0);
		}
		at = stop;
	}
	return status;
}

static int32_t grow(struct qcow2 *q, uint64_t length)
{
	struct vmm_block_image *image = q->image;
	uint64_t covered = (uint64_t)q->cluster_size << q->l2_bits;
	uint64_t entries = length / covered + (length % covered != 0);
	uint64_t old = image->length;
	int32_t status = 0;
	if (entries * 8 > L1_MAXIMUM)
		return vmm_block_fail(image->host, -EFBIG, "convert it to an image with larger clusters",
			"%.3000s cannot have %llu bytes: its clusters are too small", image->path,
			(unsigned long long)length);
	if (entries > q->l1_size)
		status = l1_grow(q, entries);
	uint64_t mask = q->cluster_size - 1;
	uint64_t shown = image->parent_image == NULL ? 0 : smaller(image->parent_image->length, length);
	uint64_t middle = smaller((old + mask) & ~mask, length);
	image->length = length;
	if (status >= 0)
		status = tail_zero(q, old, middle);
	/* What was not yet given up when the disk was made shorter, and that was cut short. */
	if (status >= 0)
		status = clusters_drop(q, middle, length);
	if (status >= 0 && shown > middle)
		status = zeros_write(q, middle, smaller((shown + mask) & ~mask, length));
	if (status >= 0)
		status = qcow2_sync(image);
	if (status >= 0) {
		q->size = length;
		status = header_write(q);
	}
	if (status < 0)
		image->length = old;
	return status;
}

static int32_t shrink(struct qcow2 *q, uint64_t length)
{
	uint64_t old = q->image->length;
	uint64_t at = (length + q->cluster_size - 1) & ~(uint64_t)(q->cluster_size - 1);
	int32_t status = qcow2_sync(q->image);
	/* Once the disk is shorter nobody can see what comes away: not before. */
	q->size = length;
	if (status >= 0)
		status = header_write(q);
	/* Whoever makes it longer again, maybe another program, is to find zeros. */
	if (status >= 0)
		status = tail_zero(q, length, smaller(at, old));
	q->image->length = length;
	if (status >= 0)
		status = clusters_drop(q, at, old);
	if (status >= 0)
		status = qcow2_sync(q->image);
	return status;
}

int32_t qcow2_resize(struct vmm_block_image *image, uint64_t length)
{
	struct qcow2 *q = qcow2_of(image);
	uint64_t table;
	int32_t status;
	if (q->snapshot_count != 0 && snapshots_visit(q, snapshot_has_size, NULL, &table) < 0)
		return vmm_block_fail(image->host, -ENOTSUP, "delete its snapshots, or convert it",
			"%.3000s has internal snapshots that do not say how long the disk was", image->path);
	status = length < image->length ? shrink(q, length) : grow(q, length);
	if (status >= 0 && q->is_external)
		status = vmm_block_file_truncate(q->data, length);
	return status;
}
