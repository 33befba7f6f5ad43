/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The parts of storage-qcow2 that only compute: refcounts of all widths, entries, header extensions, counting.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/storage-qcow2/qcow2.h"

/* Each width holds its least and greatest, and leaves its neighbours alone. */
START_TEST(refcounts)
{
	for (uint32_t order = 0; order <= 6; order++) {
		uint8_t block[512];
		uint64_t count = sizeof(block) * 8 >> order;
		uint64_t most = order == 6 ? UINT64_MAX : (UINT64_C(1) << (1u << order)) - 1;
		memset(block, 0, sizeof(block));
		for (uint64_t i = 0; i < count; i += 3)
			refcount_store(block, order, i, most - i % 2);
		for (uint64_t i = 0; i < count; i++)
			ck_assert_uint_eq(refcount_load(block, order, i), i % 3 == 0 ? most - i % 2 : 0);
		for (uint64_t i = 0; i < count; i += 3)
			refcount_store(block, order, i, 0);
		ck_assert_uint_eq(vmm_block_is_zero(block, sizeof(block)), 1);
	}
	/* The specification: the first of a byte is in its lowest bits; wider ones are big-endian. */
	uint8_t bytes[8] = { 0 };
	refcount_store(bytes, 0, 1, 1);
	ck_assert_uint_eq(bytes[0], 2);
	refcount_store(bytes, 1, 5, 3);
	ck_assert_uint_eq(bytes[1], 0x0c);
	refcount_store(bytes, 2, 4, 0xa);
	ck_assert_uint_eq(bytes[2], 0x0a);
	refcount_store(bytes, 4, 2, 0x1234);
	ck_assert_uint_eq(bytes[4], 0x12);
	ck_assert_uint_eq(bytes[5], 0x34);
}
END_TEST

static struct qcow2 geometry(uint32_t cluster_bits, uint32_t version, uint32_t is_extended)
{
	struct qcow2 q = { .version = version, .cluster_bits = cluster_bits, .is_extended = is_extended };
	q.cluster_size = 1u << cluster_bits;
	q.unit_bits = is_extended ? cluster_bits - 5 : cluster_bits;
	q.unit = 1u << q.unit_bits;
	q.units = q.cluster_size / q.unit;
	return q;
}

START_TEST(compressed_entries)
{
	static const struct {
		uint32_t cluster_bits;
		uint64_t entry, offset;
		uint32_t length;
	} rows[] = {
		/* 64 KiB: 54 bits of offset, then sectors. */
		{ 16, UINT64_C(0x4000000000050000), 0x50000, 512 },
		{ 16, UINT64_C(0x4040000000050000), 0x50000, 1024 },
		{ 16, UINT64_C(0x40400000000501ff), 0x501ff, 513 },
		{ 16, UINT64_C(0x7fc0000000050000), 0x50000, 512 * 256 },
		/* 512 bytes: 61 bits. */
		{ 9, UINT64_C(0x4000000000000001), 1, 511 },
		{ 9, UINT64_C(0x6000000000000200), 0x200, 1024 },
		/* 2 MiB: 49 bits. */
		{ 21, UINT64_C(0x4002000000200000), 0x200000, 1024 },
	};
	for (uint32_t i = 0; i < VMM_KIT_COUNT(rows); i++) {
		struct qcow2 q = geometry(rows[i].cluster_bits, 3, 0);
		uint64_t offset;
		uint32_t length;
		entry_compressed(&q, rows[i].entry, &offset, &length);
		ck_assert_uint_eq(offset, rows[i].offset);
		ck_assert_uint_eq(length, rows[i].length);
	}
}
END_TEST

