/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Device kit: the upper side of vmm.port.storage/1, for a drive that does one thing at a time.
 *
 * A job reads, writes, flushes or discards.  The kit cuts it into requests that the provider takes, parks it while the
 * machine is stopped and goes on with it afterwards, in another process too, and finds the very block that fails.
 * All functions [machine].
 */
#ifndef VMM_KIT_MEDIUM_H
#define VMM_KIT_MEDIUM_H

#include <vmm/kit/host.h>
#include <vmm/port-storage.h>
#include <vmm/port.h>

struct vmm_medium {
	const struct vmm_host *host;
	const char *prefix; /* of the names of saved fields, "medium." at first; static lifetime */
	const struct vmm_storage_lower *lower;
	void *lower_self;
	uint32_t link;                /* that lower belongs to */
	struct vmm_storage_info info; /* as last told; length 0: no medium, or none that can be used */
	/* The owner's buffer, which all data pass through. */
	uint8_t *buffer;
	uint32_t buffer_size;
	struct vmm_storage_segment segment; /* lent to the provider */
	/* The job. */
	uint32_t operation, flags;
	uint64_t offset, length, done; /* in bytes; done: at the end of a job that failed, where it did */
	uint32_t at;                   /* its place in the buffer */
	uint32_t single;               /* block by block, after an error */
	uint32_t active;
	/* The request of it. */
	uint64_t piece, token;
	uint8_t in_flight, abandoned, running, closing;
	/* The owner's.  ended: the job has ended, with 0 or a negative errno; -ECANCELED after vmm_medium_abandon,
	 * -ENODEV if the medium was taken away.  Never within vmm_medium_begin.  changed: info has changed. */
	void (*ended)(void *self, int32_t status);
	void (*changed)(void *self);
	void *self;
};

void vmm_medium_init(struct vmm_medium *medium, const struct vmm_host *host, uint8_t *buffer, uint32_t size);
/* Begin a job: `length` bytes at `offset` of the medium, for READ and WRITE to or from the buffer at `at`.  0: ended
 * will be called; 1: it is done already; a negative errno: refused. */
int32_t vmm_medium_begin(
	struct vmm_medium *medium, uint32_t operation, uint32_t flags, uint64_t offset, uint64_t length, uint32_t at);
/* Forget the job.  While vmm_medium_busy() then says so the buffer is still lent; ended comes when it is not. */
void vmm_medium_abandon(struct vmm_medium *medium);
static inline uint32_t vmm_medium_busy(const struct vmm_medium *medium)
{
	return medium->in_flight;
}
static inline uint32_t vmm_medium_can(const struct vmm_medium *medium, uint64_t capability)
{
	return (medium->info.capabilities & capability) != 0;
}
void vmm_medium_start(struct vmm_medium *medium);
void vmm_medium_stop(struct vmm_medium *medium);
int32_t vmm_medium_save(struct vmm_medium *medium);
int32_t vmm_medium_load(struct vmm_medium *medium);
void vmm_medium_get_port(struct vmm_medium *medium, struct vmm_port_side *side);

#endif
