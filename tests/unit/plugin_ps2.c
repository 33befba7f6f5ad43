/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The keyboard controller with its keyboard and mouse, against IBM's technical references.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vmm/port-input.h>

#include "plugin_test.h"

#define MS UINT64_C(1000000)

enum { LEFT_CONTROL = 0xe0, RIGHT_CONTROL = 0xe4, KEY_A = 0x04, PRINT = 0x46, PAUSE = 0x48, RIGHT_ARROW = 0x4f };

static struct fake *fake;
static struct fake_instance *ps2;
static const struct vmm_input_upper *input;
static void *input_self;
static uint32_t leds;

static void peer_leds(void *self, uint32_t value)
{
	(void)self;
	leds = value;
}

static const struct vmm_input_lower peer_table = {
	.struct_size = sizeof(struct vmm_input_lower),
	.leds = peer_leds,
};

static uint8_t status(void)
{
	return (uint8_t)fake_in(fake, 0x64, 1);
}

static void command(uint32_t value)
{
	fake_out(fake, 0x64, 1, value);
}

static void data(uint32_t value)
{
	fake_out(fake, 0x60, 1, value);
}

/* The next byte, or -1 if none comes. */
static int32_t next(void)
{
	for (uint32_t i = 0; i < 5; i++) {
		if ((status() & 1) != 0)
			return (int32_t)fake_in(fake, 0x60, 1);
		fake_advance(fake, MS);
	}
	return -1;
}

static void drain(void)
{
	while (next() >= 0)
		;
}

static void expect(const char *bytes)
{
	char got[256] = "";
	char *at = got;
	for (int32_t byte; (byte = next()) >= 0 && at < got + sizeof(got) - 4;)
		at += sprintf(at, "%s%02x", at == got ? "" : " ", (unsigned)byte);
	ck_assert_str_eq(got, bytes);
}

static void setup(uint32_t ccb)
{
	struct vmm_port_side side;
	const struct vmm_port_side lower = { .struct_size = sizeof(lower), .table = &peer_table };
	fake = fake_new();
	ps2 = fake_add(fake, "ps2-8042", "ps2");
	ck_assert_int_eq(fake_side(ps2, "input", &side), 0);
	input = side.table;
	input_self = side.self;
	leds = UINT32_MAX;
	ck_assert_ptr_nonnull(fake_join_sides(fake, &side, &lower, VMM_PORT_INPUT, 0));
	fake_reset(fake, VMM_RESET_POWER);
	command(0x60);
	data(ccb);
	drain(); /* the devices' own tests */
}

static void key(uint32_t usage, uint32_t down)
{
	ck_assert_int_eq(input->key(input_self, usage, down), 0);
}

static void move(int32_t dx, int32_t dy, int32_t dz, uint32_t buttons)
{
	ck_assert_int_eq(input->pointer(input_self, dx, dy, dz, buttons), 0);
}

static void mouse(uint32_t byte)
{
	command(0xd4);
	data(byte);
}

START_TEST(power_on)
{
	fake = fake_new();
	ps2 = fake_add(fake, "ps2-8042", "ps2");
	fake_reset(fake, VMM_RESET_POWER);
	ck_assert_uint_eq(status() & 0x05, 0);
	ck_assert_int_eq(next(), -1); /* both clocks are held */
	ck_assert(fake_round_trip(ps2));
	command(0xaa);
	ck_assert_int_eq(next(), 0x55);
	ck_assert_uint_eq(status() & 0x04, 0x04);
	command(0xae);
	expect("aa");
	command(0xa8);
	expect("aa 00");
	fake_free(fake);
}
END_TEST

