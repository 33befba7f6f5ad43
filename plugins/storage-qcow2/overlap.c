/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The last guard of an image whose refcounts lie: nothing is written where a table of its own is known to be.
 *
 * A filter with a bit for (the hash of) each L2 table and refcount block says at once that a cluster is none, mostly;
 * if it does not the tables themselves are looked through.
 */
#include "qcow2.h"

#define FILTER_MINIMUM 16u /* bits of the index */
#define FILTER_MAXIMUM 26u
#define FILTER_SPARSE  32u /* bits for each table */

static uint64_t filter_index(const struct qcow2 *q, uint64_t cluster)
{
	return (cluster * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - q->guard_bits);
}

void guard_add(struct qcow2 *q, uint64_t offset)
{
	uint64_t index = filter_index(q, offset >> q->cluster_bits);
	q->guard[index / 8] |= (uint8_t)(1u << index % 8);
}

int32_t guard_init(struct qcow2 *q)
{
	uint64_t count = 0;
	for (uint32_t i = 0; i < q->l1_size; i++)
		count += (q->l1[i] & ENTRY_OFFSET) != 0;
	for (uint64_t i = 0; i < q->refcount_entries; i++)
		count += q->refcounts[i] != 0;
	q->guard_bits = FILTER_MINIMUM;
	while (q->guard_bits < FILTER_MAXIMUM && UINT64_C(1) << q->guard_bits < count * FILTER_SPARSE)
		q->guard_bits++;
	q->guard = calloc(UINT64_C(1) << (q->guard_bits - 3), 1);
	if (q->guard == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < q->l1_size; i++) {
		if ((q->l1[i] & ENTRY_OFFSET) != 0)
			guard_add(q, q->l1[i] & ENTRY_OFFSET);
	}
	for (uint64_t i = 0; i < q->refcount_entries; i++) {
		if (q->refcounts[i] != 0)
			guard_add(q, q->refcounts[i]);
	}
	return 0;
}

static uint32_t filter_has(const struct qcow2 *q, uint64_t host, uint64_t length)
{
	for (uint64_t i = host >> q->cluster_bits; i << q->cluster_bits < host + length; i++) {
		uint64_t index = filter_index(q, i);
		if ((q->guard[index / 8] >> index % 8 & 1) != 0)
			return 1;
	}
	return 0;
}

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
	if (!filter_has(q, host, length))
		return NULL;
	for (uint64_t i = 0; i < q->refcount_entries; i++) {
		if (q->refcounts[i] != 0 && meets(host, length, q->refcounts[i], q->cluster_size))
			return "a refcount block";
	}
	for (uint32_t i = 0; i < q->l1_size; i++) {
		uint64_t offset = q->l1[i] & ENTRY_OFFSET;
		if (offset != 0 && meets(host, length, offset, q->cluster_size))
			return "an L2 table";
	}
	return NULL;
}
