/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* What a debugger asks for, packet by packet. */
#include <stdio.h>

#include "gdb.h"

#define SIGNAL_TRAP 5
#define MEMORY_MAX  (PACKET_MAX / 2 - 16)

static void send_ok(struct gdb *gdb)
{
	packet_send_text(gdb, "OK");
}

static void send_status(struct gdb *gdb, int32_t status)
{
	char text[8];

	if (status >= 0) {
		send_ok(gdb);
		return;
	}
	snprintf(text, sizeof(text), "E%02x", (unsigned)-status & 0xff);
	packet_send_text(gdb, text);
}

/* Threads are CPUs, from 1. */
void command_stopped(struct gdb *gdb)
{
	static const char *const watch[] = { "", "", "", "watch", "rwatch", "awatch" };
	char text[80];
	int at = snprintf(text, sizeof(text), "T%02xthread:%x;",
		gdb->stop.reason == VMM_CPU_STOP_ASKED ? 2 : SIGNAL_TRAP, gdb->stop.cpu + 1);

	if (gdb->stop.reason >= VMM_CPU_STOP_WRITE && gdb->stop.reason <= VMM_CPU_STOP_ACCESS)
		snprintf(text + at, sizeof(text) - (size_t)at, "%s:%llx;", watch[gdb->stop.reason],
			(unsigned long long)gdb->stop.address);
	packet_send_text(gdb, text);
}

static void registers_read(struct gdb *gdb)
{
	uint32_t count = target_registers(gdb);
	char text[PACKET_MAX], *at = text;
	uint8_t value[32];

	if (!gdb->standing) {
		send_status(gdb, -EBUSY);
		return;
	}

	for (uint32_t i = 0; i < count; i++)
		at = hex_put(at, value, target_get(gdb, i, value));
	packet_send(gdb, text, (uint32_t)(at - text));
}

static void registers_write(struct gdb *gdb, const char *text)
{
	uint32_t count = target_registers(gdb), length = (uint32_t)strlen(text);
	int32_t status = 0;
	uint8_t value[32];

	for (uint32_t i = 0; i < count && length; i++) {
		uint32_t size = target_size(gdb, i), now = target_get(gdb, i, value);
		uint8_t wanted[32];

		if (length < 2 * size || !hex_bytes(text, wanted, size))
			break;
		/* Only what differs: some cannot be set, and are sent all the same. */
		if (now == size && memcmp(value, wanted, size) != 0) {
			int32_t failed = target_set(gdb, i, wanted);

			status = status < 0 ? status : failed;
		}
		text += 2 * size;
		length -= 2 * size;
	}
	send_status(gdb, status);
}

static void register_read(struct gdb *gdb, const char *text)
{
	char reply[80];
	uint8_t value[32];
	uint32_t size = target_get(gdb, (uint32_t)hex_number(&text), value);

	if (!size) {
		send_status(gdb, -ENOENT);
		return;
	}
	hex_put(reply, value, size);
	packet_send_text(gdb, reply);
}

static void register_write(struct gdb *gdb, const char *text)
{
	uint32_t number = (uint32_t)hex_number(&text), size = target_size(gdb, number);
	uint8_t value[32];

	if (!size || *text != '=' || !hex_bytes(text + 1, value, size))
		send_status(gdb, -EINVAL);
	else
		send_status(gdb, target_set(gdb, number, value));
}

static uint32_t memory_space(const struct gdb *gdb)
{
	return gdb->physical ? VMM_CPU_PHYSICAL : VMM_CPU_LINEAR;
}

/* m ADDRESS,LENGTH */
static void memory_read(struct gdb *gdb, const char *text)
{
	uint64_t address = hex_number(&text), length = 0;
	uint8_t data[MEMORY_MAX];
	char reply[2 * MEMORY_MAX + 1];
	int32_t status;

	if (*text == ',') {
		text++;
		length = hex_number(&text);
	}
	if (length > MEMORY_MAX)
		length = MEMORY_MAX;
	status = gdb->cpu->read(gdb->host->context, gdb->thread, memory_space(gdb), address, data, length);
	if (status < 0) {
		send_status(gdb, status);
		return;
	}
	hex_put(reply, data, (uint32_t)length);
	packet_send_text(gdb, reply);
}

