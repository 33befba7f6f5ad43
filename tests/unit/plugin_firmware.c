/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "plugin_test.h"

#define DOORBELL 0x51c
#define MAGIC    0x30626d76u
#define ENTRY    0xfe1c0u

static struct fake *fake;
static struct fake_instance *firmware;
static char folder[] = "/tmp/vmm-firmware-XXXXXX";

static void put(uint8_t *at, uint64_t value, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> (i * 8));
}

static uint32_t get(uint64_t address, uint32_t size)
{
	uint32_t value = 0;
	for (uint32_t i = 0; i < size; i++) {
		uint8_t byte;
		fake_read(fake, address + i, &byte, 1);
		value |= (uint32_t)byte << (i * 8);
	}
	return value;
}

static const char *file(const char *name, const void *data, size_t length)
{
	static char paths[8][128];
	static uint32_t next;
	char *path = paths[next++ % 8];
	if (next == 1)
		ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, 128, "%s/%s", folder, name);
	FILE *out = fopen(path, "w");
	ck_assert_ptr_nonnull(out);
	ck_assert_uint_eq(fwrite(data, 1, length, out), length);
	fclose(out);
	return path;
}

#define BZ_SETUP   5
#define BZ_PAYLOAD 100000
static uint8_t bz[(BZ_SETUP + 1) * 512 + BZ_PAYLOAD];

/* A bzImage of protocol 2.15, relocatable, preferring 16 MiB. */
static void bzimage(void)
{
	memset(bz, 0, sizeof(bz));
	bz[0x1f1] = BZ_SETUP;
	put(bz + 0x1f4, (BZ_PAYLOAD + 15) / 16, 4);
	put(bz + 0x1fe, 0xaa55, 2);
	bz[0x200] = 0xeb;
	bz[0x201] = 0x66;
	memcpy(bz + 0x202, "HdrS", 4);
	put(bz + 0x206, 0x020f, 2);
	bz[0x211] = 1;
	put(bz + 0x214, 0x100000, 4);
	put(bz + 0x22c, 0x7fffffff, 4);
	put(bz + 0x230, 0x200000, 4);
	bz[0x234] = 1;
	put(bz + 0x238, 2047, 4);
	put(bz + 0x258, 0x1000000, 8);
	put(bz + 0x260, 0x400000, 4);
	for (uint32_t i = 0; i < BZ_PAYLOAD; i++)
		bz[(BZ_SETUP + 1) * 512 + i] = (uint8_t)(i * 7);
}

static void machine(void)
{
	fake = fake_new();
	fake_add(fake, "chipset-i440", "pci0");
	fake_add(fake, "pic-8259", "pic0");
	fake_add(fake, "pit-8254", "pit0");
	fake_add(fake, "serial-16550", "serial0");
}

static void ring(void)
{
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
	fake_out(fake, DOORBELL, 4, MAGIC);
}

static int32_t try(const char *kernel, const char *initrd, const char *cmdline)
{
	machine();
	if (kernel != NULL)
		fake_set(fake, "boot", "kernel", kernel);
	if (initrd != NULL)
		fake_set(fake, "boot", "initrd", initrd);
	if (cmdline != NULL)
		fake_set(fake, "boot", "cmdline", cmdline);
	firmware = fake_create(fake, "firmware-bios", "fw0");
	return fake_init(firmware);
}

static int32_t try_bios(const char *bios)
{
	machine();
	fake_set(fake, "fw0", "bios", bios);
	firmware = fake_create(fake, "firmware-bios", "fw0");
	return fake_init(firmware);
}

