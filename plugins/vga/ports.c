/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The VGA's registers: general, sequencer, CRT controller, graphics controller, attribute controller, DAC.
 */
#include "vga.h"

/* What is claimed of 3B0 to 3DF: not 3BC to 3BF, which is a parallel port's. */
static const struct {
	uint16_t port, count;
} ranges[] = { { 0x3b4, 2 }, { 0x3ba, 1 }, { 0x3c0, 16 }, { 0x3d4, 2 }, { 0x3da, 1 } };

#define TOKEN_DISPI 5

/* Which bits exist. */
static const uint8_t sr_mask[SEQUENCER_COUNT] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
static const uint8_t gr_mask[GRAPHICS_COUNT] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };
static const uint8_t cr_mask[CRTC_COUNT] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0x3f, 0x7f,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xef, 0xff };
static const uint8_t ar_mask[ATTRIBUTE_COUNT] = { 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
	0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f };

/* A register that shapes the whole picture. */
static void set(struct vga *vga, uint8_t *at, uint8_t value)
{
	if (*at == value)
		return;
	*at = value;
	picture_changed(vga);
}

static void write_crtc(struct vga *vga, uint8_t value)
{
	uint32_t index = vga->cr_index;
	if (index >= CRTC_COUNT)
		return;
	/* Protected: registers 0 to 7, but for bit 8 of line compare (CR11 bit 7). */
	if ((vga->cr[0x11] & 0x80) != 0 && index <= 7) {
		if (index == 7)
			set(vga, &vga->cr[7], (uint8_t)((vga->cr[7] & ~0x10) | (value & 0x10)));
		return;
	}
	value &= cr_mask[index];
	/* The cursor moves often, and drawing sees by itself where it is. */
	if (index == 0x0a || index == 0x0b || index == 0x0e || index == 0x0f)
		vga->cr[index] = value;
	else
		set(vga, &vga->cr[index], value);
}

static uint8_t read_crtc(const struct vga *vga)
{
	switch (vga->cr_index) {
	case 0x22: return vga->latch[vga->gr[4] & 3];
	case 0x24: return (uint8_t)(vga->ar_data << 7);
	case 0x26: return vga->ar_index;
	default: return vga->cr_index < CRTC_COUNT ? vga->cr[vga->cr_index] : 0;
	}
}

static void write_sequencer(struct vga *vga, uint8_t value)
{
	uint32_t index = vga->sr_index;
	if (index >= SEQUENCER_COUNT)
		return;
	value &= sr_mask[index];
	if (index == 2)
		vga->sr[2] = value; /* the map mask shapes writes only */
	else
		set(vga, &vga->sr[index], value);
}

static void write_graphics(struct vga *vga, uint8_t value)
{
	uint32_t index = vga->gr_index;
	if (index >= GRAPHICS_COUNT)
		return;
	value &= gr_mask[index];
	if (index == 5 || index == 6) {
		/* The write mode is no matter for the picture. */
		if (((vga->gr[index] ^ value) & (index == 5 ? 0x60 : 0x01)) != 0)
			picture_changed(vga);
		vga->gr[index] = value;
		if (index == 6)
			window_update(vga);
	} else {
		vga->gr[index] = value;
	}
}

static void write_attribute(struct vga *vga, uint8_t value)
{
	if (!vga->ar_data)
		set(vga, &vga->ar_index, value & 0x3f);
	else if ((vga->ar_index & 0x1f) < ATTRIBUTE_COUNT)
		set(vga, &vga->ar[vga->ar_index & 0x1f], value & ar_mask[vga->ar_index & 0x1f]);
	vga->ar_data ^= 1;
}

static void write_dac(struct vga *vga, uint8_t value)
{
	vga->dac_cache[vga->dac_phase++] = value;
	if (vga->dac_phase < 3)
		return;
	vga->dac_phase = 0;
	if (memcmp(&vga->dac[vga->dac_write * 3u], vga->dac_cache, 3) != 0) {
		memcpy(&vga->dac[vga->dac_write * 3u], vga->dac_cache, 3);
		picture_changed(vga);
	}
	vga->dac_write++;
}

static uint8_t read_dac(struct vga *vga)
{
	uint8_t value = vga->dac[vga->dac_read * 3u + vga->dac_phase++];
	if (vga->dac_phase == 3) {
		vga->dac_phase = 0;
		vga->dac_read++;
	}
	return (vga->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC) != 0 ? value : value & 0x3f;
}

/* Are these ports where miscellaneous output bit 0 has put them? */
static uint32_t selected(const struct vga *vga, uint32_t port)
{
	return (port & ~0xfu) == 0x3c0 || ((port & ~0xfu) == 0x3d0) == (vga->misc & 1);
}

