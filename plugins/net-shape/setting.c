/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "setting.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MICRO UINT64_C(1000000)

const char *const setting_keys[SETTING_COUNT] = { "bandwidth", "latency", "jitter", "loss", "bandwidth_up",
	"latency_up", "jitter_up", "loss_up", "bandwidth_down", "latency_down", "jitter_down", "loss_down" };

struct unit {
	const char *name;
	uint64_t value;
};
static const struct unit bit_units[] = { { "", 1 }, { "k", 1000 }, { "K", 1000 }, { "M", 1000000 },
	{ "G", 1000000000 } };
static const struct unit time_units[] = { { "ms", 1000000 }, { "", 1000000 }, { "us", 1000 }, { "s", 1000000000 } };
static const struct unit loss_units[] = { { "%", 10000 }, { "", 10000 } };

/* A number with up to six places, and its unit; -EINVAL if it is none or above `maximum`. */
static int32_t quantity(
	const char *text, const struct unit *units, uint32_t unit_count, uint64_t maximum, uint64_t *value)
{
	uint64_t whole = 0;
	uint64_t micro = 0;
	size_t digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 12)
		return -EINVAL;
	for (size_t i = 0; i < digits; i++)
		whole = whole * 10 + (uint64_t)(text[i] - '0');
	text += digits;
	if (*text == '.') {
		uint64_t place = MICRO;
		digits = strspn(++text, "0123456789");
		if (digits == 0 || digits > 6)
			return -EINVAL;
		for (; digits > 0; digits--)
			micro += (uint64_t)(*text++ - '0') * (place /= 10);
	}
	for (uint32_t i = 0; i < unit_count; i++) {
		if (strcmp(text, units[i].name) != 0)
			continue;
		*value = whole * units[i].value + micro * units[i].value / MICRO;
		return whole <= maximum / units[i].value && *value <= maximum ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static int32_t kind_set(struct lane_settings *settings, uint32_t kind, const char *text)
{
	uint64_t value;
	int32_t status;
	switch (kind) {
	case 0:
		status = quantity(text, bit_units, VMM_KIT_COUNT(bit_units), UINT64_C(1000000000000), &value);
		/* Below this a frame would take minutes. */
		if (status == 0 && value > 0 && value < 1000)
			status = -EINVAL;
		if (status == 0)
			settings->bandwidth = value;
		return status;
	case 1:
	case 2:
		status = quantity(text, time_units, VMM_KIT_COUNT(time_units), UINT64_C(60000000000), &value);
		if (status == 0)
			*(kind == 1 ? &settings->latency : &settings->jitter) = value;
		return status;
	default:
		status = quantity(text, loss_units, VMM_KIT_COUNT(loss_units), MICRO, &value);
		if (status == 0)
			settings->loss = (uint32_t)value;
		return status;
	}
}

int32_t setting_set(struct lane_settings settings[2], const char *key, const char *text, char *message, uint32_t size)
{
	static const char *const forms[] = { "0 (no limit) or 1k to 1000G, in bits a second",
		"0 to 60s, in ms, us or s", "0 to 60s, in ms, us or s", "0 to 100%" };
	for (uint32_t i = 0; i < SETTING_COUNT; i++) {
		if (strcmp(key, setting_keys[i]) != 0)
			continue;
		uint32_t lanes = i < 4 ? SETTING_UP | SETTING_DOWN : i < 8 ? SETTING_UP : SETTING_DOWN;
		for (uint32_t lane = 0; lane < 2; lane++) {
			if ((lanes & (1u << lane)) != 0 && kind_set(&settings[lane], i % 4, text) < 0) {
				snprintf(message, size, "%s = %.60s is not possible: use %s", key, text, forms[i % 4]);
				return -EINVAL;
			}
		}
		return 0;
	}
	snprintf(message, size,
		"there is no setting \"%.60s\": use bandwidth, latency, jitter or loss, with _up or _down "
		"for one direction",
		key);
	return -ENOENT;
}