START_TEST(linux_boot)
{
	uint8_t initrd[10000];
	bzimage();
	memset(initrd, 0x5a, sizeof(initrd));
	const char *kernel = file("kernel", bz, sizeof(bz));
	ck_assert_int_eq(try(kernel, file("initrd", initrd, sizeof(initrd)), "console=ttyS0"), 0);
	/* The stub is at the reset vector and below 1 MiB. */
	fake_reset(fake, VMM_RESET_POWER);
	ck_assert_uint_eq(get(0xfffffff0, 4), 0x00e05bea);
	ck_assert_uint_eq(get(0xffff0, 4), 0x00e05bea);
	ring();
	ck_assert_uint_eq(fake_in(fake, DOORBELL, 4), 1);
	ck_assert_uint_eq(get(ENTRY + 16, 4), 0x1000000);
	ck_assert_uint_eq(get(ENTRY + 8, 4), 0x90000);
	ck_assert_uint_eq(get(0x1000000 + 99999, 1), (uint8_t)(99999 * 7));
	/* boot_params */
	ck_assert_uint_eq(get(0x90202, 4), 0x53726448);
	ck_assert_uint_eq(get(0x90210, 1), 0xff);
	ck_assert_uint_eq(get(0x90214, 4), 0x1000000);
	uint32_t cmdline = get(0x90228, 4);
	ck_assert(memcmp(fake->ram + cmdline, "console=ttyS0", 14) == 0);
	uint32_t at = get(0x90218, 4);
	ck_assert_uint_eq(get(0x9021c, 4), sizeof(initrd));
	ck_assert_uint_eq(at & 0xfff, 0);
	ck_assert(at + sizeof(initrd) <= FAKE_RAM - 0x20000);
	ck_assert(memcmp(fake->ram + at, initrd, sizeof(initrd)) == 0);
	uint32_t count = get(0x901e8, 1);
	ck_assert_uint_ge(count, 5);
	uint64_t last = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t start = get(0x902d0 + i * 20, 4);
		ck_assert(start >= last);
		last = start + get(0x902d0 + i * 20 + 8, 4);
	}
	/* Devices are as POST leaves them. */
	ck_assert_uint_eq(fake_in(fake, 0x21, 1), 0xff);
	fake_out(fake, 0x43, 1, 0xe2);
	ck_assert_uint_eq(fake_in(fake, 0x40, 1) & 0x3f, 0x36);
	ck_assert_uint_ne(fake_in(fake, 0x608, 4), 0xffffffff);
	ck_assert_uint_eq(fake_in(fake, 0x4d1, 1), 0x0e);
	ck_assert_uint_eq(get(0x400, 2), 0x3f8);
	ck_assert(fake_round_trip(firmware));
	/* Only the CPU was reset: begin again with everything. */
	fake_out(fake, DOORBELL, 4, MAGIC);
	ck_assert_uint_eq(fake->requests[VMM_POWER_RESET], 1);
	ck_assert_uint_eq(fake_in(fake, DOORBELL, 4), 0);
	/* The file goes away: the next boot ends the run instead of crashing. */
	unlink(kernel);
	ring();
	ck_assert_uint_eq(fake->exited, 1);
	ck_assert_int_eq(fake->exit_status, 1);
	fake_free(fake);
}
END_TEST

static uint8_t sum(uint64_t address, uint32_t length)
{
	uint8_t total = 0;
	for (uint32_t i = 0; i < length; i++)
		total = (uint8_t)(total + get(address + i, 1));
	return total;
}

