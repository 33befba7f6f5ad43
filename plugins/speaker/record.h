/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A recording: a WAV file of one channel, 16 bits, 44,100 samples a second of guest time.
 */
#ifndef RECORD_H
#define RECORD_H

#include <vmm/kit/plugin.h>

#define RECORD_RATE   UINT64_C(44100)
#define RECORD_BUFFER 4096

/* A rectangle wave from `begin` on, up first; period 0: level `high`. */
struct wave {
	vmm_time begin;
	uint64_t period, high;
};

struct record {
	const struct vmm_host *host;
	int fd;               /* -1: none, or given up */
	uint64_t limit;       /* most bytes of the file */
	uint64_t samples;     /* so far, those in the buffer too */
	vmm_time base;        /* of the count below */
	uint64_t count;       /* samples since then */
	vmm_time at;          /* up to here all is in `up` and before */
	uint64_t up;          /* ns that the wire was up in the sample that is being made */
	double input, output; /* of the filter that takes the direct current out */
	int16_t buffer[RECORD_BUFFER];
	uint32_t buffered;
};

int32_t record_open(struct record *record, const struct vmm_host *host, const char *path, uint64_t limit);
/* Time goes on from here: after a start, or a load. */
void record_resume(struct record *record, vmm_time now);
/* Make samples up to `time`, during which the wire had this wave. */
void record_run(struct record *record, const struct wave *wave, vmm_time time);
/* All to the file, and its header right. */
void record_flush(struct record *record);
void record_close(struct record *record);

#endif
