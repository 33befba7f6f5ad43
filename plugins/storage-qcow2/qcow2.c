/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The format's table: opening, closing, what there is to say about an image.
 */
#include "qcow2.h"

#include <stdio.h>
#include <time.h>

static uint32_t probe(const struct vmm_probe *probe)
{
	if (probe->head_length < HEADER_V2 || vmm_block_be32(probe->head) != QCOW2_MAGIC)
		return 0;
	uint32_t version = vmm_block_be32(probe->head + AT_VERSION);
	return version >= 1 && version <= 3 ? 100 : 50;
}

/* A table of big-endian numbers. */
static int32_t numbers_read(struct qcow2 *q, uint64_t offset, uint64_t count, uint64_t **result)
{
	uint64_t *table = calloc(count + 1, sizeof(uint64_t));
	if (table == NULL)
		return -ENOMEM;
	*result = table;
	int32_t status = vmm_block_file_read(q->file, table, count * 8, offset);
	for (uint64_t i = 0; i < count; i++)
		table[i] = vmm_block_be64(&table[i]);
	return status;
}

static int32_t tables_read(struct qcow2 *q)
{
	int32_t status = numbers_read(q, q->l1_offset, q->l1_size, &q->l1);
	if (status < 0)
		return status;
	q->l1_dirty = calloc(q->l1_size / 64 + 1, 1);
	if (q->l1_dirty == NULL)
		return -ENOMEM;
	if (!q->is_refcount_broken)
		q->refcount_entries = (uint64_t)q->refcount_clusters * (q->cluster_size / 8);
	return numbers_read(q, q->refcount_offset, q->refcount_entries, &q->refcounts);
}

/* What keeps an image from being written, though it can be read. */
static int32_t soundness_check(struct qcow2 *q)
{
	struct vmm_block_image *image = q->image;
	int32_t snapshots = snapshots_load(q);
	if (snapshots < 0 && snapshots != -EINVAL && snapshots != -ENODATA)
		return snapshots;
	if ((image->flags & (VMM_BLOCK_READONLY | VMM_BLOCK_LENIENT)) != 0)
		return 0;
	if ((q->incompatible & INCOMPATIBLE_CORRUPT) != 0) {
		image->is_readonly = 1;
		image->readonly_why = "it is marked as corrupt: run `vmm disk repair` on it";
	} else if (q->is_refcount_broken) {
		image->is_readonly = 1;
		image->readonly_why = "its refcount table is damaged: run `vmm disk repair` on it";
	} else if (snapshots < 0) {
		image->is_readonly = 1;
		image->readonly_why = "its snapshot table is damaged: copy the disk to another image";
	} else if ((q->incompatible & INCOMPATIBLE_DIRTY) != 0) {
		int32_t status = qcow2_rebuild(q);
		if (status != -EIO)
			return status;
		image->is_readonly = 1;
		image->readonly_why = "its refcounts could not be rebuilt: run `vmm disk repair` on it";
	}
	return 0;
}

static int32_t open_image(struct vmm_block_image *image)
{
	struct qcow2 *q = qcow2_of(image);
	q->image = image;
	q->file = q->data = image->file;
	pthread_mutex_init(&q->mutex, NULL);
	q->has_mutex = 1;
	int32_t status = header_read(q);
	if (status >= 0)
		status = cache_init(&q->cache, q->cluster_size);
	if (status >= 0)
		status = tables_read(q);
	if (status >= 0)
		status = guard_init(q);
	if (status < 0)
		return status;
	image->length = (q->size + VMM_BLOCK_SECTOR - 1) & ~(uint64_t)(VMM_BLOCK_SECTOR - 1);
	image->unit = q->unit;
	snprintf(image->variant, sizeof(image->variant), "%s",
		q->is_packed              ? (q->version == 2 ? "v2-compressed" : "compressed")
			: q->version == 2 ? "v2"
					  : "v3");
	return soundness_check(q);
}

static void close_image(struct vmm_block_image *image)
{
	struct qcow2 *q = qcow2_of(image);
	if (!q->has_mutex)
		return;
	/* What sync counts down it leaves for the next one. */
	uint32_t is_dirty = q->cache.dirty != 0 || q->l1_is_dirty || q->freed_count != 0;
	if (is_dirty && qcow2_sync(image) >= 0 && q->cache.dirty != 0)
		qcow2_sync(image);
	cache_free(&q->cache);
	if (q->data != q->file)
		vmm_block_file_close(q->data);
	free(q->head);
	free(q->l1);
	free(q->l1_dirty);
	free(q->refcounts);
	free(q->freed);
	free(q->promises);
	free(q->snapshot_l1);
	free(q->guard);
	free(q->pack_buffer);
	free(q->unpacked);
	pthread_mutex_destroy(&q->mutex);
	memset(q, 0, sizeof(*q));
}