START_TEST(acpi)
{
	bzimage();
	machine();
	fake_add(fake, "ioapic-82093", "ioapic0");
	fake_add(fake, "ps2-8042", "ps2");
	fake_add(fake, "rtc-mc146818", "rtc0");
	fake_set(fake, "boot", "kernel", file("kernel", bz, sizeof(bz)));
	firmware = fake_add(fake, "firmware-bios", "fw0");
	ring();
	ck_assert_uint_eq(fake_in(fake, DOORBELL, 4), 1);
	/* The keyboard controller is as a BIOS leaves it, and has nothing to say. */
	fake_advance(fake, 100000000);
	ck_assert_uint_eq(fake_in(fake, 0x64, 1) & 0x05, 0x04);
	fake_out(fake, 0x64, 1, 0x20);
	ck_assert_uint_eq(fake_in(fake, 0x60, 1), 0x65);
	uint32_t rsdp = get(0x90070, 4);
	ck_assert_uint_ge(rsdp, 0xe0000);
	ck_assert_uint_eq(rsdp & 15, 0);
	ck_assert_uint_eq(sum(rsdp, 20), 0);
	ck_assert_uint_eq(sum(rsdp, 36), 0);
	uint32_t rsdt = get(rsdp + 16, 4);
	uint32_t length = get(rsdt + 4, 4);
	ck_assert_uint_eq(sum(rsdt, length), 0);
	ck_assert_uint_eq(sum(get(rsdp + 24, 4), get(get(rsdp + 24, 4) + 4, 4)), 0);
	uint32_t fadt = get(rsdt + 36, 4);
	ck_assert_uint_eq(get(fadt, 4), 0x50434146);
	ck_assert_uint_eq(sum(fadt, get(fadt + 4, 4)), 0);
	ck_assert_uint_eq(get(fadt + 36, 4) & 63, 0);
	uint32_t madt = get(rsdt + 40, 4);
	ck_assert_uint_eq(get(madt, 4), 0x43495041);
	/* All of them disassemble, and the DSDT compiles again. */
	uint32_t tables[3] = { get(fadt + 40, 4), fadt, madt };
	static const char *const names[3] = { "dsdt", "facp", "apic" };
	char command[512];
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t size = get(tables[i] + 4, 4);
		ck_assert_uint_eq(sum(tables[i], size), 0);
		char name[16];
		snprintf(name, sizeof(name), "%s.aml", names[i]);
		file(name, fake->ram + tables[i], size);
		snprintf(command, sizeof(command), "cd %s && iasl -d %s.aml > %s.log 2>&1 && ! grep -i error %s.log",
			folder, names[i], names[i], names[i]);
		if (access("/usr/bin/iasl", X_OK) == 0)
			ck_assert_msg(system(command) == 0, "%s", command);
	}
	snprintf(command, sizeof(command),
		"cd %s && iasl -p again dsdt.dsl > again.log 2>&1 && grep -q ' 0 Errors' again.log", folder);
	if (access("/usr/bin/iasl", X_OK) == 0)
		ck_assert_msg(system(command) == 0, "%s", command);
	fake_free(fake);
}
END_TEST

START_TEST(bad_kernels)
{
	static const struct {
		uint32_t offset, size, value;
		const char *complaint;
	} changes[] = {
		{ 0x206, 2, 0x0105, "old boot protocol" },
		{ 0x211, 1, 0, "zImage" },
		{ 0x1f1, 1, 255, "truncated" },
		{ 0x1f4, 4, 0x100000, "truncated" },
		{ 0x260, 4, 0xf0000000, "needs" },
		{ 0x238, 4, 3, "command line" },
		{ 0x202, 4, 0, "not a kernel" },
	};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		bzimage();
		put(bz + changes[i].offset, changes[i].value, changes[i].size);
		ck_assert_int_lt(try(file("bad", bz, sizeof(bz)), NULL, "a b c"), 0);
		ck_assert_msg(
			strstr(fake->cause, changes[i].complaint) != NULL, "%s: %s", changes[i].complaint, fake->cause);
		ck_assert(fake->remedy[0] != '\0');
		fake_free(fake);
	}
	bzimage();
	ck_assert_int_lt(try("/nonexistent/kernel", NULL, NULL), 0);
	ck_assert(strstr(fake->cause, "/nonexistent/kernel") != NULL);
	fake_free(fake);
	ck_assert_int_lt(try("/tmp", NULL, NULL), 0);
	fake_free(fake);
	ck_assert_int_lt(try(file("empty", "", 0), NULL, NULL), 0);
	fake_free(fake);
	ck_assert_int_lt(try(file("kernel", bz, sizeof(bz)), "/nonexistent/initrd", NULL), 0);
	ck_assert(strstr(fake->cause, "initrd") != NULL);
	fake_free(fake);
	ck_assert_int_lt(try_bios("/nonexistent/bios"), 0);
	ck_assert(strstr(fake->cause, "/nonexistent/bios") != NULL && strstr(fake->remedy, "seabios") != NULL);
	fake_free(fake);
	/* Any header bytes: refused or accepted, never a crash. */
	uint32_t seed = 1;
	for (uint32_t round = 0; round < 300; round++) {
		bzimage();
		for (uint32_t i = 0; i < 4; i++) {
			seed = seed * 1664525u + 1013904223u;
			bz[0x1f1 + (seed >> 16) % 0x78] = (uint8_t)(seed >> 8);
		}
		if (try(file("fuzz", bz, sizeof(bz)), NULL, "x") >= 0)
			ring();
		fake_free(fake);
	}
}
END_TEST

