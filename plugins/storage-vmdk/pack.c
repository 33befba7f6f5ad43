/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Writing a stream-optimized disk, from its beginning to its end.
 *
 * As the specification's figure has it: grains, each behind its marker, and after those of one grain table the table;
 * then the directory, the footer and the end-of-stream marker.  Each sync writes a whole end, so that the stream is
 * complete then; what is packed later is written over it.
 */
#include "sparse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define MARKER_DATA 12u
#define BUFFER      (UINT32_C(1) << 20)
#define THREADS     8u
#define JOBS        (4u * THREADS)
#define JOBS_BYTES  (UINT64_C(4) << 20)

/* A grain to be compressed. */
struct job {
	uint64_t grain;
	uint64_t length;
	uLongf size; /* when it is; 0: it could not be */
	uint8_t *data;
	uint8_t *packed;
};

struct pack {
	struct sparse *sparse;
	/* Grains are collected, and compressed by as many threads as there are processors. */
	struct job *jobs;
	uint32_t job_count, job_space, threads;
	uint32_t next_job; /* atomic */
	uint64_t next;     /* the grain that may come next */
	uint64_t sector;   /* where the next marker goes */
	uint64_t written;  /* the sector that the buffer begins at */
	uint32_t filled;   /* bytes of the buffer */
	uint32_t space;
	uint32_t table; /* the table that is being filled */
	uint32_t has_grains;
	uint32_t is_complete; /* the end is written */
	int32_t lost;         /* what grains could not be written for: it never gets an end */
	uint8_t *entries;     /* of that table */
	uint8_t *buffer;
};

static void pack_free(struct pack *pack)
{
	if (pack != NULL) {
		for (uint32_t i = 0; pack->jobs != NULL && i < pack->job_space; i++)
			free(pack->jobs[i].data);
		free(pack->jobs);
		free(pack->entries);
		free(pack->buffer);
	}
	free(pack);
}

uint32_t stream_is_empty(const struct sparse *sparse)
{
	for (uint32_t i = 0; i < sparse->tables; i++) {
		if (sparse->gd[i] != 0)
			return 0;
	}
	return 1;
}

static int32_t jobs_new(struct pack *pack)
{
	uint64_t bytes = pack->sparse->grain_bytes, most = JOBS_BYTES / bytes;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	pack->threads = processors < 1 ? 1 : processors > THREADS ? THREADS : (uint32_t)processors;
	pack->job_space = most > JOBS ? JOBS : most > 1 ? (uint32_t)most : 1;
	pack->jobs = calloc(pack->job_space, sizeof(*pack->jobs));
	if (pack->jobs == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < pack->job_space; i++) {
		pack->jobs[i].data = malloc(bytes + compressBound(bytes));
		if (pack->jobs[i].data == NULL)
			return -ENOMEM;
		pack->jobs[i].packed = pack->jobs[i].data + bytes;
	}
	return 0;
}

static void *jobs_do(void *self)
{
	struct pack *pack = self;
	uint32_t i;
	while ((i = __atomic_fetch_add(&pack->next_job, 1, __ATOMIC_RELAXED)) < pack->job_count) {
		struct job *job = &pack->jobs[i];
		job->size = compressBound(job->length);
		if (compress2(job->packed, &job->size, job->data, job->length, Z_DEFAULT_COMPRESSION) != Z_OK)
			job->size = 0;
	}
	return NULL;
}

static int32_t pack_begin(struct vmdk *vmdk)
{
	struct sparse *sparse = vmdk->extents[0].sparse;
	if (vmdk->extent_count != 1 || vmdk->extents[0].part->is_readonly || !stream_is_empty(sparse))
		return -EROFS;
	struct pack *pack = calloc(1, sizeof(*pack));
	if (pack == NULL)
		return -ENOMEM;
	uint32_t most = (uint32_t)compressBound(sparse->grain_bytes) + 2 * SECTOR;
	pack->sparse = sparse;
	pack->space = most > BUFFER / 2 ? most * 2 : BUFFER;
	pack->entries = calloc(1, sparse->table_sectors * SECTOR);
	pack->buffer = malloc(pack->space);
	pack->sector = pack->written = sparse->header.overHead;
	if (pack->entries == NULL || pack->buffer == NULL || jobs_new(pack) < 0) {
		pack_free(pack);
		return -ENOMEM;
	}
	/* From here on it is incomplete, and can be seen to be. */
	int32_t status = vmm_block_file_truncate(sparse->part->file, pack->sector * SECTOR);
	if (status < 0)
		pack_free(pack);
	else
		vmdk->pack = pack;
	return status;
}

static int32_t buffer_write(struct pack *pack)
{
	int32_t status = vmm_block_file_write(
		pack->sparse->part->file, pack->buffer, pack->filled, pack->written * SECTOR);
	if (status == 0) {
		pack->written = pack->sector;
		pack->filled = 0;
	}
	return status;
}

