/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Writes that need room, and zeros, which may give some back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

#define PUNCH (UINT64_C(128) << 10) /* from where on a hole is cheaper than zeros */

/* What is around the new data in the first and the last unit of a write. */
struct edges {
	uint64_t head, tail; /* bytes */
	uint8_t *data;       /* of both, one behind the other; NULL: all zeros */
};

static int32_t edge_read(struct vmm_block_image *image, uint8_t *data, uint64_t length, uint64_t offset)
{
	const struct vmm_storage_segment segment = { data, length };
	struct cursor cursor = { &segment, &segment + 1, 0 };
	/* Past the end of the image there are zeros. */
	uint64_t there = offset < image->length ? image->length - offset : 0;
	if (there > length)
		there = length;
	memset(data + there, 0, length - there);
	return image_read_at(image, &cursor, there, offset, false);
}

/* Do these bytes read as zeros, as far as the maps tell? */
static bool reads_zero(struct vmm_block_image *image, uint64_t length, uint64_t offset)
{
	if (offset >= image->length)
		return true;
	if (length > image->length - offset)
		length = image->length - offset;
	while (length > 0) {
		struct vmm_block_image *where;
		struct vmm_block_extent extent;
		if (chain_map(image, offset, length, &extent, &where, false) < 0 || extent.kind != VMM_BLOCK_ZERO)
			return false;
		offset += extent.length;
		length -= extent.length;
	}
	return true;
}

static int32_t edges_read(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct edges *edges)
{
	uint64_t end = offset + length, first = unit_down(image, offset), last = unit_up(image, end);
	edges->head = offset - first;
	edges->tail = last - end;
	edges->data = NULL;
	if (edges->head + edges->tail == 0 ||
		(reads_zero(image, edges->head, first) && reads_zero(image, edges->tail, end)))
		return 0;
	edges->data = malloc(edges->head + edges->tail);
	if (edges->data == NULL)
		return -ENOMEM;
	int32_t status = edge_read(image, edges->data, edges->head, first);
	if (status == 0)
		status = edge_read(image, edges->data + edges->head, edges->tail, end);
	if (status < 0) {
		free(edges->data);
		edges->data = NULL;
	}
	return status;
}

/* Zeros into new room, which may hold what was there before it was given up.  Past the end of the file there is
 * nothing yet: it need only be made longer, which was done. */
static int32_t zero_room(struct vmm_block_file *file, uint64_t length, uint64_t offset, uint64_t fresh)
{
	static const uint8_t zeros[16384];
	if (offset >= fresh)
		return 0;
	if (length >= PUNCH)
		return vmm_block_file_zero(file, length, offset);
	while (length > 0) {
		uint64_t part = length < sizeof(zeros) ? length : sizeof(zeros);
		int32_t status = vmm_block_file_write(file, zeros, part, offset);
		if (status < 0)
			return status;
		offset += part;
		length -= part;
	}
	return 0;
}

/* Room that begins past the end of its file: have the file be that long, so that the rest reads as zeros.  *fresh: from
 * where on it does. */
static int32_t room_extend(const struct vmm_block_extent *room, const struct edges *edges, uint64_t *fresh)
{
	static const uint8_t zeros[VMM_BLOCK_SECTOR];
	struct vmm_block_file_info info;
	uint64_t end = room->offset + room->length + edges->tail;
	*fresh = UINT64_MAX;
	int32_t status = vmm_block_file_info(room->file, &info);
	if (status < 0 || info.is_device || edges->data != NULL || edges->head + edges->tail == 0)
		return status;
	if (end <= info.length)
		return 0;
	if (room->offset - edges->head >= info.length)
		*fresh = room->offset - edges->head;
	/* By its last sector, which is ours: setting a length would cut off what others are writing behind it by now.
	 */
	return edges->tail != 0 ? vmm_block_file_write(room->file, zeros, sizeof(zeros), end - sizeof(zeros)) : 0;
}

static int32_t room_write(
	const struct vmm_block_extent *room, struct cursor *cursor, const struct edges *edges, uint64_t fresh)
{
	uint64_t head = edges->head, tail = edges->tail;
	int32_t status = 0;
	if (head > 0)
		status = edges->data != NULL ? vmm_block_file_write(room->file, edges->data, head, room->offset - head)
					     : zero_room(room->file, head, room->offset - head, fresh);
	if (status == 0)
		status = file_transfer(room->file, cursor, room->length, room->offset, true);
	if (status == 0 && tail > 0)
		status = edges->data != NULL
			? vmm_block_file_write(room->file, edges->data + head, tail, room->offset + room->length)
			: zero_room(room->file, tail, room->offset + room->length, fresh);
	return status;
}

