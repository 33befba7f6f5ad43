/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * An image and its parents: opened, asked where things are, closed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit.h"

#define DEPTH_MAXIMUM 255u /* of a chain */

static const char *open_remedy(int32_t error)
{
	switch (error) {
	case -ENOENT: return "correct the name, or make the image with `vmm disk create`";
	case -EACCES:
	case -EPERM: return "get the right to it, or open it read-only if that would do";
	case -EROFS: return "open it read-only, or copy it to a disk that can be written";
	case -EISDIR: return "name a file in that folder";
	case -ETXTBSY: return "stop the program that uses it, or open it read-only";
	case -ENOTBLK: return "copy the device to a file and use that";
	case -EINVAL: return "name an image file";
	default: return "name another file";
	}
}

static int32_t open_fail(
	const struct vmm_host *host, const char *path, uint32_t flags, int32_t error, const char *holder)
{
	bool readonly = (flags & VMM_BLOCK_FILE_READONLY) != 0;
	if (error == -EBUSY)
		return vmm_block_fail(host, error,
			readonly ? "stop what uses it"
				 : "stop what uses it, or open it read-only if that would do for all who share it",
			"%.3000s is in use: %s has locked it%s", path, holder, readonly ? " for writing" : "");
	return vmm_block_fail(host, error, open_remedy(error), "cannot open %.3000s: %s", path,
		error == -EINVAL            ? "it is not a plain file"
			: error == -ENOTBLK ? "it is a device of the host"
					    : strerror(-error));
}

static uint32_t file_flags(uint32_t flags)
{
	return (flags & VMM_BLOCK_READONLY ? VMM_BLOCK_FILE_READONLY : 0) |
		(flags & VMM_BLOCK_DIRECT ? VMM_BLOCK_FILE_DIRECT : 0) |
		(flags & VMM_BLOCK_UNLOCKED ? VMM_BLOCK_FILE_UNLOCKED : 0);
}

int32_t vmm_block_open_part(struct vmm_block_image *image, const char *path, struct vmm_block_file **file)
{
	char holder[64];
	uint32_t flags = file_flags(image->flags);
	int32_t status = vmm_block_file_open(path, flags, holder, file);
	return status < 0 ? open_fail(image->host, path, flags, status, holder) : 0;
}

/* Opening. */

static void node_close(struct node *node)
{
	struct vmm_block_image *image = &node->image;
	if (image->state != NULL && image->format->close != NULL)
		image->format->close(image);
	free(image->state);
	vmm_block_file_close(image->file);
	free((char *)(uintptr_t)image->path);
	free(node->parent_path);
	extents_destroy(&node->extents);
	gate_destroy(&node->gate);
	range_set_destroy(&node->ranges);
	pthread_rwlock_destroy(&node->lock);
	pthread_mutex_destroy(&node->mutator);
	free(node);
}

static struct node *node_new(const struct vmm_host *host, const char *path, uint32_t flags)
{
	struct node *node = calloc(1, sizeof(*node));
	char *copy = strdup(path);
	if (node == NULL || copy == NULL) {
		free(node);
		free(copy);
		return NULL;
	}
	pthread_mutex_init(&node->mutator, NULL);
	pthread_rwlock_init(&node->lock, NULL);
	range_set_init(&node->ranges);
	extents_init(&node->extents);
	gate_init(&node->gate);
	node->image.host = host;
	node->image.path = copy;
	node->image.flags = flags;
	node->image.kit = node;
	return node;
}

/* What a format has said of itself is believed only as far as it makes sense. */
static int32_t node_check(const struct vmm_block_image *image)
{
	bool unit = image->unit == 0 ||
		(image->unit >= VMM_BLOCK_SECTOR && image->unit <= (1u << 30) &&
			(image->unit & (image->unit - 1)) == 0);
	if (!unit || image->length % VMM_BLOCK_SECTOR != 0 || image->length > VMM_BLOCK_LENGTH_MAXIMUM)
		return vmm_block_fail(image->host, -EINVAL, "use another copy of it",
			"%.3000s claims to have %llu bytes in units of %u", image->path,
			(unsigned long long)image->length, image->unit);
	return 0;
}

