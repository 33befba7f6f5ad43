/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The standard port, EPP, and the line to the backend.
 */
#include "parallel.h"

#define ACK_BEGIN UINT64_C(1000) /* ns after the byte was taken */
#define ACK_END   UINT64_C(5000)

static vmm_time now(const struct parallel *parallel)
{
	return parallel->timer->now(parallel->host->context, VMM_CLOCK_GUEST);
}

/* The peer acknowledges: busy for 5 us, nAck low in the last 4 of them; its rising edge interrupts. */
static void acknowledge(struct parallel *parallel)
{
	parallel->ack_end = now(parallel) + ACK_END;
	parallel->ack_unseen = 1;
	parallel->timer->arm(parallel->host->context, parallel->ack_timer, parallel->ack_end);
}

void ack_due(void *self, uint64_t token)
{
	struct parallel *parallel = self;
	(void)token;
	if ((parallel->control & CONTROL_IRQ) != 0)
		parallel->irq->pulse(parallel->host->context, parallel->source);
}

void backend_send(struct parallel *parallel)
{
	if (parallel->backend == NULL)
		return;
	if (parallel->pending && parallel->backend->write(parallel->backend_self, &parallel->strobed, 1) == 1) {
		parallel->pending = 0;
		acknowledge(parallel);
	}
	while (parallel->out.count > 0 && (mode(parallel) == MODE_FIFO || mode(parallel) == MODE_ECP)) {
		uint32_t length;
		const uint8_t *piece = vmm_ring_piece(&parallel->out, &length);
		int32_t taken = parallel->backend->write(parallel->backend_self, piece, length);
		if (taken <= 0)
			break;
		vmm_ring_drop(&parallel->out, (uint32_t)taken < length ? (uint32_t)taken : length);
	}
	service_update(parallel);
}

void backend_room(struct parallel *parallel)
{
	if (!parallel->held || parallel->backend == NULL)
		return;
	parallel->held = 0;
	parallel->backend->readable(parallel->backend_self);
}

static uint8_t status_read(struct parallel *parallel)
{
	uint8_t status = STATUS_ONES | STATUS_NFAULT | STATUS_SELECT | STATUS_NACK;
	vmm_time time = now(parallel);
	uint32_t acknowledging = time < parallel->ack_end;
	if (parallel->timed_out)
		status |= STATUS_TIMEOUT;
	parallel->timed_out = 0; /* reading clears it */
	if (parallel->backend == NULL)
		return status | STATUS_PERROR; /* an open cable: inputs are pulled up, so it is busy */
	/*
	 * Who polls for nAck, as BIOSes do, must see it however long the host keeps the guest from running: without the
	 * interrupt a pulse that has gone by unseen is shown once.
	 */
	uint32_t shown = acknowledging ? parallel->ack_end - time <= ACK_END - ACK_BEGIN
				       : parallel->ack_unseen && (parallel->control & CONTROL_IRQ) == 0;
	if (shown) {
		status &= (uint8_t)~STATUS_NACK;
		parallel->ack_unseen = 0;
	}
	if (!parallel->pending && !acknowledging)
		status |= STATUS_NBUSY;
	return status;
}

static void control_write(struct parallel *parallel, uint8_t value)
{
	uint8_t before = parallel->control;
	value &= CONTROL_BITS;
	/* The direction is the host's to choose in the bidirectional modes only. */
	if (mode(parallel) == MODE_STANDARD || mode(parallel) == MODE_FIFO)
		value &= (uint8_t)~CONTROL_INPUT;
	parallel->control = value;
	/* nStrobe falls: a byte, unless the last one is still waiting. */
	if ((value & ~before & CONTROL_STROBE) == 0 || (value & CONTROL_INPUT) != 0 || mode(parallel) > MODE_BYTE ||
		parallel->pending || parallel->backend == NULL)
		return;
	parallel->strobed = parallel->data;
	parallel->pending = 1;
	backend_send(parallel);
}

static void epp_write(struct parallel *parallel, uint32_t offset, uint8_t value)
{
	if (offset == 3) {
		parallel->epp_address = value;
		return;
	}
	if (parallel->backend == NULL || (parallel->control & CONTROL_INPUT) != 0 ||
		parallel->backend->write(parallel->backend_self, &value, 1) != 1)
		parallel->timed_out = 1;
}

static uint8_t epp_read(struct parallel *parallel, uint32_t offset)
{
	if (offset == 3)
		return parallel->epp_address;
	int32_t byte = vmm_ring_pop(&parallel->in);
	if (byte < 0) {
		parallel->timed_out = 1; /* nobody answers within 10 us */
		return 0xff;
	}
	backend_room(parallel);
	return (uint8_t)byte;
}

static int32_t standard_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct parallel *parallel = self;
	(void)token;
	(void)size;
	switch (offset) {
	/* As an input nobody drives the data lines between transfers. */
	case 0: *value = (parallel->control & CONTROL_INPUT) != 0 ? 0xff : parallel->data; break;
	case 1: *value = status_read(parallel); break;
	case 2: *value = parallel->control | (uint32_t)(uint8_t)~CONTROL_BITS; break;
	default: *value = mode(parallel) == MODE_EPP ? epp_read(parallel, offset) : 0xff; break;
	}
	return 0;
}

static int32_t standard_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct parallel *parallel = self;
	(void)token;
	(void)size;
	switch (offset) {
	case 0:
		/* In ECP mode this is the address FIFO: channel addresses mean nothing to a stream of bytes. */
		if (mode(parallel) != MODE_ECP)
			parallel->data = (uint8_t)value;
		break;
	case 1: break;
	case 2: control_write(parallel, (uint8_t)value); break;
	default:
		if (mode(parallel) == MODE_EPP)
			epp_write(parallel, offset, (uint8_t)value);
		break;
	}
	return 0;
}

const struct vmm_io_ops standard_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = standard_read,
	.write = standard_write,
};

/* The backend's calls. */

static int32_t char_receive(void *self, const void *data, uint32_t length)
{
	struct parallel *parallel = self;
	uint32_t taken = vmm_ring_write(&parallel->in, data, length);
	if (taken < length)
		parallel->held = 1;
	service_update(parallel);
	return (int32_t)taken;
}

static void char_writable(void *self)
{
	backend_send(self);
}

static void char_event(void *self, uint32_t event, uint64_t value)
{
	(void)self;
	(void)event;
	(void)value;
}

const struct vmm_char_upper char_upper = {
	.struct_size = sizeof(struct vmm_char_upper),
	.receive = char_receive,
	.writable = char_writable,
	.event = char_event,
};
