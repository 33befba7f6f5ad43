/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The diskette controller with a real drive, disk and DMA controllers behind it.
 */
#include "plugin_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm/port-dma.h>
#include <vmm/port-floppy.h>
#include <vmm/port-isa.h>
#include <vmm/port-storage.h>

#define DOR    0x3f2
#define MSR    0x3f4
#define FIFO   0x3f5
#define DIR    0x3f7
#define BUFFER 0x20000u
#define SIZE   1474560

static struct fake *fake;
static struct fake_instance *fdc, *drive, *image;
static char path[64];
static uint8_t status[10];

static uint8_t pattern(uint32_t sector, uint32_t byte)
{
	return (uint8_t)(sector * 7 + byte * 3 + (sector >> 8));
}

/* A medium that keeps what is asked of it until the test lets it go. */
static struct {
	const struct vmm_storage_upper *upper;
	void *upper_self;
	struct vmm_storage_request request;
	struct vmm_storage_segment segment;
	uint32_t busy;
} keeper;

static int32_t keeper_info(void *self, struct vmm_storage_info *info)
{
	(void)self;
	info->block_size = 512;
	info->length = SIZE;
	info->segment_maximum = 1;
	info->request_maximum = 65536;
	return 0;
}

static int32_t keeper_submit(void *self, const struct vmm_storage_request *request)
{
	(void)self;
	ck_assert_uint_eq(keeper.busy, 0);
	ck_assert_uint_eq(request->operation, VMM_STORAGE_READ);
	ck_assert_uint_eq(request->segment_count, 1);
	keeper.request = *request;
	keeper.segment = request->segments[0];
	keeper.busy = 1;
	return 0;
}

static void keeper_cancel(void *self, uint64_t token)
{
	(void)self;
	(void)token;
}

static void keeper_let(int32_t result)
{
	uint8_t *data = keeper.segment.data;
	if (!keeper.busy)
		return;
	keeper.busy = 0;
	for (uint32_t i = 0; result == 0 && i < keeper.request.length; i++)
		data[i] = pattern((uint32_t)(keeper.request.offset + i) / 512, i % 512);
	keeper.upper->complete(keeper.upper_self, keeper.request.token, result);
}

static void keeper_attached(void *self, const struct vmm_link *link)
{
	(void)self;
	keeper.upper = link->peer;
	keeper.upper_self = link->peer_self;
}

static void keeper_parted(void *self, const struct vmm_link *link)
{
	(void)self;
	(void)link;
	keeper_let(-ECANCELED);
}

static const struct vmm_storage_lower keeper_lower = {
	.struct_size = sizeof(keeper_lower),
	.info = keeper_info,
	.submit = keeper_submit,
	.cancel = keeper_cancel,
};

static const struct vmm_port_ops keeper_ops = {
	.struct_size = sizeof(keeper_ops),
	.attached = keeper_attached,
	.closing = keeper_parted,
};

static void run(void)
{
	for (uint32_t i = 0; i < 200; i++) {
		fake_advance(fake, 200000);
		fake_poll(fake, 0);
		keeper_let(0);
	}
	/* The image has threads of its own, which may take a moment: as long as the controller is at a command. */
	for (uint32_t i = 0; i < 400 && (fake_in(fake, MSR, 1) & 0x90) == 0x10; i++) {
		fake_poll(fake, 1);
		fake_advance(fake, 200000);
	}
}

/* The image, or the keeper if there is to be none. */
static void media_join(void)
{
	struct vmm_port_side upper;
	const struct vmm_port_side lower = { .struct_size = sizeof(lower), .ops = &keeper_ops, .table = &keeper_lower };
	memset(&keeper, 0, sizeof(keeper));
	if (image != NULL) {
		ck_assert_ptr_nonnull(fake_join(drive, "media", image, "storage", VMM_PORT_STORAGE, 0));
		return;
	}
	ck_assert_int_eq(fake_side(drive, "media", &upper), 0);
	ck_assert_ptr_nonnull(fake_join_sides(fake, &upper, &lower, VMM_PORT_STORAGE, 0));
}

