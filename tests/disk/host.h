/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A host without services, which is all that formats and the kit want of one.  Each test says what becomes of its
 * words.
 */
#ifndef TESTS_DISK_HOST_H
#define TESTS_DISK_HOST_H

#include <stdio.h>

#include <vmm/host.h>

static inline void host_quiet(void *context, uint32_t level, const char *text)
{
	(void)context;
	(void)level;
	(void)text;
}

#define HOST_CAUSE 512u

/* Of a failure: `context` is where its cause is kept, HOST_CAUSE bytes. */
static inline void host_keep(void *context, const char *cause, const char *remedy)
{
	(void)remedy;
	snprintf(context, HOST_CAUSE, "%s", cause);
}

static inline const void *host_no_service(void *context, const char *id)
{
	(void)context;
	(void)id;
	return NULL;
}

/* The initialiser of a struct vmm_host. */
#define HOST_WITH(CONTEXT, LOG, FAIL) \
	{ \
		.struct_size = sizeof(struct vmm_host), .context = (CONTEXT), .instance = "test", .log = (LOG), \
		.fail = (FAIL), .get_service = host_no_service \
	}

#endif
