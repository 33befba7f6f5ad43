/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Typing into the guest: names of keys, and a queue that is typed at a person's pace.
 *
 * Keys are USB HID usages (page 7; Usage Tables 1.3, chapter 10), their places those of a US keyboard.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vmm/port-input.h>

#include "vmm/machine/parts.h"

#define KEYS_MAX     65536u
#define COMBINED_MAX 8
#define STEP_NS      UINT64_C(12000000) /* between two events */
#define RETRY_NS     UINT64_C(5000000)  /* when the controller's buffer is full */
#define SHIFT        0xe1

struct key_event {
	uint8_t usage, down;
};

struct keys {
	struct machine *machine;
	struct timer timer;
	bool timed;
	struct key_event *events;
	size_t first, count, capacity;
};

static const struct {
	const char *name;
	uint8_t usage;
} names[] = {
	{ "ret", 0x28 },
	{ "enter", 0x28 },
	{ "esc", 0x29 },
	{ "backspace", 0x2a },
	{ "tab", 0x2b },
	{ "spc", 0x2c },
	{ "space", 0x2c },
	{ "minus", 0x2d },
	{ "equal", 0x2e },
	{ "bracket_left", 0x2f },
	{ "bracket_right", 0x30 },
	{ "backslash", 0x31 },
	{ "semicolon", 0x33 },
	{ "apostrophe", 0x34 },
	{ "grave", 0x35 },
	{ "comma", 0x36 },
	{ "dot", 0x37 },
	{ "slash", 0x38 },
	{ "caps_lock", 0x39 },
	{ "f1", 0x3a },
	{ "f2", 0x3b },
	{ "f3", 0x3c },
	{ "f4", 0x3d },
	{ "f5", 0x3e },
	{ "f6", 0x3f },
	{ "f7", 0x40 },
	{ "f8", 0x41 },
	{ "f9", 0x42 },
	{ "f10", 0x43 },
	{ "f11", 0x44 },
	{ "f12", 0x45 },
	{ "print", 0x46 },
	{ "scroll_lock", 0x47 },
	{ "pause", 0x48 },
	{ "insert", 0x49 },
	{ "home", 0x4a },
	{ "pgup", 0x4b },
	{ "delete", 0x4c },
	{ "end", 0x4d },
	{ "pgdn", 0x4e },
	{ "right", 0x4f },
	{ "left", 0x50 },
	{ "down", 0x51 },
	{ "up", 0x52 },
	{ "num_lock", 0x53 },
	{ "kp_divide", 0x54 },
	{ "kp_multiply", 0x55 },
	{ "kp_subtract", 0x56 },
	{ "kp_add", 0x57 },
	{ "kp_enter", 0x58 },
	{ "kp_1", 0x59 },
	{ "kp_2", 0x5a },
	{ "kp_3", 0x5b },
	{ "kp_4", 0x5c },
	{ "kp_5", 0x5d },
	{ "kp_6", 0x5e },
	{ "kp_7", 0x5f },
	{ "kp_8", 0x60 },
	{ "kp_9", 0x61 },
	{ "kp_0", 0x62 },
	{ "kp_decimal", 0x63 },
	{ "less", 0x64 },
	{ "menu", 0x65 },
	{ "ctrl", 0xe0 },
	{ "shift", SHIFT },
	{ "alt", 0xe2 },
	{ "meta", 0xe3 },
	{ "ctrl_r", 0xe4 },
	{ "shift_r", 0xe5 },
	{ "alt_r", 0xe6 },
	{ "meta_r", 0xe7 },
};

/* The two characters of each printing key. */
static const struct {
	char plain, shifted;
	uint8_t usage;
} characters[] = {
	{ '1', '!', 0x1e },
	{ '2', '@', 0x1f },
	{ '3', '#', 0x20 },
	{ '4', '$', 0x21 },
	{ '5', '%', 0x22 },
	{ '6', '^', 0x23 },
	{ '7', '&', 0x24 },
	{ '8', '*', 0x25 },
	{ '9', '(', 0x26 },
	{ '0', ')', 0x27 },
	{ '\n', 0, 0x28 },
	{ '\r', 0, 0x28 },
	{ 27, 0, 0x29 },
	{ '\b', 0, 0x2a },
	{ '\t', 0, 0x2b },
	{ ' ', 0, 0x2c },
	{ '-', '_', 0x2d },
	{ '=', '+', 0x2e },
	{ '[', '{', 0x2f },
	{ ']', '}', 0x30 },
	{ '\\', '|', 0x31 },
	{ ';', ':', 0x33 },
	{ '\'', '"', 0x34 },
	{ '`', '~', 0x35 },
	{ ',', '<', 0x36 },
	{ '.', '>', 0x37 },
	{ '/', '?', 0x38 },
};

/* The key of a character, and whether Shift is held; 0: none. */
static uint8_t character_key(char c, bool *shift)
{
	*shift = c >= 'A' && c <= 'Z';
	if (c >= 'a' && c <= 'z')
		return (uint8_t)(0x04 + c - 'a');
	if (*shift)
		return (uint8_t)(0x04 + c - 'A');
	for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++) {
		if (characters[i].plain != c && (!characters[i].shifted || characters[i].shifted != c))
			continue;
		*shift = characters[i].plain != c;
		return characters[i].usage;
	}
	return 0;
}

static uint8_t name_key(const char *name, size_t length)
{
	bool shift;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == length && !strncmp(names[i].name, name, length))
			return names[i].usage;
	if (length != 1)
		return 0;
	uint8_t usage = character_key(name[0], &shift);

	return shift ? 0 : usage;
}

