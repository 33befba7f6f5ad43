/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * ISA devices that ask for DMA, and DMA controllers that grant it as they please.
 */
#include "fake_peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The bridge with the devices. */

static void dma_dack(void *self, uint32_t channel)
{
	struct fake_peer *peer = self;
	if (peer->calling > 0)
		fake_fault(peer->instance, "port %s: dack was called up from within a call down", peer->row->key);
	if (channel > 7 || channel == 4)
		fake_fault(peer->instance, "port %s: dack of channel %u", peer->row->key, channel);
}

const struct vmm_dma_upper fake_peer_dma_upper = {
	.struct_size = sizeof(struct vmm_dma_upper),
	.dack = dma_dack,
};

static void bridge_act(struct fake_peer *peer)
{
	const struct vmm_dma_lower *lower = peer->table;
	struct chance *chance = peer->chance;
	/* Numbers that are no channels must be refused. */
	uint32_t channel = (uint32_t)chance_below(chance, chance_below(chance, 8) == 0 ? 40 : 8);
	uint32_t length = (uint32_t)chance_below(chance, chance_below(chance, 8) == 0 ? 70000 : 600);
	uint32_t what = (uint32_t)chance_below(chance, 4);
	uint32_t terminal = 2;
	int32_t done = 0;
	uint8_t *data = calloc(1, length + 1u);
	peer->calling++;
	if (what < 2)
		lower->dreq(peer->self, channel, (uint32_t)chance_below(chance, 4) != 0);
	else if (what == 2)
		done = lower->to_memory(peer->self, channel, data, length, &terminal);
	else
		done = lower->from_memory(peer->self, channel, data, length, &terminal);
	peer->calling--;
	if (done > 0 && (uint32_t)done > length)
		fake_fault(peer->instance, "port %s: %d bytes were moved of %u", peer->row->key, done, length);
	if (what >= 2 && terminal > 1)
		fake_fault(peer->instance, "port %s: a transfer left *terminal alone", peer->row->key);
	free(data);
}

/* The controllers. */

static int32_t dma_dreq(void *self, uint32_t channel, uint32_t level)
{
	struct fake_peer *peer = self;
	(void)level;
	if (channel > 7 || channel == 4)
		fake_fault(peer->instance, "port %s: dreq of channel %u", peer->row->key, channel);
	return 0;
}

static int32_t dma_some(struct fake_peer *peer, uint32_t length, uint32_t *terminal)
{
	*terminal = chance_below(peer->chance, 4) == 0;
	return (int32_t)chance_below(peer->chance, (uint64_t)length + 1);
}

static int32_t dma_to_memory(void *self, uint32_t channel, const void *data, uint32_t length, uint32_t *terminal)
{
	const volatile uint8_t *bytes = data;
	(void)channel;
	for (uint32_t i = 0; i < length; i++)
		(void)bytes[i];
	return dma_some(self, length, terminal);
}

static int32_t dma_from_memory(void *self, uint32_t channel, void *data, uint32_t length, uint32_t *terminal)
{
	(void)channel;
	memset(data, 0x5a, length);
	return dma_some(self, length, terminal);
}

const struct vmm_dma_lower fake_peer_dma_lower = {
	.struct_size = sizeof(struct vmm_dma_lower),
	.dreq = dma_dreq,
	.to_memory = dma_to_memory,
	.from_memory = dma_from_memory,
};

void fake_peer_dma_act(struct fake_peer *peer)
{
	const struct vmm_dma_upper *upper = peer->table;
	uint32_t channel = (uint32_t)chance_below(peer->chance, 8);
	if (peer->role == VMM_ROLE_UPPER)
		bridge_act(peer);
	else if (channel != 4)
		upper->dack(peer->self, channel);
}
