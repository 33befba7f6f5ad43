/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "plugin_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vmm/port-floppy.h>
#include <vmm/port-storage.h>

/* A medium that keeps what it was asked for until the test completes it. */
struct medium {
	const struct vmm_storage_upper *drive;
	void *drive_self;
	uint64_t length, capabilities;
	struct vmm_storage_request request;
	struct vmm_storage_segment segment;
	uint32_t count, canceled;
	int32_t refuse;
};

static struct fake *fake;
static struct fake_instance *instance;
static struct medium medium;
static const struct vmm_floppy_lower *drive;
static void *drive_self;
static struct fake_link *media_link;
static uint32_t completed, media_changes, inside;
static int32_t last_status;
static uint64_t last_token;

static int32_t medium_info(void *self, struct vmm_storage_info *info)
{
	const struct medium *of = self;
	info->block_size = 512;
	info->length = of->length;
	info->capabilities = of->capabilities;
	info->segment_maximum = 1;
	info->request_maximum = 65536;
	return 0;
}

static int32_t medium_submit(void *self, const struct vmm_storage_request *request)
{
	struct medium *of = self;
	if (of->refuse < 0)
		return of->refuse;
	ck_assert_uint_le(request->segment_count, 1);
	ck_assert_uint_le(request->offset + request->length, of->length);
	of->request = *request;
	if (request->segment_count == 1) {
		of->segment = *request->segments;
		ck_assert_uint_eq(of->segment.length, request->length);
	}
	of->count++;
	return 0;
}

static void medium_cancel(void *self, uint64_t token)
{
	struct medium *of = self;
	ck_assert_uint_eq(token, of->request.token);
	of->canceled++;
}

static const struct vmm_storage_lower medium_table = {
	.struct_size = sizeof(medium_table), .info = medium_info, .submit = medium_submit, .cancel = medium_cancel
};

static void complete(void *self, uint64_t token, int32_t status)
{
	(void)self;
	ck_assert_uint_eq(inside, 0);
	completed++;
	last_token = token;
	last_status = status;
}

static void media_changed(void *self)
{
	(void)self;
	media_changes++;
}

static int32_t path(void *self, char *text, uint32_t size)
{
	(void)self;
	return snprintf(text, size, "/isa/fdc");
}

static const struct vmm_floppy_upper controller_table = {
	.struct_size = sizeof(controller_table), .complete = complete, .media_changed = media_changed, .path = path
};

static void insert(uint64_t length, uint64_t capabilities)
{
	struct vmm_port_side upper;
	const struct vmm_port_side lower = { .struct_size = sizeof(lower), .table = &medium_table, .self = &medium };
	memset(&medium, 0, sizeof(medium));
	medium.length = length;
	medium.capabilities = capabilities;
	ck_assert_int_eq(fake_side(instance, "media", &upper), 0);
	media_link = fake_join_sides(fake, &upper, &lower, VMM_PORT_STORAGE, 0);
	medium.drive = media_link->lower.peer;
	medium.drive_self = media_link->lower.peer_self;
}

static void setup(const char *type, uint64_t length)
{
	struct vmm_port_side lower;
	const struct vmm_port_side upper = { .struct_size = sizeof(upper), .table = &controller_table };
	fake = fake_new();
	fake_set(fake, "floppy0", "type", type);
	instance = fake_add(fake, "floppy-disk", "floppy0");
	ck_assert_int_eq(fake_side(instance, "bus", &lower), 0);
	struct fake_link *link = fake_join_sides(fake, &upper, &lower, VMM_PORT_FLOPPY, 2);
	drive = link->upper.peer;
	drive_self = link->upper.peer_self;
	completed = media_changes = inside = 0;
	media_link = NULL;
	if (length != 0)
		insert(length, VMM_STORAGE_CAN_FLUSH);
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
}

static struct vmm_floppy_info info(void)
{
	struct vmm_floppy_info result = { .struct_size = sizeof(result) };
	ck_assert_int_eq(drive->info(drive_self, &result), 0);
	return result;
}

static int32_t transfer(
	uint64_t token, uint32_t operation, uint32_t head, uint32_t first, uint32_t count, void *data, uint32_t length)
{
	inside = 1;
	int32_t status = drive->transfer(drive_self, token, operation, head, first, count, data, length);
	inside = 0;
	return status;
}

