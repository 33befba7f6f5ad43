/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Requests, done by the thread that calls: reading along the chain, and writing in place.
 *
 * Who reads, or writes where there is room already, shares the range with others of its kind; who finds room, or gives
 * it up, has its units for itself (allocate.c), so that nobody is left with a place that is somebody else's by now.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

#define UNPACK (UINT64_C(1) << 20)

/* Bytes that a format has in a form of its own. */
static int32_t unpack(
	struct vmm_block_image *image, struct cursor *cursor, uint64_t length, uint64_t offset, bool locked)
{
	struct node *node = image_node(image);
	struct iovec vector;
	uint64_t part = length;
	uint8_t *buffer = NULL;
	int32_t status = 0;
	if (image->format->unpack == NULL)
		return -EIO;
	/* Straight to where it belongs, if that is in one piece. */
	if (cursor_gather(cursor, &vector, &part) != 1 || part < length) {
		buffer = malloc(length < UNPACK ? length : UNPACK);
		if (buffer == NULL)
			return -ENOMEM;
	}
	for (; status == 0 && length > 0; offset += part, length -= part) {
		part = buffer == NULL || length < UNPACK ? length : UNPACK;
		if (!locked)
			pthread_rwlock_rdlock(&node->lock);
		status = image->format->unpack(image, offset, part, buffer != NULL ? buffer : vector.iov_base);
		if (!locked)
			pthread_rwlock_unlock(&node->lock);
		if (status == 0 && buffer != NULL)
			cursor_fill(cursor, buffer, part);
		else if (status == 0)
			cursor_move(cursor, part);
	}
	free(buffer);
	return status;
}

int32_t file_transfer(struct vmm_block_file *file, struct cursor *cursor, uint64_t length, uint64_t offset, bool write)
{
	while (length > 0) {
		struct iovec vectors[BLOCK_VECTORS];
		uint64_t part = length;
		int count = cursor_gather(cursor, vectors, &part);
		if (count == 0)
			return -EINVAL;
		int32_t status = write ? file_writev(file, vectors, count, offset)
				       : file_readv(file, vectors, count, offset);
		if (status < 0)
			return status;
		cursor_move(cursor, part);
		offset += part;
		length -= part;
	}
	return 0;
}

/* The extent, and those behind it that go on where it ends. */
static int32_t map_run(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *run,
	struct vmm_block_image **where, bool locked)
{
	int32_t status = chain_map(image, offset, length, run, where, locked);
	if (status < 0)
		return status;
	while (run->length < length) {
		struct vmm_block_image *next_where;
		struct vmm_block_extent next;
		/* What cannot be mapped is the next piece's trouble. */
		if (chain_map(image, offset + run->length, length - run->length, &next, &next_where, locked) < 0)
			break;
		bool goes_on = next.kind == run->kind;
		if (next.kind == VMM_BLOCK_DATA)
			goes_on = goes_on && next.file == run->file && next.offset == run->offset + run->length;
		if (next.kind == VMM_BLOCK_PACKED)
			goes_on = goes_on && next_where == *where;
		if (!goes_on)
			break;
		run->length += next.length;
	}
	return 0;
}

int32_t image_read_at(
	struct vmm_block_image *image, struct cursor *cursor, uint64_t length, uint64_t offset, bool locked)
{
	int32_t status = 0;
	while (length > 0 && status == 0) {
		struct vmm_block_image *where;
		struct vmm_block_extent extent;
		struct extent known;
		/* Who has the image to himself may be moving things. */
		if (!locked && extents_find(image, offset, length, false, &known)) {
			uint64_t part = known.end - known.first;
			status = file_transfer(known.file, cursor, part, known.offset, false);
			offset += part;
			length -= part;
			continue;
		}
		status = map_run(image, offset, length, &extent, &where, locked);
		if (status < 0)
			break;
		if (!locked && extent.kind == VMM_BLOCK_DATA)
			extents_note(image, offset, &extent, false);
		switch (extent.kind) {
		case VMM_BLOCK_DATA:
			status = file_transfer(extent.file, cursor, extent.length, extent.offset, false);
			break;
		case VMM_BLOCK_PACKED:
			status = unpack(where, cursor, extent.length, offset, locked && where == image);
			break;
		default: cursor_clear(cursor, extent.length);
		}
		offset += extent.length;
		length -= extent.length;
	}
	return status;
}

static int32_t read_request(struct vmm_block_image *image, struct cursor *cursor, uint64_t length, uint64_t offset)
{
	struct node *node = image_node(image);
	struct range range;
	/* Where things are for good nothing is given up. */
	bool flat = image->unit == 0;
	if (!flat)
		range_lock(&node->ranges, &range, offset, offset + length, false);
	int32_t status = image_read_at(image, cursor, length, offset, false);
	if (!flat)
		range_unlock(&node->ranges, &range);
	return status;
}

int32_t image_in_place(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct extent *known)
{
	struct vmm_block_extent extent;
	if (extents_find(image, offset, length, true, known))
		return 0;
	known->end = 0;
	int32_t status = image_map(image, offset, length, &extent, false);
	if (status < 0 || extent.kind != VMM_BLOCK_DATA || (extent.flags & VMM_BLOCK_SHARED) != 0)
		return status;
	extents_note(image, offset, &extent, true);
	*known = (struct extent){ offset, offset + extent.length, extent.file, extent.offset, true };
	return 0;
}

