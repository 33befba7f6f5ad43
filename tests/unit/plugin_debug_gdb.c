/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * GDB's remote protocol, packet by packet ("Debugging with GDB", appendix E).
 */
#include <stdio.h>
#include <string.h>

#include <vmm/port-char.h>

#include "plugin_test.h"

static struct fake *fake;
static struct fake_instance *gdb;
static struct fake_link *link;

/* The debugger's end of the line. */
static struct {
	char text[65536];
	uint32_t length;
	const struct vmm_char_upper *upper;
	void *upper_self;
} peer;

static int32_t peer_write(void *self, const void *data, uint32_t length)
{
	(void)self;
	if (length > sizeof(peer.text) - 1 - peer.length)
		length = (uint32_t)sizeof(peer.text) - 1 - peer.length;
	memcpy(peer.text + peer.length, data, length);
	peer.length += length;
	return (int32_t)length;
}

static void peer_readable(void *self)
{
	(void)self;
}

static void peer_event(void *self, uint32_t event, uint64_t value)
{
	(void)self;
	(void)event;
	(void)value;
}

static const struct vmm_char_lower peer_table = {
	.struct_size = sizeof(struct vmm_char_lower),
	.write = peer_write,
	.readable = peer_readable,
	.event = peer_event,
};

static void begin(const char *wait)
{
	const struct vmm_port_side lower = { .struct_size = sizeof(lower), .table = &peer_table };
	struct vmm_port_side side;

	memset(&peer, 0, sizeof(peer));
	fake = fake_new();
	fake_set(fake, "gdb0", "wait", wait);
	gdb = fake_add(fake, "debug-gdb", "gdb0");
	ck_assert_int_eq(fake_side(gdb, "backend", &side), 0);
	peer.upper = side.table;
	peer.upper_self = side.self;
	link = fake_join_sides(fake, &side, &lower, VMM_PORT_CHAR, 0);
	ck_assert_ptr_nonnull(link);
	fake_start(fake);
	while (fake_poll(fake, 0) > 0)
		;
}

static void end(void)
{
	fake_part(fake, link);
	fake_stop(fake);
	ck_assert_msg(fake->fault_count == 0, "%s", fake->fault);
	fake_free(fake);
}

static const char *send_raw(const char *bytes, uint32_t length)
{
	peer.length = 0;
	ck_assert_int_eq(peer.upper->receive(peer.upper_self, bytes, length), (int32_t)length);
	while (fake_poll(fake, 0) > 0)
		;
	peer.text[peer.length] = '\0';
	return peer.text;
}

/* Send contents as a packet; the contents of the one packet that answers. */
static const char *ask_bytes(const char *contents, uint32_t length)
{
	static char packet[65536];
	uint8_t sum = 0, got = 0;
	unsigned said;
	char *begin_at, *end_at;

	for (uint32_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + (uint8_t)contents[i]);
	packet[0] = '$';
	memcpy(packet + 1, contents, length);
	snprintf(packet + 1 + length, 4, "#%02x", sum);
	send_raw(packet, length + 4);
	begin_at = strchr(peer.text, '$');
	if (begin_at == NULL)
		return NULL;
	end_at = strchr(begin_at, '#');
	ck_assert_ptr_nonnull(end_at);
	for (char *c = begin_at + 1; c < end_at; c++)
		got = (uint8_t)(got + (uint8_t)*c);
	ck_assert_int_eq(sscanf(end_at + 1, "%2x", &said), 1);
	ck_assert_uint_eq(said, got);
	*end_at = '\0';
	return begin_at + 1;
}

static const char *ask(const char *contents)
{
	return ask_bytes(contents, (uint32_t)strlen(contents));
}

static void stand(void)
{
	ck_assert_str_eq(ask("?"), "T02thread:1;");
}

START_TEST(framing)
{
	begin("no");
	ck_assert_str_eq(send_raw("$qC#b5", 6), "-"); /* b4 is right */
	ck_assert_str_eq(send_raw("$qC#b4", 6), "+$QC1#c5");
	ck_assert_str_eq(send_raw("-", 1), "$QC1#c5");
	ck_assert_str_eq(send_raw("+", 1), "");
	/* In pieces, with noise in between packets. */
	ck_assert_str_eq(send_raw("xx$q", 4), "");
	ck_assert_str_eq(send_raw("C#", 2), "");
	ck_assert_str_eq(send_raw("b4", 2), "+$QC1#c5");
	ck_assert_str_eq(ask("vUnknown"), "");
	ck_assert_str_eq(ask("QStartNoAckMode"), "OK");
	ck_assert_str_eq(send_raw("$qC#b4", 6), "$QC1#c5");
	end();
}
END_TEST

START_TEST(stops_and_goes)
{
	begin("no");
	ck_assert_uint_eq(fake->cpu.standing, 0);
	stand();
	ck_assert_uint_eq(fake->cpu.standing, 1);
	ck_assert_ptr_null(ask("c"));
	ck_assert_uint_eq(fake->cpu.standing, 0);
	ck_assert_str_eq(ask("g"), "E10"); /* it runs: EBUSY */
	/* Ctrl-C */
	ck_assert_ptr_nonnull(strstr(send_raw("\003", 1), "$T02thread:1;#"));
	ck_assert_str_eq(ask("vCont?"), "vCont;c;C;s;S");
	ck_assert_str_eq(ask("s"), "T05thread:1;");
	ck_assert_str_eq(ask("vCont;s:1"), "T05thread:1;");
	/* A watchpoint says where. */
	ck_assert_ptr_null(ask("vCont;c"));
	fake->cpu.stop = (struct vmm_cpu_stop){ sizeof(fake->cpu.stop), 0, VMM_CPU_STOP_READ, 0, 0xabc };
	fake->cpu.stop_due = 1;
	ck_assert_ptr_nonnull(strstr(send_raw("+", 1), "$T05thread:1;rwatch:abc;#"));
	/* On at another address. */
	ck_assert_ptr_null(ask("c1234"));
	ck_assert_uint_eq(fake->cpu.registers[VMM_CPU_RIP][0], 0x34);
	ck_assert_uint_eq(fake->cpu.registers[VMM_CPU_RIP][1], 0x12);
	send_raw("\003", 1);
	ck_assert_str_eq(ask("D"), "OK");
	ck_assert_uint_eq(fake->cpu.standing, 0);
	ck_assert_ptr_null(fake->cpu.owner);
	end();
}
END_TEST

