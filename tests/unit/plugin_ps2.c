/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <vmm/port-input.h>

#include "plugin_test.h"

#define WIRE UINT64_C(2000000) /* longer than any byte takes */

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

static const struct vmm_input_lower peer_table = { sizeof(peer_table), 0, peer_leds };

static uint32_t status(void)
{
	return fake_in(fake, 0x64, 1);
}

static void command(uint32_t byte)
{
	fake_out(fake, 0x64, 1, byte);
}

static void data(uint32_t byte)
{
	fake_out(fake, 0x60, 1, byte);
}

/* The next byte, or -1 if none comes. */
static int32_t next(void)
{
	fake_advance(fake, WIRE);
	return (status() & 1) != 0 ? (int32_t)fake_in(fake, 0x60, 1) : -1;
}

static void expect(uint32_t count, ...)
{
	va_list list;
	va_start(list, count);
	for (uint32_t i = 0; i < count; i++) {
		int32_t wanted = va_arg(list, int);
		int32_t got = next();
		ck_assert_msg(got == wanted, "byte %u: %x, not %x", i, (unsigned)got, (unsigned)wanted);
	}
	va_end(list);
	ck_assert_int_eq(next(), -1);
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
	ck_assert_ptr_nonnull(fake_join_sides(fake, &side, &lower, VMM_PORT_INPUT, 0));
	fake_reset(fake, VMM_RESET_POWER);
	command(0xaa);
	ck_assert_int_eq(next(), 0x55);
	command(0x60);
	data(ccb);
	while (next() >= 0)
		continue; /* the devices' own AA */
}

static void mouse(uint32_t byte)
{
	command(0xd4);
	data(byte);
	ck_assert_int_eq(next(), 0xfa);
}

START_TEST(controller)
{
	setup(0x34);
	ck_assert_uint_eq(status() & 0x04, 0x04); /* the self test has passed */
	command(0x20);
	expect(1, 0x34);
	command(0x65);
	data(0x77);
	command(0x25);
	expect(1, 0x77);
	command(0xa9);
	expect(1, 0x00);
	command(0xab);
	expect(1, 0x00);
	command(0xa4);
	expect(1, 0xf1);
	ck_assert_uint_eq(status() & 0x08, 0x08);
	command(0xd2);
	data(0x12);
	ck_assert_uint_eq(status() & 0x29, 0x01);
	expect(1, 0x12);
	command(0xd3);
	data(0x34);
	ck_assert_uint_eq(status() & 0x21, 0x21);
	ck_assert(fake_round_trip(ps2));
	expect(1, 0x34);
	/* The output port: A20 and reset. */
	ck_assert_uint_eq(fake->a20[0], 1);
	command(0xd1);
	data(0xdd);
	ck_assert_uint_eq(fake->a20[0], 0);
	command(0xd0);
	ck_assert_int_eq(next() & 3, 1);
	command(0xd1);
	data(0xdf);
	ck_assert_uint_eq(fake->a20[0], 1);
	command(0xff); /* pulses nothing */
	ck_assert_uint_eq(fake->cpu_init_count, 0);
	command(0xfe);
	ck_assert_uint_eq(fake->cpu_init_count, 1);
	fake_free(fake);
}
END_TEST

