/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Numbers in files, blocks of zeros, and the words for what went wrong.
 */
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <vmm/block/format.h>

#define NUMBER(BITS, ORDER) \
	uint##BITS##_t vmm_block_##ORDER##BITS(const void *at) \
	{ \
		uint##BITS##_t value; \
		memcpy(&value, at, sizeof(value)); \
		return ORDER##BITS##toh(value); \
	} \
	void vmm_block_put_##ORDER##BITS(void *at, uint##BITS##_t value) \
	{ \
		value = hto##ORDER##BITS(value); \
		memcpy(at, &value, sizeof(value)); \
	}

NUMBER(16, be)
NUMBER(32, be)
NUMBER(64, be)
NUMBER(16, le)
NUMBER(32, le)
NUMBER(64, le)

uint32_t vmm_block_is_zero(const void *data, uint64_t length)
{
	const uint8_t *bytes = data;
	/* The first byte is zero, and each equals the next. */
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

int32_t vmm_block_fail(const struct vmm_host *host, int32_t error, const char *remedy, const char *format, ...)
{
	char cause[6144];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(cause, sizeof(cause), format, arguments);
	va_end(arguments);
	host->fail(host->context, cause, remedy);
	return error;
}
