/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The sampler: a timer of the event loop asks each CPU where it is, and the answers wait to be read.
 */
#ifndef VMM_ENGINE_PROFILE_H
#define VMM_ENGINE_PROFILE_H

#include "vmm/cpu/block.h"
#include "vmm/cpu/sample.h"
#include "vmm/engine/engine.h"
#include "vmm/translate/translate.h"

#define PROFILE_SAMPLES 4096u /* that may wait */
#define PROFILE_HZ_MAX  10000u

struct profile_sample {
	unsigned cpu;
	uint64_t ticks; /* since the one before it */
	struct cpu_sample at;
};

struct profile_counts {
	/* Since the last call: */
	uint64_t idle; /* ticks that found a CPU asleep */
	uint64_t lost; /* ticks for whose samples there was no room */
	/* Since it began, and now: */
	uint64_t emptied; /* how often code caches have been emptied */
	bool running;     /* it still samples */
};

/* All on the event loop's thread. */
/* Sample `hz` times a second for `ns`, with callers down to `depth` addresses (1: none).  0, -EBUSY, -ENOMEM, -EINVAL.
 */
int profile_start(struct engine *engine, unsigned hz, unsigned depth, uint64_t ns);
void profile_stop(struct engine *engine);
/* What has come since the last call: at most `count` samples, as many as it returns.  -ENOENT: none was begun. */
int profile_read(struct engine *engine, struct profile_sample *samples, unsigned count, struct profile_counts *counts);

/* The code that translators have made and may run (translate.h); only while paused. */
void profile_code(struct engine *engine, translator_each *each, void *self);

#endif
