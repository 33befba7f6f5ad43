/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/event/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#define WORKER_MAX 4

struct worker_pool {
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	pthread_t threads[WORKER_MAX];
	unsigned count, idle;
	bool quit;
	struct worker_job *first, **last;
	void (*finished)(struct worker_job *job);
};

int worker_pool_new(void (*finished)(struct worker_job *job), struct worker_pool **pool)
{
	struct worker_pool *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	pthread_mutex_init(&made->mutex, NULL);
	pthread_cond_init(&made->wake, NULL);
	made->last = &made->first;
	made->finished = finished;
	*pool = made;
	return 0;
}

static void *worker_main(void *argument)
{
	struct worker_pool *pool = argument;

	pthread_mutex_lock(&pool->mutex);
	for (;;) {
		struct worker_job *job = pool->first;

		if (!job) {
			if (pool->quit)
				break;
			pool->idle++;
			pthread_cond_wait(&pool->wake, &pool->mutex);
			pool->idle--;
			continue;
		}
		pool->first = job->next;
		if (!pool->first)
			pool->last = &pool->first;
		pthread_mutex_unlock(&pool->mutex);
		job->status = job->work(job->self, job->token);
		pool->finished(job);
		pthread_mutex_lock(&pool->mutex);
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

int worker_submit(struct worker_pool *pool, struct worker_job *job)
{
	int error = 0;

	pthread_mutex_lock(&pool->mutex);
	if (!pool->idle && pool->count < WORKER_MAX) {
		sigset_t all, old;

		/* Signals are for the thread that runs the loop. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		if (!pthread_create(&pool->threads[pool->count], NULL, worker_main, pool))
			pool->count++;
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		if (!pool->count)
			error = -EAGAIN;
	}
	if (!error) {
		job->next = NULL;
		*pool->last = job;
		pool->last = &job->next;
		pthread_cond_signal(&pool->wake);
	}
	pthread_mutex_unlock(&pool->mutex);
	return error;
}

void worker_pool_free(struct worker_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->mutex);
	pool->quit = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->mutex);
	for (unsigned i = 0; i < pool->count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->mutex);
	free(pool);
}