START_TEST(controller_commands)
{
	setup(0x30);
	ck_assert_uint_eq(status() & 0x08, 0); /* the last write was data */
	command(0xab);
	ck_assert_uint_eq(status() & 0x09, 0x09);
	ck_assert_int_eq(next(), 0x00);
	command(0xa9);
	ck_assert_int_eq(next(), 0x00);
	command(0xa4);
	ck_assert_int_eq(next(), 0xf1);
	command(0xc0);
	ck_assert_uint_eq((uint32_t)next() & 0x80, 0x80); /* not locked */
	command(0x20);
	ck_assert_int_eq(next(), 0x30);
	command(0xa8);
	command(0x20);
	ck_assert_int_eq(next(), 0x10);
	command(0xae);
	command(0xa7);
	command(0x20);
	ck_assert_int_eq(next(), 0x20);
	command(0xad);
	command(0x20);
	ck_assert_int_eq(next(), 0x30);
	for (uint32_t i = 1; i < 32; i++) {
		command(0x60 + i);
		data(i * 3);
	}
	for (uint32_t i = 1; i < 32; i++) {
		command(0x20 + i);
		ck_assert_int_eq(next(), (int32_t)(i * 3));
	}
	ck_assert(fake_round_trip(ps2));
	/* Bytes put into the output buffer as if a device had sent them, with its interrupt. */
	command(0x60);
	data(0x33);
	command(0xd2);
	data(0x5a);
	ck_assert_uint_eq(status() & 0x21, 0x01);
	ck_assert_uint_eq(fake->line_level[1], 1);
	ck_assert_uint_eq(fake->line_level[12], 0);
	ck_assert_int_eq(next(), 0x5a);
	ck_assert_uint_eq(fake->line_level[1], 0);
	command(0xd3);
	data(0xa5);
	ck_assert_uint_eq(status() & 0x21, 0x21);
	ck_assert_uint_eq(fake->line_level[12], 1);
	ck_assert_uint_eq(fake->line_level[1], 0);
	ck_assert_int_eq(next(), 0xa5);
	ck_assert_uint_eq(fake->line_level[12], 0);
	/* Without the enables there is no interrupt. */
	command(0x60);
	data(0x30);
	command(0xd2);
	data(0x5a);
	ck_assert_uint_eq(fake->line_level[1], 0);
	fake_free(fake);
}
END_TEST

START_TEST(a20_and_reset)
{
	setup(0x30);
	ck_assert_uint_eq(fake->a20[0], 1);
	command(0xd0);
	uint32_t output = (uint32_t)next();
	ck_assert_uint_eq(output & 0x03, 0x03);
	command(0xd1);
	data(output & ~2u);
	ck_assert_uint_eq(fake->a20[0], 0);
	ck_assert(fake_round_trip(ps2));
	ck_assert_uint_eq(fake->a20[0], 0);
	command(0xd0);
	ck_assert_uint_eq((uint32_t)next() & 0x03, 0x01);
	command(0xdf);
	ck_assert_uint_eq(fake->a20[0], 1);
	command(0xdd);
	ck_assert_uint_eq(fake->a20[0], 0);
	ck_assert_uint_eq(fake->cpu_init_count, 0);
	command(0xff); /* pulses nothing */
	ck_assert_uint_eq(fake->cpu_init_count, 0);
	command(0xfe);
	ck_assert_uint_eq(fake->cpu_init_count, 1);
	command(0xd1);
	data(0xfe);
	ck_assert_uint_eq(fake->cpu_init_count, 2);
	fake_reset(fake, VMM_RESET_HARD);
	ck_assert_uint_eq(fake->a20[0], 1);
	fake_free(fake);
}
END_TEST

static void press(uint32_t usage)
{
	key(usage, 1);
	key(usage, 0);
}

static void check_keys(const char *letter, const char *control, const char *arrow, const char *print, const char *pause)
{
	press(KEY_A);
	expect(letter);
	press(RIGHT_CONTROL);
	expect(control);
	press(RIGHT_ARROW);
	expect(arrow);
	press(PRINT);
	expect(print);
	press(PAUSE);
	expect(pause);
}

START_TEST(scan_codes)
{
	setup(0x41);
	check_keys("1e 9e", "e0 1d e0 9d", "e0 4d e0 cd", "e0 2a e0 37 e0 b7 e0 aa", "e1 1d 45 e1 9d c5");
	command(0x60);
	data(0x01);
	check_keys("1c f0 1c", "e0 14 e0 f0 14", "e0 74 e0 f0 74", "e0 12 e0 7c e0 f0 7c e0 f0 12",
		"e1 14 77 e1 f0 14 f0 77");
	data(0xf0);
	expect("fa");
	data(1);
	expect("fa");
	check_keys("1e 9e", "e0 1d e0 9d", "e0 4d e0 cd", "e0 2a e0 37 e0 b7 e0 aa", "e1 1d 45 e1 9d c5");
	data(0xf0);
	expect("fa");
	data(3);
	expect("fa");
	check_keys("1c", "58 f0 58", "6a", "57", "62"); /* only modifiers tell of their release */
	data(0xfa);                                     /* all keys: typematic, make and break */
	expect("fa");
	press(KEY_A);
	expect("1c f0 1c");
	data(0xf0);
	expect("fa");
	data(0);
	expect("fa 03");
	ck_assert(fake_round_trip(ps2));
	data(0xf0);
	expect("fa");
	data(4);
	expect("fe");
	fake_free(fake);
}
END_TEST

