/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The internal PHY (an 88E1011) behind MDIC, and the link.
 */
#include "e1000.h"

#define ADDRESS 1 /* 13.4.7: the internal PHY's */

#define MDIC_WRITE UINT32_C(0x04000000)
#define MDIC_READ  UINT32_C(0x08000000)
#define MDIC_R     UINT32_C(0x10000000)
#define MDIC_I     UINT32_C(0x20000000)
#define MDIC_E     UINT32_C(0x40000000)

#define PSTATUS_LINK 0x0004u
#define PSTATUS_DONE 0x0020u

/* Which bits software can write. */
static const uint16_t writable[PHY_COUNT] = {
	[PHY_PCTRL] = 0x7dc0,
	[PHY_ANA] = 0xafff,
	[7] = 0xb7ff,
	[PHY_GCON] = 0xff00,
	[PHY_PSCON] = 0xfff7,
	[PHY_IE] = 0xffff,
	[20] = 0xffff,
	[24] = 0xffff,
	[25] = 0xffff,
	[29] = 0xffff,
	[30] = 0xffff,
};

void phy_reset(struct e1000 *e1000)
{
	static const uint16_t initial[PHY_COUNT] = {
		[PHY_PCTRL] = 0x1140,
		[PHY_PSTATUS] = 0x7949,
		[2] = 0x0141,
		[3] = 0x0c24, /* revision 4 */
		[PHY_ANA] = 0x0de1,
		[7] = 0x2001,
		[PHY_GCON] = 0x0e00,
		[15] = 0x3000, /* 1000BASE-T, both duplexes */
		[PHY_PSCON] = 0x0068,
		[20] = 0x0c60,
	};
	memcpy(e1000->phy, initial, sizeof(initial));
}

/* The other end does all that there is. */
static uint16_t phy_read(struct e1000 *e1000, uint32_t number)
{
	uint16_t value = e1000->phy[number];
	uint32_t link = e1000->card.info.link != 0 && (e1000->phy[PHY_PCTRL] & PCTRL_DOWN) == 0;
	uint32_t partner = link && (e1000->phy[PHY_PCTRL] & PCTRL_AN) != 0;
	switch (number) {
	case PHY_PSTATUS:
		/* Link status is latched low until it is read (IEEE 802.3, 22.2.4.2.13). */
		if (link && !e1000->link_lost)
			value |= PSTATUS_LINK;
		e1000->link_lost = !link;
		return partner ? value | PSTATUS_DONE : value;
	case PHY_LPA: return partner ? 0x4de1 : 0;
	case PHY_ANE: return partner ? 0x000f : 0x0004;
	case PHY_GSTATUS: return partner ? 0x3c00 : 0;
	/* 1000 Mb/s, full duplex, resolved, link. */
	case PHY_PSSTAT: return link ? 0xac00 : 0x8000;
	case PHY_IS: e1000->phy[PHY_IS] = 0; return value;
	default: return value;
	}
}

static void phy_write(struct e1000 *e1000, uint32_t number, uint16_t value)
{
	if (number == PHY_PCTRL && (value & PCTRL_RESET) != 0) {
		phy_reset(e1000);
	} else {
		/* Restart negotiates at once, and clears itself. */
		e1000->phy[number] = (uint16_t)((e1000->phy[number] & ~writable[number]) | (value & writable[number]));
	}
	link_update(e1000);
}

void mdic_write(struct e1000 *e1000, uint32_t value)
{
	uint32_t number = value >> 16 & 31;
	uint32_t result = (value & ~(MDIC_R | MDIC_E)) | MDIC_R;
	uint32_t operation = value & (MDIC_READ | MDIC_WRITE);
	if ((value >> 21 & 31) != ADDRESS || (operation != MDIC_READ && operation != MDIC_WRITE))
		result |= MDIC_E;
	else if (operation == MDIC_WRITE)
		phy_write(e1000, number, (uint16_t)value);
	else
		result = (result & 0xffff0000) | phy_read(e1000, number);
	*register_at(e1000, MDIC) = result;
	if ((value & MDIC_I) != 0)
		interrupt_raise(e1000, ICR_MDAC);
}

void link_update(struct e1000 *e1000)
{
	uint32_t pctrl = e1000->phy[PHY_PCTRL];
	uint32_t cable = e1000->card.info.link != 0 && (pctrl & PCTRL_DOWN) == 0;
	uint8_t link = (cable || (pctrl & PCTRL_LOOPBACK) != 0) && (register_get(e1000, CTRL) & CTRL_SLU) != 0;
	if (!cable)
		e1000->link_lost = 1;
	if (link == e1000->link)
		return;
	e1000->link = link;
	interrupt_raise(e1000, ICR_LSC);
}
