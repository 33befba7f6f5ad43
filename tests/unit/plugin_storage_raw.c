/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "plugin_test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm/port-storage.h>

#define REQUESTS 32
#define BUSY     1 /* no status has this value */

/* The drive. */
struct drive {
	const struct vmm_storage_lower *image;
	void *self;
	struct fake_link *link;
	int32_t status[REQUESTS]; /* by token */
	uint32_t completed;
};

static struct fake *fake;
static char folder[64], path[128];

static void complete(void *self, uint64_t token, int32_t status)
{
	struct drive *drive = self;
	ck_assert_uint_lt(token, REQUESTS);
	ck_assert_int_eq(drive->status[token], BUSY); /* exactly once */
	drive->status[token] = status;
	drive->completed++;
}

static void quiet(void *self)
{
	(void)self;
}

static void resized(void *self, uint64_t length)
{
	(void)self;
	(void)length;
}

static const struct vmm_storage_upper drive_upper = {
	.struct_size = sizeof(struct vmm_storage_upper),
	.complete = complete,
	.media_changed = quiet,
	.resized = resized,
};

static void drive_join(struct drive *drive, struct fake_instance *instance)
{
	struct vmm_port_side lower;
	const struct vmm_port_side upper = { .struct_size = sizeof(upper), .table = &drive_upper, .self = drive };
	memset(drive, 0, sizeof(*drive));
	ck_assert_int_eq(fake_side(instance, "storage", &lower), 0);
	drive->link = fake_join_sides(fake, &upper, &lower, VMM_PORT_STORAGE, 0);
	ck_assert_ptr_nonnull(drive->link);
	drive->image = drive->link->upper.peer;
	drive->self = drive->link->upper.peer_self;
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/vmm-raw-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/disk.img", folder);
	fake = fake_new();
	fake_set(fake, "d", "path", path);
}

static void teardown(void)
{
	fake_free(fake);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing is left behind */
}

static void file_make(uint64_t length, uint8_t first)
{
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	for (uint64_t i = 0; i < length; i++)
		fputc((uint8_t)(first + (i >> 9)), file);
	fclose(file);
}

static uint8_t file_byte(uint64_t offset)
{
	uint8_t byte = 0xee;
	int fd = open(path, O_RDONLY);
	ck_assert_int_eq(pread(fd, &byte, 1, (off_t)offset), 1);
	close(fd);
	return byte;
}

static uint64_t file_length(void)
{
	struct stat what;
	ck_assert_int_eq(stat(path, &what), 0);
	return (uint64_t)what.st_size;
}

static int32_t begin(struct drive *drive, uint64_t token, uint32_t operation, uint64_t offset,
	const struct vmm_storage_segment *segments, uint32_t count, uint64_t length)
{
	const struct vmm_storage_request request = {
		.struct_size = sizeof(request),
		.operation = operation,
		.token = token,
		.offset = offset,
		.length = length,
		.segments = segments,
		.segment_count = count,
	};
	drive->status[token] = BUSY;
	int32_t status = drive->image->submit(drive->self, &request);
	ck_assert_int_le(status, 0);
	if (status == 0)
		ck_assert_int_eq(drive->status[token], BUSY); /* never inside submit */
	return status;
}

/* Until `count` requests have been completed: the image has threads of its own. */
static void wait_for(struct drive *drive, uint32_t count)
{
	for (uint32_t i = 0; i < 30000 && drive->completed < count; i++) {
		if (fake_poll(fake, 0) == 0)
			usleep(1000);
	}
	ck_assert_uint_ge(drive->completed, count);
}

static int32_t request(struct drive *drive, uint32_t operation, uint64_t offset, void *data, uint64_t length)
{
	const struct vmm_storage_segment segment = { data, length };
	int32_t status = begin(drive, 0, operation, offset, &segment, data != NULL, length);
	if (status < 0)
		return status;
	for (uint32_t i = 0; i < 30000 && drive->status[0] == BUSY; i++) {
		if (fake_poll(fake, 0) == 0)
			usleep(100);
	}
	ck_assert_int_ne(drive->status[0], BUSY);
	return drive->status[0];
}

