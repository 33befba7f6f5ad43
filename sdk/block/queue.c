/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Requests in flight.
 *
 * What the host has in its memory is read at once, by the thread that submits it.  Everything else waits for a thread
 * of the queue, which are made as they are needed: it does what is quick, gives to the ring what is one transfer that
 * has to wait for the disk, and does the rest itself.  To wake a thread costs more than a small transfer, so a second
 * one is woken only if the first is slow or cannot keep up.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "queue.h"

#define THREADS 8u
#define INLINE  65536u  /* bytes that are copied by who submits */
#define BACKLOG 4u      /* jobs that wait for each thread that is at work before another is woken */
#define QUICK   131072u /* bytes that a write copies in no time */

struct queue {
	struct disk *disk;
	struct ring *ring;
	void (*done_call)(void *self);
	void *done_self;
	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t wake, settled;
	struct job *waiting, **waiting_last;
	struct job *done, **done_last;
	pthread_t threads[THREADS];
	uint32_t thread_count, idle, woken, waiting_count, ending;
	uint32_t running; /* jobs that were begun and are not done, those of the ring among them */
	uint32_t working; /* threads at work on what is quick, or about to be */
};

static void list_append(struct job ***last, struct job *job)
{
	job->next = NULL;
	job->before = *last;
	**last = job;
	*last = &job->next;
}

static void list_remove(struct job ***last, struct job *job)
{
	*job->before = job->next;
	if (job->next != NULL)
		job->next->before = job->before;
	else
		*last = job->before;
}

static void waiting_add(struct queue *queue, struct job *job)
{
	list_append(&queue->waiting_last, job);
	queue->waiting_count++;
}

static void waiting_remove(struct queue *queue, struct job *job)
{
	list_remove(&queue->waiting_last, job);
	queue->waiting_count--;
}

/* True: nobody knows yet that there is something to take. */
static bool job_done(struct queue *queue, struct job *job, int32_t status)
{
	bool first = queue->done == NULL;
	job->status = status;
	list_append(&queue->done_last, job);
	return first;
}

static void *queue_thread(void *self);

/* One more, with no signals: those are the program's. */
static int32_t thread_add(struct queue *queue)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&queue->threads[queue->thread_count], NULL, queue_thread, queue);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0) {
		queue->thread_count++;
		queue->working++;
	}
	return -error;
}

/* Told without the lock, but while the job still counts, so that nobody takes the queue away meanwhile. */
static void job_finish(struct queue *queue, struct job *job, int32_t status)
{
	if (job_done(queue, job, status)) {
		pthread_mutex_unlock(&queue->mutex);
		queue->done_call(queue->done_self);
		pthread_mutex_lock(&queue->mutex);
	}
	queue->running--;
	if (queue->running == 0)
		pthread_cond_broadcast(&queue->settled);
}

static bool more_threads_wanted(const struct queue *queue)
{
	return queue->waiting_count > queue->working * BACKLOG || (queue->waiting_count > 0 && queue->working == 0);
}

static void thread_wake(struct queue *queue)
{
	if (queue->idle > 0) {
		queue->idle--;
		queue->woken++;
		queue->working++;
		pthread_cond_signal(&queue->wake);
	} else if (queue->thread_count < THREADS)
		thread_add(queue);
}

/* Will it be over soon? */
static bool is_quick(const struct queue *queue, const struct job *job)
{
	if (job->slow || queue->disk->writethrough || (job->request.flags & VMM_STORAGE_FUA) != 0)
		return false;
	return job->request.operation == VMM_STORAGE_WRITE && job->request.length <= QUICK &&
		queue->disk->image->file->alignment == 1;
}

/* True: the ring has it. */
static bool job_ring(struct queue *queue, struct job *job)
{
	struct place *place = &job->place;
	if (queue->ring == NULL || job->slow || !place_find(queue->disk, &job->request, place, true))
		return false;
	if (place_direct(queue->disk, &job->request, place) && ring_submit(queue->ring, job))
		return true;
	place_leave(queue->disk, place);
	return false;
}

/* With the lock, and the job taken from the list.  True: it is done, *status says how. */
static bool job_run(struct queue *queue, struct job *job, int32_t *status)
{
	struct disk *disk = queue->disk;
	bool quick = is_quick(queue, job), done = true;
	if (!quick) {
		queue->working--;
		if (more_threads_wanted(queue))
			thread_wake(queue);
	}
	pthread_mutex_unlock(&queue->mutex);
	if (!job->slow && job->request.operation == VMM_STORAGE_READ &&
		place_find(disk, &job->request, &job->place, true)) {
		*status = 0;
		done = place_try(disk, &job->request, &job->place);
		place_leave(disk, &job->place);
		if (!done && !job_ring(queue, job)) {
			*status = disk_transfer(disk, &job->request);
			done = true;
		}
	} else if (!quick && job_ring(queue, job)) {
		done = false;
	} else {
		*status = disk_transfer(disk, &job->request);
	}
	pthread_mutex_lock(&queue->mutex);
	if (!quick)
		queue->working++;
	return done;
}

