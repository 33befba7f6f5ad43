/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The ACPI tables as they are built, and what a BIOS must change in them once it knows where they lie.
 */
#ifndef ACPI_H
#define ACPI_H

#include "aml.h"
#include "firmware.h"

#define ACPI_TABLES      32
#define ACPI_RELOCATIONS 80
#define ACPI_MENDED      4
#define ACPI_RSDP_SIZE   36

struct acpi_relocation {
	uint32_t at, width; /* a pointer in the buffer, relative to `base`; 4 or 8 bytes */
};

struct acpi_span {
	uint32_t at, length;
};

struct acpi {
	struct firmware *firmware;
	struct aml out;               /* all tables; malloc'ed */
	uint32_t base;                /* where `out` begins in guest memory */
	uint32_t tables[ACPI_TABLES]; /* for the RSDT */
	uint32_t count;
	struct acpi_relocation relocations[ACPI_RELOCATIONS];
	uint32_t relocation_count;
	struct acpi_span mended[ACPI_MENDED]; /* tables whose checksum changes with that */
	uint32_t mended_count;
	uint8_t rsdp[ACPI_RSDP_SIZE]; /* its pointers: 4 bytes at 16, 8 bytes at 24 */
};

/* Build them for this address.  The caller frees out.data, also after an error. */
int32_t acpi_tables(struct firmware *firmware, struct acpi *acpi, uint32_t base);

#endif
