/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The IDE function of Intel's PIIX3 and PIIX4 (82371SB, 290550-002; 82371AB, 290562-001).
 */
#ifndef PIIX_H
#define PIIX_H

#include <vmm/event.h>
#include <vmm/io.h>
#include <vmm/irq.h>
#include <vmm/kit/pci.h>
#include <vmm/kit/plugin.h>
#include <vmm/port-ide.h>

#define CHANNELS 2
#define DRIVES   2

/* Bus master registers: BMICX, BMISX. */
#define COMMAND_START     0x01
#define COMMAND_TO_MEMORY 0x08
#define STATUS_ACTIVE     0x01
#define STATUS_ERROR      0x02
#define STATUS_INTERRUPT  0x04
#define STATUS_DRIVES     0x60 /* drive 0 and drive 1 can do DMA: the software's note */

struct piix;

struct drive {
	struct channel *channel;
	const struct vmm_ide_lower *table; /* NULL: not there */
	void *self;
	uint32_t taken, link;
	uint8_t intrq, dmarq;
};

struct channel {
	struct piix *piix;
	uint32_t number;
	struct drive drives[DRIVES];
	vmm_handle data_claim, control_claim, irq;
	uint8_t selected; /* DEV, as last written */
	uint8_t level;    /* of the interrupt line */
	/* The bus master. */
	uint8_t command, status;
	uint8_t kicked;  /* its deferred call is on its way */
	uint8_t last;    /* the region is the table's last */
	uint32_t table;  /* BMIDTPX */
	uint32_t next;   /* address of the next descriptor */
	uint32_t region; /* where in memory it is */
	uint32_t left;   /* bytes of the region to go */
};

struct piix {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_irq_service *irq;
	const struct vmm_event_service *event;
	struct vmm_pci pci;
	vmm_handle master_claim;
	uint8_t running;
	struct channel channels[CHANNELS];
};

/* channel.c */
extern const struct vmm_io_ops channel_data_ops, channel_control_ops;
extern const struct vmm_port_ops channel_port_ops;
extern const struct vmm_ide_upper channel_upper;

/* master.c */
extern const struct vmm_io_ops master_ops;
/* Let the drive go on, if it wants to and may. */
void master_kick(struct channel *channel);
void master_interrupt(struct channel *channel);
void master_reset(struct channel *channel);
int32_t master_move(struct channel *channel, uint8_t *data, uint32_t length, uint32_t to_memory);

#endif
