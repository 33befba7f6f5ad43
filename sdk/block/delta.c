/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The changes to an image of any format: what `mode = undoable` keeps beside it until they are committed or discarded.
 *
 * A header, a table of units, the units.  All numbers are little-endian.
 *   0    "VMM DELT", version 1, unit, length of the disk, offset of the table, offset of the units
 *   512  the parent's name, NUL; 4608 its format, NUL
 *   8192 the table: 4 bytes a unit, 0: as the parent has it, 0xffffffff: zeros, else which unit of the file it is, from
 * 1 An entry is changed as a whole, since it lies within a sector, and after its data are on the disk; units are only
 * added at the end, and those that were given up are used again once the table no longer has them on the disk.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

#define MAGIC         "VMM DELT"
#define UNIT          65536u
#define TABLE         8192u
#define PAGE          4096u /* of the table, written as a whole */
#define ZERO          UINT32_MAX
#define UNITS_MAXIMUM (UINT32_C(1) << 28) /* 16 TiB; its table takes 1 GiB */
#define NAME          4096u
#define HEAD_LENGTH   5120u

struct delta {
	uint32_t *table; /* as it is to be on the disk */
	uint8_t *dirty;  /* one a page */
	uint32_t units, pages;
	uint32_t next; /* the first unit of the file that was never used */
	uint64_t data; /* where unit 1 begins */
	uint32_t
		*freed; /* given up: [0, free_count) may be used again, [free_count, freed_count) after the next sync */
	uint32_t free_count, freed_count, freed_space;
};

static uint32_t units_of(uint64_t length)
{
	return (uint32_t)((length + UNIT - 1) / UNIT);
}

static uint64_t data_begin(uint32_t units)
{
	uint64_t end = TABLE + (uint64_t)units * 4;
	return (end + UNIT - 1) / UNIT * UNIT;
}

static uint32_t delta_probe(const struct vmm_probe *probe)
{
	return probe->head_length >= 8 && memcmp(probe->head, MAGIC, 8) == 0 ? 100 : 0;
}

static int32_t header_read(struct vmm_block_image *image)
{
	struct delta *delta = image->state;
	uint8_t head[HEAD_LENGTH];
	struct vmm_block_file_info info;
	int32_t status = vmm_block_file_read_exact(image->file, head, sizeof(head), 0);
	if (status == 0)
		status = vmm_block_file_info(image->file, &info);
	if (status < 0 || memcmp(head, MAGIC, 8) != 0)
		return vmm_block_fail(
			image->host, -EINVAL, "name another file", "%.3000s holds no changes to an image", image->path);
	image->length = vmm_block_le64(head + 16);
	delta->data = vmm_block_le64(head + 32);
	if (vmm_block_le32(head + 8) != 1 || vmm_block_le32(head + 12) != UNIT || vmm_block_le64(head + 24) != TABLE ||
		image->length == 0 || image->length % VMM_BLOCK_SECTOR != 0 ||
		image->length > (uint64_t)UNITS_MAXIMUM * UNIT)
		return vmm_block_fail(image->host, -EINVAL, "discard it, or use the vmm that made it",
			"%.3000s is of a version that this vmm does not know", image->path);
	delta->units = units_of(image->length);
	/* The table is all there from the beginning. */
	if (delta->data % UNIT != 0 || delta->data < TABLE + (uint64_t)delta->units * 4 || info.length < delta->data)
		return vmm_block_fail(image->host, -EINVAL, "discard it", "%.3000s was cut short", image->path);
	memcpy(image->parent, head + 512, NAME - 1);
	memcpy(image->parent_format, head + 512 + NAME, sizeof(image->parent_format) - 1);
	return 0;
}

static int32_t table_read(struct vmm_block_image *image)
{
	struct delta *delta = image->state;
	delta->pages = (uint32_t)(((uint64_t)delta->units * 4 + PAGE - 1) / PAGE);
	delta->table = calloc(delta->pages, PAGE);
	delta->dirty = calloc(delta->pages, 1);
	if (delta->table == NULL || delta->dirty == NULL)
		return -ENOMEM;
	int32_t status = vmm_block_file_read_exact(image->file, delta->table, (uint64_t)delta->units * 4, TABLE);
	if (status < 0)
		return vmm_block_fail(image->host, status, "make sure that its disk is sound",
			"cannot read %.3000s: %s", image->path, strerror(-status));
	for (uint32_t i = 0; i < delta->units; i++) {
		uint32_t entry = vmm_block_le32(&delta->table[i]);
		delta->table[i] = entry;
		if (entry != ZERO && entry > delta->next)
			delta->next = entry;
	}
	return 0;
}

