/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.memory/1 and vmm.region/1: the guest's physical memory.
 */
#ifndef VMM_MEMORY_H
#define VMM_MEMORY_H

#include <vmm/base.h>

#define VMM_SERVICE_MEMORY "vmm.memory/1"
#define VMM_SERVICE_REGION "vmm.region/1"

#define VMM_DIRECTION_FROM_GUEST 1 /* the device reads guest memory */
#define VMM_DIRECTION_TO_GUEST   2 /* the device writes guest memory */

/*
 * DMA of devices that are not PCI functions (those use their port).  RAM may be accessed from [any] thread.  What
 * is not RAM reaches the device that claims it under the machine lock only; without it: -EAGAIN.  Holes read
 * as all ones, and swallow writes.
 */
struct vmm_memory_service {
	uint32_t struct_size;
	uint32_t reserved;
	/* Copy `length` bytes.  0 or -EAGAIN. */
	int32_t (*read)(void *context, uint64_t address, void *data, uint64_t length);
	int32_t (*write)(void *context, uint64_t address, const void *data, uint64_t length);
	/* Map guest memory for a longer transfer.  *length may come back shorter, never 0.  The pointer is valid
	 * until unmap; the map must not outlive a stop().  -EAGAIN as above, -ENOMEM. */
	int32_t (*map)(
		void *context, uint64_t address, uint64_t *length, uint32_t direction, vmm_handle *map, void **pointer);
	/* `written`: how many bytes from the start were changed; they are marked dirty, and translated code that was
	 * made from them is dropped. */
	void (*unmap)(void *context, vmm_handle map, uint64_t written);
};

/* Types of regions. */
#define VMM_REGION_RAM   1 /* memory kept and saved by the host */
#define VMM_REGION_ROM   2 /* read directly; guest writes go to ops->write, or nowhere without ops */
#define VMM_REGION_MMIO  3 /* every access goes to ops */
#define VMM_REGION_ALIAS 4 /* shows a part of another region, or of the system's RAM (target 0), elsewhere */

#define VMM_REGION_POSTED 1u /* flags: MMIO writes may be gathered and come late, but in order */
#define VMM_REGION_DIRTY  2u /* RAM: writes are tracked for dirty_fetch */

/*
 * The device behind a region.  `offset` is from the region's start; accesses are naturally aligned and of a
 * size within the region's limits: the host splits and widens what the guest does, never doing more reads or
 * writes than bytes asked for need.  [machine]
 */
struct vmm_region_ops {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*read)(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value);
	int32_t (*write)(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value);
};

struct vmm_region_desc {
	uint32_t struct_size;
	uint32_t type;
	uint32_t flags;
	uint32_t size_minimum, size_maximum; /* access sizes that ops take: 1, 2, 4, 8; 0: 1 and 4 */
	uint32_t reserved;
	uint64_t length;                  /* in bytes; RAM, ROM and ALIAS: a multiple of 4096 */
	const struct vmm_region_ops *ops; /* NULL where the type allows it; static lifetime */
	void *self;
	uint64_t token;
	vmm_handle target; /* ALIAS: of which region; 0: the system's address space without this alias's priority */
	uint64_t target_offset; /* ALIAS */
	const char *name;       /* for logs and `vmm status`; copied */
};

/* All [machine]. */
struct vmm_region_service {
	uint32_t struct_size;
	uint32_t reserved;
	/* Make a region, mapped nowhere yet.  0, -EINVAL, -ENOMEM. */
	int32_t (*create)(void *context, const struct vmm_region_desc *desc, vmm_handle *region);
	void (*destroy)(void *context, vmm_handle region);
	/* Map it at `address`; a higher priority hides a lower one, system RAM has priority 0, the later of
	 * two equals wins.  A region is mapped at one place at a time: another call moves it. */
	int32_t (*map)(void *context, vmm_handle region, uint64_t address, int32_t priority);
	void (*unmap)(void *context, vmm_handle region);
	/* Gather changes of the layout, so that the guest sees them at once, at the last commit.  Nests. */
	void (*begin)(void *context);
	void (*commit)(void *context);
	/* RAM <-> ROM for a mapped RAM or ALIAS region (PAM: read-only shadow). */
	int32_t (*set_readonly)(void *context, vmm_handle region, uint32_t readonly);
	/* Fill or read a RAM or ROM region's bytes from the device's side; writes mark dirty and drop code.
	 * 0, -EINVAL (outside). */
	int32_t (*write)(void *context, vmm_handle region, uint64_t offset, const void *data, uint64_t length);
	int32_t (*read)(void *context, vmm_handle region, uint64_t offset, void *data, uint64_t length);
	/* Fetch and clear the dirty bits of [offset, offset + length), one bit a 4096-byte page from bit 0 of
	 * bits[0].  For regions with VMM_REGION_DIRTY. */
	int32_t (*dirty_fetch)(
		void *context, vmm_handle region, uint64_t offset, uint64_t length, uint64_t *bits, uint64_t words);
};

#endif
