/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A PCI bus for a function, a function for a bus, and the same for ISA.
 */
#include "fake_peer.h"

#include <errno.h>
#include <string.h>

/* The bus. */

static void pci_intx(void *self, uint32_t pin, uint32_t level)
{
	struct fake_peer *peer = self;
	(void)level;
	if (pin > 3)
		fake_fault(peer->instance, "port %s: intx of pin %u", peer->row->key, pin);
}

static void pci_msi(void *self, uint64_t address, uint32_t data)
{
	struct fake_peer *peer = self;
	(void)address;
	(void)data;
	fake_enter_any(peer->instance, "pci.msi");
}

/* Bus mastering is asked of the function itself, as a bridge would. */
static uint32_t pci_master(struct fake_peer *peer)
{
	const struct vmm_pci_lower *lower = peer->table;
	uint32_t command = 0;
	return lower->config_read(peer->self, 4, 2, &command) >= 0 && (command & 4) != 0;
}

static int32_t pci_dma_read(void *self, uint64_t address, void *data, uint64_t length)
{
	struct fake_peer *peer = self;
	if (!pci_master(peer))
		return -EIO;
	return fake_memory_service.read(peer->instance, address, data, length);
}

static int32_t pci_dma_write(void *self, uint64_t address, const void *data, uint64_t length)
{
	struct fake_peer *peer = self;
	if (!pci_master(peer))
		return -EIO;
	return fake_memory_service.write(peer->instance, address, data, length);
}

static int32_t pci_dma_map(
	void *self, uint64_t address, uint64_t *length, uint32_t direction, vmm_handle *map, void **pointer)
{
	struct fake_peer *peer = self;
	if (!pci_master(peer))
		return -EIO;
	return fake_memory_service.map(peer->instance, address, length, direction, map, pointer);
}

static void pci_dma_unmap(void *self, vmm_handle map, uint64_t written)
{
	struct fake_peer *peer = self;
	fake_memory_service.unmap(peer->instance, map, written);
}

static int32_t pci_bar(void *self, uint32_t bar, uint32_t space, vmm_handle resource, uint64_t address, uint64_t length,
	uint32_t enabled)
{
	struct fake_peer *peer = self;
	struct fake_instance *instance = peer->instance;
	(void)length;
	fake_enter(instance, "pci.bar");
	if (bar > 6 || (space != VMM_PCI_MEMORY && space != VMM_PCI_IO)) {
		fake_fault(instance, "port %s: bar %u of space %u", peer->row->key, bar, space);
		return -EINVAL;
	}
	if (space == VMM_PCI_IO) {
		if (enabled) {
			int32_t status = fake_io_service.move(instance, resource, (uint32_t)address & 0xffff);
			if (status < 0)
				return status;
		}
		return fake_io_service.enable(instance, resource, enabled);
	}
	if (enabled)
		return fake_region_service.map(instance, resource, address, 1);
	fake_region_service.unmap(instance, resource);
	return 0;
}

static void pci_ejected(void *self)
{
	(void)self;
}

const struct vmm_pci_upper fake_peer_pci_upper = {
	.struct_size = sizeof(struct vmm_pci_upper),
	.intx = pci_intx,
	.msi = pci_msi,
	.dma_read = pci_dma_read,
	.dma_write = pci_dma_write,
	.dma_map = pci_dma_map,
	.dma_unmap = pci_dma_unmap,
	.bar = pci_bar,
	.ejected = pci_ejected,
};

/* A function: a header that holds what is written to it. */

static int32_t function_read(void *self, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct fake_peer *peer = self;
	if ((size != 1 && size != 2 && size != 4) || offset % size != 0 || offset > 4096 - size)
		fake_fault(peer->instance, "port %s: config_read of %u bytes at %#x", peer->row->key, size, offset);
	*value = offset == 0 ? 0x56781234 : 0;
	return 0;
}

static int32_t function_write(void *self, uint32_t offset, uint32_t size, uint32_t value)
{
	struct fake_peer *peer = self;
	(void)value;
	if ((size != 1 && size != 2 && size != 4) || offset % size != 0 || offset > 4096 - size)
		fake_fault(peer->instance, "port %s: config_write of %u bytes at %#x", peer->row->key, size, offset);
	return 0;
}

static void function_reset(void *self)
{
	(void)self;
}

const struct vmm_pci_lower fake_peer_pci_lower = {
	.struct_size = sizeof(struct vmm_pci_lower),
	.config_read = function_read,
	.config_write = function_write,
	.bus_reset = function_reset,
	.eject_request = function_reset,
};

void fake_peer_place(struct fake_peer *peer)
{
	const struct vmm_pci_lower *lower = peer->table;
	if (peer->link == NULL || peer->role != VMM_ROLE_UPPER || strcmp(peer->interface, VMM_PORT_PCI) != 0)
		return;
	for (uint32_t i = 0; i < 6; i++) {
		uint32_t bar = 0;
		lower->config_read(peer->self, 0x10 + i * 4, 4, &bar);
		/* I/O ports are below 64 KiB. */
		lower->config_write(peer->self, 0x10 + i * 4, 4,
			(bar & 1) != 0 ? 0xc000 + i * 0x400 : UINT32_C(0xe0000000) + i * 0x1000000);
	}
	lower->config_write(peer->self, 4, 2, 7);
}

