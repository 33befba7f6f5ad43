/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.pci/1: a PCI function on a PCI bus (PCI Local Bus Specification 3.0).
 *
 * Upper: the bus (a host bridge, a PCI-to-PCI bridge).  Lower: the function.  The link's address is
 * (slot << 3) | function; no bus number occurs, so that a function works behind any bridge.
 */
#ifndef VMM_PORT_PCI_H
#define VMM_PORT_PCI_H

#include <vmm/memory.h>
#include <vmm/port.h>

#define VMM_PORT_PCI "vmm.port.pci/1"

#define VMM_PCI_MEMORY 1 /* address spaces of BARs */
#define VMM_PCI_IO     2

struct vmm_pci_upper {
	uint32_t struct_size;
	uint32_t reserved;
	/* INTA# to INTD# are pins 0 to 3.  [any] */
	void (*intx)(void *self, uint32_t pin, uint32_t level);
	/* An MSI or MSI-X message: a memory write of 4 bytes.  [any] */
	void (*msi)(void *self, uint64_t address, uint32_t data);
	/* DMA, as vmm.memory/1; -EIO while bus mastering is off (the function's own command register; bridges add
	 * theirs).  RAM from [any] thread. */
	int32_t (*dma_read)(void *self, uint64_t address, void *data, uint64_t length);
	int32_t (*dma_write)(void *self, uint64_t address, const void *data, uint64_t length);
	int32_t (*dma_map)(
		void *self, uint64_t address, uint64_t *length, uint32_t direction, vmm_handle *map, void **pointer);
	void (*dma_unmap)(void *self, vmm_handle map, uint64_t written);
	/* Put BAR number `bar` (6: the ROM) at an address; `resource` is the function's own region (memory) or
	 * claim (I/O) of `length` bytes.  `enabled` 0 takes it away.  [machine] */
	int32_t (*bar)(void *self, uint32_t bar, uint32_t space, vmm_handle resource, uint64_t address, uint64_t length,
		uint32_t enabled);
	/* Ask for removal to be allowed (hot unplug) has been answered by the guest.  [machine] */
	void (*ejected)(void *self);
	/* The bus's place as SeaBIOS writes it in bootorder: "/pci@i0cf8", "/pci@i0cf8/pci-bridge@1e".  The length, or
	 * -EOVERFLOW.  May be NULL.  [machine] */
	int32_t (*path)(void *self, char *text, uint32_t size);
};

struct vmm_pci_lower {
	uint32_t struct_size;
	uint32_t reserved;
	/* Configuration space: offset 0..255 (4095 with PCI Express), size 1, 2 or 4, aligned. */
	int32_t (*config_read)(void *self, uint32_t offset, uint32_t size, uint32_t *value);
	int32_t (*config_write)(void *self, uint32_t offset, uint32_t size, uint32_t value);
	/* RST# on the bus (a bridge's secondary reset); the machine's own reset comes through the instance. */
	void (*bus_reset)(void *self);
	/* The user wants it removed; the bus asks the guest. */
	void (*eject_request)(void *self);
};

#endif
