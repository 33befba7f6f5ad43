/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The registers, in four pages (DP8390D, 10.0; RTL8029AS, 6).
 */
#include "ne2000.h"

#define AT_DATA  0x10u
#define AT_RESET 0x18u

#define CONFIG0_BNC 0x04u /* no link at the 10BASE-T connector */

static void interrupt_update(struct ne2000 *ne2000)
{
	vmm_pci_interrupt(&ne2000->pci, (ne2000->isr & ne2000->imr & 0x7f) != 0);
}

void interrupt_raise(struct ne2000 *ne2000, uint8_t causes)
{
	ne2000->isr |= causes;
	interrupt_update(ne2000);
}

void chip_wants(struct ne2000 *ne2000)
{
	struct vmm_net_address address = { { 0 }, { 0 } };
	uint32_t flags = 0;
	memcpy(address.bytes, ne2000->par, 6);
	if ((ne2000->cr & CR_STP) != 0 || (ne2000->tcr & TCR_LB) != 0 || (ne2000->rcr & RCR_MON) != 0)
		flags |= VMM_NET_OFF;
	if ((ne2000->rcr & RCR_PRO) != 0)
		flags |= VMM_NET_PROMISCUOUS;
	if ((ne2000->rcr & RCR_AB) != 0)
		flags |= VMM_NET_BROADCAST;
	if ((ne2000->rcr & RCR_AM) != 0)
		flags |= VMM_NET_ALL_MULTICAST;
	vmm_net_card_wants(&ne2000->card, flags, &address, 1, 0);
}

/* RESET: stopped; most registers stay (11.0). */
void chip_reset(struct ne2000 *ne2000)
{
	ne2000->cr = CR_STP | CR_RD_ABORT;
	ne2000->imr = 0;
	ne2000->isr = ISR_RST;
	ne2000->dcr &= (uint8_t)~0x04u; /* LAS */
	ne2000->tcr &= (uint8_t)~TCR_LB;
	interrupt_update(ne2000);
	chip_wants(ne2000);
}

void chip_power_on(struct ne2000 *ne2000)
{
	ne2000->rcr = ne2000->tcr = ne2000->dcr = ne2000->tsr = ne2000->rsr = 0;
	ne2000->pstart = ne2000->pstop = ne2000->bnry = ne2000->tpsr = ne2000->curr = ne2000->rnpp = 0;
	ne2000->tbcr = ne2000->rsar = ne2000->rbcr = 0;
	ne2000->eecr = ne2000->config2 = ne2000->config3 = 0;
	memset(ne2000->par, 0, sizeof(ne2000->par));
	memset(ne2000->mar, 0, sizeof(ne2000->mar));
	memset(ne2000->ram, 0, sizeof(ne2000->ram));
	chip_reset(ne2000);
}

static void cr_write(struct ne2000 *ne2000, uint8_t value)
{
	/* TXP stays until the frame is gone. */
	uint8_t sending = ne2000->cr & CR_TXP;
	ne2000->cr = (value & (uint8_t)~CR_TXP) | sending;
	if ((value & CR_STP) != 0) {
		ne2000->isr |= ISR_RST;
		ne2000->cr &= (uint8_t)~CR_TXP;
	} else {
		if ((value & CR_STA) != 0)
			ne2000->isr &= (uint8_t)~ISR_RST;
		ne2000->cr |= value & CR_TXP;
	}
	remote_begin(ne2000);
	chip_wants(ne2000);
	transmit_run(ne2000);
	vmm_net_card_readable(&ne2000->card);
}

static uint8_t page0_read(const struct ne2000 *ne2000, uint32_t offset)
{
	switch (offset) {
	case 0x02: return ne2000->curr; /* CLDA1 */
	case 0x03: return ne2000->bnry;
	case 0x04: return ne2000->tsr;
	case 0x07: return ne2000->isr;
	case 0x08: return (uint8_t)ne2000->rsar;
	case 0x09: return (uint8_t)(ne2000->rsar >> 8);
	/* By these Realtek's chips are told. */
	case 0x0a: return 'P';
	case 0x0b: return 'C';
	case 0x0c: return ne2000->rsr;
	default: return 0; /* CLDA0, NCR, FIFO, and counters of errors that do not happen */
	}
}

