/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * One direction of a shaped link: frames are sent one after the other at its bandwidth, then travel for its latency.
 *
 * What waits to be sent is bounded, and whoever offers more has to wait; so frames are lost only as `loss` says.
 */
#ifndef LANE_H
#define LANE_H

#include <vmm/kit/net_mode.h>
#include <vmm/machine.h>
#include <vmm/timer.h>

struct lane_settings {
	uint64_t bandwidth; /* bits a second; 0: no limit */
	vmm_time latency, jitter;
	uint32_t loss; /* of a million */
};

struct lane {
	const struct vmm_host *host;
	const struct vmm_timer_service *timer;
	const struct vmm_random_service *random;
	struct lane_settings settings;
	uint32_t queue_limit; /* bytes that may wait to be sent */
	struct vmm_net_queue queue;
	vmm_time free_at; /* when all of it has been sent */
	vmm_handle wake;
	uint8_t *room;
	uint64_t passed, lost;
	uint8_t running, blocked, owed; /* blocked: the taker is full; owed: a giver was refused */
	/* The owner's: who takes frames; and that a giver may try again, from the event loop only. */
	uint32_t (*take)(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count);
	void (*room_again)(void *self);
	void *self;
};

/* In init; the owner has filled in host, timer, random, settings, queue_limit and its functions.  0 or -ENOMEM. */
int32_t lane_init(struct lane *lane);
void lane_destroy(struct lane *lane);
/* How many were taken. */
uint32_t lane_add(struct lane *lane, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count);
/* The taker has room again: it is given frames at once, or from the event loop. */
void lane_unblock(struct lane *lane);
void lane_unblock_soon(struct lane *lane);
void lane_change(struct lane *lane, const struct lane_settings *settings);
void lane_start(struct lane *lane);
void lane_stop(struct lane *lane);
void lane_clear(struct lane *lane);

#endif