uint8_t ports_read(struct vga *vga, uint32_t port)
{
	if (!selected(vga, port) || ((vga->enable & 1) == 0 && port != 0x3c3))
		return 0xff;
	switch (port) {
	case 0x3c0: return vga->ar_index;
	case 0x3c1: return (vga->ar_index & 0x1f) < ATTRIBUTE_COUNT ? vga->ar[vga->ar_index & 0x1f] : 0;
	case 0x3c2: return 0x10; /* input status 0: a colour monitor is there; the interrupt is not wired */
	case 0x3c3: return vga->enable;
	case 0x3c4: return vga->sr_index;
	case 0x3c5: return vga->sr_index < SEQUENCER_COUNT ? vga->sr[vga->sr_index] : 0;
	case 0x3c6: return vga->dac_mask;
	case 0x3c7: return vga->dac_state;
	case 0x3c8: return vga->dac_write;
	case 0x3c9: return read_dac(vga);
	case 0x3ca: return vga->feature;
	case 0x3cc: return vga->misc;
	case 0x3ce: return vga->gr_index;
	case 0x3cf: return vga->gr_index < GRAPHICS_COUNT ? vga->gr[vga->gr_index] : 0;
	case 0x3b4:
	case 0x3d4: return vga->cr_index;
	case 0x3b5:
	case 0x3d5: return read_crtc(vga);
	case 0x3ba:
	case 0x3da: vga->ar_data = 0; return status_1(vga);
	default: return 0xff;
	}
}

void ports_write(struct vga *vga, uint32_t port, uint8_t value)
{
	if (!selected(vga, port) || ((vga->enable & 1) == 0 && port != 0x3c3))
		return;
	switch (port) {
	case 0x3c0: write_attribute(vga, value); break;
	case 0x3c2:
		set(vga, &vga->misc, value & 0xef);
		window_update(vga);
		break;
	case 0x3c3:
		vga->enable = value & 1;
		window_update(vga);
		break;
	case 0x3c4: vga->sr_index = value & 0x1f; break;
	case 0x3c5: write_sequencer(vga, value); break;
	case 0x3c6: set(vga, &vga->dac_mask, value); break;
	case 0x3c7:
		vga->dac_read = value;
		vga->dac_phase = 0;
		vga->dac_state = 3;
		break;
	case 0x3c8:
		vga->dac_write = value;
		vga->dac_phase = 0;
		vga->dac_state = 0;
		break;
	case 0x3c9: write_dac(vga, value); break;
	case 0x3ce: vga->gr_index = value & 0x0f; break;
	case 0x3cf: write_graphics(vga, value); break;
	case 0x3b4:
	case 0x3d4: vga->cr_index = value & 0x3f; break;
	case 0x3b5:
	case 0x3d5: write_crtc(vga, value); break;
	case 0x3ba:
	case 0x3da: vga->feature = value & 0x0b; break;
	default: break;
	}
}

static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	(void)size;
	*value = ports_read(self, ranges[token].port + offset);
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	(void)size;
	ports_write(self, ranges[token].port + offset, (uint8_t)value);
	return 0;
}

static const struct vmm_io_ops io_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};

int32_t ports_init(struct vga *vga)
{
	const struct vmm_host *host = vga->host;
	for (uint32_t i = 0; i < VMM_KIT_COUNT(ranges); i++) {
		int32_t status = vga->io->claim(host->context, ranges[i].port, ranges[i].count, VMM_IO_SIZE_1, 0,
			&io_ops, vga, i, &vga->claims[i]);
		if (status < 0)
			return vmm_kit_fail(host, status, "leave one of the two adapters out",
				"the VGA's I/O ports at %#x are taken", ranges[i].port);
	}
	int32_t status = vga->io->claim(host->context, 0x1ce, 3, VMM_IO_SIZE_1 | VMM_IO_SIZE_2, 0, &dispi_ops, vga, 0,
		&vga->claims[TOKEN_DISPI]);
	if (status < 0)
		return vmm_kit_fail(
			host, status, "leave one of the two adapters out", "I/O ports 0x1ce to 0x1d0 are taken");
	ports_decode(vga, 0);
	return 0;
}

void ports_decode(struct vga *vga, uint32_t enabled)
{
	for (uint32_t i = 0; i < VMM_KIT_COUNT(vga->claims); i++)
		vga->io->enable(vga->host->context, vga->claims[i], enabled);
}

void ports_reset(struct vga *vga)
{
	vga->misc = 0;
	vga->feature = 0;
	vga->enable = 1; /* the PCI command register decides */
	vga->sr_index = vga->cr_index = vga->gr_index = vga->ar_index = vga->ar_data = 0;
	memset(vga->sr, 0, sizeof(vga->sr));
	memset(vga->cr, 0, sizeof(vga->cr));
	memset(vga->gr, 0, sizeof(vga->gr));
	memset(vga->ar, 0, sizeof(vga->ar));
	memset(vga->latch, 0, sizeof(vga->latch));
	vga->dac_mask = 0xff;
	vga->dac_state = vga->dac_read = vga->dac_write = vga->dac_phase = 0;
	memset(vga->dac_cache, 0, sizeof(vga->dac_cache));
	memset(vga->dac, 0, sizeof(vga->dac));
}
