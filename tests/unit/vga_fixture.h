/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * For the tests of the VGA: modes are programmed as a BIOS does, and the picture is looked at.
 */
#ifndef VGA_FIXTURE_H
#define VGA_FIXTURE_H

#include <errno.h>
#include <string.h>

#include <vmm/port-display.h>
#include <vmm/port-pci.h>

#include "plugin_test.h"

#define LFB    UINT64_C(0xe0000000)
#define MMIO   UINT64_C(0xe8000000)
#define ROM    UINT64_C(0xe9000000)
#define SECOND UINT64_C(1000000000)
#define SLOT   2
#define WIDE   2048

struct registers {
	uint8_t misc, sr[5], cr[25], gr[9], ar[21];
};

#define AR_16 0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f
#define AR_ID 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15

static const struct registers mode03 = { 0x67, { 3, 0, 3, 0, 2 },
	{ 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x1f,
		0x96, 0xb9, 0xa3, 0xff },
	{ 0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff }, { AR_16, 0x0c, 0, 0x0f, 8, 0 } };
static const struct registers mode13 = { 0x63, { 3, 1, 15, 0, 0x0e },
	{ 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0x40, 0x96,
		0xb9, 0xa3, 0xff },
	{ 0, 0, 0, 0, 0, 0x40, 5, 15, 0xff }, { AR_ID, 0x41, 0, 15, 0, 0 } };
static const struct registers mode12 = { 0xe3, { 3, 1, 15, 0, 6 },
	{ 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf, 0x28, 0, 0xe7, 4,
		0xe3, 0xff },
	{ 0, 0, 0, 0, 0, 0, 5, 15, 0xff }, { AR_ID, 1, 0, 15, 0, 0 } };
static const struct registers mode04 = { 0x63, { 3, 9, 3, 0, 2 },
	{ 0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x14, 0, 0x96,
		0xb9, 0xa2, 0xff },
	{ 0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff }, { AR_ID, 1, 0, 3, 0, 0 } };
static const struct registers mode06 = { 0x63, { 3, 1, 1, 0, 6 },
	{ 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28, 0, 0x96,
		0xb9, 0xc2, 0xff },
	{ 0, 0, 0, 0, 0, 0, 0x0d, 0, 0xff }, { AR_ID, 1, 0, 1, 0, 0 } };

static struct fake *fake;
static struct fake_instance *chipset, *vga;
static struct vmm_port_side display;
static const struct vmm_display_upper *upper;
static uint32_t modes; /* how often a viewer was told of another mode */
static uint32_t *screen;
static struct vmm_display_rect changed;

struct look {
	struct fake_link *link;
	void *self;
};
static struct look eye;

static inline void viewer_mode(void *self)
{
	(void)self;
	modes++;
}

static const struct vmm_display_lower viewer = {
	.struct_size = sizeof(viewer),
	.mode = viewer_mode,
};

static inline struct look look_new(void)
{
	const struct vmm_port_side side = { .struct_size = sizeof(side), .table = &viewer };
	struct look look;
	look.link = fake_join_sides(fake, &display, &side, VMM_PORT_DISPLAY, 0);
	look.self = look.link != NULL ? look.link->lower.peer_self : NULL;
	return look;
}

static inline void config(uint32_t offset, uint32_t size, uint32_t value)
{
	fake_out(fake, 0xcf8, 4, 0x80000000 | SLOT << 11 | (offset & 0xfc));
	fake_out(fake, 0xcfc + (offset & 3), size, value);
}

static inline uint32_t config_get(uint32_t offset, uint32_t size)
{
	fake_out(fake, 0xcf8, 4, 0x80000000 | SLOT << 11 | (offset & 0xfc));
	return fake_in(fake, 0xcfc + (offset & 3), size);
}

static inline void setup(void)
{
	fake = fake_new();
	chipset = fake_add(fake, "chipset-i440", "pci0");
	vga = fake_add(fake, "vga", "vga0");
	ck_assert_ptr_nonnull(fake_join(chipset, "pci", vga, "bus", VMM_PORT_PCI, SLOT << 3));
	ck_assert_int_eq(fake_side(vga, "display", &display), 0);
	upper = display.table;
	eye = look_new();
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
	config(0x10, 4, (uint32_t)LFB);
	config(0x18, 4, (uint32_t)MMIO);
	config(4, 2, 3);
	screen = calloc(WIDE * 2048, 4);
}

