/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* INI files, and the values in them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core_fixture.h"
#include "vmm/config/config.h"
#include "vmm/config/value.h"

static struct config *config;
static struct config_error error;

static void begin(void)
{
	error.text[0] = 0;
	ck_assert_int_eq(config_new(&config), 0);
}

static void end(void)
{
	config_free(config);
}

static int bytes_read(const char *data, size_t length)
{
	return config_read(config, fixture_write("c.ini", data, length), &error);
}

#define text_read(TEXT) bytes_read((TEXT), strlen(TEXT))

static void ck_value(const char *section, const char *key, const char *wanted)
{
	const char *text = config_text(config, section, key);

	ck_assert_msg(text && !strcmp(text, wanted), "[%s] %s is \"%s\", not \"%s\"", section, key,
		text ? text : "unset", wanted);
}

START_TEST(grammar)
{
	ck_assert_msg(!text_read("# a comment\n; another = one\n\n   \t \n[a]\nx=1\n  y  =  two words  \n"
				 "z = a=b:c;d #e [f] \"g\"\nempty =\nempty2=   \n\t# indented\n"
				 "[B-2_c]\r\nk.l.m = v\r\n\r\n# c\r\nlast = end"),
		"%s", error.text);
	ck_value("a", "x", "1");
	ck_value("a", "y", "two words");
	ck_value("a", "z", "a=b:c;d #e [f] \"g\"");
	ck_value("a", "empty", "");
	ck_value("a", "empty2", "");
	ck_value("B-2_c", "k.l.m", "v");
	ck_value("B-2_c", "last", "end");
	ck_assert_ptr_null(config_text(config, "a", "last"));
	ck_assert_ptr_null(config_text(config, "b", "x"));
	ck_assert_uint_eq(config->count, 2);
	ck_assert_uint_eq(config_section(config, "a")->line, 5);
	ck_assert_uint_eq(config_key(config_section(config, "a"), "z")->values[0].line, 8);
	ck_assert_uint_eq(config_key(config_section(config, "B-2_c"), "k.l.m")->values[0].line, 13);
	ck_assert_str_eq(config_section(config, "a")->file, fixture_path("c.ini"));
	/* A key may be repeated: whoever knows its type says whether that is right. */
	ck_assert_int_eq(text_read("[a]\nx = 2\nx = 3\n"), 0);
	ck_assert_uint_eq(config_key(config_section(config, "a"), "x")->count, 2);
}
END_TEST

START_TEST(long_names)
{
	char text[8192], section[2][64], value[CONFIG_LINE_MAX];

	/* Sections of 63 characters that differ in the last only. */
	memset(section, 's', sizeof(section));
	section[0][63] = section[1][63] = 0;
	section[1][62] = 't';
	snprintf(text, sizeof(text), "[%s]\na = 1\n[%s]\na = 2\n", section[0], section[1]);
	ck_assert_msg(!text_read(text), "%s", error.text);
	ck_value(section[0], "a", "1");
	ck_value(section[1], "a", "2");
	ck_assert_uint_eq(config->count, 2);
	/* A line of 4096 bytes, with either end; not one more. */
	memset(value, 'v', sizeof(value));
	value[CONFIG_LINE_MAX - 4] = 0;
	for (unsigned i = 0; i < 6; i++) {
		static const char *const ends[] = { "\n", "\r\n", "" };

		snprintf(text, sizeof(text), "[x]\nk = %s%s%s", value, i < 3 ? "" : "v", ends[i % 3]);
		ck_assert_msg(text_read(text) == (i < 3 ? 0 : -EINVAL), "case %u: %s", i, error.text);
		if (i < 3)
			ck_value("x", "k", value);
		else
			ck_assert_says(error.text, "c.ini:2: this line is longer than 4096 bytes");
	}
}
END_TEST

