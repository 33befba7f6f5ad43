/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Check of a hosted sparse extent: its header, its directories, and every entry of its tables.
 *
 * What is wrong with entries is counted first, and told by kind; then those kinds are mended that are to be.
 */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KINDS 7 /* PROBLEM_* */

struct audit {
	struct checking *checking;
	struct sparse *sparse;
	uint64_t count[KINDS];
	uint64_t first[KINDS]; /* grain */
	uint32_t is_wanted[KINDS];
	uint32_t is_mending;
	int32_t status;
};

/* Whether it is open for that now or not. */
static uint32_t can_mend(const struct audit *audit)
{
	return audit->checking->extent->access == ACCESS_WRITE;
}

static uint32_t has_parent(const struct audit *audit)
{
	return audit->checking->vmdk->image->parent[0] != '\0';
}

/* A grain of its own for one that shares another's. */
static uint64_t grain_copy(struct audit *audit, const struct problem *problem)
{
	struct sparse *sparse = audit->sparse;
	uint64_t sector, got;
	uint8_t *data = malloc(sparse->grain_bytes);
	int32_t status = data == NULL ? -ENOMEM : space_take(sparse, 1, &sector, &got);
	if (status == 0)
		status = vmm_block_file_read(sparse->part->file, data, sparse->grain_bytes, problem->entry * SECTOR);
	if (status == 0)
		status = vmm_block_file_write(sparse->part->file, data, sparse->grain_bytes, sector * SECTOR);
	free(data);
	if (status < 0)
		audit->status = status;
	return status < 0 ? problem->entry : sector;
}

static uint64_t mend(struct audit *audit, const struct problem *problem)
{
	switch (problem->kind) {
	case PROBLEM_DIFFERS: return problem->better;
	case PROBLEM_OUTSIDE:
	case PROBLEM_META:
		/* What the parent has there was not to be seen: zeros are nearer to it. */
		return has_parent(audit) && (audit->sparse->header.flags & FLAG_ZERO_GRAIN) != 0;
	case PROBLEM_DOUBLE: return grain_copy(audit, problem);
	case PROBLEM_ZERO: return has_parent(audit) ? problem->entry : 0;
	default: return problem->entry;
	}
}

static uint64_t problem(struct survey *survey, const struct problem *problem)
{
	struct audit *audit = survey->self;
	uint32_t kind = problem->kind;
	if (audit->is_mending)
		return audit->is_wanted[kind] && audit->status == 0 ? mend(audit, problem) : problem->entry;
	if (audit->count[kind]++ == 0)
		audit->first[kind] = problem->grain;
	/* So that a difference that is mended is not counted once more for what it is. */
	return kind == PROBLEM_DIFFERS ? problem->better : problem->entry;
}

static uint32_t progress(struct survey *survey, uint64_t done, uint64_t of)
{
	struct audit *audit = survey->self;
	struct checking checking = *audit->checking;
	checking.done += audit->sparse->capacity * done / of;
	return checking_stopped(&checking);
}

/* Tell what was counted. */
static void problems_tell(struct audit *audit)
{
	static const struct {
		const char *what, *remedy;
	} texts[KINDS] = {
		[PROBLEM_DIFFERS] = { "entries differ between the grain tables and the redundant ones",
			"both get the one that is possible, or that has data" },
		[PROBLEM_OUTSIDE] = { "grains are said to be behind the end of the file",
			"they become absent: their contents are lost" },
		[PROBLEM_META] = { "grains are said to be where headers or tables are",
			"they become absent: their contents are lost" },
		[PROBLEM_DOUBLE] = { "grains lie over other grains",
			"each gets a copy of its own; what was written through the other stays in it" },
		[PROBLEM_CUT] = { "grains are cut off by the end of the file", "the file is filled up with zeros" },
		[PROBLEM_ZERO] = { "entries say \"zero\" in a header version that has no such entries",
			"they are made to say it in a way that the header allows" },
	};
	for (uint32_t kind = 1; kind < KINDS; kind++) {
		if (audit->count[kind] == 0)
			continue;
		audit->is_wanted[kind] = FOUND(audit->checking, DAMAGE, can_mend(audit), texts[kind].remedy,
			"%s: %llu %s; the first is number %llu", audit->sparse->part->path,
			(unsigned long long)audit->count[kind], texts[kind].what,
			(unsigned long long)audit->first[kind]);
	}
}