static void build_with(uint32_t length, const char *readonly, uint32_t has_image)
{
	snprintf(path, sizeof(path), "/tmp/vmm-floppy-XXXXXX");
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	for (uint32_t i = 0; i < length; i++)
		fputc(pattern(i / 512, i % 512), file);
	fclose(file);
	fake = fake_new();
	fake_set(fake, "image", "path", path);
	fake_set(fake, "image", "readonly", readonly);
	struct fake_instance *chipset = fake_add(fake, "chipset-i440", "chipset0");
	struct fake_instance *dma = fake_add(fake, "dma-8237", "dma0");
	image = has_image ? fake_add(fake, "storage-raw", "image") : NULL;
	drive = fake_add(fake, "floppy-disk", "floppy0");
	fdc = fake_add(fake, "floppy-82077", "fdc0");
	ck_assert_ptr_nonnull(fake_join(chipset, "dma", dma, "bus", VMM_PORT_DMA, 0));
	ck_assert_ptr_nonnull(fake_join(chipset, "isa", fdc, "bus", VMM_PORT_ISA, 0));
	ck_assert_ptr_nonnull(fake_join(fdc, "floppy", drive, "bus", VMM_PORT_FLOPPY, 0));
	media_join();
	fake_reset(fake, VMM_RESET_POWER);
	fake_start(fake);
	fake_out(fake, 0xd6, 1, 0xc0);
	fake_out(fake, 0xd4, 1, 0x00);
}

static void build(uint32_t length, const char *readonly)
{
	build_with(length, readonly, 1);
}

static void command(uint32_t count, const uint8_t *bytes)
{
	for (uint32_t i = 0; i < count; i++) {
		ck_assert_uint_eq(fake_in(fake, MSR, 1) & 0xd0, i == 0 ? 0x80 : 0x90);
		fake_out(fake, FIFO, 1, bytes[i]);
	}
}

static void result(uint32_t count)
{
	memset(status, 0xee, sizeof(status));
	for (uint32_t i = 0; i < count; i++) {
		ck_assert_uint_eq(fake_in(fake, MSR, 1) & 0xd0, 0xd0);
		status[i] = (uint8_t)fake_in(fake, FIFO, 1);
	}
	ck_assert_uint_eq(fake_in(fake, MSR, 1) & 0xd0, 0x80);
}

#define COMMAND(...) command(sizeof((uint8_t[]){ __VA_ARGS__ }), (uint8_t[]){ __VA_ARGS__ })

static void expect(const uint8_t *bytes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (status[i] != bytes[i])
			ck_abort_msg("result byte %u is %02x, not %02x (%02x %02x %02x %02x %02x %02x %02x)", i,
				status[i], bytes[i], status[0], status[1], status[2], status[3], status[4], status[5],
				status[6]);
	}
}

#define EXPECT(...) expect((uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))

static void sense(uint8_t st0, uint8_t pcn)
{
	COMMAND(0x08);
	result(2);
	EXPECT(st0, pcn);
}

/* Reset, 500 kbit/s, motor 0 on, at cylinder 0, DMA. */
static void prepare(void)
{
	fake_out(fake, DOR, 1, 0x18);
	fake_out(fake, DOR, 1, 0x1c);
	run();
	for (uint32_t i = 0; i < 4; i++)
		sense((uint8_t)(0xc0 | i), 0);
	fake_out(fake, DIR, 1, 0);
	COMMAND(0x03, 0xdf, 0x02);
	COMMAND(0x07, 0x00);
	run();
	sense(0x20, 0);
}

/* Channel 2; mode 46: to memory, 4a: from memory. */
static void dma_program(uint32_t mode, uint32_t length)
{
	fake_out(fake, 0x0a, 1, 6);
	fake_out(fake, 0x0c, 1, 0);
	fake_out(fake, 0x0b, 1, mode);
	fake_out(fake, 0x04, 1, BUFFER & 0xff);
	fake_out(fake, 0x04, 1, BUFFER >> 8 & 0xff);
	fake_out(fake, 0x81, 1, BUFFER >> 16);
	fake_out(fake, 0x05, 1, (length - 1) & 0xff);
	fake_out(fake, 0x05, 1, (length - 1) >> 8);
	fake_out(fake, 0x0a, 1, 2);
}

