/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Writing to a VMDK: what goes to the files, in which order, how often, and what happens when it cannot. */
#include <check.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm/block/image.h>

#include "../disk/host.h"
#include "sparse.h"

#define GRAIN  UINT64_C(65536)
#define MIB    (UINT64_C(1) << 20)
#define EVENTS 4096

static char folder[64], path[128], child[128], cause[HOST_CAUSE];

static const struct vmm_host host = HOST_WITH(cause, host_quiet, host_keep);

/* What was done to files; and what is to fail. */
static struct {
	struct {
		uint32_t event;
		uint64_t offset, length;
	} events[EVENTS];
	uint32_t count;
	uint32_t fail_event; /* this kind, */
	uint64_t fail_from;  /* from this offset on, */
	int32_t fail_with;   /* so */
} tape;

static int32_t watch(void *self, const char *file, uint32_t event, const void *data, uint64_t length, uint64_t offset)
{
	(void)self;
	(void)file;
	(void)data;
	if (event == tape.fail_event && (event == VMM_BLOCK_EVENT_TRUNCATE ? length : offset) >= tape.fail_from)
		return tape.fail_with;
	if (tape.count < EVENTS) {
		tape.events[tape.count].event = event;
		tape.events[tape.count].offset = offset;
		tape.events[tape.count++].length = length;
	}
	return 0;
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/vmm-vmdk-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/disk.vmdk", folder);
	snprintf(child, sizeof(child), "%s/child.vmdk", folder);
	memset(&tape, 0, sizeof(tape));
	vmm_block_watch(watch, NULL);
}

static void teardown(void)
{
	vmm_block_watch(NULL, NULL);
	unlink(path);
	unlink(child);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing is left behind */
}

static void make(uint64_t length)
{
	const struct vmm_block_new what = { .path = path, .length = length };
	ck_assert_int_eq(vmm_block_image_create(&host, &vmdk_format, &what), 0);
}

static struct vmm_block_image *open_disk(const char *which, uint32_t flags)
{
	static const struct vmm_block_format *const formats[] = { &vmdk_format };
	struct vmm_block_image *image;
	ck_assert_msg(vmm_block_image_open(&host, formats, 1, which, flags, &image) == 0, "%s", cause);
	return image;
}

static uint64_t length_of(const char *which)
{
	struct stat what;
	ck_assert_int_eq(stat(which, &what), 0);
	return (uint64_t)what.st_size;
}

static uint32_t events_of(uint32_t event, uint64_t from, uint64_t to)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < tape.count; i++)
		count += tape.events[i].event == event && tape.events[i].offset >= from && tape.events[i].offset < to;
	return count;
}

static uint8_t data[4 * MIB], back[4 * MIB];

/* Specification 5.0: grain, then table; and the mark of use before either is relied on. */
START_TEST(grains_are_durable_before_tables)
{
	setup();
	make(64 * MIB);
	struct vmm_block_image *image = open_disk(path, 0);
	const struct sparse *sparse = vmdk_of(image)->extents[0].sparse;
	uint64_t overhead = sparse->header.overHead * SECTOR;
	memset(data, 0x5a, sizeof(data));
	tape.count = 0;
	ck_assert_int_eq(vmm_block_image_write(image, data, MIB, 0), 0);
	/* The new content ID is on the disk before any of it, and no table was written yet. */
	uint32_t first = 0;
	while (tape.events[first].event != VMM_BLOCK_EVENT_WRITE || tape.events[first].offset < overhead)
		first++;
	uint32_t synced = 0;
	for (uint32_t i = 0; i < first; i++)
		synced |= tape.events[i].event == VMM_BLOCK_EVENT_SYNC;
	ck_assert_uint_eq(synced, 1);
	ck_assert_uint_eq(events_of(VMM_BLOCK_EVENT_WRITE, 21 * SECTOR, overhead), 0);
	tape.count = 0;
	ck_assert_int_eq(vmm_block_image_flush(image), 0);
	/* Header, sync, both tables, sync. */
	ck_assert_uint_eq(tape.count, 5);
	ck_assert_uint_eq(tape.events[0].event, VMM_BLOCK_EVENT_WRITE);
	ck_assert_uint_eq(tape.events[0].offset, 0);
	ck_assert_uint_eq(tape.events[1].event, VMM_BLOCK_EVENT_SYNC);
	ck_assert_uint_eq(tape.events[2].offset, (uint64_t)sparse->gd[0] * SECTOR);
	ck_assert_uint_eq(tape.events[3].offset, (uint64_t)sparse->rgd[0] * SECTOR);
	ck_assert_uint_eq(tape.events[4].event, VMM_BLOCK_EVENT_SYNC);
	/* The next one need not mark it again; one without new grains has nothing to do with tables. */
	ck_assert_int_eq(vmm_block_image_write(image, data, GRAIN, 2 * MIB), 0);
	tape.count = 0;
	ck_assert_int_eq(vmm_block_image_flush(image), 0);
	ck_assert_uint_eq(tape.count, 4);
	ck_assert_int_eq(vmm_block_image_write(image, data, GRAIN, 2 * MIB), 0);
	tape.count = 0;
	ck_assert_int_eq(vmm_block_image_flush(image), 0);
	ck_assert_uint_eq(tape.count, 1);
	/* Closed: what is clear of the mark is written last. */
	tape.count = 0;
	vmm_block_image_close(image);
	ck_assert_uint_ge(tape.count, 2);
	ck_assert_uint_eq(tape.events[tape.count - 2].event, VMM_BLOCK_EVENT_WRITE);
	ck_assert_uint_eq(tape.events[tape.count - 2].offset, 0);
	ck_assert_uint_eq(tape.events[tape.count - 3].event, VMM_BLOCK_EVENT_SYNC);
	teardown();
}
END_TEST

