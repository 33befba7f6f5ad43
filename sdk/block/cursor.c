/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Where in the segments of a request a transfer has come to.
 */
#include <string.h>

#include "kit.h"

int cursor_gather(const struct cursor *cursor, struct iovec *vectors, uint64_t *length)
{
	uint64_t skip = cursor->done, left = *length;
	int count = 0;
	for (const struct vmm_storage_segment *at = cursor->segment;
		at < cursor->end && count < BLOCK_VECTORS && left > 0; at++) {
		uint64_t part = at->length - skip < left ? at->length - skip : left;
		if (part > 0)
			vectors[count++] = (struct iovec){ (uint8_t *)at->data + skip, (size_t)part };
		left -= part;
		skip = 0;
	}
	*length -= left;
	return count;
}

void cursor_move(struct cursor *cursor, uint64_t length)
{
	while (cursor->segment < cursor->end && length >= cursor->segment->length - cursor->done) {
		length -= cursor->segment->length - cursor->done;
		cursor->done = 0;
		cursor->segment++;
	}
	cursor->done += length;
}

/* Copy from data, or zeros if that is NULL. */
static void cursor_put(struct cursor *cursor, const uint8_t *data, uint64_t length)
{
	while (length > 0 && cursor->segment < cursor->end) {
		uint64_t part = cursor->segment->length - cursor->done;
		uint8_t *to = (uint8_t *)cursor->segment->data + cursor->done;
		if (part > length)
			part = length;
		if (part > 0 && data != NULL)
			memcpy(to, data, part);
		else if (part > 0)
			memset(to, 0, part);
		if (data != NULL)
			data += part;
		cursor_move(cursor, part);
		length -= part;
	}
}

void cursor_clear(struct cursor *cursor, uint64_t length)
{
	cursor_put(cursor, NULL, length);
}

void cursor_fill(struct cursor *cursor, const void *data, uint64_t length)
{
	cursor_put(cursor, data, length);
}
