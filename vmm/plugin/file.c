/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "vmm/plugin/file.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ltdl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/plugin/copy.h"

/* Nothing that another user can write is loaded: neither the file nor its folder. */
static int path_check(const char *path, const char *what, struct config_error *error)
{
	struct stat status;

	if (stat(path, &status)) {
		int result = -errno;

		config_fail(error, NULL, 0, "plugin %s %s cannot be read: %s", what, path, strerror(-result));
		return result;
	}
	if (status.st_uid != 0 && status.st_uid != geteuid()) {
		config_fail(error, NULL, 0, "plugin %s %s belongs to another user (uid %u): make it root's or yours",
			what, path, (unsigned)status.st_uid);
		return -EPERM;
	}
	if (status.st_mode & (S_IWGRP | S_IWOTH)) {
		config_fail(
			error, NULL, 0, "plugin %s %s can be written by other users: chmod go-w %s", what, path, path);
		return -EPERM;
	}
	return 0;
}

static int file_check(const char *path, struct config_error *error)
{
	/* What is loaded is what the link points to. */
	char *real = realpath(path, NULL), *slash;
	int result;

	if (!real) {
		result = -errno;
		config_fail(error, NULL, 0, "plugin file %s cannot be read: %s", path, strerror(-result));
		return result;
	}
	result = path_check(real, "file", error);
	slash = strrchr(real, '/');
	if (!result && slash) {
		slash[slash == real] = 0;
		result = path_check(real, "folder", error);
	}
	free(real);
	return result;
}

/* Is all of the file there that its headers speak of?  The loader maps it unseen, and would die of what is not. */
static bool file_whole(int fd, uint64_t size)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return false;
	/* Not of our kind: dlopen says so better than we could. */
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
		header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_phentsize != sizeof(segment))
		return true;
	for (unsigned i = 0; i < header.e_phnum; i++) {
		if (header.e_phoff > INT64_MAX - sizeof(segment) * UINT16_MAX ||
			pread(fd, &segment, sizeof(segment), (off_t)(header.e_phoff + i * sizeof(segment))) !=
				sizeof(segment))
			return false;
		if (segment.p_type != PT_NULL && segment.p_filesz &&
			(segment.p_offset > size || segment.p_filesz > size - segment.p_offset))
			return false;
	}
	return true;
}

static int file_whole_check(const char *path, struct config_error *error)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), result = fd < 0 || fstat(fd, &status) ? -errno : 0;

	if (result) {
		config_fail(error, NULL, 0, "plugin file %s cannot be read: %s", path, strerror(-result));
	} else if (!S_ISREG(status.st_mode) || !file_whole(fd, (uint64_t)status.st_size)) {
		config_fail(error, NULL, 0,
			"plugin %s is not a whole file (it was cut short, or is no file): install it anew", path);
		result = -ENOEXEC;
	}
	if (fd >= 0)
		close(fd);
	return result;
}

static int file_load(const char *path, lt_dlhandle *handle, struct config_error *error)
{
	lt_dladvise advise;
	void *probe;

	/* libltdl binds lazily, so that a missing symbol would kill us at its first call, and its messages say only
	 * "file not found": let dlopen look first.  See docs/plugins.md. */
	probe = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!probe) {
		config_fail(error, NULL, 0, "plugin %s cannot be loaded: %s: rebuild it, or install what it needs",
			path, dlerror());
		return -ENOEXEC;
	}
	if (lt_dlinit() || lt_dladvise_init(&advise)) {
		config_fail(error, NULL, 0, "plugin %s cannot be loaded: libltdl: %s", path, lt_dlerror());
		return -ENOEXEC;
	}
	lt_dladvise_local(&advise);
	lt_dladvise_resident(&advise);
	*handle = lt_dlopenadvise(path, advise);
	lt_dladvise_destroy(&advise);
	if (!*handle) {
		config_fail(error, NULL, 0, "plugin %s cannot be loaded: libltdl: %s", path, lt_dlerror());
		return -ENOEXEC;
	}
	return 0;
}

int plugin_file_open(const char *path, struct vmm_plugin *entry, struct config_error *error)
{
	const struct vmm_plugin *found;
	lt_dlhandle handle;
	int result = file_check(path, error);

	if (!result)
		result = file_whole_check(path, error);
	if (!result)
		result = file_load(path, &handle, error);
	if (result)
		return result;
	found = lt_dlsym(handle, "vmm_plugin");
	if (!found) {
		config_fail(error, NULL, 0,
			"%s is not a vmm plugin (it has no symbol vmm_plugin): build it with VMM_PLUGIN()", path);
		return -ENOEXEC;
	}
	if (found->magic != VMM_ABI_MAGIC || found->struct_size < offsetof(struct vmm_plugin, get_factory)) {
		config_fail(error, NULL, 0, "%s is not a vmm plugin (wrong magic number): build it with VMM_PLUGIN()",
			path);
		return -ENOEXEC;
	}
	if (found->abi_major != VMM_ABI_MAJOR) {
		config_fail(error, NULL, 0, "plugin %s has ABI %u, this vmm has ABI %u: rebuild it with this vmm's SDK",
			path, found->abi_major, VMM_ABI_MAJOR);
		return -ENOEXEC;
	}
	/* Until 1.0 a new minor version may break. */
	if (VMM_SDK_VERSION_MAJOR == 0 && found->sdk_version != VMM_SDK_VERSION) {
		config_fail(error, NULL, 0, "plugin %s was built with SDK %u.%u, this vmm has %u.%u: rebuild it", path,
			found->sdk_version >> 16, found->sdk_version & 0xffff, VMM_SDK_VERSION_MAJOR,
			VMM_SDK_VERSION_MINOR);
		return -ENOEXEC;
	}
	copy_struct(entry, sizeof(*entry), found, found->struct_size);
	if (!entry->get_factory) {
		config_fail(error, NULL, 0, "plugin %s has no get_factory: it is broken, rebuild it", path);
		return -ENOEXEC;
	}
	return 0;
}