static void page0_write(struct ne2000 *ne2000, uint32_t offset, uint8_t value)
{
	switch (offset) {
	case 0x01: ne2000->pstart = value; break;
	case 0x02: ne2000->pstop = value; break;
	case 0x03:
		ne2000->bnry = value;
		vmm_net_card_readable(&ne2000->card);
		break;
	case 0x04: ne2000->tpsr = value; break;
	case 0x05: ne2000->tbcr = (uint16_t)((ne2000->tbcr & 0xff00) | value); break;
	case 0x06: ne2000->tbcr = (uint16_t)((ne2000->tbcr & 0xff) | value << 8); break;
	case 0x07:
		/* RST is cleared by starting. */
		ne2000->isr &= (uint8_t) ~(value & 0x7f);
		interrupt_update(ne2000);
		/* A frame that waits would else not be heard of again. */
		if ((value & ISR_PRX) != 0)
			vmm_net_card_readable(&ne2000->card);
		break;
	case 0x08: ne2000->rsar = (uint16_t)((ne2000->rsar & 0xff00) | value); break;
	case 0x09: ne2000->rsar = (uint16_t)((ne2000->rsar & 0xff) | value << 8); break;
	case 0x0a: ne2000->rbcr = (uint16_t)((ne2000->rbcr & 0xff00) | value); break;
	case 0x0b: ne2000->rbcr = (uint16_t)((ne2000->rbcr & 0xff) | value << 8); break;
	case 0x0c:
		ne2000->rcr = value & 0x3f;
		chip_wants(ne2000);
		break;
	case 0x0d:
		ne2000->tcr = value & 0x1f;
		chip_wants(ne2000);
		break;
	case 0x0e: ne2000->dcr = value & 0x7f; break;
	case 0x0f:
		ne2000->imr = value & 0x7f;
		interrupt_update(ne2000);
		break;
	default: break;
	}
}

static uint8_t page2_read(const struct ne2000 *ne2000, uint32_t offset)
{
	switch (offset) {
	case 0x01: return ne2000->pstart;
	case 0x02: return ne2000->pstop;
	case 0x03: return ne2000->rnpp;
	case 0x04: return ne2000->tpsr;
	case 0x0c: return ne2000->rcr | 0xc0;
	case 0x0d: return ne2000->tcr | 0xe0;
	case 0x0e: return ne2000->dcr | 0x80;
	case 0x0f: return ne2000->imr | 0x80;
	default: return 0;
	}
}

static uint8_t page3_read(const struct ne2000 *ne2000, uint32_t offset)
{
	switch (offset) {
	case 0x01: return ne2000->eecr;
	case 0x03: return ne2000->card.info.link != 0 ? 0 : CONFIG0_BNC;
	case 0x05: return ne2000->config2;
	case 0x06: return ne2000->config3;
	case 0x0e: return 0x29;
	case 0x0f: return 0x80;
	default: return 0;
	}
}

/* The configuration can be written while 9346CR says so. */
static void page3_write(struct ne2000 *ne2000, uint32_t offset, uint8_t value)
{
	uint32_t unlocked = (ne2000->eecr & 0xc0) == 0xc0;
	if (offset == 0x01)
		ne2000->eecr = value & 0xce;
	else if (offset == 0x05 && unlocked)
		ne2000->config2 = value & 0xe0;
	else if (offset == 0x06 && unlocked)
		ne2000->config3 = value & 0x46;
}

static uint8_t register_read(const struct ne2000 *ne2000, uint32_t offset)
{
	if (offset == 0)
		return ne2000->cr;
	switch (ne2000->cr >> 6) {
	case 0: return page0_read(ne2000, offset);
	case 1: return offset < 7 ? ne2000->par[offset - 1] : offset == 7 ? ne2000->curr : ne2000->mar[offset - 8];
	case 2: return page2_read(ne2000, offset);
	default: return page3_read(ne2000, offset);
	}
}

static void register_write(struct ne2000 *ne2000, uint32_t offset, uint8_t value)
{
	if (offset == 0) {
		cr_write(ne2000, value);
		return;
	}
	switch (ne2000->cr >> 6) {
	case 0: page0_write(ne2000, offset, value); break;
	case 1:
		if (offset < 7)
			ne2000->par[offset - 1] = value;
		else if (offset == 7)
			ne2000->curr = value;
		else
			ne2000->mar[offset - 8] = value;
		chip_wants(ne2000);
		break;
	case 3: page3_write(ne2000, offset, value); break;
	default: break; /* page 2 is the chip's own */
	}
}

static int32_t port_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct ne2000 *ne2000 = self;
	(void)token;
	*value = 0;
	if (offset >= AT_RESET)
		chip_reset(ne2000);
	else if (offset >= AT_DATA)
		*value = remote_read(ne2000, size);
	for (uint32_t i = 0; offset < AT_DATA && i < size && offset + i < AT_DATA; i++)
		*value |= (uint32_t)register_read(ne2000, offset + i) << (i * 8);
	return 0;
}

static int32_t port_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct ne2000 *ne2000 = self;
	(void)token;
	if (offset >= AT_RESET)
		return 0; /* it is a read that resets, and the write behind it that ends it */
	if (offset >= AT_DATA)
		remote_write(ne2000, size, value);
	for (uint32_t i = 0; offset < AT_DATA && i < size && offset + i < AT_DATA; i++)
		register_write(ne2000, offset + i, (uint8_t)(value >> (i * 8)));
	return 0;
}

const struct vmm_io_ops port_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = port_read,
	.write = port_write,
};