static const struct vmm_input_upper *keys_input(struct machine *machine, void **self, struct config_error *error)
{
	const struct vmm_input_upper *upper = core_peer(machine, VMM_PORT_INPUT, NULL, self);

	if ((!upper || !upper->key) && error)
		config_fail(error, NULL, 0, "machine %s has no keyboard: add one, such as [ps2]", machine->name);
	return upper && upper->key ? upper : NULL;
}

static void keys_step(void *self, uint64_t token)
{
	struct keys *keys = self;
	struct machine *machine = keys->machine;
	const struct vmm_input_upper *upper;
	void *upper_self;
	uint64_t pause = STEP_NS;

	(void)token;
	if (!keys->count)
		return;
	upper = keys_input(machine, &upper_self, NULL);
	if (!upper) {
		keys->count = 0;
		return;
	}
	const struct key_event *event = &keys->events[keys->first];

	if (upper->key(upper_self, event->usage, event->down) == -EAGAIN) {
		pause = RETRY_NS;
	} else {
		keys->first++;
		keys->count--;
	}
	if (keys->count)
		timer_arm(&keys->timer, clock_now(&machine->clock) + pause);
}

static int keys_new(struct machine *machine)
{
	struct keys *keys = calloc(1, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	keys->machine = machine;
	/* Guest time: nobody types into a machine that is paused. */
	if (timer_init(&keys->timer, &machine->timers, keys_step, keys, 0)) {
		free(keys);
		return -ENOMEM;
	}
	machine->keys = keys;
	return 0;
}

void keys_free(struct machine *machine)
{
	if (!machine->keys)
		return;
	timer_destroy(&machine->keys->timer);
	free(machine->keys->events);
	free(machine->keys);
	machine->keys = NULL;
}

static int keys_room(struct keys *keys, size_t more)
{
	if (keys->first) {
		memmove(keys->events, keys->events + keys->first, keys->count * sizeof(*keys->events));
		keys->first = 0;
	}
	if (keys->count + more > KEYS_MAX)
		return -ENOSPC;
	if (keys->count + more <= keys->capacity)
		return 0;
	size_t capacity = (keys->count + more) * 2;
	struct key_event *events = realloc(keys->events, capacity * sizeof(*events));

	if (!events)
		return -ENOMEM;
	keys->events = events;
	keys->capacity = capacity;
	return 0;
}

static int keys_queue(struct machine *machine, const struct key_event *events, size_t count, struct config_error *error)
{
	int status = 0;
	void *self;

	lock_acquire(&machine->lock);
	if (!keys_input(machine, &self, error)) {
		lock_release(&machine->lock);
		return -ENODEV;
	}
	if (!machine->keys)
		status = keys_new(machine);
	if (!status)
		status = keys_room(machine->keys, count);
	if (!status) {
		struct keys *keys = machine->keys;

		memcpy(keys->events + keys->count, events, count * sizeof(*events));
		if (!keys->count && count)
			timer_arm(&keys->timer, clock_now(&machine->clock) + 1);
		keys->count += count;
	}
	lock_release(&machine->lock);
	if (status == -ENOSPC)
		config_fail(error, NULL, 0, "more than %u key strokes are waiting to be typed: wait for them",
			KEYS_MAX / 2);
	else if (status)
		config_fail(error, NULL, 0, "out of memory");
	return status;
}

int machine_key(struct machine *machine, const char *text, struct config_error *error)
{
	struct key_event events[2 * COMBINED_MAX];
	uint8_t held[COMBINED_MAX];
	size_t count = 0;

	for (const char *at = text;;) {
		size_t length = strcspn(at, "-");
		uint8_t usage = name_key(at, length);

		if (!usage || count == COMBINED_MAX)
			return config_fail(error, NULL, 0,
				"\"%s\" is not a key's name, or several joined by hyphens: vmm(1) lists them", text);
		held[count++] = usage;
		if (!at[length])
			break;
		at += length + 1;
	}
	for (size_t i = 0; i < count; i++) {
		events[i] = (struct key_event){ held[i], 1 };
		events[count + i] = (struct key_event){ held[count - 1 - i], 0 };
	}
	return keys_queue(machine, events, 2 * count, error);
}

int machine_type(struct machine *machine, const char *text, struct config_error *error)
{
	size_t length = strlen(text), count = 0;
	struct key_event *events = calloc(4 * length + 1, sizeof(*events));
	int status = 0;

	if (!events) {
		config_fail(error, NULL, 0, "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < length && !status; i++) {
		bool shift;
		uint8_t usage = character_key(text[i], &shift);

		if (!usage) {
			status = config_fail(error, NULL, 0,
				"character %zu of the text is not on a US keyboard: give keys by name instead", i + 1);
			break;
		}
		if (shift)
			events[count++] = (struct key_event){ SHIFT, 1 };
		events[count++] = (struct key_event){ usage, 1 };
		events[count++] = (struct key_event){ usage, 0 };
		if (shift)
			events[count++] = (struct key_event){ SHIFT, 0 };
	}
	if (!status)
		status = keys_queue(machine, events, count, error);
	free(events);
	return status;
}

int machine_pointer(
	struct machine *machine, int32_t dx, int32_t dy, int32_t dz, uint32_t buttons, struct config_error *error)
{
	const struct vmm_input_upper *upper;
	int status = -ENODEV;
	void *self;

	lock_acquire(&machine->lock);
	upper = core_peer(machine, VMM_PORT_INPUT, NULL, &self);
	if (upper && upper->pointer)
		status = upper->pointer(self, dx, dy, dz, buttons);
	lock_release(&machine->lock);
	if (status == -ENODEV)
		return config_fail(error, NULL, 0, "machine %s has no mouse: add one, such as [ps2]", machine->name);
	if (status)
		return config_fail(error, NULL, 0, "the guest does not take the mouse's motion: %s", strerror(-status));
	return 0;
}
