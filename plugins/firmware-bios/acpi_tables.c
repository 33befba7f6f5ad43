/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * ACPI tables, one after the other in a buffer: FACS, DSDT, FADT, MADT, what plugins add, RSDT and XSDT; and the RSDP.
 * Addresses are known (direct boot: the top of low RAM), or relative to the buffer's start, to be relocated by a BIOS.
 */
#include "acpi.h"
#include "aml.h"
#include "firmware.h"

#define RSDP_OFFSET 0x0100 /* in the ROM: on a 16-byte boundary above E0000 */
#define FACS_SIZE   64
#define FADT_SIZE   244
#define HEADER_SIZE 36

static uint8_t checksum(const uint8_t *data, size_t length)
{
	uint8_t sum = 0;
	for (size_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + data[i]);
	return (uint8_t)-sum;
}

static size_t begin(struct acpi *acpi, const char *signature, uint32_t revision)
{
	uint8_t header[HEADER_SIZE] = { 0 };
	while (acpi->out.length % 16 != 0)
		aml_byte(&acpi->out, 0);
	memcpy(header, signature, 4);
	header[8] = (uint8_t)revision;
	memcpy(header + 10, "VMM   ", 6);
	memcpy(header + 16, "VMMPC   ", 8);
	put32(header + 24, 1);
	memcpy(header + 28, "VMM ", 4);
	put32(header + 32, 1);
	size_t at = acpi->out.length;
	aml_bytes(&acpi->out, header, sizeof(header));
	return at;
}

/* Fill the length and checksum in; returns the table's address. */
static uint32_t finish(struct acpi *acpi, size_t at)
{
	if (acpi->out.overflow)
		return 0;
	size_t length = acpi->out.length - at;
	put32(acpi->out.data + at + 4, (uint32_t)length);
	acpi->out.data[at + 9] = 0;
	acpi->out.data[at + 9] = checksum(acpi->out.data + at, length);
	return acpi->base + (uint32_t)at;
}

static void list(struct acpi *acpi, uint32_t address)
{
	if (acpi->count < ACPI_TABLES)
		acpi->tables[acpi->count++] = address;
}

static uint32_t facs(struct acpi *acpi)
{
	uint8_t table[FACS_SIZE] = "FACS";
	put32(table + 4, sizeof(table));
	table[32] = 1; /* version */
	size_t at = acpi->out.length;
	aml_bytes(&acpi->out, table, sizeof(table));
	/* A page of its own: it is NVS, the rest may be reclaimed. */
	while (acpi->out.length % 4096 != 0)
		aml_byte(&acpi->out, 0);
	return acpi->base + (uint32_t)at;
}

static uint32_t dsdt(struct acpi *acpi)
{
	size_t at = begin(acpi, "DSDT", 1); /* 32-bit integers */
	dsdt_build(acpi->firmware, &acpi->out);
	return finish(acpi, at);
}

/* Generic address structure: system I/O. */
static void gas(uint8_t *at, uint32_t port, uint32_t bits)
{
	at[0] = 1;
	at[1] = (uint8_t)bits;
	at[3] = bits == 8 ? 1 : bits == 16 ? 2 : 3;
	put64(at + 4, port);
}

/* The pointer of `width` bytes at `at` in the buffer is to be relocated. */
static void relocate(struct acpi *acpi, size_t at, uint32_t width)
{
	if (acpi->relocation_count == ACPI_RELOCATIONS) {
		acpi->out.overflow = 1;
		return;
	}
	acpi->relocations[acpi->relocation_count++] = (struct acpi_relocation){ (uint32_t)at, width };
}

/* Relocation breaks the table's checksum: it is to be made anew. */
static void mend(struct acpi *acpi, size_t at)
{
	if (acpi->mended_count < ACPI_MENDED && !acpi->out.overflow)
		acpi->mended[acpi->mended_count++] = (struct acpi_span){ (uint32_t)at,
			(uint32_t)(acpi->out.length - at) };
}

