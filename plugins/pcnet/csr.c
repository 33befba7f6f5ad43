/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Control and status registers, bus configuration registers, and interrupts.
 */
#include "pcnet.h"

uint32_t csr_is_suspended(const struct pcnet *pcnet)
{
	return (pcnet->csr[5] & CSR5_SPND) != 0;
}

void interrupt_update(struct pcnet *pcnet)
{
	uint16_t *csr = pcnet->csr;
	/* CSR4's masks are below their causes; CSR5's enables, too. */
	uint32_t causes = (csr[0] & ~csr[3] & CSR3_MASKS) != 0 ||
		(csr[4] & ~(csr[4] << 1) & (CSR4_MFCO | CSR4_RCVCCO | CSR4_TXSTRT | CSR4_JAB)) != 0 ||
		(csr[4] & CSR4_UINT) != 0 || (csr[5] & (csr[5] & CSR5_ENABLES) << 1 & CSR5_CLEAR) != 0;
	csr[0] &= (uint16_t) ~(CSR0_ERR | CSR0_INTR);
	if ((csr[0] & (CSR0_BABL | CSR0_CERR | CSR0_MISS | CSR0_MERR)) != 0)
		csr[0] |= CSR0_ERR;
	if (causes)
		csr[0] |= CSR0_INTR;
	vmm_pci_interrupt(&pcnet->pci, causes && (csr[0] & CSR0_IENA) != 0);
}

void interrupt_raise(struct pcnet *pcnet, uint16_t causes)
{
	pcnet->csr[0] |= causes;
	interrupt_update(pcnet);
}

void csr_wants(struct pcnet *pcnet)
{
	const uint16_t *csr = pcnet->csr;
	uint32_t mode = csr[15];
	uint32_t flags = (csr[0] & CSR0_RXON) != 0 ? 0 : VMM_NET_OFF;
	uint32_t count = (mode & MODE_DRCVPA) == 0;
	const struct vmm_net_address address = { .bytes = { (uint8_t)csr[12], (uint8_t)(csr[12] >> 8), (uint8_t)csr[13],
							 (uint8_t)(csr[13] >> 8), (uint8_t)csr[14],
							 (uint8_t)(csr[14] >> 8) } };
	if ((mode & MODE_PROM) != 0)
		flags |= VMM_NET_PROMISCUOUS;
	if ((mode & MODE_DRCVBC) == 0)
		flags |= VMM_NET_BROADCAST;
	if ((csr[8] | csr[9] | csr[10] | csr[11]) != 0)
		flags |= VMM_NET_ALL_MULTICAST;
	vmm_net_card_wants(&pcnet->card, flags, &address, count, 0);
}

/* What the chip reads from its EEPROM: the address, and Novell's signature WW. */
static void aprom_fill(struct pcnet *pcnet)
{
	uint8_t *aprom = pcnet->aprom;
	uint32_t sum = 0;
	memset(aprom, 0, sizeof(pcnet->aprom));
	memcpy(aprom, pcnet->card.mac, 6);
	aprom[9] = 0x11;
	aprom[14] = aprom[15] = 'W';
	for (uint32_t i = 0; i < sizeof(pcnet->aprom); i++)
		sum += aprom[i];
	aprom[12] = (uint8_t)sum;
	aprom[13] = (uint8_t)(sum >> 8);
}

/* H_RESET, or S_RESET by a read of the reset register.  Both stop. */
void csr_reset(struct pcnet *pcnet, uint32_t hard)
{
	static const struct {
		uint8_t number;
		uint16_t value;
	} bcrs[] = { { 0, 5 }, { 1, 5 }, { 2, 2 }, { 4, 0xc0 }, { 5, 0x84 }, { 6, 0x88 }, { 7, 0x90 }, { 18, 0x2101 },
		{ 19, 0x0002 }, { 20, 0x0200 }, { 22, 0xff06 } };
	pcnet->epoch++;
	if (hard) {
		memset(pcnet->csr, 0, sizeof(pcnet->csr));
		memset(pcnet->bcr, 0, sizeof(pcnet->bcr));
		for (uint32_t i = 0; i < VMM_KIT_COUNT(bcrs); i++)
			pcnet->bcr[bcrs[i].number] = bcrs[i].value;
		pcnet->dwio = 0;
		for (uint32_t i = 0; i < 3; i++)
			pcnet->csr[12 + i] = (uint16_t)(pcnet->card.mac[i * 2] | pcnet->card.mac[i * 2 + 1] << 8);
		aprom_fill(pcnet);
		pcnet->csr[80] = 0x1410;
	}
	pcnet->csr[0] = CSR0_STOP;
	pcnet->csr[3] = 0;
	pcnet->csr[4] = 0x0115;
	pcnet->csr[5] = 0;
	pcnet->csr[15] = 0;
	pcnet->rap = 0;
	pcnet->rx_index = pcnet->tx_index = 0;
	pcnet->misses = 0;
	pcnet->poll_due = 0;
	poll_plan(pcnet);
	interrupt_update(pcnet);
	csr_wants(pcnet);
}

