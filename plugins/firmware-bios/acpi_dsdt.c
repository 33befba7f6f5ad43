/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The DSDT: what the machine has that cannot be found by itself.
 */
#include <stdio.h>

#include "aml.h"
#include "firmware.h"

#define PCI_CONFIG_SPACE 2
#define PCI_SLOTS        32

static uint32_t has(struct firmware *firmware, const char *plugin)
{
	return firmware->machine->has_plugin(firmware->host->context, plugin);
}

/* An ISA device with one or two ranges of ports and an interrupt line. */
struct isa_device {
	const char *name, *id;
	uint32_t uid; /* 0: none */
	uint32_t ports[2], lengths[2];
	int32_t line; /* -1: none */
};

static void isa_device(struct aml *aml, const struct isa_device *device)
{
	size_t mark = aml_device(aml, device->name);
	aml_define_eisa_id(aml, "_HID", device->id);
	if (device->uid != 0)
		aml_define_integer(aml, "_UID", device->uid);
	aml_define_integer(aml, "_STA", 0x0f);
	aml_define(aml, "_CRS");
	struct aml_resources resources = aml_resources(aml);
	for (uint32_t i = 0; i < 2; i++) {
		if (device->lengths[i] != 0)
			aml_res_io(aml, device->ports[i], device->lengths[i]);
	}
	if (device->line >= 0)
		aml_res_irq(aml, (uint32_t)device->line);
	aml_resources_end(aml, resources);
	aml_end(aml, mark);
}

static void isa_devices(struct firmware *firmware, struct aml *aml)
{
	static const struct isa_device pic = { "PIC", "PNP0000", 0, { 0x20, 0xa0 }, { 2, 2 }, 2 };
	static const struct isa_device pit = { "TIMR", "PNP0100", 0, { 0x40, 0 }, { 4, 0 }, 0 };
	static const struct isa_device rtc = { "RTC", "PNP0B00", 0, { 0x70, 0 }, { 2, 0 }, 8 };
	static const struct isa_device keyboard = { "KBD", "PNP0303", 0, { 0x60, 0x64 }, { 1, 1 }, 1 };
	static const struct isa_device mouse = { "MOU", "PNP0F13", 0, { 0, 0 }, { 0, 0 }, 12 };
	static const struct isa_device serial[4] = {
		{ "COM1", "PNP0501", 1, { 0x3f8, 0 }, { 8, 0 }, 4 },
		{ "COM2", "PNP0501", 2, { 0x2f8, 0 }, { 8, 0 }, 3 },
		{ "COM3", "PNP0501", 3, { 0x3e8, 0 }, { 8, 0 }, 4 },
		{ "COM4", "PNP0501", 4, { 0x2e8, 0 }, { 8, 0 }, 3 },
	};
	if (has(firmware, "org.vmm.pic-8259"))
		isa_device(aml, &pic);
	if (has(firmware, "org.vmm.pit-8254"))
		isa_device(aml, &pit);
	if (has(firmware, "org.vmm.rtc-mc146818"))
		isa_device(aml, &rtc);
	if (has(firmware, "org.vmm.ps2-8042")) {
		isa_device(aml, &keyboard);
		isa_device(aml, &mouse);
	}
	for (uint32_t i = 0; i < 4; i++) {
		if ((firmware->platform.serial >> i & 1) != 0)
			isa_device(aml, &serial[i]);
	}
	/* Ports of the system board itself. */
	size_t mark = aml_device(aml, "SYSR");
	aml_define_eisa_id(aml, "_HID", "PNP0C02");
	aml_define_integer(aml, "_UID", 1);
	aml_define(aml, "_CRS");
	struct aml_resources resources = aml_resources(aml);
	aml_res_io(aml, 0x92, 1);
	aml_res_io(aml, 0xb2, 2);
	aml_res_io(aml, 0x4d0, 2);
	aml_res_io(aml, PM_BASE, 0x40);
	aml_res_io(aml, SMBUS_BASE, 0x10);
	aml_resources_end(aml, resources);
	aml_end(aml, mark);
}

