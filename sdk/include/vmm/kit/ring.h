/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Device kit: a ring buffer of bytes in memory that its user provides.
 */
#ifndef VMM_KIT_RING_H
#define VMM_KIT_RING_H

#include <vmm/kit/host.h>

struct vmm_ring {
	uint8_t *data;
	uint32_t size;
	uint32_t first; /* index of the oldest byte, below size */
	uint32_t count; /* bytes held, at most size */
};

static inline void vmm_ring_init(struct vmm_ring *ring, uint8_t *data, uint32_t size)
{
	ring->data = data;
	ring->size = size;
	ring->first = 0;
	ring->count = 0;
}

static inline void vmm_ring_clear(struct vmm_ring *ring)
{
	ring->first = 0;
	ring->count = 0;
}

static inline uint32_t vmm_ring_space(const struct vmm_ring *ring)
{
	return ring->size - ring->count;
}

/* Add a byte; 0 if there is no room. */
static inline uint32_t vmm_ring_push(struct vmm_ring *ring, uint8_t byte)
{
	if (ring->count == ring->size)
		return 0;
	ring->data[(ring->first + ring->count++) % ring->size] = byte;
	return 1;
}

/* Byte number `index` from the oldest; index < count. */
static inline uint8_t vmm_ring_at(const struct vmm_ring *ring, uint32_t index)
{
	return ring->data[(ring->first + index) % ring->size];
}

/* Take the oldest byte, or return -1. */
static inline int32_t vmm_ring_pop(struct vmm_ring *ring)
{
	if (ring->count == 0)
		return -1;
	uint8_t byte = ring->data[ring->first];
	ring->first = (ring->first + 1) % ring->size;
	ring->count--;
	return byte;
}

/* The oldest bytes that lie in one piece: their address, and how many. */
const uint8_t *vmm_ring_piece(const struct vmm_ring *ring, uint32_t *length);
/* Drop the `count` oldest bytes (at most those held). */
void vmm_ring_drop(struct vmm_ring *ring, uint32_t count);
/* Add up to `length` bytes; returns how many went in. */
uint32_t vmm_ring_write(struct vmm_ring *ring, const void *data, uint32_t length);

/* Save the contents as one field of bytes; load them into a ring of any size that holds them. */
int32_t vmm_ring_save(const struct vmm_host *host, const char *name, const struct vmm_ring *ring);
int32_t vmm_ring_load(const struct vmm_host *host, const char *name, struct vmm_ring *ring);

#endif