static struct vmm_storage_info info_of(struct drive *drive)
{
	struct vmm_storage_info info = { .struct_size = sizeof(info) };
	ck_assert_int_eq(drive->image->info(drive->self, &info), 0);
	return info;
}

static int32_t fails(const char *cause)
{
	struct fake_instance *instance = fake_create(fake, "storage-raw", "d");
	int32_t status = fake_init(instance);
	ck_assert_int_lt(status, 0);
	if (strstr(fake->cause, cause) == NULL || fake->remedy[0] == '\0')
		ck_abort_msg("`%s` does not say `%s` (remedy `%s`)", fake->cause, cause, fake->remedy);
	fake_destroy(instance);
	return status;
}

START_TEST(read_write)
{
	static uint8_t data[8192], back[8192];
	struct drive drive;
	setup();
	file_make(65536, 1);
	drive_join(&drive, fake_add(fake, "storage-raw", "d"));
	struct vmm_storage_info info = info_of(&drive);
	ck_assert_uint_eq(info.length, 65536);
	ck_assert_uint_eq(info.block_size, 512);
	ck_assert_uint_eq(info.capabilities & VMM_STORAGE_READONLY, 0);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, 512 * 5, data, 1024), 0);
	ck_assert_uint_eq(data[0], 6);
	ck_assert_uint_eq(data[1023], 7);
	memset(data, 0xa5, sizeof(data));
	ck_assert_int_eq(request(&drive, VMM_STORAGE_WRITE, 4096, data, sizeof(data)), 0);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_FLUSH, 0, NULL, 0), 0);
	ck_assert_uint_eq(file_byte(4095), 8);
	ck_assert_uint_eq(file_byte(4096), 0xa5);
	ck_assert_uint_eq(file_byte(4096 + 8191), 0xa5);
	ck_assert_uint_eq(file_byte(4096 + 8192), 25);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_WRITE_ZEROES, 4608, NULL, 1024), 0);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, 4096, back, sizeof(back)), 0);
	memset(data + 512, 0, 1024);
	ck_assert_mem_eq(back, data, sizeof(data));
	if ((info.capabilities & VMM_STORAGE_CAN_DISCARD) != 0) {
		ck_assert_int_eq(request(&drive, VMM_STORAGE_DISCARD, 0, NULL, 65536), 0);
		ck_assert_uint_eq(file_byte(1), 0);
		ck_assert_uint_eq(file_length(), 65536);
	}
	/* Outside, unaligned, unknown, segments that do not add up. */
	ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, 65536, data, 512), -EINVAL);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, UINT64_MAX - 511, data, 1024), -EINVAL);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, 100, data, 512), -EINVAL);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, 0, data, 100), -EINVAL);
	ck_assert_int_eq(request(&drive, 77, 0, data, 512), -EOPNOTSUPP);
	const struct vmm_storage_segment wrong[2] = { { data, 512 }, { data, UINT64_MAX - 511 } };
	ck_assert_int_eq(begin(&drive, 1, VMM_STORAGE_WRITE, 0, wrong, 2, 0), -EINVAL);
	ck_assert_int_eq(begin(&drive, 1, VMM_STORAGE_WRITE, 0, wrong, 1, 1024), -EINVAL);
	teardown();
}
END_TEST

