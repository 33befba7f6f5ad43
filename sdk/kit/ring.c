/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <vmm/kit/ring.h>

#include <errno.h>
#include <stdlib.h>

#include <vmm/state.h>

const uint8_t *vmm_ring_piece(const struct vmm_ring *ring, uint32_t *length)
{
	uint32_t tail = ring->size - ring->first;
	*length = ring->count < tail ? ring->count : tail;
	return ring->data + ring->first;
}

void vmm_ring_drop(struct vmm_ring *ring, uint32_t count)
{
	if (count > ring->count)
		count = ring->count;
	ring->count -= count;
	ring->first = ring->count == 0 ? 0 : (ring->first + count) % ring->size;
}

uint32_t vmm_ring_write(struct vmm_ring *ring, const void *data, uint32_t length)
{
	const uint8_t *bytes = data;
	uint32_t done = 0;
	while (done < length && vmm_ring_push(ring, bytes[done]))
		done++;
	return done;
}

int32_t vmm_ring_save(const struct vmm_host *host, const char *name, const struct vmm_ring *ring)
{
	const struct vmm_state_service *state = vmm_kit_service(host, VMM_SERVICE_STATE);
	if (state == NULL)
		return -ENOTSUP;
	uint8_t *bytes = malloc(ring->count + 1);
	if (bytes == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < ring->count; i++)
		bytes[i] = vmm_ring_at(ring, i);
	state->put_bytes(host->context, name, bytes, ring->count);
	free(bytes);
	return 0;
}

int32_t vmm_ring_load(const struct vmm_host *host, const char *name, struct vmm_ring *ring)
{
	const struct vmm_state_service *state = vmm_kit_service(host, VMM_SERVICE_STATE);
	if (state == NULL)
		return -ENOTSUP;
	int64_t length = state->length(host->context, name);
	if (length < 0)
		return -EPROTO;
	if (length > ring->size)
		return vmm_kit_fail(host, -EINVAL, "the saved state is damaged; start the machine afresh",
			"saved field %s is longer than its buffer", name);
	int32_t status = state->get_bytes(host->context, name, ring->data, (uint64_t)length);
	if (status < 0)
		return status;
	ring->first = 0;
	ring->count = (uint32_t)length;
	return 0;
}
