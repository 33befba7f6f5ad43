/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Registers (13.2), through memory and through the two I/O ports.
 */
#include "e1000.h"

#define FPD UINT32_C(0x80000000)

#define IO_ADDRESS 0u
#define IO_DATA    4u

/* Registers that keep what is written to them, and which of its bits.  All others read 0 if nothing is said below. */
static const struct {
	uint32_t first, last, mask;
} plain[] = {
	{ CTRL_EXT, CTRL_EXT, 0xffffffff }, { FLA, FLA, 0xffffffff }, { FCAL, FCAL, 0xffffffff },
	{ FCAH, FCAH, 0xffff }, { FCT, FCT, 0xffff }, { VET, VET, 0xffff }, { ITR, ITR, 0xffff },
	{ FCTTV, FCTTV, 0xffff }, { TXCW, TXCW, 0xc000ffff }, { RCTL, RCTL, 0x06ffffff }, { TCTL, TCTL, 0x03ffffff },
	{ TIPG, TIPG, 0x3fffffff }, { AIT, AIT, 0xffff }, { LEDCTL, LEDCTL, 0xcfcfcfcf }, { PBA, PBA, 0xffffffff },
	{ FCRTL, FCRTL, 0x8000fff8 }, { FCRTH, FCRTH, 0xfff8 }, { RDBAL, RDBAL, 0xfffffff0 },
	{ RDBAH, RDBAH, 0xffffffff }, { RDLEN, RDLEN, 0xfff80 }, { RDH, RDH, 0xffff }, { RDT, RDT, 0xffff },
	{ RDTR, RDTR, 0xffff }, { RXDCTL, RXDCTL, 0x013f3f3f }, { RADV, RADV, 0xffff }, { RSRPD, RSRPD, 0xfff },
	{ TXDMAC, TXDMAC, 1 }, { TDBAL, TDBAL, 0xfffffff0 }, { TDBAH, TDBAH, 0xffffffff }, { TDLEN, TDLEN, 0xfff80 },
	{ TDH, TDH, 0xffff }, { TDT, TDT, 0xffff }, { TIDV, TIDV, 0xffff }, { TXDCTL, TXDCTL, 0xff3f3f3f },
	{ TADV, TADV, 0xffff }, { TSPMT, TSPMT, 0xffffffff }, { RXCSUM, RXCSUM, 0x7ff },
	{ MTA, MTA + 0x1fc, 0xffffffff }, { RAL, RAL + 0x7c, 0xffffffff }, { VFTA, VFTA + 0x1fc, 0xffffffff },
	{ WUC, WUC, 0xf }, { WUFC, WUFC, 0xf80ff }, { MANC, MANC, 0xffffffff }, { IPAV, IPAV, 0xffff },
	{ IP4AT, IP4AT + 0x18, 0xffffffff }, { IP6AT, IP6AT + 0xc, 0xffffffff }, { WUPL, WUPL, 0xfff },
	{ WUPM, WUPM + 0x7c, 0xffffffff }, { 0x5f00, 0x5f18, 0xffffffff }, /* FFLT */
};

static uint32_t plain_mask(uint32_t offset)
{
	for (uint32_t i = 0; i < VMM_KIT_COUNT(plain); i++) {
		if (offset >= plain[i].first && offset <= plain[i].last)
			return plain[i].mask;
	}
	return 0;
}

/* What CTRL.RST and power-on leave (13.4; 14.3). */
void registers_reset(struct e1000 *e1000)
{
	static const struct {
		uint32_t offset, value;
	} initial[] = { { CTRL, CTRL_FD | 0x00000200 }, { CTRL_EXT, 0x00000800 }, { FCAL, 0x00c28001 },
		{ FCAH, 0x0100 }, { FCT, 0x8808 }, { VET, 0x8100 }, { TIPG, 0x00602008 }, { LEDCTL, 0x07061302 },
		{ PBA, 0x00100030 }, { TXDMAC, 1 }, { EECD, 0x10 } };
	const uint8_t *mac = e1000->card.mac;
	e1000->epoch++;
	memset(e1000->registers, 0, sizeof(e1000->registers));
	for (uint32_t i = 0; i < VMM_KIT_COUNT(initial); i++)
		*register_at(e1000, initial[i].offset) = initial[i].value;
	*register_at(e1000, RAL) = mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24;
	*register_at(e1000, RAH) = mac[4] | (uint32_t)mac[5] << 8 | RAH_AV;
	memset(&e1000->microwire, 0, sizeof(e1000->microwire));
	memset(&e1000->checksum, 0, sizeof(e1000->checksum));
	memset(&e1000->segmentation, 0, sizeof(e1000->segmentation));
	e1000->skipping = 0;
	e1000->throttled = e1000->rx_due = e1000->rx_latest = e1000->tx_due = e1000->tx_latest = 0;
	e1000->link = 0;
	interrupt_update(e1000);
	registers_wants(e1000);
}

