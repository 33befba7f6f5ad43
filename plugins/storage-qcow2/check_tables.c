/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Check, first half: go through all tables, drop the entries that cannot be, and count what the others name.
 *
 * Tables come before data, so that of two that claim one cluster the table wins; and refcount blocks come last, since
 * they can be made anew from all the rest.
 */
#include "check.h"

#define REMEDY_DROP "the entry is emptied: its part of the disk then reads as zeros"

static int32_t add(struct check *check, uint64_t offset, uint64_t length, uint32_t kind, uint32_t *clash)
{
	struct qcow2 *q = check->q;
	uint64_t last = (offset + length - 1) >> q->cluster_bits;
	*clash = COUNT_NONE;
	for (uint64_t i = offset >> q->cluster_bits; i <= last; i++) {
		uint32_t was;
		int32_t status = counts_add(check->counts, i, kind, &was);
		if (status < 0)
			return status;
		if (was != COUNT_NONE && (was != kind || (kind != COUNT_DATA && kind != COUNT_L2)))
			*clash = was;
	}
	return 0;
}

static const char *kind_name(uint32_t kind)
{
	static const char *const names[] = { "nothing", "the header", "an L1 table", "an L2 table", "data",
		"the refcount table", "a refcount block", "the snapshot table", "bitmaps" };
	return names[kind];
}

/* Is something of this kind at a place that cannot be?  NULL: it is well. */
static const char *place_fault(const struct check *check, uint64_t offset, uint64_t length, uint32_t kind)
{
	const struct qcow2 *q = check->q;
	if ((offset & (q->cluster_size - 1)) != 0)
		return "is misaligned";
	if (!in_file(q, offset, length))
		return "is behind the end of the file";
	for (uint64_t i = offset >> q->cluster_bits; i <= (offset + length - 1) >> q->cluster_bits; i++) {
		uint32_t was = counts_kind(check->counts, i);
		if (was != COUNT_NONE && was != kind)
			return kind_name(was);
	}
	return NULL;
}

/* What is written there would destroy the other: nothing can be mended. */
static int32_t clash_fail(struct check *check, const char *what, uint32_t clash)
{
	check_found(check, VMM_BLOCK_DAMAGE, 0, NULL, "%s overlaps %s", what, kind_name(clash));
	return -EUCLEAN;
}

static uint32_t is_sentence(const char *fault)
{
	return strncmp(fault, "is ", 3) == 0;
}

/* Entries of one L2 table that name data. */

static const char *entry_fault(const struct check *check, uint64_t guest, uint64_t entry, uint64_t bitmap)
{
	const struct qcow2 *q = check->q;
	uint64_t offset = entry & ENTRY_OFFSET;
	struct place place;
	uint32_t length;
	if ((entry & ENTRY_COMPRESSED) != 0) {
		entry_compressed(q, entry, &offset, &length);
		if (q->is_external)
			return "is a compressed cluster, which an external data file cannot have";
		if (!in_file(q, offset, 1))
			return "is behind the end of the file";
		uint64_t end = smaller(offset + length, q->file_clusters << q->cluster_bits);
		offset &= ~(uint64_t)(q->cluster_size - 1);
		return place_fault(check, offset, end - offset, COUNT_DATA);
	}
	for (uint32_t i = 0; i < q->units; i++) {
		if (entry_place(q, entry, bitmap, i, &place) < 0)
			return (offset & (q->cluster_size - 1)) != 0 ? "is misaligned" : "is contradictory";
	}
	if (q->is_external)
		return place.has_room && offset != guest ? "is not where an external data file has it" : NULL;
	return offset == 0 ? NULL : place_fault(check, offset, q->cluster_size, COUNT_DATA);
}

static int32_t entry_count(struct check *check, uint64_t entry)
{
	struct qcow2 *q = check->q;
	uint64_t offset = entry & ENTRY_OFFSET;
	uint32_t length = q->cluster_size;
	uint32_t clash;
	if (q->is_external)
		return 0;
	if ((entry & ENTRY_COMPRESSED) != 0) {
		/* As far as it says, even if the file ends before: nothing else may go there. */
		entry_compressed(q, entry, &offset, &length);
	} else if (offset == 0) {
		return 0;
	}
	return add(check, offset, length, COUNT_DATA, &clash);
}

