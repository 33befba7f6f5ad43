/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Device kit: the configuration space of a PCI function (PCI Local Bus Specification 3.0, chapter 6).
 *
 * A device describes its header once, adds BARs and capabilities, and hands vmm_pci_get_port() to the host as its
 * child port.  The kit then answers configuration cycles, places BARs through the bus, drives INTx or MSI, and
 * saves and loads it all.  All functions [machine].
 */
#ifndef VMM_KIT_PCI_H
#define VMM_KIT_PCI_H

#include <vmm/kit/host.h>
#include <vmm/port-pci.h>

/* Offsets of the header. */
#define VMM_PCI_VENDOR_ID        0x00
#define VMM_PCI_DEVICE_ID        0x02
#define VMM_PCI_COMMAND          0x04
#define VMM_PCI_STATUS           0x06
#define VMM_PCI_REVISION_ID      0x08
#define VMM_PCI_CLASS            0x09 /* 3 bytes: interface, subclass, class */
#define VMM_PCI_CACHE_LINE       0x0c
#define VMM_PCI_LATENCY          0x0d
#define VMM_PCI_HEADER_TYPE      0x0e
#define VMM_PCI_BAR0             0x10
#define VMM_PCI_SUBSYSTEM_VENDOR 0x2c
#define VMM_PCI_SUBSYSTEM_ID     0x2e
#define VMM_PCI_ROM              0x30
#define VMM_PCI_CAPABILITIES     0x34
#define VMM_PCI_INTERRUPT_LINE   0x3c
#define VMM_PCI_INTERRUPT_PIN    0x3d

#define VMM_PCI_COMMAND_IO       0x0001
#define VMM_PCI_COMMAND_MEMORY   0x0002
#define VMM_PCI_COMMAND_MASTER   0x0004
#define VMM_PCI_COMMAND_PARITY   0x0040
#define VMM_PCI_COMMAND_SERR     0x0100
#define VMM_PCI_COMMAND_INTX_OFF 0x0400
#define VMM_PCI_STATUS_INTX      0x0008
#define VMM_PCI_STATUS_CAP_LIST  0x0010

#define VMM_PCI_CAP_MSI    0x05
#define VMM_PCI_CAP_VENDOR 0x09
#define VMM_PCI_CAP_MSIX   0x11

/* Types of BARs. */
#define VMM_PCI_BAR_MEMORY32 1
#define VMM_PCI_BAR_MEMORY64 2 /* takes the next BAR too */
#define VMM_PCI_BAR_IO       3
#define VMM_PCI_BAR_ROM      4     /* BAR number 6 */
#define VMM_PCI_BAR_PREFETCH 0x10u /* or'ed to a memory type */

struct vmm_pci_bar {
	uint32_t type; /* 0: none */
	uint32_t mapped;
	uint64_t length; /* a power of 2 */
	uint64_t address;
	vmm_handle resource; /* region, or claim */
};

struct vmm_pci_ids {
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint32_t class_code; /* 24 bits: class, subclass, interface */
	uint8_t revision;
	uint8_t pin; /* 0: no interrupt, 1 to 4: INTA# to INTD# */
};

struct vmm_pci {
	const struct vmm_host *host;
	const char *prefix;              /* of the names of saved fields, "pci." at first; static lifetime */
	const struct vmm_pci_upper *bus; /* NULL while not on a bus */
	void *bus_self;
	uint64_t address; /* on that bus: (slot << 3) | function */
	uint8_t config[256];
	uint8_t initial[256]; /* what a reset puts into config */
	uint8_t writable[256];
	uint8_t clear[256]; /* bits that a write of 1 clears */
	struct vmm_pci_bar bars[7];
	uint32_t msi;          /* offset of the capability, 0: none */
	uint32_t cap_next;     /* where the next capability goes */
	struct vmm_msix *msix; /* NULL: none */
	uint32_t level;        /* what the device asks for */
	uint32_t asserted;     /* what the bus has been told */
	/* Told after a configuration write; may be NULL. */
	void (*written)(void *self, uint32_t offset, uint32_t size);
	/* RST# on the bus: the whole device's reset, its configuration space included; NULL: that alone is reset. */
	void (*bus_reset)(void *self);
	void *written_self; /* of both */
};

