/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * How often each cluster is named, and as what: a hash table of small stretches, for a file may be far longer than what
 * it holds.
 */
#include "qcow2.h"

#define STRETCH 64u

struct stretch {
	uint64_t first;
	struct stretch *next;
	uint32_t count[STRETCH];
	uint8_t kind[STRETCH];
};

struct counts {
	struct stretch **buckets;
	uint64_t bucket_count, stretches, total;
};

struct counts *counts_new(void)
{
	struct counts *counts = calloc(1, sizeof(*counts));
	if (counts == NULL)
		return NULL;
	counts->bucket_count = 1024;
	counts->buckets = calloc(counts->bucket_count, sizeof(struct stretch *));
	if (counts->buckets == NULL) {
		free(counts);
		return NULL;
	}
	return counts;
}

void counts_free(struct counts *counts)
{
	if (counts == NULL)
		return;
	for (uint64_t i = 0; i < counts->bucket_count; i++) {
		while (counts->buckets[i] != NULL) {
			struct stretch *next = counts->buckets[i]->next;
			free(counts->buckets[i]);
			counts->buckets[i] = next;
		}
	}
	free(counts->buckets);
	free(counts);
}

static struct stretch **bucket_of(const struct counts *counts, uint64_t first)
{
	uint64_t hash = (first / STRETCH) * UINT64_C(0x9e3779b97f4a7c15);
	return &counts->buckets[(hash >> 24) & (counts->bucket_count - 1)];
}

static struct stretch *stretch_find(const struct counts *counts, uint64_t cluster)
{
	uint64_t first = cluster & ~(uint64_t)(STRETCH - 1);
	struct stretch *stretch = *bucket_of(counts, first);
	while (stretch != NULL && stretch->first != first)
		stretch = stretch->next;
	return stretch;
}

/* Twice the buckets; without the memory for that it only is slower. */
static void counts_grow(struct counts *counts)
{
	struct counts larger_counts = { .bucket_count = counts->bucket_count * 2 };
	larger_counts.buckets = calloc(larger_counts.bucket_count, sizeof(struct stretch *));
	if (larger_counts.buckets == NULL)
		return;
	for (uint64_t i = 0; i < counts->bucket_count; i++) {
		while (counts->buckets[i] != NULL) {
			struct stretch *stretch = counts->buckets[i];
			struct stretch **bucket = bucket_of(&larger_counts, stretch->first);
			counts->buckets[i] = stretch->next;
			stretch->next = *bucket;
			*bucket = stretch;
		}
	}
	free(counts->buckets);
	counts->buckets = larger_counts.buckets;
	counts->bucket_count = larger_counts.bucket_count;
}

int32_t counts_add(struct counts *counts, uint64_t cluster, uint32_t kind, uint32_t *was)
{
	struct stretch *stretch = stretch_find(counts, cluster);
	if (stretch == NULL) {
		if (counts->stretches > counts->bucket_count)
			counts_grow(counts);
		stretch = calloc(1, sizeof(*stretch));
		if (stretch == NULL)
			return -ENOMEM;
		stretch->first = cluster & ~(uint64_t)(STRETCH - 1);
		struct stretch **bucket = bucket_of(counts, stretch->first);
		stretch->next = *bucket;
		*bucket = stretch;
		counts->stretches++;
	}
	uint32_t index = cluster % STRETCH;
	*was = stretch->kind[index];
	if (stretch->count[index] == 0)
		counts->total++;
	if (stretch->kind[index] == COUNT_NONE)
		stretch->kind[index] = (uint8_t)kind;
	if (stretch->count[index] != UINT32_MAX)
		stretch->count[index]++;
	return 0;
}

uint32_t counts_get(const struct counts *counts, uint64_t cluster)
{
	const struct stretch *stretch = stretch_find(counts, cluster);
	return stretch == NULL ? 0 : stretch->count[cluster % STRETCH];
}

uint32_t counts_kind(const struct counts *counts, uint64_t cluster)
{
	const struct stretch *stretch = stretch_find(counts, cluster);
	return stretch == NULL ? COUNT_NONE : stretch->kind[cluster % STRETCH];
}

int32_t counts_each(const struct counts *counts, counts_visit visit, void *self)
{
	for (uint64_t i = 0; i < counts->bucket_count; i++) {
		for (const struct stretch *stretch = counts->buckets[i]; stretch != NULL; stretch = stretch->next) {
			for (uint32_t k = 0; k < STRETCH; k++) {
				int32_t status = stretch->count[k] == 0
					? 0
					: visit(self, stretch->first + k, stretch->count[k]);
				if (status < 0)
					return status;
			}
		}
	}
	return 0;
}

uint64_t counts_total(const struct counts *counts)
{
	return counts->total;
}
