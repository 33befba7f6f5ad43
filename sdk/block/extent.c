/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Where data have been found.
 *
 * A format's map takes its locks and may wait for a table; most requests go where others have just been.  An entry is
 * good as long as nobody gives up its unit or moves it, which only happens under an exclusive lock of the range: so
 * whoever has the range locked may believe it.
 */
#include <stdlib.h>

#include "kit.h"

#define SPAN UINT64_C(65536) /* of an entry, where units are smaller */

void extents_init(struct extents *extents)
{
	pthread_mutex_init(&extents->mutex, NULL);
	extents->table = calloc(EXTENTS, sizeof(*extents->table));
}

void extents_destroy(struct extents *extents)
{
	free(extents->table);
	pthread_mutex_destroy(&extents->mutex);
}

static uint64_t span(const struct vmm_block_image *image)
{
	return image->unit > SPAN ? image->unit : SPAN;
}

static struct extent *entry(const struct vmm_block_image *image, uint64_t offset)
{
	return &image_node(image)->extents.table[offset / span(image) % EXTENTS];
}

bool extents_find(struct vmm_block_image *image, uint64_t offset, uint64_t length, bool write, struct extent *extent)
{
	struct extents *extents = &image_node(image)->extents;
	if (extents->table == NULL)
		return false;
	pthread_mutex_lock(&extents->mutex);
	const struct extent *known = entry(image, offset);
	bool found = known->first <= offset && offset < known->end && (known->in_place || !write);
	if (found) {
		*extent = *known;
		extent->offset += offset - known->first;
		extent->first = offset;
		if (extent->end - offset > length)
			extent->end = offset + length;
	}
	pthread_mutex_unlock(&extents->mutex);
	return found;
}

/* The part of it that lies in one span. */
static void note(struct vmm_block_image *image, const struct extent *new)
{
	struct extent *known = entry(image, new->first);
	/* Does it go on where that one ends, in the file as on the disk? */
	if (known->end != 0 && known->file == new->file && known->in_place == new->in_place &&
		known->first - known->offset == new->first - new->offset &&new->first <= known->end &&
		known->first <= new->end && known->first / span(image) == new->first / span(image)) {
		if (new->first < known->first) {
			known->first = new->first;
			known->offset = new->offset;
		}
		if (new->end > known->end)
			known->end = new->end;
		return;
	}
	*known = *new;
}

void extents_note(struct vmm_block_image *image, uint64_t offset, const struct vmm_block_extent *found, bool in_place)
{
	struct extents *extents = &image_node(image)->extents;
	struct extent new = { .file = found->file, .in_place = in_place };
	uint64_t end = offset + found->length;
	/* Flat images are asked: that costs nothing. */
	if (extents->table == NULL || image->unit == 0)
		return;
	pthread_mutex_lock(&extents->mutex);
	for (new.first = offset; new.first < end; new.first = new.end) {
		uint64_t border = new.first / span(image) * span(image) + span(image);
		new.offset = found->offset + (new.first - offset);
		new.end = border < end ? border : end;
		note(image, &new);
	}
	pthread_mutex_unlock(&extents->mutex);
}

void extents_forget(struct vmm_block_image *image, uint64_t offset, uint64_t length)
{
	struct extents *extents = &image_node(image)->extents;
	if (extents->table == NULL)
		return;
	uint64_t end = offset + length;
	pthread_mutex_lock(&extents->mutex);
	for (uint32_t i = 0; i < EXTENTS; i++) {
		struct extent *known = &extents->table[i];
		if (known->first < end && offset < known->end)
			known->end = 0;
	}
	pthread_mutex_unlock(&extents->mutex);
}
