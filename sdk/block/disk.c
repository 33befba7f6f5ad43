/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * An image as a machine's drive sees it: opened by the settings of its instance.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm/kit/host.h>

#include "queue.h"

enum { READONLY_AUTO, READONLY_YES, READONLY_NO };
/* As VMware means them; the independent ones are left out of snapshots. */
enum { MODE_PERSISTENT, MODE_NONPERSISTENT, MODE_UNDOABLE, MODE_INDEPENDENT, MODE_INDEPENDENT_NONPERSISTENT };

struct wishes {
	char path[4096];
	char redo[4096 + sizeof(BLOCK_REDO)]; /* what undoable changes go to */
	uint32_t readonly, persistent, undoable, direct, tracked;
	uint64_t size;
};

/* Whether somebody lacks a right, rather than that something is broken. */
static bool is_refusal(int error)
{
	return error == EACCES || error == EPERM || error == EROFS || error == ETXTBSY;
}

static bool is_cd(const struct vmm_block_image *image)
{
	return strcmp(image->variant, "cdrom") == 0;
}

static bool is_iso(const struct vmm_block_image *image)
{
	return strcmp(image->variant, "iso9660") == 0;
}

/* Make the image if there is none.  *made: it was. */
static int32_t disk_make(
	struct disk *disk, const struct vmm_block_format *format, const struct wishes *wishes, bool *made)
{
	if (access(wishes->path, F_OK) == 0 || errno != ENOENT || wishes->size == 0 || !wishes->persistent ||
		wishes->readonly == READONLY_YES)
		return 0;
	const struct vmm_block_new what = { .path = wishes->path, .length = wishes->size };
	int32_t status = vmm_block_image_create(disk->host, format, &what);
	*made = status == 0;
	return status;
}

/* Changes that nobody has said yes or no to: they are not to be passed over. */
static int32_t redo_check(struct disk *disk, const struct wishes *wishes)
{
	if (wishes->undoable || access(wishes->redo, F_OK) < 0)
		return 0;
	if (!wishes->persistent || wishes->readonly == READONLY_YES) {
		vmm_kit_log(disk->host, VMM_LOG_WARNING, "the changes in %.150s are not seen", wishes->redo);
		return 0;
	}
	return vmm_block_fail(disk->host, -EBUSY,
		"keep or drop them with `vmm disk commit` or `vmm disk discard`, or set `mode = undoable`",
		"there are changes to %.2000s in %.2000s", wishes->path, wishes->redo);
}

/* Begin to keep changes apart, if that was not done before. */
static int32_t redo_make(struct disk *disk, const struct vmm_block_format *format, const struct wishes *wishes)
{
	struct vmm_block_image *image;
	if (access(wishes->redo, F_OK) == 0 || wishes->readonly == READONLY_YES)
		return 0;
	int32_t status = vmm_block_image_open(disk->host, &format, 1, wishes->path, VMM_BLOCK_READONLY, &image);
	if (status < 0)
		return status;
	const char *slash = strrchr(wishes->path, '/');
	const struct vmm_block_new what = {
		.path = wishes->redo,
		.length = image->length,
		.parent = slash != NULL ? slash + 1 : wishes->path,
		.parent_format = format->name,
		.parent_image = image,
	};
	status = vmm_block_image_create(disk->host, &vmm_block_delta, &what);
	disk->redo_made = status == 0;
	vmm_block_image_close(image);
	return status;
}

/* How it is to be opened: READONLY or not. */
static uint32_t disk_flags(struct disk *disk, const struct wishes *wishes)
{
	uint32_t direct = wishes->direct ? VMM_BLOCK_DIRECT : 0;
	if (wishes->readonly == READONLY_YES || !wishes->persistent)
		return direct | VMM_BLOCK_READONLY;
	/* The image itself is only read then. */
	if (wishes->readonly == READONLY_NO || wishes->undoable)
		return direct;
	int fd = open(wishes->path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0) {
		close(fd);
		return direct;
	}
	if (!is_refusal(errno))
		return direct;
	vmm_kit_log(disk->host, VMM_LOG_INFO, "%.150s is read-only: %s", wishes->path, strerror(errno));
	disk->readonly = 1;
	return direct | VMM_BLOCK_READONLY;
}