void registers_wants(struct e1000 *e1000)
{
	uint32_t rctl = register_get(e1000, RCTL);
	uint32_t flags = 0;
	uint32_t count = 0;
	struct vmm_net_address addresses[16];
	if ((rctl & RCTL_EN) == 0)
		flags |= VMM_NET_OFF;
	if ((rctl & RCTL_UPE) != 0)
		flags |= VMM_NET_PROMISCUOUS;
	if ((rctl & RCTL_MPE) != 0)
		flags |= VMM_NET_ALL_MULTICAST | VMM_NET_BROADCAST;
	if ((rctl & RCTL_BAM) != 0)
		flags |= VMM_NET_BROADCAST;
	for (uint32_t i = 0; i < 128; i++) {
		/* Which addresses a bit of the table stands for cannot be told. */
		if (register_get(e1000, MTA + i * 4) != 0)
			flags |= VMM_NET_ALL_MULTICAST | VMM_NET_BROADCAST;
	}
	for (uint32_t i = 0; i < 16; i++) {
		uint32_t low = register_get(e1000, RAL + i * 8);
		uint32_t high = register_get(e1000, RAH + i * 8);
		if ((high & RAH_AV) == 0)
			continue;
		/* By its source: all must be looked at. */
		if ((high >> 16 & 3) == 1)
			flags |= VMM_NET_PROMISCUOUS;
		addresses[count++] = (struct vmm_net_address){ .bytes = { (uint8_t)low, (uint8_t)(low >> 8),
								       (uint8_t)(low >> 16), (uint8_t)(low >> 24),
								       (uint8_t)high, (uint8_t)(high >> 8) } };
	}
	vmm_net_card_wants(&e1000->card, flags, addresses, count, 0);
}

static uint32_t memory_get(struct e1000 *e1000, uint32_t offset)
{
	uint32_t value;
	if (offset >= REGISTER_COUNT * 4)
		return 0;
	if (count_read(e1000, offset, &value))
		return value;
	switch (offset) {
	case STATUS: return STATUS_FD | STATUS_1000 | (e1000->link ? STATUS_LU : 0);
	case EECD: return eecd_read(e1000);
	case ICR:
		value = register_get(e1000, ICR);
		*register_at(e1000, ICR) = 0;
		interrupt_update(e1000);
		return value;
	case IMC: return 0;
	default: return register_get(e1000, offset);
	}
}

static void ctrl_write(struct e1000 *e1000, uint32_t value)
{
	if ((value & CTRL_RST) != 0) {
		registers_reset(e1000);
		phy_reset(e1000);
		interrupt_plan(e1000);
		return;
	}
	if ((value & CTRL_PHY_RST) != 0)
		phy_reset(e1000);
	*register_at(e1000, CTRL) = value & ~(CTRL_RST | CTRL_PHY_RST);
	link_update(e1000);
}

/* What follows from a register that has just been written. */
static void written(struct e1000 *e1000, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case RDTR:
		if ((value & FPD) != 0)
			interrupt_flush(e1000, ICR_RXT0);
		break;
	case TIDV:
		if ((value & FPD) != 0)
			interrupt_flush(e1000, ICR_TXDW);
		break;
	case ITR: interrupt_update(e1000); break;
	case RCTL:
		registers_wants(e1000);
		vmm_net_card_readable(&e1000->card);
		break;
	case RDT: vmm_net_card_readable(&e1000->card); break;
	case TCTL:
	case TDT: transmit_run(e1000); break;
	default:
		if ((offset >= RAL && offset < RAL + 0x80) || (offset >= MTA && offset < MTA + 0x200))
			registers_wants(e1000);
		break;
	}
}

static void memory_set(struct e1000 *e1000, uint32_t offset, uint32_t value)
{
	if (offset >= REGISTER_COUNT * 4)
		return;
	switch (offset) {
	case CTRL:
	case CTRL + 4: ctrl_write(e1000, value); return; /* 13.4.1: also at 4 */
	case EECD: eecd_write(e1000, value); return;
	case EERD: eerd_write(e1000, value); return;
	case MDIC: mdic_write(e1000, value); return;
	case ICR:
		*register_at(e1000, ICR) &= ~value;
		interrupt_update(e1000);
		return;
	case ICS: interrupt_raise(e1000, value); return;
	case IMS:
		*register_at(e1000, IMS) |= value & ICR_ALL;
		interrupt_update(e1000);
		return;
	case IMC:
		*register_at(e1000, IMS) &= ~value;
		interrupt_update(e1000);
		return;
	case WUS: *register_at(e1000, WUS) &= ~value; return;
	default: break;
	}
	uint32_t mask = plain_mask(offset);
	if (mask == 0)
		return;
	*register_at(e1000, offset) = value & mask;
	written(e1000, offset, value);
}

static int32_t memory_read(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t *value)
{
	(void)token;
	(void)size;
	*value = memory_get(self, (uint32_t)offset);
	return 0;
}

static int32_t memory_write(void *self, uint64_t token, uint64_t offset, uint32_t size, uint64_t value)
{
	(void)token;
	(void)size;
	memory_set(self, (uint32_t)offset, (uint32_t)value);
	return 0;
}

const struct vmm_region_ops memory_ops = {
	.struct_size = sizeof(struct vmm_region_ops),
	.read = memory_read,
	.write = memory_write,
};

/* IOADDR and IODATA (13.1.1); only whole ones. */

static int32_t port_read(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t *value)
{
	struct e1000 *e1000 = self;
	(void)token;
	*value = 0;
	if (size != 4)
		return 0;
	if (offset == IO_ADDRESS)
		*value = e1000->io_address;
	else if (offset == IO_DATA && e1000->io_address < MEMORY_SIZE)
		*value = memory_get(e1000, e1000->io_address & ~3u);
	return 0;
}

static int32_t port_write(void *self, uint64_t token, uint32_t offset, uint32_t size, uint32_t value)
{
	struct e1000 *e1000 = self;
	(void)token;
	if (size != 4)
		return 0;
	if (offset == IO_ADDRESS)
		e1000->io_address = value;
	else if (offset == IO_DATA && e1000->io_address < MEMORY_SIZE)
		memory_set(e1000, e1000->io_address & ~3u, value);
	return 0;
}

const struct vmm_io_ops port_ops = {
	.struct_size = sizeof(struct vmm_io_ops),
	.read = port_read,
	.write = port_write,
};
