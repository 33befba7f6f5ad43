/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * SMBIOS 2.8 tables (DSP0134 2.8): the machine's name and UUID, its processors and memory.
 */
#include <stdio.h>

#include "firmware.h"

#define TABLES_SIZE 8192
#define TEXT_LENGTH 64

#define TYPE_BIOS      0
#define TYPE_SYSTEM    1
#define TYPE_BOARD     2
#define TYPE_CHASSIS   3
#define TYPE_PROCESSOR 4
#define TYPE_ARRAY     16
#define TYPE_DEVICE    17
#define TYPE_MAPPED    19
#define TYPE_BOOT      32
#define TYPE_END       127

/* Each structure's handle is its type in the high byte and a number in the low. */
#define HANDLE(type, number) ((type) << 8 | (number))

struct smbios {
	uint8_t data[TABLES_SIZE];
	uint32_t length, count, longest;
};

/* Append a structure: its formatted part, whose length stands in byte 1, then its strings. */
static void add(struct smbios *smbios, const uint8_t *part, const char *const *strings, uint32_t string_count)
{
	uint32_t start = smbios->length;
	uint32_t room = TABLES_SIZE - start;
	uint32_t need = part[1] + 2u;
	for (uint32_t i = 0; i < string_count; i++)
		need += (uint32_t)strlen(strings[i]) + 1;
	if (need > room)
		return;
	memcpy(smbios->data + start, part, part[1]);
	uint32_t at = start + part[1];
	for (uint32_t i = 0; i < string_count; i++) {
		memcpy(smbios->data + at, strings[i], strlen(strings[i]) + 1);
		at += (uint32_t)strlen(strings[i]) + 1;
	}
	if (string_count == 0)
		smbios->data[at++] = 0;
	smbios->data[at++] = 0;
	smbios->length = at;
	smbios->count++;
	if (at - start > smbios->longest)
		smbios->longest = at - start;
}

static void header(uint8_t *part, uint32_t type, uint32_t length, uint32_t handle)
{
	part[0] = (uint8_t)type;
	part[1] = (uint8_t)length;
	put16(part + 2, handle);
}

static void bios(struct smbios *smbios)
{
	static const char *const strings[] = { "SeaBIOS", "vmm", "11/23/2026" };
	uint8_t part[24] = { 0 };
	header(part, TYPE_BIOS, sizeof(part), HANDLE(TYPE_BIOS, 0));
	part[4] = 1;
	part[5] = 2;
	put16(part + 6, 0xe800); /* its segment */
	part[8] = 3;
	part[9] = 0;
	put64(part + 10, 0x08); /* characteristics are not given */
	part[18] = 0;
	part[19] = 0x14; /* targeted content, a virtual machine */
	part[20] = part[21] = 0;
	part[22] = part[23] = 0xff;
	add(smbios, part, strings, VMM_KIT_COUNT(strings));
}

static void machine(struct smbios *smbios, struct firmware *firmware, const char *name)
{
	const char *const strings[] = { "vmm", "Virtual PC (440BX)", "0.9", name };
	const char *const board[] = { "vmm", "440BX Desktop Reference Platform", "0.9" };
	const char *const chassis[] = { "vmm" };
	uint8_t part[27] = { 0 };
	header(part, TYPE_SYSTEM, sizeof(part), HANDLE(TYPE_SYSTEM, 0));
	part[4] = 1;
	part[5] = 2;
	part[6] = 3;
	part[7] = 4;
	/* The first three fields of a UUID are little-endian here (7.2.1). */
	static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	for (uint32_t i = 0; i < 16; i++)
		part[8 + i] = firmware->info.uuid[order[i]];
	part[24] = 6; /* woken by the power switch */
	add(smbios, part, strings, VMM_KIT_COUNT(strings));
	memset(part, 0, sizeof(part));
	header(part, TYPE_BOARD, 15, HANDLE(TYPE_BOARD, 0));
	part[4] = 1;
	part[5] = 2;
	part[6] = 3;
	part[9] = 0x01; /* a hosting board */
	put16(part + 11, HANDLE(TYPE_CHASSIS, 0));
	part[13] = 0x0a; /* motherboard */
	add(smbios, part, board, VMM_KIT_COUNT(board));
	memset(part, 0, sizeof(part));
	header(part, TYPE_CHASSIS, 21, HANDLE(TYPE_CHASSIS, 0));
	part[4] = 1;
	part[5] = 1; /* other */
	part[9] = part[10] = part[11] = 3;
	part[12] = 2;
	add(smbios, part, chassis, VMM_KIT_COUNT(chassis));
}

static void processors(struct smbios *smbios, struct firmware *firmware)
{
	for (uint32_t i = 0; i < firmware->info.cpu_count && i < 128; i++) {
		char socket[16];
		const char *const strings[] = { socket, "vmm" };
		uint8_t part[42] = { 0 };
		snprintf(socket, sizeof(socket), "CPU %u", i);
		header(part, TYPE_PROCESSOR, sizeof(part), HANDLE(TYPE_PROCESSOR, i));
		part[4] = 1;
		part[5] = 3; /* central processor */
		part[6] = 1; /* family: other */
		part[7] = 2;
		part[24] = 0x41; /* populated, enabled */
		part[25] = 1;
		put16(part + 26, 0xffff); /* no cache handles */
		put16(part + 28, 0xffff);
		put16(part + 30, 0xffff);
		part[35] = part[36] = part[37] = 1; /* cores, enabled cores, threads */
		put16(part + 40, 1);
		add(smbios, part, strings, VMM_KIT_COUNT(strings));
	}
}

