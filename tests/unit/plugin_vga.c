/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The VGA: registers, text modes, viewers, state.
 */
#include "vga_fixture.h"

START_TEST(identity)
{
	setup();
	ck_assert_uint_eq(config_get(0, 4), 0x11111234);
	ck_assert_uint_eq(config_get(8, 4) >> 8, 0x030000);
	config(0x10, 4, 0xffffffff);
	ck_assert_uint_eq(config_get(0x10, 4), 0xff000008);
	config(0x10, 4, (uint32_t)LFB);
	/* The ROM answers while it is on, with a sum of 0. */
	config(0x30, 4, (uint32_t)ROM | 1);
	uint8_t rom[65536];
	uint8_t sum = 0;
	for (uint32_t i = 0; i < sizeof(rom); i++)
		rom[i] = (uint8_t)peek(ROM + i);
	ck_assert_uint_eq(rom[0], 0x55);
	for (uint32_t i = 0; i < rom[2] * 512u; i++)
		sum = (uint8_t)(sum + rom[i]);
	ck_assert_uint_eq(sum, 0);
	uint32_t pcir = rom[0x18] | (uint32_t)rom[0x19] << 8;
	ck_assert_int_eq(memcmp(&rom[pcir], "PCIR\x34\x12\x11\x11", 8), 0);
	/* Ports and window answer by the command register only. */
	mode_set(&mode03);
	ck_assert_uint_eq(fake_in(fake, 0x3cc, 1), 0x67);
	poke(0xb8000, 'x');
	ck_assert_uint_eq(peek(0xb8000), 'x');
	config(4, 2, 2);
	ck_assert_uint_eq(fake_in(fake, 0x3cc, 1), 0xff);
	ck_assert_uint_eq(peek(0xb8000), 'x');
	config(4, 2, 1);
	ck_assert_uint_eq(fake_in(fake, 0x3cc, 1), 0x67);
	poke(0xb8000, 'y'); /* to what lies below */
	config(4, 2, 3);
	ck_assert_uint_eq(peek(0xb8000), 'x');
	/* Monochrome addresses. */
	fake_out(fake, 0x3c2, 1, 0x66);
	ck_assert_uint_eq(fake_in(fake, 0x3d5, 1), 0xff);
	fake_out(fake, 0x3b4, 1, 1);
	ck_assert_uint_eq(fake_in(fake, 0x3b5, 1), 0x4f);
	teardown();
}
END_TEST

START_TEST(registers)
{
	setup();
	mode_set(&mode03);
	for (uint32_t i = 0; i < 25; i++) {
		fake_out(fake, 0x3d4, 1, i);
		ck_assert_uint_eq(fake_in(fake, 0x3d5, 1), mode03.cr[i]);
	}
	/* CR11 bit 7 protects 0 to 7, but for line compare's bit. */
	out2(0x3d4, 0x11, 0x8e);
	out2(0x3d4, 0, 0x11);
	out2(0x3d4, 7, 0x00);
	fake_out(fake, 0x3d4, 1, 0);
	ck_assert_uint_eq(fake_in(fake, 0x3d5, 1), 0x5f);
	fake_out(fake, 0x3d4, 1, 7);
	ck_assert_uint_eq(fake_in(fake, 0x3d5, 1), 0x0f);
	for (uint32_t i = 0; i < 21; i++) {
		fake_in(fake, 0x3da, 1);
		fake_out(fake, 0x3c0, 1, i | 0x20);
		ck_assert_uint_eq(fake_in(fake, 0x3c1, 1), mode03.ar[i]);
		ck_assert_uint_eq(fake_in(fake, 0x3c0, 1), i | 0x20);
	}
	/* The DAC: three bytes count as one; reads go on by themselves. */
	fake_out(fake, 0x3c8, 1, 5);
	fake_out(fake, 0x3c9, 1, 0x3f);
	fake_out(fake, 0x3c9, 1, 0x3f);
	fake_out(fake, 0x3c7, 1, 5);
	ck_assert_uint_eq(fake_in(fake, 0x3c7, 1), 3);
	ck_assert_uint_eq(fake_in(fake, 0x3c9, 1), 5);
	ck_assert_uint_eq(fake_in(fake, 0x3c9, 1), 15);
	ck_assert_uint_eq(fake_in(fake, 0x3c9, 1), 1);
	ck_assert_uint_eq(fake_in(fake, 0x3c9, 1), 6);
	teardown();
}
END_TEST