static void fadt(struct acpi *acpi, uint32_t facs_address, uint32_t dsdt_address)
{
	struct firmware *firmware = acpi->firmware;
	void *context = firmware->host->context;
	uint8_t table[FADT_SIZE] = { 0 };
	uint32_t rtc = firmware->machine->has_plugin(context, "org.vmm.rtc-mc146818");
	put32(table + 36, facs_address);
	put32(table + 40, dsdt_address);
	put16(table + 46, SCI_IRQ);
	put32(table + 48, 0xb2); /* SMI_CMD */
	table[52] = 0xf1;        /* ACPI_ENABLE */
	table[53] = 0xf0;        /* ACPI_DISABLE */
	put32(table + 56, PM_BASE);
	put32(table + 64, PM_BASE + 4);
	put32(table + 76, PM_BASE + 8);
	put32(table + 80, PM_BASE + 12);
	table[88] = 4; /* lengths: PM1 event, PM1 control, timer, GPE0 */
	table[89] = 2;
	table[91] = 4;
	table[92] = 4;
	put16(table + 96, 0xfff); /* no C2, no C3 */
	put16(table + 98, 0xfff);
	table[108] = rtc ? 0x32 : 0; /* century */
	/* IAPC_BOOT_ARCH: legacy devices, 8042, no VGA, no CMOS RTC. */
	put16(table + 109,
		0x01u | (firmware->machine->has_plugin(context, "org.vmm.ps2-8042") ? 0x02u : 0) |
			(firmware->machine->has_plugin(context, "org.vmm.vga") ? 0 : 0x04u) | (rtc ? 0 : 0x20u));
	/* WBINVD, PROC_C1, no sleep button, RTC not in fixed registers, reset register. */
	put32(table + 112, 0x01u | 0x04u | 0x20u | 0x40u | 0x400u);
	gas(table + 116, 0xcf9, 8);
	table[128] = 0x06;
	put64(table + 132, facs_address);
	put64(table + 140, dsdt_address);
	gas(table + 148, PM_BASE, 32);
	gas(table + 172, PM_BASE + 4, 16);
	gas(table + 208, PM_BASE + 8, 32);
	gas(table + 220, PM_BASE + 12, 32);
	size_t at = begin(acpi, "FACP", 3);
	aml_bytes(&acpi->out, table + HEADER_SIZE, sizeof(table) - HEADER_SIZE);
	list(acpi, finish(acpi, at));
	relocate(acpi, at + 36, 4);
	relocate(acpi, at + 40, 4);
	relocate(acpi, at + 132, 8);
	relocate(acpi, at + 140, 8);
	mend(acpi, at);
}

static void source_override(struct acpi *acpi, uint32_t source, uint32_t gsi, uint32_t flags)
{
	uint8_t entry[10] = { 2, sizeof(entry), 0, (uint8_t)source };
	put32(entry + 4, gsi);
	put16(entry + 8, flags);
	aml_bytes(&acpi->out, entry, sizeof(entry));
}

static void madt(struct acpi *acpi)
{
	struct firmware *firmware = acpi->firmware;
	/* A MADT that lists local APICs but no I/O APIC makes Linux mask LINT0, and so all of the 8259's
	   interrupts: without an I/O APIC a PC has no MADT. */
	if (!firmware->info.has_local_apic ||
		!firmware->machine->has_plugin(firmware->host->context, "org.vmm.ioapic-82093"))
		return;
	size_t at = begin(acpi, "APIC", 1);
	uint8_t head[8];
	put32(head, 0xfee00000);
	put32(head + 4, firmware->machine->has_plugin(firmware->host->context, "org.vmm.pic-8259"));
	aml_bytes(&acpi->out, head, sizeof(head));
	for (uint32_t i = 0; i < firmware->info.cpu_count && i < 255; i++) {
		uint8_t cpu[8] = { 0, sizeof(cpu), (uint8_t)i, (uint8_t)i, 1 };
		aml_bytes(&acpi->out, cpu, sizeof(cpu));
	}
	if (firmware->machine->has_plugin(firmware->host->context, "org.vmm.ioapic-82093")) {
		uint8_t io[12] = { 1, sizeof(io) };
		put32(io + 4, 0xfec00000);
		aml_bytes(&acpi->out, io, sizeof(io));
		source_override(acpi, 0, 2, 0);
		/* Level, active high: the SCI and the lines that PCI interrupts are routed to. */
		source_override(acpi, 5, 5, 0x0d);
		source_override(acpi, SCI_IRQ, SCI_IRQ, 0x0d);
		source_override(acpi, 10, 10, 0x0d);
		source_override(acpi, 11, 11, 0x0d);
	}
	static const uint8_t nmi[6] = { 4, sizeof(nmi), 0xff, 0, 0, 1 }; /* LINT1 of all */
	aml_bytes(&acpi->out, nmi, sizeof(nmi));
	list(acpi, finish(acpi, at));
}

