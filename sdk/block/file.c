/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Opening and locking the host's files, and what is known of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>

#include "kit.h"

/* For tests alone; set while no file is in use. */
static vmm_block_watcher watch_call;
static void *watch_self;

void vmm_block_watch(vmm_block_watcher watcher, void *self)
{
	watch_call = watcher;
	watch_self = self;
}

bool file_watched(void)
{
	return watch_call != NULL;
}

int32_t path_watch(const char *path, uint32_t event, const void *data, uint64_t length)
{
	return watch_call != NULL ? watch_call(watch_self, path, event, data, length, 0) : 0;
}

int32_t file_watch(
	const struct vmm_block_file *file, uint32_t event, const void *data, uint64_t length, uint64_t offset)
{
	return watch_call != NULL ? watch_call(watch_self, file->path, event, data, length, offset) : 0;
}

bool file_same(const struct vmm_block_file *a, const struct vmm_block_file *b)
{
	return a->device == b->device && a->inode == b->inode;
}

static int32_t file_lock(struct vmm_block_file *file, char holder[64])
{
	struct flock lock = { .l_type = file->flags & VMM_BLOCK_FILE_READONLY ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET };
	if (fcntl(file->fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	/* Some network file systems have no locks: better without one than not at all. */
	if (errno != EAGAIN && errno != EACCES)
		return 0;
	if (holder != NULL)
		lock_holder(file, holder);
	return -EBUSY;
}

/* O_DIRECT asks for the alignment of the device's logical block; memory follows it. */
static uint32_t file_alignment(int fd, const struct stat *what)
{
	struct statx more;
	int size = 0;
	if (S_ISBLK(what->st_mode) && ioctl(fd, BLKSSZGET, &size) == 0 && size >= 512 && size <= 65536)
		return (uint32_t)size;
#ifdef STATX_DIOALIGN
	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &more) == 0 && (more.stx_mask & STATX_DIOALIGN) != 0) {
		uint32_t align = more.stx_dio_offset_align;
		if (align < more.stx_dio_mem_align)
			align = more.stx_dio_mem_align;
		if (align >= 512 && align <= 65536 && (align & (align - 1)) == 0)
			return align;
	}
#else
	(void)more;
#endif
	return 4096;
}

static int32_t file_open(struct vmm_block_file *file)
{
	/* A FIFO must not keep us waiting, nor a terminal become ours. */
	int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	flags |= file->flags & VMM_BLOCK_FILE_READONLY ? O_RDONLY : O_RDWR;
	if ((file->flags & VMM_BLOCK_FILE_CREATE) != 0) {
		int32_t status = path_watch(file->path, VMM_BLOCK_EVENT_CREATE, NULL, 0);
		if (status < 0)
			return status;
		flags |= O_CREAT | O_EXCL;
	}
	file->fd = open(file->path, flags, 0666);
	if (file->fd < 0)
		return -errno;
	return 0;
}

static int32_t file_check(struct vmm_block_file *file)
{
	struct stat what;
	int size = 0;
	if (fstat(file->fd, &what) < 0)
		return -errno;
	if (S_ISDIR(what.st_mode))
		return -EISDIR;
	file->is_device = S_ISBLK(what.st_mode);
	if (file->is_device && (file->flags & VMM_BLOCK_FILE_DEVICE) == 0)
		return -ENOTBLK;
	if (!S_ISREG(what.st_mode) && !file->is_device)
		return -EINVAL;
	file->device = what.st_dev;
	file->inode = what.st_ino;
	file->block = what.st_blksize >= 512 && what.st_blksize <= 65536 ? (uint32_t)what.st_blksize : 4096;
	if (file->is_device && ioctl(file->fd, BLKROGET, &size) == 0 && size != 0)
		file->flags |= VMM_BLOCK_FILE_READONLY;
	file->alignment = 1;
	if ((file->flags & VMM_BLOCK_FILE_DIRECT) != 0 && fcntl(file->fd, F_SETFL, O_DIRECT) == 0)
		file->alignment = file_alignment(file->fd, &what);
	return 0;
}

int32_t vmm_block_file_open(const char *path, uint32_t flags, char holder[64], struct vmm_block_file **result)
{
	struct vmm_block_file *file = calloc(1, sizeof(*file) + strlen(path) + 1);
	if (holder != NULL)
		holder[0] = 0;
	*result = NULL;
	if (file == NULL)
		return -ENOMEM;
	strcpy(file->path, path);
	file->fd = -1;
	file->flags = flags;
	range_set_init(&file->ranges);
	int32_t status = file_open(file);
	uint32_t made = status == 0 && (flags & VMM_BLOCK_FILE_CREATE) != 0;
	if (status == 0)
		status = file_check(file);
	if (status == 0 && (flags & VMM_BLOCK_FILE_UNLOCKED) == 0)
		status = file_lock(file, holder);
	if (status == 0) {
		*result = file;
		return 0;
	}
	/* Somebody was quicker to lock it: then it is theirs. */
	if (made && status != -EBUSY)
		unlink(path);
	vmm_block_file_close(file);
	return status;
}

int32_t file_nameless(const char *folder, struct vmm_block_file **result)
{
	char name[4096] = "";
	*result = NULL;
	int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		/* A file system that does not know such files. */
		if (snprintf(name, sizeof(name), "%s/vmm-disk-XXXXXX", folder) >= (int)sizeof(name))
			return -ENAMETOOLONG;
		fd = mkostemp(name, O_CLOEXEC);
		if (fd < 0)
			return -errno;
		unlink(name);
	}
	struct vmm_block_file *file = calloc(1, sizeof(*file) + 1);
	if (file == NULL) {
		close(fd);
		return -ENOMEM;
	}
	file->fd = fd;
	range_set_init(&file->ranges);
	int32_t status = file_check(file);
	if (status < 0) {
		vmm_block_file_close(file);
		return status;
	}
	*result = file;
	return 0;
}

void vmm_block_file_close(struct vmm_block_file *file)
{
	if (file == NULL)
		return;
	if (file->fd >= 0)
		close(file->fd);
	range_set_destroy(&file->ranges);
	free(file);
}

const char *vmm_block_file_path(const struct vmm_block_file *file)
{
	return file->path;
}

int32_t vmm_block_file_info(struct vmm_block_file *file, struct vmm_block_file_info *info)
{
	struct stat what;
	if (fstat(file->fd, &what) < 0)
		return -errno;
	*info = (struct vmm_block_file_info){
		.length = (uint64_t)what.st_size,
		.allocated = (uint64_t)what.st_blocks * 512,
		.block = file->block,
		.alignment = file->alignment,
		.is_device = file->is_device,
		.is_readonly = (file->flags & VMM_BLOCK_FILE_READONLY) != 0,
	};
	if (file->is_device && ioctl(file->fd, BLKGETSIZE64, &info->length) < 0) {
		/* A drive without a medium. */
		if (errno != ENOMEDIUM)
			return -errno;
		info->length = 0;
	}
	return 0;
}
