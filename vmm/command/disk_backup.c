/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm disk backup: a copy of an image as it is now, or, as a child of the last copy, of what has changed since.
 *
 * An image that nobody uses is copied here; one that a machine has is copied by that machine, which knows what its
 * guest writes meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command/disk.h"

#define CHUNK   (UINT64_C(1) << 20)
#define GRANULE UINT64_C(65536) /* of which zeros are told from data */
#define LOOK_US 50000u          /* how often a machine is asked how far it is */

struct backup {
	struct disk_host *host;
	const struct disk_words *words;
	const struct image_format *format; /* the target's */
	struct vmm_image source, target;
	struct disk_live live; /* if source.ops is NULL */
	uint64_t since, length, mark, copied;
	uint8_t *data;
	struct disk_progress progress;
};

/* The target, of the source's length. */
static int target_make(struct backup *backup)
{
	const struct disk_words *words = backup->words;
	struct vmm_image_create create = {
		.struct_size = sizeof(create),
		.path = words->names[1],
		.length = backup->length,
		.parent_format = words->parent_format,
		.options = words->options,
		.option_count = words->option_count,
	};
	char *variant = NULL, *parent = NULL;
	int32_t failed = -EOPNOTSUPP;
	int status = disk_format(backup->host, words->format, words->names[1], &backup->format, &variant);

	if (status == STATUS_DONE && words->parent) {
		parent = disk_parent_name(words->names[1], words->parent);
		if (!parent)
			status = command_failed("out of memory");
		else if (!(backup->format->known.flags & VMM_IMAGE_PARENTS))
			status = command_failed("%s images have no parents: name a format that has, such as --format "
						"qcow2",
				backup->format->known.name);
	}
	create.variant = variant;
	create.parent = parent;
	backup->host->cause[0] = 0;
	if (status == STATUS_DONE && backup->format->factory.create)
		failed = backup->format->factory.create(backup->format->index, &backup->host->host, &create);
	if (status == STATUS_DONE && failed)
		status = disk_failed(backup->host, failed, "making", words->names[1]);
	free(variant);
	free(parent);
	return status;
}

static void target_remove(struct backup *backup)
{
	json_t *files = NULL;
	struct vmm_image image = { .struct_size = sizeof(image) };
	const char *path = backup->words->names[1];

	if (!image_open_for(backup->host->registry, &backup->host->host, backup->format->known.name, path,
		    VMM_IMAGE_READONLY | VMM_IMAGE_UNLOCKED | VMM_IMAGE_LONELY, &image)) {
		files = disk_files(&image, path);
		image.ops->close(image.self);
	}
	disk_files_remove(files, path);
	json_decref(files);
}

/* By a machine. */

static int live_wait(struct backup *backup)
{
	json_t *result = NULL;
	bool ended = false;
	int status = STATUS_DONE;

	while (status == STATUS_DONE && !ended) {
		bool enough = disk_interrupted();

		status = disk_live_call(
			&backup->live, "backup", json_pack("{s:s}", "do", enough ? "cancel" : "read"), &result);
		if (status != STATUS_DONE)
			break;
		ended = json_is_true(json_object_get(result, "ended"));
		backup->copied = (uint64_t)json_integer_value(json_object_get(result, "done"));
		disk_progress(
			&backup->progress, backup->copied, (uint64_t)json_integer_value(json_object_get(result, "of")));
		if (ended && json_is_string(json_object_get(result, "error")))
			status = command_failed("backup of %s to %s failed: %s", backup->words->names[0],
				backup->words->names[1], json_string_value(json_object_get(result, "error")));
		else if (!ended && enough)
			status = command_failed("backup of %s was cancelled", backup->words->names[0]);
		else if (!ended)
			usleep(LOOK_US);
		json_decref(result);
	}
	return status;
}

static int live_copy(struct backup *backup)
{
	char *path = realpath(backup->words->names[1], NULL);
	json_t *result = NULL;
	int status;

	if (!path)
		return command_failed("%s: %s", backup->words->names[1], strerror(errno));
	status = disk_live_call(&backup->live, "backup",
		json_pack("{s:s, s:s, s:s, s:I, s:b}", "do", "start", "target", path, "format",
			backup->format->known.name, "since", (json_int_t)backup->since, "begin", backup->words->begin),
		&result);
	backup->mark = (uint64_t)json_integer_value(json_object_get(result, "mark"));
	json_decref(result);
	free(path);
	return status == STATUS_DONE ? live_wait(backup) : status;
}

/* By ourselves. */

