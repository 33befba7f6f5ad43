/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Who answers between 640 KiB and 1 MiB: the programmable attribute map and SMRAM (290549-001, 3.2.16 to 3.2.19), and
 * the bridge's second identity.
 *
 * Each PAM field sends reads and writes of its segment to DRAM or to PCI, one by one.  Layers, from below: system RAM
 * (0), PCI with nobody on it (1), what plugins put on PCI there (ROMs, the VGA window: 2), DRAM where PAM or SMRAM ask
 * for it (3).
 */
#include "chipset.h"

#define PAM0  0x59
#define SMRAM 0x72

#define PAM_READ  1u /* RE: reads go to DRAM */
#define PAM_WRITE 2u /* WE: writes do */

#define D_OPEN     0x40
#define D_CLS      0x20
#define D_LCK      0x10
#define G_SMRAME   0x08
#define C_BASE_SEG 0x07
#define SEGMENT_A  0x02 /* the only value of C_BASE_SEG */

#define VGA_WINDOW   0xa0000u
#define VGA_LENGTH   0x20000u
#define PCI_PRIORITY 1
#define RAM_PRIORITY 3

static uint64_t segment_address(uint32_t index)
{
	return index == 0 ? 0xf0000 : 0xc0000 + (index - 1) * 0x4000u;
}

static uint64_t segment_length(uint32_t index)
{
	return index == 0 ? 0x10000 : 0x4000;
}

/* PAM0 has its field in bits 5:4; PAM1 to PAM6 have the lower segment in bits 1:0 and the higher in 5:4. */
static uint32_t segment_mode(const struct chipset *chipset, uint32_t index)
{
	if (index == 0)
		return chipset->host_bridge.config[PAM0] >> 4 & 3;
	return chipset->host_bridge.config[PAM0 + (index + 1) / 2] >> ((index & 1) != 0 ? 0 : 4) & 3;
}

/* Nobody answers: a master abort, which reads as ones. */
static int32_t hole_read(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value)
{
	(void)self;
	(void)token;
	(void)offset;
	(void)size;
	*value = UINT64_MAX;
	return 0;
}

static int32_t hole_write(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value)
{
	(void)self;
	(void)token;
	(void)offset;
	(void)size;
	(void)value;
	return 0;
}

static const struct vmm_region_ops hole_ops = {
	.struct_size = sizeof(struct vmm_region_ops),
	.read = hole_read,
	.write = hole_write,
};

/*
 * Writes to DRAM, reads from PCI: how a BIOS copies its ROM to the RAM behind it.  Neither can be shown directly, so
 * each access looks behind the curtain.  It is rare, and short.
 */
static int32_t copy_read(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value)
{
	struct chipset *chipset = self;
	struct segment *segment = &chipset->segments[token];
	void *context = chipset->host->context;
	uint8_t bytes[8] = { 0 };
	chipset->region->unmap(context, segment->copy);
	chipset->memory->read(context, segment_address((uint32_t)token) + offset, bytes, size);
	chipset->region->map(context, segment->copy, segment_address((uint32_t)token), RAM_PRIORITY);
	*value = 0;
	for (uint32_t i = 0; i < size && i < 8; i++)
		*value |= (uint64_t)bytes[i] << (i * 8);
	return 0;
}

static int32_t copy_write(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value)
{
	struct chipset *chipset = self;
	struct segment *segment = &chipset->segments[token];
	uint64_t address = segment_address((uint32_t)token);
	void *context = chipset->host->context;
	uint8_t bytes[8];
	for (uint32_t i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (i * 8));
	chipset->region->map(context, segment->ram, address, RAM_PRIORITY + 1);
	chipset->memory->write(context, address + offset, bytes, size < 8 ? size : 8);
	chipset->region->unmap(context, segment->ram);
	return 0;
}

static const struct vmm_region_ops copy_ops = {
	.struct_size = sizeof(struct vmm_region_ops),
	.read = copy_read,
	.write = copy_write,
};

static void segment_place(struct chipset *chipset, uint32_t index, uint32_t mode)
{
	struct segment *segment = &chipset->segments[index];
	uint64_t address = segment_address(index);
	void *context = chipset->host->context;
	chipset->region->unmap(context, segment->copy);
	chipset->region->unmap(context, segment->ram);
	if (mode == PAM_WRITE) {
		chipset->region->map(context, segment->copy, address, RAM_PRIORITY);
	} else if (mode != 0) {
		/* Without WE writes go to PCI, where a ROM does not mind them. */
		chipset->region->set_readonly(context, segment->ram, (mode & PAM_WRITE) == 0);
		chipset->region->map(context, segment->ram, address, RAM_PRIORITY);
	}
	segment->mode = mode;
}

/* SMRAM in segment A is seen with D_OPEN, or in system management mode; D_CLS leaves it to code only, which this bus
 * cannot tell from data, so it is as if data were not asked for there. */
static uint32_t smram_visible(const struct chipset *chipset)
{
	uint32_t smram = chipset->host_bridge.config[SMRAM];
	if ((smram & G_SMRAME) == 0 || (smram & C_BASE_SEG) != SEGMENT_A)
		return 0;
	return (smram & D_OPEN) != 0 || chipset->smiact != 0;
}

