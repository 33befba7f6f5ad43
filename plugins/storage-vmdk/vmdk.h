/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * An open VMDK: its descriptor, its extents, and the files that they are in.
 */
#ifndef VMDK_H
#define VMDK_H

#include "descriptor.h"
#include "header.h"

struct sparse;

#define EXTENT_FLAT   1
#define EXTENT_ZERO   2
#define EXTENT_NONE   3 /* NOACCESS: errors */
#define EXTENT_SPARSE 4 /* hosted, COWD or seSparse */
#define EXTENT_BROKEN 5 /* its file is missing or damaged: errors; of an image that was opened for check */

/* A file of the disk, which several extents may be parts of. */
struct part {
	struct vmm_block_file *file;
	char *path;
	uint32_t is_own; /* not the kit's own file of the image */
	uint32_t is_readonly;
};

struct extent {
	uint32_t kind;
	uint32_t access;        /* ACCESS_* */
	uint64_t start, length; /* in the image, in bytes */
	uint64_t offset;        /* FLAT: in the file, in bytes */
	struct part *part;      /* FLAT, SPARSE */
	struct sparse *sparse;
	char *name; /* in UTF-8, as the descriptor has it; "" */
	char *why;  /* BROKEN: a sentence without its full stop */
};

struct vmdk {
	struct vmm_block_image *image;
	struct descriptor descriptor;
	/* Where the descriptor is: in sectors of image->file; 0: it is all of the file. */
	uint64_t descriptor_offset, descriptor_sectors;
	uint32_t descriptor_stored; /* how long it is there, in bytes */
	uint32_t cid, parent_cid;
	uint32_t is_stale; /* the parent was changed since this was made from it; of an image opened for check */
	struct extent *extents;
	uint32_t extent_count;
	struct part **parts;
	uint32_t part_count;
	uint32_t is_bare;   /* an extent without its descriptor */
	uint32_t is_stream; /* streamOptimized: written by pack only */
	struct pack *pack;  /* while it is */
};

extern const struct vmm_block_format vmdk_format;

static inline struct vmdk *vmdk_of(struct vmm_block_image *image)
{
	return image->state;
}

/* extent.c: the descriptor's lines opened. */
int32_t extents_open(struct vmdk *vmdk);
void extents_close(struct vmdk *vmdk);
/* The extent that has this byte, which is within the image. */
struct extent *extent_at(const struct vmdk *vmdk, uint64_t offset);
/* Take over an open file. */
int32_t part_add(struct vmdk *vmdk, struct vmm_block_file *file, const char *path, uint32_t is_own,
	uint32_t is_readonly, struct part **part);
/* The folder's file that the descriptor calls `name`. */
int32_t part_path(struct vmdk *vmdk, const char *name, char *path, uint32_t size);
/* Allocation unit that all sparse extents can live with. */
uint32_t extents_unit(const struct vmdk *vmdk);

/* store.c: the descriptor in its file. */
int32_t store_load(struct vmdk *vmdk, const struct header *header);
/* Write it back.  The text is replaced, and never appended to another. */
int32_t store_save(struct vmdk *vmdk);
/* Have it at this sector of its sparse extent, where nothing is. */
int32_t store_move(struct vmdk *vmdk, struct sparse *sparse, uint64_t sector, uint64_t sectors);

/* chain.c: content IDs and parents. */
int32_t chain_open(struct vmdk *vmdk);
uint32_t cid_make(void);
/* A value of the disk database, of the image or the nearest of its parents that has one. */
uint32_t chain_value(const struct vmm_block_image *image, const char *key, char *value, uint32_t size);
int32_t vmdk_joined(struct vmm_block_image *image);
int32_t vmdk_begin(struct vmm_block_image *image);
int32_t vmdk_rebase(struct vmm_block_image *image, const char *parent, const char *parent_format,
	struct vmm_block_image *parent_image);

/* lock.c: is a machine of VMware's using it? */
int32_t lock_check(struct vmdk *vmdk);

/* map.c */
int32_t vmdk_map(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent);
int32_t vmdk_allocate(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent);
int32_t vmdk_commit(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent);
void vmdk_abandon(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent);
int32_t vmdk_zero(struct vmm_block_image *image, uint64_t offset, uint64_t length, uint32_t discard);
int32_t vmdk_unpack(struct vmm_block_image *image, uint64_t offset, uint64_t length, void *data);
/* Have this grain in the extent's file, with what is to be seen there. */
int32_t grain_materialise(
	struct vmm_block_image *image, const struct extent *extent, struct sparse *sparse, uint64_t grain);

/* sync.c */
int32_t vmdk_sync(struct vmm_block_image *image);
/* The last of it: files cut, marked as closed. */
void vmdk_finish(struct vmdk *vmdk);

/* create.c */
extern const struct vmm_param vmdk_options[];
extern const uint32_t vmdk_option_count;
int32_t vmdk_create(const struct vmm_block_create *create);

/* pack.c */
int32_t vmdk_pack(struct vmm_block_image *image, uint64_t offset, uint64_t length, const void *data);
/* Write its end, so that it is complete. */
int32_t pack_finish(struct vmdk *vmdk);
void pack_end(struct vmdk *vmdk);

int32_t vmdk_check(struct vmm_block_image *image, struct vmm_block_report *report);
int32_t vmdk_resize(struct vmm_block_image *image, uint64_t length);
int32_t vmdk_compact(struct vmm_block_image *image, struct vmm_block_report *report);
void vmdk_info(struct vmm_block_image *image, struct vmm_block_facts *facts);

#endif
