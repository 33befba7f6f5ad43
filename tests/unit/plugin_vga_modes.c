/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The VGA: graphics modes, the planes, DISPI.
 */
#include "vga_fixture.h"

START_TEST(chained_256)
{
	setup();
	mode_set(&mode13);
	ck_assert_uint_eq(look_info(&eye).width, 640);
	ck_assert_uint_eq(look_info(&eye).height, 400);
	ck_assert_uint_eq(look_info(&eye).columns, 0);
	uint16_t cell;
	ck_assert_int_eq(upper->text(eye.self, &cell, 1), -ENOTSUP);
	for (uint32_t y = 0; y < 200; y++) {
		for (uint32_t x = 0; x < 320; x++)
			poke(0xa0000 + y * 320 + x, x + y * 7);
	}
	look_at(&eye, 0);
	for (uint32_t y = 0; y < 400; y++) {
		for (uint32_t x = 0; x < 640; x++)
			ck_assert_uint_eq(pixel(x, y), colour((x / 2 + y / 2 * 7) & 0xff));
	}
	ck_assert_uint_eq(peek(0xa0000 + 100 * 320 + 3), (3 + 700) & 0xff);
	ck_assert_uint_eq(look_at(&eye, 0), 0);
	poke(0xa0000 + 199 * 320 + 319, 1);
	look_at(&eye, 0);
	ck_assert_uint_ge(changed.y + changed.height, 400);
	ck_assert_uint_gt(changed.y, 200);
	/* Unchained (mode X): planes by map mask, 80 bytes a line. */
	out2(0x3c4, 4, 6);
	out2(0x3d4, 0x14, 0);
	out2(0x3d4, 0x17, 0xe3);
	for (uint32_t plane = 0; plane < 4; plane++) {
		out2(0x3c4, 2, 1u << plane);
		for (uint32_t i = 0; i < 80 * 200; i++)
			poke(0xa0000 + i, i * 4 + plane);
	}
	look_at(&eye, 0);
	for (uint32_t y = 0; y < 400; y += 3) {
		for (uint32_t x = 0; x < 640; x++)
			ck_assert_uint_eq(pixel(x, y), colour((y / 2 * 320 + x / 2) & 0xff));
	}
	/* The second page, 16000 bytes on. */
	out2(0x3d4, 0x0c, 16000 >> 8);
	out2(0x3d4, 0x0d, 16000 & 0xff);
	poke(0xa0000 + 16000, 99);
	look_at(&eye, 0);
	ck_assert_uint_eq(pixel(6, 0), colour(99));
	teardown();
}
END_TEST

START_TEST(sixteen_colours)
{
	setup();
	mode_set(&mode12);
	ck_assert_uint_eq(look_info(&eye).width, 640);
	ck_assert_uint_eq(look_info(&eye).height, 480);
	/* Write mode 2: the colour in the low bits, one pixel by bit mask. */
	out2(0x3ce, 5, 2);
	for (uint32_t x = 0; x < 640; x++) {
		out2(0x3ce, 8, 0x80u >> (x & 7));
		peek(0xa0000 + 80 * 479 + x / 8);
		poke(0xa0000 + 80 * 479 + x / 8, x % 13);
	}
	look_at(&eye, 0);
	for (uint32_t x = 0; x < 640; x++)
		ck_assert_uint_eq(pixel(x, 479), colour(x % 13));
	/* Panning brings the next byte in. */
	attribute(0x13, 3);
	look_at(&eye, 0);
	for (uint32_t x = 0; x < 637; x++)
		ck_assert_uint_eq(pixel(x, 479), colour((x + 3) % 13));
	teardown();
}
END_TEST

START_TEST(cga_modes)
{
	setup();
	mode_set(&mode04);
	ck_assert_uint_eq(look_info(&eye).width, 640);
	ck_assert_uint_eq(look_info(&eye).height, 400);
	/* Even lines at 0, odd ones at 2000h, four pixels a byte. */
	poke(0xb8000, 0x1b);
	poke(0xb8001, 0xe4);
	poke(0xba000 + 80, 0xff);
	look_at(&eye, 0);
	for (uint32_t x = 0; x < 16; x++)
		ck_assert_uint_eq(pixel(x, 0), colour(x < 8 ? x / 2 : 7 - x / 2));
	ck_assert_uint_eq(pixel(0, 1), colour(0));
	ck_assert_uint_eq(pixel(2, 1), colour(1));
	ck_assert_uint_eq(pixel(0, 5), colour(0));
	ck_assert_uint_eq(pixel(0, 6), colour(3));
	ck_assert_uint_eq(pixel(7, 7), colour(3));
	mode_set(&mode06);
	for (uint32_t i = 0; i < 0x4000; i++)
		poke(0xb8000 + i, 0);
	poke(0xb8000 + 79, 0x01);
	poke(0xba000, 0x80);
	look_at(&eye, 0);
	ck_assert_uint_eq(pixel(639, 0), colour(1));
	ck_assert_uint_eq(pixel(638, 0), colour(0));
	ck_assert_uint_eq(pixel(0, 2), colour(1));
	ck_assert_uint_eq(pixel(0, 0), colour(0));
	teardown();
}
END_TEST

