/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Pieces of a file in memory mapped, read and written, write-protected, moved to another size and unmapped. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "bench.h"

#define FILE_NAME "bench-mmap"
#define PAGE      4096
#define PIECE     (16 * PAGE)
#define PIECES    32

static int file = -1;

static int mmap_begin(void)
{
	file = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
	return file < 0 || ftruncate(file, PIECES * PIECE) ? -errno : 0;
}

static uint64_t piece(int number)
{
	uint64_t right = 0;
	unsigned char *p = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED, file, number * PIECE);

	if (p == MAP_FAILED)
		return 0;
	for (int i = 0; i < PIECE; i += 4 * PAGE)
		p[i] = (unsigned char)number;
	right += !mprotect(p, PIECE, PROT_READ);
	for (int i = 0; i < PIECE; i += 4 * PAGE)
		right += p[i] == number && !p[i + PAGE - 1];
	p = mremap(p, PIECE, PIECE / 2, 0);
	return p == MAP_FAILED || munmap(p, PIECE / 2) ? 0 : right;
}

static uint64_t mmap_round(void)
{
	uint64_t right = 0;

	for (int i = 0; i < PIECES; i++)
		right += piece(i);
	return right;
}

static void mmap_end(void)
{
	close(file);
	unlink(FILE_NAME);
}

const struct program mmap_program = { "mmap", "kernel", 5 * PIECES, mmap_begin, mmap_round, mmap_end };
