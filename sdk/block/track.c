/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Which blocks have changed since a mark: IMAGE.cbt beside an image that is tracked.
 *
 * A mark is a number that rises; each block has the one under which it was changed last.  All numbers are
 * little-endian.
 *   0    "VMM CBT1", version 1, bytes of a block, length of the disk, the first mark, the current one,
 *   40   whether somebody writes to the image; 48 the host's boot ID since when
 *   4096 8 bytes a block: its mark; 0 stands for the first
 *
 * A block's mark is written before its data are, and is durable before a flush that covers them completes.  So after a
 * kill all is there.  After a power failure data may have arrived that were never flushed, and whose marks did not:
 * then every block counts as changed, as it does when the file is of no use.  A kill is told from a power failure by
 * the boot ID.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kit.h"

#define MAGIC  "VMM CBT1"
#define BLOCK  BLOCK_TRACKED
#define TABLE  UINT64_C(4096)
#define HEADER 80u
/* What is more was never a mark, but damage; so the next one always has room to rise. */
#define MARK_MOST (UINT64_MAX / 4)

struct track {
	struct vmm_block_file *file;
	pthread_mutex_t mutex; /* of all below */
	uint64_t length, blocks, first, mark;
	uint64_t *table;
	bool dirty;
};

static void boot_id(uint8_t id[32])
{
	char text[64] = "";
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	if (fd >= 0)
		close(fd);
	memset(id, 0, 32);
	for (uint32_t i = 0, at = 0; text[i] != 0 && at < 32; i++) {
		if (text[i] != '-' && text[i] != '\n')
			id[at++] = (uint8_t)text[i];
	}
}

/* Past all that were given out before, of this file and of one that was lost. */
static uint64_t mark_next(uint64_t mark)
{
	uint64_t now = (uint64_t)time(NULL);
	return now > mark ? now : mark + 1;
}

static void track_path(const struct vmm_block_image *image, char path[4200])
{
	snprintf(path, 4200, "%.4090s.cbt", image->path);
}

static int32_t header_write(struct track *track, bool writing)
{
	uint8_t head[HEADER] = MAGIC;
	vmm_block_put_le32(head + 8, 1);
	vmm_block_put_le32(head + 12, (uint32_t)BLOCK);
	vmm_block_put_le64(head + 16, track->length);
	vmm_block_put_le64(head + 24, track->first);
	vmm_block_put_le64(head + 32, track->mark);
	vmm_block_put_le32(head + 40, writing);
	boot_id(head + 48);
	return vmm_block_file_write(track->file, head, sizeof(head), 0);
}

static uint64_t blocks_of(uint64_t length)
{
	return (length + BLOCK - 1) / BLOCK;
}

/* All of it, as it stands in memory. */
static int32_t table_write(struct track *track)
{
	int32_t status = vmm_block_file_truncate(track->file, TABLE);
	if (status == 0)
		status = vmm_block_file_truncate(track->file, TABLE + track->blocks * 8);
	for (uint64_t i = 0; status == 0 && i < track->blocks; i++) {
		uint8_t entry[8];
		if (track->table[i] == 0)
			continue;
		vmm_block_put_le64(entry, track->table[i]);
		status = vmm_block_file_write(track->file, entry, 8, TABLE + i * 8);
	}
	return status;
}

/* *writing: somebody was at it when it was written last; *same_boot: since the host's last start. */
static int32_t header_read(struct track *track, struct vmm_block_file *file, bool *writing, bool *same_boot)
{
	uint8_t head[HEADER], id[32];
	struct vmm_block_file_info info;
	int32_t status = vmm_block_file_read_exact(file, head, sizeof(head), 0);
	if (status == 0)
		status = vmm_block_file_info(file, &info);
	if (status < 0)
		return status;
	track->length = vmm_block_le64(head + 16);
	track->first = vmm_block_le64(head + 24);
	track->mark = vmm_block_le64(head + 32);
	track->blocks = blocks_of(track->length);
	*writing = vmm_block_le32(head + 40) != 0;
	boot_id(id);
	*same_boot = id[0] != 0 && memcmp(head + 48, id, 32) == 0;
	if (memcmp(head, MAGIC, 8) != 0 || vmm_block_le32(head + 8) != 1 || vmm_block_le32(head + 12) != BLOCK ||
		track->length > VMM_BLOCK_LENGTH_MAXIMUM || info.length < TABLE + track->blocks * 8 ||
		track->first > track->mark || track->mark > MARK_MOST)
		return -EINVAL;
	return 0;
}

