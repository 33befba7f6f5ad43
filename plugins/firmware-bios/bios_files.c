/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What a BIOS in the ROM is told: memory, processors, tables, boot order, option ROMs; and what it expects in CMOS.
 */
#include <stdio.h>
#include <vmm/param.h>

#include "acpi.h"
#include "firmware.h"

#define BOOT_ORDER_SIZE 8192
#define FILE_MAXIMUM    (8u << 20)

#define LOADER_ENTRY    128
#define LOADER_NAME     56
#define LOADER_ALLOCATE 1u
#define LOADER_POINTER  2u
#define LOADER_CHECKSUM 3u
#define ZONE_HIGH       1u
#define ZONE_FSEG       2u

#define FILE_RSDP   "etc/acpi/rsdp"
#define FILE_TABLES "etc/acpi/tables"

static void note(struct firmware *firmware, const char *name, int32_t status)
{
	if (status < 0)
		vmm_kit_log(
			firmware->host, VMM_LOG_ERROR, "the firmware cannot be given %s: %s", name, strerror(-status));
}

static void add_file(struct firmware *firmware, const char *name, const void *data, uint32_t length)
{
	note(firmware, name, fw_cfg_add_file(&firmware->fw_cfg, name, data, length));
}

/* Memory: the ranges that are not the BIOS's own to find. */
static void add_e820(struct firmware *firmware)
{
	struct e820_entry entries[3] = {
		{ 0, firmware->info.ram_below_4g, E820_RAM },
		{ UINT64_C(0x100000000), firmware->info.ram_above_4g, E820_RAM },
	};
	uint8_t table[VMM_KIT_COUNT(entries) * 20];
	uint32_t count = 0;
	for (uint32_t i = 0; i < VMM_KIT_COUNT(entries); i++) {
		if (entries[i].length == 0)
			continue;
		put64(table + count * 20, entries[i].start);
		put64(table + count * 20 + 8, entries[i].length);
		put32(table + count * 20 + 16, entries[i].type);
		count++;
	}
	add_file(firmware, "etc/e820", table, count * 20);
}

static uint32_t boot_entries(struct firmware *firmware, const char *class, char *text, uint32_t length)
{
	void *context = firmware->host->context;
	char name[64], path[512];
	uint64_t size;
	for (uint32_t i = 0; firmware->list != NULL &&
		firmware->list->entry(context, VMM_FIRMWARE_BOOT, i, name, sizeof(name), &size) >= 0;
		i++) {
		if (strcmp(name, class) != 0 || size == 0 || size >= sizeof(path) ||
			firmware->list->read(context, VMM_FIRMWARE_BOOT, i, 0, path, size) < 0)
			continue;
		path[size] = '\0';
		int written = snprintf(text + length, BOOT_ORDER_SIZE - length, "%s\n", path);
		if (written > 0 && (uint32_t)written < BOOT_ORDER_SIZE - length)
			length += (uint32_t)written;
	}
	return length;
}

/* Paths, one a line; after a list that the user gave nothing else is tried ("HALT"). */
static void add_boot_order(struct firmware *firmware)
{
	static const char *const all[] = { "disk", "cd", "floppy", "net" };
	char class[16];
	char *text = malloc(BOOT_ORDER_SIZE);
	uint32_t length = 0, given = 0;
	if (text == NULL) {
		note(firmware, "bootorder", -ENOMEM);
		return;
	}
	while (firmware->machine->get_string(firmware->host->context, "boot", "order", given, class, sizeof(class)) >=
		0) {
		length = boot_entries(firmware, class, text, length);
		given++;
	}
	for (uint32_t i = 0; given == 0 && i < VMM_KIT_COUNT(all); i++)
		length = boot_entries(firmware, all[i], text, length);
	if (given != 0 && length + sizeof("HALT") < BOOT_ORDER_SIZE) {
		memcpy(text + length, "HALT\n", 5);
		length += 5;
	}
	text[length++] = '\0';
	add_file(firmware, "bootorder", text, length);
	free(text);
}

/* The loader's script (QEMU's hw/acpi/bios-linker-loader): where files go, and which bytes are mended after that. */
struct script {
	uint8_t data[(3 + ACPI_RELOCATIONS + ACPI_MENDED + 4) * LOADER_ENTRY];
	uint32_t length;
};

static uint8_t *script_entry(struct script *script, uint32_t command)
{
	uint8_t *entry = script->data + script->length;
	if (script->length + LOADER_ENTRY > sizeof(script->data))
		return entry - LOADER_ENTRY; /* cannot be: there is an entry for each relocation */
	script->length += LOADER_ENTRY;
	put32(entry, command);
	return entry;
}

