/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * qcow2 images, versions 2 and 3: what the files of this plugin share.
 *
 * Names are those of the format's specification (docs/interop/qcow2.txt of QEMU's source).  Everything in the file is
 * big-endian; here numbers are the host's, but for the tables that the cache holds.
 *
 * Durability.  A cluster whose refcount is too high is only waste, one whose refcount is too low is lost data; so sync
 * writes in this order, with a sync of the file between the steps:
 *   1. raised refcounts, L2 tables that no L1 entry names yet, a refcount table that the header does not name yet;
 *   2. the entries of the refcount table, or the header's pointer to it (rare);
 *   3. L2 tables that are in use, and L1 entries;
 * and only then are clusters that are not named any more counted down, to be found free (and their counts to be written
 * at the next step 1).  Therefore no dirty bit is needed, and none is set, though lazy refcounts may be asked for.
 */
#ifndef QCOW2_H
#define QCOW2_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/block/format.h>
#include <vmm/kit/plugin.h>

#define QCOW2_MAGIC 0x514649fbu

#define INCOMPATIBLE_DIRTY       UINT64_C(1)
#define INCOMPATIBLE_CORRUPT     UINT64_C(2)
#define INCOMPATIBLE_DATA_FILE   UINT64_C(4)
#define INCOMPATIBLE_COMPRESSION UINT64_C(8)
#define INCOMPATIBLE_EXTENDED_L2 UINT64_C(16)
#define INCOMPATIBLE_KNOWN       UINT64_C(31)
#define COMPATIBLE_LAZY          UINT64_C(1)
#define AUTOCLEAR_BITMAPS        UINT64_C(1)
#define AUTOCLEAR_RAW            UINT64_C(2) /* the external data file can be read as a raw image */

#define EXTENSION_END       0u
#define EXTENSION_BACKING   0xe2792acau
#define EXTENSION_FEATURES  0x6803f857u
#define EXTENSION_BITMAPS   0x23852875u
#define EXTENSION_LUKS      0x0537be77u
#define EXTENSION_DATA_FILE 0x44415441u
#define EXTENSION_PACKED    0x766d6d70u /* ours, "vmmp", empty: converting to this image compresses; others ignore it */

#define ENTRY_OFFSET     UINT64_C(0x00fffffffffffe00) /* of L1, L2 and (but for the top byte) refcount table entries */
#define ENTRY_COPIED     (UINT64_C(1) << 63)
#define ENTRY_COMPRESSED (UINT64_C(1) << 62)
#define ENTRY_ZERO       UINT64_C(1)
#define SUBCLUSTERS      32u

/* Bounds that other implementations have, too. */
#define L1_MAXIMUM             (32u << 20)
#define REFCOUNT_TABLE_MAXIMUM (8u << 20)
#define SNAPSHOTS_MAXIMUM      65536u
#define SNAPSHOT_EXTRA_MAXIMUM 1024u
#define BACKING_NAME_MAXIMUM   1023u

/* Offsets of the header's fields. */
enum {
	AT_MAGIC = 0,
	AT_VERSION = 4,
	AT_BACKING_OFFSET = 8,
	AT_BACKING_SIZE = 16,
	AT_CLUSTER_BITS = 20,
	AT_SIZE = 24,
	AT_CRYPT_METHOD = 32,
	AT_L1_SIZE = 36,
	AT_L1_OFFSET = 40,
	AT_REFCOUNT_OFFSET = 48,
	AT_REFCOUNT_CLUSTERS = 56,
	AT_SNAPSHOT_COUNT = 60,
	AT_SNAPSHOT_OFFSET = 64,
	AT_INCOMPATIBLE = 72,
	AT_COMPATIBLE = 80,
	AT_AUTOCLEAR = 88,
	AT_REFCOUNT_ORDER = 96,
	AT_HEADER_LENGTH = 100,
	AT_COMPRESSION = 104,
	HEADER_V2 = 72,
	HEADER_V3 = 104,
	HEADER_OURS = 112,
};

