/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A virtio network card (Virtual I/O Device Version 1.2, 5.1).
 *
 * What it offers does not depend on the network mode behind it, which may be swapped: the kit does what that cannot.
 */
#ifndef VMM_VIRTIO_NET_CARD_H
#define VMM_VIRTIO_NET_CARD_H

#include <vmm/event.h>
#include <vmm/kit/net.h>
#include <vmm/kit/virtio.h>

/* Feature bits (5.1.3). */
#define F_CSUM                (UINT64_C(1) << 0)
#define F_GUEST_CSUM          (UINT64_C(1) << 1)
#define F_CTRL_GUEST_OFFLOADS (UINT64_C(1) << 2)
#define F_MTU                 (UINT64_C(1) << 3)
#define F_MAC                 (UINT64_C(1) << 5)
#define F_GUEST_TSO4          (UINT64_C(1) << 7)
#define F_GUEST_TSO6          (UINT64_C(1) << 8)
#define F_GUEST_ECN           (UINT64_C(1) << 9)
#define F_HOST_TSO4           (UINT64_C(1) << 11)
#define F_HOST_TSO6           (UINT64_C(1) << 12)
#define F_HOST_ECN            (UINT64_C(1) << 13)
#define F_MRG_RXBUF           (UINT64_C(1) << 15)
#define F_STATUS              (UINT64_C(1) << 16)
#define F_CTRL_VQ             (UINT64_C(1) << 17)
#define F_CTRL_RX             (UINT64_C(1) << 18)
#define F_CTRL_VLAN           (UINT64_C(1) << 19)
#define F_CTRL_RX_EXTRA       (UINT64_C(1) << 20)
#define F_GUEST_ANNOUNCE      (UINT64_C(1) << 21)
#define F_MQ                  (UINT64_C(1) << 22)
#define F_CTRL_MAC_ADDR       (UINT64_C(1) << 23)
#define F_HOST_USO            (UINT64_C(1) << 56)
#define F_SPEED_DUPLEX        (UINT64_C(1) << 63)

#define GUEST_OFFLOADS (F_GUEST_CSUM | F_GUEST_TSO4 | F_GUEST_TSO6 | F_GUEST_ECN)

/* struct virtio_net_hdr (5.1.6). */
struct header {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};
#define HDR_NEEDS_CSUM 1u
#define HDR_DATA_VALID 2u
#define GSO_NONE       0u
#define GSO_TCPV4      1u
#define GSO_TCPV6      4u
#define GSO_UDP_L4     5u
#define GSO_ECN        0x80u

#define PAIRS       8u /* of queues, at most */
#define BATCH       16u
#define SMALL       2048u /* bytes of a frame up to which copying is cheaper than mapping */
#define STEERING    256u
#define MAC_TABLE   (VMM_NET_ADDRESSES - 1)
#define MERGE_LIMIT 128u /* buffers for one frame */

/* What the control queue has set for reception. */
struct filter {
	uint8_t promiscuous, all_multicast, all_unicast, no_multicast, no_unicast, no_broadcast;
	uint8_t overflow;
	uint32_t address_count;
	struct vmm_net_address addresses[MAC_TABLE];
	uint8_t vlans[4096 / 8];
};

/* A frame on its way out: where its pieces are mapped. */
struct outgoing {
	uint32_t head;
	uint32_t map_count;
	vmm_handle maps[VMM_NET_SEGMENTS];
	struct vmm_net_segment segments[VMM_NET_SEGMENTS];
	uint8_t small[SMALL];
};

struct card {
	const struct vmm_host *host;
	const struct vmm_event_service *event;
	struct vmm_virtio virtio;
	struct vmm_net_card net;
	uint32_t pairs;  /* that the card has */
	uint32_t active; /* that the driver uses */
	uint32_t mtu;    /* 0: not said */
	uint8_t mac[6];  /* as the driver has set it */
	uint8_t announce, running, starved;
	uint32_t blocked;  /* transmit queues, a bit a pair, that wait for the network */
	uint32_t deferred; /* transmit queues that had more than one visit's work */
	uint64_t offloads; /* GUEST_OFFLOADS that are in use */
	uint64_t oversized;
	struct filter filter;
	uint8_t steering[STEERING]; /* by a flow's hash: the pair that it was sent on */
	struct vmm_virtio_chain chain, first;
	struct vmm_net_frame frames[BATCH];
	struct outgoing out[BATCH];
	uint8_t *large; /* a frame that could not be mapped */
};

/* The control queue is behind the pairs that the driver may use (5.1.2). */
static inline uint32_t control_queue(const struct card *card)
{
	return 2 * (vmm_virtio_has(&card->virtio, F_MQ) ? card->pairs : 1);
}

/* transmit.c */
void transmit(struct card *card, uint32_t pair);
/* Of a frame's addresses and ports, the same both ways; 0 for what is not IP. */
uint32_t flow_hash(const uint8_t *bytes, uint64_t length);

/* receive.c */
uint32_t receive(void *self, const struct vmm_net_frame *frame);

/* control.c */
void filter_reset(struct card *card);
void control(struct card *card);
/* Tell the network what is to be received. */
void wants_update(struct card *card);

#endif