/* What the controller makes of set 2 is set 1, for each key there is. */
START_TEST(translation)
{
	static char raw[256][64];
	for (uint32_t pass = 0; pass < 2; pass++) {
		uint32_t keys = 0;
		setup(pass == 0 ? 0x41 : 0x01);
		if (pass == 1) {
			data(0xf0);
			expect("fa");
			data(1);
			expect("fa");
		}
		for (uint32_t usage = 0; usage < 256; usage++) {
			char *at = raw[usage];
			char got[64] = "";
			char *to = pass == 0 ? at : got;
			press(usage);
			for (int32_t byte; (byte = next()) >= 0;)
				to += sprintf(to, "%02x ", (unsigned)byte);
			if (pass == 1)
				ck_assert_str_eq(got, at);
			keys += at[0] != '\0';
			/* No two keys are alike. */
			for (uint32_t other = 0; pass == 0 && at[0] != '\0' && other < usage; other++) {
				/* HID has the non-US backslash key of 102-key boards twice. */
				ck_assert_msg(strcmp(at, raw[other]) != 0 || (other == 0x31 && usage == 0x32),
					"%x and %x: %s", other, usage, at);
			}
		}
		ck_assert_uint_gt(keys, 104);
		fake_free(fake);
	}
}
END_TEST

START_TEST(keyboard_commands)
{
	setup(0x01);
	data(0xee);
	expect("ee");
	data(0xf2);
	expect("fa ab 83");
	data(0xed);
	expect("fa");
	data(0x04); /* caps lock; HID counts num, caps, scroll */
	expect("fa");
	ck_assert_uint_eq(leds, 2);
	data(0xed);
	expect("fa");
	data(0x03);
	expect("fa");
	ck_assert_uint_eq(leds, 5);
	ck_assert(fake_round_trip(ps2));
	ck_assert_uint_eq(leds, 5);
	data(0xf5);
	expect("fa");
	press(KEY_A);
	expect("");
	data(0xf4);
	expect("fa");
	press(KEY_A);
	expect("1c f0 1c");
	data(0xfe);
	expect("1c");
	data(0xe1);
	expect("fe");
	data(0xff);
	expect("fa aa");
	ck_assert_uint_eq(leds, 0);
	/* Translated, the second byte of its name is another one, as all know. */
	command(0x60);
	data(0x41);
	data(0xf2);
	expect("fa ab 41");
	/* A command in place of an argument. */
	data(0xed);
	expect("fa");
	data(0xf4);
	expect("fa");
	press(KEY_A);
	expect("1e 9e");
	fake_free(fake);
}
END_TEST

/* Presses of a key that is held, in so many milliseconds. */
static uint32_t count_makes(uint32_t milliseconds)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < milliseconds; i++) {
		fake_advance(fake, MS);
		while ((status() & 1) != 0) {
			ck_assert_uint_eq(fake_in(fake, 0x60, 1), 0x1c);
			count++;
		}
	}
	return count;
}

START_TEST(typematic)
{
	setup(0x01);
	key(KEY_A, 1);
	key(KEY_A, 1);                          /* the host's own repetition is not ours */
	ck_assert_uint_eq(count_makes(495), 1); /* 500 ms, then 10.9 a second */
	ck_assert_uint_eq(count_makes(1000), 11);
	ck_assert(fake_round_trip(ps2));
	ck_assert_uint_eq(count_makes(1000), 11);
	key(KEY_A, 0);
	expect("f0 1c");
	ck_assert_uint_eq(count_makes(1000), 0);
	data(0xf3);
	expect("fa");
	data(0x00); /* 250 ms, then 30 a second */
	expect("fa");
	key(KEY_A, 1);
	ck_assert_uint_eq(count_makes(245), 1);
	ck_assert_uint_eq(count_makes(1000), 30);
	key(LEFT_CONTROL, 1); /* the last key down repeats */
	expect("14");
	key(KEY_A, 0);
	key(LEFT_CONTROL, 0);
	drain();
	/* A guest that does not read does not get a heap of them. */
	key(KEY_A, 1);
	fake_advance(fake, 20000 * MS);
	key(KEY_A, 0);
	uint32_t count = 0;
	while (next() >= 0)
		count++;
	ck_assert_uint_le(count, 6);
	fake_free(fake);
}
END_TEST

