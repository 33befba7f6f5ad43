/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: services, ports, saved state.
 */
#include "chipset.h"

static int32_t init(void *self)
{
	struct chipset *chipset = self;
	const struct vmm_host *host = chipset->host;
	chipset->io = vmm_kit_service(host, VMM_SERVICE_IO);
	chipset->irq = vmm_kit_service(host, VMM_SERVICE_IRQ);
	chipset->memory = vmm_kit_service(host, VMM_SERVICE_MEMORY);
	chipset->region = vmm_kit_service(host, VMM_SERVICE_REGION);
	chipset->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	chipset->power = vmm_kit_service(host, VMM_SERVICE_POWER);
	const struct vmm_machine_service *machine = vmm_kit_service(host, VMM_SERVICE_MACHINE);
	if (chipset->io == NULL || chipset->irq == NULL || chipset->memory == NULL || chipset->region == NULL ||
		chipset->timer == NULL || chipset->power == NULL || machine == NULL)
		return -ENOTSUP;
	atomic_flag_clear(&chipset->pin_lock);
	for (uint32_t i = 0; i < FUNCTIONS; i++)
		chipset->functions[i].chipset = chipset;
	chipset->a20_initial = !machine->has_plugin(host->context, "org.vmm.ps2-8042");
	int32_t status = config_init(chipset);
	if (status >= 0)
		status = pam_init(chipset);
	if (status >= 0)
		status = isa_init(chipset);
	if (status >= 0)
		status = power_init(chipset);
	/* Last, for the numbers of interrupt sources in states of version 1. */
	if (status >= 0)
		status = coprocessor_init(chipset);
	return status;
}

static int32_t start(void *self)
{
	bus_masters(self);
	return 0;
}

static void reset(void *self, uint32_t kind)
{
	struct chipset *chipset = self;
	config_reset(chipset, kind);
	pam_reset(chipset, kind);
	isa_reset(chipset);
	coprocessor_reset(chipset);
	power_reset(chipset, kind);
	memset(chipset->isa_dreq, 0, sizeof(chipset->isa_dreq));
	/* The functions reset themselves; their pins follow. */
	for (uint32_t i = 0; i < FUNCTIONS; i++)
		atomic_store(&chipset->functions[i].master, 0);
}

static const struct vmm_field fields[] = {
	VMM_FIELD(struct chipset, smram_locked),
	VMM_FIELD_MAX(struct chipset, smiact, 1),
	VMM_FIELD_MAX(struct chipset, post_done, 1),
	VMM_FIELD(struct chipset, config_address),
	VMM_FIELD(struct chipset, reset_control),
	VMM_FIELD_ARRAY(struct chipset, elcr),
	VMM_FIELD(struct chipset, port92),
	VMM_FIELD(struct chipset, post),
	VMM_FIELD_ARRAY_MAX(struct chipset, pins, 15),
	VMM_FIELD_ARRAY(struct chipset, isa_dreq),
};

/* Since version 2 of the state. */
static const struct vmm_field fields_2[] = {
	VMM_FIELD_MAX(struct chipset, ferr, 1),
	VMM_FIELD_MAX(struct chipset, ignne, 1),
	VMM_FIELD_MAX(struct chipset, irq13_high, 1),
};

static int32_t save(void *self)
{
	struct chipset *chipset = self;
	int32_t status = vmm_fields_save(chipset->host, "", chipset, fields, VMM_KIT_COUNT(fields));
	if (status >= 0)
		status = vmm_fields_save(chipset->host, "", chipset, fields_2, VMM_KIT_COUNT(fields_2));
	if (status >= 0)
		status = vmm_pci_save(&chipset->host_bridge);
	if (status >= 0)
		status = vmm_pci_save(&chipset->isa_bridge);
	if (status >= 0)
		status = vmm_pci_save(&chipset->power_management);
	return status < 0 ? status : power_save(chipset);
}

static int32_t load(void *self, uint32_t version)
{
	struct chipset *chipset = self;
	int32_t status = vmm_fields_load(chipset->host, "", chipset, fields, VMM_KIT_COUNT(fields));
	chipset->ferr = chipset->ignne = chipset->irq13_high = 0;
	if (status >= 0 && version >= 2)
		status = vmm_fields_load(chipset->host, "", chipset, fields_2, VMM_KIT_COUNT(fields_2));
	if (status >= 0)
		status = vmm_pci_load(&chipset->host_bridge);
	if (status >= 0)
		status = vmm_pci_load(&chipset->isa_bridge);
	if (status >= 0)
		status = vmm_pci_load(&chipset->power_management);
	if (status < 0)
		return status;
	chipset->config_address &= 0x80fffffc;
	bus_pins(chipset);
	pam_loaded(chipset);
	isa_loaded(chipset);
	return power_load(chipset, version);
}

