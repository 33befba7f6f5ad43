/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The extents that a descriptor lists, and the files that they are in.
 */
#include "sparse.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define REMEDY_BACKUP "take the disk from a backup; what can still be read vmm disk check FILE tells"
#define REMEDY_EXTENT "put all of the disk's files into one folder, under the names that its descriptor has"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *back = strrchr(path, '\\');
	const char *last = slash > back ? slash : back;
	return last != NULL ? last + 1 : path;
}

static uint32_t is_lenient(const struct vmdk *vmdk)
{
	return (vmdk->image->flags & VMM_BLOCK_LENIENT) != 0;
}

int32_t part_add(struct vmdk *vmdk, struct vmm_block_file *file, const char *path, uint32_t is_own,
	uint32_t is_readonly, struct part **result)
{
	struct part **parts = realloc(vmdk->parts, (vmdk->part_count + 1) * sizeof(*parts));
	struct part *part = calloc(1, sizeof(*part));
	if (parts != NULL)
		vmdk->parts = parts;
	if (part != NULL)
		part->path = strdup(path);
	if (parts == NULL || part == NULL || part->path == NULL) {
		if (part != NULL)
			free(part->path);
		free(part);
		return -ENOMEM;
	}
	part->file = file;
	part->is_own = is_own;
	part->is_readonly = is_readonly;
	vmdk->parts[vmdk->part_count++] = part;
	*result = part;
	return 0;
}

/* A disk from a host that does not tell `Disk-s001.vmdk` from `disk-s001.vmdk`: the only file that differs in no more.
 */
static void case_find(char *path)
{
	char *name = strrchr(path, '/'), found[NAME_MAX + 1] = "";
	uint32_t count = 0;
	struct dirent *entry;
	if (name != NULL)
		*name = '\0';
	DIR *folder = opendir(name == NULL ? "." : path[0] != '\0' ? path : "/");
	if (name != NULL)
		*name = '/';
	name = name != NULL ? name + 1 : path;
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (strcasecmp(entry->d_name, name) == 0) {
			count++;
			snprintf(found, sizeof(found), "%s", entry->d_name);
		}
	}
	if (folder != NULL)
		closedir(folder);
	if (count == 1)
		memcpy(name, found, strlen(name));
}

int32_t part_path(struct vmdk *vmdk, const char *name, char *path, uint32_t size)
{
	/* ESX: "[datastore] folder/file". */
	if (name[0] == '[' && strchr(name, ']') != NULL)
		name = base_name(name);
	int32_t status = vmm_block_path(vmdk->image->path, name, path, size);
	if (status == 0 && access(path, F_OK) < 0 && errno == ENOENT)
		case_find(path);
	return status;
}

/* The file of an extent, opened once however many extents are in it. */
static int32_t part_open(struct vmdk *vmdk, const char *path, uint32_t is_readonly, struct part **result)
{
	struct vmm_block_image *image = vmdk->image;
	struct vmm_block_file *file;
	for (uint32_t i = 0; i < vmdk->part_count; i++) {
		if (strcmp(vmdk->parts[i]->path, path) == 0) {
			*result = vmdk->parts[i];
			return 0;
		}
	}
	int32_t status;
	if (is_readonly && (image->flags & VMM_BLOCK_READONLY) == 0) {
		char holder[64] = "";
		status = vmm_block_file_open(path, VMM_BLOCK_FILE_READONLY, holder, &file);
		if (status < 0)
			return vmm_block_fail(image->host, status, REMEDY_EXTENT,
				"the extent %s cannot be opened: %s%s%s", path, strerror(-status),
				holder[0] != '\0' ? ", by " : "", holder);
	} else {
		status = vmm_block_open_part(image, path, &file);
		if (status < 0)
			return status;
	}
	is_readonly |= (image->flags & VMM_BLOCK_READONLY) != 0;
	status = part_add(vmdk, file, path, 1, is_readonly, result);
	if (status < 0)
		vmm_block_file_close(file);
	return status;
}

