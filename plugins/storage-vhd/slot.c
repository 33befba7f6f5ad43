/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Room for blocks: what is between others, or behind the last one.
 */
#include "vhd.h"

#define SLOTS_MAXIMUM 65536u /* found at once: a sparse file may have any number */

static int compare(const void *a, const void *b)
{
	const struct used *x = a;
	const struct used *y = b;
	return x->start < y->start ? -1 : x->start > y->start ? 1 : x->end < y->end ? -1 : x->end > y->end;
}

int32_t used_list(struct vhd *vhd, struct used **result, uint32_t *result_count)
{
	uint32_t count = 0;
	struct used *list = malloc(((size_t)vhd->entries + vhd->freed_count + 3 + LOCATORS) * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	list[count++] = (struct used){ 0, FOOTER_SIZE, BAT_ABSENT };
	list[count++] = (struct used){ vhd->header_offset, vhd->header_offset + HEADER_SIZE, BAT_ABSENT };
	list[count++] = (struct used){ vhd->table_offset, vhd->table_offset + sectors_up((uint64_t)vhd->entries * 4),
		BAT_ABSENT };
	for (uint32_t i = 0; i < LOCATORS && vhd->disk_type == DISK_DIFFERENCING; i++) {
		const uint8_t *locator = vhd->header + AT_LOCATORS + (size_t)i * LOCATOR_SIZE;
		uint64_t start = vmm_block_be64(locator + 16);
		uint32_t length = vmm_block_be32(locator + 8);
		if (vmm_block_be32(locator) != 0 && start <= vhd->end && length <= vhd->end - start)
			list[count++] = (struct used){ start, sectors_up(start + length), BAT_ABSENT };
	}
	for (uint32_t i = 0; i < vhd->entries; i++) {
		if (vhd->bat[i] != BAT_ABSENT)
			list[count++] = (struct used){ block_offset(vhd, i), block_offset(vhd, i) + slot_size(vhd), i };
	}
	/* What the BAT on the disk still names. */
	for (uint32_t i = 0; i < vhd->freed_count; i++)
		list[count++] = (struct used){ vhd->freed[i], vhd->freed[i] + slot_size(vhd), BAT_ABSENT };
	qsort(list, count, sizeof(*list), compare);
	*result = list;
	*result_count = count;
	return 0;
}

static int32_t offsets_add(uint64_t **list, uint32_t *count, uint32_t *room, uint64_t offset)
{
	if (*count == *room) {
		uint32_t more = *room == 0 ? 64 : *room * 2;
		uint64_t *larger_list = reallocarray(*list, more, sizeof(uint64_t));
		if (larger_list == NULL)
			return -ENOMEM;
		*list = larger_list;
		*room = more;
	}
	(*list)[(*count)++] = offset;
	return 0;
}

/* The first place from `from` on where the data of a block are aligned. */
static uint64_t place_aligned(const struct vhd *vhd, uint64_t from)
{
	return ((from + vhd->bitmap_size + DATA_ALIGN - 1) & ~(uint64_t)(DATA_ALIGN - 1)) - vhd->bitmap_size;
}

static int compare_down(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;
	return x < y ? 1 : x > y ? -1 : 0;
}

int32_t slots_find(struct vhd *vhd)
{
	struct used *list;
	uint32_t count;
	uint64_t at = 0;
	int32_t status = used_list(vhd, &list, &count);
	if (status < 0)
		return status;
	vhd->slot_count = 0;
	vhd->is_overlapping = 0;
	for (uint32_t i = 0; i <= count && status >= 0; i++) {
		/* Entries of a broken BAT may lie anywhere. */
		uint64_t next = i < count ? smaller(list[i].start, vhd->end) : vhd->end;
		while (vhd->slot_count < SLOTS_MAXIMUM && next > at && next - at >= slot_size(vhd) && status >= 0) {
			uint64_t place = place_aligned(vhd, at);
			if (place + slot_size(vhd) > next)
				place = at;
			status = offsets_add(&vhd->slots, &vhd->slot_count, &vhd->slot_room, place);
			at = place + slot_size(vhd);
		}
		if (i < count) {
			vhd->is_overlapping |= at > list[i].start;
			at = larger(at, list[i].end);
		}
	}
	free(list);
	/* The lowest are taken first: from the end of the list. */
	if (status >= 0 && vhd->slot_count > 1)
		qsort(vhd->slots, vhd->slot_count, sizeof(uint64_t), compare_down);
	vhd->slots_are_known = status >= 0;
	return status;
}

int32_t slot_take(struct vhd *vhd, uint64_t *offset)
{
	int32_t status = vhd->slots_are_known ? 0 : slots_find(vhd);
	if (status < 0)
		return status;
	if (vhd->slot_count != 0) {
		*offset = vhd->slots[--vhd->slot_count];
		return 0;
	}
	uint64_t place = place_aligned(vhd, vhd->end);
	uint64_t end = place + slot_size(vhd);
	if (place / VMM_BLOCK_SECTOR >= BAT_ABSENT)
		return -ENOSPC; /* sectors have 32 bits */
	status = vmm_block_file_write(vhd->file, vhd->footer, FOOTER_SIZE, end);
	if (status < 0)
		return status;
	vhd->end = end;
	vhd->footer_is_away = 0;
	*offset = place;
	return 0;
}

int32_t slot_return(struct vhd *vhd, uint64_t offset)
{
	return offsets_add(&vhd->slots, &vhd->slot_count, &vhd->slot_room, offset);
}

int32_t slot_free(struct vhd *vhd, uint64_t offset)
{
	int32_t status = vhd->slots_are_known ? 0 : slots_find(vhd);
	/* In a damaged image it may be another block's, too. */
	if (status < 0 || vhd->is_overlapping)
		return status;
	return offsets_add(&vhd->freed, &vhd->freed_count, &vhd->freed_room, offset);
}

/* The BAT on the disk does not name them any more. */
void slots_freed(struct vhd *vhd)
{
	for (uint32_t i = 0; i < vhd->freed_count; i++) {
		/* What cannot be punched only takes room; what cannot be remembered is found when it is next opened. */
		vmm_block_file_zero(vhd->file, slot_size(vhd), vhd->freed[i]);
		if (vhd->slots_are_known && !vhd->slots_are_closed)
			slot_return(vhd, vhd->freed[i]);
	}
	vhd->freed_count = 0;
}