static void finish(int32_t status)
{
	medium.drive->complete(medium.drive_self, medium.request.token, status);
}

START_TEST(geometries)
{
	static const struct {
		const char *type;
		uint64_t length;
		uint32_t cylinders, heads, sectors, rate, drive;
	} rows[] = {
		{ "auto", 163840, 40, 1, 8, 2, 4 },
		{ "auto", 184320, 40, 1, 9, 2, 4 },
		{ "auto", 327680, 40, 2, 8, 2, 4 },
		{ "auto", 368640, 40, 2, 9, 2, 4 },
		{ "auto", 737280, 80, 2, 9, 2, 4 },
		{ "auto", 1228800, 80, 2, 15, 0, 4 },
		{ "auto", 1474560, 80, 2, 18, 0, 4 },
		{ "auto", 1720320, 80, 2, 21, 0, 4 },
		{ "auto", 1763328, 82, 2, 21, 0, 4 },
		{ "auto", 2949120, 80, 2, 36, 3, 5 },
		{ "auto", 512, 80, 2, 9, 2, 4 },
		{ "auto", 1000448, 80, 2, 18, 0, 4 },
		{ "auto", 2000384, 80, 2, 36, 3, 5 },
		{ "auto", 4000256, 0, 0, 0, 0, 5 },
		{ "360", 368640, 40, 2, 9, 2, 1 },
		{ "360", 100352, 40, 1, 8, 2, 1 },
		{ "360", 737280, 0, 0, 0, 0, 1 },
		{ "720", 737280, 80, 2, 9, 2, 3 },
		{ "720", 1474560, 0, 0, 0, 0, 3 },
		{ "1200", 1228800, 80, 2, 15, 0, 2 },
		{ "1200", 368640, 40, 2, 9, 1, 2 },
		{ "1200", 1474560, 0, 0, 0, 0, 2 },
		{ "1440", 2949120, 0, 0, 0, 0, 4 },
		{ "2880", 1474560, 80, 2, 18, 0, 5 },
	};
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(rows[i].type, rows[i].length);
		struct vmm_floppy_info is = info();
		if (is.cylinders != rows[i].cylinders || is.heads != rows[i].heads || is.sectors != rows[i].sectors ||
			is.rate != rows[i].rate || is.type != rows[i].drive || !is.medium)
			ck_abort_msg("%s, %llu: %u/%u/%u at rate %u in a drive of type %u", rows[i].type,
				(unsigned long long)rows[i].length, is.cylinders, is.heads, is.sectors, is.rate,
				is.type);
		ck_assert_uint_eq(is.rpm, rows[i].drive == 2 ? 360 : 300);
		fake_free(fake);
	}
	setup("auto", 0);
	ck_assert_uint_eq(info().type, VMM_FLOPPY_1440);
	ck_assert_uint_eq(info().medium, 0);
	ck_assert_uint_eq(info().disk_change, 1);
	fake_free(fake);
}
END_TEST

