/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "telnet.h"

#include <string.h>

enum { SE = 240, BRK = 243, SB = 250, WILL = 251, WONT = 252, DO = 253, DONT = 254 };
enum { BINARY = 0, ECHO = 1, GO_AHEAD = 3 };
enum { DATA, RETURN, COMMAND, OPTION, SUB, SUB_COMMAND };

static void answer(struct telnet *telnet, uint8_t verb, uint8_t option)
{
	/* Whoever floods us with options is not answered each time. */
	if (telnet->reply_length + 3 > TELNET_REPLY)
		return;
	const uint8_t bytes[3] = { TELNET_IAC, verb, option };
	memcpy(telnet->reply + telnet->reply_length, bytes, 3);
	telnet->reply_length += 3;
}

void telnet_start(struct telnet *telnet, uint32_t server)
{
	memset(telnet, 0, sizeof(*telnet));
	telnet->server = server != 0;
	if (server)
		answer(telnet, WILL, ECHO);
	answer(telnet, WILL, GO_AHEAD);
	answer(telnet, DO, GO_AHEAD);
	answer(telnet, WILL, BINARY);
	answer(telnet, DO, BINARY);
}

/* What we have asked for ourselves needs no answer. */
static void option(struct telnet *telnet, uint8_t verb, uint8_t code)
{
	uint32_t known = code == BINARY || code == GO_AHEAD;
	switch (verb) {
	case WILL:
		if (code == BINARY)
			telnet->binary = 1;
		if (code == ECHO && !telnet->server) {
			if ((telnet->told & 1) == 0)
				answer(telnet, DO, code);
			telnet->told |= 1;
		} else if (!known) {
			answer(telnet, DONT, code);
		}
		break;
	case WONT:
		if (code == BINARY)
			telnet->binary = 0;
		break;
	case DO:
		if (!known && !(code == ECHO && telnet->server))
			answer(telnet, WONT, code);
		break;
	default: break;
	}
}

static uint32_t command(struct telnet *telnet, uint8_t byte, uint8_t *data)
{
	telnet->state = DATA;
	switch (byte) {
	case TELNET_IAC: *data = byte; return 1;
	case BRK: telnet->breaks = 1; break;
	case SB: telnet->state = SUB; break;
	case WILL:
	case WONT:
	case DO:
	case DONT:
		telnet->verb = byte;
		telnet->state = OPTION;
		break;
	default: break;
	}
	return 0;
}

uint32_t telnet_input(struct telnet *telnet, uint8_t *data, uint32_t length)
{
	uint32_t left = 0;
	for (uint32_t i = 0; i < length; i++) {
		uint8_t byte = data[i];
		if (telnet->state == RETURN) {
			telnet->state = DATA;
			if (byte == 0 && !telnet->binary)
				continue; /* CR NUL is a lone CR */
		}
		switch (telnet->state) {
		case DATA:
			if (byte == TELNET_IAC) {
				telnet->state = COMMAND;
				break;
			}
			telnet->state = byte == '\r' ? RETURN : DATA;
			data[left++] = byte;
			break;
		case COMMAND: left += command(telnet, byte, &data[left]); break;
		case OPTION:
			telnet->state = DATA;
			option(telnet, telnet->verb, byte);
			break;
		case SUB: telnet->state = byte == TELNET_IAC ? SUB_COMMAND : SUB; break;
		default: telnet->state = byte == SE ? DATA : SUB; break;
		}
	}
	return left;
}