static void function_act(struct fake_peer *peer)
{
	const struct vmm_pci_lower *lower = peer->table;
	struct chance *chance = peer->chance;
	uint32_t size = 1u << chance_below(chance, 3);
	uint32_t offset = (uint32_t)chance_below(chance, 256) & ~(size - 1);
	uint32_t what = (uint32_t)chance_below(chance, 32);
	uint32_t value = (uint32_t)fake_peer_value(chance);
	uint32_t got;
	peer->calling++;
	if (what == 0 && VMM_HAS(lower, bus_reset)) {
		lower->bus_reset(peer->self);
	} else if (what == 1 && VMM_HAS(lower, eject_request)) {
		lower->eject_request(peer->self);
	} else if (what < 10) {
		fake_peer_place(peer);
	} else if (what < 14) {
		/* Sizes and places that a function must refuse or survive. */
		size = 1u << chance_below(chance, 5);
		offset = (uint32_t)chance_below(chance, 4200);
		lower->config_read(peer->self, offset, size, &got);
		lower->config_write(peer->self, offset, size, value);
	} else if (what < 22) {
		lower->config_read(peer->self, offset, size, &got);
	} else {
		lower->config_write(peer->self, offset, size, value);
	}
	peer->calling--;
}

/* What a function does to its bus. */
static void bus_act(struct fake_peer *peer)
{
	const struct vmm_pci_upper *upper = peer->table;
	struct chance *chance = peer->chance;
	uint8_t data[16] = { 0 };
	uint64_t address = fake_peer_value(chance);
	uint64_t length = sizeof(data);
	vmm_handle map;
	void *pointer;
	switch (chance_below(chance, 5)) {
	case 0: upper->msi(peer->self, UINT64_C(0xfee00000) | (address & 0xff000), (uint32_t)address & 0xffff); break;
	case 1: upper->dma_read(peer->self, address, data, length); break;
	case 2: upper->dma_write(peer->self, address, data, length); break;
	case 3:
		if (upper->dma_map(peer->self, address, &length, VMM_DIRECTION_TO_GUEST, &map, &pointer) >= 0)
			upper->dma_unmap(peer->self, map, 0);
		break;
	default: upper->intx(peer->self, (uint32_t)chance_below(chance, 4), (uint32_t)chance_below(chance, 2)); break;
	}
}

void fake_peer_pci_act(struct fake_peer *peer)
{
	if (peer->role == VMM_ROLE_UPPER)
		function_act(peer);
	else
		bus_act(peer);
}

/* ISA: a bus without a DMA controller, and a device. */

static int32_t isa_dreq(void *self, uint32_t channel, uint32_t level)
{
	(void)self;
	(void)channel;
	(void)level;
	return -ENODEV;
}

static int32_t isa_to_memory(void *self, uint32_t channel, const void *data, uint32_t length, uint32_t *terminal)
{
	(void)self;
	(void)channel;
	(void)data;
	(void)length;
	*terminal = 0;
	return 0;
}

static int32_t isa_from_memory(void *self, uint32_t channel, void *data, uint32_t length, uint32_t *terminal)
{
	(void)self;
	(void)channel;
	(void)data;
	(void)length;
	*terminal = 0;
	return 0;
}

const struct vmm_isa_upper fake_peer_isa_upper = {
	.struct_size = sizeof(struct vmm_isa_upper),
	.dreq = isa_dreq,
	.dma_to_memory = isa_to_memory,
	.dma_from_memory = isa_from_memory,
};

static void isa_dack(void *self, uint32_t channel)
{
	struct fake_peer *peer = self;
	if (channel > 7 || channel == 4)
		fake_fault(peer->instance, "port %s: dack of channel %u", peer->row->key, channel);
}

const struct vmm_isa_lower fake_peer_isa_lower = {
	.struct_size = sizeof(struct vmm_isa_lower),
	.dack = isa_dack,
};

void fake_peer_isa_act(struct fake_peer *peer)
{
	struct chance *chance = peer->chance;
	uint32_t channel = (uint32_t)chance_below(chance, 8);
	if (peer->role == VMM_ROLE_UPPER) {
		const struct vmm_isa_lower *lower = peer->table;
		if (VMM_HAS(lower, dack) && channel != 4)
			lower->dack(peer->self, channel);
		return;
	}
	const struct vmm_isa_upper *upper = peer->table;
	uint32_t terminal = 0;
	uint8_t data[8] = { 0 };
	switch (chance_below(chance, 3)) {
	case 0: upper->dreq(peer->self, channel, (uint32_t)chance_below(chance, 2)); break;
	case 1: upper->dma_to_memory(peer->self, channel, data, sizeof(data), &terminal); break;
	default: upper->dma_from_memory(peer->self, channel, data, sizeof(data), &terminal); break;
	}
}
