/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Making the files of a disk as short as what is in them: grains that hold nothing but zeros are given up, and those at
 * the end of a file move into the holes before it.
 *
 * A grain is copied, the copy is made durable, and then the table names the copy; so a crash costs no more than room.
 */
#include "survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH (UINT64_C(64) << 20) /* bytes that move between two syncs */

struct compaction {
	struct vmm_block_image *image;
	struct vmm_block_report *report;
	struct extent *extent;
	struct sparse *sparse;
	uint64_t done, of; /* sectors of the disk, for progress; each is counted twice */
	uint32_t damaged;
	uint8_t *buffer;
	/* Moving. */
	uint64_t target; /* the sector where the file is to end */
	struct runs holes;
	uint64_t batch;
};

static uint64_t problem(struct survey *survey, const struct problem *problem)
{
	struct compaction *compaction = survey->self;
	compaction->damaged |= problem->kind != PROBLEM_CUT;
	return problem->entry;
}

static int32_t progress(struct compaction *compaction)
{
	struct vmm_block_report *report = compaction->report;
	/* The last table is counted whole, and need not be. */
	uint64_t done = compaction->done < compaction->of ? compaction->done : compaction->of;
	return report != NULL && report->progress(report, done, compaction->of) ? -ECANCELED : 0;
}

/* Read a grain of data, as far as the disk goes. */
static int32_t grain_load(struct compaction *compaction, uint64_t grain, uint64_t sector, uint64_t *length)
{
	struct sparse *sparse = compaction->sparse;
	uint64_t left = (sparse->capacity - grain * sparse->grain) * SECTOR;
	*length = left < sparse->grain_bytes ? left : sparse->grain_bytes;
	return vmm_block_file_read(sparse->part->file, compaction->buffer, *length, sector * SECTOR);
}

/* A grain that is all zeros need not be in the file, if the table can say so. */
static int32_t grain_drop(struct compaction *compaction, uint64_t grain, uint64_t entry)
{
	struct sparse *sparse = compaction->sparse;
	uint32_t has_parent = compaction->image->parent[0] != '\0';
	uint64_t sector, length;
	if (table_kind(sparse, entry, &sector) != GRAIN_DATA ||
		(has_parent && (sparse->header.flags & FLAG_ZERO_GRAIN) == 0))
		return 0;
	int32_t status = grain_load(compaction, grain, sector, &length);
	if (status < 0 || !vmm_block_is_zero(compaction->buffer, length))
		return status;
	status = table_set(sparse, grain, has_parent);
	return status == 0 ? space_retire(sparse, sector, 1) : status;
}

/* A grain behind the target goes into the first hole. */
static int32_t grain_move(struct compaction *compaction, uint64_t grain, uint64_t entry)
{
	struct sparse *sparse = compaction->sparse;
	uint64_t sector, length, left = compaction->holes.count;
	if (table_kind(sparse, entry, &sector) != GRAIN_DATA || sector < compaction->target || left == 0)
		return 0;
	/* From the end of the list, which is cheap; the first of them was put there. */
	struct run *hole = &compaction->holes.list[left - 1];
	uint64_t to = hole->sector;
	int32_t status = grain_load(compaction, grain, sector, &length);
	if (status == 0)
		status = vmm_block_file_write(sparse->part->file, compaction->buffer, length, to * SECTOR);
	if (status == 0 && length < sparse->grain_bytes)
		status = vmm_block_file_zero(sparse->part->file, sparse->grain_bytes - length, to * SECTOR + length);
	if (status == 0)
		status = table_set(sparse, grain, (uint32_t)to);
	if (status < 0)
		return status;
	hole->sector += sparse->grain;
	hole->count -= sparse->grain;
	if (hole->count < sparse->grain)
		compaction->holes.count--;
	(void)space_retire(sparse, sector, 1);
	compaction->batch += length;
	if (compaction->batch < BATCH)
		return 0;
	compaction->batch = 0;
	return vmdk_sync(compaction->image);
}

