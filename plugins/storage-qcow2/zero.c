/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Zeros that take no room, and what is discarded.
 */
#include "qcow2.h"

/* What an entry becomes when units `first` .. `last` of its cluster are zeros.  Returns 1 if its room is given up. */
static uint32_t entry_zeroed(
	const struct qcow2 *q, uint32_t first, uint32_t last, uint32_t discard, uint64_t *entry, uint64_t *bitmap)
{
	uint32_t has_parent = q->image->parent[0] != '\0';
	uint32_t is_whole = last - first + 1 == q->units;
	uint64_t old = *entry & (ENTRY_OFFSET | ENTRY_COPIED);
	/* Room is kept if it may be; that of an external data file is nobody else's. */
	uint32_t keeps = (*entry & ENTRY_COMPRESSED) == 0 && (*entry & ENTRY_COPIED) != 0 &&
		(!discard || q->is_external);
	if (q->is_extended) {
		uint64_t mask = ((UINT64_C(2) << (last - first)) - 1) << first;
		*bitmap &= ~(mask | mask << SUBCLUSTERS);
		if (has_parent || !is_whole || keeps)
			*bitmap |= mask << SUBCLUSTERS;
		uint32_t is_empty = is_whole || (uint32_t)*bitmap == 0;
		if (keeps || !is_empty)
			return 0;
		*entry = 0;
		return 1;
	}
	if (q->version < 3) {
		*entry = 0;
		return 1;
	}
	*entry = keeps ? old | ENTRY_ZERO : has_parent ? ENTRY_ZERO : 0;
	return !keeps;
}

/* Units of one cluster. */
static int32_t cluster_zero(
	struct qcow2 *q, struct table *table, uint32_t index, uint32_t first, uint32_t last, uint32_t discard)
{
	uint64_t old = l2_entry(q, table, index);
	uint64_t old_bitmap = q->is_extended ? l2_bitmap(table, index) : 0;
	uint64_t entry = old;
	uint64_t bitmap = old_bitmap;
	uint32_t is_room = (old & ENTRY_COMPRESSED) != 0 || (old & ENTRY_OFFSET) != 0 ||
		(q->is_external && (old & ENTRY_COPIED) != 0);
	if (!is_room && q->image->parent[0] == '\0')
		return 0; /* it is */
	if (entry_zeroed(q, first, last, discard, &entry, &bitmap)) {
		int32_t status = entry_free(q, old);
		if (status < 0)
			return status;
	}
	if (entry != old || bitmap != old_bitmap)
		l2_set(q, table, index, entry, bitmap);
	return 0;
}

/* A part of a compressed cluster cannot be made zeros, nor a part of one that a snapshot has, too, if that has data. */
static uint32_t is_divisible(const struct qcow2 *q, const struct table *table, uint64_t offset, uint64_t length)
{
	uint32_t index = (uint32_t)(offset >> q->cluster_bits) & (q->l2_entries - 1);
	return length >= q->cluster_size || !q->is_extended || (l2_entry(q, table, index) & ENTRY_COMPRESSED) == 0;
}

static int32_t table_zero(struct qcow2 *q, uint64_t at, uint64_t end, uint32_t discard)
{
	struct table *table;
	int32_t status = cache_make_room(q);
	if (status >= 0)
		status = l2_own(q, at, &table);
	while (at < end && status >= 0) {
		uint64_t piece = smaller(end - at, q->cluster_size - (at & (q->cluster_size - 1)));
		uint32_t first = (uint32_t)(at >> q->unit_bits) & (q->units - 1);
		uint32_t last = (uint32_t)((at + piece - 1) >> q->unit_bits) & (q->units - 1);
		if (is_divisible(q, table, at, piece))
			status = cluster_zero(q, table, (uint32_t)(at >> q->cluster_bits) & (q->l2_entries - 1), first,
				last, discard);
		else
			status = -EOPNOTSUPP;
		at += piece;
	}
	return status;
}

int32_t qcow2_zero(struct vmm_block_image *image, uint64_t offset, uint64_t length, uint32_t discard)
{
	struct qcow2 *q = qcow2_of(image);
	uint64_t end = offset + length;
	uint32_t bits = q->cluster_bits + q->l2_bits;
	uint32_t has_parent = image->parent[0] != '\0';
	int32_t status = 0;
	if (q->version < 3 && has_parent)
		return -EOPNOTSUPP;
	if (q->is_external) {
		/* Who reads the data file as a raw image is to see it, too. */
		status = vmm_block_file_zero(q->data, length, offset);
		if (status < 0)
			return status;
	}
	for (uint64_t at = offset; at < end && status >= 0;) {
		uint64_t stop = smaller(end, ((at >> bits) + 1) << bits);
		uint64_t index = at >> bits;
		if (has_parent || (index < q->l1_size && (q->l1[index] & ENTRY_OFFSET) != 0))
			status = table_zero(q, at, stop, discard);
		at = stop;
	}
	return status;
}
