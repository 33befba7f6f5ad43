/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Requests in flight: threads take them in the order in which they came, and are made as they are needed.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "queue.h"

#define THREADS 8u

struct queue {
	struct disk *disk;
	void (*done_call)(void *self);
	void *done_self;
	pthread_mutex_t mutex; /* of all below */
	pthread_cond_t wake, settled;
	struct job *waiting, **waiting_last;
	struct job *done, **done_last;
	pthread_t threads[THREADS];
	uint32_t thread_count, idle, running, waiting_count, ending;
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

static void *queue_thread(void *self)
{
	struct queue *queue = self;
	pthread_mutex_lock(&queue->mutex);
	for (;;) {
		struct job *job = queue->waiting;
		if (job == NULL && queue->ending)
			break;
		if (job == NULL) {
			queue->idle++;
			pthread_cond_wait(&queue->wake, &queue->mutex);
			queue->idle--;
			continue;
		}
		waiting_remove(queue, job);
		queue->running++;
		pthread_mutex_unlock(&queue->mutex);
		int32_t status = disk_transfer(queue->disk, &job->request);
		pthread_mutex_lock(&queue->mutex);
		bool first = job_done(queue, job, status);
		/* While it still counts as running, so that nobody takes the queue away. */
		if (first) {
			pthread_mutex_unlock(&queue->mutex);
			queue->done_call(queue->done_self);
			pthread_mutex_lock(&queue->mutex);
		}
		queue->running--;
		if (queue->running == 0)
			pthread_cond_broadcast(&queue->settled);
	}
	pthread_mutex_unlock(&queue->mutex);
	return NULL;
}

/* One more, with no signals: those are the program's. */
static int32_t thread_add(struct queue *queue)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&queue->threads[queue->thread_count], NULL, queue_thread, queue);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		queue->thread_count++;
	return -error;
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
	pthread_cond_destroy(&queue->settled);
	pthread_cond_destroy(&queue->wake);
	pthread_mutex_destroy(&queue->mutex);
	free(queue);
}

int32_t queue_submit(struct queue *queue, struct job *job)
{
	int32_t status = 0;
	pthread_mutex_lock(&queue->mutex);
	if (queue->waiting_count >= queue->idle && queue->thread_count < THREADS)
		status = thread_add(queue);
	/* With one thread at least it will be done some time. */
	if (status == 0 || queue->thread_count > 0) {
		status = 0;
		waiting_add(queue, job);
		if (queue->idle > 0)
			pthread_cond_signal(&queue->wake);
	}
	pthread_mutex_unlock(&queue->mutex);
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
void queue_settle(struct queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	while (queue->waiting != NULL) {
		struct job *job = queue->waiting;
		waiting_remove(queue, job);
		job_done(queue, job, -ECANCELED);
	}
	while (queue->running > 0)
		pthread_cond_wait(&queue->settled, &queue->mutex);
	pthread_mutex_unlock(&queue->mutex);
}
