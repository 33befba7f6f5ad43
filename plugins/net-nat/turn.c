/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * libslirp on the event loop.
 *
 * It wants to be asked before each sleep which descriptors to look at and for how long, and to be told afterwards which
 * are ready.  Such a turn is taken when a watch or the timer calls, or a frame has come; in between, the watches are as
 * the last turn left them.  While the card takes no frames none is taken, and so no socket is read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nat.h"

/* libslirp never asks for more than this: it stands for no time at all. */
#define LONGEST_MS 1000u
#define MS         UINT64_C(1000000)
#define IP_MAXIMUM 0xffffu
#define ETHERNET   14u

/* Watches. */

static void watch_drop(struct nat *nat, struct nat_watch *watch)
{
	if (watch->handle != 0)
		nat->mode.event->unwatch(nat->host->context, watch->handle);
	memset(watch, 0, sizeof(*watch));
}

static void watches_drop(struct nat *nat)
{
	for (uint32_t i = 0; i < nat->watch_count; i++)
		watch_drop(nat, &nat->watches[i]);
	nat->socket_count = 0;
}

static void ready(void *self, uint64_t token, uint32_t events)
{
	struct nat *nat = self;
	if (token < nat->watch_count)
		nat->watches[token].ready |= events;
	nat_turn_soon(nat);
}

static void watch_set(struct nat *nat, uint32_t fd)
{
	struct nat_watch *watch = &nat->watches[fd];
	int32_t status = 0;
	watch->ready = 0;
	if (watch->wanted == 0) {
		watch_drop(nat, watch);
		return;
	}
	nat->socket_count++;
	if (watch->handle != 0 && watch->events != watch->wanted &&
		nat->mode.event->modify(nat->host->context, watch->handle, watch->wanted) < 0) {
		uint32_t wanted = watch->wanted;
		watch_drop(nat, watch);
		watch->wanted = wanted;
	}
	if (watch->handle == 0)
		status = nat->mode.event->watch(
			nat->host->context, (int32_t)fd, watch->wanted, ready, nat, fd, &watch->handle);
	watch->events = watch->wanted;
	watch->wanted = 0;
	if (status == 0)
		return;
	watch->handle = 0;
	if (!nat->complained)
		vmm_kit_log(nat->host, VMM_LOG_WARNING, "cannot watch a socket, its connection will hang: %s",
			strerror(-status));
	nat->complained = 1;
}

/* libslirp's callbacks while it says what to watch and asks what has happened; a descriptor is its own index. */

static int poll_add(int fd, int events, void *opaque)
{
	struct nat *nat = opaque;
	if (fd < 0)
		return -1;
	if ((uint32_t)fd >= nat->watch_count) {
		uint32_t count = ((uint32_t)fd | 63u) + 1;
		struct nat_watch *grown = realloc(nat->watches, count * sizeof(*grown));
		if (grown == NULL)
			return -1;
		memset(grown + nat->watch_count, 0, (count - nat->watch_count) * sizeof(*grown));
		nat->watches = grown;
		nat->watch_count = count;
	}
	nat->watches[fd].wanted = ((events & SLIRP_POLL_IN) != 0 ? VMM_EVENT_READ : 0) |
		((events & SLIRP_POLL_OUT) != 0 ? VMM_EVENT_WRITE : 0);
	return fd;
}

static int poll_get(int index, void *opaque)
{
	const struct nat *nat = opaque;
	if (index < 0 || (uint32_t)index >= nat->watch_count)
		return 0;
	uint32_t events = nat->watches[index].ready;
	return ((events & VMM_EVENT_READ) != 0 ? SLIRP_POLL_IN : 0) |
		((events & VMM_EVENT_WRITE) != 0 ? SLIRP_POLL_OUT : 0) |
		((events & VMM_EVENT_HANGUP) != 0 ? SLIRP_POLL_HUP : 0);
}

/* Frames from the card. */

static int32_t input(void *self, const struct vmm_net_frame *frame)
{
	struct nat *nat = self;
	const uint8_t *data = frame->segments[0].data;
	/* A frame that needed nothing comes as it is, which in our queue is in one piece. */
	slirp_input(nat->slirp, data, (int)frame->length);
	return 0;
}

static void inputs(struct nat *nat)
{
	while (nat->down.first != NULL) {
		struct vmm_net_frame *frame = &nat->down.first->frame;
		/* With IPv4, libslirp takes TCP in pieces of any length that the header can say; with IPv6 it refuses
		 * what is longer than the MTU. */
		if ((frame->segmentation & ~VMM_NET_SEGMENT_ECN) == VMM_NET_SEGMENT_TCP4 &&
			frame->header_length < IP_MAXIMUM)
			frame->segment_size = IP_MAXIMUM + ETHERNET - frame->header_length;
		vmm_net_finish(frame, 0, nat->room, input, nat);
		vmm_net_queue_drop(&nat->down);
	}
	if (nat->owed) {
		nat->owed = 0;
		vmm_net_mode_writable(&nat->mode);
	}
}

/* Turns. */

static void block(struct nat *nat)
{
	nat->blocked = 1;
	watches_drop(nat);
	nat->timer->arm(nat->host->context, nat->turn_timer, VMM_TIME_NEVER);
}

