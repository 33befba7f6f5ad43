/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) The vmm authors */
/*
 * Grain tables in memory.
 *
 * Several threads may look for grains at a time, so the lists are locked; changes come from one at a time, while nobody
 * looks.  A page that was changed has its place until sync has written it.
 */
#include "sparse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void list_remove(struct pages *pages, struct page *page)
{
	if (page->before != NULL)
		page->before->after = page->after;
	else
		pages->first = page->after;
	if (page->after != NULL)
		page->after->before = page->before;
	else
		pages->last = page->before;
	pages->count--;
}

static void list_push(struct pages *pages, struct page *page)
{
	page->before = NULL;
	page->after = pages->first;
	if (pages->first != NULL)
		pages->first->before = page;
	else
		pages->last = page;
	pages->first = page;
	pages->count++;
}

static uint32_t page_bytes(const struct sparse *sparse)
{
	return sparse->table_sectors * SECTOR;
}

static struct page *page_new(struct sparse *sparse, uint32_t number)
{
	struct page *page = NULL;
	if (sparse->clean.count >= sparse->clean_maximum && !sparse->is_scanned) {
		page = sparse->clean.last;
		list_remove(&sparse->clean, page);
		sparse->pages[page->number] = NULL;
	} else {
		page = malloc(sizeof(*page) + page_bytes(sparse));
	}
	if (page != NULL) {
		memset(page, 0, sizeof(*page) + page_bytes(sparse));
		page->number = number;
	}
	return page;
}

static int32_t page_read(struct sparse *sparse, struct page *page, uint64_t sector)
{
	uint64_t at = sector * SECTOR, size = page_bytes(sparse);
	if (sector == 0 || at >= sparse->length || size > sparse->length - at)
		return -EIO;
	return vmm_block_file_read_exact(sparse->part->file, page->entries, size, at);
}

int32_t table_page(struct sparse *sparse, uint32_t number, struct page **result)
{
	struct page *page = sparse->pages[number];
	*result = page;
	if (page != NULL) {
		if (!page->is_dirty && page != sparse->clean.first) {
			list_remove(&sparse->clean, page);
			list_push(&sparse->clean, page);
		}
		return 0;
	}
	uint32_t redundant = sparse->rgd != NULL ? sparse->rgd[number] : 0;
	if (sparse->gd[number] == 0 && redundant == 0)
		return 0;
	page = page_new(sparse, number);
	if (page == NULL)
		return -ENOMEM;
	int32_t status = sparse->gd[number] != 0 ? page_read(sparse, page, sparse->gd[number]) : -EIO;
	/* That is what the other one is for. */
	if (status < 0 && redundant != 0)
		status = page_read(sparse, page, redundant);
	if (status < 0) {
		free(page);
		return status == -ENODATA ? -EIO : status;
	}
	sparse->pages[number] = page;
	list_push(&sparse->clean, page);
	*result = page;
	return 0;
}

uint64_t table_value(const struct sparse *sparse, const struct page *page, uint32_t index)
{
	if (page == NULL)
		return 0;
	return sparse->entry_size == 8 ? vmm_block_le64(page->entries + (size_t)index * 8)
				       : vmm_block_le32(page->entries + (size_t)index * 4);
}

uint32_t table_kind(const struct sparse *sparse, uint64_t entry, uint64_t *sector)
{
	if (sparse->kind == SPARSE_SE)
		return sesparse_entry(sparse, entry, sector);
	*sector = entry;
	if (entry == 0)
		return GRAIN_ABSENT;
	if (entry == 1 && (sparse->header.flags & FLAG_ZERO_GRAIN) != 0)
		return GRAIN_ZERO;
	/* The last one may be cut short. */
	return entry >= sparse->front && entry < (sparse->length + SECTOR - 1) / SECTOR ? GRAIN_DATA : GRAIN_BAD;
}

int32_t table_get(struct sparse *sparse, uint64_t grain, uint64_t *entry)
{
	struct page *page;
	pthread_mutex_lock(&sparse->lock);
	int32_t status = table_page(sparse, (uint32_t)(grain / sparse->gtes), &page);
	*entry = status == 0 ? table_value(sparse, page, (uint32_t)(grain % sparse->gtes)) : 0;
	pthread_mutex_unlock(&sparse->lock);
	return status;
}

/* A table that the file does not have yet: directories_write finds a place for it. */
static int32_t page_make(struct sparse *sparse, uint32_t number, struct page **result)
{
	struct page *page = page_new(sparse, number);
	if (page == NULL)
		return -ENOMEM;
	sparse->pages[number] = page;
	list_push(&sparse->clean, page);
	*result = page;
	return 0;
}

int32_t table_set(struct sparse *sparse, uint64_t grain, uint32_t entry)
{
	struct page *page;
	uint32_t number = (uint32_t)(grain / sparse->gtes);
	pthread_mutex_lock(&sparse->lock);
	int32_t status = table_page(sparse, number, &page);
	if (status == 0 && page == NULL)
		status = page_make(sparse, number, &page);
	if (status == 0) {
		vmm_block_put_le32(page->entries + (size_t)(grain % sparse->gtes) * 4, entry);
		if (!page->is_dirty) {
			list_remove(&sparse->clean, page);
			list_push(&sparse->dirty, page);
			page->is_dirty = 1;
		}
	}
	pthread_mutex_unlock(&sparse->lock);
	return status;
}

