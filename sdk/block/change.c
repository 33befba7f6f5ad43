/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What is done to images as wholes: making, mending, resizing and the like.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

/* Begin a change of everything: nobody reads or writes meanwhile. */
static int32_t whole_begin(struct vmm_block_image *image, struct range *range, const char *what)
{
	range_lock(&image_node(image)->ranges, range, 0, UINT64_MAX, true);
	int32_t status = image_begin(image);
	extents_forget(image, 0, UINT64_MAX);
	if (status == 0)
		return 0;
	range_unlock(&image_node(image)->ranges, range);
	if (status == -EROFS)
		return vmm_block_fail(image->host, status, "convert it to an image that can be written",
			"cannot %s %.3000s: %s", what, image->path,
			image->readonly_why != NULL ? image->readonly_why : "it is open for reading only");
	return status;
}

static int32_t whole_end(struct vmm_block_image *image, struct range *range, int32_t status)
{
	__atomic_fetch_add(&image_node(image)->changes, 1, __ATOMIC_RELEASE);
	if (status == 0)
		status = vmm_block_image_flush(image);
	range_unlock(&image_node(image)->ranges, range);
	return status;
}

static int32_t cannot(struct vmm_block_image *image, const char *what)
{
	return vmm_block_fail(image->host, -EOPNOTSUPP, "convert it to another format, which can",
		"%.3000s is a %s image, which cannot be %s", image->path, image->format->name, what);
}

int32_t vmm_block_image_resize(struct vmm_block_image *image, uint64_t length)
{
	struct range range;
	if (length == 0 || length % VMM_BLOCK_SECTOR != 0 || length > VMM_BLOCK_LENGTH_MAXIMUM - VMM_BLOCK_SECTOR)
		return vmm_block_fail(image->host, -EINVAL, "give a multiple of 512 bytes",
			"%llu is no size for an image", (unsigned long long)length);
	if (image->format->resize == NULL)
		return cannot(image, "resized");
	int32_t status = whole_begin(image, &range, "resize");
	if (status < 0)
		return status;
	uint64_t before = image->length;
	image_exclusive(image);
	status = image->format->resize(image, length);
	image_exclusive_end(image);
	if (status == 0)
		status = track_resize(image);
	/* What a longer parent has there is not to be seen. */
	uint64_t parent = image->parent_image != NULL ? image->parent_image->length : 0;
	if (status == 0 && before < length && before < parent)
		status = allocate_zero(image, (length < parent ? length : parent) - before, before, false, true);
	return whole_end(image, &range, status);
}

int32_t vmm_block_image_compact(struct vmm_block_image *image, struct vmm_block_report *report)
{
	struct range range;
	if (image->format->compact == NULL)
		return cannot(image, "made smaller");
	int32_t status = whole_begin(image, &range, "compact");
	if (status < 0)
		return status;
	image_exclusive(image);
	status = image->format->compact(image, report);
	image_exclusive_end(image);
	return whole_end(image, &range, status);
}

int32_t vmm_block_image_rebase(struct vmm_block_image *image, const char *parent, const char *parent_format,
	struct vmm_block_image *parent_image)
{
	struct range range;
	if (image->format->rebase == NULL)
		return cannot(image, "given another parent");
	int32_t status = whole_begin(image, &range, "rebase");
	if (status < 0)
		return status;
	/* Who has copied what differs has noted that; who has not, nobody knows. */
	status = track_note(image, 0, image->length);
	image_exclusive(image);
	if (status == 0)
		status = image->format->rebase(image, parent, parent_format, parent_image);
	image_exclusive_end(image);
	return whole_end(image, &range, status);
}

int32_t vmm_block_image_pack(struct vmm_block_image *image, const void *data, uint64_t length, uint64_t offset)
{
	if (image->format->pack == NULL)
		return -EOPNOTSUPP;
	int32_t status = image_begin(image);
	if (status == 0)
		status = track_note(image, offset, length);
	if (status < 0)
		return status;
	image_exclusive(image);
	status = image->format->pack(image, offset, length, data);
	image_exclusive_end(image);
	__atomic_fetch_add(&image_node(image)->changes, 1, __ATOMIC_RELEASE);
	return status;
}

int32_t vmm_block_image_check(struct vmm_block_image *image, struct vmm_block_report *report)
{
	struct range range;
	track_check(image, report);
	if (image->format->check == NULL)
		return 0;
	range_lock(&image_node(image)->ranges, &range, 0, UINT64_MAX, true);
	int32_t status = 0;
	extents_forget(image, 0, UINT64_MAX);
	image_exclusive(image);
	/* Mending may change contents. */
	if ((image->flags & VMM_BLOCK_READONLY) == 0) {
		status = track_begin(image, false);
		if (status == 0)
			status = track_note(image, 0, image->length);
	}
	if (status == 0)
		status = image->format->check(image, report);
	if (!image_node(image)->begun)
		track_end(image, true);
	image_exclusive_end(image);
	range_unlock(&image_node(image)->ranges, &range);
	return status;
}

void vmm_block_image_info(struct vmm_block_image *image, struct vmm_block_facts *facts)
{
	image_exclusive(image);
	if (image->format->info != NULL)
		image->format->info(image, facts);
	image_exclusive_end(image);
}