/* Features that a writer must keep in step, and we do not: bitmaps, above all, which from now on are stale. */
static int32_t begin(struct vmm_block_image *image)
{
	struct qcow2 *q = qcow2_of(image);
	uint64_t kept = q->is_external ? AUTOCLEAR_RAW : 0;
	if ((q->autoclear & ~kept) == 0)
		return 0;
	q->autoclear &= kept;
	return header_write(q);
}

static int32_t rebase(struct vmm_block_image *image, const char *parent, const char *parent_format,
	struct vmm_block_image *parent_image)
{
	struct qcow2 *q = qcow2_of(image);
	if (parent_format == NULL && parent_image != NULL)
		parent_format = parent_image->format->name;
	if (parent != NULL && (q->autoclear & AUTOCLEAR_RAW) != 0)
		return vmm_block_fail(image->host, -EINVAL, "convert the image to one without an external data file",
			"%.3000s promises that its external data file is a raw image, so it can have no parent",
			image->path);
	int32_t status = qcow2_sync(image);
	if (status >= 0)
		status = header_backing_set(q, parent, parent_format);
	if (status == -ENAMETOOLONG)
		return vmm_block_fail(image->host, status, "use a shorter, relative name",
			"the name of the parent of %.3000s does not fit into its first cluster", image->path);
	if (status >= 0) {
		snprintf(image->parent, sizeof(image->parent), "%s", parent == NULL ? "" : parent);
		snprintf(image->parent_format, sizeof(image->parent_format), "%s",
			parent == NULL || parent_format == NULL ? "" : parent_format);
	}
	return status;
}

static int32_t snapshot_info(struct qcow2 *q, const struct snapshot *snapshot, void *self)
{
	struct vmm_block_facts *facts = self;
	char text[512];
	char date[32] = "";
	time_t seconds = snapshot->date_seconds;
	struct tm when;
	if (gmtime_r(&seconds, &when) != NULL)
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &when);
	snprintf(text, sizeof(text), "%s `%s`, %s, %llu bytes%s", snapshot->id, snapshot->name, date,
		(unsigned long long)(snapshot->disk_size != 0 ? snapshot->disk_size : q->size),
		snapshot->vm_state_size != 0 ? ", with a machine's state" : "");
	facts->text(facts, "snapshot", text);
	return 0;
}

static void info(struct vmm_block_image *image, struct vmm_block_facts *facts)
{
	struct qcow2 *q = qcow2_of(image);
	uint64_t length;
	const uint8_t *data;
	uint32_t size;
	facts->number(facts, "version", q->version);
	facts->number(facts, "cluster-size", q->cluster_size);
	facts->number(facts, "refcount-bits", 1u << q->refcount_order);
	facts->text(facts, "compression", q->compression == 1 ? "zstd" : "zlib");
	facts->text(facts, "lazy-refcounts", (q->compatible & COMPATIBLE_LAZY) != 0 ? "yes" : "no");
	facts->text(facts, "extended-l2", q->is_extended ? "yes" : "no");
	if ((q->incompatible & INCOMPATIBLE_DIRTY) != 0)
		facts->text(facts, "dirty", "refcounts are rebuilt when it is next opened for writing");
	if ((q->incompatible & INCOMPATIBLE_CORRUPT) != 0)
		facts->text(facts, "corrupt", "marked so: run `vmm disk repair`");
	if (header_extension_find(q, EXTENSION_BITMAPS, &data, &size) >= 0 && size >= 4) {
		facts->number(facts, "bitmaps", vmm_block_be32(data));
		facts->text(facts, "bitmaps-state",
			(q->autoclear & AUTOCLEAR_BITMAPS) != 0
				? "in step; the first write makes them stale"
				: "stale: the disk was written by a program that does not keep them");
	}
	if (q->is_external) {
		facts->file(facts, "data", q->data_path);
		facts->text(facts, "data-file-raw", (q->autoclear & AUTOCLEAR_RAW) != 0 ? "yes" : "no");
	}
	facts->number(facts, "snapshots", q->snapshot_count);
	if (q->snapshot_l1 != NULL)
		snapshots_visit(q, snapshot_info, facts, &length);
}

const struct vmm_block_format vmm_qcow2_format = {
	.state_size = sizeof(struct qcow2),
	.flags = VMM_BLOCK_FORMAT_PARENTS,
	.name = "qcow2",
	.suffixes = "qcow2|qcow|img",
	.variants = "v3|v2|compressed|v2-compressed",
	.options = qcow2_options,
	.option_count = QCOW2_OPTIONS,
	.probe = probe,
	.open = open_image,
	.close = close_image,
	.begin = begin,
	.map = qcow2_map,
	.unpack = qcow2_unpack,
	.allocate = qcow2_allocate,
	.commit = qcow2_commit,
	.abandon = qcow2_abandon,
	.zero = qcow2_zero,
	.sync = qcow2_sync,
	.pack = qcow2_pack,
	.resize = qcow2_resize,
	.compact = qcow2_compact,
	.rebase = rebase,
	.check = qcow2_check,
	.info = info,
	.create = qcow2_create,
};