/* Device (ISA): the bridge at 01.0, with its PIRQ route control registers. */
static void isa_bridge(struct firmware *firmware, struct aml *aml)
{
	static const char *const fields[4] = { "PRQA", "PRQB", "PRQC", "PRQD" };
	size_t mark = aml_device(aml, "ISA");
	aml_define_integer(aml, "_ADR", 0x00010000);
	aml_region(aml, "PIRQ", PCI_CONFIG_SPACE, 0x60, 4);
	aml_fields8(aml, "PIRQ", fields, 4);
	isa_devices(firmware, aml);
	aml_end(aml, mark);
}

/* Return (PRQx & 0x80 ? off : on) and the like need the field's path. */
static void field(struct aml *aml, uint32_t index)
{
	char name[32];
	snprintf(name, sizeof(name), "\\_SB.PCI0.ISA.PRQ%c", (char)('A' + index));
	aml_name(aml, name);
}

/* Device (LNKx): which interrupt line a PIRQ# is routed to. */
static void link_device(struct aml *aml, uint32_t index)
{
	static const uint32_t possible[] = { 5, 10, 11 };
	static const uint32_t none[] = { 0 };
	char name[8];
	snprintf(name, sizeof(name), "LNK%c", (char)('A' + index));
	size_t device = aml_device(aml, name);
	aml_define_eisa_id(aml, "_HID", "PNP0C0F");
	aml_define_integer(aml, "_UID", index + 1);
	aml_define(aml, "_PRS");
	struct aml_resources resources = aml_resources(aml);
	aml_res_interrupts(aml, possible, VMM_KIT_COUNT(possible));
	aml_resources_end(aml, resources);

	/* If (PRQx & 0x80) { Return (0x09) } Return (0x0B) */
	size_t mark = aml_method(aml, "_STA", 0);
	size_t condition = aml_if(aml);
	aml_byte(aml, AML_AND);
	field(aml, index);
	aml_integer(aml, 0x80);
	aml_byte(aml, AML_ZERO); /* no target */
	aml_byte(aml, AML_RETURN);
	aml_integer(aml, 0x09);
	aml_end(aml, condition);
	aml_byte(aml, AML_RETURN);
	aml_integer(aml, 0x0b);
	aml_end(aml, mark);

	/* PRQx |= 0x80 */
	mark = aml_method(aml, "_DIS", 0);
	aml_byte(aml, AML_OR);
	field(aml, index);
	aml_integer(aml, 0x80);
	field(aml, index);
	aml_end(aml, mark);

	/* Name (BUF, ...) CreateDWordField (BUF, 5, IRQ) If (PRQx < 0x80) { IRQ = PRQx & 0x0F } Return (BUF) */
	mark = aml_method(aml, "_CRS", 0x08); /* serialized: it creates names */
	aml_define(aml, "BUF");
	resources = aml_resources(aml);
	aml_res_interrupts(aml, none, 1);
	aml_resources_end(aml, resources);
	aml_byte(aml, AML_CREATE_DWORD);
	aml_name(aml, "BUF");
	aml_integer(aml, 5);
	aml_name(aml, "IRQ");
	condition = aml_if(aml);
	aml_byte(aml, AML_LESS);
	field(aml, index);
	aml_integer(aml, 0x80);
	aml_byte(aml, AML_AND);
	field(aml, index);
	aml_integer(aml, 0x0f);
	aml_name(aml, "IRQ");
	aml_end(aml, condition);
	aml_byte(aml, AML_RETURN);
	aml_name(aml, "BUF");
	aml_end(aml, mark);

	/* CreateDWordField (Arg0, 5, IRQ) PRQx = IRQ */
	mark = aml_method(aml, "_SRS", 0x09);
	aml_byte(aml, AML_CREATE_DWORD);
	aml_byte(aml, AML_ARG0);
	aml_integer(aml, 5);
	aml_name(aml, "IRQ");
	aml_byte(aml, AML_STORE);
	aml_name(aml, "IRQ");
	field(aml, index);
	aml_end(aml, mark);
	aml_end(aml, device);
}