int32_t vmm_block_image_map(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_piece *piece)
{
	struct vmm_block_image *where;
	struct vmm_block_extent extent;
	struct range range;
	*piece = (struct vmm_block_piece){ 0 };
	if (offset >= image->length || length == 0)
		return -EINVAL;
	if (length > image->length - offset)
		length = image->length - offset;
	range_lock(&image_node(image)->ranges, &range, offset, offset + length, false);
	int32_t status = chain_map(image, offset, length, &extent, &where, false);
	if (status == 0 && extent.kind == VMM_BLOCK_DATA) {
		uint32_t is_hole = 0;
		uint64_t same = extent.length;
		status = vmm_block_file_holes(extent.file, extent.offset, extent.length, &same, &is_hole);
		if (same > 0 && same < extent.length)
			extent.length = same;
		piece->is_hole = is_hole;
		piece->path = vmm_block_file_path(extent.file);
		piece->offset = extent.offset;
	}
	range_unlock(&image_node(image)->ranges, &range);
	if (status < 0)
		return status;
	if (extent.kind == VMM_BLOCK_ZERO)
		piece->is_hole = (extent.flags & BLOCK_EXTENT_NOWHERE) != 0;
	piece->kind = extent.kind;
	piece->length = extent.length;
	piece->depth = image_node(where)->depth;
	return 0;
}

/* Making. */

struct making {
	struct vmm_block_create create; /* first: it is what the format has in its hands */
	const struct vmm_block_format *format;
	const struct vmm_block_new *what;
};

static const char *making_option(const struct vmm_block_create *create, const char *key)
{
	const struct making *making = create->kit;
	for (uint32_t i = 0; i < making->what->option_count; i++) {
		if (strcmp(making->what->options[i].key, key) == 0)
			return making->what->options[i].value;
	}
	for (uint32_t i = 0; i < making->format->option_count; i++) {
		if (strcmp(making->format->options[i].key, key) == 0)
			return making->format->options[i].default_value;
	}
	return NULL;
}

/* Is `word` among those of `words`, which '|' parts?  The word that it is; NULL: no. */
static bool word_among(const char *words, const char *word, char *found, uint32_t size)
{
	while (words != NULL && words[0] != 0) {
		size_t length = strcspn(words, "|");
		if (length < size &&
			(word[0] == 0 || (strlen(word) == length && strncasecmp(words, word, length) == 0))) {
			memcpy(found, words, length);
			found[length] = 0;
			return true;
		}
		words += length + (words[length] != 0);
	}
	return false;
}

static int32_t option_check(
	const struct vmm_host *host, const struct vmm_block_format *format, const struct vmm_block_option *option)
{
	for (uint32_t i = 0; i < format->option_count; i++) {
		const struct vmm_param *row = &format->options[i];
		char word[64];
		if (strcmp(row->key, option->key) != 0)
			continue;
		if (row->type == VMM_PARAM_CHOICE && !word_among(row->choices, option->value, word, sizeof(word)))
			return vmm_block_fail(host, -EINVAL, row->help, "%s cannot be \"%s\" but %s", option->key,
				option->value, row->choices);
		if (row->type == VMM_PARAM_INT || row->type == VMM_PARAM_SIZE) {
			char *end;
			long long number = strtoll(option->value, &end, 0);
			if (end == option->value || *end != 0 ||
				((row->minimum != 0 || row->maximum != 0) &&
					(number < row->minimum || number > row->maximum)))
				return vmm_block_fail(host, -EINVAL, row->help,
					"%s cannot be \"%s\" but a number from %lld to %lld", option->key,
					option->value, (long long)row->minimum, (long long)row->maximum);
		}
		return 0;
	}
	return vmm_block_fail(host, -EINVAL, "leave it out (`vmm disk formats` names the options)",
		"%s images have no option \"%s\"", format->name, option->key);
}

int32_t vmm_block_image_create(
	const struct vmm_host *host, const struct vmm_block_format *format, const struct vmm_block_new *what)
{
	char variant[64];
	if (format->create == NULL)
		return vmm_block_fail(
			host, -EOPNOTSUPP, "use another format", "%s images cannot be made", format->name);
	if (!word_among(format->variants, what->variant != NULL ? what->variant : "", variant, sizeof(variant)))
		return vmm_block_fail(host, -EINVAL, "use one of these", "%s has no variant \"%s\" but %s",
			format->name, what->variant, format->variants);
	if (what->length == 0 || what->length % VMM_BLOCK_SECTOR != 0 ||
		what->length > VMM_BLOCK_LENGTH_MAXIMUM - VMM_BLOCK_SECTOR)
		return vmm_block_fail(host, -EINVAL, "give a multiple of 512 bytes", "%llu is no size for an image",
			(unsigned long long)what->length);
	if (what->parent != NULL && (format->flags & VMM_BLOCK_FORMAT_PARENTS) == 0)
		return vmm_block_fail(
			host, -EOPNOTSUPP, "use another format", "%s images have no parents", format->name);
	for (uint32_t i = 0; i < what->option_count; i++) {
		int32_t status = option_check(host, format, &what->options[i]);
		if (status < 0)
			return status;
	}
	struct making making = {
		.create = {
			.host = host,
			.path = what->path,
			.variant = variant,
			.length = what->length,
			.parent = what->parent,
			.parent_format = what->parent_format,
			.parent_image = what->parent_image,
			.option = making_option,
		},
		.format = format,
		.what = what,
	};
	making.create.kit = &making;
	return format->create(&making.create);
}
