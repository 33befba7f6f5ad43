/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Connections.  Each message is a head and a frame, with checksums and segmentation as the sender left them: the
 * receiver does what its card cannot take.  Messages come from other processes, so nothing in them is believed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "segment.h"

#define MESSAGE_MAGIC UINT32_C(0x314e4d56) /* "VMN1" */
#define OUT_LIMIT     (1u << 20)
#define BUFFER        (512 << 10)
/* Messages that are read from one peer before the others have their turn. */
#define BATCH 64u

struct head {
	uint32_t magic; /* a message of only this is a greeting */
	uint32_t flags, segmentation, segment_size, header_length, checksum_start, checksum_offset, reserved;
};

static void peer_watch(struct peer *peer);

static void peer_gone(struct peer *peer)
{
	peer->gone = 1;
}

/* 1: sent, or it never will be; 0: no room. */
static uint32_t message_send(struct peer *peer, const struct vmm_net_frame *frame)
{
	struct head head = { .magic = MESSAGE_MAGIC };
	struct iovec pieces[1 + VMM_NET_SEGMENTS] = { { &head, sizeof(head) } };
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 1 };
	if (frame == NULL) {
		pieces[0].iov_len = sizeof(head.magic);
	} else {
		head.flags = frame->flags;
		head.segmentation = frame->segmentation;
		head.segment_size = frame->segment_size;
		head.header_length = frame->header_length;
		head.checksum_start = frame->checksum_start;
		head.checksum_offset = frame->checksum_offset;
		for (uint32_t i = 0; i < frame->segment_count; i++)
			pieces[message.msg_iovlen++] = (struct iovec){ (void *)(uintptr_t)frame->segments[i].data,
				frame->segments[i].length };
	}
	while (sendmsg(peer->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN || errno == ENOBUFS)
			return 0;
		peer_gone(peer);
		break;
	}
	return 1;
}

static uint32_t take(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count)
{
	uint32_t done = 0;
	while (done < count && message_send(self, vmm_net_frame_at(frames, stride, done)))
		done++;
	return done;
}

void peer_send(struct peer *peer, const struct vmm_net_frame *frame)
{
	if (peer->gone || (peer->out.count == 0 && message_send(peer, frame)))
		return;
	if (vmm_net_queue_add(&peer->out, frame, 0) < 0)
		peer->segment->dropped++;
	peer_watch(peer);
}

static int32_t frame_up(void *self, const struct vmm_net_frame *frame)
{
	struct segment *segment = self;
	vmm_net_mode_receive(&segment->mode, frame);
	return 0;
}

static void message_read(struct peer *peer, const struct head *head, const uint8_t *data, uint64_t length)
{
	struct segment *segment = peer->segment;
	const struct vmm_net_segment piece = { data, length };
	const struct vmm_net_frame frame = {
		.struct_size = sizeof(frame),
		.flags = head->flags,
		.length = length,
		.segments = &piece,
		.segment_count = 1,
		.segmentation = head->segmentation,
		.segment_size = head->segment_size,
		.header_length = head->header_length,
		.checksum_start = head->checksum_start,
		.checksum_offset = head->checksum_offset,
	};
	if (vmm_net_check(&frame) < 0)
		return;
	address_learn(segment, data + 6, peer->id);
	vmm_net_finish(&frame, segment->mode.capabilities, segment->room, frame_up, segment);
}

/* 0: nothing more for now. */
static uint32_t peer_read(struct peer *peer)
{
	struct head head;
	uint8_t *buffer = peer->segment->buffer;
	struct iovec pieces[2] = { { &head, sizeof(head) }, { buffer, VMM_NET_FRAME_MAXIMUM } };
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };
	ssize_t length = recvmsg(peer->fd, &message, MSG_DONTWAIT);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (length < (ssize_t)sizeof(head.magic) || head.magic != MESSAGE_MAGIC) {
		peer_gone(peer);
		return 0;
	}
	if (length == (ssize_t)sizeof(head.magic))
		peer->greeted = 1;
	else if (!peer->greeted || length < (ssize_t)sizeof(head) || (message.msg_flags & MSG_TRUNC) != 0)
		peer_gone(peer);
	else
		message_read(peer, &head, buffer, (uint64_t)length - sizeof(head));
	return !peer->gone;
}

