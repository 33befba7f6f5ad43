/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Copying structs that cross the line: the smaller size counts, the rest is zero. */
#ifndef VMM_PLUGIN_COPY_H
#define VMM_PLUGIN_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void copy_struct(void *to, size_t to_size, const void *from, size_t from_size)
{
	size_t size = from_size < to_size ? from_size : to_size;

	memcpy(to, from, size);
	memset((char *)to + size, 0, to_size - size);
}

/* Copy a struct whose first member is its struct_size; `from` may be NULL (all zero). */
#define COPY_STRUCT(to, from) \
	do { \
		uint32_t copy_size_ = 0; \
		if (from) \
			memcpy(&copy_size_, (from), sizeof(copy_size_)); \
		copy_struct((to), sizeof(*(to)), (from) ? (const void *)(from) : (const void *)"", copy_size_); \
	} while (0)

#endif
