/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * A format through the block kit, for scripts that compare with other programs.
 *
 *   TOOL create PATH VARIANT LENGTH [parent=NAME,FORMAT,PATH] [KEY=VALUE ...]
 *   TOOL read PATH RAW            the disk, as a raw file
 *   TOOL act PATH ACT ...         w=OFFSET,LENGTH,SEED  z=OFFSET,LENGTH  d=OFFSET,LENGTH  f
 *   TOOL load | pack PATH RAW     what the raw file has; `load` leaves out zeros
 *   TOOL check | repair PATH      a line for each finding; status 3 if there was one (that was not mended)
 *   TOOL resize PATH LENGTH | compact PATH | rebase PATH [NAME FORMAT PATH] | info PATH
 *   TOOL bench PATH write|read SIZE COUNT [random]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <vmm/block/image.h>

#include "host.h"

#define PIECE (UINT64_C(1) << 20)

extern const struct vmm_block_format SUBJECT;
static const struct vmm_block_format *const formats[] = { &SUBJECT };

static void host_log(void *context, uint32_t level, const char *text)
{
	(void)context;
	if (level <= VMM_LOG_WARNING)
		fprintf(stderr, "log: %s\n", text);
}

static void host_fail(void *context, const char *cause, const char *remedy)
{
	(void)context;
	fprintf(stderr, "%s: %s\n", cause, remedy != NULL ? remedy : "(no remedy)");
}

static const struct vmm_host host = HOST_WITH(NULL, host_log, host_fail);

static int fail(const char *what, int32_t status)
{
	fprintf(stderr, "tool: %s: %s\n", what, strerror(-status));
	return 1;
}

static struct vmm_block_image *image_open(const char *path, uint32_t flags)
{
	struct vmm_block_image *image;
	if (vmm_block_image_open(&host, formats, 1, path, flags, &image) < 0)
		exit(1);
	return image;
}

/* The same bytes as pattern() of the scripts: a generator that both have. */
static void pattern(uint8_t *data, uint64_t length, uint64_t seed)
{
	uint64_t z = seed;
	for (uint64_t i = 0; i < length; i += 8) {
		z = z * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		memcpy(data + i, &z, 8);
	}
}

static int act(int count, char **words)
{
	struct vmm_block_image *image = image_open(words[0], 0);
	int32_t status = 0;
	for (int i = 1; i < count && status >= 0; i++) {
		uint64_t offset = 0, length = 0, seed = 0;
		char *at = words[i][0] == 'f' ? words[i] : words[i] + 2;
		offset = strtoull(at, &at, 0);
		length = *at == ',' ? strtoull(at + 1, &at, 0) : 0;
		seed = *at == ',' ? strtoull(at + 1, &at, 0) : 0;
		uint8_t *data = malloc(length + 1);
		if (data == NULL)
			return fail("act", -ENOMEM);
		switch (words[i][0]) {
		case 'w':
			pattern(data, length, seed);
			status = vmm_block_image_write(image, data, length, offset);
			break;
		case 'z': status = vmm_block_image_zero(image, length, offset, 0); break;
		case 'd': status = vmm_block_image_zero(image, length, offset, 1); break;
		default: status = vmm_block_image_flush(image);
		}
		free(data);
	}
	if (status >= 0)
		status = vmm_block_image_flush(image);
	vmm_block_image_close(image);
	return status < 0 ? fail("act", status) : 0;
}

