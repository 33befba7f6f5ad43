/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <string.h>

#include <vmm/port-char.h>

#include "plugin_test.h"

#define BASE 0x378

static struct fake *fake;
static struct fake_instance *parallel;
static struct fake_link *link;
static struct {
	char text[4096];
	uint32_t length, room, readable;
} paper;

static int32_t printer_write(void *self, const void *data, uint32_t length)
{
	(void)self;
	if (length > paper.room)
		length = paper.room;
	memcpy(paper.text + paper.length, data, length);
	paper.length += length;
	paper.room -= length;
	return (int32_t)length;
}

static void printer_readable(void *self)
{
	(void)self;
	paper.readable++;
}

static void printer_event(void *self, uint32_t event, uint64_t value)
{
	(void)self;
	(void)event;
	(void)value;
}

static const struct vmm_char_lower printer = {
	.struct_size = sizeof(printer),
	.write = printer_write,
	.readable = printer_readable,
	.event = printer_event,
};

static const struct vmm_char_upper *upper;

static void setup(void)
{
	struct vmm_port_side side;
	const struct vmm_port_side mine = { .struct_size = sizeof(mine), .table = &printer };
	memset(&paper, 0, sizeof(paper));
	paper.room = 1000;
	fake = fake_new();
	parallel = fake_add(fake, "parallel", "parallel0");
	ck_assert_int_eq(fake_side(parallel, "backend", &side), 0);
	upper = side.table;
	link = fake_join_sides(fake, &side, &mine, VMM_PORT_CHAR, 0);
	ck_assert_ptr_nonnull(link);
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
}

static void teardown(void)
{
	ck_assert(fake_round_trip(parallel));
	ck_assert_msg(fake->fault_count == 0, "%s", fake->fault);
	fake_stop(fake);
	fake_free(fake);
}

static uint32_t in(uint32_t offset)
{
	return fake_in(fake, BASE + offset, 1);
}

static void out(uint32_t offset, uint32_t value)
{
	fake_out(fake, BASE + offset, 1, value);
}

static void strobe(uint32_t byte)
{
	uint32_t control = in(2) & 0x3e;
	out(0, byte);
	out(2, control | 1);
	out(2, control);
}

START_TEST(standard)
{
	setup();
	ck_assert_uint_eq(in(1), 0xde);
	ck_assert_uint_eq(in(2), 0xc4);
	out(0, 0x5a);
	ck_assert_uint_eq(in(0), 0x5a);
	ck_assert_uint_eq(paper.length, 0);
	out(2, 0x14);
	strobe('H');
	/* Busy, then nAck low too, then an interrupt. */
	ck_assert_uint_eq(in(1), 0x5e);
	fake_advance(fake, 2000);
	ck_assert_uint_eq(in(1), 0x1e);
	ck_assert_uint_eq(fake->line_edges[7], 0);
	ck_assert(fake_round_trip(parallel));
	fake_advance(fake, 3000);
	ck_assert_uint_eq(in(1), 0xde);
	ck_assert_uint_eq(fake->line_edges[7], 1);
	out(2, 0x04);
	strobe('i');
	fake_advance(fake, 10000);
	ck_assert_uint_eq(fake->line_edges[7], 1);
	ck_assert_uint_eq(paper.length, 2);
	ck_assert_int_eq(memcmp(paper.text, "Hi", 2), 0);
	/* Who polls too late for the pulse sees it once; who waits for the interrupt does not. */
	ck_assert(fake_round_trip(parallel));
	ck_assert_uint_eq(in(1), 0x9e);
	ck_assert_uint_eq(in(1), 0xde);
	out(2, 0x14);
	strobe('!');
	fake_advance(fake, 10000);
	ck_assert_uint_eq(fake->line_edges[7], 2);
	ck_assert_uint_eq(in(1), 0xde);
	ck_assert_uint_eq(paper.length, 3);
	/* As an input there is nothing to read, and nothing is sent. */
	out(2, 0x24);
	ck_assert_uint_eq(in(0), 0xff);
	strobe('x');
	ck_assert_uint_eq(paper.length, 3);
	teardown();
}
END_TEST

START_TEST(back_pressure)
{
	setup();
	paper.room = 0;
	strobe('A');
	fake_advance(fake, 1000000);
	ck_assert_uint_eq(in(1), 0x5e);
	strobe('B'); /* a driver that does not look: lost */
	ck_assert(fake_round_trip(parallel));
	ck_assert_uint_eq(in(1), 0x5e);
	paper.room = 10;
	upper->writable(link->lower.peer_self);
	fake_advance(fake, 5000);
	ck_assert_uint_eq(in(1), 0x9e);
	ck_assert_uint_eq(in(1), 0xde);
	ck_assert_uint_eq(paper.length, 1);
	ck_assert_int_eq(paper.text[0], 'A');
	/* The cable is pulled. */
	fake_part(fake, link);
	ck_assert_uint_eq(in(1), 0x7e);
	strobe('C');
	ck_assert_uint_eq(in(1), 0x7e);
	teardown();
}
END_TEST

