/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Moving bytes of a file.
 *
 * Past the page cache (DIRECT) offsets, lengths and memory have to be aligned.  What is not goes through a buffer that
 * covers whole blocks; for a write its edges are read first, under a lock that keeps away other writes of that block.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"

#define BOUNCE (UINT64_C(1) << 20)

static uint64_t vectors_length(const struct iovec *vectors, int count)
{
	uint64_t length = 0;
	for (int i = 0; i < count; i++)
		length += vectors[i].iov_len;
	return length;
}

static bool vectors_aligned(const struct vmm_block_file *file, const struct iovec *vectors, int count, uint64_t offset)
{
	uint64_t bits = offset;
	for (int i = 0; i < count; i++)
		bits |= (uintptr_t)vectors[i].iov_base | vectors[i].iov_len;
	return (bits & (file->alignment - 1)) == 0;
}

static void vectors_move(struct iovec **vectors, int *count, uint64_t done)
{
	while (*count > 0 && done >= (*vectors)->iov_len) {
		done -= (*vectors)->iov_len;
		(*vectors)++;
		(*count)--;
	}
	if (*count > 0 && done > 0) {
		(*vectors)->iov_base = (uint8_t *)(*vectors)->iov_base + done;
		(*vectors)->iov_len -= done;
	}
}

/* Read as much as there is: *got may be less at the end of the file. */
static int32_t read_some(int fd, struct iovec *vectors, int count, uint64_t offset, uint64_t *got)
{
	*got = 0;
	vectors_move(&vectors, &count, 0);
	while (count > 0) {
		ssize_t part = preadv(fd, vectors, count, (off_t)offset);
		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return -errno;
		if (part == 0)
			return 0;
		*got += (uint64_t)part;
		offset += (uint64_t)part;
		vectors_move(&vectors, &count, (uint64_t)part);
	}
	return 0;
}

static int32_t write_all(int fd, struct iovec *vectors, int count, uint64_t offset)
{
	vectors_move(&vectors, &count, 0);
	while (count > 0) {
		ssize_t part = pwritev(fd, vectors, count, (off_t)offset);
		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			return part < 0 ? -errno : -EIO;
		offset += (uint64_t)part;
		vectors_move(&vectors, &count, (uint64_t)part);
	}
	return 0;
}

/* Where the vectors have come to, for a copy. */
static void vectors_copy(struct iovec **vectors, int *count, uint8_t *bytes, uint64_t length, bool out)
{
	while (length > 0 && *count > 0) {
		uint64_t part = (*vectors)->iov_len < length ? (*vectors)->iov_len : length;
		if (part > 0 && out)
			memcpy((*vectors)->iov_base, bytes, part);
		else if (part > 0)
			memcpy(bytes, (*vectors)->iov_base, part);
		bytes += part;
		length -= part;
		vectors_move(vectors, count, part);
	}
}

static int32_t bounce_read(
	struct vmm_block_file *file, struct iovec *vectors, int count, uint64_t offset, uint64_t *got)
{
	uint64_t mask = file->alignment - 1, left = vectors_length(vectors, count);
	uint8_t *buffer = aligned_alloc(65536, BOUNCE);
	int32_t status = buffer != NULL ? 0 : -ENOMEM;
	*got = 0;
	while (status == 0 && left > 0) {
		uint64_t head = offset & mask, part = left < BOUNCE - head ? left : BOUNCE - head, there;
		struct iovec whole = { buffer, (head + part + mask) & ~mask };
		status = read_some(file->fd, &whole, 1, offset - head, &there);
		there = there > head ? there - head : 0;
		if (there > part)
			there = part;
		vectors_copy(&vectors, &count, buffer + head, there, true);
		*got += there;
		offset += part;
		left -= part;
		if (there < part)
			break;
	}
	free(buffer);
	return status;
}

/* Read the block at an edge of what is to be written, if that edge is within the block. */
static int32_t edge_read(struct vmm_block_file *file, uint8_t *block, uint64_t offset)
{
	struct iovec vector = { block, file->alignment };
	uint64_t got;
	int32_t status = read_some(file->fd, &vector, 1, offset, &got);
	if (status == 0)
		memset(block + got, 0, file->alignment - got);
	return status;
}

