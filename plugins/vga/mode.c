/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What the registers mean: the picture's size and kind, its colours, the CRT controller's counters and timing.
 */
#include "vga.h"

#define SECOND       UINT64_C(1000000000)
#define DISPI_HZ     60 /* DISPI says nothing of timing */
#define BLANK_WIDTH  720
#define BLANK_HEIGHT 400

static uint32_t vertical_end(const struct vga *vga)
{
	return vga->cr[0x12] | (vga->cr[7] & 0x02u) << 7 | (vga->cr[7] & 0x40u) << 3;
}

uint32_t line_compare(const struct vga *vga)
{
	return vga->cr[0x18] | (vga->cr[7] & 0x10u) << 4 | (vga->cr[9] & 0x40u) << 3;
}

static uint32_t char_dots(const struct vga *vga)
{
	return (vga->sr[1] & 0x01) != 0 ? 8 : 9;
}

/* Scan lines of a row of characters, or of pixels. */
static uint32_t row_lines(const struct vga *vga)
{
	uint32_t lines = (vga->cr[9] & 0x1f) + 1u;
	if ((vga->cr[9] & 0x80) != 0)
		lines *= 2;
	if ((vga->cr[0x17] & 0x04) != 0)
		lines *= 2;
	return lines;
}

static void mode_linear(const struct vga *vga, struct mode *mode)
{
	const uint16_t *r = vga->dispi;
	mode->width = r[DISPI_XRES];
	mode->height = r[DISPI_YRES];
	mode->bpp = r[DISPI_BPP];
	mode->pitch = dispi_pitch(vga);
	uint64_t start = (uint64_t)r[DISPI_Y_OFFSET] * mode->pitch;
	if (mode->bpp == 4)
		start += r[DISPI_X_OFFSET] / 8;
	else
		start += (uint64_t)r[DISPI_X_OFFSET] * ((mode->bpp + 7) / 8);
	mode->start = (uint32_t)(start & (vga->memory - 1));
}

void mode_get(const struct vga *vga, struct mode *mode)
{
	memset(mode, 0, sizeof(*mode));
	if ((vga->dispi[DISPI_ENABLE] & DISPI_ENABLED) != 0) {
		mode->kind = KIND_LINEAR;
		/* The attribute controller is not in the way of deep modes; drivers for them leave it alone. */
		mode->blank = (vga->sr[1] & 0x20) != 0;
		mode_linear(vga, mode);
		return;
	}
	mode->blank = (vga->sr[1] & 0x20) != 0 || (vga->ar_index & 0x20) == 0;
	mode->clocks = vga->cr[1] + 1u;
	mode->wide = (vga->sr[1] & 0x08) != 0;
	if ((vga->gr[6] & 1) == 0) {
		mode->kind = KIND_TEXT;
		mode->dots = char_dots(vga);
	} else {
		mode->kind = (vga->gr[5] & 0x40) != 0 ? KIND_PACKED : (vga->gr[5] & 0x20) != 0 ? KIND_CGA : KIND_PLANAR;
		mode->dots = 8;
	}
	mode->width = mode->clocks * mode->dots * (mode->wide ? 2 : 1);
	mode->height = (vertical_end(vga) + 1) * ((vga->cr[0x17] & 0x04) != 0 ? 2 : 1);
	if ((vga->sr[0] & 3) != 3 || (vga->cr[0x17] & 0x80) == 0) {
		/* Held in reset, or no retrace: monitors see nothing. */
		mode->kind = KIND_PLANAR;
		mode->blank = 1;
		mode->width = BLANK_WIDTH;
		mode->height = BLANK_HEIGHT;
	} else if (mode->kind == KIND_TEXT) {
		mode->columns = mode->clocks;
		mode->rows = mode->height / row_lines(vga);
		if (mode->rows == 0)
			mode->rows = 1;
	}
}

static uint32_t dac_colour(const struct vga *vga, uint32_t index)
{
	const uint8_t *rgb = &vga->dac[index * 3];
	uint32_t colour = 0;
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t value = rgb[i];
		if ((vga->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC) == 0)
			value = (value & 0x3f) << 2 | (value & 0x3f) >> 4;
		colour = colour << 8 | value;
	}
	return colour;
}

void mode_colours(struct vga *vga)
{
	if (vga->colours_of == vga->generation)
		return;
	vga->colours_of = vga->generation;
	for (uint32_t i = 0; i < 256; i++)
		vga->colours[i] = dac_colour(vga, i & vga->dac_mask);
	for (uint32_t i = 0; i < 16; i++) {
		uint32_t colour = vga->ar[i & vga->ar[0x12]] & 0x3f;
		if ((vga->ar[0x10] & 0x80) != 0)
			colour = (colour & 0x0f) | (vga->ar[0x14] & 3u) << 4;
		colour |= (vga->ar[0x14] & 0x0cu) << 4;
		vga->palette[i] = vga->colours[colour];
	}
}

/* Frames and lines. */

struct timing {
	uint64_t line, frame;                 /* in ns; a line is never 0 */
	uint64_t shown, retrace, retrace_end; /* lines */
	uint64_t across;                      /* ns of a line that are shown */
};