static int32_t grains_each(
	struct compaction *compaction, int32_t (*each)(struct compaction *compaction, uint64_t grain, uint64_t entry))
{
	struct sparse *sparse = compaction->sparse;
	int32_t status = 0;
	for (uint64_t i = 0; i < sparse->grains && status == 0; i++) {
		struct page *page;
		uint64_t entry;
		if (i % sparse->gtes == 0) {
			compaction->done += sparse->gtes * sparse->grain;
			status = progress(compaction);
			if (status == 0)
				status = table_page(sparse, (uint32_t)(i / sparse->gtes), &page);
			if (status == 0 && page == NULL) {
				i += sparse->gtes - 1;
				continue;
			}
		}
		if (status == 0)
			status = table_get(sparse, i, &entry);
		if (status == 0 && entry != 0)
			status = each(compaction, i, entry);
	}
	if (status == 0)
		status = vmdk_sync(compaction->image);
	return status;
}

static uint32_t is_used(const struct survey *survey, uint64_t sector)
{
	uint64_t at = sector / survey->granule;
	return at < survey->bits_count && (survey->bits[at / 64] >> (at % 64) & 1) != 0;
}

/* Where does the file end when all holes before that are filled?  The holes, the last first. */
static int32_t target_find(struct compaction *compaction, const struct survey *survey)
{
	struct sparse *sparse = compaction->sparse;
	struct runs holes = { 0 };
	int32_t status = survey_holes(survey, &holes);
	uint64_t grain = sparse->grain, behind = 0, at = survey->last / grain * grain;
	if (at < survey->last)
		at += grain;
	compaction->target = at;
	/* Down from the end: each grain there wants a hole before it. */
	uint64_t free = 0;
	for (uint32_t i = 0; i < holes.count; i++)
		free += holes.list[i].count / grain;
	while (status == 0 && at > sparse->header.overHead && holes.count > 0) {
		struct run *last = &holes.list[holes.count - 1];
		at -= grain;
		if (at >= last->sector && at < last->sector + last->count) {
			last->count -= grain;
			free--;
			if (last->count == 0)
				holes.count--;
		} else if (is_used(survey, at)) {
			behind++;
		}
		if (behind > free) {
			/* This one stays. */
			at += grain;
			behind--;
			break;
		}
		compaction->target = at;
	}
	/* The lowest hole last. */
	for (uint32_t i = 0; i < holes.count / 2; i++) {
		struct run swap = holes.list[i];
		holes.list[i] = holes.list[holes.count - 1 - i];
		holes.list[holes.count - 1 - i] = swap;
	}
	compaction->holes = holes;
	return status;
}

static int32_t look(struct compaction *compaction, struct survey *survey)
{
	*survey = (struct survey){ .sparse = compaction->sparse, .problem = problem, .self = compaction, .is_dry = 1 };
	int32_t status = survey_run(survey);
	if (status < 0)
		return status;
	if (compaction->damaged)
		return vmm_block_fail(compaction->image->host, -EINVAL, "repair it first, with vmm disk repair",
			"%s is damaged: nothing moves in it", compaction->sparse->part->path);
	return 0;
}

/* Nothing is behind the last grain or table. */
static int32_t cut(struct compaction *compaction)
{
	struct survey survey;
	struct sparse *sparse = compaction->sparse;
	int32_t status = look(compaction, &survey);
	if (status == 0) {
		runs_free(&sparse->free);
		sparse->end = (survey.last + sparse->grain - 1) / sparse->grain * sparse->grain;
		if (survey.granule == sparse->grain)
			status = survey_holes(&survey, &sparse->free);
	}
	survey_free(&survey);
	if (status < 0 || sparse->end * SECTOR >= sparse->length)
		return status;
	status = vmm_block_file_truncate(sparse->part->file, sparse->end * SECTOR);
	if (status == 0)
		sparse->length = sparse->end * SECTOR;
	return status;
}