static void check_memory(uint32_t sector, uint32_t count)
{
	for (uint32_t i = 0; i < count * 512; i++) {
		uint8_t byte;
		fake_read(fake, BUFFER + i, &byte, 1);
		if (byte != pattern(sector + i / 512, i % 512))
			ck_abort_msg("byte %u of sector %u is %02x", i, sector, byte);
	}
}

static uint8_t image_byte(uint32_t offset)
{
	uint8_t byte = 0;
	int fd = open(path, O_RDONLY);
	ck_assert_int_eq(pread(fd, &byte, 1, offset), 1);
	close(fd);
	return byte;
}

static void teardown(void)
{
	fake_free(fake);
	unlink(path);
}

START_TEST(reset_and_sense)
{
	build(SIZE, "auto");
	ck_assert_uint_eq(fake_in(fake, MSR, 1), 0);
	fake_out(fake, DOR, 1, 0x0c);
	ck_assert_uint_eq(fake->line_level[6], 0);
	ck_assert_uint_eq(fake_in(fake, MSR, 1), 0x80);
	run();
	ck_assert_uint_eq(fake->line_level[6], 1);
	sense(0xc0, 0);
	ck_assert_uint_eq(fake->line_level[6], 0);
	sense(0xc1, 0);
	sense(0xc2, 0);
	ck_assert(fake_round_trip(fdc));
	sense(0xc3, 0);
	COMMAND(0x08);
	result(1);
	EXPECT(0x80);
	/* The gate keeps the line down. */
	fake_out(fake, DOR, 1, 0x00);
	fake_out(fake, DOR, 1, 0x04);
	run();
	ck_assert_uint_eq(fake->line_level[6], 0);
	fake_out(fake, DOR, 1, 0x0c);
	ck_assert_uint_eq(fake->line_level[6], 1);
	/* By the data rate select register, whose reset bit falls back by itself. */
	sense(0xc0, 0);
	fake_out(fake, MSR, 1, 0x80);
	ck_assert_uint_eq(fake->line_level[6], 0);
	run();
	ck_assert_uint_eq(fake->line_level[6], 1);
	sense(0xc0, 0);
	teardown();
}
END_TEST

START_TEST(small_commands)
{
	build(SIZE, "auto");
	prepare();
	COMMAND(0x10);
	result(1);
	EXPECT(0x90);
	static const uint8_t wrong[] = { 0x00, 0x01, 0x0b, 0x18, 0x1f, 0x50, 0x88, 0x4f };
	for (uint32_t i = 0; i < sizeof(wrong); i++) {
		command(1, &wrong[i]);
		result(1);
		EXPECT(0x80);
	}
	COMMAND(0x04, 0x04);
	result(1);
	EXPECT(0x3c); /* track 0, head 1 */
	COMMAND(0x04, 0x01);
	result(1);
	EXPECT(0x29); /* no such drive */
	COMMAND(0x13, 0x00, 0x57, 0x09);
	COMMAND(0x12, 0x86);
	COMMAND(0x03, 0xa1, 0x22);
	COMMAND(0x0e);
	result(10);
	EXPECT(0, 0, 0, 0, 0xa1, 0x22, 0, 0x06, 0x57, 0x09);
	/* A reset forgets CONFIGURE, unless it is locked; not SPECIFY. */
	COMMAND(0x94);
	result(1);
	EXPECT(0x10);
	fake_out(fake, DOR, 1, 0x18);
	fake_out(fake, DOR, 1, 0x1c);
	run();
	COMMAND(0x0e);
	result(10);
	EXPECT(0, 0, 0, 0, 0xa1, 0x22, 0, 0x84, 0x07, 0x09);
	COMMAND(0x14);
	result(1);
	EXPECT(0x00);
	fake_out(fake, MSR, 1, 0x80);
	run();
	COMMAND(0x0e);
	result(10);
	EXPECT(0, 0, 0, 0, 0xa1, 0x22, 0, 0x04, 0x20, 0x00);
	/* D0 to D3 only with OW. */
	COMMAND(0x12, 0x3d);
	COMMAND(0x0e);
	result(10);
	EXPECT(0, 0, 0, 0, 0xa1, 0x22, 0, 0x05);
	ck_assert(fake_round_trip(fdc));
	teardown();
}
END_TEST

