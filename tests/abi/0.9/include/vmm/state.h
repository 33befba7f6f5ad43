/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.state/1: typed, named fields, from within save() and load() only.
 *
 * Errors stick until save or load has returned, so that calls need no checks: the host looks afterwards.  Names
 * have 1 to 63 characters and occur once.  load() must read every field that there is, and may ask has() for
 * those that an older version did not write.  [machine]
 */
#ifndef VMM_STATE_H
#define VMM_STATE_H

#include <vmm/base.h>

#define VMM_SERVICE_STATE "vmm.state/1"

struct vmm_state_service {
	uint32_t struct_size;
	uint32_t reserved;
	void (*put_u64)(void *context, const char *name, uint64_t value);
	void (*put_bytes)(void *context, const char *name, const void *data, uint64_t length);
	uint32_t (*has)(void *context, const char *name);
	/* -EPROTO, and *value untouched, for a missing field, or one of another type or length. */
	int32_t (*get_u64)(void *context, const char *name, uint64_t *value);
	int32_t (*get_bytes)(void *context, const char *name, void *data, uint64_t length);
	/* Length of a bytes field, or -ENOENT. */
	int64_t (*length)(void *context, const char *name);
};

#endif
