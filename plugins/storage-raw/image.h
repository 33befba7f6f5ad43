/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * An image: the file, and, if it is not persistent, the blocks that were changed.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <pthread.h>

#include <vmm/kit/plugin.h>
#include <vmm/port-storage.h>
#include <vmm/state.h>

#define SECTOR           512u
#define GRANULE          UINT64_C(4096)                 /* of the map of changed blocks */
#define LENGTH_MAXIMUM   ((UINT64_C(1) << 62) - SECTOR) /* far from what overflows an off_t */
#define SEGMENTS_MAXIMUM 1024u
#define REQUEST_MAXIMUM  (UINT64_C(64) << 20)

enum { READONLY_AUTO, READONLY_YES, READONLY_NO };

struct overlay {
	int32_t fd;            /* -1: the image is persistent, or read-only */
	pthread_rwlock_t lock; /* of `map`, and of what it says about the two files */
	uint64_t granules;     /* how many the image has */
	uint64_t *map;         /* a bit each: its contents are in `fd` */
};

struct image {
	const struct vmm_host *host;
	int32_t fd;
	uint64_t length; /* as the guest sees it: whole sectors */
	uint32_t block;  /* what the file system likes best */
	uint32_t readonly, writethrough, can_punch, is_iso;
	struct overlay overlay;
	char path[4096];
};

/* image.c: by the settings; says why through host->fail. */
int32_t image_open(struct image *image, const struct vmm_host *host);
void image_close(struct image *image);

/* transfer.c: do a request, on any thread; 0 or a negative errno. */
int32_t image_transfer(struct image *image, const struct vmm_storage_request *request);
/* Bytes of one file, all of them; what is past its end reads as zeros. */
int32_t transfer_read(int32_t fd, void *data, uint64_t length, uint64_t offset);
int32_t transfer_write(int32_t fd, const void *data, uint64_t length, uint64_t offset);
int32_t transfer_zero(int32_t fd, uint64_t length, uint64_t offset);

/* overlay.c */
int32_t overlay_open(struct image *image);
void overlay_close(struct overlay *overlay);
int32_t overlay_read(struct image *image, void *data, uint64_t length, uint64_t offset);
int32_t overlay_write(struct image *image, const void *data, uint64_t length, uint64_t offset);
int32_t overlay_zero(struct image *image, uint64_t length, uint64_t offset);
int32_t overlay_save(struct image *image, const struct vmm_state_service *state);
int32_t overlay_load(struct image *image, const struct vmm_state_service *state);

#endif
