/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The parts of a NAT: settings, forwards, and libslirp's turns on the event loop.
 */
#ifndef NAT_H
#define NAT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include <slirp/libslirp.h>

#include <vmm/event.h>
#include <vmm/kit/net_mode.h>
#include <vmm/timer.h>

#define NAT_TEXT     256 /* of a message, with its NUL */
#define NAT_SEARCH   16  /* domains */
#define NAT_FORWARDS 256

struct nat;

/* settings.c */
struct nat_settings {
	struct in_addr network, mask, host, dns, dhcp;
	uint32_t prefix;
	bool ip6, restricted, loopback;
	struct in6_addr prefix6, host6, dns6;
	uint32_t mtu;
	char hostname[256], bootfile[256], tftp[4096];
	char search[NAT_SEARCH][256];
	const char *search_list[NAT_SEARCH + 1];
};
/* 0, or a negative errno after host->fail. */
int32_t nat_settings_read(struct nat_settings *settings, const struct vmm_host *host);
/* Fill in libslirp's; what it points to is the settings'. */
void nat_settings_slirp(const struct nat_settings *settings, SlirpConfig *config);

/* forward.c */
struct nat_forward {
	bool udp;
	struct sockaddr_storage host, guest;
	socklen_t length; /* of both */
	char text[192];   /* PROTOCOL:HOST:PORT:GUEST:PORT */
};
struct nat_forwards {
	struct nat_forward *items;
	uint32_t count;
};
/* These write into `message` (NAT_TEXT bytes) what was wrong and what to do about it. */
int32_t nat_forward_add(struct nat *nat, const char *text, char *message);
int32_t nat_forward_remove(struct nat *nat, const char *text, char *message);
/* Have a new libslirp do what the list says; how many of it could not be done. */
uint32_t nat_forward_again(struct nat *nat);

/* turn.c */
struct nat_watch {
	vmm_handle handle; /* 0: none */
	uint32_t events;   /* what it asks for */
	uint32_t wanted;   /* what libslirp asks for in this turn */
	uint32_t ready;    /* what has happened since */
};
/* A timer of libslirp's. */
struct nat_timer {
	struct nat *nat;
	struct nat_timer *next;
	SlirpTimerId id;
	void *opaque;
	vmm_handle handle;
	vmm_time deadline;
};

struct nat {
	const struct vmm_host *host;
	const struct vmm_timer_service *timer;
	struct nat_settings settings;
	struct nat_forwards forwards;
	struct vmm_net_mode mode;
	struct vmm_net_queue down; /* frames from the card */
	Slirp *slirp;
	uint32_t running, blocked, owed, turn_due, complained;
	vmm_handle turn_timer;
	struct nat_timer *timers;
	struct nat_watch *watches; /* by descriptor */
	uint32_t watch_count, socket_count;
	uint8_t *room;
};

/* Make libslirp's instance anew. */
int32_t nat_slirp_open(struct nat *nat);
void nat_slirp_close(struct nat *nat);
/* Look at everything again, from the event loop. */
void nat_turn_soon(struct nat *nat);
/* The timer's callback. */
void nat_turn_timer(void *self, uint64_t token);
void nat_turn_start(struct nat *nat);
void nat_turn_stop(struct nat *nat);

#endif