static int32_t node_open(struct node *node, const struct vmm_block_format *format)
{
	struct vmm_block_image *image = &node->image;
	char holder[64];
	uint32_t flags = file_flags(image->flags) | (format->flags & BLOCK_FORMAT_DEVICES ? VMM_BLOCK_FILE_DEVICE : 0);
	image->format = format;
	int32_t status = vmm_block_file_open(image->path, flags, holder, &image->file);
	if (status < 0)
		return open_fail(image->host, image->path, flags, status, holder);
	if (image->file->flags & VMM_BLOCK_FILE_READONLY)
		image->flags |= VMM_BLOCK_READONLY;
	/* Even of an empty state its address says that open was called. */
	image->state = calloc(1, format->state_size != 0 ? format->state_size : 1);
	if (image->state == NULL)
		return -ENOMEM;
	status = format->open(image);
	image->variant[sizeof(image->variant) - 1] = 0;
	image->parent[sizeof(image->parent) - 1] = 0;
	image->parent_format[sizeof(image->parent_format) - 1] = 0;
	char parent[8192];
	if (status == 0 && image->parent[0] != 0 &&
		vmm_block_path(image->path, image->parent, parent, sizeof(parent)) == 0)
		node->parent_path = strdup(parent);
	return status < 0 ? status : node_check(image);
}

/* Which format is this file of? */
static const struct vmm_block_format *format_find(
	const struct vmm_block_format *const *formats, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	}
	return strcmp(name, vmm_block_raw.name) == 0 ? &vmm_block_raw : NULL;
}

static const struct vmm_block_format *format_probe(
	const struct vmm_block_format *const *formats, uint32_t count, struct vmm_block_file *file)
{
	const struct vmm_block_format *best = NULL;
	uint32_t surest = 1; /* what any bytes will do for is no mark */
	uint8_t *data = malloc(PROBE_HEAD + PROBE_TAIL);
	struct vmm_block_file_info info;
	if (data == NULL || vmm_block_file_info(file, &info) < 0) {
		free(data);
		return NULL;
	}
	struct vmm_probe probe = {
		.struct_size = sizeof(probe),
		.path = file->path,
		.length = info.length,
		.head = data,
		.tail = data + PROBE_HEAD,
		.head_length = info.length < PROBE_HEAD ? (uint32_t)info.length : PROBE_HEAD,
		.tail_length = info.length < PROBE_TAIL ? (uint32_t)info.length : PROBE_TAIL,
		.flags = file->is_device ? VMM_PROBE_BLOCK : 0,
	};
	if (vmm_block_file_read(file, data, probe.head_length, 0) < 0 ||
		vmm_block_file_read(file, data + PROBE_HEAD, probe.tail_length, info.length - probe.tail_length) < 0)
		probe.head_length = probe.tail_length = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t sure = formats[i]->probe != NULL ? formats[i]->probe(&probe) : 0;
		if (sure > surest) {
			surest = sure;
			best = formats[i];
		}
	}
	free(data);
	return best;
}

/* The format of a parent: as it is named, or by its marks, or another plugin's; NULL after a message. */
static const struct vmm_block_format *parent_find(const struct vmm_host *host, const char *path, const char *name,
	const struct vmm_block_format *const *formats, uint32_t count)
{
	const struct vmm_block_format *format = NULL;
	const struct vmm_image_service *service = host->get_service(host->context, VMM_SERVICE_IMAGE);
	struct vmm_block_file *file;
	if (name[0] != 0 && access(path, F_OK) == 0) {
		format = format_find(formats, count, name);
		return format != NULL ? format : &block_foreign;
	}
	int32_t status = vmm_block_file_open(
		path, VMM_BLOCK_FILE_READONLY | VMM_BLOCK_FILE_UNLOCKED | VMM_BLOCK_FILE_DEVICE, NULL, &file);
	if (status < 0) {
		vmm_block_fail(host, status,
			"put it where it was, or say with `vmm disk rebase --unsafe --parent FILE` where it is now",
			"the parent %.3000s cannot be opened: %s", path, strerror(-status));
		return NULL;
	}
	format = format_probe(formats, count, file);
	vmm_block_file_close(file);
	if (format != NULL)
		return format;
	return VMM_HAS(service, open) ? &block_foreign : &vmm_block_raw;
}