START_TEST(transfers)
{
	static uint8_t data[512 * 18];
	setup("auto", 1474560);
	drive->step(drive_self, 7);
	ck_assert_int_eq(transfer(11, VMM_FLOPPY_READ, 1, 3, 2, data, 1024), 0);
	ck_assert_uint_eq(medium.request.operation, VMM_STORAGE_READ);
	ck_assert_uint_eq(medium.request.offset, ((7 * 2 + 1) * 18 + 2) * 512);
	ck_assert_uint_eq(medium.request.length, 1024);
	ck_assert_ptr_eq(medium.segment.data, data);
	inside = 1;
	drive->cancel(drive_self, 12);
	ck_assert_uint_eq(medium.canceled, 0);
	drive->cancel(drive_self, 11);
	ck_assert_uint_eq(medium.canceled, 1);
	inside = 0;
	finish(-ECANCELED);
	ck_assert_uint_eq(completed, 1);
	ck_assert_uint_eq(last_token, 11);
	ck_assert_int_eq(last_status, -ECANCELED);
	finish(0); /* twice: not our doing */
	ck_assert_uint_eq(completed, 1);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_READ, 2, 1, 1, data, 512), -ENXIO);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_READ, 0, 0, 1, data, 512), -ENXIO);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_READ, 0, 19, 1, data, 512), -ENXIO);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_READ, 0, 18, 2, data, 1024), -ENXIO);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_READ, 0, UINT32_MAX, UINT32_MAX, data, 512), -ENXIO);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_READ, 0, 1, 1, data, 1024), -ENXIO);
	ck_assert_int_eq(transfer(1, 9, 0, 1, 1, data, 512), -EINVAL);
	/* Past the last cylinder the heads go, but there is nothing. */
	drive->step(drive_self, 1000);
	ck_assert_uint_eq(info().cylinder, 82);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_READ, 0, 1, 1, data, 512), -ENXIO);
	drive->step(drive_self, INT32_MIN);
	ck_assert_uint_eq(info().cylinder, 0);
	medium.refuse = -EIO;
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_WRITE, 0, 1, 1, data, 512), -EIO);
	medium.refuse = 0;
	/* Written, then flushed when the motor stops, and only then. */
	drive->motor(drive_self, 1);
	drive->motor(drive_self, 0);
	ck_assert_uint_eq(medium.count, 1);
	drive->motor(drive_self, 1);
	ck_assert_int_eq(transfer(2, VMM_FLOPPY_WRITE, 0, 1, 18, data, sizeof(data)), 0);
	ck_assert_uint_eq(medium.request.operation, VMM_STORAGE_WRITE);
	finish(0);
	ck_assert_uint_eq(last_token, 2);
	ck_assert(fake_round_trip(instance));
	drive->motor(drive_self, 0);
	ck_assert_uint_eq(medium.request.operation, VMM_STORAGE_FLUSH);
	uint32_t before = completed;
	finish(-ECANCELED); /* parked: it goes again */
	ck_assert_uint_eq(completed, before);
	instance->instance.ops->start(instance->instance.self);
	ck_assert_uint_eq(medium.count, 4);
	finish(0);
	ck_assert_int_eq(drive->flush(drive_self, 77), 0);
	finish(0);
	ck_assert_uint_eq(last_token, 77);
	fake_free(fake);
}
END_TEST

START_TEST(odd_image)
{
	uint8_t data[1024];
	setup("1440", 1000448); /* 1954 sectors */
	drive->step(drive_self, 54);
	memset(data, 0xff, sizeof(data));
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_READ, 0, 10, 2, data, 1024), 0); /* sectors 1953 and 1954 */
	ck_assert_uint_eq(medium.request.length, 512);
	finish(0);
	ck_assert_uint_eq(data[511], 0xff);
	ck_assert_uint_eq(data[512], 0);
	ck_assert_uint_eq(data[1023], 0);
	/* All of it behind the end: zeros, but not at once. */
	memset(data, 0xff, sizeof(data));
	ck_assert_int_eq(transfer(2, VMM_FLOPPY_READ, 1, 1, 1, data, 512), 0);
	ck_assert_uint_eq(completed, 1);
	fake_poll(fake, 0);
	ck_assert_uint_eq(completed, 2);
	ck_assert_uint_eq(last_token, 2);
	ck_assert_uint_eq(data[0], 0);
	ck_assert_int_eq(transfer(3, VMM_FLOPPY_WRITE, 1, 1, 1, data, 512), -EIO);
	fake_free(fake);
}
END_TEST

