/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Device kit: saving and loading the fields of a struct by a table.
 *
 * Every field is written under its own name: integers as u64, arrays of integers as little-endian bytes.  Loading
 * checks each integer against its greatest value, so that what indexes an array stays inside it.
 */
#ifndef VMM_KIT_FIELDS_H
#define VMM_KIT_FIELDS_H

#include <vmm/kit/host.h>

struct vmm_field {
	const char *name;
	uint32_t offset;
	uint32_t size;  /* of one element: 1, 2, 4 or 8 */
	uint32_t count; /* of elements; more than 1, or is_array: saved as bytes */
	uint32_t is_array;
	uint64_t maximum; /* greatest value that load() takes, of each element; 0: any that fits */
};

#define VMM_FIELD_MAX(TYPE, MEMBER, MAXIMUM) \
	{ \
#MEMBER, (uint32_t)offsetof(TYPE, MEMBER), (uint32_t)sizeof(((TYPE *)0)->MEMBER), 1, 0, (MAXIMUM) \
	}
#define VMM_FIELD(TYPE, MEMBER) VMM_FIELD_MAX(TYPE, MEMBER, 0)
#define VMM_FIELD_ARRAY_MAX(TYPE, MEMBER, MAXIMUM) \
	{ \
#MEMBER, (uint32_t)offsetof(TYPE, MEMBER), (uint32_t)sizeof(((TYPE *)0)->MEMBER[0]), \
			(uint32_t)(sizeof(((TYPE *)0)->MEMBER) / sizeof(((TYPE *)0)->MEMBER[0])), 1, (MAXIMUM) \
	}
#define VMM_FIELD_ARRAY(TYPE, MEMBER) VMM_FIELD_ARRAY_MAX(TYPE, MEMBER, 0)

/* Names are `prefix` (may be "") followed by the field's name: 63 characters in all.  0 or a negative errno. */
int32_t vmm_fields_save(const struct vmm_host *host, const char *prefix, const void *object,
	const struct vmm_field *fields, uint32_t count);
/* -EPROTO for a field that is missing or of another length, -EINVAL (and host->fail) for one out of range. */
int32_t vmm_fields_load(
	const struct vmm_host *host, const char *prefix, void *object, const struct vmm_field *fields, uint32_t count);

#endif
