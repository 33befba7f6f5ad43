/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.image/1 of a format: the kit's functions behind the contract's tables.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/block/plugin.h>

#include "queue.h"

struct opened {
	struct vmm_block_image *image;
	const struct vmm_block_format *format;
	uint32_t flags;
	/* For submit. */
	struct disk disk;
	struct queue *queue;
	void (*complete)(void *self, uint64_t token, int32_t status);
	void *complete_self;
};

static void copy_out(void *to, uint32_t to_size, const void *from, uint32_t from_size)
{
	uint32_t size = to_size < from_size ? to_size : from_size;
	memcpy((uint8_t *)to + 4, (const uint8_t *)from + 4, size - 4);
}

static struct vmm_block_image *at_depth(const struct opened *opened, uint32_t depth)
{
	struct vmm_block_image *image = opened->image;
	while (image != NULL && depth-- > 0)
		image = image->parent_image;
	return image;
}

static int32_t opened_info(void *self, uint32_t depth, struct vmm_image_info *info)
{
	const struct vmm_block_image *image = at_depth(self, depth);
	struct vmm_block_file_info file = { 0 };
	if (image == NULL)
		return -ENOENT;
	/* Another plugin's has its own answer. */
	const struct vmm_image *foreign = foreign_image(image);
	if (foreign != NULL)
		return foreign->ops->info(foreign->self, 0, info);
	vmm_block_file_info(image->file, &file);
	const struct vmm_image_info full = {
		.is_readonly = image->is_readonly,
		.length = image->length,
		.allocated = file.allocated,
		.unit = image->unit,
		.path = image->path,
		.format = image->format->name,
		.variant = image->variant,
		.parent = image->parent,
		.parent_format = image->parent_format,
		.readonly_why = image->readonly_why,
		.parent_path = image_node(image)->parent_path != NULL ? image_node(image)->parent_path : "",
	};
	copy_out(info, info->struct_size, &full, sizeof(full));
	return 0;
}

struct facts {
	struct vmm_block_facts kit; /* first */
	const struct vmm_image_facts *theirs;
};

static void facts_text(struct vmm_block_facts *kit, const char *name, const char *value)
{
	const struct facts *facts = (const struct facts *)kit;
	facts->theirs->text(facts->theirs->self, name, value);
}

static void facts_number(struct vmm_block_facts *kit, const char *name, uint64_t value)
{
	const struct facts *facts = (const struct facts *)kit;
	facts->theirs->number(facts->theirs->self, name, value);
}

static void facts_file(struct vmm_block_facts *kit, const char *role, const char *path)
{
	const struct facts *facts = (const struct facts *)kit;
	facts->theirs->file(facts->theirs->self, role, path);
}

static int32_t opened_facts(void *self, uint32_t depth, const struct vmm_image_facts *theirs)
{
	struct vmm_block_image *image = at_depth(self, depth);
	struct facts facts = { { facts_text, facts_number, facts_file }, theirs };
	if (image == NULL)
		return -ENOENT;
	const struct vmm_image *foreign = foreign_image(image);
	if (foreign != NULL)
		return foreign->ops->facts(foreign->self, 0, theirs);
	vmm_block_image_info(image, &facts.kit);
	return 0;
}

static int32_t opened_read(void *self, void *data, uint64_t length, uint64_t offset)
{
	struct opened *opened = self;
	return vmm_block_image_read(opened->image, data, length, offset);
}

static int32_t opened_write(void *self, const void *data, uint64_t length, uint64_t offset)
{
	struct opened *opened = self;
	return vmm_block_image_write(opened->image, data, length, offset);
}

static int32_t opened_zero(void *self, uint64_t length, uint64_t offset, uint32_t discard)
{
	struct opened *opened = self;
	return vmm_block_image_zero(opened->image, length, offset, discard);
}

static int32_t opened_flush(void *self)
{
	struct opened *opened = self;
	return vmm_block_image_flush(opened->image);
}