#define TABLE_L2       1u
#define TABLE_REFCOUNT 2u

/* An L2 table or a refcount block in memory.  One that is dirty stays. */
struct table {
	uint64_t offset;
	uint8_t *data;
	uint32_t kind;
	uint32_t is_fresh; /* nothing on the disk names it */
	uint32_t dirty_from, dirty_to;
	struct table *hash_next;
	struct table *newer, *older;
};

struct cache {
	struct table **buckets;
	uint32_t bucket_count; /* a power of 2 */
	uint32_t count, maximum;
	uint32_t dirty;
	struct table *newest, *oldest;
};

/* Clusters that are to be counted down when no table on the disk names them. */
struct run {
	uint64_t cluster, count;
};

/* Room in an extended-L2 cluster that was allocated for one subcluster and not committed yet. */
struct promise {
	uint64_t cluster, host;
	uint32_t users;
};

struct counts;

struct qcow2 {
	struct vmm_block_image *image;
	struct vmm_block_file *file;
	struct vmm_block_file *data; /* `file`, or the external data file */
	char data_path[4096];
	uint32_t is_external, is_extended;
	uint32_t is_packed;          /* made to be compressed */
	uint32_t complaints;         /* how often damage was logged */
	uint32_t is_refcount_broken; /* the table cannot be read: it is empty, and nothing may be allocated */
	/* The header. */
	uint8_t *head; /* all that the first cluster says: header, extensions, backing file name */
	uint32_t head_length;
	uint32_t version, header_length;
	uint32_t cluster_bits, cluster_size;
	uint64_t size;
	uint32_t l1_size;
	uint64_t l1_offset;
	uint64_t refcount_offset;
	uint32_t refcount_clusters;
	uint32_t snapshot_count;
	uint64_t snapshot_offset;
	uint64_t incompatible, compatible, autoclear;
	uint32_t refcount_order, compression;
	/* What follows from it. */
	uint32_t entry_size, l2_entries, l2_bits;
	uint32_t unit, unit_bits, units; /* units: in a cluster */
	uint32_t block_bits;             /* refcounts in a block */
	uint64_t refcount_maximum;
	/* Tables.  The mutex is the cache's: map is called from any number of threads. */
	pthread_mutex_t mutex;
	uint32_t has_mutex;
	struct cache cache;
	uint64_t *l1;
	uint8_t *l1_dirty; /* one for each sector of the table */
	uint32_t l1_is_dirty;
	uint64_t *refcounts; /* the refcount table */
	uint64_t refcount_entries;
	uint64_t refcount_dirty_from, refcount_dirty_to;
	uint32_t refcount_moved; /* the header does not name this table yet */
	uint64_t file_clusters;  /* what is behind is not in the file */
	uint64_t found_clusters; /* the same, when it was opened */
	uint64_t free_from;      /* no cluster before is free, as far as is known */
	struct run *freed;
	uint32_t freed_count, freed_room;
	struct promise *promises;
	uint32_t promise_count, promise_room;
	struct counts *counts; /* while refcounts are mended: what is in use in truth */
	uint64_t *snapshot_l1; /* offset and length of each snapshot's L1 table, for overlap_check */
	uint64_t snapshot_length;
	uint8_t *guard;
	uint32_t guard_bits;
	/* Where the next compressed cluster goes. */
	uint64_t pack_at, pack_end;
	uint8_t *pack_buffer;
	/* The cluster that was unpacked last, under the mutex: guests read on from where they were. */
	uint64_t unpacked_entry;
	uint8_t *unpacked;
};

static inline struct qcow2 *qcow2_of(const struct vmm_block_image *image)
{
	return image->state;
}
static inline uint64_t clusters_of(const struct qcow2 *q, uint64_t length)
{
	return (length >> q->cluster_bits) + ((length & (q->cluster_size - 1)) != 0);
}
static inline uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}
static inline uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}
/* Whether offset .. offset + length lies in the file as it is now. */
static inline uint32_t in_file(const struct qcow2 *q, uint64_t offset, uint64_t length)
{
	uint64_t end = q->file_clusters << q->cluster_bits;
	return offset <= end && length <= end - offset;
}