static inline void teardown(void)
{
	ck_assert(fake_round_trip(vga));
	ck_assert_msg(fake->fault_count == 0, "%s", fake->fault);
	fake_stop(fake);
	fake_free(fake);
	free(screen);
}

static inline void out2(uint32_t port, uint32_t index, uint32_t value)
{
	fake_out(fake, port, 2, index | value << 8);
}

static inline void attribute(uint32_t index, uint32_t value)
{
	fake_in(fake, 0x3da, 1);
	fake_out(fake, 0x3c0, 1, index);
	fake_out(fake, 0x3c0, 1, value);
	fake_out(fake, 0x3c0, 1, 0x20);
}

static inline void mode_set(const struct registers *mode)
{
	fake_out(fake, 0x3c2, 1, mode->misc);
	for (uint32_t i = 0; i < 5; i++)
		out2(0x3c4, i, mode->sr[i]);
	out2(0x3d4, 0x11, 0);
	for (uint32_t i = 0; i < 25; i++)
		out2(0x3d4, i, mode->cr[i]);
	for (uint32_t i = 0; i < 9; i++)
		out2(0x3ce, i, mode->gr[i]);
	for (uint32_t i = 0; i < 21; i++)
		attribute(i, mode->ar[i]);
	fake_out(fake, 0x3c6, 1, 0xff);
	fake_out(fake, 0x3c8, 1, 0);
	for (uint32_t i = 0; i < 256; i++) {
		fake_out(fake, 0x3c9, 1, i & 63);
		fake_out(fake, 0x3c9, 1, i * 3 & 63);
		fake_out(fake, 0x3c9, 1, i >> 2);
	}
}

static inline uint32_t six(uint32_t value)
{
	return (value & 63) << 2 | (value & 63) >> 4;
}

/* What mode_set gave to the DAC. */
static inline uint32_t colour(uint32_t index)
{
	return six(index) << 16 | six(index * 3) << 8 | six(index >> 2);
}

static inline void poke(uint64_t address, uint32_t value)
{
	uint8_t byte = (uint8_t)value;
	fake_write(fake, address, &byte, 1);
}

static inline uint32_t peek(uint64_t address)
{
	uint8_t byte;
	fake_read(fake, address, &byte, 1);
	return byte;
}

static inline struct vmm_display_info look_info(const struct look *look)
{
	struct vmm_display_info info = { .struct_size = sizeof(info) };
	ck_assert_int_eq(upper->info(look->self, &info), 0);
	return info;
}

/* Returns how many pixels a rectangle around the change has. */
static inline uint32_t look_at(const struct look *look, uint32_t full)
{
	look_info(look);
	ck_assert_int_eq(upper->update(look->self, full, screen, (uint64_t)WIDE * 2048 * 4, WIDE * 4, &changed), 0);
	return changed.width * changed.height;
}

static inline uint32_t pixel(uint32_t x, uint32_t y)
{
	return screen[y * WIDE + x];
}

/* Plane 2 at A0000, as a BIOS loads fonts: character 'A' is a slope, C4 a full line at 7, the rest is empty. */
static inline void font_load(void)
{
	out2(0x3c4, 2, 4);
	out2(0x3c4, 4, 6);
	out2(0x3ce, 5, 0);
	out2(0x3ce, 6, 4);
	for (uint32_t i = 0; i < 8; i++)
		poke(0xa0000 + 'A' * 32 + i, 0x80u >> i);
	poke(0xa0000 + 0xc4 * 32 + 7, 0xff);
	poke(0xa0000 + 'B' * 32 + 7, 0xff);
	/* The second font, at 16 KiB, has a dot only. */
	poke(0xa0000 + 0x4000 + 'A' * 32, 0x01);
	out2(0x3c4, 2, 3);
	out2(0x3c4, 4, 2);
	out2(0x3ce, 5, 0x10);
	out2(0x3ce, 6, 0x0e);
}

static inline void text_setup(void)
{
	setup();
	mode_set(&mode03);
	font_load();
	for (uint32_t i = 0; i < 80 * 25; i++) {
		poke(0xb8000 + i * 2, ' ');
		poke(0xb8000 + i * 2 + 1, 0x07);
	}
}

#endif