static void *queue_thread(void *self)
{
	struct queue *queue = self;
	pthread_mutex_lock(&queue->mutex);
	for (;;) {
		struct job *job = queue->waiting;
		int32_t status;
		if (job == NULL) {
			queue->idle++;
			queue->working--;
			while (queue->woken == 0 && !queue->ending)
				pthread_cond_wait(&queue->wake, &queue->mutex);
			if (queue->woken == 0)
				break;
			queue->woken--;
			continue;
		}
		waiting_remove(queue, job);
		queue->running++;
		if (job_run(queue, job, &status))
			job_finish(queue, job, status);
	}
	pthread_mutex_unlock(&queue->mutex);
	return NULL;
}

/* On the ring's thread. */
static void ring_done(void *self, struct job *job, int32_t result)
{
	struct queue *queue = self;
	bool whole = result >= 0 && (uint64_t)result == job->request.length;
	if (whole && job->request.operation == VMM_STORAGE_WRITE)
		__atomic_fetch_add(&image_node(queue->disk->image)->changes, 1, __ATOMIC_RELEASE);
	place_leave(queue->disk, &job->place);
	pthread_mutex_lock(&queue->mutex);
	if (whole || result == -EIO || result == -ENOSPC) {
		job_finish(queue, job, whole ? 0 : result);
	} else {
		/* The end of the file, or something that the kernel will not do this way. */
		job->slow = 1;
		queue->running--;
		waiting_add(queue, job);
		pthread_cond_broadcast(&queue->settled);
		if (more_threads_wanted(queue))
			thread_wake(queue);
	}
	pthread_mutex_unlock(&queue->mutex);
}

int32_t queue_new(struct disk *disk, void (*done)(void *self), void *self, struct queue **result)
{
	struct queue *queue = calloc(1, sizeof(*queue));
	if (queue == NULL)
		return -ENOMEM;
	queue->disk = disk;
	queue->done_call = done;
	queue->done_self = self;
	queue->waiting_last = &queue->waiting;
	queue->done_last = &queue->done;
	pthread_mutex_init(&queue->mutex, NULL);
	pthread_cond_init(&queue->wake, NULL);
	pthread_cond_init(&queue->settled, NULL);
	queue->ring = ring_new(ring_done, queue);
	*result = queue;
	return 0;
}

void queue_free(struct queue *queue)
{
	if (queue == NULL)
		return;
	pthread_mutex_lock(&queue->mutex);
	queue->ending = 1;
	pthread_cond_broadcast(&queue->wake);
	pthread_mutex_unlock(&queue->mutex);
	for (uint32_t i = 0; i < queue->thread_count; i++)
		pthread_join(queue->threads[i], NULL);
	ring_free(queue->ring);
	pthread_cond_destroy(&queue->settled);
	pthread_cond_destroy(&queue->wake);
	pthread_mutex_destroy(&queue->mutex);
	free(queue);
}

/* Is it read at once? */
static bool job_inline(struct queue *queue, struct job *job)
{
	if (job->request.operation != VMM_STORAGE_READ || job->request.length > INLINE ||
		!place_find(queue->disk, &job->request, &job->place, false))
		return false;
	bool done = place_try(queue->disk, &job->request, &job->place);
	place_leave(queue->disk, &job->place);
	return done;
}

int32_t queue_submit(struct queue *queue, const struct vmm_storage_request *request)
{
	struct job *job = calloc(1, sizeof(*job));
	if (job == NULL)
		return -ENOMEM;
	job->request = *request;
	int32_t status = 0;
	bool done = job_inline(queue, job), first = false;
	pthread_mutex_lock(&queue->mutex);
	if (done) {
		first = job_done(queue, job, 0);
	} else {
		if (queue->thread_count == 0)
			status = thread_add(queue);
		/* With one thread at least it will be done some time. */
		if (status == 0) {
			waiting_add(queue, job);
			if (more_threads_wanted(queue))
				thread_wake(queue);
		}
	}
	pthread_mutex_unlock(&queue->mutex);
	if (first)
		queue->done_call(queue->done_self);
	if (status < 0)
		free(job);
	return status;
}

void queue_cancel(struct queue *queue, uint64_t token)
{
	bool first = false;
	pthread_mutex_lock(&queue->mutex);
	for (struct job *job = queue->waiting, *next; job != NULL; job = next) {
		next = job->next;
		if (job->request.token != token)
			continue;
		waiting_remove(queue, job);
		first |= job_done(queue, job, -ECANCELED);
	}
	pthread_mutex_unlock(&queue->mutex);
	if (first)
		queue->done_call(queue->done_self);
}

struct job *queue_take(struct queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	struct job *jobs = queue->done;
	queue->done = NULL;
	queue->done_last = &queue->done;
	pthread_mutex_unlock(&queue->mutex);
	return jobs;
}

/* Who settles takes what is done. */
void queue_settle(struct queue *queue, bool cancel)
{
	pthread_mutex_lock(&queue->mutex);
	while (queue->waiting != NULL || queue->running > 0) {
		struct job *job = queue->waiting;
		if (job != NULL && cancel) {
			waiting_remove(queue, job);
			job_done(queue, job, -ECANCELED);
		} else {
			pthread_cond_wait(&queue->settled, &queue->mutex);
		}
	}
	pthread_mutex_unlock(&queue->mutex);
}
