/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Text modes: codes in plane 0, attributes in plane 1, the guest's own fonts in plane 2.
 *
 * A page of VRAM holds parts of all planes, so dirty pages do not tell text from fonts; each viewer has a copy of the
 * cells and of plane 2 as it saw them.
 */
#include "vga.h"

#define FONT_BYTES  65536u
#define CELL_CURSOR 0x10000u
#define CELL_HIDDEN 0x20000u

/* Lines of the screen that show one row of characters. */
struct group {
	struct scan first;
	uint32_t lines;
};

/* The group that begins at `scan`, which moves on to the next one. */
static void group_next(const struct vga *vga, const struct mode *mode, struct scan *scan, struct group *group)
{
	group->first = *scan;
	group->lines = 0;
	do {
		uint32_t row = scan->row;
		scan_next(vga, scan);
		group->lines++;
		/* Another row of characters begins where the row scan counter starts afresh. */
		if (scan->ma != group->first.ma || scan->row < row)
			break;
	} while (scan->y < mode->height);
}

static uint32_t code_at(const struct vga *vga, uint32_t ma)
{
	const uint8_t *bytes = &vga->shadow[scan_address(vga, ma, 0) * 4];
	return bytes[0] | (uint32_t)bytes[1] << 8;
}

int32_t text_cells(struct vga *vga, const struct mode *mode, uint16_t *cells, uint32_t count)
{
	struct scan scan;
	uint32_t done = 0;
	scan_begin(vga, &scan);
	for (uint32_t row = 0; row < mode->rows && scan.y < mode->height; row++) {
		struct group group;
		group_next(vga, mode, &scan, &group);
		for (uint32_t column = 0; column < mode->columns; column++) {
			if (done == count)
				return (int32_t)done;
			cells[done++] = (uint16_t)code_at(vga, scan_clock(vga, group.first.ma, column));
		}
	}
	return (int32_t)done;
}

/* Where in plane 2 a character's lines are: attribute bit 3 chooses between two of eight fonts. */
static uint32_t glyph_at(const struct vga *vga, uint32_t cell)
{
	uint32_t map = vga->sr[3];
	uint32_t font = (cell & 0x800) != 0 ? (map >> 2 & 3) | (map >> 3 & 4) : (map & 3) | (map >> 2 & 4);
	uint32_t base = (font & 3) << 14 | (font & 4) << 11;
	return base + (cell & 0xff) * 32;
}

/* The dots of a character's line, the leftmost in the highest of `dots` bits. */
static uint32_t cell_dots(const struct vga *vga, const struct mode *mode, uint32_t cell, uint32_t row)
{
	uint32_t all = (1u << mode->dots) - 1;
	uint32_t start = cell >> 18 & 0x1f;
	uint32_t end = cell >> 23 & 0x1f;
	if ((cell & CELL_CURSOR) != 0 && row >= start && row <= end)
		return all;
	if ((cell & CELL_HIDDEN) != 0)
		return 0;
	if (row == (vga->cr[0x14] & 0x1fu) && (cell & 0x7700) == 0x0100)
		return all;
	uint32_t glyph = vga->shadow[((glyph_at(vga, cell) + row) & 0xffff) * 4 + 2];
	if (mode->dots == 8)
		return glyph;
	/* Line graphics go on into the ninth dot. */
	uint32_t joined = (vga->ar[0x10] & 0x04) != 0 && (cell & 0xe0) == 0xc0;
	return glyph << 1 | (joined ? glyph & 1 : 0);
}

struct painter {
	struct vga *vga;
	const struct mode *mode;
	const struct canvas *canvas;
};

