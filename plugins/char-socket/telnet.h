/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * As much of Telnet (RFC 854, 856 to 858) as makes a client send every key as it is: character at a time, eight bits,
 * echoed by the guest.  All other options are refused.
 */
#ifndef TELNET_H
#define TELNET_H

#include <stdint.h>

#define TELNET_IAC   255
#define TELNET_REPLY 64 /* bytes of room for what telnet_input answers */

struct telnet {
	uint8_t state, verb;
	uint8_t server; /* we were called */
	uint8_t binary; /* the peer sends bytes as they are */
	uint8_t told;   /* options that the peer's offer was accepted of, a bit each */
	/* Out of telnet_input. */
	uint8_t breaks; /* BRK was seen */
	uint8_t reply[TELNET_REPLY];
	uint32_t reply_length;
};

/* A new connection; leaves in `reply` what is to be sent first. */
void telnet_start(struct telnet *telnet, uint32_t server);
/* Take the commands out of what came in, in place; returns how much data is left. */
uint32_t telnet_input(struct telnet *telnet, uint8_t *data, uint32_t length);

#endif