/* M ADDRESS,LENGTH:HEX and X ADDRESS,LENGTH:BINARY */
static void memory_write(struct gdb *gdb, const char *packet, uint32_t size)
{
	const char *text = packet + 1;
	uint64_t address = hex_number(&text), length = 0;
	uint8_t data[PACKET_MAX];
	uint32_t left;

	if (*text == ',') {
		text++;
		length = hex_number(&text);
	}
	if (*text++ != ':' || length > sizeof(data)) {
		send_status(gdb, -EINVAL);
		return;
	}
	left = size - (uint32_t)(text - packet);
	if (packet[0] == 'X' && left >= length)
		memcpy(data, text, length);
	else if (packet[0] == 'X' || left < 2 * length || (length && !hex_bytes(text, data, (uint32_t)length))) {
		send_status(gdb, -EINVAL);
		return;
	}
	send_status(gdb,
		length ? gdb->cpu->write(gdb->host->context, gdb->thread, memory_space(gdb), address, data, length)
		       : 0);
}

/* Z and z KIND,ADDRESS,LENGTH */
static void point(struct gdb *gdb, const char *text, bool add)
{
	static const uint32_t kinds[] = { VMM_CPU_POINT_EXEC, VMM_CPU_POINT_EXEC, VMM_CPU_POINT_WRITE,
		VMM_CPU_POINT_READ, VMM_CPU_POINT_ACCESS };
	uint64_t kind = hex_number(&text), address = 0, length = 1;

	if (kind >= VMM_KIT_COUNT(kinds)) {
		packet_send_text(gdb, "");
		return;
	}
	if (*text == ',') {
		text++;
		address = hex_number(&text);
	}
	if (*text == ',' && kind > 1) {
		text++;
		length = hex_number(&text);
	}
	send_status(gdb, gdb->cpu->point(gdb->host->context, kinds[kind], address, length, add));
}

/* c, s and their kin with an address to go on at; the answer comes when it has stopped. */
static void go(struct gdb *gdb, const char *text, uint32_t cpu, bool step)
{
	int32_t status = 0;

	if (*text) {
		uint64_t address = hex_number(&text);

		status = gdb->cpu->set_register(gdb->host->context, cpu, VMM_CPU_RIP, &address, sizeof(address));
	}
	if (status >= 0)
		status = gdb_go(gdb, cpu, step);
	if (status < 0)
		send_status(gdb, status);
}

/* vCont;ACTION[:THREAD]... : one steps or all go. */
static void go_threads(struct gdb *gdb, const char *text)
{
	uint32_t cpu = gdb->thread;
	bool step = false;

	while (*text == ';') {
		char action = text[1];

		text += 2;
		if (action == 'C' || action == 'S')
			hex_number(&text);
		if ((action == 's' || action == 'S') && !step) {
			step = true;
			if (*text == ':' && text[1] != '-') {
				const char *at = text + 1;
				uint64_t thread = hex_number(&at);

				cpu = thread && thread <= gdb->cpu->count(gdb->host->context) ? (uint32_t)thread - 1
											      : 0;
			}
		}
		while (*text && *text != ';')
			text++;
	}
	go(gdb, "", cpu, step);
}

static void thread_choose(struct gdb *gdb, const char *text)
{
	const char *at = text + 1;
	uint64_t thread = *at == '-' ? 0 : hex_number(&at);

	if (thread > gdb->cpu->count(gdb->host->context)) {
		send_status(gdb, -ENOENT);
		return;
	}
	if (*text == 'g' && thread)
		gdb->thread = (uint32_t)thread - 1;
	send_ok(gdb);
}

