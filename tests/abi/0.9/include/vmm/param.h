/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.param/1: an instance's checked settings.
 *
 * A value has already been checked against the descriptor's row.  All functions are [machine]; they return 0,
 * -ENOENT for a key that is not in the table or is unset without a default, -EINVAL for one of another type.
 */
#ifndef VMM_PARAM_H
#define VMM_PARAM_H

#include <vmm/base.h>

#define VMM_SERVICE_PARAM "vmm.param/1"

struct vmm_param_service {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*get_bool)(void *context, const char *key, uint32_t *value);
	/* INT and SIZE. */
	int32_t (*get_int)(void *context, const char *key, int64_t *value);
	/* STRING, PATH, CHOICE, and item `index` of a LIST: copied into text with its NUL.  Returns its length, or
	 * -EOVERFLOW if it does not fit. */
	int32_t (*get_string)(void *context, const char *key, uint32_t index, char *text, uint32_t size);
	/* CHOICE: the position of the word in `choices`, from 0. */
	int32_t (*get_choice)(void *context, const char *key, uint32_t *index);
	/* LIST: how many items there are (0 when unset). */
	int32_t (*get_count)(void *context, const char *key, uint32_t *count);
	int32_t (*get_mac)(void *context, const char *key, uint8_t mac[6]);
	/* Is it set in the INI file or on the command line (not by its default)? */
	int32_t (*is_set)(void *context, const char *key);
};

#endif
