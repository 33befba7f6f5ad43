/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Opening a file, locking it, finding out its length and what it can do.
 */
#include "image.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm/param.h>

#define ISO_MARK 32769 /* "CD001" of the first volume descriptor (ECMA-119, 8.1) */

static const char *remedy_for(int error)
{
	switch (error) {
	case ENOENT: return "correct the name, or add `size =` to make a new image";
	case EACCES:
	case EPERM: return "get the right to it, or set `readonly = yes` if that would do";
	case EISDIR: return "name a file in that folder";
	case EROFS: return "set `readonly = yes`, or copy the image to a disk that can be written";
	case ENOSPC:
	case EDQUOT: return "make room on its disk";
	case EFBIG: return "use a smaller `size =`, or a file system that holds such files";
	case ETXTBSY: return "stop the program that uses it, or set `readonly = yes`";
	default: return "name another file";
	}
}

static int32_t fail(struct image *image, int error, const char *what)
{
	return vmm_kit_fail(
		image->host, -error, remedy_for(error), "cannot %s %.3000s: %s", what, image->path, strerror(error));
}

/* Whether somebody lacks a right, rather than that something is broken. */
static uint32_t is_refusal(int error)
{
	return error == EACCES || error == EPERM || error == EROFS || error == ETXTBSY;
}

static int32_t open_file(struct image *image, uint32_t readonly, uint32_t persistent, uint64_t size, uint32_t *made)
{
	/* A FIFO must not keep us waiting, nor a terminal become ours. */
	const int common = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	uint32_t write = readonly != READONLY_YES && persistent;
	image->fd = open(image->path, (write ? O_RDWR : O_RDONLY) | common);
	if (image->fd < 0 && errno == ENOENT && write && size != 0) {
		image->fd = open(image->path, O_RDWR | O_CREAT | O_EXCL | common, 0666);
		*made = image->fd >= 0;
		return image->fd >= 0 ? 0 : fail(image, errno, "make");
	}
	if (image->fd < 0 && write && readonly == READONLY_AUTO && is_refusal(errno)) {
		int error = errno;
		image->fd = open(image->path, O_RDONLY | common);
		image->readonly = 1;
		if (image->fd >= 0)
			vmm_kit_log(image->host, VMM_LOG_INFO, "%.150s is read-only: %s", image->path, strerror(error));
	}
	return image->fd >= 0 ? 0 : fail(image, errno, "open");
}

static int32_t check_kind(struct image *image, const struct stat *what)
{
	if (S_ISREG(what->st_mode))
		return 0;
	if (S_ISBLK(what->st_mode))
		return vmm_kit_fail(image->host, -ENOTSUP, "copy the device to a file and use that",
			"%.3000s is a block device of the host, which storage-raw does not open", image->path);
	if (S_ISDIR(what->st_mode))
		return fail(image, EISDIR, "open");
	return vmm_kit_fail(image->host, -EINVAL, "name an image file", "%.3000s is not a plain file", image->path);
}

/* One writer, or any number of readers.  The lock is the open file's: two disks of one machine conflict too. */
static int32_t lock_file(struct image *image, uint32_t write)
{
	struct flock lock = { .l_type = write ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET };
	char holder[64] = "another virtual disk or process";
	if (fcntl(image->fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES) {
		/* Some network file systems have no locks. */
		vmm_kit_log(image->host, VMM_LOG_WARNING, "%.120s cannot be locked (%s): do not use it twice",
			image->path, strerror(errno));
		return 0;
	}
	/* The kernel knows the holder of a lock of the older kind only. */
	if (fcntl(image->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0)
		snprintf(holder, sizeof(holder), "process %ld", (long)lock.l_pid);
	return vmm_kit_fail(image->host, -EBUSY,
		write ? "stop what uses it, or set `readonly = yes` or `mode = nonpersistent` for all who share it"
		      : "stop what uses it",
		"%.3000s is in use: %s has locked it%s", image->path, holder, write ? "" : " for writing");
}

static uint32_t find_iso(int32_t fd)
{
	char mark[5];
	return pread(fd, mark, sizeof(mark), ISO_MARK) == sizeof(mark) && memcmp(mark, "CD001", sizeof(mark)) == 0;
}

static int32_t set_length(struct image *image, uint64_t length, uint64_t size, uint32_t persistent)
{
	if (length < size && persistent && !image->readonly) {
		if (ftruncate(image->fd, (off_t)size) < 0)
			return fail(image, errno, "grow");
		length = size;
	} else if (length < size && !persistent) {
		length = size; /* the rest is zeros; the file stays as it is */
	}
	if (length == 0)
		return vmm_kit_fail(
			image->host, -EINVAL, "add `size =`, or name another file", "%.3000s is empty", image->path);
	if (length > LENGTH_MAXIMUM)
		return fail(image, EFBIG, "use");
	image->length = (length + SECTOR - 1) / SECTOR * SECTOR;
	return 0;
}

static int32_t open_image(struct image *image, uint32_t readonly, uint32_t persistent, uint64_t size, uint32_t *made)
{
	struct stat what;
	int32_t status = open_file(image, readonly, persistent, size, made);
	if (status < 0)
		return status;
	if (fstat(image->fd, &what) < 0)
		return fail(image, errno, "open");
	status = check_kind(image, &what);
	if (status < 0)
		return status;
	/* Another who makes it, or grows it, does so under its lock. */
	image->is_iso = find_iso(image->fd);
	image->readonly |= readonly == READONLY_YES || (readonly == READONLY_AUTO && image->is_iso);
	status = lock_file(image, persistent && !image->readonly);
	if (status < 0)
		return status;
	if (fstat(image->fd, &what) < 0)
		return fail(image, errno, "open");
	image->block = what.st_blksize >= 512 && what.st_blksize <= 65536 ? (uint32_t)what.st_blksize : 4096;
	status = set_length(image, (uint64_t)what.st_size, size, persistent);
	if (status < 0 || image->readonly)
		return status;
	if (!persistent)
		return overlay_open(image);
	/* Past the end there is nothing to lose. */
	image->can_punch = fallocate(image->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)image->length,
				   (off_t)GRANULE) == 0;
	return 0;
}

int32_t image_open(struct image *image, const struct vmm_host *host)
{
	uint32_t made = 0;
	image->host = host;
	image->fd = image->overlay.fd = -1;
	if (vmm_kit_string(host, "path", image->path, sizeof(image->path)) <= 0)
		return vmm_kit_fail(host, -EINVAL, "add `path = FILE`", "`path =` is not set, or too long");
	uint32_t readonly = vmm_kit_choice(host, "readonly");
	uint32_t persistent = vmm_kit_choice(host, "mode") == 0;
	int64_t size = vmm_kit_int(host, "size", 0);
	image->writethrough = vmm_kit_choice(host, "cache") == 1;
	int32_t status = open_image(image, readonly, persistent, size > 0 ? (uint64_t)size : 0, &made);
	/* Somebody was quicker to lock it: then it is theirs. */
	if (status < 0 && made && status != -EBUSY)
		unlink(image->path);
	return status;
}

void image_close(struct image *image)
{
	overlay_close(&image->overlay);
	if (image->fd >= 0)
		close(image->fd);
	image->fd = -1;
}