static void mapped(struct smbios *smbios, uint32_t number, uint64_t start, uint64_t length)
{
	uint8_t part[31] = { 0 };
	uint64_t end = start + length - 1;
	header(part, TYPE_MAPPED, sizeof(part), HANDLE(TYPE_MAPPED, number));
	if (end >> 10 < 0xffffffff) {
		put32(part + 4, (uint32_t)(start >> 10));
		put32(part + 8, (uint32_t)(end >> 10));
	} else {
		put32(part + 4, UINT32_MAX);
		put32(part + 8, UINT32_MAX);
		put64(part + 15, start);
		put64(part + 23, end);
	}
	put16(part + 12, HANDLE(TYPE_ARRAY, 0));
	part[14] = 1;
	add(smbios, part, NULL, 0);
}

static void memory(struct smbios *smbios, struct firmware *firmware)
{
	static const char *const strings[] = { "DIMM 0", "vmm" };
	uint64_t total = firmware->info.ram_below_4g + firmware->info.ram_above_4g;
	uint8_t part[40] = { 0 };
	header(part, TYPE_ARRAY, 23, HANDLE(TYPE_ARRAY, 0));
	part[4] = 3; /* system board */
	part[5] = 3; /* system memory */
	part[6] = 3; /* no error correction */
	if (total >> 10 < 0x80000000) {
		put32(part + 7, (uint32_t)(total >> 10));
	} else {
		put32(part + 7, 0x80000000);
		put64(part + 15, total);
	}
	put16(part + 11, 0xfffe); /* no error information */
	put16(part + 13, 1);
	add(smbios, part, NULL, 0);

	memset(part, 0, sizeof(part));
	header(part, TYPE_DEVICE, 40, HANDLE(TYPE_DEVICE, 0));
	put16(part + 4, HANDLE(TYPE_ARRAY, 0));
	put16(part + 6, 0xfffe);
	put16(part + 8, 64);
	put16(part + 10, 64);
	uint64_t megabytes = total >> 20;
	put16(part + 12, megabytes < 0x7fff ? (uint32_t)megabytes : 0x7fff);
	if (megabytes >= 0x7fff)
		put32(part + 28, (uint32_t)megabytes);
	part[14] = 0x09; /* DIMM */
	part[16] = 1;
	part[18] = 0x07; /* RAM */
	put16(part + 19, 0x0002);
	part[23] = 2;
	add(smbios, part, strings, VMM_KIT_COUNT(strings));
	mapped(smbios, 0, 0, firmware->info.ram_below_4g);
	if (firmware->info.ram_above_4g != 0)
		mapped(smbios, 1, UINT64_C(0x100000000), firmware->info.ram_above_4g);
}

static void ends(struct smbios *smbios)
{
	uint8_t part[11] = { 0 };
	header(part, TYPE_BOOT, 11, HANDLE(TYPE_BOOT, 0));
	add(smbios, part, NULL, 0);
	header(part, TYPE_END, 4, HANDLE(TYPE_END, 0));
	add(smbios, part, NULL, 0);
}

static uint8_t negative_sum(const uint8_t *data, uint32_t length)
{
	uint8_t sum = 0;
	for (uint32_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + data[i]);
	return (uint8_t)-sum;
}

/* The BIOS puts the tables where it likes, and their address into the anchor. */
void smbios_add(struct firmware *firmware)
{
	struct smbios *smbios = calloc(1, sizeof(*smbios));
	char name[TEXT_LENGTH] = "machine";
	uint8_t anchor[31] = "_SM_";
	if (smbios == NULL)
		return;
	if (firmware->machine->get_string(firmware->host->context, "machine", "name", 0, name, sizeof(name)) <= 0)
		snprintf(name, sizeof(name), "machine");
	bios(smbios);
	machine(smbios, firmware, name);
	processors(smbios, firmware);
	memory(smbios, firmware);
	ends(smbios);
	anchor[5] = sizeof(anchor);
	anchor[6] = 2;
	anchor[7] = 8;
	put16(anchor + 8, smbios->longest);
	memcpy(anchor + 16, "_DMI_", 5);
	put16(anchor + 22, smbios->length);
	put16(anchor + 28, smbios->count);
	anchor[30] = 0x28;
	anchor[21] = negative_sum(anchor + 16, 15);
	anchor[4] = negative_sum(anchor, sizeof(anchor));
	fw_cfg_add_file(&firmware->fw_cfg, "etc/smbios/smbios-anchor", anchor, sizeof(anchor));
	fw_cfg_add_file(&firmware->fw_cfg, "etc/smbios/smbios-tables", smbios->data, smbios->length);
	free(smbios);
}