void pam_update(struct chipset *chipset)
{
	void *context = chipset->host->context;
	chipset->region->begin(context);
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		uint32_t mode = segment_mode(chipset, i);
		if (mode != chipset->segments[i].mode)
			segment_place(chipset, i, mode);
	}
	if (smram_visible(chipset))
		chipset->region->map(context, chipset->smram, VGA_WINDOW, RAM_PRIORITY);
	else
		chipset->region->unmap(context, chipset->smram);
	chipset->region->commit(context);
}

void pam_smiact(struct chipset *chipset, uint32_t level)
{
	chipset->smiact = level;
	pam_update(chipset);
}

/*
 * SeaBIOS looks for a 440FX of QEMU's; operating systems and their users know VMware's 440BX.  A BIOS has done its work
 * when it write-protects its shadow: from then on the bridge has its other name, until it is reset.
 */
static void identity_update(struct chipset *chipset)
{
	struct vmm_pci *pci = &chipset->host_bridge;
	if (!chipset->shows_440bx)
		return;
	vmm_pci_set(pci, VMM_PCI_DEVICE_ID, 2, chipset->post_done ? 0x7190 : 0x1237);
	vmm_pci_set(pci, VMM_PCI_REVISION_ID, 1, chipset->post_done ? 0x01 : 0x02);
	vmm_pci_set(pci, VMM_PCI_SUBSYSTEM_VENDOR, 2, chipset->post_done ? 0x15ad : 0x1af4);
	vmm_pci_set(pci, VMM_PCI_SUBSYSTEM_ID, 2, chipset->post_done ? 0x1976 : 0x1100);
}

static void config_written(void *self, uint32_t offset, uint32_t size)
{
	struct chipset *chipset = self;
	uint8_t *smram = &chipset->host_bridge.config[SMRAM];
	if (offset <= SMRAM && offset + size > SMRAM) {
		/* Once D_LCK is set only a reset changes the register, and D_OPEN is off (3.2.19). */
		if (chipset->smram_locked) {
			*smram = chipset->smram_locked;
		} else if ((*smram & D_LCK) != 0) {
			*smram &= (uint8_t)~D_OPEN;
			chipset->smram_locked = *smram;
		}
	}
	if (offset < PAM0 + 7 && offset + size > PAM0 && chipset->segments[0].mode == (PAM_READ | PAM_WRITE) &&
		segment_mode(chipset, 0) == PAM_READ && !chipset->post_done) {
		chipset->post_done = 1;
		identity_update(chipset);
	}
	if (offset <= SMRAM && offset + size > PAM0)
		pam_update(chipset);
}

static int32_t region_create(struct chipset *chipset, const struct vmm_region_desc *given, uint64_t length,
	uint64_t token, vmm_handle *region)
{
	struct vmm_region_desc desc = *given;
	desc.struct_size = sizeof(desc);
	desc.length = length;
	desc.token = token;
	desc.self = chipset;
	return chipset->region->create(chipset->host->context, &desc, region);
}

int32_t pam_init(struct chipset *chipset)
{
	static const struct vmm_region_desc hole = {
		.type = VMM_REGION_MMIO, .size_minimum = 1, .size_maximum = 8, .ops = &hole_ops, .name = "open bus"
	};
	static const struct vmm_region_desc copy = {
		.type = VMM_REGION_MMIO, .size_minimum = 1, .size_maximum = 8, .ops = &copy_ops, .name = "shadow copy"
	};
	struct vmm_region_desc ram = { .type = VMM_REGION_ALIAS, .name = "shadow RAM" };
	void *context = chipset->host->context;
	int32_t status = region_create(chipset, &hole, 0x100000 - VGA_WINDOW, 0, &chipset->hole);
	if (status >= 0)
		status = chipset->region->map(context, chipset->hole, VGA_WINDOW, PCI_PRIORITY);
	for (uint32_t i = 0; i < SEGMENTS && status >= 0; i++) {
		ram.target_offset = segment_address(i);
		status = region_create(chipset, &ram, segment_length(i), i, &chipset->segments[i].ram);
		if (status >= 0)
			status = region_create(chipset, &copy, segment_length(i), i, &chipset->segments[i].copy);
	}
	ram.target_offset = VGA_WINDOW;
	ram.name = "SMRAM";
	if (status >= 0)
		status = region_create(chipset, &ram, VGA_LENGTH, 0, &chipset->smram);
	chipset->shows_440bx = vmm_kit_choice(chipset->host, "identity") == 0;
	chipset->host_bridge.written = config_written;
	chipset->host_bridge.written_self = chipset;
	return status;
}

/* After the bridge's registers have been reset. */
void pam_reset(struct chipset *chipset, uint32_t kind)
{
	if (kind != VMM_RESET_WAKE)
		chipset->smram_locked = 0;
	chipset->smiact = 0;
	chipset->post_done = 0;
	pam_update(chipset);
}

void pam_loaded(struct chipset *chipset)
{
	identity_update(chipset);
	pam_update(chipset);
}

void pam_destroy(struct chipset *chipset)
{
	void *context = chipset->host->context;
	for (uint32_t i = 0; i < SEGMENTS; i++) {
		if (chipset->segments[i].copy != 0)
			chipset->region->destroy(context, chipset->segments[i].copy);
		if (chipset->segments[i].ram != 0)
			chipset->region->destroy(context, chipset->segments[i].ram);
	}
	if (chipset->smram != 0)
		chipset->region->destroy(context, chipset->smram);
	if (chipset->hole != 0)
		chipset->region->destroy(context, chipset->hole);
}