START_TEST(retrace)
{
	setup();
	mode_set(&mode03);
	uint32_t edges = 0, was = 0, lines = 0, blank_was = 0;
	for (uint32_t i = 0; i < 200000; i++) {
		fake_advance(fake, 5000);
		uint32_t status = fake_in(fake, 0x3da, 1);
		edges += (status & 8) != 0 && !was;
		was = (status & 8) != 0;
		lines += (status & 1) != 0 && !blank_was;
		blank_was = (status & 1) != 0;
	}
	/* 28.322 MHz / (100 * 9) / 449 lines = 70.09 Hz, 400 lines of each are shown. */
	ck_assert_uint_ge(edges, 69);
	ck_assert_uint_le(edges, 71);
	ck_assert_uint_ge(lines, 27000);
	ck_assert_uint_le(lines, 29000);
	teardown();
}
END_TEST

START_TEST(text_mode)
{
	uint16_t cells[80 * 25 + 1];
	text_setup();
	poke(0xb8000 + (80 * 3 + 5) * 2, 'A');
	poke(0xb8000 + (80 * 3 + 5) * 2 + 1, 0x1e);
	struct vmm_display_info info = look_info(&eye);
	ck_assert_uint_eq(info.width, 720);
	ck_assert_uint_eq(info.height, 400);
	ck_assert_uint_eq(info.columns, 80);
	ck_assert_uint_eq(info.rows, 25);
	ck_assert_uint_eq(info.flags, 0);
	look_at(&eye, 1);
	for (uint32_t i = 0; i < 8; i++) {
		for (uint32_t x = 0; x < 9; x++)
			ck_assert_uint_eq(pixel(45 + x, 48 + i), x == i ? colour(0x3e) : colour(1));
	}
	ck_assert_uint_eq(pixel(44, 48), colour(0));
	ck_assert_int_eq(upper->text(eye.self, cells, 2001), 2000);
	ck_assert_uint_eq(cells[80 * 3 + 5], 0x1e41);
	ck_assert_uint_eq(cells[0], 0x0720);
	ck_assert_int_eq(upper->text(eye.self, cells, 10), 10);
	/* Nothing new: nothing drawn.  One cell: nine by sixteen pixels. */
	ck_assert_uint_eq(look_at(&eye, 0), 0);
	poke(0xb8000 + 2 * 100, 'A');
	ck_assert_uint_eq(look_at(&eye, 0), 9 * 16);
	ck_assert_uint_eq(changed.x, 180);
	ck_assert_uint_eq(changed.y, 16);
	/* Line graphics go on into the ninth dot, other characters do not. */
	poke(0xb8000, 0xc4);
	poke(0xb8002, 'B');
	look_at(&eye, 0);
	ck_assert_uint_eq(pixel(7, 7), colour(7));
	ck_assert_uint_eq(pixel(8, 7), colour(7));
	ck_assert_uint_eq(pixel(16, 7), colour(7));
	ck_assert_uint_eq(pixel(17, 7), colour(0));
	attribute(0x10, 0x08);
	look_at(&eye, 0);
	ck_assert_uint_eq(pixel(8, 7), colour(0));
	/* Attribute bit 3 takes the other font. */
	out2(0x3c4, 3, 0x04);
	poke(0xb8000, 'A');
	poke(0xb8001, 0x0f);
	look_at(&eye, 0);
	ck_assert_uint_eq(pixel(0, 0), colour(0));
	ck_assert_uint_eq(pixel(7, 0), colour(0x3f));
	/* A changed font is seen. */
	out2(0x3c4, 2, 4);
	out2(0x3c4, 4, 6);
	out2(0x3ce, 6, 4);
	out2(0x3ce, 5, 0);
	poke(0xa0000 + 0x4000 + 'A' * 32, 0x80);
	out2(0x3ce, 6, 0x0e);
	look_at(&eye, 0);
	ck_assert_uint_eq(pixel(0, 0), colour(0x3f));
	teardown();
}
END_TEST

