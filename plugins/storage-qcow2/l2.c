/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * L1 and L2 tables: finding an entry, understanding it, changing it.
 */
#include <stdarg.h>
#include <stdio.h>

#include "qcow2.h"

#define COMPLAINTS_MAXIMUM 8u

/* A table that contradicts itself was met while the image is in use. */
int32_t damaged(struct qcow2 *q, const char *format, ...)
{
	/* From any thread. */
	if (__atomic_fetch_add(&q->complaints, 1, __ATOMIC_RELAXED) < COMPLAINTS_MAXIMUM) {
		char text[256];
		int used = snprintf(text, sizeof(text), "%.100s is damaged (run `vmm disk repair`): ", q->image->path);
		va_list arguments;
		va_start(arguments, format);
		vsnprintf(text + used, sizeof(text) - (size_t)used, format, arguments);
		va_end(arguments);
		q->image->host->log(q->image->host->context, VMM_LOG_ERROR, text);
	}
	return -EIO;
}

int32_t entry_place(const struct qcow2 *q, uint64_t entry, uint64_t bitmap, uint32_t subcluster, struct place *place)
{
	uint64_t offset = entry & ENTRY_OFFSET;
	*place = (struct place){ .kind = VMM_BLOCK_ABSENT };
	if ((entry & ENTRY_COMPRESSED) != 0) {
		place->kind = VMM_BLOCK_PACKED;
		return q->is_external ? -EIO : 0;
	}
	if ((offset & (q->cluster_size - 1)) != 0)
		return -EIO;
	place->is_copied = (entry & ENTRY_COPIED) != 0;
	/* In an external data file a cluster may be at 0; the copied flag says that it is there. */
	place->has_room = offset != 0 || (q->is_external && place->is_copied);
	place->host = offset + ((uint64_t)subcluster << q->unit_bits);
	if (q->is_extended) {
		uint32_t is_allocated = (bitmap >> subcluster) & 1;
		uint32_t is_zero = (bitmap >> (SUBCLUSTERS + subcluster)) & 1;
		if ((is_allocated && (is_zero || !place->has_room)) || (entry & ENTRY_ZERO) != 0)
			return -EIO;
		place->kind = is_zero ? VMM_BLOCK_ZERO : is_allocated ? VMM_BLOCK_DATA : VMM_BLOCK_ABSENT;
	} else if ((entry & ENTRY_ZERO) != 0) {
		if (q->version < 3)
			return -EIO;
		place->kind = VMM_BLOCK_ZERO;
	} else if (place->has_room) {
		place->kind = VMM_BLOCK_DATA;
	}
	return 0;
}

static uint32_t l1_index(const struct qcow2 *q, uint64_t offset)
{
	return (uint32_t)(offset >> (q->cluster_bits + q->l2_bits));
}

int32_t l2_find(struct qcow2 *q, uint64_t offset, struct table **table)
{
	uint64_t index = offset >> (q->cluster_bits + q->l2_bits);
	*table = NULL;
	if (index >= q->l1_size || (q->l1[index] & ENTRY_OFFSET) == 0)
		return 0;
	return cache_get(q, q->l1[index] & ENTRY_OFFSET, TABLE_L2, table);
}

void l1_set(struct qcow2 *q, uint32_t index, uint64_t entry)
{
	q->l1[index] = entry;
	if ((entry & ENTRY_OFFSET) != 0)
		guard_add(q, entry & ENTRY_OFFSET);
	q->l1_dirty[index / 64] = 1;
	q->l1_is_dirty = 1;
}

int32_t l2_own(struct qcow2 *q, uint64_t offset, struct table **table)
{
	uint32_t index = l1_index(q, offset);
	struct table *old;
	uint64_t host;
	int32_t status = l2_find(q, offset, &old);
	if (status < 0)
		return status;
	if (old != NULL && (q->l1[index] & ENTRY_COPIED) != 0) {
		*table = old;
		return 0;
	}
	status = clusters_allocate_all(q, 1, &host);
	if (status < 0)
		return status;
	status = cache_new(q, host, TABLE_L2, table);
	/* That may have taken the place of the old one. */
	if (status >= 0)
		status = l2_find(q, offset, &old);
	if (status >= 0 && old != NULL) {
		memcpy((*table)->data, old->data, q->cluster_size);
		status = clusters_free(q, old->offset, 1);
	}
	if (status < 0) {
		cache_forget(q, host);
		clusters_return(q, host, 1);
		return status;
	}
	l1_set(q, index, host | ENTRY_COPIED);
	return 0;
}

void l2_set(struct qcow2 *q, struct table *table, uint32_t index, uint64_t entry, uint64_t bitmap)
{
	uint8_t *at = table->data + (size_t)index * q->entry_size;
	vmm_block_put_be64(at, entry);
	if (q->is_extended)
		vmm_block_put_be64(at + 8, bitmap);
	cache_dirty(q, table, index * q->entry_size, q->entry_size);
}

/* The specification's "compressed clusters descriptor": the offset's bits, then how many more sectors it touches. */
void entry_compressed(const struct qcow2 *q, uint64_t entry, uint64_t *offset, uint32_t *length)
{
	uint32_t bits = 62 - (q->cluster_bits - 8);
	*offset = entry & ((UINT64_C(1) << bits) - 1);
	uint32_t sectors = (uint32_t)((entry & ~(ENTRY_COPIED | ENTRY_COMPRESSED)) >> bits) + 1;
	*length = sectors * VMM_BLOCK_SECTOR - (uint32_t)(*offset & (VMM_BLOCK_SECTOR - 1));
}

/* Room that a damaged entry claims stays in use: it may be somebody else's. */
static int32_t room_free(struct qcow2 *q, uint64_t first, uint64_t count)
{
	uint64_t host = first << q->cluster_bits;
	if (first >= q->file_clusters || overlap_check(q, host, count << q->cluster_bits) != NULL)
		return 0;
	return clusters_free(q, host, count);
}

/* What an entry names is not needed any more, once the table with it is on the disk. */
int32_t entry_free(struct qcow2 *q, uint64_t entry)
{
	if (q->is_external)
		return 0;
	if ((entry & ENTRY_COMPRESSED) != 0) {
		uint64_t offset;
		uint32_t length;
		entry_compressed(q, entry, &offset, &length);
		q->unpacked_entry = 0;
		q->pack_at = 0; /* the next one is not to join a cluster that may become free */
		uint64_t first = offset >> q->cluster_bits;
		uint64_t last = (offset + length - 1) >> q->cluster_bits;
		return room_free(q, first, last - first + 1);
	}
	uint64_t offset = entry & ENTRY_OFFSET;
	if (offset == 0 || (offset & (q->cluster_size - 1)) != 0)
		return 0;
	return room_free(q, offset >> q->cluster_bits, 1);
}
