/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Compressed clusters: read from anywhere, written one behind the other.
 */
#include <zlib.h>
#include <zstd.h>

#include "qcow2.h"

#define WINDOW_READ  (-15) /* raw deflate, as wide as there is */
#define WINDOW_WRITE (-12) /* what readers of this format expect */

enum { COMPRESSION_ZLIB, COMPRESSION_ZSTD };

static int32_t zlib_unpack(const uint8_t *from, uint32_t length, uint8_t *to, uint32_t size)
{
	z_stream stream = { .next_in = (Bytef *)from, .avail_in = length, .next_out = to, .avail_out = size };
	if (inflateInit2(&stream, WINDOW_READ) != Z_OK)
		return -ENOMEM;
	int done = inflate(&stream, Z_FINISH);
	/* What follows in the last sector is another cluster's. */
	int32_t status = stream.avail_out == 0 && (done == Z_STREAM_END || done == Z_BUF_ERROR || done == Z_OK) ? 0
														: -EIO;
	inflateEnd(&stream);
	return status;
}

static int32_t zstd_unpack(const uint8_t *from, uint32_t length, uint8_t *to, uint32_t size)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	if (stream == NULL)
		return -ENOMEM;
	ZSTD_inBuffer input = { from, length, 0 };
	ZSTD_outBuffer output = { to, size, 0 };
	size_t left = 1;
	while (output.pos < output.size && !ZSTD_isError(left)) {
		size_t before = input.pos + output.pos;
		left = ZSTD_decompressStream(stream, &output, &input);
		if (input.pos + output.pos == before)
			break;
	}
	ZSTD_freeDStream(stream);
	return output.pos == size && !ZSTD_isError(left) ? 0 : -EIO;
}

int32_t cluster_unpack(struct qcow2 *q, uint64_t entry, uint8_t *data)
{
	uint64_t offset;
	uint32_t length;
	entry_compressed(q, entry, &offset, &length);
	if (!in_file(q, offset, 1))
		return damaged(q, "compressed data are said to be at %llu, behind the end of the file",
			(unsigned long long)offset);
	uint8_t *packed = malloc(length);
	if (packed == NULL)
		return -ENOMEM;
	int32_t status = vmm_block_file_read(q->file, packed, length, offset);
	if (status >= 0) {
		status = q->compression == COMPRESSION_ZSTD ? zstd_unpack(packed, length, data, q->cluster_size)
							    : zlib_unpack(packed, length, data, q->cluster_size);
		if (status == -EIO)
			status = damaged(q, "compressed data at %llu are broken", (unsigned long long)offset);
	}
	free(packed);
	return status;
}

/* The L2 entry for a compressed cluster; if it was unpacked last, its data, too.  1: they are there. */
static int32_t packed_find(struct qcow2 *q, uint64_t offset, uint64_t length, uint8_t *to, uint64_t *entry)
{
	struct table *table;
	pthread_mutex_lock(&q->mutex);
	int32_t status = l2_find(q, offset, &table);
	*entry = 0;
	if (status >= 0 && table != NULL)
		*entry = l2_entry(q, table, (uint32_t)(offset >> q->cluster_bits) & (q->l2_entries - 1));
	if (status >= 0 && (*entry & ENTRY_COMPRESSED) == 0)
		status = -EIO;
	if (status >= 0 && *entry == q->unpacked_entry) {
		memcpy(to, q->unpacked + (offset & (q->cluster_size - 1)), length);
		status = 1;
	}
	pthread_mutex_unlock(&q->mutex);
	return status;
}

int32_t qcow2_unpack(struct vmm_block_image *image, uint64_t offset, uint64_t length, void *result)
{
	struct qcow2 *q = qcow2_of(image);
	uint8_t *to = result;
	uint8_t *data = NULL;
	uint64_t entry = 0;
	int32_t status = 0;
	while (length > 0 && status >= 0) {
		uint32_t inside = (uint32_t)offset & (q->cluster_size - 1);
		uint64_t piece = smaller(length, q->cluster_size - inside);
		status = packed_find(q, offset, piece, to, &entry);
		if (status == 0) {
			if (data == NULL)
				data = malloc(q->cluster_size);
			status = data == NULL ? -ENOMEM : cluster_unpack(q, entry, data);
			if (status >= 0)
				memcpy(to, data + inside, piece);
		}
		to += piece;
		offset += piece;
		length -= piece;
	}
	/* What was unpacked last stays, for what is read next. */
	if (data != NULL && status == 0) {
		pthread_mutex_lock(&q->mutex);
		uint8_t *old = q->unpacked;
		q->unpacked = data;
		q->unpacked_entry = entry;
		data = old;
		pthread_mutex_unlock(&q->mutex);
	}
	free(data);
	return status < 0 ? status : 0;
}