static int32_t l2_walk(struct check *check, uint64_t offset, uint64_t guest)
{
	struct qcow2 *q = check->q;
	struct table *table;
	int32_t status = cache_get(q, offset, TABLE_L2, &table);
	for (uint32_t i = 0; i < q->l2_entries && status >= 0; i++, guest += q->cluster_size) {
		uint64_t entry = l2_entry(q, table, i);
		uint64_t bitmap = q->is_extended ? l2_bitmap(table, i) : 0;
		if (entry == 0 && bitmap == 0)
			continue;
		const char *fault = entry_fault(check, guest, entry, bitmap);
		if (fault == NULL) {
			status = entry_count(check, entry);
			continue;
		}
		if (!check_found(check, VMM_BLOCK_DAMAGE, 1, REMEDY_DROP,
			    "the L2 entry for guest offset %llu (%#llx) %s%s%s", (unsigned long long)guest,
			    (unsigned long long)entry, is_sentence(fault) ? "" : "claims what belongs to ", fault,
			    check->is_active ? "" : ", in a snapshot"))
			continue;
		if (q->is_extended)
			l2_set(q, table, i, 0, UINT64_C(0xffffffff) << SUBCLUSTERS);
		else
			l2_set(q, table, i, q->version >= 3 ? ENTRY_ZERO : 0, 0);
	}
	return status;
}

/* L1 tables. */

struct l1 {
	uint64_t *entries;
	uint32_t size;
	uint64_t offset;
};

/* Whether an L1 entry names an L2 table that can be read and is not something else, too. */
static uint32_t l1_is_sound(const struct check *check, uint64_t entry)
{
	uint64_t offset = entry & ENTRY_OFFSET;
	return offset != 0 && (offset & (check->q->cluster_size - 1)) == 0 &&
		in_file(check->q, offset, check->q->cluster_size) &&
		counts_kind(check->counts, offset >> check->q->cluster_bits) == COUNT_L2;
}

static int32_t l1_tables_count(struct check *check, struct l1 *l1)
{
	struct qcow2 *q = check->q;
	uint32_t clash;
	for (uint32_t i = 0; i < l1->size; i++) {
		uint64_t offset = l1->entries[i] & ENTRY_OFFSET;
		if (offset == 0)
			continue;
		const char *fault = place_fault(check, offset, q->cluster_size, COUNT_L2);
		if (fault == NULL) {
			int32_t status = add(check, offset, q->cluster_size, COUNT_L2, &clash);
			if (status < 0)
				return status;
			continue;
		}
		if (!check_found(check, VMM_BLOCK_DAMAGE, 1, REMEDY_DROP, "entry %u of %s L1 table (%#llx) %s%s", i,
			    check->is_active ? "the" : "a snapshot's", (unsigned long long)l1->entries[i],
			    is_sentence(fault) ? "" : "claims what belongs to ", fault))
			continue;
		l1->entries[i] = 0;
		if (check->is_active) {
			l1_set(q, i, 0);
		} else {
			static const uint8_t none[8];
			int32_t status = vmm_block_file_write(
				q->file, none, sizeof(none), l1->offset + (uint64_t)i * 8);
			if (status < 0)
				return status;
		}
	}
	return 0;
}

static int32_t l1_data_count(struct check *check, const struct l1 *l1)
{
	struct qcow2 *q = check->q;
	int32_t status = 0;
	for (uint32_t i = 0; i < l1->size && status >= 0; i++) {
		if (check->report->progress(check->report, i, l1->size) != 0)
			return -ECANCELED;
		if (l1_is_sound(check, l1->entries[i]))
			status = l2_walk(
				check, l1->entries[i] & ENTRY_OFFSET, (uint64_t)i << (q->cluster_bits + q->l2_bits));
	}
	return status;
}

typedef int32_t (*l1_visit)(struct check *check, struct l1 *l1);

struct snapshot_walk {
	struct check *check;
	l1_visit visit;
	uint32_t is_first;
};

