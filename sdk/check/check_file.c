/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What can be seen without running anything: the file's symbols, and the descriptor's tables.
 */
#include "check.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* A piece of the file, or NULL if it is not all there. */
static const void *piece(const uint8_t *file, size_t size, uint64_t offset, uint64_t length)
{
	return offset <= size && length <= size - offset ? file + offset : NULL;
}

static int32_t symbols_read(const uint8_t *file, size_t size, char *cause, uint32_t length)
{
	const Elf64_Ehdr *header = piece(file, size, 0, sizeof(*header));
	uint32_t entry = 0;
	uint32_t sanitized = 0;
	uint64_t constructors = 0;
	if (header == NULL || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
		header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_type != ET_DYN || header->e_machine != EM_X86_64) {
		snprintf(cause, length, "it is not a shared object for x86-64");
		return -1;
	}
	for (uint32_t i = 0; i < header->e_shnum; i++) {
		const Elf64_Shdr *section = piece(
			file, size, header->e_shoff + (uint64_t)i * sizeof(*section), sizeof(*section));
		if (section == NULL)
			break;
		if (section->sh_type == SHT_INIT_ARRAY)
			constructors = section->sh_size / sizeof(void *);
		if (section->sh_type != SHT_DYNSYM)
			continue;
		const Elf64_Shdr *names = piece(
			file, size, header->e_shoff + (uint64_t)section->sh_link * sizeof(*names), sizeof(*names));
		for (uint64_t k = 1; names != NULL && k < section->sh_size / sizeof(Elf64_Sym); k++) {
			const Elf64_Sym *symbol = piece(
				file, size, section->sh_offset + k * sizeof(*symbol), sizeof(*symbol));
			if (symbol == NULL || symbol->st_name >= names->sh_size)
				break;
			const char *name = piece(file, size, names->sh_offset + symbol->st_name, 1);
			if (name == NULL)
				break;
			sanitized |= strncmp(name, "__asan_", 7) == 0 || strncmp(name, "__ubsan_", 8) == 0;
			if (symbol->st_shndx == SHN_UNDEF || ELF64_ST_BIND(symbol->st_info) == STB_LOCAL)
				continue;
			size_t used = strlen(name);
			if (strcmp(name, "vmm_plugin") == 0)
				entry = 1;
			else if ((used < 16 || strcmp(name + used - 15, "_LTX_vmm_plugin") != 0) && name[0] != '_') {
				snprintf(cause, length,
					"it exports %s: compile with -fvisibility=hidden or make it static", name);
				return -1;
			}
		}
	}
	if (!entry) {
		snprintf(cause, length, "it has no symbol vmm_plugin: export it with VMM_PLUGIN()");
		return -1;
	}
	/* One is the compiler's own (frame_dummy); a sanitizer adds another. */
	if (constructors > 1 && !sanitized) {
		snprintf(cause, length, "%llu functions run when it is loaded: do that work in init",
			(unsigned long long)constructors - 1);
		return -1;
	}
	return 0;
}

int32_t check_symbols(const char *path, char *cause, uint32_t size)
{
	struct stat status;
	int32_t result = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) < 0 || status.st_size == 0) {
		snprintf(cause, size, "it cannot be read: %s", strerror(fd < 0 ? errno : ENODATA));
	} else {
		void *file = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (file != MAP_FAILED) {
			result = symbols_read(file, (size_t)status.st_size, cause, size);
			munmap(file, (size_t)status.st_size);
		}
	}
	if (fd >= 0)
		close(fd);
	return result;
}

/* Texts. */

static void text_check(struct check *check, const char *text, const char *what)
{
	if (text == NULL || text[0] == '\0')
		check_fail(check, "fill it in", "the descriptor has no %s", what);
	else if (strpbrk(text, "\n\r\t") != NULL)
		check_fail(check, "write it in one line", "the descriptor's %s has more than one line", what);
}