static int32_t table_read(struct track *track, struct vmm_block_file *file)
{
	track->table = calloc(track->blocks + 1, sizeof(*track->table));
	if (track->table == NULL)
		return -ENOMEM;
	int32_t status = vmm_block_file_read_exact(file, track->table, track->blocks * 8, TABLE);
	for (uint64_t i = 0; i < track->blocks; i++) {
		track->table[i] = vmm_block_le64(&track->table[i]);
		/* A mark that was never given is damage: changed just now, then. */
		if (track->table[i] > track->mark)
			track->table[i] = track->mark;
	}
	return status;
}

/* Every block has changed, for all that is known. */
static int32_t track_forget(struct track *track, uint64_t length)
{
	track->length = length;
	track->blocks = blocks_of(length);
	track->first = track->mark = mark_next(track->mark <= MARK_MOST ? track->mark : 0);
	free(track->table);
	track->table = calloc(track->blocks + 1, sizeof(*track->table));
	return track->table == NULL ? -ENOMEM : table_write(track);
}

/* Another length: what is new, or was cut in two, has changed. */
static int32_t track_length(struct track *track, uint64_t length)
{
	uint64_t blocks = blocks_of(length), from = (length < track->length ? length : track->length) / BLOCK;
	uint64_t *table = realloc(track->table, (blocks + 1) * sizeof(*table));
	if (table == NULL)
		return -ENOMEM;
	track->table = table;
	for (uint64_t i = from; i < blocks; i++)
		table[i] = track->mark;
	track->length = length;
	track->blocks = blocks;
	return table_write(track);
}

static void track_free(struct track *track)
{
	vmm_block_file_close(track->file);
	pthread_mutex_destroy(&track->mutex);
	free(track->table);
	free(track);
}

static int32_t track_load(struct track *track, uint64_t length)
{
	bool writing, same_boot;
	int32_t status = header_read(track, track->file, &writing, &same_boot);
	if (status == 0)
		status = table_read(track, track->file);
	if (status == -ENOMEM)
		return status;
	if (status < 0 || (writing && !same_boot))
		return track_forget(track, length);
	return length != track->length ? track_length(track, length) : 0;
}

static int32_t track_new(struct vmm_block_image *image, const char *path, uint32_t flags, struct track **result)
{
	char holder[64] = "";
	struct track *track = calloc(1, sizeof(*track));
	*result = NULL;
	if (track == NULL)
		return -ENOMEM;
	pthread_mutex_init(&track->mutex, NULL);
	int32_t status = vmm_block_file_open(path, flags, holder, &track->file);
	if (status == 0 && (flags & VMM_BLOCK_FILE_CREATE) != 0)
		status = track_forget(track, image->length);
	else if (status == 0)
		status = track_load(track, image->length);
	if (status == 0)
		status = header_write(track, true);
	if (status == 0)
		status = vmm_block_file_sync(track->file);
	if (status < 0) {
		track_free(track);
		return vmm_block_fail(image->host, status,
			"make room or stop what uses it; or remove it, and the next backup is of everything",
			"cannot keep track of changes in %.3000s: %s%s", path, strerror(-status), holder);
	}
	__atomic_store_n(result, track, __ATOMIC_RELEASE);
	return 0;
}

int32_t track_begin(struct vmm_block_image *image, bool create)
{
	struct node *node = image_node(image);
	char path[4200];
	track_path(image, path);
	if (node->track != NULL)
		return 0;
	bool there = access(path, F_OK) == 0;
	if (!there && !create)
		return 0;
	return track_new(image, path, there ? 0 : VMM_BLOCK_FILE_CREATE, &node->track);
}

bool track_noted(struct vmm_block_image *image, uint64_t offset, uint64_t length)
{
	struct track *track = image_node(image)->track;
	bool noted = true;
	if (track == NULL)
		return true;
	pthread_mutex_lock(&track->mutex);
	for (uint64_t i = offset / BLOCK; noted && i * BLOCK < offset + length && i < track->blocks; i++)
		noted = track->table[i] == track->mark;
	pthread_mutex_unlock(&track->mutex);
	return noted;
}