/* Row 13: a delta is not read sector by sector; and a large write is one. */
START_TEST(adjacent_grains_are_one_piece)
{
	setup();
	make(256 * MIB);
	struct vmm_block_image *image = open_disk(path, 0);
	memset(data, 1, sizeof(data));
	uint64_t overhead = vmdk_of(image)->extents[0].sparse->header.overHead * SECTOR;
	tape.count = 0;
	ck_assert_int_eq(vmm_block_image_write(image, data, 4 * MIB, 30 * MIB), 0);
	ck_assert_uint_eq(events_of(VMM_BLOCK_EVENT_WRITE, overhead, UINT64_MAX), 1);
	struct vmm_block_piece piece;
	/* Across two grain tables. */
	ck_assert_int_eq(vmm_block_image_map(image, 30 * MIB, 10 * MIB, &piece), 0);
	ck_assert_uint_eq(piece.kind, VMM_BLOCK_DATA);
	ck_assert_uint_eq(piece.length, 4 * MIB);
	ck_assert_int_eq(vmm_block_image_map(image, 0, 256 * MIB, &piece), 0);
	ck_assert_uint_eq(piece.kind, VMM_BLOCK_ZERO);
	ck_assert_uint_eq(piece.length, 30 * MIB);
	vmm_block_image_close(image);
	teardown();
}
END_TEST

START_TEST(a_full_host_is_an_error_and_no_loss)
{
	setup();
	make(64 * MIB);
	struct vmm_block_image *image = open_disk(path, 0);
	memset(data, 7, sizeof(data));
	ck_assert_int_eq(vmm_block_image_write(image, data, MIB, 0), 0);
	uint64_t end = vmdk_of(image)->extents[0].sparse->end * SECTOR;
	/* No room for the grains themselves. */
	tape.fail_event = VMM_BLOCK_EVENT_WRITE;
	tape.fail_from = end;
	tape.fail_with = -ENOSPC;
	ck_assert_int_eq(vmm_block_image_write(image, data, MIB, 8 * MIB), -ENOSPC);
	ck_assert_int_eq(vmm_block_image_read(image, back, MIB, 8 * MIB), 0);
	ck_assert(vmm_block_is_zero(back, MIB));
	/* The room is there for the next try, and not behind it. */
	ck_assert_uint_eq(vmdk_of(image)->extents[0].sparse->end * SECTOR, end);
	tape.fail_event = 0;
	ck_assert_int_eq(vmm_block_image_write(image, data, MIB, 8 * MIB), 0);
	/* The tables cannot be written: the flush fails, and is good when it is asked for again. */
	tape.fail_event = VMM_BLOCK_EVENT_WRITE;
	tape.fail_from = SECTOR;
	tape.fail_with = -EIO;
	ck_assert_int_eq(vmm_block_image_flush(image), -EIO);
	tape.fail_event = 0;
	ck_assert_int_eq(vmm_block_image_flush(image), 0);
	/* Nor can the file become longer. */
	tape.fail_event = VMM_BLOCK_EVENT_TRUNCATE;
	tape.fail_from = 0;
	tape.fail_with = -ENOSPC;
	ck_assert_int_eq(vmm_block_image_write(image, data, 4 * MIB, 16 * MIB), -ENOSPC);
	tape.fail_event = 0;
	vmm_block_image_close(image);
	image = open_disk(path, VMM_BLOCK_READONLY);
	ck_assert_int_eq(vmm_block_image_read(image, back, MIB, 8 * MIB), 0);
	ck_assert_mem_eq(back, data, MIB);
	vmm_block_image_close(image);
	ck_assert_uint_eq(length_of(path), end + MIB);
	teardown();
}
END_TEST

