/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * New extents: where their parts are, and their files.
 */
#include "create.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void geometry_fit(uint64_t sectors, struct geometry *geometry)
{
	geometry->cylinders = sectors / (geometry->heads * geometry->sectors);
	if (geometry->cylinders == 0)
		geometry->cylinders = 1;
	/* What ATA can say. */
	if (geometry->heads == 16 && geometry->cylinders > 16383)
		geometry->cylinders = 16383;
}

void geometry_make(uint64_t sectors, const char *adapter, struct geometry *geometry)
{
	const uint64_t gib = UINT64_C(1) << 21;
	geometry->heads = 255;
	geometry->sectors = 63;
	if (strcasecmp(adapter, "ide") == 0) {
		geometry->heads = 16;
	} else if (sectors < gib) {
		geometry->heads = 64;
		geometry->sectors = 32;
	} else if (sectors < 2 * gib) {
		geometry->heads = 128;
		geometry->sectors = 32;
	}
	geometry_fit(sectors, geometry);
}

int32_t layout_make(struct header *header)
{
	uint64_t tables = header_tables(header), size = (tables * 4 + SECTOR - 1) / SECTOR;
	uint64_t all = tables * header_table_sectors(header), at = 1;
	header->descriptorOffset = header->descriptorSize > 0 ? at : 0;
	at += header->descriptorSize;
	if ((header->flags & FLAG_REDUNDANT) != 0) {
		header->rgdOffset = at;
		at += size + all;
	}
	header->gdOffset = at;
	at += size + all;
	header->overHead = (at + header->grainSize - 1) / header->grainSize * header->grainSize;
	/* The tables alone may be more than table entries can tell the places of. */
	return header->overHead > SECTOR_MOST ? -EFBIG : 0;
}

static int32_t directory_write(
	struct vmm_block_file *file, const struct header *header, uint64_t sector, uint8_t *buffer, uint64_t size)
{
	uint64_t tables = header_tables(header);
	for (uint64_t i = 0; i < tables; i++)
		vmm_block_put_le32(buffer + i * 4, (uint32_t)(sector + size + i * header_table_sectors(header)));
	return vmm_block_file_write(file, buffer, size * SECTOR, sector * SECTOR);
}

int32_t layout_write(struct vmm_block_file *file, const struct header *header)
{
	uint8_t sector[SECTOR];
	uint64_t size = (header_tables(header) * 4 + SECTOR - 1) / SECTOR;
	uint8_t *buffer = calloc(size, SECTOR);
	if (buffer == NULL)
		return -ENOMEM;
	int32_t status = vmm_block_file_truncate(file, header->overHead * SECTOR);
	if (status == 0)
		status = directory_write(file, header, header->gdOffset, buffer, size);
	if (status == 0 && (header->flags & FLAG_REDUNDANT) != 0)
		status = directory_write(file, header, header->rgdOffset, buffer, size);
	header_encode(header, sector);
	if (status == 0)
		status = vmm_block_file_write(file, sector, SECTOR, 0);
	free(buffer);
	return status;
}

const char *name_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

int32_t name_make(const char *path, const char *suffix, char *result, uint32_t size)
{
	size_t length = strlen(path);
	if (length > 5 && strcasecmp(path + length - 5, ".vmdk") == 0)
		length -= 5;
	return (uint32_t)snprintf(result, size, "%.*s%s.vmdk", (int)length, path, suffix) >= size ? -ENAMETOOLONG : 0;
}

static int32_t file_end(struct vmm_block_file *file, const char *path, int32_t status)
{
	if (status == 0)
		status = vmm_block_file_sync(file);
	vmm_block_file_close(file);
	if (status < 0)
		(void)vmm_block_unlink(path);
	return status;
}

int32_t flat_new(const char *path, uint64_t sectors)
{
	struct vmm_block_file *file;
	int32_t status = vmm_block_file_open(path, VMM_BLOCK_FILE_CREATE, NULL, &file);
	return status < 0 ? status : file_end(file, path, vmm_block_file_truncate(file, sectors * SECTOR));
}

int32_t sparse_new_file(const char *path, uint64_t sectors, const struct header *like)
{
	struct header header = { .version = like->version,
		.flags = like->flags,
		.capacity = sectors,
		.grainSize = like->grainSize,
		.numGTEsPerGT = GTES };
	struct vmm_block_file *file;
	int32_t status = layout_make(&header);
	if (status == 0)
		status = vmm_block_file_open(path, VMM_BLOCK_FILE_CREATE, NULL, &file);
	return status < 0 ? status : file_end(file, path, layout_write(file, &header));
}
