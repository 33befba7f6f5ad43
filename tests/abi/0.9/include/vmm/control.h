/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.control/1 (draft): commands and events of an instance on the machine's control socket.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include <vmm/base.h>

#define VMM_SERVICE_CONTROL "vmm.control/1"

struct vmm_control_service {
	uint32_t struct_size;
	uint32_t reserved;
	/* Add the method INSTANCE.NAME.  `params` and the answer are JSON texts.  The handler writes its answer
	 * (or, with a negative status, a message) into `reply` and returns 0 or a negative errno.  [machine] */
	int32_t (*add)(void *context, const char *name,
		int32_t (*handler)(void *self, uint64_t token, const char *params, char *reply, uint32_t reply_size),
		void *self, uint64_t token);
	/* Send an event {"instance": ..., "event": name, "data": json} to whoever listens.  [any] */
	int32_t (*event)(void *context, const char *name, const char *json);
};

#endif