/* Many at once, each with many segments, some of them empty. */
START_TEST(in_flight)
{
	static uint8_t data[16][4096], back[16][4096];
	static struct vmm_storage_segment segments[16][130];
	struct drive drive;
	setup();
	fake_set(fake, "d", "size", "65536");
	drive_join(&drive, fake_add(fake, "storage-raw", "d"));
	ck_assert_uint_eq(file_length(), 65536);
	for (uint32_t i = 0; i < 16; i++) {
		memset(data[i], (int)(i + 1), sizeof(data[i]));
		for (uint32_t k = 0; k < 130; k++)
			segments[i][k] = (struct vmm_storage_segment){ data[i] + (k < 128 ? k * 32 : 0),
				k < 128 ? 32 : 0 };
		ck_assert_int_eq(begin(&drive, i, VMM_STORAGE_WRITE, i * 4096, segments[i], 130, 4096), 0);
	}
	drive.image->cancel(drive.self, 3);
	drive.image->cancel(drive.self, 99);
	wait_for(&drive, 16);
	/* It may have been begun by then. */
	if (drive.status[3] != 0)
		ck_assert_int_eq(drive.status[3], -ECANCELED);
	uint32_t cancelled = drive.status[3] != 0;
	for (uint32_t i = 0; i < 16; i++) {
		ck_assert_int_eq(drive.status[i], i == 3 && cancelled ? -ECANCELED : 0);
		for (uint32_t k = 0; k < 130; k++)
			segments[i][k].data = k < 128 ? back[i] + k * 32 : NULL;
		ck_assert_int_eq(begin(&drive, i, VMM_STORAGE_READ, i * 4096, segments[i], 130, 4096), 0);
	}
	wait_for(&drive, 32);
	if (cancelled)
		memset(data[3], 0, sizeof(data[3]));
	ck_assert_mem_eq(back, data, sizeof(data));
	teardown();
}
END_TEST

/* A stop parks what no thread has begun, and waits for the rest; so does parting. */
START_TEST(parked)
{
	enum { COUNT = 30 };
	static uint8_t data[512];
	const struct vmm_storage_segment segment = { data, sizeof(data) };
	struct drive drive;
	setup();
	file_make(512 * COUNT, 1);
	struct fake_instance *instance = fake_add(fake, "storage-raw", "d");
	drive_join(&drive, instance);
	memset(data, 0xa5, sizeof(data));
	for (uint32_t i = 0; i < COUNT; i++)
		ck_assert_int_eq(begin(&drive, i, VMM_STORAGE_WRITE, 512 * i, &segment, 1, 512), 0);
	instance->instance.ops->stop(instance->instance.self);
	ck_assert_uint_eq(drive.completed, COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		if (drive.status[i] != 0)
			ck_assert_int_eq(drive.status[i], -ECANCELED);
		ck_assert_uint_eq(file_byte(512 * i), drive.status[i] == 0 ? 0xa5 : 1 + i);
	}
	fake_poll(fake, 0);
	ck_assert_uint_eq(drive.completed, COUNT);
	ck_assert_int_eq(begin(&drive, 7, VMM_STORAGE_WRITE, 0, &segment, 1, 512), 0);
	fake_part(fake, drive.link);
	ck_assert_int_ne(drive.status[7], BUSY);
	fake_poll(fake, 0);
	drive_join(&drive, instance);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, 0, data, 512), 0);
	teardown();
}
END_TEST

START_TEST(odd_length)
{
	static uint8_t data[1024];
	struct drive drive;
	setup();
	file_make(1500, 1);
	drive_join(&drive, fake_add(fake, "storage-raw", "d"));
	ck_assert_uint_eq(info_of(&drive).length, 1536);
	memset(data, 0xff, sizeof(data));
	ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, 512, data, 1024), 0);
	ck_assert_uint_eq(data[1500 - 512 - 1], 3);
	ck_assert_uint_eq(data[1500 - 512], 0);
	ck_assert_uint_eq(data[1023], 0);
	ck_assert_uint_eq(file_length(), 1500); /* reading changes nothing */
	ck_assert_int_eq(request(&drive, VMM_STORAGE_WRITE, 1024, data, 512), 0);
	ck_assert_uint_eq(file_length(), 1536);
	/* Somebody cuts it: zeros; a write makes it long again. */
	ck_assert_int_eq(truncate(path, 100), 0);
	memset(data, 0xff, sizeof(data));
	ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, 512, data, 1024), 0);
	ck_assert_uint_eq(data[0], 0);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_WRITE, 1024, data, 512), 0);
	ck_assert_uint_eq(file_length(), 1536);
	teardown();
}
END_TEST

