/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: configuration space, services, ports, saved state.
 */
#include "piix.h"

#define IDETIM  0x40 /* 16 bits a channel */
#define SIDETIM 0x44
#define UDMACTL 0x48
#define UDMATIM 0x4a

#define IDETIM_DECODE   0x80 /* in its high byte */
#define MASTER_PORTS    16
#define PIIX3           0x7010
#define PIIX4           0x7111
#define LEGACY_PRIORITY 0

/* A channel decodes its ports if it is enabled and the function may answer to I/O (PIIX4, 4.1.13). */
static void decode_update(struct piix *piix)
{
	uint32_t io = piix->pci.config[VMM_PCI_COMMAND] & VMM_PCI_COMMAND_IO;
	for (uint32_t i = 0; i < CHANNELS; i++) {
		struct channel *channel = &piix->channels[i];
		uint32_t enabled = io != 0 && (piix->pci.config[IDETIM + 1 + i * 2] & IDETIM_DECODE) != 0;
		piix->io->enable(piix->host->context, channel->data_claim, enabled);
		piix->io->enable(piix->host->context, channel->control_claim, enabled);
	}
}

static void config_written(void *self, uint32_t offset, uint32_t size)
{
	(void)size;
	if (offset < 8 || (offset >= IDETIM && offset < IDETIM + 4))
		decode_update(self);
}

static void pci_setup(struct piix *piix)
{
	uint32_t piix4 = vmm_kit_choice(piix->host, "model") == 0;
	const struct vmm_pci_ids ids = {
		.vendor = 0x8086,
		.device = piix4 ? PIIX4 : PIIX3,
		.class_code = 0x010180,
		.revision = 1,
	};
	struct vmm_pci *pci = &piix->pci;
	vmm_pci_init(pci, piix->host, &ids);
	/* Only I/O and bus master can be switched; DEVSEL# is medium, and back-to-back cycles are fine. */
	vmm_pci_register(pci, VMM_PCI_COMMAND, 2, 0, VMM_PCI_COMMAND_MASTER);
	vmm_pci_register(pci, VMM_PCI_STATUS, 2, 0x0280, 0);
	pci->clear[VMM_PCI_STATUS + 1] = 0x38;
	vmm_pci_register(pci, VMM_PCI_CACHE_LINE, 1, 0, 0);
	vmm_pci_register(pci, VMM_PCI_LATENCY, 1, 0, 0xf0);
	vmm_pci_register(pci, IDETIM, 2, 0, 0xf3ff);
	vmm_pci_register(pci, IDETIM + 2, 2, 0, 0xf3ff);
	vmm_pci_register(pci, SIDETIM, 1, 0, 0xff);
	if (piix4) {
		vmm_pci_register(pci, UDMACTL, 1, 0, 0x0f);
		vmm_pci_register(pci, UDMATIM, 2, 0, 0x3333);
	}
	pci->written = config_written;
	pci->written_self = piix;
}

static int32_t channel_init(struct piix *piix, uint32_t number)
{
	static const struct {
		uint32_t data, control, line;
	} places[CHANNELS] = { { 0x1f0, 0x3f6, 14 }, { 0x170, 0x376, 15 } };
	struct channel *channel = &piix->channels[number];
	void *context = piix->host->context;
	channel->piix = piix;
	channel->number = number;
	for (uint32_t i = 0; i < DRIVES; i++)
		channel->drives[i].channel = channel;
	int32_t status = piix->io->claim(context, places[number].data, 8, VMM_IO_SIZE_1 | VMM_IO_SIZE_2 | VMM_IO_SIZE_4,
		LEGACY_PRIORITY, &channel_data_ops, channel, 0, &channel->data_claim);
	if (status < 0)
		return vmm_kit_fail(piix->host, status, "remove the other device from its ports",
			"I/O ports %x to %x cannot be had", places[number].data, places[number].data + 7);
	/* Only the one: the next port is the floppy controller's. */
	status = piix->io->claim(context, places[number].control, 1, VMM_IO_SIZE_1, LEGACY_PRIORITY,
		&channel_control_ops, channel, 0, &channel->control_claim);
	if (status < 0)
		return vmm_kit_fail(piix->host, status, "remove the other device from its port",
			"I/O port %x cannot be had", places[number].control);
	status = piix->irq->open(context, places[number].line, &channel->irq);
	if (status < 0)
		return vmm_kit_fail(
			piix->host, status, "free memory on the host", "IRQ %u cannot be had", places[number].line);
	return 0;
}