START_TEST(keys_translated)
{
	setup(0x65); /* translation, IRQ1 */
	ck_assert_int_eq(input->key(input_self, 0x04, 1), 0);
	ck_assert_uint_eq(fake->line_level[1], 0);
	fake_advance(fake, WIRE);
	ck_assert_uint_eq(fake->line_level[1], 1);
	ck_assert_uint_eq(fake_in(fake, 0x60, 1), 0x1e);
	ck_assert_uint_eq(fake->line_level[1], 0);
	ck_assert_uint_eq(fake_in(fake, 0x60, 1), 0x1e); /* the same byte again */
	input->key(input_self, 0x04, 1);                 /* the host's repetition */
	expect(0);
	input->key(input_self, 0x04, 0);
	expect(1, 0x9e);
	input->key(input_self, 0x52, 1); /* up */
	input->key(input_self, 0x52, 0);
	expect(4, 0xe0, 0x48, 0xe0, 0xc8);
	input->key(input_self, 0x48, 1); /* pause */
	input->key(input_self, 0x48, 0);
	expect(6, 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5);
	input->key(input_self, 0x46, 1); /* print */
	input->key(input_self, 0x46, 0);
	expect(8, 0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa);
	input->key(input_self, 0x40, 1); /* F7 */
	input->key(input_self, 0x40, 0);
	expect(2, 0x41, 0xc1);
	ck_assert_int_eq(input->key(input_self, 0xffff, 1), 0);
	expect(0);
	fake_free(fake);
}
END_TEST

START_TEST(keyboard_commands)
{
	setup(0x24); /* no translation */
	data(0xf2);
	expect(3, 0xfa, 0xab, 0x83);
	data(0xee);
	expect(1, 0xee);
	data(0xed);
	expect(1, 0xfa);
	data(0x02); /* num lock, which HID has as bit 0 */
	expect(1, 0xfa);
	ck_assert_uint_eq(leds, 1);
	data(0xf0);
	expect(1, 0xfa);
	data(0x00);
	expect(2, 0xfa, 0x02);
	input->key(input_self, 0x05, 1);
	input->key(input_self, 0x05, 0);
	expect(3, 0x32, 0xf0, 0x32);
	data(0xfe);
	expect(1, 0x32);
	data(0xf0);
	next();
	data(0x01);
	expect(1, 0xfa);
	input->key(input_self, 0x05, 1);
	input->key(input_self, 0x05, 0);
	expect(2, 0x30, 0xb0);
	data(0xf0);
	next();
	data(0x03);
	expect(1, 0xfa);
	input->key(input_self, 0x05, 1);
	input->key(input_self, 0x05, 0);
	expect(1, 0x32); /* letters have no release in set 3 */
	input->key(input_self, 0xe0, 1);
	input->key(input_self, 0xe0, 0);
	expect(3, 0x11, 0xf0, 0x11);
	data(0xf5);
	expect(1, 0xfa);
	input->key(input_self, 0x06, 1);
	input->key(input_self, 0x06, 0);
	expect(0);
	data(0x01);
	expect(1, 0xfe);
	data(0xff);
	expect(2, 0xfa, 0xaa);
	ck_assert_uint_eq(leds, 0);
	/* A full buffer refuses keys until there is room. */
	uint32_t taken = 0;
	command(0xad);
	while (input->key(input_self, 0x04 + taken % 20, taken / 20 % 2 == 0) == 0 && taken < 1000)
		taken++;
	ck_assert_uint_gt(taken, 10);
	ck_assert_uint_lt(taken, 100);
	ck_assert_int_eq(input->key(input_self, 0x04 + taken % 20, taken / 20 % 2 == 0), -EAGAIN);
	ck_assert(fake_round_trip(ps2));
	command(0xae);
	uint32_t count = 0;
	while (next() >= 0)
		count++;
	ck_assert_uint_ge(count, taken);
	fake_free(fake);
}
END_TEST

START_TEST(typematic)
{
	setup(0x24);
	input->key(input_self, 0x04, 1);
	ck_assert_int_eq(next(), 0x1c);
	fake_advance(fake, 480000000);
	ck_assert_uint_eq(status() & 1, 0);
	uint32_t count = 0;
	for (uint32_t i = 0; i < 1020; i++) {
		fake_advance(fake, 1000000);
		if ((status() & 1) != 0) {
			ck_assert_uint_eq(fake_in(fake, 0x60, 1), 0x1c);
			count++;
		}
	}
	/* 10.9 a second after half a second. */
	ck_assert_uint_ge(count, 10);
	ck_assert_uint_le(count, 12);
	input->key(input_self, 0x04, 0);
	expect(2, 0xf0, 0x1c);
	fake_advance(fake, 2000000000);
	expect(0);
	fake_free(fake);
}
END_TEST

