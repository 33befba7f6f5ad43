/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * PCI resources, as SeaBIOS gives them out on this chipset: memory BARs below FEC00000, I/O from C000, PIRQA# and B#
 * on IRQ 10, C# and D# on IRQ 11.
 */
#include <vmm/kit/pci.h>

#include "firmware.h"

#define IO_START     0xc000u
#define MEMORY_START 0xe0000000u
#define BAR_LIMIT    256

static const uint8_t pirq_lines[4] = { 10, 10, 11, 11 };

struct bar {
	uint32_t function; /* (slot << 3) | function */
	uint32_t offset;   /* of the register */
	uint32_t wide;     /* 64 bits */
	uint64_t length;
};

uint32_t pci_config_read(struct firmware *firmware, uint32_t function, uint32_t offset, uint32_t size)
{
	uint32_t value = UINT32_MAX;
	firmware->io->write(firmware->host->context, 0xcf8, 4, 0x80000000u | function << 8 | (offset & 0xfc));
	firmware->io->read(firmware->host->context, 0xcfc + (offset & 3), size, &value);
	return size == 4 ? value : value & ((1u << (size * 8)) - 1);
}

void pci_config_write(struct firmware *firmware, uint32_t function, uint32_t offset, uint32_t size, uint32_t value)
{
	firmware->io->write(firmware->host->context, 0xcf8, 4, 0x80000000u | function << 8 | (offset & 0xfc));
	firmware->io->write(firmware->host->context, 0xcfc + (offset & 3), size, value);
}

/* Size a function's BARs; returns how many were added to each list. */
static void collect(struct firmware *firmware, uint32_t function, struct bar *io, uint32_t *io_count,
	struct bar *memory, uint32_t *memory_count)
{
	static const uint8_t offsets[7] = { 0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x30 };
	for (uint32_t i = 0; i < 7; i++) {
		uint32_t offset = offsets[i];
		uint32_t rom = offset == VMM_PCI_ROM;
		pci_config_write(firmware, function, offset, 4, rom ? 0xfffffffe : UINT32_MAX);
		uint32_t mask = pci_config_read(firmware, function, offset, 4);
		pci_config_write(firmware, function, offset, 4, 0);
		if (mask == 0 || mask == UINT32_MAX)
			continue;
		struct bar bar = { .function = function, .offset = offset };
		if (!rom && (mask & 1) != 0) {
			bar.length = (~(mask & 0xfffc) & 0xffff) + 1;
			if (*io_count < BAR_LIMIT)
				io[(*io_count)++] = bar;
			continue;
		}
		uint64_t bits = UINT64_C(0xffffffff00000000) | (mask & (rom ? 0xfffff800 : 0xfffffff0));
		if (!rom && (mask & 6) == 4 && i < 5) {
			bar.wide = 1;
			pci_config_write(firmware, function, offset + 4, 4, UINT32_MAX);
			bits = (uint64_t)pci_config_read(firmware, function, offset + 4, 4) << 32 | (mask & 0xfffffff0);
			pci_config_write(firmware, function, offset + 4, 4, 0);
			i++;
		}
		bar.length = ~bits + 1;
		if (bar.length != 0 && *memory_count < BAR_LIMIT)
			memory[(*memory_count)++] = bar;
	}
}

static int by_length(const void *a, const void *b)
{
	const struct bar *left = a;
	const struct bar *right = b;
	if (left->length != right->length)
		return left->length > right->length ? -1 : 1;
	return left->function != right->function ? (left->function < right->function ? -1 : 1)
						 : (left->offset < right->offset ? -1 : 1);
}

/* Largest first, so that each is aligned to its length without gaps. */
static void place(struct firmware *firmware, struct bar *bars, uint32_t count, uint64_t start, uint64_t end)
{
	qsort(bars, count, sizeof(*bars), by_length);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t address = align_up(start, bars[i].length);
		if (address < start || address > end || bars[i].length > end - address) {
			vmm_kit_log(firmware->host, VMM_LOG_WARNING, "no room for the PCI BAR at %02x.%x, offset %#x",
				bars[i].function >> 3, bars[i].function & 7, bars[i].offset);
			continue;
		}
		pci_config_write(firmware, bars[i].function, bars[i].offset, 4, (uint32_t)address);
		if (bars[i].wide)
			pci_config_write(firmware, bars[i].function, bars[i].offset + 4, 4, (uint32_t)(address >> 32));
		start = address + bars[i].length;
	}
}

