/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The descriptor in its file: a file of its own, or some sectors of a sparse extent.
 */
#include "vmdk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

int32_t store_save(struct vmdk *vmdk)
{
	struct vmm_block_image *image = vmdk->image;
	const struct descriptor *descriptor = &vmdk->descriptor;
	uint64_t room = vmdk->descriptor_offset != 0 ? vmdk->descriptor_sectors * SECTOR : descriptor->length;
	int32_t status;
	if (vmdk->descriptor_offset != 0 && descriptor->length > room)
		return vmm_block_fail(image->host, -ENOSPC, "convert the disk with vmm disk convert, which makes room",
			"the descriptor of %s has no room for %u bytes", image->path, descriptor->length);
	if (vmdk->descriptor_offset == 0 && descriptor->length != vmdk->descriptor_stored) {
		status = file_replace(vmdk);
	} else {
		char *text = calloc(2, room > 0 ? room : 1);
		if (text == NULL)
			return -ENOMEM;
		memcpy(text, descriptor->text, descriptor->length);
		status = sectors_write(image->file, vmdk->descriptor_offset * SECTOR, text, text + room, room);
		free(text);
	}
	if (status == 0)
		vmdk->descriptor_stored = descriptor->length;
	return status;
}