/* Each plane's byte at A0000. */
static uint32_t planes(void)
{
	uint32_t value = 0;
	for (uint32_t i = 0; i < 4; i++) {
		out2(0x3ce, 4, i);
		value |= peek(0xa0000) << (i * 8);
	}
	return value;
}

static void planes_set(uint32_t value)
{
	out2(0x3ce, 5, 0);
	out2(0x3ce, 1, 0);
	out2(0x3ce, 3, 0);
	out2(0x3ce, 8, 0xff);
	for (uint32_t i = 0; i < 4; i++) {
		out2(0x3c4, 2, 1u << i);
		poke(0xa0000, value >> (i * 8));
	}
	out2(0x3c4, 2, 15);
}

START_TEST(write_modes)
{
	setup();
	mode_set(&mode12);
	planes_set(0x44332211);
	ck_assert_uint_eq(planes(), 0x44332211);
	/* Mode 0: rotate, set/reset by plane, the four functions, bit mask. */
	out2(0x3ce, 3, 1);
	poke(0xa0000, 0x81);
	ck_assert_uint_eq(planes(), 0xc0c0c0c0);
	out2(0x3ce, 0, 0x05);
	out2(0x3ce, 1, 0x0c);
	poke(0xa0000, 0x02);
	ck_assert_uint_eq(planes(), 0x00ff0101);
	static const uint32_t results[4] = { 0x0f0f0f0f, 0x04030201, 0x4f3f2f1f, 0x4b3c2d1e };
	for (uint32_t function = 0; function < 4; function++) {
		planes_set(0x44332211);
		planes();
		out2(0x3ce, 3, function << 3);
		poke(0xa0000, 0x0f);
		ck_assert_uint_eq(planes(), results[function]);
	}
	planes_set(0x44332211);
	planes();
	out2(0x3ce, 8, 0xf0);
	poke(0xa0000, 0xff);
	ck_assert_uint_eq(planes(), 0xf4f3f2f1);
	/* Mode 1 copies latches. */
	planes_set(0x44332211);
	planes();
	out2(0x3ce, 5, 1);
	poke(0xa0001, 0);
	out2(0x3ce, 4, 2);
	ck_assert_uint_eq(peek(0xa0001), 0x33);
	/* Mode 3: set/reset through rotated data as a mask. */
	planes_set(0x44332211);
	planes();
	out2(0x3ce, 5, 3);
	out2(0x3ce, 0, 0x0a);
	poke(0xa0000, 0x0f);
	ck_assert_uint_eq(planes(), 0x4f302f10);
	/* Read mode 1: which pixels have colour 9 in planes 0, 1 and 3? */
	planes_set(0xf0aa0fcc);
	out2(0x3ce, 5, 8);
	out2(0x3ce, 2, 9);
	out2(0x3ce, 7, 0x0b);
	ck_assert_uint_eq(peek(0xa0000), 0xc0);
	out2(0x3ce, 7, 0);
	ck_assert_uint_eq(peek(0xa0000), 0xff);
	/* The four places of the window. */
	out2(0x3ce, 5, 0);
	for (uint32_t map = 0; map < 4; map++) {
		static const uint32_t firsts[4] = { 0xa0000, 0xa0000, 0xb0000, 0xb8000 };
		out2(0x3ce, 6, map << 2 | 1);
		poke(firsts[map], 0x60 + map);
		ck_assert_uint_eq(peek(firsts[map]), 0x60 + map);
		if (map >= 2)
			ck_assert_uint_eq(peek(0xa0000), 0xff);
	}
	/* Memory that miscellaneous output switches off. */
	fake_out(fake, 0x3c2, 1, 0xe1);
	ck_assert_uint_eq(peek(0xb8000), 0xff);
	teardown();
}
END_TEST

