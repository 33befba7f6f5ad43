/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <vmm/kit/pci.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vmm/kit/fields.h>
#include <vmm/port.h>

#include "sdk/kit/msix.h"

static void put(uint8_t *bytes, uint32_t offset, uint32_t size, uint32_t value)
{
	for (uint32_t i = 0; i < size; i++)
		bytes[offset + i] = (uint8_t)(value >> (i * 8));
}

uint32_t vmm_pci_get(const struct vmm_pci *pci, uint32_t offset, uint32_t size)
{
	uint32_t value = 0;
	for (uint32_t i = 0; i < size; i++)
		value |= (uint32_t)pci->config[offset + i] << (i * 8);
	return value;
}

void vmm_pci_set(struct vmm_pci *pci, uint32_t offset, uint32_t size, uint32_t value)
{
	put(pci->config, offset, size, value);
}

void vmm_pci_register(struct vmm_pci *pci, uint32_t offset, uint32_t size, uint32_t initial, uint32_t writable)
{
	put(pci->config, offset, size, initial);
	put(pci->initial, offset, size, initial);
	put(pci->writable, offset, size, writable);
}

void vmm_pci_init(struct vmm_pci *pci, const struct vmm_host *host, const struct vmm_pci_ids *ids)
{
	memset(pci, 0, sizeof(*pci));
	pci->host = host;
	pci->prefix = "pci.";
	pci->cap_next = 0x40;
	vmm_pci_register(pci, VMM_PCI_VENDOR_ID, 2, ids->vendor, 0);
	vmm_pci_register(pci, VMM_PCI_DEVICE_ID, 2, ids->device, 0);
	vmm_pci_register(pci, VMM_PCI_COMMAND, 2, 0,
		VMM_PCI_COMMAND_MASTER | VMM_PCI_COMMAND_PARITY | VMM_PCI_COMMAND_SERR | VMM_PCI_COMMAND_INTX_OFF);
	vmm_pci_register(pci, VMM_PCI_REVISION_ID, 1, ids->revision, 0);
	vmm_pci_register(pci, VMM_PCI_CLASS, 1, ids->class_code & 0xff, 0);
	vmm_pci_register(pci, VMM_PCI_CLASS + 1, 2, ids->class_code >> 8, 0);
	vmm_pci_register(pci, VMM_PCI_CACHE_LINE, 1, 0, 0xff);
	vmm_pci_register(pci, VMM_PCI_LATENCY, 1, 0, 0xf8);
	vmm_pci_register(pci, VMM_PCI_SUBSYSTEM_VENDOR, 2, ids->subsystem_vendor, 0);
	vmm_pci_register(pci, VMM_PCI_SUBSYSTEM_ID, 2, ids->subsystem, 0);
	vmm_pci_register(pci, VMM_PCI_INTERRUPT_LINE, 1, 0, ids->pin != 0 ? 0xff : 0);
	vmm_pci_register(pci, VMM_PCI_INTERRUPT_PIN, 1, ids->pin, 0);
	/* Master data parity error, and the five signalled or received errors (6.2.3). */
	put(pci->clear, VMM_PCI_STATUS, 2, 0xf900);
}

int32_t vmm_pci_add_bar(struct vmm_pci *pci, uint32_t number, uint32_t type, uint64_t length, vmm_handle resource)
{
	uint32_t kind = type & ~VMM_PCI_BAR_PREFETCH;
	uint64_t least = kind == VMM_PCI_BAR_IO ? 4 : kind == VMM_PCI_BAR_ROM ? 2048 : 16;
	if (number > 6 || (number == 6) != (kind == VMM_PCI_BAR_ROM) || kind < 1 || kind > 4 || length < least ||
		(length & (length - 1)) != 0 || (number >= 5 && kind == VMM_PCI_BAR_MEMORY64) ||
		(kind != VMM_PCI_BAR_MEMORY64 && length > UINT64_C(0x80000000)))
		return -EINVAL;
	pci->bars[number].type = kind;
	pci->bars[number].length = length;
	pci->bars[number].resource = resource;
	uint64_t mask = ~(length - 1);
	uint32_t offset = VMM_PCI_BAR0 + number * 4;
	uint32_t prefetch = (type & VMM_PCI_BAR_PREFETCH) != 0 ? 8 : 0;
	switch (kind) {
	case VMM_PCI_BAR_IO:
		vmm_pci_register(pci, offset, 4, 1, (uint32_t)mask);
		pci->writable[VMM_PCI_COMMAND] |= VMM_PCI_COMMAND_IO;
		return 0;
	case VMM_PCI_BAR_ROM: vmm_pci_register(pci, VMM_PCI_ROM, 4, 0, (uint32_t)mask | 1); break;
	case VMM_PCI_BAR_MEMORY64:
		vmm_pci_register(pci, offset, 4, 4 | prefetch, (uint32_t)mask & ~15u);
		vmm_pci_register(pci, offset + 4, 4, 0, (uint32_t)(mask >> 32));
		break;
	default: vmm_pci_register(pci, offset, 4, prefetch, (uint32_t)mask); break;
	}
	pci->writable[VMM_PCI_COMMAND] |= VMM_PCI_COMMAND_MEMORY;
	return 0;
}

