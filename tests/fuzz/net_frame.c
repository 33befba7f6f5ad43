/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Target: a frame and what a guest says of it; whatever comes out of it must be possible, and its payload whole. */
#include <vmm/kit/net.h>

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/input.h"

struct taken {
	const struct vmm_net_frame *frame;
	uint64_t capabilities;
	uint64_t payload; /* bytes that have come out */
	uint32_t left;    /* frames until it has had enough */
};

static int32_t take(void *self, const struct vmm_net_frame *frame)
{
	static uint8_t in[VMM_NET_FRAME_MAXIMUM], out[VMM_NET_FRAME_MAXIMUM];
	struct taken *taken = self;
	const struct vmm_net_frame *from = taken->frame;

	if (vmm_net_check(frame) || vmm_net_copy(frame, 0, out, sizeof(out)) != frame->length)
		abort();
	if ((frame->flags & VMM_NET_NEEDS_CHECKSUM) && !(taken->capabilities & VMM_NET_CHECKSUM))
		abort();
	if (frame != from && frame->segmentation)
		abort();
	if (frame != from && from->segmentation) {
		uint64_t length = frame->length - from->header_length;

		if (frame->length < from->header_length || length > from->segment_size)
			abort();
		vmm_net_copy(from, from->header_length + taken->payload, in, length);
		if (memcmp(in, out + from->header_length, length))
			abort();
		if (!(frame->flags & VMM_NET_NEEDS_CHECKSUM)) {
			uint16_t sum;

			memcpy(&sum, out + from->checksum_start + from->checksum_offset, 2);
			if (!sum)
				abort();
		}
		taken->payload += length;
	}
	return --taken->left == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct vmm_net_segment segments[VMM_NET_SEGMENTS];
	struct vmm_net_frame frame = {
		.struct_size = sizeof(frame),
		.flags = (uint32_t)input_take(&input, 1),
		.segmentation = (uint32_t)input_take(&input, 1),
		.segment_size = (uint32_t)input_take(&input, 2),
		.header_length = (uint32_t)input_take(&input, 2),
		.checksum_start = (uint32_t)input_take(&input, 2),
		.checksum_offset = (uint32_t)input_take(&input, 1),
		.segments = segments,
	};
	struct taken taken = { .frame = &frame, .capabilities = input_take(&input, 1), .left = 500 };
	uint64_t wrong = input_take(&input, 1);
	uint8_t *room = malloc(VMM_NET_ROOM);
	uint64_t lengths = input_take(&input, 1);

	/* Pieces in memory of exactly their size.  The last one may be made long. */
	while (frame.segment_count < 1 + lengths % VMM_NET_SEGMENTS) {
		struct vmm_net_segment *segment = &segments[frame.segment_count++];
		uint64_t length = frame.segment_count == 1 + lengths % VMM_NET_SEGMENTS ? input.left
											: input_take(&input, 1);
		uint64_t filled = length < input.left ? length : input.left;

		if (frame.segment_count == 1 + lengths % VMM_NET_SEGMENTS && (lengths & 0x80))
			length += 60000;
		uint8_t *bytes = malloc(length);

		memset(bytes, 0xa5, length);
		memcpy(bytes, input.at, filled);
		input.at += filled;
		input.left -= filled;
		*segment = (struct vmm_net_segment){ bytes, length };
		frame.length += length;
	}
	if (wrong == 1)
		frame.length++;
	int32_t status = vmm_net_check(&frame);
	int32_t done = vmm_net_finish(&frame, taken.capabilities, room, take, &taken);

	if (status ? done != status : done != 0 && done != 1)
		abort();
	if (!done && taken.payload && taken.payload != frame.length - frame.header_length)
		abort();
	for (uint32_t i = 0; i < frame.segment_count; i++)
		free((void *)(uintptr_t)segments[i].data);
	free(room);
	return 0;
}
