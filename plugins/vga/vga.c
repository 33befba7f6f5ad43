/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The plugin: the PCI function, its regions, its life and its saved state.
 */
#include "vga.h"

#define MEMORY_DEFAULT (INT64_C(16) << 20)
#define REGISTERS      4096

/* The legacy ports and the window answer as the command register says (PCI Local Bus Specification 3.0, 6.2.2). */
static void decode(struct vga *vga)
{
	ports_decode(vga, (vga->pci.config[VMM_PCI_COMMAND] & VMM_PCI_COMMAND_IO) != 0);
	window_update(vga);
}

static void written(void *self, uint32_t offset, uint32_t size)
{
	(void)size;
	if ((offset & ~3u) == VMM_PCI_COMMAND)
		decode(self);
}

static int32_t regions_init(struct vga *vga)
{
	const struct vmm_host *host = vga->host;
	const struct vmm_region_desc vram = {
		.struct_size = sizeof(vram),
		.type = VMM_REGION_RAM,
		.flags = VMM_REGION_DIRTY,
		.length = vga->memory,
		.name = "VGA memory",
	};
	const struct vmm_region_desc registers = {
		.struct_size = sizeof(registers),
		.type = VMM_REGION_MMIO,
		.size_minimum = 1,
		.size_maximum = 4,
		.length = REGISTERS,
		.ops = &registers_ops,
		.self = vga,
		.name = "VGA registers",
	};
	int32_t status = vga->region->create(host->context, &vram, &vga->vram);
	if (status >= 0)
		status = vga->region->create(host->context, &registers, &vga->registers);
	if (status >= 0)
		status = window_init(vga);
	if (status >= 0)
		status = vmm_pci_add_bar(
			&vga->pci, 0, VMM_PCI_BAR_MEMORY32 | VMM_PCI_BAR_PREFETCH, vga->memory, vga->vram);
	if (status >= 0)
		status = vmm_pci_add_bar(&vga->pci, 2, VMM_PCI_BAR_MEMORY32, REGISTERS, vga->registers);
	return status < 0 ? vmm_kit_fail(host, status, "give it less memory", "cannot make the VGA's memory") : 0;
}

static int32_t init(void *self)
{
	struct vga *vga = self;
	const struct vmm_host *host = vga->host;
	const struct vmm_pci_ids ids = {
		.vendor = PCI_VENDOR,
		.device = PCI_DEVICE,
		.subsystem_vendor = 0x1af4,
		.subsystem = 0x1100,
		.class_code = 0x030000,
		.revision = 2, /* BAR 2 has the block at 600 */
	};
	vga->io = vmm_kit_service(host, VMM_SERVICE_IO);
	vga->region = vmm_kit_service(host, VMM_SERVICE_REGION);
	vga->timer = vmm_kit_service(host, VMM_SERVICE_TIMER);
	vga->event = host->get_service(host->context, VMM_SERVICE_EVENT); /* without: viewers ask by themselves */
	if (vga->io == NULL || vga->region == NULL || vga->timer == NULL)
		return -ENOTSUP;
	int64_t memory = vmm_kit_int(host, "memory", MEMORY_DEFAULT);
	if (memory <= 0 || (memory & (memory - 1)) != 0)
		return vmm_kit_fail(host, -EINVAL, "give 1M, 2M, 4M and so on, up to 256M",
			"%lld bytes of VGA memory are not a power of 2", (long long)memory);
	vga->memory = (uint32_t)memory;
	vmm_pci_init(&vga->pci, host, &ids);
	/* The legacy ports have no BAR, but the I/O bit is theirs. */
	vga->pci.writable[VMM_PCI_COMMAND] |= VMM_PCI_COMMAND_IO;
	vga->pci.written = written;
	vga->pci.written_self = vga;
	int32_t status = display_init(vga);
	if (status >= 0)
		status = regions_init(vga);
	if (status >= 0)
		status = rom_load(vga);
	if (status >= 0)
		status = ports_init(vga);
	return status;
}

static void reset(void *self, uint32_t kind)
{
	struct vga *vga = self;
	(void)kind;
	vmm_pci_reset(&vga->pci);
	ports_reset(vga);
	dispi_reset(vga);
	decode(vga);
	picture_changed(vga);
}

static const struct vmm_field fields[] = {
	VMM_FIELD(struct vga, misc),
	VMM_FIELD(struct vga, feature),
	VMM_FIELD_MAX(struct vga, enable, 1),
	VMM_FIELD_MAX(struct vga, sr_index, 0x1f),
	VMM_FIELD_MAX(struct vga, cr_index, 0x3f),
	VMM_FIELD_MAX(struct vga, gr_index, 0x0f),
	VMM_FIELD_MAX(struct vga, ar_index, 0x3f),
	VMM_FIELD_MAX(struct vga, ar_data, 1),
	VMM_FIELD_ARRAY(struct vga, sr),
	VMM_FIELD_ARRAY(struct vga, cr),
	VMM_FIELD_ARRAY(struct vga, gr),
	VMM_FIELD_ARRAY(struct vga, ar),
	VMM_FIELD_ARRAY(struct vga, latch),
	VMM_FIELD(struct vga, dac_mask),
	VMM_FIELD_MAX(struct vga, dac_state, 3),
	VMM_FIELD(struct vga, dac_read),
	VMM_FIELD(struct vga, dac_write),
	VMM_FIELD_MAX(struct vga, dac_phase, 2),
	VMM_FIELD_ARRAY(struct vga, dac_cache),
	VMM_FIELD_ARRAY(struct vga, dac),
	VMM_FIELD(struct vga, dispi_index),
	VMM_FIELD_ARRAY(struct vga, dispi),
	VMM_FIELD_MAX(struct vga, endian_big, 1),
};

