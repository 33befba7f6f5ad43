/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Graphics modes: the VGA's shift registers, and the linear frame buffers of DISPI.
 */
#include "vga.h"

static uint32_t is_dirty(const struct viewer *viewer, uint64_t page)
{
	return (viewer->dirty[page / 64] >> (page % 64) & 1) != 0;
}

/* Eight dots of a character clock from the four bytes that were fetched, each an attribute or a DAC index. */
static void shift(enum kind kind, const uint8_t *bytes, uint8_t *dots)
{
	switch (kind) {
	case KIND_PACKED:
		/* A byte is a pixel of two dots. */
		for (uint32_t i = 0; i < 8; i++)
			dots[i] = bytes[i / 2];
		break;
	case KIND_CGA:
		/* Pairs of bits: of planes 0 and 2, then of planes 1 and 3. */
		for (uint32_t i = 0; i < 8; i++) {
			uint32_t down = 6 - i % 4 * 2;
			dots[i] = (uint8_t)((bytes[i / 4] >> down & 3) | (bytes[2 + i / 4] >> down & 3) << 2);
		}
		break;
	default:
		for (uint32_t i = 0; i < 8; i++) {
			uint32_t down = 7 - i;
			dots[i] = (uint8_t)((bytes[0] >> down & 1) | (bytes[1] >> down & 1) << 1 |
				(bytes[2] >> down & 1) << 2 | (bytes[3] >> down & 1) << 3);
		}
		break;
	}
}

static void line_draw(struct vga *vga, const struct mode *mode, const struct scan *scan, uint32_t *pixels)
{
	const uint32_t *colours = mode->kind == KIND_PACKED ? vga->colours : vga->palette;
	uint32_t scale = mode->wide ? 2 : 1;
	uint32_t x = 0;
	/* One clock more, for what panning brings in from the right. */
	for (uint32_t clock = 0; clock <= mode->clocks && x < mode->width; clock++) {
		uint32_t address = scan_address(vga, scan_clock(vga, scan->ma, clock), scan->row);
		uint8_t dots[8];
		shift(mode->kind, &vga->shadow[address * 4], dots);
		for (uint32_t i = clock == 0 ? scan->pan : 0; i < 8; i++) {
			for (uint32_t k = 0; k < scale && x < mode->width; k++)
				pixels[x++] = colours[dots[i]];
		}
	}
}

/* Was anything written that the line shows? */
static uint32_t line_dirty(
	const struct vga *vga, const struct viewer *viewer, const struct mode *mode, const struct scan *scan)
{
	uint64_t last = UINT64_MAX;
	for (uint32_t clock = 0; clock <= mode->clocks; clock++) {
		uint64_t page = scan_address(vga, scan_clock(vga, scan->ma, clock), scan->row) * 4 / PAGE;
		if (page != last && is_dirty(viewer, page))
			return 1;
		last = page;
	}
	return 0;
}

void graphics_draw(struct vga *vga, struct viewer *viewer, const struct mode *mode, const struct canvas *canvas)
{
	uint32_t dirty = canvas->full;
	for (uint32_t i = 0; i < LEGACY_PAGES / 64; i++)
		dirty |= viewer->dirty[i] != 0;
	if (!dirty)
		return;
	struct scan scan;
	for (scan_begin(vga, &scan); scan.y < mode->height; scan_next(vga, &scan)) {
		if (!canvas->full && !line_dirty(vga, viewer, mode, &scan))
			continue;
		line_draw(vga, mode, &scan, &canvas->pixels[scan.y * canvas->stride]);
		canvas_changed(canvas, 0, scan.y, mode->width, 1);
	}
	for (uint32_t i = 0; i < LEGACY_PAGES / 64; i++)
		viewer->dirty[i] = 0;
}

/* Linear modes. */