/* A descriptor that is among the grains, or behind them, moves to the first hole that it fits into. */
static int32_t descriptor_move(struct compaction *compaction)
{
	struct vmdk *vmdk = vmdk_of(compaction->image);
	struct sparse *sparse = compaction->sparse;
	uint64_t size = vmdk->descriptor_sectors;
	struct survey survey;
	struct runs holes = { 0 };
	if (sparse->part->file != compaction->image->file || vmdk->descriptor_offset < sparse->header.overHead)
		return 0;
	int32_t status = look(compaction, &survey);
	if (status == 0 && survey.granule == sparse->grain)
		status = survey_holes(&survey, &holes);
	survey_free(&survey);
	for (uint32_t i = 0; i < holes.count && status == 0; i++) {
		const struct run *hole = &holes.list[i];
		if (hole->sector > vmdk->descriptor_offset)
			break;
		if (hole->count >= size) {
			status = store_move(vmdk, sparse, hole->sector, size);
			break;
		}
	}
	runs_free(&holes);
	return status;
}

static int32_t sparse_compact(struct compaction *compaction)
{
	struct survey survey = { 0 };
	compaction->buffer = malloc(compaction->sparse->grain_bytes);
	if (compaction->buffer == NULL)
		return -ENOMEM;
	int32_t status = look(compaction, &survey);
	survey_free(&survey);
	if (status == 0)
		status = grains_each(compaction, grain_drop);
	if (status == 0)
		status = look(compaction, &survey);
	if (status == 0 && survey.granule == compaction->sparse->grain)
		status = target_find(compaction, &survey);
	survey_free(&survey);
	if (status == 0)
		status = grains_each(compaction, grain_move);
	if (status == 0)
		status = descriptor_move(compaction);
	if (status == 0)
		status = cut(compaction);
	runs_free(&compaction->holes);
	free(compaction->buffer);
	return status;
}

/* Zeros in a flat extent become holes of its file. */
static int32_t flat_compact(struct compaction *compaction)
{
	const struct extent *extent = compaction->extent;
	struct vmm_block_file *file = extent->part->file;
	const uint64_t step = UINT64_C(1) << 20, small = 65536;
	uint8_t *buffer = malloc(step);
	int32_t status = buffer == NULL ? -ENOMEM : 0;
	for (uint64_t at = 0, n; at < extent->length && status == 0; at += n) {
		uint32_t is_hole = 0;
		n = extent->length - at < step ? extent->length - at : step;
		uint64_t place = extent->offset + at, same = n;
		status = vmm_block_file_holes(file, place, extent->length - at, &same, &is_hole);
		if (status == 0 && is_hole) {
			n = same;
		} else if (status == 0) {
			status = vmm_block_file_read(file, buffer, n, place);
			for (uint64_t i = 0; i < n && status == 0; i += small) {
				uint64_t k = n - i < small ? n - i : small;
				if (vmm_block_is_zero(buffer + i, k))
					status = vmm_block_file_zero(file, k, place + i);
			}
		}
		compaction->done += 2 * n / SECTOR;
		if (status == 0)
			status = progress(compaction);
	}
	free(buffer);
	return status;
}

int32_t vmdk_compact(struct vmm_block_image *image, struct vmm_block_report *report)
{
	struct vmdk *vmdk = vmdk_of(image);
	struct compaction compaction = { .image = image, .report = report, .of = 2 * image->length / SECTOR };
	int32_t status = vmdk_sync(image);
	for (uint32_t i = 0; i < vmdk->extent_count && status == 0; i++) {
		struct extent *extent = &vmdk->extents[i];
		compaction.extent = extent;
		compaction.sparse = extent->sparse;
		if (extent->access != ACCESS_WRITE)
			continue;
		if (extent->kind == EXTENT_FLAT)
			status = flat_compact(&compaction);
		else if (extent->sparse != NULL && extent->sparse->is_writable)
			status = sparse_compact(&compaction);
	}
	return status;
}
