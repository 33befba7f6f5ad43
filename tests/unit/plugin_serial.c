/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <string.h>

#include <vmm/port-char.h>

#include "plugin_test.h"

#define BASE 0x3f8

static struct fake *fake;
static struct fake_instance *serial;
static struct fake_link *link;

/* The other end of the line. */
static struct {
	char text[4096];
	uint32_t length, room, readable;
	uint64_t modem, speed, breaks;
	const struct vmm_char_upper *upper;
	void *upper_self;
} peer;

static int32_t peer_write(void *self, const void *data, uint32_t length)
{
	(void)self;
	if (length > peer.room)
		length = peer.room;
	memcpy(peer.text + peer.length, data, length);
	peer.length += length;
	peer.room -= length;
	return (int32_t)length;
}

static void peer_readable(void *self)
{
	(void)self;
	peer.readable++;
}

static void peer_event(void *self, uint32_t event, uint64_t value)
{
	(void)self;
	if (event == VMM_CHAR_MODEM)
		peer.modem = value;
	else if (event == VMM_CHAR_SPEED)
		peer.speed = value;
	else if (event == VMM_CHAR_BREAK)
		peer.breaks = value;
}

static const struct vmm_char_lower peer_table = {
	.struct_size = sizeof(struct vmm_char_lower),
	.write = peer_write,
	.readable = peer_readable,
	.event = peer_event,
};

static uint32_t in(uint32_t offset)
{
	return fake_in(fake, BASE + offset, 1);
}

static void out(uint32_t offset, uint32_t value)
{
	fake_out(fake, BASE + offset, 1, value);
}

static void setup(const char *pace)
{
	struct vmm_port_side side;
	const struct vmm_port_side lower = { .struct_size = sizeof(lower), .table = &peer_table };
	memset(&peer, 0, sizeof(peer));
	peer.room = sizeof(peer.text);
	fake = fake_new();
	fake_set(fake, "serial0", "pace", pace);
	serial = fake_add(fake, "serial-16550", "serial0");
	ck_assert_int_eq(fake_side(serial, "backend", &side), 0);
	peer.upper = side.table;
	peer.upper_self = side.self;
	link = fake_join_sides(fake, &side, &lower, VMM_PORT_CHAR, 0);
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
	out(3, 0x83);
	out(0, 1);
	out(1, 0);
	out(3, 0x03);
	out(4, 0x0b);
}

static int32_t receive(const char *text)
{
	return peer.upper->receive(peer.upper_self, text, (uint32_t)strlen(text));
}

START_TEST(output)
{
	setup("no");
	ck_assert_uint_eq(peer.speed, UINT64_C(115200) | (uint64_t)VMM_CHAR_FRAME(8, 1, 0) << 32);
	ck_assert_uint_eq(peer.modem, VMM_CHAR_DTR | VMM_CHAR_RTS);
	ck_assert_uint_eq(in(5), 0x60);
	for (const char *at = "hello"; *at != '\0'; at++)
		out(0, (uint8_t)*at);
	ck_assert_uint_eq(peer.length, 5);
	ck_assert(memcmp(peer.text, "hello", 5) == 0);
	/* A peer that takes nothing: THRE goes away when the holding register is taken too. */
	peer.room = 0;
	out(0, 'x');
	ck_assert_uint_eq(in(5), 0x20);
	out(0, 'y');
	ck_assert_uint_eq(in(5), 0x00);
	ck_assert(fake_round_trip(serial));
	peer.room = 10;
	peer.upper->writable(peer.upper_self);
	ck_assert_uint_eq(peer.length, 7);
	ck_assert(memcmp(peer.text, "helloxy", 7) == 0);
	ck_assert_uint_eq(in(5), 0x60);
	fake_free(fake);
}
END_TEST

START_TEST(transmit_interrupt)
{
	setup("no");
	ck_assert_uint_eq(fake->line_level[4], 0);
	out(1, 0x02); /* THRE is set: an interrupt at once */
	ck_assert_uint_eq(fake->line_level[4], 1);
	ck_assert_uint_eq(in(2), 0x02);
	ck_assert_uint_eq(in(2), 0x01); /* reading it took it back */
	ck_assert_uint_eq(fake->line_level[4], 0);
	uint32_t edges = fake->line_edges[4];
	out(0, 'a');
	ck_assert_uint_eq(fake->line_edges[4], edges + 1);
	out(0, 'b'); /* a new edge, although the last was not seen */
	ck_assert_uint_eq(fake->line_edges[4], edges + 2);
	out(4, 0x03); /* OUT2 gates it */
	ck_assert_uint_eq(fake->line_level[4], 0);
	out(4, 0x0b);
	ck_assert_uint_eq(fake->line_level[4], 1);
	out(1, 0x00);
	ck_assert_uint_eq(fake->line_level[4], 0);
	fake_free(fake);
}
END_TEST