static int32_t piece_copy(struct backup *backup, uint64_t length, uint64_t offset)
{
	const struct vmm_image *target = &backup->target;
	int32_t status = backup->source.ops->read(backup->source.self, backup->data, length, offset);

	for (uint64_t at = 0, part; at < length && !status; at += part) {
		part = length - at < GRANULE ? length - at : GRANULE;
		if (!disk_is_zero(backup->data + at, part))
			status = target->ops->write(target->self, backup->data + at, part, offset + at);
		/* Zeros that were something else in the copy before. */
		else if (backup->words->parent)
			status = target->ops->zero(target->self, part, offset + at, 0);
	}
	backup->copied += length;
	return status;
}

static int32_t copy_all(struct backup *backup)
{
	const struct vmm_image *source = &backup->source;
	int32_t status = 0;

	for (uint64_t offset = 0, part; offset < backup->length && !status; offset += part) {
		uint32_t changed = 1;

		if (disk_progress(&backup->progress, offset, backup->length))
			return -ECANCELED;
		part = backup->length - offset < CHUNK ? backup->length - offset : CHUNK;
		if (backup->since)
			status = source->ops->changed(source->self, backup->since, offset, part, &part, &changed);
		if (!status && changed)
			status = piece_copy(backup, part, offset);
	}
	return status ? status : backup->target.ops->flush(backup->target.self);
}

static int here_copy(struct backup *backup)
{
	const char *name = backup->words->names[0];
	int32_t failed = 0;
	int status = disk_open(backup->host, backup->words->names[1], backup->format->known.name, 0, &backup->target);

	if (status != STATUS_DONE)
		return status;
	backup->host->cause[0] = 0;
	backup->data = malloc(CHUNK);
	if (!backup->data)
		failed = -ENOMEM;
	if (!failed)
		failed = copy_all(backup);
	backup->target.ops->close(backup->target.self);
	return failed ? disk_failed(backup->host, failed, "backup", name) : STATUS_DONE;
}

/* Before it is copied: what is changed from now on is the next one's. */
static int here_mark(struct backup *backup, bool wanted)
{
	int32_t failed = 0;

	backup->host->cause[0] = 0;
	if (wanted && (!VMM_HAS(backup->source.ops, changed) || !backup->source.ops->mark))
		failed = -EOPNOTSUPP;
	else if (wanted)
		failed = backup->source.ops->mark(backup->source.self, backup->words->begin, &backup->mark);
	return failed ? disk_failed(backup->host, failed, "marking", backup->words->names[0]) : STATUS_DONE;
}

static void backup_tell(const struct backup *backup)
{
	char bytes[32];

	if (backup->words->json) {
		json_t *answer = json_pack(
			"{s:s, s:I}", "file", backup->words->names[1], "copied", (json_int_t)backup->copied);

		if (backup->mark)
			json_object_set_new(answer, "mark", json_integer((json_int_t)backup->mark));
		command_json(answer);
		return;
	}
	printf("%s has %s of %s", backup->words->names[1], disk_bytes(backup->copied, bytes), backup->words->names[0]);
	if (backup->mark)
		printf("; the next one is --changed-since %llu", (unsigned long long)backup->mark);
	putchar('\n');
}

static bool is_tracked(const char *path)
{
	char *tracks;
	bool is = asprintf(&tracks, "%s.cbt", path) >= 0;

	if (!is)
		return false;
	is = !access(tracks, F_OK);
	free(tracks);
	return is;
}

int disk_backup(struct disk_host *host, const struct disk_words *words)
{
	struct backup backup = { .host = host, .words = words };
	bool marks = words->since || words->begin || is_tracked(words->names[0]);
	int status = STATUS_DONE;

	if (words->since)
		status = disk_number(words->since, "--changed-since", 1, INT64_MAX, &backup.since);
	if (status == STATUS_DONE && !words->since != !words->parent)
		status = command_usage("disk", "backup: --changed-since MARK and --parent, the last copy, go together");
	if (status == STATUS_DONE)
		status = disk_open_live(host, words, marks ? 0 : VMM_IMAGE_READONLY, &backup.source, &backup.live);
	if (status != STATUS_DONE)
		return status;
	backup.length = backup.source.ops ? disk_info_of(&backup.source, 0).length : backup.live.length;
	if (backup.source.ops)
		status = here_mark(&backup, marks);
	if (status == STATUS_DONE) {
		disk_progress_begin(&backup.progress, "backup");
		status = target_make(&backup);
		if (status == STATUS_DONE) {
			status = backup.source.ops ? here_copy(&backup) : live_copy(&backup);
			if (status != STATUS_DONE)
				target_remove(&backup);
		}
		disk_progress_end(&backup.progress);
	}
	if (backup.source.ops)
		backup.source.ops->close(backup.source.self);
	disk_live_close(&backup.live);
	free(backup.data);
	if (status == STATUS_DONE)
		backup_tell(&backup);
	return status;
}