/* Room that no grain is in. */
static void waste_tell(struct audit *audit, const struct survey *survey)
{
	struct sparse *sparse = audit->sparse;
	struct runs holes = { 0 };
	uint64_t waste = 0, last = (survey->last + sparse->grain - 1) / sparse->grain * sparse->grain;
	uint64_t file = (sparse->length + SECTOR - 1) / SECTOR;
	if (survey->granule == sparse->grain && survey_holes(survey, &holes) == 0) {
		for (uint32_t i = 0; i < holes.count; i++)
			waste += holes.list[i].count;
	}
	runs_free(&holes);
	if (waste > 0)
		FOUND(audit->checking, NOTE, 0, "the guest's next writes go there; vmm disk compact gives it back",
			"%s has room for %llu grains that was given up", sparse->part->path,
			(unsigned long long)(waste / sparse->grain));
	if (file > last &&
		FOUND(audit->checking, WASTE, can_mend(audit), "the file is cut there",
			"%s goes on for %llu bytes behind its last grain", sparse->part->path,
			(unsigned long long)((file - last) * SECTOR)))
		sparse->end = last;
}

static int32_t entries_check(struct audit *audit)
{
	struct sparse *sparse = audit->sparse;
	struct survey survey = {
		.sparse = sparse, .problem = problem, .progress = progress, .self = audit, .is_dry = 1
	};
	int32_t status = survey_run(&survey);
	if (status < 0)
		goto out;
	problems_tell(audit);
	uint32_t is_wanted = 0;
	for (uint32_t i = 1; i < KINDS; i++)
		is_wanted |= audit->is_wanted[i];
	if (!is_wanted)
		goto out;
	survey_free(&survey);
	survey = (struct survey){ .sparse = sparse, .problem = problem, .self = audit };
	audit->is_mending = 1;
	if (audit->is_wanted[PROBLEM_ZERO] && has_parent(audit)) {
		sparse->header.flags |= FLAG_ZERO_GRAIN;
		sparse->header.version = sparse->header.version < 2 ? 2 : sparse->header.version;
		audit->checking->is_header_changed = 1;
	}
	status = survey_run(&survey);
	if (status == 0)
		status = audit->status;
	if (status == 0 && audit->is_wanted[PROBLEM_CUT])
		status = space_grow(sparse, survey.last);
out:
	survey_free(&survey);
	return status;
}

/* The directories, before anything that stands on them. */

/* A table that gets a new place when it is written. */
static int32_t table_replace(struct sparse *sparse, uint32_t number, uint32_t bad)
{
	struct page *page;
	uint64_t grain = (uint64_t)number * sparse->gtes, entry;
	/* The good one is read first, into memory. */
	if ((bad & 1) != 0)
		sparse->gd[number] = 0;
	if ((bad & 2) != 0)
		sparse->rgd[number] = 0;
	sparse->gd_dirty = 1;
	int32_t status = table_page(sparse, number, &page);
	if (status < 0 || page == NULL)
		return status == -EIO ? 0 : status;
	status = table_get(sparse, grain, &entry);
	return status == 0 ? table_set(sparse, grain, (uint32_t)entry) : status;
}

static int32_t directories_check(struct audit *audit)
{
	struct sparse *sparse = audit->sparse;
	uint32_t single = 0, both = 0, all = sparse->rgd != NULL ? 3 : 1, wanted[2] = { 0, 0 };
	uint8_t *bad = calloc(sparse->tables, 1);
	int32_t status = bad == NULL ? -ENOMEM : directories_judge(sparse, bad);
	for (uint32_t i = 0; i < sparse->tables && status == 0; i++) {
		/* One that is missing beside one that is there is as bad. */
		if (sparse->rgd != NULL && sparse->gd[i] == 0 && sparse->rgd[i] != 0)
			bad[i] |= 1;
		if (sparse->rgd != NULL && sparse->rgd[i] == 0 && sparse->gd[i] != 0)
			bad[i] |= 2;
		single += bad[i] != 0 && bad[i] != all;
		both += bad[i] == all;
	}
	if (status == 0 && single > 0)
		wanted[0] = FOUND(audit->checking, DAMAGE, can_mend(audit), "the other directory's table is copied",
			"%s: %u tables are at impossible places in one of the two grain directories",
			sparse->part->path, single);
	if (status == 0 && both > 0)
		wanted[1] = FOUND(audit->checking, DAMAGE, can_mend(audit),
			"their grains become absent: their contents are lost",
			"%s: %u grain tables are at impossible places", sparse->part->path, both);
	for (uint32_t i = 0; i < sparse->tables && status == 0; i++) {
		if (bad[i] == 0)
			continue;
		if (wanted[bad[i] == all])
			status = table_replace(sparse, i, bad[i]);
		else if ((bad[i] & 1) != 0 && !sparse->gd_dirty)
			/* Only for what is looked at now: nothing is written. */
			sparse->gd[i] = bad[i] == all || sparse->rgd == NULL ? 0 : sparse->rgd[i];
	}
	/* Some are to stay as they are: then all do. */
	if (status == 0 && sparse->gd_dirty && ((single > 0 && !wanted[0]) || (both > 0 && !wanted[1]))) {
		FOUND(audit->checking, NOTE, 0, "let both be mended",
			"the directories of %s are mended as a whole or not at all", sparse->part->path);
		sparse->is_writable = 0;
	}
	free(bad);
	return status;
}

