/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The window at A0000 to BFFFF: the graphics controller between the processor and the planes.
 *
 * In linear DISPI modes the window is a bank of VRAM, and an alias of it is mapped.  Otherwise each byte goes through
 * latches and masks (PS/2 Video Subsystem, Graphics Controller).
 */
#include "vga.h"

#define WINDOW_PRIORITY 2
#define BANK_PRIORITY   3

/* Where the 128 KiB are seen, by graphics register 6 bits 3:2. */
static const struct {
	uint32_t first, length;
} maps[4] = { { 0, 0x20000 }, { 0, 0x10000 }, { 0x10000, 0x8000 }, { 0x18000, 0x8000 } };

/* The processor's address in the map.  Returns 0 if nothing is there. */
static uint32_t window_address(const struct vga *vga, uint64_t offset, uint32_t *address)
{
	uint32_t map = vga->gr[6] >> 2 & 3;
	if ((vga->misc & 2) == 0 || offset < maps[map].first || offset - maps[map].first >= maps[map].length)
		return 0;
	*address = (uint32_t)offset - maps[map].first;
	if (dispi_planar(vga))
		*address = (*address & 0xffff) + vga->dispi[DISPI_BANK] * (uint32_t)BANK_LENGTH;
	return 1;
}

/* The place of four planes' bytes in VRAM. */
static uint64_t cell_at(const struct vga *vga, uint32_t offset)
{
	/* A VGA's planes have 64 KiB; with DISPI they share all of VRAM. */
	uint32_t mask = dispi_planar(vga) ? vga->memory / 4 - 1 : 0xffff;
	return (uint64_t)(offset & mask) * 4;
}

static uint32_t chain4_offset(uint32_t address)
{
	return (address & 0xfffc) | (address >> 16 & 3);
}

static uint32_t spread(uint32_t bits)
{
	return ((bits & 1) != 0 ? 0xffu : 0) | ((bits & 2) != 0 ? 0xff00u : 0) | ((bits & 4) != 0 ? 0xff0000u : 0) |
		((bits & 8) != 0 ? 0xff000000u : 0);
}

static uint32_t latches(const struct vga *vga)
{
	return vga->latch[0] | (uint32_t)vga->latch[1] << 8 | (uint32_t)vga->latch[2] << 16 |
		(uint32_t)vga->latch[3] << 24;
}

static uint8_t read_byte(struct vga *vga, uint64_t window_offset)
{
	uint32_t address;
	if (!window_address(vga, window_offset, &address))
		return 0xff;
	uint32_t offset = address;
	uint32_t plane = vga->gr[4];
	if ((vga->sr[4] & 0x08) != 0 && !dispi_planar(vga)) {
		offset = chain4_offset(address);
		plane = address & 3;
	} else if ((vga->gr[5] & 0x10) != 0) {
		offset = address & ~1u;
		plane = (plane & 2) | (address & 1);
	}
	vga->region->read(vga->host->context, vga->vram, cell_at(vga, offset), vga->latch, 4);
	if ((vga->gr[5] & 0x08) == 0)
		return vga->latch[plane];
	/* Read mode 1: a bit for each pixel that has the colour, in the planes that matter. */
	uint32_t differ = (latches(vga) ^ spread(vga->gr[2])) & spread(vga->gr[7]);
	differ |= differ >> 16;
	differ |= differ >> 8;
	return (uint8_t)~differ;
}

static uint8_t rotate(const struct vga *vga, uint8_t value)
{
	uint32_t count = vga->gr[3] & 7;
	return (uint8_t)(value >> count | value << (8 - count));
}

static uint32_t combine(const struct vga *vga, uint32_t data)
{
	switch (vga->gr[3] >> 3 & 3) {
	case 1: return data & latches(vga);
	case 2: return data | latches(vga);
	case 3: return data ^ latches(vga);
	default: return data;
	}
}

/* What a byte from the processor becomes in the four planes. */
static uint32_t write_data(const struct vga *vga, uint8_t value)
{
	uint32_t mask = vga->gr[8] * 0x01010101u;
	uint32_t data;
	switch (vga->gr[5] & 3) {
	case 0: {
		uint32_t set = spread(vga->gr[1]);
		data = (rotate(vga, value) * 0x01010101u & ~set) | (spread(vga->gr[0]) & set);
		break;
	}
	case 1: return latches(vga);
	case 2: data = spread(value & 0x0f); break;
	default:
		data = spread(vga->gr[0]);
		mask &= rotate(vga, value) * 0x01010101u;
		break;
	}
	data = combine(vga, data);
	return (data & mask) | (latches(vga) & ~mask);
}