START_TEST(places)
{
	static const struct {
		uint32_t version, is_extended, is_external;
		uint64_t entry, bitmap;
		uint32_t subcluster;
		int32_t status;
		uint32_t kind, has_room;
	} rows[] = {
		{ 3, 0, 0, 0, 0, 0, 0, VMM_BLOCK_ABSENT, 0 },
		{ 3, 0, 0, ENTRY_COPIED | 0x50000, 0, 0, 0, VMM_BLOCK_DATA, 1 },
		{ 3, 0, 0, 0x50000, 0, 0, 0, VMM_BLOCK_DATA, 1 }, { 3, 0, 0, 1, 0, 0, 0, VMM_BLOCK_ZERO, 0 },
		{ 3, 0, 0, ENTRY_COPIED | 0x50001, 0, 0, 0, VMM_BLOCK_ZERO, 1 },
		{ 3, 0, 0, ENTRY_COMPRESSED | 0x50001, 0, 0, 0, VMM_BLOCK_PACKED, 0 },
		{ 3, 0, 0, ENTRY_COPIED | 0x50200, 0, 0, -EIO, 0, 0 }, /* misaligned */
		{ 2, 0, 0, 0x50001, 0, 0, -EIO, 0, 0 },                /* no zero flag in version 2 */
		{ 3, 0, 1, 0, 0, 0, 0, VMM_BLOCK_ABSENT, 0 },
		{ 3, 0, 1, ENTRY_COPIED, 0, 0, 0, VMM_BLOCK_DATA, 1 }, /* at 0 of the data file */
		{ 3, 0, 1, ENTRY_COMPRESSED, 0, 0, -EIO, 0, 0 },
		{ 3, 1, 0, ENTRY_COPIED | 0x50000, 1, 0, 0, VMM_BLOCK_DATA, 1 },
		{ 3, 1, 0, ENTRY_COPIED | 0x50000, 1, 1, 0, VMM_BLOCK_ABSENT, 1 },
		{ 3, 1, 0, ENTRY_COPIED | 0x50000, UINT64_C(1) << 33, 1, 0, VMM_BLOCK_ZERO, 1 },
		{ 3, 1, 0, 0, UINT64_C(1) << 63, 31, 0, VMM_BLOCK_ZERO, 0 },
		{ 3, 1, 0, ENTRY_COPIED | 0x50000, UINT64_C(1) << 32 | 1, 0, -EIO, 0, 0 }, /* both */
		{ 3, 1, 0, 0, 1, 0, -EIO, 0, 0 },                                          /* data nowhere */
		{ 3, 1, 0, 0x50001, 0, 0, -EIO, 0, 0 },                                    /* reserved bit */
	};
	for (uint32_t i = 0; i < VMM_KIT_COUNT(rows); i++) {
		struct qcow2 q = geometry(16, rows[i].version, rows[i].is_extended);
		struct place place;
		q.is_external = rows[i].is_external;
		int32_t status = entry_place(&q, rows[i].entry, rows[i].bitmap, rows[i].subcluster, &place);
		if (status != rows[i].status)
			ck_abort_msg("row %u: %d", i, status);
		if (status < 0)
			continue;
		if (place.kind != rows[i].kind || place.has_room != rows[i].has_room)
			ck_abort_msg("row %u: kind %u, room %u", i, place.kind, place.has_room);
		if (place.kind == VMM_BLOCK_DATA)
			ck_assert_uint_eq(place.host, (rows[i].entry & ENTRY_OFFSET) + rows[i].subcluster * 2048);
	}
}
END_TEST

