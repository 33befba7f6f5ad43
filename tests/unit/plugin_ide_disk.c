/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
#include "ide_bench.h"

#define SECTOR  512u
#define DISK    (UINT64_C(8) << 20)
#define LAST    ((uint32_t)(DISK / SECTOR) - 1)
#define FLUSHES (VMM_STORAGE_CAN_FLUSH | VMM_STORAGE_CAN_FUA)

static struct bench bench;
static uint8_t data[256 * SECTOR];

static void setup(uint64_t capabilities)
{
	struct fake *fake = fake_new();
	bench.drive = fake_create(fake, "ide-disk", "disk0");
	ck_assert_int_eq(fake_init(bench.drive), 0);
	bench_medium_init(&bench, DISK, capabilities);
	bench_init(&bench, fake, 0);
	bench_join_medium(&bench);
	fake_reset(fake, VMM_RESET_POWER);
	bench_firmware(&bench);
	fake_start(fake);
}

static void identify(uint16_t words[256])
{
	bench_command(&bench, 0xec, 0, 0);
	bench_expect_interrupt(&bench);
	bench_read(&bench, words, SECTOR);
	ck_assert_uint_eq(bench_status(&bench), 0x50);
}

START_TEST(identifies)
{
	uint16_t words[256];
	uint8_t sum = 0;
	setup(FLUSHES);
	identify(words);
	for (uint32_t i = 0; i < 512; i++)
		sum = (uint8_t)(sum + ((uint8_t *)words)[i]);
	ck_assert_uint_eq(sum, 0);
	ck_assert_uint_eq(words[1], DISK / SECTOR / (16 * 63));
	ck_assert_uint_eq(words[3], 16);
	ck_assert_uint_eq(words[6], 63);
	ck_assert_uint_eq(words[27], 'v' << 8 | 'm');
	ck_assert_uint_eq(words[10], 'V' << 8 | 'M');
	ck_assert_uint_eq(words[60] | (uint32_t)words[61] << 16, DISK / SECTOR);
	ck_assert_uint_eq(words[100], DISK / SECTOR);
	ck_assert_uint_eq(words[88] & 0xff, 0x3f);
	ck_assert_uint_eq(words[63] & 7, 7);
	ck_assert_uint_ne(words[83] & 0x0400, 0);
	/* SET FEATURES chooses UDMA 5; a mode that there is not is refused. */
	bench_out(&bench, 1, 3);
	bench_command(&bench, 0xef, 0, 0x45);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x50);
	identify(words);
	ck_assert_uint_eq(words[88], 0x203f);
	bench_out(&bench, 1, 3);
	bench_command(&bench, 0xef, 0, 0x46);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x51);
	ck_assert_uint_eq(bench_in(&bench, 1), 4);
	bench_free(&bench);
}
END_TEST

START_TEST(reads_by_pio)
{
	setup(FLUSHES);
	bench_command(&bench, 0x20, 5, 3);
	ck_assert_uint_eq(bench_status(&bench) & BSY, BSY);
	ck_assert_uint_eq(bench.fake->line_level[14], 0);
	bench_run(&bench);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(bench_status(&bench), 0x58);
		bench_expect_interrupt(&bench);
		bench_read(&bench, data + i * SECTOR, SECTOR);
	}
	ck_assert_uint_eq(bench_status(&bench), 0x50);
	ck_assert_uint_eq(bench.fake->line_level[14], 0);
	ck_assert_mem_eq(data, bench.medium.bytes + 5 * SECTOR, 3 * SECTOR);
	ck_assert_uint_eq(bench_lba(&bench), 7);
	/* Past the end of the data there are zeros; 32 bits are two words. */
	ck_assert_uint_eq(fake_in(bench.fake, PRIMARY, 2), 0);
	bench_command(&bench, 0x20, 9, 1);
	bench_run(&bench);
	uint32_t first = fake_in(bench.fake, PRIMARY, 4);
	ck_assert_mem_eq(&first, bench.medium.bytes + 9 * SECTOR, 4);
	/* 256 sectors, in more than one piece. */
	bench_command(&bench, 0x20, 100, 0);
	for (uint32_t i = 0; i < 256; i++) {
		bench_run(&bench);
		ck_assert_uint_eq(bench_status(&bench), 0x58);
		bench_read(&bench, data + i * SECTOR, SECTOR);
	}
	ck_assert_uint_eq(bench_status(&bench), 0x50);
	ck_assert_mem_eq(data, bench.medium.bytes + 100 * SECTOR, 256 * SECTOR);
	bench_free(&bench);
}
END_TEST

