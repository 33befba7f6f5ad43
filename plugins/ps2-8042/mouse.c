/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The mouse: three buttons, and after the right sequence of sample rates a wheel (ID 3) or a wheel and five buttons
 * (ID 4).
 */
#include "ps2.h"

#define ACK    0xfa
#define RESEND 0xfe

static void reply(struct ps2 *ps2, uint8_t byte)
{
	vmm_ring_push(&ps2->mouse.device.reply, byte);
	controller_queued(ps2);
}

static void defaults(struct ps2 *ps2)
{
	struct mouse *mouse = &ps2->mouse;
	vmm_ring_clear(&mouse->device.queue);
	mouse->device.enabled = 0;
	mouse->remote = mouse->wrap = mouse->scale = 0;
	mouse->resolution = 2;
	mouse->rate = 100;
	mouse->knock = 0;
	mouse->dx = mouse->dy = mouse->dz = 0;
}

void mouse_reset(struct ps2 *ps2)
{
	struct mouse *mouse = &ps2->mouse;
	defaults(ps2);
	vmm_ring_clear(&mouse->device.reply);
	mouse->device.argument = mouse->device.last = 0;
	mouse->id = 0;
	mouse->buttons = mouse->reported = 0;
	mouse->next_report = 0;
	ps2->timer->arm(ps2->host->context, ps2->report_timer, VMM_TIME_NEVER);
}

static int32_t take(int32_t *from, int32_t low, int32_t high)
{
	int32_t value = *from < low ? low : *from > high ? high : *from;
	*from -= value;
	return value;
}

/* Scaling 2:1 of the stream's counts. */
static int32_t scaled(int32_t value)
{
	static const uint8_t small[6] = { 0, 1, 1, 3, 6, 9 };
	int32_t size = value < 0 ? -value : value;
	size = size < 6 ? small[size] : 2 * size;
	return value < 0 ? -size : size;
}

static uint32_t packet_size(const struct mouse *mouse)
{
	return mouse->id == 0 ? 3 : 4;
}

/* What has gathered, as far as one packet holds it. */
static uint32_t packet(struct mouse *mouse, uint32_t stream, uint8_t *bytes)
{
	int32_t limit = stream && mouse->scale ? 127 : 255;
	int32_t x = take(&mouse->dx, -limit, limit);
	int32_t y = take(&mouse->dy, -limit, limit);
	if (stream && mouse->scale) {
		x = scaled(x);
		y = scaled(y);
	}
	bytes[0] = (uint8_t)(0x08 | (mouse->buttons & 7) | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0));
	bytes[1] = (uint8_t)x;
	bytes[2] = (uint8_t)y;
	if (mouse->id == 3) {
		bytes[3] = (uint8_t)take(&mouse->dz, -128, 127);
	} else if (mouse->id == 4) {
		bytes[3] = (uint8_t)((take(&mouse->dz, -8, 7) & 15) | (mouse->buttons & 0x18) << 1);
	} else {
		mouse->dz = 0;
	}
	mouse->reported = mouse->buttons;
	return packet_size(mouse);
}

void mouse_report(struct ps2 *ps2)
{
	struct mouse *mouse = &ps2->mouse;
	uint8_t bytes[4];
	uint32_t news = mouse->dx != 0 || mouse->dy != 0 || mouse->dz != 0 || mouse->buttons != mouse->reported;
	if (!news || !mouse->device.enabled || mouse->remote || mouse->wrap)
		return;
	vmm_time now = ps2_now(ps2);
	if (now >= mouse->next_report && vmm_ring_space(&mouse->device.queue) >= sizeof(bytes)) {
		vmm_ring_write(&mouse->device.queue, bytes, packet(mouse, 1, bytes));
		mouse->next_report = now + UINT64_C(1000000000) / mouse->rate;
		controller_queued(ps2);
	}
	/* What is left, or comes meanwhile, waits for the next sample. */
	vmm_time at = mouse->next_report > now ? mouse->next_report : now + UINT64_C(1000000000) / mouse->rate;
	ps2->timer->arm(ps2->host->context, ps2->report_timer, at);
}

