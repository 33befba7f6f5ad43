/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/event/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int file_write(int fd, const void *data, size_t length)
{
	const char *at = data;

	while (length) {
		ssize_t done = write(fd, at, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -ENOSPC;
		at += done;
		length -= (size_t)done;
	}
	return 0;
}

int file_read(int fd, void *data, size_t length)
{
	char *at = data;

	while (length) {
		ssize_t done = read(fd, at, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -ENODATA;
		at += done;
		length -= (size_t)done;
	}
	return 0;
}

int file_sync_folder(const char *path)
{
	char *folder = strdup(path), *slash;
	int fd, status = 0;

	if (!folder)
		return -ENOMEM;
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = 0;
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		status = -errno;
	if (fd >= 0)
		close(fd);
	free(folder);
	return status;
}

int file_replace(const char *path, const void *data, size_t length)
{
	char *other = NULL;
	int fd, status = 0;

	if (asprintf(&other, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkstemp(other);
	if (fd < 0) {
		status = -errno;
		free(other);
		return status;
	}
	status = file_write(fd, data, length);
	if (close(fd) && !status)
		status = -errno;
	if (!status && rename(other, path))
		status = -errno;
	if (status)
		unlink(other);
	free(other);
	return status;
}