static const struct {
	const char *text;
	unsigned length; /* 0: to its end */
	const char *says;
} wrong[] = {
	{ "x = 1\n", 0, ":1: a setting stands before the first section" },
	{ "[a]\nhello\n", 0, ":2: this is neither a section" },
	{ "[a]\nx : 1\n", 0, ":2: " },
	{ "[a]\nx : 1 = 2\n", 0, ":2: \"x : 1\" is not a key" },
	{ "[a]\n9x = 1\n", 0, ":2: \"9x\" is not a key" },
	{ "[a]\n-x = 1\n", 0, ":2: \"-x\" is not a key" },
	{ "[a]\nx y = 1\n", 0, ":2: \"x y\" is not a key" },
	{ "[a]\nx. = 1\n", 0, ":2: \"x.\" is not a key" },
	{ "[a]\n.x = 1\n", 0, ":2: \".x\" is not a key" },
	{ "[a]\nx..y = 1\n", 0, ":2: \"x..y\" is not a key" },
	{ "[a]\nx.9 = 1\n", 0, ":2: \"x.9\" is not a key" },
	{ "[a]\n= 1\n", 0, ":2: \"\" is not a key" },
	{ "[a]\n\xc3\xa4 = 1\n", 0, ":2: " },
	{ "[]\n", 0, ":1: a section is written [NAME]" },
	{ "[a\n", 0, ":1: a section is written [NAME]" },
	{ "[a]b\n", 0, ":1: a section is written [NAME]" },
	{ "[a] # c\n", 0, ":1: a section is written [NAME]" },
	{ "[ a ]\n", 0, ":1: a section is written [NAME]" },
	{ "[a.b]\n", 0, ":1: a section is written [NAME]" },
	{ "[1a]\n", 0, ":1: a section is written [NAME]" },
	{ "[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n", 0,
		":1: a section is written [NAME]" },
	{ "[a]\n[b]\n\n[a]\n", 0, ":4: section [a] is there a second time (first in line 1)" },
	{ "\xef\xbb\xbf[a]\n", 0, ":1: " },
	{ "[a]\nx = 1\0\n", 11, ":2: there is a NUL byte in this line" },
	{ "[a]\nx = 1\0 2", 12, ":2: there is a NUL byte in this line" },
	{ "[a]\n\0", 5, ":2: there is a NUL byte in this line" },
	{ "\0", 1, ":1: there is a NUL byte in this line" },
	{ "[a]\n\0x = 1\n", 11, ":2: there is a NUL byte in this line" },
	{ "[a]\n#\0x = 1\n", 12, ":2: there is a NUL byte in this line" },
	{ "[a]\nx\x1b[31m\n", 0, ":2: " },
};

START_TEST(refused)
{
	char place[600];

	ck_assert_int_eq(
		bytes_read(wrong[_i].text, wrong[_i].length ? wrong[_i].length : strlen(wrong[_i].text)), -EINVAL);
	ck_assert_line(error.text);
	ck_assert_ptr_null(strchr(error.text, 27));
	snprintf(place, sizeof(place), "%s%s", fixture_path("c.ini"), wrong[_i].says);
	ck_assert_msg(
		!strncmp(error.text, place, strlen(place)), "\"%s\" does not begin with \"%s\"", error.text, place);
}
END_TEST

START_TEST(files)
{
	ck_assert_int_eq(config_read(config, fixture_path("gone.ini"), &error), -ENOENT);
	ck_assert_says(error.text, "gone.ini: cannot be read: No such file");
	mkdir(fixture_path("folder.ini"), 0755);
	ck_assert_int_lt(config_read(config, fixture_path("folder.ini"), &error), 0);
	ck_assert_line(error.text);
	char *large = malloc(CONFIG_FILE_MAX + 1);

	memset(large, '\n', CONFIG_FILE_MAX + 1);
	ck_assert_int_eq(bytes_read(large, CONFIG_FILE_MAX), 0);
	ck_assert_int_eq(bytes_read(large, CONFIG_FILE_MAX + 1), -EINVAL);
	ck_assert_says(error.text, "larger than 1 MiB");
	free(large);
	ck_assert_int_eq(text_read(""), 0);
	ck_assert_int_eq(config_fail(&error, "f", 3, "a\nb\tc\x7f%d", 5), -EINVAL);
	ck_assert_str_eq(error.text, "f:3: a?b?c?5");
	config_fail(&error, "f", 0, "x");
	ck_assert_str_eq(error.text, "f: x");
	config_fail(&error, NULL, 3, "x");
	ck_assert_str_eq(error.text, "x");
}
END_TEST

