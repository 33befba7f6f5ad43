/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The machine lock: held around every plugin entry (docs/threads.md).
 *
 * It is recursive, knows its owner, and runs a hook just before it is given up for good, so that what plugins
 * latched under it (interrupt lines) is delivered without calling back into them.
 */
#ifndef VMM_EVENT_LOCK_H
#define VMM_EVENT_LOCK_H

#include <pthread.h>
#include <stdbool.h>

struct machine_lock {
	pthread_mutex_t mutex;
	pthread_t owner; /* valid while depth > 0 and read by its owner only */
	int owned;       /* atomic: is there an owner? */
	unsigned depth;
	/* Called with the lock held at depth 1, before it is released; may acquire it again. */
	void (*release)(void *self);
	void *release_self;
};

int lock_init(struct machine_lock *lock);
void lock_destroy(struct machine_lock *lock);
void lock_acquire(struct machine_lock *lock);
void lock_release(struct machine_lock *lock);
/* Does the calling thread hold it? */
bool lock_held(const struct machine_lock *lock);

#endif