/* A header that knows only one of the directories. */
static int32_t lost_check(struct audit *audit)
{
	struct sparse *sparse = audit->sparse;
	if (sparse->lost == 0 ||
		!FOUND(audit->checking, DAMAGE, can_mend(audit), "a new one is made, with what the other says",
			"%s says that its %sgrain directory is where it cannot be", sparse->part->path,
			sparse->lost == DIRECTORY_REDUNDANT ? "redundant " : ""))
		return 0;
	audit->checking->is_header_changed = 1;
	return directory_remake(sparse);
}

static void header_say(struct audit *audit)
{
	struct sparse *sparse = audit->sparse;
	struct header *header = &sparse->header;
	uint32_t can = can_mend(audit);
	if (header->uncleanShutdown != 0 &&
		FOUND(audit->checking, NOTE, can, "it is marked as closed when all else is right",
			"%s was not closed properly", sparse->part->path))
		sparse->keeps_mark = 0;
	if ((header->flags & FLAG_NEWLINE) == 0 &&
		FOUND(audit->checking, NOTE, can, "they are written",
			"%s does not have the bytes that show a transfer as text", sparse->part->path)) {
		header->flags |= FLAG_NEWLINE;
		audit->checking->is_header_changed = 1;
	}
	if ((header->flags & FLAG_ZERO_GRAIN) != 0 && header->version < 2 &&
		FOUND(audit->checking, NOTE, can, "the version becomes 2",
			"%s is of version 1, and says that it has zeroed grains, which came with version 2",
			sparse->part->path)) {
		header->version = 2;
		audit->checking->is_header_changed = 1;
	}
}

/* overHead is where grains begin: no table is behind it, unless the disk has grown, and no grain before. */
static void overhead_tell(struct audit *audit, const struct survey *survey)
{
	struct sparse *sparse = audit->sparse;
	if (survey->first == UINT64_MAX || sparse->header.overHead <= survey->first)
		return;
	if (FOUND(audit->checking, NOTE, can_mend(audit), "it is set to where the first grain is",
		    "%s says that grains begin at sector %llu, and the first is at %llu", sparse->part->path,
		    (unsigned long long)sparse->header.overHead, (unsigned long long)survey->first)) {
		sparse->header.overHead = survey->first;
		audit->checking->is_header_changed = 1;
	}
}

/* Once more, as it is now. */
static int32_t room_check(struct audit *audit)
{
	struct audit again = { .checking = audit->checking, .sparse = audit->sparse };
	struct survey survey = { .sparse = audit->sparse, .problem = problem, .self = &again, .is_dry = 1 };
	uint64_t problems = 0;
	int32_t status = survey_run(&survey);
	for (uint32_t i = PROBLEM_OUTSIDE; i < KINDS; i++)
		problems += again.count[i];
	/* While contradictions stay nobody knows what is free. */
	if (status == 0 && problems == 0) {
		waste_tell(audit, &survey);
		overhead_tell(audit, &survey);
	}
	survey_free(&survey);
	return status;
}

static int32_t capacity_check(struct audit *audit)
{
	struct sparse *sparse = audit->sparse;
	const struct extent *extent = audit->checking->extent;
	uint64_t sectors = extent->length / SECTOR;
	if (sparse->capacity >= sectors)
		return 0;
	if (FOUND(audit->checking, DAMAGE, can_mend(audit), "the extent is made longer, with zeros",
		    "%s has a capacity of %llu sectors, and the descriptor says %llu", sparse->part->path,
		    (unsigned long long)sparse->capacity, (unsigned long long)sectors))
		return sparse_resize(sparse, sectors);
	return 0;
}

int32_t check_hosted(struct checking *checking)
{
	struct sparse *sparse = checking->extent->sparse;
	struct audit audit = { .checking = checking, .sparse = sparse };
	checking->is_header_changed = 0;
	header_say(&audit);
	int32_t status = lost_check(&audit);
	if (status == 0)
		status = directories_check(&audit);
	if (status == 0)
		status = entries_check(&audit);
	if (status == 0)
		status = room_check(&audit);
	checking->done += 2 * (checking->extent->length / SECTOR);
	if (status == 0 && sparse->is_writable)
		status = vmdk_sync(checking->vmdk->image);
	if (status == 0 && sparse->is_writable && checking->is_header_changed) {
		status = sparse_header_write(sparse);
		if (status == 0)
			status = vmm_block_file_sync(sparse->part->file);
	}
	return status == 0 ? capacity_check(&audit) : status;
}