/* header.c */
int32_t header_read(struct qcow2 *q);
int32_t header_write(struct qcow2 *q); /* the fields; durable */
void header_encode(const struct qcow2 *q, uint8_t *at);
int32_t header_backing_set(struct qcow2 *q, const char *name, const char *format);
int32_t header_extension_find(const struct qcow2 *q, uint32_t type, const uint8_t **data, uint32_t *length);
const char *format_name_theirs(const char *name);
uint32_t header_features_put(uint8_t *at);
uint32_t header_extension_put(uint8_t *at, uint32_t type, const void *data, uint32_t length);

/* cache.c */
int32_t cache_init(struct cache *cache, uint32_t cluster_size);
void cache_free(struct cache *cache);
/* [under the mutex, or exclusive] */
int32_t cache_get(struct qcow2 *q, uint64_t offset, uint32_t kind, struct table **table);
int32_t cache_new(struct qcow2 *q, uint64_t offset, uint32_t kind, struct table **table);
void cache_dirty(struct qcow2 *q, struct table *table, uint32_t from, uint32_t length);
void cache_forget(struct qcow2 *q, uint64_t offset);
/* Write the dirty tables for which `wanted` holds; they stay dirty until cache_clean. */
typedef uint32_t (*cache_filter)(const struct table *table);
int32_t cache_write(struct qcow2 *q, cache_filter wanted, uint32_t *written);
void cache_clean(struct qcow2 *q, cache_filter wanted);
int32_t cache_make_room(struct qcow2 *q); /* sync when too much is dirty */

/* refcount.c */
int32_t refcount_get(struct qcow2 *q, uint64_t cluster, uint64_t *value);
int32_t refcount_set(struct qcow2 *q, uint64_t cluster, uint64_t value);
uint64_t refcount_load(const uint8_t *block, uint32_t order, uint64_t index);
void refcount_store(uint8_t *block, uint32_t order, uint64_t index, uint64_t value);
/* Find up to `want` adjacent free clusters, and count them 1. */
int32_t clusters_allocate(struct qcow2 *q, uint64_t want, uint64_t *host, uint64_t *got);
int32_t clusters_allocate_all(struct qcow2 *q, uint64_t want, uint64_t *host);
/* Count them down at once: nothing on the disk has ever named them. */
void clusters_return(struct qcow2 *q, uint64_t host, uint64_t count);
/* Count them down when the tables are on the disk. */
int32_t clusters_free(struct qcow2 *q, uint64_t host, uint64_t count);
void clusters_freed_apply(struct qcow2 *q);
/* Move the refcount table to the end of the file, with room for this cluster and itself. */
int32_t refcount_table_move(struct qcow2 *q, uint64_t cluster);
void refcount_entry_set(struct qcow2 *q, uint64_t block, uint64_t offset);

/* overlap.c: does this belong to the image's own tables? */
int32_t guard_init(struct qcow2 *q);
void guard_add(struct qcow2 *q, uint64_t offset); /* of an L2 table or a refcount block */
const char *overlap_check(const struct qcow2 *q, uint64_t host, uint64_t length);

