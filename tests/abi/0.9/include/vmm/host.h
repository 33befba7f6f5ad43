/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The host that an instance is given, and the way to its services.
 */
#ifndef VMM_HOST_H
#define VMM_HOST_H

#include <vmm/base.h>

#define VMM_LOG_ERROR   1
#define VMM_LOG_WARNING 2
#define VMM_LOG_INFO    3
#define VMM_LOG_DEBUG   4
#define VMM_LOG_TRACE   5

/*
 * One per instance; valid from create until destroy has returned.  `context` is the host's: pass it as the
 * first argument of every host and service function.
 */
struct vmm_host {
	uint32_t struct_size;
	uint32_t reserved;
	void *context;
	/* The instance's section in the INI file ("serial0", "net0.backend").  Valid as long as the host. */
	const char *instance;
	/* Write a line to the machine's log; the instance's name is added.  [any] */
	void (*log)(void *context, uint32_t level, const char *text);
	/* Say why init, load, prepare or start is about to fail: what is wrong, and what the user can do about
	 * it.  Both are copied.  [machine] */
	void (*fail)(void *context, const char *cause, const char *remedy);
	/* A service's table by its id, or NULL where this host has none.  Static lifetime.  [any] */
	const void *(*get_service)(void *context, const char *id);
};

#endif
