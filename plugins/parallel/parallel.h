/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A PC's parallel port after the PC87332 datasheet: the standard port, EPP 1.9, and the registers of Microsoft's
 * Extended Capabilities Port Protocol and ISA Interface Standard 1.14.
 */
#ifndef PARALLEL_H
#define PARALLEL_H

#include <vmm/io.h>
#include <vmm/irq.h>
#include <vmm/kit/plugin.h>
#include <vmm/kit/ring.h>
#include <vmm/port-char.h>
#include <vmm/timer.h>

#define FIFO_SIZE 16
#define THRESHOLD 8 /* of the FIFO's service interrupt */

/* Status. */
#define STATUS_TIMEOUT 0x01 /* EPP */
#define STATUS_ONES    0x06
#define STATUS_NFAULT  0x08
#define STATUS_SELECT  0x10
#define STATUS_PERROR  0x20
#define STATUS_NACK    0x40
#define STATUS_NBUSY   0x80

/* Control. */
#define CONTROL_STROBE 0x01
#define CONTROL_IRQ    0x10
#define CONTROL_INPUT  0x20
#define CONTROL_BITS   0x3f

/* Extended control. */
#define ECR_EMPTY   0x01
#define ECR_FULL    0x02
#define ECR_SERVICE 0x04 /* 1: no service interrupts, or one has come */
#define ECR_DMA     0x08
#define ECR_NERROR  0x10
enum { MODE_STANDARD, MODE_BYTE, MODE_FIFO, MODE_ECP, MODE_EPP, MODE_RESERVED, MODE_TEST, MODE_CONFIG };

struct parallel {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_irq_service *irq;
	const struct vmm_timer_service *timer;
	const struct vmm_char_lower *backend;
	void *backend_self;
	vmm_handle claims[2], source, ack_timer;
	uint32_t line;

	uint8_t data, control, ecr, epp_address;
	uint8_t timed_out;   /* the EPP's status bit */
	uint8_t pending;     /* a byte was strobed that the backend has not taken: busy */
	uint8_t strobed;     /* that byte */
	vmm_time ack_end;    /* the acknowledge pulse of the byte that was taken last */
	uint32_t ack_unseen; /* no read of the status has shown it yet */
	uint32_t held;       /* the backend was told that there is no room */
	struct vmm_ring out, in;
	uint8_t out_data[FIFO_SIZE], in_data[FIFO_SIZE];
};

static inline uint32_t mode(const struct parallel *parallel)
{
	return parallel->ecr >> 5;
}

/* standard.c: base to base + 7, and the backend. */
extern const struct vmm_io_ops standard_ops;
extern const struct vmm_char_upper char_upper;
void ack_due(void *self, uint64_t token);
/* Hand the strobed byte and the FIFO to the backend, as far as it takes them. */
void backend_send(struct parallel *parallel);
/* There is room for what the backend has to say. */
void backend_room(struct parallel *parallel);

/* extended.c: base + 400 (hexadecimal). */
extern const struct vmm_io_ops extended_ops;
void service_update(struct parallel *parallel);

#endif