/* l2.c */
struct place {
	uint32_t kind; /* VMM_BLOCK_* */
	uint32_t is_copied, has_room;
	uint64_t host; /* of the unit; with has_room */
};
static inline uint64_t l2_entry(const struct qcow2 *q, const struct table *table, uint32_t index)
{
	return vmm_block_be64(table->data + (size_t)index * q->entry_size);
}
static inline uint64_t l2_bitmap(const struct table *table, uint32_t index)
{
	return vmm_block_be64(table->data + (size_t)index * 16 + 8);
}
int32_t damaged(struct qcow2 *q, const char *format, ...) __attribute__((format(printf, 2, 3)));
int32_t entry_place(const struct qcow2 *q, uint64_t entry, uint64_t bitmap, uint32_t subcluster, struct place *place);
/* The L2 table for a guest offset; NULL: there is none. */
int32_t l2_find(struct qcow2 *q, uint64_t offset, struct table **table);
/* The same, made or copied so that it can be written. */
int32_t l2_own(struct qcow2 *q, uint64_t offset, struct table **table);
void l2_set(struct qcow2 *q, struct table *table, uint32_t index, uint64_t entry, uint64_t bitmap);
void l1_set(struct qcow2 *q, uint32_t index, uint64_t entry);
int32_t entry_free(struct qcow2 *q, uint64_t entry);
void entry_compressed(const struct qcow2 *q, uint64_t entry, uint64_t *offset, uint32_t *length);

/* map.c, allocate.c, zero.c */
int32_t qcow2_map(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent);
int32_t qcow2_allocate(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent);
int32_t qcow2_commit(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent);
void qcow2_abandon(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent);
int32_t qcow2_zero(struct vmm_block_image *image, uint64_t offset, uint64_t length, uint32_t discard);

/* packed.c */
int32_t qcow2_unpack(struct vmm_block_image *image, uint64_t offset, uint64_t length, void *data);
int32_t qcow2_pack(struct vmm_block_image *image, uint64_t offset, uint64_t length, const void *data);
int32_t cluster_unpack(struct qcow2 *q, uint64_t entry, uint8_t *data); /* a whole cluster */

/* sync.c */
int32_t qcow2_sync(struct vmm_block_image *image);

/* snapshot.c */
struct snapshot {
	uint64_t l1_offset;
	uint32_t l1_size;
	uint32_t date_seconds;
	uint64_t vm_state_size, disk_size; /* disk_size 0: as the image's */
	char id[64], name[256];
};
/* Read them one after the other; -ENODATA or -EINVAL when the table is broken. */
typedef int32_t (*snapshot_visit)(struct qcow2 *q, const struct snapshot *snapshot, void *self);
int32_t snapshots_visit(struct qcow2 *q, snapshot_visit visit, void *self, uint64_t *length);
int32_t snapshots_load(struct qcow2 *q); /* -EINVAL, -ENODATA: as above */

/* counts.c: how often each cluster is named. */
enum {
	COUNT_NONE,
	COUNT_HEADER,
	COUNT_L1,
	COUNT_L2,
	COUNT_DATA,
	COUNT_REFCOUNT_TABLE,
	COUNT_REFCOUNT_BLOCK,
	COUNT_SNAPSHOTS,
	COUNT_BITMAPS,
};
struct counts *counts_new(void);
void counts_free(struct counts *counts);
int32_t counts_add(struct counts *counts, uint64_t cluster, uint32_t kind, uint32_t *was);
uint32_t counts_get(const struct counts *counts, uint64_t cluster);
uint32_t counts_kind(const struct counts *counts, uint64_t cluster);
typedef int32_t (*counts_visit)(void *self, uint64_t cluster, uint32_t count);
int32_t counts_each(const struct counts *counts, counts_visit visit, void *self); /* in no order */
uint64_t counts_total(const struct counts *counts);                               /* clusters in use */

/* check.c, check_tables.c */
int32_t qcow2_check(struct vmm_block_image *image, struct vmm_block_report *report);
int32_t qcow2_rebuild(struct qcow2 *q); /* after an unclean end, with lazy refcounts */

/* create.c, resize.c, compact.c */
#define QCOW2_OPTIONS 7
extern const struct vmm_param qcow2_options[QCOW2_OPTIONS];
int32_t qcow2_create(const struct vmm_block_create *create);
int32_t qcow2_resize(struct vmm_block_image *image, uint64_t length);
int32_t qcow2_compact(struct vmm_block_image *image, struct vmm_block_report *report);

/* qcow2.c */
extern const struct vmm_block_format vmm_qcow2_format;

#endif