START_TEST(seeks)
{
	build(SIZE, "auto");
	prepare();
	ck_assert_uint_eq(fake_in(fake, DIR, 1), 0x80); /* no step yet */
	COMMAND(0x0f, 0x00, 40);
	ck_assert_uint_eq(fake_in(fake, MSR, 1), 0x81);
	ck_assert_uint_eq(fake->line_level[6], 0);
	ck_assert(fake_round_trip(fdc));
	run();
	ck_assert_uint_eq(fake_in(fake, MSR, 1), 0x80);
	ck_assert_uint_eq(fake->line_level[6], 1);
	sense(0x20, 40);
	ck_assert_uint_eq(fake->line_level[6], 0);
	ck_assert_uint_eq(fake_in(fake, DIR, 1), 0);
	COMMAND(0xcf, 0x00, 5); /* relative, inwards */
	run();
	sense(0x20, 45);
	COMMAND(0x8f, 0x04, 3);
	run();
	sense(0x24, 42);
	/* Two at a time; the second drive is not there. */
	COMMAND(0x0f, 0x00, 10);
	COMMAND(0x07, 0x01);
	ck_assert_uint_eq(fake_in(fake, MSR, 1), 0x83);
	run();
	sense(0x20, 10);
	ck_assert_uint_eq(fake->line_level[6], 1);
	sense(0x71, 0);
	ck_assert_uint_eq(fake->line_level[6], 0);
	COMMAND(0x04, 0x00);
	result(1);
	EXPECT(0x28);
	COMMAND(0x07, 0x00);
	run();
	sense(0x20, 0);
	/* From beyond 79 steps it takes two. */
	COMMAND(0x0f, 0x00, 82);
	run();
	sense(0x20, 82);
	COMMAND(0x07, 0x00);
	run();
	sense(0x70, 0);
	COMMAND(0x07, 0x00);
	run();
	sense(0x20, 0);
	teardown();
}
END_TEST

START_TEST(read_data)
{
	build(SIZE, "auto");
	prepare();
	/* Two sectors, ended by TC. */
	dma_program(0x46, 1024);
	COMMAND(0xe6, 0x00, 0, 0, 3, 2, 18, 0x1b, 0xff);
	ck_assert_uint_eq(fake_in(fake, MSR, 1), 0x10);
	run();
	ck_assert_uint_eq(fake->line_level[6], 1);
	result(7);
	EXPECT(0x00, 0x00, 0x00, 0, 0, 5, 2);
	ck_assert_uint_eq(fake->line_level[6], 0);
	check_memory(2, 2);
	/* A whole cylinder: both heads, and the next cylinder's first sector in the result. */
	COMMAND(0x0f, 0x00, 7);
	run();
	sense(0x20, 7);
	dma_program(0x46, 36 * 512);
	COMMAND(0xe6, 0x00, 7, 0, 1, 2, 18, 0x1b, 0xff);
	run();
	result(7);
	EXPECT(0x04, 0x00, 0x00, 8, 0, 1, 2);
	check_memory(7 * 36, 36);
	/* Past the last sector without TC. */
	dma_program(0x46, 10 * 512);
	COMMAND(0x66, 0x04, 7, 1, 17, 2, 18, 0x1b, 0xff);
	run();
	result(7);
	EXPECT(0x44, 0x80, 0x00, 8, 1, 1, 2);
	check_memory(7 * 36 + 18 + 16, 2);
	/* Part of a sector. */
	dma_program(0x46, 700);
	COMMAND(0x66, 0x00, 7, 0, 1, 2, 18, 0x1b, 0xff);
	run();
	result(7);
	EXPECT(0x00, 0x00, 0x00, 7, 0, 3, 2);
	/* With an implied seek. */
	COMMAND(0x13, 0, 0x57, 0);
	dma_program(0x46, 512);
	COMMAND(0x66, 0x00, 30, 0, 9, 2, 18, 0x1b, 0xff);
	run();
	result(7);
	EXPECT(0x20, 0x00, 0x00, 30, 0, 10, 2);
	check_memory(30 * 36 + 8, 1);
	teardown();
}
END_TEST