/* Images that a format can only read, and CDs. */
static int32_t disk_readonly(
	struct disk *disk, const struct vmm_block_format *format, const struct wishes *wishes, uint32_t flags)
{
	struct vmm_block_image *image = disk->image;
	disk->readonly |= wishes->readonly == READONLY_YES;
	if (wishes->readonly == READONLY_AUTO && is_iso(image))
		disk->readonly = 1;
	if (image->is_readonly && wishes->persistent) {
		const char *why = image->readonly_why != NULL ? image->readonly_why : "its format can only be read";
		if (wishes->readonly == READONLY_NO)
			return vmm_block_fail(disk->host, -EROFS,
				"set `mode = nonpersistent`, or convert it with `vmm disk convert`",
				"%.3000s cannot be written: %s", image->path, why);
		if (!disk->readonly)
			vmm_kit_log(disk->host, VMM_LOG_INFO, "%.120s is read-only: %.100s", image->path, why);
		disk->readonly = 1;
	}
	/* There is nothing to be kept of what is written to a CD. */
	disk->readonly |= is_cd(image);
	if (!disk->readonly || (flags & VMM_BLOCK_READONLY) != 0)
		return 0;
	/* Other readers are welcome then. */
	vmm_block_image_close(image);
	disk->image = NULL;
	return vmm_block_image_open(disk->host, &format, 1, wishes->path, flags | VMM_BLOCK_READONLY, &disk->image);
}

/* `size =`: never smaller. */
static int32_t disk_size(struct disk *disk, const struct wishes *wishes)
{
	struct vmm_block_image *image = disk->image;
	uint64_t size = wishes->size;
	disk->length = image->length;
	disk->is_cd = image->file->is_device && is_cd(image);
	if (disk->is_cd)
		return 0;
	if (wishes->undoable && size > image->length)
		return vmm_block_fail(disk->host, -EINVAL, "grow it with `vmm disk resize`, without changes kept apart",
			"%.3000s is smaller than its `size =`, and is not made larger with `mode = undoable`",
			wishes->path);
	if (size <= image->length || (disk->readonly && wishes->persistent))
		return 0;
	disk->length = size;
	return wishes->persistent ? vmm_block_image_resize(image, size) : 0;
}

/* Past the end of the file there is nothing to lose; past the image's end there may be a footer. */
static uint32_t can_punch(const struct vmm_block_image *image)
{
	struct vmm_block_file_info info;
	if (image->unit != 0)
		return 1;
	if (vmm_block_file_info(image->file, &info) < 0 || info.is_device)
		return 0;
	uint64_t end = (info.length + 4095) & ~UINT64_C(4095);
	return fallocate(image->file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)end, 4096) == 0;
}

static int32_t disk_open_wished(
	struct disk *disk, const struct vmm_block_format *format, const struct wishes *wishes, bool *made)
{
	const struct vmm_block_format *const with_redo[] = { &vmm_block_delta, format };
	int32_t status = redo_check(disk, wishes);
	if (status == 0)
		status = disk_make(disk, format, wishes, made);
	if (status == 0 && wishes->undoable)
		status = redo_make(disk, format, wishes);
	if (status < 0)
		return status;
	uint32_t flags = disk_flags(disk, wishes);
	if (wishes->undoable && access(wishes->redo, F_OK) == 0) {
		disk->readonly = wishes->readonly == READONLY_YES;
		status = vmm_block_image_open(disk->host, with_redo, 2, wishes->redo, flags, &disk->image);
	} else {
		status = vmm_block_image_open(disk->host, &format, 1, wishes->path, flags, &disk->image);
		if (status == 0)
			status = disk_readonly(disk, format, wishes, flags);
	}
	if (status == 0)
		status = disk_size(disk, wishes);
	/* Of undoable changes it is those that are committed. */
	if (status == 0 && wishes->tracked && wishes->persistent && !wishes->undoable && !disk->readonly)
		status = track_begin(disk->image, true);
	if (status == 0 && !wishes->persistent && !disk->readonly && !disk->is_cd)
		status = overlay_open(&disk->overlay, disk->image, disk->length);
	if (status == 0 && !disk->readonly)
		disk->can_discard = disk->overlay.file != NULL || can_punch(disk->image);
	return status;
}