START_TEST(writes_by_pio)
{
	setup(FLUSHES);
	for (uint32_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 3 + 1);
	bench_command(&bench, 0x30, 40, 2);
	/* No interrupt for the first block. */
	ck_assert_uint_eq(bench_status(&bench), 0x58);
	ck_assert_uint_eq(bench.fake->line_level[14], 0);
	bench_write(&bench, data, SECTOR);
	bench_run(&bench);
	bench_expect_interrupt(&bench);
	bench_write(&bench, data + SECTOR, SECTOR);
	ck_assert_uint_eq(bench_status(&bench) & BSY, BSY);
	bench_run(&bench);
	bench_expect_interrupt(&bench);
	ck_assert_uint_eq(bench_status(&bench), 0x50);
	ck_assert_mem_eq(bench.medium.bytes + 40 * SECTOR, data, 2 * SECTOR);
	ck_assert_uint_eq(bench.medium.fuas, 0);
	/* Without its cache a write reaches stable storage. */
	bench_out(&bench, 1, 0x82);
	bench_command(&bench, 0xef, 0, 0);
	bench_run(&bench);
	ck_assert_uint_eq(bench.medium.flushes, 1);
	bench_command(&bench, 0x30, 40, 1);
	bench_write(&bench, data, SECTOR);
	bench_run(&bench);
	ck_assert_uint_eq(bench.medium.fuas, 1);
	bench_command(&bench, 0xe7, 0, 0);
	ck_assert_uint_eq(bench_status(&bench) & BSY, BSY);
	bench_run(&bench);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x50);
	ck_assert_uint_eq(bench.medium.flushes, 2);
	bench_free(&bench);
}
END_TEST

START_TEST(moves_by_dma)
{
	setup(FLUSHES);
	bench_command(&bench, 0xc8, 16, 8);
	bench_master(&bench, 8 * SECTOR, 8);
	bench_run(&bench);
	fake_read(bench.fake, MEMORY, data, 8 * SECTOR);
	ck_assert_mem_eq(data, bench.medium.bytes + 16 * SECTOR, 8 * SECTOR);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 2, 1), 0x64);
	bench_expect_interrupt(&bench);
	fake_out(bench.fake, MASTER + 2, 1, 0x64);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 2, 1), 0x60);
	/* Write, the bus master set up first; 48-bit. */
	memset(data, 0xa7, 16 * SECTOR);
	fake_write(bench.fake, MEMORY, data, 16 * SECTOR);
	bench_master(&bench, 16 * SECTOR, 0);
	bench_out(&bench, 2, 0);
	bench_out(&bench, 3, 0);
	bench_out(&bench, 4, 0);
	bench_out(&bench, 5, 0);
	bench_command(&bench, 0x35, 1000, 16);
	bench_run(&bench);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x50);
	ck_assert_mem_eq(bench.medium.bytes + 1000 * SECTOR, data, 16 * SECTOR);
	/* A table that is longer than the transfer: active stays, and the interrupt comes. */
	bench_command(&bench, 0xc8, 16, 1);
	bench_master(&bench, 4 * SECTOR, 8);
	bench_run(&bench);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 2, 1), 0x65);
	bench_in(&bench, 7);
	/* One that is shorter: neither active nor interrupt, and the drive goes on with the next. */
	bench_command(&bench, 0xc8, 16, 4);
	bench_master(&bench, SECTOR, 8);
	bench_run(&bench);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 2, 1), 0x60);
	ck_assert_uint_eq(bench.fake->line_level[14], 0);
	ck_assert_uint_eq(bench_status(&bench) & DRQ, DRQ);
	bench_master(&bench, 3 * SECTOR, 8);
	bench_run(&bench);
	ck_assert_uint_eq(fake_in(bench.fake, MASTER + 2, 1), 0x64);
	fake_read(bench.fake, MEMORY, data, 3 * SECTOR);
	ck_assert_mem_eq(data, bench.medium.bytes + 17 * SECTOR, 3 * SECTOR);
	bench_free(&bench);
}
END_TEST