START_TEST(extensions)
{
	uint8_t head[512] = { 0 };
	struct qcow2 q = { .head = head, .head_length = sizeof(head), .header_length = HEADER_OURS };
	const uint8_t *data;
	uint32_t length;
	uint32_t at = HEADER_OURS;
	at += header_extension_put(head + at, 0x11111111, "abcde", 5);
	at += header_extension_put(head + at, EXTENSION_BACKING, "raw", 3);
	ck_assert_uint_eq(at, HEADER_OURS + 16 + 16);
	header_extension_put(head + at, EXTENSION_END, NULL, 0);
	ck_assert_int_eq(header_extension_find(&q, 0x11111111, &data, &length), 0);
	ck_assert_uint_eq(length, 5);
	ck_assert_mem_eq(data, "abcde\0\0\0", 8);
	ck_assert_int_eq(header_extension_find(&q, EXTENSION_BACKING, &data, &length), 0);
	ck_assert_mem_eq(data, "raw", length);
	ck_assert_int_eq(header_extension_find(&q, EXTENSION_BITMAPS, &data, &length), -ENOENT);
	/* One that says it is longer than the header ends the list, whatever it claims. */
	vmm_block_put_be32(head + HEADER_OURS + 4, 0xffffffff);
	ck_assert_int_eq(header_extension_find(&q, EXTENSION_BACKING, &data, &length), -ENOENT);
	vmm_block_put_be32(head + HEADER_OURS + 4, 396);
	ck_assert_int_eq(header_extension_find(&q, 0x11111111, &data, &length), -ENOENT);
	vmm_block_put_be32(head + HEADER_OURS + 4, 392);
	ck_assert_int_eq(header_extension_find(&q, 0x11111111, &data, &length), 0);
	/* The backing file's name is not one of them. */
	vmm_block_put_be32(head + HEADER_OURS + 4, 5);
	vmm_block_put_be64(head + AT_BACKING_OFFSET, HEADER_OURS + 16);
	ck_assert_int_eq(header_extension_find(&q, EXTENSION_BACKING, &data, &length), -ENOENT);
}
END_TEST

static uint64_t visited, sum;

static int32_t visit(void *self, uint64_t cluster, uint32_t count)
{
	ck_assert_uint_eq(counts_get(self, cluster), count);
	visited++;
	sum += count;
	return 0;
}

START_TEST(counting)
{
	struct counts *counts = counts_new();
	uint32_t was;
	ck_assert_ptr_nonnull(counts);
	/* Far apart, and so many that the table grows. */
	for (uint64_t i = 0; i < 5000; i++)
		ck_assert_int_eq(counts_add(counts, i * i * 977, COUNT_DATA, &was), 0);
	for (uint64_t i = 0; i < 5000; i += 5) {
		ck_assert_int_eq(counts_add(counts, i * i * 977, COUNT_L2, &was), 0);
		ck_assert_uint_eq(was, COUNT_DATA);
	}
	for (uint64_t i = 0; i < 5000; i++) {
		ck_assert_uint_eq(counts_get(counts, i * i * 977), i % 5 == 0 ? 2 : 1);
		ck_assert_uint_eq(counts_kind(counts, i * i * 977), COUNT_DATA);
	}
	ck_assert_uint_eq(counts_get(counts, 976), 0);
	ck_assert_uint_eq(counts_kind(counts, UINT64_MAX), COUNT_NONE);
	ck_assert_uint_eq(counts_total(counts), 5000);
	ck_assert_int_eq(counts_each(counts, visit, counts), 0);
	ck_assert_uint_eq(visited, 5000);
	ck_assert_uint_eq(sum, 6000);
	counts_free(counts);
}
END_TEST

START_TEST(probing)
{
	uint8_t head[512] = { 'Q', 'F', 'I', 0xfb, 0, 0, 0, 3 };
	struct vmm_probe probe = { .struct_size = sizeof(probe), .head = head, .head_length = sizeof(head) };
	ck_assert_uint_eq(vmm_qcow2_format.probe(&probe), 100);
	head[7] = 9;
	ck_assert_uint_eq(vmm_qcow2_format.probe(&probe), 50);
	head[3] = 0;
	ck_assert_uint_eq(vmm_qcow2_format.probe(&probe), 0);
	head[3] = 0xfb;
	probe.head_length = 8;
	ck_assert_uint_eq(vmm_qcow2_format.probe(&probe), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("qcow2_tables");
	TCase *all = tcase_create("all");
	tcase_add_test(all, refcounts);
	tcase_add_test(all, compressed_entries);
	tcase_add_test(all, places);
	tcase_add_test(all, extensions);
	tcase_add_test(all, counting);
	tcase_add_test(all, probing);
	suite_add_tcase(suite, all);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
