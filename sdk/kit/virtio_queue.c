/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Split virtqueues (Virtual I/O Device Version 1.2, 2.7). */
#include <vmm/kit/virtio.h>

#include <errno.h>
#include <string.h>

#include "sdk/kit/virtio.h"

#define DESC_NEXT     1u
#define DESC_WRITE    2u
#define DESC_INDIRECT 4u

#define AVAIL_NO_INTERRUPT 1u
#define USED_NO_NOTIFY     1u

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

static int32_t guest_read(const struct vmm_virtqueue *queue, uint64_t address, void *data, uint64_t length)
{
	const struct vmm_pci *pci = &queue->virtio->pci;

	return pci->bus == NULL ? -EIO : pci->bus->dma_read(pci->bus_self, address, data, length);
}

static int32_t guest_write(const struct vmm_virtqueue *queue, uint64_t address, const void *data, uint64_t length)
{
	const struct vmm_pci *pci = &queue->virtio->pci;

	return pci->bus == NULL ? -EIO : pci->bus->dma_write(pci->bus_self, address, data, length);
}

/* Fields of the driver area and of the device area. */
static uint64_t avail_index(const struct vmm_virtqueue *queue)
{
	return queue->driver + 2;
}

static uint64_t avail_entry(const struct vmm_virtqueue *queue, uint16_t index)
{
	return queue->driver + 4 + (index & (queue->size - 1u)) * UINT64_C(2);
}

static uint64_t used_event(const struct vmm_virtqueue *queue)
{
	return queue->driver + 4 + queue->size * UINT64_C(2);
}

static uint64_t used_entry(const struct vmm_virtqueue *queue, uint16_t index)
{
	return queue->device + 4 + (index & (queue->size - 1u)) * UINT64_C(8);
}

static uint64_t avail_event(const struct vmm_virtqueue *queue)
{
	return queue->device + 4 + queue->size * UINT64_C(8);
}

static int32_t broken(const struct vmm_virtqueue *queue, const char *what)
{
	vmm_virtio_broken(queue->virtio, what);
	return -EIO;
}

static uint32_t usable(const struct vmm_virtqueue *queue)
{
	return queue->enabled && vmm_virtio_running(queue->virtio);
}

static int32_t piece_add(const struct vmm_virtqueue *queue, struct vmm_virtio_chain *chain, const struct descriptor *of)
{
	uint32_t count = chain->out_count + chain->in_count;

	if (count == VMM_VIRTIO_PIECES)
		return broken(queue, "a chain of more than 256 descriptors");
	if (of->address + of->length < of->address)
		return broken(queue, "a buffer beyond the end of memory");
	chain->pieces[count] = (struct vmm_virtio_piece){ .address = of->address, .length = of->length };
	if ((of->flags & DESC_WRITE) != 0) {
		chain->in_count++;
		chain->in_length += of->length;
		return 0;
	}
	if (chain->in_count != 0)
		return broken(queue, "a buffer to read behind one to write");
	chain->out_count++;
	chain->out_length += of->length;
	return 0;
}

/* A list of descriptors in a table of `size`: the queue's own, or an indirect one.  Each can be in it once only. */
static int32_t list_walk(const struct vmm_virtqueue *queue, struct vmm_virtio_chain *chain, uint64_t table,
	uint32_t size, uint32_t index, uint32_t indirect)
{
	for (uint32_t n = 0; n < size; n++) {
		struct descriptor descriptor;
		int32_t status;

		if (index >= size)
			return broken(queue, "a descriptor outside its table");
		status = guest_read(queue, table + index * UINT64_C(16), &descriptor, sizeof(descriptor));
		if (status < 0)
			return broken(queue, "a table that cannot be read");
		if ((descriptor.flags & DESC_INDIRECT) != 0) {
			if (indirect || !vmm_virtio_has(queue->virtio, VMM_VIRTIO_RING_INDIRECT) ||
				(descriptor.flags & DESC_NEXT) != 0 || descriptor.length == 0 ||
				descriptor.length % 16 != 0 || descriptor.length / 16 > VMM_VIRTIO_QUEUE_SIZE)
				return broken(queue, "an indirect descriptor that may not be");
			return list_walk(queue, chain, descriptor.address, descriptor.length / 16, 0, 1);
		}
		status = piece_add(queue, chain, &descriptor);
		if (status < 0)
			return status;
		if ((descriptor.flags & DESC_NEXT) == 0)
			return 0;
		index = descriptor.next;
	}
	return broken(queue, "a chain that goes round");
}