static int32_t chain_check(const struct vmm_block_image *top, const struct vmm_block_image *image)
{
	if (image_node(image)->depth > DEPTH_MAXIMUM)
		return vmm_block_fail(image->host, -ELOOP, "convert it to one image with `vmm disk convert`",
			"%.3000s has more than %u parents", top->path, DEPTH_MAXIMUM);
	for (const struct vmm_block_image *other = top; other != image; other = other->parent_image) {
		if (file_same(other->file, image->file))
			return vmm_block_fail(image->host, -ELOOP,
				"name the right parent with `vmm disk rebase --unsafe`",
				"%.2000s is its own ancestor, by way of %.2000s", image->path, top->path);
	}
	return 0;
}

/* One image, without its parents; NULL after a message. */
static int32_t parent_node(const struct vmm_host *host, const char *path, const char *name, uint32_t flags,
	const struct vmm_block_format *const *formats, uint32_t count, struct node **result)
{
	const struct vmm_block_format *format = parent_find(host, path, name, formats, count);
	*result = NULL;
	if (format == NULL)
		return -ENOENT;
	struct node *node = node_new(host, path, flags);
	if (node == NULL)
		return -ENOMEM;
	snprintf(node->wanted, sizeof(node->wanted), "%s", name);
	*result = node;
	return node_open(node, format);
}

static int32_t parent_open(struct vmm_block_image *top, struct vmm_block_image *child,
	const struct vmm_block_format *const *formats, uint32_t count)
{
	struct node *node;
	const char *path = image_node(child)->parent_path;
	if (path == NULL)
		return vmm_block_fail(child->host, -ENAMETOOLONG,
			"name its parent anew with `vmm disk rebase --unsafe`",
			"the name of the parent of %.3000s is too long", child->path);
	int32_t status = parent_node(child->host, path, child->parent_format,
		VMM_BLOCK_READONLY | (child->flags & (VMM_BLOCK_DIRECT | VMM_BLOCK_UNLOCKED)), formats, count, &node);
	if (node == NULL)
		return status;
	node->depth = image_node(child)->depth + 1;
	child->parent_image = &node->image;
	if (status == 0)
		status = chain_check(top, &node->image);
	if (status == 0 && child->format->joined != NULL)
		status = child->format->joined(child);
	return status;
}

static int32_t chain_open(struct vmm_block_image *image, const struct vmm_block_format *const *formats, uint32_t count)
{
	int32_t status = 0;
	if ((image->flags & VMM_BLOCK_LONELY) != 0)
		return 0;
	for (struct vmm_block_image *child = image; status == 0 && child != NULL && child->parent[0] != 0;
		child = child->parent_image)
		status = parent_open(image, child, formats, count);
	return status;
}

int32_t image_parent_open(const struct vmm_host *host, const struct vmm_block_format *format, const char *child,
	const char *parent, const char *parent_format, struct vmm_block_image **result)
{
	char path[8192];
	struct node *node;
	*result = NULL;
	int32_t status = vmm_block_path(child, parent, path, sizeof(path));
	if (status < 0)
		return vmm_block_fail(host, status, "use a shorter name", "the name of the parent is too long");
	status = parent_node(
		host, path, parent_format != NULL ? parent_format : "", VMM_BLOCK_READONLY, &format, 1, &node);
	if (status == 0)
		status = chain_open(&node->image, &format, 1);
	if (status < 0)
		vmm_block_image_close(node != NULL ? &node->image : NULL);
	else
		*result = &node->image;
	return status;
}

