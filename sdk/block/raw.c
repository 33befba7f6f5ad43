/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The raw format: byte N of the file is byte N of the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "queue.h"

#define ISO_MARK 32769u /* "CD001" of the first volume descriptor (ECMA-119, 8.1) */

static uint32_t raw_probe(const struct vmm_probe *probe)
{
	if ((probe->flags & VMM_PROBE_FOLDER) != 0)
		return 0;
	return probe->head_length >= ISO_MARK + 5 && memcmp(probe->head + ISO_MARK, "CD001", 5) == 0 ? 60 : 1;
}

static int32_t raw_open(struct vmm_block_image *image)
{
	struct vmm_block_file_info info;
	char mark[5];
	int32_t status = vmm_block_file_info(image->file, &info);
	if (status < 0)
		return vmm_block_fail(image->host, status, "use another disk", "cannot tell the length of %.3000s: %s",
			image->path, strerror(-status));
	if (cd_is(image->file)) {
		/* Empty, perhaps; its length is the disc's. */
		strcpy(image->variant, "cdrom");
		image->is_readonly = 1;
		image->readonly_why = "it is a CD drive";
		image->length = info.length / VMM_BLOCK_SECTOR * VMM_BLOCK_SECTOR;
		return 0;
	}
	if (info.length == 0)
		return vmm_block_fail(image->host, -EINVAL,
			"give it a size with `vmm disk resize`, or name another file", "%.3000s is empty", image->path);
	if (info.length > VMM_BLOCK_LENGTH_MAXIMUM - VMM_BLOCK_SECTOR)
		return vmm_block_fail(image->host, -EFBIG, "use a smaller image", "%.3000s is too long", image->path);
	/* What is past the end of the file reads as zeros. */
	image->length = (info.length + VMM_BLOCK_SECTOR - 1) / VMM_BLOCK_SECTOR * VMM_BLOCK_SECTOR;
	strcpy(image->variant, info.is_device ? "device" : "file");
	if (vmm_block_file_read(image->file, mark, sizeof(mark), ISO_MARK) == 0 &&
		memcmp(mark, "CD001", sizeof(mark)) == 0)
		strcpy(image->variant, "iso9660");
	return 0;
}

static int32_t raw_map(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent)
{
	extent->kind = VMM_BLOCK_DATA;
	extent->file = image->file;
	extent->offset = offset;
	extent->length = length;
	return 0;
}

static int32_t raw_sync(struct vmm_block_image *image)
{
	return vmm_block_file_sync(image->file);
}

static int32_t raw_resize(struct vmm_block_image *image, uint64_t length)
{
	int32_t status = vmm_block_file_truncate(image->file, length);
	if (status < 0)
		return vmm_block_fail(image->host, status,
			status == -ENOTSUP ? "use another device" : "make room on its disk, or use a smaller size",
			"cannot set the length of %.3000s: %s", image->path,
			status == -ENOTSUP ? "it is a device" : strerror(-status));
	image->length = length;
	return 0;
}

static int32_t raw_create(const struct vmm_block_create *create)
{
	struct vmm_block_file *file;
	int32_t status = vmm_block_file_open(create->path, VMM_BLOCK_FILE_CREATE, NULL, &file);
	if (status < 0)
		return vmm_block_fail(create->host, status,
			status == -EEXIST ? "name another file, or remove it" : "name another file",
			"cannot make %.3000s: %s", create->path, strerror(-status));
	status = vmm_block_file_truncate(file, create->length);
	if (status == 0 && strcmp(create->variant, "preallocated") == 0 &&
		posix_fallocate(file->fd, 0, (off_t)create->length) != 0)
		status = -ENOSPC;
	if (status == 0)
		status = vmm_block_file_sync(file);
	vmm_block_file_close(file);
	if (status == 0)
		return 0;
	vmm_block_unlink(create->path);
	return vmm_block_fail(create->host, status, "make room on its disk, or use a smaller size",
		"cannot make %.3000s: %s", create->path, strerror(-status));
}

const struct vmm_block_format vmm_block_raw = {
	.flags = BLOCK_FORMAT_DEVICES,
	.name = "raw",
	.suffixes = "img|raw|iso|dd",
	.variants = "sparse|preallocated",
	.probe = raw_probe,
	.open = raw_open,
	.map = raw_map,
	.sync = raw_sync,
	.resize = raw_resize,
	.create = raw_create,
};
