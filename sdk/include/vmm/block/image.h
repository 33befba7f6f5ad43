/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Block kit: an image and its parents, opened by their formats for tests and tools.
 */
#ifndef VMM_BLOCK_IMAGE_H
#define VMM_BLOCK_IMAGE_H

#include <vmm/block/format.h>

/*
 * Open an image and its parents.  `formats` are those that a parent may be of, `count` of them, the image's own first;
 * parents of others are asked of the host (vmm.image/1, where it has that).  Says why if it fails.
 */
int32_t vmm_block_image_open(const struct vmm_host *host, const struct vmm_block_format *const *formats, uint32_t count,
	const char *path, uint32_t flags, struct vmm_block_image **image);
/* Syncs what can be synced, and frees all. */
void vmm_block_image_close(struct vmm_block_image *image);

/* Requests that wait.  Sectors, within the image.  Thread-safe. */
int32_t vmm_block_image_read(struct vmm_block_image *image, void *data, uint64_t length, uint64_t offset);
int32_t vmm_block_image_write(struct vmm_block_image *image, const void *data, uint64_t length, uint64_t offset);
int32_t vmm_block_image_zero(struct vmm_block_image *image, uint64_t length, uint64_t offset, uint32_t discard);
int32_t vmm_block_image_flush(struct vmm_block_image *image);

#endif
