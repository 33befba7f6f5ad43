/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Marks and backups of an image that is being written to: an answer is of one instant, and nothing that was changed
 * is missing from it.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm/block/plugin.h>

#include "../../sdk/block/control.h"
#include "../disk/host.h"

#define BLOCK   65536u
#define BLOCKS  48u
#define LENGTH  ((uint64_t)BLOCKS * BLOCK)
#define SECTORS (LENGTH / 512)
#define WRITERS 3u

/* The host: it has the socket's methods, and opens raw images and deltas for a backup. */

static char folder[64], cause[8192];
static const struct vmm_host host;
static struct {
	const char *name;
	int32_t (*handler)(void *self, uint64_t token, const char *params, char *reply, uint32_t size);
	void *self;
} methods[8];
static uint32_t method_count;

static void host_fail(void *context, const char *its_cause, const char *its_remedy)
{
	(void)context;
	(void)its_remedy;
	snprintf(cause, sizeof(cause), "%s", its_cause);
}

static int32_t add(void *context, const char *name,
	int32_t (*handler)(void *self, uint64_t token, const char *params, char *reply, uint32_t size), void *self,
	uint64_t token)
{
	(void)context;
	(void)token;
	methods[method_count].name = name;
	methods[method_count].handler = handler;
	methods[method_count++].self = self;
	return 0;
}

static int32_t open_image(void *context, const char *format, const char *path, uint32_t flags, struct vmm_image *image)
{
	(void)context;
	return vmm_block_factory_open(
		format != NULL && strcmp(format, "delta") == 0 ? &vmm_block_delta : &vmm_block_raw, &host, path, flags,
		image);
}

static const struct vmm_control_service control_service = { .struct_size = sizeof(control_service), .add = add };
static const struct vmm_image_service image_service = { .struct_size = sizeof(image_service), .open = open_image };

static const void *host_service(void *context, const char *id)
{
	(void)context;
	if (strcmp(id, VMM_SERVICE_CONTROL) == 0)
		return &control_service;
	return strcmp(id, VMM_SERVICE_IMAGE) == 0 ? (const void *)&image_service : NULL;
}

static const struct vmm_host host = {
	.struct_size = sizeof(host),
	.instance = "test",
	.log = host_quiet,
	.fail = host_fail,
	.get_service = host_service,
};

/* The disk, and who writes to it: each sector holds, and the model knows, how often it was written. */

static struct disk disk;
static struct disk_control control;
static char path[128];
static uint32_t *counts; /* shared with a child that is killed */
static uint32_t stopping;

static const char *path_of(const char *name)
{
	static char paths[8][256];
	static uint32_t next;
	char *text = paths[next++ % 8];
	snprintf(text, sizeof(paths[0]), "%s/%s", folder, name);
	return text;
}

static void create(const char *name, const char *parent)
{
	struct vmm_block_new what = { .path = path_of(name), .length = LENGTH, .parent = parent };
	what.parent_format = parent != NULL ? "raw" : NULL;
	ck_assert_int_eq(vmm_block_image_create(&host, parent != NULL ? &vmm_block_delta : &vmm_block_raw, &what), 0);
}

static struct vmm_block_image *opened(const char *name, const struct vmm_block_format *format, uint32_t flags)
{
	const struct vmm_block_format *const formats[] = { format, &vmm_block_raw };
	struct vmm_block_image *image = NULL;
	if (vmm_block_image_open(&host, formats, 2, path_of(name), flags, &image) < 0)
		ck_abort_msg("cannot open %s: %s", name, cause);
	return image;
}

static void disk_open_test(void)
{
	memset(&disk, 0, sizeof(disk));
	disk.host = &host;
	disk.image = opened("disk", &vmm_block_raw, 0);
	disk.length = LENGTH;
	method_count = 0;
	disk_control_init(&control, &host, &disk);
	ck_assert_uint_eq(method_count, 4);
}

