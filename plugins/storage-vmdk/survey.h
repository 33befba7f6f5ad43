/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Going through all tables of a hosted sparse extent: what they contradict, and what of the file they use.
 */
#ifndef VMDK_SURVEY_H
#define VMDK_SURVEY_H

#include "sparse.h"

#define PROBLEM_DIFFERS 1 /* the two tables say different things, of which one is possible or both are */
#define PROBLEM_OUTSIDE 2 /* the grain would begin behind the end of the file */
#define PROBLEM_META    3 /* it would be where headers and tables are */
#define PROBLEM_DOUBLE  4 /* another grain is there */
#define PROBLEM_CUT     5 /* it ends behind the end of the file */
#define PROBLEM_ZERO    6 /* an entry of 1 where the header does not say what that is */

struct problem {
	uint32_t kind;
	uint64_t grain;
	uint64_t entry;     /* of the grain table */
	uint64_t redundant; /* of the other */
	uint64_t better;    /* what it should be */
};

struct survey {
	struct sparse *sparse;
	/* Called for each; returns what the entry is to be, and is `better` or `entry`. */
	uint64_t (*problem)(struct survey *survey, const struct problem *problem);
	/* Now and then; 1: stop. */
	uint32_t (*progress)(struct survey *survey, uint64_t done, uint64_t of);
	void *self;
	uint32_t is_dry;  /* nothing is changed */
	uint64_t used;    /* grains */
	uint64_t last;    /* the sector behind the last that is in use */
	uint64_t first;   /* grain, in sectors; UINT64_MAX: there is none */
	uint32_t granule; /* sectors that a bit stands for */
	uint64_t bits_count;
	uint64_t *bits;   /* what grains use */
	uint64_t *places; /* of all tables, ascending */
	uint64_t place_count;
	uint32_t *redundant; /* a table */
};

int32_t survey_run(struct survey *survey);
void survey_free(struct survey *survey);
/* Give every hole between used grains to `free`, which is of whole grains. */
int32_t survey_holes(const struct survey *survey, struct runs *runs);

#endif