START_TEST(read_only)
{
	static uint8_t data[2048];
	struct drive drive;
	setup();
	file_make(40960, 1);
	int fd = open(path, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "CD001", 5, 32769), 5);
	close(fd);
	struct fake_instance *instance = fake_add(fake, "storage-raw", "d");
	drive_join(&drive, instance);
	ck_assert_uint_ne(info_of(&drive).capabilities & VMM_STORAGE_READONLY, 0);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_WRITE, 0, data, 512), -EROFS);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_DISCARD, 0, NULL, 512), -EROFS);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_FLUSH, 0, NULL, 0), 0);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, 32768, data, 2048), 0);
	ck_assert_int_eq(memcmp(data + 1, "CD001", 5), 0);
	ck_assert(fake_round_trip(instance));
	fake_part(fake, drive.link);
	fake_destroy(instance);
	fake_set(fake, "e", "path", path);
	fake_set(fake, "e", "readonly", "no");
	drive_join(&drive, fake_add(fake, "storage-raw", "e"));
	ck_assert_int_eq(request(&drive, VMM_STORAGE_WRITE, 0, data, 512), 0);
	teardown();
}
END_TEST

START_TEST(probing)
{
	static uint8_t head[40000];
	struct vmm_probe file = { .struct_size = sizeof(file), .path = "/x", .head = head, .head_length = 1000 };
	fake = fake_new();
	struct fake_instance *instance = fake_create(fake, "storage-raw", "d");
	ck_assert_uint_eq(instance->factory->probe(0, &file), 1);
	file.head_length = sizeof(head);
	memcpy(head + 32769, "CD001", 5);
	ck_assert_uint_eq(instance->factory->probe(0, &file), 60);
	file.head_length = 32773;
	ck_assert_uint_eq(instance->factory->probe(0, &file), 1);
	file.flags = VMM_PROBE_BLOCK;
	ck_assert_uint_eq(instance->factory->probe(0, &file), 1);
	file.flags = VMM_PROBE_FOLDER;
	ck_assert_uint_eq(instance->factory->probe(0, &file), 0);
	fake_free(fake);
}
END_TEST

