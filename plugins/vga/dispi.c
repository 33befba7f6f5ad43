/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The DISPI registers of the Bochs VBE interface, at ports 1CE to 1D0 and in BAR 2, and the rest of BAR 2.
 */
#include "vga.h"

/* Places in BAR 2. */
#define MMIO_VGA    0x400 /* ports 3C0 to 3DF */
#define MMIO_DISPI  0x500 /* registers as words */
#define MMIO_EXTEND 0x600 /* length of the block; byte order of the frame buffer */

static uint32_t depth_bits(uint32_t bpp)
{
	return bpp == 15 ? 16 : bpp;
}

/* Bytes from a line to the next; 4 bits a pixel: in each plane. */
uint32_t dispi_pitch(const struct vga *vga)
{
	uint32_t bpp = vga->dispi[DISPI_BPP];
	if (bpp == 4)
		return (vga->dispi[DISPI_VIRT_WIDTH] + 7u) / 8;
	return vga->dispi[DISPI_VIRT_WIDTH] * depth_bits(bpp) / 8;
}

/* Bring the registers to what this adapter can show. */
void dispi_fix(struct vga *vga)
{
	uint16_t *r = vga->dispi;
	switch (r[DISPI_BPP]) {
	case 4:
	case 8:
	case 15:
	case 16:
	case 24:
	case 32: break;
	default: r[DISPI_BPP] = 8; break;
	}
	if (r[DISPI_XRES] == 0)
		r[DISPI_XRES] = 1;
	if (r[DISPI_XRES] > DISPI_XRES_MAX)
		r[DISPI_XRES] = DISPI_XRES_MAX;
	if (r[DISPI_VIRT_WIDTH] < r[DISPI_XRES])
		r[DISPI_VIRT_WIDTH] = r[DISPI_XRES];
	/* One line at least: the widest has 16000 * 4 bytes, or 65535 * 4 with a virtual width: less than VRAM. */
	uint32_t pitch = dispi_pitch(vga);
	uint32_t bytes = r[DISPI_BPP] == 4 ? vga->memory / 4 : vga->memory;
	uint32_t lines = bytes / (pitch != 0 ? pitch : 1);
	if (lines > 0xffff)
		lines = 0xffff;
	r[DISPI_VIRT_HEIGHT] = (uint16_t)lines;
	uint32_t most = lines < DISPI_YRES_MAX ? lines : DISPI_YRES_MAX;
	if (r[DISPI_YRES] > most)
		r[DISPI_YRES] = (uint16_t)most;
	if (r[DISPI_YRES] == 0)
		r[DISPI_YRES] = 1;
	if (r[DISPI_X_OFFSET] > r[DISPI_VIRT_WIDTH] - r[DISPI_XRES])
		r[DISPI_X_OFFSET] = (uint16_t)(r[DISPI_VIRT_WIDTH] - r[DISPI_XRES]);
	if (r[DISPI_Y_OFFSET] + r[DISPI_YRES] > lines)
		r[DISPI_Y_OFFSET] = (uint16_t)(lines - r[DISPI_YRES]);
}

static void clear(struct vga *vga)
{
	static const uint8_t zeros[65536];
	uint64_t bytes = (uint64_t)dispi_pitch(vga) * vga->dispi[DISPI_YRES];
	if (vga->dispi[DISPI_BPP] == 4)
		bytes *= 4;
	if (bytes > vga->memory)
		bytes = vga->memory;
	for (uint64_t at = 0; at < bytes; at += sizeof(zeros)) {
		uint64_t length = bytes - at < sizeof(zeros) ? bytes - at : sizeof(zeros);
		vga->region->write(vga->host->context, vga->vram, at, zeros, length);
	}
}

static void write_enable(struct vga *vga, uint16_t value)
{
	uint16_t *r = vga->dispi;
	uint32_t was = r[DISPI_ENABLE] & DISPI_ENABLED;
	r[DISPI_ENABLE] = value & (DISPI_ENABLED | DISPI_GETCAPS | DISPI_8BIT_DAC | DISPI_LFB | DISPI_NOCLEAR);
	if ((value & DISPI_ENABLED) != 0 && !was) {
		r[DISPI_VIRT_WIDTH] = 0;
		r[DISPI_X_OFFSET] = 0;
		r[DISPI_Y_OFFSET] = 0;
		dispi_fix(vga);
		if ((value & DISPI_NOCLEAR) == 0)
			clear(vga);
	} else if ((value & DISPI_ENABLED) == 0) {
		r[DISPI_BANK] = 0;
	}
	picture_changed(vga);
	window_update(vga);
}

