/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * RAM in a saved state: chunks that are compressed on their own, with an index, so that a resume can fetch any page
 * (docs/state.md).
 *
 *   mark "RAM1", chunk size u32, region count u32
 *   a region: name (64 bytes, NUL-padded), length u64, chunk count u64, offset in the file of its end u64,
 *     its index: for each chunk {file offset u64, stored u32, CRC-32 u32} (stored 0: all zero),
 *     CRC-32 of all that from the name on, then its chunks
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "vmm/event/file.h"
#include "vmm/machine/parts.h"

#define RAM_MARK   "RAM1"
#define RAM_CHUNK  65536u
#define RAM_NAME   64
#define RAM_HEADER (RAM_NAME + 24)
#define RAM_ENTRY  16
#define RAM_CRC    4

struct ram_index {
	uint64_t offset;
	uint32_t stored, crc;
};

static void put_le(uint8_t *to, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_le(const uint8_t *from, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)from[i] << (8 * i);
	return value;
}

static bool is_zero(const uint8_t *data, size_t length)
{
	return !data[0] && !memcmp(data, data + 1, length - 1);
}

/* RAM regions that are saved: the system's, and those that plugins made. */
static struct memory_region *ram_region(struct machine *machine, uint32_t *cursor, char name[RAM_NAME])
{
	uint32_t plugin_cursor = *cursor < 2 ? 0 : *cursor - 2;
	struct resource *resource;

	while (*cursor < 2) {
		unsigned index = (*cursor)++;

		if (!machine->ram[index])
			continue;
		snprintf(name, RAM_NAME, "%s", memory_region_name(machine->ram[index]));
		return machine->ram[index];
	}
	while ((resource = handle_next(&machine->env.handles, &plugin_cursor, NULL))) {
		*cursor = plugin_cursor + 2;
		if (resource->type != RESOURCE_REGION || memory_region_type(resource->region) != MEMORY_RAM)
			continue;
		snprintf(name, RAM_NAME, "%.30s/%.30s", resource->owner->name, memory_region_name(resource->region));
		return resource->region;
	}
	return NULL;
}

static int chunk_write(
	int fd, const uint8_t *data, uint8_t *packed, size_t packed_size, ZSTD_CCtx *zstd, struct ram_index *index)
{
	off_t offset = lseek(fd, 0, SEEK_CUR);
	size_t stored;

	if (is_zero(data, RAM_CHUNK)) {
		*index = (struct ram_index){ 0 };
		return 0;
	}
	stored = ZSTD_compressCCtx(zstd, packed, packed_size, data, RAM_CHUNK, 1);
	if (ZSTD_isError(stored) || offset < 0)
		return -EIO;
	*index = (struct ram_index){ (uint64_t)offset, (uint32_t)stored, (uint32_t)crc32_z(0, packed, stored) };
	return file_write(fd, packed, stored);
}

static int region_write(int fd, struct memory_region *region, const char *name, ZSTD_CCtx *zstd)
{
	uint64_t length = memory_region_length(region), chunks = (length + RAM_CHUNK - 1) / RAM_CHUNK;
	size_t packed_size = ZSTD_compressBound(RAM_CHUNK), head_size = RAM_HEADER + chunks * RAM_ENTRY + RAM_CRC;
	uint8_t *packed = malloc(packed_size), *head = calloc(1, head_size), *tail = calloc(1, RAM_CHUNK);
	off_t start = lseek(fd, 0, SEEK_CUR);
	int status = packed && head && tail ? 0 : -ENOMEM;

	if (!status && start < 0)
		status = -errno;
	/* Room for the header and the index first; they are filled in when the chunks are known. */
	if (!status)
		status = file_write(fd, head, head_size);
	for (uint64_t i = 0; i < chunks && !status; i++) {
		const uint8_t *data = memory_region_host(region) + i * RAM_CHUNK;
		uint8_t *entry = head + RAM_HEADER + i * RAM_ENTRY;
		uint64_t left = length - i * RAM_CHUNK;
		struct ram_index index;

		if (left < RAM_CHUNK) {
			memcpy(tail, data, left);
			data = tail;
		}
		status = chunk_write(fd, data, packed, packed_size, zstd, &index);
		if (status)
			break;
		put_le(entry, index.offset, 8);
		put_le(entry + 8, index.stored, 4);
		put_le(entry + 12, index.crc, 4);
	}
	if (!status) {
		snprintf((char *)head, RAM_NAME, "%s", name);
		put_le(head + RAM_NAME, length, 8);
		put_le(head + RAM_NAME + 8, chunks, 8);
		put_le(head + RAM_NAME + 16, (uint64_t)lseek(fd, 0, SEEK_CUR), 8);
		put_le(head + head_size - RAM_CRC, crc32_z(0, head, head_size - RAM_CRC), RAM_CRC);
		if (pwrite(fd, head, head_size, start) != (ssize_t)head_size)
			status = errno ? -errno : -EIO;
	}
	free(packed);
	free(head);
	free(tail);
	return status;
}

