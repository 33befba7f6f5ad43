/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/* Resizing, compacting and closing a VMDK, killed before each of the changes that they make to files. */
#include <check.h>

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm/block/image.h>

#include "../disk/host.h"
#include "vmdk.h"

#define MIB    (UINT64_C(1) << 20)
#define GIB    (UINT64_C(1) << 30)
#define LENGTH (6 * MIB + 512)
#define GRAIN  UINT64_C(65536)

static char folder[64], path[128], cause[HOST_CAUSE];
static uint32_t cut_at;
static uint32_t events, limit; /* made so far, and after how many the program is gone */

static const struct vmm_host host = HOST_WITH(cause, host_quiet, host_keep);

static int32_t watch(void *self, const char *file, uint32_t event, const void *data, uint64_t length, uint64_t offset)
{
	(void)self;
	(void)file;
	(void)event;
	(void)data;
	(void)length;
	(void)offset;
	return events++ < limit ? 0 : -EIO;
}

static struct vmm_block_image *open_disk(uint32_t flags)
{
	static const struct vmm_block_format *const formats[] = { &vmdk_format };
	struct vmm_block_image *image;
	if (vmm_block_image_open(&host, formats, 1, path, flags, &image) == 0)
		return image;
	ck_abort_msg("cut at %u: %s", limit, cause);
	return NULL;
}

static uint8_t model[LENGTH], back[LENGTH];

static void make(const char *variant)
{
	const struct vmm_block_new what = { .path = path, .length = LENGTH, .variant = variant };
	limit = UINT32_MAX;
	ck_assert_int_eq(vmm_block_image_create(&host, &vmdk_format, &what), 0);
	struct vmm_block_image *image = open_disk(0);
	for (uint64_t i = 0; i < LENGTH; i++)
		model[i] = (uint8_t)(i / 509 + i / 65536 * 31 + 1);
	ck_assert_int_eq(vmm_block_image_write(image, model, LENGTH, 0), 0);
	ck_assert_int_eq(vmm_block_image_flush(image), 0);
	/* Holes, and grains of nothing. */
	ck_assert_int_eq(vmm_block_image_zero(image, MIB, MIB, 1), 0);
	ck_assert_int_eq(vmm_block_image_zero(image, MIB, 3 * MIB, 0), 0);
	ck_assert_int_eq(vmm_block_image_zero(image, 4096, LENGTH - 4096, 0), 0);
	memset(model + MIB, 0, MIB);
	memset(model + 3 * MIB, 0, MIB);
	memset(model + LENGTH - 4096, 0, 4096);
	vmm_block_image_close(image);
}

static void remove_all(void)
{
	DIR *handle = opendir(folder);
	struct dirent *entry;
	while ((entry = readdir(handle)) != NULL) {
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(handle), entry->d_name, 0);
	}
	closedir(handle);
}

struct findings {
	struct vmm_block_report report;
	uint32_t mend, damage, waste, unmendable;
	char text[512];
};

__attribute__((format(printf, 5, 6))) static uint32_t found(struct vmm_block_report *report, uint32_t severity,
	uint32_t mendable, const char *remedy, const char *format, ...)
{
	struct findings *findings = (struct findings *)report;
	va_list arguments;
	(void)remedy;
	va_start(arguments, format);
	if (severity != VMM_BLOCK_NOTE)
		vsnprintf(findings->text, sizeof(findings->text), format, arguments);
	va_end(arguments);
	findings->damage += severity == VMM_BLOCK_DAMAGE;
	findings->waste += severity == VMM_BLOCK_WASTE;
	findings->unmendable += severity == VMM_BLOCK_DAMAGE && !mendable;
	return mendable && findings->mend;
}

static uint32_t progress(struct vmm_block_report *report, uint64_t done, uint64_t of)
{
	(void)report;
	ck_assert_uint_le(done, of);
	return 0;
}

static void check_disk(uint32_t mend, struct findings *findings)
{
	*findings = (struct findings){ .report = { found, progress }, .mend = mend };
	struct vmm_block_image *image = open_disk(
		VMM_BLOCK_LENIENT | VMM_BLOCK_LONELY | (mend ? 0 : VMM_BLOCK_READONLY));
	ck_assert_int_eq(vmm_block_image_check(image, &findings->report), 0);
	vmm_block_image_close(image);
}

/* What was there is there, as far as the disk goes; and behind it nothing. */
static void compare(const char *when, uint64_t least, uint64_t most)
{
	struct vmm_block_image *image = open_disk(VMM_BLOCK_READONLY);
	uint64_t length = image->length < LENGTH ? image->length : LENGTH;
	ck_assert_msg(image->length == least || image->length == most, "cut at %u: it has %llu bytes", limit,
		(unsigned long long)image->length);
	ck_assert_int_eq(vmm_block_image_read(image, back, length, 0), 0);
	for (uint64_t i = 0; i < length; i++) {
		/* The rest of the last grain that stays is cleared first, so that it does not come back with growth. */
		uint32_t goes = most < LENGTH && i >= most && i < (most + GRAIN - 1) / GRAIN * GRAIN && back[i] == 0;
		if (back[i] != model[i] && !goes)
			ck_abort_msg("cut at %u, %s: byte %llu of %llu is %02x and not %02x", cut_at, when,
				(unsigned long long)i, (unsigned long long)length, back[i], model[i]);
	}
	for (uint64_t at = LENGTH; at < image->length;) {
		struct vmm_block_piece piece;
		ck_assert_int_eq(vmm_block_image_map(image, at, image->length - at, &piece), 0);
		uint64_t n = piece.length < LENGTH ? piece.length : LENGTH;
		ck_assert_int_eq(vmm_block_image_read(image, back, n, at), 0);
		ck_assert_msg(
			vmm_block_is_zero(back, n), "cut at %u: something is at %llu", limit, (unsigned long long)at);
		at += piece.length;
	}
	vmm_block_image_close(image);
}

