/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The keyboard.
 */
#include "ps2.h"

#define ACK     0xfa
#define RESEND  0xfe
#define LONGEST 8 /* bytes of a key's sequence */

static uint32_t bit(const uint8_t *bits, uint32_t index)
{
	return bits[index >> 3] >> (index & 7) & 1;
}

static void set_bit(uint8_t *bits, uint32_t index, uint32_t value)
{
	uint8_t mask = (uint8_t)(1u << (index & 7));
	bits[index >> 3] = value ? bits[index >> 3] | mask : bits[index >> 3] & (uint8_t)~mask;
}

static void reply(struct ps2 *ps2, uint8_t byte)
{
	vmm_ring_push(&ps2->keyboard.device.reply, byte);
	controller_queued(ps2);
}

/* The lamps in HID order; the command has scroll lock first. */
void keyboard_tell_leds(struct ps2 *ps2)
{
	uint8_t leds = ps2->keyboard.leds;
	uint32_t value = (leds >> 1 & 3u) | (leds & 1u) << 2;
	for (uint32_t i = 0; i < INPUT_PEERS; i++) {
		if (VMM_HAS(ps2->peers[i].table, leds))
			ps2->peers[i].table->leds(ps2->peers[i].self, value);
	}
}

/* Which keys of set 3 have what: all repeat, only modifiers send a release. */
static void set3_defaults(struct keyboard *keyboard)
{
	static const uint8_t modifiers[] = { 0x11, 0x12, 0x14, 0x19, 0x39, 0x58, 0x59, 0x8b, 0x8c, 0x8d };
	memset(keyboard->make_only, 0xff, sizeof(keyboard->make_only));
	memset(keyboard->no_repeat, 0, sizeof(keyboard->no_repeat));
	for (uint32_t i = 0; i < sizeof(modifiers); i++) {
		set_bit(keyboard->make_only, modifiers[i], 0);
		set_bit(keyboard->no_repeat, modifiers[i], 1);
	}
}

static void defaults(struct ps2 *ps2)
{
	struct keyboard *keyboard = &ps2->keyboard;
	vmm_ring_clear(&keyboard->device.queue);
	keyboard->rate = 0x2b; /* 10.9 a second after 500 ms */
	keyboard->set = 2;
	keyboard->repeat = 0;
	keyboard->repeat_at = VMM_TIME_NEVER;
	ps2->timer->arm(ps2->host->context, ps2->repeat_timer, VMM_TIME_NEVER);
	set3_defaults(keyboard);
}

void keyboard_reset(struct ps2 *ps2)
{
	struct keyboard *keyboard = &ps2->keyboard;
	defaults(ps2);
	vmm_ring_clear(&keyboard->device.reply);
	keyboard->device.enabled = 1;
	keyboard->device.argument = 0;
	keyboard->device.last = 0;
	keyboard->leds = 0;
	memset(keyboard->down, 0, sizeof(keyboard->down));
	keyboard_tell_leds(ps2);
}

static void argument(struct ps2 *ps2, uint8_t command, uint8_t byte)
{
	struct keyboard *keyboard = &ps2->keyboard;
	switch (command) {
	case 0xed:
		keyboard->leds = byte & 7;
		keyboard_tell_leds(ps2);
		break;
	case 0xf0:
		if (byte > 3) {
			reply(ps2, RESEND);
			return;
		}
		reply(ps2, ACK);
		if (byte == 0)
			reply(ps2, keyboard->set);
		else
			keyboard->set = byte;
		return;
	case 0xf3: keyboard->rate = byte & 0x7f; break;
	default: /* FB, FC, FD: the key named is typematic, make/break, make only; more keys may follow */
		set_bit(keyboard->make_only, byte, command != 0xfc);
		set_bit(keyboard->no_repeat, byte, command != 0xfb);
		keyboard->device.argument = command;
		break;
	}
	reply(ps2, ACK);
}

void keyboard_write(struct ps2 *ps2, uint8_t byte)
{
	struct keyboard *keyboard = &ps2->keyboard;
	uint8_t command = keyboard->device.argument;
	keyboard->device.argument = 0;
	/* What it was about to reply is forgotten when the host speaks. */
	vmm_ring_clear(&keyboard->device.reply);
	if (command != 0 && byte < 0xed) {
		argument(ps2, command, byte);
		return;
	}
	switch (byte) {
	case 0xee: reply(ps2, 0xee); return;
	case 0xfe: reply(ps2, keyboard->device.last); return;
	case 0xed:
	case 0xf0:
	case 0xf3:
	case 0xfb:
	case 0xfc:
	case 0xfd:
		keyboard->device.argument = byte;
		reply(ps2, ACK);
		return;
	case 0xf2:
		reply(ps2, ACK);
		reply(ps2, 0xab);
		reply(ps2, 0x83);
		return;
	case 0xf4: /* enable; the buffer is emptied */
		vmm_ring_clear(&keyboard->device.queue);
		keyboard->device.enabled = 1;
		break;
	case 0xf5:
		defaults(ps2);
		keyboard->device.enabled = 0;
		break;
	case 0xf6:
		defaults(ps2);
		keyboard->device.enabled = 1;
		break;
	case 0xf7: /* all keys: typematic, make/break, make only, typematic with make/break */
	case 0xf8:
	case 0xf9:
	case 0xfa:
		memset(keyboard->make_only, byte == 0xf7 || byte == 0xf9 ? 0xff : 0, sizeof(keyboard->make_only));
		memset(keyboard->no_repeat, byte == 0xf8 || byte == 0xf9 ? 0xff : 0, sizeof(keyboard->no_repeat));
		break;
	case 0xff:
		keyboard_reset(ps2);
		reply(ps2, ACK);
		reply(ps2, 0xaa);
		return;
	default: reply(ps2, RESEND); return;
	}
	reply(ps2, ACK);
}

