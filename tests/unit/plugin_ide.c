/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* The controller, with drives of the test's own. */
#include "ide_bench.h"

static struct bench bench;

/* A drive that notes what reaches it. */
struct drive {
	const struct vmm_ide_upper *upper;
	void *upper_self;
	struct fake_link *link;
	uint8_t regs[9], words[8];
	uint32_t data_bytes, dmas, resets, neighbour, calling;
	/* What it does in dma. */
	uint32_t gives, length;
	int32_t moved;
	uint8_t data[256 << 10];
};

static struct drive drives[4];

static uint32_t drive_read(void *self, uint32_t reg)
{
	struct drive *drive = self;
	return drive->regs[reg];
}

static void drive_write(void *self, uint32_t reg, uint32_t value)
{
	struct drive *drive = self;
	drive->regs[reg] = (uint8_t)value;
}

static void drive_data_read(void *self, void *data, uint32_t length)
{
	struct drive *drive = self;
	memcpy(data, drive->words, length);
	drive->data_bytes += length;
}

static void drive_data_write(void *self, const void *data, uint32_t length)
{
	struct drive *drive = self;
	memcpy(drive->words, data, length);
	drive->data_bytes += length;
}

static void drive_dma(void *self)
{
	struct drive *drive = self;
	ck_assert_uint_eq(drive->calling, 0);
	drive->dmas++;
	drive->moved = drive->gives ? drive->upper->to_memory(drive->upper_self, drive->data, drive->length)
				    : drive->upper->from_memory(drive->upper_self, drive->data, drive->length);
	drive->upper->dmarq(drive->upper_self, 0);
}

static void drive_reset(void *self)
{
	((struct drive *)self)->resets++;
}

static void drive_neighbour(void *self, uint32_t present)
{
	((struct drive *)self)->neighbour = present;
}

static const struct vmm_ide_lower drive_lower = {
	.struct_size = sizeof(struct vmm_ide_lower),
	.read = drive_read,
	.write = drive_write,
	.data_read = drive_data_read,
	.data_write = drive_data_write,
	.dma = drive_dma,
	.reset = drive_reset,
	.neighbour = drive_neighbour,
};

static uint32_t join(uint32_t number, uint64_t address)
{
	struct drive *drive = &drives[number];
	struct vmm_port_side upper;
	struct vmm_port_side lower = { .struct_size = sizeof(lower), .table = &drive_lower, .self = drive };
	memset(drive, 0, sizeof(*drive));
	ck_assert_int_eq(fake_side(bench.controller, "ide", &upper), 0);
	drive->link = fake_join_sides(bench.fake, &upper, &lower, VMM_PORT_IDE, address);
	if (drive->link == NULL)
		return 0;
	drive->upper = upper.table;
	drive->upper_self = drive->link->lower.peer_self;
	return 1;
}

static void setup(void)
{
	bench_init(&bench, fake_new(), 0);
	fake_reset(bench.fake, VMM_RESET_POWER);
	bench_firmware(&bench);
	fake_start(bench.fake);
}

START_TEST(configuration)
{
	setup();
	ck_assert_uint_eq(bench_config(&bench, 0, 4), 0x71118086);
	ck_assert_uint_eq(bench_config(&bench, 8, 4) >> 8, 0x010180);
	ck_assert_uint_eq(bench_config(&bench, 0x3c, 2), 0);
	bench_config_write(&bench, 0x48, 4, UINT32_MAX);
	ck_assert_uint_eq(bench_config(&bench, 0x48, 4), 0x3333000f);
	bench_config_write(&bench, 4, 2, 0xffff);
	ck_assert_uint_eq(bench_config(&bench, 4, 2), 5);
	bench_config_write(&bench, 0x20, 4, UINT32_MAX);
	ck_assert_uint_eq(bench_config(&bench, 0x20, 4), 0xfffffff1);
	bench_free(&bench);
	struct fake *fake = fake_new();
	fake_set(fake, "ide0", "model", "piix3");
	bench_init(&bench, fake, 0);
	ck_assert_uint_eq(bench_config(&bench, 0, 4), 0x70108086);
	bench_config_write(&bench, 0x48, 4, UINT32_MAX);
	ck_assert_uint_eq(bench_config(&bench, 0x48, 4), 0);
	bench_free(&bench);
}
END_TEST

