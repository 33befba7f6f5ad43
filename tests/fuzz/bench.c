/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "bench.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGE_SIZE (1440u << 10)

/* A plugin that is not here stands alone, with its usual settings. */
static const struct bench benches[] = {
	{ .name = "chipset-i440",
		.parts = { { .plugin = "chipset-i440", .name = "pci0" } },
		.variants = { "", "pci0.identity=440fx" } },
	{ .name = "debug-exit", .parts = { { .plugin = "debug-exit", .name = "exit0" } } },
	{ .name = "dma-8237",
		.parts = { { .plugin = "chipset-i440", .name = "pci0" },
			{ "dma-8237", "dma0", "dma", 0, "bus", VMM_PORT_DMA, 0 } } },
	{ .name = "e1000",
		.parts = { { .plugin = "e1000", .name = "net0" } },
		.variants = { "net0.rom=", "net0.rom=;net0.model=82540em" } },
	{ .name = "firmware-bios",
		.parts = { { .plugin = "chipset-i440", .name = "pci0" }, { .plugin = "firmware-bios", .name = "fw0" } },
		.variants = { "", "fw0.boot-menu=yes;fw0.serial-console=yes", "fw0.debug-file=%T/debug",
			"boot.kernel=%T/kernel;boot.cmdline=quiet" } },
	{ .name = "kernel",
		.parts = { { .plugin = "firmware-bios", .name = "fw0" } },
		.variants = { "boot.kernel=%T/kernel", "boot.kernel=%T/kernel;boot.cmdline=quiet root=/dev/sda1",
			"boot.kernel=%T/kernel;boot.initrd=%T/kernel", "boot.rom=%T/kernel" } },
	{ .name = "floppy-82077",
		.parts = { { .plugin = "chipset-i440", .name = "pci0" },
			{ "dma-8237", "dma0", "dma", 0, "bus", VMM_PORT_DMA, 0 },
			{ "floppy-82077", "fdc0", "isa", 0, "bus", VMM_PORT_ISA, 0 },
			{ "floppy-disk", "fd0", "floppy", 2, "bus", VMM_PORT_FLOPPY, 0 },
			{ "floppy-disk", "fd1", "floppy", 2, "bus", VMM_PORT_FLOPPY, 1 },
			{ "storage-raw", "image0", "media", 3, "storage", VMM_PORT_STORAGE, 0 } },
		.variants = { "image0.path=%T/image", "image0.path=%T/image;image0.readonly=yes;fd1.type=1200",
			"image0.path=%T/image;image0.mode=nonpersistent;fdc0.dma=1" },
		.exclusive = 1 },
	{ .name = "floppy-disk",
		.parts = { { .plugin = "floppy-disk", .name = "fd0" } },
		.variants = { "", "fd0.type=360", "fd0.type=720", "fd0.type=1200", "fd0.type=2880" } },
	{ .name = "hpet", .parts = { { .plugin = "hpet", .name = "hpet0" } }, .variants = { "", "hpet0.timers=8" } },
	{ .name = "ide-cd", .parts = { { .plugin = "ide-cd", .name = "cd0" } } },
	{ .name = "ide-disk",
		.parts = { { .plugin = "ide-disk", .name = "disk0" } },
		.variants = { "", "disk0.heads=1;disk0.sectors=1", "disk0.cylinders=4" } },
	{ .name = "ide-piix",
		.parts = { { .plugin = "ide-piix", .name = "ide0" },
			{ "ide-disk", "disk0", "ide", 0, "bus", VMM_PORT_IDE, 0 },
			{ "ide-cd", "cd0", "ide", 0, "bus", VMM_PORT_IDE, 1 },
			{ "ide-cd", "cd1", "ide", 0, "bus", VMM_PORT_IDE, 0x100 } },
		.variants = { "", "ide0.model=piix3" } },
	{ .name = "ioapic-82093",
		.parts = { { .plugin = "ioapic-82093", .name = "ioapic0" } },
		.variants = { "", "ioapic0.version=0x11" } },
	{ .name = "ne2000", .parts = { { .plugin = "ne2000", .name = "net0" } }, .variants = { "net0.rom=" } },
	{ .name = "parallel",
		.parts = { { .plugin = "parallel", .name = "parallel0" } },
		.variants = { "", "parallel0.port=lpt3;parallel0.irq=5" } },
	{ .name = "pcnet", .parts = { { .plugin = "pcnet", .name = "net0" } }, .variants = { "net0.rom=" } },
	{ .name = "pit-8254",
		.parts = { { .plugin = "pit-8254", .name = "pit0" } },
		.variants = { "", "pit0.missed-ticks=drop" } },
	{ .name = "ps2-8042", .parts = { { .plugin = "ps2-8042", .name = "ps2" } } },
	{ .name = "rtc-mc146818",
		.parts = { { .plugin = "rtc-mc146818", .name = "rtc0" } },
		.variants = { "", "rtc0.base=1999-12-31T23:59:00", "rtc0.base=localtime" } },
	{ .name = "serial-16550",
		.parts = { { .plugin = "serial-16550", .name = "serial0" } },
		.variants = { "", "serial0.pace=yes" } },
	{ .name = "speaker",
		.parts = { { .plugin = "pit-8254", .name = "pit0" },
			{ "speaker", "speaker0", "speaker", 0, "bus", VMM_PORT_SPEAKER, 0 } },
		.variants = { "speaker0.file=%T/sound;speaker0.limit=64K", "" },
		.exclusive = 1 },
	{ .name = "storage-raw",
		.parts = { { .plugin = "storage-raw", .name = "image0" } },
		.variants = { "image0.path=%T/image", "image0.path=%T/image;image0.mode=nonpersistent",
			"image0.path=%T/image;image0.cache=writethrough", "image0.path=%T/image;image0.readonly=yes",
			"image0.path=%T/image;image0.mode=nonpersistent;image0.size=3M" },
		.exclusive = 1 },
	{ .name = "char-file",
		.parts = { { .plugin = "char-file", .name = "line0" } },
		.variants = { "line0.file=%T/line", "line0.file=%T/line;line0.append=yes;line0.input=%T/image" },
		.exclusive = 1 },
	{ .name = "char-pty",
		.parts = { { .plugin = "char-pty", .name = "line0" } },
		.variants = { "", "line0.path=%T/pty" },
		.exclusive = 1 },
	{ .name = "char-socket",
		.parts = { { .plugin = "char-socket", .name = "line0" } },
		.variants = { "line0.path=%T/socket;line0.listen=yes;line0.telnet=yes",
			"line0.path=%T/socket;line0.reconnect=0",
			"line0.path=%T/socket;line0.listen=yes;line0.wait=yes",
			"line0.path=%T/socket;line0.buffer=100;line0.listen=yes" },
		.exclusive = 1 },
	/* What a fuzzer says must not leave this host: the guest is cut off from it. */
	{ .name = "net-nat",
		.parts = { { .plugin = "net-nat", .name = "nat0" } },
		.variants = { "nat0.restrict=yes",
			"nat0.restrict=yes;nat0.mtu=9000;nat0.hostname=guest;nat0.search=a.b",
			"nat0.restrict=yes;nat0.tftp=%T;nat0.bootfile=image", "nat0.restrict=yes;nat0.ipv6=no" } },
	{ .name = "net-dump",
		.parts = { { .plugin = "net-dump", .name = "dump0" } },
		.variants = { "dump0.file=%T/capture", "dump0.file=%T/capture;dump0.limit=4096;dump0.snaplen=100" },
		.exclusive = 1 },
	{ .name = "net-shape",
		.parts = { { .plugin = "net-shape", .name = "shape0" } },
		.variants = { "shape0.bandwidth=10M;shape0.queue=4096;shape0.latency=1",
			"shape0.loss=30;shape0.jitter=5", "shape0.bandwidth_up=1k", "" } },
	{ .name = "net-segment",
		.parts = { { .plugin = "net-segment", .name = "net0" }, { .plugin = "net-segment", .name = "net1" } },
		.variants = { "net0.folder=%T/segment;net1.folder=%T/segment" } },
	{ .name = "vga",
		.parts = { { .plugin = "vga", .name = "vga0" } },
		.variants = { "vga0.memory=1M", "vga0.memory=1M;vga0.rom=", "vga0.memory=4M" } },
};