int32_t track_note(struct vmm_block_image *image, uint64_t offset, uint64_t length)
{
	struct track *track = image_node(image)->track;
	int32_t status = 0;
	if (track == NULL || length == 0)
		return 0;
	pthread_mutex_lock(&track->mutex);
	for (uint64_t i = offset / BLOCK; status == 0 && i * BLOCK < offset + length && i < track->blocks; i++) {
		uint8_t entry[8];
		if (track->table[i] == track->mark)
			continue;
		vmm_block_put_le64(entry, track->mark);
		status = vmm_block_file_write(track->file, entry, 8, TABLE + i * 8);
		if (status == 0)
			track->table[i] = track->mark;
		track->dirty = true;
	}
	pthread_mutex_unlock(&track->mutex);
	return status;
}

int32_t track_sync(struct vmm_block_image *image)
{
	struct track *track = image_node(image)->track;
	if (track == NULL)
		return 0;
	pthread_mutex_lock(&track->mutex);
	bool dirty = track->dirty;
	track->dirty = false;
	pthread_mutex_unlock(&track->mutex);
	int32_t status = dirty ? vmm_block_file_sync(track->file) : 0;
	if (status < 0)
		__atomic_store_n(&track->dirty, true, __ATOMIC_RELAXED);
	return status;
}

int32_t track_resize(struct vmm_block_image *image)
{
	struct track *track = image_node(image)->track;
	if (track == NULL)
		return 0;
	pthread_mutex_lock(&track->mutex);
	int32_t status = track_length(track, image->length);
	if (status == 0)
		status = header_write(track, true);
	track->dirty = true;
	pthread_mutex_unlock(&track->mutex);
	return status;
}

void track_end(struct vmm_block_image *image, bool clean)
{
	struct node *node = image_node(image);
	struct track *track = node->track;
	if (track == NULL)
		return;
	/* First all that it says, then that nobody writes any more. */
	if (clean && vmm_block_file_sync(track->file) == 0 && header_write(track, false) == 0)
		vmm_block_file_sync(track->file);
	track_free(track);
	node->track = NULL;
}

int32_t track_prepare(struct vmm_block_image *image, bool begin)
{
	if ((image->flags & VMM_BLOCK_READONLY) != 0 || image->is_readonly)
		return vmm_block_fail(
			image->host, -EROFS, "mark what is written to", "%.3000s can only be read", image->path);
	image_exclusive(image);
	int32_t status = track_begin(image, begin);
	image_exclusive_end(image);
	if (status < 0)
		return status;
	return image_node(image)->track != NULL
		? 0
		: vmm_block_fail(image->host, -ENOENT, "begin with `vmm disk mark --begin`, or `track-changes = yes`",
			  "nobody keeps track of the changes to %.3000s", image->path);
}

int32_t track_mark(struct vmm_block_image *image, uint64_t *mark)
{
	struct track *track = image_node(image)->track;
	pthread_mutex_lock(&track->mutex);
	uint64_t before = track->mark;
	track->mark = mark_next(before);
	int32_t status = header_write(track, true);
	if (status < 0)
		track->mark = before;
	track->dirty = true;
	*mark = track->mark;
	pthread_mutex_unlock(&track->mutex);
	return status < 0 ? vmm_block_fail(image->host, status, "make room, and try again",
				    "the mark cannot be kept in %.3000s.cbt: %s", image->path, strerror(-status))
			  : 0;
}

static int32_t no_mark(const struct vmm_block_image *image, uint64_t since, uint64_t last)
{
	return vmm_block_fail(image->host, -EINVAL, "use one that `vmm disk mark` has given",
		"%llu is no mark of %.3000s, whose last is %llu", (unsigned long long)since, image->path,
		(unsigned long long)last);
}

static uint64_t mark_at(const struct track *track, uint64_t block)
{
	return track->table[block] != 0 ? track->table[block] : track->first;
}

int32_t track_since(struct vmm_block_image *image, uint64_t since, uint64_t *bits)
{
	struct track *track = image_node(image)->track;
	pthread_mutex_lock(&track->mutex);
	uint64_t last = track->mark;
	for (uint64_t i = 0; since <= last && i < track->blocks; i++) {
		if (mark_at(track, i) >= since)
			bits[i / 64] |= UINT64_C(1) << (i % 64);
	}
	pthread_mutex_unlock(&track->mutex);
	return since > last ? no_mark(image, since, last) : 0;
}

