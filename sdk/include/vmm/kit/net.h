/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Device kit: the upper side of vmm.port.net/1 for network cards, and what can be done to a frame in software.
 *
 * A card has a MAC address, set or made from the machine's UUID; a cable that the user can pull; filters for what it
 * receives; and a peer that may be swapped at any time for one that can do less than the guest was told.
 * All functions [machine].
 */
#ifndef VMM_KIT_NET_H
#define VMM_KIT_NET_H

#include <vmm/kit/host.h>
#include <vmm/kit/pci.h>
#include <vmm/kit/plugin.h>
#include <vmm/port-net.h>

/* ---- frames ---- */

/* The Internet checksum (RFC 1071) of bytes, added to `sum`; begin with 0.  Sums of pieces may be added to each other
 * if all but the last have an even length. */
uint32_t vmm_net_sum(uint32_t sum, const void *data, uint64_t length);
/* The 16 bits to be stored, in the order of the wire when they are stored as they are. */
uint16_t vmm_net_sum_fold(uint32_t sum);

/* Copy `length` bytes of a frame from `offset` on; returns how many there were. */
uint64_t vmm_net_copy(const struct vmm_net_frame *frame, uint64_t offset, void *data, uint64_t length);

/* Is what the frame says of itself possible: lengths, offsets within it, headers that are what segmentation needs?
 * 0 or -EINVAL.  For frames whose description came from a guest. */
int32_t vmm_net_check(const struct vmm_net_frame *frame);

/* The capabilities that a side must have to take a frame as it is. */
uint64_t vmm_net_needs(const struct vmm_net_frame *frame);

/* Cut a frame into what a side with these capabilities takes, and finish checksums.  Calls `each` for one frame after
 * the other; it returns 0 to go on.  `room` is the caller's, of VMM_NET_ROOM bytes: what `each` is given may lie there.
 * 0, what `each` returned, or -EINVAL. */
#define VMM_NET_ROOM 65664u
int32_t vmm_net_finish(const struct vmm_net_frame *frame, uint64_t capabilities, uint8_t *room,
	int32_t (*each)(void *self, const struct vmm_net_frame *frame), void *self);

/* Frame number `index` of an array with a stride. */
static inline const struct vmm_net_frame *vmm_net_frame_at(
	const struct vmm_net_frame *frames, uint32_t stride, uint32_t index)
{
	return (const struct vmm_net_frame *)(const void *)((const uint8_t *)frames + (uint64_t)stride * index);
}

/* ---- cards ---- */

#define VMM_NET_ADDRESSES 64u
#define VMM_NET_QUEUE     (256u << 10) /* bytes of frames that were cut and could not be sent yet */

struct vmm_net_card {
	const struct vmm_host *host;
	const struct vmm_net_lower *lower; /* NULL: no peer, which is a link that is down */
	void *lower_self;
	uint32_t link_id;
	uint32_t cable;           /* the user's: 0 is pulled */
	struct vmm_net_info info; /* the peer's, as last told; link is 0 without a peer or cable */
	uint8_t mac[6];           /* the address it was made with */
	uint8_t running, offering, owed, shut;
	uint8_t listed; /* with the firmware */
	struct vmm_net_wants wants;
	struct vmm_net_address addresses[VMM_NET_ADDRESSES];
	/* The owner's.  receive: one frame that passed the filter; 0: no room, offer it again after
	 * vmm_net_card_readable; else it was taken.  writable: after a short send.  changed: info has changed, look at
	 * info.link. */
	uint32_t (*receive)(void *self, const struct vmm_net_frame *frame);
	void (*writable)(void *self);
	void (*changed)(void *self);
	void *self;
	/* Frames that were cut. */
	uint8_t *queue, *room;
	uint32_t queue_first, queue_used;
	vmm_handle rom;        /* its region */
	uint8_t kicked, again; /* a deferred call is on its way; readable was called within receive */
	vmm_handle pause;      /* timer: a link that has gone stays away for a while, so that the guest sees it */
	vmm_time up_at;        /* of the guest's clock: until then; 0: it may come */
};

/* Rows of a card's parameter table. */
#define VMM_NET_CARD_PARAMS \
	VMM_KIT_PARAM(VMM_PARAM_MAC, "mac", NULL, 0, 0, NULL, \
		"The card's address; by default one of 00:0c:29, made from the machine's UUID and the section's " \
		"name."), \
		VMM_KIT_PARAM_BOOL("connected", "yes", "Whether the cable is plugged in when the machine starts.")
/* One more, for a card with an option ROM: where iPXE's is in Debian. */
#define VMM_NET_CARD_ROM(NAME) \
	VMM_KIT_PARAM_PATH( \
		"rom", "/usr/lib/ipxe/qemu/" NAME, "The option ROM that boots from the network; empty for none.")

/* In init: reads the settings, makes an address, adds the control method INSTANCE.link {"up": true}.  The rest of the
 * struct is zero but for the owner's fields.  0, or a negative errno after host->fail. */
int32_t vmm_net_card_init(struct vmm_net_card *card, const struct vmm_host *host);
void vmm_net_card_destroy(struct vmm_net_card *card);
/* Send; returns how many frames were taken.  If fewer than count, writable follows.  What the peer cannot do is done
 * here; frames that are not possible (vmm_net_check) are taken and dropped.  Without a link all are. */
uint32_t vmm_net_card_send(
	struct vmm_net_card *card, const struct vmm_net_frame *frames, uint32_t stride, uint32_t count);
/* What is to be received: VMM_NET_PROMISCUOUS.., addresses (more than VMM_NET_ADDRESSES: all multicast, promiscuous if
 * one of them is unicast), and capabilities that the guest has agreed to. */
void vmm_net_card_wants(struct vmm_net_card *card, uint32_t flags, const struct vmm_net_address *addresses,
	uint32_t address_count, uint64_t capabilities);
/* There is room for frames again. */
void vmm_net_card_readable(struct vmm_net_card *card);
void vmm_net_card_start(struct vmm_net_card *card);
void vmm_net_card_stop(struct vmm_net_card *card);
int32_t vmm_net_card_save(struct vmm_net_card *card);
int32_t vmm_net_card_load(struct vmm_net_card *card);
void vmm_net_card_get_port(struct vmm_net_card *card, struct vmm_port_side *side);
/* Rows of a PCI card's port table; its get_port. */
#define VMM_NET_CARD_PORTS \
	VMM_KIT_PORT( \
		VMM_ROLE_LOWER, VMM_PORT_CHILD | VMM_PORT_REQUIRED, "bus", VMM_PORT_PCI, "The PCI bus it sits on."), \
		VMM_KIT_PORT(VMM_ROLE_UPPER, VMM_PORT_LIVE, "backend", VMM_PORT_NET, \
			"The network that its cable leads to; without one the link is down.")
int32_t vmm_net_card_get_ports(
	struct vmm_net_card *card, struct vmm_pci *pci, const char *key, struct vmm_port_side *side);

/* In init, once the PCI header is made: the ROM of `rom` in a ROM BAR, made this function's.  That the default file is
 * missing is only said in the log. */
int32_t vmm_net_card_add_rom(struct vmm_net_card *card, struct vmm_pci *pci);
/* In reset(POWER): tell the firmware that it may boot from this card. */
void vmm_net_card_list(struct vmm_net_card *card, const struct vmm_pci *pci);

#endif
