/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * The survey.  Two passes: one to learn at what multiples grains begin, so that few bits will do for the file; and one
 * that looks at each entry.
 */
#include "survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t is_zero_entry(const struct sparse *sparse, uint64_t entry)
{
	return entry == 1 && (sparse->header.flags & FLAG_ZERO_GRAIN) != 0;
}

static uint32_t is_inside(const struct sparse *sparse, uint64_t entry)
{
	return entry != 0 && entry < (sparse->length + SECTOR - 1) / SECTOR;
}

static int by_number(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;
	return *a < *b ? -1 : *a > *b;
}

/* Where all tables are. */
static int32_t places_collect(struct survey *survey)
{
	const struct sparse *sparse = survey->sparse;
	survey->places = malloc((2 * (uint64_t)sparse->tables + 1) * sizeof(*survey->places));
	if (survey->places == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < sparse->tables; i++) {
		if (sparse->gd[i] != 0)
			survey->places[survey->place_count++] = sparse->gd[i];
		if (sparse->rgd != NULL && sparse->rgd[i] != 0)
			survey->places[survey->place_count++] = sparse->rgd[i];
	}
	qsort(survey->places, survey->place_count, sizeof(*survey->places), by_number);
	return 0;
}

static uint32_t overlaps(uint64_t at, uint64_t size, uint64_t other, uint64_t other_size)
{
	return at < other + other_size && other < at + size;
}

/* Would a grain there lie over something that is none? */
static uint32_t is_metadata(const struct survey *survey, uint64_t sector)
{
	const struct sparse *sparse = survey->sparse;
	const struct header *header = &sparse->header;
	uint64_t size = ((uint64_t)sparse->tables * 4 + SECTOR - 1) / SECTOR, grain = sparse->grain;
	if (sector == 0 || overlaps(sector, grain, header->descriptorOffset, header->descriptorSize) ||
		overlaps(sector, grain, header->gdOffset, size) ||
		(sparse->rgd != NULL && overlaps(sector, grain, header->rgdOffset, size)))
		return 1;
	/* The first table that ends behind its beginning. */
	uint64_t low = 0, high = survey->place_count;
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;
		if (survey->places[middle] + sparse->table_sectors <= sector)
			low = middle + 1;
		else
			high = middle;
	}
	return low < survey->place_count && survey->places[low] < sector + grain;
}

static uint32_t bit_test(const uint64_t *bits, uint64_t at)
{
	return bits[at / 64] >> (at % 64) & 1;
}

static uint32_t is_used(const struct survey *survey, uint64_t sector)
{
	uint64_t n = survey->sparse->grain / survey->granule, at = sector / survey->granule;
	for (uint64_t i = 0; i < n && at + i < survey->bits_count; i++) {
		if (bit_test(survey->bits, at + i))
			return 1;
	}
	return 0;
}

static void use(struct survey *survey, uint64_t sector)
{
	uint64_t grain = survey->sparse->grain, n = grain / survey->granule, at = sector / survey->granule;
	for (uint64_t i = 0; i < n && at + i < survey->bits_count; i++)
		survey->bits[(at + i) / 64] |= UINT64_C(1) << ((at + i) % 64);
	survey->used++;
	if (sector < survey->first)
		survey->first = sector;
	if (sector + grain > survey->last)
		survey->last = sector + grain;
}

/* Could a grain be there? */
static uint32_t is_possible(const struct survey *survey, uint64_t entry)
{
	return is_inside(survey->sparse, entry) && !is_metadata(survey, entry) &&
		!(entry == 1 && survey->sparse->grain > 1) && !is_used(survey, entry);
}

/* Which of two entries is the better one?  Either is true to what was flushed; so the one that has data, since those
 * were on the disk before any table named them. */
static uint64_t entry_choose(const struct survey *survey, uint64_t entry, uint64_t redundant)
{
	if (entry != 0 && (is_zero_entry(survey->sparse, entry) || is_possible(survey, entry)))
		return entry;
	if (redundant != 0 && (is_zero_entry(survey->sparse, redundant) || is_possible(survey, redundant)))
		return redundant;
	return entry == 0 || redundant == 0 ? 0 : entry;
}

/* Look at one entry; the one that it is to be. */
static uint64_t entry_survey(struct survey *survey, uint64_t grain, uint64_t entry, uint64_t redundant)
{
	const struct sparse *sparse = survey->sparse;
	struct problem problem = { .grain = grain, .entry = entry, .redundant = redundant };
	if (entry != redundant) {
		problem.kind = PROBLEM_DIFFERS;
		problem.better = entry_choose(survey, entry, redundant);
		entry = survey->problem(survey, &problem);
		problem.entry = problem.redundant = entry;
	}
	if (entry == 0 || is_zero_entry(sparse, entry))
		return entry;
	problem.better = 0;
	problem.kind = 0;
	if (!is_inside(sparse, entry))
		problem.kind = PROBLEM_OUTSIDE;
	else if (entry == 1 && is_metadata(survey, 1))
		problem.kind = PROBLEM_ZERO;
	else if (is_metadata(survey, entry))
		problem.kind = PROBLEM_META;
	else if (is_used(survey, entry))
		problem.kind = PROBLEM_DOUBLE;
	if (problem.kind != 0)
		return survey->problem(survey, &problem);
	use(survey, entry);
	uint64_t end = entry * SECTOR + sparse->grain_bytes, disk = sparse->capacity - grain * sparse->grain;
	/* Behind the end of the disk nothing is missing. */
	if (disk < sparse->grain)
		end = (entry + disk) * SECTOR;
	if (end > sparse->length) {
		problem.kind = PROBLEM_CUT;
		problem.better = entry;
		survey->problem(survey, &problem);
	}
	return entry;
}