START_TEST(decodes)
{
	bench_init(&bench, fake_new(), 0);
	fake_reset(bench.fake, VMM_RESET_POWER);
	ck_assert_uint_eq(join(0, 0), 1);
	drives[0].regs[VMM_IDE_COUNT] = 0x5a;
	fake_start(bench.fake);
	ck_assert_uint_eq(bench_in(&bench, 2), 0xff);
	bench_config_write(&bench, 0x40, 2, 0x8000);
	ck_assert_uint_eq(bench_in(&bench, 2), 0xff);
	bench_config_write(&bench, 4, 2, 1);
	ck_assert_uint_eq(bench_in(&bench, 2), 0x5a);
	ck_assert_uint_eq(fake_in(bench.fake, 0x172, 1), 0xff);
	/* The floppy controller's port is not ours. */
	ck_assert_uint_eq(fake_in(bench.fake, 0x3f7, 1), 0xff);
	bench_config_write(&bench, 0x42, 2, 0x8000);
	/* There is nobody: the bus floats, and BSY reads 0. */
	ck_assert_uint_eq(fake_in(bench.fake, 0x177, 1), 0x7f);
	ck_assert_uint_eq(fake_in(bench.fake, 0x376, 1), 0x7f);
	ck_assert_uint_eq(fake_in(bench.fake, 0x170, 2), 0xff7f);
	/* Device 0 answers for device 1, with status 0. */
	drives[0].regs[VMM_IDE_STATUS] = 0x50;
	bench_out(&bench, 6, 0xb0);
	ck_assert_uint_eq(drives[0].regs[VMM_IDE_DEVICE], 0xb0);
	ck_assert_uint_eq(bench_in(&bench, 7), 0);
	ck_assert_uint_eq(bench_status(&bench), 0);
	ck_assert_uint_eq(bench_in(&bench, 2), 0x5a);
	/* SRST selects device 0. */
	fake_out(bench.fake, CONTROL, 1, 4);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x50);
	/* Waking from S3 leaves the channels as they were set up; the command register is the system's to restore. */
	drives[0].regs[VMM_IDE_COUNT] = 0x5a;
	fake_reset(bench.fake, VMM_RESET_WAKE);
	ck_assert_uint_eq(bench_in(&bench, 2), 0xff);
	bench_config_write(&bench, 4, 2, 1);
	ck_assert_uint_eq(bench_in(&bench, 2), 0x5a);
	fake_reset(bench.fake, VMM_RESET_HARD);
	bench_config_write(&bench, 4, 2, 1);
	ck_assert_uint_eq(bench_in(&bench, 2), 0xff);
	bench_free(&bench);
}
END_TEST

