/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORLD_BUDGET UINT64_C(8000000000) /* ns */

void world_fail(struct world *world, const char *format, ...)
{
	va_list arguments;
	fprintf(stderr, "%s, variant %u: in: %s: ", world->bench->name, world->variant, world->doing);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "\n");
	abort();
}

void world_doing(struct world *world, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(world->doing, sizeof(world->doing), format, arguments);
	va_end(arguments);
	if (getenv("FUZZ_TRACE") != NULL)
		fprintf(stderr, "%12llu %s\n", (unsigned long long)world->fake->now, world->doing);
}

void world_check(struct world *world)
{
	if (world->fake->fault_count > 0)
		world_fail(world, "%s", world->fake->fault);
}

/* Ports. */

void world_join(struct world *world, struct world_slot *slot)
{
	world_doing(world, "join port %s of %s", slot->row->key, slot->instance->name);
	int32_t status = fake_peer_join(&slot->peer, slot->instance, slot->row, slot->address, &world->chance);
	if (status < 0)
		slot->peer.link = NULL;
	slot->gone = status < 0;
	world_check(world);
}

void world_part(struct world *world, struct world_slot *slot)
{
	world_doing(world, "part port %s of %s", slot->row->key, slot->instance->name);
	fake_part(world->fake, slot->peer.link);
	fake_peer_free(&slot->peer);
	slot->gone = 1;
	world_check(world);
}

static void slots_make(struct world *world, uint32_t part)
{
	const struct vmm_descriptor *descriptor = world->parts[part]->descriptor;
	for (uint32_t i = 0; i < descriptor->port_count; i++) {
		const struct vmm_port_row *row = (const void *)((const char *)descriptor->ports +
			(size_t)i * descriptor->port_stride);
		if (bench_joined(world->bench, part, row->key))
			continue;
		/* A bus gets a few children, so that more than one of its places is in use. */
		uint32_t count = (row->flags & VMM_PORT_BUS) == 0 || row->maximum <= 1 ? 1 : 3;
		uint64_t address = row->address_first;
		for (uint32_t k = 0; k < count && world->slot_count < WORLD_PEERS; k++, address++) {
			if (row->address_kind == VMM_ADDRESS_SLOT && k > 0)
				address |= 7;
			struct world_slot *slot = &world->slots[world->slot_count];
			*slot = (struct world_slot){ .instance = world->parts[part], .row = row, .address = address };
			world_join(world, slot);
			world->slot_count += slot->peer.link != NULL;
		}
	}
}

struct world *world_new(const struct bench *bench, uint32_t variant)
{
	struct world *world = calloc(1, sizeof(*world));
	world->bench = bench;
	world->variant = variant;
	world->budget = WORLD_BUDGET;
	world->fake = fake_new();
	/* Until there is an input: all zeroes. */
	world->chance.input = (const uint8_t *)"";
	bench_set(bench, variant, world->fake);
	world_doing(world, "create and init");
	int32_t status = bench_make(bench, world->fake, world->parts, &world->part_count);
	if (status < 0)
		world_fail(world, "%d: %s: %s", status, world->fake->cause, world->fake->remedy);
	for (uint32_t i = 0; i < world->part_count; i++) {
		const struct bench_part *part = &bench->parts[i];
		if (part->above != NULL &&
			fake_join(world->parts[part->parent], part->above, world->parts[i], part->below,
				part->interface, part->address) == NULL)
			world_fail(world, "%s does not join %s", part->name, bench->parts[part->parent].name);
	}
	for (uint32_t i = 0; i < world->part_count; i++)
		slots_make(world, i);
	world_doing(world, "reset(POWER)");
	fake_reset(world->fake, VMM_RESET_POWER);
	world_check(world);
	return world;
}

void world_start(struct world *world)
{
	world_doing(world, "start");
	for (uint32_t i = 0; i < world->part_count; i++) {
		const struct vmm_instance_ops *ops = world->parts[i]->instance.ops;
		if (ops->start != NULL && ops->start(world->parts[i]->instance.self) < 0)
			world_fail(world, "start of %s failed: %s", world->parts[i]->name, world->fake->cause);
	}
	world->running = 1;
	world_check(world);
}

