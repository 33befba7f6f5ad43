/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Which entries of grain directories cannot be: tables outside the file, over something else, or over each other.
 */
#include <errno.h>
#include <stdlib.h>

#include "check.h"

struct place {
	uint64_t sector;
	uint32_t number, copy;
};

static int by_sector(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	if (a->sector != b->sector)
		return a->sector < b->sector ? -1 : 1;
	if (a->copy != b->copy)
		return a->copy < b->copy ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

static uint32_t meets(uint64_t at, uint64_t size, uint64_t other, uint64_t other_size)
{
	return other_size > 0 && at < other + other_size && other < at + size;
}

/* Can a table be there? */
static uint32_t table_is_possible(const struct sparse *sparse, uint64_t sector)
{
	const struct header *header = &sparse->header;
	uint64_t size = ((uint64_t)sparse->tables * 4 + SECTOR - 1) / SECTOR, sectors = sparse->length / SECTOR;
	uint64_t table = sparse->table_sectors;
	return sector > 0 && sector < sectors && table <= sectors - sector &&
		!meets(sector, table, header->descriptorOffset, header->descriptorSize) &&
		!meets(sector, table, header->gdOffset, size) &&
		(sparse->rgd == NULL || !meets(sector, table, header->rgdOffset, size));
}

int32_t directories_judge(const struct sparse *sparse, uint8_t *bad)
{
	struct place *places = malloc((2 * (size_t)sparse->tables + 1) * sizeof(*places));
	uint64_t count = 0, end = 0;
	if (places == NULL)
		return -ENOMEM;
	for (uint32_t copy = 0; copy < 2; copy++) {
		const uint32_t *directory = copy == 0 ? sparse->gd : sparse->rgd;
		for (uint32_t i = 0; directory != NULL && i < sparse->tables; i++) {
			if (directory[i] == 0)
				continue;
			if (table_is_possible(sparse, directory[i]))
				places[count++] = (struct place){ directory[i], i, copy };
			else
				bad[i] |= (uint8_t)(1u << copy);
		}
	}
	qsort(places, count, sizeof(*places), by_sector);
	for (uint64_t i = 0; i < count; i++) {
		if (places[i].sector < end)
			bad[places[i].number] |= (uint8_t)(1u << places[i].copy);
		else
			end = places[i].sector + sparse->table_sectors;
	}
	free(places);
	return 0;
}