/* Not closed in order, since it could not be: the mark stays. */
START_TEST(what_could_not_be_synced_stays_marked)
{
	uint8_t sector[SECTOR];
	setup();
	make(64 * MIB);
	struct vmm_block_image *image = open_disk(path, 0);
	ck_assert_int_eq(vmm_block_image_write(image, data, MIB, 0), 0);
	ck_assert_int_eq(vmm_block_image_flush(image), 0);
	ck_assert_int_eq(vmm_block_image_write(image, data, MIB, 2 * MIB), 0);
	tape.fail_event = VMM_BLOCK_EVENT_WRITE;
	tape.fail_from = SECTOR;
	tape.fail_with = -EIO;
	vmm_block_image_close(image);
	tape.fail_event = 0;
	FILE *file = fopen(path, "r");
	ck_assert_uint_eq(fread(sector, 1, SECTOR, file), SECTOR);
	fclose(file);
	ck_assert_uint_eq(sector[HEADER_UNCLEAN_AT], 1);
	image = open_disk(path, 0);
	ck_assert_int_eq(vmm_block_image_write(image, data, MIB, 4 * MIB), 0);
	vmm_block_image_close(image);
	teardown();
}
END_TEST

/* Table entries are 32-bit sector numbers: room ends at 2 TiB, with an error and not at the file's beginning. */
START_TEST(room_ends_at_2_tib)
{
	setup();
	make(UINT64_C(200) << 30);
	if (truncate(path, (off_t)((UINT64_C(1) << 32) - 256) * SECTOR) < 0) {
		/* A host that has no such files. */
		ck_assert_int_eq(errno, EFBIG);
		teardown();
		return;
	}
	struct vmm_block_image *image = open_disk(path, 0);
	memset(data, 9, sizeof(data));
	ck_assert_int_eq(vmm_block_image_write(image, data, GRAIN, 0), 0);
	ck_assert_int_eq(vmm_block_image_write(image, data, GRAIN, GRAIN), -ENOSPC);
	ck_assert_int_eq(vmm_block_image_read(image, back, 2 * GRAIN, 0), 0);
	ck_assert_mem_eq(back, data, GRAIN);
	ck_assert(vmm_block_is_zero(back + GRAIN, GRAIN));
	vmm_block_image_close(image);
	teardown();
}
END_TEST

/* Tables in memory are few, however many the disk has; those that were changed are not forgotten. */
START_TEST(tables_are_forgotten_but_not_changes)
{
	setup();
	make(UINT64_C(64) << 30);
	struct vmm_block_image *image = open_disk(path, 0);
	struct sparse *sparse = vmdk_of(image)->extents[0].sparse;
	sparse->clean_maximum = 4;
	sparse->dirty_maximum = 8;
	for (uint64_t i = 0; i < 200; i++) {
		memset(data, (int)i + 1, 512);
		ck_assert_int_eq(vmm_block_image_write(image, data, 512, i * 32 * MIB + i * 512), 0);
		ck_assert_uint_le(sparse->dirty.count, 9);
		ck_assert_uint_le(sparse->clean.count, 13);
	}
	for (uint64_t i = 0; i < 200; i++) {
		uint64_t k = i * 77 % 200;
		memset(data, (int)k + 1, 512);
		ck_assert_int_eq(vmm_block_image_read(image, back, 512, k * 32 * MIB + k * 512), 0);
		ck_assert_mem_eq(back, data, 512);
		ck_assert_uint_le(sparse->clean.count, 13);
	}
	vmm_block_image_close(image);
	image = open_disk(path, VMM_BLOCK_READONLY);
	for (uint64_t i = 0; i < 200; i++) {
		memset(data, (int)i + 1, 512);
		ck_assert_int_eq(vmm_block_image_read(image, back, 512, i * 32 * MIB + i * 512), 0);
		ck_assert_mem_eq(back, data, 512);
	}
	vmm_block_image_close(image);
	teardown();
}
END_TEST