static void stop(struct pcnet *pcnet)
{
	pcnet->epoch++;
	pcnet->csr[0] = CSR0_STOP;
	pcnet->csr[5] &= (uint16_t)~CSR5_SPND;
	pcnet->misses = 0;
	interrupt_update(pcnet);
	csr_wants(pcnet);
}

/* CSR0's commands come in the order of their bits: STOP is above all. */
static void csr0_write(struct pcnet *pcnet, uint16_t value)
{
	uint16_t *csr = pcnet->csr;
	csr[0] &= (uint16_t) ~(value & CSR0_CLEAR);
	csr[0] = (uint16_t)((csr[0] & ~CSR0_IENA) | (value & CSR0_IENA));
	if ((value & CSR0_STOP) != 0) {
		stop(pcnet);
		return;
	}
	if ((value & CSR0_INIT) != 0 && (csr[0] & CSR0_INIT) == 0) {
		csr[0] = (uint16_t)((csr[0] & ~CSR0_STOP) | CSR0_INIT);
		csr[0] |= block_read(pcnet) < 0 ? CSR0_MERR : CSR0_IDON;
	}
	if ((value & CSR0_STRT) != 0 && (csr[0] & CSR0_STRT) == 0) {
		csr[0] = (uint16_t)((csr[0] & ~CSR0_STOP) | CSR0_STRT);
		if ((csr[15] & MODE_DTX) == 0)
			csr[0] |= CSR0_TXON;
		if ((csr[15] & MODE_DRX) == 0)
			csr[0] |= CSR0_RXON;
	}
	interrupt_update(pcnet);
	if ((value & (CSR0_INIT | CSR0_STRT)) != 0)
		csr_wants(pcnet);
	transmit_kick(pcnet);
	vmm_net_card_readable(&pcnet->card);
	poll_soon(pcnet);
}

uint16_t csr_read(struct pcnet *pcnet, uint32_t number)
{
	const uint16_t *csr = pcnet->csr;
	switch (number) {
	case 16: return csr[1];
	case 17: return csr[2];
	case 58: return bcr_read(pcnet, 20);
	case 72: return (uint16_t)(csr[76] + pcnet->rx_index);
	case 74: return (uint16_t)(csr[78] + pcnet->tx_index);
	/* The part number is 2621. */
	case 88: return 0x1003;
	case 89: return 0x0262;
	case 6: {
		uint32_t code = 0;
		uint16_t value = 0;
		for (uint32_t transmit = 0; transmit < 2; transmit++) {
			for (code = 0; code < 9 && 1u << code < ring_length(pcnet, transmit);)
				code++;
			value |= (uint16_t)(code << (transmit ? 12 : 8));
		}
		return value;
	}
	default: return csr[number];
	}
}

/* Which bits of the rest can be written, and whether only while it stands or is suspended. */
static const struct {
	uint8_t number, guarded;
	uint16_t mask;
} plain[] = { { 1, 1, 0xffff }, { 2, 1, 0xffff }, { 8, 1, 0xffff }, { 9, 1, 0xffff }, { 10, 1, 0xffff },
	{ 11, 1, 0xffff }, { 12, 1, 0xffff }, { 13, 1, 0xffff }, { 14, 1, 0xffff }, { 15, 1, 0xffff },
	{ 24, 1, 0xffff }, { 25, 1, 0xffff }, { 30, 1, 0xffff }, { 31, 1, 0xffff }, { 46, 1, 0xffff },
	{ 47, 1, 0xffff }, { 76, 1, 0xffff }, { 78, 1, 0xffff }, { 80, 1, 0x3fff }, { 82, 0, 0xffff },
	{ 100, 0, 0xffff }, { 112, 1, 0xffff }, { 114, 1, 0xffff }, { 122, 0, 0x0001 }, { 124, 0, 0x001e } };