START_TEST(cursor_and_blink)
{
	text_setup();
	out2(0x3d4, 0x0e, 0);
	out2(0x3d4, 0x0f, 81);
	look_at(&eye, 1);
	uint32_t shown = 0, hidden = 0;
	/* One change each eight frames. */
	for (uint32_t i = 0; i < 70; i++) {
		fake_advance(fake, SECOND / 70);
		uint32_t area = look_at(&eye, 0);
		ck_assert(area == 0 || area == 9 * 16);
		uint32_t on = pixel(9, 16 + 13) == colour(7);
		ck_assert_uint_eq(pixel(9, 16 + 12), colour(0));
		shown += on;
		hidden += !on;
	}
	ck_assert_uint_ge(shown, 25);
	ck_assert_uint_ge(hidden, 25);
	out2(0x3d4, 0x0a, 0x20);
	/* Blinking characters, then bright backgrounds in their place. */
	poke(0xb8000, 'A');
	poke(0xb8001, 0x97);
	shown = 0;
	for (uint32_t i = 0; i < 64; i++) {
		fake_advance(fake, SECOND / 70);
		look_at(&eye, 0);
		ck_assert_uint_eq(pixel(1, 0), colour(1));
		shown += pixel(0, 0) == colour(7);
	}
	ck_assert_uint_ge(shown, 28);
	ck_assert_uint_le(shown, 36);
	attribute(0x10, 0x04);
	look_at(&eye, 0);
	ck_assert_uint_eq(pixel(1, 0), colour(0x39));
	teardown();
}
END_TEST

START_TEST(start_pan_split)
{
	text_setup();
	for (uint32_t i = 0; i < 8; i++)
		poke(0xb8000 + i * 2, 'A');
	poke(0xb8000 + 160 * 2, 'B');
	/* The second line is the first that is shown; panned by a dot. */
	out2(0x3d4, 0x0d, 160);
	attribute(0x13, 0);
	look_at(&eye, 0);
	ck_assert_uint_eq(pixel(6, 7), colour(7));
	ck_assert_uint_eq(pixel(7, 7), colour(0));
	/* From line 200 on memory is shown from 0, without panning if it is asked for. */
	out2(0x3d4, 0x18, 199);
	out2(0x3d4, 0x07, 0x0f);
	out2(0x3d4, 0x09, 0x0f);
	look_at(&eye, 0);
	ck_assert_uint_eq(pixel(0, 200), colour(0));
	ck_assert_uint_eq(pixel(0, 201), colour(7));
	attribute(0x10, 0x2c);
	look_at(&eye, 0);
	ck_assert_uint_eq(pixel(0, 200), colour(7));
	ck_assert_uint_eq(pixel(6, 7), colour(7));
	teardown();
}
END_TEST

START_TEST(two_viewers)
{
	text_setup();
	struct look other = look_new();
	look_at(&eye, 0);
	look_at(&other, 0);
	ck_assert_uint_eq(look_at(&other, 0), 0);
	poke(0xb8000, 'A');
	ck_assert_uint_gt(look_at(&eye, 0), 0);
	ck_assert_uint_eq(look_at(&eye, 0), 0);
	ck_assert_uint_gt(look_at(&other, 0), 0);
	ck_assert_uint_eq(look_at(&other, 0), 0);
	/* Another mode: both are told, and must ask. */
	struct vmm_display_info before = look_info(&eye);
	fake_poll(fake, 0);
	modes = 0;
	mode_set(&mode13);
	fake_poll(fake, 0);
	ck_assert_uint_eq(modes, 2);
	ck_assert_int_eq(upper->update(eye.self, 0, screen, (uint64_t)WIDE * 2048 * 4, WIDE * 4, &changed), -EAGAIN);
	ck_assert_uint_ne(look_info(&eye).serial, before.serial);
	ck_assert_int_eq(upper->update(other.self, 0, screen, (uint64_t)WIDE * 2048 * 4, WIDE * 4, &changed), -EAGAIN);
	ck_assert_int_eq(upper->update(eye.self, 0, screen, 640 * 400 * 4 - 1, 640 * 4, &changed), -EINVAL);
	ck_assert_int_eq(upper->update(eye.self, 0, screen, 640 * 400 * 4, 640 * 4 - 4, &changed), -EINVAL);
	ck_assert_int_eq(upper->update(eye.self, 0, screen, 640 * 400 * 4, 640 * 4, &changed), 0);
	fake_part(fake, other.link);
	/* As many as the row says, and no more. */
	struct look more[16];
	for (uint32_t i = 0; i < 16; i++) {
		more[i] = look_new();
		ck_assert_ptr_nonnull(more[i].link);
	}
	ck_assert_ptr_null(look_new().link);
	for (uint32_t i = 0; i < 16; i++)
		fake_part(fake, more[i].link);
	teardown();
}
END_TEST

