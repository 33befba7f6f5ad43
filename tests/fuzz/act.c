/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What a byte of the input stands for.  The bytes after it say the rest; the table below makes what guests do most the
 * most likely.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void see(struct world *world, uint64_t value)
{
	world->result = (world->result ^ value) * UINT64_C(0x100000001b3);
}

static uint32_t draw(struct world *world, uint32_t limit)
{
	return (uint32_t)chance_below(&world->chance, limit);
}

/* A port that somebody has claimed; UINT32_MAX: none.  The claims are named by their number, so that an input goes on
 * meaning the same when one of them moves. */
static uint32_t draw_port(struct world *world)
{
	uint32_t number = draw(world, 256);
	uint32_t used = 0;
	for (uint32_t i = 0; i < FAKE_CLAIMS; i++)
		used += world->fake->claims[i].used && world->fake->claims[i].enabled;
	if (used == 0)
		return UINT32_MAX;
	number %= used;
	for (uint32_t i = 0; i < FAKE_CLAIMS; i++) {
		const struct fake_claim *claim = &world->fake->claims[i];
		if (claim->used && claim->enabled && number-- == 0)
			return claim->port + (claim->count > 1 ? draw(world, claim->count) : 0);
	}
	return UINT32_MAX;
}

static void port_write(struct world *world, uint32_t port, uint32_t size, uint32_t value)
{
	world_doing(world, "out %#x, %#x, %u bytes", port, value, size);
	fake_out(world->fake, port & 0xffff, port + size > 0x10000 ? 1 : size, value);
}

static void port_read(struct world *world, uint32_t port, uint32_t size)
{
	world_doing(world, "in %#x, %u bytes", port, size);
	see(world, fake_in(world->fake, port & 0xffff, port + size > 0x10000 ? 1 : size));
}

static void act_out(struct world *world)
{
	uint32_t size = 1u << draw(world, 3);
	uint32_t port = draw_port(world);
	if (port != UINT32_MAX)
		port_write(world, port, size, (uint32_t)chance_take(&world->chance, size));
}

static void act_out_byte(struct world *world)
{
	uint32_t port = draw_port(world);
	if (port != UINT32_MAX)
		port_write(world, port, 1, (uint32_t)chance_take(&world->chance, 1));
}

static void act_in(struct world *world)
{
	uint32_t size = 1u << draw(world, 3);
	uint32_t port = draw_port(world);
	if (port != UINT32_MAX)
		port_read(world, port, size);
}

/* A few bytes to one port, as commands with parameters are written. */
static void act_out_string(struct world *world)
{
	uint32_t port = draw_port(world);
	uint32_t count = 1 + draw(world, 16);
	for (uint32_t i = 0; port != UINT32_MAX && i < count; i++)
		port_write(world, port, 1, (uint32_t)chance_take(&world->chance, 1));
}

/* A few bytes to ports in a row, as a drive's registers are written. */
static void act_out_row(struct world *world)
{
	uint32_t port = draw_port(world);
	uint32_t count = 1 + draw(world, 8);
	for (uint32_t i = 0; port != UINT32_MAX && i < count; i++)
		port_write(world, port + i, 1, (uint32_t)chance_take(&world->chance, 1));
}

/* INS and OUTS: much data, that need not be told apart. */
static void act_repeat(struct world *world, uint32_t writes)
{
	uint32_t size = 1u << draw(world, 3);
	uint32_t port = draw_port(world);
	uint32_t count = 1 + draw(world, 256);
	uint32_t value = writes ? (uint32_t)chance_take(&world->chance, size) : 0;
	if (port == UINT32_MAX || port + size > 0x10000)
		return;
	world_doing(world, "%u times %s %#x, %u bytes", count, writes ? "outs" : "ins", port, size);
	for (uint32_t i = 0; i < count; i++) {
		if (writes)
			fake_out(world->fake, port, size, value + i * 0x01010101);
		else
			see(world, fake_in(world->fake, port, size));
	}
}

static void act_ins(struct world *world)
{
	act_repeat(world, 0);
}

static void act_outs(struct world *world)
{
	act_repeat(world, 1);
}

static struct fake_region *draw_region(struct world *world)
{
	uint32_t number = draw(world, 256);
	uint32_t used = 0;
	for (uint32_t i = 0; i < FAKE_REGIONS; i++)
		used += world->fake->regions[i].used && world->fake->regions[i].mapped;
	for (uint32_t i = 0; used > 0 && i < FAKE_REGIONS; i++) {
		struct fake_region *region = &world->fake->regions[i];
		if (region->used && region->mapped && number-- % used == 0)
			return region;
	}
	return NULL;
}

