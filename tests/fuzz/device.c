/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The target for a device: fuzz_plugin names its bench.
 *
 * The first byte chooses the settings, and whether firmware has been there; then each step is a byte and what it needs.
 * A few values of that byte are kept for saving and loading: into a fresh machine that goes on alone, or beside the old
 * one for a while, when both must read the same; or after somebody has changed the saved state, which must be refused
 * or taken, and not crash.
 */
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS      300
#define STEPS_BOTH 40
/* Saving and loading takes longer than all the rest. */
#define MIGRATIONS 3

static const struct bench *bench;

const char *__asan_default_options(void);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Memory that was freed is held back, but not so long that each machine needs new pages. */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=8:malloc_context_size=8";
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* As in vmm: a peer that has gone is an error, no signal. */
	signal(SIGPIPE, SIG_IGN);
	bench = bench_open(fuzz_plugin);
	if (bench == NULL)
		exit(1);
	return 0;
}

/* Change one field of a saved state, as a file that was damaged or forged would have it. */
static void state_damage(struct world *world, struct world_state *state)
{
	struct chance *chance = &world->chance;
	struct fake_state *part = state->parts[chance_below(chance, world->part_count)];
	uint32_t what = (uint32_t)chance_below(chance, 16);
	if (part->count == 0)
		return;
	struct fake_field *field = &part->fields[chance_below(chance, part->count)];
	world_doing(world, "damage %u to field %s", what, field->name);
	if (what == 0) { /* a missing field */
		free(field->bytes);
		*field = part->fields[--part->count];
	} else if (what == 1) { /* the wrong type */
		free(field->bytes);
		field->is_bytes = !field->is_bytes;
		field->length = field->is_bytes ? 3 : 0;
		field->bytes = field->is_bytes ? calloc(1, 4) : NULL;
	} else if (what == 2 && field->is_bytes) { /* another length */
		uint64_t length = chance_below(chance, field->length * 2 + 2);
		field->bytes = realloc(field->bytes, length + 1);
		if (length > field->length)
			memset(field->bytes + field->length, 0x5a, length - field->length);
		field->length = length;
	} else if (what == 3) {
		part->version = (uint32_t)chance_below(chance, 4);
	} else if (field->is_bytes && field->length > 0) {
		uint64_t at = chance_below(chance, field->length);
		uint32_t count = 1 + (uint32_t)chance_below(chance, 8);
		for (uint32_t i = 0; i < count && at + i < field->length; i++)
			field->bytes[at + i] = (uint8_t)chance_take(chance, 1);
	} else {
		static const uint64_t values[] = { UINT64_MAX, INT64_MAX, UINT32_MAX, INT32_MAX, UINT64_C(1) << 63 };
		field->value = what < 5 ? values[chance_below(chance, 5)] : chance_take(chance, what < 14 ? 1 : 8);
	}
}

/* Another world for the place of this one, with the rest of its input. */
static struct world *world_succeed(struct world *old)
{
	/* The parts of both can only be there at once if they share no file. */
	if (old->bench->exclusive)
		world_close(old);
	struct world *young = world_new(old->bench, old->variant);
	young->chance = old->chance;
	young->budget = old->budget;
	world_copy_peers(young, old);
	return young;
}

static void saved_again(struct world *young, const struct world_state *state)
{
	struct world_state again;
	char text[256];
	world_save(young, &again);
	for (uint32_t i = 0; i < young->part_count; i++) {
		if (fake_state_compare(state->parts[i], again.parts[i], text, sizeof(text)) >= 0)
			world_fail(young, "saved, loaded, saved again: %s: %s", young->parts[i]->name, text);
	}
	world_state_free(&again);
}

/* Save, load into a fresh machine, save again.  *before, if it is wanted and can be had: the old one, stopped. */
static struct world *migrate(struct world *old, uint32_t damages, struct world **before)
{
	struct world_state state;
	world_stop(old);
	world_save(old, &state);
	for (uint32_t i = 0; i < damages; i++)
		state_damage(old, &state);
	struct world *young = world_succeed(old);
	int32_t status = world_load(young, &state, old);
	if (status < 0 && damages == 0)
		world_fail(young, "a state that save wrote is refused: %d: %s", status, young->fake->cause);
	if (status < 0) {
		/* It is still to be destroyed, and another takes its place. */
		struct world *third = world_succeed(young);
		world_free(young);
		young = third;
	} else if (damages == 0) {
		saved_again(young, &state);
	}
	if (before != NULL && !old->bench->exclusive)
		*before = old;
	else
		world_free(old);
	world_state_free(&state);
	world_start(young);
	return young;
}

/* Both go on, and must look the same. */
static struct world *step_both(struct world *old)
{
	struct world *before = NULL;
	struct world *young = migrate(old, 0, &before);
	if (before == NULL)
		return young;
	world_start(before);
	before->result = young->result = 0;
	for (uint32_t i = 0; i < STEPS_BOTH && young->chance.left > 0; i++) {
		struct chance start = young->chance;
		world_act(young);
		before->chance = start;
		world_act(before);
		if (before->result != young->result)
			world_fail(young, "%u steps after load it reads otherwise than what was saved", i + 1);
		/* A peer remembers what it has refused to take, and tells that it can; the fresh one knows nothing of
		 * it, and from there on they go different ways. */
		if (before->chance.left != young->chance.left)
			break;
	}
	world_free(before);
	return young;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Even an empty input makes a machine: libFuzzer wants to see coverage at once. */
	uint32_t count = bench_variants(bench);
	bench_clean();
	struct world *world = world_new(bench, size > 0 && count > 1 ? data[0] % count : 0);
	if (size > 0) {
		world->chance.input = data + 1;
		world->chance.left = size - 1;
	}
	world_start(world);
	if (size > 0 && (data[0] & 0x80) == 0)
		world_firmware(world);
	uint32_t migrations = 0;
	for (uint32_t i = 0; i < STEPS && world->chance.left > 0; i++) {
		uint8_t what = *world->chance.input;
		if (what < 0xf0 || migrations++ >= MIGRATIONS) {
			world_act(world);
			continue;
		}
		chance_take(&world->chance, 1);
		if (what < 0xf6)
			world = migrate(world, 0, NULL);
		else if (what < 0xfb)
			world = migrate(world, 1 + (what & 1), NULL);
		else
			world = step_both(world);
	}
	if (migrations == 0)
		world = migrate(world, 0, NULL);
	world_free(world);
	return 0;
}