static int32_t act(struct vmm_block_image *image, uint64_t length)
{
	struct vmm_block_report report = { found, progress };
	struct findings findings = { .report = report };
	return length == 0 ? vmm_block_image_compact(image, &findings.report) : vmm_block_image_resize(image, length);
}

/* Do it, killed before the first change, then before the second, until it gets to its end.  `length` 0: compact. */
static void cut(const char *variant, uint64_t length)
{
	uint64_t now = length == 0 ? LENGTH : length;
	int32_t status = -EIO;
	for (uint32_t at = 0; status < 0; at++) {
		struct findings findings;
		ck_assert_uint_lt(at, 2000);
		cut_at = at;
		make(variant);
		struct vmm_block_image *image = open_disk(0);
		events = 0;
		limit = at;
		status = act(image, length);
		/* It is gone, and nothing more happens to the files. */
		vmm_block_image_close(image);
		compare("killed", LENGTH, now);
		events = 0;
		limit = UINT32_MAX;
		check_disk(1, &findings);
		ck_assert_msg(findings.unmendable == 0, "cut at %u: %s", at, findings.text);
		check_disk(0, &findings);
		ck_assert_msg(findings.damage + findings.waste == 0, "cut at %u: after mending: %s", at, findings.text);
		compare("mended", LENGTH, now);
		/* And goes on. */
		image = open_disk(0);
		uint64_t last = image->length - 512;
		memset(back, 0xa5, 512);
		ck_assert_int_eq(vmm_block_image_write(image, back, 512, last), 0);
		if (last < LENGTH)
			memset(model + last, 0xa5, 512);
		vmm_block_image_close(image);
		image = open_disk(VMM_BLOCK_READONLY);
		ck_assert_int_eq(vmm_block_image_read(image, back, 512, last), 0);
		ck_assert_uint_eq(back[0], 0xa5);
		vmm_block_image_close(image);
		remove_all();
	}
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/vmm-vmdk-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/disk.vmdk", folder);
	vmm_block_watch(watch, NULL);
}

static void teardown(void)
{
	vmm_block_watch(NULL, NULL);
	remove_all();
	ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(growing)
{
	setup();
	cut("monolithicSparse", LENGTH + 5 * MIB);
	cut("monolithicSparse", 40 * MIB);
	cut("monolithicSparse", 20 * GIB);
	cut("monolithicFlat", 40 * MIB);
	teardown();
}
END_TEST

START_TEST(shrinking)
{
	setup();
	cut("monolithicSparse", 2 * MIB + 1024);
	cut("monolithicFlat", 2 * MIB + 1024);
	teardown();
}
END_TEST

START_TEST(split_disks)
{
	setup();
	cut("twoGbMaxExtentSparse", 5 * GIB);
	cut("twoGbMaxExtentFlat", 3 * GIB);
	cut("twoGbMaxExtentSparse", MIB);
	teardown();
}
END_TEST

START_TEST(compacting)
{
	setup();
	cut("monolithicSparse", 0);
	cut("twoGbMaxExtentSparse", 0);
	teardown();
}
END_TEST

/* Killed while it is closed, or while it is written: at any change. */
START_TEST(closing)
{
	int32_t status = -EIO;
	setup();
	for (uint32_t at = 0; status < 0; at++) {
		struct findings findings;
		make("monolithicSparse");
		struct vmm_block_image *image = open_disk(0);
		events = 0;
		limit = at;
		status = vmm_block_image_write(image, model, 65536, 0);
		if (status == 0)
			status = vmm_block_image_zero(image, 131072, 5 * MIB, 1);
		if (status == 0)
			status = vmm_block_image_flush(image);
		uint32_t flushed = status == 0;
		vmm_block_image_close(image);
		/* To the last one of close. */
		status = events > limit ? -EIO : 0;
		limit = UINT32_MAX;
		if (flushed)
			memset(model + 5 * MIB, 0, 131072);
		image = open_disk(VMM_BLOCK_READONLY);
		ck_assert_int_eq(vmm_block_image_read(image, back, LENGTH, 0), 0);
		if (!flushed) {
			memset(model + 5 * MIB, 0, 131072);
			memset(back + 5 * MIB, 0, 131072);
		}
		ck_assert_mem_eq(back, model, LENGTH);
		vmm_block_image_close(image);
		check_disk(1, &findings);
		ck_assert_msg(findings.unmendable == 0, "cut at %u: %s", at, findings.text);
		remove_all();
	}
	teardown();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vmdk_cut");
	TCase *cases = tcase_create("all");
	tcase_set_timeout(cases, 120);
	tcase_add_test(cases, growing);
	tcase_add_test(cases, shrinking);
	tcase_add_test(cases, split_disks);
	tcase_add_test(cases, compacting);
	tcase_add_test(cases, closing);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
