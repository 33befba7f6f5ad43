/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "plugin_test.h"

#include <errno.h>
#include <string.h>

#include <vmm/port-dma.h>
#include <vmm/port-isa.h>

static struct fake *fake;
static struct fake_instance *dma;
static const struct vmm_dma_lower *lower;
static void *lower_self;
static uint32_t dacks[8], inside;

static void dack(void *self, uint32_t channel)
{
	(void)self;
	ck_assert_uint_eq(inside, 0);
	ck_assert_uint_lt(channel, 8);
	dacks[channel]++;
}

static const struct vmm_dma_upper upper_table = { .struct_size = sizeof(upper_table), .dack = dack };

static void setup(void)
{
	struct vmm_port_side side;
	const struct vmm_port_side upper = { .struct_size = sizeof(upper), .table = &upper_table };
	fake = fake_new();
	dma = fake_add(fake, "dma-8237", "dma0");
	ck_assert_int_eq(fake_side(dma, "bus", &side), 0);
	struct fake_link *link = fake_join_sides(fake, &upper, &side, VMM_PORT_DMA, 0);
	lower = link->upper.peer;
	lower_self = link->upper.peer_self;
	memset(dacks, 0, sizeof(dacks));
	fake_reset(fake, VMM_RESET_POWER);
	fake_out(fake, 0xd6, 1, 0xc0); /* channel 4: cascade */
	fake_out(fake, 0xd4, 1, 0x00);
}

static void program(uint32_t channel, uint32_t mode, uint32_t page, uint32_t address, uint32_t count)
{
	static const uint16_t pages[8] = { 0x87, 0x83, 0x81, 0x82, 0x8f, 0x8b, 0x89, 0x8a };
	uint32_t base = channel < 4 ? 0 : 0xc0;
	uint32_t step = channel < 4 ? 1 : 2;
	uint32_t number = channel & 3;
	fake_out(fake, base + 10 * step, 1, 4 | number);
	fake_out(fake, base + 12 * step, 1, 0);
	fake_out(fake, base + 11 * step, 1, mode | number);
	fake_out(fake, base + number * 2 * step, 1, address & 0xff);
	fake_out(fake, base + number * 2 * step, 1, address >> 8);
	fake_out(fake, base + (number * 2 + 1) * step, 1, count & 0xff);
	fake_out(fake, base + (number * 2 + 1) * step, 1, count >> 8);
	fake_out(fake, pages[channel], 1, page);
	fake_out(fake, base + 10 * step, 1, number);
}

static uint32_t word(uint32_t port)
{
	fake_out(fake, port >= 0xc0 ? 0xd8 : 0x0c, 1, 0);
	uint32_t low = fake_in(fake, port, 1);
	return low | fake_in(fake, port, 1) << 8;
}

static void line(uint32_t channel, uint32_t level)
{
	inside = 1;
	ck_assert_int_eq(lower->dreq(lower_self, channel, level), 0);
	inside = 0;
}

static int32_t put(uint32_t channel, const void *data, uint32_t length, uint32_t *terminal)
{
	inside = 1;
	int32_t done = lower->to_memory(lower_self, channel, data, length, terminal);
	inside = 0;
	return done;
}

static int32_t get(uint32_t channel, void *data, uint32_t length, uint32_t *terminal)
{
	inside = 1;
	int32_t done = lower->from_memory(lower_self, channel, data, length, terminal);
	inside = 0;
	return done;
}

START_TEST(to_memory)
{
	uint8_t data[1024];
	uint8_t back[1024];
	uint32_t terminal;
	setup();
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 3 + 1);
	/* Channel 4 is in cascade mode without being told to; only its mask is in the way. */
	fake_reset(fake, VMM_RESET_HARD);
	fake_out(fake, 0xd4, 1, 0x00);
	ck_assert_int_eq(put(2, data, 512, &terminal), 0); /* nobody has programmed it */
	program(2, 0x44, 0x12, 0x3400, 1023);
	ck_assert_int_eq(put(2, data, 512, &terminal), 0); /* and nobody asks */
	line(2, 1);
	ck_assert_uint_eq(fake_in(fake, 0x08, 1), 0x40);
	ck_assert_int_eq(put(2, data, 512, &terminal), 512);
	ck_assert_uint_eq(terminal, 0);
	ck_assert_uint_eq(word(0x04), 0x3600);
	ck_assert_uint_eq(word(0x05), 511);
	ck_assert_int_eq(put(2, data + 512, 9999 > 512 ? 512 : 0, &terminal), 512);
	ck_assert_uint_eq(terminal, 1);
	fake_read(fake, 0x123400, back, sizeof(back));
	ck_assert_mem_eq(back, data, sizeof(data));
	/* TC: masked, told once. */
	ck_assert_uint_eq(fake_in(fake, 0x08, 1), 0x44);
	ck_assert_uint_eq(fake_in(fake, 0x08, 1), 0x40);
	ck_assert_uint_eq(fake_in(fake, 0x0f, 1), 0x0f);
	ck_assert_uint_eq(word(0x05), 0xffff);
	ck_assert_int_eq(put(2, data, 512, &terminal), 0);
	ck_assert(fake_round_trip(dma));
	fake_free(fake);
}
END_TEST