static int32_t opened_map(void *self, uint64_t offset, uint64_t length, struct vmm_image_piece *piece)
{
	struct opened *opened = self;
	struct vmm_block_piece kit;
	int32_t status = vmm_block_image_map(opened->image, offset, length, &kit);
	if (status < 0)
		return status;
	const struct vmm_image_piece full = {
		.kind = kit.kind,
		.depth = kit.depth,
		.is_hole = kit.is_hole,
		.length = kit.length,
		.offset = kit.offset,
		.path = kit.path,
	};
	copy_out(piece, piece->struct_size, &full, sizeof(full));
	return 0;
}

static int32_t opened_pack(void *self, const void *data, uint64_t length, uint64_t offset)
{
	struct opened *opened = self;
	return vmm_block_image_pack(opened->image, data, length, offset);
}

static int32_t opened_resize(void *self, uint64_t length)
{
	struct opened *opened = self;
	return vmm_block_image_resize(opened->image, length);
}

struct report {
	struct vmm_block_report kit; /* first */
	const struct vmm_image_report *theirs;
};

static uint32_t report_found(
	struct vmm_block_report *kit, uint32_t severity, uint32_t mendable, const char *remedy, const char *format, ...)
{
	const struct report *report = (const struct report *)kit;
	char text[1024];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return report->theirs->found(report->theirs->self, severity, mendable, remedy, text);
}

static uint32_t report_progress(struct vmm_block_report *kit, uint64_t done, uint64_t of)
{
	const struct report *report = (const struct report *)kit;
	return report->theirs->progress(report->theirs->self, done, of);
}

static int32_t opened_compact(void *self, const struct vmm_image_report *theirs)
{
	struct opened *opened = self;
	struct report report = { { report_found, report_progress }, theirs };
	return vmm_block_image_compact(opened->image, &report.kit);
}

static int32_t opened_check(void *self, const struct vmm_image_report *theirs)
{
	struct opened *opened = self;
	struct report report = { { report_found, report_progress }, theirs };
	return vmm_block_image_check(opened->image, &report.kit);
}

static int32_t opened_rebase(void *self, const char *parent, const char *parent_format)
{
	struct opened *opened = self;
	struct vmm_block_image *image = opened->image, *parent_image = NULL;
	if (parent != NULL) {
		int32_t status = image_parent_open(
			image->host, opened->format, image->path, parent, parent_format, &parent_image);
		if (status < 0)
			return status;
	}
	int32_t status = vmm_block_image_rebase(image, parent, parent_format, parent_image);
	vmm_block_image_close(parent_image);
	return status;
}

/* Requests that do not wait. */

static void opened_done(void *self)
{
	struct opened *opened = self;
	struct job *next;
	for (struct job *job = queue_take(opened->queue); job != NULL; job = next) {
		uint64_t token = job->request.token;
		int32_t status = job->status;
		next = job->next;
		free(job);
		opened->complete(opened->complete_self, token, status);
	}
}

static int32_t opened_listen(
	void *self, void (*complete)(void *self, uint64_t token, int32_t status), void *complete_self)
{
	struct opened *opened = self;
	struct vmm_block_image *image = opened->image;
	opened->complete = complete;
	opened->complete_self = complete_self;
	opened->disk = (struct disk){ .host = image->host, .image = image, .length = image->length };
	opened->disk.readonly = (opened->flags & VMM_BLOCK_READONLY) != 0 || image->is_readonly;
	opened->disk.can_discard = 1;
	return opened->queue == NULL ? queue_new(&opened->disk, opened_done, opened, &opened->queue) : 0;
}

static int32_t opened_submit(void *self, const struct vmm_storage_request *request)
{
	struct opened *opened = self;
	int32_t status = opened->queue != NULL ? disk_check(&opened->disk, request) : -EINVAL;
	return status < 0 ? status : queue_submit(opened->queue, request);
}

static void opened_settle(void *self)
{
	struct opened *opened = self;
	if (opened->queue == NULL)
		return;
	queue_settle(opened->queue, false);
	opened_done(opened);
}

