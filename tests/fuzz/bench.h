/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What stands on the bench: the plugin under test, and others that it cannot do much without.
 */
#ifndef FUZZ_BENCH_H
#define FUZZ_BENCH_H

#include "fake_host.h"
#include "fake_peer.h"

/* The plugin under test, and the build tree that has it (plugin.c). */
extern const char fuzz_plugin[], fuzz_build[];

#define BENCH_PARTS    6
#define BENCH_VARIANTS 8

struct bench_part {
	const char *plugin, *name;
	/* Joined below an earlier part, at its port `above`; NULL: no. */
	const char *above;
	uint32_t parent;
	const char *below, *interface; /* its own port */
	uint64_t address;
};

struct bench {
	const char *name;
	struct bench_part parts[BENCH_PARTS];
	/* Settings to choose from, each "INSTANCE.KEY=VALUE;..."; %T: a folder of our own.  The first may be "". */
	const char *variants[BENCH_VARIANTS];
	/* It has a file that only one instance may have open, or that shows what the other has done. */
	uint32_t exclusive;
};

/* Load the plugins.  NULL, after a message: they cannot be had. */
const struct bench *bench_open(const char *name);
uint32_t bench_variants(const struct bench *bench);
void bench_set(const struct bench *bench, uint32_t variant, struct fake *fake);
/* Create all parts and init them, to the first that fails; *parts has BENCH_PARTS places. */
int32_t bench_make(const struct bench *bench, struct fake *fake, struct fake_instance **parts, uint32_t *count);
/* Make a file in our folder. */
void bench_file(const char *name, const void *data, size_t length);
/* Is this port of a part joined to another part? */
uint32_t bench_joined(const struct bench *bench, uint32_t part, const char *key);
/* Bring files back to what they were at first. */
void bench_clean(void);

#endif
