/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A VMDK and the block kit, for tests/disk/vmdk.py:
 *
 *   vmdk_tool create FILE VARIANT BYTES [PARENT] [KEY=VALUE...]
 *   vmdk_tool read FILE RAW             the disk's contents, sparse
 *   vmdk_tool write FILE RAW            all of them, but for its holes
 *   vmdk_tool patch FILE OFFSET BYTES SEED [STEP]   random bytes, in requests of STEP bytes
 *   vmdk_tool zero FILE OFFSET BYTES DISCARD
 *   vmdk_tool pack FILE RAW             into a fresh streamOptimized disk
 *   vmdk_tool check FILE [repair]       2: something was found
 *   vmdk_tool info|compact FILE
 *   vmdk_tool resize FILE BYTES
 *   vmdk_tool rebase FILE [PARENT]
 *   vmdk_tool die FILE OFFSET BYTES SEED   writes, flushes, writes more and is gone without closing
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm/block/image.h>

#include "host.h"
#include "vmdk.h"

#define PIECE (UINT64_C(4) << 20)

static void tool_log(void *context, uint32_t level, const char *text)
{
	(void)context;
	if (level <= VMM_LOG_INFO)
		fprintf(stderr, "log: %s\n", text);
}

static void tool_fail(void *context, const char *cause, const char *remedy)
{
	(void)context;
	fprintf(stderr, "fail: %s\nremedy: %s\n", cause, remedy);
}

static const struct vmm_host host = HOST_WITH(NULL, tool_log, tool_fail);

static const struct vmm_block_format *const formats[] = { &vmdk_format };
static uint8_t piece[PIECE];

static int quit(const char *what, int32_t status)
{
	fprintf(stderr, "vmdk_tool: %s: %s\n", what, strerror(-status));
	return 1;
}

static int32_t open_image(const char *path, uint32_t flags, struct vmm_block_image **image)
{
	return vmm_block_image_open(&host, formats, 1, path, flags, image);
}

static int do_create(int count, char **words)
{
	struct vmm_block_option options[16];
	struct vmm_block_new what = {
		.path = words[0], .variant = words[1], .length = strtoull(words[2], NULL, 0), .options = options
	};
	for (int i = 3; i < count; i++) {
		char *sign = strchr(words[i], '=');
		if (sign == NULL) {
			what.parent = words[i];
			continue;
		}
		*sign = '\0';
		options[what.option_count++] = (struct vmm_block_option){ words[i], sign + 1 };
	}
	int32_t status = 0;
	if (what.parent != NULL) {
		char path[4096];
		vmm_block_path(what.path, what.parent, path, sizeof(path));
		status = open_image(path, VMM_BLOCK_READONLY, &what.parent_image);
	}
	if (status == 0)
		status = vmm_block_image_create(&host, &vmdk_format, &what);
	vmm_block_image_close(what.parent_image);
	return status < 0 ? quit("create", status) : 0;
}

static int do_read(const char *path, const char *raw)
{
	struct vmm_block_image *image;
	int32_t status = open_image(path, VMM_BLOCK_READONLY, &image);
	if (status < 0)
		return quit("open", status);
	int fd = open(raw, O_RDWR | O_CREAT | O_TRUNC, 0666);
	if (fd < 0 || ftruncate(fd, (off_t)image->length) < 0)
		return quit(raw, -errno);
	for (uint64_t at = 0; at < image->length && status == 0;) {
		uint64_t n = image->length - at < PIECE ? image->length - at : PIECE;
		struct vmm_block_piece where;
		status = vmm_block_image_map(image, at, image->length - at, &where);
		if (status == 0 && where.kind == VMM_BLOCK_ZERO) {
			at += where.length;
			continue;
		}
		if (status < 0)
			break;
		status = vmm_block_image_read(image, piece, n, at);
		if (status == 0 && !vmm_block_is_zero(piece, n) && pwrite(fd, piece, n, (off_t)at) != (ssize_t)n)
			status = -errno;
		at += n;
	}
	close(fd);
	vmm_block_image_close(image);
	return status < 0 ? quit("read", status) : 0;
}