static struct {
	struct bench alone; /* of a plugin without a row of its own */
	const struct bench *bench;
	const struct vmm_factory *factories[BENCH_PARTS];
	char folder[64];
	uint8_t *image;
	pid_t owner;
} opened;

static void file_write_all(const char *name, const void *data, size_t length)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", opened.folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, data, length) != (ssize_t)length) {
		fprintf(stderr, "%s: cannot be written\n", path);
		exit(1);
	}
	close(fd);
}

void bench_clean(void)
{
	if (opened.bench->exclusive)
		file_write_all("image", opened.image, IMAGE_SIZE);
}

static void folder_remove(void)
{
	static const char *const names[] = { "image", "kernel", "debug", "sound", "line", "pty", "socket", "capture",
		"segment/lock" };
	/* Not in a child that has only forked. */
	for (uint32_t i = 0; opened.owner == getpid() && i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/%s", opened.folder, names[i]);
		unlink(path);
	}
	if (opened.owner == getpid()) {
		char path[128];
		snprintf(path, sizeof(path), "%s/segment", opened.folder);
		rmdir(path);
		rmdir(opened.folder);
	}
}

/* A Multiboot kernel: only its header, loaded at 1 MiB (Multiboot 0.6.96, 3.1). */
static void files_make(void)
{
	static const uint32_t kernel[16] = { 0x1badb002, 0x00010000, -(0x1badb002u + 0x00010000u), 0x100000, 0x100000,
		0x100040, 0x101000, 0x100000 };
	const char *parent = getenv("TMPDIR");
	snprintf(opened.folder, sizeof(opened.folder), "%.40s/vmm-fuzz-XXXXXX", parent != NULL ? parent : "/tmp");
	if (mkdtemp(opened.folder) == NULL) {
		fprintf(stderr, "%s: cannot be made\n", opened.folder);
		exit(1);
	}
	opened.owner = getpid();
	atexit(folder_remove);
	opened.image = malloc(IMAGE_SIZE);
	for (uint32_t i = 0; i < IMAGE_SIZE; i++)
		opened.image[i] = (uint8_t)(i * 7 + (i >> 9) * 13);
	file_write_all("image", opened.image, IMAGE_SIZE);
	file_write_all("kernel", kernel, sizeof(kernel));
}

