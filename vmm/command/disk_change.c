/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm disk resize | compact | rebase | compare */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/command/disk.h"

#define CHUNK (UINT64_C(1) << 20)
#define PIECE UINT64_C(65536) /* that rebase copies if it differs anywhere */

static int size_wanted(const char *text, uint64_t before, uint64_t *size)
{
	bool more = text[0] == '+', less = text[0] == '-';
	int status = disk_size(text + (more || less), "size of an image", size);

	if (status != STATUS_DONE)
		return status;
	if (more && *size > UINT64_MAX / 2 - before)
		return command_failed("%s is too much", text);
	if (less && *size >= before)
		return command_failed("%s leaves nothing of %llu bytes", text, (unsigned long long)before);
	*size = more ? before + *size : less ? before - *size : *size;
	*size = (*size + 511) / 512 * 512;
	return STATUS_DONE;
}

int disk_resize(struct disk_host *host, const struct disk_words *words)
{
	struct vmm_image image;
	uint64_t before, size;
	int32_t failed = 0;
	int status = disk_open(host, words->names[0], words->source_format, 0, &image);

	if (status != STATUS_DONE)
		return status;
	before = disk_info_of(&image, 0).length;
	status = size_wanted(words->names[1], before, &size);
	if (status == STATUS_DONE && size < before && !words->shrink)
		status = command_failed("that cuts off the last %llu bytes of %s for good: say --shrink if you mean it",
			(unsigned long long)(before - size), words->names[0]);
	host->cause[0] = 0;
	if (status == STATUS_DONE && size != before)
		failed = image.ops->resize(image.self, size);
	image.ops->close(image.self);
	if (failed)
		return disk_failed(host, failed, "resizing", words->names[0]);
	if (status == STATUS_DONE && words->json)
		command_json(json_pack("{s:s, s:I, s:I}", "file", words->names[0], "before", (json_int_t)before, "size",
			(json_int_t)size));
	return status;
}

static uint32_t compact_found(void *self, uint32_t severity, uint32_t mendable, const char *remedy, const char *text)
{
	(void)self;
	(void)remedy;
	/* What would be in the way is not mended on the side. */
	if (severity == VMM_IMAGE_DAMAGE)
		fprintf(stderr, "vmm: %s%s\n", text, mendable ? " (vmm disk repair can mend it)" : "");
	return 0;
}

static uint32_t compact_progress(void *self, uint64_t done, uint64_t of)
{
	return disk_progress(self, done, of);
}

int disk_compact(struct disk_host *host, const struct disk_words *words)
{
	struct disk_progress progress;
	const struct vmm_image_report report = { sizeof(report), 0, &progress, compact_found, compact_progress };
	struct vmm_image image;
	uint64_t before, after;
	int32_t failed;
	char text[2][32];
	int status = disk_open(host, words->names[0], words->source_format, 0, &image);

	if (status != STATUS_DONE)
		return status;
	before = disk_info_of(&image, 0).allocated;
	host->cause[0] = 0;
	disk_progress_begin(&progress, "compacting");
	failed = image.ops->compact(image.self, &report);
	disk_progress_end(&progress);
	after = disk_info_of(&image, 0).allocated;
	image.ops->close(image.self);
	if (failed)
		return disk_failed(host, failed, "compacting", words->names[0]);
	if (words->json)
		command_json(json_pack("{s:s, s:I, s:I}", "file", words->names[0], "before", (json_int_t)before,
			"allocated", (json_int_t)after));
	else
		printf("%s takes %s; it took %s\n", words->names[0], disk_bytes(after, text[0]),
			disk_bytes(before, text[1]));
	return STATUS_DONE;
}

/* rebase */

struct rebase {
	struct vmm_image image, parent; /* parent.ops NULL: none */
	uint64_t length, parent_length;
	uint8_t *old, *new;
	struct disk_progress progress;
	uint64_t copied;
};