/* Compress; 0: it does not become smaller. */
static int32_t cluster_pack(const struct qcow2 *q, const uint8_t *data, uint8_t *packed, uint32_t room)
{
	if (q->compression == COMPRESSION_ZSTD) {
		size_t size = ZSTD_compress(packed, room, data, q->cluster_size, ZSTD_CLEVEL_DEFAULT);
		return ZSTD_isError(size) ? 0 : (int32_t)size;
	}
	z_stream stream = {
		.next_in = (Bytef *)data, .avail_in = q->cluster_size, .next_out = packed, .avail_out = room
	};
	if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_WRITE, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	int done = deflate(&stream, Z_FINISH);
	int32_t size = done == Z_STREAM_END ? (int32_t)(room - stream.avail_out) : 0;
	deflateEnd(&stream);
	return size;
}

/* Room for `size` bytes, behind the last ones if that can be: every cluster counts the compressed ones it holds. */
static int32_t packed_allocate(struct qcow2 *q, uint32_t size, uint64_t *offset)
{
	uint64_t mask = q->cluster_size - 1;
	uint64_t host;
	uint64_t got;
	uint64_t value = 0;
	uint32_t is_joined = (q->pack_at & mask) != 0; /* a cluster that is begun */
	int32_t status = 0;
	if (is_joined) {
		status = refcount_get(q, q->pack_at >> q->cluster_bits, &value);
		is_joined = status >= 0 && value < q->refcount_maximum;
	}
	if (is_joined && q->pack_at + size > q->pack_end) {
		status = clusters_allocate(q, 1, &host, &got);
		if (status < 0)
			return status;
		if (host == q->pack_end) {
			q->pack_end += q->cluster_size;
		} else {
			/* Elsewhere: it begins there. */
			q->pack_at = host;
			q->pack_end = host + q->cluster_size;
			is_joined = 0;
		}
	} else if (!is_joined) {
		status = clusters_allocate(q, 1, &host, &got);
		if (status < 0)
			return status;
		q->pack_at = host;
		q->pack_end = host + q->cluster_size;
	}
	if (is_joined)
		status = refcount_set(q, q->pack_at >> q->cluster_bits, value + 1);
	*offset = q->pack_at;
	q->pack_at += size;
	return status;
}

int32_t qcow2_pack(struct vmm_block_image *image, uint64_t offset, uint64_t length, const void *data)
{
	struct qcow2 *q = qcow2_of(image);
	struct table *table;
	uint64_t at = 0;
	uint32_t bits = 62 - (q->cluster_bits - 8);
	if (!q->is_packed || q->is_external || q->is_extended)
		return -EOPNOTSUPP;
	if (vmm_block_is_zero(data, length)) {
		int32_t status = qcow2_zero(image, offset, length, 1);
		if (status != -EOPNOTSUPP)
			return status;
	}
	/* The bytes of a cluster, and what it becomes, which must be less. */
	if (q->pack_buffer == NULL)
		q->pack_buffer = malloc((size_t)q->cluster_size * 2);
	if (q->pack_buffer == NULL)
		return -ENOMEM;
	uint8_t *packed = q->pack_buffer + q->cluster_size;
	memcpy(q->pack_buffer, data, length);
	memset(q->pack_buffer + length, 0, q->cluster_size - length);
	int32_t size = cluster_pack(q, q->pack_buffer, packed, q->cluster_size - 1);
	if (size < 0)
		return size;
	int32_t status = cache_make_room(q);
	if (status >= 0 && size > 0)
		status = packed_allocate(q, (uint32_t)size, &at);
	if (status < 0)
		return status;
	if (size == 0 || at + (uint32_t)size > UINT64_C(1) << bits) {
		struct vmm_block_extent extent;
		if (size != 0)
			q->pack_at = 0; /* so far in the file no compressed cluster can be named: its room is waste */
		status = qcow2_allocate(image, offset, length, &extent);
		if (status >= 0)
			status = vmm_block_file_write(q->data, q->pack_buffer, q->cluster_size, extent.offset);
		return status < 0 ? status : qcow2_commit(image, offset, length, &extent);
	}
	status = vmm_block_file_write(q->file, packed, (uint32_t)size, at);
	if (status >= 0)
		status = l2_own(q, offset, &table);
	if (status < 0)
		return status;
	uint32_t index = (uint32_t)(offset >> q->cluster_bits) & (q->l2_entries - 1);
	status = entry_free(q, l2_entry(q, table, index));
	if (status < 0)
		return status;
	uint64_t sectors = ((at + (uint32_t)size - 1) >> 9) - (at >> 9);
	l2_set(q, table, index, ENTRY_COMPRESSED | sectors << bits | at, 0);
	return 0;
}