int32_t disk_open(struct disk *disk, const struct vmm_host *host, const struct vmm_block_format *format)
{
	struct wishes wishes = { 0 };
	bool made = false;
	disk->host = host;
	if (vmm_kit_string(host, "path", wishes.path, sizeof(wishes.path)) <= 0)
		return vmm_kit_fail(host, -EINVAL, "add `path = FILE`", "`path =` is not set, or too long");
	wishes.readonly = vmm_kit_choice(host, "readonly");
	uint32_t mode = vmm_kit_choice(host, "mode");
	wishes.persistent = mode != MODE_NONPERSISTENT && mode != MODE_INDEPENDENT_NONPERSISTENT;
	wishes.undoable = mode == MODE_UNDOABLE;
	wishes.tracked = vmm_kit_bool(host, "track-changes", 0);
	disk->independent = mode == MODE_INDEPENDENT || mode == MODE_INDEPENDENT_NONPERSISTENT;
	snprintf(wishes.redo, sizeof(wishes.redo), "%s%s", wishes.path, BLOCK_REDO);
	int64_t size = vmm_kit_int(host, "size", 0);
	wishes.size = size > 0 ? ((uint64_t)size + VMM_BLOCK_SECTOR - 1) / VMM_BLOCK_SECTOR * VMM_BLOCK_SECTOR : 0;
	disk->writethrough = vmm_kit_choice(host, "cache") == 1;
	wishes.direct = vmm_kit_choice(host, "cache") == 2;
	int32_t status = disk_open_wished(disk, format, &wishes, &made);
	if (status < 0) {
		disk_close(disk);
		/* Somebody was quicker to lock it: then it is theirs. */
		if (made && status != -EBUSY)
			vmm_block_unlink(wishes.path);
	}
	return status;
}

void disk_close(struct disk *disk)
{
	overlay_close(&disk->overlay);
	/* Nobody need be asked about no changes.  While it is still ours. */
	if (disk->redo_made && disk->image != NULL && !image_node(disk->image)->begun)
		vmm_block_unlink(disk->image->path);
	vmm_block_image_close(disk->image);
	disk->image = NULL;
}

int32_t disk_reopen(struct disk *disk)
{
	char path[4096];
	const struct vmm_block_format *format = disk->image->format;
	struct vmm_block_image *image;
	snprintf(path, sizeof(path), "%s", disk->image->path);
	/* The old one stays for as long as there is no new one: the kernel lets both read. */
	int32_t status = vmm_block_image_open(disk->host, &format, 1, path, VMM_BLOCK_READONLY, &image);
	if (status < 0)
		return status;
	vmm_block_image_close(disk->image);
	disk->image = image;
	disk->length = image->length;
	return 0;
}

int32_t disk_check(const struct disk *disk, const struct vmm_storage_request *request)
{
	uint64_t sum = 0;
	if (disk->is_cd && disk->length == 0)
		return -ENOMEDIUM;
	switch (request->operation) {
	case VMM_STORAGE_FLUSH: return 0;
	case VMM_STORAGE_READ:
	case VMM_STORAGE_WRITE:
		if (request->segment_count > SEGMENTS_MAXIMUM || request->length > REQUEST_MAXIMUM)
			return -EINVAL;
		for (uint32_t i = 0; i < request->segment_count; i++) {
			if (request->segments[i].length > request->length - sum)
				return -EINVAL;
			sum += request->segments[i].length;
		}
		if (sum != request->length)
			return -EINVAL;
		break;
	case VMM_STORAGE_DISCARD:
		if (!disk->can_discard && !disk->readonly)
			return -EOPNOTSUPP;
		break;
	case VMM_STORAGE_WRITE_ZEROES: break;
	default: return -EOPNOTSUPP;
	}
	if (request->offset % VMM_BLOCK_SECTOR != 0 || request->length % VMM_BLOCK_SECTOR != 0 ||
		request->offset > disk->length || request->length > disk->length - request->offset)
		return -EINVAL;
	return request->operation != VMM_STORAGE_READ && disk->readonly ? -EROFS : 0;
}

int32_t disk_transfer(struct disk *disk, const struct vmm_storage_request *request)
{
	if (disk->overlay.file != NULL)
		return overlay_transfer(&disk->overlay, request);
	if (!disk->writethrough || request->operation == VMM_STORAGE_READ)
		return image_transfer(disk->image, request);
	struct vmm_storage_request through = *request;
	through.flags |= VMM_STORAGE_FUA;
	return image_transfer(disk->image, &through);
}
