/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * vmm.port.net/1: Ethernet frames both ways, in batches, with back-pressure and offloads.
 *
 * Upper: a network card.  Lower: a network mode (NAT, a bridge, a switch).  A filter (a capture, a shaper) is the lower
 * side of one such port and the upper side of another.
 *
 * Frames have a destination, a source and a type or length, and no frame check sequence.  A VLAN tag, if there is one,
 * is in the frame.  Short ones need no padding.
 *
 * A side may ask no more of a frame than its peer's capabilities say (checksums, segmentation); what the peer cannot
 * do, the sender does before (vmm_net_card_send of the device kit does).  So a card goes on offering its guest what it
 * has negotiated when its peer is swapped for one that does less.
 */
#ifndef VMM_PORT_NET_H
#define VMM_PORT_NET_H

#include <vmm/port.h>

#define VMM_PORT_NET "vmm.port.net/1"

/* Capabilities: what a side takes in frames that come to it. */
#define VMM_NET_CHECKSUM UINT64_C(1) /* frames with VMM_NET_NEEDS_CHECKSUM */
#define VMM_NET_TCP4     UINT64_C(2) /* VMM_NET_SEGMENT_TCP4; this and the next three only with VMM_NET_CHECKSUM */
#define VMM_NET_TCP6     UINT64_C(4)
#define VMM_NET_UDP      UINT64_C(8)
#define VMM_NET_ECN      UINT64_C(16) /* VMM_NET_SEGMENT_ECN */

/* Flags of a frame. */
/* The 16-bit sum from checksum_start to the end is still to be put at checksum_start + checksum_offset, where the sum
 * of the pseudo header is now. */
#define VMM_NET_NEEDS_CHECKSUM 1u
/* Upwards only: its checksums were found right, or it has never left this host. */
#define VMM_NET_CHECKSUM_RIGHT 2u

/* Segmentation: the frame stands for several, with at most segment_size bytes behind header_length each.  Its headers
 * are those of the first; its checksum needs to be done, too. */
#define VMM_NET_SEGMENT_NONE 0u
#define VMM_NET_SEGMENT_TCP4 1u
#define VMM_NET_SEGMENT_TCP6 2u
#define VMM_NET_SEGMENT_UDP  3u    /* datagrams of one size, IPv4 and IPv6: each has a UDP header of its own */
#define VMM_NET_SEGMENT_ECN  0x80u /* or'ed to TCP: CWR is set, in the first segment only */

#define VMM_NET_FRAME_MAXIMUM 65550u /* bytes: an IPv4 packet of 65,535 behind its header, and one VLAN tag less 3 */
#define VMM_NET_SEGMENTS      64u    /* pieces of memory a frame, at most */

struct vmm_net_segment {
	const void *data;
	uint64_t length;
};

struct vmm_net_frame {
	uint32_t struct_size;
	uint32_t flags;
	uint64_t length; /* the sum of the segments', 14..VMM_NET_FRAME_MAXIMUM */
	/* Lent for the call. */
	const struct vmm_net_segment *segments;
	uint32_t segment_count; /* 1..VMM_NET_SEGMENTS */
	uint32_t segmentation;  /* VMM_NET_SEGMENT_* */
	uint32_t segment_size;  /* bytes; 0 without segmentation */
	uint32_t header_length; /* bytes up to the payload; all of them in the first segment where there is segmentation
				 */
	uint32_t checksum_start, checksum_offset;
};

struct vmm_net_info {
	uint32_t struct_size;
	uint32_t link;         /* 1: up */
	uint64_t capabilities; /* of the lower side, for frames sent to it */
	uint32_t mtu;          /* the most behind an Ethernet header that gets through in one piece, 68..65521 */
	uint32_t megabits;     /* per second, for the guest to see; 0: no particular speed */
};

/* What an upper side wants to receive. */
#define VMM_NET_PROMISCUOUS   1u /* everything */
#define VMM_NET_ALL_MULTICAST 2u
#define VMM_NET_BROADCAST     4u
#define VMM_NET_OFF           8u /* nothing at all: the guest has not switched it on */

struct vmm_net_address {
	uint8_t bytes[6];
	uint8_t reserved[2];
};

struct vmm_net_wants {
	uint32_t struct_size;
	uint32_t flags;
	uint64_t capabilities; /* of the upper side, for frames that it receives */
	/* Unicast and multicast addresses; lent for the call. */
	const struct vmm_net_address *addresses;
	uint32_t address_count;
	uint32_t reserved;
};

struct vmm_net_upper {
	uint32_t struct_size;
	uint32_t reserved;
	/* Take frames, `stride` bytes from one to the next; returns how many were taken (0..count).  The rest is
	 * offered again after lower->readable.  A frame that is not wanted is taken and dropped.  From the event loop.
	 */
	uint32_t (*receive)(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count);
	/* Room again after a short send.  From the event loop. */
	void (*writable)(void *self);
	/* info has changed: link, capabilities, mtu.  From the event loop. */
	void (*changed)(void *self);
};

/* All [machine]; none of them blocks. */
struct vmm_net_lower {
	uint32_t struct_size;
	uint32_t reserved;
	int32_t (*info)(void *self, struct vmm_net_info *info);
	/* Take frames; returns how many were taken (0..count); if fewer, writable follows.  While the link is down all
	 * are taken and dropped. */
	uint32_t (*send)(void *self, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count);
	/* The upper side can take frames again. */
	void (*readable)(void *self);
	/* What is to be passed up from now on.  Before the first call: broadcasts and nothing else, and plain frames. A
	 * lower side may pass up more; the upper one filters again. */
	void (*wants)(void *self, const struct vmm_net_wants *wants);
};

#endif
