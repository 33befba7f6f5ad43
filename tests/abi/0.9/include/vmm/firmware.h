/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.firmware/1 and vmm.firmware-list/1: what devices add to the firmware, and how a firmware plugin reads it.
 *
 * Entries are kept by the host, copied, in the order of the sections that added them.  Add in init, or, what
 * depends on ports, in reset(POWER) or later; a firmware plugin lists when the machine runs.  [machine]
 */
#ifndef VMM_FIRMWARE_H
#define VMM_FIRMWARE_H

#include <vmm/base.h>

#define VMM_SERVICE_FIRMWARE      "vmm.firmware/1"
#define VMM_SERVICE_FIRMWARE_LIST "vmm.firmware-list/1"

#define VMM_FIRMWARE_FILE 1 /* a named file of fw_cfg's directory ("etc/...") */
#define VMM_FIRMWARE_ACPI 2 /* a whole ACPI table, header included; name: its signature */
#define VMM_FIRMWARE_AML  3 /* AML terms for the DSDT's \_SB scope; name: of the device */
#define VMM_FIRMWARE_ROM  4 /* an option ROM image */
#define VMM_FIRMWARE_BOOT 5 /* a device path as SeaBIOS writes it in bootorder; name: disk, cd, floppy, net */

struct vmm_firmware_service {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*add)(void *context, uint32_t type, const char *name, const void *data, uint64_t length);
	/* Replace the contents of an entry that this instance added. */
	int32_t (*update)(void *context, uint32_t type, const char *name, const void *data, uint64_t length);
};

struct vmm_firmware_list_service {
	uint32_t struct_size;
	uint32_t reserved;
	/* Entry number `index` of this type, from 0: its name is copied, its length given.  -ENOENT past the end. */
	int32_t (*entry)(void *context, uint32_t type, uint32_t index, char *name, uint32_t size, uint64_t *length);
	/* Copy bytes of it.  -EINVAL outside. */
	int32_t (*read)(void *context, uint32_t type, uint32_t index, uint64_t offset, void *data, uint64_t length);
};

#endif