static void script_allocate(struct script *script, const char *file, uint32_t align, uint32_t zone)
{
	uint8_t *entry = script_entry(script, LOADER_ALLOCATE);
	snprintf((char *)entry + 4, LOADER_NAME, "%s", file);
	put32(entry + 4 + LOADER_NAME, align);
	entry[8 + LOADER_NAME] = (uint8_t)zone;
}

static void script_pointer(struct script *script, const char *file, uint32_t at, uint32_t width)
{
	uint8_t *entry = script_entry(script, LOADER_POINTER);
	snprintf((char *)entry + 4, LOADER_NAME, "%s", file);
	snprintf((char *)entry + 4 + LOADER_NAME, LOADER_NAME, FILE_TABLES);
	put32(entry + 4 + 2 * LOADER_NAME, at);
	entry[8 + 2 * LOADER_NAME] = (uint8_t)width;
}

static void script_checksum(struct script *script, const char *file, uint32_t at, uint32_t start, uint32_t length)
{
	uint8_t *entry = script_entry(script, LOADER_CHECKSUM);
	snprintf((char *)entry + 4, LOADER_NAME, "%s", file);
	put32(entry + 4 + LOADER_NAME, at);
	put32(entry + 8 + LOADER_NAME, start);
	put32(entry + 12 + LOADER_NAME, length);
}

static void add_acpi(struct firmware *firmware)
{
	struct acpi *acpi = malloc(sizeof(*acpi));
	struct script *script = calloc(1, sizeof(*script));
	if (acpi == NULL || script == NULL) {
		note(firmware, "ACPI tables", -ENOMEM);
		goto out;
	}
	int32_t status = acpi_tables(firmware, acpi, 0);
	if (status < 0) {
		vmm_kit_log(firmware->host, VMM_LOG_ERROR, "%s: %s", firmware->cause, firmware->remedy);
	} else {
		script_allocate(script, FILE_RSDP, 16, ZONE_FSEG);
		script_allocate(script, FILE_TABLES, 64, ZONE_HIGH);
		for (uint32_t i = 0; i < acpi->relocation_count; i++)
			script_pointer(script, FILE_TABLES, acpi->relocations[i].at, acpi->relocations[i].width);
		for (uint32_t i = 0; i < acpi->mended_count; i++)
			script_checksum(script, FILE_TABLES, acpi->mended[i].at + 9, acpi->mended[i].at,
				acpi->mended[i].length);
		script_pointer(script, FILE_RSDP, 16, 4);
		script_pointer(script, FILE_RSDP, 24, 8);
		script_checksum(script, FILE_RSDP, 8, 0, 20);
		script_checksum(script, FILE_RSDP, 32, 0, ACPI_RSDP_SIZE);
		add_file(firmware, FILE_RSDP, acpi->rsdp, sizeof(acpi->rsdp));
		add_file(firmware, FILE_TABLES, acpi->out.data, (uint32_t)acpi->out.length);
		add_file(firmware, "etc/table-loader", script->data, script->length);
	}
	free(acpi->out.data);
out:
	free(script);
	free(acpi);
}

/* Files and option ROMs that plugins have added. */
static void add_given(struct firmware *firmware, uint32_t type, const char *folder)
{
	void *context = firmware->host->context;
	char name[64], full[80];
	uint64_t length;
	for (uint32_t i = 0;
		firmware->list != NULL && firmware->list->entry(context, type, i, name, sizeof(name), &length) >= 0;
		i++) {
		/* What lies in vmm/ is for this plugin. */
		if (strncmp(name, "vmm/", 4) == 0 || length > FILE_MAXIMUM)
			continue;
		uint8_t *data = malloc(length != 0 ? length : 1);
		snprintf(full, sizeof(full), "%s%s", folder, name);
		if (data == NULL)
			note(firmware, full, -ENOMEM);
		else if (firmware->list->read(context, type, i, 0, data, length) >= 0)
			add_file(firmware, full, data, (uint32_t)length);
		free(data);
	}
}

static void add_number(struct firmware *firmware, const char *name, uint64_t value, uint32_t size)
{
	uint8_t bytes[8];
	put64(bytes, value);
	add_file(firmware, name, bytes, size);
}

static uint32_t enabled(struct firmware *firmware, const char *key)
{
	const struct vmm_param_service *params = vmm_kit_service(firmware->host, VMM_SERVICE_PARAM);
	uint32_t value = 0;
	return params != NULL && params->get_bool(firmware->host->context, key, &value) >= 0 && value != 0;
}

