/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <string.h>

#include "segment.h"

static uint32_t place(const uint8_t address[6])
{
	uint32_t hash = 0x811c9dc5;
	for (uint32_t i = 0; i < 6; i++)
		hash = (hash ^ address[i]) * 0x01000193;
	return (hash ^ hash >> 16) % SEGMENT_ADDRESSES;
}

/* A newer one takes the place of an older one; to whom there is no way goes to all, as on any switch. */
void address_learn(struct segment *segment, const uint8_t address[6], uint32_t peer)
{
	struct known *known = &segment->known[place(address)];
	if ((address[0] & 1) != 0)
		return;
	memcpy(known->address, address, 6);
	known->peer = peer;
}

uint32_t address_find(const struct segment *segment, const uint8_t address[6])
{
	const struct known *known = &segment->known[place(address)];
	return (address[0] & 1) == 0 && memcmp(known->address, address, 6) == 0 ? known->peer : 0;
}

void address_forget(struct segment *segment, uint32_t peer)
{
	for (uint32_t i = 0; i < SEGMENT_ADDRESSES; i++) {
		if (segment->known[i].peer == peer)
			memset(&segment->known[i], 0, sizeof(segment->known[i]));
	}
}
