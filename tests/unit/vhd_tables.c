/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The parts of storage-vhd that only compute: footers, geometry, the size rule, bitmaps, names.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/storage-vhd/vhd.h"

#define MIB UINT64_C(1048576)
#define GIB (MIB * 1024)

START_TEST(checksums)
{
	uint8_t footer[FOOTER_SIZE] = "conectix";
	ck_assert_uint_eq(checksum(footer, 8, AT_CHECKSUM), ~(uint32_t)('c' + 'o' + 'n' + 'e' + 'c' + 't' + 'i' + 'x'));
	/* The field itself does not count. */
	memset(footer + AT_CHECKSUM, 0x55, 4);
	uint32_t sum = checksum(footer, FOOTER_SIZE, AT_CHECKSUM);
	ck_assert_uint_eq(sum, ~(uint32_t)('c' + 'o' + 'n' + 'e' + 'c' + 't' + 'i' + 'x'));
	ck_assert_uint_eq(footer_is_good(footer, FOOTER_SIZE), 0);
	footer_seal(footer);
	ck_assert_uint_eq(footer_is_good(footer, FOOTER_SIZE), 1);
	footer[511] = 1;
	ck_assert_uint_eq(footer_is_good(footer, FOOTER_SIZE), 0);
	/* One of 511 bytes has no such byte. */
	ck_assert_uint_eq(footer_is_good(footer, 511), 1);
	footer[0] = 'C';
	footer_seal(footer);
	ck_assert_uint_eq(footer_is_good(footer, FOOTER_SIZE), 0);
}
END_TEST

/* The specification's algorithm, at its borders. */
START_TEST(geometries)
{
	static const struct {
		uint64_t sectors;
		uint16_t cylinders;
		uint8_t heads, per_track;
	} rows[] = {
		{ 17 * 4 * 100, 100, 4, 17 },
		{ 204800, 1003, 12, 17 }, /* 100 MiB */
		{ 17 * 16 * 1024 - 17, 1023, 16, 17 },
		{ 17 * 16 * 1024 * 2, 1024 * 17 * 2 / 63, 16, 63 },
		{ 16777216, 16644, 16, 63 }, /* 8 GiB */
		{ UINT64_C(65535) * 16 * 63 - 1, 65534, 16, 63 },
		{ UINT64_C(65535) * 16 * 63, 16191, 16, 255 },
		{ UINT64_C(65535) * 16 * 255, 65535, 16, 255 },
		{ UINT64_C(4294967295), 65535, 16, 255 },
	};
	for (uint32_t i = 0; i < VMM_KIT_COUNT(rows); i++) {
		uint8_t footer[FOOTER_SIZE] = "conectix";
		footer_length_set(footer, rows[i].sectors * 512);
		const uint8_t *geometry = footer + AT_GEOMETRY;
		if (vmm_block_be16(geometry) != rows[i].cylinders || geometry[2] != rows[i].heads ||
			geometry[3] != rows[i].per_track)
			ck_abort_msg("%llu sectors: %u/%u/%u", (unsigned long long)rows[i].sectors,
				vmm_block_be16(geometry), geometry[2], geometry[3]);
		/* Never more than there is. */
		ck_assert_uint_le((uint64_t)vmm_block_be16(geometry) * geometry[2] * geometry[3], rows[i].sectors);
		ck_assert_uint_eq(footer_length(footer), rows[i].sectors * 512);
		ck_assert_uint_eq(footer_is_good(footer, FOOTER_SIZE), 1);
	}
}
END_TEST

START_TEST(lengths)
{
	static const struct {
		const char *creator;
		uint32_t by_geometry;
	} rows[] = { { "vpc ", 1 }, { "vs  ", 1 }, { "qemu", 1 }, { "win ", 0 }, { "qem2", 0 }, { "d2v ", 0 },
		{ "tap\0", 0 }, { "CTXS", 0 }, { "vbox", 0 } };
	for (uint32_t i = 0; i < VMM_KIT_COUNT(rows); i++) {
		uint8_t footer[FOOTER_SIZE] = "conectix";
		footer_length_set(footer, 100 * MIB + 512);
		memcpy(footer + AT_CREATOR, rows[i].creator, 4);
		ck_assert_uint_eq(
			footer_length(footer), rows[i].by_geometry ? UINT64_C(1003) * 12 * 17 * 512 : 100 * MIB + 512);
		/* A geometry at its end has no more to say, and an empty one nothing. */
		footer_length_set(footer, 200 * GIB);
		memcpy(footer + AT_CREATOR, rows[i].creator, 4);
		ck_assert_uint_eq(footer_length(footer), 200 * GIB);
		memset(footer + AT_GEOMETRY, 0, 4);
		ck_assert_uint_eq(footer_length(footer), 200 * GIB);
	}
}
END_TEST

