/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Names for addresses, from files of each kind and from bad ones.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/command/symbols.h"

static struct symbols *symbols;

static int from(const char *text, uint64_t slide)
{
	char path[] = "/tmp/vmm-symbols-XXXXXX";
	int fd = mkstemp(path), status;

	ck_assert_int_ge(fd, 0);
	FILE *file = fdopen(fd, "w");

	fputs(text, file);
	fclose(file);
	symbols = NULL;
	status = symbols_read(path, slide, &symbols);
	unlink(path);
	return status;
}

static void is(uint64_t address, const char *name)
{
	const char *found = symbols_find(symbols, address);

	if (name)
		ck_assert_pstr_eq(found, name);
	else
		ck_assert_ptr_null(found);
}

START_TEST(finds_functions)
{
	ck_assert_int_eq(from("ffffffff81000200 t second\n"
			      "0000000000001000 A percpu\n"
			      "ffffffff81000100 T first\n"
			      "ffffffff81000100 t alias\n"
			      "ffffffff81000300 D data\n"
			      "ffffffff81000400 D start_of_more\n"
			      "ffffffff81000400 W weak\n"
			      "                 U undefined\n"
			      "ffffffffc0000000 t in_module\t[ext4]\n"
			      "ffffffffc0001000 b end\n",
				 0),
		0);
	is(0, NULL);
	is(0x1000, NULL);
	is(0xffffffff810000ff, NULL);
	is(0xffffffff81000100, "first");
	is(0xffffffff810001ff, "first");
	is(0xffffffff81000200, "second");
	is(0xffffffff81000300, NULL);
	is(0xffffffff810003ff, NULL);
	is(0xffffffff81000400, "weak");
	is(0xffffffffc0000fff, "in_module_[ext4]");
	is(0xffffffffc0001000, NULL);
	is(UINT64_MAX, NULL);
	symbols_free(symbols);
}
END_TEST

START_TEST(slides)
{
	ck_assert_int_eq(from("1000 T a\r\n2000 T b", 0x100), 0);
	is(0x10ff, NULL);
	is(0x1100, "a");
	is(0x20ff, "a");
	is(0x2100, "b");
	symbols_free(symbols);
}
END_TEST

START_TEST(refuses)
{
	ck_assert_int_eq(from("", 0), -ENODATA);
	ck_assert_int_eq(from("hello\n\n1 2\n12345678901234567890 T too_long\n", 0), -ENODATA);
	ck_assert_int_eq(from("0000000000000000 T _text\n0000000000000000 t x\n", 0), -EACCES);
	ck_assert_int_eq(symbols_read("/nowhere/at/all", 0, &symbols), -ENOENT);
	ck_assert_int_eq(symbols_read("/tmp", 0, &symbols), -EIO);
	ck_assert_ptr_null(symbols_find(NULL, 1));
	symbols_free(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("symbols");
	TCase *cases = tcase_create("symbols");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(cases, finds_functions);
	tcase_add_test(cases, slides);
	tcase_add_test(cases, refuses);
	suite_add_tcase(suite, cases);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