START_TEST(from_memory)
{
	uint8_t data[600];
	uint8_t back[600];
	uint32_t terminal;
	setup();
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 5 + 1);
	fake_write(fake, 0x20000, data, sizeof(data));
	/* Wraps within its page. */
	program(1, 0x48, 0x02, 0xff00, 599);
	fake_write(fake, 0x2ff00, data, 256);
	fake_write(fake, 0x20000, data + 256, 344);
	line(1, 1);
	ck_assert_int_eq(get(1, back, 600, &terminal), 600);
	ck_assert_uint_eq(terminal, 1);
	ck_assert_mem_eq(back, data, 600);
	/* Down, with autoinitialization: the first byte is the highest. */
	program(1, 0x48 | 0x30, 0x02, 0x0003, 7);
	fake_write(fake, 0x20000, "DCBA", 4);
	fake_write(fake, 0x2fffc, "HGFE", 4);
	ck_assert_int_eq(get(1, back, 100, &terminal), 8);
	ck_assert_uint_eq(terminal, 1);
	ck_assert_mem_eq(back, "ABCDEFGH", 8);
	ck_assert_uint_eq(word(0x02), 3);
	ck_assert_uint_eq(word(0x03), 7);
	ck_assert_int_eq(get(1, back, 3, &terminal), 3);
	ck_assert_uint_eq(terminal, 0);
	ck_assert_mem_eq(back, "ABC", 3);
	fake_free(fake);
}
END_TEST

START_TEST(words)
{
	uint8_t data[16] = "0123456789abcdef";
	uint8_t back[16];
	uint32_t terminal;
	setup();
	/* Page bit 0 is not wired; the wrap is at 128 KiB. */
	program(5, 0x44, 0x13, 0xfffe, 7);
	line(5, 1);
	ck_assert_int_eq(put(5, data, 5, &terminal), 4); /* whole words only */
	ck_assert_int_eq(put(5, data + 4, 12, &terminal), 12);
	ck_assert_uint_eq(terminal, 1);
	fake_read(fake, 0x13fffc, back, 4);
	ck_assert_mem_eq(back, "0123", 4);
	fake_read(fake, 0x120000, back, 12);
	ck_assert_mem_eq(back, "456789abcdef", 12);
	ck_assert_uint_eq(fake_in(fake, 0xd0, 1), 0x22);
	/* Down: words in the other order, bytes not. */
	program(6, 0x44 | 0x20, 0x10, 0x0011, 1);
	line(6, 1);
	ck_assert_int_eq(put(6, "abcd", 4, &terminal), 4);
	fake_read(fake, 0x100020, back, 4);
	ck_assert_mem_eq(back, "cdab", 4);
	ck_assert_int_eq(lower->dreq(lower_self, 4, 1), -EINVAL);
	ck_assert_int_eq(lower->dreq(lower_self, 8, 1), -EINVAL);
	ck_assert_int_eq(lower->to_memory(lower_self, 4, data, 2, &terminal), -EINVAL);
	fake_free(fake);
}
END_TEST