/* Room for so many bytes in the buffer, zeroed up to whole sectors. */
static int32_t buffer_room(struct pack *pack, uint64_t size, uint8_t **room)
{
	int32_t status = 0;
	if (size > pack->space - pack->filled)
		status = buffer_write(pack);
	if (status == 0 && size > pack->space) {
		uint8_t *buffer = realloc(pack->buffer, size);
		if (buffer == NULL)
			return -ENOMEM;
		pack->buffer = buffer;
		pack->space = (uint32_t)size;
	}
	*room = pack->buffer + pack->filled;
	return status;
}

static void buffer_take(struct pack *pack, uint64_t sectors)
{
	pack->filled += (uint32_t)(sectors * SECTOR);
	pack->sector += sectors;
}

/* A marker and what it stands for, in the buffer. */
static int32_t metadata_add(struct pack *pack, uint32_t type, const void *data, uint64_t sectors, uint64_t *sector)
{
	uint8_t *room;
	int32_t status = buffer_room(pack, (sectors + 1) * SECTOR, &room);
	if (status < 0)
		return status;
	memset(room, 0, SECTOR);
	vmm_block_put_le64(room, sectors);
	vmm_block_put_le32(room + 12, type);
	memcpy(room + SECTOR, data, sectors * SECTOR);
	*sector = pack->sector + 1;
	buffer_take(pack, sectors + 1);
	return 0;
}

static int32_t table_add(struct pack *pack, uint32_t *directory)
{
	uint64_t sector;
	int32_t status = metadata_add(pack, MARKER_GT, pack->entries, pack->sparse->table_sectors, &sector);
	if (status == 0)
		*directory = (uint32_t)sector;
	return status;
}

static int32_t table_change(struct pack *pack, uint32_t table)
{
	int32_t status = 0;
	if (pack->has_grains)
		status = table_add(pack, &pack->sparse->gd[pack->table]);
	memset(pack->entries, 0, pack->sparse->table_sectors * SECTOR);
	pack->has_grains = 0;
	pack->table = table;
	return status;
}

/* A compressed grain goes into the stream. */
static int32_t grain_append(struct pack *pack, const struct job *job)
{
	struct sparse *sparse = pack->sparse;
	uint8_t *room;
	int32_t status = job->size == 0 ? -ENOMEM : 0;
	if (status == 0 && job->grain / sparse->gtes != pack->table)
		status = table_change(pack, (uint32_t)(job->grain / sparse->gtes));
	uint64_t sectors = (MARKER_DATA + job->size + SECTOR - 1) / SECTOR;
	if (status == 0)
		status = buffer_room(pack, sectors * SECTOR, &room);
	if (status < 0)
		return status;
	if (pack->sector > SECTOR_MOST - sectors)
		return -EFBIG;
	vmm_block_put_le64(room, job->grain * sparse->grain);
	vmm_block_put_le32(room + 8, (uint32_t)job->size);
	memcpy(room + MARKER_DATA, job->packed, job->size);
	memset(room + MARKER_DATA + job->size, 0, sectors * SECTOR - MARKER_DATA - job->size);
	vmm_block_put_le32(pack->entries + (size_t)(job->grain % sparse->gtes) * 4, (uint32_t)pack->sector);
	pack->has_grains = 1;
	buffer_take(pack, sectors);
	return 0;
}

static int32_t jobs_finish(struct pack *pack)
{
	pthread_t threads[THREADS];
	uint32_t helpers = 0;
	int32_t status = 0;
	pack->next_job = 0;
	while (helpers + 1 < pack->threads && helpers + 1 < pack->job_count &&
		pthread_create(&threads[helpers], NULL, jobs_do, pack) == 0)
		helpers++;
	jobs_do(pack);
	while (helpers > 0)
		pthread_join(threads[--helpers], NULL);
	for (uint32_t i = 0; i < pack->job_count && status == 0; i++)
		status = grain_append(pack, &pack->jobs[i]);
	pack->job_count = 0;
	if (status < 0)
		pack->lost = status;
	return status;
}

static int32_t grain_add(struct pack *pack, uint64_t grain, const void *data, uint64_t length)
{
	struct job *job = &pack->jobs[pack->job_count++];
	job->grain = grain;
	job->length = length;
	memcpy(job->data, data, length);
	return pack->job_count == pack->job_space ? jobs_finish(pack) : 0;
}

