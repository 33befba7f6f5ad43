/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A driver of a modern virtio device for tests: it finds the structures by their capabilities, negotiates, and keeps
 * queues in the fake machine's RAM.
 */
#ifndef VIRTIO_DRIVER_H
#define VIRTIO_DRIVER_H

#include <vmm/kit/virtio.h>

#include "pci_bench.h"

#define QUEUE_SIZE 16u

#define NEXT     1u
#define WRITE    2u
#define INDIRECT 4u

struct driver_queue {
	uint64_t at; /* of its three areas: descriptors, then 4 KiB further the driver's, and the device's */
	uint16_t avail, used, free;
};

struct driver {
	struct pci_bench bench;
	uint64_t common, isr, config, notify;
	uint32_t notify_step;
	struct driver_queue queues[8];
};

static inline uint64_t driver_get(struct driver *driver, uint64_t address, uint32_t size)
{
	uint64_t value = 0;
	fake_read(driver->bench.fake, address, &value, size);
	return value;
}

static inline void driver_set(struct driver *driver, uint64_t address, uint32_t size, uint64_t value)
{
	fake_write(driver->bench.fake, address, &value, size);
}

/* Find the structures (4.1.4), and place the BAR. */
static inline void driver_find(struct driver *driver)
{
	struct pci_bench *bench = &driver->bench;

	pci_bench_place(bench);
	for (uint32_t i = 0, cap; (cap = pci_bench_capability(bench, VMM_PCI_CAP_VENDOR, i)) != 0; i++) {
		uint64_t at = bench->bar_address[pci_bench_config(bench, cap + 4, 1)] +
			pci_bench_config(bench, cap + 8, 4);
		switch (pci_bench_config(bench, cap + 3, 1)) {
		case 1: driver->common = at; break;
		case 2:
			driver->notify = at;
			driver->notify_step = pci_bench_config(bench, cap + 16, 4);
			break;
		case 3: driver->isr = at; break;
		case 4: driver->config = at; break;
		default: break;
		}
	}
	ck_assert_uint_ne(driver->common, 0);
	ck_assert_uint_ne(driver->notify, 0);
	ck_assert_uint_ne(driver->isr, 0);
}

static inline uint8_t driver_status(struct driver *driver)
{
	return (uint8_t)driver_get(driver, driver->common + 0x14, 1);
}

static inline uint64_t driver_features(struct driver *driver)
{
	uint64_t features;
	driver_set(driver, driver->common, 4, 0);
	features = driver_get(driver, driver->common + 4, 4);
	driver_set(driver, driver->common, 4, 1);
	return features | driver_get(driver, driver->common + 4, 4) << 32;
}

/* Up to FEATURES_OK; does it stay? */
static inline uint32_t driver_negotiate(struct driver *driver, uint64_t features)
{
	driver_set(driver, driver->common + 0x14, 1, 0);
	driver_set(driver, driver->common + 0x14, 1, 1);
	driver_set(driver, driver->common + 0x14, 1, 3);
	driver_set(driver, driver->common + 8, 4, 0);
	driver_set(driver, driver->common + 0xc, 4, (uint32_t)features);
	driver_set(driver, driver->common + 8, 4, 1);
	driver_set(driver, driver->common + 0xc, 4, features >> 32);
	driver_set(driver, driver->common + 0x14, 1, 11);
	return (driver_status(driver) & 8) != 0;
}

static inline void driver_queue(struct driver *driver, uint32_t number, uint16_t vector)
{
	struct driver_queue *queue = &driver->queues[number];
	static const uint8_t zeroes[0x3000];

	*queue = (struct driver_queue){ .at = 0x100000 + number * UINT64_C(0x10000) };
	fake_write(driver->bench.fake, queue->at, zeroes, sizeof(zeroes));
	driver_set(driver, driver->common + 0x16, 2, number);
	driver_set(driver, driver->common + 0x18, 2, QUEUE_SIZE);
	ck_assert_uint_eq(driver_get(driver, driver->common + 0x18, 2), QUEUE_SIZE);
	driver_set(driver, driver->common + 0x1a, 2, vector);
	for (uint32_t i = 0; i < 3; i++) {
		driver_set(driver, driver->common + 0x20 + i * UINT64_C(8), 4, queue->at + i * UINT64_C(0x1000));
		driver_set(driver, driver->common + 0x24 + i * UINT64_C(8), 4, 0);
	}
	driver_set(driver, driver->common + 0x1c, 2, 1);
}

static inline void driver_ok(struct driver *driver)
{
	driver_set(driver, driver->common + 0x14, 1, 15);
	ck_assert_uint_eq(driver_status(driver), 15);
}

static inline void driver_notify(struct driver *driver, uint32_t number)
{
	driver_set(driver, driver->notify + number * driver->notify_step, 2, number);
}

static inline void driver_descriptor(struct driver *driver, uint64_t table, uint32_t index, uint64_t address,
	uint32_t length, uint32_t flags, uint32_t next)
{
	driver_set(driver, table + index * UINT64_C(16), 8, address);
	driver_set(driver, table + index * UINT64_C(16) + 8, 4, length);
	driver_set(driver, table + index * UINT64_C(16) + 12, 2, flags);
	driver_set(driver, table + index * UINT64_C(16) + 14, 2, next);
}

/* Make a chain available that begins at a descriptor; the device is not told. */
static inline void driver_offer(struct driver *driver, uint32_t number, uint32_t head)
{
	struct driver_queue *queue = &driver->queues[number];
	driver_set(driver, queue->at + 0x1000 + 4 + queue->avail % QUEUE_SIZE * UINT64_C(2), 2, head);
	driver_set(driver, queue->at + 0x1000 + 2, 2, ++queue->avail);
}

/* A chain of so many buffers in a row; the first descriptor. */
static inline uint32_t driver_chain(struct driver *driver, uint32_t number, uint64_t address, const uint32_t *lengths,
	uint32_t count, uint32_t flags)
{
	struct driver_queue *queue = &driver->queues[number];
	uint32_t head = queue->free;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t index = queue->free++ % QUEUE_SIZE;
		driver_descriptor(driver, queue->at, index, address, lengths[i], flags | (i + 1 < count ? NEXT : 0),
			(index + 1) % QUEUE_SIZE);
		address += lengths[i];
	}
	driver_offer(driver, number, head % QUEUE_SIZE);
	return head % QUEUE_SIZE;
}

/* The next chain that the device has given back; -1: none. */
static inline int32_t driver_used(struct driver *driver, uint32_t number, uint32_t *length)
{
	struct driver_queue *queue = &driver->queues[number];
	uint64_t entry = queue->at + 0x2000 + 4 + queue->used % QUEUE_SIZE * UINT64_C(8);
	if ((uint16_t)driver_get(driver, queue->at + 0x2000 + 2, 2) == queue->used)
		return -1;
	queue->used++;
	*length = (uint32_t)driver_get(driver, entry + 4, 4);
	return (int32_t)driver_get(driver, entry, 4);
}

#endif