START_TEST(locks)
{
	setup();
	file_make(4096, 1);
	fake_set(fake, "e", "path", path);
	fake_set(fake, "e", "readonly", "yes");
	fake_set(fake, "f", "path", path);
	fake_set(fake, "f", "mode", "nonpersistent");
	struct fake_instance *writer = fake_add(fake, "storage-raw", "d");
	struct fake_instance *second = fake_create(fake, "storage-raw", "e");
	ck_assert_int_eq(fake_init(second), -EBUSY);
	ck_assert_ptr_nonnull(strstr(fake->cause, "in use"));
	fake_destroy(second);
	fake_destroy(writer);
	struct fake_instance *reader = fake_add(fake, "storage-raw", "e");
	struct fake_instance *other = fake_add(fake, "storage-raw", "f");
	ck_assert_int_eq(fails("in use"), -EBUSY);
	fake_destroy(reader);
	fake_destroy(other);
	/* A lock of the older kind has a holder with a name. */
	int pipes[2];
	char byte;
	ck_assert_int_eq(pipe(pipes), 0);
	pid_t child = fork();
	if (child == 0) {
		struct flock lock = { .l_type = F_WRLCK };
		int fd = open(path, O_RDWR);
		if (fcntl(fd, F_SETLK, &lock) < 0)
			_exit(1);
		if (write(pipes[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(pipes[0], &byte, 1), 1);
	char name[32];
	snprintf(name, sizeof(name), "process %d", (int)child);
	ck_assert_int_eq(fails(name), -EBUSY);
	kill(child, SIGKILL);
	close(pipes[0]);
	close(pipes[1]);
	teardown();
}
END_TEST

START_TEST(nonpersistent)
{
	static uint8_t data[20000], back[40960];
	struct drive drive;
	struct drive twin;
	setup();
	file_make(40000, 1);
	fake_set(fake, "d", "mode", "nonpersistent");
	struct fake_instance *instance = fake_add(fake, "storage-raw", "d");
	drive_join(&drive, instance);
	memset(data, 0xa5, sizeof(data));
	ck_assert_int_eq(request(&drive, VMM_STORAGE_WRITE, 512, data, 512), 0);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_WRITE, 5120, data, 10240), 0);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_WRITE, 39936, data, 512), 0); /* past the file's end */
	ck_assert_int_eq(request(&drive, VMM_STORAGE_WRITE_ZEROES, 20480, NULL, 8192), 0);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_DISCARD, 1024, NULL, 512), 0);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_FLUSH, 0, NULL, 0), 0);
	ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, 0, back, 40448), 0);
	for (uint32_t i = 0; i < 40448; i++) {
		uint32_t sector = i >> 9;
		uint8_t expect = (uint8_t)(i < 40000 ? 1 + sector : 0);
		if (sector == 1 || (sector >= 10 && sector < 30) || sector == 78)
			expect = 0xa5;
		if (sector == 2 || (sector >= 40 && sector < 56))
			expect = 0;
		if (back[i] != expect)
			ck_abort_msg("byte %u is %#x, not %#x", i, back[i], expect);
	}
	/* The file is as it was. */
	ck_assert_uint_eq(file_length(), 40000);
	for (uint32_t i = 0; i < 40000; i += 512)
		ck_assert_uint_eq(file_byte(i), (uint8_t)(1 + (i >> 9)));
	/* A state has the changes, and the same machine loaded elsewhere sees them. */
	fake_reset(fake, VMM_RESET_HARD);
	ck_assert(fake_round_trip(instance));
	struct fake_state *state = fake_save(instance);
	fake_set(fake, "e", "path", path);
	fake_set(fake, "e", "mode", "nonpersistent");
	struct fake_instance *other = fake_add(fake, "storage-raw", "e");
	drive_join(&twin, other);
	ck_assert_int_eq(request(&twin, VMM_STORAGE_WRITE, 30208, data, 512), 0); /* to be forgotten */
	ck_assert_int_eq(fake_load(other, state), 0);
	static uint8_t again[40448];
	ck_assert_int_eq(request(&twin, VMM_STORAGE_READ, 0, again, 40448), 0);
	ck_assert_mem_eq(again, back, sizeof(again));
	/* Out of range, cut short, another mode, another length. */
	struct fake_field *run = fake_state_field(state, "run.0");
	ck_assert_ptr_nonnull(run);
	run->bytes[1] = 0xff;
	ck_assert_int_eq(fake_load(other, state), -EINVAL);
	run->bytes[1] = 0;
	run->length--;
	ck_assert_int_eq(fake_load(other, state), -EINVAL);
	run->length++;
	fake_state_field(state, "runs")->value++;
	ck_assert_int_lt(fake_load(other, state), 0);
	fake_state_field(state, "runs")->value--;
	fake_state_field(state, "length")->value += 512;
	ck_assert_int_eq(fake_load(other, state), -EINVAL);
	fake_state_field(state, "length")->value -= 512;
	fake_state_field(state, "changes")->value = 0;
	ck_assert_int_eq(fake_load(other, state), -EINVAL);
	fake_state_free(state);
	teardown();
}
END_TEST

