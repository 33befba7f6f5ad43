/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What a guest, a peer and time can do to a device, at random but repeatably.
 */
#include "check.h"

#include <string.h>

static void see(struct rig *rig, uint64_t value)
{
	rig->last = value;
	rig->result = (rig->result ^ value) * UINT64_C(0x100000001b3);
}

static void act_port(struct rig *rig, uint32_t writes)
{
	struct chance *chance = &rig->chance;
	uint32_t first = (uint32_t)chance_below(chance, FAKE_CLAIMS);
	uint32_t used = 0;
	for (uint32_t i = 0; i < FAKE_CLAIMS; i++)
		used += rig->fake->claims[i].used && rig->fake->claims[i].enabled;
	if (used == 0)
		return;
	first %= used;
	struct fake_claim *claim = rig->fake->claims;
	for (;; claim++) {
		if (claim->used && claim->enabled && first-- == 0)
			break;
	}
	uint32_t size = 1u << chance_below(chance, 3);
	uint32_t port = claim->port + (uint32_t)chance_below(chance, claim->count);
	if (port + size > 0x10000)
		size = 1;
	if (writes) {
		uint32_t value = (uint32_t)fake_peer_value(chance);
		check_doing(rig->check, "write of %#x, %u bytes, to I/O port %#x", value, size, port);
		fake_out(rig->fake, port, size, value);
	} else {
		check_doing(rig->check, "read of %u bytes from I/O port %#x", size, port);
		see(rig, fake_in(rig->fake, port, size));
	}
}

static void act_region(struct rig *rig, uint32_t writes)
{
	struct chance *chance = &rig->chance;
	uint32_t first = (uint32_t)chance_below(chance, FAKE_REGIONS);
	uint32_t used = 0;
	for (uint32_t i = 0; i < FAKE_REGIONS; i++)
		used += rig->fake->regions[i].used && rig->fake->regions[i].mapped &&
			rig->fake->regions[i].desc.ops != NULL;
	if (used == 0)
		return;
	first %= used;
	struct fake_region *region = rig->fake->regions;
	for (;; region++) {
		if (region->used && region->mapped && region->desc.ops != NULL && first-- == 0)
			break;
	}
	const struct vmm_region_desc *desc = &region->desc;
	uint32_t least = desc->size_minimum != 0 ? desc->size_minimum : 1;
	uint32_t most = desc->size_maximum != 0 ? desc->size_maximum : 4;
	uint32_t size = least;
	while (size < most && chance_below(chance, 2) != 0)
		size *= 2;
	/* Registers are at the start as a rule. */
	uint64_t span = chance_below(chance, 2) != 0 && desc->length > 256 ? 256 : desc->length;
	uint64_t offset = chance_below(chance, span) & ~(uint64_t)(size - 1);
	uint64_t mask = size == 8 ? UINT64_MAX : (UINT64_C(1) << (size * 8)) - 1;
	if (offset + size > desc->length)
		return;
	if (writes) {
		uint64_t value = fake_peer_value(chance) & mask;
		check_doing(rig->check, "write of %#llx, %u bytes, to region + %#llx", (unsigned long long)value, size,
			(unsigned long long)offset);
		if (desc->ops->write != NULL)
			desc->ops->write(desc->self, desc->token, offset, size, value);
	} else if (desc->type == VMM_REGION_MMIO && desc->ops->read != NULL) {
		uint64_t value = UINT64_MAX;
		check_doing(rig->check, "read of %u bytes from region + %#llx", size, (unsigned long long)offset);
		if (desc->ops->read(desc->self, desc->token, offset, size, &value) < 0)
			value = UINT64_MAX;
		see(rig, value & mask);
	}
}

static void act_time(struct rig *rig)
{
	struct chance *chance = &rig->chance;
	/* Mostly microseconds, seldom a second. */
	uint32_t bits = chance_below(chance, 32) == 0 ? 30 : 10 + (uint32_t)chance_below(chance, 14);
	vmm_time step = chance_next(chance) & ((UINT64_C(1) << bits) - 1);
	check_doing(rig->check, "%llu ns pass", (unsigned long long)step);
	if (bits == 30 || chance_below(chance, 8) == 0) {
		/* A busy host: all that was due comes late, at once. */
		fake_skip(rig->fake, step);
		fake_run_timers(rig->fake);
	} else {
		fake_advance(rig->fake, step);
	}
}

void rig_act(struct rig *rig, uint64_t seed, uint64_t number)
{
	struct chance *chance = &rig->chance;
	/* Each step begins afresh, so that two machines in step stay so whatever their peers have drawn. */
	chance_seed(chance, seed ^ (number * UINT64_C(0xbf58476d1ce4e5b9)));
	uint64_t what = chance_below(chance, 1000);
	if (what < 380) {
		act_port(rig, 1);
		if (what < 20)
			act_region(rig, 1);
	} else if (what < 560) {
		act_port(rig, 0);
	} else if (what < 660) {
		act_region(rig, 1);
	} else if (what < 740) {
		act_region(rig, 0);
	} else if (what < 840) {
		if (rig->peer_count > 0) {
			struct fake_peer *peer = &rig->peers[chance_below(chance, rig->peer_count)];
			check_doing(rig->check, "an act of the peer at port %s", peer->row->key);
			fake_peer_act(peer);
		}
	} else if (what < 960) {
		act_time(rig);
	} else if (what < 994) {
		check_doing(rig->check, "the event loop");
		fake_poll(rig->fake, 0);
	} else if (what < 996) {
		check_doing(rig->check, "the power button");
		fake_button(rig->fake);
	} else if (what < 999) {
		check_doing(rig->check, "stop and start");
		rig_stop(rig);
		rig_start(rig);
	} else {
		check_doing(rig->check, "reset(HARD)");
		fake_reset(rig->fake, VMM_RESET_HARD);
	}
}

void rig_look(struct rig *rig)
{
	struct fake *fake = rig->fake;
	/* PCI functions are to be seen. */
	for (uint32_t i = 0; i < rig->peer_count; i++)
		fake_peer_place(&rig->peers[i]);
	for (uint32_t i = 0; i < FAKE_CLAIMS; i++) {
		const struct fake_claim *claim = &fake->claims[i];
		for (uint32_t k = 0; claim->used && claim->enabled && k < claim->count && k < 256; k++) {
			check_doing(rig->check, "read of I/O port %#x", claim->port + k);
			see(rig, fake_in(fake, claim->port + k, 1));
		}
	}
	for (uint32_t i = 0; i < FAKE_REGIONS; i++) {
		const struct fake_region *region = &fake->regions[i];
		const struct vmm_region_desc *desc = &region->desc;
		uint32_t size = desc->size_maximum != 0 ? desc->size_maximum : 4;
		if (!region->used || !region->mapped || desc->type != VMM_REGION_MMIO || desc->ops->read == NULL)
			continue;
		for (uint64_t k = 0; k + size <= desc->length && k < 4096; k += size) {
			uint64_t value = UINT64_MAX;
			check_doing(rig->check, "read of %u bytes from region + %#llx", size, (unsigned long long)k);
			desc->ops->read(desc->self, desc->token, k, size, &value);
			see(rig, value & (size == 8 ? UINT64_MAX : (UINT64_C(1) << (size * 8)) - 1));
		}
	}
}