/* A key's bytes in the present set; returns how many. */
static uint32_t sequence(const struct keyboard *keyboard, uint32_t usage, uint32_t down, uint8_t *bytes)
{
	static const uint8_t pause2[8] = { 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77 };
	static const uint8_t pause1[6] = { 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5 };
	static const uint8_t print_down[4] = { 0xe0, 0x12, 0xe0, 0x7c };
	static const uint8_t print_up[6] = { 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12 };
	uint32_t count = 0;
	uint32_t code = scancode_set2(usage);
	if (keyboard->set == 3) {
		uint8_t third = scancode_set3(usage);
		if (third == 0 || (!down && bit(keyboard->make_only, third)))
			return 0;
		if (!down)
			bytes[count++] = 0xf0;
		bytes[count++] = third;
		return count;
	}
	if (code == 0)
		return 0;
	if (usage == USAGE_PAUSE) {
		/* It sends all when it goes down, and nothing when it comes up. */
		const uint8_t *from = keyboard->set == 1 ? pause1 : pause2;
		count = keyboard->set == 1 ? sizeof(pause1) : sizeof(pause2);
		memcpy(bytes, from, down ? count : 0);
		return down ? count : 0;
	}
	if (usage == USAGE_PRINT && keyboard->set == 2) {
		memcpy(bytes, down ? print_down : print_up, down ? sizeof(print_down) : sizeof(print_up));
		return down ? sizeof(print_down) : sizeof(print_up);
	}
	if (usage == USAGE_PRINT) {
		bytes[0] = bytes[2] = 0xe0;
		bytes[1] = down ? 0x2a : 0xb7;
		bytes[3] = down ? 0x37 : 0xaa;
		return 4;
	}
	if ((code & 0xff00) != 0)
		bytes[count++] = (uint8_t)(code >> 8);
	if (keyboard->set == 1) {
		bytes[count++] = scancode_translate((uint8_t)code) | (down ? 0 : 0x80);
		return count;
	}
	if (!down)
		bytes[count++] = 0xf0;
	bytes[count++] = (uint8_t)code;
	return count;
}

static uint32_t send(struct ps2 *ps2, uint32_t usage, uint32_t down)
{
	uint8_t bytes[LONGEST];
	struct vmm_ring *queue = &ps2->keyboard.device.queue;
	if (vmm_ring_space(queue) < LONGEST)
		return 0;
	vmm_ring_write(queue, bytes, sequence(&ps2->keyboard, usage, down, bytes));
	controller_queued(ps2);
	return 1;
}

static void arm_repeat(struct ps2 *ps2, vmm_time at)
{
	ps2->keyboard.repeat_at = at;
	ps2->timer->arm(ps2->host->context, ps2->repeat_timer, at);
}

int32_t keyboard_key(struct ps2 *ps2, uint32_t usage, uint32_t down)
{
	struct keyboard *keyboard = &ps2->keyboard;
	if (usage > 0xff || scancode_set2(usage) == 0)
		return 0;
	/* The host's own repetitions are not ours. */
	if (bit(keyboard->down, usage) == (down != 0))
		return 0;
	if (!keyboard->device.enabled) {
		set_bit(keyboard->down, usage, down != 0);
		return 0;
	}
	if (!send(ps2, usage, down))
		return -EAGAIN;
	set_bit(keyboard->down, usage, down != 0);
	if (down && usage != USAGE_PAUSE && (keyboard->set != 3 || !bit(keyboard->no_repeat, scancode_set3(usage)))) {
		keyboard->repeat = (uint8_t)usage;
		arm_repeat(ps2, ps2_now(ps2) + (keyboard->rate >> 5 & 3u) * 250000000u + 250000000u);
	} else if (!down && usage == keyboard->repeat) {
		keyboard->repeat = 0;
		arm_repeat(ps2, VMM_TIME_NEVER);
	}
	return 0;
}

void keyboard_repeat(struct ps2 *ps2)
{
	struct keyboard *keyboard = &ps2->keyboard;
	if (keyboard->repeat == 0)
		return;
	/* A guest that does not read does not get a heap of repetitions. */
	if (keyboard->device.enabled && keyboard->device.queue.count == 0)
		send(ps2, keyboard->repeat, 1);
	/* Period: (8 + A) * 2^B / 240 s, A bits 0-2, B bits 3-4. */
	uint64_t period = (8u + (keyboard->rate & 7u)) * (UINT64_C(1000000000) << (keyboard->rate >> 3 & 3)) / 240;
	arm_repeat(ps2, ps2_now(ps2) + period);
}
