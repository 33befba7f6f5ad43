/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Files by their names: taking the place of another, removing, and finding what an image names.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit.h"

/* A name is durable when its folder is. */
static int32_t folder_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (folder == NULL)
		return -ENOMEM;
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int32_t status = fd < 0 || fsync(fd) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	free(folder);
	/* Some file systems cannot, and some folders may not be read. */
	return status == -EINVAL || status == -EACCES || status == -EROFS ? 0 : status;
}

static int32_t replace_write(int fd, const char *name, const void *data, uint64_t length)
{
	const uint8_t *at = data;
	int32_t status = path_watch(name, VMM_BLOCK_EVENT_WRITE, data, length);
	if (status < 0)
		return status;
	while (length > 0) {
		ssize_t part = write(fd, at, length);
		if (part < 0 && errno == EINTR)
			continue;
		if (part <= 0)
			return part < 0 ? -errno : -EIO;
		at += part;
		length -= (uint64_t)part;
	}
	status = path_watch(name, VMM_BLOCK_EVENT_SYNC, NULL, 0);
	return status == 0 && fsync(fd) < 0 ? -errno : status;
}

/* A new file beside `place`; *name is its path, which the caller frees. */
static int32_t replace_open(const char *place, char **name)
{
	for (uint32_t tries = 0; tries < 100; tries++) {
		uint64_t number = 0;
		if (getrandom(&number, sizeof(number), 0) < 0)
			return -errno;
		if (asprintf(name, "%s.%012llx", place, (unsigned long long)(number >> 16)) < 0) {
			*name = NULL;
			return -ENOMEM;
		}
		int fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0)
			return fd;
		int error = errno;
		free(*name);
		*name = NULL;
		if (error != EEXIST)
			return -error;
	}
	return -EEXIST;
}

static int32_t replace_with(const char *place, const struct stat *before, const void *data, uint64_t length)
{
	char *name = NULL;
	int fd = replace_open(place, &name);
	if (fd < 0)
		return fd;
	int32_t status = path_watch(name, VMM_BLOCK_EVENT_CREATE, NULL, 0);
	if (status == 0 && before != NULL) {
		/* Its owner may be another: then as much as we may. */
		mode_t mode = before->st_mode & 0777;
		if (fchown(fd, before->st_uid, before->st_gid) < 0 && errno != EPERM)
			status = -errno;
		if (status == 0 && fchmod(fd, mode) < 0)
			status = -errno;
	}
	if (status == 0)
		status = replace_write(fd, name, data, length);
	close(fd);
	if (status == 0)
		status = path_watch(name, VMM_BLOCK_EVENT_RENAME, place, strlen(place) + 1);
	if (status == 0 && rename(name, place) < 0)
		status = -errno;
	if (status < 0)
		unlink(name);
	free(name);
	return status == 0 ? folder_sync(place) : status;
}

int32_t vmm_block_replace(const char *path, const void *data, uint64_t length)
{
	struct stat before;
	/* What a link points to is replaced, not the link. */
	char *real = realpath(path, NULL);
	const char *place = real != NULL ? real : path;
	int32_t status = replace_with(place, stat(place, &before) == 0 ? &before : NULL, data, length);
	free(real);
	return status;
}

int32_t vmm_block_unlink(const char *path)
{
	int32_t status = path_watch(path, VMM_BLOCK_EVENT_UNLINK, NULL, 0);
	if (status < 0)
		return status;
	if (unlink(path) < 0)
		return -errno;
	return folder_sync(path);
}

static bool is_drive(const char *name)
{
	return isalpha((unsigned char)name[0]) && name[1] == ':';
}

static const char *last_part(const char *name)
{
	const char *last = name;
	for (const char *at = name; *at != 0; at++) {
		if ((*at == '/' || *at == '\\' || *at == ':') && at[1] != 0)
			last = at + 1;
	}
	return last;
}

/* `name` in the folder that `path` is in. */
static int32_t beside(const char *path, const char *name, char *result, uint32_t size)
{
	const char *slash = strrchr(path, '/');
	int folder = slash != NULL ? (int)(slash + 1 - path) : 0;
	return (uint32_t)snprintf(result, size, "%.*s%s", folder, path, name) >= size ? -ENAMETOOLONG : 0;
}

int32_t vmm_block_path(const char *path, const char *name, char *result, uint32_t size)
{
	bool absolute = name[0] == '/' || name[0] == '\\' || is_drive(name);
	if (name[0] == '/' && access(name, F_OK) == 0)
		return (uint32_t)snprintf(result, size, "%s", name) >= size ? -ENAMETOOLONG : 0;
	int32_t status = beside(path, absolute ? last_part(name) : name, result, size);
	/* An absolute path that is nowhere is reported as it was named. */
	if (status == 0 && name[0] == '/' && access(result, F_OK) < 0)
		return (uint32_t)snprintf(result, size, "%s", name) >= size ? -ENAMETOOLONG : 0;
	if (status < 0 || absolute || access(result, F_OK) == 0 || strchr(name, '\\') == NULL)
		return status;
	/* A file of the host's may have a backslash in its name; there is none such. */
	uint32_t folder = (uint32_t)(strlen(result) - strlen(name));
	for (char *at = result + folder; *at != 0; at++) {
		if (*at == '\\')
			*at = '/';
	}
	return 0;
}
