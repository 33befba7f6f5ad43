/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The descriptor in its file: a file of its own, or some sectors of a sparse extent.
 *
 * If it has outgrown those it moves to where there is room: the text first, then the header, one sector, which says
 * where it is.  QEMU looks for it at sector 1 all the same, so that what a reader must know is kept there, too.
 */
#include "sparse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLACK         20u /* sectors behind a descriptor that has moved */
#define BRIEF_SECTORS 20u /* that QEMU looks at */

int32_t store_load(struct vmdk *vmdk, const struct header *header)
{
	struct vmm_block_image *image = vmdk->image;
	struct vmm_block_file_info info;
	uint64_t at = 0, size;
	int32_t status = vmm_block_file_info(image->file, &info);
	if (status < 0)
		return status;
	size = info.length;
	if (header != NULL) {
		vmdk->descriptor_offset = header->descriptorOffset;
		vmdk->descriptor_sectors = header->descriptorSize;
		at = header->descriptorOffset;
		if (at >= info.length / SECTOR || header->descriptorSize > info.length / SECTOR - at)
			return vmm_block_fail(image->host, -EINVAL,
				"take the disk from a backup, or write a descriptor file for it",
				"the descriptor of %s is said to be at sector %llu, which is not in the file",
				image->path, (unsigned long long)at);
		at *= SECTOR;
		size = header->descriptorSize * SECTOR;
	}
	if (size > DESCRIPTOR_MAXIMUM)
		return vmm_block_fail(image->host, -EFBIG, "open the disk's descriptor, which is a short text",
			"the descriptor of %s is longer than %u bytes", image->path, DESCRIPTOR_MAXIMUM);
	char *text = malloc(size + 1);
	if (text == NULL)
		return -ENOMEM;
	status = vmm_block_file_read_exact(image->file, text, size, at);
	if (status == 0)
		status = descriptor_copy(&vmdk->descriptor, text, size);
	free(text);
	vmdk->descriptor_stored = vmdk->descriptor.length;
	return status;
}

/* Write only the sectors that differ, so that a change within one sector is done or not. */
static int32_t sectors_write(struct vmm_block_file *file, uint64_t at, const char *text, char *old, uint64_t size)
{
	int32_t status = vmm_block_file_read(file, old, size, at);
	for (uint64_t i = 0; i < size && status == 0; i += SECTOR) {
		uint64_t n = size - i < SECTOR ? size - i : SECTOR;
		if (memcmp(text + i, old + i, n) != 0)
			status = vmm_block_file_write(file, text + i, n, at + i);
	}
	return status == 0 ? vmm_block_file_sync(file) : status;
}

/* Another file in the place of the descriptor's.  The lock is on the file, so it has to be taken anew. */
static int32_t file_replace(struct vmdk *vmdk)
{
	struct vmm_block_image *image = vmdk->image;
	struct vmm_block_file *file;
	int32_t status = vmm_block_replace(image->path, vmdk->descriptor.text, vmdk->descriptor.length);
	if (status < 0 || vmm_block_open_part(image, image->path, &file) < 0)
		return status;
	vmm_block_file_close(image->file);
	image->file = file;
	return 0;
}

/* The extent that it is in, if that can be written. */
static struct sparse *extent_of(const struct vmdk *vmdk)
{
	for (uint32_t i = 0; i < vmdk->extent_count; i++) {
		struct sparse *sparse = vmdk->extents[i].sparse;
		if (sparse != NULL && sparse->part->file == vmdk->image->file && sparse->kind == SPARSE_HOSTED &&
			sparse->is_writable)
			return sparse;
	}
	return NULL;
}

/* How many sectors there are from 1 on before anything else. */
static uint64_t front_room(const struct sparse *sparse)
{
	const struct header *header = &sparse->header;
	uint64_t end = header->descriptorOffset;
	if (header->overHead < end)
		end = header->overHead;
	if (header->gdOffset < end)
		end = header->gdOffset;
	if (sparse->rgd != NULL && header->rgdOffset < end)
		end = header->rgdOffset;
	for (uint32_t i = 0; i < sparse->tables; i++) {
		if (sparse->gd[i] != 0 && sparse->gd[i] < end)
			end = sparse->gd[i];
		if (sparse->rgd != NULL && sparse->rgd[i] != 0 && sparse->rgd[i] < end)
			end = sparse->rgd[i];
	}
	return end < 1 + BRIEF_SECTORS ? end - 1 : BRIEF_SECTORS;
}