START_TEST(input_and_fifo)
{
	setup("no");
	ck_assert_int_eq(receive("ab"), 1); /* one without FIFO */
	ck_assert_uint_eq(in(5), 0x61);
	ck_assert_uint_eq(in(0), 'a');
	ck_assert_uint_eq(peer.readable, 1);
	out(2, 0x87); /* FIFO, trigger 8 */
	out(1, 0x01);
	ck_assert_uint_eq(in(2), 0xc1);
	ck_assert_int_eq(receive("1234567"), 7);
	ck_assert_uint_eq(fake->line_level[4], 0);
	/* Character timeout after four characters: 10 bits each at 115200. */
	fake_advance(fake, 340000);
	ck_assert_uint_eq(fake->line_level[4], 0);
	fake_advance(fake, 10000);
	ck_assert_uint_eq(fake->line_level[4], 1);
	ck_assert_uint_eq(in(2), 0xcc);
	ck_assert(fake_round_trip(serial));
	ck_assert_uint_eq(in(0), '1');
	ck_assert_uint_eq(in(2), 0xc1);
	ck_assert_int_eq(receive("89"), 2);
	ck_assert_uint_eq(in(2), 0xc4);
	ck_assert_int_eq(receive("abcdefghijk"), 8);
	for (uint32_t i = 0; i < 15; i++)
		in(0);
	peer.readable = 0;
	ck_assert_uint_eq(in(0), 'h');
	ck_assert_uint_eq(peer.readable, 1);
	ck_assert_uint_eq(in(5), 0x60);
	fake_free(fake);
}
END_TEST

START_TEST(line_status_and_break)
{
	setup("no");
	out(2, 0x01);
	out(1, 0x05);
	peer.upper->event(peer.upper_self, VMM_CHAR_BREAK, 0);
	ck_assert_uint_eq(in(2), 0xc6);
	ck_assert_uint_eq(in(5), 0xf9); /* BI, FE, DR and the FIFO's error bit */
	ck_assert_uint_eq(in(5), 0x61);
	ck_assert_uint_eq(in(0), 0);
	out(3, 0x43);
	fake_advance(fake, 5000000);
	out(3, 0x03);
	ck_assert_uint_eq(peer.breaks, 5000000);
	fake_free(fake);
}
END_TEST

START_TEST(modem_and_loopback)
{
	setup("no");
	in(6);
	ck_assert_uint_eq(in(6), 0xb0);
	out(1, 0x08);
	peer.upper->event(peer.upper_self, VMM_CHAR_MODEM, VMM_CHAR_CTS | VMM_CHAR_RI);
	ck_assert_uint_eq(fake->line_level[4], 1);
	ck_assert_uint_eq(in(2), 0x00);
	ck_assert_uint_eq(in(6), 0x5a); /* DSR and DCD fell; RI rose, which is no TERI */
	ck_assert_uint_eq(fake->line_level[4], 0);
	peer.upper->event(peer.upper_self, VMM_CHAR_MODEM, VMM_CHAR_CTS);
	ck_assert_uint_eq(in(6), 0x14);
	out(1, 0);
	out(4, 0x1a);
	ck_assert_uint_eq(in(6) & 0xf0, 0x90); /* OUT2 as DCD, RTS as CTS: the probe of every driver */
	peer.length = 0;
	out(0, 0x5a);
	ck_assert_uint_eq(peer.length, 0);
	ck_assert_uint_eq(in(5), 0x61);
	ck_assert_uint_eq(in(0), 0x5a);
	ck_assert_int_eq(receive("z"), 0); /* waits */
	out(4, 0x0b);
	ck_assert_uint_eq(peer.readable, 1);
	out(7, 0xa5);
	ck_assert_uint_eq(in(7), 0xa5);
	fake_free(fake);
}
END_TEST

START_TEST(pace)
{
	setup("yes");
	out(3, 0x83);
	out(0, 12); /* 9600: 1.04 ms a character */
	out(3, 0x03);
	out(2, 0x01);
	out(1, 0x02);
	in(2);
	for (uint32_t i = 0; i < 4; i++)
		out(0, '0' + i);
	ck_assert_uint_eq(in(5), 0x00);
	ck_assert_uint_eq(peer.length, 0);
	fake_advance(fake, 1100000);
	ck_assert_uint_eq(peer.length, 1);
	ck_assert(fake_round_trip(serial));
	fake_start(fake);
	fake_advance(fake, 2100000);
	ck_assert_uint_eq(in(5), 0x20); /* the last is in the shift register */
	ck_assert_uint_eq(fake->line_level[4], 1);
	fake_advance(fake, 1100000);
	ck_assert_uint_eq(in(5), 0x60);
	ck_assert(memcmp(peer.text, "0123", 4) == 0);
	ck_assert_int_eq(receive("ab"), 1);
	peer.readable = 0;
	in(0);
	ck_assert_uint_eq(peer.readable, 0);
	fake_advance(fake, 1100000);
	ck_assert_uint_eq(peer.readable, 1);
	fake_free(fake);
}
END_TEST

START_TEST(live_and_settings)
{
	setup("no");
	fake_part(fake, link);
	ck_assert_uint_eq(in(6) & 0xf0, 0);
	out(0, 'x'); /* into the air */
	ck_assert_uint_eq(in(5), 0x60);
	/* The same ports twice are refused with a remedy. */
	struct fake_instance *second = fake_create(fake, "serial-16550", "serial1");
	ck_assert_int_lt(fake_init(second), 0);
	ck_assert(strstr(fake->cause, "0x3f8") != NULL && strstr(fake->remedy, "com2") != NULL);
	fake_destroy(second);
	fake_set(fake, "serial2", "port", "com2");
	fake_add(fake, "serial-16550", "serial2");
	ck_assert_uint_eq(fake_in(fake, 0x2f8 + 5, 1), 0x60);
	fake_free(fake);
}
END_TEST

START_TEST(random_driving)
{
	setup("no");
	peer.room = UINT32_MAX;
	for (uint32_t i = 0; i < 300; i++) {
		drive_ports(fake, serial, BASE, BASE + 7, 100);
		receive("x");
		peer.length = 0;
		peer.upper->event(peer.upper_self, VMM_CHAR_MODEM, i & 15);
	}
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("serial-16550", output, transmit_interrupt, input_and_fifo, line_status_and_break, modem_and_loopback,
	pace, live_and_settings, random_driving)
