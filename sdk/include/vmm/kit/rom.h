/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Device kit: the option ROM of a PCI function (PCI Firmware Specification 3.0, chapter 5) from a file.
 */
#ifndef VMM_KIT_ROM_H
#define VMM_KIT_ROM_H

#include <vmm/kit/pci.h>

#define VMM_ROM_MAXIMUM (1u << 20)

/* Read the file, give its PCI data structure the function's vendor and device, and show it in the ROM BAR.  `name` and
 * `package` are for messages: "VGA BIOS", and what to install.  *region is the owner's to destroy.  0, or a negative
 * errno after host->fail.  In init. */
int32_t vmm_rom_add(struct vmm_pci *pci, const char *path, const char *name, const char *package, vmm_handle *region);

#endif