START_TEST(waits)
{
	begin("yes");
	ck_assert_uint_eq(fake->cpu.standing, 1);
	/* A hang-up without a call before it is no reason to go. */
	peer.upper->event(peer.upper_self, VMM_CHAR_CLOSED, 0);
	ck_assert_uint_eq(fake->cpu.standing, 1);
	peer.upper->event(peer.upper_self, VMM_CHAR_OPENED, 0);
	stand();
	peer.upper->event(peer.upper_self, VMM_CHAR_CLOSED, 0);
	ck_assert_uint_eq(fake->cpu.standing, 0);
	end();
}
END_TEST

START_TEST(registers)
{
	char all[8192], set[8200];
	const char *xml;

	begin("no");
	stand();
	fake->cpu.registers[VMM_CPU_RAX][0] = 0x78;
	fake->cpu.registers[VMM_CPU_RAX][3] = 0x12;
	ck_assert_str_eq(ask("p0"), "78000012");
	ck_assert_str_eq(ask("P0=01020304"), "OK");
	ck_assert_uint_eq(fake->cpu.registers[VMM_CPU_RAX][2], 3);
	ck_assert_str_eq(ask("P0=0102"), "E16");
	ck_assert_str_eq(ask("pfff"), "E02");
	snprintf(all, sizeof(all), "%s", ask("g"));
	ck_assert_uint_eq(strncmp(all, "01020304", 8), 0);
	memcpy(all, "0a0b0c0d", 8);
	snprintf(set, sizeof(set), "G%s", all);
	ck_assert_str_eq(ask(set), "OK");
	ck_assert_str_eq(ask("g"), all);
	/* The description has a name for each. */
	xml = ask("qXfer:features:read:target.xml:0,7ff");
	ck_assert_int_eq(xml[0], 'm');
	ck_assert_ptr_nonnull(strstr(xml, "<architecture>i386</architecture>"));
	ck_assert_ptr_nonnull(strstr(xml, "name=\"eax\""));
	ck_assert_str_eq(ask("qXfer:features:read:target.xml:100000,7ff"), "l");
	end();
}
END_TEST

START_TEST(memory)
{
	const char binary[] = { 'X', '1', '0', '0', ',', '4', ':', 'a', '}', '\003', '}', ']', 'z' };

	begin("no");
	stand();
	fake_write(fake, 0x1000, "\x12\x34\x56\x78", 4);
	ck_assert_str_eq(ask("m1000,4"), "12345678");
	ck_assert_str_eq(ask("M1001,2:ffee"), "OK");
	ck_assert_str_eq(ask("m1000,4"), "12ffee78");
	ck_assert_str_eq(ask("M1001,2:ff"), "E16");
	ck_assert_str_eq(ask("mffffffffff,4"), "E0e");
	/* Escaped: 7d 03 is '#', 7d 5d is '}'. */
	ck_assert_str_eq(ask_bytes(binary, sizeof(binary)), "OK");
	ck_assert_str_eq(ask("m100,4"), "61237d7a");
	ck_assert_str_eq(ask("X100,5:ab"), "E16");
	ck_assert_str_eq(ask("X100,0:"), "OK");
	end();
}
END_TEST

START_TEST(points)
{
	begin("no");
	stand();
	ck_assert_str_eq(ask("Z0,1000,1"), "OK");
	ck_assert_str_eq(ask("Z1,1000,1"), "OK");
	ck_assert_str_eq(ask("Z2,2000,8"), "OK");
	ck_assert_str_eq(ask("Z4,2000,0"), "E16");
	ck_assert_str_eq(ask("Z7,2000,1"), "");
	ck_assert_uint_eq(fake->cpu.point_count, 3);
	ck_assert_str_eq(ask("z2,2000,8"), "OK");
	ck_assert_uint_eq(fake->cpu.point_count, 2);
	end();
}
END_TEST

/* Whatever comes, the stub lives, and goes on to answer. */
START_TEST(noise)
{
	static char flood[70000];
	uint32_t seed = 1;

	begin("no");
	stand();
	memset(flood, 'm', sizeof(flood));
	flood[0] = '$';
	send_raw(flood, sizeof(flood));
	send_raw("#00", 3);
	for (uint32_t i = 0; i < 20000; i++) {
		static const char letters[] = "?gGpPmMXcsCSZzHTDvqQ,:;=0123456789abcdef}#$*\003-+";
		char packet[40];
		uint32_t length = 1 + (seed >> 8) % 30;

		for (uint32_t k = 0; k < length; k++) {
			seed = seed * 1664525u + 1013904223u;
			packet[k] = letters[(seed >> 10) % (sizeof(letters) - 1)];
		}
		if (i % 2)
			ask_bytes(packet, length);
		else
			send_raw(packet, length);
	}
	send_raw("#00#00#00", 9);
	peer.upper->event(peer.upper_self, VMM_CHAR_OPENED, 0);
	stand();
	end();
}
END_TEST

PLUGIN_TEST_MAIN("debug-gdb", framing, stops_and_goes, waits, registers, memory, points, noise)
