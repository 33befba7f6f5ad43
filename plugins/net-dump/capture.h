/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A capture file that is written by a worker: whoever adds a frame never waits.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <vmm/event.h>
#include <vmm/kit/net.h>

struct capture {
	const struct vmm_host *host;
	const struct vmm_task_service *task;
	char path[4096];
	uint64_t limit; /* bytes the file may have */
	uint32_t snaplen;
	int32_t fd; /* -1: not open yet */
	/* One buffer is filled while the other is written. */
	uint8_t *filling, *writing;
	uint32_t filled, to_write;
	uint64_t bytes; /* of the file, with what is to be written; 0: not begun */
	uint64_t frames, dropped;
	uint32_t full; /* the limit was reached */
	int32_t error; /* a negative errno: it cannot be written any more */
};

/* 0 or -ENOMEM. */
int32_t capture_init(struct capture *capture);
/* Make or open the file; empty it and write its header.  0, or a negative errno after host->fail. */
int32_t capture_open(struct capture *capture);
int32_t capture_begin(struct capture *capture);
/* A plain frame, at `time` (ns since 1970). */
void capture_add(struct capture *capture, const struct vmm_net_frame *frame, vmm_time time);
/* Write what there is; no worker may be under way. */
void capture_flush(struct capture *capture);
void capture_destroy(struct capture *capture);

#endif