/* An extent that cannot be read: an error, unless the image is to be looked at in spite of it. */
__attribute__((format(printf, 5, 6))) static int32_t extent_fail(
	struct vmdk *vmdk, struct extent *extent, int32_t error, const char *remedy, const char *format, ...)
{
	char text[DESCRIPTOR_NAME + 512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (!is_lenient(vmdk) || error == -ENOMEM)
		return vmm_block_fail(vmdk->image->host, error, remedy, "%s", text);
	extent->kind = EXTENT_BROKEN;
	extent->why = strdup(text);
	return extent->why == NULL ? -ENOMEM : 0;
}

static int32_t flat_check(struct vmdk *vmdk, struct extent *extent)
{
	struct vmm_block_file_info info;
	int32_t status = vmm_block_file_info(extent->part->file, &info);
	extent->kind = EXTENT_FLAT;
	if (status < 0)
		return extent_fail(vmdk, extent, status, REMEDY_EXTENT, "the extent %s cannot be used: %s",
			extent->part->path, strerror(-status));
	if (extent->offset > info.length || extent->length > info.length - extent->offset) {
		/* It is as good as it was: what is missing can only be zeros. */
		if (is_lenient(vmdk))
			return 0;
		return vmm_block_fail(vmdk->image->host, -EINVAL,
			"copy the whole file again, or have vmm disk repair fill it up with zeros",
			"the extent %s has %llu bytes, and the descriptor wants %llu from byte %llu on",
			extent->part->path, (unsigned long long)info.length, (unsigned long long)extent->length,
			(unsigned long long)extent->offset);
	}
	return 0;
}

static int32_t sparse_check(struct vmdk *vmdk, struct extent *extent)
{
	char why[256] = "";
	const char *remedy = REMEDY_BACKUP;
	uint32_t is_writable = !extent->part->is_readonly && extent->access == ACCESS_WRITE;
	for (uint32_t i = 0; i < vmdk->extent_count; i++) {
		if (&vmdk->extents[i] != extent && vmdk->extents[i].part == extent->part)
			return extent_fail(vmdk, extent, -EINVAL, REMEDY_BACKUP,
				"two extents of %s are in the one sparse file %s", vmdk->image->path,
				extent->part->path);
	}
	extent->kind = EXTENT_SPARSE;
	int32_t status = sparse_open(vmdk, extent->part, is_writable, why, &remedy, &extent->sparse);
	if (status < 0)
		return extent_fail(vmdk, extent, status, remedy, "%s %s", extent->part->path, why);
	struct sparse *sparse = extent->sparse;
	if (sparse->kind == SPARSE_COWD || sparse->kind == SPARSE_SE) {
		vmdk->image->is_readonly = 1;
		vmdk->image->readonly_why =
			"vmm only reads the sparse extents of ESX (COWD, seSparse): convert the disk "
			"with vmm disk convert to write it";
	}
	if (sparse->kind == SPARSE_STREAM)
		vmdk->is_stream = 1;
	/* Nothing is in it: convert may be about to fill it. */
	if (sparse->kind == SPARSE_STREAM && !stream_is_empty(sparse)) {
		vmdk->image->is_readonly = 1;
		vmdk->image->readonly_why =
			"a streamOptimized disk can only be read: convert it with vmm disk convert to write it";
	}
	if (vmdk->is_bare)
		extent->length = sparse->capacity * SECTOR;
	if (sparse->capacity < extent->length / SECTOR && !is_lenient(vmdk))
		return vmm_block_fail(vmdk->image->host, -EINVAL, "have vmm disk repair mend it",
			"the extent %s has a capacity of %llu sectors, and the descriptor says %llu",
			extent->part->path, (unsigned long long)sparse->capacity,
			(unsigned long long)(extent->length / SECTOR));
	return 0;
}

/* Is this extent in the file that the descriptor is in, whatever that is called now? */
static uint32_t is_self(const struct vmdk *vmdk, const struct descriptor_extent *line, uint32_t lines)
{
	if (vmdk->is_bare)
		return 1;
	if (vmdk->descriptor_offset == 0 || line->type != TYPE_SPARSE)
		return 0;
	return lines == 1 || strcasecmp(base_name(line->name), base_name(vmdk->image->path)) == 0;
}

/* A part of the file may be for reading only, and another not. */
static uint32_t is_written(const struct vmdk *vmdk, const char *name)
{
	struct descriptor_extent *line = malloc(sizeof(*line));
	char why[160];
	uint32_t at = 0, found = 0;
	int32_t more = line != NULL;
	while (more != 0 && !found) {
		more = descriptor_extent(&vmdk->descriptor, &at, line, why);
		found = more > 0 && line->access == ACCESS_WRITE && strcmp(line->name, name) == 0;
	}
	free(line);
	return found;
}

static int32_t extent_open(
	struct vmdk *vmdk, struct extent *extent, const struct descriptor_extent *line, uint32_t lines)
{
	char path[DESCRIPTOR_NAME];
	struct vmm_block_image *image = vmdk->image;
	extent->access = line->access;
	extent->length = line->sectors * SECTOR;
	extent->offset = line->offset * SECTOR;
	extent->name = strdup(line->name);
	if (extent->name == NULL)
		return -ENOMEM;
	extent->kind = line->access == ACCESS_NONE ? EXTENT_NONE : EXTENT_ZERO;
	if (extent->kind == EXTENT_NONE || line->type == TYPE_ZERO)
		return 0;
	if (line->type == TYPE_DEVICE || strncmp(line->name, "\\\\.\\", 4) == 0 || strncmp(line->name, "/dev/", 5) == 0)
		return vmm_block_fail(image->host, -EOPNOTSUPP,
			"give the device itself to the machine (storage-raw), or convert the disk where the device is",
			"%s stands for the device %s", image->path, line->name);
	if (is_self(vmdk, line, lines)) {
		extent->part = vmdk->parts[0];
		return sparse_check(vmdk, extent);
	}
	int32_t status = part_path(vmdk, line->name, path, sizeof(path));
	if (status < 0)
		return extent_fail(
			vmdk, extent, status, REMEDY_EXTENT, "the name of the extent %s is too long", line->name);
	if (access(path, F_OK) < 0)
		return extent_fail(vmdk, extent, -errno, REMEDY_EXTENT, "the extent %s of %s is missing (%s)",
			line->name, image->path, strerror(errno));
	status = part_open(vmdk, path, line->access == ACCESS_READONLY && !is_written(vmdk, line->name), &extent->part);
	if (status < 0)
		return status;
	return line->type == TYPE_FLAT ? flat_check(vmdk, extent) : sparse_check(vmdk, extent);
}

static uint32_t lines_count(const struct vmdk *vmdk, struct descriptor_extent *line)
{
	char why[160];
	uint32_t at = 0, count = 0;
	while (descriptor_extent(&vmdk->descriptor, &at, line, why) != 0)
		count++;
	return count;
}

static int32_t extents_read(struct vmdk *vmdk, struct descriptor_extent *line)
{
	struct vmm_block_image *image = vmdk->image;
	char why[160];
	uint32_t at = 0, count = vmdk->is_bare ? 1 : lines_count(vmdk, line);
	uint64_t start = 0;
	if (count == 0)
		return vmm_block_fail(
			image->host, -EINVAL, REMEDY_BACKUP, "the descriptor of %s names no extents", image->path);
	vmdk->extents = calloc(count, sizeof(*vmdk->extents));
	if (vmdk->extents == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		struct extent *extent = &vmdk->extents[vmdk->extent_count];
		if (vmdk->is_bare) {
			memset(line, 0, sizeof(*line));
			line->access = ACCESS_READONLY;
			line->type = TYPE_SPARSE;
		} else if (descriptor_extent(&vmdk->descriptor, &at, line, why) < 0) {
			/* Where the next one is in the disk nobody knows. */
			return vmm_block_fail(image->host, -EINVAL,
				"Correct the line; it is: RW SECTORS TYPE \"FILE\" [OFFSET].",
				"in the descriptor of %s %s", image->path, why);
		}
		extent->start = start;
		vmdk->extent_count++;
		int32_t status = extent_open(vmdk, extent, line, count);
		if (status < 0)
			return status;
		if (extent->length > VMM_BLOCK_LENGTH_MAXIMUM - start)
			return vmm_block_fail(image->host, -EFBIG, REMEDY_BACKUP,
				"%s is said to be larger than %llu bytes", image->path,
				(unsigned long long)VMM_BLOCK_LENGTH_MAXIMUM);
		start += extent->length;
	}
	image->length = start;
	return 0;
}

int32_t extents_open(struct vmdk *vmdk)
{
	struct descriptor_extent *line = malloc(sizeof(*line));
	int32_t status = line != NULL ? extents_read(vmdk, line) : -ENOMEM;
	free(line);
	return status;
}

void extents_close(struct vmdk *vmdk)
{
	for (uint32_t i = 0; i < vmdk->extent_count; i++) {
		sparse_free(vmdk->extents[i].sparse);
		free(vmdk->extents[i].name);
		free(vmdk->extents[i].why);
	}
	free(vmdk->extents);
	for (uint32_t i = 0; i < vmdk->part_count; i++) {
		if (vmdk->parts[i]->is_own)
			vmm_block_file_close(vmdk->parts[i]->file);
		free(vmdk->parts[i]->path);
		free(vmdk->parts[i]);
	}
	free(vmdk->parts);
	vmdk->extents = NULL;
	vmdk->parts = NULL;
	vmdk->extent_count = vmdk->part_count = 0;
}

struct extent *extent_at(const struct vmdk *vmdk, uint64_t offset)
{
	uint32_t low = 0, high = vmdk->extent_count - 1;
	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;
		if (vmdk->extents[middle].start <= offset)
			low = middle;
		else
			high = middle - 1;
	}
	return &vmdk->extents[low];
}

uint32_t extents_unit(const struct vmdk *vmdk)
{
	uint64_t unit = 0;
	for (uint32_t i = 0; i < vmdk->extent_count; i++) {
		const struct sparse *sparse = vmdk->extents[i].sparse;
		if (sparse != NULL && (unit == 0 || sparse->grain_bytes < unit))
			unit = sparse->grain_bytes;
	}
	/* No unit may be in two extents, of which one is sparse: so it may be less than a grain. */
	for (uint32_t i = 0; i < vmdk->extent_count && unit != 0; i++) {
		const struct extent *extent = &vmdk->extents[i];
		if (extent->sparse == NULL)
			continue;
		while (extent->start % unit != 0)
			unit /= 2;
		while (i + 1 < vmdk->extent_count && (extent->start + extent->length) % unit != 0)
			unit /= 2;
	}
	return (uint32_t)unit;
}