START_TEST(merging)
{
	ck_assert_int_eq(text_read("[a]\nx = 1\nlist = p\nlist = q\n[b]\ny = 2\n"), 0);
	ck_assert_int_eq(config_read(config, fixture_text("d.ini", "[c]\nz = 3\n[a]\nlist = r\nw = 4\n"), &error), 0);
	ck_value("a", "x", "1");
	ck_value("a", "list", "r");
	ck_value("a", "w", "4");
	ck_value("b", "y", "2");
	ck_value("c", "z", "3");
	ck_assert_uint_eq(config_key(config_section(config, "a"), "list")->count, 1);
	/* Sections keep their order; a message names the file that a value is from. */
	ck_assert_str_eq(config->sections[0]->name, "a");
	ck_assert_str_eq(config->sections[2]->name, "c");
	ck_assert_str_eq(config_key(config_section(config, "a"), "list")->values[0].file, fixture_path("d.ini"));
	ck_assert_str_eq(config_key(config_section(config, "a"), "x")->values[0].file, fixture_path("c.ini"));
	ck_assert_int_eq(config_set(config, "a.x=9", &error), 0);
	ck_assert_int_eq(config_set(config, "n.b.c = v=w.x ", &error), 0);
	ck_assert_int_eq(config_set(config, "a.list=", &error), 0);
	ck_value("a", "x", "9");
	ck_value("n", "b.c", "v=w.x");
	ck_value("a", "list", "");
	ck_assert_ptr_null(config_key(config_section(config, "a"), "x")->values[0].file);
	static const char *const bad[] = { "", "=", "a", "a.b", "a=b", "a=b.c", ".b=c", "a.=c", "a.9=c", "9.b=c",
		"a b.c=d", "a.b..c=d", "a. =d" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(config_set(config, bad[i], &error) == -EINVAL, "\"%s\" was taken", bad[i]);
		ck_assert_line(error.text);
		ck_assert_says(error.text, "--set: ");
	}
}
END_TEST

START_TEST(spelling)
{
	static const char *const words[] = { "memory", "memory.backing", "name", "clock", "port" };

	ck_assert_str_eq(config_nearest("memmory", words, 5), "memory");
	ck_assert_str_eq(config_nearest("memroy", words, 5), "memory");
	ck_assert_str_eq(config_nearest("nmae", words, 5), "name");
	ck_assert_str_eq(config_nearest("clok", words, 5), "clock");
	ck_assert_ptr_null(config_nearest("elephant", words, 5));
	ck_assert_ptr_null(config_nearest("memory", words, 0));
	char word[300];

	memset(word, 'm', sizeof(word));
	word[299] = 0;
	ck_assert_ptr_null(config_nearest(word, words, 5));
}
END_TEST

START_TEST(paths)
{
	char *here = getcwd(NULL, 0), wanted[4096];
	const struct {
		const char *name, *file, *wanted;
	} cases[] = { { "/a/b", "/c/d.ini", "/a/b" }, { "a/b", "/c/d.ini", "/c/a/b" }, { "a", "/d.ini", "/a" },
		{ "../a", "/c/d.ini", "/c/../a" }, { "a", "d.ini", NULL }, { "a", NULL, NULL } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *path = config_path(cases[i].name, cases[i].file);

		snprintf(wanted, sizeof(wanted), "%s/a", here);
		ck_assert_str_eq(path, cases[i].wanted ? cases[i].wanted : wanted);
		free(path);
	}
	char *path = config_path("a", "sub/d.ini");

	snprintf(wanted, sizeof(wanted), "%s/sub/a", here);
	ck_assert_str_eq(path, wanted);
	free(path);
	free(here);
}
END_TEST