int32_t vmm_virtqueue_peek(struct vmm_virtqueue *queue, uint32_t ahead, struct vmm_virtio_chain *chain)
{
	uint16_t head;

	if (!usable(queue))
		return 0;
	if (ahead >= (uint16_t)(queue->seen - queue->next)) {
		uint16_t index;

		if (guest_read(queue, avail_index(queue), &index, sizeof(index)) < 0)
			return broken(queue, "an available ring that cannot be read");
		if ((uint16_t)(index - queue->next) > queue->size)
			return broken(queue, "more available chains than the queue has room for");
		queue->seen = index;
		if (ahead >= (uint16_t)(index - queue->next))
			return 0;
		/* the entries are not read before the index that says that they are there */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	}
	if (guest_read(queue, avail_entry(queue, (uint16_t)(queue->next + ahead)), &head, sizeof(head)) < 0)
		return broken(queue, "an available ring that cannot be read");
	chain->head = head;
	chain->out_count = chain->in_count = 0;
	chain->out_length = chain->in_length = 0;
	int32_t status = list_walk(queue, chain, queue->descriptors, queue->size, head, 0);
	return status < 0 ? status : 1;
}

void vmm_virtqueue_take(struct vmm_virtqueue *queue, uint32_t count)
{
	queue->next = (uint16_t)(queue->next + count);
}

void vmm_virtqueue_push(struct vmm_virtqueue *queue, uint32_t head, uint32_t written)
{
	const uint32_t entry[2] = { head, written };

	if (!usable(queue))
		return;
	if (guest_write(queue, used_entry(queue, queue->used), entry, sizeof(entry)) < 0)
		broken(queue, "a used ring that cannot be written");
	queue->used++;
}

/* Does the driver want to hear of what was published between two indices (2.7.7, 2.7.10)? */
static uint32_t interrupt_wanted(const struct vmm_virtqueue *queue, uint16_t from, uint16_t to)
{
	uint16_t word = 0;

	/* the driver looks at the index after it has said what it wants */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (vmm_virtio_has(queue->virtio, VMM_VIRTIO_RING_EVENT)) {
		if (guest_read(queue, used_event(queue), &word, sizeof(word)) < 0)
			return 0;
		return (uint16_t)(to - word - 1) < (uint16_t)(to - from);
	}
	if (guest_read(queue, queue->driver, &word, sizeof(word)) < 0)
		return 0;
	return (word & AVAIL_NO_INTERRUPT) == 0;
}

void vmm_virtqueue_publish(struct vmm_virtqueue *queue)
{
	uint16_t from = queue->published;

	if (!usable(queue) || queue->used == from)
		return;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (guest_write(queue, queue->device + 2, &queue->used, sizeof(queue->used)) < 0) {
		broken(queue, "a used ring that cannot be written");
		return;
	}
	queue->published = queue->used;
	if (interrupt_wanted(queue, from, queue->used))
		virtio_interrupt(queue->virtio, queue->vector);
}

void vmm_virtqueue_listen(struct vmm_virtqueue *queue, uint32_t on)
{
	if (!usable(queue))
		return;
	if (vmm_virtio_has(queue->virtio, VMM_VIRTIO_RING_EVENT)) {
		/* an old index is as good as a flag that says no */
		if (on)
			guest_write(queue, avail_event(queue), &queue->next, sizeof(queue->next));
	} else {
		const uint16_t flags = on ? 0 : USED_NO_NOTIFY;

		guest_write(queue, queue->device, &flags, sizeof(flags));
	}
	if (on)
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* One way or the other: `in` of the chain's pieces, from `offset` on. */
static uint64_t copy(struct vmm_virtio *virtio, const struct vmm_virtio_chain *chain, uint64_t offset, uint8_t *out,
	const uint8_t *in, uint64_t length)
{
	const struct vmm_pci *pci = &virtio->pci;
	const struct vmm_virtio_piece *piece = chain->pieces + (in != NULL ? chain->out_count : 0);
	uint32_t count = in != NULL ? chain->in_count : chain->out_count;
	uint64_t done = 0;

	for (; count > 0 && done < length && pci->bus != NULL; count--, piece++) {
		uint64_t part = piece->length - offset;
		int32_t status;

		if (offset >= piece->length) {
			offset -= piece->length;
			continue;
		}
		if (part > length - done)
			part = length - done;
		status = in != NULL ? pci->bus->dma_write(pci->bus_self, piece->address + offset, in + done, part)
				    : pci->bus->dma_read(pci->bus_self, piece->address + offset, out + done, part);
		if (status < 0)
			break;
		done += part;
		offset = 0;
	}
	return done;
}

uint64_t vmm_virtio_copy_out(
	struct vmm_virtio *virtio, const struct vmm_virtio_chain *chain, uint64_t offset, void *data, uint64_t length)
{
	return copy(virtio, chain, offset, data, NULL, length);
}

uint64_t vmm_virtio_copy_in(struct vmm_virtio *virtio, const struct vmm_virtio_chain *chain, uint64_t offset,
	const void *data, uint64_t length)
{
	return length == 0 ? 0 : copy(virtio, chain, offset, NULL, data, length);
}
