/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* What dd does: blocks of 64 KiB from /dev/zero to a file in memory, and from there to /dev/null. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"

#define FILE_NAME "bench-dd"
#define BLOCK     65536
#define BLOCKS    32

static int zero = -1, null = -1, file = -1;

static int dd_begin(void)
{
	zero = open("/dev/zero", O_RDONLY);
	null = open("/dev/null", O_WRONLY);
	file = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
	return zero < 0 || null < 0 || file < 0 ? -errno : 0;
}

static uint64_t copy(int from, int to)
{
	static unsigned char block[BLOCK];
	uint64_t blocks = 0;

	memset(block, 1, sizeof(block));
	for (int i = 0; i < BLOCKS; i++)
		blocks += read(from, block, BLOCK) == BLOCK && write(to, block, BLOCK) == BLOCK && !block[i] &&
			!block[BLOCK - 1];
	return blocks;
}

static uint64_t dd_round(void)
{
	uint64_t blocks = 0;

	if (!ftruncate(file, 0) && !lseek(file, 0, SEEK_SET))
		blocks += copy(zero, file);
	if (!lseek(file, 0, SEEK_SET))
		blocks += copy(file, null);
	return blocks;
}

static void dd_end(void)
{
	unlink(FILE_NAME);
	close(file);
	close(null);
	close(zero);
}

const struct program dd_program = { "dd", "kernel", 2 * BLOCKS, dd_begin, dd_round, dd_end };
