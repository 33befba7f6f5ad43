/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Starting a machine from its network card.
 */
#include <vmm/kit/net.h>

#include <unistd.h>

#include <vmm/firmware.h>
#include <vmm/kit/rom.h>
#include <vmm/param.h>

int32_t vmm_net_card_add_rom(struct vmm_net_card *card, struct vmm_pci *pci)
{
	const struct vmm_host *host = card->host;
	const struct vmm_param_service *params = vmm_kit_service(host, VMM_SERVICE_PARAM);
	char path[4096];
	if (params == NULL)
		return -ENOTSUP;
	int32_t status = vmm_kit_string(host, "rom", path, sizeof(path));
	if (status == -ENOENT || (status >= 0 && path[0] == '\0'))
		return 0;
	if (status < 0)
		return vmm_kit_fail(host, status, "use a shorter path", "the path in `rom` is too long");
	if (params->is_set(host->context, "rom") <= 0 && access(path, F_OK) < 0) {
		vmm_kit_log(host, VMM_LOG_INFO, "no boot from the network: %s is not there (package ipxe-qemu)", path);
		return 0;
	}
	return vmm_rom_add(pci, path, "network boot ROM", "ipxe-qemu", &card->rom);
}

void vmm_net_card_list(struct vmm_net_card *card, const struct vmm_pci *pci)
{
	const struct vmm_host *host = card->host;
	const struct vmm_firmware_service *firmware = host->get_service(host->context, VMM_SERVICE_FIRMWARE);
	char text[256];
	int32_t length = vmm_pci_path(pci, "ethernet", text, sizeof(text));
	if (firmware == NULL || length < 0)
		return;
	if (card->listed)
		firmware->update(host->context, VMM_FIRMWARE_BOOT, "net", text, (uint64_t)length);
	else
		card->listed = firmware->add(host->context, VMM_FIRMWARE_BOOT, "net", text, (uint64_t)length) >= 0;
}
