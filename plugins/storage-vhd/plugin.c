/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The format as a storage plugin.
 */
#include <vmm/block/plugin.h>

#include "vhd.h"

VMM_BLOCK_PLUGIN(storage_vhd, vmm_vhd_format, "org.vmm.storage-vhd", "VHD image",
	"Virtual PC's and Hyper-V's VHD images: fixed, dynamic and differencing");