START_TEST(bitmaps)
{
	uint8_t bits[16] = { 0x80, 0, 0, 0xff, 0xff, 0xf0 };
	/* The first sector is the highest bit of the first byte. */
	ck_assert_uint_eq(bitmap_bit(bits, 0), 1);
	ck_assert_uint_eq(bitmap_bit(bits, 7), 0);
	ck_assert_uint_eq(bitmap_run(bits, 0, 128), 1);
	ck_assert_uint_eq(bitmap_run(bits, 1, 128), 24);
	ck_assert_uint_eq(bitmap_run(bits, 24, 128), 44);
	ck_assert_uint_eq(bitmap_run(bits, 30, 37), 37);
	ck_assert_uint_eq(bitmap_run(bits, 44, 128), 128);
	struct vhd vhd = { .bitmap_size = 512 };
	struct bitmap *bitmap = calloc(1, sizeof(*bitmap) + 512);
	bitmap_set(&vhd, bitmap, 3, 3, 1);
	ck_assert_uint_eq(vhd.bitmap_dirty, 0);
	bitmap_set(&vhd, bitmap, 3, 13, 1);
	ck_assert_uint_eq(bitmap->bits[0], 0x1f);
	ck_assert_uint_eq(bitmap->bits[1], 0xf8);
	ck_assert_uint_eq(vhd.bitmap_dirty, 1);
	bitmap_set(&vhd, bitmap, 4, 5, 0);
	ck_assert_uint_eq(bitmap->bits[0], 0x17);
	ck_assert_uint_eq(vhd.bitmap_dirty, 1);
	free(bitmap);
}
END_TEST

START_TEST(names)
{
	uint8_t header[HEADER_SIZE] = { 0 };
	struct locators locators;
	ck_assert_int_eq(parent_encode(header, "/no/child.vhd", "sub/b\xc3\xa4r.vhd", NULL, 4096, &locators), 0);
	/* The name alone, big-endian; the relative one with the slashes of Windows, little-endian. */
	ck_assert_mem_eq(header + AT_PARENT_NAME, "\0b\0\xe4\0r\0.\0v\0h\0d\0\0", 16);
	ck_assert_uint_eq(locators.count, 2);
	ck_assert_uint_eq(vmm_block_be32(header + AT_LOCATORS), 0x57327275);
	ck_assert_uint_eq(vmm_block_be64(header + AT_LOCATORS + 16), 4096);
	ck_assert_uint_eq(locators.length[0], 2 * strlen(".\\sub\\bxr.vhd"));
	ck_assert_mem_eq(locators.data[0], ".\0\\\0s\0u\0b\0\\\0b\0\xe4\0r\0", 18);
	ck_assert_uint_eq(vmm_block_be32(header + AT_LOCATORS + 24), 0x57326b75);
	ck_assert_uint_eq(locators.length[1], 2 * strlen("/no/sub/bxr.vhd"));
	ck_assert_uint_eq(vmm_block_be64(header + AT_LOCATORS + 24 + 16), 4096 + sizeof(locators.data[0]));
	/* Outside of the first plane. */
	ck_assert_int_eq(parent_encode(header, "/no/child.vhd", "\xf0\x9f\x92\xbe", NULL, 4096, &locators), 0);
	ck_assert_mem_eq(header + AT_PARENT_NAME, "\xd8\x3d\xdc\xbe\0\0", 6);
	/* An absolute name has no relative one. */
	ck_assert_int_eq(parent_encode(header, "/no/child.vhd", "/no/p.vhd", NULL, 4096, &locators), 0);
	ck_assert_uint_eq(locators.count, 1);
	ck_assert_uint_eq(vmm_block_be32(header + AT_LOCATORS), 0x57326b75);
	ck_assert_uint_eq(vmm_block_be32(header + AT_LOCATORS + 24), 0);
	char longest[300];
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(parent_encode(header, "/no/child.vhd", longest, NULL, 4096, &locators), -ENAMETOOLONG);
}
END_TEST

START_TEST(probing)
{
	uint8_t head[1024] = { 0 };
	uint8_t tail[1024] = { 0 };
	struct vmm_probe probe = {
		.struct_size = sizeof(probe),
		.head = head,
		.head_length = sizeof(head),
		.tail = tail,
		.tail_length = sizeof(tail),
	};
	ck_assert_uint_eq(vmm_vhd_format.probe(&probe), 0);
	memcpy(tail + 512, "conectix", 8);
	ck_assert_uint_eq(vmm_vhd_format.probe(&probe), 100);
	memset(tail, 0, sizeof(tail));
	memcpy(tail + 513, "conectix", 8);
	ck_assert_uint_eq(vmm_vhd_format.probe(&probe), 100);
	/* Only the copy: if it is whole. */
	memset(tail, 0, sizeof(tail));
	memcpy(head, "conectix", 8);
	ck_assert_uint_eq(vmm_vhd_format.probe(&probe), 40);
	footer_seal(head);
	ck_assert_uint_eq(vmm_vhd_format.probe(&probe), 90);
	probe.head_length = probe.tail_length = 100;
	ck_assert_uint_eq(vmm_vhd_format.probe(&probe), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vhd_tables");
	TCase *all = tcase_create("all");
	tcase_add_test(all, checksums);
	tcase_add_test(all, geometries);
	tcase_add_test(all, lengths);
	tcase_add_test(all, bitmaps);
	tcase_add_test(all, names);
	tcase_add_test(all, probing);
	suite_add_tcase(suite, all);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