/* Each unit belongs to one place, and is in the file. */
static int32_t table_check(struct vmm_block_image *image)
{
	struct delta *delta = image->state;
	struct vmm_block_file_info info;
	int32_t status = vmm_block_file_info(image->file, &info);
	/* More units than places: then some name what is not there. */
	uint64_t there = status == 0 ? (info.length - delta->data + UNIT - 1) / UNIT : 0;
	uint8_t *seen = delta->next <= there ? calloc((size_t)delta->next / 8 + 1, 1) : NULL;
	if (delta->next <= there && seen == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; seen != NULL && i < delta->units; i++) {
		uint32_t entry = delta->table[i];
		if (entry == 0 || entry == ZERO)
			continue;
		if ((seen[entry / 8] >> entry % 8 & 1) != 0)
			status = -EINVAL;
		seen[entry / 8] |= (uint8_t)(1u << entry % 8);
	}
	free(seen);
	if (status < 0 || delta->next > there)
		return vmm_block_fail(image->host, -EINVAL, "discard it: the image is as it was before",
			"%.3000s is damaged: its table contradicts itself", image->path);
	delta->next++;
	return 0;
}

static int32_t delta_open(struct vmm_block_image *image)
{
	int32_t status = header_read(image);
	if (status == 0)
		status = table_read(image);
	if (status == 0)
		status = table_check(image);
	image->unit = UNIT;
	strcpy(image->variant, "delta");
	return status;
}

static int32_t delta_sync(struct vmm_block_image *image)
{
	struct delta *delta = image->state;
	uint8_t page[PAGE];
	uint32_t written = 0;
	int32_t status = vmm_block_file_sync(image->file);
	for (uint32_t i = 0; i < delta->pages && status == 0; i++) {
		if (!delta->dirty[i])
			continue;
		for (uint32_t k = 0; k < PAGE / 4; k++)
			vmm_block_put_le32(page + 4 * k, delta->table[i * (PAGE / 4) + k]);
		/* The last page may be the beginning of a unit, too: no further than the table goes. */
		uint64_t length = (uint64_t)delta->units * 4 - (uint64_t)i * PAGE;
		status = vmm_block_file_write(
			image->file, page, length < PAGE ? length : PAGE, TABLE + (uint64_t)i * PAGE);
		written++;
	}
	if (status == 0 && written > 0)
		status = vmm_block_file_sync(image->file);
	if (status < 0)
		return status;
	memset(delta->dirty, 0, delta->pages);
	delta->free_count = delta->freed_count;
	return 0;
}

static void delta_close(struct vmm_block_image *image)
{
	struct delta *delta = image->state;
	free(delta->table);
	free(delta->dirty);
	free(delta->freed);
}

static int32_t delta_map(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent)
{
	const struct delta *delta = image->state;
	uint32_t first = (uint32_t)(offset / UNIT), last = first, entry = delta->table[first];
	uint64_t end = offset + length;
	/* Units that go on as this one does. */
	while ((uint64_t)(last + 1) * UNIT < end && last + 1 < delta->units) {
		uint32_t next = delta->table[last + 1];
		if (entry == 0 || entry == ZERO ? next != entry : next != entry + (last + 1 - first))
			break;
		last++;
	}
	uint64_t until = (uint64_t)(last + 1) * UNIT;
	extent->kind = entry == 0 ? VMM_BLOCK_ABSENT : entry == ZERO ? VMM_BLOCK_ZERO : VMM_BLOCK_DATA;
	extent->length = until < end ? until - offset : length;
	if (extent->kind == VMM_BLOCK_DATA) {
		extent->file = image->file;
		extent->offset = delta->data + (uint64_t)(entry - 1) * UNIT + offset % UNIT;
	}
	return 0;
}

static int32_t delta_allocate(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, struct vmm_block_extent *extent)
{
	struct delta *delta = image->state;
	uint64_t end = (offset / UNIT + 1) * UNIT;
	uint32_t unit;
	if (delta->free_count > 0) {
		unit = delta->freed[0];
		delta->free_count--;
		delta->freed_count--;
		memmove(delta->freed, delta->freed + 1, delta->freed_count * sizeof(*delta->freed));
	} else {
		/* As many as the write has, one behind the other. */
		uint32_t count = units_of(offset + length) - (uint32_t)(offset / UNIT);
		if (delta->next > ZERO - 1 - count)
			return -ENOSPC;
		unit = delta->next;
		delta->next += count;
		end = offset + length;
	}
	extent->kind = VMM_BLOCK_DATA;
	extent->file = image->file;
	extent->token = unit;
	extent->offset = delta->data + (uint64_t)(unit - 1) * UNIT + offset % UNIT;
	extent->length = end - offset < length ? end - offset : length;
	return 0;
}