int ram_write(struct machine *machine, int fd, struct config_error *error)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	uint8_t header[12] = RAM_MARK;
	char name[RAM_NAME];
	struct memory_region *region;
	uint32_t cursor = 0, count = 0;
	int status = zstd ? 0 : -ENOMEM;

	while (ram_region(machine, &cursor, name))
		count++;
	put_le(header + 4, RAM_CHUNK, 4);
	put_le(header + 8, count, 4);
	if (!status)
		status = file_write(fd, header, sizeof(header));
	cursor = 0;
	while (!status && (region = ram_region(machine, &cursor, name)))
		status = region_write(fd, region, name, zstd);
	ZSTD_freeCCtx(zstd);
	if (status)
		config_fail(error, NULL, 0, "the guest's RAM cannot be written: %s", strerror(-status));
	return status;
}

static int chunk_read(int fd, const uint8_t *entry, uint8_t *packed, size_t packed_size, uint8_t *data)
{
	uint64_t offset = get_le(entry, 8);
	uint32_t stored = (uint32_t)get_le(entry + 8, 4), crc = (uint32_t)get_le(entry + 12, 4);
	size_t got;

	if (!stored) {
		memset(data, 0, RAM_CHUNK);
		return 0;
	}
	if (stored > packed_size || offset > (uint64_t)INT64_MAX - stored ||
		pread(fd, packed, stored, (off_t)offset) != (ssize_t)stored || crc32_z(0, packed, stored) != crc)
		return -EINVAL;
	got = ZSTD_decompress(data, RAM_CHUNK, packed, stored);
	return got == RAM_CHUNK ? 0 : -EINVAL;
}

static int region_read(int fd, struct memory_region *region, const uint8_t header[RAM_HEADER])
{
	uint64_t length = get_le(header + RAM_NAME, 8), chunks = get_le(header + RAM_NAME + 8, 8);
	uint64_t end = get_le(header + RAM_NAME + 16, 8);
	size_t packed_size = ZSTD_compressBound(RAM_CHUNK);
	uint8_t *packed, *index, *data;
	int status;

	if (length != memory_region_length(region) || chunks != (length + RAM_CHUNK - 1) / RAM_CHUNK || end > INT64_MAX)
		return -EINVAL;
	packed = malloc(packed_size);
	index = malloc(chunks * RAM_ENTRY + RAM_CRC);
	data = malloc(RAM_CHUNK);
	status = packed && index && data ? file_read(fd, index, chunks * RAM_ENTRY + RAM_CRC) : -ENOMEM;
	if (!status &&
		crc32_z(crc32_z(0, header, RAM_HEADER), index, chunks * RAM_ENTRY) !=
			get_le(index + chunks * RAM_ENTRY, RAM_CRC))
		status = -EINVAL;
	for (uint64_t i = 0; i < chunks && !status; i++) {
		uint64_t left = length - i * RAM_CHUNK;

		/* A fresh machine's RAM is zero already: leave it untouched, so that it takes no memory. */
		status = chunk_read(fd, index + i * RAM_ENTRY, packed, packed_size, data);
		if (!status &&
			!(is_zero(data, RAM_CHUNK) &&
				is_zero(memory_region_host(region) + i * RAM_CHUNK,
					left < RAM_CHUNK ? left : RAM_CHUNK)))
			status = memory_region_write(region, i * RAM_CHUNK, data, left < RAM_CHUNK ? left : RAM_CHUNK);
	}
	if (!status && lseek(fd, (off_t)end, SEEK_SET) < 0)
		status = -errno;
	free(packed);
	free(index);
	free(data);
	return status;
}

static struct memory_region *region_named(struct machine *machine, const char *name)
{
	struct memory_region *region;
	char own[RAM_NAME];
	uint32_t cursor = 0;

	while ((region = ram_region(machine, &cursor, own)))
		if (!strcmp(own, name))
			return region;
	return NULL;
}

int ram_read(struct machine *machine, int fd, struct config_error *error)
{
	uint8_t header[12], region_header[RAM_HEADER];
	char name[RAM_NAME];
	uint32_t count, cursor = 0, own = 0;
	int status = file_read(fd, header, sizeof(header));

	if (!status && (memcmp(header, RAM_MARK, 4) || get_le(header + 4, 4) != RAM_CHUNK))
		status = -EINVAL;
	count = (uint32_t)get_le(header + 8, 4);
	while (ram_region(machine, &cursor, name))
		own++;
	if (!status && count != own)
		status = -EINVAL;
	for (uint32_t i = 0; i < count && !status; i++) {
		struct memory_region *region;

		status = file_read(fd, region_header, sizeof(region_header));
		if (status)
			break;
		region_header[RAM_NAME - 1] = 0;
		region = region_named(machine, (const char *)region_header);
		status = region ? region_read(fd, region, region_header) : -ENOENT;
	}
	if (status)
		config_fail(error, NULL, 0, "the RAM in the state is damaged, cut short or of another machine (%s)",
			strerror(-status));
	return status;
}
