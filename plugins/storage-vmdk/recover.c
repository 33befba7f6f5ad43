/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * An extent that was not closed when its program or its host ended.
 *
 * What a crash can leave behind: tables of which one copy is newer than the other, and room at the end of the file that
 * no table names.  Both are put right.  Anything more was done by somebody else, and is for vmm disk repair to ask
 * about: until then the disk is only read.
 */
#include "survey.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct recovery {
	uint64_t differing, damaged;
};

static uint64_t problem(struct survey *survey, const struct problem *problem)
{
	struct recovery *recovery = survey->self;
	switch (problem->kind) {
	case PROBLEM_DIFFERS: recovery->differing++; return problem->better;
	case PROBLEM_CUT: return problem->entry; /* zeros, which the file system had not got to writing */
	default: recovery->damaged++; return problem->entry;
	}
}

#define TABLES_MOST 4096u /* of 128 GiB: so many can be read while a guest waits for its first write */

void space_survey(struct sparse *sparse)
{
	struct recovery recovery = { 0 };
	struct survey survey = { .sparse = sparse, .problem = problem, .self = &recovery, .is_dry = 1 };
	if (sparse->is_surveyed)
		return;
	sparse->is_surveyed = 1;
	if (sparse->tables > TABLES_MOST)
		return;
	/* What cannot be learned does no harm: the file grows at its end. */
	if (survey_run(&survey) == 0 && recovery.damaged == 0) {
		uint64_t end = (survey.last + sparse->grain - 1) / sparse->grain * sparse->grain;
		if (end < sparse->end)
			sparse->end = end;
		if (survey.granule == sparse->grain)
			(void)survey_holes(&survey, &sparse->free);
	}
	survey_free(&survey);
}

int32_t sparse_recover(struct sparse *sparse, char why[256])
{
	struct recovery recovery = { 0 };
	struct survey survey = { .sparse = sparse, .problem = problem, .self = &recovery };
	struct vmm_block_image *image = sparse->vmdk->image;
	char text[512];
	int32_t status = survey_run(&survey);
	if (status == 0 && recovery.damaged > 0) {
		/* Nothing of what was set is wanted. */
		table_forget(sparse);
		sparse->is_writable = 0;
		image->is_readonly = 1;
		image->readonly_why = "it was not closed, and is damaged: vmm disk repair mends what can be mended";
		survey_free(&survey);
		return 0;
	}
	sparse->is_surveyed = 1;
	if (status == 0) {
		uint64_t end = (survey.last + sparse->grain - 1) / sparse->grain * sparse->grain;
		/* The room behind is not in use; that before it is, where grains begin at odd places. */
		if (end < sparse->end)
			sparse->end = end;
		if (survey.granule == sparse->grain)
			status = survey_holes(&survey, &sparse->free);
	}
	survey_free(&survey);
	if (status < 0) {
		snprintf(why, 256, "was not closed, and cannot be looked through (%s)", strerror(-status));
		return status;
	}
	snprintf(text, sizeof(text), "%.300s was not closed; %llu of its table entries were put right",
		sparse->part->path, (unsigned long long)recovery.differing);
	image->host->log(image->host->context, VMM_LOG_INFO, text);
	return 0;
}