START_TEST(blanking)
{
	text_setup();
	out2(0x3c4, 1, 0x20);
	ck_assert_uint_eq(look_info(&eye).flags, VMM_DISPLAY_BLANK);
	look_at(&eye, 1);
	ck_assert_uint_eq(pixel(0, 0), 0);
	out2(0x3c4, 1, 0);
	fake_in(fake, 0x3da, 1);
	fake_out(fake, 0x3c0, 1, 0);
	ck_assert_uint_eq(look_info(&eye).flags, VMM_DISPLAY_BLANK);
	teardown();
}
END_TEST

START_TEST(state)
{
	text_setup();
	poke(0xb8000, 'A');
	look_at(&eye, 1);
	uint32_t *before = malloc(400 * WIDE * 4);
	memcpy(before, screen, 400 * WIDE * 4);
	/* In the middle of an attribute write and of a colour. */
	fake_in(fake, 0x3da, 1);
	fake_out(fake, 0x3c0, 1, 0x31);
	fake_out(fake, 0x3c8, 1, 9);
	fake_out(fake, 0x3c9, 1, 1);
	ck_assert(fake_round_trip(vga));
	fake_out(fake, 0x3c0, 1, 0x2a);
	fake_in(fake, 0x3da, 1);
	fake_out(fake, 0x3c0, 1, 0x31);
	ck_assert_uint_eq(fake_in(fake, 0x3c1, 1), 0x2a);
	fake_out(fake, 0x3c9, 1, 2);
	fake_out(fake, 0x3c9, 1, 3);
	fake_out(fake, 0x3c7, 1, 9);
	ck_assert_uint_eq(fake_in(fake, 0x3c9, 1), 1);
	ck_assert_uint_eq(fake_in(fake, 0x3c9, 1), 2);
	memset(screen, 0x55, 400 * WIDE * 4);
	ck_assert_uint_eq(look_at(&eye, 0), 720 * 400);
	for (uint32_t y = 0; y < 400; y++)
		ck_assert_int_eq(memcmp(&screen[y * WIDE], &before[y * WIDE], 720 * 4), 0);
	free(before);
	/* A damaged state is refused. */
	struct fake_state *saved = fake_save(vga);
	fake_state_field(saved, "dispi")->bytes[10] = 0xff;
	fake_state_field(saved, "dispi")->bytes[11] = 0xff;
	ck_assert_int_lt(fake_load(vga, saved), 0);
	fake_state_free(saved);
	teardown();
}
END_TEST

START_TEST(settings)
{
	fake = fake_new();
	fake_set(fake, "vga0", "memory", "3M");
	fake_set(fake, "vga1", "rom", "/nowhere/rom");
	fake_set(fake, "vga2", "rom", "/etc/passwd");
	fake_set(fake, "vga3", "rom", "");
	static const char *const names[] = { "vga0", "vga1", "vga2" };
	for (uint32_t i = 0; i < 3; i++) {
		struct fake_instance *bad = fake_create(fake, "vga", names[i]);
		ck_assert_int_lt(fake_init(bad), 0);
		ck_assert(fake->cause[0] != '\0');
		fake_destroy(bad);
	}
	fake_add(fake, "vga", "vga3");
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("vga", identity, registers, retrace, text_mode, cursor_and_blink, start_pan_split, two_viewers,
	blanking, state, settings)
