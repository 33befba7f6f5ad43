/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The 32 bytes of registers, as words (WIO) or as doublewords (DWIO), in I/O and in memory space.
 */
#include "pcnet.h"

#define AT_RDP 0x10u

/* RDP, RAP, RESET and BDP are 2 bytes apart, or 4. */
enum place { RDP, RAP, RESET, BDP, NOTHING };

static enum place place_of(const struct pcnet *pcnet, uint32_t offset, uint32_t size)
{
	uint32_t shift = pcnet->dwio ? 2 : 1;
	if (size != 1u << shift || (offset & (size - 1)) != 0)
		return NOTHING;
	return (offset - AT_RDP) >> shift < 4 ? (enum place)((offset - AT_RDP) >> shift) : NOTHING;
}

static uint32_t space_read(struct pcnet *pcnet, uint32_t offset, uint32_t size)
{
	uint32_t value = 0;
	if (offset < AT_RDP) {
		for (uint32_t i = 0; i < size && offset + i < AT_RDP; i++)
			value |= (uint32_t)pcnet->aprom[offset + i] << (i * 8);
		return value;
	}
	switch (place_of(pcnet, offset, size)) {
	case RDP: return csr_read(pcnet, pcnet->rap);
	case RAP: return pcnet->rap;
	case RESET: csr_reset(pcnet, 0); return 0;
	case BDP: return pcnet->rap < BCR_COUNT ? bcr_read(pcnet, pcnet->rap) : 0;
	default: return size == 4 ? UINT32_MAX : size == 2 ? 0xffff : 0xff;
	}
}

static void space_write(struct pcnet *pcnet, uint32_t offset, uint32_t size, uint32_t value)
{
	if (offset < AT_RDP) {
		/* BCR2.APROMWE lets the address be changed. */
		for (uint32_t i = 0; i < size && offset + i < AT_RDP && (pcnet->bcr[2] & 0x100) != 0; i++)
			pcnet->aprom[offset + i] = (uint8_t)(value >> (i * 8));
		return;
	}
	/* A doubleword to RDP ends WIO for good. */
	if (offset == AT_RDP && size == 4)
		pcnet->dwio = 1;
	switch (place_of(pcnet, offset, size)) {
	case RDP: csr_write(pcnet, pcnet->rap, (uint16_t)value); break;
	case RAP: pcnet->rap = value & 0x7f; break;
	case BDP:
		if (pcnet->rap < BCR_COUNT)
			bcr_write(pcnet, pcnet->rap, (uint16_t)value);
		break;
	default: break;
	}
}

static int32_t port_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	(void)token;
	*value = space_read(self, offset, size);
	return 0;
}

static int32_t port_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	(void)token;
	space_write(self, offset, size, value);
	return 0;
}

const struct vmm_io_ops port_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = port_read,
	.write = port_write,
};

static int32_t memory_read(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value)
{
	(void)token;
	*value = space_read(self, (uint32_t)offset, size);
	return 0;
}

static int32_t memory_write(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value)
{
	(void)token;
	space_write(self, (uint32_t)offset, size, (uint32_t)value);
	return 0;
}

const struct vmm_region_ops memory_ops = {
	.struct_size = sizeof(struct vmm_region_ops),
	.read = memory_read,
	.write = memory_write,
};
