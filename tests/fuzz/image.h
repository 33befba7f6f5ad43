/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What the target for images (image.c) wants to know of a format: image_NAME.c.
 */
#ifndef FUZZ_IMAGE_H
#define FUZZ_IMAGE_H

#include <vmm/block/image.h>

#define FUZZ_PARENTS 1u /* its parents may be looked for, beside it */
#define FUZZ_STRICT  2u /* what is damaged is opened for check and repair only: what is written is always read again */

struct fuzz_traits {
	uint32_t flags;
	uint64_t whole; /* the longest image that is compacted */
	/* Make the image's files by an input, with what no input would have right; 0: it is of no use. */
	uint32_t (*make)(uint8_t *data, size_t length, uint32_t choice);
};
extern const struct vmm_block_format FUZZ_FORMAT;
extern const struct fuzz_traits fuzz_traits;

/* The two names there are. */
#define FUZZ_IMAGE "image"
#define FUZZ_PART  "part"
/* Put these bytes into a file, which begins empty for every input. */
void fuzz_put(const char *name, const uint8_t *data, size_t length, uint64_t offset);

#endif
