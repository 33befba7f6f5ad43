/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Target: an image of the format that FUZZ_FORMAT is.
 *
 * The input is the file (image_NAME.c says how), but for its last 16 bytes, which choose what is done to it: it is
 * looked at, checked, mended, written, and checked again, when nothing that can be mended may be left, and what was
 * written must be read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../disk/host.h"
#include "tests/fuzz/image.h"
#include "tests/fuzz/input.h"

#define CHOICES 16u
#define ROOM    (UINT64_C(8) << 20) /* of the host's disk */
#define PIECES  256u
#define BUFFER  (UINT64_C(64) << 10)

static const struct vmm_block_format *const formats[] = { &FUZZ_FORMAT };
static char folder[128], path[256], part[256];
static uint32_t lonely;
static uint8_t buffer[BUFFER];

static void quiet_log(void *context, uint32_t level, const char *text)
{
	(void)context;
	if (getenv("FUZZ_TRACE") != NULL)
		fprintf(stderr, "log %u: %s\n", level, text);
}

static void quiet_fail(void *context, const char *cause, const char *remedy)
{
	(void)context;
	if (getenv("FUZZ_TRACE") != NULL)
		fprintf(stderr, "fail: %s: %s\n", cause, remedy);
	/* Every refusal says what to do. */
	if (cause[0] == '\0' || remedy == NULL || remedy[0] == '\0')
		abort();
}

static const struct vmm_host host = HOST_WITH(NULL, quiet_log, quiet_fail);

struct report {
	struct vmm_block_report report;
	uint32_t mend, damage, hopeless;
};

static uint32_t found(struct vmm_block_report *self, uint32_t severity, uint32_t mendable, const char *remedy,
	const char *format, ...)
{
	struct report *report = (struct report *)self;
	if (severity > VMM_BLOCK_DAMAGE || (mendable && remedy == NULL))
		abort();
	if (getenv("FUZZ_TRACE") != NULL) {
		va_list arguments;
		fprintf(stderr, "found %u (%s): ", severity, mendable ? remedy : "-");
		va_start(arguments, format);
		vfprintf(stderr, format, arguments);
		va_end(arguments);
		fprintf(stderr, "\n");
	}
	if (severity == VMM_BLOCK_DAMAGE)
		*(mendable ? &report->damage : &report->hopeless) += 1;
	return report->mend && mendable;
}

static uint32_t progress(struct vmm_block_report *self, uint64_t done, uint64_t of)
{
	(void)self;
	if (done > of)
		abort();
	return 0;
}

static int32_t check(struct vmm_block_image *image, uint32_t mend, struct report *report)
{
	*report = (struct report){ { found, progress }, mend, 0, 0 };
	return vmm_block_image_check(image, &report->report);
}

static struct vmm_block_image *image_open(uint32_t flags)
{
	struct vmm_block_image *image;
	return vmm_block_image_open(&host, formats, 1, path, flags | lonely, &image) < 0 ? NULL : image;
}

static void fact_text(struct vmm_block_facts *facts, const char *name, const char *value)
{
	(void)facts;
	if (name == NULL || value == NULL)
		abort();
}

static void fact_number(struct vmm_block_facts *facts, const char *name, uint64_t value)
{
	(void)facts;
	(void)name;
	(void)value;
}

static void look(struct vmm_block_image *image)
{
	struct vmm_block_facts facts = { fact_text, fact_number, fact_text };
	uint64_t offset = 0;
	vmm_block_image_info(image, &facts);
	for (uint32_t i = 0; i < PIECES && offset < image->length; i++) {
		struct vmm_block_piece piece;
		uint64_t length = image->length - offset;
		if (vmm_block_image_map(image, offset, length, &piece) < 0) {
			offset += 512;
			continue;
		}
		if (piece.length == 0 || piece.length > length)
			abort();
		length = (piece.length < BUFFER ? piece.length : BUFFER) & ~UINT64_C(511);
		if (length != 0)
			vmm_block_image_read(image, buffer, length, offset);
		offset += piece.length;
	}
}

/* A few writes by the choices, each read back; in a damaged image two places may be one. */
static void act(struct vmm_block_image *image, struct input *choices, uint32_t is_sound)
{
	static uint8_t back[BUFFER];
	if (image->length == 0)
		return;
	for (uint32_t i = 0; i < 4; i++) {
		uint32_t what = (uint32_t)input_take(choices, 1);
		uint64_t offset = input_take(choices, 2) * 512 % image->length & ~UINT64_C(511);
		uint64_t length = (1 + what / 8) * 512;
		if (length > image->length - offset)
			length = image->length - offset;
		memset(buffer, (int)what | 1, length);
		if (what % 8 == 6) {
			vmm_block_image_flush(image);
			continue;
		}
		int32_t status = what % 4 == 2 ? vmm_block_image_zero(image, length, offset, what & 4)
					       : vmm_block_image_write(image, buffer, length, offset);
		if (status < 0)
			continue;
		if (what % 4 == 2)
			memset(buffer, 0, length);
		status = vmm_block_image_read(image, back, length, offset);
		if (is_sound && (status < 0 || memcmp(back, buffer, length) != 0))
			abort();
	}
}