/* Bytes of VRAM from `at`, which wraps. */
static void vram_read(struct vga *vga, uint64_t at, uint8_t *data, uint64_t length)
{
	while (length > 0) {
		at &= vga->memory - 1;
		uint64_t piece = vga->memory - at < length ? vga->memory - at : length;
		vga->region->read(vga->host->context, vga->vram, at, data, piece);
		at += piece;
		data += piece;
		length -= piece;
	}
}

static uint32_t span_dirty(const struct vga *vga, const struct viewer *viewer, uint64_t at, uint64_t length)
{
	uint64_t mask = vga->memory - 1;
	for (uint64_t page = at / PAGE; page <= (at + length - 1) / PAGE; page++) {
		if (is_dirty(viewer, (page * PAGE & mask) / PAGE))
			return 1;
	}
	return 0;
}

static uint32_t scale5(uint32_t value)
{
	return (value & 0x1f) << 3 | (value & 0x1f) >> 2;
}

static uint32_t scale6(uint32_t value)
{
	return (value & 0x3f) << 2 | (value & 0x3f) >> 4;
}

static uint32_t word(const struct vga *vga, const uint8_t *bytes)
{
	return vga->endian_big ? (uint32_t)bytes[0] << 8 | bytes[1] : (uint32_t)bytes[1] << 8 | bytes[0];
}

static void pixels_convert(const struct vga *vga, const struct mode *mode, const uint8_t *line, uint32_t *pixels)
{
	uint32_t big = vga->endian_big;
	for (uint32_t x = 0; x < mode->width; x++) {
		const uint8_t *at = line;
		uint32_t value;
		switch (mode->bpp) {
		case 8: pixels[x] = vga->colours[line[x]]; break;
		case 15:
			value = word(vga, &line[x * 2]);
			pixels[x] = scale5(value >> 10) << 16 | scale5(value >> 5) << 8 | scale5(value);
			break;
		case 16:
			value = word(vga, &line[x * 2]);
			pixels[x] = scale5(value >> 11) << 16 | scale6(value >> 5) << 8 | scale5(value);
			break;
		case 24:
			at = &line[x * 3];
			pixels[x] = big ? (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2]
					: (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
			break;
		default:
			at = &line[x * 4];
			pixels[x] = big ? (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
					: (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
			break;
		}
	}
}

static void planes_convert(
	const struct vga *vga, const struct mode *mode, const uint8_t *line, uint32_t pan, uint32_t *pixels)
{
	for (uint32_t x = 0; x < mode->width; x++) {
		uint8_t dots[8];
		shift(KIND_PLANAR, &line[(x + pan) / 8 * 4], dots);
		pixels[x] = vga->palette[dots[(x + pan) % 8]];
	}
}

void linear_draw(struct vga *vga, struct viewer *viewer, const struct mode *mode, const struct canvas *canvas)
{
	uint32_t planar = mode->bpp == 4;
	uint32_t pan = planar ? vga->dispi[DISPI_X_OFFSET] & 7 : 0;
	uint32_t unit = planar ? 4 : 1; /* bytes of VRAM a byte of a plane stands for */
	uint64_t length = planar ? ((uint64_t)mode->width + pan + 7) / 8 * 4
				 : (uint64_t)mode->width * ((mode->bpp + 7) / 8);
	uint32_t dirty = canvas->full;
	for (uint32_t i = 0; i < vga->words; i++)
		dirty |= viewer->dirty[i] != 0;
	if (!dirty)
		return;
	for (uint32_t y = 0; y < mode->height; y++) {
		uint64_t at = (mode->start + (uint64_t)y * mode->pitch) * unit & (vga->memory - 1);
		if (!canvas->full && !span_dirty(vga, viewer, at, length))
			continue;
		uint32_t *pixels = &canvas->pixels[y * canvas->stride];
		vram_read(vga, at, vga->line, length);
		if (planar)
			planes_convert(vga, mode, vga->line, pan, pixels);
		else
			pixels_convert(vga, mode, vga->line, pixels);
		canvas_changed(canvas, 0, y, mode->width, 1);
	}
	memset(viewer->dirty, 0, vga->words * sizeof(*viewer->dirty));
}
