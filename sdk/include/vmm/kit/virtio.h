/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Device kit: a virtio device on PCI and its split virtqueues (Virtual I/O Device Version 1.2, 2.7 and 4.1).
 *
 * Modern devices only: what a driver must have negotiated is VIRTIO_F_VERSION_1.  Everything in a queue comes from a
 * guest that may be hostile: what cannot be right ends in DEVICE_NEEDS_RESET, and the device rests until it is reset.
 * All functions [machine].
 */
#ifndef VMM_KIT_VIRTIO_H
#define VMM_KIT_VIRTIO_H

#include <vmm/kit/pci.h>

#define VMM_VIRTIO_VENDOR 0x1af4

#define VMM_VIRTIO_RING_INDIRECT (UINT64_C(1) << 28) /* these three are the kit's to offer */
#define VMM_VIRTIO_RING_EVENT    (UINT64_C(1) << 29)
#define VMM_VIRTIO_VERSION_1     (UINT64_C(1) << 32)

#define VMM_VIRTIO_ACKNOWLEDGE 1u
#define VMM_VIRTIO_DRIVER      2u
#define VMM_VIRTIO_DRIVER_OK   4u
#define VMM_VIRTIO_FEATURES_OK 8u
#define VMM_VIRTIO_NEEDS_RESET 64u
#define VMM_VIRTIO_FAILED      128u

#define VMM_VIRTIO_QUEUES     32u
#define VMM_VIRTIO_QUEUE_SIZE 1024u /* descriptors, at most */
#define VMM_VIRTIO_NO_VECTOR  0xffffu

struct vmm_virtqueue {
	struct vmm_virtio *virtio;
	uint64_t descriptors, driver, device; /* guest addresses of the three areas */
	uint16_t maximum, size;               /* in descriptors, a power of 2; what the device offers, what is used */
	uint16_t vector;
	uint16_t enabled;
	uint16_t seen;      /* the driver's index as it was read last */
	uint16_t next;      /* of the next chain to be taken */
	uint16_t used;      /* of the next that will be given back */
	uint16_t published; /* what the driver has been told of those */
};

/* A piece of a chain: guest memory. */
struct vmm_virtio_piece {
	uint64_t address;
	uint32_t length;
	uint32_t reserved;
};

#define VMM_VIRTIO_PIECES 256u

struct vmm_virtio_chain {
	uint32_t head;      /* names it when it is given back */
	uint32_t out_count; /* pieces that the device reads; they come first */
	uint32_t in_count;  /* pieces that it writes */
	uint32_t reserved;
	uint64_t out_length, in_length; /* in bytes */
	struct vmm_virtio_piece pieces[VMM_VIRTIO_PIECES];
};

struct vmm_virtio {
	const struct vmm_host *host;
	const struct vmm_region_service *region;
	struct vmm_pci pci;
	struct vmm_msix msix;
	vmm_handle window; /* the BAR's region */
	uint64_t offered, agreed;
	uint32_t offered_select, agreed_select;
	uint16_t config_vector, queue_select;
	uint8_t status, generation, isr;
	uint32_t access; /* offset of the capability that leads into the BAR */
	uint32_t queue_count, config_length;
	struct vmm_virtqueue queues[VMM_VIRTIO_QUEUES];
	/* The owner's.  reset: forget everything about the driver; may be NULL.  ready: the driver has set DRIVER_OK.
	 * notify: there may be something in this queue; only between ready and reset.  config_read and config_write:
	 * one byte of the device's configuration, below config_length; config_write may be NULL. */
	void (*reset)(void *self);
	void (*ready)(void *self);
	void (*notify)(void *self, uint32_t queue);
	uint8_t (*config_read)(void *self, uint32_t offset);
	void (*config_write)(void *self, uint32_t offset, uint8_t value);
	void *self;
};

struct vmm_virtio_desc {
	uint16_t type;        /* 1: a network card, ... (chapter 5) */
	uint16_t queue_count; /* 1..VMM_VIRTIO_QUEUES */
	uint16_t queue_size;  /* a power of 2, to VMM_VIRTIO_QUEUE_SIZE */
	uint16_t reserved;
	uint32_t class_code; /* of the PCI function */
	uint32_t config_length;
	uint64_t features; /* the device's own; the kit adds its three */
};

/* In init; the owner's fields are set already, the rest is zero.  0 or a negative errno, after host->fail. */
int32_t vmm_virtio_init(struct vmm_virtio *virtio, const struct vmm_host *host, const struct vmm_virtio_desc *desc);
void vmm_virtio_destroy(struct vmm_virtio *virtio);
/* For the instance's reset: as the guest's, and the function's configuration space too. */
void vmm_virtio_reset(struct vmm_virtio *virtio);
int32_t vmm_virtio_save(struct vmm_virtio *virtio);
int32_t vmm_virtio_load(struct vmm_virtio *virtio);
void vmm_virtio_get_port(struct vmm_virtio *virtio, struct vmm_port_side *side);

/* DRIVER_OK, and nothing is wrong. */
static inline uint32_t vmm_virtio_running(const struct vmm_virtio *virtio)
{
	return (virtio->status & (VMM_VIRTIO_DRIVER_OK | VMM_VIRTIO_NEEDS_RESET)) == VMM_VIRTIO_DRIVER_OK;
}
static inline uint32_t vmm_virtio_has(const struct vmm_virtio *virtio, uint64_t feature)
{
	return (virtio->agreed & feature) != 0;
}
/* The device's configuration has changed: tell the driver. */
void vmm_virtio_config_changed(struct vmm_virtio *virtio);
/* The driver has done what it must not: `what` is for the log. */
void vmm_virtio_broken(struct vmm_virtio *virtio, const char *what);

/* The chain that is `ahead` places behind the next one.  1; 0: there is none; -EIO: the queue is broken. */
int32_t vmm_virtqueue_peek(struct vmm_virtqueue *queue, uint32_t ahead, struct vmm_virtio_chain *chain);
/* The next `count` chains, which have been peeked at, are the device's until they are pushed. */
void vmm_virtqueue_take(struct vmm_virtqueue *queue, uint32_t count);
/* Give a chain back, with `written` bytes in its in-pieces; the driver sees it after vmm_virtqueue_publish(). */
void vmm_virtqueue_push(struct vmm_virtqueue *queue, uint32_t head, uint32_t written);
/* Show the driver what was pushed, and interrupt it if it wants that. */
void vmm_virtqueue_publish(struct vmm_virtqueue *queue);
/* Whether the driver shall notify of chains from now on.  After switching that on look once more. */
void vmm_virtqueue_listen(struct vmm_virtqueue *queue, uint32_t on);

/* Copy from a chain's out-pieces, to its in-pieces, from `offset` of them on; returns how many bytes there was room
 * for. */
uint64_t vmm_virtio_copy_out(
	struct vmm_virtio *virtio, const struct vmm_virtio_chain *chain, uint64_t offset, void *data, uint64_t length);
uint64_t vmm_virtio_copy_in(struct vmm_virtio *virtio, const struct vmm_virtio_chain *chain, uint64_t offset,
	const void *data, uint64_t length);

#endif
