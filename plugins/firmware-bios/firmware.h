/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What a PC's firmware does before it starts an operating system.
 *
 * A BIOS in the ROM does it all itself; this plugin gives it the ROM, the files of fw_cfg, CMOS and a debug port.
 *
 * Direct boot: a ROM of our own holds a few instructions at the reset vector (stub.c).  They ring a doorbell port; the
 * plugin then sets devices up, builds tables, loads the kernel, and leaves in the ROM with which registers it is to be
 * entered.  So all of it happens when the CPU runs its first instructions, after every device has been reset.
 */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include <vmm/firmware.h>
#include <vmm/io.h>
#include <vmm/kit/plugin.h>
#include <vmm/machine.h>
#include <vmm/memory.h>
#include <vmm/param.h>

#include "fw_cfg.h"

#define ROM_SIZE     0x10000u
#define ROM_LOW      0x000f0000u /* where it is seen */
#define ROM_HIGH     0xffff0000u
#define ROM_PRIORITY 2 /* above the chipset's open bus, below its shadow RAM */

#define DOORBELL_PORT   0x51c
#define DOORBELL_MAGIC  0x30626d76u /* "vmb0" */
#define DOORBELL_GO     1u
#define DOORBELL_RESUME 2u
#define DOORBELL_VIDEO  3u

#define EBDA_START 0x0009fc00u
#define ACPI_SIZE  0x00020000u /* at the top of the RAM below 4 GiB */
#define PCI_END    0xfec00000u /* of the memory window for BARs */

/* Conventions that SeaBIOS has made. */
#define PM_BASE    0x600u
#define SMBUS_BASE 0x700u
#define SCI_IRQ    9u

#define PATH_SIZE    4096
#define TEXT_SIZE    4096
#define MODULE_LIMIT 64

/* Registers at the kernel's first instruction: 32-bit flat protected mode, no paging, interrupts off. */
struct entry {
	uint32_t eax, ebx, esi, esp, eip;
};

struct e820_entry {
	uint64_t start, length;
	uint32_t type;
};
enum { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3, E820_NVS = 4 };
#define E820_LIMIT 16

/* debugcon.c */
struct debugcon {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	vmm_handle claims[2];
	int fd; /* -1: to the log */
	uint32_t length;
	char line[256];
};
int32_t debugcon_init(struct debugcon *debugcon, const struct vmm_host *host);
void debugcon_destroy(struct debugcon *debugcon);

/* What pci_setup found. */
struct platform {
	uint32_t has_isa_bridge, has_power;
	uint32_t serial; /* bit n: a UART answers at COMn+1 */
};

enum { ARMED_NOT, ARMED_BOOT, ARMED_RESUME, ARMED_LOAD };
#define FACS_WAKING_VECTOR 12 /* offset in the FACS, which is the first of the tables */

struct firmware {
	const struct vmm_host *host;
	const struct vmm_io_service *io;
	const struct vmm_memory_service *memory;
	const struct vmm_region_service *region;
	const struct vmm_machine_service *machine;
	const struct vmm_power_service *power;
	const struct vmm_firmware_list_service *list; /* may be NULL */
	struct vmm_machine_info info;
	vmm_handle doorbell, rom, rom_high;
	uint32_t direct; /* a kernel is to be booted, not a ROM */
	uint32_t fresh;  /* reset, and neither started nor loaded since: CMOS is to be filled in */
	struct fw_cfg fw_cfg;
	struct debugcon debugcon;

	char kernel[PATH_SIZE], initrd[PATH_SIZE], cmdline[TEXT_SIZE];
	/* Why a step failed. */
	char cause[PATH_SIZE + 256];
	const char *remedy;

	uint32_t armed;   /* what the next ring of the doorbell does: ARMED_* */
	uint32_t status;  /* what the doorbell port reads */
	uint32_t ram_top; /* end of the low RAM that is free for kernels */
	uint64_t rsdp;    /* 0: no ACPI */
	struct platform platform;
	uint8_t rom_image[ROM_SIZE];
};

/* files.c.  `fail` keeps the cause and the remedy, and returns `status`. */
int32_t fail(struct firmware *firmware, int32_t status, const char *remedy, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

struct file {
	int fd;
	uint64_t size;
	const char *path;
};
int32_t file_open(struct firmware *firmware, struct file *file, const char *what, const char *path);
void file_close(struct file *file);
int32_t file_read(struct firmware *firmware, struct file *file, uint64_t offset, void *data, uint32_t length);
/* Copy into guest memory; without `load` only see that it is there. */
int32_t file_load(struct firmware *firmware, struct file *file, uint64_t offset, uint64_t length, uint64_t address,
	uint32_t load);
int32_t guest_write(struct firmware *firmware, uint64_t address, const void *data, uint64_t length, uint32_t load);
int32_t guest_zero(struct firmware *firmware, uint64_t address, uint64_t length, uint32_t load);

/* Little-endian fields of tables. */
static inline uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t get32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t get64(const uint8_t *at)
{
	return get32(at) | (uint64_t)get32(at + 4) << 32;
}

static inline void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static inline void put32(uint8_t *at, uint32_t value)
{
	put16(at, value);
	put16(at + 2, value >> 16);
}

static inline void put64(uint8_t *at, uint64_t value)
{
	put32(at, (uint32_t)value);
	put32(at + 4, (uint32_t)(value >> 32));
}

static inline uint64_t align_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) & ~(to - 1);
}

/* stub.c */
void stub_build(uint8_t *rom);
void stub_set_entry(uint8_t *rom, const struct entry *entry);
void stub_set_video(uint8_t *rom, uint32_t function);
void stub_set_resume(uint8_t *rom, uint32_t vector);

/* e820.c */
uint32_t e820_build(const struct firmware *firmware, struct e820_entry *entries);

/* pci_setup.c, devices.c */
void pci_setup(struct firmware *firmware);
void devices_setup(struct firmware *firmware);
/* Copy the video BIOS to C0000: the adapter's (slot << 3) | function, or -ENODEV if there is none (video.c). */
int32_t video_shadow(struct firmware *firmware);
uint32_t pci_config_read(struct firmware *firmware, uint32_t function, uint32_t offset, uint32_t size);
void pci_config_write(struct firmware *firmware, uint32_t function, uint32_t offset, uint32_t size, uint32_t value);
void serial_find(struct firmware *firmware);
/* What there is, without changing it. */
void platform_find(struct firmware *firmware);

/* bios_files.c: fill fw_cfg in (`self` is the firmware); write CMOS */
void bios_files(void *self);
void bios_cmos(struct firmware *firmware);
void bios_cmos_wake(struct firmware *firmware);
/* smbios.c */
void smbios_add(struct firmware *firmware);

/* bzimage.c, multiboot.c: recognise a kernel by its first bytes; check it and, with `load`, load it. */
uint32_t bzimage_is(const uint8_t *head, uint32_t length);
int32_t bzimage_load(struct firmware *firmware, struct file *file, struct entry *entry, uint32_t load);
uint32_t multiboot_is(const uint8_t *head, uint32_t length);
int32_t multiboot_load(struct firmware *firmware, struct file *file, struct entry *entry, uint32_t load);
#define HEAD_SIZE 8192

/* acpi_tables.c */
int32_t acpi_build(struct firmware *firmware);
/* acpi_dsdt.c */
struct aml;
void dsdt_build(struct firmware *firmware, struct aml *aml);

#endif
