/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: plain files as disks, CDs and floppies.  The block kit has the format, since every chain may end in one.
 */
#include <vmm/block/image.h>
#include <vmm/block/plugin.h>

VMM_BLOCK_PLUGIN_TWO(storage_raw, vmm_block_raw, "org.vmm.storage-raw", "Raw image",
	"A plain file as a disk, CD or floppy: raw and ISO 9660 images", 2, vmm_block_delta,
	"Changes to an image of any format, as `mode = undoable` keeps them");
