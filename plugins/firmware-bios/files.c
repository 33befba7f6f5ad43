/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "firmware.h"

#define CHUNK 65536u

int32_t fail(struct firmware *firmware, int32_t status, const char *remedy, const char *format, ...)
{
	va_list list;
	va_start(list, format);
	vsnprintf(firmware->cause, sizeof(firmware->cause), format, list);
	va_end(list);
	firmware->remedy = remedy;
	return status;
}

int32_t file_open(struct firmware *firmware, struct file *file, const char *what, const char *path)
{
	struct stat status;
	file->path = path;
	file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file->fd < 0)
		return fail(firmware, -errno, "give a file that exists and may be read", "cannot open the %s %s: %s",
			what, path, strerror(errno));
	if (fstat(file->fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		file_close(file);
		return fail(firmware, -EINVAL, "give a plain file", "the %s %s is not a file", what, path);
	}
	file->size = (uint64_t)status.st_size;
	return 0;
}

void file_close(struct file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

int32_t file_read(struct firmware *firmware, struct file *file, uint64_t offset, void *data, uint32_t length)
{
	uint8_t *at = data;
	if (offset > file->size || length > file->size - offset)
		return fail(firmware, -EINVAL, "get a complete copy of the file", "%s is truncated", file->path);
	while (length > 0) {
		ssize_t done = pread(file->fd, at, length, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return fail(firmware, done < 0 ? -errno : -EIO, "look after the file's disk",
				"cannot read %s: %s", file->path, done < 0 ? strerror(errno) : "it has shrunk");
		at += done;
		offset += (uint64_t)done;
		length -= (uint32_t)done;
	}
	return 0;
}

int32_t guest_write(struct firmware *firmware, uint64_t address, const void *data, uint64_t length, uint32_t load)
{
	if (!load || length == 0)
		return 0;
	int32_t status = firmware->memory->write(firmware->host->context, address, data, length);
	return status < 0 ? fail(firmware, status, "report this", "cannot write guest memory") : 0;
}

int32_t guest_zero(struct firmware *firmware, uint64_t address, uint64_t length, uint32_t load)
{
	static const uint8_t zeroes[4096];
	int32_t status = 0;
	while (status >= 0 && length > 0) {
		uint64_t part = length < sizeof(zeroes) ? length : sizeof(zeroes);
		status = guest_write(firmware, address, zeroes, part, load);
		address += part;
		length -= part;
	}
	return status;
}

int32_t file_load(
	struct firmware *firmware, struct file *file, uint64_t offset, uint64_t length, uint64_t address, uint32_t load)
{
	if (offset > file->size || length > file->size - offset)
		return fail(firmware, -EINVAL, "get a complete copy of the file", "%s is truncated", file->path);
	if (!load)
		return 0;
	uint8_t *chunk = malloc(CHUNK);
	if (chunk == NULL)
		return fail(firmware, -ENOMEM, "free some memory", "out of memory");
	int32_t status = 0;
	while (status >= 0 && length > 0) {
		uint32_t part = length < CHUNK ? (uint32_t)length : CHUNK;
		status = file_read(firmware, file, offset, chunk, part);
		if (status >= 0)
			status = guest_write(firmware, address, chunk, part, 1);
		offset += part;
		address += part;
		length -= part;
	}
	free(chunk);
	return status;
}