static void turn(void *self, uint64_t token)
{
	struct nat *nat = self;
	uint32_t timeout = UINT32_MAX;
	vmm_time deadline = VMM_TIME_NEVER;
	(void)token;
	nat->turn_due = 0;
	if (!nat->running || nat->slirp == NULL)
		return;
	inputs(nat);
	if (vmm_net_mode_busy(&nat->mode)) {
		block(nat);
		return;
	}
	nat->blocked = 0;
	slirp_pollfds_poll(nat->slirp, 0, poll_get, nat);
	if (vmm_net_mode_busy(&nat->mode)) {
		block(nat);
		return;
	}
	slirp_pollfds_fill(nat->slirp, &timeout, poll_add, nat);
	nat->socket_count = 0;
	for (uint32_t i = 0; i < nat->watch_count; i++)
		watch_set(nat, i);
	if (timeout < LONGEST_MS)
		deadline = nat->timer->now(nat->host->context, VMM_CLOCK_GUEST) + timeout * MS;
	nat->timer->arm(nat->host->context, nat->turn_timer, deadline);
}

void nat_turn_timer(void *self, uint64_t token)
{
	turn(self, token);
}

void nat_turn_soon(struct nat *nat)
{
	if (nat->running && !nat->turn_due && nat->mode.event->defer(nat->host->context, turn, nat, 0) >= 0)
		nat->turn_due = 1;
}

/* libslirp's other callbacks. */

static ssize_t send_packet(const void *data, size_t length, void *opaque)
{
	struct nat *nat = opaque;
	vmm_net_mode_bytes(&nat->mode, data, length, VMM_NET_CHECKSUM_RIGHT);
	return (ssize_t)length;
}

static void guest_error(const char *text, void *opaque)
{
	struct nat *nat = opaque;
	vmm_kit_log(nat->host, VMM_LOG_DEBUG, "%s", text);
}

static int64_t clock_now(void *opaque)
{
	struct nat *nat = opaque;
	return (int64_t)nat->timer->now(nat->host->context, VMM_CLOCK_GUEST);
}

static void timer_ready(void *self, uint64_t token)
{
	struct nat_timer *timer = self;
	(void)token;
	if (!timer->nat->running)
		return;
	timer->deadline = VMM_TIME_NEVER;
	slirp_handle_timer(timer->nat->slirp, timer->id, timer->opaque);
	nat_turn_soon(timer->nat);
}

static void *timer_new(SlirpTimerId id, void *timer_opaque, void *opaque)
{
	struct nat *nat = opaque;
	struct nat_timer *timer = calloc(1, sizeof(*timer));
	if (timer == NULL)
		return NULL;
	*timer = (struct nat_timer){ .nat = nat, .next = nat->timers, .id = id, .opaque = timer_opaque };
	timer->deadline = VMM_TIME_NEVER;
	if (nat->timer->create(nat->host->context, VMM_CLOCK_GUEST, timer_ready, timer, 0, &timer->handle) < 0) {
		free(timer);
		return NULL;
	}
	nat->timers = timer;
	return timer;
}

static void timer_free(void *opaque_timer, void *opaque)
{
	struct nat *nat = opaque;
	struct nat_timer *timer = opaque_timer;
	if (timer == NULL)
		return;
	for (struct nat_timer **link = &nat->timers; *link != NULL; link = &(*link)->next) {
		if (*link == timer) {
			*link = timer->next;
			break;
		}
	}
	nat->timer->destroy(nat->host->context, timer->handle);
	free(timer);
}

static void timer_set(void *opaque_timer, int64_t milliseconds, void *opaque)
{
	struct nat *nat = opaque;
	struct nat_timer *timer = opaque_timer;
	if (timer == NULL)
		return;
	timer->deadline = milliseconds > 0 ? (vmm_time)milliseconds * MS : 0;
	nat->timer->arm(nat->host->context, timer->handle, timer->deadline);
}

static void descriptor_new(int fd, void *opaque)
{
	(void)fd;
	nat_turn_soon(opaque);
}

/* It is about to be closed: its number may be another's before the next turn. */
static void descriptor_gone(int fd, void *opaque)
{
	struct nat *nat = opaque;
	if (fd >= 0 && (uint32_t)fd < nat->watch_count)
		watch_drop(nat, &nat->watches[fd]);
}

static void notify(void *opaque)
{
	nat_turn_soon(opaque);
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_now,
	.timer_free = timer_free,
	.timer_mod = timer_set,
	.register_poll_fd = descriptor_new,
	.unregister_poll_fd = descriptor_gone,
	.notify = notify,
	.timer_new_opaque = timer_new,
};

/* Life. */

int32_t nat_slirp_open(struct nat *nat)
{
	SlirpConfig config;
	nat_settings_slirp(&nat->settings, &config);
	nat->slirp = slirp_new(&config, &callbacks, nat);
	return nat->slirp != NULL ? 0 : -EINVAL;
}

void nat_slirp_close(struct nat *nat)
{
	watches_drop(nat);
	if (nat->slirp != NULL)
		slirp_cleanup(nat->slirp);
	nat->slirp = NULL;
	while (nat->timers != NULL)
		timer_free(nat->timers, nat);
}

void nat_turn_start(struct nat *nat)
{
	nat->running = 1;
	/* Those that came while the machine stood. */
	for (struct nat_timer *timer = nat->timers; timer != NULL; timer = timer->next)
		nat->timer->arm(nat->host->context, timer->handle, timer->deadline);
	nat_turn_soon(nat);
}

void nat_turn_stop(struct nat *nat)
{
	nat->running = 0;
	watches_drop(nat);
	nat->timer->arm(nat->host->context, nat->turn_timer, VMM_TIME_NEVER);
	for (struct nat_timer *timer = nat->timers; timer != NULL; timer = timer->next)
		nat->timer->arm(nat->host->context, timer->handle, VMM_TIME_NEVER);
}