static int32_t parent_read(struct rebase *rebase, uint64_t length, uint64_t offset)
{
	uint64_t there = rebase->parent.ops && offset < rebase->parent_length ? rebase->parent_length - offset : 0;

	if (there > length)
		there = length;
	memset(rebase->new + there, 0, length - there);
	return there ? rebase->parent.ops->read(rebase->parent.self, rebase->new, there, offset) : 0;
}

/* Have in the image what it now sees of its parents, where the new one has something else. */
static int32_t rebase_copy(struct rebase *rebase, uint64_t length, uint64_t offset)
{
	int32_t status = rebase->image.ops->read(rebase->image.self, rebase->old, length, offset);

	if (!status)
		status = parent_read(rebase, length, offset);
	for (uint64_t at = 0, part; at < length && !status; at += part) {
		part = length - at < PIECE ? length - at : PIECE;
		if (!memcmp(rebase->old + at, rebase->new + at, part))
			continue;
		rebase->copied += part;
		status = disk_is_zero(rebase->old + at, part)
			? rebase->image.ops->zero(rebase->image.self, part, offset + at, 0)
			: rebase->image.ops->write(rebase->image.self, rebase->old + at, part, offset + at);
	}
	return status;
}

static int32_t rebase_all(struct rebase *rebase)
{
	for (uint64_t offset = 0; offset < rebase->length;) {
		struct vmm_image_piece piece = { .struct_size = sizeof(piece) };
		uint64_t part = rebase->length - offset < CHUNK ? rebase->length - offset : CHUNK;
		int32_t status;

		if (disk_progress(&rebase->progress, offset, rebase->length))
			return -ECANCELED;
		status = rebase->image.ops->map(rebase->image.self, offset, part, &piece);
		if (!status && (piece.depth > 0 || piece.kind == VMM_IMAGE_ZERO))
			status = rebase_copy(rebase, piece.length, offset);
		if (status)
			return status;
		offset += piece.length;
	}
	return rebase->image.ops->flush(rebase->image.self);
}

static int rebase_safely(struct disk_host *host, const struct disk_words *words, const char *parent)
{
	struct rebase rebase = { 0 };
	int32_t failed = 0;
	int status = disk_open(host, words->names[0], words->source_format, 0, &rebase.image);

	if (status != STATUS_DONE)
		return status;
	if (parent)
		status = disk_open(host, words->parent, words->parent_format, VMM_IMAGE_READONLY, &rebase.parent);
	rebase.old = malloc(CHUNK);
	rebase.new = malloc(CHUNK);
	if (status == STATUS_DONE && (!rebase.old || !rebase.new))
		status = command_failed("out of memory");
	if (status == STATUS_DONE) {
		host->cause[0] = 0;
		rebase.length = disk_info_of(&rebase.image, 0).length;
		rebase.parent_length = rebase.parent.ops ? disk_info_of(&rebase.parent, 0).length : 0;
		disk_progress_begin(&rebase.progress, "rebasing");
		failed = rebase_all(&rebase);
		disk_progress_end(&rebase.progress);
	}
	if (rebase.parent.ops)
		rebase.parent.ops->close(rebase.parent.self);
	if (status == STATUS_DONE && !failed)
		failed = rebase.image.ops->rebase(rebase.image.self, parent, words->parent_format);
	rebase.image.ops->close(rebase.image.self);
	free(rebase.old);
	free(rebase.new);
	if (failed)
		return disk_failed(host, failed, "rebasing", words->names[0]);
	if (status == STATUS_DONE && words->json)
		command_json(json_pack("{s:s, s:s?, s:I}", "file", words->names[0], "parent", parent, "copied",
			(json_int_t)rebase.copied));
	return status;
}