int32_t vmm_pci_add_capability(struct vmm_pci *pci, uint8_t id, uint32_t length)
{
	uint32_t offset = pci->cap_next;
	if (length < 2 || offset + length > 256)
		return -ENOSPC;
	uint32_t last = VMM_PCI_CAPABILITIES; /* the pointer to be set: the head, or the last one's next */
	while (pci->initial[last] != 0)
		last = pci->initial[last] + 1u;
	vmm_pci_register(pci, last, 1, offset, 0);
	vmm_pci_register(pci, offset, 1, id, 0);
	vmm_pci_register(pci, offset + 1, 1, 0, 0);
	pci->initial[VMM_PCI_STATUS] |= VMM_PCI_STATUS_CAP_LIST;
	pci->config[VMM_PCI_STATUS] |= VMM_PCI_STATUS_CAP_LIST;
	pci->cap_next = (offset + length + 3) & ~3u;
	return (int32_t)offset;
}

int32_t vmm_pci_add_msi(struct vmm_pci *pci, uint32_t messages)
{
	uint32_t log = 0;
	while (log < 5 && (1u << log) < messages)
		log++;
	int32_t offset = vmm_pci_add_capability(pci, VMM_PCI_CAP_MSI, 14);
	if (offset < 0)
		return offset;
	pci->msi = (uint32_t)offset;
	/* Message control: 64-bit addresses; enable and the number of messages are the guest's. */
	vmm_pci_register(pci, pci->msi + 2, 2, 0x80 | log << 1, 0x71);
	vmm_pci_register(pci, pci->msi + 4, 4, 0, 0xfffffffc);
	vmm_pci_register(pci, pci->msi + 8, 4, 0, 0xffffffff);
	vmm_pci_register(pci, pci->msi + 12, 2, 0, 0xffff);
	return 0;
}

/* Where a BAR is now, and whether it decodes. */
static uint32_t bar_where(const struct vmm_pci *pci, uint32_t number, uint64_t *address)
{
	const struct vmm_pci_bar *bar = &pci->bars[number];
	uint32_t command = vmm_pci_get(pci, VMM_PCI_COMMAND, 2);
	uint32_t low = vmm_pci_get(pci, number == 6 ? VMM_PCI_ROM : VMM_PCI_BAR0 + number * 4, 4);
	uint64_t mask = ~(bar->length - 1);
	switch (bar->type) {
	case VMM_PCI_BAR_IO:
		*address = low & mask & 0xfffffffc;
		/* Only 64 KiB of ports exist. */
		return (command & VMM_PCI_COMMAND_IO) != 0 && *address != 0 && *address + bar->length <= 0x10000;
	case VMM_PCI_BAR_ROM:
		*address = low & mask & 0xfffff800;
		return (command & VMM_PCI_COMMAND_MEMORY) != 0 && (low & 1) != 0 && *address != 0;
	case VMM_PCI_BAR_MEMORY64:
		*address = ((uint64_t)vmm_pci_get(pci, VMM_PCI_BAR0 + number * 4 + 4, 4) << 32 | low) & mask &
			~UINT64_C(15);
		/* The end must not wrap, and sizing (all ones) does not map anything. */
		return (command & VMM_PCI_COMMAND_MEMORY) != 0 && *address != 0 &&
			*address <= (UINT64_C(1) << 52) - bar->length;
	default:
		*address = low & mask & 0xfffffff0;
		return (command & VMM_PCI_COMMAND_MEMORY) != 0 && *address != 0 &&
			*address + bar->length < UINT64_C(0x100000000);
	}
}

static void bars_update(struct vmm_pci *pci)
{
	if (pci->bus == NULL)
		return;
	for (uint32_t i = 0; i < 7; i++) {
		struct vmm_pci_bar *bar = &pci->bars[i];
		if (bar->type == 0)
			continue;
		uint64_t address;
		uint32_t enabled = bar_where(pci, i, &address);
		if (enabled == bar->mapped && (!enabled || address == bar->address))
			continue;
		uint32_t space = bar->type == VMM_PCI_BAR_IO ? VMM_PCI_IO : VMM_PCI_MEMORY;
		int32_t status = pci->bus->bar(pci->bus_self, i, space, bar->resource, address, bar->length, enabled);
		bar->mapped = enabled && status >= 0;
		bar->address = address;
	}
}

