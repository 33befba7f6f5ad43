/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * PIIX4's ISA bridge (290562-001, chapter 4): PIRQ routing, ELCR, ports 80 and 92.
 */
#include "chipset.h"

enum { TOKEN_ELCR, TOKEN_PORT92, TOKEN_POST };

#define PORT92_INIT 0x01
#define PORT92_A20  0x02

/* PIRQRC: bit 7 off, bits 3-0 the line; 0, 1, 2, 8 and 13 cannot be shared with PCI (4.1.11). */
static void route(struct chipset *chipset, uint32_t pirq)
{
	uint8_t value = chipset->isa_bridge.config[PIRQRC + pirq];
	uint32_t line = value & 15;
	if ((value & 0x80) != 0 || (0xdef8u >> line & 1) == 0)
		line = VMM_IRQ_NONE;
	chipset->irq->route(chipset->host->context, chipset->pirq[pirq], line);
}

static void config_written(void *self, uint32_t offset, uint32_t size)
{
	for (uint32_t i = 0; i < 4; i++) {
		if (PIRQRC + i >= offset && PIRQRC + i < offset + size)
			route(self, i);
	}
}

/* Edge or level for the lines 3 to 7, 9 to 12, 14 and 15; the others are the system board's own edges. */
static void set_elcr(struct chipset *chipset, uint32_t chip, uint8_t value)
{
	static const uint8_t writable[2] = { 0xf8, 0xde };
	value &= writable[chip];
	uint8_t changed = chipset->elcr[chip] ^ value;
	chipset->elcr[chip] = value;
	for (uint32_t i = 0; i < 8; i++) {
		if ((changed >> i & 1) != 0)
			chipset->irq->trigger(chipset->host->context, chip * 8 + i, value >> i & 1);
	}
}

static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct chipset *chipset = self;
	(void)size;
	switch (token) {
	case TOKEN_ELCR: *value = chipset->elcr[offset & 1]; break;
	case TOKEN_PORT92: *value = chipset->port92; break;
	default: *value = chipset->post; break;
	}
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct chipset *chipset = self;
	uint8_t before = chipset->port92;
	(void)size;
	switch (token) {
	case TOKEN_ELCR: set_elcr(chipset, offset & 1, (uint8_t)value); break;
	case TOKEN_PORT92:
		chipset->port92 = value & (PORT92_INIT | PORT92_A20);
		if (((before ^ value) & PORT92_A20) != 0)
			chipset->power->a20(chipset->host->context, (value & PORT92_A20) != 0);
		if ((value & ~(uint32_t)before & PORT92_INIT) != 0)
			chipset->power->cpu_init(chipset->host->context);
		break;
	default: chipset->post = (uint8_t)value; break;
	}
	return 0;
}

static const struct vmm_io_ops io_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};

static void bridge_init(struct chipset *chipset)
{
	struct vmm_pci *pci = &chipset->isa_bridge;
	static const struct vmm_pci_ids ids = {
		.vendor = 0x8086,
		.device = 0x7110,
		.subsystem_vendor = 0x1af4,
		.subsystem = 0x1100,
		.class_code = 0x060100,
		.revision = 0x02,
	};
	vmm_pci_init(pci, chipset->host, &ids);
	pci->prefix = "isa-bridge.";
	/* Always on, always a master. */
	vmm_pci_register(pci, VMM_PCI_COMMAND, 2, 0x0007, 0x0100);
	vmm_pci_register(pci, VMM_PCI_STATUS, 2, 0x0200, 0);
	vmm_pci_register(pci, VMM_PCI_HEADER_TYPE, 1, 0x80, 0);
	vmm_pci_register(pci, 0x4c, 1, 0x4d, 0xff); /* IORT */
	/* Coprocessor errors are off after a reset, but SeaBIOS leaves it at that. */
	vmm_pci_register(pci, XBCS, 2, 0x0003 | COPROCESSOR_ERRORS, 0xffff);
	vmm_pci_register(pci, PIRQRC, 4, 0x80808080, 0x8f8f8f8f);
	vmm_pci_register(pci, 0x64, 1, 0x10, 0xff);     /* SERIRQC */
	vmm_pci_register(pci, 0x69, 1, 0x02, 0xfe);     /* TOM */
	vmm_pci_register(pci, 0x6a, 2, 0, 0x8002);      /* MSTAT */
	vmm_pci_register(pci, 0x76, 2, 0x0404, 0x8f8f); /* MBDMA */
	vmm_pci_register(pci, 0x80, 1, 0, 0x7f);        /* APICBASE */
	vmm_pci_register(pci, 0x82, 1, 0, 0x0f);        /* DLC */
	vmm_pci_register(pci, 0x90, 2, 0, 0xfcff);      /* PDMACFG */
	vmm_pci_register(pci, 0x92, 4, 0, 0xffcfffcf);  /* DDMABASE */
	vmm_pci_register(pci, 0xb0, 4, 0, 0xffffffff);  /* GENCFG */
	vmm_pci_register(pci, 0xcb, 1, 0x21, 0x3f);     /* RTCCFG */
	pci->written = config_written;
	pci->written_self = chipset;
}

int32_t isa_init(struct chipset *chipset)
{
	void *context = chipset->host->context;
	bridge_init(chipset);
	chipset->functions[ISA_BRIDGE].own = &chipset->isa_bridge;
	for (uint32_t i = 0; i < 4; i++) {
		int32_t status = chipset->irq->open(context, 10, &chipset->pirq[i]);
		if (status >= 0)
			status = chipset->irq->route(context, chipset->pirq[i], VMM_IRQ_NONE);
		if (status < 0)
			return status;
	}
	int32_t status = chipset->io->claim(
		context, 0x4d0, 2, VMM_IO_SIZE_1, 0, &io_ops, chipset, TOKEN_ELCR, &chipset->elcr_claim);
	if (status >= 0)
		status = chipset->io->claim(
			context, 0x92, 1, VMM_IO_SIZE_1, 0, &io_ops, chipset, TOKEN_PORT92, &chipset->port92_claim);
	/* A card that shows POST codes may take port 80: it has the higher priority. */
	if (status >= 0)
		status = chipset->io->claim(
			context, 0x80, 1, VMM_IO_SIZE_1, -1, &io_ops, chipset, TOKEN_POST, &chipset->post_claim);
	if (status < 0)
		return vmm_kit_fail(chipset->host, status, "leave one of the two devices out",
			"I/O port 0x4d0, 0x92 or 0x80 is taken");
	return 0;
}

/* Tell the host of what it does not save. */
void isa_loaded(struct chipset *chipset)
{
	for (uint32_t i = 0; i < 4; i++)
		route(chipset, i);
	for (uint32_t i = 0; i < 16; i++)
		chipset->irq->trigger(chipset->host->context, i, chipset->elcr[i >> 3] >> (i & 7) & 1);
	chipset->power->a20(chipset->host->context, (chipset->port92 & PORT92_A20) != 0);
}

void isa_reset(struct chipset *chipset)
{
	vmm_pci_reset(&chipset->isa_bridge);
	chipset->elcr[0] = chipset->elcr[1] = 0;
	/* The keyboard controller opens the A20 gate after a reset; without one port 92 must. */
	chipset->port92 = chipset->a20_initial ? PORT92_A20 : 0;
	chipset->post = 0;
	isa_loaded(chipset);
}
