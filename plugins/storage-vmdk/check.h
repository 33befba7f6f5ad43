/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Checking and mending.
 */
#ifndef VMDK_CHECK_H
#define VMDK_CHECK_H

#include "survey.h"

/* Work done, over all extents, in sectors of the disk. */
struct checking {
	struct vmdk *vmdk;
	struct vmm_block_report *report;
	struct extent *extent;
	uint64_t done, of;
	uint32_t is_header_changed; /* of the extent: to be written when its tables are */
};

/* Tell; 1 if it is to be mended, which can only be if the disk is open for that. */
#define FOUND(CHECKING, SEVERITY, MENDABLE, REMEDY, ...) \
	checking_wants((CHECKING), \
		(CHECKING)->report->found( \
			(CHECKING)->report, VMM_BLOCK_##SEVERITY, (MENDABLE), (REMEDY), __VA_ARGS__))

static inline uint32_t checking_wants(const struct checking *checking, uint32_t wanted)
{
	return wanted != 0 && (checking->vmdk->image->flags & VMM_BLOCK_READONLY) == 0;
}

static inline uint32_t checking_stopped(struct checking *checking)
{
	uint64_t done = checking->done < checking->of ? checking->done : checking->of;
	return checking->report->progress(checking->report, done, checking->of);
}

/* directory.c: *bad, a byte a table, gets bit 0 if the grain directory's entry cannot be, and bit 1 if the redundant
 * one's cannot. */
int32_t directories_judge(const struct sparse *sparse, uint8_t *bad);

/* check_hosted.c */
int32_t check_hosted(struct checking *checking);
/* check_stream.c: streams, COWD and seSparse. */
int32_t check_entries(struct checking *checking);

#endif
