/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The layout of a saved-state stream (docs/state.md).  All numbers are little-endian. */
#ifndef VMM_STATE_FORMAT_H
#define VMM_STATE_FORMAT_H

#include <stdint.h>

#define STATE_MAGIC       "VMMSTATE"
#define STATE_FORMAT      1u
#define STATE_HEADER_SIZE 16 /* magic, format u32, flags u32 (0) */

/* A section: mark u32, instance (u8 length, text), plugin (u8 length, text), version u32, body length u64, body,
 * CRC-32 u32 of all that from the mark on. */
#define STATE_MARK_SECTION 0x54434553u /* "SECT" */
#define STATE_MARK_END     0x21444e45u /* "END!" */

/* A field: type u8, name (u8 length, text), then its value: u64 and i64 8 bytes, bool 1, bytes and string a
 * u64 length and that many. */
#define STATE_TYPE_U64    1
#define STATE_TYPE_I64    2
#define STATE_TYPE_BOOL   3
#define STATE_TYPE_BYTES  4
#define STATE_TYPE_STRING 5

#define STATE_CRC_SIZE 4

static inline uint64_t state_load_le(const uint8_t *bytes, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

#endif