void track_check(const struct vmm_block_image *image, struct vmm_block_report *report)
{
	struct vmm_block_file *file;
	struct track look = { 0 };
	bool writing = false, same_boot = false;
	char path[4200];
	track_path(image, path);
	if (vmm_block_file_open(path, VMM_BLOCK_FILE_READONLY | VMM_BLOCK_FILE_UNLOCKED, NULL, &file) < 0)
		return;
	int32_t status = header_read(&look, file, &writing, &same_boot);
	vmm_block_file_close(file);
	if (status == 0 && (!writing || same_boot))
		return;
	report->found(report, VMM_BLOCK_NOTE, 0, "the next backup is of everything; nothing else need be done",
		status < 0 ? "%.800s is damaged: every block counts as changed"
			   : "%.800s was in use when the host failed: every block counts as changed",
		path);
}

int32_t vmm_block_image_mark(struct vmm_block_image *image, uint32_t begin, uint64_t *mark)
{
	struct node *node = image_node(image);
	/* Nothing that is being written may count as before, and arrive behind it. */
	gate_hold(&node->gate);
	int32_t status = track_prepare(image, begin);
	if (status == 0)
		status = track_mark(image, mark);
	gate_release(&node->gate);
	/* What was changed before counts as before: so it must be there, should the host fail now. */
	if (status == 0)
		status = track_sync(image);
	return status == 0 ? vmm_block_image_flush(image) : status;
}

/* As it is in memory, by somebody who writes. */
static int32_t table_changed(struct vmm_block_image *image, struct track *track, uint64_t since, uint64_t offset,
	uint64_t length, uint64_t *same, uint32_t *changed)
{
	*same = length;
	*changed = 1;
	pthread_mutex_lock(&track->mutex);
	uint64_t last = track->mark;
	for (uint64_t i = offset / BLOCK, first = i; since <= last && i * BLOCK < offset + length; i++) {
		uint32_t is = i >= track->blocks || mark_at(track, i) >= since;
		if (i == first)
			*changed = is;
		if (is != *changed) {
			*same = i * BLOCK - offset;
			break;
		}
	}
	pthread_mutex_unlock(&track->mutex);
	return since > last ? no_mark(image, since, last) : 0;
}

int32_t vmm_block_image_changed(struct vmm_block_image *image, uint64_t since, uint64_t offset, uint64_t length,
	uint64_t *same, uint32_t *changed)
{
	struct vmm_block_file *file;
	struct track look = { 0 };
	bool writing = false, same_boot = false;
	char path[4200];
	track_path(image, path);
	if (offset >= image->length || length == 0)
		return -EINVAL;
	if (length > image->length - offset)
		length = image->length - offset;
	struct track *track = __atomic_load_n(&image_node(image)->track, __ATOMIC_ACQUIRE);
	if (track != NULL)
		return table_changed(image, track, since, offset, length, same, changed);
	int32_t status = vmm_block_file_open(path, VMM_BLOCK_FILE_READONLY | VMM_BLOCK_FILE_UNLOCKED, NULL, &file);
	if (status < 0)
		return vmm_block_fail(image->host, status,
			"begin with `vmm disk mark --begin`, or `track-changes = yes`",
			"nobody keeps track of the changes to %.2000s: %s: %s", image->path, path, strerror(-status));
	status = header_read(&look, file, &writing, &same_boot);
	bool unsure = status < 0 || (writing && !same_boot);
	if (!unsure && since > look.mark) {
		vmm_block_file_close(file);
		return no_mark(image, since, look.mark);
	}
	*same = length;
	*changed = 1;
	status = 0;
	for (uint64_t i = offset / BLOCK, first = i; !unsure && status == 0 && i * BLOCK < offset + length; i++) {
		uint8_t entry[8] = { 0 };
		uint64_t mark = look.mark;
		if (i < look.blocks)
			status = vmm_block_file_read(file, entry, 8, TABLE + i * 8);
		if (i < look.blocks)
			mark = vmm_block_le64(entry) != 0 ? vmm_block_le64(entry) : look.first;
		uint32_t is = mark >= since;
		if (i == first)
			*changed = is;
		if (is != *changed) {
			*same = i * BLOCK - offset;
			break;
		}
	}
	vmm_block_file_close(file);
	return status;
}
