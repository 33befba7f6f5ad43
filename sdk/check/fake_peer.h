/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The other side of every kind of port, played at random: lines that take part of what they are given, disks that
 * fail now and then, a PCI bus, a typist.
 */
#ifndef FAKE_PEER_H
#define FAKE_PEER_H

#include <vmm/port-char.h>
#include <vmm/port-ide.h>
#include <vmm/port-display.h>
#include <vmm/port-dma.h>
#include <vmm/port-floppy.h>
#include <vmm/port-input.h>
#include <vmm/port-isa.h>
#include <vmm/port-net.h>
#include <vmm/port-pci.h>
#include <vmm/port-speaker.h>
#include <vmm/port-storage.h>

#include "fake_host.h"

#define PEER_REQUESTS 64
#ifndef PEER_DISK
#define PEER_DISK (UINT64_C(1) << 20)
#endif

/* A repeatable source of chance: xorshift64*, or a fuzzer's input while there is any, and 0 after its end. */
struct chance {
	uint64_t state;
	const uint8_t *input; /* NULL: none */
	uint64_t left;
};

static inline uint64_t chance_take(struct chance *chance, uint32_t bytes)
{
	uint64_t value = 0;
	for (uint32_t i = 0; i < bytes && chance->left > 0; i++, chance->left--)
		value |= (uint64_t)*chance->input++ << (i * 8);
	return value;
}

static inline uint64_t chance_next(struct chance *chance)
{
	if (chance->input != NULL)
		return chance_take(chance, 4);
	chance->state ^= chance->state >> 12;
	chance->state ^= chance->state << 25;
	chance->state ^= chance->state >> 27;
	return chance->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 .. limit - 1; limit is not 0.  Of a fuzzer's input it takes no more than it needs, so that inputs stay short. */
static inline uint64_t chance_below(struct chance *chance, uint64_t limit)
{
	if (chance->input != NULL)
		return chance_take(chance, limit == 1 ? 0 : limit <= 0x100 ? 1 : limit <= 0x10000 ? 2 : 4) % limit;
	return (chance_next(chance) >> 8) % limit;
}

static inline void chance_seed(struct chance *chance, uint64_t seed)
{
	chance->input = NULL;
	chance->state = seed * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0xd1b54a32d192ed03);
	if (chance->state == 0)
		chance->state = 1;
	chance_next(chance);
}

struct peer_request {
	uint32_t used;
	struct vmm_storage_request request;
	struct vmm_storage_segment segments[8]; /* copied: the submitter's array is lent, its memory is not ours */
	uint8_t *data;                          /* an upper peer's buffer */
};

/* A drive's transfer, or a controller's. */
struct peer_transfer {
	uint32_t used, operation;
	uint64_t token;
	uint8_t *data;
	uint32_t length;
};

struct fake_peer {
	struct fake_instance *instance;
	struct chance *chance;
	const struct vmm_port_row *row;
	char interface[64];
	uint32_t role; /* the peer's own */
	struct fake_link *link;
	/* The instance's half. */
	const void *table;
	void *self;
	uint32_t calling; /* how deep we are in calls to the instance; only calls up are forbidden within one */
	uint32_t owed;    /* char: a short write is to be followed by writable or readable */
	uint8_t *disk;    /* storage, lower */
	struct peer_request requests[PEER_REQUESTS];
	uint64_t next_token;
	struct peer_transfer transfers[4]; /* floppy */
	uint32_t cylinder, change;         /* floppy, lower */
	uint32_t bar_enabled;
	uint32_t link_down;    /* net, lower */
	uint64_t capabilities; /* net: what the peer takes */
	uint64_t wanted;       /* net, lower: what the card takes */
	uint32_t again; /* net, upper: a short receive is to be followed by readable; `owed` is of its own sends */
};

/* Join a peer to the port of `row`.  -ENOTSUP: no peer is known for its interfaces. */
int32_t fake_peer_join(struct fake_peer *peer, struct fake_instance *instance, const struct vmm_port_row *row,
	uint64_t address, struct chance *chance);
/* Do something that this kind of peer may do. */
void fake_peer_act(struct fake_peer *peer);
/* Bring what is under way to its end, as before a stop. */
/* PCI, upper: give the function's BARs addresses and let it decode and master the bus, as firmware does. */
void fake_peer_place(struct fake_peer *peer);
void fake_peer_drain(struct fake_peer *peer);
/* Wait for what would come out otherwise each time: changes that are under way. */
void fake_peer_settle(struct fake_peer *peer);
void fake_peer_free(struct fake_peer *peer);
/* Give a peer what another remembers, as if its own state had been saved and loaded. */
void fake_peer_copy(struct fake_peer *to, const struct fake_peer *from);

/* fake_peer_storage.c */
extern const struct vmm_storage_lower fake_peer_storage_lower;
extern const struct vmm_storage_upper fake_peer_storage_upper;
void fake_peer_storage_act(struct fake_peer *peer);
void fake_peer_storage_drain(struct fake_peer *peer);
void fake_peer_storage_settle(struct fake_peer *peer);

/* fake_peer_bus.c */
extern const struct vmm_pci_upper fake_peer_pci_upper;
extern const struct vmm_pci_lower fake_peer_pci_lower;
extern const struct vmm_isa_upper fake_peer_isa_upper;
extern const struct vmm_isa_lower fake_peer_isa_lower;
void fake_peer_pci_act(struct fake_peer *peer);
void fake_peer_isa_act(struct fake_peer *peer);

/* fake_peer_display.c */
extern const struct vmm_display_lower fake_peer_display_lower;
extern const struct vmm_display_upper fake_peer_display_upper;
void fake_peer_display_act(struct fake_peer *peer);
/* fake_peer_dma.c */
extern const struct vmm_dma_upper fake_peer_dma_upper;
extern const struct vmm_dma_lower fake_peer_dma_lower;
void fake_peer_dma_act(struct fake_peer *peer);

/* fake_peer_floppy.c */
extern const struct vmm_floppy_upper fake_peer_floppy_upper;
extern const struct vmm_floppy_lower fake_peer_floppy_lower;
void fake_peer_floppy_act(struct fake_peer *peer);
void fake_peer_floppy_drain(struct fake_peer *peer);

/* fake_peer_speaker.c */
extern const struct vmm_speaker_lower fake_peer_speaker_lower;
extern const struct vmm_speaker_upper fake_peer_speaker_upper;
void fake_peer_speaker_act(struct fake_peer *peer);

/* fake_peer_ide.c */
extern const struct vmm_ide_upper fake_peer_ide_upper;
extern const struct vmm_ide_lower fake_peer_ide_lower;
void fake_peer_ide_act(struct fake_peer *peer);

/* fake_peer_net.c */
extern const struct vmm_net_lower fake_peer_net_lower;
extern const struct vmm_net_upper fake_peer_net_upper;
void fake_peer_net_act(struct fake_peer *peer);

/* Called up from within a call down on the same port?  A fault. */
void fake_peer_up_check(struct fake_peer *peer, const char *call);

/* A value that is likely to hit something: few bits, all bits, an address in RAM, noise. */
uint64_t fake_peer_value(struct chance *chance);

#endif