/* One piece into new room.  *done: how much of it found some. */
static int32_t piece_allocate(
	struct vmm_block_image *image, struct cursor *cursor, uint64_t length, uint64_t offset, uint64_t *done)
{
	const struct vmm_block_format *format = image->format;
	struct vmm_block_extent room = { 0 };
	struct edges edges;
	uint64_t fresh;
	if (format->allocate == NULL || format->commit == NULL)
		return -EROFS;
	image_exclusive(image);
	int32_t status = format->allocate(image, offset, length, &room);
	image_exclusive_end(image);
	if (status < 0)
		return status;
	if (room.length == 0 || room.length > length || room.file == NULL)
		return -EIO;
	*done = room.length;
	status = edges_read(image, offset, room.length, &edges);
	if (status == 0) {
		pthread_mutex_lock(&image_node(image)->mutator);
		status = room_extend(&room, &edges, &fresh);
		pthread_mutex_unlock(&image_node(image)->mutator);
		if (status == 0)
			status = room_write(&room, cursor, &edges, fresh);
		free(edges.data);
	}
	image_exclusive(image);
	if (status == 0)
		status = format->commit(image, offset, room.length, &room);
	else if (format->abandon != NULL)
		format->abandon(image, offset, room.length, &room);
	image_exclusive_end(image);
	/* Whole units; what was there before may have been a parent's. */
	uint64_t first = unit_down(image, offset), last = unit_up(image, offset + room.length);
	if (status == 0) {
		extents_forget(image, first, last - first);
		room.offset -= offset - first;
		room.length = last - first;
		extents_note(image, first, &room, true);
	}
	return status;
}

static bool in_place(const struct vmm_block_extent *extent)
{
	return extent->kind == VMM_BLOCK_DATA && (extent->flags & VMM_BLOCK_SHARED) == 0;
}

/* How many bytes from `offset` on need room; the first of them is known to. */
static uint64_t run_to_allocate(struct vmm_block_image *image, uint64_t length, uint64_t offset, uint64_t known)
{
	while (known < length) {
		struct vmm_block_extent extent;
		if (image_map(image, offset + known, length - known, &extent, false) < 0 || in_place(&extent))
			break;
		known += extent.length;
	}
	return known;
}

static int32_t units_write(struct vmm_block_image *image, struct cursor *cursor, uint64_t length, uint64_t offset)
{
	int32_t status = 0;
	while (length > 0 && status == 0) {
		struct vmm_block_extent extent;
		uint64_t done = 0;
		status = image_map(image, offset, length, &extent, false);
		if (status < 0)
			break;
		if (in_place(&extent)) {
			done = extent.length;
			status = file_transfer(extent.file, cursor, done, extent.offset, true);
		} else {
			uint64_t run = run_to_allocate(image, length, offset, extent.length);
			status = piece_allocate(image, cursor, run, offset, &done);
		}
		offset += done;
		length -= done;
	}
	return status;
}

int32_t allocate_write(struct vmm_block_image *image, struct cursor *cursor, uint64_t length, uint64_t offset)
{
	struct node *node = image_node(image);
	struct range range;
	range_lock(&node->ranges, &range, unit_down(image, offset), unit_up(image, offset + length), true);
	int32_t status = units_write(image, cursor, length, offset);
	range_unlock(&node->ranges, &range);
	return status;
}

/* Zeros as data. */
static int32_t zeros_write(struct vmm_block_image *image, uint64_t length, uint64_t offset)
{
	static uint8_t zeros[65536]; /* never written */
	int32_t status = 0;
	while (length > 0 && status == 0) {
		struct vmm_block_extent extent;
		status = image_map(image, offset, length, &extent, false);
		if (status < 0)
			break;
		uint64_t part = extent.length;
		if (in_place(&extent)) {
			status = vmm_block_file_zero(extent.file, part, extent.offset);
		} else if (!reads_zero(image, part, offset)) {
			const struct vmm_storage_segment segment = { zeros,
				part < sizeof(zeros) ? part : sizeof(zeros) };
			struct cursor cursor = { &segment, &segment + 1, 0 };
			part = segment.length;
			status = units_write(image, &cursor, part, offset);
		}
		offset += part;
		length -= part;
	}
	return status;
}

int32_t allocate_zero(struct vmm_block_image *image, uint64_t length, uint64_t offset, bool discard, bool locked)
{
	struct node *node = image_node(image);
	uint64_t end = offset + length;
	/* Whole units, or to the end of the image. */
	uint64_t first = unit_up(image, offset), last = end == image->length ? end : unit_down(image, end);
	struct range range;
	int32_t status = -EOPNOTSUPP;
	if (!locked)
		range_lock(&node->ranges, &range, unit_down(image, offset), unit_up(image, end), true);
	if (image->unit != 0)
		extents_forget(image, unit_down(image, offset), unit_up(image, end) - unit_down(image, offset));
	if (first < last && image->format->zero != NULL && image->unit != 0) {
		image_exclusive(image);
		status = image->format->zero(image, first, last - first, discard);
		image_exclusive_end(image);
	}
	if (status == -EOPNOTSUPP) {
		status = zeros_write(image, length, offset);
	} else if (status == 0) {
		if (offset < first)
			status = zeros_write(image, first - offset, offset);
		if (status == 0 && last < end)
			status = zeros_write(image, end - last, last);
	}
	if (!locked)
		range_unlock(&node->ranges, &range);
	return status;
}
