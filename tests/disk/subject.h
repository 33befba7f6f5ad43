/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Tests of an image format through the block kit: the format under test, a host that remembers why something failed,
 * and a disk in memory to compare with.
 *
 * A program is made for each format by its plugin's makefile fragment (disk.mk says how); SUBJECT is the format.
 */
#ifndef SUBJECT_H
#define SUBJECT_H

#include <stdbool.h>

#include <vmm/block/image.h>

extern const struct vmm_block_format SUBJECT;

/* A format that is nothing without a parent has its first one of this. */
#ifdef SUBJECT_BASE
extern const struct vmm_block_format SUBJECT_BASE;
#endif

#define SUBJECT_SECTOR 512u

/* The host: what it was told last. */
struct subject_host {
	struct vmm_host host;
	char cause[8192], remedy[1024];
};
void subject_host_init(struct subject_host *host);

/* Numbers by chance, the same for the same seed. */
struct chance {
	uint64_t state;
};
uint64_t chance_next(struct chance *chance);
/* 0 .. limit - 1 */
uint64_t chance_below(struct chance *chance, uint64_t limit);

/* A disk in memory. */
struct model {
	uint8_t *data;
	uint64_t length;
};
void model_init(struct model *model, uint64_t length);
void model_free(struct model *model);
void model_resize(struct model *model, uint64_t length);
void model_copy(struct model *model, const struct model *from);
/* Sectors that no other write has: each says its own number and the write's. */
void pattern_fill(uint8_t *data, uint64_t length, uint64_t offset, uint64_t mark);

/* "Something is wrong": says what, with seed and step, and ends the program with status 1. */
void subject_wrong(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Where we are, for that message. */
void subject_place(const char *variant, uint64_t seed, uint64_t step);

/* A folder of our own, which is removed at the end; paths in it. */
const char *subject_folder(void);
void subject_path(char path[4096], const char *name);
void subject_folder_empty(void);
void subject_folder_remove(void);

/* Variants that can be written, one after the other; NULL at the end.  Environment: SUBJECT_VARIANT picks one. */
const char *subject_variant(uint32_t index);
/* From the environment, or a default. */
uint64_t subject_number(const char *name, uint64_t otherwise);

/* Check (and mend, if asked): how much was found. */
struct subject_findings {
	uint32_t notes, waste, damage, unmendable;
	char first[1024]; /* of the damage */
};
int32_t subject_check(struct vmm_block_image *image, bool mend, struct subject_findings *findings);

#endif
