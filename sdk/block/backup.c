/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Copying an image as it is at one instant, or what has changed in it since a mark, while it is written to.
 *
 * At that instant the gate is held, and it is settled which blocks are wanted.  After that a thread copies them, and
 * who is about to write to one that is still wanted copies it first.  A target that fails ends the backup, never a
 * write.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

#define BLOCK BLOCK_TRACKED
#define RUN   16u /* blocks that are copied at a time */

struct backup {
	struct vmm_block_image *image;
	struct vmm_image target;
	uint64_t blocks;
	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t changed;
	uint64_t *wanted, *busy; /* a bit a block; busy ones are being copied, and still wanted */
	uint64_t next;           /* there is none that is wanted before it */
	uint64_t total, done;    /* blocks */
	int32_t status;
	bool stopping, ended;
	pthread_t thread;
};

static bool bit(const uint64_t *bits, uint64_t index)
{
	return (bits[index / 64] >> (index % 64) & 1) != 0;
}

static void bits_set(uint64_t *bits, uint64_t first, uint64_t count, bool value)
{
	for (uint64_t i = first; i < first + count; i++) {
		uint64_t mask = UINT64_C(1) << (i % 64);
		bits[i / 64] = value ? bits[i / 64] | mask : bits[i / 64] & ~mask;
	}
}

/* How many from `first` on are wanted and nobody's yet. */
static uint64_t run_free(const struct backup *backup, uint64_t first, uint64_t end)
{
	uint64_t count = 0;
	while (count < RUN && first + count < end && bit(backup->wanted, first + count) &&
		!bit(backup->busy, first + count))
		count++;
	return count;
}

/* Zeros need not be written where the target has some. */
static int32_t target_zero(const struct vmm_image *target, uint64_t length, uint64_t offset)
{
	while (length > 0) {
		struct vmm_image_piece piece = { .struct_size = sizeof(piece) };
		int32_t status = target->ops->map(target->self, offset, length, &piece);
		if (status == 0 && piece.kind != VMM_IMAGE_ZERO && !piece.is_hole)
			status = target->ops->zero(target->self, piece.length, offset, 0);
		if (status < 0)
			return status;
		offset += piece.length;
		length -= piece.length;
	}
	return 0;
}

static int32_t run_copy(const struct backup *backup, uint64_t first, uint64_t count, uint8_t *data)
{
	const struct vmm_image *target = &backup->target;
	uint64_t end = (first + count) * BLOCK;
	int32_t status = 0;
	if (end > backup->image->length)
		end = backup->image->length;
	status = vmm_block_image_read(backup->image, data, end - first * BLOCK, first * BLOCK);
	for (uint64_t offset = first * BLOCK, part; offset < end && status == 0; offset += part, data += part) {
		part = end - offset < BLOCK ? end - offset : BLOCK;
		status = vmm_block_is_zero(data, part) ? target_zero(target, part, offset)
						       : target->ops->write(target->self, data, part, offset);
	}
	return status;
}

/* With the mutex.  Copy some that nobody has begun to. */
static void run_take(struct backup *backup, uint64_t first, uint64_t count)
{
	bits_set(backup->busy, first, count, true);
	pthread_mutex_unlock(&backup->mutex);
	uint8_t *data = malloc(count * BLOCK);
	int32_t status = data != NULL ? run_copy(backup, first, count, data) : -ENOMEM;
	free(data);
	pthread_mutex_lock(&backup->mutex);
	bits_set(backup->busy, first, count, false);
	bits_set(backup->wanted, first, count, false);
	backup->done += count;
	if (status < 0 && backup->status == 0)
		backup->status = status;
	pthread_cond_broadcast(&backup->changed);
}

void backup_before(struct vmm_block_image *image, uint64_t offset, uint64_t length)
{
	struct backup *backup = image_node(image)->backup;
	if (backup == NULL || length == 0)
		return;
	uint64_t end = (offset + length + BLOCK - 1) / BLOCK;
	pthread_mutex_lock(&backup->mutex);
	for (uint64_t i = offset / BLOCK; i < end && i < backup->blocks && backup->status == 0;) {
		uint64_t count = run_free(backup, i, end < backup->blocks ? end : backup->blocks);
		if (count > 0)
			run_take(backup, i, count);
		else if (bit(backup->busy, i))
			pthread_cond_wait(&backup->changed, &backup->mutex);
		else
			i++;
	}
	pthread_mutex_unlock(&backup->mutex);
}

bool backup_wants(struct vmm_block_image *image, uint64_t offset, uint64_t length)
{
	struct backup *backup = image_node(image)->backup;
	bool wants = false;
	if (backup == NULL)
		return false;
	pthread_mutex_lock(&backup->mutex);
	for (uint64_t i = offset / BLOCK; !wants && i * BLOCK < offset + length && i < backup->blocks; i++)
		wants = bit(backup->wanted, i);
	pthread_mutex_unlock(&backup->mutex);
	return wants;
}