static void dispi(uint32_t index, uint32_t value)
{
	fake_out(fake, 0x1ce, 2, index);
	fake_out(fake, 0x1cf, 2, value);
}

static uint32_t dispi_get(uint32_t index)
{
	fake_out(fake, 0x1ce, 2, index);
	return fake_in(fake, 0x1cf, 2);
}

static void dispi_mode(uint32_t width, uint32_t height, uint32_t bpp, uint32_t flags)
{
	dispi(4, 0);
	dispi(1, width);
	dispi(2, height);
	dispi(3, bpp);
	dispi(4, flags | 1);
}

START_TEST(dispi_registers)
{
	setup();
	ck_assert_uint_eq(dispi_get(0), 0xb0c5);
	dispi(0, 0xb0c2);
	ck_assert_uint_eq(dispi_get(0), 0xb0c2);
	dispi(0, 0xb0c9);
	ck_assert_uint_eq(dispi_get(0), 0xb0c2);
	ck_assert_uint_eq(dispi_get(10), 256);
	dispi(4, 2);
	ck_assert_uint_eq(dispi_get(3), 32);
	ck_assert_uint_ge(dispi_get(1), 1920);
	dispi_mode(800, 600, 32, 0x40);
	ck_assert_uint_eq(dispi_get(1), 800);
	ck_assert_uint_eq(dispi_get(6), 800);
	ck_assert_uint_eq(dispi_get(7), (16 << 20) / 3200);
	dispi(3, 17);
	ck_assert_uint_eq(dispi_get(3), 32);
	dispi(6, 1024);
	dispi(8, 5000);
	ck_assert_uint_eq(dispi_get(8), 224);
	dispi(9, 60000);
	ck_assert_uint_eq(dispi_get(9), (16 << 20) / 4096 - 600);
	dispi(5, 256);
	ck_assert_uint_eq(dispi_get(5), 0);
	/* More than there is memory for. */
	dispi_mode(16000, 12000, 32, 0xc0);
	ck_assert_uint_eq(dispi_get(2), (16 << 20) / 64000);
	dispi_mode(0, 0, 0, 0x40);
	ck_assert_uint_eq(look_info(&eye).width, 1);
	/* The same in BAR 2, with the VGA's registers and the byte order. */
	uint16_t word = 640;
	fake_write(fake, MMIO + 0x502, &word, 2);
	ck_assert_uint_eq(dispi_get(1), 640);
	fake_read(fake, MMIO + 0x500, &word, 2);
	ck_assert_uint_eq(word, 0xb0c2);
	poke(MMIO + 0x40e, 3);
	ck_assert_uint_eq(fake_in(fake, 0x3ce, 1), 3);
	uint32_t value;
	fake_read(fake, MMIO + 0x604, &value, 4);
	ck_assert_uint_eq(value, 0x1e1e1e1e);
	value = 0xbebebebe;
	fake_write(fake, MMIO + 0x604, &value, 4);
	fake_read(fake, MMIO + 0x604, &value, 4);
	ck_assert_uint_eq(value, 0xbebebebe);
	fake_read(fake, MMIO + 0x600, &value, 4);
	ck_assert_uint_eq(value, 8);
	teardown();
}
END_TEST

