/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Device kit: the lower side of vmm.port.net/1 for network modes, and filters, which have both sides.
 *
 * All functions [machine].
 */
#ifndef VMM_KIT_NET_MODE_H
#define VMM_KIT_NET_MODE_H

#include <vmm/event.h>
#include <vmm/kit/net.h>

/* ---- queues ---- */

struct vmm_net_queued {
	struct vmm_net_queued *next;
	vmm_time due;
	struct vmm_net_frame frame; /* of one segment, its copy */
	struct vmm_net_segment segment;
	uint8_t data[];
};

/* Copies of frames, oldest first.  Zeroed but for the limit it is empty. */
struct vmm_net_queue {
	struct vmm_net_queued *first, *last;
	uint64_t bytes, limit; /* bytes in memory, so that many small frames count for what they are */
	uint32_t count, passing;
};

/* 0, -ENOBUFS (full) or -ENOMEM.  One frame finds room in a queue that is empty, whatever the limit. */
int32_t vmm_net_queue_add(struct vmm_net_queue *queue, const struct vmm_net_frame *frame, vmm_time due);
/* Drop the oldest. */
void vmm_net_queue_drop(struct vmm_net_queue *queue);
void vmm_net_queue_clear(struct vmm_net_queue *queue);
/* Drop frames that need more than these capabilities; returns how many. */
uint32_t vmm_net_queue_restrict(struct vmm_net_queue *queue, uint64_t capabilities);
/* Give away what is due at `now`, in batches, until `take` takes less than it is offered; returns how many frames were
 * taken.  Nothing happens within a `take` of this very queue. */
uint32_t vmm_net_queue_pass(struct vmm_net_queue *queue, vmm_time now,
	uint32_t (*take)(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count), void *self);

/* ---- modes ---- */

struct vmm_net_mode {
	const struct vmm_host *host;
	const struct vmm_event_service *event;
	const struct vmm_net_upper *upper; /* NULL: no card */
	void *upper_self;
	struct vmm_net_queue up;       /* frames for the card; the owner may set its limit */
	uint64_t received, sent, lost; /* frames: to the card, from it, and those there was no room for */
	uint64_t capabilities;         /* of the card */
	uint8_t running, upper_full, call_due, tell_writable, tell_changed, restrict_due;
	/* The owner's.  info: fill in link, capabilities, mtu, megabits.  send: as the port's, but never while stopped
	 * or without a link.  drained (the queue is half empty again) may be NULL. */
	void (*info)(void *self, struct vmm_net_info *info);
	uint32_t (*send)(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count);
	void (*drained)(void *self);
	void *self;
};

/* In init.  The rest of the struct is zero but for the owner's fields. */
int32_t vmm_net_mode_init(struct vmm_net_mode *mode, const struct vmm_host *host);
void vmm_net_mode_destroy(struct vmm_net_mode *mode);
/* A frame for the card, which needs no more than its capabilities: it is copied, and passed on from the event loop.
 * What there is no room for is lost, and counted. */
void vmm_net_mode_receive(struct vmm_net_mode *mode, const struct vmm_net_frame *frame);
/* The same for bytes in one piece. */
void vmm_net_mode_bytes(struct vmm_net_mode *mode, const void *data, uint64_t length, uint32_t flags);
/* Is the queue for the card more than half full? */
uint32_t vmm_net_mode_busy(const struct vmm_net_mode *mode);
/* Room again after a short send; info has changed.  The card is told from the event loop. */
void vmm_net_mode_writable(struct vmm_net_mode *mode);
void vmm_net_mode_changed(struct vmm_net_mode *mode);
void vmm_net_mode_start(struct vmm_net_mode *mode);
void vmm_net_mode_stop(struct vmm_net_mode *mode);
void vmm_net_mode_get_port(struct vmm_net_mode *mode, struct vmm_port_side *side);

/* ---- filters ---- */

struct vmm_net_filter {
	const struct vmm_host *host;
	const struct vmm_event_service *event;
	const struct vmm_net_upper *upper; /* the card, or NULL */
	void *upper_self;
	const struct vmm_net_lower *lower; /* the network, or NULL: a link that is down */
	void *lower_self;
	uint32_t lower_link;
	struct vmm_net_wants wants; /* the card's */
	struct vmm_net_address addresses[VMM_NET_ADDRESSES];
	uint8_t wanted, upper_owed, lower_owed, call_due, tell_changed;
	/* The owner's: frames from the card and from the network, as the port's functions; and that the other side
	 * takes frames again: then writable (lower side) and readable (upper side) are called, which may be NULL:
	 * whoever waits is told. */
	uint32_t (*down)(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count);
	uint32_t (*up)(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count);
	void (*writable)(void *self);
	void (*readable)(void *self);
	void *self;
};

int32_t vmm_net_filter_init(struct vmm_net_filter *filter, const struct vmm_host *host);
/* Pass frames on; without anybody there, or with a link that is down, they are taken and dropped. */
uint32_t vmm_net_filter_down(
	struct vmm_net_filter *filter, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count);
uint32_t vmm_net_filter_up(
	struct vmm_net_filter *filter, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count);
/* Who was refused frames may offer them again.  From the event loop, both. */
void vmm_net_filter_writable(struct vmm_net_filter *filter);
void vmm_net_filter_readable(struct vmm_net_filter *filter);
/* Its two ports: `card` and `backend`. */
int32_t vmm_net_filter_get_port(struct vmm_net_filter *filter, const char *key, struct vmm_port_side *side);

/* Rows of a table of ports. */
#define VMM_NET_MODE_PORT \
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_LIVE, "card", VMM_PORT_NET, "The network card, or a filter before it.")
#define VMM_NET_FILTER_PORTS \
	VMM_NET_MODE_PORT, \
		VMM_KIT_PORT(VMM_ROLE_UPPER, VMM_PORT_LIVE, "backend", VMM_PORT_NET, \
			"The network behind it; without one, the cable is unplugged.")

#endif
