/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Checks of an instance at work: driven at random, saved, loaded, damaged.
 */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ACTS 2000

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void check_drive(struct check *check)
{
	double end = seconds() + check->options->seconds;
	uint32_t rounds = 0;
	do {
		struct rig rig;
		if (rig_new(&rig, check, check->options->seed + rounds) < 0)
			return;
		rig_start(&rig);
		for (uint32_t i = 0; i < ACTS && !check->failed; i++) {
			rig_act(&rig, check->seed, i);
			rig_verdict(&rig);
		}
		rig_free(&rig);
		rounds++;
	} while (!check->failed && seconds() < end);
	snprintf(check->detail, sizeof(check->detail), "%u rounds of %u acts", rounds, ACTS);
}

static struct fake_state *save(struct rig *rig)
{
	check_doing(rig->check, "save");
	struct fake_state *state = fake_save(rig->instance);
	if (state->status < 0)
		check_fail(rig->check, "save must work whenever it is stopped", "save failed (%d): %s", state->status,
			rig->fake->cause);
	rig_verdict(rig);
	return state;
}

/* A timer that ran before must run after: by order of creation, which is the same. */
static void timers_compare(struct check *check, const struct rig *first, const struct rig *second)
{
	for (uint32_t i = 0; i < FAKE_TIMERS; i++) {
		const struct fake_timer *one = &first->fake->timers[i];
		const struct fake_timer *two = &second->fake->timers[i];
		/* What is due at once may be a mere nudge. */
		if (one->used && two->used && one->deadline != VMM_TIME_NEVER && one->deadline > first->fake->now &&
			two->deadline == VMM_TIME_NEVER)
			check_fail(check, "timers are not saved: arm them again in load or start",
				"timer %u was armed when it was saved, and is not after load and start", i + 1);
	}
}

/* Go on in step after the load: what was not saved shows. */
static void step(struct check *check, struct rig *first, struct rig *second)
{
	char text[256];
	uint32_t i;
	/* The peers' own state would be saved by themselves. */
	for (uint32_t k = 0; k < first->peer_count && k < second->peer_count; k++)
		fake_peer_copy(&second->peers[k], &first->peers[k]);
	chance_seed(&first->chance, check->seed);
	chance_seed(&second->chance, check->seed);
	if (rig_start(first) < 0 || rig_start(second) < 0)
		return;
	timers_compare(check, first, second);
	first->result = second->result = 0;
	for (uint32_t k = 0; k < 2; k++) {
		rig_look(first);
		rig_look(second);
		if (first->result != second->result) {
			check_fail(check,
				"save all that the guest can see or depends on, and arm timers again in load or start",
				"after load the registers read differently%s", k > 0 ? " a little later" : "");
			return;
		}
		fake_advance(first->fake, 1234567);
		fake_advance(second->fake, 1234567);
	}
	for (i = 0; i < 300; i++) {
		uint64_t seed = ~check->seed;
		rig_act(first, seed, i);
		snprintf(text, sizeof(text), "%s", check->note->doing);
		rig_act(second, seed, i);
		if (first->result == second->result)
			continue;
		check_fail(check,
			"save all that the guest can see or depends on, and arm timers again in load or start",
			"after load, act %u (%s) gives %#llx; without it %#llx", i, text,
			(unsigned long long)second->last, (unsigned long long)first->last);
		return;
	}
	rig_stop(first);
	rig_stop(second);
	struct fake_state *one = save(first);
	struct fake_state *two = save(second);
	if (fake_state_compare(one, two, text, sizeof(text)) >= 0)
		check_fail(check,
			"save all that the guest can see or depends on, and arm timers again in load or start",
			"%u acts after load, %s (without and with it)", i, text);
	fake_state_free(one);
	fake_state_free(two);
}