START_TEST(translates_cylinders)
{
	setup(FLUSHES);
	/* Cylinder 1, head 2, sector 3 of 16 heads and 63 sectors. */
	bench_out(&bench, 2, 1);
	bench_out(&bench, 3, 3);
	bench_out(&bench, 4, 1);
	bench_out(&bench, 5, 0);
	bench_out(&bench, 6, 0xa2);
	bench_out(&bench, 7, 0x20);
	bench_run(&bench);
	bench_read(&bench, data, SECTOR);
	ck_assert_mem_eq(data, bench.medium.bytes + ((1 * 16 + 2) * 63 + 2) * SECTOR, SECTOR);
	/* 4 heads of 17. */
	bench_out(&bench, 2, 17);
	bench_out(&bench, 6, 0xa3);
	bench_out(&bench, 7, 0x91);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x50);
	bench_out(&bench, 2, 1);
	bench_out(&bench, 3, 17);
	bench_out(&bench, 4, 5);
	bench_out(&bench, 6, 0xa1);
	bench_out(&bench, 7, 0x20);
	bench_run(&bench);
	bench_read(&bench, data, SECTOR);
	ck_assert_mem_eq(data, bench.medium.bytes + ((5 * 4 + 1) * 17 + 16) * SECTOR, SECTOR);
	/* Sector 0 and sector 18 are nowhere. */
	for (uint32_t sector = 0; sector <= 18; sector += 18) {
		bench_out(&bench, 3, (uint8_t)sector);
		bench_out(&bench, 2, 1);
		bench_out(&bench, 6, 0xa1);
		bench_out(&bench, 7, 0x20);
		ck_assert_uint_eq(bench_in(&bench, 7), 0x51);
		ck_assert_uint_eq(bench_in(&bench, 1), 0x10);
	}
	bench_free(&bench);
}
END_TEST

START_TEST(tells_errors)
{
	setup(FLUSHES);
	/* The very sector, in the middle of a request. */
	bench.medium.bad = 13 * SECTOR + 7;
	bench_command(&bench, 0xc8, 10, 8);
	bench_master(&bench, 8 * SECTOR, 8);
	bench_run(&bench);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x51);
	ck_assert_uint_eq(bench_in(&bench, 1), 0x40);
	ck_assert_uint_eq(bench_lba(&bench), 13);
	/* Behind the end. */
	bench_command(&bench, 0x20, LAST, 2);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x51);
	ck_assert_uint_eq(bench_in(&bench, 1), 0x10);
	bench_command(&bench, 0x20, LAST, 1);
	bench_run(&bench);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x58);
	/* Another command while data are due: the first is forgotten. */
	bench_command(&bench, 0x77, 0, 0);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x50);
	bench_command(&bench, 0x00, 0, 0);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x51);
	bench_command(&bench, 0xa1, 0, 0);
	ck_assert_uint_eq(bench_in(&bench, 1), 4);
	bench_command(&bench, 0xc4, 0, 1); /* READ MULTIPLE before SET MULTIPLE */
	ck_assert_uint_eq(bench_in(&bench, 7), 0x51);
	bench_free(&bench);
	setup(FLUSHES | VMM_STORAGE_READONLY);
	bench_command(&bench, 0x30, 0, 1);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x51);
	ck_assert_uint_eq(bench_in(&bench, 1), 4);
	ck_assert_ptr_nonnull(strstr(bench.fake->log, "read-only"));
	bench_free(&bench);
}
END_TEST

