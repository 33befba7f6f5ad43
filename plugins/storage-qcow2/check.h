/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * What the two halves of check share: counting what the tables name, and holding the refcounts against it.
 */
#ifndef QCOW2_CHECK_H
#define QCOW2_CHECK_H

#include "qcow2.h"

struct check {
	struct qcow2 *q;
	struct vmm_block_report *report;
	struct counts *counts;
	uint64_t left;        /* damage that was not mended */
	uint32_t is_rebuild;  /* only refcounts are to be mended: any other damage ends it */
	uint32_t is_counting; /* that is being done */
	uint32_t is_mending;  /* something was changed */
	uint32_t is_moving;   /* the refcount table must go elsewhere */
	uint32_t is_active;   /* the walk is through the active L1, not a snapshot's */
};

/* Report.  1: mend it now. */
uint32_t check_found(struct check *check, uint32_t severity, uint32_t mendable, const char *remedy, const char *format,
	...) __attribute__((format(printf, 5, 6)));
/* Count all that is named, and drop what cannot be. */
int32_t check_walk(struct check *check);

#endif
