/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.pci/1 over the border.  A map for DMA becomes a bounce buffer: filled when it is made, written back as far
 * as unmap says.
 */
#include "proxy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm/port-pci.h>

#define MAPS 64

struct pci {
	struct {
		vmm_handle far; /* 0: free */
		void *near;     /* the function's bounce buffer */
		void *there;    /* what the bus gave */
		uint64_t length;
	} maps[MAPS];
};

static void upper_intx(void *self, uint32_t pin, uint32_t level)
{
	struct proxy_link *link = self;
	const struct vmm_pci_upper *upper = link->upper;
	proxy_counted(link, VMM_ROLE_UPPER);
	upper->intx(link->upper_self, pin, level);
}

static void upper_msi(void *self, uint64_t address, uint32_t data)
{
	struct proxy_link *link = self;
	const struct vmm_pci_upper *upper = link->upper;
	proxy_counted(link, VMM_ROLE_UPPER);
	upper->msi(link->upper_self, address, data);
}

static int32_t upper_dma_read(void *self, uint64_t address, void *data, uint64_t length)
{
	struct proxy_link *link = self;
	const struct vmm_pci_upper *upper = link->upper;
	struct wire reply = { 0 };
	void *far = proxy_lend(link, length);
	proxy_counted(link, VMM_ROLE_UPPER);
	int32_t status = upper->dma_read(link->upper_self, address, far, length);
	wire_put(&reply, far, length);
	proxy_take_back(link, far, length);
	if (status >= 0)
		wire_get(&reply, data, length);
	wire_free(&reply);
	return status;
}

static int32_t upper_dma_write(void *self, uint64_t address, const void *data, uint64_t length)
{
	struct proxy_link *link = self;
	const struct vmm_pci_upper *upper = link->upper;
	struct wire call = { 0 };
	void *far = proxy_lend(link, length);
	proxy_counted(link, VMM_ROLE_UPPER);
	wire_put(&call, data, length);
	wire_get(&call, far, length);
	wire_free(&call);
	int32_t status = upper->dma_write(link->upper_self, address, far, length);
	proxy_take_back(link, far, length);
	return status;
}

static int32_t upper_dma_map(
	void *self, uint64_t address, uint64_t *length, uint32_t direction, vmm_handle *map, void **pointer)
{
	struct proxy_link *link = self;
	const struct vmm_pci_upper *upper = link->upper;
	struct pci *pci = link->extra;
	uint32_t index;
	proxy_counted(link, VMM_ROLE_UPPER);
	for (index = 0; index < MAPS && pci->maps[index].far != 0; index++)
		continue;
	if (index == MAPS)
		return -ENOMEM;
	int32_t status = upper->dma_map(
		link->upper_self, address, length, direction, &pci->maps[index].far, &pci->maps[index].there);
	if (status < 0) {
		pci->maps[index].far = 0;
		return status;
	}
	pci->maps[index].length = *length;
	pci->maps[index].near = proxy_lend(link, *length);
	memcpy(pci->maps[index].near, pci->maps[index].there, *length);
	*pointer = pci->maps[index].near;
	*map = UINT64_C(0xb0c0000) + index;
	return 0;
}

static void upper_dma_unmap(void *self, vmm_handle map, uint64_t written)
{
	struct proxy_link *link = self;
	const struct vmm_pci_upper *upper = link->upper;
	struct pci *pci = link->extra;
	uint64_t index = map - UINT64_C(0xb0c0000);
	proxy_counted(link, VMM_ROLE_UPPER);
	if (index >= MAPS || pci->maps[index].far == 0 || written > pci->maps[index].length)
		abort();
	memcpy(pci->maps[index].there, pci->maps[index].near, written);
	proxy_take_back(link, pci->maps[index].near, pci->maps[index].length);
	upper->dma_unmap(link->upper_self, pci->maps[index].far, written);
	pci->maps[index].far = 0;
}

static int32_t upper_bar(void *self, uint32_t bar, uint32_t space, vmm_handle resource, uint64_t address,
	uint64_t length, uint32_t enabled)
{
	struct proxy_link *link = self;
	const struct vmm_pci_upper *upper = link->upper;
	proxy_counted(link, VMM_ROLE_UPPER);
	return upper->bar(link->upper_self, bar, space, resource, address, length, enabled);
}

static void upper_ejected(void *self)
{
	struct proxy_link *link = self;
	const struct vmm_pci_upper *upper = link->upper;
	proxy_counted(link, VMM_ROLE_UPPER);
	upper->ejected(link->upper_self);
}

static int32_t upper_path(void *self, char *text, uint32_t size)
{
	struct proxy_link *link = self;
	const struct vmm_pci_upper *upper = link->upper;
	char *far = proxy_lend(link, size);
	proxy_counted(link, VMM_ROLE_UPPER);
	int32_t length = upper->path(link->upper_self, far, size);
	memcpy(text, far, size);
	proxy_take_back(link, far, size);
	return length;
}

static int32_t lower_config_read(void *self, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct proxy_link *link = self;
	const struct vmm_pci_lower *lower = link->lower;
	uint32_t *far = proxy_lend(link, sizeof(*far));
	proxy_counted(link, VMM_ROLE_LOWER);
	int32_t status = lower->config_read(link->lower_self, offset, size, far);
	if (status >= 0)
		*value = *far;
	proxy_take_back(link, far, sizeof(*far));
	return status;
}

static int32_t lower_config_write(void *self, uint32_t offset, uint32_t size, uint32_t value)
{
	struct proxy_link *link = self;
	const struct vmm_pci_lower *lower = link->lower;
	proxy_counted(link, VMM_ROLE_LOWER);
	return lower->config_write(link->lower_self, offset, size, value);
}

static void lower_bus_reset(void *self)
{
	struct proxy_link *link = self;
	const struct vmm_pci_lower *lower = link->lower;
	proxy_counted(link, VMM_ROLE_LOWER);
	lower->bus_reset(link->lower_self);
}

static void lower_eject_request(void *self)
{
	struct proxy_link *link = self;
	const struct vmm_pci_lower *lower = link->lower;
	proxy_counted(link, VMM_ROLE_LOWER);
	lower->eject_request(link->lower_self);
}

void *proxy_pci_table(struct proxy_link *link, uint32_t role)
{
	if (link->extra == NULL)
		link->extra = calloc(1, sizeof(struct pci));
	if (role == VMM_ROLE_LOWER) {
		const struct vmm_pci_lower *lower = link->lower;
		struct vmm_pci_lower *table = calloc(1, sizeof(*table));
		*table = (struct vmm_pci_lower){ sizeof(*table), 0, lower_config_read, lower_config_write,
			VMM_HAS(lower, bus_reset) ? lower_bus_reset : NULL,
			VMM_HAS(lower, eject_request) ? lower_eject_request : NULL };
		return table;
	}
	const struct vmm_pci_upper *upper = link->upper;
	struct vmm_pci_upper *table = calloc(1, sizeof(*table));
	*table = (struct vmm_pci_upper){ sizeof(*table), 0, upper_intx, upper_msi, upper_dma_read, upper_dma_write,
		upper_dma_map, upper_dma_unmap, upper_bar, VMM_HAS(upper, ejected) ? upper_ejected : NULL,
		VMM_HAS(upper, path) ? upper_path : NULL };
	return table;
}