static uint8_t elf[0x2000];

static void multiboot(uint32_t flags)
{
	memset(elf, 0, sizeof(elf));
	memcpy(elf, "\177ELF\1\1\1", 7);
	put(elf + 16, 2, 2);
	put(elf + 18, 3, 2);
	put(elf + 24, 0xc0100010, 4); /* entry, virtual */
	put(elf + 28, 52, 4);
	put(elf + 42, 32, 2);
	put(elf + 44, 1, 2);
	put(elf + 52, 1, 4);
	put(elf + 56, 0x1000, 4);
	put(elf + 60, 0xc0100000, 4);
	put(elf + 64, 0x100000, 4);
	put(elf + 68, 0x1000, 4);
	put(elf + 72, 0x3000, 4);
	put(elf + 0x1000, 0x1badb002, 4);
	put(elf + 0x1004, flags, 4);
	put(elf + 0x1008, -(0x1badb002u + flags), 4);
	memset(elf + 0x1040, 0xcc, 0x100);
}

START_TEST(multiboot_boot)
{
	multiboot(3);
	machine();
	fake_set(fake, "boot", "kernel", file("multi", elf, sizeof(elf)));
	fake_set(fake, "boot", "cmdline", "quiet");
	char module[256];
	snprintf(module, sizeof(module), "%s with arguments", file("module", "MODULE!", 7));
	fake_set(fake, "boot", "modules", module);
	fake_set(fake, "boot", "modules", file("second", "second", 6));
	memset(fake->ram + 0x102000, 0xff, 0x100);
	firmware = fake_add(fake, "firmware-bios", "fw0");
	ring();
	ck_assert_uint_eq(fake_in(fake, DOORBELL, 4), 1);
	ck_assert_uint_eq(get(ENTRY, 4), 0x2badb002);
	ck_assert_uint_eq(get(ENTRY + 16, 4), 0x100010);
	ck_assert_uint_eq(get(0x100040, 1), 0xcc);
	ck_assert_uint_eq(get(0x102000, 4), 0); /* bss */
	uint32_t info = get(ENTRY + 4, 4);
	ck_assert_uint_eq(get(info, 4), 0x24d);
	ck_assert_uint_eq(get(info + 4, 4), 639);
	ck_assert_ptr_nonnull(strstr((char *)fake->ram + get(info + 16, 4), "multi quiet"));
	ck_assert_uint_eq(get(info + 20, 4), 2);
	uint32_t table = get(info + 24, 4);
	uint32_t start = get(table, 4);
	ck_assert_uint_eq(start & 0xfff, 0);
	ck_assert_uint_ge(start, 0x103000);
	ck_assert_uint_eq(get(table + 4, 4) - start, 7);
	ck_assert(memcmp(fake->ram + start, "MODULE!", 7) == 0);
	ck_assert_str_eq((char *)fake->ram + get(table + 8, 4), module);
	ck_assert(memcmp(fake->ram + get(table + 16, 4), "second", 6) == 0);
	uint32_t map = get(info + 48, 4);
	ck_assert_uint_eq(get(map, 4), 20);
	ck_assert_uint_eq(get(info + 44, 4) % 24, 0);
	ck_assert_str_eq((char *)fake->ram + get(info + 64, 4), "vmm");
	fake_free(fake);

	/* Address fields instead of ELF. */
	multiboot(0x10003);
	memset(elf, 0x90, 52);
	memset(elf + 52, 0, 64);
	put(elf + 0x100c, 0x200000, 4);
	put(elf + 0x1010, 0x1ff000, 4);
	put(elf + 0x1014, 0x201000, 4);
	put(elf + 0x1018, 0x202000, 4);
	put(elf + 0x101c, 0x200020, 4);
	ck_assert_int_eq(try(file("flat", elf, sizeof(elf)), NULL, NULL), 0);
	ring();
	ck_assert_uint_eq(get(ENTRY + 16, 4), 0x200020);
	ck_assert_uint_eq(get(0x1ff000, 4), 0x90909090);
	ck_assert_uint_eq(get(0x200000, 4), 0x1badb002);
	fake_free(fake);
}
END_TEST

