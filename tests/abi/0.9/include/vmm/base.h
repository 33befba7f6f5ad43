/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm SDK: types and rules that every other header stands on.
 *
 * Rules for everything that crosses the line between a plugin and its host:
 *  - only fixed-width integers, pointers and structs of these; no enums, bit-fields, long, bool, varargs;
 *  - every struct begins with `struct_size`, set by its author to sizeof; the reader copies the smaller of
 *    the two sizes and treats the rest as zero; structs only grow at their end;
 *  - arrays of structs carry a count and a stride;
 *  - an ability that is absent is a NULL table or a NULL function at the end of a table, never an error;
 *  - status values are 0 (or a count) for success, and a negative errno for failure;
 *  - strings are UTF-8, end in NUL, and belong to the callee only during the call, unless it is said
 *    otherwise where they are declared.
 *
 * Thread words used in the comments:
 *  [machine]  called with the machine lock held, from whichever thread holds it;
 *  [any]      may be called from any thread, with or without the machine lock;
 *  [worker]   called on a worker thread, without the machine lock.
 */
#ifndef VMM_BASE_H
#define VMM_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define VMM_EXTERN_C extern "C"
#else
#define VMM_EXTERN_C
#endif

#define VMM_SDK_VERSION_MAJOR 0
#define VMM_SDK_VERSION_MINOR 9
/* Compared by the host: while the major number is 0 the minor must be equal. */
#define VMM_SDK_VERSION ((VMM_SDK_VERSION_MAJOR << 16) | VMM_SDK_VERSION_MINOR)

/* Guest-clock and host-clock time in nanoseconds. */
typedef uint64_t vmm_time;
#define VMM_TIME_NEVER UINT64_MAX

/* A resource that the host keeps for a plugin.  0 is never a valid handle. */
typedef uint64_t vmm_handle;

/* True if a table that came from the other side holds the function `member`. */
#define VMM_HAS(table, member) \
	((table) != NULL && \
		(size_t)(table)->struct_size >= offsetof(__typeof__(*(table)), member) + sizeof((table)->member) && \
		(table)->member != NULL)

#endif
