/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The PCI bus that other plugins sit on.
 */
#include "chipset.h"

/* RAM, ROM and the APICs' windows hide what a guest maps over them by mistake (or while it sizes a BAR). */
#define BAR_PRIORITY (-1)

/* Interrupt pins. */

static uint32_t wire(uint32_t index, uint32_t pin)
{
	return ((index >> 3) + pin - 1) & 3;
}

static void intx(void *self, uint32_t pin, uint32_t level)
{
	struct function *function = self;
	struct chipset *chipset = function->chipset;
	uint32_t index = (uint32_t)(function - chipset->functions);
	if (pin > 3)
		return;
	uint8_t bit = (uint8_t)(1u << pin);
	uint32_t pirq = wire(index, pin);
	/* From any thread: a short lock of our own around a call that calls nobody back. */
	while (atomic_flag_test_and_set_explicit(&chipset->pin_lock, memory_order_acquire))
		continue;
	if (level && (chipset->pins[index] & bit) == 0) {
		chipset->pins[index] |= bit;
		if (chipset->pin_count[pirq]++ == 0)
			chipset->irq->set(chipset->host->context, chipset->pirq[pirq], 1);
	} else if (!level && (chipset->pins[index] & bit) != 0) {
		chipset->pins[index] &= (uint8_t)~bit;
		if (--chipset->pin_count[pirq] == 0)
			chipset->irq->set(chipset->host->context, chipset->pirq[pirq], 0);
	}
	atomic_flag_clear_explicit(&chipset->pin_lock, memory_order_release);
}

/* Count the pins again after loading them. */
void bus_pins(struct chipset *chipset)
{
	memset(chipset->pin_count, 0, sizeof(chipset->pin_count));
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		for (uint32_t pin = 0; pin < 4; pin++)
			chipset->pin_count[wire(i, pin)] += chipset->pins[i] >> pin & 1;
	}
}

static void msi(void *self, uint64_t address, uint32_t data)
{
	struct function *function = self;
	struct chipset *chipset = function->chipset;
	uint8_t bytes[4] = { (uint8_t)data, (uint8_t)(data >> 8), (uint8_t)(data >> 16), (uint8_t)(data >> 24) };
	if (!atomic_load(&function->master))
		return;
	if ((address & ~UINT64_C(0xfffff)) == 0xfee00000 && chipset->core != NULL)
		chipset->core->message(chipset->core_self, address, data);
	else
		chipset->memory->write(chipset->host->context, address, bytes, sizeof(bytes));
}

/* DMA. */

static int32_t dma_read(void *self, uint64_t address, void *data, uint64_t length)
{
	struct function *function = self;
	if (!atomic_load(&function->master))
		return -EIO;
	return function->chipset->memory->read(function->chipset->host->context, address, data, length);
}

static int32_t dma_write(void *self, uint64_t address, const void *data, uint64_t length)
{
	struct function *function = self;
	if (!atomic_load(&function->master))
		return -EIO;
	return function->chipset->memory->write(function->chipset->host->context, address, data, length);
}

static int32_t dma_map(
	void *self, uint64_t address, uint64_t *length, uint32_t direction, vmm_handle *map, void **pointer)
{
	struct function *function = self;
	struct chipset *chipset = function->chipset;
	if (!atomic_load(&function->master))
		return -EIO;
	return chipset->memory->map(chipset->host->context, address, length, direction, map, pointer);
}

static void dma_unmap(void *self, vmm_handle map, uint64_t written)
{
	struct function *function = self;
	function->chipset->memory->unmap(function->chipset->host->context, map, written);
}

/* The masters' enable bits are read from the functions themselves, once all are loaded. */
void bus_masters(struct chipset *chipset)
{
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		struct function *function = &chipset->functions[i];
		uint32_t command = 0;
		if (function->table == NULL ||
			function->table->config_read(function->self, VMM_PCI_COMMAND, 2, &command) < 0)
			command = 0;
		atomic_store(&function->master, (command & VMM_PCI_COMMAND_MASTER) != 0);
	}
}

static int32_t bar(void *self, uint32_t number, uint32_t space, vmm_handle resource, uint64_t address, uint64_t length,
	uint32_t enabled)
{
	struct function *function = self;
	struct chipset *chipset = function->chipset;
	void *context = chipset->host->context;
	int32_t status;
	(void)number;
	(void)length;
	if (space == VMM_PCI_MEMORY) {
		if (enabled)
			return chipset->region->map(context, resource, address, BAR_PRIORITY);
		chipset->region->unmap(context, resource);
		return 0;
	}
	if (space != VMM_PCI_IO || address > 0xffff)
		return -EINVAL;
	if (!enabled)
		return chipset->io->enable(context, resource, 0);
	chipset->io->enable(context, resource, 0);
	status = chipset->io->move(context, resource, (uint32_t)address);
	return status < 0 ? status : chipset->io->enable(context, resource, 1);
}

static void ejected(void *self)
{
	(void)self; /* no hot-plug slots */
}

int32_t path_text(const char *path, char *text, uint32_t size)
{
	size_t length = strlen(path);
	if (length >= size)
		return -EOVERFLOW;
	memcpy(text, path, length + 1);
	return (int32_t)length;
}

static int32_t bus_path(void *self, char *text, uint32_t size)
{
	(void)self;
	return path_text("/pci@i0cf8", text, size);
}

const struct vmm_pci_upper bus_upper = {
	.struct_size = sizeof(struct vmm_pci_upper),
	.intx = intx,
	.msi = msi,
	.dma_read = dma_read,
	.dma_write = dma_write,
	.dma_map = dma_map,
	.dma_unmap = dma_unmap,
	.bar = bar,
	.ejected = ejected,
	.path = bus_path,
};

/* Joining. */

static int32_t prepare(void *port_self, const struct vmm_link *link, void **self)
{
	struct chipset *chipset = port_self;
	if (link->address >= FUNCTIONS)
		return vmm_kit_fail(chipset->host, -EINVAL, "use `address = SLOT.FUNCTION`, 00.0 to 1f.7",
			"there is no such place on a PCI bus");
	struct function *function = &chipset->functions[link->address];
	if (function->own != NULL || link->address < 8)
		return vmm_kit_fail(chipset->host, -EBUSY, "choose another `address =`, from 02.0 up",
			"PCI address %02x.%x belongs to the chipset itself", (uint32_t)link->address >> 3,
			(uint32_t)link->address & 7);
	if (function->taken)
		return vmm_kit_fail(chipset->host, -EBUSY, "choose another `address =`",
			"PCI address %02x.%x has a device already", (uint32_t)link->address >> 3,
			(uint32_t)link->address & 7);
	function->taken = 1;
	*self = function;
	return 0;
}

static void attached(void *port_self, const struct vmm_link *link)
{
	struct chipset *chipset = port_self;
	struct function *function = &chipset->functions[link->address & 0xff];
	function->self = link->peer_self;
	function->table = link->peer;
}

static void closing(void *port_self, const struct vmm_link *link)
{
	struct chipset *chipset = port_self;
	struct function *function = &chipset->functions[link->address & 0xff];
	for (uint32_t pin = 0; pin < 4; pin++)
		intx(function, pin, 0);
}

static void detached(void *port_self, const struct vmm_link *link)
{
	struct chipset *chipset = port_self;
	struct function *function = &chipset->functions[link->address & 0xff];
	function->table = NULL;
	function->taken = 0;
	atomic_store(&function->master, 0);
}

const struct vmm_port_ops bus_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.prepare = prepare,
	.attached = attached,
	.closing = closing,
	.detached = detached,
};
