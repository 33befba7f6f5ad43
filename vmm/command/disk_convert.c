/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm disk convert
 *
 * The target is made in a folder of its own beside its place, so that all its files have their final names, and moved
 * when it is whole, the file that names the others last: whoever looks sees it whole or not at all.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command/disk.h"

#define CHUNK   (UINT64_C(4) << 20)
#define GRANULE UINT64_C(4096) /* of which zeros are left out */

struct convert {
	struct disk_host *host;
	struct vmm_image source, target;
	uint64_t length, chunk, unit; /* unit: the target's */
	bool packs;
	uint8_t *data;
	char *folder, *inner; /* the folder, and the target in it */
	const char *name;     /* its last part */
	struct disk_progress progress;
};

/* What is not zeros, in runs. */
static int32_t write_sparse(struct convert *convert, uint64_t length, uint64_t offset)
{
	uint64_t start = 0, at = 0;
	int32_t status = 0;

	while (at < length && !status) {
		uint64_t part = length - at < GRANULE ? length - at : GRANULE;
		bool zero = disk_is_zero(convert->data + at, part);

		if (zero && at > start)
			status = convert->target.ops->write(
				convert->target.self, convert->data + start, at - start, offset + start);
		at += part;
		if (zero)
			start = at;
	}
	if (!status && at > start)
		status = convert->target.ops->write(
			convert->target.self, convert->data + start, at - start, offset + start);
	return status;
}

/* In the target's packed form, unit by unit. */
static int32_t write_packed(struct convert *convert, uint64_t length, uint64_t offset)
{
	int32_t status = 0;

	for (uint64_t at = 0, part; at < length && !status; at += part) {
		part = length - at < convert->unit ? length - at : convert->unit;
		if (!disk_is_zero(convert->data + at, part))
			status = convert->target.ops->pack(convert->target.self, convert->data + at, part, offset + at);
	}
	return status;
}

static int32_t write_chunk(struct convert *convert, uint64_t length, uint64_t offset)
{
	int32_t status = -EOPNOTSUPP;

	if (convert->packs)
		status = write_packed(convert, length, offset);
	if (status != -EOPNOTSUPP)
		return status;
	/* This variant has no packed form. */
	convert->packs = false;
	return write_sparse(convert, length, offset);
}

/* How many bytes from here on are zeros, as the map says. */
static int32_t zeros_ahead(struct convert *convert, uint64_t offset, uint64_t *zeros)
{
	*zeros = 0;
	while (offset + *zeros < convert->length) {
		struct vmm_image_piece piece = { .struct_size = sizeof(piece) };
		int32_t status = convert->source.ops->map(
			convert->source.self, offset + *zeros, convert->length - offset - *zeros, &piece);

		if (status)
			return status;
		if (piece.kind != VMM_IMAGE_ZERO && !piece.is_hole)
			break;
		*zeros += piece.length;
	}
	return 0;
}

static int32_t copy_all(struct convert *convert)
{
	uint64_t offset = 0, zeros, part;
	int32_t status = 0;

	while (offset < convert->length && !status) {
		if (disk_progress(&convert->progress, offset, convert->length))
			return -ECANCELED;
		status = zeros_ahead(convert, offset, &zeros);
		/* Whole chunks: a packed unit is written once. */
		zeros -= offset + zeros < convert->length ? zeros % convert->chunk : 0;
		offset += zeros;
		part = convert->length - offset < convert->chunk ? convert->length - offset : convert->chunk;
		if (status || !part)
			break;
		status = convert->source.ops->read(convert->source.self, convert->data, part, offset);
		if (!status)
			status = write_chunk(convert, part, offset);
		offset += part;
	}
	return status ? status : convert->target.ops->flush(convert->target.self);
}

/* Files. */

static int folder_make(struct convert *convert, const char *path)
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash + 1 - path) : 0;

	convert->name = slash ? slash + 1 : path;
	if (!convert->name[0])
		return command_failed("%s is a folder: name a file in it", path);
	if (!access(path, F_OK))
		return command_failed("%s exists: name another target, or remove it", path);
	if (asprintf(&convert->folder, "%.*s.%s.XXXXXX", folder, path, convert->name) < 0)
		convert->folder = NULL;
	if (!convert->folder || !mkdtemp(convert->folder)) {
		int error = errno;

		free(convert->folder);
		convert->folder = NULL;
		return command_failed("%s cannot be made: %s: choose another folder", path, strerror(error));
	}
	if (asprintf(&convert->inner, "%s/%s", convert->folder, convert->name) < 0) {
		convert->inner = NULL;
		return command_failed("out of memory");
	}
	return STATUS_DONE;
}

