/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A kernel by the Multiboot Specification 0.6.96, with modules.
 */
#include <stdio.h>
#include <unistd.h>

#include "firmware.h"

#define HEADER_MAGIC 0x1badb002u
#define BOOT_MAGIC   0x2badb002u

#define HEADER_ALIGN    0x00000001u
#define HEADER_MEMORY   0x00000002u
#define HEADER_VIDEO    0x00000004u
#define HEADER_ADDRESS  0x00010000u
#define HEADER_REQUIRED 0x0000ffffu

#define INFO_MEMORY  0x0001u
#define INFO_CMDLINE 0x0004u
#define INFO_MODULES 0x0008u
#define INFO_MMAP    0x0040u
#define INFO_NAME    0x0200u

#define INFO_SIZE    120u
#define HIGH_MEMORY  0x100000u
#define STACK        0x00090000u
#define ELF_SEGMENTS 64u

static uint32_t find_header(const uint8_t *head, uint32_t length)
{
	for (uint32_t at = 0; at + 12 <= length; at += 4) {
		if (get32(head + at) == HEADER_MAGIC &&
			get32(head + at) + get32(head + at + 4) + get32(head + at + 8) == 0)
			return at;
	}
	return UINT32_MAX;
}

uint32_t multiboot_is(const uint8_t *head, uint32_t length)
{
	return find_header(head, length) != UINT32_MAX;
}

struct kernel {
	uint32_t entry;
	uint64_t end; /* first free byte above it */
};

/* A piece of the kernel may lie in low memory below the EBDA, or above 1 MiB. */
static int32_t check_range(struct firmware *firmware, const struct file *file, uint64_t address, uint64_t length)
{
	if (length <= UINT32_MAX &&
		((address >= 0x1000 && address + length <= EBDA_START) ||
			(address >= HIGH_MEMORY && address + length <= firmware->ram_top)))
		return 0;
	return fail(firmware, -ENOMEM, "give the machine more `memory =`, or check the kernel's link address",
		"%s wants to be loaded at %#llx, %llu bytes, where there is no free memory", file->path,
		(unsigned long long)address, (unsigned long long)length);
}

static int32_t load_piece(struct firmware *firmware, struct file *file, uint64_t offset, uint64_t size,
	uint64_t address, uint64_t span, struct kernel *kernel, uint32_t load)
{
	int32_t status = check_range(firmware, file, address, span);
	if (status >= 0)
		status = file_load(firmware, file, offset, size, address, load);
	if (status >= 0)
		status = guest_zero(firmware, address + size, span - size, load);
	if (address + span > kernel->end)
		kernel->end = address + span;
	return status;
}

/* The header's own address fields (a.out kludge). */
static int32_t load_flat(struct firmware *firmware, struct file *file, const uint8_t *header, uint32_t at,
	struct kernel *kernel, uint32_t load)
{
	uint32_t header_address = get32(header + 12);
	uint32_t start = get32(header + 16);
	uint32_t load_end = get32(header + 20);
	uint32_t bss_end = get32(header + 24);
	kernel->entry = get32(header + 28);
	if (header_address < start || header_address - start > at)
		return fail(firmware, -EINVAL, "check how the kernel was linked",
			"%s: the Multiboot header's load address lies before the file", file->path);
	uint64_t offset = at - (header_address - start);
	uint64_t size = load_end != 0 ? (uint64_t)load_end - start : file->size - offset;
	if ((load_end != 0 && load_end < start) || size > file->size - offset)
		return fail(firmware, -EINVAL, "get a complete copy of the file", "%s is truncated", file->path);
	uint64_t span = bss_end != 0 && (uint64_t)bss_end > start + size ? (uint64_t)bss_end - start : size;
	return load_piece(firmware, file, offset, size, start, span, kernel, load);
}

