/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The last guard of an image whose refcounts lie: nothing is written where a table of its own is known to be.
 */
#include "qcow2.h"

#define ENTRIES_MAXIMUM 65536u /* longer tables, of small clusters, would take too long each time */

static uint32_t meets(uint64_t a, uint64_t a_length, uint64_t b, uint64_t b_length)
{
	return a < b + b_length && b < a + a_length;
}

const char *overlap_check(const struct qcow2 *q, uint64_t host, uint64_t length)
{
	if (host < q->cluster_size)
		return "the header";
	if (meets(host, length, q->l1_offset, (uint64_t)q->l1_size * 8))
		return "the L1 table";
	if (meets(host, length, q->refcount_offset, q->refcount_entries * 8))
		return "the refcount table";
	if (q->snapshot_count != 0 && meets(host, length, q->snapshot_offset, q->snapshot_length))
		return "the snapshot table";
	for (uint32_t i = 0; q->snapshot_l1 != NULL && i < q->snapshot_count; i++) {
		if (meets(host, length, q->snapshot_l1[2 * (size_t)i], q->snapshot_l1[2 * (size_t)i + 1]))
			return "the L1 table of a snapshot";
	}
	for (uint64_t i = 0; i < q->refcount_entries && q->refcount_entries <= ENTRIES_MAXIMUM; i++) {
		if (q->refcounts[i] != 0 && meets(host, length, q->refcounts[i], q->cluster_size))
			return "a refcount block";
	}
	for (uint32_t i = 0; i < q->l1_size && q->l1_size <= ENTRIES_MAXIMUM; i++) {
		uint64_t offset = q->l1[i] & ENTRY_OFFSET;
		if (offset != 0 && meets(host, length, offset, q->cluster_size))
			return "an L2 table";
	}
	return NULL;
}