static void plain_write(struct pcnet *pcnet, uint32_t number, uint16_t value)
{
	uint32_t stands = (pcnet->csr[0] & CSR0_STOP) != 0 || csr_is_suspended(pcnet);
	for (uint32_t i = 0; i < VMM_KIT_COUNT(plain); i++) {
		if (plain[i].number != number || (plain[i].guarded && !stands))
			continue;
		pcnet->csr[number] = (uint16_t)((pcnet->csr[number] & ~plain[i].mask) | (value & plain[i].mask));
		if (number >= 8 && number <= 15)
			csr_wants(pcnet);
		if (number == 76)
			pcnet->rx_index = 0;
		if (number == 78)
			pcnet->tx_index = 0;
	}
}

void csr_write(struct pcnet *pcnet, uint32_t number, uint16_t value)
{
	uint16_t *csr = pcnet->csr;
	switch (number) {
	case 0: csr0_write(pcnet, value); break;
	case 16: plain_write(pcnet, 1, value); break;
	case 17: plain_write(pcnet, 2, value); break;
	case 58: bcr_write(pcnet, 20, value); break;
	case 3:
		csr[3] = value & 0x5f7c;
		interrupt_update(pcnet);
		break;
	case 4:
		csr[4] = (uint16_t)((csr[4] & CSR4_CLEAR & ~value) | (value & ~(CSR4_CLEAR | CSR4_UINTCMD)));
		/* The user's own interrupt. */
		if ((value & CSR4_UINTCMD) != 0)
			csr[4] |= CSR4_UINT;
		interrupt_update(pcnet);
		break;
	case 5: {
		uint32_t was = csr_is_suspended(pcnet);
		csr[5] = (uint16_t)((csr[5] & CSR5_CLEAR & ~value) | (value & ~CSR5_CLEAR & 0xc56f));
		if ((csr[0] & CSR0_STOP) != 0)
			csr[5] &= (uint16_t)~CSR5_SPND;
		interrupt_update(pcnet);
		if (was && !csr_is_suspended(pcnet)) {
			transmit_kick(pcnet);
			vmm_net_card_readable(&pcnet->card);
		}
		break;
	}
	default: plain_write(pcnet, number, value); break;
	}
}

uint16_t bcr_read(struct pcnet *pcnet, uint32_t number)
{
	uint16_t value = pcnet->bcr[number];
	/* LEDOUT of LED0, while it shows the link. */
	if (number == 4 && (value & 0x40) != 0 && (pcnet->card.info.link != 0 || (pcnet->csr[15] & MODE_DLNKTST) != 0))
		value |= 0x8000;
	if (number == 18 && pcnet->dwio)
		value |= 0x80;
	return value;
}

void bcr_write(struct pcnet *pcnet, uint32_t number, uint16_t value)
{
	uint16_t *bcr = pcnet->bcr;
	switch (number) {
	case 2: bcr[2] = value & 0x4102; break;
	case 4:
	case 5:
	case 6:
	case 7: bcr[number] = value & 0x40ff; break;
	case 9: bcr[9] = value & 0x0003; break;
	case 16:
	case 17: bcr[number] = value; break;
	case 18: bcr[18] = (value & 0xff60) | 1; break;
	case 19: bcr[19] = value & 0x2017; break;
	case 20:
		if ((pcnet->csr[0] & CSR0_STOP) == 0 && !csr_is_suspended(pcnet))
			break;
		/* The style gives SSIZE32 and CSRPCNET. */
		switch (value & 0xff) {
		case 0: bcr[20] = (value & 0x0400) | BCR20_CSRPCNET; break;
		case 1: bcr[20] = (uint16_t)((value & 0x0400) | BCR20_SSIZE32 | 1); break;
		case 2:
		case 3: bcr[20] = (uint16_t)((value & 0x0403) | BCR20_SSIZE32 | BCR20_CSRPCNET); break;
		default: break; /* reserved */
		}
		break;
	case 22: bcr[22] = value; break;
	default: break;
	}
}
