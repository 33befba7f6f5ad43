/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A private network between machines of one user.
 *
 * Each member has a socket in the segment's folder, and a connection to every other member: there is no hub whose end
 * would part the rest.  Frames go straight to whoever has their destination's address, or to all.
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include <vmm/kit/net_mode.h>
#include <vmm/timer.h>

#define SEGMENT_PEERS     64u
#define SEGMENT_ADDRESSES 1024u
#define SEGMENT_PATH      108u /* what a socket's address has room for */

struct segment;

/* A connection to another member. */
struct peer {
	struct segment *segment;
	int32_t fd;
	uint32_t id; /* in the table of addresses; never 0 */
	vmm_handle watch;
	uint32_t events;       /* what it asks for */
	uint8_t greeted, gone; /* it has said what it speaks; to be closed */
	struct vmm_net_queue out;
};

/* An address, and who has it; a table with one place for each hash. */
struct known {
	uint8_t address[6];
	uint32_t peer; /* 0: nobody */
};

struct segment {
	const struct vmm_host *host;
	const struct vmm_timer_service *timer;
	struct vmm_net_mode mode;
	char name[64], folder[SEGMENT_PATH], path[SEGMENT_PATH]; /* path: of our socket, "" while we have none */
	uint32_t mtu;
	int32_t listener;
	vmm_handle listener_watch, retry;
	struct peer *peers[SEGMENT_PEERS];
	uint32_t peer_count, next_id;
	struct known known[SEGMENT_ADDRESSES];
	uint64_t dropped; /* frames that another member had no room for */
	uint8_t running, complained;
	uint8_t *buffer, *room;
};

/* folder.c: the segment's folder, made if need be.  0, or a negative errno after host->fail. */
int32_t segment_folder(struct segment *segment);

/* member.c */
/* Become a member, at once or soon. */
void segment_join(struct segment *segment);
void segment_leave(struct segment *segment);

/* peer.c */
/* Takes the descriptor, which is closed on failure.  0 or a negative errno. */
int32_t peer_new(struct segment *segment, int32_t fd);
/* To one peer; lost if there is no room. */
void peer_send(struct peer *peer, const struct vmm_net_frame *frame);
/* Close those that are gone; not within a call for one of them. */
void peers_sweep(struct segment *segment);
void peers_close(struct segment *segment);
/* Read again after a pause. */
void peers_resume(struct segment *segment);

/* address.c */
void address_learn(struct segment *segment, const uint8_t address[6], uint32_t peer);
/* Who has it; 0: not known, or it is for many. */
uint32_t address_find(const struct segment *segment, const uint8_t address[6]);
void address_forget(struct segment *segment, uint32_t peer);

#endif