static void whole(struct vmm_block_image *image, uint32_t choice)
{
	struct report report = { { found, progress }, 0, 0, 0 };
	if (choice & 1)
		vmm_block_image_resize(image, (1 + choice / 4) * 4096);
	if ((choice & 2) && image->length <= fuzz_traits.whole)
		vmm_block_image_compact(image, &report.report);
	if ((choice & 12) == 12)
		vmm_block_image_rebase(image, choice & 16 ? "other" : NULL, NULL, NULL);
}

void fuzz_put(const char *name, const uint8_t *data, size_t length, uint64_t offset)
{
	char file[256];
	snprintf(file, sizeof(file), "%s/%s", folder, name);
	int fd = open(file, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || pwrite(fd, data, length, (off_t)offset) != (ssize_t)length)
		exit(1);
	close(fd);
}

#define REPAIRS 4u

static void file_use(struct input *choices)
{
	struct report report;
	uint32_t is_sound = (fuzz_traits.flags & FUZZ_STRICT) != 0;
	uint32_t choice = (uint32_t)input_take(choices, 1);
	lonely = (fuzz_traits.flags & FUZZ_PARENTS) && (choice & 16) ? 0 : VMM_BLOCK_LONELY;
	struct vmm_block_image *image = image_open(VMM_BLOCK_READONLY | (choice & 1 ? VMM_BLOCK_LENIENT : 0));
	if (image != NULL) {
		look(image);
		check(image, 0, &report);
		vmm_block_image_close(image);
	}
	if (choice & 2) {
		/* What one repair has made whole may show what was hidden by it, but not for ever. */
		int32_t status = 0;
		uint32_t is_hopeless = 0;
		for (uint32_t i = 0; i == 0 || (status >= 0 && report.damage != 0 && !is_hopeless); i++) {
			if (i == REPAIRS)
				abort();
			image = image_open(VMM_BLOCK_LENIENT);
			if (image == NULL)
				return;
			status = check(image, 1, &report);
			vmm_block_image_close(image);
			image = image_open(VMM_BLOCK_READONLY | VMM_BLOCK_LENIENT);
			if (image == NULL)
				abort();
			is_hopeless = status < 0 || report.hopeless != 0;
			/* What could be mended has been. */
			status = check(image, 0, &report);
			vmm_block_image_close(image);
		}
		is_sound = status >= 0 && !is_hopeless && report.hopeless == 0;
	}
	image = image_open(0);
	if (image == NULL)
		return;
	look(image);
	act(image, choices, is_sound);
	if (choice & 4)
		whole(image, (uint32_t)input_take(choices, 1));
	vmm_block_image_flush(image);
	vmm_block_image_close(image);
	if ((choice & 6) != 6)
		return;
	image = image_open(VMM_BLOCK_READONLY | VMM_BLOCK_LENIENT);
	if (image == NULL)
		abort();
	look(image);
	vmm_block_image_close(image);
}

/* Names in an image lead anywhere, and lengths have no end. */
static int32_t watch(void *self, const char *file, uint32_t event, const void *data, uint64_t length, uint64_t offset)
{
	(void)self;
	(void)data;
	if (strncmp(file, folder, strlen(folder)) != 0 || strstr(file, "/../") != NULL)
		return -EPERM;
	if ((event == VMM_BLOCK_EVENT_TRUNCATE && length > ROOM) ||
		(event == VMM_BLOCK_EVENT_WRITE && (offset > ROOM || length > ROOM)))
		return -ENOSPC;
	return 0;
}

static void fold_up(void)
{
	unlink(path);
	unlink(part);
	rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *place = getenv("TMPDIR");
	(void)argc;
	(void)argv;
	snprintf(folder, sizeof(folder), "%.64s/vmm-fuzz-XXXXXX", place != NULL ? place : "/tmp");
	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/" FUZZ_IMAGE, folder);
	snprintf(part, sizeof(part), "%s/" FUZZ_PART, folder);
	vmm_block_watch(watch, NULL);
	atexit(fold_up);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < CHOICES + 512)
		return 0;
	struct input choices = { data + size - CHOICES, CHOICES };
	uint8_t *copy = malloc(size - CHOICES);
	if (copy == NULL)
		return 0;
	memcpy(copy, data, size - CHOICES);
	if (fuzz_traits.make(copy, size - CHOICES, (uint32_t)input_take(&choices, 1)))
		file_use(&choices);
	unlink(path);
	unlink(part);
	free(copy);
	return 0;
}
