/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The code cache's memory: the same pages twice, executable at one place and writable at another, never both at one.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create, mremap */
#endif
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/translate/t1.h"

/* perf(1) looks for names of code that it finds in anonymous memory, but not in a memfd. */
static int anonymous_map(uint8_t *code, size_t size, uint8_t **writable)
{
	uint8_t *other;

	if (mmap(code, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) ==
		MAP_FAILED)
		return -errno;
	/* From a shared mapping, this makes another of the same pages: mremap(2), old_size zero. */
	other = mremap(code, 0, size, MREMAP_MAYMOVE);
	if (other == MAP_FAILED)
		return -errno;
	if (mprotect(other, size, PROT_READ | PROT_WRITE)) {
		int error = -errno;

		munmap(other, size);
		return error;
	}
	*writable = other;
	return 0;
}

/* Where a policy of the host's lets only files be code. */
static int memfd_map(uint8_t *code, size_t size, uint8_t **writable)
{
	int fd = memfd_create("vmm-code", MFD_CLOEXEC), error = 0;
	uint8_t *other;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0 ||
		mmap(code, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
		error = -errno;
	} else {
		other = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (other == MAP_FAILED)
			error = -errno;
		else
			*writable = other;
	}
	close(fd);
	return error;
}

int t1_cache_map(uint8_t *code, size_t size, uint8_t **writable)
{
	return anonymous_map(code, size, writable) ? memfd_map(code, size, writable) : 0;
}