START_TEST(mouse_packets)
{
	setup(0x46);
	mouse(0xff);
	expect(2, 0xaa, 0x00);
	input->pointer(input_self, 5, 3, 0, 0);
	expect(0); /* not enabled */
	mouse(0xf4);
	input->pointer(input_self, 5, 3, 0, 1);
	fake_advance(fake, WIRE);
	ck_assert_uint_eq(fake->line_level[12], 1);
	ck_assert_uint_eq(status() & 0x21, 0x21);
	expect(3, 0x29, 5, 0xfd);
	ck_assert_uint_eq(fake->line_level[12], 0);
	/* A long way comes in several packets. */
	fake_advance(fake, 100000000);
	input->pointer(input_self, -300, 0, 0, 0);
	ck_assert_int_eq(next(), 0x18);
	ck_assert_int_eq(next(), 0x01);
	ck_assert_int_eq(next(), 0x00);
	fake_advance(fake, 20000000);
	expect(3, 0x18, 0xd3, 0x00);
	mouse(0xe9);
	expect(3, 0x20, 0x02, 100);
	mouse(0xee);
	command(0xd4);
	data(0x55);
	expect(1, 0x55);
	mouse(0xec);
	mouse(0xf0);
	input->pointer(input_self, 1, 0, 0, 2);
	expect(0);
	mouse(0xeb);
	expect(3, 0x0a, 1, 0);
	command(0xd4);
	data(0xe3);
	expect(1, 0xfe);
	fake_free(fake);
}
END_TEST

static void rates(uint32_t a, uint32_t b, uint32_t c)
{
	const uint32_t sequence[3] = { a, b, c };
	for (uint32_t i = 0; i < 3; i++) {
		mouse(0xf3);
		mouse(sequence[i]);
	}
	mouse(0xf2);
}

START_TEST(wheel)
{
	setup(0x46);
	mouse(0xf2);
	expect(1, 0);
	rates(200, 100, 100);
	expect(1, 0);
	rates(200, 100, 80);
	expect(1, 3);
	mouse(0xf4);
	input->pointer(input_self, 0, 0, -1, 0);
	expect(4, 0x08, 0, 0, 0xff);
	ck_assert(fake_round_trip(ps2));
	rates(200, 200, 80);
	expect(1, 4);
	fake_advance(fake, 100000000);
	input->pointer(input_self, 0, 0, 1, 8);
	expect(4, 0x08, 0, 0, 0x11);
	mouse(0xff);
	expect(2, 0xaa, 0x00);
	mouse(0xf2);
	expect(1, 0);
	fake_free(fake);
}
END_TEST

START_TEST(random_driving)
{
	setup(0x47);
	uint32_t seed = 5;
	for (uint32_t i = 0; i < 60000; i++) {
		seed = seed * 1664525u + 1013904223u;
		uint32_t byte = seed >> 20 & 0xff;
		switch (seed >> 29) {
		case 0: command(byte); break;
		case 1: data(byte); break;
		case 2: input->key(input_self, byte, seed >> 8 & 1); break;
		case 3:
			input->pointer(input_self, (int32_t)seed >> (seed & 31),
				(int32_t)(seed * 7) >> (seed >> 5 & 31), (int32_t)byte - 128, byte);
			break;
		case 4:
			command(0xd4);
			data(byte);
			break;
		default: fake_in(fake, 0x60, 1); break;
		}
		fake_advance(fake, seed & 0xffffff);
		if ((seed >> 29) == 4 || i % 64 == 0) {
			for (uint32_t n = 0; n < 100 && next() >= 0; n++)
				continue;
			command(0xae);
			command(0xa8);
		}
		if (i % 1000 == 0)
			ck_assert(fake_round_trip(ps2));
	}
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN(
	"ps2-8042", controller, keys_translated, keyboard_commands, typematic, mouse_packets, wheel, random_driving)