START_TEST(ecp_registers)
{
	setup();
	/* As drivers look for it. */
	ck_assert_uint_eq(in(0x402), 0x35);
	out(0x402, 0x34);
	ck_assert_uint_eq(in(0x402), 0x35);
	/* The FIFO's depth, by the test mode. */
	out(0x402, 0xd4);
	uint32_t depth = 0;
	while ((in(0x402) & 2) == 0 && depth < 100) {
		out(0x400, 0x40 + depth++);
	}
	ck_assert_uint_eq(depth, 16);
	ck_assert(fake_round_trip(parallel));
	for (uint32_t i = 0; i < 16; i++)
		ck_assert_uint_eq(in(0x400), 0x40 + i);
	ck_assert_uint_eq(in(0x402), 0xd5);
	/* A service interrupt when there is room for eight. */
	for (uint32_t i = 0; i < 12; i++)
		out(0x400, i);
	out(0x402, 0xd0);
	ck_assert_uint_eq(fake->line_edges[7], 0);
	for (uint32_t i = 0; i < 4; i++)
		in(0x400);
	ck_assert_uint_eq(fake->line_edges[7], 1);
	ck_assert_uint_eq(in(0x402) & 4, 4);
	out(0x402, 0xf4);
	ck_assert_uint_eq(in(0x400), 0x14);
	ck_assert_uint_eq(in(0x401), 0x08);
	ck_assert_uint_eq(paper.length, 0);
	teardown();
}
END_TEST

START_TEST(ecp_transfer)
{
	setup();
	paper.room = 5;
	out(0x402, 0x54);
	for (uint32_t i = 0; i < 10; i++)
		out(0x400, '0' + i);
	ck_assert_uint_eq(paper.length, 5);
	ck_assert_uint_eq(in(0x402), 0x54);
	ck_assert(fake_round_trip(parallel));
	paper.room = 100;
	upper->writable(link->lower.peer_self);
	ck_assert_uint_eq(in(0x402), 0x55);
	ck_assert_uint_eq(paper.length, 10);
	ck_assert_int_eq(memcmp(paper.text, "0123456789", 10), 0);
	/* The other way: sixteen at a time, and the peer is told of room. */
	out(0x402, 0x74);
	out(2, 0x24);
	ck_assert_uint_eq(in(0x402), 0x75);
	ck_assert_int_eq(upper->receive(link->lower.peer_self, "abcdefghijklmnopqrst", 20), 16);
	ck_assert_uint_eq(in(0x402), 0x76);
	paper.readable = 0;
	ck_assert_uint_eq(in(0x400), 'a');
	ck_assert_uint_eq(paper.readable, 1);
	ck_assert_uint_eq(in(0x400), 'b');
	ck_assert_uint_eq(paper.readable, 1);
	teardown();
}
END_TEST

START_TEST(epp)
{
	setup();
	out(4, 'x');
	ck_assert_uint_eq(paper.length, 0);
	out(0x402, 0x94);
	fake_out(fake, BASE + 4, 4, 0x64636261);
	ck_assert_int_eq(memcmp(paper.text, "abcd", 4), 0);
	out(3, 0x33);
	ck_assert_uint_eq(in(3), 0x33);
	ck_assert_uint_eq(in(1) & 1, 0);
	/* A cycle that nobody answers times out; reading the status ends that. */
	ck_assert_uint_eq(in(4), 0xff);
	ck_assert_uint_eq(in(1) & 1, 1);
	ck_assert_uint_eq(in(1) & 1, 0);
	paper.room = 0;
	out(4, 'e');
	ck_assert_uint_eq(in(1) & 1, 1);
	ck_assert_int_eq(upper->receive(link->lower.peer_self, "Z", 1), 1);
	ck_assert_uint_eq(in(4), 'Z');
	teardown();
}
END_TEST

START_TEST(random_access)
{
	setup();
	fake_set(fake, "parallel1", "port", "lpt3");
	struct fake_instance *third = fake_add(fake, "parallel", "parallel1");
	fake_reset(fake, VMM_RESET_POWER);
	paper.room = 3000;
	drive_ports(fake, parallel, 0x378, 0x37f, 5000);
	drive_ports(fake, parallel, 0x778, 0x77a, 5000);
	drive_ports(fake, third, 0x3bc, 0x3be, 2000);
	fake_set(fake, "parallel2", "irq", "3");
	struct fake_instance *same = fake_create(fake, "parallel", "parallel2");
	ck_assert_int_lt(fake_init(same), 0);
	fake_destroy(same);
	teardown();
}
END_TEST

PLUGIN_TEST_MAIN("parallel", standard, back_pressure, ecp_registers, ecp_transfer, epp, random_access)
