/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.event/1 and vmm.task/1: host file descriptors, deferred calls and workers.
 */
#ifndef VMM_EVENT_H
#define VMM_EVENT_H

#include <vmm/base.h>

#define VMM_SERVICE_EVENT "vmm.event/1"
#define VMM_SERVICE_TASK  "vmm.task/1"

#define VMM_EVENT_READ   1u
#define VMM_EVENT_WRITE  2u
#define VMM_EVENT_HANGUP 4u /* reported whether asked for or not */

struct vmm_event_service {
	uint32_t struct_size;
	uint32_t reserved;
	/* Call back while the descriptor is ready (level-triggered).  The descriptor stays the plugin's: unwatch it
	 * before closing it.  `events` may be 0 for a pause.  [machine] */
	int32_t (*watch)(void *context, int32_t fd, uint32_t events,
		void (*callback)(void *self, uint64_t token, uint32_t events), void *self, uint64_t token,
		vmm_handle *watch);
	int32_t (*modify)(void *context, vmm_handle watch, uint32_t events);
	void (*unwatch)(void *context, vmm_handle watch);
	/* Call back once, soon, on the event loop.  Calls deferred by one instance keep their order.  A call
	 * that is still waiting when the instance is destroyed is dropped.  [any] */
	int32_t (*defer)(void *context, void (*callback)(void *self, uint64_t token), void *self, uint64_t token);
};

struct vmm_task_service {
	uint32_t struct_size;
	uint32_t reserved;
	/* Run `work` on a worker thread [worker], then `done` on the event loop [machine] with what work
	 * returned.  The instance is not stopped before both have run.  -ENOMEM.  [any] */
	int32_t (*run)(void *context, int32_t (*work)(void *self, uint64_t token),
		void (*done)(void *self, uint64_t token, int32_t status), void *self, uint64_t token);
};

#endif