/* Write what can be written in place: *done says how much, from the beginning. */
static int32_t write_in_place(
	struct vmm_block_image *image, struct cursor *cursor, uint64_t length, uint64_t offset, uint64_t *done)
{
	struct node *node = image_node(image);
	struct range range;
	int32_t status = 0;
	*done = 0;
	if (image->unit != 0)
		range_lock(&node->ranges, &range, offset, offset + length, false);
	while (*done < length && status == 0) {
		struct extent known;
		status = image_in_place(image, offset + *done, length - *done, &known);
		if (status < 0 || known.end == 0)
			break;
		status = file_transfer(known.file, cursor, known.end - known.first, known.offset, true);
		*done += known.end - known.first;
	}
	if (image->unit != 0)
		range_unlock(&node->ranges, &range);
	return status;
}

/* What comes before every change, and after it. */
static int32_t change_begin(struct vmm_block_image *image, uint64_t offset, uint64_t length)
{
	gate_enter(&image_node(image)->gate);
	int32_t status = image_begin(image);
	if (status == 0)
		status = track_note(image, offset, length);
	if (status == 0)
		backup_before(image, offset, length);
	return status;
}

static void change_end(struct vmm_block_image *image)
{
	__atomic_fetch_add(&image_node(image)->changes, 1, __ATOMIC_RELEASE);
	gate_leave(&image_node(image)->gate);
}

static int32_t write_request(struct vmm_block_image *image, struct cursor *cursor, uint64_t length, uint64_t offset)
{
	uint64_t done = 0;
	int32_t status = change_begin(image, offset, length);
	if (status == 0)
		status = write_in_place(image, cursor, length, offset, &done);
	if (status == 0 && done < length)
		status = allocate_write(image, cursor, length - done, offset + done);
	change_end(image);
	return status;
}

static int32_t zero_request(struct vmm_block_image *image, uint64_t length, uint64_t offset, bool discard)
{
	int32_t status = change_begin(image, offset, length);
	if (status == 0 && length > 0)
		status = allocate_zero(image, length, offset, discard, false);
	change_end(image);
	return status;
}

int32_t vmm_block_image_flush(struct vmm_block_image *image)
{
	struct node *node = image_node(image);
	int32_t status = 0;
	if (!__atomic_load_n(&node->begun, __ATOMIC_ACQUIRE))
		return 0;
	pthread_mutex_lock(&node->mutator);
	uint64_t changes = __atomic_load_n(&node->changes, __ATOMIC_ACQUIRE);
	if (changes != node->flushed)
		status = track_sync(image);
	if (status == 0 && changes != node->flushed)
		status = image->format->sync != NULL ? image->format->sync(image) : vmm_block_file_sync(image->file);
	if (status == 0)
		node->flushed = changes;
	pthread_mutex_unlock(&node->mutator);
	return status;
}

static int32_t request_check(const struct vmm_block_image *image, uint64_t length, uint64_t offset)
{
	if (offset > image->length || length > image->length - offset ||
		((offset | length) & (VMM_BLOCK_SECTOR - 1)) != 0)
		return -EINVAL;
	return 0;
}

int32_t image_transfer(struct vmm_block_image *image, const struct vmm_storage_request *request)
{
	struct cursor cursor = { request->segments,
		request->segment_count != 0 ? request->segments + request->segment_count : request->segments, 0 };
	int32_t status = request->operation == VMM_STORAGE_FLUSH
		? 0
		: request_check(image, request->length, request->offset);
	if (status < 0)
		return status;
	switch (request->operation) {
	case VMM_STORAGE_READ: return read_request(image, &cursor, request->length, request->offset);
	case VMM_STORAGE_WRITE: status = write_request(image, &cursor, request->length, request->offset); break;
	case VMM_STORAGE_FLUSH: return vmm_block_image_flush(image);
	case VMM_STORAGE_DISCARD:
	case VMM_STORAGE_WRITE_ZEROES:
		status = zero_request(
			image, request->length, request->offset, request->operation == VMM_STORAGE_DISCARD);
		break;
	default: return -EINVAL;
	}
	if (status == 0 && (request->flags & VMM_STORAGE_FUA) != 0)
		status = vmm_block_image_flush(image);
	return status;
}

/* The waiting functions of <vmm/block/image.h>. */

int32_t vmm_block_image_read(struct vmm_block_image *image, void *data, uint64_t length, uint64_t offset)
{
	const struct vmm_storage_segment segment = { data, length };
	struct vmm_storage_request request = {
		.operation = VMM_STORAGE_READ, .segment_count = 1, .segments = &segment
	};
	request.offset = offset;
	request.length = length;
	return image_transfer(image, &request);
}

int32_t vmm_block_image_write(struct vmm_block_image *image, const void *data, uint64_t length, uint64_t offset)
{
	const struct vmm_storage_segment segment = { (void *)(uintptr_t)data, length };
	struct vmm_storage_request request = {
		.operation = VMM_STORAGE_WRITE, .segment_count = 1, .segments = &segment
	};
	request.offset = offset;
	request.length = length;
	return image_transfer(image, &request);
}

int32_t vmm_block_image_zero(struct vmm_block_image *image, uint64_t length, uint64_t offset, uint32_t discard)
{
	const struct vmm_storage_request request = {
		.operation = discard ? VMM_STORAGE_DISCARD : VMM_STORAGE_WRITE_ZEROES,
		.offset = offset,
		.length = length,
	};
	return image_transfer(image, &request);
}

int32_t vmm_block_read(struct vmm_block_image *image, uint64_t offset, uint64_t length, void *data)
{
	const struct vmm_storage_segment segment = { data, length };
	struct cursor cursor = { &segment, &segment + 1, 0 };
	if (offset > image->length || length > image->length - offset)
		return -EINVAL;
	return image_read_at(image, &cursor, length, offset, true);
}