static int read_all(const char *path, const char *raw)
{
	struct vmm_block_image *image = image_open(path, VMM_BLOCK_READONLY);
	int fd = open(raw, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	uint8_t *data = malloc(PIECE);
	int32_t status = fd < 0 || data == NULL || ftruncate(fd, (off_t)image->length) < 0 ? -errno : 0;
	for (uint64_t at = 0; at < image->length && status >= 0;) {
		struct vmm_block_piece piece;
		uint64_t part = image->length - at;
		status = vmm_block_image_map(image, at, part, &piece);
		if (status >= 0 && piece.kind != VMM_BLOCK_ZERO) {
			part = piece.length < PIECE ? piece.length : PIECE;
			status = vmm_block_image_read(image, data, part, at);
			if (status >= 0 && pwrite(fd, data, part, (off_t)at) != (ssize_t)part)
				status = -EIO;
		} else if (status >= 0) {
			part = piece.length;
		}
		at += part;
	}
	vmm_block_image_close(image);
	free(data);
	close(fd);
	return status < 0 ? fail("read", status) : 0;
}

static int load(const char *path, const char *raw, int packed)
{
	struct vmm_block_image *image = image_open(path, 0);
	uint64_t piece = packed ? image->unit : PIECE;
	int fd = open(raw, O_RDONLY);
	uint8_t *data = malloc(piece);
	int32_t status = fd < 0 || data == NULL ? -errno : 0;
	for (uint64_t at = 0; at < image->length && status >= 0; at += piece) {
		uint64_t part = image->length - at < piece ? image->length - at : piece;
		memset(data, 0, part);
		if (pread(fd, data, part, (off_t)at) < 0)
			status = -errno;
		else if (packed)
			status = vmm_block_image_pack(image, data, part, at);
		else if (!vmm_block_is_zero(data, part))
			status = vmm_block_image_write(image, data, part, at);
	}
	if (status >= 0)
		status = vmm_block_image_flush(image);
	vmm_block_image_close(image);
	free(data);
	close(fd);
	return status < 0 ? fail("load", status) : 0;
}

struct report {
	struct vmm_block_report report;
	uint32_t mend, left;
};

static uint32_t found(struct vmm_block_report *self, uint32_t severity, uint32_t mendable, const char *remedy,
	const char *format, ...)
{
	static const char *const names[] = { "note", "waste", "damage" };
	struct report *report = (struct report *)self;
	uint32_t mend = report->mend && mendable;
	va_list arguments;
	printf("%s: ", names[severity]);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf(" (%s)\n", mendable ? remedy : "cannot be mended");
	report->left += !mend && severity != VMM_BLOCK_NOTE;
	return mend;
}

static uint32_t progress(struct vmm_block_report *report, uint64_t done, uint64_t of)
{
	(void)report;
	(void)done;
	(void)of;
	return 0;
}

static int check(const char *path, uint32_t mend)
{
	struct report report = { { found, progress }, mend, 0 };
	struct vmm_block_image *image = image_open(
		path, mend ? VMM_BLOCK_LENIENT : VMM_BLOCK_LENIENT | VMM_BLOCK_READONLY);
	int32_t status = vmm_block_image_check(image, &report.report);
	vmm_block_image_close(image);
	return status < 0 ? fail("check", status) : report.left != 0 ? 3 : 0;
}

static int create(int count, char **words)
{
	struct vmm_block_option options[16];
	struct vmm_block_new what = { .path = words[0], .variant = words[1], .length = strtoull(words[2], NULL, 0) };
	what.options = options;
	for (int i = 3; i < count && what.option_count < 16; i++) {
		char *equals = strchr(words[i], '=');
		if (equals == NULL)
			return fail("create", -EINVAL);
		*equals = '\0';
		if (strcmp(words[i], "parent") != 0) {
			options[what.option_count++] = (struct vmm_block_option){ words[i], equals + 1 };
			continue;
		}
		what.parent = strtok(equals + 1, ",");
		what.parent_format = strtok(NULL, ",");
		what.parent_image = image_open(strtok(NULL, ","), VMM_BLOCK_READONLY);
	}
	int32_t status = vmm_block_image_create(&host, &SUBJECT, &what);
	vmm_block_image_close(what.parent_image);
	return status < 0 ? 1 : 0;
}

static void fact_text(struct vmm_block_facts *facts, const char *name, const char *value)
{
	(void)facts;
	printf("%s=%s\n", name, value);
}

static void fact_number(struct vmm_block_facts *facts, const char *name, uint64_t value)
{
	(void)facts;
	printf("%s=%llu\n", name, (unsigned long long)value);
}

static int info(const char *path)
{
	struct vmm_block_facts facts = { fact_text, fact_number, fact_text };
	struct vmm_block_image *image = image_open(path, VMM_BLOCK_READONLY | VMM_BLOCK_LONELY | VMM_BLOCK_UNLOCKED);
	printf("variant=%s\nlength=%llu\nparent=%s\nparent-format=%s\n", image->variant,
		(unsigned long long)image->length, image->parent, image->parent_format);
	vmm_block_image_info(image, &facts);
	vmm_block_image_close(image);
	return 0;
}

static int bench(int count, char **words)
{
	struct vmm_block_image *image = image_open(words[0], 0);
	uint64_t size = strtoull(words[2], NULL, 0), times = strtoull(words[3], NULL, 0), z = 1;
	uint8_t *data = malloc(size);
	struct timespec from, to;
	int32_t status = data == NULL ? -ENOMEM : 0;
	if (status >= 0)
		pattern(data, size, 1);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint64_t i = 0; i < times && status >= 0; i++) {
		z = z * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		uint64_t at = (count > 4 ? (z >> 20) : i) % (image->length / size) * size;
		status = words[1][0] == 'w' ? vmm_block_image_write(image, data, size, at)
					    : vmm_block_image_read(image, data, size, at);
	}
	if (status >= 0)
		status = vmm_block_image_flush(image);
	clock_gettime(CLOCK_MONOTONIC, &to);
	printf("%.6f\n", (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	vmm_block_image_close(image);
	free(data);
	return status < 0 ? fail("bench", status) : 0;
}

static int whole(int count, char **words)
{
	struct report report = { { found, progress }, 0, 0 };
	struct vmm_block_image *parent = NULL;
	uint32_t is_rebase = strcmp(words[0], "rebase") == 0;
	struct vmm_block_image *image = image_open(words[1], is_rebase ? VMM_BLOCK_LONELY : 0);
	int32_t status;
	if (strcmp(words[0], "resize") == 0 && count > 2) {
		status = vmm_block_image_resize(image, strtoull(words[2], NULL, 0));
	} else if (strcmp(words[0], "compact") == 0) {
		status = vmm_block_image_compact(image, &report.report);
	} else if (is_rebase) {
		parent = count > 4 ? image_open(words[4], VMM_BLOCK_READONLY) : NULL;
		status = vmm_block_image_rebase(
			image, count > 4 ? words[2] : NULL, count > 4 ? words[3] : NULL, parent);
	} else {
		status = -EINVAL;
	}
	vmm_block_image_close(image);
	vmm_block_image_close(parent);
	return status < 0 ? fail(words[0], status) : 0;
}

int main(int count, char **words)
{
	const char *verb = count > 2 ? words[1] : "";
	if (strcmp(verb, "create") == 0 && count > 4)
		return create(count - 2, words + 2);
	if (strcmp(verb, "read") == 0 && count == 4)
		return read_all(words[2], words[3]);
	if (strcmp(verb, "act") == 0)
		return act(count - 2, words + 2);
	if ((strcmp(verb, "load") == 0 || strcmp(verb, "pack") == 0) && count == 4)
		return load(words[2], words[3], verb[0] == 'p');
	if (strcmp(verb, "check") == 0 || strcmp(verb, "repair") == 0)
		return check(words[2], verb[0] == 'r');
	if (strcmp(verb, "info") == 0)
		return info(words[2]);
	if (strcmp(verb, "bench") == 0 && count > 5)
		return bench(count - 2, words + 2);
	return count > 2 ? whole(count - 1, words + 1) : 2;
}