static void isa_bridge(struct firmware *firmware, uint32_t function)
{
	uint32_t elcr = 1u << SCI_IRQ;
	for (uint32_t i = 0; i < 4; i++) {
		pci_config_write(firmware, function, 0x60 + i, 1, pirq_lines[i]);
		elcr |= 1u << pirq_lines[i];
	}
	firmware->io->write(firmware->host->context, 0x4d0, 1, elcr & 0xff);
	firmware->io->write(firmware->host->context, 0x4d1, 1, elcr >> 8);
	firmware->platform.has_isa_bridge = 1;
}

static void power(struct firmware *firmware, uint32_t function)
{
	pci_config_write(firmware, function, 0x40, 4, PM_BASE | 1);
	pci_config_write(firmware, function, 0x80, 1, 0x01);
	pci_config_write(firmware, function, 0x90, 4, SMBUS_BASE | 1);
	pci_config_write(firmware, function, 0xd2, 1, 0x09);
	pci_config_write(firmware, function, VMM_PCI_INTERRUPT_LINE, 1, SCI_IRQ);
	firmware->platform.has_power = 1;
}

/* PIIX's IDE channels decode their ports once IDETIM says so. */
static void ide(struct firmware *firmware, uint32_t function)
{
	pci_config_write(firmware, function, 0x40, 2, 0x8000);
	pci_config_write(firmware, function, 0x42, 2, 0x8000);
}

void platform_find(struct firmware *firmware)
{
	uint32_t address = 0;
	firmware->io->read(firmware->host->context, 0xcf8, 4, &address);
	firmware->platform.has_isa_bridge = firmware->platform.has_power = 0;
	for (uint32_t function = 0; function < 256; function++) {
		uint32_t id = pci_config_read(firmware, function, VMM_PCI_VENDOR_ID, 4);
		if (id == 0x70008086 || id == 0x71108086)
			firmware->platform.has_isa_bridge = 1;
		if (id == 0x71138086)
			firmware->platform.has_power = 1;
	}
	firmware->io->write(firmware->host->context, 0xcf8, 4, address);
	serial_find(firmware);
}

void pci_setup(struct firmware *firmware)
{
	struct bar *io = calloc(2 * BAR_LIMIT, sizeof(*io));
	struct bar *memory = io + BAR_LIMIT;
	uint32_t io_count = 0;
	uint32_t memory_count = 0;
	firmware->platform.has_isa_bridge = firmware->platform.has_power = 0;
	if (io == NULL)
		return;
	for (uint32_t function = 0; function < 256; function++) {
		uint32_t id = pci_config_read(firmware, function, VMM_PCI_VENDOR_ID, 4);
		if ((id & 0xffff) == 0xffff || (id & 0xffff) == 0) {
			if ((function & 7) == 0)
				function += 7;
			continue;
		}
		uint32_t header = pci_config_read(firmware, function, VMM_PCI_HEADER_TYPE, 1);
		uint32_t class = pci_config_read(firmware, function, VMM_PCI_CLASS + 1, 2);
		if ((header & 0x7f) == 0 && (class >> 8) != 0x06)
			collect(firmware, function, io, &io_count, memory, &memory_count);
		if (id == 0x70008086 || id == 0x71108086)
			isa_bridge(firmware, function);
		uint32_t pin = pci_config_read(firmware, function, VMM_PCI_INTERRUPT_PIN, 1);
		if (pin >= 1 && pin <= 4)
			pci_config_write(firmware, function, VMM_PCI_INTERRUPT_LINE, 1,
				pirq_lines[((function >> 3) + pin - 2) & 3]);
		if (id == 0x71138086)
			power(firmware, function);
		if (id == 0x70108086 || id == 0x71118086)
			ide(firmware, function);
		if ((function & 7) == 0 && (header & 0x80) == 0)
			function += 7;
	}
	uint64_t total = 0;
	for (uint32_t i = 0; i < memory_count; i++)
		total += memory[i].length;
	uint64_t start = align_up(firmware->info.ram_below_4g, 0x100000);
	if (start < MEMORY_START && total <= PCI_END - MEMORY_START)
		start = MEMORY_START;
	place(firmware, io, io_count, IO_START, 0x10000);
	place(firmware, memory, memory_count, start, PCI_END);
	/* Decode only what has got its place: everything does, or it was logged and stays at 0. */
	for (uint32_t i = 0; i < io_count; i++)
		pci_config_write(firmware, io[i].function, VMM_PCI_COMMAND, 2,
			pci_config_read(firmware, io[i].function, VMM_PCI_COMMAND, 2) | VMM_PCI_COMMAND_IO);
	for (uint32_t i = 0; i < memory_count; i++)
		pci_config_write(firmware, memory[i].function, VMM_PCI_COMMAND, 2,
			pci_config_read(firmware, memory[i].function, VMM_PCI_COMMAND, 2) | VMM_PCI_COMMAND_MEMORY);
	free(io);
}