/* Set up a type 0 header. */
void vmm_pci_init(struct vmm_pci *pci, const struct vmm_host *host, const struct vmm_pci_ids *ids);
/* Set bytes of the header or the device's own area: reset value and which bits are writable. */
void vmm_pci_register(struct vmm_pci *pci, uint32_t offset, uint32_t size, uint32_t initial, uint32_t writable);
/* Give BAR `number` (6: the ROM) a type, a length, and the region or claim that appears there.  -EINVAL. */
int32_t vmm_pci_add_bar(struct vmm_pci *pci, uint32_t number, uint32_t type, uint64_t length, vmm_handle resource);
/* Add a capability of `length` bytes (id and next pointer included); returns its offset, or -ENOSPC. */
int32_t vmm_pci_add_capability(struct vmm_pci *pci, uint8_t id, uint32_t length);
/* Add an MSI capability with 64-bit addresses and 1, 2, 4 ... 32 messages. */
int32_t vmm_pci_add_msi(struct vmm_pci *pci, uint32_t messages);

uint32_t vmm_pci_get(const struct vmm_pci *pci, uint32_t offset, uint32_t size);
void vmm_pci_set(struct vmm_pci *pci, uint32_t offset, uint32_t size, uint32_t value);
/* The bus's configuration cycles; -EINVAL outside or unaligned. */
int32_t vmm_pci_config_read(struct vmm_pci *pci, uint32_t offset, uint32_t size, uint32_t *value);
int32_t vmm_pci_config_write(struct vmm_pci *pci, uint32_t offset, uint32_t size, uint32_t value);

/* The device's interrupt request: INTx follows it; with MSI on, a rising request sends message 0. */
void vmm_pci_interrupt(struct vmm_pci *pci, uint32_t level);
/* Send MSI message `number`; 0 if MSI is off. */
uint32_t vmm_pci_message(struct vmm_pci *pci, uint32_t number);
uint32_t vmm_pci_msi_enabled(const struct vmm_pci *pci);
uint32_t vmm_pci_bus_master(const struct vmm_pci *pci);

/* ---- MSI-X (6.8.2) ---- */

#define VMM_MSIX_VECTORS 64u

/* Its table and its array of pending bits lie in a BAR of the function, whose accesses the owner hands on.  It is
 * reset, saved and loaded with its function. */
struct vmm_msix {
	struct vmm_pci *pci;
	uint32_t capability; /* its offset */
	uint32_t count;      /* of vectors */
	uint64_t address[VMM_MSIX_VECTORS];
	uint32_t data[VMM_MSIX_VECTORS];
	uint8_t masked[VMM_MSIX_VECTORS];
	uint64_t pending; /* a bit a vector */
};

/* Add the capability: 1 to 64 vectors, whose table is at offset `table` of BAR `bar`, 16 bytes each, and whose pending
 * bits, 8 bytes, are at `bits`; both are multiples of 8. */
int32_t vmm_pci_add_msix(
	struct vmm_pci *pci, struct vmm_msix *msix, uint32_t count, uint32_t bar, uint32_t table, uint32_t bits);
/* Accesses of 4 or 8 aligned bytes to the table; anything else reads as 0 and is dropped. */
uint64_t vmm_msix_table_read(const struct vmm_msix *msix, uint64_t offset, uint32_t size);
void vmm_msix_table_write(struct vmm_msix *msix, uint64_t offset, uint32_t size, uint64_t value);
/* To the pending bits, which only can be read. */
uint64_t vmm_msix_bits_read(const struct vmm_msix *msix, uint64_t offset, uint32_t size);
uint32_t vmm_msix_enabled(const struct vmm_msix *msix);
/* Send a vector's message, or remember that while it is masked.  Nothing happens with MSI-X off. */
void vmm_msix_send(struct vmm_msix *msix, uint32_t vector);

/* Everything to its reset value; BARs are taken away. */
void vmm_pci_reset(struct vmm_pci *pci);
int32_t vmm_pci_save(struct vmm_pci *pci);
int32_t vmm_pci_load(struct vmm_pci *pci);

/* The function's place as SeaBIOS writes it in bootorder, such as "/pci@i0cf8/ide@1,1" for name "ide" in slot 1,
 * function 1.  The length, -EOVERFLOW, or -ENOTSUP where the bus cannot tell. */
int32_t vmm_pci_path(const struct vmm_pci *pci, const char *name, char *text, uint32_t size);

/* The function's side of its bus port, for get_port. */
void vmm_pci_get_port(struct vmm_pci *pci, struct vmm_port_side *side);

#endif
