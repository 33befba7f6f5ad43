/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "plugin_test.h"

static struct fake *fake;
static struct fake_instance *pic;

static void setup(void)
{
	fake = fake_new();
	pic = fake_add(fake, "pic-8259", "pic0");
	fake_reset(fake, VMM_RESET_POWER);
	static const uint8_t words[][2] = { { 0x20, 0x11 }, { 0x21, 0x08 }, { 0x21, 0x04 }, { 0x21, 0x01 },
		{ 0xa0, 0x11 }, { 0xa1, 0x70 }, { 0xa1, 0x02 }, { 0xa1, 0x01 }, { 0x21, 0x00 }, { 0xa1, 0x00 } };
	for (size_t i = 0; i < 10; i++)
		fake_out(fake, words[i][0], 1, words[i][1]);
}

static int32_t acknowledge(void)
{
	return fake->controllers[0]->acknowledge(fake->controller_selves[0]);
}

static void pulse(uint32_t line)
{
	fake_line(fake, line, 1);
	fake_line(fake, line, 0);
}

START_TEST(priorities)
{
	setup();
	ck_assert_uint_eq(fake->intr, 0);
	pulse(4);
	ck_assert_uint_eq(fake->intr, 1);
	pulse(0);
	ck_assert_int_eq(acknowledge(), 0x08);
	/* IRQ4 waits until IRQ0 is ended. */
	ck_assert_uint_eq(fake->intr, 0);
	fake_out(fake, 0x20, 1, 0x20);
	ck_assert_uint_eq(fake->intr, 1);
	ck_assert_int_eq(acknowledge(), 0x0c);
	pulse(5);
	ck_assert_uint_eq(fake->intr, 0);
	pulse(1); /* a higher one interrupts */
	ck_assert_uint_eq(fake->intr, 1);
	ck_assert_int_eq(acknowledge(), 0x09);
	fake_out(fake, 0x20, 1, 0x0b);
	ck_assert_uint_eq(fake_in(fake, 0x20, 1), 0x12);
	fake_out(fake, 0x20, 1, 0x0a);
	ck_assert_uint_eq(fake_in(fake, 0x20, 1), 0x20);
	fake_out(fake, 0x20, 1, 0x64); /* specific EOI of 4 */
	fake_out(fake, 0x20, 1, 0x0b);
	ck_assert_uint_eq(fake_in(fake, 0x20, 1), 0x02);
	ck_assert(fake_round_trip(pic));
	fake_free(fake);
}
END_TEST

START_TEST(cascade)
{
	setup();
	pulse(12);
	ck_assert_int_eq(acknowledge(), 0x74);
	fake_out(fake, 0x20, 1, 0x0b);
	ck_assert_uint_eq(fake_in(fake, 0x20, 1), 0x04);
	/* A higher one on the slave has to wait: the master's input 2 is in service. */
	pulse(8);
	ck_assert_uint_eq(fake->intr, 0);
	fake_out(fake, 0xa0, 1, 0x20);
	ck_assert_uint_eq(fake->intr, 0);
	fake_out(fake, 0x20, 1, 0x20);
	ck_assert_uint_eq(fake->intr, 1);
	ck_assert_int_eq(acknowledge(), 0x70);
	fake_free(fake);
}
END_TEST

START_TEST(special_fully_nested)
{
	setup();
	static const uint8_t words[] = { 0x11, 0x08, 0x04, 0x11 };
	for (uint32_t i = 0; i < 4; i++)
		fake_out(fake, i == 0 ? 0x20 : 0x21, 1, words[i]);
	pulse(12);
	ck_assert_int_eq(acknowledge(), 0x74);
	pulse(8);
	ck_assert_uint_eq(fake->intr, 1);
	ck_assert_int_eq(acknowledge(), 0x70);
	pulse(3); /* lower than the slave */
	ck_assert_uint_eq(fake->intr, 0);
	fake_free(fake);
}
END_TEST

START_TEST(edge_and_level)
{
	setup();
	fake_line(fake, 5, 1);
	ck_assert_int_eq(acknowledge(), 0x0d);
	fake_out(fake, 0x20, 1, 0x20);
	ck_assert_uint_eq(fake->intr, 0); /* one edge, one interrupt */
	fake_line(fake, 5, 0);
	fake->controllers[0]->trigger(fake->controller_selves[0], 5, 1);
	fake_line(fake, 5, 1);
	ck_assert_int_eq(acknowledge(), 0x0d);
	fake_out(fake, 0x20, 1, 0x20);
	ck_assert_uint_eq(fake->intr, 1); /* still there */
	fake_line(fake, 5, 0);
	ck_assert_uint_eq(fake->intr, 0);
	fake_free(fake);
}
END_TEST

