/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Where a differencing disk's parent is: names of several kinds, in UTF-16 of both orders, and what tells whether it is
 * the right one.
 */
#include <stdio.h>
#include <unistd.h>

#include "vhd.h"

/* Platform codes. */
#define W2RU 0x57327275u /* relative, UTF-16 little-endian */
#define W2KU 0x57326b75u /* absolute, the same */
#define WI2R 0x57693272u /* relative, in the host's code page; deprecated */
#define WI2K 0x5769326bu /* absolute, the same */
#define MACX 0x4d616358u /* a file URL in UTF-8 */

#define NAME_BYTES 512u /* of the header's field */

static char *utf8_put(char *to, const char *end, uint32_t point)
{
	uint8_t bytes[4];
	uint32_t count;
	if (point < 0x80) {
		bytes[0] = (uint8_t)point;
		count = 1;
	} else if (point < 0x800) {
		bytes[0] = (uint8_t)(0xc0 | point >> 6);
		bytes[1] = (uint8_t)(0x80 | (point & 63));
		count = 2;
	} else if (point < 0x10000) {
		bytes[0] = (uint8_t)(0xe0 | point >> 12);
		bytes[1] = (uint8_t)(0x80 | (point >> 6 & 63));
		bytes[2] = (uint8_t)(0x80 | (point & 63));
		count = 3;
	} else {
		bytes[0] = (uint8_t)(0xf0 | point >> 18);
		bytes[1] = (uint8_t)(0x80 | (point >> 12 & 63));
		bytes[2] = (uint8_t)(0x80 | (point >> 6 & 63));
		bytes[3] = (uint8_t)(0x80 | (point & 63));
		count = 4;
	}
	if ((size_t)(end - to) <= count)
		return NULL;
	memcpy(to, bytes, count);
	return to + count;
}