/* Changes that are kept beside the image, until somebody says what becomes of them. */
START_TEST(undoable)
{
	static uint8_t data[8192], back[8192];
	char redo[160];
	struct drive drive;
	setup();
	snprintf(redo, sizeof(redo), "%s.redo", path);
	file_make(200000, 1);
	fake_set(fake, "d", "mode", "undoable");
	for (uint32_t round = 0; round < 2; round++) {
		struct fake_instance *instance = fake_add(fake, "storage-raw", "d");
		drive_join(&drive, instance);
		if (round == 1) {
			ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, 4096, back, sizeof(back)), 0);
			ck_assert_mem_eq(back, data, sizeof(back));
		}
		memset(data, 0xa5 + (int)round, sizeof(data));
		ck_assert_int_eq(request(&drive, VMM_STORAGE_WRITE, 4096, data, sizeof(data)), 0);
		ck_assert_int_eq(request(&drive, VMM_STORAGE_DISCARD, 0, NULL, 4096), 0);
		ck_assert_int_eq(request(&drive, VMM_STORAGE_FLUSH, 0, NULL, 0), 0);
		ck_assert(fake_round_trip(instance));
		/* Another may read the image meanwhile, but not have the changes. */
		fake_set(fake, "e", "path", path);
		fake_set(fake, "e", "mode", "undoable");
		struct fake_instance *second = fake_create(fake, "storage-raw", "e");
		ck_assert_int_eq(fake_init(second), -EBUSY);
		fake_destroy(second);
		fake_part(fake, drive.link);
		fake_destroy(instance);
		ck_assert_uint_eq(file_byte(4096), 9);
		ck_assert_uint_eq(file_byte(0), 1);
	}
	fake_free(fake);
	fake = fake_new();
	fake_set(fake, "d", "path", path);
	ck_assert_int_eq(fails("there are changes"), -EBUSY);
	ck_assert_ptr_nonnull(strstr(fake->remedy, "vmm disk commit"));
	unlink(redo);
	fake_set(fake, "d", "mode", "independent-persistent");
	drive_join(&drive, fake_add(fake, "storage-raw", "d"));
	ck_assert_uint_ne(info_of(&drive).capabilities & VMM_STORAGE_INDEPENDENT, 0);
	teardown();
}
END_TEST

/* More changes than fit in one field. */
START_TEST(many_changes)
{
	static uint8_t data[1 << 20], back[1 << 20];
	struct drive drive;
	setup();
	file_make(512, 1);
	fake_set(fake, "d", "mode", "nonpersistent");
	fake_set(fake, "d", "size", "1073741824");
	struct fake_instance *instance = fake_add(fake, "storage-raw", "d");
	drive_join(&drive, instance);
	ck_assert_uint_eq(info_of(&drive).length, UINT64_C(1) << 30);
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + (i >> 8));
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(
			request(&drive, VMM_STORAGE_WRITE, (700u << 20) + i * sizeof(data) + 512, data, sizeof(data)),
			0);
	ck_assert(fake_round_trip(instance));
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_int_eq(
			request(&drive, VMM_STORAGE_READ, (700u << 20) + i * sizeof(data) + 512, back, sizeof(data)),
			0);
		ck_assert_mem_eq(back, data, sizeof(data));
	}
	ck_assert_uint_eq(file_length(), 512);
	teardown();
}
END_TEST

START_TEST(growing)
{
	struct drive drive;
	setup();
	file_make(1024, 1);
	fake_set(fake, "d", "size", "1048576");
	fake_set(fake, "d", "cache", "writethrough");
	struct fake_instance *instance = fake_add(fake, "storage-raw", "d");
	drive_join(&drive, instance);
	ck_assert_uint_eq(file_length(), 1048576);
	ck_assert_uint_eq(info_of(&drive).length, 1048576);
	static uint8_t data[512];
	ck_assert_int_eq(request(&drive, VMM_STORAGE_WRITE, 512, data, 512), 0);
	fake_part(fake, drive.link);
	fake_destroy(instance);
	/* Never smaller. */
	fake_set(fake, "e", "path", path);
	fake_set(fake, "e", "size", "4096");
	drive_join(&drive, fake_add(fake, "storage-raw", "e"));
	ck_assert_uint_eq(file_length(), 1048576);
	ck_assert_uint_eq(info_of(&drive).length, 1048576);
	teardown();
}
END_TEST