static void write_byte(struct vga *vga, uint64_t window_offset, uint8_t value)
{
	uint32_t address;
	if (!window_address(vga, window_offset, &address))
		return;
	uint32_t offset = address;
	uint32_t planes = vga->sr[2];
	if ((vga->sr[4] & 0x08) != 0 && !dispi_planar(vga)) {
		offset = chain4_offset(address);
		planes &= 1u << (address & 3);
	} else if ((vga->sr[4] & 0x04) == 0) {
		offset = address & ~1u;
		planes &= (address & 1) != 0 ? 0x0a : 0x05;
	}
	if (planes == 0)
		return;
	uint64_t at = cell_at(vga, offset);
	uint32_t data = write_data(vga, value);
	uint8_t bytes[4];
	if (planes != 0x0f)
		vga->region->read(vga->host->context, vga->vram, at, bytes, 4);
	for (uint32_t plane = 0; plane < 4; plane++) {
		if ((planes & 1u << plane) != 0)
			bytes[plane] = (uint8_t)(data >> (plane * 8));
	}
	vga->region->write(vga->host->context, vga->vram, at, bytes, 4);
}

/* Linear, while no alias could be made. */
static uint32_t linear_at(const struct vga *vga, uint64_t offset, uint64_t *at)
{
	*at = vga->dispi[DISPI_BANK] * BANK_LENGTH + offset;
	return offset < BANK_LENGTH && *at < vga->memory;
}

static int32_t window_read(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value)
{
	struct vga *vga = self;
	(void)token;
	*value = 0;
	for (uint32_t i = 0; i < size; i++) {
		uint8_t byte = 0xff;
		uint64_t at;
		if (!dispi_linear(vga))
			byte = read_byte(vga, offset + i);
		else if (linear_at(vga, offset + i, &at))
			vga->region->read(vga->host->context, vga->vram, at, &byte, 1);
		*value |= (uint64_t)byte << (i * 8);
	}
	return 0;
}

static int32_t window_write(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value)
{
	struct vga *vga = self;
	(void)token;
	for (uint32_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)(value >> (i * 8));
		uint64_t at;
		if (!dispi_linear(vga))
			write_byte(vga, offset + i, byte);
		else if (linear_at(vga, offset + i, &at))
			vga->region->write(vga->host->context, vga->vram, at, &byte, 1);
	}
	return 0;
}

static const struct vmm_region_ops window_ops = {
	.struct_size = sizeof(struct vmm_region_ops),
	.read = window_read,
	.write = window_write,
};

int32_t window_init(struct vga *vga)
{
	const struct vmm_region_desc desc = {
		.struct_size = sizeof(desc),
		.type = VMM_REGION_MMIO,
		.size_minimum = 1,
		.size_maximum = 8,
		.length = WINDOW_LENGTH,
		.ops = &window_ops,
		.self = vga,
		.name = "VGA window",
	};
	return vga->region->create(vga->host->context, &desc, &vga->window);
}

static void bank_drop(struct vga *vga)
{
	if (vga->bank != 0)
		vga->region->destroy(vga->host->context, vga->bank);
	vga->bank = 0;
}

static void bank_show(struct vga *vga, uint32_t bank)
{
	void *context = vga->host->context;
	if (vga->bank != 0 && vga->bank_at == bank)
		return;
	bank_drop(vga);
	const struct vmm_region_desc desc = {
		.struct_size = sizeof(desc),
		.type = VMM_REGION_ALIAS,
		.length = BANK_LENGTH,
		.target = vga->vram,
		.target_offset = bank * BANK_LENGTH,
		.name = "VGA bank",
	};
	vga->bank_at = bank;
	if (vga->region->create(context, &desc, &vga->bank) < 0) {
		vga->bank = 0;
		return;
	}
	if (vga->region->map(context, vga->bank, WINDOW, BANK_PRIORITY) < 0)
		bank_drop(vga);
}

/* The window's mapping follows the command register, the VGA's enable bit, and DISPI. */
void window_update(struct vga *vga)
{
	void *context = vga->host->context;
	uint32_t shown = (vga->pci.config[VMM_PCI_COMMAND] & VMM_PCI_COMMAND_MEMORY) != 0 && (vga->enable & 1) != 0;
	vga->region->begin(context);
	if (shown && !vga->window_mapped)
		vga->window_mapped = vga->region->map(context, vga->window, WINDOW, WINDOW_PRIORITY) >= 0;
	else if (!shown && vga->window_mapped) {
		vga->region->unmap(context, vga->window);
		vga->window_mapped = 0;
	}
	if (shown && dispi_linear(vga))
		bank_show(vga, vga->dispi[DISPI_BANK]);
	else
		bank_drop(vga);
	vga->region->commit(context);
}

void window_free(struct vga *vga)
{
	bank_drop(vga);
	if (vga->window != 0)
		vga->region->destroy(vga->host->context, vga->window);
	vga->window = 0;
}
