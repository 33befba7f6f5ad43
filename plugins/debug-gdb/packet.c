/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Packets: framing, checksums, acknowledgement, escapes. */
#include <stdio.h>

#include "gdb.h"

enum { IDLE, CONTENTS, SUM_HIGH, SUM_LOW };

static const char digits[] = "0123456789abcdef";

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint64_t hex_number(const char **at)
{
	uint64_t value = 0;

	for (int digit; (digit = digit_value(**at)) >= 0; ++*at)
		value = value << 4 | (unsigned)digit;
	return value;
}

uint32_t hex_bytes(const char *text, uint8_t *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		int high = digit_value(text[2 * i]), low = high < 0 ? -1 : digit_value(text[2 * i + 1]);

		if (low < 0)
			return 0;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return length;
}

char *hex_put(char *at, const void *bytes, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		uint8_t byte = ((const uint8_t *)bytes)[i];

		*at++ = digits[byte >> 4];
		*at++ = digits[byte & 15];
	}
	*at = '\0';
	return at;
}

void packet_flush(struct gdb *gdb)
{
	while (gdb->backend && gdb->out_sent < gdb->out_length) {
		int32_t taken = gdb->backend->write(
			gdb->backend_self, gdb->out + gdb->out_sent, gdb->out_length - gdb->out_sent);

		if (taken <= 0)
			return;
		gdb->out_sent += (uint32_t)taken;
	}
	gdb->out_length = gdb->out_sent = 0;
}

static void out_add(struct gdb *gdb, const char *data, uint32_t length)
{
	if (gdb->out_sent) {
		memmove(gdb->out, gdb->out + gdb->out_sent, gdb->out_length - gdb->out_sent);
		gdb->out_length -= gdb->out_sent;
		gdb->out_sent = 0;
	}
	/* A debugger that sends without listening loses the answers. */
	if (length > sizeof(gdb->out) - gdb->out_length)
		return;
	memcpy(gdb->out + gdb->out_length, data, length);
	gdb->out_length += length;
}

void packet_send(struct gdb *gdb, const char *contents, uint32_t length)
{
	uint8_t sum = 0;
	uint32_t at = 0;

	gdb->last[at++] = '$';
	for (uint32_t i = 0; i < length && at < PACKET_MAX; i++) {
		char c = contents[i];

		if (c == '#' || c == '$' || c == '}' || c == '*') {
			gdb->last[at++] = '}';
			sum = (uint8_t)(sum + '}');
			c ^= 0x20;
		}
		gdb->last[at++] = c;
		sum = (uint8_t)(sum + (uint8_t)c);
	}
	gdb->last[at++] = '#';
	gdb->last[at++] = digits[sum >> 4];
	gdb->last[at++] = digits[sum & 15];
	gdb->last_length = at;
	out_add(gdb, gdb->last, at);
}

void packet_send_text(struct gdb *gdb, const char *text)
{
	packet_send(gdb, text, (uint32_t)strlen(text));
}

void packet_forget(struct gdb *gdb)
{
	gdb->state = IDLE;
	gdb->length = gdb->out_length = gdb->out_sent = gdb->last_length = 0;
	gdb->no_ack = gdb->physical = 0;
}

static void packet_end(struct gdb *gdb, int sum)
{
	uint8_t is = 0;

	for (uint32_t i = 0; i < gdb->length; i++)
		is = (uint8_t)(is + (uint8_t)gdb->packet[i]);
	if (!gdb->no_ack)
		out_add(gdb, is == sum ? "+" : "-", 1);
	if (is != sum && !gdb->no_ack)
		return;
	/* Undo escapes; only X has them. */
	uint32_t length = 0;

	for (uint32_t i = 0; i < gdb->length; i++) {
		char c = gdb->packet[i];

		if (c == '}' && i + 1 < gdb->length)
			c = gdb->packet[++i] ^ 0x20;
		gdb->packet[length++] = c;
	}
	gdb->packet[length] = '\0';
	command_run(gdb, gdb->packet, length);
}

static void idle_byte(struct gdb *gdb, uint8_t byte)
{
	switch (byte) {
	case '$':
		gdb->state = CONTENTS;
		gdb->length = 0;
		break;
	case 3: /* Ctrl-C */
		gdb->stop_due = 1;
		gdb->cpu->stop(gdb->host->context);
		break;
	case '-': out_add(gdb, gdb->last, gdb->last_length); break;
	default: break;
	}
}

int32_t packet_receive(struct gdb *gdb, const uint8_t *data, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		switch (gdb->state) {
		case IDLE: idle_byte(gdb, data[i]); break;
		case CONTENTS:
			if (data[i] == '#')
				gdb->state = SUM_HIGH;
			else if (gdb->length < PACKET_MAX)
				gdb->packet[gdb->length++] = (char)data[i];
			break;
		case SUM_HIGH:
			gdb->digit = data[i];
			gdb->state = SUM_LOW;
			break;
		default: {
			int high = digit_value((char)gdb->digit), low = digit_value((char)data[i]);

			gdb->state = IDLE;
			/* What is no number is no sum either. */
			packet_end(gdb, high < 0 || low < 0 ? -1 : high << 4 | low);
		}
		}
	}
	return (int32_t)length;
}
