/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A sparse extent: grains, and two levels of tables that say where they are.  The same for hosted sparse extents and
 * streams, COWD and seSparse, which differ in their headers and in what an entry of a table looks like.
 *
 * Tables are read when they are needed and kept in pages, one a grain table, of which so many are remembered; those
 * that were changed stay until they are written, by sync.
 */
#ifndef VMDK_SPARSE_H
#define VMDK_SPARSE_H

#include <pthread.h>

#include "vmdk.h"

#define SPARSE_HOSTED 1
#define SPARSE_STREAM 2 /* hosted, with compressed grains */
#define SPARSE_COWD   3
#define SPARSE_SE     4

/* Kinds of grain. */
#define GRAIN_ABSENT 0
#define GRAIN_ZERO   1
#define GRAIN_DATA   2
#define GRAIN_BAD    3 /* the entry names no place in the file */

#define DIRECTORY_FIRST     1
#define DIRECTORY_REDUNDANT 2

#define PAGES_BYTES (UINT32_C(32) << 20) /* of unchanged pages, in memory */
#define DIRTY_BYTES (UINT32_C(16) << 20) /* of changed ones, before they are written unasked */

/* A grain table in memory. */
struct page {
	struct page *before, *after; /* in the list that it is on */
	uint32_t number;             /* of the table */
	uint32_t is_dirty;
	uint8_t entries[]; /* as in the file */
};

struct pages {
	struct page *first, *last; /* the first was used last */
	uint32_t count;
};

/* Sectors of a file: `count` from `sector` on. */
struct run {
	uint64_t sector, count;
};

struct runs {
	struct run *list; /* ascending, not touching each other */
	uint32_t count, space;
};

struct sparse {
	const struct vmdk *vmdk;
	struct part *part;
	uint32_t kind;
	uint32_t is_writable;
	struct header header;   /* HOSTED, STREAM */
	uint8_t sector[SECTOR]; /* it as it is in the file */
	/* The shape. */
	uint64_t capacity; /* sectors */
	uint64_t grain;    /* sectors */
	uint64_t grain_bytes;
	uint64_t grains;        /* how many the capacity needs */
	uint32_t gtes;          /* entries a table */
	uint32_t entry_size;    /* 4 or 8 bytes */
	uint32_t table_sectors; /* of a table */
	uint32_t tables;        /* how many */
	uint64_t grains_at;     /* SE: where grains begin, in sectors */
	uint64_t front;         /* HOSTED: no grain is before this sector */
	uint32_t *gd, *rgd;     /* where the tables are, in sectors; 0: there is none.  rgd: NULL without */
	uint64_t length;        /* of the file, in bytes, as far as we know it */
	/* Pages. */
	pthread_mutex_t lock;
	struct page **pages; /* by number */
	struct pages clean, dirty;
	uint32_t clean_maximum, dirty_maximum;
	uint32_t lost;       /* DIRECTORY_*: the one that there is no more */
	uint32_t gd_dirty;   /* the directories were changed, too */
	uint32_t is_scanned; /* STREAM: the tables were made from the markers, and are all in memory */
	/* Room. */
	uint64_t end;         /* the sector behind the last grain that is in use */
	struct runs free;     /* before it, of whole grains */
	uint32_t is_surveyed; /* and they are known */
	struct runs freed;    /* that tables on the disk may still name: free after the next sync */
	uint32_t is_marked;   /* as in use, in the file */
	uint32_t was_unclean;
	uint32_t keeps_mark; /* it was so before, and nobody has looked at what that did */
	struct cache *cache; /* STREAM: grains that were unpacked lately */
};

/* sparse.c.  A new one, and its end. */
int32_t sparse_new(struct vmdk *vmdk, struct part *part, struct sparse **sparse);
void sparse_free(struct sparse *sparse);
/* Open a part by its magic; the errno, and why. */
int32_t sparse_open(struct vmdk *vmdk, struct part *part, uint32_t is_writable, char why[256], const char **remedy,
	struct sparse **sparse);