void world_stop(struct world *world)
{
	if (!world->running)
		return;
	/* As the machine does: what is deferred is run, then the devices stop, then backends come to rest. */
	world_doing(world, "stop");
	fake_poll(world->fake, 0);
	fake_stop(world->fake);
	for (uint32_t i = 0; i < world->slot_count; i++)
		fake_peer_drain(&world->slots[i].peer);
	fake_poll(world->fake, 0);
	world->running = 0;
	for (uint32_t i = 0; i < FAKE_MAPS; i++) {
		if (world->fake->maps[i].used)
			world_fail(world, "a map of %s outlives stop", world->fake->maps[i].owner->name);
	}
	world_check(world);
}

void world_close(struct world *world)
{
	char held[128];
	world_stop(world);
	for (uint32_t i = world->slot_count; i-- > 0;) {
		uint32_t gone = world->slots[i].gone;
		if (world->slots[i].peer.link != NULL)
			world_part(world, &world->slots[i]);
		world->slots[i].gone = gone;
	}
	world->fake->controller_count = 0;
	world_doing(world, "destroy");
	for (uint32_t i = 0; i < FAKE_LINKS; i++) {
		if (world->fake->links[i].used)
			fake_part(world->fake, &world->fake->links[i]);
	}
	for (uint32_t i = world->part_count; i-- > 0;) {
		struct fake_instance *part = world->parts[i];
		part->instance.ops->destroy(part->instance.self);
		if (fake_held(part, held, sizeof(held)) > 0)
			world_fail(world, "destroy of %s leaves %s behind", part->name, held);
		fake_release(part);
		part->descriptor = NULL;
	}
	world->part_count = 0;
	world_check(world);
}

void world_free(struct world *world)
{
	world_close(world);
	fake_free(world->fake);
	free(world);
}

/* State. */

void world_save(struct world *world, struct world_state *state)
{
	char text[256];
	memset(state, 0, sizeof(*state));
	world_doing(world, "save");
	for (uint32_t i = 0; i < world->part_count; i++) {
		state->parts[i] = fake_save(world->parts[i]);
		if (state->parts[i]->status < 0)
			world_fail(world, "save of %s failed: %s", world->parts[i]->name, world->fake->cause);
	}
	for (uint32_t i = 0; i < world->part_count; i++) {
		struct fake_state *again = fake_save(world->parts[i]);
		if (fake_state_compare(state->parts[i], again, text, sizeof(text)) >= 0)
			world_fail(world, "two saves of %s in a row: %s", world->parts[i]->name, text);
		fake_state_free(again);
	}
	world_check(world);
}

int32_t world_load(struct world *world, const struct world_state *state, const struct world *from)
{
	int32_t status = 0;
	if (from != NULL)
		fake_copy(world->fake, from->fake);
	world_doing(world, "load");
	for (uint32_t i = 0; i < world->part_count && status >= 0; i++)
		status = fake_load(world->parts[i], state->parts[i]);
	/* What devices did to their lines while loading is undone. */
	if (from != NULL)
		fake_copy(world->fake, from->fake);
	world_check(world);
	return status;
}

void world_state_free(struct world_state *state)
{
	for (uint32_t i = 0; i < BENCH_PARTS; i++) {
		if (state->parts[i] != NULL)
			fake_state_free(state->parts[i]);
		state->parts[i] = NULL;
	}
}

void world_copy_peers(struct world *to, const struct world *from)
{
	for (uint32_t i = 0; i < from->slot_count && i < to->slot_count; i++) {
		if (!from->slots[i].gone)
			fake_peer_copy(&to->slots[i].peer, &from->slots[i].peer);
		else if (to->slots[i].peer.link != NULL)
			world_part(to, &to->slots[i]);
	}
}