/* What keeps a channel from being served, and who is told when it no longer does. */
START_TEST(gates)
{
	uint8_t byte = 0x77;
	uint32_t terminal;
	setup();
	program(2, 0x54, 0, 0x1000, 99);
	line(2, 1);
	ck_assert_uint_eq(dacks[2], 0);
	fake_run_timers(fake);
	ck_assert_uint_eq(dacks[2], 1);
	static const struct {
		uint16_t port;
		uint8_t off, on;
	} rows[] = {
		{ 0x0a, 0x06, 0x02 },                       /* its mask */
		{ 0x0f, 0x0f, 0x0b }, { 0x08, 0x04, 0x00 }, /* the chips */
		{ 0xd0, 0x04, 0x00 }, { 0xd4, 0x04, 0x00 }, /* the cascade */
		{ 0xd6, 0x40, 0xc0 }, { 0x0b, 0xd6, 0x56 }, /* a master of its own */
	};
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_out(fake, rows[i].port, 1, rows[i].off);
		ck_assert_int_eq(put(2, &byte, 1, &terminal), 0);
		ck_assert_uint_eq(terminal, 0);
		fake_run_timers(fake);
		ck_assert_uint_eq(dacks[2], 1 + i);
		fake_out(fake, rows[i].port, 1, rows[i].on);
		ck_assert_uint_eq(dacks[2], 1 + i); /* not from within the access */
		ck_assert(fake_round_trip(dma));
		fake_run_timers(fake);
		ck_assert_uint_eq(dacks[2], 2 + i);
		ck_assert_int_eq(put(2, &byte, 1, &terminal), 1);
	}
	/* Not if it has given up meanwhile. */
	fake_out(fake, 0x0a, 1, 6);
	fake_out(fake, 0x0a, 1, 2);
	line(2, 0);
	fake_run_timers(fake);
	ck_assert_uint_eq(dacks[2], 1 + sizeof(rows) / sizeof(rows[0]));
	/* DREQ low active. */
	fake_out(fake, 0x08, 1, 0x40);
	ck_assert_uint_eq(fake_in(fake, 0x08, 1) >> 4, 0xf);
	ck_assert_int_eq(put(2, &byte, 1, &terminal), 1);
	line(2, 1);
	ck_assert_int_eq(put(2, &byte, 1, &terminal), 0);
	fake_free(fake);
}
END_TEST

START_TEST(registers)
{
	setup();
	/* The flip-flop is shared by all. */
	fake_out(fake, 0x0c, 1, 0);
	fake_out(fake, 0x00, 1, 0x34);
	fake_out(fake, 0x03, 1, 0x12);
	ck_assert_uint_eq(word(0x00), 0x0034);
	ck_assert_uint_eq(word(0x03), 0x1200);
	/* Page registers, and those that are only scratch. */
	for (uint32_t i = 0x81; i < 0x90; i++)
		fake_out(fake, i, 1, i ^ 0x5a);
	for (uint32_t i = 0x81; i < 0x90; i++)
		ck_assert_uint_eq(fake_in(fake, i, 1), i ^ 0x5a);
	/* Master clear: all masked, the words stay. */
	fake_out(fake, 0x0e, 1, 0);
	ck_assert_uint_eq(fake_in(fake, 0x0f, 1), 0);
	fake_out(fake, 0x09, 1, 0x07);
	fake_out(fake, 0x08, 1, 0x04);
	fake_out(fake, 0x0d, 1, 0);
	ck_assert_uint_eq(fake_in(fake, 0x0f, 1), 0x0f);
	ck_assert_uint_eq(fake_in(fake, 0x08, 1), 0);
	ck_assert_uint_eq(word(0x00), 0x0034);
	fake_out(fake, 0xdc, 1, 0);
	ck_assert_uint_eq(fake_in(fake, 0xde, 1), 0);
	fake_out(fake, 0xde, 1, 0xa);
	ck_assert_uint_eq(fake_in(fake, 0xde, 1), 0xa);
	fake_reset(fake, VMM_RESET_HARD);
	ck_assert_uint_eq(fake_in(fake, 0xde, 1), 0xf);
	ck_assert(fake_round_trip(dma));
	fake_free(fake);
}
END_TEST

START_TEST(by_software)
{
	uint8_t back[16];
	setup();
	/* Memory to memory: by channel 0's address and channel 1's address and count. */
	fake_write(fake, 0x31000, "memory to memory", 16);
	program(0, 0x88, 0x03, 0x1000, 0);
	program(1, 0x84, 0x04, 0xfff8, 15);
	fake_out(fake, 0x08, 1, 0x01);
	fake_out(fake, 0x09, 1, 0x04);
	fake_read(fake, 0x4fff8, back, 8);
	ck_assert_mem_eq(back, "memory t", 8);
	fake_read(fake, 0x40000, back, 8);
	ck_assert_mem_eq(back, "o memory", 8);
	ck_assert_uint_eq(fake_in(fake, 0x0d, 1), 'y');
	ck_assert_uint_eq(fake_in(fake, 0x08, 1), 0x02);
	ck_assert_uint_eq(word(0x00), 0x1010);
	/* With channel 0's address held: fill. */
	program(0, 0xa8, 0x03, 0x1000, 0);
	program(1, 0x84, 0x04, 0x0000, 15);
	fake_out(fake, 0x08, 1, 0x03);
	fake_out(fake, 0x09, 1, 0x04);
	fake_read(fake, 0x40000, back, 16);
	ck_assert_mem_eq(back, "mmmmmmmmmmmmmmmm", 16);
	/* A block on a channel without a device: all ones; masks do not matter. */
	fake_out(fake, 0x08, 1, 0x00);
	program(3, 0x84, 0x04, 0x0000, 7);
	fake_out(fake, 0x0a, 1, 0x07);
	fake_out(fake, 0x09, 1, 0x07);
	fake_read(fake, 0x40000, back, 16);
	ck_assert_mem_eq(back, "\xff\xff\xff\xff\xff\xff\xff\xffmmmmmmmm", 16);
	ck_assert_uint_eq(fake_in(fake, 0x08, 1), 0x0a);
	fake_free(fake);
}
END_TEST