int32_t sparse_shape(struct sparse *sparse, char why[256]);
/* Where is this? */
int32_t sparse_map(struct sparse *sparse, uint64_t offset, uint64_t length, struct vmm_block_extent *extent);

/* cowd.c, sesparse.c */
int32_t cowd_open(struct sparse *sparse, const uint8_t sector[SECTOR], char why[256], const char **remedy);
int32_t sesparse_open(struct sparse *sparse, const uint8_t sector[SECTOR], char why[256], const char **remedy);
/* What an entry of a grain table says; *sector is where the grain is. */
uint32_t sesparse_entry(const struct sparse *sparse, uint64_t entry, uint64_t *sector);

/* table.c.  Entries of grain tables. */
int32_t table_page(struct sparse *sparse, uint32_t number, struct page **page); /* locked; NULL: there is none */
uint64_t table_value(const struct sparse *sparse, const struct page *page, uint32_t index);
/* What it says. */
uint32_t table_kind(const struct sparse *sparse, uint64_t entry, uint64_t *sector);
int32_t table_get(struct sparse *sparse, uint64_t grain, uint64_t *entry);
/* Of a hosted extent: the page becomes dirty, and is made if there is none. */
int32_t table_set(struct sparse *sparse, uint64_t grain, uint32_t entry);
/* Every page as clean as in the file: forget all. */
void table_forget(struct sparse *sparse);

/* space.c.  Room for grains, in sectors. */
int32_t runs_add(struct runs *runs, uint64_t sector, uint64_t count);
void runs_free(struct runs *runs);
/* Room for `want` grains, or fewer: at least 1.  -ENOSPC. */
int32_t space_take(struct sparse *sparse, uint64_t want, uint64_t *sector, uint64_t *got);
/* Give back what no table ever named; or what tables on the disk may name. */
void space_give(struct sparse *sparse, uint64_t sector, uint64_t grains);
int32_t space_retire(struct sparse *sparse, uint64_t sector, uint64_t grains);
/* After a sync: what was retired is free, and goes back to the host. */
void space_settle(struct sparse *sparse);
/* Room for a table, of so many sectors, at the end. */
int32_t space_append(struct sparse *sparse, uint64_t sectors, uint64_t *sector);
int32_t space_grow(struct sparse *sparse, uint64_t end);

/* recover.c: before the first change, learn what is free before the end. */
void space_survey(struct sparse *sparse);

/* sync.c */
int32_t sparse_mark(struct sparse *sparse, uint32_t unclean);
int32_t sparse_header_write(struct sparse *sparse);
int32_t tables_write(struct sparse *sparse);
/* They are on the disk. */
void tables_settle(struct sparse *sparse);
int32_t directories_write(struct sparse *sparse);

/* remake.c: is one of the directories where it cannot be, and the other one right?  Then the header in memory has that
 * alone; only of images opened for check.  And a new one, which the header in memory names. */
uint32_t directory_lost(struct sparse *sparse);
int32_t directory_remake(struct sparse *sparse);

/* recover.c: it was not closed.  Makes it fit to be written, or not writable; errors are those of memory and files. */
int32_t sparse_recover(struct sparse *sparse, char why[256]);

/* grow.c: another capacity.  A smaller one loses what is behind it. */
int32_t sparse_resize(struct sparse *sparse, uint64_t capacity);

/* stream.c */
int32_t stream_footer(struct sparse *sparse, char why[256], const char **remedy);
int32_t stream_scan(struct sparse *sparse, char why[256]);
int32_t stream_read(struct sparse *sparse, uint64_t offset, uint64_t length, void *data);
/* One grain, of grain_bytes; *lba as its marker has it. */
int32_t stream_grain(struct sparse *sparse, uint64_t grain, uint64_t sector, uint8_t *data);
void cache_free(struct cache *cache);
/* pack.c */
int32_t stream_mend(struct sparse *sparse);
/* Has it no tables at all? */
uint32_t stream_is_empty(const struct sparse *sparse);

#endif
