/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What the firmware tells of it: the ACPI table (HPET Specification 1.0a, 3.2.4) and the device in the DSDT.
 */
#include "hpet.h"

#define TABLE_LENGTH 56
#define TICKS_MIN    1000 /* a periodic timer's shortest period that loses no interrupt: 10 us */

static void put(uint8_t *at, uint64_t value, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> (i * 8));
}

static int32_t table_add(struct hpet *hpet, const struct vmm_firmware_service *firmware)
{
	uint8_t table[TABLE_LENGTH] = { 'H', 'P', 'E', 'T', TABLE_LENGTH, 0, 0, 0, 1 };
	uint8_t sum = 0;
	memcpy(&table[10], "VMM   VMM     ", 14);
	put(&table[24], 1, 4);
	memcpy(&table[28], "VMM ", 4);
	put(&table[32], 1, 4);
	put(&table[36], hpet_id(hpet), 4);
	table[41] = 64; /* the address: in memory, 64 bits wide */
	put(&table[44], HPET_BASE, 8);
	put(&table[53], TICKS_MIN, 2);
	table[55] = 1; /* its 4 KiB have nothing else in them */
	for (uint32_t i = 0; i < TABLE_LENGTH; i++)
		sum = (uint8_t)(sum + table[i]);
	table[9] = (uint8_t)-sum;
	return firmware->add(hpet->host->context, VMM_FIRMWARE_ACPI, "HPET", table, sizeof(table));
}

static int32_t device_add(struct hpet *hpet, const struct vmm_firmware_service *firmware)
{
	/* Device (HPET) { Name (_HID, EisaId ("PNP0103"))
	 *   Name (_CRS, ResourceTemplate () { Memory32Fixed (ReadOnly, 0xFED00000, 0x400) }) } */
	static const uint8_t aml[] = { 0x5b, 0x82, 0x26, 'H', 'P', 'E', 'T', 0x08, '_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0,
		0x01, 0x03, 0x08, '_', 'C', 'R', 'S', 0x11, 0x11, 0x0a, 0x0e, 0x86, 0x09, 0x00, 0x00, 0x00, 0x00, 0xd0,
		0xfe, 0x00, 0x04, 0x00, 0x00, 0x79, 0x00 };
	_Static_assert(sizeof(aml) == 2 + 0x26, "the package length counts itself and all that follows");
	return firmware->add(hpet->host->context, VMM_FIRMWARE_AML, "HPET", aml, sizeof(aml));
}

int32_t firmware_add(struct hpet *hpet)
{
	const struct vmm_firmware_service *firmware = hpet->host->get_service(
		hpet->host->context, VMM_SERVICE_FIRMWARE);
	if (firmware == NULL)
		return 0; /* a machine without firmware tables: guests may still look for it */
	int32_t status = table_add(hpet, firmware);
	return status < 0 ? status : device_add(hpet, firmware);
}