START_TEST(keyboard_overflow)
{
	setup(0x01);
	uint32_t sent = 0;
	while (sent < 1000 && input->key(input_self, KEY_A, sent % 2 == 0) == 0)
		sent++;
	ck_assert_uint_lt(sent, 1000);
	ck_assert_uint_ge(sent, 16);
	ck_assert_int_eq(input->key(input_self, KEY_A, sent % 2 == 0), -EAGAIN);
	ck_assert(fake_round_trip(ps2));
	for (uint32_t i = 0; i < sent; i++) { /* all that was taken is there, whole */
		if (i % 2 != 0)
			ck_assert_int_eq(next(), 0xf0);
		ck_assert_int_eq(next(), 0x1c);
	}
	ck_assert_int_eq(next(), -1);
	key(KEY_A, sent % 2 == 0);
	fake_free(fake);
}
END_TEST

START_TEST(disabled_clocks)
{
	setup(0x03);
	mouse(0xf4);
	expect("fa");
	command(0xad);
	press(KEY_A);
	fake_advance(fake, 10 * MS);
	ck_assert_uint_eq(status() & 1, 0);
	move(1, 0, 0, 0); /* the mouse is not stopped by it */
	ck_assert_int_eq(next(), 0x08);
	ck_assert_uint_eq(fake->line_level[1], 0);
	command(0xa7);
	fake_advance(fake, 10 * MS);
	command(0xae);
	expect("1c f0 1c");
	command(0xa8);
	expect("01 00");
	/* A byte to a device lets its clock go. */
	command(0xad);
	data(0xee);
	expect("ee");
	command(0x20);
	ck_assert_uint_eq((uint32_t)next() & 0x10, 0);
	command(0xa7);
	mouse(0xf2);
	expect("fa 00");
	command(0x20);
	ck_assert_uint_eq((uint32_t)next() & 0x20, 0);
	fake_free(fake);
}
END_TEST

START_TEST(mouse_commands)
{
	setup(0x03);
	mouse(0xff);
	fake_advance(fake, MS);
	ck_assert_uint_eq(status() & 0x21, 0x21);
	ck_assert_uint_eq(fake->line_level[12], 1);
	ck_assert_uint_eq(fake->line_level[1], 0);
	expect("fa aa 00");
	mouse(0xf2);
	expect("fa 00");
	mouse(0xe9);
	expect("fa 00 02 64");
	move(5, 5, 0, 1); /* not enabled yet */
	expect("");
	mouse(0xf4);
	expect("fa");
	move(5, -3, 0, 1);
	expect("09 05 03");
	move(-5, 3, 0, 0);
	expect("38 fb fd");
	move(0, 0, 0, 7);
	expect("0f 00 00");
	ck_assert(fake_round_trip(ps2));
	mouse(0xe9);
	expect("fa 27 02 64");
	move(0, 0, 0, 0);
	expect("08 00 00");
	mouse(0xe8);
	expect("fa");
	mouse(3);
	expect("fa");
	mouse(0xf3);
	expect("fa");
	mouse(40);
	expect("fa");
	mouse(0xe7);
	expect("fa");
	mouse(0xe9);
	expect("fa 30 03 28");
	mouse(0xe8);
	expect("fa");
	mouse(4);
	expect("fe");
	/* Scaling 2:1, but not of what is asked for. */
	static const int32_t scaled[][2] = { { 1, 1 }, { 2, 1 }, { 3, 3 }, { 4, 6 }, { 5, 9 }, { 6, 12 }, { 50, 100 } };
	for (size_t i = 0; i < sizeof(scaled) / sizeof(scaled[0]); i++) {
		char text[16];
		fake_advance(fake, 100 * MS);
		move(scaled[i][0], 0, 0, 0);
		snprintf(text, sizeof(text), "08 %02x 00", (unsigned)scaled[i][1]);
		expect(text);
	}
	mouse(0xf0); /* remote */
	expect("fa");
	move(5, 0, 0, 0);
	expect("");
	mouse(0xeb);
	expect("fa 08 05 00");
	mouse(0xea);
	expect("fa");
	mouse(0xee); /* wrap: an echo of all but reset and reset wrap */
	expect("fa");
	mouse(0xf4);
	expect("f4");
	mouse(0x12);
	expect("12");
	mouse(0xec);
	expect("fa");
	mouse(0xf6);
	expect("fa");
	mouse(0xe9);
	expect("fa 00 02 64");
	mouse(0xe0);
	expect("fe");
	fake_free(fake);
}
END_TEST