/* A verify, and a device that goes the other way than the program: counted, nothing written. */
START_TEST(other_directions)
{
	uint8_t data[4] = "abcd";
	uint32_t terminal;
	setup();
	fake_write(fake, 0x1000, "1234", 4);
	program(2, 0x40, 0, 0x1000, 3);
	line(2, 1);
	ck_assert_int_eq(put(2, data, 4, &terminal), 4);
	ck_assert_uint_eq(terminal, 1);
	program(2, 0x48, 0, 0x1000, 3);
	ck_assert_int_eq(put(2, data, 4, &terminal), 4);
	fake_read(fake, 0x1000, data, 4);
	ck_assert_mem_eq(data, "1234", 4);
	program(2, 0x44, 0, 0x1000, 3);
	ck_assert_int_eq(get(2, data, 4, &terminal), 4);
	ck_assert_mem_eq(data, "\xff\xff\xff\xff", 4);
	fake_read(fake, 0x1000, data, 4);
	ck_assert_mem_eq(data, "1234", 4);
	fake_free(fake);
}
END_TEST

/* Behind the chipset. */

static uint32_t reached[2];

static void device_dack(void *self, uint32_t channel)
{
	ck_assert_uint_eq(channel, 3);
	(*(uint32_t *)self)++;
}

static const struct vmm_isa_lower device_table = { .struct_size = sizeof(device_table), .dack = device_dack };

START_TEST(relay)
{
	struct vmm_port_side isa;
	struct fake_link *links[2];
	uint8_t back[4];
	uint32_t terminal = 1;
	fake = fake_new();
	struct fake_instance *chipset = fake_add(fake, "chipset-i440", "chipset0");
	ck_assert_int_eq(fake_side(chipset, "isa", &isa), 0);
	for (uint32_t i = 0; i < 2; i++) {
		const struct vmm_port_side device = {
			.struct_size = sizeof(device), .table = &device_table, .self = &reached[i]
		};
		links[i] = fake_join_sides(fake, &isa, &device, VMM_PORT_ISA, 0);
	}
	const struct vmm_isa_upper *bus = links[0]->lower.peer;
	fake_reset(fake, VMM_RESET_POWER);
	ck_assert_int_eq(bus->dreq(links[0]->lower.peer_self, 3, 1), -ENODEV);
	ck_assert_int_eq(bus->dma_to_memory(links[0]->lower.peer_self, 3, "x", 1, &terminal), 0);
	ck_assert_uint_eq(terminal, 0);
	dma = fake_add(fake, "dma-8237", "dma0");
	ck_assert_ptr_nonnull(fake_join(chipset, "dma", dma, "bus", VMM_PORT_DMA, 0));
	fake_reset(fake, VMM_RESET_POWER);
	ck_assert_int_eq(bus->dreq(links[1]->lower.peer_self, 3, 1), 0);
	ck_assert_int_eq(bus->dreq(links[1]->lower.peer_self, 4, 1), -EINVAL);
	fake_out(fake, 0xd6, 1, 0xc0);
	fake_out(fake, 0xd4, 1, 0x00);
	reached[0] = reached[1] = 0;
	program(3, 0x44, 0x01, 0x0000, 3);
	ck_assert(fake_round_trip(chipset));
	fake_run_timers(fake);
	ck_assert_uint_eq(reached[0], 0);
	ck_assert_uint_eq(reached[1], 1);
	ck_assert_int_eq(bus->dma_to_memory(links[1]->lower.peer_self, 3, "abcd", 4, &terminal), 4);
	ck_assert_uint_eq(terminal, 1);
	fake_read(fake, 0x10000, back, 4);
	ck_assert_mem_eq(back, "abcd", 4);
	/* Who goes takes his request along. */
	ck_assert_uint_eq(fake_in(fake, 0x08, 1), 0x88);
	fake_part(fake, links[1]);
	ck_assert_uint_eq(fake_in(fake, 0x08, 1), 0x00);
	fake_free(fake);
}
END_TEST

START_TEST(driven)
{
	setup();
	line(1, 1);
	line(6, 1);
	drive_ports(fake, dma, 0x00, 0x0f, 3000);
	drive_ports(fake, dma, 0x81, 0x8f, 300);
	drive_ports(fake, dma, 0xc0, 0xdf, 3000);
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("dma", to_memory, from_memory, words, gates, registers, by_software, other_directions, relay, driven)