/* Row 18: room that was given up is not another's before the tables on the disk have forgotten it. */
START_TEST(discarded_room_waits_for_a_sync)
{
	setup();
	make(64 * MIB);
	struct vmm_block_image *image = open_disk(path, 0);
	struct vmm_block_piece before, after;
	memset(data, 3, sizeof(data));
	ck_assert_int_eq(vmm_block_image_write(image, data, 4 * GRAIN, 0), 0);
	ck_assert_int_eq(vmm_block_image_flush(image), 0);
	ck_assert_int_eq(vmm_block_image_map(image, 0, GRAIN, &before), 0);
	ck_assert_int_eq(vmm_block_image_zero(image, GRAIN, 0, 1), 0);
	ck_assert_int_eq(vmm_block_image_write(image, data, GRAIN, MIB), 0);
	ck_assert_int_eq(vmm_block_image_map(image, MIB, GRAIN, &after), 0);
	ck_assert_uint_ne(before.offset, after.offset);
	ck_assert_int_eq(vmm_block_image_flush(image), 0);
	ck_assert_int_eq(vmm_block_image_write(image, data, GRAIN, 2 * MIB), 0);
	ck_assert_int_eq(vmm_block_image_map(image, 2 * MIB, GRAIN, &after), 0);
	ck_assert_uint_eq(before.offset, after.offset);
	ck_assert_int_eq(vmm_block_image_read(image, back, GRAIN, 0), 0);
	ck_assert(vmm_block_is_zero(back, GRAIN));
	vmm_block_image_close(image);
	teardown();
}
END_TEST

/* Row 12, in numbers: a child's zeros take neither writes of data nor room of the host. */
START_TEST(zeros_over_a_parent_cost_nothing)
{
	setup();
	make(64 * MIB);
	struct vmm_block_image *image = open_disk(path, 0);
	memset(data, 5, sizeof(data));
	for (uint64_t i = 0; i < 4; i++)
		ck_assert_int_eq(vmm_block_image_write(image, data, 4 * MIB, i * 4 * MIB), 0);
	vmm_block_image_close(image);
	struct vmm_block_image *parent = open_disk(path, VMM_BLOCK_READONLY);
	const struct vmm_block_new what = { .path = child,
		.length = 64 * MIB,
		.parent = "disk.vmdk",
		.parent_format = "vmdk",
		.parent_image = parent };
	ck_assert_int_eq(vmm_block_image_create(&host, &vmdk_format, &what), 0);
	vmm_block_image_close(parent);
	image = open_disk(child, 0);
	uint64_t overhead = vmdk_of(image)->extents[0].sparse->header.overHead * SECTOR;
	tape.count = 0;
	ck_assert_int_eq(vmm_block_image_zero(image, 12 * MIB, MIB, 1), 0);
	ck_assert_uint_eq(events_of(VMM_BLOCK_EVENT_WRITE, overhead, UINT64_MAX), 0);
	ck_assert_int_eq(vmm_block_image_read(image, back, 4 * MIB, 0), 0);
	ck_assert_mem_eq(back, data, MIB);
	ck_assert(vmm_block_is_zero(back + MIB, 3 * MIB));
	vmm_block_image_close(image);
	struct stat file;
	ck_assert_int_eq(stat(child, &file), 0);
	ck_assert_uint_lt((uint64_t)file.st_blocks * 512, MIB);
	image = open_disk(child, VMM_BLOCK_READONLY);
	ck_assert_int_eq(vmm_block_image_read(image, back, 4 * MIB, 10 * MIB), 0);
	ck_assert(vmm_block_is_zero(back, 3 * MIB));
	ck_assert_mem_eq(back + 3 * MIB, data, MIB);
	vmm_block_image_close(image);
	teardown();
}
END_TEST

