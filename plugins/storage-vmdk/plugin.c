/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin.
 */
#include <vmm/block/plugin.h>

#include "vmdk.h"

VMM_BLOCK_PLUGIN(storage_vmdk, vmdk_format, "org.vmm.storage-vmdk", "VMDK image",
	"A disk of VMware's: VMDK, sparse, flat or stream-optimized, with its parents");