START_TEST(no_room)
{
	static uint8_t data[4096];
	struct rlimit before;
	struct rlimit limit;
	struct drive drive;
	setup();
	file_make(8192, 1);
	drive_join(&drive, fake_add(fake, "storage-raw", "d"));
	ck_assert_int_eq(truncate(path, 4096), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 6144;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	int32_t status = request(&drive, VMM_STORAGE_WRITE, 4096, data, 4096);
	fake_set(fake, "big", "size", "1000000");
	char other[160];
	snprintf(other, sizeof(other), "%s/big", folder);
	fake_set(fake, "big", "path", other);
	struct fake_instance *big = fake_create(fake, "storage-raw", "big");
	int32_t grown = fake_init(big);
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_DFL);
	ck_assert_int_eq(status, -EFBIG);
	ck_assert_int_eq(grown, -EFBIG);
	ck_assert_int_lt(access(other, F_OK), 0); /* what could not be made is not left behind */
	ck_assert_ptr_nonnull(strstr(fake->log, "write of 4096 bytes at 4096"));
	teardown();
}
END_TEST

/* No room: the machine is paused, and the request comes back to the drive when it is stopped. */
START_TEST(pausing)
{
	static uint8_t data[4096];
	const struct vmm_storage_segment segment = { data, sizeof(data) };
	struct rlimit before;
	struct rlimit limit;
	struct drive drive;
	setup();
	file_make(8192, 1);
	fake_set(fake, "d", "on-error", "pause");
	struct fake_instance *instance = fake_add(fake, "storage-raw", "d");
	drive_join(&drive, instance);
	ck_assert_int_eq(truncate(path, 4096), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 4096;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	memset(data, 0xa5, sizeof(data));
	ck_assert_int_eq(begin(&drive, 1, VMM_STORAGE_WRITE, 4096, &segment, 1, 4096), 0);
	for (uint32_t i = 0; i < 30000 && fake->requests[VMM_POWER_PAUSE] == 0; i++) {
		if (fake_poll(fake, 0) == 0)
			usleep(1000);
	}
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, SIG_DFL);
	ck_assert_uint_eq(fake->requests[VMM_POWER_PAUSE], 1);
	ck_assert_uint_eq(drive.completed, 0);
	ck_assert_ptr_nonnull(strstr(fake->log, "paused"));
	/* What the host can do still works meanwhile. */
	ck_assert_int_eq(request(&drive, VMM_STORAGE_WRITE, 0, data, 512), 0);
	instance->instance.ops->stop(instance->instance.self);
	ck_assert_int_eq(drive.status[1], -ECANCELED);
	ck_assert_int_eq(begin(&drive, 1, VMM_STORAGE_WRITE, 4096, &segment, 1, 4096), 0);
	wait_for(&drive, 3);
	ck_assert_int_eq(drive.status[1], 0);
	ck_assert_uint_eq(file_byte(8191), 0xa5);
	/* Nothing that the user could mend: told to the guest. */
	ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, 8192, data, 512), -EINVAL);
	teardown();
}
END_TEST