START_TEST(not_found)
{
	static const struct {
		uint8_t command[9];
		uint8_t rate, expected[3];
	} rows[] = {
		{ { 0x66, 0, 0, 0, 19, 2, 20, 0x1b, 0xff }, 0, { 0x40, 0x04, 0x00 } }, /* no such sector */
		{ { 0x66, 0, 0, 0, 0, 2, 18, 0x1b, 0xff }, 0, { 0x40, 0x04, 0x00 } },
		{ { 0x66, 0, 5, 0, 1, 2, 18, 0x1b, 0xff }, 0, { 0x40, 0x04, 0x10 } }, /* wrong cylinder */
		{ { 0x66, 0, 0, 1, 1, 2, 18, 0x1b, 0xff }, 0, { 0x40, 0x04, 0x00 } }, /* head */
		{ { 0x66, 0, 0, 0, 1, 3, 18, 0x1b, 0xff }, 0, { 0x40, 0x04, 0x00 } }, /* size */
		{ { 0x66, 0, 0, 0, 1, 2, 18, 0x1b, 0xff }, 2, { 0x40, 0x01, 0x00 } }, /* rate */
		{ { 0x26, 0, 0, 0, 1, 2, 18, 0x1b, 0xff }, 0, { 0x40, 0x01, 0x00 } }, /* FM */
		{ { 0x66, 1, 0, 0, 1, 2, 18, 0x1b, 0xff }, 0, { 0x41, 0x01, 0x00 } }, /* no drive */
		{ { 0x4c, 0, 0, 0, 1, 2, 18, 0x1b, 0xff }, 0, { 0x00, 0x00, 0x40 } }, /* not deleted: read, and told */
		{ { 0x6c, 0, 0, 0, 1, 2, 18, 0x1b, 0xff }, 0, { 0x40, 0x80, 0x40 } }, /* skipped */
	};
	build(SIZE, "auto");
	prepare();
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_out(fake, DIR, 1, rows[i].rate);
		dma_program(0x46, 4096);
		command(9, rows[i].command);
		run();
		result(7);
		expect(rows[i].expected, 3);
	}
	/* READ ID at each rate. */
	for (uint32_t rate = 0; rate < 4; rate++) {
		fake_out(fake, DIR, 1, rate);
		COMMAND(0x4a, 0x04);
		run();
		ck_assert_uint_eq(fake->line_level[6], 1);
		result(7);
		if (rate == 0)
			EXPECT(0x04, 0x00, 0x00, 0, 1);
		else
			EXPECT(0x44, 0x01, 0x00);
		ck_assert(rate != 0 || (status[5] >= 1 && status[5] <= 18 && status[6] == 2));
	}
	/* The motor. */
	fake_out(fake, DIR, 1, 0);
	fake_out(fake, DOR, 1, 0x0c);
	COMMAND(0x4a, 0x00);
	run();
	result(7);
	EXPECT(0x40, 0x01, 0x00);
	teardown();
}
END_TEST

