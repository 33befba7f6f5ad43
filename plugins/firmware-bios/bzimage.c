/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A Linux bzImage by the 32-bit boot protocol (Linux, Documentation/arch/x86/boot.rst).
 */
#include "firmware.h"

/* The boot_params page lies where kernels before protocol 2.02 look for it; the command line follows. */
#define BOOT_PARAMS 0x00090000u
#define CMDLINE     0x00091000u
#define STACK       0x00090000u
#define HIGH_MEMORY 0x00100000u

/* Offsets of the setup header, and of boot_params. */
enum {
	P_EXT_MEM_K = 0x002,
	P_ALT_MEM_K = 0x1e0,
	P_CL_MAGIC = 0x020,
	P_CL_OFFSET = 0x022,
	P_RSDP = 0x070,
	P_E820_COUNT = 0x1e8,
	P_SETUP_SECTS = 0x1f1,
	P_SYSSIZE = 0x1f4,
	P_VID_MODE = 0x1fa,
	P_BOOT_FLAG = 0x1fe,
	P_JUMP = 0x200,
	P_HEADER = 0x202,
	P_VERSION = 0x206,
	P_LOADER = 0x210,
	P_LOADFLAGS = 0x211,
	P_CODE32_START = 0x214,
	P_RAMDISK_IMAGE = 0x218,
	P_RAMDISK_SIZE = 0x21c,
	P_CMDLINE = 0x228,
	P_INITRD_MAX = 0x22c,
	P_ALIGNMENT = 0x230,
	P_RELOCATABLE = 0x234,
	P_CMDLINE_SIZE = 0x238,
	P_PREF_ADDRESS = 0x258,
	P_INIT_SIZE = 0x260,
	P_E820 = 0x2d0,
	P_LENGTH = 0x1000,
};
#define HEADER_END  0x268
#define LOADED_HIGH 0x01

uint32_t bzimage_is(const uint8_t *head, uint32_t length)
{
	return length >= HEADER_END && get16(head + P_BOOT_FLAG) == 0xaa55 && memcmp(head + P_HEADER, "HdrS", 4) == 0;
}

struct image {
	uint32_t version;
	uint64_t setup_size, size; /* in the file: setup code, protected-mode code */
	uint64_t address, span;    /* in memory: where it is put, and what it needs there */
	uint64_t initrd, initrd_size;
};

static int32_t measure(struct firmware *firmware, struct file *file, const uint8_t *head, struct image *image)
{
	static const char remedy[] = "use a bzImage of Linux 1.3.73 or later";
	uint32_t sectors = head[P_SETUP_SECTS] != 0 ? head[P_SETUP_SECTS] : 4;
	image->version = get16(head + P_VERSION);
	if (image->version < 0x0200)
		return fail(firmware, -EINVAL, remedy, "%s has the old boot protocol %u.%02u", file->path,
			image->version >> 8, image->version & 0xff);
	if ((head[P_LOADFLAGS] & LOADED_HIGH) == 0)
		return fail(firmware, -EINVAL, remedy, "%s is a zImage, which loads low", file->path);
	image->setup_size = (sectors + 1) * 512u;
	if (file->size <= image->setup_size)
		return fail(firmware, -EINVAL, "get a complete copy of the file", "%s is truncated", file->path);
	image->size = file->size - image->setup_size;
	uint64_t stated = (uint64_t)(image->version >= 0x0204 ? get32(head + P_SYSSIZE) : get16(head + P_SYSSIZE)) * 16;
	if (image->version >= 0x0204 && image->size + 15 < stated)
		return fail(firmware, -EINVAL, "get a complete copy of the file",
			"%s is truncated: %llu bytes of %llu are there", file->path, (unsigned long long)image->size,
			(unsigned long long)stated);

	image->address = HIGH_MEMORY;
	image->span = image->size;
	uint64_t alignment = 0;
	if (image->version >= 0x0205 && head[P_RELOCATABLE] != 0)
		alignment = get32(head + P_ALIGNMENT);
	if (image->version >= 0x020a) {
		uint64_t init_size = get32(head + P_INIT_SIZE);
		image->span = init_size > image->span ? init_size : image->span;
	}
	if (alignment != 0 && (alignment & (alignment - 1)) == 0 && alignment <= 0x40000000) {
		image->address = align_up(HIGH_MEMORY, alignment);
		uint64_t preferred = image->version >= 0x020a ? get64(head + P_PREF_ADDRESS) : 0;
		if (preferred >= HIGH_MEMORY && preferred < firmware->ram_top &&
			image->span <= firmware->ram_top - preferred)
			image->address = preferred;
	}
	if (image->address > firmware->ram_top || image->span > firmware->ram_top - image->address)
		return fail(firmware, -ENOMEM, "give the machine more `memory =`",
			"%s needs %llu MiB of memory from address %#llx", file->path,
			(unsigned long long)(image->span >> 20), (unsigned long long)image->address);
	return 0;
}