START_TEST(cables)
{
	setup();
	ck_assert_uint_eq(join(0, 0), 1);
	ck_assert_uint_eq(drives[0].neighbour, 0);
	ck_assert_uint_eq(join(1, 1), 1);
	ck_assert_uint_eq(drives[0].neighbour, 1);
	ck_assert_uint_eq(drives[1].neighbour, 1);
	ck_assert_uint_eq(join(2, 0x101), 1);
	ck_assert_uint_eq(join(3, 2), 0);
	ck_assert_ptr_nonnull(strstr(bench.fake->cause, "no place for a drive at 0.2"));
	ck_assert_uint_eq(join(3, 0x200), 0);
	ck_assert_uint_eq(join(3, 1), 0);
	ck_assert_ptr_nonnull(strstr(bench.fake->cause, "already"));
	/* Writes reach both; data the selected one. */
	bench_out(&bench, 3, 0x77);
	ck_assert_uint_eq(drives[0].regs[3], 0x77);
	ck_assert_uint_eq(drives[1].regs[3], 0x77);
	ck_assert_uint_eq(drives[2].regs[3], 0);
	bench_out(&bench, 6, 0xb0);
	drives[0].data_bytes = drives[1].data_bytes = 0;
	fake_out(bench.fake, PRIMARY, 4, 0x44332211);
	ck_assert_mem_eq(drives[1].words, "\x11\x22\x33\x44", 4);
	ck_assert_uint_eq(fake_in(bench.fake, PRIMARY, 2), 0x2211);
	ck_assert_uint_eq(fake_in(bench.fake, PRIMARY, 4), 0x44332211);
	ck_assert_uint_eq(fake_in(bench.fake, PRIMARY, 1), 0x11);
	ck_assert_uint_eq(drives[0].data_bytes, 0);
	ck_assert_uint_eq(drives[1].data_bytes, 12);
	/* Lines: either drive's, and the latch at the bus master. */
	drives[2].upper->intrq(drives[2].upper_self, 1);
	ck_assert_uint_eq(bench.fake->line_level[15], 1);
	ck_assert_uint_eq(bench.fake->line_level[14], 0);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 10, 1), 4);
	drives[2].upper->intrq(drives[2].upper_self, 0);
	ck_assert_uint_eq(bench.fake->line_level[15], 0);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 10, 1), 4);
	fake_out(bench.fake, MASTER + 10, 1, 4);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 10, 1), 0);
	/* A drive that goes takes its level with it. */
	drives[2].upper->intrq(drives[2].upper_self, 1);
	fake_part(bench.fake, drives[2].link);
	ck_assert_uint_eq(bench.fake->line_level[15], 0);
	fake_part(bench.fake, drives[1].link);
	ck_assert_uint_eq(drives[0].neighbour, 0);
	bench.pci->bus_reset(bench.pci_self);
	ck_assert_uint_eq(drives[0].resets, 1);
	ck_assert_uint_eq(bench_in(&bench, 2), 0xff);
	bench_free(&bench);
}
END_TEST

static void table(uint32_t at, uint32_t index, uint32_t address, uint32_t count, uint32_t last)
{
	const uint32_t entry[2] = { address, (count & 0xffff) | (last ? 0x80000000 : 0) };
	fake_write(bench.fake, at + index * 8, entry, sizeof(entry));
}

START_TEST(masters)
{
	static uint8_t memory[0x20000];
	setup();
	join(0, 0);
	struct drive *drive = &drives[0];
	for (uint32_t i = 0; i < sizeof(drive->data); i++)
		drive->data[i] = (uint8_t)(i * 5 + (i >> 8));
	/* Registers. */
	fake_out(bench.fake, MASTER + 4, 4, 0x12345679);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 4, 4), 0x12345678);
	fake_out(bench.fake, MASTER, 4, 0xffff0000);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER, 4), 0x00600000);
	/* Regions of 512 and 64 Ki bytes (count 0); the drive asks before the start. */
	table(TABLE, 0, 0x100200, 512, 0);
	table(TABLE, 1, 0x200000, 0, 1);
	drive->gives = 1;
	drive->length = 512 + 65536;
	drive->calling = 1;
	drive->upper->dmarq(drive->upper_self, 1);
	fake_out(bench.fake, MASTER + 4, 4, TABLE);
	fake_out(bench.fake, MASTER, 1, 9);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 2, 1), 0x61);
	drive->calling = 0;
	ck_assert_uint_eq(drive->dmas, 0);
	fake_poll(bench.fake, 0);
	ck_assert_uint_eq(drive->dmas, 1);
	ck_assert_int_eq(drive->moved, 512 + 65536);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 2, 1), 0x60);
	fake_read(bench.fake, 0x100200, memory, 512);
	ck_assert_mem_eq(memory, drive->data, 512);
	fake_read(bench.fake, 0x200000, memory, 65536);
	ck_assert_mem_eq(memory, drive->data + 512, 65536);
	/* The wrong direction, and one that does not change while it runs. */
	fake_out(bench.fake, MASTER, 1, 0);
	fake_out(bench.fake, MASTER, 1, 1);
	fake_out(bench.fake, MASTER, 1, 9);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER, 1), 1);
	drive->upper->dmarq(drive->upper_self, 1);
	fake_poll(bench.fake, 0);
	ck_assert_int_eq(drive->moved, -EIO);
	/* From memory; the table ends before the transfer. */
	drive->gives = 0;
	table(TABLE, 1, 0x200000, 1024, 1);
	fake_out(bench.fake, MASTER, 1, 0);
	fake_out(bench.fake, MASTER, 1, 1);
	drive->length = 4096;
	drive->upper->dmarq(drive->upper_self, 1);
	fake_poll(bench.fake, 0);
	ck_assert_int_eq(drive->moved, 1536);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 2, 1), 0x60);
	/* Mastering is off: an error. */
	bench_config_write(&bench, 4, 2, 1);
	fake_out(bench.fake, MASTER, 1, 0);
	fake_out(bench.fake, MASTER, 1, 1);
	drive->upper->dmarq(drive->upper_self, 1);
	fake_poll(bench.fake, 0);
	ck_assert_int_eq(drive->moved, -EIO);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 2, 1), 0x62);
	fake_out(bench.fake, MASTER + 2, 1, 0x62);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 2, 1), 0x60);
	/* Outside of a transfer nothing moves. */
	ck_assert_int_eq(drive->upper->to_memory(drive->upper_self, drive->data, 4), -EIO);
	bench_free(&bench);
}
END_TEST

