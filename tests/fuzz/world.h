/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A machine made of a bench's parts, with peers on all ports that are left, and what a fuzzer's input does to it.
 */
#ifndef FUZZ_WORLD_H
#define FUZZ_WORLD_H

#include "bench.h"

#define WORLD_PEERS 24

/* A place for a peer; its link may come and go. */
struct world_slot {
	struct fake_instance *instance;
	const struct vmm_port_row *row;
	uint64_t address;
	struct fake_peer peer;
	uint32_t gone; /* nobody is there: it was parted */
};

struct world {
	const struct bench *bench;
	uint32_t variant;
	struct fake *fake;
	struct fake_instance *parts[BENCH_PARTS];
	uint32_t part_count;
	struct world_slot slots[WORLD_PEERS];
	uint32_t slot_count;
	struct chance chance;
	uint32_t running;
	uint64_t budget; /* how many ns may still pass */
	uint64_t result; /* of all that the guest has read */
	char doing[128];
};

/* A saved world: a state for each part. */
struct world_state {
	struct fake_state *parts[BENCH_PARTS];
};

/* Say what is wrong, and crash. */
void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
/* What is being done, for such messages; with $FUZZ_TRACE set it is printed at once. */
void world_doing(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Has a part broken a rule? */
void world_check(struct world *world);

/* Made, joined, reset and not yet started. */
struct world *world_new(const struct bench *bench, uint32_t variant);
void world_free(struct world *world);
/* Destroy its parts, and keep what the host has. */
void world_close(struct world *world);
void world_start(struct world *world);
void world_stop(struct world *world);
/* Join and part one place's peer. */
void world_join(struct world *world, struct world_slot *slot);
void world_part(struct world *world, struct world_slot *slot);

/* Of a stopped world. */
void world_save(struct world *world, struct world_state *state);
/* Into a new one; `from` gives what the host saves, may be NULL.  A negative errno: refused. */
int32_t world_load(struct world *world, const struct world_state *state, const struct world *from);
void world_state_free(struct world_state *state);
/* Bring the peers of two worlds to the same state. */
void world_copy_peers(struct world *to, const struct world *from);

/* act.c: what firmware does first. */
void world_firmware(struct world *world);
/* One thing that a guest, a peer or time may do. */
void world_act(struct world *world);

#endif
