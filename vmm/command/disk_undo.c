/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm disk commit | discard: changes that are kept in an image of their own, a child or what `mode = undoable` has
 * left in FILE.redo.
 *
 * The child goes when its parent has all of it on the disk: if that is cut short anywhere it can be done again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command/disk.h"

#define CHUNK (UINT64_C(1) << 20)

struct commit {
	struct vmm_image child, parent;
	uint64_t length, copied;
	uint8_t *data;
	struct disk_progress progress;
};

static int32_t piece_commit(struct commit *commit, const struct vmm_image_piece *piece, uint64_t offset)
{
	int32_t status;

	if (disk_absent(piece))
		return 0;
	commit->copied += piece->length;
	if (piece->kind == VMM_IMAGE_ZERO || piece->is_hole)
		return commit->parent.ops->zero(commit->parent.self, piece->length, offset, 1);
	status = commit->child.ops->read(commit->child.self, commit->data, piece->length, offset);
	return status ? status : commit->parent.ops->write(commit->parent.self, commit->data, piece->length, offset);
}

static int32_t commit_all(struct commit *commit)
{
	for (uint64_t offset = 0; offset < commit->length;) {
		struct vmm_image_piece piece = { .struct_size = sizeof(piece) };
		uint64_t part = commit->length - offset < CHUNK ? commit->length - offset : CHUNK;
		int32_t status;

		if (disk_progress(&commit->progress, offset, commit->length))
			return -ECANCELED;
		status = commit->child.ops->map(commit->child.self, offset, part, &piece);
		if (!status)
			status = piece_commit(commit, &piece, offset);
		if (status)
			return status;
		offset += piece.length;
	}
	return commit->parent.ops->flush(commit->parent.self);
}

static int commit_run(struct disk_host *host, struct commit *commit, const char *child, const char *format)
{
	struct vmm_image_info info;
	uint64_t room;
	int32_t failed = 0;
	int status = disk_open(host, child, format, VMM_IMAGE_READONLY | VMM_IMAGE_LONELY, &commit->child);

	if (status != STATUS_DONE)
		return status;
	info = disk_info_of(&commit->child, 0);
	commit->length = info.length;
	if (!info.parent[0] || !info.parent_path)
		return command_failed("%s has no parent, to which its contents could go", child);
	commit->data = malloc(CHUNK);
	if (!commit->data)
		return command_failed("out of memory");
	status = disk_open(
		host, info.parent_path, info.parent_format[0] ? info.parent_format : NULL, 0, &commit->parent);
	if (status != STATUS_DONE)
		return status;
	host->cause[0] = 0;
	room = disk_info_of(&commit->parent, 0).length;
	if (room < commit->length)
		failed = commit->parent.ops->resize(commit->parent.self, commit->length);
	disk_progress_begin(&commit->progress, "committing");
	if (!failed)
		failed = commit_all(commit);
	disk_progress_end(&commit->progress);
	return failed ? disk_failed(host, failed, "committing", child) : STATUS_DONE;
}

/* The files that the child consists of. */
static void child_file(void *self, const char *role, const char *path)
{
	(void)role;
	json_array_append_new(self, json_string(path));
}

static void ignore_text(void *self, const char *name, const char *value)
{
	(void)self;
	(void)name;
	(void)value;
}

static void ignore_number(void *self, const char *name, uint64_t value)
{
	(void)self;
	(void)name;
	(void)value;
}

json_t *disk_files(const struct vmm_image *image, const char *path)
{
	json_t *files = json_array(), *file;
	const struct vmm_image_facts facts = { sizeof(facts), 0, files, ignore_text, ignore_number, child_file };
	size_t index;

	image->ops->facts(image->self, 0, &facts);
	for (index = json_array_size(files); index-- > 0;) {
		file = json_array_get(files, index);
		if (!strcmp(json_string_value(file), path))
			json_array_remove(files, index);
	}
	return files;
}

int disk_files_remove(json_t *files, const char *path)
{
	json_t *file;
	size_t index;

	json_array_foreach(files, index, file) if (unlink(json_string_value(file)) &&
		errno != ENOENT) return command_failed("%s cannot be removed: %s", json_string_value(file),
		strerror(errno));
	/* Last, so that what is left is an image. */
	return unlink(path) ? command_failed("%s cannot be removed: %s", path, strerror(errno)) : STATUS_DONE;
}

static char *redo_path(const char *path)
{
	char *redo;

	return asprintf(&redo, "%s.redo", path) < 0 ? NULL : redo;
}

int disk_commit(struct disk_host *host, const struct disk_words *words)
{
	struct commit commit = { 0 };
	json_t *files = NULL;
	char *redo = redo_path(words->names[0]);
	bool is_redo = redo && !access(redo, F_OK);
	const char *child = is_redo ? redo : words->names[0];
	int status = commit_run(host, &commit, child, is_redo ? NULL : words->source_format);

	if (commit.child.ops && status == STATUS_DONE)
		files = disk_files(&commit.child, child);
	if (commit.parent.ops)
		commit.parent.ops->close(commit.parent.self);
	/* Its lock is ours until its name is gone. */
	if (status == STATUS_DONE)
		status = disk_files_remove(files, child);
	if (commit.child.ops)
		commit.child.ops->close(commit.child.self);
	if (status == STATUS_DONE && words->json)
		command_json(json_pack("{s:s, s:I}", "file", child, "committed", (json_int_t)commit.copied));
	free(commit.data);
	free(redo);
	json_decref(files);
	return status;
}

int disk_discard(struct disk_host *host, const struct disk_words *words)
{
	struct vmm_image image = { .struct_size = sizeof(image) };
	char *redo = redo_path(words->names[0]);
	int status = STATUS_DONE;
	int32_t failed;

	if (!redo)
		return command_failed("out of memory");
	if (access(redo, F_OK)) {
		status = command_failed("there are no undoable changes to %s", words->names[0]);
		free(redo);
		return status;
	}
	/* Not while a machine is at it. */
	failed = image_open_for(host->registry, &host->host, "delta", redo, VMM_IMAGE_LONELY, &image);
	if (failed == -EBUSY)
		status = disk_failed(host, failed, "opening", redo);
	else if (unlink(redo))
		status = command_failed("%s cannot be removed: %s", redo, strerror(errno));
	if (!failed)
		image.ops->close(image.self);
	free(redo);
	return status;
}
