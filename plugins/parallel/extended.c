/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The ECP's registers: the FIFO, the configuration registers, and the extended control register.
 */
#include "parallel.h"

#define CNFGA 0x14 /* interrupts are edges, words of 8 bits, none of them lost in the pipeline */

static uint32_t reverse(const struct parallel *parallel)
{
	return (parallel->control & CONTROL_INPUT) != 0;
}

/* The FIFO that the processor sees: towards the peer, or from it. */
static struct vmm_ring *fifo(struct parallel *parallel)
{
	return mode(parallel) == MODE_ECP && reverse(parallel) ? &parallel->in : &parallel->out;
}

/* A service interrupt: eight bytes of room, or of data, while they are wanted; it switches itself off. */
void service_update(struct parallel *parallel)
{
	uint32_t ready;
	if ((parallel->ecr & (ECR_SERVICE | ECR_DMA)) != 0)
		return;
	switch (mode(parallel)) {
	case MODE_FIFO: ready = vmm_ring_space(&parallel->out) >= THRESHOLD; break;
	case MODE_ECP:
	case MODE_TEST:
		ready = reverse(parallel) ? fifo(parallel)->count >= THRESHOLD
					  : vmm_ring_space(fifo(parallel)) >= THRESHOLD;
		break;
	default: return;
	}
	if (!ready)
		return;
	parallel->ecr |= ECR_SERVICE;
	parallel->irq->pulse(parallel->host->context, parallel->source);
}

static uint8_t fifo_read(struct parallel *parallel)
{
	int32_t byte = -1;
	if (mode(parallel) == MODE_TEST || (mode(parallel) == MODE_ECP && reverse(parallel)))
		byte = vmm_ring_pop(fifo(parallel));
	if (mode(parallel) == MODE_ECP && byte >= 0)
		backend_room(parallel);
	service_update(parallel);
	return byte < 0 ? 0xff : (uint8_t)byte;
}

static void fifo_write(struct parallel *parallel, uint8_t value)
{
	if (mode(parallel) == MODE_TEST) {
		vmm_ring_push(&parallel->out, value);
		service_update(parallel);
	} else if (mode(parallel) == MODE_FIFO || (mode(parallel) == MODE_ECP && !reverse(parallel))) {
		/* One too many is lost, as in the chip. */
		vmm_ring_push(&parallel->out, value);
		backend_send(parallel);
	}
}

static uint8_t config_b(const struct parallel *parallel)
{
	static const uint8_t codes[16] = { [5] = 7, [7] = 1, [9] = 2, [10] = 3, [11] = 4, [14] = 5, [15] = 6 };
	/* Bits 5:3 say which interrupt; no DMA channel. */
	return (uint8_t)(codes[parallel->line & 15] << 3);
}

static void ecr_write(struct parallel *parallel, uint8_t value)
{
	uint32_t before = mode(parallel);
	parallel->ecr = value & (uint8_t) ~(ECR_EMPTY | ECR_FULL);
	/* Each change of the mode empties the FIFO, and the standard mode is an output's. */
	if (before != mode(parallel))
		vmm_ring_clear(&parallel->out);
	if (mode(parallel) == MODE_STANDARD || mode(parallel) == MODE_FIFO)
		parallel->control &= (uint8_t)~CONTROL_INPUT;
	service_update(parallel);
}

static int32_t extended_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct parallel *parallel = self;
	(void)token;
	(void)size;
	*value = 0xff;
	switch (offset) {
	case 0: *value = mode(parallel) == MODE_CONFIG ? CNFGA : fifo_read(parallel); break;
	case 1:
		if (mode(parallel) == MODE_CONFIG)
			*value = config_b(parallel);
		break;
	default: {
		const struct vmm_ring *ring = fifo(parallel);
		*value = parallel->ecr | (ring->count == 0 ? ECR_EMPTY : 0u) |
			(ring->count == ring->size ? ECR_FULL : 0u);
		break;
	}
	}
	return 0;
}

static int32_t extended_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct parallel *parallel = self;
	(void)token;
	(void)size;
	if (offset == 0)
		fifo_write(parallel, (uint8_t)value);
	else if (offset == 2)
		ecr_write(parallel, (uint8_t)value);
	return 0;
}

const struct vmm_io_ops extended_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = extended_read,
	.write = extended_write,
};
