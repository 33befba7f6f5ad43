/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * debug-exit, char-null and char-stdio.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm/port-char.h>

#include "plugin_test.h"

START_TEST(debug_exit)
{
	struct fake *fake = fake_new();
	fake_add(fake, "debug-exit", "exit0");
	ck_assert_uint_eq(fake_in(fake, 0xf4, 1), 0);
	fake_out(fake, 0xf4, 1, 0);
	ck_assert_int_eq(fake->exit_status, 1);
	fake_out(fake, 0xf4, 4, 0x10);
	ck_assert_int_eq(fake->exit_status, 0x21);
	ck_assert_uint_eq(fake->exited, 2);
	struct fake_instance *second = fake_create(fake, "debug-exit", "exit1");
	ck_assert_int_lt(fake_init(second), 0);
	fake_destroy(second);
	fake_set(fake, "exit2", "port", "0x501");
	fake_add(fake, "debug-exit", "exit2");
	fake_out(fake, 0x501, 1, 3);
	ck_assert_int_eq(fake->exit_status, 7);
	fake_free(fake);
}
END_TEST

/* The guest's side of the line. */
static struct {
	char text[65536];
	uint32_t length, room, writable;
} guest;

static int32_t guest_receive(void *self, const void *data, uint32_t length)
{
	(void)self;
	if (length > guest.room)
		length = guest.room;
	memcpy(guest.text + guest.length, data, length);
	guest.length += length;
	guest.room -= length;
	return (int32_t)length;
}

static void guest_writable(void *self)
{
	(void)self;
	guest.writable++;
}

static void guest_event(void *self, uint32_t event, uint64_t value)
{
	(void)self;
	(void)event;
	(void)value;
}

static const struct vmm_char_upper guest_table = { sizeof(guest_table), 0, guest_receive, guest_writable, guest_event };

static struct fake_link *connect_guest(struct fake *fake, struct fake_instance *line, struct vmm_port_side *side)
{
	const struct vmm_port_side upper = { .struct_size = sizeof(upper), .table = &guest_table };
	memset(&guest, 0, sizeof(guest));
	ck_assert_int_eq(fake_side(line, "line", side), 0);
	return fake_join_sides(fake, &upper, side, VMM_PORT_CHAR, 0);
}

START_TEST(null)
{
	struct vmm_port_side side;
	struct fake *fake = fake_new();
	struct fake_instance *line = fake_add(fake, "char-null", "null0");
	connect_guest(fake, line, &side);
	const struct vmm_char_lower *table = side.table;
	ck_assert_int_eq(table->write(side.self, "hello", 5), 5);
	table->readable(side.self);
	table->event(side.self, VMM_CHAR_BREAK, 0);
	fake_free(fake);
}
END_TEST

/* Standard input and output are pipes here; Check runs each test in its own process. */
START_TEST(stdio_pipes)
{
	int in[2];
	int out[2];
	struct vmm_port_side side;
	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe(out), 0);
	fflush(stdout);
	int kept = dup(STDOUT_FILENO);
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	struct fake *fake = fake_new();
	struct fake_instance *line = fake_add(fake, "char-stdio", "stdio0");
	connect_guest(fake, line, &side);
	const struct vmm_char_lower *table = side.table;
	fake_start(fake);
	/* Output, more than the pipe and the buffer hold: short writes, then writable. */
	static char block[1000];
	memset(block, 'o', sizeof(block));
	uint32_t sent = 0;
	for (uint32_t i = 0; i < 1000; i++) {
		int32_t done = table->write(side.self, block, sizeof(block));
		sent += (uint32_t)done;
		if (done < 1000)
			break;
	}
	ck_assert_uint_gt(sent, 16384);
	ck_assert_uint_lt(sent, 200000);
	fake_poll(fake, 0);
	ck_assert_uint_eq(guest.writable, 0);
	static char sink[300000];
	uint32_t got = 0;
	for (uint32_t i = 0; i < 100 && got < sent; i++) {
		ssize_t length = read(out[0], sink + got, sizeof(sink) - got);
		ck_assert_int_gt(length, 0);
		got += (uint32_t)length;
		fake_poll(fake, 10);
	}
	ck_assert_uint_eq(got, sent);
	ck_assert_uint_ge(guest.writable, 1);
	/* Input: held while the guest takes nothing. */
	ck_assert_int_eq(write(in[1], "typed\x1d", 6), 6);
	for (uint32_t i = 0; i < 10; i++)
		fake_poll(fake, 10);
	ck_assert_uint_eq(guest.length, 0);
	guest.room = 3;
	table->readable(side.self);
	for (uint32_t i = 0; i < 10; i++)
		fake_poll(fake, 10);
	ck_assert_uint_eq(guest.length, 3);
	guest.room = 1000;
	table->readable(side.self);
	for (uint32_t i = 0; i < 10; i++)
		fake_poll(fake, 10);
	ck_assert_uint_eq(guest.length, 6);
	ck_assert(memcmp(guest.text, "typed\x1d", 6) == 0); /* Ctrl-] is a byte like others: this is no terminal */
	ck_assert_uint_eq(fake->exited, 0);
	/* The end of the input ends nothing, and does not spin. */
	close(in[1]);
	close(in[0]);
	for (uint32_t i = 0; i < 10; i++)
		fake_poll(fake, 10);
	ck_assert_uint_eq(fake_poll(fake, 10), 0);
	ck_assert_uint_eq(fake->exited, 0);
	ck_assert_int_eq(table->write(side.self, "last", 4), 4);
	fake_stop(fake);
	ck_assert_int_eq(read(out[0], sink, sizeof(sink)), 4);
	fake_free(fake);
	dup2(kept, STDOUT_FILENO);
}
END_TEST

PLUGIN_TEST_MAIN("small plugins", debug_exit, null, stdio_pipes)