void bios_files(void *self)
{
	struct firmware *firmware = self;
	struct fw_cfg *fw_cfg = &firmware->fw_cfg;
	uint32_t menu = enabled(firmware, "boot-menu");
	platform_find(firmware);
	note(firmware, "the UUID", fw_cfg_add(fw_cfg, FW_CFG_UUID, firmware->info.uuid, 16));
	fw_cfg_add_number(fw_cfg, FW_CFG_RAM_SIZE, firmware->info.ram_below_4g + firmware->info.ram_above_4g, 8);
	fw_cfg_add_number(fw_cfg, FW_CFG_NB_CPUS, firmware->info.cpu_count, 2);
	fw_cfg_add_number(fw_cfg, FW_CFG_MAX_CPUS, firmware->info.cpu_count, 2);
	fw_cfg_add_number(fw_cfg, FW_CFG_BOOT_MENU, menu, 2);
	fw_cfg_add_number(fw_cfg, FW_CFG_IRQ0, 1, 1);
	add_e820(firmware);
	add_boot_order(firmware);
	add_number(firmware, "etc/show-boot-menu", menu, 8);
	add_number(firmware, "etc/boot-fail-wait", UINT32_MAX, 4); /* do not start over by itself */
	if (enabled(firmware, "serial-console"))
		add_number(firmware, "etc/sercon-port", 0x3f8, 2);
	add_acpi(firmware);
	smbios_add(firmware);
	add_given(firmware, VMM_FIRMWARE_FILE, "");
	add_given(firmware, VMM_FIRMWARE_ROM, "genroms/");
}

/* CMOS, as a BIOS's set-up would have left it. */

static void cmos_write(struct firmware *firmware, uint32_t index, uint32_t value)
{
	firmware->io->write(firmware->host->context, 0x70, 1, index);
	firmware->io->write(firmware->host->context, 0x71, 1, value & 0xff);
}

static void cmos_write16(struct firmware *firmware, uint32_t index, uint64_t value)
{
	cmos_write(firmware, index, (uint32_t)value & 0xff);
	cmos_write(firmware, index + 1, (uint32_t)value >> 8 & 0xff);
}

void bios_cmos(struct firmware *firmware)
{
	void *context = firmware->host->context;
	uint64_t below = firmware->info.ram_below_4g, above = firmware->info.ram_above_4g;
	uint64_t extended = below > 0x100000 ? (below - 0x100000) >> 10 : 0;
	uint64_t high = below > 0x1000000 ? (below - 0x1000000) >> 16 : 0;
	char name[64];
	uint64_t length;
	if (!firmware->machine->has_plugin(context, "org.vmm.rtc-mc146818"))
		return;
	extended = extended > 0xffff ? 0xffff : extended;
	cmos_write16(firmware, 0x15, below < 0xa0000 ? below >> 10 : 640);
	cmos_write16(firmware, 0x17, extended);
	cmos_write16(firmware, 0x30, extended);
	cmos_write16(firmware, 0x34, high > 0xffff ? 0xffff : high);
	cmos_write16(firmware, 0x5b, above >> 16 & 0xffff);
	cmos_write(firmware, 0x5d, (uint32_t)(above >> 32) & 0xff);
	cmos_write(firmware, 0x5f, firmware->info.cpu_count - 1);
	cmos_write(firmware, 0x0f, 0); /* POST, not a warm start */
	for (uint32_t i = 0; firmware->list != NULL &&
		firmware->list->entry(context, VMM_FIRMWARE_FILE, i, name, sizeof(name), &length) >= 0;
		i++) {
		uint32_t index;
		uint8_t value;
		if (sscanf(name, "vmm/cmos/%2x", &index) == 1 && index >= 0x0e && index < 0x80 && length == 1 &&
			firmware->list->read(context, VMM_FIRMWARE_FILE, i, 0, &value, 1) >= 0)
			cmos_write(firmware, index, value);
	}
	/* Equipment (14), from the drives (10): diskette drives, VGA, keyboard, coprocessor. */
	firmware->io->write(context, 0x70, 1, 0x10);
	uint32_t drives = 0;
	firmware->io->read(context, 0x71, 1, &drives);
	uint32_t count = ((drives & 0xf0) != 0) + ((drives & 0x0f) != 0);
	cmos_write(firmware, 0x14, 0x06 | (count != 0 ? 1 | (count - 1) << 6 : 0));
	/* The checksum of 10 to 2D. */
	uint32_t sum = 0;
	for (uint32_t i = 0x10; i <= 0x2d; i++) {
		uint32_t value = 0;
		firmware->io->write(context, 0x70, 1, i);
		firmware->io->read(context, 0x71, 1, &value);
		sum += value & 0xff;
	}
	cmos_write(firmware, 0x2e, sum >> 8 & 0xff);
	cmos_write(firmware, 0x2f, sum & 0xff);
	firmware->io->write(context, 0x70, 1, 0);
}

void bios_cmos_wake(struct firmware *firmware)
{
	if (!firmware->machine->has_plugin(firmware->host->context, "org.vmm.rtc-mc146818"))
		return;
	cmos_write(firmware, 0x0f, 0xfe);
	firmware->io->write(firmware->host->context, 0x70, 1, 0);
}
