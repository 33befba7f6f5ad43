/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Stream-optimized extents: compressed grains, each behind a marker that says which it is.
 *
 * Where grains are is asked of the grain directory and tables, as in other extents, since writers differ in the order
 * of what they write.  If a stream was cut off before those, the markers are all that is left: they are gone through
 * only for check and repair.
 */
#include "sparse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MARKER_DATA 12u                 /* bytes of a marker before a grain's data */
#define PADDING     (UINT64_C(1) << 20) /* zeros behind the footer that are looked past */
#define SLOTS       16u
#define CACHE_BYTES (UINT64_C(8) << 20)
#define TABLES_MOST (UINT32_C(4) << 20) /* of a stream whose size nothing but its header tells */

/* Grains that were unpacked lately: a guest reads them in pieces. */
struct cache {
	uint64_t grain[SLOTS]; /* UINT64_MAX: none */
	uint64_t used[SLOTS];
	uint8_t *data[SLOTS];
	uint64_t clock;
	uint32_t slots;
};

void cache_free(struct cache *cache)
{
	for (uint32_t i = 0; cache != NULL && i < SLOTS; i++)
		free(cache->data[i]);
	free(cache);
}

/* The end of a stream is: footer marker, footer, end-of-stream marker, which is all zeros; and zeros may follow where
 * something filled up a block. */
int32_t stream_footer(struct sparse *sparse, char why[256], const char **remedy)
{
	uint8_t sector[SECTOR];
	struct header footer;
	uint64_t at = sparse->length / SECTOR, stop = at > PADDING / SECTOR ? at - PADDING / SECTOR : 0;
	while (at > stop + 1) {
		at--;
		int32_t status = vmm_block_file_read_exact(sparse->part->file, sector, SECTOR, at * SECTOR);
		if (status < 0)
			return status;
		if (!vmm_block_is_zero(sector, SECTOR))
			break;
	}
	if (at == 0 || !header_decode(sector, &footer) || footer.gdOffset == GD_AT_END) {
		snprintf(why, 256, "is an incomplete stream: its footer, which says where everything is, is missing");
		*remedy = "copy or download it again; vmm disk repair saves what has arrived";
		return -EINVAL;
	}
	int32_t status = header_check(&footer, sparse->length, why, remedy);
	if (status == 0 &&
		(footer.capacity != sparse->header.capacity || footer.grainSize != sparse->header.grainSize ||
			footer.numGTEsPerGT != sparse->header.numGTEsPerGT)) {
		snprintf(why, 256, "is a stream whose footer contradicts its header");
		status = -EINVAL;
	}
	if (status == 0) {
		sparse->header.gdOffset = footer.gdOffset;
		sparse->header.rgdOffset = 0;
	}
	return status;
}

/* How long may compressed data be?  Deflate adds little to what it cannot make shorter, but other writers may. */
static uint64_t packed_most(const struct sparse *sparse)
{
	return sparse->grain_bytes * 2 + 4096;
}

static int32_t inflate_grain(const uint8_t *in, uint32_t in_length, uint8_t *out, uint64_t out_length, uint64_t *got)
{
	/* The specification says RFC 1951; all writers known put the RFC 1950 header before it. */
	for (int bits = 15; bits >= -15; bits -= 30) {
		z_stream stream = { .next_in = (uint8_t *)(uintptr_t)in, .avail_in = in_length };
		if (inflateInit2(&stream, bits) != Z_OK)
			return -ENOMEM;
		stream.next_out = out;
		stream.avail_out = (uInt)out_length;
		int status = inflate(&stream, Z_FINISH);
		*got = stream.total_out;
		inflateEnd(&stream);
		if (status == Z_STREAM_END)
			return 0;
		if (status == Z_MEM_ERROR)
			return -ENOMEM;
	}
	return -EIO;
}