static uint32_t is_key(const char *key)
{
	const char *at = key;
	if (key == NULL || !((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')))
		return 0;
	for (; *at != '\0'; at++) {
		if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
			    *at == '-' || *at == '_'))
			return 0;
	}
	return at - key < 32;
}

static uint32_t is_id(const char *id)
{
	uint32_t dots = 0;
	for (const char *at = id; *at != '\0'; at++) {
		if (*at == '.')
			dots++;
		else if (!((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '-'))
			return 0;
	}
	return dots >= 2 && strlen(id) < 64;
}

/* A default must pass its own row. */
static uint32_t default_fits(const struct vmm_param *row)
{
	static const char *const words[] = { "yes", "no", "true", "false", "on", "off", "1", "0" };
	const char *text = row->default_value;
	uint32_t ranged = row->minimum != 0 || row->maximum != 0;
	char *end;
	switch (row->type) {
	case VMM_PARAM_BOOL:
		for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (strcmp(words[i], text) == 0)
				return 1;
		}
		return 0;
	case VMM_PARAM_INT:
	case VMM_PARAM_SIZE: {
		errno = 0;
		int64_t value = strtoll(text, &end, 0);
		const char *unit = row->type == VMM_PARAM_SIZE && *end != '\0' ? strchr("KMGT", *end) : NULL;
		if (unit != NULL) {
			value <<= 10 * (unit - "KMGT" + 1);
			end++;
		}
		return errno == 0 && end != text && *end == '\0' &&
			(!ranged || (value >= row->minimum && value <= row->maximum));
	}
	case VMM_PARAM_CHOICE:
		for (const char *at = row->choices; *at != '\0';) {
			size_t length = strcspn(at, "|");
			if (strlen(text) == length && memcmp(at, text, length) == 0)
				return 1;
			at += length + (at[length] == '|');
		}
		return 0;
	case VMM_PARAM_STRING:
		return row->maximum == 0 ||
			((int64_t)strlen(text) >= row->minimum && (int64_t)strlen(text) <= row->maximum);
	default: return 1;
	}
}

static void param_check(struct check *check, const struct vmm_param *row)
{
	if (!is_key(row->key)) {
		check_fail(check, "begin with a letter; letters, digits, - and _, up to 31", "a parameter's key is %s",
			row->key != NULL ? row->key : "missing");
		return;
	}
	if (row->type < VMM_PARAM_BOOL || row->type > VMM_PARAM_LIST)
		check_fail(check, "use VMM_PARAM_*", "parameter %s has type %u", row->key, row->type);
	else if (row->struct_size < offsetof(struct vmm_param, help) + sizeof(row->help))
		check_fail(check, "set it to sizeof(struct vmm_param)", "parameter %s has struct_size %u", row->key,
			row->struct_size);
	else if (row->minimum > row->maximum)
		check_fail(check, "swap them", "parameter %s has a minimum above its maximum", row->key);
	else if (row->type == VMM_PARAM_CHOICE && (row->choices == NULL || row->choices[0] == '\0'))
		check_fail(check, "list them, parted by |", "parameter %s has no choices", row->key);
	else if ((row->flags & VMM_PARAM_REQUIRED) != 0 && row->default_value != NULL)
		check_fail(check, "drop one of the two", "parameter %s is required and has a default", row->key);
	else if (row->default_value != NULL && !default_fits(row))
		check_fail(check, "change the default or the row",
			"parameter %s has the default %s, which its own row refuses", row->key, row->default_value);
	else if (row->help == NULL || row->help[0] == '\0')
		check_fail(check, "say in a sentence what it does", "parameter %s has no help", row->key);
}

static void port_check(struct check *check, const struct vmm_port_row *row)
{
	if (!is_key(row->key))
		check_fail(check, "begin with a letter; letters, digits, - and _, up to 31", "a port's key is %s",
			row->key != NULL ? row->key : "missing");
	else if (row->role != VMM_ROLE_UPPER && row->role != VMM_ROLE_LOWER)
		check_fail(check, "use VMM_ROLE_UPPER or VMM_ROLE_LOWER", "port %s has role %u", row->key, row->role);
	else if (row->interfaces == NULL || strchr(row->interfaces, '/') == NULL)
		check_fail(check, "name it as vmm.port.NAME/REVISION", "port %s has no interface", row->key);
	else if ((row->flags & VMM_PORT_BUS) != 0 && row->role != VMM_ROLE_UPPER)
		check_fail(check, "a bus is the upper side", "port %s is a bus and lower", row->key);
	else if ((row->flags & VMM_PORT_CHILD) != 0 && row->role != VMM_ROLE_LOWER)
		check_fail(check, "a child is the lower side", "port %s is a child and upper", row->key);
	else if (row->address_first > row->address_last)
		check_fail(check, "swap them", "port %s has its first address above its last", row->key);
	else if (row->help == NULL || row->help[0] == '\0')
		check_fail(check, "say in a sentence what it is for", "port %s has no help", row->key);
}

void check_descriptor(struct check *check)
{
	const struct vmm_descriptor *descriptor = check->descriptor;
	uint32_t children = 0;
	check_doing(check, "reading the descriptor");
	if (descriptor->struct_size < offsetof(struct vmm_descriptor, ports) + sizeof(descriptor->ports)) {
		check_fail(check, "set it to sizeof(struct vmm_descriptor)", "the descriptor has struct_size %u",
			descriptor->struct_size);
		return;
	}
	text_check(check, descriptor->id, "id");
	text_check(check, descriptor->name, "name");
	text_check(check, descriptor->version, "version");
	text_check(check, descriptor->licence, "licence");
	text_check(check, descriptor->description, "description");
	if (!check->failed && !is_id(descriptor->id))
		check_fail(check, "write it as com.vendor.name: lower case letters, digits and -", "the id is %s",
			descriptor->id);
	if (descriptor->thread_model != VMM_THREAD_MACHINE)
		check_fail(check, "use VMM_THREAD_MACHINE", "thread model %u is not known", descriptor->thread_model);
	if (descriptor->param_count > 0 &&
		(descriptor->params == NULL || descriptor->param_stride < sizeof(uint32_t) * 4 ||
			descriptor->param_stride % 8))
		check_fail(check, "set params and param_stride", "the table of parameters has stride %u",
			descriptor->param_stride);
	if (descriptor->port_count > 0 &&
		(descriptor->ports == NULL || descriptor->port_stride < sizeof(uint32_t) * 4 ||
			descriptor->port_stride % 8))
		check_fail(check, "set ports and port_stride", "the table of ports has stride %u",
			descriptor->port_stride);
	for (uint32_t i = 0; i < descriptor->param_count && !check->failed; i++) {
		param_check(check, check_param(descriptor, i));
		for (uint32_t k = 0; k < i && !check->failed; k++) {
			if (strcmp(check_param(descriptor, i)->key, check_param(descriptor, k)->key) == 0)
				check_fail(check, "rename one", "two parameters are called %s",
					check_param(descriptor, i)->key);
		}
	}
	for (uint32_t i = 0; i < descriptor->port_count && !check->failed; i++) {
		port_check(check, check_port(descriptor, i));
		children += (check_port(descriptor, i)->flags & VMM_PORT_CHILD) != 0;
	}
	if (children > 1)
		check_fail(check, "keep one", "%u ports are children of a bus", children);
	snprintf(check->detail, sizeof(check->detail), "%u parameters, %u ports", descriptor->param_count,
		descriptor->port_count);
}
