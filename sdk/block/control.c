/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Methods of a drive's instance on the machine's control socket (docs/control.md): which image it has, marks, what was
 * changed since one, and backups while the machine runs.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control.h"

#define PIECE 64u /* room that one takes in an answer, at most */

static int32_t control_image(void *self, uint64_t token, const char *params, char *reply, uint32_t size)
{
	const struct disk_control *control = self;
	const struct vmm_block_image *image = control->disk->image;
	(void)token;
	(void)params;
	snprintf(reply, size,
		"{\"device\": %llu, \"inode\": %llu, \"length\": %llu, \"writable\": %s, \"tracked\": %s}",
		(unsigned long long)image->file->device, (unsigned long long)image->file->inode,
		(unsigned long long)image->length,
		control->disk->readonly || control->disk->overlay.file != NULL ? "false" : "true",
		image_node(image)->track != NULL ? "true" : "false");
	return 0;
}

/* What the guest writes must go to the image. */
static int32_t written_check(const struct disk_control *control)
{
	if (control->disk->overlay.file == NULL && !control->disk->readonly)
		return 0;
	return vmm_block_fail(control->host, -EROFS, "copy it with `vmm disk convert`",
		"nothing that the guest does changes %.400s", control->disk->image->path);
}

static int32_t control_mark(void *self, uint64_t token, const char *params, char *reply, uint32_t size)
{
	const struct disk_control *control = self;
	struct vmm_block_image *image = control->disk->image;
	uint64_t mark = 0;
	(void)token;
	int32_t status = written_check(control);
	if (status < 0)
		return status;
	/* No flush, which may take long: should the host fail, everything counts as changed. */
	gate_hold(&image_node(image)->gate);
	status = track_prepare(image, params_true(params, "begin"));
	if (status == 0)
		status = track_mark(image, &mark);
	gate_release(&image_node(image)->gate);
	if (status == 0)
		status = track_sync(image);
	if (status == 0)
		snprintf(reply, size, "{\"mark\": %llu}", (unsigned long long)mark);
	return status;
}

/* As many as there is room for: `next` says where to go on. */
static int32_t control_changes(void *self, uint64_t token, const char *params, char *reply, uint32_t size)
{
	const struct disk_control *control = self;
	struct vmm_block_image *image = control->disk->image;
	uint64_t since = 0, offset = 0, same = 0;
	uint32_t used, changed = 0;
	int32_t status = 0;
	(void)token;
	params_number(params, "offset", &offset);
	if (size < 4 * PIECE || !params_number(params, "since", &since))
		return vmm_block_fail(control->host, -EINVAL, "say {\"since\": MARK}", "no mark was given");
	/* With the table in memory it is quick. */
	status = written_check(control);
	if (status == 0)
		status = track_prepare(image, false);
	used = (uint32_t)snprintf(reply, size, "{\"pieces\": [");
	for (const char *comma = ""; status == 0 && offset < image->length && used < size - 2 * PIECE; offset += same) {
		status = vmm_block_image_changed(image, since, offset, image->length - offset, &same, &changed);
		if (status < 0 || !changed)
			continue;
		used += (uint32_t)snprintf(reply + used, size - used, "%s[%llu, %llu]", comma,
			(unsigned long long)offset, (unsigned long long)same);
		comma = ", ";
	}
	if (status < 0)
		reply[0] = 0;
	else if (offset < image->length)
		snprintf(reply + used, size - used, "], \"next\": %llu}", (unsigned long long)offset);
	else
		snprintf(reply + used, size - used, "]}");
	return status;
}

/* Backups. */

static int32_t backup_begin(struct disk_control *control, const char *params, char *reply, uint32_t size)
{
	const struct vmm_image_service *service = control->host->get_service(control->host->context, VMM_SERVICE_IMAGE);
	struct vmm_block_image *image = control->disk->image;
	struct vmm_image target = { .struct_size = sizeof(target) };
	struct vmm_image_info info = { .struct_size = sizeof(info) };
	uint64_t since = 0, done, total;
	char path[4096], format[16] = "";
	int32_t status = written_check(control);
	if (status < 0)
		return status;
	if (!params_text(params, "target", path, sizeof(path)) || path[0] != '/')
		return vmm_block_fail(control->host, -EINVAL, "say {\"target\": \"/FILE\"}",
			"an image to copy to must be named by its absolute path");
	params_text(params, "format", format, sizeof(format));
	params_number(params, "since", &since);
	if (control->backup != NULL && !backup_look(control->backup, &done, &total, &status))
		return vmm_block_fail(control->host, -EBUSY, "wait for its end, or cancel it",
			"a backup of %.400s is under way", image->path);
	backup_end(control->backup);
	control->backup = NULL;
	if (!VMM_HAS(service, open))
		return -ENOTSUP;
	status = service->open(control->host->context, format[0] != 0 ? format : NULL, path, 0, &target);
	if (status < 0)
		return status;
	status = target.ops->info(target.self, 0, &info);
	if (status == 0 && info.length < image->length)
		status = vmm_block_fail(
			control->host, -ENOSPC, "make it as long", "%.300s is shorter than %.300s", path, image->path);
	if (status == 0)
		status = backup_start(
			image, &target, params_true(params, "begin"), since, &control->backup, &control->mark);
	if (status < 0) {
		target.ops->close(target.self);
		return status;
	}
	snprintf(reply, size, "{\"mark\": %llu}", (unsigned long long)control->mark);
	return 0;
}

static int32_t control_backup(void *self, uint64_t token, const char *params, char *reply, uint32_t size)
{
	struct disk_control *control = self;
	char what[16] = "";
	uint64_t done = 0, total = 0;
	int32_t failed = 0;
	(void)token;
	params_text(params, "do", what, sizeof(what));
	if (strcmp(what, "start") == 0)
		return backup_begin(control, params, reply, size);
	if ((strcmp(what, "read") != 0 && strcmp(what, "cancel") != 0) || control->backup == NULL)
		return vmm_block_fail(control->host, -EINVAL, "\"do\" is start, and then read or cancel",
			"there is no backup of %.400s to %.16s", control->disk->image->path,
			what[0] != 0 ? what : "start");
	bool ended = backup_look(control->backup, &done, &total, &failed);
	if (strcmp(what, "cancel") == 0) {
		backup_end(control->backup);
		control->backup = NULL;
	}
	snprintf(reply, size, "{\"done\": %llu, \"of\": %llu, \"ended\": %s, \"mark\": %llu, \"error\": %s%s%s}",
		(unsigned long long)done, (unsigned long long)total, ended ? "true" : "false",
		(unsigned long long)control->mark, failed < 0 ? "\"" : "", failed < 0 ? strerror(-failed) : "null",
		failed < 0 ? "\"" : "");
	return 0;
}

void disk_control_init(struct disk_control *control, const struct vmm_host *host, struct disk *disk)
{
	const struct vmm_control_service *service = host->get_service(host->context, VMM_SERVICE_CONTROL);
	static const struct {
		const char *name;
		int32_t (*handler)(void *self, uint64_t token, const char *params, char *reply, uint32_t size);
	} methods[] = { { "image", control_image }, { "mark", control_mark }, { "changes", control_changes },
		{ "backup", control_backup } };
	control->host = host;
	control->disk = disk;
	/* A machine does without, where it has no socket. */
	for (uint32_t i = 0; VMM_HAS(service, add) && i < VMM_KIT_COUNT(methods); i++)
		service->add(host->context, methods[i].name, methods[i].handler, control, 0);
}

void disk_control_end(struct disk_control *control)
{
	backup_end(control->backup);
	control->backup = NULL;
}
