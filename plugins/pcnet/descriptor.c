/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The structures in memory: initialization block and descriptors, of 16 and 32 bits.
 */
#include "pcnet.h"

static uint32_t le16(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8;
}

static uint32_t le32(const uint8_t *at)
{
	return le16(at) | le16(at + 2) << 16;
}

static void le32_put(uint8_t *at, uint32_t value)
{
	for (uint32_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (i * 8));
}

static uint32_t is_wide(const struct pcnet *pcnet)
{
	return pcnet->bcr[20] & BCR20_SSIZE32;
}

/* Style 3 has address and status in each other's place. */
static uint32_t is_reordered(const struct pcnet *pcnet)
{
	return (pcnet->bcr[20] & 0xff) == 3;
}

/* With 16-bit structures CSR2 gives the high byte of every address (CSR2, IADR[31:24]). */
static uint32_t high_byte(const struct pcnet *pcnet)
{
	return is_wide(pcnet) ? 0 : (uint32_t)(pcnet->csr[2] & 0xff00) << 16;
}

uint32_t ring_length(const struct pcnet *pcnet, uint32_t transmit)
{
	return (0x10000u - pcnet->csr[transmit ? 78 : 76]) & 0xffff;
}

int32_t descriptor_read(struct pcnet *pcnet, uint32_t transmit, uint32_t index, struct descriptor *descriptor)
{
	const struct vmm_pci *pci = &pcnet->pci;
	uint32_t base = transmit ? pcnet->csr[30] | (uint32_t)pcnet->csr[31] << 16
				 : pcnet->csr[24] | (uint32_t)pcnet->csr[25] << 16;
	uint32_t size = is_wide(pcnet) ? 16 : 8;
	uint8_t bytes[16];
	descriptor->at = (uint32_t)((base | high_byte(pcnet)) + index * size);
	if (pci->bus == NULL || pci->bus->dma_read(pci->bus_self, descriptor->at, bytes, size) < 0)
		return -EIO;
	if (is_wide(pcnet)) {
		descriptor->address = le32(bytes + (is_reordered(pcnet) ? 8 : 0));
		descriptor->flags = le32(bytes + 4) & 0xffff0000;
		descriptor->length = 4096 - (le16(bytes + 4) & 0xfff);
	} else {
		descriptor->address = (le32(bytes) & 0xffffff) | high_byte(pcnet);
		descriptor->flags = (uint32_t)bytes[3] << 24;
		descriptor->length = 4096 - (le16(bytes + 4) & 0xfff);
	}
	return 0;
}

/* The status first, then the flags with OWN. */
int32_t descriptor_write(struct pcnet *pcnet, uint32_t transmit, const struct descriptor *descriptor, uint32_t status)
{
	const struct vmm_pci *pci = &pcnet->pci;
	uint8_t bytes[4];
	int32_t result;
	if (pci->bus == NULL)
		return -EIO;
	if (is_wide(pcnet)) {
		le32_put(bytes, status);
		result = pci->bus->dma_write(pci->bus_self, descriptor->at + (is_reordered(pcnet) ? 0 : 8), bytes, 4);
		le32_put(bytes, descriptor->flags);
		return result < 0 ? result : pci->bus->dma_write(pci->bus_self, descriptor->at + 6, bytes + 2, 2);
	}
	le32_put(bytes, transmit ? status >> 16 : status);
	result = pci->bus->dma_write(pci->bus_self, descriptor->at + 6, bytes, 2);
	bytes[0] = (uint8_t)(descriptor->flags >> 24);
	return result < 0 ? result : pci->bus->dma_write(pci->bus_self, descriptor->at + 3, bytes, 1);
}

static void ring_set(struct pcnet *pcnet, uint32_t base, uint32_t length, uint32_t address, uint32_t code)
{
	pcnet->csr[base] = (uint16_t)address;
	pcnet->csr[base + 1] = (uint16_t)(address >> 16);
	pcnet->csr[length] = (uint16_t)(0x10000u - (1u << (code < 9 ? code : 9)));
}

int32_t block_read(struct pcnet *pcnet)
{
	const struct vmm_pci *pci = &pcnet->pci;
	uint32_t wide = is_wide(pcnet);
	uint64_t at = (uint32_t)(pcnet->csr[1] | (uint32_t)pcnet->csr[2] << 16);
	uint8_t bytes[28] = { 0 };
	if (pci->bus == NULL || pci->bus->dma_read(pci->bus_self, at, bytes, wide ? 28 : 24) < 0)
		return -EIO;
	const uint8_t *padr = bytes + (wide ? 4 : 2);
	const uint8_t *ladrf = bytes + (wide ? 12 : 8);
	const uint8_t *rings = bytes + (wide ? 20 : 16);
	pcnet->csr[15] = (uint16_t)le16(bytes);
	for (uint32_t i = 0; i < 3; i++)
		pcnet->csr[12 + i] = (uint16_t)le16(padr + i * 2);
	for (uint32_t i = 0; i < 4; i++)
		pcnet->csr[8 + i] = (uint16_t)le16(ladrf + i * 2);
	if (wide) {
		ring_set(pcnet, 24, 76, le32(rings) & ~15u, bytes[2] >> 4);
		ring_set(pcnet, 30, 78, le32(rings + 4) & ~15u, bytes[3] >> 4);
	} else {
		ring_set(pcnet, 24, 76, le32(rings) & 0xfffff8, rings[3] >> 5);
		ring_set(pcnet, 30, 78, le32(rings + 4) & 0xfffff8, rings[7] >> 5);
	}
	pcnet->rx_index = pcnet->tx_index = 0;
	pcnet->misses = 0;
	return 0;
}