static void *backup_thread(void *self)
{
	struct backup *backup = self;
	struct node *node = image_node(backup->image);
	pthread_mutex_lock(&backup->mutex);
	while (backup->next < backup->blocks && backup->status == 0) {
		uint64_t count = run_free(backup, backup->next, backup->blocks);
		if (backup->stopping)
			backup->status = -ECANCELED;
		else if (count > 0)
			run_take(backup, backup->next, count);
		else if (bit(backup->busy, backup->next))
			pthread_cond_wait(&backup->changed, &backup->mutex);
		else if (backup->wanted[backup->next / 64] == 0)
			backup->next = (backup->next / 64 + 1) * 64;
		else
			backup->next++;
	}
	pthread_mutex_unlock(&backup->mutex);
	/* No writer has it in his hands any more. */
	gate_hold(&node->gate);
	node->backup = NULL;
	gate_release(&node->gate);
	int32_t status = backup->target.ops->flush(backup->target.self);
	backup->target.ops->close(backup->target.self);
	pthread_mutex_lock(&backup->mutex);
	if (status < 0 && backup->status == 0)
		backup->status = status;
	backup->ended = true;
	pthread_mutex_unlock(&backup->mutex);
	return NULL;
}

static int32_t thread_start(struct backup *backup)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&backup->thread, NULL, backup_thread, backup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

static void backup_free(struct backup *backup)
{
	if (backup == NULL)
		return;
	free(backup->wanted);
	free(backup->busy);
	pthread_cond_destroy(&backup->changed);
	pthread_mutex_destroy(&backup->mutex);
	free(backup);
}

static struct backup *backup_new(struct vmm_block_image *image, const struct vmm_image *target)
{
	struct backup *backup = calloc(1, sizeof(*backup));
	if (backup == NULL)
		return NULL;
	pthread_mutex_init(&backup->mutex, NULL);
	pthread_cond_init(&backup->changed, NULL);
	backup->image = image;
	backup->target = *target;
	backup->blocks = (image->length + BLOCK - 1) / BLOCK;
	backup->wanted = calloc(backup->blocks / 64 + 1, sizeof(*backup->wanted));
	backup->busy = calloc(backup->blocks / 64 + 1, sizeof(*backup->busy));
	if (backup->wanted == NULL || backup->busy == NULL) {
		backup_free(backup);
		return NULL;
	}
	return backup;
}

/* With the gate held: which blocks, and the mark that comes behind them. */
static int32_t instant(struct backup *backup, uint32_t begin, uint64_t since, uint64_t *mark)
{
	struct vmm_block_image *image = backup->image;
	int32_t status = track_prepare(image, begin);
	/* Of all of it one can do without a mark. */
	if (status == -ENOENT && since == 0) {
		*mark = 0;
		status = 0;
		bits_set(backup->wanted, 0, backup->blocks, true);
	} else if (status == 0) {
		status = track_since(image, since, backup->wanted);
		if (status == 0)
			status = track_mark(image, mark);
	}
	for (uint64_t i = 0; i < backup->blocks; i++)
		backup->total += bit(backup->wanted, i);
	return status;
}

int32_t backup_start(struct vmm_block_image *image, const struct vmm_image *target, uint32_t begin, uint64_t since,
	struct backup **result, uint64_t *mark)
{
	struct node *node = image_node(image);
	struct backup *backup = backup_new(image, target);
	if (backup == NULL)
		return -ENOMEM;
	gate_hold(&node->gate);
	int32_t status = node->backup != NULL ? -EBUSY : instant(backup, begin, since, mark);
	if (status == 0)
		node->backup = backup;
	gate_release(&node->gate);
	if (status == 0)
		status = track_sync(image);
	if (status == 0)
		status = thread_start(backup);
	if (status == 0) {
		*result = backup;
		return 0;
	}
	gate_hold(&node->gate);
	if (node->backup == backup)
		node->backup = NULL;
	gate_release(&node->gate);
	backup_free(backup);
	return status;
}

bool backup_look(struct backup *backup, uint64_t *done, uint64_t *total, int32_t *status)
{
	pthread_mutex_lock(&backup->mutex);
	bool ended = backup->ended;
	*done = backup->done * BLOCK;
	*total = backup->total * BLOCK;
	*status = backup->status;
	pthread_mutex_unlock(&backup->mutex);
	return ended;
}

void backup_end(struct backup *backup)
{
	if (backup == NULL)
		return;
	pthread_mutex_lock(&backup->mutex);
	backup->stopping = true;
	pthread_cond_broadcast(&backup->changed);
	pthread_mutex_unlock(&backup->mutex);
	pthread_join(backup->thread, NULL);
	backup_free(backup);
}
