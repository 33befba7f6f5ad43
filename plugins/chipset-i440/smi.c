/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What raises SMI# (290562-001, 7.2): writes to port B2, the global release bit, and power management events while
 * SCI_EN is clear.
 *
 * The chip wants to be told of the end of each SMI (EOS) before it raises another.  BIOSes written for virtual machines
 * never do, so here EOS only raises SMI# again for a cause that is still there.
 */
#include "chipset.h"

#define DEVACTB 0x58
#define APMC_EN 0x02 /* in byte 3 of DEVACTB */

/* GLBSTS, and the bits of GLBEN that let them. */
#define BIOS_STS   0x02
#define APM_STS    0x20
#define BIOS_EN    0x02
#define GLBSTS_ALL 0x0d73

#define SMI_EN  0x01 /* in byte 0 of GLBCTL */
#define BIOSRLS 0x02
#define EOS     0x01 /* in byte 2 of GLBCTL */
#define GBL_STS 0x20 /* in PMSTS */

static uint32_t apmc_enabled(const struct chipset *chipset)
{
	return (chipset->power_management.config[DEVACTB + 3] & APMC_EN) != 0;
}

static void smi_raise(struct chipset *chipset)
{
	if ((chipset->pm.other[GLBCTL] & SMI_EN) == 0 || chipset->core == NULL)
		return;
	chipset->pm.other[GLBCTL + 2] &= (uint8_t)~EOS;
	chipset->core->smi(chipset->core_self);
}

static uint32_t smi_wanted(const struct chipset *chipset)
{
	const uint8_t *registers = chipset->pm.other;
	return ((registers[GLBSTS] & APM_STS) != 0 && apmc_enabled(chipset)) ||
		((registers[GLBSTS] & BIOS_STS) != 0 && (registers[GLBEN] & BIOS_EN) != 0) || chipset->pm.smi_event;
}

void smi_apmc(struct chipset *chipset)
{
	if (!apmc_enabled(chipset))
		return;
	chipset->pm.other[GLBSTS] |= APM_STS;
	smi_raise(chipset);
}

void smi_release(struct chipset *chipset)
{
	chipset->pm.other[GLBSTS] |= BIOS_STS;
	if ((chipset->pm.other[GLBEN] & BIOS_EN) != 0)
		smi_raise(chipset);
}

void smi_event(struct chipset *chipset, uint32_t level)
{
	uint32_t rises = level && !chipset->pm.smi_event;
	chipset->pm.smi_event = level != 0;
	if (rises)
		smi_raise(chipset);
}

void smi_write(struct chipset *chipset, uint32_t offset, uint16_t value, uint16_t mask)
{
	uint8_t *registers = chipset->pm.other;
	if (offset == GLBSTS) {
		value &= GLBSTS_ALL;
		registers[GLBSTS] &= (uint8_t)~value;
		registers[GLBSTS + 1] &= (uint8_t) ~(value >> 8);
		return;
	}
	if (offset == GLBCTL) {
		/* BIOSRLS tells the operating system of the BIOS's, as GBL_RLS does the other way, and reads as 0. */
		if ((value & mask & BIOSRLS) != 0)
			chipset->pm.status |= GBL_STS;
		value &= (uint16_t)~BIOSRLS;
	}
	for (uint32_t i = 0; i < 2; i++) {
		if ((mask >> (i * 8) & 0xff) != 0)
			registers[offset + i] = (uint8_t)(value >> (i * 8));
	}
	if (offset == GLBCTL + 2 && (value & mask & EOS) != 0 && smi_wanted(chipset))
		smi_raise(chipset);
}