static int32_t load_elf(
	struct firmware *firmware, struct file *file, const uint8_t *head, struct kernel *kernel, uint32_t load)
{
	uint8_t program[32];
	if (memcmp(head, "\177ELF\1\1", 6) != 0 || get16(head + 18) != 3)
		return fail(firmware, -EINVAL, "build it as a 32-bit x86 ELF file, or with address fields",
			"%s has a Multiboot header but is not a 32-bit x86 ELF file", file->path);
	uint32_t table = get32(head + 28);
	uint32_t stride = get16(head + 42);
	uint32_t count = get16(head + 44);
	uint32_t entry = get32(head + 24);
	kernel->entry = entry;
	if (stride < sizeof(program) || count == 0 || count > ELF_SEGMENTS)
		return fail(firmware, -EINVAL, "check how the kernel was linked", "%s: bad ELF program headers",
			file->path);
	for (uint32_t i = 0; i < count; i++) {
		int32_t status = file_read(
			firmware, file, (uint64_t)table + (uint64_t)i * stride, program, sizeof(program));
		if (status < 0)
			return status;
		uint32_t virtual = get32(program + 8);
		uint32_t physical = get32(program + 12);
		uint32_t size = get32(program + 16);
		uint32_t span = get32(program + 20);
		if (get32(program) != 1 || span == 0)
			continue;
		if (size > span)
			return fail(firmware, -EINVAL, "check how the kernel was linked",
				"%s: an ELF segment is longer in the file than in memory", file->path);
		status = load_piece(firmware, file, get32(program + 4), size, physical, span, kernel, load);
		if (status < 0)
			return status;
		/* The entry point may be given as a virtual address. */
		if (entry >= virtual && entry - virtual < span)
			kernel->entry = entry - virtual + physical;
	}
	if (kernel->end == 0)
		return fail(firmware, -EINVAL, "check how the kernel was linked", "%s: nothing to load", file->path);
	return 0;
}

/* Things that lie above the kernel: modules, then the information and its strings. */
struct stack {
	struct firmware *firmware;
	uint64_t next;
	uint32_t load;
};

static int32_t reserve(struct stack *stack, uint64_t length, uint64_t alignment, uint64_t *address)
{
	*address = align_up(stack->next, alignment);
	if (*address > stack->firmware->ram_top || length > stack->firmware->ram_top - *address)
		return fail(stack->firmware, -ENOMEM, "give the machine more `memory =`",
			"the kernel's modules do not fit into memory");
	stack->next = *address + length;
	return 0;
}

static int32_t push_string(struct stack *stack, const char *text, uint64_t *address)
{
	int32_t status = reserve(stack, strlen(text) + 1, 4, address);
	return status < 0 ? status : guest_write(stack->firmware, *address, text, strlen(text) + 1, stack->load);
}

struct module {
	uint64_t start, end;
	char text[TEXT_SIZE];
};

/* "PATH" or "PATH ARGUMENTS". */
static int32_t load_module(struct stack *stack, struct module *module)
{
	struct firmware *firmware = stack->firmware;
	struct file file;
	char path[TEXT_SIZE];
	snprintf(path, sizeof(path), "%s", module->text);
	if (access(path, F_OK) != 0)
		path[strcspn(path, " ")] = '\0';
	int32_t status = file_open(firmware, &file, "module", path);
	if (status < 0)
		return status;
	status = reserve(stack, file.size, 4096, &module->start);
	module->end = module->start + file.size;
	if (status >= 0)
		status = file_load(firmware, &file, 0, file.size, module->start, stack->load);
	file_close(&file);
	return status;
}

static int32_t load_modules(struct stack *stack, uint8_t *info)
{
	struct firmware *firmware = stack->firmware;
	struct module *modules = calloc(MODULE_LIMIT, sizeof(*modules));
	uint8_t *table = calloc(MODULE_LIMIT, 16);
	uint32_t count = 0;
	uint64_t address;
	int32_t status = modules != NULL && table != NULL ? 0 : fail(firmware, -ENOMEM, "free memory", "out of memory");
	if (status >= 0 && firmware->initrd[0] != '\0')
		snprintf(modules[count++].text, TEXT_SIZE, "%s", firmware->initrd);
	for (uint32_t i = 0; status >= 0; i++) {
		char text[TEXT_SIZE];
		int32_t length = firmware->machine->get_string(
			firmware->host->context, "boot", "modules", i, text, sizeof(text));
		if (length < 0)
			break;
		if (count == MODULE_LIMIT)
			status = fail(firmware, -E2BIG, "leave some out", "more than %u modules", MODULE_LIMIT);
		else
			memcpy(modules[count++].text, text, sizeof(text));
	}
	for (uint32_t i = 0; status >= 0 && i < count; i++)
		status = load_module(stack, &modules[i]);
	for (uint32_t i = 0; status >= 0 && i < count; i++) {
		status = push_string(stack, modules[i].text, &address);
		put32(table + i * 16, (uint32_t)modules[i].start);
		put32(table + i * 16 + 4, (uint32_t)modules[i].end);
		put32(table + i * 16 + 8, (uint32_t)address);
	}
	if (status >= 0)
		status = reserve(stack, count * 16u, 16, &address);
	if (status >= 0)
		status = guest_write(firmware, address, table, count * 16u, stack->load);
	put32(info + 20, count);
	put32(info + 24, (uint32_t)address);
	free(modules);
	free(table);
	return status;
}

