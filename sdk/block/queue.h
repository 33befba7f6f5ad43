/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Inside the block kit: a disk (an image as a machine's drive sees it), and the queue of requests to it.
 */
#ifndef VMM_BLOCK_QUEUE_H
#define VMM_BLOCK_QUEUE_H

#include <vmm/event.h>
#include <vmm/kit/host.h>
#include <vmm/timer.h>

#include "kit.h"

#define SEGMENTS_MAXIMUM 1024u
#define REQUEST_MAXIMUM  (UINT64_C(64) << 20)
#define BLOCK_REDO       ".redo" /* behind an image's name: its undoable changes */

/* disk.c */
struct disk {
	const struct vmm_host *host;
	struct vmm_block_image *image;
	struct overlay overlay;
	uint64_t length;    /* as the guest sees it */
	uint32_t redo_made; /* for this disk: of no use if nothing is written */
	uint32_t readonly, writethrough, can_discard, independent;
	uint32_t is_cd; /* a drive of the host's, perhaps empty */
};
/* Opened by the settings of an instance; says why it fails. */
int32_t disk_open(struct disk *disk, const struct vmm_host *host, const struct vmm_block_format *format);
void disk_close(struct disk *disk);
/* May this request be asked of it? */
int32_t disk_check(const struct disk *disk, const struct vmm_storage_request *request);
int32_t disk_transfer(struct disk *disk, const struct vmm_storage_request *request);

/* Open it anew: another disc is in the drive. */
int32_t disk_reopen(struct disk *disk);

/* cd.c: what is special about a CD drive of the host's. */
struct cd {
	const struct vmm_host *host;
	const struct vmm_timer_service *timer;
	const struct vmm_task_service *task;
	struct disk *disk;
	void (*changed)(void *self); /* another disc, or none: on the event loop */
	void *changed_self;
	vmm_handle clock; /* 0: it is none */
	uint32_t running, asking;
};
bool cd_is(const struct vmm_block_file *file);
int32_t cd_lock(const struct vmm_block_file *file, uint32_t locked);
int32_t cd_eject(const struct vmm_block_file *file);
int32_t cd_init(struct cd *cd, const struct vmm_host *host, struct disk *disk, void (*changed)(void *self), void *self);
void cd_start(struct cd *cd);
void cd_stop(struct cd *cd);
void cd_destroy(struct cd *cd);

/* place.c: a request whose bytes are all in one place of one file, which stays theirs meanwhile. */
struct place {
	struct vmm_block_file *file; /* NULL: none was found */
	uint64_t offset;
	struct range range, file_range;
	uint8_t ranged, file_ranged, entered;
	int count;
	struct iovec vectors[BLOCK_VECTORS];
};
/* wait: the format may be asked, which may take its time. */
bool place_find(struct disk *disk, const struct vmm_storage_request *request, struct place *place, bool wait);
void place_leave(struct disk *disk, struct place *place);
/* Read or write it if the host can at once; true: all of it is done. */
bool place_try(struct disk *disk, const struct vmm_storage_request *request, struct place *place);
/* Is it one for the ring?  Locks what must be locked for that, until place_leave. */
bool place_direct(struct disk *disk, const struct vmm_storage_request *request, struct place *place);

/* A request on its way. */
struct job {
	struct job *next, **before; /* in the list of those that wait, or of those that are done */
	struct vmm_storage_request request;
	int32_t status;
	uint32_t slow;      /* it was tried: it will take its time */
	struct place place; /* the ring's */
};

/* ring.c: io_uring.  NULL where the kernel or the user (VMM_BLOCK_RING=no) will not have it.  `done` is called on the
 * ring's thread with what was transferred, or a negative errno. */
struct ring;
struct ring *ring_new(void (*done)(void *self, struct job *job, int32_t result), void *self);
/* Nothing may be in flight.  NULL will do. */
void ring_free(struct ring *ring);
/* By its place.  False: no room. */
bool ring_submit(struct ring *ring, struct job *job);

/* queue.c: the job list and its threads.  `done` is called on some thread, within queue_submit too, when the first job
 * is done after queue_take, and is to have that called soon. */
struct queue;
int32_t queue_new(struct disk *disk, void (*done)(void *self), void *self, struct queue **queue);
/* Nothing may be in flight.  NULL will do. */
void queue_free(struct queue *queue);
/* 0; queue_take then gives it back as a job, which is the caller's to free.  -ENOMEM */
int32_t queue_submit(struct queue *queue, const struct vmm_storage_request *request);
/* Jobs with this token that nobody has begun are done, with -ECANCELED. */
void queue_cancel(struct queue *queue, uint64_t token);
/* The jobs that are done, in that order. */
struct job *queue_take(struct queue *queue);
/* Cancel what nobody has begun, if that is wanted, and wait for the rest. */
void queue_settle(struct queue *queue, bool cancel);

#endif