static int32_t init(void *self)
{
	struct piix *piix = self;
	const struct vmm_host *host = piix->host;
	piix->io = vmm_kit_service(host, VMM_SERVICE_IO);
	piix->irq = vmm_kit_service(host, VMM_SERVICE_IRQ);
	piix->event = vmm_kit_service(host, VMM_SERVICE_EVENT);
	if (piix->io == NULL || piix->irq == NULL || piix->event == NULL)
		return -ENOTSUP;
	for (uint32_t i = 0; i < CHANNELS; i++) {
		int32_t status = channel_init(piix, i);
		if (status < 0)
			return status;
	}
	pci_setup(piix);
	decode_update(piix);
	/* Where it lies until it is placed does not matter. */
	int32_t status = piix->io->claim(host->context, 0, MASTER_PORTS, VMM_IO_SIZE_1 | VMM_IO_SIZE_2 | VMM_IO_SIZE_4,
		-2, &master_ops, piix, 0, &piix->master_claim);
	if (status < 0)
		return vmm_kit_fail(host, status, "free memory on the host", "no I/O ports for the bus master");
	piix->io->enable(host->context, piix->master_claim, 0);
	return vmm_pci_add_bar(&piix->pci, 4, VMM_PCI_BAR_IO, MASTER_PORTS, piix->master_claim);
}

static int32_t start(void *self)
{
	struct piix *piix = self;
	piix->running = 1;
	for (uint32_t i = 0; i < CHANNELS; i++)
		master_kick(&piix->channels[i]);
	return 0;
}

static void stop(void *self)
{
	struct piix *piix = self;
	piix->running = 0;
}

static void reset(void *self, uint32_t kind)
{
	struct piix *piix = self;
	struct vmm_pci *pci = &piix->pci;
	uint8_t kept[4];
	memcpy(kept, pci->config + IDETIM, sizeof(kept));
	vmm_pci_reset(pci);
	/* A board's BIOS sets the channels up again on waking from S3.  One that was written for virtual machines does
	 * not, and a driver takes a channel that is not decoded for one that the BIOS has turned off. */
	if (kind == VMM_RESET_WAKE)
		memcpy(pci->config + IDETIM, kept, sizeof(kept));
	for (uint32_t i = 0; i < CHANNELS; i++) {
		struct channel *channel = &piix->channels[i];
		channel->selected = 0;
		master_reset(channel);
	}
	decode_update(piix);
}

static const struct vmm_field channel_fields[] = {
	VMM_FIELD_MAX(struct channel, selected, 1),
	VMM_FIELD_MAX(struct channel, level, 1),
	VMM_FIELD_MAX(struct channel, command, COMMAND_START | COMMAND_TO_MEMORY),
	VMM_FIELD_MAX(struct channel, status, STATUS_DRIVES | STATUS_INTERRUPT | STATUS_ERROR | STATUS_ACTIVE),
	VMM_FIELD_MAX(struct channel, last, 1),
	VMM_FIELD(struct channel, table),
	VMM_FIELD(struct channel, next),
	VMM_FIELD(struct channel, region),
	VMM_FIELD_MAX(struct channel, left, 0x10000),
};

static const struct vmm_field drive_fields[] = {
	VMM_FIELD_MAX(struct drive, intrq, 1),
	VMM_FIELD_MAX(struct drive, dmarq, 1),
};

static const char *const channel_names[CHANNELS] = { "primary.", "secondary." };
static const char *const drive_names[CHANNELS][DRIVES] = { { "primary.0.", "primary.1." },
	{ "secondary.0.", "secondary.1." } };

static int32_t save(void *self)
{
	struct piix *piix = self;
	int32_t status = vmm_pci_save(&piix->pci);
	for (uint32_t i = 0; i < CHANNELS && status >= 0; i++) {
		struct channel *channel = &piix->channels[i];
		status = vmm_fields_save(
			piix->host, channel_names[i], channel, channel_fields, VMM_KIT_COUNT(channel_fields));
		for (uint32_t k = 0; k < DRIVES && status >= 0; k++)
			status = vmm_fields_save(piix->host, drive_names[i][k], &channel->drives[k], drive_fields,
				VMM_KIT_COUNT(drive_fields));
	}
	return status;
}