START_TEST(changing)
{
	uint8_t data[512];
	setup("auto", 1474560);
	ck_assert_uint_eq(info().disk_change, 1);
	drive->step(drive_self, 0);
	ck_assert_uint_eq(info().disk_change, 1);
	drive->step(drive_self, 1);
	ck_assert_uint_eq(info().disk_change, 0);
	/* Out, with a transfer under way. */
	ck_assert_int_eq(transfer(5, VMM_FLOPPY_READ, 0, 1, 1, data, 512), 0);
	uint32_t changes = media_changes;
	fake_part(fake, media_link);
	ck_assert_uint_eq(completed, 1);
	ck_assert_int_eq(last_status, -ECANCELED);
	ck_assert_uint_eq(media_changes, changes + 1);
	ck_assert_uint_eq(info().medium, 0);
	drive->step(drive_self, 1);
	ck_assert_uint_eq(info().disk_change, 1); /* no disk, no end of it */
	ck_assert_int_eq(transfer(5, VMM_FLOPPY_READ, 0, 1, 1, data, 512), -ENOMEDIUM);
	ck_assert_int_eq(drive->flush(drive_self, 6), -ENOMEDIUM);
	/* In: another, protected; the drive stays what it was at power-on. */
	insert(2949120, VMM_STORAGE_READONLY);
	ck_assert_uint_eq(info().type, VMM_FLOPPY_1440);
	ck_assert_uint_eq(info().sectors, 0);
	medium.length = 737280;
	medium.drive->media_changed(medium.drive_self);
	ck_assert_uint_eq(info().sectors, 9);
	ck_assert_uint_eq(info().write_protected, 1);
	ck_assert_uint_eq(info().disk_change, 1);
	ck_assert_int_eq(transfer(5, VMM_FLOPPY_WRITE, 0, 1, 1, data, 512), -EROFS);
	ck_assert_int_eq(transfer(5, VMM_FLOPPY_FORMAT, 0, 1, 1, data, 512), -EROFS);
	medium.length = 0;
	medium.drive->resized(medium.drive_self, 0);
	ck_assert_uint_eq(info().medium, 0);
	ck_assert(fake_round_trip(instance));
	fake_free(fake);
}
END_TEST

/* A 360K disk in a 1.2M drive. */
START_TEST(double_steps)
{
	uint8_t data[512];
	setup("1200", 368640);
	drive->step(drive_self, 10);
	ck_assert_uint_eq(info().cylinder, 5);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_READ, 1, 9, 1, data, 512), 0);
	ck_assert_uint_eq(medium.request.offset, ((5 * 2 + 1) * 9 + 8) * 512);
	finish(0);
	drive->step(drive_self, 1);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_READ, 1, 9, 1, data, 512), -ENXIO);
	fake_free(fake);
}
END_TEST

START_TEST(formats)
{
	static uint8_t data[65536];
	setup("1440", 1474560);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_FORMAT, 1, 1, 18, data, 18 * 512), 0);
	ck_assert_uint_eq(medium.request.offset, 18 * 512);
	finish(0);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_FORMAT, 0, 1, 21, data, 21 * 512), -EMEDIUMTYPE); /* does not fit */
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_FORMAT, 0, 1, 36, data, 36 * 512), -EMEDIUMTYPE);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_FORMAT, 0, 1, 3, data, 1000), -EMEDIUMTYPE);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_FORMAT, 0, 1, 0, data, 512), -EMEDIUMTYPE);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_FORMAT, 0, 1, 36, data, 36 * 256), -EMEDIUMTYPE);
	ck_assert_uint_eq(info().sectors, 18);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_FORMAT, 0, 1, 9, data, 9 * 512), 0);
	finish(0);
	ck_assert_uint_eq(info().sectors, 9);
	ck_assert_uint_eq(info().rate, VMM_FLOPPY_RATE_250);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_FORMAT, 1, 1, 8, data, 8 * 1024), 0);
	ck_assert_uint_eq(medium.request.offset, 8 * 1024);
	finish(0);
	ck_assert_uint_eq(info().size_code, 3);
	ck_assert(fake_round_trip(instance));
	ck_assert_uint_eq(info().size_code, 3);
	/* What could not be read may be formatted. */
	fake_free(fake);
	setup("720", 1474560);
	ck_assert_uint_eq(info().sectors, 0);
	ck_assert_int_eq(transfer(1, VMM_FLOPPY_FORMAT, 0, 1, 9, data, 9 * 512), 0);
	ck_assert_uint_eq(info().sectors, 9);
	fake_free(fake);
}
END_TEST

START_TEST(boot_entry)
{
	uint32_t found = 0;
	setup("auto", 1474560);
	fake_reset(fake, VMM_RESET_POWER);
	for (uint32_t i = 0; i < FAKE_FILES; i++) {
		const struct fake_file *file = &fake->files[i];
		if (!file->used || file->type != VMM_FIRMWARE_BOOT)
			continue;
		ck_assert_uint_eq(file->length, strlen("/isa/fdc/floppy@2"));
		ck_assert_mem_eq(file->data, "/isa/fdc/floppy@2", file->length);
		found++;
	}
	ck_assert_uint_eq(found, 1);
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("floppy-disk", geometries, transfers, odd_image, changing, double_steps, formats, boot_entry)
