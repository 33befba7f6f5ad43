/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The card's memory, and remote DMA: the data port is how the processor reaches it (DP8390D, 7.0).
 */
#include "ne2000.h"

/* The address PROM has each of its bytes twice, as it is 8 bits wide on a 16-bit bus; and Novell's signature. */
static uint8_t prom_get(const struct ne2000 *ne2000, uint32_t index)
{
	if (index < 6)
		return ne2000->card.mac[index];
	return index >= 14 ? 'W' : 0;
}

uint8_t memory_get(const struct ne2000 *ne2000, uint32_t address)
{
	if (address < PROM_SIZE)
		return prom_get(ne2000, address / 2);
	return address - RAM_FIRST < RAM_SIZE ? ne2000->ram[address - RAM_FIRST] : 0xff;
}

void memory_set(struct ne2000 *ne2000, uint32_t address, uint8_t value)
{
	if (address - RAM_FIRST < RAM_SIZE)
		ne2000->ram[address - RAM_FIRST] = value;
}

static void remote_end(struct ne2000 *ne2000)
{
	/* What "send packet" has read is free. */
	if ((ne2000->cr & CR_RD) == CR_RD_SEND) {
		ne2000->bnry = ne2000->rnpp;
		vmm_net_card_readable(&ne2000->card);
	}
	ne2000->cr = (uint8_t)((ne2000->cr & ~CR_RD) | CR_RD_ABORT);
	interrupt_raise(ne2000, ISR_RDC);
}

void remote_begin(struct ne2000 *ne2000)
{
	uint32_t command = ne2000->cr & CR_RD;
	if (command == CR_RD_SEND) {
		/* The packet at BNRY: its header says how long it is and where the next one begins. */
		uint32_t at = ne2000->bnry * PAGE;
		ne2000->rsar = (uint16_t)at;
		ne2000->rnpp = memory_get(ne2000, at + 1);
		ne2000->rbcr = (uint16_t)(memory_get(ne2000, at + 2) | (uint32_t)memory_get(ne2000, at + 3) << 8);
	}
	if ((command == CR_RD_READ || command == CR_RD_WRITE || command == CR_RD_SEND) && ne2000->rbcr == 0)
		remote_end(ne2000);
}

/* In word mode each access moves a word at least, whatever its size. */
static uint32_t step(const struct ne2000 *ne2000, uint32_t size)
{
	return (ne2000->dcr & DCR_WTS) != 0 && size == 1 ? 2 : size;
}

static void remote_advance(struct ne2000 *ne2000, uint32_t count)
{
	ne2000->rsar = (uint16_t)(ne2000->rsar + count);
	/* Around the ring (7.2). */
	if (ne2000->rsar == ne2000->pstop * PAGE)
		ne2000->rsar = (uint16_t)(ne2000->pstart * PAGE);
	ne2000->rbcr = (uint16_t)(ne2000->rbcr > count ? ne2000->rbcr - count : 0);
	if (ne2000->rbcr == 0)
		remote_end(ne2000);
}

static uint32_t even(const struct ne2000 *ne2000)
{
	return (ne2000->dcr & DCR_WTS) != 0 ? ne2000->rsar & 0xfffeu : ne2000->rsar;
}

uint32_t remote_read(struct ne2000 *ne2000, uint32_t size)
{
	uint32_t command = ne2000->cr & CR_RD;
	uint32_t value = 0;
	if ((command != CR_RD_READ && command != CR_RD_SEND) || ne2000->rbcr == 0)
		return UINT32_MAX >> (32 - size * 8);
	for (uint32_t i = 0; i < size; i++)
		value |= (uint32_t)memory_get(ne2000, (even(ne2000) + i) & 0xffff) << (i * 8);
	remote_advance(ne2000, step(ne2000, size));
	return value;
}

void remote_write(struct ne2000 *ne2000, uint32_t size, uint32_t value)
{
	if ((ne2000->cr & CR_RD) != CR_RD_WRITE || ne2000->rbcr == 0)
		return;
	for (uint32_t i = 0; i < size; i++)
		memory_set(ne2000, (even(ne2000) + i) & 0xffff, (uint8_t)(value >> (i * 8)));
	remote_advance(ne2000, step(ne2000, size));
}