START_TEST(write_data)
{
	uint8_t data[1024];
	build(SIZE, "auto");
	prepare();
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(0xc0 + i);
	fake_write(fake, BUFFER, data, sizeof(data));
	dma_program(0x4a, 600);
	COMMAND(0x45, 0x04, 0, 1, 4, 2, 18, 0x1b, 0xff);
	run();
	result(7);
	EXPECT(0x04, 0x00, 0x00, 0, 1, 6, 2);
	ck_assert_uint_eq(image_byte(21 * 512), 0xc0);
	ck_assert_uint_eq(image_byte(21 * 512 + 599), data[599]);
	ck_assert_uint_eq(image_byte(21 * 512 + 600), 0); /* filled up */
	ck_assert_uint_eq(image_byte(23 * 512), pattern(23, 0));
	/* VERIFY: to the end of the track, or so many sectors. */
	COMMAND(0x56, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
	run();
	result(7);
	EXPECT(0x00, 0x00, 0x00, 1, 0, 1, 2);
	COMMAND(0x56, 0x80, 0, 0, 3, 2, 18, 0x1b, 4);
	run();
	result(7);
	EXPECT(0x00, 0x00, 0x00, 0, 0, 7, 2);
	COMMAND(0x56, 0x80, 0, 0, 17, 2, 18, 0x1b, 4);
	run();
	result(7);
	EXPECT(0x40, 0x80, 0x00);
	teardown();
	/* Write protected. */
	build(SIZE, "yes");
	prepare();
	dma_program(0x4a, 512);
	COMMAND(0x45, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
	run();
	result(7);
	EXPECT(0x40, 0x02, 0x00);
	COMMAND(0x4d, 0x00, 2, 18, 0x54, 0xf6);
	run();
	result(7);
	EXPECT(0x40, 0x02, 0x00);
	COMMAND(0x04, 0x00);
	result(1);
	EXPECT(0x78);
	teardown();
}
END_TEST

START_TEST(format)
{
	build(SIZE, "auto");
	prepare();
	COMMAND(0x0f, 0x00, 3);
	run();
	sense(0x20, 3);
	for (uint32_t i = 0; i < 18; i++) {
		uint8_t id[4] = { 3, 1, (uint8_t)(1 + i * 5 % 18), 2 }; /* interleaved */
		fake_write(fake, BUFFER + i * 4, id, 4);
	}
	dma_program(0x4a, 72);
	COMMAND(0x4d, 0x04, 2, 18, 0x54, 0xf6);
	run();
	result(7);
	EXPECT(0x04, 0x00, 0x00);
	ck_assert_uint_eq(image_byte((3 * 36 + 17) * 512 + 511), pattern(3 * 36 + 17, 511));
	ck_assert_uint_eq(image_byte((3 * 36 + 18) * 512), 0xf6);
	ck_assert_uint_eq(image_byte((3 * 36 + 36) * 512 - 1), 0xf6);
	/* IDs that an image cannot keep. */
	uint8_t id[4] = { 9, 1, 1, 2 };
	fake_write(fake, BUFFER, id, 4);
	dma_program(0x4a, 72);
	COMMAND(0x4d, 0x04, 2, 18, 0x54, 0x11);
	run();
	result(7);
	EXPECT(0x44, 0x04, 0x00);
	ck_assert_uint_eq(image_byte((3 * 36 + 18) * 512), 0xf6);
	/* Nine sectors: the disk is one of 720K from here on. */
	for (uint32_t i = 0; i < 9; i++) {
		uint8_t nine[4] = { 3, 0, (uint8_t)(1 + i), 2 };
		fake_write(fake, BUFFER + i * 4, nine, 4);
	}
	dma_program(0x4a, 36);
	fake_out(fake, DIR, 1, 2);
	COMMAND(0x4d, 0x00, 2, 9, 0x54, 0xe5);
	run();
	result(7);
	EXPECT(0x00, 0x00, 0x00);
	COMMAND(0x4a, 0x00);
	run();
	result(7);
	EXPECT(0x00, 0x00, 0x00, 3, 0);
	ck_assert_uint_eq(image_byte(3 * 18 * 512), 0xe5);
	ck_assert(fake_round_trip(drive));
	teardown();
}
END_TEST

START_TEST(scans)
{
	uint8_t data[512];
	build(SIZE, "auto");
	prepare();
	for (uint32_t i = 0; i < 512; i++)
		data[i] = pattern(2, i);
	for (uint32_t i = 0; i < 8; i++)
		fake_write(fake, BUFFER + i * 512, data, 512);
	dma_program(0x4a, 4096);
	COMMAND(0x51, 0x00, 0, 0, 1, 2, 5, 0x1b, 1);
	run();
	result(7);
	EXPECT(0x00, 0x00, 0x08, 0, 0, 4, 2); /* found in sector 3 */
	dma_program(0x4a, 4096);
	COMMAND(0x51, 0x00, 0, 0, 4, 2, 6, 0x1b, 1);
	run();
	result(7);
	EXPECT(0x00, 0x00, 0x04, 1, 0, 1, 2); /* not at all */
	/* Everything is less than FE, or equal to FF. */
	memset(data, 0xff, sizeof(data));
	fake_write(fake, BUFFER, data, 512);
	dma_program(0x4a, 4096);
	COMMAND(0x51, 0x00, 0, 0, 4, 2, 6, 0x1b, 1);
	run();
	result(7);
	EXPECT(0x00, 0x00, 0x08, 0, 0, 5, 2);
	memset(data, 0xfe, sizeof(data));
	fake_write(fake, BUFFER, data, 512);
	dma_program(0x4a, 4096);
	COMMAND(0x59, 0x00, 0, 0, 4, 2, 6, 0x1b, 1);
	run();
	result(7);
	EXPECT(0x00, 0x00, 0x00, 0, 0, 5, 2);
	teardown();
}
END_TEST

START_TEST(read_track)
{
	build(SIZE, "auto");
	prepare();
	dma_program(0x46, 3 * 512);
	COMMAND(0x42, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
	run();
	result(7);
	ck_assert_uint_eq(status[0], 0x00);
	ck_assert_uint_eq(status[1], 0x00);
	check_memory(0, 3);
	/* From the index, whatever R says; which is told. */
	dma_program(0x46, 2 * 512);
	COMMAND(0x42, 0x00, 0, 0, 9, 2, 18, 0x1b, 0xff);
	run();
	result(7);
	ck_assert_uint_eq(status[0], 0x00);
	ck_assert_uint_eq(status[1], 0x04);
	check_memory(0, 2);
	teardown();
}
END_TEST

/* Without DMA, a byte an interrupt, or a burst with the FIFO. */
static void polled(uint32_t config, uint32_t burst)
{
	build(SIZE, "auto");
	prepare();
	COMMAND(0x03, 0xdf, 0x03);
	COMMAND(0x13, 0, (uint8_t)config, 0);
	COMMAND(0x46, 0x00, 0, 0, 18, 2, 18, 0x1b, 0xff);
	for (uint32_t i = 0; i < 512; i++) {
		if (i % burst == 0) {
			ck_assert_uint_eq(fake->line_level[6], 0);
			ck_assert_uint_eq(fake_in(fake, MSR, 1) & 0x90, 0x10);
			run();
			ck_assert_uint_eq(fake->line_level[6], 1);
		}
		ck_assert_uint_eq(fake_in(fake, MSR, 1), 0xf0);
		ck_assert_uint_eq(fake_in(fake, FIFO, 1), pattern(17, i));
		if (i == 100)
			ck_assert(fake_round_trip(fdc));
	}
	run();
	result(7);
	EXPECT(0x40, 0x80, 0x00, 1, 0, 1, 2); /* nobody gave TC */
	COMMAND(0x45, 0x00, 0, 0, 18, 2, 18, 0x1b, 0xff);
	for (uint32_t i = 0; i < 512; i++) {
		if (i % burst == 0)
			run();
		ck_assert_uint_eq(fake_in(fake, MSR, 1), 0xb0);
		fake_out(fake, FIFO, 1, 0x99);
	}
	run();
	result(7);
	EXPECT(0x40, 0x80, 0x00);
	ck_assert_uint_eq(image_byte(18 * 512 - 1), 0x99);
	/* Overrun. */
	COMMAND(0x46, 0x00, 0, 0, 1, 2, 18, 0x1b, 0xff);
	for (uint32_t i = 0; i < 20; i++)
		run();
	result(7);
	EXPECT(0x40, 0x10, 0x00);
	teardown();
}

START_TEST(without_dma)
{
	polled(0x30, 1);
	polled(0x1f, 16);
}
END_TEST

/* Saved in the middle, reset in the middle. */
START_TEST(interrupted)
{
	build_with(SIZE, "auto", 0);
	prepare();
	dma_program(0x46, 1024);
	COMMAND(0x46, 0x00, 0, 0, 3, 2, 18, 0x1b, 0xff);
	/* The drive has the request; the medium gives it back when the machine stops. */
	fake_advance(fake, 100000);
	ck_assert_uint_eq(keeper.busy, 1);
	keeper_let(-ECANCELED);
	fdc->instance.ops->stop(fdc->instance.self);
	fake_poll(fake, 0);
	ck_assert_uint_eq(fake_in(fake, MSR, 1), 0x10);
	struct fake_state *state = fake_save(fdc);
	fake_reset(fake, VMM_RESET_HARD);
	ck_assert_int_eq(fake_load(fdc, state), 0);
	fake_state_free(state);
	fake_out(fake, 0xd6, 1, 0xc0);
	fake_out(fake, 0xd4, 1, 0x00);
	dma_program(0x46, 1024);
	fdc->instance.ops->start(fdc->instance.self);
	run();
	result(7);
	EXPECT(0x00, 0x00, 0x00, 0, 0, 5, 2);
	check_memory(2, 2);
	/* A reset while the drive has the buffer; the next command must not get the old one's data. */
	prepare();
	dma_program(0x46, 512);
	COMMAND(0x46, 0x00, 0, 0, 9, 2, 18, 0x1b, 0xff);
	fake_advance(fake, 100000);
	fake_out(fake, DOR, 1, 0x18);
	fake_out(fake, DOR, 1, 0x1c);
	COMMAND(0x46, 0x00, 0, 0, 5, 2, 18, 0x1b, 0xff);
	run();
	result(7);
	EXPECT(0x00, 0x00, 0x00, 0, 0, 6, 2);
	check_memory(4, 1);
	/* Nobody moves the data. */
	fake_out(fake, 0x0a, 1, 6);
	COMMAND(0x46, 0x00, 0, 0, 5, 2, 18, 0x1b, 0xff);
	for (uint32_t i = 0; i < 20; i++)
		run();
	result(7);
	EXPECT(0x40, 0x10, 0x00);
	teardown();
}
END_TEST

START_TEST(firmware)
{
	uint32_t found = 0;
	build(SIZE, "auto");
	for (uint32_t i = 0; i < FAKE_FILES; i++) {
		const struct fake_file *file = &fake->files[i];
		if (file->used && file->type == VMM_FIRMWARE_FILE && strcmp(file->name, "vmm/cmos/10") == 0) {
			ck_assert_uint_eq(file->length, 1);
			ck_assert_uint_eq(file->data[0], 0x40);
			found |= 1;
		}
		if (file->used && file->type == VMM_FIRMWARE_BOOT) {
			const char *expected = "/pci@i0cf8/isa@1/fdc@03f0/floppy@0";
			ck_assert_uint_eq(file->length, strlen(expected));
			ck_assert_mem_eq(file->data, expected, strlen(expected));
			ck_assert_str_eq(file->name, "floppy");
			found |= 2;
		}
	}
	ck_assert_uint_eq(found, 3);
	teardown();
}
END_TEST

START_TEST(driven)
{
	build(SIZE, "auto");
	prepare();
	drive_ports(fake, fdc, 0x3f0, 0x3f7, 20000);
	ck_assert(fake_round_trip(drive));
	teardown();
}
END_TEST

PLUGIN_TEST_MAIN("floppy", reset_and_sense, small_commands, seeks, read_data, not_found, write_data, format, scans,
	read_track, without_dma, interrupted, firmware, driven)
