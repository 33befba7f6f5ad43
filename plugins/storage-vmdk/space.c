/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Room for grains: what was given up before the end of the file, then its end.
 *
 * A grain that was given up is taken again only when no table on the disk names it any more, so that a crash in between
 * does not show one part of a disk the contents of another.
 */
#include "sparse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEP_LEAST (UINT64_C(1) << 20)
#define STEP_MOST  (UINT64_C(64) << 20)

/* The first run that ends at or behind this sector. */
static uint32_t position(const struct runs *runs, uint64_t sector)
{
	uint32_t low = 0, high = runs->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (runs->list[middle].sector + runs->list[middle].count < sector)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int32_t runs_add(struct runs *runs, uint64_t sector, uint64_t count)
{
	uint32_t at = position(runs, sector);
	struct run *run = runs->list != NULL ? runs->list + at : NULL;
	if (at < runs->count && run->sector + run->count == sector) {
		run->count += count;
	} else if (at < runs->count && sector + count == run->sector) {
		run->sector = sector;
		run->count += count;
		return 0;
	} else {
		if (runs->count == runs->space) {
			uint32_t space = runs->space > 0 ? runs->space * 2 : 64;
			struct run *list = realloc(runs->list, space * sizeof(*list));
			if (list == NULL)
				return -ENOMEM;
			runs->list = list;
			runs->space = space;
			run = runs->list + at;
		}
		memmove(run + 1, run, (runs->count - at) * sizeof(*run));
		*run = (struct run){ sector, count };
		runs->count++;
		return 0;
	}
	if (at + 1 < runs->count && run->sector + run->count == run[1].sector) {
		run->count += run[1].count;
		memmove(run + 1, run + 2, (runs->count - at - 2) * sizeof(*run));
		runs->count--;
	}
	return 0;
}

void runs_free(struct runs *runs)
{
	free(runs->list);
	memset(runs, 0, sizeof(*runs));
}

int32_t space_grow(struct sparse *sparse, uint64_t end)
{
	uint64_t need = end * SECTOR;
	if (need <= sparse->length)
		return 0;
	/* In steps: the file's length is a change of its own, which each flush would have to write. */
	uint64_t step = sparse->length / 8;
	step = step < STEP_LEAST ? STEP_LEAST : step > STEP_MOST ? STEP_MOST : step;
	uint64_t length = (need + step - 1) / step * step;
	int32_t status = vmm_block_file_truncate(sparse->part->file, length);
	if (status < 0) {
		length = need;
		status = vmm_block_file_truncate(sparse->part->file, length);
	}
	if (status == 0)
		sparse->length = length;
	return status == -EFBIG ? -ENOSPC : status;
}

int32_t space_append(struct sparse *sparse, uint64_t sectors, uint64_t *sector)
{
	/* Whatever comes next begins at a multiple of the grain. */
	uint64_t room = (sectors + sparse->grain - 1) / sparse->grain * sparse->grain;
	if (sparse->end > SECTOR_MOST || room > SECTOR_MOST - sparse->end)
		return -ENOSPC;
	int32_t status = space_grow(sparse, sparse->end + room);
	if (status < 0)
		return status;
	*sector = sparse->end;
	sparse->end += room;
	return 0;
}

int32_t space_take(struct sparse *sparse, uint64_t want, uint64_t *sector, uint64_t *got)
{
	uint64_t grain = sparse->grain;
	if (sparse->free.count > 0) {
		/* The last run, since taking it away is cheap. */
		struct run *run = &sparse->free.list[sparse->free.count - 1];
		uint64_t grains = run->count / grain < want ? run->count / grain : want;
		*sector = run->sector;
		*got = grains;
		run->sector += grains * grain;
		run->count -= grains * grain;
		if (run->count < grain)
			sparse->free.count--;
		return 0;
	}
	if (sparse->end > SECTOR_MOST || grain > SECTOR_MOST - sparse->end)
		return -ENOSPC;
	uint64_t room = (SECTOR_MOST - sparse->end) / grain;
	*got = want < room ? want : room;
	int32_t status = space_grow(sparse, sparse->end + *got * grain);
	if (status < 0)
		return status;
	*sector = sparse->end;
	sparse->end += *got * grain;
	return 0;
}

/* Whether there is memory to remember it or not, nothing breaks: it is wasted until the disk is compacted. */
void space_give(struct sparse *sparse, uint64_t sector, uint64_t grains)
{
	if (sector + grains * sparse->grain == sparse->end)
		sparse->end = sector;
	else
		(void)runs_add(&sparse->free, sector, grains * sparse->grain);
}

int32_t space_retire(struct sparse *sparse, uint64_t sector, uint64_t grains)
{
	return runs_add(&sparse->freed, sector, grains * sparse->grain);
}

void space_settle(struct sparse *sparse)
{
	for (uint32_t i = 0; i < sparse->freed.count; i++) {
		const struct run *run = &sparse->freed.list[i];
		/* If the host cannot make holes it is as well to be kept. */
		(void)vmm_block_file_zero(sparse->part->file, run->count * SECTOR, run->sector * SECTOR);
		space_give(sparse, run->sector, run->count / sparse->grain);
	}
	sparse->freed.count = 0;
	/* Free runs at the end are not needed at all. */
	while (sparse->free.count > 0) {
		const struct run *run = &sparse->free.list[sparse->free.count - 1];
		if (run->sector + run->count != sparse->end)
			break;
		sparse->end = run->sector;
		sparse->free.count--;
	}
}