START_TEST(goes_on_after_load)
{
	setup();
	join(0, 0);
	struct drive *drive = &drives[0];
	memset(drive->data, 0x42, 4096);
	table(TABLE, 0, 0x100000, 1024, 0);
	table(TABLE, 1, 0x110000, 1024, 1);
	drive->gives = 1;
	drive->length = 512;
	fake_out(bench.fake, MASTER + 4, 4, TABLE);
	fake_out(bench.fake, MASTER, 1, 9);
	drive->upper->dmarq(drive->upper_self, 1);
	fake_poll(bench.fake, 0);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 2, 1), 1);
	/* In the middle of a region, with the drive asking. */
	drive->upper->dmarq(drive->upper_self, 1);
	fake_stop(bench.fake);
	fake_poll(bench.fake, 0);
	ck_assert_uint_eq(drive->dmas, 1);
	struct fake_state *state = fake_save(bench.controller);
	ck_assert(fake_round_trip(bench.controller));
	fake_reset(bench.fake, VMM_RESET_POWER);
	ck_assert_int_eq(fake_load(bench.controller, state), 0);
	drive->length = 1536;
	fake_start(bench.fake);
	fake_poll(bench.fake, 0);
	ck_assert_uint_eq(drive->dmas, 2);
	ck_assert_int_eq(drive->moved, 1536);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 2, 1), 0);
	uint8_t memory[1025] = { 0 };
	fake_read(bench.fake, 0x110000, memory, 1025);
	for (uint32_t i = 0; i < 1024; i++)
		ck_assert_uint_eq(memory[i], 0x42);
	ck_assert_uint_eq(memory[1024], 0);
	fake_state_free(state);
	bench_free(&bench);
}
END_TEST

START_TEST(endures)
{
	setup();
	for (uint32_t i = 0; i < 4; i++)
		join(i, i >> 1 << 8 | (i & 1));
	for (uint32_t i = 0; i < 4; i++) {
		drives[i].gives = i & 1;
		drives[i].length = 3 + i * 700;
	}
	for (uint32_t i = 0; i < 40; i++) {
		drive_ports(bench.fake, bench.controller, PRIMARY, PRIMARY + 7, 50);
		drive_ports(bench.fake, bench.controller, MASTER, MASTER + 15, 200);
		drives[i & 3].upper->dmarq(drives[i & 3].upper_self, 1);
		bench_config_write(&bench, 4, 2, i % 5 == 0 ? 1 : 5);
	}
	ck_assert_uint_eq(bench.fake->fault_count, 0);
	bench_free(&bench);
}
END_TEST

PLUGIN_TEST_MAIN("ide-piix", configuration, decodes, cables, masters, goes_on_after_load, endures)
