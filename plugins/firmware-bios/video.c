/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The video BIOS for a direct boot: from the adapter's ROM to the shadow RAM at C0000, where it runs.
 */
#include <vmm/kit/pci.h>

#include "firmware.h"

#define SHADOW      0xc0000u
#define SHADOW_MAX  0x20000u
#define HOST_BRIDGE 0u
#define PAM1        0x5au /* C0000 to C7FFF; each register has 32 KiB */

static int32_t adapter_find(struct firmware *firmware)
{
	for (uint32_t function = 0; function < 256; function++) {
		uint32_t class = pci_config_read(firmware, function, VMM_PCI_CLASS + 1, 2);
		if (class == 0x0300 && pci_config_read(firmware, function, VMM_PCI_ROM, 4) >= 0x800)
			return (int32_t)function;
	}
	return -ENODEV;
}

static void shadow_mode(struct firmware *firmware, uint32_t length, uint32_t mode)
{
	for (uint32_t i = 0; i * 0x8000 < length; i++)
		pci_config_write(firmware, HOST_BRIDGE, PAM1 + i, 1, mode | mode << 4);
}

int32_t video_shadow(struct firmware *firmware)
{
	void *context = firmware->host->context;
	int32_t function = firmware->platform.has_isa_bridge ? adapter_find(firmware) : -ENODEV;
	uint8_t head[3] = { 0 };
	if (function < 0)
		return function;
	uint32_t index = (uint32_t)function;
	uint32_t rom = pci_config_read(firmware, index, VMM_PCI_ROM, 4) & 0xfffff800;
	pci_config_write(firmware, index, VMM_PCI_COMMAND, 2,
		pci_config_read(firmware, index, VMM_PCI_COMMAND, 2) | VMM_PCI_COMMAND_IO | VMM_PCI_COMMAND_MEMORY);
	pci_config_write(firmware, index, VMM_PCI_ROM, 4, rom | 1);
	uint8_t *image = malloc(SHADOW_MAX);
	int32_t status = image == NULL ? -ENOMEM : firmware->memory->read(context, rom, head, sizeof(head));
	uint32_t length = head[2] * 512u;
	if (status >= 0 && (head[0] != 0x55 || head[1] != 0xaa || length < 512 || length > SHADOW_MAX))
		status = -ENODEV;
	if (status >= 0)
		status = firmware->memory->read(context, rom, image, length);
	if (status >= 0) {
		shadow_mode(firmware, length, 3);
		status = firmware->memory->write(context, SHADOW, image, length);
		/* It keeps its variables in itself while it starts; like SeaBIOS we leave its segments writable. */
	}
	pci_config_write(firmware, index, VMM_PCI_ROM, 4, rom);
	free(image);
	return status < 0 ? -ENODEV : function;
}