/* 0: it does not fit. */
static uint32_t utf16_read(const uint8_t *from, uint32_t length, uint32_t is_little, char *to, uint32_t size)
{
	char *at = to;
	for (uint32_t i = 0; i + 2 <= length; i += 2) {
		uint32_t unit = is_little ? vmm_block_le16(from + i) : vmm_block_be16(from + i);
		if (unit == 0)
			break;
		if (unit >= 0xd800 && unit < 0xdc00 && i + 4 <= length) {
			uint32_t low = is_little ? vmm_block_le16(from + i + 2) : vmm_block_be16(from + i + 2);
			if (low >= 0xdc00 && low < 0xe000) {
				unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
				i += 2;
			}
		}
		at = utf8_put(at, to + size, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
		if (at == NULL)
			return 0;
	}
	*at = '\0';
	return 1;
}

/* One character of UTF-8; what is none is taken as Latin-1. */
static uint32_t utf8_next(const uint8_t **text)
{
	const uint8_t *at = *text;
	uint32_t more = at[0] >= 0xf0 && at[0] < 0xf8 ? 3 : at[0] >= 0xe0 ? 2 : at[0] >= 0xc2 ? 1 : 0;
	uint32_t point = more == 3 ? at[0] & 7 : more == 2 ? at[0] & 15 : at[0] & 31;
	if (at[0] < 0xc2 || at[0] >= 0xf8)
		more = 0;
	for (uint32_t i = 1; i <= more; i++) {
		if ((at[i] & 0xc0) != 0x80) {
			more = 0;
			break;
		}
		point = point << 6 | (at[i] & 63);
	}
	*text += more + 1;
	return more == 0 ? at[0] : point;
}

/* Returns the length in bytes; 0: it does not fit. */
static uint32_t utf16_write(const char *text, uint32_t is_little, uint8_t *to, uint32_t size)
{
	const uint8_t *at = (const uint8_t *)text;
	uint32_t length = 0;
	while (*at != 0) {
		uint32_t point = utf8_next(&at);
		uint16_t units[2] = { (uint16_t)point, 0 };
		uint32_t count = 1;
		if (point >= 0x10000) {
			units[0] = (uint16_t)(0xd800 + ((point - 0x10000) >> 10));
			units[1] = (uint16_t)(0xdc00 + ((point - 0x10000) & 0x3ff));
			count = 2;
		}
		if (size - length < count * 2)
			return 0;
		for (uint32_t i = 0; i < count; i++, length += 2) {
			if (is_little)
				vmm_block_put_le16(to + length, units[i]);
			else
				vmm_block_put_be16(to + length, units[i]);
		}
	}
	return length;
}

/* Reading. */

static uint32_t digit(char c)
{
	return c >= '0' && c <= '9'    ? (uint32_t)(c - '0')
		: c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
		: c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
				       : 16;
}

/* file://localhost/path with %XX */
static void url_read(char *text)
{
	char *from = text;
	char *to = text;
	if (strncmp(from, "file://", 7) == 0) {
		from += 7;
		while (*from != '\0' && *from != '/')
			from++;
	}
	while (*from != '\0') {
		if (*from == '%' && digit(from[1]) < 16 && digit(from[2]) < 16) {
			*to++ = (char)(digit(from[1]) << 4 | digit(from[2]));
			from += 3;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

static uint32_t locator_read(struct vhd *vhd, uint32_t code, char *name, uint32_t size)
{
	for (uint32_t i = 0; i < LOCATORS; i++) {
		const uint8_t *locator = vhd->header + AT_LOCATORS + (size_t)i * LOCATOR_SIZE;
		uint8_t data[4096];
		uint32_t length = vmm_block_be32(locator + 8);
		uint64_t offset = vmm_block_be64(locator + 16);
		if (vmm_block_be32(locator) != code || length == 0 || length > sizeof(data) || length >= size ||
			offset > VMM_BLOCK_LENGTH_MAXIMUM)
			continue;
		if (vmm_block_file_read_exact(vhd->file, data, length, offset) < 0)
			continue;
		if (code == W2RU || code == W2KU)
			return utf16_read(data, length, 1, name, size) && name[0] != '\0';
		memcpy(name, data, length);
		name[length] = '\0';
		if (code == MACX)
			url_read(name);
		return name[0] != '\0';
	}
	return 0;
}

static uint32_t is_reachable(const struct vhd *vhd, const char *name)
{
	char path[4096];
	return vmm_block_path(vhd->image->path, name, path, sizeof(path)) >= 0 && access(path, F_OK) == 0;
}

/* The name that leads somewhere, or the first there is. */
void parent_find(struct vhd *vhd)
{
	static const uint32_t codes[] = { W2RU, W2KU, MACX, WI2R, WI2K, 0 };
	struct vmm_block_image *image = vhd->image;
	for (uint32_t i = 0; i < VMM_KIT_COUNT(codes); i++) {
		char name[4096];
		uint32_t is_there = codes[i] != 0
			? locator_read(vhd, codes[i], name, sizeof(name))
			: utf16_read(vhd->header + AT_PARENT_NAME, NAME_BYTES, 0, name, sizeof(name)) &&
				name[0] != '\0';
		if (!is_there)
			continue;
		uint32_t is_best = is_reachable(vhd, name);
		if (image->parent[0] == '\0' || is_best)
			snprintf(image->parent, sizeof(image->parent), "%s", name);
		if (is_best)
			return;
	}
}

/* Is it the parent that was meant? */
int32_t vhd_joined(struct vmm_block_image *image)
{
	struct vhd *vhd = vhd_of(image);
	struct vmm_block_image *parent = image->parent_image;
	uint32_t time = vmm_block_be32(vhd->header + AT_PARENT_TIME);
	if (vhd->disk_type != DISK_DIFFERENCING || parent == NULL)
		return 0;
	/* One that has lost its footer would be taken for a raw image. */
	if (parent->format != image->format)
		return vmm_block_fail(image->host, -EINVAL,
			"put the right parent in its place, or take it from a backup",
			"%.2000s, the parent of %.2000s, is a %s image, and not a VHD", parent->path, image->path,
			parent->format->name);
	const struct vhd *other = vhd_of(parent);
	if (memcmp(vhd->header + AT_PARENT_UUID, other->footer + AT_UUID, 16) != 0)
		return vmm_block_fail(image->host, -EINVAL,
			"name the right parent with `vmm disk rebase`, or put it back in its place",
			"%.2000s is not the parent that %.2000s was made with: its UUID is another", parent->path,
			image->path);
	/* Copying a file changes its time, so that this is no proof. */
	if (time != 0 && time != time_of_file(parent->path) && time != vmm_block_be32(other->footer + AT_TIME)) {
		char text[256];
		snprintf(text, sizeof(text),
			"%.90s may have been changed since its child %.90s was made: its time is another", parent->path,
			image->path);
		image->host->log(image->host->context, VMM_LOG_INFO, text);
	}
	return 0;
}

/* Writing. */

/* As Windows writes it. */
static void slashes_turn(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '/')
			*text = '\\';
	}
}

static void locator_put(uint8_t *header, struct locators *locators, uint32_t code, uint64_t offset)
{
	uint32_t i = locators->count++;
	uint8_t *locator = header + AT_LOCATORS + (size_t)i * LOCATOR_SIZE;
	vmm_block_put_be32(locator, code);
	/* In bytes, as Windows has it, though the specification says sectors. */
	vmm_block_put_be32(locator + 4, (uint32_t)sizeof(locators->data[i]));
	vmm_block_put_be32(locator + 8, locators->length[i]);
	vmm_block_put_be64(locator + 16, offset + (uint64_t)i * sizeof(locators->data[i]));
}

int32_t parent_encode(uint8_t *header, const char *path, const char *parent, struct vmm_block_image *parent_image,
	uint64_t offset, struct locators *locators)
{
	char text[4096 + 8];
	char resolved[4096];
	const char *base = strrchr(parent, '/');
	memset(locators, 0, sizeof(*locators));
	memset(header + AT_PARENT_UUID, 0, 16);
	memset(header + AT_PARENT_NAME, 0, NAME_BYTES);
	memset(header + AT_LOCATORS, 0, LOCATORS * LOCATOR_SIZE);
	if (utf16_write(base == NULL ? parent : base + 1, 0, header + AT_PARENT_NAME, NAME_BYTES - 2) == 0)
		return -ENAMETOOLONG;
	if (parent_image != NULL)
		memcpy(header + AT_PARENT_UUID, vhd_of(parent_image)->footer + AT_UUID, 16);
	int32_t status = vmm_block_path(path, parent, resolved, sizeof(resolved));
	if (status < 0)
		return status;
	vmm_block_put_be32(header + AT_PARENT_TIME, time_of_file(resolved));
	if (parent[0] != '/') {
		snprintf(text, sizeof(text), "%s%s", parent[0] == '.' ? "" : "./", parent);
		slashes_turn(text);
		locators->length[0] = utf16_write(text, 1, locators->data[0], sizeof(locators->data[0]));
		if (locators->length[0] == 0)
			return -ENAMETOOLONG;
		locator_put(header, locators, W2RU, offset);
	}
	uint32_t i = locators->count;
	char *real = realpath(resolved, NULL);
	locators->length[i] = utf16_write(
		real != NULL ? real : resolved, 1, locators->data[i], sizeof(locators->data[i]));
	free(real);
	/* An absolute name that does not fit only helps if the relative one fails. */
	if (locators->length[i] != 0)
		locator_put(header, locators, W2KU, offset);
	return locators->count == 0 ? -ENAMETOOLONG : 0;
}

int32_t locators_write(struct vmm_block_file *file, const struct locators *locators, uint64_t offset)
{
	return vmm_block_file_write(
		file, locators->data, (uint64_t)locators->count * sizeof(locators->data[0]), offset);
}
