/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Check, second half: refcounts and copied flags against what the tables name; and mending.
 */
#include <stdarg.h>
#include <stdio.h>

#include "check.h"

uint32_t check_found(
	struct check *check, uint32_t severity, uint32_t mendable, const char *remedy, const char *format, ...)
{
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	uint32_t is_wanted = check->report->found(check->report, severity, mendable, remedy, "%s", text) != 0 &&
		mendable;
	if (check->is_rebuild && !check->is_counting)
		is_wanted = 0;
	if (is_wanted)
		check->is_mending = 1;
	else if (severity == VMM_BLOCK_DAMAGE)
		check->left++;
	return is_wanted;
}

/* Refcounts. */

static int32_t run_mend(struct check *check, uint64_t first, uint64_t count)
{
	int32_t status = 0;
	for (uint64_t i = first; i < first + count && status >= 0; i++)
		status = refcount_set(check->q, i, counts_get(check->counts, i));
	return status;
}

/* Clusters first .. first + count have refcounts that are all too high, or all too low. */
static int32_t run_found(struct check *check, uint64_t first, uint64_t count, uint32_t is_low)
{
	struct qcow2 *q = check->q;
	uint64_t wanted = counts_get(check->counts, first);
	uint64_t value;
	int32_t status = refcount_get(q, first, &value);
	if (status < 0)
		return status;
	if (wanted > q->refcount_maximum) {
		check_found(check, VMM_BLOCK_DAMAGE, 0, NULL,
			"cluster %llu is in use %llu times, which its refcount has not the bits for",
			(unsigned long long)first, (unsigned long long)wanted);
		return count > 1 ? run_found(check, first + 1, count - 1, is_low) : 0;
	}
	if (!check_found(check, is_low ? VMM_BLOCK_DAMAGE : VMM_BLOCK_WASTE, 1,
		    is_low ? "the refcounts are raised" : "the refcounts are lowered, and the room is free again",
		    "%llu clusters from %llu on have refcounts that are too %s (of the first: %llu, should be %llu)",
		    (unsigned long long)count, (unsigned long long)first, is_low ? "low" : "high",
		    (unsigned long long)value, (unsigned long long)wanted))
		return 0;
	return run_mend(check, first, count);
}

static int32_t block_compare(struct check *check, uint64_t block)
{
	struct qcow2 *q = check->q;
	uint64_t first = block << q->block_bits;
	uint64_t count = UINT64_C(1) << q->block_bits;
	uint64_t start = 0;
	uint32_t kind = 0; /* of the run: 1 too high, 2 too low, 3 more than there are bits for */
	for (uint64_t i = 0; i <= count; i++) {
		uint32_t now = 0;
		if (i < count) {
			/* Mending may have moved it out of the cache. */
			struct table *table;
			int32_t status = cache_get(q, q->refcounts[block], TABLE_REFCOUNT, &table);
			if (status < 0)
				return status;
			uint64_t value = refcount_load(table->data, q->refcount_order, i);
			uint64_t wanted = counts_get(check->counts, first + i);
			now = value > wanted ? 1 : value < wanted ? (wanted > q->refcount_maximum ? 3 : 2) : 0;
		}
		if (now == kind && kind != 3)
			continue;
		if (kind != 0) {
			int32_t status = run_found(check, first + start, i - start, kind != 1);
			if (status < 0)
				return status;
		}
		kind = now;
		start = i;
	}
	return 0;
}

/* Blocks that are missing, though something in their stretch is in use. */

struct missing {
	struct qcow2 *q;
	uint64_t *blocks;
	uint64_t count, room, clusters;
};

static int32_t missing_visit(void *self, uint64_t cluster, uint32_t count)
{
	struct missing *missing = self;
	struct qcow2 *q = missing->q;
	uint64_t block = cluster >> q->block_bits;
	(void)count;
	if (block < q->refcount_entries && q->refcounts[block] != 0)
		return 0;
	missing->clusters++;
	if (missing->count != 0 && missing->blocks[missing->count - 1] == block)
		return 0;
	if (missing->count == missing->room) {
		uint64_t room = missing->room == 0 ? 64 : missing->room * 2;
		uint64_t *blocks = reallocarray(missing->blocks, room, sizeof(*blocks));
		if (blocks == NULL)
			return -ENOMEM;
		missing->blocks = blocks;
		missing->room = room;
	}
	missing->blocks[missing->count++] = block;
	return 0;
}