static int32_t push_map(struct stack *stack, uint8_t *info)
{
	struct e820_entry entries[E820_LIMIT];
	uint8_t map[E820_LIMIT * 24];
	uint32_t count = e820_build(stack->firmware, entries);
	uint64_t address;
	for (uint32_t i = 0; i < count; i++) {
		put32(map + i * 24, 20); /* the size field does not count itself */
		put64(map + i * 24 + 4, entries[i].start);
		put64(map + i * 24 + 12, entries[i].length);
		put32(map + i * 24 + 20, entries[i].type);
	}
	put32(info + 44, count * 24);
	int32_t status = reserve(stack, count * 24u, 16, &address);
	put32(info + 48, (uint32_t)address);
	return status < 0 ? status : guest_write(stack->firmware, address, map, count * 24u, stack->load);
}

static int32_t push_info(struct stack *stack, uint64_t *address)
{
	struct firmware *firmware = stack->firmware;
	uint8_t info[INFO_SIZE] = { 0 };
	char *text = malloc(PATH_SIZE + TEXT_SIZE + 2);
	uint64_t string = 0;
	if (text == NULL)
		return fail(firmware, -ENOMEM, "free memory", "out of memory");
	put32(info, INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MMAP | INFO_NAME);
	put32(info + 4, EBDA_START >> 10);
	put32(info + 8, (firmware->ram_top - HIGH_MEMORY) >> 10);
	/* As boot loaders do it, the kernel's own name comes first. */
	snprintf(text, PATH_SIZE + TEXT_SIZE + 2, "%s%s%s", firmware->kernel, firmware->cmdline[0] != '\0' ? " " : "",
		firmware->cmdline);
	int32_t status = load_modules(stack, info);
	if (status >= 0)
		status = push_string(stack, text, &string);
	put32(info + 16, (uint32_t)string);
	if (status >= 0)
		status = push_string(stack, "vmm", &string);
	put32(info + 64, (uint32_t)string);
	if (status >= 0)
		status = push_map(stack, info);
	if (status >= 0)
		status = reserve(stack, sizeof(info), 16, address);
	if (status >= 0)
		status = guest_write(firmware, *address, info, sizeof(info), stack->load);
	free(text);
	return status;
}

int32_t multiboot_load(struct firmware *firmware, struct file *file, struct entry *entry, uint32_t load)
{
	uint8_t head[HEAD_SIZE + 64] = { 0 };
	uint32_t length = file->size < HEAD_SIZE ? (uint32_t)file->size : HEAD_SIZE;
	struct kernel kernel = { 0 };
	uint64_t info = 0;
	int32_t status = file_read(firmware, file, 0, head, length);
	uint32_t at = find_header(head, length);
	if (status < 0 || at == UINT32_MAX)
		return status < 0 ? status : -EINVAL;
	uint32_t flags = get32(head + at + 4);
	/* A text screen is what there is; mode_type 1 asks for just that. */
	if ((flags & HEADER_VIDEO) != 0 && (at + 48 > length || get32(head + at + 32) != 1))
		return fail(firmware, -ENOTSUP, "boot it with a boot loader from a disk image",
			"%s asks its boot loader for a graphics mode", file->path);
	if ((flags & HEADER_REQUIRED & ~(HEADER_ALIGN | HEADER_MEMORY | HEADER_VIDEO)) != 0)
		return fail(firmware, -ENOTSUP, "boot it with a boot loader from a disk image",
			"%s requires Multiboot features %#x, which are not known", file->path, flags & HEADER_REQUIRED);
	if ((flags & HEADER_ADDRESS) != 0)
		status = load_flat(firmware, file, head + at, at, &kernel, load);
	else
		status = load_elf(firmware, file, head, &kernel, load);
	struct stack stack = { firmware, kernel.end > HIGH_MEMORY ? kernel.end : HIGH_MEMORY, load };
	if (status >= 0)
		status = push_info(&stack, &info);
	*entry = (struct entry){ .eax = BOOT_MAGIC, .ebx = (uint32_t)info, .esp = STACK, .eip = kernel.entry };
	return status;
}