static int32_t bounce_write(struct vmm_block_file *file, struct iovec *vectors, int count, uint64_t offset)
{
	uint64_t mask = file->alignment - 1, left = vectors_length(vectors, count), end = offset + left;
	uint8_t *buffer = aligned_alloc(65536, BOUNCE);
	struct vmm_block_file_info info;
	int32_t status = buffer != NULL ? vmm_block_file_info(file, &info) : -ENOMEM;
	while (status == 0 && left > 0) {
		uint64_t head = offset & mask, part = left < BOUNCE - head ? left : BOUNCE - head;
		uint64_t whole = (head + part + mask) & ~mask;
		if (head != 0)
			status = edge_read(file, buffer, offset - head);
		if (status == 0 && ((head + part) & mask) != 0 && (head == 0 || whole > file->alignment))
			status = edge_read(
				file, buffer + whole - file->alignment, offset - head + whole - file->alignment);
		if (status < 0)
			break;
		vectors_copy(&vectors, &count, buffer + head, part, false);
		struct iovec vector = { buffer, whole };
		status = write_all(file->fd, &vector, 1, offset - head);
		offset += part;
		left -= part;
	}
	/* A whole block at the end made the file longer than was asked for. */
	if (status == 0 && !file->is_device && (end & mask) != 0 && end > info.length &&
		ftruncate(file->fd, (off_t)end) < 0)
		status = -errno;
	free(buffer);
	return status;
}

static int32_t direct_write(struct vmm_block_file *file, struct iovec *vectors, int count, uint64_t offset)
{
	uint64_t mask = file->alignment - 1, end = offset + vectors_length(vectors, count);
	bool aligned = vectors_aligned(file, vectors, count, offset);
	bool edges = ((offset | end) & mask) != 0;
	struct range range;
	/* To cut the file off again after it became too long is safe only if nobody makes it longer meanwhile. */
	range_lock(&file->ranges, &range, offset & ~mask, edges ? UINT64_MAX : end, edges);
	int32_t status = aligned ? write_all(file->fd, vectors, count, offset)
				 : bounce_write(file, vectors, count, offset);
	range_unlock(&file->ranges, &range);
	return status;
}

static int32_t read_vectors(
	struct vmm_block_file *file, struct iovec *vectors, int count, uint64_t offset, uint64_t *got)
{
	if (file->alignment > 1 && !vectors_aligned(file, vectors, count, offset))
		return bounce_read(file, vectors, count, offset, got);
	return read_some(file->fd, vectors, count, offset, got);
}

int32_t file_readv(struct vmm_block_file *file, struct iovec *vectors, int count, uint64_t offset)
{
	struct iovec rest[BLOCK_VECTORS], *at = rest;
	uint64_t got;
	memcpy(rest, vectors, (size_t)count * sizeof(*rest));
	int32_t status = read_vectors(file, vectors, count, offset, &got);
	if (status < 0)
		return status;
	vectors_move(&at, &count, got);
	for (; count > 0; at++, count--) {
		if (at->iov_len > 0)
			memset(at->iov_base, 0, at->iov_len);
	}
	return 0;
}

int32_t vmm_block_file_read(struct vmm_block_file *file, void *data, uint64_t length, uint64_t offset)
{
	struct iovec vector = { data, length };
	return file_readv(file, &vector, 1, offset);
}

int32_t vmm_block_file_read_exact(struct vmm_block_file *file, void *data, uint64_t length, uint64_t offset)
{
	struct iovec vector = { data, length };
	uint64_t got;
	int32_t status = read_vectors(file, &vector, 1, offset, &got);
	return status == 0 && got < length ? -ENODATA : status;
}

int32_t file_writev(struct vmm_block_file *file, struct iovec *vectors, int count, uint64_t offset)
{
	uint64_t at = offset;
	for (int i = 0; i < count; i++) {
		int32_t status = file_watch(file, VMM_BLOCK_EVENT_WRITE, vectors[i].iov_base, vectors[i].iov_len, at);
		if (status < 0)
			return status;
		at += vectors[i].iov_len;
	}
	if (file->alignment > 1)
		return direct_write(file, vectors, count, offset);
	return write_all(file->fd, vectors, count, offset);
}

int32_t vmm_block_file_write(struct vmm_block_file *file, const void *data, uint64_t length, uint64_t offset)
{
	struct iovec vector = { (void *)(uintptr_t)data, length };
	return file_writev(file, &vector, 1, offset);
}

