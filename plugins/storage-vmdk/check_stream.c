/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Check of the extents that are only read: streams, every grain of which is unpacked; COWD and seSparse.
 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tally {
	uint64_t outside, unreadable, first; /* grains */
	uint64_t grains;
	uint64_t tables; /* at impossible places, or where others are */
	uint8_t *bad;    /* which */
};

static int32_t grain_check(struct sparse *sparse, uint64_t grain, uint8_t *data, struct tally *tally)
{
	uint64_t entry, sector;
	int32_t status = table_get(sparse, grain, &entry);
	if (status < 0 && status != -EIO)
		return status;
	uint32_t kind = status < 0 ? GRAIN_BAD : table_kind(sparse, entry, &sector);
	if (kind == GRAIN_ABSENT || kind == GRAIN_ZERO)
		return 0;
	tally->grains++;
	if (kind == GRAIN_BAD) {
		if (tally->outside++ + tally->unreadable == 0)
			tally->first = grain;
		return 0;
	}
	if (sparse->kind != SPARSE_STREAM)
		return 0;
	status = stream_grain(sparse, grain, sector, data);
	if (status == -EIO) {
		if (tally->outside + tally->unreadable++ == 0)
			tally->first = grain;
		status = 0;
	}
	return status;
}

static int32_t grains_check(struct checking *checking, struct tally *tally)
{
	struct sparse *sparse = checking->extent->sparse;
	uint64_t done = checking->done;
	uint8_t *data = sparse->kind == SPARSE_STREAM ? malloc(sparse->grain_bytes) : NULL;
	int32_t status = sparse->kind == SPARSE_STREAM && data == NULL ? -ENOMEM : 0;
	if (status == 0)
		status = directories_judge(sparse, tally->bad);
	for (uint32_t i = 0; i < sparse->tables; i++)
		tally->tables += tally->bad[i] != 0;
	for (uint64_t i = 0; i < sparse->grains && status == 0; i++) {
		if (i % sparse->gtes == 0) {
			checking->done = done + 2 * i * sparse->grain;
			if (checking_stopped(checking))
				status = -ECANCELED;
			/* A whole table that is not there, or cannot be. */
			if (status == 0 &&
				(tally->bad[i / sparse->gtes] != 0 ||
					(sparse->gd[i / sparse->gtes] == 0 &&
						sparse->pages[i / sparse->gtes] == NULL))) {
				i += sparse->gtes - 1;
				continue;
			}
		}
		if (status == 0)
			status = grain_check(sparse, i, data, tally);
	}
	free(data);
	checking->done = done + 2 * (checking->extent->length / SECTOR);
	return status;
}

int32_t check_entries(struct checking *checking)
{
	struct sparse *sparse = checking->extent->sparse;
	const char *path = sparse->part->path;
	struct tally tally = { .bad = calloc(sparse->tables, 1) };
	if (tally.bad == NULL)
		return -ENOMEM;
	int32_t status = grains_check(checking, &tally);
	free(tally.bad);
	if (status < 0)
		return status;
	if (tally.tables > 0)
		FOUND(checking, DAMAGE, 0, "take the disk from a backup, or download it again",
			"%s: %llu grain tables are at impossible places, or where others are", path,
			(unsigned long long)tally.tables);
	if (tally.outside > 0)
		FOUND(checking, DAMAGE, 0, "take the disk from a backup, or download it again",
			"%s: %llu grains or tables are said to be behind the end of the file; the first is number %llu",
			path, (unsigned long long)tally.outside, (unsigned long long)tally.first);
	if (tally.unreadable > 0)
		FOUND(checking, DAMAGE, 0, "take the disk from a backup, or download it again",
			"%s: %llu of its %llu grains are not behind their markers or cannot be unpacked; the first is "
			"number "
			"%llu",
			path, (unsigned long long)tally.unreadable, (unsigned long long)tally.grains,
			(unsigned long long)tally.first);
	if (sparse->is_scanned &&
		FOUND(checking, DAMAGE, 1,
			"tables are made from the markers of the grains that are there; the others read as zeros",
			"%s is an incomplete stream: %llu grains were found, but no directory of them", path,
			(unsigned long long)tally.grains)) {
		status = stream_mend(sparse);
	}
	return status;
}
