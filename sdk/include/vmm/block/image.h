/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Block kit: an image and its parents, opened by their formats for tests and tools.
 */
#ifndef VMM_BLOCK_IMAGE_H
#define VMM_BLOCK_IMAGE_H

#include <vmm/block/format.h>

/* Byte N of the file is byte N of the disk; every chain may end in one. */
extern const struct vmm_block_format vmm_block_raw;
/* The changes to an image of any format. */
extern const struct vmm_block_format vmm_block_delta;

/*
 * Open an image and its parents.  `formats` are those that a parent may be of, `count` of them, the image's own first;
 * parents of others are asked of the host (vmm.image/1, where it has that).  Says why if it fails.
 */
int32_t vmm_block_image_open(const struct vmm_host *host, const struct vmm_block_format *const *formats, uint32_t count,
	const char *path, uint32_t flags, struct vmm_block_image **image);
/* Syncs what can be synced, and frees all.  NULL will do. */
void vmm_block_image_close(struct vmm_block_image *image);

/* Requests that wait.  Sectors, within the image.  Thread-safe. */
int32_t vmm_block_image_read(struct vmm_block_image *image, void *data, uint64_t length, uint64_t offset);
int32_t vmm_block_image_write(struct vmm_block_image *image, const void *data, uint64_t length, uint64_t offset);
int32_t vmm_block_image_zero(struct vmm_block_image *image, uint64_t length, uint64_t offset, uint32_t discard);
int32_t vmm_block_image_flush(struct vmm_block_image *image);

/* Where a piece of the disk is; from `offset` on, at most `length` bytes. */
struct vmm_block_piece {
	uint32_t kind;    /* VMM_BLOCK_ZERO, DATA, PACKED */
	uint32_t depth;   /* whose: 0 the image's own, 1 its parent's and so on; of ZERO: who says so */
	uint32_t is_hole; /* DATA: zeros that take no room; ZERO: nobody says so, it is just not there */
	uint32_t reserved;
	uint64_t length;
	const char *path; /* DATA: the file, from `offset` on; lives as long as the image */
	uint64_t offset;
};
int32_t vmm_block_image_map(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_piece *piece);
/* One unit, packed, in ascending order; -EOPNOTSUPP: by vmm_block_image_write then. */
int32_t vmm_block_image_pack(struct vmm_block_image *image, const void *data, uint64_t length, uint64_t offset);

/* What the format has for it, while nobody reads or writes.  They say why they fail. */
int32_t vmm_block_image_resize(struct vmm_block_image *image, uint64_t length);
int32_t vmm_block_image_compact(struct vmm_block_image *image, struct vmm_block_report *report);
/* Only names another parent (NULL: none); what differs must have been copied. */
int32_t vmm_block_image_rebase(struct vmm_block_image *image, const char *parent, const char *parent_format,
	struct vmm_block_image *parent_image);
int32_t vmm_block_image_check(struct vmm_block_image *image, struct vmm_block_report *report);
void vmm_block_image_info(struct vmm_block_image *image, struct vmm_block_facts *facts);

/*
 * Changed block tracking, for images that have an IMAGE.cbt beside them.  mark: a new one, past all before; `begin`:
 * make the file if there is none; while nobody writes, since what is being written may count as before.  changed: were
 * the `same` bytes from `offset` on changed since the mark was given?
 */
int32_t vmm_block_image_mark(struct vmm_block_image *image, uint32_t begin, uint64_t *mark);
int32_t vmm_block_image_changed(struct vmm_block_image *image, uint64_t since, uint64_t offset, uint64_t length,
	uint64_t *same, uint32_t *changed);

struct vmm_block_option {
	const char *key, *value;
};
struct vmm_block_new {
	const char *path;
	const char *variant; /* NULL: the format's first */
	uint64_t length;
	const char *parent; /* as it is to be named in the image; NULL: none */
	const char *parent_format;
	struct vmm_block_image *parent_image; /* open */
	const struct vmm_block_option *options;
	uint32_t option_count;
};
int32_t vmm_block_image_create(
	const struct vmm_host *host, const struct vmm_block_format *format, const struct vmm_block_new *what);

#endif
