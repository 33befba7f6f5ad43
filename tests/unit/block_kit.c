/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The block kit by itself: files, locks, names, chains, and what happens when the host fails.
 *
 * `stack` is a format of the test's own: units of 4 KiB in a file, a parent, everything that the kit does with those.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm/block/image.h>

#include "../disk/host.h"

#define UNIT  4096u
#define UNITS 64u

/* The host. */

static char folder[64], cause[8192], remedy[1024];

static void host_fail(void *context, const char *its_cause, const char *its_remedy)
{
	(void)context;
	snprintf(cause, sizeof(cause), "%s", its_cause);
	snprintf(remedy, sizeof(remedy), "%s", its_remedy != NULL ? its_remedy : "");
}

static const struct vmm_host host = HOST_WITH(NULL, host_quiet, host_fail);

static const char *path_of(const char *name)
{
	static char paths[8][256];
	static uint32_t next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/vmm-kit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	cause[0] = remedy[0] = 0;
}

static void teardown(void)
{
	char command[128];
	vmm_block_watch(NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static void file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

/* The format: a sector of "STACK", the length, the parent's name; a table of units, then the units. */

struct stack {
	uint32_t table[UNITS];
	uint32_t used, dirty;
	uint32_t allocated, abandoned, zeroed; /* calls */
};

static uint32_t stack_probe(const struct vmm_probe *probe)
{
	return probe->head_length > 5 && memcmp(probe->head, "STACK", 5) == 0 ? 100 : 0;
}

static int32_t stack_open(struct vmm_block_image *image)
{
	struct stack *stack = image->state;
	char head[512];
	int32_t status = vmm_block_file_read_exact(image->file, head, sizeof(head), 0);
	if (status == 0)
		status = vmm_block_file_read_exact(image->file, stack->table, sizeof(stack->table), 512);
	if (status < 0 || memcmp(head, "STACK", 5) != 0)
		return vmm_block_fail(image->host, -EINVAL, "use another", "%s is no stack", image->path);
	image->length = vmm_block_le64(head + 8);
	image->unit = UNIT;
	memcpy(image->parent, head + 16, 256);
	for (uint32_t i = 0; i < UNITS; i++)
		stack->used = stack->table[i] > stack->used && stack->table[i] != UINT32_MAX ? stack->table[i]
											     : stack->used;
	return 0;
}

static int32_t stack_map(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent)
{
	const struct stack *stack = image->state;
	uint32_t entry = stack->table[offset / UNIT];
	uint64_t rest = UNIT - offset % UNIT;
	extent->kind = entry == 0 ? VMM_BLOCK_ABSENT : entry == UINT32_MAX ? VMM_BLOCK_ZERO : VMM_BLOCK_DATA;
	extent->file = image->file;
	extent->offset = (uint64_t)entry * UNIT + offset % UNIT;
	extent->length = rest < length ? rest : length;
	return 0;
}

static int32_t stack_allocate(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent)
{
	struct stack *stack = image->state;
	uint64_t rest = UNIT - offset % UNIT;
	stack->allocated++;
	extent->kind = VMM_BLOCK_DATA;
	extent->file = image->file;
	extent->token = ++stack->used;
	extent->offset = extent->token * UNIT + offset % UNIT;
	extent->length = rest < length ? rest : length;
	return 0;
}

static int32_t stack_commit(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent)
{
	struct stack *stack = image->state;
	(void)length;
	stack->table[offset / UNIT] = (uint32_t)extent->token;
	stack->dirty = 1;
	return 0;
}

static void stack_abandon(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent)
{
	struct stack *stack = image->state;
	(void)offset;
	(void)length;
	(void)extent;
	stack->abandoned++;
}

static int32_t stack_zero(struct vmm_block_image *image, uint64_t offset, uint64_t length, uint32_t discard)
{
	struct stack *stack = image->state;
	(void)discard;
	ck_assert_uint_eq(offset % UNIT, 0);
	ck_assert(length % UNIT == 0 || offset + length == image->length);
	stack->zeroed++;
	for (uint64_t at = offset; at < offset + length; at += UNIT)
		stack->table[at / UNIT] = UINT32_MAX;
	stack->dirty = 1;
	return 0;
}

static int32_t stack_sync(struct vmm_block_image *image)
{
	struct stack *stack = image->state;
	int32_t status = vmm_block_file_sync(image->file);
	if (status == 0 && stack->dirty)
		status = vmm_block_file_write(image->file, stack->table, sizeof(stack->table), 512);
	if (status == 0 && stack->dirty)
		status = vmm_block_file_sync(image->file);
	if (status == 0)
		stack->dirty = 0;
	return status;
}

static const struct vmm_block_format format = {
	.state_size = sizeof(struct stack),
	.flags = VMM_BLOCK_FORMAT_PARENTS,
	.name = "stack",
	.suffixes = "stack",
	.variants = "one",
	.probe = stack_probe,
	.open = stack_open,
	.map = stack_map,
	.allocate = stack_allocate,
	.commit = stack_commit,
	.abandon = stack_abandon,
	.zero = stack_zero,
	.sync = stack_sync,
};
static const struct vmm_block_format *const formats[] = { &format };

static void stack_make(const char *name, uint64_t length, const char *parent)
{
	static uint8_t bytes[UNIT];
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, "STACK", 5);
	vmm_block_put_le64(bytes + 8, length);
	snprintf((char *)bytes + 16, 256, "%s", parent);
	ck_assert_int_eq(vmm_block_replace(path_of(name), bytes, sizeof(bytes)), 0);
}

static struct vmm_block_image *stack_image(const char *name, uint32_t flags)
{
	struct vmm_block_image *image = NULL;
	if (vmm_block_image_open(&host, formats, 1, path_of(name), flags, &image) < 0)
		ck_abort_msg("cannot open %s: %s", name, cause);
	return image;
}

static struct stack *state_of(struct vmm_block_image *image)
{
	return image->state;
}

/* Files. */

START_TEST(files)
{
	struct vmm_block_file *file, *other;
	struct vmm_block_file_info info;
	char holder[64], bytes[1000];
	uint64_t same;
	uint32_t hole;
	setup();
	const char *path = path_of("file");
	ck_assert_int_eq(vmm_block_file_open(path, 0, holder, &file), -ENOENT);
	ck_assert_int_eq(vmm_block_file_open(path, VMM_BLOCK_FILE_CREATE, holder, &file), 0);
	ck_assert_int_eq(vmm_block_file_open(path, VMM_BLOCK_FILE_CREATE, holder, &other), -EEXIST);
	ck_assert_int_eq(vmm_block_file_open(path, VMM_BLOCK_FILE_READONLY, holder, &other), -EBUSY);
	ck_assert_str_eq(holder, "another virtual disk of this process");
	ck_assert_int_eq(vmm_block_file_open(path, VMM_BLOCK_FILE_READONLY | VMM_BLOCK_FILE_UNLOCKED, NULL, &other), 0);
	ck_assert_int_eq(vmm_block_file_write(file, "hello", 5, 100000), 0);
	ck_assert_int_eq(vmm_block_file_read(other, bytes, 1000, 99998), 0);
	ck_assert_mem_eq(bytes, "\0\0hello\0\0", 9);
	ck_assert_int_eq(vmm_block_file_read_exact(other, bytes, 7, 99998), 0);
	ck_assert_int_eq(vmm_block_file_read_exact(other, bytes, 8, 99998), -ENODATA);
	ck_assert_int_eq(vmm_block_file_info(other, &info), 0);
	ck_assert_uint_eq(info.length, 100005);
	ck_assert_uint_eq(info.is_readonly, 1);
	ck_assert_int_eq(vmm_block_file_holes(file, 0, 200000, &same, &hole), 0);
	ck_assert_uint_gt(same, 0);
	ck_assert_int_eq(vmm_block_file_holes(file, 150000, 50000, &same, &hole), 0);
	ck_assert_uint_eq(hole, 1);
	ck_assert_uint_eq(same, 50000);
	ck_assert_int_eq(vmm_block_file_zero(file, 3, 100001), 0);
	ck_assert_int_eq(vmm_block_file_read(other, bytes, 5, 100000), 0);
	ck_assert_mem_eq(bytes, "h\0\0\0o", 5);
	ck_assert_int_eq(vmm_block_file_zero(file, 1000, 100002), 0);
	ck_assert_int_eq(vmm_block_file_info(file, &info), 0);
	ck_assert_uint_eq(info.length, 100005);
	ck_assert_int_eq(vmm_block_file_truncate(file, 7), 0);
	ck_assert_int_eq(vmm_block_file_sync(file), 0);
	ck_assert_int_eq(vmm_block_file_info(file, &info), 0);
	ck_assert_uint_eq(info.length, 7);
	vmm_block_file_close(file);
	vmm_block_file_close(other);
	ck_assert_int_eq(vmm_block_file_open(path, VMM_BLOCK_FILE_READONLY, NULL, &file), 0);
	ck_assert_int_eq(vmm_block_file_open(path, VMM_BLOCK_FILE_READONLY, NULL, &other), 0);
	vmm_block_file_close(file);
	vmm_block_file_close(other);
	ck_assert_int_eq(vmm_block_file_open(folder, VMM_BLOCK_FILE_READONLY, NULL, &file), -EISDIR);
	ck_assert_int_eq(vmm_block_file_open("/dev/null", 0, NULL, &file), -EINVAL);
	teardown();
}
END_TEST

/* Past the page cache, of any place and length. */
START_TEST(direct)
{
	enum { LENGTH = 300000 };
	static uint8_t model[LENGTH], bytes[LENGTH], back[LENGTH];
	struct vmm_block_file *file;
	struct vmm_block_file_info info;
	uint32_t seed = 4711;
	uint64_t length = 0;
	setup();
	ck_assert_int_eq(
		vmm_block_file_open(path_of("file"), VMM_BLOCK_FILE_CREATE | VMM_BLOCK_FILE_DIRECT, NULL, &file), 0);
	for (uint32_t i = 0; i < 300; i++) {
		seed = seed * 1664525u + 1013904223u;
		uint64_t offset = (seed >> 8) % (LENGTH - 20000), count = 1 + (seed >> 4) % 20000;
		if (i % 3 == 0)
			offset &= ~UINT64_C(511);
		if (i % 4 == 0)
			count = (count + 511) & ~UINT64_C(511);
		if (i % 7 == 0) {
			ck_assert_int_eq(vmm_block_file_zero(file, count, offset), 0);
			memset(model + offset, 0, count);
			continue;
		}
		memset(bytes, (int)(seed >> 16), count);
		memcpy(model + offset, bytes, count);
		ck_assert_int_eq(vmm_block_file_write(file, bytes, count, offset), 0);
		length = offset + count > length ? offset + count : length;
		ck_assert_int_eq(vmm_block_file_info(file, &info), 0);
		ck_assert_uint_eq(info.length, length);
		ck_assert_int_eq(vmm_block_file_read(file, back, count + 100, offset), 0);
		ck_assert_mem_eq(back, model + offset, count);
	}
	ck_assert_int_eq(vmm_block_file_read(file, back, LENGTH, 0), 0);
	ck_assert_mem_eq(back, model, length);
	vmm_block_file_close(file);
	teardown();
}
END_TEST

/* Who has it?  Another process, by its number and name. */
START_TEST(holders)
{
	struct vmm_block_file *file;
	char holder[64], want[64], byte;
	int pipes[2];
	setup();
	file_write(path_of("disk"), "x");
	ck_assert_int_eq(pipe(pipes), 0);
	pid_t child = fork();
	if (child == 0) {
		if (vmm_block_file_open(path_of("disk"), 0, NULL, &file) < 0 || write(pipes[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(pipes[0], &byte, 1), 1);
	ck_assert_int_eq(vmm_block_file_open(path_of("disk"), VMM_BLOCK_FILE_READONLY, holder, &file), -EBUSY);
	snprintf(want, sizeof(want), "process %d (", (int)child);
	ck_assert_int_eq(strncmp(holder, want, strlen(want)), 0);
	struct vmm_block_image *image;
	const struct vmm_block_format *raw[] = { &vmm_block_raw };
	ck_assert_int_eq(vmm_block_image_open(&host, raw, 1, path_of("disk"), 0, &image), -EBUSY);
	ck_assert_ptr_nonnull(strstr(cause, want));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ck_assert_int_eq(vmm_block_file_open(path_of("disk"), 0, holder, &file), 0);
	vmm_block_file_close(file);
	close(pipes[0]);
	close(pipes[1]);
	teardown();
}
END_TEST

START_TEST(names)
{
	char result[256], small[8], want[256];
	setup();
	char path[256];
	snprintf(path, sizeof(path), "%s/disk.vmdk", folder);
	file_write(path_of("base.vmdk"), "x");
	ck_assert_int_eq(vmm_block_path(path, "base.vmdk", result, sizeof(result)), 0);
	ck_assert_str_eq(result, path_of("base.vmdk"));
	/* A path of another host's: what it calls the file, beside us. */
	ck_assert_int_eq(vmm_block_path(path, "C:\\VMs\\old\\base.vmdk", result, sizeof(result)), 0);
	ck_assert_str_eq(result, path_of("base.vmdk"));
	ck_assert_int_eq(vmm_block_path(path, "/nowhere/at/all/base.vmdk", result, sizeof(result)), 0);
	ck_assert_str_eq(result, path_of("base.vmdk"));
	ck_assert_int_eq(vmm_block_path(path, "/nowhere/at/all/other.vmdk", result, sizeof(result)), 0);
	ck_assert_str_eq(result, "/nowhere/at/all/other.vmdk");
	ck_assert_int_eq(vmm_block_path(path, path_of("base.vmdk"), result, sizeof(result)), 0);
	ck_assert_str_eq(result, path_of("base.vmdk"));
	ck_assert_int_eq(mkdir(path_of("sub"), 0700), 0);
	file_write(path_of("sub/x.vmdk"), "x");
	ck_assert_int_eq(vmm_block_path(path, "sub\\x.vmdk", result, sizeof(result)), 0);
	snprintf(want, sizeof(want), "%s/sub/x.vmdk", folder);
	ck_assert_str_eq(result, want);
	ck_assert_int_eq(vmm_block_path("disk.vmdk", "base.vmdk", result, sizeof(result)), 0);
	ck_assert_str_eq(result, "base.vmdk");
	ck_assert_int_eq(vmm_block_path(path, "base.vmdk", small, sizeof(small)), -ENAMETOOLONG);
	/* Replacing: contents, mode, and what a link points to. */
	file_write(path_of("d"), "old");
	ck_assert_int_eq(chmod(path_of("d"), 0640), 0);
	ck_assert_int_eq(symlink("d", path_of("link")), 0);
	ck_assert_int_eq(vmm_block_replace(path_of("link"), "new!", 4), 0);
	struct stat what;
	ck_assert_int_eq(lstat(path_of("link"), &what), 0);
	ck_assert(S_ISLNK(what.st_mode));
	ck_assert_int_eq(stat(path_of("d"), &what), 0);
	ck_assert_int_eq(what.st_size, 4);
	ck_assert_int_eq(what.st_mode & 0777, 0640);
	ck_assert_int_eq(vmm_block_unlink(path_of("d")), 0);
	ck_assert_int_eq(vmm_block_unlink(path_of("d")), -ENOENT);
	teardown();
}
END_TEST

/* Chains. */

START_TEST(chains)
{
	static uint8_t data[UNIT * UNITS], back[UNIT * UNITS];
	setup();
	stack_make("a", UNIT * 20, "");
	struct vmm_block_image *image = stack_image("a", 0);
	memset(data, 1, sizeof(data));
	ck_assert_int_eq(vmm_block_image_write(image, data, UNIT * 20, 0), 0);
	vmm_block_image_close(image);
	stack_make("b", UNIT * 30, "a"); /* longer than its parent */
	stack_make("c", UNIT * 30, "b");
	image = stack_image("b", 0);
	memset(data, 2, sizeof(data));
	ck_assert_int_eq(vmm_block_image_write(image, data, 512, UNIT + 512), 0);
	ck_assert_int_eq(vmm_block_image_zero(image, UNIT * 2, UNIT * 4, 0), 0);
	vmm_block_image_close(image);
	image = stack_image("c", 0);
	memset(data, 3, sizeof(data));
	ck_assert_int_eq(vmm_block_image_write(image, data, 512, UNIT * 21), 0);
	ck_assert_int_eq(vmm_block_image_read(image, back, UNIT * 30, 0), 0);
	for (uint32_t i = 0; i < UNIT * 30; i++) {
		uint32_t sector = i / 512;
		uint8_t want = sector < 20 * 8 ? 1 : 0;
		if (sector == 9)
			want = 2;
		if (sector >= 32 && sector < 48)
			want = 0;
		if (sector == 21 * 8)
			want = 3;
		if (back[i] != want)
			ck_abort_msg("byte %u is %u, not %u", i, back[i], want);
	}
	/* Where? */
	struct vmm_block_piece piece;
	ck_assert_int_eq(vmm_block_image_map(image, 0, UNIT * 30, &piece), 0);
	ck_assert_uint_eq(piece.kind, VMM_BLOCK_DATA);
	ck_assert_uint_eq(piece.depth, 2);
	ck_assert_int_eq(vmm_block_image_map(image, UNIT, UNIT, &piece), 0);
	ck_assert_uint_eq(piece.depth, 1);
	ck_assert_int_eq(vmm_block_image_map(image, UNIT * 4, UNIT, &piece), 0);
	ck_assert_uint_eq(piece.kind, VMM_BLOCK_ZERO);
	/* Parents are shared among readers, and nobody writes them. */
	ck_assert_int_eq(
		vmm_block_image_open(&host, formats, 1, path_of("a"), 0, &(struct vmm_block_image *){ NULL }), -EBUSY);
	struct vmm_block_image *reader = stack_image("b", VMM_BLOCK_READONLY);
	ck_assert_int_eq(vmm_block_image_write(reader, data, 512, 0), -EROFS);
	ck_assert_int_eq(vmm_block_image_zero(reader, 512, 0, 1), -EROFS);
	vmm_block_image_close(reader);
	ck_assert_int_eq(vmm_block_image_write(image, data, 512, UNIT * 30), -EINVAL);
	ck_assert_int_eq(vmm_block_image_read(image, back, 100, 0), -EINVAL);
	ck_assert_int_eq(vmm_block_image_read(image, back, 512, UINT64_MAX - 511), -EINVAL);
	vmm_block_image_close(image);
	teardown();
}
END_TEST

START_TEST(bad_chains)
{
	struct vmm_block_image *image;
	char name[32], parent[32];
	setup();
	stack_make("a", UNIT, "b");
	stack_make("b", UNIT, "a");
	/* The second open of `a` waits for nobody: it is our own lock. */
	ck_assert_int_lt(vmm_block_image_open(&host, formats, 1, path_of("a"), VMM_BLOCK_READONLY, &image), 0);
	ck_assert_ptr_nonnull(strstr(cause, "its own ancestor"));
	ck_assert_ptr_nonnull(strstr(remedy, "rebase"));
	stack_make("self", UNIT, "self");
	ck_assert_int_lt(vmm_block_image_open(&host, formats, 1, path_of("self"), VMM_BLOCK_READONLY, &image), 0);
	ck_assert_ptr_nonnull(strstr(cause, "its own ancestor"));
	stack_make("orphan", UNIT, "nobody");
	ck_assert_int_eq(vmm_block_image_open(&host, formats, 1, path_of("orphan"), 0, &image), -ENOENT);
	ck_assert_ptr_nonnull(strstr(cause, "nobody"));
	ck_assert_int_eq(vmm_block_image_open(
				 &host, formats, 1, path_of("orphan"), VMM_BLOCK_LONELY | VMM_BLOCK_READONLY, &image),
		0);
	vmm_block_image_close(image);
	stack_make("0", UNIT, "");
	for (uint32_t i = 1; i < 300; i++) {
		snprintf(name, sizeof(name), "%u", i);
		snprintf(parent, sizeof(parent), "%u", i - 1);
		stack_make(name, UNIT, parent);
	}
	ck_assert_int_eq(vmm_block_image_open(&host, formats, 1, path_of("200"), 0, &image), 0);
	vmm_block_image_close(image);
	ck_assert_int_eq(vmm_block_image_open(&host, formats, 1, path_of("299"), 0, &image), -ELOOP);
	ck_assert_ptr_nonnull(strstr(cause, "255"));
	teardown();
}
END_TEST

/* The host fails. */

static struct {
	uint32_t event;
	int32_t status;
	uint32_t left;  /* how many of these events go well first */
	uint64_t limit; /* writes past this offset fail; 0: none */
} fault;

static int32_t fail_now(
	void *self, const char *path, uint32_t event, const void *data, uint64_t length, uint64_t offset)
{
	(void)self;
	(void)path;
	(void)data;
	if (fault.limit != 0 && event == VMM_BLOCK_EVENT_WRITE && offset + length > fault.limit)
		return -ENOSPC;
	if (event != fault.event)
		return 0;
	if (fault.left > 0) {
		fault.left--;
		return 0;
	}
	return fault.status;
}

START_TEST(faults)
{
	static uint8_t data[UNIT * 4], back[UNIT * 4];
	setup();
	stack_make("a", UNIT * UNITS, "");
	vmm_block_watch(fail_now, NULL);
	struct vmm_block_image *image = stack_image("a", 0);
	memset(data, 1, sizeof(data));
	ck_assert_int_eq(vmm_block_image_write(image, data, UNIT * 2, 0), 0);
	ck_assert_int_eq(vmm_block_image_flush(image), 0);
	/* No room: nothing has changed, what was found is free again, and it works when there is some. */
	fault.limit = UNIT * 3;
	memset(data, 2, sizeof(data));
	ck_assert_int_eq(vmm_block_image_write(image, data, UNIT, UNIT * 8), -ENOSPC);
	ck_assert_uint_eq(state_of(image)->abandoned, 1);
	ck_assert_int_eq(
		vmm_block_image_write(image, data, UNIT * 3, UNIT), -ENOSPC); /* the first of them is in place */
	ck_assert_int_eq(vmm_block_image_read(image, back, UNIT, UNIT * 8), 0);
	ck_assert(vmm_block_is_zero(back, UNIT));
	fault.limit = 0;
	ck_assert_int_eq(vmm_block_image_write(image, data, UNIT, UNIT * 8), 0);
	ck_assert_int_eq(vmm_block_image_read(image, back, UNIT, UNIT * 8), 0);
	ck_assert_mem_eq(back, data, UNIT);
	/* A sync that fails is a flush that fails; the next one does it all. */
	for (uint32_t left = 0; left < 2; left++) {
		fault.event = VMM_BLOCK_EVENT_SYNC;
		fault.status = -EIO;
		fault.left = left;
		memset(data, 10 + (int)left, sizeof(data));
		ck_assert_int_eq(vmm_block_image_write(image, data, UNIT, UNIT * (10 + left)), 0);
		ck_assert_int_eq(vmm_block_image_flush(image), -EIO);
		fault.event = 0;
		ck_assert_int_eq(vmm_block_image_flush(image), 0);
	}
	ck_assert_int_eq(vmm_block_image_flush(image), 0);
	vmm_block_image_close(image);
	image = stack_image("a", VMM_BLOCK_READONLY);
	ck_assert_int_eq(vmm_block_image_read(image, back, UNIT, UNIT * 11), 0);
	ck_assert_uint_eq(back[0], 11);
	vmm_block_image_close(image);
	teardown();
}
END_TEST

/* Nothing to do: no sync.  Something: one, however many flushes. */
START_TEST(flushes)
{
	static uint8_t data[UNIT];
	setup();
	stack_make("a", UNIT * UNITS, "");
	struct vmm_block_image *image = stack_image("a", 0);
	fault.event = VMM_BLOCK_EVENT_SYNC;
	fault.status = -EIO;
	fault.left = 0;
	vmm_block_watch(fail_now, NULL);
	ck_assert_int_eq(vmm_block_image_flush(image), 0);
	fault.left = 2;
	ck_assert_int_eq(vmm_block_image_write(image, data, UNIT, 0), 0);
	ck_assert_int_eq(vmm_block_image_flush(image), 0);
	ck_assert_int_eq(vmm_block_image_flush(image), 0);
	fault.event = 0;
	vmm_block_image_close(image);
	teardown();
}
END_TEST

/* A process that writes, flushes and says so, and is killed: all that it said is there. */
START_TEST(killed)
{
	static uint8_t data[UNIT], back[UNIT];
	volatile uint32_t *said = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	setup();
	for (uint32_t round = 0; round < 8; round++) {
		char name[16];
		snprintf(name, sizeof(name), "disk%u", round);
		stack_make(name, UNIT * UNITS, "");
		*said = 0;
		pid_t child = fork();
		if (child == 0) {
			struct vmm_block_image *image = stack_image(name, 0);
			for (uint32_t i = 0; i < UNITS; i++) {
				memset(data, (int)(i + 1), sizeof(data));
				if (vmm_block_image_write(image, data, UNIT, (uint64_t)i * UNIT) < 0 ||
					vmm_block_image_flush(image) < 0)
					_exit(1);
				*said = i + 1;
			}
			for (;;)
				pause();
		}
		while (*said < 1 + round * 6)
			usleep(100);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		struct vmm_block_image *image = stack_image(name, 0);
		for (uint32_t i = 0; i < *said; i++) {
			ck_assert_int_eq(vmm_block_image_read(image, back, UNIT, (uint64_t)i * UNIT), 0);
			memset(data, (int)(i + 1), sizeof(data));
			ck_assert_mem_eq(back, data, UNIT);
		}
		vmm_block_image_close(image);
	}
	munmap((void *)(uintptr_t)said, 4096);
	teardown();
}
END_TEST

/* Zeros: whole units by the format, edges as data, nothing where there is nothing. */
START_TEST(zeros)
{
	static uint8_t data[UNIT * 8], back[UNIT * 8];
	setup();
	stack_make("a", UNIT * UNITS, "");
	struct vmm_block_image *image = stack_image("a", 0);
	ck_assert_int_eq(vmm_block_image_zero(image, 512, 512, 0), 0);
	ck_assert_uint_eq(state_of(image)->allocated, 0);
	memset(data, 7, sizeof(data));
	ck_assert_int_eq(vmm_block_image_write(image, data, sizeof(data), 0), 0);
	ck_assert_int_eq(vmm_block_image_zero(image, UNIT * 3, 512, 1), 0);
	ck_assert_uint_eq(state_of(image)->zeroed, 1);
	memset(data + 512, 0, UNIT * 3);
	ck_assert_int_eq(vmm_block_image_read(image, back, sizeof(back), 0), 0);
	ck_assert_mem_eq(back, data, sizeof(back));
	/* A write to what was zeroed finds zeros around it. */
	memset(data + UNIT + 1024, 9, 512);
	ck_assert_int_eq(vmm_block_image_write(image, data + UNIT + 1024, 512, UNIT + 1024), 0);
	ck_assert_int_eq(vmm_block_image_read(image, back, sizeof(back), 0), 0);
	ck_assert_mem_eq(back, data, sizeof(back));
	vmm_block_image_close(image);
	teardown();
}
END_TEST

/* Changed blocks. */

#define TRACKED 65536u

static struct vmm_block_image *raw_opened(const char *name, uint32_t flags)
{
	static const struct vmm_block_format *const raw[] = { &vmm_block_raw };
	struct vmm_block_image *image = NULL;
	if (vmm_block_image_open(&host, raw, 1, path_of(name), flags, &image) < 0)
		ck_abort_msg("cannot open %s: %s", name, cause);
	return image;
}

static struct vmm_block_image *raw_image(const char *name)
{
	return raw_opened(name, 0);
}

static uint64_t mark_of(struct vmm_block_image *image)
{
	uint64_t mark = 0;
	if (vmm_block_image_mark(image, 1, &mark) < 0)
		ck_abort_msg("no mark: %s", cause);
	return mark;
}

/* Is exactly what `want` says changed since the mark? */
static void changed_is(struct vmm_block_image *image, uint64_t since, const uint8_t *want)
{
	uint64_t same = 0;
	for (uint64_t offset = 0; offset < image->length; offset += same) {
		uint32_t changed = 2;
		if (vmm_block_image_changed(image, since, offset, image->length - offset, &same, &changed) < 0)
			ck_abort_msg("changed: %s", cause);
		ck_assert_uint_gt(same, 0);
		for (uint64_t at = offset; at < offset + same; at += TRACKED - at % TRACKED) {
			if (want[at / TRACKED] != changed)
				ck_abort_msg("block %u: changed %u", (unsigned)(at / TRACKED), changed);
		}
	}
}

static void cbt_patch(const char *name, uint64_t offset, uint8_t byte)
{
	int fd = open(path_of(name), O_WRONLY);
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)offset), 1);
	close(fd);
}

#define BLOCKS 40u

START_TEST(tracking)
{
	static uint8_t data[TRACKED * 3];
	uint8_t want[2][BLOCKS + 10], all[BLOCKS + 10];
	uint64_t marks[2], same;
	uint32_t seed = 99, changed;
	setup();
	memset(all, 1, sizeof(all));
	memset(want, 0, sizeof(want));
	const struct vmm_block_new disk = { .path = path_of("disk"), .length = BLOCKS * TRACKED };
	ck_assert_int_eq(vmm_block_image_create(&host, &vmm_block_raw, &disk), 0);
	struct vmm_block_image *image = raw_image("disk");
	ck_assert_int_eq(vmm_block_image_changed(image, 0, 0, 512, &same, &changed), -ENOENT);
	ck_assert_int_eq(vmm_block_image_mark(image, 0, &marks[0]), -ENOENT);
	marks[0] = mark_of(image);
	/* Before there was a mark anything may have changed. */
	changed_is(image, marks[0] - 1, all);
	changed_is(image, marks[0], want[0]);
	for (uint32_t round = 0; round < 60; round++) {
		seed = seed * 1664525u + 1013904223u;
		uint64_t offset = (seed >> 8) % (BLOCKS * 128 - 384) * 512, length = (1 + (seed >> 4) % 384) * 512;
		if (round == 30) {
			marks[1] = mark_of(image);
			ck_assert_uint_gt(marks[1], marks[0]);
		}
		if (round % 20 == 15) {
			vmm_block_image_close(image);
			image = raw_image("disk");
		}
		if (round % 3 == 0)
			ck_assert_int_eq(vmm_block_image_zero(image, length, offset, round % 2), 0);
		else
			ck_assert_int_eq(vmm_block_image_write(image, data, length, offset), 0);
		for (uint64_t i = offset / TRACKED; i * TRACKED < offset + length; i++)
			want[0][i] = want[1][i] = 1;
		if (round < 30)
			memset(want[1], 0, sizeof(want[1]));
		changed_is(image, marks[0], want[0]);
		if (round >= 30)
			changed_is(image, marks[1], want[1]);
	}
	/* Longer: what is new has changed. */
	marks[1] = mark_of(image);
	memset(want[1], 0, sizeof(want[1]));
	ck_assert_int_eq(vmm_block_image_resize(image, (BLOCKS + 5) * TRACKED), 0);
	memset(want[1] + BLOCKS, 1, 5);
	changed_is(image, marks[1], want[1]);
	ck_assert_int_eq(vmm_block_image_changed(image, marks[1] + 1000000, 0, 512, &same, &changed), -EINVAL);
	vmm_block_image_close(image);
	teardown();
}
END_TEST

/* Ends that were not orderly. */
START_TEST(tracking_cut)
{
	static uint8_t data[512];
	uint8_t want[BLOCKS] = { 0 }, all[BLOCKS];
	setup();
	memset(all, 1, sizeof(all));
	const struct vmm_block_new disk = { .path = path_of("disk"), .length = BLOCKS * TRACKED };
	ck_assert_int_eq(vmm_block_image_create(&host, &vmm_block_raw, &disk), 0);
	struct vmm_block_image *image = raw_image("disk");
	uint64_t mark = mark_of(image);
	vmm_block_image_close(image);
	/* A kill: what was written is marked, flushed or not. */
	pid_t child = fork();
	if (child == 0) {
		image = raw_image("disk");
		if (vmm_block_image_write(image, data, 512, TRACKED * 7) < 0)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	waitpid(child, NULL, 0);
	want[7] = 1;
	image = raw_image("disk");
	changed_is(image, mark, want);
	ck_assert_int_eq(vmm_block_image_write(image, data, 512, TRACKED * 9), 0);
	want[9] = 1;
	changed_is(image, mark, want);
	/* As after a power failure in the midst: another boot, and nobody has said that he is done. */
	cbt_patch("disk.cbt", 48, 'x');
	struct vmm_block_image *other = raw_opened("disk", VMM_BLOCK_UNLOCKED);
	changed_is(other, mark, all);
	vmm_block_image_close(other);
	changed_is(image, mark, want); /* who writes knows better */
	vmm_block_image_close(image);
	image = raw_image("disk");
	changed_is(image, mark, want); /* it was orderly after all */
	ck_assert_int_eq(vmm_block_image_write(image, data, 512, 0), 0);
	cbt_patch("disk.cbt", 48, 'x');
	fault.event = VMM_BLOCK_EVENT_WRITE;
	fault.status = -EIO;
	fault.left = 0;
	vmm_block_watch(fail_now, NULL);
	vmm_block_image_close(image); /* which cannot say that it is clean */
	vmm_block_watch(NULL, NULL);
	image = raw_image("disk");
	ck_assert_int_eq(vmm_block_image_write(image, data, 512, 0), 0);
	changed_is(image, mark, all);
	mark = mark_of(image);
	vmm_block_image_close(image);
	/* A file that is of no use is made anew: everything has changed, whatever mark was given before. */
	cbt_patch("disk.cbt", 0, 'x');
	image = raw_image("disk");
	changed_is(image, mark, all);
	ck_assert_int_eq(vmm_block_image_write(image, data, 512, 0), 0);
	changed_is(image, mark, all);
	ck_assert_uint_gt(mark_of(image), mark);
	vmm_block_image_close(image);
	/* No place for marks: then the write is refused. */
	ck_assert_int_eq(unlink(path_of("disk.cbt")), 0);
	ck_assert_int_eq(mkdir(path_of("disk.cbt"), 0700), 0);
	image = raw_image("disk");
	ck_assert_int_lt(vmm_block_image_write(image, data, 512, 0), 0);
	ck_assert_ptr_nonnull(strstr(cause, "keep track"));
	vmm_block_image_close(image);
	teardown();
}
END_TEST

/* Files of the kit's own with any bytes in them: refused with a reason, or taken; nothing worse. */
START_TEST(spoiled)
{
	enum { LENGTH = 2 << 20, HEAD = 9000 };
	static const struct vmm_block_format *const both[] = { &vmm_block_delta, &vmm_block_raw };
	static uint8_t data[LENGTH], head[HEAD], cbt[4096 + 64 * 8];
	uint32_t seed = 7, refused = 0, taken = 0;
	setup();
	struct vmm_block_new what = { .path = path_of("base"), .length = LENGTH };
	ck_assert_int_eq(vmm_block_image_create(&host, &vmm_block_raw, &what), 0);
	struct vmm_block_image *image = raw_image("base");
	mark_of(image);
	vmm_block_image_close(image);
	what.path = path_of("delta");
	what.parent = "base";
	what.parent_format = "raw";
	ck_assert_int_eq(vmm_block_image_create(&host, &vmm_block_delta, &what), 0);
	ck_assert_int_eq(vmm_block_image_open(&host, both, 2, path_of("delta"), 0, &image), 0);
	ck_assert_int_eq(vmm_block_image_write(image, data, LENGTH / 2, 0), 0);
	vmm_block_image_close(image);
	int fds[2] = { open(path_of("delta"), O_RDWR), open(path_of("base.cbt"), O_RDWR) };
	ck_assert_int_eq(pread(fds[0], head, HEAD, 0), HEAD);
	ck_assert_int_eq(pread(fds[1], cbt, sizeof(cbt), 0), 4096 + LENGTH / 65536 * 8);
	for (uint32_t round = 0; round < 1500; round++) {
		static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff };
		static uint8_t bad[HEAD];
		uint32_t which = round % 2, length = which ? 4096 + LENGTH / 65536 * 8 : HEAD;
		memcpy(bad, which ? cbt : head, length);
		for (uint32_t i = 0; i < 1 + round % 5; i++) {
			seed = seed * 1664525u + 1013904223u;
			/* Where something is, mostly. */
			uint32_t at = (seed >> 8) % 4 != 0 ? (seed >> 10) % 64
							   : (which ? 4096 : 8192) + (seed >> 10) % 128;
			bad[at] = odd[(seed >> 24) % 5];
		}
		ck_assert_int_eq(pwrite(fds[which], bad, length, 0), (int)length);
		cause[0] = 0;
		if (which) {
			uint64_t same;
			uint32_t changed;
			image = raw_image("base");
			int32_t status = vmm_block_image_changed(image, 5, 0, LENGTH, &same, &changed);
			ck_assert(status == 0 || cause[0] != 0);
			ck_assert_int_eq(vmm_block_image_write(image, data, 512, 512), 0);
			ck_assert_int_eq(vmm_block_image_changed(image, 0, 0, LENGTH, &same, &changed), 0);
			ck_assert_uint_eq(changed, 1);
			vmm_block_image_close(image);
			ck_assert_int_eq(ftruncate(fds[1], (off_t)sizeof(cbt) - 512 + LENGTH / 65536 * 8), 0);
			ck_assert_int_eq(pwrite(fds[1], cbt, length, 0), (int)length);
		} else if (vmm_block_image_open(
				   &host, both, 2, path_of("delta"), round % 3 ? VMM_BLOCK_READONLY : 0, &image) < 0) {
			ck_assert_int_ne(cause[0], 0);
			ck_assert_int_ne(remedy[0], 0);
			refused++;
		} else {
			uint64_t there = image->length < LENGTH ? image->length : LENGTH;
			vmm_block_image_read(image, data, there, 0);
			if (round % 3 == 0)
				vmm_block_image_write(image, data, 512, there - 512);
			vmm_block_image_close(image);
			memset(data, 0, sizeof(data));
			taken++;
		}
	}
	ck_assert_uint_gt(refused, 100);
	ck_assert_uint_gt(taken, 50);
	close(fds[0]);
	close(fds[1]);
	teardown();
}
END_TEST

START_TEST(creating)
{
	struct vmm_block_option option = { "speed", "high" };
	struct vmm_block_new what = { .path = path_of("x"), .length = 1000 };
	setup();
	ck_assert_int_eq(vmm_block_image_create(&host, &format, &what), -EOPNOTSUPP);
	ck_assert_int_eq(vmm_block_image_create(&host, &vmm_block_raw, &what), -EINVAL);
	what.path = path_of("x");
	what.length = 1024;
	what.variant = "round";
	ck_assert_int_eq(vmm_block_image_create(&host, &vmm_block_raw, &what), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cause, "round"));
	what.variant = "Preallocated";
	what.parent = "p";
	ck_assert_int_eq(vmm_block_image_create(&host, &vmm_block_raw, &what), -EOPNOTSUPP);
	what.parent = NULL;
	what.options = &option;
	what.option_count = 1;
	ck_assert_int_eq(vmm_block_image_create(&host, &vmm_block_raw, &what), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cause, "speed"));
	what.option_count = 0;
	ck_assert_int_eq(vmm_block_image_create(&host, &vmm_block_raw, &what), 0);
	ck_assert_int_eq(vmm_block_image_create(&host, &vmm_block_raw, &what), -EEXIST);
	teardown();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { files, direct, holders, names, chains, bad_chains, faults, flushes, killed,
		zeros, tracking, tracking_cut, spoiled, creating };
	Suite *suite = suite_create("block kit");
	TCase *tcase = tcase_create("block kit");
	tcase_set_timeout(tcase, 60);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