int disk_rebase(struct disk_host *host, const struct disk_words *words)
{
	struct vmm_image image;
	int32_t failed;
	char *parent = NULL;
	int status;

	if (!words->parent)
		return command_usage("disk", "rebase to which --parent? (\"none\": to none)");
	if (strcmp(words->parent, "none") != 0) {
		parent = disk_parent_name(words->names[0], words->parent);
		if (!parent)
			return command_failed("out of memory");
	}
	if (!words->unsafe_) {
		status = rebase_safely(host, words, parent);
		free(parent);
		return status;
	}
	status = disk_open(host, words->names[0], words->source_format, VMM_IMAGE_LONELY, &image);
	if (status == STATUS_DONE) {
		host->cause[0] = 0;
		failed = image.ops->rebase(image.self, parent, words->parent_format);
		image.ops->close(image.self);
		if (failed)
			status = disk_failed(host, failed, "rebasing", words->names[0]);
		else if (words->json)
			command_json(json_pack("{s:s, s:s?}", "file", words->names[0], "parent", parent));
	}
	free(parent);
	return status;
}

/* compare */

/* 0: alike; 1: *where is the first byte that differs; negative errno. */
static int32_t compare_all(struct vmm_image images[2], uint64_t lengths[2], uint8_t *data[2],
	struct disk_progress *progress, uint64_t *where)
{
	uint64_t longest = lengths[0] > lengths[1] ? lengths[0] : lengths[1];

	for (uint64_t offset = 0; offset < longest; offset += CHUNK) {
		uint64_t part = longest - offset < CHUNK ? longest - offset : CHUNK;

		if (disk_progress(progress, offset, longest))
			return -ECANCELED;
		for (unsigned i = 0; i < 2; i++) {
			uint64_t there = offset < lengths[i] ? lengths[i] - offset : 0;
			int32_t status = 0;

			there = there < part ? there : part;
			memset(data[i] + there, 0, part - there);
			if (there)
				status = images[i].ops->read(images[i].self, data[i], there, offset);
			if (status)
				return status;
		}
		if (!memcmp(data[0], data[1], part))
			continue;
		for (*where = offset; data[0][*where - offset] == data[1][*where - offset];)
			++*where;
		return 1;
	}
	return 0;
}

/* A shorter image is as if it had zeros behind its end. */
int disk_compare(struct disk_host *host, const struct disk_words *words)
{
	struct vmm_image images[2] = { 0 };
	uint8_t *data[2] = { malloc(CHUNK), malloc(CHUNK) };
	struct disk_progress progress;
	uint64_t lengths[2] = { 0 }, where = 0;
	int32_t result = 0;
	int status = data[0] && data[1] ? STATUS_DONE : command_failed("out of memory");

	for (unsigned i = 0; i < 2 && status == STATUS_DONE; i++) {
		status = disk_open(
			host, words->names[i], i ? NULL : words->source_format, VMM_IMAGE_READONLY, &images[i]);
		if (status == STATUS_DONE)
			lengths[i] = disk_info_of(&images[i], 0).length;
	}
	if (status == STATUS_DONE) {
		host->cause[0] = 0;
		disk_progress_begin(&progress, "comparing");
		result = compare_all(images, lengths, data, &progress, &where);
		disk_progress_end(&progress);
	}
	for (unsigned i = 0; i < 2; i++) {
		if (images[i].ops)
			images[i].ops->close(images[i].self);
		free(data[i]);
	}
	if (status != STATUS_DONE)
		return status;
	if (result < 0)
		return disk_failed(host, result, "comparing", words->names[0]);
	if (words->json)
		command_json(result ? json_pack("{s:b, s:I}", "alike", 0, "offset", (json_int_t)where)
				    : json_pack("{s:b}", "alike", 1));
	else if (result)
		printf("they differ at %llu\n", (unsigned long long)where);
	else
		printf("they are alike%s\n",
			lengths[0] == lengths[1] ? "" : ", but for zeros behind the shorter one's end");
	return result ? STATUS_FOUND : STATUS_DONE;
}