static int32_t redundant_read(struct survey *survey, uint32_t number, const struct page *page)
{
	struct sparse *sparse = survey->sparse;
	uint32_t size = sparse->table_sectors * SECTOR;
	uint64_t at = sparse->rgd != NULL ? (uint64_t)sparse->rgd[number] * SECTOR : 0;
	int32_t status = -EIO;
	if (at != 0 && at < sparse->length && size <= sparse->length - at)
		status = vmm_block_file_read_exact(sparse->part->file, survey->redundant, size, at);
	if (status < 0)
		memcpy(survey->redundant, page->entries, size);
	return status;
}

static int32_t table_survey(struct survey *survey, uint32_t number, const struct page *page)
{
	struct sparse *sparse = survey->sparse;
	uint64_t grain = (uint64_t)number * sparse->gtes;
	(void)redundant_read(survey, number, page);
	for (uint32_t i = 0; i < sparse->gtes && grain < sparse->grains; i++, grain++) {
		/* The page may move while an entry is set. */
		uint64_t entry = vmm_block_le32(page->entries + (size_t)i * 4);
		uint64_t redundant = vmm_block_le32(survey->redundant + i);
		if (entry == 0 && redundant == 0)
			continue;
		uint64_t result = entry_survey(survey, grain, entry, redundant);
		/* The changed page is written to both places. */
		if (!survey->is_dry && (result != entry || (result != redundant && entry != redundant))) {
			int32_t status = table_set(sparse, grain, (uint32_t)result);
			if (status < 0)
				return status;
		}
	}
	return 0;
}

/* All bits of the places of grains: the lowest tells what they are multiples of. */
static int32_t granule_find(struct survey *survey)
{
	struct sparse *sparse = survey->sparse;
	uint64_t bits = sparse->grain, sectors = (sparse->length + SECTOR - 1) / SECTOR;
	for (uint32_t i = 0; i < sparse->tables; i++) {
		struct page *page;
		if (table_page(sparse, i, &page) < 0 || page == NULL)
			continue;
		for (uint32_t k = 0; k < sparse->gtes; k++) {
			uint64_t entry = vmm_block_le32(page->entries + (size_t)k * 4);
			if (entry > 1 && entry < sectors)
				bits |= entry;
		}
	}
	survey->granule = 1u << __builtin_ctzll(bits);
	survey->bits_count = sectors / survey->granule + sparse->grain / survey->granule + 1;
	survey->bits = calloc(survey->bits_count / 64 + 1, sizeof(*survey->bits));
	return survey->bits == NULL ? -ENOMEM : 0;
}

static uint64_t file_sectors(const struct sparse *sparse)
{
	return (sparse->length + SECTOR - 1) / SECTOR;
}

static void reach(struct survey *survey, uint64_t sector, uint64_t size)
{
	uint64_t sectors = file_sectors(survey->sparse);
	if (sector < sectors && size <= sectors - sector && sector + size > survey->last)
		survey->last = sector + size;
}

/* Tables may be behind all grains, of a disk that has grown; and the descriptor, if that has. */
static void metadata_end(struct survey *survey)
{
	const struct sparse *sparse = survey->sparse;
	uint64_t size = ((uint64_t)sparse->tables * 4 + SECTOR - 1) / SECTOR;
	reach(survey, sparse->header.gdOffset, size);
	if (sparse->header.descriptorOffset != 0)
		reach(survey, sparse->header.descriptorOffset, sparse->header.descriptorSize);
	if (sparse->rgd != NULL)
		reach(survey, sparse->header.rgdOffset, size);
	for (uint64_t i = survey->place_count; i > 0; i--)
		reach(survey, survey->places[i - 1], sparse->table_sectors);
}

int32_t survey_run(struct survey *survey)
{
	struct sparse *sparse = survey->sparse;
	survey->first = UINT64_MAX;
	/* A header that says more than there is says nothing. */
	survey->last = sparse->front;
	reach(survey, 0, sparse->header.overHead);
	survey->redundant = malloc(sparse->table_sectors * SECTOR);
	int32_t status = survey->redundant == NULL ? -ENOMEM : places_collect(survey);
	if (status == 0)
		metadata_end(survey);
	if (status == 0)
		status = granule_find(survey);
	for (uint32_t i = 0; i < sparse->tables && status == 0; i++) {
		struct page *page;
		if (survey->progress != NULL && i % 64 == 0 && survey->progress(survey, i, sparse->tables))
			return -ECANCELED;
		status = table_page(sparse, i, &page);
		/* A table that is in neither copy has nothing to tell; that it is so the directories show. */
		if (status == -EIO)
			status = 0;
		else if (status == 0 && page != NULL)
			status = table_survey(survey, i, page);
	}
	return status;
}

void survey_free(struct survey *survey)
{
	free(survey->bits);
	free(survey->places);
	free(survey->redundant);
	survey->bits = survey->places = NULL;
	survey->redundant = NULL;
}

int32_t survey_holes(const struct survey *survey, struct runs *runs)
{
	const struct sparse *sparse = survey->sparse;
	uint64_t grain = sparse->grain, end = survey->last / grain * grain;
	uint64_t front = sparse->header.overHead;
	uint64_t from = front <= file_sectors(sparse) ? (front + grain - 1) / grain * grain : end;
	for (uint64_t at = from, start; at < end; at += grain) {
		for (start = at; at < end && !is_used(survey, at) && !is_metadata(survey, at); at += grain)
			;
		if (at > start) {
			int32_t status = runs_add(runs, start, at - start);
			if (status < 0)
				return status;
		}
	}
	return 0;
}