uint32_t vmm_pci_msi_enabled(const struct vmm_pci *pci)
{
	return pci->msi != 0 && (pci->config[pci->msi + 2] & 1) != 0;
}

uint32_t vmm_pci_bus_master(const struct vmm_pci *pci)
{
	return (pci->config[VMM_PCI_COMMAND] & VMM_PCI_COMMAND_MASTER) != 0;
}

uint32_t vmm_pci_message(struct vmm_pci *pci, uint32_t number)
{
	if (!vmm_pci_msi_enabled(pci))
		return 0;
	/* With fewer messages granted than asked for, the function uses the low bits it was given (6.8.1.6). */
	uint32_t granted = 1u << ((pci->config[pci->msi + 2] >> 4 & 7) > 5 ? 5 : pci->config[pci->msi + 2] >> 4 & 7);
	uint64_t address = (uint64_t)vmm_pci_get(pci, pci->msi + 8, 4) << 32 | vmm_pci_get(pci, pci->msi + 4, 4);
	uint32_t data = vmm_pci_get(pci, pci->msi + 12, 2);
	if (pci->bus != NULL && vmm_pci_bus_master(pci))
		pci->bus->msi(pci->bus_self, address, (data & ~(granted - 1)) | (number & (granted - 1)));
	return 1;
}

static void intx_update(struct vmm_pci *pci)
{
	uint32_t off = (pci->config[VMM_PCI_COMMAND + 1] & (VMM_PCI_COMMAND_INTX_OFF >> 8)) != 0;
	uint32_t want = pci->level && !off && !vmm_pci_msi_enabled(pci) &&
		!(pci->msix != NULL && vmm_msix_enabled(pci->msix));
	if (pci->level)
		pci->config[VMM_PCI_STATUS] |= VMM_PCI_STATUS_INTX;
	else
		pci->config[VMM_PCI_STATUS] &= (uint8_t)~VMM_PCI_STATUS_INTX;
	if (want == pci->asserted || pci->config[VMM_PCI_INTERRUPT_PIN] == 0)
		return;
	pci->asserted = want;
	if (pci->bus != NULL)
		pci->bus->intx(pci->bus_self, pci->config[VMM_PCI_INTERRUPT_PIN] - 1u, want);
}

void vmm_pci_interrupt(struct vmm_pci *pci, uint32_t level)
{
	level = level != 0;
	uint32_t rising = level && !pci->level;
	pci->level = level;
	intx_update(pci);
	if (rising)
		vmm_pci_message(pci, 0);
}

int32_t vmm_pci_config_read(struct vmm_pci *pci, uint32_t offset, uint32_t size, uint32_t *value)
{
	if ((size != 1 && size != 2 && size != 4) || offset > 256 - size || (offset & (size - 1)) != 0)
		return -EINVAL;
	*value = vmm_pci_get(pci, offset, size);
	return 0;
}

int32_t vmm_pci_config_write(struct vmm_pci *pci, uint32_t offset, uint32_t size, uint32_t value)
{
	if ((size != 1 && size != 2 && size != 4) || offset > 256 - size || (offset & (size - 1)) != 0)
		return -EINVAL;
	for (uint32_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)(value >> (i * 8));
		uint8_t mask = pci->writable[offset + i];
		uint8_t kept = pci->config[offset + i] & (uint8_t)~mask;
		pci->config[offset + i] = (uint8_t)((kept & ~(pci->clear[offset + i] & byte)) | (byte & mask));
	}
	bars_update(pci);
	intx_update(pci);
	if (pci->msix != NULL)
		msix_update(pci->msix);
	if (pci->written != NULL)
		pci->written(pci->written_self, offset, size);
	return 0;
}

void vmm_pci_reset(struct vmm_pci *pci)
{
	memcpy(pci->config, pci->initial, sizeof(pci->config));
	pci->level = 0;
	if (pci->msix != NULL)
		msix_reset(pci->msix);
	bars_update(pci);
	intx_update(pci);
}

static const struct vmm_field fields[] = {
	VMM_FIELD_ARRAY(struct vmm_pci, config),
	VMM_FIELD_MAX(struct vmm_pci, level, 1),
	VMM_FIELD_MAX(struct vmm_pci, asserted, 1),
};