static void disk_close_test(void)
{
	disk_control_end(&control);
	vmm_block_image_close(disk.image);
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/vmm-backup-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/disk", folder);
	counts = mmap(NULL, SECTORS * sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(counts, MAP_FAILED);
	stopping = 0;
	create("disk", NULL);
	disk_open_test();
}

static void teardown(void)
{
	char command[128];
	disk_close_test();
	munmap(counts, SECTORS * sizeof(*counts));
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static const char *call(const char *name, const char *params, int32_t want)
{
	static char reply[65536];
	for (uint32_t i = 0; i < method_count; i++) {
		if (strcmp(methods[i].name, name) != 0)
			continue;
		reply[0] = 0;
		cause[0] = 0;
		int32_t status = methods[i].handler(methods[i].self, 0, params, reply, sizeof(reply));
		if (status != want)
			ck_abort_msg("%s %s: %d: %s", name, params, status, cause);
		return reply;
	}
	ck_abort_msg("no method %s", name);
}

static uint64_t number_in(const char *reply, const char *key)
{
	uint64_t number = 0;
	if (!params_number(reply, key, &number))
		ck_abort_msg("no %s in %s", key, reply);
	return number;
}

static void sector_fill(uint8_t data[512], uint64_t sector, uint32_t count)
{
	for (uint32_t i = 0; i < 512; i += 8) {
		vmm_block_put_le32(data + i, (uint32_t)sector);
		vmm_block_put_le32(data + i + 4, count);
	}
}

/* Sectors of its own, so that the model is exact. */
static void sector_write(uint64_t sector)
{
	uint8_t data[512];
	uint32_t count = counts[sector] + 1;
	sector_fill(data, sector, count);
	if (vmm_block_image_write(disk.image, data, 512, sector * 512) < 0)
		ck_abort_msg("write: %s", cause);
	__atomic_store_n(&counts[sector], count, __ATOMIC_RELEASE);
}

static void *writer(void *self)
{
	uint32_t which = (uint32_t)(uintptr_t)self, seed = 77 + which;
	while (!__atomic_load_n(&stopping, __ATOMIC_ACQUIRE)) {
		seed = seed * 1664525u + 1013904223u;
		sector_write((seed >> 8) % (SECTORS / WRITERS) * WRITERS + which);
	}
	return NULL;
}

/* Wait for the end of a backup; its error, or 0. */
static const char *backup_wait(void)
{
	for (;;) {
		const char *reply = call("backup", "{\"do\": \"read\"}", 0);
		if (params_true(reply, "ended"))
			return reply;
		usleep(1000);
	}
}

static uint64_t backup(const char *target, const char *format, uint64_t since)
{
	char params[512];
	snprintf(params, sizeof(params),
		"{\"do\":\"start\",\"target\":\"%s\",\"format\":\"%s\",\"since\":%llu,\"begin\":true}", path_of(target),
		format, (unsigned long long)since);
	return number_in(call("backup", params, 0), "mark");
}

static void counts_copy(uint32_t *to)
{
	for (uint64_t i = 0; i < SECTORS; i++)
		to[i] = __atomic_load_n(&counts[i], __ATOMIC_ACQUIRE);
}

/* Each sector of the copy is whole, and between what was there before the instant and after it. */
static void copy_is(
	const char *name, const struct vmm_block_format *format, const uint32_t *least, const uint32_t *most)
{
	struct vmm_block_image *image = opened(name, format, VMM_BLOCK_READONLY);
	static uint8_t data[BLOCK], want[512];
	for (uint64_t i = 0; i < SECTORS; i++) {
		if (i % (BLOCK / 512) == 0)
			ck_assert_int_eq(vmm_block_image_read(image, data, BLOCK, i * 512), 0);
		const uint8_t *sector = data + i * 512 % BLOCK;
		uint32_t count = vmm_block_le32(sector + 4);
		ck_assert_uint_ge(count, least[i]);
		/* One that was on its way is counted when it has come back. */
		ck_assert_uint_le(count, most[i] + 1);
		sector_fill(want, count != 0 ? i : 0, count);
		ck_assert_int_eq(memcmp(sector, want, 512), 0);
	}
	vmm_block_image_close(image);
}

START_TEST(instants)
{
	static uint32_t before[SECTORS], after[SECTORS], now[SECTORS];
	pthread_t threads[WRITERS];
	setup();
	create("full", NULL);
	create("one", "full");
	for (uintptr_t i = 0; i < WRITERS; i++)
		pthread_create(&threads[i], NULL, writer, (void *)i);
	usleep(20000);
	counts_copy(before);
	backup("full", "raw", 0);
	counts_copy(after);
	ck_assert_ptr_nonnull(strstr(backup_wait(), "\"error\": null"));
	ck_assert_uint_eq(number_in(backup_wait(), "done"), LENGTH);
	copy_is("full", &vmm_block_raw, before, after);
	/* Fewer writers, so that not all of it changes. */
	__atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&stopping, 0, __ATOMIC_RELEASE);
	create("second", NULL);
	uint64_t mark = backup("second", "raw", 0);
	backup_wait();
	for (uint32_t round = 0; round < 20; round++) {
		char name[32];
		snprintf(name, sizeof(name), "delta-%u", round);
		create(name, "second");
		for (uint32_t i = 0; i < 20; i++)
			sector_write((round * 7 + i * 131) % SECTORS);
		pthread_create(&threads[0], NULL, writer, (void *)(uintptr_t)0);
		usleep(500);
		counts_copy(before);
		uint64_t next = backup(name, "delta", mark);
		counts_copy(after);
		__atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
		pthread_join(threads[0], NULL);
		__atomic_store_n(&stopping, 0, __ATOMIC_RELEASE);
		ck_assert_ptr_nonnull(strstr(backup_wait(), "\"error\": null"));
		ck_assert_uint_gt(next, mark);
		/* Over the copy from before it is what the disk was then. */
		copy_is(name, &vmm_block_delta, before, after);
	}
	/* With nobody about, the copy is the disk. */
	create("last", "second");
	counts_copy(now);
	backup("last", "delta", mark);
	backup_wait();
	copy_is("last", &vmm_block_delta, now, now);
	teardown();
}
END_TEST

/* What is written after a mark is changed since it, even if it was on its way when the mark was set. */
START_TEST(marks)
{
	pthread_t threads[WRITERS];
	static uint32_t before[SECTORS];
	setup();
	call("mark", "{}", -ENOENT);
	ck_assert_ptr_nonnull(strstr(cause, "keeps track"));
	ck_assert_ptr_nonnull(strstr(call("image", "{}", 0), "\"tracked\": false"));
	uint64_t mark = number_in(call("mark", "{\"begin\": true}", 0), "mark");
	ck_assert_ptr_nonnull(strstr(call("image", "{}", 0), "\"tracked\": true"));
	for (uintptr_t i = 0; i < WRITERS; i++)
		pthread_create(&threads[i], NULL, writer, (void *)i);
	for (uint32_t round = 0; round < 200; round++) {
		usleep(round % 7 * 30);
		uint64_t next = number_in(call("mark", "{}", 0), "mark");
		ck_assert_uint_gt(next, mark);
		mark = next;
		counts_copy(before);
		usleep(300);
		/* What has risen since then is among the changes. */
		static uint32_t after[SECTORS];
		uint8_t is[BLOCKS] = { 0 };
		counts_copy(after);
		char params[64];
		snprintf(params, sizeof(params), "{\"since\":%llu}", (unsigned long long)mark);
		const char *reply = call("changes", params, 0);
		for (const char *at = strchr(reply + 2, '['); at != NULL && (at = strchr(at + 1, '[')) != NULL;) {
			unsigned long long offset = 0, length = 0;
			ck_assert_int_eq(sscanf(at, "[%llu, %llu]", &offset, &length), 2);
			memset(is + offset / BLOCK, 1, length / BLOCK);
		}
		for (uint64_t i = 0; i < SECTORS; i++)
			ck_assert(after[i] == before[i] || is[i * 512 / BLOCK]);
	}
	__atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	teardown();
}
END_TEST

/* A write to the disk that takes its time: 1: it may, 2: it does. */
static int32_t disk_slow(
	void *self, const char *name, uint32_t event, const void *data, uint64_t length, uint64_t offset)
{
	uint32_t *slow = self;
	(void)data;
	(void)length;
	(void)offset;
	if (event != VMM_BLOCK_EVENT_WRITE || strcmp(name + strlen(name) - 5, "/disk") != 0)
		return 0;
	if (__atomic_load_n(slow, __ATOMIC_ACQUIRE) == 1)
		__atomic_store_n(slow, 2, __ATOMIC_RELEASE);
	while (__atomic_load_n(slow, __ATOMIC_ACQUIRE) != 0)
		usleep(100);
	return 0;
}

static void *write_one(void *self)
{
	(void)self;
	sector_write(5);
	return NULL;
}

static void *mark_one(void *self)
{
	call("mark", "{}", 0);
	__atomic_store_n((uint32_t *)self, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* A write that has begun is waited for: its block has the old mark, so its data must be there, too. */
START_TEST(waiting)
{
	pthread_t threads[2];
	uint32_t slow = 1, marked = 0;
	setup();
	call("mark", "{\"begin\": true}", 0);
	vmm_block_watch(disk_slow, &slow);
	pthread_create(&threads[0], NULL, write_one, NULL);
	while (__atomic_load_n(&slow, __ATOMIC_ACQUIRE) != 2)
		usleep(100);
	pthread_create(&threads[1], NULL, mark_one, &marked);
	usleep(30000);
	ck_assert_uint_eq(__atomic_load_n(&marked, __ATOMIC_ACQUIRE), 0);
	__atomic_store_n(&slow, 0, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	vmm_block_watch(NULL, NULL);
	ck_assert_uint_eq(marked, 1);
	teardown();
}
END_TEST

/* A machine that is killed: what it had written since a mark it has given is changed. */
START_TEST(killed)
{
	setup();
	disk_close_test();
	uint64_t *given = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t *old = mmap(NULL, SECTORS * 4, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (uint32_t round = 0; round < 12; round++) {
		*given = 0;
		pid_t child = fork();
		if (child == 0) {
			pthread_t thread;
			disk_open_test();
			call("mark", "{\"begin\": true}", 0);
			pthread_create(&thread, NULL, writer, (void *)(uintptr_t)(round % WRITERS));
			usleep(2000);
			uint64_t mark = number_in(call("mark", "{}", 0), "mark");
			counts_copy(old);
			__atomic_store_n(given, mark, __ATOMIC_RELEASE);
			pause();
		}
		for (uint32_t i = 0; i < 20000 && __atomic_load_n(given, __ATOMIC_ACQUIRE) == 0; i++)
			usleep(1000);
		usleep(round * 200);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		ck_assert_uint_ne(*given, 0);
		struct vmm_block_image *image = opened("disk", &vmm_block_raw, 0);
		for (uint64_t i = 0; i < SECTORS; i++) {
			uint64_t same;
			uint32_t changed = 0;
			uint8_t sector[512];
			ck_assert_int_eq(vmm_block_image_read(image, sector, 512, i * 512), 0);
			uint32_t count = vmm_block_le32(sector + 4);
			ck_assert_int_eq(vmm_block_image_changed(image, *given, i * 512, 512, &same, &changed), 0);
			ck_assert(count == old[i] || changed);
			counts[i] = count;
		}
		vmm_block_image_close(image);
	}
	munmap(given, 4096);
	munmap(old, SECTORS * 4);
	disk_open_test();
	teardown();
}
END_TEST

/* What goes wrong with a backup never reaches the guest. */
static int32_t target_full(
	void *self, const char *name, uint32_t event, const void *data, uint64_t length, uint64_t offset)
{
	(void)self;
	(void)data;
	(void)length;
	(void)offset;
	return event == VMM_BLOCK_EVENT_WRITE && strstr(name, "full") != NULL ? -ENOSPC : 0;
}

/* A target that takes its time. */
static int32_t target_slow(
	void *self, const char *name, uint32_t event, const void *data, uint64_t length, uint64_t offset)
{
	(void)data;
	(void)length;
	(void)offset;
	while (event == VMM_BLOCK_EVENT_WRITE && strstr(name, "full") != NULL &&
		__atomic_load_n((uint32_t *)self, __ATOMIC_ACQUIRE))
		usleep(100);
	return 0;
}

START_TEST(failures)
{
	char params[512];
	setup();
	for (uint64_t i = 0; i < SECTORS; i += 3)
		sector_write(i);
	call("backup", "{\"do\": \"read\"}", -EINVAL);
	call("backup", "{}", -EINVAL);
	call("backup", "{\"do\": \"start\"}", -EINVAL);
	call("backup", "{\"do\": \"start\", \"target\": \"full\"}", -EINVAL);
	call("changes", "{}", -EINVAL);
	snprintf(params, sizeof(params), "{\"do\":\"start\",\"target\":\"%s\"}", path_of("missing"));
	call("backup", params, -ENOENT);
	/* Since a mark that nobody has given. */
	create("full", NULL);
	snprintf(params, sizeof(params), "{\"do\":\"start\",\"target\":\"%s\",\"begin\":true,\"since\":99999999999}",
		path_of("full"));
	call("backup", params, -EINVAL);
	ck_assert_ptr_nonnull(strstr(cause, "no mark"));
	vmm_block_watch(target_full, NULL);
	backup("full", "raw", 0);
	sector_write(SECTORS - 1);
	ck_assert_ptr_nonnull(strstr(backup_wait(), strerror(ENOSPC)));
	vmm_block_watch(NULL, NULL);
	/* The next one is none the worse. */
	ck_assert_uint_ne(backup("full", "raw", 0), 0);
	ck_assert_ptr_nonnull(strstr(backup_wait(), "null"));
	copy_is("full", &vmm_block_raw, counts, counts);
	/* One at a time. */
	uint32_t slow = 1;
	vmm_block_watch(target_slow, &slow);
	backup("full", "raw", 0);
	call("backup", "{\"do\":\"start\",\"target\":\"/nowhere\"}", -EBUSY);
	__atomic_store_n(&slow, 0, __ATOMIC_RELEASE);
	backup_wait();
	vmm_block_watch(NULL, NULL);
	/* Cut short: by a cancel, and by the end of the machine. */
	backup("full", "raw", 0);
	call("backup", "{\"do\": \"cancel\"}", 0);
	call("backup", "{\"do\": \"read\"}", -EINVAL);
	backup("full", "raw", 0);
	/* A drive that is only read. */
	disk.readonly = 1;
	call("mark", "{}", -EROFS);
	disk.readonly = 0;
	teardown();
}
END_TEST

START_TEST(params)
{
	static const char good[] =
		"{\"a\" : \"x\\\"\\u000ay\\\\\",\"b\":{\"n\":[1,\"}\"]},\"n\":17 , \"t\":true,\"f\":false}";
	char text[16];
	uint64_t number = 0;
	ck_assert(params_text(good, "a", text, sizeof(text)));
	ck_assert_str_eq(text, "x\"\ny\\");
	ck_assert(!params_text(good, "a", text, 4));
	ck_assert(params_number(good, "n", &number));
	ck_assert_uint_eq(number, 17);
	ck_assert(params_true(good, "t") && !params_true(good, "f") && !params_true(good, "u"));
	ck_assert(!params_number(good, "a", &number) && !params_text(good, "n", text, sizeof(text)));
	/* However it is cut, it is read no further. */
	for (size_t i = 0; i < sizeof(good); i++) {
		char *cut = strndup(good, i);
		params_text(cut, "a", text, sizeof(text));
		ck_assert(i >= sizeof(good) - 2 || !params_true(cut, "zz"));
		params_number(cut, "n", &number);
		free(cut);
	}
	ck_assert(!params_number("[\"n\", 3]", "n", &number) && !params_number("", "n", &number));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { instants, marks, waiting, killed, failures, params };
	Suite *suite = suite_create("block backup");
	TCase *tcase = tcase_create("block backup");
	tcase_set_timeout(tcase, 120);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