START_TEST(values)
{
	static const struct {
		const char *text;
		bool is_int, is_size;
		int64_t value;
	} numbers[] = { { "0", 1, 1, 0 }, { "42", 1, 1, 42 }, { "-1", 1, 0, -1 }, { "0x1F", 1, 1, 31 },
		{ "010", 1, 1, 10 }, { "-0x10", 1, 0, -16 }, { "9223372036854775807", 1, 1, INT64_MAX },
		{ "9223372036854775808", 0, 0, 0 }, { "-9223372036854775808", 1, 0, INT64_MIN }, { "4K", 0, 1, 4096 },
		{ "4k", 0, 1, 4096 }, { "3M", 0, 1, 3 << 20 }, { "2G", 0, 1, INT64_C(2) << 30 },
		{ "1T", 0, 1, INT64_C(1) << 40 }, { "8388607T", 0, 1, INT64_C(8388607) << 40 }, { "8388608T", 0, 0, 0 },
		{ "9007199254740991K", 0, 1, INT64_C(9007199254740991) << 10 }, { "9007199254740992K", 0, 0, 0 },
		{ "0x10K", 0, 1, 16384 }, { "", 0, 0, 0 }, { "-", 0, 0, 0 }, { "+1", 0, 0, 0 }, { " 1", 0, 0, 0 },
		{ "1 ", 0, 0, 0 }, { "1 K", 0, 0, 0 }, { "K", 0, 0, 0 }, { "1KB", 0, 0, 0 }, { "1P", 0, 0, 0 },
		{ "0x", 0, 0, 0 }, { "0xg", 0, 0, 0 }, { "1.5", 0, 0, 0 }, { "1e3", 0, 0, 0 }, { "--1", 0, 0, 0 },
		{ "0x-1", 0, 0, 0 }, { "0x 1", 0, 0, 0 } };
	int64_t value;
	uint8_t mac[6], uuid[16];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		ck_assert_msg(value_int(numbers[i].text, &value) == numbers[i].is_int, "int %s", numbers[i].text);
		ck_assert(!numbers[i].is_int || value == numbers[i].value);
		ck_assert_msg(value_size(numbers[i].text, &value) == numbers[i].is_size, "size %s", numbers[i].text);
		ck_assert_msg(!numbers[i].is_size || value == numbers[i].value, "size %s", numbers[i].text);
	}
	static const char *const yes[] = { "yes", "true", "on", "1", "YES" },
				 *const no[] = { "no", "false", "off", "0", "Off" };
	static const char *const neither[] = { "", "y", "2", "yes ", "maybe" };

	for (unsigned i = 0; i < 5; i++) {
		ck_assert(value_bool(yes[i], &value) && value == 1);
		ck_assert(value_bool(no[i], &value) && value == 0);
		ck_assert(!value_bool(neither[i], &value));
	}
	ck_assert(value_mac("00:50:56:aB:0C:ff", mac));
	ck_assert_mem_eq(mac, "\x00\x50\x56\xab\x0c\xff", 6);
	static const char *const bad_macs[] = { "", "01:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "00:50:56:ab:0c",
		"0:50:56:ab:0c:ff", "00:50:56:ab:0c:ff:00", "00-50-56-ab-0c-ff", "00:50:56:ab:0c:fg",
		"00:50:56:ab:0c:f", "00:50:56:ab:0c:ff " };

	for (size_t i = 0; i < sizeof(bad_macs) / sizeof(bad_macs[0]); i++)
		ck_assert_msg(!value_mac(bad_macs[i], mac), "MAC %s", bad_macs[i]);
	ck_assert(value_uuid("01234567-89ab-CDEF-0123-456789abcdef", uuid));
	ck_assert_mem_eq(uuid, "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef", 16);
	static const char *const bad_uuids[] = { "", "01234567-89ab-cdef-0123-456789abcde",
		"0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdef0",
		"0123456-789ab-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdeg" };

	for (size_t i = 0; i < sizeof(bad_uuids) / sizeof(bad_uuids[0]); i++)
		ck_assert_msg(!value_uuid(bad_uuids[i], uuid), "UUID %s", bad_uuids[i]);
	ck_assert(value_choice("two", "one|two|three", &value) && value == 1);
	ck_assert(value_choice("three", "one|two|three", &value) && value == 2);
	ck_assert(!value_choice("tw", "one|two|three", &value) && !value_choice("one|two", "one|two", &value));
	ck_assert(!value_choice("", "one|two", &value) && !value_choice("twoo", "one|two", &value));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("core_config");
	TCase *cases = tcase_create("config");
	int status;

	if (!fixture_begin())
		return 99;
	tcase_add_checked_fixture(cases, begin, end);
	tcase_add_test(cases, grammar);
	tcase_add_test(cases, long_names);
	tcase_add_loop_test(cases, refused, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(cases, files);
	tcase_add_test(cases, merging);
	tcase_add_test(cases, spelling);
	tcase_add_test(cases, paths);
	tcase_add_test(cases, values);
	suite_add_tcase(suite, cases);
	status = fixture_run(suite);
	fixture_end();
	return status;
}
