/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Where the bytes of an image are.
 */
#include "qcow2.h"

static int32_t unit_place(struct qcow2 *q, const struct table *table, uint64_t offset, struct place *place)
{
	uint32_t index = (uint32_t)(offset >> q->cluster_bits) & (q->l2_entries - 1);
	uint32_t subcluster = (uint32_t)(offset >> q->unit_bits) & (q->units - 1);
	uint64_t entry = l2_entry(q, table, index);
	uint64_t bitmap = q->is_extended ? l2_bitmap(table, index) : 0;
	int32_t status = entry_place(q, entry, bitmap, subcluster, place);
	/* QEMU's rule for external data files, without which discarding would hit other data. */
	if (q->is_external && place->has_room && place->host != (offset & ~(uint64_t)(q->unit - 1)))
		status = -EIO;
	/* Nor may data be where a table is: they can be written in their place. */
	if (status >= 0 && place->kind == VMM_BLOCK_DATA && !q->is_external &&
		overlap_check(q, entry & ENTRY_OFFSET, q->cluster_size) != NULL)
		status = -EIO;
	if (status < 0)
		return damaged(q, "the L2 entry for guest offset %llu cannot be (%#llx)", (unsigned long long)offset,
			(unsigned long long)entry);
	return 0;
}

/* How far from `offset` on nothing is said, by missing L2 tables. */
static uint64_t gap_end(const struct qcow2 *q, uint64_t offset, uint64_t end)
{
	uint32_t bits = q->cluster_bits + q->l2_bits;
	uint64_t index = offset >> bits;
	while (index < q->l1_size && (q->l1[index] & ENTRY_OFFSET) == 0 && (index << bits) < end)
		index++;
	return index >= q->l1_size ? end : smaller(end, index << bits);
}

static uint32_t place_flags(const struct place *place)
{
	if (place->kind == VMM_BLOCK_DATA && !place->is_copied)
		return VMM_BLOCK_SHARED;
	if (place->kind == VMM_BLOCK_ZERO && place->has_room && place->is_copied)
		return VMM_BLOCK_ALLOCATED;
	return 0;
}

static int32_t map_locked(struct qcow2 *q, uint64_t offset, uint64_t end, struct vmm_block_extent *extent)
{
	uint64_t at = offset;
	uint32_t bits = q->cluster_bits + q->l2_bits;
	while (at < end) {
		struct table *table;
		struct place place;
		int32_t status = l2_find(q, at, &table);
		if (status >= 0 && table == NULL) {
			if (at > offset && extent->kind != VMM_BLOCK_ABSENT)
				break;
			at = gap_end(q, at, end);
			continue;
		}
		if (status < 0)
			return at > offset ? (extent->length = at - offset, 0) : status;
		uint64_t stop = smaller(end, ((at >> bits) + 1) << bits);
		for (; at < stop; at = ((at >> q->unit_bits) + 1) << q->unit_bits) {
			status = unit_place(q, table, at, &place);
			if (status < 0 && at > offset)
				break;
			if (status < 0)
				return status;
			if (at == offset) {
				extent->kind = place.kind;
				extent->flags = place_flags(&place);
				extent->file = q->data;
				extent->offset = place.host + (at & (q->unit - 1));
			} else if (place.kind != extent->kind || place_flags(&place) != extent->flags ||
				(place.kind == VMM_BLOCK_DATA && place.host != extent->offset + (at - offset))) {
				break;
			}
		}
		if (at < stop)
			break;
	}
	extent->length = smaller(at, end) - offset;
	return 0;
}

int32_t qcow2_map(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent)
{
	struct qcow2 *q = qcow2_of(image);
	*extent = (struct vmm_block_extent){ .kind = VMM_BLOCK_ABSENT };
	pthread_mutex_lock(&q->mutex);
	int32_t status = map_locked(q, offset, offset + length, extent);
	pthread_mutex_unlock(&q->mutex);
	return status;
}