/* A stream that could not be written to its end does not look like one that was. */
START_TEST(a_broken_stream_has_no_end)
{
	static const struct vmm_block_format *const formats[] = { &vmdk_format };
	const struct vmm_block_new what = { .path = path, .length = 16 * MIB, .variant = "streamOptimized" };
	uint64_t noise = 1;
	setup();
	for (uint32_t late = 0; late < 2; late++) {
		ck_assert_int_eq(vmm_block_image_create(&host, &vmdk_format, &what), 0);
		struct vmm_block_image *image = open_disk(path, 0);
		int32_t status = 0;
		for (uint64_t i = 0; i < 256 && status == 0; i++) {
			/* Nothing that becomes much shorter. */
			for (uint64_t k = 0; k < GRAIN; k++) {
				noise = noise * UINT64_C(6364136223846793005) + 1442695040888963407;
				data[k] = (uint8_t)(noise >> 56);
			}
			if (i == 200 && !late) {
				tape.fail_event = VMM_BLOCK_EVENT_WRITE;
				tape.fail_from = 0;
				tape.fail_with = -ENOSPC;
			}
			status = vmm_block_image_pack(image, data, GRAIN, i * GRAIN);
		}
		if (late) {
			/* Only its end cannot be. */
			ck_assert_int_eq(status, 0);
			tape.fail_event = VMM_BLOCK_EVENT_WRITE;
			tape.fail_with = -ENOSPC;
			status = vmm_block_image_flush(image);
		}
		ck_assert_int_eq(status, -ENOSPC);
		tape.fail_event = 0;
		ck_assert_int_eq(vmm_block_image_flush(image), -ENOSPC);
		vmm_block_image_close(image);
		ck_assert_int_lt(vmm_block_image_open(&host, formats, 1, path, VMM_BLOCK_READONLY, &image), 0);
		ck_assert_ptr_nonnull(strstr(cause, "incomplete stream"));
		unlink(path);
	}
	teardown();
}
END_TEST

/* Looked for by many at once, with fewer pages than they need. */
static void *reader(void *self)
{
	struct vmm_block_image *image = self;
	static _Thread_local uint8_t piece[4096];
	for (uint64_t i = 0; i < 2000; i++) {
		uint64_t k = (i * 37 + (uint64_t)(uintptr_t)&piece / 4096 % 50) % 100;
		if (vmm_block_image_read(image, piece, sizeof(piece), k * 32 * MIB) < 0)
			return piece;
		for (size_t n = 0; n < sizeof(piece); n++) {
			if (piece[n] != (uint8_t)(k + 1))
				return piece;
		}
	}
	return NULL;
}

START_TEST(many_read_at_once)
{
	setup();
	make(UINT64_C(16) << 30);
	struct vmm_block_image *image = open_disk(path, 0);
	for (uint64_t i = 0; i < 100; i++) {
		memset(data, (int)i + 1, 4096);
		ck_assert_int_eq(vmm_block_image_write(image, data, 4096, i * 32 * MIB), 0);
	}
	vmm_block_image_close(image);
	image = open_disk(path, VMM_BLOCK_READONLY);
	vmdk_of(image)->extents[0].sparse->clean_maximum = 3;
	pthread_t threads[4];
	for (uint32_t i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, reader, image), 0);
	for (uint32_t i = 0; i < 4; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		ck_assert_ptr_null(wrong);
	}
	vmm_block_image_close(image);
	teardown();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vmdk_write");
	TCase *cases = tcase_create("all");
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, grains_are_durable_before_tables);
	tcase_add_test(cases, adjacent_grains_are_one_piece);
	tcase_add_test(cases, a_full_host_is_an_error_and_no_loss);
	tcase_add_test(cases, what_could_not_be_synced_stays_marked);
	tcase_add_test(cases, room_ends_at_2_tib);
	tcase_add_test(cases, tables_are_forgotten_but_not_changes);
	tcase_add_test(cases, discarded_room_waits_for_a_sync);
	tcase_add_test(cases, zeros_over_a_parent_cost_nothing);
	tcase_add_test(cases, a_broken_stream_has_no_end);
	tcase_add_test(cases, many_read_at_once);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