START_TEST(resets)
{
	setup(FLUSHES);
	bench_command(&bench, 0xc6, 0, 16);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x50);
	/* SRST with a request under way: busy until it has come back. */
	bench_command(&bench, 0x20, 0, 4);
	fake_out(bench.fake, CONTROL, 1, 4);
	ck_assert_uint_eq(bench.medium.cancels, 1);
	fake_out(bench.fake, CONTROL, 1, 0);
	ck_assert_uint_eq(bench_status(&bench), BSY);
	bench_complete(&bench, -ECANCELED);
	ck_assert_uint_eq(bench_status(&bench), 0x50);
	ck_assert_uint_eq(bench_in(&bench, 1), 1);
	ck_assert_uint_eq(bench_in(&bench, 2), 1);
	ck_assert_uint_eq(bench_in(&bench, 3), 1);
	ck_assert_uint_eq(bench_in(&bench, 4), 0);
	ck_assert_uint_eq(bench_in(&bench, 5), 0);
	ck_assert_uint_eq(bench.fake->line_level[14], 0);
	bench_out(&bench, 7, 0x90);
	bench_expect_interrupt(&bench);
	ck_assert_uint_eq(bench_in(&bench, 1), 1);
	/* nIEN keeps the interrupt back; HOB shows what was written before. */
	fake_out(bench.fake, CONTROL, 1, 2);
	bench_command(&bench, 0xe5, 0, 0);
	ck_assert_uint_eq(bench.fake->line_level[14], 0);
	ck_assert_uint_eq(bench_in(&bench, 2), 0xff);
	fake_out(bench.fake, CONTROL, 1, 0);
	ck_assert_uint_eq(bench.fake->line_level[14], 1);
	bench_in(&bench, 7);
	bench_out(&bench, 3, 0x12);
	bench_out(&bench, 3, 0x34);
	fake_out(bench.fake, CONTROL, 1, 0x80);
	ck_assert_uint_eq(bench_in(&bench, 3), 0x12);
	bench_out(&bench, 2, 0);
	ck_assert_uint_eq(bench_in(&bench, 3), 0x34);
	/* Asleep it hears nothing but a reset. */
	bench_command(&bench, 0xe6, 0, 0);
	bench_in(&bench, 7);
	bench_command(&bench, 0xec, 0, 0);
	ck_assert_uint_eq(bench_status(&bench) & DRQ, 0);
	fake_out(bench.fake, CONTROL, 1, 4);
	fake_out(bench.fake, CONTROL, 1, 0);
	bench_command(&bench, 0xec, 0, 0);
	ck_assert_uint_eq(bench_status(&bench) & DRQ, DRQ);
	bench_free(&bench);
}
END_TEST

START_TEST(smaller_and_well)
{
	setup(FLUSHES | VMM_STORAGE_CAN_DISCARD);
	/* SET MAX only after READ NATIVE MAX. */
	bench_command(&bench, 0xf9, 99, 0);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x51);
	bench_command(&bench, 0xf8, 0, 0);
	ck_assert_uint_eq(bench_lba(&bench), LAST);
	bench_command(&bench, 0xf9, 99, 0);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x50);
	bench_command(&bench, 0x20, 100, 1);
	ck_assert_uint_eq(bench_in(&bench, 1), 0x10);
	fake_reset(bench.fake, VMM_RESET_HARD);
	bench_firmware(&bench);
	bench_command(&bench, 0x20, 100, 1);
	bench_run(&bench);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x58);
	bench_read(&bench, data, SECTOR);
	/* SMART. */
	bench_out(&bench, 1, 0xda);
	bench_command(&bench, 0xb0, 0xc24f00, 0);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x50);
	ck_assert_uint_eq(bench_in(&bench, 4), 0x4f);
	bench_out(&bench, 1, 0xd0);
	bench_command(&bench, 0xb0, 0xc24f00, 1);
	bench_read(&bench, data, SECTOR);
	uint8_t sum = 0;
	for (uint32_t i = 0; i < SECTOR; i++)
		sum = (uint8_t)(sum + data[i]);
	ck_assert_uint_eq(sum, 0);
	bench_out(&bench, 1, 0xd0);
	bench_command(&bench, 0xb0, 0, 1);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x51);
	/* Trim of two ranges; the third is past the end. */
	uint64_t ranges[64] = { 8 | UINT64_C(4) << 48, 20 | UINT64_C(1) << 48 };
	fake_write(bench.fake, MEMORY, ranges, sizeof(ranges));
	bench_out(&bench, 1, 1);
	bench_out(&bench, 2, 0);
	bench_command(&bench, 0x06, 0, 1);
	bench_master(&bench, SECTOR, 0);
	bench_run(&bench);
	ck_assert_uint_eq(bench_in(&bench, 7), 0x50);
	ck_assert_uint_eq(bench.medium.discards, 2);
	ck_assert_uint_eq(bench.medium.bytes[8 * SECTOR + 5], 0);
	bench_free(&bench);
}
END_TEST

