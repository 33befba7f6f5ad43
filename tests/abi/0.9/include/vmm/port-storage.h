/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.storage/1: a block device.
 *
 * Upper: a disk, CD or floppy drive, or a format plugin above a protocol.  Lower: an image or a host device.
 *
 * In an INI file such a port takes a path, which becomes the provider's parameter `path`; the provider is the plugin
 * whose probe() is surest, or the one that PORT.plugin names.
 */
#ifndef VMM_PORT_STORAGE_H
#define VMM_PORT_STORAGE_H

#include <vmm/port.h>

#define VMM_PORT_STORAGE "vmm.port.storage/1"

#define VMM_STORAGE_READ         1
#define VMM_STORAGE_WRITE        2
#define VMM_STORAGE_FLUSH        3 /* covers all writes that were completed before it was submitted */
#define VMM_STORAGE_DISCARD      4 /* contents become undefined, or zeroes with VMM_STORAGE_DISCARD_ZEROES */
#define VMM_STORAGE_WRITE_ZEROES 5

#define VMM_STORAGE_FUA 1u /* flags: on stable storage before it completes */

/* Capabilities. */
#define VMM_STORAGE_READONLY         UINT64_C(1)
#define VMM_STORAGE_CAN_FLUSH        UINT64_C(2)
#define VMM_STORAGE_CAN_FUA          UINT64_C(4)
#define VMM_STORAGE_CAN_DISCARD      UINT64_C(8)
#define VMM_STORAGE_CAN_WRITE_ZEROES UINT64_C(16)
#define VMM_STORAGE_DISCARD_ZEROES   UINT64_C(32)
#define VMM_STORAGE_REMOVABLE        UINT64_C(64)
#define VMM_STORAGE_INDEPENDENT      UINT64_C(128) /* left out of snapshots */

struct vmm_storage_info {
	uint32_t struct_size;
	uint32_t block_size; /* logical: requests are multiples of it, offsets too; a power of 2, 512..65536 */
	uint64_t length;     /* in bytes; 0: no medium */
	uint64_t capabilities;
	uint32_t physical_block;  /* best alignment, in bytes */
	uint32_t segment_maximum; /* segments a request */
	uint64_t request_maximum; /* bytes a request */
};

struct vmm_storage_segment {
	void *data;
	uint64_t length;
};

struct vmm_storage_request {
	uint32_t struct_size;
	uint32_t operation;
	uint32_t flags;
	uint32_t segment_count;
	uint64_t token;  /* the submitter's; comes back in complete */
	uint64_t offset; /* in bytes */
	uint64_t length; /* in bytes; the sum of the segments' for READ and WRITE */
	/* Lent, with the memory they describe, until complete. */
	const struct vmm_storage_segment *segments;
};

struct vmm_storage_upper {
	uint32_t struct_size;
	uint32_t reserved;
	/* A request has ended: status 0 or a negative errno (-ECANCELED: parked by a quiesce; submit it again).
	 * Exactly once a request, never inside submit. */
	void (*complete)(void *self, uint64_t token, int32_t status);
	/* Another medium, none, or write protection has changed: call info again. */
	void (*media_changed)(void *self);
	/* The same medium has another length. */
	void (*resized)(void *self, uint64_t length);
};

struct vmm_storage_lower {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*info)(void *self, struct vmm_storage_info *info);
	/* Start a request; it belongs to the provider until complete.  The struct itself is copied.  Requests in
	 * flight are not ordered.  A negative errno: refused, complete will not be called. */
	int32_t (*submit)(void *self, const struct vmm_storage_request *request);
	/* Try to cancel; complete comes in any case. */
	void (*cancel)(void *self, uint64_t token);
	/* Removable media: lock the door, open it. */
	int32_t (*lock)(void *self, uint32_t locked);
	int32_t (*eject)(void *self);
};

#endif