/* All of a raw file goes into the image, by `write` or packed. */
static int do_write(const char *path, const char *raw, int packed)
{
	struct vmm_block_image *image;
	int32_t status = open_image(path, 0, &image);
	if (status < 0)
		return quit("open", status);
	int fd = open(raw, O_RDONLY);
	struct stat what;
	if (fd < 0 || fstat(fd, &what) < 0)
		return quit(raw, -errno);
	uint64_t length = (uint64_t)what.st_size, step = packed ? image->unit : PIECE;
	if (length > image->length)
		length = image->length;
	for (uint64_t at = 0; at < length && status == 0;) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);
		if (data < 0)
			break;
		at = (uint64_t)data / step * step;
		uint64_t n = length - at < step ? length - at : step;
		if (pread(fd, piece, n, (off_t)at) != (ssize_t)n)
			status = -errno;
		else if (packed)
			status = vmm_block_image_pack(image, piece, n, at);
		else
			status = vmm_block_image_write(image, piece, n, at);
		at += n;
	}
	close(fd);
	if (status == 0)
		status = vmm_block_image_flush(image);
	vmm_block_image_close(image);
	return status < 0 ? quit("write", status) : 0;
}

static void fill(uint64_t length, uint64_t seed, uint64_t offset)
{
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + offset + 1;
	for (uint64_t i = 0; i < length; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(piece + i, &x, 8);
	}
}

static int32_t patch(struct vmm_block_image *image, uint64_t offset, uint64_t length, uint64_t seed, uint64_t step)
{
	int32_t status = 0;
	for (uint64_t at = 0; at < length && status == 0; at += step) {
		uint64_t n = length - at < step ? length - at : step;
		fill(n, seed, offset + at);
		status = vmm_block_image_write(image, piece, n, offset + at);
	}
	return status;
}

static int do_patch(int count, char **words, int die)
{
	struct vmm_block_image *image;
	uint64_t offset = strtoull(words[1], NULL, 0), length = strtoull(words[2], NULL, 0);
	uint64_t seed = strtoull(words[3], NULL, 0), step = count > 4 ? strtoull(words[4], NULL, 0) : 65536;
	int32_t status = open_image(words[0], 0, &image);
	if (status < 0)
		return quit("open", status);
	status = patch(image, offset, length, seed, step);
	if (status == 0)
		status = vmm_block_image_flush(image);
	if (die && status == 0) {
		status = patch(image, (offset + length) % (image->length / 2), length, seed + 1, step);
		_exit(status < 0);
	}
	vmm_block_image_close(image);
	return status < 0 ? quit("patch", status) : 0;
}

static int do_zero(char **words)
{
	struct vmm_block_image *image;
	int32_t status = open_image(words[0], 0, &image);
	if (status < 0)
		return quit("open", status);
	status = vmm_block_image_zero(
		image, strtoull(words[2], NULL, 0), strtoull(words[1], NULL, 0), (uint32_t)atoi(words[3]));
	if (status == 0)
		status = vmm_block_image_flush(image);
	vmm_block_image_close(image);
	return status < 0 ? quit("zero", status) : 0;
}

struct tool_report {
	struct vmm_block_report report;
	uint32_t found, repair;
};

__attribute__((format(printf, 5, 6))) static uint32_t found(struct vmm_block_report *self, uint32_t severity,
	uint32_t mendable, const char *remedy, const char *format, ...)
{
	static const char *const names[] = { "note", "waste", "damage" };
	struct tool_report *report = (struct tool_report *)self;
	va_list arguments;
	printf("%s: ", names[severity]);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf(" [%s%s]\n", mendable ? "mendable: " : "", remedy != NULL ? remedy : "");
	report->found += severity != VMM_BLOCK_NOTE;
	return mendable && report->repair;
}

static uint32_t progress(struct vmm_block_report *report, uint64_t done, uint64_t of)
{
	(void)report;
	return done > of ? 1 : 0;
}

