/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Target: a VMDK.  The input is the image, and a file beside it that its descriptor may name ("part"); the first two
 * bytes say how long the image is.  It is looked at, read, written, mended and read again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm/block/image.h>

#include "../disk/host.h"
#include "tests/fuzz/input.h"
#include "vmdk.h"

#define PIECES 512u
#define BUFFER 65536u

static char folder[128], image_path[256], part_path_[256];
static uint8_t buffer[BUFFER];

static void host_log(void *context, uint32_t level, const char *text)
{
	(void)context;
	(void)level;
	if (strlen(text) > 100000)
		abort();
}

static void host_fail(void *context, const char *cause, const char *remedy)
{
	(void)context;
	if (cause[0] == '\0' || remedy == NULL || remedy[0] == '\0')
		abort();
}

static const struct vmm_host host = HOST_WITH(NULL, host_log, host_fail);

/* Names in a descriptor lead anywhere, and lengths have no end. */
static int32_t watch(void *self, const char *path, uint32_t event, const void *data, uint64_t length, uint64_t offset)
{
	(void)self;
	(void)data;
	if (strncmp(path, folder, strlen(folder)) != 0 || strstr(path, "/../") != NULL)
		return -EPERM;
	if (event == VMM_BLOCK_EVENT_TRUNCATE && length > (8u << 20))
		return -ENOSPC;
	if (event == VMM_BLOCK_EVENT_WRITE && (offset > (8u << 20) || length > (8u << 20)))
		return -ENOSPC;
	return 0;
}

static void fold_up(void)
{
	unlink(image_path);
	unlink(part_path_);
	rmdir(folder);
}

static void prepare(void)
{
	const char *place = getenv("TMPDIR");
	snprintf(folder, sizeof(folder), "%.64s/vmm-fuzz-XXXXXX", place != NULL ? place : "/tmp");
	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(image_path, sizeof(image_path), "%s/image", folder);
	snprintf(part_path_, sizeof(part_path_), "%s/part", folder);
	vmm_block_watch(watch, NULL);
	atexit(fold_up);
}

static void put(const char *path, const uint8_t *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

static uint32_t mended;

__attribute__((format(printf, 5, 6))) static uint32_t found(struct vmm_block_report *report, uint32_t severity,
	uint32_t mendable, const char *remedy, const char *format, ...)
{
	char text[16384];
	va_list arguments;
	(void)report;
	va_start(arguments, format);
	int size = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (size <= 0 || severity > VMM_BLOCK_DAMAGE || remedy == NULL)
		abort();
	mended += mendable;
	return mendable;
}

static uint32_t progress(struct vmm_block_report *report, uint64_t done, uint64_t of)
{
	(void)report;
	if (done > of)
		abort();
	return 0;
}

static struct vmm_block_image *open_image(uint32_t flags)
{
	static const struct vmm_block_format *const formats[] = { &vmdk_format };
	struct vmm_block_image *image;
	return vmm_block_image_open(&host, formats, 1, image_path, flags, &image) < 0 ? NULL : image;
}

/* All of it is mapped, and a little of each piece read. */
static void look(struct vmm_block_image *image)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i < PIECES && at < image->length; i++) {
		struct vmm_block_piece piece;
		int32_t status = vmm_block_image_map(image, at, image->length - at, &piece);
		if (status == 0 && (piece.length == 0 || piece.length > image->length - at))
			abort();
		uint64_t some = image->length - at < BUFFER ? image->length - at : BUFFER;
		(void)vmm_block_image_read(image, buffer, some, at);
		at += status == 0 ? piece.length : VMM_BLOCK_SECTOR;
	}
}

static void fact_text(struct vmm_block_facts *facts, const char *name, const char *value)
{
	(void)facts;
	if (name[0] == '\0' || strlen(value) > 65536)
		abort();
}

static void fact_number(struct vmm_block_facts *facts, const char *name, uint64_t value)
{
	(void)facts;
	(void)name;
	(void)value;
}

static void change(struct vmm_block_image *image)
{
	struct vmm_block_report report = { found, progress };
	uint64_t last = image->length - (image->length < 4096 ? image->length : 4096);
	memset(buffer, 0x5a, sizeof(buffer));
	/* What was written is there, whatever else is not. */
	if (vmm_block_image_write(image, buffer, image->length - last, last) == 0) {
		memset(buffer, 0, sizeof(buffer));
		if (vmm_block_image_read(image, buffer, image->length - last, last) != 0 || buffer[0] != 0x5a)
			abort();
	}
	(void)vmm_block_image_zero(image, image->length < 8192 ? image->length : 8192, 0, 1);
	(void)vmm_block_image_flush(image);
	if (image->length < (1u << 20))
		(void)vmm_block_image_compact(image, &report);
	if (image->length < (1u << 20))
		(void)vmm_block_image_resize(image, image->length + 512 * 77);
	(void)vmm_block_image_resize(image, 512);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vmm_block_report report = { found, progress };
	struct vmm_block_facts facts = { fact_text, fact_number, fact_text };
	struct vmm_block_image *image;
	if (folder[0] == '\0')
		prepare();
	if (size < 2)
		return 0;
	size_t first = vmm_block_le16(data);
	data += 2;
	size -= 2;
	first = first < size ? first : size;
	put(image_path, data, first);
	put(part_path_, data + first, size - first);
	if ((image = open_image(VMM_BLOCK_READONLY | VMM_BLOCK_LENIENT | VMM_BLOCK_LONELY)) != NULL) {
		vmm_block_image_info(image, &facts);
		look(image);
		(void)vmm_block_image_check(image, &report);
		vmm_block_image_close(image);
	}
	if ((image = open_image(0)) != NULL) {
		look(image);
		change(image);
		vmm_block_image_close(image);
		put(image_path, data, first);
		put(part_path_, data + first, size - first);
	}
	if ((image = open_image(VMM_BLOCK_LENIENT | VMM_BLOCK_LONELY)) != NULL) {
		(void)vmm_block_image_check(image, &report);
		look(image);
		vmm_block_image_close(image);
	}
	if ((image = open_image(0)) != NULL) {
		look(image);
		vmm_block_image_close(image);
	}
	return 0;
}
