/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Target: what a Telnet client sends, in pieces; the pieces may make no difference. */
#include "plugins/char-socket/telnet.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct telnet whole, pieces;
	uint8_t *one = malloc(size + 1), *two = malloc(size + 1);
	size_t length, done = 0, left = 0;

	telnet_start(&whole, size & 1);
	telnet_start(&pieces, size & 1);
	memcpy(one, data, size);
	length = telnet_input(&whole, one, (uint32_t)size);
	while (done < size) {
		size_t piece = 1u + data[done] % 7u;
		uint8_t *bytes = malloc(piece);

		if (piece > size - done)
			piece = size - done;
		memcpy(bytes, data + done, piece);
		uint32_t got = telnet_input(&pieces, bytes, (uint32_t)piece);

		if (got > piece)
			abort();
		memcpy(two + left, bytes, got);
		left += got;
		done += piece;
		free(bytes);
	}
	if (length != left || memcmp(one, two, left) || whole.reply_length != pieces.reply_length ||
		whole.reply_length > TELNET_REPLY || memcmp(whole.reply, pieces.reply, whole.reply_length))
		abort();
	free(one);
	free(two);
	return 0;
}