START_TEST(spurious)
{
	setup();
	/* Masked between INTR and INTA. */
	pulse(3);
	fake_out(fake, 0x21, 1, 0xff);
	ck_assert_int_eq(acknowledge(), 0x0f);
	fake_out(fake, 0x20, 1, 0x0b);
	ck_assert_uint_eq(fake_in(fake, 0x20, 1), 0);
	fake_out(fake, 0x21, 1, 0x00);
	ck_assert_int_eq(acknowledge(), 0x0b);
	fake_out(fake, 0x20, 1, 0x20);
	fake->controllers[0]->trigger(fake->controller_selves[0], 10, 1);
	fake_line(fake, 10, 1);
	ck_assert_uint_eq(fake->intr, 1);
	fake_line(fake, 10, 0);
	ck_assert_uint_eq(fake->intr, 0);
	fake_free(fake);
}
END_TEST

START_TEST(masks_and_special_mask)
{
	setup();
	fake_out(fake, 0x21, 1, 0x08);
	ck_assert_uint_eq(fake_in(fake, 0x21, 1), 0x08);
	pulse(3);
	ck_assert_uint_eq(fake->intr, 0);
	fake_out(fake, 0x21, 1, 0);
	ck_assert_int_eq(acknowledge(), 0x0b);
	pulse(6);
	ck_assert_uint_eq(fake->intr, 0);
	/* With IRQ3 masked, special mask mode lets IRQ6 through. */
	fake_out(fake, 0x21, 1, 0x08);
	fake_out(fake, 0x20, 1, 0x68);
	ck_assert_uint_eq(fake->intr, 1);
	ck_assert_int_eq(acknowledge(), 0x0e);
	fake_out(fake, 0x20, 1, 0x20); /* ends 6, not the masked 3 */
	fake_out(fake, 0x20, 1, 0x0b);
	ck_assert_uint_eq(fake_in(fake, 0x20, 1), 0x08);
	fake_free(fake);
}
END_TEST

START_TEST(rotation_and_automatic_eoi)
{
	setup();
	fake_out(fake, 0x20, 1, 0xc3); /* 3 becomes the lowest: 4 the highest */
	pulse(0);
	pulse(5);
	ck_assert_int_eq(acknowledge(), 0x0d);
	fake_out(fake, 0x20, 1, 0xa0); /* rotate on EOI: 5 the lowest */
	ck_assert_int_eq(acknowledge(), 0x08);
	fake_out(fake, 0x20, 1, 0x20);
	pulse(5);
	pulse(6);
	ck_assert_int_eq(acknowledge(), 0x0e);
	fake_free(fake);
	setup();
	static const uint8_t words[] = { 0x11, 0x08, 0x04, 0x03 };
	for (uint32_t i = 0; i < 4; i++)
		fake_out(fake, i == 0 ? 0x20 : 0x21, 1, words[i]);
	pulse(4);
	ck_assert_int_eq(acknowledge(), 0x0c);
	fake_out(fake, 0x20, 1, 0x0b);
	ck_assert_uint_eq(fake_in(fake, 0x20, 1), 0);
	fake_out(fake, 0x20, 1, 0x0c); /* poll */
	ck_assert_uint_eq(fake_in(fake, 0x20, 1), 0);
	pulse(7);
	fake_out(fake, 0x20, 1, 0x0c);
	ck_assert_uint_eq(fake_in(fake, 0x20, 1), 0x87);
	ck_assert_uint_eq(fake->intr, 0);
	fake_free(fake);
}
END_TEST

START_TEST(random_driving)
{
	setup();
	for (uint32_t i = 0; i < 200; i++) {
		drive_ports(fake, pic, 0x20, 0x21, 20);
		drive_ports(fake, pic, 0xa0, 0xa1, 20);
		pulse(i % 16);
		int32_t vector = acknowledge();
		ck_assert(vector >= 0 && vector < 256);
	}
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("pic-8259", priorities, cascade, special_fully_nested, edge_and_level, spurious,
	masks_and_special_mask, rotation_and_automatic_eoi, random_driving)