static void write_register(struct vga *vga, uint32_t index, uint16_t value)
{
	uint16_t *r = vga->dispi;
	uint32_t enabled = r[DISPI_ENABLE] & DISPI_ENABLED;
	switch (index) {
	case DISPI_ID:
		if (value >= DISPI_ID_FIRST && value <= DISPI_ID_LAST)
			r[DISPI_ID] = value;
		break;
	case DISPI_XRES:
		if (value <= DISPI_XRES_MAX)
			r[index] = value;
		break;
	case DISPI_YRES:
		if (value <= DISPI_YRES_MAX)
			r[index] = value;
		break;
	case DISPI_BPP:
		if (value == 0)
			value = 8;
		if (value == 4 || value == 8 || value == 15 || value == 16 || value == 24 || value == 32)
			r[index] = value;
		break;
	case DISPI_ENABLE: write_enable(vga, value); return;
	case DISPI_BANK:
		/* In planar modes each bank has 64 KiB in each plane. */
		if ((uint64_t)value * BANK_LENGTH < (r[DISPI_BPP] == 4 ? vga->memory / 4 : vga->memory)) {
			r[index] = value;
			window_update(vga);
		}
		return;
	case DISPI_VIRT_WIDTH:
	case DISPI_X_OFFSET:
	case DISPI_Y_OFFSET: r[index] = value; break;
	default: return;
	}
	if (enabled) {
		if (r[DISPI_BANK] * BANK_LENGTH >= (r[DISPI_BPP] == 4 ? vga->memory / 4 : vga->memory))
			r[DISPI_BANK] = 0;
		dispi_fix(vga);
		picture_changed(vga);
		window_update(vga); /* the depth decides whether the window is planar */
	}
}

static uint16_t read_register(const struct vga *vga, uint32_t index)
{
	if (index >= DISPI_COUNT)
		return 0;
	if (index == DISPI_MEMORY_64K)
		return (uint16_t)(vga->memory >> 16);
	if ((vga->dispi[DISPI_ENABLE] & DISPI_GETCAPS) != 0) {
		switch (index) {
		case DISPI_XRES: return DISPI_XRES_MAX;
		case DISPI_YRES: return DISPI_YRES_MAX;
		case DISPI_BPP: return 32;
		default: break;
		}
	}
	return vga->dispi[index];
}

/* The index is at 1CE, data at 1CF and, for CPUs that want them aligned, at 1D0.  Bytes reach the low half. */
static int32_t io_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct vga *vga = self;
	(void)token;
	(void)size;
	*value = offset == 0 ? vga->dispi_index : read_register(vga, vga->dispi_index);
	return 0;
}

static int32_t io_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct vga *vga = self;
	(void)token;
	(void)size;
	if (offset == 0)
		vga->dispi_index = (uint16_t)value;
	else
		write_register(vga, vga->dispi_index, (uint16_t)value);
	return 0;
}

const struct vmm_io_ops dispi_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = io_read,
	.write = io_write,
};

static uint32_t extended(const struct vga *vga, uint64_t offset)
{
	switch (offset & ~UINT64_C(3)) {
	case MMIO_EXTEND: return 8;
	case MMIO_EXTEND + 4: return vga->endian_big ? ENDIAN_BIG : ENDIAN_LITTLE;
	default: return 0;
	}
}

static int32_t registers_read(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value)
{
	struct vga *vga = self;
	(void)token;
	*value = 0;
	if (offset >= MMIO_VGA && offset < MMIO_VGA + 0x20) {
		for (uint32_t i = 0; i < size; i++)
			*value |= (uint64_t)ports_read(vga, (uint32_t)(0x3c0 + offset - MMIO_VGA + i)) << (i * 8);
	} else if (offset >= MMIO_DISPI && offset < MMIO_DISPI + DISPI_COUNT * 2) {
		uint32_t index = (uint32_t)(offset - MMIO_DISPI) / 2;
		uint32_t both = read_register(vga, index) | (uint32_t)read_register(vga, index + 1) << 16;
		*value = both >> (offset & 1) * 8;
	} else if (offset >= MMIO_EXTEND) {
		*value = extended(vga, offset) >> (offset & 3) * 8;
	}
	if (size < 4)
		*value &= (UINT64_C(1) << (size * 8)) - 1;
	return 0;
}

static int32_t registers_write(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value)
{
	struct vga *vga = self;
	(void)token;
	if (offset >= MMIO_VGA && offset < MMIO_VGA + 0x20) {
		for (uint32_t i = 0; i < size; i++)
			ports_write(vga, (uint32_t)(0x3c0 + offset - MMIO_VGA + i), (uint8_t)(value >> (i * 8)));
	} else if (offset >= MMIO_DISPI && offset < MMIO_DISPI + DISPI_COUNT * 2 && size >= 2) {
		uint32_t index = (uint32_t)(offset - MMIO_DISPI) / 2;
		write_register(vga, index, (uint16_t)value);
		if (size == 4)
			write_register(vga, index + 1, (uint16_t)(value >> 16));
	} else if (offset == MMIO_EXTEND + 4 && size == 4) {
		uint32_t big = value == ENDIAN_BIG ? 1 : value == ENDIAN_LITTLE ? 0 : vga->endian_big;
		if (big != vga->endian_big)
			picture_changed(vga);
		vga->endian_big = big;
	}
	return 0;
}

const struct vmm_region_ops registers_ops = {
	.struct_size = sizeof(struct vmm_region_ops),
	.read = registers_read,
	.write = registers_write,
};

void dispi_reset(struct vga *vga)
{
	memset(vga->dispi, 0, sizeof(vga->dispi));
	vga->dispi_index = 0;
	vga->dispi[DISPI_ID] = DISPI_ID_LAST;
	vga->dispi[DISPI_BPP] = 8;
	vga->endian_big = 0;
}
