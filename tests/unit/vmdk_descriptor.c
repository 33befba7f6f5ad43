/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Descriptors, headers and lists of room, without a file. */
#include <check.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "create.h"
#include "sparse.h"

static const char text[] = "# Disk DescriptorFile\n"
			   "version=1\n"
			   "parentCID=aabbccdd\n"
			   "CID = 00c0ffee  \n"
			   "  createType=\"custom\"\n"
			   "strange line\n"
			   "empty=\n"
			   "open=\"never closed\n"
			   "# Extent description\n"
			   "RW 100 FLAT \"a b.bin\" 7\n"
			   "  rdonly\t200 sparse 'c'\n"
			   "NOACCESS 5 ZERO\n"
			   "RWX 1 FLAT \"no\"\n"
			   "#RW 1 FLAT \"no\"\n"
			   "# The Disk Data Base\n"
			   "#DDB\n"
			   "ddb.adapterType = \"ide\"\n"
			   "DDB.geometry.HEADS = \"16\"";

static struct descriptor take(const char *from)
{
	struct descriptor descriptor;
	ck_assert_int_eq(descriptor_copy(&descriptor, from, strlen(from)), 0);
	return descriptor;
}

static void says(const struct descriptor *descriptor, const char *key, const char *value)
{
	char have[256];
	ck_assert_msg(descriptor_get(descriptor, key, have, sizeof(have)), "there is no %s", key);
	ck_assert_str_eq(have, value);
}

START_TEST(keys_are_read)
{
	struct descriptor descriptor = take(text);
	uint64_t number;
	char value[16], small[4];
	says(&descriptor, "CID", "00c0ffee");
	says(&descriptor, "cid", "00c0ffee");
	says(&descriptor, "parentCID", "aabbccdd");
	says(&descriptor, "createtype", "custom");
	says(&descriptor, "empty", "");
	says(&descriptor, "open", "never closed");
	says(&descriptor, "ddb.geometry.heads", "16");
	ck_assert(!descriptor_get(&descriptor, "ID", value, sizeof(value)));
	ck_assert(!descriptor_get(&descriptor, "strange line", value, sizeof(value)));
	ck_assert(!descriptor_get(&descriptor, "createType", small, sizeof(small)));
	ck_assert(descriptor_number(&descriptor, "CID", 16, &number));
	ck_assert_uint_eq(number, 0xc0ffee);
	ck_assert(!descriptor_number(&descriptor, "createType", 16, &number));
	ck_assert(!descriptor_number(&descriptor, "empty", 10, &number));
	ck_assert_uint_eq(descriptor_count(&descriptor, "CID"), 1);
	descriptor_free(&descriptor);
}
END_TEST

/* The text with one piece in the place of another. */
static char *changed(const char *from, const char *old, const char *new)
{
	static char result[4096];
	const char *at = strstr(from, old);
	ck_assert_ptr_nonnull(at);
	snprintf(result, sizeof(result), "%.*s%s%s", (int)(at - from), from, new, at + strlen(old));
	return result;
}