static void threads_list(struct gdb *gdb)
{
	uint32_t count = gdb->cpu->count(gdb->host->context);
	char text[1024] = "m";
	size_t at = 1;

	for (uint32_t i = 0; i < count && at < sizeof(text) - 8; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%x", i ? "," : "", i + 1);
	packet_send_text(gdb, text);
}

/* qXfer:features:read:target.xml:OFFSET,LENGTH */
static void description_read(struct gdb *gdb, const char *text)
{
	char description[PACKET_MAX];
	uint32_t size = target_description(gdb, description + 1, sizeof(description) - 1);
	uint64_t offset = hex_number(&text), length = 0;

	if (*text == ',') {
		text++;
		length = hex_number(&text);
	}
	if (length > PACKET_MAX / 2)
		length = PACKET_MAX / 2;
	if (offset >= size) {
		packet_send_text(gdb, "l");
		return;
	}
	if (length > size - offset)
		length = size - offset;
	description[offset] = offset + length < size ? 'm' : 'l';
	packet_send(gdb, description + offset, (uint32_t)length + 1);
}

static const char *begins(const char *text, const char *with)
{
	size_t length = strlen(with);

	return strncmp(text, with, length) == 0 ? text + length : NULL;
}

static void query(struct gdb *gdb, const char *text)
{
	char reply[128];
	const char *rest;

	if (begins(text, "qSupported")) {
		snprintf(reply, sizeof(reply), "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;vContSupported+",
			PACKET_MAX - 16);
		packet_send_text(gdb, reply);
	} else if ((rest = begins(text, "qXfer:features:read:target.xml:"))) {
		description_read(gdb, rest);
	} else if (begins(text, "qfThreadInfo")) {
		threads_list(gdb);
	} else if (begins(text, "qsThreadInfo")) {
		packet_send_text(gdb, "l");
	} else if ((rest = begins(text, "qThreadExtraInfo,"))) {
		char name[24];

		snprintf(name, sizeof(name), "CPU %llu", (unsigned long long)hex_number(&rest) - 1);
		hex_put(reply, name, (uint32_t)strlen(name));
		packet_send_text(gdb, reply);
	} else if (strcmp(text, "qC") == 0) {
		snprintf(reply, sizeof(reply), "QC%x", gdb->thread + 1);
		packet_send_text(gdb, reply);
	} else if (begins(text, "qAttached")) {
		packet_send_text(gdb, "1");
	} else if ((rest = begins(text, "qRcmd,"))) {
		char words[256];
		uint32_t length = (uint32_t)strlen(rest) / 2;

		if (length >= sizeof(words) || (length && !hex_bytes(rest, (uint8_t *)words, length))) {
			send_status(gdb, -EINVAL);
			return;
		}
		words[length] = '\0';
		monitor_run(gdb, words);
	} else if ((rest = begins(text, "Qqemu.PhyMemMode:"))) {
		gdb->physical = *rest == '1';
		send_ok(gdb);
	} else if (begins(text, "qqemu.PhyMemMode")) {
		packet_send_text(gdb, gdb->physical ? "1" : "0");
	} else if (begins(text, "QStartNoAckMode")) {
		send_ok(gdb);
		gdb->no_ack = 1;
	} else {
		packet_send_text(gdb, "");
	}
}

void command_run(struct gdb *gdb, char *packet, uint32_t length)
{
	const char *rest = packet + 1;

	/* Everything but a look at who is there wants the CPUs to stand. */
	switch (length ? packet[0] : 0) {
	case '?':
		gdb->stop_due = 1;
		if (gdb->standing) {
			gdb->stop_due = 0;
			command_stopped(gdb);
		} else {
			gdb->cpu->stop(gdb->host->context);
		}
		break;
	case 'g': registers_read(gdb); break;
	case 'G': registers_write(gdb, rest); break;
	case 'p': register_read(gdb, rest); break;
	case 'P': register_write(gdb, rest); break;
	case 'm': memory_read(gdb, rest); break;
	case 'M':
	case 'X': memory_write(gdb, packet, length); break;
	case 'c': go(gdb, rest, gdb->thread, false); break;
	case 's': go(gdb, rest, gdb->thread, true); break;
	case 'C':
	case 'S':
		hex_number(&rest);
		go(gdb, *rest == ';' ? rest + 1 : rest, gdb->thread, packet[0] == 'S');
		break;
	case 'Z': point(gdb, rest, true); break;
	case 'z': point(gdb, rest, false); break;
	case 'H': thread_choose(gdb, rest); break;
	case 'T': send_status(gdb, hex_number(&rest) - 1 < gdb->cpu->count(gdb->host->context) ? 0 : -ENOENT); break;
	case 'D':
		send_ok(gdb);
		packet_flush(gdb);
		gdb_leave(gdb);
		break;
	case 'k': gdb->power->request(gdb->host->context, VMM_POWER_OFF); break;
	case 'q':
	case 'Q': query(gdb, packet); break;
	case 'v':
		if (strcmp(packet, "vCont?") == 0)
			packet_send_text(gdb, "vCont;c;C;s;S");
		else if (begins(packet, "vCont;"))
			go_threads(gdb, packet + 5);
		else if (begins(packet, "vKill")) {
			send_ok(gdb);
			gdb->power->request(gdb->host->context, VMM_POWER_OFF);
		} else
			packet_send_text(gdb, "");
		break;
	default: packet_send_text(gdb, ""); break; /* "not supported" */
	}
}