static int do_check(const char *path, int repair)
{
	struct vmm_block_image *image;
	struct tool_report report = { .report = { found, progress }, .repair = (uint32_t)repair };
	uint32_t flags = VMM_BLOCK_LENIENT | (repair ? 0 : VMM_BLOCK_READONLY);
	int32_t status = open_image(path, flags, &image);
	/* Its parent may be missing. */
	if (status < 0)
		status = open_image(path, flags | VMM_BLOCK_LONELY, &image);
	if (status < 0)
		return quit("open", status);
	status = vmm_block_image_check(image, &report.report);
	vmm_block_image_close(image);
	if (status < 0)
		return quit("check", status);
	return report.found > 0 ? 2 : 0;
}

static void fact_text(struct vmm_block_facts *facts, const char *name, const char *value)
{
	(void)facts;
	printf("%s: %s\n", name, value);
}

static void fact_number(struct vmm_block_facts *facts, const char *name, uint64_t value)
{
	(void)facts;
	printf("%s: %llu\n", name, (unsigned long long)value);
}

static int do_info(const char *path)
{
	struct vmm_block_facts facts = { fact_text, fact_number, fact_text };
	struct vmm_block_image *image;
	int32_t status = open_image(path, VMM_BLOCK_READONLY | VMM_BLOCK_LONELY, &image);
	if (status < 0)
		return quit("open", status);
	printf("length: %llu\nunit: %u\nvariant: %s\nparent: %s\nreadonly: %s\n", (unsigned long long)image->length,
		image->unit, image->variant, image->parent, image->is_readonly ? image->readonly_why : "no");
	vmm_block_image_info(image, &facts);
	vmm_block_image_close(image);
	return 0;
}

static int do_change(const char *verb, char **words, int count)
{
	struct vmm_block_image *image, *parent = NULL;
	struct tool_report report = { .report = { found, progress } };
	uint32_t is_rebase = strcmp(verb, "rebase") == 0;
	int32_t status = open_image(words[0], is_rebase ? VMM_BLOCK_LONELY : 0, &image);
	if (status < 0)
		return quit("open", status);
	if (strcmp(verb, "resize") == 0)
		status = vmm_block_image_resize(image, strtoull(words[1], NULL, 0));
	else if (strcmp(verb, "compact") == 0)
		status = vmm_block_image_compact(image, &report.report);
	else {
		char path[4096];
		if (count > 1) {
			vmm_block_path(words[0], words[1], path, sizeof(path));
			status = open_image(path, VMM_BLOCK_READONLY, &parent);
		}
		if (status == 0)
			status = vmm_block_image_rebase(image, count > 1 ? words[1] : NULL, "vmdk", parent);
	}
	vmm_block_image_close(image);
	vmm_block_image_close(parent);
	return status < 0 ? quit(verb, status) : 0;
}

int main(int count, char **words)
{
	static const struct {
		const char *verb;
		int least;
	} verbs[] = { { "create", 3 }, { "read", 2 }, { "write", 2 }, { "pack", 2 }, { "patch", 4 }, { "die", 4 },
		{ "zero", 4 }, { "check", 1 }, { "info", 1 }, { "compact", 1 }, { "resize", 2 }, { "rebase", 1 } };
	const char *verb = count > 1 ? words[1] : "";
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].verb, verb) != 0 || count - 2 < verbs[i].least)
			continue;
		words += 2;
		count -= 2;
		switch (i) {
		case 0: return do_create(count, words);
		case 1: return do_read(words[0], words[1]);
		case 2:
		case 3: return do_write(words[0], words[1], i == 3);
		case 4:
		case 5: return do_patch(count, words, i == 5);
		case 6: return do_zero(words);
		case 7: return do_check(words[0], count > 1 && strcmp(words[1], "repair") == 0);
		case 8: return do_info(words[0]);
		default: return do_change(verb, words, count);
		}
	}
	fprintf(stderr, "vmdk_tool: see the head of tests/disk/vmdk_tool.c\n");
	return 2;
}