static int32_t snapshot_l1(struct qcow2 *q, const struct snapshot *snapshot, void *self)
{
	struct snapshot_walk *walk = self;
	struct check *check = walk->check;
	uint64_t length = (uint64_t)snapshot->l1_size * 8;
	uint32_t clash;
	if (length == 0)
		return 0;
	if (length > L1_MAXIMUM || (snapshot->l1_offset & (q->cluster_size - 1)) != 0 ||
		!in_file(q, snapshot->l1_offset, length)) {
		if (walk->is_first)
			check_found(check, VMM_BLOCK_DAMAGE, 0, NULL,
				"the L1 table of snapshot %s `%s` is misaligned, too long, or behind the end of the "
				"file",
				snapshot->id, snapshot->name);
		return 0;
	}
	struct l1 l1 = { calloc(snapshot->l1_size, sizeof(uint64_t)), snapshot->l1_size, snapshot->l1_offset };
	if (l1.entries == NULL)
		return -ENOMEM;
	int32_t status = vmm_block_file_read(q->file, l1.entries, length, l1.offset);
	for (uint32_t i = 0; i < l1.size; i++)
		l1.entries[i] = vmm_block_be64(&l1.entries[i]);
	if (status >= 0 && walk->is_first) {
		status = add(check, l1.offset, length, COUNT_L1, &clash);
		if (status >= 0 && clash != COUNT_NONE)
			status = clash_fail(check, "the L1 table of a snapshot", clash);
	}
	if (status >= 0)
		status = walk->visit(check, &l1);
	free(l1.entries);
	return status;
}

static int32_t l1_data_visit(struct check *check, struct l1 *l1)
{
	return l1_data_count(check, l1);
}

static int32_t snapshots_walk(struct check *check, l1_visit visit, uint32_t is_first)
{
	struct snapshot_walk walk = { check, visit, is_first };
	uint64_t length;
	if (check->q->snapshot_count == 0)
		return 0;
	check->is_active = 0;
	int32_t status = check->q->snapshot_l1 == NULL ? -EINVAL
						       : snapshots_visit(check->q, snapshot_l1, &walk, &length);
	check->is_active = 1;
	if (status != -EINVAL && status != -ENODATA)
		return status;
	if (is_first)
		check_found(check, VMM_BLOCK_DAMAGE, 0, NULL, "the snapshot table cannot be read");
	/* What its snapshots have would be taken for waste. */
	return -EUCLEAN;
}

/* Bitmaps that are in step with the disk. */

static int32_t bitmap_table_count(struct check *check, uint64_t offset, uint32_t entries)
{
	struct qcow2 *q = check->q;
	uint64_t length = (uint64_t)entries * 8;
	uint32_t clash;
	if (entries == 0)
		return 0;
	if (place_fault(check, offset, length, COUNT_BITMAPS) != NULL)
		return -EINVAL;
	int32_t status = add(check, offset, length, COUNT_BITMAPS, &clash);
	for (uint32_t i = 0; i < entries && status >= 0; i++) {
		uint8_t at[8];
		status = vmm_block_file_read(q->file, at, sizeof(at), offset + (uint64_t)i * 8);
		uint64_t data = vmm_block_be64(at) & ENTRY_OFFSET;
		if (status < 0 || data == 0)
			continue;
		if (place_fault(check, data, q->cluster_size, COUNT_BITMAPS) != NULL)
			return -EINVAL;
		status = add(check, data, q->cluster_size, COUNT_BITMAPS, &clash);
	}
	return status;
}

static int32_t bitmaps_count(struct check *check)
{
	struct qcow2 *q = check->q;
	const uint8_t *extension;
	uint32_t size;
	uint32_t clash;
	if ((q->autoclear & AUTOCLEAR_BITMAPS) == 0)
		return 0;
	if (header_extension_find(q, EXTENSION_BITMAPS, &extension, &size) < 0 || size < 24)
		return -EINVAL;
	uint32_t count = vmm_block_be32(extension);
	uint64_t length = vmm_block_be64(extension + 8);
	uint64_t at = vmm_block_be64(extension + 16);
	uint64_t end = at + length;
	if (count == 0)
		return 0;
	if (length == 0 || length > (UINT64_C(64) << 20) || place_fault(check, at, length, COUNT_BITMAPS) != NULL)
		return -EINVAL;
	int32_t status = add(check, at, length, COUNT_BITMAPS, &clash);
	for (uint32_t i = 0; i < count && status >= 0; i++) {
		uint8_t entry[24];
		if (end - at < sizeof(entry))
			return -EINVAL;
		status = vmm_block_file_read(q->file, entry, sizeof(entry), at);
		uint64_t whole = (sizeof(entry) + (uint64_t)vmm_block_be16(entry + 18) + vmm_block_be32(entry + 20) +
					 7) &
			~UINT64_C(7);
		if (whole > end - at)
			return -EINVAL;
		at += whole;
		if (status >= 0)
			status = bitmap_table_count(check, vmm_block_be64(entry), vmm_block_be32(entry + 8));
	}
	return status;
}

