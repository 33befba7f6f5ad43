/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The option ROM (PCI Firmware Specification 3.0, chapter 5) in the ROM BAR.
 */
#include <vmm/kit/rom.h>

#include "vga.h"

#define PATH_LENGTH 4096

int32_t rom_load(struct vga *vga)
{
	char path[PATH_LENGTH];
	int32_t status = vmm_kit_string(vga->host, "rom", path, sizeof(path));
	if (status == -ENOENT || (status >= 0 && path[0] == '\0'))
		return 0;
	return status < 0 ? status : vmm_rom_add(&vga->pci, path, "VGA BIOS", "seabios", &vga->rom);
}