static int32_t place_initrd(
	struct firmware *firmware, const struct file *initrd, const uint8_t *head, struct image *image)
{
	uint64_t limit = image->version >= 0x0203 ? get32(head + P_INITRD_MAX) + UINT64_C(1) : 0x38000000;
	if (limit > firmware->ram_top)
		limit = firmware->ram_top;
	image->initrd_size = initrd->size;
	uint64_t floor = image->address + image->span;
	if (initrd->size > limit || ((limit - initrd->size) & ~UINT64_C(0xfff)) < floor)
		return fail(firmware, -ENOMEM, "give the machine more `memory =`, or use a smaller initrd",
			"the initrd %s of %llu KiB does not fit into memory beside the kernel", initrd->path,
			(unsigned long long)(initrd->size >> 10));
	image->initrd = (limit - initrd->size) & ~UINT64_C(0xfff);
	return 0;
}

static void fill_memory_map(struct firmware *firmware, uint8_t *params)
{
	struct e820_entry entries[E820_LIMIT];
	uint32_t count = e820_build(firmware, entries);
	params[P_E820_COUNT] = (uint8_t)count;
	for (uint32_t i = 0; i < count; i++) {
		put64(params + P_E820 + i * 20, entries[i].start);
		put64(params + P_E820 + i * 20 + 8, entries[i].length);
		put32(params + P_E820 + i * 20 + 16, entries[i].type);
	}
	uint64_t above = (firmware->ram_top - HIGH_MEMORY) >> 10;
	put16(params + P_EXT_MEM_K, above > 0xfc00 ? 0xfc00 : (uint32_t)above);
	put32(params + P_ALT_MEM_K, (uint32_t)above);
}

/* screen_info: an 80x25 text screen, if there is a card for it. */
static void fill_screen(struct firmware *firmware, uint8_t *params)
{
	if (!firmware->machine->has_plugin(firmware->host->context, "org.vmm.vga"))
		return;
	params[0x06] = 3;  /* mode */
	params[0x07] = 80; /* columns */
	params[0x0e] = 25; /* lines */
	params[0x0f] = 1;  /* VGA */
	params[0x10] = 16; /* points */
}

static int32_t fill_params(struct firmware *firmware, const uint8_t *head, const struct image *image, uint32_t load)
{
	uint8_t params[P_LENGTH] = { 0 };
	uint32_t cmdline = (uint32_t)strlen(firmware->cmdline);
	uint32_t limit = image->version >= 0x0206 ? get32(head + P_CMDLINE_SIZE) : 255;
	if (cmdline > limit)
		return fail(firmware, -E2BIG, "shorten [boot] cmdline",
			"the command line has %u characters; this kernel takes %u", cmdline, limit);
	/* The header ends where its jump instruction leads to. */
	uint32_t end = P_HEADER + head[P_JUMP + 1];
	if (end > P_E820)
		end = P_E820;
	memcpy(params + P_SETUP_SECTS, head + P_SETUP_SECTS, end - P_SETUP_SECTS);
	params[P_LOADER] = 0xff;
	params[P_LOADFLAGS] |= LOADED_HIGH;
	put16(params + P_VID_MODE, 0xffff);
	put32(params + P_CODE32_START, (uint32_t)image->address);
	if (image->initrd_size != 0) {
		put32(params + P_RAMDISK_IMAGE, (uint32_t)image->initrd);
		put32(params + P_RAMDISK_SIZE, (uint32_t)image->initrd_size);
	}
	if (image->version >= 0x0202) {
		put32(params + P_CMDLINE, CMDLINE);
	} else {
		put16(params + P_CL_MAGIC, 0xa33f);
		put16(params + P_CL_OFFSET, CMDLINE - BOOT_PARAMS);
	}
	if (image->version >= 0x020e)
		put64(params + P_RSDP, firmware->rsdp);
	fill_memory_map(firmware, params);
	fill_screen(firmware, params);
	int32_t status = guest_write(firmware, BOOT_PARAMS, params, sizeof(params), load);
	return status < 0 ? status : guest_write(firmware, CMDLINE, firmware->cmdline, cmdline + 1, load);
}

int32_t bzimage_load(struct firmware *firmware, struct file *file, struct entry *entry, uint32_t load)
{
	uint8_t head[HEAD_SIZE] = { 0 };
	struct image image = { 0 };
	struct file initrd = { .fd = -1 };
	int32_t status = file_read(firmware, file, 0, head, file->size < HEAD_SIZE ? (uint32_t)file->size : HEAD_SIZE);
	if (status >= 0)
		status = measure(firmware, file, head, &image);
	if (status >= 0 && firmware->initrd[0] != '\0') {
		status = file_open(firmware, &initrd, "initrd", firmware->initrd);
		if (status >= 0)
			status = place_initrd(firmware, &initrd, head, &image);
		if (status >= 0)
			status = file_load(firmware, &initrd, 0, initrd.size, image.initrd, load);
	}
	if (status >= 0)
		status = file_load(firmware, file, image.setup_size, image.size, image.address, load);
	if (status >= 0)
		status = fill_params(firmware, head, &image, load);
	file_close(&initrd);
	*entry = (struct entry){ .esi = BOOT_PARAMS, .esp = STACK, .eip = (uint32_t)image.address };
	return status;
}
