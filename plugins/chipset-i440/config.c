/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Configuration mechanism #1 (PCI 3.0, 3.2.2.3.2), and the reset control register inside it.
 */
#include "chipset.h"

#define CONFIG_ENABLE UINT32_C(0x80000000)

#define DRAM_START 0x50 /* PMCCFG to SMRAM */
#define DRAM_END   0x73

#define RESET_SYSTEM 0x02 /* bit 1: hard reset, else only the CPU */
#define RESET_CPU    0x04 /* its rising edge does it */

static int32_t function_read(struct function *function, uint32_t offset, uint32_t size, uint32_t *value)
{
	if (function->own != NULL)
		return vmm_pci_config_read(function->own, offset, size, value);
	if (function->table == NULL)
		return -ENODEV;
	return function->table->config_read(function->self, offset, size, value);
}

static uint32_t present(const struct function *function)
{
	return function->own != NULL || function->table != NULL;
}

/* Function 0 says in bit 7 of its header type that its slot has more (6.2.1). */
static uint32_t more_functions(struct chipset *chipset, uint32_t index)
{
	if ((index & 7) != 0)
		return 0;
	for (uint32_t i = 1; i < 8; i++) {
		if (present(&chipset->functions[index + i]))
			return 1;
	}
	return 0;
}

static uint32_t config_read(struct chipset *chipset, uint32_t offset, uint32_t size)
{
	uint32_t value = UINT32_MAX;
	uint32_t address = chipset->config_address;
	uint32_t reg = (address & 0xfc) + offset;
	/* There is only bus 0: master aborts read as all ones. */
	if ((address & CONFIG_ENABLE) == 0 || (address >> 16 & 0xff) != 0)
		return value;
	uint32_t index = address >> 8 & 0xff;
	if (function_read(&chipset->functions[index], reg, size, &value) < 0)
		return UINT32_MAX;
	if (reg <= VMM_PCI_HEADER_TYPE && reg + size > VMM_PCI_HEADER_TYPE && more_functions(chipset, index))
		value |= 0x80u << ((VMM_PCI_HEADER_TYPE - reg) * 8);
	return value;
}

static void config_write(struct chipset *chipset, uint32_t offset, uint32_t size, uint32_t value)
{
	uint32_t address = chipset->config_address;
	uint32_t reg = (address & 0xfc) + offset;
	if ((address & CONFIG_ENABLE) == 0 || (address >> 16 & 0xff) != 0)
		return;
	struct function *function = &chipset->functions[address >> 8 & 0xff];
	if (function->own != NULL) {
		vmm_pci_config_write(function->own, reg, size, value);
		return;
	}
	if (function->table == NULL)
		return;
	function->table->config_write(function->self, reg, size, value);
	uint32_t command;
	if (reg <= VMM_PCI_COMMAND && reg + size > VMM_PCI_COMMAND &&
		function->table->config_read(function->self, VMM_PCI_COMMAND, 2, &command) >= 0)
		atomic_store(&function->master, (command & VMM_PCI_COMMAND_MASTER) != 0);
}

/* An access within the data register that is not aligned goes on the bus as bytes. */
static int32_t data_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	(void)token;
	if ((offset & (size - 1)) == 0) {
		*value = config_read(self, offset, size);
		return 0;
	}
	*value = 0;
	for (uint32_t i = 0; i < size && offset + i < 4; i++)
		*value |= (config_read(self, offset + i, 1) & 0xff) << (i * 8);
	return 0;
}

static int32_t data_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	(void)token;
	if ((offset & (size - 1)) == 0) {
		config_write(self, offset, size, value);
		return 0;
	}
	for (uint32_t i = 0; i < size && offset + i < 4; i++)
		config_write(self, offset + i, 1, value >> (i * 8) & 0xff);
	return 0;
}

static int32_t address_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct chipset *chipset = self;
	(void)token;
	/* Only a whole dword is the address register; bytes and words are ordinary I/O. */
	if (offset == 0 && size == 4)
		*value = chipset->config_address;
	else if (offset == 1 && size == 1)
		*value = chipset->reset_control;
	else
		*value = UINT32_MAX;
	return 0;
}