static int32_t punch(int fd, int mode, uint64_t length, uint64_t offset)
{
	while (fallocate(fd, mode, (off_t)offset, (off_t)length) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* Zeros the slow way; the end of the file stays where it is. */
static int32_t zero_write(struct vmm_block_file *file, uint64_t length, uint64_t offset)
{
	struct vmm_block_file_info info;
	uint8_t *zeros = aligned_alloc(65536, BOUNCE);
	int32_t status = zeros != NULL ? vmm_block_file_info(file, &info) : -ENOMEM;
	if (status == 0) {
		memset(zeros, 0, BOUNCE);
		uint64_t room = offset < info.length ? info.length - offset : 0;
		if (length > room)
			length = room;
	}
	while (status == 0 && length > 0) {
		uint64_t part = length < BOUNCE ? length : BOUNCE;
		struct iovec vector = { zeros, part };
		status = file->alignment > 1 ? direct_write(file, &vector, 1, offset)
					     : write_all(file->fd, &vector, 1, offset);
		offset += part;
		length -= part;
	}
	free(zeros);
	return status;
}

int32_t vmm_block_file_zero(struct vmm_block_file *file, uint64_t length, uint64_t offset)
{
	if (length == 0)
		return 0;
	int32_t status = file_watch(file, VMM_BLOCK_EVENT_ZERO, NULL, length, offset);
	if (status < 0)
		return status;
	/* The kernel refuses to punch holes into devices but in whole blocks. */
	struct range range;
	if (file->alignment > 1)
		range_lock(&file->ranges, &range, offset & ~(uint64_t)(file->alignment - 1), offset + length, true);
	status = punch(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, length, offset);
	if (status == -EOPNOTSUPP || status == -EINVAL)
		status = punch(file->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, length, offset);
	if (file->alignment > 1)
		range_unlock(&file->ranges, &range);
	if (status == -EOPNOTSUPP || status == -EINVAL)
		status = zero_write(file, length, offset);
	return status;
}

int32_t vmm_block_file_sync(struct vmm_block_file *file)
{
	int32_t status = file_watch(file, VMM_BLOCK_EVENT_SYNC, NULL, 0, 0);
	if (status < 0)
		return status;
	/* The kernel tells of what it could not write once, and then calls it clean. */
	status = __atomic_load_n(&file->lost, __ATOMIC_RELAXED);
	if (status < 0)
		return status;
	if (fdatasync(file->fd) == 0)
		return 0;
	status = -errno;
	/* Read-only block devices and pipes have nothing to sync. */
	if (status == -EINVAL || status == -EROFS)
		return 0;
	__atomic_store_n(&file->lost, status, __ATOMIC_RELAXED);
	return status;
}

int32_t vmm_block_file_truncate(struct vmm_block_file *file, uint64_t length)
{
	if (file->is_device || length > VMM_BLOCK_LENGTH_MAXIMUM)
		return file->is_device ? -ENOTSUP : -EFBIG;
	int32_t status = file_watch(file, VMM_BLOCK_EVENT_TRUNCATE, NULL, length, 0);
	if (status < 0)
		return status;
	while (ftruncate(file->fd, (off_t)length) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int32_t vmm_block_file_holes(
	struct vmm_block_file *file, uint64_t offset, uint64_t length, uint64_t *same, uint32_t *is_hole)
{
	*same = length;
	*is_hole = 0;
	if (file->is_device)
		return 0;
	off_t data = lseek(file->fd, (off_t)offset, SEEK_DATA);
	if (data < 0 && errno == ENXIO) {
		/* Nothing but a hole from here on, or past the end. */
		*is_hole = 1;
		return 0;
	}
	if (data < 0)
		return errno == EINVAL || errno == EOPNOTSUPP ? 0 : -errno;
	if ((uint64_t)data > offset) {
		*is_hole = 1;
		*same = (uint64_t)data - offset < length ? (uint64_t)data - offset : length;
		return 0;
	}
	off_t hole = lseek(file->fd, (off_t)offset, SEEK_HOLE);
	if (hole < 0)
		return errno == EINVAL || errno == EOPNOTSUPP ? 0 : -errno;
	/* Somebody may have punched in between. */
	if ((uint64_t)hole > offset && (uint64_t)hole - offset < length)
		*same = (uint64_t)hole - offset;
	return 0;
}