/* The wiring of chipset-i440: pin p of slot s goes to link (s + p - 1) & 3. */
static void routing_table(struct aml *aml)
{
	aml_define(aml, "_PRT");
	size_t table = aml_package(aml, PCI_SLOTS * 4 - 4);
	for (uint32_t slot = 1; slot < PCI_SLOTS; slot++) {
		for (uint32_t pin = 0; pin < 4; pin++) {
			char name[16];
			size_t row = aml_package(aml, 4);
			snprintf(name, sizeof(name), "\\_SB.LNK%c", (char)('A' + ((slot + pin - 1) & 3)));
			aml_integer(aml, slot << 16 | 0xffff);
			aml_integer(aml, pin);
			aml_name(aml, name);
			aml_integer(aml, 0);
			aml_end(aml, row);
		}
	}
	aml_end(aml, table);
}

static void pci_bus(struct firmware *firmware, struct aml *aml)
{
	size_t mark = aml_device(aml, "PCI0");
	aml_define_eisa_id(aml, "_HID", "PNP0A03");
	aml_define_integer(aml, "_ADR", 0);
	aml_define_integer(aml, "_UID", 1);
	aml_define(aml, "_CRS");
	struct aml_resources resources = aml_resources(aml);
	aml_res_word(aml, 2, 0, 0, 0xff); /* bus numbers */
	aml_res_io(aml, 0xcf8, 8);
	aml_res_word(aml, 1, 3, 0x0000, 0x0cf7); /* ports, the whole range */
	aml_res_word(aml, 1, 3, 0x0d00, 0xffff);
	aml_res_dword_memory(aml, 0x000a0000, 0x000bffff, 1);
	uint64_t hole = align_up(firmware->info.ram_below_4g, 0x100000);
	if (hole < PCI_END)
		aml_res_dword_memory(aml, (uint32_t)hole, PCI_END - 1, 0);
	aml_resources_end(aml, resources);
	routing_table(aml);
	if (firmware->platform.has_isa_bridge)
		isa_bridge(firmware, aml);
	aml_end(aml, mark);
}

/* Terms that other plugins have added. */
static void additions(struct firmware *firmware, struct aml *aml)
{
	char name[64];
	uint64_t length;
	uint8_t bytes[256];
	for (uint32_t i = 0; firmware->list != NULL &&
		firmware->list->entry(firmware->host->context, VMM_FIRMWARE_AML, i, name, sizeof(name), &length) >= 0;
		i++) {
		for (uint64_t at = 0; at < length;) {
			uint64_t part = length - at < sizeof(bytes) ? length - at : sizeof(bytes);
			if (firmware->list->read(firmware->host->context, VMM_FIRMWARE_AML, i, at, bytes, part) < 0)
				break;
			aml_bytes(aml, bytes, part);
			at += part;
		}
	}
}

static void sleep_state(struct aml *aml, const char *name, uint32_t type)
{
	aml_define(aml, name);
	size_t mark = aml_package(aml, 4);
	aml_integer(aml, type);
	aml_integer(aml, type);
	aml_integer(aml, 0);
	aml_integer(aml, 0);
	aml_end(aml, mark);
}

void dsdt_build(struct firmware *firmware, struct aml *aml)
{
	size_t mark;
	if (firmware->info.cpu_count > 0 && firmware->info.cpu_count <= 255) {
		mark = aml_scope(aml, "\\_PR");
		for (uint32_t i = 0; i < firmware->info.cpu_count; i++) {
			char name[16];
			snprintf(name, sizeof(name), "CP%02X", i);
			aml_end(aml, aml_processor(aml, name, i));
		}
		aml_end(aml, mark);
	}
	mark = aml_scope(aml, "\\_SB");
	pci_bus(firmware, aml);
	if (firmware->platform.has_isa_bridge) {
		for (uint32_t i = 0; i < 4; i++)
			link_device(aml, i);
	}
	additions(firmware, aml);
	aml_end(aml, mark);
	/* The PIIX4's sleep types (290562-001, 7.2.3): 1 is suspend to RAM, 0 soft off, also after suspending to disk.
	 */
	sleep_state(aml, "\\_S3", 1);
	sleep_state(aml, "\\_S4", 0);
	sleep_state(aml, "\\_S5", 0);
}
