/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * File names in a descriptor: UTF-8, or what its `encoding` says (windows-1252, Shift_JIS, GBK and others were seen).
 */
#include "descriptor.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

static int32_t convert(const char *to, const char *from, const char *text, char *result, uint32_t size)
{
	iconv_t context = iconv_open(to, from);
	if (context == (iconv_t)-1)
		return -ENOSYS;
	char *in = (char *)text, *out = result;
	size_t in_left = strlen(text), out_left = size - 1;
	size_t got = iconv(context, &in, &in_left, &out, &out_left);
	int32_t status = 0;
	if (got == (size_t)-1 || iconv(context, NULL, NULL, &out, &out_left) == (size_t)-1)
		status = errno == E2BIG ? -ENAMETOOLONG : -EILSEQ;
	*out = '\0';
	iconv_close(context);
	return status;
}

static uint32_t is_utf8(const char *encoding)
{
	return encoding[0] == '\0' || strcasecmp(encoding, "UTF-8") == 0 || strcasecmp(encoding, "UTF8") == 0;
}

static int32_t copy(const char *text, char *result, uint32_t size)
{
	size_t length = strlen(text);
	if (length >= size)
		return -ENAMETOOLONG;
	memcpy(result, text, length + 1);
	return 0;
}

int32_t encoding_decode(const char *encoding, const char *text, char *result, uint32_t size)
{
	if (!is_utf8(encoding)) {
		int32_t status = convert("UTF-8", encoding, text, result, size);
		if (status == 0 || status == -ENAMETOOLONG)
			return status;
	}
	/* Names of files are bytes: what is wrongly encoded may still be what the file is called. */
	return copy(text, result, size);
}

int32_t encoding_encode(const char *encoding, const char *text, char *result, uint32_t size)
{
	if (is_utf8(encoding))
		return copy(text, result, size);
	for (const char *at = text;; at++) {
		if (*at == '\0')
			return copy(text, result, size);
		if ((unsigned char)*at >= 0x80)
			break;
	}
	int32_t status = convert(encoding, "UTF-8", text, result, size);
	return status == -ENOSYS ? -EILSEQ : status;
}
