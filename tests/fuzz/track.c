/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Target: IMAGE.cbt, which says what has changed.  The input is its header and its table, which lies at 4096; the last
 * 16 bytes choose what is done.  Whatever the file holds, what is written is changed, and nothing that was changed
 * before is not any more.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm/block/image.h>

#include "../disk/host.h"
#include "tests/fuzz/input.h"

#define CHOICES 16u
#define HEADER  80u
#define TABLE   4096u
#define BLOCK   UINT64_C(65536)
#define BLOCKS  24u
#define MOST    (2 * BLOCKS) /* after a resize */

static char path[256], tracks[256];

static void quiet_fail(void *context, const char *cause, const char *remedy)
{
	(void)context;
	if (getenv("FUZZ_TRACE") != NULL)
		fprintf(stderr, "fail: %s: %s\n", cause, remedy);
	if (cause[0] == '\0' || remedy == NULL || remedy[0] == '\0')
		abort();
}

static const struct vmm_host host = HOST_WITH(NULL, host_quiet, quiet_fail);

static void put(const char *file, const uint8_t *data, size_t length, uint64_t offset, uint64_t end)
{
	int fd = open(file, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || pwrite(fd, data, length, (off_t)offset) != (ssize_t)length ||
		(end != 0 && ftruncate(fd, (off_t)end) != 0))
		exit(1);
	close(fd);
}

static struct vmm_block_image *image_open(uint32_t flags)
{
	static const struct vmm_block_format *const raw[] = { &vmm_block_raw };
	struct vmm_block_image *image;
	if (vmm_block_image_open(&host, raw, 1, path, flags, &image) < 0)
		abort();
	return image;
}

/* Which blocks are changed since then; false: that is no mark. */
static uint32_t changes(struct vmm_block_image *image, uint64_t since, uint8_t is[MOST])
{
	uint64_t same = 0;
	memset(is, 0, MOST);
	for (uint64_t offset = 0; offset < image->length; offset += same) {
		uint32_t changed = 2;
		if (vmm_block_image_changed(image, since, offset, image->length - offset, &same, &changed) < 0)
			return 0;
		if (same == 0 || same > image->length - offset || changed > 1)
			abort();
		for (uint64_t i = offset / BLOCK; i * BLOCK < offset + same; i++)
			is[i] = (uint8_t)changed;
	}
	return 1;
}

static void still_changed(const uint8_t before[MOST], const uint8_t now[MOST])
{
	for (uint32_t i = 0; i < MOST; i++) {
		if (before[i] && !now[i])
			abort();
	}
}

/* Written, or zeroed: false if it could not be. */
static uint32_t block_change(struct vmm_block_image *image, uint64_t block, uint32_t how)
{
	static const uint8_t data[512] = { 1 };
	uint64_t offset = block * BLOCK % image->length;
	return (how & 1 ? vmm_block_image_write(image, data, sizeof(data), offset)
			: vmm_block_image_zero(image, 512, offset, how & 2)) == 0;
}

static void write_and_mark(struct vmm_block_image *image, struct input *choices)
{
	uint8_t now[MOST];
	uint64_t mark, last = 0;
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t what = (uint32_t)input_take(choices, 1);
		if (vmm_block_image_mark(image, what & 4, &mark) < 0)
			return;
		if (mark <= last || !changes(image, mark, now))
			abort();
		last = mark;
		for (uint32_t k = 0; k < MOST; k++) {
			if (now[k])
				abort(); /* nobody has written since */
		}
		uint64_t block = (what >> 3) % (image->length / BLOCK);
		if (!block_change(image, block, what))
			continue;
		if (!changes(image, mark, now) || !now[block])
			abort();
		if ((what & 0x80) && vmm_block_image_resize(image, (1 + what % MOST) * BLOCK) < 0)
			abort();
	}
}

static void file_use(struct input *choices)
{
	uint8_t before[MOST], now[MOST];
	/* Long ago: later ones than were given are refused. */
	uint64_t since = input_take(choices, 4) & 0x3fffffff;
	struct vmm_block_image *image = image_open(VMM_BLOCK_READONLY);
	uint32_t known = changes(image, since, before);
	vmm_block_image_close(image);
	image = image_open(0);
	uint32_t block = (uint32_t)input_take(choices, 1) % BLOCKS;
	if (block_change(image, block, (uint32_t)input_take(choices, 1))) {
		if (known && !changes(image, since, now))
			abort();
		before[block] = 1;
		if (known)
			still_changed(before, now);
		/* As others see it. */
		struct vmm_block_image *other = image_open(VMM_BLOCK_UNLOCKED);
		if (known && !changes(other, since, now))
			abort();
		if (known)
			still_changed(before, now);
		vmm_block_image_close(other);
	}
	write_and_mark(image, choices);
	uint64_t length = image->length / BLOCK;
	vmm_block_image_close(image);
	image = image_open(VMM_BLOCK_READONLY);
	if (known && length >= BLOCKS && changes(image, since, now))
		still_changed(before, now);
	vmm_block_image_close(image);
}

/* What no input would have right. */
static void correct(uint8_t *head, uint32_t choice)
{
	char id[64] = "";
	uint32_t at = 48;
	if (choice & 1) {
		memcpy(head, "VMM CBT1", 8);
		vmm_block_put_le32(head + 8, 1);
		vmm_block_put_le32(head + 12, (uint32_t)BLOCK);
	}
	if (choice & 2)
		vmm_block_put_le64(head + 16, (choice & 4 ? 1 + head[16] % MOST : BLOCKS) * BLOCK);
	/* A kill, and no power failure. */
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY);
	if (fd < 0 || read(fd, id, sizeof(id) - 1) < 0)
		id[0] = 0;
	if (fd >= 0)
		close(fd);
	for (uint32_t i = 0; (choice & 8) && id[i] != 0 && at < HEADER; i++) {
		if (id[i] != '-' && id[i] != '\n')
			head[at++] = (uint8_t)id[i];
	}
	if (choice & 16)
		memset(head + 28, 0, 4), memset(head + 36, 0, 4);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("TMPDIR");
	(void)argc;
	(void)argv;
	snprintf(path, sizeof(path), "%.200s/track-%d", folder != NULL ? folder : "/tmp", (int)getpid());
	snprintf(tracks, sizeof(tracks), "%.240s.cbt", path);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t head[HEADER];
	if (size < HEADER + CHOICES)
		return 0;
	struct input choices = { data + size - CHOICES, CHOICES };
	uint32_t choice = (uint32_t)input_take(&choices, 1);
	memcpy(head, data, HEADER);
	correct(head, choice);
	put(path, data, 0, 0, BLOCKS * BLOCK);
	put(tracks, head, HEADER, 0, 0);
	/* All of the table mostly. */
	put(tracks, data + HEADER, size - HEADER - CHOICES, TABLE, choice & 32 ? 0 : TABLE + MOST * 8);
	file_use(&choices);
	unlink(path);
	unlink(tracks);
	return 0;
}