static void state_round(struct check *check, uint64_t seed, uint32_t *fields)
{
	struct rig first;
	struct rig second;
	char text[256];
	if (rig_new(&first, check, seed) < 0)
		return;
	rig_start(&first);
	for (uint32_t i = 0; i < ACTS / 4 + seed % 4 * 100; i++)
		rig_act(&first, seed, i);
	rig_stop(&first);
	struct fake_state *one = save(&first);
	struct fake_state *two = save(&first);
	*fields = one->count;
	if (fake_state_compare(one, two, text, sizeof(text)) >= 0)
		check_fail(check, "save must change nothing", "two saves in a row: %s", text);
	fake_state_free(two);
	if (!check->failed && rig_new(&second, check, seed) == 0) {
		/* The machine restores memory and clocks before it loads devices. */
		fake_copy(second.fake, first.fake);
		check_doing(check, "load");
		int32_t status = fake_load(second.instance, one);
		fake_copy(second.fake, first.fake);
		rig_verdict(&second);
		if (status < 0)
			check_fail(check, "load must read every field that save wrote",
				"load of its own state failed (%d): %s", status, second.fake->cause);
		two = save(&second);
		if (fake_state_compare(one, two, text, sizeof(text)) >= 0)
			check_fail(check, "load must restore all that save writes", "saved, loaded, saved again: %s",
				text);
		fake_state_free(two);
		if (!check->failed)
			step(check, &first, &second);
		rig_free(&second);
	}
	fake_state_free(one);
	rig_free(&first);
}

void check_state(struct check *check)
{
	double end = seconds() + check->options->seconds;
	uint32_t rounds = 0;
	uint32_t fields = 0;
	do {
		state_round(check, check->options->seed + rounds, &fields);
		rounds++;
	} while (!check->failed && seconds() < end);
	snprintf(check->detail, sizeof(check->detail), "%u fields, %u rounds of save, load, save, go on in step",
		fields, rounds);
}

/* Spoil a state in one way; 0 if there is nothing to spoil. */
static void damage(struct fake_state *state, struct chance *chance)
{
	struct fake_field *field = &state->fields[chance_below(chance, state->count)];
	switch (chance_below(chance, 6)) {
	case 0: /* a missing field */
		free(field->bytes);
		*field = state->fields[--state->count];
		break;
	case 1: /* the wrong type */
		free(field->bytes);
		field->is_bytes = !field->is_bytes;
		field->length = field->is_bytes ? 3 : 0;
		field->bytes = field->is_bytes ? calloc(1, 4) : NULL;
		break;
	case 2: /* the wrong length */
		if (field->is_bytes) {
			uint64_t length = chance_below(chance, field->length * 2 + 2);
			field->bytes = realloc(field->bytes, length + 1);
			memset(field->bytes, (int)chance_next(chance), length);
			field->length = length;
		}
		break;
	default: /* other values */
		for (uint32_t k = 0; k < 1 + chance_below(chance, 4); k++) {
			field = &state->fields[chance_below(chance, state->count)];
			field->value = fake_peer_value(chance);
			for (uint64_t i = 0; i < field->length; i++)
				field->bytes[i] = (uint8_t)(chance_below(chance, 4) != 0 ? chance_next(chance) : 0xff);
		}
		break;
	}
}

static int32_t damage_round(struct check *check, uint64_t seed)
{
	struct rig first;
	struct rig second;
	struct chance chance;
	int32_t status = 1;
	if (rig_new(&first, check, seed) < 0)
		return 0;
	rig_start(&first);
	for (uint32_t i = 0; i < 100; i++)
		rig_act(&first, seed, i);
	rig_stop(&first);
	struct fake_state *state = save(&first);
	chance_seed(&chance, seed * 3);
	if (state->count > 0 && !check->failed && rig_new(&second, check, seed) == 0) {
		damage(state, &chance);
		second.fake->cause[0] = '\0';
		check_doing(check, "load of a damaged state");
		status = fake_load(second.instance, state);
		rig_verdict(&second);
		if (status >= 0) {
			/* It was taken: then it must be possible to go on from there, whatever it means. */
			rig_start(&second);
			for (uint32_t i = 0; i < 500 && !check->failed; i++)
				rig_act(&second, seed, i);
			rig_verdict(&second);
		}
		rig_free(&second);
	}
	fake_state_free(state);
	rig_free(&first);
	return status;
}

void check_damage(struct check *check)
{
	double end = seconds() + check->options->seconds;
	uint32_t rounds = 0;
	uint32_t refused = 0;
	do {
		refused += damage_round(check, check->options->seed + rounds) < 0;
		rounds++;
	} while (!check->failed && seconds() < end);
	snprintf(check->detail, sizeof(check->detail), "%u damaged states, %u refused", rounds, refused);
}
