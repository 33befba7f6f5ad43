/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The format as a storage plugin.
 */
#include <vmm/block/plugin.h>

#include "qcow2.h"

VMM_BLOCK_PLUGIN(storage_qcow2, vmm_qcow2_format, "org.vmm.storage-qcow2", "qcow2 image",
	"QEMU's qcow2 images, versions 2 and 3, with backing files");