static int32_t address_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct chipset *chipset = self;
	(void)token;
	if (offset == 0 && size == 4) {
		chipset->config_address = value & 0x80fffffc;
	} else if (offset == 1 && size == 1) {
		uint32_t rising = (value & RESET_CPU) != 0 && (chipset->reset_control & RESET_CPU) == 0;
		chipset->reset_control = value & (RESET_SYSTEM | RESET_CPU);
		if (rising && (value & RESET_SYSTEM) != 0)
			chipset->power->request(chipset->host->context, VMM_POWER_RESET);
		else if (rising)
			chipset->power->cpu_init(chipset->host->context);
	}
	return 0;
}

static const struct vmm_io_ops address_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = address_read,
	.write = address_write,
};

static const struct vmm_io_ops data_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = data_read,
	.write = data_write,
};

/* Registers that set up DRAM timing and arbitration keep what is written; PAM and SMRAM are pam.c's. */
static void host_bridge_init(struct chipset *chipset)
{
	struct vmm_pci *pci = &chipset->host_bridge;
	/* SeaBIOS knows this machine by the subsystem. */
	static const struct vmm_pci_ids ids = {
		.vendor = 0x8086,
		.device = 0x1237,
		.subsystem_vendor = 0x1af4,
		.subsystem = 0x1100,
		.class_code = 0x060000,
		.revision = 0x02,
	};
	vmm_pci_init(pci, chipset->host, &ids);
	pci->prefix = "host-bridge.";
	vmm_pci_register(pci, VMM_PCI_COMMAND, 2, 0x0006, 0x0140);
	vmm_pci_register(pci, VMM_PCI_STATUS, 2, 0x0280, 0);
	vmm_pci_register(pci, 0x50, 4, 0, 0xffffffff); /* PMCCFG, DETURBO, DBC */
	for (uint32_t i = 0x59; i < 0x60; i++)
		vmm_pci_register(pci, i, 1, 0, i == 0x59 ? 0x30 : 0x33); /* PAM */
	for (uint32_t i = 0x60; i < 0x68; i++)
		vmm_pci_register(pci, i, 1, 0x01, 0xff); /* DRB */
	vmm_pci_register(pci, 0x68, 1, 0, 0xff);         /* FDHC */
	vmm_pci_register(pci, 0x70, 1, 0, 0xff);         /* MTT */
	vmm_pci_register(pci, 0x71, 1, 0x10, 0xff);      /* CLT */
	vmm_pci_register(pci, 0x72, 1, 0x02, 0x78);      /* SMRAM */
	vmm_pci_register(pci, 0x93, 1, 0, 0x0e);         /* TRC */
}

int32_t config_init(struct chipset *chipset)
{
	void *context = chipset->host->context;
	host_bridge_init(chipset);
	chipset->functions[HOST_BRIDGE].own = &chipset->host_bridge;
	int32_t status = chipset->io->claim(context, 0xcf8, 4, VMM_IO_SIZE_1 | VMM_IO_SIZE_2 | VMM_IO_SIZE_4, 0,
		&address_ops, chipset, 0, &chipset->config_claim);
	if (status >= 0)
		status = chipset->io->claim(context, 0xcfc, 4, VMM_IO_SIZE_1 | VMM_IO_SIZE_2 | VMM_IO_SIZE_4, 0,
			&data_ops, chipset, 0, &chipset->data_claim);
	if (status < 0)
		return vmm_kit_fail(chipset->host, status, "leave one of the two devices out",
			"I/O ports 0xcf8 to 0xcff are taken");
	return 0;
}

void config_reset(struct chipset *chipset, uint32_t kind)
{
	struct vmm_pci *pci = &chipset->host_bridge;
	uint8_t kept[DRAM_END - DRAM_START];
	memcpy(kept, pci->config + DRAM_START, sizeof(kept));
	chipset->config_address = 0;
	chipset->reset_control = 0;
	vmm_pci_reset(pci);
	/* What stands between the processors and DRAM has standby power, so that a BIOS finds its shadow on waking. */
	if (kind == VMM_RESET_WAKE)
		memcpy(pci->config + DRAM_START, kept, sizeof(kept));
}