static void ready(void *self, uint64_t token, uint32_t events)
{
	struct peer *peer = self;
	struct segment *segment = peer->segment;
	(void)token;
	if ((events & VMM_EVENT_WRITE) != 0)
		vmm_net_queue_pass(&peer->out, VMM_TIME_NEVER, take, peer);
	/* A peer that has gone may have said something before. */
	if ((events & (VMM_EVENT_READ | VMM_EVENT_HANGUP)) != 0) {
		for (uint32_t i = 0; i < BATCH && !vmm_net_mode_busy(&segment->mode) && peer_read(peer); i++)
			continue;
	}
	peer_watch(peer);
	peers_sweep(segment);
}

/* Watch for what may be done now: a peer is not read while the card takes nothing. */
static void peer_watch(struct peer *peer)
{
	const struct vmm_event_service *event = peer->segment->mode.event;
	void *context = peer->segment->host->context;
	uint32_t events = (vmm_net_mode_busy(&peer->segment->mode) ? 0 : VMM_EVENT_READ) |
		(peer->out.count > 0 ? VMM_EVENT_WRITE : 0);
	if (peer->gone)
		events = 0;
	if (peer->watch != 0 && events == peer->events)
		return;
	peer->events = events;
	if (peer->watch != 0 && events != 0) {
		event->modify(context, peer->watch, events);
		return;
	}
	/* Without any there must be no watch, or the other's end would be told of again and again. */
	if (peer->watch != 0)
		event->unwatch(context, peer->watch);
	peer->watch = 0;
	if (events != 0 && event->watch(context, peer->fd, events, ready, peer, 0, &peer->watch) < 0) {
		peer->watch = 0;
		peer_gone(peer);
	}
}

static void peer_close(struct peer *peer)
{
	struct segment *segment = peer->segment;
	if (peer->watch != 0)
		segment->mode.event->unwatch(segment->host->context, peer->watch);
	address_forget(segment, peer->id);
	vmm_net_queue_clear(&peer->out);
	close(peer->fd);
	free(peer);
}

int32_t peer_new(struct segment *segment, int32_t fd)
{
	int size = BUFFER;
	int32_t status = -ENOMEM;
	struct peer *peer = NULL;
	if (segment->peer_count == SEGMENT_PEERS) {
		status = -EMFILE;
		goto fail;
	}
	peer = calloc(1, sizeof(*peer));
	if (peer == NULL)
		goto fail;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	*peer = (struct peer){ .segment = segment, .fd = fd, .id = ++segment->next_id };
	peer->out.limit = OUT_LIMIT;
	message_send(peer, NULL);
	peer_watch(peer);
	if (peer->gone || (peer->watch == 0 && peer->events != 0)) {
		status = -ECONNRESET;
		goto fail;
	}
	segment->peers[segment->peer_count++] = peer;
	return 0;
fail:
	free(peer);
	close(fd);
	return status;
}

void peers_sweep(struct segment *segment)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < segment->peer_count; i++) {
		if (segment->peers[i]->gone)
			peer_close(segment->peers[i]);
		else
			segment->peers[kept++] = segment->peers[i];
	}
	segment->peer_count = kept;
}

void peers_close(struct segment *segment)
{
	for (uint32_t i = 0; i < segment->peer_count; i++)
		segment->peers[i]->gone = 1;
	peers_sweep(segment);
}

void peers_resume(struct segment *segment)
{
	for (uint32_t i = 0; i < segment->peer_count; i++)
		peer_watch(segment->peers[i]);
	peers_sweep(segment);
}