/* The refcount structure itself. */

static int32_t blocks_count(struct check *check)
{
	struct qcow2 *q = check->q;
	uint32_t clash = COUNT_NONE;
	int32_t status = 0;
	if (!q->is_refcount_broken &&
		place_fault(check, q->refcount_offset, (uint64_t)q->refcount_clusters * q->cluster_size, COUNT_NONE) !=
			NULL)
		q->is_refcount_broken = 1;
	if (q->is_refcount_broken) {
		if (check_found(check, VMM_BLOCK_DAMAGE, 1, "a new one is made from the L1 and L2 tables",
			    "the refcount table is misaligned, behind the end of the file, or where something else "
			    "is")) {
			check->is_moving = 1;
			memset(q->refcounts, 0, q->refcount_entries * sizeof(uint64_t));
		}
		return 0;
	}
	status = add(check, q->refcount_offset, (uint64_t)q->refcount_clusters * q->cluster_size, COUNT_REFCOUNT_TABLE,
		&clash);
	for (uint64_t i = 0; i < q->refcount_entries && status >= 0; i++) {
		uint64_t offset = q->refcounts[i];
		if (offset == 0)
			continue;
		const char *fault = place_fault(check, offset, q->cluster_size, COUNT_NONE);
		if (fault == NULL) {
			status = add(check, offset, q->cluster_size, COUNT_REFCOUNT_BLOCK, &clash);
		} else if (check_found(check, VMM_BLOCK_DAMAGE, 1, "a new block is made from the L1 and L2 tables",
				   "entry %llu of the refcount table (%#llx) %s%s", (unsigned long long)i,
				   (unsigned long long)offset, is_sentence(fault) ? "" : "claims what belongs to ",
				   fault)) {
			refcount_entry_set(q, i, 0);
		}
	}
	return status;
}

int32_t check_walk(struct check *check)
{
	struct qcow2 *q = check->q;
	struct l1 active = { q->l1, q->l1_size, q->l1_offset };
	uint32_t clash;
	int32_t status = add(check, 0, q->cluster_size, COUNT_HEADER, &clash);
	check->is_active = 1;
	if (status >= 0 && q->snapshot_count != 0 && q->snapshot_length != 0) {
		status = add(check, q->snapshot_offset, q->snapshot_length, COUNT_SNAPSHOTS, &clash);
		if (status >= 0 && clash != COUNT_NONE)
			return clash_fail(check, "the snapshot table", clash);
	}
	if (status >= 0 && q->l1_size != 0) {
		status = add(check, q->l1_offset, (uint64_t)q->l1_size * 8, COUNT_L1, &clash);
		if (status >= 0 && clash != COUNT_NONE)
			return clash_fail(check, "the L1 table", clash);
	}
	if (status >= 0)
		status = l1_tables_count(check, &active);
	if (status >= 0)
		status = snapshots_walk(check, l1_tables_count, 1);
	if (status >= 0)
		status = l1_data_count(check, &active);
	if (status >= 0)
		status = snapshots_walk(check, l1_data_visit, 0);
	if (status >= 0) {
		status = bitmaps_count(check);
		if (status == -EINVAL) {
			status = 0;
			if (check_found(
				    check, VMM_BLOCK_WASTE, 1, "they are marked as stale", "the bitmaps are broken")) {
				q->autoclear &= ~AUTOCLEAR_BITMAPS;
				status = header_write(q);
			}
		}
	}
	if (status >= 0)
		status = blocks_count(check);
	return status;
}