int32_t vmm_pci_save(struct vmm_pci *pci)
{
	int32_t status = vmm_fields_save(pci->host, pci->prefix, pci, fields, VMM_KIT_COUNT(fields));
	return status == 0 && pci->msix != NULL ? msix_save(pci->msix) : status;
}

int32_t vmm_pci_load(struct vmm_pci *pci)
{
	int32_t status = vmm_fields_load(pci->host, pci->prefix, pci, fields, VMM_KIT_COUNT(fields));
	if (status < 0)
		return status;
	/* Only what the guest or the device can change is taken from the state: identity stays this program's. */
	for (uint32_t i = 0; i < 0x40; i++) {
		uint8_t mask = pci->writable[i] | pci->clear[i];
		if (i == VMM_PCI_STATUS)
			mask |= VMM_PCI_STATUS_INTX;
		pci->config[i] = (uint8_t)((pci->config[i] & mask) | (pci->initial[i] & ~mask));
	}
	if (pci->initial[VMM_PCI_INTERRUPT_PIN] == 0)
		pci->asserted = 0; /* it has no line */
	if (pci->msi != 0)
		pci->config[pci->msi + 2] = (uint8_t)((pci->config[pci->msi + 2] & 0x71) |
			(pci->initial[pci->msi + 2] & ~0x71));
	if (pci->msix != NULL) {
		status = msix_load(pci->msix);
		if (status < 0)
			return status;
	}
	bars_update(pci);
	return 0;
}

/* The port. */

static int32_t port_config_read(void *self, uint32_t offset, uint32_t size, uint32_t *value)
{
	return vmm_pci_config_read(self, offset, size, value);
}

static int32_t port_config_write(void *self, uint32_t offset, uint32_t size, uint32_t value)
{
	return vmm_pci_config_write(self, offset, size, value);
}

static void port_bus_reset(void *self)
{
	struct vmm_pci *pci = self;
	if (pci->bus_reset != NULL) {
		pci->bus_reset(pci->written_self);
		return;
	}
	vmm_pci_reset(pci);
	/* The command register is another than it was. */
	if (pci->written != NULL)
		pci->written(pci->written_self, VMM_PCI_COMMAND, 2);
}

static const struct vmm_pci_lower lower = {
	.struct_size = sizeof(struct vmm_pci_lower),
	.config_read = port_config_read,
	.config_write = port_config_write,
	.bus_reset = port_bus_reset,
};

static void port_attached(void *port_self, const struct vmm_link *link)
{
	struct vmm_pci *pci = port_self;
	pci->bus = link->peer;
	pci->bus_self = link->peer_self;
	pci->address = link->address;
	bars_update(pci);
}

static void port_closing(void *port_self, const struct vmm_link *link)
{
	struct vmm_pci *pci = port_self;
	(void)link;
	for (uint32_t i = 0; i < 7; i++) {
		struct vmm_pci_bar *bar = &pci->bars[i];
		if (bar->mapped)
			pci->bus->bar(pci->bus_self, i, bar->type == VMM_PCI_BAR_IO ? VMM_PCI_IO : VMM_PCI_MEMORY,
				bar->resource, bar->address, bar->length, 0);
		bar->mapped = 0;
	}
	if (pci->asserted)
		pci->bus->intx(pci->bus_self, pci->config[VMM_PCI_INTERRUPT_PIN] - 1u, 0);
	pci->asserted = 0;
	pci->bus = NULL;
}

static void port_detached(void *port_self, const struct vmm_link *link)
{
	(void)port_self;
	(void)link;
}

static const struct vmm_port_ops port_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = port_attached,
	.closing = port_closing,
	.detached = port_detached,
};

int32_t vmm_pci_path(const struct vmm_pci *pci, const char *name, char *text, uint32_t size)
{
	uint32_t slot = (uint32_t)(pci->address >> 3) & 31;
	uint32_t function = (uint32_t)pci->address & 7;
	if (!VMM_HAS(pci->bus, path))
		return -ENOTSUP;
	int32_t length = pci->bus->path(pci->bus_self, text, size);
	if (length < 0)
		return length;
	if ((uint32_t)length >= size)
		return -EOVERFLOW;
	int written = function == 0
		? snprintf(text + length, size - (uint32_t)length, "/%s@%x", name, slot)
		: snprintf(text + length, size - (uint32_t)length, "/%s@%x,%x", name, slot, function);
	if (written < 0 || (uint32_t)written >= size - (uint32_t)length)
		return -EOVERFLOW;
	return length + written;
}

void vmm_pci_get_port(struct vmm_pci *pci, struct vmm_port_side *side)
{
	side->ops = &port_ops;
	side->port_self = pci;
	side->table = &lower;
	side->self = pci;
}
