/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * io_uring: transfers that wait for the host's disk, without a thread for each.
 */
#include "queue.h"

#ifdef HAVE_URING

#include <errno.h>
#include <liburing.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 128u

struct ring {
	struct io_uring uring;
	pthread_mutex_t mutex; /* of what is submitted; the ring's thread alone takes what is done */
	pthread_t thread;
	void (*done)(void *self, struct job *job, int32_t result);
	void *done_self;
	uint32_t flying;
};

static void *ring_thread(void *self)
{
	struct ring *ring = self;
	for (;;) {
		struct io_uring_cqe *cqe;
		int error = io_uring_wait_cqe(&ring->uring, &cqe);
		if (error == -EINTR || error == -EAGAIN)
			continue;
		if (error < 0)
			break;
		void *data = io_uring_cqe_get_data(cqe);
		struct job *job = data;
		int32_t result = cqe->res;
		io_uring_cqe_seen(&ring->uring, cqe);
		if (data == ring)
			continue; /* what was not submitted */
		if (job == NULL)
			break; /* ring_free */
		__atomic_fetch_sub(&ring->flying, 1, __ATOMIC_ACQ_REL);
		ring->done(ring->done_self, job, result);
	}
	return NULL;
}

struct ring *ring_new(void (*done)(void *self, struct job *job, int32_t result), void *self)
{
	const char *wanted = getenv("VMM_BLOCK_RING");
	if (wanted != NULL && strcmp(wanted, "no") == 0)
		return NULL;
	struct ring *ring = calloc(1, sizeof(*ring));
	if (ring == NULL)
		return NULL;
	/* Containers often forbid it. */
	if (io_uring_queue_init(ENTRIES, &ring->uring, 0) < 0) {
		free(ring);
		return NULL;
	}
	ring->done = done;
	ring->done_self = self;
	pthread_mutex_init(&ring->mutex, NULL);
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&ring->thread, NULL, ring_thread, ring);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		return ring;
	pthread_mutex_destroy(&ring->mutex);
	io_uring_queue_exit(&ring->uring);
	free(ring);
	return NULL;
}

void ring_free(struct ring *ring)
{
	if (ring == NULL)
		return;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
	if (sqe != NULL) {
		io_uring_prep_nop(sqe);
		io_uring_sqe_set_data(sqe, NULL);
	}
	while (io_uring_submit(&ring->uring) < 0)
		sched_yield();
	pthread_join(ring->thread, NULL);
	io_uring_queue_exit(&ring->uring);
	pthread_mutex_destroy(&ring->mutex);
	free(ring);
}

bool ring_submit(struct ring *ring, struct job *job)
{
	struct place *place = &job->place;
	bool submitted = false;
	pthread_mutex_lock(&ring->mutex);
	struct io_uring_sqe *sqe = NULL;
	/* No more than the completion queue has room for. */
	if (__atomic_load_n(&ring->flying, __ATOMIC_ACQUIRE) < ENTRIES)
		sqe = io_uring_get_sqe(&ring->uring);
	if (sqe != NULL) {
		if (job->request.operation == VMM_STORAGE_WRITE)
			io_uring_prep_writev(
				sqe, place->file->fd, place->vectors, (unsigned)place->count, place->offset);
		else
			io_uring_prep_readv(
				sqe, place->file->fd, place->vectors, (unsigned)place->count, place->offset);
		io_uring_sqe_set_data(sqe, job);
		__atomic_fetch_add(&ring->flying, 1, __ATOMIC_ACQ_REL);
		int count = io_uring_submit(&ring->uring);
		submitted = count > 0;
		if (!submitted) {
			/* It stays in the queue and would go out with the next: let that be nothing. */
			io_uring_prep_nop(sqe);
			io_uring_sqe_set_data(sqe, ring);
			__atomic_fetch_sub(&ring->flying, 1, __ATOMIC_ACQ_REL);
		}
	}
	pthread_mutex_unlock(&ring->mutex);
	return submitted;
}

#else

struct ring *ring_new(void (*done)(void *self, struct job *job, int32_t result), void *self)
{
	(void)done;
	(void)self;
	return NULL;
}

void ring_free(struct ring *ring)
{
	(void)ring;
}

bool ring_submit(struct ring *ring, struct job *job)
{
	(void)ring;
	(void)job;
	return false;
}

#endif
