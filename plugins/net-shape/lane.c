/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "lane.h"

#include <errno.h>
#include <stdlib.h>

#define SECOND UINT64_C(1000000000)
/* Of frames that travel: a long way at a high bandwidth needs memory, but not all of it. */
#define MEMORY_LIMIT (64u << 20)
#define LOSS_UNIT    1000000u

static vmm_time now_of(const struct lane *lane)
{
	return lane->timer->now(lane->host->context, VMM_CLOCK_GUEST);
}

static uint32_t chance(const struct lane *lane)
{
	uint32_t value = 0;
	lane->random->fill(lane->host->context, &value, sizeof(value));
	return value;
}

/* How long the link is busy with so many bytes. */
static vmm_time sending_time(const struct lane *lane, uint64_t bytes)
{
	return lane->settings.bandwidth > 0 ? vmm_kit_muldiv(bytes * 8, SECOND, lane->settings.bandwidth) : 0;
}

/* The rest of what is waiting may take this long before a giver that was refused is asked again. */
static vmm_time half_time(const struct lane *lane)
{
	return sending_time(lane, lane->queue_limit / 2);
}

static uint32_t is_full(const struct lane *lane, vmm_time now)
{
	return lane->queue.bytes > MEMORY_LIMIT ||
		(lane->free_at > now && lane->free_at - now > sending_time(lane, lane->queue_limit));
}

/* Jitter may make a frame due before the one in front of it; in the queue it still waits for that one. */
static void stamp(struct lane *lane, vmm_time now, uint64_t length, vmm_time *due)
{
	const struct lane_settings *settings = &lane->settings;
	if (lane->free_at < now)
		lane->free_at = now;
	lane->free_at += sending_time(lane, length);
	*due = lane->free_at + settings->latency;
	if (settings->jitter > 0) {
		vmm_time early = settings->jitter < settings->latency ? settings->jitter : settings->latency;
		*due = *due - early + vmm_kit_muldiv(early + settings->jitter, chance(lane), UINT32_MAX);
	}
}

static void arm(struct lane *lane)
{
	vmm_time next = VMM_TIME_NEVER;
	if (lane->running && !lane->blocked && lane->queue.first != NULL)
		next = lane->queue.first->due;
	if (lane->running && lane->owed) {
		vmm_time half = lane->free_at > half_time(lane) ? lane->free_at - half_time(lane) : 0;
		/* Where it is memory that is short, frames that leave make room. */
		if (lane->queue.bytes <= MEMORY_LIMIT / 2 && half < next)
			next = half;
	}
	lane->timer->arm(lane->host->context, lane->wake, next);
}

static void pass(struct lane *lane, vmm_time now)
{
	if (!lane->running || lane->blocked || lane->queue.first == NULL || lane->queue.first->due > now)
		return;
	/* The taker may say within that it has room again. */
	lane->blocked = 1;
	lane->passed += vmm_net_queue_pass(&lane->queue, now, lane->take, lane->self);
	if (lane->queue.first == NULL || lane->queue.first->due > now)
		lane->blocked = 0;
}

static void woken(void *self, uint64_t token)
{
	struct lane *lane = self;
	vmm_time now = now_of(lane);
	(void)token;
	pass(lane, now);
	if (lane->running && lane->owed && lane->queue.bytes <= MEMORY_LIMIT / 2 &&
		(lane->free_at <= now || lane->free_at - now <= half_time(lane))) {
		lane->owed = 0;
		lane->room_again(lane->self);
	}
	arm(lane);
}

int32_t lane_init(struct lane *lane)
{
	lane->queue.limit = UINT64_MAX; /* is_full is asked before */
	lane->room = malloc(VMM_NET_ROOM);
	if (lane->room == NULL)
		return -ENOMEM;
	return lane->timer->create(lane->host->context, VMM_CLOCK_GUEST, woken, lane, 0, &lane->wake);
}

void lane_destroy(struct lane *lane)
{
	if (lane->wake != 0)
		lane->timer->destroy(lane->host->context, lane->wake);
	lane_clear(lane);
	free(lane->room);
}

/* A plain frame, as it is on the wire. */
static int32_t add_one(void *self, const struct vmm_net_frame *frame)
{
	struct lane *lane = self;
	vmm_time due;
	stamp(lane, now_of(lane), frame->length, &due);
	uint32_t unlucky = lane->settings.loss > 0 &&
		vmm_kit_muldiv(chance(lane), LOSS_UNIT, UINT64_C(1) << 32) < lane->settings.loss;
	/* It took its time on the wire, too. */
	if (unlucky || vmm_net_queue_add(&lane->queue, frame, due) < 0)
		lane->lost++;
	return 0;
}

uint32_t lane_add(struct lane *lane, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	vmm_time now = now_of(lane);
	uint32_t done = 0;
	for (; done < count && !is_full(lane, now); done++)
		vmm_net_finish(vmm_net_frame_at(frames, stride, done), 0, lane->room, add_one, lane);
	if (done < count)
		lane->owed = 1;
	pass(lane, now);
	arm(lane);
	return done;
}

void lane_unblock(struct lane *lane)
{
	lane->blocked = 0;
	pass(lane, now_of(lane));
	arm(lane);
}

void lane_unblock_soon(struct lane *lane)
{
	lane->blocked = 0;
	arm(lane);
}

void lane_change(struct lane *lane, const struct lane_settings *settings)
{
	vmm_time now = now_of(lane);
	lane->settings = *settings;
	/* A slow link that has become a fast one has nothing left to wait for. */
	lane->free_at = now;
	for (struct vmm_net_queued *entry = lane->queue.first; entry != NULL; entry = entry->next)
		stamp(lane, now, entry->frame.length, &entry->due);
	arm(lane);
}

void lane_start(struct lane *lane)
{
	lane->running = 1;
	lane->blocked = 0;
	arm(lane);
}

void lane_stop(struct lane *lane)
{
	lane->running = 0;
	arm(lane);
}

void lane_clear(struct lane *lane)
{
	vmm_net_queue_clear(&lane->queue);
	lane->free_at = 0;
	lane->blocked = 0;
}
