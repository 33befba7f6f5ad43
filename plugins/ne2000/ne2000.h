/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * An NE2000 as Realtek's RTL8029AS has it on PCI: National's DP8390D (datasheet TL/F/8582), 16 KiB of memory, a port to
 * it, and Realtek's page 3.  Names of registers and bits are the datasheets'.
 */
#ifndef NE2000_H
#define NE2000_H

#include <vmm/io.h>
#include <vmm/kit/net.h>
#include <vmm/kit/pci.h>
#include <vmm/kit/plugin.h>

#define PORTS     32u
#define RAM_FIRST 0x4000u /* local addresses */
#define RAM_SIZE  0x4000u
#define PROM_SIZE 32u
#define PAGE      256u

#define CR_STP      0x01u
#define CR_STA      0x02u
#define CR_TXP      0x04u
#define CR_RD       0x38u
#define CR_RD_READ  0x08u
#define CR_RD_WRITE 0x10u
#define CR_RD_SEND  0x18u
#define CR_RD_ABORT 0x20u

#define ISR_PRX 0x01u
#define ISR_PTX 0x02u
#define ISR_RDC 0x40u
#define ISR_RST 0x80u

#define RCR_AB  0x04u
#define RCR_AM  0x08u
#define RCR_PRO 0x10u
#define RCR_MON 0x20u

#define TCR_CRC 0x01u
#define TCR_LB  0x06u
#define DCR_WTS 0x01u

#define TSR_PTX 0x01u
#define TSR_CRS 0x10u
#define RSR_PRX 0x01u
#define RSR_PHY 0x20u

struct ne2000 {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	struct vmm_pci pci;
	struct vmm_net_card card;
	vmm_handle ports;

	uint8_t cr, isr, imr, rcr, tcr, dcr, tsr, rsr;
	uint8_t pstart, pstop, bnry, tpsr, curr;
	uint8_t par[6], mar[8];
	uint8_t eecr, config2, config3; /* of page 3 */
	uint8_t rnpp;                   /* page behind the one that CR.RD "send packet" reads */
	uint16_t tbcr, rsar, rbcr;
	uint8_t ram[RAM_SIZE];

	uint8_t buffer[4096];
};

/* chip.c */
extern const struct vmm_io_ops port_ops;
void chip_reset(struct ne2000 *ne2000);
void chip_power_on(struct ne2000 *ne2000);
void chip_wants(struct ne2000 *ne2000);
void interrupt_raise(struct ne2000 *ne2000, uint8_t causes);

/* memory.c: the card's, and remote DMA to it */
uint8_t memory_get(const struct ne2000 *ne2000, uint32_t address);
void memory_set(struct ne2000 *ne2000, uint32_t address, uint8_t value);
/* Has CR just asked for it? */
void remote_begin(struct ne2000 *ne2000);
uint32_t remote_read(struct ne2000 *ne2000, uint32_t size);
void remote_write(struct ne2000 *ne2000, uint32_t size, uint32_t value);

/* frame.c */
void transmit_run(void *self);
uint32_t receive_frame(void *self, const struct vmm_net_frame *frame);

#endif
