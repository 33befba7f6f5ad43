/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The memory map as INT 15, E820 would give it.
 */
#include "firmware.h"

static uint32_t add(struct e820_entry *entries, uint32_t count, uint64_t start, uint64_t end, uint32_t type)
{
	if (end <= start || count == E820_LIMIT)
		return count;
	entries[count] = (struct e820_entry){ start, end - start, type };
	return count + 1;
}

uint32_t e820_build(const struct firmware *firmware, struct e820_entry *entries)
{
	const struct vmm_machine_info *info = &firmware->info;
	uint32_t count = 0;
	count = add(entries, count, 0, EBDA_START, E820_RAM);
	/* EBDA, video memory, ROMs. */
	count = add(entries, count, EBDA_START, 0x100000, E820_RESERVED);
	count = add(entries, count, 0x100000, firmware->ram_top, E820_RAM);
	if (firmware->ram_top < info->ram_below_4g) {
		/* The FACS is written by both sides and kept over a sleep; the other tables may be reclaimed. */
		count = add(entries, count, firmware->ram_top, firmware->ram_top + 0x1000u, E820_NVS);
		count = add(entries, count, firmware->ram_top + 0x1000u, info->ram_below_4g, E820_ACPI);
	}
	count = add(entries, count, 0xfec00000, 0xfec01000, E820_RESERVED);
	count = add(entries, count, 0xfee00000, 0xfee01000, E820_RESERVED);
	count = add(entries, count, 0xfffc0000, UINT64_C(0x100000000), E820_RESERVED);
	return add(entries, count, UINT64_C(0x100000000), UINT64_C(0x100000000) + info->ram_above_4g, E820_RAM);
}