static void destroy(void *self)
{
	struct chipset *chipset = self;
	const vmm_handle claims[] = { chipset->config_claim, chipset->data_claim, chipset->elcr_claim,
		chipset->port92_claim, chipset->post_claim, chipset->apm_claim, chipset->pm_claim, chipset->smbus_claim,
		chipset->coprocessor_claim };
	for (uint32_t i = 0; i < VMM_KIT_COUNT(claims); i++) {
		if (claims[i] != 0)
			chipset->io->release(chipset->host->context, claims[i]);
	}
	if (chipset->overflow != 0)
		chipset->timer->destroy(chipset->host->context, chipset->overflow);
	if (chipset->region != NULL)
		pam_destroy(chipset);
	free(chipset);
}

/* The core: messages, SMI, SMIACT#, FERR#, shutdown; of the lines only the clock's alarm matters here. */

static void line(void *self, uint32_t number, uint32_t level)
{
	if (number == 8 && level)
		power_alarm(self);
}

static void smiact(void *self, uint32_t level)
{
	pam_smiact(self, level);
}

static void ferr(void *self, uint32_t level)
{
	coprocessor_ferr(self, level);
}

/* PIIX4 turns the shutdown special cycle into INIT (290562-001, INIT), which is how 286 programs left protected mode.
 */
static void shutdown(void *self)
{
	struct chipset *chipset = self;
	chipset->power->cpu_init(chipset->host->context);
}

static const struct vmm_interrupt_upper interrupt_upper = {
	.struct_size = sizeof(struct vmm_interrupt_upper),
	.line = line,
	.smiact = smiact,
	.ferr = ferr,
	.shutdown = shutdown,
};

static void core_attached(void *self, const struct vmm_link *link)
{
	struct chipset *chipset = self;
	chipset->core = link->peer;
	chipset->core_self = link->peer_self;
}

static void core_detached(void *self, const struct vmm_link *link)
{
	struct chipset *chipset = self;
	(void)link;
	chipset->core = NULL;
}

static const struct vmm_port_ops core_ops = {
	.struct_size = sizeof(struct vmm_port_ops),
	.attached = core_attached,
	.detached = core_detached,
};

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	side->port_self = side->self = self;
	if (strcmp(key, "pci") == 0) {
		side->ops = &bus_ops;
		side->table = &bus_upper;
	} else if (strcmp(key, "isa") == 0) {
		side->ops = &isa_ops;
		side->table = &isa_upper;
	} else if (strcmp(key, "dma") == 0) {
		side->ops = &dma_ops;
		side->table = &dma_upper;
	} else if (strcmp(key, "interrupt") == 0) {
		side->ops = &core_ops;
		side->table = &interrupt_upper;
	} else {
		return -ENOENT;
	}
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.start = start,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM_CHOICE("identity", "440bx", "440bx|440fx",
		"What the host bridge calls itself once the BIOS has done its work: 440bx as VMware's machines do, or "
		"440fx as it is during POST."),
};

static const struct vmm_port_row ports[] = {
	{
		.struct_size = sizeof(struct vmm_port_row),
		.role = VMM_ROLE_UPPER,
		.flags = VMM_PORT_BUS,
		.maximum = FUNCTIONS,
		.key = "pci",
		.interfaces = VMM_PORT_PCI,
		.address_kind = VMM_ADDRESS_SLOT,
		.address_first = 2 << 3,
		.address_last = 31 << 3,
		.help = "The PCI bus, slots 02 to 1f.",
	},
	{
		.struct_size = sizeof(struct vmm_port_row),
		.role = VMM_ROLE_UPPER,
		.flags = VMM_PORT_BUS,
		.maximum = 64,
		.key = "isa",
		.interfaces = VMM_PORT_ISA,
		.address_kind = VMM_ADDRESS_NONE,
		.help = "The ISA bus.",
	},
	{
		.struct_size = sizeof(struct vmm_port_row),
		.role = VMM_ROLE_UPPER,
		.flags = VMM_PORT_BUS,
		.maximum = 1,
		.key = "dma",
		.interfaces = VMM_PORT_DMA,
		.address_kind = VMM_ADDRESS_NONE,
		.help = "The DMA controllers of the ISA bus.",
	},
	VMM_KIT_PORT(VMM_ROLE_UPPER, VMM_PORT_CORE, "interrupt", VMM_PORT_INTERRUPT,
		"The processors, for interrupt messages and SMI."),
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 2,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.flags = VMM_PLUGIN_SINGLE,
	.id = "org.vmm.chipset-i440",
	.name = "440FX and PIIX chipset",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "Host bridge, PCI and ISA buses, PCI interrupt routing, ACPI power management and reset",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(chipset_i440, VMM_KIND_DEVICE, descriptor, instance_ops, struct chipset);