static int32_t missing_mend(struct check *check, const struct missing *missing)
{
	int32_t status = 0;
	for (uint64_t k = 0; k < missing->count && status >= 0; k++) {
		uint64_t first = missing->blocks[k] << check->q->block_bits;
		for (uint64_t i = first; i < first + (UINT64_C(1) << check->q->block_bits) && status >= 0; i++) {
			uint64_t wanted = counts_get(check->counts, i);
			if (wanted != 0)
				status = refcount_set(check->q, i, smaller(wanted, check->q->refcount_maximum));
		}
	}
	return status;
}

static int32_t end_visit(void *self, uint64_t cluster, uint32_t count)
{
	struct qcow2 *q = self;
	(void)count;
	q->file_clusters = larger(q->file_clusters, cluster + 1);
	return 0;
}

static int32_t refcounts_check(struct check *check)
{
	struct qcow2 *q = check->q;
	struct missing missing = { .q = q };
	int32_t status = 0;
	if (q->is_refcount_broken && !check->is_moving)
		return 0;
	/* Until all is counted nothing is as free as it looks. */
	q->counts = check->counts;
	counts_each(check->counts, end_visit, q);
	q->free_from = q->file_clusters;
	if (check->is_moving) {
		q->refcount_clusters = 0;
		status = refcount_table_move(q, q->file_clusters);
		q->is_refcount_broken = 0;
	}
	if (status >= 0)
		status = counts_each(check->counts, missing_visit, &missing);
	if (status >= 0 && missing.count != 0 &&
		(check->is_moving ||
			check_found(check, VMM_BLOCK_DAMAGE, 1, "refcount blocks are added",
				"%llu clusters are in use, but nothing counts them",
				(unsigned long long)missing.clusters)))
		status = missing_mend(check, &missing);
	free(missing.blocks);
	for (uint64_t i = 0; i < q->refcount_entries && status >= 0; i++) {
		if (check->report->progress(check->report, i, q->refcount_entries) != 0)
			status = -ECANCELED;
		else if (q->refcounts[i] != 0 &&
			counts_kind(check->counts, q->refcounts[i] >> q->cluster_bits) == COUNT_REFCOUNT_BLOCK)
			status = block_compare(check, i);
	}
	q->counts = NULL;
	q->free_from = 0;
	return status;
}

/* The copied flag: exactly on what is named once. */

static uint32_t copied_wanted(const struct check *check, uint64_t entry)
{
	return counts_get(check->counts, (entry & ENTRY_OFFSET) >> check->q->cluster_bits) == 1;
}

static uint32_t entry_is_wrong(const struct check *check, uint64_t entry)
{
	uint32_t is_copied = (entry & ENTRY_COPIED) != 0;
	if ((entry & ENTRY_COMPRESSED) != 0)
		return is_copied;
	if ((entry & ENTRY_OFFSET) == 0 || check->q->is_external)
		return 0;
	return is_copied != copied_wanted(check, entry);
}

static int32_t l2_flags_check(struct check *check, uint64_t offset)
{
	struct qcow2 *q = check->q;
	struct table *table;
	uint32_t wrong = 0;
	int32_t status = cache_get(q, offset, TABLE_L2, &table);
	if (status < 0)
		return status;
	for (uint32_t i = 0; i < q->l2_entries; i++)
		wrong += entry_is_wrong(check, l2_entry(q, table, i));
	if (wrong == 0 ||
		!check_found(check, VMM_BLOCK_DAMAGE, 1, "the flags are set right",
			"%u entries of the L2 table at %llu have a wrong copied flag", wrong,
			(unsigned long long)offset))
		return 0;
	for (uint32_t i = 0; i < q->l2_entries; i++) {
		uint64_t entry = l2_entry(q, table, i);
		if (entry_is_wrong(check, entry))
			l2_set(q, table, i, entry ^ ENTRY_COPIED, q->is_extended ? l2_bitmap(table, i) : 0);
	}
	return 0;
}

