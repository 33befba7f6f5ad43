/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.io/1: the x86 I/O space, 65,536 byte-wide ports.
 */
#ifndef VMM_IO_H
#define VMM_IO_H

#include <vmm/base.h>

#define VMM_SERVICE_IO "vmm.io/1"

/*
 * The device behind ports.  `offset` is from the first port claimed.  An access of a size that the claim does
 * not allow is split into smaller ones, at rising addresses; a read that returns an error reads as all ones. [machine]
 */
struct vmm_io_ops {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*read)(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value);
	int32_t (*write)(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value);
};

#define VMM_IO_SIZE_1 1u
#define VMM_IO_SIZE_2 2u
#define VMM_IO_SIZE_4 4u

/* All [machine]. */
struct vmm_io_service {
	uint32_t struct_size;
	uint32_t reserved;
	/* Claim `count` ports from `port`, decoding accesses of `sizes` (VMM_IO_SIZE_*, or'ed).  Priority as for
	 * memory regions: a higher one hides a lower one, equals are -EBUSY.  `ops` has static lifetime. */
	int32_t (*claim)(void *context, uint32_t port, uint32_t count, uint32_t sizes, int32_t priority,
		const struct vmm_io_ops *ops, void *self, uint64_t token, vmm_handle *claim);
	void (*release)(void *context, vmm_handle claim);
	/* Move a claim to another first port (a BAR), or switch it off and on. */
	int32_t (*move)(void *context, vmm_handle claim, uint32_t port);
	int32_t (*enable)(void *context, vmm_handle claim, uint32_t enabled);
	/* Do an access as a CPU would, for firmware; not from within one on the same device. */
	int32_t (*read)(void *context, uint32_t port, uint32_t size, uint32_t *value);
	int32_t (*write)(void *context, uint32_t port, uint32_t size, uint32_t value);
};

#endif