static int32_t load(void *self, uint32_t version)
{
	struct piix *piix = self;
	(void)version;
	int32_t status = vmm_pci_load(&piix->pci);
	for (uint32_t i = 0; i < CHANNELS && status >= 0; i++) {
		struct channel *channel = &piix->channels[i];
		status = vmm_fields_load(
			piix->host, channel_names[i], channel, channel_fields, VMM_KIT_COUNT(channel_fields));
		for (uint32_t k = 0; k < DRIVES && status >= 0; k++)
			status = vmm_fields_load(piix->host, drive_names[i][k], &channel->drives[k], drive_fields,
				VMM_KIT_COUNT(drive_fields));
		channel->table &= ~3u;
		channel->next &= ~3u;
	}
	decode_update(piix);
	return status;
}

static void destroy(void *self)
{
	struct piix *piix = self;
	for (uint32_t i = 0; i < CHANNELS; i++) {
		const struct channel *channel = &piix->channels[i];
		if (channel->data_claim != 0)
			piix->io->release(piix->host->context, channel->data_claim);
		if (channel->control_claim != 0)
			piix->io->release(piix->host->context, channel->control_claim);
	}
	if (piix->master_claim != 0)
		piix->io->release(piix->host->context, piix->master_claim);
	free(piix);
}

/* The PCI port: the kit's, but RST# reaches the channels and the cables too. */

static int32_t config_read(void *self, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct piix *piix = self;
	return vmm_pci_config_read(&piix->pci, offset, size, value);
}

static int32_t config_write(void *self, uint32_t offset, uint32_t size, uint32_t value)
{
	struct piix *piix = self;
	return vmm_pci_config_write(&piix->pci, offset, size, value);
}

static void bus_reset(void *self)
{
	struct piix *piix = self;
	reset(piix, VMM_RESET_HARD);
	for (uint32_t i = 0; i < CHANNELS * DRIVES; i++) {
		const struct drive *drive = &piix->channels[i / DRIVES].drives[i % DRIVES];
		if (drive->table != NULL)
			drive->table->reset(drive->self);
	}
}

static const struct vmm_pci_lower pci_lower = {
	.struct_size = sizeof(struct vmm_pci_lower),
	.config_read = config_read,
	.config_write = config_write,
	.bus_reset = bus_reset,
};

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct piix *piix = self;
	if (strcmp(key, "bus") == 0) {
		vmm_pci_get_port(&piix->pci, side);
		side->table = &pci_lower;
		side->self = piix;
	} else if (strcmp(key, "ide") == 0) {
		side->ops = &channel_port_ops;
		side->port_self = piix;
		side->table = &channel_upper;
		side->self = &piix->channels[0].drives[0]; /* prepare tells each its own */
	} else {
		return -ENOENT;
	}
	return 0;
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
	VMM_KIT_PARAM_CHOICE(
		"model", "piix4", "piix4|piix3", "The chip: piix4 has UDMA timing registers, piix3 has not."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_CHILD | VMM_PORT_REQUIRED, "bus", VMM_PORT_PCI,
		"The PCI bus it sits on, as function 1 of the chipset's slot: address = 01.1."),
	{
		.struct_size = sizeof(struct vmm_port_row),
		.role = VMM_ROLE_UPPER,
		.flags = VMM_PORT_BUS,
		.maximum = CHANNELS * DRIVES,
		.key = "ide",
		.interfaces = VMM_PORT_IDE,
		.address_kind = VMM_ADDRESS_UNIT,
		.address_first = 0,
		.address_last = (CHANNELS - 1) << 8 | (DRIVES - 1),
		.help = "Its two channels with two drives each: 0.0, 0.1, 1.0, 1.1.",
	},
};

static const struct vmm_descriptor descriptor = {
	.struct_size = sizeof(struct vmm_descriptor),
	.thread_model = VMM_THREAD_MACHINE,
	.state_version = 1,
	.param_count = VMM_KIT_COUNT(params),
	.param_stride = sizeof(struct vmm_param),
	.port_count = VMM_KIT_COUNT(ports),
	.port_stride = sizeof(struct vmm_port_row),
	.flags = VMM_PLUGIN_SINGLE,
	.id = "org.vmm.ide-piix",
	.name = "PIIX IDE controller",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "Two IDE channels with bus master DMA, of PIIX3 or PIIX4",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(ide_piix, VMM_KIND_DEVICE, descriptor, instance_ops, struct piix);