START_TEST(dispi_depths)
{
	static const struct {
		uint32_t bpp, bytes, value, colour, big;
	} depths[] = {
		{ 15, 2, 0x7c1f, 0xff00ff, 0x1f7c },
		{ 16, 2, 0x87e1, 0x84ff08, 0xe187 },
		{ 24, 3, 0x123456, 0x123456, 0x563412 },
		{ 32, 4, 0xff123456, 0x123456, 0x563412ff },
	};
	setup();
	mode_set(&mode03);
	for (uint32_t i = 0; i < 4; i++) {
		dispi_mode(640, 480, depths[i].bpp, 0x40);
		uint64_t at = LFB + (640 * 479 + 639) * depths[i].bytes;
		fake_write(fake, at, &depths[i].value, depths[i].bytes);
		ck_assert_uint_eq(look_info(&eye).height, 480);
		look_at(&eye, 0);
		ck_assert_uint_eq(pixel(639, 479), depths[i].colour);
		ck_assert_uint_eq(pixel(638, 479), 0);
		ck_assert_uint_eq(look_at(&eye, 0), 0);
		fake_write(fake, LFB, &depths[i].value, depths[i].bytes);
		uint32_t area = look_at(&eye, 0);
		ck_assert_uint_gt(area, 0);
		ck_assert_uint_lt(area, 640 * 20);
		uint32_t big = 0xbebebebe;
		fake_write(fake, MMIO + 0x604, &big, 4);
		fake_write(fake, LFB, &depths[i].big, depths[i].bytes);
		look_at(&eye, 0);
		ck_assert_uint_eq(pixel(0, 0), depths[i].colour);
		big = 0x1e1e1e1e;
		fake_write(fake, MMIO + 0x604, &big, 4);
	}
	/* 8 bits, with an 8-bit DAC, a wider line, and an offset; a mode that does not clear. */
	dispi_mode(320, 200, 8, 0x40 | 0x20);
	dispi(6, 512);
	dispi(8, 3);
	dispi(9, 2);
	fake_out(fake, 0x3c8, 1, 7);
	fake_out(fake, 0x3c9, 1, 0x81);
	fake_out(fake, 0x3c9, 1, 0x42);
	fake_out(fake, 0x3c9, 1, 0xc3);
	poke(LFB + 512 * 2 + 3, 7);
	look_at(&eye, 0);
	ck_assert_uint_eq(pixel(0, 0), 0x8142c3);
	dispi_mode(320, 200, 8, 0x40 | 0x80);
	ck_assert_uint_eq(peek(LFB + 512 * 2 + 3), 7);
	dispi_mode(320, 200, 8, 0x40);
	ck_assert_uint_eq(peek(LFB + 512 * 2 + 3), 0);
	/* 4 bits go through the planes. */
	mode_set(&mode12);
	dispi_mode(800, 600, 4, 0);
	out2(0x3ce, 5, 2);
	out2(0x3ce, 8, 0x01);
	peek(0xa0000 + 100 * 599 + 99);
	poke(0xa0000 + 100 * 599 + 99, 11);
	look_at(&eye, 0);
	ck_assert_uint_eq(pixel(799, 599), colour(11));
	ck_assert_uint_eq(pixel(798, 599), colour(0));
	teardown();
}
END_TEST

START_TEST(banks)
{
	setup();
	mode_set(&mode13);
	dispi_mode(1024, 768, 8, 0);
	for (uint32_t bank = 0; bank < 12; bank++) {
		dispi(5, bank);
		poke(0xa0000, 0x10 + bank);
		poke(0xaffff, 0x40 + bank);
	}
	for (uint32_t bank = 0; bank < 12; bank++) {
		ck_assert_uint_eq(peek(LFB + bank * 65536), 0x10 + bank);
		ck_assert_uint_eq(peek(LFB + bank * 65536 + 65535), 0x40 + bank);
	}
	look_at(&eye, 0);
	ck_assert_uint_eq(pixel(1023, 767), colour(0x4b));
	/* Saved and loaded, the bank is where it was. */
	ck_assert(fake_round_trip(vga));
	ck_assert_uint_eq(peek(0xa0000), 0x1b);
	dispi(4, 0);
	ck_assert_uint_eq(look_info(&eye).width, 640);
	teardown();
}
END_TEST

START_TEST(hostile)
{
	setup();
	mode_set(&mode03);
	uint32_t seed = 99;
	uint32_t *big = malloc((size_t)4700 * 2100 * 4);
	for (uint32_t i = 0; i < 3000; i++) {
		seed = seed * 1664525u + 1013904223u;
		uint32_t port = 0x3b4 + (seed >> 8) % 0x27;
		if ((seed & 7) == 0)
			dispi((seed >> 8) % 11, (seed >> 12) & 0x7ff);
		fake_out(fake, port, 1 + (seed >> 30 & 1), seed >> 14);
		poke(0xa0000 + (seed >> 9 & 0x1ffff), seed >> 3);
		peek(0xa0000 + (seed >> 7 & 0x1ffff));
		if (i % 8 != 0)
			continue;
		struct vmm_display_info info = look_info(&eye);
		ck_assert_uint_ge(info.width, 1);
		ck_assert_uint_ge(info.height, 1);
		if ((uint64_t)info.width * info.height > UINT64_C(4700) * 2100)
			continue;
		ck_assert_int_eq(upper->update(eye.self, seed >> 31, big, (uint64_t)info.width * info.height * 4,
					 info.width * 4, &changed),
			0);
	}
	free(big);
	teardown();
}
END_TEST

PLUGIN_TEST_MAIN("vga-modes", chained_256, sixteen_colours, cga_modes, write_modes, dispi_registers, dispi_depths,
	banks, hostile)