/* Call for each file of the folder, that of the image's own name last. */
static int files_each(struct convert *convert, int (*call)(struct convert *convert, const char *name, const char *to),
	const char *path)
{
	DIR *folder = opendir(convert->folder);
	struct dirent *entry;
	int status = folder ? STATUS_DONE : STATUS_FAILED;

	while (folder && status == STATUS_DONE && (entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			strcmp(entry->d_name, convert->name) != 0)
			status = call(convert, entry->d_name, path);
	if (folder)
		closedir(folder);
	return status == STATUS_DONE ? call(convert, convert->name, path) : status;
}

static char *file_target(const char *name, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *target;

	return asprintf(&target, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, name) < 0 ? NULL : target;
}

static int file_free_place(struct convert *convert, const char *name, const char *path)
{
	char *target = file_target(name, path);
	int status = STATUS_DONE;

	(void)convert;
	if (!target || !access(target, F_OK))
		status = command_failed("%s exists: name another target, or remove it", target ? target : name);
	free(target);
	return status;
}

static int file_move(struct convert *convert, const char *name, const char *path)
{
	char *target = file_target(name, path), *from;
	int status = STATUS_DONE;

	if (asprintf(&from, "%s/%s", convert->folder, name) < 0)
		from = NULL;
	if (!target || !from || rename(from, target))
		status = command_failed("%s cannot be moved to its place: %s", name, strerror(errno));
	free(from);
	free(target);
	return status;
}

static int file_remove(struct convert *convert, const char *name, const char *path)
{
	char *file;

	(void)path;
	if (asprintf(&file, "%s/%s", convert->folder, name) < 0)
		return STATUS_FAILED;
	unlink(file);
	free(file);
	return STATUS_DONE;
}

static void folder_sync(const char *path)
{
	char *folder = file_target("", path);
	int fd = folder ? open(folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(folder);
}

/* Converting. */

/* Why it failed, by the name that the user knows. */
static int target_failed(struct convert *convert, int32_t failed, const char *what, const char *path)
{
	char *at = strstr(convert->host->cause, convert->inner), *rest;

	if (at) {
		rest = strdup(at + strlen(convert->inner));
		if (rest)
			snprintf(at, sizeof(convert->host->cause) - (size_t)(at - convert->host->cause), "%s%s", path,
				rest);
		free(rest);
	}
	return disk_failed(convert->host, failed, what, path);
}

static int target_make(struct convert *convert, const struct disk_words *words)
{
	struct vmm_image_create create = {
		.struct_size = sizeof(create),
		.path = convert->inner,
		.length = convert->length,
		.options = words->options,
		.option_count = words->option_count,
	};
	const struct image_format *format;
	char *variant;
	int status = disk_format(convert->host, words->format, words->names[1], &format, &variant);
	int32_t failed;

	if (status != STATUS_DONE)
		return status;
	create.variant = variant;
	convert->host->cause[0] = 0;
	failed = format->factory.create ? format->factory.create(format->index, &convert->host->host, &create)
					: -EOPNOTSUPP;
	if (failed)
		status = target_failed(convert, failed, "making", words->names[1]);
	if (status == STATUS_DONE)
		status = disk_open(convert->host, convert->inner, format->known.name, 0, &convert->target);
	if (status == STATUS_DONE) {
		struct vmm_image_info info = disk_info_of(&convert->target, 0);

		convert->unit = info.unit;
		convert->chunk = info.unit > CHUNK ? info.unit : CHUNK;
		convert->packs = (format->known.flags & VMM_IMAGE_PACK) && info.unit;
	}
	free(variant);
	return status;
}

static int convert_run(struct convert *convert, const struct disk_words *words)
{
	int32_t failed;
	int status = folder_make(convert, words->names[1]);

	if (status == STATUS_DONE)
		status = target_make(convert, words);
	if (status != STATUS_DONE)
		return status;
	convert->data = malloc(convert->chunk);
	if (!convert->data)
		return command_failed("out of memory");
	convert->host->cause[0] = 0;
	disk_progress_begin(&convert->progress, "converting");
	failed = copy_all(convert);
	disk_progress_end(&convert->progress);
	convert->target.ops->close(convert->target.self);
	convert->target.ops = NULL;
	if (failed)
		return target_failed(convert, failed, "converting", words->names[1]);
	status = files_each(convert, file_free_place, words->names[1]);
	if (status == STATUS_DONE)
		status = files_each(convert, file_move, words->names[1]);
	if (status == STATUS_DONE)
		folder_sync(words->names[1]);
	return status;
}

int disk_convert(struct disk_host *host, const struct disk_words *words)
{
	struct convert convert = { .host = host };
	int status = disk_open(host, words->names[0], words->source_format, VMM_IMAGE_READONLY, &convert.source);

	if (status != STATUS_DONE)
		return status;
	convert.length = disk_info_of(&convert.source, 0).length;
	status = convert_run(&convert, words);
	if (convert.target.ops)
		convert.target.ops->close(convert.target.self);
	convert.source.ops->close(convert.source.self);
	if (convert.folder) {
		files_each(&convert, file_remove, NULL);
		rmdir(convert.folder);
	}
	free(convert.folder);
	free(convert.inner);
	free(convert.data);
	if (status == STATUS_DONE && words->json)
		command_json(json_pack("{s:s, s:I}", "file", words->names[1], "size", (json_int_t)convert.length));
	return status;
}