/* What a reader must know; 0: it has no room. */
static uint32_t brief_make(const struct descriptor *descriptor, char *text, uint64_t room)
{
	static const char *const keys[] = { "version", "encoding", "CID", "parentCID", "createType",
		"parentFileNameHint", "ddb.adapterType", "ddb.geometry.cylinders", "ddb.geometry.heads",
		"ddb.geometry.sectors" };
	char value[DESCRIPTOR_NAME], why[160];
	struct descriptor_extent *extent = malloc(sizeof(*extent));
	uint64_t used = (uint64_t)snprintf(text, room, "# Disk DescriptorFile\n");
	uint32_t at = 0;
	for (uint32_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && extent != NULL && used < room; i++) {
		/* The lines of the extents are before the disk database. */
		while (strncmp(keys[i], "ddb.", 4) == 0 && used < room &&
			descriptor_extent(descriptor, &at, extent, why) > 0)
			used += (uint64_t)snprintf(text + used, room - used, "%.*s\n", (int)(extent->end - extent->at),
				descriptor->text + extent->at);
		const char *quote = i == 0 || i == 2 || i == 3 ? "" : "\"";
		if (used < room && descriptor_get(descriptor, keys[i], value, sizeof(value)))
			used += (uint64_t)snprintf(
				text + used, room - used, "%s=%s%s%s\n", keys[i], quote, value, quote);
	}
	free(extent);
	return extent != NULL && used < room;
}

/* At sector 1, if it was there once. */
static int32_t brief_write(struct vmdk *vmdk)
{
	struct vmm_block_file *file = vmdk->image->file;
	const struct sparse *sparse = vmdk->descriptor_offset > 1 ? extent_of(vmdk) : NULL;
	uint64_t room = sparse != NULL ? front_room(sparse) * SECTOR : 0;
	uint8_t head[SECTOR];
	if (room == 0)
		return 0;
	int32_t status = vmm_block_file_read_exact(file, head, SECTOR, SECTOR);
	if (status < 0 || !descriptor_is(head, SECTOR))
		return status;
	char *text = calloc(2, room);
	if (text == NULL)
		return -ENOMEM;
	if (brief_make(&vmdk->descriptor, text, room)) {
		/* Behind its end there may be what did not fit. */
		size_t length = strlen(text);
		memset(text + length, 0, room - length);
		status = sectors_write(file, SECTOR, text, text + room, room);
	}
	free(text);
	return status;
}

int32_t store_move(struct vmdk *vmdk, struct sparse *sparse, uint64_t sector, uint64_t sectors)
{
	struct vmm_block_file *file = vmdk->image->file;
	uint64_t old = vmdk->descriptor_offset, old_sectors = vmdk->descriptor_sectors, grain = sparse->grain;
	char *text = calloc(sectors, SECTOR);
	if (text == NULL)
		return -ENOMEM;
	memcpy(text, vmdk->descriptor.text, vmdk->descriptor.length);
	int32_t status = vmm_block_file_write(file, text, sectors * SECTOR, sector * SECTOR);
	free(text);
	if (status == 0)
		status = vmm_block_file_sync(file);
	if (status < 0)
		return status;
	header_place(&sparse->header, sparse->sector, sector, sectors);
	status = vmm_block_file_write(file, sparse->sector, SECTOR, 0);
	if (status == 0)
		status = vmm_block_file_sync(file);
	if (status < 0) {
		header_place(&sparse->header, sparse->sector, old, old_sectors);
		return status;
	}
	vmdk->descriptor_offset = sector;
	vmdk->descriptor_sectors = sectors;
	/* A place among grains is one for grains. */
	if (old >= sparse->header.overHead && old % grain == 0)
		space_give(sparse, old, (old_sectors + grain - 1) / grain);
	return 0;
}

/* At the end of the file there is room. */
static int32_t store_grow(struct vmdk *vmdk)
{
	struct sparse *sparse = extent_of(vmdk);
	uint64_t sectors = (vmdk->descriptor.length + SECTOR - 1) / SECTOR + SLACK, sector;
	int32_t status = -ENOSPC;
	if (sparse != NULL) {
		space_survey(sparse);
		status = sparse->is_marked ? 0 : sparse_mark(sparse, 1);
		if (status == 0)
			status = space_append(sparse, sectors, &sector);
		if (status == 0)
			status = store_move(vmdk, sparse, sector, sectors);
	}
	return status < 0
		? vmm_block_fail(vmdk->image->host, status,
			  "make room on the host, or convert the disk with vmm disk convert",
			  "the descriptor of %s has no room for %u bytes", vmdk->image->path, vmdk->descriptor.length)
		: 0;
}

int32_t store_save(struct vmdk *vmdk)
{
	struct vmm_block_image *image = vmdk->image;
	const struct descriptor *descriptor = &vmdk->descriptor;
	uint64_t room = vmdk->descriptor_offset != 0 ? vmdk->descriptor_sectors * SECTOR : descriptor->length;
	int32_t status;
	if (vmdk->descriptor_offset != 0 && descriptor->length > room) {
		status = store_grow(vmdk);
	} else if (vmdk->descriptor_offset == 0 && descriptor->length != vmdk->descriptor_stored) {
		status = file_replace(vmdk);
	} else {
		char *text = calloc(2, room > 0 ? room : 1);
		if (text == NULL)
			return -ENOMEM;
		memcpy(text, descriptor->text, descriptor->length);
		status = sectors_write(image->file, vmdk->descriptor_offset * SECTOR, text, text + room, room);
		free(text);
	}
	if (status == 0 && vmdk->descriptor_offset > 1)
		status = brief_write(vmdk);
	if (status == 0)
		vmdk->descriptor_stored = descriptor->length;
	return status;
}