/* Registers, ROMs and memory of devices. */
static void act_region(struct world *world, uint32_t writes)
{
	struct fake_region *region = draw_region(world);
	uint32_t wanted = 1u << draw(world, 4);
	uint32_t span = draw(world, 256);
	if (region == NULL)
		return;
	const struct vmm_region_desc *desc = &region->desc;
	/* Registers are at the start as a rule. */
	uint64_t offset = (span < 0xe0 ? (uint64_t)span << 2 : chance_take(&world->chance, 4)) % desc->length;
	uint32_t least = desc->size_minimum != 0 ? desc->size_minimum : 1;
	uint32_t most = desc->size_maximum != 0 ? desc->size_maximum : 4;
	uint32_t size = wanted < least ? least : wanted > most ? most : wanted;
	uint64_t value = writes ? chance_take(&world->chance, size) : UINT64_MAX;
	offset &= ~(uint64_t)(size - 1);
	if (offset + size > desc->length)
		return;
	world_doing(world, "%s region + %#llx (%#llx), %u bytes, %#llx", writes ? "write" : "read",
		(unsigned long long)offset, (unsigned long long)(region->address + offset), size,
		(unsigned long long)value);
	if (desc->type != VMM_REGION_MMIO) {
		if (writes)
			fake_write(world->fake, region->address + offset, &value, size);
		else
			fake_read(world->fake, region->address + offset, &value, size);
	} else if (writes && desc->ops->write != NULL) {
		desc->ops->write(desc->self, desc->token, offset, size, value);
	} else if (!writes && desc->ops->read != NULL &&
		desc->ops->read(desc->self, desc->token, offset, size, &value) < 0) {
		value = UINT64_MAX;
	}
	if (!writes)
		see(world, size == 8 ? value : value & ((UINT64_C(1) << (size * 8)) - 1));
}

static void act_region_write(struct world *world)
{
	act_region(world, 1);
}

static void act_region_read(struct world *world)
{
	act_region(world, 0);
}

/* Descriptors and data, in the first mebibyte, where the addresses in the input are likely to point. */
static void act_memory(struct world *world)
{
	uint8_t data[64];
	uint64_t address = chance_take(&world->chance, 2) << 4;
	uint32_t length = 1 + draw(world, sizeof(data));
	for (uint32_t i = 0; i < length; i++)
		data[i] = (uint8_t)chance_take(&world->chance, 1);
	world_doing(world, "%u bytes at %#llx", length, (unsigned long long)address);
	fake_write(world->fake, address, data, length);
}

static void act_peer(struct world *world)
{
	if (world->slot_count == 0)
		return;
	struct world_slot *slot = &world->slots[draw(world, world->slot_count)];
	world_doing(world, "the peer at port %s of %s", slot->row->key, slot->instance->name);
	fake_peer_act(&slot->peer);
}

static void act_time(struct world *world)
{
	uint32_t bits = 8 + draw(world, 24);
	vmm_time step = chance_take(&world->chance, 4) & ((UINT64_C(1) << bits) - 1);
	if (step > world->budget)
		step = world->budget;
	world->budget -= step;
	world_doing(world, "%llu ns pass%s", (unsigned long long)step, (bits & 1) != 0 ? ", unnoticed" : "");
	if ((bits & 1) == 0) {
		fake_advance(world->fake, step);
	} else {
		/* A busy host: all that was due comes late, at once. */
		fake_skip(world->fake, step);
		fake_run_timers(world->fake);
	}
}

static void act_poll(struct world *world)
{
	world_doing(world, "the event loop");
	fake_poll(world->fake, 0);
}

void world_firmware(struct world *world)
{
	for (uint32_t i = 0; i < world->slot_count; i++) {
		struct fake_peer *peer = &world->slots[i].peer;
		const struct vmm_pci_lower *lower = peer->table;
		if (peer->link == NULL || peer->role != VMM_ROLE_UPPER || strcmp(peer->interface, VMM_PORT_PCI) != 0)
			continue;
		world_doing(world, "firmware sets up %s", world->slots[i].instance->name);
		fake_peer_place(peer);
		/* IDETIM of the PIIX: both channels decode.  Others have nothing there. */
		lower->config_write(peer->self, 0x40, 4, 0x80008000);
	}
}

static void act_machine(struct world *world)
{
	uint32_t what = draw(world, 16);
	if (what < 3) {
		world_doing(world, "reset %u", what + VMM_RESET_POWER);
		fake_reset(world->fake, what + VMM_RESET_POWER);
	} else if (what == 3) {
		world_doing(world, "the power button");
		fake_button(world->fake);
	} else if (what < 8) {
		world_stop(world);
		world_start(world);
	} else if (what == 8) {
		world_firmware(world);
	} else if (world->slot_count > 0) {
		struct world_slot *slot = &world->slots[draw(world, world->slot_count)];
		if ((slot->row->flags & VMM_PORT_LIVE) == 0)
			return;
		if (slot->peer.link == NULL) {
			world_join(world, slot);
			return;
		}
		/* What is under way comes back first, or never. */
		if ((what & 1) != 0)
			fake_peer_drain(&slot->peer);
		world_part(world, slot);
	}
}

void world_act(struct world *world)
{
	static void (*const acts[32])(struct world * world) = { act_out, act_out, act_out_byte, act_out_byte,
		act_out_byte, act_out_byte, act_in, act_in, act_in, act_out_string, act_out_string, act_out_row,
		act_out_row, act_ins, act_outs, act_region_write, act_region_write, act_region_write, act_region_read,
		act_region_read, act_memory, act_memory, act_peer, act_peer, act_peer, act_peer, act_time, act_time,
		act_time, act_poll, act_poll, act_machine };
	acts[draw(world, 32)](world);
	world_check(world);
}