static void cell_draw(const struct painter *painter, const struct group *group, uint32_t column, uint32_t cell)
{
	struct vga *vga = painter->vga;
	const struct mode *mode = painter->mode;
	const struct canvas *canvas = painter->canvas;
	uint32_t attribute = cell >> 8 & 0xff;
	uint32_t blinks = (vga->ar[0x10] & 0x08) != 0;
	uint32_t ink = vga->palette[attribute & 0x0f];
	uint32_t paper = vga->palette[attribute >> 4 & (blinks ? 7 : 15)];
	uint32_t scale = mode->wide ? 2 : 1;
	struct scan scan = group->first;
	/* Panning moves the row to the left: its first cell may begin, and its last end, outside. */
	int64_t left = ((int64_t)column * mode->dots - scan.pan) * scale;
	int64_t right = left + (int64_t)mode->dots * scale;
	uint32_t from = left < 0 ? 0 : (uint32_t)left;
	uint32_t to = right > mode->width ? mode->width : right < 0 ? 0 : (uint32_t)right;
	if (from >= to)
		return;
	for (uint32_t i = 0; i < group->lines; i++) {
		uint32_t dots = cell_dots(vga, mode, cell, scan.row);
		uint32_t *pixels = &canvas->pixels[scan.y * canvas->stride];
		for (uint32_t x = from; x < to; x++) {
			uint32_t dot = (uint32_t)((int64_t)x - left) / scale;
			pixels[x] = (dots >> (mode->dots - 1 - dot) & 1) != 0 ? ink : paper;
		}
		scan_next(vga, &scan);
	}
	canvas_changed(canvas, from, group->first.y, to - from, group->lines);
}

/* Have the fonts changed since this viewer looked? */
static uint32_t font_update(const struct vga *vga, struct viewer *viewer)
{
	uint32_t changed = 0;
	for (uint32_t i = 0; i < FONT_BYTES; i++) {
		uint8_t byte = vga->shadow[i * 4 + 2];
		changed |= (uint32_t)(byte ^ viewer->font[i]);
		viewer->font[i] = byte;
	}
	return changed != 0;
}

static int32_t room(struct viewer *viewer, uint32_t count)
{
	if (viewer->font == NULL)
		viewer->font = calloc(1, FONT_BYTES);
	if (viewer->font == NULL)
		return -ENOMEM;
	if (viewer->cell_count >= count)
		return 0;
	uint32_t *cells = realloc(viewer->cells, count * sizeof(*cells));
	if (cells == NULL)
		return -ENOMEM;
	viewer->cells = cells;
	viewer->cell_count = count;
	return 1;
}

int32_t text_draw(struct vga *vga, struct viewer *viewer, const struct mode *mode, const struct canvas *canvas)
{
	const struct painter painter = { vga, mode, canvas };
	uint32_t full = canvas->full;
	uint32_t dirty = 0;
	struct scan scan;
	struct group group;
	uint32_t groups = 0;
	scan_begin(vga, &scan);
	while (scan.y < mode->height) {
		group_next(vga, mode, &scan, &group);
		groups++;
	}
	int32_t status = room(viewer, groups * (mode->clocks + 1));
	if (status < 0)
		return status;
	if (status > 0)
		full = 1;
	for (uint32_t i = 0; i < LEGACY_PAGES / 64; i++) {
		dirty |= viewer->dirty[i] != 0;
		viewer->dirty[i] = 0;
	}
	if ((dirty || full) && font_update(vga, viewer))
		full = 1;
	uint64_t frame = frame_count(vga);
	uint32_t cursor = UINT32_MAX;
	uint32_t shape = (vga->cr[0x0a] & 0x1fu) << 18 | (vga->cr[0x0b] & 0x1fu) << 23;
	if ((vga->cr[0x0a] & 0x20) == 0 && (frame & 8) == 0)
		cursor = ((uint32_t)vga->cr[0x0e] << 8 | vga->cr[0x0f]) + (vga->cr[0x0b] >> 5 & 3u);
	uint32_t hides = (vga->ar[0x10] & 0x08) != 0 && (frame & 16) != 0;
	uint32_t index = 0;
	scan_begin(vga, &scan);
	while (scan.y < mode->height) {
		group_next(vga, mode, &scan, &group);
		for (uint32_t column = 0; column <= mode->clocks; column++, index++) {
			uint32_t ma = scan_clock(vga, group.first.ma, column);
			uint32_t cell = code_at(vga, ma);
			if (ma == (cursor & 0xffff) && cursor != UINT32_MAX)
				cell |= CELL_CURSOR | shape;
			if (hides && (cell & 0x8000) != 0)
				cell |= CELL_HIDDEN;
			if (!full && viewer->cells[index] == cell)
				continue;
			viewer->cells[index] = cell;
			cell_draw(&painter, &group, column, cell);
		}
	}
	return 0;
}