int32_t stream_grain(struct sparse *sparse, uint64_t grain, uint64_t sector, uint8_t *data)
{
	uint8_t marker[SECTOR];
	uint64_t at = sector * SECTOR, got = 0;
	uint32_t has_marker = (sparse->header.flags & FLAG_MARKERS) != 0, skip = has_marker ? MARKER_DATA : 0;
	int32_t status = vmm_block_file_read(sparse->part->file, marker, SECTOR, at);
	if (status < 0)
		return status;
	uint64_t size = packed_most(sparse);
	if (has_marker) {
		size = vmm_block_le32(marker + 8);
		if (size == 0 || size > packed_most(sparse) || vmm_block_le64(marker) != grain * sparse->grain)
			return -EIO;
	}
	if (at > sparse->length || skip > sparse->length - at)
		return -EIO;
	if (size > sparse->length - at - skip) {
		/* Without a marker nobody knows how long it is. */
		if (has_marker)
			return -EIO;
		size = sparse->length - at;
	}
	uint8_t *packed = malloc(size);
	if (packed == NULL)
		return -ENOMEM;
	uint64_t first = size < SECTOR - skip ? size : SECTOR - skip;
	memcpy(packed, marker + skip, first);
	if (size > first)
		status = vmm_block_file_read_exact(sparse->part->file, packed + first, size - first, at + skip + first);
	if (status == 0)
		status = inflate_grain(packed, (uint32_t)size, data, sparse->grain_bytes, &got);
	free(packed);
	if (status < 0)
		return status == -ENODATA ? -EIO : status;
	/* The last one may end where the disk does. */
	uint64_t need = sparse->capacity * SECTOR - grain * sparse->grain_bytes;
	if (got < sparse->grain_bytes && got < need)
		return -EIO;
	memset(data + got, 0, sparse->grain_bytes - got);
	return 0;
}

static struct cache *cache_new(const struct sparse *sparse)
{
	struct cache *cache = calloc(1, sizeof(*cache));
	if (cache == NULL)
		return NULL;
	uint64_t slots = CACHE_BYTES / sparse->grain_bytes;
	cache->slots = slots > SLOTS ? SLOTS : slots > 1 ? (uint32_t)slots : 1;
	for (uint32_t i = 0; i < SLOTS; i++)
		cache->grain[i] = UINT64_MAX;
	return cache;
}

/* Locked.  1 if it was there. */
static uint32_t cache_take(struct sparse *sparse, uint64_t grain, uint64_t in, uint64_t length, uint8_t *data)
{
	struct cache *cache = sparse->cache;
	for (uint32_t i = 0; cache != NULL && i < cache->slots; i++) {
		if (cache->grain[i] == grain) {
			memcpy(data, cache->data[i] + in, length);
			cache->used[i] = ++cache->clock;
			return 1;
		}
	}
	return 0;
}

/* Locked.  Takes `data` over, and gives back what is to be freed. */
static uint8_t *cache_put(struct sparse *sparse, uint64_t grain, uint8_t *data)
{
	struct cache *cache = sparse->cache;
	uint32_t oldest = 0;
	if (cache == NULL)
		cache = sparse->cache = cache_new(sparse);
	if (cache == NULL)
		return data;
	for (uint32_t i = 0; i < cache->slots; i++) {
		if (cache->grain[i] == grain)
			return data;
		if (cache->used[i] < cache->used[oldest])
			oldest = i;
	}
	uint8_t *old = cache->data[oldest];
	cache->data[oldest] = data;
	cache->grain[oldest] = grain;
	cache->used[oldest] = ++cache->clock;
	return old;
}

static int32_t grain_read(struct sparse *sparse, uint64_t grain, uint64_t in, uint64_t length, uint8_t *data)
{
	struct page *page;
	uint64_t sector = 0;
	uint32_t kind = GRAIN_BAD;
	pthread_mutex_lock(&sparse->lock);
	uint32_t found = cache_take(sparse, grain, in, length, data);
	int32_t status = found ? 0 : table_page(sparse, (uint32_t)(grain / sparse->gtes), &page);
	if (!found && status == 0)
		kind = table_kind(sparse, table_value(sparse, page, (uint32_t)(grain % sparse->gtes)), &sector);
	pthread_mutex_unlock(&sparse->lock);
	if (found || status < 0)
		return status;
	if (kind != GRAIN_DATA)
		return -EIO;
	if (in == 0 && length == sparse->grain_bytes)
		return stream_grain(sparse, grain, sector, data);
	uint8_t *whole = malloc(sparse->grain_bytes);
	if (whole == NULL)
		return -ENOMEM;
	status = stream_grain(sparse, grain, sector, whole);
	if (status == 0) {
		memcpy(data, whole + in, length);
		pthread_mutex_lock(&sparse->lock);
		whole = cache_put(sparse, grain, whole);
		pthread_mutex_unlock(&sparse->lock);
	}
	free(whole);
	return status;
}

