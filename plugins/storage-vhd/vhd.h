/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * VHD images: what the files of this plugin share.
 *
 * Names are those of Microsoft's "Virtual Hard Disk Image Format Specification" 1.0; numbers in the file are
 * big-endian.
 *
 * A fixed disk is the data and a footer.  A dynamic disk has a copy of the footer at 0, a header, a block allocation
 * table (BAT), blocks, each a bitmap of its sectors and the data, and the footer at the end.  In a differencing disk a
 * sector whose bit is clear is the parent's.
 *
 * Durability.  A new block goes behind the last one, over the footer; before anything else a new footer is written at
 * the new end, so that what a guest writes is never at the end of the file, where it could pass for one.  Its data and
 * bitmap are on the disk before the BAT names it; should the footer be lost then the copy at 0 tells what the disk is.
 * A bit of a block that the BAT names already is written when its data are on the disk.  Room that is given up is used
 * anew when the BAT on the disk does not name it any more.
 */
#ifndef VHD_H
#define VHD_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/block/format.h>
#include <vmm/kit/plugin.h>

#define FOOTER_SIZE   512u
#define HEADER_SIZE   1024u
#define HEADER_PLACE  512u  /* where we have it; the footer says where others have */
#define BAT_PLACE     1536u /* the same */
#define LOCATORS      8u
#define LOCATOR_SIZE  24u
#define BAT_ABSENT    UINT32_MAX
#define NO_OFFSET     UINT64_MAX
#define BAT_MAXIMUM   (64u << 20) /* bytes */
#define BLOCK_MAXIMUM (1u << 30)  /* what the kit takes as a unit */
#define LENGTH_LIMIT  (UINT64_C(2040) << 30)
#define DATA_ALIGN    4096u /* of a new block's data, which the specification does not ask for */
#define PATH_BYTES    512u  /* UTF-16 */

enum { DISK_FIXED = 2, DISK_DYNAMIC = 3, DISK_DIFFERENCING = 4 };

/* Offsets of the footer's fields. */
enum {
	AT_COOKIE = 0,
	AT_FEATURES = 8,
	AT_VERSION = 12,
	AT_DATA_OFFSET = 16,
	AT_TIME = 24,
	AT_CREATOR = 28,
	AT_CREATOR_VERSION = 32,
	AT_CREATOR_HOST = 36,
	AT_ORIGINAL_SIZE = 40,
	AT_CURRENT_SIZE = 48,
	AT_GEOMETRY = 56,
	AT_DISK_TYPE = 60,
	AT_CHECKSUM = 64,
	AT_UUID = 68,
};
/* And of the dynamic disk header's. */
enum {
	AT_TABLE_OFFSET = 16,
	AT_HEADER_VERSION = 24,
	AT_MAX_ENTRIES = 28,
	AT_BLOCK_SIZE = 32,
	AT_HEADER_CHECKSUM = 36,
	AT_PARENT_UUID = 40,
	AT_PARENT_TIME = 56,
	AT_PARENT_NAME = 64,
	AT_LOCATORS = 576,
};

/* The bitmap of a block, in memory. */
struct bitmap {
	uint32_t block;
	uint8_t is_fresh; /* the BAT on the disk does not name its block */
	uint8_t is_dirty;
	struct bitmap *hash_next;
	struct bitmap *newer, *older;
	uint8_t bits[];
};

struct vhd {
	struct vmm_block_image *image;
	struct vmm_block_file *file;
	uint8_t footer[FOOTER_SIZE];
	uint8_t header[HEADER_SIZE];
	uint32_t disk_type;
	uint64_t header_offset;
	/* What was wrong when it was opened, for check. */
	uint32_t is_footer_bad, is_copy_bad, is_footer_old, is_header_bad, is_different;
	uint64_t table_offset;
	uint32_t entries; /* of the BAT that the disk needs */
	uint32_t max_entries;
	uint32_t block_size, bitmap_size, sectors; /* of a block */
	uint32_t block_bits;
	uint32_t *bat;      /* padded to whole sectors */
	uint8_t *bat_dirty; /* one for each sector of it */
	uint32_t bat_is_dirty;
	uint64_t end;            /* behind the last block, where the footer goes */
	uint32_t footer_is_away; /* it is not there, or not as it should be */
	/* Room between blocks, for new ones; found when the first is needed. */
	uint64_t *slots;
	uint32_t slot_count, slot_room, slots_are_known;
	uint32_t slots_are_closed; /* while blocks move, what becomes free is not for new ones */
	uint32_t is_overlapping;   /* two blocks claim the same room: none is given up then */
	uint64_t *freed;           /* will be room after the next sync */
	uint32_t freed_count, freed_room;
	uint32_t complaints;
	/* Differencing: bitmaps.  The mutex is theirs: map is called from any number of threads. */
	pthread_mutex_t mutex;
	uint32_t has_mutex;
	struct bitmap **buckets;
	uint32_t bucket_count, bitmap_count, bitmap_maximum, bitmap_dirty;
	struct bitmap *newest, *oldest;
};

