/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Device kit: the lower side of vmm.port.char/1 on host file descriptors.
 *
 * Keeps a buffer each way, never blocks, and passes back-pressure on: input stops being read while the guest takes
 * none, and the guest's output is taken only as far as the buffer goes.  Without descriptors, output is dropped.
 * All functions [machine].
 */
#ifndef VMM_KIT_STREAM_H
#define VMM_KIT_STREAM_H

#include <vmm/event.h>
#include <vmm/kit/ring.h>
#include <vmm/port-char.h>
#include <vmm/port.h>

#define VMM_STREAM_SOCKET 1u /* flags: use send() and recv() */
#define VMM_STREAM_WAITS  2u /* the descriptor may block: ask poll() first, and write little at a time */

struct vmm_stream {
	const struct vmm_host *host;
	const struct vmm_event_service *event;
	const struct vmm_char_upper *upper;
	void *upper_self;
	int32_t in_fd, out_fd; /* the owner's; -1: none */
	uint32_t flags;
	vmm_handle in_watch, out_watch;
	uint32_t in_events; /* what in_watch asks for */
	uint8_t running, in_ended, in_always, upper_full;
	uint8_t out_blocked, short_write, flush_due, read_due;
	uint8_t in_data[4096], out_data[16384];
	struct vmm_ring in, out;
	/* The owner's; each may be NULL.  filter: change bytes that came in, in place, and return how many are
	 * left.  ended: the input has ended (status 0) or a descriptor failed.  signal: an event from above. */
	uint32_t (*filter)(void *self, uint8_t *data, uint32_t length);
	void (*ended)(void *self, int32_t status);
	void (*signal)(void *self, uint32_t event, uint64_t value);
	void *self;
};

/* Get the services; the rest of the struct is zero.  Call it in init. */
int32_t vmm_stream_init(struct vmm_stream *stream, const struct vmm_host *host, void *self);
/* Begin with these descriptors (either may be -1), or with none. */
void vmm_stream_open(struct vmm_stream *stream, int32_t in_fd, int32_t out_fd, uint32_t flags);
/* Stop using them; what is in the output buffer is dropped.  The owner closes them. */
void vmm_stream_close(struct vmm_stream *stream);
/* Add bytes to the output as if the guest had written them; all or nothing. */
uint32_t vmm_stream_inject(struct vmm_stream *stream, const void *data, uint32_t length);
/* Tell the upper side (not from within one of its calls). */
void vmm_stream_event(struct vmm_stream *stream, uint32_t event, uint64_t value);
void vmm_stream_start(struct vmm_stream *stream);
/* Stop reading; write out what there is, for at most `milliseconds`. */
void vmm_stream_stop(struct vmm_stream *stream, int32_t milliseconds);
int32_t vmm_stream_save(struct vmm_stream *stream);
int32_t vmm_stream_load(struct vmm_stream *stream);
void vmm_stream_get_port(struct vmm_stream *stream, struct vmm_port_side *side);

#endif