/* Requests of any size and place, many at a time, that do not overlap: what is there afterwards? */
static void crowd(const char *cache, const char *ring, uint32_t seed)
{
	enum { LENGTH = 4 << 20, PART = LENGTH / REQUESTS };
	static uint8_t model[LENGTH], data[REQUESTS][PART], back[LENGTH];
	struct vmm_storage_segment segments[REQUESTS][3];
	struct drive drive;
	setup();
	setenv("VMM_BLOCK_RING", ring, 1);
	fake_set(fake, "d", "size", "4194304");
	fake_set(fake, "d", "cache", cache);
	struct fake_instance *instance = fake_add(fake, "storage-raw", "d");
	drive_join(&drive, instance);
	memset(model, 0, sizeof(model));
	for (uint32_t round = 0; round < 40; round++) {
		uint32_t before = drive.completed;
		for (uint32_t i = 0; i < REQUESTS; i++) {
			seed = seed * 1664525u + 1013904223u;
			uint32_t first = (seed >> 8) % (PART / 512), count = 1 + (seed >> 20) % (PART / 512 - first);
			uint32_t offset = i * PART + first * 512, length = count * 512, what = seed >> 29;
			/* Memory that is not aligned, and parts that are not whole sectors. */
			segments[i][0] = (struct vmm_storage_segment){ data[i], 100 };
			segments[i][1] = (struct vmm_storage_segment){ data[i] + 100, 0 };
			segments[i][2] = (struct vmm_storage_segment){ data[i] + 100, length - 100 };
			if (what == 0) {
				memset(model + offset, 0, length);
				begin(&drive, i, VMM_STORAGE_DISCARD, offset, NULL, 0, length);
			} else if (what == 1) {
				begin(&drive, i, VMM_STORAGE_FLUSH, 0, NULL, 0, 0);
			} else if (what == 2 || what == 3) {
				begin(&drive, i, VMM_STORAGE_READ, offset, segments[i], 3, length);
			} else {
				memset(data[i], (int)(seed >> 4), length);
				memcpy(model + offset, data[i], length);
				uint32_t whole = what > 5;
				segments[i][0].length = whole ? length : 100;
				begin(&drive, i, VMM_STORAGE_WRITE, offset, segments[i], whole ? 1 : 3, length);
			}
		}
		wait_for(&drive, before + REQUESTS);
		for (uint32_t i = 0; i < REQUESTS; i++)
			ck_assert_int_eq(drive.status[i], 0);
	}
	ck_assert_int_eq(request(&drive, VMM_STORAGE_READ, 0, back, LENGTH), 0);
	ck_assert_mem_eq(back, model, LENGTH);
	ck_assert_uint_eq(file_length(), LENGTH);
	teardown();
}

START_TEST(crowds)
{
	static const char *const caches[] = { "writeback", "writethrough", "none" };
	for (uint32_t i = 0; i < 3; i++) {
		crowd(caches[i], "yes", i);
		crowd(caches[i], "no", i);
	}
	unsetenv("VMM_BLOCK_RING");
}
END_TEST

START_TEST(bad_paths)
{
	setup();
	ck_assert_int_eq(fails("No such file"), -ENOENT);
	file_make(0, 0);
	ck_assert_int_eq(fails("is empty"), -EINVAL);
	unlink(path);
	file_make(512, 0);
	fake_set(fake, "n", "path", path);
	fake_set(fake, "n", "mode", "nonpersistent");
	fake_set(fake, "n", "size", "4611686018427387392");
	struct fake_instance *huge = fake_create(fake, "storage-raw", "n");
	ck_assert_int_eq(fake_init(huge), -EFBIG);
	ck_assert_ptr_nonnull(strstr(fake->cause, "64T"));
	fake_destroy(huge);
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(fails("Is a directory"), -EISDIR);
	rmdir(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(fails("not a plain file"), -EINVAL);
	unlink(path);
	fake_free(fake);
	fake = fake_new();
	ck_assert_int_eq(fails("path"), -EINVAL);
	fake_set(fake, "d", "path", "/dev/null");
	ck_assert_int_eq(fails("not a plain file"), -EINVAL);
	if (geteuid() != 0) {
		fake_free(fake);
		fake = fake_new();
		fake_set(fake, "d", "path", path);
		fake_set(fake, "d", "readonly", "no");
		file_make(512, 1);
		chmod(path, 0400);
		ck_assert_int_eq(fails("Permission denied"), -EACCES);
	}
	teardown();
}
END_TEST

PLUGIN_TEST_MAIN("storage-raw", read_write, in_flight, parked, odd_length, read_only, probing, locks, nonpersistent,
	many_changes, growing, no_room, pausing, crowds, undoable, bad_paths)