START_TEST(survives_in_mid_transfer)
{
	setup(FLUSHES);
	/* In the middle of a sector. */
	bench_command(&bench, 0x20, 3, 2);
	bench_run(&bench);
	bench_read(&bench, data, 100);
	fake_stop(bench.fake);
	struct fake_state *state = fake_save(bench.drive);
	ck_assert_int_eq(state->status, 0);
	fake_reset(bench.fake, VMM_RESET_POWER);
	ck_assert_int_eq(fake_load(bench.drive, state), 0);
	bench_firmware(&bench);
	fake_start(bench.fake);
	bench_read(&bench, data + 100, SECTOR - 100);
	bench_run(&bench);
	bench_read(&bench, data + SECTOR, SECTOR);
	ck_assert_mem_eq(data, bench.medium.bytes + 3 * SECTOR, 2 * SECTOR);
	ck_assert_uint_eq(bench_status(&bench), 0x50);
	fake_state_free(state);
	/* With a request that is parked: it is submitted again. */
	bench_command(&bench, 0x20, 30, 1);
	fake_stop(bench.fake);
	bench_complete(&bench, -ECANCELED);
	ck_assert_uint_eq(bench.medium.held, 0);
	state = fake_save(bench.drive);
	fake_reset(bench.fake, VMM_RESET_POWER);
	ck_assert_int_eq(fake_load(bench.drive, state), 0);
	bench_firmware(&bench);
	ck_assert_uint_eq(bench.medium.held, 0);
	fake_start(bench.fake);
	bench_run(&bench);
	bench_read(&bench, data, SECTOR);
	ck_assert_mem_eq(data, bench.medium.bytes + 30 * SECTOR, SECTOR);
	fake_state_free(state);
	bench_free(&bench);
}
END_TEST

START_TEST(boots_and_endures)
{
	setup(FLUSHES);
	fake_reset(bench.fake, VMM_RESET_POWER);
	uint32_t found = 0;
	for (uint32_t i = 0; i < FAKE_FILES; i++) {
		const struct fake_file *file = &bench.fake->files[i];
		if (!file->used || file->type != VMM_FIRMWARE_BOOT)
			continue;
		found++;
		ck_assert_str_eq(file->name, "disk");
		ck_assert_uint_eq(file->length, strlen("/pci@i0cf8/ide@1,1/drive@0/disk@0"));
		ck_assert_mem_eq(file->data, "/pci@i0cf8/ide@1,1/drive@0/disk@0", file->length);
	}
	ck_assert_uint_eq(found, 1);
	bench_firmware(&bench);
	for (uint32_t i = 0; i < 20; i++) {
		drive_ports(bench.fake, bench.controller, PRIMARY, PRIMARY + 7, 500);
		if (bench.medium.held)
			bench_complete(&bench, i % 3 == 0 ? -EIO : 0);
		/* Out of whatever that was. */
		fake_out(bench.fake, CONTROL, 1, 4);
		fake_out(bench.fake, CONTROL, 1, 0);
		if (bench.medium.held)
			bench_complete(&bench, -ECANCELED);
		ck_assert_uint_eq(bench_status(&bench) & BSY, 0);
	}
	bench_free(&bench);
}
END_TEST

START_TEST(refuses)
{
	struct fake *fake = fake_new();
	bench.drive = fake_create(fake, "ide-disk", "disk0");
	ck_assert_int_eq(fake_init(bench.drive), 0);
	bench_medium_init(&bench, DISK, FLUSHES);
	bench.medium.info.block_size = 4096;
	bench_init(&bench, fake, 0);
	bench_join_medium(&bench);
	fake_reset(fake, VMM_RESET_POWER);
	ck_assert_int_lt(bench.drive->instance.ops->start(bench.drive->instance.self), 0);
	ck_assert_ptr_nonnull(strstr(fake->cause, "4096"));
	bench_free(&bench);
	fake = fake_new();
	fake_set(fake, "disk0", "serial", "123456789012345678901");
	struct fake_instance *instance = fake_create(fake, "ide-disk", "disk0");
	ck_assert_int_lt(fake_init(instance), 0);
	ck_assert_ptr_nonnull(strstr(fake->cause, "serial"));
	fake_free(fake);
}
END_TEST

PLUGIN_TEST_MAIN("ide-disk", identifies, reads_by_pio, writes_by_pio, moves_by_dma, translates_cylinders, tells_errors,
	resets, smaller_and_well, survives_in_mid_transfer, boots_and_endures, refuses)