int32_t vmm_block_image_open(const struct vmm_host *host, const struct vmm_block_format *const *formats, uint32_t count,
	const char *path, uint32_t flags, struct vmm_block_image **result)
{
	*result = NULL;
	if ((flags & VMM_BLOCK_UNLOCKED) != 0)
		flags |= VMM_BLOCK_READONLY;
	struct node *node = node_new(host, path, flags);
	if (node == NULL)
		return -ENOMEM;
	int32_t status = node_open(node, formats[0]);
	if (status == 0)
		status = chain_open(&node->image, formats, count);
	if (status < 0) {
		vmm_block_image_close(&node->image);
		return status;
	}
	*result = &node->image;
	return 0;
}

void vmm_block_image_close(struct vmm_block_image *image)
{
	if (image != NULL)
		track_end(image, vmm_block_image_flush(image) == 0);
	while (image != NULL) {
		struct vmm_block_image *parent = image->parent_image;
		node_close(image_node(image));
		image = parent;
	}
}

/* Asking. */

void image_exclusive(struct vmm_block_image *image)
{
	struct node *node = image_node(image);
	pthread_mutex_lock(&node->mutator);
	pthread_rwlock_wrlock(&node->lock);
}

void image_exclusive_end(struct vmm_block_image *image)
{
	struct node *node = image_node(image);
	pthread_rwlock_unlock(&node->lock);
	pthread_mutex_unlock(&node->mutator);
}

int32_t image_begin(struct vmm_block_image *image)
{
	struct node *node = image_node(image);
	int32_t status = 0;
	if (__atomic_load_n(&node->begun, __ATOMIC_ACQUIRE))
		return 0;
	if ((image->flags & VMM_BLOCK_READONLY) != 0 || image->is_readonly)
		return -EROFS;
	image_exclusive(image);
	if (!node->begun)
		status = track_begin(image, false);
	if (status == 0 && !node->begun && image->format->begin != NULL)
		status = image->format->begin(image);
	if (status == 0)
		__atomic_store_n(&node->begun, true, __ATOMIC_RELEASE);
	image_exclusive_end(image);
	return status;
}

int32_t image_map(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent, bool locked)
{
	struct node *node = image_node(image);
	*extent = (struct vmm_block_extent){ 0 };
	if (!locked)
		pthread_rwlock_rdlock(&node->lock);
	int32_t status = image->format->map(image, offset, length, extent);
	if (!locked)
		pthread_rwlock_unlock(&node->lock);
	if (status < 0)
		return status;
	if (extent->length == 0 || extent->length > length || extent->kind > VMM_BLOCK_PACKED ||
		(extent->kind == VMM_BLOCK_DATA && extent->file == NULL))
		return -EIO;
	return 0;
}

int32_t chain_map(struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent,
	struct vmm_block_image **where, bool locked)
{
	for (;; image = image->parent_image, locked = false) {
		if (offset >= image->length) {
			/* A parent that is shorter than its child. */
			*extent = (struct vmm_block_extent){
				.kind = VMM_BLOCK_ZERO, .flags = BLOCK_EXTENT_NOWHERE, .length = length
			};
			*where = image;
			return 0;
		}
		if (length > image->length - offset)
			length = image->length - offset;
		int32_t status = image_map(image, offset, length, extent, locked);
		if (status < 0)
			return status;
		*where = image;
		if (extent->kind != VMM_BLOCK_ABSENT)
			return 0;
		length = extent->length;
		if (image->parent_image == NULL) {
			extent->kind = VMM_BLOCK_ZERO;
			extent->flags |= BLOCK_EXTENT_NOWHERE;
			return 0;
		}
	}
}
