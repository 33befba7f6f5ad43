/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* vmm disk mark | map --changed-since */
#include <errno.h>
#include <stdio.h>

#include "vmm/command/disk.h"

int disk_mark(struct disk_host *host, const struct disk_words *words)
{
	struct disk_live live;
	struct vmm_image image;
	json_t *result = NULL;
	uint64_t mark = 0;
	int32_t failed = -EOPNOTSUPP;
	int status = disk_open_live(host, words, 0, &image, &live);

	if (status != STATUS_DONE)
		return status;
	host->cause[0] = 0;
	if (!image.ops) {
		status = disk_live_call(&live, "mark", json_pack("{s:b}", "begin", words->begin), &result);
		mark = (uint64_t)json_integer_value(json_object_get(result, "mark"));
		json_decref(result);
		disk_live_close(&live);
	} else {
		if (VMM_HAS(image.ops, mark))
			failed = image.ops->mark(image.self, words->begin, &mark);
		image.ops->close(image.self);
		if (failed)
			return disk_failed(host, failed, "marking", words->names[0]);
	}
	if (status != STATUS_DONE)
		return status;
	if (words->json)
		command_json(json_pack("{s:s, s:I}", "file", words->names[0], "mark", (json_int_t)mark));
	else
		printf("%llu\n", (unsigned long long)mark);
	return STATUS_DONE;
}

static void change_tell(json_t *list, uint64_t offset, uint64_t length)
{
	if (list)
		json_array_append_new(list,
			json_pack("{s:I, s:I, s:s}", "offset", (json_int_t)offset, "length", (json_int_t)length, "kind",
				"changed"));
	else
		printf("%14llu %14llu  changed\n", (unsigned long long)offset, (unsigned long long)length);
}

/* As the machine says, some at a time. */
static int changes_live(const struct disk_live *live, uint64_t since, json_t *list)
{
	json_t *result, *piece, *next = NULL;
	size_t index;
	json_int_t offset = 0;
	int status;

	do {
		status = disk_live_call(live, "changes",
			json_pack("{s:I, s:I}", "since", (json_int_t)since, "offset", offset), &result);
		json_array_foreach(json_object_get(result, "pieces"), index, piece)
			change_tell(list, (uint64_t)json_integer_value(json_array_get(piece, 0)),
				(uint64_t)json_integer_value(json_array_get(piece, 1)));
		next = json_object_get(result, "next");
		offset = json_integer_value(next);
		json_decref(result);
	} while (status == STATUS_DONE && next && offset > 0);
	return status;
}

static int changes_here(struct disk_host *host, const struct disk_words *words, const struct vmm_image *image,
	uint64_t since, json_t *list)
{
	uint64_t length = disk_info_of(image, 0).length, same = 0;
	int32_t failed = 0;
	uint32_t changed = 0;

	if (!VMM_HAS(image->ops, changed))
		return command_failed("changes to %s are not tracked", words->names[0]);
	host->cause[0] = 0;
	for (uint64_t offset = 0; offset < length && !failed; offset += same) {
		failed = image->ops->changed(image->self, since, offset, length - offset, &same, &changed);
		if (!failed && changed)
			change_tell(list, offset, same);
	}
	return failed ? disk_failed(host, failed, "mapping", words->names[0]) : STATUS_DONE;
}

/* What was changed since a mark, whatever is there now. */
int disk_changes(struct disk_host *host, const struct disk_words *words)
{
	struct disk_live live;
	struct vmm_image image;
	json_t *list;
	uint64_t since;
	int status = disk_number(words->since, "--changed-since", 0, INT64_MAX, &since);

	if (status == STATUS_DONE)
		status = disk_open_live(host, words, VMM_IMAGE_READONLY | VMM_IMAGE_UNLOCKED, &image, &live);
	if (status != STATUS_DONE)
		return status;
	list = words->json ? json_array() : NULL;
	if (image.ops) {
		status = changes_here(host, words, &image, since, list);
		image.ops->close(image.self);
	} else {
		status = changes_live(&live, since, list);
		disk_live_close(&live);
	}
	if (list && status == STATUS_DONE)
		command_json(json_pack("{s:O}", "pieces", list));
	json_decref(list);
	return status;
}