static int32_t flags_check(struct check *check)
{
	struct qcow2 *q = check->q;
	int32_t status = 0;
	for (uint32_t i = 0; i < q->l1_size && status >= 0; i++) {
		uint64_t offset = q->l1[i] & ENTRY_OFFSET;
		if (offset == 0 || counts_kind(check->counts, offset >> q->cluster_bits) != COUNT_L2)
			continue;
		if (((q->l1[i] & ENTRY_COPIED) != 0) != copied_wanted(check, q->l1[i]) &&
			check_found(check, VMM_BLOCK_DAMAGE, 1, "the flag is set right",
				"entry %u of the L1 table has a wrong copied flag", i))
			l1_set(q, i, q->l1[i] ^ ENTRY_COPIED);
		status = cache_make_room(q);
		if (status >= 0)
			status = l2_flags_check(check, offset);
	}
	return status;
}

/* The marks that the header has of an unclean end. */
static int32_t marks_check(struct check *check)
{
	struct qcow2 *q = check->q;
	uint64_t clear = 0;
	uint64_t left = check->left;
	if ((q->incompatible & INCOMPATIBLE_DIRTY) != 0 &&
		check_found(check, VMM_BLOCK_WASTE, left == 0, "the mark is removed",
			"the image was not closed cleanly, and its refcounts may be behind"))
		clear |= INCOMPATIBLE_DIRTY;
	if ((q->incompatible & INCOMPATIBLE_CORRUPT) != 0 &&
		check_found(
			check, VMM_BLOCK_DAMAGE, left == 0, "the mark is removed", "the image is marked as corrupt"))
		clear |= INCOMPATIBLE_CORRUPT;
	if (clear == 0)
		return 0;
	q->incompatible &= ~clear;
	return header_write(q);
}

static int32_t check_run(struct check *check)
{
	struct qcow2 *q = check->q;
	int32_t status = qcow2_sync(q->image);
	if (status < 0)
		return status;
	check->counts = counts_new();
	if (check->counts == NULL)
		return -ENOMEM;
	status = check_walk(check);
	if (status >= 0 && check->is_rebuild && check->left != 0)
		status = -EIO;
	check->is_counting = 1;
	if (status >= 0)
		status = refcounts_check(check);
	if (status >= 0)
		status = flags_check(check);
	/* Also what was mended before it had to be given up. */
	if (check->is_mending) {
		int32_t synced = qcow2_sync(q->image);
		if (synced >= 0 && q->cache.dirty != 0)
			synced = qcow2_sync(q->image);
		status = status < 0 ? status : synced;
	}
	if (status >= 0)
		status = marks_check(check);
	counts_free(check->counts);
	return status;
}

int32_t qcow2_check(struct vmm_block_image *image, struct vmm_block_report *report)
{
	struct check check = { .q = qcow2_of(image), .report = report };
	int32_t status = check_run(&check);
	return status == -EUCLEAN ? 0 : status;
}

/* Rebuilding after an unclean end. */

static uint32_t rebuild_found(struct vmm_block_report *report, uint32_t severity, uint32_t mendable, const char *remedy,
	const char *format, ...)
{
	(void)report;
	(void)severity;
	(void)remedy;
	(void)format;
	return mendable;
}

static uint32_t rebuild_progress(struct vmm_block_report *report, uint64_t done, uint64_t of)
{
	(void)report;
	(void)done;
	(void)of;
	return 0;
}

int32_t qcow2_rebuild(struct qcow2 *q)
{
	struct vmm_block_report report = { rebuild_found, rebuild_progress };
	struct check check = { .q = q, .report = &report, .is_rebuild = 1 };
	int32_t status = check_run(&check);
	return status == -EUCLEAN ? -EIO : status;
}