int32_t mouse_move(struct ps2 *ps2, int32_t dx, int32_t dy, int32_t dz, uint32_t buttons)
{
	struct mouse *mouse = &ps2->mouse;
	/* More than a hand can move between two samples is noise. */
	static const int32_t limit = 1 << 20;
	if (dx < -limit || dx > limit || dy < -limit || dy > limit || dz < -limit || dz > limit)
		return -EINVAL;
	mouse->buttons = buttons & 0x1f;
	if (!mouse->device.enabled && !mouse->remote)
		return 0;
	mouse->dx += dx;
	mouse->dy -= dy; /* the mouse counts upwards */
	mouse->dz += dz;
	if (mouse->dx < -limit || mouse->dx > limit)
		mouse->dx = 0;
	if (mouse->dy < -limit || mouse->dy > limit)
		mouse->dy = 0;
	if (mouse->dz < -limit || mouse->dz > limit)
		mouse->dz = 0;
	mouse_report(ps2);
	return 0;
}

/* 200, 100, 80 switches the wheel on; 200, 200, 80 the fourth and fifth button too. */
static void knock(struct mouse *mouse, uint8_t rate)
{
	switch (mouse->knock) {
	case 1: mouse->knock = rate == 100 ? 2 : rate == 200 ? 3 : 0; break;
	case 2:
		mouse->id = rate == 80 ? 3 : mouse->id;
		mouse->knock = rate == 200;
		break;
	case 3:
		mouse->id = rate == 80 ? 4 : mouse->id;
		mouse->knock = rate == 200 ? 3 : rate == 100 ? 2 : 0;
		break;
	default: mouse->knock = rate == 200; break;
	}
}

static void status(struct ps2 *ps2)
{
	const struct mouse *mouse = &ps2->mouse;
	uint32_t left = mouse->buttons & 1u;
	uint32_t right = mouse->buttons >> 1 & 1u;
	uint32_t middle = mouse->buttons >> 2 & 1u;
	reply(ps2, ACK);
	reply(ps2,
		(uint8_t)(mouse->remote << 6 | mouse->device.enabled << 5 | mouse->scale << 4 | left << 2 |
			middle << 1 | right));
	reply(ps2, mouse->resolution);
	reply(ps2, mouse->rate);
}

void mouse_write(struct ps2 *ps2, uint8_t byte)
{
	struct mouse *mouse = &ps2->mouse;
	uint8_t command = mouse->device.argument;
	uint8_t bytes[4];
	mouse->device.argument = 0;
	vmm_ring_clear(&mouse->device.reply);
	if (command == 0xe8 || command == 0xf3) {
		if (command == 0xe8 && byte > 3) {
			reply(ps2, RESEND);
			return;
		}
		if (command == 0xe8) {
			mouse->resolution = byte;
		} else {
			mouse->rate = byte != 0 ? byte : 100;
			knock(mouse, byte);
		}
		reply(ps2, ACK);
		return;
	}
	if (mouse->wrap && byte != 0xec && byte != 0xff) {
		reply(ps2, byte);
		return;
	}
	if (byte != 0xf3 && byte != 0xf2)
		mouse->knock = 0;
	switch (byte) {
	case 0xe6: mouse->scale = 0; break;
	case 0xe7: mouse->scale = 1; break;
	case 0xe8:
	case 0xf3: mouse->device.argument = byte; break;
	case 0xe9: status(ps2); return;
	case 0xea: mouse->remote = 0; break;
	case 0xeb: {
		reply(ps2, ACK);
		uint32_t size = packet(mouse, 0, bytes);
		for (uint32_t i = 0; i < size; i++)
			reply(ps2, bytes[i]);
		return;
	}
	case 0xec: mouse->wrap = 0; break;
	case 0xee: mouse->wrap = 1; break;
	case 0xf0:
		mouse->remote = 1;
		vmm_ring_clear(&mouse->device.queue);
		break;
	case 0xf2:
		reply(ps2, ACK);
		reply(ps2, mouse->id);
		return;
	case 0xf4: mouse->device.enabled = 1; break;
	case 0xf5:
		mouse->device.enabled = 0;
		vmm_ring_clear(&mouse->device.queue);
		break;
	case 0xf6: defaults(ps2); break;
	case 0xfe: reply(ps2, mouse->device.last); return;
	case 0xff:
		mouse_reset(ps2);
		reply(ps2, ACK);
		reply(ps2, 0xaa);
		reply(ps2, 0x00);
		return;
	default: reply(ps2, RESEND); return;
	}
	reply(ps2, ACK);
}
