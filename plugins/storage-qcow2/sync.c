/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What changed in memory goes to the disk, in the order that qcow2.h gives reasons for.
 */
#include "qcow2.h"

static uint32_t is_first(const struct table *table)
{
	return table->kind == TABLE_REFCOUNT || table->is_fresh;
}

static uint32_t is_last(const struct table *table)
{
	return !is_first(table);
}

/* Entries from..to of a table of big-endian numbers, in pieces. */
static int32_t numbers_write(struct qcow2 *q, const uint64_t *table, uint64_t from, uint64_t to, uint64_t offset)
{
	uint8_t buffer[4096];
	while (from < to) {
		uint64_t count = smaller(to - from, sizeof(buffer) / 8);
		for (uint64_t i = 0; i < count; i++)
			vmm_block_put_be64(buffer + 8 * i, table[from + i]);
		int32_t status = vmm_block_file_write(q->file, buffer, count * 8, offset + from * 8);
		if (status < 0)
			return status;
		from += count;
	}
	return 0;
}

static int32_t refcount_table_sync(struct qcow2 *q)
{
	if (q->refcount_dirty_to == 0)
		return 0;
	int32_t status;
	if (q->refcount_moved) {
		/* Written whole in the first step. */
		status = header_write(q);
	} else {
		uint64_t from = q->refcount_dirty_from & ~UINT64_C(63);
		uint64_t to = smaller((q->refcount_dirty_to + 63) & ~UINT64_C(63), q->refcount_entries);
		status = numbers_write(q, q->refcounts, from, to, q->refcount_offset);
		if (status >= 0)
			status = vmm_block_file_sync(q->file);
	}
	if (status < 0)
		return status;
	q->refcount_moved = 0;
	q->refcount_dirty_from = q->refcount_dirty_to = 0;
	return 0;
}

static int32_t l1_write(struct qcow2 *q)
{
	for (uint32_t i = 0; i < q->l1_size; i += 64) {
		if (!q->l1_dirty[i / 64])
			continue;
		int32_t status = numbers_write(q, q->l1, i, smaller(q->l1_size, (uint64_t)i + 64), q->l1_offset);
		if (status < 0)
			return status;
	}
	return 0;
}

/* The kit fills units up, the last one, too; but a data file that is a raw image ends where the disk does. */
static int32_t data_sync(struct qcow2 *q)
{
	struct vmm_block_file_info info;
	int32_t status = 0;
	if ((q->autoclear & AUTOCLEAR_RAW) != 0 && (q->image->flags & VMM_BLOCK_READONLY) == 0) {
		status = vmm_block_file_info(q->data, &info);
		if (status >= 0 && info.length > q->image->length)
			status = vmm_block_file_truncate(q->data, q->image->length);
	}
	return status < 0 ? status : vmm_block_file_sync(q->data);
}

int32_t qcow2_sync(struct vmm_block_image *image)
{
	struct qcow2 *q = qcow2_of(image);
	uint32_t written = 0;
	int32_t status = cache_write(q, is_first, &written);
	if (status >= 0 && q->refcount_moved)
		status = numbers_write(q, q->refcounts, 0, q->refcount_entries, q->refcount_offset);
	if (status >= 0 && q->is_external)
		status = data_sync(q);
	if (status >= 0)
		status = vmm_block_file_sync(q->file);
	if (status < 0)
		return status;
	cache_clean(q, is_first);
	status = refcount_table_sync(q);
	if (status < 0)
		return status;
	written = 0;
	status = cache_write(q, is_last, &written);
	if (status >= 0 && q->l1_is_dirty)
		status = l1_write(q);
	if (status >= 0 && (written || q->l1_is_dirty))
		status = vmm_block_file_sync(q->file);
	if (status < 0)
		return status;
	cache_clean(q, is_last);
	if (q->l1_is_dirty)
		memset(q->l1_dirty, 0, (q->l1_size + 63) / 64);
	q->l1_is_dirty = 0;
	clusters_freed_apply(q);
	return 0;
}