int32_t vmdk_pack(struct vmm_block_image *image, uint64_t offset, uint64_t length, const void *data)
{
	struct vmdk *vmdk = vmdk_of(image);
	const uint8_t *from = data;
	int32_t status = 0;
	if (!vmdk->is_stream)
		return -EOPNOTSUPP;
	if (vmdk->pack == NULL)
		status = pack_begin(vmdk);
	if (status < 0)
		return status;
	struct pack *pack = vmdk->pack;
	uint64_t bytes = pack->sparse->grain_bytes;
	if (offset % bytes != 0 || offset / bytes < pack->next)
		return -EINVAL;
	if (pack->lost < 0)
		return pack->lost;
	while (length > 0 && status == 0) {
		uint64_t part = length < bytes ? length : bytes, grain = offset / bytes;
		/* An absent grain reads as zeros, of which a stream has no better way to tell. */
		if (!vmm_block_is_zero(from, part)) {
			/* What a reader has seen of the unfinished table is no longer true. */
			if (pack->is_complete)
				table_forget(pack->sparse);
			pack->is_complete = 0;
			status = grain_add(pack, grain, from, part);
		}
		pack->next = grain + 1;
		offset += part;
		length -= part;
		from += part;
	}
	return status;
}

/* The table that is not full yet, which comes again if it grows, and the rest. */
static int32_t end_write(struct pack *pack)
{
	struct sparse *sparse = pack->sparse;
	uint8_t footer[SECTOR], nothing[SECTOR] = { 0 }, *room;
	uint64_t sectors = ((uint64_t)sparse->tables * 4 + SECTOR - 1) / SECTOR, sector;
	struct header header = sparse->header;
	uint8_t *directory = calloc(sectors, SECTOR);
	int32_t status = directory == NULL ? -ENOMEM : 0;
	if (status == 0 && pack->has_grains)
		status = table_add(pack, &sparse->gd[pack->table]);
	if (status < 0)
		goto out;
	for (uint32_t i = 0; i < sparse->tables; i++)
		vmm_block_put_le32(directory + (size_t)i * 4, sparse->gd[i]);
	status = metadata_add(pack, MARKER_GD, directory, sectors, &sector);
	if (status < 0)
		goto out;
	header.gdOffset = sector;
	header_encode(&header, footer);
	status = metadata_add(pack, MARKER_FOOTER, footer, 1, &sector);
	if (status == 0)
		status = buffer_room(pack, SECTOR, &room);
	if (status == 0) {
		memcpy(room, nothing, SECTOR);
		buffer_take(pack, 1);
		status = buffer_write(pack);
	}
out:
	free(directory);
	return status;
}

int32_t pack_finish(struct vmdk *vmdk)
{
	struct pack *pack = vmdk->pack;
	if (pack == NULL || pack->is_complete)
		return 0;
	struct vmm_block_file *file = pack->sparse->part->file;
	int32_t status = pack->lost < 0 ? pack->lost : jobs_finish(pack);
	if (status == 0)
		status = buffer_write(pack);
	uint64_t sector = pack->sector;
	if (status == 0)
		status = end_write(pack);
	if (status == 0)
		status = vmm_block_file_truncate(file, pack->sector * SECTOR);
	if (status == 0)
		status = vmm_block_file_sync(file);
	if (status == 0)
		pack->sparse->length = pack->sector * SECTOR;
	else
		pack->lost = status;
	/* More may come: in the place of the end. */
	pack->sector = pack->written = sector;
	pack->filled = 0;
	pack->is_complete = status == 0;
	return status;
}

/* The header may have named another place for its directory, which is in the footer now. */
static int32_t header_mend(const struct sparse *sparse)
{
	uint8_t sector[SECTOR];
	struct header header;
	int32_t status = vmm_block_file_sync(sparse->part->file);
	if (status == 0)
		status = vmm_block_file_read_exact(sparse->part->file, sector, SECTOR, 0);
	if (status < 0 || !header_decode(sector, &header) || header.gdOffset == GD_AT_END)
		return status;
	header.gdOffset = GD_AT_END;
	header.rgdOffset = 0;
	header_encode(&header, sector);
	status = vmm_block_file_write(sparse->part->file, sector, SECTOR, 0);
	return status == 0 ? vmm_block_file_sync(sparse->part->file) : status;
}

/* A stream whose tables were made from its markers gets them, and an end, behind its last grain. */
int32_t stream_mend(struct sparse *sparse)
{
	struct pack pack = { .sparse = sparse, .sector = sparse->end, .written = sparse->end, .space = BUFFER };
	uint32_t size = sparse->table_sectors * SECTOR;
	int32_t status = vmm_block_file_truncate(sparse->part->file, sparse->end * SECTOR);
	pack.buffer = malloc(BUFFER);
	if (pack.buffer == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < sparse->tables && status == 0; i++) {
		if (sparse->pages[i] == NULL)
			continue;
		pack.entries = sparse->pages[i]->entries;
		status = pack.space - pack.filled < size + 2 * SECTOR ? buffer_write(&pack) : 0;
		if (status == 0)
			status = table_add(&pack, &sparse->gd[i]);
	}
	if (status == 0)
		status = buffer_write(&pack);
	if (status == 0)
		status = end_write(&pack);
	free(pack.buffer);
	return status == 0 ? header_mend(sparse) : status;
}

void pack_end(struct vmdk *vmdk)
{
	pack_free(vmdk->pack);
	vmdk->pack = NULL;
}
