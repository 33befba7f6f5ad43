/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * One 8237A (Intel 231466-005, September 1993): registers and counting.  Memory is its owner's business.
 */
#ifndef CONTROLLER_H
#define CONTROLLER_H

#include <stdint.h>

/* Command register. */
#define COMMAND_MEMORY   0x01 /* memory to memory, by channels 0 and 1 */
#define COMMAND_HOLD     0x02 /* channel 0 keeps its address then */
#define COMMAND_DISABLE  0x04
#define COMMAND_DREQ_LOW 0x40

/* Mode register, without the channel's number. */
#define MODE_TYPE       0x0c
#define MODE_VERIFY     0x00
#define MODE_WRITE      0x04 /* to memory */
#define MODE_READ       0x08
#define MODE_AUTO       0x10
#define MODE_DECREMENT  0x20
#define MODE_KIND       0xc0
#define MODE_KIND_BLOCK 0x80
#define MODE_CASCADE    0xc0

struct channel {
	uint16_t base_address, base_count;
	uint16_t address, count;
	uint8_t mode;
};

struct controller {
	struct channel channels[4];
	uint8_t command, temporary;
	uint8_t request;  /* by software, a bit each */
	uint8_t mask;     /* a bit each: masked */
	uint8_t terminal; /* status bits 0 to 3 */
	uint8_t flip_flop;
	uint8_t dreq; /* the pins as they are */
};

/* RESET, and the master clear command. */
void controller_clear(struct controller *controller);
/* Registers 0 to 15. */
uint8_t controller_read(struct controller *controller, uint32_t number);
void controller_write(struct controller *controller, uint32_t number, uint8_t value);
/* Channels whose DREQ is active. */
uint8_t controller_active(const struct controller *controller);
/* Channels that would be served if they, or a program, asked: enabled, and not masked. */
uint8_t controller_open(const struct controller *controller);
/* Transfers until the count has run out: 1 to 65536. */
uint32_t channel_left(const struct channel *channel);
/* Transfers until the address wraps. */
uint32_t channel_run(const struct channel *channel);
/* That many have been made, at most channel_left; returns whether it was the last: TC. */
uint32_t controller_count(struct controller *controller, uint32_t number, uint32_t transfers);

#endif
