/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A loudspeaker, and what drives one.
 */
#include "fake_peer.h"

static void speaker_drive(void *self, vmm_time time, uint64_t period, uint64_t high)
{
	struct fake_peer *peer = self;
	if (time > peer->instance->fake->now)
		fake_fault(peer->instance, "port %s: drive from a time to come", peer->row->key);
	if (period == 0 ? high > 1 : high > period)
		fake_fault(peer->instance, "port %s: a wave that is high for %llu of %llu ns", peer->row->key,
			(unsigned long long)high, (unsigned long long)period);
}

const struct vmm_speaker_lower fake_peer_speaker_lower = {
	.struct_size = sizeof(struct vmm_speaker_lower),
	.drive = speaker_drive,
};

const struct vmm_speaker_upper fake_peer_speaker_upper = {
	.struct_size = sizeof(struct vmm_speaker_upper),
};

void fake_peer_speaker_act(struct fake_peer *peer)
{
	const struct vmm_speaker_lower *lower = peer->table;
	struct chance *chance = peer->chance;
	if (peer->role != VMM_ROLE_UPPER)
		return;
	vmm_time time = peer->instance->fake->now;
	uint64_t period = chance_below(chance, 3) == 0 ? 0 : chance_below(chance, 10000000);
	uint64_t high = period == 0 ? chance_below(chance, 2) : chance_below(chance, period + 1);
	/* An edge may be told of a little late. */
	if (time > 1000)
		time -= chance_below(chance, 1000);
	peer->calling++;
	lower->drive(peer->self, time, period, high);
	peer->calling--;
}
