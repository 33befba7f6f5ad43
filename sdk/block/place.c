/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Requests that are one transfer: their bytes are in one place of one file.
 */
#include <errno.h>
#include <string.h>

#include "queue.h"

static uint64_t align_down(uint64_t offset, uint32_t alignment)
{
	return offset & ~((uint64_t)alignment - 1);
}

static bool is_aligned(const struct place *place)
{
	uint64_t bits = place->offset;
	for (int i = 0; i < place->count; i++)
		bits |= (uintptr_t)place->vectors[i].iov_base | place->vectors[i].iov_len;
	return (bits & (place->file->alignment - 1)) == 0;
}

/* All of it in one extent? */
static bool extent_find(
	struct vmm_block_image *image, const struct vmm_storage_request *request, struct extent *known, bool wait)
{
	bool write = request->operation == VMM_STORAGE_WRITE;
	uint64_t end = request->offset + request->length;
	struct vmm_block_image *where;
	struct vmm_block_extent extent;
	if (image->unit != 0 && extents_find(image, request->offset, request->length, write, known))
		return known->end == end;
	/* A flat image knows without looking. */
	if (image->unit != 0 && !wait)
		return false;
	if (write)
		return image_in_place(image, request->offset, request->length, known) == 0 && known->end == end;
	if (chain_map(image, request->offset, request->length, &extent, &where, false) < 0 ||
		extent.kind != VMM_BLOCK_DATA)
		return false;
	extents_note(image, request->offset, &extent, false);
	*known = (struct extent){ request->offset, request->offset + extent.length, extent.file, extent.offset, false };
	return known->end == end;
}

/* False: there is something to be done before the write, or to be waited for. */
static bool write_enter(struct vmm_block_image *image, const struct vmm_storage_request *request, struct place *place)
{
	struct gate *gate = &image_node(image)->gate;
	if (!gate_try(gate))
		return false;
	place->entered = track_noted(image, request->offset, request->length) &&
		!backup_wants(image, request->offset, request->length);
	if (!place->entered)
		gate_leave(gate);
	return place->entered;
}

bool place_find(struct disk *disk, const struct vmm_storage_request *request, struct place *place, bool wait)
{
	struct vmm_block_image *image = disk->image;
	struct cursor cursor = { request->segments,
		request->segment_count != 0 ? request->segments + request->segment_count : request->segments, 0 };
	uint64_t length = request->length, end = request->offset + length;
	bool write = request->operation == VMM_STORAGE_WRITE;
	struct extent known;
	place->file = NULL;
	place->ranged = place->file_ranged = place->entered = 0;
	/* What has to be on stable storage, or be begun, takes longer; tests want to see every write. */
	if (disk->overlay.file != NULL || length == 0 || end > image->length ||
		(!write && request->operation != VMM_STORAGE_READ))
		return false;
	if (write &&
		(disk->writethrough || (request->flags & VMM_STORAGE_FUA) != 0 || file_watched() ||
			!__atomic_load_n(&image_node(image)->begun, __ATOMIC_ACQUIRE)))
		return false;
	place->count = cursor_gather(&cursor, place->vectors, &length);
	if (length < request->length || (write && !write_enter(image, request, place)))
		return false;
	if (image->unit != 0) {
		place->ranged = range_try(&image_node(image)->ranges, &place->range, request->offset, end, false);
		if (!place->ranged) {
			place_leave(disk, place);
			return false;
		}
	}
	if (!extent_find(image, request, &known, wait)) {
		place_leave(disk, place);
		return false;
	}
	place->file = known.file;
	place->offset = known.offset;
	return true;
}

void place_leave(struct disk *disk, struct place *place)
{
	if (place->file_ranged)
		range_unlock(&place->file->ranges, &place->file_range);
	if (place->ranged)
		range_unlock(&image_node(disk->image)->ranges, &place->range);
	if (place->entered)
		gate_leave(&image_node(disk->image)->gate);
	place->ranged = place->file_ranged = place->entered = 0;
	place->file = NULL;
}

bool place_try(struct disk *disk, const struct vmm_storage_request *request, struct place *place)
{
	struct vmm_block_file *file = place->file;
	bool write = request->operation == VMM_STORAGE_WRITE;
	ssize_t done;
	if (file->alignment > 1 || (write && __atomic_load_n(&file->may_wait, __ATOMIC_RELAXED)))
		return false;
	if (write)
		done = pwritev2(file->fd, place->vectors, place->count, (off_t)place->offset, RWF_NOWAIT);
	else
		done = preadv2(file->fd, place->vectors, place->count, (off_t)place->offset, RWF_NOWAIT);
	if (done < 0 && errno == EOPNOTSUPP && write)
		__atomic_store_n(&file->may_wait, true, __ATOMIC_RELAXED);
	if (done != (ssize_t)request->length)
		return false;
	if (write)
		__atomic_fetch_add(&image_node(disk->image)->changes, 1, __ATOMIC_RELEASE);
	return true;
}

bool place_direct(struct disk *disk, const struct vmm_storage_request *request, struct place *place)
{
	struct vmm_block_file *file = place->file;
	bool write = request->operation == VMM_STORAGE_WRITE;
	(void)disk;
	/* The kernel hands writes through its cache to threads of its own: so can we. */
	if (file->alignment == 1)
		return !write;
	if (!is_aligned(place))
		return false;
	if (write) {
		place->file_ranged = range_try(&file->ranges, &place->file_range,
			align_down(place->offset, file->alignment), place->offset + request->length, false);
		return place->file_ranged;
	}
	return true;
}
