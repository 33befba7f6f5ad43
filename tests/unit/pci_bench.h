/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A PCI bus with one function on it, for tests that are its driver: configuration space, DMA into the fake machine's
 * RAM, messages that are counted.
 */
#ifndef PCI_BENCH_H
#define PCI_BENCH_H

#include <errno.h>
#include <string.h>

#include <vmm/kit/pci.h>

#include "plugin_test.h"

#define PCI_BENCH_BARS UINT64_C(0xe0000000)

struct pci_bench {
	struct fake *fake;
	struct fake_instance *instance;
	const struct vmm_pci_lower *function;
	void *function_self;
	uint32_t intx, rises; /* INTA#, and how often it has come */
	uint32_t messages;
	uint64_t message_address;
	uint32_t message_data;
	uint64_t bar_address[7];
	uint32_t maps, mapped, unmappable; /* how many there were, there are; 1: none can be had */
};

static inline uint32_t pci_bench_config(struct pci_bench *bench, uint32_t offset, uint32_t size)
{
	uint32_t value = 0;
	ck_assert_int_eq(bench->function->config_read(bench->function_self, offset, size, &value), 0);
	return value;
}

static inline void pci_bench_configure(struct pci_bench *bench, uint32_t offset, uint32_t size, uint32_t value)
{
	ck_assert_int_eq(bench->function->config_write(bench->function_self, offset, size, value), 0);
}

static inline void pci_bench_intx(void *self, uint32_t pin, uint32_t level)
{
	struct pci_bench *bench = self;
	ck_assert_uint_eq(pin, 0);
	bench->rises += level && !bench->intx;
	bench->intx = level;
}

static inline void pci_bench_msi(void *self, uint64_t address, uint32_t data)
{
	struct pci_bench *bench = self;
	bench->messages++;
	bench->message_address = address;
	bench->message_data = data;
}

/* Without assertions, which take longer than all else. */
static inline uint32_t pci_bench_master(const struct pci_bench *bench)
{
	uint32_t value = 0;
	return bench->function->config_read(bench->function_self, VMM_PCI_COMMAND, 2, &value) == 0 &&
		(value & VMM_PCI_COMMAND_MASTER) != 0;
}

static inline int32_t pci_bench_read(void *self, uint64_t address, void *data, uint64_t length)
{
	struct pci_bench *bench = self;
	return pci_bench_master(bench) ? fake_memory_service.read(bench->instance, address, data, length) : -EIO;
}

static inline int32_t pci_bench_write(void *self, uint64_t address, const void *data, uint64_t length)
{
	struct pci_bench *bench = self;
	return pci_bench_master(bench) ? fake_memory_service.write(bench->instance, address, data, length) : -EIO;
}

static inline int32_t pci_bench_map(
	void *self, uint64_t address, uint64_t *length, uint32_t direction, vmm_handle *map, void **pointer)
{
	struct pci_bench *bench = self;
	if (!pci_bench_master(bench))
		return -EIO;
	if (bench->unmappable)
		return -ENOMEM;
	/* Not further than a page, so that nobody counts on it. */
	if (*length > 4096 - (address & 4095))
		*length = 4096 - (address & 4095);
	int32_t status = fake_memory_service.map(bench->instance, address, length, direction, map, pointer);
	bench->maps += status >= 0;
	bench->mapped += status >= 0;
	return status;
}

static inline void pci_bench_unmap(void *self, vmm_handle map, uint64_t written)
{
	struct pci_bench *bench = self;
	bench->mapped--;
	fake_memory_service.unmap(bench->instance, map, written);
}

static inline int32_t pci_bench_bar(void *self, uint32_t bar, uint32_t space, vmm_handle resource, uint64_t address,
	uint64_t length, uint32_t enabled)
{
	struct pci_bench *bench = self;
	(void)length;
	if (space == VMM_PCI_IO) {
		if (enabled)
			fake_io_service.move(bench->instance, resource, (uint32_t)address);
		return fake_io_service.enable(bench->instance, resource, enabled);
	}
	bench->bar_address[bar] = enabled ? address : 0;
	if (enabled)
		return fake_region_service.map(bench->instance, resource, address, 1);
	fake_region_service.unmap(bench->instance, resource);
	return 0;
}

static inline int32_t pci_bench_path(void *self, char *text, uint32_t size)
{
	(void)self;
	ck_assert_uint_gt(size, 11);
	strcpy(text, "/pci@i0cf8");
	return 10;
}

static const struct vmm_pci_upper pci_bench_upper = {
	.struct_size = sizeof(struct vmm_pci_upper),
	.intx = pci_bench_intx,
	.msi = pci_bench_msi,
	.dma_read = pci_bench_read,
	.dma_write = pci_bench_write,
	.dma_map = pci_bench_map,
	.dma_unmap = pci_bench_unmap,
	.bar = pci_bench_bar,
	.path = pci_bench_path,
};

/* Put the instance on the bus; its BARs are placed and enabled by pci_bench_place(). */
static inline void pci_bench_join(struct pci_bench *bench, struct fake_instance *instance)
{
	struct vmm_port_side lower;
	struct vmm_port_side upper = { .struct_size = sizeof(upper), .table = &pci_bench_upper, .self = bench };
	struct fake_link *link;

	bench->fake = instance->fake;
	bench->instance = instance;
	ck_assert_int_eq(fake_side(instance, "bus", &lower), 0);
	link = fake_join_sides(instance->fake, &upper, &lower, VMM_PORT_PCI, 3 << 3);
	ck_assert_ptr_nonnull(link);
	bench->function = link->upper.peer;
	bench->function_self = link->upper.peer_self;
}

static inline void pci_bench_place(struct pci_bench *bench)
{
	for (uint32_t bar = 0; bar < 6; bar++) {
		uint32_t offset = VMM_PCI_BAR0 + bar * 4, kind = pci_bench_config(bench, offset, 4);

		pci_bench_configure(bench, offset, 4, 0xffffffff);
		if (pci_bench_config(bench, offset, 4) == 0)
			continue;
		pci_bench_configure(
			bench, offset, 4, kind & 1 ? 0xc000 + bar * 0x100 : (uint32_t)PCI_BENCH_BARS + (bar << 20));
		if ((kind & 7) == 4)
			pci_bench_configure(bench, VMM_PCI_BAR0 + ++bar * 4, 4, 0);
	}
	pci_bench_configure(
		bench, VMM_PCI_COMMAND, 2, VMM_PCI_COMMAND_IO | VMM_PCI_COMMAND_MEMORY | VMM_PCI_COMMAND_MASTER);
}

/* A capability's offset: the `number`th (from 0) with this id; 0: there is none. */
static inline uint32_t pci_bench_capability(struct pci_bench *bench, uint8_t id, uint32_t number)
{
	uint32_t offset = pci_bench_config(bench, VMM_PCI_CAPABILITIES, 1);
	for (; offset != 0; offset = pci_bench_config(bench, offset + 1, 1))
		if (pci_bench_config(bench, offset, 1) == id && number-- == 0)
			return offset;
	return 0;
}

#endif