START_TEST(a_change_leaves_the_rest)
{
	static const struct {
		const char *key, *value, *old, *new;
	} rows[] = {
		{ "CID", "12345678", "CID = 00c0ffee  \n", "CID = 12345678  \n" },
		{ "createType", "vmfs", "\"custom\"", "\"vmfs\"" },
		{ "createType", NULL, "  createType=\"custom\"\n", "" },
		{ "empty", "x", "empty=\n", "empty=x\n" },
		{ "ddb.geometry.heads", "255", "HEADS = \"16\"", "HEADS = \"255\"" },
		{ "ddb.uuid", "1 2", "HEADS = \"16\"", "HEADS = \"16\"\nddb.uuid = \"1 2\"\n" },
		{ "encoding", "GBK", "open=\"never closed\n", "open=\"never closed\nencoding=\"GBK\"\n" },
		{ "nothing", NULL, "CID", "CID" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct descriptor descriptor = take(text);
		ck_assert_int_eq(descriptor_set(&descriptor, rows[i].key, rows[i].value, 1), 0);
		/* "CID" is also in parentCID, which stands first. */
		const char *wanted = changed(text, rows[i].old, rows[i].new);
		ck_assert_str_eq(descriptor.text, wanted);
		ck_assert_uint_eq(descriptor.length, strlen(wanted));
		descriptor_free(&descriptor);
	}
}
END_TEST

START_TEST(line_ends_are_kept)
{
	static const char *const ends[] = { "\n", "\r\n", "\r" };
	for (size_t i = 0; i < 3; i++) {
		char from[256], wanted[256];
		snprintf(from, sizeof(from), "# Disk DescriptorFile%sCID=1%sRW 1 ZERO%s", ends[i], ends[i], ends[i]);
		snprintf(wanted, sizeof(wanted),
			"# Disk DescriptorFile%sCID=1%sparentCID=2%sRW 1 ZERO%sddb.x = \"y\"%s", ends[i], ends[i],
			ends[i], ends[i], ends[i]);
		struct descriptor descriptor = take(from);
		ck_assert_int_eq(descriptor_set(&descriptor, "parentCID", "2", 0), 0);
		ck_assert_int_eq(descriptor_set(&descriptor, "ddb.x", "y", 1), 0);
		ck_assert_str_eq(descriptor.text, wanted);
		descriptor_free(&descriptor);
	}
}
END_TEST

START_TEST(extent_lines_are_read_and_changed)
{
	struct descriptor descriptor = take(text);
	static struct descriptor_extent extent;
	char why[160];
	uint32_t at = 0;
	ck_assert_int_eq(descriptor_extent(&descriptor, &at, &extent, why), 1);
	ck_assert_uint_eq(extent.access, ACCESS_WRITE);
	ck_assert_uint_eq(extent.type, TYPE_FLAT);
	ck_assert_uint_eq(extent.sectors, 100);
	ck_assert_uint_eq(extent.offset, 7);
	ck_assert_str_eq(extent.name, "a b.bin");
	struct descriptor_extent first = extent;
	ck_assert_int_eq(descriptor_extent(&descriptor, &at, &extent, why), 1);
	ck_assert_uint_eq(extent.access, ACCESS_READONLY);
	ck_assert_uint_eq(extent.type, TYPE_SPARSE);
	ck_assert_str_eq(extent.name, "'c'");
	ck_assert_int_eq(descriptor_extent(&descriptor, &at, &extent, why), 1);
	ck_assert_uint_eq(extent.access, ACCESS_NONE);
	ck_assert_int_eq(descriptor_extent(&descriptor, &at, &extent, why), 0);
	ck_assert_int_eq(descriptor_put_sectors(&descriptor, &first, 123456), 0);
	ck_assert_ptr_nonnull(strstr(descriptor.text, "\nRW 123456 FLAT \"a b.bin\" 7\n"));
	at = 0;
	ck_assert_int_eq(descriptor_extent(&descriptor, &at, &first, why), 1);
	ck_assert_int_eq(descriptor_put(&descriptor, first.end, first.end, "RW 9 ZERO"), 0);
	ck_assert_ptr_nonnull(strstr(descriptor.text, "\" 7\nRW 9 ZERO\n  rdonly"));
	ck_assert_int_eq(descriptor_put(&descriptor, first.at, first.end, NULL), 0);
	ck_assert_ptr_nonnull(strstr(descriptor.text, "# Extent description\nRW 9 ZERO\n"));
	descriptor_free(&descriptor);
}
END_TEST

START_TEST(names_have_encodings)
{
	char result[64];
	ck_assert_int_eq(encoding_decode("windows-1252",
				 "Gr\xf6\xdf"
				 "e",
				 result, sizeof(result)),
		0);
	ck_assert_str_eq(result, "Größe");
	ck_assert_int_eq(encoding_encode("windows-1252", "Größe", result, sizeof(result)), 0);
	ck_assert_str_eq(result,
		"Gr\xf6\xdf"
		"e");
	ck_assert_int_eq(encoding_encode("windows-1252", "диск", result, sizeof(result)), -EILSEQ);
	ck_assert_int_eq(encoding_encode("no-such-thing", "диск", result, sizeof(result)), -EILSEQ);
	ck_assert_int_eq(encoding_encode("no-such-thing", "disk", result, sizeof(result)), 0);
	/* What cannot be understood may be what the file is called. */
	ck_assert_int_eq(encoding_decode("no-such-thing", "\xff\xfe", result, sizeof(result)), 0);
	ck_assert_str_eq(result, "\xff\xfe");
	ck_assert_int_eq(encoding_decode("windows-1252", "123456789", result, 9), -ENAMETOOLONG);
	struct descriptor descriptor = take(
		"# Disk DescriptorFile\nencoding=\"GBK\"\nparentFileNameHint=\"\xb4\xc5\xc5\xcc\"\n");
	ck_assert(descriptor_path(&descriptor, "parentFileNameHint", result, sizeof(result)));
	ck_assert_str_eq(result, "磁盘");
	ck_assert_int_eq(descriptor_set_path(&descriptor, "parentFileNameHint", "磁.vmdk"), 0);
	ck_assert_ptr_nonnull(strstr(descriptor.text, "=\"\xb4\xc5.vmdk\"\n"));
	ck_assert_int_eq(descriptor_set_path(&descriptor, "parentFileNameHint", "a\"b"), -EILSEQ);
	descriptor_free(&descriptor);
}
END_TEST

START_TEST(header_goes_and_comes)
{
	struct header one = { 2, 7, 1000, 128, 1, 20, 512, 21, 26, 128, 1, 1, 0 }, two;
	uint8_t sector[SECTOR], again[SECTOR];
	char why[256];
	const char *remedy;
	header_encode(&one, sector);
	ck_assert(header_decode(sector, &two));
	header_encode(&two, again);
	ck_assert_mem_eq(sector, again, SECTOR);
	ck_assert_uint_eq(two.overHead, 128);
	ck_assert_uint_eq(two.uncleanShutdown, 1);
	ck_assert_uint_eq(two.rgdOffset, 21);
	ck_assert_mem_eq(sector, "KDMV\2\0\0\0\7\0\0\0", 12);
	ck_assert_int_eq(header_check(&two, 65536, why, &remedy), 0);
	ck_assert_uint_eq(header_tables(&two), 1);
	ck_assert_int_lt(header_check(&two, 20 * 512, why, &remedy), 0);
	two.grainSize = 3;
	ck_assert_int_eq(header_check(&two, 65536, why, &remedy), -EINVAL);
	sector[0] = 'k';
	ck_assert(!header_decode(sector, &two));
}
END_TEST

/* KB 1026254, and what ATA can say. */
START_TEST(geometry_is_vmwares)
{
	static const struct {
		uint64_t mib;
		const char *adapter;
		uint64_t cylinders;
		uint32_t heads, sectors;
	} rows[] = {
		{ 100, "ide", 203, 16, 63 },
		{ 20480, "ide", 16383, 16, 63 },
		{ 512, "lsilogic", 512, 64, 32 },
		{ 1023, "buslogic", 1023, 64, 32 },
		{ 1024, "lsilogic", 512, 128, 32 },
		{ 2048, "lsilogic", 261, 255, 63 },
		{ 131072, "lsilogic", 16709, 255, 63 },
		{ 40960, "legacyESX", 5221, 255, 63 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct geometry geometry;
		geometry_make(rows[i].mib * 2048, rows[i].adapter, &geometry);
		ck_assert_uint_eq(geometry.cylinders, rows[i].cylinders);
		ck_assert_uint_eq(geometry.heads, rows[i].heads);
		ck_assert_uint_eq(geometry.sectors, rows[i].sectors);
	}
}
END_TEST

START_TEST(runs_join)
{
	struct runs runs = { 0 };
	/* Every second of 0 .. 199, then those between, backwards. */
	for (uint64_t i = 0; i < 200; i += 2)
		ck_assert_int_eq(runs_add(&runs, i * 8, 8), 0);
	ck_assert_uint_eq(runs.count, 100);
	for (uint64_t i = 199; i < 200; i -= 2) {
		ck_assert_int_eq(runs_add(&runs, i * 8, 8), 0);
		for (uint32_t k = 1; k < runs.count; k++)
			ck_assert_uint_lt(runs.list[k - 1].sector + runs.list[k - 1].count, runs.list[k].sector);
	}
	ck_assert_uint_eq(runs.count, 1);
	ck_assert_uint_eq(runs.list[0].sector, 0);
	ck_assert_uint_eq(runs.list[0].count, 1600);
	runs_free(&runs);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vmdk_descriptor");
	TCase *cases = tcase_create("all");
	tcase_add_test(cases, keys_are_read);
	tcase_add_test(cases, a_change_leaves_the_rest);
	tcase_add_test(cases, line_ends_are_kept);
	tcase_add_test(cases, extent_lines_are_read_and_changed);
	tcase_add_test(cases, names_have_encodings);
	tcase_add_test(cases, header_goes_and_comes);
	tcase_add_test(cases, geometry_is_vmwares);
	tcase_add_test(cases, runs_join);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