static inline struct vhd *vhd_of(const struct vmm_block_image *image)
{
	return image->state;
}
static inline uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}
static inline uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}
static inline uint64_t sectors_up(uint64_t length)
{
	return (length + VMM_BLOCK_SECTOR - 1) & ~(uint64_t)(VMM_BLOCK_SECTOR - 1);
}
static inline uint64_t block_offset(const struct vhd *vhd, uint32_t block)
{
	return (uint64_t)vhd->bat[block] * VMM_BLOCK_SECTOR;
}
static inline uint64_t slot_size(const struct vhd *vhd)
{
	return (uint64_t)vhd->bitmap_size + vhd->block_size;
}

/* footer.c */
uint32_t checksum(const uint8_t *data, uint32_t length, uint32_t field);
uint32_t footer_is_good(const uint8_t *footer, uint32_t length);
uint64_t footer_length(const uint8_t *footer); /* of the disk, by the creator's rule */
void footer_length_set(uint8_t *footer, uint64_t length);
void footer_make(uint8_t *footer, uint64_t length, uint32_t disk_type);
void footer_seal(uint8_t *footer); /* the checksum */
uint32_t time_now(void);
uint32_t time_of_file(const char *path);
int32_t footer_read(struct vhd *vhd); /* finds the best one */

/* header.c */
int32_t header_read(struct vhd *vhd);
void header_seal(uint8_t *header);
int32_t vhd_damaged(struct vhd *vhd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* locator.c */
void parent_find(struct vhd *vhd);
struct locators {
	uint8_t data[2][PATH_BYTES * 2];
	uint32_t length[2];
	uint32_t count;
};
/* The header's fields for a parent, and the locators that go to `offset`; -ENAMETOOLONG. */
int32_t parent_encode(uint8_t *header, const char *path, const char *parent, struct vmm_block_image *parent_image,
	uint64_t offset, struct locators *locators);
int32_t locators_write(struct vmm_block_file *file, const struct locators *locators, uint64_t offset);
int32_t vhd_joined(struct vmm_block_image *image);

/* bitmap.c */
int32_t bitmap_init(struct vhd *vhd);
void bitmap_free(struct vhd *vhd);
int32_t bitmap_get(struct vhd *vhd, uint32_t block, struct bitmap **bitmap); /* [under the mutex, or exclusive] */
int32_t bitmap_new(struct vhd *vhd, uint32_t block, struct bitmap **bitmap);
void bitmap_forget(struct vhd *vhd, uint32_t block);
uint32_t bitmap_bit(const uint8_t *bits, uint32_t sector);
/* The end of the run of equal bits from `sector` on, at most `end`. */
uint32_t bitmap_run(const uint8_t *bits, uint32_t sector, uint32_t end);
void bitmap_set(struct vhd *vhd, struct bitmap *bitmap, uint32_t sector, uint32_t end, uint32_t value);
int32_t bitmap_write(struct vhd *vhd, uint32_t is_fresh);
void bitmap_clean(struct vhd *vhd, uint32_t is_fresh);

/* slot.c */
int32_t slot_take(struct vhd *vhd, uint64_t *offset);
int32_t slot_return(struct vhd *vhd, uint64_t offset); /* nothing on the disk names it */
int32_t slot_free(struct vhd *vhd, uint64_t offset);   /* after the next sync */
void slots_freed(struct vhd *vhd);
int32_t slots_find(struct vhd *vhd);
struct used {
	uint64_t start, end;
	uint32_t block; /* BAT_ABSENT: a table of the image's own */
};
/* All that is in use, sorted; the caller frees it. */
int32_t used_list(struct vhd *vhd, struct used **list, uint32_t *count);

/* block.c */
void bat_set(struct vhd *vhd, uint32_t block, uint32_t sector);
int32_t vhd_map(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent);
int32_t vhd_allocate(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent);
int32_t vhd_commit(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent);
void vhd_abandon(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent);
int32_t vhd_zero(struct vmm_block_image *image, uint64_t offset, uint64_t length, uint32_t discard);
int32_t block_drop(struct vhd *vhd, uint32_t block);

/* sync.c */
int32_t vhd_sync(struct vmm_block_image *image);
int32_t footers_write(struct vhd *vhd); /* both; durable */

/* check.c, create.c, resize.c, rebase.c, compact.c */
int32_t vhd_check(struct vmm_block_image *image, struct vmm_block_report *report);
#define VHD_OPTIONS 1
extern const struct vmm_param vhd_options[VHD_OPTIONS];
int32_t vhd_create(const struct vmm_block_create *create);
int32_t vhd_resize(struct vmm_block_image *image, uint64_t length);
int32_t vhd_rebase(struct vmm_block_image *image, const char *parent, const char *parent_format,
	struct vmm_block_image *parent_image);
int32_t vhd_compact(struct vmm_block_image *image, struct vmm_block_report *report);

/* vhd.c */
extern const struct vmm_block_format vmm_vhd_format;

#endif