START_TEST(bad_multiboot)
{
	multiboot(0x07); /* a graphics mode */
	ck_assert_int_lt(try(file("video", elf, sizeof(elf)), NULL, NULL), 0);
	ck_assert(strstr(fake->cause, "graphics") != NULL);
	fake_free(fake);
	multiboot(0x13); /* an unknown required feature */
	ck_assert_int_lt(try(file("feature", elf, sizeof(elf)), NULL, NULL), 0);
	fake_free(fake);
	multiboot(3);
	put(elf + 64, 0x0009f000, 4);
	ck_assert_int_lt(try(file("place", elf, sizeof(elf)), NULL, NULL), 0);
	fake_free(fake);
	multiboot(3);
	put(elf + 68, 0x7000000, 4);
	put(elf + 72, 0x7000000, 4);
	ck_assert_int_lt(try(file("large", elf, sizeof(elf)), NULL, NULL), 0);
	fake_free(fake);
	uint32_t seed = 7;
	for (uint32_t round = 0; round < 300; round++) {
		multiboot(round & 1 ? 0x10003 : 3);
		for (uint32_t i = 0; i < 4; i++) {
			seed = seed * 1664525u + 1013904223u;
			uint32_t at = (seed >> 16) % 84;
			elf[(seed & 1) != 0 ? at : 0x100c + at % 20] = (uint8_t)(seed >> 8);
		}
		if (try(file("fuzz", elf, sizeof(elf)), NULL, "x") >= 0)
			ring();
		fake_free(fake);
	}
}
END_TEST

START_TEST(rom_image)
{
	static uint8_t rom[0x40000];
	for (uint32_t i = 0; i < sizeof(rom); i++)
		rom[i] = (uint8_t)(i >> 10);
	machine();
	fake_set(fake, "boot", "rom", file("rom", rom, sizeof(rom)));
	firmware = fake_add(fake, "firmware-bios", "fw0");
	fake_reset(fake, VMM_RESET_POWER);
	ck_assert_uint_eq(get(0xfffc0400, 1), 1);
	ck_assert_uint_eq(get(0xffffffff, 1), 0xff);
	ck_assert_uint_eq(get(0xe0000, 1), 0x80);
	ck_assert_uint_eq(get(0xfffff, 1), 0xff);
	fake_write(fake, 0xf0000, "x", 1);
	ck_assert_uint_eq(get(0xf0000, 1), 0xc0);
	ck_assert(fake_round_trip(firmware));
	fake_free(fake);
	machine();
	fake_set(fake, "boot", "rom", file("odd", rom, 5000));
	firmware = fake_create(fake, "firmware-bios", "fw0");
	ck_assert_int_lt(fake_init(firmware), 0);
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("firmware-bios", linux_boot, acpi, bad_kernels, multiboot_boot, bad_multiboot, rom_image)
