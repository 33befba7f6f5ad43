/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Room for what is written anew.
 *
 * With extended L2 entries the kit's unit is a subcluster, but room comes by the cluster: until the first subcluster of
 * a new cluster is committed a promise keeps the room for the others.  If the old cluster is one that a snapshot has
 * too, or a compressed one, all of it is carried over first, for an entry has but one offset.
 */
#include "qcow2.h"

static uint32_t index_of(const struct qcow2 *q, uint64_t offset)
{
	return (uint32_t)(offset >> q->cluster_bits) & (q->l2_entries - 1);
}

/* Can the cluster be written where it is?  Then *host is where. */
static uint32_t is_own(const struct qcow2 *q, const struct table *table, uint64_t offset, uint64_t *host)
{
	uint64_t entry = l2_entry(q, table, index_of(q, offset));
	if (q->is_external) {
		*host = offset & ~(uint64_t)(q->cluster_size - 1);
		return 1;
	}
	*host = entry & ENTRY_OFFSET;
	return (entry & ENTRY_COMPRESSED) == 0 && (entry & ENTRY_COPIED) != 0 && *host != 0;
}

static struct promise *promise_find(struct qcow2 *q, uint64_t offset)
{
	for (uint32_t i = 0; i < q->promise_count; i++) {
		if (q->promises[i].cluster == offset >> q->cluster_bits)
			return &q->promises[i];
	}
	return NULL;
}

static int32_t promise_add(struct qcow2 *q, uint64_t offset, uint64_t host)
{
	if (q->promise_count == q->promise_room) {
		uint32_t room = q->promise_room == 0 ? 16 : q->promise_room * 2;
		struct promise *promises = reallocarray(q->promises, room, sizeof(*promises));
		if (promises == NULL)
			return -ENOMEM;
		q->promises = promises;
		q->promise_room = room;
	}
	q->promises[q->promise_count++] = (struct promise){ offset >> q->cluster_bits, host, 1 };
	return 0;
}

/* Copy all that a cluster has to its new place. */
static int32_t cluster_carry(struct qcow2 *q, uint64_t entry, uint64_t bitmap, uint64_t host)
{
	uint64_t offset = entry & ENTRY_OFFSET;
	if ((entry & ENTRY_COMPRESSED) == 0 && (offset == 0 || (uint32_t)bitmap == 0))
		return 0;
	uint8_t *data = aligned_alloc(4096, larger(q->cluster_size, 4096));
	if (data == NULL)
		return -ENOMEM;
	int32_t status = (entry & ENTRY_COMPRESSED) != 0 ? cluster_unpack(q, entry, data)
							 : vmm_block_file_read(q->file, data, q->cluster_size, offset);
	if (status >= 0)
		status = vmm_block_file_write(q->file, data, q->cluster_size, host);
	free(data);
	return status;
}

/* A cluster for some of its subclusters. */
static int32_t subclusters_allocate(struct qcow2 *q, struct table *table, uint64_t offset, uint64_t *host)
{
	uint32_t index = index_of(q, offset);
	struct promise *promise = promise_find(q, offset);
	if (promise != NULL) {
		promise->users++;
		*host = promise->host;
		return 0;
	}
	uint64_t entry = l2_entry(q, table, index);
	uint64_t bitmap = l2_bitmap(table, index);
	int32_t status = clusters_allocate_all(q, 1, host);
	if (status < 0)
		return status;
	status = cluster_carry(q, entry, bitmap, *host);
	if (status >= 0)
		status = promise_add(q, offset, *host);
	if (status < 0)
		clusters_return(q, *host, 1);
	return status;
}

