/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/event/lock.h"

#include <string.h>

int lock_init(struct machine_lock *lock)
{
	memset(lock, 0, sizeof(*lock));
	return -pthread_mutex_init(&lock->mutex, NULL);
}

void lock_destroy(struct machine_lock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}

bool lock_held(const struct machine_lock *lock)
{
	/* Another thread's owner may be read torn or stale, but never as this thread's: only this thread writes
	 * its own identity there. */
	return __atomic_load_n(&lock->owned, __ATOMIC_ACQUIRE) &&
		pthread_equal(__atomic_load_n(&lock->owner, __ATOMIC_RELAXED), pthread_self());
}

void lock_acquire(struct machine_lock *lock)
{
	if (lock_held(lock)) {
		lock->depth++;
		return;
	}
	pthread_mutex_lock(&lock->mutex);
	__atomic_store_n(&lock->owner, pthread_self(), __ATOMIC_RELAXED);
	__atomic_store_n(&lock->owned, 1, __ATOMIC_RELEASE);
	lock->depth = 1;
}

void lock_release(struct machine_lock *lock)
{
	if (lock->depth > 1) {
		lock->depth--;
		return;
	}
	if (lock->release)
		lock->release(lock->release_self);
	lock->depth = 0;
	__atomic_store_n(&lock->owned, 0, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&lock->mutex);
}