static void entry_set(struct delta *delta, uint32_t index, uint32_t entry)
{
	delta->table[index] = entry;
	delta->dirty[index / (PAGE / 4)] = 1;
}

static int32_t delta_commit(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent)
{
	struct delta *delta = image->state;
	uint32_t first = (uint32_t)(offset / UNIT), count = units_of(offset + length) - first;
	for (uint32_t i = 0; i < count; i++)
		entry_set(delta, first + i, (uint32_t)extent->token + i);
	return 0;
}

/* Room that may be used again: at once, or when the table on the disk no longer has it. */
static void unit_free(struct delta *delta, uint32_t unit, bool at_once)
{
	if (delta->freed_count == delta->freed_space) {
		uint32_t space = delta->freed_space * 2 + 64;
		uint32_t *freed = realloc(delta->freed, space * sizeof(*freed));
		/* Then it is lost until it is opened anew, no more than that. */
		if (freed == NULL)
			return;
		delta->freed = freed;
		delta->freed_space = space;
	}
	if (at_once) {
		memmove(delta->freed + 1, delta->freed, delta->freed_count * sizeof(*delta->freed));
		delta->freed[0] = unit;
		delta->free_count++;
	} else {
		delta->freed[delta->freed_count] = unit;
	}
	delta->freed_count++;
}

static void delta_abandon(
	struct vmm_block_image *image, uint64_t offset, uint64_t length, const struct vmm_block_extent *extent)
{
	struct delta *delta = image->state;
	uint32_t count = units_of(offset + length) - (uint32_t)(offset / UNIT);
	for (uint32_t i = 0; i < count; i++)
		unit_free(delta, (uint32_t)extent->token + i, true);
}

static int32_t delta_zero(struct vmm_block_image *image, uint64_t offset, uint64_t length, uint32_t discard)
{
	struct delta *delta = image->state;
	(void)discard;
	for (uint32_t i = (uint32_t)(offset / UNIT); i < units_of(offset + length); i++) {
		uint32_t entry = delta->table[i];
		if (entry == ZERO)
			continue;
		entry_set(delta, i, ZERO);
		if (entry != 0)
			unit_free(delta, entry, false);
	}
	return 0;
}

static int32_t delta_create(const struct vmm_block_create *create)
{
	uint8_t head[HEAD_LENGTH] = MAGIC;
	struct vmm_block_file *file;
	if (create->parent == NULL || strlen(create->parent) >= NAME)
		return vmm_block_fail(create->host, -EINVAL, "name its parent", "changes are changes to an image");
	if (create->length > (uint64_t)UNITS_MAXIMUM * UNIT)
		return vmm_block_fail(create->host, -EFBIG, "use a smaller image",
			"%.3000s cannot have changes kept apart", create->parent);
	vmm_block_put_le32(head + 8, 1);
	vmm_block_put_le32(head + 12, UNIT);
	vmm_block_put_le64(head + 16, create->length);
	vmm_block_put_le64(head + 24, TABLE);
	vmm_block_put_le64(head + 32, data_begin(units_of(create->length)));
	memcpy(head + 512, create->parent, strlen(create->parent));
	if (create->parent_format != NULL)
		strncpy((char *)head + 512 + NAME, create->parent_format, 15);
	int32_t status = vmm_block_file_open(create->path, VMM_BLOCK_FILE_CREATE, NULL, &file);
	if (status == 0) {
		status = vmm_block_file_truncate(file, data_begin(units_of(create->length)));
		if (status == 0)
			status = vmm_block_file_write(file, head, sizeof(head), 0);
		if (status == 0)
			status = vmm_block_file_sync(file);
		vmm_block_file_close(file);
		if (status < 0)
			vmm_block_unlink(create->path);
	}
	return status == 0 ? 0
			   : vmm_block_fail(create->host, status, "make room, or use another folder",
				     "cannot make %.3000s: %s", create->path, strerror(-status));
}

const struct vmm_block_format vmm_block_delta = {
	.state_size = sizeof(struct delta),
	.flags = VMM_BLOCK_FORMAT_PARENTS,
	.name = "delta",
	.suffixes = "redo",
	.variants = "delta",
	.probe = delta_probe,
	.open = delta_open,
	.close = delta_close,
	.map = delta_map,
	.allocate = delta_allocate,
	.commit = delta_commit,
	.abandon = delta_abandon,
	.zero = delta_zero,
	.sync = delta_sync,
	.create = delta_create,
};