static const struct vmm_factory *factory_open(const char *plugin)
{
	static const char *const kinds[] = { VMM_KIND_DEVICE, VMM_KIND_CHAR, VMM_KIND_STORAGE, VMM_KIND_NET };
	char path[1024];
	snprintf(path, sizeof(path), "%s/plugins/%s/.libs/%s.so", fuzz_build, plugin, plugin);
	void *file = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct vmm_plugin *table = file != NULL ? dlsym(file, "vmm_plugin") : NULL;
	const struct vmm_factory *factory = NULL;
	if (table == NULL)
		fprintf(stderr, "%s\n", dlerror());
	for (uint32_t i = 0; table != NULL && factory == NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		factory = table->get_factory(kinds[i]);
	return factory;
}

const struct bench *bench_open(const char *name)
{
	opened.alone = (struct bench){ .name = name, .parts = { { .plugin = name, .name = "under-test" } } };
	opened.bench = &opened.alone;
	for (uint32_t i = 0; i < sizeof(benches) / sizeof(benches[0]); i++) {
		if (strcmp(benches[i].name, name) == 0)
			opened.bench = &benches[i];
	}
	for (uint32_t i = 0; i < BENCH_PARTS && opened.bench->parts[i].plugin != NULL; i++) {
		opened.factories[i] = factory_open(opened.bench->parts[i].plugin);
		if (opened.factories[i] == NULL)
			return NULL;
	}
	files_make();
	return opened.bench;
}

uint32_t bench_variants(const struct bench *bench)
{
	uint32_t count = 0;
	while (count < BENCH_VARIANTS && bench->variants[count] != NULL)
		count++;
	return count;
}

void bench_set(const struct bench *bench, uint32_t variant, struct fake *fake)
{
	const char *at = variant < bench_variants(bench) ? bench->variants[variant] : "";
	while (*at != '\0') {
		char section[32], key[32], value[256];
		size_t dot = strcspn(at, "."), equal = strcspn(at, "="), end = strcspn(at, ";");
		const char *text = at + equal + 1;
		snprintf(section, sizeof(section), "%.*s", (int)dot, at);
		snprintf(key, sizeof(key), "%.*s", (int)(equal - dot - 1), at + dot + 1);
		if (strncmp(text, "%T", 2) == 0)
			snprintf(value, sizeof(value), "%s%.*s", opened.folder, (int)(end - equal - 3), text + 2);
		else
			snprintf(value, sizeof(value), "%.*s", (int)(end - equal - 1), text);
		fake_set(fake, section, key, value);
		at += end + (at[end] == ';');
	}
}

int32_t bench_make(const struct bench *bench, struct fake *fake, struct fake_instance **parts, uint32_t *count)
{
	int32_t status = 0;
	for (*count = 0; status >= 0 && *count < BENCH_PARTS && bench->parts[*count].plugin != NULL; *count += 1) {
		parts[*count] = fake_make(fake, opened.factories[*count], 0, bench->parts[*count].name);
		status = parts[*count] != NULL ? fake_init(parts[*count]) : -1;
	}
	return status;
}

void bench_file(const char *name, const void *data, size_t length)
{
	file_write_all(name, data, length);
}

uint32_t bench_joined(const struct bench *bench, uint32_t part, const char *key)
{
	if (bench->parts[part].above != NULL && strcmp(bench->parts[part].below, key) == 0)
		return 1;
	for (uint32_t i = part + 1; i < BENCH_PARTS && bench->parts[i].plugin != NULL; i++) {
		if (bench->parts[i].above != NULL && bench->parts[i].parent == part &&
			strcmp(bench->parts[i].above, key) == 0)
			return 1;
	}
	return 0;
}