static void timing_get(const struct vga *vga, struct timing *timing)
{
	uint64_t dot_clock = (vga->misc >> 2 & 3) == 1 ? 28322000 : 25175000;
	uint64_t dots = char_dots(vga) * ((vga->sr[1] & 0x08) != 0 ? 2u : 1u);
	uint64_t clocks = vga->cr[0] + 5u;
	uint64_t lines = (vga->cr[6] | (vga->cr[7] & 0x01u) << 8 | (vga->cr[7] & 0x20u) << 4) + 2;
	if ((vga->dispi[DISPI_ENABLE] & DISPI_ENABLED) != 0) {
		lines = vga->dispi[DISPI_YRES] + vga->dispi[DISPI_YRES] / 20 + 4;
		timing->frame = SECOND / DISPI_HZ;
		timing->line = timing->frame / lines;
		timing->shown = vga->dispi[DISPI_YRES];
		timing->retrace = timing->shown + 1;
		timing->retrace_end = timing->shown + 3;
		timing->across = timing->line * 4 / 5;
		return;
	}
	timing->line = clocks * dots * SECOND / dot_clock;
	timing->frame = timing->line * lines;
	timing->across = (vga->cr[1] + 1u) * dots * SECOND / dot_clock;
	timing->shown = vertical_end(vga) + 1;
	timing->retrace = vga->cr[0x10] | (vga->cr[7] & 0x04u) << 6 | (vga->cr[7] & 0x80u) << 2;
	/* Retrace ends where the low four bits of the line are those of CR11. */
	timing->retrace_end = timing->retrace + ((vga->cr[0x11] - timing->retrace) & 15);
	if (timing->retrace_end == timing->retrace)
		timing->retrace_end += 16;
	if (timing->retrace >= lines) {
		/* Not programmed sensibly: who waits for a retrace shall see one. */
		timing->retrace = lines - 1;
		timing->retrace_end = lines;
	}
}

uint8_t status_1(struct vga *vga)
{
	struct timing timing;
	timing_get(vga, &timing);
	uint64_t at = vga->timer->now(vga->host->context, VMM_CLOCK_GUEST) % timing.frame;
	uint64_t line = at / timing.line;
	uint32_t blank = line >= timing.shown || at % timing.line >= timing.across;
	uint32_t retrace = line >= timing.retrace && line < timing.retrace_end;
	return (uint8_t)(blank | retrace << 3);
}

uint64_t frame_count(struct vga *vga)
{
	struct timing timing;
	timing_get(vga, &timing);
	return vga->timer->now(vga->host->context, VMM_CLOCK_GUEST) / timing.frame;
}

/* Addresses. */

void scan_begin(const struct vga *vga, struct scan *scan)
{
	memset(scan, 0, sizeof(*scan));
	scan->ma = (uint32_t)vga->cr[0x0c] << 8 | vga->cr[0x0d];
	scan->ma += vga->cr[8] >> 5 & 3; /* byte panning */
	scan->row = vga->cr[8] & 0x1f;   /* preset row scan */
	uint32_t pan = vga->ar[0x13] & 0x0f;
	if ((vga->gr[5] & 0x40) != 0 && (vga->gr[6] & 1) != 0)
		scan->pan = pan & 6; /* two dots a pixel */
	else if (char_dots(vga) == 9 && (vga->gr[6] & 1) == 0)
		scan->pan = pan >= 8 ? 0 : pan + 1;
	else
		scan->pan = pan & 7;
}

void scan_next(const struct vga *vga, struct scan *scan)
{
	scan->y++;
	/* CR17 bit 2: the vertical counter counts every other line. */
	if ((vga->cr[0x17] & 0x04) != 0 && (scan->y & 1) != 0)
		return;
	if (scan->line++ == line_compare(vga)) {
		scan->ma = 0;
		scan->row = 0;
		scan->half = 0;
		if ((vga->ar[0x10] & 0x20) != 0)
			scan->pan = 0;
		return;
	}
	if ((vga->cr[9] & 0x80) != 0) {
		scan->half ^= 1;
		if (scan->half)
			return;
	}
	if (scan->row == (vga->cr[9] & 0x1f)) {
		scan->row = 0;
		scan->ma += vga->cr[0x13] * 2u;
	} else {
		scan->row = (scan->row + 1) & 0x1f;
	}
}

uint32_t scan_clock(const struct vga *vga, uint32_t ma, uint32_t clock)
{
	if ((vga->cr[0x14] & 0x20) != 0)
		clock >>= 2;
	else if ((vga->cr[0x17] & 0x08) != 0)
		clock >>= 1;
	return (ma + clock) & 0xffff;
}

uint32_t scan_address(const struct vga *vga, uint32_t ma, uint32_t row)
{
	uint32_t address = ma;
	if ((vga->cr[0x14] & 0x40) != 0)
		address = (ma << 2 & 0xfffc) | (ma >> 14 & 3);
	else if ((vga->cr[0x17] & 0x40) == 0)
		address = (ma << 1 & 0xfffe) | (ma >> ((vga->cr[0x17] & 0x20) != 0 ? 15 : 13) & 1);
	/* Row scan bits in place of address bits 13 and 14, as in a CGA and a Hercules. */
	if ((vga->cr[0x17] & 0x01) == 0)
		address = (address & ~0x2000u) | (row & 1) << 13;
	if ((vga->cr[0x17] & 0x02) == 0)
		address = (address & ~0x4000u) | (row >> 1 & 1) << 14;
	return address & 0xffff;
}