int32_t qcow2_allocate(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent)
{
	struct qcow2 *q = qcow2_of(image);
	struct table *table;
	uint64_t host = 0;
	uint64_t got = 1;
	uint64_t other;
	int32_t status = cache_make_room(q);
	if (status >= 0)
		status = l2_own(q, offset, &table);
	if (status < 0)
		return status;
	/* Clusters of this table only. */
	uint64_t inside = offset & (q->cluster_size - 1);
	uint64_t want = clusters_of(q, inside + length);
	want = smaller(want, q->l2_entries - index_of(q, offset));
	if (is_own(q, table, offset, &host)) {
		while (got < want && is_own(q, table, offset + (got << q->cluster_bits), &other) &&
			other == host + (got << q->cluster_bits))
			got++;
	} else if (q->is_extended) {
		status = subclusters_allocate(q, table, offset, &host);
	} else {
		while (got < want && !is_own(q, table, offset + (got << q->cluster_bits), &other))
			got++;
		status = clusters_allocate(q, got, &host, &got);
	}
	if (status < 0)
		return status;
	*extent = (struct vmm_block_extent){
		.kind = VMM_BLOCK_DATA,
		.file = q->data,
		.offset = host + inside,
		.length = smaller(length, (got << q->cluster_bits) - inside),
	};
	return 0;
}

/* What the entry is when these bytes are data in a cluster at `host`. */
static void entry_written(const struct qcow2 *q, uint64_t entry, uint64_t *bitmap, uint64_t offset, uint64_t length)
{
	if (!q->is_extended)
		return;
	uint64_t first = (offset & (q->cluster_size - 1)) >> q->unit_bits;
	uint64_t last = ((offset & (q->cluster_size - 1)) + length - 1) >> q->unit_bits;
	uint64_t mask = ((UINT64_C(2) << (last - first)) - 1) << first;
	if ((entry & ENTRY_COMPRESSED) != 0)
		*bitmap = UINT32_MAX;
	*bitmap = (*bitmap | mask) & ~(mask << SUBCLUSTERS);
}

/* The end of an allocation.  Returns whether its room is somebody else's now. */
static uint32_t promise_end(struct qcow2 *q, uint64_t offset, uint32_t is_kept)
{
	struct promise *promise = promise_find(q, offset);
	if (promise == NULL)
		return 0;
	uint32_t is_last = --promise->users == 0;
	if (is_last)
		*promise = q->promises[--q->promise_count];
	return is_kept || !is_last;
}

int32_t qcow2_commit(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent)
{
	struct qcow2 *q = qcow2_of(image);
	uint64_t host = extent->offset & ~(uint64_t)(q->cluster_size - 1);
	while (length > 0) {
		struct table *table;
		int32_t status = l2_own(q, offset, &table);
		if (status < 0)
			return status;
		uint64_t piece = smaller(length, q->cluster_size - (offset & (q->cluster_size - 1)));
		uint32_t index = index_of(q, offset);
		uint64_t old = l2_entry(q, table, index);
		uint64_t old_bitmap = q->is_extended ? l2_bitmap(table, index) : 0;
		uint64_t bitmap = old_bitmap;
		entry_written(q, old, &bitmap, offset, piece);
		if ((old & (ENTRY_OFFSET | ENTRY_COMPRESSED)) != host && (old & (ENTRY_OFFSET | ENTRY_COMPRESSED)) != 0)
			status = entry_free(q, old);
		if (status < 0)
			return status;
		if (old != (host | ENTRY_COPIED) || bitmap != old_bitmap)
			l2_set(q, table, index, host | ENTRY_COPIED, bitmap);
		promise_end(q, offset, 1);
		offset += piece;
		length -= piece;
		host += q->cluster_size;
	}
	return 0;
}

void qcow2_abandon(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent)
{
	struct qcow2 *q = qcow2_of(image);
	uint64_t host = extent->offset & ~(uint64_t)(q->cluster_size - 1);
	for (uint64_t end = offset + length; offset < end && !q->is_external;) {
		struct table *table;
		uint64_t entry = 0;
		/* A table that cannot be read keeps the room: better that than give away what it names. */
		uint32_t is_known = l2_find(q, offset, &table) >= 0;
		if (is_known && table != NULL)
			entry = l2_entry(q, table, index_of(q, offset));
		uint32_t is_named = (entry & ENTRY_COMPRESSED) == 0 && (entry & ENTRY_OFFSET) == host;
		if (!promise_end(q, offset, is_named) && is_known && !is_named)
			clusters_return(q, host, 1);
		host += q->cluster_size;
		offset = (offset & ~(uint64_t)(q->cluster_size - 1)) + q->cluster_size;
	}
}
