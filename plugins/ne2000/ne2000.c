/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: configuration space, life, saved state.
 */
#include "ne2000.h"

static void pci_setup(struct ne2000 *ne2000)
{
	const struct vmm_pci_ids ids = {
		.vendor = 0x10ec,
		.device = 0x8029,
		.subsystem_vendor = 0x10ec,
		.subsystem = 0x8029,
		.class_code = 0x020000,
		.pin = 1,
	};
	vmm_pci_init(&ne2000->pci, ne2000->host, &ids);
	/* DEVSEL# is medium.  It does not master the bus. */
	vmm_pci_register(&ne2000->pci, VMM_PCI_STATUS, 2, 0x0200, 0);
	vmm_pci_register(&ne2000->pci, VMM_PCI_COMMAND, 2, 0, VMM_PCI_COMMAND_INTX_OFF);
}

static void changed(void *self)
{
	/* CONFIG0 is computed when it is read. */
	(void)self;
}

static void reset(void *self, uint32_t kind)
{
	struct ne2000 *ne2000 = self;
	if (kind == VMM_RESET_POWER)
		vmm_net_card_list(&ne2000->card, &ne2000->pci);
	vmm_pci_reset(&ne2000->pci);
	chip_power_on(ne2000);
}

static void bus_reset(void *self)
{
	reset(self, VMM_RESET_HARD);
}

static int32_t init(void *self)
{
	struct ne2000 *ne2000 = self;
	const struct vmm_host *host = ne2000->host;
	ne2000->io = vmm_kit_service(host, VMM_SERVICE_IO);
	if (ne2000->io == NULL)
		return -ENOTSUP;
	ne2000->card.receive = receive_frame;
	ne2000->card.writable = transmit_run;
	ne2000->card.changed = changed;
	ne2000->card.self = ne2000;
	int32_t status = vmm_net_card_init(&ne2000->card, host);
	if (status < 0)
		return status;
	pci_setup(ne2000);
	ne2000->pci.bus_reset = bus_reset;
	ne2000->pci.written_self = ne2000;
	/* Where they lie until they are placed does not matter. */
	status = ne2000->io->claim(host->context, 0, PORTS, VMM_IO_SIZE_1 | VMM_IO_SIZE_2 | VMM_IO_SIZE_4, -2,
		&port_ops, ne2000, 0, &ne2000->ports);
	if (status < 0)
		return vmm_kit_fail(host, status, "free memory on the host", "no I/O ports for the network card");
	ne2000->io->enable(host->context, ne2000->ports, 0);
	status = vmm_pci_add_bar(&ne2000->pci, 0, VMM_PCI_BAR_IO, PORTS, ne2000->ports);
	if (status >= 0)
		status = vmm_net_card_add_rom(&ne2000->card, &ne2000->pci);
	return status;
}

static int32_t start(void *self)
{
	vmm_net_card_start(&((struct ne2000 *)self)->card);
	return 0;
}

static void stop(void *self)
{
	vmm_net_card_stop(&((struct ne2000 *)self)->card);
}

static const struct vmm_field fields[] = {
	VMM_FIELD(struct ne2000, cr),
	VMM_FIELD(struct ne2000, isr),
	VMM_FIELD_MAX(struct ne2000, imr, 0x7f),
	VMM_FIELD_MAX(struct ne2000, rcr, 0x3f),
	VMM_FIELD_MAX(struct ne2000, tcr, 0x1f),
	VMM_FIELD_MAX(struct ne2000, dcr, 0x7f),
	VMM_FIELD(struct ne2000, tsr),
	VMM_FIELD(struct ne2000, rsr),
	VMM_FIELD(struct ne2000, pstart),
	VMM_FIELD(struct ne2000, pstop),
	VMM_FIELD(struct ne2000, bnry),
	VMM_FIELD(struct ne2000, tpsr),
	VMM_FIELD(struct ne2000, curr),
	VMM_FIELD(struct ne2000, rnpp),
	VMM_FIELD_ARRAY(struct ne2000, par),
	VMM_FIELD_ARRAY(struct ne2000, mar),
	VMM_FIELD_MAX(struct ne2000, eecr, 0xce),
	VMM_FIELD_MAX(struct ne2000, config2, 0xe0),
	VMM_FIELD_MAX(struct ne2000, config3, 0x46),
	VMM_FIELD(struct ne2000, tbcr),
	VMM_FIELD(struct ne2000, rsar),
	VMM_FIELD(struct ne2000, rbcr),
	VMM_FIELD_ARRAY(struct ne2000, ram),
};

static int32_t save(void *self)
{
	struct ne2000 *ne2000 = self;
	int32_t status = vmm_pci_save(&ne2000->pci);
	if (status >= 0)
		status = vmm_net_card_save(&ne2000->card);
	return status < 0 ? status : vmm_fields_save(ne2000->host, "", ne2000, fields, VMM_KIT_COUNT(fields));
}

static int32_t load(void *self, uint32_t version)
{
	struct ne2000 *ne2000 = self;
	(void)version;
	int32_t status = vmm_pci_load(&ne2000->pci);
	if (status >= 0)
		status = vmm_net_card_load(&ne2000->card);
	return status < 0 ? status : vmm_fields_load(ne2000->host, "", ne2000, fields, VMM_KIT_COUNT(fields));
}

static void destroy(void *self)
{
	struct ne2000 *ne2000 = self;
	void *context = ne2000->host->context;
	if (ne2000->ports != 0)
		ne2000->io->release(context, ne2000->ports);
	vmm_net_card_destroy(&ne2000->card);
	free(ne2000);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct ne2000 *ne2000 = self;
	return vmm_net_card_get_ports(&ne2000->card, &ne2000->pci, key, side);
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.stop = stop,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_NET_CARD_PARAMS,
	VMM_NET_CARD_ROM("pxe-ne2k_pci.rom"),
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
	.id = "org.vmm.ne2000",
	.name = "NE2000 network card",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "10 Mb/s Ethernet, an NE2000 on PCI with Realtek's RTL8029AS",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(ne2000, VMM_KIND_DEVICE, descriptor, instance_ops, struct ne2000);
