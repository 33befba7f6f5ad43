/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Threads that do what would block: at most WORKER_MAX, made when first needed. */
#ifndef VMM_EVENT_WORKER_H
#define VMM_EVENT_WORKER_H

#include <stdint.h>

struct worker_pool;

struct worker_job {
	struct worker_job *next;
	const void *owner;
	int32_t (*work)(void *self, uint64_t token);
	void (*done)(void *self, uint64_t token, int32_t status);
	void *self;
	uint64_t token;
	int32_t status;
	void *pool_user, *call; /* the submitter's */
};

/* `finished` is called on the worker's thread with a job whose work has returned; it owns the job then. */
int worker_pool_new(void (*finished)(struct worker_job *job), struct worker_pool **pool);
/* Waits for what runs; jobs still queued are run. */
void worker_pool_free(struct worker_pool *pool);
int worker_submit(struct worker_pool *pool, struct worker_job *job);

#endif