int32_t stream_read(struct sparse *sparse, uint64_t offset, uint64_t length, void *data)
{
	uint8_t *to = data;
	int32_t status = 0;
	while (length > 0 && status == 0) {
		uint64_t in = offset % sparse->grain_bytes, part = sparse->grain_bytes - in;
		part = length < part ? length : part;
		status = grain_read(sparse, offset / sparse->grain_bytes, in, part, to);
		offset += part;
		length -= part;
		to += part;
	}
	return status;
}

/* One marker at sector *at, which is moved behind what it stands for.  1; 0: this is none.  `data`: believe a grain
 * only if it can be unpacked, into that. */
static int32_t marker_scan(struct sparse *sparse, const uint8_t *marker, uint64_t *at, uint8_t *data)
{
	uint64_t value = vmm_block_le64(marker), sectors = sparse->length / SECTOR;
	uint32_t size = vmm_block_le32(marker + 8), type = vmm_block_le32(marker + 12);
	if (size != 0) {
		uint64_t used = ((uint64_t)size + MARKER_DATA + SECTOR - 1) / SECTOR;
		if (value >= sparse->capacity || value % sparse->grain != 0 || size > packed_most(sparse) ||
			used > (sparse->length + SECTOR - 1) / SECTOR - *at || *at > SECTOR_MOST ||
			*at * SECTOR + MARKER_DATA + size > sparse->length ||
			(data != NULL && stream_grain(sparse, value / sparse->grain, *at, data) < 0))
			return 0;
		int32_t status = table_set(sparse, value / sparse->grain, (uint32_t)*at);
		*at += used;
		return status < 0 ? status : 1;
	}
	if (data != NULL || type > MARKER_FOOTER || value > sectors - *at)
		return 0;
	/* The value of these is how many sectors follow. */
	*at += 1 + (type == MARKER_EOS ? 0 : value);
	return 1;
}

/* From sector *at on.  Behind something that is no marker the next grain is looked for, sector by sector. */
static int32_t markers_scan(struct sparse *sparse, uint64_t at, uint64_t *end)
{
	uint8_t marker[SECTOR], *data = NULL;
	int32_t status = 0;
	*end = at;
	while (status >= 0 && at < sparse->length / SECTOR) {
		status = vmm_block_file_read_exact(sparse->part->file, marker, SECTOR, at * SECTOR);
		if (status == 0)
			status = marker_scan(sparse, marker, &at, data);
		if (status > 0) {
			*end = at;
			free(data);
			data = NULL;
		} else if (status == 0) {
			at++;
			if (data == NULL && (data = malloc(sparse->grain_bytes)) == NULL)
				status = -ENOMEM;
		}
	}
	free(data);
	return status < 0 ? status : 0;
}

int32_t stream_scan(struct sparse *sparse, char why[256])
{
	const struct header *header = &sparse->header;
	uint64_t tables = header_tables(header), at = header->overHead, end;
	if ((header->flags & FLAG_MARKERS) == 0 || tables > TABLES_MOST) {
		snprintf(why, 256, "is an incomplete stream without markers, or of no possible size");
		return -EINVAL;
	}
	int32_t status = sparse_shape(sparse, why);
	if (at < header->descriptorOffset + header->descriptorSize || at == 0 || at > sparse->length / SECTOR)
		at = header->descriptorOffset + header->descriptorSize;
	if (at == 0)
		at = 1;
	sparse->is_scanned = 1;
	if (status == 0)
		status = markers_scan(sparse, at, &end);
	if (status < 0) {
		snprintf(why, 256, "cannot be read through (%s)", strerror(-status));
		return status;
	}
	/* What did not fit into a grain that was cut off may go; what is not understood stays. */
	uint64_t sectors = (sparse->length + SECTOR - 1) / SECTOR;
	sparse->end = end;
	if (end < sectors && sectors - end > packed_most(sparse) / SECTOR + 1)
		sparse->end = sectors;
	return 0;
}
