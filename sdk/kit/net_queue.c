/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <vmm/kit/net_mode.h>

#include <errno.h>
#include <stdlib.h>

#define BATCH 32u

int32_t vmm_net_queue_add(struct vmm_net_queue *queue, const struct vmm_net_frame *frame, vmm_time due)
{
	uint64_t size = sizeof(struct vmm_net_queued) + frame->length;
	if (queue->count > 0 && queue->bytes + size > queue->limit)
		return -ENOBUFS;
	struct vmm_net_queued *entry = malloc(size);
	if (entry == NULL)
		return -ENOMEM;
	entry->next = NULL;
	entry->due = due;
	entry->frame = *frame;
	entry->frame.struct_size = sizeof(entry->frame);
	entry->frame.segments = &entry->segment;
	entry->frame.segment_count = 1;
	entry->segment.data = entry->data;
	entry->segment.length = vmm_net_copy(frame, 0, entry->data, frame->length);
	entry->frame.length = entry->segment.length;
	if (queue->last != NULL)
		queue->last->next = entry;
	else
		queue->first = entry;
	queue->last = entry;
	queue->bytes += size;
	queue->count++;
	return 0;
}

void vmm_net_queue_drop(struct vmm_net_queue *queue)
{
	struct vmm_net_queued *entry = queue->first;
	queue->first = entry->next;
	if (queue->first == NULL)
		queue->last = NULL;
	queue->bytes -= sizeof(*entry) + entry->segment.length;
	queue->count--;
	free(entry);
}

void vmm_net_queue_clear(struct vmm_net_queue *queue)
{
	while (queue->first != NULL)
		vmm_net_queue_drop(queue);
}

uint32_t vmm_net_queue_restrict(struct vmm_net_queue *queue, uint64_t capabilities)
{
	struct vmm_net_queue kept = { .limit = queue->limit };
	uint32_t dropped = 0;
	while (queue->first != NULL) {
		struct vmm_net_queued *entry = queue->first;
		if ((vmm_net_needs(&entry->frame) & ~capabilities) != 0) {
			vmm_net_queue_drop(queue);
			dropped++;
			continue;
		}
		queue->first = entry->next;
		entry->next = NULL;
		if (kept.last != NULL)
			kept.last->next = entry;
		else
			kept.first = entry;
		kept.last = entry;
	}
	queue->first = kept.first;
	queue->last = kept.last;
	return dropped;
}

uint32_t vmm_net_queue_pass(struct vmm_net_queue *queue, vmm_time now,
	uint32_t (*take)(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count), void *self)
{
	struct vmm_net_frame frames[BATCH];
	uint32_t total = 0;
	uint32_t count;
	uint32_t taken;
	if (queue->passing)
		return 0;
	queue->passing = 1;
	do {
		count = 0;
		for (struct vmm_net_queued *entry = queue->first; entry != NULL && entry->due <= now && count < BATCH;
			entry = entry->next)
			frames[count++] = entry->frame;
		taken = count > 0 ? take(self, frames, sizeof(frames[0]), count) : 0;
		if (taken > count)
			taken = count;
		for (uint32_t i = 0; i < taken; i++)
			vmm_net_queue_drop(queue);
		total += taken;
	} while (taken == count && count > 0);
	queue->passing = 0;
	return total;
}