static void set_rates(uint32_t first, uint32_t second, uint32_t third)
{
	const uint32_t rates[3] = { first, second, third };
	for (uint32_t i = 0; i < 3; i++) {
		mouse(0xf3);
		expect("fa");
		mouse(rates[i]);
		expect("fa");
	}
}

START_TEST(mouse_wheel)
{
	setup(0x03);
	set_rates(200, 200, 80); /* the Explorer's knock alone does as well */
	mouse(0xf2);
	expect("fa 04");
	mouse(0xff);
	expect("fa aa 00");
	set_rates(200, 100, 60);
	mouse(0xf2);
	expect("fa 00");
	set_rates(200, 100, 80);
	mouse(0xf2);
	expect("fa 03");
	mouse(0xf4);
	expect("fa");
	fake_advance(fake, 100 * MS);
	move(1, 1, 2, 0);
	expect("28 01 ff 02");
	fake_advance(fake, 100 * MS);
	move(0, 0, -1, 0);
	expect("08 00 00 ff");
	set_rates(200, 200, 80);
	mouse(0xf2);
	expect("fa 04");
	fake_advance(fake, 100 * MS);
	move(0, 0, -1, 0x18);
	expect("08 00 00 3f");
	ck_assert(fake_round_trip(ps2));
	mouse(0xff);
	expect("fa aa 00");
	mouse(0xf2);
	expect("fa 00");
	fake_free(fake);
}
END_TEST

START_TEST(mouse_overflow)
{
	setup(0x03);
	mouse(0xf4);
	expect("fa");
	/* More than a packet holds is sent in several, none marked as overflown. */
	int32_t x = 0;
	int32_t y = 0;
	move(1000, -700, 0, 0);
	for (uint32_t i = 0; i < 10; i++) {
		int32_t flags = next();
		if (flags < 0) {
			fake_advance(fake, 10 * MS);
			continue;
		}
		ck_assert_int_eq(flags & 0xc8, 0x08);
		x += next() - ((flags & 0x10) != 0 ? 256 : 0);
		y += next() - ((flags & 0x20) != 0 ? 256 : 0);
	}
	ck_assert_int_eq(x, 1000);
	ck_assert_int_eq(y, 700);
	/* A guest that does not read: whole packets, and the end of the motion is not lost. */
	for (uint32_t i = 0; i < 500; i++) {
		move(1, 0, 0, 0);
		fake_advance(fake, 20 * MS);
	}
	ck_assert(fake_round_trip(ps2));
	x = 0;
	for (int32_t flags; (flags = next()) >= 0;) {
		ck_assert_int_eq(flags, 0x08);
		x += next();
		ck_assert_int_eq(next(), 0);
		fake_advance(fake, 20 * MS);
	}
	ck_assert_int_eq(x, 500);
	ck_assert_int_eq(input->pointer(input_self, INT32_MAX, 0, 0, 0), -EINVAL);
	fake_free(fake);
}
END_TEST

START_TEST(random_use)
{
	uint32_t seed = 2024;
	setup(0x03);
	for (uint32_t i = 0; i < 30000; i++) {
		seed = seed * 1664525u + 1013904223u;
		switch (seed >> 29) {
		case 0: input->key(input_self, seed >> 8 & 0xff, seed >> 20 & 1); break;
		case 1:
			input->pointer(input_self, (int32_t)(seed << 8) >> 20, (int32_t)(seed << 4) >> 22,
				(int32_t)(seed >> 9 & 15) - 8, seed >> 16);
			break;
		case 2: mouse(seed >> 8 & 0xff); break;
		case 3: data(seed >> 8 & 0xff); break;
		case 4: command(seed >> 8 & 0xff); break;
		case 5: fake_advance(fake, (seed & 0xffff) * 1000); break;
		default: fake_in(fake, 0x60, 1); break;
		}
		if (i % 500 == 0)
			ck_assert(fake_round_trip(ps2));
	}
	drive_ports(fake, ps2, 0x60, 0x64, 50000);
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("ps2", power_on, controller_commands, a20_and_reset, scan_codes, translation, keyboard_commands,
	typematic, keyboard_overflow, disabled_clocks, mouse_commands, mouse_wheel, mouse_overflow, random_use)
