/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Requests, done on a worker's thread.
 */
#include "image.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#define VECTORS 64 /* a system call */

int32_t transfer_read(int32_t fd, void *data, uint64_t length, uint64_t offset)
{
	uint8_t *at = data;
	while (length > 0) {
		ssize_t got = pread(fd, at, length, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0) {
			memset(at, 0, length);
			return 0;
		}
		at += got;
		offset += (uint64_t)got;
		length -= (uint64_t)got;
	}
	return 0;
}

int32_t transfer_write(int32_t fd, const void *data, uint64_t length, uint64_t offset)
{
	const uint8_t *at = data;
	while (length > 0) {
		ssize_t done = pwrite(fd, at, length, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		at += done;
		offset += (uint64_t)done;
		length -= (uint64_t)done;
	}
	return 0;
}

static int32_t punch(int32_t fd, int mode, uint64_t length, uint64_t offset)
{
	while (fallocate(fd, mode, (off_t)offset, (off_t)length) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int32_t transfer_zero(int32_t fd, uint64_t length, uint64_t offset)
{
	static const uint8_t zeros[65536];
	if (length == 0)
		return 0;
	int32_t status = punch(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, length, offset);
	if (status == -EOPNOTSUPP)
		status = punch(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, length, offset);
	if (status != -EOPNOTSUPP)
		return status;
	for (status = 0; length > 0 && status == 0;) {
		uint64_t part = length < sizeof(zeros) ? length : sizeof(zeros);
		status = transfer_write(fd, zeros, part, offset);
		offset += part;
		length -= part;
	}
	return status;
}

/* Where in a request's segments a transfer has come to. */
struct cursor {
	const struct vmm_storage_segment *segment, *end;
	uint64_t done; /* bytes of *segment */
};

static int gather(const struct cursor *cursor, struct iovec *vectors)
{
	uint64_t skip = cursor->done;
	int count = 0;
	for (const struct vmm_storage_segment *at = cursor->segment; at < cursor->end && count < VECTORS; at++) {
		if (at->length > skip)
			vectors[count++] = (struct iovec){ (uint8_t *)at->data + skip, (size_t)(at->length - skip) };
		skip = 0;
	}
	return count;
}

static void move(struct cursor *cursor, uint64_t bytes)
{
	while (cursor->segment < cursor->end && bytes >= cursor->segment->length - cursor->done) {
		bytes -= cursor->segment->length - cursor->done;
		cursor->done = 0;
		cursor->segment++;
	}
	cursor->done += bytes;
}

/* Past the end of the file: the last sector's rest, or what somebody has cut off. */
static void clear(struct cursor *cursor)
{
	for (; cursor->segment < cursor->end; cursor->segment++, cursor->done = 0)
		memset((uint8_t *)cursor->segment->data + cursor->done, 0, cursor->segment->length - cursor->done);
}

static int32_t vectors_move(struct image *image, const struct vmm_storage_request *request, uint32_t write)
{
	struct cursor cursor = { request->segments, request->segments + request->segment_count, 0 };
	uint64_t offset = request->offset;
	for (;;) {
		struct iovec vectors[VECTORS];
		int count = gather(&cursor, vectors);
		if (count == 0)
			return 0;
		ssize_t done = write ? pwritev(image->fd, vectors, count, (off_t)offset)
				     : preadv(image->fd, vectors, count, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		if (done == 0 && write)
			return -EIO;
		if (done == 0) {
			clear(&cursor);
			return 0;
		}
		move(&cursor, (uint64_t)done);
		offset += (uint64_t)done;
	}
}

static int32_t overlay_move(struct image *image, const struct vmm_storage_request *request, uint32_t write)
{
	uint64_t offset = request->offset;
	int32_t status = 0;
	for (uint32_t i = 0; i < request->segment_count && status == 0; i++) {
		const struct vmm_storage_segment *segment = &request->segments[i];
		status = write ? overlay_write(image, segment->data, segment->length, offset)
			       : overlay_read(image, segment->data, segment->length, offset);
		offset += segment->length;
	}
	return status;
}

static int32_t flush(struct image *image)
{
	/* What is not to last needs no care. */
	if (image->overlay.fd >= 0 || image->readonly)
		return 0;
	return fdatasync(image->fd) < 0 ? -errno : 0;
}

int32_t image_transfer(struct image *image, const struct vmm_storage_request *request)
{
	uint32_t overlaid = image->overlay.fd >= 0;
	int32_t status = 0;
	switch (request->operation) {
	case VMM_STORAGE_READ: return overlaid ? overlay_move(image, request, 0) : vectors_move(image, request, 0);
	case VMM_STORAGE_WRITE:
		status = overlaid ? overlay_move(image, request, 1) : vectors_move(image, request, 1);
		break;
	case VMM_STORAGE_FLUSH: return flush(image);
	case VMM_STORAGE_DISCARD:
	case VMM_STORAGE_WRITE_ZEROES:
		status = overlaid ? overlay_zero(image, request->length, request->offset)
				  : transfer_zero(image->fd, request->length, request->offset);
		break;
	default: return -EINVAL;
	}
	if (status == 0 && (image->writethrough || (request->flags & VMM_STORAGE_FUA) != 0))
		status = flush(image);
	return status;
}