/* Whole tables that other plugins have added. */
static void additions(struct acpi *acpi)
{
	struct firmware *firmware = acpi->firmware;
	void *context = firmware->host->context;
	char name[64];
	uint64_t length;
	for (uint32_t i = 0; firmware->list != NULL &&
		firmware->list->entry(context, VMM_FIRMWARE_ACPI, i, name, sizeof(name), &length) >= 0;
		i++) {
		if (length < HEADER_SIZE || length > acpi->out.size - acpi->out.length - 16)
			continue;
		size_t at = begin(acpi, "    ", 0);
		acpi->out.length = at;
		if (firmware->list->read(context, VMM_FIRMWARE_ACPI, i, 0, acpi->out.data + at, length) < 0)
			continue;
		acpi->out.length = at + length;
		list(acpi, finish(acpi, at));
	}
}

static uint32_t root(struct acpi *acpi, const char *signature, uint32_t width)
{
	size_t at = begin(acpi, signature, 1);
	for (uint32_t i = 0; i < acpi->count; i++) {
		uint8_t entry[8];
		put64(entry, acpi->tables[i]);
		relocate(acpi, acpi->out.length, width);
		aml_bytes(&acpi->out, entry, width);
	}
	uint32_t address = finish(acpi, at);
	mend(acpi, at);
	return address;
}

int32_t acpi_tables(struct firmware *firmware, struct acpi *acpi, uint32_t base)
{
	memset(acpi, 0, sizeof(*acpi));
	acpi->firmware = firmware;
	acpi->base = base;
	acpi->out.data = malloc(ACPI_SIZE);
	acpi->out.size = ACPI_SIZE;
	if (acpi->out.data == NULL)
		return fail(firmware, -ENOMEM, "free some memory", "out of memory");
	uint32_t facs_address = facs(acpi);
	uint32_t dsdt_address = dsdt(acpi);
	fadt(acpi, facs_address, dsdt_address);
	madt(acpi);
	additions(acpi);
	uint32_t rsdt = root(acpi, "RSDT", 4);
	uint32_t xsdt = root(acpi, "XSDT", 8);
	if (acpi->out.overflow)
		return fail(firmware, -ENOSPC, "leave some devices out", "the ACPI tables have grown too large");
	uint8_t *rsdp = acpi->rsdp;
	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, "VMM   ", 6);
	rsdp[15] = 2;
	put32(rsdp + 16, rsdt);
	put32(rsdp + 20, ACPI_RSDP_SIZE);
	put64(rsdp + 24, xsdt);
	rsdp[8] = checksum(rsdp, 20);
	rsdp[32] = checksum(rsdp, ACPI_RSDP_SIZE);
	return 0;
}

int32_t acpi_build(struct firmware *firmware)
{
	struct acpi acpi;
	firmware->rsdp = 0;
	if (!firmware->platform.has_power || firmware->ram_top == firmware->info.ram_below_4g)
		return 0;
	int32_t status = acpi_tables(firmware, &acpi, firmware->ram_top);
	if (status >= 0)
		status = guest_write(firmware, acpi.base, acpi.out.data, acpi.out.length, 1);
	free(acpi.out.data);
	if (status < 0)
		return status;
	memcpy(firmware->rom_image + RSDP_OFFSET, acpi.rsdp, ACPI_RSDP_SIZE);
	firmware->rsdp = ROM_LOW + RSDP_OFFSET;
	return 0;
}