static void opened_close(void *self)
{
	struct opened *opened = self;
	opened_settle(opened);
	queue_free(opened->queue);
	vmm_block_image_close(opened->image);
	free(opened);
}

static int32_t opened_mark(void *self, uint32_t begin, uint64_t *mark)
{
	struct opened *opened = self;
	return vmm_block_image_mark(opened->image, begin, mark);
}

static int32_t opened_changed(
	void *self, uint64_t since, uint64_t offset, uint64_t length, uint64_t *same, uint32_t *is_changed)
{
	struct opened *opened = self;
	return vmm_block_image_changed(opened->image, since, offset, length, same, is_changed);
}

static const struct vmm_image_ops opened_ops = {
	.struct_size = sizeof(struct vmm_image_ops),
	.close = opened_close,
	.info = opened_info,
	.facts = opened_facts,
	.read = opened_read,
	.write = opened_write,
	.zero = opened_zero,
	.flush = opened_flush,
	.map = opened_map,
	.pack = opened_pack,
	.resize = opened_resize,
	.compact = opened_compact,
	.rebase = opened_rebase,
	.check = opened_check,
	.listen = opened_listen,
	.submit = opened_submit,
	.settle = opened_settle,
	.mark = opened_mark,
	.changed = opened_changed,
};

int32_t vmm_block_factory_format(
	const struct vmm_block_format *format, const char *description, struct vmm_image_format *known)
{
	const struct vmm_image_format full = {
		.flags = (format->flags & VMM_BLOCK_FORMAT_PARENTS ? VMM_IMAGE_PARENTS : 0) |
			(format->create != NULL ? VMM_IMAGE_CREATE : 0) |
			(format->resize != NULL ? VMM_IMAGE_RESIZE : 0) |
			(format->compact != NULL ? VMM_IMAGE_COMPACT : 0) |
			(format->rebase != NULL ? VMM_IMAGE_REBASE : 0) |
			(format->check != NULL ? VMM_IMAGE_CHECK : 0) | (format->pack != NULL ? VMM_IMAGE_PACK : 0),
		.name = format->name,
		.suffixes = format->suffixes,
		.variants = format->variants,
		.description = description,
		.options = format->options,
		.option_count = format->option_count,
		.option_stride = sizeof(struct vmm_param),
	};
	copy_out(known, known->struct_size, &full, sizeof(full));
	return 0;
}

int32_t vmm_block_factory_open(const struct vmm_block_format *format, const struct vmm_host *host, const char *path,
	uint32_t flags, struct vmm_image *image)
{
	struct opened *opened = calloc(1, sizeof(*opened));
	if (opened == NULL)
		return -ENOMEM;
	opened->format = format;
	opened->flags = flags;
	int32_t status = vmm_block_image_open(host, &format, 1, path, flags, &opened->image);
	if (status < 0) {
		free(opened);
		return status;
	}
	image->ops = &opened_ops;
	image->self = opened;
	return 0;
}

int32_t vmm_block_factory_create(
	const struct vmm_block_format *format, const struct vmm_host *host, const struct vmm_image_create *create)
{
	struct vmm_block_new what = {
		.path = create->path,
		.variant = create->variant,
		.length = create->length,
		.parent = create->parent,
		.parent_format = create->parent_format,
		/* Of the same shape. */
		.options = (const struct vmm_block_option *)create->options,
		.option_count = create->option_count,
	};
	if (create->parent != NULL && (format->flags & VMM_BLOCK_FORMAT_PARENTS) != 0) {
		int32_t status = image_parent_open(
			host, format, create->path, create->parent, create->parent_format, &what.parent_image);
		if (status < 0)
			return status;
		/* Who does not say what it is has it by its marks. */
		if (what.parent_format == NULL)
			what.parent_format = image_format_name(what.parent_image);
		if (what.length == 0)
			what.length = what.parent_image->length;
	}
	int32_t status = vmm_block_image_create(host, format, &what);
	vmm_block_image_close(what.parent_image);
	return status;
}
