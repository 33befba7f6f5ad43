/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Values as they are written in INI files. */
#ifndef VMM_CONFIG_VALUE_H
#define VMM_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* Each returns true and the value, or false if the text is no such thing. */
bool value_bool(const char *text, int64_t *value);
bool value_int(const char *text, int64_t *value);
bool value_size(const char *text, int64_t *value);
bool value_mac(const char *text, uint8_t mac[6]);
/* `choices` are words parted by '|'; *value is the word's position. */
bool value_choice(const char *text, const char *choices, int64_t *value);
bool value_uuid(const char *text, uint8_t uuid[16]);

#endif