/* They are as in the file now. */
static void pages_settle(struct sparse *sparse)
{
	while (sparse->dirty.first != NULL) {
		struct page *page = sparse->dirty.first;
		list_remove(&sparse->dirty, page);
		page->is_dirty = 0;
		list_push(&sparse->clean, page);
	}
	while (sparse->clean.count > sparse->clean_maximum) {
		struct page *page = sparse->clean.last;
		list_remove(&sparse->clean, page);
		sparse->pages[page->number] = NULL;
		free(page);
	}
}

void table_forget(struct sparse *sparse)
{
	for (uint32_t i = 0; sparse->pages != NULL && i < sparse->tables; i++) {
		free(sparse->pages[i]);
		sparse->pages[i] = NULL;
	}
	memset(&sparse->clean, 0, sizeof(sparse->clean));
	memset(&sparse->dirty, 0, sizeof(sparse->dirty));
}

static int by_place(const void *left, const void *right)
{
	const struct run *a = left, *b = right;
	return a->sector < b->sector ? -1 : a->sector > b->sector;
}

/* One copy of all the changed tables, those that are neighbours at once.  `places`: sector, and number as its count. */
#define BATCH (UINT32_C(256) << 10)
static int32_t copy_write(struct sparse *sparse, struct run *places, uint32_t count, uint8_t *buffer)
{
	uint32_t size = page_bytes(sparse), most = BATCH / size > 0 ? BATCH / size : 1;
	int32_t status = 0;
	qsort(places, count, sizeof(*places), by_place);
	for (uint32_t i = 0, n; i < count && status == 0; i += n) {
		for (n = 0; i + n < count && n < most; n++) {
			if (places[i + n].sector != places[i].sector + (uint64_t)n * sparse->table_sectors)
				break;
			memcpy(buffer + (size_t)n * size, sparse->pages[places[i + n].count]->entries, size);
		}
		status = vmm_block_file_write(
			sparse->part->file, buffer, (uint64_t)n * size, places[i].sector * SECTOR);
	}
	return status;
}

static uint32_t places_list(struct sparse *sparse, const uint32_t *directory, struct run *places)
{
	uint32_t count = 0;
	for (struct page *page = sparse->dirty.first; page != NULL; page = page->after) {
		if (directory[page->number] != 0)
			places[count++] = (struct run){ directory[page->number], page->number };
	}
	return count;
}

/* Places for tables that have none. */
static int32_t places_make(struct sparse *sparse)
{
	for (struct page *page = sparse->dirty.first; page != NULL; page = page->after) {
		uint64_t sector;
		for (uint32_t copy = 0; copy < 2; copy++) {
			uint32_t *directory = copy == 0 ? sparse->gd : sparse->rgd;
			if (directory == NULL || directory[page->number] != 0)
				continue;
			int32_t status = space_append(sparse, sparse->table_sectors, &sector);
			if (status < 0)
				return status;
			directory[page->number] = (uint32_t)sector;
			sparse->gd_dirty = 1;
		}
	}
	return 0;
}

int32_t tables_write(struct sparse *sparse)
{
	/* Nobody changes them meanwhile, and readers do not take changed ones away. */
	uint32_t count = sparse->dirty.count;
	if (count == 0)
		return 0;
	struct run *places = malloc(count * sizeof(*places));
	uint8_t *buffer = malloc(BATCH > page_bytes(sparse) ? BATCH : page_bytes(sparse));
	int32_t status = -ENOMEM;
	if (places != NULL && buffer != NULL) {
		/* The file becomes longer, which map looks at. */
		pthread_mutex_lock(&sparse->lock);
		status = places_make(sparse);
		pthread_mutex_unlock(&sparse->lock);
	}
	if (status == 0)
		status = copy_write(sparse, places, places_list(sparse, sparse->gd, places), buffer);
	if (status == 0 && sparse->rgd != NULL)
		status = copy_write(sparse, places, places_list(sparse, sparse->rgd, places), buffer);
	free(places);
	free(buffer);
	return status;
}

void tables_settle(struct sparse *sparse)
{
	pthread_mutex_lock(&sparse->lock);
	pages_settle(sparse);
	pthread_mutex_unlock(&sparse->lock);
}

int32_t directories_write(struct sparse *sparse)
{
	uint64_t size = ((uint64_t)sparse->tables * 4 + SECTOR - 1) / SECTOR * SECTOR;
	uint8_t *buffer = calloc(1, size);
	if (buffer == NULL)
		return -ENOMEM;
	int32_t status = 0;
	for (uint32_t copy = 0; copy < 2 && status == 0; copy++) {
		const uint32_t *directory = copy == 0 ? sparse->gd : sparse->rgd;
		uint64_t at = copy == 0 ? sparse->header.gdOffset : sparse->header.rgdOffset;
		if (directory == NULL)
			continue;
		for (uint32_t i = 0; i < sparse->tables; i++)
			vmm_block_put_le32(buffer + (size_t)i * 4, directory[i]);
		status = vmm_block_file_write(sparse->part->file, buffer, size, at * SECTOR);
	}
	free(buffer);
	return status;
}
