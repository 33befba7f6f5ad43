/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Quantities as people write them: 10M, 20ms, 0.5%.
 */
#ifndef SETTING_H
#define SETTING_H

#include "lane.h"

#define SETTING_UP    1u /* from the guest */
#define SETTING_DOWN  2u /* to the guest */
#define SETTING_COUNT 12u

extern const char *const setting_keys[SETTING_COUNT];

/* Set what `key` names ("latency", "latency_up", "latency_down") in settings[0] (from the guest) and [1].  0, -ENOENT
 * (no such key), or -EINVAL with a message. */
int32_t setting_set(struct lane_settings settings[2], const char *key, const char *text, char *message, uint32_t size);

#endif
