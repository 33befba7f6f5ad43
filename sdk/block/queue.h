/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Inside the block kit: a disk (an image as a machine's drive sees it), and the queue of requests to it.
 */
#ifndef VMM_BLOCK_QUEUE_H
#define VMM_BLOCK_QUEUE_H

#include "kit.h"

#define SEGMENTS_MAXIMUM 1024u
#define REQUEST_MAXIMUM  (UINT64_C(64) << 20)

/* disk.c */
struct disk {
	const struct vmm_host *host;
	struct vmm_block_image *image;
	struct overlay overlay;
	uint64_t length; /* as the guest sees it */
	uint32_t readonly, writethrough, can_discard;
};
/* Opened by the settings of an instance; says why it fails. */
int32_t disk_open(struct disk *disk, const struct vmm_host *host, const struct vmm_block_format *format);
void disk_close(struct disk *disk);
/* May this request be asked of it? */
int32_t disk_check(const struct disk *disk, const struct vmm_storage_request *request);
int32_t disk_transfer(struct disk *disk, const struct vmm_storage_request *request);

/* A request on its way. */
struct job {
	struct job *next, **before; /* in the list of those that wait, or of those that are done */
	struct vmm_storage_request request;
	int32_t status;
};

/* queue.c: the job list and its threads.  `done` is called on a thread when the first job is done after
 * queue_take, and is to have that called soon. */
struct queue;
int32_t queue_new(struct disk *disk, void (*done)(void *self), void *self, struct queue **queue);
/* Nothing may be in flight.  NULL will do. */
void queue_free(struct queue *queue);
/* 0; the job is the queue's until queue_take gives it back. */
int32_t queue_submit(struct queue *queue, struct job *job);
/* Jobs with this token that nobody has begun are done, with -ECANCELED. */
void queue_cancel(struct queue *queue, uint64_t token);
/* The jobs that are done, in that order. */
struct job *queue_take(struct queue *queue);
/* Cancel what nobody has begun, and wait for the rest. */
void queue_settle(struct queue *queue);

#endif