static int32_t save(void *self)
{
	struct vga *vga = self;
	int32_t status = vmm_pci_save(&vga->pci);
	return status < 0 ? status : vmm_fields_save(vga->host, "", vga, fields, VMM_KIT_COUNT(fields));
}

/* What indexes something must be what the registers can hold. */
static uint32_t sane(const struct vga *vga)
{
	const uint16_t *r = vga->dispi;
	return vga->gr[4] <= 3 && vga->sr[2] <= 15 && r[DISPI_ID] >= DISPI_ID_FIRST && r[DISPI_ID] <= DISPI_ID_LAST &&
		r[DISPI_BANK] * BANK_LENGTH < (r[DISPI_BPP] == 4 ? vga->memory / 4 : vga->memory) &&
		r[DISPI_XRES] <= DISPI_XRES_MAX && r[DISPI_YRES] <= DISPI_YRES_MAX;
}

static int32_t load(void *self, uint32_t version)
{
	struct vga *vga = self;
	(void)version;
	int32_t status = vmm_pci_load(&vga->pci);
	if (status >= 0)
		status = vmm_fields_load(vga->host, "", vga, fields, VMM_KIT_COUNT(fields));
	if (status >= 0 && !sane(vga)) {
		ports_reset(vga);
		dispi_reset(vga);
		status = vmm_kit_fail(vga->host, -EINVAL, "the saved state is damaged; start the machine afresh",
			"a saved register of the VGA is out of range");
	}
	if (status < 0)
		return status;
	if ((vga->dispi[DISPI_ENABLE] & DISPI_ENABLED) != 0)
		dispi_fix(vga); /* changes nothing of a state that was saved here */
	vga->shadow_stale = 1;
	decode(vga);
	picture_changed(vga);
	return 0;
}

static void destroy(void *self)
{
	struct vga *vga = self;
	const struct vmm_host *host = vga->host;
	for (uint32_t i = 0; i < VMM_KIT_COUNT(vga->claims); i++) {
		if (vga->claims[i] != 0)
			vga->io->release(host->context, vga->claims[i]);
	}
	if (vga->region != NULL) {
		window_free(vga);
		const vmm_handle regions[] = { vga->rom, vga->registers, vga->vram };
		for (uint32_t i = 0; i < VMM_KIT_COUNT(regions); i++) {
			if (regions[i] != 0)
				vga->region->destroy(host->context, regions[i]);
		}
	}
	display_free(vga);
	free(vga);
}

static int32_t get_port(void *self, const char *key, struct vmm_port_side *side)
{
	struct vga *vga = self;
	if (strcmp(key, "bus") == 0)
		vmm_pci_get_port(&vga->pci, side);
	else if (strcmp(key, "display") == 0)
		display_get_port(vga, side);
	else
		return -ENOENT;
	return 0;
}

static const struct vmm_instance_ops instance_ops = {
	.struct_size = sizeof(struct vmm_instance_ops),
	.init = init,
	.reset = reset,
	.save = save,
	.load = load,
	.destroy = destroy,
	.get_port = get_port,
};

static const struct vmm_param params[] = {
	VMM_KIT_PARAM(VMM_PARAM_SIZE, "memory", "16M", 1 << 20, 256 << 20, NULL,
		"How much video memory it has: a power of 2."),
	VMM_KIT_PARAM_PATH(
		"rom", "/usr/share/seabios/vgabios-stdvga.bin", "The VGA BIOS in its option ROM; empty for none."),
};

static const struct vmm_port_row ports[] = {
	VMM_KIT_PORT(VMM_ROLE_LOWER, VMM_PORT_CHILD, "bus", VMM_PORT_PCI, "The PCI bus it sits on."),
	{
		.struct_size = sizeof(struct vmm_port_row),
		.role = VMM_ROLE_UPPER,
		.flags = VMM_PORT_CORE | VMM_PORT_LIVE,
		.maximum = VIEWERS,
		.key = "display",
		.interfaces = VMM_PORT_DISPLAY,
		.help = "Those who look at the picture.",
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
	.id = "org.vmm.vga",
	.name = "VGA",
	.version = "0.9",
	.licence = "BSD-2-Clause",
	.description = "A VGA on PCI with modes beyond it by DISPI registers",
	.params = params,
	.ports = ports,
};

VMM_KIT_PLUGIN(vga, VMM_KIND_DEVICE, descriptor, instance_ops, struct vga);
