/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: configuration space, BARs, life.
 */
#include "pcnet.h"

static void pci_setup(struct pcnet *pcnet)
{
	/* Revision 10h is the Am79C970A's. */
	const struct vmm_pci_ids ids = {
		.vendor = 0x1022,
		.device = 0x2000,
		.subsystem_vendor = 0x1022,
		.subsystem = 0x2000,
		.class_code = 0x020000,
		.revision = 0x10,
		.pin = 1,
	};
	struct vmm_pci *pci = &pcnet->pci;
	vmm_pci_init(pci, pcnet->host, &ids);
	/* DEVSEL# is medium, back-to-back cycles are fine; Min_Gnt and Max_Lat. */
	vmm_pci_register(pci, VMM_PCI_STATUS, 2, 0x0280, 0);
	vmm_pci_register(pci, 0x3e, 2, 0xff06, 0);
}

/* The command register: bus mastering may have come, and work with it. */
static void config_written(void *self, uint32_t offset, uint32_t size)
{
	struct pcnet *pcnet = self;
	(void)size;
	if (offset > VMM_PCI_COMMAND || !pcnet->running)
		return;
	transmit_kick(pcnet);
}

static int32_t resources_init(struct pcnet *pcnet)
{
	const struct vmm_host *host = pcnet->host;
	static const char memory[] = "free memory on the host";
	const struct vmm_region_desc desc = {
		.struct_size = sizeof(desc),
		.type = VMM_REGION_MMIO,
		.size_minimum = 1,
		.size_maximum = 4,
		.length = SPACE,
		.ops = &memory_ops,
		.self = pcnet,
		.name = "pcnet",
	};
	int32_t status = pcnet->region->create(host->context, &desc, &pcnet->memory);
	if (status < 0)
		return vmm_kit_fail(host, status, memory, "no memory region for the network card");
	/* Where they lie until they are placed does not matter. */
	status = pcnet->io->claim(host->context, 0, SPACE, VMM_IO_SIZE_1 | VMM_IO_SIZE_2 | VMM_IO_SIZE_4, -2, &port_ops,
		pcnet, 0, &pcnet->ports);
	if (status < 0)
		return vmm_kit_fail(host, status, memory, "no I/O ports for the network card");
	pcnet->io->enable(host->context, pcnet->ports, 0);
	status = pcnet->timer->create(host->context, VMM_CLOCK_GUEST, poll_alarm, pcnet, 0, &pcnet->alarm);
	if (status < 0)
		return vmm_kit_fail(host, status, memory, "no timer for the network card");
	status = vmm_pci_add_bar(&pcnet->pci, 0, VMM_PCI_BAR_IO, SPACE, pcnet->ports);
	if (status >= 0)
		status = vmm_pci_add_bar(&pcnet->pci, 1, VMM_PCI_BAR_MEMORY32, SPACE, pcnet->memory);
	return status;
}

static void writable(void *self)
{
	transmit_kick(self);
}

static void changed(void *self)
{
	/* LED0 is computed when it is read. */
	(void)self;
}

static void reset(void *self, uint32_t kind)
{
	struct pcnet *pcnet = self;
	if (kind == VMM_RESET_POWER)
		vmm_net_card_list(&pcnet->card, &pcnet->pci);
	vmm_pci_reset(&pcnet->pci);
	csr_reset(pcnet, 1);
}

static void bus_reset(void *self)
{
	reset(self, VMM_RESET_HARD);
}

static int32_t init(void *self)
{
	struct pcnet *pcnet = self;
	const struct vmm_host *host = pcnet->host;
	pcnet->io = vmm_kit_service(host, VMM_SERVICE_IO);
	pcnet->region = vmm_kit_service(host, VMM_SERVICE_REGION);
	pcnet->event = vmm_kit_service(host, VMM_SERVICE_EVENT);
	pcnet->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	if (pcnet->io == NULL || pcnet->region == NULL || pcnet->event == NULL || pcnet->timer == NULL)
		return -ENOTSUP;
	pcnet->card.receive = receive_frame;
	pcnet->card.writable = writable;
	pcnet->card.changed = changed;
	pcnet->card.self = pcnet;
	int32_t status = vmm_net_card_init(&pcnet->card, host);
	if (status < 0)
		return status;
	pci_setup(pcnet);
	pcnet->pci.written = config_written;
	pcnet->pci.bus_reset = bus_reset;
	pcnet->pci.written_self = pcnet;
	status = resources_init(pcnet);
	if (status >= 0)
		status = vmm_net_card_add_rom(&pcnet->card, &pcnet->pci);
	return status;
}

static int32_t start(void *self)
{
	struct pcnet *pcnet = self;
	pcnet->running = 1;
	vmm_net_card_start(&pcnet->card);
	poll_plan(pcnet);
	return 0;
}

static void stop(void *self)
{
	struct pcnet *pcnet = self;
	pcnet->running = 0;
	vmm_net_card_stop(&pcnet->card);
	poll_plan(pcnet);
}

static void destroy(void *self)
{
	struct pcnet *pcnet = self;
	void *context = pcnet->host->context;
	if (pcnet->alarm != 0)
		pcnet->timer->destroy(context, pcnet->alarm);
	if (pcnet->ports != 0)
		pcnet->io->release(context, pcnet->ports);
	if (pcnet->memory != 0)
		pcnet->region->destroy(context, pcnet->memory);
	vmm_net_card_destroy(&pcnet->card);
	free(pcnet);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct pcnet *pcnet = self;
	return vmm_net_card_get_ports(&pcnet->card, &pcnet->pci, key, side);
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
	VMM_NET_CARD_ROM("pxe-pcnet.rom"),
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
	.id = "org.vmm.pcnet",
	.name = "AMD PCnet network card",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "10 Mb/s Ethernet with AMD's Am79C970A, PCnet-PCI II",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(pcnet, VMM_KIND_DEVICE, descriptor, instance_ops, struct pcnet);
