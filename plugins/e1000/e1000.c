/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: configuration space, BARs, life.
 */
#include "e1000.h"

#define CAP_PM    0x01
#define CAP_PM_AT 0xdc

static void pci_setup(struct e1000 *e1000)
{
	const struct vmm_pci_ids ids = {
		.vendor = 0x8086,
		.device = e1000->small ? 0x100e : 0x100f,
		.subsystem_vendor = 0x15ad,
		.subsystem = 0x0750,
		.class_code = 0x020000,
		.revision = e1000->small ? 2 : 1,
		.pin = 1,
	};
	struct vmm_pci *pci = &e1000->pci;
	vmm_pci_init(pci, e1000->host, &ids);
	/* DEVSEL# is medium; 66 MHz, back-to-back cycles (4.1). */
	vmm_pci_register(pci, VMM_PCI_STATUS, 2, 0x0220, 0);
	vmm_pci_register(pci, 0x3e, 1, 0xff, 0); /* Min_Gnt */
	/* Power management 1.1: D0 and D3, and an internal reset between them is not needed. */
	pci->cap_next = CAP_PM_AT;
	int32_t at = vmm_pci_add_capability(pci, CAP_PM, 8);
	if (at > 0) {
		vmm_pci_register(pci, (uint32_t)at + 2, 2, 0x0002, 0);
		vmm_pci_register(pci, (uint32_t)at + 4, 2, 0, 0x0103);
	}
}

/* The command register: bus mastering may have come, and work with it. */
static void config_written(void *self, uint32_t offset, uint32_t size)
{
	struct e1000 *e1000 = self;
	(void)size;
	if (offset > VMM_PCI_COMMAND || !e1000->running)
		return;
	transmit_run(e1000);
}

static int32_t resources_init(struct e1000 *e1000)
{
	const struct vmm_host *host = e1000->host;
	static const char memory[] = "free memory on the host";
	const struct vmm_region_desc desc = {
		.struct_size = sizeof(desc),
		.type = VMM_REGION_MMIO,
		.size_minimum = 4,
		.size_maximum = 4,
		.length = MEMORY_SIZE,
		.ops = &memory_ops,
		.self = e1000,
		.name = "e1000",
	};
	int32_t status = e1000->region->create(host->context, &desc, &e1000->memory);
	if (status < 0)
		return vmm_kit_fail(host, status, memory, "no memory region for the network card");
	/* Where they lie until they are placed does not matter. */
	status = e1000->io->claim(host->context, 0, IO_SIZE, VMM_IO_SIZE_1 | VMM_IO_SIZE_2 | VMM_IO_SIZE_4, -2,
		&port_ops, e1000, 0, &e1000->ports);
	if (status < 0)
		return vmm_kit_fail(host, status, memory, "no I/O ports for the network card");
	e1000->io->enable(host->context, e1000->ports, 0);
	status = e1000->timer->create(host->context, VMM_CLOCK_GUEST, interrupt_alarm, e1000, 0, &e1000->alarm);
	if (status < 0)
		return vmm_kit_fail(host, status, memory, "no timer for the network card");
	/* 4.1: the 82545EM has 64-bit BARs. */
	status = vmm_pci_add_bar(
		&e1000->pci, 0, e1000->small ? VMM_PCI_BAR_MEMORY32 : VMM_PCI_BAR_MEMORY64, MEMORY_SIZE, e1000->memory);
	if (status >= 0)
		status = vmm_pci_add_bar(&e1000->pci, e1000->small ? 2 : 4, VMM_PCI_BAR_IO, IO_SIZE, e1000->ports);
	return status;
}

static void writable(void *self)
{
	transmit_run(self);
}

static void changed(void *self)
{
	link_update(self);
}

static void reset(void *self, uint32_t kind)
{
	struct e1000 *e1000 = self;
	if (kind == VMM_RESET_POWER)
		vmm_net_card_list(&e1000->card, &e1000->pci);
	vmm_pci_reset(&e1000->pci);
	e1000->io_address = 0;
	registers_reset(e1000);
	phy_reset(e1000);
	e1000->link_lost = 0;
	interrupt_plan(e1000);
}

static void bus_reset(void *self)
{
	reset(self, VMM_RESET_HARD);
}

static int32_t init(void *self)
{
	struct e1000 *e1000 = self;
	const struct vmm_host *host = e1000->host;
	e1000->io = vmm_kit_service(host, VMM_SERVICE_IO);
	e1000->region = vmm_kit_service(host, VMM_SERVICE_REGION);
	e1000->event = vmm_kit_service(host, VMM_SERVICE_EVENT);
	e1000->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	if (e1000->io == NULL || e1000->region == NULL || e1000->event == NULL || e1000->timer == NULL)
		return -ENOTSUP;
	e1000->small = vmm_kit_choice(host, "model");
	e1000->card.receive = receive_frame;
	e1000->card.writable = writable;
	e1000->card.changed = changed;
	e1000->card.self = e1000;
	int32_t status = vmm_net_card_init(&e1000->card, host);
	if (status < 0)
		return status;
	pci_setup(e1000);
	e1000->pci.written = config_written;
	e1000->pci.bus_reset = bus_reset;
	e1000->pci.written_self = e1000;
	status = resources_init(e1000);
	if (status >= 0)
		status = vmm_net_card_add_rom(&e1000->card, &e1000->pci);
	if (status < 0)
		return status;
	eeprom_fill(e1000);
	return 0;
}

static int32_t start(void *self)
{
	struct e1000 *e1000 = self;
	e1000->running = 1;
	vmm_net_card_start(&e1000->card);
	interrupt_plan(e1000);
	return 0;
}

static void stop(void *self)
{
	struct e1000 *e1000 = self;
	e1000->running = 0;
	vmm_net_card_stop(&e1000->card);
	interrupt_plan(e1000);
}

static void destroy(void *self)
{
	struct e1000 *e1000 = self;
	void *context = e1000->host->context;
	if (e1000->alarm != 0)
		e1000->timer->destroy(context, e1000->alarm);
	if (e1000->ports != 0)
		e1000->io->release(context, e1000->ports);
	if (e1000->memory != 0)
		e1000->region->destroy(context, e1000->memory);
	vmm_net_card_destroy(&e1000->card);
	free(e1000);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct e1000 *e1000 = self;
	return vmm_net_card_get_ports(&e1000->card, &e1000->pci, key, side);
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.stop = stop,
	.reset = reset,
	.save = state_save,
	.load = state_load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_NET_CARD_PARAMS,
	VMM_KIT_PARAM_CHOICE("model", "82545em", "82545em|82540em",
		"The chip; systems older than the 82545EM may know the 82540EM only."),
	VMM_NET_CARD_ROM("pxe-e1000.rom"),
};

static const struct vmm_port_row ports[] = { VMM_NET_CARD_PORTS };

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.id = "org.vmm.e1000",
	.name = "Intel PRO/1000 network card",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "Gigabit Ethernet with Intel's 82545EM, as VMware has it, or 82540EM",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(e1000, VMM_KIND_DEVICE, descriptor, instance_ops, struct e1000);
